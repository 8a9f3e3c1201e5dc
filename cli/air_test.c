/* `amble air` as a process of its own: what it prints, how it serves, how it follows the clock, how it ends. Takes
 * two seconds of real time. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/cli.h"

typedef struct {
    pid_t pid;
    FILE *out;
} service;

/* Runs `amble` with up to three arguments behind "air". */
static service start(const char *a, const char *b, const char *c)
{
    char *argv[] = {(char *)(uintptr_t) "amble", (char *)(uintptr_t) "air", (char *)(uintptr_t)a,
                    (char *)(uintptr_t)b,        (char *)(uintptr_t)c,      NULL};
    service s;
    int ends[2], argc = 0;

    while (argv[argc])
        argc++;
    assert_int_equal(pipe(ends), 0);
    fflush(stdout);
    s.pid = fork();
    assert_true(s.pid >= 0);
    if (!s.pid) {
        alarm(120); /* a radio that does not end */
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        exit(amble__cli_run(argc, argv));
    }
    close(ends[1]);
    s.out = fdopen(ends[0], "r");
    return s;
}

static char *line(service *s)
{
    static char text[512];

    if (!fgets(text, sizeof text, s->out))
        fail_msg("amble air said nothing more");
    return text;
}

static int end(service *s)
{
    int status;

    assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    fclose(s->out);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int connect_to(int port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval patience = {.tv_sec = 60};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    return fd;
}

/* Read BD_ADDR (Vol 4 Part E 7.4.6): the last octet of the number in the address. */
static int number_of(int fd)
{
    static const uint8_t read_address[] = {0x01, 0x09, 0x10, 0x00};
    uint8_t answer[13];
    size_t size = 0;

    assert_int_equal(write(fd, read_address, sizeof read_address), sizeof read_address);
    while (size < sizeof answer) {
        const ssize_t r = read(fd, answer + size, sizeof answer - size);

        assert_true(r > 0);
        size += (size_t)r;
    }
    assert_memory_equal(answer + 8, "\x00\x00\x1E\xAB\x02", 5);
    return answer[7];
}

static void test_serves_and_ends(void **state)
{
    service s = start("--listen", "tcp-server:127.0.0.1:0", NULL);
    int port = 0, first, second, end_of_stream;

    (void)state;
    assert_int_equal(sscanf(line(&s), "listening on tcp-server:127.0.0.1:%d", &port), 1);
    first = connect_to(port);
    assert_string_equal(line(&s), "controller 02:AB:1E:00:00:01 joined\n");
    second = connect_to(port);
    assert_string_equal(line(&s), "controller 02:AB:1E:00:00:02 joined\n");
    assert_int_equal(number_of(first), 1);
    assert_int_equal(number_of(second), 2);
    close(first);
    assert_string_equal(line(&s), "controller 02:AB:1E:00:00:01 left: the other side closed the connection\n");
    assert_int_equal(write(second, "E", 1), 1);
    assert_string_equal(line(&s),
                        "controller 02:AB:1E:00:00:02 left: byte 0x45 starts no HCI packet that belongs here\n");
    assert_int_equal(read(second, &end_of_stream, 1), 0);
    close(second);
    first = connect_to(port);
    assert_string_equal(line(&s), "controller 02:AB:1E:00:00:03 joined\n");
    assert_int_equal(number_of(first), 3);
    kill(s.pid, SIGTERM);
    assert_string_equal(line(&s), "controller 02:AB:1E:00:00:03 left: amble air ends\n");
    assert_int_equal(end(&s), AMBLE__EXIT_DONE);
    close(first);
}

static void test_json_lines(void **state)
{
    service s = start("--json", "--listen=tcp-server:127.0.0.1:0", NULL);
    int port = 0, fd;

    (void)state;
    assert_int_equal(sscanf(line(&s), "{\"event\": \"listening\", \"transport\": \"tcp-server:127.0.0.1:%d\"}", &port),
                     1);
    fd = connect_to(port);
    assert_non_null(strstr(line(&s), "\"controller\": \"02:AB:1E:00:00:01\"}"));
    kill(s.pid, SIGINT);
    assert_string_equal(
        line(&s), "{\"event\": \"left\", \"controller\": \"02:AB:1E:00:00:01\", \"reason\": \"amble air ends\"}\n");
    assert_int_equal(end(&s), AMBLE__EXIT_DONE);
    close(fd);
}

/* --- time and loss ------------------------------------------------------------------------------------------------ */

/* Sends a command and takes its Command Complete, which has the status alone. */
static void command(int fd, const void *packet, size_t size)
{
    uint8_t answer[7];

    assert_int_equal(write(fd, packet, size), size);
    for (size_t have = 0; have < sizeof answer;) {
        const ssize_t r = read(fd, answer + have, sizeof answer - have);

        assert_true(r > 0);
        have += (size_t)r;
    }
    assert_memory_equal(answer + 4, (const uint8_t *)packet + 1, 2);
    assert_int_equal(answer[6], 0);
}
#define COMMAND(fd, ...) command(fd, (const uint8_t[]){0x01, __VA_ARGS__}, sizeof(const uint8_t[]){0x01, __VA_ARGS__})

static double seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* One client advertises every 20 ms and a little, another hears about each: how many reports come in `*duration`
 * seconds, which becomes what it really was. */
static double reports_in(const char *option, double *duration)
{
    enum { REPORT_SIZE = 15 }; /* LE Advertising Report without data: Vol 4 Part E 7.7.65.2 */
    service s = start("--listen=tcp-server:127.0.0.1:0", option, NULL);
    uint8_t bytes[4096];
    size_t received = 0;
    double begin;
    int port = 0, lamp, phone;

    assert_int_equal(sscanf(line(&s), "listening on tcp-server:127.0.0.1:%d", &port), 1);
    lamp = connect_to(port);
    phone = connect_to(port);
    COMMAND(phone, 0x01, 0x0C, 8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x3F);
    COMMAND(phone, 0x0B, 0x20, 7, 0, 0x10, 0, 0x10, 0, 0, 0);
    COMMAND(phone, 0x0C, 0x20, 2, 1, 0);
    COMMAND(lamp, 0x06, 0x20, 15, 0x20, 0, 0x20, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0);
    begin = seconds();
    COMMAND(lamp, 0x0A, 0x20, 1, 1);
    while (seconds() - begin < *duration) {
        const ssize_t r = recv(phone, bytes, sizeof bytes, MSG_DONTWAIT);

        if (r > 0)
            received += (size_t)r;
        else
            usleep(1000);
    }
    *duration = seconds() - begin;
    close(lamp);
    close(phone);
    kill(s.pid, SIGTERM);
    assert_int_equal(end(&s), AMBLE__EXIT_DONE);
    return (double)received / REPORT_SIZE;
}

/* How many reports a second of real time come. Never are there more; less may be heard while a busy machine holds the
 * radio or its listener up, but not each time. */
static void expect_rate(const char *option, double seconds_of_listening, double least, double most)
{
    bool enough = false;

    for (int attempt = 0; !enough && attempt < 20; attempt++) {
        double duration = seconds_of_listening;
        const double reports = reports_in(option, &duration);

        assert_true(reports <= duration * most + 2);
        enough = reports > duration * least;
    }
    assert_true(enough);
}

/* The radio's time is the wall clock's or a multiple of it. */
static void test_follows_the_clock(void **state)
{
    static const double most = 1 / 0.020, usual = 1 / 0.025;

    (void)state;
    expect_rate("--speed=1", 0.8, usual / 2, most);
    expect_rate("--speed=20", 0.4, usual * 20 / 2, most * 20 * 1.1);
    expect_rate("--speed=max", 0.4, most * 5, 1e9); /* however fast the machine is */
}

static void test_loses_packets(void **state)
{
    double duration = 0.4;

    (void)state;
    assert_true(reports_in("--loss=100", &duration) < 1);
}

static void expect(const char *a, const char *b, int code, const char *words)
{
    service s = start(a, b, NULL);
    bool said = false;
    char text[512];

    while (fgets(text, sizeof text, s.out))
        said = said || strstr(text, words);
    assert_true(said);
    assert_int_equal(end(&s), code);
}

static void test_refused(void **state)
{
    (void)state;
    expect("--loss", "200", AMBLE__EXIT_USAGE, "amble air: --loss 200: this takes a percentage from 0 to 100");
    expect("--listen", "nowhere", AMBLE__EXIT_USAGE, "amble air: nowhere: nothing to listen on");
    expect("--listen", "tcp-server:127.0.0.1", AMBLE__EXIT_USAGE, "the port is missing");
    expect("--capture=/nowhere/at/all", "--listen=tcp-server:127.0.0.1:0", AMBLE__EXIT_USAGE,
           "the capture cannot be written there");
    expect("--listen", "unix-server:/nowhere/at/all", AMBLE__EXIT_FAILED, "cannot listen there");
    expect("--help", NULL, AMBLE__EXIT_DONE, "usage: amble air");
    expect("--help", NULL, AMBLE__EXIT_DONE, "examples:");
}

static void test_commands(void **state)
{
    char *argv[] = {(char *)(uintptr_t) "amble", (char *)(uintptr_t) "--help"};
    char *unknown[] = {(char *)(uintptr_t) "amble", (char *)(uintptr_t) "fly"};

    (void)state;
    assert_int_equal(amble__cli_run(2, argv), AMBLE__EXIT_DONE);
    assert_int_equal(amble__cli_run(2, unknown), AMBLE__EXIT_USAGE);
    assert_int_equal(amble__cli_run(1, argv), AMBLE__EXIT_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_serves_and_ends),   cmocka_unit_test(test_json_lines),
        cmocka_unit_test(test_follows_the_clock), cmocka_unit_test(test_loses_packets),
        cmocka_unit_test(test_refused),           cmocka_unit_test(test_commands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
