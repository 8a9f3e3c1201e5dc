/* Random schedules of bonded devices: two to four hosts, most of which hide, pair without ado and meet again under
 * other addresses and after their power was gone; they sign what they write, ask on several bearers at once, are let in
 * or not, and find again what they had configured, while services come and go. schedules.h lets anything happen to them
 * meanwhile.
 *
 * What has to hold all the time: a bonded device goes by its identity, on links and in scan results; what is signed
 * arrives at most once and in order, although it is sent again; what needs security or leave is only got with it; what
 * a client configured, and whether it was let in, is still so on later links; no value is that of another
 * characteristic than was asked for. At the end, whatever happened before: any two devices that pair have the same
 * keys, know each other under new addresses, and everything above works between them. */
#include "att/bearer.h"
#include "bonds/private_address.h"
#include "host/host_room.h"
#include "schedule_bonds.h"

enum { LIFE_MS = 90000, DAY_MS = 15000, HELPERS = 3, GUESTS = 2, WAIT_MS = 60000 };
enum { MOST_LIFETIME_S = 12, TRIES = 100 };
#define SECRET "nobody but us two knows this"

/* --- what each device serves -------------------------------------------------------------------------------------- */
static const amble_uuid home_uuid = AMBLE_UUID16(0x181a), button_uuid = AMBLE_UUID16(0x2a56),
                        log_uuid = AMBLE_UUID16(0x2a57), told_uuid = AMBLE_UUID16(0x2a58),
                        also_uuid = AMBLE_UUID16(0x2a59), secret_uuid = AMBLE_UUID16(0x2a6e),
                        vault_uuid = AMBLE_UUID16(0x2a6f), cccd_uuid = AMBLE_UUID16(0x2902);
static const amble_characteristic button = {
    .uuid = &button_uuid, .signed_write = true, .capture = true, .write_depth = 8};
static const amble_characteristic writes = {
    .uuid = &log_uuid, .write = true, .capture = true, .write_security = AMBLE_ENCRYPTED};
static const amble_characteristic told = {
    .uuid = &told_uuid, .read = true, .notify = true, .indicate = true, .read_security = AMBLE_ENCRYPTED};
static const amble_characteristic also = {
    .uuid = &also_uuid, .read = true, .notify = true, .read_security = AMBLE_ENCRYPTED};
static const amble_characteristic secret = {.uuid = &secret_uuid,
                                            .read = true,
                                            .initial = SECRET,
                                            .initial_size = sizeof SECRET - 1,
                                            .read_security = AMBLE_ENCRYPTED};
static const amble_characteristic vault = {
    .uuid = &vault_uuid, .read = true, .initial = "gold", .initial_size = 4, .read_authorised = true};
static const amble_service home = {.uuid = &home_uuid,
                                   .characteristics = AMBLE_LIST(&button, &writes, &told, &also, &secret, &vault)};
/* Two that come and go, and look alike. */
static const amble_uuid guest_uuids[GUESTS] = {AMBLE_UUID16(0xffe0), AMBLE_UUID16(0xffe1)};
static const amble_characteristic names[GUESTS] = {
    {.uuid = &guest_uuids[0], .read = true, .initial = "guest 0", .initial_size = 7},
    {.uuid = &guest_uuids[1], .read = true, .initial = "guest 1", .initial_size = 7}};
static const amble_service guests[GUESTS] = {{.uuid = &guest_uuids[0], .characteristics = AMBLE_LIST(&names[0])},
                                             {.uuid = &guest_uuids[1], .characteristics = AMBLE_LIST(&names[1])}};

/* Of each device: what it has seen, and how it has its host; and pairings of all, or what is as much. */
static order logged_seen[BENCH_DEVICES];
static bool on_demand[BENCH_DEVICES];
static unsigned pairings;

/* A link, seen from one end. */
typedef struct {
    amble_connection *conn;
    amble_remote_service home;
    unsigned self, peer;
    tag mine; /* of what its server tells */
} meeting;

