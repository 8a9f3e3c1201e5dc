/* Tests of tasks: order, results, cancellation, joining, the end of amble_run, threads, and many of them. */
#include <pthread.h>

#include "task/testing.h"

/* --- order -------------------------------------------------------------------------------------------------------- */
static int say_twice(void *word)
{
    int r;

    trace(word);
    r = amble_sleep_ms(0);
    trace(word);
    return r;
}

static int spawn_three(void *arg)
{
    amble_scope scope;
    int r;

    (void)arg;
    amble_scope_open(&scope);
    amble_spawn(&scope, say_twice, "a");
    amble_spawn(&scope, say_twice, "b");
    amble_spawn(&scope, say_twice, "c");
    trace("-"); /* nobody runs before the spawner waits */
    r = amble_scope_wait(&scope, AMBLE_FOREVER);
    amble_scope_close(&scope);
    return r;
}

static void ready_tasks_run_first_come_first_served(void **state)
{
    (void)state;
    trace_clear();
    assert_int_equal(run_virtual(spawn_three, NULL), 0);
    assert_string_equal(trace_text, "-abcabc");
}

static int say_at(void *word)
{
    const int r = amble_sleep_ms(10);

    trace(word);
    return r;
}

static int spawn_sleepers(void *arg)
{
    amble_scope scope;
    int r;

    (void)arg;
    amble_scope_open(&scope);
    amble_spawn(&scope, say_at, "a");
    amble_spawn(&scope, say_at, "b");
    amble_spawn(&scope, say_at, "c");
    r = amble_scope_wait(&scope, AMBLE_FOREVER);
    amble_scope_close(&scope);
    return r;
}

static void equal_deadlines_keep_their_order(void **state)
{
    (void)state;
    trace_clear();
    assert_int_equal(run_virtual(spawn_sleepers, NULL), 0);
    assert_string_equal(trace_text, "abc");
}

/* --- the end of amble_run ----------------------------------------------------------------------------------------- */
static int return_arg(void *arg) { return *(int *)arg; }

static void run_returns_the_result_of_its_first_task(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(return_arg, &(int){42}), 42);
    assert_int_equal(run_virtual(return_arg, &(int){AMBLE_ERR_NOT_FOUND}), AMBLE_ERR_NOT_FOUND);
    assert_null(amble_current_task());
}

static amble_scope outside; /* opened before amble_run, so the first task may end while its tasks run */
static int left_result;

static int wait_for_ever(void *arg)
{
    amble_event never = {0};

    (void)arg;
    left_result = amble_event_wait(&never, AMBLE_FOREVER);
    return left_result;
}

static int leave_one_running(void *arg)
{
    int r;

    (void)arg;
    amble_spawn(&outside, wait_for_ever, NULL);
    r = amble_sleep_ms(1);
    return r < 0 ? r : 7;
}

static void run_cancels_and_joins_the_others(void **state)
{
    (void)state;
    left_result = 0;
    amble_scope_open(&outside);
    assert_int_equal(run_virtual(leave_one_running, NULL), 7);
    assert_int_equal(left_result, AMBLE_ERR_CANCELLED);
    amble_scope_close(&outside);
}

static int start_another_when_cancelled(void *arg)
{
    amble_event never = {0};
    const int r = amble_event_wait(&never, AMBLE_FOREVER);

    (void)arg;
    amble_spawn(&outside, wait_for_ever, NULL);
    return r;
}

static int leave_one_that_starts_another(void *arg)
{
    (void)arg;
    amble_spawn(&outside, start_another_when_cancelled, NULL);
    return amble_sleep_ms(1);
}

static void a_task_started_while_the_scheduler_closes_is_cancelled(void **state)
{
    (void)state;
    left_result = 0;
    amble_scope_open(&outside);
    assert_int_equal(run_virtual(leave_one_that_starts_another, NULL), 0);
    assert_int_equal(left_result, AMBLE_ERR_CANCELLED);
    amble_scope_close(&outside);
}

