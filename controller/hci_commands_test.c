/* HCI: the exact bytes of answers, what is declared, masks, and the start-up sequences of hosts that nobody here
 * wrote, as they were seen on the wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/test_bench.h"

static bench b;
static bench_host *host;

static int open_one(void **state)
{
    (void)state;
    bench_open(&b, 71, 1);
    host = &b.hosts[0];
    return 0;
}
static int close_bench(void **state)
{
    (void)state;
    bench_close(&b);
    return 0;
}

static void test_reset_is_answered_exactly(void **state)
{
    (void)state;
    bench_command(host, HC_RESET, "");
    assert_int_equal(host->count, 1);
    assert_int_equal(host->notes[0].size, 7);
    assert_memory_equal(host->notes[0].bytes, "\x04\x0e\x04\x01\x03\x0c\x00", 7);
}

static void test_unknown_commands(void **state)
{
    static const unsigned opcodes[] = {0x0000, 0x0401, 0x0c14, 0x201d, 0x2060, 0x2100, 0xfc01, 0xffff};

    (void)state;
    for (size_t i = 0; i < sizeof opcodes / sizeof *opcodes; i++) {
        bench_forget(host);
        assert_int_equal(bench_status(host, opcodes[i], "0102"), HC_UNKNOWN_COMMAND);
        assert_int_equal(host->count, 1);
    }
}

/* Every opcode is answered: by 0x01, or by an answer with its own length even when the parameters are wrong. */
static void test_every_opcode_has_an_answer(void **state)
{
    size_t known = 0;

    (void)state;
    for (unsigned opcode = 0; opcode < 0x10000; opcode++) {
        int status;

        if (opcode == HC_HOST_NUMBER_OF_COMPLETED_PACKETS)
            continue;
        bench_forget(host);
        status =
            bench_status(host, opcode, "00000000000000000000000000000000000000000000000000000000000000000000000000");
        assert_int_equal(host->count, 1);
        assert_true(status == HC_UNKNOWN_COMMAND || status == HC_INVALID_PARAMETERS);
        known += status == HC_INVALID_PARAMETERS;
    }
    assert_true(known >= 40);
}

/* An opcode is declared exactly when it is known. The octets and bits are those of Vol 4, Part E, 6.27. */
static void test_supported_commands_are_true(void **state)
{
    static const struct {
        unsigned octet, bit, opcode;
    } rows[] = {
        {0, 5, 0x0406},  {2, 7, 0x041d},  {5, 6, 0x0c01},  {5, 7, 0x0c03},  {10, 2, 0x0c2d}, {10, 5, 0x0c31},
        {10, 6, 0x0c33}, {14, 3, 0x1001}, {14, 5, 0x1003}, {14, 6, 0x1004}, {14, 7, 0x1005}, {15, 1, 0x1009},
        {15, 5, 0x1405}, {22, 2, 0x0c63}, {24, 5, 0x0c6c}, {24, 6, 0x0c6d}, {25, 0, 0x2001}, {25, 1, 0x2002},
        {25, 2, 0x2003}, {25, 4, 0x2005}, {25, 5, 0x2006}, {25, 6, 0x2007}, {25, 7, 0x2008}, {26, 0, 0x2009},
        {26, 1, 0x200a}, {26, 2, 0x200b}, {26, 3, 0x200c}, {26, 4, 0x200d}, {26, 5, 0x200e}, {26, 6, 0x200f},
        {26, 7, 0x2010}, {27, 0, 0x2011}, {27, 1, 0x2012}, {27, 2, 0x2013}, {27, 3, 0x2014}, {27, 4, 0x2015},
        {27, 5, 0x2016}, {27, 6, 0x2017}, {27, 7, 0x2018}, {28, 0, 0x2019}, {28, 1, 0x201a}, {28, 2, 0x201b},
        {28, 3, 0x201c}, {28, 4, 0x201d}, {28, 5, 0x201e}, {28, 6, 0x201f}, {32, 4, 0x0c7b}, {32, 5, 0x0c7c},
        {33, 4, 0x2020}, {33, 5, 0x2021}, {33, 6, 0x2022}, {33, 7, 0x2023}, {34, 0, 0x2024}, {34, 1, 0x2025},
        {34, 2, 0x2026}, {34, 3, 0x2027}, {34, 4, 0x2028}, {34, 5, 0x2029}, {34, 6, 0x202a}, {34, 7, 0x202b},
        {35, 0, 0x202c}, {35, 1, 0x202d}, {35, 2, 0x202e}, {35, 3, 0x202f}, {35, 4, 0x2030}, {35, 5, 0x2031},
        {35, 6, 0x2032}, {36, 1, 0x2035}, {36, 2, 0x2036}, {36, 3, 0x2037}, {36, 4, 0x2038}, {36, 5, 0x2039},
        {36, 6, 0x203a}, {36, 7, 0x203b}, {37, 0, 0x203c}, {37, 1, 0x203d}, {37, 2, 0x203e}, {37, 3, 0x203f},
        {37, 4, 0x2040}, {37, 5, 0x2041}, {37, 6, 0x2042}, {37, 7, 0x2043}, {38, 0, 0x2044}, {38, 1, 0x2045},
        {38, 2, 0x2046}, {38, 3, 0x2047}, {38, 4, 0x2048}, {38, 5, 0x2049}, {38, 6, 0x204a}, {38, 7, 0x204b},
        {39, 2, 0x204e}, {40, 5, 0x2059}, {40, 6, 0x205a}, {40, 7, 0x205b}, {41, 0, 0x205c}, {41, 1, 0x205d},
        {41, 2, 0x205e}, {44, 1, 0x2074},
    };
    uint8_t supported[64];
    size_t declared = 0, found = 0;

    (void)state;
    memcpy(supported, bench_command(host, HC_READ_LOCAL_SUPPORTED_COMMANDS, "") + 1, sizeof supported);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const bool bit = supported[rows[i].octet] >> rows[i].bit & 1;
        const int status = bench_status(host, rows[i].opcode, "ffffffffffffffffffffffffffffffffffffffffffffffffff00ff");

        assert_int_equal(bit, status != HC_UNKNOWN_COMMAND);
        found += bit;
    }
    for (size_t i = 0; i < sizeof supported * 8; i++)
        declared += supported[i / 8] >> i % 8 & 1;
    assert_int_equal(declared, found + 1); /* Host Number Of Completed Packets, which has no answer */
}

