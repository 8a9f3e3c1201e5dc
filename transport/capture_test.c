/* Captures, read back byte by byte and by tshark where there is one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "amble/error.h"
#include "amble/task.h"
#include "port/scratch.h"
#include "transport/transport.h"

static const uint8_t reset[] = {0x01, 0x03, 0x0C, 0x00};
static const uint8_t reset_answer[] = {0x04, 0x0E, 0x04, 0x01, 0x03, 0x0C, 0x00};
/* Exchange MTU Request and Response. */
static const uint8_t acl_out[] = {0x02, 0x40, 0x00, 0x07, 0x00, 0x03, 0x00, 0x04, 0x00, 0x02, 0xF7, 0x00};
static const uint8_t acl_in[] = {0x02, 0x40, 0x20, 0x07, 0x00, 0x03, 0x00, 0x04, 0x00, 0x03, 0xF7, 0x00};

enum { EXCHANGE_SIZE = sizeof reset + sizeof reset_answer + sizeof acl_out + sizeof acl_in, RECORDS = 4 };

/* A transport that keeps nothing. */
typedef struct {
    amble__transport transport;
    int written, received, closed;
} fake;

static int fake_write(amble__transport *transport, const uint8_t *packet, size_t size)
{
    (void)packet;
    (void)size;
    ((fake *)(void *)transport)->written++;
    return 0;
}

static void fake_close(amble__transport *transport) { ((fake *)(void *)transport)->closed++; }

static void fake_init(fake *f)
{
    static const amble__transport_operations operations = {.write = fake_write, .close = fake_close};

    memset(f, 0, sizeof *f);
    f->transport.operations = &operations;
}

static void on_packet(void *user, const uint8_t *packet, size_t size)
{
    (void)packet;
    (void)size;
    ((fake *)user)->received++;
}

static void on_failed(void *user, int error)
{
    (void)error;
    ((fake *)user)->received += 100;
}

static char path[64];

static int set_path(void **state)
{
    (void)state;
    scratch_path(path, sizeof path, "capture");
    return 0;
}

static int remove_file(void **state)
{
    (void)state;
    (void)unlink(path); /* a test without a file left none */
    return 0;
}

/* Two packets out, two in, a second between the pairs. */
static int exchange(void *arg)
{
    amble__transport *outer;
    fake f;

    (void)arg;
    fake_init(&f);
    assert_int_equal(amble__transport_capture(&f.transport, path, &outer), 0);
    outer->receive = on_packet;
    outer->failed = on_failed;
    outer->user = &f;
    assert_int_equal(outer->operations->write(outer, reset, sizeof reset), 0);
    f.transport.receive(f.transport.user, reset_answer, sizeof reset_answer);
    assert_false(outer->synchronised);
    f.transport.synchronised = true;
    assert_int_equal(amble_sleep_ms(1000), 0);
    assert_int_equal(outer->operations->write(outer, acl_out, sizeof acl_out), 0);
    f.transport.receive(f.transport.user, acl_in, sizeof acl_in);
    assert_true(outer->synchronised);
    f.transport.reason = "gone";
    f.transport.failed(f.transport.user, AMBLE_ERR_CONTROLLER);
    assert_string_equal(outer->reason, "gone");
    assert_int_equal(f.written, 2);
    assert_int_equal(f.received, 102);
    amble__transport_close(outer);
    assert_int_equal(f.closed, 1);
    return 0;
}

static size_t make_capture(bool virtual_time, uint8_t *bytes, size_t size)
{
    const amble_run_options options = {.virtual_time = virtual_time, .speed = virtual_time ? 0 : 1000};
    FILE *file;

    assert_int_equal(amble_run(&options, exchange, NULL), 0);
    file = fopen(path, "rb");
    assert_non_null(file);
    size = fread(bytes, 1, size, file);
    fclose(file);
    return size;
}

static uint64_t be(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;

    while (size--)
        value = value << 8 | *bytes++;
    return value;
}

static const uint8_t *expect_record(const uint8_t *at, const uint8_t *packet, size_t size, unsigned flags,
                                    uint64_t *time)
{
    assert_int_equal(be(at, 4), size);
    assert_int_equal(be(at + 4, 4), size);
    assert_int_equal(be(at + 8, 4), flags);
    assert_int_equal(be(at + 12, 4), 0);
    *time = be(at + 16, 8);
    assert_memory_equal(at + 24, packet, size);
    return at + 24 + size;
}