static int run_inside(void *arg)
{
    assert_int_equal(amble_run(NULL, return_arg, arg), AMBLE_ERR_BUSY);
    assert_int_equal(amble_scheduler_open(NULL), AMBLE_ERR_BUSY);
    assert_int_equal(amble_step(), 0);
    amble_scheduler_close(); /* refused: it would pull the stack from under this task */
    return amble_sleep_ms(1);
}

static void a_scheduler_inside_a_task_is_refused(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(run_inside, &(int){1}), 0);
}

/* --- cancellation ------------------------------------------------------------------------------------------------- */
static int cancelled_results[3];

static int wait_three_times(void *arg)
{
    amble_event set = {0};

    (void)arg;
    amble_event_set(&set);
    cancelled_results[0] = amble_sleep_ms(1000);
    cancelled_results[1] = amble_event_wait(&set, AMBLE_FOREVER); /* although it is set */
    cancelled_results[2] = amble_sleep_ms(0);
    return 5;
}

static int cancel_one(void *arg)
{
    amble_scope scope;
    amble_task *task;
    int r;

    (void)arg;
    amble_scope_open(&scope);
    task = amble_spawn(&scope, wait_three_times, NULL);
    r = amble_sleep_ms(10);
    amble_cancel(task);
    amble_cancel(task);
    assert_int_equal(amble_join(task, AMBLE_FOREVER), 5);
    assert_int_equal(amble_now_us(), 10000); /* nothing waited once it was cancelled */
    amble_cancel(task);                      /* ended */
    amble_cancel(NULL);
    amble_scope_close(&scope);
    return r;
}

static void cancelling_is_sticky(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(cancel_one, NULL), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(cancelled_results[i], AMBLE_ERR_CANCELLED);
}

static int cancel_before_it_ran(void *arg)
{
    amble_scope scope;
    amble_task *task;

    (void)arg;
    amble_scope_open(&scope);
    task = amble_spawn(&scope, wait_three_times, NULL);
    amble_cancel(task);
    assert_int_equal(amble_join(task, AMBLE_FOREVER), 5);
    amble_scope_close(&scope);
    return 0;
}

static void a_task_cancelled_before_it_ran_fails_at_its_first_wait(void **state)
{
    (void)state;
    cancelled_results[0] = 0;
    assert_int_equal(run_virtual(cancel_before_it_ran, NULL), 0);
    assert_int_equal(cancelled_results[0], AMBLE_ERR_CANCELLED);
}

/* --- joining ------------------------------------------------------------------------------------------------------ */
static int sleep_then_fail(void *arg)
{
    (void)arg;
    return amble_sleep_ms(100) < 0 ? 0 : AMBLE_ERR_IO;
}

static int join_in_all_ways(void *arg)
{
    amble_scope scope;
    amble_task *task;

    (void)arg;
    amble_scope_open(&scope);
    task = amble_spawn_named(&scope, "sleeper", sleep_then_fail, NULL);
    assert_string_equal(amble_task_name(task), "sleeper");
    assert_string_equal(amble_task_name(amble_current_task()), "main");
    assert_int_equal(amble_join(task, 0), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_join(task, 50), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_join(task, AMBLE_FOREVER), AMBLE_ERR_IO);
    assert_int_equal(amble_join(task, 0), AMBLE_ERR_IO); /* ended, and still there to be asked */
    assert_int_equal(amble_join(NULL, 0), AMBLE_ERR_ARGUMENT);
    amble_scope_close(&scope);
    return 0;
}

static void join_waits_for_the_result(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(join_in_all_ways, NULL), 0);
}

static void without_a_scheduler_nothing_starts(void **state)
{
    amble_scope scope;

    (void)state;
    amble_scope_open(&scope);
    assert_null(amble_spawn(&scope, wait_for_ever, NULL));
    assert_int_equal(amble_scope_wait(&scope, AMBLE_FOREVER), AMBLE_ERR_NO_TASK);
    assert_int_equal(amble_sleep_ms(0), AMBLE_ERR_NO_TASK);
    assert_int_equal(amble_now_us(), 0);
    assert_int_equal(amble_next_deadline(), -1);
    assert_int_equal(amble_fd(), -1);
    assert_int_equal(amble_step(), 0);
    amble_scope_close(&scope);
    amble_scheduler_close();
}

