/* usb:N and usb:VID:PID: HCI over USB (Vol 4 Part B). Commands go out over the control pipe, events come over an
 * interrupt pipe, ACL data over two bulk pipes, all without waiting.
 *
 * libusb says which file descriptors to watch; they hang in the scheduler's loop, and whenever one is ready libusb is
 * called and calls back with the transfers that ended. So no thread is needed, and packets arrive between tasks.
 *
 * Invariants:
 * - A transfer under way is in `flights`, and libusb's until its callback. Closing calls them all back and frees
 *   nothing that libusb still has.
 * - The size of an event transfer is that of the pipe's packets: a larger one would wait for the next event whenever
 *   one ends at a packet's border. ACL transfers have room for the longest packet, as the Linux driver's have.
 * - It breaks once. From then on nothing is sent, and transfers that end are not repeated.
 * - The kernel's driver gives the adapter up when it is claimed, and gets it back when it is released. */
#ifdef AMBLE_HAVE_LIBUSB
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amble/error.h"
#include "port/loop.h"
#include "transport/breakage.h"
#include "transport/endpoint_uv.h"
#include "transport/usb_assembly.h"
#include "transport/usb_find.h"
#include "transport/whole.h"

enum {
    INTERFACE = 0,
    COMMAND_REQUEST_TYPE = 0x20, /* to the device, of its class (Vol 4 Part B 2.2.2) */
    ACL_TRANSFERS = 2,           /* that wait for data at once, as the Linux driver has it */
    FLIGHTS_MAX = 256,           /* HCI's own flow control holds a host back long before */
    CALL_BACK_MS = 1000,         /* cancelled transfers come back within a few milliseconds */
    CALL_BACK_STEP_MS = 10,
};

typedef struct {
    amble__transport transport;
    amble__breakage breakage;
    libusb_context *context;
    libusb_device_handle *device;
    amble__usb_pipes pipes;
    amble__usb_assembly events, acl;
    amble__list flights, watches;
    unsigned count; /* of `flights` */
    bool closing;
} usb;

typedef struct {
    amble__list node;
    usb *usb;
    struct libusb_transfer *transfer;
    uint8_t bytes[];
} flight;

typedef struct {
    amble__list node;
    uv_poll_t poll;
    usb *usb;
    int fd;
} usb_watch;

/* --- file descriptors --------------------------------------------------------------------------------------------- */
static void lost(usb *u, const char *reason)
{
    (void)amble__break_off(&u->breakage, reason, "plug it in again, and open it again"); /* told by `failed` */
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    usb *u = ((usb_watch *)poll->data)->usb;
    struct timeval at_once = {0};

    (void)events;                                                             /* libusb looks itself */
    (void)libusb_handle_events_timeout_completed(u->context, &at_once, NULL); /* what ended tells by its callback */
    if (status < 0) /* libuv watches a descriptor with an error no longer; libusb has heard of it, too */
        lost(u, "the adapter is gone");
}

static void on_watch_closed(uv_handle_t *handle) { free(handle->data); }

static void watch_close(usb_watch *w)
{
    amble__list_remove(&w->node);
    uv_close((uv_handle_t *)&w->poll, on_watch_closed);
}

static void watch_open(int fd, short events, void *user)
{
    usb *u = user;
    uv_loop_t *loop = amble__loop_native(amble__scheduler_loop());
    usb_watch *w = calloc(1, sizeof *w);

    if (!w || uv_poll_init(loop, &w->poll, fd) < 0) {
        free(w);
        lost(u, "the adapter cannot be watched");
        return;
    }
    *w = (usb_watch){.poll = w->poll, .usb = u, .fd = fd};
    w->poll.data = w;
    amble__list_append(&u->watches, &w->node);
    if (uv_poll_start(&w->poll, (events & POLLIN ? UV_READABLE : 0) | (events & POLLOUT ? UV_WRITABLE : 0), on_ready) <
        0)
        lost(u, "the adapter cannot be watched");
}

static void watch_end(int fd, void *user)
{
    usb *u = user;

    amble__list_each (node, &u->watches) {
        usb_watch *w = amble__container(node, usb_watch, node);

        if (w->fd == fd)
            watch_close(w);
    }
}

