/* A line that a person types on a terminal: editing, history, completion, by libedit where the build has it.
 *
 * While it is waited for other tasks run. Whoever prints then hides the line first and shows it afterwards. */
#ifndef AMBLE_CLI_EDIT_H
#define AMBLE_CLI_EDIT_H
#include <stdbool.h>
#include <stddef.h>

typedef struct amble__edit amble__edit;

/* What may stand for the word before the cursor. */
enum { AMBLE__OFFERS_MOST = 2048 };
typedef struct {
    const char *prefix; /* the word as far as it is typed */
    char *names[AMBLE__OFFERS_MOST];
    size_t count;
} amble__offers;
/* Takes a copy of the name if it begins with the prefix, capitals or not, and is not there yet. */
void amble__offers_add(amble__offers *offers, const char *name);
void amble__offers_clear(amble__offers *offers);

typedef struct {
    const char *(*prompt)(void *user); /* in front of "> " */
    /* Adds what may stand where `length` bytes of `line` end. `offers->prefix` is set. */
    void (*complete)(void *user, const char *line, size_t length, amble__offers *offers);
    void *user;
} amble__edit_options;

/* Opens the editor on standard input and output, which are a terminal. Not on a task: the terminal's description is
 * read onto the stack, and is large. `history` is a file that keeps the lines from one time to the next, NULL: none.
 * Returns NULL when there is no memory or this build cannot. */
amble__edit *amble__edit_open(const char *history);
/* Closes it and writes the history. */
void amble__edit_close(amble__edit *edit);

/* Waits for a line: 1 and the line without its newline, valid until the next call; 0 at the end, which is Ctrl-D in an
 * empty line; CANCELLED. Ctrl-C gives an empty line. The line is added to the history. */
int amble__edit_next(amble__edit *edit, const amble__edit_options *options, const char **line);
/* Takes the line off the terminal to print something, puts it back. Nothing happens while no line is waited for, and
 * with NULL. */
void amble__edit_hide(amble__edit *edit);
void amble__edit_show(amble__edit *edit);
#endif
