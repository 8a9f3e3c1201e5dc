/* Characteristics and descriptors between two hosts: reading, writing, deferred answers, long values, the MTU. */
#include "bench.h"

static const amble_uuid service_uuid = AMBLE_UUID128("a5a5a5a5-ffff-9999-1111-5a5a5a5a5a5a");
static const amble_uuid value_uuid = AMBLE_UUID128("00000000-1111-2222-3333-444444444444");
static const amble_uuid ask_uuid = AMBLE_UUID16(0xfff1);
static const amble_uuid deny_uuid = AMBLE_UUID16(0xfff2);
static const amble_uuid long_uuid = AMBLE_UUID16(0xfff3);
static const amble_uuid queued_uuid = AMBLE_UUID16(0xfff4);
static const amble_uuid unit_uuid = AMBLE_UUID16(0x2904);
static const amble_uuid note_uuid = AMBLE_UUID16(0x2901);

static const amble_descriptor note = {
    .uuid = &note_uuid, .read = true, .write = true, .initial = "Hello", .initial_size = 5};
static const amble_descriptor unit = {.uuid = &unit_uuid, .read = true, .initial = "\1\2\3\4\5\6\7", .initial_size = 7};
static const amble_characteristic value = {.uuid = &value_uuid,
                                           .read = true,
                                           .write = true,
                                           .write_no_response = true,
                                           .initial = "first",
                                           .initial_size = 5,
                                           .descriptors = AMBLE_LIST(&note, &unit)};
static const amble_characteristic ask = {
    .uuid = &ask_uuid, .read = true, .write = true, .answer_reads = true, .answer_writes = true, .max_size = 300};
static const amble_characteristic deny = {.uuid = &deny_uuid};
static const amble_characteristic long_value = {.uuid = &long_uuid, .read = true, .max_size = 512};
/* Its reads are answered by a task, its writes wait in a queue. */
static const amble_characteristic queued = {
    .uuid = &queued_uuid, .read = true, .write = true, .answer_reads = true, .capture = true, .write_depth = 2};
static const amble_service service = {.uuid = &service_uuid,
                                      .characteristics = AMBLE_LIST(&value, &ask, &deny, &long_value, &queued)};

#define SERVER(function)                                                                                               \
    {                                                                                                                  \
        .label = "server", .script = function, .config = {.services = {&service} }                                     \
    }
#define CLIENT(function)                                                                                               \
    {                                                                                                                  \
        .label = "client", .script = function                                                                          \
    }

static int serve_one(bench_device *self)
{
    bench_await_end(bench_await(self));
    return 0;
}

/* --- reading and writing ------------------------------------------------------------------------------------------ */
static int read_and_write(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &value_uuid);
    const amble_remote_characteristic denied = bench_characteristic(conn, &service_uuid, &deny_uuid);
    char buffer[32];

    assert_int_equal(c.properties, AMBLE_PROPERTY_READ | AMBLE_PROPERTY_WRITE | AMBLE_PROPERTY_WRITE_NO_RESPONSE |
                                       AMBLE_PROPERTY_EXTENDED); /* its description can be written */
    assert_int_equal(amble_read(&c, buffer, sizeof buffer, 5000), 5);
    assert_memory_equal(buffer, "first", 5);
    assert_int_equal(amble_write(&c, "second one", 10, 5000), 0);
    assert_int_equal(amble_read(&c, buffer, sizeof buffer, 5000), 10);
    assert_memory_equal(buffer, "second one", 10);
    assert_int_equal(amble_read(&c, buffer, 9, 5000), AMBLE_ERR_TOO_LONG);
    assert_int_equal(amble_write_no_response(&c, "third", 5, 5000), 0);
    assert_int_equal(amble_read(&c, buffer, 5, 5000), 5); /* requests and commands stay in order */
    assert_memory_equal(buffer, "third", 5);
    assert_int_equal(amble_write(&c, "", 0, 5000), 0);
    assert_int_equal(amble_read(&c, NULL, 0, 5000), 0);
    assert_int_equal(amble_write(&c, "more than twenty bytes", 20, 5000), 0);
    assert_int_equal(amble_write(&c, "more than twenty bytes", 21, 5000), AMBLE_ERR_ATT(0x0d)); /* as it was */
    assert_int_equal(amble_read(&denied, buffer, sizeof buffer, 5000), AMBLE_ERR_ATT(0x02));
    assert_int_equal(amble_write(&denied, "x", 1, 5000), AMBLE_ERR_ATT(0x03));
    assert_int_equal(amble_write_no_response(&denied, "x", 1, 5000), AMBLE_ERR_UNSUPPORTED);
    assert_int_equal(amble_read(&c, buffer, sizeof buffer, 0), AMBLE_ERR_TIMEOUT);
    amble_connection_close(conn);
    return 0;
}

