/* Tests of the arena: alignment, zeroes, and that counting and laying out agree. */
#include "core/arena.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static alignas(max_align_t) uint8_t block[1024];

static void what_is_taken_is_aligned_and_zero(void **state)
{
    amble__arena arena = {.block = block, .size = sizeof block};
    const size_t sizes[] = {1, 3, 17, 8, 100};
    uint8_t *end = block;

    (void)state;
    memset(block, 0xa5, sizeof block);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t *p = amble__arena_take(&arena, 2, sizes[i]);

        assert_non_null(p);
        assert_true(p >= end); /* not over what was taken before */
        assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
        for (size_t k = 0; k < 2 * sizes[i]; k++)
            assert_int_equal(p[k], 0);
        memset(p, 0xff, 2 * sizes[i]);
        end = p + 2 * sizes[i];
    }
    assert_true(end <= block + arena.used);
    assert_int_equal(block[arena.used], 0xa5); /* nothing beyond is touched */
}

static void take_three(amble__arena *arena)
{
    (void)amble__arena_take(arena, 3, 7);
    (void)amble__arena_take(arena, 0, 100);
    (void)amble__arena_take(arena, 1, 33);
}

static void counting_and_laying_out_agree(void **state)
{
    amble__arena counting = {0}, laying = {.block = block, .size = sizeof block};

    (void)state;
    take_three(&counting);
    take_three(&laying);
    assert_int_equal(counting.used, laying.used);
    assert_null(amble__arena_take(&counting, 1, 1));
}

static void a_full_arena_gives_nothing_and_counts_on(void **state)
{
    amble__arena arena = {.block = block, .size = 64};

    (void)state;
    memset(block, 0xa5, sizeof block);
    assert_non_null(amble__arena_take(&arena, 1, 48));
    assert_null(amble__arena_take(&arena, 1, 17));
    assert_true(arena.used > arena.size);
    assert_null(amble__arena_take(&arena, 1, 1)); /* not even what would have fitted */
    assert_int_equal(block[48], 0xa5);
    arena.used = 48; /* as before the one that failed */
    assert_ptr_equal(amble__arena_take(&arena, 16, 1), block + 48);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_taken_is_aligned_and_zero),
        cmocka_unit_test(counting_and_laying_out_agree),
        cmocka_unit_test(a_full_arena_gives_nothing_and_counts_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
