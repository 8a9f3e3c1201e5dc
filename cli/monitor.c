/* `amble monitor`: packets as text, from a capture or while they happen.
 *
 * Times are seconds from the first packet. With --follow the end of the file is waited at: what another program is just
 * capturing appears as it happens. With --replay it takes the time that it took. Files need no controller and no
 * scheduler. */
#include "cli/monitor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "amble/error.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"

enum { FOLLOW_US = 50000, TELL_AFTER = 20, LAYER = 8, LONGEST_PAUSE_US = 3600000000U };

static volatile sig_atomic_t stopped; /* a signal handler has no other way to say something to somebody */

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

bool amble__monitor_stopped(void) { return stopped; }

/* --- options ------------------------------------------------------------------------------------------------------ */
static bool take_u32(void *field, const char *value)
{
    uint64_t number;

    if (!amble__parse_number(value, UINT32_MAX, &number))
        return false;
    *(uint32_t *)field = (uint32_t)number;
    return true;
}

static const amble__option option_table[] = {
    {.name = "--transport",
     .letter = "-t",
     .value = "T",
     .about = "live in place of a FILE: the controller behind --listen, or hci-monitor, what the Linux kernel's "
              "controllers and hosts say",
     .expected = "a transport",
     .take = amble__take_text,
     .field = offsetof(amble__monitor_options, transport),
     .offer = AMBLE__OFFER_TRANSPORTS},
    {.name = "--listen",
     .value = "L",
     .about = "where the host comes to that is to use the controller at -t",
     .expected = "a transport to listen on",
     .take = amble__take_text,
     .field = offsetof(amble__monitor_options, listen),
     .offer = AMBLE__OFFER_LISTENERS},
    {.name = "--capture",
     .value = "FILE",
     .about = "with --listen: writes the packets into a btsnoop file, too",
     .expected = "a file",
     .take = amble__take_text,
     .field = offsetof(amble__monitor_options, capture),
     .offer = AMBLE__OFFER_FILES},
    {.name = "--only",
     .value = "LAYER",
     .about = "only packets of this layer",
     .choices = "command event acl ll l2cap att smp other",
     .take = amble__take_text,
     .field = offsetof(amble__monitor_options, only)},
    {.name = "--link",
     .value = "N",
     .about = "only packets of this connection handle, such as 0x0040, on the air of this access address",
     .expected = "a connection handle, such as 0x0040, or an access address",
     .take = take_u32,
     .field = offsetof(amble__monitor_options, link)},
    {.name = "--follow",
     .about = "waits for the file, and at its end for more, until Ctrl-C",
     .field = offsetof(amble__monitor_options, follow)},
    {.name = "--replay",
     .about = "shows the packets of a file in the time that they took",
     .field = offsetof(amble__monitor_options, replay)},
    {.name = "--speed",
     .value = "N",
     .about = "replays N times as fast",
     .expected = "a whole number from 1 on",
     .take = amble__take_count,
     .field = offsetof(amble__monitor_options, speed)},
    {.name = "--json",
     .about = "one JSON object a line instead of text",
     .field = offsetof(amble__monitor_options, json)},
};

static const char *const help_usage[] = {"monitor FILE [OPTIONS]", "monitor -t T --listen L [OPTIONS]",
                                         "monitor -t hci-monitor [OPTIONS]", NULL};
static const char *const help_text[] = {
    "Shows the packets of a capture: HCI commands and events, ATT, L2CAP, SMP; of a capture of the air (amble air "
    "--sniff) the link layer, too. It is a btsnoop file (of --capture, Android, BlueZ or Wireshark) or a pcap file. "
    "Attributes have their names when their discovery is in the capture. FILE - is standard input.",
    "A controller belongs to one host at a time, so nobody can look at it from aside. With -t and --listen, amble "
    "stands between: it opens the controller and waits for a host at the other place; what passes is shown. A host "
    "that leaves makes room for the next. On Linux, -t hci-monitor shows what passes between the kernel and all its "
    "controllers; that needs the capability CAP_NET_RAW.",
    NULL};
static const char *const help_examples[] = {
    "amble gatt tree Thermometer -t usb:0 --capture tree.btsnoop; amble monitor tree.btsnoop --only att",
    "amble scan -t usb:0 --watch --capture scan.btsnoop & amble monitor scan.btsnoop --follow",
    "amble monitor -t usb:0 --listen tcp-server:127.0.0.1:7301",
    "amble air --sniff air.pcap & amble monitor air.pcap --follow --only ll",
    "amble monitor tree.btsnoop --replay --speed 10",
    NULL};

const amble__command amble__command_monitor = {.name = "monitor",
                                               .about = "shows the packets of a capture, or as they pass",
                                               .usage = help_usage,
                                               .text = help_text,
                                               .examples = help_examples,
                                               .exits = {"done", "failed", "wrong usage", "no controller"},
                                               .options = option_table,
                                               .option_count = sizeof option_table / sizeof *option_table,
                                               .words = {{.name = "FILE", .offer = AMBLE__OFFER_FILES}},
                                               .words_least = 0,
                                               .words_most = 1,
                                               .words_field = offsetof(amble__monitor_options, words),
                                               .run = amble__cli_monitor};

