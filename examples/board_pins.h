/* The kinds of pins behind board.h: one file for each of --adc, --pwm and --led.
 *
 * An open function takes the name from the command line and returns 0; or, after a sentence on stderr that names the
 * pin, AMBLE_ERR_USAGE for a name or a value it cannot use, AMBLE_ERR_IO for a device that is missing or does not work.
 * Opening again leaves what was open before. A device that fails later is told of once, and the program goes on: the
 * input with its last value. */
#ifndef BOARD_PINS_H
#define BOARD_PINS_H
#include <stdbool.h>

#define BOARD_ADC_MAX  4095
#define BOARD_DUTY_MAX 65535

int board_adc_open(const char *name);
int board_adc_take(void);

int board_pwm_open(const char *name);
void board_pwm_drive(unsigned hertz, unsigned duty);

int board_led_open(const char *name);
void board_led_drive(bool on);

/* Says "board: OPTION NAME: PROBLEM; REMEDY" on stderr and returns `error`. */
int board_refuse(int error, const char *option, const char *name, const char *problem, const char *remedy);
/* The cursor stands behind a brightness bar: the next line begins below it. */
void board_bar_opened(void);
#endif
