/* What the tests of this room share: a run in virtual or real time, a record of who ran when, a size taken from the
 * environment (AMBLE_TEST_TASKS, smaller under Valgrind), and a child process whose last words are read. */
#ifndef AMBLE_TASK_TESTING_H
#define AMBLE_TASK_TESTING_H
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "amble/log.h"
#include "amble/task.h"
#include "task/scheduler.h"

static inline int run_virtual(int (*task)(void *arg), void *arg)
{
    return amble_run(&(amble_run_options){.virtual_time = true}, task, arg);
}

/* How many tasks (or rounds) a test of many uses. */
static inline unsigned test_tasks(void)
{
    const char *text = getenv("AMBLE_TEST_TASKS");

    return text ? (unsigned)strtoul(text, NULL, 10) : 10000;
}

/* --- who ran when: each step of a test adds a word
 * -------------------------------------------------------------------- */
static char trace_text[4096];

static inline void trace_clear(void) { trace_text[0] = '\0'; }
static inline void trace(const char *word) { strncat(trace_text, word, sizeof trace_text - strlen(trace_text) - 1); }

/* --- log lines ---------------------------------------------------------------------------------------------------- */
static char last_log_line[256];
static unsigned log_lines;

static inline void keep_log_line(void *user, int level, const char *line)
{
    (void)user, (void)level;
    (void)snprintf(last_log_line, sizeof last_log_line, "%s", line);
    log_lines++;
}

/* From now on lines up to `level` are counted and the last one is kept. */
static inline void watch_log(int level)
{
    last_log_line[0] = '\0';
    log_lines = 0;
    amble_log_level(level);
    amble_log_to(keep_log_line, NULL);
}

static inline void unwatch_log(void)
{
    amble_log_to(NULL, NULL);
    amble_log_level(AMBLE_LOG_WARNING);
}

/* --- programs that die -------------------------------------------------------------------------------------------- */
/* Runs `function` in a child process and returns its wait status; what it wrote to standard error goes to `said`. */
static inline int in_child(void (*function)(void), char *said, size_t size)
{
    size_t used = 0;
    ssize_t got;
    int ends[2], status;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        (void)signal(SIGSEGV, SIG_DFL); /* cmocka has a handler */
        (void)signal(SIGBUS, SIG_DFL);
        function();
        _exit(0);
    }
    close(ends[1]);
    while ((got = read(ends[0], said + used, size - 1 - used)) > 0)
        used += (size_t)got;
    said[used] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}
#endif
