/* The timing and the radio of links: both sides change them, policies refuse, tasks give up at every moment, and both
 * sides always agree on what the link has. */
#include "bench.h"

static const amble_parameters slow = {
    .min_interval_us = 100000, .max_interval_us = 150000, .latency = 2, .supervision_timeout_ms = 5000};
static const amble_parameters quick = {
    .min_interval_us = 15000, .max_interval_us = 30000, .supervision_timeout_ms = 5000};

static bool is_within(const amble_connection *conn, const amble_parameters *p)
{
    const amble_parameters now = amble_connection_parameters(conn);

    return now.max_interval_us >= p->min_interval_us && now.max_interval_us <= p->max_interval_us &&
           now.latency == p->latency && now.supervision_timeout_ms == p->supervision_timeout_ms;
}

/* The other side has them, too, at the latest some events later. */
static void expect_soon(amble_connection *conn, const amble_parameters *p)
{
    for (int i = 0; i < 200 && !is_within(conn, p); i++)
        assert_int_equal(amble_disconnected(conn, 50), AMBLE_ERR_TIMEOUT);
    assert_true(is_within(conn, p));
}

static amble_connection *meet(bench_device *self, bool central)
{
    return central ? bench_connect(self, "peripheral") : bench_await(self);
}

/* --- either side changes them ------------------------------------------------------------------------------------- */
static bool central_changes;

static int change(bench_device *self, bool central)
{
    amble_connection *conn = meet(self, central);

    if (central == central_changes) {
        assert_int_equal(amble_connection_update(conn, &slow, 60000), 0);
        assert_true(is_within(conn, &slow));
        assert_int_equal(amble_exchange_mtu(conn, 20000), 247); /* the link lives */
        assert_int_equal(amble_connection_update(conn, &quick, 60000), 0);
        assert_true(is_within(conn, &quick));
        bench_sleep(1000);
        amble_connection_close(conn);
    } else {
        expect_soon(conn, &slow);
        expect_soon(conn, &quick);
        bench_await_end(conn);
    }
    return 0;
}
static int change_as_central(bench_device *self) { return change(self, true); }
static int change_as_peripheral(bench_device *self) { return change(self, false); }

static void both_sides_may_change_the_parameters(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        central_changes = i;
        BENCH_RUN_LOSSY({.label = "peripheral", .script = change_as_peripheral},
                        {.label = "central", .script = change_as_central});
    }
}

/* --- policies ----------------------------------------------------------------------------------------------------- */
static int ask_in_vain(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    const amble_parameters before = amble_connection_parameters(conn);

    assert_int_equal(amble_connection_update(conn, &slow, 60000), AMBLE_ERR_HCI(0x3b));
    assert_int_equal(amble_connection_parameters(conn).max_interval_us, before.max_interval_us);
    assert_int_equal(amble_connection_update(conn, &quick, 60000), 0); /* within the policy */
    assert_int_equal(amble_connection_parameters(conn).max_interval_us, 20000);
    bench_sleep(500);
    amble_connection_close(conn);
    return 0;
}
static int be_strict(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "peripheral");

    expect_soon(
        conn, &(amble_parameters){.min_interval_us = 20000, .max_interval_us = 20000, .supervision_timeout_ms = 5000});
    bench_await_end(conn);
    return 0;
}

static void a_policy_bounds_what_a_peer_gets(void **state)
{
    const amble_parameter_policy policy = {.min_interval_us = 20000, .max_interval_us = 20000, .no_latency = true};

    (void)state;
    BENCH_RUN_LOSSY({.label = "peripheral", .script = ask_in_vain},
                    {.label = "central", .script = be_strict, .config = {.parameter_policy = policy}});
}

/* --- giving up ---------------------------------------------------------------------------------------------------- */
typedef struct {
    amble_connection *conn;
    const amble_parameters *wish;
    int result;
} attempt;

static int attempt_update(void *arg)
{
    attempt *a = arg;

    a->result = amble_connection_update(a->conn, a->wish, AMBLE_FOREVER);
    return 0;
}

