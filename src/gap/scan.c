/* Scanning: the scanner that a task holds, the devices seen, and the service task's part.
 *
 * Results are merged per device: one entry holds its advertising data and its scan response. It is pending when something changed since it was
 * delivered. When all entries are taken, the one that changed longest ago makes room; when all are pending, a new device is dropped and
 * counted. Invariant: an entry is in exactly one of pending, quiet and free. */
#include "core/log.h"
#include "gap/gap_room.h"

enum {
    DEFAULT_INTERVAL_US = 1280000,
    DEFAULT_WINDOW_US = 11250,
    LEAST_US = 2500,
    MOST_US = 10240000,
    OPEN_MS = 2500, /* longer than a command may take: a silent controller is lost before */
    REPORT_SCAN_RESPONSE = 4,
    REPORT_CONNECTABLE = 0,
    REPORT_DIRECTED = 1,
    REPORT_SCANNABLE = 2,
};

/* amble_scanner from the inside: which scan it is. */
typedef struct {
    amble__gap *gap;
    uint32_t serial;
} scanner_inside;
_Static_assert(sizeof(scanner_inside) <= sizeof(amble_scanner), "amble_scanner has room for its inside");

/* --- results ------------------------------------------------------------------------------------------------------ */
static void show(const amble__seen_device *seen, amble__scan *scan, amble_scan_result *result)
{
    memcpy(scan->view, seen->data, seen->data_size);
    memcpy(scan->view + seen->data_size, seen->response, seen->response_size);
    *result = (amble_scan_result){.device = seen->device,
                                  .rssi = seen->rssi,
                                  .connectable = seen->connectable,
                                  .time_us = seen->time_us,
                                  .data = scan->view,
                                  .size = (size_t)seen->data_size + seen->response_size,
                                  .response_at = seen->data_size};
}

static bool matches(amble__scan *scan, const amble__seen_device *seen)
{
    amble_scan_result result;
    uint8_t merged[sizeof scan->view];
    char name[32];
    uint8_t *const view = merged;

    if (!scan->options.service && !scan->options.name)
        return true;
    memcpy(view, seen->data, seen->data_size);
    memcpy(view + seen->data_size, seen->response, seen->response_size);
    result = (amble_scan_result){
        .data = view, .size = (size_t)seen->data_size + seen->response_size, .response_at = seen->data_size};
    if (scan->options.service && !amble_scan_has_service(&result, scan->options.service))
        return false;
    return !scan->options.name || strcmp(amble_scan_name(&result, name, ""), scan->options.name) == 0;
}

static amble__seen_device *entry_for(amble__scan *scan, amble_device device)
{
    amble__list *node;
    amble__seen_device *seen;

    for (size_t i = 0; i < scan->capacity; i++) {
        seen = &scan->devices[i];
        if (seen->used && amble_device_equal(seen->device, device))
            return seen;
    }
    node = amble__list_take(&scan->free);
    if (!node)
        node = amble__list_take(&scan->quiet);
    if (!node)
        return NULL;
    seen = amble__container(node, amble__seen_device, node);
    *seen = (amble__seen_device){.used = true, .fresh = true, .device = device};
    amble__list_append(&scan->quiet, &seen->node);
    return seen;
}

/* Replaces stored bytes; true when they differ. */
static bool renew(uint8_t stored[AMBLE__ADVERTISING_DATA], uint8_t *stored_size, amble__bytes data)
{
    if (*stored_size == data.size && memcmp(stored, data.data, data.size) == 0)
        return false;
    *stored_size = (uint8_t)data.size;
    memcpy(stored, data.data, data.size);
    return true;
}

static bool ignored(const amble__scan *scan, const amble__advertising_report *report)
{
    return !scan->wanted || report->data.size > AMBLE__ADVERTISING_DATA ||
           (scan->options.device && !amble_device_equal(*scan->options.device, report->device)) ||
           (scan->options.rssi_min && report->rssi < scan->options.rssi_min);
}

/* In an active scan a device that can answer is delivered together with its answer, or at its second advertisement when
 * none came. True: wait for it. */
static bool answer_is_due(const amble__scan *scan, amble__seen_device *seen, const amble__advertising_report *report)
{
    const bool scannable = report->type == REPORT_CONNECTABLE || report->type == REPORT_SCANNABLE;
    const bool first = !seen->asked;

    seen->asked = true;
    return scan->options.active && scannable && first;
}

