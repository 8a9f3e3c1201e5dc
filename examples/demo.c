/* ./demo: the dimmer and its remote as two boards on the simulated radio of this process, live in the terminal.
 *
 * The programs of the two boards are dimmer.c and dimmer_remote.c as they stand: they are included below, and only the
 * pins and the words of each board are led to the stage. Now and then board A loses its power, and one can watch what
 * those programs do about it. Without a terminal the same is told in plain lines. */
#include <amble.h>
#include <amble/air.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board.h"
#include "board_screen.h"
#include "board_stage.h"

#define AIR           "air:demo"
#define BOARD_A       AIR "/A"
#define BOARD_B       AIR "/B"
#define FIRST_POWER   8000  /* ms until board A loses its power for the first time */
#define LATER_POWER   30000 /* ms until the next times */
#define WITHOUT_POWER 6000  /* ms; longer than the supervision timeout of 4 s, so that board B finds out first */
#define FRAME_MS      50
#define PLAIN_MS      1000

static amble_event quit, power_switch;
static int outcome; /* the error that ended the demo early */

/* --- the programs of the boards, their pins and words led to the stage -------------------------------------------- */
static void note_words(stage_board *board, const char *format, va_list arguments)
{
    if (!board->has_power) /* what ends because of that, ends unheard */
        return;
    vsnprintf(board->words, STAGE_WORDS, format, arguments);
    if (strncmp(format, "Sending duty", 12) != 0) /* ten times a second: the bars show it */
        stage_event(board->letter, board->words);
}

BOARD_PRINTF static void board_a_says(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    note_words(&stage.a, format, arguments);
    va_end(arguments);
}

BOARD_PRINTF static void board_b_says(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    note_words(&stage.b, format, arguments);
    va_end(arguments);
}

static void led_shines(unsigned value) { stage.led = (int)value; }

static int knob_reads(void) { return stage.knob = board_adc_read_u16(); }

#define main           dimmer_main
#define board_say      board_a_says
#define board_pwm_duty led_shines
#include "dimmer.c" /* NOLINT(bugprone-suspicious-include) */
#undef main
#undef board_say
#define main               dimmer_remote_main
#define board_say          board_b_says
#define board_adc_read_u16 knob_reads
#include "dimmer_remote.c" /* NOLINT(bugprone-suspicious-include) */
#undef main

/* Ends the demo because of something that is not part of the play. Returns the error. */
static int fail(const char *letter, const char *what, int error)
{
    char words[STAGE_WORDS];

    if (error == AMBLE_ERR_CANCELLED) /* it is over anyway */
        return error;
    snprintf(words, sizeof words, "%s: %s", what, amble_error_text(error));
    stage_event(letter, words);
    outcome = error;
    amble_event_set(&quit);
    return error;
}

static int dimmer_task(void *ble) { return dimmer_app(ble, 1, (char *[]){"dimmer", NULL}); }

/* Runs board A until its power is taken away. Negative when the demo is over. */
static int power_board_a(int on_ms)
{
    amble_scope program;
    amble_task *dimmer;
    amble *ble;
    int r = amble_open(&ble, BOARD_A, NULL, 5000);

    if (r < 0)
        return fail("A", amble_open_problem(), r);
    stage.a.has_power = true;
    stage_event("A", "Power on");
    amble_scope_open(&program);
    dimmer = amble_spawn(&program, dimmer_task, ble);
    r = amble_wait_first((amble_source[]){amble_on_task(dimmer), amble_on_event(&power_switch)}, 2, on_ms);
    amble_event_clear(&power_switch);
    if (r == 0) {
        r = fail("A", "the dimmer stopped", amble_join(dimmer, 0));
    } else if (r == 1 || r == AMBLE_ERR_TIMEOUT) {
        stage_event("A", "Power lost");
        r = amble_air_unplug(BOARD_A);
    }
    stage.a.has_power = false;
    stage.a.words[0] = '\0';
    stage.led = 0;
    amble_scope_close(&program);
    amble_close(ble);
    return r;
}

static int board_a_task(void *arg)
{
    int on_ms = FIRST_POWER, r;

    (void)arg;
    while ((r = power_board_a(on_ms)) == 0) {
        r = amble_event_wait(&power_switch, WITHOUT_POWER);
        if (r < 0 && r != AMBLE_ERR_TIMEOUT)
            break;
        on_ms = LATER_POWER;
    }
    return r;
}

static int board_b_task(void *arg)
{
    amble *ble;
    int r = amble_open(&ble, BOARD_B, NULL, 5000);

    (void)arg;
    if (r < 0)
        return fail("B", amble_open_problem(), r);
    stage.b.has_power = true;
    r = dimmer_remote_app(ble, 1, (char *[]){"dimmer_remote", NULL});
    amble_close(ble);
    return fail("B", "the remote stopped", r);
}

/* --- the audience ------------------------------------------------------------------------------------------------- */
static int show_task(void *arg)
{
    int r;

    (void)arg;
    do
        stage_show();
    while ((r = amble_sleep_ms(stage.on_screen ? FRAME_MS : PLAIN_MS)) == 0);
    return r;
}

static int keys_task(void *arg)
{
    char key;
    int r = 0;

    (void)arg;
    while (screen_has_keys() && (r = amble_wait_fd(STDIN_FILENO, false, AMBLE_FOREVER)) == 0) {
        if (read(STDIN_FILENO, &key, 1) != 1)
            break;
        if (key == 'q' || key == 'Q')
            amble_event_set(&quit);
        else if (key == 'p' || key == 'P')
            amble_event_set(&power_switch);
    }
    return r;
}

