/* Tasks: how a program waits for several things at once.
 *
 * A task is a function with a stack of its own. It runs until it waits; then the next ready task runs. One thread
 * runs a scheduler and all its tasks, so between two waits a task has everything to itself and no locks are needed.
 * The only call allowed from another thread or an interrupt is amble_wake.
 *
 * Every function that may wait takes `int timeout_ms` as its last argument: 0 tries once, AMBLE_FOREVER waits for
 * ever. A wait ends exactly once, with one result. amble_cancel makes the wait under way and every later wait of
 * that task return AMBLE_ERR_CANCELLED until the task ends; the closing functions (amble_..._close) are exempt: they
 * wait all the same, and cannot fail. A wait that fails at once lets every ready task run once before it returns.
 *
 * Tasks are started in a scope, which is a local variable of whoever starts them. A function that opened a scope
 * closes it before it returns, so no task outlives what it works on.
 *
 * A program calls amble_main (main.h) or amble_run. A program with a loop of its own calls amble_scheduler_open
 * once, then amble_step whenever amble_fd is readable or amble_next_deadline is reached. */
#ifndef AMBLE_TASK_H
#define AMBLE_TASK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amble/error.h>
#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define AMBLE_MUST_CHECK __attribute__((warn_unused_result))
#else
#define AMBLE_MUST_CHECK
#endif
#define AMBLE_FOREVER (-1)

typedef struct amble_task amble_task;             /* owned by its scope */
typedef struct amble_connection amble_connection; /* gap.h */

/* --- the scheduler ------------------------------------------------------------------------------------------------ */
#define AMBLE_SPEED_MAX UINT32_MAX
typedef struct {
    bool virtual_time;   /* time jumps to the next deadline; nothing depends on the wall clock */
    uint64_t seed;       /* of every random byte in virtual time, and of the simulated radio */
    uint32_t speed;      /* scheduler seconds per real second; 0: 1; AMBLE_SPEED_MAX: as fast as the machine can */
    uint32_t stack_size; /* of a task, in bytes; 0: 65,536 */
} amble_run_options;

/* Opens a scheduler on this thread, runs `task` as its first task, and returns that task's result when it has
 * returned and all others were cancelled and have ended. `options` NULL: real time. Not from inside a task. Errors:
 * AMBLE_ERR_BUSY when this thread has a scheduler already, AMBLE_ERR_NO_MEMORY. */
int amble_run(const amble_run_options *options, int (*task)(void *arg), void *arg);

/* For programs that own another loop: opens a scheduler on this thread; tasks run inside amble_step. Errors as
 * amble_run. */
int amble_scheduler_open(const amble_run_options *options);
/* Cancels every task, runs until they have ended, closes the scheduler. Does nothing inside a task. */
void amble_scheduler_close(void);
/* Runs what is ready (tasks, due timers, sockets) once, never waits. Returns the number of tasks that ran; inside a
 * task it does nothing. */
int amble_step(void);
/* Real microseconds until amble_step has something to do: 0 now, -1 not before amble_fd is readable. */
int64_t amble_next_deadline(void);
/* A file descriptor that is readable when amble_step has work; -1 where there is none. */
int amble_fd(void);
/* The scheduler's clock, in microseconds; the virtual one starts at 0. 0 on a thread without a scheduler. */
uint64_t amble_now_us(void);

/* --- tasks and scopes --------------------------------------------------------------------------------------------- */
typedef struct {
    void *opaque[10];
} amble_scope; /* the caller's storage, usually a local */

void amble_scope_open(amble_scope *scope);
/* Starts a task that runs function(arg) when the caller waits next. A failure to start (no memory) is kept in the
 * scope and returned by amble_scope_wait; the handle is then NULL. The handle lives until amble_scope_close. */
#define amble_spawn(scope, function, arg) amble_spawn_named(scope, #function, function, arg)
/* The same with a name for logs and reports; the text must outlive the task. */
amble_task *amble_spawn_named(amble_scope *scope, const char *name, int (*function)(void *arg), void *arg);
/* The same on a stack of the caller's, for boards without memory to map. The stack must outlive the scope. */
amble_task *amble_spawn_on(amble_scope *scope, const char *name, int (*function)(void *arg), void *arg, void *stack,
                           size_t stack_size);
/* Waits until all tasks of the scope have ended. The first negative result cancels the others and is returned;
 * otherwise 0. Whoever is started in a scope that was cancelled is cancelled from the start. */