static int see_what_is_written(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    static const char *const expected[] = {"second one", "third", "", "more than twenty byt"};
    amble_value written;
    char buffer[32];

    for (int i = 0; i < 4; i++) {
        assert_int_equal(amble_written(self->ble, &value, &written, AMBLE_FOREVER), 0);
        assert_int_equal(written.size, strlen(expected[i]));
        assert_memory_equal(written.data, expected[i], written.size);
        assert_ptr_equal(written.conn, conn);
        assert_true(amble_device_equal(written.device, bench_address("client")));
    }
    assert_int_equal(amble_local_read(self->ble, &value, buffer, sizeof buffer), 20);
    bench_await_end(conn);
    return 0;
}

static void values_are_read_and_written(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(see_what_is_written), CLIENT(read_and_write));
}

static int use_descriptors(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &value_uuid);
    amble_remote_descriptor d = {.handle = 0};
    char buffer[32];

    assert_int_equal(amble_find_descriptor(&c, &note_uuid, &d, 5000), 0);
    assert_int_equal(amble_read_descriptor(&d, buffer, sizeof buffer, 5000), 5);
    assert_memory_equal(buffer, "Hello", 5);
    assert_int_equal(amble_write_descriptor(&d, "Bye", 3, 5000), 0);
    assert_int_equal(amble_read_descriptor(&d, buffer, sizeof buffer, 5000), 3);
    assert_memory_equal(buffer, "Bye", 3);
    assert_int_equal(amble_find_descriptor(&c, &unit_uuid, &d, 5000), 0);
    assert_int_equal(amble_write_descriptor(&d, "x", 1, 5000), AMBLE_ERR_ATT(0x03));
    assert_int_equal(amble_read_descriptor(&d, buffer, sizeof buffer, 5000), 7);
    assert_int_equal(amble_find_descriptor(&c, &(amble_uuid)AMBLE_UUID16(0x2902), &d, 5000), AMBLE_ERR_NOT_FOUND);
    memset(&d, 0, sizeof d);
    assert_int_equal(amble_next_descriptor(&c, &d, 5000), 1);
    assert_true(amble_uuid_equal(&d.uuid, &(amble_uuid)AMBLE_UUID16(0x2900)));
    assert_int_equal(amble_read_descriptor(&d, buffer, sizeof buffer, 5000), 2);
    assert_memory_equal(buffer, "\2\0", 2);
    assert_int_equal(amble_next_descriptor(&c, &d, 5000), 1);
    assert_true(amble_uuid_equal(&d.uuid, &note_uuid));
    assert_int_equal(amble_next_descriptor(&c, &d, 5000), 1);
    assert_true(amble_uuid_equal(&d.uuid, &unit_uuid));
    assert_int_equal(amble_next_descriptor(&c, &d, 5000), 0);
    amble_connection_close(conn);
    return 0;
}

static int read_descriptor_here(bench_device *self)
{
    char buffer[8];

    bench_await_end(bench_await(self));
    assert_int_equal(amble_local_read(self->ble, &note, buffer, sizeof buffer), 3);
    return 0;
}

static void descriptors_are_found_read_and_written(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(read_descriptor_here), CLIENT(use_descriptors));
}

