/* An ATT bearer: what carries ATT between two devices (Vol 3 Part F 3.2.11, 3.3).
 *
 * The rooms above see an abstract bearer: its MTU, a way to send, its end. The fixed channel of a link is the first
 * kind; enhanced ones, channels of their own on an encrypted link, come and go beside it (Part G 5.3). A link has slots
 * for a number of them, side by side.
 *
 * One request is outstanding per bearer and direction. A client's request is a small procedure on its caller's task:
 *
 *     amble__att_begin(conn, need, deadline, &bearer, &w)   waits for its turn on any bearer, gives the room to write
 *     ... write the PDU ...
 *     amble__att_exchange(bearer, ...)                      sends, waits, gives the response
 *     amble__att_end(bearer)                                the next in the queue goes on
 *
 * A caller that gives up in between leaves a zombie: its turn lasts until the response comes, which is dropped, or
 * until the transaction timeout of 30 s; so a late response never answers the next request. After 30 s the bearer is
 * dead; the fixed channel takes the link with it, an enhanced one only itself. Indications and their confirmations
 * follow the same rule with a turn of their own.
 *
 * What this side sends unasked, and commands, all go on the fixed channel: so they stay in order, and are in order with
 * each other. What the peer sends is taken from any bearer, and answered on the same one. A request in parts (Prepare
 * Write) keeps to the fixed channel, too: a client has one queue of parts, however many bearers it has (3.4.6). */
#ifndef AMBLE_ATT_BEARER_H
#define AMBLE_ATT_BEARER_H
#include "att/pdu.h"
#include "l2cap/l2cap.h"

enum { AMBLE__ATT_TRANSACTION_MS = 30000 }; /* 3.3.3 */

typedef enum { AMBLE__TURN_FREE, AMBLE__TURN_TAKEN, AMBLE__TURN_SENT } amble__turn_state;

/* One outstanding transaction of ours: a request, or an indication. */
typedef struct {
    amble__turn_state state;
    amble__list waiters; /* who wants the turn next; those that want to ask all stand at the fixed channel's */
    amble__list answer;  /* who waits for the answer: one; SENT with none is a zombie */
    amble__timer timer;
    amble__packet packet; /* the PDU on its way out; for requests the response lies here afterwards */
    bool owed;            /* SENT by the host itself: what a task left behind, or what the server has to tell */
    struct amble__att_bearer *bearer;
} amble__turn;

typedef struct amble__att_bearer {
    amble_connection *conn;
    bool enhanced;
    amble_l2cap_channel *channel; /* of an enhanced one, while it is open */
    uint16_t mtu;
    uint16_t our_mtu;
    bool mtu_exchanged; /* by us */
    bool mtu_known;     /* exchanged by either side */
    amble__list mtu_waiters;
    bool dead; /* a transaction timed out, or there is no channel: no request is sent any more, and no answer counts */
    amble__turn request, indication;
    bool prepared; /* the peer's queue may hold parts of a write of ours: whoever ends the turn now owes it a cancel */
    uint8_t request_opcode;
    size_t response_size;   /* of the response, opcode included, in request.packet */
    amble__packet response; /* the server's answer */
    amble__packet confirmation;
    struct amble__att *att;
    struct amble__server_link *server; /* what the server keeps for it */
} amble__att_bearer;

typedef struct amble__att {
    amble__att_bearer *bearers; /* those of a link side by side, the fixed channel's first */
    size_t per_link;
    uint16_t mtu;      /* that we offer and accept */
    uint64_t arrivals; /* numbers what arrives unasked, over all links */
    uint64_t malformed, late_responses;
    amble__packet_pool pool; /* notifications and commands */
    /* Set by the host: the server takes requests and commands, the client what arrives unasked. */
    void (*request)(amble__att_bearer *bearer, amble__bytes pdu);
    void (*notified)(amble__att_bearer *bearer, amble__bytes pdu);
    void (*dead)(amble_connection *conn);      /* a transaction timed out on the fixed channel */
    void (*closed)(amble__att_bearer *bearer); /* an enhanced one, while the link lives or with it */
    /* Writes the indication that the server owes this peer; false when there is none. It goes before those of tasks,
     * and its confirmation is told. Either may be NULL. */
    bool (*owed)(amble__att_bearer *bearer, amble__writer *w);
    void (*confirmed)(amble__att_bearer *bearer);
} amble__att;

/* So many links with so many bearers each. */
void amble__att_init(amble__att *att, amble__arena *arena, size_t links, size_t per_link, size_t pool, uint16_t mtu);
void amble__att_open(amble__att *att, amble_connection *conn);
void amble__att_lost(amble_connection *conn);
/* The MTU that holds from now on, given what the other side can receive. */
void amble__att_set_mtu(amble__att_bearer *bearer, uint16_t theirs);
/* A PDU that came on this bearer. */
void amble__att_receive(amble__att_bearer *bearer, const uint8_t *data, size_t size);
/* How L2CAP tells of channels that are to carry ATT, see l2cap.h. */
void amble__att_channel_ready(amble_l2cap_channel *channel);
void amble__att_channel_received(amble_l2cap_channel *channel, const uint8_t *sdu, size_t size);
void amble__att_channel_ended(amble_l2cap_channel *channel);
/* Slots for enhanced bearers of this link that are not in use. */
unsigned amble__att_unused(const amble_connection *conn);

