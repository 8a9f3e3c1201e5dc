/* Waiting for file descriptors, through the loop under the scheduler.
 *
 * The loop watches a duplicate of the descriptor, so two tasks may wait for the same one (one to read, one to
 * write), and a descriptor that is closed meanwhile cannot be confused with the next one of the same number. */
#include "task/task_internal.h"

#ifdef AMBLE__HOSTED
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

typedef struct {
    amble__wait wait;
    bool called; /* the watch is gone then, whatever ended the wait */
} descriptor_wait;

static void ready(void *user)
{
    descriptor_wait *w = user;

    w->called = true;
    amble__wait_end(&w->wait, 0);
}

/* 1: ready; 0: not yet; negative: it cannot be watched. Regular files are always ready. */
static int look(int fd, bool writable)
{
    struct pollfd descriptor = {.fd = fd, .events = writable ? POLLOUT : POLLIN};
    int count;

    if (fd < 0)
        return AMBLE_ERR_IO;
    do
        count = poll(&descriptor, 1, 0);
    while (count < 0 && errno == EINTR); /* a signal at this very moment, although there is nothing to wait for */
    return count < 0 || descriptor.revents & POLLNVAL ? AMBLE_ERR_IO : count;
}

/* The loop makes what it watches non-blocking, for good and for every process that shares it; its owner did not ask
 * for that. */
static int watch_unchanged(int fd, bool writable, descriptor_wait *w, amble__watch **watch)
{
    const int flags = fcntl(fd, F_GETFL);
    const int r = amble__loop_watch(amble__scheduler_loop(), fd, writable, ready, w, watch);

    if (flags >= 0 && !(flags & O_NONBLOCK))
        (void)fcntl(fd, F_SETFL, flags); /* the same flags were accepted before */
    return r == 0 || r == AMBLE_ERR_NO_MEMORY ? r : AMBLE_ERR_IO;
}

static int wait_for_duplicate(int fd, bool writable, int timeout_ms)
{
    descriptor_wait w = {.called = false};
    amble__watch *watch;
    int r = watch_unchanged(fd, writable, &w, &watch);

    if (r < 0)
        return amble__wait_refuse(r);
    amble__wait_init(&w.wait);
    r = amble__wait_run(&w.wait, timeout_ms);
    if (!w.called)
        amble__loop_unwatch(watch);
    return r;
}

int amble_wait_fd(int fd, bool writable, int timeout_ms)
{
    int duplicate, r = amble__wait_check();

    if (r < 0)
        return r;
    r = look(fd, writable);
    if (r > 0)
        return 0;
    if (r == 0 && timeout_ms == 0)
        return amble__wait_refuse(AMBLE_ERR_TIMEOUT);
    duplicate = r == 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (duplicate < 0)
        return amble__wait_refuse(AMBLE_ERR_IO);
    r = wait_for_duplicate(duplicate, writable, timeout_ms);
    (void)close(duplicate); /* nothing was written through it */
    return r;
}
#endif
