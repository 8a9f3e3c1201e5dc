/* The board's pins: where readings come from, what a duty looks like, and which sentence a wrong argument gets. */
#include "board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <amble/error.h>
#include <amble/task.h>

#include "port/scratch.h"

#define INIT(...) init((char *[]){"test", __VA_ARGS__, NULL})

static int init(char **argv)
{
    int argc = 0;

    while (argv[argc])
        argc++;
    return board_init(argc, argv);
}

static void put_file(const char *path, const char *content)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(content, f) >= 0);
    fclose(f);
}

/* A file with this content. */
static void write_file(char path[32], const char *content)
{
    scratch_path(path, 32, "pin");
    put_file(path, content);
}

/* What `fd` gets while `run` runs, into `text`. */
static void captured(int fd, void (*run)(void *arg), void *arg, char text[512])
{
    FILE *stream = fd == STDOUT_FILENO ? stdout : stderr;
    int ends[2], saved = dup(fd);
    ssize_t n;

    fflush(stream);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], fd);
    run(arg);
    fflush(stream);
    dup2(saved, fd);
    close(ends[1]);
    n = read(ends[0], text, 511);
    text[n > 0 ? n : 0] = '\0';
    close(ends[0]);
    close(saved);
}

typedef struct {
    char **argv;
    int result;
} refused_init;

static void run_init(void *arg)
{
    refused_init *refused = arg;

    refused->result = init(refused->argv);
}

/* These arguments are refused, and the sentence about them contains both texts. */
static void assert_refused(int error, char **argv, const char *what, const char *remedy)
{
    refused_init refused = {argv, 0};
    char text[512];

    captured(STDERR_FILENO, run_init, &refused, text);
    assert_int_equal(refused.result, error);
    assert_non_null(strstr(text, what));
    assert_non_null(strstr(text, remedy));
}
#define ASSERT_REFUSED(what, remedy, ...)                                                                              \
    assert_refused(AMBLE_ERR_USAGE, (char *[]){"test", __VA_ARGS__, NULL}, what, remedy)
#define ASSERT_MISSING(what, remedy, ...)                                                                              \
    assert_refused(AMBLE_ERR_IO, (char *[]){"test", __VA_ARGS__, NULL}, what, remedy)

/* --- inputs ------------------------------------------------------------------------------------------------------- */
static int sweep_task(void *arg)
{
    (void)arg;
    assert_int_equal(board_adc_read(), 0);
    assert_int_equal(amble_sleep_ms(2000), 0);
    assert_in_range(board_adc_read(), 2040, 2055);
    assert_int_equal(amble_sleep_ms(2000), 0);
    assert_in_range(board_adc_read(), 4090, 4095);
    assert_int_equal(amble_sleep_ms(3000), 0);
    assert_in_range(board_adc_read(), 1015, 1030);
    assert_int_equal(amble_sleep_ms(1000), 0);
    assert_in_range(board_adc_read(), 0, 5);
    return 0;
}

static void sweep_goes_up_and_down_in_eight_seconds(void **state)
{
    const amble_run_options options = {.virtual_time = true};

    (void)state;
    assert_int_equal(INIT("--adc", "sweep"), 0);
    assert_int_equal(amble_run(&options, sweep_task, NULL), 0);
}