static client_record *mine_at(const meeting *m) { return record_of(m->self, m->peer); }
static client_record *theirs_here(const meeting *m) { return record_of(m->peer, m->self); }
static bool known(const meeting *m) { return known_at_both_ends(m->conn, m->self, m->peer); }

static int find(const meeting *m, const amble_uuid *uuid, amble_remote_characteristic *c)
{
    return amble_find_characteristic(&m->home, uuid, c, 5000);
}

/* --- as a client -------------------------------------------------------------------------------------------------- */
static const amble_pair_options cheap = {.legacy_only = true}, renewal = {.renew = true},
                                cheap_renewal = {.legacy_only = true, .renew = true};

static int pair(meeting *m)
{
    int r = amble_pair(m->conn, dice(8) ? &cheap : NULL, some_time());

    if (r == AMBLE_ERR_BOND_LOST) {
        happened(LOST_BOND);
        r = amble_pair(m->conn, dice(4) ? &cheap_renewal : &renewal, some_time());
    } else if (r == 0 && dice(8) == 0) {
        r = amble_pair(m->conn, &cheap_renewal, some_time());
    }
    pairings++;
    if (r == 0)
        happened(PAIRED);
    return r;
}

static int sign(meeting *m)
{
    bool *signing = &mine_at(m)->signing;
    tag *t = &mine_at(m)->signs;
    amble_remote_characteristic c;
    uint8_t bytes[TAG];
    int r = find(m, &button_uuid, &c);

    if (*signing || r < 0)
        return r;
    *signing = true;
    if (!t->sender)
        *t = new_tag();
    for (unsigned i = 1 + dice(3); r >= 0 && i > 0; i--) {
        put_tag(t, bytes);
        r = amble_write_signed(&c, bytes, TAG, some_time());
    }
    *signing = false;
    return r;
}

/* As somebody would who heard it, and has this device's address. */
static int sign_again(meeting *m)
{
    const client_record heard = *mine_at(m);
    amble__packet *packet;
    amble__writer w;
    int r = heard.arrived ? amble__att_take(m->conn->bearer, amble__deadline((int)dice(1000)), &packet, &w) : 0;

    if (!heard.arrived || r < 0)
        return r;
    amble__write_bytes(&w, heard.heard, heard.heard_size);
    r = amble__att_send(m->conn->bearer, packet, &w);
    if (r == 0)
        happened(REPLAYED);
    return r;
}

static int read_secret(meeting *m)
{
    const bool clear = !amble_connection_encrypted(m->conn);
    const unsigned before = pairings;
    const amble__bond *bond = amble__smp_bond(&m->conn->host->smp, m->conn->device);
    uint8_t key[16] = {0};
    amble_remote_characteristic c;
    char value[64];
    int r = find(m, &secret_uuid, &c);

    if (bond)
        memcpy(key, bond->peer_key.value, sizeof key);
    if (r >= 0)
        r = amble_read(&c, value, sizeof value, some_time());
    if (r > 0) {
        assert_int_equal(r, sizeof SECRET - 1);
        assert_memory_equal(value, SECRET, sizeof SECRET - 1);
        assert_true(amble_connection_encrypted(m->conn) || !amble_connected(m->conn));
        happened(clear && on_demand[m->self] ? ON_DEMAND : READ);
    }
    bond = amble__smp_bond(&m->conn->host->smp, m->conn->device);
    if (r == AMBLE_ERR_BOND_LOST && bond && before == pairings)
        assert_memory_equal(bond->peer_key.value, key, sizeof key); /* nobody paired anew behind its back */
    return r;
}

static int read_vault(meeting *m)
{
    const unsigned says = mine_at(m)->says;
    amble_remote_characteristic c;
    char value[8];
    int r = find(m, &vault_uuid, &c);

    if (r >= 0)
        r = amble_read(&c, value, sizeof value, some_time());
    if (r > 0 && says == mine_at(m)->says && mine_at(m)->let_in == false)
        fail_msg("a client read what it may not, at %d ms", bench_now_ms());
    if (r > 0 || r == AMBLE_ERR_ATT(AMBLE__ATT_INSUFFICIENT_AUTHORIZATION))
        happened(r > 0 ? LET_IN : KEPT_OUT);
    return r;
}

