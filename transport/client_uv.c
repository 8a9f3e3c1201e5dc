/* tcp-client:HOST:PORT and unix-client:PATH: the connection is made from here.
 *
 * A host has several addresses at times (localhost has ::1 and 127.0.0.1): they are tried one after the other within
 * the one deadline, and the sentence is about the last. */
#include <stdlib.h>
#include <string.h>

#include "amble/error.h"
#include "transport/endpoint_uv.h"
#include "transport/stream_uv.h"

/* A connect under way. libuv owns it until its callback, which may come after the task gave up. */
typedef struct {
    uv_connect_t uv;
    amble__list waiters;
    int status;
    bool done, abandoned;
} attempt;

static void on_connected(uv_connect_t *uv, int status)
{
    attempt *a = uv->data;

    if (a->abandoned) {
        free(a);
        return;
    }
    a->status = status;
    a->done = true;
    amble__waiters_end(&a->waiters, AMBLE_OK);
}

static int refuse_connection(const amble__transport_request *request, int status)
{
    const char *place = request->place;
    const char *port = strrchr(place, ':');
    const bool here = !strncmp(place, "localhost:", 10) || !strncmp(place, "127.", 4);

    if (status == UV_ETIMEDOUT)
        return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER,
                                       "%s: no answer; see whether the machine is on and reachable", request->name);
    if (status == UV_ENOENT)
        return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER,
                                       "%s: there is no such socket; start one with: amble air --listen unix-server:%s",
                                       request->name, place);
    if (status != UV_ECONNREFUSED)
        return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER, "%s: no connection (%s)", request->name,
                                       uv_strerror(status));
    if (place[0] == '/' || !port)
        return amble__transport_refuse(
            AMBLE_ERR_NO_CONTROLLER,
            "%s: nobody listens there (connection refused); remove the file and start one with: "
            "amble air --listen unix-server:%s",
            request->name, place);
    return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER,
                                   "%s: nobody listens there (connection refused); start one with: amble air "
                                   "--listen tcp-server:%s%s",
                                   request->name, here ? "127.0.0.1" : "_", port);
}

/* Waits for the attempt, which counts when it was done before the task could run; the stream is closed and the attempt
 * freed unless it succeeded. `started` is what libuv said at once. */
static int finish(attempt *a, amble__stream *stream, const amble__transport_request *request, int started)
{
    int r = AMBLE_OK;

    if (started < 0)
        a->status = started;
    else
        r = amble__wait_on_until(&a->waiters, request->deadline_us);
    if (r < 0 && !a->done) {
        a->abandoned = true; /* closing the stream calls on_connected */
        amble__stream_close(stream);
        if (r == AMBLE_ERR_TIMEOUT)
            return refuse_connection(request, UV_ETIMEDOUT);
        return amble__transport_refuse(r, "%s: given up", request->name);
    }
    if (a->status < 0)
        r = refuse_connection(request, a->status);
    else
        r = amble__stream_start(stream);
    if (r < 0)
        amble__stream_close(stream);
    free(a);
    return r;
}

static int connect_to(const amble__transport_request *request, const struct sockaddr *address,
                      amble__transport **transport)
{
    const int family = address ? address->sa_family : AF_UNIX;
    amble__stream *stream;
    uv_loop_t *loop;
    attempt *a;
    int r = amble__endpoint_loop(request, &loop);

    if (r < 0 || (r = amble__stream_open(loop, family, AMBLE__H4_HOST_SIDE, request->name, &stream)) < 0)
        return r;
    a = calloc(1, sizeof *a);
    if (!a) {
        amble__stream_close(stream);
        return amble__transport_refuse(AMBLE_ERR_NO_MEMORY, "%s: out of memory", request->name);
    }
    a->uv.data = a;
    amble__list_init(&a->waiters);
    if (address)
        r = uv_tcp_connect(&a->uv, &stream->uv.tcp, address, on_connected);
    else
        uv_pipe_connect(&a->uv, &stream->uv.pipe, request->place, on_connected); /* its errors come by on_connected */
    r = finish(a, stream, request, r);
    if (!r)
        *transport = &stream->transport;
    return r;
}

int amble__tcp_client_open(const amble__transport_request *request, amble__transport **transport)
{
    amble__endpoint endpoint;
    int r = amble__wait_check();

    if (r < 0 || (r = amble__endpoint_resolve(&endpoint, request, false)) < 0)
        return r;
    r = AMBLE_ERR_NO_CONTROLLER;
    for (size_t i = 0; i < endpoint.count && r == AMBLE_ERR_NO_CONTROLLER; i++)
        r = connect_to(request, (const struct sockaddr *)&endpoint.addresses[i], transport);
    return r;
}

int amble__unix_client_open(const amble__transport_request *request, amble__transport **transport)
{
    const int r = amble__wait_check();

    return r < 0 ? r : connect_to(request, NULL, transport);
}
