/* Tests of scopes: all ended, the first error, closing, and the task that forgot to close one. */
#include "task/testing.h"

static int end_with(void *arg) { return *(int *)arg; }

static int sleep_and_end_with(void *arg)
{
    const int r = amble_sleep_ms(10);

    return r < 0 ? r : *(int *)arg;
}

static int seen_by_the_other;

static int wait_for_ever(void *arg)
{
    amble_event never = {0};

    (void)arg;
    seen_by_the_other = amble_event_wait(&never, AMBLE_FOREVER);
    return seen_by_the_other;
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */
static int wait_for_good_ones(void *arg)
{
    amble_scope scope;
    int r;

    (void)arg;
    amble_scope_open(&scope);
    assert_int_equal(amble_scope_wait(&scope, AMBLE_FOREVER), 0); /* nobody in it */
    amble_spawn(&scope, end_with, &(int){0});
    amble_spawn(&scope, sleep_and_end_with, &(int){3}); /* a count is no error */
    assert_int_equal(amble_scope_wait(&scope, 0), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_scope_wait(&scope, 5), AMBLE_ERR_TIMEOUT);
    r = amble_scope_wait(&scope, AMBLE_FOREVER);
    assert_int_equal(amble_now_us(), 10000);
    amble_scope_close(&scope);
    return r;
}

static void wait_returns_when_all_have_ended(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(wait_for_good_ones, NULL), 0);
}

static int fail_among_others(void *arg)
{
    amble_scope scope;
    int r;

    (void)arg;
    amble_scope_open(&scope);
    amble_spawn(&scope, wait_for_ever, NULL);
    amble_spawn(&scope, sleep_and_end_with, &(int){AMBLE_ERR_IO});
    r = amble_scope_wait(&scope, AMBLE_FOREVER);
    assert_int_equal(seen_by_the_other, AMBLE_ERR_CANCELLED);
    assert_int_equal(amble_scope_wait(&scope, AMBLE_FOREVER), r); /* it stays */
    amble_scope_close(&scope);
    return r;
}

static void the_first_error_cancels_the_rest_and_is_returned(void **state)
{
    (void)state;
    seen_by_the_other = 0;
    assert_int_equal(run_virtual(fail_among_others, NULL), AMBLE_ERR_IO);
}

static int fail_when_cancelled(void *arg)
{
    (void)wait_for_ever(NULL);
    return *(int *)arg;
}

static int fail_one_after_the_other(void *arg)
{
    amble_scope scope;
    int r;

    (void)arg;
    amble_scope_open(&scope);
    amble_spawn(&scope, fail_when_cancelled, &(int){AMBLE_ERR_STALE});
    amble_spawn(&scope, sleep_and_end_with, &(int){AMBLE_ERR_IO});
    r = amble_scope_wait(&scope, AMBLE_FOREVER);
    amble_scope_close(&scope);
    return r;
}

static void later_errors_do_not_replace_the_first(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(fail_one_after_the_other, NULL), AMBLE_ERR_IO);
}

static int cancel_one_of_two(void *arg)
{
    amble_scope scope;
    int r;

    (void)arg;
    amble_scope_open(&scope);
    amble_cancel(amble_spawn(&scope, wait_for_ever, NULL));
    amble_spawn(&scope, sleep_and_end_with, &(int){0});
    r = amble_scope_wait(&scope, AMBLE_FOREVER);
    assert_int_equal(amble_now_us(), 10000);
    amble_scope_close(&scope);
    return r;
}

static void a_task_cancelled_on_purpose_is_no_error(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(cancel_one_of_two, NULL), 0);
}

static int fail_before_the_wait(void *arg)
{
    amble_scope scope;
    int r;

    (void)arg;
    amble_scope_open(&scope);
    amble_spawn(&scope, wait_for_ever, NULL);
    amble_spawn(&scope, end_with, &(int){AMBLE_ERR_NOT_FOUND});
    r = amble_sleep_ms(5);
    assert_int_equal(r, 0);
    assert_int_equal(seen_by_the_other, 0); /* nobody asked yet */
    r = amble_scope_wait(&scope, AMBLE_FOREVER);
    assert_int_equal(seen_by_the_other, AMBLE_ERR_CANCELLED);
    amble_scope_close(&scope);
    return r;
}

static void an_error_before_the_wait_counts_too(void **state)
{
    (void)state;
    seen_by_the_other = 0;
    assert_int_equal(run_virtual(fail_before_the_wait, NULL), AMBLE_ERR_NOT_FOUND);
}

static amble_scope *shared;
static amble_task *first_in_shared;

static int spawn_after_join(void *arg)
{
    (void)amble_join(first_in_shared, AMBLE_FOREVER);
    amble_spawn(shared, sleep_and_end_with, arg);
    return 0;
}

static int wait_while_another_spawns(void *arg)
{
    amble_scope scope, helpers;
    int r;

    (void)arg;
    amble_scope_open(&helpers);
    amble_scope_open(&scope);
    shared = &scope;
    first_in_shared = amble_spawn(&scope, sleep_and_end_with, &(int){0});
    amble_spawn(&helpers, spawn_after_join, &(int){AMBLE_ERR_STALE});
    r = amble_scope_wait(&scope, AMBLE_FOREVER);
    assert_int_equal(amble_now_us(), 20000);
    amble_scope_close(&scope);
    amble_scope_close(&helpers);
    return r;
}

