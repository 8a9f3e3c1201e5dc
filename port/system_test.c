/* Tests of the system port. The guard page is touched in a child process, which must die of it. */
#include "port/system.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void the_clock_goes_forward(void **state)
{
    const uint64_t start = amble__port_now_us();
    uint64_t last = start;

    (void)state;
    while (last - start < 2000) {
        const uint64_t now = amble__port_now_us();

        assert_true(now >= last);
        last = now;
    }
}

static void random_bytes_fill_any_size(void **state)
{
    enum { SIZE = 100000 }; /* more than one call of the system gives when a signal comes */
    uint8_t *buffer = calloc(SIZE + 1, 1);
    unsigned zeros = 0;

    (void)state;
    assert_non_null(buffer);
    amble__port_random(buffer, SIZE);
    for (int i = 0; i < SIZE; i++)
        zeros += !buffer[i];
    assert_in_range(zeros, 200, 600); /* 390 on average, deviation 20 */
    assert_int_equal(buffer[SIZE], 0);
    amble__port_random(buffer, 0);
    free(buffer);
}

static void a_stack_is_whole_pages_and_writable(void **state)
{
    size_t usable = 0;
    uint8_t *stack = amble__port_stack_map(1, &usable);

    (void)state;
    assert_non_null(stack);
    assert_int_equal(usable, amble__port_page_size());
    memset(stack, 0x5a, usable);
    amble__port_stack_unmap(stack, usable);
    amble__port_stack_unmap(NULL, 0);
}

static void the_page_below_a_stack_ends_the_process(void **state)
{
    size_t usable = 0;
    uint8_t *stack = amble__port_stack_map(65536, &usable);
    int status = 0;

    (void)state;
    assert_non_null(stack);
    const pid_t child = fork();
    if (!child) {
        const struct rlimit no_core = {0, 0};

        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGSEGV, SIG_DFL); /* neither cmocka nor a sanitizer shall explain it */
        *(volatile uint8_t *)(stack - 1) = 1;
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    amble__port_stack_unmap(stack, usable);
}

static void impossible_sizes_are_refused(void **state)
{
    size_t usable = 0;

    (void)state;
    assert_null(amble__port_stack_map(0, &usable));
    assert_null(amble__port_stack_map(SIZE_MAX, &usable));
    assert_null(amble__port_stack_map(SIZE_MAX / 2, &usable));
}

/* In a child that has lost them: each is there again, says nothing, takes nothing, and the next file does not get its
 * number. */
static void missing_standard_streams_are_filled(void **state)
{
    const pid_t child = fork();
    int status;

    (void)state;
    if (!child) {
        char byte;
        bool good;

        close(STDIN_FILENO);
        close(STDOUT_FILENO);
        close(STDERR_FILENO);
        amble__port_fill_standard_streams();
        good =
            read(STDIN_FILENO, &byte, 1) == 0 && write(STDOUT_FILENO, "x", 1) < 0 && write(STDERR_FILENO, "x", 1) < 0;
        _exit(good && dup(STDIN_FILENO) > STDERR_FILENO ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_clock_goes_forward),
        cmocka_unit_test(random_bytes_fill_any_size),
        cmocka_unit_test(a_stack_is_whole_pages_and_writable),
        cmocka_unit_test(the_page_below_a_stack_ends_the_process),
        cmocka_unit_test(impossible_sizes_are_refused),
        cmocka_unit_test(missing_standard_streams_are_filled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
