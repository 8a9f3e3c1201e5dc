/* Legacy advertising: see advertiser.h.
 *
 * An event sends the advertising PDU on each channel of the map, and after each one listens for an answer that starts
 * T_IFS later. The PDU is built anew for each channel, so data that the host changes meanwhile goes out with the next
 * packet. Invariant: while enabled, either the event timer is armed or an event is under way. */
#include "controller/advertiser.h"

#include "controller/access_address.h"
#include "controller/hci_commands.h"
#include "controller/hci_events.h"

/* Advertising_Type (Vol 4, Part E, 7.8.5). */
enum { TYPE_CONNECTABLE, TYPE_DIRECTED_HIGH_DUTY, TYPE_SCANNABLE, TYPE_NOT_CONNECTABLE, TYPE_DIRECTED_LOW_DUTY, TYPES };

#define INTERVAL_DEFAULT     0x0800 /* 1.28 s */
#define INTERVAL_MIN         0x0020
#define INTERVAL_MAX         0x4000
#define INTERVAL_UNIT_US     625
#define ALL_CHANNELS         0x07
#define CHANNELS             3
#define DELAY_MAX_US         10000   /* advDelay: Vol 6, Part B, 4.4.2.2.1 */
#define HIGH_DUTY_PERIOD_US  3750    /* 4.4.2.4.3 */
#define HIGH_DUTY_TIMEOUT_US 1280000 /* 4.4.2.4.3 */
#define FILTER_SCAN          0x01    /* scan requests from the accept list only */
#define FILTER_CONNECT       0x02    /* connection requests from the accept list only */
#define FILTER_POLICY_MAX    3
#define ADDRESS_TYPE_MAX     3
#define TRANSMIT_DELAY_US    1250 /* transmitWindowDelay after CONNECT_IND: 4.5.3 */

static amble__ll_advertiser *advertiser_of(amble__ll_activity *activity)
{
    return amble__container(activity, amble__ll_advertiser, activity);
}

static bool is_directed(const amble__ll_advertiser *a)
{
    return a->type == TYPE_DIRECTED_HIGH_DUTY || a->type == TYPE_DIRECTED_LOW_DUTY;
}
static bool is_connectable(const amble__ll_advertiser *a) { return is_directed(a) || a->type == TYPE_CONNECTABLE; }
static bool is_scannable(const amble__ll_advertiser *a)
{
    return a->type == TYPE_CONNECTABLE || a->type == TYPE_SCANNABLE;
}

/* --- events ------------------------------------------------------------------------------------------------------- */

static amble__ll_pdu_type pdu_type(const amble__ll_advertiser *a)
{
    static const amble__ll_pdu_type types[TYPES] = {
        [TYPE_CONNECTABLE] = AMBLE__LL_ADV_IND,
        [TYPE_DIRECTED_HIGH_DUTY] = AMBLE__LL_ADV_DIRECT_IND,
        [TYPE_SCANNABLE] = AMBLE__LL_ADV_SCAN_IND,
        [TYPE_NOT_CONNECTABLE] = AMBLE__LL_ADV_NONCONN_IND,
        [TYPE_DIRECTED_LOW_DUTY] = AMBLE__LL_ADV_DIRECT_IND,
    };
    return types[a->type];
}

static void send_pdu(amble__ll_advertiser *a, amble__ll_pdu_type type, const amble__ll_legacy_data *data,
                     uint64_t at_us)
{
    const amble__ll_advertising_pdu pdu = {
        .type = type,
        .channel_selection_2 = type == AMBLE__LL_ADV_IND || type == AMBLE__LL_ADV_DIRECT_IND,
        .sender = a->own,
        .target = a->target,
        .data = {data->bytes, type == AMBLE__LL_ADV_DIRECT_IND ? 0 : data->size},
    };
    uint8_t bytes[AMBLE__LL_LEGACY_PDU];
    const size_t size = amble__ll_advertising_pdu_encode(&pdu, bytes);

    a->responding = type == AMBLE__LL_SCAN_RSP;
    amble__radio_send(&a->activity.controller->radio, (uint8_t)(AMBLE__LL_FIRST_ADVERTISING_CHANNEL + a->channel),
                      AMBLE__PHY_1M, AMBLE__LL_ADVERTISING_ACCESS_ADDRESS, bytes, size, at_us);
}

