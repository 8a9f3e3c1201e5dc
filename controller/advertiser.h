/* Advertising sets (Vol 6, Part B, 4.4.2): events on 37, 38 and 39, the auxiliary packets of extended advertising,
 * answers to scan requests, and the connections they lead to.
 *
 * A controller has several sets, each an activity of its own. The legacy commands work on the first one as if its
 * handle were 0, so everything but the commands sees sets only, with the properties of the extended commands. */
#ifndef AMBLE_CONTROLLER_ADVERTISER_H
#define AMBLE_CONTROLLER_ADVERTISER_H
#include "controller/activity.h"
#include "controller/auxiliary.h"
#include "controller/data.h"
#include "controller/train.h"
#include "core/timers.h"

/* Advertising_Event_Properties (Vol 4, Part E, 7.8.53). */
enum {
    AMBLE__LL_CONNECTABLE = 0x01,
    AMBLE__LL_SCANNABLE = 0x02,
    AMBLE__LL_DIRECTED = 0x04,
    AMBLE__LL_HIGH_DUTY = 0x08,
    AMBLE__LL_LEGACY = 0x10, /* the PDUs of Bluetooth 4 */
    AMBLE__LL_ANONYMOUS = 0x20,
    AMBLE__LL_WITH_POWER = 0x40,
    AMBLE__LL_PROPERTIES = 0x7f,
};

#define AMBLE__LL_SETS_MAX 16

/* What the radio sends for a set, or will at its timer. */
typedef enum {
    AMBLE__LL_SENDS_ADVERTISING, /* on an advertising channel */
    AMBLE__LL_SENDS_SCAN_RSP,
    AMBLE__LL_SENDS_AUX_ADV,
    AMBLE__LL_SENDS_AUX_SCAN_RSP,
    AMBLE__LL_SENDS_AUX_CHAIN,
    AMBLE__LL_SENDS_AUX_CONNECT_RSP,
} amble__ll_sends;

typedef struct {
    amble__ll_activity activity;
    amble__timer event_timer; /* the next event, or the next auxiliary packet of the one under way */
    amble__timer end_timer;   /* of the duration, or of high duty cycle directed advertising */
    /* as the host set them */
    uint32_t interval; /* units of 0.625 ms */
    amble__phy primary_phy, secondary_phy;
    uint16_t properties;
    uint16_t data_identifier; /* DID: another one for other data */
    uint8_t handle;
    uint8_t own_address_type;
    uint8_t channel_map; /* bit 0: channel 37 */
    uint8_t filter_policy;
    uint8_t set_identifier;       /* SID */
    uint8_t events_max;           /* 0: any number */
    amble__ll_address peer;       /* of directed advertising */
    amble__ll_address own;        /* in the event under way */
    amble__ll_address target;     /* of directed advertising, in the event under way */
    amble__ll_address connecting; /* who sent AUX_CONNECT_REQ */
    uint8_t random_address[AMBLE__LL_ADDRESS];
    bool random_address_set;
    bool reports_scan_requests;
    bool legacy_commands; /* who set it up */
    bool exists, enabled;
    /* the event under way */
    bool in_event;
    uint8_t channel; /* 0..2 */
    uint16_t sent;   /* how much of the data */
    uint32_t events; /* since it was enabled */
    amble__ll_sends sends;
    uint64_t event_start_us;
    amble__ll_place next;        /* auxiliary packet */
    amble__ll_connect_data link; /* what AUX_CONNECT_REQ said */
    uint64_t window_us;
    /* Last, and not cleared with the rest: a thousand controllers leave most of it untouched. */
    amble__ll_data data;
    amble__ll_data response;
    amble__ll_train train;
} amble__ll_advertiser;

/* The set with this handle, of those the host has made; NULL for none. */
amble__ll_advertiser *amble__ll_advertiser_find(const amble__controller *controller, uint8_t handle);
void amble__ll_advertiser_init(amble__ll_advertiser *advertiser, amble__controller *controller);
/* Begins with an event at once. `duration_us` 0: until it is stopped. */
void amble__ll_advertiser_start(amble__ll_advertiser *advertiser, uint64_t duration_us);
/* Leaves the air; the settings stay. */
void amble__ll_advertiser_stop(amble__ll_advertiser *advertiser);
/* The host has changed the data: what is left of an event goes unsent, since its parts would not fit together. */
void amble__ll_advertiser_data_changed(amble__ll_advertiser *advertiser);
/* Whether the set's PDUs have room for so much advertising data: a connectable set has a single one. */
bool amble__ll_data_fits(const amble__ll_advertiser *advertiser, size_t size);
/* Whether the host has provided the address it wants to advertise with. */
bool amble__ll_advertiser_address_known(const amble__ll_advertiser *advertiser);
static inline bool amble__ll_advertiser_has(const amble__ll_advertiser *advertiser, unsigned property)
{
    return advertiser->properties & property;
}
#endif