/* Cancels at every moment; the next change always works, and is what both sides have. */
static int give_up(bench_device *self, bool central)
{
    amble_connection *conn = meet(self, central);
    unsigned cancelled = 0;

    for (int moment = 0; central == central_changes && moment < 60; moment++) {
        attempt a = {.conn = conn, .wish = &slow};
        amble_scope scope;
        amble_task *task;

        amble_scope_open(&scope);
        task = amble_spawn(&scope, attempt_update, &a);
        for (int i = 0; i < moment && moment < 20; i++)
            bench_sleep(0);
        if (moment >= 20)
            bench_sleep((moment - 20) * 30);
        amble_cancel(task);
        amble_scope_close(&scope);
        cancelled += a.result == AMBLE_ERR_CANCELLED;
        assert_true(a.result == 0 || a.result == AMBLE_ERR_CANCELLED);
        assert_int_equal(amble_connection_update(conn, &quick, 60000), 0);
        assert_true(is_within(conn, &quick));
    }
    if (central == central_changes) {
        assert_in_range(cancelled, 10, 60);
        bench_sleep(3000);
        assert_true(is_within(conn, &quick));
        amble_connection_close(conn);
        return 0;
    }
    assert_int_equal(amble_disconnected(conn, AMBLE_FOREVER), 0);
    assert_true(is_within(conn, &quick));
    amble_connection_close(conn);
    return 0;
}
static int give_up_as_central(bench_device *self) { return give_up(self, true); }
static int give_up_as_peripheral(bench_device *self) { return give_up(self, false); }

static void a_change_is_given_up_at_every_moment(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        central_changes = i;
        BENCH_RUN_LOSSY({.label = "peripheral", .script = give_up_as_peripheral},
                        {.label = "central", .script = give_up_as_central});
    }
}

/* --- the radio ---------------------------------------------------------------------------------------------------- */
static int tune(bench_device *self)
{
    static const amble_phy phys[] = {AMBLE_PHY_2M, AMBLE_PHY_CODED, AMBLE_PHY_1M};
    amble_connection *conn = bench_connect(self, "peripheral");
    amble_phys agreed;
    uint64_t channels;

    for (size_t i = 0; i < sizeof phys / sizeof *phys; i++) {
        const amble_phys wish = {.send = phys[i], .receive = phys[i]};

        assert_int_equal(amble_connection_set_phy(conn, &wish, &agreed, 60000), 0);
        assert_int_equal(agreed.send * 16 + agreed.receive, phys[i] * 17);
        assert_int_equal(amble_connection_phy(conn, &agreed, 1000), 0);
        assert_int_equal(agreed.send * 16 + agreed.receive, phys[i] * 17);
        assert_int_equal(amble_exchange_mtu(conn, 60000), 247);
        bench_sleep(5000);
        assert_int_equal(amble_connection_data_length(conn).send, 251);
        assert_int_equal(amble_connection_data_length(conn).receive, 251);
    }
    assert_int_equal(amble_connection_channels(conn, &channels, 1000), 0);
    assert_true(channels == AMBLE_CHANNELS);
    assert_int_equal(amble_classify_channels(self->ble, UINT64_C(0x1f), 1000), 0);
    for (int i = 0; i < 100 && channels != 0x1f; i++) {
        bench_sleep(100);
        assert_int_equal(amble_connection_channels(conn, &channels, 1000), 0);
    }
    assert_true(channels == 0x1f);
    amble_connection_close(conn);
    return 0;
}
static int be_tuned(bench_device *self)
{
    amble_connection *conn = bench_await(self);

    assert_int_equal(amble_disconnected(conn, AMBLE_FOREVER), 0);
    assert_int_equal(amble_connection_data_length(conn).send, 251);
    amble_connection_close(conn);
    return 0;
}

static void the_radio_is_tuned(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY_NEW({.label = "peripheral", .script = be_tuned}, {.label = "central", .script = tune});
}

/* --- both connect to each other ----------------------------------------------------------------------------------- */
static int advertise_once(void *arg)
{
    bench_device *self = ((void **)arg)[0];
    const amble_advertise_options options = {.interval_us = BENCH_ADVERTISE_US};

    return amble_advertise(self->ble, &options, &((amble_connection **)arg)[1], 20000);
}

