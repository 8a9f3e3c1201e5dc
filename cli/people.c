/* See people.h. */
#include "cli/people.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "amble/error.h"
#include "cli/options.h"

enum { LINE = 64 };

bool amble__take_io(void *field, const char *value)
{
    static const char *const names[] = {"none", "display", "yes-no", "keyboard", "keyboard-display"};

    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(value, names[i]) != 0)
            continue;
        *(amble_io *)field = (amble_io)i;
        return true;
    }
    return false;
}

/* One line of standard input, without its end. */
static int read_line(char line[LINE])
{
    size_t used = 0;
    char c;
    int r;

    while ((r = amble_wait_fd(STDIN_FILENO, false, AMBLE_FOREVER)) == 0) {
        const ssize_t n = read(STDIN_FILENO, &c, 1); /* one by one: what follows the line belongs to the next */

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return AMBLE_ERR_IO;
        if (c == '\n') {
            line[used] = '\0';
            return 0;
        }
        if (used < LINE - 1 && c != '\r')
            line[used++] = c;
    }
    return r;
}

static int read_passkey(void)
{
    char line[LINE];
    uint32_t passkey;
    int r;

    while ((r = read_line(line)) == 0) {
        if (amble__parse_passkey(line, &passkey))
            return (int)passkey;
        fprintf(stderr, "That is no passkey; six digits: ");
    }
    return r;
}

static int read_yes_or_no(void)
{
    char line[LINE];
    int r;

    while ((r = read_line(line)) == 0) {
        if (*line == 'y' || *line == 'Y')
            return 1;
        if (*line == 'n' || *line == 'N')
            return 0;
        fprintf(stderr, "Please answer y or n: ");
    }
    return r;
}

/* --- questions ---------------------------------------------------------------------------------------------------- */
typedef int read_answer(void);

static int read_task(void *arg)
{
    read_answer *const *read = arg;

    return (*read)();
}

/* What the user says, into `*given`. True when a prompt came before that, `*next`: the question is taken back, since a
 * link asks one thing at a time, and while it does has nothing to tell but the end. */
static bool taken_back(amble *ble, read_answer *read, int *given, amble_prompt *next)
{
    amble_scope scope;
    amble_task *reading;
    bool over = false;
    int r;

    amble_scope_open(&scope);
    reading = amble_spawn(&scope, read_task, &read);
    do {
        r = amble_wait_first((amble_source[]){amble_on_task(reading), amble_on_prompt(ble)}, 2, AMBLE_FOREVER);
        if (r == 0)
            break; /* a line, or the end of the input */
        if (r == 1)
            r = amble_prompted(ble, next, 0);
        over = r == 0 && next->kind != AMBLE_PROMPT_REQUESTED;
    } while (r == 0 && !over);
    *given = r < 0 ? r : over ? AMBLE_ERR_STALE : amble_join(reading, 0);
    amble_scope_close(&scope);
    return over;
}

/* Asks and answers. True when the question was taken back: `*p` is then the prompt that came in its place. */
static bool ask(amble__people *here, amble_prompt *p, read_answer *read)
{
    amble_prompt next;
    int given;

    here->asking = true;
    if (taken_back(here->ble, read, &given, &next)) {
        fputc('\n', stderr);
        if (isatty(STDIN_FILENO))
            (void)tcflush(STDIN_FILENO, TCIFLUSH); /* no answer to another question; if it stays, so be it */
        here->asking = false;
        *p = next;
        return true;
    }
    here->asking = given < 0;                       /* nobody ended the line */
    (void)amble_prompt_answer(here->ble, p, given); /* stale when it took too long: amble_pair says so */
    return false;
}

/* Says or asks it; true when another one came meanwhile, into `*p`. */
static bool handle(amble__people *here, amble_prompt *p)
{
    char peer[AMBLE_DEVICE_TEXT];

    amble_device_text(p->device, peer);
    switch (p->kind) {
    case AMBLE_PROMPT_SHOW:
        fprintf(stderr, "Type %06u on %s.\n", (unsigned)p->passkey, peer);
        return false;
    case AMBLE_PROMPT_ENTER:
        fprintf(stderr, "Passkey shown by %s: ", peer);
        return ask(here, p, read_passkey);
    case AMBLE_PROMPT_COMPARE:
        fprintf(stderr, "Does %s show %06u, too? [y/n] ", peer, (unsigned)p->passkey);
        return ask(here, p, read_yes_or_no);
    case AMBLE_PROMPT_DONE:
        if (here->done)
            here->done(here->user, p);
        return false;
    default:
        return false; /* nothing to be done */
    }
}

int amble__people_answer(void *people)
{
    amble__people *here = people;
    amble_prompt p;
    int r;

    while ((r = amble_prompted(here->ble, &p, AMBLE_FOREVER)) == 0)
        while (handle(here, &p))
            ; /* and what came meanwhile */
    return r;
}

const char *amble__security_text(const amble_connection *conn)
{
    static char text[80];

    snprintf(text, sizeof text, "encrypted with a key of %u bytes, %s, %s", amble_connection_key_size(conn),
             amble_connection_secure(conn) ? "LE Secure Connections" : "LE legacy pairing",
             amble_connection_authenticated(conn) ? "authenticated" : "not authenticated");
    return text;
}

void amble__security_json(cJSON *object, const amble_connection *conn)
{
    cJSON_AddNumberToObject(object, "key_size", amble_connection_key_size(conn));
    cJSON_AddBoolToObject(object, "secure_connections", amble_connection_secure(conn));
    cJSON_AddBoolToObject(object, "authenticated", amble_connection_authenticated(conn));
    cJSON_AddBoolToObject(object, "bonded", amble_connection_bonded(conn));
}
