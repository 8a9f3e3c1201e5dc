/* amble_main: options, a host, the program's first task, an exit code.
 *
 * Ctrl-C and SIGTERM cancel the first task, so that a program leaves its links in order. A signal's handler is a
 * property of the process, so the event it wakes is one too. Bare boards have no command line and none of this. */
#if defined(__unix__) || defined(__APPLE__)
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "host/host_room.h"

enum { EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_NO_CONTROLLER, EXIT_TIMEOUT };
enum { OPEN_MS = 10000 };

typedef struct {
    int argc;
    char **argv;
    const char *transport, *capture;
    amble_config config;
    int (*app)(amble *ble, int argc, char **argv);
    bool signalled;
} program;

static amble_event stop_event;

static void on_signal(int number)
{
    (void)number; /* both mean: leave */
    amble_wake(&stop_event);
}

/* --- options ------------------------------------------------------------------------------------------------------ */
static int wrong(const char *program_name, const char *option, const char *problem)
{
    (void)fprintf(stderr, "%s: %s %s; see --help\n", program_name, option, problem);
    return AMBLE_ERR_USAGE;
}

static int log_level(const char *text)
{
    static const char *const names[] = {"off", "error", "warning", "info", "debug"};

    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++)
        if (strcmp(text, names[i]) == 0)
            return i;
    return -1;
}

static bool take_address_kind(const char *text, amble_address_kind *kind)
{
    static const char *const names[] = {"public", "static", "resolvable", "non-resolvable"};

    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++) {
        if (strcmp(text, names[i]) != 0)
            continue;
        *kind = (amble_address_kind)i;
        return true;
    }
    return false;
}

static int set_option(program *p, const char *option, const char *value)
{
    if (strcmp(option, "--log") == 0) {
        if (log_level(value) < 0)
            return wrong(p->argv[0], option, "takes off, error, warning, info or debug");
        amble_log_level(log_level(value));
    } else if (strcmp(option, "--own-address") == 0) {
        if (!take_address_kind(value, &p->config.own_address))
            return wrong(p->argv[0], option, "takes public, static, resolvable or non-resolvable");
    } else if (strcmp(option, "--capture") == 0) {
        p->capture = value;
    } else {
        p->transport = value;
    }
    return 0;
}

static bool is_option(const char *argument, const char *name, const char **value)
{
    const size_t length = strlen(name);

    *value = NULL;
    if (strncmp(argument, name, length) != 0)
        return false;
    if (argument[length] == '=')
        *value = argument + length + 1;
    return argument[length] == '\0' || argument[length] == '=';
}

/* Takes the options of every program out of argv; the others stay, in their order. */
static int take_options(program *p)
{
    static const char *const names[] = {"-t", "--transport", "--capture", "--log", "--own-address"};
    int kept = 1;

    for (int i = 1; i < p->argc; i++) {
        const char *value = NULL, *name = NULL;
        int r;

        if (strcmp(p->argv[i], "--") == 0) { /* what follows are the program's own words */
            while (i < p->argc)
                p->argv[kept++] = p->argv[i++];
            break;
        }
        for (size_t k = 0; k < sizeof names / sizeof *names && !name; k++)
            if (is_option(p->argv[i], names[k], &value))
                name = names[k];
        if (!name) {
            p->argv[kept++] = p->argv[i];
            continue;
        }
        if (!value && i + 1 == p->argc)
            return wrong(p->argv[0], name, "needs a value");
        r = set_option(p, name, value ? value : p->argv[++i]);
        if (r < 0)
            return r;
    }
    p->argv[kept] = NULL;
    p->argc = kept;
    if (!p->transport)
        p->transport = getenv("AMBLE_TRANSPORT");
    if (!p->transport || !*p->transport)
        return wrong(p->argv[0], "-t TRANSPORT", "is missing, and AMBLE_TRANSPORT is not set (try -t air:desk)");
    return 0;
}

/* --- running ------------------------------------------------------------------------------------------------------ */
typedef struct {
    program *program;
    amble_task *app;
} stop_watch;

