/* See schedule_bonds.h. */
#include "schedule_bonds.h"

#include "host/host_room.h"

enum { MISMATCHES = 100, HEADERS = 2 + 4, VALUE_AT = 1 + 2 }; /* of link layer and L2CAP; opcode and handle */

const char *const happenings[HAPPENINGS] = {
    [KNOWN] = "a link to a bonded device that hides",
    [FOUND] = "one that was found by scanning",
    [PAIRED] = "a pairing",
    [LOST_BOND] = "a lost bond",
    [SIGNED] = "a signed value",
    [REPLAYED] = "one that was sent again",
    [OVERLAPPED] = "requests that overlap",
    [LOGGED] = "a written value",
    [READ] = "a secret that was read",
    [ON_DEMAND] = "a link that was secured on demand",
    [LET_IN] = "a read of who was let in",
    [KEPT_OUT] = "a read of who was not",
    [CONFIGURED] = "a subscription that was configured",
    [KEPT] = "one that was found again",
    [NOTIFIED] = "a notified value",
    [NOTIFIED_SEVERAL] = "several values notified at once",
    [GUEST] = "the value of a guest",
    [CHANNEL] = "a channel",
};

/* --- what is known of each client at each server ------------------------------------------------------------------ */
static client_record clients[BENCH_DEVICES][BENCH_DEVICES];
static order signed_seen[BENCH_DEVICES];
static unsigned losses_seen[BENCH_DEVICES];
static const amble_characteristic *told;

client_record *record_of(unsigned client, unsigned server) { return &clients[client][server]; }
void know_nothing(unsigned client, unsigned server)
{
    clients[client][server].configured = clients[client][server].let_in = UNKNOWN;
    clients[client][server].says++;
}
static void know_nothing_of(unsigned device)
{
    for (unsigned other = 0; other < BENCH_DEVICES; other++) {
        know_nothing(device, other);
        know_nothing(other, device);
    }
}

const amble__bond *bond_with(const bench_device *one, const bench_device *other)
{
    const bool open = one && other && one->ble && other->ble;
    const amble__bond *bond = open ? amble__bonds_find(&one->ble->bonds.table, amble_own_device(other->ble)) : NULL;

    return bond && bond->has_irk && memcmp(bond->irk, other->ble->bonds.table.own_irk, sizeof bond->irk) == 0 ? bond
                                                                                                              : NULL;
}

static struct {
    int since_ms;
    uint8_t key[16];
} bonds[BENCH_DEVICES][BENCH_DEVICES];

int bonded_since_ms(unsigned one, unsigned other) { return bonds[one][other].since_ms; }

/* A bond that is another one than before begins with nothing. */
static void look_at_bond(unsigned one, unsigned other)
{
    static const uint8_t none[16] = {0};
    const amble__bond *bond = bond_with(schedule_device(one), schedule_device(other));
    const uint8_t *key = bond ? bond->own_key.value : none;

    if (!bond)
        bonds[one][other].since_ms = 0;
    else if (!bonds[one][other].since_ms)
        bonds[one][other].since_ms = bench_now_ms();
    if (memcmp(bonds[one][other].key, key, sizeof none) == 0)
        return;
    memcpy(bonds[one][other].key, key, sizeof none);
    know_nothing(one, other);
    know_nothing(other, one);
}

bool known_at_both_ends(const amble_connection *conn, unsigned self, unsigned peer)
{
    const amble_connection *other = schedule_other_end(conn);

    look_at_bond(self, peer);
    look_at_bond(peer, self);
    return other && conn->security.encrypted && conn->security.bonded && other->security.encrypted &&
           other->security.bonded;
}

void remember_what_was_saved(unsigned device)
{
    if (losses_seen[device] != schedule_losses(device))
        know_nothing_of(device);
    losses_seen[device] = schedule_losses(device);
}

/* --- what is signed ----------------------------------------------------------------------------------------------- */
/* Who sent this value. */
static unsigned signer(unsigned server, tag t)
{
    unsigned client = t.sender ? 0 : NOBODY;

    while (client < BENCH_DEVICES && clients[client][server].signs.sender != t.sender)
        client++;
    return client;
}

/* A static address may have been lost with the bonds. */
static bool keeps_identity(unsigned index)
{
    return schedule_device(index)->config.own_address != AMBLE_ADDRESS_STATIC;
}

void see_signed(unsigned self, const amble_value *value)
{
    const unsigned client = signer(self, get_tag(value));

    assert_in_range(client, 0, BENCH_DEVICES - 1);
    if (value->conn && !amble_connection_encrypted(value->conn) && keeps_identity(client))
        assert_true(amble_device_equal(value->device, schedule_identity(client)));
    see(&signed_seen[self], value);
    if (memcmp(clients[client][self].heard + VALUE_AT, value->data, TAG) == 0)
        clients[client][self].arrived = true;
    happened(SIGNED);
}

