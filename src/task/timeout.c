/* amble_timeout: bounds every wait of a task between begin and end, by time and by the life of a link.
 *
 * What ended it is kept in `fired` and stays until the end, so that every later wait in between fails too. The
 * link's loss reaches it through a wait of its own that nobody is suspended in; its end is handed on to the wait the
 * task is in. */
#include "task/task_internal.h"

_Static_assert(sizeof(timeout_inside) <= sizeof(amble_timeout), "amble_timeout has room for its inside");

static timeout_inside *inside(amble_timeout *timeout) { return (timeout_inside *)(void *)timeout; }

static void fire(timeout_inside *t, int reason)
{
    amble_task *task = t->task;
    int r;

    if (t->fired)
        return;
    t->fired = reason;
    if (task->wait && (r = amble__task_interrupted(task)) < 0)
        amble__wait_end(task->wait, r);
}

static void time_is_over(amble__timer *timer)
{
    fire(amble__container(timer, timeout_inside, timer), AMBLE_ERR_TIMEOUT);
}
static void link_is_lost(amble__wait *wait)
{
    fire(amble__container(wait, timeout_inside, loss), wait->result); /* or its host closes, or lost its controller */
}

void amble_timeout_begin(amble_timeout *timeout, amble_connection *conn, int ms)
{
    amble__list *losses = (amble__list *)(void *)conn; /* its first member, see scheduler.h */
    timeout_inside *t = inside(timeout);

    *t = (timeout_inside){.task = amble_current_task()};
    if (!t->task)
        return;
    amble__wait_watch(&t->loss, link_is_lost);
    if (losses && !losses->next)
        t->fired = AMBLE_ERR_DISCONNECTED;
    else if (losses)
        amble__wait_add(&t->loss, &t->on_loss, losses);
    t->timer.fire = time_is_over;
    if (ms >= 0)
        amble__timer_start(&t->timer, amble__deadline(ms));
    t->outer = t->task->timeouts;
    t->task->timeouts = t;
    t->task->to_check |= AMBLE__CHECK_TIMEOUTS;
}

int amble_timeout_end(amble_timeout *timeout, int result)
{
    timeout_inside *t = inside(timeout);

    if (!t->task)
        return result;
    t->task->timeouts = t->outer;
    if (!t->outer)
        t->task->to_check &= (uint8_t)~AMBLE__CHECK_TIMEOUTS;
    amble__timer_stop(&t->timer);
    amble__wait_forget(&t->loss);
    /* The task's own cancellation is not this timeout's doing. */
    if (t->fired == AMBLE_ERR_TIMEOUT && result == AMBLE_ERR_CANCELLED && !(t->task->to_check & AMBLE__CHECK_CANCELLED))
        return AMBLE_ERR_TIMEOUT;
    return result;
}
