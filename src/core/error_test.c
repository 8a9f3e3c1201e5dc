/* Tests of the error texts: every number has one, layers and codes are named, unknown numbers keep theirs. */
#include "amble/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct {
    int number;
    const char *name, *sentence, *remedy;
} entry;

#define ENTRY(number, name, sentence, remedy) {number, #name, sentence, remedy},
static const entry entries[] = {AMBLE_ERROR_TABLE(ENTRY)};
enum { ENTRIES = sizeof entries / sizeof entries[0] };

static void every_own_error_has_number_name_and_text(void **state)
{
    (void)state;
    for (int i = 0; i < ENTRIES; i++) {
        const char *text = amble_error_text(entries[i].number);

        assert_in_range(-entries[i].number, 0, 99);
        assert_memory_equal(text, entries[i].sentence, strlen(entries[i].sentence));
        assert_non_null(strstr(text, entries[i].remedy));
        for (int other = 0; other < i; other++) {
            assert_int_not_equal(entries[i].number, entries[other].number);
            assert_string_not_equal(entries[i].name, entries[other].name);
        }
    }
}

static void remedies_stand_behind_a_colon(void **state)
{
    (void)state;
    assert_string_equal(
        amble_error_text(AMBLE_ERR_ATT(0x05)),
        "ATT 0x05 insufficient authentication: the attribute needs a paired link; call amble_pair() first");
    assert_string_equal(amble_error_text(AMBLE_ERR_CANCELLED), "the task was cancelled");
    assert_string_equal(amble_error_text(AMBLE_ERR_STALE), "it belongs to something that is over: get it again");
    assert_string_equal(amble_error_text(0), "done");
    assert_string_equal(amble_error_text(17), "done"); /* a count */
}

/* Every byte of every layer: the layer's name and the byte are in the text, and it is in one piece. */
static void every_byte_of_every_layer_is_named(void **state)
{
    static const char *const layers[] = {"HCI 0x",   "ATT 0x",          "SMP 0x",
                                         "L2CAP 0x", "L2CAP reject 0x", "L2CAP reconfigure 0x"};

    (void)state;
    for (int layer = 1; layer <= 6; layer++) {
        for (int code = 0; code <= 0xff; code++) {
            const char *text = amble_error_text(-(layer << 8 | code));
            char start[40];

            snprintf(start, sizeof start, "%s%02X ", layers[layer - 1], (unsigned)code);
            assert_memory_equal(text, start, strlen(start));
            assert_in_range(strlen(text), strlen(start) + 3, 130);
            assert_null(strstr(text, "call call"));
            assert_int_not_equal(text[strlen(text) - 1], ' ');
        }
    }
}

static void ranges_of_services_are_told_apart(void **state)
{
    (void)state;
    assert_non_null(strstr(amble_error_text(AMBLE_ERR_ATT(0x80)), "application error"));
    assert_non_null(strstr(amble_error_text(AMBLE_ERR_ATT(0x9F)), "application error"));
    assert_non_null(strstr(amble_error_text(AMBLE_ERR_ATT(0xA0)), "reserved"));
    assert_non_null(strstr(amble_error_text(AMBLE_ERR_ATT(0xE0)), "common profile"));
    assert_non_null(strstr(amble_error_text(AMBLE_ERR_ATT(0xFD)), "client characteristic configuration"));
}

static void numbers_of_no_layer_are_kept(void **state)
{
    (void)state;
    assert_string_equal(amble_error_text(-99), "number -99: unknown error");
    assert_string_equal(amble_error_text(-0x700), "number -1792: unknown error");
    assert_string_equal(amble_error_text(INT32_MIN), "number -2147483648: unknown error");
}

static void four_unknown_texts_live_at_once(void **state)
{
    const char *a = amble_error_text(-90), *b = amble_error_text(-91), *c = amble_error_text(-92),
               *d = amble_error_text(-93);

    (void)state;
    assert_string_equal(a, "number -90: unknown error");
    assert_string_equal(b, "number -91: unknown error");
    assert_string_equal(c, "number -92: unknown error");
    assert_string_equal(d, "number -93: unknown error");
}

static void layers_keep_the_byte(void **state)
{
    (void)state;
    assert_int_equal(AMBLE_ERR_HCI(0x08), -0x108);
    assert_int_equal(-AMBLE_ERR_ATT(0xE0) & 0xff, 0xE0);
    assert_int_equal(-AMBLE_ERR_SMP(0x04) >> 8, 3);
    assert_int_equal(AMBLE_ERR_L2CAP_REJECT(0), -0x500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_own_error_has_number_name_and_text),
        cmocka_unit_test(remedies_stand_behind_a_colon),
        cmocka_unit_test(every_byte_of_every_layer_is_named),
        cmocka_unit_test(ranges_of_services_are_told_apart),
        cmocka_unit_test(numbers_of_no_layer_are_kept),
        cmocka_unit_test(four_unknown_texts_live_at_once),
        cmocka_unit_test(layers_keep_the_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
