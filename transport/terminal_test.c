/* serial: and pty: over pseudo-terminals, with a virtual controller at the other end that can be unplugged, restart, or
 * fall silent. Waits for real time: a terminal knows no other. */
#define _XOPEN_SOURCE 700 /* posix_openpt and its company */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "amble.h"
#include "port/loop.h"
#include "port/scratch.h"
#include "transport/airspace.h"
#include "transport/stream_uv.h"
#include "transport/test_link.h"

enum { SOON_MS = 5000 };

/* A board: a controller behind a serial port. */
typedef struct {
    amble__stream *stream;
    amble__station *station;
    bool silent;
    char port[64]; /* for the host to open */
} board;

static void from_host(void *user, const uint8_t *packet, size_t size)
{
    board *b = user;

    if (!b->silent)
        amble__station_receive(b->station, packet, size);
}

static void to_host(void *user, const uint8_t *packet, size_t size)
{
    board *b = user;

    (void)b->stream->transport.operations->write(&b->stream->transport, packet,
                                                 size); /* the host's end may be closed */
}

static void board_run(board *b, int fd)
{
    const amble__station_options options = {.to_host = to_host, .user = b};
    amble__airspace *space;

    assert_return_code(fd, 0);
    assert_int_equal(amble__airspace_find("desk", &space), 0);
    assert_int_equal(amble__station_open(space, &options, &b->station), 0);
    assert_int_equal(amble__stream_open(amble__loop_native(amble__scheduler_loop()), AF_UNIX, AMBLE__H4_CONTROLLER_SIDE,
                                        "board", &b->stream),
                     0);
    b->stream->transport.receive = from_host;
    b->stream->transport.user = b;
    assert_int_equal(amble__stream_take(b->stream, fd), 0);
}

/* A board with a serial port of its own. */
static void board_open(board *b)
{
    const int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

    memset(b, 0, sizeof *b);
    assert_return_code(fd, 0);
    assert_int_equal(grantpt(fd) | unlockpt(fd), 0);
    snprintf(b->port, sizeof b->port, "%s", ptsname(fd));
    board_run(b, fd);
}

static void board_close(board *b)
{
    amble__station_close(b->station);
    amble__stream_close(b->stream);
}

static amble *open_serial(const board *b, const char *settings)
{
    char name[128];
    amble *ble;

    snprintf(name, sizeof name, "serial:%s%s", b->port, settings);
    if (amble_open(&ble, name, NULL, SOON_MS) < 0)
        fail_msg("%s", amble_open_problem());
    return ble;
}

static void in_task(int (*body)(void *arg))
{
    const amble_run_options options = {0};

    assert_int_equal(amble_run(&options, body, NULL), 0);
}

/* --- serial ------------------------------------------------------------------------------------------------------- */
static int a_serial_port(void *arg)
{
    static const char *const settings[] = {"", ",115200", ",3000000,flow", ",1000000,rtscts", ",flow"};

    (void)arg;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        struct termios real;
        board b;
        amble *ble;
        int other;

        board_open(&b);
        ble = open_serial(&b, settings[i]);
        other = open(b.port, O_RDWR | O_NOCTTY | O_CLOEXEC); /* TIOCEXCL lets root in */
        if (other >= 0) {
            assert_int_equal(tcgetattr(other, &real), 0);
            assert_int_equal(real.c_lflag & (ECHO | ICANON | ISIG), 0);
            assert_int_equal(real.c_cflag & (CSIZE | CSTOPB | PARENB), CS8);
            assert_int_equal(!!(real.c_cflag & CRTSCTS), i >= 2);
            assert_int_equal(cfgetospeed(&real), i == 1 ? B115200 : i == 2 ? B3000000 : B1000000);
            assert_int_equal(close(other), 0);
        }
        test_link_use(ble);
        amble_close(ble);
        board_close(&b);
    }
    return 0;
}

static void test_a_serial_port(void **state)
{
    (void)state;
    in_task(a_serial_port);
}

