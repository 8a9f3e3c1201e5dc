/* HCI commands and events as text (decode.h), Vol 4 Part E 7. A command or event without a decoder of its own has its name
 * and its parameters as digits. */
#include <stdio.h>

#include "amble/error.h"
#include "amble/gap.h"
#include "cli/advertised.h"
#include "cli/decode.h"

#define LIST(names) (names), sizeof(names) / sizeof *(names)
enum { SHOWN = 32, LE_META = 0x3e };

static const amble__decode_name commands[] = {
    {0x0406, "Disconnect"},
    {0x041d, "Read Remote Version Information"},
    {0x0c01, "Set Event Mask"},
    {0x0c03, "Reset"},
    {0x0c31, "Set Controller To Host Flow Control"},
    {0x0c33, "Host Buffer Size"},
    {0x0c35, "Host Number Of Completed Packets"},
    {0x0c63, "Set Event Mask Page 2"},
    {0x0c6d, "Write LE Host Support"},
    {0x1001, "Read Local Version Information"},
    {0x1002, "Read Local Supported Commands"},
    {0x1003, "Read Local Supported Features"},
    {0x1005, "Read Buffer Size"},
    {0x1009, "Read BD_ADDR"},
    {0x1405, "Read RSSI"},
    {0x2001, "LE Set Event Mask"},
    {0x2002, "LE Read Buffer Size"},
    {0x2003, "LE Read Local Supported Features"},
    {0x2005, "LE Set Random Address"},
    {0x2006, "LE Set Advertising Parameters"},
    {0x2007, "LE Read Advertising Physical Channel Tx Power"},
    {0x2008, "LE Set Advertising Data"},
    {0x2009, "LE Set Scan Response Data"},
    {0x200a, "LE Set Advertising Enable"},
    {0x200b, "LE Set Scan Parameters"},
    {0x200c, "LE Set Scan Enable"},
    {0x200d, "LE Create Connection"},
    {0x200e, "LE Create Connection Cancel"},
    {0x200f, "LE Read Filter Accept List Size"},
    {0x2010, "LE Clear Filter Accept List"},
    {0x2011, "LE Add Device To Filter Accept List"},
    {0x2012, "LE Remove Device From Filter Accept List"},
    {0x2013, "LE Connection Update"},
    {0x2015, "LE Read Channel Map"},
    {0x2016, "LE Read Remote Features"},
    {0x2017, "LE Encrypt"},
    {0x2018, "LE Rand"},
    {0x2019, "LE Enable Encryption"},
    {0x201a, "LE Long Term Key Request Reply"},
    {0x201b, "LE Long Term Key Request Negative Reply"},
    {0x201c, "LE Read Supported States"},
    {0x2020, "LE Remote Connection Parameter Request Reply"},
    {0x2021, "LE Remote Connection Parameter Request Negative Reply"},
    {0x2022, "LE Set Data Length"},
    {0x2023, "LE Read Suggested Default Data Length"},
    {0x2024, "LE Write Suggested Default Data Length"},
    {0x2027, "LE Add Device To Resolving List"},
    {0x2029, "LE Clear Resolving List"},
    {0x202a, "LE Read Resolving List Size"},
    {0x202d, "LE Set Address Resolution Enable"},
    {0x202f, "LE Read Maximum Data Length"},
    {0x2030, "LE Read PHY"},
    {0x2031, "LE Set Default PHY"},
    {0x2032, "LE Set PHY"},
    {0x2035, "LE Set Advertising Set Random Address"},
    {0x2036, "LE Set Extended Advertising Parameters"},
    {0x2037, "LE Set Extended Advertising Data"},
    {0x2038, "LE Set Extended Scan Response Data"},
    {0x2039, "LE Set Extended Advertising Enable"},
    {0x203a, "LE Read Maximum Advertising Data Length"},
    {0x203b, "LE Read Number Of Supported Advertising Sets"},
    {0x203c, "LE Remove Advertising Set"},
    {0x203d, "LE Clear Advertising Sets"},
    {0x2041, "LE Set Extended Scan Parameters"},
    {0x2042, "LE Set Extended Scan Enable"},
    {0x2043, "LE Extended Create Connection"},
    {0x204a, "LE Read Transmit Power"},
};
static const amble__decode_name events[] = {
    {0x05, "Disconnection Complete"},
    {0x08, "Encryption Change"},
    {0x0c, "Read Remote Version Information Complete"},
    {0x0e, "Command Complete"},
    {0x0f, "Command Status"},
    {0x10, "Hardware Error"},
    {0x13, "Number Of Completed Packets"},
    {0x1a, "Data Buffer Overflow"},
    {0x30, "Encryption Key Refresh Complete"},
    {0x57, "Authenticated Payload Timeout Expired"},
};
static const amble__decode_name le_events[] = {
    {0x01, "LE Connection Complete"},         {0x02, "LE Advertising Report"},
    {0x03, "LE Connection Update Complete"},  {0x04, "LE Read Remote Features Complete"},
    {0x05, "LE Long Term Key Request"},       {0x06, "LE Remote Connection Parameter Request"},
    {0x07, "LE Data Length Change"},          {0x08, "LE Read Local P-256 Public Key Complete"},
    {0x09, "LE Generate DHKey Complete"},     {0x0a, "LE Enhanced Connection Complete"},
    {0x0b, "LE Directed Advertising Report"}, {0x0c, "LE PHY Update Complete"},
    {0x0d, "LE Extended Advertising Report"}, {0x11, "LE Scan Timeout"},
    {0x12, "LE Advertising Set Terminated"},  {0x13, "LE Scan Request Received"},
    {0x14, "LE Channel Selection Algorithm"},
};

