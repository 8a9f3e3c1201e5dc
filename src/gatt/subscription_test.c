/* Tests of subscriptions: the queue is armed before the server is asked, values keep their order, every indication is
 * confirmed when there is room for the next, buffers are shared fairly and come back, and what happens when the link
 * goes. */
#include "gatt/testing.h"

enum { VALUE = 11, CCCD = 12 };

static amble_connection *conn;
static amble_scope scope;

static amble_remote_characteristic remote(uint16_t value_handle)
{
    return (amble_remote_characteristic){.conn = conn,
                                         .uuid = AMBLE_UUID16(0x2a19),
                                         .handle = (uint16_t)(value_handle - 1),
                                         .value_handle = value_handle,
                                         .end = (uint16_t)(value_handle + 1),
                                         .generation = conn->generation,
                                         .properties = AMBLE_PROPERTY_NOTIFY | AMBLE_PROPERTY_INDICATE};
}

/* One call of the program's, in a task of its own. */
typedef struct {
    amble_remote_characteristic c;
    amble_subscribe_options options;
    amble_subscription *subscription;
    amble_value value;
    uint8_t first;
    int timeout_ms, result;
    bool done;
    amble_task *task;
} caller;

static int subscribing(void *arg)
{
    caller *a = arg;

    a->result = amble_subscribe(&a->c, &a->options, &a->subscription, a->timeout_ms);
    a->done = true;
    return 0;
}
static int taking(void *arg)
{
    caller *a = arg;

    a->result = amble_notified(a->subscription, &a->value, AMBLE_FOREVER);
    if (a->result == 0)
        a->first = a->value.data[0];
    a->done = true;
    return 0;
}
static int closing(void *arg)
{
    caller *a = arg;

    amble_subscription_close(a->subscription);
    a->done = true;
    return 0;
}

static void start(caller *a, int (*function)(void *arg))
{
    a->done = false;
    a->result = 77;
    a->task = amble_spawn(&scope, function, a);
    settle();
}

static void subscribe(caller *a, uint16_t value_handle, bool indicate, uint16_t depth)
{
    *a = (caller){
        .c = remote(value_handle), .options = {.indicate = indicate, .depth = depth}, .timeout_ms = AMBLE_FOREVER};
    start(a, subscribing);
}

/* The server's part in it. */
static void accept_subscription(uint16_t value_handle, uint8_t bits)
{
    const uint8_t cccd = (uint8_t)(value_handle + 1);

    answer(conn, 0x04, cccd, 0, cccd, 0);
    ask(conn, 0x05, 1, cccd, 0, 0x02, 0x29);
    settle();
    answer(conn, 0x12, cccd, 0, bits, 0);
    ask(conn, 0x13);
    settle();
}

/* A test that begins with a subscription. */
static void begin(caller *a, bool indicate, uint16_t depth)
{
    gatt_open();
    conn = link_open(HANDLE, true);
    amble_scope_open(&scope);
    subscribe(a, VALUE, indicate, depth);
    accept_subscription(VALUE, indicate ? 2 : 1);
    assert_int_equal(a->result, 0);
    assert_non_null(a->subscription);
    expect_nothing();
}

static void notify(uint8_t value) { ask(conn, 0x1b, VALUE, 0, value); }
static void indicate_value(uint8_t value) { ask(conn, 0x1d, VALUE, 0, value); }
static void expect_notified(const caller *a, uint8_t expected)
{
    amble_value value;

    assert_int_equal(amble_notified(a->subscription, &value, 0), 0);
    assert_int_equal(value.size, 1);
    assert_int_equal(value.data[0], expected);
}
static void expect_none(const caller *a, int error)
{
    amble_value value;

    assert_int_equal(amble_notified(a->subscription, &value, 0), error);
}

static void values_come_in_order(void)
{
    amble_value value;
    caller a;

    begin(&a, false, 0);
    expect_none(&a, AMBLE_ERR_TIMEOUT);
    for (uint8_t i = 0; i < 8; i++)
        notify(i);
    for (uint8_t i = 0; i < 8; i++)
        expect_notified(&a, i);
    expect_none(&a, AMBLE_ERR_TIMEOUT);
    ask(conn, 0x1b, VALUE, 0); /* an empty one is a value */
    assert_int_equal(amble_notified(a.subscription, &value, 0), 0);
    assert_int_equal(value.size, 0);
    assert_ptr_equal(value.conn, conn);
    assert_false(value.indication);
    expect_nothing();
    amble_scope_close(&scope);
}

