/* `amble gatt`: looking at a peer's services, reading, writing, and following its values.
 *
 * Each deed connects, does its work and disconnects; the connection is closed in one place, whatever happened, so
 * Ctrl-C leaves the link cleanly, and a subscription is ended before that. */
#include "cli/gatt.h"

#include <stdio.h>
#include <string.h>

#include "amble/bonds.h"
#include "amble/error.h"
#include "amble/gap.h"
#include "amble/main.h"
#include "amble/security.h"
#include "cli/cli.h"
#include "cli/numbers.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/peer.h"

static bool take_format(void *target, const char *value)
{
    const amble__format **format = target;

    *format = amble__format_find(value);
    return *format != NULL;
}

const amble__option amble__gatt_option_table[AMBLE__GATT_OPTIONS] = {
    {.name = "--service",
     .value = "U",
     .about = "the service the characteristic is in, where several have one",
     .expected = AMBLE__EXPECTED_SERVICE,
     .take = amble__take_service,
     .field = offsetof(amble__gatt_options, service),
     .offer = AMBLE__OFFER_SERVICES},
    {.name = "--format",
     .value = "F",
     .about = "how values are written, several numbers separated by commas",
     .choices = amble__format_names,
     .take = take_format,
     .field = offsetof(amble__gatt_options, format)},
    {.name = "--byte-limit",
     .value = "N",
     .about = "shows at most N bytes of a value",
     .expected = "a number from 1 on",
     .take = amble__take_count,
     .field = offsetof(amble__gatt_options, byte_limit)},
    {.name = "--no-values", .about = "tree: reads nothing", .field = offsetof(amble__gatt_options, no_values)},
    {.name = "--no-response",
     .about = "write: without an answer, where the characteristic allows it",
     .field = offsetof(amble__gatt_options, no_response)},
    {.name = "--long",
     .about = "write: in parts that are compared and then written together, also what would fit at once",
     .field = offsetof(amble__gatt_options, in_parts)},
    {.name = "--indicate",
     .about = "subscribe: indications, where the characteristic has both",
     .field = offsetof(amble__gatt_options, indicate)},
    {.name = "--seconds",
     .value = "N",
     .about = "subscribe: for so long",
     .expected = AMBLE__EXPECTED_SECONDS,
     .take = amble__take_seconds,
     .field = offsetof(amble__gatt_options, ms)},
    {.name = "--count",
     .value = "N",
     .about = "subscribe: so many values",
     .expected = "a number from 1 on",
     .take = amble__take_count,
     .field = offsetof(amble__gatt_options, count)},
    {.name = "--timeout",
     .value = "N",
     .about = "seconds that each step may take; 10 unless given",
     .expected = AMBLE__EXPECTED_SECONDS,
     .take = amble__take_seconds,
     .field = offsetof(amble__gatt_options, timeout_ms)},
    {.name = "--json", .about = "one JSON object a line instead of text", .field = offsetof(amble__gatt_options, json)},
    {.name = "--bonds",
     .value = "FILE",
     .about = "encrypts the link with the peer's key in this file, which amble pair keeps there, for what cannot be "
              "read otherwise",
     .expected = "a file",
     .take = amble__take_text,
     .field = offsetof(amble__gatt_options, bonds),
     .offer = AMBLE__OFFER_FILES},
};

static const char *const help_usage[] = {"gatt tree ADDRESS -t TRANSPORT [OPTIONS]",
                                         "gatt read ADDRESS CHARACTERISTIC -t TRANSPORT [OPTIONS]",
                                         "gatt write ADDRESS CHARACTERISTIC VALUE -t TRANSPORT [OPTIONS]",
                                         "gatt subscribe ADDRESS CHARACTERISTIC -t TRANSPORT [OPTIONS]", NULL};
static const char *const help_text[] = {
    "tree\tshows services, characteristics, descriptors and their values.",
    "read\tprints the value of a characteristic, decoded where its meaning is known.",
    "write\twrites VALUE: hexadecimal digits, or as --format says.",
    "subscribe\tprints each value that is notified or indicated, until Ctrl-C, --seconds or --count.",
    ("ADDRESS is AA:BB:CC:DD:EE:FF/p (public) or /r (random), or the name of a device, which is then looked for. "
     "CHARACTERISTIC is a UUID, or a name such as battery_level."),
    NULL};
