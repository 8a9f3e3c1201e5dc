/* Listening sockets (listener_uv.h).
 *
 * libuv holds back further connections until the one it told of was accepted, so `arrived` is the whole queue here and
 * the kernel's backlog is the rest. The close callback frees the listener. */
#include "transport/listener_uv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "amble/error.h"
#include "transport/endpoint_uv.h"
#include "transport/stream_uv.h"

enum { BACKLOG = 128 };

struct amble__listener {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    amble__list waiters;
    bool arrived;
    int status;
    int family;
    char name[300];
};

static void on_closed(uv_handle_t *handle) { free(handle->data); }

void amble__listener_close(amble__listener *listener)
{
    if (listener)
        uv_close(&listener->uv.handle, on_closed);
}

const char *amble__listener_name(const amble__listener *listener) { return listener->name; }

static void on_arrived(uv_stream_t *stream, int status)
{
    amble__listener *l = stream->data;

    l->arrived = true;
    l->status = status;
    amble__waiters_end_first(&l->waiters, AMBLE_OK);
}

/* A program that was killed leaves the file of its socket behind; nobody answers there. */
static bool is_stale(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat there;
    int fd, r;

    if (strlen(path) >= sizeof address.sun_path || lstat(path, &there) < 0 || !S_ISSOCK(there.st_mode))
        return false;                             /* to any other file a connection is refused as well */
    memcpy(address.sun_path, path, strlen(path)); /* its length was checked, the rest is zero */
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
        return false;
    r = connect(fd, (const struct sockaddr *)&address, sizeof address) < 0 ? errno : 0;
    (void)close(fd); /* nothing was written to it */
    return r == ECONNREFUSED;
}

static int refuse_place(const amble__transport_request *request, int status)
{
    if (status == UV_EADDRINUSE && !strncmp(request->name, "unix-", 5) && is_stale(request->place))
        return amble__transport_refuse(AMBLE_ERR_IO,
                                       "%s: a socket is there at which nobody listens, left over from a program that "
                                       "ended early; remove it: rm %s",
                                       request->name, request->place);
    if (status == UV_EACCES) /* libuv says so for a folder that is missing, too */
        return amble__transport_refuse(
            AMBLE_ERR_IO, "%s: cannot listen there (no such folder, or no permission); choose another place",
            request->name);
    return amble__transport_refuse(AMBLE_ERR_IO,
                                   "%s: cannot listen there (%s); choose another place, or end who uses it",
                                   request->name, uv_strerror(status));
}

static amble__listener *listener_new(int family)
{
    amble__listener *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    amble__list_init(&l->waiters);
    l->uv.handle.data = l;
    l->family = family;
    return l;
}

/* Takes over `l` with its handle initialised, if `r` says so. */
static int listen_on(amble__listener *l, const amble__transport_request *request, int r, amble__listener **listener)
{
    if (!r)
        r = uv_listen(&l->uv.stream, BACKLOG, on_arrived);
    if (r < 0) {
        amble__listener_close(l);
        return refuse_place(request, r);
    }
    *listener = l;
    return AMBLE_OK;
}

static void write_real_name(amble__listener *l, const amble__transport_request *request)
{
    struct sockaddr_storage address;
    int size = sizeof address;
    const int before_port = (int)(strrchr(request->name, ':') - request->name);
    unsigned port = 0;

    if (!uv_tcp_getsockname(&l->uv.tcp, (struct sockaddr *)&address, &size))
        port = ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                                   : ((struct sockaddr_in *)&address)->sin_port);
    snprintf(l->name, sizeof l->name, "%.*s:%u", before_port, request->name, port);
}

static int tcp_listen(const amble__transport_request *request, amble__listener **listener)
{
    amble__endpoint endpoint;
    amble__listener *l;
    uv_loop_t *loop;
    int r = amble__endpoint_resolve(&endpoint, request, true);

    if (r < 0 || (r = amble__endpoint_loop(request, &loop)) < 0)
        return r;
    l = listener_new(endpoint.addresses[0].ss_family);
    if (!l)
        return amble__transport_refuse(AMBLE_ERR_NO_MEMORY, "%s: out of memory", request->name);
    r = uv_tcp_init(loop, &l->uv.tcp);
    if (r < 0) {
        free(l);
        return refuse_place(request, r);
    }
    r = uv_tcp_bind(&l->uv.tcp, (const struct sockaddr *)&endpoint.addresses[0], 0);
    r = listen_on(l, request, r, listener);
    if (!r)
        write_real_name(l, request);
    return r;
}

