/* See database.h. Invariants: services and values are sorted by handle and do not overlap; a handle is never used for two things. */
#include "gatt/database.h"

#include <amble/gatt_client.h>

#include "att/pdu.h"
#include "core/log.h"

enum { DEFAULT_VALUE_SIZE = 20, DEFAULT_WRITE_DEPTH = 4, LAST_HANDLE = 0xffff };

void amble__database_init(amble__database *database, amble__arena *arena, size_t size, size_t links)
{
    amble__served_service *services = amble__arena_take(arena, AMBLE__DATABASE_SERVICES, sizeof *services);
    uint8_t *block = amble__arena_take(arena, 1, size);

    if (!database)
        return;
    *database = (amble__database){.services = services,
                                  .capacity = AMBLE__DATABASE_SERVICES,
                                  .links = links,
                                  .arena = {.block = block, .size = size}};
}

/* --- by definition ------------------------------------------------------------------------------------------------ */
static size_t bucket_of(const amble_characteristic *definition)
{
    const uintptr_t address = (uintptr_t)definition;

    return (address >> 4 ^ address >> 9) % AMBLE__DATABASE_BUCKETS;
}

amble__served_value *amble__database_find(const amble__database *database, const amble_characteristic *definition)
{
    amble__served_value *value = database->buckets[bucket_of(definition)];

    while (value && value->definition != definition)
        value = value->same_bucket;
    return value;
}

/* --- serving ------------------------------------------------------------------------------------------------------ */
static bool writable(const amble_characteristic *c) { return c->write || c->write_no_response; }
static bool has_cccd(const amble_characteristic *c) { return c->notify || c->indicate; }

static uint16_t value_size_of(const amble_characteristic *c)
{
    if (c->max_size)
        return c->max_size;
    return c->initial_size > DEFAULT_VALUE_SIZE ? c->initial_size : DEFAULT_VALUE_SIZE;
}

static bool is_uuid(const amble_uuid *uuid) { return uuid && (uuid->size == 2 || uuid->size == 16); }

