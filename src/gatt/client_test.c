/* Tests of reading, writing and the MTU on the client: long values, errors, time, stale handles, and values that end
 * just at a packet's end. */
#include "gatt/testing.h"

static amble_connection *conn;

static void begin(void)
{
    gatt_open();
    conn = link_open(HANDLE, true);
}

static amble_remote_characteristic remote(uint8_t properties)
{
    return (amble_remote_characteristic){.conn = conn,
                                         .uuid = AMBLE_UUID16(0x2a19),
                                         .handle = 10,
                                         .value_handle = 11,
                                         .end = 12,
                                         .generation = conn->generation,
                                         .properties = properties};
}

/* One call of the program's, in a task of its own. */
typedef enum { READ, READ_DESCRIPTOR, WRITE, WRITE_DESCRIPTOR, EXCHANGE } procedure;
typedef struct {
    procedure what;
    amble_remote_characteristic c;
    int timeout_ms, result;
    bool done;
    uint8_t buffer[600];
    size_t size;
    amble_task *task;
} caller;

static int calling(void *arg)
{
    caller *a = arg;
    const amble_remote_descriptor d = {.conn = a->c.conn, .handle = 12, .generation = a->c.generation};

    switch (a->what) {
    case READ:
        a->result = amble_read(&a->c, a->buffer, a->size, a->timeout_ms);
        break;
    case READ_DESCRIPTOR:
        a->result = amble_read_descriptor(&d, a->buffer, a->size, a->timeout_ms);
        break;
    case WRITE:
        a->result = amble_write(&a->c, a->buffer, a->size, a->timeout_ms);
        break;
    case WRITE_DESCRIPTOR:
        a->result = amble_write_descriptor(&d, a->buffer, a->size, a->timeout_ms);
        break;
    default:
        a->result = amble_exchange_mtu(a->c.conn, a->timeout_ms);
    }
    a->done = true;
    return 0;
}

static amble_scope scope;

static void start(caller *a, procedure what, size_t size)
{
    *a = (caller){.c = remote(0xff), .timeout_ms = AMBLE_FOREVER, .result = 77, .size = size};
    a->what = what;
    memset(a->buffer, 0xa5, sizeof a->buffer);
    a->task = amble_spawn(&scope, calling, a);
    settle();
}

/* The server's next answer: `size` bytes of a pattern that goes on from part to part. */
static size_t given;
static void give(uint8_t opcode, size_t size)
{
    uint8_t pdu[SENT_SIZE] = {opcode};

    for (size_t i = 0; i < size; i++)
        pdu[1 + i] = (uint8_t)(given++ * 7);
    peer_att(conn, pdu, 1 + size);
    settle();
}
static void check_pattern(const caller *a, size_t size)
{
    assert_int_equal(a->result, size);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(a->buffer[i], (uint8_t)(i * 7));
    assert_int_equal(a->buffer[size], 0xa5); /* and nothing after it */
    given = 0;
}

static void a_short_value(void)
{
    caller a;

    begin();
    amble_scope_open(&scope);
    for (size_t size = 0; size < 22; size++) {
        start(&a, READ, 512);
        answer(conn, 0x0a, 11, 0);
        give(0x0b, size);
        check_pattern(&a, size);
    }
    start(&a, READ_DESCRIPTOR, 512);
    answer(conn, 0x0a, 12, 0);
    give(0x0b, 2);
    check_pattern(&a, 2);
    expect_nothing();
    amble_scope_close(&scope);
}

static void a_long_value(void)
{
    caller a;

    begin();
    amble_scope_open(&scope);
    start(&a, READ, 512);
    answer(conn, 0x0a, 11, 0);
    give(0x0b, 22);
    answer(conn, 0x0c, 11, 0, 22, 0);
    give(0x0d, 22);
    answer(conn, 0x0c, 11, 0, 44, 0);
    give(0x0d, 5);
    check_pattern(&a, 49);
    expect_nothing();
    amble_scope_close(&scope);
}

static void a_value_that_ends_with_a_full_packet(void)
{
    const uint8_t ends[] = {0x07, 0x0b}; /* what servers say beyond the end, besides an empty part */
    caller a;

    begin();
    amble_scope_open(&scope);
    for (int i = 0; i < 3; i++) {
        start(&a, READ, 512);
        answer(conn, 0x0a, 11, 0);
        give(0x0b, 22);
        answer(conn, 0x0c, 11, 0, 22, 0);
        give(0x0d, 22);
        answer(conn, 0x0c, 11, 0, 44, 0);
        assert_false(a.done);
        if (i == 2)
            give(0x0d, 0);
        else
            ask(conn, 0x01, 0x0c, 11, 0, ends[i]);
        settle();
        check_pattern(&a, 44);
    }
    start(&a, READ, 512);
    answer(conn, 0x0a, 11, 0);
    ask(conn, 0x01, 0x0a, 11, 0, 0x07); /* at the very start it is no end */
    settle();
    assert_int_equal(a.result, AMBLE_ERR_ATT(0x07));
    expect_nothing();
    amble_scope_close(&scope);
}

