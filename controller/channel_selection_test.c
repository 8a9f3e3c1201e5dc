/* Channel selection against the specification's sample data (Vol 6, Part C, 3) and against values of an independent
 * implementation. */
#include "controller/channel_selection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SAMPLE_ACCESS_ADDRESS 0x8e89bed6u

static const uint8_t nine[] = {9, 10, 21, 22, 23, 33, 34, 35, 36};

static amble__ll_channels all_channels(void)
{
    amble__ll_channels channels;

    assert_true(amble__ll_channels_set(&channels, AMBLE__LL_ALL_CHANNELS));
    return channels;
}

static amble__ll_channels nine_channels(void)
{
    amble__ll_channels channels;
    uint64_t map = 0;

    for (unsigned i = 0; i < sizeof nine; i++)
        map |= UINT64_C(1) << nine[i];
    assert_true(amble__ll_channels_set(&channels, map));
    return channels;
}

static void test_algorithm_2_with_all_channels(void **state)
{
    static const uint8_t expected[] = {25, 20, 6, 21, 34, 36, 23, 14, 17, 21, 6, 7, 5, 20, 4, 4, 23, 27, 13, 17};
    const amble__ll_channels channels = all_channels();

    (void)state;
    for (uint16_t event = 0; event < sizeof expected; event++)
        assert_int_equal(amble__ll_channel_2(&channels, SAMPLE_ACCESS_ADDRESS, event), expected[event]);
}

static void test_algorithm_2_with_nine_channels(void **state)
{
    static const uint8_t expected[] = {35, 9, 33, 21, 34, 36, 23, 9, 34, 21, 21, 10, 23, 22, 9, 36, 23, 36, 34, 34};
    const amble__ll_channels channels = nine_channels();

    (void)state;
    for (uint16_t event = 0; event < sizeof expected; event++)
        assert_int_equal(amble__ll_channel_2(&channels, SAMPLE_ACCESS_ADDRESS, event), expected[event]);
}

static void test_algorithm_1(void **state)
{
    static const uint8_t hop_5[] = {5,  10, 15, 20, 25, 30, 35, 3,  8,  13, 18, 23, 28, 33, 1,  6,  11, 16, 21, 26,
                                    31, 36, 4,  9,  14, 19, 24, 29, 34, 2,  7,  12, 17, 22, 27, 32, 0,  5,  10, 15};
    static const uint8_t hop_16[] = {16, 32, 11, 27, 6,  22, 1,  17, 33, 12, 28, 7,  23, 2,  18, 34, 13, 29, 8,  24,
                                     3,  19, 35, 14, 30, 9,  25, 4,  20, 36, 15, 31, 10, 26, 5,  21, 0,  16, 32, 11};
    static const uint8_t hop_7[] = {35, 33, 21, 10, 35, 33, 22, 10, 36, 33, 22, 10, 36, 34, 23, 10, 36, 34, 22, 21,
                                    36, 34, 23, 21, 9,  34, 23, 21, 9,  35, 33, 21, 9,  35, 23, 22, 9,  35, 33, 21};
    const amble__ll_channels all = all_channels(), few = nine_channels();

    (void)state;
    for (uint16_t event = 0; event < sizeof hop_5; event++) {
        assert_int_equal(amble__ll_channel_1(&all, 5, event), hop_5[event]);
        assert_int_equal(amble__ll_channel_1(&all, 16, event), hop_16[event]);
        assert_int_equal(amble__ll_channel_1(&few, 7, event), hop_7[event]);
    }
}

/* Stepped as the specification has it (4.5.8.2), the unmapped channel knows nothing of an event counter that wraps. */
static void test_algorithm_1_goes_on_past_the_counter(void **state)
{
    const amble__ll_channels all = all_channels();
    unsigned unmapped = 0;

    (void)state;
    for (uint64_t event = 0; event < 0x10000 + 100; event++) {
        unmapped = (unmapped + 5) % AMBLE__LL_DATA_CHANNELS;
        assert_int_equal(amble__ll_channel_1(&all, 5, event), unmapped);
    }
}

/* The event counter wraps at 2^16, and a channel must come out of the map whatever it is. */
static void test_channels_are_of_the_map(void **state)
{
    const amble__ll_channels few = nine_channels();

    (void)state;
    for (uint32_t event = 0; event < 0x10000; event += 7) {
        assert_true(few.map >> amble__ll_channel_1(&few, 16, (uint16_t)event) & 1);
        assert_true(few.map >> amble__ll_channel_2(&few, 0x50655dab, (uint16_t)event) & 1);
    }
}

static void test_maps_that_are_none(void **state)
{
    amble__ll_channels channels;

    (void)state;
    assert_false(amble__ll_channels_set(&channels, 0));
    assert_false(amble__ll_channels_set(&channels, 1u << 12));
    assert_false(amble__ll_channels_set(&channels, UINT64_C(3) << 36)); /* bit 37 is an advertising channel */
    assert_true(amble__ll_channels_set(&channels, UINT64_C(3) << 35));
    assert_int_equal(channels.count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_algorithm_2_with_all_channels),
        cmocka_unit_test(test_algorithm_2_with_nine_channels),
        cmocka_unit_test(test_algorithm_1),
        cmocka_unit_test(test_algorithm_1_goes_on_past_the_counter),
        cmocka_unit_test(test_channels_are_of_the_map),
        cmocka_unit_test(test_maps_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
