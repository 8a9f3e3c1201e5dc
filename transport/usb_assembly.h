/* HCI packets from USB transfers (Vol 4 Part B 2.1): events come over one pipe, ACL data over another, in pieces as
 * large as the pipe has them, and a packet's own header says where it ends.
 *
 * One assembly serves one pipe. At most one packet is held; nothing is allocated. */
#ifndef AMBLE_TRANSPORT_USB_ASSEMBLY_H
#define AMBLE_TRANSPORT_USB_ASSEMBLY_H
#include "transport/h4.h"

typedef struct {
    size_t have; /* of `packet`, its type included */
    uint8_t packet[AMBLE__H4_PACKET_MAX];
} amble__usb_assembly;

void amble__usb_assembly_init(amble__usb_assembly *assembly, uint8_t type); /* AMBLE__H4_EVENT or AMBLE__H4_ACL */
/* Takes the next transfer. Calls `deliver` with each packet that is complete, its H4 type in front. Returns 0, or
 * AMBLE_ERR_PROTOCOL for a length that no controller may send: where the next packet begins is not known then. */
int amble__usb_assemble(amble__usb_assembly *assembly, const uint8_t *bytes, size_t size,
                        void (*deliver)(void *user, const uint8_t *packet, size_t size), void *user);
#endif