static void random_stays_in_range_and_repeats(void **state)
{
    int first[1000], lowest = 4095, highest = 0;

    (void)state;
    assert_int_equal(INIT("--adc", "random"), 0);
    for (int i = 0; i < 1000; i++) {
        first[i] = board_adc_read();
        assert_in_range(first[i], 0, 4095);
        lowest = first[i] < lowest ? first[i] : lowest;
        highest = first[i] > highest ? first[i] : highest;
    }
    assert_true(highest - lowest > 1000);
    assert_int_equal(INIT("--adc", "random"), 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(board_adc_read(), first[i]);
}

static void file_gives_a_line_a_reading_and_its_last_for_ever(void **state)
{
    char path[32];

    (void)state;
    write_file(path, "0\n 17 \n4095\r\n2000");
    assert_int_equal(INIT("--adc", path), 0);
    unlink(path); /* it was read at the start */
    assert_int_equal(board_adc_read(), 0);
    assert_int_equal(board_adc_read(), 17);
    assert_int_equal(board_adc_read(), 4095);
    for (int i = 0; i < 3; i++)
        assert_int_equal(board_adc_read(), 2000);
}

static void sixteen_bits_reach_from_end_to_end(void **state)
{
    char path[32];

    (void)state;
    write_file(path, "0\n1\n2048\n4094\n4095\n");
    assert_int_equal(INIT("--adc", path), 0);
    unlink(path);
    assert_int_equal(board_adc_read_u16(), 0);
    assert_int_equal(board_adc_read_u16(), 16);
    assert_int_equal(board_adc_read_u16(), 32776);
    assert_int_equal(board_adc_read_u16(), 65519);
    assert_int_equal(board_adc_read_u16(), 65535);
}

static void wrong_files_are_refused(void **state)
{
    char path[32];

    (void)state;
    ASSERT_REFUSED("no/such/file: No such file", "sweep, random, stdin, iio:FILE or a FILE", "--adc", "no/such/file");
    ASSERT_REFUSED("/tmp: Is a directory", "sweep, random", "--adc", "/tmp");
    write_file(path, "");
    ASSERT_REFUSED("the file is empty", "a number from 0 to 4095", "--adc", path);
    unlink(path);
    write_file(path, "1\n2\nthree\n");
    ASSERT_REFUSED("line 3 is \"three\"", "a number from 0 to 4095", "--adc", path);
    unlink(path);
    write_file(path, "4096\n");
    ASSERT_REFUSED("line 1 is \"4096\"", "a number from 0 to 4095", "--adc", path);
    unlink(path);
    write_file(path, "1\n\n2\n");
    ASSERT_REFUSED("line 2 is \"\"", "a number from 0 to 4095", "--adc", path);
    unlink(path);
    write_file(path, "-1\n");
    ASSERT_REFUSED("line 1 is \"-1\"", "a number from 0 to 4095", "--adc", path);
    unlink(path);
}

/* The standard input becomes a pipe; returns the end to write into. */
static int pipe_into_stdin(void)
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    return ends[1];
}

static void type(int fd, const char *text) { assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text)); }

static void read_once(void *arg) { *(int *)arg = board_adc_read(); }

static void stdin_takes_the_latest_whole_line_and_never_waits(void **state)
{
    int saved = dup(STDIN_FILENO), in = pipe_into_stdin(), value;
    char text[512];

    (void)state;
    assert_int_equal(INIT("--adc", "stdin"), 0);
    assert_int_equal(board_adc_read(), 0); /* nothing said yet */
    type(in, "100\n200\n");
    assert_int_equal(board_adc_read(), 200);
    assert_int_equal(board_adc_read(), 200);
    type(in, "30");
    assert_int_equal(board_adc_read(), 200); /* half a line */
    type(in, "0\n");
    assert_int_equal(board_adc_read(), 300);
    type(in, "much\n");
    captured(STDERR_FILENO, read_once, &value, text);
    assert_int_equal(value, 300);
    assert_non_null(strstr(text, "\"much\" was ignored; give a number from 0 to 4095"));
    type(in, "4000");
    close(in);
    assert_int_equal(board_adc_read(), 4000); /* the end ends the last line too */
    assert_int_equal(board_adc_read(), 4000);
    dup2(saved, STDIN_FILENO);
    close(saved);
}

/* --- industrial I/O ----------------------------------------------------------------------------------------------- */
/* What one reading is while the channel's file holds this. */
static int converted(const char *path, const char *raw)
{
    put_file(path, raw);
    return board_adc_read();
}

static void iio_is_read_again_each_time_and_scaled(void **state)
{
    char path[32], pin[64];

    (void)state;
    write_file(path, "17\n");
    snprintf(pin, sizeof pin, "iio:%s", path);
    assert_int_equal(INIT("--adc", pin), 0);
    assert_int_equal(board_adc_read(), 17);
    assert_int_equal(converted(path, "4095\n"), 4095);
    assert_int_equal(converted(path, "5000\n"), 4095);
    assert_int_equal(converted(path, "-3\n"), 0);

    snprintf(pin, sizeof pin, "iio:%s,1023", path);
    assert_int_equal(INIT("--adc", pin), 0);
    assert_int_equal(converted(path, "0\n"), 0);
    assert_int_equal(converted(path, "512"), 2049);
    assert_int_equal(converted(path, "1023\n"), 4095);

    snprintf(pin, sizeof pin, "iio:%s,2147483647", path);
    assert_int_equal(INIT("--adc", pin), 0);
    assert_int_equal(converted(path, "2147483647\n"), 4095);
    unlink(path);
}

