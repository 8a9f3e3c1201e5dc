/* Packets over a file descriptor, a socket pair in place of the kernel's Bluetooth; and what hci-socket: says without
 * one. Waits for real time: a socket knows no other. */
#include "transport/packets_uv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "amble/error.h"
#include "amble/task.h"
#include "port/loop.h"
#include "task/scheduler.h"
#include "transport/hci_socket.h"

static const uint8_t reset[] = {0x01, 0x03, 0x0C, 0x00};
static const uint8_t reset_answer[] = {0x04, 0x0E, 0x04, 0x01, 0x03, 0x0C, 0x00};
static const uint8_t acl[] = {0x02, 0x40, 0x20, 0x02, 0x00, 'a', 'b'};

typedef struct {
    amble__transport *transport;
    int other; /* the controller's end */
    amble_event event;
    uint8_t bytes[64];
    size_t size;
    int packets, failures;
} host;

static void on_packet(void *user, const uint8_t *packet, size_t size)
{
    host *h = user;

    assert_in_range(size, 1, sizeof h->bytes);
    memcpy(h->bytes, packet, size);
    h->size = size;
    h->packets++;
    amble_event_set(&h->event);
}

static void on_failed(void *user, int error)
{
    host *h = user;

    assert_int_equal(error, AMBLE_ERR_CONTROLLER);
    h->failures++;
    amble_event_set(&h->event);
}

static void host_open(host *h)
{
    int ends[2];

    memset(h, 0, sizeof *h);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    h->other = ends[1];
    assert_int_equal(
        amble__packets_open(amble__loop_native(amble__scheduler_loop()), ends[0], "hci-socket:0", &h->transport), 0);
    h->transport->receive = on_packet;
    h->transport->failed = on_failed;
    h->transport->user = h;
}

static void host_close(host *h)
{
    amble__transport_close(h->transport);
    if (h->other >= 0)
        assert_int_equal(close(h->other), 0);
}

static int write_to(host *h, const uint8_t *packet, size_t size)
{
    return h->transport->operations->write(h->transport, packet, size);
}

static void say(host *h, const uint8_t *packet, size_t size) { assert_int_equal(write(h->other, packet, size), size); }

static void wait_for_packets(host *h, int packets)
{
    while (h->packets < packets)
        assert_int_equal(amble_event_wait(&h->event, 5000), 0);
}

static void in_task(int (*body)(void *arg))
{
    const amble_run_options options = {0};

    assert_int_equal(amble_run(&options, body, NULL), 0);
}

static int packets_pass(void *arg)
{
    static const uint8_t sco[] = {0x03, 0x01, 0x00, 0x01, 0xAA}, iso[] = {0x05, 0x01, 0x20, 0x00, 0x00},
                         odd[] = {0xF0, 1};
    uint8_t bytes[32];
    host h;

    (void)arg;
    host_open(&h);
    say(&h, acl, sizeof acl); /* from before the Reset: nobody's */
    assert_int_equal(write_to(&h, reset, sizeof reset), 0);
    assert_int_equal(read(h.other, bytes, sizeof bytes), sizeof reset);
    assert_memory_equal(bytes, reset, sizeof reset);
    say(&h, reset_answer, sizeof reset_answer);
    wait_for_packets(&h, 1);
    assert_true(h.transport->synchronised);
    assert_memory_equal(h.bytes, reset_answer, sizeof reset_answer);
    say(&h, sco, sizeof sco);
    say(&h, iso, sizeof iso);
    say(&h, odd, sizeof odd);
    say(&h, acl, sizeof acl);
    wait_for_packets(&h, 2);
    assert_int_equal(h.size, sizeof acl);
    assert_memory_equal(h.bytes, acl, sizeof acl);
    assert_int_equal(h.transport->sco_packets, 1);
    assert_int_equal(h.transport->iso_packets, 1);
    host_close(&h);
    return 0;
}

static void test_packets_pass(void **state)
{
    (void)state;
    in_task(packets_pass);
}

static int the_controller_goes(void *arg)
{
    host h;

    (void)arg;
    host_open(&h);
    assert_int_equal(close(h.other), 0);
    h.other = -1;
    while (!h.failures)
        assert_int_equal(amble_event_wait(&h.event, 5000), 0);
    assert_non_null(strstr(amble__transport_problem(), "hci-socket:0: the controller is gone"));
    assert_int_equal(write_to(&h, reset, sizeof reset), AMBLE_ERR_CONTROLLER);
    assert_int_equal(amble_sleep_ms(5), 0);
    assert_int_equal(h.failures, 1);
    host_close(&h);
    return 0;
}

static void test_the_controller_goes(void **state)
{
    (void)state;
    in_task(the_controller_goes);
}

/* What the socket does not take waits, and arrives in order; too much of it is the end. */
static int a_slow_controller(void *arg)
{
    uint8_t packet[1000] = {0x02}, bytes[1024];
    uint16_t sent = 0, received = 0, number;
    int r = 0;
    host h;

    (void)arg;
    host_open(&h);
    for (; sent < 300; sent++) {
        memcpy(packet + 5, &sent, sizeof sent);
        assert_int_equal(write_to(&h, packet, sizeof packet), 0);
    }
    while (received < sent) {
        if (read(h.other, bytes, sizeof bytes) != sizeof packet) {
            assert_int_equal(amble_sleep_ms(1), 0);
            continue;
        }
        memcpy(&number, bytes + 5, sizeof number);
        assert_int_equal(number, received++);
    }
    for (int i = 0; i < 100000 && !r; i++)
        r = write_to(&h, packet, sizeof packet);
    assert_int_equal(r, AMBLE_ERR_CONTROLLER);
    assert_int_equal(amble_event_wait(&h.event, 5000), 0);
    assert_int_equal(h.failures, 1);
    assert_non_null(strstr(h.transport->reason, "too many packets"));
    host_close(&h);
    return 0;
}

static void test_a_slow_controller(void **state)
{
    (void)state;
    in_task(a_slow_controller);
}

/* --- the kernel's controllers ------------------------------------------------------------------------------------- */
static int without_a_controller(void *arg)
{
    static const char *const no_numbers[] = {"hci-socket:x", "hci-socket:-1", "hci-socket:65535", "hci-socket:0x1"};
    const bool has_bluetooth = amble__hci_devices(NULL, 0) >= 0;
    amble__transport *transport;

    (void)arg;
    for (size_t i = 0; i < sizeof no_numbers / sizeof *no_numbers; i++) {
        assert_int_equal(amble__transport_open(no_numbers[i], &transport, 1000), AMBLE_ERR_USAGE);
        assert_non_null(strstr(amble__transport_problem(), "is no number of a controller"));
    }
    assert_int_equal(amble__transport_open("hci-socket:9999", &transport, 1000), AMBLE_ERR_NO_CONTROLLER);
    assert_non_null(strstr(amble__transport_problem(), "hci-socket:9999: "));
    if (!has_bluetooth)
        assert_non_null(strstr(amble__transport_problem(), "this kernel has no Bluetooth"));
    else if (geteuid() == 0)
        assert_non_null(strstr(amble__transport_problem(), "the kernel has no hci9999"));
    else
        assert_non_null(strstr(amble__transport_problem(), "CAP_NET_ADMIN"));
    return 0;
}

static void test_without_a_controller(void **state)
{
    (void)state;
    in_task(without_a_controller);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packets_pass),
        cmocka_unit_test(test_the_controller_goes),
        cmocka_unit_test(test_a_slow_controller),
        cmocka_unit_test(test_without_a_controller),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
