/* Tests of how channels begin and end on the wire: every refusal with its reason, backlog and CIDs, answers that come
 * late or never, and both sides that want the end at once. */
#include "att/channel_testing.h"

static const amble__channel_peer good = {.cid = PEER_CID, .mtu = 100, .mps = 50, .credits = 3};

/* --- the peer asks ------------------------------------------------------------------------------------------------ */
static void the_peer_connects_and_says_what_it_can(void)
{
    amble_l2cap_channel *channel;

    begin();
    listen_with(&(amble_l2cap_options){.mtu = 300, .mps = 40});
    peer_connects(7, PSM, &good);
    expect_connected(7, 0x40, 300, 40, TEST_RING / 40);
    assert_int_equal(amble_l2cap_accept(conn, PSM, &channel, 0), 0);
    assert_int_equal(amble_l2cap_our_mtu(channel), 300);
    assert_int_equal(amble_l2cap_peer_mtu(channel), 100);
    assert_int_equal(amble_l2cap_psm(channel), PSM);
    assert_ptr_equal(amble_l2cap_connection(channel), conn);
    close_quickly(channel);
    expect_used(0);
}

static void refused(uint16_t psm, amble__channel_peer peer, uint8_t result)
{
    peer_connects(8, psm, &peer);
    expect_refused(8, result);
}

static void refusals_tell_their_reason(void)
{
    amble_l2cap_channel *channel;

    begin();
    refused(PSM, good, 0x02);
    listen_with(NULL);
    refused(PSM + 1, good, 0x02);
    refused(PSM, (amble__channel_peer){.cid = 0x3f, .mtu = 23, .mps = 23}, 0x09);
    refused(PSM, (amble__channel_peer){.cid = 0x80, .mtu = 23, .mps = 23}, 0x09);
    refused(PSM, (amble__channel_peer){.cid = 0x40, .mtu = 22, .mps = 23}, 0x0b);
    refused(PSM, (amble__channel_peer){.cid = 0x40, .mtu = 23, .mps = 22}, 0x0b);
    refused(PSM, (amble__channel_peer){.cid = 0x40, .mtu = 23, .mps = 65534}, 0x0b);
    expect_used(0);
    peer_connects(1, PSM, &good);
    expect_connected(1, 0x40, 65535, TEST_MPS, WINDOW);
    refused(PSM, good, 0x0a);
    assert_int_equal(amble_l2cap_accept(conn, PSM, &channel, 0), 0);
    assert_int_equal(amble_l2cap_peer_mtu(channel), 100);
    close_quickly(channel);
    peer_connects(1, PSM, &good); /* its CID may be used again */
    expect_connected(1, 0x40, 65535, TEST_MPS, WINDOW);
}

/* What a peer sent before it closed can be read by whoever accepts the channel; nobody can when the link is gone. */
static void a_channel_that_nobody_accepted_ends_with_its_link(void)
{
    amble_connection *other;

    begin();
    other = link_open(HANDLE + 1, false);
    listen_with(NULL);
    peer_sends(other, AMBLE__CID_SIGNALLING, BYTES(0x14, 3, 10, 0, PSM, 0, 0x40, 0, 23, 0, 23, 0, 0, 0));
    peer_sends(other, 0x40, BYTES(1, 0, 'x'));
    peer_sends(other, AMBLE__CID_SIGNALLING, BYTES(0x06, 4, 4, 0, 0x40, 0, 0x40, 0));
    for (uint8_t i = 0; i < 3; i++) {
        peer_connects((uint8_t)(1 + i), PSM, &good);
        peer_sends(conn, 0x40, BYTES(1, 0, 'x'));
        peer_disconnects(9, 0x40, PEER_CID);
    }
    expect_used(4);
    link_close(conn);
    expect_used(1); /* of the other link */
    link_close(other);
    expect_used(0);
}

