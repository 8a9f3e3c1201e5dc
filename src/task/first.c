/* The first of several: one wait, linked into the list of each source. It takes nothing, so its waiters are marked
 * `keeps`, and whoever signals keeps the signal for the ordinary call that follows. */
#include "task/task_internal.h"

static const amble__source_kind *kind_of(const amble_source *source) { return source->kind; }

/* The ready source whose value arrived first; sources without an order come before. -1: none is ready. */
static int choose(const amble_source *sources, size_t count)
{
    uint64_t best_order = UINT64_MAX;
    int best = -1;

    for (size_t i = 0; i < count; i++) {
        const amble__source_kind *kind = kind_of(&sources[i]);
        uint64_t order;

        if (!kind->ready(&sources[i]))
            continue;
        order = kind->order ? kind->order(&sources[i]) : 0;
        if (best < 0 || order < best_order) {
            best = (int)i;
            best_order = order;
        }
    }
    return best;
}

int amble_wait_first(const amble_source *sources, size_t count, int timeout_ms)
{
    const uint64_t deadline = amble__due(timeout_ms);
    amble__waiter waiters[AMBLE_SOURCES_MAX];
    int chosen, r = amble__wait_check();

    if (r < 0)
        return r;
    if (count == 0 || count > AMBLE_SOURCES_MAX)
        return amble__wait_refuse(AMBLE_ERR_ARGUMENT);
    while ((chosen = choose(sources, count)) < 0) {
        amble__wait wait;

        amble__wait_init(&wait);
        for (size_t i = 0; i < count; i++) {
            amble__wait_add(&wait, &waiters[i], kind_of(&sources[i])->waiters(&sources[i]));
            waiters[i].keeps = true;
        }
        /* What ends the wait may be an object that went away: that makes its source ready. Only what befell this
         * task counts. */
        r = amble__wait_run_until(&wait, deadline);
        if (r == AMBLE_ERR_TIMEOUT || r == AMBLE_ERR_CANCELLED || r == AMBLE_ERR_NO_TASK)
            return r;
        if (r < 0 && (r = amble__wait_check()) < 0)
            return r;
    }
    return chosen;
}

void amble__waiters_end_taker(amble__list *waiters)
{
    /* Ending a wait may take several of its waiters out of this list at once, so the search starts again each time. */
    amble__list *node = waiters->next;

    while (node != waiters) {
        amble__waiter *waiter = amble__container(node, amble__waiter, node);

        node = node->next;
        if (waiter->keeps) {
            amble__wait_end(waiter->wait, 0);
            node = waiters->next;
        }
    }
    (void)amble__waiters_end_first(waiters, 0); /* there may be none */
}

/* A task that could not be started counts as ended: amble_join says so at once. */
static bool task_ready(const amble_source *source)
{
    const amble_task *task = source->object;

    return !task || task->ended;
}
static amble__list *task_waiters(const amble_source *source)
{
    return &((amble_task *)(uintptr_t)source->object)->joiners;
}

amble_source amble_on_task(amble_task *task)
{
    static const amble__source_kind kind = {.ready = task_ready, .waiters = task_waiters};

    return (amble_source){.kind = &kind, .object = task};
}
