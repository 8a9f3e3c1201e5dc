/* Lines taken apart, read from a pipe, and completed. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "amble/error.h"
#include "amble/task.h"
#include "cli/lines.h"
#include "cli/options.h"
#include "cli/shell.h"
#include "cli/words.h"

static amble__words words;

/* The words of a line, joined by "|". */
static const char *split(const char *line)
{
    static char joined[8192];
    size_t used = 0;

    amble__words_split(&words, line, strlen(line));
    joined[0] = 0;
    for (int i = 0; i < words.argc; i++)
        used += (size_t)snprintf(joined + used, sizeof joined - used, "%s%s", i ? "|" : "", words.argv[i]);
    assert_null(words.argv[words.argc]);
    return joined;
}

static void test_words(void **state)
{
    (void)state;
    assert_string_equal(split(""), "");
    assert_true(words.ended && !words.argc);
    assert_string_equal(split("  read\t2A19  "), "read|2A19");
    assert_true(words.ended && !words.open);
    assert_string_equal(split("write x 'two words' \"it's\" a\\ b '' \\#"), "write|x|two words|it's|a b||#");
    assert_false(words.ended);
    assert_string_equal(split("a'b'\"c\"d # e"), "abcd");
    assert_string_equal(split("a#b"), "a#b");
    assert_string_equal(split("'\\' \"\\\"\""), "\\|\"");
    assert_string_equal(split("connect 'My La"), "connect|My La");
    assert_true(words.open && words.last == 8);
    assert_string_equal(split("end\\"), "end\\");
}

static void test_too_much(void **state)
{
    char line[2 * AMBLE__WORDS_MOST + 8], *end = line, *long_line = malloc(AMBLE__LINE_MOST + 100);

    (void)state;
    for (int i = 0; i <= AMBLE__WORDS_MOST; i++)
        end += sprintf(end, "x ");
    split(line);
    assert_true(words.too_many && words.argc == AMBLE__WORDS_MOST);
    memset(long_line, 'y', AMBLE__LINE_MOST + 99);
    amble__words_split(&words, long_line, AMBLE__LINE_MOST + 99);
    assert_int_equal(strlen(words.argv[0]), AMBLE__LINE_MOST);
    free(long_line);
}

static void test_quoting_is_undone(void **state)
{
    static const char *const names[] = {"plain", "My Lamp", "#1", "it's \"x\"", "a\\b\tc"};
    char quoted[64];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_string_equal(split(amble__words_quote(names[i], quoted, sizeof quoted)), names[i]);
        assert_int_equal(words.argc, 1);
    }
    assert_string_equal(amble__words_quote("a b", quoted, 3), "a"); /* never half of an escape */
}

/* --- lines -------------------------------------------------------------------------------------------------------- */
static int writer_fd;

static int write_slowly(void *arg)
{
    const char *const *pieces = arg;

    for (; *pieces; pieces++) {
        assert_int_equal(write(writer_fd, *pieces, strlen(*pieces)), strlen(*pieces));
        assert_int_equal(amble_sleep_ms(1), 0);
    }
    return close(writer_fd);
}

static int read_lines(void *arg)
{
    static const char *const pieces[] = {"fir", "st\n\nthi", "rd\nlast", NULL};
    static const char *const expected[] = {"first", "", "third", "last"};
    static amble__lines lines;
    amble_scope scope;
    const char *line;
    int fds[2];

    (void)arg;
    assert_int_equal(pipe(fds), 0);
    writer_fd = fds[1];
    amble_scope_open(&scope);
    amble_spawn(&scope, write_slowly, (void *)(uintptr_t)pieces);
    amble__lines_init(&lines, fds[0]);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(amble__lines_next(&lines, &line), 1);
        assert_string_equal(line, expected[i]);
        assert_int_equal(lines.number, i + 1);
    }
    assert_int_equal(amble__lines_next(&lines, &line), 0);
    assert_int_equal(amble__lines_next(&lines, &line), 0);
    amble_scope_close(&scope);
    return close(fds[0]);
}

static int read_long_lines(void *arg)
{
    static char text[AMBLE__LINE_MOST + 1];
    static amble__lines lines;
    const char *line;
    int fds[2];

    (void)arg;
    assert_int_equal(pipe(fds), 0);
    memset(text, 'x', sizeof text);
    text[AMBLE__LINE_MOST - 1] = '\n'; /* one that just fits, one that does not */
    assert_int_equal(write(fds[1], text, AMBLE__LINE_MOST), AMBLE__LINE_MOST);
    text[AMBLE__LINE_MOST - 1] = 'x';
    assert_int_equal(write(fds[1], text, sizeof text), sizeof text);
    amble__lines_init(&lines, fds[0]);
    assert_int_equal(amble__lines_next(&lines, &line), 1);
    assert_int_equal(strlen(line), AMBLE__LINE_MOST - 1);
    assert_int_equal(amble__lines_next(&lines, &line), AMBLE_ERR_TOO_LONG);
    assert_int_equal(close(fds[1]), 0);
    return close(fds[0]);
}

