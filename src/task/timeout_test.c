/* Tests of amble_timeout: bounded by time and by a link, nested, and modest: it converts only what it caused. */
#include "task/testing.h"

/* All this room knows of a connection: the list of what its loss ends comes first. */
typedef struct {
    amble__list losses;
} fake_connection;

static fake_connection fake;

static amble_connection *the_link(void) { return (amble_connection *)(void *)&fake; }

/* --- time --------------------------------------------------------------------------------------------------------- */
static int several_steps(void *results)
{
    int *r = results;

    r[0] = amble_sleep_ms(10);
    r[1] = amble_sleep_ms(10); /* ends after 5 */
    r[2] = amble_sleep_ms(10); /* at once */
    return r[2];
}

static int bound_steps(void *arg)
{
    amble_timeout timeout;
    int r[3], result;

    (void)arg;
    amble_timeout_begin(&timeout, NULL, 15);
    result = amble_timeout_end(&timeout, several_steps(r));
    assert_int_equal(r[0], 0);
    assert_int_equal(r[1], AMBLE_ERR_CANCELLED);
    assert_int_equal(r[2], AMBLE_ERR_CANCELLED);
    assert_int_equal(amble_now_us(), 15000);
    assert_int_equal(amble_sleep_ms(10), 0); /* over with the end */
    return result;
}

static void it_bounds_all_waits_together(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(bound_steps, NULL), AMBLE_ERR_TIMEOUT);
}

static int finish_in_time(void *arg)
{
    amble_timeout timeout;
    int r;

    (void)arg;
    amble_timeout_begin(&timeout, NULL, 15);
    r = amble_timeout_end(&timeout, amble_sleep_ms(10) + 4);
    assert_int_equal(amble_sleep_ms(10), 0);
    amble_timeout_begin(&timeout, NULL, AMBLE_FOREVER);
    assert_int_equal(amble_timeout_end(&timeout, amble_sleep_ms(10)), 0);
    return r;
}

static void other_results_pass(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(finish_in_time, NULL), 4);
}

static int fail_otherwise(void *arg)
{
    amble_timeout timeout;
    int r;

    (void)arg;
    amble_timeout_begin(&timeout, NULL, 15);
    r = amble_sleep_ms(20);
    assert_int_equal(r, AMBLE_ERR_CANCELLED);
    return amble_timeout_end(&timeout, AMBLE_ERR_NOT_FOUND);
}

static void an_error_of_the_code_inside_passes(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(fail_otherwise, NULL), AMBLE_ERR_NOT_FOUND);
}

/* --- nesting ------------------------------------------------------------------------------------------------------ */
static int nest(void *milliseconds)
{
    const int *ms = milliseconds; /* outer, inner, sleep */
    amble_timeout outer, inner;
    amble_event there = {0};
    int r;

    amble_event_set(&there);
    amble_timeout_begin(&outer, NULL, ms[0]);
    amble_timeout_begin(&inner, NULL, ms[1]);
    r = amble_timeout_end(&inner, amble_sleep_ms(ms[2]));
    trace(r == 0 ? "inner done" : r == AMBLE_ERR_TIMEOUT ? "inner over" : r == AMBLE_ERR_CANCELLED ? "passed" : "?");
    if (r == AMBLE_ERR_TIMEOUT)
        r = amble_event_wait(&there, AMBLE_FOREVER); /* it is there, but what is over stays over */
    r = amble_timeout_end(&outer, r);
    trace(r == 0 ? ", done" : r == AMBLE_ERR_TIMEOUT ? ", outer over" : "?");
    return r;
}

static void each_converts_only_its_own(void **state)
{
    (void)state;
    trace_clear();
    assert_int_equal(run_virtual(nest, (int[]){20, 10, 50}), 0);
    assert_string_equal(trace_text, "inner over, done");
    trace_clear();
    assert_int_equal(run_virtual(nest, (int[]){10, 20, 50}), AMBLE_ERR_TIMEOUT);
    assert_string_equal(trace_text, "passed, outer over");
    trace_clear();
    assert_int_equal(run_virtual(nest, (int[]){10, 10, 50}), AMBLE_ERR_TIMEOUT); /* both at once */
    assert_string_equal(trace_text, "inner over, outer over");
    trace_clear();
    assert_int_equal(run_virtual(nest, (int[]){20, 20, 5}), 0);
    assert_string_equal(trace_text, "inner done, done");
}

/* Cancelled after 5 ms; the time is over, too, before the code inside has cleaned up. */
static int be_cancelled_inside(void *arg)
{
    amble_timeout timeout;
    int r;

    (void)arg;
    amble_timeout_begin(&timeout, NULL, 10);
    r = amble_sleep_ms(50);
    assert_int_equal(amble_now_us(), 5000);
    amble__shield_begin();
    assert_int_equal(amble_sleep_ms(20), 0);
    amble__shield_end();
    return amble_timeout_end(&timeout, r);
}

