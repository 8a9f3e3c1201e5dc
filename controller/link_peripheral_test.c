/* A central against a peripheral that says what it likes: one of another make, an old one, one that cheats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/test_peer.h"

#define EVENT_MS 3 /* more than any event here takes */

/* A peripheral without a controller: it answers each packet of the central's, with `out` until that is acknowledged, or
 * with an empty PDU. */
typedef struct {
    amble__radio radio; /* first */
    bool advertising, connected, heard;
    amble__ll_connect_data data;
    amble__ll_channels channels;
    uint64_t anchor_us; /* of the next event; at first where its transmit window begins */
    uint16_t event;
    uint8_t sn, nesn, out_header;
    bool sending;
    size_t out_size, size;
    uint8_t out[40];
    uint8_t payload[255]; /* the last control PDU that came */
} answerer;

static bench b;
static answerer a;

static void take_connect_ind(const amble__radio_packet *packet)
{
    amble__ll_advertising_pdu pdu;

    if (!amble__ll_advertising_pdu_decode(&pdu, packet->pdu, packet->size) || pdu.type != AMBLE__LL_CONNECT_IND ||
        !amble__ll_connect_data_decode(&a.data, pdu.data))
        return;
    a.advertising = false;
    a.connected = true;
    a.anchor_us = packet->end_us + 1250 + a.data.window_offset * 1250u;
    amble__ll_channels_set(&a.channels, a.data.channel_map);
    amble__radio_idle(&a.radio);
}

static void answer(const amble__radio_packet *packet)
{
    const uint8_t header = packet->pdu[0];
    uint8_t pdu[2 + sizeof a.out] = {1};

    if (!a.heard)
        a.anchor_us = packet->start_us;
    a.heard = true;
    if ((header >> 2 & 1) != a.sn) {
        a.sn ^= 1;
        a.out_size = a.sending ? 0 : a.out_size;
    }
    if ((header >> 3 & 1) == a.nesn) {
        a.nesn ^= 1;
        if ((header & 3) == 3) {
            a.size = packet->size - 2;
            memcpy(a.payload, packet->pdu + 2, a.size);
        }
    }
    a.sending = a.out_size;
    pdu[0] = (uint8_t)((a.out_size ? a.out_header : 1u) | (unsigned)a.sn << 3 | (unsigned)a.nesn << 2);
    pdu[1] = (uint8_t)a.out_size;
    memcpy(pdu + 2, a.out, a.out_size);
    amble__radio_send(&a.radio, packet->channel, AMBLE__PHY_1M, a.data.access_address, pdu, 2 + a.out_size,
                      packet->end_us + AMBLE__LL_T_IFS_US);
}

static void received(amble__radio *radio, const amble__radio_packet *packet)
{
    (void)radio;
    if (a.advertising)
        take_connect_ind(packet);
    else
        answer(packet);
}

static void sent(amble__radio *radio)
{
    amble__radio_listen(radio, radio->channel, AMBLE__PHY_1M,
                        a.advertising ? AMBLE__LL_ADVERTISING_ACCESS_ADDRESS : a.data.access_address,
                        amble__air_now(b.air) + 160);
}
static void silent(amble__radio *radio) { (void)radio; }
static const amble__radio_events events = {received, sent, silent};

/* Lets one connection event pass; false when the central was not heard in it. */
static bool next_event(void)
{
    const uint64_t anchor = a.anchor_us;

    a.heard = false;
    amble__air_advance(b.air, anchor - 100);
    amble__radio_listen(&a.radio, amble__ll_channel_2(&a.channels, a.data.access_address, a.event++), AMBLE__PHY_1M,
                        a.data.access_address, anchor + 2600);
    amble__air_advance(b.air, anchor + EVENT_MS * (uint64_t)BENCH_MS);
    amble__radio_idle(&a.radio);
    a.anchor_us += a.data.interval * 1250u;
    return a.heard;
}

static int open_link(void **state)
{
    static const uint8_t advertisement[] = {0x20, 6, 0xB0, 0, 0, 0, 0, 0xC0}; /* ADV_IND, algorithm #2, no data */

    (void)state;
    memset(&a, 0, sizeof a);
    bench_open(&b, 121, 1);
    bench_unmask(&b.hosts[0]);
    amble__radio_open(&a.radio, b.air, 78, &events);
    a.advertising = true;
    bench_create_connection(&b.hosts[0], 0x10, 24, 0, 100);
    for (int i = 0; i < 50 && !a.connected; i++) {
        if (a.advertising)
            amble__radio_send(&a.radio, 37, AMBLE__PHY_1M, AMBLE__LL_ADVERTISING_ACCESS_ADDRESS, advertisement,
                              sizeof advertisement, amble__air_now(b.air) + 1);
        bench_run_us(&b, 1300);
    }
    return !(a.connected && next_event() && next_event());
}
static int close_link(void **state)
{
    (void)state;
    amble__radio_close(&a.radio);
    bench_close(&b);
    return 0;
}

/* Sends a PDU, and lets it be acknowledged. */
static void say(unsigned header, const char *hex)
{
    a.out_header = (uint8_t)header;
    a.out_size = bench_hex(a.out, hex);
    a.size = 0;
    for (int i = 0; i < 3 && next_event() && a.out_size; i++)
        continue;
}

static void expect_control(const char *hex)
{
    uint8_t expected[32];
    const size_t size = bench_hex(expected, hex);

    for (int i = 0; i < 3 && !a.size; i++)
        (void)next_event();
    assert_true(a.size >= size);
    assert_memory_equal(a.payload, expected, size);
    a.size = 0;
}

static void expect_alive(void)
{
    assert_true(next_event());
    assert_int_equal(bench_disconnected(&b.hosts[0]), -1);
}

