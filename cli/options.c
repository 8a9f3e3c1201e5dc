/* Taking options from arguments (options.h). */
#include "cli/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amble/error.h"
#include "cli/numbers.h"

enum { SECONDS_MOST = 86400 };

int amble__options_wrong(const char *command, const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "%s: ", command);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "; see %s --help\n", command);
    return AMBLE_ERR_USAGE;
}

/* Whether an argument is this option; `*joined` is its value behind "=", or NULL. */
static bool is_option(const char *argument, const char *name, const char **joined)
{
    const size_t length = strlen(name);

    if (strncmp(argument, name, length) || (argument[length] && argument[length] != '='))
        return false;
    *joined = argument[length] ? argument + length + 1 : NULL;
    return true;
}

/* How many arguments an option of every program takes at argv[at]; 0 when there is none. */
static int common_option(const char *argument)
{
    static const char *const names[] = {"-t", "--transport", "--capture", "--log"};
    const char *joined;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is_option(argument, names[i], &joined))
            return joined ? 1 : 2;
    return 0;
}

/* Takes the option at argv[at]: how many arguments that were, or an error. */
static int take_option(int argc, char **argv, int at, const amble__syntax *syntax)
{
    const int common = common_option(argv[at]);

    if (common)
        return common;
    for (size_t i = 0; i < syntax->count; i++) {
        const amble__option *option = &syntax->options[i];
        const char *joined, *value;

        if (!is_option(argv[at], option->name, &joined))
            continue;
        if (!option->take) {
            if (joined)
                return amble__options_wrong(syntax->command, "%s takes no value", option->name);
            *(bool *)option->target = true;
            return 1;
        }
        value = joined ? joined : at + 1 < argc ? argv[at + 1] : "";
        if (!*value || !option->take(option->target, value))
            return amble__options_wrong(syntax->command, "%s %s: this takes %s", option->name, value, option->expected);
        return joined ? 1 : 2;
    }
    return amble__options_wrong(syntax->command, "there is no option %s", argv[at]);
}

/* "-5" may be a value to write, "-" alone is a word. */
static bool looks_like_option(const char *argument)
{
    return argument[0] == '-' && argument[1] && !(argument[1] >= '0' && argument[1] <= '9');
}

int amble__options_take(int argc, char **argv, const amble__syntax *syntax)
{
    bool only_words = false;
    size_t words = 0;

    for (int at = 1; at < argc;) {
        int taken = 1;

        if (!only_words && !strcmp(argv[at], "--")) {
            only_words = true;
        } else if (!only_words && (!strcmp(argv[at], "--help") || !strcmp(argv[at], "-h"))) {
            fputs(syntax->help, stdout);
            return 1;
        } else if (!only_words && looks_like_option(argv[at])) {
            taken = take_option(argc, argv, at, syntax);
        } else if (words == syntax->words_most) {
            return amble__options_wrong(syntax->command, "%s is one word too many", argv[at]);
        } else {
            syntax->words[words++] = argv[at];
        }
        if (taken < 0)
            return taken;
        at += taken;
    }
    if (words < syntax->words_least)
        return amble__options_wrong(syntax->command, "this needs %s", syntax->words_expected);
    return 0;
}

/* --- values ------------------------------------------------------------------------------------------------------- */
bool amble__parse_number(const char *text, uint64_t most, uint64_t *value)
{
    const bool hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = hexadecimal ? text + 2 : text;
    unsigned long long number;
    char *end;

    if (!*digits || strspn(digits, hexadecimal ? "0123456789abcdefABCDEF" : "0123456789") != strlen(digits))
        return false; /* strtoull would take signs and spaces */
    errno = 0;
    number = strtoull(digits, &end, hexadecimal ? 16 : 10);
    if (errno || number > most)
        return false;
    *value = number;
    return true;
}

bool amble__take_text(void *target, const char *value)
{
    *(const char **)target = value;
    return true;
}

bool amble__take_seconds(void *target, const char *value)
{
    double seconds;
    char *end;

    if (strspn(value, "0123456789.") != strlen(value))
        return false;
    seconds = strtod(value, &end);
    if (*end || !(seconds >= 0.001 && seconds <= SECONDS_MOST))
        return false;
    *(int *)target = (int)(seconds * 1000);
    return true;
}

bool amble__take_count(void *target, const char *value)
{
    uint64_t number;

    if (!amble__parse_number(value, UINT32_MAX, &number) || !number)
        return false;
    *(uint32_t *)target = (uint32_t)number;
    return true;
}

bool amble__take_u16(void *target, const char *value)
{
    uint64_t number;

    if (!amble__parse_number(value, UINT16_MAX, &number))
        return false;
    *(uint16_t *)target = (uint16_t)number;
    return true;
}

bool amble__take_rssi(void *target, const char *value)
{
    uint64_t number;

    if (*value != '-' || !amble__parse_number(value + 1, 127, &number) || !number)
        return false;
    *(int8_t *)target = (int8_t) - (int)number;
    return true;
}

bool amble__take_service(void *target, const char *value)
{
    return amble__uuid_from_name(AMBLE__NUMBER_SERVICE, value, target);
}
