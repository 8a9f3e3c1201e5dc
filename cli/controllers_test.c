/* `amble controllers`: what it prints is true on every machine, so here only its form is, and what --probe finds behind
 * a pseudo-terminal. Waits for real time where nobody answers. */
#define _GNU_SOURCE /* RTLD_NEXT; posix_openpt and its company */
#include <dlfcn.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "cli/cli.h"

static char output[8192];

/* Runs the command with standard output in `output`; returns its exit code. */
static int run(int argc, char **argv)
{
    FILE *file = tmpfile();
    const int before = dup(STDOUT_FILENO);
    size_t size;
    int code;

    assert_non_null(file);
    fflush(stdout);
    assert_return_code(dup2(fileno(file), STDOUT_FILENO), 0);
    code = amble__cli_controllers(argc, argv);
    fflush(stdout);
    assert_return_code(dup2(before, STDOUT_FILENO), 0);
    assert_int_equal(close(before), 0);
    rewind(file);
    size = fread(output, 1, sizeof output - 1, file);
    output[size] = 0;
    assert_int_equal(fclose(file), 0);
    return code;
}

#define RUN(...) run((int)(sizeof(char *[]){__VA_ARGS__} / sizeof(char *)), (char *[]){__VA_ARGS__, NULL})

static void test_a_list_for_people(void **state)
{
    (void)state;
    assert_int_equal(RUN("controllers"), AMBLE__EXIT_DONE);
    assert_true(strstr(output, "usb:0 ") || strstr(output, "no USB adapter: "));
    assert_true(strstr(output, "hci-socket:") || strstr(output, "no controller of the kernel: "));
    assert_non_null(strstr(output, "no serial port was asked: --probe"));
    assert_non_null(strstr(output, "-t air:NAME"));
}

static void test_a_list_for_programs(void **state)
{
    int lines = 0;

    (void)state;
    assert_int_equal(RUN("controllers", "--json"), AMBLE__EXIT_DONE);
    for (char *line = strtok(output, "\n"); line; line = strtok(NULL, "\n"), lines++) {
        cJSON *object = cJSON_Parse(line);

        assert_true(cJSON_IsString(cJSON_GetObjectItem(object, "kind")));
        assert_int_not_equal(cJSON_IsString(cJSON_GetObjectItem(object, "transport")),
                             cJSON_IsString(cJSON_GetObjectItem(object, "none")));
        cJSON_Delete(object);
    }
    assert_in_range(lines, 3, 50);
}

static void test_wrong_usage(void **state)
{
    (void)state;
    assert_int_equal(RUN("controllers", "--prob"), AMBLE__EXIT_USAGE);
    assert_int_equal(RUN("controllers", "/dev/ttyACM0"), AMBLE__EXIT_USAGE);
    assert_int_equal(RUN("controllers", "--help"), AMBLE__EXIT_DONE);
    assert_non_null(strstr(output, "usage: amble controllers"));
}

/* --- a board ------------------------------------------------------------------------------------------------------ */
static int board = -1; /* its end of the port */
static uint8_t heard[32];
static size_t heard_size;

static void hear(void)
{
    ssize_t size;

    while ((size = read(board, heard + heard_size, sizeof heard - heard_size)) > 0)
        heard_size += (size_t)size;
}

/* Takes the place of libc's, for the linker takes a program's own functions before those of a shared library. A port is
 * flushed when it has been set up: then the board has heard what was said at the rate before, of which it understands
 * nothing; and at its own rate the answer comes from now on. As a process or thread of its own it might come too
 * late. */
int tcflush(int fd, int queue)
{
    static const uint8_t answer[] =
        "\r\nboot\x04\x04\x0E\x04\x01\x03\x0C"; /* with the closing zero, which is the status */
    static int (*real)(int fd, int queue);
    struct termios settings;
    int r;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "tcflush");
    if (board >= 0)
        hear();
    r = real(fd, queue);
    if (board >= 0 && !tcgetattr(fd, &settings) && cfgetospeed(&settings) == B115200)
        assert_int_equal(write(board, answer, sizeof answer), sizeof answer);
    return r;
}

static void test_a_board_answers(void **state)
{
    char port[64], expected[96];
    int other;

    (void)state;
    board = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    assert_return_code(board, 0);
    assert_int_equal(grantpt(board) | unlockpt(board), 0);
    snprintf(port, sizeof port, "%s", ptsname(board));
    other = open(port, O_RDWR | O_NOCTTY); /* or the board's end would hang up between the rates */
    assert_int_equal(RUN("controllers", "--probe", port, "--json"), AMBLE__EXIT_DONE);
    snprintf(expected, sizeof expected, "\"transport\":\"serial:%s,115200\"", port);
    assert_non_null(strstr(output, expected));
    hear();
    assert_int_equal(heard_size, 8); /* a Reset at each of two rates, and nothing after the answer */
    assert_memory_equal(heard, "\1\3\x0C\0\1\3\x0C\0", 8);
    assert_int_equal(close(other) | close(board), 0);
    board = -1;
}

static void test_nobody_answers(void **state)
{
    (void)state;
    assert_int_equal(RUN("controllers", "--probe", "/dev/ttyNOWHERE"), AMBLE__EXIT_DONE);
    assert_non_null(strstr(output, "there is no device /dev/ttyNOWHERE"));
    assert_non_null(strstr(output, "no serial port answered"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_list_for_people), cmocka_unit_test(test_a_list_for_programs),
        cmocka_unit_test(test_wrong_usage),       cmocka_unit_test(test_a_board_answers),
        cmocka_unit_test(test_nobody_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
