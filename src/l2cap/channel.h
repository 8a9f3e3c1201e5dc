/* Credit-based channels from the inside (Vol 3 Part A 3.4.3, 4.22 to 4.28, 10).
 *
 * All memory is taken when the host opens: so many channels, each with a ring for what came and one for what goes, so
 * many listeners, and per link one packet for frames and one for credits. What a channel owes the peer (frames,
 * credits, a disconnection) is sent as soon as there is a packet for it, by whoever comes by: the task that sends, the
 * receive path, or the link's deferred work when a packet becomes free. So it is sent whatever becomes of the task that
 * caused it, and nobody waits.
 *
 * A channel is FREE; CONNECTING while its request is unanswered; OPEN; CLOSING from when this side wants its end until
 * the peer has answered; CLOSED, when it has no CID any more and its owner has not closed it yet. One that nobody owns
 * or may accept is FREE in place of CLOSED.
 *
 * Beside the program's channels there are those of the host itself: the bearers of enhanced ATT (Part G 5.3), with
 * slots and rings of their own, so that neither takes the other's. Nobody waits on them; the room above is told what
 * becomes of them. */
#ifndef AMBLE_L2CAP_CHANNEL_H
#define AMBLE_L2CAP_CHANNEL_H
#include <amble/l2cap.h>

#include "core/byte_ring.h"
#include "l2cap/signalling.h"

struct amble__l2cap;
struct amble__l2cap_link;

/* Dynamic CIDs of an LE link, 2.1; the least MTU and MPS of the two kinds and the largest MPS, 4.22, 4.25. */
enum { AMBLE__CID_DYNAMIC = 0x40, AMBLE__CIDS = 64 };
enum { AMBLE__UNIT_MIN = 23, AMBLE__ENHANCED_UNIT_MIN = 64, AMBLE__MPS_MAX = 65533 };
enum { AMBLE__SDU_HEADER = 2, AMBLE__CREDITS_MAX = 65535 };
enum { AMBLE__SPSM_MAX = 0xff, AMBLE__SPSM_ATT = 0x27 }; /* the latter: Assigned Numbers, 2.7 */

/* Results of a connection request, 4.23, 4.26. */
enum {
    AMBLE__CONNECTION_SUCCESSFUL = 0,
    AMBLE__CONNECTION_NO_SPSM = 2,
    AMBLE__CONNECTION_NO_RESOURCES = 4,
    AMBLE__CONNECTION_NO_AUTHENTICATION = 5,
    AMBLE__CONNECTION_NO_AUTHORISATION = 6,
    AMBLE__CONNECTION_SHORT_KEY = 7,
    AMBLE__CONNECTION_NO_ENCRYPTION = 8,
    AMBLE__CONNECTION_INVALID_CID = 9,
    AMBLE__CONNECTION_CID_IN_USE = 10,
    AMBLE__CONNECTION_UNACCEPTABLE = 11,
    AMBLE__CONNECTION_PENDING = 13, /* the first of three kinds; the answer comes later */
    AMBLE__CONNECTION_PENDING_LAST = 15,
};

typedef enum {
    AMBLE__CHANNEL_FREE,
    AMBLE__CHANNEL_CONNECTING,
    AMBLE__CHANNEL_OPEN,
    AMBLE__CHANNEL_CLOSING,
    AMBLE__CHANNEL_CLOSED
} amble__channel_state;

/* The way it was opened, and for whom. */
typedef enum { AMBLE__CHANNEL_BASIC, AMBLE__CHANNEL_ENHANCED, AMBLE__CHANNEL_BEARER } amble__channel_kind;

struct amble_l2cap_channel {
    amble__channel_state state;
    amble__channel_kind kind;
    bool owned;           /* the program has it, or a task that connects, or ATT */
    bool waits_for_owner; /* the peer opened it, nobody accepted it yet */
    bool disconnect_sent;
    bool reading, writing; /* a task does */
    bool close_on_cancel;
    uint8_t group;               /* identifier of the enhanced request of ours that it is part of, 0: none */
    uint16_t next_mtu, next_mps; /* asked for by that request */
    int end;                     /* what calls return when it is not OPEN any more */
    uint32_t generation;         /* of this use of the slot */
    struct amble__l2cap_link *link;
    amble_connection *conn; /* NULL when the program closed it */
    uint16_t cid, peer_cid, psm;
    uint16_t mtu, mps, peer_mtu, peer_mps;
    uint16_t unit;     /* largest MPS it will ever have: room is kept for frames of this size */
    uint16_t sdu_size; /* of the SDUs that sends make, where the peer takes them */
    uint16_t credits;  /* frames that we may send */
    uint16_t granted;  /* frames that the peer may send; there is room for all of them */
    /* Both rings hold SDUs, each behind its length as on the air. */
    amble__byte_ring in, out;
    size_t in_left;   /* bytes to come of the SDU that is being received */
    size_t read_left; /* bytes of the SDU that is being read */
    size_t readable;  /* bytes of SDUs in the ring */
    size_t out_left;  /* bytes to be sent of the SDU that is being sent, its length included; `out` has them all */
    size_t wanted;    /* room that the task that writes waits for */
    uint64_t sent;
    amble__list readers, writers, ends;
    /* Not NULL: takes each whole SDU, in the receive path, in place of the ring's readers: how a bearer of ATT uses a
     * channel. The MTU and two bytes fit into half of the ring then. */
    void (*received)(amble_l2cap_channel *channel, const uint8_t *sdu, size_t size);
    void *bearer; /* what ATT has it for */
};

