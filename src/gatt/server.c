/* Dispatch of requests, the MTU, and reading. Invariant: while a request is held or its answer is not with the controller yet, the link's answer
 * packet is in use, and a further request, which the protocol forbids, is dropped. */
#include "gatt/server.h"

void amble__server_init(amble__server *server, amble__arena *arena, size_t links, size_t database_size)
{
    amble__server_link *slots = amble__arena_take(arena, links, sizeof *slots);

    amble__database_init(server ? &server->database : NULL, arena, database_size, links);
    if (server)
        server->links = slots;
}

void amble__server_open(amble__server *server, amble_connection *conn)
{
    amble__server_link *link = &server->links[conn->index];

    *link = (amble__server_link){.conn = conn, .server = server};
    conn->server = link;
    for (size_t i = 0; i < server->database.count; i++) {
        const amble__served_service *service = &server->database.services[i];

        for (uint16_t k = 0; k < service->count; k++)
            if (service->values[k].subscriptions)
                service->values[k].subscriptions[conn->index] = 0;
    }
}

void amble__server_lost(amble_connection *conn) { amble__server_unhold(conn->server); }

void amble__server_fail(amble__server *server, int error)
{
    server->failed = error;
    for (size_t i = 0; i < server->database.count; i++) {
        const amble__served_service *service = &server->database.services[i];

        for (uint16_t k = 0; k < service->count; k++) {
            if (service->values[k].queue)
                amble__value_queue_end(service->values[k].queue, error);
            amble__waiters_end(&service->values[k].askers, error);
        }
    }
}

/* --- reading ------------------------------------------------------------------------------------------------------ */
amble__bytes amble__attribute_bytes(const amble__attribute *attribute, const amble_connection *conn,
                                    uint8_t scratch[AMBLE__DECLARATION_SIZE])
{
    const amble__served_value *value = attribute->value;
    const amble_uuid *uuid;

    switch (attribute->kind) {
    case AMBLE__ATTRIBUTE_SERVICE:
        uuid = attribute->service->definition->uuid;
        return (amble__bytes){.data = uuid->bytes, .size = uuid->size};
    case AMBLE__ATTRIBUTE_DECLARATION: /* Vol 3 Part G 3.3.1 */
        uuid = value->definition->uuid;
        scratch[0] = amble__value_properties(value);
        amble__put_le16(scratch + 1, value->handle);
        memcpy(scratch + 3, uuid->bytes, uuid->size);
        return (amble__bytes){.data = scratch, .size = 3u + uuid->size};
    case AMBLE__ATTRIBUTE_CCCD:
        amble__put_le16(scratch, value->subscriptions[conn->index]);
        return (amble__bytes){.data = scratch, .size = 2};
    default:
        return (amble__bytes){.data = value->value, .size = value->size};
    }
}

uint8_t amble__attribute_read_error(const amble__attribute *attribute)
{
    if (attribute->kind == AMBLE__ATTRIBUTE_VALUE && !attribute->value->definition->read)
        return AMBLE__ATT_READ_NOT_PERMITTED;
    return 0;
}

uint8_t amble__attribute_list_error(const amble__attribute *attribute)
{
    if (attribute->kind == AMBLE__ATTRIBUTE_VALUE && attribute->value->definition->answer_reads)
        return AMBLE__ATT_REQUEST_NOT_SUPPORTED;
    return amble__attribute_read_error(attribute);
}