static void expect_refused(const char *name, int error, const char *words)
{
    amble__transport *transport = NULL;

    assert_int_equal(amble__transport_open(name, &transport, 200), error);
    assert_null(transport);
    if (!strstr(amble__transport_problem(), words))
        fail_msg("\"%s\" lacks \"%s\"", amble__transport_problem(), words);
    assert_non_null(strstr(amble__transport_problem(), name));
}

static int refused_ports(void *arg)
{
    char name[128];
    board b;
    int other;

    (void)arg;
    expect_refused("serial:", AMBLE_ERR_USAGE, "write it as serial:/dev/ttyX,BAUD[,flow]");
    expect_refused("serial:,115200", AMBLE_ERR_USAGE, "names no device");
    expect_refused("serial:/dev/ttyNOWHERE,115201", AMBLE_ERR_USAGE,
                   "115201 is no rate of a serial port; there are 9600");
    expect_refused("serial:/dev/ttyNOWHERE,115200,xonxoff", AMBLE_ERR_USAGE, "115200,flow, and not xonxoff");
    expect_refused("serial:/dev/ttyNOWHERE,115200", AMBLE_ERR_NO_CONTROLLER, "there is no device /dev/ttyNOWHERE");
    expect_refused("serial:/dev/null,115200", AMBLE_ERR_NO_CONTROLLER, "/dev/null is no serial port");
    board_open(&b);
    other = open(b.port, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_return_code(other, 0);
    assert_int_equal(flock(other, LOCK_EX), 0);
    snprintf(name, sizeof name, "serial:%s", b.port);
    expect_refused(name, AMBLE_ERR_NO_CONTROLLER, "another program uses");
    assert_int_equal(close(other), 0);
    board_close(&b);
    return 0;
}

static void test_refused_ports(void **state)
{
    (void)state;
    in_task(refused_ports);
}

/* --- controllers that go ------------------------------------------------------------------------------------------ */
typedef struct {
    amble *ble;
    int advertised, scanned;
} waiting_program;

static int wait_in_advertise(void *arg)
{
    waiting_program *p = arg;
    amble_connection *conn;

    p->advertised = amble_advertise(p->ble, NULL, &conn, AMBLE_FOREVER);
    return 0;
}

static int wait_in_connect(void *arg)
{
    const amble_device nobody = {.bytes = {1, 2, 3, 4, 5, 0xC6}, .type = AMBLE_RANDOM};
    waiting_program *p = arg;
    amble_connection *conn;

    p->scanned = amble_connect(p->ble, nobody, NULL, &conn, AMBLE_FOREVER);
    return 0;
}

/* Every wait ends with the controller's error after `harm`, and the program can open again. */
static void lose(board *b, void (*harm)(board *b))
{
    waiting_program p = {.ble = open_serial(b, ",115200")};
    amble_scope scope;

    amble_scope_open(&scope);
    amble_spawn(&scope, wait_in_advertise, &p);
    amble_spawn(&scope, wait_in_connect, &p);
    assert_int_equal(amble_sleep_ms(50), 0);
    harm(b);
    assert_int_equal(amble_scope_wait(&scope, SOON_MS), 0);
    amble_scope_close(&scope);
    assert_int_equal(p.advertised, AMBLE_ERR_CONTROLLER);
    assert_int_equal(p.scanned, AMBLE_ERR_CONTROLLER);
    amble_close(p.ble);
}

static void unplug(board *b) { board_close(b); }

/* Loses its memory, and prints what boards print when they start. */
static void restart(board *b)
{
    static const char hello[] = "\r\n*** Booting Zephyr OS ***\r\n";

    to_host(b, (const uint8_t *)hello, sizeof hello - 1);
}

static int unplugged(void *arg)
{
    board b;
    amble *ble;

    (void)arg;
    board_open(&b);
    lose(&b, unplug);
    board_open(&b);
    ble = open_serial(&b, "");
    test_link_use(ble);
    amble_close(ble);
    board_close(&b);
    return 0;
}

static void test_unplugged(void **state)
{
    (void)state;
    in_task(unplugged);
}

static int restarted(void *arg)
{
    board b;

    (void)arg;
    for (int i = 0; i < 2; i++) {
        board_open(&b);
        lose(&b, restart);
        board_close(&b);
    }
    return 0;
}

static void test_restarted(void **state)
{
    (void)state;
    in_task(restarted);
}

static int silent(void *arg)
{
    const uint64_t start = amble_now_us();
    amble_connection *conn;
    board b;
    amble *ble;

    (void)arg;
    board_open(&b);
    ble = open_serial(&b, "");
    b.silent = true;
    assert_int_equal(amble_advertise(ble, NULL, &conn, AMBLE_FOREVER), AMBLE_ERR_CONTROLLER);
    assert_in_range(amble_now_us() - start, 1900000, 30000000); /* two seconds, on a machine that is busy, too */
    amble_close(ble);
    board_close(&b);
    board_open(&b);
    ble = open_serial(&b, "");
    test_link_use(ble);
    amble_close(ble);
    board_close(&b);
    return 0;
}

static void test_silent(void **state)
{
    (void)state;
    in_task(silent);
}

/* --- pty ---------------------------------------------------------------------------------------------------------- */
static char link_path[64];

/* Opens the port behind the link once it is there, as a program of its own would. */
static int attach(void *arg)
{
    board *b = arg;

    while (access(link_path, F_OK) < 0)
        assert_int_equal(amble_sleep_ms(5), 0);
    memset(b, 0, sizeof *b);
    board_run(b, open(link_path, O_RDWR | O_NOCTTY | O_CLOEXEC));
    return 0;
}

static amble *open_pty(board *b)
{
    char name[80];
    amble_scope scope;
    amble *ble;

    snprintf(name, sizeof name, "pty:%s", link_path);
    amble_scope_open(&scope);
    amble_spawn(&scope, attach, b);
    if (amble_open(&ble, name, NULL, SOON_MS) < 0)
        fail_msg("%s", amble_open_problem());
    amble_scope_close(&scope);
    assert_int_equal(access(link_path, F_OK), -1);
    return ble;
}

static int a_pseudo_terminal(void *arg)
{
    amble_connection *conn;
    amble *ble;
    board b;

    (void)arg;
    ble = open_pty(&b);
    test_link_use(ble);
    board_close(&b);
    assert_int_equal(amble_advertise(ble, NULL, &conn, SOON_MS), AMBLE_ERR_CONTROLLER);
    amble_close(ble);
    assert_int_equal(symlink("/nowhere", link_path), 0); /* left behind by somebody */
    ble = open_pty(&b);
    test_link_use(ble);
    amble_close(ble);
    board_close(&b);
    return 0;
}

static void test_a_pseudo_terminal(void **state)
{
    (void)state;
    in_task(a_pseudo_terminal);
}

/* Opened and closed again at once: that was not the controller. */
static int look_at_it(void *arg)
{
    int fd;

    (void)arg;
    while (access(link_path, F_OK) < 0)
        assert_int_equal(amble_sleep_ms(5), 0);
    fd = open(link_path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_return_code(fd, 0);
    assert_int_equal(amble_sleep_ms(50), 0);
    return close(fd);
}

static int nobody_attaches(void *arg)
{
    amble_scope scope;
    char name[80];

    (void)arg;
    snprintf(name, sizeof name, "pty:%s", link_path);
    amble_scope_open(&scope);
    amble_spawn(&scope, look_at_it, NULL);
    expect_refused(name, AMBLE_ERR_NO_CONTROLLER, "no controller came; let one open");
    amble_scope_close(&scope);
    assert_int_equal(access(link_path, F_OK), -1);
    expect_refused("pty:/nowhere/at/all", AMBLE_ERR_NO_CONTROLLER, "no link can be made at /nowhere/at/all");
    expect_refused("pty:/dev/null", AMBLE_ERR_NO_CONTROLLER, "no link can be made at /dev/null (File exists)");
    return 0;
}

static void test_nobody_attaches(void **state)
{
    (void)state;
    in_task(nobody_attaches);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_serial_port),   cmocka_unit_test(test_refused_ports),
        cmocka_unit_test(test_unplugged),       cmocka_unit_test(test_restarted),
        cmocka_unit_test(test_silent),          cmocka_unit_test(test_a_pseudo_terminal),
        cmocka_unit_test(test_nobody_attaches),
    };

    scratch_path(link_path, sizeof link_path, "pty");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
