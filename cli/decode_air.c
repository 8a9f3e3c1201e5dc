/* The link layer's packets as text (decode.h), Vol 6 Part B 2: advertising PDUs with their payloads, CONNECT_IND,
 * control PDUs with all fields, and data with the L2CAP packets in it.
 *
 * A data PDU with the sequence number of the one before it was sent again, and is not taken twice. Behind
 * LL_START_ENC_REQ everything is encrypted, and shown as that, until the central's LL_PAUSE_ENC_RSP, which is not
 * (5.1.3.2). */
#include <stdio.h>

#include "cli/fields.h"

#define ADVERTISING_ACCESS_ADDRESS UINT32_C(0x8E89BED6) /* 2.1.2 */

enum { NO_SEQUENCE = 2, SHOWN = 32 };

/* --- advertising, 2.3 --------------------------------------------------------------------------------------------- */
enum { ADV_DIRECT_IND = 1, SCAN_REQ = 3, CONNECT_IND = 5, ADV_EXT_IND = 7, AUX_CONNECT_RSP = 8 };
enum { HEADER_TYPE = 0x0f, HEADER_CHANNEL_SELECTION = 0x20, HEADER_TX_RANDOM = 0x40, HEADER_RX_RANDOM = 0x80 };

/* The channel map says which of the 37 data channels are used. */
#define CONNECT_DATA                                                                                                   \
    "x4 access address;x3 CRC init;u1 window;u2 offset;c interval;u2 latency;t timeout;x5 channels;x1 hop and clock"

static void say_advertising_addresses(amble__printer *p, unsigned type, uint8_t header, amble__reader *r)
{
    amble__say_address(p, r, header & HEADER_TX_RANDOM ? 1 : 0);
    if (type == ADV_DIRECT_IND || type == SCAN_REQ || type == CONNECT_IND) {
        amble__say(p, " to ");
        amble__say_address(p, r, header & HEADER_RX_RANDOM ? 1 : 0);
    }
}

/* Sets up what is remembered of the link that begins here. */
static void learn_link(amble__decoder *d, amble__reader r)
{
    const uint32_t access_address = amble__read_le32(&r);
    amble__decode_link *link = amble__decode_link_of(d, AMBLE__DECODE_ON_AIR, access_address);

    *link = (amble__decode_link){.used = true,
                                 .adapter = AMBLE__DECODE_ON_AIR,
                                 .handle = access_address,
                                 .air = {.sequence = {NO_SEQUENCE, NO_SEQUENCE}}};
}

/* The flags of the extended header say which fields there are, in the order of their bits. 2.3.4 */
static void say_extended_header(amble__printer *p, uint8_t header, amble__reader *r, amble__decoded *out)
{
    static const char *const modes[] = {"", "connectable, ", "scannable, ", ""};
    static const char *const units[] = {"30 us", "300 us"};
    const unsigned first = amble__read_u8(r), size = first & 0x3f;
    const uint8_t *bytes = amble__read_view(r, size);
    amble__reader e = amble__reader_of(bytes, bytes ? size : 0);
    const unsigned flags = amble__read_left(&e) ? amble__read_u8(&e) : 0;

    amble__say(p, "%s", modes[first >> 6]);
    if (flags & 0x01)
        amble__say_address(p, &e, header & HEADER_TX_RANDOM ? 1 : 0);
    if (flags & 0x02) {
        amble__say(p, " to ");
        amble__say_address(p, &e, header & HEADER_RX_RANDOM ? 1 : 0);
    }
    if (flags & 0x04)
        amble__say_fields(p, &e, out, "x1 CTE");
    if (flags & 0x08) {
        const unsigned adi = amble__read_le16(&e); /* 2.3.4.4 */

        amble__say(p, "%sSID %u, DID 0x%03X", out->detail[0] ? ", " : "", adi >> 12, adi & 0xfff);
    }
    if (flags & 0x10) {
        const uint32_t aux = amble__read_le24(&e); /* 2.3.4.5 */

        amble__say(p, "%sAUX on channel %u in %u x %s on PHY %u", out->detail[0] ? ", " : "", (unsigned)aux & 0x3f,
                   (unsigned)(aux >> 8 & 0x1fff), units[aux >> 7 & 1], (unsigned)(aux >> 21) + 1);
    }
    if (flags & 0x20)
        amble__say_fields(p, &e, out, "x2 sync offset;c interval;x5 channels;x4 access address;x3 CRC init;u2 event");
    if (flags & 0x40)
        amble__say_fields(p, &e, out, "d power");
    if (amble__read_left(&e))
        amble__say_fields(p, &e, out, "* ACAD");
    if (e.failed)
        r->failed = true;
}

