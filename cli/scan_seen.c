/* The list of devices seen (scan_seen.h), and its table on a terminal. Devices stay in the order in which they were
 * first seen, so that rows do not jump. */
#include "cli/scan_seen.h"

#include <stdio.h>
#include <string.h>

#include "cli/output.h"

enum {
    LEAST_GAP_US = 15000, /* one event may be heard on two channels; events are 20 ms apart or more */
    MEAN_DELAY_US = 5000, /* advDelay, 0 to 10 ms, Vol 6 Part B 4.4.2.2.1 */
    LEAST_GAPS = 3
};

/* --- the list ----------------------------------------------------------------------------------------------------- */
/* Who says no address is told apart by the data. */
static bool is_same(const amble__seen *seen, const amble_scan_result *result)
{
    const size_t size = result->size < sizeof seen->data ? result->size : sizeof seen->data;

    return amble_device_equal(seen->result.device, result->device) && seen->result.extended == result->extended &&
           seen->result.set == result->set && seen->result.anonymous == result->anonymous &&
           (!result->anonymous || (seen->result.size == size && !memcmp(seen->data, result->data, size)));
}

static amble__seen *entry_for(amble__seen_list *list, const amble_scan_result *result)
{
    amble__seen *oldest = &list->devices[0];

    for (size_t i = 0; i < list->count; i++) {
        amble__seen *seen = &list->devices[i];

        if (is_same(seen, result))
            return seen;
        if (seen->result.time_us < oldest->result.time_us)
            oldest = seen;
    }
    if (list->count < AMBLE__SEEN_DEVICES)
        oldest = &list->devices[list->count++];
    memset(oldest, 0, sizeof *oldest);
    return oldest;
}

amble__seen *amble__seen_add(amble__seen_list *list, const amble_scan_result *result, bool *is_new)
{
    amble__seen *seen = entry_for(list, result);
    const uint64_t gap = result->time_us - seen->result.time_us;
    const size_t size = result->size < sizeof seen->data ? result->size : sizeof seen->data;

    *is_new = !seen->count || size != seen->result.size || memcmp(seen->data, result->data, size) != 0;
    if (seen->count && gap >= LEAST_GAP_US && gap < UINT32_MAX)
        seen->gaps_us[seen->gaps++ % AMBLE__SEEN_GAPS] = (uint32_t)gap;
    seen->count++;
    memcpy(seen->data, result->data, size);
    seen->result = *result;
    seen->result.data = seen->data;
    seen->result.size = size;
    if (seen->result.response_at > size)
        seen->result.response_at = size;
    return seen;
}

unsigned amble__seen_interval(const amble__seen *seen)
{
    const uint32_t kept = seen->gaps < AMBLE__SEEN_GAPS ? seen->gaps : AMBLE__SEEN_GAPS;
    uint32_t shortest = UINT32_MAX, mean;
    uint64_t sum = 0, events = 0;

    if (kept < LEAST_GAPS)
        return 0;
    for (uint32_t i = 0; i < kept; i++)
        if (seen->gaps_us[i] < shortest)
            shortest = seen->gaps_us[i];
    for (uint32_t i = 0; i < kept; i++) {
        sum += seen->gaps_us[i];
        events += ((uint64_t)seen->gaps_us[i] + shortest / 2) / shortest;
    }
    mean = events ? (uint32_t)(sum / events) : 0;
    return ((mean > 4 * MEAN_DELAY_US ? mean - MEAN_DELAY_US : mean) + 500) / 1000;
}

/* --- the table ---------------------------------------------------------------------------------------------------- */
enum { ADDRESS = 19, NUMBER = 4, BARS = 6, INTERVAL = 9, GAP = 2, NAME = 22, NAME_LEAST = 12, REST_LEAST = 10 };

/* How wide each part of the table is; 0: it has no room here. The address and the number of dBm are always there. */
typedef struct {
    int address, bars, interval, name, rest;
} layout;

