/* Changing stacks: the only part of the tasks that knows the processor.
 *
 * A context is where a stack was left. amble__context_switch saves the running one and continues another; it returns
 * when somebody switches back, with the value that was put into its context meanwhile. What the caller's calling
 * convention preserves is preserved, nothing else. One implementation is compiled: x86-64, AArch64 and Cortex-M in
 * assembly, everything else (or AMBLE__UCONTEXT) through POSIX ucontext. */
#ifndef AMBLE_TASK_SWITCH_H
#define AMBLE_TASK_SWITCH_H
#include <stddef.h>

#if !defined(AMBLE__UCONTEXT) && defined(__x86_64__) && defined(__ELF__) && !defined(__ILP32__)
#define AMBLE__SWITCH_X86_64 1
#elif !defined(AMBLE__UCONTEXT) && defined(__aarch64__) && defined(__ELF__) && defined(__LP64__)
#define AMBLE__SWITCH_AARCH64 1
#elif !defined(AMBLE__UCONTEXT) && defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
#define AMBLE__SWITCH_CORTEX_M 1
#else
#define AMBLE__SWITCH_UCONTEXT 1
#include <ucontext.h>
#endif

typedef struct {
#ifdef AMBLE__SWITCH_UCONTEXT
    ucontext_t context;
#else
    void *stack_pointer; /* first, and the value behind it: the assembly knows */
#endif
    int value; /* what the switch that left this context returns when it is continued */
} amble__context;

/* Prepares `context` so that the first switch to it calls entry(arg) on the given stack. `entry` never returns. */
void amble__context_make(amble__context *context, void *stack, size_t size, void (*entry)(void *arg), void *arg);
int amble__context_switch(amble__context *from, amble__context *to);
#endif
