/* A btsnoop file of everything that passes a host's transport. The capture stands between the host and the real
 * transport and looks the same from both sides. */
#include <stdlib.h>

#include "amble/error.h"
#include "task/scheduler.h"
#include "transport/btsnoop.h"
#include "transport/opener.h"

enum { FLAG_RECEIVED = 1, FLAG_COMMAND_OR_EVENT = 2 };

typedef struct {
    amble__transport outer;
    amble__transport *inner;
    amble__btsnoop snoop;
} capture;

static void record(capture *c, const uint8_t *packet, size_t size, uint32_t flags)
{
    if (!size)
        return;
    if (packet[0] == AMBLE__H4_COMMAND || packet[0] == AMBLE__H4_EVENT)
        flags |= FLAG_COMMAND_OR_EVENT;
    amble__btsnoop_write(&c->snoop, amble_now_us(), flags, packet, size);
}

static void on_packet(void *user, const uint8_t *packet, size_t size)
{
    capture *c = user;

    record(c, packet, size, FLAG_RECEIVED);
    c->outer.synchronised = c->inner->synchronised;
    c->outer.sco_packets = c->inner->sco_packets;
    c->outer.iso_packets = c->inner->iso_packets;
    if (c->outer.receive)
        c->outer.receive(c->outer.user, packet, size);
}

static void on_failed(void *user, int error)
{
    capture *c = user;

    c->outer.reason = c->inner->reason;
    if (c->outer.failed)
        c->outer.failed(c->outer.user, error);
}

static int capture_write(amble__transport *transport, const uint8_t *packet, size_t size)
{
    capture *c = amble__container(transport, capture, outer);

    record(c, packet, size, 0); /* before the answer, which may come within the write */
    return c->inner->operations->write(c->inner, packet, size);
}

static void capture_close(amble__transport *transport)
{
    capture *c = amble__container(transport, capture, outer);

    amble__transport_close(c->inner);
    amble__btsnoop_close(&c->snoop);
    free(c);
}

int amble__transport_capture(amble__transport *inner, const char *path, amble__transport **outer)
{
    static const amble__transport_operations operations = {.write = capture_write, .close = capture_close};
    capture *c = calloc(1, sizeof *c);
    int r;

    if (!c)
        return amble__transport_refuse(AMBLE_ERR_NO_MEMORY, "%s: out of memory for the capture", path);
    r = amble__btsnoop_open(&c->snoop, path, AMBLE__BTSNOOP_HCI_UART);
    if (r < 0) {
        free(c);
        return r;
    }
    c->outer.operations = &operations;
    c->inner = inner;
    c->outer.name = inner->name;
    inner->receive = on_packet;
    inner->failed = on_failed;
    inner->user = c;
    *outer = &c->outer;
    return AMBLE_OK;
}
