/* Tests of what a server sends unasked: notifications, indications, updates of everybody who subscribed, and who is
 * left out when. */
#include "gatt/testing.h"

static amble_connection *conn, *other;

/* Two links, and what the first and the second subscribe to. */
static void begin_on(uint16_t buffers, uint8_t first, uint8_t second)
{
    gatt_open_on(MANY_BUFFERS);
    assert_int_equal(amble_serve(ble, &battery), 0);
    conn = link_open(HANDLE, false);
    other = link_open(HANDLE + 1, false);
    ask(conn, 0x52, LEVEL_CCCD, 0, first, 0);
    ask(other, 0x52, LEVEL_CCCD, 0, second, 0);
    amble__acl_configure(&controller.hci, buffers, LARGE_BUFFER);
}
static void begin(uint8_t first, uint8_t second) { begin_on(MANY_BUFFERS, first, second); }

static void notifying(void)
{
    begin(1, 0);
    assert_int_equal(amble_notify(conn, &level, "x", 1, 0), 0);
    answer(conn, 0x1b, LEVEL, 0, 'x');
    assert_int_equal(amble_notify(conn, &level, NULL, 0, 0), 0); /* the value */
    answer(conn, 0x1b, LEVEL, 0, 50);
    assert_int_equal(amble_notify(conn, &level, "", 0, 0), 0);
    answer(conn, 0x1b, LEVEL, 0);
    assert_int_equal(amble_notify(conn, &level, text_start, 20, 0), 0);
    assert_int_equal(next_sent()->size, 9 + 23);
    assert_int_equal(amble_notify(conn, &level, text_start, 21, 0), AMBLE_ERR_TOO_LONG);
    assert_int_equal(amble_notify(other, &level, "x", 1, 0), AMBLE_ERR_NOT_SUBSCRIBED);
    assert_int_equal(amble_notify(conn, &text, "x", 1, 0), AMBLE_ERR_UNSUPPORTED);
    assert_int_equal(amble_notify(conn, &command, "x", 1, 0), AMBLE_ERR_NOT_FOUND);
    assert_int_equal(amble_indicate(conn, &level, "x", 1, 0), AMBLE_ERR_NOT_SUBSCRIBED);
    assert_int_equal(amble_indicate(conn, &text, "x", 1, 0), AMBLE_ERR_UNSUPPORTED);
    link_lose(conn);
    assert_int_equal(amble_notify(conn, &level, "x", 1, AMBLE_FOREVER), AMBLE_ERR_DISCONNECTED);
    expect_nothing();
}

static int notify_for_ever(void *arg)
{
    (void)arg;
    return amble_notify(conn, &level, "z", 1, AMBLE_FOREVER);
}

static void notifying_waits_for_room(void)
{
    amble_task *task;
    amble_scope scope;

    begin_on(1, 1, 0);
    link_close(other);                      /* a link that is alone may have all packets */
    for (int i = 0; i < TEST_POOL + 1; i++) /* one is with the controller */
        assert_int_equal(amble_notify(conn, &level, "x", 1, 0), 0);
    assert_int_equal(amble_notify(conn, &level, "x", 1, 0), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_notify(conn, &level, "x", 1, 10), AMBLE_ERR_TIMEOUT);
    amble_scope_open(&scope);
    task = amble_spawn(&scope, notify_for_ever, NULL);
    assert_int_equal(amble_sleep_ms(1000), 0);
    say_completed_packets(HANDLE, 1);
    assert_int_equal(amble_join(task, 10), 0);
    task = amble_spawn(&scope, notify_for_ever, NULL);
    settle();
    link_lose(conn);
    assert_int_equal(amble_join(task, 10), AMBLE_ERR_DISCONNECTED);
    amble_scope_close(&scope);
}

typedef struct {
    int timeout_ms, result;
    bool done, update;
    uint8_t value;
    amble_task *task;
} teller;

static int telling(void *arg)
{
    teller *t = arg;

    t->result = t->update ? amble_update(ble, &level, &t->value, 1, t->timeout_ms)
                          : amble_indicate(conn, &level, &t->value, 1, t->timeout_ms);
    t->done = true;
    return 0;
}

static void start(amble_scope *scope, teller *t, bool update, uint8_t value, int timeout_ms)
{
    *t = (teller){.update = update, .value = value, .timeout_ms = timeout_ms, .result = 77};
    t->task = amble_spawn(scope, telling, t);
    settle();
}

