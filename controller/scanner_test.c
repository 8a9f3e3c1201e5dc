/* Scanning: windows, reports, the duplicate filter, the accept list, backoff. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/access_address.h"
#include "controller/pdu.h"
#include "controller/test_bench.h"

static bench b;

static int open_two(void **state)
{
    (void)state;
    bench_open(&b, 21, 2);
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

/* Reports of one type. */
static size_t reports(const bench_host *host, unsigned type)
{
    size_t n = 0;

    for (size_t i = 0; i < host->count; i++) {
        const uint8_t *p = host->notes[i].bytes;

        n += p[1] == HC_LE_META && p[3] == HC_LE_ADVERTISING_REPORT && p[5] == type;
    }
    return n;
}

static void test_report_is_what_was_sent(void **state)
{
    const bench_note *note;

    (void)state;
    assert_int_equal(bench_advertise(&b.hosts[0], 0, 160, "0201060303aafe"), 0);
    assert_int_equal(bench_scan(&b.hosts[1], false, false), 0);
    bench_run(&b, 1000);
    note = bench_meta(&b.hosts[1], HC_LE_ADVERTISING_REPORT);
    assert_non_null(note);
    assert_int_equal(note->size, 3 + 12 + 7);
    assert_memory_equal(note->bytes + 4, "\x01\x00\x00\xa0\x00\x00\x00\x00\xc0\x07\x02\x01\x06\x03\x03\xaa\xfe", 17);
    assert_in_range(-(int8_t)note->bytes[note->size - 1], 37, 73);
    assert_in_range(reports(&b.hosts[1], 0), 8, 11);
    assert_int_equal(reports(&b.hosts[1], 4), 0); /* passive: nothing is asked */
    for (size_t i = 0; i < b.sniffed_count; i++)
        assert_int_not_equal(b.sniffed[i].pdu[0] & 0x0f, AMBLE__LL_SCAN_REQ);
}

static void test_event_types(void **state)
{
    static const struct {
        unsigned type, report;
        bool response;
    } kinds[] = {{0, 0, true}, {2, 2, true}, {3, 3, false}};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(bench_advertise(&b.hosts[0], kinds[i].type, 32, "0a"), 0);
        assert_int_equal(bench_scan(&b.hosts[1], true, false), 0);
        bench_run(&b, 200);
        assert_true(reports(&b.hosts[1], kinds[i].report) > 2);
        assert_int_equal(reports(&b.hosts[1], 4) > 0, kinds[i].response);
        bench_status(&b.hosts[1], HC_LE_SET_SCAN_ENABLE, "0000");
        bench_status(&b.hosts[0], HC_LE_SET_ADVERTISING_ENABLE, "00");
        bench_forget(&b.hosts[1]);
    }
}

static void test_directed_advertising_concerns_its_target(void **state)
{
    (void)state;
    bench_open_host(&b, 2, (amble__controller_options){0});
    bench_unmask(&b.hosts[2]);
    bench_status(&b.hosts[0], HC_LE_SET_ADVERTISING_PARAMETERS, "2000 2000 04 00 00 a100000000c0 07 00");
    bench_status(&b.hosts[0], HC_LE_SET_ADVERTISING_ENABLE, "01");
    bench_scan(&b.hosts[1], true, false);
    bench_scan(&b.hosts[2], true, false);
    bench_run(&b, 200);
    assert_true(reports(&b.hosts[1], 1) > 2);
    assert_int_equal(reports(&b.hosts[2], 1), 0);
}

/* A radio that notes nothing and sends one advertising PDU when asked. */
static void nothing_received(amble__radio *radio, const amble__radio_packet *packet)
{
    (void)radio;
    (void)packet;
}
static void nothing(amble__radio *radio) { (void)radio; }
static const amble__radio_events no_events = {nothing_received, nothing, nothing};

static void test_windows_go_round_the_channels(void **state)
{
    static const uint8_t pdu[] = {0x02, 6, 1, 2, 3, 4, 5, 6};
    amble__radio radio;

    (void)state;
    amble__radio_open(&radio, b.air, 9, &no_events);
    /* interval 20 ms, window 5 ms, from time 0 on */
    assert_int_equal(bench_status(&b.hosts[1], HC_LE_SET_SCAN_PARAMETERS, "00 2000 0800 00 00"), 0);
    assert_int_equal(bench_status(&b.hosts[1], HC_LE_SET_SCAN_ENABLE, "0100"), 0);
    for (uint64_t at_ms = 1; at_ms < 240; at_ms++) {
        const unsigned interval = (unsigned)(at_ms / 20);

        for (uint8_t k = 0; k < 3; k++) {
            const uint64_t at = at_ms * BENCH_MS + 100 + k * 200u;
            const bool heard = interval % 3 == k && at % (20 * BENCH_MS) < 5 * BENCH_MS;
            const size_t before = reports(&b.hosts[1], 3);

            amble__radio_send(&radio, (uint8_t)(37 + k), AMBLE__PHY_1M, AMBLE__LL_ADVERTISING_ACCESS_ADDRESS, pdu,
                              sizeof pdu, at);
            amble__air_advance(b.air, at + 190);
            assert_int_equal(reports(&b.hosts[1], 3) - before, heard);
        }
    }
    amble__radio_close(&radio);
}

