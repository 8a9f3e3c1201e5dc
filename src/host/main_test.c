/* amble_main in child processes: its options, what the program gets of them, exit codes, signals. */
#include <amble.h>
#include <amble/air.h>

#include "task/testing.h"

enum { ARGUMENTS = 8 };

static const char *arguments[ARGUMENTS];
static int result_of_app;

/* What the program was given, then its result. */
static int app(amble *ble, int argc, char **argv)
{
    assert_non_null(ble);
    (void)fprintf(stderr, "[");
    for (int i = 1; i < argc; i++)
        (void)fprintf(stderr, "%s%s", i > 1 ? " " : "", argv[i]);
    (void)fprintf(stderr, "]");
    return argv[argc] ? AMBLE_ERR_PROTOCOL : result_of_app;
}
static int app_that_waits(amble *ble, int argc, char **argv)
{
    (void)ble, (void)argc, (void)argv;
    (void)raise(SIGTERM);
    return amble_sleep_ms(20000);
}

/* Its controller goes while it waits. */
static int app_that_is_unplugged(amble *ble, int argc, char **argv)
{
    amble_connection *conn;

    (void)argc, (void)argv;
    if (amble_air_unplug("air:a/lamp") < 0)
        return AMBLE_ERR_PROTOCOL;
    return amble_advertise(ble, NULL, &conn, 20000);
}

static void run_with(int (*function)(amble *ble, int argc, char **argv))
{
    char *argv[ARGUMENTS + 1] = {"program"};
    int argc = 1;

    for (; arguments[argc - 1]; argc++)
        argv[argc] = strdup(arguments[argc - 1]);
    argv[argc] = NULL;
    _exit(amble_main(argc, argv, function)); /* without the sanitizer's look at what this child has not freed */
}
static void run_app(void) { run_with(app); }
static void run_app_that_waits(void) { run_with(app_that_waits); }
static void run_app_that_is_unplugged(void) { run_with(app_that_is_unplugged); }

static char said[2000];
static int exit_code_of(void (*function)(void), int result, const char *const *given)
{
    int status, i = 0;

    for (; given[i]; i++)
        arguments[i] = given[i];
    arguments[i] = NULL;
    result_of_app = result;
    status = in_child(function, said, sizeof said);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}
#define RUN(result, ...) exit_code_of(run_app, result, (const char *const[]){__VA_ARGS__, NULL})

static void options_are_taken_out(void **state)
{
    (void)state;
    assert_int_equal(unsetenv("AMBLE_TRANSPORT"), 0);
    assert_int_equal(RUN(0, "-t", "air:a", "one", "--log", "debug", "-x", "two"), 0);
    assert_non_null(strstr(said, "[one -x two]"));
    assert_int_equal(RUN(0, "--transport=air:a", "--log=off", "--capture", "/dev/null", "--transports"), 0);
    assert_non_null(strstr(said, "[--transports]"));
    assert_int_equal(setenv("AMBLE_TRANSPORT", "air:b", 1), 0);
    assert_int_equal(RUN(0, "only"), 0);
    assert_string_equal(said, "[only]");
    assert_int_equal(RUN(0, "one", "--", "--log", "-t"), 0); /* words of the program that look like options */
    assert_string_equal(said, "[one -- --log -t]");
    assert_int_equal(RUN(0, "-t", "nonsense"), 2); /* goes before the environment */
    assert_int_equal(setenv("AMBLE_TRANSPORT", "", 1), 0);
    assert_int_equal(RUN(0, "only"), 2); /* empty is as good as none */
    assert_non_null(strstr(said, "is missing"));
    assert_int_equal(unsetenv("AMBLE_TRANSPORT"), 0);
}

