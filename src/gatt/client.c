/* The links' part of the client, the MTU, and reading, straight-line: each procedure asks, waits, and goes on with the
 * answer (Vol 3 Part G 4.8, 4.12). */
#include "gatt/client.h"

void amble__client_init(amble__client *client, amble__arena *arena, size_t links, size_t entries, uint16_t mtu)
{
    /* A subscription needs at least one buffer, so there can be no more of them than buffers. */
    amble__client_link *slots = amble__arena_take(arena, links, sizeof *slots);
    amble_subscription *subscriptions = amble__arena_take(arena, entries, sizeof *subscriptions);
    amble__value_entry *values = amble__arena_take(arena, entries, sizeof *values);

    if (client)
        amble__list_init(&client->free_entries);
    for (size_t i = 0; i < links; i++) {
        uint8_t *services = amble__arena_take(arena, 1, mtu), *others = amble__arena_take(arena, 1, mtu);

        if (slots) {
            slots[i].services.bytes = services;
            slots[i].others.bytes = others;
        }
    }
    for (size_t i = 0; i < entries; i++) {
        uint8_t *bytes = amble__arena_take(arena, 1, mtu);

        if (client && values) {
            values[i].bytes = bytes;
            amble__list_append(&client->free_entries, &values[i].node);
        }
    }
    if (client) {
        client->links = slots;
        client->subscriptions = subscriptions;
        client->subscription_count = entries;
        client->link_count = links;
        client->mtu = mtu;
    }
}

void amble__client_open(amble__client *client, amble_connection *conn)
{
    amble__client_link *link = &client->links[conn->index];

    link->services.size = link->others.size = 0;
    link->conn = conn;
    link->client = client;
    link->generation = conn->generation;
    link->changed_start = link->changed_end = 0;
    link->service_changed = 0;
    link->no_variable_reads = link->no_multiple_reads = false;
    link->told = 0;
    link->hash_wanted = link->bearers_asked = false;
    link->bearers_due_us = 0;
    link->cache = NULL;
    conn->client = link;
}

int amble__client_check(const amble_connection *conn, uint32_t generation, int timeout_ms)
{
    int r = amble__wait_check();

    if (r < 0)
        return r;
    r = conn ? amble__link_check(conn, generation) : AMBLE_ERR_ARGUMENT;
    if (r < 0)
        return amble__wait_refuse(r);
    /* A remote operation cannot be done without waiting. */
    return timeout_ms == 0 ? amble__wait_refuse(AMBLE_ERR_TIMEOUT) : 0;
}

int amble__client_check_found(const amble_connection *conn, uint32_t generation, uint16_t start, uint16_t end)
{
    const amble__client_link *link;

    if (!conn)
        return AMBLE_ERR_ARGUMENT;
    link = conn->client;
    if (conn->state == AMBLE__LINK_FREE || generation < conn->generation || conn->closed)
        return AMBLE_ERR_STALE; /* of an earlier link, or of one that was closed */
    if (conn->end < 0)
        return conn->end;
    /* Found before the last change, and within what changed. */
    return generation < link->generation && start <= link->changed_end && end >= link->changed_start ? AMBLE_ERR_STALE
                                                                                                     : 0;
}

int amble__client_check_range(const amble_connection *conn, uint32_t generation, uint16_t start, uint16_t end,
                              int timeout_ms)
{
    int r = amble__wait_check();

    if (r < 0)
        return r;
    r = amble__client_check_found(conn, generation, start, end);
    if (r < 0)
        return amble__wait_refuse(r);
    return timeout_ms == 0 ? amble__wait_refuse(AMBLE_ERR_TIMEOUT) : 0;
}

bool amble__client_again(amble__client_call *call, int *result)
{
    if (*result != AMBLE_ERR_ATT(AMBLE__ATT_INSUFFICIENT_AUTHENTICATION) &&
        *result != AMBLE_ERR_ATT(AMBLE__ATT_INSUFFICIENT_ENCRYPTION))
        return false;
    if (!amble__link_secured(call->conn, &call->tried, result, call->deadline_us))
        return false;
    *result = amble__client_check_found(call->conn, call->generation, call->handle, call->handle);
    return *result == 0;
}

int amble_exchange_mtu(amble_connection *conn, int timeout_ms)
{
    const uint64_t deadline = amble__deadline(timeout_ms);
    amble__att_bearer *bearer = conn->bearer;
    amble__reader response;
    amble__writer w;
    int r = amble__wait_check();

    if (r < 0)
        return r;
    if (bearer->mtu_exchanged && conn->end == 0)
        return bearer->mtu;
    if ((r = amble__client_check(conn, conn->generation, timeout_ms)) < 0 ||
        (r = amble__att_begin_on(bearer, deadline, &w)) < 0)
        return r;
    if (bearer->mtu_exchanged) { /* by another task, while this one waited for its turn */
        amble__att_end(bearer);
        return bearer->mtu;
    }
    amble__att_write_mtu(&w, AMBLE__ATT_MTU_REQUEST, bearer->our_mtu);
    r = amble__att_exchange(bearer, &w, AMBLE__ATT_MTU_RESPONSE, deadline, &response);
    if (r < 0)
        return r;
    amble__att_end(bearer);
    return bearer->mtu_exchanged ? bearer->mtu : AMBLE_ERR_PROTOCOL; /* the bearer took it when it came */
}