/* --- answers that a task gives ------------------------------------------------------------------------------------ */
static int answer_requests(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    amble_request request, stale;
    char text[300];
    int reads = 0, writes = 0, r;

    memset(text, 'z', sizeof text);
    while (writes < 3) {
        assert_int_equal(amble_requested(self->ble, &ask, &request, AMBLE_FOREVER), 0);
        assert_ptr_equal(request.conn, conn);
        bench_sleep(300); /* meanwhile the peer waits */
        if (!request.write) {
            reads++;
            r = reads == 1 ? amble_request_refuse(self->ble, &request, 0x81)
                           : amble_request_answer(self->ble, &request, text, sizeof text);
        } else if (++writes == 1) {
            assert_memory_equal(request.data, "one", 3);
            r = amble_request_answer(self->ble, &request, NULL, 0);
        } else if (writes == 2) {
            r = amble_request_refuse(self->ble, &request, 0x90);
        } else {
            r = amble_request_answer(self->ble, &request, "other", 5);
        }
        assert_int_equal(r, 0);
        stale = request;
        assert_int_equal(amble_request_answer(self->ble, &stale, "again", 5), AMBLE_ERR_STALE);
        if (writes == 1 || writes == 2) {
            assert_int_equal(amble_local_read(self->ble, &ask, text + 8, sizeof text - 8), 3);
            assert_memory_equal(text + 8, "one", 3);
        }
    }
    assert_int_equal(amble_local_read(self->ble, &ask, text, sizeof text), 5);
    assert_int_equal(reads, 15); /* a refusal, then 300 bytes in parts of 22 */
    bench_await_end(conn);
    return 0;
}

static int ask_server(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &ask_uuid);
    char buffer[300];

    assert_int_equal(amble_read(&c, buffer, sizeof buffer, 10000), AMBLE_ERR_ATT(0x81));
    assert_int_equal(amble_read(&c, buffer, sizeof buffer, 60000), 300);
    assert_int_equal(buffer[299], 'z');
    assert_int_equal(amble_write(&c, "one", 3, 10000), 0);
    assert_int_equal(amble_write(&c, "two", 3, 10000), AMBLE_ERR_ATT(0x90));
    assert_int_equal(amble_write(&c, "three", 5, 10000), 0);
    amble_connection_close(conn);
    return 0;
}

static void tasks_answer_reads_and_writes(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(answer_requests), CLIENT(ask_server));
}

static int answer_nothing(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    amble_request request;

    assert_int_equal(amble_requested(self->ble, &ask, &request, AMBLE_FOREVER), 0);
    bench_sleep(4900);
    assert_int_equal(amble_requested(self->ble, &ask, &request, 0), AMBLE_ERR_TIMEOUT);
    bench_sleep(200);
    assert_int_equal(amble_request_answer(self->ble, &request, "late", 4), AMBLE_ERR_STALE);
    bench_await_end(conn);
    return 0;
}

static int wait_in_vain(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &ask_uuid);
    char buffer[32];
    int before = bench_now_ms();

    assert_int_equal(amble_read(&c, buffer, sizeof buffer, AMBLE_FOREVER), AMBLE_ERR_ATT(0x11));
    assert_in_range(bench_now_ms() - before, 5000, 5500);
    amble_connection_close(conn);
    return 0;
}

static void a_request_that_nobody_answers_is_refused(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(
        {.label = "server", .script = answer_nothing, .config = {.services = {&service}, .held_write_ms = 5000}},
        CLIENT(wait_in_vain));
}

/* While one client's read waits for a task, another one's write is queued, and neither is taken for the other. */
static int answer_after_write(bench_device *self)
{
    amble_connection *first = bench_await(self), *second = bench_await(self);
    amble_request request;
    amble_value written;

    assert_int_equal(amble_requested(self->ble, &queued, &request, AMBLE_FOREVER), 0);
    assert_false(request.write);
    bench_sleep(1000);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(amble_written(self->ble, &queued, &written, 3000), 0);
        assert_int_equal(written.size, 1);
        assert_int_equal(written.data[0], i);
        assert_true(amble_device_equal(written.device, bench_address("writer")));
    }
    assert_int_equal(amble_written(self->ble, &queued, &written, 500), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_request_answer(self->ble, &request, "answer", 6), 0);
    bench_await_end(first);
    bench_await_end(second);
    return 0;
}

