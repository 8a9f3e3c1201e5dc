/* A way to reach a controller: whole HCI packets out and in, with the H4 type byte in front.
 *
 * Whoever opens a transport owns it until amble__transport_close. `write` takes the packet during the call (copies or
 * sends it) and never waits. `receive` and `failed` are called by the scheduler between tasks, never from inside a call
 * into the transport. After `failed` the transport says nothing more and may only be closed. */
#ifndef AMBLE_TRANSPORT_TRANSPORT_H
#define AMBLE_TRANSPORT_TRANSPORT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* H4 packet types, Vol 4 Part A 2. */
enum { AMBLE__H4_COMMAND = 1, AMBLE__H4_ACL = 2, AMBLE__H4_SCO = 3, AMBLE__H4_EVENT = 4, AMBLE__H4_ISO = 5 };

typedef struct amble__transport amble__transport;
typedef struct {
    int (*write)(amble__transport *transport, const uint8_t *packet, size_t size); /* 0 or a negative error */
    void (*close)(amble__transport *transport);
} amble__transport_operations;

struct amble__transport {
    const amble__transport_operations *operations;
    void (*receive)(void *user, const uint8_t *packet, size_t size); /* set by the owner before the first wait */
    void (*failed)(void *user, int error);
    void *user;
    const char *name;  /* what it was opened by, the opener's; whoever keeps it copies it; may be NULL */
    bool synchronised; /* Reset was answered: from then on a framing error is fatal; for the owner to read */
    uint64_t sco_packets, iso_packets; /* framed, counted, dropped */
    const char *reason;                /* in `failed` and after it: what happened, in a few words */
};

/* Opens what `name` says, e.g. "tcp-client:127.0.0.1:7300" or "air:desk". Waits for a connection to be made (server
 * transports: for the peer to come) up to `timeout_ms`. AMBLE_ERR_USAGE for a name that cannot be understood,
 * AMBLE_ERR_NO_CONTROLLER when nobody is there; `amble__transport_problem` then has the sentence. */
int amble__transport_open(const char *name, amble__transport **transport, int timeout_ms);
void amble__transport_close(amble__transport *transport); /* NULL does nothing */
/* Writes every packet that passes in both directions into a btsnoop file and stands in for `inner`, which it closes
 * with itself. On an error, AMBLE_ERR_IO with a sentence, `inner` is as before. Call it before the first wait after
 * `inner` was opened. */
int amble__transport_capture(amble__transport *inner, const char *path, amble__transport **outer);
/* The sentence about the last thing that went wrong on this thread: a failed call of the above or a `failed`. What, to
 * what, what next. Stays valid until the next such thing. */
const char *amble__transport_problem(void);
#endif
