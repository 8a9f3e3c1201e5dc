/* `amble monitor`: a capture as text.
 *
 * Times are seconds from the first packet. With --follow the end of the file is waited at: what another program is just
 * capturing appears as it happens. Needs no controller and no scheduler. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "amble/error.h"
#include "cli/cli.h"
#include "cli/decode.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/snoop.h"

enum { FOLLOW_US = 50000, LAYER = 8 };

typedef struct {
    const char *words[1];
    const char *only;
    uint16_t link;
    bool follow, json;
} monitor_options;

/* Everything that is too large for a stack. */
typedef struct {
    amble__snoop in;
    amble__decoder decoder;
    amble__decoded decoded;
} monitor_state;

static volatile sig_atomic_t stopped; /* a signal handler has no other way to say something to somebody */

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

static const amble__option option_table[] = {
    {.name = "--only",
     .value = "LAYER",
     .about = "only packets of this layer",
     .choices = "command event acl l2cap att smp other",
     .take = amble__take_text,
     .field = offsetof(monitor_options, only)},
    {.name = "--link",
     .value = "N",
     .about = "only packets of this connection handle, such as 0x0040",
     .expected = "a connection handle, such as 0x0040",
     .take = amble__take_u16,
     .field = offsetof(monitor_options, link)},
    {.name = "--follow",
     .about = "waits at the end of the file for more, until Ctrl-C",
     .field = offsetof(monitor_options, follow)},
    {.name = "--json", .about = "one JSON object a line instead of text", .field = offsetof(monitor_options, json)},
};

static const char *const help_usage[] = {"monitor FILE [OPTIONS]", NULL};
static const char *const help_text[] = {
    "Shows the packets of a btsnoop capture (of --capture, Android, BlueZ or Wireshark): HCI commands and events, ATT, "
    "L2CAP, SMP. Attributes have their names when their discovery is in the capture. FILE - is standard input.",
    NULL};
static const char *const help_examples[] = {
    "amble gatt tree Thermometer -t usb:0 --capture tree.btsnoop; amble monitor tree.btsnoop --only att",
    "amble scan -t usb:0 --watch --capture scan.btsnoop & amble monitor scan.btsnoop --follow", NULL};

const amble__command amble__command_monitor = {.name = "monitor",
                                               .about = "shows the packets of a capture",
                                               .usage = help_usage,
                                               .text = help_text,
                                               .examples = help_examples,
                                               .exits = {"done", "failed", "wrong usage"},
                                               .options = option_table,
                                               .option_count = sizeof option_table / sizeof *option_table,
                                               .words = {{.name = "FILE", .offer = AMBLE__OFFER_FILES}},
                                               .words_least = 1,
                                               .words_most = 1,
                                               .words_field = offsetof(monitor_options, words),
                                               .run = amble__cli_monitor};

static int parse(int argc, char **argv, monitor_options *o)
{
    *o = (monitor_options){.link = 0xffff};
    return amble__options_take(&amble__command_monitor, argc, argv, o);
}

static amble__colour colour_of(const char *layer)
{
    return !strcmp(layer, "att")       ? AMBLE__GREEN
           : !strcmp(layer, "smp")     ? AMBLE__YELLOW
           : !strcmp(layer, "command") ? AMBLE__BLUE
           : !strcmp(layer, "event")   ? AMBLE__DIM
                                       : AMBLE__PLAIN;
}

static void tell(const monitor_options *o, const amble__snoop_record *record, const amble__decoded *what,
                 double seconds)
{
    if (o->json) {
        cJSON *object = cJSON_CreateObject();

        cJSON_AddNumberToObject(object, "time", seconds);
        if (record->adapter >= 0)
            cJSON_AddNumberToObject(object, "controller", record->adapter);
        cJSON_AddStringToObject(object, "direction", record->received ? "received" : "sent");
        cJSON_AddStringToObject(object, "layer", what->layer);
        if (what->link >= 0)
            cJSON_AddNumberToObject(object, "link", (double)what->link);
        cJSON_AddStringToObject(object, "name", what->name);
        cJSON_AddStringToObject(object, "detail", what->detail);
        amble__json_bytes(object, "data", record->data, record->size);
        amble__output_json(object);
        return;
    }
    if (record->adapter >= 0)
        printf("%2d ", record->adapter);
    printf("%12.6f %s %s%-*s %s%s%s%s\n", seconds, record->received ? "<" : ">", amble__paint(colour_of(what->layer)),
           LAYER, what->layer, what->name, amble__paint(AMBLE__PLAIN), what->detail[0] ? "  " : "", what->detail);
}

static bool wanted(const monitor_options *o, const amble__decoded *what)
{
    return (!o->only || !strcmp(o->only, what->layer)) && (o->link == 0xffff || what->link == o->link);
}

/* Shows what is in the file. Returns what ended it: 0, or an error of amble__snoop_next. */
static int show(monitor_state *s, const monitor_options *o, const char **problem)
{
    amble__snoop_record record;
    uint64_t first_us = 0;
    bool any = false;
    int r;

    while (!stopped && !ferror(stdout)) {
        r = amble__snoop_next(&s->in, &record, problem);
        if (o->follow && (r == 0 || r == AMBLE_ERR_STALE)) {
            (void)fflush(stdout); /* asked above */
            (void)usleep(FOLLOW_US);
            continue;
        }
        if (r <= 0)
            return r;
        if (!any)
            first_us = record.time_us;
        any = true;
        amble__decode(&s->decoder, record.adapter, record.type, record.received, record.data, record.size, &s->decoded);
        if (wanted(o, &s->decoded))
            tell(o, &record, &s->decoded, (double)(int64_t)(record.time_us - first_us) / 1e6);
    }
    return 0;
}

static int monitor(const monitor_options *o, FILE *file)
{
    monitor_state *s = calloc(1, sizeof *s);
    const char *problem = "out of memory";
    int r = s ? amble__snoop_open(&s->in, file, &problem) : AMBLE_ERR_NO_MEMORY;

    if (!r)
        r = show(s, o, &problem);
    free(s);
    (void)fflush(stdout); /* whoever read it may be gone */
    if (r < 0)
        fprintf(stderr, "amble monitor: %s: %s\n", o->words[0],
                r == AMBLE_ERR_STALE ? "the file ends within a packet; was it cut off?" : problem);
    return r;
}

int amble__cli_monitor(int argc, char **argv)
{
    const struct sigaction action = {.sa_handler = on_signal};
    monitor_options o;
    FILE *file;
    int r = parse(argc, argv, &o);

    if (r)
        return amble__cli_exit_code(r);
    file = strcmp(o.words[0], "-") != 0 ? fopen(o.words[0], "rb") : stdin;
    if (!file) {
        fprintf(stderr, "amble monitor: %s: it cannot be opened (%s); is the name right?\n", o.words[0],
                strerror(errno));
        return AMBLE__EXIT_FAILED;
    }
    (void)signal(SIGPIPE, SIG_IGN); /* cannot fail for these signals */
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    r = monitor(&o, file);
    if (file != stdin)
        (void)fclose(file); /* it was only read */
    return amble__cli_exit_code(r);
}
