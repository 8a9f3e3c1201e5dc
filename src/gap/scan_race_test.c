/* Scanning beside connecting on a controller that cannot do both, and scanners whose end comes from elsewhere. */
#include "host/testing.h"

static amble *ble;
static amble_scanner scanner;

typedef struct {
    int result;
    bool done;
    amble_connection *conn;
} outcome;

static int connecting(void *arg)
{
    outcome *o = arg;

    o->result = amble_connect(ble, (amble_device){AMBLE_PUBLIC, {7}}, NULL, &o->conn, AMBLE_FOREVER);
    o->done = true;
    return 0;
}
static int opening(void *arg)
{
    outcome *o = arg;

    o->result = amble_scan_open(ble, &scanner, NULL, 60000);
    o->done = true;
    return 0;
}
static int taking(void *arg)
{
    amble_scan_result result;
    outcome *o = arg;

    o->result = amble_scan_next(&scanner, &result, AMBLE_FOREVER);
    o->done = true;
    return 0;
}

static amble_task *begin(amble_scope *scope, int (*function)(void *arg), outcome *o)
{
    amble_task *task;

    *o = (outcome){.done = false};
    task = amble_spawn_named(scope, "test", function, o);
    assert_int_equal(amble_sleep_ms(10), 0);
    return task;
}

static void end_connecting(outcome *o)
{
    fake_refuse(AMBLE__HCI_LE_SET_SCAN_ENABLE, 0);
    fake_connected(0, FAKE_HANDLE, true, 7);
    fake_features(FAKE_HANDLE);
    assert_int_equal(amble_sleep_ms(10), 0);
    assert_true(o->done);
    assert_int_equal(o->result, 0);
}

static void expect_a_result(void)
{
    amble_scan_result result;

    fake_report(9);
    assert_int_equal(amble_scan_next(&scanner, &result, 100), 1);
    assert_int_equal(result.device.bytes[0], 9);
}

static void a_scan_that_makes_way_goes_on_afterwards(void)
{
    amble_scope scope;
    outcome link;

    fake_reset();
    ble = fake_open();
    amble_scope_open(&scope);
    begin(&scope, connecting, &link);
    fake_refuse(AMBLE__HCI_LE_SET_SCAN_ENABLE, AMBLE__HCI_COMMAND_DISALLOWED);
    assert_int_equal(amble_scan_open(ble, &scanner, NULL, AMBLE_FOREVER), 0);
    amble_scan_close(&scanner);
    assert_int_equal(amble_scan_open(ble, &scanner, NULL, AMBLE_FOREVER), 0); /* a second one waits as the first did */
    end_connecting(&link);
    expect_a_result();
    amble_scan_close(&scanner);
    amble_connection_close(link.conn);
    amble_scope_close(&scope);
    amble_close(ble);
}

static void the_connection_comes_with_the_refusal(void)
{
    amble_scope scope;
    outcome link, open;

    fake_reset();
    ble = fake_open();
    amble_scope_open(&scope);
    begin(&scope, connecting, &link);
    fake.held = AMBLE__HCI_LE_SET_SCAN_ENABLE;
    begin(&scope, opening, &open);
    fake_refuse(AMBLE__HCI_LE_SET_SCAN_ENABLE, AMBLE__HCI_COMMAND_DISALLOWED);
    fake_answer(AMBLE__HCI_LE_SET_SCAN_ENABLE);
    fake.held = 0;
    end_connecting(&link);
    assert_true(open.done);
    assert_int_equal(open.result, 0);
    expect_a_result();
    amble_scan_close(&scanner);
    amble_connection_close(link.conn);
    amble_scope_close(&scope);
    amble_close(ble);
}

/* The start of a scanner that is gone fails: that is none of the next one's business. */
static void a_late_failure_hits_nobody(void)
{
    amble_scope scope;
    amble_task *task;
    outcome first, second;

    fake_reset();
    ble = fake_open();
    amble_scope_open(&scope);
    fake.held = AMBLE__HCI_LE_SET_SCAN_ENABLE;
    task = begin(&scope, opening, &first);
    amble_cancel(task);
    assert_int_equal(amble_sleep_ms(10), 0);
    assert_int_equal(first.result, AMBLE_ERR_CANCELLED);
    begin(&scope, opening, &second);
    fake_refuse(AMBLE__HCI_LE_SET_SCAN_ENABLE, 0x1f);
    fake_answer(AMBLE__HCI_LE_SET_SCAN_ENABLE);
    fake_refuse(AMBLE__HCI_LE_SET_SCAN_ENABLE, 0);
    fake.held = 0;
    assert_int_equal(amble_sleep_ms(10), 0);
    assert_true(second.done);
    assert_int_equal(second.result, 0);
    expect_a_result();
    amble_scan_close(&scanner);
    amble_scope_close(&scope);
    amble_close(ble);
}

