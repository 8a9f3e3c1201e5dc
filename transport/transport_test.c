/* Names, sentences, and byte streams over TCP and Unix sockets, with both ends in this process. */
#include "transport/transport.h"

#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "amble/error.h"
#include "amble/task.h"
#include "port/scratch.h"
#include "transport/listener_uv.h"
#include "transport/stream_uv.h"

static const uint8_t reset[] = {0x01, 0x03, 0x0C, 0x00};
static const uint8_t reset_answer[] = {0x04, 0x0E, 0x04, 0x01, 0x03, 0x0C, 0x00};

/* What a transport's owner has seen. */
typedef struct {
    amble__transport *transport;
    amble_event event;
    uint8_t bytes[512];
    size_t size;
    size_t total;
    int packets, failures, error;
    char problem[300];
} owner;

static void on_packet(void *user, const uint8_t *packet, size_t size)
{
    owner *o = user;

    if (o->size + size <= sizeof o->bytes) {
        memcpy(o->bytes + o->size, packet, size);
        o->size += size;
    }
    o->total += size;
    o->packets++;
    amble_event_set(&o->event);
}

static void on_failed(void *user, int error)
{
    owner *o = user;

    o->failures++;
    o->error = error;
    snprintf(o->problem, sizeof o->problem, "%s", amble__transport_problem());
    amble_event_set(&o->event);
}

static void own(owner *o)
{
    o->transport->receive = on_packet;
    o->transport->failed = on_failed;
    o->transport->user = o;
}

static int write_to(owner *o, const uint8_t *packet, size_t size)
{
    return o->transport->operations->write(o->transport, packet, size);
}

static void wait_for_packets(owner *o, int packets)
{
    while (o->packets < packets)
        assert_int_equal(amble_event_wait(&o->event, 5000), 0);
}

static void wait_for_failure(owner *o, const char *words)
{
    while (!o->failures)
        assert_int_equal(amble_event_wait(&o->event, 5000), 0);
    assert_int_equal(o->error, AMBLE_ERR_CONTROLLER);
    assert_non_null(strstr(o->problem, words));
    assert_non_null(strstr(o->problem, o->transport->reason));
    assert_int_equal(write_to(o, reset, sizeof reset), AMBLE_ERR_CONTROLLER);
    assert_int_equal(amble_sleep_ms(0), 0);
    assert_int_equal(o->failures, 1);
}

/* Runs a test's body as the first task. */
static void in_task(int (*body)(void *arg), bool virtual_time)
{
    const amble_run_options options = {.virtual_time = virtual_time};

    assert_int_equal(amble_run(&options, body, NULL), 0);
}

static void expect_refused(const char *name, int error, const char *words)
{
    amble__transport *transport = NULL;

    assert_int_equal(amble__transport_open(name, &transport, 2000), error);
    assert_null(transport);
    if (!strstr(amble__transport_problem(), words))
        fail_msg("\"%s\" lacks \"%s\"", amble__transport_problem(), words);
    assert_non_null(strstr(amble__transport_problem(), name));
}

/* --- sentences ---------------------------------------------------------------------------------------------------- */
static int refused_names(void *arg)
{
    (void)arg;
    expect_refused("bluetooth", AMBLE_ERR_USAGE, "there are air:NAME, tcp-client:HOST:PORT");
    expect_refused("tcp-clients:localhost:7300", AMBLE_ERR_USAGE, "no such transport");
    expect_refused("tcp-client", AMBLE_ERR_USAGE, "write it as tcp-client:HOST:PORT");
    expect_refused("tcp-client:", AMBLE_ERR_USAGE, "write it as tcp-client:HOST:PORT");
    expect_refused("tcp-client:localhost", AMBLE_ERR_USAGE, "the port is missing");
    expect_refused("tcp-client:localhost:", AMBLE_ERR_USAGE, "the port is missing");
    expect_refused("tcp-client:localhost:73x", AMBLE_ERR_USAGE, "73x is no port");
    expect_refused("tcp-client:localhost:65536", AMBLE_ERR_USAGE, "65536 is no port");
    expect_refused("unix-client:/nowhere/at/all", AMBLE_ERR_NO_CONTROLLER, "amble air --listen unix-server:/nowhere");
    return 0;
}

static void test_refused_names(void **state)
{
    (void)state;
    in_task(refused_names, false);
}