static void iio_that_fails_keeps_the_last_reading_and_says_so_once(void **state)
{
    char path[32], pin[64], text[512];
    int value;

    (void)state;
    write_file(path, "300\n");
    snprintf(pin, sizeof pin, "iio:%s", path);
    assert_int_equal(INIT("--adc", pin), 0);
    assert_int_equal(board_adc_read(), 300);
    unlink(path);
    captured(STDERR_FILENO, read_once, &value, text);
    assert_int_equal(value, 300);
    assert_non_null(strstr(text, path));
    assert_non_null(strstr(text, "No such file or directory; the last reading stays"));
    captured(STDERR_FILENO, read_once, &value, text);
    assert_int_equal(value, 300);
    assert_string_equal(text, "");
    assert_int_equal(converted(path, "301\n"), 301);
    unlink(path);
}

static void wrong_channels_are_refused(void **state)
{
    char path[32], pin[64], longest[400];

    (void)state;
    ASSERT_MISSING("--adc iio:/no/such/in_voltage0_raw: No such file", "in_voltage0_raw", "--adc",
                   "iio:/no/such/in_voltage0_raw");
    ASSERT_MISSING("--adc iio:/tmp: Is a directory", "in_voltage0_raw", "--adc", "iio:/tmp");
    ASSERT_REFUSED("--adc iio:: this is not the path of a file", "give iio:FILE", "--adc", "iio:");
    ASSERT_REFUSED("not a number from 1 to", "MAX", "--adc", "iio:/tmp,0");
    ASSERT_REFUSED("not a number from 1 to", "MAX", "--adc", "iio:/tmp,");
    ASSERT_REFUSED("not a number from 1 to", "MAX", "--adc", "iio:/tmp,4095x");
    ASSERT_REFUSED("not a number from 1 to", "MAX", "--adc", "iio:/tmp,2147483648");
    ASSERT_REFUSED("not a number from 1 to", "MAX", "--adc", "iio:/tmp,99999999999999999999");
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    memcpy(longest, "iio:", 4);
    ASSERT_REFUSED("this is not the path of a file", "", "--adc", longest);
    write_file(path, "much\n");
    snprintf(pin, sizeof pin, "iio:%s", path);
    ASSERT_REFUSED("it does not hold a number", "in_voltage0_raw", "--adc", pin);
    write_file(path, "");
    ASSERT_REFUSED("it does not hold a number", "in_voltage0_raw", "--adc", pin);
    unlink(path);
}

/* --- outputs and arguments ---------------------------------------------------------------------------------------- */
static void shine(void *arg)
{
    (void)arg;
    board_pwm_frequency(1000);
    board_pwm_duty(0);
    board_pwm_duty(65535);
    board_say("ignored a value of %d bytes", 3);
}

static void without_a_terminal_the_led_is_plain_lines(void **state)
{
    char text[512];

    (void)state;
    assert_int_equal(INIT("--pwm", "term"), 0);
    captured(STDOUT_FILENO, shine, NULL, text);
    assert_string_equal(text, "duty 0\nduty 65535\nignored a value of 3 bytes\n");
}

static void blink(void *arg)
{
    (void)arg;
    board_led(true);
    board_led(false);
}

static void without_a_line_the_led_is_words(void **state)
{
    char text[512];

    (void)state;
    assert_int_equal(INIT("--led", "term"), 0);
    captured(STDOUT_FILENO, blink, NULL, text);
    assert_string_equal(text, "LED on\nLED off\n");
}

static void say(void *line) { board_say("%s", (const char *)line); }

