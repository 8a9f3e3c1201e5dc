/* Tests of the loop on real time: timeouts, wakes from this thread and another, watched descriptors. Waits are bounded
 * from below exactly and from above generously, since other programs use the machine too. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "port/loop.h"

#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

#include "amble/error.h"
#include "port/system.h"

/* So long another program may have the machine, at any moment. */
enum { HELD_UP_MOST_US = 30000000, HELD_UP_MOST_S = 30 };

static amble__loop *loop;

/* Stands in for libuv's and holds the process up first, as a busy machine does at the worst moment. */
static unsigned held_up_us;

int uv_run(uv_loop_t *uv, uv_run_mode mode)
{
    static int (*real)(uv_loop_t * uv, uv_run_mode mode);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "uv_run");
    if (held_up_us)
        usleep(held_up_us);
    return real(uv, mode);
}

static int open_loop(void **state)
{
    (void)state;
    return amble__loop_open(&loop);
}

static int close_loop(void **state)
{
    (void)state;
    amble__loop_close(loop);
    return 0;
}

static uint64_t waited(int64_t timeout_us)
{
    const uint64_t start = amble__port_now_us();

    amble__loop_wait(loop, timeout_us);
    return amble__port_now_us() - start;
}

static void a_wait_takes_its_time(void **state)
{
    uint64_t total = 0;

    (void)state;
    for (int i = 0; total < 20000 && i < 100; i++) /* a wait may end early without reason */
        total += waited(20000);
    assert_in_range(total, 20000, HELD_UP_MOST_US);
    assert_in_range(waited(0), 0, HELD_UP_MOST_US);
    assert_in_range(waited(1), 0, HELD_UP_MOST_US);
}

static void a_wait_ends_though_its_time_was_over_before_it_began(void **state)
{
    (void)state;
    held_up_us = 5000;
    (void)alarm(HELD_UP_MOST_S); /* it used to wait for ever */
    (void)waited(1000);
    (void)alarm(0);
    held_up_us = 0;
}

static void a_wake_before_the_wait_counts(void **state)
{
    (void)state;
    amble__loop_wake(loop);
    assert_in_range(waited(4000000000), 0, HELD_UP_MOST_US);
    amble__loop_wake(loop);
    assert_in_range(waited(-1), 0, HELD_UP_MOST_US);
}

static void *wake_later(void *arg)
{
    (void)arg;
    usleep(10000);
    amble__loop_wake(loop);
    return NULL;
}

static void another_thread_wakes(void **state)
{
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, wake_later, NULL), 0);
    assert_in_range(waited(-1), 1, HELD_UP_MOST_US);
    pthread_join(thread, NULL);
}

static unsigned ready_calls;

static void on_ready(void *user)
{
    assert_ptr_equal(user, &ready_calls);
    ready_calls++;
}

static void a_watch_calls_once(void **state)
{
    int ends[2];
    amble__watch *watch;

    (void)state;
    ready_calls = 0;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(amble__loop_watch(loop, ends[0], false, on_ready, &ready_calls, &watch), AMBLE_OK);
    amble__loop_wait(loop, 0);
    assert_int_equal(ready_calls, 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    for (int i = 0; !ready_calls && i < 100; i++)
        amble__loop_wait(loop, 100000);
    assert_int_equal(ready_calls, 1);
    amble__loop_wait(loop, 0); /* still readable, but the watch is over */
    assert_int_equal(ready_calls, 1);
    close(ends[0]);
    close(ends[1]);
}

static void writable_and_hung_up_are_ready(void **state)
{
    int ends[2];
    amble__watch *watch;

    (void)state;
    ready_calls = 0;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(amble__loop_watch(loop, ends[1], true, on_ready, &ready_calls, &watch), AMBLE_OK);
    for (int i = 0; !ready_calls && i < 100; i++)
        amble__loop_wait(loop, 100000);
    assert_int_equal(ready_calls, 1);
    assert_int_equal(amble__loop_watch(loop, ends[0], false, on_ready, &ready_calls, &watch), AMBLE_OK);
    close(ends[1]);
    for (int i = 0; ready_calls < 2 && i < 100; i++)
        amble__loop_wait(loop, 100000);
    assert_int_equal(ready_calls, 2);
    close(ends[0]);
}

static void an_unwatched_descriptor_stays_silent(void **state)
{
    int ends[2];
    amble__watch *watch;

    (void)state;
    ready_calls = 0;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(amble__loop_watch(loop, ends[0], false, on_ready, &ready_calls, &watch), AMBLE_OK);
    amble__loop_unwatch(watch);
    amble__loop_unwatch(NULL);
    amble__loop_wait(loop, 1000);
    assert_int_equal(ready_calls, 0);
    /* A watch that is open when the loop closes is a mistake of its owner; one that was given up just before is not. */
    assert_int_equal(amble__loop_watch(loop, ends[0], false, on_ready, &ready_calls, &watch), AMBLE_OK);
    amble__loop_unwatch(watch);
    close(ends[1]);
    close(ends[0]);
}

static void what_cannot_be_watched_is_refused(void **state)
{
    amble__watch *watch;

    (void)state;
    assert_int_equal(amble__loop_watch(loop, -1, false, on_ready, NULL, &watch), AMBLE_ERR_ARGUMENT);
}

static void the_loops_descriptor_tells_of_work(void **state)
{
    (void)state;
    assert_true(amble__loop_fd(loop) >= 0);
    assert_non_null(amble__loop_native(loop));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_wait_takes_its_time, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(a_wait_ends_though_its_time_was_over_before_it_began, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(a_wake_before_the_wait_counts, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(another_thread_wakes, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(a_watch_calls_once, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(writable_and_hung_up_are_ready, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(an_unwatched_descriptor_stays_silent, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(what_cannot_be_watched_is_refused, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(the_loops_descriptor_tells_of_work, open_loop, close_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
