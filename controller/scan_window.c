/* Windows of a scanner or initiator: see scan_window.h. With a window as long as its interval the radio listens on
 * without a gap, and an exchange or a packet under way at the border is not cut. */
#include "controller/scan_window.h"

#include "controller/access_address.h"
#include "controller/pdu.h"
#include "controller/state.h"

#define LENGTH_MIN           0x0004 /* 2.5 ms: Vol 4, Part E, 7.8.10 */
#define LENGTH_MAX           0x4000
#define ADVERTISING_CHANNELS 3

static amble__ll_scan_window *window_of(amble__ll_activity *activity)
{
    return amble__container(activity, amble__ll_scan_window, activity);
}

static void interval_begins(amble__timer *timer)
{
    amble__ll_scan_window *window = amble__container(timer, amble__ll_scan_window, interval_timer);
    amble__air *air = window->activity.controller->air;
    const uint64_t now = amble__air_now(air);

    window->channel = (uint8_t)(window->channel + 1) % ADVERTISING_CHANNELS;
    window->ends_us = now + window->window_us;
    amble__air_arm(air, timer, now + window->interval_us);
    if (amble__ll_owns_radio(&window->activity))
        return;
    if (amble__ll_claim(&window->activity))
        amble__ll_scan_window_listen(window);
    else
        amble__ll_wait(&window->activity);
}

void amble__ll_scan_window_init(amble__ll_scan_window *window, amble__controller *controller,
                                const amble__ll_activity_events *events)
{
    amble__ll_activity_init(&window->activity, controller, events, AMBLE__LL_URGENCY_SCAN);
    window->interval_timer.fire = interval_begins;
    window->phy = AMBLE__PHY_1M;
}

bool amble__ll_scan_window_valid(uint16_t interval, uint16_t window)
{
    return interval <= LENGTH_MAX && window >= LENGTH_MIN && window <= interval;
}

void amble__ll_scan_window_start(amble__ll_scan_window *window, uint16_t interval, uint16_t length, uint32_t delay_us)
{
    amble__air *air = window->activity.controller->air;

    window->interval_us = interval * (uint32_t)AMBLE__LL_SCAN_UNIT_US;
    window->window_us = length * (uint32_t)AMBLE__LL_SCAN_UNIT_US;
    window->channel = ADVERTISING_CHANNELS - 1; /* the first window is on the first channel */
    amble__air_arm(air, &window->interval_timer, delay_us ? amble__air_now(air) + delay_us : 0);
}

void amble__ll_scan_window_stop(amble__ll_scan_window *window)
{
    amble__air_disarm(window->activity.controller->air, &window->interval_timer);
    window->ends_us = 0;
    amble__ll_yield(&window->activity);
}

void amble__ll_scan_window_listen(amble__ll_scan_window *window)
{
    amble__controller *controller = window->activity.controller;

    if (amble__air_now(controller->air) < window->ends_us)
        amble__radio_listen(&controller->radio, (uint8_t)(AMBLE__LL_FIRST_ADVERTISING_CHANNEL + window->channel),
                            window->phy, AMBLE__LL_ADVERTISING_ACCESS_ADDRESS, window->ends_us);
    else
        amble__ll_yield(&window->activity);
}

void amble__ll_scan_window_lost(amble__ll_activity *activity)
{
    if (amble__air_now(activity->controller->air) < window_of(activity)->ends_us)
        amble__ll_wait(activity);
}

void amble__ll_scan_window_offered(amble__ll_activity *activity) { amble__ll_scan_window_listen(window_of(activity)); }
