/* Tasks and scopes: starting, ending, owning.
 *
 * Invariants: a task belongs to exactly one scope and its record lives until that scope is closed; its stack is
 * given back as soon as it has ended. A task that ends while a scope it opened is still open would leave tasks that
 * refer to its dead stack, so the program is stopped with the task's name. */
#include <stdio.h>
#include <stdlib.h>

#include "core/log.h"
#include "core/rare.h"
#include "task/suspend.h"

_Static_assert(sizeof(scope_inside) <= sizeof(amble_scope), "amble_scope has room for its inside");

static scope_inside *inside(amble_scope *scope) { return (scope_inside *)(void *)scope; }

amble_task *amble_current_task(void) { return amble__running; }
const char *amble_task_name(const amble_task *task) { return task->name; }
size_t amble_task_stack_used(const amble_task *task) { return task->stack ? amble__stack_used(task->stack) : 0; }

static void stop_program(const amble_task *task, const char *what)
{
    /* Formatted apart from the log, which may be off: the program cannot go on. */
    (void)fprintf(stderr, "amble: task %s %s\n", task->name, what);
    abort();
}

void amble__task_check_canary(const amble_task *task)
{
    if (!amble__stack_intact(task->stack))
        stop_program(task, "overflowed the stack given to amble_spawn_on; give it a larger one");
}

/* --- ending ------------------------------------------------------------------------------------------------------- */
static void cancel_all(scope_inside *scope)
{
    scope->cancelled = true;
    amble__list_each (node, &scope->tasks)
        amble_cancel(amble__container(node, amble_task, scope_node));
}

static void leave_scope(amble_task *task)
{
    scope_inside *scope = task->scope;

    scope->running--;
    if (task->result < 0 && !scope->first_error &&
        !(task->to_check & AMBLE__CHECK_CANCELLED && task->result == AMBLE_ERR_CANCELLED)) {
        scope->first_error = task->result;
        if (!amble__list_empty(&scope->waiters))
            cancel_all(scope);
    }
    if (!scope->running)
        amble__waiters_end(&scope->waiters, 0);
}

static void run_task(void *arg)
{
    amble_task *task = arg;

#ifdef AMBLE__ASAN
    __sanitizer_finish_switch_fiber(NULL, &amble__this_scheduler->main_stack, &amble__this_scheduler->main_stack_size);
#endif
    task->result = task->function(task->arg);
    if (task->open_scopes)
        stop_program(task, "ended with an open scope; call amble_scope_close before returning");
    if (task->timeouts)
        stop_program(task, "ended inside an amble_timeout; call amble_timeout_end before returning");
    amble__task_check_canary(task);
    task->ended = true;
    amble__list_remove(&task->all_node);
    amble__waiters_end(&task->joiners, 0);
    leave_scope(task);
    (void)amble__switch_to_scheduler(task); /* for ever */
}

/* --- starting ----------------------------------------------------------------------------------------------------- */
static amble_task *start(scope_inside *scope, amble_task *task, const char *name, int (*function)(void *), void *arg,
                         amble__stack *stack)
{
    *task = (amble_task){.name = name,
                         .function = function,
                         .arg = arg,
                         .stack = stack,
                         .scope = scope,
                         .scheduler = amble__this_scheduler};
    if (scope->cancelled || amble__this_scheduler->closing)
        task->to_check |= AMBLE__CHECK_CANCELLED;
    if (!stack->mapped)
        task->to_check |= AMBLE__CHECK_CANARY;
    amble__list_init(&task->joiners);
    amble__list_append(&scope->tasks, &task->scope_node);
    amble__list_append(&amble__this_scheduler->all, &task->all_node);
    scope->running++;
    amble__context_make(&task->context, stack->memory, stack->size, run_task, task);
    amble__task_make_ready(task);
    return task;
}

static amble_task *refuse_start(scope_inside *scope, int error)
{
    if (!scope->first_error)
        scope->first_error = error;
    return NULL;
}

amble_task *amble_spawn_on(amble_scope *scope, const char *name, int (*function)(void *arg), void *arg, void *stack,
                           size_t stack_size)
{
    /* The task's record takes the lowest bytes: they are the last that an overflow reaches, behind the canary. */
    const uintptr_t record = ((uintptr_t)stack + 15) & ~(uintptr_t)15;
    const size_t taken = (size_t)(record - (uintptr_t)stack) + ((sizeof(amble_task) + 15) & ~(size_t)15);
    amble__stack *described = NULL;

    if (!amble__this_scheduler)
        return refuse_start(inside(scope), AMBLE_ERR_NO_TASK);
    if (stack_size > taken)
        described = amble__stack_adopt((uint8_t *)stack + taken, stack_size - taken);
    if (!described)
        return refuse_start(inside(scope), AMBLE_ERR_NO_MEMORY);
    return start(inside(scope), (amble_task *)record, name, function, arg, described);
}

