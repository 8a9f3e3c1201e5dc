/* Tests of the enhanced requests on the wire: several channels at once, as many as can be, and what may change
 * later. */
#include "att/channel_testing.h"

/* --- the peer asks ------------------------------------------------------------------------------------------------ */
static void peer_asks(uint8_t identifier, uint16_t mtu, uint16_t mps, const uint8_t *cids, size_t count)
{
    uint8_t request[4 + 8 + 2 * 8] = {0x17, identifier, (uint8_t)(8 + 2 * count), 0, PSM, 0};

    amble__put_le16(request + 6, mtu);
    amble__put_le16(request + 8, mps);
    amble__put_le16(request + 10, 3);
    for (size_t i = 0; i < count; i++)
        amble__put_le16(request + 12 + 2 * i, cids[i]);
    peer_signals(request, 12 + 2 * count);
}
static void expect_answer(uint8_t identifier, uint16_t mtu, uint16_t mps, uint16_t credits, uint8_t result,
                          const uint8_t *cids, size_t count)
{
    uint8_t response[4 + 8 + 2 * 8] = {0x18, identifier, (uint8_t)(8 + 2 * count), 0};

    amble__put_le16(response + 4, mtu);
    amble__put_le16(response + 6, mps);
    amble__put_le16(response + 8, credits);
    amble__put_le16(response + 10, result);
    for (size_t i = 0; i < count; i++)
        amble__put_le16(response + 12 + 2 * i, cids[i]);
    expect_signal(response, 12 + 2 * count);
}

static void the_peer_opens_five(void)
{
    amble_l2cap_channel *channel;

    begin();
    listen_with(&(amble_l2cap_options){.backlog = 9, .mtu = 300, .mps = 70});
    peer_asks(7, 100, 90, BYTES(0x60, 0x61, 0x50, 0x51, 0x7f));
    expect_answer(7, 300, 70, WINDOW, 0, BYTES(0x40, 0x41, 0x42, 0x43, 0x44));
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(amble_l2cap_accept(conn, PSM, &channel, 0), 0);
        assert_int_equal(channel->cid, 0x40 + i);
        assert_int_equal(channel->peer_mtu, 100);
        assert_int_equal(channel->peer_mps, 90);
        assert_int_equal(channel->credits, 3);
    }
    assert_int_equal(channel->peer_cid, 0x7f);
}

static void as_many_are_granted_as_can_be(void)
{
    begin();
    listen_with(&(amble_l2cap_options){.backlog = 4});
    peer_asks(1, 64, 64, BYTES(0x3f, 0x60, 0x60, 0x61));
    expect_answer(1, 65535, TEST_MPS, WINDOW, 0x0a, BYTES(0, 0x40, 0, 0x41));
    peer_asks(2, 64, 64, BYTES(0x62, 0x80));
    expect_answer(2, 65535, TEST_MPS, WINDOW, 0x09, BYTES(0x42, 0));
    peer_asks(3, 64, 64, BYTES(0x63, 0x64, 0x65));
    expect_answer(3, 65535, TEST_MPS, WINDOW, 0x04, BYTES(0x43, 0, 0));
    expect_used(4);
}

static void all_are_refused_with_their_reason(void)
{
    begin();
    peer_asks(1, 64, 64, BYTES(0x60, 0x61));
    expect_answer(1, 0, 0, 0, 0x02, BYTES(0, 0));
    listen_with(NULL);
    peer_asks(2, 63, 64, BYTES(0x60));
    expect_answer(2, 0, 0, 0, 0x0b, BYTES(0));
    peer_asks(3, 64, 63, BYTES(0x60));
    expect_answer(3, 0, 0, 0, 0x0b, BYTES(0));
    peer_signals(BYTES(0x17, 4, 10, 0, PSM, 0, 64, 0, 64, 0, 0, 0, 0x60, 0)); /* without a credit */
    expect_answer(4, 0, 0, 0, 0x0b, BYTES(0));
    assert_int_equal(amble__l2cap_unlisten(&rooms.l2cap, PSM), 0);
    listen_with(&(amble_l2cap_options){.mtu = 63}); /* what listens is too small for the enhanced kind */
    peer_asks(5, 64, 64, BYTES(0x60));
    expect_answer(5, 0, 0, 0, 0x0b, BYTES(0));
    expect_used(0);
}

