/* PHYs of a link: who decides, what each costs on the air, data length on them, and changes while data flows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/test_peer.h"

static bench b;
static peer p;
static uint16_t handle[2];

static void open_link(uint64_t seed, unsigned interval)
{
    bench_open(&b, seed, 2);
    assert_true(bench_connect_with(&b, 0, 1, interval, 0, 400, &handle[0], &handle[1]));
}
static int open_two(void **state)
{
    (void)state;
    open_link(91, 24);
    return 0;
}
static int open_with_peer(void **state)
{
    (void)state;
    return !peer_meet(&p, &b, 92);
}
static int close_bench(void **state)
{
    (void)state;
    peer_leave(&p, &b);
    return 0;
}

static int set_phy(int host, const char *parameters)
{
    return bench_link_command(&b.hosts[host], HC_LE_SET_PHY, handle[host], parameters);
}

static void expect_phy(int host, int status, unsigned tx, unsigned rx)
{
    const bench_note *note = bench_meta(&b.hosts[host], HC_LE_PHY_UPDATE_COMPLETE);
    char hex[8];

    assert_non_null(note);
    assert_int_equal(note->size, 3 + 6);
    assert_int_equal(note->bytes[4], status);
    assert_int_equal(amble__get_le16(note->bytes + 5), handle[host]);
    assert_int_equal(note->bytes[7], tx);
    assert_int_equal(note->bytes[8], rx);
    snprintf(hex, sizeof hex, "%02x%02x", handle[host] & 0xff, handle[host] >> 8);
    assert_int_equal(bench_command(&b.hosts[host], HC_LE_READ_PHY, hex)[3], tx);
    assert_int_equal(bench_command(&b.hosts[host], HC_LE_READ_PHY, hex)[4], rx);
}

static void expect_alive(void)
{
    for (int i = 0; i < 2; i++)
        assert_int_equal(bench_disconnected(&b.hosts[i]), -1);
}

/* --- agreeing ----------------------------------------------------------------------------------------------------- */

static void test_2m_from_either_side(void **state)
{
    (void)state;
    for (int asks = 0; asks < 2; asks++) {
        assert_int_equal(set_phy(asks, "00 02 02 0000"), 0);
        assert_int_equal(set_phy(asks, "00 02 02 0000"), HC_DISALLOWED);
        bench_run(&b, 600);
        expect_phy(0, 0, 2, 2);
        expect_phy(1, 0, 2, 2);
        b.sniffed_count = 0;
        bench_run(&b, 300);
        assert_in_range(b.sniffed_count, 18, 22);
        for (size_t i = 0; i < b.sniffed_count; i += 2) {
            assert_int_equal(b.sniffed[i].phy, AMBLE__PHY_2M);
            assert_int_equal(b.sniffed[i + 1].start_us - b.sniffed[i].start_us, 44 + 150);
        }
        assert_int_equal(set_phy(!asks, "00 01 01 0000"), 0); /* what the two allow has nothing in common */
        bench_run(&b, 600);
        expect_phy(!asks, 0, 2, 2);
        assert_int_equal(set_phy(asks, "00 01 01 0000"), 0);
        bench_run(&b, 600);
        expect_phy(0, 0, 1, 1);
        expect_phy(1, 0, 1, 1);
        expect_alive();
        bench_close(&b);
        open_link(91, 24);
    }
}

static void test_each_direction_by_itself(void **state)
{
    (void)state;
    assert_int_equal(set_phy(1, "00 02 04 0000"), 0); /* the peripheral sends on LE 2M, receives on LE Coded */
    bench_run(&b, 600);
    expect_phy(0, 0, 3, 2);
    expect_phy(1, 0, 2, 3);
    b.sniffed_count = 0;
    bench_run(&b, 300);
    assert_int_equal(b.sniffed[0].phy, AMBLE__PHY_CODED);
    assert_int_equal(b.sniffed[1].phy, AMBLE__PHY_2M);
    assert_int_equal(b.sniffed[1].start_us - b.sniffed[0].start_us, 720 + 150);
    assert_int_equal(set_phy(0, "01 00 01 0000"), 0); /* the central does not mind how it sends: as fast as it may */
    bench_run(&b, 600);
    expect_phy(0, 0, 3, 2); /* and the peripheral still allows nothing else */
    assert_null(bench_meta(&b.hosts[1], HC_LE_PHY_UPDATE_COMPLETE));
    expect_alive();
}