int amble_scope_wait(amble_scope *scope, int timeout_ms) AMBLE_MUST_CHECK;
/* Cancels what still runs and waits until all have ended. */
void amble_scope_close(amble_scope *scope);

/* See above; harmless on NULL and on a task that has ended. Does not wait. */
void amble_cancel(amble_task *task);
/* Waits until the task has ended and returns its result. AMBLE_ERR_ARGUMENT on NULL. */
int amble_join(amble_task *task, int timeout_ms);
/* The task that runs now; NULL outside tasks. */
amble_task *amble_current_task(void);
const char *amble_task_name(const amble_task *task);
/* How many bytes of its stack have been touched so far, to size stacks. A mapped stack remembers the tasks that had
 * it before. */
size_t amble_task_stack_used(const amble_task *task);

/* Lets the other tasks run for `ms` milliseconds (0: once). Returns 0, or the reason why the sleep ended early. */
int amble_sleep_ms(int ms) AMBLE_MUST_CHECK;

/* --- events and queues -------------------------------------------------------------------------------------------- */
/* An event; zero-initialise it: `amble_event e = {0};`. Setting it ends the wait of every task that waits now; when
 * nobody waits it stays set until the next wait takes it. */
typedef struct {
    void *opaque[6];
} amble_event;
int amble_event_wait(amble_event *event, int timeout_ms) AMBLE_MUST_CHECK;
void amble_event_set(amble_event *event);
void amble_event_clear(amble_event *event);
/* amble_event_set for other threads and interrupts. The event must stay where it is until the scheduler has seen it,
 * and must not be woken once the scheduler that waited for it is closed. */
void amble_wake(amble_event *event);

/* A queue of `capacity` items of `item_size` bytes each in the caller's storage, first in, first out. */
typedef struct {
    void *opaque[10];
} amble_queue;
void amble_queue_init(amble_queue *queue, void *storage, size_t item_size, size_t capacity);
/* Copies an item in; waits while the queue is full. */
int amble_queue_put(amble_queue *queue, const void *item, int timeout_ms) AMBLE_MUST_CHECK;
/* Copies the oldest item out; waits while the queue is empty. */
int amble_queue_take(amble_queue *queue, void *item, int timeout_ms) AMBLE_MUST_CHECK;
size_t amble_queue_count(const amble_queue *queue);

/* Waits until `fd` can be read (or written) without blocking. Hosted systems only. Errors: AMBLE_ERR_IO for a
 * descriptor that cannot be watched; regular files need no waiting and count as ready. */
int amble_wait_fd(int fd, bool writable, int timeout_ms) AMBLE_MUST_CHECK;

/* --- bounding a piece of code ------------------------------------------------------------------------------------- */
/* Every wait of this task between begin and end is bounded by `ms` together, and, when `conn` is not NULL, by the
 * life of that link. Nests. When the time is over the wait under way and every later one return AMBLE_ERR_CANCELLED;
 * amble_timeout_end turns that into AMBLE_ERR_TIMEOUT and lets every other result pass. When the link is lost they
 * return AMBLE_ERR_DISCONNECTED, or CLOSED or CONTROLLER when that was because of its host.
 *
 *     amble_timeout_begin(&t, conn, 5000);
 *     r = several_steps(conn);
 *     r = amble_timeout_end(&t, r); */
typedef struct {
    void *opaque[40];
} amble_timeout;
void amble_timeout_begin(amble_timeout *timeout, amble_connection *conn, int ms);
int amble_timeout_end(amble_timeout *timeout, int result);

/* --- the first of several ----------------------------------------------------------------------------------------- */
/* Waits until one source is ready and returns its index. It takes nothing: call the source's ordinary function with
 * timeout 0 then. A source whose object is gone counts as ready, and the ordinary function says why. Sources that
 * carry values are chosen in the order in which the values arrived. At most AMBLE_SOURCES_MAX sources. Errors:
 * AMBLE_ERR_ARGUMENT, TIMEOUT, CANCELLED. */
#define AMBLE_SOURCES_MAX 16
typedef struct {
    const void *kind;
    const void *object;
    const void *detail;
} amble_source;
amble_source amble_on_event(amble_event *event);
amble_source amble_on_task(amble_task *task);
amble_source amble_on_queue(amble_queue *queue); /* something to take */
int amble_wait_first(const amble_source *sources, size_t count, int timeout_ms) AMBLE_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
