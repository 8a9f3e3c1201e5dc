/* What the files of this room share: the scheduler and a task from the inside. Invariants:
 * - a task is in one of the lines `ready` and `turn`, or runs (`amble__running`), or is suspended in its `wait`, or has
 *   ended; never two of these;
 * - everything here belongs to one thread, but for `wakes`, `wakers` and the one word of an event that event.c
 * describes. */
#ifndef AMBLE_TASK_TASK_INTERNAL_H
#define AMBLE_TASK_TASK_INTERNAL_H
#include <stdatomic.h>

#include "core/per_thread.h"
#include "port/loop.h"
#include "task/scheduler.h"
#include "task/switch.h"

#if defined(__unix__) || defined(__APPLE__)
#define AMBLE__HOSTED 1
#endif
#if defined(__SANITIZE_ADDRESS__)
#define AMBLE__ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define AMBLE__TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define AMBLE__ASAN 1
#elif __has_feature(thread_sanitizer)
#define AMBLE__TSAN 1
#endif
#endif

typedef struct amble__scheduler amble__scheduler;
typedef struct event_inside event_inside;
typedef struct timeout_inside timeout_inside;
typedef struct scope_inside scope_inside;

typedef struct amble__stack {
    uint8_t *memory;
    size_t size;
    bool mapped; /* ours to recycle; otherwise the caller's */
    unsigned valgrind_id;
    struct amble__stack *next; /* in the list of free stacks */
} amble__stack;

enum { AMBLE__CHECK_CANCELLED = 1, AMBLE__CHECK_TIMEOUTS = 2, AMBLE__CHECK_CANARY = 4 };

struct amble_task {
    amble_task *next_ready;      /* behind it in the scheduler's line of ready tasks */
    amble__scheduler *scheduler; /* that runs it */
    amble__context context;      /* its value: the result of the wait that it was suspended in */
    amble__list all_node;        /* in the scheduler's list of all tasks that have not ended */
    amble__stack *stack;
    const char *name;
    int (*function)(void *arg);
    void *arg;
    int result;
    bool ended;
    uint8_t to_check; /* before each of its waits: AMBLE__CHECK_..., nothing for most tasks */
    unsigned shields;
    unsigned refused_in_a_row; /* waits that failed at once since the last that really waited */
    amble__wait *wait;         /* the wait it is suspended in */
    timeout_inside *timeouts;  /* innermost first */
    scope_inside *open_scopes; /* opened by this task, latest first */
    scope_inside *scope;       /* owns this task */
    amble__list scope_node;
    amble__list joiners; /* waits for its end */
#ifdef AMBLE__TSAN
    void *fiber;
#endif
#ifdef AMBLE__ASAN
    void *fake_stack;
#endif
};

/* amble_scope from the inside. */
struct scope_inside {
    amble__list tasks;
    amble__list waiters; /* whoever waits for all to end */
    amble_task *owner;   /* who opened it, NULL outside tasks */
    scope_inside *outer; /* the owner's scope opened before */
    unsigned running;
    int first_error;
    bool cancelled; /* whoever is started in it from now on is cancelled from the start */
};

/* amble_timeout from the inside. */
struct timeout_inside {
    amble__timer timer;
    amble__wait loss; /* never run: only its end is watched, see timeout.c */
    amble__waiter on_loss;
    amble_task *task;
    timeout_inside *outer;
    int fired; /* 0, or what ended it */
};

enum {
    AMBLE__AFTER_STEP_DRAIN = 1, /* somebody polls amble_fd, so wake-ups must be drained from it */
    AMBLE__AFTER_STEP_POLL = 2,  /* somebody hung something into the loop, so it is worth a look */
    AMBLE__AFTER_STEP_JUMP = 4,  /* time jumps to the next deadline */
};

struct amble__scheduler {
    amble__context context;         /* of the loop itself */
    amble_task *ready, **ready_end; /* first come, first served; where the next one is put */
    amble_task *turn;               /* those of them who run in this round and have not run yet */
    unsigned ran;                   /* tasks since this step began */
    amble__list all;
    amble__list works;
    amble__timers timers;
    amble_run_options options;
    uint64_t now_us, real_base_us, base_us;
    bool now_is_fresh; /* now_us was read in this round */
    amble__random random;
    amble__loop *loop;
    unsigned rounds_since_poll;
    bool reported_deadlock;
    bool closing;       /* every task that starts now is cancelled from the start */
    uint8_t after_step; /* what amble_step has to do besides: AMBLE__AFTER_STEP_... */
    amble__stack *free_stacks;
    _Atomic(event_inside *) wakes; /* events set by other threads */
    atomic_uint wakers;            /* threads that are doing so now */
    amble__scheduler_slot transport_slot;
#ifdef AMBLE__TSAN
    void *fiber;
#endif
#ifdef AMBLE__ASAN
    void *fake_stack;
    const void *main_stack;
    size_t main_stack_size;
#endif
};

extern AMBLE__PER_THREAD amble__scheduler *amble__this_scheduler;
extern AMBLE__PER_THREAD amble_task *amble__running; /* NULL between tasks */

uint64_t amble__scheduler_now(amble__scheduler *s);
/* The task is about to suspend itself, or was suspended until now: it must be in no line, since it has one link for
 * all. */
static inline void amble__task_make_ready(amble_task *task)
{
    amble__scheduler *s = task->scheduler;

    task->next_ready = NULL;
    *s->ready_end = task;
    s->ready_end = &task->next_ready;
}
/* Stops the program when the task overflowed a stack that its caller gave it. */
void amble__task_check_canary(const amble_task *task);
/* Takes what other threads have set. */
void amble__events_collect(amble__scheduler *s);
/* Why no wait of the task may go on, 0 if it may. */
int amble__task_interrupted(const amble_task *task);
amble__stack *amble__stack_take(amble__scheduler *s);
void amble__stack_give_back(amble__scheduler *s, amble__stack *stack);
amble__stack *amble__stack_adopt(void *memory, size_t size);
void amble__stack_free(amble__stack *stack);
size_t amble__stack_used(const amble__stack *stack);
/* What an unused stack is full of; the last word that its task may reach is the canary of a caller's stack. */
#define AMBLE__STACK_PAINT ((uintptr_t)0x5aa55aa5u)
static inline bool amble__stack_intact(const amble__stack *stack)
{
    return stack->mapped || *(const uintptr_t *)(const void *)stack->memory == AMBLE__STACK_PAINT;
}
/* Runs the scheduler from outside its tasks until `*over`. */
void amble__scheduler_run_until(const bool *over);
/* Names the task whose guard page was touched. Installed by amble_run only. */
void amble__overflow_report_begin(void);
void amble__overflow_report_end(void);
#endif
