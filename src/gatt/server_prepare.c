/* Writes in parts: Prepare Write and Execute Write (Vol 3 Part F 3.4.6).
 *
 * The parts of a client wait in its link's buffer, which is bounded; what does not fit is refused with 0x09. At the
 * execution all parts are looked at first, and then all are written, or none. The parts of one attribute make one
 * value: the first may begin within the value as it is, each later one within or right behind what came before, and the
 * value ends where the furthest part ends. Invariant: the buffer holds whole parts only. */
#include "gatt/server.h"

enum { PART_HEAD = 6 };

/* --- the buffer --------------------------------------------------------------------------------------------------- */
static bool keep_part(amble__server_link *link, const amble__att_part *part)
{
    amble__writer w = amble__writer_of(link->client->prepared, link->server->prepare_size);

    w.at += link->client->prepared_size;
    if (amble__write_room(&w) < PART_HEAD + part->value.size)
        return false;
    amble__write_le16(&w, part->handle);
    amble__write_le16(&w, part->offset);
    amble__write_le16(&w, (unsigned)part->value.size);
    amble__write_bytes(&w, part->value.data, part->value.size);
    link->client->prepared_size = amble__written_size(&w);
    return true;
}

static amble__reader parts_of(const amble__server_link *link)
{
    return amble__reader_of(link->client->prepared, link->client->prepared_size);
}

static bool next_part(amble__reader *r, amble__att_part *part)
{
    if (amble__read_left(r) == 0)
        return false;
    part->handle = amble__read_le16(r);
    part->offset = amble__read_le16(r);
    part->value.size = amble__read_le16(r);
    part->value.data = amble__read_view(r, part->value.size);
    return true;
}

/* The next part that is the first of its attribute. */
static bool next_attribute(const amble__server_link *link, amble__reader *r, amble__att_part *part)
{
    while (next_part(r, part)) {
        amble__reader before =
            amble__reader_of(link->client->prepared, (size_t)(part->value.data - link->client->prepared) - PART_HEAD);
        amble__att_part other = {.handle = 0};

        while (next_part(&before, &other) && other.handle != part->handle)
            ;
        if (other.handle != part->handle)
            return true;
    }
    return false;
}

/* The execution of what is prepared is held, on another bearer of this client. */
static bool is_executing(const amble__server_link *link)
{
    for (size_t i = 0; i < link->server->bearers; i++)
        if (link->conn->server[i].held && link->conn->server[i].opcode == AMBLE__ATT_EXECUTE_WRITE_REQUEST)
            return true;
    return false;
}

void amble__server_prepare(amble__server_link *link, amble__reader *pdu)
{
    amble__att_bearer *bearer = link->bearer;
    amble__writer w = amble__att_answer(bearer);
    const amble__attribute *attribute;
    amble__att_part part;
    uint8_t error;

    if (!amble__att_read_part(pdu, &part) || PART_HEAD - 1 + part.value.size > amble__write_room(&w))
        error = AMBLE__ATT_INVALID_PDU;
    else if (!(attribute = amble__database_at(&link->server->database, part.handle)))
        error = AMBLE__ATT_INVALID_HANDLE;
    else if (attribute->kind != AMBLE__ATTRIBUTE_VALUE)
        error = AMBLE__ATT_WRITE_NOT_PERMITTED;
    else
        error = amble__server_write_error(attribute, link->conn, AMBLE__ATT_WRITE_REQUEST, 0);
    if (!error && (is_executing(link) || !keep_part(link, &part)))
        error = AMBLE__ATT_PREPARE_QUEUE_FULL;
    if (error) {
        amble__att_send_error(bearer, AMBLE__ATT_PREPARE_WRITE_REQUEST, part.handle, error);
        return;
    }
    amble__att_write_part(&w, AMBLE__ATT_PREPARE_WRITE_RESPONSE, &part);
    amble__att_send_answer(bearer, &w);
}

/* --- looking ------------------------------------------------------------------------------------------------------ */
/* How long the value gets by all parts with its handle; what is appended counts from its own start. */
static uint8_t measure(const amble__server_link *link, const amble__served_value *value, size_t *length)
{
    const amble_characteristic *c = value->definition;
    const bool piece = c->append || c->answer_writes; /* whole, from its start */
    amble__reader r = parts_of(link);
    amble__att_part part;
    bool first = true;

    *length = piece ? 0 : value->size;
    while (next_part(&r, &part)) {
        const size_t end = part.offset + part.value.size;

        if (part.handle != value->handle)
            continue;
        if (piece ? part.offset != *length : part.offset > *length)
            return AMBLE__ATT_INVALID_OFFSET;
        if (end > value->max_size)
            return AMBLE__ATT_INVALID_LENGTH;
        *length = first || end > *length ? end : *length;
        first = false;
    }
    return c->append && *length > (size_t)(value->max_size - value->size) ? AMBLE__ATT_INSUFFICIENT_RESOURCES : 0;
}

