/* The loop: ready tasks first come, first served; then deferred work, timers, and when nothing is left the wait for
 * the outside.
 *
 * Invariants: one scheduler per thread; the clock never goes back; in virtual time it moves only when nothing is
 * ready, and then exactly to the next deadline. */
#include "task/suspend.h"

#include <stdlib.h>

#ifdef AMBLE__HOSTED
#include <sched.h>
#endif

#include "core/log.h"
#include "core/rare.h"
#include "port/system.h"

enum {
    DEFAULT_STACK_SIZE = 65536,
    /* A scheduler whose tasks never stop being ready still looks at its sockets this often. */
    ROUNDS_BETWEEN_POLLS = 64,
    /* A deadline so far behind tells of a process that got no time of the machine, or of a task that computed for
     * long. */
    HELD_UP_US = 10000,
    /* What came meanwhile may have to pass through several tasks and sockets before it reaches the one that waits for
     * it. */
    ROUNDS_TO_CATCH_UP = 16,
};

AMBLE__PER_THREAD amble__scheduler *amble__this_scheduler;
AMBLE__PER_THREAD amble_task *amble__running;

/* --- the clock ---------------------------------------------------------------------------------------------------- */
static bool jumps(const amble__scheduler *s) { return s->after_step & AMBLE__AFTER_STEP_JUMP; }

uint64_t amble__scheduler_now(amble__scheduler *s)
{
    if (!jumps(s) && !s->now_is_fresh) {
        s->now_us = s->base_us + (amble__port_now_us() - s->real_base_us) * s->options.speed;
        s->now_is_fresh = true;
    }
    return s->now_us;
}

/* Programs measure with it, so it looks at the clock anew although the task has not waited meanwhile. */
uint64_t amble_now_us(void)
{
    if (!amble__this_scheduler)
        return 0;
    amble__this_scheduler->now_is_fresh = false;
    return amble__scheduler_now(amble__this_scheduler);
}

uint64_t amble__deadline(int timeout_ms)
{
    return timeout_ms < 0 ? AMBLE__NEVER : amble_now_us() + (uint64_t)timeout_ms * 1000;
}

int amble__time_left(uint64_t deadline_us)
{
    const uint64_t now = amble_now_us();

    if (deadline_us == AMBLE__NEVER)
        return AMBLE_FOREVER;
    return now >= deadline_us ? 0 : (int)((deadline_us - now + 999) / 1000);
}

void amble__timer_start(amble__timer *timer, uint64_t deadline_us)
{
    amble__timers_arm(&amble__this_scheduler->timers, timer, deadline_us);
}

void amble__timer_stop(amble__timer *timer)
{
    if (timer->armed)
        amble__timers_disarm(&amble__this_scheduler->timers, timer);
}

/* --- deferred work ------------------------------------------------------------------------------------------------ */
void amble__work_post(amble__work *work)
{
    if (!amble__list_linked(&work->node))
        amble__list_append(&amble__this_scheduler->works, &work->node);
}

void amble__work_cancel(amble__work *work) { amble__list_remove(&work->node); }

/* --- one round ---------------------------------------------------------------------------------------------------- */
/* Moves all nodes of `from` into the empty list `to`. */
static void move_all(amble__list *to, amble__list *from)
{
    amble__list_init(to);
    if (amble__list_empty(from))
        return;
    *to = *from;
    to->next->previous = to;
    to->previous->next = to;
    amble__list_init(from);
}

static AMBLE__APART void run_works(amble__scheduler *s)
{
    amble__list batch, *node;

    move_all(&batch, &s->works);
    while ((node = amble__list_take(&batch))) {
        amble__work *work = amble__container(node, amble__work, node);

        work->run(work);
    }
}

static AMBLE__RARE void take_stack_from(amble__scheduler *s, amble_task *task)
{
    amble__stack *stack = task->stack;

    task->stack = stack->mapped ? NULL : stack;
    amble__stack_give_back(s, stack);
}

/* Runs those that are ready now; who becomes ready meanwhile begins a new line and has its turn the next time. */
static inline void run_ready(amble__scheduler *s)
{
    amble_task *first = s->ready;

    s->ready = NULL;
    s->ready_end = &s->ready;
    for (amble_task *task = first; task; task = s->turn) {
        s->turn = task->next_ready;
        amble__running = task;
        amble__switch_to_task(s, task);
        if (task->ended)
            take_stack_from(s, task);
        s->ran++;
    }
    amble__running = NULL;
}

static inline void run_tasks(amble__scheduler *s)
{
    s->now_is_fresh = false;
    if (atomic_load_explicit(&s->wakes, memory_order_relaxed))
        amble__events_collect(s);
    run_ready(s);
    if (!amble__list_empty(&s->works))
        run_works(s);
}

static bool has_work(const amble__scheduler *s)
{
    return s->turn || s->ready || !amble__list_empty(&s->works) ||
           atomic_load_explicit(&s->wakes, memory_order_relaxed);
}

