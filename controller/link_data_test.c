/* Data: in order and once under loss, fragments, throughput, and flow control in both directions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/test_bench.h"

static bench b;
static uint16_t central, peripheral;

static int open_nothing(void **state)
{
    (void)state;
    bench_open(&b, 51, 0);
    return 0;
}
static int close_bench(void **state)
{
    (void)state;
    bench_close(&b);
    return 0;
}

static void open_two(amble__controller_options options)
{
    bench_open_host(&b, 0, options);
    bench_open_host(&b, 1, options);
}

/* Largest data PDUs on both sides, and a link. */
static void connect_long(unsigned interval)
{
    for (int i = 0; i < 2; i++)
        assert_int_equal(bench_status(&b.hosts[i], HC_LE_WRITE_SUGGESTED_DATA_LENGTH, "fb00 4808"), 0);
    assert_true(bench_connect_with(&b, 0, 1, interval, 0, 3200, &central, &peripheral));
    bench_run(&b, 3 * interval * 5 / 4);
}

/* Takes every data packet and checks that they are numbers `first` on, each once, each whole. */
static unsigned check_data(bench_host *host, unsigned first, size_t size)
{
    unsigned counter = first;
    size_t at = 0;

    host->read = 0;
    for (const bench_note *n; (n = bench_acl(host));) {
        const uint8_t *data = n->bytes + 5;
        const size_t length = amble__get_le16(n->bytes + 3);

        assert_int_equal(n->bytes[2] >> 4, at ? 1 : 2); /* PB: first 10b, then 01b */
        assert_int_equal(n->size, 5 + length);
        for (size_t i = 0; i < length; i++, at++)
            assert_int_equal(data[i], (uint8_t)(at < 4 ? counter >> 8 * at : counter + at));
        if (at == size) {
            at = 0;
            counter++;
        }
    }
    assert_int_equal(at, 0);
    return counter - first;
}

static void both_ways(uint32_t loss, size_t size)
{
    const unsigned packets = 150;
    unsigned sent[2] = {0, 0};

    open_two((amble__controller_options){0});
    assert_true(bench_connect_with(&b, 0, 1, 16, 0, 3200, &central, &peripheral));
    amble__air_set_loss(b.air, loss);
    for (int i = 0; i < 3000 && (sent[0] < packets || sent[1] < packets); i++) {
        for (int k = 0; k < 2; k++)
            while (sent[k] < packets && sent[k] - b.hosts[k].completed < 8)
                bench_send(&b.hosts[k], k ? peripheral : central, sent[k]++, size);
        bench_run(&b, 20);
    }
    bench_run(&b, 4000);
    for (int k = 0; k < 2; k++) {
        assert_int_equal(check_data(&b.hosts[k], 0, size), packets);
        assert_int_equal(b.hosts[k].completed, packets);
    }
}

static void test_both_ways_without_loss(void **state)
{
    (void)state;
    both_ways(0, 20);
}
static void test_both_ways_with_5_percent_loss(void **state)
{
    (void)state;
    both_ways(50000, 27);
}
static void test_both_ways_with_20_percent_loss_in_fragments(void **state)
{
    (void)state;
    both_ways(200000, 100); /* four PDUs of 27 octets each */
}

/* Sends 251-octet packets until `end_us`, as a host that is never late; `sent` were sent before. */
static void keep_sending(int from, size_t buffers, unsigned sent, uint64_t end_us)
{
    while (amble__air_now(b.air) < end_us) {
        const uint64_t next = amble__air_next_deadline(b.air);

        while (sent - b.hosts[from].completed < buffers)
            bench_send(&b.hosts[from], from ? peripheral : central, sent++, 251);
        amble__air_advance(b.air, next);
    }
}

/* How many of them get across in `intervals` intervals of 400 ms. */
static size_t packets_sent(int from, uint8_t buffers, unsigned intervals)
{
    const amble__controller_options options = {.acl_buffers = buffers};

    open_two(options);
    connect_long(320);
    b.hosts[0].quiet = b.hosts[1].quiet = true;
    keep_sending(from, buffers, 0, amble__air_now(b.air) + intervals * 400000);
    return b.hosts[from].completed;
}

/* LE 1M: one packet and its acknowledgement take 2088 + 150 + 80 + 150 us, so 162 of them fit in 400 ms. */
#define CYCLES 162
static void test_throughput_of_peripheral_4_buffers(void **state)
{
    (void)state;
    assert_in_range(packets_sent(1, 4, 20), CYCLES * 19, CYCLES * 20);
}
static void test_throughput_of_peripheral_12_buffers(void **state)
{
    (void)state;
    assert_in_range(packets_sent(1, 12, 20), CYCLES * 19, CYCLES * 20);
}
static void test_throughput_of_central_4_buffers(void **state)
{
    (void)state;
    assert_in_range(packets_sent(0, 4, 20), CYCLES * 19, CYCLES * 20);
}
static void test_throughput_of_central_12_buffers(void **state)
{
    (void)state;
    assert_in_range(packets_sent(0, 12, 20), CYCLES * 19, CYCLES * 20);
}
static void test_one_buffer_is_one_packet_per_interval(void **state)
{
    (void)state;
    assert_in_range(packets_sent(1, 1, 20), 18, 20);
}

