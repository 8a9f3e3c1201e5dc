/* Options as they are typed, and names as they are looked up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "amble/error.h"
#include "cli/numbers.h"
#include "cli/options.h"
#include "cli/output.h"

typedef struct {
    const char *words[2], *name, *only;
    int ms;
    int8_t rssi;
    amble_uuid service;
    bool json;
} taken;

static const amble__option option_table[] = {
    {.name = "--name",
     .value = "N",
     .about = "a name",
     .expected = "a name",
     .take = amble__take_text,
     .field = offsetof(taken, name)},
    {.name = "--seconds",
     .value = "N",
     .about = "seconds",
     .expected = "seconds",
     .take = amble__take_seconds,
     .field = offsetof(taken, ms)},
    {.name = "--rssi",
     .letter = "-r",
     .value = "N",
     .about = "a number",
     .expected = "a number",
     .take = amble__take_rssi,
     .field = offsetof(taken, rssi)},
    {.name = "--service",
     .value = "U",
     .about = "a service",
     .expected = "a service",
     .take = amble__take_service,
     .field = offsetof(taken, service)},
    {.name = "--only",
     .value = "COLOUR",
     .about = "a colour",
     .choices = "red green dark_green",
     .take = amble__take_text,
     .field = offsetof(taken, only)},
    {.name = "--json", .about = "a flag", .field = offsetof(taken, json)},
};

static const char *const help_usage[] = {"test WORD", NULL}, *const help_text[] = {"Nothing.", NULL};
static const amble__command command = {.name = "test",
                                       .about = "tests",
                                       .usage = help_usage,
                                       .text = help_text,
                                       .options = option_table,
                                       .option_count = sizeof option_table / sizeof *option_table,
                                       .words = {{.name = "WORD"}},
                                       .words_least = 1,
                                       .words_most = 2,
                                       .words_field = offsetof(taken, words),
                                       .has_controller = true};

/* Takes a line of arguments that are separated by single blanks. */
static int take(taken *t, const char *line)
{
    static char text[256];
    char *argv[16] = {text};
    int argc = 1;
    *t = (taken){.ms = 0};
    strncpy(text, line, sizeof text - 1);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    return amble__options_take(&command, argc, argv, t);
}

static void takes_options_and_words(void **state)
{
    const amble_uuid battery = AMBLE_UUID16(0x180F);
    taken t;

    (void)state;
    assert_int_equal(take(&t, "one --name=x --seconds 0.5 -t air:desk --rssi -70 --json two --service battery_service"),
                     0);
    assert_string_equal(t.words[0], "one");
    assert_string_equal(t.words[1], "two");
    assert_string_equal(t.name, "x");
    assert_int_equal(t.ms, 500);
    assert_int_equal(t.rssi, -70);
    assert_true(t.json);
    assert_true(amble_uuid_equal(&t.service, &battery));
    assert_int_equal(take(&t, "one -r -3 --only dark_green --capture=x --log debug"), 0);
    assert_int_equal(t.rssi, -3);
    assert_string_equal(t.only, "dark_green");
    assert_int_equal(take(&t, "-5 -- --json"), 0);
    assert_string_equal(t.words[0], "-5");
    assert_string_equal(t.words[1], "--json");
    assert_int_equal(take(&t, "--help"), 1);
}

static void refuses_what_makes_no_sense(void **state)
{
    static const char *const lines[] = {"",
                                        "one two three",
                                        "one --seconds",
                                        "one --seconds -1",
                                        "one --seconds nan",
                                        "one --rssi 5",
                                        "one --rssi -0",
                                        "one --service xyz",
                                        "one --json=1",
                                        "one --nothing",
                                        "one --only dark",
                                        "one --only red_green",
                                        "one -t",
                                        "one --log loud",
                                        "one --seconds 1e9",
                                        "one --name="};
    taken t;

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (take(&t, lines[i]) != AMBLE_ERR_USAGE)
            fail_msg("taken: %s", lines[i]);
}

static void finds_names(void **state)
{
    const amble_uuid long_form = AMBLE_UUID128("0000180d-0000-1000-8000-00805f9b34fb");
    const amble_uuid nordic = AMBLE_UUID128("6e400001-b5a3-f393-e0a9-e50e24dcca9e");
    amble_uuid uuid;

    (void)state;
    assert_string_equal(amble__uuid_name(AMBLE__NUMBER_SERVICE, &long_form), "Heart Rate");
    assert_string_equal(amble__uuid_name(AMBLE__NUMBER_SERVICE, &nordic), "Nordic UART Service");
    assert_null(amble__uuid_name(AMBLE__NUMBER_UNIT, &nordic));
    assert_string_equal(amble__number_name(AMBLE__NUMBER_COMPANY, 0x004c), "Apple, Inc.");
    assert_string_equal(amble__number_name(AMBLE__NUMBER_APPEARANCE, 0x0300), "Thermometer");
    assert_string_equal(amble__number_name(AMBLE__NUMBER_APPEARANCE, 0x033f), "Thermometer"); /* its category */
    assert_true(amble__uuid_from_name(AMBLE__NUMBER_CHARACTERISTIC, "battery-level", &uuid));
    assert_int_equal(amble__uuid_number(&uuid), 0x2a19);
    assert_false(amble__uuid_from_name(AMBLE__NUMBER_CHARACTERISTIC, "battery", &uuid));
    assert_true(amble__name_contains("Heart Rate Measurement", "rate MEAS"));
    assert_false(amble__name_contains("Heart Rate", "heart rates"));
}