static void poll_loop(amble__scheduler *s, int64_t timeout_us)
{
    s->rounds_since_poll = 0;
    if (s->loop && (timeout_us != 0 || amble__loop_active(s->loop)))
        amble__loop_wait(s->loop, timeout_us);
    s->now_is_fresh = false;
}

/* Who was held up finds deadlines far behind, and unread what came before them: that is no timeout, so it is taken
 * first. Tasks that are ready go before what is unread, as they always do. */
static void catch_up(amble__scheduler *s)
{
    for (int i = 0; i < ROUNDS_TO_CATCH_UP; i++) {
        if (!has_work(s))
            poll_loop(s, 0);
        run_tasks(s);
    }
}

/* Whether a deadline is at least so far behind. */
static bool is_due(amble__scheduler *s, uint64_t late_us)
{
    return s->timers.root && s->timers.root->deadline_us <= amble__scheduler_now(s) &&
           s->now_us - s->timers.root->deadline_us >= late_us;
}

static AMBLE__APART void run_timers(amble__scheduler *s)
{
    if (!is_due(s, 0))
        return;
    if (!jumps(s) && s->loop && is_due(s, (uint64_t)HELD_UP_US * s->options.speed))
        catch_up(s);
    (void)amble__timers_run(&s->timers, amble__scheduler_now(s)); /* how many fired does not matter */
}

static inline void run_round(amble__scheduler *s)
{
    run_tasks(s);
    if (s->timers.root)
        run_timers(s);
}

/* --- waiting for the outside -------------------------------------------------------------------------------------- */
/* Nothing is ready, no timer runs, nothing is watched: only another thread's amble_wake can help, or nothing can. In
 * real time that may well be meant; in virtual time it is most likely a test that hangs. */
static void report_deadlock(amble__scheduler *s)
{
    if (s->reported_deadlock)
        return;
    s->reported_deadlock = true;
    amble__list_each (node, &s->all) {
        const amble_task *task = amble__container(node, amble_task, all_node);

        amble__log(jumps(s) ? AMBLE__LOG_WARNING : AMBLE__LOG_INFO,
                   "task %s waits, and only amble_wake from another thread could end that", task->name);
    }
}

static int64_t real_time_left(amble__scheduler *s, uint64_t deadline_us)
{
    const uint64_t now = amble__scheduler_now(s);

    if (deadline_us <= now)
        return 0;
    return (int64_t)((deadline_us - now + s->options.speed - 1) / s->options.speed);
}

static void wait_outside(amble__scheduler *s)
{
    const uint64_t deadline = amble__timers_deadline(&s->timers);

    if (jumps(s)) {
        poll_loop(s, 0);
        if (has_work(s))
            return;
        if (deadline != AMBLE__NEVER && amble__timers_deadline(&s->timers) == deadline) {
            if (deadline > s->now_us)
                s->now_us = deadline;
            return;
        }
        if (s->timers.root)
            return;
    } else if (deadline != AMBLE__NEVER) {
        poll_loop(s, real_time_left(s, deadline));
        return;
    }
    if (!s->loop || !amble__loop_active(s->loop))
        report_deadlock(s);
    poll_loop(s, -1);
}

/* Runs until `*over`. */
static void run_until(amble__scheduler *s, const bool *over)
{
    while (!*over) {
        run_round(s);
        if (!has_work(s)) {
            if (!*over)
                wait_outside(s);
        } else if (++s->rounds_since_poll >= ROUNDS_BETWEEN_POLLS) {
            poll_loop(s, 0);
        }
    }
}

void amble__scheduler_run_until(const bool *over) { run_until(amble__this_scheduler, over); }

/* --- opening and closing ------------------------------------------------------------------------------------------ */
#ifdef AMBLE__HOSTED
static amble__scheduler *take_record(void) { return calloc(1, sizeof(amble__scheduler)); }
static void give_record_back(amble__scheduler *s) { free(s); }
static void wait_for_a_moment(void) { (void)sched_yield(); }
#else
/* A bare board has one thread, so one scheduler, and its wakes come from interrupts, which are over when this runs. */
static amble__scheduler the_only_one;

static amble__scheduler *take_record(void)
{
    the_only_one = (amble__scheduler){.ready = NULL};
    return &the_only_one;
}
static void give_record_back(amble__scheduler *s) { (void)s; }
static void wait_for_a_moment(void) {}
#endif

