/* Reading lines (lines.h). A last line without a newline is one, too. */
#include "cli/lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "amble/error.h"
#include "amble/task.h"

/* Reads behind what is there: 0, also at the end of the file, or an error. */
static int fill(amble__lines *lines)
{
    ssize_t count;
    int r;

    memmove(lines->buffer, lines->buffer + lines->start, lines->end - lines->start);
    lines->end -= lines->start;
    lines->start = 0;
    if (lines->end == AMBLE__LINE_MOST)
        return AMBLE_ERR_TOO_LONG;
    r = amble_wait_fd(lines->fd, false, AMBLE_FOREVER);
    if (r < 0)
        return r;
    count = read(lines->fd, lines->buffer + lines->end, AMBLE__LINE_MOST - lines->end);
    if (count < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : AMBLE_ERR_IO;
    lines->ended = !count;
    lines->end += (size_t)count;
    return 0;
}

int amble__lines_next(amble__lines *lines, const char **line)
{
    char *newline;
    int r;

    while (!(newline = memchr(lines->buffer + lines->start, '\n', lines->end - lines->start)) && !lines->ended)
        if ((r = fill(lines)) < 0)
            return r;
    if (!newline && lines->start == lines->end)
        return 0;
    if (!newline)
        newline = lines->buffer + lines->end; /* there is room for its zero */
    *newline = '\0';
    *line = lines->buffer + lines->start;
    if (newline > *line && newline[-1] == '\r')
        newline[-1] = '\0'; /* of a file from Windows */
    lines->start = (size_t)(newline - lines->buffer) + (newline != lines->buffer + lines->end);
    lines->number++;
    return 1;
}
