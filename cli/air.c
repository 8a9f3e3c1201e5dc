/* `amble air`: the simulated radio as a service.
 *
 * Each connection is a client: a stream on one side, a virtual controller on the other, HCI packets between them. One
 * task per listening place takes connections in; a client whose stream failed is marked, and the sweeper closes it,
 * which takes its controller off the air without a word, as a loss of power does. The air follows the scheduler's clock
 * and is never ahead. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "amble/error.h"
#include "cli/air_options.h"
#include "cli/cli.h"
#include "cli/report.h"
#include "task/scheduler.h"
#include "transport/airspace.h"
#include "transport/listener_uv.h"

enum { PAUSE_AFTER_ERROR_MS = 200, RESOLVE_MS = 10000 };

typedef struct service service;
typedef struct {
    service *service;
    amble__listener *listener;
} place;

struct service {
    const amble__air_service_options *options;
    amble__airspace *space;
    amble__list clients;
    amble_event failed; /* a client is to be swept */
    place places[AMBLE__AIR_LISTENERS];
    size_t count;
};

typedef struct {
    amble__list node;
    service *service;
    amble__transport *transport;
    amble__station *station;
    char address[18];
    bool gone;
} client;

/* A signal handler has no other way to say something to somebody. */
static amble_event stop;

static void on_signal(int number)
{
    (void)number;
    amble_wake(&stop);
}

static void on_signals(void (*handler)(int number))
{
    struct sigaction action = {.sa_handler = handler};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* --- telling ------------------------------------------------------------------------------------------------------ */
static void tell(const service *s, const char *event, const char *transport, const char *controller, const char *reason)
{
    const amble__report_field fields[] = {{"transport", transport}, {"controller", controller}, {"reason", reason}};

    if (s->options->json)
        amble__report_json(stdout, event, fields, sizeof fields / sizeof *fields);
    else if (controller)
        printf("controller %s %s%s%s\n", controller, event, reason ? ": " : "", reason ? reason : "");
    else
        printf("%s on %s\n", event, transport);
    fflush(stdout);
}

static int fail(int error, const char *sentence)
{
    fprintf(stderr, "amble air: %s\n", sentence);
    return error;
}

/* --- clients ------------------------------------------------------------------------------------------------------ */
static void from_client(void *user, const uint8_t *packet, size_t size)
{
    client *c = user;

    amble__station_receive(c->station, packet, size);
}

static void to_client(void *user, const uint8_t *packet, size_t size)
{
    client *c = user;

    /* A stream that fails here says so by client_failed. */
    (void)c->transport->operations->write(c->transport, packet, size);
}

static void client_failed(void *user, int error)
{
    client *c = user;

    (void)error; /* the reason is in the transport */
    c->gone = true;
    amble_event_set(&c->service->failed);
}

static void client_close(client *c, const char *reason)
{
    tell(c->service, "left", NULL, c->address, reason);
    amble__list_remove(&c->node);
    amble__station_close(c->station); /* first: it writes to the transport */
    amble__transport_close(c->transport);
    free(c);
}

static int sweep(void *arg)
{
    service *s = arg;
    int r;

    while ((r = amble_event_wait(&s->failed, AMBLE_FOREVER)) == 0) {
        amble__list_each (node, &s->clients) {
            client *c = amble__container(node, client, node);

            if (c->gone)
                client_close(c, c->transport->reason);
        }
    }
    return r;
}

/* A stream becomes a client, or is closed. */
static void client_open(service *s, amble__transport *transport, const char *place_name)
{
    client *c = malloc(sizeof *c);
    const amble__station_options options = {.to_host = to_client, .user = c};

    if (c)
        *c = (client){.service = s, .transport = transport};
    if (!c || amble__station_open(s->space, &options, &c->station) < 0) {
        (void)fail(AMBLE_ERR_NO_MEMORY, "out of memory for another controller"); /* the others go on */
        amble__transport_close(transport);
        free(c);
        return;
    }
    memcpy(c->address, amble__station_address(c->station), sizeof c->address);
    c->transport->receive = from_client;
    c->transport->failed = client_failed;
    c->transport->user = c;
    amble__list_append(&s->clients, &c->node);
    tell(s, "joined", place_name, c->address, NULL);
}

static int take_connections(void *arg)
{
    place *p = arg;
    int r;

    for (;;) {
        amble__transport *transport;

        r = amble__listener_accept(p->listener, AMBLE__H4_CONTROLLER_SIDE, &transport, AMBLE_FOREVER);
        if (!r) {
            client_open(p->service, transport, amble__listener_name(p->listener));
            continue;
        }
        if (r != AMBLE_ERR_CANCELLED) {
            (void)fail(r, amble__transport_problem()); /* such as too many open files: may pass */
            r = amble_sleep_ms(PAUSE_AFTER_ERROR_MS);
        }
        if (r < 0)
            return r;
    }
}

/* --- the service -------------------------------------------------------------------------------------------------- */
static int open_places(service *s)
{
    for (size_t i = 0; i < s->options->listens; i++) {
        place *p = &s->places[s->count];
        const int r = amble__listener_open(s->options->listen[i], &p->listener, RESOLVE_MS);

        if (r < 0)
            return fail(r, amble__transport_problem());
        p->service = s;
        s->count++;
        tell(s, "listening", amble__listener_name(p->listener), NULL, NULL);
    }
    return AMBLE_OK;
}

static int start_capture(const service *s)
{
    if ((s->options->capture && amble__airspace_capture(s->space, s->options->capture) < 0) ||
        (s->options->sniff && amble__airspace_sniff_file(s->space, s->options->sniff) < 0))
        return fail(AMBLE_ERR_USAGE, amble__transport_problem());
    return AMBLE_OK;
}

static int serve_until_stopped(service *s)
{
    amble_scope scope;
    int r;

    amble_scope_open(&scope);
    amble_spawn(&scope, sweep, s);
    for (size_t i = 0; i < s->count; i++)
        amble_spawn(&scope, take_connections, &s->places[i]);
    r = amble_event_wait(&stop, AMBLE_FOREVER);
    amble_scope_close(&scope);
    return r;
}

static int serve(void *arg)
{
    service s = {.options = arg};
    int r;

    amble__list_init(&s.clients);
    r = amble__airspace_find("service", &s.space);
    if (r < 0)
        return fail(r, amble_error_text(r));
    amble__airspace_set_loss(s.space, (uint32_t)(s.options->loss_percent * 10000 + 0.5));
    r = open_places(&s);
    if (!r)
        r = start_capture(&s);
    if (!r)
        r = serve_until_stopped(&s);
    on_signals(SIG_DFL); /* a second Ctrl-C need not wait */
    amble__list_each (node, &s.clients)
        client_close(amble__container(node, client, node), "amble air ends");
    for (size_t i = 0; i < s.count; i++)
        amble__listener_close(s.places[i].listener);
    return r;
}

int amble__cli_air(int argc, char **argv)
{
    amble__air_service_options options;
    amble_run_options run = {0};
    int r = amble__air_service_parse(argc, argv, &options);

    if (r)
        return amble__cli_exit_code(r);
    run.seed = options.seed;
    run.speed = options.speed;
    stop = (amble_event){0};
    on_signals(on_signal);
    r = amble_run(&run, serve, &options);
    return amble__cli_exit_code(r);
}
