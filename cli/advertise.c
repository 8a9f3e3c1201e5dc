/* `amble advertise`: a device that can be seen, and connected to unless told otherwise.
 *
 * A central that connects is told, held until it leaves or the time is over, and told again; then advertising goes
 * on. */
#include <stdio.h>
#include <string.h>

#include "amble/error.h"
#include "amble/gap.h"
#include "amble/main.h"
#include "cli/cli.h"
#include "cli/numbers.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/people.h"
#include "cli/values.h"

enum { NAME_MOST = 31, MANUFACTURER_MOST = 27, INTERVAL_LEAST_MS = 20, INTERVAL_MOST_MS = 10240 };

typedef struct {
    const char *name, *phy;
    amble_uuid services[AMBLE_ADVERTISE_SERVICES];
    size_t service_count;
    uint8_t manufacturer[MANUFACTURER_MOST];
    int manufacturer_size; /* -1: none */
    uint16_t company, appearance;
    uint32_t interval_us;
    int ms;
    amble_pair_options pair;
    const char *bonds;
    bool no_name, not_connectable, anonymous, json;
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

static const amble__option option_table[] = {
    {.name = "--name",
     .value = "N",
     .about = "the device's name, 31 bytes at most; amble unless given",
     .expected = "a name of at most 31 bytes",
     .take = take_name,
     .field = offsetof(advertise_options, name)},
    {.name = "--no-name", .about = "no name in the advertising data", .field = offsetof(advertise_options, no_name)},
    {.name = "--service",
     .value = "U",
     .about = "a service: a UUID, or a name such as heart_rate; may be given 8 times",
     .expected = AMBLE__EXPECTED_SERVICE ", 8 times at most",
     .take = take_service, /* knows the whole structure */
     .offer = AMBLE__OFFER_SERVICES},
    {.name = "--manufacturer",
     .value = "C:DATA",
     .about = "manufacturer data: the company's number in four digits, then bytes, all hexadecimal",
     .expected = "a company and up to 27 bytes, such as 004C:0215",
     .take = take_manufacturer},
    {.name = "--appearance",
     .value = "A",
     .about = "a number such as 0x0341, or a name such as heart_rate_sensor",
     .expected = "a number or the name of an appearance",
     .take = take_appearance,
     .field = offsetof(advertise_options, appearance)},
    {.name = "--interval",
     .value = "MS",
     .about = "milliseconds from one advertisement to the next, 20 to 10240; 250 unless given",
     .expected = "milliseconds from 20 to 10240",
     .take = take_interval,
     .field = offsetof(advertise_options, interval_us)},
    {.name = "--phy",
     .value = "PHY",
     .about = "with the packets of Bluetooth 5, which older devices do not hear, and its data on this PHY; coded "
              "reaches farthest",
     .choices = "1m 2m coded",
     .take = amble__take_text,
     .field = offsetof(advertise_options, phy)},
    {.name = "--not-connectable", .about = "a beacon", .field = offsetof(advertise_options, not_connectable)},
    {.name = "--anonymous",
     .about = "a beacon without an address, with the packets of Bluetooth 5",
     .field = offsetof(advertise_options, anonymous)},
    {.name = "--io",
     .value = "WHAT",
     .about = "lets centrals pair with a device that can show and enter this, and asks here; none unless given",
     .choices = AMBLE__IO_CHOICES,
     .take = amble__take_io,
     .field = offsetof(advertise_options, pair) + offsetof(amble_pair_options, io)},
    {.name = "--mitm",
     .about = "refuses to pair unless nobody can have been in between",
     .field = offsetof(advertise_options, pair) + offsetof(amble_pair_options, mitm)},
    {.name = "--bonds",
     .value = "FILE",
     .about = "keeps bonds in this file; without it they end with the command",
     .expected = "a file",
     .take = amble__take_text,
     .field = offsetof(advertise_options, bonds),
     .offer = AMBLE__OFFER_FILES},
    {.name = "--seconds",
     .value = "N",
     .about = "for so long",
     .expected = AMBLE__EXPECTED_SECONDS,
     .take = amble__take_seconds,
     .field = offsetof(advertise_options, ms)},
    {.name = "--json",
     .about = "one JSON object a line instead of sentences",
     .field = offsetof(advertise_options, json)},
};

static const char *const help_usage[] = {"advertise -t TRANSPORT [OPTIONS]", NULL};
static const char *const help_text[] = {"Advertises until Ctrl-C or --seconds, and says who connects, pairs and "
                                        "leaves. What pairing asks of people appears on "
                                        "standard error, answers are read from standard input.",
                                        NULL};
static const char *const help_examples[] = {
    "amble advertise -t usb:0 --name Lamp --service battery_service",
    "amble advertise -t usb:0 --name Lock --io yes-no --mitm --bonds lock.json",
    "amble advertise -t tcp-client:127.0.0.1:7300 --not-connectable --manufacturer 004C:0215AABB --interval 100", NULL};

const amble__command amble__command_advertise = {.name = "advertise",
                                                 .about = "is seen, and connected to",
                                                 .usage = help_usage,
                                                 .text = help_text,
                                                 .examples = help_examples,
                                                 .exits = {"done", "failed", "wrong usage", "no controller"},
                                                 .options = option_table,
                                                 .option_count = sizeof option_table / sizeof *option_table,
                                                 .has_controller = true,
                                                 .run = amble__cli_advertise};

static int parse(int argc, char **argv, advertise_options *o)
{
    *o = (advertise_options){.manufacturer_size = -1};
    return amble__options_take(&amble__command_advertise, argc, argv, o);
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

static void tell_pairing(void *options, const amble_prompt *prompt)
{
    const advertise_options *o = options;
    char address[AMBLE_DEVICE_TEXT];
    cJSON *object;

    amble_device_text(prompt->device, address);
    if (!o->json) {
        printf("%s %s: %s\n", prompt->result ? "not-paired" : "paired", address,
               prompt->result || !prompt->conn ? amble_error_text(prompt->result) : amble__security_text(prompt->conn));
        amble__output_flush();
        return;
    }
    object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "event", prompt->result ? "not-paired" : "paired");
    cJSON_AddStringToObject(object, "address", address);
    if (prompt->result)
        cJSON_AddStringToObject(object, "reason", amble_error_text(prompt->result));
    else if (prompt->conn)
        amble__security_json(object, prompt->conn);
    amble__output_json(object);
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

static amble_phy phy_of(const char *name)
{
    return !name                    ? AMBLE_PHY_ANY
           : !strcmp(name, "coded") ? AMBLE_PHY_CODED
           : !strcmp(name, "2m")    ? AMBLE_PHY_2M
                                    : AMBLE_PHY_1M;
}

static amble_advertise_options options_of(const advertise_options *o)
{
    amble_advertise_options options = {.interval_us = o->interval_us,
                                       .extended = o->phy || o->anonymous,
                                       .anonymous = o->anonymous,
                                       .phy = phy_of(o->phy),
                                       .name = o->name,
                                       .no_name = o->no_name,
                                       .appearance = o->appearance,
                                       .company = o->company,
                                       .manufacturer = o->manufacturer_size >= 0 ? o->manufacturer : NULL,
                                       .manufacturer_size =
                                           o->manufacturer_size >= 0 ? (size_t)o->manufacturer_size : 0,
                                       .not_connectable = o->not_connectable};

    for (size_t i = 0; i < o->service_count; i++)
        options.services[i] = &o->services[i];
    return options;
}

static void tell_begin(const advertise_options *o, amble *ble)
{
    cJSON *object;

    if (!o->anonymous) {
        tell(o, "advertising", amble_own_address(ble), 0);
    } else if (o->json) {
        object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "event", "advertising");
        amble__output_json(object);
    } else {
        puts("advertising without an address");
        amble__output_flush();
    }
}

static int advertise_and_hold(amble *ble, const advertise_options *o)
{
    const amble_advertise_options options = options_of(o);
    const uint64_t end_us = amble_now_us() + (uint64_t)o->ms * 1000;
    amble_connection *conn = NULL;
    int r = 0;

    tell_begin(o, ble);
    while (!r) {
        r = amble_advertise(ble, &options, o->not_connectable ? NULL : &conn, left_ms(o, end_us));
        if (o->not_connectable)
            return r;
        if (!r)
            r = hold(conn, o, end_us);
    }
    return r == AMBLE_ERR_TIMEOUT ? 0 : r; /* --seconds are over */
}

static int advertise(amble *ble, int argc, char **argv)
{
    amble__people people = {.ble = ble, .done = tell_pairing};
    amble_scope scope;
    advertise_options o;
    int r = parse(argc, argv, &o);

    if (r)
        return r;
    o.not_connectable = o.not_connectable || o.anonymous;
    people.user = &o;
    r = amble_security_config(ble, &o.pair);
    if (r < 0)
        return r;
    amble_scope_open(&scope);
    amble_spawn(&scope, amble__people_answer, &people);
    r = advertise_and_hold(ble, &o);
    amble_scope_close(&scope);
    return r;
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
    config.bonds = o.bonds;
    return amble__cli_main(&amble__command_advertise, argc, argv, &config, advertise);
}
