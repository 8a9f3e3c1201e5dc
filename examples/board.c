/* The pins of board.h. Each kind of input and each kind of output is one entry of a table: a name as the command line
 * gives it, and what to do with the pin. A real pin (an IIO channel, a PWM of sysfs, a line of libgpiod) is one
 * more entry, with a name such as "iio:0/voltage1" whose rest says which one. The table's last input takes every
 * other name as that of a file. */
#include "board.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <amble/error.h>
#include <amble/task.h>

#define ADC_MAX       4095
#define DUTY_MAX      65535
#define SWEEP_HALF_US 4000000u /* from one end to the other */
#define RANDOM_STEP   150
#define LINE_MAX_SIZE 64
#define BAR_CELLS     32

typedef struct {
    const char *name; /* NULL: whatever no other entry is called */
    int (*open)(const char *name);
    int (*read)(void);
} adc_input;
typedef struct {
    const char *name;
    void (*drive)(unsigned hertz, unsigned duty);
} pwm_output;

static struct {
    const adc_input *adc;
    const pwm_output *pwm;
    unsigned hertz;
    bool bar_is_open; /* the cursor stands behind a brightness bar */
    uint32_t dice;
    int value; /* random, stdin: the latest */
    bool stdin_ended;
    char line[LINE_MAX_SIZE]; /* of stdin, what came of it so far; longer ones are no numbers anyway */
    size_t line_size;
    int *trace; /* of a file */
    size_t trace_size, trace_at;
} board;

/* A number from 0 to 4095 with nothing but blanks around it, or -1. */
static int parse_value(const char *text)
{
    char *end;
    long value;

    errno = 0;
    value = strtol(text, &end, 10);
    if (end == text || errno || value < 0 || value > ADC_MAX)
        return -1;
    return end[strspn(end, " \t\r\n")] ? -1 : (int)value;
}

/* --- inputs ------------------------------------------------------------------------------------------------------- */
static int sweep_read(void)
{
    uint64_t phase = amble_now_us() % (2 * SWEEP_HALF_US);
    uint64_t height = phase < SWEEP_HALF_US ? phase : 2 * SWEEP_HALF_US - phase;

    return (int)(height * ADC_MAX / SWEEP_HALF_US);
}

static int random_open(const char *name)
{
    (void)name;
    board.dice = 2463534242u; /* the same walk every time */
    board.value = ADC_MAX / 2;
    return 0;
}

static int random_read(void)
{
    int step;

    board.dice ^= board.dice << 13; /* Marsaglia's xorshift: a walk needs no better dice */
    board.dice ^= board.dice >> 17;
    board.dice ^= board.dice << 5;
    step = (int)(board.dice % (2 * RANDOM_STEP + 1)) - RANDOM_STEP;
    board.value += step;
    if (board.value < 0 || board.value > ADC_MAX)
        board.value -= 2 * step;
    return board.value;
}

static void stdin_line(void)
{
    int value;

    board.line[board.line_size] = '\0';
    board.line_size = 0;
    value = parse_value(board.line);
    if (value < 0)
        fprintf(stderr, "board: --adc stdin: \"%s\" was ignored; give a number from 0 to 4095 a line\n", board.line);
    else
        board.value = value;
}

/* Takes what is there without waiting: the other tasks of this thread want to run. */
static int stdin_read(void)
{
    struct pollfd ready = {.fd = STDIN_FILENO, .events = POLLIN};
    char bytes[256];

    while (!board.stdin_ended && poll(&ready, 1, 0) > 0) {
        ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);

        for (ssize_t i = 0; i < n; i++) {
            if (bytes[i] == '\n')
                stdin_line();
            else if (board.line_size < LINE_MAX_SIZE - 1)
                board.line[board.line_size++] = bytes[i];
        }
        if (n == 0 && board.line_size)
            stdin_line(); /* the last one need not be ended */
        board.stdin_ended = n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
    }
    return board.value;
}

static int refuse_file(const char *path, const char *problem)
{
    fprintf(stderr, "board: --adc %s: %s; give sweep, random, stdin or a file with a number from 0 to 4095 a line\n",
            path, problem);
    return AMBLE_ERR_USAGE;
}

static int trace_append(int value)
{
    int *grown = realloc(board.trace, (board.trace_size + 1) * sizeof *grown);

    if (!grown)
        return AMBLE_ERR_NO_MEMORY;
    board.trace = grown;
    board.trace[board.trace_size++] = value;
    return 0;
}

