/* What passes up from a layer that keeps packets apart: the Linux kernel's sockets, USB.
 *
 * As h4.c does with a stream, nothing passes before the answer to HCI Reset: what a controller has still to say about
 * the time before is nobody's. SCO and ISO packets are counted and end here, and so do kinds that are no HCI at all,
 * such as the diagnostics of some kernels. What a packet says inside is the reader's to check. */
#ifndef AMBLE_TRANSPORT_WHOLE_H
#define AMBLE_TRANSPORT_WHOLE_H
#include "transport/transport.h"

/* `packet` begins with its H4 type and is not empty. */
void amble__whole_pass(amble__transport *transport, const uint8_t *packet, size_t size);
#endif
