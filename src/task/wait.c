/* Waits: how a task is suspended and how it comes back, exactly once.
 *
 * The result of a wait is fixed by the first amble__wait_end, which also unlinks it from every list, so neither a
 * late event nor a timer can reach it afterwards. Timeout, cancel and the loss of a link are the same call with
 * another result. */
#include "core/log.h"
#include "task/task_internal.h"

/* A task whose waits fail at once this often, one after the other, is most likely a loop that ignores an error. */
enum { REFUSALS_TO_REPORT = 1000 };

static inline amble_task *running(void) { return amble__this_scheduler ? amble__this_scheduler->running : NULL; }

int amble__task_interrupted(const amble_task *task)
{
    if (task->shields)
        return 0;
    if (task->cancelled)
        return AMBLE_ERR_CANCELLED;
    for (const timeout_inside *t = task->timeouts; t; t = t->outer)
        if (t->fired)
            return t->fired == AMBLE_ERR_TIMEOUT ? AMBLE_ERR_CANCELLED : t->fired;
    return 0;
}

int amble__wait_refuse(int error)
{
    amble_task *task = amble_current_task();

    if (!task)
        return error;
    if (++task->refused_in_a_row == REFUSALS_TO_REPORT)
        amble__log(AMBLE__LOG_WARNING, "task %s: %u waits in a row failed at once, the last with: %s", task->name,
                   task->refused_in_a_row, amble_error_text(error));
    amble__task_make_ready(task);
    amble__task_suspend(task);
    return error;
}

int amble__wait_check(void)
{
    const amble_task *task = running();
    int r;

    if (!task)
        return AMBLE_ERR_NO_TASK;
    if (!task->cancelled && !task->timeouts)
        return 0;
    r = amble__task_interrupted(task);
    return r < 0 ? amble__wait_refuse(r) : 0;
}

void amble__wait_init(amble__wait *wait)
{
    wait->task = running();
    wait->waiters = NULL;
    wait->timer.armed = false;
    wait->ended = false;
    wait->result = 0;
    wait->on_end = NULL;
}

void amble__wait_add(amble__wait *wait, amble__waiter *waiter, amble__list *list)
{
    waiter->wait = wait;
    waiter->keeps = false;
    waiter->next = wait->waiters;
    wait->waiters = waiter;
    if (wait->ended)
        amble__list_init(&waiter->node);
    else
        amble__list_append(list, &waiter->node);
}

void amble__wait_begin(amble__wait *wait, amble__waiter *waiter, amble__list *list)
{
    amble__wait_init(wait);
    amble__wait_add(wait, waiter, list);
}

void amble__wait_end(amble__wait *wait, int result)
{
    if (wait->ended)
        return;
    wait->ended = true;
    wait->result = result;
    for (amble__waiter *waiter = wait->waiters; waiter; waiter = waiter->next)
        amble__list_unlink(&waiter->node);
    if (wait->timer.armed)
        amble__timer_stop(&wait->timer);
    if (wait->on_end)
        wait->on_end(wait);
    else if (wait->task && wait->task->wait == wait)
        amble__task_make_ready(wait->task);
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

static void suspend_in(amble_task *task, amble__wait *wait)
{
    task->wait = wait;
    amble__task_suspend(task);
    task->wait = NULL;
    task->refused_in_a_row = 0;
}

int amble__wait_run_until(amble__wait *wait, uint64_t deadline_us)
{
    amble_task *task = wait->task;
    int r;

    if (wait->ended)
        return wait->result < 0 ? amble__wait_refuse(wait->result) : wait->result;
    if (!task)
        return fail_at_once(wait, AMBLE_ERR_NO_TASK);
    if ((task->cancelled || task->timeouts) && (r = amble__task_interrupted(task)) < 0)
        return fail_at_once(wait, r);
    if (deadline_us != AMBLE__NEVER) {
        if (deadline_us <= amble__scheduler_now(amble__this_scheduler))
            return fail_at_once(wait, AMBLE_ERR_TIMEOUT);
        wait->timer.fire = time_is_over;
        amble__timer_start(&wait->timer, deadline_us);
    }
    suspend_in(task, wait);
    return wait->result;
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
    amble_task *task = amble_current_task();

    if (task)
        task->shields++;
}

void amble__shield_end(void)
{
    amble_task *task = amble_current_task();

    if (task)
        task->shields--;
}

int amble_sleep_ms(int ms)
{
    amble__wait wait;
    int r = amble__wait_check();

    if (r < 0)
        return r;
    if (ms == 0) {
        amble_task *task = amble_current_task();

        task->refused_in_a_row = 0;
        amble__task_make_ready(task);
        amble__task_suspend(task);
        return amble__task_interrupted(task);
    }
    amble__wait_init(&wait);
    r = amble__wait_run(&wait, ms);
    return r == AMBLE_ERR_TIMEOUT ? 0 : r;
}
