/* Printing (output.h). */
#define _XOPEN_SOURCE 700 /* wcwidth */
#include "cli/output.h"

#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "core/hex.h"

enum { COLUMNS = 80, ROWS = 24 };

/* --- the terminal ------------------------------------------------------------------------------------------------- */
bool amble__output_is_terminal(void) { return isatty(STDOUT_FILENO); }

const char *amble__paint(amble__colour colour)
{
    static const char *const sequences[AMBLE__COLOURS] = {
        [AMBLE__PLAIN] = "\033[0m",  [AMBLE__BOLD] = "\033[1m",    [AMBLE__DIM] = "\033[2m",  [AMBLE__RED] = "\033[31m",
        [AMBLE__GREEN] = "\033[32m", [AMBLE__YELLOW] = "\033[33m", [AMBLE__BLUE] = "\033[34m"};
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

    if (!amble__output_is_terminal() || (no_color && *no_color) || (term && !strcmp(term, "dumb")))
        return "";
    return sequences[colour];
}

void amble__output_size(int *columns, int *rows)
{
    struct winsize size = {0};

    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size); /* it stays empty where there is no terminal */
    *columns = size.ws_col ? size.ws_col : COLUMNS;
    *rows = size.ws_row ? size.ws_row : ROWS;
}

/* --- text --------------------------------------------------------------------------------------------------------- */
/* Marks that turn the direction of what follows, and ends of lines: a name with them in it would rearrange what stands
 * beside it. U+061C, U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069 (UAX #9). */
static bool rearranges(const uint8_t *at, size_t length)
{
    if (length == 2)
        return at[0] == 0xd8 && at[1] == 0x9c;
    if (length != 3 || at[0] != 0xe2)
        return false;
    return at[1] == 0x80 ? at[2] == 0x8e || at[2] == 0x8f || (at[2] >= 0xa8 && at[2] <= 0xae)
                         : at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9;
}

/* The length of the well-formed UTF-8 sequence at `at` (RFC 3629 4), 0 when there is none or it is a control
 * character. */
static size_t sequence(const uint8_t *at, size_t left)
{
    const uint8_t c = at[0];
    const size_t length = c < 0x80                ? 1
                          : c >= 0xc2 && c < 0xe0 ? 2
                          : c >= 0xe0 && c < 0xf0 ? 3
                          : c >= 0xf0 && c < 0xf5 ? 4
                                                  : 0;

    if (!length || length > left || c < 0x20 || c == 0x7f)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if (length < 2)
        return length;
    if ((c == 0xc2 && at[1] < 0xa0) || (c == 0xe0 && at[1] < 0xa0) || (c == 0xed && at[1] >= 0xa0) ||
        (c == 0xf0 && at[1] < 0x90) || (c == 0xf4 && at[1] >= 0x90))
        return 0; /* C1 controls, overlong forms, surrogates, beyond U+10FFFF */
    return rearranges(at, length) ? 0 : length;
}

bool amble__is_text(const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    size_t length;

    if (!count)
        return false;
    for (; count; at += length, count -= length)
        if (!(length = sequence(at, count)))
            return false;
    return true;
}

const char *amble__clean(char *out, size_t size, const void *bytes, size_t count)
{
    static const char replacement[] = "\xef\xbf\xbd";
    const uint8_t *at = bytes;
    char *end = out;

    while (count) {
        const size_t good = sequence(at, count), taken = good ? good : 1;
        const size_t put = good ? good : sizeof replacement - 1;

        if ((size_t)(end - out) + put >= size)
            break;
        memcpy(end, good ? (const char *)at : replacement, put);
        end += put;
        at += taken;
        count -= taken;
    }
    *end = '\0';
    return out;
}

/* The length of the character at `text`, whose columns on a terminal are written to `*columns`: two for those of East
 * Asia and pictures, none for an accent that goes onto the one before. */
static size_t measure(const char *text, int *columns)
{
    static locale_t utf8; /* of the process; it is never freed */
    mbstate_t state = {0};
    wchar_t character;
    locale_t before;
    size_t length;

    if (!utf8)
        utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    before = utf8 ? uselocale(utf8) : (locale_t)0;
    length = mbrtowc(&character, text, MB_LEN_MAX, &state);
    if (length == 0 || length > MB_LEN_MAX)
        length = 1; /* none, or no locale that knows it: a byte, each of which counts */
    else
        *columns = wcwidth(character);
    if (length == 1 || *columns < 0)
        *columns = 1; /* younger than this system's tables */
    if (before)
        (void)uselocale(before); /* it was in use a moment ago */
    return length;
}

void amble__print_column(const char *text, int columns)
{
    int shown = 0, wide = 0;

    for (size_t length; *text; text += length, shown += wide) {
        length = measure(text, &wide);
        if (shown + wide > columns)
            break;                             /* in front of a character that has no room */
        (void)fwrite(text, 1, length, stdout); /* asked by amble__output_flush */
    }
    for (; shown < columns; shown++)
        putchar(' ');
}

const char *amble__hex(char *out, size_t size, const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    char *end = out;

    for (size_t i = 0; i < count && (size_t)(end - out) + 2 < size; i++)
        end = amble__hex_put(end, at[i]);
    *end = '\0';
    return out;
}

/* --- lines -------------------------------------------------------------------------------------------------------- */
static int problem; /* the errno that ended standard output, which a process has one of; 0: it is well */

void amble__output_flush(void)
{
    struct sigaction on_term = {.sa_handler = SIG_DFL};

    if (fflush(stdout) == 0 || problem)
        return;
    problem = errno;
    (void)sigaction(SIGTERM, NULL, &on_term); /* cannot fail for this signal */
    if (on_term.sa_handler != SIG_DFL)
        (void)raise(SIGTERM); /* amble_main ends the program; one without it has little left to say */
}

bool amble__output_is_gone(void) { return problem != 0; }

bool amble__output_end(void)
{
    if (fflush(stdout) && !problem)
        problem = errno;
    if (problem == EPIPE || (!problem && !ferror(stdout)))
        return true;
    fprintf(stderr, "amble: standard output cannot be written: %s\n",
            problem ? strerror(problem) : "some of it was lost");
    return false;
}

void amble__output_json(cJSON *object)
{
    char *line = object ? cJSON_PrintUnformatted(object) : NULL;

    if (line)
        puts(line);
    else
        fputs("amble: a line is lost: out of memory\n", stderr);
    cJSON_free(line);
    cJSON_Delete(object);
    amble__output_flush();
}

void amble__json_uuid(cJSON *object, const char *key, const amble_uuid *uuid, const char *name)
{
    char text[AMBLE_UUID_TEXT], name_key[32];

    cJSON_AddStringToObject(object, key, amble_uuid_text(uuid, text));
    if (!name)
        return;
    snprintf(name_key, sizeof name_key, "%s_name", key);
    cJSON_AddStringToObject(object, name_key, name);
}

void amble__json_bytes(cJSON *object, const char *key, const void *bytes, size_t count)
{
    char text[2 * 1650 + 1]; /* as long as extended advertising data; a value has 512 bytes at most */

    cJSON_AddStringToObject(object, key, amble__hex(text, sizeof text, bytes, count));
}
