/* Passive and active scanning: see scanner.h. Each advertising PDU that passes the filters is reported at once; an
 * active scanner then asks, as its backoff allows, for the scan response, and reports that too. */
#include "controller/scanner.h"

#include "controller/access_address.h"
#include "controller/hci_commands.h"
#include "controller/hci_events.h"

#define INTERVAL_DEFAULT   0x0010 /* 10 ms */
#define UPPER_LIMIT_MAX    256    /* Vol 6, Part B, 4.4.3.2 */
#define IN_A_ROW           2      /* successes or failures that move the upper limit */
#define POLICY_ACCEPT_LIST 0x01   /* bit 0 of Scanning_Filter_Policy (Vol 4, Part E, 7.8.10) */
#define POLICY_MAX         3
#define ADDRESS_TYPE_MAX   3

static amble__ll_scanner *scanner_of(amble__ll_activity *activity)
{
    return amble__container(activity, amble__ll_scanner, window.activity);
}

/* --- duplicates --------------------------------------------------------------------------------------------------- */

static bool was_reported(const amble__ll_scanner *s, const amble__ll_address *address, amble__hc_report_type type)
{
    for (unsigned i = 0; i < s->reported_count; i++)
        if (s->reported[i].event_type == type && amble__ll_address_equal(&s->reported[i].address, address))
            return true;
    return false;
}

static void remember(amble__ll_scanner *s, const amble__ll_address *address, amble__hc_report_type type)
{
    s->reported[s->reported_next] = (amble__ll_reported){*address, (uint8_t)type};
    s->reported_next = (uint16_t)((s->reported_next + 1) % AMBLE__LL_DUPLICATES);
    if (s->reported_count < AMBLE__LL_DUPLICATES)
        s->reported_count++;
}

static void report(amble__ll_scanner *s, amble__hc_report_type type, const amble__ll_advertising_pdu *pdu, int8_t rssi)
{
    if (s->filter_duplicates) {
        if (was_reported(s, &pdu->sender, type))
            return;
        remember(s, &pdu->sender, type);
    }
    amble__hc_advertising_report(s->window.activity.controller, type, pdu, rssi);
}

/* --- active scanning ---------------------------------------------------------------------------------------------- */

static void request_ended(amble__ll_scanner *s, bool success)
{
    s->requesting = false;
    s->successes = success ? (uint8_t)(s->successes + 1) : 0;
    s->failures = success ? 0 : (uint8_t)(s->failures + 1);
    if (s->successes == IN_A_ROW && s->upper_limit > 1)
        s->upper_limit /= 2;
    if (s->failures == IN_A_ROW && s->upper_limit < UPPER_LIMIT_MAX)
        s->upper_limit *= 2;
    if (s->successes == IN_A_ROW || s->failures == IN_A_ROW)
        s->successes = s->failures = 0;
    s->backoff_count =
        (uint16_t)(1 + amble__random_below(amble__air_random(s->window.activity.controller->air), s->upper_limit));
}

static void request(amble__ll_scanner *s, const amble__ll_address *advertiser, const amble__radio_packet *packet)
{
    const amble__ll_advertising_pdu pdu = {.type = AMBLE__LL_SCAN_REQ, .sender = s->own, .target = *advertiser};
    uint8_t bytes[AMBLE__LL_LEGACY_PDU];
    size_t size;

    if (s->filter_duplicates && was_reported(s, advertiser, AMBLE__HC_REPORT_SCAN_RSP))
        return;
    if (--s->backoff_count)
        return;
    s->requesting = true;
    s->asked = *advertiser;
    size = amble__ll_advertising_pdu_encode(&pdu, bytes);
    amble__radio_send(&s->window.activity.controller->radio, packet->channel, AMBLE__PHY_1M,
                      AMBLE__LL_ADVERTISING_ACCESS_ADDRESS, bytes, size, packet->end_us + AMBLE__LL_T_IFS_US);
}

static void sent(amble__ll_activity *activity)
{
    amble__radio *radio = &activity->controller->radio;

    amble__radio_listen(radio, radio->channel, AMBLE__PHY_1M, AMBLE__LL_ADVERTISING_ACCESS_ADDRESS,
                        amble__air_now(activity->controller->air) + AMBLE__LL_T_IFS_US + AMBLE__LL_JITTER_US);
}

static void silent(amble__ll_activity *activity)
{
    amble__ll_scanner *s = scanner_of(activity);

    if (s->requesting)
        request_ended(s, false);
    amble__ll_scan_window_listen(&s->window);
}

static void lost(amble__ll_activity *activity)
{
    amble__ll_scanner *s = scanner_of(activity);

    if (s->requesting)
        request_ended(s, false);
    amble__ll_scan_window_lost(activity);
}

