/* Waiting for file descriptors, through the loop under the scheduler. */
#include "task/task_internal.h"

#ifdef AMBLE__HOSTED
#include <sys/stat.h>

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

int amble_wait_fd(int fd, bool writable, int timeout_ms)
{
    amble__loop *loop;
    descriptor_wait w = {.called = false};
    amble__watch *watch;
    struct stat status;
    int r = amble__wait_check();

    if (r < 0)
        return r;
    if (fstat(fd, &status) < 0)
        return AMBLE_ERR_IO;
    if (S_ISREG(status.st_mode))
        return 0;
    loop = amble__scheduler_loop();
    amble__wait_init(&w.wait);
    r = amble__loop_watch(loop, fd, writable, ready, &w, &watch);
    if (r < 0)
        return r;
    if (timeout_ms == 0)
        amble__loop_wait(loop, 0);
    r = amble__wait_run(&w.wait, timeout_ms);
    if (!w.called)
        amble__loop_unwatch(watch);
    return r;
}
#endif
