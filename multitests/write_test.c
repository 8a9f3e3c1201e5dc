/* Writes on their way to tasks: capture, queues of their own, the order over several characteristics, writes that
 * are held. */
#include "bench.h"

static const amble_uuid service_uuid = AMBLE_UUID16(0xfff0);
static const amble_uuid first_uuid = AMBLE_UUID16(0xfff1);
static const amble_uuid second_uuid = AMBLE_UUID16(0xfff2);
static const amble_uuid latest_uuid = AMBLE_UUID16(0xfff3);

static const amble_characteristic first = {
    .uuid = &first_uuid, .read = true, .write = true, .write_no_response = true, .capture = true, .write_depth = 4};
static const amble_characteristic second = {
    .uuid = &second_uuid, .write = true, .write_no_response = true, .capture = true, .write_depth = 4};
static const amble_characteristic latest = {
    .uuid = &latest_uuid, .read = true, .write = true, .write_no_response = true};
static const amble_characteristic not_served = {.uuid = &latest_uuid, .write = true};
static const amble_service service = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&first, &second, &latest)};

#define SERVER(function)                                                                                               \
    {                                                                                                                  \
        .label = "server", .script = function, .config = {.services = {&service} }                                     \
    }
#define CLIENT(name, function)                                                                                         \
    {                                                                                                                  \
        .label = name, .script = function                                                                              \
    }

static void takes(amble *ble, const amble_characteristic *c, unsigned number, unsigned dropped)
{
    amble_value value;

    assert_int_equal(amble_written(ble, c, &value, 20000), 0);
    assert_int_equal(value.size, 1);
    assert_int_equal(value.data[0], number);
    assert_int_equal(value.dropped, dropped);
}

static amble_remote_characteristic meet(bench_device *self, const amble_uuid *uuid)
{
    return bench_characteristic(bench_connect(self, "server"), &service_uuid, uuid);
}

/* --- capture ------------------------------------------------------------------------------------------------------ */
static int take_all(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    amble_value value;

    for (unsigned i = 0; i < 30; i++)
        takes(self->ble, &first, i, 0);
    assert_int_equal(amble_written(self->ble, &first, &value, 0), AMBLE_ERR_TIMEOUT);
    bench_await_end(conn);
    return 0;
}

static int write_all(bench_device *self)
{
    const amble_remote_characteristic c = meet(self, &first_uuid);

    for (uint8_t i = 0; i < 30; i++)
        assert_int_equal(amble_write(&c, &i, 1, AMBLE_FOREVER), 0);
    amble_connection_close(c.conn);
    return 0;
}

static void captured_writes_arrive_one_by_one(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(take_all), CLIENT("client", write_all));
}

/* Without capture there is the value, and the latest write. */
static int take_latest(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    amble_value value;
    char buffer[4];

    bench_sleep(4000);
    takes(self->ble, &latest, 9, 0);
    assert_int_equal(amble_written(self->ble, &latest, &value, 0), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_local_read(self->ble, &latest, buffer, sizeof buffer), 1);
    assert_int_equal(buffer[0], 9);
    bench_await_end(conn);
    return 0;
}

static int write_ten(bench_device *self)
{
    const amble_remote_characteristic c = meet(self, &latest_uuid);

    for (uint8_t i = 0; i < 10; i++)
        assert_int_equal(amble_write(&c, &i, 1, AMBLE_FOREVER), 0);
    bench_sleep(4000);
    amble_connection_close(c.conn);
    return 0;
}

static void without_capture_the_latest_write_counts(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(take_latest), CLIENT("client", write_ten));
}

/* --- order -------------------------------------------------------------------------------------------------------- */
static int take_in_order(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    const amble_characteristic *const all[] = {&first, &second};
    const amble_source sources[] = {amble_on_written(self->ble, &first), amble_on_written(self->ble, &second)};
    const amble_source unserved = amble_on_written(self->ble, &not_served);
    static const int expected[] = {0, 1, 1, 0, 1, 0, 0, 1};
    amble_value value;

    bench_sleep(4000); /* all eight wait in their queues */
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(amble_wait_first(sources, 2, 0), expected[i]);
        assert_int_equal(amble_wait_first(sources, 2, AMBLE_FOREVER), expected[i]); /* it took nothing */
        takes(self->ble, all[expected[i]], i, 0);
    }
    assert_int_equal(amble_wait_first(sources, 2, 0), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_wait_first(&unserved, 1, 1000), 0); /* the ordinary call says why */
    assert_int_equal(amble_written(self->ble, &not_served, &value, 0), AMBLE_ERR_NOT_FOUND);
    bench_await_end(conn);
    return 0;
}

