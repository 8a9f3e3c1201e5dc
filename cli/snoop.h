/* Reading captures: btsnoop files (what `--capture` writes, and what Android, BlueZ (btmon -w) and Wireshark save), and
 * pcap files of HCI packets or of packets on the air (what `amble air --sniff` writes, and what sniffers save). */
#ifndef AMBLE_CLI_SNOOP_H
#define AMBLE_CLI_SNOOP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/decode.h"

/* A record of the Linux monitor that is no packet: its opcode is added; 0 is a new controller, 1 one that is gone. */
enum { AMBLE__SNOOP_NOTE = 0x80 };
/* A packet on the air; its `air` says more. */
enum { AMBLE__SNOOP_AIR = 0x40 };
enum { AMBLE__SNOOP_PACKET = 32 + 65535 }; /* the longest header, the longest data */

typedef struct {
    FILE *file;        /* the caller's */
    uint32_t datalink; /* what the packets begin with, and what the flags mean */
    bool pcap, big_endian, nanoseconds;
    uint8_t packet[AMBLE__SNOOP_PACKET];
} amble__snoop;

typedef enum { AMBLE__CRC_UNKNOWN, AMBLE__CRC_RIGHT, AMBLE__CRC_WRONG } amble__snoop_crc;

typedef struct {
    uint64_t time_us; /* in the format's count, from the year 0 or 1970 */
    bool received;    /* by the host */
    uint8_t type; /* of H4: 1 command, 2 ACL, 3 SCO, 4 event, 5 ISO; or AMBLE__SNOOP_AIR, or AMBLE__SNOOP_NOTE and on */
    int adapter;  /* which controller of several, -1: there is one */
    const uint8_t *data;
    size_t size; /* what is in the file */
    uint32_t original;
    uint32_t dropped; /* packets lost since the beginning, as the file says */
    struct {
        uint32_t access_address;
        amble__air_sender sender;
        bool auxiliary, has_channel, has_rssi;
        uint8_t channel, phy; /* phy: 1, 2, 3; 0: not known */
        int rssi;
        amble__snoop_crc crc;
    } air;
} amble__snoop_record;

/* Reads the file's header. 0, or AMBLE_ERR_ARGUMENT with a sentence in `*problem`. */
int amble__snoop_open(amble__snoop *in, FILE *file, const char **problem);
/* The next record, whose data is valid until the next call: 1; 0 at the end; AMBLE_ERR_STALE when the file ends within
 * a record, and then it is at the record's start again, if it can be; AMBLE_ERR_PROTOCOL with a sentence when it makes
 * no sense. */
int amble__snoop_next(amble__snoop *in, amble__snoop_record *record, const char **problem);

/* A record of the Linux monitor's kind: what its opcode (BlueZ, doc/btsnoop.txt) says of a packet. */
void amble__snoop_take_monitor(amble__snoop_record *record, int adapter, unsigned opcode);

/* --- between the files -------------------------------------------------------------------------------------------- */
/* The header of a pcap file whose first bytes were read. */
int amble__snoop_open_pcap(amble__snoop *in, const uint8_t *start, size_t size, const char **problem);
/* The bytes of a record's header. */
enum { AMBLE__PCAP_RECORD = 16 };
/* Reads the header: fills time and sizes. */
void amble__snoop_pcap_record(const amble__snoop *in, const uint8_t header[AMBLE__PCAP_RECORD],
                              amble__snoop_record *record);
/* Takes what stands in front of the packet off it. False when there is less than that. */
bool amble__snoop_pcap_packet(const amble__snoop *in, amble__snoop_record *record);
#endif
