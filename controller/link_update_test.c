/* Connection parameters and channel maps: who asks whom, the instant, collisions, and what must end a link. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/test_peer.h"

static bench b;
static peer p;
static uint16_t handle[2];

/* Two hosts on one link, 30 ms, no latency, 1 s. */
static int open_two(void **state)
{
    (void)state;
    bench_open(&b, 81, 2);
    return !bench_connect(&b, 0, 1, &handle[0], &handle[1]);
}
static int open_with_peer(void **state)
{
    (void)state;
    return !peer_meet(&p, &b, 82);
}
static int close_bench(void **state)
{
    (void)state;
    peer_leave(&p, &b);
    return 0;
}

#define FASTER "0800 0a00 0200 6400 0000 0000" /* 10 to 12.5 ms, latency 2, 1 s */
#define SLOWER "5000 5000 0000 2c01 0000 0000" /* 100 ms, 3 s */

static int update(int host, const char *parameters)
{
    return bench_link_command(&b.hosts[host], HC_LE_CONNECTION_UPDATE, handle[host], parameters);
}

/* A host that does not want to be asked. */
static void mask_requests(int host) { bench_command(&b.hosts[host], HC_LE_SET_EVENT_MASK, "dfffffffffffffff"); }

static int reply(int host, const char *parameters)
{
    return bench_link_command(&b.hosts[host], HC_LE_REMOTE_PARAMETER_REQUEST_REPLY, handle[host], parameters);
}

static void expect_request(int host, const char *parameters)
{
    const bench_note *note = bench_meta(&b.hosts[host], HC_LE_REMOTE_PARAMETER_REQUEST);
    uint8_t expected[16];

    bench_hex(expected, parameters);
    assert_non_null(note);
    assert_int_equal(note->size, 3 + 11);
    assert_int_equal(amble__get_le16(note->bytes + 4), handle[host]);
    assert_memory_equal(note->bytes + 6, expected, 8);
}

static void expect_update(int host, int status, unsigned interval, unsigned latency, unsigned timeout)
{
    const bench_note *note = bench_meta(&b.hosts[host], HC_LE_CONNECTION_UPDATE_COMPLETE);

    assert_non_null(note);
    assert_int_equal(note->size, 3 + 10);
    assert_int_equal(note->bytes[4], status);
    assert_int_equal(amble__get_le16(note->bytes + 5), handle[host]);
    assert_int_equal(amble__get_le16(note->bytes + 7), interval);
    assert_int_equal(amble__get_le16(note->bytes + 9), latency);
    assert_int_equal(amble__get_le16(note->bytes + 11), timeout);
}

/* The time between the anchors of the last second. */
static void expect_interval_us(uint64_t interval_us)
{
    uint64_t last = 0;
    size_t anchors = 0;

    b.sniffed_count = 0;
    bench_run(&b, 1000);
    for (size_t i = 0; i < b.sniffed_count; i++) {
        if (b.sniffed[i].start_us - last < 1000)
            continue; /* goes on within an event */
        if (last)
            assert_int_equal(b.sniffed[i].start_us - last, interval_us);
        last = b.sniffed[i].start_us;
        anchors++;
    }
    assert_in_range(anchors, 1000000 / interval_us - 1, 1000000 / interval_us + 1);
    for (int i = 0; i < 2; i++)
        assert_int_equal(bench_disconnected(&b.hosts[i]), -1);
}

/* --- between controllers ------------------------------------------------------------------------------------------ */

static void test_central_asks_and_the_peripheral_s_host_agrees(void **state)
{
    (void)state;
    assert_int_equal(update(0, FASTER), 0);
    assert_int_equal(update(0, FASTER), HC_DISALLOWED);
    bench_run(&b, 100);
    expect_request(1, "0800 0a00 0200 6400");
    assert_int_equal(reply(1, "0800 0900 0100 c800 0000 0000"), 0); /* a host may trim what it is asked */
    assert_int_equal(reply(1, FASTER), HC_DISALLOWED);              /* once */
    bench_run(&b, 600);
    expect_update(0, 0, 9, 1, 200);
    expect_update(1, 0, 9, 1, 200);
    expect_interval_us(9 * 1250);
}

