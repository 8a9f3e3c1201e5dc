/* The commands about one link (Vol 4, Part E, 7.1.6, 7.1.23, 7.3.35, 7.5.4, 7.8.20, 7.8.21, 7.8.33, 7.8.47). */
#include "controller/hci_commands.h"
#include "controller/link.h"

#define CURRENT_POWER 0
#define MAXIMUM_POWER 1
#define PHY_1M        1

/* The reasons a host may give (7.1.6). */
static bool may_be_reason(uint8_t reason)
{
    static const uint8_t reasons[] = {0x05, 0x13, 0x14, 0x15, 0x1A, 0x29, 0x3B};
    return memchr(reasons, reason, sizeof reasons);
}

static amble__ll_link *link_of(const amble__controller *controller, amble__reader *in)
{
    return amble__ll_link_find(controller, amble__read_le16(in));
}

static bool is_wanted(const amble__ll_link *link, amble__ll_procedure procedure)
{
    return (link->wanted | link->for_host) >> procedure & 1;
}

uint8_t amble__hc_disconnect(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    amble__ll_link *link = link_of(controller, in);
    const uint8_t reason = amble__read_u8(in);

    (void)out;
    if (!link)
        return HC_UNKNOWN_CONNECTION;
    if (!may_be_reason(reason))
        return HC_INVALID_PARAMETERS;
    if (link->procedure == AMBLE__LL_PROCEDURE_TERMINATE)
        return HC_DISALLOWED;
    link->terminate_reason = reason;
    amble__ll_control_want(link, AMBLE__LL_PROCEDURE_TERMINATE, true);
    return HC_SUCCESS;
}

/* What the commands here asked for begins after their answer. */
void amble__hc_start_procedures(amble__controller *controller, amble__reader *in)
{
    amble__ll_link *link = link_of(controller, in);

    if (link)
        amble__ll_control_next(link);
}

static uint8_t want(amble__controller *controller, amble__reader *in, amble__ll_procedure procedure)
{
    amble__ll_link *link = link_of(controller, in);

    if (!link)
        return HC_UNKNOWN_CONNECTION;
    if (is_wanted(link, procedure))
        return HC_DISALLOWED;
    amble__ll_control_want(link, procedure, true);
    return HC_SUCCESS;
}

uint8_t amble__hc_read_remote_version(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)out;
    return want(controller, in, AMBLE__LL_PROCEDURE_VERSION);
}

uint8_t amble__hc_le_read_remote_features(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)out;
    return want(controller, in, AMBLE__LL_PROCEDURE_FEATURES);
}

uint8_t amble__hc_read_rssi(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    const amble__ll_link *link = link_of(controller, in);

    if (!link)
        return HC_UNKNOWN_CONNECTION;
    amble__write_le16(out, link->handle);
    amble__write_u8(out, (uint8_t)link->rssi);
    return HC_SUCCESS;
}

uint8_t amble__hc_read_transmit_power_level(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    const amble__ll_link *link = link_of(controller, in);
    const uint8_t type = amble__read_u8(in);

    if (!link)
        return HC_UNKNOWN_CONNECTION;
    if (type != CURRENT_POWER && type != MAXIMUM_POWER)
        return HC_INVALID_PARAMETERS;
    amble__write_le16(out, link->handle);
    amble__write_u8(out, AMBLE__LL_TX_POWER);
    return HC_SUCCESS;
}

uint8_t amble__hc_le_read_channel_map(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    const amble__ll_link *link = link_of(controller, in);

    if (!link)
        return HC_UNKNOWN_CONNECTION;
    amble__write_le16(out, link->handle);
    amble__write_le32(out, (uint32_t)link->channels.map);
    amble__write_u8(out, (unsigned)(link->channels.map >> 32));
    return HC_SUCCESS;
}

uint8_t amble__hc_le_set_data_length(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    amble__ll_link *link = link_of(controller, in);
    const uint16_t octets = amble__read_le16(in), time = amble__read_le16(in);

    if (!link)
        return HC_UNKNOWN_CONNECTION;
    if (octets < AMBLE__LL_OCTETS_MIN || octets > AMBLE__LL_OCTETS_MAX || time < AMBLE__LL_TIME_MIN ||
        time > AMBLE__LL_TIME_LIMIT)
        return HC_INVALID_PARAMETERS;
    amble__write_le16(out, link->handle);
    link->local.tx_octets = octets;
    link->local.tx_time = time;
    amble__ll_control_want(link, AMBLE__LL_PROCEDURE_LENGTH, false);
    return HC_SUCCESS;
}

uint8_t amble__hc_le_read_phy(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    const amble__ll_link *link = link_of(controller, in);

    if (!link)
        return HC_UNKNOWN_CONNECTION;
    amble__write_le16(out, link->handle);
    amble__write_u8(out, PHY_1M);
    amble__write_u8(out, PHY_1M);
    return HC_SUCCESS;
}
