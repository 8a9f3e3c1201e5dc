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
    assert_int_equal(rooms.l2cap.malformed, 14); /* the responses, since nothing was asked */
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
    expect_signal(BYTES(0x18, 3, 10, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0));
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

/* Longer than the link can receive at all: what came of it says which request it was. */
static void what_exceeds_every_buffer_is_rejected(void)
{
    uint8_t frame[4 + 300] = {0x2c, 0x01, AMBLE__CID_SIGNALLING, 0, 0x17, 9, 0x28, 0x01};

    begin(true);
    say_acl(HANDLE, AMBLE__BOUNDARY_FIRST, frame, sizeof frame); /* in one piece */
    expect_signal(BYTES(0x01, 9, 4, 0, 1, 0, 23, 0));
    for (size_t first = 0; first <= 8; first++) { /* in three */
        say_acl(HANDLE, AMBLE__BOUNDARY_FIRST, frame, first);
        say_acl(HANDLE, AMBLE__BOUNDARY_CONTINUE, frame + first, 1);
        say_acl(HANDLE, AMBLE__BOUNDARY_CONTINUE, frame + first + 1, sizeof frame - first - 1);
        expect_signal(BYTES(0x01, 9, 4, 0, 1, 0, 23, 0));
        assert_int_equal(unread(), 0);
    }
    assert_int_equal(rooms.l2cap.malformed, 0);
    frame[4] = 0x18; /* a response */
    say_acl(HANDLE, AMBLE__BOUNDARY_FIRST, frame, sizeof frame);
    frame[4] = 0x17;
    frame[5] = 0; /* no identifier */
    say_acl(HANDLE, AMBLE__BOUNDARY_FIRST, frame, sizeof frame);
    assert_int_equal(rooms.l2cap.malformed, 2);
    assert_int_equal(unread(), 0);
}

static void who_asks_faster_than_answers_leave_loses_the_surplus(void)
{
    rooms_open(1, LARGE_BUFFER, TEST_MTU);
    conn = link_open(HANDLE, true);
    for (uint8_t i = 1; i <= 1 + AMBLE__SIGNALLING_ANSWERS + 1; i++) /* one is sent, the others wait for a buffer */
        peer_signals(BYTES(0x30, i, 0, 0));
    assert_int_equal(rooms.l2cap.malformed, 1);
    for (uint8_t i = 1; i <= 1 + AMBLE__SIGNALLING_ANSWERS; i++) {
        expect_signal(BYTES(0x01, i, 2, 0, 0, 0));
        say_completed_packets(HANDLE, 1);
    }
    assert_int_equal(unread(), 0);
    peer_signals(BYTES(0x30, 9, 0, 0));
    expect_signal(BYTES(0x01, 9, 2, 0, 0, 0));
}

/* --- parameters, asked by the peer -------------------------------------------------------------------------------- */
static unsigned asked;
static bool say_yes;
static amble__parameter_wishes heard;

static bool on_parameters(amble_connection *link, const amble__parameter_wishes *wishes)
{
    assert_ptr_equal(link, conn);
    asked++;
    heard = *wishes;
    return say_yes;
}

static void the_room_above_decides_about_parameters(void)
{
    begin(true);
    rooms.l2cap.parameters_asked = on_parameters;
    asked = 0;
    say_yes = true;
    peer_signals(BYTES(0x12, 7, 8, 0, 6, 0, 12, 0, 3, 0, 200, 0));
    expect_signal(BYTES(0x13, 7, 2, 0, 0, 0));
    assert_int_equal(heard.interval_min, 6);
    assert_int_equal(heard.interval_max, 12);
    assert_int_equal(heard.latency, 3);
    assert_int_equal(heard.timeout, 200);
    say_yes = false;
    peer_signals(BYTES(0x12, 8, 8, 0, 6, 0, 12, 0, 0, 0, 200, 0));
    expect_signal(BYTES(0x13, 8, 2, 0, 1, 0));
    assert_int_equal(asked, 2);
}

