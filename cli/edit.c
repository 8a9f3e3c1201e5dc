/* Lines typed on a terminal (edit.h), with libedit.
 *
 * libedit asks for one character at a time, and the function that brings it waits in the scheduler: so the editor is
 * ordinary code that waits on its task like any other. Ctrl-C is a key here and no signal, as long as a line is
 * typed. */
#include "cli/edit.h"

#ifdef AMBLE_HAVE_LIBEDIT
#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "amble/error.h"
#include "amble/task.h"
#include "cli/output.h"
#include "cli/words.h"

enum { HISTORY_LINES = 500, OFFERS_SHOWN = 100, NAME_MOST = 256 };

struct amble__edit {
    EditLine *el;
    History *history;
    const char *path;
    const amble__edit_options *options;
    char prompt[128], line[AMBLE__LINE_MOST + 1];
    int result; /* why the last character could not be had */
    bool reading, interrupted;
};

/* A signal handler has no other way to say something to somebody. */
static volatile sig_atomic_t resized;

static void on_resize(int number)
{
    (void)number;
    resized = 1;
}

static amble__edit *edit_of(EditLine *el)
{
    void *edit = NULL;

    (void)el_get(el, EL_CLIENTDATA, &edit); /* was set in amble__edit_open */
    return edit;
}