static void enable(void)
{
    assert_int_equal(bench_link_command(&b.hosts[0], HC_LE_ENABLE_ENCRYPTION, 0x40,
                                        "1122334455667788 9abc 000102030405060708090a0b0c0d0e0f"),
                     0);
    expect_control("03 1122334455667788 9abc");
}

static int changed(void)
{
    const bench_note *note = bench_event(&b.hosts[0], HC_ENCRYPTION_CHANGE, 0);
    return note ? note->bytes[3] : -1;
}

static void test_what_a_central_did_not_ask_for(void **state)
{
    (void)state;
    say(3, "05");
    expect_control("07 05");
    say(3, "04 000000000000000000000000");
    expect_control("07 04");
    say(3, "06");
    expect_control("07 06");
    say(3, "0b");
    expect_control("07 0b");
    say(3, "18 02 02 1000");
    expect_control("07 18");
    say(3, "00 01 0000 0800 0000 6400 2000"); /* for peripherals only */
    expect_control("07 00");
    say(3, "01 ffffffff1f 2000");
    expect_control("07 01");
    say(3, "10 0800 0800 0000 6400 00 0000 ffff ffff ffff ffff ffff ffff"); /* an answer to nothing */
    say(3, "17 07 07");
    expect_alive();
    assert_int_equal(changed(), -1);
}

static void test_peripherals_that_refuse_encryption(void **state)
{
    static const struct {
        const char *pdu;
        int status;
    } refusals[] = {
        {"0d 06", HC_KEY_MISSING},
        {"11 03 06", HC_KEY_MISSING},
        {"07 03", HC_UNSUPPORTED_REMOTE_FEATURE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        enable();
        say(3, refusals[i].pdu);
        assert_int_equal(changed(), refusals[i].status);
        expect_alive();
    }
    enable(); /* also behind LL_ENC_RSP */
    say(3, "04 000000000000000000000000");
    say(3, "0d 06");
    assert_int_equal(changed(), HC_KEY_MISSING);
    say(2, "616263");
    assert_memory_equal(bench_acl(&b.hosts[0])->bytes + 5, "abc", 3);
    expect_alive();
}

/* Until it answers, a peripheral may go on; then it may not. */
static void test_data_before_and_behind_the_answer(void **state)
{
    (void)state;
    enable();
    say(2, "616263");
    assert_non_null(bench_acl(&b.hosts[0]));
    expect_alive();
    say(3, "04 000000000000000000000000");
    expect_alive();
    say(2, "616263");
    assert_int_equal(bench_disconnected(&b.hosts[0]), HC_MIC_FAILURE);
    assert_null(bench_acl(&b.hosts[0]));
}

/* A peripheral that does not have the key cannot make the central believe that it has. */
static void test_a_peripheral_without_the_key(void **state)
{
    (void)state;
    enable();
    say(3, "04 000000000000000000000000");
    say(3, "05");
    say(3, "06 00000000"); /* its LL_START_ENC_RSP, with a MIC that is none */
    assert_int_equal(bench_disconnected(&b.hosts[0]), HC_MIC_FAILURE);
    assert_int_equal(changed(), -1);
}

/* A peripheral of old does not know the request: the central does it without asking. */
static void test_a_peripheral_that_cannot_be_asked(void **state)
{
    static const char parameters[] = "0800 0a00 0000 6400 0000 0000";

    (void)state;
    assert_int_equal(bench_link_command(&b.hosts[0], HC_LE_CONNECTION_UPDATE, 0x40, parameters), 0);
    expect_control("0f 0800 0a00 0000 6400");
    say(3, "07 0f");
    expect_control("00 01 0000 0a00 0000 6400");
    for (int i = 0; i < 12; i++)
        (void)next_event();
    assert_int_equal(bench_meta(&b.hosts[0], HC_LE_CONNECTION_UPDATE_COMPLETE)->bytes[4], 0);
}

/* While the central agrees on one change with its peer, another one is refused. */
static void test_requests_that_collide(void **state)
{
    (void)state;
    assert_int_equal(bench_link_command(&b.hosts[0], HC_LE_SET_PHY, 0x40, "00 02 02 0000"), 0);
    expect_control("16 02 02");
    say(3, "16 01 01");
    expect_control("11 16 23");
    say(3, "0f 0800 0a00 0000 6400 00 0000 ffff ffff ffff ffff ffff ffff");
    expect_control("11 0f 2a");
    say(3, "17 01 01");
    expect_control("18 00 00 0000");
    assert_int_equal(bench_meta(&b.hosts[0], HC_LE_PHY_UPDATE_COMPLETE)->bytes[4], 0);
    expect_alive();
}

/* LL_MIN_USED_CHANNELS_IND: the map grows to what the peer needs. */
static void test_a_peripheral_that_needs_channels(void **state)
{
    (void)state;
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_HOST_CHANNEL_CLASSIFICATION, "0300000000"), 0);
    expect_control("01 0300000000");
    for (int i = 0; i < 12; i++) {
        if (a.event == amble__get_le16(a.payload + 6))
            amble__ll_channels_set(&a.channels, 0x03);
        assert_true(next_event());
    }
    say(3, "19 02 05"); /* for another PHY */
    say(3, "19 01 05");
    expect_control("01 1f00000000");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_link, close_link)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_a_central_did_not_ask_for),    TEST(test_peripherals_that_refuse_encryption),
        TEST(test_data_before_and_behind_the_answer), TEST(test_a_peripheral_without_the_key),
        TEST(test_a_peripheral_that_cannot_be_asked), TEST(test_requests_that_collide),
        TEST(test_a_peripheral_that_needs_channels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