static void watch_all(usb *u)
{
    const struct libusb_pollfd **fds = libusb_get_pollfds(u->context);

    for (size_t i = 0; fds && fds[i]; i++)
        watch_open(fds[i]->fd, fds[i]->events, u);
    libusb_free_pollfds(fds);
    libusb_set_pollfd_notifiers(u->context, watch_open, watch_end, u);
}

/* --- transfers ---------------------------------------------------------------------------------------------------- */
static flight *flight_new(usb *u, size_t size)
{
    flight *f = u->count < FLIGHTS_MAX ? calloc(1, sizeof *f + size) : NULL;

    if (f)
        f->transfer = libusb_alloc_transfer(0);
    if (!f || !f->transfer) {
        free(f);
        lost(u, "too many transfers wait for the adapter");
        return NULL;
    }
    f->usb = u;
    return f;
}

static void flight_free(flight *f)
{
    libusb_free_transfer(f->transfer);
    free(f);
}

/* Takes over the flight, also after an error. */
static int flight_start(flight *f)
{
    usb *u = f->usb;
    const int r = libusb_submit_transfer(f->transfer);

    if (r) {
        flight_free(f);
        lost(u, r == LIBUSB_ERROR_NO_DEVICE ? "the adapter is gone" : "the adapter takes no transfer");
        return AMBLE_ERR_CONTROLLER;
    }
    amble__list_append(&u->flights, &f->node);
    u->count++;
    return AMBLE_OK;
}

/* The transfer is back. False when nothing more is to be done with it. */
static bool flight_landed(flight *f)
{
    usb *u = f->usb;
    char reason[sizeof u->breakage.reason];

    amble__list_remove(&f->node);
    u->count--;
    if (f->transfer->status == LIBUSB_TRANSFER_COMPLETED)
        return !u->closing && !u->breakage.broken;
    snprintf(reason, sizeof reason, "a transfer failed (libusb status %d)", (int)f->transfer->status);
    if (!u->closing)
        lost(u, f->transfer->status == LIBUSB_TRANSFER_NO_DEVICE ? "the adapter is gone" : reason);
    return false;
}

/* --- in ----------------------------------------------------------------------------------------------------------- */
static void on_packet(void *user, const uint8_t *packet, size_t size)
{
    usb *u = user;

    if (!u->breakage.broken)
        amble__whole_pass(&u->transport, packet, size);
}

static void on_input(struct libusb_transfer *transfer)
{
    flight *f = transfer->user_data;
    usb *u = f->usb;
    amble__usb_assembly *assembly = transfer->endpoint == u->pipes.events_in ? &u->events : &u->acl;

    if (!flight_landed(f)) {
        flight_free(f);
        return;
    }
    if (amble__usb_assemble(assembly, transfer->buffer, (size_t)transfer->actual_length, on_packet, u) < 0)
        lost(u, "it sends packets that are no HCI");
    if (u->breakage.broken)
        flight_free(f);
    else
        (void)flight_start(f); /* an error is told by `failed` */
}

static void read_pipe(usb *u, uint8_t pipe, size_t size)
{
    flight *f = flight_new(u, size);

    if (!f)
        return;
    if (pipe == u->pipes.events_in)
        libusb_fill_interrupt_transfer(f->transfer, u->device, pipe, f->bytes, (int)size, on_input, f, 0);
    else
        libusb_fill_bulk_transfer(f->transfer, u->device, pipe, f->bytes, (int)size, on_input, f, 0);
    (void)flight_start(f); /* as above */
}

static void read_all(usb *u)
{
    const size_t packet = u->pipes.acl_size;
    const size_t longest = (AMBLE__H4_PACKET_MAX + packet - 1) / packet * packet; /* a device sends whole packets */

    read_pipe(u, u->pipes.events_in, u->pipes.events_size);
    for (int i = 0; i < ACL_TRANSFERS; i++)
        read_pipe(u, u->pipes.acl_in, longest);
}

/* --- out ---------------------------------------------------------------------------------------------------------- */
static void on_output(struct libusb_transfer *transfer)
{
    flight *f = transfer->user_data;

    (void)flight_landed(f); /* an error is told by `failed` */
    flight_free(f);
}

