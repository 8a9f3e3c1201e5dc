/* Advertising data: fields into bytes, and bytes into fields (Core Supplement Part A; Vol 3 Part C 11).
 *
 * Composing: each field is an AD structure of its own. They are placed in order of importance, each into the advertising data if it
 * fits there, else into the scan response; if that leaves one out, all distributions over the two are tried. Reading: a
 * structure that claims more bytes than there are ends the data. */
#include "core/log.h"
#include "gap/gap_room.h"

enum {
    AD_FLAGS = 0x01,
    AD_SERVICES_16 = 0x03,
    AD_SOME_SERVICES_128 = 0x06,
    AD_SERVICES_128 = 0x07,
    AD_SHORT_NAME = 0x08,
    AD_NAME = 0x09,
    AD_APPEARANCE = 0x19,
    AD_MANUFACTURER = 0xff,
    AD_SOME_SERVICES_16 = 0x02,
};
enum { FLAG_LIMITED = 0x01, FLAG_GENERAL = 0x02, FLAG_NO_BR_EDR = 0x04 };
enum { MOST_FIELDS = 4 + AMBLE_ADVERTISE_SERVICES, FIELD_HEADER = 2 };

typedef struct {
    uint8_t type;
    const char *what; /* for the message when it fits nowhere */
    const uint8_t *data;
    size_t size;
    uint8_t small[2 * AMBLE_ADVERTISE_SERVICES];
    uint16_t company;
    bool has_company;
} field;

typedef struct {
    field list[MOST_FIELDS];
    unsigned count;
} fields;

static field *add(fields *f, uint8_t type, const char *what, const void *data, size_t size)
{
    field *new = &f->list[f->count++];

    *new = (field){.type = type, .what = what, .data = data, .size = size};
    return new;
}

static void add_services(fields *f, const amble_advertise_options *options)
{
    field *short_ones = NULL;
    unsigned long_ones = 0;

    for (int i = 0; i < AMBLE_ADVERTISE_SERVICES; i++)
        long_ones += options->services[i] && options->services[i]->size == 16;
    for (int i = 0; i < AMBLE_ADVERTISE_SERVICES; i++) {
        const amble_uuid *uuid = options->services[i];

        if (uuid && uuid->size == 2) {
            if (!short_ones)
                short_ones = add(f, AD_SERVICES_16, "the list of 16-bit services", NULL, 0);
            memcpy(short_ones->small + short_ones->size, uuid->bytes, 2);
            short_ones->size += 2;
        } else if (uuid) {
            /* Several do not fit into one packet, so each is a list of its own; then none of them is complete. */
            add(f, long_ones > 1 ? AD_SOME_SERVICES_128 : AD_SERVICES_128, "a 128-bit service", uuid->bytes, 16);
        }
    }
    if (short_ones)
        short_ones->data = short_ones->small;
}

static void collect(fields *f, const amble_advertise_options *options, const char *host_name)
{
    const char *name = options->name ? options->name : host_name;

    add_services(f, options);
    if (!options->no_name && name && *name)
        add(f, AD_NAME, "the name", name, strlen(name));
    if (options->appearance) {
        field *appearance = add(f, AD_APPEARANCE, "the appearance", NULL, 2);

        amble__put_le16(appearance->small, options->appearance);
        appearance->data = appearance->small;
    }
    if (options->manufacturer) {
        field *manufacturer =
            add(f, AD_MANUFACTURER, "the manufacturer data", options->manufacturer, options->manufacturer_size);

        manufacturer->company = options->company;
        manufacturer->has_company = true;
    }
}

static size_t field_size(const field *f) { return FIELD_HEADER + f->size + (f->has_company ? 2u : 0u); }

static void write_field(amble__writer *w, const field *f)
{
    amble__write_u8(w, (unsigned)field_size(f) - 1);
    amble__write_u8(w, f->type);
    if (f->has_company)
        amble__write_le16(w, f->company);
    amble__write_bytes(w, f->data, f->size);
}

