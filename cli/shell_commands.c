/* The commands of `amble shell` (shell.h): a table of them as the tool has one, and their functions.
 *
 * Those that look at a peer take the options of `amble gatt`, and `scan` those of `amble scan`. */
#include <stdio.h>
#include <string.h>

#include "amble/error.h"
#include "amble/gap.h"
#include "cli/documentation.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/scan.h"
#include "cli/shell.h"

typedef struct {
    const char *words[1];
    int timeout_ms;
} plain_options;

/* --- finding ------------------------------------------------------------------------------------------------------ */
static bool has_links(const amble__shell *s)
{
    for (size_t i = 0; i < AMBLE__SHELL_LINKS; i++)
        if (s->links[i].conn)
            return true;
    return false;
}

static int run_scan(amble__shell *s, const amble__command *command, int argc, char **argv)
{
    amble__scan_options o = {.json = s->json, .lines = has_links(s)}; /* what links say would tear a table */
    const int r = amble__options_take(command, argc, argv, &o);

    if (r)
        return r;
    s->seen.count = 0;
    return amble__scan(s->ble, &o, &s->seen);
}

static int take_plain(const amble__shell *s, const amble__command *command, int argc, char **argv, plain_options *o)
{
    *o = (plain_options){.timeout_ms = s->timeout_ms};
    return amble__options_take(command, argc, argv, o);
}

static int run_connect(amble__shell *s, const amble__command *command, int argc, char **argv)
{
    plain_options o;
    const int r = take_plain(s, command, argc, argv, &o);

    return r ? r : amble__shell_connect(s, o.words[0], o.timeout_ms);
}

static int run_connections(amble__shell *s, const amble__command *command, int argc, char **argv)
{
    plain_options o;
    const int r = take_plain(s, command, argc, argv, &o);

    for (size_t i = 0; !r && i < AMBLE__SHELL_LINKS; i++) {
        const amble__shell_link *link = &s->links[i];

        if (!link->conn)
            continue;
        if (s->json) {
            cJSON *object = amble__shell_event("connection", link);

            cJSON_AddStringToObject(object, "name", link->name);
            cJSON_AddNumberToObject(object, "mtu", amble_connection_mtu(link->conn));
            cJSON_AddBoolToObject(object, "current", s->current == link);
            amble__output_json(object);
        } else {
            printf("%s %s  %s  MTU %u\n", s->current == link ? "*" : " ", link->address, link->name,
                   amble_connection_mtu(link->conn));
        }
    }
    return r;
}

static int run_use(amble__shell *s, const amble__command *command, int argc, char **argv)
{
    amble__shell_link *link;
    plain_options o;
    const int r = take_plain(s, command, argc, argv, &o);

    if (r)
        return r;
    link = amble__shell_link_of(s, o.words[0]);
    if (!link)
        return AMBLE_ERR_NOT_FOUND;
    s->current = link;
    return 0;
}

static int run_disconnect(amble__shell *s, const amble__command *command, int argc, char **argv)
{
    amble__shell_link *link;
    plain_options o;
    const int r = take_plain(s, command, argc, argv, &o);

    if (r)
        return r;
    link = amble__shell_link_of(s, o.words[0]);
    if (!link)
        return o.words[0] ? AMBLE_ERR_NOT_FOUND : AMBLE_ERR_DISCONNECTED;
    amble__shell_disconnect(link);
    return 0;
}

/* --- looking at the peer ------------------------------------------------------------------------------------------ */
static void met(void *user, const amble_remote_service *service, const amble_remote_characteristic *c)
{
    amble__shell_remember(user, &service->uuid, c);
}

/* Takes options and words; the characteristic, where the command names one, must make sense. */
static int take_gatt(amble__shell *s, const amble__command *command, int argc, char **argv, amble__gatt_options *o)
{
    int r;

    *o = (amble__gatt_options){.byte_limit = AMBLE__VALUE_MAX, .timeout_ms = s->timeout_ms, .json = s->json};
    r = amble__options_take(command, argc, argv, o);
    if (!r && o->words[0])
        r = amble__gatt_take_characteristic(command, o->words[0], &o->characteristic);
    return r;
}

