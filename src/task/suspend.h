/* Between the scheduler and a task: the change of stack, of which the sanitizers are told.
 *
 * Here rather than in a source because each wake comes through both directions: they become part of the few functions
 * that use them. */
#ifndef AMBLE_TASK_SUSPEND_H
#define AMBLE_TASK_SUSPEND_H
#include "task/task_internal.h"

#ifdef AMBLE__ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef AMBLE__TSAN
#include <sanitizer/tsan_interface.h>
#endif

/* Returns, when the task is continued, its context's value. */
static inline int amble__switch_to_scheduler(amble_task *task)
{
    amble__scheduler *s = task->scheduler;
    int value;

#ifdef AMBLE__TSAN
    __tsan_switch_to_fiber(s->fiber, 0);
#endif
#ifdef AMBLE__ASAN
    __sanitizer_start_switch_fiber(task->ended ? NULL : &task->fake_stack, s->main_stack, s->main_stack_size);
#endif
    value = amble__context_switch(&task->context, &s->context);
#ifdef AMBLE__ASAN
    __sanitizer_finish_switch_fiber(task->fake_stack, &s->main_stack, &s->main_stack_size);
#endif
    return value;
}

/* Gives the processor back to the scheduler. */
static inline int amble__task_suspend(amble_task *task)
{
    if (task->to_check & AMBLE__CHECK_CANARY)
        amble__task_check_canary(task);
    return amble__switch_to_scheduler(task);
}

static inline void amble__switch_to_task(amble__scheduler *s, amble_task *task)
{
#ifdef AMBLE__TSAN
    s->fiber = __tsan_get_current_fiber();
    if (!task->fiber)
        task->fiber = __tsan_create_fiber(0);
    __tsan_switch_to_fiber(task->fiber, 0);
#endif
#ifdef AMBLE__ASAN
    __sanitizer_start_switch_fiber(&s->fake_stack, task->stack->memory, task->stack->size);
#endif
    (void)amble__context_switch(&s->context, &task->context); /* tasks tell the scheduler nothing this way */
#ifdef AMBLE__ASAN
    __sanitizer_finish_switch_fiber(s->fake_stack, NULL, NULL);
#endif
#ifdef AMBLE__TSAN
    if (task->ended)
        __tsan_destroy_fiber(task->fiber);
#endif
}
#endif
