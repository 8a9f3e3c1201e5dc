/* Tests of the scheduler's clock and loop: virtual time, speed, seeds, deferred work, and programs with a loop of
 * their own. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "port/loop.h"
#include "port/system.h"
#include "task/testing.h"

/* --- virtual time ------------------------------------------------------------------------------------------------- */
static int idle_for_an_hour(void *arg)
{
    amble_event never = {0};

    (void)arg;
    assert_int_equal(amble_now_us(), 0);
    assert_int_equal(amble_event_wait(&never, 3600 * 1000), AMBLE_ERR_TIMEOUT);
    assert_true(amble_now_us() == UINT64_C(3600000000)); /* exactly: it jumped */
    return 0;
}

static void an_idle_hour_is_one_jump(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(idle_for_an_hour, NULL), 0);
}

static int compute_for_long(void *arg)
{
    const uint64_t real = amble__port_now_us();

    (void)arg;
    while (amble__port_now_us() < real + 2000)
        ;
    assert_int_equal(amble_now_us(), 0); /* computing costs no virtual time */
    return amble_sleep_ms(1);
}

static int idle_as_fast_as_the_machine_can(void *arg)
{
    const uint64_t start = amble_now_us();

    (void)arg;
    assert_int_equal(amble_sleep_ms(3600 * 1000), 0);
    assert_true(amble_now_us() - start == UINT64_C(3600000000)); /* exactly: it jumped */
    return 0;
}

static void speed_max_jumps_too(void **state)
{
    (void)state;
    assert_int_equal(amble_run(&(amble_run_options){.speed = AMBLE_SPEED_MAX}, idle_as_fast_as_the_machine_can, NULL),
                     0);
}

static void virtual_time_does_not_see_the_wall(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(compute_for_long, NULL), 0);
}

/* --- seeds -------------------------------------------------------------------------------------------------------- */
static int sleep_at_random(void *letter)
{
    for (int i = 0; i < 20; i++) {
        const int r = amble_sleep_ms((int)amble__random_below(amble__scheduler_random(), 50));

        if (r < 0)
            return r;
        trace(letter);
    }
    return 0;
}

static int race_at_random(void *arg)
{
    amble_scope scope;
    char time_text[32];
    int r;

    (void)arg;
    amble_scope_open(&scope);
    amble_spawn(&scope, sleep_at_random, "a");
    amble_spawn(&scope, sleep_at_random, "b");
    amble_spawn(&scope, sleep_at_random, "c");
    r = amble_scope_wait(&scope, AMBLE_FOREVER);
    amble_scope_close(&scope);
    (void)snprintf(time_text, sizeof time_text, "%llu", (unsigned long long)amble_now_us());
    trace(time_text);
    return r;
}

static void trace_of_seed(uint64_t seed, char *text)
{
    trace_clear();
    assert_int_equal(amble_run(&(amble_run_options){.virtual_time = true, .seed = seed}, race_at_random, NULL), 0);
    memcpy(text, trace_text, sizeof trace_text);
}

static void one_seed_gives_one_trace(void **state)
{
    static char first[sizeof trace_text], second[sizeof trace_text], other[sizeof trace_text];

    (void)state;
    trace_of_seed(7, first);
    trace_of_seed(7, second);
    trace_of_seed(8, other);
    assert_string_equal(first, second);
    assert_string_not_equal(first, other);
}

/* --- speed -------------------------------------------------------------------------------------------------------- */
static int sleep_and_measure(void *ms)
{
    const uint64_t before = amble_now_us();
    const int r = amble_sleep_ms(*(int *)ms);

    assert_true(amble_now_us() - before >= (uint64_t) * (int *)ms * 1000);
    return r;
}

static uint64_t real_us_of(uint32_t speed, int ms)
{
    const uint64_t before = amble__port_now_us();

    assert_int_equal(amble_run(&(amble_run_options){.speed = speed}, sleep_and_measure, &ms), 0);
    return amble__port_now_us() - before;
}

static void speed_multiplies_time(void **state)
{
    (void)state;
    assert_true(real_us_of(0, 20) >= 20000);
    assert_in_range(real_us_of(1000, 60 * 1000), 60 * 1000,
                    30 * 1000 * 1000); /* a minute in 60 ms, and never in 30 s */
    assert_in_range(real_us_of(AMBLE_SPEED_MAX, 3600 * 1000), 0, 30 * 1000 * 1000);
}

