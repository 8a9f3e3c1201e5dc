/* H4 framing: every split of a recorded stream, boot text, unwanted packets, lost frames. */
#include "transport/h4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "amble/error.h"

/* What came out: the packets one behind the other, each with its size in front. */
typedef struct {
    amble__h4 h4;
    uint8_t bytes[4096];
    size_t size;
    int packets;
    const uint8_t *last;
} sink;

static void on_packet(void *user, const uint8_t *packet, size_t size)
{
    sink *s = user;

    assert_true(s->size + size + 2 <= sizeof s->bytes);
    s->bytes[s->size++] = (uint8_t)size;
    s->bytes[s->size++] = (uint8_t)(size >> 8);
    memcpy(s->bytes + s->size, packet, size);
    s->size += size;
    s->packets++;
    s->last = packet;
}

static void sink_init(sink *s, amble__h4_side side)
{
    memset(s, 0, sizeof *s);
    amble__h4_init(&s->h4, side, on_packet, s);
}

#define RESET_ANSWER 0x04, 0x0E, 0x04, 0x01, 0x03, 0x0C, 0x00
/* From a start-up and a connection: Reset, LE Read Buffer Size, LE Connection Complete, ACL with an ATT request, SCO
 * and ISO packets between them, an empty ACL packet, Number Of Completed Packets. */
/* clang-format off */
static const uint8_t to_host[] = {
    RESET_ANSWER,
    0x04, 0x0E, 0x07, 0x01, 0x02, 0x20, 0x00, 0xFB, 0x00, 0x08,
    0x04, 0x3E, 0x13, 0x01, 0x00, 0x40, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x1E, 0xAB, 0x02, 0x18, 0x00, 0x00, 0x00,
        0x2A, 0x00, 0x00,
    0x02, 0x40, 0x20, 0x07, 0x00, 0x03, 0x00, 0x04, 0x00, 0x02, 0x00, 0x02,
    0x03, 0x01, 0x00, 0x03, 0x04, 0x04, 0x04,
    0x05, 0x40, 0x40, 0x02, 0xC0, 0x04, 0x05,
    0x02, 0x40, 0x10, 0x00, 0x00,
    0x03, 0x01, 0x00, 0x00,
    0x04, 0x13, 0x05, 0x01, 0x40, 0x00, 0x01, 0x00,
};
static const uint8_t to_controller[] = {
    0x01, 0x03, 0x0C, 0x00,
    0x01, 0x01, 0x0C, 0x08, 0x90, 0x80, 0x00, 0x00, 0x00, 0x80, 0x00, 0x20,
    0x02, 0x40, 0x00, 0x07, 0x00, 0x03, 0x00, 0x04, 0x00, 0x03, 0xF7, 0x00,
    0x03, 0x01, 0x00, 0x01, 0x01,
    0x01, 0x06, 0x04, 0x03, 0x40, 0x00, 0x13,
};
/* clang-format on */

static void feed_whole(sink *s, amble__h4_side side, const uint8_t *bytes, size_t size)
{
    sink_init(s, side);
    assert_int_equal(amble__h4_feed(&s->h4, bytes, size), 0);
}

static void every_split(amble__h4_side side, const uint8_t *bytes, size_t size, int packets)
{
    sink whole, split;

    feed_whole(&whole, side, bytes, size);
    assert_int_equal(whole.packets, packets);
    for (size_t a = 0; a <= size; a++) {
        for (size_t b = a; b <= size; b++) {
            sink_init(&split, side);
            assert_int_equal(amble__h4_feed(&split.h4, bytes, a), 0);
            assert_int_equal(amble__h4_feed(&split.h4, bytes + a, b - a), 0);
            assert_int_equal(amble__h4_feed(&split.h4, bytes + b, size - b), 0);
            assert_int_equal(split.size, whole.size);
            assert_memory_equal(split.bytes, whole.bytes, whole.size);
            assert_int_equal(split.h4.sco_packets, whole.h4.sco_packets);
            assert_int_equal(split.h4.iso_packets, whole.h4.iso_packets);
        }
    }
}

static void test_every_split_position(void **state)
{
    sink s;

    (void)state;
    every_split(AMBLE__H4_HOST_SIDE, to_host, sizeof to_host, 6);
    every_split(AMBLE__H4_CONTROLLER_SIDE, to_controller, sizeof to_controller, 4);
    feed_whole(&s, AMBLE__H4_HOST_SIDE, to_host, sizeof to_host);
    assert_int_equal(s.h4.sco_packets, 2);
    assert_int_equal(s.h4.iso_packets, 1);
}

static void test_byte_by_byte(void **state)
{
    sink whole, single;

    (void)state;
    feed_whole(&whole, AMBLE__H4_HOST_SIDE, to_host, sizeof to_host);
    sink_init(&single, AMBLE__H4_HOST_SIDE);
    for (size_t i = 0; i < sizeof to_host; i++)
        assert_int_equal(amble__h4_feed(&single.h4, to_host + i, 1), 0);
    assert_int_equal(single.size, whole.size);
    assert_memory_equal(single.bytes, whole.bytes, whole.size);
}

static void test_a_whole_packet_is_not_copied(void **state)
{
    sink s;

    (void)state;
    feed_whole(&s, AMBLE__H4_CONTROLLER_SIDE, to_controller, 4);
    assert_ptr_equal(s.last, to_controller);
}