static void say_status(amble__printer *p, uint8_t status)
{
    amble__say(p, "%s", status ? amble_error_text(AMBLE_ERR_HCI(status)) : "success");
}

static uint16_t say_link(amble__printer *p, amble__reader *r, amble__decoded *out)
{
    const uint16_t handle = amble__read_le16(r) & 0x0fff;

    out->link = handle;
    amble__say(p, "link 0x%04X", handle);
    return handle;
}

/* What is left and was not decoded. */
static void say_rest(amble__printer *p, amble__reader *r, const char *before)
{
    const amble__bytes rest = amble__read_rest(r);

    if (rest.size)
        amble__say(p, "%s", before);
    amble__say_bytes(p, rest, SHOWN);
}

/* --- commands ------------------------------------------------------------------------------------------------------ */
static void say_advertising_data(amble__printer *p, const uint8_t *data, size_t size)
{
    const amble_scan_result result = {.data = data, .size = size, .response_at = size};
    amble__advertised what;
    char text[256];

    amble__advertised_read(&result, &what);
    if (what.name[0])
        amble__say(p, ", \"%s\"", what.name);
    if (*amble__advertised_text(&what, text, sizeof text))
        amble__say(p, ", %s", text);
}

static void say_scan_parameters(amble__printer *p, amble__reader *r)
{
    const bool active = amble__read_u8(r);
    const unsigned interval = amble__read_le16(r), window = amble__read_le16(r);

    amble__say(p, "%s, interval %.3f ms, window %.3f ms", active ? "active" : "passive", interval * 0.625,
               window * 0.625);
    (void)amble__read_view(r, 2); /* own address type, filter policy */
}

static void say_parameters(amble__printer *p, unsigned opcode, amble__reader *r, amble__decoded *out)
{
    const uint8_t *data;
    uint8_t size, type;

    switch (opcode) {
    case 0x0406: /* 7.1.6 */
        say_link(p, r, out);
        amble__say(p, ", reason ");
        say_status(p, amble__read_u8(r));
        break;
    case 0x2005: /* 7.8.4 */
        amble__say_address(p, r, 1);
        break;
    case 0x2008: /* 7.8.7 */
    case 0x2009: /* 7.8.8 */
        size = amble__read_u8(r);
        data = amble__read_view(r, size);
        amble__say(p, "%u bytes", size);
        if (data)
            say_advertising_data(p, data, size);
        (void)amble__read_rest(r); /* zeros */
        break;
    case 0x200a: /* 7.8.9 */
        amble__say(p, "%s", amble__read_u8(r) ? "on" : "off");
        break;
    case 0x200b: /* 7.8.10 */
        say_scan_parameters(p, r);
        break;
    case 0x200c: /* 7.8.11 */
        amble__say(p, "%s", amble__read_u8(r) ? "on" : "off");
        amble__say(p, "%s", amble__read_u8(r) ? ", without duplicates" : "");
        break;
    case 0x200d: /* 7.8.12 */
        (void)amble__read_view(r, 4);
        if (amble__read_u8(r)) {
            amble__say(p, "whoever is in the accept list");
            (void)amble__read_view(r, 7);
        } else {
            type = amble__read_u8(r);
            amble__say_address(p, r, type);
        }
        say_rest(p, r, ", ");
        break;
    case 0x2011: /* 7.8.16 */
        type = amble__read_u8(r);
        amble__say_address(p, r, type);
        break;
    default:
        break;
    }
}

void amble__decode_command(amble__reader r, amble__decoded *out)
{
    const unsigned opcode = amble__read_le16(&r);
    const uint8_t length = amble__read_u8(&r);
    amble__printer p = amble__printer_of(out->detail, sizeof out->detail);

    out->layer = "command";
    amble__decode_set_name(out, amble__decode_find(LIST(commands), opcode), "Command", opcode);
    if (r.failed || amble__read_left(&r) != length) {
        amble__say(&p, "malformed: ");
    } else {
        say_parameters(&p, opcode, &r, out);
    }
    say_rest(&p, &r, out->detail[0] ? ", " : "");
}

/* --- events ------------------------------------------------------------------------------------------------------- */
static void say_command(amble__printer *p, amble__reader *r)
{
    const unsigned opcode = amble__read_le16(r);
    const char *name = amble__decode_find(LIST(commands), opcode);

    if (name)
        amble__say(p, "%s", name);
    else
        amble__say(p, "command 0x%04X", opcode);
    amble__say(p, ": ");
}

