/* The air: who receives what, when, and what gets lost. */
#include "air/air.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "air/radio.h"

#define ACCESS 0x12345678u

/* A radio that notes its last event. */
typedef struct {
    amble__radio radio; /* first */
    int received, sent, silent;
    uint64_t start_us, end_us;
    size_t size;
    uint8_t first;
    int rssi;
} device;

static void received(amble__radio *radio, const amble__radio_packet *packet)
{
    device *d = (device *)(void *)radio;

    d->received++;
    d->start_us = packet->start_us;
    d->end_us = packet->end_us;
    d->size = packet->size;
    d->first = packet->pdu[0];
    d->rssi = packet->rssi;
}
static void sent(amble__radio *radio) { ((device *)(void *)radio)->sent++; }
static void silent(amble__radio *radio) { ((device *)(void *)radio)->silent++; }
static const amble__radio_events events = {received, sent, silent};

static amble__air *air;
static device a, b, c;
static int sniffed;

static void sniff(void *user, const amble__air_packet *packet)
{
    (void)user;
    assert_int_equal(packet->start_us, amble__air_now(air));
    sniffed++;
}

static int open_air(void **state)
{
    const amble__air_options options = {.seed = 5, .start_us = 1000};

    (void)state;
    if (amble__air_open(&air, &options))
        return -1;
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    memset(&c, 0, sizeof c);
    amble__radio_open(&a.radio, air, 1, &events);
    amble__radio_open(&b.radio, air, 2, &events);
    amble__radio_open(&c.radio, air, 3, &events);
    amble__air_sniff(air, sniff, NULL);
    sniffed = 0;
    return 0;
}

static int close_air(void **state)
{
    (void)state;
    amble__radio_close(&a.radio);
    amble__radio_close(&b.radio);
    amble__radio_close(&c.radio);
    amble__air_close(air);
    return 0;
}

static void send(device *d, uint8_t channel, uint64_t at_us)
{
    static const uint8_t pdu[] = {7, 1, 2};
    amble__radio_send(&d->radio, channel, ACCESS, pdu, sizeof pdu, at_us);
}

static void test_time_and_delivery(void **state)
{
    (void)state;
    assert_int_equal(amble__air_next_deadline(air), UINT64_MAX);
    amble__radio_listen(&b.radio, 5, ACCESS, 5000);
    amble__radio_listen(&c.radio, 5, ACCESS + 1, 5000); /* another access address */
    send(&a, 5, 2000);
    assert_int_equal(amble__air_next_deadline(air), 2000);
    amble__air_advance(air, 2087);
    assert_int_equal(b.received + a.sent, 0);
    amble__air_advance(air, 2088); /* 3 octets of PDU and 8 around it, 8 us each */
    assert_int_equal(b.received, 1);
    assert_int_equal(b.start_us, 2000);
    assert_int_equal(b.end_us, 2088);
    assert_int_equal(b.size, 3);
    assert_int_equal(b.first, 7);
    assert_in_range(-b.rssi, 37, 73);
    assert_int_equal(a.sent, 1);
    assert_int_equal(sniffed, 1);
    assert_int_equal(b.silent, 0); /* it listens on */
    amble__air_advance(air, 6000);
    assert_int_equal(b.silent, 1);
    assert_int_equal(c.received, 0);
    assert_int_equal(c.silent, 1);
    amble__air_advance(air, 10); /* the past */
    assert_int_equal(amble__air_now(air), 6000);
}

static void test_the_first_bit_matters(void **state)
{
    (void)state;
    send(&a, 5, 2000);
    amble__air_advance(air, 2001);
    amble__radio_listen(&b.radio, 5, ACCESS, 2050); /* too late for this packet */
    amble__air_advance(air, 3000);
    assert_int_equal(b.received, 0);
    assert_int_equal(b.silent, 1);
    amble__radio_listen(&b.radio, 5, ACCESS, 4001); /* the packet begins within, and ends after the time to listen */
    send(&a, 5, 4000);
    amble__air_advance(air, 5000);
    assert_int_equal(b.received, 1);
    assert_int_equal(b.silent, 2);
}

