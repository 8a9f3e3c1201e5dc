/* A queue of values that arrived unasked: writes of a characteristic, notifications of a subscription.
 *
 * Its entries are its own, so nobody else's unread values can fill it. A value that was taken stays, as the view its
 * taker has, until that taker's next call. Values of one writer can be taken apart from the others'. What found the
 * queue full is counted and reported with the next value. */
#ifndef AMBLE_GATT_VALUE_QUEUE_H
#define AMBLE_GATT_VALUE_QUEUE_H
#include <amble/gatt_server.h>

#include "link/connection.h"

typedef struct {
    amble__list node;
    amble_value value;   /* what its taker gets, unless the writer's link ends before */
    uint32_t generation; /* of that link, at the time */
    uint64_t order;
    const void *viewer; /* while it is viewed: by whom */
    uint8_t *bytes;     /* the value's */
} amble__value_entry;

typedef struct {
    amble__list free, pending, viewed;
    amble__list waiters;
    uint32_t dropped; /* since the last value that found room */
    uint64_t *dropped_in_all;
    unsigned ends; /* how often it has ended so far, over all its lives */
    int end;       /* what it ended with last */
} amble__value_queue;

/* Makes an empty queue of zeroed memory, or of one that has ended. */
void amble__value_queue_init(amble__value_queue *queue, uint64_t *dropped_in_all);
/* Every wait on the queue ends with `error`, also of a task that was woken and has not run yet. */
void amble__value_queue_end(amble__value_queue *queue, int error);
void amble__value_queue_add(amble__value_queue *queue, amble__value_entry *entry);
/* Frees an entry whose view is over, of a link that was lost; false: there is none. */
bool amble__value_queue_reclaim(amble__value_queue *queue);
/* Wakes who waits for a value of this link. */
void amble__value_queue_wake(amble__value_queue *queue, const amble_connection *conn);
/* An entry to put a value in; NULL: the queue is full. */
static inline amble__value_entry *amble__value_queue_room(amble__value_queue *queue)
{
    if (amble__list_empty(&queue->free) && !amble__value_queue_reclaim(queue))
        return NULL;
    return amble__container(queue->free.next, amble__value_entry, node);
}
/* Puts a value in there and wakes who waits for it. */
static inline void amble__value_queue_put(amble__value_queue *queue, amble__value_entry *entry, amble_connection *conn,
                                          uint64_t arrival, amble__bytes data, bool indication)
{
    entry->generation = conn->generation;
    entry->order = arrival;
    entry->value.size = data.size;
    entry->value.dropped = queue->dropped;
    entry->value.conn = conn;
    entry->value.device = conn->device;
    entry->value.indication = indication;
    if (data.size)
        memcpy(entry->bytes, data.data, data.size);
    queue->dropped = 0;
    amble__list_move(&queue->pending, &entry->node);
    if (!amble__list_empty(&queue->waiters))
        amble__value_queue_wake(queue, conn);
}
/* Both; false when the queue is full (not counted: see amble__value_queue_drop). */
bool amble__value_queue_push(amble__value_queue *queue, amble_connection *conn, uint64_t arrival, amble__bytes data,
                             bool indication);
/* The same, but a value that nobody took yet gives way to the new one. */
void amble__value_queue_replace(amble__value_queue *queue, amble_connection *conn, uint64_t arrival, amble__bytes data);
void amble__value_queue_drop(amble__value_queue *queue);
/* Gives back the viewer's last value and waits for the oldest, with `from` not NULL the oldest of that link, whose loss
 * then ends the wait. Whoever owns the queue ends it together with the host. */
int amble__value_queue_take(amble__value_queue *queue, amble_connection *from, int timeout_ms, amble_value *value);
/* Gives back the value that `viewer` (a link, or NULL) has in view. */
void amble__value_queue_settle(amble__value_queue *queue, const amble_connection *viewer);
/* Whether that would give back any. */
bool amble__value_queue_can_settle(const amble__value_queue *queue, const amble_connection *viewer);
bool amble__value_queue_full(const amble__value_queue *queue);
/* The order of its oldest value, 0 when it is empty. */
uint64_t amble__value_queue_order(const amble__value_queue *queue);
#endif
