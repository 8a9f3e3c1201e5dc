/* Waits: how a task is suspended and how it comes back, exactly once.
 *
 * The result of a wait is fixed by the first amble__wait_end, which also unlinks it from every list, so neither a
 * late event nor a timer can reach it afterwards. Timeout, cancel and the loss of a link are the same call with
 * another result. */
#include "core/log.h"
#include "core/rare.h"
#include "task/suspend.h"

/* A task whose waits fail at once this often, one after the other, is most likely a loop that ignores an error. */
enum { REFUSALS_TO_REPORT = 1000 };

int amble__task_interrupted(const amble_task *task)
{
    if (task->shields)
        return 0;
    if (task->to_check & AMBLE__CHECK_CANCELLED)
        return AMBLE_ERR_CANCELLED;
    for (const timeout_inside *t = task->timeouts; t; t = t->outer)
        if (t->fired)
            return t->fired == AMBLE_ERR_TIMEOUT ? AMBLE_ERR_CANCELLED : t->fired;
    return 0;
}

int amble__wait_refuse(int error)
{
    amble_task *task = amble__running;

    if (!task)
        return error;
    if (++task->refused_in_a_row == REFUSALS_TO_REPORT)
        amble__log(AMBLE__LOG_WARNING, "task %s: %u waits in a row failed at once, the last with: %s", task->name,
                   task->refused_in_a_row, amble_error_text(error));
    amble__task_make_ready(task);
    (void)amble__task_suspend(task); /* no wait: no result */
    return error;
}

static AMBLE__APART int check(const amble_task *task)
{
    const int r = amble__task_interrupted(task);

    return r < 0 ? amble__wait_refuse(r) : 0;
}

int amble__wait_check(void)
{
    const amble_task *task = amble__running;

    if (!task)
        return AMBLE_ERR_NO_TASK;
    return task->to_check ? check(task) : 0;
}

void amble__wait_init(amble__wait *wait)
{
    wait->result = 0;
    wait->state = AMBLE__WAIT_BEGUN;
    wait->waiters = NULL;
}

void amble__wait_watch(amble__wait *wait, void (*on_end)(amble__wait *wait))
{
    wait->state = AMBLE__WAIT_WATCHED;
    wait->waiters = NULL;
    wait->on_end = on_end;
}

void amble__wait_add(amble__wait *wait, amble__waiter *waiter, amble__list *list)
{
    waiter->wait = wait;
    waiter->keeps = false;
    waiter->next = wait->waiters;
    wait->waiters = waiter;
    if (wait->state != AMBLE__WAIT_ENDED)
        amble__list_append(list, &waiter->node);
}

void amble__wait_begin(amble__wait *wait, amble__waiter *waiter, amble__list *list)
{
    amble__wait_init(wait);
    amble__wait_add(wait, waiter, list);
}

static inline void unlink_all(amble__wait *wait)
{
    wait->state = AMBLE__WAIT_ENDED;
    for (amble__waiter *waiter = wait->waiters; waiter; waiter = waiter->next)
        amble__list_unlink(&waiter->node);
}

/* Of any but a task that waits without a deadline. */
static AMBLE__APART void end_otherwise(amble__wait *wait, int result)
{
    const amble__wait_state state = wait->state;

    if (state == AMBLE__WAIT_TIMED) {
        amble__timer_stop(&wait->timer);
        wait->state = AMBLE__WAIT_SUSPENDED;
        amble__wait_end(wait, result);
    } else if (state != AMBLE__WAIT_ENDED) {
        unlink_all(wait);
        wait->result = result;
        if (state == AMBLE__WAIT_WATCHED)
            wait->on_end(wait);
    }
}

/* Apart: gcc would put the better half of it into a function of its own, and jump there. */
AMBLE__APART void amble__wait_end(amble__wait *wait, int result)
{
    amble_task *task;

    if (wait->state != AMBLE__WAIT_SUSPENDED) {
        end_otherwise(wait, result);
        return;
    }
    unlink_all(wait);
    task = wait->task;
    task->wait = NULL;
    task->refused_in_a_row = 0;
    task->context.value = result;
    amble__task_make_ready(task);
}

