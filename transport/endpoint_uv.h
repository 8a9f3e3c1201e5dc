/* Where a TCP transport leads: "HOST:PORT" taken apart and turned into socket addresses; and the loop all sockets hang
 * in. */
#ifndef AMBLE_TRANSPORT_ENDPOINT_UV_H
#define AMBLE_TRANSPORT_ENDPOINT_UV_H
#include <stdbool.h>
#include <uv.h>

#include "transport/opener.h"

#define AMBLE__ENDPOINT_ADDRESSES 8 /* a name with more of them is tried at the first eight */

typedef struct {
    char host[256]; /* a DNS name has at most 253 characters (RFC 1035 2.3.4) */
    char port[6];
    struct sockaddr_storage addresses[AMBLE__ENDPOINT_ADDRESSES];
    size_t count;
} amble__endpoint;

/* Takes the request's place apart and looks the host up, which may wait. "_" and nothing stand for every address of
 * this machine when `passive`. AMBLE_ERR_USAGE, AMBLE_ERR_NO_CONTROLLER (host not known), or why the wait failed; with
 * a sentence. */
int amble__endpoint_resolve(amble__endpoint *endpoint, const amble__transport_request *request, bool passive);
/* The loop for a socket or device, or an error with a sentence: they live in real time only. */
int amble__endpoint_loop(const amble__transport_request *request, uv_loop_t **loop);
#endif
