/* The tool, build/amble: one program, many commands.
 *
 * A command is a row of the table in cli.c: its name, one line about it, and a function that gets what stands behind
 * the name, argv[0] being the name itself, and returns the exit code. */
#ifndef AMBLE_CLI_CLI_H
#define AMBLE_CLI_CLI_H
#include "amble/main.h"

/* Exit codes of every program of amble. */
enum { AMBLE__EXIT_DONE, AMBLE__EXIT_FAILED, AMBLE__EXIT_USAGE, AMBLE__EXIT_NO_CONTROLLER, AMBLE__EXIT_TIMEOUT };

int amble__cli_run(int argc, char **argv);
/* The exit code that goes with a negative error. */
int amble__cli_exit_code(int error);

/* amble_main_with for the command "amble NAME". A reader of standard output that goes away ends it as Ctrl-C does. The
 * arguments were parsed once to find mistakes before a controller is opened, `app` parses them again. */
int amble__cli_main(const char *command, int argc, char **argv, const amble_config *config,
                    int (*app)(amble *ble, int argc, char **argv));

int amble__cli_advertise(int argc, char **argv);
int amble__cli_air(int argc, char **argv);
int amble__cli_controllers(int argc, char **argv);
int amble__cli_gatt(int argc, char **argv);
int amble__cli_monitor(int argc, char **argv);
int amble__cli_scan(int argc, char **argv);
int amble__cli_uuid(int argc, char **argv);
#endif
