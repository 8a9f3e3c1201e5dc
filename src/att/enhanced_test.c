/* Enhanced bearers between L2CAP and ATT: how they are opened by either side, which of them a request takes, and that
 * one which ends, is not answered or is misused ends alone. The peer's channels are 0x60 and up, the host's 0x40 and
 * up. */
#include "att/channel_testing.h"

enum { RING = 2 * (2 + TEST_MTU) }; /* of what a bearer receives */

static void encrypted_link(void)
{
    begin();
    conn->security.encrypted = true;
}

/* The peer asks for bearers with its channels 0x60 and on. */
static void peer_asks(uint8_t identifier, unsigned count, uint16_t mtu, uint16_t mps, uint16_t credits)
{
    uint8_t request[12 + 10] = {0x17, identifier, (uint8_t)(8 + 2 * count), 0, 0x27, 0};

    amble__put_le16(request + 6, mtu);
    amble__put_le16(request + 8, mps);
    amble__put_le16(request + 10, credits);
    for (unsigned i = 0; i < count; i++)
        amble__put_le16(request + 12 + 2 * i, PEER_CID + i);
    peer_signals(request, 12 + 2 * (size_t)count);
}
static void expect_result(uint8_t identifier, uint16_t result, uint16_t first, uint16_t second)
{
    const sent_packet *sent = next_sent();
    const uint8_t *response = sent->bytes + 9;

    assert_int_equal(sent->size, 9 + 16);
    assert_int_equal(response[0], 0x18);
    assert_int_equal(response[1], identifier);
    assert_int_equal(amble__get_le16(response + 4), first || second ? TEST_MTU : 0);
    assert_int_equal(amble__get_le16(response + 6), first || second ? TEST_MPS : 0);
    assert_int_equal(amble__get_le16(response + 8), first || second ? RING / TEST_MPS : 0);
    assert_int_equal(amble__get_le16(response + 10), result);
    assert_int_equal(amble__get_le16(response + 12), first);
    assert_int_equal(amble__get_le16(response + 14), second);
}
static void open_two(uint16_t mtu, uint16_t mps, uint16_t credits)
{
    encrypted_link();
    peer_asks(1, 2, mtu, mps, credits);
    expect_result(1, 0, 0x40, 0x41);
    assert_int_equal(amble_connection_bearers(conn), 3);
}

/* Whole SDUs on a bearer, 0 or 1. */
static void peer_says(unsigned bearer, const uint8_t *pdu, size_t size)
{
    uint8_t frame[SENT_SIZE];

    amble__put_le16(frame, (unsigned)size);
    memcpy(frame + 2, pdu, size);
    peer_sends(conn, (uint16_t)(0x40 + bearer), frame, size + 2);
}
static void expect_pdu(unsigned bearer, const uint8_t *pdu, size_t size)
{
    uint8_t frame[SENT_SIZE];

    amble__put_le16(frame, (unsigned)size);
    memcpy(frame + 2, pdu, size);
    expect_frame(conn, (uint16_t)(PEER_CID + bearer), frame, size + 2);
}
/* The host gave so many credits for a bearer. */
static void expect_credit(unsigned bearer, unsigned credits)
{
    const sent_packet *sent = next_sent();

    assert_int_equal(sent->bytes[9], 0x16);
    assert_int_equal(amble__get_le16(sent->bytes + 13), 0x40 + bearer);
    assert_int_equal(amble__get_le16(sent->bytes + 15), credits);
}
static void peer_closes(unsigned bearer)
{
    peer_disconnects(7, (uint16_t)(0x40 + bearer), (uint16_t)(PEER_CID + bearer));
    expect_signal(BYTES(0x07, 7, 4, 0, (uint8_t)(0x40 + bearer), 0, (uint8_t)(PEER_CID + bearer), 0));
}