static void on_signal(int number)
{
    (void)number;
    amble_wake(&quit);
}

static void on_log(void *user, int level, const char *line)
{
    (void)user, (void)level;
    stage_event("-", line);
}

typedef struct {
    int ms; /* AMBLE_FOREVER: until somebody wants to leave */
    const char *capture;
} demo_options;

/* Everything at once, for so many milliseconds, or until somebody wants to leave. AMBLE_ERR_USAGE for a capture that
 * cannot be written. */
static int demo_task(void *arg)
{
    const demo_options *options = arg;
    const struct sigaction leave = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    amble_scope play;
    int r;

    sigaction(SIGINT, &leave, NULL);
    sigaction(SIGTERM, &leave, NULL);
    sigaction(SIGHUP, &leave, NULL);
    stage.start_us = amble_now_us();
    if (options->capture && amble_air_capture(AIR, options->capture) < 0)
        return AMBLE_ERR_USAGE;
    if ((r = amble_air_sniff(AIR, sniffer_hear, &stage.ears)) < 0)
        return r;
    amble_scope_open(&play);
    amble_spawn(&play, board_b_task, NULL);
    amble_spawn(&play, board_a_task, NULL);
    amble_spawn(&play, show_task, NULL);
    amble_spawn(&play, keys_task, NULL);
    r = amble_event_wait(&quit, options->ms);
    amble_scope_close(&play);
    (void)amble_air_sniff(AIR, NULL, NULL);
    return r == AMBLE_ERR_TIMEOUT ? 0 : r;
}

/* --- the command line --------------------------------------------------------------------------------------------- */
static const char demo_help[] =
    "demo: the dimmer and its remote as two boards on a simulated radio, live.\n"
    "\n"
    "  --seconds N     ends by itself after so many seconds, 1 to 86400\n"
    "  --adc SOURCE    the remote's potentiometer: sweep (also when left out), random, or a FILE\n"
    "                  with a number from 0 to 4095 a line\n"
    "  --capture FILE  writes the HCI packets of both boards into a btsnoop file, for Wireshark or btmon\n"
    "\n"
    "Examples:\n"
    "  ./demo\n"
    "  ./demo --seconds 20 --capture demo.btsnoop\n"
    "  seq 0 50 4000 > trace; ./demo --adc trace\n"
    "\n"
    "p takes board A's power away or gives it back, q or Ctrl-C leaves. Colours are left out when\n"
    "NO_COLOR is set, everything but plain lines when the output is no terminal.\n";

/* Takes an option and its value out of the arguments; without it `*value` stays as it is. AMBLE_ERR_USAGE when the
 * value is missing. */
static int take_option(int *argc, char **argv, const char *name, const char **value)
{
    const size_t length = strlen(name);

    for (int i = 1; i < *argc; i++) {
        const bool joined = strncmp(argv[i], name, length) == 0 && argv[i][length] == '=';
        const int taken = joined ? 1 : 2;

        if (!joined && strcmp(argv[i], name) != 0)
            continue;
        *value = joined ? argv[i] + length + 1 : i + 1 < *argc ? argv[i + 1] : "";
        if (!**value) {
            fprintf(stderr, "demo: %s: its value is missing; see --help\n", name);
            return AMBLE_ERR_USAGE;
        }
        memmove(argv + i, argv + i + taken, (size_t)(*argc + 1 - i - taken) * sizeof *argv);
        *argc -= taken;
        return 0;
    }
    return 0;
}

static int parse_seconds(const char *text, int *ms)
{
    char *end;
    const long seconds = strtol(text, &end, 10);

    if (*end || seconds < 1 || seconds > 86400) {
        fprintf(stderr, "demo: --seconds %s: not a number of seconds; give one from 1 to 86400\n", text);
        return AMBLE_ERR_USAGE;
    }
    *ms = (int)seconds * 1000;
    return 0;
}

/* What is not the demo's own is the board's. 0, or AMBLE_ERR_USAGE or another error after a sentence. */
static int take_arguments(int argc, char **argv, demo_options *options)
{
    const char *seconds = NULL;
    int r;

    if ((r = take_option(&argc, argv, "--seconds", &seconds)) < 0 ||
        (r = take_option(&argc, argv, "--capture", &options->capture)) < 0 ||
        (seconds && (r = parse_seconds(seconds, &options->ms)) < 0))
        return r;
    return board_init(argc, argv);
}

int main(int argc, char **argv)
{
    demo_options options = {.ms = AMBLE_FOREVER};
    int r;

    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(demo_help, stdout);
        return 0;
    }
    if ((r = take_arguments(argc, argv, &options)) < 0)
        return r == AMBLE_ERR_USAGE ? 2 : 1;
    amble_log_to(on_log, NULL);
    stage.on_screen = screen_open();
    r = amble_run(NULL, demo_task, &options);
    screen_close();
    if (r == AMBLE_ERR_USAGE) {
        fprintf(stderr, "demo: %s\n", amble_open_problem());
        return 2;
    }
    if (outcome < 0 || r < 0) {
        fprintf(stderr, "demo: %s\n", outcome < 0 ? amble_error_text(outcome) : amble_error_text(r));
        return 1;
    }
    printf("%llu packets went over the simulated radio.\n", (unsigned long long)stage.ears.packets);
    return 0;
}
