/* Links: how they begin and end, the timing of their events, and several of them on one radio. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/test_peer.h"

static bench b;

static int open_two(void **state)
{
    (void)state;
    bench_open(&b, 31, 2);
    return 0;
}
static int close_bench(void **state)
{
    (void)state;
    bench_close(&b);
    return 0;
}

static void test_connection_complete_on_both_sides(void **state)
{
    uint16_t at_central, at_peripheral;
    const uint8_t *c, *p;

    (void)state;
    assert_true(bench_connect_with(&b, 0, 1, 40, 3, 300, &at_central, &at_peripheral));
    b.hosts[0].read = b.hosts[1].read = 0;
    c = bench_meta(&b.hosts[0], HC_LE_CONNECTION_COMPLETE)->bytes;
    p = bench_meta(&b.hosts[1], HC_LE_CONNECTION_COMPLETE)->bytes;
    assert_int_equal(c[2], 19);
    assert_memory_equal(c + 7, "\x00\x00\xa1\x00\x00\x00\x00\xc0\x28\x00\x03\x00\x2c\x01\x00", 15);
    assert_memory_equal(p + 7, "\x01\x00\xa0\x00\x00\x00\x00\xc0\x28\x00\x03\x00\x2c\x01\x05", 15);
    c = bench_meta(&b.hosts[0], HC_LE_CHANNEL_SELECTION_ALGORITHM)->bytes;
    assert_int_equal(c[6], 1);
    assert_non_null(bench_meta(&b.hosts[1], HC_LE_CHANNEL_SELECTION_ALGORITHM));
}

static void test_enhanced_connection_complete_replaces_the_old_one(void **state)
{
    (void)state;
    bench_unmask(&b.hosts[0]);
    bench_command(&b.hosts[0], HC_LE_SET_EVENT_MASK, "ffffffffffffffff");
    assert_int_equal(bench_advertise(&b.hosts[1], 0, 32, ""), 0);
    assert_int_equal(bench_create_connection(&b.hosts[0], 1, 24, 0, 100), 0);
    bench_run(&b, 100);
    assert_int_equal(bench_count(&b.hosts[0], HC_LE_META, HC_LE_CONNECTION_COMPLETE), 0);
    assert_int_equal(bench_meta(&b.hosts[0], HC_LE_ENHANCED_CONNECTION_COMPLETE)->bytes[2], 31);
}

/* CONNECT_IND T_IFS after the advertising PDU, the first packet in its transmit window, then anchors at the
 * interval. */
static void test_timing_of_packets(void **state)
{
    uint16_t at_central, at_peripheral;
    const bench_sniffed *s, *connect;
    uint64_t anchor;

    (void)state;
    assert_true(bench_connect(&b, 0, 1, &at_central, &at_peripheral));
    bench_run(&b, 500);
    for (s = b.sniffed; (s->pdu[0] & 0x0f) != AMBLE__LL_CONNECT_IND; s++)
        assert_ptr_not_equal(s, b.sniffed + b.sniffed_count);
    connect = s;
    assert_int_equal(s->start_us,
                     s[-1].start_us + amble__radio_air_time(AMBLE__PHY_1M, s[-1].size) + AMBLE__LL_T_IFS_US);
    anchor =
        s->start_us + amble__radio_air_time(AMBLE__PHY_1M, s->size) + 1250 + amble__get_le16(s->pdu + 14 + 8) * 1250u;
    for (int event = 0; event < 15; event++, s += 2, anchor += 24 * 1250) {
        assert_in_range(s[1].start_us, anchor, anchor + (event ? 0 : connect->pdu[14 + 7] * 1250u));
        assert_int_equal(s[2].start_us,
                         s[1].start_us + amble__radio_air_time(AMBLE__PHY_1M, s[1].size) + AMBLE__LL_T_IFS_US);
        assert_int_equal(s[1].channel, s[2].channel);
        assert_int_equal(s[1].access_address, amble__get_le32(connect->pdu + 14));
    }
}

