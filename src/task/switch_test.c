/* Tests of the stack switch alone: what a call must preserve is preserved while another stack runs, stacks are aligned
 * as the processor wants them, and the argument and the value of a switch arrive whole. */
#include "task/switch.h"

#include <stdint.h>
#include <unwind.h>

#include "task/task_internal.h"
#include "task/testing.h"

#if defined(__has_include) && !defined(AMBLE__NO_VALGRIND)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif
#ifndef VALGRIND_STACK_REGISTER
#define VALGRIND_STACK_REGISTER(start, end) ((void)(start), (void)(end), 0)
#define VALGRIND_STACK_DEREGISTER(id)       ((void)(id))
#endif

#ifdef AMBLE__ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_UNPOISON_MEMORY_REGION(start, size) ((void)(start), (void)(size))
#endif

enum { STACKS = 3, VALUES = 12, ROUNDS = 1000 };

static _Alignas(16) unsigned char stacks[STACKS][65536];
static amble__context contexts[STACKS], outside;
static uintptr_t seen_argument[STACKS];
static double sums[STACKS];
static unsigned finished;

/* Sizes that are no multiple of what the processor wants must not matter. The frames of an earlier test were left where
 * they were, not returned from: their red zones have to go. */
static void prepare(unsigned index, void (*entry)(void *arg), void *arg)
{
    ASAN_UNPOISON_MEMORY_REGION(stacks[index], sizeof stacks[index]);
    amble__context_make(&contexts[index], stacks[index], sizeof stacks[index] - 8 * index, entry, arg);
}

/* Round robin; `outside` follows the last. */
static void next_of(unsigned index) { (void)amble__context_switch(&contexts[index], &contexts[(index + 1) % STACKS]); }

/* So many single values live across every switch that the compiler keeps some in each register that a call preserves;
 * elements of an array would stay in memory. */
#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define BEGIN(i)                                                                                                       \
    double f##i = seed[i] + index;                                                                                     \
    uintptr_t n##i = (uintptr_t)(seed[i] * 3) + index;
#define STEP(i)                                                                                                        \
    f##i += 0.5;                                                                                                       \
    n##i += i;
#define SUM(i) +f##i + (double)n##i

static __attribute__((noinline)) double mix(unsigned index, volatile const double *seed)
{
    EACH(BEGIN)
    for (unsigned round = 0; round < ROUNDS; round++) {
        next_of(index);
        EACH(STEP)
    }
    return 0 EACH(SUM);
}

static const double seeds[VALUES] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

static void run_stack(void *arg)
{
    const unsigned index = (unsigned)((uintptr_t)arg & 0xf);
    _Alignas(16) volatile unsigned char aligned[16] = {0};

    seen_argument[index] = (uintptr_t)arg;
    if ((uintptr_t)&aligned % 16)
        sums[index] = -1; /* the compiler trusts the stack it was given */
    else
        sums[index] = mix(index, seeds);
    finished++;
    for (;;) {
        if (finished == STACKS)
            (void)amble__context_switch(&contexts[index], &outside);
        next_of(index);
    }
}

static void registers_survive_a_switch(void **state)
{
    const uintptr_t high = UINTPTR_MAX - 0xff; /* every bit of the argument has to arrive */

    (void)state;
    finished = 0;
    for (unsigned i = 0; i < STACKS; i++)
        prepare(i, run_stack, (void *)(high | i));
    (void)amble__context_switch(&outside, &contexts[0]);
    assert_int_equal(finished, STACKS);
    for (unsigned i = 0; i < STACKS; i++) {
        double sum = 0;

        for (unsigned k = 0; k < VALUES; k++)
            sum += seeds[k] + i + ROUNDS * 0.5 + seeds[k] * 3 + i + ROUNDS * k;
        assert_true(seen_argument[i] == (high | i));
        assert_true(sums[i] == sum); /* whole and half numbers: exact */
    }
}

/* --- the value ---------------------------------------------------------------------------------------------------- */
static int values_seen[2];

static void see_values(void *arg)
{
    (void)arg;
    for (int i = 0;; i++) {
        const int value = amble__context_switch(&contexts[0], &outside);

        values_seen[i] = value;
    }
}