static void test_lengths(void **state)
{
    const uint8_t longer[] = {1, 0x03, 0x0c, 1};

    (void)state;
    assert_int_equal(bench_status(host, HC_RESET, "00"), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(host, HC_LE_SET_SCAN_ENABLE, "01"), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(host, HC_LE_CREATE_CONNECTION, "01"), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(host, HC_HOST_NUMBER_OF_COMPLETED_PACKETS, ""), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(host, HC_HOST_NUMBER_OF_COMPLETED_PACKETS, "02 4000 0100"), HC_INVALID_PARAMETERS);
    bench_forget(host);
    amble__controller_receive(host->controller, longer, sizeof longer); /* claims an octet that is not there */
    assert_int_equal(host->notes[0].bytes[6], HC_INVALID_PARAMETERS);
    bench_forget(host);
    for (size_t size = 0; size < 4; size++) /* not even an opcode and a length */
        amble__controller_receive(host->controller, longer, size);
    amble__controller_receive(host->controller, (const uint8_t *)"\x05\x40\x00\x01\x00\x00",
                              6); /* ISO: not understood */
    assert_int_equal(host->count, 0);
}

static void test_a_failed_answer_keeps_its_length(void **state)
{
    (void)state;
    bench_command(host, HC_READ_RSSI, "340f");
    assert_int_equal(host->notes[0].size, 6 + 4);
    assert_memory_equal(host->notes[0].bytes + 6, "\x02\x34\x0f\x00", 4);
}

static void test_bursts_are_answered_in_order(void **state)
{
    static const unsigned opcodes[] = {HC_RESET, HC_READ_BD_ADDR, HC_LE_READ_BUFFER_SIZE, HC_READ_LOCAL_VERSION,
                                       0xfc00};

    (void)state;
    for (size_t i = 0; i < 100; i++)
        bench_raw_command(host, opcodes[i % 5], NULL, 0);
    assert_int_equal(host->count, 100);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(amble__get_le16(host->notes[i].bytes + (i % 5 == 4 ? 5 : 4)), opcodes[i % 5]);
}

