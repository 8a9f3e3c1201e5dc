/* Advertising and scanning between hosts; links in both roles; the ends of links and their reasons. */
#include "bench.h"

static const amble_uuid sensing_uuid = AMBLE_UUID16(0x181a);
static const amble_uuid wide_uuid = AMBLE_UUID128("458063a1-02bf-4664-857e-16c1030be066");

static bool stopped;

/* --- what is advertised is what is seen --------------------------------------------------------------------------- */
static int advertise_all_fields(bench_device *self)
{
    const amble_advertise_options options = {.interval_us = BENCH_ADVERTISE_US,
                                             .name = "a name",
                                             .services = {&sensing_uuid, &wide_uuid},
                                             .appearance = 0x0301,
                                             .company = 0x0075,
                                             .manufacturer = "maker",
                                             .manufacturer_size = 5};
    const amble_advertise_options beacon = {.interval_us = 100000, .no_name = true, .not_connectable = true};
    amble_connection *conn = NULL;
    int before;

    assert_int_equal(amble_advertise(self->ble, &options, &conn, 6000), AMBLE_ERR_TIMEOUT);
    assert_null(conn);
    before = bench_now_ms();
    assert_int_equal(amble_advertise(self->ble, &beacon, NULL, 2000), 0);
    assert_int_equal(bench_now_ms() - before, 2000);
    assert_int_equal(amble_advertise(self->ble, &options, NULL, 100), AMBLE_ERR_ARGUMENT);
    stopped = true;
    return 0;
}

static int scan_actively(bench_device *self)
{
    const amble_scan_options options = {
        .active = true, .interval_us = 30000, .window_us = 30000, .service = &wide_uuid, .name = "a name"};
    amble_scan_result found;
    const uint8_t *bytes;
    char name[32];
    size_t size;

    assert_int_equal(amble_scan_find(self->ble, &options, &found, 5000), 0);
    assert_true(amble_device_equal(found.device, bench_address("sender")));
    assert_true(found.connectable);
    assert_in_range(-found.rssi, 20, 120);
    assert_string_equal(amble_scan_name(&found, name, ""), "a name");
    assert_true(amble_scan_has_service(&found, &sensing_uuid));
    assert_false(amble_scan_has_service(&found, &(amble_uuid)AMBLE_UUID16(0x1800)));
    bytes = amble_scan_manufacturer(&found, 0x0075, &size);
    assert_int_equal(size, 5);
    assert_memory_equal(bytes, "maker", 5);
    assert_null(amble_scan_manufacturer(&found, 0x004c, &size));
    assert_int_equal(amble_scan_find(self->ble, &(amble_scan_options){.name = "another"}, &found, 1000),
                     AMBLE_ERR_TIMEOUT);
    return 0;
}

static int scan_for_the_beacon(bench_device *self)
{
    const amble_scan_options options = {.interval_us = 30000, .window_us = 30000};
    amble_scanner scanner, second;
    amble_scan_result result = {.connectable = true};
    int before, r, results = 0;

    bench_sleep(6050);
    before = bench_now_ms();
    assert_int_equal(amble_scan_open(self->ble, &scanner, &options, 1500), 0);
    assert_int_equal(amble_scan_open(self->ble, &second, &options, 1500), AMBLE_ERR_BUSY);
    while ((r = amble_scan_next(&scanner, &result, AMBLE_FOREVER)) == 1) {
        assert_false(result.connectable);
        assert_int_equal(result.size, 3); /* the flags */
        results++;
    }
    assert_int_equal(r, 0);
    assert_int_equal(results, 1); /* a device is one result */
    assert_int_equal(bench_now_ms() - before, 1500);
    amble_scan_close(&scanner);
    assert_int_equal(amble_scan_next(&scanner, &result, AMBLE_FOREVER), AMBLE_ERR_STALE);
    return 0;
}

static void what_is_advertised_is_seen(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY({.label = "sender", .script = advertise_all_fields}, {.label = "seeker", .script = scan_actively},
                    {.label = "listener", .script = scan_for_the_beacon, .config = {.scanners = 1}});
}