static void test_central_does_it_where_nobody_wants_to_be_asked(void **state)
{
    (void)state;
    mask_requests(1);
    assert_int_equal(update(0, SLOWER), 0);
    bench_run(&b, 600);
    assert_int_equal(bench_count(&b.hosts[1], HC_LE_META, HC_LE_REMOTE_PARAMETER_REQUEST), 0);
    expect_update(0, 0, 80, 0, 300);
    expect_update(1, 0, 80, 0, 300);
    expect_interval_us(100000);
}

/* 5.1.1: the instant's event counts from the anchor that the old interval gives it, and does not come before the
 * peripheral had time to hear of it. */
static void test_the_instant(void **state)
{
    const bench_sniffed *ind = b.sniffed;
    unsigned old = 0, new = 0;
    uint64_t last;

    (void)state;
    mask_requests(1);
    b.sniffed_count = 0;
    assert_int_equal(update(0, SLOWER), 0);
    bench_run(&b, 1500);
    while (!(ind->size == 14 && (ind->pdu[0] & 3) == 3 && ind->pdu[2] == 0x00))
        assert_true(++ind < b.sniffed + b.sniffed_count);
    assert_int_equal(amble__get_le16(ind->pdu + 4), 0); /* nothing else needs the radio: no offset */
    last = ind->start_us;
    for (const bench_sniffed *s = ind + 1; s < b.sniffed + b.sniffed_count; s++) {
        if (s->start_us - last < 1000)
            continue;
        assert_int_equal(s->start_us - last, new ? 100000 : s->start_us - last == 30000 ? 30000 : 100000);
        old += s->start_us - last == 30000;
        new += s->start_us - last == 100000;
        last = s->start_us;
    }
    assert_in_range(old, 6, 12);
    assert_true(new > 8);
}

static void test_a_host_declines(void **state)
{
    (void)state;
    for (int asks = 0; asks < 2; asks++) {
        assert_int_equal(update(asks, SLOWER), 0);
        bench_run(&b, 100);
        expect_request(!asks, "5000 5000 0000 2c01");
        assert_int_equal(
            bench_link_command(&b.hosts[!asks], HC_LE_REMOTE_PARAMETER_REQUEST_NEGATIVE_REPLY, handle[!asks], "3b"), 0);
        bench_run(&b, 100);
        expect_update(asks, 0x3b, 24, 0, 100);
        assert_null(bench_meta(&b.hosts[!asks], HC_LE_CONNECTION_UPDATE_COMPLETE));
    }
    assert_int_equal(bench_link_command(&b.hosts[0], HC_LE_REMOTE_PARAMETER_REQUEST_NEGATIVE_REPLY, handle[0], "3b"),
                     HC_DISALLOWED);
    expect_interval_us(30000);
}

static void test_peripheral_asks(void **state)
{
    (void)state;
    assert_int_equal(update(1, FASTER), 0);
    bench_run(&b, 100);
    expect_request(0, "0800 0a00 0200 6400");
    assert_int_equal(reply(0, FASTER), 0);
    bench_run(&b, 600);
    expect_update(0, 0, 10, 2, 100);
    expect_update(1, 0, 10, 2, 100);
    expect_interval_us(12500);
}

static void test_peripheral_asks_a_central_that_does_not_listen(void **state)
{
    (void)state;
    mask_requests(0);
    assert_int_equal(update(1, FASTER), 0);
    bench_run(&b, 300);
    expect_update(1, HC_UNSUPPORTED_REMOTE_FEATURE, 24, 0, 100);
    assert_null(bench_meta(&b.hosts[0], HC_LE_CONNECTION_UPDATE_COMPLETE));
}

