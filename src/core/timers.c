/* The pairing heap behind timers.h. Invariants: a node's deadline is never later than its children's; `previous` of the
 * root and all links of an unarmed timer are NULL. Merging is iterative: the stack does not grow with the heap. */
#include "core/timers.h"

#include <stddef.h>

static bool earlier(const amble__timer *a, const amble__timer *b)
{
    return a->deadline_us < b->deadline_us || (a->deadline_us == b->deadline_us && a->order < b->order);
}

static amble__timer *merge(amble__timer *a, amble__timer *b)
{
    if (!a)
        return b;
    if (!b)
        return a;
    if (earlier(b, a)) {
        amble__timer *swap = a;
        a = b;
        b = swap;
    }
    b->sibling = a->child;
    if (a->child)
        a->child->previous = b;
    b->previous = a;
    a->child = b;
    return a;
}

/* The two passes of a pairing heap: pairs from left to right, then the pairs from right to left. */
static amble__timer *merge_siblings(amble__timer *first)
{
    amble__timer *pairs = NULL, *root = NULL;

    while (first) {
        amble__timer *a = first, *b = first->sibling;

        first = b ? b->sibling : NULL;
        a->sibling = a->previous = NULL;
        if (b)
            b->sibling = b->previous = NULL;
        a = merge(a, b);
        a->sibling = pairs;
        pairs = a;
    }
    while (pairs) {
        amble__timer *next = pairs->sibling;

        pairs->sibling = NULL;
        root = merge(root, pairs);
        pairs = next;
    }
    return root;
}

void amble__timers_disarm(amble__timers *timers, amble__timer *timer)
{
    amble__timer *children;

    if (!timer->armed)
        return;
    children = merge_siblings(timer->child);
    if (timer == timers->root) {
        timers->root = children;
    } else {
        if (timer->previous->child == timer)
            timer->previous->child = timer->sibling;
        else
            timer->previous->sibling = timer->sibling;
        if (timer->sibling)
            timer->sibling->previous = timer->previous;
        timers->root = merge(timers->root, children);
    }
    timer->child = timer->sibling = timer->previous = NULL;
    timer->armed = false;
}

void amble__timers_arm(amble__timers *timers, amble__timer *timer, uint64_t deadline_us)
{
    amble__timers_disarm(timers, timer);
    /* During a run the past is over: what is due already comes after everything that was due before. */
    timer->deadline_us = deadline_us > timers->running_us ? deadline_us : timers->running_us;
    timer->order = timers->order++;
    timer->child = timer->sibling = timer->previous = NULL;
    timer->armed = true;
    timers->root = merge(timers->root, timer);
}

unsigned amble__timers_run(amble__timers *timers, uint64_t now_us)
{
    const uint64_t limit = timers->order;
    unsigned fired = 0;

    timers->running_us = now_us;
    while (timers->root && timers->root->deadline_us <= now_us && timers->root->order < limit) {
        amble__timer *timer = timers->root;

        amble__timers_disarm(timers, timer);
        fired++;
        timer->fire(timer);
    }
    timers->running_us = 0;
    return fired;
}
