/* Initiating: see initiator.h. The link exists from the last bit of CONNECT_IND on; until then a cancel leaves nothing
 * behind. */
#include "controller/initiator.h"

#include "controller/access_address.h"
#include "controller/hci_commands.h"
#include "controller/hci_events.h"

#define ADDRESS_TYPE_MAX  3
#define WINDOW_SIZE       2    /* 2.5 ms: room for a peripheral whose clock is off */
#define TRANSMIT_DELAY_US 1250 /* transmitWindowDelay: Vol 6, Part B, 4.5.3 */
#define HOP_MIN           5
#define HOPS              12
#define CONNECT_IND_SIZE  (AMBLE__LL_HEADER + 2 * AMBLE__LL_ADDRESS + AMBLE__LL_CONNECT_DATA)

static amble__ll_initiator *initiator_of(amble__ll_activity *activity)
{
    return amble__container(activity, amble__ll_initiator, window.activity);
}

static bool wants(const amble__ll_initiator *i, const amble__ll_advertising_pdu *pdu)
{
    const amble__controller *controller = i->window.activity.controller;

    if (pdu->type == AMBLE__LL_ADV_DIRECT_IND ? !amble__ll_address_equal(&pdu->target, &i->own)
                                              : pdu->type != AMBLE__LL_ADV_IND)
        return false;
    if (!amble__ll_link_available(controller) || amble__ll_link_find_peer(controller, &pdu->sender))
        return false;
    return i->use_accept_list ? amble__ll_accept_list_has(&controller->accept_list, &pdu->sender)
                              : amble__ll_address_equal(&pdu->sender, &i->peer);
}

static void prepare_link(amble__ll_initiator *i, uint64_t earliest_us)
{
    const amble__controller *controller = i->window.activity.controller;
    amble__random *random = amble__air_random(controller->air);

    i->link = (amble__ll_connect_data){
        .access_address = amble__ll_access_address_random(random),
        .crc_init = amble__random_below(random, 1u << 24),
        .window_size = WINDOW_SIZE,
        .window_offset = amble__ll_link_place(controller, earliest_us, i->interval),
        .interval = i->interval,
        .latency = i->latency,
        .timeout = i->timeout,
        .channel_map = controller->channel_map,
        .hop = (uint8_t)(HOP_MIN + amble__random_below(random, HOPS)),
        .clock_accuracy = AMBLE__LL_CLOCK_ACCURACY,
    };
}

static void received(amble__ll_activity *activity, const amble__radio_packet *packet)
{
    amble__ll_initiator *i = initiator_of(activity);
    const uint64_t start = packet->end_us + AMBLE__LL_T_IFS_US;
    uint8_t data[AMBLE__LL_CONNECT_DATA], bytes[AMBLE__LL_LEGACY_PDU];
    amble__ll_advertising_pdu pdu;
    size_t size;

    if (!amble__ll_advertising_pdu_decode(&pdu, packet->pdu, packet->size) || !wants(i, &pdu))
        return;
    i->connecting = true;
    i->peer = pdu.sender;
    i->channel_selection_2 = pdu.channel_selection_2;
    prepare_link(i, start + amble__radio_air_time(AMBLE__PHY_1M, CONNECT_IND_SIZE) + TRANSMIT_DELAY_US);
    amble__ll_connect_data_encode(&i->link, data);
    pdu = (amble__ll_advertising_pdu){
        .type = AMBLE__LL_CONNECT_IND,
        .channel_selection_2 = i->channel_selection_2,
        .sender = i->own,
        .target = i->peer,
        .data = {data, sizeof data},
    };
    size = amble__ll_advertising_pdu_encode(&pdu, bytes);
    amble__radio_send(&activity->controller->radio, packet->channel, AMBLE__PHY_1M,
                      AMBLE__LL_ADVERTISING_ACCESS_ADDRESS, bytes, size, start);
}