/* A link that never stops sending leaves something to an advertiser and a scanner, and they leave most of it to the
 * link. */
static void test_a_full_link_lets_others_in(void **state)
{
    size_t sent, advertised = 0;
    uint64_t start;

    (void)state;
    bench_open_host(&b, 2, (amble__controller_options){0});
    bench_advertise(&b.hosts[2], 3, 160, "0b");
    packets_sent(1, 8, 2);
    bench_advertise(&b.hosts[1], 3, 160, "0a");
    bench_scan(&b.hosts[1], false, false);
    b.sniffed_count = 0;
    sent = b.hosts[1].completed;
    start = amble__air_now(b.air);
    keep_sending(1, 8, (unsigned)sent + 8, start + 10000000);
    assert_in_range(b.hosts[1].completed - sent, 25 * CYCLES * 7 / 10, 25 * CYCLES * 9 / 10);
    for (size_t i = 0; i < b.sniffed_count; i++)
        advertised += b.sniffed[i].access_address == 0x8e89bed6 && b.sniffed[i].pdu[2] == 0xa1;
    assert_in_range(advertised, 30, 150);
    assert_in_range(bench_count(&b.hosts[1], HC_LE_META, HC_LE_ADVERTISING_REPORT), 10, 50);
}

static void test_every_interval_is_full(void **state)
{
    size_t in_interval = 0, intervals = 0;
    uint64_t last = 0;

    (void)state;
    packets_sent(1, 4, 6);
    for (size_t i = 0; i < b.sniffed_count; i++) {
        if (b.sniffed[i].size < 253)
            continue;
        if (b.sniffed[i].start_us - last > 2468) {
            intervals += in_interval == CYCLES;
            in_interval = 0;
        }
        in_interval++;
        last = b.sniffed[i].start_us;
    }
    assert_true(intervals >= 4);
}

static void test_more_than_the_buffers_is_an_overflow(void **state)
{
    (void)state;
    open_two((amble__controller_options){.acl_buffers = 3});
    assert_true(bench_connect(&b, 0, 1, &central, &peripheral));
    for (unsigned i = 0; i < 4; i++)
        bench_send(&b.hosts[0], central, i, 20);
    assert_int_equal(bench_count(&b.hosts[0], HC_DATA_BUFFER_OVERFLOW, 0), 1);
    bench_run(&b, 200);
    assert_int_equal(check_data(&b.hosts[1], 0, 20), 3);
    assert_int_equal(b.hosts[0].completed, 3);
}

static void test_completed_is_what_the_peer_has(void **state)
{
    (void)state;
    open_two((amble__controller_options){0});
    assert_true(bench_connect(&b, 0, 1, &central, &peripheral));
    bench_run(&b, 300);
    amble__air_set_loss(b.air, 1000000);
    bench_send(&b.hosts[0], central, 0, 20);
    bench_run(&b, 500);
    assert_int_equal(b.hosts[0].completed, 0);
    bench_run(&b, 1000); /* the link is lost, and with it the packet: the host counts it as returned */
    assert_int_equal(bench_disconnected(&b.hosts[0]), HC_CONNECTION_TIMEOUT);
    assert_int_equal(b.hosts[0].completed, 0);
    amble__air_set_loss(b.air, 0);
    assert_true(bench_connect(&b, 0, 1, &central, &peripheral)); /* and so is the controller's buffer */
    for (unsigned i = 0; i < 8; i++)
        bench_send(&b.hosts[0], central, i, 20);
    bench_run(&b, 300);
    assert_int_equal(b.hosts[0].completed, 8);
}

static void test_nonsense_from_the_host(void **state)
{
    static const uint8_t packets[][12] = {
        {2, 0x99, 0x09, 3, 0, 1, 2, 3}, /* no such handle */
        {2, 0x40, 0x30, 3, 0, 1, 2, 3}, /* PB 11b */
        {2, 0x40, 0x00, 9, 0, 1, 2, 3}, /* longer than it is */
        {2, 0x40, 0x00, 2, 0, 1, 2, 3}, /* shorter */
        {2, 0x40, 0x00, 0xff, 0xff},
    };
    const uint8_t empty[] = {2, 0x40, 0x00, 0, 0};

    (void)state;
    open_two((amble__controller_options){0});
    assert_true(bench_connect(&b, 0, 1, &central, &peripheral));
    for (size_t i = 0; i < 5; i++)
        amble__controller_receive(b.hosts[0].controller, packets[i], 8);
    for (size_t size = 0; size < 5; size++)
        amble__controller_receive(b.hosts[0].controller, packets[0], size);
    bench_run(&b, 200);
    assert_null(bench_acl(&b.hosts[1]));
    assert_int_equal(b.hosts[0].completed, 0);
    amble__controller_receive(b.hosts[0].controller, empty, sizeof empty); /* well-formed: its buffer comes back */
    assert_int_equal(b.hosts[0].completed, 1);
}