static int find_configuration(const meeting *m, amble_remote_descriptor *d)
{
    amble_remote_characteristic c;
    const int r = find(m, &told_uuid, &c);

    return r < 0 ? r : amble_find_descriptor(&c, &cccd_uuid, d, 5000);
}

static int configure_told(meeting *m)
{
    const uint8_t bits[2] = {(uint8_t)dice(4), 0};
    amble_remote_descriptor d;
    int r = mine_at(m)->asking ? AMBLE_ERR_BUSY : find_configuration(m, &d);

    if (r < 0)
        return r;
    mine_at(m)->asking = true;
    mine_at(m)->configured = UNKNOWN;
    r = amble_write_descriptor(&d, bits, sizeof bits, some_time());
    mine_at(m)->asking = false;
    if (r >= 0 && known(m)) {
        mine_at(m)->configured = bits[0];
        happened(CONFIGURED);
    }
    return r;
}

static int read_configuration(meeting *m)
{
    /* A link in clear says that there is nothing. */
    const int configured = known(m) ? mine_at(m)->configured : UNKNOWN;
    amble_remote_descriptor d;
    uint8_t bits[2];
    int r = find_configuration(m, &d);

    if (r >= 0)
        r = amble_read_descriptor(&d, bits, sizeof bits, some_time());
    if (r > 0 && known(m) && configured >= 0 && mine_at(m)->configured == configured) {
        if (bits[0] != configured)
            fail_msg("%d was configured, and is %u at %d ms", configured, bits[0], bench_now_ms());
        happened(KEPT);
    }
    return r;
}

static int follow(meeting *m)
{
    amble_subscription *s = NULL;
    amble_remote_characteristic c;
    amble_value value;
    order seen = {.next = 0};
    const amble_uuid *uuid = dice(2) ? &also_uuid : &told_uuid;
    int r = mine_at(m)->asking ? AMBLE_ERR_BUSY : find(m, uuid, &c);

    if (r < 0)
        return r;
    mine_at(m)->asking = true;
    if (uuid == &told_uuid)
        mine_at(m)->configured = UNKNOWN;
    r = amble_subscribe(&c, NULL, &s, some_time());
    for (unsigned i = 1 + dice(8); r >= 0 && i > 0; i--) {
        r = amble_notified(s, &value, (int)dice(1000));
        if (r == 0) {
            see(&seen, &value);
            happened(NOTIFIED);
        }
        r = r == AMBLE_ERR_TIMEOUT ? 0 : r;
    }
    amble_subscription_close(s);
    mine_at(m)->asking = false;
    return r;
}

/* --- several requests at once ------------------------------------------------------------------------------------- */
typedef struct {
    amble_remote_characteristic log, secret;
} helping;

static int help(void *arg)
{
    const helping *h = arg;
    tag mine = new_tag();
    uint8_t bytes[64];
    int r = 0;

    for (unsigned i = dice(8); i > 0 && amble_connected(h->log.conn) && !host_is_over(r); i--) {
        put_tag(&mine, bytes);
        r = dice(2) ? amble_write(&h->log, bytes, TAG, some_time())
                    : amble_read(&h->secret, bytes, sizeof bytes, some_time());
        if (r > 0)
            assert_memory_equal(bytes, SECRET, sizeof SECRET - 1); /* and not the answer to somebody else */
        if (r < 0)
            mine = new_tag(); /* what was given up may still come, on its bearer */
    }
    return host_is_over(r) ? r : 0;
}

static int ask_at_once(meeting *m)
{
    amble_scope scope;
    helping h;
    int r = find(m, &log_uuid, &h.log);

    if (r >= 0)
        r = find(m, &secret_uuid, &h.secret);
    if (r < 0)
        return r;
    if (amble_connection_bearers(m->conn) > 1)
        happened(OVERLAPPED);
    amble_scope_open(&scope);
    for (unsigned i = 1 + dice(HELPERS); i > 0; i--)
        amble_spawn_named(&scope, "helper", help, &h);
    r = amble_scope_wait(&scope, some_time());
    amble_scope_close(&scope);
    return r;
}

