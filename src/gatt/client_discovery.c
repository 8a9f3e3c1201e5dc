/* Discovery: services, characteristics, descriptors, one after the other (Vol 3 Part G 4.4, 4.6, 4.7).
 *
 * One request brings a list of several. The list is kept with its link, together with the range it was asked for, and
 * the next questions are answered from it as far as it reaches. Invariants: handles only grow from one answer to the
 * next, whatever the server says, so discovery ends; an entry outside the range that was asked for is
 * AMBLE_ERR_PROTOCOL. */
#include "gatt/client.h"
#include "gatt/database.h"

enum { LAST_HANDLE = 0xffff };

/* The kinds of lists, each with its request. */
typedef struct {
    uint8_t request, response;
    uint16_t type; /* 0: Find Information */
} list_kind;
static const list_kind services_list = {AMBLE__ATT_READ_BY_GROUP_TYPE_REQUEST, AMBLE__ATT_READ_BY_GROUP_TYPE_RESPONSE,
                                        AMBLE__TYPE_PRIMARY_SERVICE};
static const list_kind characteristics_list = {AMBLE__ATT_READ_BY_TYPE_REQUEST, AMBLE__ATT_READ_BY_TYPE_RESPONSE,
                                               AMBLE__TYPE_CHARACTERISTIC};
static const list_kind includes_list = {AMBLE__ATT_READ_BY_TYPE_REQUEST, AMBLE__ATT_READ_BY_TYPE_RESPONSE,
                                        AMBLE__TYPE_INCLUDE};
static const list_kind services_by_uuid_list = {AMBLE__ATT_FIND_BY_TYPE_VALUE_REQUEST,
                                                AMBLE__ATT_FIND_BY_TYPE_VALUE_RESPONSE, AMBLE__TYPE_PRIMARY_SERVICE};
static const list_kind information_list = {AMBLE__ATT_FIND_INFORMATION_REQUEST, AMBLE__ATT_FIND_INFORMATION_RESPONSE,
                                           0};

static amble__client_list *list_of(amble__client_link *link, const list_kind *kind)
{
    return kind == &services_list ? &link->services : &link->others;
}

static int ask_server(amble__client_link *link, const list_kind *kind, const amble__writer *request,
                      uint64_t deadline_us)
{
    amble__client_list *list = list_of(link, kind);
    amble__att_bearer *bearer;
    amble__reader response;
    amble__writer w;
    int r = amble__att_begin(link->conn, AMBLE__ATT_ANY, deadline_us, &bearer, &w);

    if (r < 0)
        return r;
    amble__write_bytes(&w, request->start, amble__written_size(request));
    r = amble__att_exchange(bearer, &w, kind->response, deadline_us, &response);
    list->size = 0; /* not before: meanwhile another task may have got a list on another bearer */
    if (r < 0)
        return r;
    list->bytes[0] = kind->response;
    list->size = 1 + amble__read_left(&response);
    amble__read_copy(&response, list->bytes + 1, list->size - 1);
    amble__att_end(bearer);
    return 0;
}

/* Asks for a list over a range, unless its answer is remembered, and keeps it. 1: there is one, 0: there is nothing in
 * the range. */
static int ask(amble__client_link *link, const list_kind *kind, uint16_t start, uint16_t end, amble__bytes value,
               uint64_t deadline_us)
{
    const amble__att_range range = {
        .start = start, .end = end, .type = {2, {(uint8_t)kind->type, (uint8_t)(kind->type >> 8)}}, .value = value};
    amble__client_list *list = list_of(link, kind);
    uint8_t bytes[AMBLE__ATT_MTU_MIN];
    amble__writer request = amble__writer_of(bytes, sizeof bytes);
    int r = 0;

    amble__att_write_range(&request, kind->request, &range);
    if (!amble__client_recall(link, list, bytes, amble__written_size(&request))) {
        r = amble__client_heed(link->conn, ask_server(link, kind, &request, deadline_us));
        if (r < 0 && r != AMBLE_ERR_ATT(AMBLE__ATT_ATTRIBUTE_NOT_FOUND))
            return r;
        amble__client_remember(link, list, bytes, amble__written_size(&request));
    }
    list->start = start;
    list->end = end;
    return list->size != 0;
}