static void the_oldest_is_accepted_first(void)
{
    amble__channel_peer peer = good;
    amble_l2cap_channel *channel;

    begin();
    listen_with(NULL);
    for (uint8_t i = 0; i < 2; i++, peer.cid++)
        peer_connects((uint8_t)(1 + i), PSM, &peer);
    peer_disconnects(9, 0x40, PEER_CID); /* its place and CID are free again */
    peer_connects(4, PSM, &peer);
    assert_int_equal(amble_l2cap_accept(conn, PSM, &channel, 0), 0);
    assert_int_equal(channel->cid, 0x41);
    assert_int_equal(amble_l2cap_accept(conn, PSM, &channel, 0), 0);
    assert_int_equal(channel->cid, 0x40);
}

static struct amble__bond *some_bond(const amble_connection *of)
{
    static uint8_t bond; /* only that there is one counts here */

    return of ? (struct amble__bond *)(void *)&bond : NULL;
}

static void a_link_that_is_not_secure_enough_is_refused(void)
{
    begin();
    listen_with(&(amble_l2cap_options){.security = AMBLE_SECURE});
    refused(PSM, good, 0x05);
    rooms.links.bond = some_bond;
    refused(PSM, good, 0x08);
    conn->security = (amble__link_security){.encrypted = true, .key_size = 15};
    refused(PSM, good, 0x05);
    conn->security.authenticated = true;
    refused(PSM, good, 0x05);
    conn->security.secure_connections = true;
    refused(PSM, good, 0x07);
    peer_signals(BYTES(0x17, 3, 10, 0, PSM, 0, 64, 0, 64, 0, 1, 0, 0x60, 0)); /* the enhanced request as well */
    expect_signal(BYTES(0x18, 3, 10, 0, 0, 0, 0, 0, 0, 0, 0x07, 0, 0, 0));
    expect_used(0);
    conn->security.key_size = 16;
    peer_connects(4, PSM, &good);
    expect_connected(4, 0x40, 65535, TEST_MPS, WINDOW);
}

static void who_was_not_let_in_is_refused(void)
{
    begin();
    listen_with(&(amble_l2cap_options){.security = AMBLE_ENCRYPTED, .authorised = true});
    refused(PSM, good, 0x05);
    conn->security.encrypted = true;
    refused(PSM, good, 0x06);
    peer_signals(BYTES(0x17, 3, 10, 0, PSM, 0, 64, 0, 64, 0, 1, 0, 0x60, 0));
    expect_signal(BYTES(0x18, 3, 10, 0, 0, 0, 0, 0, 0, 0, 0x06, 0, 0, 0));
    expect_used(0);
    conn->authorised = true;
    peer_connects(4, PSM, &good);
    expect_connected(4, 0x40, 65535, TEST_MPS, WINDOW);
}

static void the_backlog_is_of_each_link(void)
{
    amble_connection *other;
    amble_l2cap_channel *channel;
    amble__channel_peer peer = good;

    begin();
    other = link_open(HANDLE + 1, false);
    listen_with(&(amble_l2cap_options){.backlog = 2});
    for (uint8_t i = 0; i < 2; i++, peer.cid++) {
        peer_connects(5, PSM, &peer);
        expect_connected(5, (uint16_t)(0x40 + i), 65535, TEST_MPS, WINDOW);
    }
    peer_connects(6, PSM, &peer);
    expect_refused(6, 0x04);
    peer_sends(other, AMBLE__CID_SIGNALLING, BYTES(0x14, 3, 10, 0, PSM, 0, 0x40, 0, 23, 0, 23, 0, 0, 0));
    assert_int_equal(next_sent()->bytes[21], 0); /* success */
    assert_int_equal(amble_l2cap_accept(conn, PSM, &channel, 0), 0);
    assert_int_equal(channel->cid, 0x40); /* the oldest */
    peer_connects(7, PSM, &peer);
    expect_connected(7, 0x42, 65535, TEST_MPS, WINDOW);
    assert_int_equal(amble_l2cap_accept(other, PSM, &channel, 0), 0);
    assert_ptr_equal(amble_l2cap_connection(channel), other);
    link_lose(conn); /* those that nobody accepted are gone, too */
    assert_int_equal(amble_l2cap_accept(conn, PSM, &channel, 0), AMBLE_ERR_DISCONNECTED);
    expect_used(2);
}

