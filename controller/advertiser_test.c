/* Advertising: its timing on three channels, its answers, its filters, and what the host may do when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/pdu.h"
#include "controller/test_bench.h"
#include "controller/test_peer.h"

#define INTERVAL_US 100000

static bench b;

static int open_two(void **state)
{
    (void)state;
    bench_open(&b, 11, 2);
    bench_unmask(&b.hosts[0]);
    bench_unmask(&b.hosts[1]);
    return 0;
}
static int close_bench(void **state)
{
    (void)state;
    bench_close(&b);
    return 0;
}

static void test_events_on_three_channels_with_random_delay(void **state)
{
    uint64_t start = 0, shortest = UINT64_MAX, longest = 0;
    size_t events = 0;

    (void)state;
    assert_int_equal(bench_advertise(&b.hosts[0], 3, INTERVAL_US / 625, "020106"), 0);
    bench_run(&b, 60000);
    for (size_t i = 0; i + 2 < b.sniffed_count; i += 3) {
        const bench_sniffed *s = &b.sniffed[i];

        for (uint8_t k = 0; k < 3; k++) {
            assert_int_equal(s[k].channel, 37 + k);
            assert_int_equal(s[k].access_address, 0x8e89bed6);
            assert_int_equal(s[k].pdu[0], AMBLE__LL_ADV_NONCONN_IND);
            assert_memory_equal(s[k].pdu + 8, "\x02\x01\x06", 3);
            assert_true(s[k].start_us - s[0].start_us <= 20000); /* 10 ms at most between two channels */
        }
        if (events++) {
            const uint64_t period = s->start_us - start;

            shortest = period < shortest ? period : shortest;
            longest = period > longest ? period : longest;
        }
        start = s->start_us;
    }
    assert_in_range(events, 540, 600);
    assert_in_range(shortest, INTERVAL_US, INTERVAL_US + 500); /* advDelay: 0 to 10 ms, and really random */
    assert_in_range(longest, INTERVAL_US + 9500, INTERVAL_US + 10000);
}

static void test_channel_map(void **state)
{
    (void)state;
    assert_int_equal(
        bench_status(&b.hosts[0], HC_LE_SET_ADVERTISING_PARAMETERS, "2000 2000 03 00 00 000000000000 05 00"), 0);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_ADVERTISING_ENABLE, "01"), 0);
    bench_run(&b, 1000);
    assert_true(b.sniffed_count > 60);
    for (size_t i = 0; i < b.sniffed_count; i++)
        assert_int_equal(b.sniffed[i].channel, i % 2 ? 39 : 37);
}

static void test_new_data_takes_effect_at_once(void **state)
{
    (void)state;
    assert_int_equal(bench_advertise(&b.hosts[0], 3, 32, "020106"), 0);
    bench_run(&b, 100);
    assert_int_equal(b.sniffed[b.sniffed_count - 1].size, 11);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_ADVERTISING_DATA,
                                  "02 01ff 0000000000000000000000000000000000000000000000000000000000"),
                     0);
    bench_run(&b, 100);
    assert_int_equal(b.sniffed[b.sniffed_count - 1].size, 10);
    assert_int_equal(b.sniffed[b.sniffed_count - 1].pdu[9], 0xff);
}

static void test_stops_when_told(void **state)
{
    size_t count;

    (void)state;
    assert_int_equal(bench_advertise(&b.hosts[0], 0, 32, ""), 0);
    bench_run(&b, 101);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_ADVERTISING_ENABLE, "00"), 0);
    count = b.sniffed_count;
    assert_true(count > 6);
    bench_run(&b, 1000);
    assert_int_equal(b.sniffed_count, count);
}

static void test_scan_response_is_its_own_data(void **state)
{
    (void)state;
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_SCAN_RESPONSE_DATA,
                                  "04 03095859 000000000000000000000000000000000000000000000000000000"),
                     0);
    assert_int_equal(bench_advertise(&b.hosts[0], 0, 32, "020106"), 0);
    assert_int_equal(bench_scan(&b.hosts[1], true, false), 0);
    bench_run(&b, 100);
    for (size_t i = 0; i + 2 < b.sniffed_count; i++) {
        const bench_sniffed *s = &b.sniffed[i];

        if ((s[1].pdu[0] & 0x0f) != AMBLE__LL_SCAN_REQ)
            continue;
        assert_int_equal(s[1].start_us,
                         s[0].start_us + amble__radio_air_time(AMBLE__PHY_1M, s[0].size) + AMBLE__LL_T_IFS_US);
        assert_int_equal(s[2].start_us,
                         s[1].start_us + amble__radio_air_time(AMBLE__PHY_1M, s[1].size) + AMBLE__LL_T_IFS_US);
        assert_int_equal(s[2].pdu[0] & 0x0f, AMBLE__LL_SCAN_RSP);
        assert_int_equal(s[2].size, 12);
        assert_memory_equal(s[2].pdu + 8, "\x03\x09XY", 4);
        return;
    }
    fail_msg("no scan request was seen");
}