/* --- threads ------------------------------------------------------------------------------------------------------ */
static int sleep_often(void *arg)
{
    unsigned rounds = *(unsigned *)arg;

    while (rounds--)
        if (amble_sleep_ms(1) < 0)
            return -1;
    return (int)(amble_now_us() / 1000);
}

static void *run_on_thread(void *arg)
{
    static _Thread_local int result;

    result = run_virtual(sleep_often, arg);
    *(unsigned *)arg = (unsigned)result;
    return NULL;
}

static void threads_have_a_scheduler_each(void **state)
{
    unsigned rounds[2] = {2000, 3000};
    pthread_t threads[2];

    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_on_thread, &rounds[i]), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(rounds[0], 2000);
    assert_int_equal(rounds[1], 3000);
}

/* --- many --------------------------------------------------------------------------------------------------------- */
static unsigned alive, most_alive;

static int live_a_while(void *arg)
{
    int r;

    if (++alive > most_alive)
        most_alive = alive;
    r = amble_sleep_ms(1 + (int)((uintptr_t)arg % 100));
    alive--;
    return r;
}

static int spawn_many(void *arg)
{
    const unsigned count = test_tasks();
    amble_scope scope;
    int r;

    (void)arg;
    amble_scope_open(&scope);
    for (uintptr_t i = 0; i < count; i++)
        assert_non_null(amble_spawn(&scope, live_a_while, (void *)i));
    r = amble_scope_wait(&scope, AMBLE_FOREVER);
    amble_scope_close(&scope);
    return r;
}

static void many_tasks_live_at_once(void **state)
{
    (void)state;
    alive = most_alive = 0;
    assert_int_equal(run_virtual(spawn_many, NULL), 0);
    assert_int_equal(most_alive, test_tasks());
    assert_int_equal(alive, 0);
}

static unsigned count_mappings(void)
{
    FILE *file = fopen("/proc/self/maps", "r");
    unsigned lines = 0;
    int c;

    if (!file)
        return 0;
    while ((c = getc(file)) != EOF)
        lines += c == '\n';
    (void)fclose(file);
    return lines;
}

static int spawn_one_after_the_other(void *arg)
{
    unsigned before = 0;

    (void)arg;
    for (unsigned i = 0; i < 10 * test_tasks(); i++) {
        amble_scope scope;

        amble_scope_open(&scope);
        amble_spawn(&scope, return_arg, &(int){0});
        assert_int_equal(amble_scope_wait(&scope, AMBLE_FOREVER), 0);
        amble_scope_close(&scope);
        if (i == 10)
            before = count_mappings();
    }
    /* The allocator may map now and then for its own reasons; one stack per spawn would be 100,000 mappings. */
    assert_in_range(count_mappings(), 0, before + 20);
    return 0;
}

static void stacks_are_recycled(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(spawn_one_after_the_other, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ready_tasks_run_first_come_first_served),
        cmocka_unit_test(equal_deadlines_keep_their_order),
        cmocka_unit_test(run_returns_the_result_of_its_first_task),
        cmocka_unit_test(run_cancels_and_joins_the_others),
        cmocka_unit_test(a_task_started_while_the_scheduler_closes_is_cancelled),
        cmocka_unit_test(a_scheduler_inside_a_task_is_refused),
        cmocka_unit_test(cancelling_is_sticky),
        cmocka_unit_test(a_task_cancelled_before_it_ran_fails_at_its_first_wait),
        cmocka_unit_test(join_waits_for_the_result),
        cmocka_unit_test(without_a_scheduler_nothing_starts),
        cmocka_unit_test(threads_have_a_scheduler_each),
        cmocka_unit_test(many_tasks_live_at_once),
        cmocka_unit_test(stacks_are_recycled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