static const char *const help_examples[] = {"amble gatt tree C0:11:22:33:44:55/r -t usb:0",
                                            "amble gatt read Thermometer battery_level -t usb:0",
                                            "amble gatt write C0:11:22:33:44:55/r 2A06 1 --format u8 -t usb:0",
                                            "amble gatt subscribe Thermometer temperature --count 5 --json -t usb:0",
                                            "amble gatt read Lock battery_level --bonds bonds.json -t usb:0",
                                            NULL};

const amble__command amble__command_gatt = {
    .name = "gatt",
    .about = "shows, reads, writes and follows what a peer has",
    .usage = help_usage,
    .text = help_text,
    .examples = help_examples,
    .exits = {"done", "failed or interrupted", "wrong usage", "no controller", "timeout"},
    .options = amble__gatt_option_table,
    .option_count = AMBLE__GATT_OPTIONS,
    .words = {{.name = "DEED", .choices = "tree read write subscribe"},
              {.name = "ADDRESS"},
              {.name = "CHARACTERISTIC", .offer = AMBLE__OFFER_CHARACTERISTICS},
              {.name = "VALUE"}},
    .words_least = 1,
    .words_most = 4,
    .words_field = offsetof(amble__gatt_options, words),
    .has_controller = true,
    .run = amble__cli_gatt};

int amble__gatt_take_characteristic(const amble__command *command, const char *word, amble_uuid *uuid)
{
    if (amble__uuid_from_name(AMBLE__NUMBER_CHARACTERISTIC, word, uuid))
        return 0;
    return amble__options_wrong(command, "%s is no UUID and no characteristic's name (amble uuid lookup finds them)",
                                word);
}

int amble__gatt_take_value(const amble__command *command, const amble__gatt_options *o, const char *word)
{
    uint8_t data[AMBLE__VALUE_MAX];
    const amble__format *format = o->format ? o->format : amble__format_find("hex");

    if (o->in_parts && o->no_response)
        return amble__options_wrong(command, "--long and --no-response exclude each other");
    if (amble__format_parse(format, word, data, sizeof data) >= 0)
        return 0;
    return amble__options_wrong(command, "%s is no value %s of at most 512 bytes", word,
                                o->format ? "in this format" : "in hexadecimal digits (--format takes others)");
}

/* What belongs to a deed: how many words, and that they make sense. */
static int check_words(amble__gatt_options *o)
{
    static const struct {
        const char *name;
        size_t words;
        const char *needs;
    } deeds[] = {
        {"tree", 2, "ADDRESS"},
        {"read", 3, "ADDRESS CHARACTERISTIC"},
        {"write", 4, "ADDRESS CHARACTERISTIC VALUE"},
        {"subscribe", 3, "ADDRESS CHARACTERISTIC"},
    };
    const amble__command *command = &amble__command_gatt;
    const char *deed = o->words[0] ? o->words[0] : "nothing";
    size_t words = 0;

    while (words < 4 && o->words[words])
        words++;
    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
        if (strcmp(deed, deeds[i].name) != 0)
            continue;
        if (words != deeds[i].words)
            return amble__options_wrong(command, "%s needs %s", deeds[i].name, deeds[i].needs);
        if (words > 2)
            return amble__gatt_take_characteristic(command, o->words[2], &o->characteristic);
        return 0;
    }
    return amble__options_wrong(command, "%s is not tree, read, write or subscribe", deed);
}

static int parse(int argc, char **argv, amble__gatt_options *o)
{
    int r;

    *o = (amble__gatt_options){.byte_limit = AMBLE__VALUE_MAX, .timeout_ms = AMBLE__GATT_TIMEOUT_MS};
    r = amble__options_take(&amble__command_gatt, argc, argv, o);
    if (!r)
        r = check_words(o);
    return r || !o->words[3] ? r : amble__gatt_take_value(&amble__command_gatt, o, o->words[3]);
}

