/* serial:DEVICE[,BAUD[,flow]]: H4 over a UART (Vol 4 Part A): 8 data bits, no parity, one stop bit; with `flow`, RTS
 * and CTS hold back whoever is too fast. Three lines without them do for slow rates and small packets.
 *
 * The names are Bumble's, so 1,000,000 baud is what a name without a rate means, and `rtscts` is `flow`. Nothing but
 * the port is set up here: whatever a controller wants before it speaks HCI belongs to its firmware. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "amble/error.h"
#include "transport/endpoint_uv.h"
#include "transport/stream_uv.h"

#define DEFAULT_BAUD "1000000"

typedef struct {
    char path[256];
    const char *baud; /* as given, for sentences */
    speed_t speed;
    bool flow;
} port_settings;

/* The rates that termios has names for. Not all of them exist everywhere. */
static const struct {
    const char *baud;
    speed_t speed;
} speeds[] = {
    {"9600", B9600},       {"19200", B19200},     {"38400", B38400},     {"57600", B57600},
    {"115200", B115200},   {"230400", B230400},
#ifdef B3000000
    {"460800", B460800},   {"500000", B500000},   {"921600", B921600},   {"1000000", B1000000},
    {"1500000", B1500000}, {"2000000", B2000000}, {"2500000", B2500000}, {"3000000", B3000000},
#endif
};
enum { SPEEDS = sizeof speeds / sizeof *speeds };

static int parse_speed(const amble__transport_request *request, port_settings *settings, const char *baud, size_t size)
{
    char known[160] = "";
    size_t length = 0;

    for (size_t i = 0; i < SPEEDS; i++) {
        if (strlen(speeds[i].baud) == size && !memcmp(speeds[i].baud, baud, size)) {
            settings->baud = speeds[i].baud;
            settings->speed = speeds[i].speed;
            return AMBLE_OK;
        }
        length += (size_t)snprintf(known + length, sizeof known - length, "%s%s", i ? ", " : "", speeds[i].baud);
    }
    return amble__transport_refuse(AMBLE_ERR_USAGE, "%s: %.*s is no rate of a serial port; there are %s", request->name,
                                   (int)size, baud, known);
}

static int parse(const amble__transport_request *request, port_settings *settings)
{
    const size_t path = strcspn(request->place, ",");
    const char *rest = request->place + path + (request->place[path] == ',');
    const size_t baud = strspn(rest, "0123456789");
    const char *flow = rest + baud + (baud && rest[baud] == ','); /* the rate may be left out */

    memset(settings, 0, sizeof *settings);
    if (!path || path >= sizeof settings->path)
        return amble__transport_refuse(AMBLE_ERR_USAGE, "%s: this names no device; write serial:/dev/ttyX,BAUD",
                                       request->name);
    memcpy(settings->path, request->place, path);
    settings->flow = !strcmp(flow, "flow") || !strcmp(flow, "rtscts");
    if (*flow && !settings->flow)
        return amble__transport_refuse(
            AMBLE_ERR_USAGE, "%s: behind the device stand a rate, flow, or both, such as 115200,flow, and not %s",
            request->name, flow);
    return parse_speed(request, settings, baud ? rest : DEFAULT_BAUD, baud ? baud : strlen(DEFAULT_BAUD));
}

static int refuse_open(const amble__transport_request *request, const port_settings *settings, int error)
{
    switch (error) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
        return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER,
                                       "%s: there is no device %s; plug it in, and see its name with: ls /dev/tty*",
                                       request->name, settings->path);
    case EACCES:
    case EPERM:
        return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER,
                                       "%s: you may not use %s; join the group it belongs to (dialout on Debian: "
                                       "sudo adduser $USER dialout) and log in again",
                                       request->name, settings->path);
    case EBUSY:
    case EWOULDBLOCK:
        return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER,
                                       "%s: another program uses %s; end it, such as a terminal or a modem manager",
                                       request->name, settings->path);
    default:
        return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER, "%s: %s cannot be opened (%s); see what it is",
                                       request->name, settings->path, strerror(error));
    }
}

static int set_up(const amble__transport_request *request, const port_settings *settings, int fd)
{
    struct termios before, wanted, real;
    int r = AMBLE_OK;

    if (tcgetattr(fd, &before) < 0)
        return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER, "%s: %s is no serial port (%s); give another",
                                       request->name, settings->path, strerror(errno));
    wanted = before;
    cfmakeraw(&wanted);
    wanted.c_cflag &= (tcflag_t) ~(CSTOPB | CRTSCTS);
    wanted.c_cflag |= CLOCAL | CREAD | (settings->flow ? CRTSCTS : 0);
    cfsetispeed(&wanted, settings->speed); /* cannot fail for a rate of the table */
    cfsetospeed(&wanted, settings->speed);
    /* tcsetattr is content when anything at all could be set, so what was set is read back. */
    if (tcsetattr(fd, TCSANOW, &wanted) < 0 || tcgetattr(fd, &real) < 0 || cfgetospeed(&real) != settings->speed)
        r = amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER, "%s: %s does not do %s baud; give a rate that it does",
                                    request->name, settings->path, settings->baud);
    else if (settings->flow && !(real.c_cflag & CRTSCTS))
        r = amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER,
                                    "%s: %s has no flow control; leave flow out, at a lower rate", request->name,
                                    settings->path);
    if (r < 0)
        (void)tcsetattr(fd, TCSANOW, &before); /* it may be somebody's console */
    else
        (void)tcflush(fd, TCIOFLUSH); /* what came before is nobody's; an answer to Reset is waited for anyway */
    return r;
}

/* The port, open, locked and set up; or an error with its sentence. */
static int open_port(const amble__transport_request *request, const port_settings *settings, int *fd)
{
    int r;

    *fd = open(settings->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (*fd < 0)
        return refuse_open(request, settings, errno);
    /* flock keeps out those who ask, TIOCEXCL everybody but root; where there is no such thing, nobody asks for it. */
    if (flock(*fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        r = refuse_open(request, settings, EWOULDBLOCK);
    else
        r = set_up(request, settings, *fd);
    if (r < 0)
        (void)close(*fd); /* nothing was written to it */
    else
        (void)ioctl(*fd, TIOCEXCL);
    return r;
}

int amble__serial_open(const amble__transport_request *request, amble__transport **transport)
{
    port_settings settings;
    amble__stream *stream;
    uv_loop_t *loop;
    int fd, r = parse(request, &settings);

    if (r < 0 || (r = amble__wait_check()) < 0 || (r = amble__endpoint_loop(request, &loop)) < 0 ||
        (r = open_port(request, &settings, &fd)) < 0)
        return r;
    r = amble__stream_open(loop, AF_UNIX, AMBLE__H4_HOST_SIDE, request->name, &stream);
    if (r < 0) {
        (void)close(fd); /* as above */
        return r;
    }
    r = amble__stream_take(stream, fd);
    if (r < 0)
        amble__stream_close(stream);
    else
        *transport = &stream->transport;
    return r;
}
