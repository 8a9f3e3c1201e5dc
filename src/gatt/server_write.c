/* Writes of clients, and the tasks that take them.
 *
 * A Write Request is answered when its value is where it belongs: in the queue of a characteristic that captures, which
 * may mean that it is held until there is room, or in the value itself. Invariants: a held write is delivered or
 * refused, never both; writes of one link reach a queue in the order in which they were sent. */
#include "gatt/server.h"

#include "core/rare.h"

void amble__server_answer_empty(amble__server_link *link, uint8_t opcode)
{
    amble__writer w = amble__att_answer(link->bearer);

    amble__write_u8(&w, opcode);
    amble__att_send_answer(link->bearer, &w);
}

static uint8_t write_cccd(amble__server_link *link, const amble__served_value *value, amble__bytes data)
{
    const amble_characteristic *c = value->definition;
    unsigned bits;

    if (data.size != 2)
        return AMBLE__ATT_INVALID_LENGTH;
    bits = amble__get_le16(data.data);
    if (((bits & AMBLE__CCCD_NOTIFY) && !c->notify) || ((bits & AMBLE__CCCD_INDICATE) && !c->indicate))
        return AMBLE__ATT_CCCD_IMPROPER;
    value->subscriptions[link->conn->index] = AMBLE__CCCD_SAID | (bits & (AMBLE__CCCD_NOTIFY | AMBLE__CCCD_INDICATE));
    amble__server_keep(link);
    return 0;
}

/* A client may say that it can more, never that it can less (Vol 3 Part G 7.2). Bytes that nobody knows yet are
 * ignored. */
static uint8_t write_features(amble__server_link *link, amble__bytes data)
{
    if (data.size == 0)
        return AMBLE__ATT_INVALID_LENGTH;
    if (link->client->features & ~data.data[0])
        return AMBLE__ATT_VALUE_NOT_ALLOWED;
    link->client->features = data.data[0];
    amble__server_keep(link);
    return 0;
}

/* Sets the value, or adds to it; false when it has no room for more. */
static bool store(amble__served_value *value, amble__bytes data)
{
    const size_t at = value->definition->append ? value->size : 0;

    if (data.size > value->max_size - at)
        return false;
    value->size = (uint16_t)(at + data.size);
    if (data.size)
        memcpy(value->value + at, data.data, data.size);
    return true;
}

/* Requests that a task answers stand in the same list. */
amble__server_link *amble__server_held_write(const amble__served_value *value)
{
    for (amble__list *node = value->held.next; node != &value->held; node = node->next) {
        amble__server_link *link = amble__container(node, amble__server_link, node);

        if (!link->asks)
            return link;
    }
    return NULL;
}

static AMBLE__APART bool replace(amble__server_link *link, amble__served_value *value, amble__bytes data,
                                 uint64_t order)
{
    amble__value_queue_replace(value->queue, link->conn, order, data);
    return store(value, data);
}

/* Delivers a write that fits; false when the queue is full. */
static inline bool deliver(amble__server_link *link, amble__served_value *value, amble__bytes data)
{
    const uint64_t order = ++link->server->att->arrivals;
    amble__value_entry *entry;

    if (!value->definition->capture)
        return replace(link, value, data, order);
    if ((!amble__list_empty(&value->held) && amble__server_held_write(value)) || /* that one goes first */
        !(entry = amble__value_queue_room(value->queue)) || !store(value, data))
        return false;
    amble__value_queue_put(value->queue, entry, link->conn, order, data, false);
    return true;
}

uint8_t amble__server_size_error(const amble__attribute *attribute, size_t size)
{
    const amble__served_value *value = attribute->value;

    if (size > value->max_size)
        return AMBLE__ATT_INVALID_LENGTH;
    return value->definition->append && size > (size_t)(value->max_size - value->size)
               ? AMBLE__ATT_INSUFFICIENT_RESOURCES
               : 0;
}

/* On an encrypted link a command comes in place of a signed one, Vol 3 Part C 10.4.1. */
static bool takes_command(const amble_characteristic *c, const amble_connection *conn)
{
    return c->write_no_response || (c->signed_write && conn->security.encrypted);
}

