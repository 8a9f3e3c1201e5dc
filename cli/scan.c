/* `amble scan`: who advertises.
 *
 * The scan delivers every advertisement, so that signal strength and interval are followed. On a terminal the devices
 * are a table that is drawn anew a few times a second; elsewhere a device is a line when it is new or its data changed,
 * and with --watch at every advertisement. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amble/error.h"
#include "amble/main.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/scan.h"

enum { SECONDS_MS = 10000, REDRAW_MS = 200, SCAN_US = 60000 };

const amble__option amble__scan_option_table[AMBLE__SCAN_OPTIONS] = {
    {.name = "--seconds",
     .value = "N",
     .about = "for so long; 10 unless given",
     .expected = AMBLE__EXPECTED_SECONDS,
     .take = amble__take_seconds,
     .field = offsetof(amble__scan_options, ms)},
    {.name = "--watch",
     .about = "until Ctrl-C, unless --seconds is given; without a terminal a line per advertisement",
     .field = offsetof(amble__scan_options, watch)},
    {.name = "--active",
     .about = "asks each device for its scan response",
     .field = offsetof(amble__scan_options, active)},
    {.name = "--coded",
     .about = "listens on LE Coded too, where far devices advertise",
     .field = offsetof(amble__scan_options, coded)},
    {.name = "--service",
     .value = "U",
     .about = "only who advertises this service: a UUID, or a name such as heart_rate",
     .expected = AMBLE__EXPECTED_SERVICE,
     .take = amble__take_service,
     .field = offsetof(amble__scan_options, service),
     .offer = AMBLE__OFFER_SERVICES},
    {.name = "--name",
     .value = "N",
     .about = "only who has this name",
     .expected = "a name",
     .take = amble__take_text,
     .field = offsetof(amble__scan_options, name)},
    {.name = "--rssi",
     .value = "MIN",
     .about = "only who is heard at least so strong, such as -70 (dBm)",
     .expected = "a number of dBm from -127 to -1",
     .take = amble__take_rssi,
     .field = offsetof(amble__scan_options, rssi)},
    {.name = "--json", .about = "one JSON object a line instead of text", .field = offsetof(amble__scan_options, json)},
};

static const char *const help_usage[] = {"scan -t TRANSPORT [OPTIONS]", NULL};
static const char *const help_text[] = {
    "Shows who advertises: address, signal strength, the time between two advertisements, name, services, "
    "manufacturer. A table on a terminal; otherwise a line for each device that is new or changed.",
    NULL};
static const char *const help_examples[] = {"amble scan -t usb:0 --watch --active",
                                            "amble scan -t tcp-client:127.0.0.1:7300 --service heart_rate --rssi -70",
                                            "amble scan -t air:desk --seconds 5 --json | head -1", NULL};

const amble__command amble__command_scan = {.name = "scan",
                                            .about = "shows who advertises",
                                            .usage = help_usage,
                                            .text = help_text,
                                            .examples = help_examples,
                                            .exits = {"done", "failed", "wrong usage", "no controller"},
                                            .options = amble__scan_option_table,
                                            .option_count = AMBLE__SCAN_OPTIONS,
                                            .has_controller = true,
                                            .run = amble__cli_scan};

static int parse(int argc, char **argv, amble__scan_options *o)
{
    *o = (amble__scan_options){.ms = 0};
    return amble__options_take(&amble__command_scan, argc, argv, o);
}

/* --- lines -------------------------------------------------------------------------------------------------------- */
static const char *phy_name(amble_phy phy)
{
    return phy == AMBLE_PHY_CODED ? "coded" : phy == AMBLE_PHY_2M ? "2m" : "1m";
}

static void tell_json(const amble__seen *seen)
{
    const amble_scan_result *result = &seen->result;
    const unsigned interval_ms = amble__seen_interval(seen);
    char address[AMBLE_DEVICE_TEXT];
    amble__advertised what;
    cJSON *object = cJSON_CreateObject();

    amble__advertised_read(result, &what);
    if (result->anonymous)
        cJSON_AddBoolToObject(object, "anonymous", true);
    else
        cJSON_AddStringToObject(object, "address", amble_device_text(result->device, address));
    if (result->rssi != 127)
        cJSON_AddNumberToObject(object, "rssi", result->rssi);
    cJSON_AddBoolToObject(object, "connectable", result->connectable);
    if (result->extended) {
        cJSON_AddNumberToObject(object, "set", result->set);
        cJSON_AddStringToObject(object, "phy", phy_name(result->phy));
        if (result->periodic_interval_us)
            cJSON_AddNumberToObject(object, "periodic_interval_us", result->periodic_interval_us);
        if (result->truncated)
            cJSON_AddBoolToObject(object, "truncated", true);
    }
    amble__advertised_json(&what, object);
    if (interval_ms)
        cJSON_AddNumberToObject(object, "interval_ms", interval_ms);
    cJSON_AddNumberToObject(object, "count", seen->count);
    amble__json_bytes(object, "data", result->data, result->response_at);
    amble__json_bytes(object, "response", result->data + result->response_at, result->size - result->response_at);
    amble__output_json(object);
}

