/* USB without a bus: libusb's functions are replaced by those in this file, which know a few devices and put a virtual
 * controller into one of them. The linker takes a program's own functions before those of a shared library.
 *
 * Waits for real time: file descriptors know no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#ifdef AMBLE_HAVE_LIBUSB
#include <fcntl.h>
#include <libusb.h>
#include <poll.h>
#include <unistd.h>

#include "amble.h"
#include "core/bytes.h"
#include "transport/airspace.h"
#include "transport/test_link.h"
#include "transport/transport.h"
#include "transport/usb.h"
#include "transport/usb_assembly.h"

enum {
    SOON_MS = 5000,
    EVENTS_IN = 0x81,
    ACL_IN = 0x82,
    ACL_OUT = 0x02,
    EVENT_PIECE = 16,
    ACL_PIECE = 64,
    PIECES = 64,
    TRANSFERS = 300
};

/* --- the devices -------------------------------------------------------------------------------------------------- */
struct libusb_device {
    struct libusb_device_descriptor descriptor;
    uint8_t interface_class;
    bool has_pipes;
};

static libusb_device devices[] = {
    {.descriptor = {.bDeviceClass = 0x09, .idVendor = 0x1d6b, .idProduct = 0x0002}}, /* a hub */
    {.descriptor =
         {.bDeviceClass = 0xE0, .bDeviceSubClass = 1, .bDeviceProtocol = 1, .idVendor = 0x0a12, .idProduct = 1},
     .has_pipes = true},
    {.descriptor = {.bDeviceClass = 0xEF, .idVendor = 0x8087, .idProduct = 0x0a2b},
     .interface_class = 0xE0,
     .has_pipes = true},
    {.descriptor = {.bDeviceClass = 0xFF, .idVendor = 0x0a5c, .idProduct = 0x21e8}, .has_pipes = true},
    {.descriptor =
         {.bDeviceClass = 0xE0, .bDeviceSubClass = 1, .bDeviceProtocol = 1, .idVendor = 0x1234, .idProduct = 0x5678}},
};
enum { DEVICES = sizeof devices / sizeof *devices };

/* What comes in over a pipe: pieces that nobody asked for yet, or transfers for which there is no piece yet. */
typedef struct {
    uint8_t bytes[PIECES][AMBLE__H4_PACKET_MAX];
    size_t sizes[PIECES];
    unsigned pieces;
    struct libusb_transfer *waiting[4];
    unsigned transfers;
} fake_pipe;

static struct {
    ssize_t devices;
    int init_error, open_error, claim_error;
    bool unplugged, kernel_driver_gone, claimed, stalls;
    int wake[2], device_fd[2]; /* pipes; read ends are watched */
    fake_pipe events, acl;
    struct libusb_transfer *ended[TRANSFERS];
    unsigned ended_count;
    int transfers; /* allocated */
    libusb_pollfd_removed_cb removed;
    void *removed_user;
    amble__station *station;
    uint8_t last_setup[LIBUSB_CONTROL_SETUP_SIZE];
} bus;

static void end_transfer(struct libusb_transfer *transfer, enum libusb_transfer_status status)
{
    transfer->status = status;
    assert_in_range(bus.ended_count, 0, TRANSFERS - 1);
    bus.ended[bus.ended_count++] = transfer;
    assert_int_equal(write(bus.wake[1], "", 1), 1);
}

static void meet(fake_pipe *pipe)
{
    while (pipe->pieces && pipe->transfers) {
        struct libusb_transfer *transfer = pipe->waiting[0];

        assert_in_range(pipe->sizes[0], 0, transfer->length);
        memcpy(transfer->buffer, pipe->bytes[0], pipe->sizes[0]);
        transfer->actual_length = (int)pipe->sizes[0];
        memmove(pipe->bytes, pipe->bytes + 1, --pipe->pieces * sizeof *pipe->bytes);
        memmove(pipe->sizes, pipe->sizes + 1, pipe->pieces * sizeof *pipe->sizes);
        memmove(pipe->waiting, pipe->waiting + 1, --pipe->transfers * sizeof(void *));
        end_transfer(transfer, LIBUSB_TRANSFER_COMPLETED);
    }
}