static void test_codings(void **state)
{
    static const struct {
        const char *parameters;
        amble__phy phy;
        unsigned us;
    } steps[] = {
        {"00 04 04 0100", AMBLE__PHY_CODED_S2, 462},
        {"00 04 04 0200", AMBLE__PHY_CODED, 720},
        {"00 04 04 0100", AMBLE__PHY_CODED_S2, 462},
        {"00 04 04 0000", AMBLE__PHY_CODED, 720},
    };

    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        assert_int_equal(set_phy(0, steps[i].parameters), 0);
        bench_run(&b, 600);
        expect_phy(0, 0, 3, 3);
        b.sniffed_count = 0;
        bench_run(&b, 100);
        assert_int_equal(b.sniffed[0].phy, steps[i].phy);
        assert_int_equal(b.sniffed[1].phy, AMBLE__PHY_CODED); /* the other side's choice */
        assert_int_equal(b.sniffed[1].start_us - b.sniffed[0].start_us, steps[i].us + 150);
    }
    expect_alive();
}

static void test_what_the_peer_does_not_want(void **state)
{
    (void)state;
    bench_disconnect(&b.hosts[0], handle[0]);
    bench_run(&b, 200);
    assert_int_equal(bench_status(&b.hosts[1], HC_LE_SET_DEFAULT_PHY, "00 01 05"), 0);
    assert_true(bench_connect(&b, 0, 1, &handle[0], &handle[1]));
    assert_int_equal(set_phy(0, "00 02 02 0000"), 0);
    bench_run(&b, 600);
    expect_phy(0, 0, 1, 1);
    assert_null(bench_meta(&b.hosts[1], HC_LE_PHY_UPDATE_COMPLETE));
    assert_int_equal(set_phy(0, "00 04 07 0000"), 0);
    bench_run(&b, 600);
    expect_phy(0, 0, 3, 1);
    expect_phy(1, 0, 1, 3);
    expect_alive();
}

static void test_wrong_wishes(void **state)
{
    (void)state;
    assert_int_equal(set_phy(0, "00 00 02 0000"), HC_INVALID_PARAMETERS);
    assert_int_equal(set_phy(0, "01 00 00 0000"), HC_INVALID_PARAMETERS);
    assert_int_equal(set_phy(0, "00 08 01 0000"), HC_UNSUPPORTED_PARAMETER);
    assert_int_equal(bench_link_command(&b.hosts[0], HC_LE_SET_PHY, 0xeff, "03 00 00 0000"), HC_UNKNOWN_CONNECTION);
    assert_int_equal(set_phy(0, "03 00 00 0000"), 0);
    bench_run(&b, 600);
    expect_phy(0, 0, 2, 2); /* what nobody minds is as fast as it can be */
}

/* --- collisions --------------------------------------------------------------------------------------------------- */