static void tell_line(const amble__seen *seen)
{
    const amble_scan_result *result = &seen->result;
    const unsigned interval_ms = amble__seen_interval(seen);
    char address[AMBLE_DEVICE_TEXT], text[256];
    amble__advertised what;

    amble__advertised_read(result, &what);
    amble__advertised_text(&what, text, sizeof text);
    printf("%-*s  ", AMBLE_DEVICE_TEXT - 1,
           result->anonymous ? "anonymous" : amble_device_text(result->device, address));
    if (result->rssi != 127)
        printf("%4d dBm", result->rssi);
    else
        printf("   ? dBm"); /* the controller does not know, Vol 4 Part E 7.7.65.2 */
    printf("  %s", result->connectable ? "connectable    " : "not connectable");
    if (what.name[0])
        printf("  \"%s\"", what.name);
    if (text[0])
        printf("  %s", text);
    if (interval_ms)
        printf("  every %u ms", interval_ms);
    if (result->extended)
        printf("  set %u on %s", result->set, phy_name(result->phy));
    if (result->periodic_interval_us)
        printf("  periodic every %g ms", result->periodic_interval_us / 1000.0);
    putchar('\n');
    amble__output_flush();
}

/* --- scanning ----------------------------------------------------------------------------------------------------- */
static int show_lines(amble_scanner *scanner, const amble__scan_options *o, amble__seen_list *list)
{
    amble_scan_result result;
    bool is_new;
    int r;

    while ((r = amble_scan_next(scanner, &result, AMBLE_FOREVER)) == 1) {
        const amble__seen *seen = amble__seen_add(list, &result, &is_new);

        if (is_new || o->watch)
            (o->json ? tell_json : tell_line)(seen);
    }
    return r;
}

static int show_table(amble_scanner *scanner, amble__seen_list *list)
{
    uint64_t next_us = amble_now_us();
    amble_scan_result result;
    int drawn = 0, r;
    bool is_new;

    do {
        if (amble_now_us() >= next_us) {
            drawn = amble__seen_draw(list, drawn);
            next_us = amble_now_us() + REDRAW_MS * 1000;
        }
        r = amble_scan_next(scanner, &result, REDRAW_MS);
        if (r == 1)
            amble__seen_add(list, &result, &is_new);
    } while (r == 1 || r == AMBLE_ERR_TIMEOUT);
    amble__seen_draw(list, drawn);
    return r;
}

int amble__scan(amble *ble, const amble__scan_options *o, amble__seen_list *list)
{
    const char *term = getenv("TERM");
    const bool table = amble__output_is_terminal() && (!term || strcmp(term, "dumb") != 0);
    const amble_scan_options options = {.active = o->active,
                                        .coded = o->coded,
                                        .interval_us = SCAN_US,
                                        .window_us = SCAN_US,
                                        .service = o->service.size ? &o->service : NULL,
                                        .name = o->name,
                                        .rssi_min = o->rssi,
                                        .every = true};
    amble_scanner scanner;
    int r = amble_scan_open(ble, &scanner, &options, o->ms ? o->ms : o->watch ? AMBLE_FOREVER : SECONDS_MS);

    if (r < 0)
        return r;
    r = table && !o->json && !o->lines ? show_table(&scanner, list) : show_lines(&scanner, o, list);
    amble_scan_close(&scanner);
    return r;
}

static int scan(amble *ble, int argc, char **argv)
{
    amble__seen_list *list;
    amble__scan_options o;
    int r = parse(argc, argv, &o);

    if (r < 0)
        return r;
    list = calloc(1, sizeof *list); /* too large for a task's stack */
    if (!list)
        return AMBLE_ERR_NO_MEMORY;
    r = amble__scan(ble, &o, list);
    free(list);
    return r;
}

int amble__cli_scan(int argc, char **argv)
{
    const amble_config config = {
        .name = "amble scan", .scanned_devices = AMBLE__SEEN_DEVICES, .scanned_size = AMBLE__SEEN_DATA};
    amble__scan_options o;
    const int r = parse(argc, argv, &o);

    return r ? amble__cli_exit_code(r) : amble__cli_main(&amble__command_scan, argc, argv, &config, scan);
}
