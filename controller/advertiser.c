/* The events of an advertising set: see advertiser.h.
 *
 * A legacy event sends the advertising PDU on each channel of the map, and after each one listens for an answer that
 * starts T_IFS later. An extended event sends ADV_EXT_IND on each, which points to AUX_ADV_IND on another channel; that
 * one is answered, or points to the rest of the data. Between auxiliary packets the radio is free for others, and they
 * are placed where no link of ours needs it. PDUs are built when they are sent, so what the host changes meanwhile goes
 * out with the next one. Invariant: while enabled, either the event timer is armed or the set owns the radio. */
#include "controller/advertiser.h"

#include "controller/access_address.h"
#include "controller/hci_codes.h"
#include "controller/hci_events.h"

#define INTERVAL_DEFAULT    0x0800 /* 1.28 s */
#define INTERVAL_UNIT_US    625
#define ALL_CHANNELS        0x07
#define CHANNELS            3
#define DELAY_MAX_US        10000 /* advDelay: Vol 6, Part B, 4.4.2.2.1 */
#define HIGH_DUTY_PERIOD_US 3750  /* 4.4.2.4.3 */
#define FILTER_SCAN         0x01  /* scan requests from the accept list only */
#define FILTER_CONNECT      0x02  /* connection requests from the accept list only */
#define EXT_IND_SIZE        9     /* ADV_EXT_IND with ADI and AuxPtr */

static amble__ll_advertiser *advertiser_of(amble__ll_activity *activity)
{
    return amble__container(activity, amble__ll_advertiser, activity);
}

static bool has(const amble__ll_advertiser *a, unsigned property) { return amble__ll_advertiser_has(a, property); }
static amble__air *air_of(const amble__ll_advertiser *a) { return a->activity.controller->air; }
static uint64_t now_of(const amble__ll_advertiser *a) { return amble__air_now(air_of(a)); }

static void send_primary(amble__ll_advertiser *a, amble__ll_sends what, const uint8_t *bytes, size_t size,
                         uint64_t at_us)
{
    a->sends = what;
    amble__radio_send(&a->activity.controller->radio, (uint8_t)(AMBLE__LL_FIRST_ADVERTISING_CHANNEL + a->channel),
                      a->primary_phy, AMBLE__LL_ADVERTISING_ACCESS_ADDRESS, bytes, size, at_us);
}

/* --- legacy PDUs -------------------------------------------------------------------------------------------------- */

static bool knows_channel_selection_2(const amble__ll_advertiser *a)
{
    return amble__ll_features(a->activity.controller) & AMBLE__LL_FEATURE_CHANNEL_SELECTION_2;
}

static amble__ll_pdu_type legacy_type(const amble__ll_advertiser *a)
{
    if (has(a, AMBLE__LL_DIRECTED))
        return AMBLE__LL_ADV_DIRECT_IND;
    if (has(a, AMBLE__LL_CONNECTABLE))
        return AMBLE__LL_ADV_IND;
    return has(a, AMBLE__LL_SCANNABLE) ? AMBLE__LL_ADV_SCAN_IND : AMBLE__LL_ADV_NONCONN_IND;
}

static void send_legacy(amble__ll_advertiser *a, amble__ll_pdu_type type, const amble__ll_data *data, uint64_t at_us)
{
    const amble__ll_advertising_pdu pdu = {
        .type = type,
        .channel_selection_2 =
            (type == AMBLE__LL_ADV_IND || type == AMBLE__LL_ADV_DIRECT_IND) && knows_channel_selection_2(a),
        .sender = a->own,
        .target = a->target,
        .data = {data->bytes, type == AMBLE__LL_ADV_DIRECT_IND ? 0 : data->size},
    };
    uint8_t bytes[AMBLE__LL_LEGACY_PDU];
    const size_t size = amble__ll_advertising_pdu_encode(&pdu, bytes);

    send_primary(a, type == AMBLE__LL_SCAN_RSP ? AMBLE__LL_SENDS_SCAN_RSP : AMBLE__LL_SENDS_ADVERTISING, bytes, size,
                 at_us);
}

