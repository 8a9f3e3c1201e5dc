/* A terminal as a screen that is redrawn in place, without flicker: a frame is built line by line and written at
 * once.
 *
 * Lines are cut at the width of the terminal, lines below its bottom are left out, so a small window shows less of
 * the same. Colour is used unless the environment has NO_COLOR; blocks and dots are drawn where the locale is
 * UTF-8. Nothing in here waits. */
#ifndef BOARD_SCREEN_H
#define BOARD_SCREEN_H
#include <stdbool.h>
#include <stddef.h>

#if defined(__GNUC__)
#define SCREEN_PRINTF __attribute__((format(printf, 1, 2)))
#else
#define SCREEN_PRINTF
#endif

/* Takes the terminal over: another page, no cursor, keys without Return and without echo. False, and nothing is
 * changed, when the standard output is no terminal that can do this. */
bool screen_open(void);
/* Gives the terminal back as it was; harmless when it was not taken. */
void screen_close(void);
/* Whether keys can be read from the standard input. */
bool screen_has_keys(void);

void screen_begin(void); /* a new frame; asks for the size again, so that it follows the window */
void screen_line(const char *format, ...) SCREEN_PRINTF;
void screen_end(void); /* shows the frame */
int screen_width(void);
int screen_height(void);
int screen_rows(void); /* of this frame so far */

/* The escape sequence, or "" without colour. */
const char *screen_ink(const char *sequence);
#define INK_BOLD   "\033[1m"
#define INK_DIM    "\033[2m"
#define INK_RED    "\033[31m"
#define INK_GREEN  "\033[32m"
#define INK_YELLOW "\033[33m"
#define INK_CYAN   "\033[36m"
#define INK_OFF    "\033[0m"

#define SCREEN_BAR_BYTES 512
/* A bar of `cells` columns, filled for `value` of `full`, in `bar`, which it returns. Works without a screen too. */
const char *screen_bar(char bar[SCREEN_BAR_BYTES], int cells, int value, int full);
#endif
