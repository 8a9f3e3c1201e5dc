/* Tests of a host that does not pair: whoever asks is told so at once, and nothing else is answered. */
#include "att/testing.h"

static amble_connection *conn;

static void pairing_is_refused(void)
{
    rooms_open(MANY_BUFFERS, LARGE_BUFFER, TEST_MTU);
    conn = link_open(0x40, false);
    peer_sends(conn, AMBLE__CID_SECURITY, BYTES(0x01, 3, 0, 1, 16, 1, 1));
    expect_frame(conn, AMBLE__CID_SECURITY, BYTES(0x05, 0x05));
    peer_sends(conn, AMBLE__CID_SECURITY, BYTES(0x0b, 1)); /* a peripheral's Security Request */
    expect_frame(conn, AMBLE__CID_SECURITY, BYTES(0x05, 0x05));
}

static void nothing_else_is_answered(void)
{
    rooms_open(MANY_BUFFERS, LARGE_BUFFER, TEST_MTU);
    conn = link_open(0x40, false);
    peer_sends(conn, AMBLE__CID_SECURITY, NULL, 0);
    for (unsigned code = 0; code < 256; code++)
        if (code != 0x01 && code != 0x0b)
            peer_sends(conn, AMBLE__CID_SECURITY, BYTES((uint8_t)code, 8));
    assert_int_equal(unread(), 0); /* above all not Pairing Failed: two such hosts would echo each other */
}

static void one_refusal_at_a_time(void)
{
    rooms_open(1, LARGE_BUFFER, TEST_MTU);
    conn = link_open(0x40, false);
    for (int i = 0; i < 3; i++)
        peer_sends(conn, AMBLE__CID_SECURITY, BYTES(0x01, 3, 0, 1, 16, 1, 1));
    say_completed_packets(0x40, 1);
    say_completed_packets(0x40, 1);
    assert_int_equal(unread(), 2); /* one with the controller and one that waited; the third found both under way */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(pairing_is_refused),
        task_test(nothing_else_is_answered),
        task_test(one_refusal_at_a_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
