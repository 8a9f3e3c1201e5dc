/* The texts of --help (documentation.h), and what they share with the manual pages. */
#include <string.h>

#include "cli/cli.h"
#include "cli/documentation.h"
#include "cli/options.h"

enum { WIDTH = 100, INDENT = 2, GAP = 2, LEFT_MAX = 64 };

const char amble__about[] = "Bluetooth Low Energy tools";
const char *const amble__transports[] = {
    "air:NAME\ta virtual controller in this process; programs with the same NAME do not hear each other, see amble air",
    "usb:N\tUSB adapter number N, or usb:VENDOR:PRODUCT",
    "hci-socket:N\thciN of the Linux kernel, which lets go of it as long as this runs",
    "serial:PATH,BAUD[,flow]\ta board at a serial port that speaks HCI (H4), with flow: RTS and CTS",
    "pty:PATH\ta pseudo-terminal, to which PATH then leads, for a controller in another program",
    "tcp-client:HOST:PORT\ta controller behind a connection, such as one of amble air",
    "tcp-server:HOST:PORT\tthe same, the controller connects; HOST may be _ for all addresses",
    "unix-client:PATH\ta controller behind a Unix socket",
    "unix-server:PATH\tthe same, the controller connects",
    NULL};
const char *const amble__environment[] = {
    "AMBLE_TRANSPORT\tthe controller of commands that got no -t",
    "NO_COLOR\tif it is set and not empty, nothing is coloured; nor is it in a pipe", NULL};
const char *const amble__examples[] = {"amble controllers",
                                       "amble scan -t usb:0 --active",
                                       "amble gatt tree Thermometer -t usb:0",
                                       "amble air --listen tcp-server:127.0.0.1:7300",
                                       "amble uuid lookup 180F",
                                       NULL};
const char amble__transport_choices[] =
    "air: usb: hci-socket: serial: pty: tcp-client: tcp-server: unix-client: unix-server:";
const char amble__listener_choices[] = "tcp-server: unix-server:";

/* --- lines -------------------------------------------------------------------------------------------------------- */
void amble__help_wrap(FILE *out, const char *text, size_t indent, size_t at)
{
    const char *word;
    size_t length;
    bool first = true;

    while ((word = amble__next_choice(&text, &length))) {
        if (!first && at + 1 + length > WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            at = indent;
        } else if (!first) {
            fputc(' ', out);
            at++;
        }
        fprintf(out, "%.*s", (int)length, word);
        at += length;
        first = false;
    }
    fputc('\n', out);
}

void amble__help_row(FILE *out, const char *left, const char *text, size_t column)
{
    fprintf(out, "%*s%-*s", INDENT, "", (int)(column - INDENT), left);
    if (INDENT + strlen(left) + GAP > column)
        fprintf(out, "\n%*s", (int)column, "");
    amble__help_wrap(out, text, column, column);
}

/* "-t TRANSPORT", "-h, --help", "--seconds N". */
static const char *option_left(const amble__option *option, char left[LEFT_MAX])
{
    if (option->letter && option->value)
        snprintf(left, LEFT_MAX, "%s %s", option->letter, option->value);
    else
        snprintf(left, LEFT_MAX, "%s%s%s%s%s", option->letter ? option->letter : "", option->letter ? ", " : "",
                 option->name, option->value ? " " : "", option->value ? option->value : "");
    return left;
}

static void print_option(FILE *out, const amble__option *option, size_t column)
{
    char left[LEFT_MAX], about[512];
    const char *choices = option->choices, *choice;
    size_t length, used = (size_t)snprintf(about, sizeof about, "%s", option->about);

    for (bool first = true; choices && (choice = amble__next_choice(&choices, &length)); first = false)
        used += (size_t)snprintf(about + used, sizeof about - used, "%s%.*s", first ? ": " : ", ", (int)length, choice);
    amble__help_row(out, option_left(option, left), about, column);
}

/* --- parts -------------------------------------------------------------------------------------------------------- */
static void print_usage(const amble__command *command, FILE *out)
{
    for (size_t i = 0; command->usage[i]; i++)
        fprintf(out, "%s %s%s\n", i ? "      " : "usage:", command->in_shell ? "" : "amble ", command->usage[i]);
}