static void test_a_host_that_never_answers(void **state)
{
    (void)state;
    assert_int_equal(update(0, SLOWER), 0);
    bench_run(&b, 41500);
    assert_int_equal(bench_disconnected(&b.hosts[0]), HC_LL_RESPONSE_TIMEOUT);
    assert_int_equal(bench_disconnected(&b.hosts[1]), HC_LL_RESPONSE_TIMEOUT);
}

static void test_wrong_parameters_from_the_host(void **state)
{
    static const char *const wrong[] = {
        "0500 0500 0000 6400 0000 0000", "0a00 0800 0000 6400 0000 0000", "0800 0a00 f401 6400 0000 0000",
        "0800 810c 0000 6400 0000 0000", "0800 0a00 0000 0900 0000 0000", "a000 a000 0200 6400 0000 0000",
        "0800 0a00 0000 6400 0200 0100",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(update(0, wrong[i]), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_link_command(&b.hosts[0], HC_LE_CONNECTION_UPDATE, 0xeff, FASTER), HC_UNKNOWN_CONNECTION);
    assert_int_equal(bench_link_command(&b.hosts[0], HC_LE_REMOTE_PARAMETER_REQUEST_REPLY, 0xeff, FASTER),
                     HC_UNKNOWN_CONNECTION);
}

/* The new supervision timeout holds from the instant on. */
static void test_the_new_timeout_holds(void **state)
{
    uint64_t start;

    (void)state;
    mask_requests(1);
    assert_int_equal(update(0, "1800 1800 0000 2c01 0000 0000"), 0);
    bench_run(&b, 600);
    expect_update(0, 0, 24, 0, 300);
    amble__air_set_loss(b.air, 1000000);
    start = amble__air_now(b.air);
    bench_run(&b, 2900);
    assert_int_equal(bench_disconnected(&b.hosts[0]), -1);
    bench_run(&b, 200);
    assert_int_equal(bench_disconnected(&b.hosts[0]), HC_CONNECTION_TIMEOUT);
    assert_in_range(b.hosts[0].notes[b.hosts[0].count - 1].at_us, start + 2900000, start + 3000000);
}

static void test_a_shorter_timeout_holds(void **state)
{
    uint64_t start;

    (void)state;
    mask_requests(1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(update(0, i ? "1800 1800 0000 6400 0000 0000" : "1800 1800 0000 800c 0000 0000"), 0);
        bench_run(&b, 1500);
        expect_update(1, 0, 24, 0, i ? 100 : 3200);
    }
    amble__air_set_loss(b.air, 1000000);
    start = amble__air_now(b.air);
    bench_run(&b, 1100);
    assert_int_equal(bench_disconnected(&b.hosts[1]), HC_CONNECTION_TIMEOUT);
    assert_in_range(b.hosts[1].notes[b.hosts[1].count - 1].at_us, start + 950000, start + 1050000);
}

/* A peripheral that sleeps by latency wakes up for the instant, wherever that lies in its sleep. */
static void test_update_of_a_peripheral_that_sleeps(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 12; k++) {
        bench_disconnect(&b.hosts[0], handle[0]);
        bench_run(&b, 500);
        bench_forget(&b.hosts[0]);
        bench_forget(&b.hosts[1]);
        assert_true(bench_connect_with(&b, 0, 1, 24, 9, 300, &handle[0], &handle[1]));
        mask_requests(1);
        bench_run(&b, 1000 + 35 * k);
        assert_int_equal(update(0, FASTER), 0);
        bench_run(&b, 4500);
        expect_update(0, 0, 10, 2, 100);
        expect_update(1, 0, 10, 2, 100);
        bench_send(&b.hosts[0], handle[0], k, 20);
        bench_run(&b, 100);
        assert_non_null(bench_acl(&b.hosts[1]));
    }
}

static size_t channels_seen(uint64_t *map)
{
    size_t wrong = 0;

    for (size_t i = 0; i < b.sniffed_count; i++)
        wrong += !(*map >> b.sniffed[i].channel & 1);
    return wrong;
}