static int write_in_order(bench_device *self)
{
    const amble_remote_characteristic a = meet(self, &first_uuid);
    const amble_remote_characteristic b = bench_characteristic(a.conn, &service_uuid, &second_uuid);
    static const uint8_t which[] = {0, 1, 1, 0, 1, 0, 0, 1};

    for (uint8_t i = 0; i < 8; i++) {
        const amble_remote_characteristic *c = which[i] ? &b : &a;

        if (i % 3 == 2)
            assert_int_equal(amble_write_no_response(c, &i, 1, AMBLE_FOREVER), 0);
        else
            assert_int_equal(amble_write(c, &i, 1, AMBLE_FOREVER), 0);
    }
    bench_sleep(4000);
    amble_connection_close(a.conn);
    return 0;
}

static void writes_to_several_characteristics_keep_their_order(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(take_in_order), CLIENT("client", write_in_order));
}

/* Two centrals, and a reader for each: amble_written_by leaves the other one's values where they are. */
static int take_by_writer(bench_device *self)
{
    amble_connection *conns[2];
    amble_value value;

    for (int i = 0; i < 2; i++)
        conns[i] = bench_await(self);
    if (amble_device_equal(amble_connection_device(conns[0]), bench_address("b"))) {
        amble_connection *swap = conns[0];

        conns[0] = conns[1];
        conns[1] = swap;
    }
    bench_sleep(4000);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(amble_written_by(conns[1], &first, &value, 20000), 0);
        assert_int_equal(value.data[0], 'b');
        assert_ptr_equal(value.conn, conns[1]);
    }
    assert_int_equal(amble_written_by(conns[1], &first, &value, 0), AMBLE_ERR_TIMEOUT);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(amble_written_by(conns[0], &first, &value, 20000), 0);
        assert_int_equal(value.data[0], 'a');
    }
    assert_int_equal(amble_written_by(conns[0], &first, &value, AMBLE_FOREVER), AMBLE_ERR_DISCONNECTED);
    bench_await_end(conns[0]);
    bench_await_end(conns[1]);
    return 0;
}

static int write_name(bench_device *self)
{
    const amble_remote_characteristic c = meet(self, &first_uuid);

    for (int i = 0; i < 2; i++)
        assert_int_equal(amble_write(&c, self->label, 1, AMBLE_FOREVER), 0);
    bench_sleep(8000);
    amble_connection_close(c.conn);
    return 0;
}

static void writes_of_one_central_are_taken_apart(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(take_by_writer), CLIENT("a", write_name), CLIENT("b", write_name));
}

/* --- full queues -------------------------------------------------------------------------------------------------- */
static int take_late(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    amble_value value;

    assert_int_equal(amble_written(self->ble, &second, &value, AMBLE_FOREVER), 0); /* blocked by nobody */
    bench_sleep(6000);
    for (unsigned i = 0; i < 6; i++)
        takes(self->ble, &first, i, 0);
    bench_await_end(conn);
    return 0;
}

/* One task writes until the server holds its answer; the value of the other characteristic is written before that. */
static int write_too_much(bench_device *self)
{
    const amble_remote_characteristic a = meet(self, &first_uuid);
    const amble_remote_characteristic b = bench_characteristic(a.conn, &service_uuid, &second_uuid);
    int before;

    for (uint8_t i = 0; i < 4; i++)
        assert_int_equal(amble_write(&a, &i, 1, 5000), 0);
    assert_int_equal(amble_write(&b, "b", 1, 5000), 0);
    before = bench_now_ms();
    assert_int_equal(amble_write(&a, "\4", 1, 15000), 0);
    assert_in_range(bench_now_ms() - before, 5000, 8000); /* held until there was room */
    assert_int_equal(amble_write(&a, "\5", 1, 15000), 0);
    amble_connection_close(a.conn);
    return 0;
}

static void a_write_request_waits_for_room(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(take_late), CLIENT("client", write_too_much));
}

static int take_too_late(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    amble_value value;

    bench_await_end(conn);
    for (unsigned i = 0; i < 4; i++)
        takes(self->ble, &first, i, 0);
    assert_int_equal(amble_written(self->ble, &first, &value, 1000), AMBLE_ERR_TIMEOUT); /* it was refused */
    return 0;
}