/* --- services that come and go ------------------------------------------------------------------------------------ */
static int meet_guest(meeting *m)
{
    const unsigned which = dice(GUESTS);
    amble_remote_service s;
    amble_remote_characteristic c;
    char value[16];
    int r = amble_find_service(m->conn, &guest_uuids[which], &s, 5000);

    if (r >= 0)
        r = amble_find_characteristic(&s, &guest_uuids[which], &c, 5000);
    for (unsigned i = dice(4); r >= 0 && i > 0; i--) {
        r = amble_read(&c, value, sizeof value, some_time());
        if (r >= 0 && (r != 7 || memcmp(value, names[which].initial, 7) != 0))
            fail_msg("guest %u gave somebody else's value at %d ms", which, bench_now_ms());
        if (r >= 0) {
            happened(GUEST);
            (void)!amble_disconnected(m->conn, (int)dice(800));
        }
    }
    return r;
}

static int forget_peer(meeting *m)
{
    const amble_device device = amble_connection_device(m->conn);

    pairings++;
    return dice(4) ? 0 : amble_bonds_delete(amble_bonds_of(m->conn->host), device);
}

static int follow_database(meeting *m) { return amble_follow_database(m->conn, some_time()); }
static int let_time_pass(meeting *m) { return amble_disconnected(m->conn, (int)dice(3000)); }
static int tune_link(meeting *m) { return tune(m->conn); }
static int use_channels(meeting *m) { return be_on_channel(m->conn, CHANNEL); }

typedef int operation(meeting *m);
static operation *const client_operations[] = {
    pair,        pair,       sign,         sign,           sign_again,     sign_again,         read_secret,
    read_secret, read_vault, read_vault,   configure_told, configure_told, read_configuration, read_configuration,
    follow,      follow,     ask_at_once,  ask_at_once,    meet_guest,     meet_guest,         follow_database,
    forget_peer, tune_link,  use_channels, let_time_pass,
};
enum { CLIENT_OPERATIONS = sizeof client_operations / sizeof *client_operations };

/* --- as a server -------------------------------------------------------------------------------------------------- */
static int let_in_or_not(meeting *m)
{
    const bool in = dice(2);
    int r;

    know_nothing(m->peer, m->self);
    r = amble_authorise(m->conn, in);
    if (r == 0 && known(m))
        theirs_here(m)->let_in = in;
    return r;
}

static int notify(meeting *m)
{
    const amble_characteristic *c = dice(2) ? &told : &also;
    uint8_t bytes[TAG];

    put_tag(&m->mine, bytes);
    return dice(3) || c == &also ? amble_notify(m->conn, c, bytes, TAG, some_time())
                                 : amble_indicate(m->conn, c, bytes, TAG, some_time());
}

static int notify_several(meeting *m)
{
    const amble_characteristic *first = dice(2) ? &told : &also;
    uint8_t bytes[2][TAG];
    amble_notify_part parts[] = {{.characteristic = first, .data = bytes[0], .size = TAG},
                                 {.characteristic = dice(4) ? first : &also, .data = bytes[1], .size = TAG}};
    int r;

    put_tag(&m->mine, bytes[0]);
    put_tag(&m->mine, bytes[1]);
    r = amble_notify_multiple(m->conn, parts, 2, some_time());
    if (r == 0)
        happened(NOTIFIED_SEVERAL);
    return r;
}

static int ask_for_security(meeting *m)
{
    pairings++;
    return amble_pair(m->conn, &cheap, some_time());
}

/* One comes, or goes, or another one takes its place. */
static int change_services(meeting *m)
{
    const unsigned which = dice(GUESTS), what = dice(4);
    int r = 0;

    if (what != 0)
        r = amble_unserve(m->conn->host, &guests[which]); /* it may not be there */
    if (what != 1)
        r = amble_serve(m->conn->host, &guests[what == 0 ? which : GUESTS - 1 - which]); /* or be there already */
    return r;
}

