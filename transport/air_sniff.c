/* Writing packets on the air as pcap (air_sniff.h). All numbers of the file are little-endian, whatever the processor
 * is. */
#include "transport/air_sniff.h"

#include <errno.h>
#include <string.h>

#include "air/radio.h"
#include "amble/error.h"
#include "core/bytes.h"
#include "core/log.h"
#include "transport/btsnoop.h"
#include "transport/opener.h"

#define PCAP_MAGIC      UINT32_C(0xA1B2C3D4) /* times in microseconds */
#define LINKTYPE        256
#define ADVERTISING     UINT32_C(0x8E89BED6) /* Vol 6 Part B 2.1.2 */
#define ADVERTISING_CRC UINT32_C(0x555555)   /* 3.1.1 */
#define CRC_POLYNOMIAL  UINT32_C(0xDA6000)   /* x^24 + x^10 + x^9 + x^6 + x^4 + x^3 + x + 1, the highest power first */

enum { FILE_HEADER = 24, RECORD_HEADER = 16, PSEUDO_HEADER = 10, ACCESS_ADDRESS = 4, CODING = 1, CRC = 3 };
enum { PACKET_MAX = PSEUDO_HEADER + ACCESS_ADDRESS + CODING + AMBLE__RADIO_PDU + CRC };
enum { T_IFS_US = 150, T_IFS_JITTER_US = 4 }; /* Vol 6 Part B 4.1.1, 4.2.1 */
enum { CONNECT_IND = 5, ADV_EXT_IND = 7, TYPE = 0x0f, CONNECT_DATA_AT = 2 + 12, FIRST_ADVERTISING_CHANNEL = 37 };

/* The flags of the link type. */
enum {
    DEWHITENED = 0x0001,
    POWER_VALID = 0x0002,
    REFERENCE_VALID = 0x0010,
    CRC_CHECKED = 0x0400,
    CRC_VALID = 0x0800,
    TYPE_SHIFT = 7,
    PHY_SHIFT = 14
};
enum { PDU_ADVERTISING, PDU_AUXILIARY, PDU_FROM_CENTRAL, PDU_FROM_PERIPHERAL };

/* --- what is found from what passes ------------------------------------------------------------------------------- */
/* Bits travel lowest first, so the register is kept mirrored: it shifts to the right. */
uint32_t amble__air_crc(uint32_t start, const uint8_t *pdu, size_t size)
{
    uint32_t crc = 0;

    for (int bit = 0; bit < 24; bit++)
        crc |= (start >> bit & 1) << (23 - bit);
    for (size_t i = 0; i < size; i++) {
        crc ^= pdu[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? CRC_POLYNOMIAL : 0);
    }
    return crc;
}

static amble__sniffed_link *link_of(amble__air_sniffer *s, uint32_t access_address)
{
    amble__sniffed_link *link;

    for (size_t i = 0; i < AMBLE__SNIFF_LINKS; i++)
        if (s->links[i].used && s->links[i].access_address == access_address)
            return &s->links[i];
    link = &s->links[s->next++ % AMBLE__SNIFF_LINKS];
    *link = (amble__sniffed_link){.used = true, .access_address = access_address};
    return link;
}

/* Moves to SyncInfo in an extended header, if there is one, and in it to the access address. 2.3.4 */
static bool find_sync_info(amble__reader *r)
{
    enum { LENGTH = 0x3f, SYNC_INFO = 5, BEFORE_ACCESS_ADDRESS = 2 + 2 + 5 };
    static const uint8_t sizes[SYNC_INFO] = {6, 6, 1, 2, 3}; /* of what may stand in front of it */
    const bool extended = (amble__read_u8(r) & TYPE) == ADV_EXT_IND;
    uint8_t size, flags;

    (void)amble__read_u8(r);
    size = amble__read_u8(r) & LENGTH;
    flags = amble__read_u8(r);
    for (int i = 0; i < SYNC_INFO; i++)
        if (flags >> i & 1)
            (void)amble__read_view(r, sizes[i]);
    (void)amble__read_view(r, BEFORE_ACCESS_ADDRESS);
    return extended && size && flags >> SYNC_INFO & 1;
}

/* What begins with this PDU: a link, or periodic advertising, with the access address and where the CRC starts. */
static void learn(amble__air_sniffer *s, const amble__air_packet *p)
{
    amble__reader r = amble__reader_of(p->pdu, p->size);
    const bool periodic = find_sync_info(&r);
    amble__sniffed_link *link;
    uint32_t access_address, start;

    if (!periodic) {
        r = amble__reader_of(p->pdu, p->size);
        if ((amble__read_u8(&r) & TYPE) != CONNECT_IND)
            return;
        (void)amble__read_view(&r, CONNECT_DATA_AT - 1);
    }
    access_address = amble__read_le32(&r);
    start = amble__read_le24(&r);
    if (r.failed)
        return;
    link = link_of(s, access_address);
    *link = (amble__sniffed_link){
        .used = true, .access_address = access_address, .crc_known = true, .crc_start = start, .periodic = periodic};
}

