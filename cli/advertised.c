/* Taking advertising data apart (advertised.h). The structures are those of Core Supplement Part A 1; their bytes come
 * from anybody, so every number is read through a bounded reader, and a structure that is too short is left out. */
#include "cli/advertised.h"

#include <stdio.h>
#include <string.h>

#include "cli/numbers.h"
#include "cli/output.h"
#include "core/bytes.h"

/* Assigned Numbers 2.3. */
enum {
    SERVICES_16_SOME = 0x02,
    SERVICES_16 = 0x03,
    SERVICES_128_SOME = 0x06,
    SERVICES_128 = 0x07,
    NAME_SHORT = 0x08,
    NAME = 0x09,
    TX_POWER = 0x0a,
    SERVICE_DATA_16 = 0x16,
    APPEARANCE = 0x19,
    SERVICE_DATA_128 = 0x21,
    MANUFACTURER = 0xff
};

static void add_service(amble__advertised *out, const uint8_t *bytes, uint8_t size)
{
    amble_uuid uuid = {.size = size};

    memcpy(uuid.bytes, bytes, size);
    for (size_t i = 0; i < out->service_count; i++)
        if (amble_uuid_equal(&out->services[i], &uuid))
            return;
    if (out->service_count < AMBLE__ADVERTISED_SERVICES)
        out->services[out->service_count++] = uuid;
}

static void read_services(amble__advertised *out, amble__reader r, uint8_t size, bool only_one)
{
    const uint8_t *bytes;

    while ((bytes = amble__read_view(&r, size))) {
        add_service(out, bytes, size);
        if (only_one)
            return;
    }
}

static void read_manufacturer(amble__advertised *out, amble__reader r)
{
    const uint16_t company = amble__read_le16(&r);
    const amble__bytes rest = amble__read_rest(&r);

    if (r.failed)
        return;
    out->company = company;
    out->manufacturer = rest.data;
    out->manufacturer_size = rest.size;
}

static void read_field(amble__advertised *out, uint8_t type, const uint8_t *data, size_t size)
{
    amble__reader r = amble__reader_of(data, size);
    uint16_t number;

    switch (type) {
    case SERVICES_16_SOME:
    case SERVICES_16:
    case SERVICE_DATA_16:
        read_services(out, r, 2, type == SERVICE_DATA_16);
        break;
    case SERVICES_128_SOME:
    case SERVICES_128:
    case SERVICE_DATA_128:
        read_services(out, r, 16, type == SERVICE_DATA_128);
        break;
    case NAME:
    case NAME_SHORT:
        if (type == NAME || !out->name[0])
            amble__clean(out->name, sizeof out->name, data, size);
        break;
    case TX_POWER:
        out->tx_power = (int8_t)amble__read_u8(&r);
        out->has_tx_power = !r.failed;
        break;
    case APPEARANCE:
        number = amble__read_le16(&r);
        if (!r.failed)
            out->appearance = number;
        break;
    case MANUFACTURER:
        read_manufacturer(out, r);
        break;
    default:
        break;
    }
}

void amble__advertised_read(const amble_scan_result *result, amble__advertised *out)
{
    const uint8_t *data;
    size_t at = 0, size;
    uint8_t type;

    *out = (amble__advertised){.company = -1, .appearance = -1};
    while (amble_scan_field(result, &at, &type, &data, &size))
        read_field(out, type, data, size);
}

void amble__advertised_json(const amble__advertised *what, cJSON *object)
{
    const char *name;

    if (what->name[0])
        cJSON_AddStringToObject(object, "name", what->name);
    if (what->service_count) {
        cJSON *services = cJSON_AddArrayToObject(object, "services");

        for (size_t i = 0; i < what->service_count; i++) {
            cJSON *service = cJSON_CreateObject();

            amble__json_uuid(service, "uuid", &what->services[i],
                             amble__uuid_name(AMBLE__NUMBER_SERVICE, &what->services[i]));
            cJSON_AddItemToArray(services, service);
        }
    }
    if (what->company >= 0) {
        cJSON *manufacturer = cJSON_AddObjectToObject(object, "manufacturer");

        cJSON_AddNumberToObject(manufacturer, "company", what->company);
        name = amble__number_name(AMBLE__NUMBER_COMPANY, (unsigned)what->company);
        if (name)
            cJSON_AddStringToObject(manufacturer, "company_name", name);
        amble__json_bytes(manufacturer, "data", what->manufacturer, what->manufacturer_size);
    }
    if (what->appearance >= 0) {
        cJSON_AddNumberToObject(object, "appearance", what->appearance);
        name = amble__number_name(AMBLE__NUMBER_APPEARANCE, (unsigned)what->appearance);
        if (name)
            cJSON_AddStringToObject(object, "appearance_name", name);
    }
    if (what->has_tx_power)
        cJSON_AddNumberToObject(object, "tx_power", what->tx_power);
}

static void append(char *out, size_t size, const char *text)
{
    const size_t used = strlen(out);

    if (used + 1 < size)
        snprintf(out + used, size - used, "%s%s", used ? ", " : "", text);
}

const char *amble__advertised_text(const amble__advertised *what, char *out, size_t size)
{
    char text[AMBLE_UUID_TEXT];
    const char *name;

    *out = '\0';
    for (size_t i = 0; i < what->service_count; i++) {
        name = amble__uuid_name(AMBLE__NUMBER_SERVICE, &what->services[i]);
        append(out, size, name ? name : amble_uuid_text(&what->services[i], text));
    }
    if (what->company >= 0) {
        name = amble__number_name(AMBLE__NUMBER_COMPANY, (unsigned)what->company);
        snprintf(text, sizeof text, "company %04X", (unsigned)what->company);
        append(out, size, name ? name : text);
    }
    if (what->appearance > 0 && (name = amble__number_name(AMBLE__NUMBER_APPEARANCE, (unsigned)what->appearance)))
        append(out, size, name);
    return out;
}