/* A task that reads a handle, on any bearer with room for `need`. */
typedef struct {
    uint16_t handle;
    size_t need;
    uint64_t deadline_us;
    int result, value;
} asking;
static int ask(void *arg)
{
    asking *a = arg;
    amble__att_bearer *bearer;
    amble__reader response;
    amble__writer w;
    int r = amble__att_begin(conn, a->need, a->deadline_us ? a->deadline_us : AMBLE__NEVER, &bearer, &w);

    if (r == 0) {
        amble__att_write_handle(&w, AMBLE__ATT_READ_REQUEST, a->handle);
        r = amble__att_exchange(bearer, &w, AMBLE__ATT_READ_RESPONSE, a->deadline_us ? a->deadline_us : AMBLE__NEVER,
                                &response);
    }
    if (r == 0) {
        a->value = amble__read_u8(&response);
        amble__att_end(bearer);
    }
    a->result = r;
    return 0;
}
static asking asked[6];
static amble_scope scope;
static void start(unsigned count)
{
    amble_scope_open(&scope);
    for (unsigned i = 0; i < count; i++) {
        asked[i] = (asking){.handle = (uint16_t)(i + 1), .result = UNDECIDED, .need = asked[i].need};
        amble_spawn(&scope, ask, &asked[i]);
    }
    settle();
}
static void expect_asked(unsigned n, int result, int value)
{
    settle();
    assert_int_equal(asked[n].result, result);
    assert_int_equal(asked[n].value, value);
}

/* --- opening ------------------------------------------------------------------------------------------------------ */
static void a_peer_opens_as_many_as_there_are(void)
{
    open_two(200, 100, 5);
    assert_int_equal(conn->bearer[1].mtu, TEST_MTU); /* the smaller one, Part G 5.3.1 */
    peer_sends(conn, 0x05, BYTES(0x17, 2, 10, 0, 0x27, 0, 64, 0, 64, 0, 1, 0, 0x70, 0));
    expect_signal(BYTES(0x18, 2, 10, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0));
    expect_used(2);
}

static void a_peer_is_refused(void)
{
    begin();
    peer_asks(1, 2, 64, 64, 1);
    expect_result(1, 5, 0, 0); /* the link is not encrypted */
    conn->security.encrypted = true;
    peer_asks(2, 2, 63, 64, 1);
    expect_result(2, 11, 0, 0);
    peer_connects(3, 0x27, &(amble__channel_peer){.cid = PEER_CID, .mtu = 64, .mps = 64, .credits = 1});
    expect_refused(3, 2); /* not the basic way */
    expect_used(0);
    assert_int_equal(amble_connection_bearers(conn), 1);
}

/* The host's listener is not the program's. */
static void a_program_has_no_part_in_it(void)
{
    amble_l2cap_channel *channel;

    open_two(200, 100, 5);
    assert_int_equal(amble__l2cap_listen(&rooms.l2cap, 0x27, NULL), AMBLE_ERR_BUSY);
    assert_int_equal(amble__l2cap_unlisten(&rooms.l2cap, 0x27), AMBLE_ERR_NOT_FOUND);
    assert_int_equal(amble_l2cap_accept(conn, 0x27, &channel, 0), AMBLE_ERR_NOT_FOUND);
    for (uint16_t psm = 0x80; psm < 0x80 + TEST_LISTENERS; psm++)
        assert_int_equal(amble__l2cap_listen(&rooms.l2cap, psm, NULL), 0); /* as many as were configured */
}

static int open_ours(void *arg) { return amble__bearers_connect(conn, 2, *(uint64_t *)arg); }

static void the_host_opens_them(void)
{
    uint64_t deadline = AMBLE__NEVER;
    doing d;

    encrypted_link();
    start_doing(&d, open_ours, &deadline);
    expect_signal(BYTES(0x17, 1, 12, 0, 0x27, 0, TEST_MTU, 0, TEST_MPS, 0, RING / TEST_MPS, 0, 0x40, 0, 0x41, 0));
    assert_int_equal(amble_connection_bearers(conn), 1);
    /* One of two; what it says there at once is heard. */
    peer_signals(BYTES(0x18, 1, 12, 0, 70, 0, 64, 0, 1, 0, 4, 0, 0x60, 0, 0, 0));
    peer_says(0, BYTES(0x0a, 9, 0));
    assert_int_equal(rooms.requests, 1);
    assert_int_equal(end_doing(&d), 0);
    expect_credit(0, 1);
    assert_int_equal(amble_connection_bearers(conn), 2);
    assert_int_equal(rooms.bearer->mtu, 70);
    expect_used(1);
}

static void the_host_is_refused(void)
{
    uint64_t deadline = AMBLE__NEVER;
    doing d;

    encrypted_link();
    start_doing(&d, open_ours, &deadline);
    (void)next_sent();
    peer_signals(BYTES(0x18, 1, 12, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0));
    assert_int_equal(end_doing(&d), AMBLE_ERR_L2CAP_CONNECT(4));
    expect_used(0);
    assert_int_equal(amble_connection_bearers(conn), 1);
}

