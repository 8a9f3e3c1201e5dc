/* What is switched on and off: a line of text in the terminal, or a GPIO line of Linux through libgpiod. The kernel
 * gives the line back when the program ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amble/error.h>

#include "board.h"
#include "board_pins.h"

static void term_drive(bool on) { board_say("LED %s", on ? "on" : "off"); }

#ifdef AMBLE_HAVE_GPIOD
#include <errno.h>
#include <gpiod.h>

#define CHIP_MAX_SIZE 128

static struct {
    struct gpiod_chip *chip; /* NULL: the terminal */
    struct gpiod_line *line;
    bool has_failed; /* and it was told */
} led;

static const char remedy[] = "give gpio:CHIP:LINE as in gpio:gpiochip0:17; `gpioinfo` lists what there is";

static void led_close(void)
{
    if (led.chip)
        gpiod_chip_close(led.chip); /* and its line with it */
    memset(&led, 0, sizeof led);
}

/* "CHIP:LINE" behind "gpio:": the chip's name, number, label or path, and the number of the line. */
static int gpio_open(const char *name)
{
    const char *which = name + strlen("gpio:"), *colon = strrchr(which, ':');
    char chip[CHIP_MAX_SIZE], problem[CHIP_MAX_SIZE + 64], *end = "";
    unsigned long number = 0;
    int r = 0;

    if (!colon || colon == which || colon - which >= CHIP_MAX_SIZE || colon[1] < '0' || colon[1] > '9')
        return board_refuse(AMBLE_ERR_USAGE, "--led", name, "this is no chip and line", remedy);
    number = strtoul(colon + 1, &end, 10);
    if (*end || number > 0xffff)
        return board_refuse(AMBLE_ERR_USAGE, "--led", name, "the line is not a number from 0 to 65535", remedy);
    snprintf(chip, sizeof chip, "%.*s", (int)(colon - which), which);
    if (!(led.chip = gpiod_chip_open_lookup(chip))) {
        snprintf(problem, sizeof problem, "there is no chip %s (%s)", chip, strerror(errno));
        r = board_refuse(AMBLE_ERR_IO, "--led", name, problem, remedy);
    } else if (number >= gpiod_chip_num_lines(led.chip)) {
        snprintf(problem, sizeof problem, "the chip has %u lines, counted from 0", gpiod_chip_num_lines(led.chip));
        r = board_refuse(AMBLE_ERR_USAGE, "--led", name, problem, remedy);
    } else if (!(led.line = gpiod_chip_get_line(led.chip, (unsigned)number)) ||
               gpiod_line_request_output(led.line, "amble", 0) < 0) {
        r = board_refuse(AMBLE_ERR_IO, "--led", name, strerror(errno), remedy);
    }
    if (r < 0)
        led_close();
    return r;
}

void board_led_drive(bool on)
{
    bool fails;

    if (!led.chip) {
        term_drive(on);
        return;
    }
    fails = gpiod_line_set_value(led.line, on) < 0;
    if (fails && !led.has_failed)
        fprintf(stderr, "board: --led: %s; the output stays as it is\n", strerror(errno));
    led.has_failed = fails;
}

#else
static void led_close(void) {}

static int gpio_open(const char *name)
{
    return board_refuse(AMBLE_ERR_USAGE, "--led", name, "this was built without libgpiod",
                        "give term, or install libgpiod-dev and build again");
}

void board_led_drive(bool on) { term_drive(on); }
#endif

int board_led_open(const char *name)
{
    led_close();
    if (strcmp(name, "term") == 0)
        return 0;
    if (strncmp(name, "gpio:", 5) == 0)
        return gpio_open(name);
    return board_refuse(AMBLE_ERR_USAGE, "--led", name, "there is no such output", "give term or gpio:CHIP:LINE");
}
