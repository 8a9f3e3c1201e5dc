/* Codec of the common extended advertising payload: its bytes, its limits, and what it refuses. */
#include "controller/extended_pdu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/access_address.h"

static const uint8_t sender[] = {1, 2, 3, 4, 5, 0xc6};

static amble__ll_extended_pdu full(void)
{
    amble__ll_extended_pdu pdu = {
        .type = AMBLE__LL_ADV_EXT_IND,
        .mode = AMBLE__LL_MODE_SCANNABLE,
        .has = AMBLE__LL_HAS_SENDER | AMBLE__LL_HAS_TARGET | AMBLE__LL_HAS_ADI | AMBLE__LL_HAS_AUX |
               AMBLE__LL_HAS_SYNC | AMBLE__LL_HAS_POWER,
        .sender = {.type = 1},
        .target = {.value = {9, 8, 7, 6, 5, 4}},
        .data_identifier = 0xabc,
        .set_identifier = 5,
        .aux = {.channel = 36, .accurate = true, .offset_us = 300, .phy = AMBLE__PHY_2M},
        .sync = {.offset_us = 90,
                 .interval = 80,
                 .channel_map = 0x1ffffffff0,
                 .clock_accuracy = 5,
                 .access_address = 0x50655dab,
                 .crc_init = 0x123456,
                 .event = 0x789},
        .power = -7,
        .data = {sender, 3},
    };

    memcpy(pdu.sender.value, sender, sizeof sender);
    return pdu;
}

static void test_every_field_in_its_place(void **state)
{
    static const uint8_t expected[] = {0x47,      41,   37 | 0x80, 0x7b, 1,    2,    3,    4,    5,
                                       0xc6,      9,    8,         7,    6,    5,    4,    0xbc, 0x5a,
                                       36 | 0x40, 10,   0x20, /* AuxPtr */
                                       3,         0,    80,        0,    0xf0, 0xff, 0xff, 0xff, 0x1f | 5 << 5,
                                       0xab,      0x5d, 0x65,      0x50, 0x56, 0x34, 0x12, 0x89, 7,
                                       0xf9,      1,    2,         3};
    uint8_t out[AMBLE__RADIO_PDU];
    const amble__ll_extended_pdu pdu = full();
    amble__ll_extended_pdu back;

    (void)state;
    assert_int_equal(amble__ll_extended_pdu_encode(&pdu, out), sizeof expected);
    assert_memory_equal(out, expected, sizeof expected);
    assert_true(amble__ll_extended_pdu_decode(&back, out, sizeof expected));
    assert_int_equal(back.mode, pdu.mode);
    assert_int_equal(back.has, pdu.has);
    assert_true(amble__ll_address_equal(&back.sender, &pdu.sender));
    assert_true(amble__ll_address_equal(&back.target, &pdu.target));
    assert_int_equal(back.data_identifier, 0xabc);
    assert_int_equal(back.set_identifier, 5);
    assert_int_equal(back.aux.channel, 36);
    assert_int_equal(back.aux.offset_us, 300);
    assert_int_equal(back.aux.unit_us, 30);
    assert_int_equal(back.aux.phy, AMBLE__PHY_2M);
    assert_int_equal(back.sync.offset_us, 90);
    assert_int_equal(back.sync.clock_accuracy, 5);
    assert_true(back.sync.channel_map == pdu.sync.channel_map);
    assert_int_equal(back.sync.event, 0x789);
    assert_int_equal(back.power, -7);
    assert_int_equal(back.data.size, 3);
}

static void test_offsets_and_their_units(void **state)
{
    static const struct {
        uint32_t given, coded, unit;
    } cases[] = {{30, 30, 30}, {59, 30, 30}, {245730, 245730, 30}, {245790, 245700, 300}, {2457300, 2457300, 300}};
    uint8_t out[AMBLE__RADIO_PDU];
    amble__ll_extended_pdu pdu = full(), back;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pdu.aux.offset_us = pdu.sync.offset_us = cases[i].given;
        assert_true(amble__ll_extended_pdu_decode(&back, out, amble__ll_extended_pdu_encode(&pdu, out)));
        assert_int_equal(back.aux.offset_us, cases[i].coded);
        assert_int_equal(back.aux.unit_us, cases[i].unit);
        assert_int_equal(back.sync.offset_us, cases[i].coded);
    }
    pdu.sync.offset_us = 2457600 + 600; /* SyncInfo has an adjustment for what lies farther away */
    assert_true(amble__ll_extended_pdu_decode(&back, out, amble__ll_extended_pdu_encode(&pdu, out)));
    assert_int_equal(back.sync.offset_us, 2457600 + 600);
}