static void indicating(void)
{
    amble_scope scope;
    teller a, b;

    begin(2, 0);
    amble_scope_open(&scope);
    start(&scope, &a, false, 1, 100);
    start(&scope, &b, false, 2, AMBLE_FOREVER);
    answer(conn, 0x1d, LEVEL, 0, 1);
    assert_int_equal(amble_sleep_ms(200), 0);
    assert_int_equal(a.result, AMBLE_ERR_TIMEOUT);
    expect_nothing(); /* the confirmation is still owed */
    ask(conn, 0x1e);
    settle();
    answer(conn, 0x1d, LEVEL, 0, 2);
    assert_false(b.done);
    ask(conn, 0x1e);
    settle();
    assert_int_equal(b.result, 0);
    assert_int_equal(amble_notify(conn, &level, "x", 1, 0), AMBLE_ERR_NOT_SUBSCRIBED);
    amble_scope_close(&scope);
}

static void updating_tells_everybody(void)
{
    uint8_t buffer[4];
    amble_scope scope;
    teller a;

    begin(1, 2);
    amble_scope_open(&scope);
    start(&scope, &a, true, 7, AMBLE_FOREVER);
    assert_int_equal(amble_local_read(ble, &level, buffer, sizeof buffer), 1);
    assert_int_equal(buffer[0], 7);
    answer(conn, 0x1b, LEVEL, 0, 7);
    answer(other, 0x1d, LEVEL, 0, 7);
    assert_false(a.done);
    ask(other, 0x1e);
    settle();
    assert_int_equal(a.result, 2);
    begin(0, 0);
    assert_int_equal(amble_update(ble, &level, "x", 1, AMBLE_FOREVER), 0);
    expect_nothing();
    assert_int_equal(amble_update(ble, &level, text_start, 21, 0), AMBLE_ERR_TOO_LONG);
    assert_int_equal(amble_update(ble, &command, "x", 1, 0), AMBLE_ERR_NOT_FOUND);
    amble_scope_close(&scope);
}

static void updating_notifies_whoever_wants_both(void)
{
    begin(3, 0);
    assert_int_equal(amble_update(ble, &level, "x", 1, 0), 1);
    answer(conn, 0x1b, LEVEL, 0, 'x');
    expect_nothing();
}

static void an_update_without_time(void)
{
    begin(2, 1);
    assert_int_equal(amble_update(ble, &level, "a", 1, 0), 2); /* the indication is on its way */
    answer(conn, 0x1d, LEVEL, 0, 'a');
    answer(other, 0x1b, LEVEL, 0, 'a');
    assert_int_equal(amble_update(ble, &level, "b", 1, 0), 1); /* its turn is not free: left out */
    answer(other, 0x1b, LEVEL, 0, 'b');
    expect_nothing();
    ask(conn, 0x1e);
    assert_int_equal(amble_update(ble, &level, "c", 1, 0), 2);
    answer(conn, 0x1d, LEVEL, 0, 'c');
}

static void an_update_is_bounded_as_a_whole(void)
{
    begin(2, 2);
    assert_int_equal(amble_update(ble, &level, "a", 1, 100), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_now_us(), 100000);
    answer(conn, 0x1d, LEVEL, 0, 'a');
}

static void a_central_that_leaves_meanwhile_is_left_out(void)
{
    amble_scope scope;
    teller a;

    begin(2, 1);
    amble_scope_open(&scope);
    start(&scope, &a, true, 7, AMBLE_FOREVER);
    answer(conn, 0x1d, LEVEL, 0, 7);
    link_lose(conn);
    settle();
    answer(other, 0x1b, LEVEL, 0, 7);
    assert_int_equal(a.result, 1);
    amble_scope_close(&scope);
}

static void an_update_longer_than_the_mtu_is_cut(void)
{
    uint8_t expected[23] = {0x1b, 3};
    const amble_characteristic large = {.uuid = &text_uuid, .read = true, .notify = true, .max_size = 60};
    const amble_service service = {.uuid = &battery_uuid, .characteristics = AMBLE_LIST(&large)};

    gatt_open();
    assert_int_equal(amble_serve(ble, &service), 0);
    conn = link_open(HANDLE, false);
    ask(conn, 0x52, 4, 0, 1, 0);
    assert_int_equal(amble_update(ble, &large, text_start, 40, 0), 1);
    memcpy(expected + 3, text_start, 20);
    expect_att(conn, expected, 23);
    assert_int_equal(amble_notify(conn, &large, NULL, 0, 0),
                     AMBLE_ERR_TOO_LONG); /* but this is for the caller to see */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(notifying),
        task_test(notifying_waits_for_room),
        task_test(indicating),
        task_test(updating_tells_everybody),
        task_test(updating_notifies_whoever_wants_both),
        task_test(an_update_without_time),
        task_test(an_update_is_bounded_as_a_whole),
        task_test(a_central_that_leaves_meanwhile_is_left_out),
        task_test(an_update_longer_than_the_mtu_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