static void a_value_before_the_servers_answer_is_kept(void)
{
    caller a;

    gatt_open();
    conn = link_open(HANDLE, true);
    amble_scope_open(&scope);
    subscribe(&a, VALUE, false, 0);
    next_sent();
    ask(conn, 0x05, 1, CCCD, 0, 0x02, 0x29);
    settle();
    next_sent();
    notify(1); /* the server is quick */
    ask(conn, 0x13);
    notify(2);
    settle();
    assert_int_equal(a.result, 0);
    expect_notified(&a, 1);
    expect_notified(&a, 2);
    amble_scope_close(&scope);
}

static void values_beyond_the_queue_are_counted(void)
{
    amble_value value;
    caller a;

    begin(&a, false, 2);
    notify(0);
    expect_notified(&a, 0); /* in view */
    for (uint8_t i = 1; i < 6; i++)
        notify(i); /* two may wait */
    expect_notified(&a, 1);
    notify(6);
    expect_notified(&a, 2);
    assert_int_equal(amble_notified(a.subscription, &value, 0), 0);
    assert_int_equal(value.data[0], 6);
    assert_int_equal(value.dropped, 3);
    assert_int_equal(the_host.client.dropped, 3);
    amble_scope_close(&scope);
}

static void what_nobody_subscribed_to(void)
{
    caller a;

    begin(&a, false, 0);
    ask(conn, 0x1b, 99, 0, 1);
    expect_nothing();
    ask(conn, 0x1d, 99, 0, 1);
    answer(conn, 0x1e); /* confirmed all the same */
    ask(conn, 0x1d, 99, 0);
    answer(conn, 0x1e);
    indicate_value(7); /* an indication where a notification was asked for is a value */
    answer(conn, 0x1e);
    expect_notified(&a, 7);
    ask(conn, 0x1b, VALUE);
    ask(conn, 0x1d);
    ask(conn, 0x23, 99, 0, 1, 0, 4, VALUE, 0, 1, 0, 5, VALUE, 0, 9, 0, 6); /* the last one is cut off */
    assert_int_equal(rooms.att.malformed, 3);
    expect_notified(&a, 5);
    expect_none(&a, AMBLE_ERR_TIMEOUT);
    expect_nothing();
    amble_scope_close(&scope);
}

/* --- indications -------------------------------------------------------------------------------------------------- */
static void indications_are_confirmed_when_there_is_room(void)
{
    amble_value value;
    caller a;

    begin(&a, true, 2); /* three entries: two that wait, and the one in view */
    indicate_value(1);
    answer(conn, 0x1e);
    indicate_value(2);
    answer(conn, 0x1e);
    indicate_value(3);
    assert_int_equal(amble_sleep_ms(10000), 0);
    expect_nothing(); /* full: the server has to wait */
    assert_int_equal(amble_notified(a.subscription, &value, 0), 0);
    assert_true(value.indication);
    expect_nothing(); /* the value in view takes a place */
    expect_notified(&a, 2);
    answer(conn, 0x1e);
    indicate_value(4); /* so nothing is ever lost */
    expect_nothing();
    expect_notified(&a, 3);
    answer(conn, 0x1e);
    expect_notified(&a, 4);
    assert_int_equal(the_host.client.dropped, 0);
    assert_int_equal(amble_sleep_ms(60000), 0);
    expect_nothing();
    amble_scope_close(&scope);
}

static void a_held_confirmation_goes_out_in_time(void)
{
    caller a;

    begin(&a, true, 1);
    indicate_value(1);
    answer(conn, 0x1e);
    indicate_value(2);
    expect_nothing();
    assert_int_equal(amble_sleep_ms(25000), 0); /* the server gives up after 30 s */
    answer(conn, 0x1e);
    indicate_value(3); /* there is no room, and it is lost */
    assert_int_equal(amble_sleep_ms(25000), 0);
    answer(conn, 0x1e);
    assert_int_equal(the_host.client.dropped, 1);
    expect_nothing();
    amble_scope_close(&scope);
}

static void an_owed_confirmation_is_sent_on_close(void)
{
    caller a;

    begin(&a, true, 1);
    indicate_value(1);
    answer(conn, 0x1e);
    indicate_value(2);
    expect_nothing();
    start(&a, closing);
    answer(conn, 0x1e);
    answer(conn, 0x12, CCCD, 0, 0, 0);
    indicate_value(3); /* the server has not seen it yet */
    expect_nothing();
    ask(conn, 0x13);
    settle();
    assert_true(a.done);
    answer(conn, 0x1e); /* owed when it closed */
    indicate_value(4);
    answer(conn, 0x1e);
    assert_int_equal(amble_sleep_ms(60000), 0);
    expect_nothing();
    amble_scope_close(&scope);
}