void amble__scan_report(amble__gap *gap, const amble__advertising_report *report)
{
    amble__scan *scan = &gap->scan;
    amble__seen_device *seen;
    bool changed;

    if (ignored(scan, report))
        return;
    seen = entry_for(scan, report->device);
    if (!seen) {
        scan->dropped++;
        return;
    }
    seen->rssi = report->rssi;
    if (report->type == REPORT_SCAN_RESPONSE) {
        changed = renew(seen->response, &seen->response_size, report->data);
    } else {
        changed = renew(seen->data, &seen->data_size, report->data) || scan->options.every;
        seen->time_us = amble_now_us();
        seen->connectable = report->type == REPORT_CONNECTABLE || report->type == REPORT_DIRECTED;
    }
    if (answer_is_due(scan, seen, report) || (!changed && !seen->fresh) || seen->pending || !matches(scan, seen))
        return;
    seen->pending = true;
    seen->fresh = false;
    amble__list_remove(&seen->node);
    amble__list_append(&scan->pending, &seen->node);
    amble__waiters_end(&scan->waiters, 0);
}

/* --- the scanner -------------------------------------------------------------------------------------------------- */
static void end_of_scan(amble__scan *scan)
{
    scan->wanted = false;
    amble__timer_stop(&scan->duration);
}

static void duration_is_over(amble__timer *timer)
{
    amble__gap *gap = amble__container(timer, amble__gap, scan.duration);

    end_of_scan(&gap->scan);
    gap->scan.over = true;
    amble__waiters_end(&gap->scan.waiters, 0);
    amble__gap_work(gap);
}

static int take_options(amble__scan *scan, const amble_scan_options *options)
{
    static const amble_scan_options defaults = {0};

    scan->options = options ? *options : defaults;
    if (!scan->options.interval_us)
        scan->options.interval_us = DEFAULT_INTERVAL_US;
    if (!scan->options.window_us)
        scan->options.window_us =
            scan->options.interval_us < DEFAULT_WINDOW_US ? scan->options.interval_us : DEFAULT_WINDOW_US;
    if (scan->options.interval_us > MOST_US || scan->options.window_us < LEAST_US ||
        scan->options.window_us > scan->options.interval_us)
        return AMBLE_ERR_ARGUMENT;
    if (scan->options.name) {
        const size_t length = strlen(scan->options.name);

        if (length >= sizeof scan->name)
            return AMBLE_ERR_TOO_LONG;
        memcpy(scan->name, scan->options.name, length + 1);
        scan->options.name = scan->name;
    }
    if (scan->options.service) {
        scan->service = *scan->options.service;
        scan->options.service = &scan->service;
    }
    if (scan->options.device) {
        scan->device = *scan->options.device;
        scan->options.device = &scan->device;
    }
    return 0;
}

static void forget_devices(amble__scan *scan)
{
    amble__list_init(&scan->pending);
    amble__list_init(&scan->quiet);
    amble__list_init(&scan->free);
    for (size_t i = 0; i < scan->capacity; i++) {
        scan->devices[i] = (amble__seen_device){.pending = false};
        amble__list_append(&scan->free, &scan->devices[i].node);
    }
    scan->dropped = 0;
}

static int wait_for_start(amble__gap *gap)
{
    amble__wait wait;
    amble__waiter on_closing;
    int r;

    amble__wait_init(&wait);
    amble__wait_add(&wait, &on_closing, gap->closings);
    gap->scan.opening = &wait;
    amble__gap_work(gap);
    r = amble__wait_run(&wait, OPEN_MS);
    gap->scan.opening = NULL;
    return r < 0 ? r : gap->hci->failed; /* it may have failed after this task was woken */
}

int amble_scan_open(amble *ble, amble_scanner *scanner, const amble_scan_options *options, int duration_ms)
{
    scanner_inside *inside = (scanner_inside *)(void *)scanner;
    amble__gap *gap = amble__gap_of(ble);
    amble__scan *scan = &gap->scan;
    int r = amble__wait_check();

    *inside = (scanner_inside){.gap = gap};
    if (r < 0)
        return r;
    if (gap->hci->failed)
        return amble__wait_refuse(gap->hci->failed);
    if (scan->serial)
        return amble__wait_refuse(AMBLE_ERR_BUSY);
    r = take_options(scan, options);
    if (r < 0)
        return r;
    forget_devices(scan);
    inside->serial = scan->serial = ++scan->serials;
    scan->wanted = true;
    scan->over = false;
    scan->failed = 0;
    r = wait_for_start(gap);
    if (r < 0) {
        amble_scan_close(scanner);
        return r;
    }
    scan->duration.fire = duration_is_over;
    if (duration_ms >= 0)
        amble__timer_start(&scan->duration, amble__deadline(duration_ms));
    return 0;
}