/* No line is as wide as the terminal: it would take two, and the table could not be drawn over itself. */
static layout lay_out(int columns)
{
    const int room = columns - 1 - (ADDRESS + 1 + NUMBER);
    layout l = {.address = ADDRESS, .bars = BARS, .interval = INTERVAL, .name = NAME};

    l.rest = room - BARS - INTERVAL - GAP - NAME - 1;
    if (l.rest >= REST_LEAST)
        return l;
    l.rest = 0;
    l.name = room - BARS - INTERVAL - GAP;
    if (l.name >= NAME_LEAST)
        return l;
    l.bars = l.interval = 0;
    l.name = room - GAP;
    if (l.name > 0)
        return l;
    return (layout){.address = columns > 1 ? columns - 1 : 0};
}

/* -40 dBm and more fills the bar, -100 empties it. */
static void print_signal(int rssi, int width)
{
    static const char *const bars[] = {"     ", "▂    ", "▂▃   ", "▂▃▄  ", "▂▃▄▆ ", "▂▃▄▆█"};
    const int step = rssi == 127 ? 0 : rssi >= -40 ? 5 : rssi <= -100 ? 0 : (rssi + 112) / 12;
    const amble__colour colour = step > 3 ? AMBLE__GREEN : step > 1 ? AMBLE__YELLOW : AMBLE__RED;

    if (rssi != 127)
        printf(" %*d", NUMBER, rssi);
    else
        printf(" %*s", NUMBER, "?");
    if (width)
        printf(" %s%s%s", amble__paint(colour), bars[step], amble__paint(AMBLE__PLAIN));
}

static void print_head(const layout *l)
{
    static const char whole[] = "SERVICES, MANUFACTURER";

    printf("%s", amble__paint(AMBLE__DIM));
    amble__print_column("ADDRESS", l->address);
    if (l->name) {
        putchar(' ');
        amble__print_column("RSSI", NUMBER + l->bars);
    }
    if (l->interval)
        printf("%*s", l->interval, "EVERY");
    if (l->name) {
        printf("%*s", GAP, "");
        amble__print_column("NAME", l->name);
    }
    if (l->rest) {
        putchar(' ');
        amble__print_column(l->rest < (int)sizeof whole - 1 ? "SERVICES" : whole, l->rest);
    }
    printf("%s\033[K\n", amble__paint(AMBLE__PLAIN));
}

static void print_row(const amble__seen *seen, const layout *l)
{
    const unsigned interval_ms = amble__seen_interval(seen);
    char text[256] = "", address[AMBLE_DEVICE_TEXT];
    amble__advertised what;

    amble__advertised_read(&seen->result, &what);
    amble__print_column(seen->result.anonymous ? "anonymous" : amble_device_text(seen->result.device, address),
                        l->address);
    if (l->name)
        print_signal(seen->result.rssi, l->bars);
    if (interval_ms)
        snprintf(text, sizeof text, "%u ms", interval_ms);
    if (l->interval)
        printf("%*s", l->interval, text);
    printf("%*s%s", l->name ? GAP : 0, "", amble__paint(AMBLE__BOLD));
    amble__print_column(what.name, l->name);
    printf("%s", amble__paint(AMBLE__PLAIN));
    if (l->rest) {
        putchar(' ');
        amble__print_column(amble__advertised_text(&what, text, sizeof text), l->rest);
    }
    fputs("\033[K\n", stdout);
}

int amble__seen_draw(const amble__seen_list *list, int drawn)
{
    int columns, rows, lines = 1;
    char more[40];
    layout l;

    amble__output_size(&columns, &rows);
    l = lay_out(columns);
    if (drawn)
        printf("\033[%dA\r", drawn);
    print_head(&l);
    for (size_t i = 0; i < list->count && lines < rows - 2; i++, lines++)
        print_row(&list->devices[i], &l);
    if ((size_t)lines <= list->count) {
        snprintf(more, sizeof more, "... and %zu more", list->count - (size_t)lines + 1);
        amble__print_column(more, columns - 1);
        fputs("\033[K\n", stdout);
        lines++;
    }
    fputs("\033[J", stdout);
    amble__output_flush();
    return lines;
}
