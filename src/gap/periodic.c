/* Periodic advertising: what an advertiser sends periodically, and listening to others.
 *
 * A sender's data belongs to the task while the service task does not send it, and to the service task while it does.
 * Listening: one synchronisation is made at a time, by the controller, which must scan meanwhile. Invariants: `syncing`
 * is the serial that it is made for, from before the command until its event; a place whose task has gone is ENDING
 * until the controller has forgotten it; reports 0 to count - 1 behind `first` are whole, the one behind them is put
 * together when `partial`. */
#include <amble/periodic.h>

#include "gap/gap_room.h"

enum {
    MOST_REPLACED = 251,
    MOST_SKIP = 499,
    DEFAULT_TIMEOUT_MS = 5000,
    LEAST_TIMEOUT_MS = 100,
    MOST_TIMEOUT_MS = 163840,
    UNIT_TIMEOUT_MS = 10,
    MOST_SET = 15,
    RING = AMBLE__SYNC_REPORTS + 1,
};

/* --- sending ------------------------------------------------------------------------------------------------------ */
int amble__advertiser_wait(amble__gap *gap, amble__advertiser *a, uint64_t deadline_us)
{
    amble__wait wait;
    amble__waiter on_told, on_closing;

    amble__wait_begin(&wait, &on_told, &a->periodic_waiters);
    amble__wait_add(&wait, &on_closing, gap->closings);
    return amble__wait_run_until(&wait, deadline_us);
}

int amble_periodic_send(amble_advertiser *advertiser, const void *data, size_t size, int timeout_ms)
{
    const uint64_t deadline = amble__deadline(timeout_ms);
    amble__gap *gap;
    amble__advertiser *a;
    uint32_t number;
    int r = amble__wait_check();

    if (r < 0)
        return r;
    a = amble__advertiser_open(advertiser, &gap);
    if (!a || gap->hci->failed)
        return amble__wait_refuse(a ? gap->hci->failed : AMBLE_ERR_STALE);
    if (!a->what.periodic_interval_us)
        return AMBLE_ERR_ARGUMENT;
    while (a->periodic_sending) {
        r = amble__advertiser_wait(gap, a, deadline);
        if (r < 0)
            return r;
    }
    if (size > a->what.capacity)
        return AMBLE_ERR_TOO_LONG;
    if (size)
        memcpy(a->periodic, data, size);
    a->periodic_size = (uint16_t)size;
    number = ++a->periodic_wanted;
    amble__gap_work(gap);
    do {
        if (a->failed)
            return amble__wait_refuse(a->failed);
        r = amble__advertiser_wait(gap, a, deadline);
        if (r < 0)
            return r;
    } while ((int32_t)(a->periodic_told - number) < 0);
    return a->periodic_result;
}

/* Data on the air is replaced by one command; in several only while it is off the air, 7.8.62. What the controller
 * refuses leaves it on. */
static int replace(amble__gap *gap, uint8_t set, const uint8_t *data, size_t size)
{
    const amble__advertiser *a = &gap->advertisers[set];
    int r = a->periodic_on && size > MOST_REPLACED ? amble__periodic_enable(gap, set, false) : 0, on;

    if (r >= 0)
        r = amble__set_in_fragments(gap, AMBLE__HCI_LE_SET_PERIODIC_DATA, &set, 1, data, size);
    if (a->periodic_on || !amble__advertiser_wanted(gap, set))
        return r;
    on = amble__periodic_enable(gap, set, true);
    return r < 0 ? r : on;
}

static void serve_sender(amble__gap *gap, uint8_t set)
{
    amble__advertiser *a = &gap->advertisers[set];
    const uint32_t number = a->periodic_wanted;

    if (!a->what.periodic_interval_us || a->periodic_told == number || !amble__advertiser_wanted(gap, set))
        return;
    a->periodic_sending = true;
    a->periodic_result = replace(gap, set, a->periodic, a->periodic_size);
    a->periodic_sending = false;
    a->periodic_told = number;
    amble__waiters_end(&a->periodic_waiters, 0);
}

