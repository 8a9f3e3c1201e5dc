/* Periodic advertising and synchronisation with it, between controllers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/access_address.h"
#include "controller/extended_bench.h"

#define PARAMETERS HC_LE_SET_PERIODIC_ADVERTISING_PARAMETERS
#define SET_DATA   HC_LE_SET_PERIODIC_ADVERTISING_DATA
#define ENABLE     HC_LE_SET_PERIODIC_ADVERTISING_ENABLE
#define CREATE     HC_LE_PERIODIC_ADVERTISING_CREATE_SYNC
#define CANCEL     HC_LE_PERIODIC_ADVERTISING_CREATE_SYNC_CANCEL
#define INTERVAL   "5000 5000"                          /* 100 ms */
#define BY_NAME    "00 05 00 a000000000c0 0000 6400 00" /* set 5 of host 0; 1 s */

static bench b;

static int open_three(void **state)
{
    (void)state;
    bench_open(&b, 81, 3);
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

/* Host 0 has a train with so much data. */
static void start_train(unsigned phy, size_t size)
{
    assert_int_equal(extended_set_up(&b.hosts[0], 5, 0, 1, phy), 0);
    assert_int_equal(bench_status(&b.hosts[0], PARAMETERS, "05 " INTERVAL " 4000"), 0);
    assert_int_equal(extended_data(&b.hosts[0], SET_DATA, 5, size), 0);
    assert_int_equal(bench_status(&b.hosts[0], ENABLE, "01 05"), 0);
    assert_int_equal(extended_enable(&b.hosts[0], 5, 0, 0), 0);
}

/* Host `i` scans until it is synchronised; the handle, or -1. */
static int synchronise(int i, const char *how)
{
    bench_host *host = &b.hosts[i];
    const bench_note *note;

    assert_int_equal(extended_scan(host, 1, false, true), 0);
    assert_int_equal(bench_status(host, CREATE, how), 0);
    bench_run(&b, 1000);
    bench_status(host, HC_LE_SET_EXTENDED_SCAN_ENABLE, "00 00 0000 0000");
    note = bench_meta(host, HC_LE_SYNC_ESTABLISHED);
    return note && !note->bytes[4] ? amble__get_le16(note->bytes + 5) : -1;
}

/* One report, put together; false when there is none. */
static bool next_report(bench_host *host, extended_report *r, uint16_t *handle)
{
    const bench_note *note;

    memset(r, 0, sizeof *r);
    while ((note = bench_meta(host, HC_LE_PERIODIC_ADVERTISING_REPORT))) {
        const uint8_t *p = note->bytes + 4;

        assert_int_equal(note->size, 4 + 7 + p[6]);
        *handle = amble__get_le16(p);
        r->at_us = note->at_us;
        r->power = (int8_t)p[2];
        r->rssi = (int8_t)p[3];
        assert_int_equal(p[4], 0xff);
        memcpy(r->data + r->size, p + 7, p[6]);
        r->size += p[6];
        r->truncated = p[5] == 2;
        if (p[5] != 1)
            return true;
    }
    return false;
}

static void test_a_train_arrives(void **state)
{
    static const struct {
        unsigned phy;
        size_t size;
    } cases[] = {{1, 0}, {1, 100}, {2, 1650}, {1, 1650}, {3, 600}};
    static extended_report r;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t last = 0;
        uint16_t handle;
        int opened;

        for (int k = 0; k < 2; k++) {
            bench_status(&b.hosts[k], HC_RESET, "");
            bench_unmask(&b.hosts[k]);
            bench_forget(&b.hosts[k]);
        }
        start_train(cases[i].phy, cases[i].size);
        opened = synchronise(1, BY_NAME);
        assert_true(opened > 0);
        bench_forget(&b.hosts[1]);
        bench_run(&b, 2000);
        for (int n = 0; n < 19; n++) { /* none is missing, and each is in its place */
            assert_true(next_report(&b.hosts[1], &r, &handle));
            assert_int_equal(handle, opened);
            assert_false(r.truncated);
            assert_int_equal(r.size, cases[i].size);
            assert_true(extended_data_right(r.data, r.size));
            assert_int_equal(r.power, 0);
            if (last && cases[i].size < 200)
                assert_int_equal(r.at_us - last, 100000);
            last = r.at_us;
        }
    }
}

