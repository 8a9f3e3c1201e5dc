/* What the list of devices makes of advertisements: what is new, and how often they come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/scan_seen.h"

static amble__seen *add(amble__seen_list *list, uint8_t device, uint64_t time_us, const char *data, bool *is_new)
{
    const amble_scan_result result = {.device = {.bytes = {device}},
                                      .time_us = time_us,
                                      .data = (const uint8_t *)data,
                                      .size = strlen(data),
                                      .response_at = strlen(data)};

    return amble__seen_add(list, &result, is_new);
}

static void tells_what_is_new(void **state)
{
    amble__seen_list *list = calloc(1, sizeof *list);
    bool is_new;

    (void)state;
    add(list, 1, 0, "a", &is_new);
    assert_true(is_new);
    add(list, 1, 100000, "a", &is_new);
    assert_false(is_new);
    add(list, 2, 100000, "a", &is_new);
    assert_true(is_new);
    assert_int_equal(add(list, 1, 200000, "b", &is_new)->count, 3);
    assert_true(is_new);
    assert_int_equal(list->count, 2);
    free(list);
}

/* The sets of a device are advertisements of their own. */
static void tells_sets_apart(void **state)
{
    amble__seen_list *list = calloc(1, sizeof *list);
    amble_scan_result result = {.extended = true, .set = 1, .data = (const uint8_t *)"a", .size = 1};
    bool is_new;

    (void)state;
    amble__seen_add(list, &result, &is_new);
    result.set = 2;
    amble__seen_add(list, &result, &is_new);
    assert_true(is_new);
    assert_int_equal(amble__seen_add(list, &result, &is_new)->count, 2);
    assert_int_equal(list->count, 2);
    free(list);
}

/* Those without an address are told apart by what they say. */
static void tells_anonymous_ones_apart(void **state)
{
    amble__seen_list *list = calloc(1, sizeof *list);
    amble_scan_result result = {.anonymous = true, .extended = true, .data = (const uint8_t *)"a", .size = 1};
    bool is_new;

    (void)state;
    amble__seen_add(list, &result, &is_new);
    result.data = (const uint8_t *)"b";
    amble__seen_add(list, &result, &is_new);
    assert_true(is_new);
    assert_int_equal(amble__seen_add(list, &result, &is_new)->count, 2);
    assert_false(is_new);
    assert_int_equal(list->count, 2);
    free(list);
}

/* Intervals of 100 ms and a random delay, some not heard, one heard on two channels. */
static void estimates_the_interval(void **state)
{
    static const uint64_t times_ms[] = {0, 103, 104, 212, 316, 627, 733, 842, 1150};
    amble__seen_list *list = calloc(1, sizeof *list);
    amble__seen *seen = NULL;
    bool is_new;

    (void)state;
    for (size_t i = 0; i < sizeof times_ms / sizeof *times_ms; i++) {
        seen = add(list, 1, times_ms[i] * 1000, "a", &is_new);
        if (i < 3)
            assert_int_equal(amble__seen_interval(seen), 0); /* too early to tell */
    }
    assert_in_range(amble__seen_interval(seen), 97, 103);
    free(list);
}

static void the_oldest_makes_room(void **state)
{
    amble__seen_list *list = calloc(1, sizeof *list);
    amble_scan_result result = {.data = (const uint8_t *)"a", .size = 1};
    bool is_new;

    (void)state;
    for (unsigned i = 0; i <= AMBLE__SEEN_DEVICES; i++) {
        result.device = (amble_device){.bytes = {(uint8_t)i, (uint8_t)(i >> 8)}};
        result.time_us = i + 1;
        amble__seen_add(list, &result, &is_new);
        assert_true(is_new);
    }
    assert_int_equal(list->count, AMBLE__SEEN_DEVICES);
    assert_true(amble_device_equal(list->devices[0].result.device, result.device));
    free(list);
}

/* Data too short for what it says is left out, and nothing is read beyond it (under AddressSanitizer). */
static void leaves_out_what_is_cut_off(void **state)
{
    static const uint8_t bytes[] = {2,    0xff, 0x4c, 2,    0x19, 0x41, 2,    0x03, 0x0d, 4,
                                    0x03, 0x0d, 0x18, 0x0f, 2,    0x0a, 0xf8, 9,    0x09, 'x'};
    amble_scan_result result = {.size = sizeof bytes};
    uint8_t *copy = malloc(sizeof bytes);
    amble__advertised what;
    char text[64];

    (void)state;
    memcpy(copy, bytes, sizeof bytes);
    result.data = copy;
    amble__advertised_read(&result, &what);
    assert_int_equal(what.company, -1);
    assert_int_equal(what.appearance, -1);
    assert_int_equal(what.service_count, 1);
    assert_true(what.has_tx_power);
    assert_int_equal(what.tx_power, -8);
    assert_string_equal(what.name, "");
    assert_string_equal(amble__advertised_text(&what, text, sizeof text), "Heart Rate");
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_is_new),          cmocka_unit_test(tells_sets_apart),
        cmocka_unit_test(tells_anonymous_ones_apart), cmocka_unit_test(estimates_the_interval),
        cmocka_unit_test(the_oldest_makes_room),      cmocka_unit_test(leaves_out_what_is_cut_off)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