typedef struct {
    uint8_t error;
    uint16_t handle;            /* of the attribute that is to blame */
    amble__served_value *asked; /* a task has to answer for this one */
    amble__served_value *full;  /* this one's queue has no room */
    unsigned attributes;
    size_t length;
} verdict;

/* Looks at every part; `served` is the value whose turn it is, if the execution was held. */
static verdict judge(const amble__server_link *link, const amble__served_value *served)
{
    amble__reader r = parts_of(link);
    const amble__attribute *attribute;
    amble__att_part part;
    verdict v = {.error = 0};

    while (!v.error && next_attribute(link, &r, &part)) {
        v.handle = part.handle;
        v.attributes++;
        attribute = amble__database_at(&link->server->database, part.handle);
        if (!attribute)
            v.error = AMBLE__ATT_INVALID_HANDLE; /* it went meanwhile */
        else
            v.error = amble__server_write_error(attribute, link->conn, AMBLE__ATT_WRITE_REQUEST, 0);
        if (!v.error)
            v.error = measure(link, attribute->value, &v.length);
        if (v.error)
            break;
        if (attribute->value->definition->answer_writes)
            v.asked = attribute->value;
        else if (attribute->value->definition->capture && !v.full &&
                 (amble__value_queue_full(attribute->value->queue) ||
                  (attribute->value != served && amble__server_held_write(attribute->value))))
            v.full = attribute->value;
    }
    if (!v.error && v.asked && v.attributes > 1)
        v.error = AMBLE__ATT_UNLIKELY_ERROR; /* a task cannot answer for the others */
    return v;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */
static void write_value(amble__server_link *link, amble__served_value *value)
{
    const size_t start = value->definition->append ? value->size : 0;
    const uint64_t order = ++link->server->att->arrivals;
    amble__reader r = parts_of(link);
    amble__att_part part;
    amble__bytes whole;
    size_t length;

    (void)measure(link, value, &length); /* it was looked at */
    while (next_part(&r, &part))
        if (part.handle == value->handle && part.value.size)
            memcpy(value->value + start + part.offset, part.value.data, part.value.size);
    value->size = (uint16_t)(start + length);
    whole = (amble__bytes){.data = value->value + start, .size = length};
    if (value->definition->capture)
        (void)amble__value_queue_push(value->queue, link->conn, order, whole, false); /* there is room */
    else
        amble__value_queue_replace(value->queue, link->conn, order, whole);
}

static void write_all(amble__server_link *link)
{
    amble__reader r = parts_of(link);
    const amble__attribute *attribute;
    amble__att_part part;

    while (next_attribute(link, &r, &part))
        if ((attribute = amble__database_at(&link->server->database, part.handle))) /* it was looked at */
            write_value(link, attribute->value);
    link->client->prepared_size = 0;
    amble__server_answer_empty(link, AMBLE__ATT_EXECUTE_WRITE_RESPONSE);
}

/* The parts of a value that a task answers for lie in order: their bytes are moved together. */
static void gather(amble__server_link *link)
{
    amble__reader r = parts_of(link);
    amble__att_part part;
    size_t gathered = 0;

    while (next_part(&r, &part)) {
        if (part.value.size)
            memmove(link->client->prepared + gathered, part.value.data, part.value.size);
        gathered += part.value.size;
    }
    link->size = (uint16_t)gathered;
    link->client->prepared_size = gathered; /* nothing reads it as parts again: the answer ends it */
}

static void execute(amble__server_link *link, const amble__served_value *served)
{
    const verdict v = judge(link, served);

    if (v.error) {
        link->client->prepared_size = 0;
        amble__att_send_error(link->bearer, AMBLE__ATT_EXECUTE_WRITE_REQUEST, v.handle, v.error);
    } else if (v.asked) {
        gather(link);
        amble__server_hold(link, v.asked, true, AMBLE__ATT_EXECUTE_WRITE_REQUEST);
    } else if (v.full) {
        amble__server_hold(link, v.full, false, AMBLE__ATT_EXECUTE_WRITE_REQUEST);
        amble__waiters_end_taker(&v.full->queue->waiters); /* the value in view may be what takes the room */
    } else {
        write_all(link);
    }
}

void amble__server_execute(amble__server_link *link, amble__reader *pdu)
{
    uint8_t flags;

    if (!amble__att_read_execute(pdu, &flags)) {
        amble__att_send_error(link->bearer, AMBLE__ATT_EXECUTE_WRITE_REQUEST, 0, AMBLE__ATT_INVALID_PDU);
        return;
    }
    if (is_executing(link)) { /* those parts are not in the queue any more */
        amble__server_answer_empty(link, AMBLE__ATT_EXECUTE_WRITE_RESPONSE);
        return;
    }
    if (flags == AMBLE__ATT_EXECUTE_CANCEL)
        link->client->prepared_size = 0;
    execute(link, NULL);
}

void amble__server_execute_held(amble__server_link *link, const amble__served_value *value) { execute(link, value); }