/* --- listening: the program's side -------------------------------------------------------------------------------- */
/* amble_periodic from the inside. */
typedef struct {
    amble__gap *gap;
    uint32_t serial;
    uint8_t place;
} periodic_inside;
_Static_assert(sizeof(periodic_inside) <= sizeof(amble_periodic), "amble_periodic has room for its inside");

amble__sync *amble__sync_of(const amble_periodic *periodic, amble__gap **gap)
{
    const periodic_inside *inside = (const periodic_inside *)(const void *)periodic;
    amble__sync *sync = inside->serial ? &inside->gap->syncs[inside->place] : NULL;

    *gap = inside->gap;
    return sync && sync->serial == inside->serial ? sync : NULL;
}

void amble__sync_none(amble__gap *gap, amble_periodic *periodic)
{
    *(periodic_inside *)(void *)periodic = (periodic_inside){.gap = gap};
}

static int wait_for_sync(amble__gap *gap, amble__sync *sync, uint64_t deadline_us)
{
    amble__wait wait;
    amble__waiter on_change, on_closing;

    amble__wait_begin(&wait, &on_change, &sync->waiters);
    amble__wait_add(&wait, &on_closing, gap->closings);
    return amble__wait_run_until(&wait, deadline_us);
}

static int take_options(amble__sync *sync, const amble_periodic_options *options)
{
    const uint32_t timeout_ms = options && options->timeout_ms ? options->timeout_ms : DEFAULT_TIMEOUT_MS;

    sync->skip = options ? options->skip : 0;
    sync->timeout = (uint16_t)(timeout_ms / UNIT_TIMEOUT_MS);
    return sync->skip > MOST_SKIP || timeout_ms < LEAST_TIMEOUT_MS || timeout_ms > MOST_TIMEOUT_MS ? AMBLE_ERR_ARGUMENT
                                                                                                   : 0;
}

static amble__sync *free_place(const amble__gap *gap)
{
    for (uint8_t i = 0; i < gap->sync_count; i++)
        if (gap->syncs[i].state == AMBLE__SYNC_FREE)
            return &gap->syncs[i];
    return NULL;
}

/* What keeps a synchronisation from being begun, 0: nothing. */
static int cannot_begin(amble__gap *gap, amble__sync *sync, amble__le_feature feature,
                        const amble_periodic_options *options)
{
    const int r = amble__wait_check();

    if (r < 0)
        return r;
    if (gap->hci->failed || !sync)
        return amble__wait_refuse(gap->hci->failed ? gap->hci->failed : AMBLE_ERR_BUSY);
    if (!amble__gap_can(gap, feature))
        return AMBLE_ERR_UNSUPPORTED;
    return take_options(sync, options);
}

amble__sync *amble__sync_begin(amble__gap *gap, amble_periodic *periodic, amble__le_feature feature,
                               const amble_periodic_options *options, int *error)
{
    periodic_inside *inside = (periodic_inside *)(void *)periodic;
    amble__sync *sync = free_place(gap);

    amble__sync_none(gap, periodic);
    *error = cannot_begin(gap, sync, feature, options);
    if (*error < 0)
        return NULL;
    sync->failed = 0;
    sync->first = sync->count = 0;
    sync->partial = false;
    sync->dropped = 0;
    inside->place = (uint8_t)(sync - gap->syncs);
    inside->serial = sync->serial = ++gap->sync_serials;
    return sync;
}

int amble__sync_wait(amble__gap *gap, amble__sync *sync, amble__sync_state while_it_is, uint64_t deadline_us)
{
    int r;

    amble__gap_work(gap);
    do
        r = wait_for_sync(gap, sync, deadline_us);
    while (r == 0 && sync->state == while_it_is && !sync->failed);
    return r < 0 ? r : sync->failed;
}

