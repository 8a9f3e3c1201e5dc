/* What changes while something is under way: the MTU, the value that is to be sent, the room in a queue. */
#include "gatt/testing.h"

static amble_connection *conn;
static amble_scope scope;
static amble_subscription *subscription;

typedef enum {
    READ,
    EXCHANGE,
    COMMAND_WRITE,
    NOTIFY,
    NOTIFY_VALUE,
    INDICATE_VALUE,
    FIRST,
    SUBSCRIBE,
    TAKE,
    LEAVE,
    WRITTEN
} call_kind;

typedef struct {
    call_kind what;
    int timeout_ms, result;
    bool done;
    uint8_t buffer[600];
    amble_task *task;
} caller;

static int call(caller *a)
{
    const amble_remote_characteristic c = {
        .conn = conn, .value_handle = 11, .end = 12, .generation = conn->generation, .properties = 0xff};
    const amble_source source = amble_on_written(ble, &both);
    amble_value value;

    switch (a->what) {
    case READ:
        return amble_read(&c, a->buffer, sizeof a->buffer, a->timeout_ms);
    case EXCHANGE:
        return amble_exchange_mtu(conn, a->timeout_ms);
    case COMMAND_WRITE:
        return amble_write_no_response(&c, a->buffer, 50, a->timeout_ms);
    case NOTIFY:
        return amble_notify(conn, &level, a->buffer, 50, a->timeout_ms);
    case NOTIFY_VALUE:
        return amble_notify(conn, &level, NULL, 0, a->timeout_ms);
    case INDICATE_VALUE:
        return amble_indicate(conn, &level, NULL, 0, a->timeout_ms);
    case FIRST:
        return amble_wait_first(&source, 1, a->timeout_ms);
    case SUBSCRIBE:
        return amble_subscribe(&c, NULL, &subscription, a->timeout_ms);
    case TAKE:
        return amble_notified(subscription, &value, a->timeout_ms);
    case LEAVE:
        amble_subscription_close(subscription);
        return 0;
    default:
        return amble_written(ble, &command, &value, a->timeout_ms);
    }
}
static int calling(void *arg)
{
    caller *a = arg;

    a->result = call(a);
    a->done = true;
    return 0;
}
static void start(caller *a, call_kind what, int timeout_ms)
{
    *a = (caller){.timeout_ms = timeout_ms, .result = 77};
    a->what = what;
    a->task = amble_spawn(&scope, calling, a);
    settle();
}

static void begin(void)
{
    conn = serve_table();
    ask(conn, 0x52, LEVEL_CCCD, 0, 3, 0);
    amble_scope_open(&scope);
}
static void finish(void)
{
    expect_nothing();
    amble_scope_close(&scope);
}

/* --- the MTU
 * ------------------------------------------------------------------------------------------------------------ */
static void an_answer_sent_before_the_peer_knew_the_mtu(void)
{
    uint8_t full[23] = {0x0b};
    caller a;

    begin();
    start(&a, READ, AMBLE_FOREVER);
    answer(conn, 0x0a, 11, 0);
    ask(conn, 0x02, TEST_MTU, 0); /* the peer learns the result when our answer reaches it; its own is on the way */
    answer(conn, 0x03, TEST_MTU, 0);
    peer_att(conn, full, sizeof full);
    settle();
    assert_false(a.done);
    answer(conn, 0x0c, 11, 0, 22, 0);
    ask(conn, 0x0d, 'x');
    settle();
    assert_int_equal(a.result, 23);
    finish();
}

static void a_late_mtu_response_counts(void)
{
    caller a;

    begin();
    start(&a, EXCHANGE, 100);
    answer(conn, 0x02, TEST_MTU, 0);
    assert_int_equal(amble_sleep_ms(200), 0);
    assert_int_equal(a.result, AMBLE_ERR_TIMEOUT);
    ask(conn, 0x03, 64, 0);
    settle();
    assert_int_equal(amble_connection_mtu(conn), 64); /* the server counts on it */
    assert_int_equal(amble_exchange_mtu(conn, 1000), 64);
    finish();
}