/* Places in order, first the advertising data, then the response. Returns the first field that found no room, or NULL. */
static const field *place_in_order(const fields *f, size_t room, unsigned *in_response)
{
    size_t response_room = AMBLE__ADVERTISING_DATA;

    *in_response = 0;
    for (unsigned i = 0; i < f->count; i++) {
        const size_t size = field_size(&f->list[i]);

        if (size <= room) {
            room -= size;
        } else if (size <= response_room) {
            response_room -= size;
            *in_response |= 1u << i;
        } else {
            return &f->list[i];
        }
    }
    return NULL;
}

static bool place_any_way(const fields *f, size_t room, unsigned *in_response)
{
    for (unsigned choice = 0; choice < 1u << f->count; choice++) {
        size_t data = 0, response = 0;

        for (unsigned i = 0; i < f->count; i++)
            *(choice >> i & 1 ? &response : &data) += field_size(&f->list[i]);
        if (data <= room && response <= AMBLE__ADVERTISING_DATA) {
            *in_response = choice;
            return true;
        }
    }
    return false;
}

int amble__advertising_data(const amble_advertise_options *options, const char *host_name, amble__advertisement *out)
{
    const uint8_t flags =
        (uint8_t)((options->limited ? FLAG_LIMITED : FLAG_GENERAL) | (options->br_edr ? 0 : FLAG_NO_BR_EDR));
    amble__writer data = amble__writer_of(out->data, sizeof out->data);
    amble__writer response = amble__writer_of(out->response, sizeof out->response);
    const field *left_out;
    unsigned in_response;
    fields f = {.count = 0};

    collect(&f, options, host_name);
    amble__write_u8(&data, 2);
    amble__write_u8(&data, AD_FLAGS);
    amble__write_u8(&data, flags);
    left_out = place_in_order(&f, amble__write_room(&data), &in_response);
    if (left_out && !place_any_way(&f, amble__write_room(&data), &in_response)) {
        amble__log(AMBLE__LOG_ERROR,
                   "%s (%zu bytes) fits neither into the advertising data nor into the scan response; advertise less",
                   left_out->what, left_out->size);
        return AMBLE_ERR_TOO_LONG;
    }
    for (unsigned i = 0; i < f.count; i++)
        write_field(in_response >> i & 1 ? &response : &data, &f.list[i]);
    out->data_size = (uint8_t)amble__written_size(&data);
    out->response_size = (uint8_t)amble__written_size(&response);
    return 0;
}

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

bool amble_scan_has_service(const amble_scan_result *result, const amble_uuid *uuid)
{
    const uint8_t *data;
    size_t at = 0, size;
    uint8_t type;

    while (amble_scan_field(result, &at, &type, &data, &size)) {
        const bool wide = type == AD_SOME_SERVICES_128 || type == AD_SERVICES_128;
        amble_uuid listed = {.size = wide ? 16 : 2};

        if (!wide && type != AD_SOME_SERVICES_16 && type != AD_SERVICES_16)
            continue;
        for (size_t i = 0; i + listed.size <= size; i += listed.size) {
            memcpy(listed.bytes, data + i, listed.size);
            if (amble_uuid_equal(&listed, uuid))
                return true;
        }
    }
    return false;
}

const char *amble_scan_name(const amble_scan_result *result, char buffer[32], const char *otherwise)
{
    const char *found = otherwise;
    const uint8_t *data;
    size_t at = 0, size;
    uint8_t type;

    while (amble_scan_field(result, &at, &type, &data, &size)) {
        if (type != AD_NAME && (type != AD_SHORT_NAME || found == buffer))
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
        if (type == AD_MANUFACTURER && *size >= 2 && amble__get_le16(data) == company) {
            *size -= 2;
            return data + 2;
        }
    }
    return NULL;
}
