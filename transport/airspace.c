/* Airs with clocks (airspace.h).
 *
 * Invariants:
 * - The timer stands at the air's next deadline, or is stopped when there is none; everything that may move the
 * deadline ends in `follow`.
 * - A seat is a label's number. It stays when its controller leaves. Numbers are given once and never again, so that no
 * two devices of an airspace ever had the same address.
 * - One advance covers at most SLICE_US of lost time: after a pause of the process the hosts' queues are emptied in
 * between. */
#include "transport/airspace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amble/error.h"
#include "controller/controller.h"
#include "task/scheduler.h"
#include "transport/air_capture.h"
#include "transport/air_sniff.h"

enum {
    SLICE_US = 20000,
    /* Locally administered (IEEE 802-2014 8.2.2): no manufacturer has these addresses. The low three octets are the
       number. */
    ADDRESS_PREFIX = 0x02AB1E,
};

struct amble__airspace {
    amble__list node;
    amble__air *air;
    amble__timer timer;
    amble__list stations;
    amble__list seats;
    uint32_t last_number;
    uint8_t acl_buffers; /* of controllers to come; 0: as many as they like */
    bool old;            /* those to come are of Bluetooth 4.2 */
    void (*sniff)(void *user, const amble_air_packet *packet);
    void *sniff_user;
    amble__btsnoop snoop;     /* closed: no capture */
    amble__air_sniffer *file; /* of all packets on the air, or NULL */
    char name[AMBLE__AIR_NAME_MAX + 1];
};

typedef struct {
    amble__list node;
    uint32_t number;
    char label[AMBLE__AIR_NAME_MAX + 1];
} seat;

struct amble__station {
    amble__list node;
    amble__airspace *space;
    amble__controller *controller; /* NULL once unplugged */
    amble__station_options options;
    uint32_t number;
    uint8_t public_address[6]; /* in the order of the air */
    char address[18];
};

/* --- time --------------------------------------------------------------------------------------------------------- */
static void follow(amble__airspace *space)
{
    const uint64_t next = amble__air_next_deadline(space->air);

    if (next == UINT64_MAX)
        amble__timer_stop(&space->timer);
    else
        amble__timer_start(&space->timer, next);
}

static void on_deadline(amble__timer *timer)
{
    amble__airspace *space = amble__container(timer, amble__airspace, timer);
    const uint64_t now = amble_now_us(), limit = timer->deadline_us + SLICE_US;

    amble__air_advance(space->air, now < limit ? now : limit);
    follow(space);
}

/* --- airspaces ---------------------------------------------------------------------------------------------------- */
static void file_close(amble__airspace *space)
{
    if (space->file)
        amble__air_sniff_close(space->file);
    free(space->file);
    space->file = NULL;
}

static void airspace_close(amble__airspace *space)
{
    amble__list *node;

    while ((node = amble__list_take(&space->stations))) { /* transports that nobody closed */
        amble__station *station = amble__container(node, amble__station, node);

        amble__controller_close(station->controller);
        station->controller = NULL;
    }
    while ((node = amble__list_take(&space->seats)))
        free(amble__container(node, seat, node));
    amble__timer_stop(&space->timer);
    amble__btsnoop_close(&space->snoop);
    file_close(space);
    amble__air_close(space->air);
    free(space);
}

static void airspaces_close(void *object)
{
    amble__list *node;

    while ((node = amble__list_take(object)))
        airspace_close(amble__container(node, amble__airspace, node));
    free(object);
}

/* This scheduler's airspaces, or NULL without memory. */
static amble__list *airspaces_here(void)
{
    amble__scheduler_slot *slot = amble__scheduler_transport_slot();

    if (!slot->object) {
        amble__list *all = malloc(sizeof *all);

        if (!all)
            return NULL;
        amble__list_init(all);
        slot->object = all;
        slot->destroy = airspaces_close;
    }
    return slot->object;
}

