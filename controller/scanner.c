/* Passive and active scanning: see scanner.h. Each advertising PDU that passes the filters is reported at once; an
 * active scanner then asks, as its backoff allows, for the scan response, and reports that too. */
#include "controller/scanner.h"

#include "controller/access_address.h"
#include "controller/hci_events.h"

#define INTERVAL_DEFAULT      0x0010 /* 10 ms */
#define UPPER_LIMIT_MAX       256    /* Vol 6, Part B, 4.4.3.2 */
#define IN_A_ROW              2      /* successes or failures that move the upper limit */
#define POLICY_UNRESOLVED     0x02   /* bit 1: private addresses as targets, although they do not resolve */
#define POLICY_ACCEPT_LIST    0x01   /* bit 0 of Scanning_Filter_Policy (Vol 4, Part E, 7.8.10) */
#define DUPLICATES_PER_PERIOD 2

static amble__ll_scanner *scanner_of(const amble__ll_activity *activity) { return &activity->controller->scanner; }

static amble__ll_scan_phy *phy_of(amble__ll_activity *activity)
{
    return amble__container(activity, amble__ll_scan_phy, window.activity);
}

static amble__controller *controller_of(const amble__ll_scanner *s) { return s->phys[0].window.activity.controller; }

/* --- duplicates --------------------------------------------------------------------------------------------------- */

static bool was_reported(const amble__ll_scanner *s, const amble__ll_heard *heard, unsigned event_type)
{
    for (unsigned i = 0; i < s->reported_count; i++) {
        const amble__ll_reported *r = &s->reported[i];

        if (r->event_type == event_type && r->data_identifier == heard->data_identifier &&
            r->set_identifier == heard->set_identifier && amble__ll_address_equal(&r->address, &heard->sender))
            return true;
    }
    return false;
}

static void remember(amble__ll_scanner *s, const amble__ll_heard *heard)
{
    s->reported[s->reported_next] =
        (amble__ll_reported){heard->sender, (uint8_t)heard->event_type, heard->data_identifier, heard->set_identifier};
    s->reported_next = (uint16_t)((s->reported_next + 1) % AMBLE__LL_DUPLICATES);
    if (s->reported_count < AMBLE__LL_DUPLICATES)
        s->reported_count++;
}

void amble__ll_scan_report(amble__ll_scanner *s, const amble__ll_heard *heard, amble__bytes data, bool truncated)
{
    if (s->filter_duplicates) {
        if (was_reported(s, heard, heard->event_type))
            return;
        remember(s, heard);
    }
    if (s->extended)
        amble__hc_extended_advertising_report(controller_of(s), heard, data, truncated);
    else
        amble__hc_advertising_report(controller_of(s), heard, data);
}

/* --- active scanning ---------------------------------------------------------------------------------------------- */

void amble__ll_scan_asked(amble__ll_scanner *s, bool answered)
{
    s->successes = answered ? (uint8_t)(s->successes + 1) : 0;
    s->failures = answered ? 0 : (uint8_t)(s->failures + 1);
    if (s->successes == IN_A_ROW && s->upper_limit > 1)
        s->upper_limit /= 2;
    if (s->failures == IN_A_ROW && s->upper_limit < UPPER_LIMIT_MAX)
        s->upper_limit *= 2;
    if (s->successes == IN_A_ROW || s->failures == IN_A_ROW)
        s->successes = s->failures = 0;
    s->backoff_count = (uint16_t)(1 + amble__random_below(amble__air_random(controller_of(s)->air), s->upper_limit));
}

bool amble__ll_scan_asks(amble__ll_scanner *s, const amble__ll_heard *heard)
{
    if (s->filter_duplicates && was_reported(s, heard, heard->event_type | AMBLE__LL_SCAN_RESPONSE))
        return false;
    return !--s->backoff_count;
}

static void request_ended(amble__ll_scanner *s, bool answered)
{
    s->requesting = false;
    amble__ll_scan_asked(s, answered);
}

static void request(amble__ll_scanner *s, const amble__ll_address *advertiser, const amble__radio_packet *packet)
{
    const amble__ll_advertising_pdu pdu = {
        .type = AMBLE__LL_SCAN_REQ, .sender = amble__ll_scan_own(s, &s->asked_as), .target = *advertiser};
    uint8_t bytes[AMBLE__LL_LEGACY_PDU];
    const size_t size = amble__ll_advertising_pdu_encode(&pdu, bytes);

    s->requesting = true;
    s->asked = *advertiser;
    amble__radio_send(&controller_of(s)->radio, packet->channel, AMBLE__PHY_1M, AMBLE__LL_ADVERTISING_ACCESS_ADDRESS,
                      bytes, size, packet->end_us + AMBLE__LL_T_IFS_US);
}