/* --- the client's side -------------------------------------------------------------------------------------------- */
/* On any bearer with an MTU of `need` or more; the fixed channel always serves, and first of all when it is free. */
enum { AMBLE__ATT_ANY = 0 };
int amble__att_begin(amble_connection *conn, size_t need, uint64_t deadline_us, amble__att_bearer **bearer,
                     amble__writer *w);
/* On this one: AMBLE_ERR_CHANNEL_CLOSED when it is not open any more. */
int amble__att_begin_on(amble__att_bearer *bearer, uint64_t deadline_us, amble__writer *w);
/* Sends what was written and waits for the response with opcode `expected`. `*response` reads what follows the opcode,
 * until the turn ends. An Error Response is returned as AMBLE_ERR_ATT(code); when the bearer ends, why:
 * AMBLE_ERR_CHANNEL_CLOSED, TIMEOUT, PROTOCOL. After any error the turn is over: amble__att_end must not be called. */
int amble__att_exchange(amble__att_bearer *bearer, amble__writer *w, uint8_t expected, uint64_t deadline_us,
                        amble__reader *response);
/* After an exchange, while the turn is still taken: the room to write the next request of the same procedure. */
amble__writer amble__att_next(amble__att_bearer *bearer);
void amble__att_end(amble__att_bearer *bearer);

/* --- without an answer -------------------------------------------------------------------------------------------- */
/* Why nothing more may be sent, 0 if it may. A dead fixed channel takes its link with it, but that takes a moment. */
int amble__att_end_of(const amble__att_bearer *bearer);
static inline int amble__att_unusable(const amble__att_bearer *bearer)
{
    return bearer->conn->end == 0 && !bearer->dead ? 0 : amble__att_end_of(bearer);
}
/* Takes a packet for a command or a notification (waits for room), and sends it. AMBLE_ERR_TOO_LONG when what was
 * written did not fit, because the MTU is smaller than it was before the wait; nothing is sent then. Like
 * amble__packet_take it returns 1 after a wait. */
static inline int amble__att_take(amble__att_bearer *bearer, uint64_t deadline_us, amble__packet **packet,
                                  amble__writer *w)
{
    int r = amble__att_unusable(bearer), end;

    if (r >= 0)
        r = amble__packet_take(&bearer->att->pool, &bearer->conn->acl, deadline_us, packet);
    if (r > 0 && (end = amble__att_unusable(bearer)) < 0) {
        amble__packet_release(*packet); /* it came free because the link was lost */
        r = end;
    }
    *w = r < 0 ? (amble__writer){.failed = true} : amble__writer_of(amble__packet_payload(*packet), bearer->mtu);
    return r;
}
void amble__att_send_packet(amble__att_bearer *bearer, amble__packet *packet, size_t size);
static inline int amble__att_send(amble__att_bearer *bearer, amble__packet *packet, const amble__writer *w)
{
    if (w->failed) {
        amble__packet_release(packet);
        return AMBLE_ERR_TOO_LONG;
    }
    amble__att_send_packet(bearer, packet, amble__written_size(w));
    return 0;
}

/* --- the server's side -------------------------------------------------------------------------------------------- */
/* A writer on the bearer's own answer packet, as long as the MTU. */
static inline amble__writer amble__att_answer(amble__att_bearer *bearer)
{
    return amble__writer_of(amble__packet_payload(&bearer->response), bearer->mtu);
}
static inline void amble__att_send_answer(amble__att_bearer *bearer, const amble__writer *w)
{
    (void)amble__att_send(bearer, &bearer->response, w); /* answers are written to fit */
}
void amble__att_send_error(amble__att_bearer *bearer, uint8_t request, uint16_t handle, uint8_t code);
/* Waits until no other indication is under way, gives the room to write the PDU. */
int amble__att_begin_indication(amble__att_bearer *bearer, uint64_t deadline_us, amble__writer *w);
/* Gives the turn back without sending anything. */
void amble__att_end_indication(amble__att_bearer *bearer);
/* Sends what was written and waits for its confirmation. The turn is over then, whatever came. */
int amble__att_indicate(amble__att_bearer *bearer, const amble__writer *w, uint64_t deadline_us);
void amble__att_confirm(amble__att_bearer *bearer);
/* The server owes an indication now: it goes out as soon as no other is under way. Does not wait. */
void amble__att_owe_indication(amble__att_bearer *bearer);
#endif
