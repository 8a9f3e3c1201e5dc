/* Services come and go, and who is told (Vol 3 Part G 2.5.2, 7.1).
 *
 * A link remembers the range that changed since its client was told last. Clients that asked for it are sent Service
 * Changed as soon as no other indication is under way; those that said they understand are refused once with 0x12.
 * Invariant: a client is aware of every change whose range its link does not remember, unless its awareness says
 * otherwise.
 *
 * Who has several bearers may have requests under way on the others that were made without knowing. So neither a
 * confirmation nor 0x12 makes it aware, but only reading the hash; it is told 0x12 once on each bearer. */
#include "gatt/server.h"

/* --- telling ------------------------------------------------------------------------------------------------------ */
static bool wants_indications(const amble__server_link *link)
{
    const amble__served_value *value = amble__database_find(&link->server->database, &amble__service_changed);

    return value && amble__server_subscribed(value, link->conn) & AMBLE__CCCD_INDICATE;
}

static bool has_several_bearers(const amble__server_link *link) { return amble_connection_bearers(link->conn) > 1; }

bool amble__server_owed(amble__att_bearer *bearer, amble__writer *w)
{
    amble__server_link *link = bearer->conn->server;
    uint8_t range[4];

    if (!link->client->changed_start || !wants_indications(link))
        return false;
    amble__put_le16(range, link->client->changed_start);
    amble__put_le16(range + 2, link->client->changed_end);
    link->client->changed_start = 0;
    link->client->told_alone = !has_several_bearers(link);
    amble__att_write_value(w, AMBLE__ATT_INDICATION,
                           amble__database_find(&link->server->database, &amble__service_changed)->handle, range,
                           sizeof range);
    return true;
}

static void become_aware(amble__server_link *link)
{
    link->client->awareness = AMBLE__CHANGE_AWARE;
    amble__server_keep(link);
}

void amble__server_confirmed(amble__att_bearer *bearer)
{
    amble__server_link *link = bearer->conn->server;

    /* Nothing changed since it was sent, and what is asked on a bearer that came later is asked by one who has it. */
    if (!link->client->changed_start && link->client->told_alone)
        become_aware(link);
}

void amble__server_note_change(amble__server_link *link, uint16_t start, uint16_t end)
{
    link->client->awareness = AMBLE__CHANGE_UNAWARE;
    for (size_t i = 0; i < link->server->bearers; i++)
        link->conn->server[i].refused = false;
    if (!wants_indications(link))
        return;
    if (!link->client->changed_start || start < link->client->changed_start) {
        link->client->changed_end =
            link->client->changed_start && link->client->changed_end > end ? link->client->changed_end : end;
        link->client->changed_start = start;
    } else if (end > link->client->changed_end) {
        link->client->changed_end = end;
    }
    amble__att_owe_indication(link->conn->bearer);
}

static void tell_all(amble__server *server, uint16_t start, uint16_t end)
{
    for (size_t i = 0; i < server->connections->count; i++)
        if (server->connections->slots[i].state == AMBLE__LINK_LIVE)
            amble__server_note_change(server->connections->slots[i].server, start, end);
}

/* --- refusing ----------------------------------------------------------------------------------------------------- */
/* The requests that go on though the client does not know the database: those with which it finds out (2.5.2.1). */
static bool finds_out(uint8_t opcode, amble__reader pdu)
{
    amble__att_range range;
    unsigned type;

    switch (opcode) {
    case AMBLE__ATT_READ_REQUEST:
    case AMBLE__ATT_READ_BLOB_REQUEST:
    case AMBLE__ATT_READ_MULTIPLE_REQUEST:
    case AMBLE__ATT_READ_MULTIPLE_VARIABLE_REQUEST:
    case AMBLE__ATT_WRITE_REQUEST:
    case AMBLE__ATT_PREPARE_WRITE_REQUEST:
        return false;
    case AMBLE__ATT_READ_BY_TYPE_REQUEST:
        if (amble__att_read_range(&pdu, opcode, &range))
            return true; /* it makes no sense, and gets that for an answer */
        type = range.type.size == 2 ? amble__get_le16(range.type.bytes) : 0;
        return type == AMBLE__TYPE_INCLUDE || type == AMBLE__TYPE_CHARACTERISTIC ||
               (range.start == 1 && range.end == 0xffff);
    default:
        return true;
    }
}

