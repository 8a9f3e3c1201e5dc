/* The controllers that the Linux kernel drives: hci0, hci1, ... */
#ifndef AMBLE_TRANSPORT_HCI_SOCKET_H
#define AMBLE_TRANSPORT_HCI_SOCKET_H
#include <stdbool.h>
#include <stddef.h>

typedef struct {
    unsigned number; /* N of hciN and hci-socket:N */
    bool up;         /* the kernel or somebody else is using it */
} amble__hci_device;

/* The controllers that the kernel has; how many, or AMBLE_ERR_NO_CONTROLLER with a sentence when it has no Bluetooth.
 * Needs no task. */
int amble__hci_devices(amble__hci_device *devices, size_t size);
#endif
