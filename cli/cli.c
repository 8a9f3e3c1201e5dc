/* The list of commands (cli.h), and what they share. */
#include "cli/cli.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "amble/error.h"
#include "cli/documentation.h"
#include "cli/output.h"

enum { COMMANDS = 13 };
static const amble__command *const commands[COMMANDS] = {
    &amble__command_advertise,   &amble__command_air,           &amble__command_bonds, &amble__command_connect,
    &amble__command_controllers, &amble__command_documentation, &amble__command_gatt,  &amble__command_l2cap,
    &amble__command_monitor,     &amble__command_pair,          &amble__command_scan,  &amble__command_shell,
    &amble__command_uuid,
};

const amble__command *amble__cli_command(size_t at) { return at < COMMANDS ? commands[at] : NULL; }

static int run(int argc, char **argv)
{
    const amble__command *command;

    if (argc < 2) {
        amble__help_print_all(stderr);
        return AMBLE__EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        amble__help_print_all(stdout);
        return AMBLE__EXIT_DONE;
    }
    if (!strcmp(argv[1], "--version")) {
        puts("amble " AMBLE_VERSION);
        return AMBLE__EXIT_DONE;
    }
    for (size_t i = 0; (command = amble__cli_command(i)); i++)
        if (!strcmp(argv[1], command->name))
            return command->run(argc - 1, argv + 1);
    fprintf(stderr, "amble: there is no command %s; see amble --help\n", argv[1]);
    return AMBLE__EXIT_USAGE;
}

int amble__cli_run(int argc, char **argv)
{
    const int code = run(argc, argv);

    return amble__output_end() || code ? code : AMBLE__EXIT_FAILED;
}

int amble__cli_exit_code(int error)
{
    switch (error) {
    case AMBLE_ERR_USAGE:
        return AMBLE__EXIT_USAGE;
    case AMBLE_ERR_NO_CONTROLLER:
        return AMBLE__EXIT_NO_CONTROLLER;
    case AMBLE_ERR_TIMEOUT:
        return AMBLE__EXIT_TIMEOUT;
    default:
        return error < 0 ? AMBLE__EXIT_FAILED : AMBLE__EXIT_DONE;
    }
}

/* --- with a controller -------------------------------------------------------------------------------------------- */
/* amble_main takes a function and nothing that it could be given, and a process runs one command. */
static struct {
    int (*app)(amble *ble, int argc, char **argv);
    bool begun;      /* it has its controller */
    bool unfinished; /* it was ended too early */
} running;

int amble__cli_unfinished(const char *command, int r)
{
    if (r != AMBLE_ERR_CANCELLED || amble__output_is_gone())
        return r;
    running.unfinished = true;
    if (command)
        fprintf(stderr, "%s: interrupted\n", command);
    return r;
}

static int run_app(amble *ble, int argc, char **argv)
{
    running.begun = true;
    return running.app(ble, argc, argv);
}

int amble__cli_main(const amble__command *command, int argc, char **argv, const amble_config *config,
                    int (*app)(amble *ble, int argc, char **argv))
{
    static char name[32]; /* amble_main prints it to the end */
    int code;

    snprintf(name, sizeof name, "amble %s", command->name);
    (void)signal(SIGPIPE, SIG_IGN); /* cannot fail for this signal */
    argv[0] = name;
    running.app = app;
    running.begun = running.unfinished = false;
    code = amble_main_with(argc, argv, config, run_app);
    if (code == AMBLE__EXIT_DONE && !running.begun)
        (void)amble__cli_unfinished(name, AMBLE_ERR_CANCELLED); /* while it waited for the controller */
    return code == AMBLE__EXIT_DONE && running.unfinished ? AMBLE__EXIT_FAILED : code;
}
