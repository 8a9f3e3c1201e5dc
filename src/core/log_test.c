/* Tests of log lines: levels, the sink, standard error, lines that are too long, and threads that do not share their
 * settings. */
#include "core/log.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char line[1024];
static int lines, level_seen;
static void *user_seen;

static void keep(void *user, int level, const char *text)
{
    (void)snprintf(line, sizeof line, "%s", text);
    lines++;
    level_seen = level;
    user_seen = user;
}

static int begin(void **state)
{
    (void)state;
    lines = 0;
    line[0] = '\0';
    amble_log_to(keep, &lines);
    return 0;
}

static int end(void **state)
{
    (void)state;
    amble_log_to(NULL, NULL);
    amble_log_level(AMBLE_LOG_WARNING);
    return 0;
}

static int formatted;
static int format_argument(void) { return ++formatted; }

static void only_enabled_levels_are_written(void **state)
{
    (void)state;
    formatted = 0;
    amble__log(AMBLE__LOG_INFO, "%d", format_argument()); /* the level at the start is warning */
    assert_int_equal(lines, 0);
    assert_int_equal(formatted, 0); /* nothing is computed for a line that is off */
    amble__log(AMBLE__LOG_WARNING, "link %d", 64);
    assert_int_equal(lines, 1);
    assert_string_equal(line, "link 64");
    assert_int_equal(level_seen, AMBLE_LOG_WARNING);
    assert_ptr_equal(user_seen, &lines);
    amble_log_level(AMBLE_LOG_DEBUG);
    amble__log(AMBLE__LOG_DEBUG, "%s", "all");
    assert_int_equal(lines, 2);
    amble_log_level(AMBLE_LOG_OFF);
    amble__log(AMBLE__LOG_ERROR, "%s", "none");
    assert_int_equal(lines, 2);
}

static void a_long_line_is_cut(void **state)
{
    char text[600];

    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    amble__log(AMBLE__LOG_ERROR, "%s", text);
    assert_int_equal(lines, 1);
    assert_int_equal(strlen(line), 255);
}

static void without_a_sink_it_is_standard_error(void **state)
{
    char said[64] = "";
    int ends[2], saved;
    ssize_t got;

    (void)state;
    amble_log_to(NULL, NULL);
    assert_int_equal(pipe(ends), 0);
    saved = dup(STDERR_FILENO);
    assert_true(saved >= 0 && dup2(ends[1], STDERR_FILENO) >= 0);
    amble__log(AMBLE__LOG_ERROR, "%s", "the controller is gone");
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    close(saved);
    close(ends[1]);
    got = read(ends[0], said, sizeof said - 1);
    close(ends[0]);
    assert_true(got > 0);
    assert_string_equal(said, "amble: the controller is gone\n");
    assert_true(amble__log_told("the controller is gone"));
    assert_false(amble__log_told("the controller is there"));
    assert_false(amble__log_told(""));
    assert_int_equal(lines, 0);
}

static void *another_thread(void *arg)
{
    *(int *)arg = amble__log_enabled();
    amble_log_level(AMBLE_LOG_OFF);
    return NULL;
}

static void threads_look_for_themselves(void **state)
{
    pthread_t thread;
    int theirs = -1;

    (void)state;
    amble_log_level(AMBLE_LOG_DEBUG);
    assert_int_equal(pthread_create(&thread, NULL, another_thread, &theirs), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(theirs, AMBLE_LOG_WARNING);
    assert_int_equal(amble__log_enabled(), AMBLE_LOG_DEBUG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_enabled_levels_are_written, begin, end),
        cmocka_unit_test_setup_teardown(a_long_line_is_cut, begin, end),
        cmocka_unit_test_setup_teardown(without_a_sink_it_is_standard_error, begin, end),
        cmocka_unit_test_setup_teardown(threads_look_for_themselves, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
