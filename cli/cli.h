/* The tool, build/amble: one program, many commands.
 *
 * A command is a table (command.h) in the list in cli.c. Its function gets what stands behind its name, argv[0] being
 * the name itself, and returns the exit code. */
#ifndef AMBLE_CLI_CLI_H
#define AMBLE_CLI_CLI_H
#include "amble/main.h"
#include "cli/command.h"

/* Exit codes of every program of amble. */
enum { AMBLE__EXIT_DONE, AMBLE__EXIT_FAILED, AMBLE__EXIT_USAGE, AMBLE__EXIT_NO_CONTROLLER, AMBLE__EXIT_TIMEOUT };

int amble__cli_run(int argc, char **argv);
/* Command number `at`, by their names; NULL behind the last. */
const amble__command *amble__cli_command(size_t at);
/* The exit code that goes with a negative error. */
int amble__cli_exit_code(int error);

/* amble_main_with for a command. A reader of standard output that goes away ends it as Ctrl-C does. The
 * arguments were parsed once to find mistakes before a controller is opened, `app` parses them again. */
int amble__cli_main(const amble__command *command, int argc, char **argv, const amble_config *config,
                    int (*app)(amble *ble, int argc, char **argv));
/* For a command that has something to finish, unlike those that last until somebody ends them: when `r` is
 * AMBLE_ERR_CANCELLED it ends with 1, after a sentence unless `command` ("amble pair") is NULL or nobody reads any
 * more. Returns `r`. */
int amble__cli_unfinished(const char *command, int r);

extern const amble__command amble__command_advertise, amble__command_air, amble__command_bonds, amble__command_connect,
    amble__command_controllers, amble__command_documentation, amble__command_gatt, amble__command_l2cap,
    amble__command_monitor, amble__command_pair, amble__command_scan, amble__command_shell, amble__command_uuid;
int amble__cli_advertise(int argc, char **argv);
int amble__cli_air(int argc, char **argv);
int amble__cli_bonds(int argc, char **argv);
int amble__cli_connect(int argc, char **argv);
int amble__cli_controllers(int argc, char **argv);
int amble__cli_documentation(int argc, char **argv);
int amble__cli_gatt(int argc, char **argv);
int amble__cli_l2cap(int argc, char **argv);
int amble__cli_monitor(int argc, char **argv);
int amble__cli_pair(int argc, char **argv);
int amble__cli_scan(int argc, char **argv);
int amble__cli_shell(int argc, char **argv);
int amble__cli_uuid(int argc, char **argv);
#endif
