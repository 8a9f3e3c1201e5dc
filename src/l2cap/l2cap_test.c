/* Tests of reassembly and dispatch: frames cut anywhere, frames that are too long, never begun or never ended, and
 * channels nobody knows. */
#include "att/testing.h"

enum { HANDLE = 0x40 };

static amble_connection *conn;
static unsigned frames, security_frames;
static uint8_t frame[SENT_SIZE];
static size_t frame_size;

static void on_att(amble_connection *link, const uint8_t *data, size_t size)
{
    assert_ptr_equal(link, conn);
    frames++;
    frame_size = size;
    memcpy(frame, data, size);
}
static void on_security(amble_connection *link, const uint8_t *data, size_t size)
{
    (void)link, (void)data, (void)size;
    security_frames++;
}

static void begin(void)
{
    rooms_open(MANY_BUFFERS, LARGE_BUFFER, TEST_MTU);
    rooms.l2cap.att = on_att;
    rooms.l2cap.security = on_security;
    conn = link_open(HANDLE, false);
    frames = security_frames = 0;
}

/* A fragment in memory of its own, so that AddressSanitizer sees a look beyond its end. */
static void fragment(unsigned boundary, const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);

    assert_non_null(copy);
    if (size)
        memcpy(copy, data, size);
    amble__l2cap_receive(conn, copy, size, boundary);
    free(copy);
}

static void expect_one(const uint8_t *payload, size_t size)
{
    assert_int_equal(frames, 1);
    assert_int_equal(frame_size, size);
    assert_memory_equal(frame, payload, size);
    frames = 0;
}

static const uint8_t hello[] = {7, 0, AMBLE__CID_ATT, 0, 'h', 'e', 'l', 'l', 'o', '.', '.'};

static void a_frame_may_be_cut_anywhere(void)
{
    begin();
    for (size_t first = 1; first <= sizeof hello; first++) {
        for (size_t second = first; second <= sizeof hello; second++) {
            fragment(AMBLE__BOUNDARY_FIRST, hello, first);
            if (first < sizeof hello)
                fragment(AMBLE__BOUNDARY_CONTINUE, hello + first, second - first); /* may be empty */
            if (first < sizeof hello && second < sizeof hello)
                fragment(AMBLE__BOUNDARY_CONTINUE, hello + second, sizeof hello - second);
            expect_one(hello + 4, 7);
        }
    }
    assert_int_equal(rooms.l2cap.malformed, 0);
}

static void an_empty_first_fragment_begins_a_frame(void)
{
    begin();
    fragment(AMBLE__BOUNDARY_FIRST, hello, 0);
    fragment(AMBLE__BOUNDARY_CONTINUE, hello, 0);
    fragment(AMBLE__BOUNDARY_CONTINUE, hello, sizeof hello);
    expect_one(hello + 4, 7);
    fragment(AMBLE__BOUNDARY_FIRST, hello, 0);
    fragment(AMBLE__BOUNDARY_CONTINUE, hello, 3);
    fragment(AMBLE__BOUNDARY_CONTINUE, hello + 3, sizeof hello - 3);
    expect_one(hello + 4, 7);
    assert_int_equal(rooms.l2cap.malformed, 0);
    fragment(AMBLE__BOUNDARY_FIRST, hello, 0);
    fragment(AMBLE__BOUNDARY_FIRST, hello, sizeof hello);
    expect_one(hello + 4, 7);
    assert_int_equal(rooms.l2cap.malformed, 1); /* the empty one never ended */
}

static void byte_by_byte(void)
{
    begin();
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof hello; i++) {
            assert_int_equal(frames, 0);
            fragment(i ? AMBLE__BOUNDARY_CONTINUE : AMBLE__BOUNDARY_FIRST_NO_FLUSH, hello + i, 1);
        }
        expect_one(hello + 4, 7);
    }
    assert_int_equal(rooms.l2cap.malformed, 0);
}

