/* Virtual controllers in this process: delivery, addresses, labels, loss of power, the sniffer, the dice. */
#include "amble/air.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "amble/task.h"
#include "transport/transport.h"

/* A host that only counts. */
typedef struct {
    amble__transport *transport;
    int packets, reports, failures;
    uint64_t first_report_us;
    uint8_t last[260];
    size_t last_size;
} host;

static void on_packet(void *user, const uint8_t *packet, size_t size)
{
    host *h = user;

    assert_true(size <= sizeof h->last);
    memcpy(h->last, packet, size);
    h->last_size = size;
    h->packets++;
    if (packet[0] == AMBLE__H4_EVENT && packet[1] == 0x3E && packet[3] == 0x02) { /* LE Advertising Report */
        if (!h->reports++)
            h->first_report_us = amble_now_us();
    }
}

static void on_failed(void *user, int error)
{
    host *h = user;

    assert_int_equal(error, AMBLE_ERR_CONTROLLER);
    h->failures++;
}

static int write_to(host *h, const void *packet, size_t size)
{
    return h->transport->operations->write(h->transport, packet, size);
}

static void settle(void) { assert_int_equal(amble_sleep_ms(1), 0); }

/* Sends a command and expects Command Complete with success. */
static void command(host *h, const void *packet, size_t size)
{
    assert_int_equal(write_to(h, packet, size), 0);
    settle();
    assert_int_equal(h->last[1], 0x0E);
    assert_memory_equal(h->last + 4, (const uint8_t *)packet + 1, 2);
    assert_int_equal(h->last[6], 0);
}
#define COMMAND(h, ...) command(h, (const uint8_t[]){0x01, __VA_ARGS__}, sizeof(const uint8_t[]){0x01, __VA_ARGS__})

static void plug_in(host *h, const char *name)
{
    memset(h, 0, sizeof *h);
    assert_int_equal(amble__transport_open(name, &h->transport, 0), 0);
    h->transport->receive = on_packet;
    h->transport->failed = on_failed;
    h->transport->user = h;
    COMMAND(h, 0x03, 0x0C, 0); /* Reset */
}

static unsigned number_of(host *h)
{
    COMMAND(h, 0x09, 0x10, 0); /* Read BD_ADDR */
    assert_memory_equal(h->last + 8, "\x00\x00\x1E\xAB\x02", 5);
    return h->last[7];
}

/* ADV_NONCONN_IND every 100 ms on all three channels: Vol 4 Part E 7.8.5, 7.8.9 */
static void advertise(host *h)
{
    COMMAND(h, 0x06, 0x20, 15, 0xA0, 0, 0xA0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0);
    COMMAND(h, 0x0A, 0x20, 1, 1);
}

/* Passively, all the time, duplicates reported: 7.8.10, 7.8.11. The LE Meta event is off in the default event mask
 * (7.3.1). */
static void scan(host *h)
{
    COMMAND(h, 0x01, 0x0C, 8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x3F);
    COMMAND(h, 0x0B, 0x20, 7, 0, 0x10, 0, 0x10, 0, 0, 0);
    COMMAND(h, 0x0C, 0x20, 2, 1, 0);
}

static void in_virtual_time(int (*body)(void *arg), uint64_t seed, void *arg)
{
    const amble_run_options options = {.virtual_time = true, .seed = seed};

    assert_int_equal(amble_run(&options, body, arg), 0);
}

/* --- delivery ----------------------------------------------------------------------------------------------------- */
static int answers_come_between_tasks(void *arg)
{
    static const uint8_t reset[] = {0x01, 0x03, 0x0C, 0x00};
    host h;

    (void)arg;
    plug_in(&h, "air:desk");
    h.packets = 0;
    for (int i = 0; i < 10; i++)
        assert_int_equal(write_to(&h, reset, sizeof reset), 0);
    assert_int_equal(h.packets, 0);
    settle();
    assert_int_equal(h.packets, 10);
    amble__transport_close(h.transport);
    return 0;
}

static void test_answers_come_between_tasks(void **state)
{
    (void)state;
    in_virtual_time(answers_come_between_tasks, 1, NULL);
}