static void device_says(fake_pipe *pipe, const uint8_t *bytes, size_t size)
{
    assert_in_range(pipe->pieces, 0, PIECES - 1);
    memcpy(pipe->bytes[pipe->pieces], bytes, size);
    pipe->sizes[pipe->pieces++] = size;
    meet(pipe);
}

/* From the controller in the adapter: events in pieces of the pipe's size, without an empty one at the end. */
static void to_host(void *user, const uint8_t *packet, size_t size)
{
    (void)user;
    if (packet[0] == AMBLE__H4_ACL)
        device_says(&bus.acl, packet + 1, size - 1);
    for (size_t at = 1; packet[0] == AMBLE__H4_EVENT && at < size; at += EVENT_PIECE)
        device_says(&bus.events, packet + at, size - at < EVENT_PIECE ? size - at : EVENT_PIECE);
}

static void from_host(uint8_t type, const uint8_t *bytes, size_t size)
{
    uint8_t packet[AMBLE__H4_PACKET_MAX] = {type};

    memcpy(packet + 1, bytes, size);
    if (bus.station)
        amble__station_receive(bus.station, packet, 1 + size);
}

/* --- libusb ------------------------------------------------------------------------------------------------------- */
int libusb_init(libusb_context **context)
{
    *context = (libusb_context *)&bus;
    return bus.init_error;
}
void libusb_exit(libusb_context *context) { assert_ptr_equal(context, &bus); }

ssize_t libusb_get_device_list(libusb_context *context, libusb_device ***list)
{
    (void)context;
    *list = calloc(DEVICES + 1, sizeof **list);
    for (ssize_t i = 0; i < bus.devices; i++)
        (*list)[i] = &devices[i];
    return bus.devices;
}
void libusb_free_device_list(libusb_device **list, int unref)
{
    assert_int_equal(unref, 1);
    free(list);
}
int libusb_get_device_descriptor(libusb_device *device, struct libusb_device_descriptor *descriptor)
{
    *descriptor = device->descriptor;
    return 0;
}
int libusb_get_active_config_descriptor(libusb_device *device, struct libusb_config_descriptor **config)
{
    static const struct libusb_endpoint_descriptor pipes[] = {
        {.bEndpointAddress = EVENTS_IN, .bmAttributes = LIBUSB_TRANSFER_TYPE_INTERRUPT, .wMaxPacketSize = EVENT_PIECE},
        {.bEndpointAddress = ACL_OUT, .bmAttributes = LIBUSB_TRANSFER_TYPE_BULK, .wMaxPacketSize = ACL_PIECE},
        {.bEndpointAddress = ACL_IN, .bmAttributes = LIBUSB_TRANSFER_TYPE_BULK, .wMaxPacketSize = ACL_PIECE},
    };
    static struct libusb_interface_descriptor setting;
    static struct libusb_interface interface = {.altsetting = &setting, .num_altsetting = 1};
    static struct libusb_config_descriptor found = {.bNumInterfaces = 1, .interface = &interface};

    setting = (struct libusb_interface_descriptor){.bInterfaceClass = device->interface_class,
                                                   .bInterfaceSubClass = 1,
                                                   .bInterfaceProtocol = 1,
                                                   .bNumEndpoints = device->has_pipes ? 3 : 1,
                                                   .endpoint = pipes};
    *config = &found;
    return 0;
}
void libusb_free_config_descriptor(struct libusb_config_descriptor *config) { assert_non_null(config); }
uint8_t libusb_get_bus_number(libusb_device *device) { return device ? 3 : 0; }
uint8_t libusb_get_device_address(libusb_device *device) { return (uint8_t)(device - devices + 1); }