static void numbers_are_sorted(void **state)
{
    amble__number row, last = {.kind = AMBLE__NUMBER_KINDS};

    (void)state;
    for (size_t at = 0; amble__number_next(&at, &row) && !row.long_uuid; last = row)
        assert_true((row.kind != last.kind || row.number > last.number) && row.number <= UINT16_MAX);
}

static void reads_passkeys(void **state)
{
    static const char *const wrong[] = {"", "1234567", "0000001", "0x1f", "-1", " 1", "12a"};
    uint32_t passkey = 7;

    (void)state;
    assert_true(amble__parse_passkey("012345", &passkey));
    assert_int_equal(passkey, 12345); /* decimal */
    assert_true(amble__parse_passkey("999999", &passkey));
    assert_true(amble__parse_passkey("0", &passkey));
    assert_int_equal(passkey, 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(amble__parse_passkey(wrong[i], &passkey));
}

#define REPLACED "\xef\xbf\xbd"

static void cleans_text(void **state)
{
    char out[32];

    (void)state;
    assert_string_equal(amble__clean(out, sizeof out, "a\x1b[2J\xff", 6), "a\xef\xbf\xbd[2J\xef\xbf\xbd");
    assert_string_equal(amble__clean(out, sizeof out, "\xc2\x9b", 2), "\xef\xbf\xbd\xef\xbf\xbd"); /* C1: CSI */
    assert_string_equal(amble__clean(out, sizeof out, "\xe2\x80\xae!", 4),
                        REPLACED REPLACED REPLACED "!");                             /* right to left */
    assert_false(amble__is_text("\xe2\x81\xa6", 3));                                 /* an isolate */
    assert_false(amble__is_text("\xe2\x80\xa8", 3));                                 /* a line separator */
    assert_false(amble__is_text("\xd8\x9c", 2));                                     /* an Arabic letter mark */
    assert_true(amble__is_text("\xe2\x80\x9c\xe2\x80\x8d\xe2\x81\xa0\xd8\x9b", 11)); /* their neighbours */
    assert_string_equal(amble__clean(out, 4, "gr\xc3\xbc", 4), "gr");                /* never half a character */
    assert_true(amble__is_text("gr\xc3\xbc", 4));
    assert_false(amble__is_text("gr\xc3", 3));
    assert_false(amble__is_text("", 0));
    assert_false(amble__is_text("\xed\xa0\x80", 3)); /* a surrogate */
    assert_string_equal(amble__hex(out, 6, "\x01\xab\xcd", 3), "01AB");
}

/* What amble__print_column prints of a text. */
static const char *in_columns(const char *text, int columns)
{
    static char printed[64];
    FILE *file = tmpfile();
    const int out = dup(STDOUT_FILENO);

    assert_non_null(file);
    (void)fflush(stdout);
    assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
    amble__print_column(text, columns);
    (void)fflush(stdout);
    assert_true(dup2(out, STDOUT_FILENO) >= 0);
    rewind(file);
    printed[fread(printed, 1, sizeof printed - 1, file)] = '\0';
    (void)close(out);
    (void)fclose(file);
    return printed;
}

static void fills_columns(void **state)
{
    (void)state;
    assert_string_equal(in_columns("abc", 5), "abc  ");
    assert_string_equal(in_columns("abc", 2), "ab");
    assert_string_equal(in_columns("abc", 0), "");
    assert_string_equal(in_columns("\xe6\xb8\xa9\xe5\xba\xa6", 5), "\xe6\xb8\xa9\xe5\xba\xa6 "); /* two columns each */
    assert_string_equal(in_columns("\xe6\xb8\xa9\xe5\xba\xa6", 3), "\xe6\xb8\xa9 ");             /* never half a one */
    assert_string_equal(in_columns("\xf0\x9f\x98\x80x", 3), "\xf0\x9f\x98\x80x");
    assert_string_equal(in_columns("e\xcc\x81x", 3), "e\xcc\x81x "); /* an accent of its own: none */
    assert_string_equal(in_columns("xe\xcc\x81", 2), "xe\xcc\x81");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_options_and_words),
        cmocka_unit_test(refuses_what_makes_no_sense),
        cmocka_unit_test(finds_names),
        cmocka_unit_test(numbers_are_sorted),
        cmocka_unit_test(reads_passkeys),
        cmocka_unit_test(cleans_text),
        cmocka_unit_test(fills_columns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