static void the_longest_frame_fits_and_a_longer_one_is_skipped(void)
{
    uint8_t longest[4 + TEST_MTU + 1] = {TEST_MTU, 0, AMBLE__CID_ATT, 0};

    begin();
    memset(longest + 4, 0x5a, TEST_MTU + 1);
    fragment(AMBLE__BOUNDARY_FIRST, longest, 4 + TEST_MTU);
    expect_one(longest + 4, TEST_MTU);
    fragment(AMBLE__BOUNDARY_FIRST, longest, 50);
    fragment(AMBLE__BOUNDARY_CONTINUE, longest + 50, 4 + TEST_MTU - 50);
    expect_one(longest + 4, TEST_MTU);
    assert_int_equal(rooms.l2cap.malformed, 0);

    longest[0] = TEST_MTU + 1;
    fragment(AMBLE__BOUNDARY_FIRST, longest, sizeof longest); /* in one piece */
    assert_int_equal(rooms.l2cap.malformed, 1);
    fragment(AMBLE__BOUNDARY_CONTINUE, hello, sizeof hello); /* belongs to what is skipped */
    fragment(AMBLE__BOUNDARY_FIRST, hello, sizeof hello);
    expect_one(hello + 4, 7);
    fragment(AMBLE__BOUNDARY_FIRST, longest, 2); /* in pieces, its length not even whole */
    fragment(AMBLE__BOUNDARY_CONTINUE, longest + 2, 30);
    for (int i = 0; i < 10; i++)
        fragment(AMBLE__BOUNDARY_CONTINUE, longest, 100);
    assert_int_equal(frames, 0);
    fragment(AMBLE__BOUNDARY_FIRST, hello, sizeof hello);
    expect_one(hello + 4, 7);
}

static void more_than_the_header_says_is_dropped(void)
{
    uint8_t more[sizeof hello + 1] = {0};

    begin();
    memcpy(more, hello, sizeof hello);
    fragment(AMBLE__BOUNDARY_FIRST, more, sizeof more);
    assert_int_equal(frames, 0);
    assert_int_equal(rooms.l2cap.malformed, 1);
    fragment(AMBLE__BOUNDARY_FIRST, more, 5);
    fragment(AMBLE__BOUNDARY_CONTINUE, more + 5, sizeof more - 5);
    assert_int_equal(frames, 0);
    fragment(AMBLE__BOUNDARY_FIRST, hello, 3);
    fragment(AMBLE__BOUNDARY_CONTINUE, hello + 3, sizeof hello - 3);
    expect_one(hello + 4, 7);
}

static void nothing_is_written_beyond_the_buffer(void)
{
    uint8_t frame_bytes[4 + TEST_MTU] = {TEST_MTU, 0, AMBLE__CID_ATT, 0}, flood[500], before[500];
    const uint8_t *beyond;

    begin();
    memset(flood, 0x77, sizeof flood);
    beyond = conn->l2cap->buffer + conn->l2cap->capacity;
    memcpy(before, beyond, sizeof before);
    for (size_t first = 1; first < sizeof frame_bytes; first++) {
        fragment(AMBLE__BOUNDARY_FIRST, frame_bytes, first);
        fragment(AMBLE__BOUNDARY_CONTINUE, flood, sizeof flood);
    }
    assert_memory_equal(beyond, before, sizeof before);
    assert_int_equal(frames, 0);
}

static void a_continuation_of_nothing_is_counted(void)
{
    begin();
    fragment(AMBLE__BOUNDARY_CONTINUE, hello, sizeof hello);
    assert_int_equal(frames, 0);
    assert_int_equal(rooms.l2cap.malformed, 1);
    fragment(AMBLE__BOUNDARY_FIRST, hello, sizeof hello);
    expect_one(hello + 4, 7);
    fragment(AMBLE__BOUNDARY_CONTINUE, hello, sizeof hello); /* after a whole frame */
    assert_int_equal(frames, 0);
}

static void a_new_start_ends_an_unfinished_frame(void)
{
    begin();
    fragment(AMBLE__BOUNDARY_FIRST, hello, 6);
    fragment(AMBLE__BOUNDARY_FIRST, hello, sizeof hello);
    expect_one(hello + 4, 7);
    assert_int_equal(rooms.l2cap.malformed, 1);
    fragment(AMBLE__BOUNDARY_FIRST, hello, 6);
    fragment(AMBLE__BOUNDARY_FIRST, hello, 8);
    fragment(AMBLE__BOUNDARY_CONTINUE, hello + 8, 3);
    expect_one(hello + 4, 7);
    assert_int_equal(rooms.l2cap.malformed, 2);
}

