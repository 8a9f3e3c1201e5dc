/* Tests of waits: they end exactly once, fail politely, and respect cancellation and shields. */
#include "task/testing.h"

/* --- trying once -------------------------------------------------------------------------------------------------- */
static int try_everything_once(void *arg)
{
    amble_event event = {0};
    amble_queue queue;
    int storage[1], item = 5;

    (void)arg;
    amble_queue_init(&queue, storage, sizeof storage[0], 1);
    assert_int_equal(amble_event_wait(&event, 0), AMBLE_ERR_TIMEOUT);
    amble_event_set(&event);
    assert_int_equal(amble_event_wait(&event, 0), 0);
    assert_int_equal(amble_queue_take(&queue, &item, 0), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_queue_put(&queue, &item, 0), 0);
    assert_int_equal(amble_queue_put(&queue, &item, 0), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_queue_take(&queue, &item, 0), 0);
    assert_int_equal(amble_now_us(), 0);
    return 0;
}

static void timeout_0_tries_once(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(try_everything_once, NULL), 0);
}

/* --- failing at once ---------------------------------------------------------------------------------------------- */
static unsigned turns;

static int count_turns(void *arg)
{
    (void)arg;
    while (amble_sleep_ms(0) == 0)
        turns++;
    return 0;
}

static amble_event event;
static amble_queue empty_queue, full_queue;
static amble_scope *busy_scope;
static amble_task *busy_task;

static int fail_event(int ms) { return amble_event_wait(&event, ms); }
static int fail_take(int ms) { return amble_queue_take(&empty_queue, &(int){0}, ms); }
static int fail_put(int ms) { return amble_queue_put(&full_queue, &(int){0}, ms); }
static int fail_join(int ms) { return amble_join(busy_task, ms); }
static int fail_join_nobody(int ms) { return amble_join(NULL, ms); }
static int fail_scope(int ms) { return amble_scope_wait(busy_scope, ms); }
static int fail_bad_fd(int ms) { return amble_wait_fd(-1, false, ms); }
static int fail_too_many(int ms) { return amble_wait_first(NULL, AMBLE_SOURCES_MAX + 1, ms); }
static int fail_first(int ms)
{
    const amble_source sources[] = {amble_on_event(&event), amble_on_queue(&empty_queue), amble_on_task(busy_task)};

    return amble_wait_first(sources, 3, ms);
}

static int (*const failing[])(int) = {fail_event,       fail_take,  fail_put,    fail_join,    fail_first,
                                      fail_join_nobody, fail_scope, fail_bad_fd, fail_too_many};

static int fail_in_all_ways(void *timeout_ms)
{
    int r = 0;

    for (size_t i = 0; i < sizeof failing / sizeof failing[0]; i++) {
        const unsigned before = turns;

        r = failing[i](*(int *)timeout_ms);
        assert_true(r < 0);
        if (turns != before + 1)
            print_error("function %zu let the other task run %u times\n", i, turns - before);
        assert_int_equal(turns, before + 1);
    }
    return r;
}

static int fail_beside_another(void *arg)
{
    static int item;
    amble_scope scope, failers;
    amble_task *failer;
    int r;

    (void)arg;
    event = (amble_event){0};
    amble_queue_init(&empty_queue, &item, sizeof item, 1);
    amble_queue_init(&full_queue, &item, sizeof item, 0);
    amble_scope_open(&scope);
    amble_scope_open(&failers);
    busy_scope = &scope;
    busy_task = amble_spawn(&scope, count_turns, NULL);
    assert_int_equal(amble_sleep_ms(0), 0);
    (void)amble_spawn(&failers, fail_in_all_ways, &(int){0});
    r = amble_scope_wait(&failers, AMBLE_FOREVER);
    amble_scope_close(&failers);
    assert_int_equal(r, AMBLE_ERR_ARGUMENT);
    amble_scope_open(&failers);
    failer = amble_spawn(&failers, fail_in_all_ways, &(int){AMBLE_FOREVER});
    amble_cancel(failer);
    assert_int_equal(amble_join(failer, AMBLE_FOREVER), AMBLE_ERR_CANCELLED);
    amble_scope_close(&failers);
    amble_scope_close(&scope);
    return 0;
}

