/* Looking into scan results: bytes of strangers into fields (Core Supplement Part A; Vol 3 Part C 11).
 *
 * Invariant: nothing is read beyond a structure, nor beyond the half of the result (advertising data, scan response) it
 * lies in. A structure that claims more bytes than there are ends its half. */
#include "gap/ad_types.h"
#include "gap/gap_room.h"

/* --- reading ------------------------------------------------------------------------------------------------------ */
int amble_scan_field(const amble_scan_result *result, size_t *at, uint8_t *type, const uint8_t **data, size_t *size)
{
    /* The advertising data ends where the scan response begins, even when its last structure claims more. */
    while (*at < result->size) {
        const size_t end = *at < result->response_at ? result->response_at : result->size;
        amble__reader r = amble__reader_of(result->data + *at, end - *at);
        const uint8_t length = amble__read_u8(&r);
        const uint8_t *bytes = amble__read_view(&r, length);

        if (!bytes || length == 0) { /* zeros fill the rest early (11), or it is cut off */
            *at = end;
            continue;
        }
        *at += 1u + length;
        *type = bytes[0];
        *data = bytes + 1;
        *size = length - 1u;
        return 1;
    }
    return 0;
}

/* The width of the UUIDs in a list of services, 0: it is none. */
static uint8_t listed_width(uint8_t type)
{
    switch (type) {
    case AMBLE__AD_SOME_SERVICES_16:
    case AMBLE__AD_SERVICES_16:
        return 2;
    case AMBLE__AD_SOME_SERVICES_32:
    case AMBLE__AD_SERVICES_32:
        return 4;
    case AMBLE__AD_SOME_SERVICES_128:
    case AMBLE__AD_SERVICES_128:
        return 16;
    default:
        return 0;
    }
}

static amble_uuid uuid_of(const uint8_t *bytes, uint8_t width)
{
    enum { VALUE_AT = 12 };
    amble_uuid uuid = AMBLE_UUID32(0);

    if (width == 4) {
        memcpy(uuid.bytes + VALUE_AT, bytes, width);
        return uuid;
    }
    uuid = (amble_uuid){.size = width};
    memcpy(uuid.bytes, bytes, width);
    return uuid;
}

int amble_scan_next_service(const amble_scan_result *result, size_t *at, amble_uuid *uuid)
{
    const uint8_t *data;
    size_t field = 0, size, before = 0;
    uint8_t type;

    while (amble_scan_field(result, &field, &type, &data, &size)) {
        const uint8_t width = listed_width(type);
        const size_t count = width ? size / width : 0;

        if (*at - before < count) {
            *uuid = uuid_of(data + (*at - before) * width, width);
            ++*at;
            return 1;
        }
        before += count;
    }
    return 0;
}

bool amble_scan_has_service(const amble_scan_result *result, const amble_uuid *uuid)
{
    amble_uuid listed;
    size_t at = 0;

    while (amble_scan_next_service(result, &at, &listed))
        if (amble_uuid_equal(&listed, uuid))
            return true;
    return false;
}

const uint8_t *amble_scan_service_data(const amble_scan_result *result, const amble_uuid *uuid, size_t *size)
{
    const uint8_t *data;
    size_t at = 0;
    uint8_t type;

    while (amble_scan_field(result, &at, &type, &data, size)) {
        const uint8_t width = type == AMBLE__AD_SERVICE_DATA_16    ? 2
                              : type == AMBLE__AD_SERVICE_DATA_32  ? 4
                              : type == AMBLE__AD_SERVICE_DATA_128 ? 16
                                                                   : 0;
        amble_uuid of;

        if (!width || *size < width)
            continue;
        of = uuid_of(data, width);
        if (amble_uuid_equal(&of, uuid)) {
            *size -= width;
            return data + width;
        }
    }
    return NULL;
}

/* The first structure of this type with at least so many bytes. */
static const uint8_t *find(const amble_scan_result *result, uint8_t wanted, size_t least)
{
    const uint8_t *data;
    size_t at = 0, size;
    uint8_t type;

    while (amble_scan_field(result, &at, &type, &data, &size))
        if (type == wanted && size >= least)
            return data;
    return NULL;
}

uint8_t amble_scan_flags(const amble_scan_result *result)
{
    const uint8_t *flags = find(result, AMBLE__AD_FLAGS, 1);

    return flags ? flags[0] : 0;
}

uint16_t amble_scan_appearance(const amble_scan_result *result)
{
    const uint8_t *appearance = find(result, AMBLE__AD_APPEARANCE, 2);

    return appearance ? amble__get_le16(appearance) : 0;
}

int8_t amble_scan_tx_power(const amble_scan_result *result)
{
    const uint8_t *power = find(result, AMBLE__AD_TX_POWER, 1);

    return power ? (int8_t)power[0] : AMBLE_POWER_UNKNOWN;
}

const char *amble_scan_name(const amble_scan_result *result, char buffer[32], const char *otherwise)
{
    const char *found = otherwise;
    const uint8_t *data;
    size_t at = 0, size;
    uint8_t type;

    while (amble_scan_field(result, &at, &type, &data, &size)) {
        if (type != AMBLE__AD_NAME && (type != AMBLE__AD_SHORT_NAME || found == buffer))
            continue;
        size = size < 31 ? size : 31;
        memcpy(buffer, data, size);
        buffer[size] = '\0';
        found = buffer;
    }
    return found;
}

const uint8_t *amble_scan_manufacturer(const amble_scan_result *result, uint16_t company, size_t *size)
{
    const uint8_t *data;
    size_t at = 0;
    uint8_t type;

    while (amble_scan_field(result, &at, &type, &data, size)) {
        if (type == AMBLE__AD_MANUFACTURER && *size >= 2 && amble__get_le16(data) == company) {
            *size -= 2;
            return data + 2;
        }
    }
    return NULL;
}
