/* An LED at a GPIO line. The chip is one of this file's: it defines the functions of libgpiod that board_led.c calls,
 * so that they are seen from the other side, and no hardware is needed. Without libgpiod at build time nobody calls
 * them, and there is one sentence to test. interop/led_bumble_test.py takes a simulated line of the kernel, where the
 * kernel has one. */
#include "board.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <amble/error.h>

/* --- the chip: "lamps", with four lines, of which the kernel uses number 3 ---------------------------------------- */
struct gpiod_line {
    int value; /* -1: not requested */
};
struct gpiod_chip {
    struct gpiod_line lines[4];
    int opened;
    bool refuses;
};
static struct gpiod_chip lamps;

struct gpiod_chip *gpiod_chip_open_lookup(const char *name);
struct gpiod_chip *gpiod_chip_open_lookup(const char *name)
{
    if (strcmp(name, "lamps") != 0 && strcmp(name, "/dev/lamps:0") != 0) {
        errno = ENOENT;
        return NULL;
    }
    lamps.opened++;
    for (int i = 0; i < 4; i++)
        lamps.lines[i].value = -1;
    return &lamps;
}

void gpiod_chip_close(struct gpiod_chip *chip);
void gpiod_chip_close(struct gpiod_chip *chip) { chip->opened--; }

unsigned gpiod_chip_num_lines(struct gpiod_chip *chip);
unsigned gpiod_chip_num_lines(struct gpiod_chip *chip)
{
    (void)chip;
    return 4;
}

struct gpiod_line *gpiod_chip_get_line(struct gpiod_chip *chip, unsigned at);
struct gpiod_line *gpiod_chip_get_line(struct gpiod_chip *chip, unsigned line) { return &chip->lines[line]; }

int gpiod_line_request_output(struct gpiod_line *line, const char *consumer, int value);
int gpiod_line_request_output(struct gpiod_line *line, const char *consumer, int value)
{
    assert_string_equal(consumer, "amble");
    errno = EBUSY;
    line->value = value;
    return line == &lamps.lines[3] ? -1 : 0;
}

int gpiod_line_set_value(struct gpiod_line *line, int value);
int gpiod_line_set_value(struct gpiod_line *line, int value)
{
    errno = EIO;
    if (lamps.refuses)
        return -1;
    line->value = value;
    return 0;
}

/* --- what stderr gets --------------------------------------------------------------------------------------------- */
static int ends[2], saved_errors;

static void catch_errors(void)
{
    saved_errors = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
}

static void caught(char text[512])
{
    ssize_t n;

    fflush(stderr);
    dup2(saved_errors, STDERR_FILENO);
    close(saved_errors);
    n = read(ends[0], text, 511);
    text[n > 0 ? n : 0] = '\0';
    close(ends[0]);
}

static int init(const char *pin, char text[512])
{
    int r;

    catch_errors();
    r = board_init(3, (char *[]){"test", "--led", (char *)pin, NULL});
    caught(text);
    return r;
}

/* --- tests -------------------------------------------------------------------------------------------------------- */
/* True when the board was built without libgpiod: then that is what it says. */
static bool is_without_gpiod(void)
{
    char text[512];
    int r = init("gpio:lamps:1", text);

    if (r == 0)
        return false;
    print_message("built without libgpiod: only its sentence is tested\n");
    assert_int_equal(r, AMBLE_ERR_USAGE);
    assert_non_null(strstr(text, "--led gpio:lamps:1: this was built without libgpiod; give term, or install"));
    return true;
}

static void a_line_is_switched(void **state)
{
    char text[512];

    (void)state;
    if (is_without_gpiod())
        return;
    assert_int_equal(init("gpio:lamps:1", text), 0);
    assert_int_equal(lamps.opened, 1);
    assert_int_equal(lamps.lines[1].value, 0); /* dark at first */
    board_led(true);
    assert_int_equal(lamps.lines[1].value, 1);
    board_led(false);
    assert_int_equal(lamps.lines[1].value, 0);
    assert_int_equal(lamps.lines[0].value, -1);
    assert_int_equal(init("gpio:/dev/lamps:0:2", text), 0); /* the chip's name may have a ':' */
    assert_int_equal(lamps.opened, 1);
    assert_int_equal(lamps.lines[2].value, 0);
    assert_int_equal(init("term", text), 0);
    assert_int_equal(lamps.opened, 0);
}

static void a_line_that_fails_is_told_once(void **state)
{
    char text[512];

    (void)state;
    if (is_without_gpiod())
        return;
    assert_int_equal(init("gpio:lamps:1", text), 0);
    lamps.refuses = true;
    catch_errors();
    board_led(true);
    board_led(true);
    caught(text);
    assert_string_equal(text, "board: --led: Input/output error; the output stays as it is\n");
    lamps.refuses = false;
    board_led(true);
    assert_int_equal(lamps.lines[1].value, 1);
}

static void wrong_lines_are_refused(void **state)
{
    static const struct {
        const char *pin;
        int error;
        const char *problem;
    } wrong[] = {
        {"gpio:", AMBLE_ERR_USAGE, "this is no chip and line; give gpio:CHIP:LINE"},
        {"gpio:lamps", AMBLE_ERR_USAGE, "this is no chip and line"},
        {"gpio::1", AMBLE_ERR_USAGE, "this is no chip and line"},
        {"gpio:lamps:", AMBLE_ERR_USAGE, "this is no chip and line"},
        {"gpio:lamps:red", AMBLE_ERR_USAGE, "this is no chip and line"},
        {"gpio:lamps:-1", AMBLE_ERR_USAGE, "this is no chip and line"},
        {"gpio:lamps:1x", AMBLE_ERR_USAGE, "the line is not a number from 0 to 65535"},
        {"gpio:lamps:99999999999999999999", AMBLE_ERR_USAGE, "the line is not a number from 0 to 65535"},
        {"gpio:lamps:4", AMBLE_ERR_USAGE, "the chip has 4 lines, counted from 0"},
        {"gpio:lamps:3", AMBLE_ERR_IO, "Device or resource busy"},
        {"gpio:gpiochip9:1", AMBLE_ERR_IO,
         "there is no chip gpiochip9 (No such file or directory); give gpio:CHIP:LINE"},
    };
    char text[512];

    (void)state;
    if (is_without_gpiod())
        return;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(init(wrong[i].pin, text), wrong[i].error);
        assert_non_null(strstr(text, wrong[i].pin));
        assert_non_null(strstr(text, wrong[i].problem));
        assert_int_equal(lamps.opened, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_switched),
        cmocka_unit_test(a_line_that_fails_is_told_once),
        cmocka_unit_test(wrong_lines_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