static operation *const server_operations[] = {
    let_in_or_not,  let_in_or_not,    notify,          notify,          notify,    notify_several, notify_several,
    notify_several, ask_for_security, change_services, change_services, tune_link, use_channels,   let_time_pass,
};
enum { SERVER_OPERATIONS = sizeof server_operations / sizeof *server_operations };

/* --- a link ------------------------------------------------------------------------------------------------------- */
static void play(meeting *m, operation *const *operations, unsigned count, unsigned times)
{
    int r = 0;

    for (unsigned i = dice(times); i > 0 && !host_is_over(r) && amble_connected(m->conn); i--) {
        r = operations[dice(count)](m);
        if (r == AMBLE_ERR_NOT_SUBSCRIBED)
            r = amble_disconnected(m->conn, (int)dice(300));
        else if (r < 0 && !host_is_over(r) && amble_connected(m->conn))
            r = amble_disconnected(m->conn, 1); /* what failed at once would not let time pass */
    }
}

static int be_server(void *arg)
{
    meeting m = *(const meeting *)arg;

    m.mine = new_tag();
    play(&m, server_operations, SERVER_OPERATIONS, 30);
    return 0;
}

static int use_link(unsigned self, amble_connection *conn)
{
    meeting m = {.conn = conn, .self = self, .peer = schedule_peer(conn)};
    amble_scope scope;
    int r = 0;

    if (m.peer == NOBODY) { /* the other end has heard nothing of it yet */
        r = amble_disconnected(conn, 200);
        m.peer = r == AMBLE_ERR_TIMEOUT ? schedule_peer(conn) : NOBODY;
    }
    if (m.peer != NOBODY) {
        amble_scope_open(&scope);
        amble_spawn_named(&scope, "server", be_server, &m);
        if (!amble_connection_encrypted(conn))
            (void)sign_again(&m); /* who heard it does so as soon as it can */
        r = amble_find_service(conn, &home_uuid, &m.home, 5000);
        if (r >= 0)
            play(&m, client_operations, CLIENT_OPERATIONS, 30);
        (void)!amble_scope_wait(&scope, AMBLE_FOREVER);
        amble_scope_close(&scope);
    }
    if (!host_is_over(r) && dice(2))
        r = amble_disconnected(conn, (int)dice(2000)); /* let the other one leave first */
    amble_connection_close(conn);
    return r;
}

/* --- workers ------------------------------------------------------------------------------------------------------ */
static int advertise(const schedule_day *today)
{
    const unsigned other = dice(schedule_devices());
    const amble_device friend = schedule_identity(other);
    const bool calls = dice(4) == 0 && bond_with(today->device, schedule_device(other));
    const amble_advertise_options options = {.interval_us = 20000 + dice(4) * 20000,
                                             .directed_to = calls ? &friend : NULL};
    amble_connection *conn;
    const int r = amble_advertise(today->ble, &options, &conn, 1 + (int)dice(6000));

    return r < 0 ? r : use_link(today->index, conn);
}

/* Mostly under the identity, as somebody does who has a bond. */
static int call(const schedule_day *today)
{
    const amble_connect_options options = {
        .max_interval_us = 30000, .supervision_timeout_ms = 1000, .unencrypted = dice(3) == 0};
    const unsigned other = dice(schedule_devices());
    amble_connection *conn;
    const int r = amble_connect(today->ble, dice(3) ? schedule_identity(other) : schedule_address(other), &options,
                                &conn, 1 + (int)dice(4000));

    return r < 0 ? r : use_link(today->index, conn);
}

static int meet(void *arg)
{
    const schedule_day *today = arg;
    int r;

    do
        r = dice(2) ? advertise(today) : call(today);
    while (!host_is_over(r) && !today->over && (r >= 0 || (r = amble_sleep_ms(10)) == 0) && !today->over);
    return r;
}
static const schedule_worker companion = {"meet", meet};

