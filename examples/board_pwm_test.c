/* A PWM of sysfs, as a directory of the same shape with files that take anything: what is written into them, in which
 * order, and which sentence a missing one gets. The order is seen with inotify. Where a channel has to be exported,
 * this file's nanosleep stands in for the kernel, and for its time. */
#include "board.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <amble/error.h>

#include "port/scratch.h"

typedef struct {
    char chip[64];     /* a folder that ends with pwmchip0 */
    char channel[72];  /* chip/pwm1 */
    char pin[80];      /* "pwm:" and one of them */
    char files[4][96]; /* period, duty_cycle, enable of the channel; export of the chip */
    int saved_errors;  /* stderr, while it is caught in a file */
} board_pwm;

enum { PERIOD, DUTY, ENABLE, EXPORT };

static void put_file(const char *path, const char *content)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(content, f);
    fclose(f);
}

static void assert_file(const char *path, const char *content)
{
    char text[64] = "";
    FILE *f = fopen(path, "r");

    assert_non_null(f);
    (void)fgets(text, sizeof text, f);
    fclose(f);
    assert_string_equal(text, content);
}

/* What the kernel makes of an export. */
static void make_channel(const board_pwm *t)
{
    mkdir(t->channel, 0700);
    put_file(t->files[DUTY], "0\n");
    put_file(t->files[ENABLE], "0\n");
    put_file(t->files[PERIOD], "0\n"); /* last: this one is waited for */
}

static int setup(void **state)
{
    board_pwm *t = calloc(1, sizeof *t);

    assert_non_null(t);
    scratch_path(t->chip, sizeof t->chip, "pwmchip0");
    snprintf(t->channel, sizeof t->channel, "%s/pwm1", t->chip);
    snprintf(t->pin, sizeof t->pin, "pwm:%s", t->channel);
    snprintf(t->files[PERIOD], sizeof t->files[0], "%s/period", t->channel);
    snprintf(t->files[DUTY], sizeof t->files[0], "%s/duty_cycle", t->channel);
    snprintf(t->files[ENABLE], sizeof t->files[0], "%s/enable", t->channel);
    snprintf(t->files[EXPORT], sizeof t->files[0], "%s/export", t->chip);
    mkdir(t->chip, 0700);
    put_file(t->files[EXPORT], "");
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    board_pwm *t = *state;

    for (int i = 0; i < 4; i++)
        unlink(t->files[i]);
    rmdir(t->channel);
    rmdir(t->chip);
    free(t);
    return 0;
}

static int init(const board_pwm *t) { return board_init(3, (char *[]){"test", "--pwm", (char *)t->pin, NULL}); }

/* From here on stderr goes into a file, until `caught` has it. */
static void catch_errors(board_pwm *t)
{
    char path[64];
    int fd;

    scratch_path(path, sizeof path, "errors");
    t->saved_errors = dup(STDERR_FILENO);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    unlink(path);
    dup2(fd, STDERR_FILENO);
    close(fd);
}

static void caught(board_pwm *t, char text[512])
{
    ssize_t n;

    fflush(stderr);
    n = pread(STDERR_FILENO, text, 511, 0);
    text[n > 0 ? n : 0] = '\0';
    dup2(t->saved_errors, STDERR_FILENO);
    close(t->saved_errors);
}

static void assert_refused(board_pwm *t, int error, const char *pin, const char *problem)
{
    char text[512];
    int r;

    catch_errors(t);
    r = board_init(3, (char *[]){"test", "--pwm", (char *)pin, NULL});
    caught(t, text);
    assert_int_equal(r, error);
    assert_non_null(strstr(text, pin));
    assert_non_null(strstr(text, problem));
}

/* --- writing ------------------------------------------------------------------------------------------------------ */
static void duty_is_its_part_of_the_period(void **state)
{
    board_pwm *t = *state;

    make_channel(t);
    assert_int_equal(init(t), 0);
    board_pwm_frequency(1000);
    board_pwm_duty(0);
    assert_file(t->files[PERIOD], "1000000\n");
    assert_file(t->files[DUTY], "0\n");
    assert_file(t->files[ENABLE], "1\n");
    board_pwm_duty(32768);
    assert_file(t->files[DUTY], "500007\n");
    board_pwm_duty(65535);
    assert_file(t->files[DUTY], "1000000\n");
    board_pwm_frequency(50);
    assert_file(t->files[PERIOD], "1000000\n"); /* with the next duty */
    board_pwm_duty(65535);
    assert_file(t->files[PERIOD], "20000000\n");
    assert_file(t->files[DUTY], "20000000\n");
    board_pwm_frequency(1);
    board_pwm_duty(65535);
    assert_file(t->files[DUTY], "1000000000\n");
}

/* The files that were written since the last call, in their order. */
static void assert_written(int watch, const char *expected)
{
    _Alignas(struct inotify_event) char events[4096];
    char names[256] = "";
    ssize_t n = read(watch, events, sizeof events);

    for (ssize_t at = 0; at < n;) {
        const struct inotify_event *event = (const void *)(events + at);

        strcat(strcat(names, names[0] ? " " : ""), event->name);
        at += (ssize_t)(sizeof *event + event->len);
    }
    assert_string_equal(names, expected);
}

