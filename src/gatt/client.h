/* The GATT client: procedures on the caller's task, and the table of subscriptions that receives what servers send unasked.
 *
 * Per link it keeps the last list that discovery brought, so that asking for one thing after the other costs one request for many.
 * Subscriptions come from one table of the host; each owns as many entries of the host's buffers as its queue is deep. */
#ifndef AMBLE_GATT_CLIENT_ROOM_H
#define AMBLE_GATT_CLIENT_ROOM_H
#include <amble/gatt_client.h>

#include "att/bearer.h"
#include "gatt/value_queue.h"

typedef struct amble__client amble__client;

struct amble_subscription {
    bool used;
    bool indicate;
    bool confirmation_owed; /* the queue is full: the server has to wait */
    uint16_t value_handle, cccd;
    amble_connection *conn;
    uint32_t generation;
    amble__value_queue queue;
    amble__timer confirmation_timer;
    amble__client *client;
};

typedef struct amble__client_link {
    uint8_t *list; /* the last list response, opcode included */
    size_t list_size;
    uint16_t list_start, list_end; /* the range it was asked for */
    amble_connection *conn;
    amble__client *client;
} amble__client_link;

struct amble__client {
    amble__client_link *links;
    amble_subscription *subscriptions;
    size_t subscription_count;
    amble__list free_entries; /* amble__value_entry */
    uint16_t mtu;
    uint64_t dropped;
};

void amble__client_init(amble__client *client, amble__arena *arena, size_t links, size_t entries, uint16_t mtu);
void amble__client_open(amble__client *client, amble_connection *conn);
/* The link is gone: who waits for its values is told. */
void amble__client_lost(amble_connection *conn);
/* Notifications and indications. */
void amble__client_receive(amble__att_bearer *bearer, uint8_t opcode, amble__reader *pdu);
/* The connection is about to be closed: its subscriptions lose it. */
void amble__client_forget(amble__client *client, const amble_connection *conn);
/* Looks for the CCCD of a characteristic. */
int amble__client_find_cccd(const amble_remote_characteristic *c, uint16_t *handle, uint64_t deadline_us);
/* One Write Request. */
int amble__client_write(amble_connection *conn, uint16_t handle, const void *data, size_t size, uint64_t deadline_us);
/* What every function of the client asks first: may this task wait, is the link the right one and alive, is there time at all. */
int amble__client_check(const amble_connection *conn, uint32_t generation, int timeout_ms);
#endif