/* The first entry of the kept list from `start` on. 1 found, 0 the list does not reach so far, or
 * AMBLE_ERR_PROTOCOL. */
static int look_up(amble__client_link *link, const list_kind *kind, uint16_t start, uint16_t end,
                   amble__att_entry *entry)
{
    const amble__client_list *list = list_of(link, kind);
    amble__reader r = amble__reader_of(list->bytes, list->size);
    size_t entry_size;
    unsigned last = 0;

    if (amble__read_u8(&r) != kind->response || start < list->start || start > list->end || end > list->end)
        return 0;
    if (!amble__att_begin_entries(&r, kind->response, &entry_size))
        return AMBLE_ERR_PROTOCOL;
    while (amble__att_next_entry(&r, kind->response, entry_size, entry)) {
        if (entry->handle <= last || entry->handle < list->start || entry->handle > list->end ||
            entry->end < entry->handle)
            return AMBLE_ERR_PROTOCOL;
        last = entry->end;
        if (entry->handle >= start)
            return entry->handle <= end;
    }
    return 0;
}

/* The first entry in the range, from the kept list or from the server: 1 found, 0 none. */
static int next_entry(amble__client_link *link, const list_kind *kind, unsigned start, uint16_t end,
                      amble__att_entry *entry, uint64_t deadline_us)
{
    int r;

    if (start > end)
        return 0;
    r = look_up(link, kind, (uint16_t)start, end, entry);
    if (r == 0 && (r = ask(link, kind, (uint16_t)start, end, (amble__bytes){.data = NULL}, deadline_us)) > 0 &&
        (r = look_up(link, kind, (uint16_t)start, end, entry)) == 0)
        r = AMBLE_ERR_PROTOCOL;
    return r == AMBLE_ERR_PROTOCOL ? amble__client_distrust(link) : r;
}

static bool read_uuid(amble__bytes bytes, amble_uuid *uuid)
{
    amble__reader r = amble__reader_of(bytes.data, bytes.size);

    return amble__att_read_uuid(&r, bytes.size, uuid);
}

/* --- services ----------------------------------------------------------------------------------------------------- */
static int next_service(amble_connection *conn, amble_remote_service *out, uint64_t deadline_us)
{
    amble__att_entry entry = {0};
    const unsigned start = out->end + 1u; /* 1 for a zeroed one */
    int r = next_entry(conn->client, &services_list, start, LAST_HANDLE, &entry, deadline_us);

    if (r <= 0)
        return r;
    *out = (amble_remote_service){
        .conn = conn, .start = entry.handle, .end = entry.end, .generation = conn->client->generation};
    return read_uuid(entry.value, &out->uuid) ? 1 : amble__client_distrust(conn->client);
}

int amble_next_service(amble_connection *conn, amble_remote_service *out, int timeout_ms)
{
    const uint64_t deadline = amble__deadline(timeout_ms);
    int r = out->conn ? amble__client_check_range(conn, out->generation, out->start, out->end, timeout_ms)
                      : amble__client_check(conn, conn->generation, timeout_ms);

    return r < 0 ? r : next_service(conn, out, deadline);
}

