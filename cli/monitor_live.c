/* `amble monitor` while packets pass (monitor.h): between a host and a controller, and at the Linux kernel's monitor
 * channel.
 *
 * Between: one task takes hosts in, one after the other; both transports hand their packets on from the scheduler, so
 * nothing is kept. The controller stays open when a host goes; the next one resets it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "amble/error.h"
#include "cli/monitor.h"
#include "cli/output.h"
#include "task/scheduler.h"
#include "transport/listener_uv.h"

enum { OPEN_MS = 10000 };

static int fail(int error, const char *sentence)
{
    fprintf(stderr, "amble monitor: %s\n", sentence);
    return error;
}

/* --- between a host and a controller ------------------------------------------------------------------------------ */
typedef struct {
    amble__monitor *monitor;
    amble__transport *host, *controller; /* host NULL: none is there */
    amble__listener *listener;
    amble_event host_gone;
    char lost[512]; /* why the controller is; empty: it is there */
} between;

static amble_event stop; /* a signal handler wakes it, and so does whatever ends the program */

static void on_signal(int number)
{
    (void)number;
    amble_wake(&stop);
}

static void show(between *b, bool received, const uint8_t *packet, size_t size)
{
    const amble__snoop_record record = {.time_us = amble_now_us(),
                                        .received = received,
                                        .type = packet[0],
                                        .adapter = -1,
                                        .data = packet + 1,
                                        .size = size - 1};

    amble__monitor_show(b->monitor, &record);
    amble__output_flush();
    if (ferror(stdout))
        amble_event_set(&stop); /* nobody reads it any more */
}

/* A transport that fails here says so by its `failed`. */
static void from_host(void *user, const uint8_t *packet, size_t size)
{
    between *b = user;

    show(b, false, packet, size);
    (void)b->controller->operations->write(b->controller, packet, size);
}

static void from_controller(void *user, const uint8_t *packet, size_t size)
{
    between *b = user;

    show(b, true, packet, size);
    if (b->host)
        (void)b->host->operations->write(b->host, packet, size);
}

static void host_failed(void *user, int error)
{
    (void)error; /* the reason is in the transport */
    amble_event_set(&((between *)user)->host_gone);
}

static void controller_failed(void *user, int error)
{
    between *b = user;

    (void)error; /* the sentence says more */
    (void)snprintf(b->lost, sizeof b->lost, "%s", amble__transport_problem());
    amble_event_set(&stop);
}

static int serve_hosts(void *arg)
{
    between *b = arg;
    int r;

    for (;;) {
        amble__transport *host;

        r = amble__listener_accept(b->listener, AMBLE__H4_CONTROLLER_SIDE, &host, AMBLE_FOREVER);
        if (r < 0)
            return r;
        fprintf(stderr, "amble monitor: a host came\n");
        host->receive = from_host;
        host->failed = host_failed;
        host->user = b;
        b->host = host;
        r = amble_event_wait(&b->host_gone, AMBLE_FOREVER);
        b->host = NULL;
        if (r == 0)
            fprintf(stderr, "amble monitor: the host left (%s); another may come\n", host->reason);
        amble__transport_close(host);
        if (r < 0)
            return r;
    }
}

static int pass_on(between *b)
{
    amble_scope scope;
    int r;

    fprintf(stderr, "amble monitor: waiting for a host at %s\n", amble__listener_name(b->listener));
    amble_scope_open(&scope);
    if (!amble_spawn(&scope, serve_hosts, b))
        r = fail(AMBLE_ERR_NO_MEMORY, "out of memory");
    else
        r = amble_event_wait(&stop, AMBLE_FOREVER);
    amble_scope_close(&scope);
    return b->lost[0] ? fail(AMBLE_ERR_NO_CONTROLLER, b->lost) : r;
}

static int open_controller(between *b)
{
    const amble__monitor_options *o = &b->monitor->options;
    amble__transport *captured;
    int r = amble__transport_open(o->transport, &b->controller, OPEN_MS);

    if (r < 0)
        return fail(r == AMBLE_ERR_USAGE ? r : AMBLE_ERR_NO_CONTROLLER, amble__transport_problem());
    if (o->capture) {
        r = amble__transport_capture(b->controller, o->capture, &captured);
        if (r < 0) {
            amble__transport_close(b->controller);
            return fail(AMBLE_ERR_USAGE, amble__transport_problem());
        }
        b->controller = captured;
    }
    b->controller->receive = from_controller;
    b->controller->failed = controller_failed;
    b->controller->user = b;
    return 0;
}

