/* What may stand somewhere in a line of `amble shell` (shell.h): commands, options and their values, devices that were
 * seen, characteristics that the peer has. Walks over the words as the parser does. */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/advertised.h"
#include "cli/numbers.h"
#include "cli/options.h"
#include "cli/shell.h"
#include "cli/words.h"

enum { NAME_ROOM = 256 };

static void offer_choices(amble__offers *offers, const char *choices)
{
    const char *choice;
    char name[64];
    size_t length;

    while ((choice = amble__next_choice(&choices, &length))) {
        snprintf(name, sizeof name, "%.*s", (int)length, choice);
        amble__offers_add(offers, name);
    }
}

/* "Heart Rate" as it is typed: heart_rate. */
static void offer_name(amble__offers *offers, const char *name)
{
    char typed[NAME_ROOM];
    size_t used = 0;

    for (; *name && used + 2 < sizeof typed; name++) {
        if (isalnum((unsigned char)*name))
            typed[used++] = (char)tolower((unsigned char)*name);
        else if (used && typed[used - 1] != '_')
            typed[used++] = '_';
    }
    while (used && typed[used - 1] == '_')
        used--;
    typed[used] = '\0';
    amble__offers_add(offers, typed);
}

static void offer_uuid(amble__offers *offers, const amble_uuid *uuid)
{
    const char *name = amble__uuid_name(AMBLE__NUMBER_CHARACTERISTIC, uuid);
    char text[AMBLE_UUID_TEXT];

    if (name)
        offer_name(offers, name);
    else
        amble__offers_add(offers, amble_uuid_text(uuid, text));
}

static void offer_numbers(amble__offers *offers, amble__number_kind kind)
{
    amble__number row;

    for (size_t at = 0; amble__number_next(&at, &row);)
        if (row.kind == kind)
            offer_name(offers, row.name);
}

static void offer_devices(const amble__shell *s, amble__offers *offers)
{
    char address[AMBLE_DEVICE_TEXT];

    for (size_t i = 0; i < AMBLE__SHELL_LINKS; i++)
        if (s->links[i].conn)
            amble__offers_add(offers, s->links[i].address);
    for (size_t i = 0; i < s->seen.count; i++) {
        amble__advertised what;

        amble__advertised_read(&s->seen.devices[i].result, &what);
        if (!s->seen.devices[i].result.anonymous)
            amble__offers_add(offers, amble_device_text(s->seen.devices[i].result.device, address));
        if (what.name[0])
            amble__offers_add(offers, what.name);
    }
}

static void offer_files(amble__offers *offers)
{
    const char *prefix = offers->prefix, *slash = strrchr(prefix, '/');
    const size_t folder = slash ? (size_t)(slash - prefix) + 1 : 0;
    char path[4096];
    struct dirent *entry;
    DIR *dir;

    snprintf(path, sizeof path, "%.*s", (int)folder, prefix);
    dir = opendir(folder ? path : ".");
    while (dir && (entry = readdir(dir))) {
        if (entry->d_name[0] == '.' && prefix[folder] != '.')
            continue;
        snprintf(path, sizeof path, "%.*s%s%s", (int)folder, prefix, entry->d_name, entry->d_type == DT_DIR ? "/" : "");
        amble__offers_add(offers, path);
    }
    if (dir)
        closedir(dir);
}

static void offer(const amble__shell *s, amble__offer what, const char *choices, amble__offers *offers)
{
    if (choices)
        offer_choices(offers, choices);
    switch (what) {
    case AMBLE__OFFER_FILES:
        offer_files(offers);
        break;
    case AMBLE__OFFER_SERVICES:
        offer_numbers(offers, AMBLE__NUMBER_SERVICE);
        break;
    case AMBLE__OFFER_CHARACTERISTICS:
        for (size_t i = 0; s->current && i < s->current->known_count; i++)
            offer_uuid(offers, &s->current->known[i].c.uuid);
        if (!s->current || !s->current->known_count)
            offer_numbers(offers, AMBLE__NUMBER_CHARACTERISTIC);
        break;
    case AMBLE__OFFER_DEVICES:
        offer_devices(s, offers);
        break;
    case AMBLE__OFFER_SUBSCRIPTIONS:
        for (size_t i = 0; i < AMBLE__SHELL_SUBSCRIPTIONS; i++)
            if (s->subscriptions[i].subscription)
                offer_uuid(offers, &s->subscriptions[i].c.uuid);
        break;
    case AMBLE__OFFER_COMMANDS:
        for (size_t i = 0; amble__shell_inside(i); i++)
            amble__offers_add(offers, amble__shell_inside(i)->name);
        break;
    default:
        break;
    }
}

/* The option of this name that wants a value, or NULL. */
static const amble__option *valued(const amble__command *command, const char *name)
{
    const amble__option *option;

    for (size_t i = 0; (option = amble__command_option(command, i)); i++)
        if (option->value && !strcmp(option->name, name))
            return option;
    return NULL;
}

/* Offers what may follow the complete words argv[1] to argv[argc - 1] of a command. */
static void offer_next(const amble__shell *s, const amble__command *command, int argc, char **argv,
                       amble__offers *offers)
{
    const amble__option *option = NULL;
    size_t words = 0;

    for (int i = 1; i < argc; i++) {
        if (option)
            option = NULL;
        else if (argv[i][0] == '-' && argv[i][1])
            option = valued(command, argv[i]);
        else
            words++;
    }
    if (option) {
        offer(s, option->offer, option->choices, offers);
    } else if (offers->prefix[0] == '-') {
        for (size_t i = 0; (option = amble__command_option(command, i)); i++)
            amble__offers_add(offers, option->name);
        amble__offers_add(offers, "--help");
    } else if (words < command->words_most && words < AMBLE__COMMAND_WORDS) {
        offer(s, command->words[words].offer, command->words[words].choices, offers);
    }
}

void amble__shell_complete(void *shell, const char *line, size_t length, amble__offers *offers)
{
    const amble__shell *s = shell;
    const amble__shell_command *command;
    amble__words *words = malloc(sizeof *words);
    int complete;

    if (!words)
        return;
    amble__words_split(words, line, length);
    complete = words->ended ? words->argc : words->argc - 1; /* how many words are typed to their end */
    if (!complete)
        offer(s, AMBLE__OFFER_COMMANDS, NULL, offers);
    else if ((command = amble__shell_command_find(words->argv[0])))
        offer_next(s, &command->command, complete, words->argv, offers);
    free(words);
}
