/* See arena.h. Invariant: `used` is a multiple of the strictest alignment. */
#include "core/arena.h"

#include <stdalign.h>
#include <string.h>

void *amble__arena_take(amble__arena *arena, size_t count, size_t size)
{
    const size_t alignment = alignof(max_align_t);
    const size_t bytes = (count * size + alignment - 1) / alignment * alignment;
    const size_t at = arena->used;

    arena->used += bytes;
    if (!arena->block || arena->used > arena->size)
        return NULL;
    memset(arena->block + at, 0, bytes);
    return arena->block + at;
}