static void requests_of_a_wrong_length_are_not_understood(void)
{
    begin();
    listen_with(NULL);
    for (uint8_t size = 0; size < 19; size++) {
        uint8_t request[23] = {0x17, 1, size, 0, PSM, 0, 64, 0, 64, 0, 1, 0, 0x60, 0, 0x61, 0, 0x62, 0, 0x63, 0, 0x64};

        if (size > 8 && size % 2 == 0)
            continue; /* those are right */
        peer_signals(request, 4u + size);
        expect_signal(BYTES(0x01, 1, 2, 0, 0, 0));
        request[0] = 0x19;
        if (size > 4 && size % 2 == 0)
            continue;
        peer_signals(request, 4u + size);
        expect_signal(BYTES(0x01, 1, 2, 0, 0, 0));
    }
    expect_used(0);
}

/* The CIDs are those of the peer's ends, 4.27. */
static void the_peer_reconfigures(void)
{
    amble_l2cap_channel *channels[2], *basic;

    begin();
    listen_with(NULL);
    peer_asks(1, 100, 90, BYTES(0x60, 0x61));
    (void)next_sent();
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(amble_l2cap_accept(conn, PSM, &channels[i], 0), 0);
    basic = channel_number(2, 100, 90, 3, NULL);
    peer_signals(BYTES(0x19, 2, 8, 0, 200, 0, 95, 0, 0x60, 0, 0x61, 0));
    expect_signal(BYTES(0x1a, 2, 2, 0, 0, 0));
    assert_int_equal(channels[0]->peer_mtu, 200);
    assert_int_equal(channels[1]->peer_mps, 95);
    peer_signals(BYTES(0x19, 3, 8, 0, 199, 0, 95, 0, 0x60, 0, 0x61, 0));
    expect_signal(BYTES(0x1a, 3, 2, 0, 1, 0));
    peer_signals(BYTES(0x19, 4, 8, 0, 200, 0, 94, 0, 0x60, 0, 0x61, 0));
    expect_signal(BYTES(0x1a, 4, 2, 0, 2, 0));
    peer_signals(BYTES(0x19, 5, 8, 0, 250, 0, 95, 0, 0x60, 0, 0x40, 0)); /* ours, not the peer's */
    expect_signal(BYTES(0x1a, 5, 2, 0, 3, 0));
    peer_signals(BYTES(0x19, 6, 6, 0, 250, 0, 95, 0, (uint8_t)basic->peer_cid, 0));
    expect_signal(BYTES(0x1a, 6, 2, 0, 3, 0));
    peer_signals(BYTES(0x19, 7, 6, 0, 250, 0, 63, 0, 0x60, 0));
    expect_signal(BYTES(0x1a, 7, 2, 0, 4, 0));
    assert_int_equal(channels[0]->peer_mtu, 200); /* none of these changed anything */
    assert_int_equal(channels[0]->peer_mps, 95);
    assert_int_equal(basic->peer_mtu, 100);
    peer_signals(BYTES(0x19, 8, 6, 0, 200, 0, 64, 0, 0x60, 0)); /* a single one may take smaller frames */
    expect_signal(BYTES(0x1a, 8, 2, 0, 0, 0));
    assert_int_equal(channels[0]->peer_mps, 64);
    assert_int_equal(channels[1]->peer_mps, 95);
}

/* --- this side asks ----------------------------------------------------------------------------------------------- */
static amble_l2cap_channel *group[AMBLE_L2CAP_GROUP_MAX];
static const amble_l2cap_options small = {.mtu = 100, .mps = 64};

static int connect_three(void *timeout_ms)
{
    return amble_l2cap_connect_enhanced(conn, PSM, &small, group, 3, *(int *)timeout_ms);
}
static int second = 1000, no_time = 10;

static void expect_request(uint8_t identifier, uint8_t first_cid)
{
    expect_signal(BYTES(0x17, identifier, 14, 0, PSM, 0, 100, 0, 64, 0, WINDOW, 0, first_cid, 0,
                        (uint8_t)(first_cid + 1), 0, (uint8_t)(first_cid + 2), 0));
}