/* The answers a filter policy lets through, for a scanner and initiator that is not in the accept list, and then is. */
static bool scanned(bool listed, unsigned policy)
{
    char hex[64];
    size_t responses;

    bench_status(&b.hosts[0], HC_LE_CLEAR_ACCEPT_LIST, "");
    if (listed)
        bench_status(&b.hosts[0], HC_LE_ADD_TO_ACCEPT_LIST, "00 a100000000c0");
    snprintf(hex, sizeof hex, "2000 2000 00 00 00 000000000000 07 %02x", policy);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_ADVERTISING_PARAMETERS, hex), 0);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_ADVERTISING_ENABLE, "01"), 0);
    bench_forget(&b.hosts[1]);
    bench_scan(&b.hosts[1], true, false);
    bench_run(&b, 300);
    bench_status(&b.hosts[1], HC_LE_SET_SCAN_ENABLE, "0000");
    responses = 0;
    for (size_t i = 0; i < b.hosts[1].count; i++)
        responses += b.hosts[1].notes[i].bytes[3] == HC_LE_ADVERTISING_REPORT && b.hosts[1].notes[i].bytes[5] == 4;
    bench_status(&b.hosts[0], HC_LE_SET_ADVERTISING_ENABLE, "00");
    return responses;
}

static bool connected(bool listed, unsigned policy)
{
    char hex[64];
    bool made;

    bench_status(&b.hosts[0], HC_LE_CLEAR_ACCEPT_LIST, "");
    if (listed)
        bench_status(&b.hosts[0], HC_LE_ADD_TO_ACCEPT_LIST, "00 a100000000c0");
    snprintf(hex, sizeof hex, "2000 2000 00 00 00 000000000000 07 %02x", policy);
    bench_status(&b.hosts[0], HC_LE_SET_ADVERTISING_PARAMETERS, hex);
    bench_status(&b.hosts[0], HC_LE_SET_ADVERTISING_ENABLE, "01");
    bench_forget(&b.hosts[0]);
    assert_int_equal(bench_create_connection(&b.hosts[1], 0, 24, 0, 100), 0);
    bench_run(&b, 1000);
    made = bench_meta(&b.hosts[0], HC_LE_CONNECTION_COMPLETE);
    bench_status(&b.hosts[1], HC_RESET, "");
    bench_run(&b, 2000);
    bench_status(&b.hosts[0], HC_RESET, "");
    bench_unmask(&b.hosts[0]);
    bench_unmask(&b.hosts[1]);
    return made;
}

static void test_filter_policies(void **state)
{
    (void)state;
    for (unsigned policy = 0; policy < 4; policy++) {
        assert_true(scanned(true, policy));
        assert_int_equal(scanned(false, policy), !(policy & 1));
        assert_true(connected(true, policy));
        assert_int_equal(connected(false, policy), !(policy & 2));
    }
}

static void test_directed_high_duty_gives_up(void **state)
{
    const bench_note *note;

    (void)state;
    assert_int_equal(
        bench_status(&b.hosts[0], HC_LE_SET_ADVERTISING_PARAMETERS, "0000 0000 01 00 00 a100000000c0 07 00"), 0);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_ADVERTISING_ENABLE, "01"), 0);
    bench_run(&b, 2000);
    note = bench_meta(&b.hosts[0], HC_LE_CONNECTION_COMPLETE);
    assert_non_null(note);
    assert_int_equal(note->bytes[4], HC_ADVERTISING_TIMEOUT);
    assert_int_equal(note->at_us, 1280000);
    assert_in_range(b.sniffed_count, 3 * 341, 3 * 342);
}

static void test_directed_connects_its_target_only(void **state)
{
    (void)state;
    bench_open_host(&b, 2, (amble__controller_options){0});
    assert_int_equal(
        bench_status(&b.hosts[0], HC_LE_SET_ADVERTISING_PARAMETERS, "2000 2000 04 00 00 a100000000c0 07 00"), 0);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_ADVERTISING_ENABLE, "01"), 0);
    assert_int_equal(bench_create_connection(&b.hosts[2], 0, 24, 0, 100), 0);
    bench_run(&b, 500);
    assert_null(bench_meta(&b.hosts[0], HC_LE_CONNECTION_COMPLETE));
    assert_int_equal(bench_create_connection(&b.hosts[1], 0, 24, 0, 100), 0);
    bench_run(&b, 500);
    assert_non_null(bench_meta(&b.hosts[0], HC_LE_CONNECTION_COMPLETE));
}