void amble__wait_forget(amble__wait *wait)
{
    if (wait->state != AMBLE__WAIT_ENDED)
        unlink_all(wait);
}

static void time_is_over(amble__timer *timer)
{
    amble__wait_end(amble__container(timer, amble__wait, timer), AMBLE_ERR_TIMEOUT);
}

static int fail_at_once(amble__wait *wait, int error)
{
    amble__wait_end(wait, error);
    return amble__wait_refuse(error);
}

static inline void enter(amble_task *task, amble__wait *wait, amble__wait_state state)
{
    wait->state = state;
    wait->task = task;
    task->wait = wait;
}

/* A wait that may be over, or not be allowed, or has a deadline. */
static AMBLE__APART int check_and_run(amble__wait *wait, uint64_t deadline_us, amble_task *task)
{
    int r;

    if (wait->state == AMBLE__WAIT_ENDED)
        return wait->result < 0 ? amble__wait_refuse(wait->result) : wait->result;
    if (!task)
        return fail_at_once(wait, AMBLE_ERR_NO_TASK);
    if ((r = amble__task_interrupted(task)) < 0)
        return fail_at_once(wait, r);
    if (deadline_us == AMBLE__NEVER) {
        enter(task, wait, AMBLE__WAIT_SUSPENDED);
    } else if (deadline_us <= amble__scheduler_now(amble__this_scheduler)) {
        return fail_at_once(wait, AMBLE_ERR_TIMEOUT);
    } else {
        enter(task, wait, AMBLE__WAIT_TIMED);
        wait->timer.armed = false;
        wait->timer.fire = time_is_over;
        amble__timer_start(&wait->timer, deadline_us);
    }
    return amble__task_suspend(task);
}

int amble__wait_run_until(amble__wait *wait, uint64_t deadline_us)
{
    amble_task *task = amble__running;

    if (deadline_us != AMBLE__NEVER || wait->state != AMBLE__WAIT_BEGUN || !task || task->to_check)
        return check_and_run(wait, deadline_us, task);
    enter(task, wait, AMBLE__WAIT_SUSPENDED);
    return amble__task_suspend(task);
}

int amble__wait_run(amble__wait *wait, int timeout_ms) { return amble__wait_run_until(wait, amble__due(timeout_ms)); }

int amble__wait_on_until(amble__list *waiters, uint64_t deadline_us)
{
    amble__wait wait;
    amble__waiter waiter;

    amble__wait_begin(&wait, &waiter, waiters);
    return amble__wait_run_until(&wait, deadline_us);
}

int amble__wait_on(amble__list *waiters, int timeout_ms)
{
    return amble__wait_on_until(waiters, amble__due(timeout_ms));
}

bool amble__waiters_end_first(amble__list *waiters, int result)
{
    amble__list *node = amble__list_first(waiters);

    if (!node)
        return false;
    amble__wait_end(amble__container(node, amble__waiter, node)->wait, result);
    return true;
}

void amble__waiters_end(amble__list *waiters, int result)
{
    while (amble__waiters_end_first(waiters, result))
        ;
}

void amble__shield_begin(void)
{
    amble_task *task = amble__running;

    if (task)
        task->shields++;
}

void amble__shield_end(void)
{
    amble_task *task = amble__running;

    if (task)
        task->shields--;
}

static AMBLE__APART int sleep_for(int ms)
{
    amble__wait wait;
    int r = amble__wait_check();

    if (r < 0)
        return r;
    amble__wait_init(&wait);
    r = amble__wait_run(&wait, ms);
    return r == AMBLE_ERR_TIMEOUT ? 0 : r;
}

static int let_others_run(void)
{
    amble_task *task = amble__running;
    const int r = amble__wait_check();

    if (r < 0)
        return r;
    task->refused_in_a_row = 0;
    amble__task_make_ready(task);
    (void)amble__task_suspend(task); /* no wait: no result */
    return task->to_check ? amble__task_interrupted(task) : 0;
}

int amble_sleep_ms(int ms) { return ms == 0 ? let_others_run() : sleep_for(ms); }
