/* Tests of signed data: an example of another stack, every bit counts, long messages. */
#include "att/signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* What BlueZ and the devices that it works with make of this (its unit tests have it, as message 5). */
static const uint8_t key[] = {0x50, 0x5e, 0x42, 0xdf, 0x96, 0x91, 0xec, 0x72,
                              0xd3, 0x1f, 0xcd, 0xfb, 0xeb, 0x64, 0x1b, 0x61};
static const uint8_t body[] = {0x12, 0x00, 0x13, 0x37};
static const uint8_t known[] = {0x01, 0, 0, 0, 0xf1, 0x87, 0x1e, 0x93, 0x3c, 0x90, 0x0f, 0xf2};

static amble__bytes view(const uint8_t *data, size_t size) { return (amble__bytes){.data = data, .size = size}; }

static void the_example(void **state)
{
    uint8_t signature[AMBLE__SIGNATURE];

    (void)state;
    assert_int_equal(amble__signature_make(key, 0xd2, view(body, sizeof body), 1, signature), 0);
    assert_memory_equal(signature, known, sizeof known);
    assert_int_equal(amble__signature_counter(known), 1);
    assert_true(amble__signature_good(key, 0xd2, view(body, sizeof body), known));
}

static void every_bit_counts(void **state)
{
    uint8_t changed[sizeof key];

    (void)state;
    for (unsigned bit = 0; bit < 8 * sizeof known; bit++) {
        memcpy(changed, known, sizeof known);
        changed[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(amble__signature_good(key, 0xd2, view(body, sizeof body), changed));
    }
    for (unsigned bit = 0; bit < 8 * sizeof body; bit++) {
        memcpy(changed, body, sizeof body);
        changed[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(amble__signature_good(key, 0xd2, view(changed, sizeof body), known));
    }
    for (unsigned bit = 0; bit < 8 * sizeof key; bit++) {
        memcpy(changed, key, sizeof key);
        changed[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(amble__signature_good(changed, 0xd2, view(body, sizeof body), known));
    }
    assert_false(amble__signature_good(key, 0x52, view(body, sizeof body), known));
    assert_false(amble__signature_good(key, 0xd2, view(body, sizeof body - 1), known));
}

/* A message in pieces is signed as one: no two lengths give the same, and each end counts. */
static void messages_of_every_length(void **state)
{
    uint8_t message[200], signature[AMBLE__SIGNATURE], before[AMBLE__SIGNATURE] = {0};

    (void)state;
    for (size_t i = 0; i < sizeof message; i++)
        message[i] = (uint8_t)(i * 7);
    for (size_t n = 1; n <= sizeof message; n++) {
        assert_int_equal(amble__signature_make(key, 0xd2, view(message, n), 0x01020304, signature), 0);
        assert_memory_not_equal(signature + 4, before + 4, 8);
        memcpy(before, signature, sizeof before);
        message[0] ^= 1;
        assert_false(amble__signature_good(key, 0xd2, view(message, n), signature));
        message[0] ^= 1;
        message[n - 1] ^= 0x80;
        assert_false(amble__signature_good(key, 0xd2, view(message, n), signature));
        message[n - 1] ^= 0x80;
        assert_true(amble__signature_good(key, 0xd2, view(message, n), signature));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(messages_of_every_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