static void sent(amble__ll_activity *activity)
{
    amble__ll_initiator *i = initiator_of(activity);
    const amble__ll_link_options options = {
        .role = AMBLE__LL_CENTRAL,
        .own = i->own,
        .peer = i->peer,
        .data = &i->link,
        .channel_selection_2 = i->channel_selection_2,
        .window_start_us = amble__air_now(activity->controller->air) + TRANSMIT_DELAY_US +
                           i->link.window_offset * (uint64_t)AMBLE__LL_UNIT_US,
    };

    amble__ll_initiator_stop(i);
    amble__ll_link_open(activity->controller, &options);
}

static void silent(amble__ll_activity *activity) { amble__ll_scan_window_listen(&initiator_of(activity)->window); }

static void lost(amble__ll_activity *activity)
{
    initiator_of(activity)->connecting = false;
    amble__ll_scan_window_lost(activity);
}

static const amble__ll_activity_events events = {received, sent, silent, lost, amble__ll_scan_window_offered};

void amble__ll_initiator_init(amble__ll_initiator *i, amble__controller *controller)
{
    *i = (amble__ll_initiator){.active = false};
    amble__ll_scan_window_init(&i->window, controller, &events);
}

void amble__ll_initiator_stop(amble__ll_initiator *i)
{
    i->active = i->connecting = false;
    amble__ll_scan_window_stop(&i->window);
}

/* --- commands: Vol 4, Part E, 7.8.12 and 7.8.13 ------------------------------------------------------------------- */

uint8_t amble__hc_le_create_connection(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    amble__ll_initiator *i = &controller->initiator;
    const uint16_t scan_interval = amble__read_le16(in), scan_length = amble__read_le16(in);
    const uint8_t use_accept_list = amble__read_u8(in), peer_type = amble__read_u8(in);
    uint16_t interval_min, interval_max, latency, timeout, event_min, event_max;
    amble__ll_address peer = {.type = peer_type & 1}; /* 2 and 3 are identities, public and random */
    uint8_t own_type;

    (void)out;
    amble__read_copy(in, peer.value, sizeof peer.value);
    own_type = amble__read_u8(in);
    interval_min = amble__read_le16(in);
    interval_max = amble__read_le16(in);
    latency = amble__read_le16(in);
    timeout = amble__read_le16(in);
    event_min = amble__read_le16(in);
    event_max = amble__read_le16(in);
    if (i->active)
        return HC_DISALLOWED;
    if (!amble__ll_scan_window_valid(scan_interval, scan_length) || use_accept_list > 1 ||
        peer_type > ADDRESS_TYPE_MAX || own_type > ADDRESS_TYPE_MAX || interval_min > interval_max ||
        !amble__ll_connection_parameters_valid(interval_min, latency, timeout) ||
        !amble__ll_connection_parameters_valid(interval_max, latency, timeout) || event_min > event_max ||
        !amble__ll_own_address(controller, own_type, &i->own))
        return HC_INVALID_PARAMETERS;
    if (!amble__ll_link_available(controller))
        return HC_CONNECTION_LIMIT;
    if (!use_accept_list && amble__ll_link_find_peer(controller, &peer))
        return HC_CONNECTION_EXISTS;
    i->active = true;
    i->use_accept_list = use_accept_list;
    i->peer = peer;
    i->interval = interval_max;
    i->latency = latency;
    i->timeout = timeout;
    amble__ll_scan_window_start(&i->window, scan_interval, scan_length);
    return HC_SUCCESS;
}

uint8_t amble__hc_le_create_connection_cancel(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)in;
    (void)out;
    if (!controller->initiator.active)
        return HC_DISALLOWED;
    amble__ll_initiator_stop(&controller->initiator);
    return HC_SUCCESS;
}

/* A cancelled attempt ends in LE Connection Complete (7.8.13). */
void amble__hc_le_create_connection_cancelled(amble__controller *controller, amble__reader *in)
{
    const amble__ll_initiator *i = &controller->initiator;
    const amble__ll_address nobody = {.type = 0};

    (void)in;
    amble__hc_connection_failed(controller, HC_UNKNOWN_CONNECTION, AMBLE__LL_CENTRAL,
                                i->use_accept_list ? &nobody : &i->peer);
}