static int check(const amble__monitor_options *o)
{
    const amble__command *c = &amble__command_monitor;
    const bool kernel = o->transport && !strcmp(o->transport, "hci-monitor");

    if (!o->words[0] && !o->transport)
        return amble__options_wrong(c, "this needs a FILE, or -t");
    if (o->words[0] && (o->transport || o->listen))
        return amble__options_wrong(c, "a FILE and -t or --listen exclude each other");
    if (o->transport && !kernel && !o->listen)
        return amble__options_wrong(c, "-t %s needs --listen: the host uses the controller through there",
                                    o->transport);
    if (kernel && o->listen)
        return amble__options_wrong(c, "hci-monitor listens by itself; --listen is for a controller");
    if (o->capture && !o->listen)
        return amble__options_wrong(c, "--capture belongs to --listen");
    if ((o->follow || o->replay) && !o->words[0])
        return amble__options_wrong(c, "--follow and --replay are for a FILE");
    if (o->speed && !o->replay)
        return amble__options_wrong(c, "--speed belongs to --replay");
    return 0;
}

static int parse(int argc, char **argv, amble__monitor_options *o)
{
    int r;

    *o = (amble__monitor_options){.link = AMBLE__MONITOR_EVERY_LINK};
    r = amble__options_take(&amble__command_monitor, argc, argv, o);
    return r ? r : check(o);
}

/* --- showing ------------------------------------------------------------------------------------------------------ */
static amble__colour colour_of(const char *layer)
{
    return !strcmp(layer, "att")       ? AMBLE__GREEN
           : !strcmp(layer, "smp")     ? AMBLE__YELLOW
           : !strcmp(layer, "command") ? AMBLE__BLUE
           : !strcmp(layer, "event")   ? AMBLE__DIM
                                       : AMBLE__PLAIN;
}

static void add_air(cJSON *object, const amble__snoop_record *record)
{
    static const char *const crcs[] = {NULL, "right", "wrong"};

    if (record->air.has_channel)
        cJSON_AddNumberToObject(object, "channel", record->air.channel);
    if (record->air.has_rssi)
        cJSON_AddNumberToObject(object, "rssi", record->air.rssi);
    if (record->air.phy)
        cJSON_AddNumberToObject(object, "phy", record->air.phy);
    if (crcs[record->air.crc])
        cJSON_AddStringToObject(object, "crc", crcs[record->air.crc]);
}

static void tell_json(const amble__snoop_record *record, const amble__decoded *what, double seconds)
{
    static const char *const senders[] = {"broadcast", "to peripheral", "to central"};
    cJSON *object = cJSON_CreateObject();

    cJSON_AddNumberToObject(object, "time", seconds);
    if (record->adapter >= 0)
        cJSON_AddNumberToObject(object, "controller", record->adapter);
    cJSON_AddStringToObject(object, "direction",
                            record->type == AMBLE__SNOOP_AIR ? senders[record->air.sender]
                            : record->received               ? "received"
                                                             : "sent");
    cJSON_AddStringToObject(object, "layer", what->layer);
    if (what->link >= 0)
        cJSON_AddNumberToObject(object, "link", (double)what->link);
    if (record->type == AMBLE__SNOOP_AIR)
        add_air(object, record);
    cJSON_AddStringToObject(object, "name", what->name);
    cJSON_AddStringToObject(object, "detail", what->detail);
    amble__json_bytes(object, "data", record->data, record->size);
    amble__output_json(object);
}

/* Where on the air it was heard, behind everything else. */
static void tell_air(const amble__snoop_record *record, int64_t link)
{
    static const char *const phys[] = {"", "", ", LE 2M", ", LE Coded"};
    const char *separator = "";

    printf("  [");
    if (record->air.has_channel)
        printf("channel %u", record->air.channel), separator = ", ";
    if (record->air.has_rssi)
        printf("%s%d dBm", separator, record->air.rssi), separator = ", ";
    if (link >= 0)
        printf("%slink 0x%08llX", separator, (unsigned long long)link);
    printf("%s%s]", phys[record->air.phy & 3], record->air.crc == AMBLE__CRC_WRONG ? ", CRC wrong" : "");
}

static void tell(const amble__snoop_record *record, const amble__decoded *what, double seconds)
{
    const bool on_air = record->type == AMBLE__SNOOP_AIR;
    const char *direction = on_air && record->air.sender == AMBLE__FROM_ANYBODY ? "*" : record->received ? "<" : ">";

    if (record->adapter >= 0)
        printf("%2d ", record->adapter);
    printf("%12.6f %s %s%-*s %s%s%s%s", seconds, direction, amble__paint(colour_of(what->layer)), LAYER, what->layer,
           what->name, amble__paint(AMBLE__PLAIN), what->detail[0] ? "  " : "", what->detail);
    if (on_air)
        tell_air(record, what->link);
    printf("\n");
}

