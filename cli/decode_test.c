/* Packets and what they are shown as: every layer, and what is learnt from one packet for a later one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/decode.h"
#include "cli/fields.h"
#include "cli/hci_table.h"

enum { COMMAND = 1, ACL = 2, EVENT = 4, MOST = 300 };

static amble__decoder *decoder;
static amble__decoded out;

static int open_decoder(void **state)
{
    (void)state;
    decoder = calloc(1, sizeof *decoder);
    return decoder ? 0 : -1;
}
static int close_decoder(void **state)
{
    (void)state;
    free(decoder);
    return 0;
}

/* A copy of exactly the size, so that AddressSanitizer sees a byte beyond it being read. */
static uint8_t *bytes_of(const char *digits, size_t *size)
{
    uint8_t bytes[MOST], *copy;
    unsigned value;

    for (*size = 0; *digits; digits += 2, ++*size) {
        while (*digits == ' ')
            digits++;
        assert_int_equal(sscanf(digits, "%2x", &value), 1);
        bytes[*size] = (uint8_t)value;
    }
    copy = malloc(*size ? *size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, *size);
    return copy;
}

static void packet(uint8_t type, bool received, const char *digits)
{
    size_t size;
    uint8_t *bytes = bytes_of(digits, &size);

    amble__decode(decoder, -1, type, received, bytes, size, &out);
    free(bytes);
}
static void air(uint32_t access_address, amble__air_sender sender, const char *digits)
{
    amble__decode_air_packet p = {.access_address = access_address, .sender = sender};
    uint8_t *bytes = bytes_of(digits, &p.size);

    p.pdu = bytes;
    amble__decode_air(decoder, &p, &out);
    free(bytes);
}
#define EXPECT(shown_layer, shown_name, shown_detail)                                                                  \
    do {                                                                                                               \
        assert_string_equal(out.layer, shown_layer);                                                                   \
        assert_string_equal(out.name, shown_name);                                                                     \
        assert_string_equal(out.detail, shown_detail);                                                                 \
    } while (0)
#define SHOWS(type, received, digits, layer, name, detail)                                                             \
    do {                                                                                                               \
        packet(type, received, digits);                                                                                \
        EXPECT(layer, name, detail);                                                                                   \
    } while (0)

/* --- HCI ---------------------------------------------------------------------------------------------------------- */
static void commands(void **state)
{
    (void)state;
    SHOWS(COMMAND, false, "030C00", "command", "Reset", "");
    SHOWS(COMMAND, false, "0604030200 13", "command", "Disconnect",
          "link 0x0002, reason HCI 0x13 remote user terminated connection: the other side closed the link; connect "
          "again");
    assert_int_equal(out.link, 2);
    SHOWS(COMMAND, false, "32200740000002 040200", "command", "LE Set PHY",
          "link 0x0040, no preference none, out LE 2M, in LE Coded, coding S=8");
    SHOWS(COMMAND, false, "2220064000FB004808", "command", "LE Set Data Length", "link 0x0040, 251 bytes, 2120 us");
    SHOWS(COMMAND, false, "13200E 4000 1800 2800 0000 9001 0000 0000", "command", "LE Connection Update",
          "link 0x0040, least interval 30.00 ms, most interval 50.00 ms, latency 0, timeout 4000 ms, shortest event "
          "0.000 ms, longest event 0.000 ms");
    SHOWS(COMMAND, false, "39200A 01 02 00 6400 00 03 0000 05", "command", "LE Set Extended Advertising Enable",
          "on, set 0, duration 1000 ms, events 0; set 3, duration 0 ms, events 5");
    SHOWS(COMMAND, false, "41200D 01 00 05 01 A000 5000 00 4001 A000", "command", "LE Set Extended Scan Parameters",
          "own random, accepts all, LE 1M + LE Coded, active, interval 100.000 ms, window 50.000 ms; passive, interval "
          "200.000 ms, window 100.000 ms");
    SHOWS(COMMAND, false, "19201C 4000 0000000000000000 0000 000102030405060708090A0B0C0D0E0F", "command",
          "LE Enable Encryption",
          "link 0x0040, random 0x0000000000000000, EDIV 0x0000, key 00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F");
    SHOWS(COMMAND, false, "272027 01 0605040302C1 00000000000000000000000000000000 00000000000000000000000000000000",
          "command", "LE Add Device To Resolving List",
          "C1:02:03:04:05:06/r, peer IRK 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00, own IRK 00 00 00 00 00 00 00 "
          "00 00 00 00 00 00 00 00 00");
    SHOWS(COMMAND, false, "062000", "command", "LE Set Advertising Parameters", " (cut short)");
    SHOWS(COMMAND, false, "0AFC020102", "command", "Vendor command 0xFC0A", "01 02");
    SHOWS(COMMAND, false, "00D00102", "command", "Command 0xD000", "02");
    SHOWS(COMMAND, false, "030C05", "command", "Reset", "malformed: ");
}

