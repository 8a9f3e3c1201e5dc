/* The LL control procedures: between two controllers, and against a peer that says what it likes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/test_peer.h"

static bench b;
static peer p;

static int open_two(void **state)
{
    (void)state;
    bench_open(&b, 61, 2);
    return 0;
}
static int open_with_peer(void **state)
{
    (void)state;
    return !peer_meet(&p, &b, 62);
}
static int close_bench(void **state)
{
    (void)state;
    peer_leave(&p, &b);
    return 0;
}

/* --- between controllers ------------------------------------------------------------------------------------------ */

static void test_features_from_both_sides(void **state)
{
    uint16_t handle[2];

    (void)state;
    assert_true(bench_connect(&b, 0, 1, &handle[0], &handle[1]));
    for (int i = 0; i < 2; i++) {
        const bench_note *note;
        char hex[8];

        snprintf(hex, sizeof hex, "%02x%02x", handle[i] & 0xff, handle[i] >> 8);
        assert_int_equal(bench_status(&b.hosts[i], HC_LE_READ_REMOTE_FEATURES, hex), 0);
        assert_int_equal(bench_status(&b.hosts[i], HC_LE_READ_REMOTE_FEATURES, hex), HC_DISALLOWED);
        bench_run(&b, 200);
        note = bench_meta(&b.hosts[i], HC_LE_READ_REMOTE_FEATURES_COMPLETE);
        assert_non_null(note);
        assert_memory_equal(note->bytes + 4, "\x00\x40\x00\xff\x79\x01\x03\x00\x00\x00\x00", 11);
    }
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_READ_REMOTE_FEATURES, "990f"), HC_UNKNOWN_CONNECTION);
}

static void test_version_once_each_way(void **state)
{
    uint16_t handle[2];
    size_t sent = 0;

    (void)state;
    assert_true(bench_connect(&b, 0, 1, &handle[0], &handle[1]));
    for (int i = 0; i < 4; i++) {
        const bench_note *note;

        assert_int_equal(bench_status(&b.hosts[i & 1], HC_READ_REMOTE_VERSION, "4000"), 0);
        bench_run(&b, 200);
        note = bench_event(&b.hosts[i & 1], HC_READ_REMOTE_VERSION_COMPLETE, 0);
        assert_non_null(note);
        assert_memory_equal(note->bytes + 3, "\x00\x40\x00\x0c\xff\xff\x01\x00", 8);
    }
    for (size_t i = 0; i < b.sniffed_count; i++)
        sent += b.sniffed[i].size == 8 && (b.sniffed[i].pdu[0] & 3) == 3 && b.sniffed[i].pdu[2] == 0x0c;
    assert_int_equal(sent, 2);
}

static void test_length_by_default_and_by_command(void **state)
{
    uint16_t handle[2];
    const bench_note *note;

    (void)state;
    assert_true(bench_connect(&b, 0, 1, &handle[0], &handle[1]));
    bench_run(&b, 300);
    assert_null(bench_meta(&b.hosts[0], HC_LE_DATA_LENGTH_CHANGE)); /* 27 octets: nothing to say */
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_DATA_LENGTH, "4000 fb00 4808"), 0);
    bench_run(&b, 300);
    note = bench_meta(&b.hosts[0], HC_LE_DATA_LENGTH_CHANGE);
    assert_non_null(note);
    assert_memory_equal(note->bytes + 6, "\xfb\x00\x48\x08\x1b\x00\x48\x01", 8);
    note = bench_meta(&b.hosts[1], HC_LE_DATA_LENGTH_CHANGE);
    assert_memory_equal(note->bytes + 6, "\x1b\x00\x48\x01\xfb\x00\x48\x08", 8);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_DATA_LENGTH, "4000 fb00 4808"), 0);
    bench_run(&b, 300);
    assert_null(bench_meta(&b.hosts[0], HC_LE_DATA_LENGTH_CHANGE)); /* only when something changed */
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_DATA_LENGTH, "4000 1a00 4808"), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_DATA_LENGTH, "4000 fc00 4808"), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_DATA_LENGTH, "4000 fb00 4701"), HC_INVALID_PARAMETERS);
    assert_memory_equal(bench_command(&b.hosts[0], HC_LE_SET_DATA_LENGTH, "ee0f fb00 4808"), "\x02\xee\x0f", 3);
}