static void a_link_has_64_channels(void)
{
    amble__channel_peer peer = good;

    begin();
    listen_with(&(amble_l2cap_options){.backlog = 100});
    for (unsigned i = 0; i < 64; i++) {
        peer.cid = (uint16_t)(0x7f - i);
        peer_connects((uint8_t)(i + 1), PSM, &peer);
        expect_connected((uint8_t)(i + 1), (uint16_t)(0x40 + i), 65535, TEST_MPS, WINDOW);
    }
    peer_disconnects(1, 0x50, 0x7f - 0x10);
    expect_signal(BYTES(0x07, 1, 4, 0, 0x50, 0, 0x6f, 0));
    peer.cid = 0x6f;
    peer_connects(65, PSM, &peer);
    expect_connected(65, 0x50, 65535, TEST_MPS, WINDOW);
    link_lose(conn);
    expect_used(0);
}

static void nobody_is_kept_waiting_for_what_has_no_answer_packet(void)
{
    begin_with(1);
    listen_with(&(amble_l2cap_options){.backlog = 100});
    for (uint8_t i = 0; i < 1 + AMBLE__SIGNALLING_ANSWERS + 2; i++)
        peer_connects((uint8_t)(i + 1), PSM,
                      &(amble__channel_peer){.cid = (uint16_t)(0x40 + i), .mtu = 23, .mps = 23, .credits = 1});
    expect_used(1 + AMBLE__SIGNALLING_ANSWERS); /* no channel that the peer was not told of */
}

static void unlistening_closes_what_nobody_accepted(void)
{
    amble_l2cap_channel *accepted;
    amble__channel_peer peer = good;

    begin();
    accepted = open_channel();
    peer.cid++;
    peer_connects(3, PSM, &peer);
    expect_connected(3, 0x41, 65535, TEST_MPS, WINDOW);
    assert_int_equal(amble__l2cap_unlisten(&rooms.l2cap, PSM), 0);
    assert_int_equal(amble__l2cap_unlisten(&rooms.l2cap, PSM), AMBLE_ERR_NOT_FOUND);
    settle();
    peer_confirms(expect_disconnection(0x41, PEER_CID + 1), 0x41, PEER_CID + 1);
    assert_int_equal(accepted->state, AMBLE__CHANNEL_OPEN);
    expect_used(1);
    refused(PSM, (amble__channel_peer){.cid = 0x70, .mtu = 23, .mps = 23}, 0x02);
    listen_with(NULL);
}

static int accept_one(void *channel) { return amble_l2cap_accept(conn, PSM, channel, 1000); }

static void accepting_waits(void)
{
    amble_l2cap_channel *channel;
    amble_source source;
    doing d;

    begin();
    assert_int_equal(amble_l2cap_accept(conn, PSM, &channel, 0), AMBLE_ERR_NOT_FOUND);
    listen_with(NULL);
    assert_int_equal(amble_l2cap_accept(conn, PSM, &channel, 0), AMBLE_ERR_TIMEOUT);
    start_doing(&d, accept_one, &channel);
    peer_connects(1, PSM, &good);
    (void)next_sent();
    assert_int_equal(end_doing(&d), 0);
    assert_int_equal(channel->cid, 0x40);
    start_doing(&d, accept_one, &channel);
    assert_int_equal(amble__l2cap_unlisten(&rooms.l2cap, PSM), 0);
    assert_int_equal(end_doing(&d), AMBLE_ERR_NOT_FOUND);
    assert_null(channel);
    listen_with(NULL);
    source = amble_on_l2cap_accept(conn, PSM);
    assert_int_equal(amble_wait_first(&source, 1, 10), AMBLE_ERR_TIMEOUT);
    start_doing(&d, accept_one, &channel);
    link_lose(conn);
    assert_int_equal(end_doing(&d), AMBLE_ERR_DISCONNECTED);
    assert_int_equal(amble_wait_first(&source, 1, 10), 0);
}

static int wait_for_source(void *source) { return amble_wait_first(source, 1, 1000); }

static void the_end_of_the_link_makes_an_accept_source_ready(void)
{
    amble_source source;
    doing d;

    begin();
    listen_with(NULL);
    source = amble_on_l2cap_accept(conn, PSM);
    start_doing(&d, wait_for_source, &source);
    link_lose(conn);
    assert_int_equal(end_doing(&d), 0);
}