static void what_is_said_cannot_command_the_terminal(void **state)
{
    static const struct {
        const char *said, *shown;
    } lines[] = {{"ESP32-LED", "ESP32-LED\n"},
                 {"\033[2J\a\177x", "?[2J??x\n"},
                 {"a\nb\r", "a?b?\n"},
                 {"\xc2\x9b!\xc2\xa0\xc3\x9c", "\xc2?!\xc2\xa0\xc3\x9c\n"}}; /* CSI; a blank; a letter */
    char text[512];

    (void)state;
    for (unsigned i = 0; i < sizeof lines / sizeof *lines; i++) {
        captured(STDOUT_FILENO, say, (void *)(uintptr_t)lines[i].said, text);
        assert_string_equal(text, lines[i].shown);
    }
}

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    ASSERT_REFUSED("--volume: there is no such option", "--help", "--volume", "11");
    ASSERT_REFUSED("--adc: what it should be is missing", "--help", "--adc");
    ASSERT_REFUSED("--pwm lamp: there is no such output", "give term", "--pwm", "lamp");
    ASSERT_REFUSED("--led lamp: there is no such output", "give term", "--led", "lamp");
    assert_int_equal(init((char *[]){"test", NULL}), 0);
}

static void run_help(void *arg)
{
    (void)arg;
    assert_true(board_help(2, (char *[]){"test", "--help", NULL}, "test: tests.\n"));
    assert_false(board_help(3, (char *[]){"test", "--adc", "sweep", NULL}, "test: tests.\n"));
}

static void help_tells_what_the_program_does_and_the_options(void **state)
{
    char text[512]; /* its beginning */

    (void)state;
    captured(STDOUT_FILENO, run_help, NULL, text);
    assert_non_null(strstr(text, "test: tests.\n"));
    assert_non_null(strstr(text, "--transport T"));
}

/* --- with a controller -------------------------------------------------------------------------------------------- */
static int app(amble *ble, int argc, char **argv)
{
    (void)argv;
    return ble && argc == 1 ? 0 : AMBLE_ERR_PROTOCOL;
}

typedef struct {
    char **argv;
    int code;
} main_run;

static void run_main(void *arg)
{
    main_run *run = arg;
    int argc = 0;

    while (run->argv[argc])
        argc++;
    run->code = board_main(argc, run->argv, "test: tests.\n", app);
}

static void expect_exit(int code, const char *words, char **argv)
{
    main_run run = {argv, -1};
    char text[512];

    captured(STDERR_FILENO, run_main, &run, text);
    assert_int_equal(run.code, code);
    assert_non_null(strstr(text, words));
}
#define EXPECT_EXIT(code, words, ...) expect_exit(code, words, (char *[]){"test", __VA_ARGS__, NULL})

/* A wrong pin is wrong usage although no controller is there; the controller is opened behind the pins. */
static void pins_are_looked_at_before_the_controller(void **state)
{
    (void)state;
    EXPECT_EXIT(2, "--adc no/such/file", "-t", "unix-client:/nowhere/at/all", "--adc", "no/such/file");
    EXPECT_EXIT(2, "--volume", "--volume", "11", "-t=unix-client:/nowhere/at/all");
    EXPECT_EXIT(1, "no/such_raw", "--adc", "iio:no/such_raw", "-t", "unix-client:/nowhere/at/all");
    EXPECT_EXIT(3, "there is no such socket", "--adc", "sweep", "-t", "unix-client:/nowhere/at/all");
    EXPECT_EXIT(2, "-t needs a value", "--adc", "sweep", "-t");
    EXPECT_EXIT(0, "", "--log=off", "--adc", "sweep", "--transport", "air:board", "--led", "term");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sweep_goes_up_and_down_in_eight_seconds),
        cmocka_unit_test(random_stays_in_range_and_repeats),
        cmocka_unit_test(file_gives_a_line_a_reading_and_its_last_for_ever),
        cmocka_unit_test(sixteen_bits_reach_from_end_to_end),
        cmocka_unit_test(wrong_files_are_refused),
        cmocka_unit_test(stdin_takes_the_latest_whole_line_and_never_waits),
        cmocka_unit_test(iio_is_read_again_each_time_and_scaled),
        cmocka_unit_test(iio_that_fails_keeps_the_last_reading_and_says_so_once),
        cmocka_unit_test(wrong_channels_are_refused),
        cmocka_unit_test(without_a_line_the_led_is_words),
        cmocka_unit_test(what_is_said_cannot_command_the_terminal),
        cmocka_unit_test(without_a_terminal_the_led_is_plain_lines),
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(help_tells_what_the_program_does_and_the_options),
        cmocka_unit_test(pins_are_looked_at_before_the_controller),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