/* Says what it is, and what others see. */
static int app_that_hides(amble *ble, int argc, char **argv)
{
    const amble_device device = amble_own_device(ble), address = amble_own_address(ble);

    (void)argc, (void)argv;
    (void)fprintf(stderr, "%s %s", device.type == AMBLE_PUBLIC ? "public" : "static",
                  amble_device_equal(device, address) ? "itself"
                  : address.bytes[5] >> 6 == 1        ? "hidden"
                                                      : "?");
    return 0;
}
static void run_app_that_hides(void) { run_with(app_that_hides); }
#define OWN(kind) exit_code_of(run_app_that_hides, 0, (const char *const[]){"-t", "air:a", "--own-address", kind, NULL})

static void own_addresses_are_chosen(void **state)
{
    (void)state;
    assert_int_equal(OWN("public"), 0);
    assert_string_equal(said, "public itself");
    assert_int_equal(OWN("static"), 0);
    assert_string_equal(said, "static itself");
    assert_int_equal(OWN("resolvable"), 0);
    assert_string_equal(said, "public hidden");
    assert_int_equal(OWN("non-resolvable"), 0);
    assert_string_equal(said, "public hidden"); /* where others connect */
}

static void wrong_usage_is_two(void **state)
{
    (void)state;
    assert_int_equal(RUN(0, "no transport"), 2);
    assert_non_null(strstr(said, "AMBLE_TRANSPORT"));
    assert_int_equal(RUN(0, "-t"), 2);
    assert_non_null(strstr(said, "-t needs a value"));
    assert_int_equal(RUN(0, "-t", "air:a", "--log", "loud"), 2);
    assert_non_null(strstr(said, "--log"));
    assert_int_equal(RUN(0, "-t", "air:a", "--own-address", "secret"), 2);
    assert_non_null(strstr(said, "--own-address takes public, static, resolvable or non-resolvable"));
    assert_int_equal(RUN(0, "-t", "nonsense"), 2);
    assert_non_null(strstr(said, "program: "));
    assert_int_equal(RUN(AMBLE_ERR_USAGE, "-t", "air:a"), 2);
}

static void results_become_exit_codes(void **state)
{
    (void)state;
    assert_int_equal(RUN(0, "-t", "air:a"), 0);
    assert_string_equal(said, "[]");
    assert_int_equal(RUN(7, "-t", "air:a"), 0);
    assert_int_equal(RUN(AMBLE_ERR_ATT(0x05), "-t", "air:a"), 1);
    assert_non_null(strstr(said, "program: ATT 0x05")); /* the sentence */
    assert_int_equal(RUN(AMBLE_ERR_DISCONNECTED, "-t", "air:a"), 1);
    assert_int_equal(RUN(AMBLE_ERR_CANCELLED, "-t", "air:a"), 1); /* nobody sent a signal */
    assert_int_equal(RUN(0, "-t", "unix-client:/nowhere/at/all"), 3);
    assert_non_null(strstr(said, "/nowhere/at/all"));
    assert_null(strstr(said, "["));
    assert_int_equal(RUN(AMBLE_ERR_CONTROLLER, "-t", "air:a"), 3);
    assert_int_equal(RUN(AMBLE_ERR_TIMEOUT, "-t", "air:a"), 4);
    assert_int_equal(RUN(0, "-t", "air:a", "--capture", "/nowhere/at/all"), 2);
}

static void a_lost_controller_is_told_by_its_name(void **state)
{
    (void)state;
    assert_int_equal(exit_code_of(run_app_that_is_unplugged, 0, (const char *const[]){"-t", "air:a/lamp", NULL}), 3);
    assert_string_equal(said, "program: air:a/lamp: the controller was unplugged; open it again to plug it in\n");
}

static void a_signal_ends_the_program_in_order(void **state)
{
    (void)state;
    assert_int_equal(exit_code_of(run_app_that_waits, 0, (const char *const[]){"-t", "air:a", NULL}), 0);
    assert_string_equal(said, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_taken_out),
        cmocka_unit_test(own_addresses_are_chosen),
        cmocka_unit_test(wrong_usage_is_two),
        cmocka_unit_test(results_become_exit_codes),
        cmocka_unit_test(a_lost_controller_is_told_by_its_name),
        cmocka_unit_test(a_signal_ends_the_program_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
