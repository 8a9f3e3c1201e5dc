/* Advertising: the advertisers that tasks hold, and the service task's part of it.
 *
 * An advertiser is a place in a table; the controller knows the same place as an advertising set (a legacy controller
 * has one). Invariants: `on` is set before the controller is told to start, because a central may connect before the
 * answer to that command is handled; a link belongs to the advertiser whose serial is on the air, to nobody otherwise;
 * a link that its advertiser has not handed on yet carries that serial, and is nobody's when the advertiser is
 * closed. */
#include "core/log.h"
#include "gap/gap_room.h"

enum {
    DEFAULT_INTERVAL_US = 250000,
    LEAST_INTERVAL_US = 20000,
    MOST_INTERVAL_US = 10240000,
    LEAST_PERIODIC_US = 7500, /* Vol 4 Part E 7.8.61 */
    MOST_PERIODIC_US = 81918750,
};

/* amble_advertiser from the inside. */
typedef struct {
    amble__gap *gap;
    uint32_t serial;
    uint8_t place;
} advertiser_inside;
_Static_assert(sizeof(advertiser_inside) <= sizeof(amble_advertiser), "amble_advertiser has room for its inside");

/* --- what is to be sent ------------------------------------------------------------------------------------------- */
static int use_raw(const amble_advertise_options *options, amble__advertisement *what)
{
    const size_t most = what->extended ? what->capacity : AMBLE__ADVERTISING_DATA;

    if (options->data_size > most || options->response_size > most ||
        options->data_size + options->response_size > what->capacity)
        return AMBLE_ERR_TOO_LONG;
    if ((options->data_size && !options->data) || (options->response_size && !options->response))
        return AMBLE_ERR_ARGUMENT;
    /* An extended advertisement is connectable, or carries data, or answers scan requests. Vol 4 Part E 7.8.53 */
    if (what->extended && options->response_size && (options->data_size || what->connectable))
        return AMBLE_ERR_ARGUMENT;
    what->data_size = (uint16_t)options->data_size;
    what->response_size = (uint16_t)options->response_size;
    if (options->data)
        memcpy(what->bytes, options->data, what->data_size);
    if (options->response)
        memcpy(what->bytes + what->data_size, options->response, what->response_size);
    return 0;
}

static bool sensible(const amble_advertise_options *options, const amble__advertisement *what)
{
    return what->interval_us >= LEAST_INTERVAL_US && what->interval_us <= MOST_INTERVAL_US &&
           !(options->directed_to && options->not_connectable) && !(options->high_duty && !options->directed_to) &&
           !(options->high_duty && options->extended) && (unsigned)options->phy <= AMBLE_PHY_CODED &&
           (options->extended || (options->phy <= AMBLE_PHY_1M && !options->anonymous)) &&
           !(options->anonymous && !options->not_connectable) &&
           (!options->periodic_interval_us ||
            (options->extended && options->not_connectable && !options->anonymous && !options->response &&
             options->periodic_interval_us >= LEAST_PERIODIC_US && options->periodic_interval_us <= MOST_PERIODIC_US));
}

static int compose(amble__gap *gap, const amble_advertise_options *options, amble__advertisement *what)
{
    static const amble_advertise_options defaults = {0};

    if (!options)
        options = &defaults;
    *what = (amble__advertisement){.connectable = !options->not_connectable,
                                   .directed = options->directed_to,
                                   .high_duty = options->high_duty,
                                   .extended = options->extended,
                                   .anonymous = options->anonymous,
                                   .periodic_interval_us = options->periodic_interval_us,
                                   .phy = options->phy,
                                   .interval_us = options->interval_us ? options->interval_us : DEFAULT_INTERVAL_US,
                                   .bytes = what->bytes,
                                   .capacity = what->capacity};
    gap->problem[0] = '\0';
    if (!sensible(options, what))
        return AMBLE_ERR_ARGUMENT;
    if (what->extended && gap->commands != &amble__extended_commands)
        return AMBLE_ERR_UNSUPPORTED;
    if (what->directed) {
        what->peer = amble__identify(gap, *options->directed_to);
        return 0;
    }
    if (options->data || options->response)
        return use_raw(options, what);
    return amble__advertising_data(options, gap->name, what, gap->problem);
}

