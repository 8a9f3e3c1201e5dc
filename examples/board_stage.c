/* Draws the stage. From top to bottom: both boards with their bars, the radio between them, the latest packets, the
 * latest events. A low window shows fewer packets and events, a narrow one the boards one below the other. */
#include "board_stage.h"

#include <stdio.h>

#include <amble/task.h>

#include "board_screen.h"

#define SIDE_BY_SIDE 76     /* columns that two boards take beside each other */
#define GAP          6      /* columns between them */
#define LATELY_US    500000 /* older than this is not going on any more */
#define FULL         65535
#define BOARD_ROWS   5
#define CELLS_MAX    100
#define STAGE_ROW    (SCREEN_BAR_BYTES + STAGE_WORDS)

stage_state stage = {.a = {.letter = "A", .name = "ESP32-LED"}, .b = {.letter = "B", .name = "remote control"}};

double stage_seconds(void) { return (double)(amble_now_us() - stage.start_us) / 1e6; }

void stage_event(const char *letter, const char *words)
{
    const unsigned slot = stage.event_count++ % STAGE_EVENTS;

    stage.events[slot].seconds = stage_seconds();
    stage.events[slot].letter = letter;
    snprintf(stage.events[slot].words, STAGE_WORDS, "%s", words);
    if (!stage.on_screen)
        printf("%6.1f s  %s  %s\n", stage.events[slot].seconds, letter, words);
}

/* --- the radio ---------------------------------------------------------------------------------------------------- */
static bool lately(uint64_t when_us) { return when_us && when_us + LATELY_US > amble_now_us(); }

static bool is_linked(void) { return lately(stage.ears.last_answer_us); }

static void describe_radio(char text[64])
{
    if (is_linked())
        snprintf(text, 64, "a link, %.0f ms from one connection event to the next", stage.ears.interval_us / 1000.0);
    else if (lately(stage.ears.last_data_us))
        snprintf(text, 64, "board B calls on the link, nobody answers");
    else if (lately(stage.ears.last_advertising_us))
        snprintf(text, 64, "board A advertises");
    else
        snprintf(text, 64, "silence");
}

static const char *decibels(char text[16], int8_t rssi)
{
    if (rssi)
        snprintf(text, 16, "%d dBm", rssi);
    else
        snprintf(text, 16, "-");
    return text;
}

/* --- the boards --------------------------------------------------------------------------------------------------- */
/* An amber that glows as bright as the LED. */
static const char *glow(void)
{
    static const char *const ambers[] = {"\033[38;5;58m",  "\033[38;5;94m",  "\033[38;5;136m", "\033[38;5;172m",
                                         "\033[38;5;214m", "\033[38;5;220m", "\033[38;5;228m"};

    return screen_ink(ambers[stage.led * 6 / FULL]);
}

static const char *knob_ink(void) { return screen_ink(INK_CYAN); }

/* One row of one board, exactly `cells` columns wide where something follows it. */
static void describe_board(char text[STAGE_ROW], const stage_board *board, int row, int cells)
{
    const char *off = screen_ink(INK_OFF);
    const bool is_a = board == &stage.a;
    const int value = is_a ? stage.led : stage.knob;
    char bar[SCREEN_BAR_BYTES], label[64];

    switch (row) {
    case 0:
        snprintf(label, sizeof label, "%s", board->has_power ? board->name : "no power");
        snprintf(text, STAGE_ROW, "%sBoard %s%s  %s%-*.*s%s", screen_ink(INK_BOLD), board->letter, off,
                 board->has_power ? "" : screen_ink(INK_RED), cells - 9, cells - 9, label, off);
        break;
    case 1:
    case 2:
        snprintf(text, STAGE_ROW, "%s%s%s", is_a ? glow() : knob_ink(), screen_bar(bar, cells, value, FULL), off);
        break;
    case 3:
        snprintf(label, sizeof label, "%s %d", is_a ? "LED, PWM duty" : "potentiometer", value);
        snprintf(text, STAGE_ROW, "%-*.*s", cells, cells, label);
        break;
    default:
        snprintf(text, STAGE_ROW, "%s%-*.*s%s", screen_ink(INK_DIM), cells, cells, board->words, off);
        break;
    }
}

/* One board in a narrow window; in a low one without what can be spared. */
static void draw_board(const stage_board *board, int cells)
{
    const bool low = screen_height() < 22;
    char text[STAGE_ROW];

    for (int row = 0; row < BOARD_ROWS; row++) {
        if (low && (row == 2 || row == 4))
            continue;
        describe_board(text, board, row, cells);
        screen_line(" %s", text);
    }
    if (!low && board == &stage.b)
        screen_line("%s", "");
}

