/* Host names and ports (endpoint_uv.h).
 *
 * A numeric address is translated at once. A name is looked up on libuv's thread pool, which cannot be stopped once it
 * has begun: a lookup whose task gave up is marked abandoned, and frees itself when its answer comes. */
#include "transport/endpoint_uv.h"

#include <stdlib.h>
#include <string.h>

#include "amble/error.h"
#include "port/loop.h"
#include "task/scheduler.h"

typedef struct {
    uv_getaddrinfo_t uv;
    amble__list waiters;
    struct addrinfo *found;
    int status;
    bool done, abandoned;
} lookup;

static int parse(amble__endpoint *endpoint, const amble__transport_request *request)
{
    const char *host = request->place;
    const char *colon = strrchr(host, ':');
    size_t host_size = colon ? (size_t)(colon - host) : 0;
    char *end;
    unsigned long port;

    if (!colon || colon[1] < '0' || colon[1] > '9')
        return amble__transport_refuse(
            AMBLE_ERR_USAGE, "%s: the port is missing; write HOST:PORT, such as 127.0.0.1:7300", request->name);
    port = strtoul(colon + 1, &end, 10);
    if (*end || port > UINT16_MAX)
        return amble__transport_refuse(AMBLE_ERR_USAGE, "%s: %s is no port; give a number up to 65535", request->name,
                                       colon + 1);
    if (host_size > 1 && host[0] == '[' && colon[-1] == ']') { /* RFC 3986 3.2.2 */
        host++;
        host_size -= 2;
    }
    if (host_size >= sizeof endpoint->host)
        return amble__transport_refuse(AMBLE_ERR_USAGE, "%s: the host's name is too long", request->name);
    memcpy(endpoint->host, host, host_size);
    endpoint->host[host_size] = 0;
    snprintf(endpoint->port, sizeof endpoint->port, "%lu", port);
    return AMBLE_OK;
}

static void keep(amble__endpoint *endpoint, const struct addrinfo *found)
{
    for (endpoint->count = 0; found && endpoint->count < AMBLE__ENDPOINT_ADDRESSES; found = found->ai_next)
        if (found->ai_family == AF_INET || found->ai_family == AF_INET6)
            memcpy(&endpoint->addresses[endpoint->count++], found->ai_addr, found->ai_addrlen);
}

static void on_found(uv_getaddrinfo_t *uv, int status, struct addrinfo *found)
{
    lookup *l = uv->data;

    if (l->abandoned) {
        uv_freeaddrinfo(found);
        free(l);
        return;
    }
    l->done = true;
    l->status = status;
    l->found = found;
    amble__waiters_end(&l->waiters, AMBLE_OK);
}

static int look_up(amble__endpoint *endpoint, const amble__transport_request *request, uv_loop_t *loop,
                   const struct addrinfo *hints)
{
    lookup *l = calloc(1, sizeof *l);
    int r;

    if (!l)
        return amble__transport_refuse(AMBLE_ERR_NO_MEMORY, "%s: out of memory", request->name);
    amble__list_init(&l->waiters);
    l->uv.data = l;
    l->status = uv_getaddrinfo(loop, &l->uv, on_found, endpoint->host, endpoint->port, hints);
    if (!l->status) {
        r = amble__wait_on_until(&l->waiters, request->deadline_us);
        if (r < 0 && !l->done) {
            l->abandoned = true;
            (void)uv_cancel((uv_req_t *)&l->uv); /* when it has begun already, its answer is thrown away */
            return amble__transport_refuse(r, "%s: no answer about the host's name; see whether it is spelled right",
                                           request->name);
        }
    }
    keep(endpoint, l->found);
    r = l->status;
    uv_freeaddrinfo(l->found);
    free(l);
    if (r || !endpoint->count)
        return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER,
                                       "%s: the host %s is not known (%s); see whether its name is right",
                                       request->name, endpoint->host, uv_strerror(r));
    return AMBLE_OK;
}

int amble__endpoint_resolve(amble__endpoint *endpoint, const amble__transport_request *request, bool passive)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    const char *host = endpoint->host;
    uv_loop_t *loop;
    int r = parse(endpoint, request);

    if (r < 0 || (r = amble__endpoint_loop(request, &loop)) < 0)
        return r;
    if (!*host || !strcmp(host, "_"))
        host = passive ? "0.0.0.0" : "127.0.0.1";
    if (!getaddrinfo(host, endpoint->port, &hints, &found)) {
        keep(endpoint, found);
        freeaddrinfo(found);
        return AMBLE_OK;
    }
    hints.ai_flags = AI_NUMERICSERV;
    return look_up(endpoint, request, loop, &hints);
}

int amble__endpoint_loop(const amble__transport_request *request, uv_loop_t **uv)
{
    struct amble__loop *loop = NULL;

    if (amble__scheduler_options()->virtual_time)
        return amble__transport_refuse(
            AMBLE_ERR_USAGE, "%s: this cannot follow virtual time; use air:NAME, or real time", request->name);
    loop = amble__scheduler_loop();
    if (!loop)
        return amble__transport_refuse(AMBLE_ERR_IO,
                                       "%s: the system gives no event loop; see whether it is out of file descriptors",
                                       request->name);
    *uv = amble__loop_native(loop);
    return AMBLE_OK;
}