static void test_lines(void **state)
{
    (void)state;
    assert_int_equal(amble_run(NULL, read_lines, NULL), 0);
    assert_int_equal(amble_run(NULL, read_long_lines, NULL), 0);
}

/* --- completion --------------------------------------------------------------------------------------------------- */
static amble__shell *session;

/* What is offered at the end of a line, joined by "|". */
static const char *offered(const char *line)
{
    static amble__offers offers;
    static char joined[65536];
    size_t used = 0;

    amble__words_split(&words, line, strlen(line));
    offers.prefix = words.ended ? "" : words.argv[words.argc - 1];
    amble__shell_complete(session, line, strlen(line), &offers);
    joined[0] = 0;
    for (size_t i = 0; i < offers.count; i++)
        used += (size_t)snprintf(joined + used, sizeof joined - used, "%s%s", i ? "|" : "", offers.names[i]);
    amble__offers_clear(&offers);
    return joined;
}

static void test_completion(void **state)
{
    static const uint8_t name[] = {8, 0x09, 'M', 'y', ' ', 'L', 'a', 'm', 'p'};
    const amble_uuid own = AMBLE_UUID128("b0000001-1111-4222-8333-444455556666");
    amble_remote_characteristic c = {.uuid = AMBLE_UUID16(0x2A19), .value_handle = 3};
    amble_scan_result result = {.data = name, .size = sizeof name, .response_at = sizeof name};
    bool is_new;

    (void)state;
    session = calloc(1, sizeof *session);
    assert_non_null(session);
    assert_string_equal(offered("sc"), "scan");
    assert_string_equal(offered("conn"), "connect|connections");
    assert_string_equal(offered("scan --a"), "--active");
    assert_string_equal(offered("read x --format f"), "f32le|f64le|f32be");
    assert_string_equal(offered("scan --service battery_"), "battery_service");
    assert_string_equal(offered("read battery_le"), "battery_level|battery_level_state|battery_level_status");
    assert_string_equal(offered("read x y"), "");
    assert_string_equal(offered("nonsense "), "");
    assert_string_equal(offered("connect "), "");
    assert_int_equal(amble_device_parse(&result.device, "C0:11:22:33:44:55/r"), 0);
    amble__seen_add(&session->seen, &result, &is_new);
    assert_string_equal(offered("connect "), "C0:11:22:33:44:55/r|My Lamp");
    assert_string_equal(offered("connect c0"), "C0:11:22:33:44:55/r");
    assert_string_equal(offered("connect 'My"), "My Lamp");
    assert_string_equal(offered("help unsub"), "unsubscribe");
    session->current = &session->links[0];
    amble__shell_remember(session->current, NULL, &c);
    c.value_handle = 5;
    c.uuid = own;
    amble__shell_remember(session->current, NULL, &c);
    assert_string_equal(offered("read "), "battery_level|B0000001-1111-4222-8333-444455556666");
    assert_string_equal(offered("subscribe --count 3 bat"), "battery_level");
    free(session);
}

/* --- tables ------------------------------------------------------------------------------------------------------- */
static void test_commands(void **state)
{
    const amble__shell_command *command;

    (void)state;
    for (size_t i = 0; (command = amble__shell_command_at(i)); i++) {
        const amble__command *c = &command->command;

        assert_true(c->name && c->about && c->usage[0] && c->text[0] && c->in_shell && command->run);
        assert_int_equal(strncmp(c->usage[0], c->name, strlen(c->name)), 0);
        assert_ptr_equal(amble__shell_command_find(c->name), command);
        if (i)
            assert_true(strcmp(amble__shell_inside(i - 1)->name, c->name) < 0);
        for (size_t k = 0; k < c->words_most; k++)
            assert_non_null(c->words[k].name);
    }
    assert_null(amble__shell_command_find("nonsense"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words), cmocka_unit_test(test_too_much),   cmocka_unit_test(test_quoting_is_undone),
        cmocka_unit_test(test_lines), cmocka_unit_test(test_completion), cmocka_unit_test(test_commands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
