/* build/amble. Everything is in cli.c, so that the tests can link it. */
#include "cli/cli.h"

int main(int argc, char **argv) { return amble__cli_run(argc, argv); }
