/* Scanning: the scanners that tasks hold, and the service task's part.
 *
 * The controller scans as much as the most eager scanner wants; when the scanners change, it is stopped and told anew.
 * Invariants: `told` is what the controller scans for while `on`; a task in amble_scan_open waits until the controller
 * scans for what it wants too, or makes way for a connection. */
#include "core/log.h"
#include "gap/gap_room.h"

enum {
    DEFAULT_INTERVAL_US = 1280000,
    DEFAULT_WINDOW_US = 11250,
    LEAST_US = 2500,
    MOST_US = 10240000,
    OPEN_MS = 2500,       /* longer than a command may take: a silent controller is lost before */
    SYNC_SCAN_US = 60000, /* while a periodic sender is looked for */
};

/* amble_scanner from the inside: which scan it is. */
typedef struct {
    amble__gap *gap;
    uint32_t serial;
    uint8_t place;
} scanner_inside;
_Static_assert(sizeof(scanner_inside) <= sizeof(amble_scanner), "amble_scanner has room for its inside");

static amble__scanner *scanner_of(const scanner_inside *inside)
{
    amble__scanner *scanner = inside->serial ? &inside->gap->scan.scanners[inside->place] : NULL;

    return scanner && scanner->serial == inside->serial ? scanner : NULL;
}

/* --- opening and closing ------------------------------------------------------------------------------------------ */
static void end_of_scan(amble__scanner *scanner)
{
    scanner->wanted = false;
    amble__timer_stop(&scanner->duration);
}

static void duration_is_over(amble__timer *timer)
{
    amble__scanner *scanner = amble__container(timer, amble__scanner, duration);

    end_of_scan(scanner);
    scanner->over = true;
    amble__waiters_end(&scanner->waiters, 0);
    amble__gap_work(scanner->gap);
}

static int take_options(const amble__gap *gap, amble__scanner *scanner, const amble_scan_options *options)
{
    static const amble_scan_options defaults = {0};
    amble_scan_options *o = &scanner->options;

    *o = options ? *options : defaults;
    if (!o->interval_us)
        o->interval_us = DEFAULT_INTERVAL_US;
    if (!o->window_us)
        o->window_us = o->interval_us < DEFAULT_WINDOW_US ? o->interval_us : DEFAULT_WINDOW_US;
    if (o->interval_us > MOST_US || o->window_us < LEAST_US || o->window_us > o->interval_us)
        return AMBLE_ERR_ARGUMENT;
    if (o->name) {
        const size_t length = strlen(o->name);

        if (length >= sizeof scanner->name)
            return AMBLE_ERR_TOO_LONG;
        memcpy(scanner->name, o->name, length + 1);
        o->name = scanner->name;
    }
    if (o->service) {
        scanner->service = *o->service;
        o->service = &scanner->service;
    }
    if (o->device) {
        scanner->device = amble__identify(gap, *o->device);
        o->device = &scanner->device;
    }
    return 0;
}

static int wait_for_start(amble__gap *gap, amble__scanner *scanner)
{
    amble__wait wait;
    amble__waiter on_closing;
    int r;

    amble__wait_begin(&wait, &on_closing, gap->closings);
    scanner->opening = &wait;
    amble__gap_work(gap);
    r = amble__wait_run(&wait, OPEN_MS);
    scanner->opening = NULL;
    return r < 0 ? r : gap->hci->failed; /* it may have failed after this task was woken */
}

static amble__scanner *free_place(const amble__scan *scan)
{
    for (uint8_t i = 0; i < scan->scanner_count; i++)
        if (!scan->scanners[i].serial && !scan->scanners[i].opening)
            return &scan->scanners[i];
    return NULL;
}

