/* air:NAME and air:NAME/LABEL: a virtual controller in this process, and the public face of the simulated radio
 * (amble/air.h).
 *
 * What the controller has to say is queued and handed on by a work of the scheduler, never from inside a write. The
 * queue is the transport's own memory, taken at open. Invariants:
 * - `queue` holds `count` packets from `head` on; an empty queue starts again at slot 0, so that memory never used is
 * never touched.
 * - Advertising reports leave RESERVED slots free: they alone may be dropped, as every controller drops them when its
 * host is slow. Anything else that finds the queue full breaks the transport, for HCI has no other packet that may be
 * missing.
 * - `delivery` is posted whenever something is queued or the transport broke. */
#include "amble/air.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amble/task.h"
#include "core/log.h"
#include "task/scheduler.h"
#include "transport/airspace.h"
#include "transport/opener.h"

enum {
    QUEUE = 256,
    RESERVED = 128,
    PACKET_MAX = 1 + 4 + 255, /* an event of 255 octets, or ACL data of 251 (Vol 4 Part E 5.4) */
};

typedef struct {
    amble__transport transport;
    amble__station *station;
    amble__work delivery;
    const char *broken, *remedy; /* why, once it is */
    uint64_t reports_dropped;
    unsigned head, count;
    char name[80];
    struct {
        uint16_t size;
        uint8_t bytes[PACKET_MAX];
    } queue[QUEUE];
} air_transport;

/* --- from the controller ------------------------------------------------------------------------------------------ */
static bool is_advertising_report(const uint8_t *packet, size_t size)
{
    /* Vol 4 Part E 7.7.65.2, .11, .13 */
    return size > 3 && packet[0] == AMBLE__H4_EVENT && packet[1] == 0x3E &&
           (packet[3] == 0x02 || packet[3] == 0x0B || packet[3] == 0x0D);
}

static void break_off(air_transport *t, const char *reason, const char *remedy)
{
    if (!t->broken) {
        t->broken = reason;
        t->remedy = remedy;
    }
    amble__work_post(&t->delivery);
}

static void on_packet(void *user, const uint8_t *packet, size_t size)
{
    air_transport *t = user;
    const unsigned slot = (t->head + t->count) % QUEUE;

    if (t->broken)
        return;
    if (t->count >= QUEUE - RESERVED && is_advertising_report(packet, size)) {
        if (!t->reports_dropped++)
            amble__log(AMBLE__LOG_WARNING, "%s: the host is slow, advertising reports are dropped", t->name);
        return;
    }
    if (t->count == QUEUE || size > PACKET_MAX) {
        break_off(t, "the host did not take its packets in time", "let the tasks wait more often");
        return;
    }
    memcpy(t->queue[slot].bytes, packet, size);
    t->queue[slot].size = (uint16_t)size;
    t->count++;
    amble__work_post(&t->delivery);
}

static void on_unplugged(void *user) { break_off(user, "the controller was unplugged", "open it again to plug it in"); }

static void fail(air_transport *t)
{
    t->transport.reason = t->broken;
    amble__transport_explain("%s: %s; %s", t->name, t->broken, t->remedy);
    if (t->transport.failed)
        t->transport.failed(t->transport.user, AMBLE_ERR_CONTROLLER);
    t->transport.failed = NULL;
}

static void deliver(amble__work *work)
{
    air_transport *t = amble__container(work, air_transport, delivery);

    /* Answers that come while the host takes these wait for the next turn, which their arrival posts. */
    for (unsigned left = t->count; left && !t->broken; left--) {
        if (t->transport.receive)
            t->transport.receive(t->transport.user, t->queue[t->head].bytes, t->queue[t->head].size);
        t->head = (t->head + 1) % QUEUE;
        t->count--;
    }
    if (!t->count)
        t->head = 0;
    if (t->broken)
        fail(t);
}

/* --- from the host ------------------------------------------------------------------------------------------------ */
static int air_write(amble__transport *transport, const uint8_t *packet, size_t size)
{
    air_transport *t = amble__container(transport, air_transport, transport);

    if (t->broken)
        return AMBLE_ERR_CONTROLLER;
    amble__station_receive(t->station, packet, size);
    return AMBLE_OK;
}

static void air_close(amble__transport *transport)
{
    air_transport *t = amble__container(transport, air_transport, transport);

    amble__station_close(t->station);
    amble__work_cancel(&t->delivery);
    free(t);
}

