/* The stage of ./demo: what its audience sees of two boards and of the radio between them.
 *
 * Whoever plays on it changes `stage` and calls stage_event for what is worth remembering; the stage shows it,
 * redrawn in place on a terminal, as plain lines otherwise. There is one stage, of the thread that runs the demo.
 * Nothing in here waits. */
#ifndef BOARD_STAGE_H
#define BOARD_STAGE_H
#include <stdbool.h>
#include <stdint.h>

#include "board_sniffer.h"

#define STAGE_WORDS  128
#define STAGE_EVENTS 16

typedef struct {
    const char *letter, *name;
    bool has_power;
    char words[STAGE_WORDS]; /* the latest line its program said */
} stage_board;

typedef struct {
    stage_board a, b;
    int knob, led; /* 0 to 65535 */
    sniffer ears;
    uint64_t start_us;
    bool on_screen;
    struct {
        double seconds;
        const char *letter;
        char words[STAGE_WORDS];
    } events[STAGE_EVENTS]; /* a ring */
    unsigned event_count;
} stage_state;
extern stage_state stage;

/* Seconds since the curtain rose. */
double stage_seconds(void);
/* Something happened to the board with this letter. Without a screen it is printed at once. */
void stage_event(const char *letter, const char *words);
/* Shows how things are now: a frame on the screen, a line without. */
void stage_show(void);
#endif