/* --- extended PDUs ------------------------------------------------------------------------------------------------ */

static amble__ll_mode mode_of(const amble__ll_advertiser *a)
{
    if (has(a, AMBLE__LL_CONNECTABLE))
        return AMBLE__LL_MODE_CONNECTABLE;
    return has(a, AMBLE__LL_SCANNABLE) ? AMBLE__LL_MODE_SCANNABLE : AMBLE__LL_MODE_NEITHER;
}

static void send_ext_ind(amble__ll_advertiser *a)
{
    const amble__ll_extended_pdu pdu = {
        .type = AMBLE__LL_ADV_EXT_IND,
        .mode = mode_of(a),
        .has = AMBLE__LL_HAS_ADI | AMBLE__LL_HAS_AUX,
        .data_identifier = a->data_identifier,
        .set_identifier = a->set_identifier,
        .aux = amble__ll_point_to(&a->next, now_of(a)),
    };
    uint8_t bytes[AMBLE__RADIO_PDU];

    send_primary(a, AMBLE__LL_SENDS_ADVERTISING, bytes, amble__ll_extended_pdu_encode(&pdu, bytes), now_of(a));
}

/* What belongs into an auxiliary packet besides data (Vol 6, Part B, 2.3.4, its tables). */
static amble__ll_extended_pdu auxiliary_pdu(const amble__ll_advertiser *a, amble__ll_sends what)
{
    const unsigned sender = has(a, AMBLE__LL_ANONYMOUS) ? 0 : AMBLE__LL_HAS_SENDER;
    const unsigned power = has(a, AMBLE__LL_WITH_POWER) ? AMBLE__LL_HAS_POWER : 0;
    const unsigned target = has(a, AMBLE__LL_DIRECTED) ? AMBLE__LL_HAS_TARGET : 0;
    amble__ll_extended_pdu pdu = {.type = AMBLE__LL_ADV_EXT_IND,
                                  .has = AMBLE__LL_HAS_ADI,
                                  .sender = a->own,
                                  .target = a->target,
                                  .data_identifier = a->data_identifier,
                                  .set_identifier = a->set_identifier,
                                  .power = AMBLE__LL_TX_POWER};

    if (what == AMBLE__LL_SENDS_AUX_ADV) {
        pdu.mode = mode_of(a);
        pdu.has |= sender | target | power;
    } else if (what == AMBLE__LL_SENDS_AUX_SCAN_RSP) {
        pdu.has |= sender | power;
    } else if (what == AMBLE__LL_SENDS_AUX_CONNECT_RSP) {
        pdu.type = AMBLE__LL_AUX_CONNECT_RSP;
        pdu.has = AMBLE__LL_HAS_SENDER | AMBLE__LL_HAS_TARGET;
        pdu.target = a->connecting;
    }
    return pdu;
}

bool amble__ll_data_fits(const amble__ll_advertiser *a, size_t size)
{
    amble__ll_extended_pdu pdu = auxiliary_pdu(a, AMBLE__LL_SENDS_AUX_ADV);

    if (has(a, AMBLE__LL_LEGACY) || !has(a, AMBLE__LL_CONNECTABLE))
        return true;
    return amble__ll_extended_pdu_fill(&pdu, a->data.bytes, size) == size;
}

static bool carries_data(const amble__ll_advertiser *a, amble__ll_sends what)
{
    return what != AMBLE__LL_SENDS_AUX_CONNECT_RSP && (what != AMBLE__LL_SENDS_AUX_ADV || !has(a, AMBLE__LL_SCANNABLE));
}