/* 1: something may have come, 0: the duration is over, or why there will be no more. */
static int wait_for_result(const scanner_inside *inside, uint64_t deadline_us)
{
    const scanner_inside scanner = *inside; /* whoever closes it may forget it */
    amble__scan *scan = &scanner.gap->scan;
    const int failed = scanner.gap->hci->failed ? scanner.gap->hci->failed : scan->failed;
    amble__wait wait;
    amble__waiter on_result, on_closing;
    int r;

    if (scan->over)
        return 0;
    if (failed)
        return amble__wait_refuse(failed);
    if (!amble__list_empty(&scan->waiters))
        return amble__wait_refuse(AMBLE_ERR_BUSY);
    amble__wait_init(&wait);
    amble__wait_add(&wait, &on_result, &scan->waiters);
    amble__wait_add(&wait, &on_closing, scanner.gap->closings);
    r = amble__wait_run_until(&wait, deadline_us);
    if (r < 0)
        return r;
    return scanner.serial == scan->serial ? 1 : AMBLE_ERR_STALE;
}

int amble_scan_next(amble_scanner *scanner, amble_scan_result *result, int timeout_ms)
{
    const scanner_inside *inside = (const scanner_inside *)(const void *)scanner;
    const uint64_t deadline = amble__due(timeout_ms);
    amble__scan *scan = &inside->gap->scan;
    amble__seen_device *seen;
    amble__list *node;
    int r = amble__wait_check();

    if (r < 0)
        return r;
    if (!inside->serial || inside->serial != scan->serial)
        return amble__wait_refuse(AMBLE_ERR_STALE);
    while (!(node = amble__list_take(&scan->pending)))
        if ((r = wait_for_result(inside, deadline)) <= 0)
            return r;
    seen = amble__container(node, amble__seen_device, node);
    seen->pending = false;
    amble__list_append(&scan->quiet, node);
    show(seen, scan, result);
    result->dropped = scan->dropped;
    scan->dropped = 0;
    return 1;
}

void amble_scan_close(amble_scanner *scanner)
{
    scanner_inside *inside = (scanner_inside *)(void *)scanner;

    if (!scanner || !inside->serial || inside->serial != inside->gap->scan.serial)
        return;
    end_of_scan(&inside->gap->scan);
    inside->gap->scan.serial = 0;
    amble__waiters_end(&inside->gap->scan.waiters, AMBLE_ERR_STALE);
    amble__gap_work(inside->gap);
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

/* --- the service task's part ---------------------------------------------------------------------------------------- */
static int start(amble__gap *gap, uint32_t serial)
{
    const amble_scan_options options = gap->scan.options;
    const bool beside_connect = gap->connecting;
    amble__scan *scan = &gap->scan;
    int r = gap->commands->start_scanning(gap, &options);

    if (r == AMBLE_ERR_HCI(AMBLE__HCI_COMMAND_DISALLOWED) && beside_connect) {
        /* Until the connection is made or given up, which may have come together with this answer. */
        scan->blocked = gap->connecting;
        if (!scan->blocked)
            amble__gap_work(gap);
        return 0;
    }
    scan->on = r >= 0;
    amble__gap_note(gap, AMBLE__TRACE_SCANNING, scan->on);
    scan->on_serial = serial;
    if (r < 0)
        amble__log(AMBLE__LOG_INFO, "%s: scanning did not start: %s", gap->hci->instance, amble_error_text(r));
    return r;
}

/* Tells whoever has this scan that it goes on, or that it does not. */
static void tell(amble__scan *scan, uint32_t serial, int r)
{
    if (scan->serial != serial)
        return;
    if (scan->opening && !scan->opening->ended) {
        amble__wait_end(scan->opening, r);
    } else if (r < 0) {
        end_of_scan(scan);
        scan->failed = r;
        amble__waiters_end(&scan->waiters, 0);
    }
}

void amble__serve_scan(amble__gap *gap)
{
    amble__scan *scan = &gap->scan;
    const uint32_t serial = scan->serial;
    int r = 0;

    if (scan->on && (!scan->wanted || scan->on_serial != serial || scan->blocked)) {
        (void)gap->commands->stop_scanning(gap); /* it is stopped, or the controller is lost */
        scan->on = false;
        amble__gap_note(gap, AMBLE__TRACE_SCANNING, false);
        amble__gap_work(gap);
        return;
    }
    if (scan->on || !scan->wanted)
        return;
    if (!scan->blocked)
        r = start(gap, serial);
    tell(scan, serial, r);
}
