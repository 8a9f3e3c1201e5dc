/* A file descriptor that keeps packets apart, one a read and one a write, as a transport. */
#ifndef AMBLE_TRANSPORT_PACKETS_UV_H
#define AMBLE_TRANSPORT_PACKETS_UV_H
#include <uv.h>

#include "transport/transport.h"

/* Packets that may wait in this process for a kernel that does not take them. HCI's own flow control holds a host back
 * long before. */
#define AMBLE__PACKETS_WAITING_MAX 256

/* Takes over `fd`, which does not block, also after an error. 0, or an error with its sentence. */
int amble__packets_open(uv_loop_t *loop, int fd, const char *name, amble__transport **transport);
#endif