static void a_wait_that_fails_at_once_lets_every_ready_task_run_once(void **state)
{
    (void)state;
    turns = 0;
    assert_int_equal(run_virtual(fail_beside_another, NULL), 0);
}

static int fail_often(void *count)
{
    for (unsigned i = 0; i < *(unsigned *)count; i++)
        (void)!amble_event_wait(&event, 0);
    return 0;
}

static int spawn_stubborn(void *count)
{
    amble_scope scope;
    int r;

    amble_scope_open(&scope);
    amble_spawn_named(&scope, "stubborn", fail_often, count);
    r = amble_scope_wait(&scope, AMBLE_FOREVER);
    amble_scope_close(&scope);
    return r;
}

static void a_thousand_failures_in_a_row_are_logged_by_name(void **state)
{
    (void)state;
    event = (amble_event){0};
    watch_log(AMBLE_LOG_WARNING);
    assert_int_equal(run_virtual(spawn_stubborn, &(unsigned){999}), 0);
    assert_int_equal(log_lines, 0);
    assert_int_equal(run_virtual(spawn_stubborn, &(unsigned){5000}), 0);
    unwatch_log();
    assert_int_equal(log_lines, 1); /* once is enough */
    assert_non_null(strstr(last_log_line, "task stubborn"));
    assert_non_null(strstr(last_log_line, "1000 waits"));
}

static int fail_with_pauses(void *ms)
{
    for (int i = 0; i < 2000; i++)
        if (amble_event_wait(&event, 0) != AMBLE_ERR_TIMEOUT || amble_sleep_ms(*(int *)ms) < 0)
            return -1;
    return 0;
}

static void a_real_wait_starts_the_count_again(void **state)
{
    (void)state;
    event = (amble_event){0};
    watch_log(AMBLE_LOG_WARNING);
    assert_int_equal(run_virtual(fail_with_pauses, &(int){0}), 0);
    assert_int_equal(run_virtual(fail_with_pauses, &(int){1}), 0);
    unwatch_log();
    assert_int_equal(log_lines, 0);
}

/* --- exactly once ------------------------------------------------------------------------------------------------- */
static int wait_10_ms(void *arg)
{
    (void)arg;
    return amble_event_wait(&event, 10);
}

static void set_event(amble__timer *timer)
{
    (void)timer;
    amble_event_set(&event);
}

/* The event is set at the very instant at which the timeout is over, before it or after it. */
static int meet_at_the_deadline(void *signal_first)
{
    amble__timer timer = {.fire = set_event};
    amble_scope scope;
    amble_task *task;
    int r;

    event = (amble_event){0};
    amble_scope_open(&scope);
    task = amble_spawn(&scope, wait_10_ms, NULL);
    if (*(bool *)signal_first)
        amble__timer_start(&timer, 10000);
    assert_int_equal(amble_sleep_ms(0), 0); /* the task waits now, its timer runs */
    if (!*(bool *)signal_first)
        amble__timer_start(&timer, 10000);
    r = amble_join(task, AMBLE_FOREVER);
    assert_int_equal(amble_now_us(), 10000);
    assert_int_equal(amble_event_wait(&event, 0), r == 0 ? AMBLE_ERR_TIMEOUT : 0); /* taken, or not lost */
    amble_scope_close(&scope);
    return r;
}

static void timeout_and_signal_at_one_instant_end_a_wait_once(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(meet_at_the_deadline, &(bool){true}), 0);
    assert_int_equal(run_virtual(meet_at_the_deadline, &(bool){false}), AMBLE_ERR_TIMEOUT);
}

static int second_result;

static int wait_twice(void *arg)
{
    const int r = amble_event_wait(&event, AMBLE_FOREVER);

    (void)arg;
    second_result = amble_event_wait(&event, AMBLE_FOREVER);
    return r;
}

