/* Reading: one value, a part of it, several at once (Vol 3 Part F 3.4.4), and who may. */
#include "gatt/server.h"

amble__bytes amble__attribute_bytes(const amble__attribute *attribute, const amble__server_link *link,
                                    uint8_t scratch[AMBLE__DECLARATION_SIZE])
{
    const amble__served_value *value = attribute->value;

    switch (attribute->kind) {
    case AMBLE__ATTRIBUTE_VALUE:
        return (amble__bytes){.data = value->value, .size = value->size};
    case AMBLE__ATTRIBUTE_CLIENT_FEATURES:
        return (amble__bytes){.data = &link->client->features, .size = 1};
    case AMBLE__ATTRIBUTE_DATABASE_HASH:
        return (amble__bytes){.data = amble__database_hash(&link->server->database), .size = 16};
    case AMBLE__ATTRIBUTE_CCCD:
        amble__put_le16(scratch, amble__server_subscribed(value, link->conn));
        return (amble__bytes){.data = scratch, .size = 2};
    default:
        return amble__attribute_declaration(&link->server->database, attribute, scratch);
    }
}

uint8_t amble__server_guard_closed(const amble_connection *conn, amble_security wanted, bool authorised)
{
    static const uint8_t errors[] = {
        [AMBLE__GUARD_SATISFIED] = 0,
        [AMBLE__GUARD_WANTS_AUTHENTICATION] = AMBLE__ATT_INSUFFICIENT_AUTHENTICATION,
        [AMBLE__GUARD_WANTS_ENCRYPTION] = AMBLE__ATT_INSUFFICIENT_ENCRYPTION,
        [AMBLE__GUARD_WANTS_LONGER_KEY] = AMBLE__ATT_KEY_TOO_SHORT,
        [AMBLE__GUARD_WANTS_AUTHORISATION] = AMBLE__ATT_INSUFFICIENT_AUTHORIZATION,
    };

    return errors[amble__link_guard(conn, wanted, authorised)];
}

uint8_t amble__attribute_read_error(const amble__attribute *attribute, const amble_connection *conn)
{
    const amble_characteristic *c;

    if (attribute->kind >= AMBLE__ATTRIBUTE_SERVICE)
        return 0; /* declarations and CCCDs are open, Vol 3 Part G 3.3 */
    c = attribute->value->definition;
    return !c->read ? AMBLE__ATT_READ_NOT_PERMITTED : amble__server_guard(conn, c->read_security, c->read_authorised);
}

uint8_t amble__attribute_list_error(const amble__attribute *attribute, const amble_connection *conn)
{
    if (attribute->kind == AMBLE__ATTRIBUTE_VALUE && attribute->value->definition->answer_reads)
        return AMBLE__ATT_REQUEST_NOT_SUPPORTED;
    return amble__attribute_read_error(attribute, conn);
}

/* Read and Read Blob, 3.4.4.3 to 3.4.4.6. */
void amble__server_read(amble__server_link *link, amble__bytes pdu)
{
    const uint8_t opcode = pdu.data[0];
    amble__att_bearer *bearer = link->bearer;
    amble__reader parameters = amble__reader_over(amble__att_parameters(pdu));
    const uint16_t handle = amble__read_le16(&parameters);
    const uint16_t offset = opcode == AMBLE__ATT_READ_BLOB_REQUEST ? amble__read_le16(&parameters) : 0;
    uint8_t scratch[AMBLE__DECLARATION_SIZE], error = 0;
    const amble__attribute *attribute = NULL;
    amble__bytes bytes;
    amble__writer w;

    if (!amble__read_complete(&parameters))
        error = AMBLE__ATT_INVALID_PDU;
    else if (!(attribute = amble__database_at(&link->server->database, handle)))
        error = AMBLE__ATT_INVALID_HANDLE;
    else
        error = amble__attribute_read_error(attribute, link->conn);
    if (!error && attribute->kind == AMBLE__ATTRIBUTE_VALUE && attribute->value->definition->answer_reads) {
        link->offset = offset;
        amble__server_hold(link, attribute->value, true, opcode);
        return;
    }
    if (!error) {
        bytes = amble__attribute_bytes(attribute, link, scratch);
        if (offset > bytes.size)
            error = AMBLE__ATT_INVALID_OFFSET;
    }
    if (error) {
        amble__att_send_error(bearer, opcode, handle, error);
        return;
    }
    w = amble__att_answer(bearer);
    amble__write_u8(&w, opcode + 1u);
    bytes.size -= offset;
    amble__write_bytes(&w, bytes.data + offset,
                       bytes.size < amble__write_room(&w) ? bytes.size : amble__write_room(&w));
    amble__att_send_answer(bearer, &w);
}

/* Appends one of several values, as much of it as there is room. */
static void append_value(amble__writer *w, uint8_t opcode, amble__bytes bytes)
{
    const size_t room = amble__write_room(w);

    if (opcode == AMBLE__ATT_READ_MULTIPLE_REQUEST)
        amble__write_bytes(w, bytes.data, bytes.size < room ? bytes.size : room);
    else if (room >= 2) /* its length does not come without it, 3.4.4.12 */
        amble__att_write_length_value(w, bytes);
}

/* Read Multiple (3.4.4.7): the values one after the other; its variable form (3.4.4.11): each with its length. Cut at
 * the MTU. */
void amble__server_read_multiple(amble__server_link *link, uint8_t opcode, amble__reader *pdu)
{
    amble__writer w = amble__att_answer(link->bearer);
    uint8_t scratch[AMBLE__DECLARATION_SIZE], error = 0;
    uint16_t handle = 0;

    if (amble__read_left(pdu) < 4 || amble__read_left(pdu) % 2)
        error = AMBLE__ATT_INVALID_PDU;
    amble__write_u8(&w, opcode + 1u);
    while (!error && amble__read_left(pdu)) {
        const amble__attribute *attribute;

        handle = amble__read_le16(pdu);
        attribute = amble__database_at(&link->server->database, handle);
        if (!attribute)
            error = AMBLE__ATT_INVALID_HANDLE;
        else if (!(error = amble__attribute_list_error(attribute, link->conn)))
            append_value(&w, opcode, amble__attribute_bytes(attribute, link, scratch));
    }
    if (error)
        amble__att_send_error(link->bearer, opcode, handle, error);
    else
        amble__att_send_answer(link->bearer, &w);
}
