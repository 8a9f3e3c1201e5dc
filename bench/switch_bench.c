/* What a task switch costs on this machine, in nanoseconds.
 *
 * Each line is measured RUNS times; printed are the median, which is what a program sees, and the minimum, which is
 * what the machine can do when nothing disturbs it. All runs are in virtual time, so no clock is read in between. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <amble/task.h>

#include "task/switch.h"

enum { RUNS = 31, SWITCHES = 200000 };

static double now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static int report(const char *what, double (*measure)(void))
{
    double results[RUNS];

    for (int i = 0; i < RUNS; i++)
        if ((results[i] = measure()) < 0)
            return -1;
    qsort(results, RUNS, sizeof results[0], compare);
    printf("%-66s %8.1f %8.1f\n", what, results[RUNS / 2], results[0]);
    return 0;
}

/* --- the bare change of stack ------------------------------------------------------------------------------------- */
static amble__context here, there;

static void bounce(void *arg)
{
    (void)arg;
    for (;;)
        (void)amble__context_switch(&there, &here);
}

static double bare_switch(void)
{
    static _Alignas(16) unsigned char stack[65536];
    double start;

    amble__context_make(&there, stack, sizeof stack, bounce, NULL);
    (void)amble__context_switch(&here, &there);
    start = now_ns();
    for (int i = 0; i < SWITCHES / 2; i++)
        (void)amble__context_switch(&here, &there);
    return (now_ns() - start) / SWITCHES;
}

/* --- through the scheduler ---------------------------------------------------------------------------------------- */
static double measured;

static int yield_often(void *arg)
{
    int r = 0;

    (void)arg;
    for (int i = 0; i < SWITCHES / 2 && r == 0; i++)
        r = amble_sleep_ms(0);
    return r;
}

static amble_event ping, pong;

static int answer_often(void *arg)
{
    int r = 0;

    (void)arg;
    for (int i = 0; i < SWITCHES / 2 && (r = amble_event_wait(&ping, AMBLE_FOREVER)) == 0; i++)
        amble_event_set(&pong);
    return r;
}

static int ask_often(void *arg)
{
    int r = 0;

    (void)arg;
    for (int i = 0; i < SWITCHES / 2 && r == 0; i++) {
        amble_event_set(&ping);
        r = amble_event_wait(&pong, AMBLE_FOREVER);
    }
    return r;
}

static int run_pair(int (*first)(void *), int (*second)(void *))
{
    const double start = now_ns();
    amble_scope scope;
    int r;

    amble_scope_open(&scope);
    (void)amble_spawn(&scope, first, NULL); /* a failure to start is told by the wait */
    (void)amble_spawn(&scope, second, NULL);
    r = amble_scope_wait(&scope, AMBLE_FOREVER);
    amble_scope_close(&scope);
    measured = (now_ns() - start) / SWITCHES;
    return r;
}

static int yield_in_turns(void *arg)
{
    (void)arg;
    return run_pair(yield_often, yield_often);
}

static int ask_and_answer(void *arg)
{
    (void)arg;
    return run_pair(answer_often, ask_often);
}

static int do_nothing(void *arg)
{
    (void)arg;
    return 0;
}

static int spawn_often(void *arg)
{
    const double start = now_ns();
    int r = 0;

    (void)arg;
    for (int i = 0; i < SWITCHES / 2 && r == 0; i++) {
        amble_scope scope;

        amble_scope_open(&scope);
        (void)amble_spawn(&scope, do_nothing, NULL);
        r = amble_scope_wait(&scope, AMBLE_FOREVER);
        amble_scope_close(&scope);
    }
    measured = 2 * (now_ns() - start) / SWITCHES;
    return r;
}

static double measure_in_task(int (*task)(void *arg))
{
    const amble_run_options options = {.virtual_time = true};

    return amble_run(&options, task, NULL) < 0 ? -1 : measured;
}

static double yields(void) { return measure_in_task(yield_in_turns); }
static double events(void) { return measure_in_task(ask_and_answer); }
static double spawns(void) { return measure_in_task(spawn_often); }

int main(void)
{
    printf("%-66s %8s %8s\n", "ns each", "median", "minimum");
    if (report("change of stack", bare_switch) < 0 || report("task switch: two tasks yield in turns", yields) < 0 ||
        report("task switch: two tasks signal each other by events", events) < 0 ||
        report("spawn, run, join and close a scope", spawns) < 0) {
        fprintf(stderr, "a measurement failed\n");
        return 1;
    }
    return 0;
}
