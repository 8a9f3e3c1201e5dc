/* See database.h: serving, memory, and looking up by definition. Invariants: services and values are sorted by handle
 * and do not overlap; a handle is never used for two things; the pieces of the block do not overlap. */
#include "gatt/database.h"

#include <amble/gatt_client.h>

#include "att/pdu.h"
#include "core/log.h"
#include "gatt/gatt_service.h"

enum { DEFAULT_VALUE_SIZE = 20, DEFAULT_WRITE_DEPTH = 4, FIRST_HANDLE = 1, LAST_HANDLE = 0xffff };

void amble__database_init(amble__database *database, amble__arena *arena, size_t size, size_t links)
{
    amble__served_service *services = amble__arena_take(arena, AMBLE__DATABASE_SERVICES, sizeof *services);
    uint8_t *block = amble__arena_take(arena, 1, size);

    if (!database)
        return;
    *database = (amble__database){.services = services,
                                  .capacity = AMBLE__DATABASE_SERVICES,
                                  .links = links,
                                  .next_handle = FIRST_HANDLE,
                                  .block = block,
                                  .block_size = size};
    amble__list_init(&database->leaving);
}

/* --- by definition ------------------------------------------------------------------------------------------------ */
amble__served_service *amble__database_service(const amble__database *database, const amble_service *definition)
{
    for (size_t i = 0; i < database->count; i++)
        if (database->services[i].definition == definition)
            return &database->services[i];
    return NULL;
}

bool amble__database_included(const amble__database *database, const amble_service *definition)
{
    for (size_t i = 0; i < database->count; i++)
        for (const amble_service *const *s = database->services[i].definition->includes; s && *s; s++)
            if (*s == definition)
                return true;
    return false;
}

static void enter_in_buckets(amble__database *database, amble__served_service *served)
{
    for (uint16_t i = 0; i < served->count; i++) {
        amble__served_value *value = &served->values[i];
        amble__served_value **bucket = &database->buckets[amble__database_bucket(value->definition)];

        value->same_bucket = *bucket;
        *bucket = value;
    }
}

static void remove_from_buckets(amble__database *database, const amble__served_service *served)
{
    for (uint16_t i = 0; i < served->count; i++) {
        amble__served_value **link = &database->buckets[amble__database_bucket(served->values[i].definition)];

        while (*link != &served->values[i])
            link = &(*link)->same_bucket;
        *link = served->values[i].same_bucket;
    }
}

/* --- what makes sense --------------------------------------------------------------------------------------------- */
static bool writable(const amble_characteristic *c) { return c->write || c->write_no_response || c->signed_write; }
static bool has_cccd(const amble_characteristic *c) { return c->notify || c->indicate; }
static bool has_type(const amble_characteristic *c, unsigned type)
{
    return c->uuid && c->uuid->size == 2 && amble__get_le16(c->uuid->bytes) == type;
}

/* Vol 3 Part G 3.3.3.1 */
static unsigned extended_properties(const amble_characteristic *c)
{
    unsigned properties = c->reliable_write ? AMBLE__RELIABLE_WRITE : 0;

    for (const amble_descriptor *const *d = c->descriptors; d && *d; d++)
        if (has_type(*d, AMBLE__TYPE_USER_DESCRIPTION) && writable(*d))
            properties |= AMBLE__WRITABLE_AUXILIARIES;
    return properties;
}

static uint16_t value_size_of(const amble_characteristic *c)
{
    if (c->max_size)
        return c->max_size;
    return c->initial_size > DEFAULT_VALUE_SIZE ? c->initial_size : DEFAULT_VALUE_SIZE;
}

static bool is_uuid(const amble_uuid *uuid) { return uuid && (uuid->size == 2 || uuid->size == 16); }

/* The host itself serves these two. */
static bool made_by_itself(const amble_characteristic *c)
{
    return has_type(c, AMBLE__TYPE_CCCD) || has_type(c, AMBLE__TYPE_EXTENDED_PROPERTIES);
}

static bool sensible(const amble_characteristic *c, bool descriptor)
{
    return is_uuid(c->uuid) && value_size_of(c) <= AMBLE__ATT_VALUE_MAX && c->initial_size <= value_size_of(c) &&
           (c->initial || !c->initial_size) &&
           !(c->answer_writes && (c->write_no_response || c->signed_write || c->capture || c->append)) &&
           !(descriptor && (has_cccd(c) || c->reliable_write || c->signed_write || made_by_itself(c)));
}

