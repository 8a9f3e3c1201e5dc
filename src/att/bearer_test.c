/* Tests of bearers: one outstanding request, callers in turn, zombies, the transaction timeout, answers that answer
 * nothing, indications, and who may send what how long. */
#include "att/testing.h"

enum { HANDLE = 0x40 };

static amble_connection *conn;

static void begin(void)
{
    rooms_open(MANY_BUFFERS, LARGE_BUFFER, TEST_MTU);
    conn = link_open(HANDLE, true);
}

/* One Read Request, asked by a task of its own. */
typedef struct {
    uint16_t handle;
    int timeout_ms;
    int result;
    bool done;
    uint8_t response[SENT_SIZE];
    size_t size;
    amble_task *task;
} reader;

static int read_once(reader *a)
{
    const uint64_t deadline = amble__deadline(a->timeout_ms);
    amble__reader response;
    amble__bytes rest;
    amble__writer w;
    int r = amble__att_begin_on(conn->bearer, deadline, &w);

    if (r < 0)
        return r;
    amble__att_write_handle(&w, AMBLE__ATT_READ_REQUEST, a->handle);
    r = amble__att_exchange(conn->bearer, &w, AMBLE__ATT_READ_RESPONSE, deadline, &response);
    if (r < 0)
        return r;
    rest = amble__read_rest(&response);
    a->size = rest.size;
    if (rest.size)
        memcpy(a->response, rest.data, rest.size);
    amble__att_end(conn->bearer);
    return 0;
}

static int reading(void *arg)
{
    reader *a = arg;

    a->result = read_once(a);
    a->done = true;
    return 0;
}

static void start(amble_scope *scope, reader *a, uint16_t handle, int timeout_ms)
{
    *a = (reader){.handle = handle, .timeout_ms = timeout_ms, .result = 77};
    a->task = amble_spawn(scope, reading, a);
    settle();
}

static void expect_read(uint16_t handle) { expect_att(conn, BYTES(0x0a, (uint8_t)handle, 0)); }

static void one_request_at_a_time_in_turn(void)
{
    amble_scope scope;
    reader a, b, c;

    begin();
    amble_scope_open(&scope);
    start(&scope, &a, 1, AMBLE_FOREVER);
    start(&scope, &b, 2, AMBLE_FOREVER);
    start(&scope, &c, 3, AMBLE_FOREVER);
    expect_read(1);
    expect_nothing();
    peer_att(conn, BYTES(0x0b, 'a', 'a'));
    settle();
    assert_int_equal(a.result, 0);
    assert_int_equal(a.size, 2);
    assert_memory_equal(a.response, "aa", 2);
    assert_false(b.done);
    expect_read(2);
    expect_nothing();
    peer_att(conn, BYTES(0x01, 0x0a, 2, 0, 0x05));
    settle();
    assert_int_equal(b.result, AMBLE_ERR_ATT(0x05));
    expect_read(3);
    peer_att(conn, BYTES(0x0b));
    settle();
    assert_int_equal(c.result, 0);
    assert_int_equal(c.size, 0);
    assert_int_equal(rooms.att.malformed, 0);
    amble_scope_close(&scope);
}

static void who_waits_for_a_turn_may_give_up(void)
{
    amble_scope scope;
    reader a, b, c, d;

    begin();
    amble_scope_open(&scope);
    start(&scope, &a, 1, AMBLE_FOREVER);
    start(&scope, &b, 2, 50);
    start(&scope, &c, 3, AMBLE_FOREVER);
    start(&scope, &d, 4, AMBLE_FOREVER);
    expect_read(1);
    amble_cancel(c.task);
    assert_int_equal(amble_sleep_ms(60), 0);
    assert_int_equal(b.result, AMBLE_ERR_TIMEOUT);
    assert_int_equal(c.result, AMBLE_ERR_CANCELLED);
    peer_att(conn, BYTES(0x0b));
    settle();
    assert_int_equal(a.result, 0);
    expect_read(4); /* nothing was sent for those */
    peer_att(conn, BYTES(0x0b));
    settle();
    assert_int_equal(d.result, 0);
    amble_scope_close(&scope);
}

