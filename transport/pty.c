/* pty:LINK: a pseudo-terminal, for a controller that wants to open a serial port: an emulator, or another stack's
 * virtual controller. LINK becomes a symbolic link to its other end.
 *
 * Whoever opens the other end is the controller, and opening waits for it. One comes in, then the link is gone, as a
 * listening socket is. A program that opens a serial port often throws away what was received before it was ready, and
 * some open it twice (stty); so the first packet is held back until the other end has stayed open for a moment.
 *
 * A pseudo-terminal tells that nobody has its other end open (POLLHUP) only after somebody had, so this end opens and
 * closes it once. There is no event for the opening; it is looked for. */
#define _XOPEN_SOURCE 700 /* posix_openpt and its company */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "amble/error.h"
#include "transport/endpoint_uv.h"
#include "transport/stream_uv.h"

enum { LOOK_MS = 20, STAYS_OPEN_MS = 100 };

typedef struct {
    int fd;
    char other_end[64];
} terminal;

static int open_terminal(const amble__transport_request *request, terminal *t)
{
    struct termios settings;
    const char *name;
    int other;

    t->fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (t->fd < 0)
        return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER,
                                       "%s: the system gives no pseudo-terminal (%s); see whether /dev/pts is mounted",
                                       request->name, strerror(errno));
    name = grantpt(t->fd) < 0 || unlockpt(t->fd) < 0 ? NULL : ptsname(t->fd);
    if (name && strlen(name) < sizeof t->other_end) {
        memcpy(t->other_end, name, strlen(name) + 1);
        other = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (other >= 0 && !tcgetattr(other, &settings)) {
            cfmakeraw(&settings); /* or every packet would be echoed, and 0x0D become 0x0A */
            if (!tcsetattr(other, TCSANOW, &settings) && !close(other))
                return AMBLE_OK;
        }
        if (other >= 0)
            (void)close(other); /* nothing was written to it */
    }
    (void)close(t->fd); /* as above */
    return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER,
                                   "%s: the pseudo-terminal cannot be set up (%s); see whether /dev/pts is mounted",
                                   request->name, strerror(errno));
}

/* A link that an earlier program left is replaced; anything else that stands there is not ours to remove. */
static int place_link(const amble__transport_request *request, const terminal *t)
{
    struct stat there;

    if (!lstat(request->place, &there) && S_ISLNK(there.st_mode))
        (void)unlink(request->place); /* symlink says what is wrong */
    if (symlink(t->other_end, request->place) < 0)
        return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER,
                                       "%s: no link can be made at %s (%s); choose another place", request->name,
                                       request->place, strerror(errno));
    return AMBLE_OK;
}

static void remove_link(const amble__transport_request *request, const terminal *t)
{
    char target[sizeof t->other_end];
    const ssize_t size = readlink(request->place, target, sizeof target);

    if (size > 0 && (size_t)size == strlen(t->other_end) && !memcmp(target, t->other_end, (size_t)size))
        (void)unlink(request->place); /* gone already is as good */
}

static bool is_attached(const terminal *t)
{
    struct pollfd look = {.fd = t->fd};

    return poll(&look, 1, 0) >= 0 && !(look.revents & POLLHUP);
}

static int wait_for_controller(const amble__transport_request *request, const terminal *t)
{
    unsigned attached_ms = 0;

    while (attached_ms < STAYS_OPEN_MS) {
        const uint64_t now = amble_now_us();
        int r;

        if (now >= request->deadline_us)
            return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER,
                                           "%s: no controller came; let one open %s as its serial port", request->name,
                                           request->place);
        r = amble_sleep_ms(LOOK_MS);
        if (r < 0)
            return amble__transport_refuse(r, "%s: given up", request->name);
        attached_ms = is_attached(t) ? attached_ms + LOOK_MS : 0;
    }
    return AMBLE_OK;
}

static int carry(const amble__transport_request *request, const terminal *t, uv_loop_t *loop,
                 amble__transport **transport)
{
    amble__stream *stream;
    int r = amble__stream_open(loop, AF_UNIX, AMBLE__H4_HOST_SIDE, request->name, &stream);

    if (r < 0) {
        (void)close(t->fd); /* nothing was written to it */
        return r;
    }
    r = amble__stream_take(stream, t->fd);
    if (r < 0)
        amble__stream_close(stream);
    else
        *transport = &stream->transport;
    return r;
}

int amble__pty_open(const amble__transport_request *request, amble__transport **transport)
{
    uv_loop_t *loop;
    terminal t;
    int r = amble__wait_check();

    if (r < 0 || (r = amble__endpoint_loop(request, &loop)) < 0 || (r = open_terminal(request, &t)) < 0)
        return r;
    r = place_link(request, &t);
    if (!r) {
        r = wait_for_controller(request, &t);
        remove_link(request, &t);
    }
    if (r < 0) {
        (void)close(t.fd); /* as above */
        return r;
    }
    return carry(request, &t, loop, transport);
}
