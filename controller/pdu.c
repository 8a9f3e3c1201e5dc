/* Codec of the advertising channel PDUs: see pdu.h. */
#include "controller/pdu.h"

#include "controller/access_address.h"

/* The header's first octet (Vol 6, Part B, 2.3). */
#define TYPE_MASK 0x0f
#define CHSEL     0x20
#define TX_ADD    0x40
#define RX_ADD    0x80

/* Ranges of a link's parameters (Vol 4, Part E, 7.8.12; Vol 6, Part B, 2.3.3.1). */
#define INTERVAL_MIN    6
#define INTERVAL_MAX    3200
#define LATENCY_MAX     499
#define TIMEOUT_MIN     10
#define TIMEOUT_MAX     3200
#define TIMEOUT_UNIT_US 10000
#define WINDOW_SIZE_MAX 8 /* 10 ms */
#define HOP_MIN         5
#define HOP_MAX         16
#define HOP_BITS        5

bool amble__ll_has_target(amble__ll_pdu_type type)
{
    return type == AMBLE__LL_ADV_DIRECT_IND || type == AMBLE__LL_SCAN_REQ || type == AMBLE__LL_CONNECT_IND;
}

/* The sizes of what follows the addresses, by type. */
static size_t largest_data(amble__ll_pdu_type type)
{
    switch (type) {
    case AMBLE__LL_ADV_DIRECT_IND:
    case AMBLE__LL_SCAN_REQ:
        return 0;
    case AMBLE__LL_CONNECT_IND:
        return AMBLE__LL_CONNECT_DATA;
    default:
        return AMBLE__LL_LEGACY_DATA;
    }
}

size_t amble__ll_advertising_pdu_encode(const amble__ll_advertising_pdu *pdu, uint8_t out[AMBLE__LL_LEGACY_PDU])
{
    amble__writer w = amble__writer_of(out, AMBLE__LL_LEGACY_PDU);
    const unsigned target = amble__ll_has_target(pdu->type) ? AMBLE__LL_ADDRESS : 0;

    amble__write_u8(&w, (unsigned)pdu->type | (pdu->channel_selection_2 ? CHSEL : 0u) |
                            (pdu->sender.type ? TX_ADD : 0u) | (target && pdu->target.type ? RX_ADD : 0u));
    amble__write_u8(&w, (unsigned)(AMBLE__LL_ADDRESS + target + pdu->data.size));
    amble__write_bytes(&w, pdu->sender.value, AMBLE__LL_ADDRESS);
    amble__write_bytes(&w, pdu->target.value, target);
    amble__write_bytes(&w, pdu->data.data, pdu->data.size);
    return amble__written_size(&w);
}

bool amble__ll_advertising_pdu_decode(amble__ll_advertising_pdu *pdu, const uint8_t *bytes, size_t size)
{
    amble__reader r = amble__reader_of(bytes, size);
    const uint8_t header = amble__read_u8(&r);
    const uint8_t length = amble__read_u8(&r);

    *pdu = (amble__ll_advertising_pdu){.type = (amble__ll_pdu_type)(header & TYPE_MASK)};
    if (pdu->type > AMBLE__LL_ADV_SCAN_IND || length != amble__read_left(&r))
        return false;
    pdu->channel_selection_2 = header & CHSEL;
    pdu->sender.type = header & TX_ADD ? 1 : 0;
    amble__read_copy(&r, pdu->sender.value, AMBLE__LL_ADDRESS);
    if (amble__ll_has_target(pdu->type)) {
        pdu->target.type = header & RX_ADD ? 1 : 0;
        amble__read_copy(&r, pdu->target.value, AMBLE__LL_ADDRESS);
    }
    pdu->data = amble__read_rest(&r);
    return !r.failed && pdu->data.size <= largest_data(pdu->type);
}

bool amble__ll_connection_parameters_valid(uint16_t interval, uint16_t latency, uint16_t timeout)
{
    return interval >= INTERVAL_MIN && interval <= INTERVAL_MAX && latency <= LATENCY_MAX && timeout >= TIMEOUT_MIN &&
           timeout <= TIMEOUT_MAX &&
           (uint64_t)timeout * TIMEOUT_UNIT_US > (latency + UINT64_C(1)) * interval * AMBLE__LL_UNIT_US * 2;
}

void amble__ll_connect_data_encode(const amble__ll_connect_data *data, uint8_t out[AMBLE__LL_CONNECT_DATA])
{
    amble__writer w = amble__writer_of(out, AMBLE__LL_CONNECT_DATA);

    amble__write_le32(&w, data->access_address);
    amble__write_le24(&w, data->crc_init);
    amble__write_u8(&w, data->window_size);
    amble__write_le16(&w, data->window_offset);
    amble__write_le16(&w, data->interval);
    amble__write_le16(&w, data->latency);
    amble__write_le16(&w, data->timeout);
    amble__write_le32(&w, (uint32_t)data->channel_map);
    amble__write_u8(&w, (unsigned)(data->channel_map >> 32));
    amble__write_u8(&w, data->hop | (unsigned)data->clock_accuracy << HOP_BITS);
}

bool amble__ll_connect_data_decode(amble__ll_connect_data *data, amble__bytes bytes)
{
    amble__reader r = amble__reader_of(bytes.data, bytes.size);
    amble__ll_channels channels;
    uint8_t last;

    data->access_address = amble__read_le32(&r);
    data->crc_init = amble__read_le24(&r);
    data->window_size = amble__read_u8(&r);
    data->window_offset = amble__read_le16(&r);
    data->interval = amble__read_le16(&r);
    data->latency = amble__read_le16(&r);
    data->timeout = amble__read_le16(&r);
    data->channel_map = amble__read_le32(&r);
    data->channel_map |= (uint64_t)amble__read_u8(&r) << 32;
    last = amble__read_u8(&r);
    data->hop = last & ((1 << HOP_BITS) - 1);
    data->clock_accuracy = last >> HOP_BITS;
    return amble__read_complete(&r) && amble__ll_access_address_valid(data->access_address) &&
           amble__ll_connection_parameters_valid(data->interval, data->latency, data->timeout) &&
           data->window_size >= 1 && data->window_size <= WINDOW_SIZE_MAX && data->window_size < data->interval &&
           data->window_offset <= data->interval && data->hop >= HOP_MIN && data->hop <= HOP_MAX &&
           amble__ll_channels_set(&channels, data->channel_map);
}