/* What no link may have is refused without asking anybody, 4.20. */
static void parameters_out_of_range_are_refused(void)
{
    static const uint16_t wrong[][4] = {
        {5, 12, 0, 200},      {13, 12, 0, 200},
        {6, 3201, 0, 3200},   {6, 12, 500, 3200},
        {6, 12, 0, 9},        {6, 12, 0, 3201},
        {3200, 3200, 0, 800}, /* 8 s, and two intervals are 8 s */
        {6, 100, 63, 1600},   {65535, 65535, 65535, 65535},
    };

    begin(true);
    rooms.l2cap.parameters_asked = on_parameters;
    asked = 0;
    say_yes = true;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint8_t request[12] = {0x12, 7, 8};

        for (size_t k = 0; k < 4; k++)
            amble__put_le16(request + 4 + 2 * k, wrong[i][k]);
        peer_signals(request, sizeof request);
        expect_signal(BYTES(0x13, 7, 2, 0, 1, 0));
    }
    assert_int_equal(asked, 0);
    peer_signals(BYTES(0x12, 7, 8, 0, 0x80, 0x0c, 0x80, 0x0c, 0, 0, 0x21, 0x03)); /* 8.01 s */
    expect_signal(BYTES(0x13, 7, 2, 0, 0, 0));
}

/* --- requests of ours --------------------------------------------------------------------------------------------- */
static const amble__parameter_wishes wishes = {.interval_min = 6, .interval_max = 12, .timeout = 200};
enum { ASKERS = AMBLE__SIGNALLING_REQUESTS + 3, UNASKED = 1 };

typedef struct {
    amble_scope scope;
    amble_task *tasks[ASKERS];
    int timeout_ms;
    int results[ASKERS];
    unsigned count;
} askers;
static askers asking;

static int ask(void *arg)
{
    int *result = arg;

    *result = amble__signalling_ask_parameters(conn, &wishes, amble__deadline(asking.timeout_ms));
    return 0;
}

/* So many tasks ask, each for itself; their requests are on the way when this returns. */
static void ask_at_once(unsigned count, int timeout_ms)
{
    asking.timeout_ms = timeout_ms;
    asking.count = count;
    amble_scope_open(&asking.scope);
    for (unsigned i = 0; i < count; i++) {
        asking.results[i] = UNASKED;
        asking.tasks[i] = amble_spawn(&asking.scope, ask, &asking.results[i]);
    }
    settle();
}
static void expect_request(uint8_t identifier)
{
    expect_signal(BYTES(0x12, identifier, 8, 0, 6, 0, 12, 0, 0, 0, 200, 0));
}
static void end_asking(void)
{
    settle();
    amble_scope_close(&asking.scope);
}

static void a_peripheral_asks_and_is_answered(void)
{
    const struct {
        uint8_t answer[8];
        size_t size;
        int result;
    } cases[] = {
        {{0x13, 1, 2, 0, 0, 0}, 6, 0},
        {{0x13, 2, 2, 0, 1, 0}, 6, AMBLE_ERR_HCI(0x3b)},
        {{0x01, 3, 2, 0, 0, 0}, 6, AMBLE_ERR_L2CAP_REJECT(0)},
        {{0x01, 4, 4, 0, 1, 0, 23, 0}, 8, AMBLE_ERR_L2CAP_REJECT(1)},
        {{0x13, 5, 1, 0, 0}, 5, AMBLE_ERR_PROTOCOL},
        {{0x01, 6, 0, 0}, 4, AMBLE_ERR_PROTOCOL},
    };

    begin(false);
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask_at_once(1, 1000);
        expect_request((uint8_t)(i + 1));
        assert_int_equal(asking.results[0], UNASKED);
        peer_signals(cases[i].answer, cases[i].size);
        end_asking();
        assert_int_equal(asking.results[0], cases[i].result);
    }
    assert_int_equal(rooms.l2cap.malformed, 0);
}

static void a_wrong_question_is_not_asked(void)
{
    begin(false);
    assert_int_equal(amble__signalling_ask_parameters(conn, &(amble__parameter_wishes){6, 5, 0, 200}, AMBLE__NEVER),
                     AMBLE_ERR_ARGUMENT);
    begin(true);
    assert_int_equal(amble__signalling_ask_parameters(conn, &wishes, AMBLE__NEVER), AMBLE_ERR_ARGUMENT);
    assert_int_equal(unread(), 0);
}

