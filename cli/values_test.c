/* Formats in both directions, and what values mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/values.h"

/* What is typed, as bytes and back. */
static void formats_go_both_ways(void **state)
{
    static const struct {
        const char *format, *typed, *shown;
        size_t size;
        uint8_t bytes[8];
    } cases[] = {
        {"hex", "0a 0B0c", "0A 0B 0C", 3, {10, 11, 12}},
        {"hex", "0x01:02", "01 02", 2, {1, 2}},
        {"hex", "", "", 0, {0}},
        {"utf8", "a\xc3\xbc", "a\xc3\xbc", 3, {'a', 0xc3, 0xbc}},
        {"u8", "255", "255", 1, {255}},
        {"s8", "-128,127", "-128, 127", 2, {0x80, 0x7f}},
        {"u16le", "0x0102, 3", "258, 3", 4, {2, 1, 3, 0}},
        {"u16be", "258", "258", 2, {1, 2}},
        {"s24le", "-2", "-2", 3, {0xfe, 0xff, 0xff}},
        {"u32le", "4294967295", "4294967295", 4, {255, 255, 255, 255}},
        {"u64le", "18446744073709551615", "18446744073709551615", 8, {255, 255, 255, 255, 255, 255, 255, 255}},
        {"s64le", "-9223372036854775808", "-9223372036854775808", 8, {0, 0, 0, 0, 0, 0, 0, 0x80}},
        {"f32le", "1.5", "1.5", 4, {0, 0, 0xc0, 0x3f}},
        {"f64le", "-2", "-2", 8, {0, 0, 0, 0, 0, 0, 0, 0xc0}},
        {"f32be", "-inf", "-inf", 4, {0xff, 0x80, 0, 0}},
    };
    char text[AMBLE__VALUE_TEXT];
    uint8_t data[16];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const amble__format *format = amble__format_find(cases[i].format);

        assert_non_null(format);
        assert_int_equal(amble__format_parse(format, cases[i].typed, data, sizeof data), cases[i].size);
        assert_memory_equal(data, cases[i].bytes, cases[i].size);
        assert_string_equal(amble__format_text(format, data, cases[i].size, text, sizeof text), cases[i].shown);
    }
}

static void formats_refuse_what_is_none(void **state)
{
    static const char *const cases[][2] = {
        {"hex", "0"},
        {"hex", "0g"},
        {"f32le", "1e39"}, /* larger than any */
        {"f64le", "1e309"},
        {"f32le", "1.5 "},
        {"u8", "256"},
        {"u8", "-1"},
        {"u8", ""},
        {"s8", "128"},
        {"s8", "-129"},
        {"u16le", "1,"},
        {"u16le", "x"},
        {"u16le", "0x"},
        {"u16le", "+1"},
        {"f32le", "1.5x"},
        {"u8", "1 2"},
        {"s64le", "9223372036854775808"},
        {"u64le", "18446744073709551616"},
        {"hex", "000102030405060708090a0b0c0d0e0f10"}, /* 17 bytes */
    };
    char text[AMBLE__VALUE_TEXT];
    uint8_t data[16] = {0xff};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (amble__format_parse(amble__format_find(cases[i][0]), cases[i][1], data, sizeof data) >= 0)
            fail_msg("%s took %s", cases[i][0], cases[i][1]);
    data[0] = 0xff;
    assert_null(amble__format_find("u17"));
    assert_null(amble__format_text(amble__format_find("u16le"), data, 3, text, sizeof text));
    assert_null(amble__format_text(amble__format_find("u16le"), data, 0, text, sizeof text));
    assert_null(amble__format_text(amble__format_find("utf8"), data, 1, text, sizeof text));
}

static void values_have_meanings(void **state)
{
    static const struct {
        uint16_t uuid;
        size_t size;
        uint8_t bytes[20];
        const char *text; /* NULL: not understood */
    } cases[] = {
        {0x2a19, 1, {98}, "98 %"},
        {0x2a19, 0, {0}, NULL},
        {0x2a19, 2, {98, 0}, NULL},
        {0x2a6e, 2, {0x2e, 0xfb}, "-12.34 °C"},
        {0x2a6e, 2, {0x00, 0x80}, "not known"}, /* what each of these uses for that */
        {0x2a6f, 2, {0xff, 0xff}, "not known"},
        {0x2afb, 3, {0xff, 0xff, 0xff}, "not known"},
        {0x2b8c, 2, {0xff, 0xff}, "not known"},
        {0x2a6d, 4, {0x50, 0x76, 0x0f, 0}, "101332.8 Pa"},
        {0x2a00,
         3,
         {'a', 27, 'b'},
         "a\xef\xbf\xbd"
         "b"},
        {0x2a01, 2, {0x41, 0x03}, "Heart rate sensor: heart rate belt (0x0341)"},
        {0x2a37, 2, {0, 72}, "72 bpm"},
        {0x2a37, 7, {0x1f, 72, 0, 5, 0, 0, 4}, "72 bpm, in contact with the skin, 5 kJ, RR 1000 ms"},
        {0x2a37, 2, {1, 72}, NULL},
        {0x2a1c, 5, {0, 0x6c, 0x01, 0, 0xff}, "36.4 °C"},
        {0x2a1c, 5, {0, 0xff, 0xff, 0x7f, 0}, "not a number"}, /* IEEE 11073-20601: NaN, NRes, the infinities */
        {0x2a1c, 5, {0, 0x00, 0x00, 0x80, 0}, "not at this resolution"},
        {0x2a1c, 5, {0, 0xfe, 0xff, 0x7f, 0}, "too high to be measured"},
        {0x2a1c, 5, {1, 0x02, 0x00, 0x80, 0}, "too low to be measured"},
        {0x2a04, 8, {6, 0, 12, 0, 0, 0, 100, 0}, "interval 7.50 to 15.00 ms, latency 0, timeout 1000 ms"},
        {0x2902, 2, {1, 0}, "notifications"},
        {0x2902, 2, {0, 0}, "off"},
        {0x2902, 1, {1}, NULL},
        {0x2904, 7, {14, 0xfe, 0x2f, 0x27, 1, 0, 0}, "s16 * 10^-2, Celsius temperature (degree Celsius)"},
        {0x2a50, 7, {1, 0x4c, 0, 1, 0, 0x12, 0x01}, "company 004C (Apple, Inc.), product 0001, version 1.1.2"},
        {0xfff1, 1, {1}, NULL},
    };
    char text[AMBLE__VALUE_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const amble_uuid uuid = AMBLE_UUID16(cases[i].uuid);
        uint8_t *copy = malloc(cases[i].size + 1); /* AddressSanitizer watches its end */
        const char *found;

        memcpy(copy + 1, cases[i].bytes, cases[i].size);
        found = amble__value_text(&uuid, copy + 1, cases[i].size, text, sizeof text);
        if (cases[i].text)
            assert_string_equal(found ? found : "(nothing)", cases[i].text);
        else
            assert_null(found);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(formats_go_both_ways),
                                       cmocka_unit_test(formats_refuse_what_is_none),
                                       cmocka_unit_test(values_have_meanings)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
