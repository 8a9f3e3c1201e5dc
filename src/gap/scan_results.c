/* What scans have heard: reports of the controller merged per advertisement, and the results that each scanner gets of
 * them.
 *
 * All scanners share the entries; each has a bit in the masks of an entry. An entry is pending for a scanner when there
 * is news that matches its filters. When all entries are taken, the one whose news is oldest and that is pending for
 * nobody makes room; when all are pending, a new advertisement is dropped and counted. Invariant: data_size +
 * response_size of an entry is at most scan->size. */
#include "gap/gap_room.h"

static uint8_t bit_of(const amble__scan *scan, const amble__scanner *scanner)
{
    return (uint8_t)(1u << (scanner - scan->scanners));
}

/* A scanner that does not ask for responses does not see those that another one caused. */
static size_t shown_size(const amble__scanner *scanner, const amble__seen_device *seen)
{
    return (size_t)seen->data_size + (scanner->options.active ? seen->response_size : 0);
}

static bool matches(const amble__scanner *scanner, const amble__seen_device *seen)
{
    const amble_scan_result result = {
        .data = seen->bytes, .size = shown_size(scanner, seen), .response_at = seen->data_size};
    char name[32];

    if (scanner->options.service && !amble_scan_has_service(&result, scanner->options.service))
        return false;
    return !scanner->options.name || strcmp(amble_scan_name(&result, name, ""), scanner->options.name) == 0;
}

static bool wants(const amble__scanner *scanner, const amble__advertising_report *report)
{
    return scanner->serial && scanner->wanted &&
           !(scanner->options.device &&
             (report->anonymous || !amble_device_equal(*scanner->options.device, report->device))) &&
           !(scanner->options.rssi_min && report->rssi < scanner->options.rssi_min) &&
           (scanner->options.active || report->type != AMBLE__REPORT_RESPONSE);
}

/* --- entries ------------------------------------------------------------------------------------------------------ */
/* Whether the entry is of this advertisement. Anonymous ones of the same set are told apart by nothing but their
 * data. */
static bool is_entry_of(const amble__scan *scan, const amble__seen_device *seen,
                        const amble__advertising_report *report)
{
    const size_t size = report->data.size < scan->size ? report->data.size : scan->size;

    if (!seen->used || seen->set != report->set || seen->anonymous != report->anonymous)
        return false;
    if (report->anonymous)
        return seen->data_size == size && (!size || !memcmp(seen->bytes, report->data.data, size));
    return amble_device_equal(seen->device, report->device);
}

/* The entry of this advertisement; else one that may become its entry, or NULL. */
static amble__seen_device *entry_for(amble__scan *scan, const amble__advertising_report *report)
{
    amble__seen_device *oldest = NULL;

    for (size_t i = 0; i < scan->capacity; i++) {
        amble__seen_device *seen = &scan->devices[i];

        if (is_entry_of(scan, seen, report))
            return seen;
        if (!seen->used ? !oldest || oldest->used
                        : !seen->pending && (!oldest || (oldest->used && seen->last_news < oldest->last_news)))
            oldest = seen;
    }
    if (oldest)
        *oldest = (amble__seen_device){.used = true,
                                       .news = UINT8_MAX,
                                       .device = report->device,
                                       .anonymous = report->anonymous,
                                       .set = report->set,
                                       .last_news = ++scan->orders,
                                       .bytes = oldest->bytes};
    return oldest;
}

/* Replaces one half of the stored bytes; true when it differs from what was there. */
static bool renew(const amble__scan *scan, amble__seen_device *seen, bool is_response, amble__bytes data)
{
    const size_t other = is_response ? seen->data_size : seen->response_size;
    const size_t room = scan->size - (is_response ? other : 0u);
    const size_t size = data.size < room ? data.size : room;
    uint8_t *at = seen->bytes + (is_response ? seen->data_size : 0);

    if (size == (is_response ? seen->response_size : seen->data_size) && (!size || !memcmp(at, data.data, size)))
        return false;
    if (!is_response) { /* the response stands behind it and moves, as far as there is room */
        if (seen->response_size > scan->size - size)
            seen->response_size = (uint16_t)(scan->size - size);
        memmove(seen->bytes + size, seen->bytes + seen->data_size, seen->response_size);
        seen->data_size = (uint16_t)size;
    } else {
        seen->response_size = (uint16_t)size;
    }
    if (size)
        memcpy(at, data.data, size);
    seen->truncated = (is_response && seen->truncated) || size < data.size;
    return true;
}

/* In an active scan a device that can answer is delivered together with its answer, or at its second advertisement when
 * none came. True: wait for it. */
static bool answer_is_due(const amble__scanner *scanner, amble__seen_device *seen, uint8_t bit,
                          const amble__advertising_report *report)
{
    const bool scannable = report->extended
                               ? report->type == AMBLE__REPORT_SCANNABLE
                               : report->type == AMBLE__REPORT_CONNECTABLE || report->type == AMBLE__REPORT_SCANNABLE;
    const bool first = !(seen->asked & bit);

    seen->asked |= bit;
    return scanner->options.active && scannable && first;
}

/* --- reports ------------------------------------------------------------------------------------------------------ */
static void tell(amble__scan *scan, amble__scanner *scanner, amble__seen_device *seen,
                 const amble__advertising_report *report)
{
    const uint8_t bit = bit_of(scan, scanner);
    const bool again = scanner->options.every && report->type != AMBLE__REPORT_RESPONSE;

    if (answer_is_due(scanner, seen, bit, report) || (!(seen->news & bit) && !again) || seen->pending & bit ||
        !matches(scanner, seen))
        return;
    seen->pending |= bit;
    seen->order[scanner - scan->scanners] = ++scan->orders;
    amble__waiters_end(&scanner->waiters, 0);
}

