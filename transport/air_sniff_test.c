/* The file of the air's packets, byte by byte: header, channels, CRC, and who sent what. Real links in it are judged by
 * interop/tool_monitor_test.py, with tshark. */
#include "transport/air_sniff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "amble/error.h"
#include "amble/task.h"
#include "core/bytes.h"
#include "port/scratch.h"
#include "transport/transport.h"

enum { FILE_HEADER = 24, RECORD_HEADER = 16, PSEUDO_HEADER = 10, ROOM = 4096 };
#define LINK UINT32_C(0x50654321)

static uint8_t bytes[ROOM];
static size_t size, at;

static void in_task(int (*body)(void *arg))
{
    const amble_run_options options = {.virtual_time = true};

    assert_int_equal(amble_run(&options, body, NULL), 0);
}

static void read_file(const char *path)
{
    FILE *file = fopen(path, "rb");

    assert_non_null(file);
    size = fread(bytes, 1, sizeof bytes, file);
    assert_int_equal(fclose(file), 0);
    at = FILE_HEADER;
}

/* The next record, of a packet with `pdu_size` bytes and `extra` in front of them. */
static const uint8_t *next_record(size_t pdu_size, size_t extra)
{
    const uint8_t *record = bytes + at;
    const size_t expected = PSEUDO_HEADER + 4 + extra + pdu_size + 3;

    assert_true(at + RECORD_HEADER + expected <= size);
    assert_int_equal(amble__get_le32(record + 8), expected);
    assert_int_equal(amble__get_le32(record + 12), expected);
    at += RECORD_HEADER + expected;
    return record + RECORD_HEADER;
}

static void put(amble__air_sniffer *s, uint64_t start_us, uint8_t channel, amble__phy phy, uint32_t access_address,
                const char *pdu, size_t pdu_size)
{
    const amble__air_packet packet = {.start_us = start_us,
                                      .channel = channel,
                                      .phy = phy,
                                      .access_address = access_address,
                                      .pdu = (const uint8_t *)pdu,
                                      .size = pdu_size,
                                      .rssi = -50};

    amble__air_sniff_packet(s, &packet);
}

static unsigned flags(const uint8_t *record) { return amble__get_le16(record + 8); }

static const char connect_ind[] = "\x05\x22"
                                  "AAAAAABBBBBB"
                                  "\x21\x43\x65\x50"
                                  "\x56\x34\x12"
                                  "\x02\x01\x00\x18\x00\x00\x00\x64\x00\xff\xff\xff\xff\x1f\x07";

/* AUX_ADV_IND with AdvA, ADI and SyncInfo. */
static const char sync_info[] = "\x47\x1c\x1b\x29"
                                "ABCDEF"
                                "\x01\x10"
                                "\x10\x20\x50\x00\xff\xff\xff\xff\x1f\x22\x43\x65\x50\x01\x02\x03\x07\x00";

static const uint8_t frequencies[][2] = {{0, 1}, {10, 11}, {11, 13}, {36, 38}, {37, 0}, {38, 12}, {39, 39}};

static void write_all(const char *path)
{
    static amble__air_sniffer s;

    assert_int_equal(amble__air_sniff_open(&s, path), 0);
    for (size_t i = 0; i < sizeof frequencies / sizeof *frequencies; i++)
        put(&s, 1000 * i, frequencies[i][0], AMBLE__PHY_1M, UINT32_C(0x8E89BED6),
            "\x02\x06"
            "ABCDEF",
            8);
    put(&s, 50000, 5, AMBLE__PHY_1M, LINK, "\x01\x00", 2); /* before the file knows the link */
    put(&s, 60000, 37, AMBLE__PHY_1M, UINT32_C(0x8E89BED6), connect_ind, sizeof connect_ind - 1);
    put(&s, 70000, 5, AMBLE__PHY_1M, LINK, "\x01\x00", 2);
    put(&s, 70000 + 80 + 150, 5, AMBLE__PHY_1M, LINK, "\x05\x00", 2);
    put(&s, 70000 + 2 * 230, 5, AMBLE__PHY_1M, LINK, "\x09\x00", 2);
    put(&s, 80000, 6, AMBLE__PHY_2M, LINK, "\x01\x00", 2);
    put(&s, 80000 + 44 + 150, 6, AMBLE__PHY_2M, LINK, "\x01\x00", 2);
    put(&s, 90000, 6, AMBLE__PHY_CODED_S2, LINK, "\x01\x00", 2); /* nobody answered: the next is the central's again */
    put(&s, 95000, 6, AMBLE__PHY_CODED, LINK, "\x01\x00", 2);
    put(&s, 96000, 10, AMBLE__PHY_1M, UINT32_C(0x8E89BED6), sync_info, sizeof sync_info - 1);
    put(&s, 97000, 12, AMBLE__PHY_1M, LINK + 1, "\x07\x02\x01\x00", 4);
    put(&s, 98000, 13, AMBLE__PHY_1M, LINK + 1, "\x07\x02\x01\x00", 4);
    amble__air_sniff_close(&s);
    put(&s, 99000, 6, AMBLE__PHY_CODED, LINK, "\x01\x00", 2); /* into nothing */
}

