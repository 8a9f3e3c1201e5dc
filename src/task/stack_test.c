/* Tests of stacks: the caller's own with canary and high-water mark, and the guard page under mapped ones. What ends
 * the program is tried in a child process. */
#include <stdint.h>

#include "port/system.h"
#include "task/testing.h"

#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif
#ifndef RUNNING_ON_VALGRIND
#define RUNNING_ON_VALGRIND 0
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static _Alignas(16) unsigned char own_stack[4][32768];

/* Touches `bytes` of stack, and a little more. Not inlined, not optimised away. */
static __attribute__((noinline)) unsigned touch(size_t bytes)
{
    volatile unsigned char block[512];
    unsigned sum;

    for (size_t i = 0; i < sizeof block; i++)
        block[i] = 1;
    sum = bytes > sizeof block ? touch(bytes - sizeof block) : 0;
    return sum + block[0]; /* read after the call: the frame had to stay */
}

/* --- the caller's stack ------------------------------------------------------------------------------------------- */
static int use_some(void *bytes)
{
    const unsigned sum = touch(*(size_t *)bytes);
    const int r = amble_sleep_ms(1);

    return sum ? r : -99;
}

static int spawn_on_own_stacks(void *arg)
{
    amble_scope scope;
    amble_task *small, *large;
    int r;

    (void)arg;
    amble_scope_open(&scope);
    small = amble_spawn_on(&scope, "small", use_some, &(size_t){600}, own_stack[0], sizeof own_stack[0]);
    large = amble_spawn_on(&scope, "large", use_some, &(size_t){12000}, own_stack[1] + 3, sizeof own_stack[1] - 3);
    assert_non_null(small);
    assert_non_null(large);
    r = amble_scope_wait(&scope, AMBLE_FOREVER);
    assert_in_range(amble_task_stack_used(large), 12000, sizeof own_stack[1]);
    assert_in_range(amble_task_stack_used(small), 600, amble_task_stack_used(large) - 8000);
    assert_string_equal(amble_task_name(small), "small");
    amble_scope_close(&scope);
    return r;
}

static void tasks_run_on_the_callers_stacks(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) /* the memory can be used again */
        assert_int_equal(run_virtual(spawn_on_own_stacks, NULL), 0);
}

static int spawn_on_nothing(void *arg)
{
    amble_scope scope;
    int r;

    (void)arg;
    amble_scope_open(&scope);
    assert_null(amble_spawn_on(&scope, "none", use_some, NULL, own_stack[0], 0));
    assert_null(amble_spawn_on(&scope, "tiny", use_some, NULL, own_stack[0], sizeof(void *) * 40));
    r = amble_scope_wait(&scope, AMBLE_FOREVER);
    amble_scope_close(&scope);
    return r;
}

static void a_stack_too_small_for_anything_is_refused(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(spawn_on_nothing, NULL), AMBLE_ERR_NO_MEMORY);
}

static int measure_mapped(void *arg)
{
    (void)arg;
    assert_true(touch(20000) > 0);
    assert_in_range(amble_task_stack_used(amble_current_task()), 20000, 65536);
    return 0;
}

static void the_high_water_mark_of_a_mapped_stack(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(measure_mapped, NULL), 0);
}

enum { RETURN, SLEEP, LET_OTHERS_RUN, WAIT_FOR_EVER };

/* Steps over the end of its stack as a deep call would, but by one word only, so that nothing else is harmed. */
static int overflow_a_little(void *lowest)
{
    uintptr_t *word = lowest;
    amble_event never = {0};
    int r;

    while (*word != 0x5aa55aa5u) /* the first painted word above the task's record is the canary */
        word++;
    *word = 1;
    switch (*(int *)((uintptr_t *)lowest - 1)) {
    case RETURN:
        return 0;
    case SLEEP:
        r = amble_sleep_ms(1);
        break;
    case LET_OTHERS_RUN:
        r = amble_sleep_ms(0);
        break;
    default:
        r = amble_event_wait(&never, AMBLE_FOREVER);
    }
    (void)fprintf(stderr, "went on\n"); /* must not be reached: the switch looks at the canary */
    return r;
}