void amble__scan_report(amble__gap *gap, const amble__advertising_report *report)
{
    amble__scan *scan = &gap->scan;
    amble__seen_device *seen;
    unsigned wanted = 0;

    for (uint8_t i = 0; i < scan->scanner_count; i++)
        wanted |= wants(&scan->scanners[i], report) ? 1u << i : 0u;
    if (!wanted)
        return;
    seen = entry_for(scan, report);
    for (uint8_t i = 0; !seen && i < scan->scanner_count; i++)
        scan->scanners[i].dropped += wanted >> i & 1;
    if (!seen)
        return;
    seen->rssi = report->rssi;
    if (renew(scan, seen, report->type == AMBLE__REPORT_RESPONSE, report->data)) {
        seen->news = UINT8_MAX;
        seen->last_news = ++scan->orders;
    }
    seen->truncated = seen->truncated || report->truncated;
    if (report->type != AMBLE__REPORT_RESPONSE) {
        seen->advertised = true;
        seen->time_us = amble_now_us();
        seen->connectable = report->type == AMBLE__REPORT_CONNECTABLE || report->type == AMBLE__REPORT_DIRECTED;
        seen->extended = report->extended;
        seen->phy = report->phy;
        seen->periodic_interval_us = report->periodic_interval_us;
    }
    if (!seen->advertised)
        return; /* an answer alone, to a scan that is over: its advertisement comes again */
    for (uint8_t i = 0; i < scan->scanner_count; i++)
        if (wanted >> i & 1)
            tell(scan, &scan->scanners[i], seen, report);
}

static bool continues(const amble__scan_assembly *assembly, const amble__advertising_report *report)
{
    return assembly->begun && assembly->set == report->set && assembly->type == report->type &&
           assembly->anonymous == report->anonymous && amble_device_equal(assembly->device, report->device);
}

/* An advertisement longer than a report comes in several, which may lie between those of others; one at a time is put
 * together. */
void amble__scan_part(amble__gap *gap, const amble__advertising_report *report)
{
    amble__scan_assembly *assembly = &gap->scan.assembly;
    amble__advertising_report whole = *report;
    size_t part = report->data.size;

    if (!continues(assembly, report)) {
        if (report->more || report->truncated)
            *assembly = (amble__scan_assembly){.begun = report->more,
                                               .device = report->device,
                                               .anonymous = report->anonymous,
                                               .set = report->set,
                                               .type = report->type,
                                               .bytes = assembly->bytes};
        else
            amble__scan_report(gap, report);
        if (!report->more)
            return; /* whole, or its end was lost */
    }
    if (part > (size_t)(gap->scan.size - assembly->size)) {
        part = gap->scan.size - assembly->size;
        assembly->truncated = true;
    }
    if (part)
        memcpy(assembly->bytes + assembly->size, report->data.data, part);
    assembly->size = (uint16_t)(assembly->size + part);
    if (report->more)
        return;
    assembly->begun = false;
    if (report->truncated) /* by the controller: what is missing was never heard */
        return;
    whole.truncated = assembly->truncated;
    whole.data = (amble__bytes){.data = assembly->bytes, .size = assembly->size};
    amble__scan_report(gap, &whole);
}

/* --- results ------------------------------------------------------------------------------------------------------ */
bool amble__scan_take(amble__scan *scan, amble__scanner *scanner, amble_scan_result *result)
{
    const unsigned place = (unsigned)(scanner - scan->scanners);
    const uint8_t bit = bit_of(scan, scanner);
    amble__seen_device *first = NULL;

    for (size_t i = 0; i < scan->capacity; i++) {
        amble__seen_device *seen = &scan->devices[i];

        if (seen->used && seen->pending & bit && (!first || seen->order[place] < first->order[place]))
            first = seen;
    }
    if (!first)
        return false;
    first->pending &= (uint8_t)~bit;
    first->news &= (uint8_t)~bit;
    *result = (amble_scan_result){.device = first->device,
                                  .rssi = first->rssi,
                                  .connectable = first->connectable,
                                  .anonymous = first->anonymous,
                                  .truncated = first->truncated,
                                  .extended = first->extended,
                                  .set = first->extended ? first->set : 0,
                                  .phy = first->phy,
                                  .periodic_interval_us = first->periodic_interval_us,
                                  .dropped = scanner->dropped,
                                  .time_us = first->time_us,
                                  .data = scanner->view,
                                  .size = shown_size(scanner, first),
                                  .response_at = first->data_size};
    memcpy(scanner->view, first->bytes, result->size);
    scanner->dropped = 0;
    return true;
}

void amble__scan_begin(amble__scan *scan, const amble__scanner *scanner)
{
    const uint8_t bit = bit_of(scan, scanner);
    bool alone = true;

    for (uint8_t i = 0; i < scan->scanner_count; i++)
        alone = alone && (&scan->scanners[i] == scanner || !scan->scanners[i].serial);
    for (size_t i = 0; i < scan->capacity; i++) {
        amble__seen_device *seen = &scan->devices[i];

        seen->used = seen->used && !alone; /* what earlier scans heard may be long gone */
        seen->asked &= (uint8_t)~bit;
        seen->pending &= (uint8_t)~bit;
        seen->news |= bit;
    }
}
