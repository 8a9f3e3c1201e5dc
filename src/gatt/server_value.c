/* What the program does with its own values: reads and sets them, notifies, indicates. */
#include "gatt/server.h"

int amble_local_read(amble *ble, const amble_characteristic *c, void *buffer, size_t size)
{
    amble__served_value *value = amble__database_find(&amble__server_of(ble)->database, c);
    int got;

    if (!value)
        return AMBLE_ERR_NOT_FOUND;
    if (value->size > size)
        return AMBLE_ERR_TOO_LONG;
    got = value->size;
    if (got)
        memcpy(buffer, value->value, value->size);
    if (c->append)
        value->size = 0;
    return got;
}

int amble_local_write(amble *ble, const amble_characteristic *c, const void *data, size_t size)
{
    amble__served_value *value = amble__database_find(&amble__server_of(ble)->database, c);

    if (!value)
        return AMBLE_ERR_NOT_FOUND;
    if (size > value->max_size)
        return AMBLE_ERR_TOO_LONG;
    value->size = (uint16_t)size;
    if (size)
        memcpy(value->value, data, size);
    return 0;
}

/* What this client asked for, and is to have. */
static unsigned subscribed(const amble__served_value *value, const amble_connection *conn)
{
    return value->definition->read_authorised && !conn->authorised ? 0 : amble__server_subscribed(value, conn);
}

unsigned amble_subscribed(const amble_connection *conn, const amble_characteristic *c)
{
    const amble__served_value *value = amble__database_find(&conn->server->server->database, c);

    return value && value->subscriptions && conn->state == AMBLE__LINK_LIVE && amble__server_may_tell(conn->server)
               ? subscribed(value, conn)
               : 0;
}

/* --- telling one -------------------------------------------------------------------------------------------------- */
/* What is to be sent: the data, or without any the value as it is now. */
static amble__bytes content(const amble__served_value *value, const void *data, size_t size)
{
    return data ? (amble__bytes){.data = data, .size = size}
                : (amble__bytes){.data = value->value, .size = value->size};
}

static size_t most_for(const amble_connection *conn)
{
    const size_t room = conn->bearer->mtu - 3u;

    return room < AMBLE__ATT_VALUE_MAX ? room : AMBLE__ATT_VALUE_MAX;
}

static const amble__served_value *served(const amble_connection *conn, const amble_characteristic *c)
{
    return amble__database_find(&conn->server->server->database, c);
}

/* Why the data, or without any the value, cannot be sent to this one now; 0 if it can. */
static inline int obstacle(amble_connection *conn, const amble__served_value *value, unsigned wanted, const void *data,
                           size_t size)
{
    if (conn->end < 0)
        return amble__wait_refuse(conn->end);
    if (!value)
        return AMBLE_ERR_NOT_FOUND;
    if (wanted == AMBLE__CCCD_NOTIFY ? !value->definition->notify : !value->definition->indicate)
        return AMBLE_ERR_UNSUPPORTED;
    if (!(subscribed(value, conn) & wanted) || !amble__server_may_tell(conn->server))
        return AMBLE_ERR_NOT_SUBSCRIBED;
    return content(value, data, size).size > most_for(conn) ? AMBLE_ERR_TOO_LONG : 0;
}

/* The value, if it is still served and still wanted after a wait. */
static inline const amble__served_value *still(const amble_connection *conn, const amble_characteristic *c,
                                               unsigned wanted)
{
    const amble__served_value *value = served(conn, c);

    return value && subscribed(value, conn) & wanted ? value : NULL;
}

int amble_notify(amble_connection *conn, const amble_characteristic *c, const void *data, size_t size, int timeout_ms)
{
    const amble__served_value *value;
    amble__packet *packet;
    amble__bytes bytes;
    amble__writer w;
    int r = amble__wait_check();

    if (r < 0)
        return r;
    value = served(conn, c);
    r = obstacle(conn, value, AMBLE__CCCD_NOTIFY, data, size);
    if (r < 0)
        return r;
    r = amble__att_take(conn->bearer, amble__due(timeout_ms), &packet, &w);
    if (r < 0)
        return r;
    if (r > 0 && !(value = still(conn, c, AMBLE__CCCD_NOTIFY))) {
        amble__packet_release(packet);
        return AMBLE_ERR_NOT_SUBSCRIBED;
    }
    bytes = content(value, data, size);
    amble__att_write_value(&w, AMBLE__ATT_NOTIFICATION, value->handle, bytes.data, bytes.size);
    return amble__att_send(conn->bearer, packet, &w);
}

int amble_indicate(amble_connection *conn, const amble_characteristic *c, const void *data, size_t size, int timeout_ms)
{
    const uint64_t deadline = amble__due(timeout_ms);
    const amble__served_value *value = served(conn, c);
    amble__bytes bytes;
    amble__writer w;
    int r = amble__wait_check();

    if (r || (r = obstacle(conn, value, AMBLE__CCCD_INDICATE, data, size)) ||
        (r = amble__att_begin_indication(conn->bearer, deadline, &w)) < 0)
        return r;
    if (!(value = still(conn, c, AMBLE__CCCD_INDICATE))) {
        amble__att_end_indication(conn->bearer);
        return AMBLE_ERR_NOT_SUBSCRIBED;
    }
    bytes = content(value, data, size);
    amble__att_write_value(&w, AMBLE__ATT_INDICATION, value->handle, bytes.data, bytes.size);
    return amble__att_indicate(conn->bearer, &w, deadline);
}