static void test_channel_map(void **state)
{
    uint64_t map = 0x1e00600600;

    (void)state;
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_HOST_CHANNEL_CLASSIFICATION, "0000000000"),
                     HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_HOST_CHANNEL_CLASSIFICATION, "ffffffff3f"),
                     HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_HOST_CHANNEL_CLASSIFICATION, "000660001e"), 0);
    bench_run(&b, 500);
    b.sniffed_count = 0;
    bench_run(&b, 2000);
    assert_in_range(b.sniffed_count, 120, 140);
    assert_int_equal(channels_seen(&map), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(bench_disconnected(&b.hosts[i]), -1);
        assert_memory_equal(bench_command(&b.hosts[i], HC_LE_READ_CHANNEL_MAP, "4000"),
                            "\x00\x40\x00\x00\x06\x60\x00\x1e", 8);
    }
    bench_disconnect(&b.hosts[0], handle[0]); /* a new link begins with the map */
    bench_run(&b, 200);
    assert_true(bench_connect(&b, 0, 1, &handle[0], &handle[1]));
    assert_memory_equal(bench_command(&b.hosts[1], HC_LE_READ_CHANNEL_MAP, "4100") + 3, "\x00\x06\x60\x00\x1e", 5);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_HOST_CHANNEL_CLASSIFICATION, "0100000000"), 0);
    bench_run(&b, 500); /* too few to follow: all are used again */
    assert_memory_equal(bench_command(&b.hosts[1], HC_LE_READ_CHANNEL_MAP, "4100") + 3, "\xff\xff\xff\xff\x1f", 5);
}

/* --- collisions --------------------------------------------------------------------------------------------------- */

/* Both ask at once: the central's goes on, and the peripheral hears of the outcome once. */
static void test_both_update_at_once(void **state)
{
    (void)state;
    mask_requests(1);
    assert_int_equal(update(0, SLOWER), 0);
    assert_int_equal(update(1, FASTER), 0);
    bench_run(&b, 1500);
    expect_update(0, 0, 80, 0, 300);
    assert_null(bench_meta(&b.hosts[0], HC_LE_CONNECTION_UPDATE_COMPLETE));
    assert_int_equal(bench_count(&b.hosts[0], HC_LE_META, HC_LE_REMOTE_PARAMETER_REQUEST), 0);
    assert_true(bench_count(&b.hosts[1], HC_LE_META, HC_LE_CONNECTION_UPDATE_COMPLETE) > 0);
    mask_requests(0);
    assert_int_equal(update(1, FASTER), 0); /* nothing is left behind */
    bench_run(&b, 500);
    assert_int_equal(bench_disconnected(&b.hosts[0]), -1);
}

/* Different ones at once: the peripheral's waits, and then happens. */
static void test_an_update_and_a_channel_map_at_once(void **state)
{
    (void)state;
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_HOST_CHANNEL_CLASSIFICATION, "000660001e"), 0);
    assert_int_equal(update(1, FASTER), 0);
    bench_run(&b, 600);
    expect_request(0, "0800 0a00 0200 6400");
    assert_int_equal(reply(0, FASTER), 0);
    bench_run(&b, 600);
    expect_update(0, 0, 10, 2, 100);
    expect_update(1, 0, 10, 2, 100);
    assert_memory_equal(bench_command(&b.hosts[1], HC_LE_READ_CHANNEL_MAP, "4000") + 3, "\x00\x06\x60\x00\x1e", 5);
}

/* --- under loss --------------------------------------------------------------------------------------------------- */

