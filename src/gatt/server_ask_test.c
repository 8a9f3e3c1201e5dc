/* Tests of requests that a task answers: reads and writes, offsets, refusals, answers that come too late, and who is
 * asked when. */
#include "gatt/testing.h"

static amble_connection *conn;

static void begin(void) { conn = serve_table(); }

static amble_request take(void)
{
    amble_request request = {.id = 0};

    assert_int_equal(amble_requested(ble, &asked, &request, 0), 0);
    return request;
}

static void a_read_is_answered(void)
{
    amble_request request;

    begin();
    ask(conn, 0x0a, ASKED, 0);
    expect_nothing();
    request = take();
    assert_false(request.write);
    assert_int_equal(request.offset, 0);
    assert_ptr_equal(request.conn, conn);
    assert_int_equal(request.device.bytes[0], HANDLE);
    assert_int_equal(amble_requested(ble, &asked, &request, 0), AMBLE_ERR_TIMEOUT); /* it has been taken */
    assert_int_equal(amble_request_answer(ble, &request, "now", 3), 0);
    answer(conn, 0x0b, 'n', 'o', 'w');
    ask(conn, 0x0a, LEVEL, 0); /* the link is free for the next */
    answer(conn, 0x0b, 50);
    assert_int_equal(amble_sleep_ms(2 * HELD_MS), 0);
    expect_nothing();
}

static void a_long_answer_is_cut_at_the_offset(void)
{
    uint8_t part[23] = {0x0b};
    amble_request request;

    begin();
    ask(conn, 0x0a, ASKED, 0);
    request = take();
    assert_int_equal(amble_request_answer(ble, &request, text_start, 40), 0);
    memcpy(part + 1, text_start, 22);
    expect_att(conn, part, 23);
    ask(conn, 0x0c, ASKED, 0, 22, 0);
    request = take();
    assert_int_equal(request.offset, 22);
    assert_int_equal(amble_request_answer(ble, &request, text_start, 40), 0);
    part[0] = 0x0d;
    memcpy(part + 1, text_start + 22, 18);
    expect_att(conn, part, 19);
    ask(conn, 0x0c, ASKED, 0, 40, 0);
    request = take();
    assert_int_equal(amble_request_answer(ble, &request, text_start, 40), 0);
    answer(conn, 0x0d);
    ask(conn, 0x0c, ASKED, 0, 41, 0);
    request = take();
    assert_int_equal(amble_request_answer(ble, &request, text_start, 40), 0);
    expect_error(conn, 0x0c, ASKED, 0x07);
    ask(conn, 0x0a, ASKED, 0);
    request = take();
    assert_int_equal(amble_request_answer(ble, &request, NULL, 0), 0);
    answer(conn, 0x0b);
}

static void a_write_is_accepted_changed_or_refused(void)
{
    uint8_t buffer[20];
    amble_request request;

    begin();
    ask(conn, 0x12, ASKED, 0, 'o', 'n');
    expect_nothing();
    request = take();
    assert_true(request.write);
    assert_int_equal(request.size, 2);
    assert_memory_equal(request.data, "on", 2);
    assert_int_equal(amble_local_read(ble, &asked, buffer, sizeof buffer), 0); /* not before it is accepted */
    assert_int_equal(amble_request_answer(ble, &request, NULL, 0), 0);
    answer(conn, 0x13);
    assert_int_equal(amble_local_read(ble, &asked, buffer, sizeof buffer), 2);
    assert_memory_equal(buffer, "on", 2);
    ask(conn, 0x12, ASKED, 0, 'x');
    request = take();
    assert_int_equal(amble_request_answer(ble, &request, text_start, 21), AMBLE_ERR_TOO_LONG);
    assert_int_equal(amble_request_answer(ble, &request, "better", 6), 0);
    answer(conn, 0x13);
    assert_int_equal(amble_local_read(ble, &asked, buffer, sizeof buffer), 6);
    ask(conn, 0x12, ASKED, 0, 'y');
    request = take();
    assert_int_equal(amble_request_refuse(ble, &request, 0x81), 0);
    expect_error(conn, 0x12, ASKED, 0x81);
    assert_int_equal(amble_local_read(ble, &asked, buffer, sizeof buffer), 6);
    ask(conn, 0x12, ASKED, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21); /* too long */
    expect_error(conn, 0x12, ASKED, 0x0d);
    assert_int_equal(amble_requested(ble, &asked, &request, 0), AMBLE_ERR_TIMEOUT);
}