static void decode_extended(const amble__decode_air_packet *packet, uint8_t header, amble__printer *p, amble__reader *r,
                            amble__decoded *out)
{
    amble__bytes data;

    if (packet->auxiliary)
        snprintf(out->name, sizeof out->name, "AUX PDU"); /* which one, depends on what it answers */
    say_extended_header(p, header, r, out);
    data = amble__read_rest(r);
    if (data.size)
        amble__say(p, "%s%zu bytes", out->detail[0] ? ", " : "", data.size);
    if (data.size)
        amble__say_advertising_data(p, data.data, data.size);
}

static void decode_advertising(amble__decoder *d, const amble__decode_air_packet *packet, amble__decoded *out)
{
    static const amble__decode_name names[] = {{0, "ADV_IND"},      {1, "ADV_DIRECT_IND"}, {2, "ADV_NONCONN_IND"},
                                               {3, "SCAN_REQ"},     {4, "SCAN_RSP"},       {5, "CONNECT_IND"},
                                               {6, "ADV_SCAN_IND"}, {7, "ADV_EXT_IND"},    {8, "AUX_CONNECT_RSP"}};
    amble__reader r = amble__reader_of(packet->pdu, packet->size);
    const uint8_t header = amble__read_u8(&r), length = amble__read_u8(&r);
    const unsigned type = header & HEADER_TYPE;
    amble__printer p = amble__printer_of(out->detail, sizeof out->detail);
    amble__bytes data;

    amble__decode_set_name(out, amble__decode_find(names, sizeof names / sizeof *names, type), "PDU", type);
    if (packet->auxiliary && type == SCAN_REQ)
        snprintf(out->name, sizeof out->name, "AUX_SCAN_REQ");
    if (packet->auxiliary && type == CONNECT_IND)
        snprintf(out->name, sizeof out->name, "AUX_CONNECT_REQ");
    if (r.failed || amble__read_left(&r) != length || type > AUX_CONNECT_RSP) {
        amble__say(&p, "malformed: ");
        amble__say_bytes(&p, amble__read_rest(&r), SHOWN);
        return;
    }
    if (type == ADV_EXT_IND || type == AUX_CONNECT_RSP) {
        decode_extended(packet, header, &p, &r, out);
    } else {
        say_advertising_addresses(&p, type, header, &r);
        if (type == CONNECT_IND) {
            learn_link(d, r);
            amble__say_fields(&p, &r, out, CONNECT_DATA);
        }
        data = type == SCAN_REQ || type == CONNECT_IND ? (amble__bytes){0} : amble__read_rest(&r);
        if (data.size)
            amble__say_advertising_data(&p, data.data, data.size);
    }
    if (header & HEADER_CHANNEL_SELECTION)
        amble__say(&p, ", channel selection #2");
    if (r.failed)
        amble__say(&p, " (cut short)");
    amble__say_rest(&p, &r, out);
}

/* --- control, 2.4.2 ----------------------------------------------------------------------------------------------- */
enum { LL_START_ENC_REQ = 0x05, LL_PAUSE_ENC_RSP = 0x0b };

#define FEATURES   "x8 features"
#define PARAMETERS "c least interval;c most interval;u2 latency;t timeout;u1 periodicity;u2 reference event;b12 offsets"
#define LENGTHS    "n2 bytes in;n2 us in;n2 bytes out;n2 us out"
#define CLOCK      "e1 clock{500 ppm|250 ppm|150 ppm|100 ppm|75 ppm|50 ppm|30 ppm|20 ppm}"

