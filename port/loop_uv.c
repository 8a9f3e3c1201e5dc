/* port/loop.h over libuv.
 *
 * Invariants:
 * - `timer` and `wakeup` are unreferenced: they never keep uv_run going by themselves. While a wait is under way
 *   `timer` is running (unless the wait is for ever) and `wakeup` is referenced, so that uv_run(ONCE) has something to
 *   wait for.
 * - A watch belongs to its caller until amble__loop_unwatch or its call, and to libuv from then until its close
 *   callback, which frees it. Closing the loop runs those callbacks; so nothing is left behind.
 * - amble__loop_wake touches `wakeup` alone, the one handle that libuv lets other threads and signal handlers touch. */
#include "port/loop.h"

#include <stdlib.h>
#include <uv.h>

#include "amble/error.h"
#include "port/system.h"

struct amble__loop {
    uv_loop_t uv;
    uv_async_t wakeup;
    uv_timer_t timer;
};

struct amble__watch {
    uv_poll_t poll;
    void (*ready)(void *user);
    void *user;
};

static void on_wakeup(uv_async_t *async) { (void)async; } /* its only work is to end the wait */
static void on_timer(uv_timer_t *timer) { (void)timer; }

int amble__loop_open(amble__loop **out)
{
    amble__loop *loop = calloc(1, sizeof *loop);

    if (!loop)
        return AMBLE_ERR_NO_MEMORY;
    amble__port_fill_standard_streams();
    if (uv_loop_init(&loop->uv)) {
        free(loop);
        return AMBLE_ERR_IO;
    }
    if (uv_async_init(&loop->uv, &loop->wakeup, on_wakeup)) {
        uv_loop_close(&loop->uv);
        free(loop);
        return AMBLE_ERR_IO;
    }
    uv_timer_init(&loop->uv, &loop->timer); /* cannot fail */
    uv_unref((uv_handle_t *)&loop->wakeup);
    uv_unref((uv_handle_t *)&loop->timer);
    *out = loop;
    return AMBLE_OK;
}

void amble__loop_close(amble__loop *loop)
{
    if (!loop)
        return;
    uv_close((uv_handle_t *)&loop->wakeup, NULL);
    uv_close((uv_handle_t *)&loop->timer, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT); /* every close callback runs */
    if (uv_loop_close(&loop->uv))
        abort(); /* somebody left a handle open: freeing its loop would be a use after free later */
    free(loop);
}

void amble__loop_wait(amble__loop *loop, int64_t timeout_us)
{
    if (!timeout_us) {
        uv_run(&loop->uv, UV_RUN_NOWAIT);
        return;
    }
    uv_update_time(&loop->uv); /* the time since the last wait belongs to the tasks, not to this timeout */
    if (timeout_us > 0) {
        const uint64_t ms = ((uint64_t)timeout_us + 999) / 1000; /* rounded up: waking too early would only spin */

        /* uv_run calls due timers before it polls, too. A process that was held up until then would lose a timer that
         * fires once and wait for ever; one that repeats still ends the poll. */
        uv_timer_start(&loop->timer, on_timer, ms, 1);
    }
    uv_ref((uv_handle_t *)&loop->wakeup);
    uv_run(&loop->uv, UV_RUN_ONCE);
    uv_unref((uv_handle_t *)&loop->wakeup);
    uv_timer_stop(&loop->timer);
}

bool amble__loop_active(const amble__loop *loop) { return uv_loop_alive(&loop->uv); }

void amble__loop_wake(amble__loop *loop) { uv_async_send(&loop->wakeup); }

int amble__loop_fd(const amble__loop *loop) { return uv_backend_fd(&loop->uv); }

void *amble__loop_native(amble__loop *loop) { return &loop->uv; }

/* --- file descriptors --------------------------------------------------------------------------------------------- */
static void on_watch_closed(uv_handle_t *handle) { free(handle->data); }

void amble__loop_unwatch(amble__watch *watch)
{
    if (watch)
        uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    amble__watch *watch = poll->data;
    void (*const ready)(void *user) = watch->ready;
    void *const user = watch->user;

    (void)status; /* an error makes the descriptor ready too: the next read or write tells which one */
    (void)events;
    amble__loop_unwatch(watch);
    ready(user);
}

int amble__loop_watch(amble__loop *loop, int fd, bool writable, void (*ready)(void *user), void *user,
                      amble__watch **out)
{
    amble__watch *watch = calloc(1, sizeof *watch);

    if (!watch)
        return AMBLE_ERR_NO_MEMORY;
    if (uv_poll_init(&loop->uv, &watch->poll, fd)) { /* a regular file, or no descriptor at all */
        free(watch);
        return AMBLE_ERR_ARGUMENT;
    }
    watch->poll.data = watch;
    watch->ready = ready;
    watch->user = user;
    if (uv_poll_start(&watch->poll, writable ? UV_WRITABLE : UV_READABLE | UV_DISCONNECT, on_poll)) {
        amble__loop_unwatch(watch);
        return AMBLE_ERR_IO;
    }
    *out = watch;
    return AMBLE_OK;
}