/* Each air of a scheduler has dice of its own, all from the one seed (FNV-1a of the name). */
static uint64_t seed_of(const char *name, size_t size)
{
    uint64_t hash = 0xCBF29CE484222325;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (uint8_t)name[i]) * 0x100000001B3;
    return hash ^ amble__scheduler_options()->seed;
}

int amble__airspace_find(const char *name, amble__airspace **out)
{
    const size_t size = strcspn(name, "/");
    const amble__air_options options = {.seed = seed_of(name, size), .start_us = amble_now_us()};
    amble__list *all = airspaces_here();
    amble__airspace *space;
    int r;

    if (!all)
        return AMBLE_ERR_NO_MEMORY;
    if (size > AMBLE__AIR_NAME_MAX)
        return AMBLE_ERR_TOO_LONG;
    amble__list_each (node, all) {
        space = amble__container(node, amble__airspace, node);
        if (strlen(space->name) == size && !memcmp(space->name, name, size)) {
            *out = space;
            return AMBLE_OK;
        }
    }
    space = calloc(1, sizeof *space);
    if (!space)
        return AMBLE_ERR_NO_MEMORY;
    r = amble__air_open(&space->air, &options);
    if (r < 0) {
        free(space);
        return r;
    }
    memcpy(space->name, name, size);
    space->timer.fire = on_deadline;
    amble__list_init(&space->stations);
    amble__list_init(&space->seats);
    amble__list_append(all, &space->node);
    *out = space;
    return AMBLE_OK;
}

void amble__airspace_set_loss(amble__airspace *space, uint32_t millionths)
{
    amble__air_set_loss(space->air, millionths);
}

void amble__airspace_set_buffers(amble__airspace *space, uint8_t packets) { space->acl_buffers = packets; }
void amble__airspace_set_old(amble__airspace *space, bool old) { space->old = old; }

static void on_air_packet(void *user, const amble__air_packet *p)
{
    const amble__airspace *space = user;
    const amble_air_packet packet = {.time_us = p->start_us,
                                     .channel = p->channel,
                                     .phy = amble__phy_number(p->phy),
                                     .rssi = p->rssi,
                                     .access_address = p->access_address,
                                     .pdu = p->pdu,
                                     .size = p->size};

    if (space->file)
        amble__air_sniff_packet(space->file, p);
    if (space->sniff)
        space->sniff(space->sniff_user, &packet);
}

static void watch(amble__airspace *space)
{
    amble__air_sniff(space->air, space->sniff || space->file ? on_air_packet : NULL, space);
}

int amble__airspace_sniff_file(amble__airspace *space, const char *path)
{
    int r = AMBLE_OK;

    file_close(space);
    if (path) {
        space->file = calloc(1, sizeof *space->file);
        r = space->file ? amble__air_sniff_open(space->file, path) : AMBLE_ERR_NO_MEMORY;
        if (r < 0)
            file_close(space);
    }
    watch(space);
    return r;
}

void amble__airspace_sniff(amble__airspace *space, void (*sniff)(void *user, const amble_air_packet *packet),
                           void *user)
{
    space->sniff = sniff;
    space->sniff_user = user;
    watch(space);
}

int amble__airspace_capture(amble__airspace *space, const char *path)
{
    int r;

    amble__btsnoop_close(&space->snoop);
    if (!path)
        return AMBLE_OK;
    r = amble__btsnoop_open(&space->snoop, path, AMBLE__BTSNOOP_LINUX_MONITOR);
    if (r < 0)
        return r;
    amble__list_each (node, &space->stations) {
        const amble__station *station = amble__container(node, amble__station, node);

        amble__air_capture_joined(&space->snoop, amble__air_now(space->air), station->number, station->public_address);
    }
    return AMBLE_OK;
}

/* --- stations ----------------------------------------------------------------------------------------------------- */
static amble__station *labelled(amble__airspace *space, const char *label)
{
    amble__list_each (node, &space->stations) {
        amble__station *station = amble__container(node, amble__station, node);

        if (!strcmp(station->options.label, label))
            return station;
    }
    return NULL;
}