int amble_scheduler_open(const amble_run_options *options)
{
    amble__scheduler *s;

    if (amble__this_scheduler)
        return AMBLE_ERR_BUSY;
    s = take_record();
    if (!s)
        return AMBLE_ERR_NO_MEMORY;
    if (options)
        s->options = *options;
    if (!s->options.stack_size)
        s->options.stack_size = DEFAULT_STACK_SIZE;
    if (!s->options.speed)
        s->options.speed = 1;
    if (s->options.virtual_time || s->options.speed == AMBLE_SPEED_MAX)
        s->after_step |= AMBLE__AFTER_STEP_JUMP;
    s->ready_end = &s->ready;
    amble__list_init(&s->all);
    amble__list_init(&s->works);
    if (s->options.virtual_time)
        amble__random_seed(&s->random, s->options.seed);
    else
        amble__random_use_system(&s->random, amble__port_random);
    s->real_base_us = amble__port_now_us();
    s->base_us = s->options.virtual_time ? 0 : s->real_base_us;
    s->now_us = s->base_us;
    if (amble__loop_open(&s->loop) < 0) {
        give_record_back(s);
        return AMBLE_ERR_NO_MEMORY;
    }
    amble__this_scheduler = s;
    return 0;
}

void amble_scheduler_close(void)
{
    amble__scheduler *s = amble__this_scheduler;

    if (!s || amble__running)
        return;
    s->closing = true;
    amble__list_each (node, &s->all)
        amble_cancel(amble__container(node, amble_task, all_node));
    while (!amble__list_empty(&s->all)) {
        run_round(s);
        if (!has_work(s) && !amble__list_empty(&s->all))
            wait_outside(s);
    }
    if (s->transport_slot.destroy)
        s->transport_slot.destroy(s->transport_slot.object);
    while (atomic_load(&s->wakers)) /* a thread is about to leave amble_wake */
        wait_for_a_moment();
    amble__events_collect(s); /* what was woken too late is not in this scheduler's list for ever */
    amble__loop_close(s->loop);
    while (s->free_stacks) {
        amble__stack *stack = s->free_stacks;

        s->free_stacks = stack->next;
        amble__stack_free(stack);
    }
    amble__this_scheduler = NULL;
    give_record_back(s);
}

#ifdef AMBLE__HOSTED
int amble_run(const amble_run_options *options, int (*function)(void *arg), void *arg)
{
    amble_scope scope;
    amble_task *task;
    int result = amble_scheduler_open(options);

    if (result < 0)
        return result;
    amble__overflow_report_begin();
    amble_scope_open(&scope);
    task = amble_spawn_named(&scope, "main", function, arg);
    if (task) {
        run_until(amble__this_scheduler, &task->ended);
        result = task->result;
    } else {
        result = AMBLE_ERR_NO_MEMORY;
    }
    amble_scope_close(&scope);
    amble_scheduler_close();
    amble__overflow_report_end();
    return result;
}
#endif

/* --- for programs with a loop of their own
 * -------------------------------------------------------------------------- */
/* Looks at everything that amble_fd watches. A plain look leaves wake-ups alone when no socket is open; a wait that
 * is woken takes them, and returns at once. */
static void drain_loop(amble__scheduler *s)
{
    amble__loop_wake(s->loop);
    poll_loop(s, -1);
}

static AMBLE__APART void finish_step(amble__scheduler *s)
{
    if (s->after_step & AMBLE__AFTER_STEP_DRAIN)
        drain_loop(s);
    else if (s->after_step & AMBLE__AFTER_STEP_POLL && amble__loop_active(s->loop))
        poll_loop(s, 0);
    if (jumps(s) && !has_work(s) && s->timers.root && s->timers.root->deadline_us > s->now_us)
        s->now_us = s->timers.root->deadline_us;
}

int amble_step(void)
{
    amble__scheduler *s = amble__this_scheduler;

    if (!s || amble__running)
        return 0;
    s->ran = 0;
    run_round(s);
    if (s->after_step)
        finish_step(s);
    return (int)s->ran;
}

int64_t amble_next_deadline(void)
{
    amble__scheduler *s = amble__this_scheduler;

    if (!s)
        return -1;
    s->now_is_fresh = false;
    if (has_work(s))
        return 0;
    if (!s->timers.root)
        return -1;
    return jumps(s) ? 0 : real_time_left(s, s->timers.root->deadline_us);
}

int amble_fd(void)
{
    amble__scheduler *s = amble__this_scheduler;

    if (!s || !s->loop)
        return -1;
    if (!(s->after_step & AMBLE__AFTER_STEP_DRAIN)) {
        s->after_step |= AMBLE__AFTER_STEP_DRAIN;
        if (!amble__running) /* from a task: the step that runs it does this */
            drain_loop(s);
    }
    return amble__loop_fd(s->loop);
}

/* --- for the rooms above ------------------------------------------------------------------------------------------ */
bool amble__scheduler_present(void) { return amble__this_scheduler; }
amble__random *amble__scheduler_random(void) { return &amble__this_scheduler->random; }
amble__loop *amble__scheduler_loop(void)
{
    amble__this_scheduler->after_step |= AMBLE__AFTER_STEP_POLL;
    return amble__this_scheduler->loop;
}
const amble_run_options *amble__scheduler_options(void) { return &amble__this_scheduler->options; }
amble__scheduler_slot *amble__scheduler_transport_slot(void) { return &amble__this_scheduler->transport_slot; }
