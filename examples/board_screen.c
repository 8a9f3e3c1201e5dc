/* The screen of board_screen.h, made of what every terminal since the VT100 understands, and of the alternate page of
 * xterm. A frame goes home, rewrites each line up to its end and clears what is below: nothing is blank in between.
 * Invariant: `frame` always ends before FRAME_SIZE - LINE_SIZE, so a line is never cut within an escape sequence. */
#include "board_screen.h"

#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define LINE_SIZE  2048
#define FRAME_SIZE 65536
#define CELLS_MAX  150 /* three bytes each fit into SCREEN_BAR_BYTES */

static struct {
    bool is_open, has_keys, colour, utf8;
    struct termios before;
    int width, height, lines;
    size_t size;
    char frame[FRAME_SIZE];
} screen;

static void put(const char *text, size_t size)
{
    memcpy(screen.frame + screen.size, text, size);
    screen.size += size;
}

static void put_text(const char *text) { put(text, strlen(text)); }

/* Writes all of it; a terminal that is gone is not worth an error, its program is about to get SIGHUP. */
static void show(const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = write(STDOUT_FILENO, bytes, size);

        if (n <= 0)
            return;
        bytes += n;
        size -= (size_t)n;
    }
}

static void take_keys(void)
{
    struct termios keys;

    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &screen.before) < 0)
        return;
    keys = screen.before;
    keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    keys.c_cc[VSUSP] = _POSIX_VDISABLE; /* Ctrl-Z would leave the shell on our page */
    keys.c_cc[VMIN] = 1;
    keys.c_cc[VTIME] = 0;
    screen.has_keys = tcsetattr(STDIN_FILENO, TCSANOW, &keys) == 0;
}

static bool locale_is_utf8(void)
{
    setlocale(LC_CTYPE, "");
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

bool screen_open(void)
{
    const char *terminal = getenv("TERM"), *no_colour = getenv("NO_COLOR");

    screen.utf8 = locale_is_utf8();
    if (!isatty(STDOUT_FILENO) || !terminal || strcmp(terminal, "dumb") == 0)
        return false;
    screen.colour = !no_colour || !*no_colour; /* no-color.org: set and not empty */
    screen.is_open = true;
    take_keys();
    show("\033[?1049h\033[?25l", 14);
    return true;
}

void screen_close(void)
{
    if (!screen.is_open)
        return;
    show("\033[0m\033[?25h\033[?1049l", 18);
    if (screen.has_keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &screen.before);
    screen.is_open = screen.has_keys = screen.colour = false;
}

bool screen_has_keys(void) { return screen.has_keys; }

int screen_width(void) { return screen.width; }

int screen_height(void) { return screen.height; }

int screen_rows(void) { return screen.lines; }

const char *screen_ink(const char *sequence) { return screen.colour ? sequence : ""; }

/* --- frames ------------------------------------------------------------------------------------------------------- */
void screen_begin(void)
{
    struct winsize size = {0};

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_col || !size.ws_row)
        size = (struct winsize){.ws_row = 24, .ws_col = 80}; /* a serial line does not know */
    screen.width = size.ws_col;
    screen.height = size.ws_row;
    screen.lines = 0;
    screen.size = 0;
    put_text("\033[H");
}

/* Copies what fits into the columns of the screen. Escape sequences and the later bytes of a UTF-8 character take none;
 * sequences behind the edge still count, for they may end a colour. */
static void put_clipped(const char *text)
{
    int column = 0;
    bool inside_character = false;

    for (const char *p = text; *p;) {
        if (*p == '\033') {
            size_t length = strcspn(p, "m");

            length += p[length] == 'm';
            put(p, length);
            p += length;
            continue;
        }
        if (((unsigned char)*p & 0xc0) != 0x80)
            inside_character = column++ < screen.width;
        if (inside_character)
            put(p, 1);
        p++;
    }
}

void screen_line(const char *format, ...)
{
    char line[LINE_SIZE];
    va_list arguments;

    if (screen.lines == screen.height || screen.size > FRAME_SIZE - 2 * LINE_SIZE)
        return;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (screen.lines++)
        put_text("\r\n");
    put_clipped(line);
    put_text(screen_ink(INK_OFF));
    put_text("\033[K");
}

void screen_end(void)
{
    put_text("\033[J");
    show(screen.frame, screen.size);
}

/* --- bars --------------------------------------------------------------------------------------------------------- */
const char *screen_bar(char bar[SCREEN_BAR_BYTES], int cells, int value, int full)
{
    static const char *const eighths[] = {"░", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
    char *end = bar;
    int filled;

    cells = cells < 0 ? 0 : cells > CELLS_MAX ? CELLS_MAX : cells;
    filled = (int)((long long)value * cells * 8 / full);
    for (int cell = 0; cell < cells; cell++) {
        int left = filled - 8 * cell;
        const char *block = eighths[left < 0 ? 0 : left > 8 ? 8 : left];

        if (!screen.utf8)
            block = left >= 4 ? "#" : ".";
        memcpy(end, block, strlen(block));
        end += strlen(block);
    }
    *end = '\0';
    return bar;
}