static void what_may_be_listened_on(void)
{
    begin();
    assert_int_equal(amble__l2cap_listen(&rooms.l2cap, 0, NULL), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble__l2cap_listen(&rooms.l2cap, 0x100, NULL), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble__l2cap_listen(&rooms.l2cap, 1, &(amble_l2cap_options){.mtu = 22}), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble__l2cap_listen(&rooms.l2cap, 1, &(amble_l2cap_options){.mps = 22}), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble__l2cap_listen(&rooms.l2cap, 1, &(amble_l2cap_options){.mps = TEST_MPS + 1}),
                     AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble__l2cap_listen(&rooms.l2cap, 1, &(amble_l2cap_options){.sdu_size = TEST_RING - 1}),
                     AMBLE_ERR_ARGUMENT);
    for (uint16_t i = 1; i <= TEST_LISTENERS; i++)
        assert_int_equal(amble__l2cap_listen(&rooms.l2cap, i, NULL), 0);
    assert_int_equal(amble__l2cap_listen(&rooms.l2cap, 1, NULL), AMBLE_ERR_BUSY);
    assert_int_equal(amble__l2cap_listen(&rooms.l2cap, 0xff, NULL), AMBLE_ERR_NO_MEMORY);
}

/* --- this side asks ----------------------------------------------------------------------------------------------- */
static amble_l2cap_channel *connected;
static int connect_timeout;

static int connect_one(void *options) { return amble_l2cap_connect(conn, PSM, options, &connected, connect_timeout); }

static void start_connecting(doing *d, const amble_l2cap_options *options, int timeout_ms)
{
    connect_timeout = timeout_ms;
    start_doing(d, connect_one, (void *)(uintptr_t)options);
}

static uint8_t expect_request(uint16_t cid)
{
    const uint8_t identifier = controller.sent[controller.read % SENT_MAX].bytes[10];

    expect_signal(BYTES(0x14, identifier, 10, 0, PSM, 0, (uint8_t)cid, 0, 0xff, 0xff, TEST_MPS, 0, WINDOW, 0));
    return identifier;
}

static void this_side_connects(void)
{
    doing d;

    begin();
    start_connecting(&d, &(amble_l2cap_options){.mtu = 0x1234, .mps = 0x20}, 1000);
    expect_signal(BYTES(0x14, 1, 10, 0, PSM, 0, 0x40, 0, 0x34, 0x12, 0x20, 0, TEST_RING / 0x20, 0));
    peer_signals(BYTES(0x15, 1, 10, 0, PEER_CID, 0, 100, 0, 50, 0, 3, 0, 0, 0));
    assert_int_equal(end_doing(&d), 0);
    assert_int_equal(amble_l2cap_peer_mtu(connected), 100);
    assert_int_equal(connected->peer_mps, 50);
    assert_int_equal(connected->credits, 3);
    close_quickly(connected);
}

/* The peer's first frame may come in the same breath as its answer. */
static void data_may_follow_the_answer_at_once(void)
{
    uint8_t data[8];
    doing d;

    begin();
    start_connecting(&d, NULL, 1000);
    (void)expect_request(0x40);
    peer_sends(conn, 0x40, BYTES(1, 0, 'x')); /* before it: dropped */
    peer_signals(BYTES(0x15, 1, 10, 0, PEER_CID, 0, 100, 0, 50, 0, 3, 0, 0, 0));
    peer_sends(conn, 0x40, BYTES(2, 0, 'h', 'i'));
    assert_int_equal(end_doing(&d), 0);
    assert_int_equal(amble_l2cap_recv(connected, data, sizeof data, 0), 2);
    assert_memory_equal(data, "hi", 2);
    assert_int_equal(rooms.l2cap.malformed, 1);
}