static int measure_own_computing(void *arg)
{
    const uint64_t before = amble_now_us(), real = amble__port_now_us();

    (void)arg;
    while (amble__port_now_us() < real + 3000)
        ;
    assert_true(amble_now_us() - before >= 3000); /* although it did not wait in between */
    return sleep_and_measure(&(int){5});
}

static void the_real_clock_goes_on_while_a_task_computes(void **state)
{
    (void)state;
    assert_int_equal(amble_run(NULL, measure_own_computing, NULL), 0);
}

/* --- deferred work ------------------------------------------------------------------------------------------------ */
static unsigned work_runs;

static void count_work(amble__work *work)
{
    assert_null(amble_current_task());
    if (++work_runs == 1)
        amble__work_post(work); /* once more, in the next round */
}

static void must_not_run(amble__work *work)
{
    (void)work;
    work_runs += 100;
}

static int post_works(void *arg)
{
    amble__work work = {.run = count_work}, cancelled = {.run = must_not_run};

    (void)arg;
    amble__work_post(&work);
    amble__work_post(&work);
    amble__work_post(&cancelled);
    amble__work_cancel(&cancelled);
    amble__work_cancel(&cancelled);
    assert_int_equal(work_runs, 0);
    assert_int_equal(amble_sleep_ms(1), 0);
    return (int)work_runs;
}

static void work_runs_between_tasks_once_per_post(void **state)
{
    (void)state;
    work_runs = 0;
    assert_int_equal(run_virtual(post_works, NULL), 2);
}

/* --- deadlocks ---------------------------------------------------------------------------------------------------- */
static amble_event released;

static int wait_for_release(void *arg)
{
    (void)arg;
    return amble_event_wait(&released, AMBLE_FOREVER);
}

static void release_when_reported(void *user, int level, const char *line)
{
    keep_log_line(user, level, line);
    amble_wake(&released);
}

static void a_deadlock_in_virtual_time_is_reported_by_name(void **state)
{
    (void)state;
    released = (amble_event){0};
    watch_log(AMBLE_LOG_WARNING);
    amble_log_to(release_when_reported, NULL);
    assert_int_equal(run_virtual(wait_for_release, NULL), 0);
    unwatch_log();
    assert_non_null(strstr(last_log_line, "task main waits"));
}

/* --- held up ------------------------------------------------------------------------------------------------------ */
static int held_up_ends[2][2]; /* what comes into the first pipe is passed on into the second one */

static int pass_on(void *arg)
{
    char byte;

    (void)arg;
    if (amble_wait_fd(held_up_ends[0][0], false, AMBLE_FOREVER) < 0 || read(held_up_ends[0][0], &byte, 1) != 1)
        return -99;
    return write(held_up_ends[1][1], &byte, 1) == 1 ? 0 : -99;
}

static int wait_a_moment(void *result)
{
    *(int *)result = amble_wait_fd(held_up_ends[1][0], false, 30);
    return 0;
}

/* What a machine does that gives a process no time: the byte comes, and then the deadline passes. All three begin in
 * one round, so nothing else can pass in between. */
static int hold_up(void *arg)
{
    (void)arg;
    if (write(held_up_ends[0][1], "x", 1) != 1)
        return -99;
    (void)nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    return amble_now_us() ? 0 : -99; /* the scheduler knows the time, too */
}

static int wait_while_held_up(void *result)
{
    amble_scope scope;
    int r;

    amble_scope_open(&scope);
    amble_spawn(&scope, pass_on, NULL);
    amble_spawn(&scope, wait_a_moment, result);
    amble_spawn(&scope, hold_up, NULL);
    r = amble_scope_wait(&scope, AMBLE_FOREVER);
    amble_scope_close(&scope);
    return r;
}

static void what_came_while_the_process_was_held_up_is_no_timeout(void **state)
{
    int result = -99;

    (void)state;
    assert_int_equal(pipe(held_up_ends[0]) | pipe(held_up_ends[1]), 0);
    assert_int_equal(amble_run(NULL, wait_while_held_up, &result), 0);
    assert_int_equal(result, 0);
    for (int i = 0; i < 4; i++)
        close(held_up_ends[i / 2][i % 2]);
}

static amble_event handed_over;

static int take_over(void *arg)
{
    (void)arg;
    if (amble_event_wait(&handed_over, AMBLE_FOREVER) < 0)
        return -99;
    trace("task ");
    return 0;
}

