/* `amble pair`: pairs with a peer, asking whoever sits at the terminal what pairing asks of people (people.h). */
#include <stdio.h>
#include <string.h>

#include "amble/bonds.h"
#include "amble/error.h"
#include "amble/security.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/peer.h"
#include "cli/people.h"

enum { TIMEOUT_MS = 60000, CONNECT_MS = 10000 };

typedef struct {
    amble_pair_options pair;
    amble_crypto crypto;
    const char *bonds;
    int timeout_ms;
    bool json;
    const char *words[1];
} pair_options;

static bool take_crypto(void *field, const char *value)
{
    *(amble_crypto *)field = strcmp(value, "controller") == 0 ? AMBLE_CRYPTO_CONTROLLER : AMBLE_CRYPTO_PORT;
    return strcmp(value, "controller") == 0 || strcmp(value, "host") == 0;
}

static bool take_key_size(void *field, const char *value)
{
    uint64_t size;

    if (!amble__parse_number(value, 16, &size) || size < 7)
        return false;
    *(uint8_t *)field = (uint8_t)size;
    return true;
}

static const amble__option option_table[] = {
    {.name = "--io",
     .value = "WHAT",
     .about = "what this side can show and enter; keyboard-display unless given",
     .choices = AMBLE__IO_CHOICES,
     .take = amble__take_io,
     .field = offsetof(pair_options, pair) + offsetof(amble_pair_options, io)},
    {.name = "--mitm",
     .about = "fails unless nobody can have been in between",
     .field = offsetof(pair_options, pair) + offsetof(amble_pair_options, mitm)},
    {.name = "--secure-only",
     .about = "fails unless it is LE Secure Connections with a key of 16 bytes",
     .field = offsetof(pair_options, pair) + offsetof(amble_pair_options, secure_only)},
    {.name = "--legacy-only",
     .about = "does not offer LE Secure Connections",
     .field = offsetof(pair_options, pair) + offsetof(amble_pair_options, legacy_only)},
    {.name = "--no-bond",
     .about = "forgets the keys with the link",
     .field = offsetof(pair_options, pair) + offsetof(amble_pair_options, no_bond)},
    {.name = "--renew",
     .about = "pairs although there is a bond, for a peer that lost its key",
     .field = offsetof(pair_options, pair) + offsetof(amble_pair_options, renew)},
    {.name = "--key-size",
     .value = "N",
     .about = "the shortest key that will do, in bytes; 16 unless given",
     .expected = "a number of bytes from 7 to 16",
     .take = take_key_size,
     .field = offsetof(pair_options, pair) + offsetof(amble_pair_options, key_size_min)},
    {.name = "--crypto",
     .value = "WHO",
     .about = "who computes AES and P-256, and draws random numbers; host unless given",
     .choices = "host controller",
     .take = take_crypto,
     .field = offsetof(pair_options, crypto)},
    {.name = "--bonds",
     .value = "FILE",
     .about = "keeps the bond in this file; without it nothing is kept",
     .expected = "a file",
     .take = amble__take_text,
     .field = offsetof(pair_options, bonds),
     .offer = AMBLE__OFFER_FILES},
    {.name = "--timeout",
     .value = "N",
     .about = "seconds that pairing may take; 60 unless given",
     .expected = AMBLE__EXPECTED_SECONDS,
     .take = amble__take_seconds,
     .field = offsetof(pair_options, timeout_ms)},
    {.name = "--json", .about = "the outcome as a JSON object", .field = offsetof(pair_options, json)},
};

static const char *const help_usage[] = {"pair ADDRESS -t TRANSPORT [OPTIONS]", NULL};
static const char *const help_text[] = {
    "Connects to a peer and pairs with it. Passkeys and questions appear on standard error, answers are read from "
    "standard "
    "input. With --bonds the keys are kept, and the next time the link is encrypted with them.",
    "ADDRESS is AA:BB:CC:DD:EE:FF/p (public) or /r (random), or the name of a device, which is then looked for.", NULL};
static const char *const help_examples[] = {"amble pair C0:11:22:33:44:55/r --mitm --bonds bonds.json -t usb:0",
                                            "amble pair Lock --io none --no-bond --json -t usb:0", NULL};

const amble__command amble__command_pair = {
    .name = "pair",
    .about = "pairs with a peer",
    .usage = help_usage,
    .text = help_text,
    .examples = help_examples,
    .exits = {"done", "failed or interrupted", "wrong usage", "no controller", "timeout"},
    .options = option_table,
    .option_count = sizeof option_table / sizeof *option_table,
    .words = {{.name = "ADDRESS"}},
    .words_least = 1,
    .words_most = 1,
    .words_field = offsetof(pair_options, words),
    .has_controller = true,
    .run = amble__cli_pair};

static int parse(int argc, char **argv, pair_options *o)
{
    *o = (pair_options){.pair.io = AMBLE_IO_KEYBOARD_DISPLAY, .timeout_ms = TIMEOUT_MS};
    return amble__options_take(&amble__command_pair, argc, argv, o);
}

/* --- the deed ----------------------------------------------------------------------------------------------------- */
static void tell(const pair_options *o, const amble_connection *conn)
{
    char peer[AMBLE_DEVICE_TEXT];
    cJSON *object;

    amble_device_text(amble_connection_device(conn), peer);
    if (!o->json) {
        printf("%s: %s, %s\n", peer, amble__security_text(conn),
               amble_connection_bonded(conn) && o->bonds ? "the bond is kept" : "nothing is kept");
        amble__output_flush();
        return;
    }
    object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "address", peer);
    amble__security_json(object, conn);
    amble__output_json(object);
}

static int pair(amble *ble, int argc, char **argv)
{
    amble__people here = {.ble = ble};
    amble_connection *conn = NULL;
    amble_scope people;
    pair_options o;
    int r = parse(argc, argv, &o);

    if (r < 0)
        return r;
    amble_scope_open(&people);
    amble_spawn(&people, amble__people_answer, &here);
    r = amble__peer_connect("amble pair", ble, o.words[0], CONNECT_MS, &conn);
    if (r >= 0)
        r = amble_pair(conn, &o.pair, o.timeout_ms);
    if (r == 0)
        tell(&o, conn);
    if (here.asking) /* what is said next has a line of its own */
        fputc('\n', stderr);
    (void)amble__cli_unfinished("amble pair", r);
    if (r == AMBLE_ERR_DISCONNECTED)
        r = AMBLE_ERR_HCI(amble_connection_reason(conn)); /* which says more */
    amble_connection_close(conn);
    amble_scope_close(&people);
    return r;
}

int amble__cli_pair(int argc, char **argv)
{
    pair_options o;
    const int r = parse(argc, argv, &o);
    const amble_config config = {.name = "amble pair", .bonds = o.bonds, .crypto = o.crypto};

    return r ? r < 0 ? AMBLE__EXIT_USAGE : AMBLE__EXIT_DONE
             : amble__cli_main(&amble__command_pair, argc, argv, &config, pair);
}