static void test_what_the_host_is_told(void **state)
{
    static extended_report r;
    const bench_note *note;
    uint16_t handle;

    (void)state;
    start_train(2, 10);
    assert_int_equal(extended_scan(&b.hosts[1], 1, false, false), 0);
    bench_run(&b, 300);
    assert_true(extended_next(&b.hosts[1], &r)); /* before there was a train */
    while (extended_next(&b.hosts[1], &r))
        assert_int_equal(r.periodic_interval, 80);
    assert_int_equal(bench_status(&b.hosts[1], CREATE, BY_NAME), 0);
    assert_int_equal(bench_status(&b.hosts[1], CREATE, BY_NAME), HC_DISALLOWED);
    bench_run(&b, 500);
    note = bench_meta(&b.hosts[1], HC_LE_SYNC_ESTABLISHED);
    assert_memory_equal(note->bytes + 4, "\x00", 1);
    assert_memory_equal(note->bytes + 7, "\x05\x00\xa0\x00\x00\x00\x00\xc0\x02\x50\x00\x05", 12);
    handle = amble__get_le16(note->bytes + 5);
    assert_int_equal(bench_status(&b.hosts[1], CREATE, BY_NAME), HC_CONNECTION_EXISTS);
    assert_int_equal(bench_status(&b.hosts[1], HC_LE_PERIODIC_ADVERTISING_TERMINATE_SYNC, "0009"),
                     HC_UNKNOWN_ADVERTISING);
    assert_int_equal(handle, 1);
    assert_int_equal(bench_status(&b.hosts[1], HC_LE_PERIODIC_ADVERTISING_TERMINATE_SYNC, "0100"), 0);
    bench_forget(&b.hosts[1]);
    bench_run(&b, 1000);
    assert_false(next_report(&b.hosts[1], &r, &handle));
    assert_null(bench_meta(&b.hosts[1], HC_LE_SYNC_LOST)); /* the host knows */
}

static void test_the_train_goes_on_without_its_set(void **state)
{
    static extended_report r;
    uint16_t handle;
    size_t reports = 0;

    (void)state;
    start_train(1, 50);
    assert_true(synchronise(1, BY_NAME) > 0);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_EXTENDED_ADVERTISING_ENABLE, "00 00"), 0);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_REMOVE_ADVERTISING_SET, "05"), HC_DISALLOWED);
    bench_forget(&b.hosts[1]);
    assert_int_equal(extended_data(&b.hosts[0], SET_DATA, 5, 60), 0); /* new data while it runs */
    bench_run(&b, 1000);
    while (next_report(&b.hosts[1], &r, &handle)) {
        assert_int_equal(r.size, 60);
        reports++;
    }
    assert_in_range(reports, 9, 10);
    assert_int_equal(bench_status(&b.hosts[0], ENABLE, "00 05"), 0);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_REMOVE_ADVERTISING_SET, "05"), 0);
    b.sniffed_count = 0;
    bench_run(&b, 850);
    assert_int_equal(b.sniffed_count, 0);
    assert_null(bench_meta(&b.hosts[1], HC_LE_SYNC_LOST));
    bench_run(&b, 350); /* a second after the last, and what the next event finds */
    assert_non_null(bench_meta(&b.hosts[1], HC_LE_SYNC_LOST));
}

static void test_by_the_list(void **state)
{
    static extended_report r;
    bench_host *host = &b.hosts[1];
    uint16_t handle;

    (void)state;
    start_train(1, 50);
    assert_memory_equal(bench_command(host, HC_LE_READ_PERIODIC_ADVERTISER_LIST_SIZE, ""), "\x00\x10", 2);
    assert_int_equal(bench_status(host, HC_LE_ADD_TO_PERIODIC_ADVERTISER_LIST, "00 a000000000c0 04"), 0);
    assert_int_equal(synchronise(1, "01 00 00 000000000000 0000 6400 00"), -1); /* that set is not listed */
    assert_int_equal(bench_status(host, HC_LE_ADD_TO_PERIODIC_ADVERTISER_LIST, "00 a000000000c0 05"), HC_DISALLOWED);
    assert_int_equal(bench_status(host, CANCEL, ""), 0);
    assert_int_equal(bench_meta(host, HC_LE_SYNC_ESTABLISHED)->bytes[4], HC_CANCELLED_BY_HOST);
    assert_int_equal(bench_status(host, CANCEL, ""), HC_DISALLOWED);
    assert_int_equal(bench_status(host, HC_LE_ADD_TO_PERIODIC_ADVERTISER_LIST, "00 a000000000c0 05"), 0);
    assert_int_equal(bench_status(host, HC_LE_ADD_TO_PERIODIC_ADVERTISER_LIST, "00 a000000000c0 05"),
                     HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(host, HC_LE_REMOVE_FROM_PERIODIC_ADVERTISER_LIST, "00 a000000000c0 04"), 0);
    assert_int_equal(bench_status(host, HC_LE_REMOVE_FROM_PERIODIC_ADVERTISER_LIST, "00 a000000000c0 04"),
                     HC_UNKNOWN_ADVERTISING);
    assert_int_equal(synchronise(1, "03 00 00 000000000000 0000 6400 00"), 1); /* quiet at first */
    bench_run(&b, 500);
    assert_false(next_report(host, &r, &handle));
    assert_int_equal(bench_status(host, HC_LE_SET_PERIODIC_ADVERTISING_RECEIVE_ENABLE, "0100 01"), 0);
    bench_run(&b, 500);
    assert_true(next_report(host, &r, &handle));
    assert_int_equal(bench_status(host, HC_LE_CLEAR_PERIODIC_ADVERTISER_LIST, ""), 0);
}

