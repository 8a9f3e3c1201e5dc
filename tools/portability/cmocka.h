/* As much of cmocka as this project's tests use, for processors whose cmocka no package brings: the tests themselves
 * are compiled unchanged. The first assertion that fails ends the program; that is all a foreign processor has to
 * tell. */
#ifndef AMBLE_TOOLS_CMOCKA_H
#define AMBLE_TOOLS_CMOCKA_H
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*test_func)(void **state);
    int (*setup_func)(void **state);
    int (*teardown_func)(void **state);
    void *initial_state;
};

static jmp_buf cmocka_after_the_test; /* where skip() goes */

static inline void cmocka_check(bool good, const char *file, int line, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "%s:%d: %s\n", file, line, what);
    exit(1);
}

static inline void cmocka_check_range(uintmax_t value, uintmax_t low, uintmax_t high, const char *file, int line,
                                      const char *what)
{
    if (value < low || value > high)
        (void)fprintf(stderr, "%jd is not in %jd..%jd\n", (intmax_t)value, (intmax_t)low, (intmax_t)high);
    cmocka_check(value >= low && value <= high, file, line, what);
}

static inline void cmocka_run_one(const struct CMUnitTest *test, void **state)
{
    (void)printf("%s\n", test->name);
    (void)fflush(stdout);
    if (test->initial_state)
        *state = test->initial_state;
    cmocka_check(!test->setup_func || test->setup_func(state) == 0, test->name, 0, "setup");
    if (!setjmp(cmocka_after_the_test))
        test->test_func(state);
    cmocka_check(!test->teardown_func || test->teardown_func(state) == 0, test->name, 0, "teardown");
}

static inline int cmocka_run_all(const struct CMUnitTest *tests, size_t count, int (*setup)(void **),
                                 int (*teardown)(void **))
{
    void *group = NULL;

    cmocka_check(!setup || setup(&group) == 0, "group", 0, "setup");
    for (size_t i = 0; i < count; i++) {
        void *state = group;

        cmocka_run_one(&tests[i], &state);
    }
    cmocka_check(!teardown || teardown(&group) == 0, "group", 0, "teardown");
    return 0;
}

#define cmocka_unit_test_setup(f, setup)       cmocka_unit_test_setup_teardown(f, setup, NULL)
#define cmocka_unit_test_teardown(f, teardown) cmocka_unit_test_setup_teardown(f, NULL, teardown)
#define cmocka_unit_test(f)                    cmocka_unit_test_setup_teardown(f, NULL, NULL)
/* clang-format off */
#define cmocka_unit_test_setup_teardown(f, setup, teardown) {#f, f, setup, teardown, NULL}
/* clang-format on */
#define cmocka_run_group_tests(tests, setup, teardown)                                                                 \
    cmocka_run_all(tests, sizeof(tests) / sizeof((tests)[0]), setup, teardown)

#define print_message(...) ((void)printf(__VA_ARGS__))
#define print_error(...)   ((void)fprintf(stderr, __VA_ARGS__))
#define fail_msg(...)      (print_error(__VA_ARGS__), cmocka_check(false, __FILE__, __LINE__, "failed"))
#define skip()             longjmp(cmocka_after_the_test, 1)

#define assert_true(x)                   cmocka_check((x) ? true : false, __FILE__, __LINE__, #x)
#define assert_false(x)                  cmocka_check((x) ? false : true, __FILE__, __LINE__, "not: " #x)
#define assert_null(p)                   cmocka_check((p) == NULL, __FILE__, __LINE__, #p)
#define assert_non_null(p)               cmocka_check((p) != NULL, __FILE__, __LINE__, #p)
#define assert_ptr_equal(a, b)           cmocka_check((const void *)(a) == (const void *)(b), __FILE__, __LINE__, #a)
#define assert_ptr_not_equal(a, b)       cmocka_check((const void *)(a) != (const void *)(b), __FILE__, __LINE__, #a)
#define assert_string_equal(a, b)        cmocka_check(strcmp(a, b) == 0, __FILE__, __LINE__, #a)
#define assert_string_not_equal(a, b)    cmocka_check(strcmp(a, b) != 0, __FILE__, __LINE__, #a)
#define assert_memory_equal(a, b, n)     cmocka_check(memcmp(a, b, n) == 0, __FILE__, __LINE__, #a)
#define assert_memory_not_equal(a, b, n) cmocka_check(memcmp(a, b, n) != 0, __FILE__, __LINE__, #a)
#define assert_int_not_equal(a, b)       cmocka_check((uintmax_t)(a) != (uintmax_t)(b), __FILE__, __LINE__, #a)
#define assert_in_range(x, low, high)                                                                                  \
    cmocka_check_range((uintmax_t)(x), (uintmax_t)(low), (uintmax_t)(high), __FILE__, __LINE__, #x)
#define assert_int_equal(a, b) cmocka_check_equal((uintmax_t)(a), (uintmax_t)(b), __FILE__, __LINE__, #a)

static inline void cmocka_check_equal(uintmax_t a, uintmax_t b, const char *file, int line, const char *what)
{
    cmocka_check_range(a, b, b, file, line, what);
}
#endif