/* An auxiliary packet with as much of the data as fits, and a pointer to the next one for the rest. */
static void send_auxiliary(amble__ll_advertiser *a, amble__ll_sends what, uint64_t at_us)
{
    const amble__ll_data *data = has(a, AMBLE__LL_SCANNABLE) ? &a->response : &a->data;
    const uint8_t channel = a->next.channel;
    amble__ll_extended_pdu pdu = auxiliary_pdu(a, what);
    uint8_t bytes[AMBLE__RADIO_PDU];
    size_t size;

    if (what == AMBLE__LL_SENDS_AUX_ADV && a->train.running) {
        pdu.has |= AMBLE__LL_HAS_SYNC;
        pdu.sync = amble__ll_train_sync_info(&a->train, at_us);
    }
    if (carries_data(a, what))
        a->sent = (uint16_t)(a->sent +
                             amble__ll_extended_pdu_fill(&pdu, data->bytes + a->sent, (size_t)data->size - a->sent));
    a->next.at_us = 0;
    if (pdu.has & AMBLE__LL_HAS_AUX) {
        a->next = amble__ll_place_auxiliary(a->activity.controller, a->secondary_phy, at_us,
                                            at_us + amble__radio_air_time(a->secondary_phy, AMBLE__RADIO_PDU));
        pdu.aux = amble__ll_point_to(&a->next, at_us);
    } else {
        a->next.channel = channel; /* where an answer comes, and ours to it goes */
    }
    a->sends = what;
    size = amble__ll_extended_pdu_encode(&pdu, bytes);
    amble__radio_send(&a->activity.controller->radio, channel, a->secondary_phy, AMBLE__LL_ADVERTISING_ACCESS_ADDRESS,
                      bytes, size, at_us);
}

/* --- the course of an event --------------------------------------------------------------------------------------- */

static void terminate(amble__ll_advertiser *a, uint8_t status)
{
    const bool tell = !a->legacy_commands;

    amble__ll_advertiser_stop(a);
    if (tell)
        amble__hc_advertising_set_terminated(a, status, 0);
}

static void end_event(amble__ll_advertiser *a)
{
    uint64_t next = a->event_start_us + HIGH_DUTY_PERIOD_US;

    a->in_event = false;
    if (!has(a, AMBLE__LL_HIGH_DUTY))
        next = a->event_start_us + a->interval * (uint64_t)INTERVAL_UNIT_US +
               amble__random_below(amble__air_random(air_of(a)), DELAY_MAX_US + 1);
    amble__air_arm(air_of(a), &a->event_timer, next);
}

static void complete_event(amble__ll_advertiser *a)
{
    end_event(a);
    amble__ll_yield(&a->activity);
    a->events++;
    if (a->events == a->events_max)
        terminate(a, HC_LIMIT_REACHED);
}

/* The radio is free until the next auxiliary packet, if there is one. */
static void continue_or_complete(amble__ll_advertiser *a)
{
    if (!a->next.at_us) {
        complete_event(a);
        return;
    }
    a->activity.urgency = AMBLE__LL_URGENCY_AUXILIARY;
    amble__air_arm(air_of(a), &a->event_timer, a->next.at_us);
    amble__ll_yield(&a->activity);
}

/* The next channel of the map from `channel` on, or what comes after the last. */
static void send_from(amble__ll_advertiser *a, uint8_t channel)
{
    while (channel < CHANNELS && !(a->channel_map >> channel & 1))
        channel++;
    a->channel = channel;
    if (channel == CHANNELS)
        continue_or_complete(a);
    else if (has(a, AMBLE__LL_LEGACY))
        send_legacy(a, legacy_type(a), &a->data, now_of(a));
    else
        send_ext_ind(a);
}

