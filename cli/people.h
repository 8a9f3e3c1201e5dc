/* Whoever sits at the terminal, and what pairing asks of people: questions go to standard error and answers come from
 * standard input, so that standard output holds the outcome alone. While the user thinks, the other tasks run; the end
 * of the input refuses. A question whose pairing ends before it is answered is taken back. */
#ifndef AMBLE_CLI_PEOPLE_H
#define AMBLE_CLI_PEOPLE_H
#include <cjson/cJSON.h>

#include "amble/security.h"

typedef struct {
    amble *ble;
    void (*done)(void *user, const amble_prompt *prompt); /* a pairing ended; NULL: nobody wants to know */
    void *user;
    bool asking; /* the cursor stands behind a question */
} amble__people;

/* A task's function: takes and answers prompts until it is cancelled. `people` is an amble__people. */
int amble__people_answer(void *people);

/* How well a link is protected, for the outcome. The text is valid until the next call. */
const char *amble__security_text(const amble_connection *conn);
void amble__security_json(cJSON *object, const amble_connection *conn);

/* --io: what the terminal is to be taken for; the field is an amble_io. */
#define AMBLE__IO_CHOICES "none display yes-no keyboard keyboard-display"
bool amble__take_io(void *field, const char *value);
#endif
