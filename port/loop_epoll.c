/* port/loop.h over Linux's epoll, for programs without libuv: tasks and amble_wait_fd, but none of the transports that
 * hang sockets into a uv_loop_t. It is also the shortest complete example of a loop for a port.
 *
 * The build takes this file in the place of loop_uv.c where libuv is missing: see tools/portability/CMakeLists.txt.
 *
 * Invariants:
 * - the epoll descriptor is readable whenever there is something to do, so it is what amble__loop_fd returns;
 * - events are taken one at a time, since a callback may unwatch whoever would have been next;
 * - amble__loop_wake touches the eventfd alone, which other threads and signal handlers may write. */
#include "port/loop.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "amble/error.h"
#include "port/system.h"

struct amble__loop {
    int epoll;
    int wakeup;
    unsigned watches;
};

struct amble__watch {
    amble__loop *loop;
    int fd;
    void (*ready)(void *user);
    void *user;
};

int amble__loop_open(amble__loop **out)
{
    struct epoll_event event = {.events = EPOLLIN}; /* without a watch: the wake-up */
    amble__loop *loop = calloc(1, sizeof *loop);

    if (!loop)
        return AMBLE_ERR_NO_MEMORY;
    amble__port_fill_standard_streams();
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->epoll < 0 || loop->wakeup < 0 || epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wakeup, &event)) {
        amble__loop_close(loop);
        return AMBLE_ERR_IO;
    }
    *out = loop;
    return AMBLE_OK;
}

void amble__loop_close(amble__loop *loop)
{
    if (!loop)
        return;
    if (loop->watches)
        abort(); /* its owner would use the loop after it is freed */
    if (loop->epoll >= 0)
        close(loop->epoll);
    if (loop->wakeup >= 0)
        close(loop->wakeup);
    free(loop);
}

/* Takes one event; false when there was none in time. */
static bool take_one(amble__loop *loop, int timeout_ms)
{
    struct epoll_event event;
    uint64_t wakes;
    amble__watch *watch;

    if (epoll_wait(loop->epoll, &event, 1, timeout_ms) != 1)
        return false; /* a signal may end a wait early, too */
    watch = event.data.ptr;
    if (watch) {
        void (*const ready)(void *user) = watch->ready;
        void *const user = watch->user;

        amble__loop_unwatch(watch);
        ready(user);
    } else if (read(loop->wakeup, &wakes, sizeof wakes) < 0) {
        return false; /* nothing to take back */
    }
    return true;
}

void amble__loop_wait(amble__loop *loop, int64_t timeout_us)
{
    /* Rounded up: waking too early would only spin. */
    const int64_t ms = timeout_us < 0 ? -1 : timeout_us / 1000 + (timeout_us % 1000 != 0);
    unsigned most = loop->watches + 1; /* a callback that watches again cannot hold us for ever */

    if (!take_one(loop, ms > INT_MAX ? INT_MAX : (int)ms))
        return;
    while (--most && take_one(loop, 0))
        ;
}

bool amble__loop_active(const amble__loop *loop) { return loop->watches > 0; }

void amble__loop_wake(amble__loop *loop)
{
    const ssize_t n = write(loop->wakeup, &(uint64_t){1}, sizeof(uint64_t));

    (void)n; /* it fails only when as many wakes as a counter holds are pending */
}

int amble__loop_fd(const amble__loop *loop) { return loop->epoll; }

void *amble__loop_native(amble__loop *loop)
{
    (void)loop;
    return NULL;
}

/* --- file descriptors --------------------------------------------------------------------------------------------- */
int amble__loop_watch(amble__loop *loop, int fd, bool writable, void (*ready)(void *user), void *user,
                      amble__watch **out)
{
    amble__watch *watch = calloc(1, sizeof *watch);
    struct epoll_event event = {.events = writable ? EPOLLOUT : EPOLLIN | EPOLLRDHUP, .data.ptr = watch};

    if (!watch)
        return AMBLE_ERR_NO_MEMORY;
    *watch = (amble__watch){.loop = loop, .fd = fd, .ready = ready, .user = user};
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event)) { /* a regular file, or no descriptor at all */
        free(watch);
        return AMBLE_ERR_ARGUMENT;
    }
    loop->watches++;
    *out = watch;
    return AMBLE_OK;
}

void amble__loop_unwatch(amble__watch *watch)
{
    if (!watch)
        return;
    (void)epoll_ctl(watch->loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL); /* a closed descriptor is gone already */
    watch->loop->watches--;
    free(watch);
}
