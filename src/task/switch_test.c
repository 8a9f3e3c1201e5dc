/* Tests of the stack switch alone: what a call must preserve is preserved while another stack runs, stacks are aligned
 * as the processor wants them, and the argument arrives whole. */
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
static void next_of(unsigned index) { amble__context_switch(&contexts[index], &contexts[(index + 1) % STACKS]); }

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
            amble__context_switch(&contexts[index], &outside);
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
    amble__context_switch(&outside, &contexts[0]);
    assert_int_equal(finished, STACKS);
    for (unsigned i = 0; i < STACKS; i++) {
        double sum = 0;

        for (unsigned k = 0; k < VALUES; k++)
            sum += seeds[k] + i + ROUNDS * 0.5 + seeds[k] * 3 + i + ROUNDS * k;
        assert_true(seen_argument[i] == (high | i));
        assert_true(sums[i] == sum); /* whole and half numbers: exact */
    }
}

/* --- unwinding ---------------------------------------------------------------------------------------------------- */
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
        amble__context_switch(&contexts[0], &outside);
}

/* What a debugger and an exception that nobody catches do: go up frame by frame. Beyond the entry there is nothing. */
static void unwinding_ends_at_the_entry(void **state)
{
    (void)state;
    frames = 0;
    prepare(0, unwind_from_here, NULL);
    amble__context_switch(&outside, &contexts[0]);
    assert_int_equal(unwound, _URC_END_OF_STACK);
    assert_in_range(frames, 2, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_survive_a_switch),
        cmocka_unit_test(unwinding_ends_at_the_entry),
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