uint8_t amble__server_write_error(const amble__attribute *attribute, const amble_connection *conn, uint8_t opcode,
                                  size_t size)
{
    const amble_characteristic *c;
    uint8_t error;

    if (attribute->kind == AMBLE__ATTRIBUTE_CCCD)
        return amble__server_guard(conn, attribute->value->definition->read_security,
                                   attribute->value->definition->read_authorised);
    if (attribute->kind >= AMBLE__ATTRIBUTE_SERVICE)
        return AMBLE__ATT_WRITE_NOT_PERMITTED;
    c = attribute->value->definition;
    if (opcode == AMBLE__ATT_WRITE_COMMAND ? !takes_command(c, conn) : !c->write)
        return AMBLE__ATT_WRITE_NOT_PERMITTED;
    error = amble__server_guard(conn, c->write_security, c->write_authorised);
    return error ? error : amble__server_size_error(attribute, size);
}

static void hold_write(amble__server_link *link, amble__served_value *value, bool asks, amble__bytes data)
{
    memcpy(amble__packet_payload(&link->bearer->response), data.data, data.size);
    link->size = (uint16_t)data.size;
    amble__server_hold(link, value, asks, AMBLE__ATT_WRITE_REQUEST);
    if (!asks)
        amble__waiters_end_taker(&value->queue->waiters); /* see written_ready */
}

static AMBLE__APART void deliver_or_drop(amble__server_link *link, amble__served_value *value, amble__bytes data)
{
    if (!deliver(link, value, data))
        amble__value_queue_drop(value->queue);
}

/* A Write Command gets no answer: what goes wrong is dropped, what finds no room is counted. 3.4.5.3 */
void amble__server_command(amble__server_link *link, const amble__attribute *attribute, uint8_t error,
                           amble__bytes data)
{
    if (error == AMBLE__ATT_INSUFFICIENT_RESOURCES)
        amble__value_queue_drop(attribute->value->queue);
    else if (!error && attribute->kind == AMBLE__ATTRIBUTE_CCCD)
        (void)write_cccd(link, attribute->value, data); /* nobody to tell */
    else if (!error)
        deliver_or_drop(link, attribute->value, data);
}

/* Does what a Write Request asks that has passed. The error, if there is one after all; `*held` when the answer comes
 * later. */
static uint8_t write_request(amble__server_link *link, const amble__attribute *attribute, amble__bytes data, bool *held)
{
    if (attribute->kind == AMBLE__ATTRIBUTE_CCCD)
        return write_cccd(link, attribute->value, data);
    if (attribute->kind == AMBLE__ATTRIBUTE_CLIENT_FEATURES)
        return write_features(link, data);
    *held = attribute->value->definition->answer_writes || !deliver(link, attribute->value, data);
    if (*held)
        hold_write(link, attribute->value, attribute->value->definition->answer_writes, data);
    return 0;
}

/* Looks at all that may be in its way. */
static AMBLE__APART void command_with_care(amble__server_link *link, uint16_t handle, amble__bytes data)
{
    const amble__attribute *attribute = amble__database_at(&link->server->database, handle);

    if (attribute)
        amble__server_command(link, attribute,
                              amble__server_write_error(attribute, link->conn, AMBLE__ATT_WRITE_COMMAND, data.size),
                              data);
}

void amble__server_write_command(amble__server_link *link, amble__bytes pdu)
{
    amble__reader parameters = amble__reader_over(amble__att_parameters(pdu));
    const uint16_t handle = amble__read_le16(&parameters);
    const amble__bytes data = amble__read_rest(&parameters);
    const amble__attribute *attribute = amble__database_last(&link->server->database, handle);

    if (parameters.failed)
        return;
    if (attribute && attribute->kind == AMBLE__ATTRIBUTE_VALUE && attribute->value->takes_any_command &&
        data.size <= attribute->value->max_size)
        deliver_or_drop(link, attribute->value, data);
    else
        command_with_care(link, handle, data);
}

void amble__server_write(amble__server_link *link, amble__bytes pdu)
{
    const uint8_t opcode = AMBLE__ATT_WRITE_REQUEST;
    amble__reader parameters = amble__reader_over(amble__att_parameters(pdu));
    const uint16_t handle = amble__read_le16(&parameters);
    const amble__bytes data = amble__read_rest(&parameters);
    const amble__attribute *attribute = NULL;
    bool held = false;
    uint8_t error;

    if (parameters.failed)
        error = AMBLE__ATT_INVALID_PDU;
    else if (!(attribute = amble__database_at(&link->server->database, handle)))
        error = AMBLE__ATT_INVALID_HANDLE;
    else
        error = amble__server_write_error(attribute, link->conn, opcode, data.size);
    if (!error)
        error = write_request(link, attribute, data, &held);
    if (error)
        amble__att_send_error(link->bearer, opcode, handle, error);
    else if (!held)
        amble__server_answer_empty(link, AMBLE__ATT_WRITE_RESPONSE);
}

