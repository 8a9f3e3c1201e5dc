/* Bluetooth adapters on USB. */
#ifndef AMBLE_TRANSPORT_USB_H
#define AMBLE_TRANSPORT_USB_H
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint16_t vendor, product;
    unsigned bus, address; /* as lsusb shows them */
} amble__usb_adapter;

/* The adapters that usb:0, usb:1, ... mean; how many, or AMBLE_ERR_NO_CONTROLLER with a sentence when USB cannot be
 * looked at: this machine has none, or this build. Needs no task. */
int amble__usb_adapters(amble__usb_adapter *adapters, size_t size);
#endif