static void test_ends_with_the_reason_given(void **state)
{
    uint16_t at_central, at_peripheral;

    (void)state;
    assert_true(bench_connect(&b, 0, 1, &at_central, &at_peripheral));
    bench_run(&b, 200);
    assert_int_equal(bench_disconnect(&b.hosts[0], at_central), 0);
    assert_int_equal(bench_disconnect(&b.hosts[0], at_central), HC_DISALLOWED);
    bench_run(&b, 200);
    assert_int_equal(bench_disconnected(&b.hosts[0]), HC_TERMINATED_BY_LOCAL_HOST);
    assert_int_equal(bench_disconnected(&b.hosts[1]), 0x13);
    assert_int_equal(bench_disconnect(&b.hosts[0], at_central), HC_UNKNOWN_CONNECTION);

    assert_true(bench_connect(&b, 0, 1, &at_central, &at_peripheral));
    assert_int_equal(bench_status(&b.hosts[1], HC_DISCONNECT, "410016"), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(&b.hosts[1], HC_DISCONNECT, "410015"), 0); /* by the peripheral, at once: power off */
    bench_run(&b, 200);
    assert_int_equal(bench_disconnected(&b.hosts[1]), HC_TERMINATED_BY_LOCAL_HOST);
    assert_int_equal(bench_disconnected(&b.hosts[0]), 0x15);
}

static void test_ends_under_heavy_loss(void **state)
{
    uint16_t at_central, at_peripheral;

    (void)state;
    for (int i = 0; i < 20; i++) {
        amble__air_set_loss(b.air, 0);
        assert_true(bench_connect(&b, 0, 1, &at_central, &at_peripheral));
        amble__air_set_loss(b.air, 300000);
        assert_int_equal(bench_disconnect(&b.hosts[i & 1], i & 1 ? at_peripheral : at_central), 0);
        bench_run(&b, 3000);
        assert_int_equal(bench_disconnected(&b.hosts[i & 1]), HC_TERMINATED_BY_LOCAL_HOST);
        assert_int_not_equal(bench_disconnected(&b.hosts[!(i & 1)]),
                             -1); /* 0x13, or the timeout when its ears failed */
    }
}

static void test_supervision_timeout_when_the_peer_is_gone(void **state)
{
    uint16_t at_central, at_peripheral;
    uint64_t gone;

    (void)state;
    assert_true(bench_connect(&b, 0, 1, &at_central, &at_peripheral));
    bench_run(&b, 500);
    amble__controller_close(b.hosts[1].controller);
    b.hosts[1].controller = NULL;
    gone = amble__air_now(b.air);
    bench_run(&b, 3000);
    b.hosts[0].read = 0;
    assert_in_range(bench_event(&b.hosts[0], HC_DISCONNECTION_COMPLETE, 0)->at_us, gone + 960000, gone + 1000000);
    b.hosts[0].read = 0;
    assert_int_equal(bench_disconnected(&b.hosts[0]), HC_CONNECTION_TIMEOUT);
}

static void test_reset_makes_the_links_vanish(void **state)
{
    uint16_t at_central, at_peripheral;
    size_t sniffed;

    (void)state;
    assert_true(bench_connect(&b, 0, 1, &at_central, &at_peripheral));
    bench_run(&b, 100);
    assert_int_equal(bench_status(&b.hosts[0], HC_RESET, ""), 0);
    sniffed = b.sniffed_count;
    bench_run(&b, 2000);
    assert_int_equal(b.sniffed_count, sniffed); /* no LL_TERMINATE_IND, nothing */
    assert_int_equal(bench_disconnected(&b.hosts[0]), -1);
    assert_int_equal(bench_disconnected(&b.hosts[1]), HC_CONNECTION_TIMEOUT);
}

static void test_never_established(void **state)
{
    uint64_t start;
    const bench_note *note;
    peer p;

    (void)state;
    bench_unmask(&b.hosts[0]);
    assert_int_equal(bench_advertise(&b.hosts[0], 0, 32, ""), 0);
    peer_open(&p, &b);
    assert_true(peer_connect(&p));
    amble__radio_close(&p.radio); /* and is never heard of again */
    note = bench_meta(&b.hosts[0], HC_LE_CONNECTION_COMPLETE);
    start = note->at_us;
    bench_run(&b, 1000);
    note = bench_event(&b.hosts[0], HC_DISCONNECTION_COMPLETE, 0);
    assert_int_equal(note->bytes[6], HC_FAILED_TO_ESTABLISH);
    assert_int_equal(note->at_us - start, 6 * 30000);
}

static void test_channel_selection_1_with_an_old_central(void **state)
{
    peer p;

    (void)state;
    bench_unmask(&b.hosts[0]);
    assert_int_equal(bench_advertise(&b.hosts[0], 0, 32, ""), 0);
    peer_open(&p, &b);
    p.channel_selection_2 = false;
    p.data.channel_map = 0x1e00600600; /* 9 10 21 22 33 34 35 36 */
    assert_true(peer_connect(&p));
    assert_int_equal(bench_meta(&b.hosts[0], HC_LE_CHANNEL_SELECTION_ALGORITHM)->bytes[6], 0);
    for (int i = 0; i < 50; i++) {
        assert_true(peer_poll(&p));
        assert_int_equal(p.answered_at_us, p.anchor_us - 30000 + 80 + 150);
    }
    amble__radio_close(&p.radio);
}