static void the_longest_value(void)
{
    caller a;

    begin();
    conn->bearer->mtu = 65; /* 512 is eight parts of 64 */
    amble_scope_open(&scope);
    start(&a, READ, 512);
    for (unsigned at = 0; at < 512; at += 64) {
        if (at)
            answer(conn, 0x0c, 11, 0, (uint8_t)at, (uint8_t)(at >> 8));
        else
            answer(conn, 0x0a, 11, 0);
        give(at ? 0x0d : 0x0b, 64);
    }
    check_pattern(&a, 512); /* no attribute is longer: nothing more is asked */
    expect_nothing();
    amble_scope_close(&scope);
}

static void a_buffer_too_small(void)
{
    caller a;

    begin();
    amble_scope_open(&scope);
    start(&a, READ, 10);
    given = 0;
    give(0x0b, 11);
    assert_int_equal(a.result, AMBLE_ERR_TOO_LONG);
    assert_int_equal(a.buffer[10], 0xa5);
    start(&a, READ, 30);
    give(0x0b, 22);
    give(0x0d, 9);
    assert_int_equal(a.result, AMBLE_ERR_TOO_LONG);
    assert_int_equal(a.buffer[30], 0xa5);
    given = 0;
    start(&a, READ, 0);
    give(0x0b, 0);
    assert_int_equal(a.result, 0);
    start(&a, READ, 22); /* it just fits, which only the server can tell */
    give(0x0b, 22);
    give(0x0d, 0);
    check_pattern(&a, 22);
    amble_scope_close(&scope);
}

static void the_mtu_may_change_between_two_parts(void)
{
    caller a;

    begin();
    amble_scope_open(&scope);
    start(&a, READ, 512);
    answer(conn, 0x0a, 11, 0);
    { /* The server's answer and its own MTU request come together, before the task runs. */
        uint8_t full[23] = {0x0b};

        given = 22;
        for (int i = 0; i < 22; i++)
            full[1 + i] = (uint8_t)(i * 7);
        peer_att(conn, full, 23);
        ask(conn, 0x02, TEST_MTU, 0);
    }
    settle();
    answer(conn, 0x03, TEST_MTU, 0);
    assert_false(a.done);
    answer(conn, 0x0c, 11, 0, 22, 0);
    give(0x0d, 30);
    check_pattern(&a, 52);
    amble_scope_close(&scope);
}

static void errors_of_the_server(void)
{
    caller a;

    begin();
    amble_scope_open(&scope);
    start(&a, READ, 512);
    ask(conn, 0x01, 0x0a, 11, 0, 0x05);
    settle();
    assert_int_equal(a.result, AMBLE_ERR_ATT(0x05));
    start(&a, READ, 512);
    give(0x0b, 22);
    ask(conn, 0x01, 0x0c, 11, 0, 0x0e);
    settle();
    assert_int_equal(a.result, AMBLE_ERR_ATT(0x0e));
    given = 0;
    start(&a, WRITE, 3);
    ask(conn, 0x01, 0x12, 11, 0, 0x80);
    settle();
    assert_int_equal(a.result, AMBLE_ERR_ATT(0x80));
    amble_scope_close(&scope);
}

static void writing(void)
{
    caller a;

    begin();
    amble_scope_open(&scope);
    start(&a, WRITE, 3);
    answer(conn, 0x12, 11, 0, 0xa5, 0xa5, 0xa5);
    assert_false(a.done);
    ask(conn, 0x13);
    settle();
    assert_int_equal(a.result, 0);
    start(&a, WRITE, 0);
    answer(conn, 0x12, 11, 0);
    ask(conn, 0x13);
    settle();
    assert_int_equal(a.result, 0);
    start(&a, WRITE_DESCRIPTOR, 1);
    answer(conn, 0x12, 12, 0, 0xa5);
    ask(conn, 0x13);
    settle();
    assert_int_equal(a.result, 0);
    start(&a, WRITE, 20);
    assert_int_equal(next_sent()->size, 9 + 23);
    ask(conn, 0x13);
    settle();
    assert_int_equal(a.result, 0);
    start(&a, WRITE, 0);
    answer(conn, 0x12, 11, 0); /* the bearer is free all the same */
    expect_nothing();
    amble_scope_close(&scope);
}