/* After `a` gave up its request is a zombie: the next one waits until the answer came, and that is not its own. */
static void check_zombie(amble_scope *scope, const reader *a)
{
    reader b;

    start(scope, &b, 2, AMBLE_FOREVER);
    expect_read(1);
    expect_nothing();
    assert_int_equal(amble_sleep_ms(1000), 0);
    expect_nothing();
    peer_att(conn, BYTES(0x0b, 'l', 'a', 't', 'e'));
    settle();
    assert_int_equal(rooms.att.late_responses, 1);
    assert_false(b.done);
    assert_int_equal(a->size, 0);
    expect_read(2);
    peer_att(conn, BYTES(0x0b, 'b'));
    settle();
    assert_int_equal(b.result, 0);
    assert_int_equal(b.size, 1);
    assert_int_equal(b.response[0], 'b');
    assert_int_equal(amble_sleep_ms(40000), 0);
    assert_int_equal(rooms.dead, 0);
}

static void a_late_response_never_answers_the_next_request(void)
{
    amble_scope scope;
    reader a;

    begin();
    amble_scope_open(&scope);
    start(&scope, &a, 1, 100);
    assert_int_equal(amble_sleep_ms(101), 0);
    assert_int_equal(a.result, AMBLE_ERR_TIMEOUT);
    check_zombie(&scope, &a);
    amble_scope_close(&scope);

    begin();
    amble_scope_open(&scope);
    start(&scope, &a, 1, AMBLE_FOREVER);
    amble_cancel(a.task);
    settle();
    assert_int_equal(a.result, AMBLE_ERR_CANCELLED);
    check_zombie(&scope, &a);
    amble_scope_close(&scope);
}

static void a_late_error_ends_a_zombie_too(void)
{
    amble_scope scope;
    reader a, b;

    begin();
    amble_scope_open(&scope);
    start(&scope, &a, 1, 100);
    start(&scope, &b, 2, AMBLE_FOREVER);
    assert_int_equal(amble_sleep_ms(200), 0);
    peer_att(conn, BYTES(0x01, 0x0a, 1, 0, 0x0e));
    settle();
    assert_int_equal(rooms.att.late_responses, 1);
    expect_read(1);
    expect_read(2);
    assert_false(b.done);
    amble_scope_close(&scope);
}

static void a_bearer_dies_after_thirty_seconds(void)
{
    amble_scope scope;
    reader a, b;

    begin();
    amble_scope_open(&scope);
    assert_int_equal(amble_sleep_ms(5000), 0);
    start(&scope, &a, 1, 100); /* nobody waits for it any more when it dies */
    start(&scope, &b, 2, AMBLE_FOREVER);
    assert_int_equal(amble_sleep_ms(AMBLE__ATT_TRANSACTION_MS - 1), 0);
    assert_int_equal(rooms.dead, 0);
    watch_log(AMBLE_LOG_WARNING);
    assert_int_equal(amble_sleep_ms(2), 0);
    unwatch_log();
    assert_int_equal(log_lines, 1);
    assert_int_equal(rooms.dead, 1);
    assert_ptr_equal(rooms.dead_link, conn);
    assert_false(b.done);
    expect_read(1);
    expect_nothing(); /* the next request does not go out on a dead bearer */
    link_lose(conn);  /* as the host does then */
    settle();
    assert_int_equal(b.result, AMBLE_ERR_DISCONNECTED);
    assert_int_equal(amble_sleep_ms(60000), 0);
    assert_int_equal(rooms.dead, 1);
    amble_scope_close(&scope);
}

static void the_time_starts_anew_with_each_request(void)
{
    amble_scope scope;
    reader a;

    begin();
    amble_scope_open(&scope);
    for (uint8_t i = 1; i < 4; i++) {
        start(&scope, &a, i, AMBLE_FOREVER);
        assert_int_equal(amble_sleep_ms(AMBLE__ATT_TRANSACTION_MS - 10), 0);
        peer_att(conn, BYTES(0x0b));
        settle();
        assert_int_equal(a.result, 0);
    }
    assert_int_equal(rooms.dead, 0);
    amble_scope_close(&scope);
}