static int await_while_connecting(bench_device *self)
{
    void *both[2] = {self, NULL};
    amble_connection *conn;
    amble_scope scope;

    amble_scope_open(&scope);
    amble_spawn(&scope, advertise_once, both);
    assert_int_equal(amble_connect(self->ble, bench_address("other"), NULL, &conn, AMBLE_FOREVER), AMBLE_ERR_BUSY);
    assert_int_equal(amble_scope_wait(&scope, AMBLE_FOREVER), 0);
    amble_scope_close(&scope);
    bench_await_end(both[1]);
    conn = bench_connect(self, "other"); /* and the next connect works */
    amble_connection_close(conn);
    return 0;
}
static int connect_after_a_while(bench_device *self)
{
    amble_connection *conn;

    bench_sleep(700);
    conn = bench_connect(self, "self");
    bench_sleep(500);
    amble_connection_close(conn);
    bench_await_end(bench_await(self));
    return 0;
}

static void a_connect_ends_when_its_peer_connects(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY({.label = "self", .script = await_while_connecting},
                    {.label = "other", .script = connect_after_a_while});
}

/* What takes longer than a controller allows is sent in smaller packets: here it has to be one. */
static const amble_uuid long_service_uuid = AMBLE_UUID16(0xfff0), long_uuid = AMBLE_UUID16(0xfff1);
static const amble_characteristic long_value = {.uuid = &long_uuid, .write = true, .capture = true, .max_size = 244};
static const amble_service long_service = {.uuid = &long_service_uuid, .characteristics = AMBLE_LIST(&long_value)};
static size_t longest_coded;

static void measure_coded(const amble_air_packet *packet)
{
    if (packet->phy == 3 && packet->size > longest_coded)
        longest_coded = packet->size;
}

static int write_on_coded(bench_device *self)
{
    const amble_phys wish = {.send = AMBLE_PHY_CODED, .receive = AMBLE_PHY_CODED, .coding = 8};
    amble_connection *conn = bench_connect(self, "peripheral");
    const amble_remote_characteristic c = bench_characteristic(conn, &long_service_uuid, &long_uuid);
    static const uint8_t value[244];

    assert_int_equal(amble_exchange_mtu(conn, 60000), 247);
    assert_int_equal(amble_connection_set_phy(conn, &wish, NULL, 60000), 0);
    bench_sleep(5000); /* both lengths are agreed on again */
    bench_watch(measure_coded);
    assert_int_equal(amble_write(&c, value, sizeof value, 60000), 0);
    assert_int_equal(longest_coded, 2 + 4 + 3 + sizeof value); /* headers of the link layer, L2CAP and ATT */
    longest_coded = 0;
    assert_int_equal(amble_connection_set_data_length(conn, 100, 1000), 0);
    bench_sleep(5000);
    assert_int_equal(amble_write(&c, value, sizeof value, 60000), 0);
    assert_int_equal(longest_coded, 2 + 100);
    bench_watch(NULL);
    amble_connection_close(conn);
    return 0;
}

static int be_written(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    amble_value value;

    for (int i = 0; i < 2; i++)
        assert_int_equal(amble_written(self->ble, &long_value, &value, 120000), 0);
    bench_await_end(conn);
    return 0;
}

static void long_packets_stay_long_on_a_slow_phy(void **state)
{
    (void)state;
    longest_coded = 0;
    BENCH_RUN(&(bench_options){.seed = 1},
              {.label = "peripheral", .script = be_written, .config = {.services = {&long_service}, .mtu = 247}},
              {.label = "central", .script = write_on_coded, .config = {.mtu = 247}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_may_change_the_parameters),  cmocka_unit_test(a_policy_bounds_what_a_peer_gets),
        cmocka_unit_test(a_change_is_given_up_at_every_moment),  cmocka_unit_test(the_radio_is_tuned),
        cmocka_unit_test(a_connect_ends_when_its_peer_connects), cmocka_unit_test(long_packets_stay_long_on_a_slow_phy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