static int file_open(const char *path)
{
    FILE *f = fopen(path, "r");
    char line[LINE_MAX_SIZE], problem[LINE_MAX_SIZE + 48];
    int r = 0;

    if (!f)
        return refuse_file(path, strerror(errno));
    while (r == 0 && fgets(line, sizeof line, f)) {
        int value = parse_value(line);

        if (value >= 0) {
            r = trace_append(value);
        } else {
            line[strcspn(line, "\r\n")] = '\0';
            snprintf(problem, sizeof problem, "line %zu is \"%s\"", board.trace_size + 1, line);
            r = refuse_file(path, problem);
        }
    }
    if (r == 0 && ferror(f))
        r = refuse_file(path, strerror(errno));
    else if (r == 0 && !board.trace_size)
        r = refuse_file(path, "the file is empty");
    fclose(f);
    return r;
}

static int file_read(void)
{
    int value = board.trace[board.trace_at];

    if (board.trace_at + 1 < board.trace_size)
        board.trace_at++;
    return value;
}

static const adc_input adc_inputs[] = {
    {"sweep", NULL, sweep_read},
    {"random", random_open, random_read},
    {"stdin", NULL, stdin_read},
    {NULL, file_open, file_read},
};

/* --- outputs ------------------------------------------------------------------------------------------------------ */
static void term_drive(unsigned hertz, unsigned duty)
{
    static const char full[] = "################################";
    static const char none[] = "................................";
    const int cells = (int)((duty * BAR_CELLS + DUTY_MAX / 2) / DUTY_MAX);

    (void)hertz; /* nobody sees a terminal flicker */
    if (!isatty(STDOUT_FILENO)) {
        printf("duty %u\n", duty);
        return;
    }
    printf("\r\033[K[%.*s%.*s] duty %u", cells, full, BAR_CELLS - cells, none, duty);
    fflush(stdout);
    board.bar_is_open = true;
}

static const pwm_output pwm_outputs[] = {
    {"term", term_drive},
};

/* --- the command line --------------------------------------------------------------------------------------------- */
static int choose_adc(const char *name)
{
    const adc_input *input = adc_inputs;

    while (input->name && strcmp(input->name, name) != 0)
        input++;
    board.adc = input;
    return input->open ? input->open(name) : 0;
}

static int choose_pwm(const char *name)
{
    for (size_t i = 0; i < sizeof pwm_outputs / sizeof *pwm_outputs; i++) {
        if (strcmp(pwm_outputs[i].name, name) == 0) {
            board.pwm = &pwm_outputs[i];
            return 0;
        }
    }
    fprintf(stderr, "board: --pwm %s: there is no such output; give term\n", name);
    return AMBLE_ERR_USAGE;
}

int board_init(int argc, char **argv)
{
    const char *adc = "sweep", *pwm = "term";
    int r;

    setvbuf(stdout, NULL, _IOLBF, 0); /* a reader at the other end of a pipe wants each line when it is said */
    free(board.trace);
    memset(&board, 0, sizeof board);
    board.hertz = 1000;
    for (int i = 1; i < argc; i += 2) {
        const char **option = strcmp(argv[i], "--adc") == 0 ? &adc : strcmp(argv[i], "--pwm") == 0 ? &pwm : NULL;

        if (!option || i + 1 == argc) {
            fprintf(stderr, "board: %s: %s; --help shows what there is\n", argv[i],
                    option ? "what it should be is missing" : "there is no such option");
            return AMBLE_ERR_USAGE;
        }
        *option = argv[i + 1];
    }
    r = choose_pwm(pwm);
    return r < 0 ? r : choose_adc(adc);
}

bool board_help(int argc, char **argv, const char *what_it_does)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(what_it_does, stdout);
            fputs("\nOptions:\n"
                  "  -t, --transport T  the controller: air:NAME, tcp-client:HOST:PORT, unix-client:PATH ...;\n"
                  "                     otherwise what the environment's AMBLE_TRANSPORT says\n"
                  "  --adc SOURCE       the potentiometer: sweep (also when left out), random, stdin (a number from 0 "
                  "to\n"
                  "                     4095 a line, the latest counts), or a FILE of such lines, one a reading\n"
                  "  --pwm OUTPUT       the LED: term (also when left out), a bar in the terminal\n"
                  "  --capture FILE     writes every HCI packet into a btsnoop file, for Wireshark\n"
                  "  --log LEVEL        off, error, warning, info or debug\n"
                  "Ctrl-C ends it.\n",
                  stdout);
            return true;
        }
    }
    return false;
}

/* --- the pins ----------------------------------------------------------------------------------------------------- */
int board_adc_read(void) { return board.adc->read(); }

int board_adc_read_u16(void)
{
    int value = board_adc_read();

    return value << 4 | value >> 8; /* the upper bits again at the bottom, so that 4095 is 65535 */
}

void board_pwm_frequency(unsigned hertz) { board.hertz = hertz; }

void board_pwm_duty(unsigned duty) { board.pwm->drive(board.hertz, duty); }

void board_say(const char *format, ...)
{
    va_list arguments;

    if (board.bar_is_open)
        putchar('\n');
    board.bar_is_open = false;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}
