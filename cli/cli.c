/* The list of commands (cli.h), and what they share. */
#include "cli/cli.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "amble/error.h"
#include "cli/documentation.h"

enum { COMMANDS = 13 };
static const amble__command *const commands[COMMANDS] = {
    &amble__command_advertise,   &amble__command_air,           &amble__command_bonds, &amble__command_connect,
    &amble__command_controllers, &amble__command_documentation, &amble__command_gatt,  &amble__command_l2cap,
    &amble__command_monitor,     &amble__command_pair,          &amble__command_scan,  &amble__command_shell,
    &amble__command_uuid,
};

const amble__command *amble__cli_command(size_t at) { return at < COMMANDS ? commands[at] : NULL; }

int amble__cli_run(int argc, char **argv)
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

int amble__cli_main(const amble__command *command, int argc, char **argv, const amble_config *config,
                    int (*app)(amble *ble, int argc, char **argv))
{
    static char name[32]; /* amble_main prints it to the end */

    snprintf(name, sizeof name, "amble %s", command->name);
    (void)signal(SIGPIPE, SIG_IGN); /* cannot fail for this signal */
    argv[0] = name;
    return amble_main_with(argc, argv, config, app);
}
