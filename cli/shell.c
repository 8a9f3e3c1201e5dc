/* `amble shell`: lines from a person, a file or a pipe, and what runs them (shell.h).
 *
 * A person who types gets a prompt, and a command that fails is told and forgotten. Lines from elsewhere are a script:
 * the first that fails ends it, with its number, and its error is the exit code. Whatever ends the shell, its links are
 * closed. */
#include "cli/shell.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "amble/error.h"
#include "cli/cli.h"
#include "cli/lines.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/words.h"

typedef struct {
    const char *words[1], *bonds;
    int timeout_ms;
    bool json;
} shell_options;

static const amble__option option_table[] = {
    {.name = "--timeout",
     .value = "N",
     .about = "seconds that each step of a command may take; 10 unless given",
     .expected = AMBLE__EXPECTED_SECONDS,
     .take = amble__take_seconds,
     .field = offsetof(shell_options, timeout_ms)},
    {.name = "--bonds",
     .value = "FILE",
     .about = "the file in which the keys of paired devices are kept; without it they end with the shell",
     .expected = "a file",
     .take = amble__take_text,
     .field = offsetof(shell_options, bonds),
     .offer = AMBLE__OFFER_FILES},
    {.name = "--json", .about = "one JSON object a line instead of text", .field = offsetof(shell_options, json)},
};

static const char *const help_usage[] = {"shell -t TRANSPORT [OPTIONS] [FILE]", NULL};
static const char *const help_text[] = {
    ("Scans, connects, reads, writes and follows values in one session. Commands are typed, with history and "
     "completion, "
     "or are the lines of FILE, or of standard input when it is no terminal."),
    ("Values that are notified appear while one types. Ctrl-C stops the command under way, or forgets the line; Ctrl-D "
     "leaves, and ends the links. The history is kept in ~/.amble_history."),
    ("A file ends at the first line that fails, with the exit code of that failure. Words with blanks stand in quotes; "
     "# "
     "begins a comment."),
    NULL};
static const char *const help_examples[] = {"amble shell -t usb:0", "amble shell -t usb:0 morning.txt",
                                            "printf 'connect Lamp\\nwrite 2A06 01\\n' | amble shell -t usb:0 --json",
                                            NULL};

const amble__command amble__command_shell = {
    .name = "shell",
    .about = "scans, connects, reads and writes in one session, typed or from a file",
    .usage = help_usage,
    .text = help_text,
    .examples = help_examples,
    .exits = {"done", "a line of a file failed or was interrupted", "wrong usage", "no controller", "timeout"},
    .options = option_table,
    .option_count = sizeof option_table / sizeof *option_table,
    .words = {{.name = "FILE", .offer = AMBLE__OFFER_FILES}},
    .words_most = 1,
    .words_field = offsetof(shell_options, words),
    .has_controller = true,
    .inside = amble__shell_inside,
    .run = amble__cli_shell};

/* A process has one terminal, and its editor is opened before there are tasks (edit.h). */
static amble__edit *editor;
/* A signal handler has no other way to say something to somebody. */
static amble_event interrupted;
/* A Ctrl-C met an operation that had just been done, so there was nothing to cancel: a script ends all the same. */
static bool came_late;

static void on_interrupt(int number)
{
    (void)number;
    amble_wake(&interrupted);
}

/* --- one operation, which Ctrl-C cancels -------------------------------------------------------------------------- */
typedef struct {
    int (*run)(void *arg);
    void *arg;
    int result;
} operation;

static int run_operation(void *arg)
{
    operation *o = arg;

    o->result = o->run(o->arg);
    return 0;
}

/* Runs a function on a task of its own. Returns its result, or CANCELLED after a Ctrl-C. */
static int operate(int (*run)(void *arg), void *arg)
{
    operation o = {.run = run, .arg = arg, .result = AMBLE_ERR_NO_MEMORY};
    amble_source sources[2];
    amble_scope scope;
    amble_task *task;
    bool stopped = false;

    amble_scope_open(&scope);
    task = amble_spawn_named(&scope, "command", run_operation, &o);
    if (task) {
        sources[0] = amble_on_task(task);
        sources[1] = amble_on_event(&interrupted);
        stopped = amble_wait_first(sources, 2, AMBLE_FOREVER) == 1;
    }
    amble_scope_close(&scope); /* cancels what still runs, and waits for its end */
    /* A signal also ends what is being read, so the operation may have failed in a way of its own before it was
     * cancelled. The wait for the first of several left the event as it was; one that comes from now on is for the
     * next. */
    stopped = amble_event_wait(&interrupted, 0) == 0 || stopped;
    came_late = came_late || (stopped && o.result >= 0);
    return stopped && o.result < 0 ? AMBLE_ERR_CANCELLED : o.result;
}

