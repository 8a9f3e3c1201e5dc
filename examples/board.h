/* The board that an example runs on: a potentiometer at an analogue input, an LED to switch, another one to dim.
 *
 * Which pins these are is chosen on the command line, so that one program runs on a desk without any hardware and in a
 * test that must always go the same way, or with the pins of a Linux board:
 *
 *     --adc sweep            goes up and down all by itself, once in 8 s
 *     --adc random           wanders about
 *     --adc stdin            the latest line of the standard input, a number from 0 to 4095
 *     --adc FILE             one number a line, one line a reading; the last one stays
 *     --adc iio:FILE[,MAX]   a channel of industrial I/O, such as in_voltage0_raw, of 0 to MAX (4095 when left out)
 *     --led term             a line "LED on" or "LED off"
 *     --led gpio:CHIP:LINE   a line of a GPIO chip, where the program was built with libgpiod
 *     --pwm term             a brightness bar in the terminal, or a line "duty N" where there is none
 *     --pwm pwm:PATH         a PWM of sysfs, .../pwmchipN/pwmM; it is exported if need be
 *
 * A program has one board; it belongs to the thread that called board_init. Nothing in here waits, but for half a
 * second at most while a PWM is exported. */
#ifndef BOARD_H
#define BOARD_H
#include <stdbool.h>
#include <stddef.h>

#include <amble/main.h>

#if defined(__GNUC__)
#define BOARD_PRINTF __attribute__((format(printf, 1, 2)))
#else
#define BOARD_PRINTF
#endif

/* amble_main for a program with a board: gives help when it was asked for, sets up the pins (board_init), and only then
 * opens the controller, so that a wrong pin is told whatever the controller is like. The app gets no arguments. Returns
 * the exit code. */
int board_main(int argc, char **argv, const char *what_it_does, int (*app)(amble *ble, int argc, char **argv));
/* True when --help was asked for and given: what the program does, followed by the options that every example takes. */
bool board_help(int argc, char **argv, const char *what_it_does);
/* Sets up the pins that the arguments name, --adc sweep, --led term and --pwm term where they say nothing. Returns 0;
 * or, after a sentence on stderr, AMBLE_ERR_USAGE for an argument it does not know or a file that holds something else,
 * AMBLE_ERR_IO for a device that is missing or does not work. */
int board_init(int argc, char **argv);

/* One reading of the potentiometer: 0 to 4095, the 12 bits of a common converter. */
int board_adc_read(void);
/* The same stretched to 0 to 65535, whatever the converter's bits, as MicroPython's read_u16 does it. */
int board_adc_read_u16(void);

/* Switches the LED. */
void board_led(bool on);

/* How often in a second the output is switched on and off; 1000 at the start. Takes effect with the next duty. */
void board_pwm_frequency(unsigned hertz);
/* The part of the time in which it is on: 0 is never, 65535 always. */
void board_pwm_duty(unsigned duty);

/* Whether a terminal may obey this byte of a text in UTF-8: C0, DEL, or the second one of C1. */
bool board_is_control(const char *text, size_t at);
/* The text with '?' for control characters: names from the air are nothing for a terminal to obey. Cut to `size`.
 * Returns `out`. */
const char *board_clean(char *out, size_t size, const char *text);
/* Prints a line on stdout at once, cleaned, below the brightness bar if there is one. */
void board_say(const char *format, ...) BOARD_PRINTF;
#endif