static int usb_write(amble__transport *transport, const uint8_t *packet, size_t size)
{
    usb *u = amble__container(transport, usb, transport);
    const bool command = packet[0] == AMBLE__H4_COMMAND;
    const size_t setup = command ? LIBUSB_CONTROL_SETUP_SIZE : 0, body = size - 1;
    flight *f = u->breakage.broken ? NULL : flight_new(u, setup + body);

    if (!f)
        return AMBLE_ERR_CONTROLLER;
    memcpy(f->bytes + setup, packet + 1, body);
    if (command) {
        libusb_fill_control_setup(f->bytes, COMMAND_REQUEST_TYPE, 0, 0, 0, (uint16_t)body);
        libusb_fill_control_transfer(f->transfer, u->device, f->bytes, on_output, f, 0);
    } else {
        libusb_fill_bulk_transfer(f->transfer, u->device, u->pipes.acl_out, f->bytes, (int)body, on_output, f, 0);
    }
    return flight_start(f);
}

/* --- life --------------------------------------------------------------------------------------------------------- */
/* Whether every transfer came back. */
static bool call_back(usb *u)
{
    u->closing = true;
    amble__list_each (node, &u->flights)
        (void)libusb_cancel_transfer(amble__container(node, flight, node)->transfer); /* or it has ended already */
    for (int waited = 0; u->count && waited < CALL_BACK_MS; waited += CALL_BACK_STEP_MS) {
        struct timeval step = {.tv_usec = CALL_BACK_STEP_MS * 1000};

        (void)libusb_handle_events_timeout_completed(u->context, &step, NULL); /* tells by the callbacks */
    }
    return !u->count;
}

static void usb_free(usb *u)
{
    if (u->device)
        libusb_close(u->device);
    libusb_exit(u->context);
    amble__list_each (node, &u->watches)
        watch_close(amble__container(node, usb_watch, node));
    free(u);
}

static void usb_close(amble__transport *transport)
{
    usb *u = amble__container(transport, usb, transport);

    amble__breakage_close(&u->breakage);
    if (!call_back(u)) { /* the kernel may still write into its memory: leaving it is the lesser evil */
        amble__list_each (node, &u->watches)
            watch_close(amble__container(node, usb_watch, node));
        libusb_set_pollfd_notifiers(u->context, NULL, NULL, NULL);
        return;
    }
    (void)libusb_release_interface(u->device, INTERFACE); /* of a device that is gone it fails, rightly */
    usb_free(u);
}

static int claim(const amble__transport_request *request, usb *u)
{
    int r;

    (void)libusb_set_auto_detach_kernel_driver(u->device,
                                               1); /* where there are no drivers to detach it fails, rightly */
    r = libusb_claim_interface(u->device, INTERFACE);
    if (r)
        return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER,
                                       "%s: the adapter is taken (%s); end the other program that uses it",
                                       request->name, libusb_error_name(r));
    return AMBLE_OK;
}

int amble__usb_open(const amble__transport_request *request, amble__transport **transport)
{
    static const amble__transport_operations operations = {.write = usb_write, .close = usb_close};
    uv_loop_t *loop;
    usb *u;
    int r = amble__wait_check();

    if (r < 0 || (r = amble__endpoint_loop(request, &loop)) < 0)
        return r;
    u = calloc(1, sizeof *u);
    if (!u)
        return amble__transport_refuse(AMBLE_ERR_NO_MEMORY, "%s: out of memory", request->name);
    r = amble__usb_start(request->name, &u->context);
    if (r < 0) {
        free(u);
        return r;
    }
    amble__list_init(&u->flights);
    amble__list_init(&u->watches);
    if ((r = amble__usb_find(request, u->context, &u->device, &u->pipes)) < 0 || (r = claim(request, u)) < 0) {
        usb_free(u);
        return r;
    }
    u->transport.operations = &operations;
    amble__breakage_init(&u->breakage, &u->transport, request->name);
    amble__usb_assembly_init(&u->events, AMBLE__H4_EVENT);
    amble__usb_assembly_init(&u->acl, AMBLE__H4_ACL);
    watch_all(u);
    read_all(u);
    *transport = &u->transport;
    return AMBLE_OK;
}
#endif
