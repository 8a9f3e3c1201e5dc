/* Clients that come back to a server with which they have a bond: what they configured, and that they were let in,
 * holds on the next link, and after the server was switched off and on; a database that changed meanwhile is told of,
 * and gives no subscription to a stranger; without the bond there is nothing. */
#include "bench.h"

#include <unistd.h>

#include "port/scratch.h"

static const amble_uuid meter_uuid = AMBLE_UUID16(0x1809), level_uuid = AMBLE_UUID16(0x2a1c),
                        other_uuid = AMBLE_UUID16(0x180a), cccd_uuid = AMBLE_UUID16(0x2902);
static const amble_characteristic level = {.uuid = &level_uuid, .read = true, .notify = true, .indicate = true};
static const amble_service meter = {.uuid = &meter_uuid, .characteristics = AMBLE_LIST(&level)};
/* In an update these come before it, and so take its handles. */
static const amble_characteristic look_alike = {.uuid = &other_uuid, .read = true, .notify = true, .indicate = true};
static const amble_service other = {.uuid = &other_uuid, .characteristics = AMBLE_LIST(&look_alike)};

static char path[64];

static void begin(void)
{
    scratch_path(path, sizeof path, "bonds.json");
    (void)remove(path); /* only an earlier test leaves one */
}

#define SERVER(function)                                                                                               \
    {                                                                                                                  \
        .label = "server", .script = function, .config = {.services = {&meter}, .bonds = path }                        \
    }

static void reboot(bench_device *self)
{
    amble_close(self->ble);
    assert_int_equal(bench_open(self), 0);
}

/* One link to the end; what the client asked for when it began. */
static void serve_link(bench_device *self, const amble_characteristic *c, unsigned expected)
{
    amble_connection *conn = bench_await(self);

    assert_int_equal(amble_encrypted(conn, 60000), 0);
    assert_int_equal(amble_subscribed(conn, c), expected);
    if (expected)
        assert_int_equal(amble_update(self->ble, c, "now", 3, 60000), 1);
    bench_await_end(conn);
}

/* The client's configuration of the level, as the server has it. */
static void write_cccd(amble_connection *conn, uint8_t bits)
{
    const amble_remote_characteristic c = bench_characteristic(conn, &meter_uuid, &level_uuid);
    const uint8_t value[2] = {bits, 0};
    amble_remote_descriptor d;

    assert_int_equal(amble_find_descriptor(&c, &cccd_uuid, &d, 60000), 0);
    assert_int_equal(amble_write_descriptor(&d, value, sizeof value, 60000), 0);
}
static unsigned read_cccd(amble_connection *conn)
{
    const amble_remote_characteristic c = bench_characteristic(conn, &meter_uuid, &level_uuid);
    amble_remote_descriptor d;
    uint8_t value[2];

    assert_int_equal(amble_find_descriptor(&c, &cccd_uuid, &d, 60000), 0);
    assert_int_equal(amble_read_descriptor(&d, value, sizeof value, 60000), 2);
    return value[0];
}

/* --- reconnection, reboot, update --------------------------------------------------------------------------------- */
static int serve_and_reboot(bench_device *self)
{
    serve_link(self, &level, 0);
    serve_link(self, &level, 1);
    reboot(self);
    serve_link(self, &level, 1);
    self->config.services[1] = &meter;
    self->config.services[0] = &other;
    reboot(self);
    serve_link(self, &look_alike, 0);
    assert_int_equal(amble_read_statistics(self->ble).malformed, 0);
    return 0;
}

static int come_back(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    amble_remote_characteristic c;
    char value[8];

    assert_int_equal(amble_pair(conn, NULL, 60000), 0);
    assert_int_equal(amble_follow_database(conn, 60000), 0);
    write_cccd(conn, 1);
    amble_connection_close(conn);
    for (int i = 0; i < 2; i++) {
        conn = bench_connect(self, "server");
        assert_int_equal(amble_follow_database(conn, 60000), 1); /* before and after the reboot */
        assert_int_equal(read_cccd(conn), 1);
        amble_connection_close(conn);
    }
    conn = bench_connect(self, "server");
    assert_int_equal(amble_follow_database(conn, 60000), 0);
    assert_int_equal(read_cccd(conn), 0);
    c = bench_characteristic(conn, &meter_uuid, &level_uuid);
    assert_int_equal(amble_read(&c, value, sizeof value, 60000), 0);
    amble_connection_close(conn);
    return 0;
}

static void what_was_configured_holds(void **state)
{
    (void)state;
    for (int loss = 0; loss <= 20; loss += 10) {
        begin();
        BENCH_RUN((&(bench_options){.loss = loss, .seed = 11}), SERVER(serve_and_reboot),
                  {.label = "client", .script = come_back});
    }
}

