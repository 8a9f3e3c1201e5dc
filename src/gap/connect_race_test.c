/* Connecting when events come close together, or in an order that buses make of it. */
#include "host/testing.h"

static amble *ble;

typedef struct {
    uint8_t peer;
    int timeout_ms;
    int result;
    bool done;
    amble_connection *conn;
} attempt;

static int connecting(void *arg)
{
    attempt *a = arg;

    a->result = amble_connect(ble, (amble_device){AMBLE_PUBLIC, {a->peer}}, NULL, &a->conn, a->timeout_ms);
    a->done = true;
    return 0;
}

static amble_task *begin(amble_scope *scope, attempt *a, uint8_t peer, int timeout_ms)
{
    amble_task *task;

    *a = (attempt){.peer = peer, .timeout_ms = timeout_ms};
    task = amble_spawn(scope, connecting, a);
    assert_int_equal(amble_sleep_ms(10), 0);
    return task;
}

/* USB carries events and data on different pipes: the first data may overtake the event that announces the link. */
static void connect_after_early_data(bool features)
{
    amble_scope scope;
    attempt a;

    fake_reset();
    fake.no_features_command = !features;
    ble = fake_open();
    amble_scope_open(&scope);
    begin(&scope, &a, 7, AMBLE_FOREVER);
    fake_acl(FAKE_HANDLE, BYTES(1, 0, 4, 0, 0x1e));
    assert_int_equal(amble_sleep_ms(10), 0);
    fake_connected(0, FAKE_HANDLE, true, 7);
    assert_int_equal(amble_sleep_ms(10), 0);
    assert_true(a.done);
    assert_int_equal(a.result, 0);
    assert_true(amble_connected(a.conn));
    amble_connection_close(a.conn);
    amble_scope_close(&scope);
    amble_close(ble);
}
static void data_before_the_link_is_announced_proves_it(void) { connect_after_early_data(true); }
static void data_may_be_early_on_old_controllers_too(void) { connect_after_early_data(false); }

/* A link lost in the very round in which the peer proved it is still handed over, dead. */
static void a_link_proved_and_lost_at_once(void)
{
    amble_scope scope;
    attempt a;

    fake_reset();
    ble = fake_open();
    amble_scope_open(&scope);
    begin(&scope, &a, 7, AMBLE_FOREVER);
    fake_connected(0, FAKE_HANDLE, true, 7);
    fake_features(FAKE_HANDLE);
    fake_disconnected(FAKE_HANDLE, 0x13);
    assert_int_equal(amble_sleep_ms(10), 0);
    assert_true(a.done);
    assert_int_equal(a.result, 0);
    assert_false(amble_connected(a.conn));
    assert_int_equal(amble_connection_reason(a.conn), 0x13);
    amble_connection_close(a.conn);
    amble_scope_close(&scope);
    amble_close(ble);
}

/* Cancelled in the round in which the link comes: the host disconnects it, and the next connect works. */
static void a_link_that_comes_with_the_cancel(void)
{
    amble_scope scope;
    amble_task *task;
    attempt a;

    fake_reset();
    ble = fake_open();
    amble_scope_open(&scope);
    task = begin(&scope, &a, 7, AMBLE_FOREVER);
    fake_connected(0, FAKE_HANDLE, true, 7);
    amble_cancel(task);
    assert_int_equal(amble_sleep_ms(100), 0);
    assert_int_equal(a.result, AMBLE_ERR_CANCELLED);
    assert_null(a.conn);
    assert_int_equal(fake_commands(AMBLE__HCI_DISCONNECT), 1);
    begin(&scope, &a, 7, 1000);
    fake_connected(0, FAKE_HANDLE, true, 7);
    fake_features(FAKE_HANDLE);
    assert_int_equal(amble_sleep_ms(10), 0);
    assert_int_equal(a.result, 0);
    amble_connection_close(a.conn);
    amble_scope_close(&scope);
    amble_close(ble);
}

static void what_no_controller_can_do_is_refused(void)
{
    static const amble_connect_options wrong[] = {
        {.scan_interval_us = 2499},
        {.scan_interval_us = 41000000, .scan_window_us = 30000},
        {.scan_interval_us = 100000, .scan_window_us = 2000},
        {.min_interval_us = 50000, .max_interval_us = 50000, .supervision_timeout_ms = 101},
    };
    amble_connection *conn;

    fake_reset();
    ble = fake_open();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(amble_connect(ble, (amble_device){AMBLE_PUBLIC, {7}}, &wrong[i], &conn, 10),
                         AMBLE_ERR_ARGUMENT);
    amble_close(ble);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(data_before_the_link_is_announced_proves_it),
        task_test(data_may_be_early_on_old_controllers_too),
        task_test(a_link_proved_and_lost_at_once),
        task_test(a_link_that_comes_with_the_cancel),
        task_test(what_no_controller_can_do_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