/* Read and Read Blob, 3.4.4.3 to 3.4.4.6. */
static void read_one(amble__server_link *link, uint8_t opcode, amble__reader *pdu)
{
    amble__att_bearer *bearer = link->conn->bearer;
    const uint16_t handle = amble__read_le16(pdu);
    const uint16_t offset = opcode == AMBLE__ATT_READ_BLOB_REQUEST ? amble__read_le16(pdu) : 0;
    uint8_t scratch[AMBLE__DECLARATION_SIZE], error = 0;
    amble__attribute attribute;
    amble__bytes bytes;
    amble__writer w;

    if (!amble__read_complete(pdu))
        error = AMBLE__ATT_INVALID_PDU;
    else if (!amble__database_at(&link->server->database, handle, &attribute))
        error = AMBLE__ATT_INVALID_HANDLE;
    else
        error = amble__attribute_read_error(&attribute);
    if (!error && attribute.kind == AMBLE__ATTRIBUTE_VALUE && attribute.value->definition->answer_reads) {
        link->offset = offset;
        amble__server_hold(link, attribute.value, true, opcode);
        return;
    }
    if (!error) {
        bytes = amble__attribute_bytes(&attribute, link->conn, scratch);
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

/* Read Multiple, 3.4.4.7: the values one after the other, cut at the MTU. */
static void read_multiple(amble__server_link *link, amble__reader *pdu)
{
    amble__writer w = amble__att_answer(link->conn->bearer);
    uint8_t scratch[AMBLE__DECLARATION_SIZE], error = 0;
    uint16_t handle = 0;

    if (amble__read_left(pdu) < 4 || amble__read_left(pdu) % 2)
        error = AMBLE__ATT_INVALID_PDU;
    amble__write_u8(&w, AMBLE__ATT_READ_MULTIPLE_RESPONSE);
    while (!error && amble__read_left(pdu)) {
        amble__attribute attribute;
        amble__bytes bytes;

        handle = amble__read_le16(pdu);
        if (!amble__database_at(&link->server->database, handle, &attribute)) {
            error = AMBLE__ATT_INVALID_HANDLE;
        } else if (!(error = amble__attribute_list_error(&attribute))) {
            bytes = amble__attribute_bytes(&attribute, link->conn, scratch);
            amble__write_bytes(&w, bytes.data, bytes.size < amble__write_room(&w) ? bytes.size : amble__write_room(&w));
        }
    }
    if (error)
        amble__att_send_error(link->conn->bearer, AMBLE__ATT_READ_MULTIPLE_REQUEST, handle, error);
    else
        amble__att_send_answer(link->conn->bearer, &w);
}

/* --- the MTU, 3.4.2 ----------------------------------------------------------------------------------------------- */
static void exchange_mtu(amble__server_link *link, amble__reader *pdu)
{
    amble__att_bearer *bearer = link->conn->bearer;
    amble__writer w;
    uint16_t theirs;

    if (!amble__att_read_mtu(pdu, &theirs)) {
        amble__att_send_error(bearer, AMBLE__ATT_MTU_REQUEST, 0, AMBLE__ATT_INVALID_PDU);
        return;
    }
    w = amble__att_answer(bearer);
    amble__att_write_mtu(&w, AMBLE__ATT_MTU_RESPONSE, bearer->our_mtu);
    amble__att_send_answer(bearer, &w);
    amble__att_set_mtu(bearer, theirs);
}

/* --- dispatch ----------------------------------------------------------------------------------------------------- */
static void answer(amble__server_link *link, uint8_t opcode, amble__reader *pdu)
{
    switch (opcode) {
    case AMBLE__ATT_READ_REQUEST:
    case AMBLE__ATT_READ_BLOB_REQUEST:
        read_one(link, opcode, pdu);
        break;
    case AMBLE__ATT_WRITE_REQUEST:
        amble__server_write(link, opcode, pdu);
        break;
    case AMBLE__ATT_MTU_REQUEST:
        exchange_mtu(link, pdu);
        break;
    case AMBLE__ATT_FIND_INFORMATION_REQUEST:
        amble__server_find_information(link, pdu);
        break;
    case AMBLE__ATT_FIND_BY_TYPE_VALUE_REQUEST:
        amble__server_find_by_type_value(link, pdu);
        break;
    case AMBLE__ATT_READ_BY_TYPE_REQUEST:
        amble__server_read_by_type(link, pdu);
        break;
    case AMBLE__ATT_READ_BY_GROUP_TYPE_REQUEST:
        amble__server_read_by_group_type(link, pdu);
        break;
    case AMBLE__ATT_READ_MULTIPLE_REQUEST:
        read_multiple(link, pdu);
        break;
    default:
        amble__att_send_error(link->conn->bearer, opcode, 0, AMBLE__ATT_REQUEST_NOT_SUPPORTED);
    }
}

void amble__server_receive(amble__att_bearer *bearer, uint8_t opcode, amble__reader *pdu)
{
    amble__server_link *link = bearer->conn->server;

    if (opcode == AMBLE__ATT_WRITE_COMMAND) {
        amble__server_write(link, opcode, pdu);
    } else if ((opcode & AMBLE__ATT_COMMAND_FLAG) || link->held || bearer->response.busy) {
        /* An unknown command is ignored (3.3); and a client must wait for its answer before it asks again (3.3.2). */
        bearer->att->malformed++;
    } else {
        answer(link, opcode, pdu);
    }
}