static int exchange_again(void *arg)
{
    int *result = arg;

    amble_cancel(amble_current_task());
    *result = amble_exchange_mtu(conn, AMBLE_FOREVER);
    return 0;
}
static void a_cancelled_task_gets_no_mtu(void)
{
    int result = 77;
    caller a;

    begin();
    start(&a, EXCHANGE, AMBLE_FOREVER);
    answer(conn, 0x02, TEST_MTU, 0);
    ask(conn, 0x03, 64, 0);
    settle();
    assert_int_equal(a.result, 64);
    amble_spawn(&scope, exchange_again, &result);
    settle();
    assert_int_equal(result, AMBLE_ERR_CANCELLED);
    finish();
}

/* Fills the controller and the pool, so that the next one waits. Everything is sent as soon as there is room. */
static void fill(void)
{
    controller.hci.acl_credits = controller.hci.acl_buffers = 0;
    for (int i = 0; i < TEST_POOL; i++)
        assert_int_equal(amble_notify(conn, &level, "x", 1, 0), 0);
}
static void make_room(void)
{
    amble__acl_configure(&controller.hci, MANY_BUFFERS, LARGE_BUFFER);
    amble__acl_completed(&controller.hci, conn->handle, 0);
    settle();
    for (int i = 0; i < TEST_POOL; i++)
        answer(conn, 0x1b, LEVEL, 0, 'x');
}

/* A peer may not, but can: what no longer fits is not sent at all, rather than without its bytes. */
static void the_mtu_shrinks_while_room_is_waited_for(void)
{
    static const call_kind calls[] = {NOTIFY, COMMAND_WRITE};
    caller a;

    for (int i = 0; i < 2; i++) {
        begin();
        ask(conn, 0x02, TEST_MTU, 0);
        answer(conn, 0x03, TEST_MTU, 0);
        fill();
        start(&a, calls[i], AMBLE_FOREVER);
        assert_false(a.done);
        ask(conn, 0x02, 23, 0);
        make_room();
        assert_int_equal(a.result, AMBLE_ERR_TOO_LONG);
        answer(conn, 0x03, TEST_MTU, 0);
        for (int k = 0; k < TEST_POOL; k++) { /* no packet is missing */
            assert_int_equal(amble_notify(conn, &level, "y", 1, 0), 0);
            answer(conn, 0x1b, LEVEL, 0, 'y');
        }
        finish();
    }
}

static void no_value_is_longer_than_512_bytes(void)
{
    static const uint8_t bytes[514];

    begin();
    conn->bearer->mtu = 517; /* the packets are shorter, so what fits is refused later */
    assert_int_equal(amble_notify(conn, &level, bytes, 513, 0), AMBLE_ERR_TOO_LONG);
    assert_int_equal(amble_indicate(conn, &level, bytes, 513, 0), AMBLE_ERR_TOO_LONG);
    finish();
}

/* --- values
 * ------------------------------------------------------------------------------------------------------------- */
static void a_value_that_changes_is_sent_whole(void)
{
    caller a;

    begin();
    assert_int_equal(amble_local_write(ble, &level, "long", 4), 0);
    fill();
    start(&a, NOTIFY_VALUE, AMBLE_FOREVER);
    assert_int_equal(amble_local_write(ble, &level, "ab", 2), 0);
    make_room();
    assert_int_equal(a.result, 0);
    answer(conn, 0x1b, LEVEL, 0, 'a', 'b');
    finish();
}

static void an_indicated_value_that_changes_is_sent_whole(void)
{
    caller a, b;

    begin();
    start(&a, INDICATE_VALUE, AMBLE_FOREVER);
    answer(conn, 0x1d, LEVEL, 0, 50);
    assert_int_equal(amble_local_write(ble, &level, "long", 4), 0);
    start(&b, INDICATE_VALUE, AMBLE_FOREVER);
    assert_int_equal(amble_local_write(ble, &level, "ab", 2), 0);
    ask(conn, 0x1e);
    settle();
    assert_int_equal(a.result, 0);
    answer(conn, 0x1d, LEVEL, 0, 'a', 'b');
    ask(conn, 0x1e);
    settle();
    assert_int_equal(b.result, 0);
    finish();
}

/* A queue of one whose value is in view: the write that waits for room makes the source ready, since taking it makes
 * the room. */
