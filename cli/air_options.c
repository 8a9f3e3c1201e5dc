/* The options of `amble air` (air_options.h). Every option may be written "--name value" or "--name=value". */
#include "cli/air_options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amble/error.h"
#include "amble/task.h"

const char amble__air_service_help[] =
    "usage: amble air [OPTIONS]\n"
    "\n"
    "A simulated radio. Whoever connects gets a virtual Bluetooth LE controller with a public address of its own,\n"
    "speaks HCI to it (H4 framing), and is in range of all others. A connection that ends is a loss of power.\n"
    "\n"
    "  --listen T         where to listen: tcp-server:HOST:PORT (port 0: any free one) or unix-server:PATH;\n"
    "                     may be given several times; tcp-server:127.0.0.1:7300 unless given\n"
    "  --loss PERCENT     each packet is lost at each receiver with this probability\n"
    "  --seed N           of the radio's chance; 0 unless given\n"
    "  --speed N|max      N seconds on the air per second; max: as fast as the machine can\n"
    "  --capture FILE     writes the HCI packets of all controllers into a btsnoop file, for Wireshark or btmon;\n"
    "                     each controller is an adapter of its own there\n"
    "  --json             one JSON object a line instead of sentences\n"
    "  -h, --help         this text\n"
    "\n"
    "examples:\n"
    "  amble air\n"
    "  amble air --listen tcp-server:_:7300 --loss 5 --seed 42\n"
    "  build/examples/potentiometer -t tcp-client:127.0.0.1:7300\n"
    "  bumble-scan tcp-client:127.0.0.1:7300\n"
    "\n"
    "Ctrl-C ends it.\n";

static bool parse_u64(const char *text, uint64_t most, uint64_t *value)
{
    char *end;
    unsigned long long number;

    if (*text < '0' || *text > '9')
        return false; /* strtoull would take signs and spaces */
    errno = 0;
    number = strtoull(text, &end, 0);
    if (errno || *end || number > most)
        return false;
    *value = number;
    return true;
}

static bool take_listen(amble__air_service_options *o, const char *value)
{
    if (o->listens == AMBLE__AIR_LISTENERS)
        return false;
    o->listen[o->listens++] = value;
    return true;
}

static bool take_seed(amble__air_service_options *o, const char *value)
{
    return parse_u64(value, UINT64_MAX, &o->seed);
}

static bool take_speed(amble__air_service_options *o, const char *value)
{
    uint64_t speed = AMBLE_SPEED_MAX;

    if (strcmp(value, "max") && (!parse_u64(value, AMBLE_SPEED_MAX - 1, &speed) || !speed))
        return false;
    o->speed = (uint32_t)speed;
    return true;
}

static bool take_loss(amble__air_service_options *o, const char *value)
{
    char *end;

    if (*value < '0' || *value > '9')
        return false;
    o->loss_percent = strtod(value, &end);
    if (*end == '%')
        end++;
    return !*end && o->loss_percent <= 100;
}

static bool take_capture(amble__air_service_options *o, const char *value)
{
    o->capture = value;
    return *value;
}

static const struct {
    const char *name;
    bool (*take)(amble__air_service_options *options, const char *value);
    const char *expected;
} valued[] = {
    {"--listen", take_listen, "a transport to listen on, 16 of them at most"},
    {"--seed", take_seed, "a number"},
    {"--speed", take_speed, "a whole number from 1 on, or max"},
    {"--loss", take_loss, "a percentage from 0 to 100"},
    {"--capture", take_capture, "a file"},
};

/* Takes an option with its value at argv[at]; returns how many arguments that were, 0 when it is none, or an error. */
static int take_valued(int argc, char **argv, int at, amble__air_service_options *options, char *problem, size_t size)
{
    for (size_t i = 0; i < sizeof valued / sizeof *valued; i++) {
        const size_t length = strlen(valued[i].name);
        const char *value;
        bool joined;

        if (strncmp(argv[at], valued[i].name, length))
            continue;
        joined = argv[at][length] == '=';
        if (argv[at][length] && !joined)
            continue;
        value = joined ? argv[at] + length + 1 : at + 1 < argc ? argv[at + 1] : "";
        if (*value && valued[i].take(options, value))
            return joined ? 1 : 2;
        snprintf(problem, size, "%s %s: this takes %s; see amble air --help", valued[i].name, value,
                 valued[i].expected);
        return AMBLE_ERR_USAGE;
    }
    return 0;
}

int amble__air_service_parse(int argc, char **argv, amble__air_service_options *options, char *problem, size_t size)
{
    memset(options, 0, sizeof *options);
    for (int at = 1; at < argc;) {
        const int taken = take_valued(argc, argv, at, options, problem, size);

        if (taken < 0)
            return taken;
        if (!strcmp(argv[at], "--json")) {
            options->json = true;
        } else if (!strcmp(argv[at], "--help") || !strcmp(argv[at], "-h")) {
            options->help = true;
        } else if (!taken) {
            snprintf(problem, size, "%s: no such option; see amble air --help", argv[at]);
            return AMBLE_ERR_USAGE;
        }
        at += taken ? taken : 1;
    }
    if (!options->listens)
        options->listen[options->listens++] = "tcp-server:127.0.0.1:7300";
    return AMBLE_OK;
}