/* A device comes again when its data changed, and only then. */
static int advertise_changes(bench_device *self)
{
    for (uint8_t i = 0; i < 5; i++) {
        const amble_advertise_options options = {
            .interval_us = 50000, .not_connectable = true, .no_name = true, .manufacturer = &i, .manufacturer_size = 1};

        assert_int_equal(amble_advertise(self->ble, &options, NULL, 3000), 0);
    }
    return 0;
}

static int see_changes(bench_device *self)
{
    const amble_scan_options options = {.interval_us = 60000, .window_us = 60000};
    amble_scan_result result;
    amble_scanner scanner;
    size_t size;

    assert_int_equal(amble_scan_open(self->ble, &scanner, &options, 16000), 0);
    for (uint8_t i = 0; i < 5; i++) {
        assert_int_equal(amble_scan_next(&scanner, &result, AMBLE_FOREVER), 1);
        assert_int_equal(*amble_scan_manufacturer(&result, 0, &size), i);
        assert_int_equal(result.dropped, 0);
    }
    assert_int_equal(amble_scan_next(&scanner, &result, AMBLE_FOREVER), 0);
    amble_scan_close(&scanner);
    return 0;
}

static void a_device_comes_again_when_its_data_changed(void **state)
{
    const bench_device devices[] = {{.label = "sender", .script = advertise_changes},
                                    {.label = "listener", .script = see_changes}};

    (void)state;
    bench_run(&(bench_options){.seed = 1}, devices, 2);
}

/* With `every` a device comes with each advertisement, and with its time. */
static int advertise_the_same(bench_device *self)
{
    const amble_advertise_options options = {.interval_us = 50000, .not_connectable = true};

    assert_int_equal(amble_advertise(self->ble, &options, NULL, 3000), 0);
    return 0;
}

static int see_every_one(bench_device *self)
{
    const amble_scan_options options = {.interval_us = 60000, .window_us = 60000, .every = true};
    amble_scan_result result;
    amble_scanner scanner;
    uint64_t last = 0;
    int count = 0;

    assert_int_equal(amble_scan_open(self->ble, &scanner, &options, 2000), 0);
    for (; amble_scan_next(&scanner, &result, AMBLE_FOREVER) == 1; count++) {
        if (last)
            assert_in_range(result.time_us - last, 50000, 61000); /* advDelay: Vol 6 Part B 4.4.2.2.1 */
        last = result.time_us;
    }
    amble_scan_close(&scanner);
    assert_in_range(count, 30, 40);
    return 0;
}

static void every_advertisement_is_a_result_if_asked_for(void **state)
{
    const bench_device devices[] = {{.label = "sender", .script = advertise_the_same},
                                    {.label = "listener", .script = see_every_one}};

    (void)state;
    bench_run(&(bench_options){.seed = 1}, devices, 2);
}

/* More devices than the scan remembers: results come oldest first, what finds no room is counted. */
static int advertise_until_stopped(bench_device *self)
{
    const amble_advertise_options options = {.interval_us = 50000, .not_connectable = true};

    bench_sleep((self->label[0] - 'a') * 150);
    while (!stopped)
        assert_int_equal(amble_advertise(self->ble, &options, NULL, 1000), 0);
    return 0;
}

static int scan_a_crowd(bench_device *self)
{
    const amble_scan_options options = {.interval_us = 20000, .window_us = 20000};
    amble_scan_result result;
    amble_scanner scanner;
    unsigned results = 0, dropped = 0;

    assert_int_equal(amble_scan_open(self->ble, &scanner, &options, AMBLE_FOREVER), 0);
    bench_sleep(2000);
    while (results < 2) {
        assert_int_equal(amble_scan_next(&scanner, &result, 5000), 1);
        assert_true(amble_device_equal(result.device, bench_address(results == 0 ? "a" : "b")));
        results++;
        dropped += result.dropped;
    }
    assert_true(dropped > 0);
    assert_int_equal(amble_scan_next(&scanner, &result, 2000), 1); /* now there is room for a third */
    amble_scan_close(&scanner);
    stopped = true;
    return 0;
}

