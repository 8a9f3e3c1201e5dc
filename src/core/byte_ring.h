/* A queue of bytes in a block of somebody else's: what is put in at one end is taken out at the other. Puts and takes
 * must fit; whoever calls asks before. An empty ring starts at the block's beginning again, so what was put into an
 * empty ring in one go lies in one piece. */
#ifndef AMBLE_CORE_BYTE_RING_H
#define AMBLE_CORE_BYTE_RING_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    uint8_t *bytes;
    size_t size, head, used;
} amble__byte_ring;

static inline size_t amble__ring_room(const amble__byte_ring *ring) { return ring->size - ring->used; }
static inline void amble__ring_clear(amble__byte_ring *ring) { ring->head = ring->used = 0; }
static inline void amble__ring_put(amble__byte_ring *ring, const void *data, size_t size)
{
    const size_t at = ring->head + ring->used, tail = at < ring->size ? at : at - ring->size;
    const size_t first = size < ring->size - tail ? size : ring->size - tail;

    if (!size)
        return;
    memcpy(ring->bytes + tail, data, first);
    memcpy(ring->bytes, (const uint8_t *)data + first, size - first);
    ring->used += size;
}
/* Copies the oldest bytes, which stay. */
static inline void amble__ring_peek(const amble__byte_ring *ring, void *out, size_t size)
{
    const size_t first = size < ring->size - ring->head ? size : ring->size - ring->head;

    if (!size)
        return;
    memcpy(out, ring->bytes + ring->head, first);
    memcpy((uint8_t *)out + first, ring->bytes, size - first);
}
static inline void amble__ring_take(amble__byte_ring *ring, void *out, size_t size)
{
    amble__ring_peek(ring, out, size);
    ring->head += size;
    if (ring->head >= ring->size)
        ring->head -= ring->size;
    ring->used -= size;
    if (!ring->used)
        ring->head = 0;
}
#endif
