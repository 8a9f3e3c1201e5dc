/* The services that every host has: Generic Access with name and appearance (Vol 3 Part C 12), Generic Attribute
 * (gatt/gatt_service.h). */
#include "gatt/gatt_service.h"
#include "host/host_room.h"

static const amble_uuid gap_uuid = AMBLE_UUID16(0x1800), name_uuid = AMBLE_UUID16(0x2a00),
                        appearance_uuid = AMBLE_UUID16(0x2a01), resolution_uuid = AMBLE_UUID16(0x2aa6);

static const amble_characteristic name = {.uuid = &name_uuid, .read = true, .max_size = AMBLE__NAME_SIZE - 1};
static const amble_characteristic appearance = {.uuid = &appearance_uuid, .read = true, .max_size = 2};
/* Central Address Resolution: whether a peripheral may call this side by a resolvable address, 12.4. */
static const amble_characteristic resolution = {.uuid = &resolution_uuid, .read = true, .max_size = 1};
static const amble_service gap_service = {.uuid = &gap_uuid,
                                          .characteristics = AMBLE_LIST(&name, &appearance, &resolution)};

int amble__host_serve_profile(amble *ble)
{
    static const uint8_t enhanced[] = {AMBLE__SERVER_FEATURE_ENHANCED};
    uint8_t value[2];
    int r;

    if ((r = amble_serve(ble, &gap_service)) < 0 || (r = amble_serve(ble, &amble__gatt_service)) < 0)
        return r;
    if (amble__host_bearers(&ble->config) &&
        (r = amble_local_write(ble, &amble__server_features, enhanced, sizeof enhanced)) < 0)
        return r;
    amble__put_le16(value, ble->config.appearance);
    r = amble_local_write(ble, &appearance, value, sizeof value);
    return r < 0 ? r : amble_local_write(ble, &name, ble->name, strlen(ble->name));
}

int amble__host_complete_profile(amble *ble)
{
    const uint8_t resolves = ble->gap.privacy.list_size > 0;

    return amble_local_write(ble, &resolution, &resolves, 1);
}
