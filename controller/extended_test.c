/* Extended advertising and scanning between controllers: what is on the air, what the hosts are told, and what they
 * may ask for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/extended_bench.h"

#define SET_DATA     HC_LE_SET_EXTENDED_ADVERTISING_DATA
#define SET_RESPONSE HC_LE_SET_EXTENDED_SCAN_RESPONSE_DATA
#define ENABLE       HC_LE_SET_EXTENDED_ADVERTISING_ENABLE

static bench b;
static extended_report r;

static int open_three(void **state)
{
    (void)state;
    bench_open(&b, 61, 3);
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

/* --- on the air --------------------------------------------------------------------------------------------------- */

static uint64_t end_of(const bench_sniffed *s) { return s->start_us + amble__radio_air_time(s->phy, s->size); }

/* The packet that `from` points to: it begins in the announced unit of time, on the announced channel and PHY. */
static const bench_sniffed *follow(const bench_sniffed *from)
{
    amble__ll_extended_pdu pdu;
    const bench_sniffed *s = from;

    assert_true(from->size > 48 || amble__ll_extended_pdu_decode(&pdu, from->pdu, from->size));
    if (from->size > 48) { /* the sniffer keeps the beginning; the header is in it */
        uint8_t whole[AMBLE__RADIO_PDU] = {0};

        memcpy(whole, from->pdu, 48);
        assert_true(amble__ll_extended_pdu_decode(&pdu, whole, from->size));
    }
    assert_true(pdu.has & AMBLE__LL_HAS_AUX);
    for (; s < b.sniffed + b.sniffed_count; s++)
        if (s->channel == pdu.aux.channel && s->phy == pdu.aux.phy && s->start_us > from->start_us)
            break;
    assert_true(s < b.sniffed + b.sniffed_count);
    assert_in_range(s->start_us, from->start_us + pdu.aux.offset_us,
                    from->start_us + pdu.aux.offset_us + pdu.aux.unit_us);
    assert_true(s->start_us >= end_of(from) + AMBLE__LL_T_MAFS_US);
    return s;
}

static void test_the_packets_of_an_event(void **state)
{
    const bench_sniffed *s = b.sniffed, *aux, *chain;
    size_t events = 0;

    (void)state;
    assert_int_equal(extended_set_up(&b.hosts[0], 3, 0x00, 1, 2), 0);
    assert_int_equal(extended_data(&b.hosts[0], SET_DATA, 3, 600), 0);
    assert_int_equal(extended_enable(&b.hosts[0], 3, 0, 0), 0);
    bench_run(&b, 1010);
    while (s + 6 <= b.sniffed + b.sniffed_count) {
        for (uint8_t k = 0; k < 3; k++) { /* ADV_EXT_IND on each channel points to one AUX_ADV_IND */
            assert_int_equal(s[k].channel, 37 + k);
            assert_int_equal(s[k].phy, AMBLE__PHY_1M);
            assert_int_equal(s[k].pdu[0], AMBLE__LL_ADV_EXT_IND);
            assert_ptr_equal(follow(&s[k]), s + 3);
        }
        aux = s + 3;
        assert_int_equal(aux->phy, AMBLE__PHY_2M);
        assert_true(aux->channel < 37);
        chain = follow(aux);
        assert_ptr_equal(chain, s + 4);
        assert_ptr_equal(follow(chain), s + 5);
        assert_true(s[5].size < AMBLE__RADIO_PDU);
        s += 6;
        events++;
    }
    assert_in_range(events, 33, 51);
}

static void test_all_data_arrives(void **state)
{
    static const struct {
        size_t size;
        unsigned primary, secondary, scan;
    } cases[] = {{0, 1, 1, 1},    {31, 1, 1, 1},   {245, 1, 1, 1},  {246, 1, 1, 1},  {229, 1, 2, 1},
                 {1650, 1, 1, 1}, {1650, 1, 2, 1}, {1650, 1, 3, 1}, {1650, 3, 3, 4}, {500, 3, 2, 5}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int k = 0; k < 2; k++) {
            bench_status(&b.hosts[k], HC_RESET, "");
            bench_unmask(&b.hosts[k]);
            bench_forget(&b.hosts[k]);
        }
        assert_int_equal(extended_set_up(&b.hosts[0], 7, 0x40, cases[i].primary, cases[i].secondary), 0);
        assert_int_equal(extended_data(&b.hosts[0], SET_DATA, 7, cases[i].size), 0);
        assert_int_equal(extended_scan(&b.hosts[1], cases[i].scan, false, false), 0);
        assert_int_equal(extended_enable(&b.hosts[0], 7, 0, 0), 0);
        bench_run(&b, 500);
        assert_true(extended_next(&b.hosts[1], &r));
        assert_false(r.truncated);
        assert_int_equal(r.event_type, 0);
        assert_int_equal(r.size, cases[i].size);
        assert_true(extended_data_right(r.data, r.size));
        assert_int_equal(r.address_type, 0);
        assert_int_equal(r.address[0], 0xa0);
        assert_int_equal(r.primary, cases[i].primary);
        assert_int_equal(r.secondary, cases[i].secondary);
        assert_int_equal(r.sid, 7);
        assert_int_equal(r.power, 0);
        assert_in_range(-r.rssi, 30, 80);
    }
}