static void say_completed(amble__printer *p, amble__reader *r, amble__decoded *out)
{
    const unsigned links = amble__read_u8(r);

    for (unsigned i = 0; i < links && amble__read_left(r) >= 4; i++) {
        amble__say(p, "%s", i ? ", " : "");
        say_link(p, r, out);
        amble__say(p, ": %u", amble__read_le16(r));
    }
}

static void say_connection(amble__printer *p, amble__reader *r, amble__decoded *out, bool enhanced)
{
    uint8_t role, type;
    unsigned interval, latency;

    say_status(p, amble__read_u8(r));
    amble__say(p, ", ");
    say_link(p, r, out);
    role = amble__read_u8(r);
    type = amble__read_u8(r);
    amble__say(p, ", %s, peer ", role ? "peripheral" : "central");
    amble__say_address(p, r, type);
    if (enhanced)
        (void)amble__read_view(r, 12); /* resolvable addresses of both sides */
    interval = amble__read_le16(r);
    latency = amble__read_le16(r);
    amble__say(p, ", interval %.2f ms, latency %u, timeout %u ms", interval * 1.25, latency, amble__read_le16(r) * 10U);
    (void)amble__read_u8(r); /* clock accuracy */
}

static void say_reports(amble__printer *p, amble__reader *r, bool extended)
{
    static const char *const types[] = {"connectable", "directed", "scannable", "not connectable", "scan response"};
    const unsigned count = amble__read_u8(r);

    for (unsigned i = 0; i < count && !r->failed && amble__read_left(r); i++) {
        const unsigned kind = extended ? amble__read_le16(r) : amble__read_u8(r);
        const uint8_t type = amble__read_u8(r);
        const uint8_t *data;
        uint8_t size;
        int8_t rssi = 127;

        amble__say(p, "%s", i ? "; " : "");
        amble__say_address(p, r, type);
        if (extended) {
            (void)amble__read_view(r, 4); /* PHYs, set, power */
            rssi = (int8_t)amble__read_u8(r);
            (void)amble__read_view(r, 9); /* interval of the train, directed to */
        }
        size = amble__read_u8(r);
        data = amble__read_view(r, size);
        if (!extended)
            rssi = (int8_t)amble__read_u8(r);
        amble__say(p, ", %s, %d dBm",
                   extended   ? kind & 8   ? types[4]
                                : kind & 1 ? types[0]
                                           : types[3]
                     : kind < 5 ? types[kind]
                              : "?",
                   rssi);
        if (data)
            say_advertising_data(p, data, size);
    }
}

static void say_le_event(amble__printer *p, uint8_t subevent, amble__reader *r, amble__decoded *out)
{
    switch (subevent) {
    case 0x01: /* 7.7.65.1 */
    case 0x0a: /* 7.7.65.10 */
        say_connection(p, r, out, subevent == 0x0a);
        break;
    case 0x02: /* 7.7.65.2 */
    case 0x0d: /* 7.7.65.13 */
        say_reports(p, r, subevent == 0x0d);
        break;
    case 0x03: /* 7.7.65.3 */
        say_status(p, amble__read_u8(r));
        amble__say(p, ", ");
        say_link(p, r, out);
        amble__say(p, ", interval %.2f ms", amble__read_le16(r) * 1.25);
        break;
    case 0x05: /* 7.7.65.5 */
    case 0x07: /* 7.7.65.7 */
        say_link(p, r, out);
        break;
    default:
        break;
    }
}

void amble__decode_event(amble__reader r, amble__decoded *out)
{
    const uint8_t code = amble__read_u8(&r), length = amble__read_u8(&r);
    amble__printer p = amble__printer_of(out->detail, sizeof out->detail);
    uint8_t subevent;

    out->layer = "event";
    amble__decode_set_name(out, amble__decode_find(LIST(events), code), "Event", code);
    if (r.failed || amble__read_left(&r) != length) {
        amble__say(&p, "malformed: ");
        say_rest(&p, &r, "");
        return;
    }
    switch (code) {
    case 0x05: /* 7.7.5 */
        say_status(&p, amble__read_u8(&r));
        amble__say(&p, ", ");
        say_link(&p, &r, out);
        amble__say(&p, ", reason ");
        say_status(&p, amble__read_u8(&r));
        break;
    case 0x0e:                    /* 7.7.14 */
        (void)amble__read_u8(&r); /* how many commands may follow */
        say_command(&p, &r);
        say_status(&p, amble__read_u8(&r));
        break;
    case 0x0f:                         /* 7.7.15 */
        subevent = amble__read_u8(&r); /* the status; the command comes behind it */
        (void)amble__read_u8(&r);
        say_command(&p, &r);
        say_status(&p, subevent);
        break;
    case 0x13: /* 7.7.19 */
        say_completed(&p, &r, out);
        break;
    case LE_META:
        subevent = amble__read_u8(&r);
        amble__decode_set_name(out, amble__decode_find(LIST(le_events), subevent), "LE event", subevent);
        say_le_event(&p, subevent, &r, out);
        break;
    default:
        break;
    }
    say_rest(&p, &r, out->detail[0] ? ", " : "");
}