/* --- controller to host flow control ------------------------------------------------------------------------------ */

static size_t acl_count(const bench_host *host)
{
    size_t n = 0;

    for (size_t i = 0; i < host->count; i++)
        n += host->notes[i].bytes[0] == HC_PACKET_ACL;
    return n;
}

static void test_the_host_s_buffers_are_kept_to(void **state)
{
    char hex[32];

    (void)state;
    open_two((amble__controller_options){0});
    assert_int_equal(bench_status(&b.hosts[1], HC_HOST_BUFFER_SIZE, "fb00 00 0200 0000"), 0);
    assert_int_equal(bench_status(&b.hosts[1], HC_SET_CONTROLLER_TO_HOST_FLOW_CONTROL, "01"), 0);
    assert_true(bench_connect(&b, 0, 1, &central, &peripheral));
    assert_int_equal(bench_status(&b.hosts[1], HC_SET_CONTROLLER_TO_HOST_FLOW_CONTROL, "00"), HC_DISALLOWED);
    for (unsigned i = 0; i < 8; i++)
        bench_send(&b.hosts[0], central, i, 20);
    bench_run(&b, 100);
    b.sniffed_count = 0;
    bench_run(&b, 1900);
    assert_int_equal(acl_count(&b.hosts[1]), 2);
    assert_in_range(b.sniffed_count, 180, 195); /* a refusal ends the event: three packets per interval */
    assert_int_equal(b.hosts[0].completed, 2);  /* the rest is not acknowledged on the air */
    snprintf(hex, sizeof hex, "01 %02x%02x 0100", peripheral & 0xff, peripheral >> 8);
    assert_null(bench_command(&b.hosts[1], HC_HOST_NUMBER_OF_COMPLETED_PACKETS, hex)); /* has no answer */
    bench_run(&b, 500);
    assert_int_equal(acl_count(&b.hosts[1]), 3);
    snprintf(hex, sizeof hex, "01 %02x%02x ffff", peripheral & 0xff, peripheral >> 8); /* more than it has */
    bench_command(&b.hosts[1], HC_HOST_NUMBER_OF_COMPLETED_PACKETS, hex);
    bench_run(&b, 500);
    assert_int_equal(acl_count(&b.hosts[1]), 5);
    bench_disconnect(&b.hosts[0], central);
    bench_run(&b, 2500);
    assert_true(bench_connect(&b, 0, 1, &central, &peripheral)); /* the end of the link returned them all */
    bench_send(&b.hosts[0], central, 0, 20);
    bench_run(&b, 200);
    assert_int_equal(acl_count(&b.hosts[1]), 6);
}

static void test_packets_fit_the_host_s_buffers(void **state)
{
    (void)state;
    open_two((amble__controller_options){0});
    assert_int_equal(bench_status(&b.hosts[1], HC_HOST_BUFFER_SIZE, "1a00 00 0200 0000"), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(&b.hosts[1], HC_HOST_BUFFER_SIZE, "6400 00 0500 0000"), 0);
    assert_int_equal(bench_status(&b.hosts[1], HC_SET_CONTROLLER_TO_HOST_FLOW_CONTROL, "01"), 0);
    connect_long(24);
    bench_send(&b.hosts[0], central, 7, 251);
    bench_send(&b.hosts[0], central, 8, 251);
    bench_run(&b, 500);
    assert_int_equal(acl_count(&b.hosts[1]), 3); /* 100 + 100 + 51 octets; the next three do not fit in two */
    assert_int_equal(check_data(&b.hosts[1], 7, 251), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_nothing, close_bench)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_both_ways_without_loss),
        TEST(test_both_ways_with_5_percent_loss),
        TEST(test_both_ways_with_20_percent_loss_in_fragments),
        TEST(test_throughput_of_peripheral_4_buffers),
        TEST(test_throughput_of_peripheral_12_buffers),
        TEST(test_throughput_of_central_4_buffers),
        TEST(test_throughput_of_central_12_buffers),
        TEST(test_one_buffer_is_one_packet_per_interval),
        TEST(test_every_interval_is_full),
        TEST(test_a_full_link_lets_others_in),
        TEST(test_more_than_the_buffers_is_an_overflow),
        TEST(test_completed_is_what_the_peer_has),
        TEST(test_nonsense_from_the_host),
        TEST(test_the_host_s_buffers_are_kept_to),
        TEST(test_packets_fit_the_host_s_buffers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