static void test_anonymous_and_directed(void **state)
{
    (void)state;
    assert_int_equal(extended_set_up(&b.hosts[0], 1, 0x20, 1, 1), 0);
    assert_int_equal(extended_data(&b.hosts[0], SET_DATA, 1, 10), 0);
    assert_int_equal(extended_enable(&b.hosts[0], 1, 0, 0), 0);
    assert_int_equal(extended_scan(&b.hosts[1], 1, true, false), 0);
    assert_int_equal(extended_scan(&b.hosts[2], 1, true, false), 0);
    bench_run(&b, 100);
    assert_true(extended_next(&b.hosts[1], &r));
    assert_int_equal(r.address_type, 0xff);
    assert_memory_equal(r.address, "\0\0\0\0\0\0", 6);
    assert_int_equal(r.power, 0x7f);
    bench_status(&b.hosts[0], ENABLE, "00 00");
    bench_forget(&b.hosts[1]);
    bench_forget(&b.hosts[2]);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_EXTENDED_ADVERTISING_PARAMETERS,
                                  "02 0400 200000 200000 07 00 00 a100000000c0 00 7f 01 00 01 00 00"),
                     0);
    assert_int_equal(extended_enable(&b.hosts[0], 2, 0, 0), 0);
    bench_run(&b, 100);
    assert_true(extended_next(&b.hosts[1], &r));
    assert_int_equal(r.event_type, 4);
    assert_int_equal(r.target[0], 0xa1);
    assert_false(extended_next(&b.hosts[2], &r)); /* not meant */
}

static void test_scan_responses(void **state)
{
    size_t advertisements = 0, responses = 0;
    const bench_note *note;

    (void)state;
    assert_int_equal(extended_set_up(&b.hosts[0], 4, 0x02, 1, 2), 0);
    assert_int_equal(extended_enable(&b.hosts[0], 4, 0, 0), HC_DISALLOWED); /* there is nothing to answer with */
    assert_int_equal(extended_data(&b.hosts[0], SET_RESPONSE, 4, 1000), 0);
    assert_int_equal(extended_data(&b.hosts[0], SET_DATA, 4, 10), HC_INVALID_PARAMETERS);
    assert_int_equal(extended_enable(&b.hosts[0], 4, 0, 0), 0);
    assert_int_equal(extended_scan(&b.hosts[1], 1, true, false), 0);
    bench_run(&b, 1000);
    while (extended_next(&b.hosts[1], &r)) {
        if (r.event_type == 0x02) {
            assert_int_equal(r.size, 0);
            advertisements++;
            continue;
        }
        assert_int_equal(r.event_type, 0x0a);
        assert_int_equal(r.size, 1000);
        assert_true(extended_data_right(r.data, r.size));
        assert_int_equal(r.sid, 4);
        responses++;
    }
    assert_true(advertisements > 20 && responses > 10);
    note = bench_meta(&b.hosts[0], HC_LE_SCAN_REQUEST_RECEIVED);
    assert_non_null(note);
    assert_memory_equal(note->bytes + 4, "\x04\x00\xa1\x00\x00\x00\x00\xc0", 8);
    bench_status(&b.hosts[1], HC_LE_SET_EXTENDED_SCAN_ENABLE, "00 00 0000 0000");
    bench_forget(&b.hosts[1]);
    assert_int_equal(extended_scan(&b.hosts[1], 1, false, false), 0); /* a passive scanner does not ask */
    bench_run(&b, 500);
    while (extended_next(&b.hosts[1], &r))
        assert_int_equal(r.event_type, 0x02);
}

static void test_legacy_pdus_through_extended_commands(void **state)
{
    static const struct {
        unsigned properties, response;
    } cases[] = {{0x13, 0x1b}, {0x12, 0x1a}, {0x10, 0}};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        size_t responses = 0;

        bench_forget(&b.hosts[1]);
        assert_int_equal(extended_set_up(&b.hosts[0], 0, cases[i].properties, 1, 1), 0);
        assert_int_equal(extended_data(&b.hosts[0], SET_DATA, 0, 32), HC_INVALID_PARAMETERS);
        assert_int_equal(extended_data(&b.hosts[0], SET_DATA, 0, 31), 0);
        if (cases[i].response)
            assert_int_equal(extended_data(&b.hosts[0], SET_RESPONSE, 0, 5), 0);
        assert_int_equal(extended_enable(&b.hosts[0], 0, 0, 0), 0);
        assert_int_equal(extended_scan(&b.hosts[1], 1, true, false), 0);
        bench_run(&b, 200);
        while (extended_next(&b.hosts[1], &r)) {
            assert_int_equal(r.primary, 1);
            assert_int_equal(r.secondary, 0);
            assert_int_equal(r.sid, 0xff);
            responses += r.size == 5;
            assert_int_equal(r.event_type, r.size == 5 ? cases[i].response : cases[i].properties);
        }
        assert_int_equal(responses > 0, cases[i].response != 0);
        bench_status(&b.hosts[0], ENABLE, "00 01 00 0000 00");
        bench_status(&b.hosts[1], HC_LE_SET_EXTENDED_SCAN_ENABLE, "00 00 0000 0000");
    }
}

static void test_a_legacy_scanner_does_not_see_it(void **state)
{
    (void)state;
    assert_int_equal(extended_set_up(&b.hosts[0], 0, 0, 1, 1), 0);
    assert_int_equal(extended_enable(&b.hosts[0], 0, 0, 0), 0);
    assert_int_equal(bench_scan(&b.hosts[1], true, false), 0);
    bench_run(&b, 500);
    assert_int_equal(bench_count(&b.hosts[1], HC_LE_META, HC_LE_ADVERTISING_REPORT), 0);
    assert_int_equal(bench_count(&b.hosts[1], HC_LE_META, HC_LE_EXTENDED_ADVERTISING_REPORT), 0);
}

