/* One btsnoop file for all controllers of an air, each an adapter of its own, as the Linux monitor channel shows the
 * controllers of a machine: `btmon -r`, Wireshark and tshark tell them apart by their number, hci0 being the first. */
#ifndef AMBLE_TRANSPORT_AIR_CAPTURE_H
#define AMBLE_TRANSPORT_AIR_CAPTURE_H
#include <stdbool.h>

#include "transport/btsnoop.h"

/* A controller appears and goes. Numbers count from 1; the address is in the order of the air. */
void amble__air_capture_joined(amble__btsnoop *snoop, uint64_t time_us, uint32_t number, const uint8_t address[6]);
void amble__air_capture_left(amble__btsnoop *snoop, uint64_t time_us, uint32_t number);
/* A whole H4 packet between a host and its controller. */
void amble__air_capture_packet(amble__btsnoop *snoop, uint64_t time_us, uint32_t number, bool to_host,
                               const uint8_t *packet, size_t size);
#endif
