/* The list of devices seen (scan_seen.h), and its table on a terminal. Devices stay in the order in which they were first
 * seen, so that rows do not jump. */
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
enum { ADDRESS = 19, SIGNAL = 10, INTERVAL = 9, NAME = 22, REST_LEAST = 10 };

/* -40 dBm and more fills the bar, -100 empties it. */
static void print_signal(int rssi)
{
    static const char *const bars[] = {"     ", "▂    ", "▂▃   ", "▂▃▄  ", "▂▃▄▆ ", "▂▃▄▆█"};
    const int step = rssi == 127 ? 0 : rssi >= -40 ? 5 : rssi <= -100 ? 0 : (rssi + 112) / 12;
    const amble__colour colour = step > 3 ? AMBLE__GREEN : step > 1 ? AMBLE__YELLOW : AMBLE__RED;
    char number[8] = "   ?";

    if (rssi != 127)
        snprintf(number, sizeof number, "%4d", rssi);
    printf("%s %s%s%s", number, amble__paint(colour), bars[step], amble__paint(AMBLE__PLAIN));
}

static void print_row(const amble__seen *seen, int columns)
{
    const unsigned interval_ms = amble__seen_interval(seen);
    const int rest = columns - (ADDRESS + SIGNAL + INTERVAL + NAME + 5);
    char text[256] = "", address[AMBLE_DEVICE_TEXT];
    amble__advertised what;

    amble__advertised_read(&seen->result, &what);
    amble__print_column(seen->result.anonymous ? "anonymous" : amble_device_text(seen->result.device, address),
                        ADDRESS);
    putchar(' ');
    print_signal(seen->result.rssi);
    if (interval_ms)
        snprintf(text, sizeof text, "%u ms", interval_ms);
    printf(" %*s  %s", INTERVAL - 1, text, amble__paint(AMBLE__BOLD));
    amble__print_column(what.name, NAME);
    printf("%s ", amble__paint(AMBLE__PLAIN));
    amble__print_column(amble__advertised_text(&what, text, sizeof text), rest > REST_LEAST ? rest : REST_LEAST);
    fputs("\033[K\n", stdout);
}

int amble__seen_draw(const amble__seen_list *list, int drawn)
{
    int columns, rows, lines = 1;

    amble__output_size(&columns, &rows);
    if (drawn)
        printf("\033[%dA\r", drawn);
    printf("%s%-*s %-*s %*s  %-*s %s%s\033[K\n", amble__paint(AMBLE__DIM), ADDRESS, "ADDRESS", SIGNAL, "RSSI",
           INTERVAL - 1, "EVERY", NAME, "NAME", "SERVICES, MANUFACTURER", amble__paint(AMBLE__PLAIN));
    for (size_t i = 0; i < list->count && lines < rows - 2; i++, lines++)
        print_row(&list->devices[i], columns);
    if ((size_t)lines <= list->count) {
        printf("... and %zu more\033[K\n", list->count - (size_t)lines + 1);
        lines++;
    }
    fputs("\033[J", stdout);
    amble__output_flush();
    return lines;
}