static bool sensible(const amble_characteristic *c, bool descriptor)
{
    return is_uuid(c->uuid) && value_size_of(c) <= AMBLE__ATT_VALUE_MAX && c->initial_size <= value_size_of(c) &&
           (c->initial || !c->initial_size) && !(c->answer_writes && (c->write_no_response || c->capture)) &&
           !(descriptor && has_cccd(c));
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

/* Counts values and handles of a service; false when its definition makes no sense or is served already. */
static bool survey(const amble__database *database, const amble_service *service, unsigned *values, unsigned *handles)
{
    *values = 0;
    *handles = 1;
    if (!is_uuid(service->uuid))
        return false;
    for (const amble_characteristic *const *c = service->characteristics; c && *c; c++) {
        if (!sensible(*c, false) || amble__database_find(database, *c) || named_before(service, *c, *values))
            return false;
        *values += 1;
        *handles += 2 + has_cccd(*c);
        for (const amble_descriptor *const *d = (*c)->descriptors; d && *d; d++) {
            if (!sensible(*d, true) || amble__database_find(database, *d) || named_before(service, *d, *values))
                return false;
            *values += 1;
            *handles += 1;
        }
    }
    return true;
}

static amble__value_queue *make_queue(amble__database *database, const amble_characteristic *c)
{
    /* Without capture: one value in view, and the latest. */
    const size_t depth = !c->capture ? 2 : c->write_depth ? c->write_depth : DEFAULT_WRITE_DEPTH;
    amble__value_queue *queue = amble__arena_take(&database->arena, 1, sizeof *queue);
    amble__value_entry *entries = amble__arena_take(&database->arena, depth, sizeof *entries);

    if (queue)
        amble__value_queue_init(queue, &database->dropped);
    for (size_t i = 0; i < depth; i++) {
        uint8_t *bytes = amble__arena_take(&database->arena, 1, value_size_of(c));

        if (queue && entries) {
            entries[i].bytes = bytes;
            amble__value_queue_add(queue, &entries[i]);
        }
    }
    return queue;
}

/* Fills in one value and returns the handle after it. */
static unsigned make_value(amble__database *database, amble__served_value *value, const amble_characteristic *c,
                           unsigned handle, bool descriptor)
{
    value->definition = c;
    value->descriptor = descriptor;
    value->declaration = (uint16_t)handle;
    value->handle = (uint16_t)(descriptor ? handle : ++handle);
    value->max_size = value_size_of(c);
    value->value = amble__arena_take(&database->arena, 1, value->max_size);
    value->size = c->initial_size;
    if (value->value && c->initial_size)
        memcpy(value->value, c->initial, c->initial_size);
    amble__list_init(&value->held);
    amble__list_init(&value->askers);
    if (writable(c))
        value->queue = make_queue(database, c);
    if (has_cccd(c) && !descriptor) {
        value->cccd = (uint16_t)++handle;
        value->subscriptions = amble__arena_take(&database->arena, database->links, 1);
    }
    return handle + 1;
}

static void make_values(amble__database *database, amble__served_service *served)
{
    unsigned handle = served->start + 1u;
    amble__served_value *value = served->values;

    for (const amble_characteristic *const *c = served->definition->characteristics; c && *c; c++) {
        handle = make_value(database, value++, *c, handle, false);
        for (const amble_descriptor *const *d = (*c)->descriptors; d && *d; d++)
            handle = make_value(database, value++, *d, handle, true);
    }
}

static void enter_in_buckets(amble__database *database, amble__served_service *served)
{
    for (uint16_t i = 0; i < served->count; i++) {
        amble__served_value *value = &served->values[i];
        amble__served_value **bucket = &database->buckets[bucket_of(value->definition)];

        value->same_bucket = *bucket;
        *bucket = value;
    }
}

int amble__database_serve(amble__database *database, const amble_service *service)
{
    const unsigned start = database->count ? database->services[database->count - 1].end + 1u : 1;
    const size_t used = database->arena.used;
    amble__served_service *served;
    unsigned values, handles;

    for (size_t i = 0; i < database->count; i++)
        if (database->services[i].definition == service)
            return AMBLE_ERR_BUSY;
    if (!survey(database, service, &values, &handles))
        return AMBLE_ERR_ARGUMENT;
    if (database->count == database->capacity || start + handles - 1 > LAST_HANDLE)
        return AMBLE_ERR_NO_MEMORY;
    served = &database->services[database->count];
    *served = (amble__served_service){.definition = service,
                                      .start = (uint16_t)start,
                                      .end = (uint16_t)(start + handles - 1),
                                      .count = (uint16_t)values};
    served->values = amble__arena_take(&database->arena, values, sizeof *served->values);
    if (served->values)
        make_values(database, served);
    if (!served->values || database->arena.used > database->arena.size) {
        amble__log(AMBLE__LOG_ERROR,
                   "the database is full: %zu of %zu bytes are used; raise database_size in amble_config", used,
                   database->arena.size);
        database->arena.used = used;
        return AMBLE_ERR_NO_MEMORY;
    }
    enter_in_buckets(database, served);
    database->last.handle = 0;
    database->count++;
    return 0;
}

/* --- by handle ---------------------------------------------------------------------------------------------------- */
/* The first service whose range ends at or after the handle. */
static amble__served_service *service_for(const amble__database *database, unsigned handle)
{
    size_t low = 0, high = database->count;

    while (low < high) {
        const size_t middle = (low + high) / 2;

        if (database->services[middle].end < handle)
            low = middle + 1;
        else
            high = middle;
    }
    return low < database->count ? &database->services[low] : NULL;
}

/* The last value of the service that begins at or before the handle; NULL when the handle is the service's own. */
static amble__served_value *value_for(const amble__served_service *service, unsigned handle)
{
    size_t low = 0, high = service->count;

    while (low < high) {
        const size_t middle = (low + high) / 2;

        if (service->values[middle].declaration <= handle)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &service->values[low - 1] : NULL;
}

bool amble__database_at_or_after(const amble__database *database, unsigned handle, amble__attribute *attribute)
{
    amble__served_service *service = service_for(database, handle);
    amble__served_value *value;

    if (!service)
        return false;
    if (handle <= service->start) {
        *attribute = (amble__attribute){.handle = service->start, .kind = AMBLE__ATTRIBUTE_SERVICE, .service = service};
        return true;
    }
    value = value_for(service, handle); /* within a service every handle is in use, so this is never NULL */
    *attribute = (amble__attribute){.handle = (uint16_t)handle, .service = service, .value = value};
    if (handle == value->handle)
        attribute->kind = AMBLE__ATTRIBUTE_VALUE;
    else
        attribute->kind = handle == value->declaration ? AMBLE__ATTRIBUTE_DECLARATION : AMBLE__ATTRIBUTE_CCCD;
    return true;
}

bool amble__database_at(amble__database *database, uint16_t handle, amble__attribute *attribute)
{
    if (handle == 0)
        return false;
    if (database->last.handle != handle &&
        (!amble__database_at_or_after(database, handle, &database->last) || database->last.handle != handle)) {
        database->last.handle = 0;
        return false;
    }
    *attribute = database->last;
    return true;
}

amble_uuid amble__attribute_type(const amble__attribute *attribute)
{
    static const amble_uuid primary = AMBLE_UUID16(AMBLE__TYPE_PRIMARY_SERVICE);
    static const amble_uuid characteristic = AMBLE_UUID16(AMBLE__TYPE_CHARACTERISTIC);
    static const amble_uuid cccd = AMBLE_UUID16(AMBLE__TYPE_CCCD);

    switch (attribute->kind) {
    case AMBLE__ATTRIBUTE_SERVICE:
        return primary;
    case AMBLE__ATTRIBUTE_DECLARATION:
        return characteristic;
    case AMBLE__ATTRIBUTE_CCCD:
        return cccd;
    default:
        return *attribute->value->definition->uuid;
    }
}

uint8_t amble__value_properties(const amble__served_value *value)
{
    const amble_characteristic *c = value->definition;

    return (uint8_t)((c->read ? AMBLE_PROPERTY_READ : 0) | (c->write ? AMBLE_PROPERTY_WRITE : 0) |
                     (c->write_no_response ? AMBLE_PROPERTY_WRITE_NO_RESPONSE : 0) |
                     (c->notify ? AMBLE_PROPERTY_NOTIFY : 0) | (c->indicate ? AMBLE_PROPERTY_INDICATE : 0));
}
