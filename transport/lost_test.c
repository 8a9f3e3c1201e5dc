/* A controller that goes, fails or falls silent, on each kind of stream and on the air: every wait on its host ends
 * with the controller's error, the sentence names it and what happened, and the program opens it again by the same
 * name. Serial ports have this in terminal_test.c, USB in usb_test.c. Takes two seconds of real time for each silent
 * stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <amble.h>
#include <amble/air.h>

#include "port/scratch.h"
#include "transport/airspace.h"
#include "transport/listener_uv.h"

enum { SOON_MS = 5000 };

/* A virtual controller at a place where hosts come, one after the other. */
typedef struct {
    char server[80], client[80]; /* its names */
    amble__listener *listener;
    amble__transport *stream;
    amble__station *station;
    amble_event came;
    bool silent;
} remote;

static void to_host(void *user, const uint8_t *packet, size_t size)
{
    remote *c = user;

    if (!c->silent && c->stream)
        (void)c->stream->operations->write(c->stream, packet, size); /* a host that went is none of the test's */
}
static void from_host(void *user, const uint8_t *packet, size_t size)
{
    amble__station_receive(((remote *)user)->station, packet, size);
}

static void let_go(remote *c)
{
    amble__station_close(c->station);
    amble__transport_close(c->stream);
    c->station = NULL;
    c->stream = NULL;
    c->silent = false;
}

static int take_host(void *arg)
{
    remote *c = arg;
    const amble__station_options options = {.to_host = to_host, .user = c};
    amble__airspace *space;

    assert_int_equal(amble__listener_accept(c->listener, AMBLE__H4_CONTROLLER_SIDE, &c->stream, SOON_MS), 0);
    assert_int_equal(amble__airspace_find("lost", &space), 0);
    assert_int_equal(amble__station_open(space, &options, &c->station), 0);
    c->stream->receive = from_host;
    c->stream->user = c;
    return 0;
}

static amble *open_remote(remote *c)
{
    amble_scope scope;
    amble *ble = NULL;

    amble_scope_open(&scope);
    assert_non_null(amble_spawn(&scope, take_host, c));
    if (amble_open(&ble, c->client, NULL, SOON_MS) < 0)
        fail_msg("%s", amble_open_problem());
    assert_int_equal(amble_scope_wait(&scope, SOON_MS), 0);
    amble_scope_close(&scope);
    return ble;
}

/* --- every wait --------------------------------------------------------------------------------------------------- */
typedef struct {
    amble *ble;
    int advertised, connected, scanned;
} program;

static int wait_in_advertise(void *arg)
{
    program *p = arg;
    amble_connection *conn;

    p->advertised = amble_advertise(p->ble, NULL, &conn, AMBLE_FOREVER);
    return 0;
}
static int wait_in_connect(void *arg)
{
    program *p = arg;
    amble_connection *conn;

    p->connected =
        amble_connect(p->ble, (amble_device){AMBLE_RANDOM, {1, 2, 3, 4, 5, 0xc6}}, NULL, &conn, AMBLE_FOREVER);
    return 0;
}
static int wait_in_scan(void *arg)
{
    program *p = arg;
    amble_scanner scanner;
    amble_scan_result result;

    p->scanned = amble_scan_open(p->ble, &scanner, NULL, 60000);
    while (p->scanned >= 0)
        p->scanned = amble_scan_next(&scanner, &result, AMBLE_FOREVER);
    amble_scan_close(&scanner);
    return 0;
}

/* All kinds of waits end after `harm`, and later calls fail at once. */
static void lose(amble *ble, void (*harm)(void *arg), void *arg, const char *name, const char *words)
{
    program p = {.ble = ble};
    amble_connection *conn;
    amble_scope scope;

    amble_scope_open(&scope);
    assert_non_null(amble_spawn(&scope, wait_in_advertise, &p));
    assert_non_null(amble_spawn(&scope, wait_in_connect, &p));
    assert_non_null(amble_spawn(&scope, wait_in_scan, &p));
    assert_int_equal(amble_sleep_ms(100), 0);
    harm(arg);
    assert_int_equal(amble_scope_wait(&scope, SOON_MS), 0);
    amble_scope_close(&scope);
    assert_int_equal(p.advertised, AMBLE_ERR_CONTROLLER);
    assert_int_equal(p.connected, AMBLE_ERR_CONTROLLER);
    assert_int_equal(p.scanned, AMBLE_ERR_CONTROLLER);
    assert_int_equal(amble_advertise(ble, NULL, &conn, AMBLE_FOREVER), AMBLE_ERR_CONTROLLER);
    assert_int_equal(strncmp(amble_open_problem(), name, strlen(name)), 0);
    assert_non_null(strstr(amble_open_problem(), words));
    amble_close(ble);
}