static void test_again_while_connected_and_the_last_link(void **state)
{
    uint16_t at_central, at_peripheral;

    (void)state;
    bench_open_host(&b, 2, (amble__controller_options){.links = 1});
    assert_true(bench_connect(&b, 0, 1, &at_central, &at_peripheral));
    b.sniffed_count = 0;
    bench_run(&b, 300);
    for (size_t i = 0; i < b.sniffed_count; i++)
        assert_int_not_equal(b.sniffed[i].access_address, 0x8e89bed6); /* a connection ends advertising */
    assert_int_equal(bench_status(&b.hosts[1], HC_LE_SET_ADVERTISING_ENABLE, "01"), 0);
    bench_run(&b, 100);
    assert_int_equal(b.sniffed[b.sniffed_count - 1].access_address, 0x8e89bed6);
    assert_int_equal(bench_status(&b.hosts[1], HC_LE_SET_ADVERTISING_ENABLE, "00"), 0);
    assert_true(bench_connect(&b, 0, 2, &at_central, &at_peripheral));
    assert_int_equal(bench_status(&b.hosts[2], HC_LE_SET_ADVERTISING_ENABLE, "01"), HC_CONNECTION_LIMIT);
    assert_int_equal(bench_create_connection(&b.hosts[2], 1, 24, 0, 100), HC_CONNECTION_LIMIT);
    assert_int_equal(bench_advertise(&b.hosts[2], 2, 32, ""), 0); /* not connectable: needs no link */
}

static void test_an_own_random_address(void **state)
{
    (void)state;
    assert_int_equal(
        bench_status(&b.hosts[0], HC_LE_SET_ADVERTISING_PARAMETERS, "2000 2000 00 01 00 000000000000 07 00"), 0);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_ADVERTISING_ENABLE, "01"), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_RANDOM_ADDRESS, "0102030405c6"), 0);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_ADVERTISING_ENABLE, "01"), 0);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_RANDOM_ADDRESS, "0102030405c7"), HC_DISALLOWED);
    bench_run(&b, 1);
    assert_int_equal(b.sniffed[0].pdu[0], 0x60); /* ADV_IND, ChSel, TxAdd */
    assert_memory_equal(b.sniffed[0].pdu + 2, "\x01\x02\x03\x04\x05\xc6", 6);
}

static void test_refuses_nonsense(void **state)
{
    static const char *const wrong[] = {
        "1f00 1f00 00 00 00 000000000000 07 00", /* interval too short */
        "2000 0140 00 00 00 000000000000 07 00", /* too long */
        "3000 2000 00 00 00 000000000000 07 00", /* the wrong way round */
        "2000 2000 05 00 00 000000000000 07 00", /* type */
        "2000 2000 00 04 00 000000000000 07 00", /* own address type */
        "2000 2000 00 00 02 000000000000 07 00", /* peer address type */
        "2000 2000 00 00 00 000000000000 00 00", /* no channel */
        "2000 2000 00 00 00 000000000000 08 00", /* a fourth channel */
        "2000 2000 00 00 00 000000000000 07 04", /* policy */
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_ADVERTISING_PARAMETERS, wrong[i]), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_ADVERTISING_ENABLE, "02"), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_advertise(&b.hosts[0], 0, 32, ""), 0);
    assert_int_equal(
        bench_status(&b.hosts[0], HC_LE_SET_ADVERTISING_PARAMETERS, "2000 2000 00 00 00 000000000000 07 00"),
        HC_DISALLOWED);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_ADVERTISING_ENABLE, "01"), 0);
}

static void test_a_bad_connect_ind_is_ignored(void **state)
{
    peer p;

    (void)state;
    assert_int_equal(bench_advertise(&b.hosts[0], 0, 32, ""), 0);
    peer_open(&p, &b);
    p.data.hop = 4;
    assert_true(peer_connect(&p));
    assert_false(peer_poll(&p));
    bench_run(&b, 100);
    assert_null(bench_meta(&b.hosts[0], HC_LE_CONNECTION_COMPLETE));
    amble__radio_close(&p.radio);
    peer_open(&p, &b); /* it still advertises */
    assert_true(peer_connect(&p));
    assert_true(peer_poll(&p));
    amble__radio_close(&p.radio);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_two, close_bench)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_events_on_three_channels_with_random_delay),
        TEST(test_channel_map),
        TEST(test_new_data_takes_effect_at_once),
        TEST(test_stops_when_told),
        TEST(test_scan_response_is_its_own_data),
        TEST(test_filter_policies),
        TEST(test_directed_high_duty_gives_up),
        TEST(test_directed_connects_its_target_only),
        TEST(test_again_while_connected_and_the_last_link),
        TEST(test_an_own_random_address),
        TEST(test_refuses_nonsense),
        TEST(test_a_bad_connect_ind_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