/* Whether one of the first `count` definitions of the service is this one. */
static bool named_before(const amble_service *service, const amble_characteristic *definition, unsigned count)
{
    for (const amble_characteristic *const *c = service->characteristics; c && *c && count; c++) {
        if (*c == definition)
            return true;
        count--;
        for (const amble_descriptor *const *d = (*c)->descriptors; d && *d && count; d++) {
            if (*d == definition)
                return true;
            count--;
        }
    }
    return false;
}

/* Counts what a service has; false when its definition makes no sense or is served already. */
typedef struct {
    unsigned includes, values, handles;
} survey;
static bool look_over(const amble__database *database, const amble_service *service, survey *s)
{
    *s = (survey){.handles = 1};
    if (!is_uuid(service->uuid))
        return false;
    for (const amble_service *const *i = service->includes; i && *i; i++)
        s->includes++;
    s->handles += s->includes;
    for (const amble_characteristic *const *c = service->characteristics; c && *c; c++) {
        if (!sensible(*c, false) || amble__database_find(database, *c) || named_before(service, *c, s->values))
            return false;
        s->values += 1;
        s->handles += 2u + has_cccd(*c) + (extended_properties(*c) != 0);
        for (const amble_descriptor *const *d = (*c)->descriptors; d && *d; d++) {
            if (!sensible(*d, true) || amble__database_find(database, *d) || named_before(service, *d, s->values))
                return false;
            s->values += 1;
            s->handles += 1;
        }
    }
    return true;
}

static bool includes_are_served(const amble__database *database, const amble_service *service)
{
    for (const amble_service *const *i = service->includes; i && *i; i++)
        if (!amble__database_service(database, *i))
            return false;
    return true;
}

/* --- memory ------------------------------------------------------------------------------------------------------- */
static amble__value_queue *make_queue(amble__database *database, amble__arena *arena, const amble_characteristic *c)
{
    /* Without capture: one value in view, and the latest. */
    const size_t depth = !c->capture ? 2 : c->write_depth ? c->write_depth : DEFAULT_WRITE_DEPTH;
    amble__value_queue *queue = amble__arena_take(arena, 1, sizeof *queue);
    amble__value_entry *entries = amble__arena_take(arena, depth, sizeof *entries);

    if (queue)
        amble__value_queue_init(queue, &database->dropped);
    for (size_t i = 0; i < depth; i++) {
        uint8_t *bytes = amble__arena_take(arena, 1, value_size_of(c));

        if (queue && entries) {
            entries[i].bytes = bytes;
            amble__value_queue_add(queue, &entries[i]);
        }
    }
    return queue;
}

static uint8_t properties_of(const amble_characteristic *c)
{
    return (uint8_t)((c->read ? AMBLE_PROPERTY_READ : 0) | (c->write ? AMBLE_PROPERTY_WRITE : 0) |
                     (c->write_no_response ? AMBLE_PROPERTY_WRITE_NO_RESPONSE : 0) |
                     (c->signed_write ? AMBLE_PROPERTY_SIGNED_WRITE : 0) | (c->notify ? AMBLE_PROPERTY_NOTIFY : 0) |
                     (c->indicate ? AMBLE_PROPERTY_INDICATE : 0) |
                     (extended_properties(c) ? AMBLE_PROPERTY_EXTENDED : 0));
}

/* Fills in one value and returns the handle after it. */
static unsigned make_value(amble__database *database, amble__arena *arena, amble__served_value *value,
                           const amble_characteristic *c, unsigned handle, bool descriptor)
{
    value->definition = c;
    value->descriptor = descriptor;
    value->takes_any_command =
        c->write_no_response && c->write_security == AMBLE_OPEN && !c->write_authorised && !c->append;
    value->kind = amble__gatt_service_kind(c);
    value->extended = (uint8_t)extended_properties(c);
    value->properties = properties_of(c);
    value->declaration = (uint16_t)handle;
    value->handle = (uint16_t)(descriptor ? handle : ++handle);
    value->max_size = value_size_of(c);
    value->value = amble__arena_take(arena, 1, value->max_size);
    value->size = c->initial_size;
    if (value->value && c->initial_size)
        memcpy(value->value, c->initial, c->initial_size);
    amble__list_init(&value->held);
    amble__list_init(&value->askers);
    if (writable(c))
        value->queue = make_queue(database, arena, c);
    if (has_cccd(c)) {
        value->cccd = (uint16_t)++handle;
        value->subscriptions = amble__arena_take(arena, database->links, 1);
    }
    return handle + 1 + (value->extended != 0); /* the extended properties follow */
}