static void everything_under_loss(uint64_t seed, uint32_t loss)
{
    bench_close(&b);
    bench_open(&b, seed, 2);
    assert_true(bench_connect_with(&b, 0, 1, 24, 0, 400, &handle[0], &handle[1]));
    amble__air_set_loss(b.air, loss);
    for (int asks = 0; asks < 2; asks++) {
        assert_int_equal(update(asks, asks ? "0600 0800 0100 c800 0000 0000" : "2000 2800 0000 9001 0000 0000"), 0);
        bench_run(&b, 400);
        assert_non_null(bench_meta(&b.hosts[!asks], HC_LE_REMOTE_PARAMETER_REQUEST));
        assert_int_equal(reply(!asks, asks ? "0600 0800 0100 c800 0000 0000" : "2000 2800 0000 9001 0000 0000"), 0);
        bench_run(&b, 1500);
        for (int host = 0; host < 2; host++)
            expect_update(host, 0, asks ? 8 : 40, asks ? 1 : 0, asks ? 200 : 400);
        assert_int_equal(
            bench_status(&b.hosts[0], HC_LE_SET_HOST_CHANNEL_CLASSIFICATION, asks ? "ffffffff1f" : "000660001e"), 0);
        bench_run(&b, 1500);
        assert_memory_equal(bench_command(&b.hosts[1], HC_LE_READ_CHANNEL_MAP, "4000") + 3,
                            asks ? "\xff\xff\xff\xff\x1f" : "\x00\x06\x60\x00\x1e", 5);
    }
    for (int host = 0; host < 2; host++)
        assert_int_equal(bench_disconnected(&b.hosts[host]), -1);
}

static void test_the_same_outcome_under_loss(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        everything_under_loss(seed, 0);
        everything_under_loss(seed, 50000);
        everything_under_loss(seed, 200000);
    }
}

/* --- against a peer ----------------------------------------------------------------------------------------------- */

/* LL_CONNECTION_UPDATE_IND: window of 2, offset 3, 10 ms, and an instant so many events ahead of the one it is sent
 * in. */
static bool announce(unsigned ahead)
{
    uint8_t pdu[] = {0x00, 2, 3, 0, 8, 0, 0, 0, 0x64, 0, 0, 0};

    amble__put_le16(pdu + 10, (uint16_t)(p.event + ahead));
    return peer_send(&p, 3, pdu, sizeof pdu);
}

static void test_a_peripheral_keeps_to_the_instant(void **state)
{
    (void)state;
    assert_true(announce(6));
    for (int i = 0; i < 5; i++) {
        assert_null(bench_meta(&b.hosts[0], HC_LE_CONNECTION_UPDATE_COMPLETE));
        assert_true(peer_poll(&p));
    }
    p.data.interval = 8;
    p.anchor_us += 3 * 1250 + 2 * 1250; /* at the window's far end */
    assert_true(peer_poll(&p));
    assert_non_null(bench_meta(&b.hosts[0], HC_LE_CONNECTION_UPDATE_COMPLETE));
    for (int i = 0; i < 20; i++)
        assert_true(peer_poll(&p));
    p.anchor_us += 1000; /* the window was for once */
    assert_false(peer_poll(&p));
}

/* A peripheral that may sleep does not before the instant. */
static void test_an_instant_amid_a_sleep(void **state)
{
    (void)state;
    close_bench(NULL);
    bench_open(&b, 82, 1);
    bench_unmask(&b.hosts[0]);
    bench_advertise(&b.hosts[0], 0, 32, "");
    peer_open(&p, &b);
    p.data.latency = 4;
    assert_true(peer_connect(&p));
    for (int i = 0; i < 20; i++)
        assert_int_equal(peer_poll(&p), i % 5 == 0);
    assert_true(announce(7));
    for (int i = 0; i < 6; i++)
        assert_true(peer_poll(&p));
    p.data.interval = 8;
    p.anchor_us += 3 * 1250;
    for (int i = 0; i < 5; i++)
        assert_true(peer_poll(&p));
    assert_non_null(bench_meta(&b.hosts[0], HC_LE_CONNECTION_UPDATE_COMPLETE));
}

static void test_an_instant_that_is_now(void **state)
{
    (void)state;
    assert_true(announce(0));
    p.anchor_us -= 30000 - 10000;
    p.data.interval = 8;
    for (int i = 0; i < 5; i++)
        assert_true(peer_poll(&p));
    assert_non_null(bench_meta(&b.hosts[0], HC_LE_CONNECTION_UPDATE_COMPLETE));
}