static int a_host_that_never_waits(void *arg)
{
    static const uint8_t reset[] = {0x01, 0x03, 0x0C, 0x00};
    int written = 0;
    host h;

    (void)arg;
    plug_in(&h, "air:desk");
    while (written < 1000 && !write_to(&h, reset, sizeof reset))
        written++;
    assert_in_range(written, 128, 999);
    assert_int_equal(h.failures, 0);
    settle();
    assert_int_equal(h.failures, 1);
    assert_string_equal(h.transport->reason, "the host did not take its packets in time");
    amble__transport_close(h.transport);
    return 0;
}

static void test_a_host_that_never_waits(void **state)
{
    (void)state;
    in_virtual_time(a_host_that_never_waits, 1, NULL);
}

/* --- names and addresses ------------------------------------------------------------------------------------------ */
static int names(void *arg)
{
    static const char *const refused[] = {"air:x/", "air:0123456789012345678901234567890123456789",
                                          "air:x/0123456789012345678901234567890123456789"};
    host a, b, lamp, elsewhere;
    amble__transport *none;

    (void)arg;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        assert_int_equal(amble__transport_open(refused[i], &none, 0), AMBLE_ERR_USAGE);
        assert_non_null(strstr(amble__transport_problem(), "write air:NAME or air:NAME/LABEL"));
    }
    plug_in(&a, "air:desk");
    plug_in(&lamp, "air:desk/lamp");
    plug_in(&b, "air:desk");
    plug_in(&elsewhere, "air:desktop");
    assert_int_equal(number_of(&a), 1);
    assert_int_equal(number_of(&lamp), 2);
    assert_int_equal(number_of(&b), 3);
    assert_int_equal(number_of(&elsewhere), 1);
    assert_int_equal(amble__transport_open("air:desk/lamp", &none, 0), AMBLE_ERR_BUSY);
    assert_non_null(strstr(amble__transport_problem(), "in use"));
    amble__transport_close(a.transport);
    amble__transport_close(lamp.transport);
    plug_in(&lamp, "air:desk/lamp");
    plug_in(&a, "air:desk");
    assert_int_equal(number_of(&lamp), 2);
    assert_int_equal(number_of(&a), 4);
    amble__transport_close(a.transport);
    amble__transport_close(b.transport);
    amble__transport_close(lamp.transport);
    amble__transport_close(elsewhere.transport);
    return 0;
}

static void test_names(void **state)
{
    (void)state;
    in_virtual_time(names, 1, NULL);
}

/* --- loss of power ------------------------------------------------------------------------------------------------ */
static int unplugging(void *arg)
{
    host lamp, phone;
    int reports;

    (void)arg;
    plug_in(&lamp, "air:desk/lamp");
    plug_in(&phone, "air:desk/phone");
    advertise(&lamp);
    scan(&phone);
    assert_int_equal(amble_sleep_ms(1000), 0);
    assert_true(phone.reports >= 8);
    assert_int_equal(amble_air_unplug("desk/lamp"), 0);
    assert_int_equal(lamp.failures, 0);
    reports = phone.reports;
    assert_int_equal(amble_sleep_ms(1000), 0);
    assert_in_range(phone.reports, reports, reports + 1); /* one may have been under way */
    assert_int_equal(lamp.failures, 1);
    assert_string_equal(lamp.transport->reason, "the controller was unplugged");
    assert_int_equal(write_to(&lamp, "\x01\x03\x0C", 4), AMBLE_ERR_CONTROLLER);
    assert_int_equal(amble_air_unplug("air:desk/lamp"), AMBLE_ERR_NOT_FOUND);
    assert_int_equal(amble_air_unplug("desk"), AMBLE_ERR_NOT_FOUND);
    amble__transport_close(lamp.transport);
    plug_in(&lamp, "air:desk/lamp");
    assert_int_equal(number_of(&lamp), 1);
    amble__transport_close(lamp.transport);
    amble__transport_close(phone.transport);
    return 0;
}

static void test_unplugging(void **state)
{
    (void)state;
    in_virtual_time(unplugging, 1, NULL);
}

/* --- the sniffer and the dice --------------------------------------------------------------------------------------
 */
/* Everything about the packets on the air, in one number. */
typedef struct {
    uint64_t sum;
    unsigned packets, channels;
    int reports;
    double loss;
} trace;