/* The channels of algorithm #1 go on in their order where the event counter wraps, after 2^16 events. */
static void test_channel_selection_1_past_the_event_counter(void **state)
{
    peer p;

    (void)state;
    assert_int_equal(bench_advertise(&b.hosts[0], 0, 32, ""), 0);
    peer_open(&p, &b);
    p.channel_selection_2 = false;
    p.data.interval = 6;
    assert_true(peer_connect(&p));
    while (p.event < 0x10000 + 50)
        assert_true(peer_poll(&p));
    amble__radio_close(&p.radio);
}

/* The longer a peripheral has heard nothing, the longer it listens around the anchor: both clocks may be 50 ppm off. */
static void test_window_widening(void **state)
{
    peer p;

    (void)state;
    bench_unmask(&b.hosts[0]);
    assert_int_equal(bench_advertise(&b.hosts[0], 0, 32, ""), 0);
    peer_open(&p, &b);
    assert_true(peer_connect(&p));
    for (int i = 0; i < 6; i++) {
        assert_true(peer_poll(&p));
        p.event = (uint16_t)(p.event + 20); /* 600 ms of silence */
        p.anchor_us += 20 * 30000;
        p.anchor_us += i & 1 ? 60 : 0;
        p.anchor_us -= i & 1 ? 0 : 60;
    }
    assert_true(peer_poll(&p));
    p.anchor_us += 60; /* but not so far in one interval */
    assert_false(peer_poll(&p));
    amble__radio_close(&p.radio);
}

static void test_peripheral_latency(void **state)
{
    uint16_t at_central, at_peripheral;
    size_t answers = 0, polls = 0;
    uint64_t sent;

    (void)state;
    assert_true(bench_connect_with(&b, 0, 1, 24, 4, 300, &at_central, &at_peripheral));
    bench_run(&b, 300);
    b.sniffed_count = 0;
    bench_run(&b, 3000);
    for (size_t i = 1; i < b.sniffed_count; i++)
        if (b.sniffed[i].start_us - b.sniffed[i - 1].start_us == 230)
            answers++;
    polls = b.sniffed_count - answers;
    assert_int_equal(polls, 100);
    assert_in_range(answers, 19, 21);
    for (unsigned i = 0; i < 5; i++) { /* data ends the silence at the next event, whenever it comes */
        sent = amble__air_now(b.air);
        bench_send(&b.hosts[1], at_peripheral, i, 10);
        bench_run(&b, 180 + 30 * i);
        assert_in_range(bench_acl(&b.hosts[0])->at_us - sent, 0, 31000);
    }
    assert_int_equal(bench_disconnected(&b.hosts[0]), -1);
}

/* One controller, three peripherals and one central of its own: everybody's data arrives, in every direction. */
static void test_several_links_in_both_roles(void **state)
{
    uint16_t handle[5], theirs[5];

    (void)state;
    for (int i = 2; i < 5; i++)
        bench_open_host(&b, i, (amble__controller_options){0});
    for (int i = 1; i < 4; i++)
        assert_true(bench_connect(&b, 0, i, &handle[i], &theirs[i]));
    assert_true(bench_connect(&b, 4, 0, &theirs[4], &handle[4]));
    for (int i = 1; i < 5; i++)
        for (int k = i + 1; k < 5; k++)
            assert_int_not_equal(handle[i], handle[k]);
    amble__air_set_loss(b.air, 50000);
    for (unsigned round = 0; round < 50; round++) {
        for (int i = 1; i < 5; i++) {
            bench_send(&b.hosts[0], handle[i], round, 20);
            bench_send(&b.hosts[i], theirs[i], round, 60);
        }
        bench_run(&b, 250);
    }
    bench_run(&b, 1000);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(bench_count(&b.hosts[i], HC_DISCONNECTION_COMPLETE, 0), 0);
        assert_int_equal(b.hosts[i].completed, i ? 50 : 200);
        assert_int_equal(b.hosts[i].acl_bytes, i ? 50 * 20 : 4 * 50 * 60);
    }
}

