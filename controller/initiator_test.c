/* Initiating: whom it connects to, cancel at every moment, and what a host may ask for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/pdu.h"
#include "controller/test_bench.h"

static bench b;

static int open_three(void **state)
{
    (void)state;
    bench_open(&b, 41, 3);
    for (int i = 0; i < 3; i++)
        bench_unmask(&b.hosts[i]);
    return 0;
}
static int close_bench(void **state)
{
    (void)state;
    bench_close(&b);
    return 0;
}

static void test_the_accept_list_decides(void **state)
{
    const bench_note *note;

    (void)state;
    assert_int_equal(bench_advertise(&b.hosts[1], 0, 32, ""), 0);
    assert_int_equal(bench_advertise(&b.hosts[2], 0, 33, ""), 0);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_ADD_TO_ACCEPT_LIST, "00 a200000000c0"), 0);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_CREATE_CONNECTION, /* the peer's address is not looked at */
                                  "1000 1000 01 00 000000000000 00 1800 1800 0000 6400 0000 0000"),
                     0);
    bench_run(&b, 300);
    note = bench_meta(&b.hosts[0], HC_LE_CONNECTION_COMPLETE);
    assert_non_null(note);
    assert_int_equal(note->bytes[4], 0);
    assert_int_equal(note->bytes[9], 0xa2);
}

static void test_the_peer_that_was_named(void **state)
{
    (void)state;
    assert_int_equal(bench_advertise(&b.hosts[1], 0, 32, ""), 0);
    assert_int_equal(bench_create_connection(&b.hosts[0], 2, 24, 0, 100), 0);
    bench_run(&b, 300);
    assert_null(bench_meta(&b.hosts[0], HC_LE_CONNECTION_COMPLETE));
    assert_int_equal(bench_advertise(&b.hosts[2], 0, 33, ""), 0);
    bench_run(&b, 300);
    assert_int_equal(bench_meta(&b.hosts[0], HC_LE_CONNECTION_COMPLETE)->bytes[9], 0xa2);
}

static void test_not_to_those_that_do_not_connect(void **state)
{
    (void)state;
    assert_int_equal(bench_advertise(&b.hosts[1], 2, 32, ""), 0);
    assert_int_equal(bench_create_connection(&b.hosts[0], 1, 24, 0, 100), 0);
    bench_run(&b, 1000);
    assert_null(bench_meta(&b.hosts[0], HC_LE_CONNECTION_COMPLETE));
}

static void test_cancel_while_nobody_is_there(void **state)
{
    const bench_note *note;

    (void)state;
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_CREATE_CONNECTION_CANCEL, ""), HC_DISALLOWED);
    assert_int_equal(bench_create_connection(&b.hosts[0], 1, 24, 0, 100), 0);
    assert_int_equal(bench_create_connection(&b.hosts[0], 2, 24, 0, 100), HC_DISALLOWED);
    bench_run(&b, 50);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_CREATE_CONNECTION_CANCEL, ""), 0);
    note = bench_meta(&b.hosts[0], HC_LE_CONNECTION_COMPLETE);
    assert_int_equal(note->bytes[4], HC_UNKNOWN_CONNECTION);
    assert_int_equal(b.hosts[0].notes[b.hosts[0].count - 1].bytes[1], HC_LE_META); /* after the answer, not before */
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_CREATE_CONNECTION_CANCEL, ""), HC_DISALLOWED);
    assert_int_equal(bench_advertise(&b.hosts[1], 0, 32, ""), 0);
    bench_run(&b, 300);
    assert_int_equal(bench_count(&b.hosts[0], HC_LE_META, HC_LE_CONNECTION_COMPLETE), 1);
    assert_int_equal(bench_count(&b.hosts[1], HC_LE_META, HC_LE_CONNECTION_COMPLETE), 0);
    assert_int_equal(bench_create_connection(&b.hosts[0], 1, 24, 0, 100), 0); /* the next attempt works at once */
    bench_run(&b, 300);
    assert_int_equal(bench_count(&b.hosts[1], HC_LE_META, HC_LE_CONNECTION_COMPLETE), 1);
}

/* Cancel in each microsecond around CONNECT_IND: either there is a link and the cancel is refused, or there is none,
 * on both sides. */