/* A name with two addresses, where this machine knows it: a bare container may have no /etc/hosts. */
static const char *loopback(void)
{
    struct addrinfo *found;

    if (getaddrinfo("localhost", NULL, NULL, &found))
        return "127.0.0.1";
    freeaddrinfo(found);
    return "localhost";
}

static int nobody_listens(void *arg)
{
    amble__listener *listener;
    char name[64];

    (void)arg;
    assert_int_equal(amble__listener_open("tcp-server:127.0.0.1:0", &listener, 1000), 0);
    snprintf(name, sizeof name, "tcp-client:%s%s", loopback(), strrchr(amble__listener_name(listener), ':'));
    amble__listener_close(listener); /* its port is free now */
    expect_refused(name, AMBLE_ERR_NO_CONTROLLER, "nobody listens there (connection refused)");
    assert_non_null(strstr(amble__transport_problem(), "amble air --listen tcp-server:127.0.0.1:"));
    return 0;
}

static void test_nobody_listens(void **state)
{
    (void)state;
    in_task(nobody_listens, false);
}

static int sockets_in_virtual_time(void *arg)
{
    (void)arg;
    expect_refused("tcp-client:127.0.0.1:7300", AMBLE_ERR_USAGE, "virtual time");
    expect_refused("unix-server:/tmp/never", AMBLE_ERR_USAGE, "virtual time");
    return 0;
}

static void test_sockets_in_virtual_time(void **state)
{
    amble__transport *transport;

    (void)state;
    in_task(sockets_in_virtual_time, true);
    assert_int_equal(amble_scheduler_open(NULL), 0);
    assert_int_equal(amble__transport_open("tcp-client:127.0.0.1:7300", &transport, 0), AMBLE_ERR_NO_TASK);
    assert_true(*amble__transport_problem());
    amble_scheduler_close();
    assert_int_equal(amble__transport_open("air:x", &transport, 0), AMBLE_ERR_NO_TASK);
    amble__transport_close(NULL);
}

/* --- streams ------------------------------------------------------------------------------------------------------ */
/* A host and a controller, joined. */
typedef struct {
    amble__listener *listener;
    owner host, controller;
} pair;

static int connect_host(void *arg)
{
    pair *p = arg;
    const char *server = amble__listener_name(p->listener);
    char name[128];

    snprintf(name, sizeof name, "%.*s-client%s", (int)strcspn(server, "-"), server, strchr(server, ':'));
    assert_int_equal(amble__transport_open(name, &p->host.transport, 5000), 0);
    own(&p->host);
    return 0;
}

static void pair_open(pair *p, const char *place)
{
    amble_scope scope;

    memset(p, 0, sizeof *p);
    assert_int_equal(amble__listener_open(place, &p->listener, 1000), 0);
    amble_scope_open(&scope);
    amble_spawn(&scope, connect_host, p);
    assert_int_equal(amble__listener_accept(p->listener, AMBLE__H4_CONTROLLER_SIDE, &p->controller.transport, 5000), 0);
    own(&p->controller);
    assert_int_equal(amble_scope_wait(&scope, 5000), 0);
    amble_scope_close(&scope);
}

static void pair_close(pair *p)
{
    amble__transport_close(p->host.transport);
    amble__transport_close(p->controller.transport);
    amble__listener_close(p->listener);
}

static void exchange(pair *p)
{
    assert_int_equal(write_to(&p->host, reset, sizeof reset), 0);
    wait_for_packets(&p->controller, 1);
    assert_int_equal(p->controller.size, sizeof reset);
    assert_memory_equal(p->controller.bytes, reset, sizeof reset);
    assert_int_equal(write_to(&p->controller, (const uint8_t *)"\r\nboot\x04", 7), 0);
    assert_int_equal(write_to(&p->controller, reset_answer, sizeof reset_answer), 0);
    wait_for_packets(&p->host, 1);
    assert_int_equal(p->host.size, sizeof reset_answer);
    assert_memory_equal(p->host.bytes, reset_answer, sizeof reset_answer);
}

static int over_tcp(void *arg)
{
    static const uint8_t sco[] = {0x03, 0x01, 0x00, 0x01, 0xAA};
    pair p;

    (void)arg;
    pair_open(&p, "tcp-server:127.0.0.1:0");
    exchange(&p);
    assert_int_equal(write_to(&p.controller, sco, sizeof sco), 0);
    assert_int_equal(write_to(&p.controller, reset_answer, sizeof reset_answer), 0);
    wait_for_packets(&p.host, 2);
    assert_int_equal(p.host.transport->sco_packets, 1);
    pair_close(&p);
    return 0;
}