static void end_event(amble__ll_advertiser *a)
{
    amble__air *air = a->activity.controller->air;
    uint64_t next = a->event_start_us + HIGH_DUTY_PERIOD_US;

    if (a->type != TYPE_DIRECTED_HIGH_DUTY)
        next = a->event_start_us + a->interval * (uint64_t)INTERVAL_UNIT_US +
               amble__random_below(amble__air_random(air), DELAY_MAX_US + 1);
    amble__air_arm(air, &a->event_timer, next);
}

/* The next channel of the map from `channel` on, or the end of the event. */
static void send_from(amble__ll_advertiser *a, uint8_t channel)
{
    while (channel < CHANNELS && !(a->channel_map >> channel & 1))
        channel++;
    if (channel == CHANNELS) {
        end_event(a);
        amble__ll_yield(&a->activity);
        return;
    }
    a->channel = channel;
    send_pdu(a, pdu_type(a), &a->data, amble__air_now(a->activity.controller->air));
}

static void event_begins(amble__timer *timer)
{
    amble__ll_advertiser *a = amble__container(timer, amble__ll_advertiser, event_timer);

    a->event_start_us = amble__air_now(a->activity.controller->air);
    if (amble__ll_claim(&a->activity))
        send_from(a, 0);
    else
        end_event(a);
}

static void sent(amble__ll_activity *activity)
{
    amble__ll_advertiser *a = advertiser_of(activity);
    amble__radio *radio = &activity->controller->radio;

    if (a->responding || a->type == TYPE_NOT_CONNECTABLE)
        send_from(a, a->channel + 1);
    else
        amble__radio_listen(radio, radio->channel, AMBLE__PHY_1M, AMBLE__LL_ADVERTISING_ACCESS_ADDRESS,
                            amble__air_now(activity->controller->air) + AMBLE__LL_T_IFS_US + AMBLE__LL_JITTER_US);
}

static void silent(amble__ll_activity *activity)
{
    amble__ll_advertiser *a = advertiser_of(activity);
    send_from(a, a->channel + 1);
}

static void lost(amble__ll_activity *activity) { end_event(advertiser_of(activity)); }

/* --- answers to the advertising PDU ------------------------------------------------------------------------------- */

static bool passes(const amble__ll_advertiser *a, uint8_t policy, const amble__ll_address *address)
{
    return !(a->filter_policy & policy) || amble__ll_accept_list_has(&a->activity.controller->accept_list, address);
}

/* A directed advertiser listens to its target only, whatever the policy. */
static bool accepts_connection(const amble__ll_advertiser *a, const amble__ll_address *from)
{
    const amble__controller *controller = a->activity.controller;

    if (!is_connectable(a) || !amble__ll_link_available(controller) || amble__ll_link_find_peer(controller, from))
        return false;
    return is_directed(a) ? amble__ll_address_equal(from, &a->target) : passes(a, FILTER_CONNECT, from);
}

static void connect(amble__ll_advertiser *a, const amble__ll_advertising_pdu *pdu, const amble__ll_connect_data *data,
                    uint64_t end_us)
{
    const amble__ll_link_options options = {
        .role = AMBLE__LL_PERIPHERAL,
        .own = a->own,
        .peer = pdu->sender,
        .data = data,
        .channel_selection_2 = pdu->channel_selection_2,
        .window_start_us = end_us + TRANSMIT_DELAY_US + data->window_offset * (uint64_t)AMBLE__LL_UNIT_US,
    };

    amble__ll_advertiser_stop(a);
    amble__ll_link_open(a->activity.controller, &options);
}

static void received(amble__ll_activity *activity, const amble__radio_packet *packet)
{
    amble__ll_advertiser *a = advertiser_of(activity);
    amble__ll_advertising_pdu pdu;
    amble__ll_connect_data data;

    if (!amble__ll_advertising_pdu_decode(&pdu, packet->pdu, packet->size) ||
        !amble__ll_address_equal(&pdu.target, &a->own))
        return;
    if (pdu.type == AMBLE__LL_SCAN_REQ && is_scannable(a) && passes(a, FILTER_SCAN, &pdu.sender))
        send_pdu(a, AMBLE__LL_SCAN_RSP, &a->scan_response, packet->end_us + AMBLE__LL_T_IFS_US);
    else if (pdu.type == AMBLE__LL_CONNECT_IND && amble__ll_connect_data_decode(&data, pdu.data) &&
             accepts_connection(a, &pdu.sender))
        connect(a, &pdu, &data, packet->end_us);
}

static const amble__ll_activity_events events = {received, sent, silent, lost, NULL};

