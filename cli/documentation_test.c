/* Help, manual pages and completion say what the tables say, and the tables are whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/cli.h"
#include "cli/documentation.h"
#include "cli/options.h"

/* Runs `print` into memory; the caller frees. */
static char *printed(void (*print)(const amble__command *command, FILE *out), const amble__command *command)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    print(command, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void completion(const amble__command *command, FILE *out)
{
    (void)command;
    amble__completion_print(out);
}

static void must_have(const char *text, const char *part, const char *where)
{
    if (!strstr(text, part))
        fail_msg("%s is missing in %s:\n%s", part, where, text);
}

/* "--no-name" as roff has it: "\-\-no\-name". */
static const char *in_roff(const char *name, char *out)
{
    char *at = out;

    for (; *name; name++) {
        if (*name == '-')
            *at++ = '\\';
        *at++ = *name;
    }
    *at = 0;
    return out;
}

static void test_every_option_is_everywhere(void **state)
{
    char *bash = printed(completion, NULL), name[64], pattern[96];
    const amble__command *command;
    const amble__option *option;

    (void)state;
    for (size_t i = 0; (command = amble__cli_command(i)); i++) {
        char *help = printed(amble__help_print, command), *man = printed(amble__manual_print, command);

        for (size_t k = 0; (option = amble__command_option(command, k)); k++) {
            must_have(help, option->letter ? option->letter : option->name, "the help");
            must_have(man, in_roff(option->name, name), "the manual page");
            snprintf(pattern, sizeof pattern, "'%s %s'", command->name, option->name);
            must_have(bash, option->value ? pattern : option->name, "the completion");
        }
        must_have(help, "examples:", "the help");
        must_have(man, ".SH EXAMPLES", "the manual page");
        free(help);
        free(man);
    }
    free(bash);
}

/* What the parser does with a row that has no place, no sentence or no refusal would be wrong or a crash. */
static void test_tables_are_whole(void **state)
{
    const amble__command *command;
    const amble__option *option;

    (void)state;
    for (size_t i = 0; (command = amble__cli_command(i)); i++) {
        assert_true(command->name && command->about && command->usage && command->text && command->examples);
        assert_non_null(command->run);
        assert_true(command->exits[0] && command->exits[2]);
        assert_true(!command->has_controller || command->exits[3]);
        if (i)
            assert_true(strcmp(amble__cli_command(i - 1)->name, command->name) < 0);
        for (size_t k = 0; (option = amble__command_option(command, k)); k++) {
            assert_true(!strncmp(option->name, "--", 2) && option->about);
            assert_int_not_equal(option->about[strlen(option->about) - 1], '.');
            if (k < command->option_count)
                assert_true(!option->value == !option->take);
            assert_true(!option->value || option->choices || option->expected);
        }
        for (size_t k = 0; k < command->words_least; k++)
            assert_non_null(command->words[k].name);
        assert_true(!command->words_most || command->words[0].name);
    }
}

/* One command of an example, split at blanks outside of quotes. Returns argc. */
static int split(char *line, char **argv, int most)
{
    int argc = 0;

    while (*line && argc < most) {
        const char *end = *line == '"' ? "\"" : " ";

        if (*line == '"')
            line++;
        argv[argc++] = line;
        line += strcspn(line, end);
        if (*line)
            *line++ = 0;
        line += strspn(line, " ");
    }
    return argc;
}

static void take_example(const char *line)
{
    static _Alignas(max_align_t) char options[4096];
    char text[256], *argv[32];
    const amble__command *command;
    int argc;

    snprintf(text, sizeof text, "%s", line);
    text[strcspn(text, "|;>&")] = 0;
    argc = split(text, argv, 32);
    if (argc < 2 || strcmp(argv[0], "amble") != 0)
        return; /* another program */
    for (size_t i = 0; (command = amble__cli_command(i)); i++) {
        if (strcmp(argv[1], command->name) != 0)
            continue;
        memset(options, 0, sizeof options);
        if (amble__options_take(command, argc - 1, argv + 1, options) != 0)
            fail_msg("refused: %s", line);
        return;
    }
    fail_msg("there is no such command: %s", line);
}

static void test_examples_are_taken(void **state)
{
    const amble__command *command;

    (void)state;
    for (size_t k = 0; amble__examples[k]; k++)
        take_example(amble__examples[k]);
    for (size_t i = 0; (command = amble__cli_command(i)); i++)
        for (size_t k = 0; command->examples[k]; k++)
            take_example(command->examples[k]);
}

static void test_help_is_in_lines(void **state)
{
    const amble__command *command;

    (void)state;
    for (size_t i = 0; (command = amble__cli_command(i)); i++) {
        char *help = printed(amble__help_print, command);

        for (char *line = strtok(help, "\n"); line; line = strtok(NULL, "\n"))
            if (strlen(line) > 112) /* an example may be long */
                fail_msg("a long line: %s", line);
        free(help);
    }
}

static void print_odd(const amble__command *command, FILE *out) { amble__manual_print(command, out); }

static void test_roff_obeys_nothing(void **state)
{
    static const char *const usage[] = {"odd", NULL}, *const text[] = {".so /etc/passwd", "'br a\\b", NULL},
                             *const examples[] = {".ex", NULL};
    const amble__command odd = {.name = "odd", .about = "'is odd", .usage = usage, .text = text, .examples = examples};
    char *man = printed(print_odd, &odd);

    (void)state;
    must_have(man, "\\&.so /etc/passwd\n", "the page");
    must_have(man, "\\&'br a\\eb\n", "the page");
    must_have(man, "\\&.ex\n", "the page");
    must_have(man, "amble\\-odd", "the page");
    free(man);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_option_is_everywhere), cmocka_unit_test(test_tables_are_whole),
        cmocka_unit_test(test_examples_are_taken),         cmocka_unit_test(test_help_is_in_lines),
        cmocka_unit_test(test_roff_obeys_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