/* --- a change while the client was away --------------------------------------------------------------------------- */
static int change_while_away(bench_device *self)
{
    amble_connection *conn;

    serve_link(self, &level, 0);
    assert_int_equal(amble_serve(self->ble, &other), 0);
    conn = bench_await(self);
    assert_int_equal(amble_encrypted(conn, 60000), 0);
    assert_int_equal(amble_subscribed(conn, &level), 0); /* not before it knows: it said that it understands */
    bench_sleep(3000);
    assert_int_equal(amble_subscribed(conn, &level), 1); /* it was told, and confirmed */
    assert_int_equal(amble_update(self->ble, &level, "now", 3, 60000), 1);
    bench_await_end(conn);
    serve_link(self, &level, 1);
    return 0;
}

static int find_out(bench_device *self)
{
    static const int remembered[] = {0, 0, 1};

    for (int i = 0; i < 3; i++) {
        amble_connection *conn = bench_connect(self, "server");

        if (i == 0)
            assert_int_equal(amble_pair(conn, NULL, 60000), 0);
        else
            bench_sleep(5000);
        assert_int_equal(amble_follow_database(conn, 60000), remembered[i]);
        if (i == 0)
            write_cccd(conn, 1);
        assert_int_equal(read_cccd(conn), 1);
        amble_connection_close(conn);
    }
    return 0;
}

static void a_change_while_away_is_told(void **state)
{
    (void)state;
    begin();
    BENCH_RUN((&(bench_options){.seed = 12}), SERVER(change_while_away), {.label = "client", .script = find_out});
}

/* What the program says before there is a bond, or before the link is encrypted with it, counts all the same. */
static int let_in_early(bench_device *self)
{
    static const bool expected[] = {false, true, true, false, false}; /* when the link is encrypted */

    for (int i = 0; i < 5; i++) {
        amble_connection *conn = bench_await(self);

        if (i == 3)
            assert_int_equal(amble_authorise(conn, false), 0);
        assert_int_equal(amble_encrypted(conn, 60000), 0);
        assert_int_equal(amble_connection_authorised(conn), expected[i]);
        if (i == 0)
            assert_int_equal(amble_authorise(conn, true), 0); /* keys are still on their way */
        bench_await_end(conn);
    }
    return 0;
}

static int come_again(bench_device *self)
{
    for (int i = 0; i < 5; i++) {
        amble_connection *conn = bench_connect(self, "server");

        assert_int_equal(amble_pair(conn, NULL, 60000), 0);
        if (i == 1) /* a new key, under the protection of the old one */
            assert_int_equal(amble_pair(conn, &(amble_pair_options){.renew = true}, 60000), 0);
        bench_sleep(1000);
        amble_connection_close(conn);
    }
    return 0;
}

static void leave_given_early_is_kept(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY({.label = "server", .script = let_in_early}, {.label = "client", .script = come_again});
}

/* --- under another address ---------------------------------------------------------------------------------------- */
enum { LIFETIME_S = 4 };
#define HIDES .own_address = AMBLE_ADDRESS_RESOLVABLE, .private_address_s = LIFETIME_S

static int serve_hidden(bench_device *self)
{
    serve_link(self, &level, 0);
    serve_link(self, &level, 1);
    return 0;
}

static int come_back_hidden(bench_device *self)
{
    const amble_scan_options named = {.name = "hidden"};
    amble_device server, before;
    amble_scan_result found;
    amble_connection *conn;

    assert_int_equal(amble_scan_find(self->ble, &named, &found, 60000), 0);
    assert_int_equal(amble_connect(self->ble, found.device, NULL, &conn, 60000), 0);
    assert_int_equal(amble_pair(conn, NULL, 60000), 0);
    before = amble_connection_peer_address(conn);
    server = amble_connection_device(conn);
    assert_int_equal(amble_follow_database(conn, 60000), 0);
    write_cccd(conn, 1);
    amble_connection_close(conn);
    bench_sleep(2 * LIFETIME_S * 1000);
    assert_int_equal(amble_connect(self->ble, server, NULL, &conn, 60000), 0);
    assert_false(amble_device_equal(amble_connection_peer_address(conn), before));
    assert_int_equal(amble_follow_database(conn, 60000), 1); /* what was remembered is of this server */
    assert_int_equal(read_cccd(conn), 1);
    amble_connection_close(conn);
    return 0;
}

static void it_holds_under_another_address(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(
        {.label = "server", .script = serve_hidden, .config = {.name = "hidden", .services = {&meter}, HIDES}},
        {.label = "client", .script = come_back_hidden, .config = {HIDES}});
}

/* --- without the bond --------------------------------------------------------------------------------------------- */
static int serve_and_forget(bench_device *self)
{
    amble_bond bond = {.serial = 0};
    amble_connection *conn;

    serve_link(self, &level, 0);
    assert_int_equal(amble_bonds_next(amble_bonds_of(self->ble), &bond), 1);
    assert_int_equal(amble_bonds_delete(amble_bonds_of(self->ble), bond.device), 0);
    conn = bench_await(self);
    bench_sleep(5000);
    assert_false(amble_connection_encrypted(conn));
    assert_int_equal(amble_subscribed(conn, &level), 0);
    assert_int_equal(amble_update(self->ble, &level, "now", 3, 60000), 0);
    bench_await_end(conn);
    return 0;
}