/* Private ones where the host asked for them and the resolving list has the keys (6.2). */
static void choose_addresses(amble__ll_advertiser *a)
{
    amble__controller *controller = a->activity.controller;
    const bool random = a->own_address_type & AMBLE__LL_OWN_RANDOM;
    const uint8_t *random_address = a->legacy_commands ? controller->random_address : a->random_address;

    a->own.type = random;
    memcpy(a->own.value, random ? random_address : controller->options.public_address, AMBLE__LL_ADDRESS);
    a->target = a->peer;
    amble__ll_own_private(controller, a->own_address_type, &a->peer, &a->own);
    if (a->own_address_type & AMBLE__LL_OWN_PRIVATE)
        amble__ll_peer_private(controller, &a->peer, &a->target);
}

static void begin_event(amble__ll_advertiser *a)
{
    unsigned channels = 0;

    a->event_start_us = now_of(a);
    a->activity.urgency = AMBLE__LL_URGENCY_ADVERTISE;
    choose_addresses(a);
    if (!amble__ll_claim(&a->activity)) {
        end_event(a);
        return;
    }
    a->in_event = true;
    a->sent = 0;
    a->next.at_us = 0;
    for (unsigned i = 0; i < CHANNELS; i++)
        channels += a->channel_map >> i & 1;
    if (!has(a, AMBLE__LL_LEGACY))
        a->next = amble__ll_place_auxiliary(a->activity.controller, a->secondary_phy, a->event_start_us,
                                            a->event_start_us +
                                                channels * amble__radio_air_time(a->primary_phy, EXT_IND_SIZE));
    send_from(a, 0);
}

static void timer_fired(amble__timer *timer)
{
    amble__ll_advertiser *a = amble__container(timer, amble__ll_advertiser, event_timer);

    if (!a->in_event)
        begin_event(a);
    else if (amble__ll_claim(&a->activity))
        send_auxiliary(a, a->sends == AMBLE__LL_SENDS_ADVERTISING ? AMBLE__LL_SENDS_AUX_ADV : AMBLE__LL_SENDS_AUX_CHAIN,
                       now_of(a));
    else
        end_event(a);
}

static void listen(amble__ll_advertiser *a)
{
    amble__radio *radio = &a->activity.controller->radio;

    amble__radio_listen(radio, radio->channel, radio->phy, AMBLE__LL_ADVERTISING_ACCESS_ADDRESS,
                        now_of(a) + AMBLE__LL_T_IFS_US + AMBLE__LL_JITTER_US);
}

static void open_link(amble__ll_advertiser *a, const amble__ll_address *peer, const amble__ll_connect_data *data,
                      bool channel_selection_2, uint64_t window_us);

static void sent(amble__ll_activity *activity)
{
    amble__ll_advertiser *a = advertiser_of(activity);
    const bool answerable = has(a, AMBLE__LL_CONNECTABLE | AMBLE__LL_SCANNABLE);

    switch (a->sends) {
    case AMBLE__LL_SENDS_ADVERTISING:
        if (has(a, AMBLE__LL_LEGACY) && answerable)
            listen(a);
        else
            send_from(a, a->channel + 1);
        break;
    case AMBLE__LL_SENDS_SCAN_RSP:
        send_from(a, a->channel + 1);
        break;
    case AMBLE__LL_SENDS_AUX_ADV:
        if (answerable)
            listen(a);
        else
            continue_or_complete(a);
        break;
    case AMBLE__LL_SENDS_AUX_SCAN_RSP:
    case AMBLE__LL_SENDS_AUX_CHAIN:
        continue_or_complete(a);
        break;
    case AMBLE__LL_SENDS_AUX_CONNECT_RSP:
        open_link(a, &a->connecting, &a->link, true, a->window_us);
        break;
    }
}

static void silent(amble__ll_activity *activity)
{
    amble__ll_advertiser *a = advertiser_of(activity);

    if (has(a, AMBLE__LL_LEGACY))
        send_from(a, a->channel + 1);
    else
        complete_event(a);
}

static void lost(amble__ll_activity *activity) { end_event(advertiser_of(activity)); }