int amble_periodic_open(amble *ble, amble_periodic *periodic, amble_device device, uint8_t set,
                        const amble_periodic_options *options, int timeout_ms)
{
    const uint64_t deadline = amble__deadline(timeout_ms);
    amble__gap *gap = amble__gap_of(ble);
    amble__sync *sync;
    int r;

    amble__sync_none(gap, periodic);
    if (set > MOST_SET)
        return AMBLE_ERR_ARGUMENT;
    sync = amble__sync_begin(gap, periodic, AMBLE__LE_PERIODIC_ADVERTISING, options, &r);
    if (!sync)
        return r;
    sync->device = amble__identify(gap, device);
    sync->address = device;
    sync->heard = !amble_device_equal(sync->device, device); /* the caller knows this address from a scan */
    sync->set = set;
    sync->state = AMBLE__SYNC_WANTED;
    r = amble__sync_wait(gap, sync, AMBLE__SYNC_WANTED, deadline);
    if (r < 0)
        amble_periodic_close(periodic);
    return r;
}

static void take(amble__sync *sync, amble_periodic_report *report)
{
    *report = (amble_periodic_report){.rssi = sync->reports[sync->first].rssi,
                                      .truncated = sync->reports[sync->first].truncated,
                                      .dropped = sync->dropped,
                                      .time_us = sync->reports[sync->first].time_us,
                                      .data = sync->view,
                                      .size = sync->reports[sync->first].size};
    memcpy(sync->view, sync->reports[sync->first].bytes, report->size);
    sync->dropped = 0;
    sync->first = (uint8_t)((sync->first + 1) % RING);
    sync->count--;
}

int amble_periodic_next(amble_periodic *periodic, amble_periodic_report *report, int timeout_ms)
{
    const amble_periodic copy = *periodic; /* it may be closed and opened while this waits */
    const uint64_t deadline = amble__due(timeout_ms);
    amble__gap *gap;
    amble__sync *sync;
    int r = amble__wait_check();

    if (r < 0)
        return r;
    while ((sync = amble__sync_of(&copy, &gap)) && !sync->count) {
        if (gap->hci->failed || sync->state == AMBLE__SYNC_LOST)
            return amble__wait_refuse(gap->hci->failed ? gap->hci->failed : AMBLE_ERR_DISCONNECTED);
        if (!amble__list_empty(&sync->waiters))
            return amble__wait_refuse(AMBLE_ERR_BUSY);
        r = wait_for_sync(gap, sync, deadline);
        if (r < 0)
            return r;
    }
    if (!sync)
        return amble__wait_refuse(AMBLE_ERR_STALE);
    take(sync, report);
    return 0;
}

void amble_periodic_close(amble_periodic *periodic)
{
    amble__gap *gap;
    amble__sync *sync = periodic ? amble__sync_of(periodic, &gap) : NULL;

    if (!sync)
        return;
    amble__waiters_end(&sync->waiters, AMBLE_ERR_STALE);
    if (sync->state == AMBLE__SYNC_ON) /* the controller is told */
        sync->state = AMBLE__SYNC_ENDING;
    else
        sync->state = AMBLE__SYNC_FREE; /* an attempt that goes on is found by `syncing` */
    sync->serial = 0;
    amble__gap_work(gap);
}

/* --- events ------------------------------------------------------------------------------------------------------- */
static amble__sync *sync_with_serial(const amble__gap *gap, uint32_t serial)
{
    for (uint8_t i = 0; i < gap->sync_count; i++)
        if (gap->syncs[i].serial && gap->syncs[i].serial == serial)
            return &gap->syncs[i];
    return NULL;
}

static amble__sync *sync_with_handle(const amble__gap *gap, uint16_t handle)
{
    for (uint8_t i = 0; i < gap->sync_count; i++)
        if (gap->syncs[i].state == AMBLE__SYNC_ON && gap->syncs[i].handle == handle)
            return &gap->syncs[i];
    return NULL;
}

void amble__sync_made(amble__sync *sync, uint8_t status, uint16_t handle)
{
    if (status) {
        sync->failed = AMBLE_ERR_HCI(status);
    } else {
        sync->state = AMBLE__SYNC_ON;
        sync->handle = handle;
    }
    amble__waiters_end(&sync->waiters, 0);
}