#ifdef AMBLE__HOSTED
amble_task *amble_spawn_named(amble_scope *scope, const char *name, int (*function)(void *arg), void *arg)
{
    amble__stack *stack;
    amble_task *task;

    if (!amble__this_scheduler)
        return refuse_start(inside(scope), AMBLE_ERR_NO_TASK);
    stack = amble__stack_take(amble__this_scheduler);
    if (!stack)
        return refuse_start(inside(scope), AMBLE_ERR_NO_MEMORY);
    task = malloc(sizeof *task);
    if (!task) {
        amble__stack_give_back(amble__this_scheduler, stack);
        return refuse_start(inside(scope), AMBLE_ERR_NO_MEMORY);
    }
    return start(inside(scope), task, name, function, arg, stack);
}

static void free_record(amble_task *task)
{
    if (!task->stack)
        free(task);
}
#else
amble_task *amble_spawn_named(amble_scope *scope, const char *name, int (*function)(void *arg), void *arg)
{
    (void)name, (void)function, (void)arg; /* a bare board has no memory to map: amble_spawn_on */
    return refuse_start(inside(scope), AMBLE_ERR_UNSUPPORTED);
}

static void free_record(amble_task *task) { (void)task; /* it lies in the caller's stack */ }
#endif

/* --- cancel and join ---------------------------------------------------------------------------------------------- */
void amble_cancel(amble_task *task)
{
    if (!task || task->ended)
        return;
    task->to_check |= AMBLE__CHECK_CANCELLED;
    if (task->wait && !task->shields)
        amble__wait_end(task->wait, AMBLE_ERR_CANCELLED);
}

int amble_join(amble_task *task, int timeout_ms)
{
    int r = amble__wait_check();

    if (r < 0)
        return r;
    if (!task)
        return amble__wait_refuse(AMBLE_ERR_ARGUMENT);
    if (!task->ended && (r = amble__wait_on(&task->joiners, timeout_ms)) < 0)
        return r;
    return task->result;
}

/* --- scopes ------------------------------------------------------------------------------------------------------- */
void amble__scope_open_detached(amble_scope *scope)
{
    scope_inside *s = inside(scope);

    *s = (scope_inside){.owner = NULL};
    amble__list_init(&s->tasks);
    amble__list_init(&s->waiters);
}

void amble_scope_open(amble_scope *scope)
{
    scope_inside *s = inside(scope);

    amble__scope_open_detached(scope);
    s->owner = amble_current_task();
    if (s->owner) {
        s->outer = s->owner->open_scopes;
        s->owner->open_scopes = s;
    }
}

int amble_scope_wait(amble_scope *scope, int timeout_ms)
{
    const uint64_t deadline = amble__due(timeout_ms);
    scope_inside *s = inside(scope);
    int r = amble__wait_check();

    if (r < 0)
        return r;
    if (s->first_error)
        cancel_all(s);
    while (s->running) /* again when a task was added after the last one ended */
        if ((r = amble__wait_on_until(&s->waiters, deadline)) < 0)
            return r;
    return s->first_error;
}

/* Outside tasks the scheduler runs from here until the scope is empty. */
static void join_all(scope_inside *scope)
{
    if (amble_current_task()) {
        amble__shield_begin();
        while (scope->running)
            (void)amble__wait_on(&scope->waiters, AMBLE_FOREVER); /* shielded: ends only when all have ended */
        amble__shield_end();
    } else {
        while (scope->running) {
            const amble_task *task = amble__container(amble__list_first(&scope->tasks), amble_task, scope_node);

            amble__list_each (node, &scope->tasks)
                if (!amble__container(node, amble_task, scope_node)->ended)
                    task = amble__container(node, amble_task, scope_node);
            amble__scheduler_run_until(&task->ended);
        }
    }
}

void amble_scope_close(amble_scope *scope)
{
    scope_inside *s = inside(scope), **position;
    amble__list *node;

    if (!scope)
        return;
    cancel_all(s);
    join_all(s);
    while ((node = amble__list_take(&s->tasks)))
        free_record(amble__container(node, amble_task, scope_node));
    if (s->owner) {
        for (position = &s->owner->open_scopes; *position && *position != s; position = &(*position)->outer)
            ;
        if (*position)
            *position = s->outer;
    }
}
