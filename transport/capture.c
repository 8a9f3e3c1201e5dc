/* A btsnoop file of everything that passes a transport (the format of RFC 1761's snoop, with Bluetooth's datalinks and
 * flags, as Symbian introduced it and Wireshark, Android and BlueZ read it).
 *
 * The capture stands between the owner and the real transport and looks the same from both sides. Times are those of
 * the scheduler: in real time they are laid over the wall clock at the beginning, in virtual time over a constant, so
 * that one seed gives one file, byte for byte. Every record is flushed: a program that is killed leaves a file that can
 * be read. When the file cannot be written any more the capture ends with a log line, and the link goes on. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "amble/error.h"
#include "core/bytes.h"
#include "core/log.h"
#include "task/scheduler.h"
#include "transport/capture.h"
#include "transport/opener.h"

#define DATALINK_HCI_UART 1002 /* H4 with the type byte in front */
/* Microseconds from midnight, January 1st, 0 AD, in the calendar of the format, to 1970. */
#define EPOCH_1970 UINT64_C(0x00DCDDB30F2F8000)
/* The beginning of virtual time: 2025-01-01 00:00:00 UTC. */
#define VIRTUAL_BASE (EPOCH_1970 + UINT64_C(1735689600) * 1000000)

enum { FILE_HEADER_SIZE = 16, RECORD_HEADER_SIZE = 24 };
enum { FLAG_RECEIVED = 1, FLAG_COMMAND_OR_EVENT = 2 };

typedef struct {
    amble__transport outer;
    amble__transport *inner;
    FILE *file; /* NULL once it could not be written */
    amble__h4_side side;
    uint64_t base_us; /* the format's time at the scheduler's 0 */
} capture;

static uint8_t *put_be32(uint8_t *at, uint64_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
    return at + 4;
}

/* `inwards`: to the owner of the transport, who is a host, or a controller on the other end of the same wire. */
static void record(capture *c, const uint8_t *packet, size_t size, bool inwards)
{
    unsigned flags = inwards == (c->side == AMBLE__H4_HOST_SIDE) ? FLAG_RECEIVED : 0;
    const uint64_t time = c->base_us + amble_now_us();
    uint8_t header[RECORD_HEADER_SIZE], *at = header;

    if (!c->file || !size)
        return;
    if (packet[0] == AMBLE__H4_COMMAND || packet[0] == AMBLE__H4_EVENT)
        flags |= FLAG_COMMAND_OR_EVENT;
    at = put_be32(at, size); /* of the packet */
    at = put_be32(at, size); /* of what is in the file */
    at = put_be32(at, flags);
    at = put_be32(at, 0); /* packets lost so far */
    at = put_be32(at, time >> 32);
    put_be32(at, time);
    if (fwrite(header, sizeof header, 1, c->file) == 1 && fwrite(packet, size, 1, c->file) == 1 && !fflush(c->file))
        return;
    amble__log(AMBLE__LOG_ERROR, "the capture file cannot be written (%s); the capture ends here", strerror(errno));
    (void)fclose(c->file); /* it is lost already */
    c->file = NULL;
}

static void on_packet(void *user, const uint8_t *packet, size_t size)
{
    capture *c = user;

    record(c, packet, size, true);
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

    record(c, packet, size, false); /* before the answer, which may come within the write */
    return c->inner->operations->write(c->inner, packet, size);
}

static void capture_close(amble__transport *transport)
{
    capture *c = amble__container(transport, capture, outer);

    amble__transport_close(c->inner);
    if (c->file && fclose(c->file))
        amble__log(AMBLE__LOG_ERROR, "the end of the capture file is lost (%s)", strerror(errno));
    free(c);
}

/* The format's time at the scheduler's 0. */
static uint64_t base_time(void)
{
    struct timespec now;

    if (amble__scheduler_options()->virtual_time)
        return VIRTUAL_BASE;
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
    return EPOCH_1970 + (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000 - amble_now_us();
}

int amble__transport_capture(amble__transport *inner, const char *path, amble__transport **outer)
{
    return amble__transport_capture_side(inner, path, AMBLE__H4_HOST_SIDE, outer);
}

static int refuse_path(const char *path, int reason)
{
    return amble__transport_refuse(AMBLE_ERR_IO, "%s: the capture cannot be written there (%s); choose another place",
                                   path, strerror(reason));
}

int amble__transport_capture_side(amble__transport *inner, const char *path, amble__h4_side side,
                                  amble__transport **outer)
{
    static const amble__transport_operations operations = {.write = capture_write, .close = capture_close};
    uint8_t header[FILE_HEADER_SIZE] = "btsnoop"; /* with its closing zero */
    capture *c = calloc(1, sizeof *c);

    if (!c)
        return amble__transport_refuse(AMBLE_ERR_NO_MEMORY, "%s: out of memory for the capture", path);
    c->file = fopen(path, "wb");
    if (!c->file) {
        free(c);
        return refuse_path(path, errno);
    }
    put_be32(put_be32(header + 8, 1 /* version */), DATALINK_HCI_UART);
    if (fwrite(header, sizeof header, 1, c->file) != 1 || fflush(c->file)) {
        const int reason = errno;

        (void)fclose(c->file); /* nothing is in it */
        free(c);
        return refuse_path(path, reason);
    }
    c->side = side;
    c->base_us = base_time();
    c->outer.operations = &operations;
    c->inner = inner;
    c->outer.name = inner->name;
    inner->receive = on_packet;
    inner->failed = on_failed;
    inner->user = c;
    *outer = &c->outer;
    return AMBLE_OK;
}
