/* The completion of bash (documentation.h): one function of the shell, which walks over the words before the cursor as
 * the parser does and then offers what may stand there. It needs nothing but bash; the names of the SIG are written
 * into it. */
#include <ctype.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/documentation.h"
#include "cli/numbers.h"

/* Bash breaks words at = and :, so "--format=hex" and "usb:0" arrive in three pieces. */
static const char head[] =
    "# Completion of amble for bash, written by amble documentation --bash from the tables of the commands.\n"
    "\n"
    "_amble_offer() # WORDS: those that begin as the present word does\n"
    "{\n"
    "    mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$word\")\n"
    "    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *: ]] && compopt -o nospace 2>/dev/null\n"
    "}\n"
    "\n"
    "_amble_offer_files()\n"
    "{\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
    "}\n"
    "\n"
    "_amble()\n"
    "{\n"
    "    local word=${COMP_WORDS[COMP_CWORD]} command= option= joined= words=0 at\n"
    "\n"
    "    COMPREPLY=()\n"
    "    for ((at = 1; at < COMP_CWORD; at++)); do\n"
    "        if [[ ${COMP_WORDS[at]} == : ]]; then\n"
    "            joined=1\n"
    "        elif [[ -n $joined ]]; then\n"
    "            joined=\n"
    "        elif [[ ${COMP_WORDS[at]} == = ]]; then\n"
    "            :\n"
    "        elif [[ -n $option ]]; then\n"
    "            option=\n"
    "        elif [[ ${COMP_WORDS[at]} == -* ]]; then\n"
    "            case $command' '${COMP_WORDS[at]} in\n";

static const char walked[] =
    ") option=${COMP_WORDS[at]} ;;\n"
    "            esac\n"
    "        elif [[ -z $command ]]; then\n"
    "            command=${COMP_WORDS[at]}\n"
    "        else\n"
    "            words=$((words + 1))\n"
    "        fi\n"
    "    done\n"
    "    [[ $word == [=:] ]] && word=\n"
    "    if [[ ${COMP_WORDS[COMP_CWORD]} == : || -n $joined ]]; then\n"
    "        [[ ${COMP_WORDS[COMP_CWORD]} == : ]] && at=$((COMP_CWORD - 1)) || at=$((COMP_CWORD - 2))\n"
    "        case ${COMP_WORDS[at]} in\n"
    "        serial | pty | unix-client | unix-server)\n"
    "            compopt -o nospace 2>/dev/null # a serial port has more behind its path\n"
    "            _amble_offer_files\n"
    "            ;;\n"
    "        esac\n"
    "        return\n"
    "    fi\n";

/* --- names of the SIG --------------------------------------------------------------------------------------------- */
/* As names are typed: small letters, and _ for everything else. */
static void put_name(FILE *out, const char *name)
{
    bool gap = false, any = false;

    for (; *name; name++) {
        if (!isalnum((unsigned char)*name)) {
            gap = any;
            continue;
        }
        if (gap)
            fputc('_', out);
        fputc(tolower((unsigned char)*name), out);
        gap = false;
        any = true;
    }
}

static void put_names(FILE *out, amble__number_kind kind)
{
    amble__number row;

    for (size_t at = 0; amble__number_next(&at, &row);)
        if (row.kind == kind) {
            fputc(' ', out);
            put_name(out, row.name);
        }
}

/* --- what may stand somewhere ------------------------------------------------------------------------------------- */
static void put_offer(FILE *out, amble__offer offer, const char *choices)
{
    if (choices) {
        fprintf(out, "_amble_offer '%s'", choices);
        return;
    }
    switch (offer) {
    case AMBLE__OFFER_FILES:
        fputs("_amble_offer_files", out);
        break;
    case AMBLE__OFFER_TRANSPORTS:
        fprintf(out, "_amble_offer '%s'", amble__transport_choices);
        break;
    case AMBLE__OFFER_LISTENERS:
        fprintf(out, "_amble_offer '%s'", amble__listener_choices);
        break;
    case AMBLE__OFFER_SERVICES:
        fputs("_amble_offer \"$services\"", out);
        break;
    case AMBLE__OFFER_CHARACTERISTICS:
        fputs("_amble_offer \"$characteristics\"", out);
        break;
    default:
        fputc(':', out); /* anything: there is nothing to offer */
        break;
    }
}