/* Two centrals that know nothing of each other have the same anchors: a peripheral with one radio serves them in
 * turn. */
static void test_anchors_that_fall_together(void **state)
{
    unsigned answered[2] = {0, 0};
    peer p[2];

    (void)state;
    bench_unmask(&b.hosts[0]);
    for (int i = 0; i < 2; i++) {
        bench_advertise(&b.hosts[0], 0, 32, "");
        peer_open(&p[i], &b);
        p[i].own.value[0] = (uint8_t)i;
        p[i].data.access_address ^= i ? 0x00401020 : 0;
        p[i].meet_us = i ? p[0].anchor_us - 30000 + 200 : 0;
        assert_true(peer_connect(&p[i]));
        if (!i)
            assert_true(peer_poll(&p[0]));
        while (i && p[0].anchor_us + 1000 < p[1].anchor_us)
            peer_poll(&p[0]);
    }
    assert_int_equal(bench_count(&b.hosts[0], HC_LE_META, HC_LE_CONNECTION_COMPLETE), 2);
    for (int event = 0; event < 200; event++) {
        peer_begin(&p[0], 1, NULL, 0);
        peer_begin(&p[1], 1, NULL, 0);
        bench_run(&b, 30);
        answered[0] += p[0].answered;
        answered[1] += p[1].answered;
    }
    assert_in_range(answered[0], 80, 120);
    assert_in_range(answered[1], 80, 120);
    amble__radio_close(&p[0].radio);
    amble__radio_close(&p[1].radio);
}

/* New links of a central are placed so that their events do not meet. */
static void test_anchors_of_one_central_keep_apart(void **state)
{
    uint16_t handle, theirs;
    uint64_t last[3] = {0};
    uint32_t address[3] = {0};

    (void)state;
    for (int i = 2; i < 4; i++)
        bench_open_host(&b, i, (amble__controller_options){0});
    for (int i = 1; i < 4; i++)
        assert_true(bench_connect_with(&b, 0, i, (unsigned)(8 * i), 0, 100, &handle, &theirs));
    b.sniffed_count = 0;
    bench_run(&b, 600);
    for (size_t i = 0; i < b.sniffed_count; i++) {
        unsigned link = 0;

        while (address[link] && address[link] != b.sniffed[i].access_address)
            link++;
        address[link] = b.sniffed[i].access_address;
        last[link] = b.sniffed[i].start_us;
        for (unsigned other = 0; other < 3; other++)
            if (other != link && last[other])
                assert_true(last[link] - last[other] >= 2000);
    }
    assert_true(address[2]);
}

/* Scanning and advertising go on beside a link. */
static void test_scans_and_advertises_while_connected(void **state)
{
    uint16_t at_central, at_peripheral;

    (void)state;
    bench_open_host(&b, 2, (amble__controller_options){0});
    assert_true(bench_connect_with(&b, 0, 1, 8, 0, 100, &at_central, &at_peripheral));
    assert_int_equal(bench_advertise(&b.hosts[0], 0, 32, "0a"), 0);
    assert_int_equal(bench_advertise(&b.hosts[2], 0, 32, "0b"), 0);
    assert_int_equal(bench_scan(&b.hosts[0], true, false), 0);
    assert_int_equal(bench_scan(&b.hosts[1], true, false), 0);
    bench_run(&b, 2000);
    assert_true(bench_count(&b.hosts[0], HC_LE_META, HC_LE_ADVERTISING_REPORT) > 40);
    assert_true(bench_count(&b.hosts[1], HC_LE_META, HC_LE_ADVERTISING_REPORT) > 80);
    assert_int_equal(bench_count(&b.hosts[0], HC_DISCONNECTION_COMPLETE, 0), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_two, close_bench)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_connection_complete_on_both_sides),
        TEST(test_enhanced_connection_complete_replaces_the_old_one),
        TEST(test_timing_of_packets),
        TEST(test_ends_with_the_reason_given),
        TEST(test_ends_under_heavy_loss),
        TEST(test_supervision_timeout_when_the_peer_is_gone),
        TEST(test_reset_makes_the_links_vanish),
        TEST(test_never_established),
        TEST(test_channel_selection_1_with_an_old_central),
        TEST(test_channel_selection_1_past_the_event_counter),
        TEST(test_window_widening),
        TEST(test_peripheral_latency),
        TEST(test_several_links_in_both_roles),
        TEST(test_anchors_that_fall_together),
        TEST(test_anchors_of_one_central_keep_apart),
        TEST(test_scans_and_advertises_while_connected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
