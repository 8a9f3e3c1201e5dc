/* Fuzzes advertising data: strangers' bytes into fields, and fields into bytes, which must be found again in what
 * was composed. */
#include <stdlib.h>

#include "core/log.h"
#include "gap/gap_room.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* --- reading ------------------------------------------------------------------------------------------------------ */
static void read_result(const amble_scan_result *result)
{
    static const amble_uuid uuid = AMBLE_UUID16(0x181a);
    const uint8_t *data;
    size_t at = 0, size, before = 0;
    amble_uuid listed;
    uint8_t type, sum = 0;
    char name[32];

    while (amble_scan_field(result, &at, &type, &data, &size)) {
        require(at > before && at <= result->size);
        before = at;
        for (size_t i = 0; i < size; i++)
            sum = (uint8_t)(sum + data[i]); /* all of it can be read */
    }
    (void)amble_scan_has_service(result, &uuid);
    require(strlen(amble_scan_name(result, name, "")) < sizeof name);
    data = amble_scan_service_data(result, &uuid, &size);
    require(!data || data + size <= result->data + result->size);
    for (at = 0; amble_scan_next_service(result, &at, &listed);)
        require(at <= result->size && (listed.size == 2 || listed.size == 16));
    (void)amble_scan_flags(result), (void)amble_scan_appearance(result), (void)amble_scan_tx_power(result);
    data = amble_scan_manufacturer(result, sum, &size);
    require(!data || data + size <= result->data + result->size);
}

/* --- composing ---------------------------------------------------------------------------------------------------- */
typedef struct {
    char name[64];
    uint8_t maker[64];
    uint8_t structures[32];
    amble_uuid uuids[AMBLE_ADVERTISE_SERVICES];
    amble_advertise_options options;
} wish;

static void take_wish(wish *w, amble__reader *r)
{
    const unsigned flags = amble__read_u8(r), services = amble__read_u8(r);
    const size_t name = amble__read_u8(r) % sizeof w->name, maker = amble__read_u8(r) % sizeof w->maker;

    memset(w, 0, sizeof *w);
    memset(w->name, 'n', name);
    w->options = (amble_advertise_options){
        .limited = flags & 1, .br_edr = flags & 2, .no_name = flags & 4, .not_connectable = flags & 8};
    w->options.name = flags & 16 ? w->name : NULL;
    w->options.appearance = amble__read_le16(r);
    if (flags & 32) {
        w->options.manufacturer = w->maker;
        w->options.manufacturer_size = maker;
        w->options.company = 0x1234;
    }
    if (flags & 64) {
        w->options.tx_power = true;
        w->options.structures_size = amble__read_u8(r) % sizeof w->structures;
        amble__read_copy(r, w->structures, w->options.structures_size);
        w->options.structures = w->structures;
        w->options.shortest_name = amble__read_u8(r);
    }
    for (unsigned i = 0; i < AMBLE_ADVERTISE_SERVICES; i++) {
        if (!(services >> i & 1))
            continue;
        w->uuids[i].size = amble__read_u8(r) & 1 ? 16 : 2;
        memset(w->uuids[i].bytes, 0x40 + (int)i, w->uuids[i].size);
        w->options.services[i] = &w->uuids[i];
    }
}

static void expect_wish(const wish *w, const amble_scan_result *result)
{
    char name[32];
    size_t size;

    for (int i = 0; i < AMBLE_ADVERTISE_SERVICES; i++)
        require(!w->options.services[i] || amble_scan_has_service(result, w->options.services[i]));
    if (!w->options.no_name && w->options.name && !w->options.structures)
        require(strcmp(amble_scan_name(result, name, ""), w->options.name) == 0);
    if (w->options.manufacturer && !w->options.structures) /* which may be a name or a manufacturer's, too */
        require(amble_scan_manufacturer(result, 0x1234, &size) && size == w->options.manufacturer_size);
}

static void compose(amble__reader *r)
{
    uint8_t merged[2 * AMBLE__ADVERTISING_DATA];
    amble__advertisement out = {.connectable = true, .bytes = merged, .capacity = sizeof merged};
    amble_scan_result result = {.data = merged};
    char problem[AMBLE__PROBLEM];
    wish w;

    take_wish(&w, r);
    if (amble__advertising_data(&w.options, "host", &out, problem) < 0)
        return;
    require(out.data_size >= 3 && out.data_size <= AMBLE__ADVERTISING_DATA);
    require(out.response_size <= AMBLE__ADVERTISING_DATA);
    result.response_at = out.data_size;
    result.size = (size_t)out.data_size + out.response_size;
    expect_wish(&w, &result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    amble__reader r = amble__reader_of(data, size);
    uint8_t *copy;

    amble_log_level(AMBLE_LOG_OFF);
    if (size == 0)
        return 0;
    if (data[0] & 1) {
        (void)amble__read_u8(&r);
        compose(&r);
        return 0;
    }
    size = size - 1 < 62 ? size - 1 : 62;
    copy = malloc(size ? size : 1); /* so that a byte too many is seen */
    memcpy(copy, data + 1, size);
    read_result(
        &(amble_scan_result){.data = copy, .size = size, .response_at = size ? (data[0] >> 1) % (size + 1) : 0});
    free(copy);
    return 0;
}