int amble_scan_open(amble *ble, amble_scanner *out, const amble_scan_options *options, int duration_ms)
{
    scanner_inside *inside = (scanner_inside *)(void *)out;
    amble__gap *gap = amble__gap_of(ble);
    amble__scan *scan = &gap->scan;
    amble__scanner *scanner = free_place(scan);
    int r = amble__wait_check();

    *inside = (scanner_inside){.gap = gap};
    if (r < 0)
        return r;
    if (gap->hci->failed || !scanner)
        return amble__wait_refuse(gap->hci->failed ? gap->hci->failed : AMBLE_ERR_BUSY);
    if (options && options->coded && !amble__gap_hears_coded(gap))
        return AMBLE_ERR_UNSUPPORTED;
    r = take_options(gap, scanner, options);
    if (r < 0)
        return r;
    amble__scan_begin(scan, scanner);
    inside->place = (uint8_t)(scanner - scan->scanners);
    inside->serial = scanner->serial = ++scan->serials;
    scanner->wanted = true;
    scanner->over = false;
    scanner->failed = 0;
    scanner->dropped = 0;
    r = wait_for_start(gap, scanner);
    if (r < 0) {
        amble_scan_close(out);
        return r;
    }
    scanner->duration.fire = duration_is_over;
    if (duration_ms >= 0)
        amble__timer_start(&scanner->duration, amble__deadline(duration_ms));
    return 0;
}

void amble_scan_close(amble_scanner *out)
{
    scanner_inside *inside = (scanner_inside *)(void *)out;
    amble__scanner *scanner = out ? scanner_of(inside) : NULL;

    if (!scanner)
        return;
    end_of_scan(scanner);
    scanner->serial = 0;
    amble__waiters_end(&scanner->waiters, AMBLE_ERR_STALE);
    amble__gap_work(inside->gap);
}

/* --- results ------------------------------------------------------------------------------------------------------ */
/* 1: something may have come, 0: the duration is over, or why there will be no more. */
static int wait_for_result(const scanner_inside *inside, uint64_t deadline_us)
{
    const scanner_inside copy = *inside; /* whoever closes it may forget it */
    amble__scanner *scanner = scanner_of(&copy);
    const int failed = copy.gap->hci->failed ? copy.gap->hci->failed : scanner->failed;
    amble__wait wait;
    amble__waiter on_result, on_closing;
    int r;

    if (scanner->over)
        return 0;
    if (failed)
        return amble__wait_refuse(failed);
    if (!amble__list_empty(&scanner->waiters))
        return amble__wait_refuse(AMBLE_ERR_BUSY);
    amble__wait_begin(&wait, &on_result, &scanner->waiters);
    amble__wait_add(&wait, &on_closing, copy.gap->closings);
    r = amble__wait_run_until(&wait, deadline_us);
    if (r < 0)
        return r;
    return scanner_of(&copy) ? 1 : AMBLE_ERR_STALE;
}

int amble_scan_next(amble_scanner *out, amble_scan_result *result, int timeout_ms)
{
    const scanner_inside *inside = (const scanner_inside *)(const void *)out;
    const uint64_t deadline = amble__due(timeout_ms);
    amble__scanner *scanner;
    int r = amble__wait_check();

    if (r < 0)
        return r;
    scanner = scanner_of(inside);
    if (!scanner)
        return amble__wait_refuse(AMBLE_ERR_STALE);
    while (!amble__scan_take(&inside->gap->scan, scanner, result))
        if ((r = wait_for_result(inside, deadline)) <= 0)
            return r;
    return 1;
}

int amble_scan_find(amble *ble, const amble_scan_options *options, amble_scan_result *found, int timeout_ms)
{
    amble_scanner scanner;
    int r = amble_scan_open(ble, &scanner, options, timeout_ms);

    if (r < 0)
        return r;
    r = amble_scan_next(&scanner, found, AMBLE_FOREVER);
    amble_scan_close(&scanner);
    return r > 0 ? 0 : r < 0 ? r : AMBLE_ERR_TIMEOUT;
}

/* --- the service task's part -------------------------------------------------------------------------------------- */
static bool more_eager(const amble__scan_wish *wish, const amble_scan_options *options)
{
    const uint64_t ours = (uint64_t)options->window_us * wish->interval_us;
    const uint64_t theirs = (uint64_t)wish->window_us * options->interval_us;

    return ours > theirs || (ours == theirs && options->interval_us < wish->interval_us);
}