static void test_several_sets(void **state)
{
    size_t seen[4] = {0}, truncated = 0;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(extended_set_up(&b.hosts[0], 10 + i, 0, 1, 1 + i % 2), 0);
        assert_int_equal(extended_data(&b.hosts[0], SET_DATA, 10 + i, 100 * i), 0);
    }
    assert_int_equal(extended_set_up(&b.hosts[0], 0xef, 0, 1, 1), HC_MEMORY_FULL);
    assert_int_equal(bench_status(&b.hosts[0], ENABLE, "01 04 0a 0000 00 0b 0000 00 0c 0000 00 0d 0000 00"), 0);
    assert_int_equal(extended_scan(&b.hosts[1], 1, false, false), 0);
    bench_run(&b, 1000);
    while (extended_next(&b.hosts[1], &r)) {
        assert_true(extended_data_right(r.data, r.size));
        assert_int_equal(r.truncated, r.size != 100u * (r.sid - 10u));
        truncated += r.truncated;
        seen[r.sid - 10] += !r.truncated;
    }
    print_message("seen %zu %zu %zu %zu, truncated %zu\n", seen[0], seen[1], seen[2], seen[3], truncated);
    for (int i = 0; i < 4; i++)
        assert_true(seen[i] > 15);
    assert_true(truncated < 5); /* they keep out of each other's way */
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_REMOVE_ADVERTISING_SET, "0a"), HC_DISALLOWED);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_CLEAR_ADVERTISING_SETS, ""), HC_DISALLOWED);
    assert_int_equal(bench_status(&b.hosts[0], ENABLE, "00 01 0a 0000 00"), 0);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_REMOVE_ADVERTISING_SET, "0a"), 0);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_REMOVE_ADVERTISING_SET, "0a"), HC_UNKNOWN_ADVERTISING);
    assert_int_equal(extended_set_up(&b.hosts[0], 0xef, 0, 1, 1), 0);
    assert_int_equal(bench_status(&b.hosts[0], ENABLE, "00 00"), 0);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_CLEAR_ADVERTISING_SETS, ""), 0);
    b.sniffed_count = 0;
    bench_run(&b, 500);
    assert_int_equal(b.sniffed_count, 0);
}

static void test_the_data_identifier_tells_new_data(void **state)
{
    size_t reports = 0;

    (void)state;
    assert_int_equal(extended_set_up(&b.hosts[0], 1, 0, 1, 1), 0);
    assert_int_equal(extended_data(&b.hosts[0], SET_DATA, 1, 300), 0);
    assert_int_equal(extended_enable(&b.hosts[0], 1, 0, 0), 0);
    assert_int_equal(extended_scan(&b.hosts[1], 1, false, true), 0);
    for (size_t i = 0; i < 5; i++) {
        bench_run(&b, 500);
        while (extended_next(&b.hosts[1], &r))
            reports++;
        assert_int_equal(reports, i + 1); /* once for each data, however often it was heard */
        if (i & 1)
            assert_int_equal(extended_data(&b.hosts[0], SET_DATA, 1, 100 + i), 0);
        else
            assert_int_equal(bench_status(&b.hosts[0], SET_DATA, "01 04 00 00"), 0); /* unchanged: still a new one */
    }
}

/* --- ends --------------------------------------------------------------------------------------------------------- */

static void test_duration_and_number_of_events(void **state)
{
    const bench_note *note;

    (void)state;
    assert_int_equal(extended_set_up(&b.hosts[0], 1, 0, 1, 1), 0);
    assert_int_equal(extended_set_up(&b.hosts[0], 2, 0x10, 1, 1), 0);
    assert_int_equal(extended_enable(&b.hosts[0], 1, 50, 0), 0); /* 500 ms */
    assert_int_equal(extended_enable(&b.hosts[0], 2, 0, 7), 0);
    bench_run(&b, 499);
    note = bench_meta(&b.hosts[0], HC_LE_ADVERTISING_SET_TERMINATED);
    assert_memory_equal(note->bytes + 4, "\x43\x02\x00\x00\x07", 5);
    assert_null(bench_meta(&b.hosts[0], HC_LE_ADVERTISING_SET_TERMINATED));
    bench_run(&b, 2);
    note = bench_meta(&b.hosts[0], HC_LE_ADVERTISING_SET_TERMINATED);
    assert_memory_equal(note->bytes + 4, "\x3c\x01\x00\x00", 4);
    assert_in_range(note->bytes[8], 15, 25);
    b.sniffed_count = 0;
    bench_run(&b, 500);
    assert_int_equal(b.sniffed_count, 0);
    assert_int_equal(extended_enable(&b.hosts[0], 1, 50, 0), 0);
    bench_run(&b, 300);
    assert_int_equal(extended_enable(&b.hosts[0], 1, 50, 0), 0); /* anew: the duration begins again */
    bench_run(&b, 300);
    assert_null(bench_meta(&b.hosts[0], HC_LE_ADVERTISING_SET_TERMINATED));
    assert_int_equal(bench_status(&b.hosts[0], ENABLE, "00 01 01 0000 00"), 0);
    bench_run(&b, 1000);
    assert_null(bench_meta(&b.hosts[0], HC_LE_ADVERTISING_SET_TERMINATED)); /* the host knows */
}