/* --- what libedit asks for ---------------------------------------------------------------------------------------- */
/* One character, in one to four bytes: 1, or 0 at the end. */
static int get_character(EditLine *el, wchar_t *out)
{
    amble__edit *edit = edit_of(el);
    mbstate_t state = {0};

    for (;;) {
        char byte;
        size_t taken;
        ssize_t count;

        edit->result = amble_wait_fd(STDIN_FILENO, false, AMBLE_FOREVER);
        if (edit->result < 0)
            return 0;
        count = read(STDIN_FILENO, &byte, 1);
        if (count < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (count <= 0)
            return 0;
        if (resized) {
            resized = 0;
            el_resize(el);
        }
        taken = mbrtowc(out, &byte, 1, &state);
        if (taken <= 1)
            return 1;
        if (taken == (size_t)-1)
            memset(&state, 0, sizeof state); /* no character of this locale: left out */
    }
}

/* Between two \1 the prompt does not move the cursor. */
static char *get_prompt(EditLine *el)
{
    amble__edit *edit = edit_of(el);
    const char *bold = amble__paint(AMBLE__BOLD), *plain = amble__paint(AMBLE__PLAIN);
    const char *text = edit->options->prompt(edit->options->user);

    if (*bold)
        snprintf(edit->prompt, sizeof edit->prompt, "\1%s\1%s\1%s\1> ", bold, text, plain);
    else
        snprintf(edit->prompt, sizeof edit->prompt, "%s> ", text);
    return edit->prompt;
}

static unsigned char interrupt(EditLine *el, wint_t key)
{
    amble__edit *edit = edit_of(el);

    (void)key;
    edit->interrupted = true;
    fputs("^C\n", stdout);
    return CC_NEWLINE;
}

/* --- completion --------------------------------------------------------------------------------------------------- */
static size_t characters(const char *text, size_t length)
{
    size_t count = 0;

    for (size_t i = 0; i < length; i++)
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}

static void show_offers(amble__edit *edit, const amble__offers *offers)
{
    int columns, rows;
    size_t widest = 0, per_line;

    (void)edit;
    amble__output_size(&columns, &rows);
    putchar('\n');
    if (offers->count > OFFERS_SHOWN) {
        printf("%zu possibilities\n", offers->count);
        return;
    }
    for (size_t i = 0; i < offers->count; i++)
        if (characters(offers->names[i], strlen(offers->names[i])) > widest)
            widest = characters(offers->names[i], strlen(offers->names[i]));
    per_line = (size_t)columns / (widest + 2) ? (size_t)columns / (widest + 2) : 1;
    for (size_t i = 0; i < offers->count; i++) {
        amble__print_column(offers->names[i], (int)widest);
        fputs((i + 1) % per_line && i + 1 < offers->count ? "  " : "\n", stdout);
    }
}

/* What all offers begin with, in `common`. */
static void find_common(const amble__offers *offers, char common[NAME_MOST])
{
    snprintf(common, NAME_MOST, "%s", offers->names[0]);
    for (size_t i = 1; i < offers->count; i++) {
        size_t same = 0;

        while (common[same] && common[same] == offers->names[i][same])
            same++;
        while (same && ((unsigned char)common[same] & 0xc0) == 0x80)
            same--; /* not within a character */
        common[same] = '\0';
    }
}

/* Puts the word in place of the `typed` characters before the cursor. */
static unsigned char replace(EditLine *el, size_t typed, const char *word, bool whole)
{
    char quoted[2 * NAME_MOST], text[2 * NAME_MOST + 2];
    const size_t length = strlen(amble__words_quote(word, quoted, sizeof quoted));

    snprintf(text, sizeof text, "%s%s", quoted, whole && length && quoted[length - 1] != '/' ? " " : "");
    el_deletestr(el, (int)typed);
    return el_insertstr(el, text) < 0 ? CC_ERROR : CC_REFRESH;
}

static unsigned char complete_word(EditLine *el, const amble__words *words, size_t length, const char *line)
{
    amble__edit *edit = edit_of(el);
    amble__offers *offers = calloc(1, sizeof *offers);
    const size_t start = words->ended ? length : words->last;
    unsigned char r = CC_ERROR;
    char common[NAME_MOST];

    if (!offers)
        return CC_ERROR;
    offers->prefix = words->ended ? "" : words->argv[words->argc - 1];
    edit->options->complete(edit->options->user, line, length, offers);
    if (offers->count) {
        find_common(offers, common);
        if (offers->count == 1 || strlen(common) > strlen(offers->prefix)) {
            r = replace(el, characters(line + start, length - start), common, offers->count == 1);
        } else {
            show_offers(edit, offers);
            r = CC_REDISPLAY;
        }
    }
    amble__offers_clear(offers);
    free(offers);
    return r;
}

static unsigned char complete(EditLine *el, wint_t key)
{
    const LineInfo *info = el_line(el);
    const size_t length = (size_t)(info->cursor - info->buffer);
    amble__words *words = malloc(sizeof *words);
    char *line = malloc(length + 1);
    unsigned char r = CC_ERROR;

    (void)key;
    if (words && line && length <= AMBLE__LINE_MOST) {
        memcpy(line, info->buffer, length); /* what `info` shows changes with the next call */
        line[length] = '\0';
        amble__words_split(words, line, length);
        r = complete_word(el, words, length, line);
    }
    free(words);
    free(line);
    return r;
}

/* --- opening and closing ------------------------------------------------------------------------------------------ */
/* Characters are wide inside of libedit, so there has to be a locale that has them. */
static void set_locale(void)
{
    (void)setlocale(LC_CTYPE, "");
    if (MB_CUR_MAX == 1)
        (void)setlocale(LC_CTYPE, "C.UTF-8"); /* without it only ASCII can be typed */
}

static void open_history(amble__edit *edit)
{
    HistEvent event;

    edit->history = history_init();
    if (!edit->history)
        return; /* lines can be typed all the same */
    (void)history(edit->history, &event, H_SETSIZE, HISTORY_LINES);
    (void)history(edit->history, &event, H_SETUNIQUE, 1);
    if (edit->path)
        (void)history(edit->history, &event, H_LOAD, edit->path); /* the first time there is none */
    (void)el_set(edit->el, EL_HIST, history, edit->history);
}

/* What cannot be set here leaves an editor that can less. */
static void set_keys(amble__edit *edit)
{
    (void)el_set(edit->el, EL_EDITOR, "emacs");
    (void)el_set(edit->el, EL_PROMPT_ESC, get_prompt, '\1');
    (void)el_set(edit->el, EL_GETCFN, get_character);
    (void)el_set(edit->el, EL_ADDFN, "amble-complete", "Completes the word", complete);
    (void)el_set(edit->el, EL_ADDFN, "amble-interrupt", "Forgets the line", interrupt);
    (void)el_set(edit->el, EL_BIND, "^I", "amble-complete", NULL);
    (void)el_set(edit->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
    (void)el_source(edit->el, NULL); /* ~/.editrc, if there is one */
    (void)el_set(edit->el, EL_BIND, "^C", "amble-interrupt", NULL);
    (void)el_set(edit->el, EL_SETTY, "-d", "-isig", NULL);
    /* What is typed while a command runs is for the next line, Ctrl-D too: as the end of a file it would reach the
     * editor as a zero. */
    (void)el_set(edit->el, EL_SETTY, "-x", "eof=", NULL);
}

amble__edit *amble__edit_open(const char *history_path)
{
    const struct sigaction action = {.sa_handler = on_resize, .sa_flags = SA_RESTART};
    amble__edit *edit = calloc(1, sizeof *edit);

    if (!edit)
        return NULL;
    set_locale();
    edit->path = history_path;
    edit->el = el_init("amble", stdin, stdout, stderr);
    if (!edit->el) {
        free(edit);
        return NULL;
    }
    (void)el_set(edit->el, EL_CLIENTDATA, edit);
    open_history(edit);
    set_keys(edit);
    (void)sigaction(SIGWINCH, &action, NULL); /* cannot fail for this signal */
    return edit;
}

void amble__edit_close(amble__edit *edit)
{
    HistEvent event;

    if (!edit)
        return;
    if (edit->history && edit->path && history(edit->history, &event, H_SAVE, edit->path) < 0)
        fprintf(stderr, "amble shell: the history cannot be written to %s\n", edit->path);
    el_end(edit->el);
    if (edit->history)
        history_end(edit->history);
    free(edit);
}

/* --- lines -------------------------------------------------------------------------------------------------------- */
int amble__edit_next(amble__edit *edit, const amble__edit_options *options, const char **line)
{
    HistEvent event;
    const char *typed;
    int count = 0;

    edit->options = options;
    edit->interrupted = false;
    edit->result = 0;
    edit->reading = true;
    (void)el_set(edit->el, EL_PREP_TERM, 1); /* before the prompt is seen, so that every key behind it is one */
    typed = el_gets(edit->el, &count);
    edit->reading = false;
    *line = edit->line;
    edit->line[0] = '\0';
    if (edit->interrupted)
        return 1;
    if (!typed || count <= 0)
        return edit->result < 0 ? edit->result : 0;
    snprintf(edit->line, sizeof edit->line, "%s", typed);
    edit->line[strcspn(edit->line, "\n")] = '\0';
    if (edit->history && edit->line[strspn(edit->line, " ")])
        (void)history(edit->history, &event, H_ENTER, edit->line); /* without memory it is forgotten */
    return 1;
}

void amble__edit_hide(amble__edit *edit)
{
    const LineInfo *info;
    int columns, rows;
    size_t before;

    if (!edit || !edit->reading)
        return;
    amble__output_size(&columns, &rows);
    info = el_line(edit->el);
    before = characters(info->buffer, (size_t)(info->cursor - info->buffer)) + strlen("> ");
    before +=
        characters(edit->options->prompt(edit->options->user), strlen(edit->options->prompt(edit->options->user)));
    if (before / (size_t)columns)
        printf("\033[%zuA", before / (size_t)columns);
    fputs("\r\033[J", stdout);
}

void amble__edit_show(amble__edit *edit)
{
    if (!edit || !edit->reading)
        return;
    (void)fflush(stdout); /* asked for errors at the end of each line */
    (void)el_set(edit->el, EL_REFRESH);
}
#else
amble__edit *amble__edit_open(const char *history)
{
    (void)history; /* nobody keeps lines */
    return NULL;
}

void amble__edit_close(amble__edit *edit) { (void)edit; }

int amble__edit_next(amble__edit *edit, const amble__edit_options *options, const char **line)
{
    (void)edit, (void)options; /* nobody has an editor to call this with */
    *line = "";
    return 0;
}

void amble__edit_hide(amble__edit *edit) { (void)edit; }

void amble__edit_show(amble__edit *edit) { (void)edit; }
#endif
