/* Data length: the procedure, and how long a packet may be (Vol 6, Part B, 4.5.10 and 5.1.9).
 *
 * Octets and time bound a packet independently; what the time allows depends on the PHY. Beyond what the specification
 * asks, no packet takes more than half of a connection interval, so that one each way always fits. While the PHY or the
 * interval is about to change, packets are such that they can be repeated after it. */
#include "controller/hci_codes.h"
#include "controller/hci_events.h"
#include "controller/link_control.h"
#include "controller/state.h"

static uint16_t smaller(uint16_t a, uint16_t b) { return a < b ? a : b; }

void amble__ll_length_init(amble__ll_link *link)
{
    const amble__controller *controller = link->activity.controller;
    const amble__ll_data_length least = {AMBLE__LL_OCTETS_MIN, AMBLE__LL_TIME_MIN, AMBLE__LL_OCTETS_MIN,
                                         AMBLE__LL_TIME_MIN};

    link->remote = link->effective = least;
    link->local = (amble__ll_data_length){controller->suggested_octets, controller->suggested_time,
                                          AMBLE__LL_OCTETS_MAX, AMBLE__LL_TIME_MAX};
    if (controller->suggested_octets > AMBLE__LL_OCTETS_MIN)
        amble__ll_control_want(link, AMBLE__LL_PROCEDURE_LENGTH, false);
}

/* LE Coded has a larger minimum of its own. */
static uint16_t time_on(amble__phy phy, uint16_t time_us)
{
    return amble__phy_number(phy) == AMBLE__PHY_CODED && time_us < AMBLE__LL_TIME_CODED ? AMBLE__LL_TIME_CODED
                                                                                        : time_us;
}

void amble__ll_length_update(amble__ll_link *link)
{
    const amble__ll_data_length before = link->effective;
    const amble__ll_data_length now = {
        .tx_octets = smaller(link->local.tx_octets, link->remote.rx_octets),
        .tx_time = time_on(link->tx_phy, smaller(link->local.tx_time, link->remote.rx_time)),
        .rx_octets = smaller(link->local.rx_octets, link->remote.tx_octets),
        .rx_time = time_on(link->rx_phy, smaller(link->local.rx_time, link->remote.tx_time)),
    };

    link->effective = now;
    if (now.tx_octets != before.tx_octets || now.tx_time != before.tx_time || now.rx_octets != before.rx_octets ||
        now.rx_time != before.rx_time)
        amble__hc_data_length_change(link);
}

/* --- how long a packet may be ------------------------------------------------------------------------------------- */

/* The octets of payload that fit in a time, with room for a MIC. */
static size_t octets_in(amble__phy phy, uint32_t time_us)
{
    const uint32_t around = amble__radio_air_time(phy, AMBLE__LL_HEADER + AMBLE__CCM_MIC);
    const uint32_t octet = amble__radio_air_time(phy, 1) - amble__radio_air_time(phy, 0);

    return time_us > around ? (time_us - around) / octet : 0;
}

static size_t limit(size_t octets, amble__phy phy, uint16_t time_us, uint32_t interval_us)
{
    const uint32_t half = interval_us / 2 - 2 * AMBLE__LL_T_IFS_US; /* T_IFS, and the same for clocks that differ */
    const uint16_t time = time_on(phy, time_us);
    const size_t fitting = octets_in(phy, half < time ? half : time);

    return fitting < octets ? fitting : octets;
}

static uint32_t shortest_interval(const amble__ll_link *link)
{
    const uint32_t coming = link->change.interval * (uint32_t)AMBLE__LL_UNIT_US;

    return link->change.kind == AMBLE__LL_PROCEDURE_PARAMETERS && coming < link->interval_us ? coming
                                                                                             : link->interval_us;
}

size_t amble__ll_length_to_send(const amble__ll_link *link)
{
    const amble__ll_data_length *e = &link->effective;
    const uint32_t interval_us = shortest_interval(link);
    const size_t octets = limit(e->tx_octets, link->tx_phy, e->tx_time, interval_us);

    if (link->change.kind == AMBLE__LL_PROCEDURE_PHY && link->change.tx_phy)
        return limit(octets, (amble__phy)link->change.tx_phy, smaller(link->local.tx_time, link->remote.rx_time),
                     interval_us);
    if (link->procedure == AMBLE__LL_PROCEDURE_PHY || link->peer_procedure == AMBLE__LL_PROCEDURE_PHY)
        return octets < AMBLE__LL_OCTETS_MIN ? octets : AMBLE__LL_OCTETS_MIN;
    return octets;
}

size_t amble__ll_length_to_expect(const amble__ll_link *link)
{
    return limit(link->effective.rx_octets, link->rx_phy, link->effective.rx_time, link->interval_us);
}

/* --- the procedure ------------------------------------------------------------------------------------------------ */

static void send_lengths(amble__ll_link *link, uint8_t opcode)
{
    uint8_t bytes[AMBLE__LL_CONTROL_SIZE];
    amble__writer w = amble__ll_control_begin(bytes, opcode);

    amble__write_le16(&w, link->local.rx_octets);
    amble__write_le16(&w, link->local.rx_time);
    amble__write_le16(&w, link->local.tx_octets);
    amble__write_le16(&w, link->local.tx_time);
    amble__ll_control_send(link, &w);
}

void amble__ll_length_start(amble__ll_link *link) { send_lengths(link, LL_LENGTH_REQ); }

static void take_lengths(amble__ll_link *link, amble__reader *in)
{
    amble__ll_data_length remote;

    remote.rx_octets = amble__read_le16(in);
    remote.rx_time = amble__read_le16(in);
    remote.tx_octets = amble__read_le16(in);
    remote.tx_time = amble__read_le16(in);
    if (remote.rx_octets < AMBLE__LL_OCTETS_MIN || remote.rx_time < AMBLE__LL_TIME_MIN ||
        remote.tx_octets < AMBLE__LL_OCTETS_MIN || remote.tx_time < AMBLE__LL_TIME_MIN)
        return;
    link->remote = remote;
    amble__ll_length_update(link);
}

void amble__ll_length_req(amble__ll_link *link, amble__reader *in)
{
    take_lengths(link, in);
    send_lengths(link, LL_LENGTH_RSP);
}

void amble__ll_length_rsp(amble__ll_link *link, amble__reader *in)
{
    if (link->procedure != AMBLE__LL_PROCEDURE_LENGTH)
        return;
    take_lengths(link, in);
    amble__ll_control_finish(link, AMBLE__LL_PROCEDURE_LENGTH, HC_SUCCESS);
}