/* --- values ------------------------------------------------------------------------------------------------------- */
const char *amble__gatt_value_text(const amble__gatt_options *o, const amble_uuid *uuid, const uint8_t *data,
                                   size_t size, char text[AMBLE__GATT_TEXT])
{
    const amble__format *hex = amble__format_find("hex");
    const size_t shown = size < o->byte_limit ? size : o->byte_limit;

    if (o->format && amble__format_text(o->format, data, shown, text, AMBLE__GATT_TEXT))
        return text;
    if (!o->format && shown == size && amble__value_text(uuid, data, size, text, AMBLE__GATT_TEXT))
        return text;
    if (!o->format && amble__is_text(data, shown))
        return amble__clean(text, AMBLE__GATT_TEXT, data, shown);
    return amble__format_text(hex, data, shown, text, AMBLE__GATT_TEXT);
}

void amble__gatt_value_json(const amble__gatt_options *o, const amble_uuid *uuid, const uint8_t *data, size_t size,
                            cJSON *object)
{
    char text[AMBLE__GATT_TEXT];

    amble__json_bytes(object, "value", data, size < o->byte_limit ? size : o->byte_limit);
    cJSON_AddNumberToObject(object, "size", (double)size);
    if (size > o->byte_limit)
        cJSON_AddTrueToObject(object, "truncated");
    cJSON_AddStringToObject(object, "text", amble__gatt_value_text(o, uuid, data, size, text));
}

static cJSON *begin_json(const amble_remote_characteristic *c)
{
    cJSON *object = cJSON_CreateObject();

    amble__json_uuid(object, "uuid", &c->uuid, amble__uuid_name(AMBLE__NUMBER_CHARACTERISTIC, &c->uuid));
    return object;
}

/* --- deeds -------------------------------------------------------------------------------------------------------- */
int amble__gatt_read(const amble_remote_characteristic *c, const amble__gatt_options *o)
{
    uint8_t data[AMBLE__VALUE_MAX];
    const int r = amble_read(c, data, sizeof data, o->timeout_ms);
    char text[AMBLE__GATT_TEXT];

    if (r < 0)
        return r;
    if (o->json) {
        cJSON *object = begin_json(c);

        amble__gatt_value_json(o, &c->uuid, data, (size_t)r, object);
        amble__output_json(object);
    } else {
        puts(amble__gatt_value_text(o, &c->uuid, data, (size_t)r, text));
    }
    return 0;
}

int amble__gatt_write(const amble_remote_characteristic *c, const amble__gatt_options *o, const char *word)
{
    const amble__format *format = o->format ? o->format : amble__format_find("hex");
    uint8_t data[AMBLE__VALUE_MAX];
    const int size = amble__format_parse(format, word, data, sizeof data);
    const amble_write_part part = {.characteristic = c, .data = data, .size = (size_t)size};
    int r;

    if (o->in_parts)
        r = amble_write_reliably(&part, 1, o->timeout_ms);
    else
        r = o->no_response ? amble_write_no_response(c, data, (size_t)size, o->timeout_ms)
                           : amble_write(c, data, (size_t)size, o->timeout_ms);
    if (r >= 0 && o->json) {
        cJSON *object = begin_json(c);

        cJSON_AddNumberToObject(object, "written", size);
        amble__output_json(object);
    }
    return r;
}

cJSON *amble__gatt_notified_json(const amble_remote_characteristic *c, const amble__gatt_options *o,
                                 const amble_value *value)
{
    cJSON *object = begin_json(c);

    cJSON_AddNumberToObject(object, "time", (double)amble_now_us() / 1e6);
    amble__gatt_value_json(o, &c->uuid, value->data, value->size, object);
    cJSON_AddBoolToObject(object, "indication", value->indication);
    cJSON_AddNumberToObject(object, "dropped", value->dropped);
    return object;
}

static void tell_notified(const amble_remote_characteristic *c, const amble__gatt_options *o, const amble_value *value)
{
    char text[AMBLE__GATT_TEXT];

    if (o->json) {
        amble__output_json(amble__gatt_notified_json(c, o, value));
        return;
    }
    if (value->dropped)
        fprintf(stderr, "amble gatt: %u values were lost: they came faster than they could be shown\n",
                (unsigned)value->dropped);
    puts(amble__gatt_value_text(o, &c->uuid, value->data, value->size, text));
    amble__output_flush();
}

