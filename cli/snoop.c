/* Reading captures (snoop.h): btsnoop here, pcap in snoop_pcap.c. The format of btsnoop is that of RFC 1761 with the
 * datalinks of Bluetooth: a header of 16 bytes, then records with a header of 24 bytes each, all numbers big-endian.
 * Nothing in the file is believed: lengths are bounded before anything is read. */
#include "cli/snoop.h"

#include <string.h>

#include "amble/error.h"

enum {
    FILE_HEADER = 16,
    RECORD_HEADER = 24,
    VERSION = 1,
    DATALINK_H1 = 1001,
    DATALINK_H4 = 1002,
    DATALINK_MONITOR = 2001
};
enum { FLAG_RECEIVED = 1, FLAG_COMMAND_OR_EVENT = 2 };
enum { COMMAND = 1, ACL = 2, SCO = 3, EVENT = 4, ISO = 5 };

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

int amble__snoop_open(amble__snoop *in, FILE *file, const char **problem)
{
    uint8_t header[FILE_HEADER];

    in->file = file;
    in->pcap = false;
    if (fread(header, 1, sizeof header, file) != sizeof header)
        memset(header, 0, sizeof header); /* too short for anything */
    if (memcmp(header, "btsnoop", 8) != 0)
        return amble__snoop_open_pcap(in, header, sizeof header, problem);
    in->datalink = be32(header + 12);
    if (be32(header + 8) == VERSION &&
        (in->datalink == DATALINK_H4 || in->datalink == DATALINK_H1 || in->datalink == DATALINK_MONITOR))
        return 0;
    *problem = "this btsnoop file is of another kind: version 1 with HCI packets (datalink 1001, 1002, 2001) is needed";
    return AMBLE_ERR_ARGUMENT;
}

void amble__snoop_take_monitor(amble__snoop_record *record, int adapter, unsigned opcode)
{
    static const struct {
        uint8_t type;
        bool received;
    } kinds[] = {[2] = {COMMAND, false}, [3] = {EVENT, true}, [4] = {ACL, false},  [5] = {ACL, true},
                 [6] = {SCO, false},     [7] = {SCO, true},   [18] = {ISO, false}, [19] = {ISO, true}};
    const bool known = opcode < sizeof kinds / sizeof *kinds && kinds[opcode].type;

    record->adapter = adapter;
    record->type = known ? kinds[opcode].type : (uint8_t)(AMBLE__SNOOP_NOTE + (opcode & 0x7f));
    record->received = !known || kinds[opcode].received;
}

/* What the flags say where packets have no type in front, of the Linux monitor and of H1. */
static void take_flags(const amble__snoop *in, uint32_t flags, amble__snoop_record *record)
{
    record->adapter = -1;
    record->received = flags & FLAG_RECEIVED;
    if (in->datalink == DATALINK_H4)
        record->type = in->packet[0];
    else if (in->datalink == DATALINK_H1)
        record->type = !(flags & FLAG_COMMAND_OR_EVENT) ? ACL : record->received ? EVENT : COMMAND;
    else
        amble__snoop_take_monitor(record, (int)(flags >> 16), flags & 0xffff);
}

static int ends_within(amble__snoop *in, long start)
{
    clearerr(in->file);
    if (start >= 0)
        (void)fseek(in->file, start, SEEK_SET); /* a pipe cannot; then this is the end */
    return AMBLE_ERR_STALE;
}

static int next_of_pcap(amble__snoop *in, amble__snoop_record *record, const char **problem)
{
    const long start = ftell(in->file);
    uint8_t header[AMBLE__PCAP_RECORD];
    const size_t got = fread(header, 1, sizeof header, in->file);

    if (got < sizeof header)
        return got ? ends_within(in, start) : (clearerr(in->file), 0);
    amble__snoop_pcap_record(in, header, record);
    *problem = "a packet's length makes no sense; what follows cannot be found";
    if (record->size > sizeof in->packet || record->size > record->original)
        return AMBLE_ERR_PROTOCOL;
    if (record->size && fread(in->packet, record->size, 1, in->file) != 1)
        return ends_within(in, start);
    *problem = "a packet is shorter than what stands in front of it";
    return amble__snoop_pcap_packet(in, record) ? 1 : AMBLE_ERR_PROTOCOL;
}

static int next_of_btsnoop(amble__snoop *in, amble__snoop_record *record, const char **problem)
{
    const long start = ftell(in->file);
    uint8_t header[RECORD_HEADER];
    const size_t got = fread(header, 1, sizeof header, in->file);
    const uint32_t typed = in->datalink == DATALINK_H4;
    uint32_t size;

    if (got < sizeof header)
        return got ? ends_within(in, start) : (clearerr(in->file), 0);
    size = be32(header + 4);
    if (size > sizeof in->packet || size > be32(header) || size < typed) {
        *problem = "a packet's length makes no sense; what follows cannot be found";
        return AMBLE_ERR_PROTOCOL;
    }
    if (size && fread(in->packet, size, 1, in->file) != 1)
        return ends_within(in, start);
    *record = (amble__snoop_record){.time_us = (uint64_t)be32(header + 16) << 32 | be32(header + 20),
                                    .data = in->packet + typed,
                                    .size = size - typed,
                                    .original = be32(header) - typed,
                                    .dropped = be32(header + 12)};
    take_flags(in, be32(header + 8), record);
    return 1;
}

int amble__snoop_next(amble__snoop *in, amble__snoop_record *record, const char **problem)
{
    return in->pcap ? next_of_pcap(in, record, problem) : next_of_btsnoop(in, record, problem);
}