static void this_side_opens_three(void)
{
    doing d;

    begin();
    start_doing(&d, connect_three, &second);
    expect_request(1, 0x40);
    peer_signals(BYTES(0x18, 1, 14, 0, 200, 0, 90, 0, 4, 0, 0, 0, 0x70, 0, 0x71, 0, 0x72, 0));
    assert_int_equal(end_doing(&d), 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(group[i]->cid, 0x40 + i);
        assert_int_equal(group[i]->peer_cid, 0x70 + i);
        assert_int_equal(group[i]->credits, 4);
        assert_int_equal(amble_l2cap_peer_mtu(group[i]), 200);
    }
}

static void some_are_refused(void)
{
    doing d;

    begin();
    start_doing(&d, connect_three, &second);
    expect_request(1, 0x40);
    peer_signals(BYTES(0x18, 1, 14, 0, 200, 0, 90, 0, 4, 0, 4, 0, 0, 0, 0x71, 0, 0, 0));
    assert_int_equal(end_doing(&d), 1);
    assert_int_equal(group[0]->cid, 0x41);
    assert_null(group[1]);
    assert_null(group[2]);
    expect_used(1);
}

static void answers_and_what_becomes_of_them(void)
{
    const struct {
        uint8_t answer[22];
        size_t size;
        int result;
        unsigned used; /* channels that have to be closed */
    } cases[] = {
        {{0x18, 1, 14, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0}, 18, AMBLE_ERR_L2CAP_CONNECT(2), 0},
        {{0x18, 1, 8, 0, 0, 0, 0, 0, 0, 0, 8, 0}, 12, AMBLE_ERR_L2CAP_CONNECT(8), 0},
        {{0x18, 1, 14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 18, AMBLE_ERR_PROTOCOL, 0},
        {{0x18, 1, 0, 0}, 4, AMBLE_ERR_PROTOCOL, 0},
        {{0x01, 1, 2, 0, 0, 0}, 6, AMBLE_ERR_L2CAP_REJECT(0), 0},
        {{0x18, 1, 10, 0, 200, 0, 63, 0, 4, 0, 0, 0, 0x70, 0}, 14, AMBLE_ERR_PROTOCOL, 1},
    };
    doing d;

    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin();
        start_doing(&d, connect_three, &second);
        expect_request(1, 0x40);
        peer_signals(cases[i].answer, cases[i].size);
        assert_int_equal(end_doing(&d), cases[i].result);
        expect_used(cases[i].used);
    }
}

static void a_pending_answer_is_waited_for(void)
{
    static int minutes = 120000;
    doing d;

    begin();
    amble_log_level(AMBLE_LOG_OFF);
    start_doing(&d, connect_three, &minutes);
    assert_int_equal(amble_sleep_ms(AMBLE__SIGNALLING_RTX_MS - 1000), 0);
    peer_signals(BYTES(0x18, 1, 8, 0, 0, 0, 0, 0, 0, 0, 0x0e, 0));
    assert_int_equal(amble_sleep_ms(AMBLE__SIGNALLING_ERTX_MS - 1000), 0);
    peer_signals(BYTES(0x18, 1, 14, 0, 200, 0, 90, 0, 4, 0, 0, 0, 0x70, 0, 0x71, 0, 0x72, 0));
    assert_int_equal(end_doing(&d), 3);
    begin();
    start_doing(&d, connect_three, &minutes);
    peer_signals(BYTES(0x18, 1, 8, 0, 0, 0, 0, 0, 0, 0, 0x0d, 0));
    assert_int_equal(amble_sleep_ms(AMBLE__SIGNALLING_ERTX_MS + 1), 0);
    assert_int_equal(end_doing(&d), AMBLE_ERR_TIMEOUT);
    expect_used(0);
    amble_log_level(AMBLE_LOG_WARNING);
}

static void a_late_answer_opens_none(void)
{
    doing d;

    begin();
    start_doing(&d, connect_three, &no_time);
    expect_request(1, 0x40);
    assert_int_equal(amble_sleep_ms(11), 0);
    assert_int_equal(end_doing(&d), AMBLE_ERR_TIMEOUT);
    expect_used(3);
    peer_signals(BYTES(0x18, 1, 14, 0, 200, 0, 90, 0, 4, 0, 4, 0, 0x70, 0, 0, 0, 0x72, 0));
    settle();
    peer_confirms(expect_disconnection(0x40, 0x70), 0x40, 0x70);
    peer_confirms(expect_disconnection(0x42, 0x72), 0x42, 0x72);
    expect_used(0);
}

