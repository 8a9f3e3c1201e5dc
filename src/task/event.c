/* Events and queues.
 *
 * An event belongs to the scheduler of the first task that waits for it. Setting it from another thread goes through one
 * atomic word, wake_state: IDLE; EARLY, set before anybody waited; or LISTED, in the scheduler's list of wakes. Whoever moves it to
 * LISTED puts it into the list, so it is in the list at most once; the first wait moves EARLY back to IDLE and finds it set. */
#include <string.h>

#include "task/task_internal.h"

enum { WAKE_IDLE, WAKE_EARLY, WAKE_LISTED };

struct event_inside {
    _Atomic(amble__scheduler *) scheduler;
    amble__list waiters;
    event_inside *next_wake;
    _Atomic unsigned wake_state;
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

static void bind(event_inside *e)
{
    unsigned early = WAKE_EARLY;

    if (!atomic_load(&e->scheduler))
        atomic_store(&e->scheduler, amble__this_scheduler);
    if (atomic_compare_exchange_strong(&e->wake_state, &early, WAKE_IDLE))
        e->set = true;
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
void amble_event_clear(amble_event *event) { inside(event)->set = false; }

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

static void list_wake(amble__scheduler *s, event_inside *e)
{
    event_inside *head = atomic_load(&s->wakes);

    do
        e->next_wake = head;
    while (!atomic_compare_exchange_weak(&s->wakes, &head, e));
    amble__loop_wake(s->loop);
}

void amble_wake(amble_event *event)
{
    event_inside *e = (event_inside *)(void *)event;
    amble__scheduler *s = atomic_load(&e->scheduler);
    unsigned state = WAKE_IDLE;

    if (!s) {
        (void)atomic_compare_exchange_strong(&e->wake_state, &state, WAKE_EARLY); /* any other state is as good */
        s = atomic_load(&e->scheduler);
        state = WAKE_EARLY;
        if (s && atomic_compare_exchange_strong(&e->wake_state, &state, WAKE_LISTED))
            list_wake(s, e);
    } else if (atomic_exchange(&e->wake_state, WAKE_LISTED) != WAKE_LISTED) {
        list_wake(s, e);
    }
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

        atomic_store(&oldest->wake_state, WAKE_IDLE);
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

/* Waits until there is an item (or room); another task may have been faster after a wake, so the question is asked again. */
static int wait_for(const queue_inside *q, amble__list *waiters, bool for_item, int timeout_ms)
{
    const uint64_t deadline = timeout_ms == 0 ? 0 : amble__deadline(timeout_ms);
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

static bool queue_ready(const amble_source *source)
{
    return ((const queue_inside *)source->object)->count > 0;
}
static amble__list *queue_takers(const amble_source *source)
{
    return &((queue_inside *)(uintptr_t)source->object)->takers;
}

amble_source amble_on_queue(amble_queue *queue)
{
    static const amble__source_kind kind = {.ready = queue_ready, .waiters = queue_takers};

    return (amble_source){.kind = &kind, .object = queue};
}