static void a_switch_returns_the_value_put_into_its_context(void **state)
{
    (void)state;
    prepare(0, see_values, NULL);
    outside.value = 5;
    assert_int_equal(amble__context_switch(&outside, &contexts[0]), 5);
    for (int i = 0; i < 2; i++) {
        contexts[0].value = i - 7;
        outside.value = -i;
        assert_int_equal(amble__context_switch(&outside, &contexts[0]), -i);
        assert_int_equal(values_seen[i], i - 7);
    }
}

/* --- floating-point modes ----------------------------------------------------------------------------------------- */
#ifdef AMBLE__SWITCH_X86_64
typedef struct {
    uint32_t mxcsr;
    uint16_t x87_control;
} control_words;

/* Their fields for the direction of rounding, the same in both but for the place. */
enum { ROUNDING = 3, MXCSR_ROUNDING_AT = 13, X87_ROUNDING_AT = 10 };

static control_words current_modes(void)
{
    control_words words;

    __asm__ volatile("stmxcsr %0\n    fnstcw %1" : "=m"(words.mxcsr), "=m"(words.x87_control));
    return words;
}

static void round_to(unsigned direction)
{
    control_words words = current_modes();

    words.mxcsr = (words.mxcsr & ~((uint32_t)ROUNDING << MXCSR_ROUNDING_AT)) | direction << MXCSR_ROUNDING_AT;
    words.x87_control =
        (uint16_t)((words.x87_control & ~((unsigned)ROUNDING << X87_ROUNDING_AT)) | direction << X87_ROUNDING_AT);
    __asm__ volatile("ldmxcsr %0\n    fldcw %1" : : "m"(words.mxcsr), "m"(words.x87_control));
}

static bool rounds_to(unsigned direction)
{
    const control_words words = current_modes();

    return (words.mxcsr >> MXCSR_ROUNDING_AT & ROUNDING) == direction &&
           (words.x87_control >> X87_ROUNDING_AT & ROUNDING) == direction;
}

static unsigned modes_kept;

static void change_modes(void *arg)
{
    (void)arg;
    for (unsigned direction = 1;; direction = 3 - direction) {
        round_to(direction);
        (void)amble__context_switch(&contexts[0], &outside);
        modes_kept += rounds_to(direction);
    }
}

static void rounding_is_kept_on_each_stack(void **state)
{
    (void)state;
    modes_kept = 0;
    prepare(0, change_modes, NULL);
    round_to(3);
    for (int i = 0; i < 5; i++) {
        (void)amble__context_switch(&outside, &contexts[0]);
        assert_true(rounds_to(3));
    }
    round_to(0);
    assert_int_equal(modes_kept, 4);
}
#endif

/* --- unwinding ---------------------------------------------------------------------------------------------------- */
#ifndef AMBLE__SWITCH_CORTEX_M /* which has unwind tables of its own kind, and nobody who reads them */
static unsigned frames;
static _Unwind_Reason_Code unwound;

static _Unwind_Reason_Code count_frame(struct _Unwind_Context *context, void *arg)
{
    (void)context, (void)arg;
    return ++frames > 50 ? _URC_NORMAL_STOP : _URC_NO_REASON;
}

static void unwind_from_here(void *arg)
{
    (void)arg;
    unwound = _Unwind_Backtrace(count_frame, NULL);
    for (;;)
        (void)amble__context_switch(&contexts[0], &outside);
}

/* What a debugger and an exception that nobody catches do: go up frame by frame. Beyond the entry there is nothing. */
static void unwinding_ends_at_the_entry(void **state)
{
    (void)state;
    frames = 0;
    prepare(0, unwind_from_here, NULL);
    (void)amble__context_switch(&outside, &contexts[0]);
    assert_int_equal(unwound, _URC_END_OF_STACK);
    assert_in_range(frames, 2, 6);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_survive_a_switch),
        cmocka_unit_test(a_switch_returns_the_value_put_into_its_context),
#ifdef AMBLE__SWITCH_X86_64
        cmocka_unit_test(rounding_is_kept_on_each_stack),
#endif
#ifndef AMBLE__SWITCH_CORTEX_M
        cmocka_unit_test(unwinding_ends_at_the_entry),
#endif
    };
    unsigned ids[STACKS];
    int r;

    for (unsigned i = 0; i < STACKS; i++)
        ids[i] = VALGRIND_STACK_REGISTER(stacks[i], stacks[i] + sizeof stacks[i]);
    r = cmocka_run_group_tests(tests, NULL, NULL);
    for (unsigned i = 0; i < STACKS; i++)
        VALGRIND_STACK_DEREGISTER(ids[i]);
    return r;
}