static void test_both_at_once(void **state)
{
    (void)state;
    assert_int_equal(set_phy(0, "00 03 03 0000"), 0);
    assert_int_equal(set_phy(1, "00 02 02 0000"), 0);
    bench_run(&b, 1000);
    for (int i = 0; i < 2; i++) {
        expect_phy(i, 0, 2, 2);
        assert_null(bench_meta(&b.hosts[i], HC_LE_PHY_UPDATE_COMPLETE));
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(set_phy(i, "00 01 01 0000"), 0); /* nothing is left behind */
    bench_run(&b, 1000);
    expect_phy(0, 0, 1, 1);
    expect_phy(1, 0, 1, 1);
    expect_alive();
}

/* A PHY for one side, an interval for the other: each gets it, whoever was first. */
static void test_beside_a_connection_update(void **state)
{
    (void)state;
    bench_command(&b.hosts[0], HC_LE_SET_EVENT_MASK, "dfffffffffffffff");
    bench_command(&b.hosts[1], HC_LE_SET_EVENT_MASK, "dfffffffffffffff");
    for (int asks = 0; asks < 2; asks++) {
        assert_int_equal(bench_link_command(&b.hosts[0], HC_LE_CONNECTION_UPDATE, handle[0],
                                            asks ? "1800 1800 0000 9001 0000 0000" : "2800 2800 0000 9001 0000 0000"),
                         0);
        if (asks)
            bench_run(&b, 60);
        assert_int_equal(set_phy(1, asks ? "00 01 01 0000" : "00 02 02 0000"), 0);
        bench_run(&b, 2000);
        for (int i = 0; i < 2; i++) {
            b.hosts[i].read = 0;
            expect_phy(i, 0, asks ? 1 : 2, asks ? 1 : 2);
            b.hosts[i].read = 0;
            assert_int_equal(bench_meta(&b.hosts[i], HC_LE_CONNECTION_UPDATE_COMPLETE)->bytes[7], asks ? 24 : 40);
            bench_forget(&b.hosts[i]);
        }
    }
    expect_alive();
}

/* --- data --------------------------------------------------------------------------------------------------------- */

static const bench_note *set_length(int host, const char *parameters)
{
    assert_int_equal(bench_link_command(&b.hosts[host], HC_LE_SET_DATA_LENGTH, handle[host], parameters), 0);
    bench_run(&b, 300);
    return bench_meta(&b.hosts[host], HC_LE_DATA_LENGTH_CHANGE);
}

/* LE Coded has a time of its own, and a PHY that changes the time is a change of the data length. */
static void test_data_length_on_coded(void **state)
{
    const bench_note *note;

    (void)state;
    note = set_length(0, "fb00 4808");
    assert_memory_equal(note->bytes + 6, "\xfb\x00\x48\x08\x1b\x00\x48\x01", 8);
    assert_int_equal(set_phy(0, "00 04 04 0000"), 0);
    bench_run(&b, 600);
    note = bench_meta(&b.hosts[0], HC_LE_DATA_LENGTH_CHANGE);
    assert_memory_equal(note->bytes + 6, "\xfb\x00\x90\x0a\x1b\x00\x90\x0a", 8); /* 2704 us */
    b.sniffed_count = 0;
    bench_send(&b.hosts[0], handle[0], 0, 251);
    bench_run(&b, 600);
    for (size_t i = 0; i < b.sniffed_count; i++)
        assert_true(b.sniffed[i].size <= 29); /* what 2704 us hold, with a MIC */
    assert_int_equal(b.hosts[1].acl_bytes, 251);
    note = set_length(0, "fb00 9042");
    assert_memory_equal(note->bytes + 6, "\xfb\x00\x90\x42\x1b\x00\x90\x0a", 8);
    assert_int_equal(set_phy(0, "00 02 02 0000"), 0);
    bench_run(&b, 600);
    note = bench_meta(&b.hosts[0], HC_LE_DATA_LENGTH_CHANGE);
    assert_memory_equal(note->bytes + 6, "\xfb\x00\x90\x42\x1b\x00\x48\x01", 8);
    expect_alive();
}

/* Sends `packets` packets of 251 octets each way, as hosts that are never late. */
static void both_ways(unsigned packets, uint64_t within_ms)
{
    const size_t done[2] = {b.hosts[0].completed, b.hosts[1].completed};
    const uint64_t bytes[2] = {b.hosts[0].acl_bytes, b.hosts[1].acl_bytes};
    const uint64_t end_us = amble__air_now(b.air) + within_ms * 1000;
    unsigned sent[2] = {0, 0};

    while (amble__air_now(b.air) < end_us) {
        for (int i = 0; i < 2; i++)
            while (sent[i] < packets && sent[i] - (b.hosts[i].completed - done[i]) < 4)
                bench_send(&b.hosts[i], handle[i], sent[i]++, 251);
        bench_run(&b, 5);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(b.hosts[i].completed - done[i], packets);
        assert_int_equal(b.hosts[i].acl_bytes - bytes[i], packets * 251u);
    }
}

/* Packets never grow so long that the two of an exchange do not fit in an interval: also at 7.5 ms on LE Coded, and
 * when the interval or the PHY changes under long packets. */
static void test_long_packets_at_short_intervals(void **state)
{
    (void)state;
    bench_command(&b.hosts[1], HC_LE_SET_EVENT_MASK, "dfffffffffffffff");
    b.hosts[0].quiet = b.hosts[1].quiet = true;
    for (int i = 0; i < 2; i++)
        assert_non_null(set_length(i, "fb00 9042"));
    both_ways(50, 3000);
    assert_int_equal(set_phy(0, "00 04 04 0000"), 0);
    both_ways(50, 6000);
    expect_phy(0, 0, 3, 3);
    assert_int_equal(
        bench_link_command(&b.hosts[0], HC_LE_CONNECTION_UPDATE, handle[0], "0600 0600 0000 9001 0000 0000"), 0);
    both_ways(50, 6000);
    assert_int_equal(bench_meta(&b.hosts[0], HC_LE_CONNECTION_UPDATE_COMPLETE)->bytes[7], 6);
    assert_int_equal(set_phy(0, "00 02 01 0000"), 0);
    both_ways(50, 3000);
    expect_phy(0, 0, 2, 1);
    expect_alive();
}

static void change_under_loss(uint64_t seed, uint32_t loss)
{
    static const char *const wishes[] = {"00 02 02 0000", "00 04 04 0100", "00 01 04 0000", "00 02 01 0000"};
    static const unsigned phys[][2] = {{2, 2}, {3, 3}, {1, 3}, {2, 1}};
    const int asks = seed & 1;

    bench_close(&b);
    open_link(seed, 24);
    b.hosts[0].quiet = b.hosts[1].quiet = true;
    for (int i = 0; i < 2; i++)
        set_length(i, "fb00 9042");
    amble__air_set_loss(b.air, loss);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(set_phy(asks, wishes[i]), 0);
        both_ways(5, 2500);
        expect_phy(asks, 0, phys[i][0], phys[i][1]);
        expect_phy(!asks, 0, phys[i][1], phys[i][0]);
    }
    expect_alive();
}