static int take_writes(void *arg)
{
    const schedule_day *today = arg;
    const amble_source sources[] = {amble_on_written(today->ble, &button), amble_on_written(today->ble, &writes)};
    amble_value value;
    int r;

    do {
        r = amble_wait_first(sources, 2, AMBLE_FOREVER);
        if (r == 0 && (r = amble_written(today->ble, &button, &value, 0)) == 0)
            see_signed(today->index, &value);
        else if (r == 1 && (r = amble_written(today->ble, &writes, &value, 0)) == 0) {
            see(&logged_seen[today->index], &value);
            happened(LOGGED);
        }
        if (r >= 0 && dice(8) == 0)
            r = amble_sleep_ms((int)dice(400)); /* so that writes are held */
    } while (!host_is_over(r) && r != AMBLE_ERR_BUSY && !today->over);
    return r;
}

static int scan(void *arg)
{
    const schedule_day *today = arg;
    const amble_scan_options options = {.active = dice(2), .interval_us = 30000, .window_us = 30000, .every = dice(2)};
    amble_scan_result result;
    amble_scanner scanner;
    int r = amble_scan_open(today->ble, &scanner, &options, some_time());

    while (r >= 0 && (r = amble_scan_next(&scanner, &result, some_time())) > 0 && dice(30)) {
        const amble__bond *bond = amble__bonds_resolve(&today->ble->bonds.table, result.device);
        const unsigned whose = bond ? schedule_index(bond->peer) : NOBODY;
        const int since = whose == NOBODY ? 0 : bonded_since_ms(today->index, whose);

        if (since && result.time_us / 1000 > (uint64_t)since)
            fail_msg("a bonded device was not recognised at %d ms", bench_now_ms());
        if (!bond && amble__smp_bond(&today->ble->smp, result.device))
            happened(FOUND);
    }
    amble_scan_close(&scanner);
    return r;
}

static const schedule_worker workers[] = {{"writes", take_writes}, {"writes", take_writes}, {"scan", scan}};

/* --- the days ----------------------------------------------------------------------------------------------------- */
static void morning(amble *ble)
{
    const unsigned self = schedule_index(amble_own_device(ble));

    on_demand[self] = dice(2);
    assert_int_equal(amble_pair_on_demand(ble, on_demand[self] ? &cheap : NULL), 0);
    listen_or_not(ble);
}

/* A host that was closed begins with other services. What its store did not have is gone. */
static void evening(bench_device *device, unsigned index)
{
    const unsigned which = dice(GUESTS + 1);

    device->config.services[1] = which < GUESTS ? &guests[which] : NULL;
    remember_what_was_saved(index);
}

/* --- peace -------------------------------------------------------------------------------------------------------- */
static unsigned at_peace, pressed;
static bool letting_in;

/* However it was before. A bond that the other side does not have, or has in another form, is deleted. */
static amble_connection *befriend(bench_device *self, unsigned other)
{
    for (int i = 0; i < TRIES; i++) {
        amble_connection *conn;
        amble_device device;
        int r = amble_connect(self->ble, schedule_address(other), NULL, &conn, (int)dice(3000));

        if (r == AMBLE_ERR_TIMEOUT)
            continue; /* it had another address before long */
        assert_int_equal(r, 0);
        r = amble_pair(conn, NULL, WAIT_MS);
        if (r == 0)
            return conn;
        device = amble_connection_device(conn);
        amble_connection_close(conn);
        if (r == AMBLE_ERR_SMP(AMBLE__SMP_REPEATED_ATTEMPTS))
            bench_sleep(WAIT_MS);
        else
            (void)amble_bonds_delete(amble_bonds_of(self->ble), device); /* there may be none */
    }
    fail_msg("device %u cannot be paired with", other);
    return NULL;
}

static void expect_same_keys(const bench_device *one, const bench_device *other)
{
    const amble__bond *mine = bond_with(one, other), *theirs = bond_with(other, one);

    assert_non_null(mine);
    assert_non_null(theirs);
    assert_memory_equal(mine->peer_key.value, theirs->own_key.value, sizeof mine->own_key.value);
    assert_memory_equal(mine->own_signing.value, theirs->peer_signing.value, sizeof mine->own_signing.value);
    assert_memory_equal(mine->peer_signing.value, theirs->own_signing.value, sizeof mine->own_signing.value);
    assert_true(theirs->peer_signing.counter <= mine->own_signing.counter);
    assert_true(mine->peer_signing.counter <= theirs->own_signing.counter);
}

