/* Stack switch through POSIX ucontext, for processors without one of their own. Slower: it changes the signal mask
 * each time. */
#include "task/switch.h"

#ifdef AMBLE__SWITCH_UCONTEXT
#include <stdint.h>

/* makecontext passes ints only, so pointers travel in halves. */
static void enter(unsigned entry_high, unsigned entry_low, unsigned arg_high, unsigned arg_low)
{
    void (*entry)(void *arg) = (void (*)(void *))(uintptr_t)((uint64_t)entry_high << 32 | entry_low);

    entry((void *)(uintptr_t)((uint64_t)arg_high << 32 | arg_low));
}

void amble__context_make(amble__context *context, void *stack, size_t size, void (*entry)(void *arg), void *arg)
{
    const uint64_t e = (uint64_t)(uintptr_t)entry, a = (uint64_t)(uintptr_t)arg;

    (void)getcontext(&context->context); /* fails on no known system */
    context->context.uc_stack.ss_sp = stack;
    context->context.uc_stack.ss_size = size;
    context->context.uc_link = NULL;
    makecontext(&context->context, (void (*)(void))enter, 4, (unsigned)(e >> 32), (unsigned)e, (unsigned)(a >> 32),
                (unsigned)a);
}

int amble__context_switch(amble__context *from, amble__context *to)
{
    (void)swapcontext(&from->context, &to->context); /* fails on no known system once the context is made */
    return from->value;
}
#else
typedef int amble__switch_ucontext_is_not_used;
#endif
