/* The GATT server: answers requests from its database, at once or when a task says what (Vol 3 Part F 3.4, Part G 4).
 *
 * It never waits. A request that cannot be answered yet (a full write queue, a value that a task supplies) is held: one
 * per bearer, its bytes in the bearer's answer packet, until room or an answer comes, or its time is over. */
#ifndef AMBLE_GATT_SERVER_ROOM_H
#define AMBLE_GATT_SERVER_ROOM_H
#include "att/bearer.h"
#include "gatt/database.h"
#include "gatt/gatt_service.h"

typedef struct amble__server amble__server;

/* What a client knows of the database, Vol 3 Part G 2.5.2.1. */
typedef enum {
    AMBLE__CHANGE_AWARE,
    AMBLE__CHANGE_UNAWARE,
    AMBLE__CHANGE_TOLD, /* it was told, or read the hash: aware with its next request */
} amble__awareness;

/* What the server keeps for one client, however many bearers it has. */
typedef struct {
    uint8_t features; /* Client Supported Features */
    amble__awareness awareness;
    uint16_t changed_start, changed_end; /* range that it is to be told of; 0: none */
    bool told_alone;                     /* it had one bearer when it was told of the last */
    uint8_t *prepared;                   /* parts, each a handle, an offset and a size before its bytes */
    size_t prepared_size;
    bool given_back;    /* what was kept in the client's bond */
    bool kept_too_much; /* there was a warning: not everything can be kept */
} amble__server_client;

/* What it keeps for one bearer: the request that is being answered. A connection knows the one of its fixed channel. */
typedef struct amble__server_link {
    amble__list node;          /* in the held list of `held` */
    amble__served_value *held; /* NULL: nothing is held */
    bool asks;                 /* a task answers; otherwise the write waits for room in its queue */
    bool taken;                /* a task has it */
    bool refused;              /* the client was told 0x12 here, since the last change that it does not know */
    uint8_t opcode;
    uint16_t offset, size; /* of a read; of a write, whose bytes begin the answer packet, or `prepared` */
    uint32_t id;
    amble__timer timer;
    amble__server_client *client;
    amble__att_bearer *bearer;
    amble_connection *conn;
    amble__server *server;
} amble__server_link;

struct amble__server {
    amble__database database;
    amble__server_client *clients; /* one per link */
    amble__server_link *links;     /* one per bearer, those of a link side by side */
    size_t link_count, bearers;    /* in all; of one link */
    amble__links *connections;
    amble__att *att;
    size_t prepare_size; /* bytes that the parts of one link may take */
    int failed;          /* 0, or what every wait returns from now on */
    uint64_t held_write_us;
    uint32_t next_id;
};

/* So many links with so many bearers each. */
void amble__server_init(amble__server *server, amble__arena *arena, size_t links, size_t bearers, size_t database_size,
                        size_t prepare_size);
void amble__server_open(amble__server *server, amble_connection *conn);
void amble__server_lost(amble_connection *conn);
/* An enhanced bearer is gone: what is held there is dropped. */
void amble__server_bearer_closed(amble__att_bearer *bearer);
/* The host ends: so do all waits here. */
void amble__server_fail(amble__server *server, int error);
/* Requests and commands of clients. */
void amble__server_receive(amble__att_bearer *bearer, amble__bytes pdu);
/* For the bearer: the Service Changed that it owes a client, and that the client has confirmed it. */
bool amble__server_owed(amble__att_bearer *bearer, amble__writer *w);
void amble__server_confirmed(amble__att_bearer *bearer);
/* The link is encrypted with the key of a bond, or its bond was made: what is kept of the client holds on this link. */
void amble__server_bonded(amble_connection *conn);
/* The server of a host: its first member, as host/host.c asserts. */
static inline amble__server *amble__server_of(amble *ble) { return (amble__server *)(void *)ble; }

/* --- between the files of the server ------------------------------------------------------------------------------ */
/* What a client reads: bytes where they lie, or composed in `scratch`. */
amble__bytes amble__attribute_bytes(const amble__attribute *attribute, const amble__server_link *link,
                                    uint8_t scratch[AMBLE__DECLARATION_SIZE]);
