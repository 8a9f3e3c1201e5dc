/* Tests of value queues: order, views, takes by connection, values that find no room, and views of links that are
 * over. */
#include "gatt/testing.h"

enum { DEPTH = 3, VALUE_SIZE = 8 };

static amble__value_queue queue;
static amble__value_entry entries[DEPTH];
static uint8_t entry_bytes[DEPTH][VALUE_SIZE];
static uint64_t dropped;
static amble_connection *one, *two;

static void begin(void)
{
    gatt_open();
    one = link_open(HANDLE, false);
    two = link_open(HANDLE + 1, false);
    dropped = 0;
    amble__value_queue_init(&queue, &dropped);
    for (int i = 0; i < DEPTH; i++) {
        entries[i] = (amble__value_entry){.bytes = entry_bytes[i]};
        amble__value_queue_add(&queue, &entries[i]);
    }
}

static bool push(amble_connection *conn, uint8_t value)
{
    static uint64_t order;

    return amble__value_queue_push(&queue, conn, ++order, (amble__bytes){.data = &value, .size = 1}, false);
}

static int take(amble_connection *from, amble_value *value, int timeout_ms)
{
    return amble__value_queue_take(&queue, from, timeout_ms, value);
}

/* Takes as a program does: the last view is given back first. */
static void expect_taken(amble_connection *from, uint8_t expected)
{
    amble_value value;

    amble__value_queue_settle(&queue, from);
    assert_int_equal(take(from, &value, 0), 0);
    assert_int_equal(value.size, 1);
    assert_int_equal(value.data[0], expected);
}

static void values_come_in_order_with_their_writer(void)
{
    amble_value value;

    begin();
    assert_int_equal(amble__value_queue_order(&queue), 0);
    assert_true(push(one, 1));
    assert_true(push(two, 2));
    assert_true(amble__value_queue_order(&queue) > 0);
    assert_int_equal(take(NULL, &value, 0), 0);
    assert_ptr_equal(value.conn, one);
    assert_int_equal(value.device.bytes[0], HANDLE);
    assert_int_equal(value.data[0], 1);
    amble__value_queue_settle(&queue, NULL);
    assert_int_equal(take(NULL, &value, 0), 0);
    assert_ptr_equal(value.conn, two);
    amble__value_queue_settle(&queue, NULL);
    assert_int_equal(take(NULL, &value, 0), AMBLE_ERR_TIMEOUT);
    assert_int_equal(take(NULL, &value, 5), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble__value_queue_order(&queue), 0);
}

static void a_view_lasts_until_it_is_settled(void)
{
    amble_value value;

    begin();
    assert_true(push(one, 1));
    assert_int_equal(take(NULL, &value, 0), 0);
    assert_true(push(one, 2));
    assert_true(push(one, 3));
    assert_false(push(one, 4)); /* the one in view still has its place */
    assert_int_equal(value.data[0], 1);
    assert_true(amble__value_queue_full(&queue));
    amble__value_queue_settle(&queue, one); /* not this viewer's */
    assert_true(amble__value_queue_full(&queue));
    amble__value_queue_settle(&queue, NULL);
    assert_true(push(one, 5));
    expect_taken(NULL, 2);
}

static void what_finds_no_room_is_reported_with_the_next(void)
{
    amble_value value;

    begin();
    for (uint8_t i = 1; i <= DEPTH; i++)
        assert_true(push(one, i));
    for (int i = 0; i < 2; i++) {
        assert_false(push(one, 9));
        amble__value_queue_drop(&queue);
    }
    assert_int_equal(dropped, 2);
    assert_int_equal(take(NULL, &value, 0), 0);
    assert_int_equal(value.dropped, 0); /* they were lost after this one */
    amble__value_queue_settle(&queue, NULL);
    assert_true(push(one, 4));
    assert_true(push(one, 5) == false);
    expect_taken(NULL, 2);
    expect_taken(NULL, 3);
    amble__value_queue_settle(&queue, NULL);
    assert_int_equal(take(NULL, &value, 0), 0);
    assert_int_equal(value.data[0], 4);
    assert_int_equal(value.dropped, 2);
    assert_true(push(one, 6));
    amble__value_queue_settle(&queue, NULL);
    assert_int_equal(take(NULL, &value, 0), 0);
    assert_int_equal(value.dropped, 0);
}

static void values_of_one_connection_can_be_taken_apart(void)
{
    amble_value value;

    begin();
    assert_true(push(one, 1));
    assert_true(push(two, 2));
    assert_true(push(two, 3));
    expect_taken(two, 2);
    expect_taken(NULL, 1);
    expect_taken(two, 3);
    amble__value_queue_settle(&queue, two);
    assert_int_equal(take(two, &value, 0), AMBLE_ERR_TIMEOUT);
}

