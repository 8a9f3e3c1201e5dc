/* Telling a peer where a train is, and being told: see sync_transfer.h.
 *
 * Both sides know when the link's events are, so the train is placed by its distance from one of them. The teller takes
 * the event under way, or the next one; by the time the PDU arrives that may be long ago, and the train has gone on. */
#include "controller/sync_transfer.h"

#include "controller/hci_codes.h"
#include "controller/hci_commands.h"
#include "controller/hci_events.h"
#include "controller/link_control.h"
#include "controller/state.h"

#define FARTHEST_US  4000000 /* from a link's event, in SyncInfo: as far as two of them can be apart */
#define NEAREST_US   AMBLE__LL_AUX_UNIT_US
#define SID_MASK     0x0f
#define RANDOM       0x10
#define ACCURACY_BIT 5
#define ALL_PHYS     0x07 /* a bit for each */
#define SKIP_MAX     0x01F3
#define TIMEOUT_MIN  0x000A
#define TIMEOUT_MAX  0x4000
#define TIMEOUT_US   10000 /* the unit */
#define CTE_TYPES    0x17

/* --- telling ------------------------------------------------------------------------------------------------------ */

/* A train, and when its event number `sync.event` is. */
typedef struct {
    amble__ll_train_name name;
    amble__phy phy;
    amble__ll_sync_info sync;
    uint64_t at_us;
    uint32_t interval_us;
    uint16_t last_event; /* that is known for sure */
} known_train;

static bool can_be_told(const amble__ll_link *link)
{
    return link->features_known && link->peer_features & AMBLE__LL_FEATURE_TRANSFER_RECIPIENT;
}

/* Puts the train's next event behind an event of the link, whose counter is returned. */
static uint16_t place(const amble__ll_link *link, known_train *train)
{
    uint64_t anchor = link->anchor_us;
    uint16_t event = (uint16_t)link->events;

    while (train->at_us < anchor + NEAREST_US) {
        train->at_us += train->interval_us;
        train->sync.event++;
    }
    if (train->at_us - anchor > FARTHEST_US) {
        const uint64_t events = (train->at_us - anchor - NEAREST_US) / link->interval_us;

        anchor += events * link->interval_us;
        event = (uint16_t)(event + events);
    }
    train->sync.offset_us = (uint32_t)(train->at_us - anchor);
    return event;
}

static uint8_t tell(amble__ll_link *link, uint16_t service_data, known_train *train)
{
    uint8_t bytes[AMBLE__LL_CONTROL_SIZE];
    amble__writer w = amble__ll_control_begin(bytes, LL_PERIODIC_SYNC_IND);
    const uint16_t event = place(link, train);

    amble__write_le16(&w, service_data);
    amble__ll_sync_info_write(&w, &train->sync);
    amble__write_le16(&w, event);
    amble__write_le16(&w, train->last_event);
    amble__write_u8(&w, train->name.set_identifier | (train->name.advertiser.type ? RANDOM : 0u) |
                            (unsigned)AMBLE__LL_CLOCK_ACCURACY << ACCURACY_BIT);
    amble__write_u8(&w, 1u << (amble__phy_number(train->phy) - 1));
    amble__write_bytes(&w, train->name.advertiser.value, AMBLE__LL_ADDRESS);
    amble__write_le16(&w, (uint16_t)link->events);
    return amble__ll_control_offer(link, &w) ? HC_SUCCESS : HC_CONTROLLER_BUSY;
}

static known_train train_of_set(const amble__ll_advertiser *a)
{
    const amble__ll_train *t = &a->train;

    return (known_train){
        .name = {a->own, a->set_identifier},
        .phy = t->phy,
        .sync = {.interval = t->interval,
                 .channel_map = t->channels.map,
                 .clock_accuracy = AMBLE__LL_CLOCK_ACCURACY,
                 .access_address = t->access_address,
                 .crc_init = t->crc_init,
                 .event = t->event},
        .at_us = t->anchor_us,
        .interval_us = t->interval_us,
        .last_event = t->event,
    };
}

static known_train train_of_sync(const amble__ll_sync *s)
{
    const uint64_t silence = s->anchor_us > s->last_heard_us ? s->anchor_us - s->last_heard_us : 0;

    return (known_train){
        .name = s->name,
        .phy = s->train_phy,
        .sync = {.interval = s->interval,
                 .channel_map = s->channels.map,
                 .clock_accuracy = s->clock_accuracy,
                 .access_address = s->follower.access_address,
                 .crc_init = s->crc_init,
                 .event = s->event},
        .at_us = s->anchor_us,
        .interval_us = s->interval_us,
        .last_event = (uint16_t)(s->event - (silence + s->interval_us / 2) / s->interval_us),
    };
}

/* --- being told --------------------------------------------------------------------------------------------------- */

/* The train's event that comes next, counted from the one that the peer named. */
static void catch_up(known_train *train, uint64_t now)
{
    while (train->at_us < now) {
        train->at_us += train->interval_us;
        train->sync.event++;
    }
}

static void follow(amble__ll_link *link, amble__ll_sync *s, uint16_t service_data, const known_train *train)
{
    const uint64_t heard =
        train->at_us - (uint64_t)(uint16_t)(train->sync.event - train->last_event) * train->interval_us;

    s->name = train->name;
    s->transferred = true;
    s->connection = link->handle;
    s->service_data = service_data;
    s->reports = link->transfer.mode >= AMBLE__LL_TRANSFER_WANTED;
    s->skip = link->transfer.skip;
    s->timeout_us = link->transfer.timeout_us;
    amble__ll_sync_open(s, &train->sync, train->at_us, heard, train->phy);
}