static void a_task_added_at_the_last_moment_is_waited_for(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(wait_while_another_spawns, NULL), AMBLE_ERR_STALE);
}

/* --- closing ------------------------------------------------------------------------------------------------------ */
static int end_slowly(void *arg)
{
    (void)arg;
    (void)wait_for_ever(NULL);
    amble__shield_begin();
    (void)!amble_sleep_ms(30);
    amble__shield_end();
    trace("ended");
    return 0;
}

static int close_early(void *arg)
{
    amble_scope scope;
    int r;

    (void)arg;
    amble_scope_open(&scope);
    amble_spawn(&scope, end_slowly, NULL);
    r = amble_sleep_ms(1);
    amble_scope_close(&scope);
    trace(" closed");
    assert_int_equal(amble_now_us(), 31000);
    amble_scope_close(NULL);
    return r;
}

static void close_cancels_and_joins(void **state)
{
    (void)state;
    trace_clear();
    seen_by_the_other = 0;
    assert_int_equal(run_virtual(close_early, NULL), 0);
    assert_int_equal(seen_by_the_other, AMBLE_ERR_CANCELLED);
    assert_string_equal(trace_text, "ended closed");
}

static int close_although_cancelled(void *arg)
{
    amble_scope scope;
    int r;

    (void)arg;
    amble_scope_open(&scope);
    amble_spawn(&scope, end_slowly, NULL);
    r = amble_sleep_ms(AMBLE_FOREVER);
    amble_scope_close(&scope);
    trace(" closed");
    return r;
}

static int cancel_the_owner(void *arg)
{
    amble_scope scope;
    amble_task *owner;
    int r;

    (void)arg;
    amble_scope_open(&scope);
    owner = amble_spawn(&scope, close_although_cancelled, NULL);
    r = amble_sleep_ms(1);
    amble_cancel(owner);
    assert_int_equal(amble_join(owner, AMBLE_FOREVER), AMBLE_ERR_CANCELLED);
    assert_int_equal(amble_now_us(), 31000);
    amble_scope_close(&scope);
    return r;
}

static void close_is_shielded(void **state)
{
    (void)state;
    trace_clear();
    assert_int_equal(run_virtual(cancel_the_owner, NULL), 0);
    assert_string_equal(trace_text, "ended closed");
}

static int spawn_sibling_when_cancelled(void *arg)
{
    amble_scope *scope = arg;
    const int r = wait_for_ever(NULL);

    amble_spawn(scope, wait_for_ever, NULL);
    return r;
}

static int close_while_siblings_come(void *arg)
{
    amble_scope scope;
    int r;

    (void)arg;
    amble_scope_open(&scope);
    amble_spawn(&scope, spawn_sibling_when_cancelled, &scope);
    r = amble_sleep_ms(1);
    amble_scope_close(&scope);
    return r;
}

static void a_task_started_in_a_closing_scope_is_cancelled(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(close_while_siblings_come, NULL), 0);
}

static void scopes_work_outside_tasks(void **state)
{
    amble_scope scope;

    (void)state;
    trace_clear();
    assert_int_equal(amble_scheduler_open(&(amble_run_options){.virtual_time = true}), 0);
    amble_scope_open(&scope);
    amble_spawn(&scope, end_slowly, NULL);
    amble_spawn(&scope, end_slowly, NULL);
    assert_int_equal(amble_step(), 2);
    amble_scope_close(&scope); /* runs the scheduler until both have ended */
    assert_string_equal(trace_text, "endedended");
    amble_scheduler_close();
}

/* --- programming errors ------------------------------------------------------------------------------------------- */
static int leave_a_scope_open(void *arg)
{
    amble_scope scope;

    (void)arg;
    amble_scope_open(&scope);
    return 0;
}

static void run_careless(void) { (void)run_virtual(leave_a_scope_open, NULL); }

static int forget_a_timeout(void *arg)
{
    amble_timeout timeout;

    (void)arg;
    amble_timeout_begin(&timeout, NULL, 10);
    return 0;
}

static void run_forgetful(void) { (void)run_virtual(forget_a_timeout, NULL); }

static void a_task_that_ends_with_an_open_scope_stops_the_program(void **state)
{
    char said[8192];
    int status;

    (void)state;
    status = in_child(run_careless, said, sizeof said);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(said, "task main ended with an open scope"));
}

static void a_task_that_ends_inside_a_timeout_stops_the_program(void **state)
{
    char said[8192];
    int status;

    (void)state;
    status = in_child(run_forgetful, said, sizeof said);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(said, "task main ended inside an amble_timeout"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wait_returns_when_all_have_ended),
        cmocka_unit_test(the_first_error_cancels_the_rest_and_is_returned),
        cmocka_unit_test(later_errors_do_not_replace_the_first),
        cmocka_unit_test(a_task_cancelled_on_purpose_is_no_error),
        cmocka_unit_test(an_error_before_the_wait_counts_too),
        cmocka_unit_test(a_task_added_at_the_last_moment_is_waited_for),
        cmocka_unit_test(close_cancels_and_joins),
        cmocka_unit_test(close_is_shielded),
        cmocka_unit_test(a_task_started_in_a_closing_scope_is_cancelled),
        cmocka_unit_test(scopes_work_outside_tasks),
        cmocka_unit_test(a_task_that_ends_with_an_open_scope_stops_the_program),
        cmocka_unit_test(a_task_that_ends_inside_a_timeout_stops_the_program),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