static void events(void **state)
{
    (void)state;
    SHOWS(EVENT, true, "0E0401030C00", "event", "Command Complete", "Reset: success");
    SHOWS(EVENT, true, "0E0403010000", "event", "Command Complete", "command 0x0001: success");
    SHOWS(EVENT, true, "0E080130200040000102", "event", "Command Complete",
          "LE Read PHY: success, link 0x0040, out LE 1M, in LE 2M");
    SHOWS(
        EVENT, true, "0F04 0C 01 0D20", "event", "Command Status",
        "LE Create Connection: HCI 0x0C command disallowed: the controller is busy with something that excludes this");
    SHOWS(EVENT, true, "1309 02 4000 0100 4100 0200", "event", "Number Of Completed Packets",
          "link 0x0040, 1 packets; link 0x0041, 2 packets");
    SHOWS(EVENT, true, "3E0A 03 00 4000 1800 0000 9001", "event", "LE Connection Update Complete",
          "success, link 0x0040, interval 30.00 ms, latency 0, timeout 4000 ms");
    SHOWS(EVENT, true, "3E0D 05 4000 0102030405060708 3412", "event", "LE Long Term Key Request",
          "link 0x0040, random 0x0807060504030201, EDIV 0x1234");
    SHOWS(EVENT, true, "3E06 0C 00 4000 02 03", "event", "LE PHY Update Complete",
          "success, link 0x0040, out LE 2M, in LE Coded");
    SHOWS(EVENT, true, "3E0B 07 4000 FB00 4808 1B00 4801", "event", "LE Data Length Change",
          "link 0x0040, 251 bytes out, 2120 us out, 27 bytes in, 328 us in");
    SHOWS(EVENT, true, "3E11 02 01 00 01 0605040302C1 05 0409616263 C8", "event", "LE Advertising Report",
          "connectable, C1:02:03:04:05:06/r, 5 bytes, \"abc\", -56 dBm");
    SHOWS(
        EVENT, true, "3E1D 0D 01 1300 01 0605040302C1 01 00 FF 7F C8 0000 00 000000000000 03 020106", "event",
        "LE Extended Advertising Report",
        "connectable + scannable + legacy, C1:02:03:04:05:06/r, primary LE 1M, secondary none, SID 255, power unknown, "
        "RSSI -56 dBm, periodic interval 0.00 ms, to 00:00:00:00:00:00/p, 3 bytes");
    SHOWS(EVENT, true, "3E06 12 00 01 4000 00", "event", "LE Advertising Set Terminated",
          "success, set 1, link 0x0040, events 0");
    SHOWS(EVENT, true, "0804 00 4000 01", "event", "Encryption Change", "success, link 0x0040, on");
    SHOWS(EVENT, true, "3E02 77 01", "event", "LE event 0x77", "01");
    SHOWS(EVENT, true, "FF02 AABB", "event", "Vendor event", "AA BB");
    SHOWS(EVENT, true, "3E00", "event", "LE event 0x00", "");
    SHOWS(EVENT, true, "0505 00", "event", "Disconnection Complete", "malformed: , 00");
}

