/* Tests of writes in parts: what goes over the air, what is cancelled when a write ends early, and that the parts of
 * two tasks do not mix. */
#include "gatt/testing.h"

static amble_connection *conn;
static const uint8_t data[600] = {0};

typedef struct {
    size_t size;
    int timeout_ms, result;
    bool reliable;
    amble_task *task;
} writer;

static int writing(void *arg)
{
    writer *w = arg;
    const amble_remote_characteristic c = {
        .conn = conn, .handle = 10, .value_handle = 11, .end = 12, .generation = conn->client->generation};
    const amble_write_part parts[] = {{&c, data, w->size}, {&c, data, 2}};

    w->result =
        w->reliable ? amble_write_reliably(parts, 2, w->timeout_ms) : amble_write(&c, data, w->size, w->timeout_ms);
    return 0;
}

static void start(amble_scope *scope, writer *w, size_t size, int timeout_ms)
{
    *w = (writer){.size = size, .timeout_ms = timeout_ms, .result = 77};
    w->task = amble_spawn(scope, writing, w);
    settle();
}

/* The next thing sent is a part of so many bytes, which the server repeats. */
static void expect_part(unsigned offset, size_t size)
{
    const sent_packet *sent = next_sent();
    uint8_t echo[30];

    assert_int_equal(sent->size, 9 + 5 + size);
    assert_int_equal(sent->bytes[9], 0x16);
    assert_int_equal(sent->bytes[10], 11);
    assert_int_equal(amble__get_le16(sent->bytes + 12), offset);
    memcpy(echo, sent->bytes + 9, 5 + size);
    echo[0] = 0x17;
    peer_att(conn, echo, 5 + size);
    settle();
}

static void begin(amble_scope *scope)
{
    gatt_open();
    conn = link_open(HANDLE, true);
    amble_scope_open(scope);
}

static void a_long_value_goes_in_parts(void)
{
    amble_scope scope;
    writer a, b;

    begin(&scope);
    start(&scope, &a, 21, AMBLE_FOREVER); /* one more than fits at once */
    start(&scope, &b, 40, AMBLE_FOREVER); /* another task waits until all of it is done */
    expect_part(0, 18);
    expect_part(18, 3);
    answer(conn, 0x18, 1);
    ask(conn, 0x19);
    settle();
    assert_int_equal(a.result, 0);
    expect_part(0, 18);
    expect_part(18, 18);
    expect_part(36, 4);
    answer(conn, 0x18, 1);
    ask(conn, 0x19);
    settle();
    assert_int_equal(b.result, 0);
    start(&scope, &a, 513, AMBLE_FOREVER);
    assert_int_equal(a.result, AMBLE_ERR_TOO_LONG);
    start(&scope, &a, 20, AMBLE_FOREVER);
    assert_int_equal(next_sent()->bytes[9], 0x12);
    expect_nothing();
    amble_scope_close(&scope);
}

static void a_write_that_is_refused_is_cancelled(void)
{
    amble_scope scope;
    writer a, b;

    begin(&scope);
    start(&scope, &a, 40, AMBLE_FOREVER);
    expect_part(0, 18);
    assert_int_equal(next_sent()->bytes[9], 0x16);
    start(&scope, &b, 5, AMBLE_FOREVER);
    ask(conn, 0x01, 0x16, 11, 0, 0x09);
    settle();
    assert_int_equal(a.result, AMBLE_ERR_ATT(0x09));
    answer(conn, 0x18, 0); /* before the next one may go on */
    expect_nothing();
    ask(conn, 0x19);
    settle();
    assert_int_equal(next_sent()->bytes[9], 0x12);
    ask(conn, 0x13);
    settle();
    assert_int_equal(b.result, 0);
    assert_int_equal(rooms.att.late_responses, 0);
    amble_scope_close(&scope);
}

static void a_write_that_nobody_waits_for_is_cancelled(void)
{
    amble_scope scope;
    writer a;

    begin(&scope);
    start(&scope, &a, 40, 100);
    expect_part(0, 18);
    assert_int_equal(next_sent()->bytes[9], 0x16);
    assert_int_equal(amble_sleep_ms(101), 0);
    assert_int_equal(a.result, AMBLE_ERR_TIMEOUT);
    expect_nothing(); /* one request at a time: the answer comes first */
    ask(conn, 0x17, 11, 0, 18, 0);
    answer(conn, 0x18, 0);
    ask(conn, 0x19);
    start(&scope, &a, 40, AMBLE_FOREVER);
    expect_part(0, 18);
    assert_int_equal(next_sent()->bytes[9], 0x16);
    amble_cancel(a.task);
    settle();
    assert_int_equal(a.result, AMBLE_ERR_CANCELLED);
    ask(conn, 0x17, 11, 0, 18, 0);
    answer(conn, 0x18, 0);
    expect_nothing();
    amble_scope_close(&scope);
}

static void a_reliable_write_compares(void)
{
    amble_scope scope;
    writer a = {.size = 20, .timeout_ms = AMBLE_FOREVER, .reliable = true, .result = 77};

    begin(&scope);
    amble_spawn(&scope, writing, &a);
    settle();
    expect_part(0, 18);
    expect_part(18, 2);
    expect_part(0, 2);
    answer(conn, 0x18, 1);
    ask(conn, 0x19);
    settle();
    assert_int_equal(a.result, 0);
    a.result = 77;
    amble_spawn(&scope, writing, &a);
    settle();
    expect_part(0, 18);
    assert_int_equal(next_sent()->bytes[9], 0x16);
    ask(conn, 0x17, 11, 0, 18, 0, 0, 1); /* it understood something else */
    settle();
    assert_int_equal(a.result, AMBLE_ERR_PROTOCOL);
    answer(conn, 0x18, 0);
    expect_nothing();
    amble_scope_close(&scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(a_long_value_goes_in_parts),
        task_test(a_write_that_is_refused_is_cancelled),
        task_test(a_write_that_nobody_waits_for_is_cancelled),
        task_test(a_reliable_write_compares),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
