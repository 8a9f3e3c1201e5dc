/* Advertising data: fields into bytes (Core Supplement Part A; Vol 3 Part C 11).
 *
 * Each field is an AD structure of its own. They are placed in order of importance, each into the advertising data if
 * it fits there, else into the scan response. If that leaves one out, the set of fields is searched that fills the
 * advertising data best; a name that may be shortened is, byte by byte, until everything fits. Extended advertising has
 * one large place for everything. */
#include <stdio.h>

#include "core/log.h"
#include "gap/ad_types.h"
#include "gap/gap_room.h"

enum { FIELD_HEADER = 2, LONGEST_FIELD = 255, FLAGS_SIZE = 3 };
enum { RAW_FIELDS = 16 }; /* structures of the caller's that are placed apart */
/* Three lists of services of which the last has a field each, name, appearance, manufacturer, transmit power. */
enum { MOST_FIELDS = 2 + AMBLE_ADVERTISE_SERVICES + 4 + AMBLE_ADVERTISE_SERVICE_DATA + RAW_FIELDS };
_Static_assert(MOST_FIELDS < 64, "a set of fields is a mask of 64 bits");

typedef struct {
    uint8_t type;
    uint8_t before_size;
    uint8_t before[16]; /* what stands before the data: a company, a service, a number */
    const uint8_t *data;
    size_t size;
    const char *what; /* for the message when it fits nowhere */
} field;

typedef struct {
    field list[MOST_FIELDS];
    unsigned count;
    field *name; /* the one that may be shortened, or NULL */
    const amble_uuid *const *services;
} fields;

static field *add(fields *f, uint8_t type, const char *what, const void *data, size_t size)
{
    field *new = &f->list[f->count++];

    *new = (field){.type = type, .what = what, .data = data, .size = size};
    return new;
}

static void put_before(field *f, const void *bytes, size_t size)
{
    memcpy(f->before + f->before_size, bytes, size);
    f->before_size = (uint8_t)(f->before_size + size);
}

/* A 128-bit UUID on the Bluetooth base that is short for a number of more than 16 bits. */
static bool is_32_bit(const amble_uuid *uuid)
{
    static const amble_uuid base = AMBLE_UUID32(0);
    enum { VALUE_AT = 12 };

    return uuid->size == 16 && memcmp(uuid->bytes, base.bytes, VALUE_AT) == 0 &&
           amble__get_le16(uuid->bytes + VALUE_AT + 2) != 0;
}
static uint8_t uuid_width(const amble_uuid *uuid) { return is_32_bit(uuid) ? 4 : uuid->size; }
/* The bytes on the air: a short UUID is the end of its long form. */
static const uint8_t *uuid_bytes(const amble_uuid *uuid) { return uuid->bytes + (is_32_bit(uuid) ? 12 : 0); }

/* --- collecting --------------------------------------------------------------------------------------------------- */
/* One list of all services of this width. Its UUIDs are written when the field is. */
static void add_list(fields *f, const amble_advertise_options *options, uint8_t width, uint8_t type, const char *what)
{
    size_t size = 0;

    for (int i = 0; i < AMBLE_ADVERTISE_SERVICES; i++)
        if (options->services[i] && uuid_width(options->services[i]) == width)
            size += width;
    if (size)
        add(f, type, what, NULL, size);
}

static void add_services(fields *f, const amble_advertise_options *options)
{
    unsigned long_ones = 0;

    f->services = options->services;
    add_list(f, options, 2, AMBLE__AD_SERVICES_16, "the list of 16-bit services");
    add_list(f, options, 4, AMBLE__AD_SERVICES_32, "the list of 32-bit services");
    for (int i = 0; i < AMBLE_ADVERTISE_SERVICES; i++)
        long_ones += options->services[i] && uuid_width(options->services[i]) == 16;
    for (int i = 0; i < AMBLE_ADVERTISE_SERVICES; i++)
        /* Several do not fit into one packet, so each is a list of its own; then none of them is complete. */
        if (options->services[i] && uuid_width(options->services[i]) == 16)
            add(f, long_ones > 1 ? AMBLE__AD_SOME_SERVICES_128 : AMBLE__AD_SERVICES_128, "a 128-bit service",
                options->services[i]->bytes, 16);
}

