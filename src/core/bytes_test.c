/* Tests of the bounded readers and writers: every access at every distance from the end, and that a failure sticks. The
 * buffers are allocated to the byte, so that AddressSanitizer sees one byte too many. */
#include "core/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint8_t pattern[8] = {0x01, 0x82, 0x03, 0x84, 0x05, 0x86, 0x07, 0x88};

/* Reads a number of `width` bytes. */
static uint64_t read_number(amble__reader *r, size_t width)
{
    switch (width) {
    case 1:
        return amble__read_u8(r);
    case 2:
        return amble__read_le16(r);
    case 3:
        return amble__read_le24(r);
    case 4:
        return amble__read_le32(r);
    default:
        return amble__read_le64(r);
    }
}

static void write_number(amble__writer *w, size_t width, uint64_t value)
{
    switch (width) {
    case 1:
        amble__write_u8(w, (unsigned)value);
        break;
    case 2:
        amble__write_le16(w, (unsigned)value);
        break;
    case 3:
        amble__write_le24(w, (uint32_t)value);
        break;
    case 4:
        amble__write_le32(w, (uint32_t)value);
        break;
    default:
        amble__write_le64(w, value);
    }
}

static uint64_t expected_number(size_t width)
{
    uint64_t value = 0;

    for (size_t i = width; i--;)
        value = value << 8 | pattern[i];
    return value;
}

static const size_t widths[] = {1, 2, 3, 4, 8};

static void numbers_are_read_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        for (size_t size = 0; size <= sizeof pattern; size++) {
            uint8_t *bytes = malloc(size ? size : 1);
            assert_non_null(bytes);
            memcpy(bytes, pattern, size);
            amble__reader r = amble__reader_of(bytes, size);
            const bool fits = widths[i] <= size;

            assert_int_equal(read_number(&r, widths[i]), fits ? expected_number(widths[i]) : 0);
            assert_int_equal(r.failed, !fits);
            assert_int_equal(amble__read_left(&r), fits ? size - widths[i] : 0);
            assert_int_equal(amble__read_complete(&r), widths[i] == size);
            free(bytes);
        }
    }
}

static void numbers_are_written_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        for (size_t size = 0; size <= sizeof pattern; size++) {
            uint8_t *bytes = calloc(size ? size : 1, 1);
            assert_non_null(bytes);
            amble__writer w = amble__writer_of(bytes, size);
            const bool fits = widths[i] <= size;

            write_number(&w, widths[i], expected_number(widths[i]));
            assert_int_equal(w.failed, !fits);
            assert_int_equal(amble__written_size(&w), fits ? widths[i] : 0);
            if (fits)
                assert_memory_equal(bytes, pattern, widths[i]);
            free(bytes);
        }
    }
}

static void a_failed_reader_stays_failed(void **state)
{
    uint8_t copy[4];
    amble__reader r = amble__reader_of(pattern, 3);

    (void)state;
    assert_int_equal(amble__read_le32(&r), 0);
    assert_int_equal(amble__read_u8(&r), 0); /* three bytes were left, but not for a parser that lost its place */
    assert_null(amble__read_view(&r, 0));
    memset(copy, 0xee, sizeof copy);
    amble__read_copy(&r, copy, sizeof copy);
    assert_int_equal(amble__get_le32(copy), 0);
    assert_int_equal(amble__read_rest(&r).size, 0);
    assert_false(amble__read_complete(&r));
}

static void a_failed_writer_stays_failed(void **state)
{
    uint8_t buffer[3] = {0};
    amble__writer w = amble__writer_of(buffer, sizeof buffer);

    (void)state;
    amble__write_u8(&w, 1);
    amble__write_le32(&w, 0xffffffff);
    amble__write_u8(&w, 2);
    amble__write_bytes(&w, pattern, 1);
    assert_true(w.failed);
    assert_int_equal(amble__written_size(&w), 1);
    assert_int_equal(buffer[1], 0);
}

static void huge_sizes_are_refused(void **state)
{
    uint8_t buffer[2];
    amble__reader r = amble__reader_of(pattern, sizeof pattern);
    amble__writer w = amble__writer_of(buffer, sizeof buffer);

    (void)state;
    amble__read_u8(&r);
    assert_null(amble__read_view(&r, SIZE_MAX));
    assert_null(amble__write_space(&w, SIZE_MAX));
}

static void nothing_may_be_empty(void **state)
{
    uint8_t untouched = 7;
    amble__reader r = amble__reader_of(NULL, 0);
    amble__writer w = amble__writer_of(NULL, 0);

    (void)state;
    amble__read_copy(&r, &untouched, 0);
    amble__write_bytes(&w, NULL, 0);
    assert_int_equal(untouched, 7);
    assert_true(amble__read_complete(&r));
    assert_false(w.failed);
    assert_int_equal(amble__read_u8(&r), 0);
    assert_true(r.failed);
}

static void the_rest_is_a_view(void **state)
{
    amble__reader r = amble__reader_of(pattern, sizeof pattern);

    (void)state;
    assert_int_equal(amble__read_le24(&r), 0x038201);
    const amble__bytes rest = amble__read_rest(&r);
    assert_ptr_equal(rest.data, pattern + 3);
    assert_int_equal(rest.size, 5);
    assert_true(amble__read_complete(&r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_or_refused),  cmocka_unit_test(numbers_are_written_or_refused),
        cmocka_unit_test(a_failed_reader_stays_failed), cmocka_unit_test(a_failed_writer_stays_failed),
        cmocka_unit_test(huge_sizes_are_refused),       cmocka_unit_test(nothing_may_be_empty),
        cmocka_unit_test(the_rest_is_a_view),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