typedef struct {
    bool used;
    bool bearers; /* the host's own: what a peer opens becomes a bearer, nobody accepts it */
    uint16_t psm;
    amble_l2cap_options options; /* with every default filled in */
    amble__list accepters;
} amble__listener;

/* What a link keeps for its channels. */
typedef struct {
    uint16_t *by_cid; /* index of the channel + 1, 0: none */
    amble__packet frame, credits;
    amble_l2cap_channel *frame_of; /* whose frame is on its way to the controller */
    amble__work work;
    bool waiting;  /* something is owed and waits for a packet or a place */
    unsigned turn; /* which CID sends next */
} amble__link_channels;

/* What a host keeps for all of them. */
typedef struct {
    amble_l2cap_channel *slots; /* first the program's, then the bearers */
    size_t count;               /* of all of them */
    size_t program_count;
    size_t bearers_per_link;
    amble_l2cap_options bearer_options;
    amble__listener *listeners;
    size_t listener_count;
    size_t cids; /* per link */
    uint16_t mps;
    uint32_t generations;
} amble__channels;

typedef struct {
    size_t links;
    uint16_t mtu; /* of the fixed channels */
    uint16_t channels, listeners;
    size_t receive_size, send_size; /* of a channel */
    uint16_t mps;
    /* Of enhanced ATT, on each link; their MTU is that of the fixed channels, 64 or more, and so is mps. */
    uint8_t bearers;
} amble__l2cap_sizes;

void amble__channels_init(struct amble__l2cap *l2cap, amble__arena *arena, const amble__l2cap_sizes *sizes);
void amble__channels_open(struct amble__l2cap_link *link);
void amble__channels_lost(struct amble__l2cap_link *link);
/* The program closes this connection: its channels do not know it any more. */
void amble__channels_forget(struct amble__l2cap *l2cap, const amble_connection *conn);
/* A frame on a dynamic channel. */
void amble__channels_receive(struct amble__l2cap_link *link, uint16_t cid, const uint8_t *data, size_t size);
/* A signalling request about channels; false when it is none of those. */
bool amble__channels_request(struct amble__l2cap_link *link, uint8_t code, uint8_t identifier, amble__bytes data);
/* Flow Control Credit, 4.24. */
void amble__channels_credited(struct amble__l2cap_link *link, amble__bytes data);
/* Sends what is owed, as soon as the running call is over. */
void amble__channels_owe(struct amble__l2cap_link *link);

/* --- bearers of enhanced ATT -------------------------------------------------------------------------------------- */
/* Lets peers open them from now on, on links that are encrypted. */
int amble__bearers_listen(struct amble__l2cap *l2cap);
/* Asks the peer for so many, at most AMBLE_L2CAP_GROUP_MAX, and waits for the answer. 0, or why there is none:
 * AMBLE_ERR_NO_MEMORY when the link has as many as it may have, else as amble_l2cap_connect_enhanced. Those that were
 * granted were announced by `bearer_ready`. */
int amble__bearers_connect(amble_connection *conn, unsigned count, uint64_t deadline_us);
/* Puts an SDU behind what waits to be sent. False when the channel has ended or has no room: the peer gave no credits,
 * and made us send all the same. Does not wait. */
bool amble__bearer_send(amble_l2cap_channel *channel, const uint8_t *data, uint16_t size);

/* --- between the files of the room -------------------------------------------------------------------------------- */
amble_l2cap_channel *amble__channel_by_cid(const struct amble__l2cap_link *link, uint16_t cid);
amble_l2cap_channel *amble__channel_by_peer_cid(const struct amble__l2cap_link *link, uint16_t cid);
/* A channel with a CID, CONNECTING; NULL when there is none. */
amble_l2cap_channel *amble__channel_take(struct amble__l2cap_link *link, uint16_t psm,
                                         const amble_l2cap_options *options, amble__channel_kind kind);
/* Options with every default filled in; false for those out of range. */
bool amble__channel_options(const amble__channels *channels, const amble_l2cap_options *given,
                            amble_l2cap_options *options);
/* What the peer said of its end. */
typedef struct {
    uint16_t cid, mtu, mps, credits;
} amble__channel_peer;
void amble__channel_opened(amble_l2cap_channel *channel, const amble__channel_peer *peer);
/* The largest SDU that a send makes. */
static inline uint16_t amble__channel_sdu_size(const amble_l2cap_channel *channel)
{
    return channel->sdu_size < channel->peer_mtu ? channel->sdu_size : channel->peer_mtu;
}
/* This side wants its end; calls return `error` from now on. */
void amble__channel_close(amble_l2cap_channel *channel, int error);
/* It has ended on both sides, or never began. */
void amble__channel_ended(amble_l2cap_channel *channel, int error);
/* Nobody owns it any more. */
void amble__channel_abandon(amble_l2cap_channel *channel);
/* Sends what there are credits and packets for. */
void amble__channels_pump(struct amble__l2cap_link *link);
/* Gives the peer credits when a batch is due. */
void amble__channel_grant(amble_l2cap_channel *channel);
/* How many frames of the peer fit into so much room. */
static inline uint16_t amble__channel_fits(const amble_l2cap_channel *channel, size_t room)
{
    const size_t frames = room / channel->unit;

    return (uint16_t)(frames < AMBLE__CREDITS_MAX ? frames : AMBLE__CREDITS_MAX);
}
/* 0, or why nothing is left to wait for. */
static inline int amble__channel_check(const amble_l2cap_channel *channel)
{
    return channel->state == AMBLE__CHANNEL_OPEN ? 0 : channel->end;
}
#endif