static void test_cancel_races(void **state)
{
    size_t linked = 0, cancelled = 0;

    (void)state;
    for (uint64_t at = 100; at < 800; at += 7) {
        size_t links;
        int status;

        bench_status(&b.hosts[0], HC_RESET, "");
        bench_status(&b.hosts[1], HC_RESET, "");
        bench_unmask(&b.hosts[0]);
        bench_unmask(&b.hosts[1]);
        bench_forget(&b.hosts[0]);
        bench_forget(&b.hosts[1]);
        assert_int_equal(bench_create_connection(&b.hosts[0], 1, 24, 0, 100), 0);
        assert_int_equal(bench_advertise(&b.hosts[1], 0, 32, ""), 0);
        bench_run_us(&b, at);
        status = bench_status(&b.hosts[0], HC_LE_CREATE_CONNECTION_CANCEL, "");
        bench_run_us(&b, 2000);
        links = bench_count(&b.hosts[1], HC_LE_META, HC_LE_CONNECTION_COMPLETE);
        assert_int_equal(bench_count(&b.hosts[0], HC_LE_META, HC_LE_CONNECTION_COMPLETE), 1);
        assert_int_equal(status, links ? HC_DISALLOWED : 0);
        assert_int_equal(bench_meta(&b.hosts[0], HC_LE_CONNECTION_COMPLETE)->bytes[4], links ? 0 : 2);
        linked += links;
        cancelled += !links;
    }
    assert_true(linked > 10 && cancelled > 10);
}

/* Both windows open at the same moments and never close: each gets its share of the radio. */
static void test_beside_a_scanner(void **state)
{
    size_t before;

    (void)state;
    assert_int_equal(bench_advertise(&b.hosts[1], 3, 32, "0a"), 0);
    assert_int_equal(bench_scan(&b.hosts[0], false, false), 0);
    assert_int_equal(bench_create_connection(&b.hosts[0], 2, 24, 0, 100), 0);
    bench_run(&b, 1000);
    before = bench_count(&b.hosts[0], HC_LE_META, HC_LE_ADVERTISING_REPORT);
    assert_in_range(before, 10, 30);
    bench_run(&b, 1000);
    assert_in_range(bench_count(&b.hosts[0], HC_LE_META, HC_LE_ADVERTISING_REPORT) - before, 10, 30);
    assert_int_equal(bench_advertise(&b.hosts[2], 0, 32, "0a"), 0);
    bench_run(&b, 500);
    assert_non_null(bench_meta(&b.hosts[0], HC_LE_CONNECTION_COMPLETE));
    before = bench_count(&b.hosts[0], HC_LE_META, HC_LE_ADVERTISING_REPORT);
    bench_run(&b, 1000);
    assert_in_range(bench_count(&b.hosts[0], HC_LE_META, HC_LE_ADVERTISING_REPORT) - before, 25, 50);
}

static void test_one_link_per_peer(void **state)
{
    uint16_t at_central, at_peripheral;

    (void)state;
    assert_true(bench_connect(&b, 0, 1, &at_central, &at_peripheral));
    assert_int_equal(bench_create_connection(&b.hosts[0], 1, 24, 0, 100), HC_CONNECTION_EXISTS);
}

static void test_refuses_nonsense(void **state)
{
    static const char *const wrong[] = {
        "1000 1100 00 00 a100000000c0 00 1800 1800 0000 6400 0000 0000", /* window longer than the interval */
        "1000 1000 02 00 a100000000c0 00 1800 1800 0000 6400 0000 0000", /* policy */
        "1000 1000 00 04 a100000000c0 00 1800 1800 0000 6400 0000 0000", /* peer address type */
        "1000 1000 00 00 a100000000c0 04 1800 1800 0000 6400 0000 0000", /* own address type */
        "1000 1000 00 00 a100000000c0 01 1800 1800 0000 6400 0000 0000", /* a random address it has not */
        "1000 1000 00 00 a100000000c0 00 0500 1800 0000 6400 0000 0000", /* interval too short */
        "1000 1000 00 00 a100000000c0 00 1800 810c 0000 6400 0000 0000", /* too long */
        "1000 1000 00 00 a100000000c0 00 1900 1800 0000 6400 0000 0000", /* the wrong way round */
        "1000 1000 00 00 a100000000c0 00 1800 1800 f401 6400 0000 0000", /* latency */
        "1000 1000 00 00 a100000000c0 00 1800 1800 0000 0900 0000 0000", /* timeout */
        "1000 1000 00 00 a100000000c0 00 1800 1800 1400 6400 0000 0000", /* timeout before the next event */
        "1000 1000 00 00 a100000000c0 00 1800 1800 0000 6400 0100 0000", /* event lengths */
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(bench_status(&b.hosts[0], HC_LE_CREATE_CONNECTION, wrong[i]), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_CREATE_CONNECTION_CANCEL, ""), HC_DISALLOWED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_three, close_bench)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_accept_list_decides),
        TEST(test_the_peer_that_was_named),
        TEST(test_not_to_those_that_do_not_connect),
        TEST(test_cancel_while_nobody_is_there),
        TEST(test_cancel_races),
        TEST(test_beside_a_scanner),
        TEST(test_one_link_per_peer),
        TEST(test_refuses_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
