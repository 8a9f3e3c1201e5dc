/* H4 over a libuv stream (stream_uv.h).
 *
 * Invariants:
 * - A packet is sent at once when the socket takes it; what it does not take is copied and waits in order. More than
 *   AMBLE__STREAM_BACKLOG_MAX of that breaks the stream: the peer is not reading, and HCI has no packet one could leave
 * out.
 * - A stream breaks once. From then on nothing is read, every write fails, and the owner is told once, between tasks.
 * - The close callback frees the stream. libuv has called back every request on it by then. */
#include "transport/stream_uv.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "amble/error.h"
#include "transport/opener.h"

typedef struct {
    uv_write_t uv;
    uint8_t bytes[];
} pending_write;

static int break_off(amble__stream *s, const char *reason, const char *remedy)
{
    (void)uv_read_stop(&s->uv.stream); /* cannot fail */
    return amble__break_off(&s->breakage, reason, remedy);
}

static int break_lost(amble__stream *s, int status)
{
    char reason[sizeof s->breakage.reason];

    if (status == UV_EOF || status == UV_ECONNRESET || status == UV_EPIPE)
        return break_off(s, "the other side closed the connection",
                         "see what it says about the reason, and start again");
    snprintf(reason, sizeof reason, "the connection broke (%s)", uv_strerror(status));
    return break_off(s, reason, "see whether the other side is still there");
}

/* --- in ----------------------------------------------------------------------------------------------------------- */
static void on_packet(void *user, const uint8_t *packet, size_t size)
{
    amble__stream *s = user;

    s->transport.synchronised = s->h4.synchronised;
    if (s->transport.receive)
        s->transport.receive(s->transport.user, packet, size);
}

static void on_space(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    amble__stream *s = handle->data;

    (void)suggested;
    *buffer = uv_buf_init((char *)s->input, sizeof s->input);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    amble__stream *s = stream->data;

    if (size < 0) {
        (void)break_lost(s, (int)size); /* the owner hears of it by `failed` */
        return;
    }
    if (amble__h4_feed(&s->h4, (const uint8_t *)buffer->base, (size_t)size) < 0) {
        /* as above */
        (void)break_off(s, s->h4.problem, "see whether an HCI controller or host with H4 framing is at the other end");
    }
    s->transport.sco_packets = s->h4.sco_packets;
    s->transport.iso_packets = s->h4.iso_packets;
}

/* --- out ---------------------------------------------------------------------------------------------------------- */
static void on_written(uv_write_t *uv, int status)
{
    amble__stream *s = uv->handle->data;

    if (status < 0 && status != UV_ECANCELED) /* cancelled: by our own close */
        (void)break_lost(s, status);          /* the owner hears of it by `failed` */
    free(amble__container(uv, pending_write, uv));
}

static int write_later(amble__stream *s, const uint8_t *bytes, size_t size)
{
    pending_write *w;
    uv_buf_t buffer;
    int r;

    if (uv_stream_get_write_queue_size(&s->uv.stream) + size > AMBLE__STREAM_BACKLOG_MAX)
        return break_off(s, "the other side does not read, 1 MiB waits for it", "see whether it hangs");
    w = malloc(sizeof *w + size);
    if (!w)
        return break_off(s, "out of memory", "see what else uses so much of it");
    memcpy(w->bytes, bytes, size);
    buffer = uv_buf_init((char *)w->bytes, (unsigned)size);
    r = uv_write(&w->uv, &s->uv.stream, &buffer, 1, on_written);
    if (r < 0) {
        free(w);
        return break_lost(s, r);
    }
    return AMBLE_OK;
}

static int stream_write(amble__transport *transport, const uint8_t *packet, size_t size)
{
    amble__stream *s = amble__container(transport, amble__stream, transport);
    const uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)packet, (unsigned)size); /* is only read */
    int sent;

    if (s->breakage.broken)
        return AMBLE_ERR_CONTROLLER;
    sent = uv_try_write(&s->uv.stream, &buffer, 1);
    if (sent < 0 && sent != UV_EAGAIN)
        return break_lost(s, sent);
    if (sent < 0)
        sent = 0; /* earlier packets wait, or the socket is full */
    return (size_t)sent == size ? AMBLE_OK : write_later(s, packet + sent, size - (size_t)sent);
}

/* --- life --------------------------------------------------------------------------------------------------------- */
static void on_closed(uv_handle_t *handle) { free(handle->data); }

void amble__stream_close(amble__stream *s)
{
    amble__breakage_close(&s->breakage);
    uv_close(&s->uv.handle, on_closed);
}

static void stream_close(amble__transport *transport)
{
    amble__stream_close(amble__container(transport, amble__stream, transport));
}

/* libuv writes to sockets with write(2), which kills a process whose peer has gone unless the signal is ignored. A
 * program with a handler of its own keeps it. */
static void ignore_sigpipe(void)
{
    struct sigaction action;

    if (!sigaction(SIGPIPE, NULL, &action) && action.sa_handler == SIG_DFL)
        (void)signal(SIGPIPE, SIG_IGN); /* cannot fail for this signal */
}

int amble__stream_open(uv_loop_t *loop, int family, amble__h4_side side, const char *name, amble__stream **stream)
{
    static const amble__transport_operations operations = {.write = stream_write, .close = stream_close};
    amble__stream *s = calloc(1, sizeof *s);
    int r;

    if (!s)
        return amble__transport_refuse(AMBLE_ERR_NO_MEMORY, "%s: out of memory", name);
    r = family == AF_UNIX ? uv_pipe_init(loop, &s->uv.pipe, 0) : uv_tcp_init(loop, &s->uv.tcp);
    if (r < 0) {
        free(s);
        return amble__transport_refuse(AMBLE_ERR_IO, "%s: no socket (%s)", name, uv_strerror(r));
    }
    ignore_sigpipe();
    s->uv.handle.data = s;
    s->transport.operations = &operations;
    amble__breakage_init(&s->breakage, &s->transport, name);
    amble__h4_init(&s->h4, side, on_packet, s);
    *stream = s;
    return AMBLE_OK;
}

int amble__stream_take(amble__stream *s, int fd)
{
    const int r = uv_pipe_open(&s->uv.pipe, fd); /* libuv knows no other stream that takes a descriptor as it is */

    if (r < 0) {
        (void)close(fd); /* nothing was written to it */
        return amble__transport_refuse(AMBLE_ERR_IO, "%s: the system does not watch it (%s); take another",
                                       s->breakage.name, uv_strerror(r));
    }
    return amble__stream_start(s);
}

int amble__stream_start(amble__stream *s)
{
    int r = 0;

    if (s->uv.handle.type == UV_TCP)
        r = uv_tcp_nodelay(&s->uv.tcp, 1); /* HCI packets are small and waited for */
    if (!r)
        r = uv_read_start(&s->uv.stream, on_space, on_read);
    if (r < 0)
        return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER, "%s: the connection broke at once (%s)",
                                       s->breakage.name, uv_strerror(r));
    return AMBLE_OK;
}