/* Both sides ask at once: each answers the other, and both know the same lengths in the end. */
static void test_lengths_from_both_sides_at_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        uint16_t handle[2];

        bench_close(&b);
        bench_open(&b, seed, 2);
        assert_true(bench_connect_with(&b, 0, 1, 24, 0, 400, &handle[0], &handle[1]));
        amble__air_set_loss(b.air, (uint32_t)(seed % 3) * 100000);
        for (int i = 0; i < 2; i++)
            assert_int_equal(
                bench_link_command(&b.hosts[i], HC_LE_SET_DATA_LENGTH, handle[i], i ? "6400 b004" : "fb00 4808"), 0);
        bench_run(&b, 1500);
        for (int i = 0; i < 2; i++) {
            const bench_note *note, *last = NULL;

            while ((note = bench_meta(&b.hosts[i], HC_LE_DATA_LENGTH_CHANGE)))
                last = note;
            assert_non_null(last);
            assert_memory_equal(last->bytes + 6,
                                i ? "\x64\x00\xb0\x04\xfb\x00\x48\x08" : "\xfb\x00\x48\x08\x64\x00\xb0\x04", 8);
        }
    }
}

/* --- against a peer ----------------------------------------------------------------------------------------------- */

static void expect_control(const char *sent, const char *answer)
{
    uint8_t expected[32];
    const size_t size = bench_hex(expected, answer);

    assert_true(peer_control(&p, sent));
    assert_int_equal(p.size, size);
    assert_memory_equal(p.payload, expected, size);
}

static void test_answers_of_a_peripheral(void **state)
{
    (void)state;
    expect_control("08 ffffffffffffffff", "09 ff79010300000000");
    expect_control("08 2000000000000000", "09 2079010300000000"); /* octet 0: what both can */
    expect_control("0c 0b ffff 0000", "0c 0c ffff 0100");
    expect_control("14 fb00 4808 fb00 4808", "15 fb00 9042 1b00 4801");
    assert_non_null(bench_meta(&b.hosts[0], HC_LE_DATA_LENGTH_CHANGE));
}

static void test_what_it_does_not_know(void **state)
{
    (void)state;
    expect_control("ff 01 02", "07 ff");
    expect_control("04 000000000000000000000000", "07 04"); /* for centrals only */
    expect_control("08 00", "07 08");                       /* a wrong length */
    expect_control("0e 0000000000000000", "07 0e");         /* for centrals only */
    assert_true(peer_send(&p, 3, "\x07\x14", 2));           /* an LL_UNKNOWN_RSP of its own gets no answer */
    for (int i = 0; i < 4; i++) {
        assert_true(peer_poll(&p));
        assert_int_equal(p.header & 3, 1);
    }
    assert_true(peer_send(&p, 3, NULL, 0));  /* no opcode at all */
    assert_true(peer_send(&p, 0, "xyz", 3)); /* LLID 0 is reserved */
    assert_true(peer_poll(&p));
    assert_null(bench_acl(&b.hosts[0]));
    assert_int_equal(bench_disconnected(&b.hosts[0]), -1);
}

static void test_a_repetition_is_taken_once(void **state)
{
    (void)state;
    assert_true(peer_send(&p, 2, "abc", 3));
    p.sn ^= 1; /* as if the acknowledgement had been lost: the same number again */
    assert_true(peer_send(&p, 2, "abc", 3));
    assert_true(peer_send(&p, 2, "def", 3));
    assert_memory_equal(bench_acl(&b.hosts[0])->bytes + 5, "abc", 3);
    assert_memory_equal(bench_acl(&b.hosts[0])->bytes + 5, "def", 3);
    assert_null(bench_acl(&b.hosts[0]));
}

static void test_repeats_until_acknowledged(void **state)
{
    (void)state;
    p.deaf = true;
    bench_send(&b.hosts[0], 0x40, 0, 5);
    for (int i = 0; i < 5; i++) {
        assert_true(peer_poll(&p));
        assert_int_equal(p.header & 0x1b, 0x0a); /* a start, and always SN 1 */
        assert_int_equal(p.size, 5);
    }
    assert_int_equal(b.hosts[0].completed, 0);
    p.deaf = false;
    assert_true(peer_poll(&p));
    assert_int_equal(p.size, 5);
    assert_true(peer_poll(&p));
    assert_int_equal(p.size, 0);
    assert_int_equal(b.hosts[0].completed, 1);
}

static void test_a_procedure_nobody_answers(void **state)
{
    const bench_note *note;
    uint64_t start;

    (void)state;
    start = amble__air_now(b.air);
    assert_int_equal(bench_status(&b.hosts[0], HC_READ_REMOTE_VERSION, "4000"), 0);
    for (int i = 0; i < 1333; i++)
        assert_true(peer_poll(&p));
    assert_int_equal(bench_disconnected(&b.hosts[0]), -1);
    peer_poll(&p);
    bench_run(&b, 100);
    note = bench_event(&b.hosts[0], HC_DISCONNECTION_COMPLETE, 0);
    assert_int_equal(note->bytes[6], HC_LL_RESPONSE_TIMEOUT);
    assert_int_equal(note->at_us - start, 40000000);
}