static int watch_signals(void *arg)
{
    stop_watch *watch = arg;
    int r = amble_event_wait(&stop_event, AMBLE_FOREVER);

    if (r == 0) {
        watch->program->signalled = true;
        amble_cancel(watch->app);
    }
    return 0;
}

static int open_host(const program *p, amble **ble)
{
    amble__transport *transport, *captured;
    int r = amble__transport_open(p->transport, &transport, OPEN_MS);

    if (r < 0)
        return r;
    if (p->capture) {
        r = amble__transport_capture(transport, p->capture, &captured);
        if (r < 0) {
            amble__transport_close(transport);
            return r == AMBLE_ERR_IO ? AMBLE_ERR_USAGE : r; /* the place that was named cannot be written */
        }
        transport = captured;
    }
    return amble__host_open(ble, transport, &p->config, OPEN_MS);
}

/* Unless the log has just said the same. */
static void say(const program *p, const char *sentence)
{
    if (!amble__log_told(sentence))
        (void)fprintf(stderr, "%s: %s\n", p->argv[0], sentence);
}

static int run_app(void *arg)
{
    const program *p = arg;
    amble *ble;
    int r = open_host(p, &ble);

    if (r < 0) {
        if (!(r == AMBLE_ERR_CANCELLED && p->signalled))
            say(p, amble_open_problem());
        /* A controller that is there but of no use is no controller either. */
        return r == AMBLE_ERR_USAGE || r == AMBLE_ERR_CANCELLED || r == AMBLE_ERR_IO ? r : AMBLE_ERR_NO_CONTROLLER;
    }
    r = p->app(ble, p->argc, p->argv);
    if (r < 0 && !(r == AMBLE_ERR_CANCELLED && p->signalled))
        say(p, r == AMBLE_ERR_CONTROLLER && *amble_open_problem() ? amble_open_problem() : amble_error_text(r));
    amble_close(ble);
    return r;
}

static int run_program(void *arg)
{
    program *p = arg;
    stop_watch watch = {.program = p};
    amble_scope tasks;
    int r;

    amble_scope_open(&tasks);
    watch.app = amble_spawn_named(&tasks, "app", run_app, p);
    amble_spawn_named(&tasks, "signals", watch_signals, &watch);
    r = amble_join(watch.app, AMBLE_FOREVER);
    amble_scope_close(&tasks);
    return r;
}

static int exit_code(const program *p, int r)
{
    if (r >= 0 || (r == AMBLE_ERR_CANCELLED && p->signalled))
        return EXIT_DONE;
    switch (r) {
    case AMBLE_ERR_USAGE:
        return EXIT_USAGE;
    case AMBLE_ERR_NO_CONTROLLER:
    case AMBLE_ERR_CONTROLLER:
        return EXIT_NO_CONTROLLER;
    case AMBLE_ERR_TIMEOUT:
        return EXIT_TIMEOUT;
    default:
        return EXIT_FAILED;
    }
}

int amble_main_with(int argc, char **argv, const amble_config *config, int (*app)(amble *ble, int argc, char **argv))
{
    const struct sigaction action = {.sa_handler = on_signal};
    const amble_config defaults = {0};
    program p = {.argc = argc, .argv = argv, .config = config ? *config : defaults, .app = app};
    struct sigaction previous_int, previous_term;
    int r = take_options(&p);

    if (r < 0)
        return exit_code(&p, r);
    (void)sigaction(SIGINT, &action, &previous_int); /* cannot fail for these signals */
    (void)sigaction(SIGTERM, &action, &previous_term);
    r = amble_run(NULL, run_program, &p);
    (void)sigaction(SIGINT, &previous_int, NULL);
    (void)sigaction(SIGTERM, &previous_term, NULL);
    return exit_code(&p, r);
}

int amble_main(int argc, char **argv, int (*app)(amble *ble, int argc, char **argv))
{
    return amble_main_with(argc, argv, NULL, app);
}
#endif