static unsigned most_bearers(const bench_device *one, const bench_device *other)
{
    const uint8_t a = amble__host_bearers(&one->ble->config), b = amble__host_bearers(&other->ble->config);

    return 1u + (a < b ? a : b);
}

static amble_connection *call_friend(bench_device *self, unsigned other, bool unencrypted)
{
    const amble_connect_options options = {.unencrypted = unencrypted};
    amble_connection *conn;

    assert_int_equal(amble_connect(self->ble, schedule_identity(other), &options, &conn, 10 * WAIT_MS), 0);
    assert_true(amble_device_equal(amble_connection_device(conn), schedule_identity(other)));
    assert_int_equal(schedule_peer(conn) == NOBODY || schedule_peer(conn) == other, true);
    return conn;
}

static void expect_what_was_kept(amble_connection *conn, unsigned bearers)
{
    const amble_remote_characteristic hidden = bench_characteristic(conn, &home_uuid, &secret_uuid),
                                      locked = bench_characteristic(conn, &home_uuid, &vault_uuid),
                                      c = bench_characteristic(conn, &home_uuid, &told_uuid);
    amble_remote_descriptor d;
    uint8_t bytes[64];

    assert_int_equal(amble_encrypted(conn, WAIT_MS), 0); /* by itself */
    assert_int_equal(amble_read(&hidden, bytes, sizeof bytes, WAIT_MS), sizeof SECRET - 1);
    assert_int_equal(amble_read(&locked, bytes, sizeof bytes, WAIT_MS), 4);
    assert_int_equal(amble_find_descriptor(&c, &cccd_uuid, &d, WAIT_MS), 0);
    assert_int_equal(amble_read_descriptor(&d, bytes, sizeof bytes, WAIT_MS), 2);
    assert_int_equal(bytes[0], 1);
    bench_sleep(5000);
    assert_int_equal(amble_connection_bearers(conn), bearers);
}

static void sign_as_a_friend(amble_connection *conn, unsigned self, unsigned other)
{
    const amble_remote_characteristic c = bench_characteristic(conn, &home_uuid, &button_uuid);
    tag *t = &record_of(self, other)->signs;
    uint8_t bytes[TAG];

    assert_false(amble_connection_encrypted(conn));
    if (!t->sender)
        *t = new_tag();
    pressed = 0;
    put_tag(t, bytes);
    assert_int_equal(amble_write_signed(&c, bytes, TAG, WAIT_MS), 0);
    while (!pressed)
        bench_sleep(20);
}

/* It is just being told of services that came and went: then what was found is stale, once. */
static void subscribe_as_a_friend(amble_connection *conn)
{
    const uint8_t notifications[2] = {1, 0};
    int r = AMBLE_ERR_STALE;

    for (int i = 0; i < 2 && r == AMBLE_ERR_STALE; i++) {
        const amble_remote_characteristic c = bench_characteristic(conn, &home_uuid, &told_uuid);
        amble_remote_descriptor d;

        r = amble_find_descriptor(&c, &cccd_uuid, &d, WAIT_MS);
        if (r == 0)
            r = amble_write_descriptor(&d, notifications, sizeof notifications, WAIT_MS);
    }
    assert_int_equal(r, 0);
}

/* The friend may be busy with a link that is over and that it does not know of yet. */
static void await_leave(const amble_connection *conn)
{
    const amble_connection *other;

    for (int i = 0; i < WAIT_MS / 100; i++, bench_sleep(100))
        if ((other = schedule_other_end(conn)) && other->authorised)
            return;
    fail_msg("nobody was let in until %d ms", bench_now_ms());
}

