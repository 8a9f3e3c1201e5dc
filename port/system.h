/* What the operating system supplies to the scheduler: a clock, bytes nobody can predict, memory for stacks.
 * One implementation per system: `system_posix.c` here. */
#ifndef AMBLE_PORT_SYSTEM_H
#define AMBLE_PORT_SYSTEM_H
#include <stddef.h>
#include <stdint.h>

/* Microseconds of a clock that never goes back; its zero has no meaning. */
uint64_t amble__port_now_us(void);
/* Fills `buffer` from the system's generator; ends the process if the system has none, since going on would be
 * unsafe. */
void amble__port_random(void *buffer, size_t size);

/* A stack of at least `size` bytes, mapped lazily, with an inaccessible guard page below it. Returns the lowest usable
 * address and the usable size, or NULL. */
void *amble__port_stack_map(size_t size, size_t *usable);
void amble__port_stack_unmap(void *stack, size_t usable);
size_t amble__port_page_size(void);

/* A process that was started without one of its standard streams would have the next socket in its place, and lines for
 * people would go to a controller. Fills such a place with a stream that is empty when read, and refuses what is
 * written. */
void amble__port_fill_standard_streams(void);
#endif
