/* What is written about the commands, all of it made from their tables (command.h): help, manual pages, completion. */
#ifndef AMBLE_CLI_DOCUMENTATION_H
#define AMBLE_CLI_DOCUMENTATION_H
#include <stdio.h>

#include "cli/command.h"

/* The build says it; a checker that only reads the source need not know. */
#ifndef AMBLE_VERSION
#define AMBLE_VERSION "0"
#endif

/* The text of --help. */
void amble__help_print(const amble__command *command, FILE *out);
/* The text of `amble --help`. */
void amble__help_print_all(FILE *out);
/* The list of the commands that are typed into another one. */
void amble__help_print_inside(const amble__command *(*inside_at)(size_t at), FILE *out);
/* Text in lines of the help's width, `indent` blanks before each but the first, which begins in column `at`. */
void amble__help_wrap(FILE *out, const char *text, size_t indent, size_t at);
/* A row of the help: what it is about, and the text beside it from column `column` on. */
void amble__help_row(FILE *out, const char *left, const char *text, size_t column);

/* The page amble-COMMAND(1), in the man macros of roff. */
void amble__manual_print(const amble__command *command, FILE *out);
/* The page amble(1). */
void amble__manual_print_all(FILE *out);
/* The completion of bash for all commands. */
void amble__completion_print(FILE *out);

/* Texts that stand in more than one of them. */
extern const char amble__about[];
extern const char *const amble__transports[]; /* "NAME\twhat it is", ended by NULL */
extern const char *const amble__environment[];
extern const char *const amble__examples[];
/* Which transports bash offers; those of hosts, and those that wait for somebody. */
extern const char amble__transport_choices[], amble__listener_choices[];
#endif