/* --- advertisers -------------------------------------------------------------------------------------------------- */
static amble__advertiser *free_place(const amble__gap *gap)
{
    for (uint8_t i = 0; i < gap->advertiser_count; i++)
        if (!gap->advertisers[i].serial)
            return &gap->advertisers[i];
    return NULL;
}

static int begin(amble__gap *gap, const amble_advertise_options *options, bool once, advertiser_inside *inside)
{
    amble__advertiser *a = free_place(gap);
    int r;

    if (gap->hci->failed)
        return gap->hci->failed;
    if (!a)
        return AMBLE_ERR_BUSY;
    r = compose(gap, options, &a->what);
    if (r < 0)
        return r;
    if (a->what.connectable && !amble__link_slot_coming(gap->links))
        return AMBLE_ERR_NO_MEMORY;
    a->serial = ++gap->advertise_serials;
    a->once = once;
    a->paused = false;
    a->failed = 0;
    a->periodic_size = 0;
    a->periodic_told = a->periodic_wanted;
    *inside = (advertiser_inside){.gap = gap, .serial = a->serial, .place = (uint8_t)(a - gap->advertisers)};
    amble__gap_work(gap);
    return 0;
}

static amble__advertiser *advertiser_of(const advertiser_inside *inside)
{
    amble__advertiser *a = inside->serial ? &inside->gap->advertisers[inside->place] : NULL;

    return a && a->serial == inside->serial ? a : NULL;
}

amble__advertiser *amble__advertiser_open(const amble_advertiser *advertiser, amble__gap **gap)
{
    const advertiser_inside *inside = (const advertiser_inside *)(const void *)advertiser;

    *gap = inside->gap;
    return advertiser_of(inside);
}

static bool came_to(const amble_connection *conn, uint32_t serial)
{
    return conn->state != AMBLE__LINK_FREE && !conn->owned && conn->advertised_by == serial;
}

/* The central that came first and was not handed on yet, or NULL. */
static amble_connection *next_central(const amble__gap *gap, uint32_t serial)
{
    amble_connection *oldest = NULL;

    for (size_t i = 0; i < gap->links->count; i++) {
        amble_connection *conn = &gap->links->slots[i];

        if (came_to(conn, serial) && (!oldest || conn->generation < oldest->generation))
            oldest = conn;
    }
    return oldest;
}

static int wait_for_central(const advertiser_inside *inside, amble_connection **conn, uint64_t deadline_us)
{
    amble__gap *gap = inside->gap;
    amble__advertiser *a = advertiser_of(inside);
    amble__wait wait;
    amble__waiter on_central, on_closing;
    int r;

    for (;;) {
        amble_connection *central = next_central(gap, inside->serial);

        if (central) {
            central->owned = true;
            *conn = central;
            return 0;
        }
        if (gap->hci->failed || a->failed)
            return amble__wait_refuse(gap->hci->failed ? gap->hci->failed : a->failed);
        if (!amble__list_empty(&a->waiters))
            return amble__wait_refuse(AMBLE_ERR_BUSY);
        amble__wait_begin(&wait, &on_central, &a->waiters);
        amble__wait_add(&wait, &on_closing, gap->closings);
        r = amble__wait_run_until(&wait, deadline_us);
        if (r < 0)
            return r;
        if (advertiser_of(inside) != a)
            return AMBLE_ERR_STALE;
    }
}

static void end(const advertiser_inside *inside)
{
    amble__gap *gap = inside->gap;
    amble__advertiser *a = advertiser_of(inside);
    amble_connection *conn;

    if (!a)
        return;
    while ((conn = next_central(gap, inside->serial))) { /* nobody will take it */
        conn->advertised_by = 0;
        conn->disconnect_wanted = true;
    }
    a->serial = 0;
    amble__waiters_end(&a->waiters, AMBLE_ERR_STALE);
    amble__waiters_end(&a->periodic_waiters, AMBLE_ERR_STALE);
    amble__gap_work(gap);
}

