/* Tests of frames and credits on the wire: how SDUs are cut and put together, when credits are given and used, what a
 * peer may not send, and what becomes of a send that is given up in the middle. */
#include "att/channel_testing.h"

static uint8_t pattern[1000];

static void begin_data(void)
{
    begin();
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (uint8_t)(i * 7 + (i >> 8));
}

/* --- out ---------------------------------------------------------------------------------------------------------- */
static void expect_part(const amble_l2cap_channel *channel, int sdu, size_t at, size_t size)
{
    uint8_t frame[TEST_MPS + 2];
    const size_t header = sdu >= 0 ? 2 : 0;

    if (sdu >= 0)
        amble__put_le16(frame, (unsigned)sdu);
    memcpy(frame + header, pattern + at, size);
    expect_data(channel, frame, header + size);
}

static void a_send_is_cut_into_sdus_and_frames(void)
{
    amble_l2cap_channel *channel;

    begin_data();
    channel = channel_number(0, 100, 40, 100, NULL);
    assert_int_equal(amble_l2cap_send(channel, pattern, 230, 0), 230);
    expect_part(channel, 100, 0, 38); /* the MTU, in frames of the MPS, the length counted */
    expect_part(channel, -1, 38, 40);
    expect_part(channel, -1, 78, 22);
    expect_part(channel, 100, 100, 38);
    expect_part(channel, -1, 138, 40);
    expect_part(channel, -1, 178, 22);
    expect_part(channel, 30, 200, 30);
    assert_int_equal(unread(), 0);
    assert_int_equal(channel->credits, 93);
    assert_int_equal(amble_l2cap_sent(channel), 230);
    assert_int_equal(amble_l2cap_flush(channel, 0), 0);
    assert_int_equal(amble_l2cap_send(channel, pattern, 0, 0), 0);
    assert_int_equal(unread(), 0);
}

static void frames_are_no_longer_than_this_host_makes_them(void)
{
    amble_l2cap_channel *channel;

    begin_data();
    channel = channel_number(0, 65535, 65533, 100, &(amble_l2cap_options){.sdu_size = 200});
    assert_int_equal(amble_l2cap_send(channel, pattern, 200, 0), 200);
    expect_part(channel, 200, 0, TEST_MPS - 2);
    expect_part(channel, -1, TEST_MPS - 2, TEST_MPS);
    expect_part(channel, -1, 2 * TEST_MPS - 2, 200 - 2 * TEST_MPS + 2);
}

static void an_sdu_that_fills_frames_exactly(void)
{
    amble_l2cap_channel *channel;

    begin_data();
    channel = channel_number(0, 100, 40, 100, NULL);
    assert_int_equal(amble_l2cap_send(channel, pattern, 78, 0), 78);
    expect_part(channel, 78, 0, 38);
    expect_part(channel, -1, 38, 40);
    assert_int_equal(amble_l2cap_send(channel, pattern, 1, 0), 1);
    expect_part(channel, 1, 0, 1);
    assert_int_equal(unread(), 0);
}

typedef struct {
    amble_l2cap_channel *channel;
    size_t size;
    int timeout_ms;
} sending;
static int send_some(void *arg)
{
    const sending *s = arg;

    return amble_l2cap_send(s->channel, pattern, s->size, s->timeout_ms);
}
static int flush_it(void *channel) { return amble_l2cap_flush(channel, 1000); }

static void nothing_is_sent_without_credits(void)
{
    amble_l2cap_channel *channel;
    doing d;

    begin_data();
    channel = channel_number(0, 100, 40, 1, NULL);
    assert_int_equal(amble_l2cap_send(channel, pattern, 100, 0), 100);
    expect_part(channel, 100, 0, 38);
    assert_int_equal(unread(), 0);
    assert_int_equal(amble_l2cap_flush(channel, 0), AMBLE_ERR_TIMEOUT);
    start_doing(&d, flush_it, channel);
    peer_credits(1, channel, 1);
    expect_part(channel, -1, 38, 40);
    assert_int_equal(unread(), 0);
    settle();
    assert_int_equal(channel->credits, 0);
    peer_credits(2, channel, 5);
    expect_part(channel, -1, 78, 22);
    assert_int_equal(end_doing(&d), 0);
    assert_int_equal(channel->credits, 4);
}

