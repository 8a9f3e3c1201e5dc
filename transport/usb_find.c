/* Which USB devices are Bluetooth controllers (usb.h, usb_find.h).
 *
 * An adapter says so by its class, of the whole device or, when it does more than Bluetooth, of its interface 0. Some
 * say nothing of the kind; named by vendor and product, a device needs the right pipes only. */
#include "transport/usb.h"

#include "amble/error.h"
#include "transport/opener.h"

#ifdef AMBLE_HAVE_LIBUSB
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "transport/usb_find.h"

/* Wireless controller, radio frequency, Bluetooth programming interface (Vol 4 Part B 6.1). */
enum { CLASS_WIRELESS = 0xE0, SUBCLASS_RADIO = 0x01, PROTOCOL_BLUETOOTH = 0x01 };

/* usb:N or usb:VID:PID. */
typedef struct {
    bool by_number;
    unsigned number;
    uint16_t vendor, product;
} wanted_adapter;

static bool is_bluetooth(uint8_t class, uint8_t subclass, uint8_t protocol)
{
    return class == CLASS_WIRELESS && subclass == SUBCLASS_RADIO && protocol == PROTOCOL_BLUETOOTH;
}

static void take_pipe(amble__usb_pipes *pipes, const struct libusb_endpoint_descriptor *endpoint)
{
    const uint8_t address = endpoint->bEndpointAddress;
    const int kind = endpoint->bmAttributes & LIBUSB_TRANSFER_TYPE_MASK;
    const bool in = address & LIBUSB_ENDPOINT_IN;

    if (kind == LIBUSB_TRANSFER_TYPE_INTERRUPT && in) {
        pipes->events_in = address;
        pipes->events_size = endpoint->wMaxPacketSize;
    } else if (kind == LIBUSB_TRANSFER_TYPE_BULK && in) {
        pipes->acl_in = address;
        pipes->acl_size = endpoint->wMaxPacketSize;
    } else if (kind == LIBUSB_TRANSFER_TYPE_BULK) {
        pipes->acl_out = address;
    }
}

/* Whether interface 0 has all pipes. `bluetooth` becomes what its class says. */
static bool find_pipes(libusb_device *device, amble__usb_pipes *pipes, bool *bluetooth)
{
    struct libusb_config_descriptor *config;

    memset(pipes, 0, sizeof *pipes);
    if (libusb_get_active_config_descriptor(device, &config))
        return false; /* not configured, or gone */
    for (int i = 0; i < config->bNumInterfaces; i++) {
        const struct libusb_interface_descriptor *interface = config->interface[i].altsetting;

        if (config->interface[i].num_altsetting < 1 || interface->bInterfaceNumber != 0)
            continue;
        *bluetooth =
            is_bluetooth(interface->bInterfaceClass, interface->bInterfaceSubClass, interface->bInterfaceProtocol);
        for (int k = 0; k < interface->bNumEndpoints; k++)
            take_pipe(pipes, interface->endpoint + k);
    }
    libusb_free_config_descriptor(config);
    return pipes->events_in && pipes->events_size && pipes->acl_in && pipes->acl_size && pipes->acl_out;
}

static bool is_adapter(libusb_device *device, const struct libusb_device_descriptor *descriptor)
{
    amble__usb_pipes pipes;
    bool bluetooth = false;

    return find_pipes(device, &pipes, &bluetooth) &&
           (bluetooth ||
            is_bluetooth(descriptor->bDeviceClass, descriptor->bDeviceSubClass, descriptor->bDeviceProtocol));
}

int amble__usb_start(const char *name, libusb_context **context)
{
    const int r = libusb_init(context);

    if (r)
        return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER,
                                       "%s: this machine has no USB bus (%s); take another controller, or air:NAME",
                                       name, libusb_error_name(r));
    return AMBLE_OK;
}

/* The devices on every bus: their number, and libusb's list, to be freed. */
static int list_devices(const char *name, libusb_context *context, libusb_device ***devices)
{
    const ssize_t count = libusb_get_device_list(context, devices);

    if (count > 0)
        return (int)count;
    if (count == 0)
        libusb_free_device_list(*devices, 1);
    return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER,
                                   "%s: this machine shows no USB bus; see lsusb, and in a container whether "
                                   "/dev/bus/usb is passed on",
                                   name);
}