static void what_may_be_asked_for(void)
{
    amble_l2cap_channel *channels[6];

    begin();
    assert_int_equal(amble_l2cap_connect_enhanced(conn, PSM, &small, channels, 0, 0), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_l2cap_connect_enhanced(conn, PSM, &small, channels, 6, 0), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_l2cap_connect_enhanced(conn, PSM, &(amble_l2cap_options){.mtu = 63}, channels, 1, 0),
                     AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_l2cap_connect_enhanced(conn, PSM, &(amble_l2cap_options){.mps = 63}, channels, 1, 0),
                     AMBLE_ERR_ARGUMENT);
    for (unsigned i = 0; i < 62; i++)
        (void)amble__channel_take(conn->l2cap, PSM, &small, AMBLE__CHANNEL_BASIC);
    assert_int_equal(amble_l2cap_connect_enhanced(conn, PSM, &small, channels, 3, 0), AMBLE_ERR_NO_MEMORY);
    expect_used(62); /* those that there were are given back */
    link_lose(conn);
}

typedef struct {
    unsigned count;
    uint16_t mtu, mps;
} change;
static int reconfigure(void *arg)
{
    const change *c = arg;

    return amble_l2cap_reconfigure(group, c->count, c->mtu, c->mps, 1000);
}

static void this_side_reconfigures(void)
{
    static change grow = {.count = 3, .mtu = 500, .mps = 70}, one = {.count = 1, .mps = 64};
    uint8_t frame[74] = {72, 0};
    doing d;

    this_side_opens_three();
    start_doing(&d, reconfigure, &grow);
    expect_signal(BYTES(0x19, 2, 10, 0, 0xf4, 0x01, 70, 0, 0x40, 0, 0x41, 0, 0x42, 0));
    assert_int_equal(amble_l2cap_reconfigure(group, 1, 600, 0, 0), AMBLE_ERR_BUSY);
    peer_signals(BYTES(0x1a, 2, 2, 0, 0, 0));
    peer_frame(group[2], frame, 70); /* it counts from the answer on */
    assert_int_equal(end_doing(&d), 0);
    assert_int_equal(amble_l2cap_our_mtu(group[1]), 500);
    assert_int_equal(amble_l2cap_available(group[2]), 68);
    start_doing(&d, reconfigure, &one);
    expect_signal(BYTES(0x19, 3, 6, 0, 0xf4, 0x01, 64, 0, 0x40, 0));
    peer_signals(BYTES(0x1a, 3, 2, 0, 3, 0));
    assert_int_equal(end_doing(&d), AMBLE_ERR_L2CAP_RECONFIGURE(3));
    assert_int_equal(group[0]->mps, 70);
    start_doing(&d, reconfigure, &one);
    (void)next_sent();
    peer_signals(BYTES(0x1a, 4, 1, 0, 0));
    assert_int_equal(end_doing(&d), AMBLE_ERR_PROTOCOL);
}

/* Credits that were given out before allow the larger frames, too: there is room for them from the start. */
static void there_is_room_for_the_larger_frames(void)
{
    static change grow = {.count = 3, .mps = TEST_MPS};
    uint8_t frame[TEST_MPS] = {0xff, 0xff};
    doing d;

    this_side_opens_three();
    start_doing(&d, reconfigure, &grow);
    peer_signals(BYTES(0x1a, 2, 2, 0, 0, 0));
    (void)next_sent();
    group[0]->mtu = 65535;
    for (unsigned i = 0; i < WINDOW; i++)
        peer_frame(group[0], frame, TEST_MPS);
    assert_int_equal(rooms.l2cap.malformed, 0);
    assert_int_equal(group[0]->in.used, WINDOW * TEST_MPS);
    assert_int_equal(end_doing(&d), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(the_peer_opens_five),
        task_test(as_many_are_granted_as_can_be),
        task_test(all_are_refused_with_their_reason),
        task_test(requests_of_a_wrong_length_are_not_understood),
        task_test(the_peer_reconfigures),
        task_test(this_side_opens_three),
        task_test(some_are_refused),
        task_test(answers_and_what_becomes_of_them),
        task_test(a_pending_answer_is_waited_for),
        task_test(a_late_answer_opens_none),
        task_test(what_may_be_asked_for),
        task_test(this_side_reconfigures),
        task_test(there_is_room_for_the_larger_frames),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