static int cancel_and_signal(void *cancel_first)
{
    amble_scope scope;
    amble_task *task;
    int r;

    event = (amble_event){0};
    amble_scope_open(&scope);
    task = amble_spawn(&scope, wait_twice, NULL);
    assert_int_equal(amble_sleep_ms(0), 0);
    if (*(bool *)cancel_first)
        amble_cancel(task);
    amble_event_set(&event);
    if (!*(bool *)cancel_first)
        amble_cancel(task);
    r = amble_join(task, AMBLE_FOREVER);
    assert_int_equal(second_result, AMBLE_ERR_CANCELLED);
    assert_int_equal(amble_event_wait(&event, 0), r == 0 ? AMBLE_ERR_TIMEOUT : 0);
    amble_scope_close(&scope);
    return r;
}

static void cancel_and_signal_at_one_instant_end_a_wait_once(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(cancel_and_signal, &(bool){true}), AMBLE_ERR_CANCELLED);
    assert_int_equal(run_virtual(cancel_and_signal, &(bool){false}), 0);
}

static amble__list first_list, second_list;
static amble__wait *the_wait;

static int wait_on_two_lists(void *arg)
{
    amble__wait wait;
    amble__waiter waiters[2];

    (void)arg;
    the_wait = &wait;
    amble__wait_init(&wait);
    amble__wait_add(&wait, &waiters[0], &first_list);
    amble__wait_add(&wait, &waiters[1], &second_list);
    return amble__wait_run(&wait, 50);
}

static int end_three_times(void *arg)
{
    amble_scope scope;
    amble_task *task;
    int r;

    (void)arg;
    amble__list_init(&first_list);
    amble__list_init(&second_list);
    amble_scope_open(&scope);
    task = amble_spawn(&scope, wait_on_two_lists, NULL);
    assert_int_equal(amble_sleep_ms(10), 0);
    assert_true(amble__waiters_end_first(&second_list, AMBLE_ERR_DISCONNECTED));
    assert_false(amble__waiters_end_first(&first_list, 0)); /* unlinked from both */
    amble__wait_end(the_wait, 7);
    r = amble_join(task, AMBLE_FOREVER);
    assert_int_equal(amble_sleep_ms(100), 0); /* its timer is gone too */
    amble_scope_close(&scope);
    return r;
}

static void the_first_end_counts_and_unlinks_all(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(end_three_times, NULL), AMBLE_ERR_DISCONNECTED);
}

static unsigned times_ended;

static void count_end(amble__wait *wait)
{
    (void)wait;
    times_ended++;
}

/* Waits once, and is ready then while what the wait was is something else. */
static int reuse_the_wait(void *arg)
{
    amble__wait wait;
    amble__waiter waiter;

    (void)arg;
    amble__wait_begin(&wait, &waiter, &first_list);
    if (amble__wait_run(&wait, AMBLE_FOREVER) != 7)
        return -99;
    amble__wait_watch(&wait, count_end);
    return amble_sleep_ms(0);
}

static int cancel_when_ready_again(void *arg)
{
    amble_scope scope;
    amble_task *task;
    int r;

    (void)arg;
    amble__list_init(&first_list);
    amble_scope_open(&scope);
    task = amble_spawn(&scope, reuse_the_wait, NULL);
    assert_int_equal(amble_sleep_ms(0), 0);
    assert_true(amble__waiters_end_first(&first_list, 7));
    assert_int_equal(amble_sleep_ms(0), 0);
    amble_cancel(task);
    r = amble_join(task, AMBLE_FOREVER);
    amble_scope_close(&scope);
    return r;
}

static void a_cancelled_task_that_does_not_wait_ends_no_wait(void **state)
{
    (void)state;
    times_ended = 0;
    assert_int_equal(run_virtual(cancel_when_ready_again, NULL), AMBLE_ERR_CANCELLED);
    assert_int_equal(times_ended, 0);
}

