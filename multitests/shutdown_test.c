/* Closing hosts, and controllers that are gone: every wait ends, with the right reason, and the host can be opened
 * again. Last, that one seed gives one trace. */
#include "bench.h"

static const amble_uuid service_uuid = AMBLE_UUID16(0xfff0);
static const amble_uuid ask_uuid = AMBLE_UUID16(0xfff1);
static const amble_uuid value_uuid = AMBLE_UUID16(0xfff2);

static const amble_characteristic ask = {.uuid = &ask_uuid, .read = true, .answer_reads = true};
static const amble_characteristic value = {
    .uuid = &value_uuid, .read = true, .write = true, .capture = true, .notify = true, .indicate = true};
static const amble_service service = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&ask, &value)};

/* --- tasks that wait for what never comes ------------------------------------------------------------------------- */
typedef struct {
    amble *ble;
    amble_connection *conn;
    amble_remote_characteristic slow, quick;
    amble_subscription *subscription;
} setting;

static int advertise(void *arg)
{
    amble_connection *conn;

    return amble_advertise(((setting *)arg)->ble, NULL, &conn, AMBLE_FOREVER);
}
static int scan(void *arg)
{
    amble_scan_result result;
    amble_scanner scanner;
    int r = amble_scan_open(((setting *)arg)->ble, &scanner, &(amble_scan_options){.name = "nobody"}, AMBLE_FOREVER);

    if (r == 0)
        r = amble_scan_next(&scanner, &result, AMBLE_FOREVER);
    amble_scan_close(&scanner);
    return r;
}
static int connect_to_nobody(void *arg)
{
    static const amble_device nobody = {.type = AMBLE_RANDOM, .bytes = {1, 2, 3, 4, 5, 0xc6}};
    amble_connection *conn;

    return amble_connect(((setting *)arg)->ble, nobody, NULL, &conn, AMBLE_FOREVER);
}
static int written(void *arg)
{
    amble_value v;

    return amble_written(((setting *)arg)->ble, &value, &v, AMBLE_FOREVER);
}
static int requested(void *arg)
{
    amble_request request;

    return amble_requested(((setting *)arg)->ble, &ask, &request, AMBLE_FOREVER);
}
static int first_written(void *arg)
{
    const setting *s = arg;
    const amble_source source = amble_on_written(s->ble, &value);
    amble_value v;
    int r = amble_wait_first(&source, 1, AMBLE_FOREVER);

    return r < 0 ? r : amble_written(s->ble, &value, &v, 0);
}
static int read_slow(void *arg)
{
    uint8_t byte;

    return amble_read(&((setting *)arg)->slow, &byte, 1, AMBLE_FOREVER);
}
static int read_queued(void *arg)
{
    uint8_t byte;

    return amble_read(&((setting *)arg)->quick, &byte, 1, AMBLE_FOREVER);
}
static int notified(void *arg)
{
    amble_value v;

    return amble_notified(((setting *)arg)->subscription, &v, AMBLE_FOREVER);
}
static int written_by(void *arg)
{
    amble_value v;

    return amble_written_by(((setting *)arg)->conn, &value, &v, AMBLE_FOREVER);
}

static int exchanged(void *arg) { return amble_mtu_exchanged(((setting *)arg)->conn, AMBLE_FOREVER); }
/* Always in some change of the link. */
static int keep_changing(void *arg)
{
    amble_parameters wish = {.min_interval_us = 30000, .max_interval_us = 30000};
    amble_connection *conn = ((setting *)arg)->conn;
    int r;

    while ((r = amble_connection_update(conn, &wish, AMBLE_FOREVER)) == 0)
        wish.min_interval_us = wish.max_interval_us = wish.max_interval_us == 30000 ? 50000 : 30000;
    return r;
}
static int keep_tuning(void *arg)
{
    amble_phys wish = {.send = AMBLE_PHY_1M};
    int r;

    while ((r = amble_connection_set_phy(((setting *)arg)->conn, &wish, NULL, AMBLE_FOREVER)) == 0)
        wish.send = wish.send == AMBLE_PHY_1M ? AMBLE_PHY_2M : AMBLE_PHY_1M;
    return r;
}

