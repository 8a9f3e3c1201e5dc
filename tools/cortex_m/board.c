/* A bare board for the tests: how it starts, and what amble asks of a port. It has no clock of its own, so its programs
 * run in virtual time, and nothing wakes it but they themselves. Its output goes through the debugger's interface
 * (semihosting), which QEMU provides. */
#include <amble.h>
#include <stdio.h>
#include <stdlib.h>

#include "port/loop.h"
#include "port/system.h"

/* --- starting ----------------------------------------------------------------------------------------------------- */
enum { VECTORS = 16 }; /* those of the processor itself */
#define COPROCESSOR_ACCESS                                                                                             \
    (*(volatile uint32_t *)0xe000ed88u) /* CPACR, ARMv7-M Architecture Reference Manual B3.2.20 */

extern uint32_t board_stack_top[];
void _start(void); /* the C library's: clears memory, calls main */

static void start(void)
{
#if defined(__ARM_FP)
    COPROCESSOR_ACCESS |= 0xfu << 20; /* full access to the floating-point unit */
    __asm__ volatile("dsb\n    isb");
#endif
    _start();
}

static void fault(void)
{
    (void)puts("board: the processor stopped at a fault");
    _Exit(1);
}

__attribute__((section(".vectors"), used)) static const void *const vectors[VECTORS] = {
    board_stack_top,          (void *)(uintptr_t)start, (void *)(uintptr_t)fault, (void *)(uintptr_t)fault,
    (void *)(uintptr_t)fault, (void *)(uintptr_t)fault, (void *)(uintptr_t)fault};

/* The C library's memory, up to a part that main's stack keeps. Its own version would compare with the stack pointer,
 * which a task has elsewhere. */
void *_sbrk(ptrdiff_t size);
void *_sbrk(ptrdiff_t size)
{
    extern char __end__[], board_heap_end[];
    static char *free_from = __end__;
    char *taken = free_from;

    if (board_heap_end - free_from < size)
        return (void *)-1;
    free_from += size;
    return taken;
}

/* --- the port ----------------------------------------------------------------------------------------------------- */
uint64_t amble__port_now_us(void) { return 0; }

/* Virtual time takes its numbers from a seed. */
void amble__port_random(void *buffer, size_t size)
{
    (void)buffer, (void)size;
    (void)puts("board: there are no random numbers here");
    _Exit(1);
}

int amble__loop_open(amble__loop **loop)
{
    *loop = NULL;
    return 0;
}
void amble__loop_close(amble__loop *loop) { (void)loop; }
void amble__loop_wait(amble__loop *loop, int64_t timeout_us) { (void)loop, (void)timeout_us; }
bool amble__loop_active(const amble__loop *loop)
{
    (void)loop;
    return false;
}
void amble__loop_wake(amble__loop *loop) { (void)loop; }
int amble__loop_fd(const amble__loop *loop)
{
    (void)loop;
    return -1;
}
int amble__loop_watch(amble__loop *loop, int fd, bool writable, void (*ready)(void *user), void *user,
                      amble__watch **watch)
{
    (void)loop, (void)fd, (void)writable, (void)ready, (void)user, (void)watch;
    return AMBLE_ERR_UNSUPPORTED;
}
void amble__loop_unwatch(amble__watch *watch) { (void)watch; }

#if __ARM_ARCH < 7
/* ARMv6-M has no exclusive access; gcc calls these, and a board with one processor and no interrupts needs no more. */
unsigned __atomic_exchange_4(volatile void *object, unsigned value, int order)
{
    const unsigned before = *(volatile unsigned *)object;

    (void)order;
    *(volatile unsigned *)object = value;
    return before;
}
unsigned __atomic_fetch_and_4(volatile void *object, unsigned value, int order)
{
    return __atomic_exchange_4(object, *(volatile unsigned *)object & value, order);
}
unsigned __atomic_fetch_or_4(volatile void *object, unsigned value, int order)
{
    return __atomic_exchange_4(object, *(volatile unsigned *)object | value, order);
}
unsigned __atomic_fetch_add_4(volatile void *object, unsigned value, int order)
{
    return __atomic_exchange_4(object, *(volatile unsigned *)object + value, order);
}
unsigned __atomic_fetch_sub_4(volatile void *object, unsigned value, int order)
{
    return __atomic_exchange_4(object, *(volatile unsigned *)object - value, order);
}
_Bool __atomic_compare_exchange_4(volatile void *object, void *expected, unsigned value, _Bool weak, int success,
                                  int failure)
{
    const unsigned before = *(volatile unsigned *)object;
    const _Bool same = before == *(unsigned *)expected;

    (void)weak, (void)success, (void)failure;
    if (same)
        *(volatile unsigned *)object = value;
    else
        *(unsigned *)expected = before;
    return same;
}
#endif