static const struct {
    const char *name, *fields;
} controls[] = {
    [0x00] = {"LL_CONNECTION_UPDATE_IND", "u1 window;u2 offset;c interval;u2 latency;t timeout;u2 instant"},
    [0x01] = {"LL_CHANNEL_MAP_IND", "x5 channels;u2 instant"},
    [0x02] = {"LL_TERMINATE_IND", "r"},
    [0x03] = {"LL_ENC_REQ", "x8 random;x2 EDIV;x8 SKD;x4 IV"},
    [0x04] = {"LL_ENC_RSP", "x8 SKD;x4 IV"},
    [0x05] = {"LL_START_ENC_REQ", ""},
    [0x06] = {"LL_START_ENC_RSP", ""},
    [0x07] = {"LL_UNKNOWN_RSP", "x1 to"},
    [0x08] = {"LL_FEATURE_REQ", FEATURES},
    [0x09] = {"LL_FEATURE_RSP", FEATURES},
    [0x0a] = {"LL_PAUSE_ENC_REQ", ""},
    [0x0b] = {"LL_PAUSE_ENC_RSP", ""},
    [0x0c] = {"LL_VERSION_IND", "u1 version;x2 company;x2 subversion"},
    [0x0d] = {"LL_REJECT_IND", "r"},
    [0x0e] = {"LL_PERIPHERAL_FEATURE_REQ", FEATURES},
    [0x0f] = {"LL_CONNECTION_PARAM_REQ", PARAMETERS},
    [0x10] = {"LL_CONNECTION_PARAM_RSP", PARAMETERS},
    [0x11] = {"LL_REJECT_EXT_IND", "x1 of;r"},
    [0x12] = {"LL_PING_REQ", ""},
    [0x13] = {"LL_PING_RSP", ""},
    [0x14] = {"LL_LENGTH_REQ", LENGTHS},
    [0x15] = {"LL_LENGTH_RSP", LENGTHS},
    [0x16] = {"LL_PHY_REQ", "m1 out" AMBLE__PHYS ";m1 in" AMBLE__PHYS},
    [0x17] = {"LL_PHY_RSP", "m1 out" AMBLE__PHYS ";m1 in" AMBLE__PHYS},
    [0x18] = {"LL_PHY_UPDATE_IND", "m1 to peripheral" AMBLE__PHYS ";m1 to central" AMBLE__PHYS ";u2 instant"},
    [0x19] = {"LL_MIN_USED_CHANNELS_IND", "m1" AMBLE__PHYS ";u1 channels"},
    [0x1a] = {"LL_CTE_REQ", "x1"},
    [0x1b] = {"LL_CTE_RSP", ""},
    [0x1c] =
        {"LL_PERIODIC_SYNC_IND",
         "x2 service;x2 offset;c interval;x5 channels;x4 access address;x3 CRC;u2 event;u2 from link event;u2 last "
         "event;x1 SID and clock;m1" AMBLE__PHYS ";b6 address;u2 link event"},
    [0x1d] = {"LL_CLOCK_ACCURACY_REQ", CLOCK},
    [0x1e] = {"LL_CLOCK_ACCURACY_RSP", CLOCK},
    [0x1f] = {"LL_CIS_REQ", NULL},
    [0x20] = {"LL_CIS_RSP", NULL},
    [0x21] = {"LL_CIS_IND", NULL},
    [0x22] = {"LL_CIS_TERMINATE_IND", "u1 CIG;u1 CIS;r"},
    [0x23] = {"LL_POWER_CONTROL_REQ", "m1 PHY" AMBLE__PHYS ";d change;d power"},
    [0x24] = {"LL_POWER_CONTROL_RSP", "m1{least|most};d change;d power;u1 acceptable reduction"},
    [0x25] = {"LL_POWER_CHANGE_IND", "m1 PHY" AMBLE__PHYS ";m1{least|most};d change;d power"},
    [0x26] = {"LL_SUBRATE_REQ", "u2 least;u2 most;u2 latency;u2 continuation;t timeout"},
    [0x27] = {"LL_SUBRATE_IND", "u2 factor;u2 base event;u2 latency;u2 continuation;t timeout"},
    [0x28] = {"LL_CHANNEL_REPORTING_IND", "o;u1 least spacing;u1 most delay"},
    [0x29] = {"LL_CHANNEL_STATUS_IND", "b10"},
    [0x2a] = {"LL_PERIODIC_SYNC_WR_IND", NULL},
    [0x2b] = {"LL_FEATURE_EXT_REQ", "u1 last page;u1 page;*"},
    [0x2c] = {"LL_FEATURE_EXT_RSP", "u1 last page;u1 page;*"},
    [0x2d] = {"LL_CS_SEC_RSP", NULL},
    [0x2e] = {"LL_CS_CAPABILITIES_REQ", NULL},
    [0x2f] = {"LL_CS_CAPABILITIES_RSP", NULL},
    [0x30] = {"LL_CS_CONFIG_REQ", NULL},
    [0x31] = {"LL_CS_CONFIG_RSP", NULL},
    [0x32] = {"LL_CS_REQ", NULL},
    [0x33] = {"LL_CS_RSP", NULL},
    [0x34] = {"LL_CS_IND", NULL},
    [0x35] = {"LL_CS_TERMINATE_REQ", NULL},
    [0x36] = {"LL_CS_FAE_REQ", NULL},
    [0x37] = {"LL_CS_FAE_RSP", NULL},
    [0x38] = {"LL_CS_CHANNEL_MAP_IND", NULL},
    [0x39] = {"LL_CS_SEC_REQ", NULL},
    [0x3a] = {"LL_CS_TERMINATE_RSP", NULL},
    [0x3b] = {"LL_FRAME_SPACE_REQ", NULL},
    [0x3c] = {"LL_FRAME_SPACE_RSP", NULL},
};