static void test_over_tcp(void **state)
{
    (void)state;
    in_task(over_tcp, false);
}

static int over_unix(void *arg)
{
    char path[32], place[64];
    pair p;

    (void)arg;
    scratch_path(path, sizeof path, "air");
    snprintf(place, sizeof place, "unix-server:%s", path);
    pair_open(&p, place);
    exchange(&p);
    pair_close(&p);
    assert_int_equal(access(path, F_OK), -1);
    return 0;
}

static void test_over_unix(void **state)
{
    (void)state;
    in_task(over_unix, false);
}

static int the_other_side_goes(void *arg)
{
    pair p;

    (void)arg;
    pair_open(&p, "tcp-server:127.0.0.1:0");
    exchange(&p);
    amble__transport_close(p.controller.transport);
    p.controller.transport = NULL;
    wait_for_failure(&p.host, "the other side closed the connection");
    pair_close(&p);
    return 0;
}

static void test_the_other_side_goes(void **state)
{
    (void)state;
    in_task(the_other_side_goes, false);
}

static int a_lost_frame(void *arg)
{
    static const uint8_t rubbish[] = {0x45, 0x53, 0x50};
    pair p;

    (void)arg;
    pair_open(&p, "tcp-server:127.0.0.1:0");
    exchange(&p);
    assert_int_equal(write_to(&p.controller, rubbish, sizeof rubbish), 0);
    wait_for_failure(&p.host, "byte 0x45 starts no HCI packet");
    pair_close(&p);
    return 0;
}

static void test_a_lost_frame(void **state)
{
    (void)state;
    in_task(a_lost_frame, false);
}

/* Fills the socket and the backlog; then either nobody reads, or everything arrives in order. */
static int a_slow_reader(void *arg)
{
    static const uint8_t acl[5 + 1000] = {0x02, 0x40, 0x00, 1000 & 0xFF, 1000 >> 8};
    size_t written = 0;
    int r = 0;
    pair p;

    (void)arg;
    pair_open(&p, "tcp-server:127.0.0.1:0");
    while (written < AMBLE__STREAM_BACKLOG_MAX) {
        assert_int_equal(write_to(&p.host, acl, sizeof acl), 0);
        written += sizeof acl;
    }
    while (p.controller.total < written)
        assert_int_equal(amble_event_wait(&p.controller.event, 5000), 0);
    assert_int_equal(p.controller.total, written);
    while (!r && written < (size_t)64 << 20) { /* no wait in between: the loop cannot read */
        r = write_to(&p.host, acl, sizeof acl);
        written += sizeof acl;
    }
    assert_int_equal(r, AMBLE_ERR_CONTROLLER);
    assert_int_equal(p.host.failures, 0); /* never from inside the call */
    wait_for_failure(&p.host, "does not read");
    pair_close(&p);
    return 0;
}

static void test_a_slow_reader(void **state)
{
    (void)state;
    in_task(a_slow_reader, false);
}

/* --- a host that waits for its controller --------------------------------------------------------------------------
 */
typedef struct {
    char server[64], client[64];
    owner owner;
    int result;
} waiting_host;

static int open_server(void *arg)
{
    waiting_host *w = arg;

    w->result = amble__transport_open(w->server, &w->owner.transport, 5000);
    if (!w->result)
        own(&w->owner);
    return 0;
}

static int a_waiting_host(void *arg)
{
    waiting_host w = {0};
    amble__listener *listener;
    amble__transport *controller = NULL;
    amble_scope scope;

    (void)arg;
    assert_int_equal(amble__listener_open("tcp-server:127.0.0.1:0", &listener, 1000), 0);
    snprintf(w.server, sizeof w.server, "%s", amble__listener_name(listener));
    snprintf(w.client, sizeof w.client, "tcp-client:127.0.0.1%s", strrchr(w.server, ':'));
    amble__listener_close(listener);
    amble_scope_open(&scope);
    amble_spawn(&scope, open_server, &w);
    assert_int_equal(amble_sleep_ms(20), 0);
    assert_int_equal(amble__transport_open(w.client, &controller, 1000), 0);
    assert_int_equal(amble_scope_wait(&scope, 5000), 0);
    amble_scope_close(&scope);
    assert_int_equal(w.result, 0);
    assert_int_equal(controller->operations->write(controller, reset_answer, sizeof reset_answer), 0);
    wait_for_packets(&w.owner, 1);
    amble__transport_close(controller);
    amble__transport_close(w.owner.transport);
    assert_int_equal(amble__transport_open(w.server, &controller, 20), AMBLE_ERR_NO_CONTROLLER);
    assert_non_null(strstr(amble__transport_problem(), "no controller came"));
    return 0;
}