static int read_queued(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &queued_uuid);
    char buffer[32];

    assert_int_equal(amble_read(&c, buffer, sizeof buffer, AMBLE_FOREVER), 6);
    assert_memory_equal(buffer, "answer", 6);
    amble_connection_close(conn);
    return 0;
}

static int write_queued(bench_device *self)
{
    amble_remote_characteristic c;
    amble_connection *conn;

    bench_sleep(2000); /* the other one comes first */
    conn = bench_connect(self, "server");
    c = bench_characteristic(conn, &service_uuid, &queued_uuid);
    for (uint8_t i = 0; i < 4; i++)
        assert_int_equal(amble_write(&c, &i, 1, AMBLE_FOREVER), 0);
    amble_connection_close(conn);
    return 0;
}

static void a_pending_read_and_queued_writes_of_one_value(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(answer_after_write), {.label = "reader", .script = read_queued},
                    {.label = "writer", .script = write_queued});
}

/* --- long values and the MTU -------------------------------------------------------------------------------------- */
static int serve_long(bench_device *self)
{
    uint8_t bytes[512];

    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7);
    assert_int_equal(amble_local_write(self->ble, &long_value, bytes, sizeof bytes), 0);
    return serve_one(self);
}

static void read_long(const amble_remote_characteristic *c, size_t size)
{
    uint8_t bytes[600];

    assert_int_equal(amble_read(c, bytes, size, 30000), size < 512 ? AMBLE_ERR_TOO_LONG : 512);
    for (unsigned i = 0; size >= 512 && i < 512; i++)
        assert_int_equal(bytes[i], (uint8_t)(i * 7));
}

static int read_long_values(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &long_uuid);

    assert_int_equal(amble_connection_mtu(conn), 23);
    read_long(&c, 600);
    read_long(&c, 511);
    assert_int_equal(amble_exchange_mtu(conn, 5000), 200);
    assert_int_equal(amble_exchange_mtu(conn, 0), 200); /* known already */
    assert_int_equal(amble_connection_mtu(conn), 200);
    read_long(&c, 512);
    read_long(&c, 100);
    amble_connection_close(conn);
    assert_int_equal(amble_connection_mtu(conn = bench_connect(self, "server")), 23); /* of each link anew */
    amble_connection_close(conn);
    return 0;
}

static int serve_long_twice(bench_device *self)
{
    amble_connection *conn;

    serve_long(self);
    conn = bench_await(self);
    bench_await_end(conn);
    return 0;
}

static void long_values_are_read_in_parts(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY({.label = "server", .script = serve_long_twice, .config = {.services = {&service}, .mtu = 200}},
                    {.label = "client", .script = read_long_values, .config = {.mtu = 517}});
}

/* Both ask at once; each request has its own turn and both agree on the smaller one. */
static int exchange(bench_device *self, amble_connection *conn)
{
    (void)self;
    assert_int_equal(amble_exchange_mtu(conn, 5000), 64);
    assert_int_equal(amble_disconnected(conn, 1000), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_connection_mtu(conn), 64);
    amble_connection_close(conn);
    return 0;
}
static int exchange_as_client(bench_device *self) { return exchange(self, bench_connect(self, "server")); }
static int exchange_as_server(bench_device *self)
{
    amble_connection *conn = bench_await(self);

    assert_int_equal(amble_exchange_mtu(conn, 5000), 64);
    bench_await_end(conn);
    return 0;
}

static void both_sides_exchange_the_mtu(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY({.label = "server", .script = exchange_as_server, .config = {.mtu = 64}},
                    {.label = "client", .script = exchange_as_client});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read_and_written),
        cmocka_unit_test(descriptors_are_found_read_and_written),
        cmocka_unit_test(tasks_answer_reads_and_writes),
        cmocka_unit_test(a_request_that_nobody_answers_is_refused),
        cmocka_unit_test(a_pending_read_and_queued_writes_of_one_value),
        cmocka_unit_test(long_values_are_read_in_parts),
        cmocka_unit_test(both_sides_exchange_the_mtu),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