static void on_arrival(void *arg)
{
    (void)arg;
    trace("arrival ");
}

/* Makes another task ready, then something comes in, then a deadline passes. */
static int hand_over(void *arg)
{
    amble__watch *watch;

    (void)arg;
    amble_event_set(&handed_over);
    if (amble__loop_watch(amble__scheduler_loop(), held_up_ends[0][0], false, on_arrival, NULL, &watch) < 0)
        return -99;
    return hold_up(NULL);
}

static int be_held_up_with_a_task_ready(void *result)
{
    amble_scope scope;
    int r;

    amble_scope_open(&scope);
    amble_spawn(&scope, take_over, NULL);
    amble_spawn(&scope, wait_a_moment, result);
    amble_spawn(&scope, hand_over, NULL);
    r = amble_scope_wait(&scope, AMBLE_FOREVER);
    amble_scope_close(&scope);
    return r;
}

/* What is read may end what a task is about to use: it goes first, however late it is. */
static void tasks_that_are_ready_go_before_what_came(void **state)
{
    int result = -99;

    (void)state;
    handed_over = (amble_event){0};
    trace_clear();
    assert_int_equal(pipe(held_up_ends[0]) | pipe(held_up_ends[1]), 0);
    assert_int_equal(amble_run(NULL, be_held_up_with_a_task_ready, &result), 0);
    assert_int_equal(result, AMBLE_ERR_TIMEOUT);
    assert_string_equal(trace_text, "task arrival ");
    for (int i = 0; i < 4; i++)
        close(held_up_ends[i / 2][i % 2]);
}

/* --- a loop of one's own ------------------------------------------------------------------------------------------ */
static int ends[2];

static int read_three(void *arg)
{
    char byte;

    for (int i = 0; i < 3; i++) {
        const int r = amble_wait_fd(ends[0], false, AMBLE_FOREVER);

        if (r < 0)
            return r;
        if (read(ends[0], &byte, 1) != 1)
            return -99;
    }
    *(bool *)arg = true;
    return 0;
}

static int sleep_then_write_three(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++) {
        const int r = amble_sleep_ms(5);

        if (r < 0)
            return r;
        if (write(ends[1], "x", 1) != 1)
            return -99;
    }
    return 0;
}

/* What a program with poll(2) does. Returns how often it went round. */
static unsigned drive_until(const bool *over)
{
    struct pollfd descriptor = {.fd = amble_fd(), .events = POLLIN};
    unsigned rounds = 0;

    while (!*over) {
        int64_t left;

        (void)amble_step();
        left = *over ? 0 : amble_next_deadline();
        if (left != 0)
            (void)poll(&descriptor, 1, left < 0 ? -1 : (int)((left + 999) / 1000));
        rounds++;
    }
    return rounds;
}

/* A task reads from the pipe; `*over` when it has three bytes. */
static void begin_to_read(amble_scope *scope, bool *over)
{
    *over = false;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(amble_scheduler_open(NULL), 0);
    amble_scope_open(scope);
    amble_spawn(scope, read_three, over);
}

static void sockets_and_timers_from_a_foreign_loop(void **state)
{
    amble_scope scope;
    bool over;

    (void)state;
    begin_to_read(&scope, &over);
    amble_spawn(&scope, sleep_then_write_three, NULL);
    assert_int_equal(amble_next_deadline(), 0); /* two tasks are ready */
    (void)drive_until(&over);
    amble_scope_close(&scope);
    amble_scheduler_close();
    close(ends[0]);
    close(ends[1]);
}

static bool woken;
static atomic_uint wakes_taken;

static int wait_for_wakes(void *count)
{
    for (unsigned i = 1; i <= *(unsigned *)count; i++) {
        if (amble_event_wait(&released, AMBLE_FOREVER) < 0)
            return -99;
        atomic_store(&wakes_taken, i);
    }
    woken = true;
    return 0;
}

/* Two wakes that nobody has taken yet are one: each waits for the one before it. */
static void *wake_now_and_then(void *arg)
{
    for (unsigned i = 0; i < 5; i++) {
        do
            (void)nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
        while (atomic_load(&wakes_taken) < i);
        amble_wake(&released);
    }
    return arg;
}

/* With nothing else under way, a wake from another thread makes amble_fd readable, and a step makes it unreadable
 * again. */