int libusb_open(libusb_device *device, libusb_device_handle **handle)
{
    *handle = (libusb_device_handle *)device;
    return bus.open_error;
}
void libusb_close(libusb_device_handle *handle)
{
    assert_non_null(handle);
    if (bus.removed && !bus.unplugged)
        bus.removed(bus.device_fd[0], bus.removed_user);
}
int libusb_set_auto_detach_kernel_driver(libusb_device_handle *handle, int enable)
{
    return handle && enable ? 0 : LIBUSB_ERROR_NOT_SUPPORTED;
}
int libusb_claim_interface(libusb_device_handle *handle, int number)
{
    assert_non_null(handle);
    assert_int_equal(number, 0);
    bus.claimed = bus.kernel_driver_gone = !bus.claim_error;
    return bus.claim_error;
}
int libusb_release_interface(libusb_device_handle *handle, int number)
{
    assert_non_null(handle);
    assert_int_equal(number, 0);
    assert_true(bus.claimed);
    bus.claimed = bus.kernel_driver_gone = false;
    return bus.unplugged ? LIBUSB_ERROR_NO_DEVICE : 0;
}

struct libusb_transfer *libusb_alloc_transfer(int packets)
{
    bus.transfers++;
    return calloc(1, sizeof(struct libusb_transfer) + (size_t)packets);
}
void libusb_free_transfer(struct libusb_transfer *transfer)
{
    bus.transfers--;
    free(transfer);
}
int libusb_submit_transfer(struct libusb_transfer *transfer)
{
    fake_pipe *pipe = transfer->endpoint == EVENTS_IN ? &bus.events : &bus.acl;

    assert_true(bus.claimed);
    if (bus.unplugged)
        return LIBUSB_ERROR_NO_DEVICE;
    if (transfer->endpoint & LIBUSB_ENDPOINT_IN) {
        assert_in_range(pipe->transfers, 0, 3);
        pipe->waiting[pipe->transfers++] = transfer;
        meet(pipe);
        return 0;
    }
    if (transfer->type == LIBUSB_TRANSFER_TYPE_CONTROL) {
        memcpy(bus.last_setup, transfer->buffer, sizeof bus.last_setup);
        from_host(AMBLE__H4_COMMAND, transfer->buffer + LIBUSB_CONTROL_SETUP_SIZE,
                  (size_t)transfer->length - LIBUSB_CONTROL_SETUP_SIZE);
    } else {
        assert_int_equal(transfer->endpoint, ACL_OUT);
        from_host(AMBLE__H4_ACL, transfer->buffer, (size_t)transfer->length);
    }
    end_transfer(transfer, bus.stalls ? LIBUSB_TRANSFER_STALL : LIBUSB_TRANSFER_COMPLETED);
    return 0;
}
static bool take_from(fake_pipe *pipe, const struct libusb_transfer *transfer)
{
    for (unsigned i = 0; i < pipe->transfers; i++)
        if (pipe->waiting[i] == transfer) {
            memmove(pipe->waiting + i, pipe->waiting + i + 1, (--pipe->transfers - i) * sizeof(void *));
            return true;
        }
    return false;
}
int libusb_cancel_transfer(struct libusb_transfer *transfer)
{
    if (!take_from(&bus.events, transfer) && !take_from(&bus.acl, transfer))
        return LIBUSB_ERROR_NOT_FOUND;
    end_transfer(transfer, LIBUSB_TRANSFER_CANCELLED);
    return 0;
}

const struct libusb_pollfd **libusb_get_pollfds(libusb_context *context)
{
    static struct libusb_pollfd fds[2];
    static const struct libusb_pollfd *list[] = {&fds[0], &fds[1], NULL};

    assert_ptr_equal(context, &bus);
    fds[0] = (struct libusb_pollfd){.fd = bus.wake[0], .events = POLLIN};
    fds[1] = (struct libusb_pollfd){.fd = bus.device_fd[0], .events = POLLIN};
    return list;
}
void libusb_free_pollfds(const struct libusb_pollfd **fds) { assert_non_null(fds); }
void libusb_set_pollfd_notifiers(libusb_context *context, libusb_pollfd_added_cb added,
                                 libusb_pollfd_removed_cb removed, void *user)
{
    assert_ptr_equal(context, &bus);
    assert_non_null(added);
    bus.removed = removed;
    bus.removed_user = user;
}
int libusb_handle_events_timeout_completed(libusb_context *context, struct timeval *timeout, int *completed)
{
    uint8_t bytes[64];

    assert_ptr_equal(context, &bus);
    assert_non_null(timeout);
    assert_null(completed);
    while (read(bus.wake[0], bytes, sizeof bytes) > 0)
        ;
    for (unsigned left = bus.ended_count; left; left--) {
        struct libusb_transfer *transfer = bus.ended[0];

        memmove(bus.ended, bus.ended + 1, --bus.ended_count * sizeof *bus.ended);
        transfer->callback(transfer);
    }
    return 0;
}