static bool wanted(const amble__monitor_options *o, const amble__decoded *what)
{
    return (!o->only || !strcmp(o->only, what->layer)) &&
           (o->link == AMBLE__MONITOR_EVERY_LINK || what->link == (int64_t)o->link);
}

static void decode(amble__monitor *m, const amble__snoop_record *record)
{
    const amble__decode_air_packet packet = {.access_address = record->air.access_address,
                                             .sender = record->air.sender,
                                             .auxiliary = record->air.auxiliary,
                                             .pdu = record->data,
                                             .size = record->size};

    if (record->type == AMBLE__SNOOP_AIR)
        amble__decode_air(&m->decoder, &packet, &m->decoded);
    else
        amble__decode(&m->decoder, record->adapter, record->type, record->received, record->data, record->size,
                      &m->decoded);
}

void amble__monitor_show(amble__monitor *m, const amble__snoop_record *record)
{
    double seconds;

    if (!m->any)
        m->first_us = record->time_us;
    m->any = true;
    decode(m, record);
    if (!wanted(&m->options, &m->decoded))
        return;
    seconds = (double)(int64_t)(record->time_us - m->first_us) / 1e6;
    if (m->options.json)
        tell_json(record, &m->decoded, seconds);
    else
        tell(record, &m->decoded, seconds);
}

/* --- files -------------------------------------------------------------------------------------------------------- */
static uint64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Waits until a packet `after_us` behind the first is due. A pause of more than an hour is a break in the file. */
static void wait_until_due(const amble__monitor *m, uint64_t started_us, uint64_t after_us)
{
    const uint64_t speed = m->options.speed ? m->options.speed : 1;
    const uint64_t due = started_us + after_us / speed;
    uint64_t now;

    amble__output_flush();
    while (!stopped && (now = now_us()) < due && due - now < LONGEST_PAUSE_US) {
        const struct timespec pause = {.tv_sec = (time_t)((due - now) / 1000000),
                                       .tv_nsec = (long)((due - now) % 1000000) * 1000};

        (void)nanosleep(&pause, NULL); /* one that was cut short is slept again */
    }
}

/* Shows what is in the file. Returns what ended it: 0, or an error of amble__snoop_next. */
static int show(amble__monitor *m, const char **problem)
{
    const uint64_t started_us = now_us();
    amble__snoop_record record;
    int r;

    while (!stopped && !ferror(stdout)) {
        r = amble__snoop_next(&m->in, &record, problem);
        if (m->options.follow && (r == 0 || r == AMBLE_ERR_STALE)) {
            amble__output_flush();
            (void)usleep(FOLLOW_US);
            continue;
        }
        if (r <= 0)
            return r;
        if (m->options.replay && m->any && record.time_us > m->first_us)
            wait_until_due(m, started_us, record.time_us - m->first_us);
        if (!stopped)
            amble__monitor_show(m, &record);
    }
    return 0;
}

/* Waits until somebody has begun to write the file. */
static void wait_until_begun(const char *name)
{
    enum { HEADER = 24 }; /* of pcap; that of btsnoop is shorter, and alone has nothing to show */
    struct stat there;

    for (int looked = 1; !stopped; looked++) {
        if (stat(name, &there) == 0 ? !S_ISREG(there.st_mode) || there.st_size >= HEADER : errno != ENOENT)
            return;
        if (looked == TELL_AFTER)
            fprintf(stderr, "amble monitor: waiting for %s\n", name);
        (void)usleep(FOLLOW_US);
    }
}

static int monitor_file(amble__monitor *m)
{
    const char *name = m->options.words[0], *problem = NULL;
    FILE *file = stdin;
    int r;

    if (strcmp(name, "-") != 0) {
        if (m->options.follow)
            wait_until_begun(name);
        if (stopped)
            return 0;
        file = fopen(name, "rb");
    }
    if (!file) {
        fprintf(stderr, "amble monitor: %s: it cannot be opened (%s); is the name right?\n", name, strerror(errno));
        return AMBLE_ERR_IO;
    }
    r = amble__snoop_open(&m->in, file, &problem);
    if (!r)
        r = show(m, &problem);
    if (file != stdin)
        (void)fclose(file); /* it was only read */
    amble__output_flush();
    if (r < 0)
        fprintf(stderr, "amble monitor: %s: %s\n", name,
                r == AMBLE_ERR_STALE ? "the file ends within a packet; was it cut off?" : problem);
    return r;
}

int amble__cli_monitor(int argc, char **argv)
{
    const struct sigaction action = {.sa_handler = on_signal};
    amble__monitor_options options;
    amble__monitor *m;
    int r = parse(argc, argv, &options);

    if (r)
        return amble__cli_exit_code(r);
    m = calloc(1, sizeof *m);
    if (!m) {
        fprintf(stderr, "amble monitor: out of memory\n");
        return AMBLE__EXIT_FAILED;
    }
    m->options = options;
    (void)signal(SIGPIPE, SIG_IGN); /* cannot fail for these signals */
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    r = options.words[0] ? monitor_file(m) : options.listen ? amble__monitor_between(m) : amble__monitor_kernel(m);
    free(m);
    return amble__cli_exit_code(r);
}