static void test_an_instant_that_has_passed(void **state)
{
    (void)state;
    (void)announce(0xffff);
    assert_int_equal(bench_disconnected(&b.hosts[0]), HC_INSTANT_PASSED);
    assert_false(peer_poll(&p));
}

static void test_the_farthest_instant(void **state)
{
    (void)state;
    assert_true(announce(32766));
    assert_true(peer_poll(&p));
    assert_int_equal(bench_disconnected(&b.hosts[0]), -1);
}

static void test_two_changes_at_once(void **state)
{
    (void)state;
    assert_true(announce(20));
    (void)announce(30);
    assert_int_equal(bench_disconnected(&b.hosts[0]), HC_LL_PROCEDURE_COLLISION);
}

static void test_two_different_changes_at_once(void **state)
{
    uint8_t map[] = {0x01, 0xff, 0xff, 0xff, 0xff, 0x1f, 40, 0};

    (void)state;
    assert_true(announce(20));
    (void)peer_send(&p, 3, map, sizeof map);
    assert_int_equal(bench_disconnected(&b.hosts[0]), HC_DIFFERENT_TRANSACTION_COLLISION);
}

static void expect_end(const char *pdu)
{
    uint8_t bytes[32];

    bench_close(&b);
    assert_int_equal(open_with_peer(NULL), 0);
    (void)peer_send(&p, 3, bytes, bench_hex(bytes, pdu));
    assert_int_equal(bench_disconnected(&b.hosts[0]), HC_INVALID_LL_PARAMETERS);
}

static void test_announcements_that_are_wrong(void **state)
{
    (void)state;
    expect_end("00 01 0000 0500 0000 6400 1000"); /* interval */
    expect_end("00 00 0000 1800 0000 6400 1000"); /* window */
    expect_end("00 09 0000 1800 0000 6400 1000");
    expect_end("00 01 1900 1800 0000 6400 1000"); /* offset */
    expect_end("00 01 0000 1800 f401 6400 1000"); /* latency */
    expect_end("00 01 0000 1800 0000 0400 1000"); /* timeout */
    expect_end("01 0100000000 1000");             /* one channel */
    expect_end("01 ffffffffff 1000");             /* advertising channels */
}

static void expect_answer(const char *sent, const char *answer)
{
    uint8_t expected[32];
    const size_t size = bench_hex(expected, answer);

    assert_true(peer_control(&p, sent));
    assert_int_equal(p.size, size);
    assert_memory_equal(p.payload, expected, size);
}

#define NO_OFFSETS " 00 0000 ffff ffff ffff ffff ffff ffff"
static void test_requests_of_a_central(void **state)
{
    (void)state;
    expect_answer("0f 0500 0500 0000 6400" NO_OFFSETS, "11 0f 1e"); /* no interval */
    expect_answer("0f 0a00 0800 0000 6400" NO_OFFSETS, "11 0f 1e"); /* the least is the most */
    bench_command(&b.hosts[0], HC_LE_SET_EVENT_MASK, "dfffffffffffffff");
    expect_answer("0f 0800 0800 0000 6400" NO_OFFSETS, "11 0f 1a");
    bench_unmask(&b.hosts[0]);
    (void)peer_control(&p, "0f 0800 0800 0000 6400" NO_OFFSETS);
    assert_int_equal(
        bench_link_command(&b.hosts[0], HC_LE_REMOTE_PARAMETER_REQUEST_REPLY, 0x40, "0700 0800 0000 6400 0000 0000"),
        0);
    assert_true(peer_poll(&p));
    assert_int_equal(p.size, 24);
    assert_memory_equal(p.payload, "\x10\x07\x00\x08\x00\x00\x00\x64\x00\x00", 10);
    assert_memory_equal(p.payload + 12, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12);
    assert_true(announce(6)); /* the central's answer */
}