static void on_sniffed(void *user, const amble_air_packet *p)
{
    trace *t = user;

    assert_int_equal(p->access_address, 0x8E89BED6);
    assert_int_equal(p->phy, 1);
    assert_in_range(p->channel, 37, 39);
    assert_int_equal(p->size, 8);
    assert_int_equal(p->pdu[0] & 0x0F, 2); /* ADV_NONCONN_IND, Vol 6 Part B 2.3 */
    t->sum = t->sum * 31 + p->time_us;
    t->packets++;
    t->channels |= 1u << (p->channel - 37);
}

static int sniffing(void *arg)
{
    trace *t = arg;
    host lamp, phone;

    assert_int_equal(amble_air_sniff("air:desk", on_sniffed, t), 0);
    assert_int_equal(amble_air_set_loss("desk", t->loss), 0);
    plug_in(&lamp, "air:desk");
    plug_in(&phone, "air:desk");
    advertise(&lamp);
    scan(&phone);
    assert_int_equal(amble_sleep_ms(5000), 0);
    t->reports = phone.reports;
    t->sum = t->sum * 31 + phone.first_report_us + (unsigned)phone.reports;
    assert_int_equal(amble_air_sniff("desk", NULL, NULL), 0);
    assert_int_equal(amble_sleep_ms(500), 0);
    assert_true(t->packets < 160);
    amble__transport_close(lamp.transport);
    amble__transport_close(phone.transport);
    return 0;
}

static void test_sniffer_and_loss(void **state)
{
    trace none = {0}, again = {0}, other = {0}, half = {.loss = 50}, all = {.loss = 100};

    (void)state;
    in_virtual_time(sniffing, 7, &none);
    in_virtual_time(sniffing, 7, &again);
    in_virtual_time(sniffing, 8, &other);
    in_virtual_time(sniffing, 7, &half);
    in_virtual_time(sniffing, 7, &all);
    assert_true(none.packets >
                120); /* three channels, ten times a second, for five seconds, with a random delay each */
    assert_int_equal(none.channels, 7);
    assert_true(none.sum == again.sum);
    assert_true(none.sum != other.sum);
    assert_in_range(half.reports, none.reports / 5, none.reports * 4 / 5);
    assert_int_equal(all.reports, 0);
}

static int refused_calls(void *arg)
{
    (void)arg;
    assert_int_equal(amble_air_set_loss("desk", -0.1), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_air_set_loss("desk", 100.1), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_air_set_loss("desk", 0.0 / 0.0), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_air_set_loss("air:", 1), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_air_set_loss("0123456789012345678901234567890123456789", 1), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_air_set_loss("desk", 100), 0);
    assert_int_equal(amble_air_unplug("desk/nobody"), AMBLE_ERR_NOT_FOUND);
    return 0;
}

static void test_refused_calls(void **state)
{
    (void)state;
    in_virtual_time(refused_calls, 1, NULL);
    assert_int_equal(amble_air_set_loss("desk", 1), AMBLE_ERR_NO_TASK);
    assert_int_equal(amble_air_unplug("desk/lamp"), AMBLE_ERR_NO_TASK);
    assert_int_equal(amble_air_sniff("desk", NULL, NULL), AMBLE_ERR_NO_TASK);
}

/* LE Read Buffer Size [v1], Vol 4 Part E 7.8.2: the length in two octets, then the number. */
static int small_controllers(void *arg)
{
    host before, after;

    (void)arg;
    plug_in(&before, "air:desk");
    assert_int_equal(amble_air_set_buffers("desk", 0), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_air_set_buffers("desk", 256), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_air_set_buffers("air:desk", 3), 0);
    plug_in(&after, "air:desk");
    COMMAND(&before, 0x02, 0x20, 0x00);
    assert_int_equal(before.last[9], 8);
    COMMAND(&after, 0x02, 0x20, 0x00);
    assert_int_equal(after.last[9], 3);
    amble__transport_close(before.transport);
    amble__transport_close(after.transport);
    return 0;
}

static void test_small_controllers(void **state)
{
    (void)state;
    in_virtual_time(small_controllers, 1, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_come_between_tasks),
        cmocka_unit_test(test_a_host_that_never_waits),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_unplugging),
        cmocka_unit_test(test_sniffer_and_loss),
        cmocka_unit_test(test_refused_calls),
        cmocka_unit_test(test_small_controllers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
