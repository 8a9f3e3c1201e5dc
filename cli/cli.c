/* The table of commands (cli.h), and help about it. */
#include "cli/cli.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "amble/error.h"

static const struct {
    const char *name;
    const char *about;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"advertise", "is seen, and connected to", amble__cli_advertise},
    {"air", "a simulated radio: every connection to it is a virtual controller", amble__cli_air},
    {"controllers", "lists the controllers of this machine", amble__cli_controllers},
    {"gatt", "shows, reads, writes and follows what a peer has", amble__cli_gatt},
    {"monitor", "shows the packets of a capture", amble__cli_monitor},
    {"scan", "shows who advertises", amble__cli_scan},
    {"uuid", "draws UUIDs and says what assigned numbers mean", amble__cli_uuid},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_help(FILE *out)
{
    fputs("usage: amble COMMAND [OPTIONS]\n\nBluetooth Low Energy tools.\n\ncommands:\n", out);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-11s %s\n", commands[i].name, commands[i].about);
    fputs("\nexamples:\n  amble air --listen tcp-server:127.0.0.1:7300\n  amble uuid lookup 180F\n"
          "\n`amble COMMAND --help` says more about each.\n",
          out);
}

int amble__cli_run(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return AMBLE__EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        print_help(stdout);
        return AMBLE__EXIT_DONE;
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (!strcmp(argv[1], commands[i].name))
            return commands[i].run(argc - 1, argv + 1);
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

int amble__cli_main(const char *command, int argc, char **argv, const amble_config *config,
                    int (*app)(amble *ble, int argc, char **argv))
{
    (void)signal(SIGPIPE, SIG_IGN);       /* cannot fail for this signal */
    argv[0] = (char *)(uintptr_t)command; /* amble_main only prints it */
    return amble_main_with(argc, argv, config, app);
}
