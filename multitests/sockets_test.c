/* What one does every day with two devices, after the cases of aioble: on virtual time with losses, and then each
 * device as a process of its own on `amble air`. What every device saw has to be the same in each run. */
#include "bench.h"

enum { WAIT_MS = BENCH_MEET_MS, LONG = 300 };

static const amble_uuid service_uuid = AMBLE_UUID128("a5a5a5a5-ffff-9999-1111-5a5a5a5a5a5a");
static const amble_uuid value_uuid = AMBLE_UUID128("00000000-1111-2222-3333-444444444444");
static const amble_uuid second_uuid = AMBLE_UUID128("00000000-1111-2222-3333-555555555555");
static const amble_uuid long_uuid = AMBLE_UUID16(0x2a6e), note_uuid = AMBLE_UUID16(0x2901);

static const amble_descriptor note = {.uuid = &note_uuid, .read = true, .initial = "a note", .initial_size = 6};
static const amble_characteristic value = {.uuid = &value_uuid,
                                           .read = true,
                                           .write = true,
                                           .write_no_response = true,
                                           .notify = true,
                                           .indicate = true,
                                           .capture = true,
                                           .write_depth = 8,
                                           .initial = "initial",
                                           .initial_size = 7,
                                           .descriptors = AMBLE_LIST(&note)};
static const amble_characteristic second = {
    .uuid = &second_uuid, .write = true, .write_no_response = true, .capture = true, .write_depth = 8};
static const amble_characteristic longer = {
    .uuid = &long_uuid, .read = true, .write = true, .capture = true, .max_size = LONG};
static const amble_service service = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&value, &second, &longer)};

static void tell(const bench_device *self, const char *what, const amble_value *v)
{
    bench_result(self, "%s %.*s", what, (int)v->size, (const char *)v->data);
}

static void take(bench_device *self, const amble_characteristic *c, const char *what)
{
    amble_value v;

    assert_int_equal(amble_written(self->ble, c, &v, WAIT_MS), 0);
    tell(self, what, &v);
}

static void tell_value(const bench_device *self, const amble_remote_characteristic *c)
{
    uint8_t bytes[LONG];
    const int n = amble_read(c, bytes, sizeof bytes, WAIT_MS);

    bench_result(self, "read %.*s", n, (const char *)bytes);
}

static void await_subscription(const amble_connection *conn, unsigned bits)
{
    while (amble_subscribed(conn, &value) != bits)
        bench_sleep(5);
}

/* --- a characteristic, used in every way -------------------------------------------------------------------------- */
static int serve_value(bench_device *self)
{
    amble_connection *conn = bench_await(self);

    take(self, &value, "written"); /* by request */
    assert_int_equal(amble_local_write(self->ble, &value, "from server", 11), 0);
    take(self, &value, "written"); /* by command */
    await_subscription(conn, 1);
    assert_int_equal(amble_notify(conn, &value, "notified", 8, WAIT_MS), 0);
    assert_int_equal(amble_update(self->ble, &value, "updated", 7, WAIT_MS), 1);
    take(self, &value, "written");
    await_subscription(conn, 2);
    bench_result(self, "indicated %d", amble_indicate(conn, &value, "indicated", 9, WAIT_MS));
    bench_await_end(conn);
    return 0;
}

static void follow(const bench_device *self, amble_subscription *s, const char *what)
{
    amble_value v;

    assert_int_equal(amble_notified(s, &v, WAIT_MS), 0);
    tell(self, v.indication ? "indicated" : "notified", &v);
    assert_true(v.size == strlen(what) && memcmp(v.data, what, v.size) == 0);
}

static int use_value(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &value_uuid);
    const amble_subscribe_options indications = {.indicate = true};
    amble_subscription *s;

    tell_value(self, &c);
    assert_int_equal(amble_write(&c, "by request", 10, WAIT_MS), 0);
    assert_int_equal(amble_write_no_response(&c, "by command", 10, WAIT_MS), 0);
    tell_value(self, &c);
    assert_int_equal(amble_subscribe(&c, NULL, &s, WAIT_MS), 0);
    follow(self, s, "notified");
    follow(self, s, "updated");
    tell_value(self, &c);
    amble_subscription_close(s);
    assert_int_equal(amble_write(&c, "go on", 5, WAIT_MS), 0);
    assert_int_equal(amble_subscribe(&c, &indications, &s, WAIT_MS), 0);
    follow(self, s, "indicated");
    amble_subscription_close(s);
    amble_connection_close(conn);
    return 0;
}

static void a_characteristic(void **state)
{
    (void)state;
    BENCH_RUN_EVERYWHERE({.label = "server", .script = serve_value, .config = {.services = {&service}}},
                         {.label = "client", .script = use_value});
}