static void a_held_write_ends_the_wait_for_the_first(void)
{
    amble_value value;
    caller a;

    begin();
    ask(conn, 0x12, BOTH, 0, 1);
    answer(conn, 0x13);
    assert_int_equal(amble_written(ble, &both, &value, 0), 0);
    start(&a, FIRST, AMBLE_FOREVER);
    ask(conn, 0x12, BOTH, 0, 2);
    settle();
    assert_int_equal(a.result, 0);
    assert_int_equal(value.data[0], 1); /* nothing was taken */
    assert_int_equal(amble_written(ble, &both, &value, 0), 0);
    assert_int_equal(value.data[0], 2);
    answer(conn, 0x13);
    ask(conn, 0x12, BOTH, 0, 3);
    start(&a, FIRST, AMBLE_FOREVER); /* it was held before */
    assert_int_equal(a.result, 0);
    assert_int_equal(amble_written(ble, &both, &value, 0), 0);
    answer(conn, 0x13);
    start(&a, FIRST, 10);
    assert_int_equal(amble_sleep_ms(20), 0);
    assert_int_equal(a.result, AMBLE_ERR_TIMEOUT);
    finish();
}

/* In another task's view it makes nothing ready: taking could not make room. */
static void a_held_write_behind_another_view(void)
{
    amble_value value;
    caller a;

    begin();
    ask(conn, 0x12, BOTH, 0, 1);
    answer(conn, 0x13);
    assert_int_equal(amble_written_by(conn, &both, &value, 0), 0);
    ask(conn, 0x12, BOTH, 0, 2);
    start(&a, FIRST, 100);
    assert_false(a.done);
    assert_int_equal(amble_written_by(conn, &both, &value, 0), 0);
    answer(conn, 0x13);
    assert_int_equal(value.data[0], 2);
    finish();
}

/* --- the end of a queue ------------------------------------------------------------------------------------------- */
static void subscribe(bool first_time)
{
    caller a;

    start(&a, SUBSCRIBE, AMBLE_FOREVER);
    if (first_time) { /* afterwards the descriptors are known */
        answer(conn, 0x04, 12, 0, 12, 0);
        ask(conn, 0x05, 1, 12, 0, 0x02, 0x29);
        settle();
    }
    answer(conn, 0x12, 12, 0, 1, 0);
    ask(conn, 0x13);
    settle();
    assert_int_equal(a.result, 0);
}

/* The value comes between the end of unsubscribing and the moment in which the task that closes learns of it. */
static void a_last_value_comes_as_the_subscription_closes(void)
{
    caller taker, leaver;

    begin();
    subscribe(true);
    start(&taker, TAKE, AMBLE_FOREVER);
    start(&leaver, LEAVE, 0);
    answer(conn, 0x12, 12, 0, 0, 0);
    ask(conn, 0x13);
    ask(conn, 0x1b, 11, 0, 'x');
    settle();
    assert_true(leaver.done);
    assert_true(taker.done);
    assert_int_equal(taker.result, AMBLE_ERR_STALE);
    subscribe(false); /* in the same place */
    start(&leaver, LEAVE, 0);
    answer(conn, 0x12, 12, 0, 0, 0);
    ask(conn, 0x13);
    settle();
    finish();
}

static void the_host_ends_as_a_value_is_taken_by_another(void)
{
    amble_value value;
    caller a;

    begin();
    start(&a, WRITTEN, AMBLE_FOREVER);
    ask(conn, 0x52, COMMAND, 0, 1);
    assert_int_equal(amble_written(ble, &command, &value, 0), 0);
    amble__server_fail(&the_host.server, AMBLE_ERR_CONTROLLER);
    settle();
    assert_true(a.done);
    assert_int_equal(a.result, AMBLE_ERR_CONTROLLER);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(an_answer_sent_before_the_peer_knew_the_mtu),
        task_test(a_late_mtu_response_counts),
        task_test(a_cancelled_task_gets_no_mtu),
        task_test(the_mtu_shrinks_while_room_is_waited_for),
        task_test(no_value_is_longer_than_512_bytes),
        task_test(a_value_that_changes_is_sent_whole),
        task_test(an_indicated_value_that_changes_is_sent_whole),
        task_test(a_held_write_ends_the_wait_for_the_first),
        task_test(a_held_write_behind_another_view),
        task_test(a_last_value_comes_as_the_subscription_closes),
        task_test(the_host_ends_as_a_value_is_taken_by_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
