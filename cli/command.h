/* What a command is: its name, its options and words with what they mean, examples, exit codes.
 *
 * Each command is one such table beside the code that does its work. Everything else about it is made from the table:
 * the parser (options.h), --help and the manual pages and the completion of bash (documentation.h). So none of them can
 * know an option that another one does not. */
#ifndef AMBLE_CLI_COMMAND_H
#define AMBLE_CLI_COMMAND_H
#include <stdbool.h>
#include <stddef.h>

/* What the shell may offer in place of a value. */
typedef enum {
    AMBLE__OFFER_NOTHING,
    AMBLE__OFFER_FILES,
    AMBLE__OFFER_TRANSPORTS,
    AMBLE__OFFER_LISTENERS,       /* transports that wait for somebody */
    AMBLE__OFFER_SERVICES,        /* names of the SIG */
    AMBLE__OFFER_CHARACTERISTICS, /* those, and in `amble shell` what was discovered */
    AMBLE__OFFER_DEVICES,         /* in `amble shell`: who was seen */
    AMBLE__OFFER_SUBSCRIPTIONS,   /* in `amble shell`: what is followed */
    AMBLE__OFFER_COMMANDS         /* of `amble shell` */
} amble__offer;

typedef struct {
    const char *name;     /* "--seconds" */
    const char *letter;   /* "-t", or NULL */
    const char *value;    /* what the value is called, "N"; NULL: a flag, whose field is a bool */
    const char *about;    /* the sentence of the help, without a full stop */
    const char *choices;  /* the only values, separated by blanks; NULL: see `take` */
    const char *expected; /* for the refusal: "a number of seconds"; NULL: one of the choices */
    bool (*take)(void *field, const char *value); /* NULL with a value: left alone, amble_main takes it */
    size_t field;                                 /* offsetof in the options of the command */
    amble__offer offer;
} amble__option;

typedef struct {
    const char *name;    /* "CHARACTERISTIC" */
    const char *choices; /* what the shell offers, separated by blanks */
    amble__offer offer;
} amble__word;

enum { AMBLE__COMMAND_WORDS = 4, AMBLE__EXIT_CODES = 5 };

typedef struct amble__command amble__command;
struct amble__command {
    const char *name;         /* "scan" */
    const char *about;        /* "shows who advertises" */
    const char *const *usage; /* behind "amble ", one line each; a NULL ends them, as in the next lists */
    const char *const *text;  /* paragraphs; "TERM\twhat it is" is one with a term in front */
    const char *const *examples;
    const char *exits[AMBLE__EXIT_CODES]; /* what each code means; NULL: never */
    const amble__option *options;
    size_t option_count;
    amble__word words[AMBLE__COMMAND_WORDS]; /* the last one stands for all that follow */
    size_t words_least, words_most;
    /* Where in the options of the command an array of const char * is, NULL-filled by the caller. */
    size_t words_field;
    bool has_controller;                        /* takes -t, --capture, --log and --own-address, too */
    bool in_shell;                              /* is typed into `amble shell`, without "amble" before it */
    bool hidden;                                /* not in the list of commands */
    const amble__command *(*inside)(size_t at); /* commands that are typed into this one; NULL behind the last */
    int (*run)(int argc, char **argv);          /* NULL in `amble shell` */
};

/* The options that amble_main takes for every command with a controller. */
enum { AMBLE__MAIN_OPTIONS = 4 };
extern const amble__option amble__main_options[AMBLE__MAIN_OPTIONS];

/* Option number `at` of a command, those of amble_main behind its own; NULL behind the last. */
const amble__option *amble__command_option(const amble__command *command, size_t at);
#endif
