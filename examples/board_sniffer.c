/* Reads packets of the link layer (Vol 6 Part B 2.3 and 2.4), and of ATT inside them, as far as a demonstration names
 * them.
 *
 * A data packet does not say who sent it. But the central opens every connection event, and each answers 150 us
 * after the other, so a packet after a longer silence is the central's, and after that they take turns. */
#include "board_sniffer.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define ADVERTISING_ACCESS_ADDRESS 0x8E89BED6u
#define BESIDE_PDU                 8   /* bytes: preamble, access address and CRC on LE 1M */
#define TURN_US                    200 /* the silence of 150 us between two turns, and what clocks are off */
#define CID_ATT                    4
#define CID_SIGNALLING             5

enum { ADV_IND, ADV_DIRECT_IND, ADV_NONCONN_IND, SCAN_REQ, SCAN_RSP, CONNECT_IND, ADV_SCAN_IND };

typedef struct {
    uint8_t code;
    const char *name;
} named;

static const named att_names[] = {
    {0x01, "Error Response"},
    {0x02, "Exchange MTU Request"},
    {0x03, "Exchange MTU Response"},
    {0x04, "Find Information Request"},
    {0x05, "Find Information Response"},
    {0x06, "Find By Type Value Request"},
    {0x07, "Find By Type Value Response"},
    {0x08, "Read By Type Request"},
    {0x09, "Read By Type Response"},
    {0x0a, "Read Request"},
    {0x0b, "Read Response"},
    {0x10, "Read By Group Type Request"},
    {0x11, "Read By Group Type Response"},
    {0x12, "Write Request"},
    {0x13, "Write Response"},
    {0x1b, "Notification"},
    {0x52, "Write Command"},
    {0, NULL},
};
static const named control_names[] = {
    {0x00, "LL_CONNECTION_UPDATE_IND"},
    {0x01, "LL_CHANNEL_MAP_IND"},
    {0x02, "LL_TERMINATE_IND"},
    {0x07, "LL_UNKNOWN_RSP"},
    {0x08, "LL_FEATURE_REQ"},
    {0x09, "LL_FEATURE_RSP"},
    {0x0c, "LL_VERSION_IND"},
    {0x0e, "LL_PERIPHERAL_FEATURE_REQ"},
    {0x14, "LL_LENGTH_REQ"},
    {0x15, "LL_LENGTH_RSP"},
    {0x16, "LL_PHY_REQ"},
    {0x17, "LL_PHY_RSP"},
    {0, NULL},
};

static const char *name_of(const named *names, uint8_t code)
{
    while (names->name && names->code != code)
        names++;
    return names->name ? names->name : "another PDU";
}

static sniffed *keep(sniffer *s, const amble_air_packet *packet, bool from_central)
{
    sniffed *entry = &s->latest[s->kept++ % SNIFFER_KEEPS];

    *entry = (sniffed){packet->time_us, packet->channel, packet->rssi, from_central, ""};
    return entry;
}

static void hear_advertising(sniffer *s, const amble_air_packet *packet)
{
    static const char *const names[] = {"ADV_IND",  "ADV_DIRECT_IND", "ADV_NONCONN_IND", "SCAN_REQ",
                                        "SCAN_RSP", "CONNECT_IND",    "ADV_SCAN_IND"};
    const unsigned type = packet->pdu[0] & 0x0f;
    const bool from_central = type == SCAN_REQ || type == CONNECT_IND;
    sniffed *entry;

    if (type == SCAN_REQ || type == SCAN_RSP)
        s->scanning++;
    else
        s->advertising++;
    s->last_advertising_us = packet->time_us;
    *(from_central ? &s->rssi_central : &s->rssi_peripheral) = packet->rssi;
    /* An advertiser says the same on three channels several times a second: the first of them tells it. */
    if (type == ADV_IND && packet->channel != 37)
        return;
    entry = keep(s, packet, from_central);
    snprintf(entry->what, sizeof entry->what, "%s", type <= ADV_SCAN_IND ? names[type] : "extended advertising");
}

/* Name and, for what carries a value to a handle, the value. */
static void describe_att(char what[64], const uint8_t *att, size_t size)
{
    int at = snprintf(what, 64, "%s", name_of(att_names, att[0]));

    if ((att[0] != 0x52 && att[0] != 0x12 && att[0] != 0x1b) || size < 3)
        return;
    at += snprintf(what + at, 64 - (size_t)at, "  0x%04x ", (unsigned)(att[1] | att[2] << 8));
    for (size_t i = 3; i < size && i < 11 && at < 60; i++)
        at += snprintf(what + at, 64 - (size_t)at, " %02x", att[i]);
}

static bool hears_turn(sniffer *s, const amble_air_packet *packet)
{
    if (packet->time_us > s->end_us + TURN_US) {
        s->interval_us = (uint32_t)(packet->time_us - s->event_us);
        s->event_us = packet->time_us;
        s->central_sent_last = false;
    }
    s->central_sent_last = !s->central_sent_last;
    s->end_us = packet->time_us + (packet->size + BESIDE_PDU) * 8;
    return s->central_sent_last;
}

static void hear_data(sniffer *s, const amble_air_packet *packet)
{
    const uint8_t *pdu = packet->pdu, llid = pdu[0] & 3;
    const bool from_central = hears_turn(s, packet);
    sniffed *entry;

    s->data++;
    s->last_data_us = packet->time_us;
    if (!from_central)
        s->last_answer_us = packet->time_us;
    *(from_central ? &s->rssi_central : &s->rssi_peripheral) = packet->rssi;
    if (packet->size == 2) {
        s->empty++;
        return;
    }
    entry = keep(s, packet, from_central);
    if (llid == 3)
        snprintf(entry->what, sizeof entry->what, "%s", name_of(control_names, pdu[2]));
    else if (llid == 2 && packet->size > 6 && pdu[4] == CID_ATT && !pdu[5])
        describe_att(entry->what, pdu + 6, packet->size - 6);
    else if (llid == 2 && packet->size > 6 && pdu[4] == CID_SIGNALLING && !pdu[5])
        snprintf(entry->what, sizeof entry->what, "L2CAP signalling");
    else
        snprintf(entry->what, sizeof entry->what, "%zu bytes of data", packet->size - 2);
}

void sniffer_hear(void *user, const amble_air_packet *packet)
{
    sniffer *s = user;

    if (packet->size < 2)
        return;
    s->packets++;
    if (packet->access_address == ADVERTISING_ACCESS_ADDRESS)
        hear_advertising(s, packet);
    else
        hear_data(s, packet);
}