static void test_the_same_outcome_under_loss(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 25; seed++) {
        change_under_loss(seed, 0);
        change_under_loss(seed, 50000);
        change_under_loss(seed, 200000);
    }
}

/* A long packet that is not acknowledged when its PHY gets slower, or the interval shorter, must still fit. */
static void test_long_packets_that_outlive_a_change(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        const int asks = seed >> 1 & 1;

        bench_close(&b);
        open_link(seed, seed & 1 ? 6 : 40);
        bench_command(&b.hosts[1], HC_LE_SET_EVENT_MASK, "dfffffffffffffff");
        b.hosts[0].quiet = b.hosts[1].quiet = true;
        for (int i = 0; i < 2; i++)
            assert_non_null(set_length(i, "fb00 9042"));
        assert_int_equal(set_phy(asks, seed & 1 ? "00 02 02 0000" : "00 04 04 0000"), 0);
        bench_run(&b, 1500);
        amble__air_set_loss(b.air, 400000);
        if (seed & 1)
            assert_int_equal(set_phy(asks, "00 04 04 0000"), 0);
        else
            assert_int_equal(
                bench_link_command(&b.hosts[0], HC_LE_CONNECTION_UPDATE, handle[0], "0600 0600 0000 9001 0000 0000"),
                0);
        both_ways(40, 8000);
        expect_alive();
    }
}

/* docs/design.md, section 8: a packet and its acknowledgement on each PHY, and how many of them an interval of 400 ms
 * holds. */
static void encrypt(void)
{
    static const char key[] = "00112233445566778899aabbccddeeff";

    assert_int_equal(bench_link_command(&b.hosts[0], HC_LE_ENABLE_ENCRYPTION, handle[0],
                                        "0000000000000000 0000 00112233445566778899aabbccddeeff"),
                     0);
    bench_run(&b, 2000);
    assert_int_equal(bench_link_command(&b.hosts[1], HC_LE_LONG_TERM_KEY_REQUEST_REPLY, handle[1], key), 0);
    bench_run(&b, 3000);
    assert_int_equal(bench_event(&b.hosts[0], HC_ENCRYPTION_CHANGE, 0)->bytes[3], 0);
}