/* Every description can be read, with all that may come and with nothing, and no number is there twice. */
static void check_rows(const amble__hci_row *rows, size_t count)
{
    static uint8_t most[255];

    for (size_t i = 0; i < count; i++) {
        const char *const texts[] = {rows[i].fields, rows[i].reply};

        assert_true(strlen(rows[i].name) < sizeof out.name);
        assert_true(i == 0 || rows[i].number > rows[i - 1].number);
        for (int k = 0; k < 2; k++) {
            for (size_t size = 0; texts[k] && size <= sizeof most; size++) {
                amble__printer p = amble__printer_of(out.detail, sizeof out.detail);
                amble__reader r = amble__reader_of(most, size);

                memset(most, (int)size, sizeof most);
                amble__say_fields(&p, &r, &out, texts[k]);
            }
        }
    }
}
static void tables(void **state)
{
    (void)state;
    check_rows(amble__hci_command_rows, amble__hci_command_count);
    check_rows(amble__hci_event_rows, amble__hci_event_count);
    check_rows(amble__hci_le_event_rows, amble__hci_le_event_count);
}

/* --- L2CAP -------------------------------------------------------------------------------------------------------- */
static void signalling(void **state)
{
    (void)state;
    SHOWS(ACL, true, "4020 0A00 0600 0500 01 05 0200 0000", "l2cap", "Command Reject", "identifier 5, not understood");
    SHOWS(ACL, true, "4020 1000 0C00 0500 12 01 0800 0600 0C00 0000 C800", "l2cap",
          "Connection Parameter Update Request",
          "identifier 1, least interval 7.50 ms, most interval 15.00 ms, latency 0, timeout 2000 ms");
    SHOWS(ACL, false, "4020 0A00 0600 0500 13 01 0200 0100", "l2cap", "Connection Parameter Update Response",
          "identifier 1, rejected");
    SHOWS(ACL, false, "4020 0E00 0A00 0500 19 02 0600 0002 0001 4000", "l2cap", "Credit Based Reconfigure Request",
          "identifier 2, MTU 512, MPS 256, channel 0x0040");
    SHOWS(ACL, true, "4020 0A00 0600 0500 1A 02 0200 0100", "l2cap", "Credit Based Reconfigure Response",
          "identifier 2, MTU must not shrink");
    SHOWS(ACL, true, "4020 0900 0500 0500 77 02 0100 01", "l2cap", "Code 0x77", "identifier 2, 01");
    SHOWS(ACL, true, "4020 0800 0400 0500 06 02 0400", "l2cap", "Disconnection Request", "malformed: ");
}

/* Frames of a channel are known by its opening, in both directions, until it is closed. */
static void channels(void **state)
{
    (void)state;
    SHOWS(ACL, false, "4020 1200 0E00 0500 14 03 0A00 8000 4000 6400 3200 0100", "l2cap",
          "LE Credit Based Connection Request",
          "identifier 3, SPSM 0x0080, channel 0x0040, MTU 100, MPS 50, 1 credits");
    SHOWS(ACL, true, "4020 1200 0E00 0500 15 03 0A00 5500 6400 3200 0200 0000", "l2cap",
          "LE Credit Based Connection Response", "identifier 3, channel 0x0055, MTU 100, MPS 50, 2 credits, success");
    SHOWS(ACL, false, "4020 0800 0400 5500 0500 6162", "l2cap", "Channel 0x0055",
          "SPSM 0x0080, SDU of 5 bytes, 3 more to come: 61 62");
    SHOWS(ACL, false, "4020 0700 0300 5500 636465", "l2cap", "Channel 0x0055",
          "SPSM 0x0080, SDU of 5 bytes, continued: 63 64 65");
    SHOWS(ACL, true, "4020 0700 0300 4000 0100 7A", "l2cap", "Channel 0x0040", "SPSM 0x0080, SDU of 1 bytes: 7A");
    SHOWS(ACL, true, "4020 0700 0300 5500 010000", "l2cap", "Channel 0x0055", "3 bytes: 01 00 00");
    SHOWS(ACL, true, "4020 0C00 0800 0500 16 04 0400 5500 0A00", "l2cap", "Flow Control Credit",
          "identifier 4, channel 0x0055, 10 credits");
    SHOWS(ACL, true, "4020 0C00 0800 0500 07 05 0400 5500 4000", "l2cap", "Disconnection Response",
          "identifier 5, to channel 0x0055, from channel 0x0040");
    SHOWS(ACL, false, "4020 0700 0300 5500 010000", "l2cap", "Channel 0x0055", "3 bytes: 01 00 00");
}