/* Who sends a link's packet: the other one, when it follows the packet before it; the central begins. */
static unsigned kind_of(amble__sniffed_link *link, const amble__air_packet *p)
{
    const uint64_t expected = link->end_us + T_IFS_US;
    const bool follows =
        link->end_us && p->start_us + T_IFS_JITTER_US >= expected && p->start_us <= expected + T_IFS_JITTER_US;

    if (link->periodic)
        return PDU_AUXILIARY;
    link->from_peripheral = follows && !link->from_peripheral;
    link->end_us = p->start_us + amble__radio_air_time(p->phy, p->size);
    return link->from_peripheral ? PDU_FROM_PERIPHERAL : PDU_FROM_CENTRAL;
}

/* --- the file ----------------------------------------------------------------------------------------------------- */
int amble__air_sniff_open(amble__air_sniffer *sniffer, const char *path)
{
    uint8_t header[FILE_HEADER];
    amble__writer w = amble__writer_of(header, sizeof header);
    FILE *file = fopen(path, "wb");

    amble__write_le32(&w, PCAP_MAGIC);
    amble__write_le16(&w, 2); /* version 2.4 */
    amble__write_le16(&w, 4);
    amble__write_le64(&w, 0); /* UTC, no accuracy */
    amble__write_le32(&w, PACKET_MAX);
    amble__write_le32(&w, LINKTYPE);
    if (!file || fwrite(header, sizeof header, 1, file) != 1 || fflush(file)) {
        const int reason = errno;

        if (file)
            (void)fclose(file); /* nothing is in it */
        return amble__transport_refuse(
            AMBLE_ERR_IO, "%s: the packets cannot be written there (%s); choose another place", path, strerror(reason));
    }
    *sniffer = (amble__air_sniffer){.file = file, .base_us = amble__capture_base_us()};
    return AMBLE_OK;
}

/* Channel numbers count advertising channels last; the file wants them by their frequency. Vol 6 Part B 1.4.1 */
static uint8_t frequency_of(uint8_t channel)
{
    static const uint8_t advertising[] = {0, 12, 39};

    if (channel >= FIRST_ADVERTISING_CHANNEL)
        return advertising[(channel - FIRST_ADVERTISING_CHANNEL) % 3];
    return (uint8_t)(channel + (channel < advertising[1] - 1 ? 1 : 2));
}

static void write_packet(amble__writer *w, const amble__air_packet *p, const amble__sniffed_link *link, unsigned type)
{
    const bool coded = p->phy == AMBLE__PHY_CODED || p->phy == AMBLE__PHY_CODED_S2;
    const unsigned checked = !link || link->crc_known ? CRC_CHECKED | CRC_VALID : 0;
    const uint32_t start = link ? link->crc_start : ADVERTISING_CRC;

    amble__write_u8(w, frequency_of(p->channel));
    amble__write_u8(w, (uint8_t)p->rssi);
    amble__write_u8(w, 0); /* noise: not known */
    amble__write_u8(w, 0); /* wrong bits in the access address: not counted */
    amble__write_le32(w, p->access_address);
    amble__write_le16(w, DEWHITENED | POWER_VALID | REFERENCE_VALID | checked | type << TYPE_SHIFT |
                             (amble__phy_number(p->phy) - 1U) << PHY_SHIFT);
    amble__write_le32(w, p->access_address);
    if (coded)
        amble__write_u8(w, p->phy == AMBLE__PHY_CODED_S2); /* the coding indicator */
    amble__write_bytes(w, p->pdu, p->size);
    amble__write_le24(w, amble__air_crc(start, p->pdu, p->size));
}

void amble__air_sniff_packet(amble__air_sniffer *s, const amble__air_packet *p)
{
    const bool advertising = p->access_address == ADVERTISING;
    uint8_t record[RECORD_HEADER + PACKET_MAX];
    amble__writer head = amble__writer_of(record, RECORD_HEADER);
    amble__writer w = amble__writer_of(record + RECORD_HEADER, PACKET_MAX);
    const uint64_t time_us = s->base_us + p->start_us;
    amble__sniffed_link *link;

    if (!s->file || p->size > AMBLE__RADIO_PDU)
        return;
    link = advertising ? NULL : link_of(s, p->access_address);
    write_packet(&w, p, link,
                 link                                      ? kind_of(link, p)
                 : p->channel >= FIRST_ADVERTISING_CHANNEL ? PDU_ADVERTISING
                                                           : PDU_AUXILIARY);
    if (advertising)
        learn(s, p);
    amble__write_le32(&head, (uint32_t)(time_us / 1000000));
    amble__write_le32(&head, (uint32_t)(time_us % 1000000));
    amble__write_le32(&head, (uint32_t)amble__written_size(&w)); /* in the file */
    amble__write_le32(&head, (uint32_t)amble__written_size(&w)); /* on the air */
    if (fwrite(record, RECORD_HEADER + amble__written_size(&w), 1, s->file) == 1 && !fflush(s->file))
        return;
    amble__log(AMBLE__LOG_ERROR, "the file of the air's packets cannot be written (%s); it ends here", strerror(errno));
    (void)fclose(s->file); /* it is lost already */
    s->file = NULL;
}

void amble__air_sniff_close(amble__air_sniffer *s)
{
    if (s->file && fclose(s->file))
        amble__log(AMBLE__LOG_ERROR, "the end of the file of the air's packets is lost (%s)", strerror(errno));
    s->file = NULL;
}
