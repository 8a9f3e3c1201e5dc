/* `amble uuid`: draws UUIDs, and says what numbers mean. Needs no controller. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "amble/error.h"
#include "cli/cli.h"
#include "cli/numbers.h"
#include "cli/options.h"
#include "cli/output.h"

typedef struct {
    const char *words[2];
    uint32_t count;
    bool json;
} uuid_options;

static const amble__option option_table[] = {
    {.name = "--count",
     .value = "N",
     .about = "so many UUIDs",
     .expected = "how many, from 1 on",
     .take = amble__take_count,
     .field = offsetof(uuid_options, count)},
    {.name = "--json", .about = "one JSON object a line", .field = offsetof(uuid_options, json)},
};

static const char *const help_usage[] = {"uuid new [--count N] [--json]", "uuid lookup NUMBER|UUID|NAME [--json]",
                                         NULL};
static const char *const help_text[] = {
    "new\tdraws random 128-bit UUIDs (RFC 4122, version 4) for services and characteristics of your own.",
    "lookup\tsays what a number means that the Bluetooth SIG assigned: service, characteristic, descriptor, unit, "
    "company or appearance. A name, or a part of one, finds its numbers.",
    NULL};
static const char *const help_examples[] = {"amble uuid new", "amble uuid lookup 180F",
                                            "amble uuid lookup 0000180f-0000-1000-8000-00805f9b34fb",
                                            "amble uuid lookup \"heart rate\"", NULL};

const amble__command amble__command_uuid = {
    .name = "uuid",
    .about = "draws UUIDs and says what assigned numbers mean",
    .usage = help_usage,
    .text = help_text,
    .examples = help_examples,
    .exits = {"done", "nothing was found", "wrong usage"},
    .options = option_table,
    .option_count = sizeof option_table / sizeof *option_table,
    .words = {{.name = "new|lookup", .choices = "new lookup"}, {.name = "NUMBER|UUID|NAME"}},
    .words_least = 1,
    .words_most = 2,
    .words_field = offsetof(uuid_options, words),
    .run = amble__cli_uuid};

static int draw(const uuid_options *o)
{
    for (uint32_t i = 0; i < o->count; i++) {
        amble_uuid uuid = {.size = 16};
        char text[AMBLE_UUID_TEXT];

        if (getrandom(uuid.bytes, sizeof uuid.bytes, 0) != sizeof uuid.bytes) {
            fputs("amble uuid: the system gives no random bytes; try again\n", stderr);
            return AMBLE__EXIT_FAILED;
        }
        uuid.bytes[9] = (uint8_t)((uuid.bytes[9] & 0x0f) | 0x40); /* version 4, RFC 4122 4.4; least significant first */
        uuid.bytes[7] = (uint8_t)((uuid.bytes[7] & 0x3f) | 0x80);
        amble_uuid_text(&uuid, text);
        if (o->json) {
            cJSON *object = cJSON_CreateObject();

            cJSON_AddStringToObject(object, "uuid", text);
            amble__output_json(object);
        } else {
            puts(text);
        }
    }
    return AMBLE__EXIT_DONE;
}

static void tell(const uuid_options *o, const amble__number *row)
{
    char text[AMBLE_UUID_TEXT];

    if (row->long_uuid)
        amble_uuid_text(row->long_uuid, text);
    else
        snprintf(text, sizeof text, "%04X", row->number);
    if (o->json) {
        cJSON *object = cJSON_CreateObject();

        cJSON_AddStringToObject(object, "kind", amble__number_kind_name(row->kind));
        cJSON_AddStringToObject(object, row->kind < AMBLE__NUMBER_COMPANY ? "uuid" : "number", text);
        cJSON_AddStringToObject(object, "name", row->name);
        amble__output_json(object);
    } else {
        printf("%-14s %s%s%s  %s\n", amble__number_kind_name(row->kind), amble__paint(AMBLE__BOLD), text,
               amble__paint(AMBLE__PLAIN), row->name);
    }
}

static bool matches(const amble__number *row, const amble_uuid *uuid, int number, const char *name)
{
    if (row->long_uuid && uuid && amble_uuid_equal(row->long_uuid, uuid))
        return true;
    if (!row->long_uuid && number >= 0 && row->number == (unsigned)number)
        return true;
    return name && amble__name_contains(row->name, name);
}

/* One to four hexadecimal digits, as numbers are written in the specifications, with or without 0x; -1 for others. */
static int short_number(const char *text)
{
    const bool marked = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = marked ? text + 2 : text;
    const size_t length = strlen(digits);

    if (!length || length > 4 || strspn(digits, "0123456789abcdefABCDEF") != length)
        return -1;
    return (int)strtol(digits, NULL, 16);
}

/* A number finds what has it; a text that is no number, or names nothing as one, finds names. */
static int look_up(const uuid_options *o)
{
    const char *text = o->words[1];
    amble_uuid uuid = {0};
    const bool is_uuid = amble_uuid_parse(&uuid, text) == 0;
    const int number = is_uuid ? amble__uuid_number(&uuid) : short_number(text);
    unsigned found = 0;
    amble__number row;

    for (int by_name = 0; by_name < 2 && !found; by_name++)
        for (size_t at = 0; amble__number_next(&at, &row);)
            if (matches(&row, is_uuid && !by_name ? &uuid : NULL, by_name ? -1 : number, by_name ? text : NULL)) {
                tell(o, &row);
                found++;
            }
    if (found)
        return AMBLE__EXIT_DONE;
    fprintf(stderr, "amble uuid: nothing in the tables is or contains %s; try a part of the name\n", text);
    return AMBLE__EXIT_FAILED;
}

int amble__cli_uuid(int argc, char **argv)
{
    uuid_options o = {.count = 1};
    const int r = amble__options_take(&amble__command_uuid, argc, argv, &o);

    if (r)
        return amble__cli_exit_code(r);
    if (!strcmp(o.words[0], "new") && !o.words[1])
        return draw(&o);
    if (!strcmp(o.words[0], "lookup") && o.words[1])
        return look_up(&o);
    return amble__cli_exit_code(amble__options_wrong(&amble__command_uuid, "%s",
                                                     o.words[1] || strcmp(o.words[0], "lookup")
                                                         ? "this is new, or lookup with one thing to look up"
                                                         : "lookup needs a number, a UUID or a name"));
}