/* The channels of SPSM 0x0027 carry ATT. One of two is refused. */
static void enhanced_bearers(void **state)
{
    (void)state;
    packet(ACL, false, "4020 1400 1000 0500 17 03 0C00 2700 6400 6400 0100 4000 4100");
    EXPECT("l2cap", "Credit Based Connection Request",
           "identifier 3, SPSM 0x0027, MTU 100, MPS 100, 1 credits, channel 0x0040; channel 0x0041");
    packet(ACL, true, "4020 1400 1000 0500 18 03 0C00 6400 6400 0100 0400 0000 6100");
    EXPECT("l2cap", "Credit Based Connection Response",
           "identifier 3, MTU 100, MPS 100, 1 credits, no resources, channel 0x0000; channel 0x0061");
    SHOWS(ACL, false, "4020 0900 0500 6100 0300 0A2100", "att", "Read Request", "0x0021 (channel 0x0061)");
    SHOWS(ACL, false, "4020 0700 0300 0400 0A2200", "att", "Read Request", "0x0022"); /* overlaps */
    SHOWS(ACL, true, "4020 0700 0300 4100 0100 0B", "att", "Read Response", "0x0021 =  (channel 0x0041)");
    SHOWS(ACL, true, "4020 0500 0100 0400 0B", "att", "Read Response", "0x0022 = ");
    packet(ACL, true, "4020 0700 0300 4000 0100 0B");
    assert_string_equal(out.layer, "l2cap");
}

static void fragments(void **state)
{
    (void)state;
    SHOWS(ACL, false, "4000 0500 0300 0400 0A", "acl", "Data", "a fragment of 5 bytes, 2 more to come");
    SHOWS(ACL, true, "4020 0500 0100 0400 13", "att", "Write Response", "");
    SHOWS(ACL, false, "4010 0200 2100", "att", "Read Request", "0x0021");
    SHOWS(ACL, false, "4010 0200 2100", "acl", "Data", "a fragment without a beginning, 2 bytes");
    SHOWS(ACL, false, "4010 0300 2100", "acl", "Data", "malformed: 2 bytes in place of 3");
    SHOWS(ACL, false, "40", "acl", "Data", "malformed: 0 bytes in place of 0");
}

/* --- ATT and SMP -------------------------------------------------------------------------------------------------- */
static void attribute(bool received, const char *pdu)
{
    char digits[2 * MOST], bytes[2 * MOST - 64];
    size_t size = 0;

    for (const char *at = pdu; *at; at++)
        if (*at != ' ')
            bytes[size++] = *at;
    bytes[size] = '\0';
    snprintf(digits, sizeof digits, "4020%02zX00%02zX000400%s", size / 2 + 4, size / 2, bytes);
    packet(ACL, received, digits);
}

static void attributes(void **state)
{
    (void)state;
    attribute(false, "08 0100 FFFF 0328");
    attribute(true, "09 07 0200 12 0300 192A");
    EXPECT("att", "Read By Type Response", "0x0002 value 0x0003 properties 0x12 Battery Level");
    attribute(false, "0E 0300 0500");
    EXPECT("att", "Read Multiple Request", "0x0003 (Battery Level), 0x0005");
    attribute(true, "0F 0102");
    EXPECT("att", "Read Multiple Response", "01 02");
    attribute(false, "20 0300 0500");
    EXPECT("att", "Read Multiple Variable Request", "0x0003 (Battery Level), 0x0005");
    attribute(true, "21 0100 62 0900 0102");
    EXPECT("att", "Read Multiple Variable Response", " = 62,  = 01 02 (of 9 bytes)");
    attribute(true, "23 0300 0100 62 0500 0200 0102");
    EXPECT("att", "Multiple Handle Value Notification", "0x0003 (Battery Level) = 62 (98 %), 0x0005 = 01 02");
    attribute(false, "0C 0500 1600");
    EXPECT("att", "Read Blob Request", "0x0005 from byte 22");
    attribute(true, "0D 616263");
    EXPECT("att", "Read Blob Response", "0x0005 from byte 22 = 61 62 63");
    attribute(false, "18 01");
    EXPECT("att", "Execute Write Request", "write");
    attribute(true, "07 0100 0500 0600 0A00");
    EXPECT("att", "Find By Type Value Response", "0x0001 to 0x0005, 0x0006 to 0x000A");
    attribute(false, "D2 0300 62 000102030405060708090A0B");
    EXPECT("att", "Signed Write Command",
           "0x0003 (Battery Level) = 62 (98 %), signature 00 01 02 03 04 05 06 07 08 09 0A 0B");
    attribute(false, "D2 0300 62");
    EXPECT("att", "Signed Write Command", "0x0003 (Battery Level) = , signature  (malformed)");
    attribute(false,
              "52 0500 "
              "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F30");
    assert_non_null(strstr(out.detail, "2E 2F ... (49 bytes)"));
}

