/* `amble connect`: a link to a peer, its parameters, changed if told so, and held until somebody ends it.
 *
 * Every change of the link's timing is told, whoever made it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amble/error.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/peer.h"

enum { TIMEOUT_MS = 10000, LOOK_MS = 200, UNIT_US = 1250, LEAST_US = 7500, MOST_US = 4000000 };

typedef struct {
    const char *words[2];
    amble_parameters parameters;
    bool change;
    const char *phy;
    int ms, timeout_ms;
    bool coded, json;
} connect_options;

/* --- options ------------------------------------------------------------------------------------------------------ */
/* "7.5" or "30": milliseconds as microseconds, and where the number ends; 0: none. */
static uint32_t take_ms(const char **text)
{
    const char *behind = *text + strspn(*text, "0123456789.");
    char *end;
    const double us = strtod(*text, &end) * 1000;

    if (end == *text || end != behind || !(us >= LEAST_US) || !(us <= MOST_US))
        return 0; /* nor one in hexadecimal digits, or behind blanks, which strtod would take */
    *text = end;
    return (uint32_t)us / UNIT_US * UNIT_US;
}

/* A number behind a comma, or `otherwise` when there is no comma. */
static bool take_further(const char **text, unsigned long most, unsigned long *value)
{
    char *end;

    if (**text != ',')
        return **text == '\0';
    if (*++*text < '0' || **text > '9')
        return false;
    *value = strtoul(*text, &end, 10);
    *text = end;
    return *value <= most;
}

/* MIN[-MAX][,LATENCY[,TIMEOUT]] */
static bool take_parameters(void *target, const char *value)
{
    unsigned long latency = 0, timeout_ms = 0;
    connect_options *o = target;

    o->change = true;
    o->parameters.min_interval_us = o->parameters.max_interval_us = take_ms(&value);
    if (*value == '-') {
        value++;
        o->parameters.max_interval_us = take_ms(&value);
    }
    if (!o->parameters.min_interval_us || o->parameters.max_interval_us < o->parameters.min_interval_us ||
        !take_further(&value, 499, &latency) || !take_further(&value, 32000, &timeout_ms) || *value)
        return false;
    /* The link must survive the events that may be skipped, as amble_parameters says. */
    if ((timeout_ms ? timeout_ms : 4000u) * 1000u <= (1 + latency) * o->parameters.max_interval_us * 2)
        return false;
    o->parameters.latency = (uint16_t)latency;
    o->parameters.supervision_timeout_ms = (uint32_t)timeout_ms;
    return true;
}

static const amble__option option_table[] = {
    {.name = "--params",
     .value = "MIN-MAX,LATENCY,TIMEOUT",
     .about =
         "asks for this timing: the interval in milliseconds, such as 7.5-15, the events that the peripheral may skip, "
         "the supervision timeout in milliseconds; what stands behind MIN may be left out",
     .expected = "milliseconds, such as 30, 7.5-15 or 100-200,4,5000, with a timeout above (1 + LATENCY) * MAX * 2",
     .take = take_parameters},
    {.name = "--phy",
     .value = "PHY",
     .about = "asks for this PHY in both directions",
     .choices = "1m 2m coded",
     .take = amble__take_text,
     .field = offsetof(connect_options, phy)},
    {.name = "--coded",
     .about = "looks for the device on LE Coded too, where far devices advertise",
     .field = offsetof(connect_options, coded)},
    {.name = "--seconds",
     .value = "N",
     .about = "for so long; until Ctrl-C, or the peer leaves, unless given",
     .expected = AMBLE__EXPECTED_SECONDS,
     .take = amble__take_seconds,
     .field = offsetof(connect_options, ms)},
    {.name = "--timeout",
     .value = "N",
     .about = "seconds that each step may take; 10 unless given",
     .expected = AMBLE__EXPECTED_SECONDS,
     .take = amble__take_seconds,
     .field = offsetof(connect_options, timeout_ms)},
    {.name = "--json", .about = "one JSON object a line instead of text", .field = offsetof(connect_options, json)},
};

static const char *const help_usage[] = {"connect -t TRANSPORT [OPTIONS] DEVICE", NULL};
static const char *const help_text[] = {"Connects to an address, or to the first device with this name, shows the "
                                        "parameters of the link, changes them if told "
                                        "so, and stays. Each change of the link's timing is a line.",
                                        NULL};
static const char *const help_examples[] = {
    "amble connect -t usb:0 C0:11:22:33:44:55/r", "amble connect -t usb:0 --params 100-200,4,5000 Lamp",
    "amble connect -t usb:0 --coded FarAway", "amble connect -t air:desk --phy 2m --seconds 5 --json Lamp", NULL};

const amble__command amble__command_connect = {
    .name = "connect",
    .about = "holds a link, and changes its parameters",
    .usage = help_usage,
    .text = help_text,
    .examples = help_examples,
    .exits = {"done", "failed or interrupted", "wrong usage", "no controller", "timeout"},
    .options = option_table,
    .option_count = sizeof option_table / sizeof *option_table,
    .words = {{.name = "DEVICE"}},
    .words_least = 1,
    .words_most = 1,
    .words_field = offsetof(connect_options, words),
    .has_controller = true,
    .run = amble__cli_connect};

static int parse(int argc, char **argv, connect_options *o)
{
    *o = (connect_options){.timeout_ms = TIMEOUT_MS};
    return amble__options_take(&amble__command_connect, argc, argv, o);
}

/* --- telling ------------------------------------------------------------------------------------------------------ */
static const char *phy_name(amble_phy phy)
{
    static const char *const names[] = {"any", "1m", "2m", "coded"};

    return names[phy];
}