static void test_what_it_says_of_itself(void **state)
{
    (void)state;
    assert_memory_equal(bench_command(host, HC_READ_BD_ADDR, ""), "\x00\xa0\x00\x00\x00\x00\xc0", 7);
    assert_memory_equal(bench_command(host, HC_LE_READ_BUFFER_SIZE, ""), "\x00\xfb\x00\x08", 4);
    assert_memory_equal(bench_command(host, HC_READ_BUFFER_SIZE, ""), "\x00\xfb\x00\x00\x08\x00\x00\x00", 8);
    assert_memory_equal(bench_command(host, HC_READ_LOCAL_SUPPORTED_FEATURES, ""),
                        "\x00\x00\x00\x00\x00\x60\x00\x00\x80", 9);
    assert_memory_equal(bench_command(host, HC_READ_LOCAL_EXTENDED_FEATURES, "01"),
                        "\x00\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00", 11);
    assert_int_equal(bench_status(host, HC_WRITE_LE_HOST_SUPPORT, "0100"), 0);
    assert_memory_equal(bench_command(host, HC_READ_LE_HOST_SUPPORT, ""), "\x00\x01\x00", 3);
    assert_memory_equal(bench_command(host, HC_READ_LOCAL_EXTENDED_FEATURES, "01"),
                        "\x00\x01\x01\x02\x00\x00\x00\x00\x00\x00\x00", 11);
    assert_int_equal(bench_status(host, HC_READ_LOCAL_EXTENDED_FEATURES, "02"), HC_INVALID_PARAMETERS);
    assert_memory_equal(bench_command(host, HC_LE_READ_LOCAL_SUPPORTED_FEATURES, ""),
                        "\x00\xff\x79\x01\x03\x00\x00\x00\x00", 9);
    assert_memory_equal(bench_command(host, HC_LE_READ_MAXIMUM_DATA_LENGTH, ""), "\x00\xfb\x00\x90\x42\xfb\x00\x90\x42",
                        9);
    assert_memory_equal(bench_command(host, HC_LE_READ_SUPPORTED_STATES, ""), "\x00\xff\xff\xff\xff\xff\x03\x00\x00",
                        9);
}

static void test_default_phy(void **state)
{
    (void)state;
    assert_int_equal(bench_status(host, HC_LE_SET_DEFAULT_PHY, "00 01 01"), 0);
    assert_int_equal(bench_status(host, HC_LE_SET_DEFAULT_PHY, "03 00 00"), 0);
    assert_int_equal(bench_status(host, HC_LE_SET_DEFAULT_PHY, "00 03 03"), 0);
    assert_int_equal(bench_status(host, HC_LE_SET_DEFAULT_PHY, "00 02 05"), 0);
    assert_int_equal(bench_status(host, HC_LE_SET_DEFAULT_PHY, "00 08 01"), HC_UNSUPPORTED_PARAMETER);
    assert_int_equal(bench_status(host, HC_LE_SET_DEFAULT_PHY, "01 00 00"), HC_INVALID_PARAMETERS);
}

/* FIPS 197, appendix B, turned round as HCI has it. */
static void test_encrypt_and_rand(void **state)
{
    uint8_t one[8];

    (void)state;
    assert_memory_equal(
        bench_command(host, HC_LE_ENCRYPT, "3c4fcf098815f7aba6d2ae2816157e2b 340737e0a29831318d305a88a8f64332"),
        "\x00\x32\x0b\x6a\x19\x97\x85\x11\xdc\xfb\x09\xdc\x02\x1d\x84\x25\x39", 17);
    memcpy(one, bench_command(host, HC_LE_RAND, "") + 1, sizeof one);
    assert_memory_not_equal(bench_command(host, HC_LE_RAND, "") + 1, one, sizeof one);
}

static void test_accept_list_size_is_true(void **state)
{
    const unsigned size = bench_command(host, HC_LE_READ_ACCEPT_LIST_SIZE, "")[1];
    char hex[32];

    (void)state;
    for (unsigned i = 0; i <= size; i++) {
        snprintf(hex, sizeof hex, "01 %02x0000000000", i);
        assert_int_equal(bench_status(host, HC_LE_ADD_TO_ACCEPT_LIST, hex), i < size ? 0 : HC_MEMORY_FULL);
    }
    assert_int_equal(bench_status(host, HC_LE_ADD_TO_ACCEPT_LIST, "01 050000000000"), 0); /* is in it already */
    assert_int_equal(bench_status(host, HC_LE_REMOVE_FROM_ACCEPT_LIST, "01 050000000000"), 0);
    assert_int_equal(bench_status(host, HC_LE_ADD_TO_ACCEPT_LIST, "00 050000000000"), 0);
    assert_int_equal(bench_status(host, HC_LE_ADD_TO_ACCEPT_LIST, "02 050000000000"), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(host, HC_LE_CLEAR_ACCEPT_LIST, ""), 0);
    assert_int_equal(bench_status(host, HC_LE_ADD_TO_ACCEPT_LIST, "00 060000000000"), 0);
}

