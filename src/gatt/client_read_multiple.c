/* Several values with one request: with their lengths if the server can (Vol 3 Part F 3.4.4.11), one behind the other
 * if their sizes are known (3.4.4.7), else one after the other. */
#include "gatt/client.h"

static int check_parts(const amble_read_part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const amble_remote_characteristic *c = parts[i].characteristic;
        const int r = amble__client_check_found(c->conn, c->generation, c->value_handle, c->value_handle);

        if (r < 0)
            return r;
        if (c->conn != parts[0].characteristic->conn)
            return AMBLE_ERR_ARGUMENT;
    }
    return 0;
}

/* Sends the handles of as many parts as fit; in `*asked` how many. The turn is taken after success. */
static int ask(amble_connection *conn, uint8_t opcode, const amble_read_part *parts, size_t count, size_t *asked,
               uint64_t deadline_us, amble__att_bearer **bearer, amble__reader *response)
{
    amble__writer w;
    int r = amble__att_begin(conn, conn->bearer->mtu, deadline_us, bearer, &w);

    if (r < 0)
        return r;
    amble__write_u8(&w, opcode);
    for (*asked = 0; *asked < count && amble__write_room(&w) >= 2; ++*asked)
        amble__write_le16(&w, parts[*asked].characteristic->value_handle);
    return amble__att_exchange(*bearer, &w, (uint8_t)(opcode + 1), deadline_us, response);
}

static void keep(amble_read_part *part, amble__bytes value)
{
    if (value.size > part->size) {
        part->result = AMBLE_ERR_TOO_LONG;
        return;
    }
    if (value.size)
        memcpy(part->buffer, value.data, value.size);
    part->result = (int)value.size;
}

/* Takes values with their lengths; how many are complete. What was cut is asked for again, alone. */
static size_t take_variable(amble__reader *r, amble_read_part *parts, size_t asked)
{
    size_t taken = 0, length;
    amble__bytes value;

    while (taken < asked && amble__read_left(r) && amble__att_next_length_value(r, &length, &value) &&
           value.size == length)
        keep(&parts[taken++], value);
    return taken;
}

static bool all_fixed(const amble_read_part *parts, size_t count, size_t room)
{
    size_t size = 0;

    for (size_t i = 0; i < count; i++) {
        size += parts[i].size;
        if (!parts[i].fixed)
            return false;
    }
    return size <= room;
}

static int take_fixed(amble__reader *r, amble_read_part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t *bytes = amble__read_view(r, parts[i].size);

        if (!bytes)
            return AMBLE_ERR_PROTOCOL;
        keep(&parts[i], (amble__bytes){.data = bytes, .size = parts[i].size});
    }
    return amble__read_complete(r) ? (int)count : AMBLE_ERR_PROTOCOL;
}

static bool cannot(int r) { return r == AMBLE_ERR_ATT(AMBLE__ATT_REQUEST_NOT_SUPPORTED); }

/* Reads some of the parts, with the best request that is left: how many, or an error. */
static int read_some(amble_connection *conn, amble_read_part *parts, size_t count, uint64_t deadline_us)
{
    amble__client_link *link = conn->client;
    amble__att_bearer *bearer;
    amble__reader response;
    size_t asked;
    int r = 0;

    if (count > 1 && !link->no_variable_reads) {
        r = ask(conn, AMBLE__ATT_READ_MULTIPLE_VARIABLE_REQUEST, parts, count, &asked, deadline_us, &bearer, &response);
        if (r == 0) {
            r = (int)take_variable(&response, parts, asked);
            amble__att_end(bearer);
        } else if (cannot(r)) {
            link->no_variable_reads = true;
            r = 0;
        } else {
            return r;
        }
    }
    if (r == 0 && count > 1 && link->no_variable_reads && !link->no_multiple_reads &&
        all_fixed(parts, count, conn->bearer->mtu - 1u)) {
        r = ask(conn, AMBLE__ATT_READ_MULTIPLE_REQUEST, parts, count, &asked, deadline_us, &bearer, &response);
        if (r == 0) {
            r = asked == count ? take_fixed(&response, parts, count) : 0;
            amble__att_end(bearer);
        } else if (cannot(r)) {
            link->no_multiple_reads = true;
            r = 0;
        }
    }
    return r;
}

static void read_alone(amble__client_call *call, amble_read_part *part)
{
    const amble_remote_characteristic *c = part->characteristic;

    call->generation = c->generation;
    call->handle = c->value_handle;
    do
        part->result = amble__client_read(c->conn, c->value_handle, part->buffer, part->size, call->deadline_us);
    while (amble__client_again(call, &part->result));
}

int amble_read_multiple(amble_read_part *parts, size_t count, int timeout_ms)
{
    const amble_remote_characteristic *first = count ? parts[0].characteristic : NULL;
    amble__client_call call;
    amble_connection *conn;
    size_t done = 0;
    int r;

    if (!first)
        return AMBLE_ERR_ARGUMENT;
    conn = first->conn;
    call = amble__client_call_of(conn, first->generation, first->value_handle, timeout_ms);
    r = amble__client_check_handle(conn, first->generation, first->value_handle, timeout_ms);
    if (r == 0)
        r = check_parts(parts, count);
    while (r >= 0 && done < count) {
        amble_read_part *part = &parts[done];

        r = read_some(conn, part, count - done, call.deadline_us);
        if (r > 0) {
            done += (size_t)r;
            continue;
        }
        /* One value may be refused, or long, and the others not: it is read alone, and so gets its own answer. */
        if (r < 0 && r > AMBLE_ERR_ATT(0xff) && r <= AMBLE_ERR_ATT(0))
            r = 0;
        if (r < 0)
            break;
        read_alone(&call, part);
        if (part->result < 0 && part->result != AMBLE_ERR_TOO_LONG &&
            !(part->result > AMBLE_ERR_ATT(0xff) - 1 && part->result <= AMBLE_ERR_ATT(0)))
            r = part->result;
        done++;
    }
    return r < 0 ? amble__client_heed(conn, r) : 0;
}