/* --- telling one several things ----------------------------------------------------------------------------------- */
enum { TUPLE_HEAD = 4 }; /* a handle and a length, Vol 3 Part F 3.4.7.4 */

/* How many of the parts go into one PDU of this size: one, unless the client understands more. */
static size_t group_of(const amble_connection *conn, const amble_notify_part *parts, size_t count, size_t pdu)
{
    size_t n = 0, size = 1;

    if (!(conn->server->client->features & AMBLE__FEATURE_MULTIPLE_NOTIFICATIONS))
        return 1;
    while (n < count) {
        const amble__served_value *value = served(conn, parts[n].characteristic);

        size += TUPLE_HEAD + (value ? content(value, parts[n].data, parts[n].size).size : 0);
        if (size > pdu)
            break;
        n++;
    }
    return n ? n : 1; /* alone it needs one byte less */
}

static int write_group(amble__writer *w, const amble_connection *conn, const amble_notify_part *parts, size_t count)
{
    if (count > 1)
        amble__write_u8(w, AMBLE__ATT_MULTIPLE_NOTIFICATION);
    for (size_t i = 0; i < count; i++) {
        const amble__served_value *value = still(conn, parts[i].characteristic, AMBLE__CCCD_NOTIFY);
        amble__bytes bytes;

        if (!value)
            return AMBLE_ERR_NOT_SUBSCRIBED;
        bytes = content(value, parts[i].data, parts[i].size);
        if (count > 1)
            amble__att_write_handle_value(w, value->handle, bytes);
        else
            amble__att_write_value(w, AMBLE__ATT_NOTIFICATION, value->handle, bytes.data, bytes.size);
    }
    return 0;
}

/* Sends the first of the parts, and those that go into the same PDU: how many, or an error. */
static int notify_group(amble_connection *conn, const amble_notify_part *parts, size_t count, uint64_t deadline_us)
{
    amble__packet *packet;
    amble__writer w;
    size_t group;
    int r = amble__att_take(conn->bearer, deadline_us, &packet, &w);

    if (r < 0)
        return r;
    group = group_of(conn, parts, count, amble__write_room(&w));
    r = write_group(&w, conn, parts, group);
    if (r < 0) {
        amble__packet_release(packet);
        return r;
    }
    r = amble__att_send(conn->bearer, packet, &w);
    return r < 0 ? r : (int)group;
}

int amble_notify_multiple(amble_connection *conn, amble_notify_part *parts, size_t count, int timeout_ms)
{
    const uint64_t deadline = amble__due(timeout_ms);
    size_t sent = 0;
    int r = amble__wait_check();

    for (size_t i = 0; i < count; i++)
        parts[i].sent = false;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = obstacle(conn, served(conn, parts[i].characteristic), AMBLE__CCCD_NOTIFY, parts[i].data, parts[i].size);
    while (r >= 0 && sent < count) {
        r = notify_group(conn, parts + sent, count - sent, deadline);
        for (int i = 0; i < r; i++)
            parts[sent++].sent = true;
    }
    return r < 0 ? r : 0;
}

/* --- telling all -------------------------------------------------------------------------------------------------- */
/* What is left of a time that all steps share. */
static int time_left(int timeout_ms, uint64_t deadline_us)
{
    const uint64_t now = amble_now_us();

    if (timeout_ms <= 0)
        return timeout_ms;
    return now >= deadline_us ? 0 : (int)((deadline_us - now + 999) / 1000);
}

/* Cuts at this link's MTU, as the specification has it for values that are longer (Vol 3 Part F 3.4.7.1). */
static int tell(amble_connection *conn, const amble_characteristic *c, const void *data, size_t size, int timeout_ms)
{
    const unsigned bits = amble_subscribed(conn, c);
    const size_t n = size < most_for(conn) ? size : most_for(conn);
    const bool turn_free = conn->bearer->indication.state == AMBLE__TURN_FREE;
    int r;

    if (bits & AMBLE__CCCD_NOTIFY)
        return amble_notify(conn, c, data, n, timeout_ms);
    r = amble_indicate(conn, c, data, n, timeout_ms);
    /* With no time to wait the indication is on its way all the same, and the host awaits the confirmation. */
    return r == AMBLE_ERR_TIMEOUT && timeout_ms == 0 && turn_free ? 0 : r;
}

int amble_update(amble *ble, const amble_characteristic *c, const void *data, size_t size, int timeout_ms)
{
    amble__server *server = amble__server_of(ble);
    const uint64_t deadline = amble__deadline(timeout_ms);
    int told = 0, r = amble_local_write(ble, c, data, size);

    for (size_t i = 0; r >= 0 && i < server->connections->count; i++) {
        amble_connection *conn = &server->connections->slots[i];

        if (conn->state != AMBLE__LINK_LIVE || !amble_subscribed(conn, c))
            continue;
        r = tell(conn, c, size ? data : "", size, time_left(timeout_ms, deadline));
        if (r == 0)
            told++;
        /* A central that just left, whose MTU shrank, or for whom there is no room now, is no reason to leave out the
         * others. */
        if (r == AMBLE_ERR_DISCONNECTED || r == AMBLE_ERR_TOO_LONG || (r == AMBLE_ERR_TIMEOUT && timeout_ms == 0))
            r = 0;
    }
    return r < 0 ? r : told;
}
