/* Requests that are held: writes that wait for room, reads and writes that a task answers. A request is held at most
 * for `held_write_ms`; then it is refused with 0x11, and not delivered later. The peer itself gives up after 30 s. */
#include "gatt/server.h"

void amble__server_refuse(amble__server_link *link, uint8_t error)
{
    const uint16_t handle = link->held->handle;

    amble__server_unhold(link);
    if (link->opcode == AMBLE__ATT_EXECUTE_WRITE_REQUEST)
        link->client->prepared_size = 0;
    amble__att_send_error(link->bearer, link->opcode, handle, error);
}

static void held_too_long(amble__timer *timer)
{
    amble__server_link *link = amble__container(timer, amble__server_link, timer);

    amble__server_refuse(link, AMBLE__ATT_INSUFFICIENT_RESOURCES);
}

void amble__server_hold(amble__server_link *link, amble__served_value *value, bool asks, uint8_t opcode)
{
    link->held = value;
    link->asks = asks;
    link->taken = false;
    link->opcode = opcode;
    link->id = ++link->server->next_id;
    link->timer.fire = held_too_long;
    amble__timer_start(&link->timer, amble_now_us() + link->server->held_write_us);
    amble__list_append(&value->held, &link->node);
    if (asks)
        amble__waiters_end_taker(&value->askers);
}

void amble__server_unhold(amble__server_link *link)
{
    amble__timer_stop(&link->timer);
    amble__list_remove(&link->node);
    link->held = NULL;
}

/* --- the tasks that answer ---------------------------------------------------------------------------------------- */
static amble__server_link *untaken(const amble__served_value *value)
{
    for (amble__list *node = value->held.next; node != &value->held; node = node->next) {
        amble__server_link *link = amble__container(node, amble__server_link, node);

        if (link->asks && !link->taken)
            return link;
    }
    return NULL;
}

/* The bytes of a held write. */
static const uint8_t *held_data(const amble__server_link *link)
{
    return link->opcode == AMBLE__ATT_EXECUTE_WRITE_REQUEST ? link->client->prepared
                                                            : amble__packet_payload(&link->bearer->response);
}

int amble_requested(amble *ble, const amble_characteristic *c, amble_request *request, int timeout_ms)
{
    amble__server *server = amble__server_of(ble);
    amble__served_value *value = amble__database_find(&server->database, c);
    const uint64_t deadline = amble__due(timeout_ms);
    amble__server_link *link;
    int r = amble__wait_check();

    if (r < 0)
        return r;
    if (!value || !(c->answer_reads || c->answer_writes))
        return amble__wait_refuse(AMBLE_ERR_NOT_FOUND);
    while (!(link = untaken(value))) {
        r = server->failed ? amble__wait_refuse(server->failed) : amble__wait_on_until(&value->askers, deadline);
        if (r < 0)
            return r;
    }
    link->taken = true;
    *request = (amble_request){.write = link->opcode == AMBLE__ATT_WRITE_REQUEST ||
                                        link->opcode == AMBLE__ATT_EXECUTE_WRITE_REQUEST,
                               .conn = link->conn,
                               .device = link->conn->device,
                               .id = link->id};
    if (request->write) {
        request->data = held_data(link);
        request->size = link->size;
    } else {
        request->offset = link->offset;
    }
    return 0;
}

/* The link that still waits for this answer; NULL when it is over. */
static amble__server_link *waiting(amble__server *server, const amble_request *request)
{
    for (size_t i = 0; i < server->link_count; i++)
        if (server->links[i].held && server->links[i].asks && server->links[i].id == request->id)
            return &server->links[i];
    return NULL;
}

static void answer_read(amble__server_link *link, amble__bytes value)
{
    amble__att_bearer *bearer = link->bearer;
    const uint16_t handle = link->held->handle;
    amble__writer w;

    amble__server_unhold(link);
    if (link->offset > value.size) {
        amble__att_send_error(bearer, link->opcode, handle, AMBLE__ATT_INVALID_OFFSET);
        return;
    }
    w = amble__att_answer(bearer);
    amble__write_u8(&w, link->opcode + 1u);
    value.size -= link->offset;
    if (value.size) /* an empty value may lie nowhere */
        amble__write_bytes(&w, value.data + link->offset,
                           value.size < amble__write_room(&w) ? value.size : amble__write_room(&w));
    amble__att_send_answer(bearer, &w);
}

static void accept_write(amble__server_link *link, amble__bytes value)
{
    amble__served_value *served = link->held;

    amble__server_unhold(link);
    served->size = (uint16_t)value.size;
    if (value.size)
        memcpy(served->value, value.data, value.size);
    if (link->opcode == AMBLE__ATT_EXECUTE_WRITE_REQUEST)
        link->client->prepared_size = 0;
    amble__server_answer_empty(link, link->opcode + 1u);
}

int amble_request_answer(amble *ble, const amble_request *request, const void *data, size_t size)
{
    amble__server_link *link = waiting(amble__server_of(ble), request);
    amble__bytes value = {.data = data, .size = size};

    if (!link)
        return AMBLE_ERR_STALE;
    if (request->write && !data)
        value = (amble__bytes){.data = held_data(link), .size = link->size};
    if (value.size > (request->write ? link->held->max_size : (size_t)AMBLE__ATT_VALUE_MAX))
        return AMBLE_ERR_TOO_LONG;
    if (request->write)
        accept_write(link, value);
    else
        answer_read(link, value);
    return 0;
}

int amble_request_refuse(amble *ble, const amble_request *request, uint8_t att_error)
{
    amble__server_link *link = waiting(amble__server_of(ble), request);

    if (!link)
        return AMBLE_ERR_STALE;
    amble__server_refuse(link, att_error);
    return 0;
}