/* --- writes to several stay in order ------------------------------------------------------------------------------ */
static int take_in_order(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    const amble_source sources[] = {amble_on_written(self->ble, &value), amble_on_written(self->ble, &second)};

    for (int i = 0; i < 10; i++) {
        const int first = amble_wait_first(sources, 2, WAIT_MS);

        assert_in_range(first, 0, 1);
        take(self, first ? &second : &value, first ? "second" : "first");
    }
    bench_await_end(conn);
    return 0;
}

static int write_in_order(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic a = bench_characteristic(conn, &service_uuid, &value_uuid);
    const amble_remote_characteristic b = bench_characteristic(conn, &service_uuid, &second_uuid);

    for (int i = 0; i < 10; i++) {
        const amble_remote_characteristic *c = i % 3 == 1 ? &b : &a;
        const char text[] = {'c', (char)('0' + i)};

        if (i % 2)
            assert_int_equal(amble_write(c, text, 2, WAIT_MS), 0);
        else
            assert_int_equal(amble_write_no_response(c, text, 2, WAIT_MS), 0);
        bench_result(self, "wrote %.2s", text);
    }
    amble_connection_close(conn);
    return 0;
}

static void writes_stay_in_order(void **state)
{
    (void)state;
    BENCH_RUN_EVERYWHERE({.label = "server", .script = take_in_order, .config = {.services = {&service}}},
                         {.label = "client", .script = write_in_order});
}

/* --- everything that is there, and a long value ------------------------------------------------------------------- */
static int serve_long(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    amble_value v;

    assert_int_equal(amble_written(self->ble, &longer, &v, WAIT_MS), 0);
    bench_result(self, "%zu bytes, the last %d", v.size, v.data[v.size - 1]);
    bench_await_end(conn);
    return 0;
}

static void list_all(const bench_device *self, amble_connection *conn)
{
    amble_remote_service s = {0};

    while (amble_next_service(conn, &s, WAIT_MS) == 1) {
        amble_remote_characteristic c = {0};
        char text[AMBLE_UUID_TEXT];

        bench_result(self, "service %s", amble_uuid_text(&s.uuid, text));
        while (amble_next_characteristic(&s, &c, WAIT_MS) == 1) {
            amble_remote_descriptor d = {0};

            bench_result(self, "  characteristic %s %02x", amble_uuid_text(&c.uuid, text), c.properties);
            while (amble_next_descriptor(&c, &d, WAIT_MS) == 1)
                bench_result(self, "    descriptor %s", amble_uuid_text(&d.uuid, text));
        }
    }
}

static int explore(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    amble_remote_characteristic c;
    uint8_t bytes[LONG], back[LONG];

    list_all(self, conn);
    bench_result(self, "MTU %d", amble_exchange_mtu(conn, WAIT_MS));
    c = bench_characteristic(conn, &service_uuid, &long_uuid);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7);
    assert_int_equal(amble_write(&c, bytes, sizeof bytes, WAIT_MS), 0);
    assert_int_equal(amble_read(&c, back, sizeof back, WAIT_MS), LONG);
    assert_memory_equal(back, bytes, LONG);
    amble_connection_close(conn);
    return 0;
}

static void everything_is_found(void **state)
{
    (void)state;
    BENCH_RUN_EVERYWHERE({.label = "server", .script = serve_long, .config = {.services = {&service}}},
                         {.label = "client", .script = explore});
}

/* --- being found by name and service, again and again ------------------------------------------------------------- */
static int be_found(bench_device *self)
{
    const amble_advertise_options options = {
        .interval_us = BENCH_ADVERTISE_US, .name = "aioble-test", .services = {&service_uuid}, .appearance = 768};

    for (int i = 0; i < 3; i++) {
        amble_connection *conn;

        assert_int_equal(amble_advertise(self->ble, &options, &conn, WAIT_MS), 0);
        bench_result(self, "connected %d", i);
        bench_await_end(conn);
    }
    return 0;
}

static int find(bench_device *self)
{
    const amble_scan_options options = {
        .active = true, .interval_us = 30000, .window_us = 30000, .name = "aioble-test", .service = &service_uuid};

    for (int i = 0; i < 3; i++) {
        amble_scan_result found;
        amble_connection *conn;

        assert_int_equal(amble_scan_find(self->ble, &options, &found, WAIT_MS), 0);
        bench_result(self, "connectable %d, with the service %d", found.connectable,
                     amble_scan_has_service(&found, &service_uuid));
        assert_int_equal(amble_connect(self->ble, found.device, NULL, &conn, WAIT_MS), 0);
        amble_connection_close(conn);
    }
    return 0;
}

static void who_advertises_is_found(void **state)
{
    (void)state;
    BENCH_RUN_EVERYWHERE({.label = "server", .script = be_found, .config = {.services = {&service}}},
                         {.label = "client", .script = find});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_characteristic),
        cmocka_unit_test(writes_stay_in_order),
        cmocka_unit_test(everything_is_found),
        cmocka_unit_test(who_advertises_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
