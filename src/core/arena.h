/* An arena: one block of memory, handed out from its start, never given back in parts.
 *
 * An object lays out its memory by taking from an arena in a fixed order. The same code run on an arena without a block
 * counts the bytes: so a size and a layout cannot disagree. */
#ifndef AMBLE_CORE_ARENA_H
#define AMBLE_CORE_ARENA_H
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t *block; /* NULL: only counts */
    size_t size;
    size_t used; /* grows beyond `size` when the block is too small */
} amble__arena;

/* `count` zeroed objects of `size` bytes, aligned for any type; NULL when the arena counts or is used up. */
void *amble__arena_take(amble__arena *arena, size_t count, size_t size);
#endif