static void a_confirmation_is_not_sent_on_another_link(void)
{
    caller a;

    begin(&a, true, 1);
    indicate_value(1);
    indicate_value(2);
    controller.read = controller.count;
    link_close(conn);
    assert_ptr_equal(link_open(HANDLE, true), conn);
    assert_int_equal(amble_sleep_ms(60000), 0);
    amble_subscription_close(a.subscription);
    expect_nothing();
    amble_scope_close(&scope);
}

/* --- subscribing -------------------------------------------------------------------------------------------------- */
static void what_cannot_be_subscribed_to(void)
{
    caller a, b;

    begin(&a, false, 0);
    b = a;
    start(&b, subscribing);
    assert_int_equal(b.result, AMBLE_ERR_BUSY);
    assert_null(b.subscription);
    b.c = remote(20);
    b.c.properties = AMBLE_PROPERTY_INDICATE;
    start(&b, subscribing);
    assert_int_equal(b.result, AMBLE_ERR_UNSUPPORTED);
    b.options.indicate = true;
    b.c.properties = AMBLE_PROPERTY_NOTIFY;
    start(&b, subscribing);
    assert_int_equal(b.result, AMBLE_ERR_UNSUPPORTED);
    b.c = remote(20);
    b.options.depth = TEST_ENTRIES;
    start(&b, subscribing);
    assert_int_equal(b.result, AMBLE_ERR_NO_MEMORY);
    expect_nothing(); /* none of this concerns the server */
    b.options = (amble_subscribe_options){.depth = 2};
    start(&b, subscribing);
    accept_subscription(20, 1);
    assert_int_equal(b.result, 0); /* what did not succeed took no buffers */
    amble_scope_close(&scope);
}

static void a_server_that_refuses(void)
{
    caller a;

    gatt_open();
    conn = link_open(HANDLE, true);
    amble_scope_open(&scope);
    for (int i = 0; i < 3 * TEST_ENTRIES; i++) { /* nothing leaks */
        subscribe(&a, VALUE, true, 1);
        next_sent();
        ask(conn, 0x05, 1, CCCD, 0, 0x02, 0x29);
        settle();
        next_sent();
        indicate_value(1);
        answer(conn, 0x1e);
        indicate_value(2); /* full: it owes a confirmation when it fails */
        expect_nothing();
        ask(conn, 0x01, 0x12, CCCD, 0, 0x05);
        settle();
        assert_int_equal(a.result, AMBLE_ERR_ATT(0x05));
        assert_null(a.subscription);
        answer(conn, 0x1e);
        conn->client->others.size = 0;
    }
    subscribe(&a, VALUE, true, 1);
    next_sent();
    ask(conn, 0x01, 0x04, CCCD, 0, 0x0a); /* it has no CCCD */
    settle();
    assert_int_equal(a.result, AMBLE_ERR_NOT_FOUND);
    expect_nothing();
    amble_scope_close(&scope);
}

static void cancelling_and_time(void)
{
    caller a;

    gatt_open();
    conn = link_open(HANDLE, true);
    amble_scope_open(&scope);
    subscribe(&a, VALUE, false, 0);
    amble_cancel(a.task);
    settle();
    assert_int_equal(a.result, AMBLE_ERR_CANCELLED);
    next_sent();
    ask(conn, 0x05, 1, CCCD, 0, 0x02, 0x29);
    settle();
    a.timeout_ms = 0;
    start(&a, subscribing);
    assert_int_equal(a.result, AMBLE_ERR_TIMEOUT);
    expect_nothing();
    subscribe(&a, VALUE, false, 0);
    accept_subscription(VALUE, 1);
    assert_int_equal(a.result, 0);
    amble_scope_close(&scope);
}

static void a_closed_subscription_gives_its_buffers_back(void)
{
    caller a;

    begin(&a, false, TEST_ENTRIES - 1);
    for (int i = 0; i < 3; i++) {
        notify(1);
        notify(2);
        expect_notified(&a, 1);
        start(&a, closing);
        answer(conn, 0x12, CCCD, 0, 0, 0);
        notify(3);
        ask(conn, 0x13);
        settle();
        assert_true(a.done);
        notify(4); /* nobody wants it */
        subscribe(&a, VALUE, false, TEST_ENTRIES - 1);
        answer(conn, 0x12, CCCD, 0, 1, 0); /* where the CCCD is, is still known */
        ask(conn, 0x13);
        settle();
        assert_int_equal(a.result, 0);
        expect_none(&a, AMBLE_ERR_TIMEOUT);
    }
    amble_subscription_close(NULL);
    amble_scope_close(&scope);
}

