/* Captures of an air: what all its controllers said and heard, in one file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "amble/air.h"
#include "amble/task.h"
#include "port/scratch.h"
#include "transport/transport.h"

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

static void write_to(amble__transport *transport, const void *packet, size_t size)
{
    assert_int_equal(transport->operations->write(transport, packet, size), 0);
}

/* One controller is there when the capture begins, one comes and goes later. */
static int session(void *arg)
{
    static const uint8_t reset[] = {0x01, 0x03, 0x0C, 0x00};
    amble__transport *first, *second;

    (void)arg;
    assert_int_equal(amble__transport_open("air:desk", &first, 0), 0);
    write_to(first, reset, sizeof reset); /* before the capture */
    assert_int_equal(amble_air_capture("air:desk", path), 0);
    write_to(first, reset, sizeof reset);
    assert_int_equal(amble_sleep_ms(1000), 0);
    assert_int_equal(amble__transport_open("air:desk", &second, 0), 0);
    write_to(second, reset, sizeof reset);
    amble__transport_close(second);
    assert_int_equal(amble_air_capture("desk", NULL), 0);
    write_to(first, reset, sizeof reset);
    amble__transport_close(first);
    return 0;
}

static size_t make_capture(uint8_t *bytes, size_t size)
{
    const amble_run_options options = {.virtual_time = true};
    FILE *file;

    assert_int_equal(amble_run(&options, session, NULL), 0);
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

/* A record of this adapter and opcode, `ms` after the first. */
static const uint8_t *expect_record(const uint8_t *at, unsigned adapter, unsigned opcode, uint64_t ms,
                                    const void *bytes, size_t size)
{
    const uint64_t start = UINT64_C(0x00DCDDB30F2F8000) + UINT64_C(1735689600) * 1000000; /* 2025-01-01 */

    assert_int_equal(be(at, 4), size);
    assert_int_equal(be(at + 4, 4), size);
    assert_int_equal(be(at + 8, 4), adapter << 16 | opcode);
    assert_int_equal(be(at + 12, 4), 0);
    assert_int_equal(be(at + 16, 8), start + ms * 1000);
    assert_memory_equal(at + 24, bytes, size);
    return at + 24 + size;
}

static void test_read_back(void **state)
{
    uint8_t bytes[1024];
    const size_t size = make_capture(bytes, sizeof bytes);
    const uint8_t *at = bytes + 16;

    (void)state;
    assert_memory_equal(bytes, "btsnoop\0\0\0\0\1\0\0\x07\xD1", 16);
    at = expect_record(at, 0, 0, 0, "\0\0\1\0\0\x1E\xAB\2hci0\0\0\0\0", 16);
    at = expect_record(at, 0, 2, 0, "\3\x0C\0", 3);
    at = expect_record(at, 0, 3, 0, "\x0E\4\1\3\x0C\0", 6);
    at = expect_record(at, 1, 0, 1000, "\0\0\2\0\0\x1E\xAB\2hci1\0\0\0\0", 16);
    at = expect_record(at, 1, 2, 1000, "\3\x0C\0", 3);
    at = expect_record(at, 1, 3, 1000, "\x0E\4\1\3\x0C\0", 6);
    at = expect_record(at, 1, 1, 1000, "", 0);
    assert_int_equal(at - bytes, size);
}

static void test_tshark_reads_it(void **state)
{
    uint8_t bytes[1024];
    char command[256], line[256], output[2048] = "";
    FILE *tshark;

    (void)state;
    if (system("tshark --version >/dev/null 2>&1"))
        skip();
    make_capture(bytes, sizeof bytes);
    snprintf(command, sizeof command, "tshark -r %s -T fields -e hci_mon.adapter_id -e _ws.col.Info 2>&1", path);
    tshark = popen(command, "r");
    assert_non_null(tshark);
    while (fgets(line, sizeof line, tshark))
        strncat(output, line, sizeof output - strlen(output) - 1);
    assert_int_equal(pclose(tshark), 0);
    assert_non_null(strstr(output, "0\tSent Reset"));
    assert_non_null(strstr(output, "0\tRcvd Command Complete (Reset)"));
    assert_non_null(strstr(output, "1\tSent Reset"));
    assert_null(strstr(output, "Malformed"));
}

static int unwritable(void *arg)
{
    (void)arg;
    assert_int_equal(amble_air_capture("air:desk", "/nowhere/at/all"), AMBLE_ERR_IO);
    assert_non_null(strstr(amble__transport_problem(), "/nowhere/at/all: the capture cannot be written there"));
    assert_int_equal(amble_air_capture("air:", path), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_air_capture("air:desk", NULL), 0);
    return 0;
}

static void test_refused(void **state)
{
    (void)state;
    assert_int_equal(amble_run(NULL, unwritable, NULL), 0);
    assert_int_equal(amble_air_capture("air:desk", path), AMBLE_ERR_NO_TASK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_read_back, remove_file),
        cmocka_unit_test_teardown(test_tshark_reads_it, remove_file),
        cmocka_unit_test_teardown(test_refused, remove_file),
    };

    return cmocka_run_group_tests(tests, set_path, NULL);
}