/* --- answers to the advertising PDU ------------------------------------------------------------------------------- */

/* A directed advertiser listens to its target only, whatever the policy. */
static bool accepts(const amble__ll_advertiser *a, uint8_t policy, const amble__ll_address *from)
{
    amble__controller *controller = a->activity.controller;
    amble__ll_address identity = *from;

    if (amble__ll_is_betrayed(controller, from))
        return false;
    amble__ll_identify(controller, &identity);
    if (has(a, AMBLE__LL_DIRECTED))
        return amble__ll_address_equal(&identity, &a->peer) || amble__ll_address_equal(from, &a->target);
    return !(a->filter_policy & policy) || amble__ll_accept_list_has(&controller->accept_list, &identity);
}

static bool accepts_connection(const amble__ll_advertiser *a, const amble__ll_address *from)
{
    amble__controller *controller = a->activity.controller;
    amble__ll_address identity = *from;

    amble__ll_identify(controller, &identity);
    return has(a, AMBLE__LL_CONNECTABLE) && amble__ll_link_available(controller) &&
           !amble__ll_link_find_peer(controller, &identity) && accepts(a, FILTER_CONNECT, from);
}

static void open_link(amble__ll_advertiser *a, const amble__ll_address *peer, const amble__ll_connect_data *data,
                      bool channel_selection_2, uint64_t window_us)
{
    amble__controller *controller = a->activity.controller;
    const amble__ll_link_options options = {
        .role = AMBLE__LL_PERIPHERAL,
        .own = a->own,
        .peer = *peer,
        .data = data,
        .channel_selection_2 = channel_selection_2,
        .window_start_us = window_us,
        .phy = a->secondary_phy,
    };
    amble__ll_address identity = *peer;
    const amble__ll_link *link;

    amble__ll_advertiser_stop(a);
    amble__ll_link_open(controller, &options);
    amble__ll_identify(controller, &identity);
    link = amble__ll_link_find_peer(controller, &identity);
    if (!a->legacy_commands && link)
        amble__hc_advertising_set_terminated(a, HC_SUCCESS, link->handle);
}

static void answer_scan(amble__ll_advertiser *a, const amble__ll_address *from, uint64_t at_us)
{
    if (has(a, AMBLE__LL_LEGACY)) {
        send_legacy(a, AMBLE__LL_SCAN_RSP, &a->response, at_us);
    } else {
        a->sent = 0;
        send_auxiliary(a, AMBLE__LL_SENDS_AUX_SCAN_RSP, at_us);
    }
    if (a->reports_scan_requests)
        amble__hc_scan_request_received(a, from);
}

static void answer_connection(amble__ll_advertiser *a, const amble__ll_advertising_pdu *pdu,
                              const amble__ll_connect_data *data, uint64_t end_us)
{
    const uint64_t offset_us = data->window_offset * (uint64_t)AMBLE__LL_UNIT_US;

    if (has(a, AMBLE__LL_LEGACY)) {
        open_link(a, &pdu->sender, data, pdu->channel_selection_2 && knows_channel_selection_2(a),
                  end_us + AMBLE__LL_TRANSMIT_DELAY_US + offset_us);
        return;
    }
    a->connecting = pdu->sender;
    a->link = *data;
    a->window_us = end_us + amble__ll_transmit_delay(a->secondary_phy) + offset_us;
    send_auxiliary(a, AMBLE__LL_SENDS_AUX_CONNECT_RSP, end_us + AMBLE__LL_T_IFS_US);
}