static void a_sender_waits_for_room(void)
{
    amble_l2cap_channel *channel;
    sending s = {.size = 1000, .timeout_ms = 1000};
    amble_source source;
    doing d;

    begin_data();
    s.channel = channel = channel_number(0, 200, 40, 0, NULL);
    source = amble_on_l2cap_send(channel);
    assert_int_equal(amble_wait_first(&source, 1, 0), 0);
    start_doing(&d, send_some, &s);
    assert_int_equal(amble_l2cap_send(channel, pattern, 1, 0), AMBLE_ERR_BUSY);
    assert_int_equal(amble_l2cap_sent(channel), 600); /* three SDUs and their lengths are in the 800 bytes */
    assert_int_equal(amble_wait_first(&source, 1, 10), AMBLE_ERR_TIMEOUT);
    peer_credits(1, channel, 5);
    settle();
    assert_int_equal(amble_l2cap_sent(channel), 800); /* 200 bytes left, and one more SDU fits */
    peer_credits(1, channel, 100);
    settle();
    assert_int_equal(amble_l2cap_sent(channel), 1000);
    assert_int_equal(end_doing(&d), 1000);
    assert_int_equal(amble_wait_first(&source, 1, 0), 0);
    assert_int_equal(amble_l2cap_flush(channel, 0), 0);
}

/* What was handed over goes out whole, whatever becomes of the task. */
static void a_cancelled_send_leaves_no_half_sdu(void)
{
    amble_l2cap_channel *channel;
    sending s = {.size = 1000, .timeout_ms = AMBLE_FOREVER};
    doing d;

    for (int cancelled = 0; cancelled < 2; cancelled++) {
        begin_data();
        s.channel = channel = channel_number(0, 200, 80, 1, NULL);
        s.timeout_ms = cancelled ? AMBLE_FOREVER : 10;
        start_doing(&d, send_some, &s);
        expect_part(channel, 200, 0, 78);
        if (cancelled)
            amble_cancel(d.task);
        else
            assert_int_equal(amble_sleep_ms(11), 0);
        assert_int_equal(end_doing(&d), cancelled ? AMBLE_ERR_CANCELLED : AMBLE_ERR_TIMEOUT);
        assert_int_equal(amble_l2cap_sent(channel), 800); /* four SDUs: a part of the first has left */
        peer_credits(1, channel, 100);
        expect_part(channel, -1, 78, 80);
        expect_part(channel, -1, 158, 42);
        expect_part(channel, 200, 200, 78);
        expect_part(channel, -1, 278, 80);
        expect_part(channel, -1, 358, 42);
        assert_int_equal(unread(), 6);
        controller.read = controller.count;
        assert_int_equal(amble_l2cap_send(channel, pattern, 3, 0), 3); /* and it goes on with the next */
        expect_part(channel, 3, 0, 3);
    }
}

static void a_cancelled_send_closes_the_channel_if_told_to(void)
{
    const amble_l2cap_options options = {.close_on_cancel = true};
    amble_l2cap_channel *channel;
    sending s = {.size = 1000, .timeout_ms = 10};
    doing d;

    begin_data();
    s.channel = channel = channel_number(0, 200, 80, 0, &options);
    start_doing(&d, send_some, &s);
    assert_int_equal(amble_sleep_ms(11), 0);
    assert_int_equal(end_doing(&d), AMBLE_ERR_TIMEOUT);
    peer_confirms(expect_disconnection(0x40, PEER_CID), 0x40, PEER_CID);
    assert_int_equal(amble_l2cap_send(channel, pattern, 1, 0), AMBLE_ERR_CHANNEL_CLOSED);
    amble_l2cap_close(channel);
    channel = channel_number(0, 200, 80, 0, &options);
    assert_int_equal(amble_l2cap_send(channel, pattern, 600, 0), 600);
    assert_int_equal(amble_l2cap_send(channel, pattern, 600, 0), AMBLE_ERR_TIMEOUT); /* of this one nothing was taken */
    assert_int_equal(channel->state, AMBLE__CHANNEL_OPEN);
}

