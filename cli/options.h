/* The options of a command: a table of them, taken from the arguments. Every option may be written "--name value" or
 * "--name=value"; what is no option is a word, and everything behind "--" is. */
#ifndef AMBLE_CLI_OPTIONS_H
#define AMBLE_CLI_OPTIONS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amble/uuid.h"

typedef struct {
    const char *name;
    bool (*take)(void *target, const char *value); /* NULL: a flag, `target` is a bool */
    void *target;
    const char *expected; /* "a number of seconds": for the sentence when `take` says false */
} amble__option;

typedef struct {
    const char *command; /* "amble scan" */
    const char *help;
    const amble__option *options;
    size_t count;
    const char **words; /* NULL-filled by the caller */
    size_t words_least, words_most;
    const char *words_expected; /* "ADDRESS CHARACTERISTIC" */
} amble__syntax;

/* Takes argv[1] and on. 0: all is taken, 1: help was asked for and printed, or AMBLE_ERR_USAGE, its sentence is printed.
 * The options of every program with a controller (-t, --capture, --log, see amble_main) are left alone. */
int amble__options_take(int argc, char **argv, const amble__syntax *syntax);
/* Prints "COMMAND: sentence; see COMMAND --help" and returns AMBLE_ERR_USAGE. */
int amble__options_wrong(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Values. `target` is: */
bool amble__take_text(void *target, const char *value);    /* const char *: anything but nothing */
bool amble__take_seconds(void *target, const char *value); /* int: milliseconds from "0.5", above 0, up to a day */
bool amble__take_count(void *target, const char *value);   /* uint32_t: 1 and up */
bool amble__take_u16(void *target, const char *value);     /* uint16_t: 24 or 0x18 */
bool amble__take_rssi(void *target, const char *value);    /* int8_t: -127 to -1 */
bool amble__take_service(void *target, const char *value); /* amble_uuid: a UUID or the name of a service */
/* Digits, or 0x and hexadecimal ones, and nothing else. */
bool amble__parse_number(const char *text, uint64_t most, uint64_t *value);
#endif