int amble_find_service(amble_connection *conn, const amble_uuid *uuid, amble_remote_service *out, int timeout_ms)
{
    const uint64_t deadline = amble__deadline(timeout_ms);
    const uint8_t opcode = AMBLE__ATT_FIND_BY_TYPE_VALUE_RESPONSE;
    amble__client_link *link = conn->client;
    amble__att_entry entry = {0};
    amble__reader response;
    size_t entry_size;
    bool sensible;
    int r = amble__client_check(conn, conn->generation, timeout_ms);

    if (r < 0)
        return r;
    r = ask(link, &services_by_uuid_list, 1, LAST_HANDLE, (amble__bytes){.data = uuid->bytes, .size = uuid->size},
            deadline);
    if (r <= 0)
        return r < 0 ? r : AMBLE_ERR_NOT_FOUND;
    response = amble__reader_of(link->others.bytes + 1, link->others.size - 1);
    sensible = amble__att_begin_entries(&response, opcode, &entry_size) &&
               amble__att_next_entry(&response, opcode, entry_size, &entry) && entry.handle &&
               entry.end >= entry.handle;
    *out = (amble_remote_service){
        .conn = conn, .uuid = *uuid, .start = entry.handle, .end = entry.end, .generation = link->generation};
    return sensible ? 0 : amble__client_distrust(link);
}

/* --- included services -------------------------------------------------------------------------------------------- */
/* Vol 3 Part G 4.5.1: a long UUID is not in the declaration, so it is read from the service's own. */
static int next_included(const amble_remote_service *service, amble_remote_service *out, uint64_t deadline_us)
{
    amble_connection *conn = service->conn;
    const unsigned start = out->conn ? out->include + 1u : service->start;
    amble__att_entry entry = {0};
    amble__reader value;
    int r = next_entry(conn->client, &includes_list, start, service->end, &entry, deadline_us);

    if (r <= 0)
        return r;
    value = amble__reader_of(entry.value.data, entry.value.size);
    *out = (amble_remote_service){.conn = conn, .include = entry.handle, .generation = conn->client->generation};
    out->start = amble__read_le16(&value);
    out->end = amble__read_le16(&value);
    if (value.failed || out->start == 0 || out->end < out->start)
        return amble__client_distrust(conn->client);
    if (amble__read_left(&value))
        return amble__att_read_uuid(&value, amble__read_left(&value), &out->uuid) ? 1 : AMBLE_ERR_PROTOCOL;
    r = amble__client_read(conn, out->start, out->uuid.bytes, sizeof out->uuid.bytes, deadline_us);
    if (r < 0)
        return amble__client_heed(conn, r);
    out->uuid.size = (uint8_t)r;
    return r == 2 || r == 16 ? 1 : AMBLE_ERR_PROTOCOL;
}

int amble_next_included(const amble_remote_service *service, amble_remote_service *out, int timeout_ms)
{
    const uint64_t deadline = amble__deadline(timeout_ms);
    int r = amble__client_check_range(service->conn, service->generation, service->start, service->end, timeout_ms);

    return r < 0 ? r : next_included(service, out, deadline);
}

/* --- characteristics ---------------------------------------------------------------------------------------------- */
static int next_characteristic(const amble_remote_service *service, amble_remote_characteristic *out,
                               uint64_t deadline_us)
{
    amble__client_link *link = service->conn->client;
    /* Behind the value there is nothing of this one that could be a declaration: often it is the service's end. */
    const unsigned start = out->conn ? out->value_handle + 1u : service->start;
    amble__att_entry entry, following;
    amble__reader value;
    int r = next_entry(link, &characteristics_list, start, service->end, &entry, deadline_us);

    if (r <= 0)
        return r;
    value = amble__reader_of(entry.value.data, entry.value.size);
    *out = (amble_remote_characteristic){.conn = service->conn,
                                         .handle = entry.handle,
                                         .end = service->end,
                                         .generation = link->generation,
                                         .properties = amble__read_u8(&value)};
    out->value_handle = amble__read_le16(&value);
    if (!amble__att_read_uuid(&value, amble__read_left(&value), &out->uuid) || out->value_handle <= entry.handle ||
        out->value_handle > service->end)
        return amble__client_distrust(link);
    /* It ends before the next one, if the list shows that; otherwise somewhere before the service's end, which is near
     * enough: whoever looks for its descriptors stops at the next declaration. */
    if (look_up(link, &characteristics_list,
                entry.handle + 1u > LAST_HANDLE ? LAST_HANDLE : (uint16_t)(entry.handle + 1), service->end,
                &following) > 0)
        out->end = (uint16_t)(following.handle - 1);
    return out->value_handle <= out->end ? 1 : amble__client_distrust(link);
}