static void test_overlapping_packets_are_lost(void **state)
{
    (void)state;
    amble__radio_listen(&c.radio, 5, ACCESS, 2500);
    send(&a, 5, 2000);
    send(&b, 5, 2080);
    amble__air_advance(air, 3000);
    assert_int_equal(c.received, 0);
    assert_int_equal(c.silent, 1);
    amble__radio_listen(&c.radio, 5, ACCESS,
                        4500); /* another channel does not disturb, nor does the next microsecond */
    send(&a, 5, 4000);
    send(&b, 6, 4000);
    amble__air_advance(air, 4088);
    send(&b, 5, 4088);
    amble__air_advance(air, 5000);
    assert_int_equal(c.received, 2);
}

/* Also for a listener that has nothing to do with the packet that was there first. */
static void test_the_later_packet_is_lost_too(void **state)
{
    static const uint8_t pdu[] = {7, 1, 2};

    (void)state;
    amble__radio_listen(&c.radio, 5, ACCESS, 2500);
    amble__radio_send(&a.radio, 5, ACCESS + 1, pdu, sizeof pdu, 2000);
    send(&b, 5, 2080);
    amble__air_advance(air, 3000);
    assert_int_equal(c.received, 0);
    assert_int_equal(c.silent, 1);
}

static void test_half_duplex(void **state)
{
    (void)state;
    amble__radio_listen(&b.radio, 5, ACCESS, 9000);
    send(&a, 5, 2000);
    amble__air_advance(air, 2010);
    send(&b, 6, 2020); /* leaves the packet it was following */
    amble__air_advance(air, 9000);
    assert_int_equal(b.received, 0);
    assert_int_equal(b.sent, 1);
    assert_int_equal(b.silent, 0);
}

static void test_a_sender_that_vanishes(void **state)
{
    (void)state;
    amble__radio_listen(&b.radio, 5, ACCESS, 2020);
    send(&a, 5, 2000);
    amble__air_advance(air, 2050);
    amble__radio_close(&a.radio);
    amble__air_advance(air, 3000);
    assert_int_equal(b.received, 0);
    assert_int_equal(b.silent, 1);
    assert_int_equal(a.sent, 0);
}

static int received_of_thousand(uint32_t loss)
{
    b.received = 0;
    amble__air_set_loss(air, loss);
    for (int i = 0; i < 1000; i++) {
        const uint64_t now = amble__air_now(air);

        amble__radio_listen(&b.radio, 5, ACCESS, now + 200);
        send(&a, 5, now + 10);
        amble__air_advance(air, now + 500);
    }
    return b.received;
}

static void test_loss(void **state)
{
    (void)state;
    assert_int_equal(received_of_thousand(0), 1000);
    assert_in_range(received_of_thousand(200000), 750, 850);
    assert_int_equal(received_of_thousand(1000000), 0);
}

static void test_strength_is_of_the_pair(void **state)
{
    int least = 0, most = -200;

    (void)state;
    for (int i = 0; i < 100; i++) {
        const uint64_t now = amble__air_now(air);

        amble__radio_listen(&b.radio, 5, ACCESS, now + 200);
        send(&a, 5, now + 10);
        amble__air_advance(air, now + 500);
        least = b.rssi < least ? b.rssi : least;
        most = b.rssi > most ? b.rssi : most;
    }
    assert_in_range(most - least, 1, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_time_and_delivery, open_air, close_air),
        cmocka_unit_test_setup_teardown(test_the_first_bit_matters, open_air, close_air),
        cmocka_unit_test_setup_teardown(test_overlapping_packets_are_lost, open_air, close_air),
        cmocka_unit_test_setup_teardown(test_the_later_packet_is_lost_too, open_air, close_air),
        cmocka_unit_test_setup_teardown(test_half_duplex, open_air, close_air),
        cmocka_unit_test_setup_teardown(test_a_sender_that_vanishes, open_air, close_air),
        cmocka_unit_test_setup_teardown(test_loss, open_air, close_air),
        cmocka_unit_test_setup_teardown(test_strength_is_of_the_pair, open_air, close_air),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