/* A new link has nothing of the old one with its handle. */
static void a_new_link_forgets(void **state)
{
    (void)state;
    attribute(false, "08 0100 FFFF 0328");
    attribute(true, "09 07 0200 12 0300 192A");
    packet(EVENT, true, "3E13 01 3E 4000 00 00 060504030201 1800 0000 9001 00");
    attribute(false, "0A 0300");
    EXPECT("att", "Read Request", "0x0003 (Battery Level)"); /* that one failed */
    packet(EVENT, true, "3E13 01 00 4000 00 00 060504030201 1800 0000 9001 00");
    EXPECT(
        "event", "LE Connection Complete",
        "success, link 0x0040, central, peer 01:02:03:04:05:06/p, interval 30.00 ms, latency 0, timeout 4000 ms, clock "
        "500 ppm");
    attribute(false, "0A 0300");
    EXPECT("att", "Read Request", "0x0003");
}

static void security(void **state)
{
    (void)state;
    SHOWS(ACL, false, "4020 0B00 0700 0600 01 04 00 2D 10 0F 03", "smp", "Pairing Request",
          "keyboard and display, out of band no, bonding + MITM + secure connections + CT2, 16 key bytes, initiator "
          "EncKey "
          "+ IdKey + SignKey + LinkKey, responder EncKey + IdKey");
    SHOWS(ACL, true, "4020 0600 0200 0600 05 04", "smp", "Pairing Failed", "confirm value failed");
    SHOWS(ACL, true, "4020 0C00 0800 0600 09 01 0605040302C1", "smp", "Identity Address Information",
          "C1:02:03:04:05:06/r");
    SHOWS(ACL, true, "4020 0600 0200 0600 0B 09", "smp", "Security Request", "bonding + secure connections");
    SHOWS(ACL, true, "4020 0F00 0B00 0600 07 3412 0807060504030201", "smp", "Central Identification",
          "EDIV 0x1234, random 0x0102030405060708");
    SHOWS(ACL, true, "4020 0600 0200 0600 0E 01", "smp", "Pairing Keypress Notification", "digit entered");
    SHOWS(ACL, true, "4020 0700 0300 0600 03 0102", "smp", "Pairing Confirm", " (cut short)");
    SHOWS(ACL, true, "4020 0600 0200 0600 7F 01", "smp", "Code 0x7F", "01");
}

/* --- the air ------------------------------------------------------------------------------------------------------ */
#define ADVERTISING UINT32_C(0x8E89BED6)
#define LINK        UINT32_C(0x50654321)