static void test_procedures_that_are_refused(void **state)
{
    const bench_note *note;

    (void)state;
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_READ_REMOTE_FEATURES, "4000"), 0);
    assert_true(peer_poll(&p));
    assert_int_equal(p.payload[0], 0x0e);
    assert_true(peer_send(&p, 3, "\x07\x14", 2)); /* about something else */
    assert_null(bench_meta(&b.hosts[0], HC_LE_READ_REMOTE_FEATURES_COMPLETE));
    assert_true(peer_send(&p, 3, "\x07\x0e", 2));
    note = bench_meta(&b.hosts[0], HC_LE_READ_REMOTE_FEATURES_COMPLETE);
    assert_int_equal(note->bytes[4], HC_UNSUPPORTED_REMOTE_FEATURE);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_READ_REMOTE_FEATURES, "4000"), 0);
    assert_true(peer_poll(&p));
    assert_true(peer_send(&p, 3, "\x11\x0e\x1f", 3)); /* LL_REJECT_EXT_IND, unspecified error */
    note = bench_meta(&b.hosts[0], HC_LE_READ_REMOTE_FEATURES_COMPLETE);
    assert_int_equal(note->bytes[4], 0x1f);
}

static void test_one_procedure_at_a_time(void **state)
{
    (void)state;
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_READ_REMOTE_FEATURES, "4000"), 0);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_DATA_LENGTH, "4000 fb00 4808"), 0);
    assert_int_equal(bench_status(&b.hosts[0], HC_READ_REMOTE_VERSION, "4000"), 0);
    assert_true(peer_poll(&p));
    assert_int_equal(p.payload[0], 0x0e);
    for (int i = 0; i < 3; i++) {
        assert_true(peer_poll(&p));
        assert_int_equal(p.size, 0);
    }
    expect_control("09 0000000000000000", "0c 0c ffff 0100");
    expect_control("0c 0b 0100 0000", "14 fb00 9042 fb00 4808");
    assert_int_equal(bench_disconnect(&b.hosts[0], 0x40), 0); /* waits for nothing */
    assert_true(peer_poll(&p));
    assert_int_equal(p.payload[0], 0x02);
}

static void test_lengths_that_are_none(void **state)
{
    (void)state;
    expect_control("14 1a00 4808 fb00 4808", "15 fb00 9042 1b00 4801");
    expect_control("14 fb00 0000 fb00 4808", "15 fb00 9042 1b00 4801");
    assert_null(bench_meta(&b.hosts[0], HC_LE_DATA_LENGTH_CHANGE));
    assert_true(peer_send(&p, 3, "\x15\xfb\x00\x48\x08\xfb\x00\x48\x08", 9)); /* an answer to nothing */
    assert_null(bench_meta(&b.hosts[0], HC_LE_DATA_LENGTH_CHANGE));
    expect_control("14 ffff ffff ffff ffff", "15 fb00 9042 1b00 4801");
    assert_memory_equal(bench_meta(&b.hosts[0], HC_LE_DATA_LENGTH_CHANGE)->bytes + 6,
                        "\x1b\x00\x48\x01\xfb\x00\x90\x42", 8);
}

static void test_is_told_to_end(void **state)
{
    (void)state;
    assert_true(peer_send(&p, 3, "\x02\x15", 2)); /* acknowledged, and only then over */
    assert_int_equal(bench_disconnected(&b.hosts[0]), 0x15);
    assert_false(peer_poll(&p));
}

#define TEST(name)      cmocka_unit_test_setup_teardown(name, open_two, close_bench)
#define PEER_TEST(name) cmocka_unit_test_setup_teardown(name, open_with_peer, close_bench)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_features_from_both_sides),
        TEST(test_version_once_each_way),
        TEST(test_length_by_default_and_by_command),
        TEST(test_lengths_from_both_sides_at_once),
        PEER_TEST(test_answers_of_a_peripheral),
        PEER_TEST(test_what_it_does_not_know),
        PEER_TEST(test_a_repetition_is_taken_once),
        PEER_TEST(test_repeats_until_acknowledged),
        PEER_TEST(test_a_procedure_nobody_answers),
        PEER_TEST(test_procedures_that_are_refused),
        PEER_TEST(test_one_procedure_at_a_time),
        PEER_TEST(test_lengths_that_are_none),
        PEER_TEST(test_is_told_to_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