/* --- opening ------------------------------------------------------------------------------------------------------ */
static int refuse_joining(const amble__transport_request *request, int error)
{
    if (error == AMBLE_ERR_BUSY)
        return amble__transport_refuse(
            AMBLE_ERR_BUSY, "%s: this controller is in use; close its host, or take another label", request->name);
    return amble__transport_refuse(error, "%s: no virtual controller: %s", request->name, amble_error_text(error));
}

int amble__air_transport_open(const amble__transport_request *request, amble__transport **transport)
{
    static const amble__transport_operations operations = {.write = air_write, .close = air_close};
    const char *slash = strchr(request->place, '/');
    amble__station_options options = {.to_host = on_packet, .unplugged = on_unplugged};
    amble__airspace *space;
    air_transport *t;
    int r;

    if (!amble__scheduler_present())
        return AMBLE_ERR_NO_TASK;
    if (strcspn(request->place, "/") > AMBLE__AIR_NAME_MAX ||
        (slash && (!slash[1] || strlen(slash + 1) > AMBLE__AIR_NAME_MAX)))
        return amble__transport_refuse(AMBLE_ERR_USAGE,
                                       "%s: write air:NAME or air:NAME/LABEL, each up to %d characters", request->name,
                                       AMBLE__AIR_NAME_MAX);
    r = amble__airspace_find(request->place, &space);
    if (r < 0)
        return refuse_joining(request, r);
    t = calloc(1, sizeof *t);
    if (!t)
        return refuse_joining(request, AMBLE_ERR_NO_MEMORY);
    snprintf(t->name, sizeof t->name, "%s", request->name);
    snprintf(options.label, sizeof options.label, "%s", slash ? slash + 1 : "");
    options.user = t;
    t->transport.operations = &operations;
    t->transport.synchronised = true; /* no stream, no framing */
    t->delivery.run = deliver;
    r = amble__station_open(space, &options, &t->station);
    if (r < 0) {
        free(t);
        return refuse_joining(request, r);
    }
    *transport = &t->transport;
    return AMBLE_OK;
}

/* --- amble/air.h -------------------------------------------------------------------------------------------------- */
/* The airspace, and behind its name the label if there is one. */
static int named(const char *name, amble__airspace **space, const char **label)
{
    const char *slash;
    int r;

    if (!amble__scheduler_present())
        return AMBLE_ERR_NO_TASK;
    if (!strncmp(name, "air:", 4))
        name += 4;
    slash = strchr(name, '/');
    *label = slash ? slash + 1 : "";
    r = *name ? amble__airspace_find(name, space) : AMBLE_ERR_ARGUMENT;
    return r == AMBLE_ERR_TOO_LONG ? AMBLE_ERR_ARGUMENT : r;
}

int amble_air_set_loss(const char *air, double percent)
{
    amble__airspace *space;
    const char *label;
    int r;

    if (!(percent >= 0 && percent <= 100)) /* not a number neither */
        return AMBLE_ERR_ARGUMENT;
    r = named(air, &space, &label);
    if (r < 0)
        return r;
    amble__airspace_set_loss(space, (uint32_t)(percent * 10000 + 0.5));
    return AMBLE_OK;
}

int amble_air_set_buffers(const char *air, unsigned packets)
{
    amble__airspace *space;
    const char *label;
    const int r = packets >= 1 && packets <= UINT8_MAX ? named(air, &space, &label) : AMBLE_ERR_ARGUMENT;

    if (!r)
        amble__airspace_set_buffers(space, (uint8_t)packets);
    return r;
}

int amble_air_set_old(const char *air, bool old)
{
    amble__airspace *space;
    const char *label;
    const int r = named(air, &space, &label);

    if (!r)
        amble__airspace_set_old(space, old);
    return r;
}

int amble_air_unplug(const char *controller)
{
    amble__airspace *space;
    const char *label;
    const int r = named(controller, &space, &label);

    return r < 0 ? r : amble__airspace_unplug(space, label);
}

int amble_air_sniff(const char *air, void (*sniff)(void *user, const amble_air_packet *packet), void *user)
{
    amble__airspace *space;
    const char *label;
    const int r = named(air, &space, &label);

    if (!r)
        amble__airspace_sniff(space, sniff, user);
    return r;
}

int amble_air_capture(const char *air, const char *path)
{
    amble__airspace *space;
    const char *label;
    const int r = named(air, &space, &label);

    return r < 0 ? r : amble__airspace_capture(space, path);
}