static void pull_out(void)
{
    fake_pipe *const pipes[] = {&bus.events, &bus.acl};

    bus.unplugged = true;
    bus.removed(bus.device_fd[0], bus.removed_user);
    for (int i = 0; i < 2; i++)
        while (pipes[i]->transfers)
            end_transfer(pipes[i]->waiting[--pipes[i]->transfers], LIBUSB_TRANSFER_NO_DEVICE);
}

/* --- tests -------------------------------------------------------------------------------------------------------- */
static int set_up(void **state)
{
    (void)state;
    memset(&bus, 0, sizeof bus);
    bus.devices = DEVICES;
    return pipe(bus.wake) || pipe(bus.device_fd) || fcntl(bus.wake[0], F_SETFL, O_NONBLOCK) < 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(bus.transfers, 0);
    assert_false(bus.kernel_driver_gone);
    for (int i = 0; i < 2; i++)
        if (close(bus.wake[i]) || close(bus.device_fd[i]))
            return -1;
    return 0;
}

static void in_task(int (*body)(void *arg))
{
    const amble_run_options options = {0};

    assert_int_equal(amble_run(&options, body, NULL), 0);
}

static void plug_in(void)
{
    const amble__station_options options = {.to_host = to_host};
    amble__airspace *space;

    bus.unplugged = false;
    assert_int_equal(amble__airspace_find("desk", &space), 0);
    assert_int_equal(amble__station_open(space, &options, &bus.station), 0);
}

static int an_adapter(void *arg)
{
    static const uint8_t setup[] = {0x20, 0, 0, 0, 0, 0};
    static const char *const names[] = {"usb:0", "usb:0a12:0001", "usb:A12:1"};
    amble *ble;

    (void)arg;
    for (int i = 0; i < 3; i++) {
        plug_in();
        if (amble_open(&ble, names[i], NULL, SOON_MS) < 0)
            fail_msg("%s", amble_open_problem());
        assert_true(bus.kernel_driver_gone);
        assert_memory_equal(bus.last_setup, setup, sizeof setup);
        test_link_use(ble);
        amble_close(ble);
        assert_false(bus.kernel_driver_gone);
        amble__station_close(bus.station);
    }
    return 0;
}

static void test_an_adapter(void **state)
{
    (void)state;
    in_task(an_adapter);
}

static int pulled_out(void *arg)
{
    amble_connection *conn;
    amble *ble;

    (void)arg;
    for (int i = 0; i < 2; i++) {
        plug_in();
        assert_int_equal(amble_open(&ble, "usb:0", NULL, SOON_MS), 0);
        test_link_use(ble);
        pull_out();
        assert_int_equal(amble_advertise(ble, NULL, &conn, AMBLE_FOREVER), AMBLE_ERR_CONTROLLER);
        amble_close(ble);
        amble__station_close(bus.station);
    }
    return 0;
}

static void test_pulled_out(void **state)
{
    (void)state;
    in_task(pulled_out);
}

static int a_stall(void *arg)
{
    amble_connection *conn;
    amble *ble;

    (void)arg;
    plug_in();
    assert_int_equal(amble_open(&ble, "usb:0", NULL, SOON_MS), 0);
    bus.stalls = true;
    assert_int_equal(amble_advertise(ble, NULL, &conn, AMBLE_FOREVER), AMBLE_ERR_CONTROLLER);
    assert_non_null(strstr(amble__transport_problem(), "usb:0: a transfer failed (libusb status 4)"));
    amble_close(ble);
    amble__station_close(bus.station);
    return 0;
}

