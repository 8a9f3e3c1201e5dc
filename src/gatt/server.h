/* The GATT server: answers requests from its database, at once or when a task says what (Vol 3 Part F 3.4, Part G 4).
 *
 * It never waits. A request that cannot be answered yet (a full write queue, a value that a task supplies) is held: one per link, its bytes in
 * the link's answer packet, until room or an answer comes, or its time is over. */
#ifndef AMBLE_GATT_SERVER_ROOM_H
#define AMBLE_GATT_SERVER_ROOM_H
#include "att/bearer.h"
#include "gatt/database.h"

typedef struct amble__server amble__server;

typedef struct amble__server_link {
    amble__list node;          /* in the held list of `held` */
    amble__served_value *held; /* NULL: nothing is held */
    bool asks;                 /* a task answers; otherwise the write waits for room in its queue */
    bool taken;                /* a task has it */
    uint8_t opcode;
    uint16_t offset, size; /* of a read; of a write, whose bytes begin the answer packet */
    uint32_t id;
    amble__timer timer;
    amble_connection *conn;
    amble__server *server;
} amble__server_link;

struct amble__server {
    amble__database database;
    amble__server_link *links;
    amble__links *connections;
    amble__att *att;
    int failed; /* 0, or what every wait returns from now on */
    uint64_t held_write_us;
    uint32_t next_id;
};

void amble__server_init(amble__server *server, amble__arena *arena, size_t links, size_t database_size);
void amble__server_open(amble__server *server, amble_connection *conn);
void amble__server_lost(amble_connection *conn);
/* The host ends: so do all waits here. */
void amble__server_fail(amble__server *server, int error);
/* Requests and commands of clients. */
void amble__server_receive(amble__att_bearer *bearer, uint8_t opcode, amble__reader *pdu);
/* The server of a host; host/ knows. */
amble__server *amble__server_of(amble *ble);

/* --- between the files of the server ------------------------------------------------------------------------------ */
/* What a client reads: bytes where they lie, or composed in `scratch`. */
enum { AMBLE__DECLARATION_SIZE = 19 };
amble__bytes amble__attribute_bytes(const amble__attribute *attribute, const amble_connection *conn,
                                    uint8_t scratch[AMBLE__DECLARATION_SIZE]);
/* The ATT error of reading it, or 0. */
uint8_t amble__attribute_read_error(const amble__attribute *attribute);
/* The same for requests that read several values at once: no task can answer those. */
uint8_t amble__attribute_list_error(const amble__attribute *attribute);
/* The requests that look over ranges, server_discovery.c. */
void amble__server_find_information(amble__server_link *link, amble__reader *pdu);
void amble__server_find_by_type_value(amble__server_link *link, amble__reader *pdu);
void amble__server_read_by_type(amble__server_link *link, amble__reader *pdu);
void amble__server_read_by_group_type(amble__server_link *link, amble__reader *pdu);
/* Writes, server_write.c. */
void amble__server_write(amble__server_link *link, uint8_t opcode, amble__reader *pdu);
/* Requests that a task answers, server_ask.c. */
void amble__server_hold(amble__server_link *link, amble__served_value *value, bool asks, uint8_t opcode);
void amble__server_unhold(amble__server_link *link);
#endif
