/* Codec of the common extended advertising payload: see extended_pdu.h. */
#include "controller/extended_pdu.h"

#include "controller/access_address.h"

/* The header (Vol 6, Part B, 2.3): type, then the kinds of the addresses. */
#define TYPE_MASK 0x0f
#define TX_ADD    0x40
#define RX_ADD    0x80

/* The payload's first octet. */
#define HEADER_LENGTH_MASK 0x3f
#define MODE_SHIFT         6
#define MODES              3

/* Sizes of fields. */
#define ADI_SIZE     2
#define AUX_SIZE     3
#define SYNC_SIZE    18
#define PAYLOAD_MAX  255
#define SID_SHIFT    12
#define DID_MASK     0x0fff
#define INTERVAL_MIN 6 /* of periodic advertising: 7.5 ms */

/* AuxPtr: channel 6 bits, clock accuracy 1, offset units 1; offset 13, PHY 3. */
#define AUX_CHANNEL_MASK 0x3f
#define AUX_ACCURATE     0x40
#define AUX_LONG_UNITS   0x80

#define OFFSET_BITS 13
/* SyncInfo: offset 13 bits, units 1, adjust 1; the channel map's top octet holds the clock accuracy above 5 bits. */
#define SYNC_LONG_UNITS 0x2000
#define SYNC_ADJUST     0x4000
#define SYNC_ADJUST_US  2457600
#define MAP_TOP_BITS    5

static const struct {
    unsigned flag;
    size_t size;
} fields[] = {
    {AMBLE__LL_HAS_SENDER, AMBLE__LL_ADDRESS},
    {AMBLE__LL_HAS_TARGET, AMBLE__LL_ADDRESS},
    {AMBLE__LL_HAS_ADI, ADI_SIZE},
    {AMBLE__LL_HAS_AUX, AUX_SIZE},
    {AMBLE__LL_HAS_SYNC, SYNC_SIZE},
    {AMBLE__LL_HAS_POWER, 1},
};

/* Of the extended header, without the octet of its length. */
static size_t header_size(unsigned has)
{
    size_t size = has ? 1 : 0;

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (has & fields[i].flag)
            size += fields[i].size;
    return size;
}

size_t amble__ll_extended_pdu_fill(amble__ll_extended_pdu *pdu, const uint8_t *data, size_t size)
{
    if (size > PAYLOAD_MAX - 1 - header_size(pdu->has)) {
        pdu->has |= AMBLE__LL_HAS_AUX;
        size = PAYLOAD_MAX - 1 - header_size(pdu->has);
    }
    pdu->data = (amble__bytes){data, size};
    return size;
}

/* --- AuxPtr and SyncInfo ------------------------------------------------------------------------------------------ */

static unsigned offset_units(uint32_t offset_us, unsigned long_flag, unsigned *flags)
{
    if (offset_us / AMBLE__LL_AUX_UNIT_US <= AMBLE__LL_OFFSET_MAX)
        return offset_us / AMBLE__LL_AUX_UNIT_US;
    *flags |= long_flag;
    return offset_us / AMBLE__LL_AUX_UNIT_LONG_US & AMBLE__LL_OFFSET_MAX;
}

static void write_aux(amble__writer *w, const amble__ll_aux_pointer *aux)
{
    unsigned first = aux->channel | (aux->accurate ? AUX_ACCURATE : 0u);
    const unsigned offset = offset_units(aux->offset_us, AUX_LONG_UNITS, &first);

    amble__write_u8(w, first);
    amble__write_le16(w, offset | (unsigned)(amble__phy_number(aux->phy) - 1) << OFFSET_BITS);
}

static bool read_aux(amble__reader *r, amble__ll_aux_pointer *aux)
{
    const uint8_t first = amble__read_u8(r);
    const uint16_t last = amble__read_le16(r);
    const unsigned phy = last >> OFFSET_BITS;

    aux->channel = first & AUX_CHANNEL_MASK;
    aux->accurate = first & AUX_ACCURATE;
    aux->unit_us = first & AUX_LONG_UNITS ? AMBLE__LL_AUX_UNIT_LONG_US : AMBLE__LL_AUX_UNIT_US;
    aux->offset_us = (last & AMBLE__LL_OFFSET_MAX) * aux->unit_us;
    aux->phy = (amble__phy)(phy + AMBLE__PHY_1M);
    return aux->channel < AMBLE__LL_DATA_CHANNELS && phy < AMBLE__PHY_CODED;
}

void amble__ll_sync_info_write(amble__writer *w, const amble__ll_sync_info *sync)
{
    const bool adjust = sync->offset_us >= SYNC_ADJUST_US;
    unsigned flags = adjust ? SYNC_ADJUST : 0;
    const unsigned offset =
        offset_units(adjust ? sync->offset_us - SYNC_ADJUST_US : sync->offset_us, SYNC_LONG_UNITS, &flags);

    amble__write_le16(w, offset | flags);
    amble__write_le16(w, sync->interval);
    amble__write_le32(w, (uint32_t)sync->channel_map);
    amble__write_u8(w, (unsigned)(sync->channel_map >> 32) | (unsigned)sync->clock_accuracy << MAP_TOP_BITS);
    amble__write_le32(w, sync->access_address);
    amble__write_le24(w, sync->crc_init);
    amble__write_le16(w, sync->event);
}