int amble__gatt_subscribe(const amble_remote_characteristic *c, const amble__gatt_options *o, amble_subscription **out)
{
    const amble_subscribe_options options = {.indicate = o->indicate || !(c->properties & AMBLE_PROPERTY_NOTIFY),
                                             .depth = AMBLE__GATT_DEPTH};

    return amble_subscribe(c, &options, out, o->timeout_ms);
}

static int follow_value(const amble_remote_characteristic *c, const amble__gatt_options *o)
{
    const uint64_t end_us = amble_now_us() + (uint64_t)o->ms * 1000;
    amble_subscription *subscription;
    amble_value value;
    int r = amble__gatt_subscribe(c, o, &subscription);

    if (r < 0)
        return r;
    for (uint32_t count = 0; r >= 0 && (!o->count || count < o->count); count++) {
        const uint64_t now_us = amble_now_us();
        const int left_ms = now_us < end_us ? (int)((end_us - now_us) / 1000) : 0;

        r = amble_notified(subscription, &value, o->ms ? left_ms : AMBLE_FOREVER);
        if (r >= 0)
            tell_notified(c, o, &value);
    }
    amble_subscription_close(subscription);
    return r == AMBLE_ERR_TIMEOUT || r == AMBLE_ERR_CANCELLED ? 0
                                                              : r; /* --seconds are over, or somebody has seen enough */
}

static int do_deed(amble_connection *conn, const amble__gatt_options *o)
{
    amble_remote_characteristic c;
    int r;

    if (!strcmp(o->words[0], "tree"))
        return amble__gatt_tree(conn, o, NULL, NULL);
    r = amble__peer_characteristic("amble gatt", conn, o->service.size ? &o->service : NULL, &o->characteristic, &c,
                                   o->timeout_ms);
    if (r < 0)
        return r;
    return !strcmp(o->words[0], "read")    ? amble__gatt_read(&c, o)
           : !strcmp(o->words[0], "write") ? amble__gatt_write(&c, o, o->words[3])
                                           : follow_value(&c, o);
}

/* Encrypts with the key of the file; a peer that has none there is asked as it is. */
static int use_bond(amble *ble, amble_connection *conn, const amble__gatt_options *o)
{
    const amble_pair_options options = {.key_size_min = 7}; /* whatever was kept will do */
    const amble_device peer = amble_connection_device(conn);
    amble_bond bond = {.serial = 0};
    char address[AMBLE_DEVICE_TEXT];

    while (amble_bonds_next(amble_bonds_of(ble), &bond) == 1)
        if (amble_device_equal(bond.device, peer) || amble_device_equal(bond.paired_as, peer))
            return amble_pair(conn, &options, o->timeout_ms);
    fprintf(stderr, "amble gatt: %s holds no bond with %s; amble pair --bonds %s makes one\n", o->bonds,
            amble_device_text(peer, address), o->bonds);
    return 0;
}

static int gatt(amble *ble, int argc, char **argv)
{
    amble_connection *conn;
    amble__gatt_options o;
    int r = parse(argc, argv, &o);

    if (!r)
        r = amble__peer_connect("amble gatt", ble, o.words[1], o.timeout_ms, &conn);
    if (r)
        return amble__cli_unfinished("amble gatt", r);
    if (o.bonds)
        r = use_bond(ble, conn, &o);
    if (r >= 0)
        r = do_deed(conn, &o);
    amble_connection_close(conn);
    return amble__cli_unfinished("amble gatt", r);
}

int amble__cli_gatt(int argc, char **argv)
{
    amble__gatt_options o;
    const int r = parse(argc, argv, &o);
    const amble_config config = {.name = "amble gatt", .mtu = AMBLE__GATT_MTU, .bonds = o.bonds};

    return r ? amble__cli_exit_code(r) : amble__cli_main(&amble__command_gatt, argc, argv, &config, gatt);
}
