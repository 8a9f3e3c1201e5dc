/* Manual pages (documentation.h), in the man macros of roff. Every text passes put_text, so that nothing in it is taken
 * for an order to roff. */
#include <ctype.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/documentation.h"
#include "cli/options.h"

/* A part of a line: backslashes and hyphens are meant as they stand. */
static void put_part(FILE *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length && text[i]; i++)
        if (text[i] == '\\')
            fputs("\\e", out);
        else if (text[i] == '-')
            fputs("\\-", out);
        else
            fputc(text[i], out);
}

/* A line of text; roff would take a dot or an apostrophe that begins it for a request. */
static void put_text(FILE *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", out);
    put_part(out, text, strlen(text));
    fputc('\n', out);
}

typedef enum { PLACEHOLDER, LITERAL, OTHER } part;

static part part_of(char c)
{
    return isupper((unsigned char)c) ? PLACEHOLDER : islower((unsigned char)c) || c == '-' ? LITERAL : OTHER;
}

/* Something to type: words to be typed as they are in bold, words in capitals, which stand for others, in italics. */
static void put_usage(FILE *out, const char *text)
{
    static const char *const fonts[] = {"\\fI", "\\fB", "\\fR"};

    while (*text) {
        const part kind = part_of(*text);
        size_t length = 1;

        while (text[length] && part_of(text[length]) == kind)
            length++;
        fputs(fonts[kind], out);
        put_part(out, text, length);
        text += length;
    }
    fputs("\\fR\n", out);
}

static void put_term(FILE *out, const char *text)
{
    const char *tab = strchr(text, '\t');

    fputs(".TP\n.B ", out);
    put_part(out, text, (size_t)(tab - text));
    fputc('\n', out);
    put_text(out, tab + 1);
}

static void put_terms(FILE *out, const char *heading, const char *const *terms)
{
    fprintf(out, ".SH %s\n", heading);
    for (size_t i = 0; terms[i]; i++)
        put_term(out, terms[i]);
}

static void put_option(FILE *out, const amble__option *option)
{
    const char *choices = option->choices, *choice;
    bool first = true;
    size_t length;

    fputs(".TP\n", out);
    if (option->letter) {
        fputs("\\fB", out);
        put_part(out, option->letter, strlen(option->letter));
        fputs("\\fR, ", out);
    }
    fputs("\\fB", out);
    put_part(out, option->name, strlen(option->name));
    fputs("\\fR", out);
    if (option->value)
        fprintf(out, " \\fI%s\\fR", option->value);
    fputc('\n', out);
    put_part(out, option->about, strlen(option->about));
    for (; choices && (choice = amble__next_choice(&choices, &length)); first = false) {
        fputs(first ? ":\n" : ",\n", out);
        put_part(out, choice, length);
    }
    fputs(".\n", out);
}

/* The commands that are typed into this one, each with its options. */
static void put_inside(FILE *out, const amble__command *command)
{
    const amble__command *inside;
    const amble__option *option;

    fputs(".SH COMMANDS\n", out);
    for (size_t i = 0; (inside = command->inside(i)); i++) {
        fputs(".TP\n", out);
        put_usage(out, inside->usage[0]);
        put_part(out, inside->about, strlen(inside->about));
        for (size_t k = 0; (option = amble__command_option(inside, k)); k++) {
            fputs(k ? ",\n" : ".\nOptions:\n", out);
            put_part(out, option->name, strlen(option->name));
        }
        fputs(".\n", out);
    }
}

static void put_examples(FILE *out, const char *const *examples)
{
    fputs(".SH EXAMPLES\n", out);
    for (size_t i = 0; examples[i]; i++) {
        fputs(".PP\n.nf\n.RS\n", out);
        put_text(out, examples[i]);
        fputs(".RE\n.fi\n", out);
    }
}

static void put_exits(const amble__command *command, FILE *out)
{
    fputs(".SH EXIT STATUS\n", out);
    for (size_t i = 0; i < AMBLE__EXIT_CODES; i++)
        if (command->exits[i])
            fprintf(out, ".TP\n.B %zu\n%s\n", i, command->exits[i]);
}

static void put_head(FILE *out, const char *page, const char *about)
{
    fprintf(out, ".\\\" Written by amble documentation --man from the tables of the commands.\n.TH ");
    for (const char *at = page; *at; at++)
        if (*at == '-')
            fputs("\\-", out);
        else
            fputc(toupper((unsigned char)*at), out);
    fprintf(out, " 1 \"\" \"amble %s\" \"User Commands\"\n.SH NAME\n", AMBLE_VERSION);
    put_part(out, page, strlen(page));
    fputs(" \\- ", out);
    put_text(out, about);
    fputs(".SH SYNOPSIS\n", out);
}

/* --- pages -------------------------------------------------------------------------------------------------------- */
static void put_description(const amble__command *command, FILE *out)
{
    fputs(".SH DESCRIPTION\n", out);
    for (size_t i = 0; command->text[i]; i++) {
        if (strchr(command->text[i], '\t')) {
            put_term(out, command->text[i]);
        } else {
            if (i)
                fputs(".PP\n", out);
            put_text(out, command->text[i]);
        }
    }
}

void amble__manual_print(const amble__command *command, FILE *out)
{
    static const amble__option help = {.name = "--help", .letter = "-h", .about = "says all this in short"};
    const amble__option *option;
    char page[64];

    snprintf(page, sizeof page, "amble-%s", command->name);
    put_head(out, page, command->about);
    for (size_t i = 0; command->usage[i]; i++) {
        fputs(i ? ".br\n\\fBamble\\fR " : "\\fBamble\\fR ", out);
        put_usage(out, command->usage[i]);
    }
    put_description(command, out);
    fputs(".SH OPTIONS\n", out);
    for (size_t i = 0; (option = amble__command_option(command, i)); i++)
        put_option(out, option);
    put_option(out, &help);
    if (command->inside)
        put_inside(out, command);
    put_examples(out, command->examples);
    put_exits(command, out);
    if (command->has_controller)
        put_terms(out, "ENVIRONMENT", amble__environment);
    fputs(".SH SEE ALSO\n.BR amble (1)\n", out);
}

void amble__manual_print_all(FILE *out)
{
    const amble__command *command;
    bool first = true;

    put_head(out, "amble", amble__about);
    put_usage(out, "amble COMMAND [OPTIONS]");
    fputs(".SH COMMANDS\n", out);
    for (size_t i = 0; (command = amble__cli_command(i)); i++)
        if (!command->hidden)
            fprintf(out, ".TP\n.B %s\n%s\n", command->name, command->about);
    put_terms(out, "TRANSPORTS", amble__transports);
    put_terms(out, "ENVIRONMENT", amble__environment);
    put_examples(out, amble__examples);
    fputs(".SH EXIT STATUS\n.TP\n.B 0\ndone\n.TP\n.B 1\nthe operation failed, or was interrupted before it was done; "
          "why stands "
          "on standard error\n"
          ".TP\n.B 2\nwrong usage\n.TP\n.B 3\nno controller, or one that does not answer\n.TP\n.B 4\ntimeout\n"
          ".SH SEE ALSO\n",
          out);
    for (size_t i = 0; (command = amble__cli_command(i)); i++)
        if (!command->hidden) {
            fprintf(out, "%s.BR amble\\-%s (1)", first ? "" : ",\n", command->name);
            first = false;
        }
    fputc('\n', out);
}