static void be_friends(bench_device *self, unsigned index, unsigned other)
{
    amble_connection *conn;

    letting_in = true;
    conn = befriend(self, other);
    bench_sleep(2000);
    expect_same_keys(self, schedule_device(other));
    subscribe_as_a_friend(conn);
    await_leave(conn);
    letting_in = false;
    amble_connection_close(conn);
    bench_sleep((MOST_LIFETIME_S + 1) * 1000);
    conn = call_friend(self, other, false);
    expect_what_was_kept(conn, most_bearers(self, schedule_device(other)));
    amble_connection_close(conn);
    conn = call_friend(self, other, true);
    sign_as_a_friend(conn, index, other);
    amble_connection_close(conn);
}

/* As the friend who is called: lets in, and takes what is signed. */
static void be_called(amble_connection *conn, unsigned index)
{
    amble_value value;

    while (amble_connected(conn)) {
        if (letting_in && amble_connection_encrypted(conn) && !amble_connection_authorised(conn))
            assert_int_equal(amble_authorise(conn, true), 0);
        if (amble_written(amble_connection_host(conn), &button, &value, 100) == 0) {
            see_signed(index, &value);
            pressed++;
        }
    }
    amble_connection_close(conn);
}

static void make_peace(bench_device *self, unsigned index)
{
    const amble_advertise_options options = {.interval_us = BENCH_ADVERTISE_US};
    amble_advertiser advertiser;
    amble_connection *conn;

    schedule_rely_on_stores();
    assert_int_equal(amble_pair_on_demand(self->ble, NULL), 0);
    at_peace++;
    while (at_peace < schedule_devices())
        bench_sleep(20);
    for (unsigned other = 1; index == 0 && other < schedule_devices(); other++)
        be_friends(self, index, other);
    if (index == 0)
        at_peace++; /* nobody needs the others any more */
    assert_int_equal(amble_advertise_open(self->ble, &advertiser, &options), 0);
    while (at_peace <= schedule_devices())
        if (amble_advertise_next(&advertiser, &conn, 1000) == 0)
            be_called(conn, index);
    amble_advertise_close(&advertiser);
}

/* --- the schedules ------------------------------------------------------------------------------------------------ */
static void begin(unsigned seed)
{
    (void)seed;
    forget_senders();
    schedule_forget_stores();
    schedule_bonds_begin(&told);
    memset(logged_seen, 0, sizeof logged_seen);
    at_peace = pairings = 0;
    letting_in = false;
}

static void configure(bench_device *device, unsigned index)
{
    static const amble_address_kind kinds[] = {AMBLE_ADDRESS_PUBLIC,     AMBLE_ADDRESS_STATIC,
                                               AMBLE_ADDRESS_RESOLVABLE, AMBLE_ADDRESS_RESOLVABLE,
                                               AMBLE_ADDRESS_RESOLVABLE, AMBLE_ADDRESS_NON_RESOLVABLE};

    device->config = (amble_config){.services = {&home},
                                    .connections = (uint8_t)(2 + dice(3)),
                                    .bond_limit = 8,
                                    .bond_store = schedule_store(index),
                                    .own_address = kinds[dice(sizeof kinds / sizeof *kinds)],
                                    .private_address_s = (uint16_t)(1 + dice(MOST_LIFETIME_S)),
                                    .enhanced_bearers = (uint8_t)dice(4),
                                    .no_enhanced_bearers = dice(6) == 0,
                                    .held_write_ms = dice(2) ? 0 : 1000,
                                    .send_buffers = dice(2) ? 0 : 1,
                                    .cached_peers = (uint8_t)(1 + dice(3))};
}

static const schedule_kind bonded = {.least_devices = 2,
                                     .most_devices = 4,
                                     .length_ms = LIFE_MS,
                                     .day_ms = DAY_MS,
                                     .workers = workers,
                                     .worker_count = sizeof workers / sizeof workers[0],
                                     .companion = &companion,
                                     .morning = morning,
                                     .evening = evening,
                                     .configure = configure,
                                     .begin = begin,
                                     .peace = make_peace,
                                     .watch = hear_signed,
                                     .audit = audit_bonds,
                                     .happenings = happenings,
                                     .happening_count = HAPPENINGS};

int main(void) { return schedule_main(&bonded, "friends_stay_friends"); }