static void writing_without_response(void)
{
    amble_remote_characteristic c;

    begin();
    c = remote(AMBLE_PROPERTY_WRITE_NO_RESPONSE);
    assert_int_equal(amble_write_no_response(&c, "abc", 3, 0), 0);
    answer(conn, 0x52, 11, 0, 'a', 'b', 'c');
    assert_int_equal(amble_write_no_response(&c, text_start, 21, 0), AMBLE_ERR_TOO_LONG);
    assert_int_equal(amble_write_no_response(&c, text_start, 20, 0), 0);
    assert_int_equal(next_sent()->size, 9 + 23);
    c = remote(AMBLE_PROPERTY_WRITE);
    assert_int_equal(amble_write_no_response(&c, "abc", 3, 0), AMBLE_ERR_UNSUPPORTED);
    expect_nothing();

    gatt_open_on(1);
    conn = link_open(HANDLE, true);
    c = remote(AMBLE_PROPERTY_WRITE_NO_RESPONSE);
    for (int i = 0; i < TEST_POOL + 1; i++)
        assert_int_equal(amble_write_no_response(&c, "abc", 3, 0), 0);
    assert_int_equal(amble_write_no_response(&c, "abc", 3, 50), AMBLE_ERR_TIMEOUT);
    say_completed_packets(HANDLE, 1);
    assert_int_equal(amble_write_no_response(&c, "abc", 3, 50), 0);
    link_lose(conn);
    assert_int_equal(amble_write_no_response(&c, "abc", 3, 50), AMBLE_ERR_DISCONNECTED);
    amble__link_free(conn);
    assert_int_equal(amble_write_no_response(&c, "abc", 3, 50), AMBLE_ERR_STALE);
}

static void handles_of_an_earlier_link_are_stale(void)
{
    amble_remote_characteristic c;
    amble_remote_descriptor d;
    amble_remote_service s;
    amble_subscription *subscription;
    uint8_t buffer[4];

    begin();
    c = remote(0xff);
    d = (amble_remote_descriptor){.conn = conn, .handle = 12, .generation = conn->generation};
    s = (amble_remote_service){.conn = conn, .start = 1, .end = 20, .generation = conn->generation};
    link_lose(conn);
    assert_int_equal(amble_read(&c, buffer, 4, AMBLE_FOREVER), AMBLE_ERR_DISCONNECTED);
    link_close(conn);
    for (int i = 0; i < 2; i++) {
        amble_remote_characteristic found = {0};
        amble_remote_descriptor next = {0};
        amble_remote_service service = s;

        assert_int_equal(amble_read(&c, buffer, 4, AMBLE_FOREVER), AMBLE_ERR_STALE);
        assert_int_equal(amble_write(&c, buffer, 4, AMBLE_FOREVER), AMBLE_ERR_STALE);
        assert_int_equal(amble_write_no_response(&c, buffer, 4, AMBLE_FOREVER), AMBLE_ERR_STALE);
        assert_int_equal(amble_read_descriptor(&d, buffer, 4, AMBLE_FOREVER), AMBLE_ERR_STALE);
        assert_int_equal(amble_write_descriptor(&d, buffer, 4, AMBLE_FOREVER), AMBLE_ERR_STALE);
        assert_int_equal(amble_next_service(conn, &service, AMBLE_FOREVER), AMBLE_ERR_STALE);
        assert_int_equal(amble_next_characteristic(&s, &found, AMBLE_FOREVER), AMBLE_ERR_STALE);
        assert_int_equal(amble_find_characteristic(&s, &level_uuid, &found, AMBLE_FOREVER), AMBLE_ERR_STALE);
        assert_int_equal(amble_next_descriptor(&c, &next, AMBLE_FOREVER), AMBLE_ERR_STALE);
        assert_int_equal(amble_find_descriptor(&c, &level_uuid, &next, AMBLE_FOREVER), AMBLE_ERR_STALE);
        assert_int_equal(amble_subscribe(&c, NULL, &subscription, AMBLE_FOREVER), AMBLE_ERR_STALE);
        if (i == 0)
            assert_ptr_equal(link_open(HANDLE, true), conn); /* in the same slot, and with the same handle */
    }
    expect_nothing();
}