static bool reads_hash(uint8_t opcode, amble__reader pdu)
{
    amble__att_range range;

    return opcode == AMBLE__ATT_READ_BY_TYPE_REQUEST && !amble__att_read_range(&pdu, opcode, &range) &&
           range.type.size == 2 && amble__get_le16(range.type.bytes) == AMBLE__TYPE_DATABASE_HASH;
}

bool amble__server_admits(amble__server_link *link, amble__bytes pdu)
{
    const uint8_t opcode = pdu.data[0];
    const bool robust = link->client->features & AMBLE__FEATURE_ROBUST_CACHING;
    amble__reader parameters = amble__reader_over(amble__att_parameters(pdu));

    if (opcode & AMBLE__ATT_COMMAND_FLAG)
        return !robust; /* it may be meant for something else by now */
    if (link->held || link->bearer->response.busy)
        return true; /* against the rules, and about to be dropped */
    if (link->client->awareness == AMBLE__CHANGE_TOLD)
        become_aware(link);
    if (reads_hash(opcode, parameters) && link->client->awareness != AMBLE__CHANGE_AWARE) {
        link->client->awareness = AMBLE__CHANGE_TOLD;
        return true;
    }
    if (!robust || link->client->awareness == AMBLE__CHANGE_AWARE || finds_out(opcode, parameters))
        return true;
    if (has_several_bearers(link)) {
        if (link->refused)
            return true;
        link->refused = true;
    } else {
        link->client->awareness = AMBLE__CHANGE_TOLD;
    }
    amble__att_send_error(link->bearer, opcode, amble__read_le16(&parameters), AMBLE__ATT_DATABASE_OUT_OF_SYNC);
    return false;
}

/* --- serving ------------------------------------------------------------------------------------------------------ */
int amble_serve(amble *ble, const amble_service *service)
{
    amble__server *server = amble__server_of(ble);
    const int r = amble__database_serve(&server->database, service);

    if (r == 0) {
        const amble__served_service *served = amble__database_service(&server->database, service);

        tell_all(server, served->start, served->end);
    }
    return r;
}

/* What waits for a value that goes: tasks hear NOT_FOUND, clients 0x01. */
static void end_value(amble__served_value *value)
{
    amble__list *node;

    while ((node = amble__list_first(&value->held)))
        amble__server_refuse(amble__container(node, amble__server_link, node), AMBLE__ATT_INVALID_HANDLE);
    amble__waiters_end(&value->askers, AMBLE_ERR_NOT_FOUND);
    if (value->queue)
        amble__value_queue_end(value->queue, AMBLE_ERR_NOT_FOUND);
}

int amble_unserve(amble *ble, const amble_service *service)
{
    amble__server *server = amble__server_of(ble);
    amble__served_service *served = amble__database_service(&server->database, service);
    amble__leaving leaving;

    if (!served)
        return AMBLE_ERR_NOT_FOUND;
    if (amble__database_included(&server->database, service))
        return AMBLE_ERR_BUSY;
    amble__database_remove(&server->database, served, &leaving);
    for (uint16_t i = 0; i < leaving.service.count; i++)
        end_value(&leaving.service.values[i]);
    tell_all(server, leaving.service.start, leaving.service.end);
    /* Tasks that were woken and have not run yet still look at what they waited for. */
    amble__shield_begin();
    (void)!amble_sleep_ms(0); /* shielded: it only gives way */
    amble__shield_end();
    amble__list_remove(&leaving.node);
    return 0;
}