static void what_answers_nothing_is_dropped(void)
{
    amble_scope scope;
    reader a;

    begin();
    peer_att(conn, BYTES(0x0b, 1)); /* nobody asked */
    peer_att(conn, BYTES(0x01, 0x0a, 1, 0, 1));
    assert_int_equal(rooms.att.malformed, 2);
    amble_scope_open(&scope);
    start(&scope, &a, 1, AMBLE_FOREVER);
    peer_att(conn, BYTES(0x01, 0x08, 1, 0, 0x0a)); /* an error to another request */
    peer_att(conn, BYTES(0x01, 0x0a, 1, 0));       /* an error cut short */
    peer_att(conn, BYTES(0x01));
    peer_att(conn, BYTES(0x01, 0x0a, 1, 0, 1, 1));
    peer_att(conn, BYTES(0x0d, 1)); /* another response */
    peer_att(conn, BYTES(0x13));
    settle();
    assert_false(a.done);
    assert_int_equal(rooms.att.malformed, 8);
    peer_att(conn, BYTES(0x0b, 9));
    settle();
    assert_int_equal(a.result, 0);
    peer_att(conn, BYTES(0x0b, 8)); /* it was answered */
    assert_int_equal(rooms.att.malformed, 9);
    assert_int_equal(rooms.att.late_responses, 0);
    amble_scope_close(&scope);
}

static void an_answer_before_the_request_left_is_none(void)
{
    amble_scope scope;
    reader a, b;

    rooms_open(1, LARGE_BUFFER, TEST_MTU);
    conn = link_open(HANDLE, true);
    amble_scope_open(&scope);
    start(&scope, &a, 1, AMBLE_FOREVER);
    peer_att(conn, BYTES(0x0b, 1));
    settle();
    assert_int_equal(a.result, 0);
    start(&scope, &b, 2, AMBLE_FOREVER); /* waits for the controller's buffer */
    expect_read(1);
    expect_nothing();
    peer_att(conn, BYTES(0x0b, 2));
    settle();
    assert_false(b.done);
    assert_int_equal(rooms.att.malformed, 1);
    say_completed_packets(HANDLE, 1);
    expect_read(2);
    peer_att(conn, BYTES(0x0b, 3));
    settle();
    assert_int_equal(b.response[0], 3);
    amble_scope_close(&scope);
}

static void a_lost_link_ends_requests_and_those_behind(void)
{
    amble_scope scope;
    reader a, b, c;

    begin();
    amble_scope_open(&scope);
    start(&scope, &a, 1, AMBLE_FOREVER);
    start(&scope, &b, 2, AMBLE_FOREVER);
    link_lose(conn);
    settle();
    assert_int_equal(a.result, AMBLE_ERR_DISCONNECTED);
    assert_int_equal(b.result, AMBLE_ERR_DISCONNECTED);
    start(&scope, &c, 3, AMBLE_FOREVER);
    assert_int_equal(c.result, AMBLE_ERR_DISCONNECTED);
    expect_read(1);
    expect_nothing();
    amble_scope_close(&scope);
}

/* Takes the turn, and loses the link just after it was handed to the next in the queue. */
static int lose_after_handing_over(void *arg)
{
    amble__writer w;

    (void)arg;
    assert_int_equal(amble__att_begin_on(conn->bearer, AMBLE__NEVER, &w), 0);
    assert_int_equal(amble_sleep_ms(10), 0);
    amble__att_end(conn->bearer);
    link_lose(conn);
    return 0;
}

static void nothing_is_left_running_on_a_lost_link(void)
{
    amble_scope scope;
    reader a;

    begin();
    amble_scope_open(&scope);
    amble_spawn(&scope, lose_after_handing_over, NULL);
    settle();
    start(&scope, &a, 1, AMBLE_FOREVER);
    assert_int_equal(amble_sleep_ms(20), 0);
    assert_int_equal(a.result, AMBLE_ERR_DISCONNECTED);
    link_close(conn);
    assert_ptr_equal(link_open(HANDLE, true), conn); /* the next link in this slot */
    assert_int_equal(amble_sleep_ms(60000), 0);
    assert_int_equal(rooms.dead, 0);
    expect_nothing();
    amble_scope_close(&scope);
}

