/* pcap files (snoop.h): the link types of tcpdump.org's list that hold Bluetooth. Nothing in the file is believed. */
#include <string.h>

#include "amble/error.h"
#include "cli/snoop.h"

enum { FILE_HEADER = 24 };
enum { HCI_H4 = 187, HCI_H4_WITH_DIRECTION = 201, LE_LL = 251, LINUX_MONITOR = 254, LE_LL_WITH_PSEUDO_HEADER = 256 };
#define MAGIC_MICROSECONDS UINT32_C(0xA1B2C3D4)
#define MAGIC_NANOSECONDS  UINT32_C(0xA1B23C4D)

static uint32_t number(bool big_endian, const uint8_t *p)
{
    return big_endian ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : amble__get_le32(p);
}

int amble__snoop_open_pcap(amble__snoop *in, const uint8_t *start, size_t size, const char **problem)
{
    uint8_t header[FILE_HEADER];

    memcpy(header, start, size);
    for (int big_endian = 0; big_endian < 2; big_endian++) {
        const uint32_t magic = number(big_endian, header);

        if (magic == MAGIC_MICROSECONDS || magic == MAGIC_NANOSECONDS) {
            in->pcap = true;
            in->big_endian = big_endian;
            in->nanoseconds = magic == MAGIC_NANOSECONDS;
        }
    }
    if (!in->pcap || fread(header + size, FILE_HEADER - size, 1, in->file) != 1) {
        *problem = "this is no btsnoop file, and no pcap file; --capture and --sniff write them, Wireshark saves them";
        return AMBLE_ERR_ARGUMENT;
    }
    in->datalink = number(in->big_endian, header + FILE_HEADER - 4) & 0xffff; /* above: of the frame's checksum */
    if (in->datalink == HCI_H4 || in->datalink == HCI_H4_WITH_DIRECTION || in->datalink == LE_LL ||
        in->datalink == LINUX_MONITOR || in->datalink == LE_LL_WITH_PSEUDO_HEADER)
        return 0;
    *problem = "this pcap file is of another kind: Bluetooth's link types 187, 201, 251, 254 or 256 are needed";
    return AMBLE_ERR_ARGUMENT;
}

void amble__snoop_pcap_record(const amble__snoop *in, const uint8_t header[AMBLE__PCAP_RECORD],
                              amble__snoop_record *record)
{
    const uint32_t fraction = number(in->big_endian, header + 4);

    *record = (amble__snoop_record){.time_us = (uint64_t)number(in->big_endian, header) * 1000000 +
                                               (in->nanoseconds ? fraction / 1000 : fraction),
                                    .size = number(in->big_endian, header + 8),
                                    .original = number(in->big_endian, header + 12),
                                    .adapter = -1};
}

/* --- packets on the air ------------------------------------------------------------------------------------------- */
enum {
    DEWHITENED = 0x0001,
    POWER_VALID = 0x0002,
    CRC_CHECKED = 0x0400,
    CRC_VALID = 0x0800,
    TYPE_SHIFT = 7,
    PHY_SHIFT = 14
};
enum { PDU_AUXILIARY = 1, PDU_FROM_CENTRAL = 2, PDU_FROM_PERIPHERAL = 3, CRC = 3 };

/* From the order of the frequencies to the numbers of the channels. Vol 6 Part B 1.4.1 */
static uint8_t channel_at(uint8_t frequency)
{
    if (frequency == 0)
        return 37;
    if (frequency == 12)
        return 38;
    if (frequency >= 39)
        return 39;
    return (uint8_t)(frequency - (frequency < 12 ? 1 : 2));
}

static void take_pseudo_header(amble__snoop_record *record, amble__reader *r)
{
    const uint8_t channel = amble__read_u8(r), power = amble__read_u8(r);
    unsigned flags;

    (void)amble__read_view(r, 6); /* noise, wrong bits, the access address that was listened for */
    flags = amble__read_le16(r);
    record->air.has_channel = true;
    record->air.channel = channel_at(channel);
    record->air.has_rssi = flags & POWER_VALID;
    record->air.rssi = power > INT8_MAX ? (int)power - UINT8_MAX - 1 : power;
    record->air.crc = !(flags & CRC_CHECKED) ? AMBLE__CRC_UNKNOWN
                      : flags & CRC_VALID    ? AMBLE__CRC_RIGHT
                                             : AMBLE__CRC_WRONG;
    record->air.phy = (uint8_t)((flags >> PHY_SHIFT & 3) + 1);
    record->air.auxiliary = (flags >> TYPE_SHIFT & 7) == PDU_AUXILIARY;
    record->air.sender = (flags >> TYPE_SHIFT & 7) == PDU_FROM_CENTRAL      ? AMBLE__FROM_CENTRAL
                         : (flags >> TYPE_SHIFT & 7) == PDU_FROM_PERIPHERAL ? AMBLE__FROM_PERIPHERAL
                                                                            : AMBLE__FROM_ANYBODY;
}

static bool take_air(const amble__snoop *in, amble__snoop_record *record, amble__reader *r)
{
    enum { CODED = 3 };

    record->type = AMBLE__SNOOP_AIR;
    if (in->datalink == LE_LL_WITH_PSEUDO_HEADER)
        take_pseudo_header(record, r);
    record->air.access_address = amble__read_le32(r);
    if (record->air.phy == CODED)
        (void)amble__read_u8(r); /* the coding indicator */
    record->received = record->air.sender == AMBLE__FROM_PERIPHERAL;
    record->data = r->at;
    if (r->failed || amble__read_left(r) < CRC)
        return false;
    record->size = amble__read_left(r) - CRC;
    return true;
}

/* --- HCI ---------------------------------------------------------------------------------------------------------- */
static void take_h4(amble__snoop_record *record, amble__reader *r, bool received)
{
    enum { EVENT = 4 };

    record->type = amble__read_u8(r);
    record->received = received || record->type == EVENT;
}

bool amble__snoop_pcap_packet(const amble__snoop *in, amble__snoop_record *record)
{
    amble__reader r = amble__reader_of(in->packet, record->size);
    const uint8_t *head;

    switch (in->datalink) {
    case LE_LL:
    case LE_LL_WITH_PSEUDO_HEADER:
        return take_air(in, record, &r);
    case LINUX_MONITOR:
        head = amble__read_view(&r, 4);
        if (head)
            amble__snoop_take_monitor(record, head[0] << 8 | head[1], (unsigned)(head[2] << 8 | head[3]));
        break;
    default:
        head = in->datalink == HCI_H4_WITH_DIRECTION ? amble__read_view(&r, 4) : NULL;
        take_h4(record, &r, head && head[3]);
        break;
    }
    record->data = r.at;
    record->size = amble__read_left(&r);
    return !r.failed;
}
