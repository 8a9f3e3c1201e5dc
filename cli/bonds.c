/* `amble bonds`: what a bond file holds: listed, deleted, exported. Needs no controller. Keys are shown by `export`
 * alone. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "amble/bonds.h"
#include "amble/error.h"
#include "amble/log.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"

typedef struct {
    bool json;
    const char *words[3];
} bonds_options;

static const amble__option option_table[] = {
    {.name = "--json", .about = "one JSON object a line instead of text", .field = offsetof(bonds_options, json)},
};

static const char *const help_usage[] = {"bonds list FILE [--json]", "bonds delete FILE ADDRESS",
                                         "bonds export FILE [ADDRESS]", NULL};
static const char *const help_text[] = {
    "list\tshows each bond, the least recently used one first; no keys.",
    "delete\tforgets the bond with a peer; \"all\" forgets every one.",
    "export\tprints the keys as JSON, one bond a line. Who has them can read the links.",
    "FILE is what a program or amble pair was given; while one of them runs, it has the file for itself.", NULL};
static const char *const help_examples[] = {"amble bonds list bonds.json",
                                            "amble bonds delete bonds.json C0:11:22:33:44:55/r",
                                            "amble bonds export bonds.json > keys.json", NULL};

const amble__command amble__command_bonds = {.name = "bonds",
                                             .about = "lists, deletes and exports bonds",
                                             .usage = help_usage,
                                             .text = help_text,
                                             .examples = help_examples,
                                             .exits = {"done", "failed", "wrong usage"},
                                             .options = option_table,
                                             .option_count = sizeof option_table / sizeof *option_table,
                                             .words = {{.name = "DEED", .choices = "list delete export"},
                                                       {.name = "FILE", .offer = AMBLE__OFFER_FILES},
                                                       {.name = "ADDRESS"}},
                                             .words_least = 2,
                                             .words_most = 3,
                                             .words_field = offsetof(bonds_options, words),
                                             .run = amble__cli_bonds};

/* --- telling ------------------------------------------------------------------------------------------------------ */
static cJSON *bond_object(const amble_bond *bond)
{
    cJSON *object = cJSON_CreateObject();
    char address[AMBLE_DEVICE_TEXT];

    cJSON_AddStringToObject(object, "address", amble_device_text(bond->device, address));
    if (!amble_device_equal(bond->device, bond->paired_as))
        cJSON_AddStringToObject(object, "paired_as", amble_device_text(bond->paired_as, address));
    cJSON_AddBoolToObject(object, "authenticated", bond->authenticated);
    cJSON_AddBoolToObject(object, "secure_connections", bond->secure);
    cJSON_AddBoolToObject(object, "authorised", bond->authorised);
    cJSON_AddNumberToObject(object, "key_size", bond->key_size);
    return object;
}

static void list_one(const bonds_options *o, const amble_bond *bond)
{
    char address[AMBLE_DEVICE_TEXT];

    if (o->json) {
        amble__output_json(bond_object(bond));
        return;
    }
    printf("%s  key of %2u bytes  %s  %s%s\n", amble_device_text(bond->device, address), bond->key_size,
           bond->secure ? "LE Secure Connections" : "LE legacy pairing    ",
           bond->authenticated ? "authenticated" : "not authenticated", bond->authorised ? ", authorised" : "");
    amble__output_flush();
}

static void add_key(cJSON *object, const char *name, const uint8_t *key, size_t size)
{
    static const uint8_t none[16] = {0};

    if (memcmp(key, none, size) != 0)
        amble__json_bytes(object, name, key, size);
}