/* Both numbers are the low 16 bits of counters. */
static int64_t distance(uint16_t from, uint64_t to) { return (int16_t)(from - (uint16_t)to); }

static bool read_train(amble__reader *in, const amble__ll_link *link, uint16_t *service_data, known_train *train)
{
    bool valid;
    uint16_t event;
    uint8_t who, phys;

    *service_data = amble__read_le16(in);
    valid = amble__ll_sync_info_read(in, &train->sync);
    event = amble__read_le16(in);
    train->last_event = amble__read_le16(in);
    who = amble__read_u8(in);
    phys = amble__read_u8(in);
    train->name =
        (amble__ll_train_name){.advertiser = {.type = who & RANDOM ? 1 : 0}, .set_identifier = who & SID_MASK};
    amble__read_copy(in, train->name.advertiser.value, AMBLE__LL_ADDRESS);
    train->phy = phys == 1 ? AMBLE__PHY_1M : phys == 2 ? AMBLE__PHY_2M : AMBLE__PHY_CODED;
    train->interval_us = train->sync.interval * (uint32_t)AMBLE__LL_UNIT_US;
    train->at_us = (uint64_t)((int64_t)link->anchor_us + distance(event, link->events) * (int64_t)link->interval_us) +
                   train->sync.offset_us;
    return valid && train->sync.offset_us && phys && !(phys & (phys - 1u)) && !(phys & ~(unsigned)ALL_PHYS);
}

void amble__ll_periodic_sync_ind(amble__ll_link *link, amble__reader *in)
{
    amble__controller *controller = link->activity.controller;
    uint16_t service_data;
    known_train train;
    amble__ll_sync *s;
    bool resolved;

    if (!link->transfer.mode || !read_train(in, link, &service_data, &train))
        return;
    resolved = amble__ll_identify(controller, &train.name.advertiser);
    if (amble__ll_sync_find(&controller->synchroniser, &train.name)) /* it is followed already */
        return;
    s = amble__ll_sync_find_unused(&controller->synchroniser);
    if (!s) {
        amble__hc_sync_transfer_refused(link, service_data, HC_MEMORY_FULL);
        return;
    }
    s->resolved = resolved;
    catch_up(&train, amble__air_now(controller->air));
    follow(link, s, service_data, &train);
}

/* --- the commands: Vol 4, Part E, 7.8.89 to 7.8.92 ---------------------------------------------------------------- */

uint8_t amble__hc_le_periodic_advertising_sync_transfer(amble__controller *controller, amble__reader *in,
                                                        amble__writer *out)
{
    amble__ll_link *link = amble__ll_link_find(controller, amble__read_le16(in));
    const uint16_t service_data = amble__read_le16(in);
    const amble__ll_sync *s = amble__ll_sync_find_handle(&controller->synchroniser, amble__read_le16(in));
    known_train train;

    (void)out;
    if (!link)
        return HC_UNKNOWN_CONNECTION;
    if (!s)
        return HC_UNKNOWN_ADVERTISING;
    if (!can_be_told(link))
        return HC_UNSUPPORTED_REMOTE_FEATURE;
    train = train_of_sync(s);
    return tell(link, service_data, &train);
}

uint8_t amble__hc_le_periodic_advertising_set_info_transfer(amble__controller *controller, amble__reader *in,
                                                            amble__writer *out)
{
    amble__ll_link *link = amble__ll_link_find(controller, amble__read_le16(in));
    const uint16_t service_data = amble__read_le16(in);
    const amble__ll_advertiser *a = amble__ll_advertiser_find(controller, amble__read_u8(in));
    known_train train;

    (void)out;
    if (!link)
        return HC_UNKNOWN_CONNECTION;
    if (!a)
        return HC_UNKNOWN_ADVERTISING;
    if (!a->train.running)
        return HC_DISALLOWED;
    if (!can_be_told(link))
        return HC_UNSUPPORTED_REMOTE_FEATURE;
    train = train_of_set(a);
    return tell(link, service_data, &train);
}

static uint8_t read_wishes(amble__reader *in, amble__ll_transfer_wishes *wishes)
{
    uint16_t timeout;

    wishes->mode = amble__read_u8(in);
    wishes->skip = amble__read_le16(in);
    timeout = amble__read_le16(in);
    wishes->timeout_us = timeout * (uint32_t)TIMEOUT_US;
    if (wishes->mode == AMBLE__LL_TRANSFER_WITHOUT_DUPLICATES) /* there is no ADI in trains to tell them by */
        return HC_UNSUPPORTED_PARAMETER;
    return wishes->mode > AMBLE__LL_TRANSFER_WANTED || wishes->skip > SKIP_MAX || timeout < TIMEOUT_MIN ||
                   timeout > TIMEOUT_MAX || amble__read_u8(in) & ~(unsigned)CTE_TYPES
               ? HC_INVALID_PARAMETERS
               : HC_SUCCESS;
}

uint8_t amble__hc_le_set_sync_transfer_parameters(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    amble__ll_link *link = amble__ll_link_find(controller, amble__read_le16(in));
    amble__ll_transfer_wishes wishes;
    const uint8_t status = read_wishes(in, &wishes);

    (void)out;
    if (!link)
        return HC_UNKNOWN_CONNECTION;
    if (!status)
        link->transfer = wishes;
    return status;
}

uint8_t amble__hc_le_set_default_sync_transfer_parameters(amble__controller *controller, amble__reader *in,
                                                          amble__writer *out)
{
    amble__ll_transfer_wishes wishes;
    const uint8_t status = read_wishes(in, &wishes);

    (void)out;
    if (!status)
        controller->synchroniser.by_default = wishes;
    return status;
}