/* A peer that answers when nobody waits any more. */
static void bearers_that_come_too_late_are_closed(void)
{
    uint64_t deadline;
    doing d;

    encrypted_link();
    deadline = amble_now_us() + 1000;
    start_doing(&d, open_ours, &deadline);
    (void)next_sent();
    assert_int_equal(amble_sleep_ms(10), 0);
    assert_int_equal(end_doing(&d), AMBLE_ERR_TIMEOUT);
    peer_signals(BYTES(0x18, 1, 12, 0, 70, 0, 64, 0, 1, 0, 0, 0, 0x60, 0, 0x61, 0));
    settle();
    peer_confirms(expect_disconnection(0x40, 0x60), 0x40, 0x60);
    peer_confirms(expect_disconnection(0x41, 0x61), 0x41, 0x61);
    assert_int_equal(amble_connection_bearers(conn), 1);
    expect_used(0);
}

/* --- asking ------------------------------------------------------------------------------------------------------- */
static void requests_take_what_is_free(void)
{
    open_two(200, 100, 5);
    start(4);
    expect_att(conn, BYTES(0x0a, 1, 0));
    expect_pdu(0, BYTES(0x0a, 2, 0));
    expect_pdu(1, BYTES(0x0a, 3, 0));
    expect_nothing(); /* the fourth waits */
    peer_says(1, BYTES(0x0b, 33));
    expect_credit(1, 1);
    expect_asked(2, 0, 33);
    expect_pdu(1, BYTES(0x0a, 4, 0));
    peer_says(0, BYTES(0x01, 0x0a, 2, 0, 2));
    expect_credit(0, 1);
    expect_asked(1, AMBLE_ERR_ATT(2), 0);
    peer_att(conn, BYTES(0x0b, 11));
    expect_asked(0, 0, 11);
    peer_says(1, BYTES(0x0b, 44));
    expect_asked(3, 0, 44);
    amble_scope_close(&scope);
}

/* An answer counts on the bearer of its request, and nowhere else. */
static void an_answer_on_another_bearer_counts_for_nothing(void)
{
    open_two(200, 100, 5);
    start(2);
    expect_att(conn, BYTES(0x0a, 1, 0));
    expect_pdu(0, BYTES(0x0a, 2, 0));
    peer_says(1, BYTES(0x0b, 77));
    expect_credit(1, 1);
    expect_asked(0, UNDECIDED, 0);
    expect_asked(1, UNDECIDED, 0);
    assert_int_equal(rooms.att.malformed, 1);
    peer_att(conn, BYTES(0x0b, 1));
    peer_says(0, BYTES(0x0b, 2));
    expect_asked(0, 0, 1);
    expect_asked(1, 0, 2);
    amble_scope_close(&scope);
}

static void a_bearer_with_a_small_mtu_is_passed_over(void)
{
    open_two(64, 64, 5);
    asked[1].need = 65;
    start(3);
    expect_att(conn, BYTES(0x0a, 1, 0));
    expect_pdu(0, BYTES(0x0a, 3, 0));
    /* The peer's MTU grows, and the request that waited goes out. */
    peer_signals(BYTES(0x19, 5, 6, 0, 90, 0, 64, 0, 0x61, 0));
    settle();
    expect_signal(BYTES(0x1a, 5, 2, 0, 0, 0));
    expect_pdu(1, BYTES(0x0a, 2, 0));
    assert_int_equal(conn->bearer[2].mtu, 90);
    asked[1].need = 0;
    amble_scope_close(&scope);
}

static void a_request_waits_for_credits(void)
{
    open_two(200, 64, 1);
    start(2);
    expect_att(conn, BYTES(0x0a, 1, 0));
    expect_pdu(0, BYTES(0x0a, 2, 0)); /* the only credit */
    peer_says(0, BYTES(0x0b, 2));
    expect_credit(0, 1);
    expect_asked(1, 0, 2);
    amble_scope_close(&scope);
    conn->bearer[0].request.state = AMBLE__TURN_TAKEN; /* by nobody: it just is not free */
    conn->bearer[2].request.state = AMBLE__TURN_TAKEN;
    start(1);
    expect_nothing();
    peer_signals(BYTES(0x16, 9, 4, 0, 0x60, 0, 1, 0));
    expect_pdu(0, BYTES(0x0a, 1, 0));
    amble_scope_close(&scope);
}