static void decode_control(amble__decode_link *link, amble__reader r, amble__decoded *out)
{
    const uint8_t opcode = amble__read_u8(&r);
    const bool known = opcode < sizeof controls / sizeof *controls && controls[opcode].name;
    amble__printer p = amble__printer_of(out->detail, sizeof out->detail);

    amble__decode_set_name(out, known ? controls[opcode].name : NULL, "Control PDU", opcode);
    if (known && controls[opcode].fields)
        amble__say_fields(&p, &r, out, controls[opcode].fields);
    amble__say_rest(&p, &r, out);
    if (opcode == LL_START_ENC_REQ || opcode == LL_PAUSE_ENC_RSP)
        link->air.encrypted = opcode == LL_START_ENC_REQ;
}

/* --- data, 2.4 ---------------------------------------------------------------------------------------------------- */
enum { LLID = 0x03, LLID_CONTINUATION = 1, LLID_START = 2, LLID_CONTROL = 3, SEQUENCE = 0x08, HAS_CTE = 0x20 };

static bool is_repeated(amble__decode_link *link, amble__air_sender sender, uint8_t header)
{
    uint8_t *last = &link->air.sequence[sender == AMBLE__FROM_PERIPHERAL];
    const uint8_t sequence = header & SEQUENCE ? 1 : 0;
    const bool repeated = sender != AMBLE__FROM_ANYBODY && *last == sequence;

    *last = sequence;
    return repeated;
}

/* Encrypted PDUs have at least the four bytes of their MIC: one with an opcode alone is not. 2.4 */
static bool is_clear_control(uint8_t header, uint8_t length) { return (header & LLID) == LLID_CONTROL && length == 1; }

static void decode_data(amble__decoder *d, const amble__decode_air_packet *packet, amble__decoded *out)
{
    amble__decode_link *link = amble__decode_link_of(d, AMBLE__DECODE_ON_AIR, packet->access_address);
    amble__reader r = amble__reader_of(packet->pdu, packet->size);
    const uint8_t header = amble__read_u8(&r), length = amble__read_u8(&r);
    amble__printer p = amble__printer_of(out->detail, sizeof out->detail);
    bool repeated;

    out->link = packet->access_address;
    if (!link->air.known) {
        link->air.known = true;
        link->air.sequence[0] = link->air.sequence[1] = NO_SEQUENCE;
    }
    repeated = is_repeated(link, packet->sender, header);
    snprintf(out->name, sizeof out->name, "Data");
    if (header & HAS_CTE)
        (void)amble__read_u8(&r); /* CTEInfo, 2.4.1 */
    if (r.failed || amble__read_left(&r) != length) {
        amble__say(&p, "malformed: ");
        amble__say_bytes(&p, amble__read_rest(&r), SHOWN);
    } else if (!length) {
        snprintf(out->name, sizeof out->name, "Empty");
    } else if (link->air.encrypted && !is_clear_control(header, length)) {
        amble__say(&p, "%u bytes, encrypted", length);
    } else if (repeated) {
        amble__say(&p, "%u bytes, sent again", length);
    } else if ((header & LLID) == LLID_CONTROL) {
        decode_control(link, r, out);
    } else {
        amble__decode_fragment(link, packet->sender != AMBLE__FROM_PERIPHERAL, (header & LLID) == LLID_START,
                               amble__read_rest(&r), out);
    }
}

void amble__decode_air(amble__decoder *decoder, const amble__decode_air_packet *packet, amble__decoded *out)
{
    out->layer = "ll";
    out->link = -1;
    out->name[0] = '\0';
    if (packet->access_address != ADVERTISING_ACCESS_ADDRESS && packet->auxiliary)
        out->link = packet->access_address; /* periodic advertising has its own */
    if (packet->access_address == ADVERTISING_ACCESS_ADDRESS || packet->auxiliary)
        decode_advertising(decoder, packet, out);
    else
        decode_data(decoder, packet, out);
}