static void test_duplicate_filter(void **state)
{
    (void)state;
    assert_int_equal(bench_advertise(&b.hosts[0], 0, 32, "0a"), 0);
    assert_int_equal(bench_scan(&b.hosts[1], true, true), 0);
    bench_run(&b, 2000);
    assert_int_equal(reports(&b.hosts[1], 0), 1);
    assert_int_equal(reports(&b.hosts[1], 4), 1);
    bench_status(&b.hosts[1], HC_LE_SET_SCAN_ENABLE, "0000");
    assert_int_equal(bench_status(&b.hosts[1], HC_LE_SET_SCAN_ENABLE, "0101"), 0); /* it forgets with each enable */
    bench_run(&b, 2000);
    assert_int_equal(reports(&b.hosts[1], 0), 2);
    assert_int_equal(reports(&b.hosts[1], 4), 2);
}

static void test_accept_list(void **state)
{
    (void)state;
    bench_open_host(&b, 2, (amble__controller_options){0});
    assert_int_equal(bench_advertise(&b.hosts[0], 0, 32, "0a"), 0);
    assert_int_equal(bench_advertise(&b.hosts[2], 0, 32, "0a"), 0);
    assert_int_equal(bench_status(&b.hosts[1], HC_LE_ADD_TO_ACCEPT_LIST, "00 a200000000c0"), 0);
    assert_int_equal(bench_status(&b.hosts[1], HC_LE_SET_SCAN_PARAMETERS, "01 1000 1000 00 01"), 0);
    assert_int_equal(bench_status(&b.hosts[1], HC_LE_SET_SCAN_ENABLE, "0100"), 0);
    assert_int_equal(bench_status(&b.hosts[1], HC_LE_CLEAR_ACCEPT_LIST, ""), HC_DISALLOWED);
    assert_int_equal(bench_status(&b.hosts[1], HC_LE_ADD_TO_ACCEPT_LIST, "00 a000000000c0"), HC_DISALLOWED);
    bench_run(&b, 300);
    assert_true(reports(&b.hosts[1], 0) > 5);
    for (const bench_note *n; (n = bench_meta(&b.hosts[1], HC_LE_ADVERTISING_REPORT));)
        assert_int_equal(n->bytes[7], 0xa2);
}

/* Requests that nobody answers make room: the number of advertising packets between them doubles after each two
 * failures. */
static void test_backoff(void **state)
{
    static const uint8_t pdu[] = {0x00, 6, 1, 2, 3, 4, 5, 6};
    amble__radio radio;
    size_t early = 0, late = 0;

    (void)state;
    amble__radio_open(&radio, b.air, 9, &no_events);
    assert_int_equal(bench_scan(&b.hosts[1], true, false), 0);
    for (int i = 0; i < 2000; i++) {
        const uint64_t now = amble__air_now(b.air);
        const uint8_t channel = (uint8_t)(37 + now / 10000 % 3);

        amble__radio_send(&radio, channel, AMBLE__PHY_1M, AMBLE__LL_ADVERTISING_ACCESS_ADDRESS, pdu, sizeof pdu,
                          now + 1000);
        amble__air_advance(b.air, now + 2500);
    }
    for (size_t i = 0; i < b.sniffed_count; i++)
        if ((b.sniffed[i].pdu[0] & 0x0f) == AMBLE__LL_SCAN_REQ)
            *(i < 200 ? &early : &late) += 1;
    assert_true(early >= 6);
    assert_in_range(late, 3, 40);
    amble__radio_close(&radio);
}

static void test_masked_reports_stay_away(void **state)
{
    (void)state;
    bench_command(&b.hosts[1], HC_LE_SET_EVENT_MASK, "fdffffffffffffff");
    assert_int_equal(bench_advertise(&b.hosts[0], 0, 32, "0a"), 0);
    assert_int_equal(bench_scan(&b.hosts[1], true, false), 0);
    bench_run(&b, 300);
    assert_int_equal(bench_count(&b.hosts[1], HC_LE_META, HC_LE_ADVERTISING_REPORT), 0);
}

static void test_refuses_nonsense(void **state)
{
    static const char *const wrong[] = {
        "02 1000 1000 00 00", "00 1000 0300 00 00", "00 1000 1100 00 00",
        "00 0140 1000 00 00", "00 1000 1000 04 00", "00 1000 1000 00 04",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_SCAN_PARAMETERS, wrong[i]), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_SCAN_ENABLE, "0200"), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_SCAN_ENABLE, "0102"), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_SCAN_ENABLE, "0000"), 0); /* off when off is fine */
    assert_int_equal(bench_scan(&b.hosts[0], false, false), 0);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_SCAN_PARAMETERS, "00 1000 1000 00 00"), HC_DISALLOWED);
    bench_status(&b.hosts[0], HC_LE_SET_SCAN_ENABLE, "0000");
    bench_status(&b.hosts[0], HC_LE_SET_SCAN_PARAMETERS, "00 1000 1000 01 00"); /* a random address it does not have */
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_SCAN_ENABLE, "0100"), HC_INVALID_PARAMETERS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_two, close_bench)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_report_is_what_was_sent),
        TEST(test_event_types),
        TEST(test_directed_advertising_concerns_its_target),
        TEST(test_windows_go_round_the_channels),
        TEST(test_duplicate_filter),
        TEST(test_accept_list),
        TEST(test_backoff),
        TEST(test_masked_reports_stay_away),
        TEST(test_refuses_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
