/* `amble documentation`: writes what is installed beside the tool. For the build; people read `--help`. */
#include "cli/documentation.h"

#include <errno.h>
#include <string.h>

#include "amble/error.h"
#include "cli/cli.h"
#include "cli/options.h"

typedef struct {
    const char *man;
    bool bash;
} documentation_options;

static const amble__option options[] = {
    {.name = "--man",
     .value = "DIR",
     .about = "writes the manual pages into this folder",
     .expected = "a folder",
     .take = amble__take_text,
     .field = offsetof(documentation_options, man),
     .offer = AMBLE__OFFER_FILES},
    {.name = "--bash", .about = "prints the completion of bash", .field = offsetof(documentation_options, bash)},
};

static const char *const help_usage[] = {"documentation --man DIR", "documentation --bash", NULL};
static const char *const help_text[] = {"Writes the manual pages, or the completion of bash.", NULL};
static const char *const help_examples[] = {"amble documentation --bash > amble.bash; . ./amble.bash", NULL};

const amble__command amble__command_documentation = {.name = "documentation",
                                                     .about = "writes manual pages and completion",
                                                     .usage = help_usage,
                                                     .text = help_text,
                                                     .examples = help_examples,
                                                     .exits = {"done", "failed", "wrong usage"},
                                                     .options = options,
                                                     .option_count = sizeof options / sizeof *options,
                                                     .hidden = true,
                                                     .run = amble__cli_documentation};

/* Writes one page; NULL: the one of the whole tool. */
static int write_page(const char *folder, const amble__command *command)
{
    char path[4096];
    FILE *out;

    snprintf(path, sizeof path, "%s/amble%s%s.1", folder, command ? "-" : "", command ? command->name : "");
    out = fopen(path, "w");
    if (out && command)
        amble__manual_print(command, out);
    else if (out)
        amble__manual_print_all(out);
    if (out && !ferror(out) && !fclose(out))
        return AMBLE__EXIT_DONE;
    fprintf(stderr, "amble documentation: %s cannot be written: %s\n", path, strerror(errno));
    return AMBLE__EXIT_FAILED;
}

int amble__cli_documentation(int argc, char **argv)
{
    documentation_options o = {.bash = false};
    const amble__command *command;
    int r = amble__options_take(&amble__command_documentation, argc, argv, &o);

    if (!r && !o.man == !o.bash)
        r = amble__options_wrong(&amble__command_documentation, "this needs --man DIR or --bash");
    if (r)
        return amble__cli_exit_code(r);
    if (o.bash) {
        amble__completion_print(stdout);
        return AMBLE__EXIT_DONE;
    }
    r = write_page(o.man, NULL);
    for (size_t i = 0; !r && (command = amble__cli_command(i)); i++)
        if (!command->hidden)
            r = write_page(o.man, command);
    return r;
}
