/* Tests of the timer heap: random operations beside a model that is too simple to be wrong, and the rules for timers
 * that arm or disarm timers while they fire. */
#include "core/timers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/list.h"
#include "core/random.h"

enum { COUNT = 64, OPERATIONS = 20000, TIMES = 40 /* few, so that many deadlines are equal */ };

typedef struct {
    amble__timer timer;
    bool armed; /* the model: what the heap should know, in a plain table */
    uint64_t deadline_us, order;
} item;

static item items[COUNT];
static item *fired[COUNT + 1];
static unsigned fired_count;

static void record(amble__timer *timer)
{
    assert_false(timer->armed);
    assert_true(fired_count < COUNT);
    fired[fired_count++] = amble__container(timer, item, timer);
}

static item *model_first(void)
{
    item *first = NULL;

    for (int i = 0; i < COUNT; i++) {
        item *one = &items[i];

        if (one->armed && (!first || one->deadline_us < first->deadline_us ||
                           (one->deadline_us == first->deadline_us && one->order < first->order)))
            first = one;
    }
    return first;
}

static void run_both(amble__timers *timers, uint64_t now)
{
    unsigned expected = 0;

    fired_count = 0;
    const unsigned count = amble__timers_run(timers, now);
    for (item *first; (first = model_first()) && first->deadline_us <= now; expected++) {
        assert_true(expected < fired_count);
        assert_ptr_equal(fired[expected], first);
        first->armed = false;
    }
    assert_int_equal(count, expected);
    assert_int_equal(fired_count, expected);
}

static void behaves_as_the_model(void **state)
{
    amble__random random;
    amble__timers timers = {0};
    uint64_t order = 0, now = 0;

    (void)state;
    amble__random_seed(&random, 7);
    memset(items, 0, sizeof items);
    for (int i = 0; i < COUNT; i++)
        items[i].timer.fire = record;
    for (int i = 0; i < OPERATIONS; i++) {
        item *one = &items[amble__random_below(&random, COUNT)];
        const uint32_t kind = amble__random_below(&random, 10);

        if (kind < 6) {
            one->deadline_us = now + amble__random_below(&random, TIMES);
            one->order = order++;
            one->armed = true;
            amble__timers_arm(&timers, &one->timer, one->deadline_us);
        } else if (kind < 9) {
            one->armed = false;
            amble__timers_disarm(&timers, &one->timer);
        } else {
            now += amble__random_below(&random, TIMES / 4);
            run_both(&timers, now);
        }
        const item *first = model_first();
        assert_int_equal(amble__timers_deadline(&timers), first ? first->deadline_us : AMBLE__NEVER);
        assert_int_equal(one->timer.armed, one->armed);
    }
}

static void equal_deadlines_fire_as_armed(void **state)
{
    amble__timers timers = {0};

    (void)state;
    memset(items, 0, sizeof items);
    for (int i = 0; i < COUNT; i++) {
        items[i].timer.fire = record;
        amble__timers_arm(&timers, &items[i].timer, 5);
    }
    amble__timers_arm(&timers, &items[0].timer, 5); /* armed again: now the last */
    fired_count = 0;
    assert_int_equal(amble__timers_run(&timers, 4), 0);
    assert_int_equal(amble__timers_run(&timers, 5), COUNT);
    for (int i = 0; i < COUNT; i++)
        assert_ptr_equal(fired[i], &items[(i + 1) % COUNT]);
    assert_int_equal(amble__timers_deadline(&timers), AMBLE__NEVER);
}

static amble__timers *rearming_heap;

static void rearm(amble__timer *timer)
{
    fired_count++;
    amble__timers_arm(rearming_heap, timer, 0);
}

static void a_timer_that_rearms_itself_does_not_hold_the_loop(void **state)
{
    amble__timers timers = {0};
    amble__timer timer = {.fire = rearm};

    (void)state;
    rearming_heap = &timers;
    fired_count = 0;
    amble__timers_arm(&timers, &timer, 0);
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(amble__timers_run(&timers, 10), 1);
        assert_int_equal(fired_count, i);
        assert_true(timer.armed);
    }
}

static void disarm_next(amble__timer *timer)
{
    fired_count++;
    amble__timers_disarm(rearming_heap, &items[timer == &items[0].timer ? 1 : 0].timer);
}

static void a_timer_disarmed_by_another_stays_silent(void **state)
{
    amble__timers timers = {0};

    (void)state;
    memset(items, 0, sizeof items);
    rearming_heap = &timers;
    fired_count = 0;
    items[0].timer.fire = items[1].timer.fire = disarm_next;
    amble__timers_arm(&timers, &items[0].timer, 3);
    amble__timers_arm(&timers, &items[1].timer, 3);
    assert_int_equal(amble__timers_run(&timers, 3), 1);
    assert_int_equal(fired_count, 1);
    assert_false(items[1].timer.armed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behaves_as_the_model),
        cmocka_unit_test(equal_deadlines_fire_as_armed),
        cmocka_unit_test(a_timer_that_rearms_itself_does_not_hold_the_loop),
        cmocka_unit_test(a_timer_disarmed_by_another_stays_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