bool amble__ll_sync_info_read(amble__reader *r, amble__ll_sync_info *sync)
{
    const uint16_t first = amble__read_le16(r);
    amble__ll_channels channels;
    uint8_t top;

    sync->unit_us = first & SYNC_LONG_UNITS ? AMBLE__LL_AUX_UNIT_LONG_US : AMBLE__LL_AUX_UNIT_US;
    sync->offset_us = (first & AMBLE__LL_OFFSET_MAX) * sync->unit_us;
    if (sync->offset_us && (first & SYNC_ADJUST))
        sync->offset_us += SYNC_ADJUST_US;
    sync->interval = amble__read_le16(r);
    sync->channel_map = amble__read_le32(r);
    top = amble__read_u8(r);
    sync->channel_map |= (uint64_t)(top & ((1 << MAP_TOP_BITS) - 1)) << 32;
    sync->clock_accuracy = top >> MAP_TOP_BITS;
    sync->access_address = amble__read_le32(r);
    sync->crc_init = amble__read_le24(r);
    sync->event = amble__read_le16(r);
    return sync->interval >= INTERVAL_MIN && amble__ll_access_address_valid(sync->access_address) &&
           amble__ll_channels_set(&channels, sync->channel_map);
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

size_t amble__ll_extended_pdu_encode(const amble__ll_extended_pdu *pdu, uint8_t out[AMBLE__RADIO_PDU])
{
    amble__writer w = amble__writer_of(out, AMBLE__RADIO_PDU);
    const size_t header = header_size(pdu->has);

    amble__write_u8(&w, pdu->type | (pdu->has & AMBLE__LL_HAS_SENDER && pdu->sender.type ? TX_ADD : 0u) |
                            (pdu->has & AMBLE__LL_HAS_TARGET && pdu->target.type ? RX_ADD : 0u));
    amble__write_u8(&w, (unsigned)(1 + header + pdu->data.size));
    amble__write_u8(&w, (unsigned)header | (unsigned)pdu->mode << MODE_SHIFT);
    if (pdu->has)
        amble__write_u8(&w, pdu->has);
    if (pdu->has & AMBLE__LL_HAS_SENDER)
        amble__write_bytes(&w, pdu->sender.value, AMBLE__LL_ADDRESS);
    if (pdu->has & AMBLE__LL_HAS_TARGET)
        amble__write_bytes(&w, pdu->target.value, AMBLE__LL_ADDRESS);
    if (pdu->has & AMBLE__LL_HAS_ADI)
        amble__write_le16(&w, pdu->data_identifier | (unsigned)pdu->set_identifier << SID_SHIFT);
    if (pdu->has & AMBLE__LL_HAS_AUX)
        write_aux(&w, &pdu->aux);
    if (pdu->has & AMBLE__LL_HAS_SYNC)
        amble__ll_sync_info_write(&w, &pdu->sync);
    if (pdu->has & AMBLE__LL_HAS_POWER)
        amble__write_u8(&w, (uint8_t)pdu->power);
    amble__write_bytes(&w, pdu->data.data, pdu->data.size);
    return amble__written_size(&w);
}

/* The fields in the extended header; what follows them in it (ACAD) is read over. */
static bool read_fields(amble__reader *r, amble__ll_extended_pdu *pdu)
{
    if (pdu->has & AMBLE__LL_HAS_SENDER)
        amble__read_copy(r, pdu->sender.value, AMBLE__LL_ADDRESS);
    if (pdu->has & AMBLE__LL_HAS_TARGET)
        amble__read_copy(r, pdu->target.value, AMBLE__LL_ADDRESS);
    if (pdu->has & AMBLE__LL_HAS_CTE)
        amble__read_u8(r);
    if (pdu->has & AMBLE__LL_HAS_ADI) {
        const uint16_t adi = amble__read_le16(r);

        pdu->data_identifier = adi & DID_MASK;
        pdu->set_identifier = (uint8_t)(adi >> SID_SHIFT);
    }
    if (pdu->has & AMBLE__LL_HAS_AUX && !read_aux(r, &pdu->aux))
        return false;
    if (pdu->has & AMBLE__LL_HAS_SYNC && !amble__ll_sync_info_read(r, &pdu->sync))
        return false;
    if (pdu->has & AMBLE__LL_HAS_POWER)
        pdu->power = (int8_t)amble__read_u8(r);
    return !r->failed;
}

bool amble__ll_extended_pdu_decode(amble__ll_extended_pdu *pdu, const uint8_t *bytes, size_t size)
{
    amble__reader r = amble__reader_of(bytes, size), header;
    const uint8_t kind = amble__read_u8(&r), length = amble__read_u8(&r);
    const size_t payload = amble__read_left(&r);
    const uint8_t first = amble__read_u8(&r);
    const size_t header_length = first & HEADER_LENGTH_MASK;
    const uint8_t *fields_at;

    *pdu = (amble__ll_extended_pdu){.type = kind & TYPE_MASK, .mode = (amble__ll_mode)(first >> MODE_SHIFT)};
    if (!amble__ll_is_extended(bytes, size) || length != payload || first >> MODE_SHIFT >= MODES)
        return false;
    fields_at = amble__read_view(&r, header_length);
    if (r.failed)
        return false;
    header = amble__reader_of(fields_at, header_length);
    pdu->has = header_length ? amble__read_u8(&header) : 0;
    pdu->sender.type = kind & TX_ADD ? 1 : 0;
    pdu->target.type = kind & RX_ADD ? 1 : 0;
    pdu->data = amble__read_rest(&r);
    return read_fields(&header, pdu);
}

bool amble__ll_is_extended(const uint8_t *bytes, size_t size)
{
    return size &&
           ((bytes[0] & TYPE_MASK) == AMBLE__LL_ADV_EXT_IND || (bytes[0] & TYPE_MASK) == AMBLE__LL_AUX_CONNECT_RSP);
}