/* --- one line ----------------------------------------------------------------------------------------------------- */
typedef struct {
    amble__shell *shell;
    const amble__shell_command *command;
    amble__words *words;
} line_arguments;

static int run_command(void *arg)
{
    const line_arguments *a = arg;
    const int r = a->command->run(a->shell, &a->command->command, a->words->argc, a->words->argv);

    return r < 0 ? r : 0; /* help was asked for */
}

static int refuse(const char *sentence, const char *what)
{
    fprintf(stderr, "amble shell: %s%s; see help\n", sentence, what);
    return AMBLE_ERR_USAGE;
}

static int run_words(amble__shell *s, amble__words *words)
{
    line_arguments arguments = {.shell = s, .words = words};
    int r;

    if (words->too_many || words->open)
        return refuse(words->open ? "a quote is not closed" : "these are too many words", "");
    if (!words->argc)
        return 0;
    arguments.command = amble__shell_command_find(words->argv[0]);
    if (!arguments.command)
        return refuse("there is no command ", words->argv[0]);
    amble__shell_reap(s);
    s->told = false;
    r = arguments.command->on_session ? run_command(&arguments) : operate(run_command, &arguments);
    amble__shell_adopt(s);
    amble__output_flush();
    return r;
}

static int run_line(amble__shell *s, const char *line)
{
    amble__words *words = malloc(sizeof *words); /* too large for a task's stack, as `exec` nests */
    int r = AMBLE_ERR_NO_MEMORY;

    if (words) {
        amble__words_split(words, line, strlen(line));
        r = run_words(s, words);
    }
    free(words);
    return r;
}

/* --- scripts ------------------------------------------------------------------------------------------------------ */
typedef struct {
    amble__lines *lines;
    const char *line;
} next_arguments;

static int next_line(void *arg)
{
    next_arguments *a = arg;

    return amble__lines_next(a->lines, &a->line);
}

/* Says what ended a script: the line that it took last, or what it could not read behind it. */
static void tell_end(const amble__lines *lines, const char *name, const char *line, int r)
{
    char shown[256];

    if (r == AMBLE_ERR_CANCELLED)
        fprintf(stderr, "amble shell: %s:%u: interrupted: ", name, lines->number);
    else if (line)
        fprintf(stderr, "amble shell: %s:%u: this failed: ", name, lines->number);
    else if (r == AMBLE_ERR_TOO_LONG)
        fprintf(stderr, "amble shell: %s:%u: a line has %d bytes at most; is this a file of commands?", name,
                lines->number + 1, AMBLE__LINE_MOST);
    else
        fprintf(stderr, "amble shell: %s:%u: what follows cannot be read", name, lines->number);
    fprintf(stderr, "%s\n", line ? amble__clean(shown, sizeof shown, line, strlen(line)) : "");
}

/* Runs lines up to the first that fails; says where that was. */
static int run_lines(amble__shell *s, int fd, const char *name)
{
    amble__lines *lines = malloc(sizeof *lines);
    next_arguments next = {.lines = lines};
    const char *taken = NULL;
    int r = AMBLE_ERR_NO_MEMORY;

    if (!lines)
        return r;
    amble__lines_init(lines, fd);
    while (!s->quit && (r = came_late ? AMBLE_ERR_CANCELLED : operate(next_line, &next)) == 1) {
        taken = next.line;
        if ((r = came_late ? AMBLE_ERR_CANCELLED : run_line(s, taken)) < 0)
            break;
        taken = NULL; /* it went well, and its room is needed */
    }
    if (r < 0)
        tell_end(lines, name, taken, r);
    free(lines);
    return r < 0 ? r : 0;
}

int amble__shell_exec(amble__shell *s, const char *path)
{
    struct stat there;
    int fd, r;

    if (s->depth == AMBLE__SHELL_DEPTH) {
        fprintf(stderr, "amble shell: %s: files that exec files go %d deep at most\n", path, AMBLE__SHELL_DEPTH);
        return AMBLE_ERR_USAGE;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &there) == 0 && S_ISDIR(there.st_mode)) {
        (void)close(fd); /* it was only looked at */
        fd = -1;
        errno = EISDIR;
    }
    if (fd < 0) {
        fprintf(stderr, "amble shell: %s cannot be opened: %s\n", path, strerror(errno));
        s->told = true;
        return AMBLE_ERR_IO;
    }
    s->depth++;
    r = run_lines(s, fd, path);
    s->depth--;
    (void)close(fd); /* it was only read */
    return r;
}

