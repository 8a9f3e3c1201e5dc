/* Where readings come from. Each kind of input is one entry of a table: its name, or the beginning of it when the rest
 * says which one ("iio:PATH"), and how to read it. The table's last entry takes every other name as that of a file. */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <amble/error.h>
#include <amble/task.h>

#include "board_pins.h"

#define SWEEP_HALF_US 4000000u /* from one end to the other */
#define RANDOM_STEP   150
#define LINE_MAX_SIZE 64
#define PATH_MAX_SIZE 256

typedef struct {
    const char *name; /* with a ':' at its end: more follows; NULL: whatever no other entry is called */
    int (*open)(const char *name);
    int (*read)(void);
} adc_input;

static struct {
    const adc_input *input;
    uint32_t dice;
    int value; /* random, stdin, iio: the latest */
    bool stdin_ended;
    char line[LINE_MAX_SIZE]; /* of stdin, what came of it so far; longer ones are no numbers anyway */
    size_t line_size;
    int *trace; /* of a file */
    size_t trace_size, trace_at;
    char path[PATH_MAX_SIZE]; /* of iio */
    int iio_max;
    bool has_failed; /* iio: and it was told */
} adc;

/* A number from 0 to 4095 with nothing but blanks around it, or -1. */
static int parse_value(const char *text)
{
    char *end;
    long value;

    errno = 0;
    value = strtol(text, &end, 10);
    if (end == text || errno || value < 0 || value > BOARD_ADC_MAX)
        return -1;
    return end[strspn(end, " \t\r\n")] ? -1 : (int)value;
}

/* --- without hardware --------------------------------------------------------------------------------------------- */
static int sweep_read(void)
{
    uint64_t phase = amble_now_us() % (2 * SWEEP_HALF_US);
    uint64_t height = phase < SWEEP_HALF_US ? phase : 2 * SWEEP_HALF_US - phase;

    return (int)(height * BOARD_ADC_MAX / SWEEP_HALF_US);
}

static int random_open(const char *name)
{
    (void)name;
    adc.dice = 2463534242u; /* the same walk every time */
    adc.value = BOARD_ADC_MAX / 2;
    return 0;
}

static int random_read(void)
{
    int step;

    adc.dice ^= adc.dice << 13; /* Marsaglia's xorshift: a walk needs no better dice */
    adc.dice ^= adc.dice >> 17;
    adc.dice ^= adc.dice << 5;
    step = (int)(adc.dice % (2 * RANDOM_STEP + 1)) - RANDOM_STEP;
    adc.value += step;
    if (adc.value < 0 || adc.value > BOARD_ADC_MAX)
        adc.value -= 2 * step;
    return adc.value;
}

static void stdin_line(void)
{
    int value;

    adc.line[adc.line_size] = '\0';
    adc.line_size = 0;
    value = parse_value(adc.line);
    if (value < 0)
        fprintf(stderr, "board: --adc stdin: \"%s\" was ignored; give a number from 0 to 4095 a line\n", adc.line);
    else
        adc.value = value;
}

/* Takes what is there without waiting: the other tasks of this thread want to run. */
static int stdin_read(void)
{
    struct pollfd ready = {.fd = STDIN_FILENO, .events = POLLIN};
    char bytes[256];

    while (!adc.stdin_ended && poll(&ready, 1, 0) > 0) {
        ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);

        for (ssize_t i = 0; i < n; i++) {
            if (bytes[i] == '\n')
                stdin_line();
            else if (adc.line_size < LINE_MAX_SIZE - 1)
                adc.line[adc.line_size++] = bytes[i];
        }
        if (n == 0 && adc.line_size)
            stdin_line(); /* the last one need not be ended */
        adc.stdin_ended = n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
    }
    return adc.value;
}

static int refuse_file(const char *path, const char *problem)
{
    return board_refuse(AMBLE_ERR_USAGE, "--adc", path, problem,
                        "give sweep, random, stdin, iio:FILE or a FILE with a number from 0 to 4095 a line");
}

