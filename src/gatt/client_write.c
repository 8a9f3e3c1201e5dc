/* Writing: at once, in parts, several together (Vol 3 Part G 4.9, 4.12). A write in parts keeps its turn from the first
 * part to the end, so that the parts of two tasks never mix; whoever ends the turn early owes the server a cancel,
 * which the bearer sees to. */
#include "gatt/client.h"

enum { WRITE_HEAD = 3, PART_HEAD = 5 };

int amble__client_write(amble_connection *conn, uint16_t handle, const void *data, size_t size, uint64_t deadline_us)
{
    amble__att_bearer *bearer;
    amble__reader response;
    amble__writer w;
    int r = amble__att_begin(conn, size + WRITE_HEAD, deadline_us, &bearer, &w);

    if (r < 0)
        return r;
    amble__att_write_value(&w, AMBLE__ATT_WRITE_REQUEST, handle, data, size);
    r = amble__att_exchange(bearer, &w, AMBLE__ATT_WRITE_RESPONSE, deadline_us, &response);
    if (r < 0)
        return r;
    amble__att_end(bearer);
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

static int write_once(amble_connection *conn, uint16_t handle, const void *data, size_t size, uint64_t deadline_us)
{
    amble__writer w;
    int r;

    if (size <= conn->bearer->mtu - (size_t)WRITE_HEAD)
        return amble__client_write(conn, handle, data, size, deadline_us);
    r = amble__att_begin_on(conn->bearer, deadline_us, &w);
    if (r == 0)
        r = prepare_value(conn, &w, handle, (amble__bytes){.data = data, .size = size}, false, deadline_us);
    return r < 0 ? r : execute(conn, &w, deadline_us);
}

static int write_whole(amble_connection *conn, uint32_t generation, uint16_t handle, const void *data, size_t size,
                       int timeout_ms)
{
    amble__client_call call = amble__client_call_of(conn, generation, handle, timeout_ms);
    int r = amble__client_check_handle(conn, generation, handle, timeout_ms);

    if (r < 0)
        return r;
    if (size > AMBLE__ATT_VALUE_MAX)
        return AMBLE_ERR_TOO_LONG;
    do
        r = write_once(conn, handle, data, size, call.deadline_us);
    while (amble__client_again(&call, &r));
    return amble__client_heed(conn, r);
}

int amble_write(const amble_remote_characteristic *c, const void *data, size_t size, int timeout_ms)
{
    return write_whole(c->conn, c->generation, c->value_handle, data, size, timeout_ms);
}

int amble_write_descriptor(const amble_remote_descriptor *d, const void *data, size_t size, int timeout_ms)
{
    return write_whole(d->conn, d->generation, d->handle, data, size, timeout_ms);
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
    int r = amble__att_begin_on(conn->bearer, deadline_us, &w);

    for (size_t i = 0; r == 0 && i < count; i++)
        r = prepare_value(conn, &w, parts[i].characteristic->value_handle,
                          (amble__bytes){.data = parts[i].data, .size = parts[i].size}, true, deadline_us);
    return r < 0 ? r : execute(conn, &w, deadline_us);
}

int amble_write_reliably(const amble_write_part *parts, size_t count, int timeout_ms)
{
    const amble_remote_characteristic *first = count ? parts[0].characteristic : NULL;
    amble__client_call call;
    int r;

    if (!first)
        return AMBLE_ERR_ARGUMENT;
    call = amble__client_call_of(first->conn, first->generation, first->value_handle, timeout_ms);
    r = amble__client_check_handle(first->conn, first->generation, first->value_handle, timeout_ms);
    if (r < 0)
        return r;
    do {
        r = check_parts(parts, count);
        if (r == 0)
            r = write_parts(first->conn, parts, count, call.deadline_us);
    } while (amble__client_again(&call, &r));
    return amble__client_heed(first->conn, r);
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