static int write_until_refused(bench_device *self)
{
    const amble_remote_characteristic a = meet(self, &first_uuid);
    const amble_remote_characteristic b = bench_characteristic(a.conn, &service_uuid, &second_uuid);
    int before;

    for (uint8_t i = 0; i < 4; i++)
        assert_int_equal(amble_write(&a, &i, 1, 5000), 0);
    before = bench_now_ms();
    assert_int_equal(amble_write(&a, "\4", 1, AMBLE_FOREVER), AMBLE_ERR_ATT(0x11));
    assert_in_range(bench_now_ms() - before, 19900, 21000);
    assert_int_equal(amble_write(&b, "b", 1, 5000), 0); /* the link goes on */
    amble_connection_close(a.conn);
    return 0;
}

static void a_write_that_is_held_too_long_is_refused(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(take_too_late), CLIENT("client", write_until_refused));
}

/* The writer of a held value is gone: its value is not delivered, and its place is free. */
static int take_after_loss(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    amble_value value;

    bench_await_end(conn);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(amble_written(self->ble, &first, &value, 20000), 0);
        assert_int_equal(value.data[0], i);
        assert_null(value.conn); /* closed meanwhile */
        assert_true(amble_device_equal(value.device, bench_address("client")));
    }
    assert_int_equal(amble_written(self->ble, &first, &value, 1000), AMBLE_ERR_TIMEOUT);
    return 0;
}

static int write_and_leave(bench_device *self)
{
    const amble_remote_characteristic a = meet(self, &first_uuid);

    for (uint8_t i = 0; i < 4; i++)
        assert_int_equal(amble_write(&a, &i, 1, 5000), 0);
    assert_int_equal(amble_write(&a, "\4", 1, 1000), AMBLE_ERR_TIMEOUT);
    amble_connection_close(a.conn);
    return 0;
}

static void a_held_write_ends_with_its_link(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(take_after_loss), CLIENT("client", write_and_leave));
}

static int take_commands(bench_device *self)
{
    amble_connection *conn = bench_await(self);

    bench_sleep(6000);
    for (unsigned i = 0; i < 4; i++)
        takes(self->ble, &first, i, 0);
    takes(self->ble, &first, 0xbb, 16);
    bench_await_end(conn);
    return 0;
}

static int write_commands(bench_device *self)
{
    const amble_remote_characteristic c = meet(self, &first_uuid);

    for (uint8_t i = 0; i < 20; i++)
        assert_int_equal(amble_write_no_response(&c, &i, 1, AMBLE_FOREVER), 0);
    bench_sleep(8000);
    assert_int_equal(amble_write_no_response(&c, "\xbb", 1, AMBLE_FOREVER), 0);
    amble_connection_close(c.conn);
    return 0;
}

static void write_commands_beyond_the_queue_are_counted(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(take_commands), CLIENT("client", write_commands));
}

/* Many centrals fill one queue; whoever was held first is delivered first, and nothing is lost. */
static int take_crowd(bench_device *self)
{
    amble_connection *conns[4];
    unsigned sums[4] = {0};
    amble_value value;

    for (int i = 0; i < 4; i++)
        conns[i] = bench_await(self);
    for (int i = 0; i < 40; i++) {
        bench_sleep(200);
        assert_int_equal(amble_written(self->ble, &first, &value, 20000), 0);
        assert_int_equal(value.data[1], sums[value.data[0]]++); /* each one's own in order */
        assert_int_equal(value.dropped, 0);
    }
    for (int i = 0; i < 4; i++)
        bench_await_end(conns[i]);
    return 0;
}

static int write_in_crowd(bench_device *self)
{
    const amble_remote_characteristic c = meet(self, &first_uuid);

    for (uint8_t i = 0; i < 10; i++)
        assert_int_equal(amble_write(&c, (uint8_t[]){(uint8_t)(self->label[0] - 'a'), i}, 2, AMBLE_FOREVER), 0);
    amble_connection_close(c.conn);
    return 0;
}

static void a_crowd_shares_one_queue(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(take_crowd), CLIENT("a", write_in_crowd), CLIENT("b", write_in_crowd),
                    CLIENT("c", write_in_crowd), CLIENT("d", write_in_crowd));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captured_writes_arrive_one_by_one),
        cmocka_unit_test(without_capture_the_latest_write_counts),
        cmocka_unit_test(writes_to_several_characteristics_keep_their_order),
        cmocka_unit_test(writes_of_one_central_are_taken_apart),
        cmocka_unit_test(a_write_request_waits_for_room),
        cmocka_unit_test(a_write_that_is_held_too_long_is_refused),
        cmocka_unit_test(a_held_write_ends_with_its_link),
        cmocka_unit_test(write_commands_beyond_the_queue_are_counted),
        cmocka_unit_test(a_crowd_shares_one_queue),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