/* There are as many places as the controller may make before the service task comes round; one more is left to it. */
void amble__sync_stray(amble__gap *gap, uint16_t handle)
{
    for (unsigned i = 0; i < AMBLE__SYNCS; i++) {
        if (gap->sync_strays[i])
            continue;
        gap->sync_strays[i] = handle + 1u;
        break;
    }
    amble__gap_work(gap);
}

void amble__sync_established(amble__gap *gap, amble__reader *r)
{
    const uint8_t status = amble__read_u8(r);
    const uint16_t handle = amble__read_le16(r) & 0x0fff;
    amble__sync *sync = sync_with_serial(gap, gap->syncing);

    if (r->failed || !gap->syncing) {
        gap->malformed++;
        return;
    }
    gap->syncing = 0;
    amble__gap_work(gap);
    if (!sync) {
        if (!status)
            amble__sync_stray(gap, handle);
        return;
    }
    if (!status || !gap->sync_cancelled) /* else it begins anew, with another address */
        amble__sync_made(sync, status, handle);
}

/* Makes room for the next report; the oldest goes when four wait. */
static void finish_report(amble__sync *sync)
{
    sync->partial = false;
    if (++sync->count > AMBLE__SYNC_REPORTS) {
        sync->first = (uint8_t)((sync->first + 1) % RING);
        sync->count--;
        sync->dropped++;
    }
    amble__waiters_end(&sync->waiters, 0);
}

void amble__sync_report(amble__gap *gap, amble__reader *r)
{
    enum { WHOLE = 0, MORE = 1 };
    const uint16_t handle = amble__read_le16(r) & 0x0fff;
    const uint8_t power = amble__read_u8(r);
    const int8_t rssi = (int8_t)amble__read_u8(r);
    const uint8_t tone = amble__read_u8(r), status = amble__read_u8(r);
    const size_t length = amble__read_u8(r);
    const uint8_t *data = amble__read_view(r, length);
    amble__sync *sync = r->failed ? NULL : sync_with_handle(gap, handle);
    unsigned last;
    size_t room;

    (void)power, (void)tone; /* of no use here */
    gap->malformed += r->failed;
    if (!sync)
        return;
    last = ((unsigned)sync->first + sync->count) % RING;
    if (!sync->partial) {
        sync->reports[last].size = 0;
        sync->reports[last].truncated = false;
    }
    sync->partial = true;
    room = gap->scan.size - (size_t)sync->reports[last].size;
    if (length && room)
        memcpy(sync->reports[last].bytes + sync->reports[last].size, data, length < room ? length : room);
    sync->reports[last].size = (uint16_t)(sync->reports[last].size + (length < room ? length : room));
    sync->reports[last].truncated =
        sync->reports[last].truncated || length > room || (status != WHOLE && status != MORE);
    sync->reports[last].rssi = rssi;
    sync->reports[last].time_us = amble_now_us();
    if (status != MORE)
        finish_report(sync);
}

void amble__sync_lost(amble__gap *gap, amble__reader *r)
{
    const uint16_t handle = amble__read_le16(r) & 0x0fff;
    amble__sync *sync = r->failed ? NULL : sync_with_handle(gap, handle);

    gap->malformed += r->failed;
    if (!sync)
        return;
    sync->state = AMBLE__SYNC_LOST;
    amble__waiters_end(&sync->waiters, 0);
}

/* --- the service task's part -------------------------------------------------------------------------------------- */
bool amble__sync_needs_scan(const amble__gap *gap)
{
    for (uint8_t i = 0; i < gap->sync_count; i++)
        if (gap->syncs[i].state == AMBLE__SYNC_WANTED && !gap->syncs[i].failed)
            return true;
    return false;
}

void amble__sync_heard(amble__gap *gap, amble_device identity, uint8_t set, amble_device address)
{
    for (uint8_t i = 0; i < gap->sync_count; i++) {
        amble__sync *sync = &gap->syncs[i];

        if (sync->state != AMBLE__SYNC_WANTED || sync->set != set || !amble_device_equal(sync->device, identity))
            continue;
        sync->address = address;
        sync->heard = true;
        amble__gap_work(gap);
    }
}