static int unix_listen(const amble__transport_request *request, amble__listener **listener)
{
    amble__listener *l;
    uv_loop_t *loop;
    int r = amble__endpoint_loop(request, &loop);

    if (r < 0)
        return r;
    l = listener_new(AF_UNIX);
    if (!l)
        return amble__transport_refuse(AMBLE_ERR_NO_MEMORY, "%s: out of memory", request->name);
    r = uv_pipe_init(loop, &l->uv.pipe, 0);
    if (r < 0) {
        free(l);
        return refuse_place(request, r);
    }
    snprintf(l->name, sizeof l->name, "%s", request->name);
    return listen_on(l, request, uv_pipe_bind(&l->uv.pipe, request->place), listener);
}

static int open_request(const amble__transport_request *request, amble__listener **listener)
{
    const int r = amble__wait_check();

    if (r < 0)
        return r;
    return strncmp(request->name, "unix-", 5) ? tcp_listen(request, listener) : unix_listen(request, listener);
}

int amble__listener_open(const char *name, amble__listener **listener, int timeout_ms)
{
    static const char *const schemes[] = {"tcp-server:", "unix-server:"};

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        const size_t length = strlen(schemes[i]);

        if (!strncmp(name, schemes[i], length) && name[length]) {
            const amble__transport_request request = {
                .name = name, .place = name + length, .deadline_us = amble__deadline(timeout_ms)};

            return open_request(&request, listener);
        }
    }
    return amble__transport_refuse(AMBLE_ERR_USAGE,
                                   "%s: nothing to listen on; write tcp-server:HOST:PORT or unix-server:PATH", name);
}

static int accept_until(amble__listener *l, amble__h4_side side, amble__transport **transport, uint64_t deadline_us)
{
    amble__stream *stream;
    int r = amble__wait_check();

    if (!r && !l->arrived)
        r = amble__wait_on_until(&l->waiters, deadline_us);
    if (r < 0)
        return amble__transport_refuse(r, "%s: nobody came in time", l->name);
    l->arrived = false;
    if (l->status < 0)
        return amble__transport_refuse(AMBLE_ERR_IO, "%s: a connection failed (%s)", l->name, uv_strerror(l->status));
    r = amble__stream_open(l->uv.handle.loop, l->family, side, l->name, &stream);
    if (r < 0)
        return r;
    r = uv_accept(&l->uv.stream, &stream->uv.stream);
    r = r < 0 ? amble__transport_refuse(AMBLE_ERR_IO, "%s: a connection failed (%s)", l->name, uv_strerror(r))
              : amble__stream_start(stream);
    if (r < 0)
        amble__stream_close(stream);
    else
        *transport = &stream->transport;
    return r;
}

int amble__listener_accept(amble__listener *listener, amble__h4_side side, amble__transport **transport, int timeout_ms)
{
    return accept_until(listener, side, transport, amble__deadline(timeout_ms));
}

/* A host that waits for its controller to come: one connection, and nobody listens any more. */
int amble__open_server(const amble__transport_request *request, amble__transport **transport)
{
    amble__listener *listener;
    int r = open_request(request, &listener);

    if (r < 0)
        return r == AMBLE_ERR_IO ? AMBLE_ERR_NO_CONTROLLER : r;
    r = accept_until(listener, AMBLE__H4_HOST_SIDE, transport, request->deadline_us);
    amble__listener_close(listener);
    if (r == AMBLE_ERR_TIMEOUT)
        r = amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER, "%s: no controller came; connect one to this place",
                                    request->name);
    return r == AMBLE_ERR_IO ? AMBLE_ERR_NO_CONTROLLER : r;
}