static void answers_find_their_request_in_any_order(void)
{
    begin(false);
    ask_at_once(AMBLE__SIGNALLING_REQUESTS, 1000);
    for (uint8_t i = 1; i <= AMBLE__SIGNALLING_REQUESTS; i++)
        expect_request(i);
    peer_signals(BYTES(0x13, 3, 2, 0, 1, 0));
    peer_signals(BYTES(0x13, 1, 2, 0, 0, 0));
    peer_signals(BYTES(0x13, 9, 2, 0, 0, 0));       /* nobody asked */
    peer_signals(BYTES(0x07, 2, 4, 0, 0, 0, 0, 0)); /* not what was asked */
    peer_signals(BYTES(0x13, 3, 2, 0, 0, 0));       /* once more */
    assert_int_equal(rooms.l2cap.malformed, 3);
    peer_signals(BYTES(0x13, 4, 2, 0, 1, 0));
    peer_signals(BYTES(0x13, 2, 2, 0, 0, 0));
    end_asking();
    assert_int_equal(asking.results[0], 0);
    assert_int_equal(asking.results[1], 0);
    assert_int_equal(asking.results[2], AMBLE_ERR_HCI(0x3b));
    assert_int_equal(asking.results[3], AMBLE_ERR_HCI(0x3b));
}

static void more_requests_than_places_wait_their_turn(void)
{
    begin(false);
    ask_at_once(ASKERS, 1000);
    for (uint8_t i = 1; i <= AMBLE__SIGNALLING_REQUESTS; i++)
        expect_request(i);
    assert_int_equal(unread(), 0);
    for (uint8_t i = 1; i <= ASKERS; i++) {
        peer_signals(BYTES(0x13, i, 2, 0, 0, 0));
        settle();
        if (i + AMBLE__SIGNALLING_REQUESTS <= ASKERS)
            expect_request((uint8_t)(i + AMBLE__SIGNALLING_REQUESTS));
        assert_int_equal(asking.results[i - 1], 0);
    }
    assert_int_equal(unread(), 0);
    end_asking();
}

/* Who gave up leaves the place taken until the answer came, and its late answer is nobody else's. */
static void a_late_answer_is_nobody_elses(void)
{
    begin(false);
    ask_at_once(1, 10);
    expect_request(1);
    assert_int_equal(amble_sleep_ms(20), 0);
    end_asking();
    assert_int_equal(asking.results[0], AMBLE_ERR_TIMEOUT);
    ask_at_once(AMBLE__SIGNALLING_REQUESTS, 1000);
    for (uint8_t i = 2; i <= AMBLE__SIGNALLING_REQUESTS; i++)
        expect_request(i);
    assert_int_equal(unread(), 0); /* the last waits for the place */
    peer_signals(BYTES(0x13, 1, 2, 0, 1, 0));
    settle();
    expect_request(AMBLE__SIGNALLING_REQUESTS + 1);
    for (uint8_t i = 2; i <= AMBLE__SIGNALLING_REQUESTS + 1; i++)
        peer_signals(BYTES(0x13, i, 2, 0, 0, 0));
    end_asking();
    for (unsigned i = 0; i < AMBLE__SIGNALLING_REQUESTS; i++)
        assert_int_equal(asking.results[i], 0);
}

static void a_cancelled_task_leaves_at_once(void)
{
    begin(false);
    ask_at_once(1, AMBLE_FOREVER);
    expect_request(1);
    amble_cancel(asking.tasks[0]);
    end_asking();
    assert_int_equal(asking.results[0], AMBLE_ERR_CANCELLED);
    peer_signals(BYTES(0x13, 1, 2, 0, 0, 0));
    assert_int_equal(rooms.l2cap.malformed, 0);
}

