/* Attributes by their handle: which there is, its type, what it declares, and the hash over all of them. */
#include "gatt/database.h"
#include "port/crypto.h"

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

/* The last value of the service that begins at or before the handle. */
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

static amble__attribute_kind kind_of(const amble__served_value *value, unsigned handle)
{
    if (handle == value->handle)
        return (amble__attribute_kind)value->kind;
    if (handle == value->declaration)
        return AMBLE__ATTRIBUTE_DECLARATION;
    return handle == value->cccd ? AMBLE__ATTRIBUTE_CCCD : AMBLE__ATTRIBUTE_EXTENDED_PROPERTIES;
}

bool amble__database_at_or_after(const amble__database *database, unsigned handle, amble__attribute *attribute)
{
    amble__served_service *service = service_for(database, handle);

    if (!service)
        return false;
    if (handle < service->start)
        handle = service->start;
    *attribute = (amble__attribute){.handle = (uint16_t)handle, .service = service};
    if (handle <= (unsigned)service->start + service->includes) {
        attribute->kind = handle == service->start ? AMBLE__ATTRIBUTE_SERVICE : AMBLE__ATTRIBUTE_INCLUDE;
        return true;
    }
    attribute->value = value_for(service, handle); /* within a service every handle is in use, so this is never NULL */
    attribute->kind = kind_of(attribute->value, handle);
    return true;
}

const amble__attribute *amble__database_look_up(amble__database *database, uint16_t handle)
{
    if (handle && amble__database_at_or_after(database, handle, &database->last) && database->last.handle == handle)
        return &database->last;
    database->last.handle = 0;
    return NULL;
}

amble_uuid amble__attribute_type(const amble__attribute *attribute)
{
    static const amble_uuid primary = AMBLE_UUID16(AMBLE__TYPE_PRIMARY_SERVICE),
                            secondary = AMBLE_UUID16(AMBLE__TYPE_SECONDARY_SERVICE),
                            include = AMBLE_UUID16(AMBLE__TYPE_INCLUDE),
                            characteristic = AMBLE_UUID16(AMBLE__TYPE_CHARACTERISTIC),
                            cccd = AMBLE_UUID16(AMBLE__TYPE_CCCD),
                            extended = AMBLE_UUID16(AMBLE__TYPE_EXTENDED_PROPERTIES);

    switch (attribute->kind) {
    case AMBLE__ATTRIBUTE_SERVICE:
        return attribute->service->definition->secondary ? secondary : primary;
    case AMBLE__ATTRIBUTE_INCLUDE:
        return include;
    case AMBLE__ATTRIBUTE_DECLARATION:
        return characteristic;
    case AMBLE__ATTRIBUTE_CCCD:
        return cccd;
    case AMBLE__ATTRIBUTE_EXTENDED_PROPERTIES:
        return extended;
    default:
        return *attribute->value->definition->uuid;
    }
}

/* Vol 3 Part G 3.2: the range of the included service, and its UUID if that is short. */
static size_t compose_include(const amble__database *database, const amble__attribute *attribute, uint8_t *scratch)
{
    const amble_service *definition =
        attribute->service->definition->includes[attribute->handle - attribute->service->start - 1];
    const amble__served_service *included = amble__database_service(database, definition);

    amble__put_le16(scratch, included->start); /* it cannot go before the one that includes it */
    amble__put_le16(scratch + 2, included->end);
    if (definition->uuid->size != 2)
        return 4;
    memcpy(scratch + 4, definition->uuid->bytes, 2);
    return 6;
}

amble__bytes amble__attribute_declaration(const amble__database *database, const amble__attribute *attribute,
                                          uint8_t scratch[AMBLE__DECLARATION_SIZE])
{
    const amble_uuid *uuid;

    switch (attribute->kind) {
    case AMBLE__ATTRIBUTE_SERVICE:
        uuid = attribute->service->definition->uuid;
        return (amble__bytes){.data = uuid->bytes, .size = uuid->size};
    case AMBLE__ATTRIBUTE_INCLUDE:
        return (amble__bytes){.data = scratch, .size = compose_include(database, attribute, scratch)};
    case AMBLE__ATTRIBUTE_EXTENDED_PROPERTIES:
        amble__put_le16(scratch, attribute->value->extended);
        return (amble__bytes){.data = scratch, .size = 2};
    default: /* a characteristic, Vol 3 Part G 3.3.1 */
        uuid = attribute->value->definition->uuid;
        scratch[0] = attribute->value->properties;
        amble__put_le16(scratch + 1, attribute->value->handle);
        memcpy(scratch + 3, uuid->bytes, uuid->size);
        return (amble__bytes){.data = scratch, .size = 3u + uuid->size};
    }
}

/* --- the hash ----------------------------------------------------------------------------------------------------- */
/* What the hash covers of an attribute, Vol 3 Part G 7.3.1: nothing of it, its handle and type, or its value too. */
static size_t hashed_part(const amble__database *database, const amble__attribute *attribute, const amble_uuid *type,
                          uint8_t part[4 + AMBLE__DECLARATION_SIZE])
{
    const unsigned number = type->size == 2 ? amble__get_le16(type->bytes) : 0;
    amble__bytes value = {.data = NULL};
    uint8_t scratch[AMBLE__DECLARATION_SIZE];

    switch (number) {
    case AMBLE__TYPE_PRIMARY_SERVICE:
    case AMBLE__TYPE_SECONDARY_SERVICE:
    case AMBLE__TYPE_INCLUDE:
    case AMBLE__TYPE_CHARACTERISTIC:
    case AMBLE__TYPE_EXTENDED_PROPERTIES:
        value = amble__attribute_declaration(database, attribute, scratch);
        break;
    case AMBLE__TYPE_USER_DESCRIPTION:
    case AMBLE__TYPE_CCCD:
    case AMBLE__TYPE_SERVER_CONFIGURATION:
    case AMBLE__TYPE_PRESENTATION_FORMAT:
    case AMBLE__TYPE_AGGREGATE_FORMAT:
        break;
    default:
        return 0;
    }
    amble__put_le16(part, attribute->handle);
    memcpy(part + 2, type->bytes, 2);
    if (value.size)
        memcpy(part + 4, value.data, value.size);
    return 4 + value.size;
}

static bool declares(const amble__attribute *attribute)
{
    return attribute->kind >= AMBLE__ATTRIBUTE_SERVICE || attribute->value->descriptor;
}

/* AES-CMAC with a key of zeros over the parts; the result is a 128-bit number, which the air has in the other order. */
const uint8_t *amble__database_hash(amble__database *database)
{
    static const uint8_t no_key[16] = {0};
    uint8_t part[4 + AMBLE__DECLARATION_SIZE], mac[16];
    amble__attribute attribute;
    amble__cmac cmac;

    if (database->hash_of == database->changes)
        return database->hash;
    (void)amble__cmac_begin(&cmac, no_key); /* a key of zeros is as good as any */
    for (unsigned handle = 1; amble__database_at_or_after(database, handle, &attribute);
         handle = attribute.handle + 1u) {
        const amble_uuid type = amble__attribute_type(&attribute);

        if (declares(&attribute))
            amble__cmac_add(&cmac, part, hashed_part(database, &attribute, &type, part));
    }
    amble__cmac_end(&cmac, mac);
    for (size_t i = 0; i < sizeof mac; i++)
        database->hash[i] = mac[sizeof mac - 1 - i];
    database->hash_of = database->changes;
    return database->hash;
}
