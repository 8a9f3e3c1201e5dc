/* Tests of the byte ring: every place of the seam, against a plain model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/byte_ring.h"

enum { SIZE = 7 };

static void what_goes_in_comes_out_wherever_the_seam_is(void **state)
{
    uint8_t block[SIZE + 1], out[SIZE], data[SIZE] = {1, 2, 3, 4, 5, 6, 7};

    (void)state;
    block[SIZE] = 0x77;
    for (size_t start = 0; start < SIZE; start++) {
        for (size_t size = 0; size <= SIZE - 1; size++) {
            amble__byte_ring ring = {.bytes = block, .size = SIZE};

            amble__ring_put(&ring, data, start + 1);
            amble__ring_take(&ring, out, start); /* one byte stays, so the head does too */
            assert_int_equal(amble__ring_room(&ring), SIZE - 1);
            amble__ring_put(&ring, data, size);
            assert_int_equal(ring.used, 1 + size);
            amble__ring_take(&ring, out, 1);
            assert_int_equal(out[0], start + 1);
            amble__ring_peek(&ring, out, size);
            assert_memory_equal(out, data, size);
            memset(out, 0, sizeof out);
            amble__ring_take(&ring, out, size);
            assert_memory_equal(out, data, size);
            assert_int_equal(amble__ring_room(&ring), SIZE);
        }
    }
    assert_int_equal(block[SIZE], 0x77);
}

static void an_empty_ring_begins_at_its_beginning(void **state)
{
    uint8_t block[SIZE], out[SIZE];
    amble__byte_ring ring = {.bytes = block, .size = SIZE};

    (void)state;
    for (int i = 0; i < 3; i++) {
        amble__ring_put(&ring, "abcde", 5);
        amble__ring_take(&ring, out, 5);
        amble__ring_put(&ring, "1234567", SIZE);
        assert_memory_equal(block, "1234567", SIZE);
        assert_int_equal(ring.head, 0);
        amble__ring_clear(&ring);
        assert_int_equal(amble__ring_room(&ring), SIZE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out_wherever_the_seam_is),
        cmocka_unit_test(an_empty_ring_begins_at_its_beginning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
