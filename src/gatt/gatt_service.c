/* See gatt_service.h. */
#include "gatt/gatt_service.h"

#include "gatt/database.h"

static const amble_uuid service_uuid = AMBLE_UUID16(0x1801), changed_uuid = AMBLE_UUID16(AMBLE__TYPE_SERVICE_CHANGED),
                        features_uuid = AMBLE_UUID16(AMBLE__TYPE_CLIENT_FEATURES),
                        hash_uuid = AMBLE_UUID16(AMBLE__TYPE_DATABASE_HASH),
                        supported_uuid = AMBLE_UUID16(AMBLE__TYPE_SERVER_FEATURES);
static const uint8_t no_features[1] = {0}; /* a host with enhanced bearers sets the one bit there is */

const amble_characteristic amble__service_changed = {.uuid = &changed_uuid, .indicate = true, .max_size = 4};
static const amble_characteristic client_features = {.uuid = &features_uuid, .read = true, .write = true};
static const amble_characteristic database_hash = {.uuid = &hash_uuid, .read = true, .max_size = 16};

const amble_characteristic amble__server_features = {
    .uuid = &supported_uuid, .read = true, .max_size = 1, .initial = no_features, .initial_size = sizeof no_features};

const amble_service amble__gatt_service = {
    .uuid = &service_uuid,
    .characteristics = AMBLE_LIST(&amble__service_changed, &client_features, &database_hash, &amble__server_features)};

unsigned char amble__gatt_service_kind(const amble_characteristic *c)
{
    if (c == &client_features)
        return AMBLE__ATTRIBUTE_CLIENT_FEATURES;
    return c == &database_hash ? AMBLE__ATTRIBUTE_DATABASE_HASH : AMBLE__ATTRIBUTE_VALUE;
}
