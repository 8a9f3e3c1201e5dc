/* See value_queue.h. Invariants: every entry is in exactly one of free, pending and viewed; pending is in the order of
 * arrival; per viewer at most one entry is viewed and at most one task waits. */
#include "gatt/value_queue.h"

#include "core/rare.h"

typedef struct {
    amble__waiter waiter;
    const amble_connection *viewer;
} queue_waiter;

void amble__value_queue_init(amble__value_queue *queue, uint64_t *dropped_in_all)
{
    *queue = (amble__value_queue){.dropped_in_all = dropped_in_all, .ends = queue->ends};
    amble__list_init(&queue->free);
    amble__list_init(&queue->pending);
    amble__list_init(&queue->viewed);
    amble__list_init(&queue->waiters);
}

void amble__value_queue_end(amble__value_queue *queue, int error)
{
    queue->ends++;
    queue->end = error;
    amble__waiters_end(&queue->waiters, error);
}

void amble__value_queue_add(amble__value_queue *queue, amble__value_entry *entry)
{
    entry->value.data = entry->bytes;
    amble__list_append(&queue->free, &entry->node);
}

static queue_waiter *waiter_of(amble__list *node)
{
    return amble__container(amble__container(node, amble__waiter, node), queue_waiter, waiter);
}

static bool would_take(const amble__waiter *waiter, const amble_connection *conn)
{
    const queue_waiter *w = amble__container(waiter, queue_waiter, waiter);

    return !waiter->keeps && (!w->viewer || w->viewer == conn);
}

/* Wakes all that only look, and the first that would take this link's value. */
static AMBLE__RARE void wake_among_several(amble__value_queue *queue, const amble_connection *conn)
{
    amble__list *node = queue->waiters.next, *taker = NULL;

    while (node != &queue->waiters) {
        amble__waiter *waiter = amble__container(node, amble__waiter, node);

        if (waiter->keeps) {
            amble__wait_end(waiter->wait, 0);
            node = queue->waiters.next;
            continue;
        }
        if (!taker && would_take(waiter, conn))
            taker = node;
        node = node->next;
    }
    if (taker)
        amble__wait_end(amble__container(taker, amble__waiter, node)->wait, 0);
}

void amble__value_queue_wake(amble__value_queue *queue, const amble_connection *conn)
{
    amble__waiter *first = amble__container(queue->waiters.next, amble__waiter, node);

    if (first->node.next == &queue->waiters && would_take(first, conn))
        amble__wait_end(first->wait, 0);
    else
        wake_among_several(queue, conn);
}

/* A view by a link that is over, and whose owner will not ask again. */
static bool view_is_over(const amble__value_entry *entry)
{
    return entry->viewer && amble__link_check(entry->value.conn, entry->generation) == AMBLE_ERR_STALE;
}

static bool settles(amble__list *node, const amble_connection *viewer)
{
    const amble__value_entry *entry = amble__container(node, amble__value_entry, node);

    return entry->viewer == viewer || view_is_over(entry);
}

void amble__value_queue_settle(amble__value_queue *queue, const amble_connection *viewer)
{
    amble__list_each (node, &queue->viewed)
        if (settles(node, viewer))
            amble__list_move(&queue->free, node);
}

bool amble__value_queue_can_settle(const amble__value_queue *queue, const amble_connection *viewer)
{
    amble__list_each (node, &queue->viewed)
        if (settles(node, viewer))
            return true;
    return false;
}

bool amble__value_queue_full(const amble__value_queue *queue)
{
    if (!amble__list_empty(&queue->free))
        return false;
    for (amble__list *node = queue->viewed.next; node != &queue->viewed; node = node->next)
        if (view_is_over(amble__container(node, amble__value_entry, node)))
            return false;
    return true;
}

AMBLE__RARE bool amble__value_queue_reclaim(amble__value_queue *queue)
{
    amble__list_each (node, &queue->viewed) {
        if (view_is_over(amble__container(node, amble__value_entry, node))) {
            amble__list_move(&queue->free, node);
            return true;
        }
    }
    return false;
}

