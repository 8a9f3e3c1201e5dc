/* Lines from a file, a pipe or a terminal, read without keeping other tasks from running. */
#ifndef AMBLE_CLI_LINES_H
#define AMBLE_CLI_LINES_H
#include <stdbool.h>
#include <stddef.h>

#include "cli/words.h"

typedef struct {
    int fd;            /* the caller's */
    unsigned number;   /* of the line that was taken last */
    size_t start, end; /* what was read, and not taken yet */
    bool ended;
    char buffer[AMBLE__LINE_MOST + 1];
} amble__lines;

static inline void amble__lines_init(amble__lines *lines, int fd) { *lines = (amble__lines){.fd = fd}; }
/* The next line without its newline: 1, or 0 at the end. A view, valid until the next call. Errors: AMBLE_ERR_TOO_LONG,
 * AMBLE_ERR_IO, CANCELLED. */
int amble__lines_next(amble__lines *lines, const char **line);
#endif