static void throughput(const char *wish, unsigned cycle_us, unsigned buffers, bool encrypted)
{
    const unsigned intervals = 20, whole = 400000 / cycle_us;
    const amble__controller_options options = {.acl_buffers = (uint8_t)buffers};
    unsigned sent = 0;
    uint64_t end_us;
    size_t before;

    bench_close(&b);
    bench_open(&b, 93, 0);
    bench_open_host(&b, 0, options);
    bench_open_host(&b, 1, options);
    for (int i = 0; i < 2; i++)
        bench_status(&b.hosts[i], HC_LE_WRITE_SUGGESTED_DATA_LENGTH, "fb00 9042");
    assert_true(bench_connect_with(&b, 0, 1, 320, 0, 3200, &handle[0], &handle[1]));
    assert_int_equal(set_phy(1, wish), 0);
    bench_run(&b, 8000);
    if (encrypted)
        encrypt();
    b.hosts[0].quiet = b.hosts[1].quiet = true;
    before = b.hosts[1].completed;
    end_us = amble__air_now(b.air) + intervals * 400000;
    while (amble__air_now(b.air) < end_us) {
        const uint64_t next = amble__air_next_deadline(b.air);

        while (sent - (b.hosts[1].completed - before) < buffers)
            bench_send(&b.hosts[1], handle[1], sent++, 251);
        amble__air_advance(b.air, next);
    }
    assert_in_range(b.hosts[1].completed - before, (intervals - 1) * whole, intervals * whole);
}

static void test_throughput(void **state)
{
    (void)state;
    for (unsigned buffers = 4; buffers <= 12; buffers += 8) {
        throughput("00 01 01 0000", 2088 + 150 + 80 + 150, buffers, false);
        throughput("00 01 01 0000", 2120 + 150 + 80 + 150, buffers, true);
        throughput("00 02 02 0000", 1048 + 150 + 44 + 150, buffers, false);
        throughput("00 02 02 0000", 1064 + 150 + 44 + 150, buffers, true);
        throughput("00 04 04 0000", 16784 + 150 + 720 + 150, buffers, false);
        throughput("00 04 04 0000", 17040 + 150 + 720 + 150, buffers, true);
    }
}

/* --- against a peer ----------------------------------------------------------------------------------------------- */

static void expect_answer(const char *sent, const char *answer)
{
    uint8_t expected[32];
    const size_t size = bench_hex(expected, answer);

    assert_true(peer_control(&p, sent));
    assert_int_equal(p.size, size);
    assert_memory_equal(p.payload, expected, size);
}

static bool announce(unsigned to_peripheral, unsigned to_central, unsigned ahead)
{
    uint8_t pdu[] = {0x18, (uint8_t)to_peripheral, (uint8_t)to_central, 0, 0};

    amble__put_le16(pdu + 3, (uint16_t)(p.event + ahead));
    return peer_send(&p, 3, pdu, sizeof pdu);
}

static void test_a_peripheral_changes_at_the_instant(void **state)
{
    const bench_note *note;

    (void)state;
    expect_answer("16 07 07", "17 07 07");
    assert_true(announce(2, 4, 6));
    for (int i = 0; i < 5; i++)
        assert_true(peer_poll(&p));
    p.tx_phy = AMBLE__PHY_2M;
    p.rx_phy = AMBLE__PHY_CODED;
    for (int i = 0; i < 5; i++) {
        assert_true(peer_poll(&p));
        assert_int_equal(p.answered_at_us, p.anchor_us - 30000 + 44 + 150);
    }
    note = bench_meta(&b.hosts[0], HC_LE_PHY_UPDATE_COMPLETE);
    assert_memory_equal(note->bytes + 4, "\x00\x40\x00\x03\x02", 5);
    expect_answer("16 07 07", "17 07 07");
    assert_true(announce(0, 0, 999)); /* nothing changes, whatever the instant says */
    for (int i = 0; i < 5; i++)
        assert_true(peer_poll(&p));
    assert_null(bench_meta(&b.hosts[0], HC_LE_PHY_UPDATE_COMPLETE));
}

static void test_announcements_nobody_asked_for(void **state)
{
    (void)state;
    expect_answer("18 02 02 1000", "07 18");
    expect_answer("17 02 02", "07 17"); /* for centrals only */
    assert_true(peer_poll(&p));
    assert_int_equal(bench_disconnected(&b.hosts[0]), -1);
}