static void results_come_oldest_first_and_losses_are_counted(void **state)
{
    (void)state;
    stopped = false;
    BENCH_RUN(&(bench_options){.seed = 1}, {.label = "a", .script = advertise_until_stopped},
              {.label = "b", .script = advertise_until_stopped}, {.label = "c", .script = advertise_until_stopped},
              {.label = "d", .script = advertise_until_stopped},
              {.label = "seeker", .script = scan_a_crowd, .config = {.scanned_devices = 2}});
}

/* Two scanners of one host: each has its own filters, way and results, and leaves when it likes. */
typedef struct {
    amble *ble;
    unsigned results, responses;
} counting;

static int count_passively(void *arg)
{
    const amble_scan_options options = {.interval_us = 40000, .window_us = 20000, .every = true};
    amble_scan_result result;
    amble_scanner scanner;
    counting *c = arg;

    assert_int_equal(amble_scan_open(c->ble, &scanner, &options, 2000), 0);
    while (amble_scan_next(&scanner, &result, AMBLE_FOREVER) == 1) {
        c->results++;
        c->responses += result.response_at < result.size;
    }
    amble_scan_close(&scanner);
    return 0;
}

static int scan_twice(bench_device *self)
{
    const amble_scan_options options = {.active = true, .interval_us = 30000, .window_us = 30000, .name = "b"};
    amble_scan_result found = {.size = 0};
    counting c = {.ble = self->ble};
    amble_scope scope;

    amble_scope_open(&scope);
    amble_spawn(&scope, count_passively, &c);
    bench_sleep(700);
    assert_int_equal(amble_scan_find(self->ble, &options, &found, 1000), 0);
    assert_true(amble_device_equal(found.device, bench_address("b")));
    assert_int_equal(amble_scope_wait(&scope, AMBLE_FOREVER), 0); /* the other one goes on */
    amble_scope_close(&scope);
    assert_in_range(c.results, 20, 80);
    assert_int_equal(c.responses, 0); /* it did not ask, though the other one did */
    stopped = true;
    return 0;
}

static int advertise_with_response(bench_device *self)
{
    static const uint8_t data[] = {2, 1, 6, 2, 9, 'b'}, response[] = {2, 0x0a, 4};
    const amble_advertise_options options = {.interval_us = 50000,
                                             .data = data,
                                             .data_size = sizeof data,
                                             .response = response,
                                             .response_size = sizeof response};

    while (!stopped)
        assert_int_equal(amble_advertise(self->ble, &options, &(amble_connection *){NULL}, 500), AMBLE_ERR_TIMEOUT);
    return 0;
}

static void several_scans_go_on_at_once(void **state)
{
    const double losses[] = {0, 5, 20};

    (void)state;
    for (int i = 0; i < 3; i++) {
        stopped = false;
        BENCH_RUN(&((bench_options){.seed = 1, .loss = losses[i]}), {.label = "a", .script = advertise_until_stopped},
                  {.label = "b", .script = advertise_with_response}, {.label = "seeker", .script = scan_twice});
    }
}

/* --- everything at once ------------------------------------------------------------------------------------------- */
/* One host is central of one, peripheral of another, scans, and advertises besides. */
static int advertise_besides(void *arg)
{
    const amble_advertise_options options = {.interval_us = 50000, .not_connectable = true, .name = "middle"};

    return amble_advertise(arg, &options, NULL, 3000);
}

static int in_the_middle(bench_device *self)
{
    const amble_scan_options options = {.interval_us = 50000, .window_us = 20000, .name = "other"};
    amble_connection *as_central = bench_connect(self, "peripheral"), *as_peripheral = bench_await(self), *third;
    amble_scan_result found;
    amble_scope scope;

    assert_true(amble_connection_is_central(as_central));
    assert_false(amble_connection_is_central(as_peripheral));
    amble_scope_open(&scope);
    amble_spawn(&scope, advertise_besides, self->ble);
    assert_int_equal(amble_scan_find(self->ble, &options, &found, 10000), 0);
    third = bench_connect(self, "other");
    assert_int_equal(amble_scope_wait(&scope, AMBLE_FOREVER), 0);
    amble_scope_close(&scope);
    for (int i = 0; i < 10; i++) { /* all links live on */
        int8_t rssi = 0;

        assert_int_equal(amble_connection_rssi(as_central, &rssi, 5000), 0);
        assert_true(rssi < 0);
        assert_int_equal(amble_exchange_mtu(as_peripheral, 5000), 247);
        assert_int_equal(amble_exchange_mtu(third, 5000), 247);
        bench_sleep(500);
    }
    amble_connection_close(third);
    amble_connection_close(as_peripheral);
    amble_connection_close(as_central);
    return 0;
}