/* The address to wait for; false when the sender has to be heard first, because only the host knows whose addresses
 * those are. */
static bool address_of(const amble__gap *gap, const amble__sync *sync, amble_device *address)
{
    bool known;
    const bool hides = amble__identity_hides(gap, sync->device, address, &known) && !known;

    *address = hides ? sync->address : sync->device;
    return !hides || sync->heard;
}

static void begin_sync(amble__gap *gap, amble__sync *sync)
{
    amble_device address;
    const uint32_t serial = sync->serial;
    uint8_t parameters[14];
    amble__writer w = amble__writer_of(parameters, sizeof parameters);
    int r;

    if (!address_of(gap, sync, &address))
        return;
    amble__write_u8(&w, 0); /* the one that is named here, and its reports */
    amble__write_u8(&w, sync->set);
    amble__write_u8(&w, address.type);
    amble__write_bytes(&w, address.bytes, 6);
    amble__write_le16(&w, sync->skip);
    amble__write_le16(&w, sync->timeout);
    amble__write_u8(&w, 0); /* whatever else it carries */
    sync->told = address;
    gap->syncing = serial;
    gap->sync_cancelled = false;
    r = amble__hci_command(gap->hci, AMBLE__HCI_LE_PERIODIC_CREATE_SYNC, parameters, amble__written_size(&w), NULL, 0);
    if (r >= 0)
        return;
    gap->syncing = 0;
    amble__gap_work(gap);
    sync = sync_with_serial(gap, serial);
    if (!sync)
        return;
    sync->failed = r;
    amble__waiters_end(&sync->waiters, 0);
}

static void end_sync(amble__gap *gap, uint16_t handle)
{
    uint8_t parameters[2];

    amble__put_le16(parameters, handle);
    /* Refused only when it was lost meanwhile. */
    (void)amble__hci_command(gap->hci, AMBLE__HCI_LE_PERIODIC_TERMINATE_SYNC, parameters, sizeof parameters, NULL, 0);
}

static void serve_strays(amble__gap *gap)
{
    for (unsigned i = 0; i < AMBLE__SYNCS; i++) {
        const uint32_t stray = gap->sync_strays[i];

        gap->sync_strays[i] = 0;
        if (stray)
            end_sync(gap, (uint16_t)(stray - 1));
    }
    for (uint8_t i = 0; i < gap->sync_count; i++) {
        amble__sync *sync = &gap->syncs[i];

        if (sync->state != AMBLE__SYNC_ENDING)
            continue;
        end_sync(gap, sync->handle);
        sync->state = AMBLE__SYNC_FREE;
    }
}

/* Whether what the controller waits for is not wanted any more, or has another address meanwhile. */
static bool is_outdated(const amble__gap *gap)
{
    const amble__sync *sync = sync_with_serial(gap, gap->syncing);
    amble_device address;

    return !sync || (address_of(gap, sync, &address) && !amble_device_equal(address, sync->told));
}

void amble__serve_periodic(amble__gap *gap)
{
    amble__sync *oldest = NULL;

    for (uint8_t i = 0; i < gap->advertiser_count; i++)
        serve_sender(gap, i);
    serve_strays(gap);
    for (uint8_t i = 0; i < gap->sync_count; i++) {
        amble__sync *sync = &gap->syncs[i];

        if (sync->state == AMBLE__SYNC_WANTED && !sync->failed && (!oldest || sync->serial < oldest->serial))
            oldest = sync;
    }
    if (gap->syncing && is_outdated(gap) && !gap->sync_cancelled) {
        gap->sync_cancelled = true;
        /* Its event comes in any case; when it is refused, the event is on its way. */
        (void)amble__hci_command(gap->hci, AMBLE__HCI_LE_PERIODIC_CREATE_SYNC_CANCEL, NULL, 0, NULL, 0);
    } else if (!gap->syncing && oldest && oldest->state == AMBLE__SYNC_WANTED) {
        begin_sync(gap, oldest);
    }
}
