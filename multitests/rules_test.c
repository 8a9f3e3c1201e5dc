/* Rules of ATT over a link: late responses, transactions that nobody answers, bounded procedures, queues of
 * requests. */
#include "bench.h"

static const amble_uuid service_uuid = AMBLE_UUID16(0xfff0);
static const amble_uuid ask_uuid = AMBLE_UUID16(0xfff1);
static const amble_uuid fast_uuid = AMBLE_UUID16(0xfff2);

static const amble_characteristic ask = {.uuid = &ask_uuid, .read = true, .answer_reads = true};
static const amble_characteristic fast = {
    .uuid = &fast_uuid, .read = true, .write = true, .notify = true, .indicate = true};
static const amble_service service = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&ask, &fast)};

/* So long that the client gives up first. */
#define SERVER(function)                                                                                               \
    {                                                                                                                  \
        .label = "server", .script = function, .config = {.services = {&service}, .held_write_ms = 1000000 }           \
    }
#define CLIENT(function)                                                                                               \
    {                                                                                                                  \
        .label = "client", .script = function                                                                          \
    }

/* --- a response that comes late ----------------------------------------------------------------------------------- */
static int answer_late(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    amble_request request;

    for (char i = 'a'; i <= 'c'; i++) {
        assert_int_equal(amble_requested(self->ble, &ask, &request, AMBLE_FOREVER), 0);
        bench_sleep(2000);
        assert_int_equal(amble_request_answer(self->ble, &request, &i, 1), 0);
    }
    bench_await_end(conn);
    return 0;
}

typedef struct {
    const amble_remote_characteristic *c;
    char byte;
    int r;
} reading;

static int read_byte(void *arg)
{
    reading *r = arg;

    r->r = amble_read(r->c, &r->byte, 1, AMBLE_FOREVER);
    return 0;
}

static int give_up_and_ask_again(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic slow = bench_characteristic(conn, &service_uuid, &ask_uuid);
    const amble_remote_characteristic quick = bench_characteristic(conn, &service_uuid, &fast_uuid);
    reading cancelled = {.c = &slow}, last = {.c = &slow};
    amble_scope scope;
    amble_task *task;
    char byte = 0;

    assert_int_equal(amble_read(&slow, &byte, 1, 1000), AMBLE_ERR_TIMEOUT);
    amble_scope_open(&scope);
    task = amble_spawn(&scope, read_byte, &cancelled); /* waits for its turn, then for its answer */
    bench_sleep(2500);
    amble_cancel(task);
    assert_int_equal(amble_join(task, AMBLE_FOREVER), 0);
    assert_int_equal(cancelled.r, AMBLE_ERR_CANCELLED);
    assert_int_equal(amble_read(&quick, &byte, 1, 200), AMBLE_ERR_TIMEOUT); /* it is not its turn, nothing was sent */
    amble_spawn(&scope, read_byte, &last);
    assert_int_equal(amble_scope_wait(&scope, AMBLE_FOREVER), 0);
    amble_scope_close(&scope);
    assert_int_equal(last.r, 1);
    assert_int_equal(last.byte, 'c');
    assert_int_equal(amble_read_statistics(self->ble).late_responses, 2);
    assert_int_equal(amble_read_statistics(self->ble).malformed, 0);
    amble_connection_close(conn);
    return 0;
}

static void a_late_response_answers_nobody(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(answer_late), CLIENT(give_up_and_ask_again));
}

/* --- 30 seconds --------------------------------------------------------------------------------------------------- */
static int never_answer(bench_device *self)
{
    amble_connection *conn = bench_await(self);

    assert_int_equal(amble_disconnected(conn, AMBLE_FOREVER), 0);
    assert_int_equal(amble_connection_reason(conn), 0x13);
    amble_connection_close(conn);
    return 0;
}

static int wait_for_the_transaction(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic slow = bench_characteristic(conn, &service_uuid, &ask_uuid);
    reading waiting = {.c = &slow}, queued = {.c = &slow};
    const int before = bench_now_ms();
    amble_scope scope;

    amble_scope_open(&scope);
    amble_spawn(&scope, read_byte, &waiting);
    amble_spawn(&scope, read_byte, &queued);
    assert_int_equal(amble_scope_wait(&scope, AMBLE_FOREVER), 0);
    amble_scope_close(&scope);
    assert_int_equal(waiting.r, AMBLE_ERR_DISCONNECTED);
    assert_int_equal(queued.r, AMBLE_ERR_DISCONNECTED);
    assert_in_range(bench_now_ms() - before, 30000, 36000);
    assert_int_equal(amble_disconnected(conn, 0), 0);
    assert_int_equal(amble_connection_reason(conn), 0x16); /* this host ended it */
    amble_connection_close(conn);
    return 0;
}

static void after_thirty_seconds_the_link_is_given_up(void **state)
{
    (void)state;
    amble_log_level(AMBLE_LOG_ERROR);
    BENCH_RUN_LOSSY(SERVER(never_answer), CLIENT(wait_for_the_transaction));
}

/* A zombie is watched, too: nobody waits any more, and still the link goes. */
static int leave_a_zombie(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic slow = bench_characteristic(conn, &service_uuid, &ask_uuid);
    const int before = bench_now_ms();
    char byte;

    assert_int_equal(amble_read(&slow, &byte, 1, 1000), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_disconnected(conn, 60000), 0);
    assert_in_range(bench_now_ms() - before, 30000, 36000);
    amble_connection_close(conn);
    return 0;
}

