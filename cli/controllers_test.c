/* `amble controllers`: what it prints is true on every machine, so here only its form is, and what --probe finds behind a
 * pseudo-terminal. A thread is the board: the command has a scheduler of its own. Waits for real time. */
#define _XOPEN_SOURCE 700 /* posix_openpt and its company */
#include <fcntl.h>
#include <pthread.h>
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

/* Answers the second Reset: at the first rate it understands nothing. */
static void *be_a_board(void *arg)
{
    static const uint8_t answer[] = "\r\nboot\x04\x04\x0E\x04\x01\x03\x0C";
    const int fd = *(const int *)arg;
    size_t heard = 0;
    uint8_t bytes[16];
    ssize_t size;

    while (heard < 8 && (size = read(fd, bytes, sizeof bytes)) >= 0)
        heard += (size_t)size;
    (void)!write(fd, answer, sizeof answer); /* with the closing zero, which is the status */
    return NULL;
}

static void test_a_board_answers(void **state)
{
    const int fd = posix_openpt(O_RDWR | O_NOCTTY);
    char port[64], expected[96];
    pthread_t board;
    int other;

    (void)state;
    assert_return_code(fd, 0);
    assert_int_equal(grantpt(fd) | unlockpt(fd), 0);
    snprintf(port, sizeof port, "%s", ptsname(fd));
    other = open(port, O_RDWR | O_NOCTTY); /* or the board's end would hang up between the rates */
    assert_int_equal(pthread_create(&board, NULL, be_a_board, &(int){fd}), 0);
    assert_int_equal(RUN("controllers", "--probe", port, "--json"), AMBLE__EXIT_DONE);
    assert_int_equal(pthread_join(board, NULL), 0);
    snprintf(expected, sizeof expected, "\"transport\":\"serial:%s,115200\"", port);
    assert_non_null(strstr(output, expected));
    assert_int_equal(close(other) | close(fd), 0);
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