static void test_scan_duration_and_period(void **state)
{
    size_t in_first = 0, in_pause = 0, in_second = 0;

    (void)state;
    assert_int_equal(extended_set_up(&b.hosts[0], 1, 0, 1, 1), 0);
    assert_int_equal(extended_enable(&b.hosts[0], 1, 0, 0), 0);
    assert_int_equal(bench_status(&b.hosts[1], HC_LE_SET_EXTENDED_SCAN_PARAMETERS, "00 00 01 00 1000 1000"), 0);
    assert_int_equal(bench_status(&b.hosts[1], HC_LE_SET_EXTENDED_SCAN_ENABLE, "01 00 3200 0000"), 0);
    bench_run(&b, 499);
    assert_null(bench_meta(&b.hosts[1], HC_LE_SCAN_TIMEOUT));
    bench_run(&b, 2);
    assert_non_null(bench_meta(&b.hosts[1], HC_LE_SCAN_TIMEOUT));
    bench_forget(&b.hosts[1]);
    bench_run(&b, 500);
    assert_false(extended_next(&b.hosts[1], &r));
    /* 500 ms of every 1.28 s, and once per device and period */
    assert_int_equal(bench_status(&b.hosts[1], HC_LE_SET_EXTENDED_SCAN_ENABLE, "01 02 3200 0100"), 0);
    bench_run(&b, 500);
    while (extended_next(&b.hosts[1], &r))
        in_first++;
    bench_run(&b, 779);
    while (extended_next(&b.hosts[1], &r))
        in_pause++;
    bench_run(&b, 501);
    while (extended_next(&b.hosts[1], &r))
        in_second++;
    assert_int_equal(in_first, 1);
    assert_int_equal(in_pause, 0);
    assert_int_equal(in_second, 1);
    assert_null(bench_meta(&b.hosts[1], HC_LE_SCAN_TIMEOUT));
}

/* --- connections -------------------------------------------------------------------------------------------------- */

static void test_connects_on_the_secondary_channel(void **state)
{
    const bench_note *central, *peripheral, *note;

    (void)state;
    assert_int_equal(extended_set_up(&b.hosts[1], 5, 0x01, 1, 1), 0);
    assert_int_equal(extended_data(&b.hosts[1], SET_DATA, 5, 200), 0);
    assert_int_equal(extended_enable(&b.hosts[1], 5, 0, 0), 0);
    assert_int_equal(extended_connect(&b.hosts[0], 1, 1), 0);
    bench_run(&b, 300);
    central = bench_meta(&b.hosts[0], HC_LE_CONNECTION_COMPLETE);
    peripheral = bench_meta(&b.hosts[1], HC_LE_CONNECTION_COMPLETE);
    assert_non_null(central);
    assert_non_null(peripheral);
    assert_int_equal(central->bytes[4], 0);
    assert_int_equal(peripheral->bytes[7], 1);
    note = bench_meta(&b.hosts[1], HC_LE_CHANNEL_SELECTION_ALGORITHM);
    assert_int_equal(note->bytes[6], 1);
    note = bench_meta(&b.hosts[1], HC_LE_ADVERTISING_SET_TERMINATED); /* after the link it led to */
    assert_int_equal(note->bytes[4], 0);
    assert_int_equal(note->bytes[5], 5);
    assert_memory_equal(note->bytes + 6, peripheral->bytes + 5, 2);
    bench_send(&b.hosts[0], amble__get_le16(central->bytes + 5), 1, 27);
    bench_send(&b.hosts[1], amble__get_le16(peripheral->bytes + 5), 2, 27);
    bench_run(&b, 200);
    assert_non_null(bench_acl(&b.hosts[0]));
    assert_non_null(bench_acl(&b.hosts[1]));
    bench_run(&b, 3000);
    assert_int_equal(bench_disconnected(&b.hosts[0]), -1);
    b.sniffed_count = 0; /* a connection ends advertising */
    bench_run(&b, 300);
    for (size_t i = 0; i < b.sniffed_count; i++)
        assert_int_not_equal(b.sniffed[i].access_address, 0x8e89bed6);
}

/* On LE Coded alone, or beside LE 1M; who listens on LE 1M only, does not hear it. */
static void test_connects_on_coded(void **state)
{
    static const struct {
        unsigned phys;
        bool heard;
    } cases[] = {{4, true}, {5, true}, {1, false}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const bench_note *central;
        bench_sniffed *s;

        for (int k = 0; k < 2; k++) {
            bench_status(&b.hosts[k], HC_RESET, "");
            bench_unmask(&b.hosts[k]);
            bench_forget(&b.hosts[k]);
        }
        assert_int_equal(extended_set_up(&b.hosts[1], 5, 0x01, 3, 3), 0);
        assert_int_equal(extended_enable(&b.hosts[1], 5, 0, 0), 0);
        assert_int_equal(extended_connect(&b.hosts[0], 1, cases[i].phys), 0);
        bench_run(&b, 1000);
        central = bench_meta(&b.hosts[0], HC_LE_CONNECTION_COMPLETE);
        assert_int_equal(central != NULL, cases[i].heard);
        assert_int_equal(bench_meta(&b.hosts[1], HC_LE_CONNECTION_COMPLETE) != NULL, cases[i].heard);
        if (!central)
            continue;
        assert_int_equal(central->bytes[4], 0);
        b.sniffed_count = 0;
        bench_send(&b.hosts[0], amble__get_le16(central->bytes + 5), 1, 27);
        bench_run(&b, 200);
        assert_non_null(bench_acl(&b.hosts[1]));
        assert_true(b.sniffed_count > 2);
        for (s = b.sniffed; s < b.sniffed + b.sniffed_count; s++) /* the link is where the request was */
            assert_int_equal(s->phy, AMBLE__PHY_CODED);
    }
}

/* With windows of half the interval each, a scanner misses little on either PHY. */
static void test_two_phys_share_the_time(void **state)
{
    size_t heard[2] = {0};

    (void)state;
    assert_int_equal(extended_set_up(&b.hosts[0], 1, 0x00, 1, 1), 0);
    assert_int_equal(extended_set_up(&b.hosts[1], 2, 0x00, 3, 3), 0);
    assert_int_equal(extended_enable(&b.hosts[0], 1, 0, 0), 0);
    assert_int_equal(extended_enable(&b.hosts[1], 2, 0, 0), 0);
    assert_int_equal(bench_status(&b.hosts[2], HC_LE_SET_EXTENDED_SCAN_PARAMETERS,
                                  "00 00 05 00 4000 2000 00 4000 2000"), /* 20 ms of 40 */
                     0);
    assert_int_equal(bench_status(&b.hosts[2], HC_LE_SET_EXTENDED_SCAN_ENABLE, "01 00 0000 0000"), 0);
    bench_run(&b, 4000); /* some 160 events of each */
    while (extended_next(&b.hosts[2], &r))
        heard[r.sid - 1]++;
    print_message("heard %zu on LE 1M, %zu on LE Coded\n", heard[0], heard[1]);
    assert_true(heard[0] > 60);
    assert_true(heard[1] > 40); /* its packets are long: some begin in a window and end behind it */
}