static void add_service_data(fields *f, const amble_advertise_options *options)
{
    for (int i = 0; i < AMBLE_ADVERTISE_SERVICE_DATA; i++) {
        const amble_service_data *data = &options->service_data[i];
        uint8_t width;

        if (!data->uuid)
            continue;
        width = uuid_width(data->uuid);
        put_before(add(f,
                       width == 2   ? AMBLE__AD_SERVICE_DATA_16
                       : width == 4 ? AMBLE__AD_SERVICE_DATA_32
                                    : AMBLE__AD_SERVICE_DATA_128,
                       "the service data", data->data, data->size),
                   uuid_bytes(data->uuid), width);
    }
}

/* The caller's own structures, each whole. */
static int add_structures(fields *f, const amble_advertise_options *options)
{
    amble__reader r = amble__reader_of(options->structures, options->structures_size);

    for (int i = 0; amble__read_left(&r); i++) {
        const uint8_t length = amble__read_u8(&r), type = amble__read_u8(&r);
        const uint8_t *value = length ? amble__read_view(&r, length - 1u) : NULL;

        if (!length || r.failed || i == RAW_FIELDS)
            return AMBLE_ERR_ARGUMENT;
        add(f, type, "a structure", value, length - 1u);
    }
    return 0;
}

static int collect(fields *f, const amble_advertise_options *options, const char *host_name)
{
    const char *name = options->name ? options->name : host_name;
    uint8_t number[2];

    add_services(f, options);
    if (!options->no_name && name && *name)
        f->name = add(f, AMBLE__AD_NAME, "the name", name, strlen(name));
    if (options->appearance) {
        amble__put_le16(number, options->appearance);
        put_before(add(f, AMBLE__AD_APPEARANCE, "the appearance", NULL, 0), number, 2);
    }
    if (options->manufacturer) {
        amble__put_le16(number, options->company);
        put_before(
            add(f, AMBLE__AD_MANUFACTURER, "the manufacturer data", options->manufacturer, options->manufacturer_size),
            number, 2);
    }
    if (options->tx_power) /* filled in when the controller has told it */
        put_before(add(f, AMBLE__AD_TX_POWER, "the transmit power", NULL, 0), "\0", 1);
    add_service_data(f, options);
    return add_structures(f, options);
}

/* --- placing ------------------------------------------------------------------------------------------------------ */
static size_t field_size(const field *f) { return FIELD_HEADER + f->before_size + f->size; }

/* In order, first the advertising data, then the response. Returns the first field that found no room, or NULL. */
static const field *place_in_order(const fields *f, size_t room, size_t response_room, uint64_t *in_data)
{
    *in_data = 0;
    for (unsigned i = 0; i < f->count; i++) {
        const size_t size = field_size(&f->list[i]);

        if (size > LONGEST_FIELD + 1)
            return &f->list[i];
        if (size <= room) {
            room -= size;
            *in_data |= UINT64_C(1) << i;
        } else if (size <= response_room) {
            response_room -= size;
        } else {
            return &f->list[i];
        }
    }
    return NULL;
}

/* The fullest advertising data that some of the fields make; true when the others have room in the response. */
static bool place_best(const fields *f, size_t room, size_t response_room, uint64_t *in_data)
{
    uint64_t makes[AMBLE__ADVERTISING_DATA + 1] = {0}; /* for each size the fields that make it up, 0: none do */
    size_t total = 0;

    if (room > AMBLE__ADVERTISING_DATA)
        return false; /* extended: there is one place only */
    for (unsigned i = 0; i < f->count; i++) {
        const size_t size = field_size(&f->list[i]);

        total += size;
        for (size_t sum = room; sum >= size && size <= room; sum--)
            if (!makes[sum] && (sum == size || makes[sum - size]))
                makes[sum] = makes[sum - size] | UINT64_C(1) << i;
    }
    for (size_t sum = room + 1; sum-- > 0;) {
        if ((makes[sum] || sum == 0) && total - sum <= response_room) {
            *in_data = makes[sum];
            return true;
        }
    }
    return false;
}