static void the_latest_replaces_an_unread_one(void)
{
    amble_value value;
    const uint8_t bytes[] = {1, 2, 3};

    begin();
    for (uint64_t i = 0; i < 3; i++)
        amble__value_queue_replace(&queue, one, i + 1, (amble__bytes){.data = &bytes[i], .size = 1});
    assert_int_equal(take(NULL, &value, 0), 0);
    assert_int_equal(value.data[0], 3);
    assert_int_equal(value.dropped, 0); /* it is the value that counts, not each write */
    amble__value_queue_settle(&queue, NULL);
    assert_int_equal(take(NULL, &value, 0), AMBLE_ERR_TIMEOUT);
    assert_int_equal(dropped, 0);
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */
typedef struct {
    amble_connection *from;
    int result;
    bool done;
    amble_value value;
    uint8_t first;
    amble_task *task;
} taker;

static int taking(void *arg)
{
    taker *t = arg;

    t->result = take(t->from, &t->value, AMBLE_FOREVER);
    if (t->result == 0)
        t->first = t->value.data[0];
    t->done = true;
    return 0;
}

static void start(amble_scope *scope, taker *t, amble_connection *from)
{
    *t = (taker){.from = from, .result = 77};
    t->task = amble_spawn(scope, taking, t);
    settle();
}

static void who_waits_is_woken_by_what_it_waits_for(void)
{
    taker any, of_two;
    amble_scope scope;

    begin();
    amble_scope_open(&scope);
    start(&scope, &of_two, two);
    start(&scope, &any, NULL);
    assert_true(push(one, 1));
    settle();
    assert_true(any.done && !of_two.done);
    assert_int_equal(any.first, 1);
    start(&scope, &any, NULL);
    assert_true(push(two, 2));
    settle();
    assert_true(of_two.done && !any.done); /* it waited longer */
    assert_int_equal(of_two.first, 2);
    amble_scope_close(&scope);
}

static void one_task_per_viewer(void)
{
    taker first, second, other;
    amble_scope scope;

    begin();
    amble_scope_open(&scope);
    start(&scope, &first, NULL);
    start(&scope, &second, NULL);
    assert_int_equal(second.result, AMBLE_ERR_BUSY);
    start(&scope, &other, one); /* another viewer */
    assert_false(other.done);
    start(&scope, &second, one);
    assert_int_equal(second.result, AMBLE_ERR_BUSY);
    amble_cancel(first.task);
    settle();
    assert_int_equal(first.result, AMBLE_ERR_CANCELLED);
    start(&scope, &second, NULL);
    assert_false(second.done);
    amble_scope_close(&scope);
}

static void the_end_of_a_link_or_of_the_host_ends_the_wait(void)
{
    taker any, of_one;
    amble_value value;
    amble_scope scope;

    begin();
    amble_scope_open(&scope);
    start(&scope, &any, NULL);
    start(&scope, &of_one, one);
    link_lose(one);
    settle();
    assert_int_equal(of_one.result, AMBLE_ERR_DISCONNECTED);
    assert_false(any.done); /* others may still write */
    amble__waiters_end(&queue.waiters, AMBLE_ERR_CLOSED);
    settle();
    assert_int_equal(any.result, AMBLE_ERR_CLOSED);
    assert_int_equal(take(one, &value, 0), AMBLE_ERR_DISCONNECTED);
    amble_scope_close(&scope);
}

static void what_was_queued_survives_the_link(void)
{
    amble_value value;

    begin();
    assert_true(push(one, 1));
    assert_true(push(one, 2));
    link_lose(one);
    expect_taken(one, 1);
    link_close(one);
    assert_int_equal(take(NULL, &value, 0), 0);
    assert_int_equal(value.data[0], 2);
    assert_null(value.conn); /* the connection is closed, who wrote it stays known */
    assert_int_equal(value.device.bytes[0], HANDLE);
}

static void values_of_an_earlier_link_are_not_the_later_ones(void)
{
    amble_value value;

    begin();
    assert_true(push(one, 1));
    link_close(one);
    assert_ptr_equal(link_open(HANDLE, false), one);
    assert_int_equal(take(one, &value, 0), AMBLE_ERR_TIMEOUT);
    assert_int_equal(take(NULL, &value, 0), 0);
    assert_null(value.conn);
}

static void views_of_links_that_are_over_do_not_fill_the_queue(void)
{
    taker any;
    amble_scope scope;

    begin();
    for (uint8_t i = 0; i < DEPTH; i++) { /* each link takes one value and is never seen again */
        amble_value value;

        assert_true(push(one, i));
        assert_int_equal(take(one, &value, 0), 0);
        link_close(one);
        assert_ptr_equal(link_open(HANDLE, false), one);
    }
    amble_scope_open(&scope);
    start(&scope, &any, NULL);
    assert_true(push(two, 5));
    settle();
    assert_int_equal(any.first, 5);
    amble_scope_close(&scope);
}

static int take_within(void *arg)
{
    amble_timeout timeout;
    taker *t = arg;
    int r;

    amble_timeout_begin(&timeout, two, 60000); /* the wait is on `one`, but `two` is the one that matters */
    r = take(one, &t->value, AMBLE_FOREVER);
    t->result = amble_timeout_end(&timeout, r);
    t->done = true;
    return 0;
}

static void the_end_of_another_link_that_bounds_the_wait(void)
{
    taker t = {.result = 77};
    amble_scope scope;

    begin();
    amble_scope_open(&scope);
    t.task = amble_spawn(&scope, take_within, &t);
    settle();
    link_lose(two);
    settle();
    assert_true(t.done);
    assert_int_equal(t.result, AMBLE_ERR_DISCONNECTED);
    amble_scope_close(&scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(values_come_in_order_with_their_writer),
        task_test(a_view_lasts_until_it_is_settled),
        task_test(what_finds_no_room_is_reported_with_the_next),
        task_test(values_of_one_connection_can_be_taken_apart),
        task_test(the_latest_replaces_an_unread_one),
        task_test(who_waits_is_woken_by_what_it_waits_for),
        task_test(one_task_per_viewer),
        task_test(the_end_of_a_link_or_of_the_host_ends_the_wait),
        task_test(what_was_queued_survives_the_link),
        task_test(values_of_an_earlier_link_are_not_the_later_ones),
        task_test(views_of_links_that_are_over_do_not_fill_the_queue),
        task_test(the_end_of_another_link_that_bounds_the_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