/* --- reading ------------------------------------------------------------------------------------------------------ */
/* One Read or Read Blob: copies at most `size` bytes out and returns how many the server sent. `*full` is how many it
 * would send if there were more, by the MTU when it was asked: it may answer before it learns of a larger one. */
static int read_part(amble_connection *conn, uint16_t handle, size_t offset, uint8_t *buffer, size_t size,
                     uint64_t deadline_us, size_t *full)
{
    amble__att_bearer *bearer;
    amble__reader response;
    amble__writer w;
    amble__bytes part;
    int r = amble__att_begin(conn, AMBLE__ATT_ANY, deadline_us, &bearer, &w);

    if (r < 0)
        return r;
    *full = amble__write_room(&w) - 1;
    if (offset)
        amble__att_write_blob(&w, handle, (uint16_t)offset);
    else
        amble__att_write_handle(&w, AMBLE__ATT_READ_REQUEST, handle);
    r = amble__att_exchange(bearer, &w, offset ? AMBLE__ATT_READ_BLOB_RESPONSE : AMBLE__ATT_READ_RESPONSE, deadline_us,
                            &response);
    if (r < 0)
        return r;
    part = amble__read_rest(&response);
    if (part.size && size && buffer)
        memcpy(buffer, part.data, part.size < size ? part.size : size);
    amble__att_end(bearer);
    return (int)part.size;
}

static bool means_the_end(int r)
{
    return r == AMBLE_ERR_ATT(AMBLE__ATT_INVALID_OFFSET) || r == AMBLE_ERR_ATT(AMBLE__ATT_ATTRIBUTE_NOT_LONG);
}

int amble__client_read(amble_connection *conn, uint16_t handle, uint8_t *buffer, size_t size, uint64_t deadline_us)
{
    size_t got = 0;

    for (;;) {
        uint8_t *const room = size > got ? buffer + got : NULL; /* no buffer at all is fine for a size of 0 */
        size_t full;
        const int r = read_part(conn, handle, got, room, size - got, deadline_us, &full);

        if (got && means_the_end(r))
            return (int)got;
        if (r < 0)
            return r;
        if ((size_t)r > size - got)
            return AMBLE_ERR_TOO_LONG;
        got += (size_t)r;
        if ((size_t)r < full || got >= AMBLE__ATT_VALUE_MAX)
            return (int)got;
    }
}

int amble__client_read_by_type(amble_connection *conn, uint16_t type, uint16_t *handle, uint8_t *bytes, size_t size,
                               uint64_t deadline_us)
{
    const amble__att_range range = {.start = 1, .end = UINT16_MAX, .type = {2, {(uint8_t)type, (uint8_t)(type >> 8)}}};
    const uint8_t opcode = AMBLE__ATT_READ_BY_TYPE_RESPONSE;
    amble__att_entry entry = {.handle = 0};
    amble__att_bearer *bearer;
    amble__reader response;
    amble__writer w;
    size_t entry_size;
    int r = amble__att_begin(conn, AMBLE__ATT_ANY, deadline_us, &bearer, &w);

    if (r < 0)
        return r;
    amble__att_write_range(&w, AMBLE__ATT_READ_BY_TYPE_REQUEST, &range);
    r = amble__att_exchange(bearer, &w, opcode, deadline_us, &response);
    if (r < 0)
        return r;
    r = AMBLE_ERR_PROTOCOL;
    if (amble__att_begin_entries(&response, opcode, &entry_size) &&
        amble__att_next_entry(&response, opcode, entry_size, &entry)) {
        r = (int)entry.value.size;
        *handle = entry.handle;
        if (size > entry.value.size)
            size = entry.value.size;
        if (size)
            memcpy(bytes, entry.value.data, size);
    }
    amble__att_end(bearer);
    return r;
}

static int read_whole(amble_connection *conn, uint32_t generation, uint16_t handle, void *buffer, size_t size,
                      int timeout_ms)
{
    amble__client_call call = amble__client_call_of(conn, generation, handle, timeout_ms);
    int r = amble__client_check_handle(conn, generation, handle, timeout_ms);

    if (r < 0)
        return r;
    do
        r = amble__client_read(conn, handle, buffer, size, call.deadline_us);
    while (amble__client_again(&call, &r));
    return amble__client_heed(conn, r);
}

int amble_read(const amble_remote_characteristic *c, void *buffer, size_t size, int timeout_ms)
{
    return read_whole(c->conn, c->generation, c->value_handle, buffer, size, timeout_ms);
}

int amble_read_descriptor(const amble_remote_descriptor *d, void *buffer, size_t size, int timeout_ms)
{
    return read_whole(d->conn, d->generation, d->handle, buffer, size, timeout_ms);
}
