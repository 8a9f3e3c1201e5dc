/* Tests of queues: order, back-pressure, several tasks at both ends. */
#include "task/testing.h"

static amble_queue queue;
static int storage[3];

static int fill_and_drain(void *arg)
{
    int item = 0;

    (void)arg;
    amble_queue_init(&queue, storage, sizeof storage[0], 3);
    for (int round = 0; round < 5; round++) { /* the ring goes round */
        for (int i = 0; i < 2; i++)
            assert_int_equal(amble_queue_put(&queue, &(int){10 * round + i}, 0), 0);
        assert_int_equal(amble_queue_count(&queue), 2);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(amble_queue_take(&queue, &item, 0), 0);
            assert_int_equal(item, 10 * round + i);
        }
    }
    return amble_queue_take(&queue, &item, 15);
}

static void first_in_first_out(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(fill_and_drain, NULL), AMBLE_ERR_TIMEOUT);
}

enum { PRODUCERS = 3, CONSUMERS = 4, EACH = 400 };

static unsigned taken, newest[PRODUCERS]; /* the last number taken from each producer */

static int produce(void *number)
{
    for (int i = 1; i <= EACH; i++) {
        const int r = amble_queue_put(&queue, &(int){(int)(uintptr_t)number * 1000 + i}, AMBLE_FOREVER);

        if (r < 0)
            return r;
        if (i % 7 == 0 && amble_sleep_ms(i % 3) < 0)
            return -99;
    }
    return 0;
}

static int consume(void *arg)
{
    int item, r;

    (void)arg;
    while ((r = amble_queue_take(&queue, &item, 50)) == 0) {
        assert_in_range(item % 1000, newest[item / 1000] + 1, EACH); /* in order, never twice */
        newest[item / 1000] = (unsigned)(item % 1000);
        if (++taken % 5 == 0 && amble_sleep_ms(1) < 0)
            return -99;
    }
    return r == AMBLE_ERR_TIMEOUT ? 0 : r;
}

static int produce_and_consume(void *arg)
{
    amble_scope scope;
    int r;

    (void)arg;
    amble_queue_init(&queue, storage, sizeof storage[0], 3);
    amble_scope_open(&scope);
    for (uintptr_t i = 0; i < PRODUCERS; i++)
        amble_spawn(&scope, produce, (void *)i);
    for (int i = 0; i < CONSUMERS; i++)
        amble_spawn(&scope, consume, NULL);
    r = amble_scope_wait(&scope, AMBLE_FOREVER);
    amble_scope_close(&scope);
    return r;
}

static void several_tasks_at_both_ends_lose_nothing(void **state)
{
    (void)state;
    taken = 0;
    memset(newest, 0, sizeof newest);
    assert_int_equal(run_virtual(produce_and_consume, NULL), 0);
    assert_int_equal(taken, PRODUCERS * EACH);
}

static int put_when_room(void *arg)
{
    (void)arg;
    return amble_queue_put(&queue, &(int){99}, AMBLE_FOREVER);
}

static int hold_back(void *arg)
{
    amble_scope scope;
    amble_task *task;
    int item = 0, r;

    (void)arg;
    amble_queue_init(&queue, storage, sizeof storage[0], 2);
    assert_int_equal(amble_queue_put(&queue, &(int){1}, 0), 0);
    assert_int_equal(amble_queue_put(&queue, &(int){2}, 0), 0);
    assert_int_equal(amble_queue_put(&queue, &(int){3}, 10), AMBLE_ERR_TIMEOUT); /* and is not in it */
    amble_scope_open(&scope);
    task = amble_spawn(&scope, put_when_room, NULL);
    assert_int_equal(amble_join(task, 10), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_queue_take(&queue, &item, 0), 0);
    assert_int_equal(item, 1);
    r = amble_join(task, AMBLE_FOREVER);
    assert_int_equal(amble_queue_count(&queue), 2);
    amble_scope_close(&scope);
    return r;
}

static void a_full_queue_makes_the_putter_wait(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(hold_back, NULL), 0);
}

static int take_one(void *out) { return amble_queue_take(&queue, out, AMBLE_FOREVER); }

/* A task that was woken for an item is cancelled before it runs: the item must reach someone. */
static int cancel_a_woken_taker(void *arg)
{
    amble_scope scope;
    amble_task *tasks[2];
    int items[2] = {0, 0}, r;

    (void)arg;
    amble_queue_init(&queue, storage, sizeof storage[0], 2);
    amble_scope_open(&scope);
    for (int i = 0; i < 2; i++)
        tasks[i] = amble_spawn(&scope, take_one, &items[i]);
    assert_int_equal(amble_sleep_ms(1), 0);
    assert_int_equal(amble_queue_put(&queue, &(int){8}, 0), 0);
    amble_cancel(tasks[0]);
    r = amble_sleep_ms(1);
    assert_int_equal(r, 0);
    assert_int_equal(items[0] + items[1], 8);
    assert_int_equal(amble_queue_count(&queue), 0);
    amble_scope_close(&scope);
    return r;
}

static void a_cancelled_taker_loses_no_item(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(cancel_a_woken_taker, NULL), 0);
}

/* It was woken for an item, but another task was faster and it was cancelled: it must not wait again. */
static int cancel_a_taker_that_lost_its_item(void *arg)
{
    amble_scope scope;
    amble_task *task;
    int item = 0, r;

    (void)arg;
    amble_queue_init(&queue, storage, sizeof storage[0], 2);
    amble_scope_open(&scope);
    task = amble_spawn(&scope, take_one, &item);
    assert_int_equal(amble_sleep_ms(1), 0);
    assert_int_equal(amble_queue_put(&queue, &(int){8}, 0), 0);
    assert_int_equal(amble_queue_take(&queue, &item, 0), 0);
    amble_cancel(task);
    r = amble_join(task, 1000);
    amble_scope_close(&scope);
    return r;
}

static void a_cancelled_taker_does_not_wait_again(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(cancel_a_taker_that_lost_its_item, NULL), AMBLE_ERR_CANCELLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_in_first_out),
        cmocka_unit_test(several_tasks_at_both_ends_lose_nothing),
        cmocka_unit_test(a_full_queue_makes_the_putter_wait),
        cmocka_unit_test(a_cancelled_taker_loses_no_item),
        cmocka_unit_test(a_cancelled_taker_does_not_wait_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