static void sent(amble__ll_activity *activity)
{
    amble__radio *radio = &activity->controller->radio;

    amble__radio_listen(radio, radio->channel, AMBLE__PHY_1M, AMBLE__LL_ADVERTISING_ACCESS_ADDRESS,
                        amble__air_now(activity->controller->air) + AMBLE__LL_T_IFS_US + AMBLE__LL_JITTER_US);
}

/* Only legacy advertising is answered on this channel, so only the window on LE 1M ever waits for a response. */
static bool is_requesting(const amble__ll_activity *activity)
{
    const amble__ll_scanner *s = scanner_of(activity);
    return s->requesting && activity == &s->phys[AMBLE__LL_SCAN_1M].window.activity;
}

static void silent(amble__ll_activity *activity)
{
    if (is_requesting(activity))
        request_ended(scanner_of(activity), false);
    amble__ll_scan_window_listen(&phy_of(activity)->window);
}

static void lost(amble__ll_activity *activity)
{
    if (is_requesting(activity))
        request_ended(scanner_of(activity), false);
    amble__ll_scan_window_lost(activity);
}

/* --- what is heard ------------------------------------------------------------------------------------------------ */

static void take_response(amble__ll_scanner *s, const amble__ll_advertising_pdu *pdu, int8_t rssi)
{
    amble__ll_heard heard = s->asked_as;

    if (pdu->type != AMBLE__LL_SCAN_RSP || !amble__ll_address_equal(&pdu->sender, &s->asked))
        return;
    request_ended(s, true);
    heard.event_type |= AMBLE__LL_SCAN_RESPONSE;
    heard.rssi = rssi;
    amble__ll_scan_report(s, &heard, pdu->data, false);
    amble__ll_scan_window_listen(&s->phys[AMBLE__LL_SCAN_1M].window);
}

/* Directed advertising concerns its target only (4.3.3), unless the policy lets private addresses pass that may be
 * ours without the controller's knowledge. */
static bool is_meant(const amble__ll_scanner *s, amble__ll_address *target)
{
    if (amble__ll_address_equal(target, &s->own))
        return true;
    if (amble__ll_is_own_private(controller_of(s), target)) {
        *target = s->own;
        target->type |= AMBLE__LL_RESOLVED;
        return true;
    }
    if (!(s->filter_policy & POLICY_UNRESOLVED) || !amble__ll_is_resolvable(target))
        return false;
    target->type = AMBLE__LL_UNRESOLVED;
    return true;
}

bool amble__ll_scan_passes(amble__ll_scanner *s, amble__ll_heard *heard)
{
    amble__controller *controller = controller_of(s);

    if (amble__ll_is_betrayed(controller, &heard->sender))
        return false;
    heard->resolved = amble__ll_identify(controller, &heard->sender);
    if ((s->filter_policy & POLICY_ACCEPT_LIST) && !amble__ll_accept_list_has(&controller->accept_list, &heard->sender))
        return false;
    return !(heard->event_type & AMBLE__LL_DIRECTED) || is_meant(s, &heard->target);
}

amble__ll_address amble__ll_scan_own(amble__ll_scanner *s, const amble__ll_heard *heard)
{
    amble__ll_address own = s->own;

    amble__ll_own_private(controller_of(s), s->own_address_type, &heard->sender, &own);
    return own;
}

static unsigned legacy_event_type(amble__ll_pdu_type type)
{
    switch (type) {
    case AMBLE__LL_ADV_IND:
        return AMBLE__LL_LEGACY | AMBLE__LL_CONNECTABLE | AMBLE__LL_SCANNABLE;
    case AMBLE__LL_ADV_DIRECT_IND:
        return AMBLE__LL_LEGACY | AMBLE__LL_CONNECTABLE | AMBLE__LL_DIRECTED;
    case AMBLE__LL_ADV_SCAN_IND:
        return AMBLE__LL_LEGACY | AMBLE__LL_SCANNABLE;
    case AMBLE__LL_ADV_NONCONN_IND:
        return AMBLE__LL_LEGACY;
    default:
        return 0; /* not an advertisement */
    }
}