/* Puts a held write, for which there is room in the queue now, where it belongs. */
static void deliver_one_held(amble__server *server, amble__server_link *link, amble__served_value *value)
{
    const amble__bytes data = {.data = amble__packet_payload(&link->bearer->response), .size = link->size};

    amble__server_unhold(link);
    if (link->opcode == AMBLE__ATT_EXECUTE_WRITE_REQUEST) {
        amble__server_execute_held(link, value);
    } else if (store(value, data)) {
        /* There is room. */
        (void)amble__value_queue_push(value->queue, link->conn, ++server->att->arrivals, data, false);
        amble__server_answer_empty(link, AMBLE__ATT_WRITE_RESPONSE);
    } else {
        amble__att_send_error(link->bearer, link->opcode, value->handle, AMBLE__ATT_INSUFFICIENT_RESOURCES);
    }
}

/* Delivers held writes, oldest first, as long as there is room. */
static AMBLE__RARE void deliver_held(amble__server *server, amble__served_value *value)
{
    amble__server_link *link;

    while ((link = amble__server_held_write(value)) && !amble__value_queue_full(value->queue))
        deliver_one_held(server, link, value);
}

/* --- taking ------------------------------------------------------------------------------------------------------- */
/* What cannot be taken, and what makes room for writes that are held. */
static AMBLE__RARE int take_with_care(amble__server *server, amble__served_value *value, amble_connection *from,
                                      int timeout_ms, amble_value *out)
{
    const int r = amble__wait_check();

    if (r < 0)
        return r;
    if (server->failed || !value || !value->queue)
        return amble__wait_refuse(server->failed ? server->failed : AMBLE_ERR_NOT_FOUND);
    amble__value_queue_settle(value->queue, from);
    if (value->definition->capture)
        deliver_held(server, value);
    return amble__value_queue_take(value->queue, from, timeout_ms, out);
}

static inline int take(amble__server *server, const amble_characteristic *c, amble_connection *from, int timeout_ms,
                       amble_value *out)
{
    amble__served_value *value = amble__database_find(&server->database, c);

    if (server->failed || !value || !value->queue || !amble__list_empty(&value->held))
        return take_with_care(server, value, from, timeout_ms, out);
    return amble__value_queue_take(value->queue, from, timeout_ms, out);
}

int amble_written(amble *ble, const amble_characteristic *c, amble_value *value, int timeout_ms)
{
    return take(amble__server_of(ble), c, NULL, timeout_ms, value);
}

int amble_written_by(amble_connection *conn, const amble_characteristic *c, amble_value *value, int timeout_ms)
{
    return take(conn->server->server, c, conn, timeout_ms, value);
}

static amble__server *server_of(const amble_source *source)
{
    return amble__server_of((amble *)(uintptr_t)source->object);
}
/* NULL for a characteristic that is not served or cannot be written. */
static const amble__served_value *written_value(const amble_source *source)
{
    const amble__served_value *value = amble__database_find(&server_of(source)->database, source->detail);

    return value && value->queue ? value : NULL;
}
/* Whatever amble_written would fail with at once makes it ready, too; and so does a write that waits for the very
 * room that the value in view takes: amble_written gives that back and takes the write. */
static bool written_ready(const amble_source *source)
{
    const amble__served_value *value = written_value(source);

    return server_of(source)->failed || !value || amble__value_queue_order(value->queue) != 0 ||
           (amble__server_held_write(value) && amble__value_queue_can_settle(value->queue, NULL));
}
static amble__list *written_waiters(const amble_source *source) { return &written_value(source)->queue->waiters; }
static uint64_t written_order(const amble_source *source)
{
    const amble__served_value *value = written_value(source);

    return value ? amble__value_queue_order(value->queue) : 0;
}

amble_source amble_on_written(amble *ble, const amble_characteristic *c)
{
    static const amble__source_kind kind = {.ready = written_ready, .waiters = written_waiters, .order = written_order};

    return (amble_source){.kind = &kind, .object = ble, .detail = c};
}