/* Takes a service from an arena, in one order; on a counting arena it only counts. */
static void make_service(amble__database *database, amble__arena *arena, amble__served_service *served)
{
    unsigned handle = served->start + 1u + served->includes, made = 0;
    amble__served_value *values = amble__arena_take(arena, served->count, sizeof *values);
    amble__served_value counted;

    for (const amble_characteristic *const *c = served->definition->characteristics; c && *c; c++) {
        handle = make_value(database, arena, values ? &values[made++] : &counted, *c, handle, false);
        for (const amble_descriptor *const *d = (*c)->descriptors; d && *d; d++)
            handle = make_value(database, arena, values ? &values[made++] : &counted, *d, handle, true);
    }
    served->values = values;
}

/* The end of a piece that overlaps this one; 0 when none does. */
static size_t overlapped_until(const amble__database *database, size_t at, size_t size)
{
    for (size_t i = 0; i < database->count; i++) {
        const amble__served_service *s = &database->services[i];

        if (s->at < at + size && at < s->at + s->size)
            return s->at + s->size;
    }
    for (const amble__list *node = database->leaving.next; node != &database->leaving; node = node->next) {
        const amble__served_service *s = &((const amble__leaving *)(const void *)node)->service;

        if (s->at < at + size && at < s->at + s->size)
            return s->at + s->size;
    }
    return 0;
}

/* The first piece of the block that is free; false when there is none. */
static bool find_piece(const amble__database *database, size_t size, size_t *at)
{
    size_t end;

    *at = 0;
    while (*at + size <= database->block_size && (end = overlapped_until(database, *at, size)))
        *at = end;
    return *at + size <= database->block_size;
}

/* --- serving ------------------------------------------------------------------------------------------------------ */
static int no_memory(const amble__database *database, const amble__served_service *served)
{
    if (database->next_handle + (unsigned)(served->end - served->start) > LAST_HANDLE)
        amble__log(AMBLE__LOG_ERROR, "the database has no handles left: each is used once; open the host again");
    else if (database->count == database->capacity)
        amble__log(AMBLE__LOG_ERROR, "the database is full: it holds %zu services", database->capacity);
    else
        amble__log(
            AMBLE__LOG_ERROR,
            "the database is full: %zu of %zu bytes are wanted in one piece; raise database_size in amble_config",
            served->size, database->block_size);
    return AMBLE_ERR_NO_MEMORY;
}

int amble__database_serve(amble__database *database, const amble_service *service)
{
    amble__arena arena = {.block = NULL};
    amble__served_service served;
    survey s;

    if (amble__database_service(database, service))
        return AMBLE_ERR_BUSY;
    if (!look_over(database, service, &s))
        return AMBLE_ERR_ARGUMENT;
    if (!includes_are_served(database, service))
        return AMBLE_ERR_NOT_FOUND;
    served = (amble__served_service){.definition = service,
                                     .start = (uint16_t)database->next_handle,
                                     .end = (uint16_t)(database->next_handle + s.handles - 1),
                                     .includes = (uint16_t)s.includes,
                                     .count = (uint16_t)s.values};
    make_service(database, &arena, &served);
    served.size = arena.used;
    if (database->count == database->capacity || database->next_handle + s.handles - 1 > LAST_HANDLE ||
        !find_piece(database, served.size, &served.at))
        return no_memory(database, &served);
    arena = (amble__arena){.block = database->block + served.at, .size = served.size};
    make_service(database, &arena, &served);
    database->services[database->count++] = served;
    enter_in_buckets(database, &served);
    database->next_handle = served.end + 1u;
    database->last.handle = 0;
    database->changes++;
    return 0;
}

void amble__database_remove(amble__database *database, amble__served_service *service, amble__leaving *leaving)
{
    const size_t index = (size_t)(service - database->services);

    leaving->service = *service;
    amble__list_append(&database->leaving, &leaving->node);
    remove_from_buckets(database, service);
    database->count--;
    memmove(service, service + 1, (database->count - index) * sizeof *service);
    database->last.handle = 0;
    database->changes++;
}
