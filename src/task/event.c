/* Events and queues.
 *
 * An event belongs to the scheduler whose task waited for it last. Other threads see one atomic word of it, `wake`:
 * 0; EARLY, set before anybody waited; or the scheduler's address, with LISTED when the event is in its list of
 * wakes. Whoever adds LISTED puts the event into the list, so it is there at most once. Every step is one
 * read-modify-write of that word: what a thread wrote before amble_wake is seen after the wait, and a thread does
 * not touch an event that its wake may have ended. */
#include <string.h>

#include "task/task_internal.h"

enum { EARLY = 1, LISTED = 2 }; /* schedulers lie at multiples of 4 and more */

struct event_inside {
    _Atomic(uintptr_t) wake;
    amble__list waiters;
    event_inside *next_wake;
    bool set;
};
_Static_assert(sizeof(event_inside) <= sizeof(amble_event), "amble_event has room for its inside");

static event_inside *inside(amble_event *event)
{
    event_inside *e = (event_inside *)(void *)event;

    if (!e->waiters.next)
        amble__list_init(&e->waiters);
    return e;
}

/* Binds the event to this scheduler (the one it was bound to before is gone) and takes what other threads have set
 * so far. */
static void bind(event_inside *e)
{
    const uintptr_t mine = (uintptr_t)amble__this_scheduler;
    uintptr_t word = atomic_load(&e->wake);

    if (word == mine)
        return;
    while ((word & ~(uintptr_t)LISTED) != mine)
        if (atomic_compare_exchange_weak(&e->wake, &word, mine)) {
            e->set = e->set || word == EARLY;
            return;
        }
    amble__events_collect(amble__this_scheduler);
}

static void set(event_inside *e)
{
    bool taken = false;

    e->set = true;
    amble__list_each (node, &e->waiters)
        if (!amble__container(node, amble__waiter, node)->keeps)
            taken = true;
    amble__waiters_end(&e->waiters, 0);
    if (taken)
        e->set = false;
}

void amble_event_set(amble_event *event) { set(inside(event)); }

void amble_event_clear(amble_event *event)
{
    event_inside *e = inside(event);
    uintptr_t early = EARLY;

    if (amble__this_scheduler)
        bind(e);
    else
        (void)atomic_compare_exchange_strong(&e->wake, &early, 0); /* any other word says nothing */
    e->set = false;
}

int amble_event_wait(amble_event *event, int timeout_ms)
{
    event_inside *e = inside(event);
    int r = amble__wait_check();

    if (r < 0)
        return r;
    bind(e);
    if (!e->set)
        return amble__wait_on(&e->waiters, timeout_ms);
    e->set = false;
    return 0;
}

/* The scheduler does not close while somebody is in here; after the exchange the event may be gone. */
static void list_wake(amble__scheduler *s, event_inside *e)
{
    event_inside *head = atomic_load(&s->wakes);

    atomic_fetch_add(&s->wakers, 1);
    do
        e->next_wake = head;
    while (!atomic_compare_exchange_weak(&s->wakes, &head, e));
    amble__loop_wake(s->loop);
    atomic_fetch_sub(&s->wakers, 1);
}

void amble_wake(amble_event *event)
{
    event_inside *e = (event_inside *)(void *)event;
    uintptr_t word = atomic_load(&e->wake), marked;

    do
        marked = word > EARLY ? word | LISTED : EARLY;
    while (!atomic_compare_exchange_weak(&e->wake, &word, marked));
    if (word > EARLY && !(word & LISTED))
        list_wake((amble__scheduler *)word, e);
}

void amble__events_collect(amble__scheduler *s)
{
    event_inside *e = atomic_exchange(&s->wakes, NULL), *oldest = NULL;

    while (e) { /* the list is latest first; turned round it is in the order of the calls */
        event_inside *next = e->next_wake;

        e->next_wake = oldest;
        oldest = e;
        e = next;
    }
    while (oldest) {
        event_inside *next = oldest->next_wake;

        (void)atomic_fetch_and(&oldest->wake, ~(uintptr_t)LISTED);
        (void)inside((amble_event *)(void *)oldest); /* its list may be new */
        set(oldest);
        oldest = next;
    }
}

/* --- as a source -------------------------------------------------------------------------------------------------- */
static event_inside *event_of(const amble_source *source)
{
    event_inside *e = inside((amble_event *)(uintptr_t)source->object);

    bind(e);
    return e;
}
static bool event_ready(const amble_source *source) { return event_of(source)->set; }
static amble__list *event_waiters(const amble_source *source) { return &event_of(source)->waiters; }

amble_source amble_on_event(amble_event *event)
{
    static const amble__source_kind kind = {.ready = event_ready, .waiters = event_waiters};

    return (amble_source){.kind = &kind, .object = event};
}

/* --- queues ------------------------------------------------------------------------------------------------------- */
typedef struct {
    uint8_t *storage;
    size_t item_size, capacity, head, count;
    amble__list takers, putters;
} queue_inside;
_Static_assert(sizeof(queue_inside) <= sizeof(amble_queue), "amble_queue has room for its inside");

static queue_inside *queue_of(amble_queue *queue) { return (queue_inside *)(void *)queue; }

void amble_queue_init(amble_queue *queue, void *storage, size_t item_size, size_t capacity)
{
    queue_inside *q = queue_of(queue);

    *q = (queue_inside){.storage = storage, .item_size = item_size, .capacity = capacity};
    amble__list_init(&q->takers);
    amble__list_init(&q->putters);
}

size_t amble_queue_count(const amble_queue *queue) { return ((const queue_inside *)(const void *)queue)->count; }

/* Waits until there is an item (or room); another task may have been faster after a wake, so the question is asked
 * again. */
static int wait_for(const queue_inside *q, amble__list *waiters, bool for_item, int timeout_ms)
{
    const uint64_t deadline = amble__due(timeout_ms);
    int r = amble__wait_check();

    while (r >= 0 && (for_item ? q->count == 0 : q->count == q->capacity))
        r = amble__wait_on_until(waiters, deadline);
    return r;
}

int amble_queue_put(amble_queue *queue, const void *item, int timeout_ms)
{
    queue_inside *q = queue_of(queue);
    int r = wait_for(q, &q->putters, false, timeout_ms);

    if (r < 0)
        return r;
    memcpy(q->storage + (q->head + q->count) % q->capacity * q->item_size, item, q->item_size);
    q->count++;
    amble__waiters_end_taker(&q->takers);
    return 0;
}

int amble_queue_take(amble_queue *queue, void *item, int timeout_ms)
{
    queue_inside *q = queue_of(queue);
    int r = wait_for(q, &q->takers, true, timeout_ms);

    if (r < 0)
        return r;
    memcpy(item, q->storage + q->head * q->item_size, q->item_size);
    q->head = (q->head + 1) % q->capacity;
    q->count--;
    amble__waiters_end_taker(&q->putters);
    return 0;
}

static bool queue_ready(const amble_source *source) { return ((const queue_inside *)source->object)->count > 0; }
static amble__list *queue_takers(const amble_source *source)
{
    return &((queue_inside *)(uintptr_t)source->object)->takers;
}

amble_source amble_on_queue(amble_queue *queue)
{
    static const amble__source_kind kind = {.ready = queue_ready, .waiters = queue_takers};

    return (amble_source){.kind = &kind, .object = queue};
}
