/* The scheduler as the rooms above see it: waits, timers on the scheduler's clock, deferred work.
 *
 * A wait is an object on the stack of the task that waits. It is linked into the list of everything that may end it,
 * and amble__wait_end takes it out of all of them at once, so a wait ends exactly once and whoever comes later finds
 * it gone.
 *
 *     amble__wait wait;
 *     amble__waiter on_value, on_loss;
 *
 *     amble__wait_init(&wait);
 *     amble__wait_add(&wait, &on_value, &queue->waiters);
 *     amble__wait_add(&wait, &on_loss, &link->waiters);
 *     r = amble__wait_run(&wait, timeout_ms);
 *
 * Functions that may wait call amble__wait_check first: it is what makes cancellation sticky even when a value is
 * there. */
#ifndef AMBLE_TASK_SCHEDULER_H
#define AMBLE_TASK_SCHEDULER_H
#include <amble/task.h>

#include "core/list.h"
#include "core/random.h"
#include "core/timers.h"

typedef struct amble__wait amble__wait;
typedef struct amble__waiter {
    amble__list node; /* in the list of what is waited for */
    amble__wait *wait;
    struct amble__waiter *next; /* of the same wait */
    bool keeps;                 /* the wait takes nothing (amble_wait_first): whoever signals must keep the signal */
} amble__waiter;

typedef enum {
    AMBLE__WAIT_BEGUN,     /* nobody is suspended in it yet */
    AMBLE__WAIT_WATCHED,   /* nobody ever is: its end calls on_end */
    AMBLE__WAIT_SUSPENDED, /* its end makes `task` ready */
    AMBLE__WAIT_TIMED,     /* the same, and so does its timer */
    AMBLE__WAIT_ENDED,
} amble__wait_state;

/* What a state does not need is not set. */
struct amble__wait {
    int result; /* when nobody was suspended in it; a task gets it from the change of stack */
    amble__wait_state state;
    amble__waiter *waiters;
    amble_task *task;
    void (*on_end)(amble__wait *wait);
    amble__timer timer;
};

/* 0 when this task may wait now; otherwise (after the other ready tasks ran once) why every wait fails:
 * AMBLE_ERR_CANCELLED, AMBLE_ERR_DISCONNECTED by an amble_timeout, AMBLE_ERR_NO_TASK outside a task. */
int amble__wait_check(void);
/* Lets every ready task run once and returns `error`: how a wait fails that need not wait. */
int amble__wait_refuse(int error);
void amble__wait_init(amble__wait *wait);
/* One that nobody is suspended in: its end calls `on_end`. */
void amble__wait_watch(amble__wait *wait, void (*on_end)(amble__wait *wait));
void amble__wait_add(amble__wait *wait, amble__waiter *waiter, amble__list *list);
/* Both for the first list. */
void amble__wait_begin(amble__wait *wait, amble__waiter *waiter, amble__list *list);
/* Suspends the task until the wait has ended; returns its result. A wait that has ended already returns at once. */
int amble__wait_run(amble__wait *wait, int timeout_ms);
/* The same up to a point in time (scheduler's clock), AMBLE__NEVER for none. */
int amble__wait_run_until(amble__wait *wait, uint64_t deadline_us);
/* Ends a wait: unlinks it, stores the result, makes its task ready. Nothing happens when it has ended already. */
void amble__wait_end(amble__wait *wait, int result);
/* The same, but nobody is told: for one that is watched. */
void amble__wait_forget(amble__wait *wait);
static inline bool amble__wait_ended(const amble__wait *wait) { return wait->state == AMBLE__WAIT_ENDED; }
/* The wait of a list's first (or every) waiter. */
bool amble__waiters_end_first(amble__list *waiters, int result);
void amble__waiters_end(amble__list *waiters, int result);
/* The waits of all that take nothing, and of the first that takes. */
void amble__waiters_end_taker(amble__list *waiters);
/* One wait on one list: the common case of the above. */
int amble__wait_on(amble__list *waiters, int timeout_ms);
int amble__wait_on_until(amble__list *waiters, uint64_t deadline_us);
/* The point in time `timeout_ms` from now, AMBLE__NEVER for AMBLE_FOREVER. */
uint64_t amble__deadline(int timeout_ms);
/* The same, but 0 for a try once, which has no need of the clock. */
static inline uint64_t amble__due(int timeout_ms)
{
    return timeout_ms < 0 ? AMBLE__NEVER : timeout_ms == 0 ? 0 : amble__deadline(timeout_ms);
}
/* The milliseconds until then, for a call that takes a timeout. */
int amble__time_left(uint64_t deadline_us);

/* From begin to end the waits of this task ignore amble_cancel and amble_timeout: for the closing functions. Nests. */
void amble__shield_begin(void);
void amble__shield_end(void);

/* A scope of an object rather than of the task that happens to open it: any task may close it. */
void amble__scope_open_detached(amble_scope *scope);

/* Timers on the scheduler's clock; `fire` runs between tasks and must not wait. */
void amble__timer_start(amble__timer *timer, uint64_t deadline_us);
void amble__timer_stop(amble__timer *timer);

/* Work to be done between tasks, soon: `run` is called once per post, and must not wait. */
typedef struct amble__work {
    amble__list node;
    void (*run)(struct amble__work *work);
} amble__work;
void amble__work_post(amble__work *work); /* posting twice before it ran counts once */
void amble__work_cancel(amble__work *work);

/* An error if this thread has no scheduler. */
bool amble__scheduler_present(void);
/* Random bytes: the system's, or seeded in virtual time. */
amble__random *amble__scheduler_random(void);
/* The loop under the scheduler; NULL on a board without one. The transports hang their sockets into it. */
struct amble__loop *amble__scheduler_loop(void);
/* The options given to amble_run. */
const amble_run_options *amble__scheduler_options(void);
/* The air of this scheduler and name: one slot per scheduler for transport/, which alone knows what stands in it.
 * The slot's `destroy` is called when the scheduler closes. */
typedef struct {
    void *object;
    void (*destroy)(void *object);
} amble__scheduler_slot;
amble__scheduler_slot *amble__scheduler_transport_slot(void);

/* What stands behind an amble_source. */
typedef struct {
    /* Whether the ordinary call would return at once. */
    bool (*ready)(const amble_source *source);
    /* Where a wait for it is linked. */
    amble__list *(*waiters)(const amble_source *source);
    /* When the value at its head arrived (any growing number); NULL or 0: no value, chosen before those that have
     * one. */
    uint64_t (*order)(const amble_source *source);
} amble__source_kind;

/* This room does not know connections but for one thing: the first member of an amble_connection is the list of the
 * waits that its loss ends with AMBLE_ERR_DISCONNECTED. Afterwards the list may be set to zero: an amble_timeout
 * that begins then is over at once. */
#endif