static void expect_exchange(const uint8_t *bytes, size_t size, uint64_t times[RECORDS])
{
    assert_int_equal(size, 16 + RECORDS * 24 + EXCHANGE_SIZE);
    assert_memory_equal(bytes, "btsnoop\0\0\0\0\1\0\0\x03\xEA", 16);
    bytes = expect_record(bytes + 16, reset, sizeof reset, 2, &times[0]);
    bytes = expect_record(bytes, reset_answer, sizeof reset_answer, 3, &times[1]);
    bytes = expect_record(bytes, acl_out, sizeof acl_out, 0, &times[2]);
    expect_record(bytes, acl_in, sizeof acl_in, 1, &times[3]);
}

static void test_read_back(void **state)
{
    uint8_t bytes[512];
    uint64_t times[RECORDS];

    (void)state;
    expect_exchange(bytes, make_capture(true, bytes, sizeof bytes), times);
    assert_int_equal(times[1], times[0]);
    assert_int_equal(times[2], times[0] + 1000000);
}

static void test_real_time_is_the_wall_clock(void **state)
{
    const uint64_t before = (uint64_t)time(NULL);
    uint8_t bytes[512];
    uint64_t times[RECORDS], seconds;

    (void)state;
    expect_exchange(bytes, make_capture(false, bytes, sizeof bytes), times);
    seconds = (times[0] - UINT64_C(0x00DCDDB30F2F8000)) / 1000000;
    assert_in_range(seconds, before, before + 10);
    assert_true(times[2] >= times[1] + 1000000);
}

static int unwritable(void *arg)
{
    amble__transport *outer = NULL;
    fake f;

    (void)arg;
    fake_init(&f);
    assert_int_equal(amble__transport_capture(&f.transport, "/nowhere/at/all", &outer), AMBLE_ERR_IO);
    assert_null(outer);
    assert_null(f.transport.receive);
    assert_string_equal(amble__transport_problem(),
                        "/nowhere/at/all: the capture cannot be written there (No such file or "
                        "directory); choose another place");
    if (access("/dev/full", W_OK))
        return 0;
    assert_int_equal(amble__transport_capture(&f.transport, "/dev/full", &outer), AMBLE_ERR_IO);
    assert_non_null(strstr(amble__transport_problem(), "No space left"));
    return 0;
}

static void test_unwritable(void **state)
{
    (void)state;
    assert_int_equal(amble_run(NULL, unwritable, NULL), 0);
}

static void test_tshark_reads_it(void **state)
{
    uint8_t bytes[512];
    char command[256], line[256], output[2048] = "";
    FILE *tshark;

    (void)state;
    if (system("tshark --version >/dev/null 2>&1"))
        skip();
    make_capture(true, bytes, sizeof bytes);
    snprintf(command, sizeof command,
             "tshark -r %s -T fields -e frame.time_epoch -e hci_h4.direction -e _ws.col.Info 2>&1", path);
    tshark = popen(command, "r");
    assert_non_null(tshark);
    while (fgets(line, sizeof line, tshark))
        strncat(output, line, sizeof output - strlen(output) - 1);
    assert_int_equal(pclose(tshark), 0);
    assert_non_null(strstr(output, "1735689600.000000000\t0x00\tSent Reset"));
    assert_non_null(strstr(output, "1735689600.000000000\t0x01\tRcvd Command Complete (Reset)"));
    assert_non_null(strstr(output, "1735689601.000000000\t0x00\tSent Exchange MTU Request"));
    assert_non_null(strstr(output, "1735689601.000000000\t0x01\tRcvd Exchange MTU Response"));
    assert_null(strstr(output, "Malformed"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_read_back, remove_file),
        cmocka_unit_test_teardown(test_real_time_is_the_wall_clock, remove_file),
        cmocka_unit_test(test_unwritable),
        cmocka_unit_test_teardown(test_tshark_reads_it, remove_file),
    };

    return cmocka_run_group_tests(tests, set_path, NULL);
}
