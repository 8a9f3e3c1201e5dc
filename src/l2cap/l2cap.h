/* L2CAP on LE links: reassembly, the fixed channels, signalling (Vol 3 Part A).
 *
 * A frame that lies in one ACL packet is handed on where it lies; one in fragments is put together in its link's own
 * buffer first. The receiver of a channel gets a view and never keeps it. */
#ifndef AMBLE_L2CAP_L2CAP_H
#define AMBLE_L2CAP_L2CAP_H
#include "l2cap/channel.h"
#include "l2cap/signalling.h"
#include "link/connection.h"

/* Fixed channels, 2.1. */
enum { AMBLE__CID_ATT = 4, AMBLE__CID_SIGNALLING = 5, AMBLE__CID_SECURITY = 6 };
/* Boundaries of ACL fragments from a controller, Vol 4 Part E 5.4.2. */
enum { AMBLE__BOUNDARY_CONTINUE = 1, AMBLE__BOUNDARY_FIRST = 2, AMBLE__BOUNDARY_FIRST_NO_FLUSH = 0 };
enum { AMBLE__L2CAP_HEADER = 4 };

/* The frame that a link's fragments belong to: there was none yet; it is being put together; or it was handed on or was
 * too long, and what still comes of it is dropped. */
typedef enum { AMBLE__FRAME_NONE, AMBLE__FRAME_UNDER_WAY, AMBLE__FRAME_OVER } amble__l2cap_frame;

typedef struct amble__l2cap amble__l2cap;
typedef struct amble__l2cap_link {
    uint8_t *buffer; /* one frame, header included */
    size_t capacity, filled;
    amble__l2cap_frame frame;
    amble__signalling signalling;
    amble__link_channels channels;
    amble__packet security_reply;
    amble_connection *conn;
    amble__l2cap *l2cap;
} amble__l2cap_link;

struct amble__l2cap {
    amble__l2cap_link *links;
    size_t mtu; /* of ATT */
    amble__channels channels;
    uint64_t malformed;
    void (*att)(amble_connection *conn, const uint8_t *data, size_t size);
    void (*security)(amble_connection *conn, const uint8_t *data, size_t size);
    /* A peripheral asks for other connection parameters, which are in range. True: it is told yes, and whoever said so
     * sees to it. NULL: it is told no. */
    bool (*parameters_asked)(amble_connection *conn, const amble__parameter_wishes *wishes);
    /* A channel that is to carry ATT can be used, or the peer's MTU grew; a whole SDU came; it has ended, and is not
     * ATT's any more. */
    void (*bearer_ready)(amble_l2cap_channel *channel);
    void (*bearer_received)(amble_l2cap_channel *channel, const uint8_t *sdu, size_t size);
    void (*bearer_ended)(amble_l2cap_channel *channel);
};

void amble__l2cap_init(amble__l2cap *l2cap, amble__arena *arena, const amble__l2cap_sizes *sizes);
void amble__l2cap_open(amble__l2cap *l2cap, amble_connection *conn);
/* The link is gone. */
void amble__l2cap_lost(amble_connection *conn);
/* A fragment from the controller. */
void amble__l2cap_receive(amble_connection *conn, const uint8_t *data, size_t size, unsigned boundary);
/* What the program asks of the host for all links, see amble/l2cap.h. */
int amble__l2cap_listen(amble__l2cap *l2cap, uint16_t psm, const amble_l2cap_options *options);
int amble__l2cap_unlisten(amble__l2cap *l2cap, uint16_t psm);
/* Sends a packet whose payload of `packet->size` bytes is written; owns it from now on, on a dead link too. */
void amble__l2cap_send(amble_connection *conn, uint16_t cid, amble__packet *packet);
#endif
