/* Tests of the signalling channel: every request gets its answer, no response gets one, and nonsense is counted. */
#include "att/testing.h"

enum { HANDLE = 0x40 };

static amble_connection *conn;

static void begin(bool central)
{
    rooms_open(MANY_BUFFERS, LARGE_BUFFER, TEST_MTU);
    conn = link_open(HANDLE, central);
}

static void peer_signals(const uint8_t *command, size_t size)
{
    peer_sends(conn, AMBLE__CID_SIGNALLING, command, size);
}
static void expect_signal(const uint8_t *command, size_t size)
{
    expect_frame(conn, AMBLE__CID_SIGNALLING, command, size);
}

static bool is_response(unsigned code)
{
    const uint8_t responses[] = {0x01, 0x03, 0x05, 0x07, 0x09, 0x0b, 0x0d, 0x0f, 0x11, 0x13, 0x15, 0x16, 0x18, 0x1a};

    return memchr(responses, (int)code, sizeof responses) != NULL;
}

static void requests_nobody_knows_are_rejected_and_responses_are_not(void)
{
    begin(true);
    for (unsigned code = 0; code < 256; code++) {
        const uint8_t identifier = (uint8_t)(code % 255 + 1);

        peer_signals(BYTES((uint8_t)code, identifier, 1, 0, 0xaa)); /* too short for those that are known */
        if (!is_response(code))
            expect_signal(BYTES(0x01, identifier, 2, 0, 0, 0));
        if (unread())
            fail_msg("code 0x%02x was answered", code);
    }
    assert_int_equal(rooms.l2cap.malformed, 0);
}

static void a_peripheral_may_ask_for_other_parameters(void)
{
    const uint8_t request[] = {0x12, 7, 8, 0, 6, 0, 12, 0, 0, 0, 200, 0};

    begin(true);
    peer_signals(request, sizeof request);
    expect_signal(BYTES(0x13, 7, 2, 0, 1, 0)); /* rejected */
    peer_signals(BYTES(0x12, 8, 7, 0, 6, 0, 12, 0, 0, 0, 200));
    expect_signal(BYTES(0x01, 8, 2, 0, 0, 0));
    begin(false); /* a central may not */
    peer_signals(request, sizeof request);
    expect_signal(BYTES(0x01, 7, 2, 0, 0, 0));
}

static void channels_are_refused(void)
{
    begin(false);
    peer_signals(BYTES(0x14, 9, 10, 0, 0x80, 0, 0x40, 0, 23, 0, 23, 0, 1, 0));
    expect_signal(BYTES(0x15, 9, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x00));
    peer_signals(BYTES(0x14, 9, 9, 0, 0x80, 0, 0x40, 0, 23, 0, 23, 0, 1));
    expect_signal(BYTES(0x01, 9, 2, 0, 0, 0));
    peer_signals(BYTES(0x17, 3, 10, 0, 0x80, 0, 64, 0, 64, 0, 1, 0, 0x40, 0)); /* enhanced ones too */
    expect_signal(BYTES(0x01, 3, 2, 0, 0, 0));
}

static void a_channel_that_is_not_there_cannot_be_closed(void)
{
    begin(false);
    peer_signals(BYTES(0x06, 4, 4, 0, 0x41, 0x12, 0x42, 0x34));
    expect_signal(BYTES(0x01, 4, 6, 0, 2, 0, 0x41, 0x12, 0x42, 0x34));
    peer_signals(BYTES(0x06, 5, 3, 0, 0x41, 0, 0x42));
    expect_signal(BYTES(0x01, 5, 2, 0, 0, 0));
}

static void what_exceeds_the_channels_mtu_is_rejected(void)
{
    uint8_t request[60] = {0x12, 6, 56, 0};

    begin(true);
    peer_signals(request, sizeof request);
    expect_signal(BYTES(0x01, 6, 4, 0, 1, 0, 23, 0));
    request[0] = 0x13; /* not a response */
    peer_signals(request, sizeof request);
    assert_int_equal(unread(), 0);
    request[0] = 0x30;
    request[2] = 19;
    peer_signals(request, 23); /* as long as it may be */
    expect_signal(BYTES(0x01, 6, 2, 0, 0, 0));
}

static void malformed(const uint8_t *command, size_t size)
{
    const uint64_t before = rooms.l2cap.malformed;

    peer_signals(command, size);
    assert_int_equal(rooms.l2cap.malformed, before + 1);
    assert_int_equal(unread(), 0);
}

static void nonsense_is_counted(void)
{
    begin(true);
    malformed(NULL, 0);
    malformed(BYTES(0x12));
    malformed(BYTES(0x12, 1, 0));
    malformed(BYTES(0x12, 0, 0, 0));                            /* no identifier */
    malformed(BYTES(0x12, 1, 1, 0));                            /* shorter than it says */
    malformed(BYTES(0x12, 1, 0, 0, 1));                         /* longer */
    malformed(BYTES(0x30, 1, 0, 0, 0x30, 2, 0, 0));             /* two commands in one frame */
    malformed(BYTES(0x12, 1, 8, 1, 6, 0, 12, 0, 0, 0, 200, 0)); /* the high byte of the length counts */
}

static void who_asks_faster_than_answers_leave_loses_the_surplus(void)
{
    rooms_open(1, LARGE_BUFFER, TEST_MTU);
    conn = link_open(HANDLE, true);
    peer_signals(BYTES(0x30, 1, 0, 0));
    peer_signals(BYTES(0x30, 2, 0, 0)); /* waits for a buffer */
    peer_signals(BYTES(0x30, 3, 0, 0));
    assert_int_equal(rooms.l2cap.malformed, 1);
    expect_signal(BYTES(0x01, 1, 2, 0, 0, 0));
    say_completed_packets(HANDLE, 1);
    expect_signal(BYTES(0x01, 2, 2, 0, 0, 0));
    assert_int_equal(unread(), 0);
    say_completed_packets(HANDLE, 1);
    peer_signals(BYTES(0x30, 4, 0, 0));
    expect_signal(BYTES(0x01, 4, 2, 0, 0, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(requests_nobody_knows_are_rejected_and_responses_are_not),
        task_test(a_peripheral_may_ask_for_other_parameters),
        task_test(channels_are_refused),
        task_test(a_channel_that_is_not_there_cannot_be_closed),
        task_test(what_exceeds_the_channels_mtu_is_rejected),
        task_test(nonsense_is_counted),
        task_test(who_asks_faster_than_answers_leave_loses_the_surplus),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