static int trace_append(int value)
{
    int *grown = realloc(adc.trace, (adc.trace_size + 1) * sizeof *grown);

    if (!grown)
        return AMBLE_ERR_NO_MEMORY;
    adc.trace = grown;
    adc.trace[adc.trace_size++] = value;
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
            snprintf(problem, sizeof problem, "line %zu is \"%s\"", adc.trace_size + 1, line);
            r = refuse_file(path, problem);
        }
    }
    if (r == 0 && ferror(f))
        r = refuse_file(path, strerror(errno));
    else if (r == 0 && !adc.trace_size)
        r = refuse_file(path, "the file is empty");
    fclose(f);
    return r;
}

static int file_read(void)
{
    int value = adc.trace[adc.trace_at];

    if (adc.trace_at + 1 < adc.trace_size)
        adc.trace_at++;
    return value;
}

/* --- a channel of Linux's industrial I/O -------------------------------------------------------------------------- */
/* The converter's number, converted anew by each reading of the file. Returns 0, or an errno. */
static int iio_convert(long *raw)
{
    FILE *f = fopen(adc.path, "r");
    char line[LINE_MAX_SIZE], *end = line;
    int problem = 0;

    if (!f)
        return errno;
    errno = 0;
    if (fgets(line, sizeof line, f))
        *raw = strtol(line, &end, 10);
    if (errno)
        problem = errno;
    else if (end == line || (*end && *end != '\n'))
        problem = EDOM;
    fclose(f);
    return problem;
}

static const char *iio_problem(int problem)
{
    return problem == EDOM ? "it does not hold a number" : strerror(problem);
}

static int iio_read(void)
{
    long raw = 0;
    int problem = iio_convert(&raw);

    if (problem && !adc.has_failed)
        fprintf(stderr, "board: --adc iio:%s: %s; the last reading stays\n", adc.path, iio_problem(problem));
    adc.has_failed = problem != 0;
    if (!problem) {
        raw = raw < 0 ? 0 : raw > adc.iio_max ? adc.iio_max : raw; /* differential channels go below 0 */
        adc.value = (int)((int64_t)raw * BOARD_ADC_MAX / adc.iio_max);
    }
    return adc.value;
}

/* "PATH" or "PATH,MAX" behind "iio:". */
static int iio_open(const char *name)
{
    static const char remedy[] = "give iio:FILE or iio:FILE,MAX, where FILE is like "
                                 "/sys/bus/iio/devices/iio:device0/in_voltage0_raw and MAX its highest number";
    const char *which = name + strlen("iio:"), *comma = strrchr(which, ',');
    size_t size = comma ? (size_t)(comma - which) : strlen(which);
    char *end = "";
    long max = comma ? strtol(comma + 1, &end, 10) : BOARD_ADC_MAX, raw = 0;
    int problem;

    if (*end || max < 1 || max > INT32_MAX)
        return board_refuse(AMBLE_ERR_USAGE, "--adc", name, "the maximum is not a number from 1 to 2147483647", remedy);
    if (size == 0 || size >= sizeof adc.path)
        return board_refuse(AMBLE_ERR_USAGE, "--adc", name, "this is not the path of a file", remedy);
    memcpy(adc.path, which, size);
    adc.path[size] = '\0';
    adc.iio_max = (int)max;
    if ((problem = iio_convert(&raw)) != 0)
        return board_refuse(problem == EDOM ? AMBLE_ERR_USAGE : AMBLE_ERR_IO, "--adc", name, iio_problem(problem),
                            remedy);
    return 0;
}

static const adc_input adc_inputs[] = {
    {"sweep", NULL, sweep_read},  {"random", random_open, random_read}, {"stdin", NULL, stdin_read},
    {"iio:", iio_open, iio_read}, {NULL, file_open, file_read},
};

/* --- choosing one ------------------------------------------------------------------------------------------------- */
static bool is_called(const adc_input *input, const char *name)
{
    size_t size = strlen(input->name);

    return input->name[size - 1] == ':' ? strncmp(input->name, name, size) == 0 : strcmp(input->name, name) == 0;
}

int board_adc_open(const char *name)
{
    const adc_input *input = adc_inputs;

    free(adc.trace);
    memset(&adc, 0, sizeof adc);
    while (input->name && !is_called(input, name))
        input++;
    adc.input = input;
    return input->open ? input->open(name) : 0;
}

int board_adc_take(void) { return adc.input->read(); }