static void test_directed_connects_its_target_only(void **state)
{
    (void)state;
    assert_int_equal(bench_status(&b.hosts[1], HC_LE_SET_EXTENDED_ADVERTISING_PARAMETERS,
                                  "05 0500 200000 200000 07 00 00 a200000000c0 00 7f 01 00 01 00 00"),
                     0);
    assert_int_equal(extended_enable(&b.hosts[1], 5, 0, 0), 0);
    assert_int_equal(extended_connect(&b.hosts[0], 1, 1), 0);
    bench_run(&b, 300);
    assert_null(bench_meta(&b.hosts[0], HC_LE_CONNECTION_COMPLETE));
    assert_int_equal(extended_connect(&b.hosts[2], 1, 1), 0);
    bench_run(&b, 300);
    assert_non_null(bench_meta(&b.hosts[2], HC_LE_CONNECTION_COMPLETE));
}

static void test_high_duty_directed_through_extended_commands(void **state)
{
    const bench_note *note;

    (void)state;
    assert_int_equal(bench_status(&b.hosts[1], HC_LE_SET_EXTENDED_ADVERTISING_PARAMETERS,
                                  "05 1d00 000000 000000 07 00 00 a200000000c0 00 7f 01 00 01 00 00"),
                     0);
    assert_int_equal(extended_enable(&b.hosts[1], 5, 0, 0), HC_INVALID_PARAMETERS);
    assert_int_equal(extended_enable(&b.hosts[1], 5, 129, 0), HC_INVALID_PARAMETERS);
    assert_int_equal(extended_enable(&b.hosts[1], 5, 50, 0), 0);
    bench_run(&b, 501);
    note = bench_meta(&b.hosts[1], HC_LE_ADVERTISING_SET_TERMINATED);
    assert_memory_equal(note->bytes + 4, "\x3c\x05", 2);
}

/* Cancel at each moment around AUX_CONNECT_REQ and its answer: the central's host always has one outcome, and a
 * peripheral that was left alone finds out. */
static void test_cancel_races(void **state)
{
    size_t linked = 0, cancelled = 0, left_alone = 0;

    (void)state;
    for (uint64_t at = 100; at < 4000; at += 13) {
        bool both;

        for (int k = 0; k < 2; k++) {
            bench_status(&b.hosts[k], HC_RESET, "");
            bench_unmask(&b.hosts[k]);
            bench_forget(&b.hosts[k]);
        }
        assert_int_equal(extended_connect(&b.hosts[0], 1, 1), 0);
        assert_int_equal(extended_set_up(&b.hosts[1], 5, 0x01, 1, 1), 0);
        assert_int_equal(extended_enable(&b.hosts[1], 5, 0, 0), 0);
        bench_run_us(&b, at);
        both = bench_status(&b.hosts[0], HC_LE_CREATE_CONNECTION_CANCEL, "") != 0;
        bench_run(&b, 300);
        assert_int_equal(bench_count(&b.hosts[0], HC_LE_META, HC_LE_CONNECTION_COMPLETE), 1);
        assert_int_equal(bench_meta(&b.hosts[0], HC_LE_CONNECTION_COMPLETE)->bytes[4], both ? 0 : 2);
        linked += both;
        cancelled += !both;
        if (!both && bench_meta(&b.hosts[1], HC_LE_CONNECTION_COMPLETE)) {
            assert_int_equal(bench_disconnected(&b.hosts[1]), HC_FAILED_TO_ESTABLISH);
            left_alone++;
        }
    }
    assert_true(linked > 10 && cancelled > 10);
    assert_true(left_alone > 0);
}

static void test_beside_a_link(void **state)
{
    uint16_t at_central, at_peripheral;
    size_t whole = 0, truncated = 0;

    (void)state;
    bench_open_host(&b, 3, (amble__controller_options){0});
    bench_unmask(&b.hosts[3]);
    assert_int_equal(extended_set_up(&b.hosts[1], 5, 0x01, 1, 1), 0);
    assert_int_equal(extended_enable(&b.hosts[1], 5, 0, 0), 0);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_EXTENDED_CREATE_CONNECTION, /* an interval of 7.5 ms */
                                  "00 00 00 a100000000c0 01 1000 1000 0600 0600 0000 6400 0000 0000"),
                     0);
    bench_run(&b, 300);
    at_central = amble__get_le16(bench_meta(&b.hosts[0], HC_LE_CONNECTION_COMPLETE)->bytes + 5);
    at_peripheral = amble__get_le16(bench_meta(&b.hosts[1], HC_LE_CONNECTION_COMPLETE)->bytes + 5);
    assert_int_equal(extended_set_up(&b.hosts[1], 6, 0, 1, 1), 0);
    assert_int_equal(extended_data(&b.hosts[1], SET_DATA, 6, 1650), 0); /* longer on the air than the interval */
    assert_int_equal(extended_enable(&b.hosts[1], 6, 0, 0), 0);
    assert_int_equal(extended_scan(&b.hosts[2], 1, false, false), 0);
    bench_run(&b, 3000);
    while (extended_next(&b.hosts[2], &r)) {
        whole += !r.truncated;
        truncated += r.truncated;
    }
    print_message("beside a link: %zu whole, %zu truncated\n", whole, truncated);
    assert_true(whole > 30 && truncated * 10 < whole);
    assert_int_equal(bench_disconnected(&b.hosts[0]), -1);
    bench_send(&b.hosts[0], at_central, 1, 27);
    bench_send(&b.hosts[1], at_peripheral, 1, 27);
    bench_run(&b, 100);
    assert_non_null(bench_acl(&b.hosts[1]));
}

