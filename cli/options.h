/* The options of a command, taken from the arguments as its table says (command.h). Every option may be written
 * "--name value" or "--name=value"; what is no option is a word, and everything behind "--" is. */
#ifndef AMBLE_CLI_OPTIONS_H
#define AMBLE_CLI_OPTIONS_H
#include <stdint.h>

#include "amble/uuid.h"
#include "cli/command.h"

/* Takes argv[1] and on into `options`, the structure that the table's fields lie in. 0: all is taken, 1: help was asked
 * for and printed, or AMBLE_ERR_USAGE, its sentence is printed. What amble_main takes is left alone. */
int amble__options_take(const amble__command *command, int argc, char **argv, void *options);
/* Prints "amble COMMAND: sentence; see amble COMMAND --help" and returns AMBLE_ERR_USAGE. */
int amble__options_wrong(const amble__command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Values. `field` is: */
bool amble__take_text(void *field, const char *value);    /* const char *: anything but nothing */
bool amble__take_seconds(void *field, const char *value); /* int: milliseconds from "0.5", above 0, up to a day */
bool amble__take_count(void *field, const char *value);   /* uint32_t: 1 and up */
bool amble__take_u16(void *field, const char *value);     /* uint16_t: 24 or 0x18 */
bool amble__take_rssi(void *field, const char *value);    /* int8_t: -127 to -1 */
bool amble__take_service(void *field, const char *value); /* amble_uuid: a UUID or the name of a service */
/* What these expect, for the tables. */
#define AMBLE__EXPECTED_SECONDS "a number of seconds, such as 0.5 or 10"
#define AMBLE__EXPECTED_SERVICE "a UUID or the name of a service (amble uuid lookup finds them)"

/* Up to six decimal digits, leading zeros too: 012345 is a passkey. */
bool amble__parse_passkey(const char *text, uint32_t *passkey);
/* Digits, or 0x and hexadecimal ones, and nothing else. */
bool amble__parse_number(const char *text, uint64_t most, uint64_t *value);
/* The next of several words that are separated by blanks: where it begins, and its length; NULL behind the last. */
const char *amble__next_choice(const char **choices, size_t *length);
#endif
