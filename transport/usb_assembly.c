/* HCI packets from USB transfers (usb_assembly.h). */
#include "transport/usb_assembly.h"

#include <string.h>

#include "amble/error.h"
#include "core/bytes.h"
#include "transport/transport.h"

enum { EVENT_HEADER = 1 + 2, ACL_HEADER = 1 + 4 }; /* the type; then Vol 4 Part E 5.4.4, 5.4.2 */

void amble__usb_assembly_init(amble__usb_assembly *a, uint8_t type)
{
    memset(a, 0, sizeof *a);
    a->packet[0] = type;
    a->have = 1;
}

/* How long the packet is as far as can be said: its header, or, with that, all of it. */
static size_t measure(const amble__usb_assembly *a)
{
    const size_t header = a->packet[0] == AMBLE__H4_EVENT ? EVENT_HEADER : ACL_HEADER;

    if (a->have < header)
        return header;
    return header + (header == EVENT_HEADER ? a->packet[2] : amble__get_le16(a->packet + 3));
}

int amble__usb_assemble(amble__usb_assembly *a, const uint8_t *bytes, size_t size,
                        void (*deliver)(void *user, const uint8_t *packet, size_t size), void *user)
{
    while (size) {
        const size_t missing = measure(a) - a->have; /* never 0: a packet that is complete does not stay here */
        const size_t taken = missing < size ? missing : size;

        memcpy(a->packet + a->have, bytes, taken);
        a->have += taken;
        bytes += taken;
        size -= taken;
        if (measure(a) > sizeof a->packet)
            return AMBLE_ERR_PROTOCOL;
        if (a->have == measure(a)) {
            const size_t complete = a->have;

            a->have = 1;
            deliver(user, a->packet, complete);
        }
    }
    return AMBLE_OK;
}
