/* Dispatch of requests, and the MTU. Invariant: while a request is held or its answer is not with the controller yet,
 * the bearer's answer packet is in use, and a further request, which the protocol forbids, is dropped. */
#include "gatt/server.h"

#include "core/rare.h"

void amble__server_init(amble__server *server, amble__arena *arena, size_t links, size_t bearers, size_t database_size,
                        size_t prepare_size)
{
    amble__server_client *clients = amble__arena_take(arena, links, sizeof *clients);
    amble__server_link *slots = amble__arena_take(arena, links * bearers, sizeof *slots);

    amble__database_init(server ? &server->database : NULL, arena, database_size, links);
    for (size_t i = 0; i < links; i++) {
        uint8_t *prepared = amble__arena_take(arena, 1, prepare_size);

        if (clients)
            clients[i].prepared = prepared;
    }
    if (server) {
        server->clients = clients;
        server->links = slots;
        server->link_count = links * bearers;
        server->bearers = bearers;
        server->prepare_size = prepare_size;
    }
}

void amble__server_open(amble__server *server, amble_connection *conn)
{
    amble__server_client *client = &server->clients[conn->index];

    *client = (amble__server_client){.prepared = client->prepared};
    conn->server = &server->links[conn->index * server->bearers];
    for (size_t i = 0; i < server->bearers; i++) {
        conn->server[i] =
            (amble__server_link){.client = client, .bearer = &conn->bearer[i], .conn = conn, .server = server};
        conn->bearer[i].server = &conn->server[i];
    }
    for (size_t i = 0; i < server->database.count; i++) {
        const amble__served_service *service = &server->database.services[i];

        for (uint16_t k = 0; k < service->count; k++)
            if (service->values[k].subscriptions)
                service->values[k].subscriptions[conn->index] = 0;
    }
}

void amble__server_lost(amble_connection *conn)
{
    for (size_t i = 0; i < conn->server->server->bearers; i++)
        amble__server_unhold(&conn->server[i]);
}

void amble__server_bearer_closed(amble__att_bearer *bearer)
{
    amble__server_link *link = bearer->server;

    if (link->held && link->opcode == AMBLE__ATT_EXECUTE_WRITE_REQUEST)
        link->client->prepared_size = 0; /* nobody would hear whether it was done */
    link->refused = false;
    amble__server_unhold(link);
}

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

/* --- the MTU, 3.4.2 ----------------------------------------------------------------------------------------------- */
static void exchange_mtu(amble__server_link *link, amble__reader *pdu)
{
    amble__att_bearer *bearer = link->bearer;
    amble__writer w;
    uint16_t theirs;

    if (bearer->enhanced) { /* its MTU is the channel's, Part G 4.3.1 */
        amble__att_send_error(bearer, AMBLE__ATT_MTU_REQUEST, 0, AMBLE__ATT_REQUEST_NOT_SUPPORTED);
        return;
    }
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
static AMBLE__RARE void answer_other(amble__server_link *link, amble__bytes pdu)
{
    const uint8_t opcode = pdu.data[0];
    amble__reader parameters = amble__reader_over(amble__att_parameters(pdu));

    switch (opcode) {
    case AMBLE__ATT_MTU_REQUEST:
        exchange_mtu(link, &parameters);
        break;
    case AMBLE__ATT_FIND_INFORMATION_REQUEST:
        amble__server_find_information(link, &parameters);
        break;
    case AMBLE__ATT_FIND_BY_TYPE_VALUE_REQUEST:
        amble__server_find_by_type_value(link, &parameters);
        break;
    case AMBLE__ATT_READ_BY_TYPE_REQUEST:
        amble__server_read_by_type(link, &parameters);
        break;
    case AMBLE__ATT_READ_BY_GROUP_TYPE_REQUEST:
        amble__server_read_by_group_type(link, &parameters);
        break;
    case AMBLE__ATT_READ_MULTIPLE_REQUEST:
    case AMBLE__ATT_READ_MULTIPLE_VARIABLE_REQUEST:
        amble__server_read_multiple(link, opcode, &parameters);
        break;
    case AMBLE__ATT_PREPARE_WRITE_REQUEST:
        amble__server_prepare(link, &parameters);
        break;
    case AMBLE__ATT_EXECUTE_WRITE_REQUEST:
        amble__server_execute(link, &parameters);
        break;
    default:
        amble__att_send_error(link->bearer, opcode, 0, AMBLE__ATT_REQUEST_NOT_SUPPORTED);
    }
}

static void answer(amble__server_link *link, amble__bytes pdu)
{
    const uint8_t opcode = pdu.data[0];

    if (opcode == AMBLE__ATT_READ_REQUEST || opcode == AMBLE__ATT_READ_BLOB_REQUEST)
        amble__server_read(link, pdu);
    else if (opcode == AMBLE__ATT_WRITE_REQUEST)
        amble__server_write(link, pdu);
    else
        answer_other(link, pdu);
}

static void admitted(amble__server_link *link, amble__bytes pdu)
{
    const uint8_t opcode = pdu.data[0];

    if (opcode == AMBLE__ATT_WRITE_COMMAND)
        amble__server_write_command(link, pdu);
    else if (opcode == AMBLE__ATT_SIGNED_WRITE_COMMAND)
        amble__server_write_signed(link, amble__att_parameters(pdu));
    else if ((opcode & AMBLE__ATT_COMMAND_FLAG) || link->held || link->bearer->response.busy)
        /* An unknown command is ignored (3.3); and a client must wait for its answer before it asks again (3.3.2). */
        link->bearer->att->malformed++;
    else
        answer(link, pdu);
}

/* From a client that does not know the whole database. */
static AMBLE__RARE void admit(amble__server_link *link, amble__bytes pdu)
{
    if (amble__server_admits(link, pdu))
        admitted(link, pdu);
}

void amble__server_receive(amble__att_bearer *bearer, amble__bytes pdu)
{
    if (bearer->server->client->awareness == AMBLE__CHANGE_AWARE)
        admitted(bearer->server, pdu);
    else
        admit(bearer->server, pdu);
}
