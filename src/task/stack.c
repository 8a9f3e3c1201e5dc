/* The stacks of tasks: mapped ones with a guard page, recycled through the scheduler's list, and the caller's own,
 * which carry a canary in their lowest word. The description of a stack lies at the top of the stack itself, so
 * there is no allocation besides. */
#include <string.h>

#include "port/system.h"
#include "task/task_internal.h"

#if defined(__has_include) && !defined(AMBLE__NO_VALGRIND)
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#define AMBLE__VALGRIND 1
#endif
#endif

#ifdef AMBLE__ASAN
#include <sanitizer/asan_interface.h>
#endif

/* A smaller stack could not even hold the first frames of a task. */
enum { SMALLEST_STACK = 128 * sizeof(void *) };

/* What an untouched word of a stack holds: new mappings are zero, the caller's stacks are painted with this. */

static amble__stack *describe(void *memory, size_t size)
{
    const uintptr_t top = ((uintptr_t)memory + size - sizeof(amble__stack)) & ~(uintptr_t)15;
    amble__stack *stack = (amble__stack *)top;

    *stack = (amble__stack){.memory = memory, .size = (size_t)(top - (uintptr_t)memory)};
#ifdef AMBLE__VALGRIND
    stack->valgrind_id = VALGRIND_STACK_REGISTER(memory, stack);
#endif
    return stack;
}

/* The memory is no stack any more. */
static void forget(const amble__stack *stack)
{
#ifdef AMBLE__VALGRIND
    VALGRIND_STACK_DEREGISTER(stack->valgrind_id);
    /* What lay below the stack pointer may be read again. */
    (void)VALGRIND_MAKE_MEM_DEFINED(stack->memory, stack->size);
#endif
    (void)stack;
}

amble__stack *amble__stack_adopt(void *memory, size_t size)
{
    const uintptr_t start = ((uintptr_t)memory + sizeof(uintptr_t) - 1) & ~(uintptr_t)(sizeof(uintptr_t) - 1);
    const size_t usable = size - (size_t)(start - (uintptr_t)memory);
    uintptr_t *word = (uintptr_t *)start;

    if (size < SMALLEST_STACK)
        return NULL;
    for (size_t i = 0; i < usable / sizeof *word; i++)
        word[i] = AMBLE__STACK_PAINT;
    return describe(word, usable);
}

size_t amble__stack_used(const amble__stack *stack)
{
    const uintptr_t *word = (const uintptr_t *)(const void *)stack->memory;
    const uintptr_t untouched = stack->mapped ? 0 : AMBLE__STACK_PAINT;
    size_t free_words = 0;

#ifdef AMBLE__VALGRIND
    VALGRIND_DISABLE_ERROR_REPORTING; /* this looks below the stack pointer on purpose */
#endif
    while (free_words < stack->size / sizeof *word && word[free_words] == untouched)
        free_words++;
#ifdef AMBLE__VALGRIND
    VALGRIND_ENABLE_ERROR_REPORTING;
#endif
    return stack->size - free_words * sizeof *word;
}

#ifdef AMBLE__HOSTED
amble__stack *amble__stack_take(amble__scheduler *s)
{
    amble__stack *stack = s->free_stacks;
    size_t usable;
    void *memory;

    if (stack) {
        s->free_stacks = stack->next;
        return stack;
    }
    memory = amble__port_stack_map(s->options.stack_size, &usable);
    if (!memory)
        return NULL;
    stack = describe(memory, usable);
    stack->mapped = true;
    return stack;
}

void amble__stack_free(amble__stack *stack)
{
    uint8_t *memory = stack->memory;
    const size_t page = amble__port_page_size();
    const size_t usable = (stack->size + sizeof *stack + page - 1) / page * page;

    forget(stack);
    amble__port_stack_unmap(memory, usable);
}
#else
amble__stack *amble__stack_take(amble__scheduler *s)
{
    (void)s; /* a bare board has no memory to map: amble_spawn_on */
    return NULL;
}

void amble__stack_free(amble__stack *stack) { (void)stack; /* the caller's */ }
#endif

void amble__stack_give_back(amble__scheduler *s, amble__stack *stack)
{
#ifdef AMBLE__ASAN
    /* A task ends by switching away: the red zones of frames that never returned must not outlive it. */
    ASAN_UNPOISON_MEMORY_REGION(stack->memory, stack->size);
#endif
    if (!stack->mapped) {
        forget(stack);
        return;
    }
    stack->next = s->free_stacks;
    s->free_stacks = stack;
}
