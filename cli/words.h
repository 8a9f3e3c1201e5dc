/* Lines of `amble shell`, taken apart into words. Blanks separate words; '...' and "..." hold a word with blanks
 * together, a backslash takes away the meaning of the character behind it (not inside of '...'); a # that begins a word
 * begins a comment. */
#ifndef AMBLE_CLI_WORDS_H
#define AMBLE_CLI_WORDS_H
#include <stdbool.h>
#include <stddef.h>

enum { AMBLE__WORDS_MOST = 32, AMBLE__LINE_MOST = 4095 };

typedef struct {
    char *argv[AMBLE__WORDS_MOST + 1]; /* into `text`; a NULL ends them */
    int argc;
    bool too_many, open; /* more words than have room; a quote that is never closed */
    bool ended;          /* a blank, or nothing at all, is in front of what would be typed next */
    size_t last;         /* where in the line the last word begins, with its quotes */
    char text[AMBLE__LINE_MOST + 1];
} amble__words;

/* Takes `length` bytes of a line apart; what is longer than a line may be is cut. */
void amble__words_split(amble__words *words, const char *line, size_t length);
/* The word as it has to be typed: with backslashes where they are needed. Returns `out`, cut to `room`. */
const char *amble__words_quote(const char *word, char *out, size_t room);
#endif
