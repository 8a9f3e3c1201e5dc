/* Finding a Bluetooth adapter on USB, for usb.c. Only where there is libusb. */
#ifndef AMBLE_TRANSPORT_USB_FIND_H
#define AMBLE_TRANSPORT_USB_FIND_H
#include <libusb.h>

#include "transport/opener.h"

/* The pipes of interface 0 (Vol 4 Part B 6.1): addresses, and the largest packets of those that come in. Commands go
 * over the control pipe, which every device has. */
typedef struct {
    uint8_t events_in, acl_in, acl_out;
    uint16_t events_size, acl_size;
} amble__usb_pipes;

/* A context of libusb's, closed with libusb_exit. AMBLE_ERR_NO_CONTROLLER with a sentence where there is no USB. */
int amble__usb_start(const char *name, libusb_context **context);
/* Opens the adapter that the request names and finds its pipes. AMBLE_ERR_USAGE or AMBLE_ERR_NO_CONTROLLER with a
 * sentence. */
int amble__usb_find(const amble__transport_request *request, libusb_context *context, libusb_device_handle **device,
                    amble__usb_pipes *pipes);
#endif