static void no_duty_is_ever_longer_than_the_period(void **state)
{
    board_pwm *t = *state;
    int watch = inotify_init1(IN_NONBLOCK);

    make_channel(t);
    assert_true(inotify_add_watch(watch, t->channel, IN_CLOSE_WRITE) >= 0);
    assert_int_equal(init(t), 0);
    board_pwm_duty(65535);
    assert_written(watch, "duty_cycle period duty_cycle enable");
    board_pwm_duty(100);
    assert_written(watch, "duty_cycle");
    board_pwm_frequency(2000);
    board_pwm_duty(100);
    assert_written(watch, "duty_cycle period duty_cycle");
    close(watch);
}

static void an_output_that_fails_is_told_once_and_begins_anew(void **state)
{
    board_pwm *t = *state;
    char text[512];

    make_channel(t);
    assert_int_equal(init(t), 0);
    board_pwm_duty(65535);
    unlink(t->files[DUTY]);
    catch_errors(t);
    board_pwm_duty(100);
    board_pwm_duty(200);
    caught(t, text);
    assert_non_null(strstr(text, t->channel));
    assert_non_null(strstr(text, "No such file or directory; the output stays as it is\n"));
    assert_string_equal(strchr(text, '\n'), "\n"); /* and no second line */
    make_channel(t);
    board_pwm_duty(65535);
    assert_file(t->files[PERIOD], "1000000\n");
    assert_file(t->files[DUTY], "1000000\n");
    assert_file(t->files[ENABLE], "1\n");
}

/* --- exporting ---------------------------------------------------------------------------------------------------- */
static const board_pwm *kernel_of; /* NULL: nobody hears what is exported */
static int paused_ms;

/* Takes the place of libc's, for the linker takes a program's own functions before those of a shared library. Nobody
 * sleeps: that is the kernel's turn, which makes a channel a while after its number is in the export file. */
int nanosleep(const struct timespec *pause, struct timespec *left)
{
    struct stat exported = {0};

    (void)left;
    paused_ms += (int)(pause->tv_sec * 1000 + pause->tv_nsec / 1000000);
    if (kernel_of && paused_ms >= 30) {
        assert_int_equal(stat(kernel_of->files[EXPORT], &exported), 0);
        assert_int_equal(exported.st_size, 2);
        make_channel(kernel_of);
        kernel_of = NULL;
    }
    return 0;
}

static void a_channel_that_is_not_there_is_exported(void **state)
{
    board_pwm *t = *state;

    kernel_of = t;
    paused_ms = 0;
    assert_int_equal(init(t), 0);
    assert_file(t->files[EXPORT], "1\n");
    assert_int_equal(paused_ms, 30); /* no longer than it took */
    board_pwm_duty(65535);
    assert_file(t->files[DUTY], "1000000\n");
}

static void a_chip_alone_means_its_first_channel(void **state)
{
    board_pwm *t = *state;
    char pin[96], remedy[] = "give pwm:PATH, where PATH is like /sys/class/pwm/pwmchip0/pwm1";

    snprintf(pin, sizeof pin, "pwm:%s/", t->chip);
    kernel_of = NULL;
    paused_ms = 0;
    assert_refused(t, AMBLE_ERR_IO, pin, remedy);
    assert_int_equal(paused_ms, 500); /* then it gives up */
    assert_file(t->files[EXPORT], "0\n");
}

static void wrong_paths_are_refused(void **state)
{
    static const char *const wrong[] = {
        "pwm:",     "pwm:/",          "pwm:/tmp/pwmchip0/pwm", "pwm:/tmp/lamp",
        "pwm:pwm1", "pwm:/tmp/pwm-1", "pwm:/tmp/pwm1x",        "pwm:/tmp/pwm99999999999999999999"};
    board_pwm *t = *state;
    char longest[400];

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_refused(t, AMBLE_ERR_USAGE, wrong[i], "this is not the path of a PWM");
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    memcpy(longest, "pwm:/", 5);
    assert_refused(t, AMBLE_ERR_USAGE, longest, "this is not the path of a PWM");
    assert_refused(t, AMBLE_ERR_IO, "pwm:/no/such/pwmchip7/pwm0", "No such file or directory");
    assert_refused(t, AMBLE_ERR_IO, "pwm:/no/such/pwmchip7", "No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(duty_is_its_part_of_the_period, setup, teardown),
        cmocka_unit_test_setup_teardown(no_duty_is_ever_longer_than_the_period, setup, teardown),
        cmocka_unit_test_setup_teardown(an_output_that_fails_is_told_once_and_begins_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(a_channel_that_is_not_there_is_exported, setup, teardown),
        cmocka_unit_test_setup_teardown(a_chip_alone_means_its_first_channel, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_paths_are_refused, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