static int come_back_unknown(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");

    assert_int_equal(amble_pair(conn, NULL, 60000), 0);
    write_cccd(conn, 1);
    amble_connection_close(conn);
    conn = bench_connect(self, "server");
    assert_int_equal(amble_pair(conn, NULL, 60000), AMBLE_ERR_BOND_LOST);
    assert_int_equal(read_cccd(conn), 0);
    bench_sleep(8000);
    amble_connection_close(conn);
    return 0;
}

static void without_the_bond_there_is_nothing(void **state)
{
    (void)state;
    begin();
    amble_log_level(AMBLE_LOG_ERROR); /* it is warned of, too */
    BENCH_RUN((&(bench_options){.seed = 13}), SERVER(serve_and_forget),
              {.label = "client", .script = come_back_unknown});
    amble_log_level(AMBLE_LOG_WARNING);
}

/* --- who was let in ----------------------------------------------------------------------------------------------- */
enum { DOOR_PSM = 0x80 };
static const amble_uuid door_uuid = AMBLE_UUID16(0x2a56);
static const amble_characteristic door = {
    .uuid = &door_uuid, .read = true, .write = true, .notify = true, .read_authorised = true, .write_authorised = true};
static const amble_service house = {.uuid = &other_uuid, .characteristics = AMBLE_LIST(&door)};
static amble_event rung;

static void listen_at_door(bench_device *self)
{
    assert_int_equal(amble_l2cap_listen(self->ble, DOOR_PSM, &(amble_l2cap_options){.authorised = true}), 0);
}

static int let_in(bench_device *self)
{
    amble_bond bond = {.serial = 0};
    amble_connection *conn;

    listen_at_door(self);
    conn = bench_await(self);
    assert_int_equal(amble_event_wait(&rung, 60000), 0);
    assert_false(amble_connection_authorised(conn));
    assert_int_equal(amble_authorise(conn, true), 0);
    bench_await_end(conn);
    reboot(self);
    listen_at_door(self);
    assert_int_equal(amble_bonds_next(amble_bonds_of(self->ble), &bond), 1);
    assert_true(bond.authorised);
    conn = bench_await(self);
    assert_false(amble_connection_authorised(conn)); /* its address proves nothing */
    assert_int_equal(amble_encrypted(conn, 60000), 0);
    assert_true(amble_connection_authorised(conn));
    amble_event_clear(&rung);
    assert_int_equal(amble_event_wait(&rung, 60000), 0);
    assert_int_equal(amble_authorise(conn, false), 0);
    bench_await_end(conn);
    reboot(self);
    listen_at_door(self);
    bench_await_end(bench_await(self));
    return 0;
}

static void try_door(amble_connection *conn, bool open)
{
    const amble_remote_characteristic c = bench_characteristic(conn, &other_uuid, &door_uuid);
    const int refused = AMBLE_ERR_ATT(0x08);
    amble_subscription *subscription;
    amble_l2cap_channel *channel;
    char value[8];

    assert_int_equal(amble_write(&c, "open", 4, 60000), open ? 0 : refused);
    assert_int_equal(amble_read(&c, value, sizeof value, 60000), open ? 4 : refused);
    assert_int_equal(amble_subscribe(&c, NULL, &subscription, 60000), open ? 0 : refused);
    amble_subscription_close(subscription);
    assert_int_equal(amble_l2cap_connect(conn, DOOR_PSM, NULL, &channel, 60000),
                     open ? 0 : AMBLE_ERR_L2CAP_CONNECT(0x06));
    amble_l2cap_close(channel);
}

static int ring(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");

    assert_int_equal(amble_pair(conn, NULL, 60000), 0);
    try_door(conn, false);
    amble_event_set(&rung);
    bench_sleep(100);
    try_door(conn, true);
    amble_connection_close(conn);
    conn = bench_connect(self, "server");
    try_door(conn, true);
    amble_event_set(&rung);
    bench_sleep(100);
    try_door(conn, false);
    amble_connection_close(conn);
    conn = bench_connect(self, "server");
    try_door(conn, false);
    amble_connection_close(conn);
    return 0;
}

static void who_was_let_in_is_remembered(void **state)
{
    (void)state;
    for (int loss = 0; loss <= 20; loss += 20) {
        begin();
        amble_event_clear(&rung);
        BENCH_RUN(
            (&(bench_options){.loss = loss, .seed = 14}),
            {.label = "server", .script = let_in, .config = {.services = {&house}, .bonds = path, .listeners = 2}},
            {.label = "client", .script = ring});
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_configured_holds),      cmocka_unit_test(a_change_while_away_is_told),
        cmocka_unit_test(it_holds_under_another_address), cmocka_unit_test(without_the_bond_there_is_nothing),
        cmocka_unit_test(who_was_let_in_is_remembered),   cmocka_unit_test(leave_given_early_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