static void draw_boards(void)
{
    const bool wide = screen_width() >= SIDE_BY_SIDE;
    const int most = wide ? (screen_width() - GAP - 2) / 2 : screen_width() - 2,
              cells = most < CELLS_MAX ? most : CELLS_MAX;
    char b[STAGE_ROW], a[STAGE_ROW];

    if (wide) {
        for (int row = 0; row < BOARD_ROWS; row++) {
            describe_board(b, &stage.b, row, cells);
            describe_board(a, &stage.a, row, cells);
            screen_line(" %s%s%s", b, row == 1 && is_linked() ? "  ~~> " : "      ", a);
        }
        return;
    }
    draw_board(&stage.b, cells);
    draw_board(&stage.a, cells);
}

/* --- the rest of the page ----------------------------------------------------------------------------------------- */
static void draw_title(void)
{
    const char *off = screen_ink(INK_OFF), *dim = screen_ink(INK_DIM);
    const bool wide = screen_width() >= SIDE_BY_SIDE;

    screen_line(" %samble%s  %s%s%.1f s    %s%s", screen_ink(INK_BOLD), off,
                wide ? "two boards, one simulated radio  " : "", dim, stage_seconds(),
                !screen_has_keys() ? "Ctrl-C quits"
                : wide             ? "p  board A's power    q  quit"
                                   : "q  quit",
                off);
    screen_line("%s", "");
}

static void draw_radio(void)
{
    const sniffer *ears = &stage.ears;
    const bool wide = screen_width() >= SIDE_BY_SIDE;
    char state[64], a[16], b[16], counts[160];

    describe_radio(state);
    screen_line("%s", "");
    screen_line(" %sOn the air%s  %s%s", screen_ink(INK_BOLD), screen_ink(INK_OFF),
                screen_ink(is_linked() ? INK_GREEN : INK_YELLOW), state);
    snprintf(counts, sizeof counts, "packets %llu: advertising %llu, scanning %llu, data %llu, empty %llu",
             (unsigned long long)ears->packets, (unsigned long long)ears->advertising,
             (unsigned long long)ears->scanning, (unsigned long long)(ears->data - ears->empty),
             (unsigned long long)ears->empty);
    screen_line(" RSSI  A %s  B %s   %s", decibels(a, ears->rssi_peripheral), decibels(b, ears->rssi_central),
                wide ? counts : "");
    if (!wide)
        screen_line(" %s", counts);
}

/* The newest `rows` packets, the newest last. */
static void draw_packets(unsigned rows)
{
    const sniffer *ears = &stage.ears;
    const unsigned have = ears->kept < SNIFFER_KEEPS ? (unsigned)ears->kept : SNIFFER_KEEPS;

    for (unsigned row = 0; row < rows; row++) {
        const unsigned age = rows - row;
        const sniffed *packet = &ears->latest[(ears->kept - age) % SNIFFER_KEEPS];

        if (age > have) {
            screen_line("%s", "");
            continue;
        }
        screen_line(" %s%8.3f s  ch %2u  %4d dBm%s  %s  %s", screen_ink(INK_DIM),
                    (double)(packet->time_us - stage.start_us) / 1e6, packet->channel, packet->rssi,
                    screen_ink(INK_OFF), packet->from_central ? "B -> A" : "A -> B", packet->what);
    }
}

static void draw_events(unsigned rows)
{
    const unsigned have = stage.event_count < STAGE_EVENTS ? stage.event_count : STAGE_EVENTS;
    const unsigned shown = have < rows ? have : rows;

    screen_line("%s", "");
    screen_line(" %sWhat happened%s", screen_ink(INK_BOLD), screen_ink(INK_OFF));
    for (unsigned age = shown; age > 0; age--) {
        const unsigned slot = (stage.event_count - age) % STAGE_EVENTS;

        screen_line(" %s%6.1f s%s  %s  %s", screen_ink(INK_DIM), stage.events[slot].seconds, screen_ink(INK_OFF),
                    stage.events[slot].letter, stage.events[slot].words);
    }
}

static void show_line(void)
{
    char bar[SCREEN_BAR_BYTES], state[64], a[16], b[16];

    describe_radio(state);
    printf("%6.1f s     knob %5d  LED %5d [%s]  packets %llu, RSSI A %s B %s, %s\n", stage_seconds(), stage.knob,
           stage.led, screen_bar(bar, 16, stage.led, FULL), (unsigned long long)stage.ears.packets,
           decibels(a, stage.ears.rssi_peripheral), decibels(b, stage.ears.rssi_central), state);
}

void stage_show(void)
{
    int left;

    if (!stage.on_screen) {
        show_line();
        return;
    }
    screen_begin();
    draw_title();
    draw_boards();
    draw_radio();
    left = screen_height() - screen_rows() - 2;
    if (left >= 2) {
        const int happened = stage.event_count < STAGE_EVENTS ? (int)stage.event_count : STAGE_EVENTS;
        const int events = left / 2 < happened ? left / 2 : happened;

        draw_packets((unsigned)(left - events < SNIFFER_KEEPS ? left - events : SNIFFER_KEEPS));
        draw_events((unsigned)events);
    }
    screen_end();
}
