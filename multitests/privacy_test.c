/* Privacy on the simulated radio: hosts whose addresses change, a friend who paired and recognises them, a stranger who
 * cannot, and a sniffer that looks for identities in clear. */
#include "bench.h"

#include "host/host_room.h"

enum { LIFETIME_S = 20, LIFETIME_MS = LIFETIME_S * 1000, MEET_MS = 60000, SCAN_US = 60000 };
enum { ADVERTISING_ACCESS_ADDRESS = 0x8e89bed6, HEADER = 2, ADDRESS = 6, TX_RANDOM = 0x40 };
enum { SCAN_REQ = 3, CONNECT_IND = 5, LAST_LEGACY = 6 };

/* --- the sniffer -------------------------------------------------------------------------------------------------- */
static struct {
    amble_device identities[2]; /* that must not be seen */
    unsigned betrayed, sent, scan_requests;
    uint8_t kinds; /* a bit for each value of the uppermost two bits of advertisers' addresses */
    uint8_t scan_kinds;
} sniffer;

static void look_for_identities(const amble_air_packet *packet)
{
    const uint8_t *first = packet->pdu + HEADER;
    const unsigned type = packet->pdu[0] & 15;

    if (packet->access_address != ADVERTISING_ACCESS_ADDRESS || packet->size < HEADER + ADDRESS || type > LAST_LEGACY)
        return;
    sniffer.sent++;
    for (int i = 0; i < 2; i++)
        for (size_t at = HEADER; at + ADDRESS <= packet->size; at++)
            sniffer.betrayed += memcmp(packet->pdu + at, sniffer.identities[i].bytes, ADDRESS) == 0;
    if (type == SCAN_REQ) {
        sniffer.scan_requests++;
        sniffer.scan_kinds |= (uint8_t)(1u << (first[ADDRESS - 1] >> 6));
    } else if (type != CONNECT_IND) {
        sniffer.kinds |= (uint8_t)(1u << (first[ADDRESS - 1] >> 6));
    }
}

static void begin_sniffing(const char *one, const char *other)
{
    memset(&sniffer, 0, sizeof sniffer);
    sniffer.identities[0] = bench_address(one);
    sniffer.identities[1] = bench_address(other);
    bench_watch(look_for_identities);
}

/* --- finding each other ------------------------------------------------------------------------------------------- */
static amble_device find(bench_device *self, const char *name)
{
    const amble_scan_options options = {.name = name, .interval_us = SCAN_US, .window_us = SCAN_US};
    amble_scan_result found;

    assert_int_equal(amble_scan_find(self->ble, &options, &found, MEET_MS), 0);
    return found.device;
}

static amble_connection *connect_to(bench_device *self, amble_device device)
{
    amble_connection *conn;

    assert_int_equal(amble_connect(self->ble, device, NULL, &conn, MEET_MS), 0);
    return conn;
}

static amble_connection *advertise(bench_device *self)
{
    const amble_advertise_options options = {.interval_us = BENCH_ADVERTISE_US};
    amble_connection *conn;

    assert_int_equal(amble_advertise(self->ble, &options, &conn, 20 * MEET_MS), 0);
    return conn;
}

static bool is_private(amble_device address)
{
    return address.type == AMBLE_RANDOM && address.bytes[ADDRESS - 1] >> 6 == 1;
}

/* --- pairing, and meeting again under new addresses, both ways ---------------------------------------------------- */
/* Controllers that can resolve do it; with those of Bluetooth 4.2 the host does. */
static void expect_resolving(const bench_device *self)
{
    assert_int_equal(self->ble->gap.privacy.resolving, self->ble->gap.privacy.sets_modes);
}

/* The link is protected with the bond, and the peer goes by its identity although it hides. */
static void expect_known(amble_connection *conn, const char *label)
{
    assert_int_equal(amble_encrypted(conn, MEET_MS), 0);
    assert_true(amble_connection_bonded(conn));
    assert_true(amble_device_equal(amble_connection_device(conn), bench_address(label)));
    assert_true(is_private(amble_connection_peer_address(conn)));
    assert_true(is_private(amble_connection_own_address(conn)));
}

