/* `amble bonds` on a file: what it lists, deletes and exports, and what it says when it cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/cli.h"
#include "port/scratch.h"

/* Two bonds as amble keeps them: F0:..:01/r authenticated with Secure Connections, and 00:..:02/p with a legacy key of
 * 7 bytes. */
static const char file_text[] =
    "{\"amble bonds\": 1, \"records\": [\"010107010100000000F002020310030405000000"
    "041A00112233445566778899AABBCCDDEEFF00000000000000000000\", \"0101070002000000000002020007030402000000"
    "051A0011223344556600000000000000000001020304050607083412\"]}";

static char path[64], output[4096];

/* Runs the command with its output kept. */
static int run(int argc, const char *const *words)
{
    char *argv[8], kept[96];
    const int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
    FILE *stream;
    size_t size;
    int code;

    for (int i = 0; i < argc; i++)
        argv[i] = (char *)(uintptr_t)words[i];
    argv[argc] = NULL;
    (void)snprintf(kept, sizeof kept, "%s.out", path);
    fflush(NULL);
    assert_non_null(freopen(kept, "w+", stdout));
    assert_true(dup2(STDOUT_FILENO, STDERR_FILENO) >= 0);
    code = amble__cli_bonds(argc, argv);
    fflush(NULL);
    assert_true(dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0);
    close(out);
    close(err);
    stream = fopen(kept, "r");
    assert_non_null(stream);
    size = fread(output, 1, sizeof output - 1, stream);
    output[size] = '\0';
    fclose(stream);
    (void)unlink(kept);
    return code;
}
#define RUN(...)                                                                                                       \
    run((int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)), (const char *const[]){__VA_ARGS__})

static int begin(void **state)
{
    FILE *stream;

    (void)state;
    scratch_path(path, sizeof path, "bonds.json");
    stream = fopen(path, "w");
    if (!stream)
        return -1;
    (void)fputs(file_text, stream); /* fclose says whether it worked */
    return fclose(stream);
}

static int end(void **state)
{
    char more[96];

    (void)state;
    (void)unlink(path);
    (void)snprintf(more, sizeof more, "%s.lock", path);
    (void)unlink(more);
    (void)snprintf(more, sizeof more, "%s.damaged", path);
    (void)unlink(more); /* only one test leaves one */
    return 0;
}

static void list_shows_bonds_and_no_keys(void **state)
{
    const char *first, *second;

    (void)state;
    assert_int_equal(RUN("bonds", "list", path), AMBLE__EXIT_DONE);
    first = strstr(output, "00:00:00:00:00:02/p  key of  7 bytes  LE legacy pairing      not authenticated\n");
    second = strstr(output, "F0:00:00:00:00:01/r  key of 16 bytes  LE Secure Connections  authenticated\n");
    assert_true(first && second && first < second); /* the least recently used one first */
    assert_null(strstr(output, "33445566"));
    assert_int_equal(RUN("bonds", "list", path, "--json"), AMBLE__EXIT_DONE);
    assert_non_null(strstr(output, "\"key_size\":7"));
    assert_null(strstr(output, "33445566"));
}

static void export_shows_keys(void **state)
{
    (void)state;
    assert_int_equal(RUN("bonds", "export", path, "00:00:00:00:00:02/p"), AMBLE__EXIT_DONE);
    assert_non_null(strstr(output, "\"ltk\":\"00112233445566000000000000000000\""));
    assert_non_null(strstr(output, "\"rand\":\"0102030405060708\""));
    assert_non_null(strstr(output, "\"ediv\":4660"));
    assert_null(strstr(output, "F0:00"));
    assert_int_equal(RUN("bonds", "export", path), AMBLE__EXIT_DONE);
    assert_non_null(strstr(output, "\"own_ltk\":\"00112233445566778899AABBCCDDEEFF\""));
}

static void delete_forgets_one_or_all(void **state)
{
    (void)state;
    assert_int_equal(RUN("bonds", "delete", path, "F0:00:00:00:00:01/r"), AMBLE__EXIT_DONE);
    assert_int_equal(RUN("bonds", "delete", path, "F0:00:00:00:00:01/r"), AMBLE__EXIT_FAILED);
    assert_non_null(strstr(output, "there is no bond with F0:00:00:00:00:01/r"));
    assert_int_equal(RUN("bonds", "list", path), AMBLE__EXIT_DONE);
    assert_null(strstr(output, "F0:00"));
    assert_non_null(strstr(output, "00:00:00:00:00:02/p"));
    assert_int_equal(RUN("bonds", "delete", path, "all"), AMBLE__EXIT_DONE);
    assert_int_equal(RUN("bonds", "list", path), AMBLE__EXIT_DONE);
    assert_string_equal(output, "");
}

static void mistakes_are_named(void **state)
{
    char other[96];
    FILE *stream;

    (void)state;
    assert_int_equal(RUN("bonds", "list"), AMBLE__EXIT_USAGE);
    assert_int_equal(RUN("bonds", "lost", path), AMBLE__EXIT_USAGE);
    assert_int_equal(RUN("bonds", "delete", path), AMBLE__EXIT_USAGE);
    assert_int_equal(RUN("bonds", "delete", path, "somebody"), AMBLE__EXIT_USAGE);
    assert_int_equal(RUN("bonds", "--help"), AMBLE__EXIT_DONE);
    assert_int_equal(RUN("bonds", "list", "/nowhere/bonds.json"), AMBLE__EXIT_FAILED);
    assert_non_null(strstr(output, "/nowhere/bonds.json does not exist"));
    (void)snprintf(other, sizeof other, "%s.none", path);
    assert_int_equal(RUN("bonds", "list", other), AMBLE__EXIT_FAILED);
    assert_non_null(strstr(output, "does not exist"));
    assert_int_equal(access(other, F_OK), -1); /* nor does it now, */
    (void)snprintf(other, sizeof other, "%s.none.lock", path);
    assert_int_equal(access(other, F_OK), -1); /* or anything beside it */
    stream = fopen(path, "w");
    assert_non_null(stream);
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(RUN("bonds", "list", path), AMBLE__EXIT_FAILED);
    assert_non_null(strstr(output, "is damaged"));
    assert_null(strstr(strstr(output, "is damaged") + 1, "is damaged")); /* and said once */
    stream = fopen(path, "w");
    assert_non_null(stream);
    assert_true(fputs("a letter\n", stream) >= 0);
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(RUN("bonds", "list", path), AMBLE__EXIT_FAILED);
    assert_non_null(strstr(output, "something else"));
    assert_int_equal(access(path, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(list_shows_bonds_and_no_keys, begin, end),
        cmocka_unit_test_setup_teardown(export_shows_keys, begin, end),
        cmocka_unit_test_setup_teardown(delete_forgets_one_or_all, begin, end),
        cmocka_unit_test_setup_teardown(mistakes_are_named, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