static int run_between(void *arg)
{
    between b = {.monitor = arg};
    int r = open_controller(&b);

    if (r < 0)
        return r;
    r = amble__listener_open(b.monitor->options.listen, &b.listener, OPEN_MS);
    if (r < 0) {
        r = fail(r, amble__transport_problem());
    } else {
        r = pass_on(&b);
        amble__listener_close(b.listener);
    }
    amble__transport_close(b.controller);
    return r;
}

int amble__monitor_between(amble__monitor *m)
{
    const struct sigaction action = {.sa_handler = on_signal};

    stop = (amble_event){0};
    (void)sigaction(SIGINT, &action, NULL); /* cannot fail for these signals */
    (void)sigaction(SIGTERM, &action, NULL);
    return amble_run(NULL, run_between, m);
}

/* --- the kernel's monitor channel --------------------------------------------------------------------------------- */
#ifdef __linux__
/* include/net/bluetooth/{bluetooth,hci_sock,hci_mon}.h of the kernel's source. */
enum { FAMILY_BLUETOOTH = 31, PROTOCOL_HCI = 1, CHANNEL_MONITOR = 2, NO_DEVICE = 0xffff, PATIENCE_US = 200000 };

struct hci_address {
    sa_family_t family;
    uint16_t device;
    uint16_t channel;
};

static int refuse_kernel(int error)
{
    if (error == EAFNOSUPPORT || error == EPROTONOSUPPORT)
        return fail(AMBLE_ERR_NO_CONTROLLER, "hci-monitor: this kernel has no Bluetooth; load it with: sudo modprobe "
                                             "bluetooth, or look at one controller with -t and --listen");
    if (error == EPERM || error == EACCES)
        return fail(
            AMBLE_ERR_NO_CONTROLLER,
            "hci-monitor: looking at the kernel's controllers needs the capability CAP_NET_RAW; start amble with "
            "sudo, or give it: sudo setcap cap_net_raw+ep PROGRAM");
    fprintf(stderr, "amble monitor: hci-monitor: the kernel gives no monitor channel (%s); see dmesg\n",
            strerror(error));
    return AMBLE_ERR_NO_CONTROLLER;
}

static int open_channel(int *fd)
{
    const struct hci_address address = {.family = FAMILY_BLUETOOTH, .device = NO_DEVICE, .channel = CHANNEL_MONITOR};
    const struct timeval patience = {.tv_usec = PATIENCE_US}; /* so that Ctrl-C is seen whenever it comes */
    int error;

    *fd = socket(FAMILY_BLUETOOTH, SOCK_RAW | SOCK_CLOEXEC, PROTOCOL_HCI);
    if (*fd < 0)
        return refuse_kernel(errno);
    if (bind(*fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
        setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0)
        return 0;
    error = errno;
    (void)close(*fd); /* nothing was written to it */
    return refuse_kernel(error);
}

static void show_message(amble__monitor *m, const uint8_t *message, size_t size)
{
    amble__reader r = amble__reader_of(message, size);
    const unsigned opcode = amble__read_le16(&r);
    const int adapter = amble__read_le16(&r);
    amble__snoop_record record = {.time_us = 0};
    struct timespec now;

    (void)amble__read_le16(&r); /* the length, which is that of the rest */
    if (r.failed)
        return;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    record.time_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    amble__snoop_take_monitor(&record, adapter, opcode);
    record.data = r.at;
    record.size = amble__read_left(&r);
    amble__monitor_show(m, &record);
    amble__output_flush();
}

int amble__monitor_kernel(amble__monitor *m)
{
    int fd, r = open_channel(&fd);

    if (r < 0)
        return r;
    while (!amble__monitor_stopped() && !ferror(stdout)) {
        const ssize_t size = read(fd, m->in.packet, sizeof m->in.packet);

        if (size >= 0)
            show_message(m, m->in.packet, (size_t)size);
        else if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK) {
            r = refuse_kernel(errno);
            break;
        }
    }
    (void)close(fd); /* nothing was written to it */
    return r;
}
#else
int amble__monitor_kernel(amble__monitor *m)
{
    (void)m;
    return fail(AMBLE_ERR_NO_CONTROLLER, "hci-monitor: only Linux has it; look at one controller with -t and --listen");
}
#endif