/* Whether the other side says that it may be called by a private address, Vol 3 Part C 12.4. */
static void expect_central_address_resolution(amble_connection *conn, bool expected)
{
    const amble_uuid access = AMBLE_UUID16(0x1800), resolution = AMBLE_UUID16(0x2aa6);
    const amble_remote_characteristic c = bench_characteristic(conn, &access, &resolution);
    uint8_t value;

    assert_int_equal(amble_read(&c, &value, 1, MEET_MS), 1);
    assert_int_equal(value, expected);
}

static bool legacy_pairing;

static int host_of_two(bench_device *self)
{
    amble_connection *conn;
    amble_device before;

    begin_sniffing("server", "client");
    conn = advertise(self);
    assert_true(is_private(amble_connection_device(conn))); /* it is a stranger yet */
    before = amble_connection_peer_address(conn);
    assert_int_equal(amble_encrypted(conn, MEET_MS), 0);
    bench_await_end(conn);
    for (int i = 0; i < 2; i++) {
        conn = advertise(self);
        expect_known(conn, "client");
        assert_false(amble_device_equal(amble_connection_peer_address(conn), before));
        before = amble_connection_peer_address(conn);
        bench_await_end(conn);
    }
    bench_sleep(LIFETIME_MS); /* and now the other way round */
    expect_resolving(self);
    conn = connect_to(self, bench_address("client"));
    expect_known(conn, "client");
    amble_connection_close(conn);
    return 0;
}

static int guest_of_one(bench_device *self)
{
    amble_connection *conn = connect_to(self, find(self, "server"));
    amble_device server;

    assert_true(is_private(amble_connection_device(conn)));
    assert_int_equal(amble_pair(conn, &(amble_pair_options){.legacy_only = legacy_pairing}, MEET_MS), 0);
    server = amble_connection_device(conn);
    assert_true(amble_device_equal(server, bench_address("server"))); /* pairing told */
    expect_central_address_resolution(conn, self->ble->gap.privacy.sets_modes);
    amble_connection_close(conn);
    for (int i = 0; i < 2; i++) {
        bench_sleep(LIFETIME_MS);
        conn = connect_to(self, server);
        expect_known(conn, "server");
        /* Pairing goes by the addresses on the air, also by those that the controllers made. */
        assert_int_equal(amble_pair(conn, &(amble_pair_options){.renew = true, .legacy_only = legacy_pairing}, MEET_MS),
                         0);
        assert_true(amble_device_equal(amble_connection_device(conn), server));
        bench_sleep(500);
        amble_connection_close(conn);
    }
    conn = advertise(self);
    expect_known(conn, "server");
    bench_await_end(conn);
    return 0;
}

#define HIDES .own_address = AMBLE_ADDRESS_RESOLVABLE, .private_address_s = LIFETIME_S

static void friends_meet_again_under_new_addresses(void **state)
{
    (void)state;
    for (int legacy = 0; legacy < 2; legacy++) {
        legacy_pairing = legacy;
        BENCH_RUN_LOSSY({.label = "server", .script = host_of_two, .config = {.name = "server", HIDES}},
                        {.label = "client", .script = guest_of_one, .config = {.name = "client", HIDES}});
        assert_true(sniffer.sent > 100);
        assert_int_equal(sniffer.betrayed, 0);
    }
}

/* --- who recognises whom ------------------------------------------------------------------------------------------ */
enum { WATCH_MS = 5 * LIFETIME_MS };

static int pair_and_advertise(bench_device *self)
{
    amble_connection *conn = advertise(self);
    amble_advertiser advertiser;

    assert_int_equal(amble_encrypted(conn, MEET_MS), 0);
    bench_await_end(conn);
    assert_int_equal(
        amble_advertise_open(self->ble, &advertiser, &(amble_advertise_options){.interval_us = BENCH_ADVERTISE_US}), 0);
    bench_sleep(WATCH_MS + MEET_MS);
    amble_advertise_close(&advertiser);
    return 0;
}

