/* Codec of the advertising channel PDUs, and access addresses. */
#include "controller/pdu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/access_address.h"

static const uint8_t advertising[] = {0x60, 9, 1, 2, 3, 4, 5, 6, 2, 1, 6}; /* ADV_IND, ChSel, TxAdd */

static void test_round_trip(void **state)
{
    uint8_t out[AMBLE__LL_LEGACY_PDU];
    amble__ll_advertising_pdu pdu;

    (void)state;
    assert_true(amble__ll_advertising_pdu_decode(&pdu, advertising, sizeof advertising));
    assert_int_equal(pdu.type, AMBLE__LL_ADV_IND);
    assert_true(pdu.channel_selection_2);
    assert_int_equal(pdu.sender.type, 1);
    assert_int_equal(pdu.data.size, 3);
    assert_int_equal(amble__ll_advertising_pdu_encode(&pdu, out), sizeof advertising);
    assert_memory_equal(out, advertising, sizeof advertising);
}

static void test_broken_pdus_are_refused(void **state)
{
    uint8_t bytes[64] = {0};
    amble__ll_advertising_pdu pdu;

    (void)state;
    for (size_t size = 0; size < sizeof advertising; size++) /* length and size differ */
        assert_false(amble__ll_advertising_pdu_decode(&pdu, advertising, size));
    bytes[1] = 5; /* too short for an address */
    assert_false(amble__ll_advertising_pdu_decode(&pdu, bytes, 7));
    bytes[1] = 38; /* 32 octets of data */
    assert_false(amble__ll_advertising_pdu_decode(&pdu, bytes, 40));
    bytes[0] = AMBLE__LL_SCAN_REQ;
    bytes[1] = 13; /* one octet too many */
    assert_false(amble__ll_advertising_pdu_decode(&pdu, bytes, 15));
    bytes[0] = 7; /* ADV_EXT_IND */
    bytes[1] = 6;
    assert_false(amble__ll_advertising_pdu_decode(&pdu, bytes, 8));
}

static const amble__ll_connect_data good = {
    .access_address = 0x50655dab,
    .crc_init = 0x123456,
    .window_size = 2,
    .window_offset = 3,
    .interval = 24,
    .latency = 4,
    .timeout = 200,
    .channel_map = AMBLE__LL_ALL_CHANNELS,
    .hop = 11,
    .clock_accuracy = 5,
};

static bool survives(amble__ll_connect_data data)
{
    uint8_t bytes[AMBLE__LL_CONNECT_DATA];
    amble__ll_connect_data back;

    amble__ll_connect_data_encode(&data, bytes);
    return amble__ll_connect_data_decode(&back, (amble__bytes){bytes, sizeof bytes}) &&
           back.access_address == data.access_address && back.crc_init == data.crc_init &&
           back.window_size == data.window_size && back.window_offset == data.window_offset &&
           back.interval == data.interval && back.latency == data.latency && back.timeout == data.timeout &&
           back.channel_map == data.channel_map && back.hop == data.hop && back.clock_accuracy == data.clock_accuracy;
}

/* Whether good data with one field changed is still taken. */
#define CHANGED(field_, value_)                                                                                        \
    survives_with((amble__ll_connect_data){.field_ = (value_)}, offsetof(amble__ll_connect_data, field_),              \
                  sizeof good.field_)
static bool survives_with(amble__ll_connect_data change, size_t at, size_t size)
{
    amble__ll_connect_data data = good;

    memcpy((uint8_t *)&data + at, (const uint8_t *)&change + at, size);
    return survives(data);
}

static void test_connect_data_in_range(void **state)
{
    (void)state;
    assert_true(survives(good));
    assert_true(CHANGED(hop, 5));
    assert_true(CHANGED(hop, 16));
    assert_true(CHANGED(window_offset, 24));
}

static void test_connect_data_out_of_range(void **state)
{
    uint8_t bytes[AMBLE__LL_CONNECT_DATA + 1] = {0};
    amble__ll_connect_data back;

    (void)state;
    assert_false(CHANGED(access_address, AMBLE__LL_ADVERTISING_ACCESS_ADDRESS));
    assert_false(CHANGED(window_size, 0));
    assert_false(CHANGED(window_size, 9));
    assert_false(CHANGED(window_offset, 25));
    assert_false(CHANGED(interval, 5));
    assert_false(CHANGED(interval, 3201));
    assert_false(CHANGED(latency, 500));
    assert_false(CHANGED(latency, 40)); /* the link would be lost before its next event */
    assert_false(CHANGED(timeout, 9));
    assert_false(CHANGED(channel_map, 1));
    assert_false(CHANGED(hop, 4));
    assert_false(CHANGED(hop, 17));
    assert_false(amble__ll_connect_data_decode(&back, (amble__bytes){bytes, AMBLE__LL_CONNECT_DATA - 1}));
    assert_false(amble__ll_connect_data_decode(&back, (amble__bytes){bytes, AMBLE__LL_CONNECT_DATA + 1}));
}

static void test_access_addresses(void **state)
{
    amble__random random;

    (void)state;
    assert_false(amble__ll_access_address_valid(AMBLE__LL_ADVERTISING_ACCESS_ADDRESS));
    assert_false(amble__ll_access_address_valid(AMBLE__LL_ADVERTISING_ACCESS_ADDRESS ^ 0x100)); /* one bit off */
    assert_false(amble__ll_access_address_valid(0x5a5a5a5a));                                   /* equal octets */
    assert_false(amble__ll_access_address_valid(0x5a00765b)); /* seven zeros and more */
    assert_false(amble__ll_access_address_valid(0x55555655)); /* too many transitions */
    assert_false(amble__ll_access_address_valid(0x0365dab5)); /* six equal bits on top */
    assert_true(amble__ll_access_address_valid(0x50655dab));
    amble__random_seed(&random, 3);
    for (int i = 0; i < 1000; i++)
        assert_true(amble__ll_access_address_valid(amble__ll_access_address_random(&random)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_broken_pdus_are_refused),
        cmocka_unit_test(test_connect_data_in_range),
        cmocka_unit_test(test_connect_data_out_of_range),
        cmocka_unit_test(test_access_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