static int (*const host_waits[])(void *arg) = {advertise, scan,      scan,         connect_to_nobody,
                                               written,   requested, first_written};
static int (*const link_waits[])(void *arg) = {read_slow, read_queued,   notified,   written_by,
                                               exchanged, keep_changing, keep_tuning};
enum { HOST_WAITS = 7, LINK_WAITS = 7 };

static setting set_up(bench_device *self)
{
    setting s = {.ble = self->ble, .conn = bench_connect(self, "server")};
    const amble_subscribe_options options = {.indicate = true};

    s.slow = bench_characteristic(s.conn, &service_uuid, &ask_uuid);
    s.quick = bench_characteristic(s.conn, &service_uuid, &value_uuid);
    assert_int_equal(amble_subscribe(&s.quick, &options, &s.subscription, 10000), 0);
    return s;
}

/* --- amble_close with everything under way ------------------------------------------------------------------------ */
static int be_there(bench_device *self)
{
    amble_connection *conn = bench_await(self);

    assert_int_equal(amble_disconnected(conn, AMBLE_FOREVER), 0);
    assert_int_equal(amble_connection_reason(conn), 0x13);
    amble_connection_close(conn);
    bench_await_end(bench_await(self)); /* it comes back */
    return 0;
}

static int close_everything(bench_device *self)
{
    amble_task *on_host[HOST_WAITS], *on_link[LINK_WAITS];
    setting s = set_up(self);
    amble_scope scope;

    amble_scope_open(&scope);
    for (int i = 0; i < HOST_WAITS; i++)
        on_host[i] = amble_spawn(&scope, host_waits[i], &s);
    for (int i = 0; i < LINK_WAITS; i++)
        on_link[i] = amble_spawn(&scope, link_waits[i], &s);
    bench_sleep(1000);
    for (int i = 0; i < HOST_WAITS; i++)
        assert_int_equal(amble_join(on_host[i], 0), AMBLE_ERR_TIMEOUT);
    self->ble = NULL;
    amble_close(s.ble);
    for (int i = 0; i < HOST_WAITS; i++)
        assert_int_equal(amble_join(on_host[i], 0), AMBLE_ERR_CLOSED);
    for (int i = 0; i < LINK_WAITS; i++)
        assert_int_equal(amble_join(on_link[i], 0), AMBLE_ERR_CLOSED);
    amble_scope_close(&scope);
    assert_int_equal(bench_open(self), 0); /* the same controller again */
    amble_connection_close(bench_connect(self, "server"));
    return 0;
}

static void closing_a_host_ends_every_wait(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY_NEW({.label = "server", .script = be_there, .config = {.services = {&service}}},
                        {.label = "client", .script = close_everything, .config = {.services = {&service}}});
}

/* --- a controller without power ----------------------------------------------------------------------------------- */
static int be_left(bench_device *self)
{
    amble_connection *conn = bench_await(self);

    assert_int_equal(amble_disconnected(conn, AMBLE_FOREVER), 0);
    assert_int_equal(amble_connection_reason(conn), 0x08);
    amble_connection_close(conn);
    bench_await_end(bench_await(self));
    return 0;
}

