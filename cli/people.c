/* See people.h. */
#include "cli/people.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
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

static void answer(amble__people *here, const amble_prompt *p, int (*read_answer)(void))
{
    int given;

    here->asking = true;
    given = read_answer();
    here->asking = given < 0;                       /* nobody ended the line */
    (void)amble_prompt_answer(here->ble, p, given); /* stale when it took too long: amble_pair says so */
}

int amble__people_answer(void *people)
{
    amble__people *here = people;
    amble *ble = here->ble;
    char peer[AMBLE_DEVICE_TEXT];
    amble_prompt p;
    int r;

    while ((r = amble_prompted(ble, &p, AMBLE_FOREVER)) == 0) {
        amble_device_text(p.device, peer);
        switch (p.kind) {
        case AMBLE_PROMPT_SHOW:
            fprintf(stderr, "Type %06u on %s.\n", (unsigned)p.passkey, peer);
            break;
        case AMBLE_PROMPT_ENTER:
            fprintf(stderr, "Passkey shown by %s: ", peer);
            answer(here, &p, read_passkey);
            break;
        case AMBLE_PROMPT_COMPARE:
            fprintf(stderr, "Does %s show %06u, too? [y/n] ", peer, (unsigned)p.passkey);
            answer(here, &p, read_yes_or_no);
            break;
        case AMBLE_PROMPT_DONE:
            if (here->done)
                here->done(here->user, &p);
            break;
        default:
            break; /* nothing to be done */
        }
    }
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
