/* `pair` in `amble shell` (shell.h): encrypts the link, and asks the person what the pairing wants to know.
 *
 * A script has nobody to ask: it says beforehand what it would answer, or pairs without a passkey. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "amble/error.h"
#include "amble/security.h"
#include "cli/lines.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/shell.h"

enum { PAIR_TIMEOUT_MS = 60000, REFUSED = -1 };

typedef struct {
    amble__shell *shell;
    const amble__shell_pair_options *options;
} pairing;

/* --- questions ---------------------------------------------------------------------------------------------------- */
/* A line of the person, which is valid until the next one; NULL when there is none, or no person. */
static const char *ask(const amble__shell *s, const char *question, amble__lines *lines)
{
    const char *line;

    if (!s->typed) {
        fprintf(stderr, "amble shell: the pairing asks: %s pair --passkey N and pair --same answer\n", question);
        return NULL;
    }
    printf("%s ", question);
    amble__output_flush();
    amble__lines_init(lines, STDIN_FILENO);
    return amble__lines_next(lines, &line) == 1 ? line : NULL;
}

static int ask_passkey(const pairing *p, amble__lines *lines)
{
    amble__shell_passkey typed = p->options->passkey;
    const char *line;

    if (!typed.given && (line = ask(p->shell, "which six digits does the other device show?", lines)))
        (void)amble__shell_take_passkey(&typed, line); /* says so in `given` */
    return typed.given ? (int)typed.number : REFUSED;
}

static int ask_same(const pairing *p, uint32_t passkey, amble__lines *lines)
{
    const char *line;
    char question[64];

    if (p->options->same)
        return 1;
    snprintf(question, sizeof question, "does the other device show %06u, too (yes or no)?", (unsigned)passkey);
    line = ask(p->shell, question, lines);
    return line && (*line == 'y' || *line == 'Y');
}

static void show(const amble__shell *s, uint32_t passkey)
{
    char digits[16];

    snprintf(digits, sizeof digits, "%06u", (unsigned)passkey);
    if (s->json) {
        cJSON *object = amble__shell_event("passkey", s->current);

        cJSON_AddStringToObject(object, "passkey", digits);
        amble__output_json(object);
    } else {
        printf("enter %s on the other device\n", digits);
        amble__output_flush();
    }
}

/* Takes and answers prompts until it is cancelled. */
static int answer(void *arg)
{
    const pairing *p = arg;
    amble__lines *lines = malloc(sizeof *lines); /* too large for a task's stack */
    amble_prompt prompt;
    int r = lines ? 0 : AMBLE_ERR_NO_MEMORY;

    while (!r && (r = amble_prompted(p->shell->ble, &prompt, AMBLE_FOREVER)) == 0) {
        int said = 0;

        if (prompt.kind == AMBLE_PROMPT_SHOW)
            show(p->shell, prompt.passkey);
        if (prompt.kind == AMBLE_PROMPT_ENTER)
            said = ask_passkey(p, lines);
        else if (prompt.kind == AMBLE_PROMPT_COMPARE)
            said = ask_same(p, prompt.passkey, lines);
        else if (prompt.kind != AMBLE_PROMPT_OUT_OF_BAND)
            continue;
        (void)amble_prompt_answer(p->shell->ble, &prompt, said); /* too late: amble_pair has the reason */
    }
    free(lines);
    return r;
}

/* --- the command -------------------------------------------------------------------------------------------------- */
bool amble__shell_take_passkey(void *field, const char *value)
{
    amble__shell_passkey *passkey = field;

    passkey->given = amble__parse_passkey(value, &passkey->number);
    return passkey->given;
}

static void tell(const amble__shell *s)
{
    const amble_connection *conn = s->current->conn;
    const bool secure = amble_connection_secure(conn), authenticated = amble_connection_authenticated(conn);
    const unsigned key_size = amble_connection_key_size(conn);

    if (s->json) {
        cJSON *object = amble__shell_event("encrypted", s->current);

        cJSON_AddBoolToObject(object, "authenticated", authenticated);
        cJSON_AddBoolToObject(object, "secure_connections", secure);
        cJSON_AddNumberToObject(object, "key_size", key_size);
        amble__output_json(object);
    } else {
        printf("encrypted with a key of %u bytes, %s%s\n", key_size,
               secure ? "LE Secure Connections" : "LE legacy pairing", authenticated ? ", nobody in between" : "");
    }
}

int amble__shell_pair(amble__shell *s, const amble__shell_pair_options *o)
{
    const bool can_answer = s->typed || o->passkey.given || o->same;
    const amble_pair_options options = {
        .io = can_answer ? AMBLE_IO_KEYBOARD_DISPLAY : AMBLE_IO_NONE, .mitm = o->mitm, .renew = o->renew};
    pairing p = {.shell = s, .options = o};
    amble_scope scope;
    int r;

    amble_scope_open(&scope);
    amble_spawn(&scope, answer, &p);
    r = amble_pair(s->current->conn, &options, o->timeout_ms ? o->timeout_ms : PAIR_TIMEOUT_MS);
    amble_scope_close(&scope);
    if (!r)
        tell(s);
    return r;
}