static int end_before_the_run(void *arg)
{
    amble__wait wait;
    amble__waiter early, late;

    (void)arg;
    amble__list_init(&first_list);
    amble__wait_init(&wait);
    amble__wait_add(&wait, &early, &first_list);
    amble__waiters_end(&first_list, 3);
    amble__wait_add(&wait, &late, &first_list); /* must not be linked: nothing would take it out again */
    assert_true(amble__list_empty(&first_list));
    return amble__wait_run(&wait, AMBLE_FOREVER);
}

static void a_wait_may_end_before_it_is_run(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(end_before_the_run, NULL), 3);
}

static void outside_tasks_a_wait_fails(void **state)
{
    amble__list list;

    (void)state;
    amble__list_init(&list);
    assert_int_equal(amble_scheduler_open(&(amble_run_options){.virtual_time = true}), 0);
    assert_int_equal(amble_event_wait(&event, AMBLE_FOREVER), AMBLE_ERR_NO_TASK);
    assert_int_equal(amble_wait_fd(0, false, AMBLE_FOREVER), AMBLE_ERR_NO_TASK);
    assert_int_equal(amble__wait_on(&list, AMBLE_FOREVER), AMBLE_ERR_NO_TASK);
    assert_true(amble__list_empty(&list));
    amble_scheduler_close();
}

/* --- shields ------------------------------------------------------------------------------------------------------ */
static int close_something(void *arg)
{
    int r[4];

    (void)arg;
    amble__shield_begin();
    amble__shield_begin();
    r[0] = amble_sleep_ms(10); /* cancelled under way */
    amble__shield_end();
    r[1] = amble_event_wait(&event, 10);
    r[2] = amble_sleep_ms(10);
    amble__shield_end();
    r[3] = amble_sleep_ms(10);
    assert_int_equal(amble_now_us(), 30000);
    return r[0] == 0 && r[1] == AMBLE_ERR_TIMEOUT && r[2] == 0 ? r[3] : -99;
}

static int cancel_what_is_shielded(void *arg)
{
    amble_scope scope;
    amble_task *task;
    int r;

    (void)arg;
    event = (amble_event){0};
    amble_scope_open(&scope);
    task = amble_spawn(&scope, close_something, NULL);
    assert_int_equal(amble_sleep_ms(5), 0);
    amble_cancel(task);
    r = amble_join(task, AMBLE_FOREVER);
    amble_scope_close(&scope);
    return r;
}

static void shielded_waits_ignore_cancel_up_to_their_own_deadline(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(cancel_what_is_shielded, NULL), AMBLE_ERR_CANCELLED);
}

static int time_out_what_is_shielded(void *arg)
{
    amble_timeout timeout;
    int r;

    (void)arg;
    amble_timeout_begin(&timeout, NULL, 5);
    amble__shield_begin();
    r = amble_sleep_ms(20);
    amble__shield_end();
    assert_int_equal(r, 0);
    assert_int_equal(amble_now_us(), 20000);
    return amble_timeout_end(&timeout, amble_sleep_ms(20));
}

static void shielded_waits_ignore_amble_timeout(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(time_out_what_is_shielded, NULL), AMBLE_ERR_TIMEOUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timeout_0_tries_once),
        cmocka_unit_test(a_wait_that_fails_at_once_lets_every_ready_task_run_once),
        cmocka_unit_test(a_thousand_failures_in_a_row_are_logged_by_name),
        cmocka_unit_test(a_real_wait_starts_the_count_again),
        cmocka_unit_test(timeout_and_signal_at_one_instant_end_a_wait_once),
        cmocka_unit_test(cancel_and_signal_at_one_instant_end_a_wait_once),
        cmocka_unit_test(the_first_end_counts_and_unlinks_all),
        cmocka_unit_test(a_cancelled_task_that_does_not_wait_ends_no_wait),
        cmocka_unit_test(a_wait_may_end_before_it_is_run),
        cmocka_unit_test(outside_tasks_a_wait_fails),
        cmocka_unit_test(shielded_waits_ignore_cancel_up_to_their_own_deadline),
        cmocka_unit_test(shielded_waits_ignore_amble_timeout),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