static void refusals_are_returned(void)
{
    doing d;

    begin();
    for (uint8_t result = 1; result < 16; result++) {
        start_connecting(&d, NULL, 1000);
        peer_signals(BYTES(0x15, expect_request(0x40), 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, result, 0));
        assert_int_equal(end_doing(&d), AMBLE_ERR_L2CAP_CONNECT(result));
        assert_null(connected);
    }
    start_connecting(&d, NULL, 1000);
    peer_signals(BYTES(0x01, expect_request(0x40), 2, 0, 0, 0));
    assert_int_equal(end_doing(&d), AMBLE_ERR_L2CAP_REJECT(0));
    expect_used(0);
}

static void answers_that_make_no_sense(void)
{
    const struct {
        uint8_t cid, mtu, mps, size;
        bool known; /* where it ends is known, so it is closed */
    } cases[] = {
        {0x3f, 100, 50, 10, false}, {0x80, 100, 50, 10, false}, {0, 100, 50, 10, false},
        {0x60, 100, 50, 9, false},  {0x60, 22, 50, 10, true},   {0x60, 100, 22, 10, true},
    };
    doing d;

    begin();
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        start_connecting(&d, NULL, 1000);
        peer_signals((const uint8_t[]){0x15, expect_request(0x40), cases[i].size, 0, cases[i].cid, 0, cases[i].mtu, 0,
                                       cases[i].mps, 0, 3, 0, 0, 0},
                     4u + cases[i].size);
        assert_int_equal(end_doing(&d), AMBLE_ERR_PROTOCOL);
        if (cases[i].known)
            peer_confirms(expect_disconnection(0x40, 0x60), 0x40, 0x60);
        assert_int_equal(unread(), 0);
        expect_used(0);
    }
}

static void two_channels_of_ours_never_lead_to_one_of_the_peer(void)
{
    doing d;

    begin();
    (void)open_channel();
    start_connecting(&d, NULL, 1000);
    peer_signals(BYTES(0x15, expect_request(0x41), 10, 0, PEER_CID, 0, 100, 0, 50, 0, 3, 0, 0, 0));
    assert_int_equal(end_doing(&d), AMBLE_ERR_PROTOCOL);
    expect_used(1);
}

/* After the timeout (or the cancel) a channel that is opened too late is closed again, and its CID is not used before
 * that. */
static void a_late_answer_opens_nothing(void)
{
    doing d;

    for (int cancelled = 0; cancelled < 2; cancelled++) {
        begin();
        start_connecting(&d, NULL, cancelled ? AMBLE_FOREVER : 10);
        (void)expect_request(0x40);
        if (cancelled)
            amble_cancel(d.task);
        else
            assert_int_equal(amble_sleep_ms(11), 0);
        assert_int_equal(end_doing(&d), cancelled ? AMBLE_ERR_CANCELLED : AMBLE_ERR_TIMEOUT);
        start_connecting(&d, NULL, 1000);
        (void)expect_request(0x41);
        peer_signals(BYTES(0x15, 1, 10, 0, PEER_CID, 0, 100, 0, 50, 0, 3, 0, 0, 0));
        settle();
        peer_confirms(expect_disconnection(0x40, PEER_CID), 0x40, PEER_CID);
        peer_signals(BYTES(0x15, 2, 10, 0, PEER_CID + 1, 0, 100, 0, 50, 0, 3, 0, 0, 0));
        assert_int_equal(end_doing(&d), 0);
        expect_used(1);
        close_quickly(connected);
    }
}

static void no_answer_at_all(void)
{
    doing d;

    begin();
    amble_log_level(AMBLE_LOG_OFF);
    start_connecting(&d, NULL, AMBLE_FOREVER);
    (void)expect_request(0x40);
    assert_int_equal(amble_sleep_ms(AMBLE__SIGNALLING_RTX_MS + 1), 0);
    assert_int_equal(end_doing(&d), AMBLE_ERR_TIMEOUT);
    expect_used(0);
    start_connecting(&d, NULL, 10);
    (void)expect_request(0x40);
    assert_int_equal(amble_sleep_ms(11), 0);
    assert_int_equal(end_doing(&d), AMBLE_ERR_TIMEOUT);
    expect_used(1);
    assert_int_equal(amble_sleep_ms(AMBLE__SIGNALLING_RTX_MS), 0);
    expect_used(0);
    amble_log_level(AMBLE_LOG_WARNING);
}