/* Under loss no data is ever wrong, what is whole is told from what is not, and it comes through in the end. */
static void test_loss(void **state)
{
    static const uint32_t losses[] = {0, 50000, 200000};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        size_t whole = 0, truncated = 0;

        amble__air_set_loss(b.air, losses[i]);
        for (int k = 0; k < 2; k++) {
            bench_status(&b.hosts[k], HC_RESET, "");
            bench_unmask(&b.hosts[k]);
            bench_forget(&b.hosts[k]);
        }
        assert_int_equal(extended_set_up(&b.hosts[0], 1, 0x02, 1, 1), 0);
        assert_int_equal(extended_data(&b.hosts[0], SET_RESPONSE, 1, 1650), 0);
        assert_int_equal(extended_enable(&b.hosts[0], 1, 0, 0), 0);
        assert_int_equal(extended_scan(&b.hosts[1], 1, true, false), 0);
        bench_run(&b, 5000);
        while (extended_next(&b.hosts[1], &r)) {
            if (!(r.event_type & 8))
                continue;
            assert_true(extended_data_right(r.data, r.size));
            assert_int_equal(r.truncated, r.size != 1650);
            whole += !r.truncated;
            truncated += r.truncated;
        }
        print_message("loss %u: %zu whole, %zu truncated\n", (unsigned)losses[i], whole, truncated);
        assert_true(whole > 0);
        assert_int_equal(truncated > 0, losses[i] > 0);
    }
}

/* --- what a host may ask for -------------------------------------------------------------------------------------- */

static void test_mixing_commands_is_refused(void **state)
{
    static const struct {
        unsigned opcode;
        const char *parameters;
    } legacy[] =
        {
            {HC_LE_SET_ADVERTISING_PARAMETERS, "2000 2000 00 00 00 000000000000 07 00"},
            {HC_LE_READ_ADVERTISING_TX_POWER, ""},
            {HC_LE_SET_ADVERTISING_DATA, "00 00000000000000000000000000000000000000000000000000000000000000"},
            {HC_LE_SET_SCAN_RESPONSE_DATA, "00 00000000000000000000000000000000000000000000000000000000000000"},
            {HC_LE_SET_ADVERTISING_ENABLE, "00"},
            {HC_LE_SET_SCAN_PARAMETERS, "00 1000 1000 00 00"},
            {HC_LE_SET_SCAN_ENABLE, "00 00"},
            {HC_LE_CREATE_CONNECTION, "1000 1000 00 00 a100000000c0 00 1800 1800 0000 6400 0000 0000"},
        },
      extended[] = {
          {HC_LE_SET_EXTENDED_ADVERTISING_PARAMETERS,
           "01 0000 200000 200000 07 00 00 000000000000 00 7f 01 00 01 00 00"},
          {HC_LE_READ_MAXIMUM_ADVERTISING_DATA_LENGTH, ""},
          {HC_LE_READ_NUMBER_OF_SUPPORTED_ADVERTISING_SETS, ""},
          {HC_LE_CLEAR_ADVERTISING_SETS, ""},
          {ENABLE, "00 00"},
          {HC_LE_SET_EXTENDED_SCAN_PARAMETERS, "00 00 01 00 1000 1000"},
          {HC_LE_SET_EXTENDED_SCAN_ENABLE, "00 00 0000 0000"},
          {HC_LE_EXTENDED_CREATE_CONNECTION, "00 00 00 a100000000c0 01 1000 1000 1800 1800 0000 6400 0000 0000"},
      };
    bench_host *host = &b.hosts[0];

    (void)state;
    for (size_t i = 0; i < 8; i++)
        for (size_t k = 0; k < 8; k++) {
            bench_forget(host);
            bench_status(host, HC_RESET, "");
            assert_int_equal(bench_status(host, legacy[i].opcode, legacy[i].parameters), 0);
            assert_int_equal(bench_status(host, extended[k].opcode, extended[k].parameters), HC_DISALLOWED);
            assert_int_equal(bench_status(host, legacy[k].opcode, legacy[k].parameters), i == 7 && k == 7 ? 0x0c : 0);
            bench_status(host, HC_RESET, "");
            assert_int_equal(bench_status(host, extended[k].opcode, extended[k].parameters), 0);
            assert_int_equal(bench_status(host, legacy[i].opcode, legacy[i].parameters), HC_DISALLOWED);
        }
    assert_int_equal(bench_status(host, HC_LE_CREATE_CONNECTION_CANCEL, ""), 0); /* belongs to both */
}

