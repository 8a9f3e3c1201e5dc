/* Tests of UUIDs: the initialisers, the two forms of one UUID, texts in and out. */
#include "amble/uuid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "amble/error.h"

static const amble_uuid environment = AMBLE_UUID16(0x181A);
static const amble_uuid environment_long = AMBLE_UUID128("0000181a-0000-1000-8000-00805f9b34fb");
static const amble_uuid other_long = AMBLE_UUID128("0000181B-0000-1000-8000-00805F9B34FB");
static const amble_uuid not_bluetooth = AMBLE_UUID128("0000181A-0000-1000-8000-00805F9B34FC");
static const amble_uuid counting = AMBLE_UUID128("00112233-4455-6677-8899-AAbbccDDeeFf");

static void initialisers_are_in_the_order_of_the_air(void **state)
{
    static const uint8_t expected[16] = {0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99, 0x88,
                                         0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0x00};

    (void)state;
    assert_int_equal(environment.size, 2);
    assert_int_equal(environment.bytes[0], 0x1A);
    assert_int_equal(environment.bytes[1], 0x18);
    assert_int_equal(counting.size, 16);
    assert_memory_equal(counting.bytes, expected, 16);
}

static void both_forms_are_equal(void **state)
{
    const amble_uuid none = {0, {0}};

    (void)state;
    assert_true(amble_uuid_equal(&environment, &environment));
    assert_true(amble_uuid_equal(&environment, &environment_long));
    assert_true(amble_uuid_equal(&environment_long, &environment));
    assert_false(amble_uuid_equal(&environment, &other_long));
    assert_false(amble_uuid_equal(&environment_long, &other_long));
    assert_false(amble_uuid_equal(&environment, &not_bluetooth));
    assert_false(amble_uuid_equal(&none, &environment));
    assert_false(amble_uuid_equal(&environment_long, &none));
}

static void texts_are_read(void **state)
{
    static const struct {
        const char *text, *written;
    } cases[] = {
        {"181A", "181A"},
        {"0x181a", "181A"},
        {"0X181a", "181A"},
        {"0000", "0000"},
        {"0000181a", "0000181A-0000-1000-8000-00805F9B34FB"},
        {"0x12345678", "12345678-0000-1000-8000-00805F9B34FB"},
        {"6e400001-b5a3-f393-e0a9-e50e24dcca9e", "6E400001-B5A3-F393-E0A9-E50E24DCCA9E"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amble_uuid uuid, again;
        char text[AMBLE_UUID_TEXT];

        assert_int_equal(amble_uuid_parse(&uuid, cases[i].text), AMBLE_OK);
        assert_ptr_equal(amble_uuid_text(&uuid, text), text);
        assert_string_equal(text, cases[i].written);
        assert_int_equal(amble_uuid_parse(&again, text), AMBLE_OK);
        assert_memory_equal(&uuid, &again, sizeof uuid);
    }
}

static void other_texts_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "0x",
        "181",
        "181G",
        "181A ",
        " 181A",
        "0x0x181A",
        "-181",
        "181A5",
        "1234567",
        "0x123456789",
        "123456789",
        "6e400001b5a3f393e0a9e50e24dcca9e",
        "6e400001-b5a3-f393-e0a9-e50e24dcca9",
        "6e400001-b5a3-f393-e0a9-e50e24dcca9e0",
        "6e400001-b5a3-f393-e0a9-e50e24dcca9g",
        "6e400001-b5a3-f393-e0a9+e50e24dcca9e",
        "6e400001b-5a3-f393-e0a9-e50e24dcca9e",
        "0x6e400001-b5a3-f393-e0a9-e50e24dcca",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        amble_uuid uuid = environment;

        assert_int_equal(amble_uuid_parse(&uuid, texts[i]), AMBLE_ERR_ARGUMENT);
        assert_memory_equal(&uuid, &environment, sizeof uuid); /* as before */
    }
}

static void no_uuid_has_no_text(void **state)
{
    const amble_uuid none = {0, {0}}, broken = {200, {0}};
    char text[AMBLE_UUID_TEXT];

    (void)state;
    assert_string_equal(amble_uuid_text(&none, text), "");
    assert_string_equal(amble_uuid_text(&broken, text), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(initialisers_are_in_the_order_of_the_air),
        cmocka_unit_test(both_forms_are_equal),
        cmocka_unit_test(texts_are_read),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(no_uuid_has_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