/* --- ends --------------------------------------------------------------------------------------------------------- */
static void a_request_on_a_closed_bearer_ends(void)
{
    open_two(200, 100, 5);
    start(4);
    (void)next_sent(), (void)next_sent(), (void)next_sent();
    peer_closes(0);
    expect_asked(1, AMBLE_ERR_CHANNEL_CLOSED, 0);
    expect_asked(2, UNDECIDED, 0);
    expect_asked(3, UNDECIDED, 0);
    assert_int_equal(rooms.closed, 1);
    assert_int_equal(amble_connection_bearers(conn), 2);
    assert_int_equal(rooms.dead, 0);
    /* Its place can be used again, and what waits goes there. */
    peer_sends(conn, 0x05, BYTES(0x17, 2, 10, 0, 0x27, 0, 64, 0, 64, 0, 1, 0, 0x60, 0));
    expect_signal(BYTES(0x18, 2, 10, 0, TEST_MTU, 0, TEST_MPS, 0, RING / TEST_MPS, 0, 0, 0, 0x40, 0));
    settle();
    expect_pdu(0, BYTES(0x0a, 4, 0));
    amble_scope_close(&scope);
    link_lose(conn);
    expect_used(0);
}

static void a_bearer_that_is_not_answered_ends_alone(void)
{
    open_two(200, 100, 5);
    start(2);
    expect_att(conn, BYTES(0x0a, 1, 0));
    (void)next_sent();
    assert_int_equal(amble_sleep_ms(AMBLE__ATT_TRANSACTION_MS - 1000), 0);
    peer_att(conn, BYTES(0x0b, 1));
    assert_int_equal(amble_sleep_ms(1001), 0);
    expect_asked(1, AMBLE_ERR_TIMEOUT, 0);
    assert_int_equal(rooms.dead, 0);
    assert_int_equal(amble_connection_bearers(conn), 2);
    peer_says(0, BYTES(0x0b, 2)); /* too late */
    assert_int_equal(rooms.att.late_responses, 0);
    peer_confirms(expect_disconnection(0x40, 0x60), 0x40, 0x60);
    expect_used(1);
    amble_scope_close(&scope);
}

/* A caller that gave up leaves its bearer taken, until the answer comes. */
static void a_late_answer_never_meets_the_next_request(void)
{
    open_two(200, 100, 5);
    conn->bearer[0].request.state = conn->bearer[2].request.state = AMBLE__TURN_TAKEN;
    start(1);
    expect_pdu(0, BYTES(0x0a, 1, 0));
    amble_scope_close(&scope); /* cancels */
    start(1);
    expect_nothing();
    peer_says(0, BYTES(0x0b, 66));
    expect_credit(0, 1);
    settle();
    expect_pdu(0, BYTES(0x0a, 1, 0));
    peer_says(0, BYTES(0x0b, 77));
    expect_asked(0, 0, 77);
    assert_int_equal(rooms.att.late_responses, 1);
    amble_scope_close(&scope);
}

static void an_sdu_longer_than_the_mtu_closes_its_bearer(void)
{
    open_two(200, 100, 5);
    start(2);
    (void)next_sent(), (void)next_sent();
    peer_sends(conn, 0x40, BYTES(TEST_MTU + 1, 0, 0x52));
    settle();
    expect_asked(1, AMBLE_ERR_PROTOCOL, 0);
    assert_int_equal(rooms.requests, 0);
    peer_confirms(expect_disconnection(0x40, 0x60), 0x40, 0x60);
    assert_int_equal(amble_connection_bearers(conn), 2);
    amble_scope_close(&scope);
}

static void an_sdu_may_come_in_pieces_or_empty(void)
{
    open_two(200, 100, 5);
    peer_sends(conn, 0x40, BYTES(0, 0)); /* no PDU at all */
    expect_credit(0, 1);
    peer_sends(conn, 0x40, BYTES(3, 0, 0x0a));
    expect_credit(0, 1);
    assert_int_equal(rooms.requests, 0);
    peer_sends(conn, 0x40, BYTES(5, 6));
    assert_int_equal(rooms.requests, 1);
    assert_int_equal(rooms.opcode, 0x0a);
    assert_int_equal(rooms.pdu_size, 2);
    assert_ptr_equal(rooms.bearer, &conn->bearer[1]);
}

