/* The packets on an air as a pcap file that Wireshark dissects: link type 256, LINKTYPE_BLUETOOTH_LE_LL_WITH_PHDR, in
 * which each packet stands behind its channel, its strength and what is known about it (tcpdump.org's list of link
 * types).
 *
 * The air carries no CRC and does not say who of a link sent a packet. Both are found from what passes: CONNECT_IND
 * says where a link's CRC starts, SyncInfo where that of periodic advertising does, and in each connection event the
 * central begins and the others follow T_IFS apart. Of what began before the file the CRC is marked as not checked. */
#ifndef AMBLE_TRANSPORT_AIR_SNIFF_H
#define AMBLE_TRANSPORT_AIR_SNIFF_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "air/air.h"

enum { AMBLE__SNIFF_LINKS = 256 }; /* at once; more make the oldest unknown */

typedef struct {
    uint32_t access_address;
    uint32_t crc_start;
    bool used, crc_known, from_peripheral, periodic; /* periodic: advertising, no link */
    uint64_t end_us;                                 /* of the last packet */
} amble__sniffed_link;

typedef struct {
    FILE *file;       /* NULL: closed, or it could not be written */
    uint64_t base_us; /* since 1970, at the scheduler's 0 */
    amble__sniffed_link links[AMBLE__SNIFF_LINKS];
    size_t next;
} amble__air_sniffer;

/* AMBLE_ERR_IO with a sentence (amble__transport_problem). */
int amble__air_sniff_open(amble__air_sniffer *sniffer, const char *path);
void amble__air_sniff_packet(amble__air_sniffer *sniffer, const amble__air_packet *packet);
void amble__air_sniff_close(amble__air_sniffer *sniffer);
/* The CRC of a PDU, as a number whose lowest byte is sent first. Vol 6 Part B 3.1.1 */
uint32_t amble__air_crc(uint32_t start, const uint8_t *pdu, size_t size);
#endif