static void received(amble__ll_activity *activity, const amble__radio_packet *packet)
{
    amble__ll_advertiser *a = advertiser_of(activity);
    amble__ll_advertising_pdu pdu;
    amble__ll_connect_data data;

    if (!amble__ll_advertising_pdu_decode(&pdu, packet->pdu, packet->size) ||
        !amble__ll_address_equal(&pdu.target, &a->own))
        return;
    if (pdu.type == AMBLE__LL_SCAN_REQ && has(a, AMBLE__LL_SCANNABLE) && accepts(a, FILTER_SCAN, &pdu.sender))
        answer_scan(a, &pdu.sender, packet->end_us + AMBLE__LL_T_IFS_US);
    else if (pdu.type == AMBLE__LL_CONNECT_IND && amble__ll_connect_data_decode(&data, pdu.data) &&
             accepts_connection(a, &pdu.sender))
        answer_connection(a, &pdu, &data, packet->end_us);
}

static const amble__ll_activity_events events = {received, sent, silent, lost, NULL};

/* --- beginning and end -------------------------------------------------------------------------------------------- */

/* The duration is over. With the legacy commands only high duty cycle advertising has one, and its end is told as a
 * connection that failed (Vol 4, Part E, 7.8.9). */
static void duration_over(amble__timer *timer)
{
    amble__ll_advertiser *a = amble__container(timer, amble__ll_advertiser, end_timer);

    terminate(a, HC_ADVERTISING_TIMEOUT);
    if (a->legacy_commands)
        amble__hc_connection_failed(a->activity.controller, HC_ADVERTISING_TIMEOUT, AMBLE__LL_PERIPHERAL, &a->peer);
}

amble__ll_advertiser *amble__ll_advertiser_find(const amble__controller *controller, uint8_t handle)
{
    for (unsigned i = 0; i < controller->options.advertising_sets; i++)
        if (controller->advertisers[i].exists && controller->advertisers[i].handle == handle)
            return &controller->advertisers[i];
    return NULL;
}

void amble__ll_advertiser_init(amble__ll_advertiser *a, amble__controller *controller)
{
    memset(a, 0, offsetof(amble__ll_advertiser, data));
    a->interval = INTERVAL_DEFAULT;
    a->channel_map = ALL_CHANNELS;
    a->properties = AMBLE__LL_CONNECTABLE | AMBLE__LL_SCANNABLE | AMBLE__LL_LEGACY;
    a->primary_phy = a->secondary_phy = AMBLE__PHY_1M;
    a->data.size = a->response.size = 0;
    a->data.incomplete = a->response.incomplete = false;
    amble__ll_train_init(&a->train, controller);
    amble__ll_activity_init(&a->activity, controller, &events, AMBLE__LL_URGENCY_ADVERTISE);
    a->event_timer.fire = timer_fired;
    a->end_timer.fire = duration_over;
}

bool amble__ll_advertiser_address_known(const amble__ll_advertiser *a)
{
    amble__ll_address private;

    if (!(a->own_address_type & AMBLE__LL_OWN_RANDOM) ||
        amble__ll_own_private(a->activity.controller, a->own_address_type, &a->peer, &private))
        return true;
    return a->legacy_commands ? a->activity.controller->random_address_set : a->random_address_set;
}

void amble__ll_advertiser_start(amble__ll_advertiser *a, uint64_t duration_us)
{
    amble__ll_advertiser_stop(a);
    a->enabled = true;
    a->events = 0;
    amble__air_arm(air_of(a), &a->event_timer, 0);
    if (a->train.wanted && !a->train.running)
        amble__ll_train_start(&a->train, a->secondary_phy);
    if (duration_us)
        amble__air_arm(air_of(a), &a->end_timer, now_of(a) + duration_us);
}

void amble__ll_advertiser_stop(amble__ll_advertiser *a)
{
    a->enabled = a->in_event = false;
    amble__air_disarm(air_of(a), &a->event_timer);
    amble__air_disarm(air_of(a), &a->end_timer);
    amble__ll_yield(&a->activity);
}

void amble__ll_advertiser_data_changed(amble__ll_advertiser *a)
{
    if (!a->in_event || has(a, AMBLE__LL_LEGACY))
        return;
    end_event(a);
    amble__ll_yield(&a->activity);
}
