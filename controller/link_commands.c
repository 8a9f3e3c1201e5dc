/* The commands about one link, and those that say how links are to be (Vol 4, Part E, 7.1.6, 7.1.23, 7.3.35, 7.5.4,
 * 7.8.18 to 7.8.21, 7.8.31 to 7.8.33, 7.8.47 to 7.8.49). */
#include "controller/hci_commands.h"
#include "controller/hci_events.h"
#include "controller/link_control.h"

#define CURRENT_POWER 0
#define MAXIMUM_POWER 1

/* 7.8.48 and 7.8.49. */
#define NO_TX_PREFERENCE 0x01
#define NO_RX_PREFERENCE 0x02
#define PREFER_S2        1
#define CODING_MASK      0x03

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
    if (amble__ll_control_wanted(link, procedure))
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
        time > AMBLE__LL_TIME_MAX)
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
    amble__write_u8(out, amble__phy_number(link->tx_phy));
    amble__write_u8(out, amble__phy_number(link->rx_phy));
    return HC_SUCCESS;
}

/* Both masks of PHYs; what the host leaves open is every PHY. */
static uint8_t read_phys(amble__reader *in, uint8_t *tx, uint8_t *rx)
{
    const uint8_t none = amble__read_u8(in), given_tx = amble__read_u8(in), given_rx = amble__read_u8(in);

    *tx = none & NO_TX_PREFERENCE ? AMBLE__LL_ALL_PHYS : given_tx;
    *rx = none & NO_RX_PREFERENCE ? AMBLE__LL_ALL_PHYS : given_rx;
    if ((*tx | *rx) & ~AMBLE__LL_ALL_PHYS)
        return HC_UNSUPPORTED_PARAMETER;
    return *tx && *rx ? HC_SUCCESS : HC_INVALID_PARAMETERS;
}

uint8_t amble__hc_le_set_default_phy(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    uint8_t tx, rx;
    const uint8_t status = read_phys(in, &tx, &rx);

    (void)out;
    if (status)
        return status;
    controller->tx_phys = tx;
    controller->rx_phys = rx;
    return HC_SUCCESS;
}

uint8_t amble__hc_le_set_phy(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    amble__ll_link *link = link_of(controller, in);
    uint8_t tx, rx;
    const uint8_t status = read_phys(in, &tx, &rx);
    const uint16_t options = amble__read_le16(in);

    (void)out;
    if (!link)
        return HC_UNKNOWN_CONNECTION;
    if (status)
        return status;
    if (amble__ll_control_wanted(link, AMBLE__LL_PROCEDURE_PHY))
        return HC_DISALLOWED;
    link->tx_phys = tx;
    link->rx_phys = rx;
    link->preferred_coding = (options & CODING_MASK) == PREFER_S2 ? AMBLE__PHY_CODED_S2 : AMBLE__PHY_CODED;
    if (amble__phy_number(link->tx_phy) == AMBLE__PHY_CODED)
        link->tx_phy = link->preferred_coding; /* the receiver hears both */
    amble__ll_control_want(link, AMBLE__LL_PROCEDURE_PHY, true);
    return HC_SUCCESS;
}

/* --- connection parameters ---------------------------------------------------------------------------------------- */

static bool read_parameters(amble__reader *in, amble__ll_parameters *p)
{
    uint16_t event_min, event_max;

    p->interval_min = amble__read_le16(in);
    p->interval_max = amble__read_le16(in);
    p->latency = amble__read_le16(in);
    p->timeout = amble__read_le16(in);
    event_min = amble__read_le16(in);
    event_max = amble__read_le16(in);
    return p->interval_min <= p->interval_max && event_min <= event_max &&
           amble__ll_connection_parameters_valid(p->interval_min, p->latency, p->timeout) &&
           amble__ll_connection_parameters_valid(p->interval_max, p->latency, p->timeout);
}

uint8_t amble__hc_le_connection_update(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    amble__ll_link *link = link_of(controller, in);
    amble__ll_parameters wish;
    const bool valid = read_parameters(in, &wish);

    (void)out;
    if (!link)
        return HC_UNKNOWN_CONNECTION;
    if (!valid)
        return HC_INVALID_PARAMETERS;
    if (amble__ll_control_wanted(link, AMBLE__LL_PROCEDURE_PARAMETERS))
        return HC_DISALLOWED;
    link->wish = wish;
    amble__ll_control_want(link, AMBLE__LL_PROCEDURE_PARAMETERS, true);
    return HC_SUCCESS;
}

uint8_t amble__hc_le_remote_parameter_request_reply(amble__controller *controller, amble__reader *in,
                                                    amble__writer *out)
{
    amble__ll_link *link = link_of(controller, in);
    amble__ll_parameters accepted;
    const bool valid = read_parameters(in, &accepted);

    if (!link)
        return HC_UNKNOWN_CONNECTION;
    if (!valid)
        return HC_INVALID_PARAMETERS;
    if (!link->host_thinks)
        return HC_DISALLOWED;
    amble__write_le16(out, link->handle);
    amble__ll_parameters_accept(link, &accepted);
    return HC_SUCCESS;
}

uint8_t amble__hc_le_remote_parameter_request_negative_reply(amble__controller *controller, amble__reader *in,
                                                             amble__writer *out)
{
    amble__ll_link *link = link_of(controller, in);

    if (!link)
        return HC_UNKNOWN_CONNECTION;
    if (!link->host_thinks)
        return HC_DISALLOWED;
    amble__write_le16(out, link->handle);
    amble__ll_parameters_decline(link, amble__read_u8(in));
    return HC_SUCCESS;
}

/* --- channels ----------------------------------------------------------------------------------------------------- */

/* A classification that leaves a link too few channels is advice that cannot be followed. */
uint8_t amble__hc_le_set_host_channel_classification(amble__controller *controller, amble__reader *in,
                                                     amble__writer *out)
{
    uint64_t map = amble__read_le32(in);
    amble__ll_channels channels;

    (void)out;
    map |= (uint64_t)amble__read_u8(in) << 32;
    if (!map || (map & ~AMBLE__LL_ALL_CHANNELS))
        return HC_INVALID_PARAMETERS;
    controller->channel_map = amble__ll_channels_set(&channels, map) ? map : AMBLE__LL_ALL_CHANNELS;
    for (unsigned i = 0; i < controller->options.links; i++)
        if (controller->links[i].open && controller->links[i].role == AMBLE__LL_CENTRAL)
            amble__ll_control_want(&controller->links[i], AMBLE__LL_PROCEDURE_CHANNEL_MAP, false);
    return HC_SUCCESS;
}

void amble__hc_start_channel_map_updates(amble__controller *controller, amble__reader *in)
{
    (void)in;
    for (unsigned i = 0; i < controller->options.links; i++)
        if (controller->links[i].open)
            amble__ll_control_next(&controller->links[i]);
}