/* Still does what it did before. */
static void use(amble *ble)
{
    amble_scan_result result;
    amble_scanner scanner;

    assert_int_equal(amble_scan_open(ble, &scanner, NULL, 60000), 0);
    assert_int_equal(amble_scan_next(&scanner, &result, 50), AMBLE_ERR_TIMEOUT);
    amble_scan_close(&scanner);
    amble_close(ble);
}

/* --- what happens to it ------------------------------------------------------------------------------------------- */
static void goes(void *arg) { let_go(arg); }

/* Its program starts again, and says so in words that are no HCI. */
static void starts_again(void *arg)
{
    remote *c = arg;

    assert_int_equal(c->stream->operations->write(c->stream, (const uint8_t *)"\r\nboot\r\n", 8), 0);
}

static void reports_a_hardware_error(void *arg)
{
    static const uint8_t hardware_error[] = {AMBLE__H4_EVENT, 0x10, 1, 0x42}; /* Vol 4 Part E 7.7.16 */

    to_host(arg, hardware_error, sizeof hardware_error);
}

static int ask(void *arg)
{
    const int r = amble_hci_command(arg, 0x1001, NULL, 0, (uint8_t[16]){0}, 16, 2000);

    assert_int_equal(r, AMBLE_ERR_CONTROLLER);
    return 0;
}
static amble *asked;
static void falls_silent(void *arg)
{
    amble_scope scope;

    ((remote *)arg)->silent = true;
    amble_scope_open(&scope);
    assert_non_null(amble_spawn(&scope, ask, asked)); /* nobody notices before it is asked something */
    assert_int_equal(amble_scope_wait(&scope, AMBLE_FOREVER), 0);
    amble_scope_close(&scope);
}

static void everything_happens_to(remote *c)
{
    static const struct {
        void (*harm)(void *arg);
        const char *words;
    } harms[] = {{goes, "the other side closed the connection"},
                 {starts_again, "starts no HCI packet"},
                 {reports_a_hardware_error, "hardware error 0x42"},
                 {falls_silent, "did not answer command 0x"}};

    amble_log_level(AMBLE_LOG_OFF);
    for (size_t i = 0; i < sizeof harms / sizeof *harms; i++) {
        asked = open_remote(c);
        lose(asked, harms[i].harm, c, c->client, harms[i].words);
        let_go(c);
    }
    use(open_remote(c));
    let_go(c);
    amble_log_level(AMBLE_LOG_WARNING);
}

static int over_tcp(void *arg)
{
    remote c = {.stream = NULL};

    (void)arg;
    assert_int_equal(amble__listener_open("tcp-server:127.0.0.1:0", &c.listener, SOON_MS), 0);
    snprintf(c.client, sizeof c.client, "tcp-client:127.0.0.1%s", strrchr(amble__listener_name(c.listener), ':'));
    everything_happens_to(&c);
    amble__listener_close(c.listener);
    return 0;
}

static int over_unix(void *arg)
{
    remote c = {.stream = NULL};
    char path[32];

    (void)arg;
    scratch_path(path, sizeof path, "air");
    snprintf(c.server, sizeof c.server, "unix-server:%s", path);
    snprintf(c.client, sizeof c.client, "unix-client:%s", path);
    assert_int_equal(amble__listener_open(c.server, &c.listener, SOON_MS), 0);
    everything_happens_to(&c);
    amble__listener_close(c.listener);
    return 0;
}

static void unplug(void *arg)
{
    (void)arg;
    assert_int_equal(amble_air_unplug("air:lost/lamp"), 0);
}

static int on_the_air(void *arg)
{
    amble *ble;

    (void)arg;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(amble_open(&ble, "air:lost/lamp", NULL, SOON_MS), 0);
        lose(ble, unplug, NULL, "air:lost/lamp", "the controller was unplugged");
    }
    assert_int_equal(amble_open(&ble, "air:lost/lamp", NULL, SOON_MS), 0);
    use(ble);
    return 0;
}

static void in_real_time(int (*body)(void *arg))
{
    const amble_run_options options = {0};

    assert_int_equal(amble_run(&options, body, NULL), 0);
}

static void test_over_tcp(void **state)
{
    (void)state;
    in_real_time(over_tcp);
}
static void test_over_unix(void **state)
{
    (void)state;
    in_real_time(over_unix);
}
static void test_on_the_air(void **state)
{
    const amble_run_options options = {.virtual_time = true};

    (void)state;
    assert_int_equal(amble_run(&options, on_the_air, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_over_tcp),
        cmocka_unit_test(test_over_unix),
        cmocka_unit_test(test_on_the_air),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
