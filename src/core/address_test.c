/* Tests of device addresses as text. */
#include "amble/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "amble/error.h"

static void texts_are_read(void **state)
{
    static const struct {
        const char *text, *written;
        amble_address_type type;
    } cases[] = {
        {"00:11:22:AA:bb:Cc", "00:11:22:AA:BB:CC/p", AMBLE_PUBLIC},
        {"00:11:22:AA:BB:CC/p", "00:11:22:AA:BB:CC/p", AMBLE_PUBLIC},
        {"00:11:22:AA:BB:CC/P", "00:11:22:AA:BB:CC/p", AMBLE_PUBLIC},
        {"C0:11:22:33:44:55/r", "C0:11:22:33:44:55/r", AMBLE_RANDOM},
        {"c0:11:22:33:44:55/R", "C0:11:22:33:44:55/r", AMBLE_RANDOM},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amble_device device, again;
        char text[AMBLE_DEVICE_TEXT];

        assert_int_equal(amble_device_parse(&device, cases[i].text), AMBLE_OK);
        assert_int_equal(device.type, cases[i].type);
        assert_ptr_equal(amble_device_text(device, text), text);
        assert_string_equal(text, cases[i].written);
        assert_int_equal(amble_device_parse(&again, text), AMBLE_OK);
        assert_true(amble_device_equal(device, again));
    }
}

static void bytes_are_in_the_order_of_the_air(void **state)
{
    static const uint8_t expected[6] = {0x06, 0x05, 0x04, 0x03, 0x02, 0x01};
    amble_device device;

    (void)state;
    assert_int_equal(amble_device_parse(&device, "01:02:03:04:05:06"), AMBLE_OK);
    assert_memory_equal(device.bytes, expected, 6);
}

static void other_texts_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "0",
        "00:11:22:33:44",
        "00:11:22:33:44:5",
        "00:11:22:33:44:555",
        "00-11-22-33-44-55",
        "00:11:22:33:44:5G",
        "001122334455",
        "00:11:22:33:44:55/",
        "00:11:22:33:44:55/x",
        "00:11:22:33:44:55/rr",
        "00:11:22:33:44:55 ",
        "00:11:22:33:44:55:66",
    };
    static const amble_device before = {AMBLE_RANDOM, {1, 2, 3, 4, 5, 6}};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        amble_device device = before;

        assert_int_equal(amble_device_parse(&device, texts[i]), AMBLE_ERR_ARGUMENT);
        assert_true(amble_device_equal(device, before));
    }
}

static void kind_and_every_byte_count(void **state)
{
    const amble_device a = {AMBLE_PUBLIC, {1, 2, 3, 4, 5, 6}};
    amble_device b = a;

    (void)state;
    assert_true(amble_device_equal(a, b));
    b.type = AMBLE_RANDOM;
    assert_false(amble_device_equal(a, b));
    for (int i = 0; i < 6; i++) {
        b = a;
        b.bytes[i] ^= 0x80;
        assert_false(amble_device_equal(a, b));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_read),
        cmocka_unit_test(bytes_are_in_the_order_of_the_air),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(kind_and_every_byte_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