static void the_end_of_the_link_ends_connecting(void)
{
    doing d;

    begin();
    start_connecting(&d, NULL, AMBLE_FOREVER);
    link_lose(conn);
    assert_int_equal(end_doing(&d), AMBLE_ERR_DISCONNECTED);
    expect_used(0);
    assert_int_equal(amble_l2cap_connect(conn, PSM, NULL, &connected, 0), AMBLE_ERR_DISCONNECTED);
}

static void what_may_be_connected_to(void)
{
    doing d[TEST_CHANNELS];

    begin();
    connect_timeout = 0;
    assert_int_equal(amble_l2cap_connect(conn, 0, NULL, &connected, 0), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_l2cap_connect(conn, 0x100, NULL, &connected, 0), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_l2cap_connect(conn, 1, &(amble_l2cap_options){.mtu = 1}, &connected, 0), AMBLE_ERR_ARGUMENT);
    for (unsigned i = 0; i < AMBLE__CIDS; i++)
        start_connecting(&d[i], NULL, AMBLE_FOREVER);
    assert_int_equal(amble_l2cap_connect(conn, 1, NULL, &connected, 0), AMBLE_ERR_NO_MEMORY);
    link_lose(conn);
    for (unsigned i = AMBLE__CIDS; i--;)
        assert_int_equal(end_doing(&d[i]), AMBLE_ERR_DISCONNECTED);
    expect_used(0);
}

/* --- the end ------------------------------------------------------------------------------------------------------ */
static void the_peer_closes(void)
{
    amble_l2cap_channel *channel;
    uint8_t data[8];

    begin();
    channel = open_channel();
    peer_frame(channel, BYTES(3, 0, 'a', 'b', 'c'));
    peer_disconnects(4, 0x40, PEER_CID + 1); /* not its other end */
    peer_disconnects(5, 0x41, PEER_CID);     /* nobody's */
    expect_signal(BYTES(0x01, 5, 6, 0, 2, 0, 0x41, 0, PEER_CID, 0));
    peer_disconnects(6, 0x40, PEER_CID);
    expect_signal(BYTES(0x07, 6, 4, 0, 0x40, 0, PEER_CID, 0));
    assert_int_equal(amble_l2cap_disconnected(channel, 0), 0);
    assert_int_equal(amble_l2cap_send(channel, "x", 1, 0), AMBLE_ERR_CHANNEL_CLOSED);
    assert_int_equal(amble_l2cap_flush(channel, 0), AMBLE_ERR_CHANNEL_CLOSED);
    assert_int_equal(amble_l2cap_recv(channel, data, sizeof data, 0), 3); /* what had come */
    assert_int_equal(amble_l2cap_recv(channel, data, sizeof data, 0), AMBLE_ERR_CHANNEL_CLOSED);
    peer_disconnects(7, 0x40, PEER_CID); /* once more */
    expect_signal(BYTES(0x01, 7, 6, 0, 2, 0, 0x40, 0, PEER_CID, 0));
    close_quickly(channel);
    assert_int_equal(unread(), 0);
}

static void both_sides_close_at_once(void)
{
    amble_l2cap_channel *channel;
    uint8_t identifier;
    doing d;

    begin();
    channel = open_channel();
    start_doing(&d, close_it, channel);
    identifier = expect_disconnection(0x40, PEER_CID);
    peer_frame(channel, BYTES(3, 0, 'a', 'b', 'c')); /* on its way: not looked at */
    peer_disconnects(9, 0x40, PEER_CID);
    expect_signal(BYTES(0x07, 9, 4, 0, 0x40, 0, PEER_CID, 0));
    assert_int_equal(end_doing(&d), 0);
    expect_used(0);
    channel = open_channel(); /* in the same place, before the peer has answered */
    peer_signals(BYTES(0x01, identifier, 6, 0, 2, 0, PEER_CID, 0, 0x40, 0));
    assert_int_equal(channel->state, AMBLE__CHANNEL_OPEN);
    assert_int_equal(rooms.l2cap.malformed, 0);
    close_quickly(channel);
}

