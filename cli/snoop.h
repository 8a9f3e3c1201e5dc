/* Reading btsnoop files: what `--capture` writes, and what Android, BlueZ (btmon -w) and Wireshark save. */
#ifndef AMBLE_CLI_SNOOP_H
#define AMBLE_CLI_SNOOP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A record of the Linux monitor that is no packet: its opcode is added; 0 is a new controller, 1 one that is gone. */
enum { AMBLE__SNOOP_NOTE = 0x80 };
enum { AMBLE__SNOOP_PACKET = 1 + 4 + 65535 }; /* the H4 type, the longest header, the longest data */

typedef struct {
    FILE *file;        /* the caller's */
    uint32_t datalink; /* what the packets begin with, and what the flags mean */
    uint8_t packet[AMBLE__SNOOP_PACKET];
} amble__snoop;

typedef struct {
    uint64_t time_us; /* in the format's count, from the year 0 */
    bool received;    /* by the host */
    uint8_t type;     /* of H4: 1 command, 2 ACL, 3 SCO, 4 event, 5 ISO; or AMBLE__SNOOP_NOTE and on */
    int adapter;      /* which controller of several, -1: there is one */
    const uint8_t *data;
    size_t size; /* what is in the file */
    uint32_t original;
    uint32_t dropped; /* packets lost since the beginning, as the file says */
} amble__snoop_record;

/* Reads the file's header. 0, or AMBLE_ERR_ARGUMENT with a sentence in `*problem`. */
int amble__snoop_open(amble__snoop *in, FILE *file, const char **problem);
/* The next record, whose data is valid until the next call: 1; 0 at the end; AMBLE_ERR_STALE when the file ends within a
 * record, and then it is at the record's start again, if it can be; AMBLE_ERR_PROTOCOL with a sentence when it makes no
 * sense. */
int amble__snoop_next(amble__snoop *in, amble__snoop_record *record, const char **problem);
#endif