/* Bytes as they go over the air, least significant first. */
static void export_one(const amble_bonds *bonds, const amble_bond *bond)
{
    cJSON *object = bond_object(bond);
    amble_bond_keys keys;

    if (amble_bonds_keys(bonds, bond->device, &keys) == 0) { /* it was found a moment ago */
        add_key(object, "ltk", keys.key, sizeof keys.key);
        add_key(object, "rand", keys.random, sizeof keys.random);
        cJSON_AddNumberToObject(object, "ediv", keys.diversifier);
        add_key(object, "own_ltk", keys.own_key, sizeof keys.own_key);
        add_key(object, "own_rand", keys.own_random, sizeof keys.own_random);
        cJSON_AddNumberToObject(object, "own_ediv", keys.own_diversifier);
        if (keys.has_irk)
            add_key(object, "irk", keys.irk, sizeof keys.irk);
        add_key(object, "csrk", keys.signing_key, sizeof keys.signing_key);
        add_key(object, "own_csrk", keys.own_signing, sizeof keys.own_signing);
    }
    amble__output_json(object);
    memset(&keys, 0, sizeof keys);
}

/* --- the deeds ---------------------------------------------------------------------------------------------------- */
/* Does it to every bond, or to that of `only`. Returns how many there were. */
static int each(const bonds_options *o, amble_bonds *bonds, const amble_device *only)
{
    const char *deed = o->words[0];
    amble_bond bond = {.serial = 0};
    int count = 0, r = 0;

    while (r >= 0 && amble_bonds_next(bonds, &bond) == 1) {
        if (only && !amble_device_equal(bond.device, *only) && !amble_device_equal(bond.paired_as, *only))
            continue;
        count++;
        if (!strcmp(deed, "delete"))
            r = amble_bonds_delete(bonds, bond.device);
        else if (!strcmp(deed, "export"))
            export_one(bonds, &bond);
        else
            list_one(o, &bond);
    }
    return r < 0 ? r : count;
}

static int check_words(const bonds_options *o, amble_device *device, bool *has_device)
{
    const char *deed = o->words[0], *who = o->words[2];
    const bool deletes = !strcmp(deed, "delete");

    if (!deletes && strcmp(deed, "list") != 0 && strcmp(deed, "export") != 0)
        return amble__options_wrong(&amble__command_bonds, "%s is not list, delete or export", deed);
    if (deletes && !who)
        return amble__options_wrong(&amble__command_bonds, "delete needs FILE ADDRESS, or FILE all");
    *has_device = who && strcmp(who, "all") != 0;
    if (*has_device && amble_device_parse(device, who) < 0)
        return amble__options_wrong(&amble__command_bonds, "%s is no address such as AA:BB:CC:DD:EE:FF/r", who);
    return 0;
}

int amble__cli_bonds(int argc, char **argv)
{
    bonds_options o = {.json = false};
    amble_device device = {.type = AMBLE_PUBLIC};
    amble_bonds *bonds;
    bool has_device = false;
    int r = amble__options_take(&amble__command_bonds, argc, argv, &o);

    if (r || (r = check_words(&o, &device, &has_device)) < 0)
        return r < 0 ? AMBLE__EXIT_USAGE : AMBLE__EXIT_DONE;
    if (access(o.words[1], F_OK) != 0) { /* which a host may begin with, but there is nothing to list here */
        fprintf(stderr, "amble bonds: %s does not exist; a program or amble pair that is given it makes it\n",
                o.words[1]);
        return AMBLE__EXIT_FAILED;
    }
    amble_log_level(AMBLE_LOG_OFF); /* what is wrong with the file is said below */
    r = amble_bonds_open(&bonds, o.words[1]);
    if (r >= 0)
        r = each(&o, bonds, has_device ? &device : NULL);
    amble_bonds_close(bonds);
    if (r == 0 && has_device)
        fprintf(stderr, "amble bonds: there is no bond with %s; amble bonds list %s shows which there are\n",
                o.words[2], o.words[1]);
    else if (r < 0)
        fprintf(stderr, "amble bonds: %s\n", *amble_open_problem() ? amble_open_problem() : amble_error_text(r));
    return r < 0 || (r == 0 && has_device) ? AMBLE__EXIT_FAILED : AMBLE__EXIT_DONE;
}