static void test_skips_events_when_it_may(void **state)
{
    static extended_report r;
    uint16_t handle;
    size_t reports = 0;

    (void)state;
    start_train(1, 50);
    assert_true(synchronise(1, "00 05 00 a000000000c0 0400 6400 00") > 0); /* four of five */
    bench_forget(&b.hosts[1]);
    bench_run(&b, 5000);
    while (next_report(&b.hosts[1], &r, &handle))
        reports++;
    assert_in_range(reports, 9, 11);
}

/* Channels: algorithm #2 over the train's own access address. */
static void test_the_train_hops(void **state)
{
    uint64_t used = 0, last = 0;
    size_t events = 0;

    (void)state;
    start_train(1, 10);
    bench_run(&b, 10000);
    for (size_t i = 0; i < b.sniffed_count; i++) {
        const bench_sniffed *s = &b.sniffed[i];

        if (s->access_address == AMBLE__LL_ADVERTISING_ACCESS_ADDRESS)
            continue;
        assert_true(amble__ll_access_address_valid(s->access_address));
        assert_int_equal(s->pdu[0], AMBLE__LL_ADV_EXT_IND);
        if (last)
            assert_int_equal((s->start_us - last) % 100000, 0);
        last = s->start_us;
        used |= UINT64_C(1) << s->channel;
        events++;
    }
    assert_in_range(events, 90, 100);
    for (events = 0; used; used &= used - 1)
        events++;
    assert_true(events > 25);
}

static void test_loss(void **state)
{
    static const uint32_t losses[] = {0, 50000, 200000};
    static extended_report r;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        size_t whole = 0, truncated = 0;
        uint16_t handle;

        for (int k = 0; k < 2; k++) {
            bench_status(&b.hosts[k], HC_RESET, "");
            bench_unmask(&b.hosts[k]);
            bench_forget(&b.hosts[k]);
        }
        start_train(2, 1000);
        amble__air_set_loss(b.air, losses[i]);
        assert_true(synchronise(1, BY_NAME) > 0);
        bench_run(&b, 10000);
        while (next_report(&b.hosts[1], &r, &handle)) {
            assert_true(extended_data_right(r.data, r.size));
            assert_int_equal(r.truncated, r.size != 1000);
            whole += !r.truncated;
            truncated += r.truncated;
        }
        print_message("loss %u: %zu whole, %zu truncated\n", (unsigned)losses[i], whole, truncated);
        assert_true(whole > 15);
        assert_null(bench_meta(&b.hosts[1], HC_LE_SYNC_LOST));
    }
}

static void test_two_trains_and_two_followers(void **state)
{
    static extended_report r;
    size_t seen[2] = {0};
    uint16_t handle;
    int first, second;

    (void)state;
    start_train(1, 50);
    assert_int_equal(extended_set_up(&b.hosts[2], 6, 0, 1, 2), 0);
    assert_int_equal(bench_status(&b.hosts[2], PARAMETERS, "06 3000 3000 0000"), 0); /* 60 ms */
    assert_int_equal(extended_data(&b.hosts[2], SET_DATA, 6, 300), 0);
    assert_int_equal(extended_enable(&b.hosts[2], 6, 0, 0), 0);
    assert_int_equal(bench_status(&b.hosts[2], ENABLE, "01 06"), 0); /* in the other order */
    first = synchronise(1, BY_NAME);
    second = synchronise(1, "00 06 00 a200000000c0 0000 6400 00");
    assert_true(first > 0 && second > 0 && first != second);
    bench_forget(&b.hosts[1]);
    bench_run(&b, 3000);
    while (next_report(&b.hosts[1], &r, &handle)) {
        assert_true(r.truncated || r.size == (handle == first ? 50u : 300u));
        seen[handle == second]++;
    }
    assert_in_range(seen[0], 25, 30);
    assert_in_range(seen[1], 40, 50);
    assert_true(bench_status(&b.hosts[0], HC_RESET, "") == 0); /* a train ends with its controller */
    bench_run(&b, 1200);
    assert_int_equal(amble__get_le16(bench_meta(&b.hosts[1], HC_LE_SYNC_LOST)->bytes + 4), first);
}