/* What all scanners together want. */
static amble__scan_wish current_wish(const amble__gap *gap)
{
    const amble__scan *scan = &gap->scan;
    amble__scan_wish wish = {.any = false};
    amble_connect_options connect;

    for (uint8_t i = 0; i < scan->scanner_count; i++) {
        const amble__scanner *scanner = &scan->scanners[i];

        if (!scanner->wanted)
            continue;
        if (!wish.any || more_eager(&wish, &scanner->options)) {
            wish.interval_us = scanner->options.interval_us;
            wish.window_us = scanner->options.window_us;
        }
        wish.any = true;
        wish.active = wish.active || scanner->options.active;
        wish.coded = wish.coded || scanner->options.coded;
    }
    if (amble__sync_needs_scan(gap) && !wish.any)
        wish = (amble__scan_wish){.any = true, .interval_us = SYNC_SCAN_US, .window_us = SYNC_SCAN_US};
    if (amble__connect_needs_scan(gap, &connect)) {
        const amble_scan_options listening = {.interval_us = connect.scan_interval_us,
                                              .window_us = connect.scan_window_us};

        if (!wish.any || more_eager(&wish, &listening)) {
            wish.interval_us = listening.interval_us;
            wish.window_us = listening.window_us;
        }
        wish.any = true;
        wish.coded = wish.coded || connect.coded;
    }
    return wish;
}

static bool same_wish(const amble__scan_wish *a, const amble__scan_wish *b)
{
    return a->any == b->any && a->active == b->active && a->coded == b->coded && a->interval_us == b->interval_us &&
           a->window_us == b->window_us;
}

static int start(amble__gap *gap, const amble__scan_wish *wish)
{
    const bool beside_connect = gap->connecting;
    amble__scan *scan = &gap->scan;
    int r = gap->commands->start_scanning(gap, wish);

    if (r == AMBLE_ERR_HCI(AMBLE__HCI_COMMAND_DISALLOWED) && beside_connect) {
        /* Until the connection is made or given up, which may have come together with this answer. */
        scan->blocked = gap->connecting;
        if (!scan->blocked)
            amble__gap_work(gap);
        return 0;
    }
    scan->on = r >= 0;
    amble__gap_note(gap, AMBLE__TRACE_SCANNING, scan->on);
    scan->told = *wish;
    if (r < 0)
        amble__log(AMBLE__LOG_INFO, "%s: scanning did not start: %s", gap->hci->instance, amble_error_text(r));
    return r;
}

/* Tells every scanner that was meant that its scan goes on, or that it does not. */
static void tell(amble__scan *scan, uint32_t latest, int r)
{
    for (uint8_t i = 0; i < scan->scanner_count; i++) {
        amble__scanner *scanner = &scan->scanners[i];

        if (!scanner->wanted || scanner->serial > latest)
            continue;
        if (scanner->opening && !amble__wait_ended(scanner->opening)) {
            amble__wait_end(scanner->opening, r);
        } else if (r < 0) {
            end_of_scan(scanner);
            scanner->failed = r;
            amble__waiters_end(&scanner->waiters, 0);
        }
    }
}

void amble__scan_hush(amble__gap *gap)
{
    if (!gap->scan.on)
        return;
    (void)gap->commands->stop_scanning(gap); /* it is stopped, or the controller is lost */
    gap->scan.on = false;
    amble__gap_note(gap, AMBLE__TRACE_SCANNING, false);
}

void amble__serve_scan(amble__gap *gap)
{
    amble__scan *scan = &gap->scan;
    const amble__scan_wish wish = current_wish(gap);
    const uint32_t latest = scan->serials;
    int r = 0;

    if (scan->on && (scan->blocked || !same_wish(&wish, &scan->told))) {
        amble__scan_hush(gap);
        amble__gap_work(gap);
        return;
    }
    if (!wish.any)
        return;
    if (!scan->on && !scan->blocked)
        r = start(gap, &wish);
    tell(scan, latest, r);
}