int amble_advertise(amble *ble, const amble_advertise_options *options, amble_connection **conn, int timeout_ms)
{
    amble__gap *gap = amble__gap_of(ble);
    const bool connectable = !options || !options->not_connectable;
    amble_connection *central = NULL;
    advertiser_inside inside;
    int r = amble__wait_check();

    if (conn)
        *conn = NULL;
    if (r < 0)
        return r;
    if (!conn && connectable)
        return AMBLE_ERR_ARGUMENT;
    r = begin(gap, options, true, &inside);
    if (r < 0)
        return r == AMBLE_ERR_ARGUMENT || r == AMBLE_ERR_TOO_LONG ? r : amble__wait_refuse(r);
    r = wait_for_central(&inside, &central, amble__due(timeout_ms));
    end(&inside);
    if (r == 0 && conn)
        *conn = central;
    return r == AMBLE_ERR_TIMEOUT && !connectable ? 0 : r;
}

int amble_advertise_open(amble *ble, amble_advertiser *advertiser, const amble_advertise_options *options)
{
    advertiser_inside *inside = (advertiser_inside *)(void *)advertiser;

    *inside = (advertiser_inside){.gap = amble__gap_of(ble)};
    return begin(inside->gap, options, false, inside);
}

int amble_advertise_next(amble_advertiser *advertiser, amble_connection **conn, int timeout_ms)
{
    const advertiser_inside inside = *(const advertiser_inside *)(const void *)advertiser;
    int r = amble__wait_check();

    *conn = NULL;
    if (r < 0)
        return r;
    if (!advertiser_of(&inside))
        return amble__wait_refuse(AMBLE_ERR_STALE);
    return wait_for_central(&inside, conn, amble__due(timeout_ms));
}

void amble_advertise_close(amble_advertiser *advertiser)
{
    advertiser_inside *inside = (advertiser_inside *)(void *)advertiser;

    if (advertiser && inside->serial)
        end(inside);
}

const char *amble_advertise_problem(const amble *ble) { return amble__gap_of((amble *)(uintptr_t)ble)->problem; }

/* --- events ------------------------------------------------------------------------------------------------------- */
static void note_stopped(amble__gap *gap, amble__advertiser *a)
{
    if (a->on)
        amble__gap_note(gap, AMBLE__TRACE_ADVERTISING, false);
    a->on = 0;
    a->started = false;
    amble__gap_work(gap);
}

/* Gives a link to the advertiser it came to; false when that is gone. */
static bool give(amble__gap *gap, amble__advertiser *a, amble_connection *conn)
{
    const uint32_t on = a->on;

    note_stopped(gap, a); /* the controller stops by itself */
    if (!a->serial || a->serial != on)
        return false;
    conn->advertised_by = on;
    a->paused = a->once;
    amble__connect_overtaken(gap, conn->device);
    amble__waiters_end(&a->waiters, 0);
    return true;
}

/* The only advertiser that a central may have come to, or NULL when there are several or none. */
static amble__advertiser *only_candidate(const amble__gap *gap, unsigned *candidates)
{
    amble__advertiser *found = NULL;

    *candidates = 0;
    for (uint8_t i = 0; i < gap->advertiser_count; i++) {
        if (!gap->advertisers[i].on || !gap->advertisers[i].what.connectable)
            continue;
        found = &gap->advertisers[i];
        (*candidates)++;
    }
    return *candidates == 1 ? found : NULL;
}

static void dismiss_nameless(amble__gap *gap)
{
    if (gap->nameless && gap->nameless->generation == gap->nameless_generation)
        gap->nameless->disconnect_wanted = true;
    gap->nameless = NULL;
}

bool amble__advertised_link(amble__gap *gap, amble_connection *conn)
{
    unsigned candidates;
    amble__advertiser *only = only_candidate(gap, &candidates);

    dismiss_nameless(gap);
    if (only)
        return give(gap, only, conn);
    if (candidates == 0)
        return false;
    /* LE Advertising Set Terminated follows, Vol 4 Part E 7.7.65.18. */
    gap->nameless = conn;
    gap->nameless_generation = conn->generation;
    return true;
}

