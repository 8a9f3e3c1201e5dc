/* Scan intervals and windows, for the scanner and the initiator (Vol 6, Part B, 4.4.3).
 *
 * Once per interval a window opens on the next advertising channel (37, 38, 39, 37 ...) and the owner listens there
 * until it ends, except while a more urgent activity has the radio. The owner may use the radio for an exchange
 * meanwhile, and calls amble__ll_scan_window_listen after it. */
#ifndef AMBLE_CONTROLLER_SCAN_WINDOW_H
#define AMBLE_CONTROLLER_SCAN_WINDOW_H
#include "controller/activity.h"
#include "core/timers.h"

#define AMBLE__LL_SCAN_UNIT_US 625 /* Vol 4, Part E, 7.8.10 */

typedef struct {
    amble__ll_activity activity;
    amble__timer interval_timer;
    uint32_t interval_us;
    uint32_t window_us;
    uint64_t ends_us;
    uint8_t channel;
    amble__phy phy; /* to be set before it starts; LE 1M unless it is */
} amble__ll_scan_window;

/* `lost` and `offered` of the events must be the two functions below, or call them. */
void amble__ll_scan_window_init(amble__ll_scan_window *window, amble__controller *controller,
                                const amble__ll_activity_events *events);
bool amble__ll_scan_window_valid(uint16_t interval, uint16_t window); /* in units of 0.625 ms */
/* The first interval begins `delay_us` from now: so that windows on two PHYs that fit into one interval lie side by
 * side. */
void amble__ll_scan_window_start(amble__ll_scan_window *window, uint16_t interval, uint16_t length, uint32_t delay_us);
void amble__ll_scan_window_stop(amble__ll_scan_window *window);
/* The owner has the radio: listens again, or yields when the window is over. */
void amble__ll_scan_window_listen(amble__ll_scan_window *window);
void amble__ll_scan_window_lost(amble__ll_activity *activity);
void amble__ll_scan_window_offered(amble__ll_activity *activity);
#endif