static void test_boot_text_is_skipped(void **state)
{
    static const uint8_t answer[] = {RESET_ANSWER};
    /* Text, a lone event byte, beginnings of answers, another event, an ACL header, and an answer right behind a false
     * start. */
    static const uint8_t text[] =
        "ESP-ROM:esp32c3-api1-20210207\r\nrst:0x1 (POWERON)\r\n"
        "\x04\x04\x0E\x04\x04\x0E\x04\x01\x03\x04\x3E\x02\x00\x00\x02\x40\x20\xFF\x7F\x04\x0E";
    sink s;

    (void)state;
    for (size_t from = 0; from < sizeof text; from++) {
        const size_t size = sizeof text - 1 - from;

        sink_init(&s, AMBLE__H4_HOST_SIDE);
        assert_int_equal(amble__h4_feed(&s.h4, text + from, size), 0);
        assert_int_equal(s.packets, 0);
        assert_int_equal(amble__h4_feed(&s.h4, answer, sizeof answer), 0);
        assert_int_equal(s.packets, 1);
        assert_memory_equal(s.bytes + 2, answer, sizeof answer);
        assert_int_equal(s.h4.skipped, size);
        assert_int_equal(amble__h4_feed(&s.h4, to_host, sizeof to_host), 0);
        assert_int_equal(s.packets, 7);
    }
}

static void test_a_refused_reset_is_seen(void **state)
{
    static const uint8_t refused[] = {0x04, 0x0F, 0x04, 0x01, 0x01, 0x03, 0x0C};
    sink s;

    (void)state;
    feed_whole(&s, AMBLE__H4_HOST_SIDE, refused, sizeof refused);
    assert_int_equal(s.packets, 1);
    assert_false(s.h4.synchronised);
}

static void expect_lost(amble__h4_side side, const uint8_t *bytes, size_t size, const char *problem)
{
    static const uint8_t answer[] = {RESET_ANSWER};

    for (size_t split = 0; split <= size; split++) {
        int r;
        sink s;

        sink_init(&s, side);
        if (side == AMBLE__H4_HOST_SIDE)
            assert_int_equal(amble__h4_feed(&s.h4, answer, sizeof answer), 0);
        r = amble__h4_feed(&s.h4, bytes, split);
        if (!r)
            r = amble__h4_feed(&s.h4, bytes + split, size - split);
        assert_int_equal(r, AMBLE_ERR_PROTOCOL);
        assert_non_null(strstr(s.h4.problem, problem));
        assert_int_equal(amble__h4_feed(&s.h4, answer, sizeof answer), AMBLE_ERR_PROTOCOL);
    }
}

static void test_a_lost_frame_is_an_error(void **state)
{
    static const uint8_t unknown[] = {0x04, 0x13, 0x05, 0x01, 0x40, 0x00, 0x01, 0x00, 0x45};
    static const uint8_t command[] = {0x01, 0x03, 0x0C, 0x00};
    static const uint8_t event[] = {RESET_ANSWER};
    static const uint8_t long_acl[] = {0x02, 0x40, 0x00, 0x01, 0x04, 0x00};

    (void)state;
    expect_lost(AMBLE__H4_HOST_SIDE, unknown, sizeof unknown, "byte 0x45");
    expect_lost(AMBLE__H4_HOST_SIDE, command, sizeof command, "byte 0x01");
    expect_lost(AMBLE__H4_CONTROLLER_SIDE, event, sizeof event, "byte 0x04");
    expect_lost(AMBLE__H4_HOST_SIDE, long_acl, sizeof long_acl, "1025 bytes");
    expect_lost(AMBLE__H4_CONTROLLER_SIDE, long_acl, sizeof long_acl, "1025 bytes");
}

static void test_longest_packets(void **state)
{
    static uint8_t acl[AMBLE__H4_PACKET_MAX] = {0x02, 0x40, 0x00, AMBLE__H4_ACL_MAX & 0xFF, AMBLE__H4_ACL_MAX >> 8};
    static uint8_t iso[5 + 0x3FFF] = {0x05, 0x40, 0x00, 0xFF, 0xFF};
    sink s;

    (void)state;
    sink_init(&s, AMBLE__H4_CONTROLLER_SIDE);
    for (size_t split = 0; split <= sizeof acl; split += 341) {
        s.size = 0;
        assert_int_equal(amble__h4_feed(&s.h4, acl, split), 0);
        assert_int_equal(amble__h4_feed(&s.h4, acl + split, sizeof acl - split), 0);
        assert_int_equal(s.size, sizeof acl + 2);
    }
    s.packets = 0;
    assert_int_equal(amble__h4_feed(&s.h4, iso, 4000), 0);
    assert_int_equal(amble__h4_feed(&s.h4, iso + 4000, sizeof iso - 4000), 0);
    assert_int_equal(s.h4.iso_packets, 1);
    assert_int_equal(s.packets, 0);
    assert_int_equal(amble__h4_feed(&s.h4, to_controller, 4), 0);
    assert_int_equal(s.packets, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_split_position),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_a_whole_packet_is_not_copied),
        cmocka_unit_test(test_boot_text_is_skipped),
        cmocka_unit_test(test_a_refused_reset_is_seen),
        cmocka_unit_test(test_a_lost_frame_is_an_error),
        cmocka_unit_test(test_longest_packets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