void amble__advertised_stray(amble__gap *gap)
{
    unsigned candidates;
    amble__advertiser *only = only_candidate(gap, &candidates);

    if (only)
        note_stopped(gap, only);
}

void amble__advertising_ended(amble__gap *gap, uint8_t set, uint8_t status, amble_connection *conn)
{
    amble__advertiser *a = set < gap->advertiser_count ? &gap->advertisers[set] : NULL;
    const bool is_nameless = conn && conn == gap->nameless && conn->generation == gap->nameless_generation;

    if (!a)
        return;
    if (is_nameless) {
        gap->nameless = NULL;
        if (!a->on || !give(gap, a, conn))
            conn->disconnect_wanted = true;
        amble__gap_work(gap);
    } else if (status && a->on) {
        if (status == AMBLE__HCI_ADVERTISING_TIMEOUT)
            a->what.high_duty = false; /* the rest of the time it goes on in low duty */
        note_stopped(gap, a);
    }
}

void amble__advertised_lost(amble__gap *gap, const amble_connection *conn)
{
    for (uint8_t i = 0; i < gap->advertiser_count; i++)
        if (gap->advertisers[i].serial && gap->advertisers[i].serial == conn->advertised_by)
            gap->advertisers[i].paused = false; /* and waits for another central */
}

/* --- the service task's part -------------------------------------------------------------------------------------- */
static void tell_failure(amble__gap *gap, amble__advertiser *a, int r)
{
    amble__log(AMBLE__LOG_INFO, "%s: advertising did not start: %s", gap->hci->instance, amble_error_text(r));
    a->failed = r;
    amble__waiters_end(&a->waiters, 0); /* it looks */
    amble__waiters_end(&a->periodic_waiters, r);
}

void amble__advertising_hush(amble__gap *gap, uint8_t set)
{
    amble__advertiser *a = &gap->advertisers[set];
    const int r = gap->commands->stop_advertising(gap, set);

    /* When a central came meanwhile it has stopped by itself. */
    if (r < 0 && a->on && !gap->hci->failed) {
        amble__log(AMBLE__LOG_WARNING, "%s: advertising did not stop and is stopped again: %s", gap->hci->instance,
                   amble_error_text(r));
        amble__gap_retry(gap);
        return;
    }
    note_stopped(gap, a); /* and wakes: the advertiser may be another one meanwhile */
}

/* There must be room for a link, and none yet to the only device that may make it. */
static bool may_connect(const amble__gap *gap, const amble__advertisement *what)
{
    return !what->connectable ||
           (amble__link_slot_free(gap->links) && !(what->directed && amble__link_by_device(gap->links, what->peer)));
}

static void serve_one(amble__gap *gap, uint8_t set)
{
    amble__advertiser *a = &gap->advertisers[set];
    const uint32_t wanted = a->serial && !a->failed && !a->paused ? a->serial : 0;
    amble__advertisement what;
    int r;

    if (a->on && (a->on != wanted || !may_connect(gap, &a->what))) {
        amble__advertising_hush(gap, set);
        return;
    }
    if (!wanted || a->on || !may_connect(gap, &a->what))
        return;
    what = a->what; /* the place may be another's while the commands are under way: then they do not enable it */
    a->on = wanted;
    amble__gap_note(gap, AMBLE__TRACE_ADVERTISING, true);
    r = gap->commands->start_advertising(gap, set, &what);
    if (r >= 0) {
        a->started = a->on == wanted;
        amble__waiters_end(&a->periodic_waiters, 0);
        return;
    }
    if (a->on == wanted)
        note_stopped(gap, a);
    if (a->serial == wanted)
        tell_failure(gap, a, r);
}

void amble__serve_advertising(amble__gap *gap)
{
    for (uint8_t i = 0; i < gap->advertiser_count; i++)
        serve_one(gap, i);
}