static void test_a_stall(void **state)
{
    (void)state;
    in_task(a_stall);
}

/* --- packets ------------------------------------------------------------------------------------------------------ */
static struct {
    uint8_t bytes[8][300];
    size_t sizes[8];
    unsigned count;
    amble_event event;
    int failures;
} received;

static void on_packet(void *user, const uint8_t *packet, size_t size)
{
    (void)user;
    assert_in_range(received.count, 0, 7);
    memcpy(received.bytes[received.count], packet, size);
    received.sizes[received.count++] = size;
    amble_event_set(&received.event);
}

static void on_failed(void *user, int error)
{
    (void)user;
    assert_int_equal(error, AMBLE_ERR_CONTROLLER);
    received.failures++;
    amble_event_set(&received.event);
}

static int packets_are_assembled(void *arg)
{
    static const uint8_t stale[] = {0x3E, 1, 0}, answer[] = {0x0E, 4, 1, 3, 0x0C, 0};
    static const uint8_t two[] = {0x10, 1, 7, 0x10, 0},
                         acl[] = {0x40, 0x20, 4, 0, 'a', 'b', 'c', 'd', 0x41, 0x20, 0, 0};
    static const uint8_t too_long[] = {0x40, 0x20, 0xFF, 0xFF};
    uint8_t event[2 + 30] = {0xFF, 30};
    amble__transport *transport;

    (void)arg;
    memset(&received, 0, sizeof received);
    assert_int_equal(amble__transport_open("usb:0", &transport, SOON_MS), 0);
    transport->receive = on_packet;
    transport->failed = on_failed;
    device_says(&bus.events, stale, sizeof stale); /* from before the Reset: nobody's */
    device_says(&bus.events, answer, 2);
    device_says(&bus.events, answer + 2, sizeof answer - 2);
    while (received.count < 1)
        assert_int_equal(amble_event_wait(&received.event, SOON_MS), 0);
    device_says(&bus.events, event, EVENT_PIECE); /* ends at the border of a piece */
    device_says(&bus.events, event + EVENT_PIECE, EVENT_PIECE);
    device_says(&bus.events, two, sizeof two);
    device_says(&bus.events, (const uint8_t *)"", 0);
    while (received.count < 4)
        assert_int_equal(amble_event_wait(&received.event, SOON_MS), 0);
    device_says(&bus.acl, acl, 5);
    device_says(&bus.acl, acl + 5, sizeof acl - 5);
    while (received.count < 6)
        assert_int_equal(amble_event_wait(&received.event, SOON_MS), 0);
    assert_int_equal(received.sizes[0], 1 + sizeof answer);
    assert_memory_equal(received.bytes[0] + 1, answer, sizeof answer);
    assert_int_equal(received.sizes[1], 1 + sizeof event);
    assert_memory_equal(received.bytes[1] + 1, event, sizeof event);
    assert_int_equal(received.sizes[2] * 10 + received.sizes[3], 43);
    assert_int_equal(received.bytes[4][0], AMBLE__H4_ACL);
    assert_memory_equal(received.bytes[4] + 1, acl, 8);
    assert_int_equal(received.sizes[5], 5);
    device_says(&bus.acl, too_long, sizeof too_long);
    while (!received.failures)
        assert_int_equal(amble_event_wait(&received.event, SOON_MS), 0);
    assert_non_null(strstr(transport->reason, "no HCI"));
    amble__transport_close(transport);
    return 0;
}

static void test_packets_are_assembled(void **state)
{
    (void)state;
    in_task(packets_are_assembled);
}

/* An adapter that takes nothing: transfers wait, until there are too many. */
static int transfers_are_bounded(void *arg)
{
    static const uint8_t reset[] = {1, 3, 0x0C, 0};
    amble__transport *transport;
    int r = 0;

    (void)arg;
    assert_int_equal(amble__transport_open("usb:0", &transport, SOON_MS), 0);
    for (int i = 0; i < TRANSFERS && !r; i++) /* no wait in between: nothing can end */
        r = transport->operations->write(transport, reset, sizeof reset);
    assert_int_equal(r, AMBLE_ERR_CONTROLLER);
    amble__transport_close(transport);
    return 0;
}