void hear_signed(const amble_air_packet *packet)
{
    static const uint8_t start[] = {4, 0, AMBLE__ATT_SIGNED_WRITE_COMMAND};
    const uint8_t *pdu = packet->pdu + HEADERS;
    const size_t size = packet->size < HEADERS ? 0 : packet->size - HEADERS;
    amble_value value = {.data = pdu + VALUE_AT, .size = TAG};

    if (size < VALUE_AT + TAG || size > sizeof clients[0][0].heard || memcmp(pdu - 2, start, sizeof start) != 0)
        return;
    for (unsigned server = 0; server < schedule_devices(); server++) {
        const unsigned client = signer(server, get_tag(&value));

        if (client == NOBODY)
            continue;
        if (clients[client][server].heard_size != size || memcmp(clients[client][server].heard, pdu, size) != 0)
            clients[client][server].arrived = false; /* else it is repeated because its acknowledgement was lost */
        memcpy(clients[client][server].heard, pdu, size);
        clients[client][server].heard_size = size;
    }
}

/* --- what holds all the time -------------------------------------------------------------------------------------- */
/* Of each slot of each host: the link that was there, whether the peer was known when it began, and how long its ends
 * have disagreed. */
static struct {
    const amble *ble;
    uint32_t generation;
    unsigned mismatches;
} links[BENCH_DEVICES][8];

static void expect_identity(const amble_connection *conn, unsigned self, unsigned peer)
{
    const int since = bonded_since_ms(self, peer);

    if (!since || since == bench_now_ms())
        return; /* the link may be older */
    if (!amble_device_equal(conn->device, schedule_identity(peer)))
        fail_msg("a bonded device is not known by a link at %d ms", bench_now_ms());
    if (schedule_device(peer)->config.own_address >= AMBLE_ADDRESS_RESOLVABLE)
        happened(KNOWN);
}

static bool rests(const amble_connection *conn)
{
    return conn->state == AMBLE__LINK_LIVE && !conn->smp->pairing && !conn->smp->encrypting && !conn->smp->key_wanted;
}

/* What this end, a server's, knows of its client, is what the client did; and both think the same of the link's
 * security. */
static bool agrees(const amble_connection *conn, const amble_connection *other, unsigned self, unsigned peer)
{
    const int configured = clients[peer][self].configured, let_in = clients[peer][self].let_in;
    const amble__link_security *mine = &conn->security, *theirs = &other->security;

    if (!rests(conn) || !rests(other))
        return true;
    if (mine->encrypted != theirs->encrypted || mine->key_size != theirs->key_size ||
        mine->secure_connections != theirs->secure_connections)
        return false;
    if (!mine->encrypted || !mine->bonded)
        return true;
    if (configured >= 0 && amble__server_may_tell(conn->server) && amble_subscribed(conn, told) != (unsigned)configured)
        return false;
    return let_in < 0 || conn->authorised == let_in;
}

static void audit_link(const amble_connection *conn, unsigned self, size_t slot)
{
    const amble_connection *other = schedule_other_end(conn);
    const unsigned peer = schedule_peer(conn);

    if (!conn->security.encrypted && amble_connection_bearers(conn) > 1)
        fail_msg("a link in clear has enhanced bearers at %d ms", bench_now_ms());
    if (!other)
        return;
    if (links[self][slot].ble != conn->host || links[self][slot].generation != conn->generation) {
        links[self][slot].ble = conn->host;
        links[self][slot].generation = conn->generation;
        links[self][slot].mismatches = 0;
        expect_identity(conn, self, peer);
    }
    if (agrees(conn, other, self, peer))
        links[self][slot].mismatches = 0;
    else if (++links[self][slot].mismatches == MISMATCHES)
        fail_msg("the ends of a link have thought different for long, at %d ms", bench_now_ms());
}

/* Two links between the same two have each its own word of who is let in, and what is configured. */
static void audit_doubles(unsigned self)
{
    const amble *ble = schedule_device(self)->ble;
    unsigned count[BENCH_DEVICES + 1] = {0};

    for (size_t i = 0; ble && i < ble->links.count; i++)
        if (ble->links.slots[i].state == AMBLE__LINK_LIVE)
            count[schedule_peer(&ble->links.slots[i])]++;
    for (unsigned peer = 0; peer < schedule_devices(); peer++)
        if (count[peer] > 1)
            know_nothing(peer, self);
}

void audit_bonds(bench_device *const *all, unsigned count)
{
    for (unsigned self = 0; self < count; self++)
        if (!all[self])
            return;
    for (unsigned self = 0; self < count; self++)
        for (unsigned other = 0; other < count; other++)
            look_at_bond(self, other);
    for (unsigned self = 0; self < count; self++) {
        const amble *ble = all[self]->ble;

        audit_doubles(self);
        for (size_t i = 0; ble && i < ble->links.count; i++)
            if (ble->links.slots[i].state == AMBLE__LINK_LIVE)
                audit_link(&ble->links.slots[i], self, i);
    }
}

void schedule_bonds_begin(const amble_characteristic *configured)
{
    memset(clients, 0, sizeof clients);
    memset(signed_seen, 0, sizeof signed_seen);
    memset(losses_seen, 0, sizeof losses_seen);
    memset(bonds, 0, sizeof bonds);
    memset(links, 0, sizeof links);
    told = configured;
    for (unsigned i = 0; i < BENCH_DEVICES; i++)
        know_nothing_of(i);
}