static int be_peripheral(bench_device *self)
{
    bench_await_end(bench_await(self));
    return 0;
}

static int be_central(bench_device *self)
{
    bench_await_end(bench_connect(self, "middle"));
    return 0;
}

static void roles_and_procedures_go_on_side_by_side(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY({.label = "middle", .script = in_the_middle}, {.label = "peripheral", .script = be_peripheral},
                    {.label = "other", .script = be_peripheral, .config = {.name = "other"}},
                    {.label = "central", .script = be_central});
}

/* A peripheral waits for the exchange that its central begins. */
static int await_mtu(bench_device *self)
{
    amble_connection *conn = bench_await(self);

    assert_int_equal(amble_mtu_exchanged(conn, 100), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_mtu_exchanged(conn, 30000), 100);
    assert_int_equal(amble_mtu_exchanged(conn, 0), 100); /* and knows it */
    bench_await_end(conn);
    conn = bench_await(self);
    assert_int_equal(amble_mtu_exchanged(conn, AMBLE_FOREVER), AMBLE_ERR_DISCONNECTED);
    amble_connection_close(conn);
    return 0;
}
static int begin_mtu(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "peripheral");

    bench_sleep(2000);
    assert_int_equal(amble_exchange_mtu(conn, 30000), 100);
    assert_int_equal(amble_mtu_exchanged(conn, 0), 100);
    amble_connection_close(conn);
    conn = bench_connect(self, "peripheral");
    bench_sleep(500);
    amble_connection_close(conn);
    return 0;
}

static void a_peripheral_waits_for_the_mtu(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY({.label = "peripheral", .script = await_mtu},
                    {.label = "central", .script = begin_mtu, .config = {.mtu = 100}});
}

/* --- ends of links ------------------------------------------------------------------------------------------------ */
static bool central_leaves;

static void leave_or_be_left(amble_connection *conn, bool leave)
{
    const amble_source source = amble_on_disconnected(conn);

    assert_true(amble_connected(conn));
    assert_int_equal(amble_connection_reason(conn), 0);
    assert_int_equal(amble_disconnected(conn, 300), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_wait_first(&source, 1, 0), AMBLE_ERR_TIMEOUT);
    if (leave) {
        bench_sleep(1000);
    } else {
        assert_int_equal(amble_wait_first(&source, 1, AMBLE_FOREVER), 0);
        assert_int_equal(amble_disconnected(conn, 0), 0);
        assert_false(amble_connected(conn));
        assert_int_equal(amble_connection_reason(conn), 0x13); /* remote user terminated */
        assert_int_equal(amble_exchange_mtu(conn, 1000), AMBLE_ERR_DISCONNECTED);
        assert_int_equal(amble_connection_rssi(conn, &(int8_t){0}, 1000), AMBLE_ERR_DISCONNECTED);
    }
    amble_connection_close(conn);
}

static int end_as_peripheral(bench_device *self)
{
    leave_or_be_left(bench_await(self), !central_leaves);
    return 0;
}
static int end_as_central(bench_device *self)
{
    leave_or_be_left(bench_connect(self, "peripheral"), central_leaves);
    return 0;
}

static void both_sides_may_leave(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        central_leaves = i;
        BENCH_RUN_LOSSY({.label = "peripheral", .script = end_as_peripheral},
                        {.label = "central", .script = end_as_central});
    }
}

/* A peer without power is noticed by the supervision timeout; every wait on the link ends then, bounded ones too. */
typedef struct {
    amble_connection *conn;
    int r, ended_ms;
} waiting;