/* The same, and finds the characteristic. */
static int find(amble__shell *s, const amble__command *command, int argc, char **argv, amble__gatt_options *o,
                amble_remote_characteristic *c)
{
    int r = take_gatt(s, command, argc, argv, o);

    if (!r && o->words[1])
        r = amble__gatt_take_value(command, o, o->words[1]);
    if (r)
        return r;
    if (!amble__shell_link_of(s, NULL))
        return AMBLE_ERR_DISCONNECTED;
    return amble__shell_find(s, &o->characteristic, o, c);
}

static int run_tree(amble__shell *s, const amble__command *command, int argc, char **argv)
{
    amble__gatt_options o;
    const int r = take_gatt(s, command, argc, argv, &o);

    if (r)
        return r;
    if (!amble__shell_link_of(s, NULL))
        return AMBLE_ERR_DISCONNECTED;
    return amble__gatt_tree(s->current->conn, &o, met, s->current);
}

static int run_read(amble__shell *s, const amble__command *command, int argc, char **argv)
{
    amble_remote_characteristic c;
    amble__gatt_options o;
    const int r = find(s, command, argc, argv, &o, &c);

    return r ? r : amble__gatt_read(&c, &o);
}

static int run_write(amble__shell *s, const amble__command *command, int argc, char **argv)
{
    amble_remote_characteristic c;
    amble__gatt_options o;
    const int r = find(s, command, argc, argv, &o, &c);

    return r ? r : amble__gatt_write(&c, &o, o.words[1]);
}

static int run_subscribe(amble__shell *s, const amble__command *command, int argc, char **argv)
{
    amble_remote_characteristic c;
    amble__gatt_options o;
    const int r = find(s, command, argc, argv, &o, &c);

    return r ? r : amble__shell_subscribe(s, &c, &o);
}

static int run_unsubscribe(amble__shell *s, const amble__command *command, int argc, char **argv)
{
    amble__gatt_options o;
    const int r = take_gatt(s, command, argc, argv, &o);
    char text[AMBLE_UUID_TEXT];

    if (r)
        return r;
    if (!amble__shell_link_of(s, NULL))
        return AMBLE_ERR_DISCONNECTED;
    if (amble__shell_unsubscribe(s->current, o.words[0] ? &o.characteristic : NULL))
        return 0;
    s->told = true;
    fprintf(stderr, "amble shell: there is no subscription%s%s\n", o.words[0] ? " to " : "",
            o.words[0] ? amble_uuid_text(&o.characteristic, text) : "");
    return AMBLE_ERR_NOT_FOUND;
}

static int run_pair(amble__shell *s, const amble__command *command, int argc, char **argv)
{
    amble__shell_pair_options o = {.timeout_ms = 0};
    const int r = amble__options_take(command, argc, argv, &o);

    if (r)
        return r;
    if (!amble__shell_link_of(s, NULL))
        return AMBLE_ERR_DISCONNECTED;
    return amble__shell_pair(s, &o);
}

/* --- the shell itself --------------------------------------------------------------------------------------------- */
static int run_sleep(amble__shell *s, const amble__command *command, int argc, char **argv)
{
    plain_options o;
    const int r = take_plain(s, command, argc, argv, &o);
    int ms;

    if (r)
        return r;
    if (!amble__take_seconds(&ms, o.words[0]))
        return amble__options_wrong(command, "%s: this takes %s", o.words[0], AMBLE__EXPECTED_SECONDS);
    return amble_sleep_ms(ms);
}

static int run_exec(amble__shell *s, const amble__command *command, int argc, char **argv)
{
    plain_options o;
    const int r = take_plain(s, command, argc, argv, &o);

    return r ? r : amble__shell_exec(s, o.words[0]);
}

static int run_help(amble__shell *s, const amble__command *command, int argc, char **argv)
{
    const amble__shell_command *about;
    plain_options o;
    const int r = take_plain(s, command, argc, argv, &o);

    if (r)
        return r;
    if (!o.words[0]) {
        amble__help_print_inside(amble__shell_inside, stdout);
        putchar('\n');
        amble__help_wrap(
            stdout,
            "help COMMAND, or COMMAND --help, says more about each. Tab completes, Ctrl-C stops what is under "
            "way, Ctrl-D leaves.",
            0, 0);
        return 0;
    }
    about = amble__shell_command_find(o.words[0]);
    if (!about)
        return amble__options_wrong(command, "there is no command %s", o.words[0]);
    amble__help_print(&about->command, stdout);
    return 0;
}

