/* The options of `amble air` (air_options.h). */
#include "cli/air_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amble/error.h"
#include "amble/task.h"
#include "cli/cli.h"
#include "cli/options.h"

static bool take_listen(void *field, const char *value)
{
    amble__air_service_options *o = field;

    if (o->listens == AMBLE__AIR_LISTENERS)
        return false;
    o->listen[o->listens++] = value;
    return true;
}

static bool take_seed(void *field, const char *value) { return amble__parse_number(value, UINT64_MAX, field); }

static bool take_speed(void *field, const char *value)
{
    uint64_t speed = AMBLE_SPEED_MAX;

    if (strcmp(value, "max") && (!amble__parse_number(value, AMBLE_SPEED_MAX - 1, &speed) || !speed))
        return false;
    *(uint32_t *)field = (uint32_t)speed;
    return true;
}

static bool take_loss(void *field, const char *value)
{
    double *percent = field;
    char *end;

    if (*value < '0' || *value > '9')
        return false;
    *percent = strtod(value, &end);
    if (*end == '%')
        end++;
    return !*end && *percent <= 100;
}

static const amble__option option_table[] = {
    {.name = "--listen",
     .value = "T",
     .about = "where to listen: tcp-server:HOST:PORT (port 0: any free one) or unix-server:PATH; may be given several "
              "times; tcp-server:127.0.0.1:7300 unless given",
     .expected = "a transport to listen on, 16 of them at most",
     .take = take_listen, /* knows the whole structure */
     .offer = AMBLE__OFFER_LISTENERS},
    {.name = "--loss",
     .value = "PERCENT",
     .about = "each packet is lost at each receiver with this probability",
     .expected = "a percentage from 0 to 100",
     .take = take_loss,
     .field = offsetof(amble__air_service_options, loss_percent)},
    {.name = "--seed",
     .value = "N",
     .about = "of the radio's chance; 0 unless given",
     .expected = "a number",
     .take = take_seed,
     .field = offsetof(amble__air_service_options, seed)},
    {.name = "--speed",
     .value = "N",
     .about = "N seconds on the air per second; max: as fast as the machine can",
     .expected = "a whole number from 1 on, or max",
     .take = take_speed,
     .field = offsetof(amble__air_service_options, speed)},
    {.name = "--capture",
     .value = "FILE",
     .about =
         "writes the HCI packets of all controllers into a btsnoop file, for Wireshark or btmon; each controller is "
         "an adapter of its own there",
     .expected = "a file",
     .take = amble__take_text,
     .field = offsetof(amble__air_service_options, capture),
     .offer = AMBLE__OFFER_FILES},
    {.name = "--sniff",
     .value = "FILE",
     .about = "writes the packets on the air into a pcap file, for Wireshark or amble monitor",
     .expected = "a file",
     .take = amble__take_text,
     .field = offsetof(amble__air_service_options, sniff),
     .offer = AMBLE__OFFER_FILES},
    {.name = "--json",
     .about = "one JSON object a line instead of sentences",
     .field = offsetof(amble__air_service_options, json)},
};

static const char *const help_usage[] = {"air [OPTIONS]", NULL};
static const char *const help_text[] = {
    "A simulated radio. Whoever connects gets a virtual Bluetooth LE controller with a "
    "public address of its own, speaks HCI to it (H4 framing), and is in range of all "
    "others. A connection that ends is a loss of power. Ctrl-C ends it.",
    NULL};
static const char *const help_examples[] = {"amble air", "amble air --listen tcp-server:_:7300 --loss 5 --seed 42",
                                            "build/examples/potentiometer -t tcp-client:127.0.0.1:7300",
                                            "bumble-scan tcp-client:127.0.0.1:7300", NULL};

const amble__command amble__command_air = {.name = "air",
                                           .about = "a simulated radio: every connection to it is a virtual controller",
                                           .usage = help_usage,
                                           .text = help_text,
                                           .examples = help_examples,
                                           .exits = {"done", "failed", "wrong usage"},
                                           .options = option_table,
                                           .option_count = sizeof option_table / sizeof *option_table,
                                           .run = amble__cli_air};

int amble__air_service_parse(int argc, char **argv, amble__air_service_options *options)
{
    int r;

    *options = (amble__air_service_options){.listens = 0};
    r = amble__options_take(&amble__command_air, argc, argv, options);
    if (!r && !options->listens)
        options->listen[options->listens++] = "tcp-server:127.0.0.1:7300";
    return r;
}