static void requests_keep_to_the_mtu(void)
{
    uint8_t value[TEST_MTU] = {0};
    amble__reader response;
    amble__writer w;
    amble_scope scope;
    reader a;

    begin();
    assert_int_equal(amble_connection_mtu(conn), 23);
    assert_int_equal(amble__att_begin_on(conn->bearer, AMBLE__NEVER, &w), 0);
    assert_int_equal(amble__write_room(&w), 23);
    amble__att_write_value(&w, AMBLE__ATT_WRITE_REQUEST, 1, value, 21);
    assert_int_equal(amble__att_exchange(conn->bearer, &w, 0x13, AMBLE__NEVER, &response), AMBLE_ERR_TOO_LONG);
    expect_nothing();
    conn->bearer->mtu = 50;
    amble_scope_open(&scope);
    start(&scope, &a, 1, AMBLE_FOREVER); /* the turn was given back */
    expect_read(1);
    peer_att(conn, BYTES(0x0b));
    settle();
    assert_int_equal(a.result, 0);
    amble_scope_close(&scope);
}

static void what_is_longer_than_we_offered_is_dropped(void)
{
    uint8_t pdu[TEST_MTU + 1] = {AMBLE__ATT_NOTIFICATION};

    begin();
    peer_att(conn, pdu, TEST_MTU);
    assert_int_equal(rooms.unasked, 1);
    assert_int_equal(rooms.pdu_size, TEST_MTU - 1);
    amble__att_receive(conn->bearer, pdu, TEST_MTU + 1);
    amble__att_receive(conn->bearer, pdu, 0);
    assert_int_equal(rooms.unasked, 1);
    assert_int_equal(rooms.att.malformed, 2);
}

static void every_opcode_goes_where_it_belongs(void)
{
    begin();
    for (unsigned opcode = 0; opcode < 256; opcode++) {
        const bool unasked = opcode == 0x1b || opcode == 0x1d || opcode == 0x23;
        const bool response = opcode <= 0x21 && opcode % 2 && !unasked;
        const bool confirmation = opcode == 0x1e;
        const uint64_t malformed = rooms.att.malformed;

        rooms.requests = rooms.unasked = 0;
        peer_att(conn, BYTES((uint8_t)opcode, 1, 2));
        assert_int_equal(rooms.unasked, unasked);
        assert_int_equal(rooms.requests, !unasked && !response && !confirmation);
        assert_int_equal(rooms.att.malformed - malformed, response || confirmation); /* nobody waits for them */
        if (rooms.requests)
            assert_int_equal(rooms.opcode, opcode);
    }
    expect_nothing();
}

/* --- indications -------------------------------------------------------------------------------------------------- */
typedef struct {
    uint8_t value;
    int timeout_ms, result;
    bool done;
    amble_task *task;
} indicator;

static int send_indication(const uint8_t *data, size_t size, uint64_t deadline_us)
{
    amble__writer w;
    int r = amble__att_begin_indication(conn->bearer, deadline_us, &w);

    if (r < 0)
        return r;
    amble__att_write_value(&w, AMBLE__ATT_INDICATION, 7, data, size);
    return amble__att_indicate(conn->bearer, &w, deadline_us);
}

static int indicating(void *arg)
{
    indicator *a = arg;

    a->result = send_indication(&a->value, 1, amble__deadline(a->timeout_ms));
    a->done = true;
    return 0;
}

static void indicate(amble_scope *scope, indicator *a, uint8_t value, int timeout_ms)
{
    *a = (indicator){.value = value, .timeout_ms = timeout_ms, .result = 77};
    a->task = amble_spawn(scope, indicating, a);
    settle();
}

