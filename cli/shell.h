/* `amble shell` inside: one session with its links and what is followed on them.
 *
 * A command works on a task of its own, so that Ctrl-C can cancel it and nothing else. What it leaves behind, a link or
 * a subscription, then gets a task that watches it: those belong to the session's own task, which adopts, reaps and
 * closes between commands. */
#ifndef AMBLE_CLI_SHELL_H
#define AMBLE_CLI_SHELL_H
#include "cli/edit.h"
#include "cli/gatt.h"
#include "cli/scan_seen.h"

enum { AMBLE__SHELL_LINKS = 4, AMBLE__SHELL_SUBSCRIPTIONS = 16, AMBLE__SHELL_KNOWN = 128, AMBLE__SHELL_DEPTH = 8 };

typedef struct amble__shell amble__shell;

typedef struct {
    amble_uuid service; /* size 0: not known */
    amble_remote_characteristic c;
} amble__shell_known;

typedef struct {
    amble__shell *shell;
    amble_connection *conn; /* NULL: this place is free */
    char address[AMBLE_DEVICE_TEXT];
    char name[64]; /* as it was typed */
    amble_scope scope;
    bool adopted, lost;
    amble__shell_known known[AMBLE__SHELL_KNOWN]; /* characteristics that were met */
    size_t known_count;
} amble__shell_link;

typedef struct {
    amble__shell_link *link;
    amble_subscription *subscription; /* NULL: this place is free; whoever watches closes it */
    amble_remote_characteristic c;
    amble__gatt_options options;
    amble_scope scope;
    bool adopted, ended;
} amble__shell_subscription;

struct amble__shell {
    amble *ble;
    bool json, quit;
    bool typed; /* by a person, who can be asked */
    bool told;  /* the command that failed has said all there is to say */
    int timeout_ms;
    unsigned depth;    /* of `exec` */
    amble__edit *edit; /* NULL: lines come from a file or a pipe, or are not edited */
    amble__seen_list seen;
    amble__shell_link links[AMBLE__SHELL_LINKS], *current;
    amble__shell_subscription subscriptions[AMBLE__SHELL_SUBSCRIPTIONS];
};

/* --- the session: shell_session.c --------------------------------------------------------------------------------- */
/* Connects and makes the link the current one. */
int amble__shell_connect(amble__shell *s, const char *who, int timeout_ms) AMBLE_MUST_CHECK;
/* A link by the address or name it has, NULL: the current one. NULL with a sentence printed when there is none. */
amble__shell_link *amble__shell_link_of(amble__shell *s, const char *who);
/* The characteristic on the current link, looked for at the peer when it was not met yet. */
int amble__shell_find(amble__shell *s, const amble_uuid *uuid, const amble__gatt_options *o,
                      amble_remote_characteristic *out) AMBLE_MUST_CHECK;
void amble__shell_remember(amble__shell_link *link, const amble_uuid *service, const amble_remote_characteristic *c);
int amble__shell_subscribe(amble__shell *s, const amble_remote_characteristic *c,
                           const amble__gatt_options *o) AMBLE_MUST_CHECK;

/* The next four are for the session's task only. Gives what a command left behind its watching task. */
void amble__shell_adopt(amble__shell *s);
/* Puts away what has ended. */
void amble__shell_reap(amble__shell *s);
/* Unsubscribes: `uuid` NULL: everything on this link. Returns how many there were. */
int amble__shell_unsubscribe(amble__shell_link *link, const amble_uuid *uuid);
void amble__shell_disconnect(amble__shell_link *link);

/* Prints an event, {"event": ..., "address": ...}; the object may get more before amble__output_json. */
cJSON *amble__shell_event(const char *event, const amble__shell_link *link);

/* --- pairing: shell_pair.c ---------------------------------------------------------------------------------------- */
typedef struct {
    bool given;
    uint32_t number;
} amble__shell_passkey;
typedef struct {
    amble__shell_passkey passkey;
    bool same, mitm, renew;
    int timeout_ms; /* 0: a minute */
} amble__shell_pair_options;
bool amble__shell_take_passkey(void *field, const char *value);
/* Encrypts the current link, asks what has to be asked. */
int amble__shell_pair(amble__shell *s, const amble__shell_pair_options *o) AMBLE_MUST_CHECK;

/* --- commands: shell_commands.c ----------------------------------------------------------------------------------- */
typedef struct {
    amble__command command;
    int (*run)(amble__shell *s, const amble__command *command, int argc, char **argv);
    bool on_session; /* runs on the session's task */
} amble__shell_command;

/* Command number `at`; NULL behind the last. */
const amble__shell_command *amble__shell_command_at(size_t at);
const amble__shell_command *amble__shell_command_find(const char *name);
const amble__command *amble__shell_inside(size_t at);

/* --- lines: shell.c, shell_complete.c ----------------------------------------------------------------------------- */
/* Runs the lines of a file, up to the first that fails. */
int amble__shell_exec(amble__shell *s, const char *path) AMBLE_MUST_CHECK;
/* amble__edit_options.complete; `shell` is the session. */
void amble__shell_complete(void *shell, const char *line, size_t length, amble__offers *offers);
#endif
