/* `amble advertise`: a device that can be seen, and connected to unless told otherwise.
 *
 * A central that connects is told, held until it leaves or the time is over, and told again; then advertising goes on. */
#include <stdio.h>
#include <string.h>

#include "amble/error.h"
#include "amble/gap.h"
#include "amble/main.h"
#include "cli/cli.h"
#include "cli/numbers.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/values.h"

enum { NAME_MOST = 31, MANUFACTURER_MOST = 27, INTERVAL_LEAST_MS = 20, INTERVAL_MOST_MS = 10240 };

static const char help[] =
    "usage: amble advertise -t TRANSPORT [OPTIONS]\n"
    "\n"
    "Advertises until Ctrl-C or --seconds, and says who connects and leaves.\n"
    "\n"
    "  -t TRANSPORT           the controller, such as usb:0, tcp-client:HOST:PORT; or AMBLE_TRANSPORT\n"
    "  --name N               the device's name, 31 bytes at most; amble unless given\n"
    "  --no-name              no name in the advertising data\n"
    "  --service U            a service: a UUID, or a name such as heart_rate; may be given 8 times\n"
    "  --manufacturer C:DATA  manufacturer data: the company's number in four digits, then bytes, all hexadecimal\n"
    "  --appearance A         a number such as 0x0341, or a name such as \"heart rate sensor\"\n"
    "  --interval MS          milliseconds from one advertisement to the next, 20 to 10240; 250 unless given\n"
    "  --not-connectable      a beacon\n"
    "  --seconds N            for so long\n"
    "  --json                 one JSON object a line instead of sentences\n"
    "  --capture FILE         writes every HCI packet into a btsnoop file\n"
    "  -h, --help             this text\n"
    "\n"
    "examples:\n"
    "  amble advertise -t usb:0 --name Lamp --service battery_service\n"
    "  amble advertise -t tcp-client:127.0.0.1:7300 --not-connectable --manufacturer 004C:0215AABB --interval 100\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no controller.\n";

typedef struct {
    const char *name;
    amble_uuid services[AMBLE_ADVERTISE_SERVICES];
    size_t service_count;
    uint8_t manufacturer[MANUFACTURER_MOST];
    int manufacturer_size; /* -1: none */
    uint16_t company, appearance;
    uint32_t interval_us;
    int ms;
    bool no_name, not_connectable, json;
} advertise_options;

/* --- options ------------------------------------------------------------------------------------------------------ */
static bool take_name(void *target, const char *value)
{
    return strlen(value) <= NAME_MOST && amble__take_text(target, value);
}

static bool take_service(void *target, const char *value)
{
    advertise_options *o = target;

    return o->service_count < AMBLE_ADVERTISE_SERVICES && amble__take_service(&o->services[o->service_count++], value);
}

static bool take_manufacturer(void *target, const char *value)
{
    const amble__format *hex = amble__format_find("hex"), *number = amble__format_find("u16be");
    advertise_options *o = target;
    uint8_t company[2];
    char digits[7] = "0x";

    if (strlen(value) < 5 || value[4] != ':')
        return false;
    memcpy(digits + 2, value, 4);
    if (strspn(value, "0123456789abcdefABCDEF") != 4 ||
        amble__format_parse(number, digits, company, sizeof company) != sizeof company)
        return false;
    o->company = (uint16_t)(company[0] << 8 | company[1]);
    o->manufacturer_size = amble__format_parse(hex, value + 5, o->manufacturer, sizeof o->manufacturer);
    return o->manufacturer_size >= 0;
}

static bool take_appearance(void *target, const char *value)
{
    amble__number row;

    if (amble__take_u16(target, value))
        return true;
    for (size_t at = 0; amble__number_next(&at, &row);)
        if (row.kind == AMBLE__NUMBER_APPEARANCE && amble__name_equal(row.name, value)) {
            *(uint16_t *)target = (uint16_t)row.number;
            return true;
        }
    return false;
}

static bool take_interval(void *target, const char *value)
{
    uint64_t ms;

    if (!amble__parse_number(value, INTERVAL_MOST_MS, &ms) || ms < INTERVAL_LEAST_MS)
        return false;
    *(uint32_t *)target = (uint32_t)ms * 1000;
    return true;
}