static void nobody_answers(void)
{
    amble_request request;

    begin();
    ask(conn, 0x0a, ASKED, 0);
    ask(conn, 0x0a, LEVEL, 0); /* against the rules */
    assert_int_equal(rooms.att.malformed, 1);
    assert_int_equal(amble_sleep_ms(HELD_MS - 1), 0);
    expect_nothing();
    request = take();
    assert_int_equal(amble_sleep_ms(2), 0);
    expect_error(conn, 0x0a, ASKED, 0x11);
    assert_int_equal(amble_request_answer(ble, &request, "late", 4), AMBLE_ERR_STALE);
    assert_int_equal(amble_request_refuse(ble, &request, 0x80), AMBLE_ERR_STALE);
    ask(conn, 0x0a, ASKED, 0);
    assert_int_equal(amble_request_answer(ble, &request, "late", 4), AMBLE_ERR_STALE); /* this is another one */
    expect_nothing();
    request = take();
    assert_int_equal(amble_request_answer(ble, &request, "ok", 2), 0);
    assert_int_equal(amble_request_answer(ble, &request, "ok", 2), AMBLE_ERR_STALE); /* once is enough */
    answer(conn, 0x0b, 'o', 'k');
    expect_nothing();
}

static void a_request_goes_with_its_link(void)
{
    amble_request request;

    begin();
    ask(conn, 0x0a, ASKED, 0);
    request = take();
    link_close(conn);
    assert_int_equal(amble_request_answer(ble, &request, "late", 4), AMBLE_ERR_STALE);
    assert_ptr_equal(link_open(HANDLE, false), conn);
    ask(conn, 0x0a, ASKED, 0);
    assert_int_equal(amble_request_answer(ble, &request, "late", 4), AMBLE_ERR_STALE);
    link_lose(conn);
    assert_int_equal(amble_requested(ble, &asked, &request, 0), AMBLE_ERR_TIMEOUT); /* not taken before it went */
    assert_int_equal(amble_sleep_ms(2 * HELD_MS), 0);
    expect_nothing();
}

static void the_oldest_comes_first(void)
{
    amble_connection *other;
    amble_request first, second;

    begin();
    other = link_open(HANDLE + 1, false);
    ask(other, 0x0a, ASKED, 0);
    ask(conn, 0x12, ASKED, 0, 9);
    first = take();
    second = take();
    assert_ptr_equal(first.conn, other);
    assert_ptr_equal(second.conn, conn);
    assert_int_equal(amble_request_answer(ble, &second, NULL, 0), 0); /* in whatever order they are answered */
    answer(conn, 0x13);
    assert_int_equal(amble_request_answer(ble, &first, "a", 1), 0);
    answer(other, 0x0b, 'a');
}

typedef struct {
    amble_request request;
    int result;
    bool done;
    amble_task *task;
} answerer;

static int waiting(void *arg)
{
    answerer *a = arg;

    a->result = amble_requested(ble, &asked, &a->request, AMBLE_FOREVER);
    a->done = true;
    return 0;
}

static void start(amble_scope *scope, answerer *a)
{
    *a = (answerer){.result = 77};
    a->task = amble_spawn(scope, waiting, a);
    settle();
}

static void tasks_that_wait_get_one_each(void)
{
    amble_connection *other;
    amble_scope scope;
    answerer a, b, c;

    begin();
    other = link_open(HANDLE + 1, false);
    amble_scope_open(&scope);
    start(&scope, &a);
    start(&scope, &b);
    start(&scope, &c);
    ask(conn, 0x0a, ASKED, 0);
    ask(other, 0x0a, ASKED, 0);
    settle();
    assert_ptr_equal(a.request.conn, conn);
    assert_ptr_equal(b.request.conn, other);
    assert_false(c.done);
    amble__server_fail(&the_host.server, AMBLE_ERR_CLOSED);
    settle();
    assert_int_equal(c.result, AMBLE_ERR_CLOSED);
    start(&scope, &c);
    assert_int_equal(c.result, AMBLE_ERR_CLOSED);
    amble_scope_close(&scope);
}

static void what_nobody_can_be_asked_for(void)
{
    amble_request request;

    begin();
    assert_int_equal(amble_requested(ble, &level, &request, AMBLE_FOREVER), AMBLE_ERR_NOT_FOUND);
    assert_int_equal(amble_requested(ble, &(const amble_characteristic){.uuid = &level_uuid, .answer_reads = true},
                                     &request, AMBLE_FOREVER),
                     AMBLE_ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(a_read_is_answered),
        task_test(a_long_answer_is_cut_at_the_offset),
        task_test(a_write_is_accepted_changed_or_refused),
        task_test(nobody_answers),
        task_test(a_request_goes_with_its_link),
        task_test(the_oldest_comes_first),
        task_test(tasks_that_wait_get_one_each),
        task_test(what_nobody_can_be_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