static void test_announcements_that_are_wrong(void **state)
{
    (void)state;
    expect_answer("16 07 07", "17 07 07");
    (void)announce(3, 1, 6);
    assert_int_equal(bench_disconnected(&b.hosts[0]), HC_INVALID_LL_PARAMETERS);
    bench_close(&b);
    assert_int_equal(open_with_peer(NULL), 0);
    expect_answer("16 07 07", "17 07 07");
    (void)announce(1, 8, 6);
    assert_int_equal(bench_disconnected(&b.hosts[0]), HC_INVALID_LL_PARAMETERS);
    bench_close(&b);
    assert_int_equal(open_with_peer(NULL), 0);
    expect_answer("16 07 07", "17 07 07");
    (void)announce(2, 2, 0x8000);
    assert_int_equal(bench_disconnected(&b.hosts[0]), HC_INSTANT_PASSED);
}

/* The central goes silent between LL_PHY_RSP and its announcement. */
static void test_a_central_that_does_not_go_on(void **state)
{
    uint64_t start;
    const bench_note *note;

    (void)state;
    start = p.anchor_us;
    expect_answer("16 07 07", "17 07 07");
    for (int i = 0; i < 1340 && peer_poll(&p); i++)
        continue;
    note = bench_event(&b.hosts[0], HC_DISCONNECTION_COMPLETE, 0);
    assert_non_null(note);
    assert_int_equal(note->bytes[6], HC_LL_RESPONSE_TIMEOUT);
    assert_in_range(note->at_us, start + 40000000, start + 40001000);
}

/* Collisions as a central of another make reports them. */
static void test_rejections(void **state)
{
    (void)state;
    handle[0] = 0x40;
    assert_int_equal(set_phy(0, "00 02 02 0000"), 0);
    assert_true(peer_poll(&p));
    assert_memory_equal(p.payload, "\x16\x02\x02", 3);
    for (int i = 0; i < 3; i++) { /* another procedure is in the way: asks again, but not for ever */
        assert_true(peer_send(&p, 3, "\x11\x16\x2a", 3));
        assert_int_equal(p.size, 3);
        assert_memory_equal(p.payload, "\x16\x02\x02", 3);
    }
    assert_true(peer_send(&p, 3, "\x11\x16\x2a", 3));
    expect_phy(0, HC_DIFFERENT_TRANSACTION_COLLISION, 1, 1);
    assert_int_equal(set_phy(0, "00 02 02 0000"), 0);
    assert_true(peer_poll(&p));
    assert_true(peer_send(&p, 3, "\x11\x16\x23", 3)); /* but it has none of its own */
    expect_phy(0, HC_LL_PROCEDURE_COLLISION, 1, 1);
    assert_int_equal(set_phy(0, "00 02 02 0000"), 0);
    assert_true(peer_poll(&p));
    assert_true(peer_send(&p, 3, "\x07\x16", 2)); /* does not know it */
    expect_phy(0, HC_UNSUPPORTED_REMOTE_FEATURE, 1, 1);
}

#define TEST(name)      cmocka_unit_test_setup_teardown(name, open_two, close_bench)
#define PEER_TEST(name) cmocka_unit_test_setup_teardown(name, open_with_peer, close_bench)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_2m_from_either_side),
        TEST(test_each_direction_by_itself),
        TEST(test_codings),
        TEST(test_what_the_peer_does_not_want),
        TEST(test_wrong_wishes),
        TEST(test_both_at_once),
        TEST(test_beside_a_connection_update),
        TEST(test_data_length_on_coded),
        TEST(test_long_packets_at_short_intervals),
        TEST(test_the_same_outcome_under_loss),
        TEST(test_long_packets_that_outlive_a_change),
        TEST(test_throughput),
        PEER_TEST(test_a_peripheral_changes_at_the_instant),
        PEER_TEST(test_announcements_nobody_asked_for),
        PEER_TEST(test_announcements_that_are_wrong),
        PEER_TEST(test_a_central_that_does_not_go_on),
        PEER_TEST(test_rejections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