static void test_parameters_that_do_not_go(void **state)
{
    static const struct {
        const char *parameters;
        int status;
    } wrong[] = {
        {"f0 0000 200000 200000 07 00 00 000000000000 00 7f 01 00 01 00 00", HC_INVALID_PARAMETERS}, /* handle */
        {"01 0300 200000 200000 07 00 00 000000000000 00 7f 01 00 01 00 00", HC_INVALID_PARAMETERS}, /* both */
        {"01 0900 200000 200000 07 00 00 000000000000 00 7f 01 00 01 00 00", HC_INVALID_PARAMETERS}, /* high duty */
        {"01 2100 200000 200000 07 00 00 000000000000 00 7f 01 00 01 00 00", HC_INVALID_PARAMETERS}, /* anonymous */
        {"01 1100 200000 200000 07 00 00 000000000000 00 7f 01 00 01 00 00", HC_INVALID_PARAMETERS}, /* not legacy */
        {"01 8000 200000 200000 07 00 00 000000000000 00 7f 01 00 01 00 00", HC_INVALID_PARAMETERS}, /* unknown */
        {"01 0000 1f0000 200000 07 00 00 000000000000 00 7f 01 00 01 00 00", HC_INVALID_PARAMETERS}, /* too short */
        {"01 0000 210000 200000 07 00 00 000000000000 00 7f 01 00 01 00 00", HC_INVALID_PARAMETERS}, /* order */
        {"01 0000 200000 200000 00 00 00 000000000000 00 7f 01 00 01 00 00", HC_INVALID_PARAMETERS}, /* no channel */
        {"01 0000 200000 200000 08 00 00 000000000000 00 7f 01 00 01 00 00", HC_INVALID_PARAMETERS}, /* a fourth */
        {"01 0000 200000 200000 07 04 00 000000000000 00 7f 01 00 01 00 00", HC_INVALID_PARAMETERS}, /* own type */
        {"01 0000 200000 200000 07 00 02 000000000000 00 7f 01 00 01 00 00", HC_INVALID_PARAMETERS}, /* peer type */
        {"01 0000 200000 200000 07 00 00 000000000000 04 7f 01 00 01 00 00", HC_INVALID_PARAMETERS}, /* policy */
        {"01 0000 200000 200000 07 00 00 000000000000 00 15 01 00 01 00 00", HC_INVALID_PARAMETERS}, /* 21 dBm */
        {"01 0000 200000 200000 07 00 00 000000000000 00 7f 02 00 01 00 00", HC_INVALID_PARAMETERS}, /* primary 2M */
        {"01 1000 200000 200000 07 00 00 000000000000 00 7f 03 00 03 00 00", HC_INVALID_PARAMETERS}, /* legacy coded */
        {"01 0000 200000 200000 07 00 00 000000000000 00 7f 01 00 04 00 00", HC_INVALID_PARAMETERS}, /* secondary */
        {"01 0000 200000 200000 07 00 00 000000000000 00 7f 01 00 01 10 00", HC_INVALID_PARAMETERS}, /* SID */
    };
    bench_host *host = &b.hosts[0];

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(bench_status(host, HC_LE_SET_EXTENDED_ADVERTISING_PARAMETERS, wrong[i].parameters),
                         wrong[i].status);
    assert_int_equal(extended_enable(host, 1, 0, 0), HC_UNKNOWN_ADVERTISING);
    assert_int_equal(bench_status(host, ENABLE, "01 00"), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(host, ENABLE, "02 00"), HC_INVALID_PARAMETERS);
    assert_int_equal(extended_set_up(host, 1, 0, 1, 1), 0);
    assert_int_equal(bench_status(host, ENABLE, "01 02 01 0000 00"), HC_INVALID_PARAMETERS); /* one is missing */
    assert_int_equal(bench_status(host, ENABLE, "01 02 01 0000 00 01 0000 00"), HC_INVALID_PARAMETERS); /* twice */
    assert_int_equal(bench_status(host, ENABLE, "01 02 01 0000 00 02 0000 00"), HC_UNKNOWN_ADVERTISING);
    b.sniffed_count = 0;
    bench_run(&b, 100);
    assert_int_equal(b.sniffed_count, 0); /* all or none */
    assert_int_equal(extended_enable(host, 1, 0, 0), 0);
    assert_int_equal(extended_set_up(host, 1, 0, 1, 1), HC_DISALLOWED);
}

static void test_an_address_of_the_sets_own(void **state)
{
    bench_host *host = &b.hosts[0];

    (void)state;
    assert_int_equal(bench_status(host, HC_LE_SET_ADVERTISING_SET_RANDOM_ADDRESS, "01 0102030405c6"),
                     HC_UNKNOWN_ADVERTISING);
    assert_int_equal(bench_status(host, HC_LE_SET_EXTENDED_ADVERTISING_PARAMETERS,
                                  "01 0100 200000 200000 07 01 00 000000000000 00 7f 01 00 01 00 00"),
                     0);
    assert_int_equal(extended_enable(host, 1, 0, 0), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(host, HC_LE_SET_RANDOM_ADDRESS, "0102030405c7"), 0); /* that is another one */
    assert_int_equal(extended_enable(host, 1, 0, 0), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(host, HC_LE_SET_ADVERTISING_SET_RANDOM_ADDRESS, "01 0102030405c6"), 0);
    assert_int_equal(extended_enable(host, 1, 0, 0), 0);
    assert_int_equal(bench_status(host, HC_LE_SET_ADVERTISING_SET_RANDOM_ADDRESS, "01 0102030405c8"), HC_DISALLOWED);
    assert_int_equal(extended_scan(&b.hosts[1], 1, false, false), 0);
    bench_run(&b, 100);
    assert_true(extended_next(&b.hosts[1], &r));
    assert_int_equal(r.address_type, 1);
    assert_memory_equal(r.address, "\x01\x02\x03\x04\x05\xc6", 6);
}