/* The central of old does not know the request: the host hears it. */
static void test_a_central_that_does_not_know(void **state)
{
    const bench_note *note;

    (void)state;
    assert_int_equal(bench_link_command(&b.hosts[0], HC_LE_CONNECTION_UPDATE, 0x40, FASTER), 0);
    assert_true(peer_poll(&p));
    assert_int_equal(p.payload[0], 0x0f);
    assert_true(peer_send(&p, 3, "\x07\x0f", 2));
    note = bench_meta(&b.hosts[0], HC_LE_CONNECTION_UPDATE_COMPLETE);
    assert_int_equal(note->bytes[4], HC_UNSUPPORTED_REMOTE_FEATURE);
    assert_true(peer_control(&p, "08 0000000000000000")); /* and is known not to: it is not asked again */
    assert_int_equal(bench_link_command(&b.hosts[0], HC_LE_CONNECTION_UPDATE, 0x40, FASTER), 0);
    note = bench_meta(&b.hosts[0], HC_LE_CONNECTION_UPDATE_COMPLETE);
    assert_non_null(note);
    assert_int_equal(note->bytes[4], HC_UNSUPPORTED_REMOTE_FEATURE);
}

static void test_ping(void **state)
{
    (void)state;
    expect_answer("12", "13");
    assert_true(peer_send(&p, 3, "\x13", 1)); /* an answer to nothing */
    assert_true(peer_poll(&p));
    assert_int_equal(p.header & 3, 1);
}

/* LL_REJECT_IND about nothing, and while LL_TERMINATE_IND waits, changes nothing. */
static void test_rejects_about_nothing(void **state)
{
    (void)state;
    assert_true(peer_send(&p, 3, "\x0d\x2a", 2));
    assert_true(peer_send(&p, 3, "\x11\x0f\x2a", 3));
    assert_true(peer_poll(&p));
    assert_int_equal(p.header & 3, 1);
    p.deaf = true;
    assert_int_equal(bench_disconnect(&b.hosts[0], 0x40), 0);
    assert_true(peer_send(&p, 3, "\x0d\x1f", 2));
    assert_int_equal(p.payload[0], 0x02);
    assert_int_equal(bench_status(&b.hosts[0], HC_DISCONNECT, "400013"), HC_DISALLOWED);
}

#define TEST(name)      cmocka_unit_test_setup_teardown(name, open_two, close_bench)
#define PEER_TEST(name) cmocka_unit_test_setup_teardown(name, open_with_peer, close_bench)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_central_asks_and_the_peripheral_s_host_agrees),
        TEST(test_central_does_it_where_nobody_wants_to_be_asked),
        TEST(test_the_instant),
        TEST(test_a_host_declines),
        TEST(test_peripheral_asks),
        TEST(test_peripheral_asks_a_central_that_does_not_listen),
        TEST(test_a_host_that_never_answers),
        TEST(test_wrong_parameters_from_the_host),
        TEST(test_the_new_timeout_holds),
        TEST(test_a_shorter_timeout_holds),
        TEST(test_update_of_a_peripheral_that_sleeps),
        TEST(test_channel_map),
        TEST(test_both_update_at_once),
        TEST(test_an_update_and_a_channel_map_at_once),
        TEST(test_the_same_outcome_under_loss),
        PEER_TEST(test_a_peripheral_keeps_to_the_instant),
        PEER_TEST(test_an_instant_amid_a_sleep),
        PEER_TEST(test_an_instant_that_is_now),
        PEER_TEST(test_an_instant_that_has_passed),
        PEER_TEST(test_the_farthest_instant),
        PEER_TEST(test_two_changes_at_once),
        PEER_TEST(test_two_different_changes_at_once),
        PEER_TEST(test_announcements_that_are_wrong),
        PEER_TEST(test_requests_of_a_central),
        PEER_TEST(test_a_central_that_does_not_know),
        PEER_TEST(test_ping),
        PEER_TEST(test_rejects_about_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
