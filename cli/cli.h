/* The tool, build/amble: one program, many commands.
 *
 * A command is a row of the table in cli.c: its name, one line about it, and a function that gets what stands behind
 * the name, argv[0] being the name itself, and returns the exit code. */
#ifndef AMBLE_CLI_CLI_H
#define AMBLE_CLI_CLI_H

/* Exit codes of every program of amble. */
enum { AMBLE__EXIT_DONE, AMBLE__EXIT_FAILED, AMBLE__EXIT_USAGE, AMBLE__EXIT_NO_CONTROLLER, AMBLE__EXIT_TIMEOUT };

int amble__cli_run(int argc, char **argv);
/* The exit code that goes with a negative error. */
int amble__cli_exit_code(int error);

int amble__cli_air(int argc, char **argv);
int amble__cli_uuid(int argc, char **argv);
#endif