static void indications_take_turns(void)
{
    amble_scope scope;
    indicator a, b;
    reader r;

    begin();
    amble_scope_open(&scope);
    indicate(&scope, &a, 1, AMBLE_FOREVER);
    indicate(&scope, &b, 2, AMBLE_FOREVER);
    expect_att(conn, BYTES(0x1d, 7, 0, 1));
    expect_nothing();
    start(&scope, &r, 1, AMBLE_FOREVER); /* requests have a turn of their own */
    expect_read(1);
    peer_att(conn, BYTES(0x1e, 0)); /* a confirmation carries nothing */
    settle();
    assert_false(a.done);
    assert_int_equal(rooms.att.malformed, 1);
    peer_att(conn, BYTES(0x1e));
    settle();
    assert_int_equal(a.result, 0);
    assert_false(b.done);
    assert_false(r.done);
    expect_att(conn, BYTES(0x1d, 7, 0, 2));
    peer_att(conn, BYTES(0x1e));
    settle();
    assert_int_equal(b.result, 0);
    peer_att(conn, BYTES(0x1e)); /* confirms nothing */
    assert_int_equal(rooms.att.malformed, 2);
    amble_scope_close(&scope);
}

static void a_late_confirmation_never_confirms_the_next(void)
{
    amble_scope scope;
    indicator a, b;

    begin();
    amble_scope_open(&scope);
    indicate(&scope, &a, 1, 100);
    indicate(&scope, &b, 2, AMBLE_FOREVER);
    assert_int_equal(amble_sleep_ms(200), 0);
    assert_int_equal(a.result, AMBLE_ERR_TIMEOUT);
    expect_att(conn, BYTES(0x1d, 7, 0, 1));
    expect_nothing();
    peer_att(conn, BYTES(0x1e));
    settle();
    assert_false(b.done);
    expect_att(conn, BYTES(0x1d, 7, 0, 2));
    peer_att(conn, BYTES(0x1e));
    settle();
    assert_int_equal(b.result, 0);
    amble_scope_close(&scope);
}

static void an_unconfirmed_indication_kills_the_bearer(void)
{
    amble_scope scope;
    indicator a;

    begin();
    amble_scope_open(&scope);
    indicate(&scope, &a, 1, 10);
    watch_log(AMBLE_LOG_WARNING);
    assert_int_equal(amble_sleep_ms(AMBLE__ATT_TRANSACTION_MS + 1), 0);
    unwatch_log();
    assert_int_equal(rooms.dead, 1);
    assert_non_null(strstr(last_log_line, "indication"));
    amble_scope_close(&scope);
}

static void an_early_confirmation_is_none(void)
{
    amble_scope scope;
    indicator a, b;

    rooms_open(1, LARGE_BUFFER, TEST_MTU);
    conn = link_open(HANDLE, false);
    amble_scope_open(&scope);
    indicate(&scope, &a, 1, AMBLE_FOREVER);
    peer_att(conn, BYTES(0x1e));
    settle();
    assert_int_equal(a.result, 0);
    indicate(&scope, &b, 2, AMBLE_FOREVER); /* is not out yet */
    peer_att(conn, BYTES(0x1e));
    settle();
    assert_false(b.done);
    assert_int_equal(rooms.att.malformed, 1);
    amble_scope_close(&scope);
}

static void too_long_to_indicate(void)
{
    uint8_t value[21] = {0};
    amble_scope scope;
    indicator a;

    begin();
    assert_int_equal(send_indication(value, 21, AMBLE__NEVER), AMBLE_ERR_TOO_LONG);
    expect_nothing();
    amble_scope_open(&scope);
    indicate(&scope, &a, 1, AMBLE_FOREVER); /* the turn was given back */
    expect_att(conn, BYTES(0x1d, 7, 0, 1));
    amble_scope_close(&scope);
}

static void confirming(void)
{
    rooms_open(1, LARGE_BUFFER, TEST_MTU);
    conn = link_open(HANDLE, true);
    amble__att_confirm(conn->bearer);
    amble__att_confirm(conn->bearer); /* waits for a buffer */
    amble__att_confirm(conn->bearer); /* a third cannot be owed */
    assert_int_equal(rooms.att.malformed, 1);
    expect_att(conn, BYTES(0x1e));
    say_completed_packets(HANDLE, 1);
    expect_att(conn, BYTES(0x1e));
    expect_nothing();
}

/* --- without an answer -------------------------------------------------------------------------------------------- */
static int sent_one(void *arg)
{
    amble__packet *packet;
    amble__writer w;
    int r = amble__att_take(conn->bearer, AMBLE__NEVER, &packet, &w);

    (void)arg;
    if (r < 0)
        return r;
    amble__att_write_value(&w, AMBLE__ATT_NOTIFICATION, 9, "n", 1);
    assert_int_equal(amble__att_send(conn->bearer, packet, &w), 0);
    return 0;
}