/* --- what is heard ------------------------------------------------------------------------------------------------ */

static void take_response(amble__ll_scanner *s, const amble__ll_advertising_pdu *pdu, int8_t rssi)
{
    if (pdu->type != AMBLE__LL_SCAN_RSP || !amble__ll_address_equal(&pdu->sender, &s->asked))
        return;
    request_ended(s, true);
    report(s, AMBLE__HC_REPORT_SCAN_RSP, pdu, rssi);
    amble__ll_scan_window_listen(&s->window);
}

/* Directed advertising concerns its target only (4.3.3). */
static bool passes(const amble__ll_scanner *s, const amble__ll_advertising_pdu *pdu)
{
    if ((s->filter_policy & POLICY_ACCEPT_LIST) &&
        !amble__ll_accept_list_has(&s->window.activity.controller->accept_list, &pdu->sender))
        return false;
    return pdu->type != AMBLE__LL_ADV_DIRECT_IND || amble__ll_address_equal(&pdu->target, &s->own);
}

static void received(amble__ll_activity *activity, const amble__radio_packet *packet)
{
    amble__ll_scanner *s = scanner_of(activity);
    amble__ll_advertising_pdu pdu;

    if (!amble__ll_advertising_pdu_decode(&pdu, packet->pdu, packet->size))
        return;
    if (s->requesting) {
        take_response(s, &pdu, packet->rssi);
        return;
    }
    if (!passes(s, &pdu))
        return;
    switch (pdu.type) {
    case AMBLE__LL_ADV_IND:
        report(s, AMBLE__HC_REPORT_ADV_IND, &pdu, packet->rssi);
        break;
    case AMBLE__LL_ADV_SCAN_IND:
        report(s, AMBLE__HC_REPORT_ADV_SCAN_IND, &pdu, packet->rssi);
        break;
    case AMBLE__LL_ADV_DIRECT_IND:
        report(s, AMBLE__HC_REPORT_ADV_DIRECT_IND, &pdu, packet->rssi);
        return;
    case AMBLE__LL_ADV_NONCONN_IND:
        report(s, AMBLE__HC_REPORT_ADV_NONCONN_IND, &pdu, packet->rssi);
        return;
    default:
        return;
    }
    if (s->active)
        request(s, &pdu.sender, packet);
}

static const amble__ll_activity_events events = {received, sent, silent, lost, amble__ll_scan_window_offered};

void amble__ll_scanner_init(amble__ll_scanner *s, amble__controller *controller)
{
    *s = (amble__ll_scanner){.interval = INTERVAL_DEFAULT, .length = INTERVAL_DEFAULT};
    amble__ll_scan_window_init(&s->window, controller, &events);
}

void amble__ll_scanner_stop(amble__ll_scanner *s)
{
    s->enabled = s->requesting = false;
    amble__ll_scan_window_stop(&s->window);
}

/* --- commands: Vol 4, Part E, 7.8.10 and 7.8.11 ------------------------------------------------------------------- */

uint8_t amble__hc_le_set_scan_parameters(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    amble__ll_scanner *s = &controller->scanner;
    const uint8_t active = amble__read_u8(in);
    const uint16_t interval = amble__read_le16(in), length = amble__read_le16(in);
    const uint8_t own_type = amble__read_u8(in), policy = amble__read_u8(in);

    (void)out;
    if (s->enabled)
        return HC_DISALLOWED;
    if (active > 1 || !amble__ll_scan_window_valid(interval, length) || own_type > ADDRESS_TYPE_MAX ||
        policy > POLICY_MAX)
        return HC_INVALID_PARAMETERS;
    s->active = active;
    s->interval = interval;
    s->length = length;
    s->own_address_type = own_type;
    s->filter_policy = policy;
    return HC_SUCCESS;
}

uint8_t amble__hc_le_set_scan_enable(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    amble__ll_scanner *s = &controller->scanner;
    const uint8_t enable = amble__read_u8(in), filter = amble__read_u8(in);

    (void)out;
    if (enable > 1 || (enable && filter > 1))
        return HC_INVALID_PARAMETERS;
    if (!enable) {
        amble__ll_scanner_stop(s);
        return HC_SUCCESS;
    }
    if (!amble__ll_own_address(controller, s->own_address_type, &s->own))
        return HC_INVALID_PARAMETERS;
    s->filter_duplicates = filter;
    s->reported_count = s->reported_next = 0;
    if (s->enabled)
        return HC_SUCCESS;
    s->enabled = true;
    s->upper_limit = s->backoff_count = 1;
    s->successes = s->failures = 0;
    amble__ll_scan_window_start(&s->window, s->interval, s->length);
    return HC_SUCCESS;
}