static void test_fragments_of_data(void **state)
{
    bench_host *host = &b.hosts[0];

    (void)state;
    assert_int_equal(bench_status(host, SET_DATA, "01 03 00 00"), HC_UNKNOWN_ADVERTISING);
    assert_int_equal(extended_set_up(host, 1, 0, 1, 1), 0);
    assert_int_equal(bench_status(host, SET_DATA, "01 03 00 02 aa"), HC_INVALID_PARAMETERS); /* a length that lies */
    assert_int_equal(bench_status(host, SET_DATA, "01 05 00 00"), HC_INVALID_PARAMETERS);    /* operation */
    assert_int_equal(bench_status(host, SET_DATA, "01 00 00 01 aa"), HC_INVALID_PARAMETERS); /* before the first */
    assert_int_equal(bench_status(host, SET_DATA, "01 01 00 00"), HC_INVALID_PARAMETERS);    /* an empty fragment */
    assert_int_equal(bench_status(host, SET_DATA, "01 04 00 00"), HC_INVALID_PARAMETERS);    /* not enabled */
    assert_int_equal(bench_status(host, SET_DATA, "01 01 00 02 aabb"), 0);
    assert_int_equal(extended_enable(host, 1, 0, 0), HC_DISALLOWED); /* not all of it */
    assert_int_equal(bench_status(host, SET_DATA, "01 00 00 01 cc"), 0);
    assert_int_equal(bench_status(host, SET_DATA, "01 02 00 01 dd"), 0);
    assert_int_equal(extended_enable(host, 1, 0, 0), 0);
    assert_int_equal(bench_status(host, SET_DATA, "01 01 00 01 aa"), HC_DISALLOWED); /* while enabled: whole only */
    assert_int_equal(extended_scan(&b.hosts[1], 1, false, false), 0);
    bench_run(&b, 100);
    assert_true(extended_next(&b.hosts[1], &r));
    assert_int_equal(r.size, 4);
    assert_memory_equal(r.data, "\xaa\xbb\xcc\xdd", 4);
    assert_int_equal(extended_set_up(host, 2, 0, 1, 1), 0);
    assert_int_equal(extended_data(host, SET_DATA, 2, 1650), 0);
    assert_int_equal(extended_data(host, SET_DATA, 2, 1651), HC_MEMORY_FULL);
    assert_int_equal(extended_data(host, SET_RESPONSE, 2, 1), HC_INVALID_PARAMETERS); /* it answers nobody */
    assert_int_equal(extended_set_up(host, 3, 1, 1, 1), 0);
    assert_int_equal(extended_data(host, SET_DATA, 3, 245), 0);
    assert_int_equal(extended_enable(host, 3, 0, 0), 0);
    assert_int_equal(bench_status(host, ENABLE, "00 01 03 0000 00"), 0);
    assert_int_equal(extended_data(host, SET_DATA, 3, 246), 0);
    assert_int_equal(extended_enable(host, 3, 0, 0), HC_PACKET_TOO_LONG); /* connectable: one PDU only */
}

static void test_what_it_says_of_itself(void **state)
{
    bench_host *host = &b.hosts[0];

    (void)state;
    assert_memory_equal(bench_command(host, HC_LE_READ_MAXIMUM_ADVERTISING_DATA_LENGTH, ""), "\x00\x72\x06", 3);
    assert_memory_equal(bench_command(host, HC_LE_READ_NUMBER_OF_SUPPORTED_ADVERTISING_SETS, ""), "\x00\x04", 2);
    assert_memory_equal(bench_command(host, HC_LE_SET_EXTENDED_ADVERTISING_PARAMETERS,
                                      "01 0000 200000 200000 07 00 00 000000000000 00 7f 01 00 01 00 00"),
                        "\x00\x00", 2);
}

static void test_a_controller_of_4_2(void **state)
{
    bench_host *host = &b.hosts[3];
    const uint8_t *answer;

    (void)state;
    bench_open_host(&b, 3, (amble__controller_options){.only_4_2 = true});
    assert_int_equal(bench_status(host, HC_LE_READ_NUMBER_OF_SUPPORTED_ADVERTISING_SETS, ""), HC_UNKNOWN_COMMAND);
    assert_int_equal(bench_status(host, HC_LE_SET_DEFAULT_PHY, "000101"), HC_UNKNOWN_COMMAND);
    answer = bench_command(host, HC_READ_LOCAL_SUPPORTED_COMMANDS, "") + 1;
    assert_int_equal(answer[35] & 0xf0, 0);
    for (size_t i = 36; i < 64; i++)
        assert_int_equal(answer[i], 0);
    assert_int_equal(bench_command(host, HC_READ_LOCAL_VERSION, "")[1], 8);
    assert_int_equal(amble__get_le64(bench_command(host, HC_LE_READ_LOCAL_SUPPORTED_FEATURES, "") + 1) & ~0xffull, 0);
    bench_unmask(host);
    assert_int_equal(bench_advertise(host, 0, 32, "020106"), 0); /* the old commands work */
    assert_int_equal(extended_connect(&b.hosts[0], 3, 1), 0);
    bench_run(&b, 300);
    assert_non_null(bench_meta(host, HC_LE_CONNECTION_COMPLETE));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_three, close_bench)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_packets_of_an_event),
        TEST(test_all_data_arrives),
        TEST(test_anonymous_and_directed),
        TEST(test_scan_responses),
        TEST(test_legacy_pdus_through_extended_commands),
        TEST(test_a_legacy_scanner_does_not_see_it),
        TEST(test_several_sets),
        TEST(test_the_data_identifier_tells_new_data),
        TEST(test_duration_and_number_of_events),
        TEST(test_scan_duration_and_period),
        TEST(test_connects_on_coded),
        TEST(test_two_phys_share_the_time),
        TEST(test_connects_on_the_secondary_channel),
        TEST(test_directed_connects_its_target_only),
        TEST(test_high_duty_directed_through_extended_commands),
        TEST(test_cancel_races),
        TEST(test_beside_a_link),
        TEST(test_loss),
        TEST(test_mixing_commands_is_refused),
        TEST(test_parameters_that_do_not_go),
        TEST(test_an_address_of_the_sets_own),
        TEST(test_fragments_of_data),
        TEST(test_what_it_says_of_itself),
        TEST(test_a_controller_of_4_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
