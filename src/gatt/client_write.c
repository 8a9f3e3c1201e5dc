/* Writing: at once, in parts, several together (Vol 3 Part G 4.9, 4.12). A write in parts keeps its turn from the first part to the end, so that
 * the parts of two tasks never mix; whoever ends the turn early owes the server a cancel, which the bearer sees to. */
#include "gatt/client.h"

enum { PART_HEAD = 5 };

int amble__client_write(amble_connection *conn, uint16_t handle, const void *data, size_t size, uint64_t deadline_us)
{
    amble__reader response;
    amble__writer w;
    int r = amble__att_begin(conn->bearer, deadline_us, &w);

    if (r < 0)
        return r;
    amble__att_write_value(&w, AMBLE__ATT_WRITE_REQUEST, handle, data, size);
    r = amble__att_exchange(conn->bearer, &w, AMBLE__ATT_WRITE_RESPONSE, deadline_us, &response);
    if (r < 0)
        return r;
    amble__att_end(conn->bearer);
    return 0;
}

/* --- in parts ----------------------------------------------------------------------------------------------------- */
/* One Prepare Write in a turn that is taken. After an error the turn is over. */
static int prepare_part(amble_connection *conn, amble__writer *w, const amble__att_part *part, bool compare,
                        uint64_t deadline_us)
{
    amble__reader response;
    amble__att_part echo;
    int r;

    amble__att_write_part(w, AMBLE__ATT_PREPARE_WRITE_REQUEST, part);
    r = amble__att_exchange(conn->bearer, w, AMBLE__ATT_PREPARE_WRITE_RESPONSE, deadline_us, &response);
    if (r < 0 || !compare)
        return r;
    if (amble__att_read_part(&response, &echo) && echo.handle == part->handle && echo.offset == part->offset &&
        echo.value.size == part->value.size &&
        (echo.value.size == 0 || memcmp(echo.value.data, part->value.data, echo.value.size) == 0))
        return 0;
    amble__att_end(conn->bearer);
    return AMBLE_ERR_PROTOCOL;
}

/* All parts of one value; `*w` is the room for the first, and afterwards for the next request. */
static int prepare_value(amble_connection *conn, amble__writer *w, uint16_t handle, amble__bytes value, bool compare,
                         uint64_t deadline_us)
{
    size_t sent = 0;
    int r;

    do {
        const size_t room = amble__write_room(w) - PART_HEAD, left = value.size - sent;
        const amble__att_part part = {
            .handle = handle,
            .offset = (uint16_t)sent,
            .value = {.data = left ? value.data + sent : NULL, .size = left < room ? left : room}};

        r = prepare_part(conn, w, &part, compare, deadline_us);
        if (r < 0)
            return r;
        sent += part.value.size;
        *w = amble__att_next(conn->bearer);
    } while (sent < value.size);
    return 0;
}

static int execute(amble_connection *conn, amble__writer *w, uint64_t deadline_us)
{
    amble__reader response;
    int r;

    amble__att_write_execute(w, AMBLE__ATT_EXECUTE_WRITE);
    r = amble__att_exchange(conn->bearer, w, AMBLE__ATT_EXECUTE_WRITE_RESPONSE, deadline_us, &response);
    if (r == 0)
        amble__att_end(conn->bearer);
    return r;
}

static int write_whole(amble_connection *conn, uint16_t handle, const void *data, size_t size, uint64_t deadline_us)
{
    amble__writer w;
    int r;

    if (size > AMBLE__ATT_VALUE_MAX)
        return AMBLE_ERR_TOO_LONG;
    if (size <= conn->bearer->mtu - 3u)
        return amble__client_write(conn, handle, data, size, deadline_us);
    r = amble__att_begin(conn->bearer, deadline_us, &w);
    if (r == 0)
        r = prepare_value(conn, &w, handle, (amble__bytes){.data = data, .size = size}, false, deadline_us);
    return r < 0 ? r : execute(conn, &w, deadline_us);
}

int amble_write(const amble_remote_characteristic *c, const void *data, size_t size, int timeout_ms)
{
    const uint64_t deadline = amble__deadline(timeout_ms);
    int r = amble__client_check_handle(c->conn, c->generation, c->value_handle, timeout_ms);

    return r < 0 ? r : amble__client_heed(c->conn, write_whole(c->conn, c->value_handle, data, size, deadline));
}

int amble_write_descriptor(const amble_remote_descriptor *d, const void *data, size_t size, int timeout_ms)
{
    const uint64_t deadline = amble__deadline(timeout_ms);
    int r = amble__client_check_handle(d->conn, d->generation, d->handle, timeout_ms);

    return r < 0 ? r : amble__client_heed(d->conn, write_whole(d->conn, d->handle, data, size, deadline));
}

/* --- all or none -------------------------------------------------------------------------------------------------- */
static int check_parts(const amble_write_part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const amble_remote_characteristic *c = parts[i].characteristic;
        const int r = amble__client_check_found(c->conn, c->generation, c->value_handle, c->value_handle);

        if (r < 0)
            return r;
        if (c->conn != parts[0].characteristic->conn)
            return AMBLE_ERR_ARGUMENT;
        if (parts[i].size > AMBLE__ATT_VALUE_MAX)
            return AMBLE_ERR_TOO_LONG;
    }
    return 0;
}

static int write_parts(amble_connection *conn, const amble_write_part *parts, size_t count, uint64_t deadline_us)
{
    amble__writer w;
    int r = amble__att_begin(conn->bearer, deadline_us, &w);

    for (size_t i = 0; r == 0 && i < count; i++)
        r = prepare_value(conn, &w, parts[i].characteristic->value_handle,
                          (amble__bytes){.data = parts[i].data, .size = parts[i].size}, true, deadline_us);
    return r < 0 ? r : execute(conn, &w, deadline_us);
}

int amble_write_reliably(const amble_write_part *parts, size_t count, int timeout_ms)
{
    const uint64_t deadline = amble__deadline(timeout_ms);
    amble_connection *conn;
    int r;

    if (count == 0)
        return AMBLE_ERR_ARGUMENT;
    conn = parts[0].characteristic->conn;
    r = amble__client_check_handle(conn, parts[0].characteristic->generation, parts[0].characteristic->value_handle,
                                   timeout_ms);
    if (r == 0)
        r = check_parts(parts, count);
    return r < 0 ? r : amble__client_heed(conn, write_parts(conn, parts, count, deadline));
}

/* --- without an answer -------------------------------------------------------------------------------------------- */
int amble_write_no_response(const amble_remote_characteristic *c, const void *data, size_t size, int timeout_ms)
{
    amble__packet *packet;
    amble__writer w;
    int r = amble__wait_check();

    if (r < 0)
        return r;
    r = amble__client_check_found(c->conn, c->generation, c->value_handle, c->value_handle);
    if (r < 0)
        return amble__wait_refuse(r);
    if (!(c->properties & AMBLE_PROPERTY_WRITE_NO_RESPONSE))
        return AMBLE_ERR_UNSUPPORTED;
    if (size > c->conn->bearer->mtu - 3u)
        return AMBLE_ERR_TOO_LONG;
    r = amble__att_take(c->conn->bearer, amble__due(timeout_ms), &packet, &w);
    if (r < 0)
        return r;
    amble__att_write_value(&w, AMBLE__ATT_WRITE_COMMAND, c->value_handle, data, size);
    return amble__att_send(c->conn->bearer, packet, &w);
}