int amble_next_characteristic(const amble_remote_service *service, amble_remote_characteristic *out, int timeout_ms)
{
    const uint64_t deadline = amble__deadline(timeout_ms);
    int r = amble__client_check_range(service->conn, service->generation, service->start, service->end, timeout_ms);

    return r < 0 ? r : next_characteristic(service, out, deadline);
}

int amble_find_characteristic(const amble_remote_service *service, const amble_uuid *uuid,
                              amble_remote_characteristic *out, int timeout_ms)
{
    const uint64_t deadline = amble__deadline(timeout_ms);
    int r = amble__client_check_range(service->conn, service->generation, service->start, service->end, timeout_ms);

    *out = (amble_remote_characteristic){.conn = NULL};
    if (r < 0)
        return r;
    while ((r = next_characteristic(service, out, deadline)) > 0)
        if (amble_uuid_equal(&out->uuid, uuid))
            return 0;
    return r < 0 ? r : AMBLE_ERR_NOT_FOUND;
}

/* --- descriptors -------------------------------------------------------------------------------------------------- */
static bool is_declaration(const amble_uuid *uuid)
{
    const unsigned type = uuid->size == 2 ? amble__get_le16(uuid->bytes) : 0;

    return type == AMBLE__TYPE_PRIMARY_SERVICE || type == AMBLE__TYPE_SECONDARY_SERVICE ||
           type == AMBLE__TYPE_INCLUDE || type == AMBLE__TYPE_CHARACTERISTIC;
}

static int next_descriptor(const amble_remote_characteristic *c, amble_remote_descriptor *out, uint64_t deadline_us)
{
    const unsigned start = (out->conn ? out->handle : c->value_handle) + 1u;
    amble__att_entry entry = {0};
    int r = next_entry(c->conn->client, &information_list, start, c->end, &entry, deadline_us);

    if (r <= 0)
        return r;
    *out =
        (amble_remote_descriptor){.conn = c->conn, .handle = entry.handle, .generation = c->conn->client->generation};
    if (!read_uuid(entry.value, &out->uuid))
        return amble__client_distrust(c->conn->client);
    return is_declaration(&out->uuid) ? 0 : 1;
}

int amble_next_descriptor(const amble_remote_characteristic *c, amble_remote_descriptor *out, int timeout_ms)
{
    const uint64_t deadline = amble__deadline(timeout_ms);
    int r = amble__client_check_range(c->conn, c->generation, c->handle, c->end, timeout_ms);

    return r < 0 ? r : next_descriptor(c, out, deadline);
}

static int find_descriptor(const amble_remote_characteristic *c, const amble_uuid *uuid, amble_remote_descriptor *out,
                           uint64_t deadline_us)
{
    int r;

    *out = (amble_remote_descriptor){.conn = NULL};
    while ((r = next_descriptor(c, out, deadline_us)) > 0)
        if (amble_uuid_equal(&out->uuid, uuid))
            return 0;
    return r < 0 ? r : AMBLE_ERR_NOT_FOUND;
}

int amble_find_descriptor(const amble_remote_characteristic *c, const amble_uuid *uuid, amble_remote_descriptor *out,
                          int timeout_ms)
{
    const uint64_t deadline = amble__deadline(timeout_ms);
    int r = amble__client_check_range(c->conn, c->generation, c->handle, c->end, timeout_ms);

    return r < 0 ? r : find_descriptor(c, uuid, out, deadline);
}

int amble__client_find_cccd(const amble_remote_characteristic *c, uint16_t *handle, uint64_t deadline_us)
{
    static const amble_uuid cccd = AMBLE_UUID16(AMBLE__TYPE_CCCD);
    amble_remote_descriptor descriptor;
    int r = find_descriptor(c, &cccd, &descriptor, deadline_us);

    *handle = descriptor.handle;
    return r;
}
