/* The GATT client: procedures on the caller's task, and the table of subscriptions that receives what servers send
 * unasked.
 *
 * Per link it keeps the last lists that discovery brought, so that asking for one thing after the other costs one
 * request for many. A link whose database is followed also keeps every list, under the peer's device and the hash of
 * its database, for the next link. Subscriptions come from one table of the host; each owns as many entries of the
 * host's buffers as its queue is deep. */
#ifndef AMBLE_GATT_CLIENT_ROOM_H
#define AMBLE_GATT_CLIENT_ROOM_H
#include <amble/gatt_client.h>

#include "att/bearer.h"
#include "gatt/value_queue.h"

typedef struct amble__client amble__client;

struct amble_subscription {
    bool used;
    bool indicate;
    bool stale;                 /* the server changed what it was about */
    uint8_t confirmations_owed; /* the queue is full: the server has to wait; a bit for each bearer of the link */
    uint16_t value_handle, cccd;
    amble_connection *conn;
    uint32_t generation;
    amble__value_queue queue;
    amble__timer confirmation_timer;
    amble__client *client;
};

/* What discovery brought from one peer: requests with their responses, one behind the other. They hold as long as the
 * hash does. All of it is plain bytes, so that a store of bonds may keep it. */
typedef struct {
    bool known; /* there is a hash */
    amble_device device;
    uint8_t hash[16];
    uint64_t used_us; /* the last time */
    size_t size;
    uint8_t *records;
} amble__client_cache;

/* A list response, opcode included, and the range it was asked for. */
typedef struct {
    uint8_t *bytes;
    size_t size;
    uint16_t start, end;
} amble__client_list;

typedef struct amble__client_link {
    amble__client_list services, others;       /* the last ones: a walk through services looks into each */
    uint32_t generation;                       /* of what is found now */
    uint16_t changed_start, changed_end;       /* what was found here by an earlier generation is stale */
    uint16_t service_changed;                  /* value handle, 0: not known */
    bool no_variable_reads, no_multiple_reads; /* the server does not know these requests */
    uint8_t told;                              /* Client Supported Features that the server was told on this link */
    bool hash_wanted;           /* something changed: the host reads the hash, see amble__client_become_aware */
    bool bearers_asked;         /* the host has opened enhanced bearers, or tried, or will */
    uint64_t bearers_due_us;    /* when it will; 0: it did */
    amble__client_cache *cache; /* NULL: the database is not followed */
    amble_connection *conn;
    amble__client *client;
} amble__client_link;

struct amble__client {
    amble__client_link *links;
    amble_subscription *subscriptions;
    size_t subscription_count;
    amble__list free_entries; /* amble__value_entry */
    amble__client_cache *caches;
    size_t cache_count, cache_size, link_count;
    uint16_t mtu;
    uint64_t dropped;
    void (*work)(amble_connection *conn); /* Set by the host, which then does what is wanted; NULL: nobody does */
};

void amble__client_init(amble__client *client, amble__arena *arena, size_t links, size_t entries, uint16_t mtu);
void amble__client_cache_init(amble__client *client, amble__arena *arena, size_t peers, size_t size);
void amble__client_open(amble__client *client, amble_connection *conn);
/* The link is gone: who waits for its values is told. */
void amble__client_lost(amble_connection *conn);
/* An enhanced bearer is gone, and with it what was owed there. */
void amble__client_bearer_closed(amble__att_bearer *bearer);
/* Notifications and indications. */
void amble__client_receive(amble__att_bearer *bearer, amble__bytes pdu);
/* The connection is about to be closed: its subscriptions lose it. */
void amble__client_forget(amble__client *client, const amble_connection *conn);
/* Looks for the CCCD of a characteristic. */
int amble__client_find_cccd(const amble_remote_characteristic *c, uint16_t *handle, uint64_t deadline_us);
/* One Write Request. */
int amble__client_write(amble_connection *conn, uint16_t handle, const void *data, size_t size, uint64_t deadline_us);
/* The value of the first attribute of this type: its size, of which at most `size` bytes are copied.
 * AMBLE_ERR_ATT(0x0A): there is none. */
int amble__client_read_by_type(amble_connection *conn, uint16_t type, uint16_t *handle, uint8_t *bytes, size_t size,
                               uint64_t deadline_us);
/* Whether enhanced bearers may be opened: 1, when the server has them and was told that this client has, else 0.
 * client_bearers.c */
int amble__client_offer_bearers(amble_connection *conn, uint64_t deadline_us);
/* A client with several bearers is aware of a change once it read the hash while nothing else was under way, and then
 * asked for anything; until then the server sends it no values (Vol 3 Part G 2.5.2.1). client_bearers.c */
int amble__client_become_aware(amble_connection *conn, uint64_t deadline_us);
/* One value, however long. */
int amble__client_read(amble_connection *conn, uint16_t handle, uint8_t *buffer, size_t size, uint64_t deadline_us);
/* What every function of the client asks first: may this task wait, is the link the right one and alive, is there time
 * at all; and is what was found there still what it was. */
int amble__client_check(const amble_connection *conn, uint32_t generation, int timeout_ms);
int amble__client_check_range(const amble_connection *conn, uint32_t generation, uint16_t start, uint16_t end,
                              int timeout_ms);
static inline int amble__client_check_handle(const amble_connection *conn, uint32_t generation, uint16_t handle,
                                             int timeout_ms)
{
    return amble__client_check_range(conn, generation, handle, handle, timeout_ms);
}
/* Only the last: 0, STALE, or why the link is down. Does not wait. */
int amble__client_check_found(const amble_connection *conn, uint32_t generation, uint16_t start, uint16_t end);
/* A call whose request may be refused for want of security, and repeated once on a link that is secured then,
 * amble_pair_on_demand. */
typedef struct {
    amble_connection *conn;
    uint32_t generation; /* of the handle, which may be stale by then */
    uint16_t handle;
    bool tried;
    uint64_t deadline_us;
} amble__client_call;
static inline amble__client_call amble__client_call_of(amble_connection *conn, uint32_t generation, uint16_t handle,
                                                       int timeout_ms)
{
    return (amble__client_call){
        .conn = conn, .generation = generation, .handle = handle, .deadline_us = amble__deadline(timeout_ms)};
}
/* Whether to repeat it after this result, which says why not when it is to end. */
bool amble__client_again(amble__client_call *call, int *result);
/* The server's services changed: what was found in this range is stale. */
void amble__client_changed(amble_connection *conn, uint16_t start, uint16_t end);
void amble__client_stale_subscriptions(const amble_connection *conn, uint16_t start, uint16_t end);
/* A result of the server: that the client's picture is out of date (0x12) becomes AMBLE_ERR_STALE. */
int amble__client_heed(amble_connection *conn, int result);
/* The remembered response to a request: true, with the response in the list. */
bool amble__client_recall(const amble__client_link *link, amble__client_list *list, const uint8_t *request,
                          size_t size);
/* Keeps the list, which is empty if nothing was found, as the response to the request, if there is room. */
void amble__client_remember(amble__client_link *link, const amble__client_list *list, const uint8_t *request,
                            size_t size);
/* The server said what makes no sense: nothing of it is kept. Returns AMBLE_ERR_PROTOCOL. */
int amble__client_distrust(amble__client_link *link);
#endif
