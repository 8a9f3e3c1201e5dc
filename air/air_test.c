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
    amble__phy phy;
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
    d->phy = packet->phy;
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
    amble__radio_send(&d->radio, channel, AMBLE__PHY_1M, ACCESS, pdu, sizeof pdu, at_us);
}

static void test_time_and_delivery(void **state)
{
    (void)state;
    assert_int_equal(amble__air_next_deadline(air), UINT64_MAX);
    amble__radio_listen(&b.radio, 5, AMBLE__PHY_1M, ACCESS, 5000);
    amble__radio_listen(&c.radio, 5, AMBLE__PHY_1M, ACCESS + 1, 5000); /* another access address */
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
    amble__radio_listen(&b.radio, 5, AMBLE__PHY_1M, ACCESS, 2050); /* too late for this packet */
    amble__air_advance(air, 3000);
    assert_int_equal(b.received, 0);
    assert_int_equal(b.silent, 1);
    amble__radio_listen(&b.radio, 5, AMBLE__PHY_1M, ACCESS,
                        4001); /* the packet begins within, and ends after the time to listen */
    send(&a, 5, 4000);
    amble__air_advance(air, 5000);
    assert_int_equal(b.received, 1);
    assert_int_equal(b.silent, 2);
}

static void test_overlapping_packets_are_lost(void **state)
{
    (void)state;
    amble__radio_listen(&c.radio, 5, AMBLE__PHY_1M, ACCESS, 2500);
    send(&a, 5, 2000);
    send(&b, 5, 2080);
    amble__air_advance(air, 3000);
    assert_int_equal(c.received, 0);
    assert_int_equal(c.silent, 1);
    amble__radio_listen(&c.radio, 5, AMBLE__PHY_1M, ACCESS,
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
    amble__radio_listen(&c.radio, 5, AMBLE__PHY_1M, ACCESS, 2500);
    amble__radio_send(&a.radio, 5, AMBLE__PHY_1M, ACCESS + 1, pdu, sizeof pdu, 2000);
    send(&b, 5, 2080);
    amble__air_advance(air, 3000);
    assert_int_equal(c.received, 0);
    assert_int_equal(c.silent, 1);
}

static void test_half_duplex(void **state)
{
    (void)state;
    amble__radio_listen(&b.radio, 5, AMBLE__PHY_1M, ACCESS, 9000);
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
    amble__radio_listen(&b.radio, 5, AMBLE__PHY_1M, ACCESS, 2020);
    send(&a, 5, 2000);
    amble__air_advance(air, 2050);
    amble__radio_close(&a.radio);
    amble__air_advance(air, 3000);
    assert_int_equal(b.received, 0);
    assert_int_equal(b.silent, 1);
    assert_int_equal(a.sent, 0);
}

/* The lengths of Vol 6, Part B, 2.1 and 2.2, counted by hand: an empty data PDU and the longest. */
static void test_air_times(void **state)
{
    (void)state;
    assert_int_equal(amble__radio_air_time(AMBLE__PHY_1M, 2), 80);
    assert_int_equal(amble__radio_air_time(AMBLE__PHY_1M, 257), 2120);
    assert_int_equal(amble__radio_air_time(AMBLE__PHY_2M, 2), 44);
    assert_int_equal(amble__radio_air_time(AMBLE__PHY_2M, 257), 1064);
    assert_int_equal(amble__radio_air_time(AMBLE__PHY_CODED, 2), 720);
    assert_int_equal(amble__radio_air_time(AMBLE__PHY_CODED, 257), 17040);
    assert_int_equal(amble__radio_air_time(AMBLE__PHY_CODED_S2, 2), 462);
    assert_int_equal(amble__radio_air_time(AMBLE__PHY_CODED_S2, 257), 4542);
}

/* What the coding of LE Coded is, the packet says; the PHY itself the receiver has to know. */
static void test_who_hears_which_phy(void **state)
{
    static const uint8_t pdu[] = {7, 1, 2};

    (void)state;
    for (amble__phy sends = AMBLE__PHY_1M; sends <= AMBLE__PHY_CODED_S2; sends++)
        for (amble__phy listens = AMBLE__PHY_1M; listens <= AMBLE__PHY_CODED_S2; listens++) {
            const uint64_t start = amble__air_now(air) + 10;
            const int before = b.received;

            amble__radio_listen(&b.radio, 5, listens, ACCESS, start + 1000);
            amble__radio_send(&a.radio, 5, sends, ACCESS, pdu, sizeof pdu, start);
            amble__air_advance(air, start + 2000);
            assert_int_equal(b.received - before, amble__phy_number(sends) == amble__phy_number(listens));
            if (b.received == before)
                continue;
            assert_int_equal(b.phy, sends);
            assert_int_equal(b.end_us - b.start_us, amble__radio_air_time(sends, sizeof pdu));
        }
}

/* A packet on a PHY that the receiver does not hear is noise to it. */
static void test_phys_disturb_each_other(void **state)
{
    static const uint8_t pdu[] = {7, 1, 2};

    (void)state;
    amble__radio_listen(&c.radio, 5, AMBLE__PHY_1M, ACCESS, 2500);
    send(&a, 5, 2000);
    amble__radio_send(&b.radio, 5, AMBLE__PHY_2M, ACCESS, pdu, sizeof pdu, 2040);
    amble__air_advance(air, 3000);
    assert_int_equal(c.received, 0);
}

static int received_of_thousand(uint32_t loss)
{
    b.received = 0;
    amble__air_set_loss(air, loss);
    for (int i = 0; i < 1000; i++) {
        const uint64_t now = amble__air_now(air);

        amble__radio_listen(&b.radio, 5, AMBLE__PHY_1M, ACCESS, now + 200);
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

        amble__radio_listen(&b.radio, 5, AMBLE__PHY_1M, ACCESS, now + 200);
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
        cmocka_unit_test_setup_teardown(test_air_times, open_air, close_air),
        cmocka_unit_test_setup_teardown(test_who_hears_which_phy, open_air, close_air),
        cmocka_unit_test_setup_teardown(test_phys_disturb_each_other, open_air, close_air),
        cmocka_unit_test_setup_teardown(test_loss, open_air, close_air),
        cmocka_unit_test_setup_teardown(test_strength_is_of_the_pair, open_air, close_air),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