static void a_scan_that_cannot_go_on_says_so(void)
{
    amble_scan_result result;
    amble_scope scope;
    outcome link, next;

    fake_reset();
    ble = fake_open();
    amble_scope_open(&scope);
    begin(&scope, connecting, &link);
    fake_refuse(AMBLE__HCI_LE_SET_SCAN_ENABLE, AMBLE__HCI_COMMAND_DISALLOWED);
    assert_int_equal(amble_scan_open(ble, &scanner, NULL, AMBLE_FOREVER), 0);
    begin(&scope, taking, &next);
    assert_false(next.done);
    fake_refuse(AMBLE__HCI_LE_SET_SCAN_ENABLE, 0x1f);
    fake_connected(0, FAKE_HANDLE, true, 7);
    fake_features(FAKE_HANDLE);
    assert_int_equal(amble_sleep_ms(10), 0);
    assert_true(next.done);
    assert_int_equal(next.result, AMBLE_ERR_HCI(0x1f));
    assert_int_equal(amble_scan_next(&scanner, &result, AMBLE_FOREVER), AMBLE_ERR_HCI(0x1f));
    amble_scan_close(&scanner);
    amble_connection_close(link.conn);
    amble_scope_close(&scope);
    amble_close(ble);
}

static void closing_a_scanner_ends_the_wait_on_it(void)
{
    amble_scanner other;
    amble_scan_result result;
    amble_scope scope;
    outcome next;

    fake_reset();
    ble = fake_open();
    amble_scope_open(&scope);
    assert_int_equal(amble_scan_open(ble, &scanner, NULL, AMBLE_FOREVER), 0);
    begin(&scope, taking, &next);
    assert_int_equal(amble_scan_next(&scanner, &result, AMBLE_FOREVER), AMBLE_ERR_BUSY);
    other = scanner;
    amble_scan_close(&other);
    assert_int_equal(amble_sleep_ms(10), 0);
    assert_true(next.done);
    assert_int_equal(next.result, AMBLE_ERR_STALE);
    amble_scope_close(&scope);
    amble_close(ble);
}

static void after_the_controller_is_lost_no_result_is_waited_for(void)
{
    amble_scan_result result;

    fake_reset();
    ble = fake_open();
    assert_int_equal(amble_scan_open(ble, &scanner, NULL, AMBLE_FOREVER), 0);
    fake_report(9);
    fake_event(AMBLE__EVENT_HARDWARE_ERROR, BYTES(1));
    assert_int_equal(amble_sleep_ms(10), 0);
    assert_int_equal(amble_scan_next(&scanner, &result, 1000), 1); /* it was there before */
    assert_int_equal(amble_scan_next(&scanner, &result, 1000), AMBLE_ERR_CONTROLLER);
    assert_int_equal(amble_scan_next(&scanner, &result, AMBLE_FOREVER), AMBLE_ERR_CONTROLLER);
    amble_scan_close(&scanner);
    amble_close(ble);
}

static void the_controller_is_lost_as_the_scan_opens(void)
{
    amble_scope scope;
    outcome open;

    fake_reset();
    ble = fake_open();
    amble_scope_open(&scope);
    fake.held = AMBLE__HCI_LE_SET_SCAN_ENABLE;
    begin(&scope, opening, &open);
    fake_answer(AMBLE__HCI_LE_SET_SCAN_ENABLE);
    assert_int_equal(amble_sleep_ms(0), 0);
    fake_event(AMBLE__EVENT_HARDWARE_ERROR, BYTES(1));
    assert_int_equal(amble_sleep_ms(10), 0);
    assert_true(open.done);
    assert_int_equal(open.result, AMBLE_ERR_CONTROLLER);
    amble_scope_close(&scope);
    amble_close(ble);
    assert_int_equal(amble_sleep_ms(70000), 0); /* no timer is left */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(a_scan_that_makes_way_goes_on_afterwards),
        task_test(the_connection_comes_with_the_refusal),
        task_test(a_late_failure_hits_nobody),
        task_test(a_scan_that_cannot_go_on_says_so),
        task_test(closing_a_scanner_ends_the_wait_on_it),
        task_test(after_the_controller_is_lost_no_result_is_waited_for),
        task_test(the_controller_is_lost_as_the_scan_opens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