static void test_fill_leaves_room_for_a_pointer(void **state)
{
    static const uint8_t data[AMBLE__LL_EXTENDED_DATA];
    uint8_t out[AMBLE__RADIO_PDU];
    amble__ll_extended_pdu pdu = {.type = AMBLE__LL_ADV_EXT_IND}, back;

    (void)state;
    assert_int_equal(amble__ll_extended_pdu_fill(&pdu, data, 254), 254); /* 7.8.57: no header, so it all fits */
    assert_int_equal(pdu.has, 0);
    assert_int_equal(amble__ll_extended_pdu_encode(&pdu, out), AMBLE__RADIO_PDU);
    assert_true(amble__ll_extended_pdu_decode(&back, out, AMBLE__RADIO_PDU));
    assert_int_equal(back.data.size, 254);
    assert_int_equal(amble__ll_extended_pdu_fill(&pdu, data, 255), 250);
    assert_int_equal(pdu.has, AMBLE__LL_HAS_AUX);
    pdu.aux = (amble__ll_aux_pointer){.channel = 1, .offset_us = 300, .phy = AMBLE__PHY_1M};
    assert_int_equal(amble__ll_extended_pdu_encode(&pdu, out), AMBLE__RADIO_PDU);
}

static void test_refuses_what_is_broken(void **state)
{
    uint8_t good[AMBLE__RADIO_PDU], bent[AMBLE__RADIO_PDU];
    const amble__ll_extended_pdu pdu = full();
    const size_t size = amble__ll_extended_pdu_encode(&pdu, good);
    static const struct {
        size_t at;
        uint8_t value;
    } wrong[] = {
        {0, 0x05},      /* another type */
        {1, 40},        /* length */
        {2, 37 | 0xc0}, /* reserved mode */
        {2, 36 | 0x80}, /* the header ends before its last field */
        {2, 63 | 0x80}, /* ... or after the packet */
        {18, 37},       /* AuxPtr to an advertising channel */
        {20, 3 << 5},   /* ... on an unknown PHY */
        {23, 5},        /* SyncInfo: interval */
    };
    amble__ll_extended_pdu back;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        memcpy(bent, good, size);
        bent[wrong[i].at] = wrong[i].value;
        assert_false(amble__ll_extended_pdu_decode(&back, bent, size));
    }
    memcpy(bent, good, size);
    memcpy(bent + 30, "\xd6\xbe\x89\x8e", 4); /* the access address of advertising */
    assert_false(amble__ll_extended_pdu_decode(&back, bent, size));
    memcpy(bent, good, size);
    memset(bent + 25, 0, 5); /* no channel */
    assert_false(amble__ll_extended_pdu_decode(&back, bent, size));
    for (size_t less = 0; less < size; less++)
        assert_false(amble__ll_extended_pdu_decode(&back, good, less));
}

static void test_reads_over_what_it_does_not_use(void **state)
{
    static const uint8_t with_cte_and_acad[] = {0x07, 8, 5, 0x44, 0x14, 0x03, 0xaa, 0xbb, 0x11, 0x22};
    static const uint8_t no_payload[] = {0x07, 0};
    static const uint8_t no_header[] = {0x07, 2, 0, 9};
    amble__ll_extended_pdu pdu;

    (void)state;
    assert_true(amble__ll_extended_pdu_decode(&pdu, with_cte_and_acad, sizeof with_cte_and_acad));
    assert_int_equal(pdu.power, 3);
    assert_int_equal(pdu.data.size, 2);
    assert_false(amble__ll_extended_pdu_decode(&pdu, no_payload, sizeof no_payload));
    assert_true(amble__ll_extended_pdu_decode(&pdu, no_header, sizeof no_header));
    assert_int_equal(pdu.has, 0);
    assert_int_equal(pdu.data.size, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field_in_its_place),        cmocka_unit_test(test_offsets_and_their_units),
        cmocka_unit_test(test_fill_leaves_room_for_a_pointer),  cmocka_unit_test(test_refuses_what_is_broken),
        cmocka_unit_test(test_reads_over_what_it_does_not_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
