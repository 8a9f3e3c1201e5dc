/* The sink of log lines. Invariant: nothing is formatted for a level that is off; a line never exceeds LINE_SIZE. */
#include "core/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/per_thread.h"

enum { LINE_SIZE = 256 };

static AMBLE__PER_THREAD int enabled_level = AMBLE_LOG_WARNING;
static AMBLE__PER_THREAD void (*current_sink)(void *user, int level, const char *line);
static AMBLE__PER_THREAD void *sink_user;
#if defined(__unix__) || defined(__APPLE__)
static AMBLE__PER_THREAD char told[LINE_SIZE]; /* what went to standard error last */
#endif

void amble_log_level(int level) { enabled_level = level; }

void amble_log_to(void (*sink)(void *user, int level, const char *line), void *user)
{
    current_sink = sink;
    sink_user = user;
}

int amble__log_enabled(void) { return enabled_level; }

void amble__log_line(int level, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments); /* a longer line is cut, which is all one can do */
    va_end(arguments);
    if (current_sink) {
        current_sink(sink_user, level, line);
        return;
    }
#if defined(__unix__) || defined(__APPLE__)
    (void)fprintf(stderr, "amble: %s\n", line); /* nobody is left to tell */
    memcpy(told, line, strlen(line) + 1);
#endif
}

#if defined(__unix__) || defined(__APPLE__)
bool amble__log_told(const char *sentence) { return *told && strncmp(told, sentence, LINE_SIZE - 1) == 0; }
#endif