/* The masks after Reset hide every LE event; each mask alone hides its own. */
static void test_event_masks(void **state)
{
    static const struct {
        const char *mask, *le_mask;
        bool complete, disconnection;
    } cases[] = {
        {"ffffffffffff1f00", "1f00000000000000", false, true}, /* the default: LE Meta is off */
        {"ffffffffffffff20", "1f00000000000000", true, true},  {"ffffffffffffff20", "1e00000000000000", false, true},
        {"efffffffffffff20", "1f00000000000000", true, false}, {"0000000000000000", "ffffffffffffffff", false, false},
    };

    (void)state;
    bench_open_host(&b, 1, (amble__controller_options){0});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bench_status(host, HC_RESET, "");
        bench_status(&b.hosts[1], HC_RESET, "");
        if (i) {
            bench_status(host, HC_SET_EVENT_MASK, cases[i].mask);
            bench_status(host, HC_LE_SET_EVENT_MASK, cases[i].le_mask);
        }
        bench_forget(host);
        bench_advertise(&b.hosts[1], 0, 32, "");
        bench_create_connection(host, 1, 24, 0, 100);
        bench_run(&b, 300);
        assert_int_equal(bench_count(host, HC_LE_META, HC_LE_CONNECTION_COMPLETE), cases[i].complete);
        assert_int_equal(bench_count(host, HC_LE_META, HC_LE_CHANNEL_SELECTION_ALGORITHM), 0);
        bench_status(&b.hosts[1], HC_RESET, "");
        bench_run(&b, 2000);
        assert_int_equal(bench_count(host, HC_DISCONNECTION_COMPLETE, 0), cases[i].disconnection);
    }
}

static void test_reset_forgets(void **state)
{
    (void)state;
    bench_status(host, HC_LE_WRITE_SUGGESTED_DATA_LENGTH, "fb00 4808");
    bench_status(host, HC_LE_SET_RANDOM_ADDRESS, "0102030405c6");
    bench_advertise(host, 0, 32, "0a");
    bench_scan(host, false, false);
    bench_status(host, HC_RESET, "");
    bench_run(&b, 500);
    assert_int_equal(b.sniffed_count, 0);
    assert_memory_equal(bench_command(host, HC_LE_READ_SUGGESTED_DATA_LENGTH, ""), "\x00\x1b\x00\x48\x01", 5);
    assert_int_equal(bench_status(host, HC_LE_SET_SCAN_PARAMETERS, "00 1000 1000 01 00"), 0);
    assert_int_equal(bench_status(host, HC_LE_SET_SCAN_ENABLE, "0100"), HC_INVALID_PARAMETERS);
}

/* --- start-up sequences ------------------------------------------------------------------------------------------- */

typedef struct {
    unsigned opcode;
    const char *parameters;
    unsigned size;        /* of the return parameters, status included */
    unsigned octet, mask; /* not 0: sent only when this bit of the supported commands is set */
} start_up;

static void play(const start_up *steps, size_t count)
{
    uint8_t supported[64] = {0};

    for (size_t i = 0; i < count; i++) {
        const uint8_t *answer;

        if (steps[i].mask && !(supported[steps[i].octet] & steps[i].mask))
            continue;
        bench_forget(host);
        answer = bench_command(host, steps[i].opcode, steps[i].parameters);
        assert_non_null(answer);
        assert_int_equal(answer[0], 0);
        assert_int_equal(host->notes[0].size, 6 + steps[i].size);
        if (steps[i].opcode == HC_READ_LOCAL_SUPPORTED_COMMANDS)
            memcpy(supported, answer + 1, sizeof supported);
    }
}