static void channels_take_turns(void)
{
    amble_l2cap_channel *channels[3];

    begin_data();
    for (unsigned i = 0; i < 3; i++)
        channels[i] = channel_number(i, 300, 40, 0, NULL);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(amble_l2cap_send(channels[i], pattern, 110, 0), 110);
    rooms.l2cap.links[conn->index].channels.frame.busy = true; /* nothing can go yet */
    for (unsigned i = 0; i < 3; i++)
        peer_credits(1, channels[i], 10);
    assert_int_equal(unread(), 0);
    amble__packet_release(&rooms.l2cap.links[conn->index].channels.frame);
    amble__channels_pump(conn->l2cap);
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < 3; i++)
            expect_part(channels[i], round == 0 ? 110 : -1, round == 0 ? 0 : round * 40 - 2,
                        round == 0   ? 38
                        : round == 1 ? 40
                                     : 32);
    assert_int_equal(unread(), 0);
}

/* The controller takes one packet at a time; everything else has its turn in between. */
static void frames_wait_for_the_controller(void)
{
    amble_l2cap_channel *channel;
    doing d;

    begin_with(1);
    channel = channel_number(0, 300, 40, 10, NULL);
    say_completed_packets(HANDLE, 1);
    assert_int_equal(amble_l2cap_send(channel, pattern, 110, 0), 110);
    expect_part(channel, 110, 0, 38);
    peer_signals(BYTES(0x30, 9, 0, 0));
    start_doing(&d, flush_it, channel);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(unread(), 0);
        say_completed_packets(HANDLE, 1);
        settle();
        if (i == 0)
            expect_part(channel, -1, 38, 40);
        else if (i == 1)
            expect_signal(BYTES(0x01, 9, 2, 0, 0, 0));
        else
            expect_part(channel, -1, 78, 32);
    }
    assert_int_equal(end_doing(&d), 0);
}

static void closing_sends_what_was_handed_over(void)
{
    amble_l2cap_channel *channel;
    uint64_t start;
    doing d;

    begin_data();
    channel = channel_number(0, 300, 40, 0, NULL);
    assert_int_equal(amble_l2cap_send(channel, pattern, 30, 0), 30);
    start_doing(&d, close_it, channel);
    assert_int_equal(unread(), 0);
    peer_credits(1, channel, 1);
    expect_part(channel, 30, 0, 30);
    settle();
    peer_confirms(expect_disconnection(0x40, PEER_CID), 0x40, PEER_CID);
    assert_int_equal(end_doing(&d), 0);
    channel = channel_number(0, 300, 40, 0, NULL); /* a peer without credits is not waited for */
    assert_int_equal(amble_l2cap_send(channel, pattern, 30, 0), 30);
    start = amble_now_us();
    start_doing(&d, close_it, channel);
    assert_int_equal(amble_sleep_ms(600), 0);
    peer_confirms(expect_disconnection(0x40, PEER_CID), 0x40, PEER_CID);
    assert_int_equal(end_doing(&d), 0);
    assert_in_range(amble_now_us() - start, 500000, 700000);
}

/* --- in ----------------------------------------------------------------------------------------------------------- */
static void peer_part(const amble_l2cap_channel *channel, int sdu, size_t at, size_t size)
{
    uint8_t frame[1000];
    const size_t header = sdu >= 0 ? 2 : 0;

    if (sdu >= 0)
        amble__put_le16(frame, (unsigned)sdu);
    memcpy(frame + header, pattern + at, size);
    peer_frame(channel, frame, header + size);
}
static void reads(amble_l2cap_channel *channel, size_t want, size_t at, size_t size)
{
    uint8_t data[1000];

    assert_int_equal(amble_l2cap_recv(channel, data, want, 0), size);
    assert_memory_equal(data, pattern + at, size);
}

static void bytes_are_read_before_their_sdu_is_whole(void)
{
    amble_l2cap_channel *channel;
    uint8_t data[8];

    begin_data();
    channel = open_channel();
    assert_true(amble_l2cap_sdu_ended(channel));
    assert_int_equal(amble_l2cap_recv(channel, data, sizeof data, 0), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_l2cap_recv(channel, data, 0, 0), AMBLE_ERR_ARGUMENT);
    peer_part(channel, 150, 0, 50);
    assert_int_equal(amble_l2cap_available(channel), 50);
    reads(channel, 30, 0, 30);
    assert_false(amble_l2cap_sdu_ended(channel));
    reads(channel, 1000, 30, 20);
    assert_int_equal(amble_l2cap_recv(channel, data, sizeof data, 0), AMBLE_ERR_TIMEOUT);
    peer_part(channel, -1, 50, 80);
    peer_part(channel, -1, 130, 20);
    reads(channel, 1000, 50, 100);
    assert_true(amble_l2cap_sdu_ended(channel));
}