static int spawn_overflowing(void *what)
{
    amble_scope scope;
    int r;

    memset(own_stack[2], 0, sizeof own_stack[2]);
    *(int *)own_stack[2] = *(int *)what;
    amble_scope_open(&scope);
    amble_spawn_on(&scope, "glutton", overflow_a_little, own_stack[2] + sizeof(uintptr_t),
                   own_stack[2] + sizeof(uintptr_t), sizeof own_stack[2] - sizeof(uintptr_t));
    r = amble_scope_wait(&scope, AMBLE_FOREVER);
    amble_scope_close(&scope);
    return r;
}

static void overflow_and_sleep(void) { (void)run_virtual(spawn_overflowing, &(int){SLEEP}); }
static void overflow_and_let_others_run(void) { (void)run_virtual(spawn_overflowing, &(int){LET_OTHERS_RUN}); }
static void overflow_and_wait(void) { (void)run_virtual(spawn_overflowing, &(int){WAIT_FOR_EVER}); }
static void overflow_and_return(void) { (void)run_virtual(spawn_overflowing, &(int){RETURN}); }

static void the_canary_names_the_task_that_overflowed(void **state)
{
    static void (*const ways[])(void) = {overflow_and_sleep, overflow_and_let_others_run, overflow_and_wait,
                                         overflow_and_return};
    char said[8192];

    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        const int status = in_child(ways[i], said, sizeof said);

        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        assert_non_null(strstr(said, "task glutton overflowed"));
        assert_null(strstr(said, "went on"));
    }
}

/* --- the guard page ----------------------------------------------------------------------------------------------- */
static int overflow_completely(void *arg)
{
    (void)arg;
    return (int)touch(SIZE_MAX);
}

static int spawn_bottomless(void *arg)
{
    amble_scope scope;
    int r;

    amble_scope_open(&scope);
    amble_spawn_named(&scope, "bottomless", overflow_completely, arg);
    r = amble_scope_wait(&scope, AMBLE_FOREVER);
    amble_scope_close(&scope);
    return r;
}

static void run_bottomless(void) { (void)run_virtual(spawn_bottomless, NULL); }

static void skip_where_others_watch_the_stack(void)
{
    if (SANITIZED || RUNNING_ON_VALGRIND)
        skip();
}

static void the_guard_page_names_the_task_that_overflowed(void **state)
{
    char said[8192];
    int status;

    (void)state;
    skip_where_others_watch_the_stack();
    status = in_child(run_bottomless, said, sizeof said);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    assert_non_null(strstr(said, "task bottomless overflowed its stack"));
}

static void end_politely(int number)
{
    (void)number;
    _exit(42);
}

static void run_bottomless_with_a_handler(void)
{
    (void)signal(SIGSEGV, end_politely);
    run_bottomless();
}

static int fault_elsewhere(void *arg)
{
    (void)arg;
    (void)raise(SIGSEGV);
    return 0;
}

static void run_with_another_fault(void) { (void)run_virtual(fault_elsewhere, NULL); }

static void run_with_another_fault_and_a_handler(void)
{
    (void)signal(SIGSEGV, end_politely);
    run_with_another_fault();
}

static void run_and_look_afterwards(void)
{
    (void)signal(SIGSEGV, end_politely);
    (void)run_virtual(use_some, &(size_t){10});
    if (signal(SIGSEGV, SIG_DFL) == end_politely) /* what was there before the run */
        _exit(42);
}

static void a_handler_that_was_there_is_called_too(void **state)
{
    char said[8192];
    int status;

    (void)state;
    skip_where_others_watch_the_stack();
    status = in_child(run_bottomless_with_a_handler, said, sizeof said);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
    assert_non_null(strstr(said, "task bottomless"));
    status = in_child(run_with_another_fault_and_a_handler, said, sizeof said);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
    assert_null(strstr(said, "overflowed"));
    status = in_child(run_and_look_afterwards, said, sizeof said); /* it is back afterwards */
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
}

static void another_fault_dies_as_ever(void **state)
{
    char said[8192];
    int status;

    (void)state;
    skip_where_others_watch_the_stack();
    status = in_child(run_with_another_fault, said, sizeof said);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    assert_null(strstr(said, "overflowed"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_run_on_the_callers_stacks),
        cmocka_unit_test(a_stack_too_small_for_anything_is_refused),
        cmocka_unit_test(the_high_water_mark_of_a_mapped_stack),
        cmocka_unit_test(the_canary_names_the_task_that_overflowed),
        cmocka_unit_test(the_guard_page_names_the_task_that_overflowed),
        cmocka_unit_test(a_handler_that_was_there_is_called_too),
        cmocka_unit_test(another_fault_dies_as_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