static void what_was_never_found_is_an_argument_error(void)
{
    const amble_remote_characteristic nothing = {.conn = NULL};
    amble_subscription *subscription;
    uint8_t buffer[4];

    begin();
    assert_int_equal(amble_read(&nothing, buffer, 4, AMBLE_FOREVER), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_write(&nothing, buffer, 4, AMBLE_FOREVER), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_write_no_response(&nothing, buffer, 4, AMBLE_FOREVER), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_subscribe(&nothing, NULL, &subscription, AMBLE_FOREVER), AMBLE_ERR_ARGUMENT);
    assert_null(subscription);
}

static void time_bounds_the_whole(void)
{
    amble_remote_characteristic c;
    uint8_t buffer[100];
    caller a;

    begin();
    c = remote(0xff);
    assert_int_equal(amble_read(&c, buffer, 4, 0), AMBLE_ERR_TIMEOUT); /* it cannot be done without waiting */
    expect_nothing();
    amble_scope_open(&scope);
    a = (caller){.c = c, .what = READ, .timeout_ms = 100, .size = 512};
    a.task = amble_spawn(&scope, calling, &a);
    assert_int_equal(amble_sleep_ms(60), 0);
    give(0x0b, 22);
    assert_int_equal(amble_sleep_ms(39), 0);
    assert_false(a.done);
    assert_int_equal(amble_sleep_ms(2), 0);
    assert_int_equal(a.result, AMBLE_ERR_TIMEOUT);
    start(&a, WRITE, 1);
    amble_cancel(a.task);
    settle();
    assert_int_equal(a.result, AMBLE_ERR_CANCELLED);
    given = 0;
    amble_scope_close(&scope);
}

/* --- the MTU ------------------------------------------------------------------------------------------------------ */
static void the_mtu_is_exchanged_once(void)
{
    caller a, b;

    begin();
    amble_scope_open(&scope);
    start(&a, EXCHANGE, 0);
    start(&b, EXCHANGE, 0); /* another task asks meanwhile */
    answer(conn, 0x02, TEST_MTU, 0);
    ask(conn, 0x03, 64, 0);
    settle();
    assert_int_equal(a.result, 64);
    assert_int_equal(b.result, 64);
    expect_nothing();
    assert_int_equal(amble_exchange_mtu(conn, 0), 64);
    assert_int_equal(amble_connection_mtu(conn), 64);
    link_lose(conn);
    assert_int_equal(amble_exchange_mtu(conn, AMBLE_FOREVER), AMBLE_ERR_DISCONNECTED);
    amble_scope_close(&scope);
}

static void the_smaller_mtu_holds(void)
{
    const struct {
        uint16_t theirs;
        int result;
    } cases[] = {{23, 23}, {TEST_MTU, TEST_MTU}, {517, TEST_MTU}, {22, AMBLE_ERR_PROTOCOL}, {0, AMBLE_ERR_PROTOCOL}};
    caller a;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin();
        amble_scope_open(&scope);
        start(&a, EXCHANGE, 0);
        ask(conn, 0x03, (uint8_t)cases[i].theirs, (uint8_t)(cases[i].theirs >> 8));
        settle();
        assert_int_equal(a.result, cases[i].result);
        assert_int_equal(amble_connection_mtu(conn), a.result > 0 ? a.result : 23);
        amble_scope_close(&scope);
    }
}

static void a_server_that_knows_no_mtu(void)
{
    caller a;

    begin();
    amble_scope_open(&scope);
    start(&a, EXCHANGE, 0);
    ask(conn, 0x01, 0x02, 0, 0, 0x06);
    settle();
    assert_int_equal(a.result, AMBLE_ERR_ATT(0x06));
    assert_int_equal(amble_connection_mtu(conn), 23);
    start(&a, EXCHANGE, 0);
    ask(conn, 0x03, 64); /* cut short */
    settle();
    assert_int_equal(a.result, AMBLE_ERR_PROTOCOL);
    amble_scope_close(&scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(a_short_value),
        task_test(a_long_value),
        task_test(a_value_that_ends_with_a_full_packet),
        task_test(the_longest_value),
        task_test(a_buffer_too_small),
        task_test(the_mtu_may_change_between_two_parts),
        task_test(errors_of_the_server),
        task_test(writing),
        task_test(writing_without_response),
        task_test(handles_of_an_earlier_link_are_stale),
        task_test(what_was_never_found_is_an_argument_error),
        task_test(time_bounds_the_whole),
        task_test(the_mtu_is_exchanged_once),
        task_test(the_smaller_mtu_holds),
        task_test(a_server_that_knows_no_mtu),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