/* How many devices of this name are seen. */
static unsigned count_devices(bench_device *self, const char *name, amble_device *last)
{
    const amble_scan_options options = {.name = name, .active = true, .interval_us = SCAN_US, .window_us = SCAN_US};
    amble_device seen[16];
    unsigned count = 0, i;
    amble_scan_result result;
    amble_scanner scanner;
    int r;

    assert_int_equal(amble_scan_open(self->ble, &scanner, &options, WATCH_MS), 0);
    while ((r = amble_scan_next(&scanner, &result, AMBLE_FOREVER)) == 1) {
        for (i = 0; i < count && !amble_device_equal(seen[i], result.device); i++)
            ;
        assert_in_range(i, 0, 15);
        seen[i] = *last = result.device;
        count += i == count;
    }
    assert_int_equal(r, 0);
    amble_scan_close(&scanner);
    return count;
}

static int friend_watches(bench_device *self)
{
    amble_connection *conn = connect_to(self, find(self, "walker"));
    amble_device seen;

    assert_int_equal(amble_pair(conn, NULL, MEET_MS), 0);
    amble_connection_close(conn);
    assert_int_equal(count_devices(self, "walker", &seen), 1);
    assert_true(amble_device_equal(seen, bench_address("walker")));
    return 0;
}

static int stranger_watches(bench_device *self)
{
    amble_device seen;

    bench_sleep(MEET_MS / 2);                                    /* the others are paired then */
    assert_in_range(count_devices(self, "walker", &seen), 5, 6); /* one for each lifetime */
    assert_true(is_private(seen));
    return 0;
}

static void only_friends_recognise_who_hides(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY({.label = "walker", .script = pair_and_advertise, .config = {.name = "walker", HIDES}},
                    {.label = "friend", .script = friend_watches}, {.label = "stranger", .script = stranger_watches});
}

/* --- addresses of nobody ------------------------------------------------------------------------------------------ */
#define NOBODY .own_address = AMBLE_ADDRESS_NON_RESOLVABLE, .private_address_s = LIFETIME_S

static int be_a_beacon(bench_device *self)
{
    static const uint8_t name[] = {7, 0x09, 'b', 'e', 'a', 'c', 'o', 'n'};
    const amble_advertise_options beacon = {
        .not_connectable = true, .interval_us = BENCH_ADVERTISE_US, .response = name, .response_size = sizeof name};
    amble_connection *conn = advertise(self);

    assert_int_equal(amble_encrypted(conn, MEET_MS), 0);
    bench_await_end(conn);
    bench_sleep(5000); /* nobody looks for links any more */
    begin_sniffing("beacon", "friend");
    assert_int_equal(amble_advertise(self->ble, &beacon, NULL, WATCH_MS + MEET_MS), 0);
    return 0;
}

static int friend_of_a_beacon(bench_device *self)
{
    amble_connection *conn = connect_to(self, find(self, "beacon"));
    amble_device seen;

    assert_true(is_private(amble_connection_peer_address(conn))); /* links have addresses that can be resolved */
    assert_true(is_private(amble_connection_own_address(conn)));
    assert_int_equal(amble_pair(conn, NULL, MEET_MS), 0);
    amble_connection_close(conn);
    bench_sleep(6000);
    assert_in_range(count_devices(self, "beacon", &seen), 5, 6);
    assert_int_equal(seen.bytes[ADDRESS - 1] >> 6, 0);
    return 0;
}

static void nobody_recognises_a_beacon_or_who_scans(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY({.label = "beacon", .script = be_a_beacon, .config = {.name = "beacon", NOBODY}},
                    {.label = "friend", .script = friend_of_a_beacon, .config = {.name = "friend", NOBODY}});
    assert_true(sniffer.sent > 100);
    assert_int_equal(sniffer.betrayed, 0);
    assert_true(sniffer.scan_requests > 10);
    assert_int_equal(sniffer.kinds, 1);
    assert_int_equal(sniffer.scan_kinds, 1);
}

/* --- calling somebody who hides ----------------------------------------------------------------------------------- */
/* A controller that resolves calls the peer by an address of its own making; a host knows only the one that it had
 * last. */
static void let_it_hide_again(const bench_device *self)
{
    bench_sleep(self->ble->gap.privacy.resolving ? 2 * LIFETIME_MS : 0);
}

static int call(bench_device *self)
{
    const amble_device client = bench_address("client");
    const amble_advertise_options directed = {.directed_to = &client, .interval_us = BENCH_ADVERTISE_US};
    amble_connection *conn = advertise(self);

    assert_int_equal(amble_encrypted(conn, MEET_MS), 0);
    bench_await_end(conn);
    begin_sniffing("server", "client");
    let_it_hide_again(self);
    assert_int_equal(amble_advertise(self->ble, &directed, &conn, MEET_MS), 0);
    expect_known(conn, "client");
    bench_await_end(conn);
    return 0;
}

