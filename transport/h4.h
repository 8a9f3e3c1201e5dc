/* H4 framing (Vol 4 Part A): a stream of bytes in, whole HCI packets out, wherever the stream was split.
 *
 * One framer serves one direction of one stream: on the host's side events and ACL data arrive, on the controller's
 * side commands and ACL data. SCO and ISO packets may arrive on both; they are framed and counted, and end there.
 *
 * Boards print boot text before their controller speaks, and bytes 0x02 or 0x04 may stand in it by chance. So a framer
 * on the host's side starts unsynchronised and lets pass nothing but the answer to HCI Reset. With its Command Complete
 * it is `synchronised`; from there on every byte counts, and one that cannot start a packet is an error: a stream that
 * has lost its frame cannot be trusted again.
 *
 * Invariants: nothing is allocated; at most one packet is held; a packet that lies whole in the bytes given is handed
 * on in place. */
#ifndef AMBLE_TRANSPORT_H4_H
#define AMBLE_TRANSPORT_H4_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest ACL data either side may send. A controller's LE packets end at 251 octets (Vol 6 Part B 2.4), BR/EDR
 * ones, which set the size of buffers shared by both, at 1021 (Vol 2 Part B 6.5.4). A longer length is a lost frame. */
#define AMBLE__H4_ACL_MAX    1024
#define AMBLE__H4_PACKET_MAX (1 + 4 + AMBLE__H4_ACL_MAX)

typedef enum { AMBLE__H4_HOST_SIDE, AMBLE__H4_CONTROLLER_SIDE } amble__h4_side;

typedef struct {
    amble__h4_side side;
    bool synchronised; /* true from the start on the controller's side */
    void (*deliver)(void *user, const uint8_t *packet, size_t size);
    void *user;
    uint64_t sco_packets, iso_packets; /* framed and dropped */
    uint64_t skipped;                  /* bytes that came before synchronisation */
    size_t have;                       /* bytes of `packet` */
    size_t drop;                       /* bytes of a SCO or ISO packet still to come */
    uint8_t packet[AMBLE__H4_PACKET_MAX];
    char problem[96]; /* what was wrong, after amble__h4_feed failed */
} amble__h4;

void amble__h4_init(amble__h4 *h4, amble__h4_side side, void (*deliver)(void *user, const uint8_t *packet, size_t size),
                    void *user);
/* Takes the next bytes of the stream. Returns 0, or AMBLE_ERR_PROTOCOL at a framing error; `problem` says which, and
 * the framer takes no more bytes. */
int amble__h4_feed(amble__h4 *h4, const uint8_t *bytes, size_t size);
/* Whether this packet is the answer to HCI Reset: its Command Complete, or the Command Status of a refusal. */
bool amble__h4_answers_reset(const uint8_t *packet, size_t size);
#endif