static void test_transfers_are_bounded(void **state)
{
    (void)state;
    in_task(transfers_are_bounded);
}

/* --- names -------------------------------------------------------------------------------------------------------- */
static void expect_refused(const char *name, int error, const char *words)
{
    amble__transport *transport = NULL;

    assert_int_equal(amble__transport_open(name, &transport, 200), error);
    assert_null(transport);
    if (!strstr(amble__transport_problem(), words))
        fail_msg("\"%s\" lacks \"%s\"", amble__transport_problem(), words);
    assert_non_null(strstr(amble__transport_problem(), name));
}

static int refused_adapters(void *arg)
{
    static const char *const no_names[] = {"usb:first",   "usb:0a12:", "usb::1", "usb:1:2:3",
                                           "usb:12345:1", "usb:-1",    "usb: 1"};

    (void)arg;
    for (size_t i = 0; i < sizeof no_names / sizeof *no_names; i++)
        expect_refused(no_names[i], AMBLE_ERR_USAGE, "this names no adapter");
    expect_refused("usb:2", AMBLE_ERR_NO_CONTROLLER, "no such Bluetooth adapter among 5 USB devices");
    expect_refused("usb:dead:beef", AMBLE_ERR_NO_CONTROLLER, "no such Bluetooth adapter");
    expect_refused("usb:1234:5678", AMBLE_ERR_NO_CONTROLLER, "this USB device is no Bluetooth adapter");
    bus.claim_error = LIBUSB_ERROR_BUSY;
    expect_refused("usb:0", AMBLE_ERR_NO_CONTROLLER, "the adapter is taken (LIBUSB_ERROR_BUSY)");
    bus.open_error = LIBUSB_ERROR_ACCESS;
    expect_refused("usb:1", AMBLE_ERR_NO_CONTROLLER, "you may not use this adapter");
    bus.open_error = LIBUSB_ERROR_IO;
    expect_refused("usb:0a5c:21e8", AMBLE_ERR_NO_CONTROLLER, "cannot be opened (LIBUSB_ERROR_IO)");
    bus.devices = 0;
    expect_refused("usb:0", AMBLE_ERR_NO_CONTROLLER, "this machine shows no USB bus");
    bus.init_error = LIBUSB_ERROR_OTHER;
    expect_refused("usb:0", AMBLE_ERR_NO_CONTROLLER, "this machine has no USB bus");
    return 0;
}

static void test_refused_adapters(void **state)
{
    (void)state;
    in_task(refused_adapters);
}

static void test_adapters_are_listed(void **state)
{
    amble__usb_adapter adapters[4];

    (void)state;
    assert_int_equal(amble__usb_adapters(adapters, 4), 2);
    assert_int_equal(adapters[0].vendor, 0x0a12);
    assert_int_equal(adapters[0].product, 1);
    assert_int_equal(adapters[0].bus, 3);
    assert_int_equal(adapters[0].address, 2);
    assert_int_equal(adapters[1].vendor, 0x8087);
    assert_int_equal(amble__usb_adapters(adapters, 1), 1);
    bus.devices = 1;
    assert_int_equal(amble__usb_adapters(adapters, 4), 0);
    bus.devices = 0;
    assert_int_equal(amble__usb_adapters(adapters, 4), AMBLE_ERR_NO_CONTROLLER);
}

#define BUS_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BUS_TEST(test_an_adapter),
        BUS_TEST(test_pulled_out),
        BUS_TEST(test_a_stall),
        BUS_TEST(test_packets_are_assembled),
        BUS_TEST(test_transfers_are_bounded),
        BUS_TEST(test_refused_adapters),
        BUS_TEST(test_adapters_are_listed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
int main(void)
{
    puts("this build has no USB; install libusb-1.0-0-dev and build again");
    return 77;
}
#endif
