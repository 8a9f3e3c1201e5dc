/* Taking options from arguments (options.h). */
#include "cli/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amble/error.h"
#include "cli/documentation.h"
#include "cli/numbers.h"

enum { SECONDS_MOST = 86400 };

/* --- the table ---------------------------------------------------------------------------------------------------- */
const amble__option amble__main_options[AMBLE__MAIN_OPTIONS] = {
    {.name = "--transport",
     .letter = "-t",
     .value = "TRANSPORT",
     .about = "the controller, such as usb:0 or tcp-client:HOST:PORT; otherwise AMBLE_TRANSPORT names it",
     .expected = "a transport, such as usb:0 or air:desk",
     .offer = AMBLE__OFFER_TRANSPORTS},
    {.name = "--capture",
     .value = "FILE",
     .about = "writes every HCI packet into a btsnoop file",
     .expected = "a file",
     .offer = AMBLE__OFFER_FILES},
    {.name = "--log",
     .value = "LEVEL",
     .about = "how much the host says of its work on standard error",
     .choices = "off error warning info debug"},
    {.name = "--own-address",
     .value = "KIND",
     .about =
         "the address that others see: the private kinds change every quarter of an hour, and bonded devices recognise "
         "resolvable ones; public unless given",
     .choices = "public static resolvable non-resolvable"},
};

const amble__option *amble__command_option(const amble__command *command, size_t at)
{
    if (at < command->option_count)
        return &command->options[at];
    at -= command->option_count;
    return command->has_controller && at < AMBLE__MAIN_OPTIONS ? &amble__main_options[at] : NULL;
}

const char *amble__next_choice(const char **choices, size_t *length)
{
    const char *at = *choices + strspn(*choices, " ");

    *length = strcspn(at, " ");
    *choices = at + *length;
    return *length ? at : NULL;
}

static bool is_choice(const char *choices, const char *value)
{
    const char *choice;
    size_t length;

    while ((choice = amble__next_choice(&choices, &length)))
        if (!strncmp(choice, value, length) && !value[length])
            return true;
    return false;
}

/* --- refusing ----------------------------------------------------------------------------------------------------- */
int amble__options_wrong(const amble__command *command, const char *format, ...)
{
    const char *amble = command->in_shell ? "" : "amble ";
    va_list arguments;

    fprintf(stderr, "%s%s: ", amble, command->name);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "; see %s%s --help\n", amble, command->name); /* "read --help" in the shell, too */
    return AMBLE_ERR_USAGE;
}

static int refuse_value(const amble__command *command, const amble__option *option, const char *value)
{
    if (option->expected)
        return amble__options_wrong(command, "%s %s: this takes %s", option->name, value, option->expected);
    return amble__options_wrong(command, "%s %s: this takes one of %s", option->name, value, option->choices);
}

/* --- taking ------------------------------------------------------------------------------------------------------- */
/* Whether an argument is this option; `*joined` is its value behind "=", or NULL. */
static bool is_option(const char *argument, const char *name, const char **joined)
{
    const size_t length = name ? strlen(name) : 0;

    if (!length || strncmp(argument, name, length) != 0 || (argument[length] && argument[length] != '='))
        return false;
    *joined = argument[length] ? argument + length + 1 : NULL;
    return true;
}

/* Takes the option at argv[at]: how many arguments that were, or an error. */
static int take_option(const amble__command *command, int argc, char **argv, int at, void *options)
{
    const amble__option *option;
    const char *joined, *value;

    for (size_t i = 0; (option = amble__command_option(command, i)); i++) {
        if (!is_option(argv[at], option->name, &joined) && !is_option(argv[at], option->letter, &joined))
            continue;
        if (!option->value) {
            if (joined)
                return amble__options_wrong(command, "%s takes no value", option->name);
            *(bool *)((char *)options + option->field) = true;
            return 1;
        }
        value = joined ? joined : at + 1 < argc ? argv[at + 1] : "";
        if (!*value || (option->choices && !is_choice(option->choices, value)) ||
            (option->take && !option->take((char *)options + option->field, value)))
            return refuse_value(command, option, value);
        return joined ? 1 : 2;
    }
    return amble__options_wrong(command, "there is no option %s", argv[at]);
}

/* "-5" may be a value to write, "-" alone is a word. */
static bool looks_like_option(const char *argument)
{
    return argument[0] == '-' && argument[1] && !(argument[1] >= '0' && argument[1] <= '9');
}

static int refuse_words(const amble__command *command)
{
    char needed[128] = "";

    for (size_t i = 0; i < command->words_least; i++) {
        const size_t used = strlen(needed);

        snprintf(needed + used, sizeof needed - used, "%s%s", i ? " " : "", command->words[i].name);
    }
    return amble__options_wrong(command, "this needs %s", needed);
}

int amble__options_take(const amble__command *command, int argc, char **argv, void *options)
{
    const char **words = command->words_most ? (const char **)(void *)((char *)options + command->words_field) : NULL;
    bool only_words = false;
    size_t count = 0;

    for (int at = 1; at < argc;) {
        int taken = 1;

        if (!only_words && !strcmp(argv[at], "--")) {
            only_words = true;
        } else if (!only_words && (!strcmp(argv[at], "--help") || !strcmp(argv[at], "-h"))) {
            amble__help_print(command, stdout);
            return 1;
        } else if (!only_words && looks_like_option(argv[at])) {
            taken = take_option(command, argc, argv, at, options);
        } else if (!words || count == command->words_most) {
            return amble__options_wrong(command, "%s is one word too many", argv[at]);
        } else {
            words[count++] = argv[at];
        }
        if (taken < 0)
            return taken;
        at += taken;
    }
    return count < command->words_least ? refuse_words(command) : 0;
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

bool amble__parse_passkey(const char *text, uint32_t *passkey)
{
    enum { DIGITS = 6, MOST = 999999 };
    uint64_t number;

    if (strlen(text) > DIGITS || strspn(text, "0123456789") != strlen(text) ||
        !amble__parse_number(text, MOST, &number))
        return false;
    *passkey = (uint32_t)number;
    return true;
}

bool amble__take_text(void *field, const char *value)
{
    *(const char **)field = value;
    return true;
}

bool amble__take_seconds(void *field, const char *value)
{
    double seconds;
    char *end;

    if (strspn(value, "0123456789.") != strlen(value))
        return false;
    seconds = strtod(value, &end);
    if (*end || !(seconds >= 0.001 && seconds <= SECONDS_MOST))
        return false;
    *(int *)field = (int)(seconds * 1000);
    return true;
}

bool amble__take_count(void *field, const char *value)
{
    uint64_t number;

    if (!amble__parse_number(value, UINT32_MAX, &number) || !number)
        return false;
    *(uint32_t *)field = (uint32_t)number;
    return true;
}

bool amble__take_u16(void *field, const char *value)
{
    uint64_t number;

    if (!amble__parse_number(value, UINT16_MAX, &number))
        return false;
    *(uint16_t *)field = (uint16_t)number;
    return true;
}

bool amble__take_rssi(void *field, const char *value)
{
    uint64_t number;

    if (*value != '-' || !amble__parse_number(value + 1, 127, &number) || !number)
        return false;
    *(int8_t *)field = (int8_t) - (int)number;
    return true;
}

bool amble__take_service(void *field, const char *value)
{
    return amble__uuid_from_name(AMBLE__NUMBER_SERVICE, value, field);
}