static void a_wake_reaches_a_foreign_loop(void **state)
{
    unsigned count = 5;
    amble_scope scope;
    pthread_t thread;
    unsigned rounds;

    (void)state;
    released = (amble_event){0};
    woken = false;
    atomic_store(&wakes_taken, 0);
    assert_int_equal(amble_scheduler_open(NULL), 0);
    amble_scope_open(&scope);
    amble_spawn(&scope, wait_for_wakes, &count);
    assert_int_equal(amble_step(), 1);
    assert_int_equal(amble_next_deadline(), -1);
    assert_int_equal(pthread_create(&thread, NULL, wake_now_and_then, NULL), 0);
    rounds = drive_until(&woken);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_in_range(rounds, count, 10 * count); /* a descriptor that stays readable would make it spin */
    amble_scope_close(&scope);
    amble_scheduler_close();
}

static void steps_in_virtual_time_never_wait(void **state)
{
    amble_scope scope;
    unsigned steps = 0;

    (void)state;
    assert_int_equal(amble_scheduler_open(&(amble_run_options){.virtual_time = true}), 0);
    amble_scope_open(&scope);
    amble_spawn(&scope, idle_for_an_hour, NULL);
    while (amble_next_deadline() == 0 && ++steps < 10)
        (void)amble_step();
    assert_in_range(steps, 2, 9);
    assert_true(amble_now_us() == UINT64_C(3600000000));
    amble_scope_close(&scope);
    amble_scheduler_close();
}

/* --- one step ----------------------------------------------------------------------------------------------------- */
static int return_at_once(void *arg)
{
    (void)arg;
    return 0;
}

static int64_t deadline_of_first, deadline_of_last;

static int be_first(void *scope)
{
    deadline_of_first = amble_next_deadline(); /* nobody but the last is ready */
    amble_spawn(scope, return_at_once, NULL);
    return amble_sleep_ms(0);
}

static int be_last(void *arg)
{
    (void)arg;
    deadline_of_last = amble_next_deadline();
    return 0;
}

/* Of two: the first is ready again and has started a third when the last has its turn. */
static void a_step_runs_those_that_were_ready(void **state)
{
    amble_scope scope;

    (void)state;
    assert_int_equal(amble_scheduler_open(NULL), 0);
    amble_scope_open(&scope);
    amble_spawn(&scope, be_first, &scope);
    amble_spawn(&scope, be_last, NULL);
    assert_int_equal(amble_step(), 2);
    assert_int_equal(deadline_of_first, 0); /* the last one is still to come */
    assert_int_equal(deadline_of_last, 0);  /* in the next step */
    assert_int_equal(amble_step(), 2);
    assert_int_equal(amble_step(), 0);
    assert_int_equal(amble_next_deadline(), -1);
    amble_scope_close(&scope);
    amble_scheduler_close();
}

/* Without amble_fd: whoever polls in another way, or only steps now and then. */
static void a_step_looks_at_sockets(void **state)
{
    amble_scope scope;
    bool over;

    (void)state;
    begin_to_read(&scope, &over);
    (void)amble_step();
    assert_int_equal(write(ends[1], "abc", 3), 3);
    for (int i = 0; i < 10 && !over; i++)
        (void)amble_step();
    assert_true(over);
    amble_scope_close(&scope);
    amble_scheduler_close();
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_hour_is_one_jump),
        cmocka_unit_test(speed_max_jumps_too),
        cmocka_unit_test(virtual_time_does_not_see_the_wall),
        cmocka_unit_test(one_seed_gives_one_trace),
        cmocka_unit_test(speed_multiplies_time),
        cmocka_unit_test(the_real_clock_goes_on_while_a_task_computes),
        cmocka_unit_test(work_runs_between_tasks_once_per_post),
        cmocka_unit_test(a_deadlock_in_virtual_time_is_reported_by_name),
        cmocka_unit_test(what_came_while_the_process_was_held_up_is_no_timeout),
        cmocka_unit_test(tasks_that_are_ready_go_before_what_came),
        cmocka_unit_test(sockets_and_timers_from_a_foreign_loop),
        cmocka_unit_test(a_wake_reaches_a_foreign_loop),
        cmocka_unit_test(steps_in_virtual_time_never_wait),
        cmocka_unit_test(a_step_runs_those_that_were_ready),
        cmocka_unit_test(a_step_looks_at_sockets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
