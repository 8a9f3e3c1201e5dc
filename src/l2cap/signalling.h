/* The signalling channel of an LE link (Vol 3 Part A 4): one command per frame, at most 23 bytes.
 *
 * The peer's requests are answered from a table that never waits. Requests of ours are small procedures on their
 * caller's task:
 *
 *     amble__signalling_begin(conn, code, deadline, &request, &w)    waits for a place, gives the room to write
 *     ... write the data ...
 *     amble__signalling_exchange(request, &w, deadline, &response)   sends, waits, gives the response
 *
 * Several requests may be under way, each with its own identifier. A caller that gives up in between leaves its place
 * taken until the answer comes or the response timeout expires; so a late answer never meets another request. What an
 * answer means for the state of a channel is done in `answered`, before any task runs: the peer's next frame may count
 * on it already. */
#ifndef AMBLE_L2CAP_SIGNALLING_H
#define AMBLE_L2CAP_SIGNALLING_H
#include "link/connection.h"

enum { AMBLE__SIGNALLING_MTU = 23, AMBLE__SECURITY_MTU = 65 /* Vol 3 Part H 3.2 */, AMBLE__SIGNALLING_HEADER = 4 };
/* The response timeout, 6.2.1: 1 to 60 s. GAP has 30 s for connection parameters, Vol 3 Part C 9.3.9.2, A.1. */
enum { AMBLE__SIGNALLING_RTX_MS = 30000 };
enum { AMBLE__SIGNALLING_ERTX_MS = 60000 }; /* once the peer said that its answer is pending, 6.2.2 */
enum { AMBLE__SIGNALLING_REQUESTS = 4, AMBLE__SIGNALLING_ANSWERS = 4 }; /* under way on one link */

/* Codes, 4, table 4.2. */
enum {
    AMBLE__COMMAND_REJECT = 0x01,
    AMBLE__DISCONNECTION_REQUEST = 0x06,
    AMBLE__DISCONNECTION_RESPONSE = 0x07,
    AMBLE__PARAMETER_UPDATE_REQUEST = 0x12,
    AMBLE__PARAMETER_UPDATE_RESPONSE = 0x13,
    AMBLE__LE_CONNECTION_REQUEST = 0x14,
    AMBLE__LE_CONNECTION_RESPONSE = 0x15,
    AMBLE__FLOW_CONTROL_CREDIT = 0x16,
    AMBLE__CONNECTION_REQUEST = 0x17, /* enhanced: several channels at once */
    AMBLE__CONNECTION_RESPONSE = 0x18,
    AMBLE__RECONFIGURE_REQUEST = 0x19,
    AMBLE__RECONFIGURE_RESPONSE = 0x1a,
};
/* Reasons of Command Reject, 4.1. */
enum { AMBLE__REJECT_NOT_UNDERSTOOD = 0, AMBLE__REJECT_MTU_EXCEEDED = 1, AMBLE__REJECT_INVALID_CID = 2 };

typedef enum { AMBLE__REQUEST_FREE, AMBLE__REQUEST_TAKEN, AMBLE__REQUEST_SENT } amble__request_state;

/* The data of a response. */
typedef struct {
    size_t size;
    uint8_t bytes[AMBLE__SIGNALLING_MTU - AMBLE__SIGNALLING_HEADER];
} amble__signalling_response;

/* One request of ours. */
typedef struct amble__signalling_request {
    amble__request_state state;
    uint8_t code, identifier;
    amble__list answer;   /* who waits for the answer: one, or nobody any more */
    amble__timer timer;   /* the response timeout, while SENT */
    amble__packet packet; /* the command on its way out */
    struct amble__l2cap_link *link;
    /* Set between begin and exchange, or NULL: told of the answer, in the receive path. `error` 0 and the response's
     * data; or AMBLE_ERR_L2CAP_REJECT(...), AMBLE_ERR_PROTOCOL, or AMBLE_ERR_TIMEOUT when none came. Returns the error
     * for the task that waits. */
    int (*answered)(struct amble__signalling_request *request, int error, amble__reader response);
    void *subject; /* for `answered` */
} amble__signalling_request;

/* The signalling of one link. */
typedef struct {
    amble__signalling_request requests[AMBLE__SIGNALLING_REQUESTS];
    amble__list waiters; /* for a place among the requests */
    uint8_t last_identifier;
    amble__packet answers[AMBLE__SIGNALLING_ANSWERS];
} amble__signalling;

void amble__signalling_init(amble__signalling *signalling, amble__arena *arena);
void amble__signalling_open(struct amble__l2cap_link *link);
void amble__signalling_lost(struct amble__l2cap_link *link);

/* --- requests ----------------------------------------------------------------------------------------------------- */
/* A place for a request with this code; waits for one. */
int amble__signalling_begin(amble_connection *conn, uint8_t code, uint64_t deadline_us,
                            amble__signalling_request **request, amble__writer *w);
/* The same for what the host owes the peer: NULL when every place is taken. */
amble__signalling_request *amble__signalling_try(struct amble__l2cap_link *link, uint8_t code, amble__writer *w);
/* Sends what was written, and leaves the answer to `answered`. */
void amble__signalling_post(amble__signalling_request *request, const amble__writer *w);
/* A command that no answer belongs to, on a packet of the caller's: its header with the length left open, and off it
 * goes. */
uint8_t amble__signalling_identifier(struct amble__l2cap_link *link);
amble__writer amble__signalling_begin_command(amble__packet *packet, uint8_t code, uint8_t identifier);
void amble__signalling_send_command(const struct amble__l2cap_link *link, amble__packet *packet,
                                    const amble__writer *w);
/* Sends it and waits for the response. Whatever it returns, the request is not the caller's any more. */
int amble__signalling_exchange(amble__signalling_request *request, const amble__writer *w, uint64_t deadline_us,
                               amble__signalling_response *response);

/* --- connection parameters, 4.20, 4.21 ---------------------------------------------------------------------------- */
typedef struct {
    uint16_t interval_min, interval_max; /* in 1.25 ms */
    uint16_t latency;                    /* connection events */
    uint16_t timeout;                    /* in 10 ms */
} amble__parameter_wishes;

/* Asks the central for other parameters. 0: it will see to it; AMBLE_ERR_HCI(0x3B): it refused; AMBLE_ERR_ARGUMENT as
 * the central's side, or for wishes out of range. */
int amble__signalling_ask_parameters(amble_connection *conn, const amble__parameter_wishes *wishes,
                                     uint64_t deadline_us);

/* --- the peer's commands ------------------------------------------------------------------------------------------ */
/* A frame on the signalling channel. */
void amble__signalling_receive(struct amble__l2cap_link *link, const uint8_t *data, size_t size);
/* One that is longer than can be received: its first bytes. */
void amble__signalling_oversized(struct amble__l2cap_link *link, const uint8_t *data, size_t size);
/* A writer on a free answer packet, with the header written; sends it when done. `w->failed` from the start: every
 * answer is still on its way to the controller, and this one is lost. */
typedef struct {
    amble__writer w;
    amble__packet *packet;
    struct amble__l2cap_link *link;
} amble__signalling_answer;
amble__signalling_answer amble__signalling_answer_begin(struct amble__l2cap_link *link, uint8_t code,
                                                        uint8_t identifier);
void amble__signalling_answer_send(const amble__signalling_answer *answer);
void amble__signalling_reject(struct amble__l2cap_link *link, uint8_t identifier, uint16_t reason,
                              const uint16_t *values, int count);
#endif