static void a_frame_under_way_ends_with_its_link(void)
{
    begin();
    fragment(AMBLE__BOUNDARY_FIRST, hello, 6);
    link_close(conn);
    assert_ptr_equal(link_open(HANDLE, false), conn);
    fragment(AMBLE__BOUNDARY_CONTINUE, hello + 6, 5);
    assert_int_equal(frames, 0);
    fragment(AMBLE__BOUNDARY_FIRST, hello, sizeof hello);
    expect_one(hello + 4, 7);
}

/* Frames of the security channel may hold keys. */
static void keys_do_not_stay_behind(void)
{
    static const uint8_t key[] = {3, 0, AMBLE__CID_SECURITY, 0, 'k', 'e', 'y'}, none[3] = {0};

    begin();
    fragment(AMBLE__BOUNDARY_FIRST, key, 5);
    fragment(AMBLE__BOUNDARY_CONTINUE, key + 5, 2);
    assert_int_equal(security_frames, 1);
    assert_memory_equal(conn->l2cap->buffer + 4, none, sizeof none);
    fragment(AMBLE__BOUNDARY_FIRST, key, 6);
    link_close(conn);
    assert_memory_equal(conn->l2cap->buffer + 4, none, sizeof none);
}

static void links_are_put_together_apart(void)
{
    amble_connection *other;

    begin();
    other = link_open(HANDLE + 1, false);
    fragment(AMBLE__BOUNDARY_FIRST, hello, 6);
    amble__l2cap_receive(other, hello, 5, AMBLE__BOUNDARY_FIRST); /* on_att checks whose a frame is */
    fragment(AMBLE__BOUNDARY_CONTINUE, hello + 6, 5);
    expect_one(hello + 4, 7);
}

static void channels(void)
{
    const uint16_t unknown[] = {0x0000, 0x0001, 0x0002, 0x0003, 0x0007, 0x003f, 0x0040, 0xffff, 0x0400};
    uint8_t bytes[] = {2, 0, 0, 0, 9, 9};

    begin();
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        amble__put_le16(bytes + 2, unknown[i]);
        fragment(AMBLE__BOUNDARY_FIRST, bytes, sizeof bytes);
        assert_int_equal(rooms.l2cap.malformed, i + 1);
    }
    assert_int_equal(frames + security_frames, 0);
    amble__put_le16(bytes + 2, AMBLE__CID_SECURITY);
    fragment(AMBLE__BOUNDARY_FIRST, bytes, sizeof bytes);
    assert_int_equal(security_frames, 1);
    fragment(AMBLE__BOUNDARY_FIRST, (const uint8_t[]){0, 0, AMBLE__CID_ATT, 0}, 4); /* an empty frame is a frame */
    assert_int_equal(frames, 1);
    assert_int_equal(frame_size, 0);
    assert_int_equal(unread(), 0);
}

static void sending(void)
{
    amble__packet *packet = NULL, *late = NULL;

    begin();
    assert_int_equal(amble__packet_take(&rooms.att.pool, &conn->acl, AMBLE__NEVER, &packet), 0);
    assert_int_equal(amble__packet_take(&rooms.att.pool, &conn->acl, AMBLE__NEVER, &late), 0);
    memcpy(amble__packet_payload(packet), "abc", 3);
    packet->size = 3;
    amble__l2cap_send(conn, 0x1234, packet);
    expect_frame(conn, 0x1234, (const uint8_t *)"abc", 3);
    link_lose(conn);
    amble__l2cap_send(conn, 0x1234, late); /* on a dead link it is released */
    assert_false(late->busy);
    assert_int_equal(unread(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(a_frame_may_be_cut_anywhere),
        task_test(an_empty_first_fragment_begins_a_frame),
        task_test(byte_by_byte),
        task_test(the_longest_frame_fits_and_a_longer_one_is_skipped),
        task_test(more_than_the_header_says_is_dropped),
        task_test(nothing_is_written_beyond_the_buffer),
        task_test(a_continuation_of_nothing_is_counted),
        task_test(a_new_start_ends_an_unfinished_frame),
        task_test(a_frame_under_way_ends_with_its_link),
        task_test(keys_do_not_stay_behind),
        task_test(links_are_put_together_apart),
        task_test(channels),
        task_test(sending),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