/* Options with a value, as patterns of a case: 'scan --seconds' | ... */
static void put_valued(FILE *out)
{
    const amble__command *command;
    const amble__option *option;
    bool first = true;

    for (size_t i = 0; (command = amble__cli_command(i)); i++)
        for (size_t k = 0; (option = amble__command_option(command, k)); k++) {
            if (!option->value)
                continue;
            fprintf(out, "%s'%s %s'", first ? "            " : " | \\\n                ", command->name, option->name);
            if (option->letter)
                fprintf(out, " | '%s %s'", command->name, option->letter);
            first = false;
        }
}

static void put_values(FILE *out)
{
    const amble__command *command;
    const amble__option *option;

    fputs("    if [[ -n $option ]]; then\n        case $command' '$option in\n", out);
    for (size_t i = 0; (command = amble__cli_command(i)); i++)
        for (size_t k = 0; (option = amble__command_option(command, k)); k++) {
            if (!option->value)
                continue;
            fprintf(out, "        '%s %s'", command->name, option->name);
            if (option->letter)
                fprintf(out, " | '%s %s'", command->name, option->letter);
            fputs(") ", out);
            put_offer(out, option->offer, option->choices);
            fputs(" ;;\n", out);
        }
    fputs("        esac\n", out);
}

static void put_options(FILE *out)
{
    const amble__command *command;
    const amble__option *option;

    fputs(
        "    elif [[ $word == -* ]]; then\n        case $command in\n        '') _amble_offer '--help --version' ;;\n",
        out);
    for (size_t i = 0; (command = amble__cli_command(i)); i++) {
        fprintf(out, "        %s) _amble_offer '", command->name);
        for (size_t k = 0; (option = amble__command_option(command, k)); k++) {
            if (option->letter)
                fprintf(out, "%s ", option->letter);
            fprintf(out, "%s ", option->name);
        }
        fputs("--help' ;;\n", out);
    }
    fputs("        esac\n", out);
}

static void put_words(FILE *out)
{
    const amble__command *command;

    fputs("    elif [[ -z $command ]]; then\n        _amble_offer '", out);
    for (size_t i = 0; (command = amble__cli_command(i)); i++)
        if (!command->hidden)
            fprintf(out, "%s%s", i ? " " : "", command->name);
    fputs("'\n    else\n        case $command' '$words in\n", out);
    for (size_t i = 0; (command = amble__cli_command(i)); i++)
        for (size_t k = 0; k < AMBLE__COMMAND_WORDS && command->words[k].name; k++) {
            const bool all_that_follow =
                k + 1 < command->words_most && (k + 1 == AMBLE__COMMAND_WORDS || !command->words[k + 1].name);

            if (all_that_follow)
                fprintf(out, "        '%s '*) ", command->name);
            else
                fprintf(out, "        '%s %zu') ", command->name, k);
            put_offer(out, command->words[k].offer, command->words[k].choices);
            fputs(" ;;\n", out);
        }
    fputs("        esac\n    fi\n", out);
}

void amble__completion_print(FILE *out)
{
    fputs(head, out);
    put_valued(out);
    fputs(walked, out);
    fputs("    local services='", out);
    put_names(out, AMBLE__NUMBER_SERVICE);
    fputs("'\n    local characteristics='", out);
    put_names(out, AMBLE__NUMBER_CHARACTERISTIC);
    fputs("'\n", out);
    put_values(out);
    put_options(out);
    put_words(out);
    fputs("}\ncomplete -F _amble amble\n", out);
}