static int wait_for_link(void *arg)
{
    waiting *w = arg;
    amble_timeout timeout;

    amble_timeout_begin(&timeout, w->conn, 60000);
    w->r = amble_sleep_ms(60000);
    w->r = amble_timeout_end(&timeout, w->r);
    w->ended_ms = bench_now_ms();
    return 0;
}

static int lose_power(bench_device *self)
{
    amble_connection *conn = bench_await(self);

    bench_sleep(1000);
    assert_int_equal(amble_air_unplug(bench_transport(self)), 0);
    assert_int_equal(amble_disconnected(conn, 100), 0); /* its own host knows at once */
    assert_int_equal(amble_exchange_mtu(conn, 1000), AMBLE_ERR_CONTROLLER);
    amble_connection_close(conn);
    amble_close(self->ble);
    self->ble = NULL;
    return 0;
}

static int notice(bench_device *self)
{
    const amble_connect_options options = {.supervision_timeout_ms = 3000};
    waiting w = {.conn = NULL};
    amble_connection *conn;
    amble_scope scope;
    int before;

    assert_int_equal(amble_connect(self->ble, bench_address("peripheral"), &options, &conn, 20000), 0);
    w.conn = conn;
    amble_scope_open(&scope);
    amble_spawn(&scope, wait_for_link, &w);
    bench_sleep(900);
    before = bench_now_ms();
    assert_int_equal(amble_disconnected(conn, 60000), 0);
    assert_in_range(bench_now_ms() - before, 2500, 3600);
    assert_int_equal(amble_connection_reason(conn), 0x08);
    assert_int_equal(amble_scope_wait(&scope, AMBLE_FOREVER), 0);
    assert_int_equal(w.r, AMBLE_ERR_DISCONNECTED);
    assert_in_range(w.ended_ms - before, 2500, 3600);
    amble_scope_close(&scope);
    amble_connection_close(conn);
    return 0;
}

static void power_loss_is_noticed_by_the_supervision_timeout(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY({.label = "peripheral", .script = lose_power}, {.label = "central", .script = notice});
}

/* Few slots: a connect and an advertiser are told, and both work again when a slot is free. */
static int with_one_slot(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "peripheral"), *second;

    assert_int_equal(amble_connect(self->ble, bench_address("other"), NULL, &second, 1000), AMBLE_ERR_NO_MEMORY);
    assert_int_equal(amble_advertise(self->ble, NULL, &second, 1000), AMBLE_ERR_NO_MEMORY);
    amble_connection_close(conn);
    conn = bench_connect(self, "other"); /* at once, even when the last link's end is still under way */
    assert_int_equal(amble_disconnected(conn, AMBLE_FOREVER), 0);
    assert_int_equal(amble_connect(self->ble, bench_address("peripheral"), NULL, &second, 1000), AMBLE_ERR_NO_MEMORY);
    amble_connection_close(conn); /* a dead connection is its owner's until then */
    return 0;
}

static int leave_after_a_second(bench_device *self)
{
    amble_connection *conn = bench_await(self);

    bench_sleep(1000);
    amble_connection_close(conn);
    return 0;
}

static void slots_are_given_back(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY({.label = "one", .script = with_one_slot, .config = {.connections = 1}},
                    {.label = "peripheral", .script = be_peripheral},
                    {.label = "other", .script = leave_after_a_second});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_advertised_is_seen),
        cmocka_unit_test(a_device_comes_again_when_its_data_changed),
        cmocka_unit_test(every_advertisement_is_a_result_if_asked_for),
        cmocka_unit_test(results_come_oldest_first_and_losses_are_counted),
        cmocka_unit_test(several_scans_go_on_at_once),
        cmocka_unit_test(roles_and_procedures_go_on_side_by_side),
        cmocka_unit_test(a_peripheral_waits_for_the_mtu),
        cmocka_unit_test(both_sides_may_leave),
        cmocka_unit_test(power_loss_is_noticed_by_the_supervision_timeout),
        cmocka_unit_test(slots_are_given_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