static int parse(int argc, char **argv, advertise_options *o)
{
    const amble__option options[] = {
        {"--name", take_name, (void *)&o->name, "a name of at most 31 bytes"},
        {"--no-name", NULL, &o->no_name, NULL},
        {"--service", take_service, o,
         "a UUID or the name of a service (amble uuid lookup finds them), 8 times at most"},
        {"--manufacturer", take_manufacturer, o, "a company and up to 27 bytes, such as 004C:0215"},
        {"--appearance", take_appearance, &o->appearance, "a number or the name of an appearance"},
        {"--interval", take_interval, &o->interval_us, "milliseconds from 20 to 10240"},
        {"--not-connectable", NULL, &o->not_connectable, NULL},
        {"--seconds", amble__take_seconds, &o->ms, "a number of seconds, such as 0.5 or 10"},
        {"--json", NULL, &o->json, NULL},
    };
    const amble__syntax syntax = {
        .command = "amble advertise", .help = help, .options = options, .count = sizeof options / sizeof *options};

    *o = (advertise_options){.manufacturer_size = -1};
    return amble__options_take(argc, argv, &syntax);
}

/* --- advertising -------------------------------------------------------------------------------------------------- */
static void tell(const advertise_options *o, const char *event, amble_device device, int reason)
{
    char address[AMBLE_DEVICE_TEXT];

    amble_device_text(device, address);
    if (o->json) {
        cJSON *object = cJSON_CreateObject();

        cJSON_AddStringToObject(object, "event", event);
        cJSON_AddStringToObject(object, "address", address);
        if (reason)
            cJSON_AddStringToObject(object, "reason", amble_error_text(AMBLE_ERR_HCI(reason)));
        amble__output_json(object);
        return;
    }
    printf("%s%s %s%s%s\n", event, strcmp(event, "advertising") ? "" : " as", address, reason ? ": " : "",
           reason ? amble_error_text(AMBLE_ERR_HCI(reason)) : "");
    amble__output_flush();
}

/* What is left of the time, for the next wait. */
static int left_ms(const advertise_options *o, uint64_t end_us)
{
    const uint64_t now_us = amble_now_us();

    if (!o->ms)
        return AMBLE_FOREVER;
    return now_us < end_us ? (int)((end_us - now_us) / 1000) : 0;
}

static int hold(amble_connection *conn, const advertise_options *o, uint64_t end_us)
{
    const amble_device peer = amble_connection_device(conn);
    int r;

    tell(o, "connected", peer, 0);
    r = amble_disconnected(conn, left_ms(o, end_us));
    if (!r)
        tell(o, "disconnected", peer, amble_connection_reason(conn));
    amble_connection_close(conn);
    return r;
}

static int advertise(amble *ble, int argc, char **argv)
{
    amble_connection *conn = NULL;
    amble_advertise_options options;
    advertise_options o;
    uint64_t end_us;
    int r = parse(argc, argv, &o);

    if (r)
        return r;
    options = (amble_advertise_options){.interval_us = o.interval_us,
                                        .name = o.name,
                                        .no_name = o.no_name,
                                        .appearance = o.appearance,
                                        .company = o.company,
                                        .manufacturer = o.manufacturer_size >= 0 ? o.manufacturer : NULL,
                                        .manufacturer_size = o.manufacturer_size >= 0 ? (size_t)o.manufacturer_size : 0,
                                        .not_connectable = o.not_connectable};
    for (size_t i = 0; i < o.service_count; i++)
        options.services[i] = &o.services[i];
    end_us = amble_now_us() + (uint64_t)o.ms * 1000;
    tell(&o, "advertising", amble_own_device(ble), 0);
    while (!r) {
        r = amble_advertise(ble, &options, o.not_connectable ? NULL : &conn, left_ms(&o, end_us));
        if (o.not_connectable)
            return r;
        if (!r)
            r = hold(conn, &o, end_us);
    }
    return r == AMBLE_ERR_TIMEOUT ? 0 : r; /* --seconds are over */
}

int amble__cli_advertise(int argc, char **argv)
{
    amble_config config = {0};
    advertise_options o;
    const int r = parse(argc, argv, &o);

    if (r)
        return amble__cli_exit_code(r);
    config.name = o.name;
    config.appearance = o.appearance;
    return amble__cli_main("amble advertise", argc, argv, &config, advertise);
}