static void tell_end(const connect_options *o, const amble_connection *conn)
{
    const uint8_t reason = amble_connection_reason(conn);

    if (o->json) {
        cJSON *object = cJSON_CreateObject();

        cJSON_AddStringToObject(object, "event", "disconnected");
        cJSON_AddStringToObject(object, "reason", amble_error_text(AMBLE_ERR_HCI(reason)));
        amble__output_json(object);
        return;
    }
    printf("disconnected: %s\n", amble_error_text(AMBLE_ERR_HCI(reason)));
    amble__output_flush();
}

static int tell_link(const connect_options *o, const char *event, amble_connection *conn)
{
    const amble_parameters now = amble_connection_parameters(conn);
    const amble_data_length length = amble_connection_data_length(conn);
    char address[AMBLE_DEVICE_TEXT];
    amble_phys phys = {.send = AMBLE_PHY_1M, .receive = AMBLE_PHY_1M};
    int8_t rssi;
    int r = amble_connection_rssi(conn, &rssi, o->timeout_ms);

    if (r == 0)
        r = amble_connection_phy(conn, &phys, o->timeout_ms);
    if (r < 0) { /* an older controller has one PHY, and may not tell the strength */
        if (r > -0x100)
            return r;
        rssi = 127;
    }
    amble_device_text(amble_connection_device(conn), address);
    if (o->json) {
        cJSON *object = cJSON_CreateObject();

        cJSON_AddStringToObject(object, "event", event);
        cJSON_AddStringToObject(object, "address", address);
        cJSON_AddNumberToObject(object, "interval_us", now.max_interval_us);
        cJSON_AddNumberToObject(object, "latency", now.latency);
        cJSON_AddNumberToObject(object, "supervision_timeout_ms", now.supervision_timeout_ms);
        cJSON_AddStringToObject(object, "send_phy", phy_name(phys.send));
        cJSON_AddStringToObject(object, "receive_phy", phy_name(phys.receive));
        cJSON_AddNumberToObject(object, "send_bytes", length.send);
        cJSON_AddNumberToObject(object, "receive_bytes", length.receive);
        cJSON_AddNumberToObject(object, "mtu", amble_connection_mtu(conn));
        if (rssi != 127)
            cJSON_AddNumberToObject(object, "rssi", rssi);
        amble__output_json(object);
        return 0;
    }
    printf("%s %s  interval %g ms  latency %u  supervision timeout %u ms  PHY %s/%s  %u/%u bytes  MTU %u", event,
           address, now.max_interval_us / 1000.0, now.latency, now.supervision_timeout_ms, phy_name(phys.send),
           phy_name(phys.receive), length.send, length.receive, amble_connection_mtu(conn));
    if (rssi != 127)
        printf("  %d dBm", rssi);
    putchar('\n');
    amble__output_flush();
    return 0;
}

/* --- the link ----------------------------------------------------------------------------------------------------- */
static int change(const connect_options *o, amble_connection *conn)
{
    const amble_phy phy = !o->phy                    ? AMBLE_PHY_ANY
                          : !strcmp(o->phy, "2m")    ? AMBLE_PHY_2M
                          : !strcmp(o->phy, "coded") ? AMBLE_PHY_CODED
                                                     : AMBLE_PHY_1M;
    const amble_phys wish = {.send = phy, .receive = phy};
    int r = 0;

    if (o->phy) /* first, while the link is quick */
        r = amble_connection_set_phy(conn, &wish, NULL, o->timeout_ms);
    if (r == 0 && o->change)
        r = amble_connection_update(conn, &o->parameters, o->timeout_ms);
    return r;
}

/* Until the time is over or the link ends; looks for changes now and then. */
static int hold(const connect_options *o, amble_connection *conn)
{
    const uint64_t end_us = amble_now_us() + (uint64_t)o->ms * 1000;
    amble_parameters before = amble_connection_parameters(conn);
    int r;

    while ((r = amble_disconnected(conn, LOOK_MS)) == AMBLE_ERR_TIMEOUT) {
        const amble_parameters now = amble_connection_parameters(conn);

        if (o->ms && amble_now_us() >= end_us)
            return 0;
        if (now.max_interval_us == before.max_interval_us && now.latency == before.latency &&
            now.supervision_timeout_ms == before.supervision_timeout_ms)
            continue;
        before = now;
        r = tell_link(o, "changed", conn);
        if (r < 0 && r != AMBLE_ERR_DISCONNECTED)
            return r;
    }
    if (r == 0)
        tell_end(o, conn);
    return r;
}

static int connect_to(amble *ble, int argc, char **argv)
{
    amble_connection *conn;
    connect_options o;
    int r = parse(argc, argv, &o);

    if (r)
        return r;
    r = (o.coded ? amble__peer_connect_coded : amble__peer_connect)("amble connect", ble, o.words[0], o.timeout_ms,
                                                                    &conn);
    if (r < 0)
        return amble__cli_unfinished("amble connect", r);
    r = tell_link(&o, "connected", conn);
    if (r == 0 && (o.change || o.phy)) {
        r = change(&o, conn);
        if (r == 0)
            r = tell_link(&o, "changed", conn);
    }
    (void)amble__cli_unfinished("amble connect", r);
    if (r == 0)
        r = hold(&o, conn);
    amble_connection_close(conn);
    return r;
}

int amble__cli_connect(int argc, char **argv)
{
    connect_options o;
    const int r = parse(argc, argv, &o);

    return r ? amble__cli_exit_code(r)
             : amble__cli_main(&amble__command_connect, argc, argv, &(amble_config){.name = "amble connect"},
                               connect_to);
}