/* Places all fields, with a shortened name if need be. Returns what found no room, or NULL. */
static const field *place(fields *f, size_t room, size_t response_room, size_t shortest_name, uint64_t *in_data)
{
    const field *left_out = place_in_order(f, room, response_room, in_data);
    const size_t length = f->name ? f->name->size : 0;

    if (!left_out || place_best(f, room, response_room, in_data))
        return NULL;
    for (size_t size = length; shortest_name && size-- > shortest_name;) {
        f->name->size = size;
        f->name->type = AMBLE__AD_SHORT_NAME;
        if (!place_in_order(f, room, response_room, in_data) || place_best(f, room, response_room, in_data))
            return NULL;
    }
    if (f->name)
        f->name->size = length;
    return left_out;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */
static void write_field(amble__writer *w, const fields *all, const field *f)
{
    const uint8_t width = f->type == AMBLE__AD_SERVICES_16 ? 2 : 4;

    amble__write_u8(w, (unsigned)field_size(f) - 1);
    amble__write_u8(w, f->type);
    amble__write_bytes(w, f->before, f->before_size);
    if (f->data || !f->size) {
        amble__write_bytes(w, f->data, f->size);
        return;
    }
    for (int i = 0; i < AMBLE_ADVERTISE_SERVICES; i++)
        if (all->services[i] && uuid_width(all->services[i]) == width)
            amble__write_bytes(w, uuid_bytes(all->services[i]), width);
}

static void write_fields(amble__writer *w, const fields *f, uint64_t which, amble__advertisement *out)
{
    for (unsigned i = 0; i < f->count; i++) {
        if (!(which >> i & 1))
            continue;
        write_field(w, f, &f->list[i]);
        if (f->list[i].type == AMBLE__AD_TX_POWER && !f->list[i].data)
            out->tx_power_at = (uint16_t)(amble__written_size(w) - 1);
    }
}

int amble__advertising_data(const amble_advertise_options *options, const char *host_name, amble__advertisement *out,
                            char problem[AMBLE__PROBLEM])
{
    const uint8_t discoverable = options->not_discoverable ? 0
                                 : options->limited        ? AMBLE_FLAG_LIMITED
                                                           : AMBLE_FLAG_GENERAL;
    const size_t room = (out->extended ? out->capacity : AMBLE__ADVERTISING_DATA) - FLAGS_SIZE;
    const size_t response_room = out->extended ? 0 : AMBLE__ADVERTISING_DATA;
    amble__writer w = amble__writer_of(out->bytes, out->capacity);
    const field *left_out;
    uint64_t in_data;
    fields f = {.count = 0};
    int r = collect(&f, options, host_name);

    if (r < 0)
        return r;
    left_out = place(&f, room, response_room, options->shortest_name, &in_data);
    if (left_out) {
        (void)snprintf(problem, AMBLE__PROBLEM, "%s (%zu bytes) fits %s; advertise less", left_out->what,
                       left_out->size,
                       out->extended ? "not into the advertising data"
                                     : "neither into the advertising data nor into the scan response"); /* it fits */
        amble__log(AMBLE__LOG_ERROR, "%s", problem);
        return AMBLE_ERR_TOO_LONG;
    }
    amble__write_u8(&w, FLAGS_SIZE - 1);
    amble__write_u8(&w, AMBLE__AD_FLAGS);
    amble__write_u8(&w, discoverable | (options->br_edr ? 0u : AMBLE_FLAG_NO_BR_EDR));
    write_fields(&w, &f, in_data, out);
    out->data_size = (uint16_t)amble__written_size(&w);
    write_fields(&w, &f, ~in_data, out);
    out->response_size = (uint16_t)(amble__written_size(&w) - out->data_size);
    return 0;
}
