/* Log lines and trace points.
 *
 * A log line is a sentence for people; it goes to standard error, or wherever amble__log_to says, when its level is
 * enabled. A trace point is data for tools and tests (see trace.h). Both are cheap when nobody listens: the level is
 * compared before anything is formatted. Building with AMBLE__NO_LOG removes every line. The level and the sink are
 * the only settings that belong to a thread and not to an object: like standard error itself, they are where a
 * program's threads each look. */
#ifndef AMBLE_CORE_LOG_H
#define AMBLE_CORE_LOG_H
#include <stdbool.h>

#include <amble/log.h>

#define AMBLE__LOG_ERROR   AMBLE_LOG_ERROR
#define AMBLE__LOG_WARNING AMBLE_LOG_WARNING
#define AMBLE__LOG_INFO    AMBLE_LOG_INFO
#define AMBLE__LOG_DEBUG   AMBLE_LOG_DEBUG

#if defined(__GNUC__)
#define AMBLE__PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define AMBLE__PRINTF(text, first)
#endif

#ifdef AMBLE__NO_LOG
#define amble__log(level, ...) ((void)(level))
#else
#define amble__log(level, ...) ((level) <= amble__log_enabled() ? amble__log_line((level), __VA_ARGS__) : (void)0)
#endif
int amble__log_enabled(void);
void amble__log_line(int level, const char *format, ...) AMBLE__PRINTF(2, 3);
/* Whether the last line that went to standard error was this sentence: for who would say it once more. Not on bare
 * boards. */
bool amble__log_told(const char *sentence);
#endif
