/* Legacy advertising: events on 37, 38 and 39, scan responses, and the connections they lead to (Vol 6, Part B,
 * 4.4.2). */
#ifndef AMBLE_CONTROLLER_ADVERTISER_H
#define AMBLE_CONTROLLER_ADVERTISER_H
#include "controller/activity.h"
#include "controller/pdu.h"
#include "core/timers.h"

typedef struct {
    uint8_t size;
    uint8_t bytes[AMBLE__LL_LEGACY_DATA];
} amble__ll_legacy_data;

typedef struct {
    amble__ll_activity activity;
    amble__timer event_timer;
    amble__timer give_up_timer; /* high duty cycle directed advertising */
    bool enabled;
    bool responding; /* the packet being sent is a scan response */
    /* as the host set them */
    uint16_t interval; /* units of 0.625 ms */
    uint8_t type;      /* Advertising_Type of HCI */
    uint8_t own_address_type;
    amble__ll_address target; /* of directed advertising */
    uint8_t channel_map;      /* bit 0: channel 37 */
    uint8_t filter_policy;
    amble__ll_legacy_data data;
    amble__ll_legacy_data scan_response;
    /* the event under way */
    amble__ll_address own;
    uint64_t event_start_us;
    uint8_t channel; /* 0..2 */
} amble__ll_advertiser;

void amble__ll_advertiser_init(amble__ll_advertiser *advertiser, amble__controller *controller);
/* Leaves the air; the settings stay. */
void amble__ll_advertiser_stop(amble__ll_advertiser *advertiser);
#endif