/* The column behind the longest term of some paragraphs. */
static size_t text_column(const char *const *text)
{
    size_t column = 0;

    for (size_t i = 0; text[i]; i++) {
        const char *tab = strchr(text[i], '\t');

        if (tab && (size_t)(tab - text[i]) + INDENT + GAP > column)
            column = (size_t)(tab - text[i]) + INDENT + GAP;
    }
    return column;
}

static void print_text(const char *const *text, FILE *out)
{
    const size_t column = text_column(text);
    bool was_term = false;
    char left[LEFT_MAX];

    for (size_t i = 0; text[i]; i++) {
        const char *tab = strchr(text[i], '\t');

        if (!(tab && was_term))
            fputc('\n', out);
        was_term = tab != NULL;
        if (tab) {
            snprintf(left, sizeof left, "%.*s", (int)(tab - text[i]), text[i]);
            amble__help_row(out, left, tab + 1, column);
        } else {
            amble__help_wrap(out, text[i], 0, 0);
        }
    }
}

static void print_options(const amble__command *command, FILE *out)
{
    static const amble__option help = {.name = "--help", .letter = "-h", .about = "this text"};
    const amble__option *option;
    size_t column = 0, length;
    char left[LEFT_MAX];

    for (size_t i = 0; (option = amble__command_option(command, i)); i++)
        if ((length = strlen(option_left(option, left)) + INDENT + GAP) > column)
            column = length;
    if ((length = strlen(option_left(&help, left)) + INDENT + GAP) > column)
        column = length;
    fputc('\n', out);
    for (size_t i = 0; (option = amble__command_option(command, i)); i++)
        print_option(out, option, column);
    print_option(out, &help, column);
}

void amble__help_print_inside(const amble__command *(*inside_at)(size_t at), FILE *out)
{
    const amble__command *inside;
    size_t column = 0, length;

    for (size_t i = 0; (inside = inside_at(i)); i++)
        if ((length = strlen(inside->usage[0]) + INDENT + GAP) > column)
            column = length;
    fputs("commands:\n", out);
    for (size_t i = 0; (inside = inside_at(i)); i++)
        amble__help_row(out, inside->usage[0], inside->about, column);
}

static void print_examples(const char *const *examples, FILE *out)
{
    fputs("\nexamples:\n", out);
    for (size_t i = 0; examples[i]; i++)
        fprintf(out, "  %s\n", examples[i]);
}

static void print_exits(const amble__command *command, FILE *out)
{
    bool any = false;

    for (size_t i = 0; i < AMBLE__EXIT_CODES; i++)
        if (command->exits[i]) {
            fprintf(out, "%s%zu %s", any ? ", " : "\nExit codes: ", i, command->exits[i]);
            any = true;
        }
    if (any)
        fputs(".\n", out);
}

/* --- whole texts -------------------------------------------------------------------------------------------------- */
void amble__help_print(const amble__command *command, FILE *out)
{
    print_usage(command, out);
    print_text(command->text, out);
    print_options(command, out);
    if (command->inside) {
        fputc('\n', out);
        amble__help_print_inside(command->inside, out);
    }
    if (command->examples)
        print_examples(command->examples, out);
    print_exits(command, out);
}

void amble__help_print_all(FILE *out)
{
    const amble__command *command;
    size_t column = 0;

    for (size_t i = 0; (command = amble__cli_command(i)); i++)
        if (!command->hidden && strlen(command->name) + INDENT + GAP > column)
            column = strlen(command->name) + INDENT + GAP;
    fprintf(out, "usage: amble COMMAND [OPTIONS]\n\n%s.\n\ncommands:\n", amble__about);
    for (size_t i = 0; (command = amble__cli_command(i)); i++)
        if (!command->hidden)
            amble__help_row(out, command->name, command->about, column);
    fputs("\nwhat -t takes:\n", out);
    for (size_t i = 0; amble__transports[i]; i++) {
        const char *tab = strchr(amble__transports[i], '\t');
        char left[LEFT_MAX];

        snprintf(left, sizeof left, "%.*s", (int)(tab - amble__transports[i]), amble__transports[i]);
        amble__help_row(out, left, tab + 1, text_column(amble__transports));
    }
    print_examples(amble__examples, out);
    fputs("\n`amble COMMAND --help` says more about each, so do the pages amble(1) and amble-COMMAND(1).\n", out);
}
