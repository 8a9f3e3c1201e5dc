/* Who is who in a schedule, as nobody but the test knows: whose address is on the air, and who is at the other end of a
 * link. See schedules.h.
 *
 * And what privacy promises to everybody who listens: who it is that hides is never told, and no address is used for
 * longer than it may. */
#include "bonds/private_address.h"
#include "host/host_room.h"
#include "schedules.h"

enum { ADVERTISING_ACCESS_ADDRESS = 0x8e89bed6, HEADER = 2, ADDRESS = 6, TX_RANDOM = 0x40, LAST_LEGACY = 6 };
enum { MET = 64, RENEWAL_MS = 2000 };

/* --- who is who --------------------------------------------------------------------------------------------------- */
static struct {
    amble_device identity, address; /* of the latest host */
} latest[BENCH_DEVICES];

static const amble *host_of(unsigned index)
{
    const bench_device *device = schedule_device(index);

    if (device && device->ble) {
        latest[index].identity = amble_own_device(device->ble);
        latest[index].address = amble_own_address(device->ble);
    }
    return device ? device->ble : NULL;
}

amble_device schedule_identity(unsigned index)
{
    (void)host_of(index);
    return latest[index].identity;
}
amble_device schedule_address(unsigned index)
{
    (void)host_of(index);
    return latest[index].address;
}

static bool has_link_as(const amble *ble, amble_device address)
{
    for (size_t i = 0; ble && i < ble->links.count; i++)
        if (ble->links.slots[i].state != AMBLE__LINK_FREE &&
            amble_device_equal(ble->links.slots[i].own_address, address))
            return true;
    return false;
}

unsigned schedule_index(amble_device device)
{
    for (unsigned i = 0; i < schedule_devices(); i++)
        if (amble_device_equal(schedule_identity(i), device) || amble_device_equal(schedule_address(i), device) ||
            has_link_as(host_of(i), device))
            return i;
    return NOBODY;
}

static bool is_other_end(const amble_connection *one, const amble_connection *other)
{
    return other->state == AMBLE__LINK_LIVE && one->central != other->central &&
           amble_device_equal(one->own_address, other->peer_address) &&
           amble_device_equal(one->peer_address, other->own_address);
}

const amble_connection *schedule_other_end(const amble_connection *conn)
{
    const amble_connection *found = NULL;

    for (unsigned i = 0; i < schedule_devices(); i++) {
        const amble *ble = host_of(i);

        for (size_t k = 0; ble && k < ble->links.count; k++) {
            if (!is_other_end(conn, &ble->links.slots[k]))
                continue;
            if (found)
                return NULL; /* one of them is over, and does not know yet */
            found = &ble->links.slots[k];
        }
    }
    return found;
}

unsigned schedule_peer(const amble_connection *conn)
{
    const amble_connection *other = schedule_other_end(conn);

    for (unsigned i = 0; other && i < schedule_devices(); i++)
        if (host_of(i) == other->host)
            return i;
    return NOBODY;
}

/* --- privacy ------------------------------------------------------------------------------------------------------ */
/* Private addresses that were on the air of late. */
static struct {
    uint8_t bytes[ADDRESS];
    int first_ms, last_ms, lifetime_ms; /* 0: it is not known whose it is */
} met[MET];
static unsigned next;

void schedule_forget_addresses(void)
{
    memset(latest, 0, sizeof latest);
    memset(met, 0, sizeof met);
    next = 0;
}

static bool hides(const amble *ble) { return ble && ble->config.own_address >= AMBLE_ADDRESS_RESOLVABLE; }

static int lifetime_ms(amble_device address)
{
    for (unsigned i = 0; i < schedule_devices(); i++) {
        const amble *ble = host_of(i);

        if (hides(ble) && (amble_device_equal(address, ble->gap.privacy.unlinked) ||
                           amble__address_belongs_to(ble->bonds.table.own_irk, address)))
            return (int)ble->gap.privacy.lifetime_s * 1000;
    }
    return 0;
}

/* 22 bits of an address are random: among thousands of schedules one comes again by chance, after a while. */
static bool comes_again(unsigned i) { return bench_now_ms() - met[i].last_ms > met[i].lifetime_ms; }

static void see_address(const uint8_t bytes[ADDRESS])
{
    amble_device address = {.type = AMBLE_RANDOM};
    unsigned i = 0;

    while (i < MET && memcmp(met[i].bytes, bytes, ADDRESS) != 0)
        i++;
    if (i == MET || comes_again(i)) {
        i = i == MET ? next++ % MET : i;
        memcpy(met[i].bytes, bytes, ADDRESS);
        memcpy(address.bytes, bytes, ADDRESS);
        met[i].first_ms = bench_now_ms();
        met[i].lifetime_ms = lifetime_ms(address);
    }
    met[i].last_ms = bench_now_ms();
    if (met[i].lifetime_ms && met[i].last_ms - met[i].first_ms > met[i].lifetime_ms + RENEWAL_MS)
        fail_msg("a private address is on the air since %d ms, at %d ms", met[i].first_ms, met[i].last_ms);
}

static void look_for(const amble_air_packet *packet, amble_device identity)
{
    for (size_t at = HEADER; at + ADDRESS <= packet->size; at++)
        if (memcmp(packet->pdu + at, identity.bytes, ADDRESS) == 0)
            fail_msg("who it is that hides was told to everybody at %d ms", bench_now_ms());
}

void schedule_watch_addresses(const amble_air_packet *packet)
{
    if (packet->access_address != ADVERTISING_ACCESS_ADDRESS)
        return;
    for (unsigned i = 0; i < schedule_devices(); i++)
        if (hides(host_of(i)))
            look_for(packet, latest[i].identity);
    if (packet->size >= HEADER + ADDRESS && (packet->pdu[0] & 15) <= LAST_LEGACY && packet->pdu[0] & TX_RANDOM &&
        packet->pdu[HEADER + ADDRESS - 1] >> 6 < 2)
        see_address(packet->pdu + HEADER);
}
