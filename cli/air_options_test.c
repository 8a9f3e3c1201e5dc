/* The options of `amble air`, and JSON lines. */
#include "cli/air_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "amble/error.h"
#include "amble/task.h"
#include "cli/report.h"

static amble__air_service_options options;
static char problem[4096]; /* what was printed on standard error */

/* Parses up to five arguments. */
static int parse(const char *a, const char *b, const char *c, const char *d, const char *e)
{
    char *argv[] = {(char *)(uintptr_t) "air",
                    (char *)(uintptr_t)a,
                    (char *)(uintptr_t)b,
                    (char *)(uintptr_t)c,
                    (char *)(uintptr_t)d,
                    (char *)(uintptr_t)e,
                    NULL};
    FILE *file = tmpfile();
    const int before = dup(STDERR_FILENO);
    int argc = 0, r;

    assert_non_null(file);
    while (argv[argc])
        argc++;
    assert_return_code(dup2(fileno(file), STDERR_FILENO), 0);
    r = amble__air_service_parse(argc, argv, &options);
    assert_return_code(dup2(before, STDERR_FILENO), 0);
    assert_int_equal(close(before), 0);
    rewind(file);
    problem[fread(problem, 1, sizeof problem - 1, file)] = 0;
    assert_int_equal(fclose(file), 0);
    return r;
}

static void test_defaults(void **state)
{
    (void)state;
    assert_int_equal(parse(NULL, NULL, NULL, NULL, NULL), 0);
    assert_int_equal(options.listens, 1);
    assert_string_equal(options.listen[0], "tcp-server:127.0.0.1:7300");
    assert_int_equal(options.seed, 0);
    assert_int_equal(options.speed, 0);
    assert_true(options.loss_percent <= 0);
    assert_false(options.json || options.capture);
}

static void test_values(void **state)
{
    (void)state;
    assert_int_equal(parse("--listen", "tcp-server:_:0", "--listen=unix-server:/tmp/x", "--json", "--capture=there"),
                     0);
    assert_int_equal(options.listens, 2);
    assert_string_equal(options.listen[1], "unix-server:/tmp/x");
    assert_string_equal(options.capture, "there");
    assert_true(options.json);
    assert_int_equal(parse("--seed", "18446744073709551615", "--loss", "2.5%", "--speed=max"), 0);
    assert_true(options.seed == UINT64_MAX);
    assert_true(options.loss_percent > 2.49 && options.loss_percent < 2.51);
    assert_true(options.speed == AMBLE_SPEED_MAX);
    assert_int_equal(parse("--speed", "10", "-h", NULL, NULL), 1);
    assert_int_equal(options.speed, 10);
}

static void test_refused(void **state)
{
    static const char *const wrong[][2] = {
        {"--loss", "101"}, {"--loss", "-1"},   {"--loss", "nan"},
        {"--loss", "5x"},  {"--speed", "0"},   {"--speed", "fast"},
        {"--seed", "-1"},  {"--seed", "1e99"}, {"--listen", ""},
        {"--capture", ""}, {"--loss", NULL},   {"--unheard-of", NULL},
        {"--jsonx", NULL}, {"stray", NULL},    {"--seed", "18446744073709551616"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(parse(wrong[i][0], wrong[i][1], NULL, NULL, NULL), AMBLE_ERR_USAGE);
        assert_non_null(strstr(problem, wrong[i][0]));
        assert_non_null(strstr(problem, "see amble air --help"));
    }
}

static void test_too_many_places(void **state)
{
    char *argv[2 + AMBLE__AIR_LISTENERS];

    (void)state;
    for (size_t i = 0; i < sizeof argv / sizeof *argv; i++)
        argv[i] = (char *)(uintptr_t) "--listen=tcp-server:_:0";
    assert_int_equal(amble__air_service_parse(1 + AMBLE__AIR_LISTENERS, argv, &options), 0);
    assert_int_equal(amble__air_service_parse(2 + AMBLE__AIR_LISTENERS, argv, &options), AMBLE_ERR_USAGE);
}

static void test_json(void **state)
{
    const amble__report_field fields[] = {{"a", "b\"\\\n\x01\xC3\xA4"}, {"none", NULL}, {"c", ""}};
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    (void)state;
    amble__report_json(out, "event", fields, 3);
    fclose(out);
    assert_string_equal(text, "{\"event\": \"event\", \"a\": \"b\\\"\\\\\\u000a\\u0001\xC3\xA4\", \"c\": \"\"}\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),        cmocka_unit_test(test_values), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_many_places), cmocka_unit_test(test_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