/* The ATT error of reading it, or 0. */
uint8_t amble__attribute_read_error(const amble__attribute *attribute, const amble_connection *conn);
/* The same for requests that read several values at once: no task can answer those. */
uint8_t amble__attribute_list_error(const amble__attribute *attribute, const amble_connection *conn);
/* The ATT error of a link that is not protected so well, or whose peer was not let in; or 0. Most attributes are open
 * to all. */
uint8_t amble__server_guard_closed(const amble_connection *conn, amble_security wanted, bool authorised);
static inline uint8_t amble__server_guard(const amble_connection *conn, amble_security wanted, bool authorised)
{
    return wanted == AMBLE_OPEN && !authorised ? 0 : amble__server_guard_closed(conn, wanted, authorised);
}
/* Read, Read Blob, Read Multiple and its variable form, server_read.c. */
void amble__server_read(amble__server_link *link, amble__bytes pdu);
void amble__server_read_multiple(amble__server_link *link, uint8_t opcode, amble__reader *pdu);
/* The requests that look over ranges, server_discovery.c. */
void amble__server_find_information(amble__server_link *link, amble__reader *pdu);
void amble__server_find_by_type_value(amble__server_link *link, amble__reader *pdu);
void amble__server_read_by_type(amble__server_link *link, amble__reader *pdu);
void amble__server_read_by_group_type(amble__server_link *link, amble__reader *pdu);
/* Writes, server_write.c. */
void amble__server_write(amble__server_link *link, amble__bytes pdu);
void amble__server_write_command(amble__server_link *link, amble__bytes pdu);
uint8_t amble__server_write_error(const amble__attribute *attribute, const amble_connection *conn, uint8_t opcode,
                                  size_t size);
/* The ATT error of writing so much there, or 0. */
uint8_t amble__server_size_error(const amble__attribute *attribute, size_t size);
/* A write without an answer, unless there is an error. */
void amble__server_command(amble__server_link *link, const amble__attribute *attribute, uint8_t error,
                           amble__bytes data);
/* A signed one, server_signed.c. */
void amble__server_write_signed(amble__server_link *link, amble__bytes body);
/* An answer that is its opcode. */
void amble__server_answer_empty(amble__server_link *link, uint8_t opcode);
/* The write that has waited longest for room in the value's queue; NULL: none. */
amble__server_link *amble__server_held_write(const amble__served_value *value);
/* Writes in parts, server_prepare.c. */
void amble__server_prepare(amble__server_link *link, amble__reader *pdu);
void amble__server_execute(amble__server_link *link, amble__reader *pdu);
/* Its turn has come: there is room in the queue of the value it was held for. */
void amble__server_execute_held(amble__server_link *link, const amble__served_value *value);
/* What clients know of the database, server_change.c: whether this request or command may go on. */
bool amble__server_admits(amble__server_link *link, amble__bytes pdu);
/* Whether values may be sent to this client now: not before it knows what changed. */
static inline bool amble__server_may_tell(const amble__server_link *link)
{
    return link->client->awareness == AMBLE__CHANGE_AWARE || !(link->client->features & AMBLE__FEATURE_ROBUST_CACHING);
}
/* It changed in this range, as far as this client is concerned. */
void amble__server_note_change(amble__server_link *link, uint16_t start, uint16_t end);
/* What the client asked for: AMBLE__CCCD_... */
static inline unsigned amble__server_subscribed(const amble__served_value *value, const amble_connection *conn)
{
    return value->subscriptions[conn->index] & (AMBLE__CCCD_NOTIFY | AMBLE__CCCD_INDICATE);
}
/* Something of what is kept of a client with a bond may have changed, server_bond.c. */
void amble__server_keep(amble__server_link *link);
/* Requests that a task answers, server_ask.c. */
void amble__server_hold(amble__server_link *link, amble__served_value *value, bool asks, uint8_t opcode);
void amble__server_unhold(amble__server_link *link);
/* Answers a held request with an error. */
void amble__server_refuse(amble__server_link *link, uint8_t error);
#endif
