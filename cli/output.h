/* What the tool prints: clean text, colours where they help, JSON objects one a line.
 *
 * Text that comes from a peer passes amble__clean before it goes anywhere: it may hold bytes that are no UTF-8, or that
 * a terminal obeys. */
#ifndef AMBLE_CLI_OUTPUT_H
#define AMBLE_CLI_OUTPUT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "amble/uuid.h"

typedef enum {
    AMBLE__PLAIN, /* back from any colour */
    AMBLE__BOLD,
    AMBLE__DIM,
    AMBLE__RED,
    AMBLE__GREEN,
    AMBLE__YELLOW,
    AMBLE__BLUE,
    AMBLE__COLOURS
} amble__colour;

bool amble__output_is_terminal(void);
/* The sequence that begins a colour; "" when standard output is no terminal, NO_COLOR is set, or TERM is dumb. */
const char *amble__paint(amble__colour colour);
/* Columns and rows of the terminal, 80 and 24 where it does not say. */
void amble__output_size(int *columns, int *rows);

/* UTF-8 without control characters and marks of direction, cut to `size` with its closing zero; U+FFFD stands for what
 * is none. Returns `out`. */
const char *amble__clean(char *out, size_t size, const void *bytes, size_t count);
/* Whether these bytes are text that can be shown as it is: not empty, UTF-8, no control characters. */
bool amble__is_text(const void *bytes, size_t count);
/* Prints clean text in exactly so many columns of a terminal: cut, or filled with blanks. */
void amble__print_column(const char *text, int columns);
/* Two capital digits per byte, cut to `size`. Returns `out`. */
const char *amble__hex(char *out, size_t size, const void *bytes, size_t count);

/* Ends a line: flushes, and when nobody reads it any more, or the disk is full, ends the program as Ctrl-C does, with
 * its links. */
void amble__output_flush(void);
/* Whether that has happened. */
bool amble__output_is_gone(void);
/* At the end of the program: false, after a sentence, when not all that was printed could be written; a reader who had
 * enough does not count. */
bool amble__output_end(void);
/* Prints the object in one line, frees it, flushes. NULL: out of memory, printed as a line on standard error. */
void amble__output_json(cJSON *object);
/* Adds "KEY": "2A19", and "KEY_name" when the name is not NULL. */
void amble__json_uuid(cJSON *object, const char *key, const amble_uuid *uuid, const char *name);
/* Adds bytes as hexadecimal digits. */
void amble__json_bytes(cJSON *object, const char *key, const void *bytes, size_t count);
#endif