static int cancel_inside(void *arg)
{
    amble_scope scope;
    amble_task *task;
    int r;

    (void)arg;
    amble_scope_open(&scope);
    task = amble_spawn(&scope, be_cancelled_inside, NULL);
    assert_int_equal(amble_sleep_ms(5), 0);
    amble_cancel(task);
    r = amble_join(task, AMBLE_FOREVER);
    amble_scope_close(&scope);
    return r;
}

static void the_cancellation_of_the_task_is_not_converted(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(cancel_inside, NULL), AMBLE_ERR_CANCELLED);
}

/* --- links -------------------------------------------------------------------------------------------------------- */
static int lose_after_5_ms(void *arg)
{
    const int r = amble_sleep_ms(5);

    (void)arg;
    amble__waiters_end(&fake.losses, AMBLE_ERR_DISCONNECTED);
    return r;
}

static int with_link(void *arg)
{
    amble_timeout outer, inner;
    amble_scope scope;
    int r;

    (void)arg;
    amble__list_init(&fake.losses);
    amble_scope_open(&scope);
    amble_spawn(&scope, lose_after_5_ms, NULL);
    amble_timeout_begin(&outer, the_link(), 100);
    amble_timeout_begin(&inner, NULL, 50);
    r = amble_sleep_ms(30);
    assert_int_equal(r, AMBLE_ERR_DISCONNECTED);
    assert_int_equal(amble_now_us(), 5000);
    assert_int_equal(amble_sleep_ms(30), AMBLE_ERR_DISCONNECTED); /* and every later one */
    r = amble_timeout_end(&inner, r);
    assert_int_equal(amble_sleep_ms(30), AMBLE_ERR_DISCONNECTED);
    r = amble_timeout_end(&outer, r);
    assert_true(amble__list_empty(&fake.losses));
    assert_int_equal(amble_sleep_ms(1), 0);
    amble_scope_close(&scope);
    return r;
}

static void the_loss_of_the_link_ends_every_wait(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(with_link, NULL), AMBLE_ERR_DISCONNECTED);
}

static int end_before_the_loss(void *arg)
{
    amble_timeout timeout;

    (void)arg;
    amble__list_init(&fake.losses);
    amble_timeout_begin(&timeout, the_link(), 100);
    assert_false(amble__list_empty(&fake.losses));
    assert_int_equal(amble_timeout_end(&timeout, amble_sleep_ms(1)), 0);
    assert_true(amble__list_empty(&fake.losses)); /* nothing refers to this stack any more */
    amble__waiters_end(&fake.losses, AMBLE_ERR_DISCONNECTED);
    return amble_sleep_ms(1);
}

static void the_end_lets_go_of_the_link(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(end_before_the_loss, NULL), 0);
}

static int begin_after_the_loss(void *arg)
{
    amble_timeout timeout;

    (void)arg;
    fake = (fake_connection){0};
    amble_timeout_begin(&timeout, the_link(), AMBLE_FOREVER);
    return amble_timeout_end(&timeout, amble_sleep_ms(AMBLE_FOREVER));
}

static void a_link_lost_before_is_over_at_once(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(begin_after_the_loss, NULL), AMBLE_ERR_DISCONNECTED);
}

static int begin_and_end(void *arg)
{
    amble_timeout timeout;

    (void)arg;
    amble_timeout_begin(&timeout, NULL, 100);
    (void)amble_timeout_end(&timeout, 0);
    return amble_sleep_ms(AMBLE_FOREVER);
}

static void the_end_stops_the_clock(void **state)
{
    amble_scope scope;

    (void)state;
    assert_int_equal(amble_scheduler_open(&(amble_run_options){.virtual_time = true}), 0);
    amble_scope_open(&scope);
    amble_spawn(&scope, begin_and_end, NULL);
    assert_int_equal(amble_step(), 1);
    assert_int_equal(amble_next_deadline(), -1); /* no timer is left */
    amble_scope_close(&scope);
    amble_scheduler_close();
}

static void outside_tasks_it_does_nothing(void **state)
{
    amble_timeout timeout;

    (void)state;
    amble_timeout_begin(&timeout, NULL, 10);
    assert_int_equal(amble_timeout_end(&timeout, 3), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_bounds_all_waits_together),
        cmocka_unit_test(other_results_pass),
        cmocka_unit_test(an_error_of_the_code_inside_passes),
        cmocka_unit_test(each_converts_only_its_own),
        cmocka_unit_test(the_cancellation_of_the_task_is_not_converted),
        cmocka_unit_test(the_loss_of_the_link_ends_every_wait),
        cmocka_unit_test(the_end_lets_go_of_the_link),
        cmocka_unit_test(a_link_lost_before_is_over_at_once),
        cmocka_unit_test(the_end_stops_the_clock),
        cmocka_unit_test(outside_tasks_it_does_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