bool amble__value_queue_push(amble__value_queue *queue, amble_connection *conn, uint64_t arrival, amble__bytes data,
                             bool indication)
{
    amble__value_entry *entry = amble__value_queue_room(queue);

    if (!entry)
        return false;
    amble__value_queue_put(queue, entry, conn, arrival, data, indication);
    return true;
}

void amble__value_queue_replace(amble__value_queue *queue, amble_connection *conn, uint64_t arrival, amble__bytes data)
{
    if (!amble__list_empty(&queue->pending))
        amble__list_move(&queue->free, queue->pending.next);
    if (!amble__value_queue_push(queue, conn, arrival, data, false))
        amble__value_queue_drop(queue); /* every entry is in somebody's view */
}

void amble__value_queue_drop(amble__value_queue *queue)
{
    queue->dropped++;
    ++*queue->dropped_in_all;
}

/* Whether the link of its writer is still the same. */
static bool is_present(const amble__value_entry *entry)
{
    return entry->value.conn->state != AMBLE__LINK_FREE && entry->value.conn->generation == entry->generation;
}

static amble__value_entry *oldest(const amble__value_queue *queue, const amble_connection *from)
{
    for (amble__list *node = queue->pending.next; node != &queue->pending; node = node->next) {
        amble__value_entry *entry = amble__container(node, amble__value_entry, node);

        if (!from || (entry->value.conn == from && entry->generation == from->generation))
            return entry;
    }
    return NULL;
}

static int wait_for_value(amble__value_queue *queue, amble_connection *from, uint64_t deadline_us)
{
    amble__wait wait;
    queue_waiter on_value;
    amble__waiter on_loss;

    for (amble__list *node = queue->waiters.next; node != &queue->waiters; node = node->next)
        if (!amble__container(node, amble__waiter, node)->keeps && waiter_of(node)->viewer == from)
            return amble__wait_refuse(AMBLE_ERR_BUSY);
    on_value.viewer = from;
    amble__wait_begin(&wait, &on_value.waiter, &queue->waiters);
    if (from)
        amble__wait_add(&wait, &on_loss, &from->losses);
    return amble__wait_run_until(&wait, deadline_us);
}

/* Waits until there is one, and returns it; NULL: `*r` is why there is none. */
static inline amble__value_entry *await(amble__value_queue *queue, amble_connection *from, int timeout_ms, int *r)
{
    const uint64_t deadline = amble__due(timeout_ms);
    const unsigned ends = queue->ends;
    amble__value_entry *entry;

    do {
        if (from && from->end < 0) {
            *r = amble__wait_refuse(from->end);
            return NULL;
        }
        *r = wait_for_value(queue, from, deadline);
        if (*r == 0 && queue->ends != ends) /* between the wake and now; it may live again already */
            *r = queue->end < 0 ? queue->end : AMBLE_ERR_STALE;
        /* What was queued before the link was lost is still delivered. An amble_timeout may be bound to another
         * link. */
        else if (*r == AMBLE_ERR_DISCONNECTED && from && from->end < 0)
            *r = 0;
        if (*r < 0)
            return NULL;
    } while (!(entry = oldest(queue, from)));
    return entry;
}

int amble__value_queue_take(amble__value_queue *queue, amble_connection *from, int timeout_ms, amble_value *value)
{
    amble__value_entry *entry;
    int r = amble__wait_check();

    if (r < 0)
        return r;
    amble__value_queue_settle(queue, from);
    if (!(entry = oldest(queue, from)) && !(entry = await(queue, from, timeout_ms, &r)))
        return r;
    entry->viewer = from;
    amble__list_move(&queue->viewed, &entry->node);
    *value = entry->value;
    if (!is_present(entry))
        value->conn = NULL;
    return 0;
}

uint64_t amble__value_queue_order(const amble__value_queue *queue)
{
    return amble__list_empty(&queue->pending) ? 0
                                              : amble__container(queue->pending.next, amble__value_entry, node)->order;
}
