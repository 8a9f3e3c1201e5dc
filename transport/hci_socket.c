/* hci-socket:N: a controller that the Linux kernel drives, through its user channel.
 *
 * The user channel hands the whole controller to one program and keeps the kernel's own Bluetooth away from it for as
 * long. It takes a controller that is down, so it is brought down first. Both need the capability CAP_NET_ADMIN.
 *
 * The constants are those of include/net/bluetooth/{bluetooth,hci_sock,hci}.h of the kernel's source, which are part of
 * its interface to programs but of no package that every machine has. */
#include "transport/hci_socket.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "amble/error.h"
#include "task/scheduler.h"
#include "transport/endpoint_uv.h"
#include "transport/packets_uv.h"

#ifdef __linux__
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { FAMILY_BLUETOOTH = 31, PROTOCOL_HCI = 1, CHANNEL_USER = 1, DEVICE_UP = 1 << 0, DEVICES_MAX = 16 };
#define BRING_DOWN   _IOW('H', 202, int)
#define LIST_DEVICES _IOR('H', 210, int)

struct hci_address {
    sa_family_t family;
    uint16_t device;
    uint16_t channel;
};

struct device_list {
    uint16_t count;
    struct {
        uint16_t number;
        uint32_t flags;
    } devices[DEVICES_MAX];
};

/* --- without a controller ----------------------------------------------------------------------------------------- */
static int refuse_kernel(const char *name, int error)
{
    if (error == EAFNOSUPPORT || error == EPROTONOSUPPORT)
        return amble__transport_refuse(
            AMBLE_ERR_NO_CONTROLLER,
            "%s: this kernel has no Bluetooth; load it with: sudo modprobe bluetooth, or take "
            "a USB or serial controller",
            name);
    return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER, "%s: the kernel gives no Bluetooth socket (%s); see dmesg",
                                   name, strerror(error));
}

static int open_socket(const char *name, int *fd)
{
    *fd = socket(FAMILY_BLUETOOTH, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, PROTOCOL_HCI);
    return *fd < 0 ? refuse_kernel(name, errno) : AMBLE_OK;
}

int amble__hci_devices(amble__hci_device *devices, size_t size)
{
    struct device_list list = {.count = DEVICES_MAX};
    int fd, found, r = open_socket("hci-socket", &fd);

    if (r < 0)
        return r;
    r = ioctl(fd, LIST_DEVICES, &list);
    if (r < 0)
        r = refuse_kernel("hci-socket", errno);
    (void)close(fd); /* nothing was written to it */
    if (r < 0)
        return r;
    found = 0;
    for (size_t i = 0; i < list.count && i < size; i++)
        devices[found++] =
            (amble__hci_device){.number = list.devices[i].number, .up = list.devices[i].flags & DEVICE_UP};
    return found;
}

/* --- one controller ----------------------------------------------------------------------------------------------- */
static int refuse_device(const amble__transport_request *request, unsigned number, int error)
{
    switch (error) {
    case ENODEV:
        return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER,
                                       "%s: the kernel has no hci%u; see which ones there are with: amble controllers",
                                       request->name, number);
    case EPERM:
    case EACCES:
        return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER,
                                       "%s: taking hci%u from the kernel needs the capability CAP_NET_ADMIN; start the "
                                       "program with sudo, or give it: sudo setcap cap_net_admin+ep PROGRAM",
                                       request->name, number);
    case EBUSY:
    case EUSERS:
        return amble__transport_refuse(
            AMBLE_ERR_NO_CONTROLLER,
            "%s: somebody else is using hci%u; end the other program, or: sudo systemctl stop "
            "bluetooth",
            request->name, number);
    case ERFKILL:
        return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER,
                                       "%s: hci%u is switched off; switch it on with: sudo rfkill unblock bluetooth",
                                       request->name, number);
    default:
        return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER, "%s: hci%u cannot be taken (%s); see dmesg",
                                       request->name, number, strerror(error));
    }
}

static int take_device(const amble__transport_request *request, unsigned number, int fd)
{
    const struct hci_address address = {
        .family = FAMILY_BLUETOOTH, .device = (uint16_t)number, .channel = CHANNEL_USER};

    if (ioctl(fd, BRING_DOWN, number) < 0 && errno != EALREADY)
        return refuse_device(request, number, errno);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0)
        return refuse_device(request, number, errno);
    return AMBLE_OK;
}

static int parse_number(const amble__transport_request *request, unsigned *number)
{
    char *end;
    const unsigned long value = strtoul(request->place, &end, 10);

    /* The highest number stands for "none" in the kernel. */
    if (*request->place < '0' || *request->place > '9' || *end || value >= UINT16_MAX)
        return amble__transport_refuse(AMBLE_ERR_USAGE,
                                       "%s: %s is no number of a controller; write hci-socket:0 for hci0",
                                       request->name, request->place);
    *number = (unsigned)value;
    return AMBLE_OK;
}

int amble__hci_socket_open(const amble__transport_request *request, amble__transport **transport)
{
    unsigned number;
    uv_loop_t *loop;
    int fd, r = parse_number(request, &number);

    if (r < 0 || (r = amble__wait_check()) < 0 || (r = amble__endpoint_loop(request, &loop)) < 0 ||
        (r = open_socket(request->name, &fd)) < 0)
        return r;
    r = take_device(request, number, fd);
    if (r < 0) {
        (void)close(fd); /* nothing was written to it */
        return r;
    }
    return amble__packets_open(loop, fd, request->name, transport);
}
#else
int amble__hci_devices(amble__hci_device *devices, size_t size)
{
    (void)devices;
    (void)size;
    return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER,
                                   "hci-socket: only Linux has it; take a USB or serial controller");
}

int amble__hci_socket_open(const amble__transport_request *request, amble__transport **transport)
{
    (void)transport;
    return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER, "%s: only Linux has it; take a USB or serial controller",
                                   request->name);
}
#endif