static void a_read_never_crosses_the_end_of_an_sdu(void)
{
    amble_l2cap_channel *channel;

    begin_data();
    channel = open_channel();
    peer_part(channel, 5, 0, 5);
    peer_part(channel, 0, 0, 0); /* an empty one is passed over */
    peer_part(channel, 7, 5, 7);
    assert_int_equal(amble_l2cap_available(channel), 12);
    reads(channel, 1000, 0, 5);
    assert_true(amble_l2cap_sdu_ended(channel));
    reads(channel, 1000, 5, 7);
    assert_int_equal(amble_l2cap_available(channel), 0);
}

static int read_one(void *channel)
{
    uint8_t byte;

    return amble_l2cap_recv(channel, &byte, 1, 1000);
}
static int wait_for_source(void *source) { return amble_wait_first(source, 1, 1000); }

static void a_reader_waits(void)
{
    amble_l2cap_channel *channel;
    amble_source source;
    doing reader, watcher;

    begin_data();
    channel = open_channel();
    source = amble_on_l2cap_recv(channel);
    start_doing(&reader, read_one, channel);
    start_doing(&watcher, wait_for_source, &source);
    assert_int_equal(amble_l2cap_recv(channel, &(uint8_t){0}, 1, 0), AMBLE_ERR_BUSY);
    peer_part(channel, 100, 0, 0); /* the length alone is nothing to read */
    settle();
    assert_null(amble_join(reader.task, 0) == AMBLE_ERR_TIMEOUT ? NULL : reader.task);
    peer_part(channel, -1, 0, 2);
    assert_int_equal(end_doing(&watcher), 0);
    assert_int_equal(end_doing(&reader), 1);
    start_doing(&watcher, wait_for_source, &source); /* one byte is left */
    assert_int_equal(end_doing(&watcher), 0);
    assert_int_equal(read_one(channel), 1);
    start_doing(&reader, read_one, channel);
    start_doing(&watcher, wait_for_source, &source);
    peer_disconnects(1, 0x40, PEER_CID);
    assert_int_equal(end_doing(&watcher), 0);
    assert_int_equal(end_doing(&reader), AMBLE_ERR_CHANNEL_CLOSED);
}

static void closing_ends_the_wait_of_another_task(void)
{
    amble_l2cap_channel *channel;
    doing reader;

    begin_data();
    channel = open_channel();
    start_doing(&reader, read_one, channel);
    close_quickly(channel);
    assert_int_equal(end_doing(&reader), AMBLE_ERR_CHANNEL_CLOSED);
    channel = open_channel();
    assert_false(channel->reading);
}

/* --- what a peer may not send ------------------------------------------------------------------------------------- */
static void expect_broken(amble_l2cap_channel *channel)
{
    uint8_t data[1000];
    int r;

    assert_int_equal(rooms.l2cap.malformed, 1);
    settle();
    peer_confirms(expect_disconnection(0x40, PEER_CID), 0x40, PEER_CID);
    assert_int_equal(amble_l2cap_send(channel, "x", 1, 0), AMBLE_ERR_PROTOCOL);
    while ((r = amble_l2cap_recv(channel, data, sizeof data, 0)) > 0)
        ;
    assert_int_equal(r, AMBLE_ERR_PROTOCOL);
    amble_l2cap_close(channel);
    expect_used(0);
    assert_int_equal(unread(), 0);
}