static int write_and_read(void *arg)
{
    char path[64];
    const uint8_t *record;

    (void)arg;
    scratch_path(path, sizeof path, "sniff.pcap");
    write_all(path);
    read_file(path);
    assert_int_equal(amble__get_le32(bytes), UINT32_C(0xA1B2C3D4));
    assert_int_equal(amble__get_le32(bytes + 20), 256);
    for (size_t i = 0; i < sizeof frequencies / sizeof *frequencies; i++) {
        assert_int_equal(amble__get_le32(bytes + at + 4), 1000 * i);
        record = next_record(8, 0);
        assert_int_equal(record[0], frequencies[i][1]);
        assert_int_equal(record[1], 256 - 50);
        assert_int_equal(flags(record), 0x0C13 | (frequencies[i][0] < 37 ? 1 : 0) << 7);
        assert_int_equal(amble__get_le32(record + PSEUDO_HEADER), UINT32_C(0x8E89BED6));
        assert_memory_equal(record + PSEUDO_HEADER + 4,
                            "\x02\x06"
                            "ABCDEF",
                            8);
    }
    assert_int_equal(flags(next_record(2, 0)), 0x0013 | 2 << 7); /* its CRC cannot be known */
    (void)next_record(sizeof connect_ind - 1, 0);
    assert_int_equal(flags(next_record(2, 0)), 0x0C13 | 2 << 7);
    assert_int_equal(flags(next_record(2, 0)), 0x0C13 | 3 << 7);
    assert_int_equal(flags(next_record(2, 0)), 0x0C13 | 2 << 7);
    assert_int_equal(flags(next_record(2, 0)), 0x0C13 | 2 << 7 | 1 << 14);
    assert_int_equal(flags(next_record(2, 0)), 0x0C13 | 3 << 7 | 1 << 14);
    record = next_record(2, 1);
    assert_int_equal(flags(record), 0x0C13 | 2 << 7 | 2 << 14);
    assert_int_equal(record[PSEUDO_HEADER + 4], 1); /* S=2 */
    record = next_record(2, 1);
    assert_int_equal(flags(record), 0x0C13 | 2 << 7 | 2 << 14);
    assert_int_equal(record[PSEUDO_HEADER + 4], 0); /* S=8 */
    (void)next_record(sizeof sync_info - 1, 0);
    for (int i = 0; i < 2; i++) /* periodic advertising has no two sides */
        assert_int_equal(flags(next_record(4, 0)), 0x0C13 | 1 << 7);
    assert_int_equal(at, size);
    assert_int_equal(unlink(path), 0);
    return 0;
}

static void test_what_is_written(void **state)
{
    (void)state;
    in_task(write_and_read);
}

/* The length of the register: it gets around to itself, and one bit changes it. And the values of an independent
 * implementation (testdata/vectors.json, crc24_computed). */
static void test_crc(void **state)
{
    static const uint8_t pdu[] = {0x42, 0x09, 0x03, 0x02, 0x01, 0x00, 0x04, 0xc0, 0x02, 0x01, 0x06};

    (void)state;
    assert_int_equal(amble__air_crc(0x555555, pdu, sizeof pdu), 0x6087e0);
    assert_int_equal(amble__air_crc(0x123456, pdu, sizeof pdu), 0x9c0737);
    assert_int_equal(amble__air_crc(0x555555, NULL, 0), 0xAAAAAA);
    assert_int_equal(amble__air_crc(0x000001, NULL, 0), 0x800000);
    assert_true(amble__air_crc(0x555555, (const uint8_t *)"a", 1) != amble__air_crc(0x555555, (const uint8_t *)"c", 1));
}

static int refused(void *arg)
{
    static amble__air_sniffer s;

    (void)arg;
    assert_int_equal(amble__air_sniff_open(&s, "/nowhere/at/all"), AMBLE_ERR_IO);
    assert_non_null(strstr(amble__transport_problem(), "/nowhere/at/all"));
    return 0;
}
static void test_refused(void **state)
{
    (void)state;
    in_task(refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written),
        cmocka_unit_test(test_crc),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