static void closing_is_bounded(void)
{
    amble_l2cap_channel *channel;
    uint64_t start;

    begin();
    amble_log_level(AMBLE_LOG_OFF);
    channel = open_channel();
    start = amble_now_us();
    amble_l2cap_close(channel);
    assert_in_range(amble_now_us() - start, 1900000, 2100000);
    expect_used(1); /* the host goes on alone */
    assert_int_equal(amble_sleep_ms(AMBLE__SIGNALLING_RTX_MS), 0);
    expect_used(0);
    amble_log_level(AMBLE_LOG_WARNING);
    amble_l2cap_close(NULL);
}

/* More are closed at once than requests may be under way. */
static void every_disconnection_is_sent_in_its_time(void)
{
    enum { CHANNELS = 2 * AMBLE__SIGNALLING_REQUESTS + 1 };
    amble_l2cap_channel *channels[CHANNELS];
    doing d[CHANNELS];

    begin();
    for (unsigned i = 0; i < CHANNELS; i++)
        channels[i] = channel_number(i, 100, 50, 1, NULL);
    for (unsigned i = 0; i < CHANNELS; i++)
        start_doing(&d[i], close_it, channels[i]);
    for (unsigned i = 0; i < CHANNELS; i++) {
        const uint8_t identifier = expect_disconnection((uint16_t)(0x40 + i), (uint16_t)(PEER_CID + i));

        assert_in_range(unread(), 0, AMBLE__SIGNALLING_REQUESTS - 1);
        peer_confirms(identifier, (uint16_t)(0x40 + i), (uint16_t)(PEER_CID + i));
        settle();
    }
    for (unsigned i = CHANNELS; i--;)
        assert_int_equal(end_doing(&d[i]), 0);
    expect_used(0);
}

static int wait_for_end(void *channel) { return amble_l2cap_disconnected(channel, 1000); }

static void the_end_can_be_waited_for(void)
{
    amble_l2cap_channel *channel;
    amble_source source;
    doing waits, waits_first;

    begin();
    channel = open_channel();
    assert_int_equal(amble_l2cap_disconnected(channel, 10), AMBLE_ERR_TIMEOUT);
    source = amble_on_l2cap_disconnected(channel);
    start_doing(&waits, wait_for_end, channel);
    start_doing(&waits_first, wait_for_source, &source);
    link_lose(conn);
    assert_int_equal(end_doing(&waits_first), 0);
    assert_int_equal(end_doing(&waits), 0);
    assert_int_equal(amble_l2cap_send(channel, "x", 1, 0), AMBLE_ERR_DISCONNECTED);
    amble__channels_forget(&rooms.l2cap, conn);
    assert_null(amble_l2cap_connection(channel));
    amble_l2cap_close(channel);
    expect_used(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(the_peer_connects_and_says_what_it_can),
        task_test(refusals_tell_their_reason),
        task_test(a_channel_that_nobody_accepted_ends_with_its_link),
        task_test(the_oldest_is_accepted_first),
        task_test(a_link_that_is_not_secure_enough_is_refused),
        task_test(who_was_not_let_in_is_refused),
        task_test(the_backlog_is_of_each_link),
        task_test(a_link_has_64_channels),
        task_test(nobody_is_kept_waiting_for_what_has_no_answer_packet),
        task_test(unlistening_closes_what_nobody_accepted),
        task_test(accepting_waits),
        task_test(the_end_of_the_link_makes_an_accept_source_ready),
        task_test(what_may_be_listened_on),
        task_test(this_side_connects),
        task_test(data_may_follow_the_answer_at_once),
        task_test(refusals_are_returned),
        task_test(answers_that_make_no_sense),
        task_test(two_channels_of_ours_never_lead_to_one_of_the_peer),
        task_test(a_late_answer_opens_nothing),
        task_test(no_answer_at_all),
        task_test(the_end_of_the_link_ends_connecting),
        task_test(what_may_be_connected_to),
        task_test(the_peer_closes),
        task_test(both_sides_close_at_once),
        task_test(closing_is_bounded),
        task_test(every_disconnection_is_sent_in_its_time),
        task_test(the_end_can_be_waited_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