static void take_legacy(amble__ll_scan_phy *phy, const amble__ll_advertising_pdu *pdu,
                        const amble__radio_packet *packet)
{
    amble__ll_scanner *s = scanner_of(&phy->window.activity);
    amble__ll_heard heard = {
        .event_type = legacy_event_type(pdu->type),
        .sender = pdu->sender,
        .target = pdu->target,
        .primary_phy = AMBLE__PHY_1M,
        .set_identifier = AMBLE__LL_NO_SID,
        .power = AMBLE__LL_NO_POWER,
        .rssi = packet->rssi,
    };

    if (!heard.event_type || !amble__ll_scan_passes(s, &heard))
        return;
    amble__ll_scan_report(s, &heard, pdu->data, false);
    if (phy->active && (heard.event_type & AMBLE__LL_SCANNABLE) && amble__ll_scan_asks(s, &heard)) {
        s->asked_as = heard;
        request(s, &pdu->sender, packet);
    }
}

static void received(amble__ll_activity *activity, const amble__radio_packet *packet)
{
    amble__ll_scanner *s = scanner_of(activity);
    amble__ll_advertising_pdu pdu;
    amble__ll_extended_pdu extended;

    if (amble__ll_advertising_pdu_decode(&pdu, packet->pdu, packet->size)) {
        if (is_requesting(activity))
            take_response(s, &pdu, packet->rssi);
        else
            take_legacy(phy_of(activity), &pdu, packet);
    } else if (s->extended && !is_requesting(activity) &&
               amble__ll_extended_pdu_decode(&extended, packet->pdu, packet->size)) {
        amble__ll_aux_scan_begin(s, &extended, packet);
    }
}

static const amble__ll_activity_events events = {received, sent, silent, lost, amble__ll_scan_window_offered};

/* --- beginning and end -------------------------------------------------------------------------------------------- */

static void open_windows(amble__ll_scanner *s)
{
    uint32_t delay_us = 0;

    s->pausing = false;
    for (unsigned i = 0; i < AMBLE__LL_SCAN_PHYS; i++) {
        if (!s->phys[i].wanted)
            continue;
        amble__ll_scan_window_start(&s->phys[i].window, s->phys[i].interval, s->phys[i].length, delay_us);
        delay_us += s->phys[i].window.window_us;
    }
}

static void close_windows(amble__ll_scanner *s)
{
    s->requesting = false;
    for (unsigned i = 0; i < AMBLE__LL_SCAN_PHYS; i++)
        amble__ll_scan_window_stop(&s->phys[i].window);
    for (unsigned i = 0; i < AMBLE__LL_AUX_SCANS; i++) {
        s->aux[i].busy = false;
        amble__ll_follower_stop(&s->aux[i].follower);
    }
}

static void arm_duration(amble__ll_scanner *s, uint64_t after_us)
{
    amble__air *air = controller_of(s)->air;
    amble__air_arm(air, &s->duration_timer, amble__air_now(air) + after_us);
}

/* The duration is over, or the pause until the next period is. */
static void duration_over(amble__timer *timer)
{
    amble__ll_scanner *s = amble__container(timer, amble__ll_scanner, duration_timer);

    if (s->pausing) {
        if (s->filter_duplicates == DUPLICATES_PER_PERIOD)
            s->reported_count = s->reported_next = 0;
        open_windows(s);
        arm_duration(s, s->duration_us);
    } else if (s->period_us) {
        close_windows(s);
        s->pausing = true;
        arm_duration(s, s->period_us - s->duration_us);
    } else {
        amble__ll_scanner_stop(s);
        amble__hc_scan_timeout(controller_of(s));
    }
}

void amble__ll_scanner_init(amble__ll_scanner *s, amble__controller *controller)
{
    memset(s, 0, offsetof(amble__ll_scanner, reported));
    for (unsigned i = 0; i < AMBLE__LL_SCAN_PHYS; i++) {
        amble__ll_scan_window_init(&s->phys[i].window, controller, &events);
        s->phys[i].interval = s->phys[i].length = INTERVAL_DEFAULT;
    }
    s->phys[AMBLE__LL_SCAN_1M].wanted = true;
    s->phys[AMBLE__LL_SCAN_CODED].window.phy = AMBLE__PHY_CODED;
    s->duration_timer.fire = duration_over;
    for (unsigned i = 0; i < AMBLE__LL_AUX_SCANS; i++)
        amble__ll_aux_scan_init(&s->aux[i], controller);
}

void amble__ll_scanner_start(amble__ll_scanner *s)
{
    close_windows(s);
    s->enabled = true;
    s->upper_limit = s->backoff_count = 1;
    s->successes = s->failures = 0;
    open_windows(s);
    amble__air_disarm(controller_of(s)->air, &s->duration_timer);
    if (s->duration_us)
        arm_duration(s, s->duration_us);
}

void amble__ll_scanner_stop(amble__ll_scanner *s)
{
    s->enabled = s->pausing = false;
    amble__air_disarm(controller_of(s)->air, &s->duration_timer);
    close_windows(s);
}
