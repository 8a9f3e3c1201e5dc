/* Where the duty goes: a bar in the terminal, or a PWM of Linux, which is a directory of three files: period and
 * duty_cycle in nanoseconds, and enable. The kernel refuses a duty_cycle beyond the period, so they are written in the
 * order that never asks for one. The output keeps its last duty when the program ends. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <amble/error.h>

#include "board_pins.h"

#define BAR_CELLS     32
#define PATH_MAX_SIZE 256
#define EXPORT_TRIES  50 /* 10 ms each: after an export the system gives the files to their group in its own time */

static struct {
    void (*drive)(unsigned hertz, unsigned duty);
    char path[PATH_MAX_SIZE]; /* of sysfs, .../pwmchipN/pwmM */
    unsigned hertz;           /* that were written; 0: none yet */
    bool has_failed;          /* and it was told */
} pwm;

static void term_drive(unsigned hertz, unsigned duty)
{
    static const char full[] = "################################";
    static const char none[] = "................................";
    const int cells = (int)((duty * BAR_CELLS + BOARD_DUTY_MAX / 2) / BOARD_DUTY_MAX);

    (void)hertz; /* nobody sees a terminal flicker */
    if (!isatty(STDOUT_FILENO)) {
        printf("duty %u\n", duty);
        return;
    }
    printf("\r\033[K[%.*s%.*s] duty %u", cells, full, BAR_CELLS - cells, none, duty);
    fflush(stdout);
    board_bar_opened();
}

/* --- sysfs -------------------------------------------------------------------------------------------------------- */
/* Writes a number into a file of the directory. Returns 0, or an errno. */
static int put(const char *directory, const char *file, uint64_t number)
{
    char path[PATH_MAX_SIZE + 16], text[24];
    int size = snprintf(text, sizeof text, "%llu\n", (unsigned long long)number), fd, problem;

    snprintf(path, sizeof path, "%s/%s", directory, file);
    fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (fd < 0)
        return errno;
    problem = write(fd, text, (size_t)size) == size ? 0 : errno;
    close(fd);
    return problem;
}

static void sysfs_drive(unsigned hertz, unsigned duty)
{
    uint64_t period = 1000000000u / (hertz ? hertz : 1);
    int problem = 0;

    if (hertz != pwm.hertz) {
        (void)put(pwm.path, "duty_cycle", 0); /* refused as long as there is no period, and needless then */
        problem = put(pwm.path, "period", period);
    }
    if (!problem)
        problem = put(pwm.path, "duty_cycle", period * duty / BOARD_DUTY_MAX);
    if (!problem && !pwm.hertz)
        problem = put(pwm.path, "enable", 1);
    if (problem && !pwm.has_failed)
        fprintf(stderr, "board: --pwm pwm:%s: %s; the output stays as it is\n", pwm.path, strerror(problem));
    pwm.has_failed = problem != 0;
    pwm.hertz = problem ? 0 : hertz;
}

/* Splits .../pwmchipN/pwmM behind the chip; .../pwmchipN alone means its pwm0. Returns M, or -1 for another path. */
static int sysfs_split(const char *which, char chip[PATH_MAX_SIZE])
{
    size_t size = strlen(which);
    const char *last;
    char *end;
    long channel;

    while (size && which[size - 1] == '/')
        size--;
    if (size == 0 || size + sizeof "/pwm2147483647" > PATH_MAX_SIZE)
        return -1;
    memcpy(chip, which, size);
    chip[size] = '\0';
    last = strrchr(chip, '/');
    last = last ? last + 1 : chip;
    if (strncmp(last, "pwmchip", 7) == 0)
        return 0;
    if (strncmp(last, "pwm", 3) != 0 || last == chip || last[3] < '0' || last[3] > '9')
        return -1;
    channel = strtol(last + 3, &end, 10);
    if (*end || channel > INT32_MAX)
        return -1;
    chip[last - 1 - chip] = '\0';
    return (int)channel;
}

/* Asks the chip for its channel where that is not there yet. Returns 0, or an errno. */
static int sysfs_export(const char *chip, int channel)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    char period[PATH_MAX_SIZE + 16];
    int problem;

    snprintf(period, sizeof period, "%s/period", pwm.path);
    if (access(pwm.path, F_OK) == 0)
        return access(period, W_OK) == 0 ? 0 : errno;
    problem = put(chip, "export", (uint64_t)channel);
    for (int i = 0; !problem && i < EXPORT_TRIES && access(period, W_OK) != 0; i++)
        (void)nanosleep(&pause, NULL);
    if (!problem && access(period, W_OK) != 0)
        problem = errno;
    return problem;
}

static int sysfs_open(const char *name)
{
    static const char remedy[] = "give pwm:PATH, where PATH is like /sys/class/pwm/pwmchip0/pwm1";
    char chip[PATH_MAX_SIZE];
    int channel = sysfs_split(name + strlen("pwm:"), chip), problem;

    if (channel < 0)
        return board_refuse(AMBLE_ERR_USAGE, "--pwm", name, "this is not the path of a PWM", remedy);
    snprintf(pwm.path, sizeof pwm.path, "%.*s/pwm%d", PATH_MAX_SIZE - 16, chip, channel);
    if ((problem = sysfs_export(chip, channel)) != 0)
        return board_refuse(AMBLE_ERR_IO, "--pwm", name, strerror(problem), remedy);
    pwm.drive = sysfs_drive;
    return 0;
}

/* --- choosing one ------------------------------------------------------------------------------------------------- */
int board_pwm_open(const char *name)
{
    memset(&pwm, 0, sizeof pwm);
    pwm.drive = term_drive;
    if (strcmp(name, "term") == 0)
        return 0;
    if (strncmp(name, "pwm:", 4) == 0)
        return sysfs_open(name);
    return board_refuse(AMBLE_ERR_USAGE, "--pwm", name, "there is no such output", "give term or pwm:PATH");
}

void board_pwm_drive(unsigned hertz, unsigned duty) { pwm.drive(hertz, duty); }