static void test_a_waiting_host(void **state)
{
    (void)state;
    in_task(a_waiting_host, false);
}

static int a_cancelled_host(void *arg)
{
    waiting_host w = {.server = "tcp-server:127.0.0.1:0"};
    amble_scope scope;

    (void)arg;
    amble_scope_open(&scope);
    amble_spawn(&scope, open_server, &w);
    assert_int_equal(amble_sleep_ms(20), 0);
    amble_scope_close(&scope);
    assert_int_equal(w.result, AMBLE_ERR_CANCELLED);
    /* An address that answers nothing (RFC 5737 3), or that this machine has no way to. */
    snprintf(w.server, sizeof w.server, "tcp-client:192.0.2.1:7300");
    amble_scope_open(&scope);
    amble_spawn(&scope, open_server, &w);
    assert_int_equal(amble_sleep_ms(20), 0);
    amble_scope_close(&scope);
    assert_true(w.result == AMBLE_ERR_CANCELLED || w.result == AMBLE_ERR_NO_CONTROLLER);
    assert_true(*amble__transport_problem());
    return 0;
}

static void test_a_cancelled_host(void **state)
{
    (void)state;
    in_task(a_cancelled_host, false);
}

static int a_taken_place(void *arg)
{
    amble__listener *listener, *second;

    (void)arg;
    assert_int_equal(amble__listener_open("tcp-server:[::]:0", &listener, 1000), 0);
    assert_int_equal(amble__listener_open(amble__listener_name(listener), &second, 1000), AMBLE_ERR_IO);
    assert_non_null(strstr(amble__transport_problem(), "cannot listen there"));
    assert_int_equal(amble__listener_open("air:desk", &second, 1000), AMBLE_ERR_USAGE);
    amble__listener_close(listener);
    amble__listener_close(NULL);
    return 0;
}

/* The file of a socket whose program was killed is refused with what is to be done; one that is in use is not called
 * that. */
static int a_stale_place(void *arg)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    amble__listener *listener, *second;
    char name[sizeof address.sun_path + 16];

    (void)arg;
    scratch_path(address.sun_path, sizeof address.sun_path, "stale");
    snprintf(name, sizeof name, "unix-server:%s", address.sun_path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(amble__listener_open(name, &listener, 1000), AMBLE_ERR_IO);
    assert_non_null(strstr(amble__transport_problem(), "nobody listens"));
    assert_non_null(strstr(amble__transport_problem(), "rm /tmp/amble-"));
    assert_int_equal(unlink(address.sun_path), 0);
    assert_int_equal(amble__listener_open(name, &listener, 1000), 0);
    assert_int_equal(amble__listener_open(name, &second, 1000), AMBLE_ERR_IO);
    assert_null(strstr(amble__transport_problem(), "nobody listens"));
    assert_non_null(strstr(amble__transport_problem(), "end who uses it"));
    amble__listener_close(listener);
    assert_int_equal(amble__listener_open("unix-server:/etc/passwd", &listener, 1000), AMBLE_ERR_IO);
    assert_null(strstr(amble__transport_problem(), "rm ")); /* a file that is no socket is somebody's */
    return 0;
}

static void test_a_stale_place(void **state)
{
    (void)state;
    in_task(a_stale_place, false);
}

static void test_a_taken_place(void **state)
{
    (void)state;
    in_task(a_taken_place, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_names),
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_sockets_in_virtual_time),
        cmocka_unit_test(test_over_tcp),
        cmocka_unit_test(test_over_unix),
        cmocka_unit_test(test_the_other_side_goes),
        cmocka_unit_test(test_a_lost_frame),
        cmocka_unit_test(test_a_slow_reader),
        cmocka_unit_test(test_a_waiting_host),
        cmocka_unit_test(test_a_cancelled_host),
        cmocka_unit_test(test_a_taken_place),
        cmocka_unit_test(test_a_stale_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
