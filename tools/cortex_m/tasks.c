/* Tasks on a bare board: on stacks that the program gives them they wait for each other, for a queue, for time, and are
 * cancelled, while each keeps its own floating-point numbers. */
#include <amble.h>
#include <stdio.h>
#include <string.h>

enum { STACK = 4096, TASKS = 5, ROUNDS = 1000, ITEMS = 100, STEPS = 4000, AFTERWARDS = 10 };

static _Alignas(8) uint8_t stacks[TASKS][STACK];
static amble_event there, back;
static amble_queue queue;
static int slots[2];
static int failures, ended;

#define CHECK(what) check(what, #what)
static void check(bool good, const char *what)
{
    if (good)
        return;
    (void)printf("not true: %s\n", what);
    failures++;
}

static int ask(void *arg)
{
    float sum = 1.5f;
    int r = 0;

    (void)arg;
    for (int i = 0; r == 0 && i < ROUNDS; i++, sum += 1.0f) {
        amble_event_set(&there);
        r = amble_event_wait(&back, 1000);
    }
    CHECK(sum == ROUNDS + 1.5f);
    ended += r == 0;
    return r;
}

static int answer(void *arg)
{
    float sum = 2.5f;
    int r = 0;

    (void)arg;
    for (int i = 0; r == 0 && i < ROUNDS; i++, sum += 2.0f) {
        r = amble_event_wait(&there, AMBLE_FOREVER);
        amble_event_set(&back);
    }
    CHECK(sum == 2 * ROUNDS + 2.5f);
    ended += r == 0;
    return r;
}

static int give(void *arg)
{
    int r = 0;

    (void)arg;
    for (int i = 0; r == 0 && i < ITEMS; i++)
        r = amble_queue_put(&queue, &i, 5000);
    ended += r == 0;
    return r;
}

static int take(void *arg)
{
    int item, sum = 0, r = 0;

    (void)arg;
    for (int i = 0; r == 0 && i < ITEMS; i++) {
        r = amble_queue_take(&queue, &item, 5000);
        sum += item;
        if (r == 0)
            r = amble_sleep_ms(1);
    }
    CHECK(sum == ITEMS * (ITEMS - 1) / 2);
    CHECK(amble_queue_take(&queue, &item, 50) == AMBLE_ERR_TIMEOUT);
    ended += r == 0;
    return r;
}

static int wait_for_nobody(void *arg)
{
    amble_event never = {0};
    const int r = amble_event_wait(&never, AMBLE_FOREVER);

    (void)arg;
    CHECK(r == AMBLE_ERR_CANCELLED);
    ended++;
    return r;
}

int main(void)
{
    static int (*const functions[TASKS])(void *arg) = {ask, answer, give, take, wait_for_nobody};
    const amble_run_options options = {.virtual_time = true, .seed = 1};
    amble_task *tasks[TASKS];
    amble_scope scope;

    CHECK(amble_scheduler_open(&options) == 0);
    memset(&there, 0, sizeof there);
    memset(&back, 0, sizeof back);
    amble_queue_init(&queue, slots, sizeof *slots, sizeof slots / sizeof *slots);
    amble_scope_open(&scope);
    for (int i = 0; i < TASKS; i++) {
        tasks[i] = amble_spawn_on(&scope, "task", functions[i], NULL, stacks[i], sizeof stacks[i]);
        CHECK(tasks[i]);
    }
    for (int i = 0; i < STEPS; i++)
        (void)amble_step(); /* how many ran does not matter */
    amble_cancel(tasks[TASKS - 1]);
    for (int i = 0; i < AFTERWARDS; i++)
        (void)amble_step();
    for (int i = 0; i < TASKS; i++)
        (void)printf("task %d used %u bytes of its stack\n", i, (unsigned)amble_task_stack_used(tasks[i]));
    CHECK(ended == TASKS);
    amble_scope_close(&scope);
    amble_scheduler_close();
    (void)printf("%s\n", failures ? "failed" : "passed");
    return failures != 0;
}