static void an_abandoned_request_takes_the_link_too(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(never_answer), CLIENT(leave_a_zombie));
}

/* --- bounded procedures ------------------------------------------------------------------------------------------- */
static int be_read_and_leave(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    amble_request request;

    assert_int_equal(amble_requested(self->ble, &ask, &request, AMBLE_FOREVER), 0);
    bench_sleep(3000);
    assert_int_equal(amble_request_answer(self->ble, &request, "a", 1), 0);
    assert_int_equal(amble_requested(self->ble, &ask, &request, AMBLE_FOREVER), 0);
    amble_connection_close(conn);
    return 0;
}

static int bound_procedures(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic slow = bench_characteristic(conn, &service_uuid, &ask_uuid);
    amble_timeout outer, inner;
    int before = bench_now_ms(), r;
    char byte;

    amble_timeout_begin(&outer, conn, 60000);
    amble_timeout_begin(&inner, conn, 1000);
    r = amble_sleep_ms(700);
    assert_int_equal(r, 0);
    r = amble_read(&slow, &byte, 1, AMBLE_FOREVER);
    assert_int_equal(r, AMBLE_ERR_CANCELLED);
    assert_int_equal(amble_sleep_ms(10), AMBLE_ERR_CANCELLED); /* the time of all of it is over */
    assert_int_equal(amble_timeout_end(&inner, r), AMBLE_ERR_TIMEOUT);
    assert_int_equal(bench_now_ms() - before, 1000);
    assert_int_equal(amble_sleep_ms(10), 0);
    r = amble_read(&slow, &byte, 1, AMBLE_FOREVER); /* the server leaves meanwhile */
    assert_int_equal(amble_timeout_end(&outer, r), AMBLE_ERR_DISCONNECTED);
    amble_timeout_begin(&outer, conn, 1000); /* on a dead link */
    assert_int_equal(amble_sleep_ms(10), AMBLE_ERR_DISCONNECTED);
    assert_int_equal(amble_timeout_end(&outer, AMBLE_ERR_DISCONNECTED), AMBLE_ERR_DISCONNECTED);
    amble_connection_close(conn);
    return 0;
}

static void a_piece_of_code_is_bounded_by_time_and_link(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(be_read_and_leave), CLIENT(bound_procedures));
}

/* --- many tasks, one link ----------------------------------------------------------------------------------------- */
static int use_link(void *arg)
{
    const amble_remote_characteristic *c = arg;
    uint8_t bytes[20], back[20];

    for (int i = 0; i < 10; i++) {
        assert_int_equal(amble_read(c, back, sizeof back, AMBLE_FOREVER), 20);
        memset(bytes, i, sizeof bytes);
        assert_int_equal(amble_write(c, bytes, sizeof bytes, AMBLE_FOREVER), 0);
    }
    return 0;
}

static int use_link_together(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &fast_uuid);
    uint8_t bytes[20] = {0};
    amble_scope scope;

    assert_int_equal(amble_write(&c, bytes, sizeof bytes, 5000), 0);
    amble_scope_open(&scope);
    for (int i = 0; i < 5; i++)
        amble_spawn(&scope, use_link, &c);
    assert_int_equal(amble_scope_wait(&scope, AMBLE_FOREVER), 0);
    amble_scope_close(&scope);
    amble_connection_close(conn);
    return 0;
}

/* Both sides ask at once over the one link. */
static int use_link_from_the_other_side(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    amble_remote_service found;

    for (int i = 0; i < 5; i++)
        assert_int_equal(amble_find_service(conn, &(amble_uuid)AMBLE_UUID16(0x1800), &found, AMBLE_FOREVER), 0);
    bench_await_end(conn);
    return 0;
}

static void requests_of_many_tasks_queue(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(use_link_from_the_other_side), CLIENT(use_link_together));
}

/* --- values of a link that is over -------------------------------------------------------------------------------- */
static int be_met_twice(bench_device *self)
{
    bench_await_end(bench_await(self));
    bench_await_end(bench_await(self));
    return 0;
}

static int keep_old_values(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &fast_uuid);
    amble_subscription *s;
    char byte;

    amble_connection_close(conn);
    assert_int_equal(amble_read(&c, &byte, 1, 1000), AMBLE_ERR_STALE);
    conn = bench_connect(self, "server"); /* perhaps in the same slot */
    assert_int_equal(amble_read(&c, &byte, 1, 1000), AMBLE_ERR_STALE);
    assert_int_equal(amble_write(&c, "x", 1, 1000), AMBLE_ERR_STALE);
    assert_int_equal(amble_write_no_response(&c, "x", 1, 1000), AMBLE_ERR_STALE);
    assert_int_equal(amble_subscribe(&c, NULL, &s, 1000), AMBLE_ERR_STALE);
    amble_connection_close(conn);
    return 0;
}

static void values_of_an_old_link_are_stale(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(be_met_twice), CLIENT(keep_old_values));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_late_response_answers_nobody),
        cmocka_unit_test(after_thirty_seconds_the_link_is_given_up),
        cmocka_unit_test(an_abandoned_request_takes_the_link_too),
        cmocka_unit_test(a_piece_of_code_is_bounded_by_time_and_link),
        cmocka_unit_test(requests_of_many_tasks_queue),
        cmocka_unit_test(values_of_an_old_link_are_stale),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