static void senders_wait_for_room(void)
{
    amble_task *waiting;
    amble_scope scope;

    rooms_open(1, LARGE_BUFFER, TEST_MTU);
    conn = link_open(HANDLE, false);
    for (int i = 0; i < TEST_POOL + 1; i++) /* one is with the controller */
        assert_int_equal(sent_one(NULL), 0);
    amble_scope_open(&scope);
    waiting = amble_spawn(&scope, sent_one, NULL);
    settle();
    assert_int_equal(amble_join(waiting, 10), AMBLE_ERR_TIMEOUT);
    say_completed_packets(HANDLE, 1);
    assert_int_equal(amble_join(waiting, 10), 0);
    waiting = amble_spawn(&scope, sent_one, NULL);
    settle();
    link_lose(conn); /* gives all packets back, but this one had better not be sent */
    assert_int_equal(amble_join(waiting, 10), AMBLE_ERR_DISCONNECTED);
    conn = link_open(HANDLE + 1, false);
    for (int i = 0; i < TEST_POOL; i++) /* none was lost on the way */
        assert_int_equal(sent_one(NULL), 0);
    amble_scope_close(&scope);
}

static void a_lost_link_ends_a_wait_for_what_others_have(void)
{
    amble__packet *packets[TEST_POOL];
    amble_connection *other;
    amble_task *waiting;
    amble_scope scope;

    rooms_open(1, LARGE_BUFFER, TEST_MTU);
    other = link_open(HANDLE, false);
    for (int i = 0; i < TEST_POOL; i++) /* alone it may have all of them */
        assert_int_equal(amble__packet_take(&rooms.att.pool, &other->acl, 0, &packets[i]), 0);
    conn = link_open(HANDLE + 1, false);
    amble_scope_open(&scope);
    waiting = amble_spawn(&scope, sent_one, NULL);
    settle();
    link_lose(conn);
    assert_int_equal(amble_join(waiting, 10), AMBLE_ERR_DISCONNECTED);
    for (int i = 0; i < TEST_POOL; i++)
        amble__packet_release(packets[i]);
    amble_scope_close(&scope);
}

static void links_have_turns_of_their_own(void)
{
    amble_connection *first, *second;
    amble_scope scope;
    reader a, b;

    begin();
    first = conn;
    amble_scope_open(&scope);
    start(&scope, &a, 1, AMBLE_FOREVER);
    expect_read(1);
    conn = second = link_open(HANDLE + 1, true);
    start(&scope, &b, 2, AMBLE_FOREVER);
    expect_read(2);
    peer_att(second, BYTES(0x0b, 2));
    settle();
    assert_true(b.done && !a.done);
    conn = first; /* the task of `a` looks at it when it goes on */
    peer_att(first, BYTES(0x0b, 1));
    settle();
    assert_int_equal(a.response[0], 1);
    amble_scope_close(&scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(one_request_at_a_time_in_turn),
        task_test(who_waits_for_a_turn_may_give_up),
        task_test(a_late_response_never_answers_the_next_request),
        task_test(a_late_error_ends_a_zombie_too),
        task_test(a_bearer_dies_after_thirty_seconds),
        task_test(the_time_starts_anew_with_each_request),
        task_test(what_answers_nothing_is_dropped),
        task_test(an_answer_before_the_request_left_is_none),
        task_test(a_lost_link_ends_requests_and_those_behind),
        task_test(nothing_is_left_running_on_a_lost_link),
        task_test(requests_keep_to_the_mtu),
        task_test(what_is_longer_than_we_offered_is_dropped),
        task_test(every_opcode_goes_where_it_belongs),
        task_test(indications_take_turns),
        task_test(a_late_confirmation_never_confirms_the_next),
        task_test(an_unconfirmed_indication_kills_the_bearer),
        task_test(an_early_confirmation_is_none),
        task_test(too_long_to_indicate),
        task_test(confirming),
        task_test(senders_wait_for_room),
        task_test(a_lost_link_ends_a_wait_for_what_others_have),
        task_test(links_have_turns_of_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
