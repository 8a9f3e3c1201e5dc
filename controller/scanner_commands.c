/* The commands of scanning: legacy (Vol 4, Part E, 7.8.10 and 7.8.11) and extended (7.8.64 and 7.8.65). */
#include "controller/hci_commands.h"

#define POLICY_MAX       3
#define ADDRESS_TYPE_MAX 3
#define FILTER_MAX       2 /* of duplicates, in the extended command */
#define PHY_BIT_1M       0x01
#define PHY_BIT_CODED    0x04
#define DURATION_UNIT_US 10000
#define PERIOD_UNIT_US   1280000

/* What a scanner sends, if it sends, comes from this address. */
static bool know_own_address(amble__controller *controller)
{
    amble__ll_scanner *s = &controller->scanner;
    return amble__ll_own_address(controller, s->own_address_type, &s->own);
}

/* --- legacy ------------------------------------------------------------------------------------------------------- */

uint8_t amble__hc_le_set_scan_parameters(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    amble__ll_scanner *s = &controller->scanner;
    amble__ll_scan_phy *phy = &s->phys[AMBLE__LL_SCAN_1M];
    const uint8_t active = amble__read_u8(in);
    const uint16_t interval = amble__read_le16(in), length = amble__read_le16(in);
    const uint8_t own_type = amble__read_u8(in), policy = amble__read_u8(in);

    (void)out;
    if (s->enabled)
        return HC_DISALLOWED;
    if (active > 1 || !amble__ll_scan_window_valid(interval, length) || own_type > ADDRESS_TYPE_MAX ||
        policy > POLICY_MAX)
        return HC_INVALID_PARAMETERS;
    phy->active = active;
    phy->interval = interval;
    phy->length = length;
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
    if (!know_own_address(controller))
        return HC_INVALID_PARAMETERS;
    s->filter_duplicates = filter;
    s->reported_count = s->reported_next = 0;
    if (!s->enabled)
        amble__ll_scanner_start(s);
    return HC_SUCCESS;
}

/* --- extended ----------------------------------------------------------------------------------------------------- */

uint8_t amble__hc_le_set_extended_scan_parameters(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    static const uint8_t bits[AMBLE__LL_SCAN_PHYS] = {PHY_BIT_1M, PHY_BIT_CODED};
    amble__ll_scanner *s = &controller->scanner;
    const uint8_t own_type = amble__read_u8(in), policy = amble__read_u8(in), phys = amble__read_u8(in);
    struct {
        uint8_t active;
        uint16_t interval, length;
    } given[AMBLE__LL_SCAN_PHYS] = {{0}};
    bool valid = true;

    (void)out;
    for (unsigned i = 0; i < AMBLE__LL_SCAN_PHYS; i++) {
        if (!(phys & bits[i]))
            continue;
        given[i].active = amble__read_u8(in);
        given[i].interval = amble__read_le16(in);
        given[i].length = amble__read_le16(in);
        valid = valid && given[i].active <= 1 && amble__ll_scan_window_valid(given[i].interval, given[i].length);
    }
    if (phys & ~(PHY_BIT_1M | PHY_BIT_CODED))
        return HC_UNSUPPORTED_PARAMETER;
    if (!amble__read_complete(in) || !valid || !phys || own_type > ADDRESS_TYPE_MAX || policy > POLICY_MAX)
        return HC_INVALID_PARAMETERS;
    if (s->enabled)
        return HC_DISALLOWED;
    for (unsigned i = 0; i < AMBLE__LL_SCAN_PHYS; i++) {
        s->phys[i].wanted = phys & bits[i];
        s->phys[i].active = given[i].active;
        s->phys[i].interval = given[i].interval;
        s->phys[i].length = given[i].length;
    }
    s->own_address_type = own_type;
    s->filter_policy = policy;
    return HC_SUCCESS;
}

/* Enabling a scanner that is enabled starts its duration and its duplicate filter anew. */
uint8_t amble__hc_le_set_extended_scan_enable(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    amble__ll_scanner *s = &controller->scanner;
    const uint8_t enable = amble__read_u8(in), filter = amble__read_u8(in);
    const uint64_t duration = amble__read_le16(in) * (uint64_t)DURATION_UNIT_US;
    const uint64_t period = amble__read_le16(in) * (uint64_t)PERIOD_UNIT_US;

    (void)out;
    if (enable > 1 || (enable && filter > FILTER_MAX))
        return HC_INVALID_PARAMETERS;
    if (!enable) {
        amble__ll_scanner_stop(s);
        return HC_SUCCESS;
    }
    if ((period && duration >= period) || (filter == FILTER_MAX && !(duration && period)) ||
        !know_own_address(controller))
        return HC_INVALID_PARAMETERS;
    s->extended = true;
    s->filter_duplicates = filter;
    s->duration_us = duration;
    s->period_us = period;
    s->reported_count = s->reported_next = 0;
    amble__ll_scanner_start(s);
    return HC_SUCCESS;
}