static void test_start_up_of_linux(void **state)
{
    static const start_up steps[] = {
        {0x0c03, "", 1, 0, 0},         {0x1003, "", 9, 0, 0},
        {0x1001, "", 9, 0, 0},         {0x1009, "", 7, 0, 0},
        {0x1002, "", 65, 0, 0},        {0x1004, "01", 11, 0, 0},
        {0x2003, "", 9, 0, 0},         {0x2002, "", 4, 0, 0},
        {0x201c, "", 9, 0, 0},         {0x0c01, "90e8040200800020", 1, 0, 0},
        {0x1004, "01", 11, 0, 0},      {0x2001, "ff1b0f0000000000", 1, 0, 0},
        {0x2007, "", 2, 25, 0x40},     {0x204b, "", 3, 38, 0x80},
        {0x200f, "", 2, 26, 0x40},     {0x2010, "", 1, 26, 0x80},
        {0x202a, "", 2, 34, 0x40},     {0x2029, "", 1, 34, 0x20},
        {0x202e, "8403", 1, 35, 0x04}, {0x202f, "", 9, 0, 0},
        {0x2023, "", 5, 0, 0},         {0x0c63, "0000800000000000", 1, 0, 0},
        {0x2024, "fb004808", 1, 0, 0}, {0x2031, "000101", 1, 35, 0x20},
    };

    (void)state;
    play(steps, sizeof steps / sizeof *steps);
}

static void test_start_up_of_noble(void **state)
{
    static const start_up steps[] = {
        {0x0c03, "", 1, 0, 0},
        {0x0c03, "", 1, 0, 0},
        {0x0c03, "", 1, 0, 0},
        {0x2003, "", 9, 0, 0},
        {0x0c01, "fffffbff07f8bf3d", 1, 0, 0},
        {0x2001, "1f00000000000000", 1, 0, 0},
        {0x1001, "", 9, 0, 0},
        {0x1009, "", 7, 0, 0},
        {0x202f, "", 9, 0, 0},
        {0x0c6d, "0100", 1, 0, 0},
        {0x0c6c, "", 3, 0, 0},
        {0x2002, "", 4, 0, 0},
        {0x200c, "0000", 1, 0, 0},
        {0x200b, "01 1000 1000 00 00", 1, 0, 0},
        {0x200c, "0101", 1, 0, 0},
    };

    (void)state;
    play(steps, sizeof steps / sizeof *steps);
}

static void test_start_up_of_ble_host(void **state)
{
    static const start_up steps[] = {
        {0x0c03, "", 1, 0, 0},
        {0x1009, "", 7, 0, 0},
        {0x2010, "", 1, 0, 0},
        {0x200f, "", 2, 0, 0},
        {0x0c01, "9080000000800020", 1, 0, 0},
        {0x2001, "ffffffff01000000", 1, 0, 0},
        {0x2002, "", 4, 0, 0},
        {0x201c, "", 9, 0, 0},
    };

    (void)state;
    play(steps, sizeof steps / sizeof *steps);
}

static void test_start_up_of_bumble(void **state)
{
    static const start_up steps[] = {
        {0x0c03, "", 1, 0, 0},
        {0x1002, "", 65, 0, 0},
        {0x2003, "", 9, 25, 0x04},
        {0x1001, "", 9, 14, 0x08},
        {0x1004, "00", 11, 14, 0x40},
        {0x1004, "01", 11, 14, 0x40},
        {0x0c01, "ffffffffffffff3f", 1, 5, 0x40},
        {0x0c63, "0000800000000000", 1, 22, 0x04},
        {0x2001, "ffffffffff070000", 1, 25, 0x01},
        {0x1005, "", 8, 14, 0x80},
        {0x2002, "", 4, 25, 0x02},
        {0x2023, "", 5, 33, 0x80},
        {0x2024, "fb004808", 1, 34, 0x01},
        {0x1009, "", 7, 15, 0x02},
        {0x0c6d, "0100", 1, 24, 0x40},
        {0x2018, "", 9, 27, 0x80},
        {0x2005, "f5f4f3f2f1f0", 1, 0, 0},
    };

    (void)state;
    play(steps, sizeof steps / sizeof *steps);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_one, close_bench)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_reset_is_answered_exactly),
        TEST(test_unknown_commands),
        TEST(test_every_opcode_has_an_answer),
        TEST(test_supported_commands_are_true),
        TEST(test_lengths),
        TEST(test_a_failed_answer_keeps_its_length),
        TEST(test_bursts_are_answered_in_order),
        TEST(test_what_it_says_of_itself),
        TEST(test_default_phy),
        TEST(test_encrypt_and_rand),
        TEST(test_accept_list_size_is_true),
        TEST(test_event_masks),
        TEST(test_reset_forgets),
        TEST(test_start_up_of_linux),
        TEST(test_start_up_of_noble),
        TEST(test_start_up_of_ble_host),
        TEST(test_start_up_of_bumble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
