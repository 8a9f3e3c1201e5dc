/* Packets over a file descriptor (packets_uv.h).
 *
 * Invariants:
 * - What the kernel does not take is copied and waits in order; while something waits nothing overtakes it.
 * - It breaks once. From then on nothing is read and every write fails.
 * - The poll's close callback frees everything. The descriptor is closed before, when the owner says so. */
#include "transport/packets_uv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "amble/error.h"
#include "core/list.h"
#include "transport/breakage.h"
#include "transport/h4.h"
#include "transport/opener.h"
#include "transport/whole.h"

/* Reads in one turn of the loop, so that a flood leaves the tasks their turn. */
enum { READS_A_TURN = 32 };

typedef struct {
    amble__list node;
    size_t size;
    uint8_t bytes[];
} waiting_packet;

typedef struct {
    amble__transport transport;
    amble__breakage breakage;
    uv_poll_t poll;
    int fd;
    amble__list waiting;
    unsigned count; /* of `waiting` */
    uint8_t input[AMBLE__H4_PACKET_MAX];
} packets;

static void on_ready(uv_poll_t *poll, int status, int events);

static int break_off(packets *p, const char *what, int error)
{
    char reason[sizeof p->breakage.reason];

    (void)uv_poll_stop(&p->poll); /* cannot fail */
    snprintf(reason, sizeof reason, "%s (%s)", what, strerror(error));
    return amble__break_off(&p->breakage, reason, "see whether the controller is still there, and open it again");
}

static void watch(packets *p)
{
    const int r = uv_poll_start(&p->poll, UV_READABLE | (p->count ? UV_WRITABLE : 0), on_ready);

    if (r < 0)
        (void)break_off(p, "it can no longer be watched", -r); /* the owner hears of it by `failed` */
}

/* --- out ---------------------------------------------------------------------------------------------------------- */
/* 1 when the packet is on its way, 0 when the kernel has no room now, or an error. */
static int send_now(packets *p, const uint8_t *packet, size_t size)
{
    const ssize_t sent = write(p->fd, packet, size);

    if (sent >= 0)
        return 1; /* whole, or it would not keep packets apart */
    if (errno == EAGAIN || errno == EINTR)
        return 0;
    return break_off(p, "the controller takes nothing more", errno);
}

static int send_later(packets *p, const uint8_t *packet, size_t size)
{
    waiting_packet *w = p->count < AMBLE__PACKETS_WAITING_MAX ? malloc(sizeof *w + size) : NULL;

    if (!w)
        return break_off(p, "too many packets wait for the controller", ENOBUFS);
    w->size = size;
    memcpy(w->bytes, packet, size);
    amble__list_append(&p->waiting, &w->node);
    p->count++;
    watch(p);
    return p->breakage.broken ? AMBLE_ERR_CONTROLLER : AMBLE_OK;
}

static int packets_write(amble__transport *transport, const uint8_t *packet, size_t size)
{
    packets *p = amble__container(transport, packets, transport);
    int r;

    if (p->breakage.broken)
        return AMBLE_ERR_CONTROLLER;
    r = p->count ? 0 : send_now(p, packet, size);
    if (r < 0)
        return r;
    return r ? AMBLE_OK : send_later(p, packet, size);
}

static void drop_first(packets *p)
{
    amble__list *node = amble__list_take(&p->waiting);

    p->count--;
    free(amble__container(node, waiting_packet, node));
}

static void send_waiting(packets *p)
{
    while (p->count && !p->breakage.broken) {
        const waiting_packet *w = amble__container(amble__list_first(&p->waiting), waiting_packet, node);

        if (send_now(p, w->bytes, w->size) <= 0)
            return;
        drop_first(p);
    }
    if (!p->breakage.broken)
        watch(p);
}

/* --- in ----------------------------------------------------------------------------------------------------------- */
static void read_all(packets *p)
{
    for (int i = 0; i < READS_A_TURN && !p->breakage.broken; i++) {
        const ssize_t size = read(p->fd, p->input, sizeof p->input);

        if (size < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (size <= 0) {
            (void)break_off(p, "the controller is gone", size ? errno : EPIPE); /* the owner hears of it by `failed` */
            return;
        }
        amble__whole_pass(&p->transport, p->input, (size_t)size);
    }
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    packets *p = poll->data;

    if (status < 0 || events & UV_READABLE) /* an error is what read says it is */
        read_all(p);
    if (status < 0 && !p->breakage.broken)
        (void)break_off(p, "the controller is gone", -status); /* as above */
    if (events & UV_WRITABLE && !p->breakage.broken)
        send_waiting(p);
}

/* --- life --------------------------------------------------------------------------------------------------------- */
static void on_closed(uv_handle_t *handle) { free(handle->data); }

static void packets_close(amble__transport *transport)
{
    packets *p = amble__container(transport, packets, transport);

    amble__breakage_close(&p->breakage);
    while (p->count)
        drop_first(p);
    uv_close((uv_handle_t *)&p->poll, on_closed); /* stops watching at once */
    (void)close(p->fd);                           /* a socket: nothing is written later that could fail */
}

int amble__packets_open(uv_loop_t *loop, int fd, const char *name, amble__transport **transport)
{
    static const amble__transport_operations operations = {.write = packets_write, .close = packets_close};
    packets *p = calloc(1, sizeof *p);
    int r = p ? uv_poll_init(loop, &p->poll, fd) : UV_ENOMEM;

    if (r < 0) {
        free(p);
        (void)close(fd); /* nothing was written to it */
        return amble__transport_refuse(AMBLE_ERR_IO, "%s: the system does not watch it (%s); take another", name,
                                       uv_strerror(r));
    }
    p->transport.operations = &operations;
    p->poll.data = p;
    p->fd = fd;
    amble__list_init(&p->waiting);
    amble__breakage_init(&p->breakage, &p->transport, name);
    watch(p);
    *transport = &p->transport;
    return AMBLE_OK;
}
