/* A connected byte stream with H4 packets on it, as a transport: what TCP and Unix sockets have in common, and whatever
 * else libuv knows as a stream. client_uv.c and listener_uv.c make the connection, this file does the rest.
 *
 * The same object serves both ends: on the controller's side (`amble air`) commands come in and events go out. */
#ifndef AMBLE_TRANSPORT_STREAM_UV_H
#define AMBLE_TRANSPORT_STREAM_UV_H
#include <uv.h>

#include "core/list.h"
#include "transport/breakage.h"
#include "transport/h4.h"

/* Bytes that may wait in this process for a peer that does not read. */
#define AMBLE__STREAM_BACKLOG_MAX (1024 * 1024)

typedef struct {
    amble__transport transport; /* what its owner sees */
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    amble__h4 h4;
    amble__breakage breakage;
    uint8_t input[4096];
} amble__stream;

/* A stream of family AF_INET, AF_INET6 or AF_UNIX, not connected yet. Its memory belongs to libuv's loop until
 * amble__stream_close and the loop's next turn. Returns 0 or an error. */
int amble__stream_open(uv_loop_t *loop, int family, amble__h4_side side, const char *name, amble__stream **stream);
/* An open file descriptor becomes the stream, which was opened with AF_UNIX: a terminal, or whatever else read and
 * write work on. Its reader and writer are one. Owned by the stream from now on, also after an error, after which the
 * caller closes the stream. */
int amble__stream_take(amble__stream *stream, int fd);
/* The connection is there: starts to read. On an error the caller closes. */
int amble__stream_start(amble__stream *stream);
/* The socket is closed when this returns; never waits. */
void amble__stream_close(amble__stream *stream);
#endif