static void give_up(amble__timer *timer)
{
    amble__ll_advertiser *a = amble__container(timer, amble__ll_advertiser, give_up_timer);

    amble__ll_advertiser_stop(a);
    amble__hc_connection_failed(a->activity.controller, HC_ADVERTISING_TIMEOUT, AMBLE__LL_PERIPHERAL, &a->target);
}

void amble__ll_advertiser_init(amble__ll_advertiser *a, amble__controller *controller)
{
    *a = (amble__ll_advertiser){.interval = INTERVAL_DEFAULT, .channel_map = ALL_CHANNELS};
    amble__ll_activity_init(&a->activity, controller, &events, AMBLE__LL_URGENCY_ADVERTISE);
    a->event_timer.fire = event_begins;
    a->give_up_timer.fire = give_up;
}

void amble__ll_advertiser_stop(amble__ll_advertiser *a)
{
    a->enabled = false;
    amble__air_disarm(a->activity.controller->air, &a->event_timer);
    amble__air_disarm(a->activity.controller->air, &a->give_up_timer);
    amble__ll_yield(&a->activity);
}

/* --- commands: Vol 4, Part E, 7.8.5 to 7.8.9 ---------------------------------------------------------------------- */

uint8_t amble__hc_le_set_advertising_parameters(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    amble__ll_advertiser *a = &controller->advertiser;
    const uint16_t interval_min = amble__read_le16(in), interval_max = amble__read_le16(in);
    const uint8_t type = amble__read_u8(in), own_type = amble__read_u8(in);
    amble__ll_address target = {.type = amble__read_u8(in)};
    uint8_t channel_map, policy;

    (void)out;
    amble__read_copy(in, target.value, sizeof target.value);
    channel_map = amble__read_u8(in);
    policy = amble__read_u8(in);
    if (a->enabled)
        return HC_DISALLOWED;
    if (type >= TYPES || own_type > ADDRESS_TYPE_MAX || target.type > 1 || policy > FILTER_POLICY_MAX || !channel_map ||
        channel_map & ~ALL_CHANNELS)
        return HC_INVALID_PARAMETERS;
    if (type != TYPE_DIRECTED_HIGH_DUTY &&
        (interval_min < INTERVAL_MIN || interval_max > INTERVAL_MAX || interval_min > interval_max))
        return HC_INVALID_PARAMETERS;
    a->interval = interval_min;
    a->type = type;
    a->own_address_type = own_type;
    a->target = target;
    a->channel_map = channel_map;
    a->filter_policy = policy;
    return HC_SUCCESS;
}

uint8_t amble__hc_le_read_advertising_tx_power(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)controller;
    (void)in;
    amble__write_u8(out, AMBLE__LL_TX_POWER);
    return HC_SUCCESS;
}

/* The parameters are a length and always 31 octets. */
static uint8_t set_data(amble__ll_legacy_data *data, amble__reader *in)
{
    const uint8_t size = amble__read_u8(in);

    if (size > AMBLE__LL_LEGACY_DATA)
        return HC_INVALID_PARAMETERS;
    data->size = size;
    amble__read_copy(in, data->bytes, sizeof data->bytes);
    return HC_SUCCESS;
}

uint8_t amble__hc_le_set_advertising_data(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)out;
    return set_data(&controller->advertiser.data, in);
}

uint8_t amble__hc_le_set_scan_response_data(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)out;
    return set_data(&controller->advertiser.scan_response, in);
}

uint8_t amble__hc_le_set_advertising_enable(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    amble__ll_advertiser *a = &controller->advertiser;
    const uint8_t enable = amble__read_u8(in);

    (void)out;
    if (enable > 1)
        return HC_INVALID_PARAMETERS;
    if (!enable) {
        amble__ll_advertiser_stop(a);
        return HC_SUCCESS;
    }
    if (a->enabled)
        return HC_SUCCESS;
    if (!amble__ll_own_address(controller, a->own_address_type, &a->own))
        return HC_INVALID_PARAMETERS;
    if (is_connectable(a) && !amble__ll_link_available(controller))
        return HC_CONNECTION_LIMIT;
    if (is_directed(a) && amble__ll_link_find_peer(controller, &a->target))
        return HC_CONNECTION_EXISTS;
    a->enabled = true;
    amble__air_arm(controller->air, &a->event_timer, 0);
    if (a->type == TYPE_DIRECTED_HIGH_DUTY)
        amble__air_arm(controller->air, &a->give_up_timer, amble__air_now(controller->air) + HIGH_DUTY_TIMEOUT_US);
    return HC_SUCCESS;
}