/* A peer that asks and asks and lets no answer out: there is room for what a bearer may owe, then it is closed. */
static void answers_that_may_not_leave_do_not_pile_up(void)
{
    unsigned answers = 0;

    open_two(64, 64, 1);
    while (amble_connection_bearers(conn) == 3 && answers < 1000) {
        amble__att_send_error(&conn->bearer[1], 0x0a, 1, 2);
        answers++;
    }
    assert_in_range(answers, 3, 100);
    expect_pdu(0, BYTES(0x01, 0x0a, 1, 0, 2)); /* there was a credit for one */
    settle();
    peer_confirms(expect_disconnection(0x40, 0x60), 0x40, 0x60);
    assert_int_equal(rooms.att.malformed, 1);
    amble__att_send_error(&conn->bearer[1], 0x0a, 1, 2); /* nobody is there */
    expect_nothing();
}

static void a_lost_link_ends_everything(void)
{
    open_two(200, 100, 5);
    start(4);
    link_lose(conn);
    for (unsigned i = 0; i < 4; i++)
        expect_asked(i, AMBLE_ERR_DISCONNECTED, 0);
    assert_int_equal(amble_connection_bearers(conn), 0);
    assert_int_equal(rooms.closed, 2);
    expect_used(0);
    amble_scope_close(&scope);
    link_close(conn);
    conn = link_open(HANDLE, true);
    assert_int_equal(amble_connection_bearers(conn), 1);
}

/* The turn is handed over, and the bearer closed before the task runs: it asks elsewhere, or waits on. */
static void a_turn_on_a_bearer_that_went_is_no_turn(void)
{
    open_two(200, 100, 5);
    start(4);
    (void)next_sent(), (void)next_sent(), (void)next_sent();
    peer_says(0, BYTES(0x0b, 2)); /* the second task is awake, and gives its turn to the fourth when it runs */
    expect_credit(0, 1);
    peer_closes(0);
    expect_asked(1, 0, 2); /* what it got it has */
    expect_asked(3, UNDECIDED, 0);
    peer_says(1, BYTES(0x0b, 3));
    expect_credit(1, 1);
    settle();
    expect_pdu(1, BYTES(0x0a, 4, 0));
    assert_int_equal(amble__att_unused(conn), 1);
    amble_scope_close(&scope);
}

/* Who waits for this very bearer is told when it goes, whether or not anybody has its turn. */
static int wait_for_it(void *arg)
{
    amble__writer w;

    (void)arg;
    return amble__att_begin_on(&conn->bearer[1], AMBLE__NEVER, &w);
}
static void who_waits_for_one_bearer_is_told_that_it_went(void)
{
    doing first, second;

    open_two(200, 100, 5);
    start_doing(&first, wait_for_it, NULL);
    start_doing(&second, wait_for_it, NULL);
    assert_int_equal(end_doing(&first), 0);
    peer_closes(0);
    assert_int_equal(end_doing(&second), AMBLE_ERR_CHANNEL_CLOSED);
    assert_int_equal(amble__att_unused(conn), 0); /* the first has not given it back */
    amble__att_end(&conn->bearer[1]);
    assert_int_equal(amble__att_unused(conn), 1);
    start_doing(&first, wait_for_it, NULL);
    assert_int_equal(end_doing(&first), AMBLE_ERR_CHANNEL_CLOSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(a_peer_opens_as_many_as_there_are),
        task_test(a_peer_is_refused),
        task_test(a_program_has_no_part_in_it),
        task_test(the_host_opens_them),
        task_test(the_host_is_refused),
        task_test(bearers_that_come_too_late_are_closed),
        task_test(requests_take_what_is_free),
        task_test(an_answer_on_another_bearer_counts_for_nothing),
        task_test(a_bearer_with_a_small_mtu_is_passed_over),
        task_test(a_request_waits_for_credits),
        task_test(a_request_on_a_closed_bearer_ends),
        task_test(a_bearer_that_is_not_answered_ends_alone),
        task_test(a_late_answer_never_meets_the_next_request),
        task_test(an_sdu_longer_than_the_mtu_closes_its_bearer),
        task_test(an_sdu_may_come_in_pieces_or_empty),
        task_test(answers_that_may_not_leave_do_not_pile_up),
        task_test(a_lost_link_ends_everything),
        task_test(a_turn_on_a_bearer_that_went_is_no_turn),
        task_test(who_waits_for_one_bearer_is_told_that_it_went),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