static void advertising(void **state)
{
    (void)state;
    air(ADVERTISING, AMBLE__FROM_ANYBODY, "400B 0605040302C1 0409616263");
    EXPECT("ll", "ADV_IND", "C1:02:03:04:05:06/r, \"abc\"");
    assert_int_equal(out.link, -1);
    air(ADVERTISING, AMBLE__FROM_ANYBODY, "C30C 0605040302C1 0A0B0C0D0EC2");
    EXPECT("ll", "SCAN_REQ", "C1:02:03:04:05:06/r to C2:0E:0D:0C:0B:0A/r");
    air(ADVERTISING, AMBLE__FROM_ANYBODY,
        "2522 060504030201 0A0B0C0D0E0F 21436550 563412 02 0100 1800 0000 6400 FFFFFFFF1F A7");
    EXPECT(
        "ll", "CONNECT_IND",
        "01:02:03:04:05:06/p to 0F:0E:0D:0C:0B:0A/p, access address 0x50654321, CRC init 0x123456, window 2, offset 1, "
        "interval 30.00 ms, latency 0, timeout 1000 ms, channels 0x1FFFFFFFFF, hop and clock 0xA7, channel selection "
        "#2");
    air(ADVERTISING, AMBLE__FROM_ANYBODY, "0707 06 18 2301 85C400");
    EXPECT("ll", "ADV_EXT_IND", "SID 0, DID 0x123, AUX on channel 5 in 196 x 300 us on PHY 1");
    air(ADVERTISING, AMBLE__FROM_ANYBODY, "4003 0605");
    EXPECT("ll", "ADV_IND", "malformed: 06 05");
    air(ADVERTISING, AMBLE__FROM_ANYBODY, "0702 0518");
    EXPECT("ll", "ADV_EXT_IND", " (cut short)");
    air(ADVERTISING, AMBLE__FROM_ANYBODY, "");
    EXPECT("ll", "ADV_IND", "malformed: ");
}

static void data_on_the_air(void **state)
{
    (void)state;
    air(LINK, AMBLE__FROM_CENTRAL, "0100");
    EXPECT("ll", "Empty", "");
    assert_true(out.link == (int64_t)LINK);
    air(LINK, AMBLE__FROM_CENTRAL, "0A07 0300 0400 0A2100");
    EXPECT("att", "Read Request", "0x0021");
    air(LINK, AMBLE__FROM_CENTRAL, "0A07 0300 0400 0A2100");
    EXPECT("ll", "Data", "7 bytes, sent again");
    air(LINK, AMBLE__FROM_PERIPHERAL, "0205 0200 0400 0B");
    EXPECT("ll", "Data", "a fragment of 5 bytes, 1 more to come");
    air(LINK, AMBLE__FROM_PERIPHERAL, "0901 62");
    EXPECT("att", "Read Response", "0x0021 = 62");
    air(LINK, AMBLE__FROM_CENTRAL, "0309 14 FB00 4808 1B00 4801");
    EXPECT("ll", "LL_LENGTH_REQ", "251 bytes in, 2120 us in, 27 bytes out, 328 us out");
    air(LINK, AMBLE__FROM_CENTRAL, "0B05 18 02 02 2000");
    EXPECT("ll", "LL_PHY_UPDATE_IND", "to peripheral LE 2M, to central LE 2M, instant 32");
    air(LINK, AMBLE__FROM_CENTRAL, "0302 02 13");
    EXPECT("ll", "LL_TERMINATE_IND",
           "HCI 0x13 remote user terminated connection: the other side closed the link; connect again");
    air(LINK, AMBLE__FROM_PERIPHERAL, "0302 7F 13");
    EXPECT("ll", "Control PDU 0x7F", "13");
    air(LINK, AMBLE__FROM_PERIPHERAL, "0B01 05");
    EXPECT("ll", "LL_START_ENC_REQ", "");
    air(LINK, AMBLE__FROM_CENTRAL, "0B05 0102030405");
    EXPECT("ll", "Data", "5 bytes, encrypted");
    air(LINK, AMBLE__FROM_CENTRAL, "0701 0B");
    EXPECT("ll", "LL_PAUSE_ENC_RSP", "");
    air(LINK, AMBLE__FROM_PERIPHERAL, "0302 07 7E");
    EXPECT("ll", "LL_UNKNOWN_RSP", "to 0x7E");
    air(LINK, AMBLE__FROM_CENTRAL, "0307 01");
    EXPECT("ll", "Data", "malformed: 01");
    air(LINK + 1, AMBLE__FROM_CENTRAL, "0307");
    EXPECT("ll", "Data", "malformed: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define decode_test(f) cmocka_unit_test_setup_teardown(f, open_decoder, close_decoder)
        decode_test(commands),   decode_test(events),      decode_test(tables),
        decode_test(signalling), decode_test(channels),    decode_test(enhanced_bearers),
        decode_test(fragments),  decode_test(attributes),  decode_test(a_new_link_forgets),
        decode_test(security),   decode_test(advertising), decode_test(data_on_the_air),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