/* The number that belongs to the label, or a new one; 0 without memory. */
static uint32_t number_of(amble__airspace *space, const char *label)
{
    seat *s;

    if (!*label)
        return ++space->last_number;
    amble__list_each (node, &space->seats) {
        s = amble__container(node, seat, node);
        if (!strcmp(s->label, label))
            return s->number;
    }
    s = calloc(1, sizeof *s);
    if (!s)
        return 0;
    memcpy(s->label, label, sizeof s->label);
    s->number = ++space->last_number;
    amble__list_append(&space->seats, &s->node);
    return s->number;
}

static void on_packet(void *user, const uint8_t *packet, size_t size)
{
    const amble__station *station = user;
    amble__airspace *space = station->space;

    amble__air_capture_packet(&space->snoop, amble__air_now(space->air), station->number, true, packet, size);
    station->options.to_host(station->options.user, packet, size);
}

static int controller_open(amble__station *station)
{
    const uint32_t number = number_of(station->space, station->options.label);
    const uint64_t address = (uint64_t)ADDRESS_PREFIX << 24 | number;
    amble__controller_options options = {.to_host = on_packet,
                                         .user = station,
                                         .acl_buffers = station->space->acl_buffers,
                                         .only_4_2 = station->space->old};

    if (!number)
        return AMBLE_ERR_NO_MEMORY;
    station->number = number;
    for (size_t i = 0; i < sizeof options.public_address; i++)
        options.public_address[i] = (uint8_t)(address >> 8 * i);
    memcpy(station->public_address, options.public_address, sizeof station->public_address);
    snprintf(station->address, sizeof station->address, "%02X:%02X:%02X:%02X:%02X:%02X", options.public_address[5],
             options.public_address[4], options.public_address[3], options.public_address[2], options.public_address[1],
             options.public_address[0]);
    return amble__controller_open(&station->controller, station->space->air, &options);
}

int amble__station_open(amble__airspace *space, const amble__station_options *options, amble__station **out)
{
    amble__station *station;
    int r;

    if (*options->label && labelled(space, options->label))
        return AMBLE_ERR_BUSY;
    station = calloc(1, sizeof *station);
    if (!station)
        return AMBLE_ERR_NO_MEMORY;
    station->space = space;
    station->options = *options;
    amble__air_advance(space->air, amble_now_us());
    r = controller_open(station);
    if (r < 0) {
        free(station);
        return r;
    }
    amble__list_append(&space->stations, &station->node);
    amble__air_capture_joined(&space->snoop, amble__air_now(space->air), station->number, station->public_address);
    follow(space);
    *out = station;
    return AMBLE_OK;
}

static void power_off(amble__station *station)
{
    amble__airspace *space = station->space;

    amble__air_advance(space->air, amble_now_us()); /* what was sent before counts */
    amble__list_remove(&station->node);
    amble__controller_close(station->controller);
    station->controller = NULL;
    amble__air_capture_left(&space->snoop, amble__air_now(space->air), station->number);
    follow(space);
}

void amble__station_close(amble__station *station)
{
    if (station && station->controller)
        power_off(station);
    free(station);
}

void amble__station_receive(amble__station *station, const uint8_t *packet, size_t size)
{
    amble__airspace *space = station->space;

    if (!station->controller)
        return;
    amble__air_advance(space->air, amble_now_us());
    amble__air_capture_packet(&space->snoop, amble__air_now(space->air), station->number, false, packet, size);
    amble__controller_receive(station->controller, packet, size);
    follow(space);
}

const char *amble__station_address(const amble__station *station) { return station->address; }

int amble__airspace_unplug(amble__airspace *space, const char *label)
{
    amble__station *station = *label ? labelled(space, label) : NULL;

    if (!station)
        return AMBLE_ERR_NOT_FOUND;
    power_off(station);
    if (station->options.unplugged)
        station->options.unplugged(station->options.user);
    return AMBLE_OK;
}