static int lose_power(bench_device *self)
{
    amble_task *tasks[HOST_WAITS + LINK_WAITS];
    setting s = set_up(self);
    amble_scope scope;
    int before;

    amble_scope_open(&scope);
    for (int i = 0; i < HOST_WAITS + LINK_WAITS; i++)
        tasks[i] = amble_spawn(&scope, i < HOST_WAITS ? host_waits[i] : link_waits[i - HOST_WAITS], &s);
    bench_sleep(1000);
    assert_int_equal(amble_air_unplug(bench_transport(self)), 0);
    before = bench_now_ms();
    for (int i = 0; i < HOST_WAITS + LINK_WAITS; i++)
        assert_int_equal(amble_join(tasks[i], 1000), AMBLE_ERR_CONTROLLER);
    assert_int_equal(bench_now_ms(), before);
    /* And whoever comes later is told at once. */
    for (int i = 0; i < HOST_WAITS + LINK_WAITS; i++)
        assert_int_equal(
            amble_join(amble_spawn(&scope, i < HOST_WAITS ? host_waits[i] : link_waits[i - HOST_WAITS], &s), 1000),
            AMBLE_ERR_CONTROLLER);
    amble_scope_close(&scope);
    assert_false(amble_connected(s.conn));
    amble_subscription_close(s.subscription);
    amble_connection_close(s.conn);
    amble_close(self->ble);
    self->ble = NULL;
    assert_int_equal(bench_now_ms(), before); /* nothing of that waits for a controller that is gone */
    bench_sleep(5000);
    assert_int_equal(bench_open(self), 0);
    amble_connection_close(bench_connect(self, "server"));
    return 0;
}

static void a_lost_controller_ends_every_wait(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY_NEW({.label = "server", .script = be_left, .config = {.services = {&service}}},
                        {.label = "client", .script = lose_power, .config = {.services = {&service}}});
}

/* --- the server's host closes ------------------------------------------------------------------------------------- */
static int close_with_links(bench_device *self)
{
    amble_connection *a = bench_await(self), *b = bench_await(self);
    amble_request request;

    for (int i = 0; i < 2; i++) /* both others wait for their answer by then */
        assert_int_equal(amble_requested(self->ble, &ask, &request, AMBLE_FOREVER), 0);
    amble_connection_close(a);
    amble_connection_close(b);
    amble_close(self->ble);
    self->ble = NULL;
    assert_int_equal(bench_open(self), 0);
    assert_int_equal(amble_request_answer(self->ble, &request, "x", 1), AMBLE_ERR_STALE);
    return 0;
}

static int read_from_the_closing(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &ask_uuid);
    uint8_t byte;

    assert_int_equal(amble_read(&c, &byte, 1, AMBLE_FOREVER), AMBLE_ERR_DISCONNECTED);
    assert_int_equal(amble_connection_reason(conn), 0x13);
    amble_connection_close(conn);
    return 0;
}

static void the_other_side_sees_an_orderly_end(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY({.label = "server", .script = close_with_links, .config = {.services = {&service}}},
                    {.label = "a", .script = read_from_the_closing}, {.label = "b", .script = read_from_the_closing});
}

/* --- one seed, one trace ------------------------------------------------------------------------------------------ */
static int serve_values(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    amble_value v;

    for (int i = 0; i < 20; i++)
        assert_int_equal(amble_written(self->ble, &value, &v, AMBLE_FOREVER), 0);
    bench_await_end(conn);
    return 0;
}

static int write_values(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &value_uuid);

    for (uint8_t i = 0; i < 20; i++)
        assert_int_equal(amble_write(&c, &i, 1, AMBLE_FOREVER), 0);
    amble_connection_close(conn);
    return 0;
}

static uint64_t trace_of(uint64_t seed, double loss)
{
    BENCH_RUN(&((bench_options){.seed = seed, .loss = loss}),
              {.label = "server", .script = serve_values, .config = {.services = {&service}}},
              {.label = "client", .script = write_values});
    assert_true(bench_packets() > 50);
    return bench_hash();
}

static void one_seed_gives_one_trace(void **state)
{
    static const double losses[] = {0, 5, 20};

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_true(trace_of(7, losses[i]) == trace_of(7, losses[i]));
        assert_true(trace_of(7, losses[i]) != trace_of(8, losses[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closing_a_host_ends_every_wait),
        cmocka_unit_test(a_lost_controller_ends_every_wait),
        cmocka_unit_test(the_other_side_sees_an_orderly_end),
        cmocka_unit_test(one_seed_gives_one_trace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