static void closing_does_not_wait_for_ever(void)
{
    caller a;

    begin(&a, false, 0);
    amble_subscription_close(a.subscription);
    assert_int_equal(amble_now_us(), 2000000);
    answer(conn, 0x12, CCCD, 0, 0, 0);
    amble_scope_close(&scope);
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */
static int wait_first(void *arg)
{
    caller *a = arg;
    const amble_source source = amble_on_notified(a->subscription);

    a->result = amble_wait_first(&source, 1, AMBLE_FOREVER);
    a->done = true;
    return 0;
}

static void who_waits_is_woken(void)
{
    caller a, b;

    begin(&a, false, 0);
    start(&a, taking);
    b = a;
    start(&b, taking);
    assert_int_equal(b.result, AMBLE_ERR_BUSY);
    start(&b, wait_first); /* looking is allowed */
    assert_false(b.done);
    notify(5);
    settle();
    assert_int_equal(a.first, 5);
    assert_int_equal(b.result, 0);
    start(&b, wait_first); /* it took nothing, the other task did */
    assert_false(b.done);
    notify(6);
    settle();
    assert_int_equal(b.result, 0);
    expect_notified(&a, 6);
    amble_scope_close(&scope);
}

static void after_a_loss_what_is_queued_still_comes(void)
{
    amble_value value;
    caller a;

    begin(&a, false, 0);
    notify(1);
    notify(2);
    link_lose(conn);
    expect_notified(&a, 1);
    assert_int_equal(amble_notified(a.subscription, &value, AMBLE_FOREVER), 0);
    assert_int_equal(value.data[0], 2);
    assert_int_equal(amble_notified(a.subscription, &value, AMBLE_FOREVER), AMBLE_ERR_DISCONNECTED);
    amble_subscription_close(a.subscription);
    expect_nothing();
    amble_scope_close(&scope);
}

static void a_loss_ends_every_wait_for_values(void)
{
    caller a, b;

    begin(&a, false, 0);
    b = a;
    start(&a, taking);
    start(&b, wait_first);
    link_lose(conn);
    settle();
    assert_int_equal(a.result, AMBLE_ERR_DISCONNECTED);
    assert_int_equal(b.result, 0); /* ready: the ordinary call says why */
    amble_scope_close(&scope);
}

static void a_connection_that_is_closed_first(void)
{
    caller a;

    begin(&a, false, 0);
    start(&a, taking);
    gatt_close(conn);
    settle();
    assert_int_equal(a.result, AMBLE_ERR_DISCONNECTED);
    expect_none(&a, AMBLE_ERR_DISCONNECTED);
    amble_subscription_close(a.subscription);
    assert_ptr_equal(link_open(HANDLE, true), conn); /* its successor has nothing to do with it */
    notify(1);
    subscribe(&a, VALUE, false, TEST_ENTRIES - 1);
    accept_subscription(VALUE, 1);
    assert_int_equal(a.result, 0);
    expect_none(&a, AMBLE_ERR_TIMEOUT);
    amble_scope_close(&scope);
}

static void subscriptions_are_apart(void)
{
    caller a, b;

    begin(&a, false, 2);
    subscribe(&b, 20, false, 2);
    accept_subscription(20, 1);
    for (uint8_t i = 0; i < 9; i++)
        notify(i); /* nobody reads them */
    ask(conn, 0x1b, 20, 0, 42);
    expect_notified(&b, 42);
    expect_notified(&a, 0);
    {
        const amble_source sources[] = {amble_on_notified(a.subscription), amble_on_notified(b.subscription)};

        ask(conn, 0x1b, 20, 0, 43);
        assert_int_equal(amble_wait_first(sources, 2, 0), 0); /* the older value's */
    }
    amble_scope_close(&scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(values_come_in_order),
        task_test(a_value_before_the_servers_answer_is_kept),
        task_test(values_beyond_the_queue_are_counted),
        task_test(what_nobody_subscribed_to),
        task_test(indications_are_confirmed_when_there_is_room),
        task_test(a_held_confirmation_goes_out_in_time),
        task_test(an_owed_confirmation_is_sent_on_close),
        task_test(a_confirmation_is_not_sent_on_another_link),
        task_test(what_cannot_be_subscribed_to),
        task_test(a_server_that_refuses),
        task_test(cancelling_and_time),
        task_test(a_closed_subscription_gives_its_buffers_back),
        task_test(closing_does_not_wait_for_ever),
        task_test(who_waits_is_woken),
        task_test(after_a_loss_what_is_queued_still_comes),
        task_test(a_loss_ends_every_wait_for_values),
        task_test(a_connection_that_is_closed_first),
        task_test(subscriptions_are_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