static void frames_that_break_the_rules_close_the_channel(void)
{
    const struct {
        int sdu; /* -2: the bytes alone */
        size_t size;
        bool in_an_sdu;
    } wrong[] = {
        {TEST_MPS + 1, TEST_MPS - 1, false}, /* longer than the MPS */
        {151, 10, false},                    /* an SDU longer than the MTU */
        {9, 10, false},                      /* more than the SDU's length */
        {-1, 1, false},                      /* without its length */
        {-1, 0, false},
        {-1, 11, true}, /* more than what was left */
    };

    amble_log_level(AMBLE_LOG_OFF);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        amble_l2cap_channel *channel;

        begin_data();
        channel = channel_number(0, 100, 50, 5, &(amble_l2cap_options){.mtu = 150});
        if (wrong[i].in_an_sdu)
            peer_part(channel, 20, 0, 10);
        peer_part(channel, wrong[i].sdu, 0, wrong[i].size);
        expect_broken(channel);
    }
    amble_log_level(AMBLE_LOG_WARNING);
}

static void a_frame_without_a_credit_closes_the_channel(void)
{
    amble_l2cap_channel *channel;

    amble_log_level(AMBLE_LOG_OFF);
    begin_data();
    channel = open_channel();
    peer_part(channel, 800, 0, TEST_MPS - 2);
    for (unsigned i = 1; i < WINDOW; i++)
        peer_part(channel, -1, 0, TEST_MPS);
    assert_int_equal(channel->granted, 0);
    assert_int_equal(rooms.l2cap.malformed, 0);
    peer_part(channel, -1, 0, 1);
    expect_broken(channel);
    amble_log_level(AMBLE_LOG_WARNING);
}

static void too_many_credits_close_the_channel(void)
{
    amble_l2cap_channel *channel;

    amble_log_level(AMBLE_LOG_OFF);
    begin_data();
    channel = channel_number(0, 100, 50, 5, NULL);
    peer_credits(1, channel, 65530);
    assert_int_equal(channel->credits, 65535);
    peer_credits(2, channel, 1);
    expect_broken(channel);
    amble_log_level(AMBLE_LOG_WARNING);
}

static void credits_that_make_no_sense_are_ignored(void)
{
    amble_l2cap_channel *channel;

    begin_data();
    channel = channel_number(0, 100, 50, 5, NULL);
    peer_credits(1, channel, 0);
    peer_signals(BYTES(0x16, 1, 3, 0, PEER_CID, 0, 1));
    assert_int_equal(rooms.l2cap.malformed, 2);
    peer_signals(BYTES(0x16, 1, 4, 0, PEER_CID + 1, 0, 1, 0)); /* perhaps just closed */
    assert_int_equal(channel->credits, 5);
    assert_int_equal(unread(), 0);
}

/* --- credits ------------------------------------------------------------------------------------------------------ */
static void credits_go_back_in_batches_as_the_program_reads(void)
{
    amble_l2cap_channel *channel;

    begin_data();
    channel = open_channel();
    peer_part(channel, 65535, 0, TEST_MPS - 2);
    for (unsigned i = 1; i < WINDOW; i++)
        peer_part(channel, -1, 0, TEST_MPS);
    assert_int_equal(unread(), 0);
    for (unsigned i = 1; i <= WINDOW / 2; i++) { /* the length was stored, too: five frames are free after five reads */
        assert_int_equal(unread(), 0);
        assert_in_range(amble_l2cap_recv(channel, (uint8_t[TEST_MPS]){0}, TEST_MPS, 0), 1, TEST_MPS);
    }
    expect_credits(channel, WINDOW / 2);
    assert_int_equal(channel->granted, WINDOW / 2);
    while (amble_l2cap_available(channel))
        assert_in_range(amble_l2cap_recv(channel, (uint8_t[TEST_MPS]){0}, TEST_MPS, 0), 1, TEST_MPS);
    expect_credits(channel, WINDOW / 2);
    assert_int_equal(channel->granted, WINDOW);
    assert_int_equal(unread(), 0);
}

/* A peer of small frames uses up credits, not room: it gets new ones although nobody reads, as long as all that it may
 * send fits. */
static void small_frames_do_not_use_up_the_window(void)
{
    amble_l2cap_channel *channel;
    unsigned frames = 0;

    begin_data();
    channel = open_channel();
    while (channel->granted) {
        peer_part(channel, 1, frames, 1);
        frames++;
        assert_true((size_t)channel->granted * TEST_MPS <= amble__ring_room(&channel->in));
        if (unread())
            (void)next_sent();
    }
    assert_in_range(frames, WINDOW + 1, TEST_RING / 3);
    for (unsigned i = 0; i < frames; i++)
        reads(channel, 10, i, 1);
    assert_int_equal(channel->granted, WINDOW);
}