static int run_quit(amble__shell *s, const amble__command *command, int argc, char **argv)
{
    plain_options o;
    const int r = take_plain(s, command, argc, argv, &o);

    s->quit = !r;
    return r;
}

/* --- the table ---------------------------------------------------------------------------------------------------- */
static const amble__option timeout_option[] = {
    {.name = "--timeout",
     .value = "N",
     .about = "seconds that each step may take",
     .expected = AMBLE__EXPECTED_SECONDS,
     .take = amble__take_seconds,
     .field = offsetof(plain_options, timeout_ms)},
};

static const amble__option pair_option_table[] = {
    {.name = "--passkey",
     .value = "N",
     .about = "the six digits that the other device shows; without it they are asked for",
     .expected = "up to six digits",
     .take = amble__shell_take_passkey,
     .field = offsetof(amble__shell_pair_options, passkey)},
    {.name = "--same",
     .about = "says yes when both devices show digits, without asking",
     .field = offsetof(amble__shell_pair_options, same)},
    {.name = "--mitm",
     .about = "fails unless nobody can have been in between",
     .field = offsetof(amble__shell_pair_options, mitm)},
    {.name = "--renew",
     .about = "pairs even if there are keys from before",
     .field = offsetof(amble__shell_pair_options, renew)},
    {.name = "--timeout",
     .value = "N",
     .about = "seconds that it may take; 60 unless given",
     .expected = AMBLE__EXPECTED_SECONDS,
     .take = amble__take_seconds,
     .field = offsetof(amble__shell_pair_options, timeout_ms)},
};

#define LINES(...)   ((const char *const[]){__VA_ARGS__, NULL})
#define PLAIN(least) .words_least = (least), .words_most = 1, .words_field = offsetof(plain_options, words)
#define GATT(least, most)                                                                                              \
    .options = amble__gatt_option_table, .option_count = AMBLE__GATT_SHELL_OPTIONS, .words_least = (least),            \
    .words_most = (most), .words_field = offsetof(amble__gatt_options, words)

#define CHARACTERISTIC                                                                                                 \
    {                                                                                                                  \
        .name = "CHARACTERISTIC", .offer = AMBLE__OFFER_CHARACTERISTICS                                                \
    }

