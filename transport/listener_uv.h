/* A place where byte streams arrive: tcp-server:HOST:PORT and unix-server:PATH.
 *
 * A host that waits for its controller takes one connection; `amble air` takes as many as come, each a host. */
#ifndef AMBLE_TRANSPORT_LISTENER_UV_H
#define AMBLE_TRANSPORT_LISTENER_UV_H
#include "transport/h4.h"
#include "transport/transport.h"

typedef struct amble__listener amble__listener;

/* AMBLE_ERR_USAGE, or AMBLE_ERR_IO when the place is taken; with a sentence (amble__transport_problem). May wait for a
 * host's name. */
int amble__listener_open(const char *name, amble__listener **listener, int timeout_ms);
/* The name it can be reached by: as given, port 0 replaced by the real one. */
const char *amble__listener_name(const amble__listener *listener);
/* Waits for the next connection. One task at a time. */
int amble__listener_accept(amble__listener *listener, amble__h4_side side, amble__transport **transport,
                           int timeout_ms);
/* Closed when it returns; never waits. No task may be in accept. NULL does nothing. */
void amble__listener_close(amble__listener *listener);
#endif