static int be_called(bench_device *self)
{
    amble_connection *conn = connect_to(self, find(self, "server"));

    assert_int_equal(amble_pair(conn, NULL, MEET_MS), 0);
    amble_connection_close(conn);
    let_it_hide_again(self);
    conn = connect_to(self, bench_address("server"));
    expect_known(conn, "server");
    bench_sleep(500);
    amble_connection_close(conn);
    return 0;
}

static void who_hides_is_called_and_comes(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY({.label = "server", .script = call, .config = {.name = "server", HIDES}},
                    {.label = "client", .script = be_called, .config = {.name = "client", HIDES}});
    assert_int_equal(sniffer.betrayed, 0);
}

/* --- several at once ---------------------------------------------------------------------------------------------- */
static int one_of_several(bench_device *self)
{
    for (int i = 0; i < 2; i++) {
        amble_connection *conn = advertise(self);

        assert_int_equal(amble_encrypted(conn, MEET_MS), 0);
        assert_true(is_private(amble_connection_own_address(conn)));
        bench_await_end(conn);
    }
    return 0;
}

static bench_device *collector;

static int reconnect(void *arg)
{
    const char *label = arg;
    amble_connection *conn = connect_to(collector, bench_address(label));

    assert_true(amble_device_equal(amble_connection_device(conn), bench_address(label)));
    assert_int_equal(amble_encrypted(conn, MEET_MS), 0);
    bench_sleep(1000);
    amble_connection_close(conn);
    return 0;
}

static int collect(bench_device *self)
{
    static char names[3][8] = {"one", "two", "three"};
    amble_scope tasks;

    for (int i = 0; i < 3; i++) {
        amble_connection *conn = connect_to(self, find(self, names[i]));

        assert_int_equal(amble_pair(conn, NULL, MEET_MS), 0);
        amble_connection_close(conn);
    }
    bench_sleep(LIFETIME_MS);
    collector = self;
    amble_scope_open(&tasks);
    for (int i = 0; i < 3; i++)
        amble_spawn(&tasks, reconnect, names[i]);
    assert_int_equal(amble_scope_wait(&tasks, 4 * MEET_MS), 0);
    amble_scope_close(&tasks);
    return 0;
}

static void several_who_hide_are_connected_to_at_once(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY({.label = "collector", .script = collect},
                    {.label = "one", .script = one_of_several, .config = {.name = "one", HIDES}},
                    {.label = "two", .script = one_of_several, .config = {.name = "two", HIDES}},
                    {.label = "three", .script = one_of_several, .config = {.name = "three", HIDES}});
}

/* --- periodic advertising ----------------------------------------------------------------------------------------- */
enum { REPORTS_MS = 3 * LIFETIME_MS, PERIODIC_US = 100000 };

/* Its data go on while its address changes. */
static int send_periodically(bench_device *self)
{
    const amble_advertise_options options = {.extended = true,
                                             .not_connectable = true,
                                             .interval_us = BENCH_ADVERTISE_US,
                                             .periodic_interval_us = PERIODIC_US};
    amble_connection *conn = advertise(self);
    amble_advertiser advertiser;
    amble_device before;

    assert_int_equal(amble_encrypted(conn, MEET_MS), 0);
    bench_await_end(conn);
    assert_int_equal(amble_advertise_open(self->ble, &advertiser, &options), 0);
    assert_int_equal(amble_periodic_send(&advertiser, "x", 1, 5000), 0);
    before = amble_own_address(self->ble);
    bench_sleep(REPORTS_MS + MEET_MS);
    assert_false(amble_device_equal(amble_own_address(self->ble), before));
    amble_advertise_close(&advertiser);
    return 0;
}