int amble__usb_adapters(amble__usb_adapter *adapters, size_t size)
{
    libusb_context *context;
    libusb_device **devices;
    size_t found = 0;
    int r = amble__usb_start("usb", &context);

    if (r < 0)
        return r;
    r = list_devices("usb", context, &devices);
    for (int i = 0; i < r && found < size; i++) {
        struct libusb_device_descriptor descriptor;

        if (libusb_get_device_descriptor(devices[i], &descriptor) || !is_adapter(devices[i], &descriptor))
            continue;
        adapters[found++] = (amble__usb_adapter){
            .vendor = descriptor.idVendor,
            .product = descriptor.idProduct,
            .bus = libusb_get_bus_number(devices[i]),
            .address = libusb_get_device_address(devices[i]),
        };
    }
    if (r > 0)
        libusb_free_device_list(devices, 1);
    libusb_exit(context);
    return r < 0 ? r : (int)found;
}

/* --- one adapter -------------------------------------------------------------------------------------------------- */
static int parse(const amble__transport_request *request, wanted_adapter *wanted)
{
    const char *place = request->place;
    const char *colon = strchr(place, ':');
    const int base = colon ? 16 : 10;
    char *end, *second_end = NULL;
    unsigned long first = strtoul(place, &end, base), second = 0;

    if (colon)
        second = strtoul(colon + 1, &second_end, base);
    if (strspn(place, "0123456789abcdefABCDEF:") != strlen(place) || *end != (colon ? ':' : 0) || end == place ||
        (colon && (*second_end || second_end == colon + 1)) || first > UINT16_MAX || second > UINT16_MAX)
        return amble__transport_refuse(AMBLE_ERR_USAGE,
                                       "%s: this names no adapter; write usb:0 for the first, or vendor and product as "
                                       "lsusb shows them, such as usb:0a12:0001",
                                       request->name);
    *wanted = (wanted_adapter){
        .by_number = !colon, .number = (unsigned)first, .vendor = (uint16_t)first, .product = (uint16_t)second};
    return AMBLE_OK;
}

static libusb_device *choose(const wanted_adapter *wanted, libusb_device **devices, int count)
{
    unsigned number = 0;

    for (int i = 0; i < count; i++) {
        struct libusb_device_descriptor descriptor;

        if (libusb_get_device_descriptor(devices[i], &descriptor))
            continue;
        if (wanted->by_number ? is_adapter(devices[i], &descriptor) && number++ == wanted->number
                              : descriptor.idVendor == wanted->vendor && descriptor.idProduct == wanted->product)
            return devices[i];
    }
    return NULL;
}

static int open_device(const amble__transport_request *request, libusb_device *found, libusb_device_handle **device,
                       amble__usb_pipes *pipes)
{
    bool bluetooth;
    int r;

    if (!find_pipes(found, pipes, &bluetooth))
        return amble__transport_refuse(
            AMBLE_ERR_NO_CONTROLLER,
            "%s: this USB device is no Bluetooth adapter; see which are with: amble controllers", request->name);
    r = libusb_open(found, device);
    if (r == LIBUSB_ERROR_ACCESS)
        return amble__transport_refuse(
            AMBLE_ERR_NO_CONTROLLER,
            "%s: you may not use this adapter; start the program with sudo, or give yourself "
            "the right with a udev rule (docs/hardware.md has it)",
            request->name);
    if (r)
        return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER,
                                       "%s: the adapter cannot be opened (%s); plug it in again", request->name,
                                       libusb_error_name(r));
    return AMBLE_OK;
}

int amble__usb_find(const amble__transport_request *request, libusb_context *context, libusb_device_handle **device,
                    amble__usb_pipes *pipes)
{
    wanted_adapter wanted;
    libusb_device **devices, *found;
    int count, r = parse(request, &wanted);

    if (r < 0 || (count = r = list_devices(request->name, context, &devices)) < 0)
        return r;
    found = choose(&wanted, devices, count);
    if (found)
        r = open_device(request, found, device, pipes);
    else
        r = amble__transport_refuse(
            AMBLE_ERR_NO_CONTROLLER,
            "%s: there is no such Bluetooth adapter among %d USB devices; plug it in, or see which "
            "there are with: amble controllers",
            request->name, count);
    libusb_free_device_list(devices, 1); /* a device that is open stays */
    return r;
}
#else
#define WITHOUT_USB "this build has no USB; install libusb-1.0-0-dev and build amble again"

int amble__usb_adapters(amble__usb_adapter *adapters, size_t size)
{
    (void)adapters;
    (void)size;
    return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER, "usb: " WITHOUT_USB);
}

int amble__usb_open(const amble__transport_request *request, amble__transport **transport)
{
    (void)transport;
    return amble__transport_refuse(AMBLE_ERR_NO_CONTROLLER, "%s: " WITHOUT_USB, request->name);
}
#endif