static void no_answer_ends_the_wait_and_frees_the_place(void)
{
    begin(false);
    watch_log(AMBLE_LOG_WARNING);
    ask_at_once(AMBLE__SIGNALLING_REQUESTS + 1, AMBLE_FOREVER);
    assert_int_equal(amble_sleep_ms(AMBLE__SIGNALLING_RTX_MS - 1), 0);
    assert_int_equal(unread(), AMBLE__SIGNALLING_REQUESTS);
    assert_int_equal(asking.results[0], UNASKED);
    assert_int_equal(amble_sleep_ms(2), 0);
    for (unsigned i = 0; i < AMBLE__SIGNALLING_REQUESTS; i++)
        assert_int_equal(asking.results[i], AMBLE_ERR_TIMEOUT);
    assert_int_equal(log_lines, AMBLE__SIGNALLING_REQUESTS);
    assert_non_null(strstr(last_log_line, "did not answer"));
    unwatch_log();
    assert_int_equal(unread(), AMBLE__SIGNALLING_REQUESTS + 1);
    peer_signals(BYTES(0x13, 1, 2, 0, 0, 0)); /* too late */
    assert_int_equal(rooms.l2cap.malformed, 1);
    peer_signals(BYTES(0x13, AMBLE__SIGNALLING_REQUESTS + 1, 2, 0, 0, 0));
    end_asking();
    assert_int_equal(asking.results[AMBLE__SIGNALLING_REQUESTS], 0);
}

static void the_end_of_the_link_ends_requests(void)
{
    begin(false);
    ask_at_once(ASKERS, AMBLE_FOREVER);
    link_lose(conn);
    end_asking();
    for (unsigned i = 0; i < ASKERS; i++)
        assert_int_equal(asking.results[i], AMBLE_ERR_DISCONNECTED);
    assert_int_equal(amble__signalling_ask_parameters(conn, &wishes, AMBLE__NEVER), AMBLE_ERR_DISCONNECTED);
    assert_int_equal(amble_sleep_ms(2 * AMBLE__SIGNALLING_RTX_MS), 0); /* no timer is left */
}

static void identifiers_go_round_and_leave_out_those_in_use(void)
{
    begin(false);
    ask_at_once(1, 1); /* 1 stays taken */
    assert_int_equal(amble_sleep_ms(2), 0);
    end_asking();
    for (unsigned i = 2; i < 600; i++) {
        const uint8_t identifier = (uint8_t)(i <= 255 ? i : 2 + (i - 256) % 254);

        controller.read = controller.count;
        ask_at_once(1, 1000);
        expect_request(identifier);
        peer_signals(BYTES(0x13, identifier, 2, 0, 0, 0));
        end_asking();
        assert_int_equal(asking.results[0], 0);
    }
}

/* An answer to what was not sent yet is none. */
static void an_answer_before_the_question_is_dropped(void)
{
    rooms_open(1, LARGE_BUFFER, TEST_MTU);
    conn = link_open(HANDLE, false);
    ask_at_once(2, 1000);
    expect_request(1);
    peer_signals(BYTES(0x13, 2, 2, 0, 0, 0));
    assert_int_equal(rooms.l2cap.malformed, 1);
    say_completed_packets(HANDLE, 1);
    expect_request(2);
    peer_signals(BYTES(0x13, 2, 2, 0, 0, 0));
    peer_signals(BYTES(0x13, 1, 2, 0, 0, 0));
    end_asking();
    assert_int_equal(asking.results[0] | asking.results[1], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(requests_nobody_knows_are_rejected_and_responses_are_not),
        task_test(a_peripheral_may_ask_for_other_parameters),
        task_test(channels_are_refused),
        task_test(a_channel_that_is_not_there_cannot_be_closed),
        task_test(what_exceeds_the_channels_mtu_is_rejected),
        task_test(what_exceeds_every_buffer_is_rejected),
        task_test(nonsense_is_counted),
        task_test(who_asks_faster_than_answers_leave_loses_the_surplus),
        task_test(the_room_above_decides_about_parameters),
        task_test(parameters_out_of_range_are_refused),
        task_test(a_peripheral_asks_and_is_answered),
        task_test(a_wrong_question_is_not_asked),
        task_test(answers_find_their_request_in_any_order),
        task_test(more_requests_than_places_wait_their_turn),
        task_test(a_late_answer_is_nobody_elses),
        task_test(a_cancelled_task_leaves_at_once),
        task_test(no_answer_ends_the_wait_and_frees_the_place),
        task_test(the_end_of_the_link_ends_requests),
        task_test(identifiers_go_round_and_leave_out_those_in_use),
        task_test(an_answer_before_the_question_is_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