static int follow(bench_device *self)
{
    const amble_scan_options sender = {.interval_us = SCAN_US, .window_us = SCAN_US};
    amble_connection *conn = connect_to(self, find(self, "sender"));
    amble_scan_result found = {.periodic_interval_us = 0};
    amble_periodic_report report;
    amble_periodic periodic;
    int until_ms;

    assert_int_equal(amble_pair(conn, NULL, MEET_MS), 0);
    amble_connection_close(conn);
    while (!found.periodic_interval_us)
        assert_int_equal(amble_scan_find(self->ble, &sender, &found, MEET_MS), 0);
    assert_true(amble_device_equal(found.device, bench_address("sender")));
    assert_int_equal(amble_periodic_open(self->ble, &periodic, found.device, found.set, NULL, MEET_MS), 0);
    for (until_ms = bench_now_ms() + REPORTS_MS; bench_now_ms() < until_ms;) {
        assert_int_equal(amble_periodic_next(&periodic, &report, 5000), 0); /* it is not lost */
        assert_int_equal(report.size, 1);
    }
    amble_periodic_close(&periodic);
    return 0;
}

static void a_periodic_sender_is_followed_over_its_addresses(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY_NEW({.label = "sender", .script = send_periodically, .config = {.name = "sender", HIDES}},
                        {.label = "friend", .script = follow});
}

/* --- after a reboot ----------------------------------------------------------------------------------------------- */
static struct {
    uint8_t bytes[4][AMBLE_BOND_RECORD];
    size_t sizes[4], count;
} flash[2];

static int load(void *user, int (*take)(void *target, const void *record, size_t size), void *target)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < flash[*(int *)user].count; i++)
        r = take(target, flash[*(int *)user].bytes[i], flash[*(int *)user].sizes[i]);
    return r;
}
static int save(void *user, size_t count, size_t (*give)(void *source, size_t index, void *record, size_t room),
                void *source)
{
    flash[*(int *)user].count = count;
    for (size_t i = 0; i < count; i++)
        flash[*(int *)user].sizes[i] = give(source, i, flash[*(int *)user].bytes[i], AMBLE_BOND_RECORD);
    return 0;
}
static int numbers[2] = {0, 1};
static const amble_bond_store stores[2] = {{.load = load, .save = save, .user = &numbers[0]},
                                           {.load = load, .save = save, .user = &numbers[1]}};

static void reboot(bench_device *self)
{
    const amble_device identity = amble_own_device(self->ble), address = amble_own_address(self->ble);

    amble_close(self->ble);
    self->ble = NULL;
    assert_int_equal(bench_open(self), 0);
    assert_true(amble_device_equal(amble_own_device(self->ble), identity));
    assert_false(amble_device_equal(amble_own_address(self->ble), address));
}

static int serve_over_a_reboot(bench_device *self)
{
    amble_connection *conn = advertise(self);

    assert_int_equal(amble_encrypted(conn, MEET_MS), 0);
    bench_await_end(conn);
    reboot(self);
    conn = advertise(self);
    expect_known(conn, "client");
    bench_await_end(conn);
    return 0;
}

static int use_over_a_reboot(bench_device *self)
{
    amble_connection *conn = connect_to(self, find(self, "server"));

    assert_int_equal(amble_pair(conn, NULL, MEET_MS), 0);
    amble_connection_close(conn);
    reboot(self);
    conn = connect_to(self, bench_address("server"));
    expect_known(conn, "server");
    bench_sleep(500);
    amble_connection_close(conn);
    return 0;
}

static void friends_know_each_other_after_a_reboot(void **state)
{
    static const double losses[] = {0, 5, 20, 0};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        memset(flash, 0, sizeof flash);
        BENCH_RUN(&((bench_options){.loss = losses[i], .seed = 1 + i, .old = i == 3}),
                  {.label = "server",
                   .script = serve_over_a_reboot,
                   .config = {.name = "server", .bond_store = &stores[0], HIDES}},
                  {.label = "client",
                   .script = use_over_a_reboot,
                   .config = {.name = "client", .bond_store = &stores[1], HIDES}});
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(friends_meet_again_under_new_addresses),
        cmocka_unit_test(only_friends_recognise_who_hides),
        cmocka_unit_test(nobody_recognises_a_beacon_or_who_scans),
        cmocka_unit_test(who_hides_is_called_and_comes),
        cmocka_unit_test(several_who_hide_are_connected_to_at_once),
        cmocka_unit_test(a_periodic_sender_is_followed_over_its_addresses),
        cmocka_unit_test(friends_know_each_other_after_a_reboot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