static void empty_sdus_use_up_nothing(void)
{
    amble_l2cap_channel *channel;

    begin_data();
    channel = open_channel();
    for (unsigned i = 0; i < 2 * TEST_RING; i++)
        peer_part(channel, 0, 0, 0);
    assert_int_equal(channel->in.used, 0);
    assert_in_range(channel->granted, 1, WINDOW);
    assert_int_equal(rooms.l2cap.malformed, 0);
}

static void credits_wait_for_their_packet(void)
{
    amble_l2cap_channel *channels[2];

    begin_with(1);
    for (unsigned i = 0; i < 2; i++) {
        channels[i] = channel_number(i, 100, 50, 5, NULL);
        say_completed_packets(HANDLE, 1);
    }
    peer_signals(BYTES(0x30, 1, 0, 0)); /* takes the controller's only buffer */
    (void)next_sent();
    for (unsigned k = 0; k < WINDOW / 2; k++)
        for (unsigned i = 0; i < 2; i++)
            peer_part(channels[i], 0, 0, 0);
    assert_int_equal(unread(), 0);
    say_completed_packets(HANDLE, 1);
    expect_credits(channels[0], WINDOW / 2);
    settle();
    say_completed_packets(HANDLE, 1);
    expect_credits(channels[1], WINDOW / 2);
    assert_int_equal(unread(), 0);
}

/* --- as a bearer -------------------------------------------------------------------------------------------------- */
static unsigned sdus;
static size_t sdu_size;
static uint8_t sdu[200];

static void keep_sdu(amble_l2cap_channel *channel, const uint8_t *data, size_t size)
{
    assert_int_equal(channel->cid, 0x40);
    sdus++;
    sdu_size = size;
    memcpy(sdu, data, size);
}

static void a_bearer_gets_whole_sdus(void)
{
    amble_l2cap_channel *channel;

    begin_data();
    channel = channel_number(0, 100, 50, 5, &(amble_l2cap_options){.mtu = 200});
    channel->received = keep_sdu;
    sdus = 0;
    for (unsigned i = 0; i < 20; i++) {
        peer_part(channel, 200, 0, 50);
        peer_part(channel, -1, 50, 80);
        assert_int_equal(sdus, 2 * i);
        peer_part(channel, -1, 130, 70);
        assert_int_equal(sdus, 2 * i + 1);
        assert_int_equal(sdu_size, 200);
        assert_memory_equal(sdu, pattern, 200);
        peer_part(channel, 3, 9, 3);
        assert_int_equal(sdus, 2 * i + 2);
        assert_int_equal(sdu_size, 3);
        assert_memory_equal(sdu, pattern + 9, 3);
    }
    assert_int_equal(amble_l2cap_available(channel), 0);
    assert_int_equal(rooms.l2cap.malformed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(a_send_is_cut_into_sdus_and_frames),
        task_test(frames_are_no_longer_than_this_host_makes_them),
        task_test(an_sdu_that_fills_frames_exactly),
        task_test(nothing_is_sent_without_credits),
        task_test(a_sender_waits_for_room),
        task_test(a_cancelled_send_leaves_no_half_sdu),
        task_test(a_cancelled_send_closes_the_channel_if_told_to),
        task_test(channels_take_turns),
        task_test(frames_wait_for_the_controller),
        task_test(closing_sends_what_was_handed_over),
        task_test(bytes_are_read_before_their_sdu_is_whole),
        task_test(a_read_never_crosses_the_end_of_an_sdu),
        task_test(a_reader_waits),
        task_test(closing_ends_the_wait_of_another_task),
        task_test(frames_that_break_the_rules_close_the_channel),
        task_test(a_frame_without_a_credit_closes_the_channel),
        task_test(too_many_credits_close_the_channel),
        task_test(credits_that_make_no_sense_are_ignored),
        task_test(credits_go_back_in_batches_as_the_program_reads),
        task_test(small_frames_do_not_use_up_the_window),
        task_test(empty_sdus_use_up_nothing),
        task_test(credits_wait_for_their_packet),
        task_test(a_bearer_gets_whole_sdus),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