static const amble__shell_command commands[] = {
    {{.name = "connect",
      .about = "connects to a device, by its address or its name",
      .usage = LINES("connect ADDRESS [--timeout N]"),
      .text = LINES("Connects, and makes this link the one that the other commands are about. ADDRESS is "
                    "AA:BB:CC:DD:EE:FF/p (public) or /r (random), or the name of a device, which is then looked for."),
      .options = timeout_option,
      .option_count = 1,
      .words = {{.name = "ADDRESS", .offer = AMBLE__OFFER_DEVICES}},
      PLAIN(1),
      .in_shell = true},
     run_connect,
     false},
    {{.name = "connections",
      .about = "lists the links",
      .usage = LINES("connections"),
      .text = LINES("Lists the links; * is the one that the other commands are about."),
      .in_shell = true},
     run_connections,
     true},
    {{.name = "disconnect",
      .about = "ends a link",
      .usage = LINES("disconnect [ADDRESS]"),
      .text = LINES("Ends this link, or the one to ADDRESS."),
      .words = {{.name = "ADDRESS", .offer = AMBLE__OFFER_DEVICES}},
      PLAIN(0),
      .in_shell = true},
     run_disconnect,
     true},
    {{.name = "exec",
      .about = "runs the lines of a file, up to the first that fails",
      .usage = LINES("exec FILE"),
      .text = LINES("Runs the lines of a file as if they were typed, up to the first that fails. # begins a comment."),
      .words = {{.name = "FILE", .offer = AMBLE__OFFER_FILES}},
      PLAIN(1),
      .in_shell = true},
     run_exec,
     true},
    {{.name = "help",
      .about = "says what there is, and more about one of the commands",
      .usage = LINES("help [COMMAND]"),
      .text = LINES("Lists the commands, or says more about one."),
      .words = {{.name = "COMMAND", .offer = AMBLE__OFFER_COMMANDS}},
      PLAIN(0),
      .in_shell = true},
     run_help,
     true},
    {{.name = "pair",
      .about = "encrypts the link, for what cannot be read otherwise",
      .usage = LINES("pair [OPTIONS]"),
      .text =
          LINES("Pairs, unless the link is encrypted well enough, and asks what the pairing wants to know. The keys "
                "are kept until the shell ends, or as its --bonds says. A script pairs without a passkey, unless "
                "--passkey or --same says "
                "what it would answer."),
      .options = pair_option_table,
      .option_count = sizeof pair_option_table / sizeof *pair_option_table,
      .in_shell = true},
     run_pair,
     false},
    {{.name = "quit",
      .about = "ends the links and the shell",
      .usage = LINES("quit"),
      .text = LINES("Ends the links and the shell, as Ctrl-D does."),
      .in_shell = true},
     run_quit,
     true},
    {{.name = "read",
      .about = "prints the value of a characteristic",
      .usage = LINES("read CHARACTERISTIC [OPTIONS]"),
      .text = LINES("Prints the value, decoded where its meaning is known. CHARACTERISTIC is a UUID or a name."),
      .words = {CHARACTERISTIC},
      GATT(1, 1),
      .in_shell = true},
     run_read,
     false},
    {{.name = "scan",
      .about = "shows who advertises",
      .usage = LINES("scan [OPTIONS]"),
      .text = LINES("Shows who advertises. Ctrl-C ends it. The addresses and names can be completed from then on."),
      .options = amble__scan_option_table,
      .option_count = AMBLE__SCAN_OPTIONS,
      .in_shell = true},
     run_scan,
     false},
    {{.name = "sleep",
      .about = "waits; what is followed goes on",
      .usage = LINES("sleep SECONDS"),
      .text = LINES("Waits so many seconds. For scripts."),
      .words = {{.name = "SECONDS"}},
      PLAIN(1),
      .in_shell = true},
     run_sleep,
     false},
    {{.name = "subscribe",
      .about = "prints each value that is notified or indicated from now on",
      .usage = LINES("subscribe CHARACTERISTIC [OPTIONS]"),
      .text = LINES("Prints each value that is notified or indicated from now on, while other commands run; until "
                    "unsubscribe, --seconds or --count."),
      .words = {CHARACTERISTIC},
      GATT(1, 1),
      .in_shell = true},
     run_subscribe,
     false},
    {{.name = "tree",
      .about = "shows services, characteristics, descriptors and their values",
      .usage = LINES("tree [OPTIONS]"),
      .text = LINES("Shows services, characteristics, descriptors and their values."),
      GATT(0, 0),
      .in_shell = true},
     run_tree,
     false},
    {{.name = "unsubscribe",
      .about = "ends one subscription, or all of this link",
      .usage = LINES("unsubscribe [CHARACTERISTIC]"),
      .text = LINES("Ends the subscription to CHARACTERISTIC, or all of this link."),
      .words = {{.name = "CHARACTERISTIC", .offer = AMBLE__OFFER_SUBSCRIPTIONS}},
      .words_most = 1,
      .words_field = offsetof(amble__gatt_options, words),
      .in_shell = true},
     run_unsubscribe,
     true},
    {{.name = "use",
      .about = "makes another link the one that the other commands are about",
      .usage = LINES("use ADDRESS"),
      .text = LINES("Makes another link the one that the other commands are about."),
      .words = {{.name = "ADDRESS", .offer = AMBLE__OFFER_DEVICES}},
      PLAIN(1),
      .in_shell = true},
     run_use,
     true},
    {{.name = "write",
      .about = "writes hexadecimal digits, or as --format says",
      .usage = LINES("write CHARACTERISTIC VALUE [OPTIONS]"),
      .text = LINES("Writes VALUE: hexadecimal digits, or as --format says."),
      .words = {CHARACTERISTIC, {.name = "VALUE"}},
      GATT(2, 2),
      .in_shell = true},
     run_write,
     false},
};

const amble__shell_command *amble__shell_command_at(size_t at)
{
    return at < sizeof commands / sizeof *commands ? &commands[at] : NULL;
}

const amble__command *amble__shell_inside(size_t at)
{
    const amble__shell_command *command = amble__shell_command_at(at);

    return command ? &command->command : NULL;
}

const amble__shell_command *amble__shell_command_find(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (!strcmp(commands[i].command.name, name))
            return &commands[i];
    return NULL;
}
