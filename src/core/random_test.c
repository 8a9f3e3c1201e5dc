/* Tests of the random stream: one seed gives one sequence, ranges are kept and filled evenly, the system's source is
 * asked when it should be. */
#include "core/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_seed_gives_its_sequence(void **state)
{
    amble__random a, b, other;
    bool differs = false;

    (void)state;
    amble__random_seed(&a, 1);
    amble__random_seed(&b, 1);
    amble__random_seed(&other, 2);
    for (int i = 0; i < 100; i++) {
        const uint64_t value = amble__random_u64(&a);

        assert_int_equal(value, amble__random_u64(&b));
        differs |= value != amble__random_u64(&other);
    }
    assert_true(differs);
}

/* The value for seed 0 of the authors' reference programs (splitmix64.c and xoshiro256starstar.c), so that a trace
 * recorded with a seed stays what it is. */
static void the_sequence_is_the_published_one(void **state)
{
    amble__random random;

    (void)state;
    amble__random_seed(&random, 0);
    assert_int_equal(random.state[0], UINT64_C(0xe220a8397b1dcdaf));
    assert_int_equal(random.state[1], UINT64_C(0x6e789e6aa1b965f4));
    assert_int_equal(amble__random_u64(&random), UINT64_C(0x99ec5f36cb75f2b4));
}

static void bytes_are_filled_to_the_last(void **state)
{
    (void)state;
    for (size_t size = 0; size < 40; size++) {
        uint8_t buffer[41], again[41];
        bool touched[41] = {false};
        amble__random random;

        for (uint64_t seed = 0; seed < 8; seed++) {
            memset(buffer, 0xa5, sizeof buffer);
            amble__random_seed(&random, seed);
            amble__random_bytes(&random, buffer, size);
            amble__random_seed(&random, seed);
            amble__random_bytes(&random, again, size);
            assert_memory_equal(buffer, again, size);
            assert_int_equal(buffer[size], 0xa5);
            for (size_t i = 0; i < size; i++)
                touched[i] |= buffer[i] != 0xa5;
        }
        for (size_t i = 0; i < size; i++)
            assert_true(touched[i]);
    }
}

static void numbers_below_a_bound_are_even(void **state)
{
    enum { BOUND = 7, DRAWS = 70000 };
    unsigned counts[BOUND] = {0};
    amble__random random;

    (void)state;
    amble__random_seed(&random, 3);
    for (int i = 0; i < DRAWS; i++) {
        const uint32_t value = amble__random_below(&random, BOUND);

        assert_true(value < BOUND);
        counts[value]++;
    }
    for (int i = 0; i < BOUND; i++) /* the deviation is 93; five of it */
        assert_in_range(counts[i], DRAWS / BOUND - 465, DRAWS / BOUND + 465);
    assert_int_equal(amble__random_below(&random, 1), 0);
}

static unsigned asked;

static void all_ones(void *buffer, size_t size)
{
    asked++;
    memset(buffer, 0xff, size);
}

static void the_system_is_asked_when_told(void **state)
{
    uint8_t bytes[3];
    amble__random random;

    (void)state;
    amble__random_seed(&random, 1);
    amble__random_use_system(&random, all_ones);
    asked = 0;
    assert_int_equal(amble__random_u64(&random), UINT64_MAX);
    amble__random_bytes(&random, bytes, sizeof bytes);
    assert_int_equal(asked, 2);
    assert_int_equal(bytes[2], 0xff);
    amble__random_seed(&random, 1); /* seeding goes back to the generator */
    assert_int_not_equal(amble__random_u64(&random), UINT64_MAX);
    assert_int_equal(asked, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_gives_its_sequence),     cmocka_unit_test(the_sequence_is_the_published_one),
        cmocka_unit_test(bytes_are_filled_to_the_last),  cmocka_unit_test(numbers_below_a_bound_are_even),
        cmocka_unit_test(the_system_is_asked_when_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