static void test_what_a_host_may_ask_for(void **state)
{
    bench_host *host = &b.hosts[0];

    (void)state;
    assert_int_equal(bench_status(host, PARAMETERS, "05 " INTERVAL " 0000"), HC_UNKNOWN_ADVERTISING);
    assert_int_equal(extended_set_up(host, 5, 0, 1, 1), 0);
    assert_int_equal(bench_status(host, ENABLE, "01 05"), HC_DISALLOWED); /* no parameters */
    assert_int_equal(bench_status(host, SET_DATA, "05 03 01 aa"), HC_DISALLOWED);
    assert_int_equal(bench_status(host, PARAMETERS, "05 0500 5000 0000"), HC_INVALID_PARAMETERS); /* too short */
    assert_int_equal(bench_status(host, PARAMETERS, "05 5100 5000 0000"), HC_INVALID_PARAMETERS); /* order */
    assert_int_equal(bench_status(host, PARAMETERS, "05 " INTERVAL " 0100"), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(host, PARAMETERS, "05 " INTERVAL " 0000"), 0);
    assert_int_equal(bench_status(host, SET_DATA, "05 04 00"), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(host, SET_DATA, "05 03 02 aa"), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(host, SET_DATA, "05 01 01 aa"), 0);
    assert_int_equal(bench_status(host, ENABLE, "01 05"), HC_DISALLOWED); /* not all of the data */
    assert_int_equal(bench_status(host, SET_DATA, "05 02 01 bb"), 0);
    assert_int_equal(bench_status(host, ENABLE, "04 05"), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(host, ENABLE, "03 05"), HC_UNSUPPORTED_PARAMETER); /* ADI in trains */
    assert_int_equal(bench_status(host, ENABLE, "01 05"), 0);
    assert_int_equal(bench_status(host, PARAMETERS, "05 " INTERVAL " 0000"), HC_DISALLOWED);
    assert_int_equal(bench_status(host, SET_DATA, "05 01 01 aa"), HC_DISALLOWED);
    assert_int_equal(extended_set_up(host, 5, 1, 1, 1), HC_INVALID_PARAMETERS); /* connectable */
    assert_int_equal(extended_set_up(host, 6, 0x13, 1, 1), 0);
    assert_int_equal(bench_status(host, PARAMETERS, "06 " INTERVAL " 0000"), HC_INVALID_PARAMETERS);
    b.sniffed_count = 0;
    bench_run(&b, 1000);
    assert_int_equal(b.sniffed_count, 0); /* it waits for its set to be enabled */
    assert_int_equal(bench_status(host, CREATE, "08 05 00 a000000000c0 0000 6400 00"), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(host, CREATE, "04 05 00 a000000000c0 0000 6400 00"), HC_UNSUPPORTED_PARAMETER);
    assert_int_equal(bench_status(host, CREATE, "00 10 00 a000000000c0 0000 6400 00"), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(host, CREATE, "00 05 02 a000000000c0 0000 6400 00"), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(host, CREATE, "00 05 00 a000000000c0 f401 6400 00"), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(host, CREATE, "00 05 00 a000000000c0 0000 0900 00"), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(host, HC_LE_SET_PERIODIC_ADVERTISING_RECEIVE_ENABLE, "0100 01"),
                     HC_UNKNOWN_ADVERTISING);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_three, close_bench)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_train_arrives),
        TEST(test_what_the_host_is_told),
        TEST(test_the_train_goes_on_without_its_set),
        TEST(test_by_the_list),
        TEST(test_skips_events_when_it_may),
        TEST(test_the_train_hops),
        TEST(test_loss),
        TEST(test_two_trains_and_two_followers),
        TEST(test_what_a_host_may_ask_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