/* --- a person ----------------------------------------------------------------------------------------------------- */
static const char *prompt(void *shell)
{
    const amble__shell *s = shell;

    return s->current && !s->current->lost ? s->current->name : "amble";
}

/* The next line that is typed; an empty one after Ctrl-C. */
static int ask(amble__shell *s, const amble__edit_options *options, amble__lines *lines, const char **line)
{
    next_arguments next = {.lines = lines};
    int r;

    if (s->edit)
        return amble__edit_next(s->edit, options, line);
    fprintf(stderr, "%s> ", prompt(s));
    r = operate(next_line, &next);
    *line = r == 1 ? next.line : "";
    if (r != AMBLE_ERR_CANCELLED || amble_sleep_ms(0) < 0)
        return r;
    fputc('\n', stderr);
    return 1;
}

static int converse(amble__shell *s)
{
    const amble__edit_options options = {.prompt = prompt, .complete = amble__shell_complete, .user = s};
    amble__lines *lines = malloc(sizeof *lines);
    const char *line;
    int r;

    if (!lines)
        return AMBLE_ERR_NO_MEMORY;
    amble__lines_init(lines, STDIN_FILENO);
    while (!s->quit && (r = ask(s, &options, lines, &line)) == 1) {
        amble_event_clear(&interrupted);
        came_late = false;
        r = run_line(s, line);
        if (r == AMBLE_ERR_CANCELLED)
            fputs("interrupted\n", stderr);
        else if (r < 0 && r != AMBLE_ERR_USAGE && !s->told)
            fprintf(stderr, "amble shell: %s\n", amble_error_text(r));
        r = 0;
    }
    if (!s->quit && !r && !s->json)
        putchar('\n'); /* behind the prompt */
    free(lines);
    return r;
}

/* --- the command -------------------------------------------------------------------------------------------------- */
static int parse(int argc, char **argv, shell_options *o)
{
    *o = (shell_options){.timeout_ms = AMBLE__GATT_TIMEOUT_MS};
    return amble__options_take(&amble__command_shell, argc, argv, o);
}

static bool is_typed(const shell_options *o) { return !o->words[0] && isatty(STDIN_FILENO); }

static int shell(amble *ble, int argc, char **argv)
{
    const struct sigaction action = {.sa_handler = on_interrupt};
    amble__shell *s = calloc(1, sizeof *s);
    struct sigaction previous;
    shell_options o;
    int r = parse(argc, argv, &o);

    if (!s || r) {
        free(s);
        return r ? r : AMBLE_ERR_NO_MEMORY;
    }
    s->ble = ble;
    s->json = o.json;
    s->timeout_ms = o.timeout_ms;
    s->edit = editor;
    s->typed = is_typed(&o);
    (void)sigaction(SIGINT, &action, &previous); /* cannot fail for this signal */
    r = s->typed     ? converse(s)
        : o.words[0] ? amble__shell_exec(s, o.words[0])
                     : run_lines(s, STDIN_FILENO, "standard input");
    if (!s->typed && amble__cli_unfinished(NULL, r) == AMBLE_ERR_CANCELLED && !amble__output_is_gone())
        r = 0; /* the line has been named, and the exit code tells */
    (void)sigaction(SIGINT, &previous, NULL);
    amble__shell_reap(s);
    for (size_t i = 0; i < AMBLE__SHELL_LINKS; i++)
        if (s->links[i].conn)
            amble__shell_disconnect(&s->links[i]);
    free(s);
    return r;
}

int amble__cli_shell(int argc, char **argv)
{
    amble_config config = {.name = "amble shell",
                           .mtu = AMBLE__GATT_MTU,
                           .notification_buffers = AMBLE__SHELL_SUBSCRIPTIONS * AMBLE__GATT_BUFFERS,
                           .scanned_devices = AMBLE__SEEN_DEVICES,
                           .scanned_size = AMBLE__SEEN_DATA};
    const char *home = getenv("HOME"), *term = getenv("TERM");
    char history[4096] = "";
    shell_options o;
    int r = parse(argc, argv, &o);

    if (r)
        return amble__cli_exit_code(r);
    config.bonds = o.bonds;
    if (home && *home)
        snprintf(history, sizeof history, "%s/.amble_history", home);
    interrupted = (amble_event){0};
    came_late = false;
    if (is_typed(&o) && amble__output_is_terminal() && !(term && !strcmp(term, "dumb")))
        editor = amble__edit_open(*history ? history : NULL);
    r = amble__cli_main(&amble__command_shell, argc, argv, &config, shell);
    amble__edit_close(editor);
    editor = NULL;
    return r;
}
