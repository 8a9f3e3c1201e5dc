/* Outbound packets and the pools they come from.
 *
 * The payload is written once, behind headroom for all headers that lower rooms put in front of it. Whoever takes a
 * packet owns it until it is handed to amble__acl_send; from then on the ACL room owns it and releases it when its last
 * byte is with the transport, or the link is gone. A released packet goes back where it came from: into its pool, or,
 * for the packets that a bearer keeps for itself, it just becomes free again. */
#ifndef AMBLE_HCI_PACKET_H
#define AMBLE_HCI_PACKET_H
#include "core/arena.h"
#include "task/scheduler.h"

/* H4 type, ACL header, L2CAP basic header. */
enum { AMBLE__PACKET_HEADROOM = 1 + 4 + 4 };

struct amble__acl_link;
typedef struct amble__packet_pool amble__packet_pool;
typedef struct amble__packet {
    struct amble__packet *next;                     /* of its pool's free ones, or of those that its link has to send */
    amble__packet_pool *pool;                       /* NULL: its owner's for good */
    void (*released)(struct amble__packet *packet); /* of one that is its owner's: it is free again; may be NULL */
    void *owner;                                    /* for `released` */
    struct amble__acl_link *holder;                 /* who has it, while it is out of its pool */
    bool busy;                                      /* taken, or queued for sending */
    uint16_t capacity;                              /* of the payload */
    uint16_t size;                                  /* of the payload */
    uint16_t sent;  /* bytes of L2CAP frame (header and payload) that are with the transport; 0 until it is sent */
    uint8_t *bytes; /* headroom, then payload */
} amble__packet;

struct amble__packet_pool {
    amble__packet *free; /* the first of them */
    amble__list waiters;
    size_t left; /* so many are free */
};

static inline uint8_t *amble__packet_payload(amble__packet *packet) { return packet->bytes + AMBLE__PACKET_HEADROOM; }

void amble__packet_init(amble__packet *packet, amble__arena *arena, size_t capacity);
void amble__packet_pool_init(amble__packet_pool *pool, amble__arena *arena, size_t count, size_t capacity);
/* A packet of the pool for this link; waits until there is one that it may have beside other links (amble__acl_fair),
 * until the deadline or until the link is gone. 0: it was there; 1: after a wait, in which everything may have
 * changed. */
int amble__packet_take(amble__packet_pool *pool, struct amble__acl_link *link, uint64_t deadline_us,
                       amble__packet **packet);
/* The link is gone: ends the waits for a packet for it. */
void amble__packet_pool_lost(amble__packet_pool *pool, const struct amble__acl_link *link, int error);
void amble__packet_release(amble__packet *packet);
#endif
