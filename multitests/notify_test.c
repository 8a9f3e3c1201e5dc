/* Values that are sent unasked: notifications and indications, subscriptions and their queues, confirmations that
 * are held. */
#include "bench.h"

static const amble_uuid service_uuid = AMBLE_UUID16(0x181a);
static const amble_uuid level_uuid = AMBLE_UUID16(0x2a6e);
static const amble_uuid alarm_uuid = AMBLE_UUID16(0x2a6f);
static const amble_uuid plain_uuid = AMBLE_UUID16(0x2a70);
static const amble_uuid trend_uuid = AMBLE_UUID16(0x2a71);

static const amble_characteristic level = {.uuid = &level_uuid, .read = true, .notify = true, .indicate = true};
static const amble_characteristic alarm_value = {.uuid = &alarm_uuid, .indicate = true};
static const amble_characteristic plain = {.uuid = &plain_uuid, .read = true};
static const amble_characteristic trend = {.uuid = &trend_uuid, .notify = true};
static const amble_service service = {.uuid = &service_uuid,
                                      .characteristics = AMBLE_LIST(&level, &alarm_value, &plain, &trend)};

#define SERVER(function)                                                                                               \
    {                                                                                                                  \
        .label = "server", .script = function, .config = {.services = {&service} }                                     \
    }

static void await_subscription(amble_connection *conn, const amble_characteristic *c, unsigned bits)
{
    for (int i = 0; i < 2000 && amble_subscribed(conn, c) != bits; i++)
        bench_sleep(5);
    assert_int_equal(amble_subscribed(conn, c), bits);
}

static void takes_value(amble_subscription *s, unsigned number, unsigned dropped, bool indication)
{
    amble_value value;

    assert_int_equal(amble_notified(s, &value, 20000), 0);
    assert_int_equal(value.size, 1);
    assert_int_equal(value.data[0], number);
    assert_int_equal(value.dropped, dropped);
    assert_int_equal(value.indication, indication);
}

/* --- one after the other ------------------------------------------------------------------------------------------ */
static int notify_many(bench_device *self)
{
    amble_connection *conn = bench_await(self);

    assert_int_equal(amble_notify(conn, &level, "x", 1, 1000), AMBLE_ERR_NOT_SUBSCRIBED);
    assert_int_equal(amble_indicate(conn, &level, "x", 1, 1000), AMBLE_ERR_NOT_SUBSCRIBED);
    assert_int_equal(amble_notify(conn, &alarm_value, "x", 1, 1000), AMBLE_ERR_UNSUPPORTED);
    assert_int_equal(amble_indicate(conn, &plain, "x", 1, 1000), AMBLE_ERR_UNSUPPORTED);
    await_subscription(conn, &level, 1);
    assert_int_equal(amble_notify(conn, &level, "123456789012345678901", 21, 1000), AMBLE_ERR_TOO_LONG);
    for (uint8_t i = 0; i < 100; i++)
        assert_int_equal(amble_notify(conn, &level, &i, 1, AMBLE_FOREVER), 0);
    bench_await_end(conn);
    return 0;
}

static int follow_many(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &level_uuid);
    const amble_remote_characteristic without = bench_characteristic(conn, &service_uuid, &plain_uuid);
    amble_subscription *s, *second;

    assert_int_equal(amble_subscribe(&without, NULL, &s, 5000), AMBLE_ERR_UNSUPPORTED);
    assert_int_equal(amble_subscribe(&c, &(amble_subscribe_options){.depth = 60}, &s, 5000), 0);
    assert_int_equal(amble_subscribe(&c, NULL, &second, 5000), AMBLE_ERR_BUSY);
    for (unsigned i = 0; i < 100; i++)
        takes_value(s, i, 0, false);
    amble_subscription_close(s);
    assert_int_equal(amble_subscribe(&c, NULL, &s, 5000), 0); /* again, on the same link */
    amble_subscription_close(s);
    amble_connection_close(conn);
    return 0;
}

static void notifications_arrive_in_order(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(notify_many), {.label = "client", .script = follow_many});
}

static int indicate_and_notify(bench_device *self)
{
    amble_connection *conn = bench_await(self);

    await_subscription(conn, &alarm_value, 2);
    await_subscription(conn, &level, 1);
    for (uint8_t i = 0; i < 20; i++) {
        assert_int_equal(amble_notify(conn, &level, &i, 1, AMBLE_FOREVER), 0);
        assert_int_equal(amble_indicate(conn, &alarm_value, &i, 1, AMBLE_FOREVER), 0);
    }
    bench_await_end(conn);
    return 0;
}

/* Which queue has the older value is what amble_wait_first says. */
static int follow_both(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic a = bench_characteristic(conn, &service_uuid, &alarm_uuid);
    const amble_remote_characteristic l = bench_characteristic(conn, &service_uuid, &level_uuid);
    const amble_subscribe_options deep = {.depth = 25}, indications = {.indicate = true, .depth = 25};
    amble_subscription *alarms, *levels;
    amble_source sources[2];

    assert_int_equal(amble_subscribe(&a, &indications, &alarms, 5000), 0);
    assert_int_equal(amble_subscribe(&l, &deep, &levels, 5000), 0);
    sources[0] = amble_on_notified(alarms);
    sources[1] = amble_on_notified(levels);
    bench_sleep(5000); /* all have arrived */
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(amble_wait_first(sources, 2, 20000), 1);
        takes_value(levels, i, 0, false);
        assert_int_equal(amble_wait_first(sources, 2, 20000), 0);
        takes_value(alarms, i, 0, true);
    }
    amble_subscription_close(alarms);
    amble_subscription_close(levels);
    amble_connection_close(conn);
    return 0;
}

static void notifications_and_indications_stay_in_order(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(indicate_and_notify), {.label = "client", .script = follow_both});
}

/* --- a queue that nobody reads ------------------------------------------------------------------------------------ */
static int notify_ten(bench_device *self)
{
    amble_connection *conn = bench_await(self);

    await_subscription(conn, &level, 1);
    for (uint8_t i = 0; i < 10; i++)
        assert_int_equal(amble_notify(conn, &level, &i, 1, AMBLE_FOREVER), 0);
    bench_sleep(3000);
    assert_int_equal(amble_notify(conn, &level, "\xaa", 1, AMBLE_FOREVER), 0);
    bench_await_end(conn);
    return 0;
}

static int follow_four(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &level_uuid);
    amble_subscription *s;

    assert_int_equal(amble_subscribe(&c, &(amble_subscribe_options){.depth = 3}, &s, 5000), 0);
    bench_sleep(2000);
    for (unsigned i = 0; i < 4; i++) /* three, and the place of the one in view */
        takes_value(s, i, 0, false);
    takes_value(s, 0xaa, 6, false);
    assert_int_equal(amble_read_statistics(self->ble).notifications_dropped, 6);
    amble_subscription_close(s);
    amble_connection_close(conn);
    return 0;
}

static void notifications_beyond_the_queue_are_counted(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(notify_ten), {.label = "client", .script = follow_four});
}

/* The host's buffers are shared by all subscriptions: one more than there is room for is refused, and nothing of it
 * stays. */
static int stay(bench_device *self)
{
    bench_await_end(bench_await(self));
    return 0;
}

static int use_all_buffers(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic l = bench_characteristic(conn, &service_uuid, &level_uuid);
    const amble_remote_characteristic a = bench_characteristic(conn, &service_uuid, &alarm_uuid);
    const amble_subscribe_options five = {.depth = 5}, four = {.indicate = true, .depth = 4},
                                  three = {.indicate = true, .depth = 3};
    amble_subscription *s, *second;

    for (int i = 0; i < 3; i++) {
        assert_int_equal(amble_subscribe(&l, &five, &s, 5000), 0); /* six of ten, with the one in view */
        assert_int_equal(amble_subscribe(&a, &four, &second, 5000), AMBLE_ERR_NO_MEMORY);
        assert_null(second);
        assert_int_equal(amble_subscribe(&a, &three, &second, 5000), 0);
        amble_subscription_close(second);
        amble_subscription_close(s);
    }
    assert_int_equal(amble_subscribe(&l, &five, &s, 1), AMBLE_ERR_TIMEOUT); /* gives them back as well */
    amble_connection_close(conn);
    return 0;
}

static void subscriptions_share_the_hosts_buffers(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(stay),
                    {.label = "client", .script = use_all_buffers, .config = {.notification_buffers = 10}});
}

/* --- the end of the link ------------------------------------------------------------------------------------------ */
static int notify_and_leave(bench_device *self)
{
    amble_connection *conn = bench_await(self);

    await_subscription(conn, &level, 1);
    for (uint8_t i = 0; i < 3; i++)
        assert_int_equal(amble_notify(conn, &level, &i, 1, AMBLE_FOREVER), 0);
    amble_connection_close(conn); /* what was sent still arrives */
    return 0;
}

static int follow_to_the_end(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &level_uuid);
    amble_subscription *s;
    amble_source source;
    amble_value value;

    assert_int_equal(amble_subscribe(&c, NULL, &s, 5000), 0);
    assert_int_equal(amble_disconnected(conn, 20000), 0);
    source = amble_on_notified(s);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(amble_wait_first(&source, 1, 1000), 0);
        takes_value(s, i, 0, false);
    }
    assert_int_equal(amble_wait_first(&source, 1, 1000), 0);
    assert_int_equal(amble_notified(s, &value, AMBLE_FOREVER), AMBLE_ERR_DISCONNECTED);
    amble_subscription_close(s);
    amble_connection_close(conn);
    return 0;
}

static void what_was_queued_comes_before_the_end(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(notify_and_leave), {.label = "client", .script = follow_to_the_end});
}

/* A wait for the first of several ends with the link, too. */
static int leave_without_a_word(bench_device *self)
{
    amble_connection *conn = bench_await(self);

    await_subscription(conn, &level, 1);
    bench_sleep(1000);
    amble_connection_close(conn);
    return 0;
}

static int wait_for_the_first(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &level_uuid);
    amble_event never = {0};
    amble_subscription *s;
    amble_source sources[2];
    amble_value value;

    assert_int_equal(amble_subscribe(&c, NULL, &s, 5000), 0);
    sources[0] = amble_on_event(&never);
    sources[1] = amble_on_notified(s);
    assert_int_equal(amble_wait_first(sources, 2, 20000), 1);
    assert_int_equal(amble_notified(s, &value, 0), AMBLE_ERR_DISCONNECTED);
    amble_subscription_close(s);
    amble_connection_close(conn);
    return 0;
}

static void waiting_for_the_first_ends_with_the_link(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(leave_without_a_word), {.label = "client", .script = wait_for_the_first});
}

/* --- indications -------------------------------------------------------------------------------------------------- */
typedef struct {
    amble_connection *conn;
    uint8_t number;
    int timeout_ms, ended_ms;
} indication;

static int indicate(void *arg)
{
    indication *i = arg;
    int r = amble_indicate(i->conn, &level, &i->number, 1, i->timeout_ms);

    i->ended_ms = bench_now_ms();
    return r;
}

/* The reader takes nothing for a while, so the third confirmation is held; two more tasks wait for their turn behind
 * it. */
static int indicate_to_a_slow_one(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    indication two = {.conn = conn, .number = 2, .timeout_ms = 1000};
    indication three = {.conn = conn, .number = 3, .timeout_ms = AMBLE_FOREVER};
    indication four = {.conn = conn, .number = 4, .timeout_ms = AMBLE_FOREVER};
    amble_task *task;
    amble_scope scope;

    await_subscription(conn, &level, 2);
    for (uint8_t i = 0; i < 2; i++)
        assert_int_equal(amble_indicate(conn, &level, &i, 1, AMBLE_FOREVER), 0);
    amble_scope_open(&scope);
    task = amble_spawn(&scope, indicate, &two);
    assert_int_equal(amble_join(task, AMBLE_FOREVER), AMBLE_ERR_TIMEOUT); /* its confirmation is still awaited */
    amble_spawn(&scope, indicate, &three);
    amble_spawn(&scope, indicate, &four);
    assert_int_equal(amble_join(task, AMBLE_FOREVER), AMBLE_ERR_TIMEOUT);
    bench_await_end(conn);
    amble_scope_close(&scope);
    assert_true(three.ended_ms >= 6000 && four.ended_ms >= three.ended_ms);
    return 0;
}

static int read_slowly(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &level_uuid);
    const amble_subscribe_options options = {.indicate = true, .depth = 2};
    amble_subscription *s;

    assert_int_equal(amble_subscribe(&c, &options, &s, 5000), 0);
    bench_sleep(6000 + 2000 - bench_now_ms() % 1000);
    for (unsigned i = 0; i < 5; i++)
        takes_value(s, i, 0, true);
    bench_sleep(1000);
    amble_subscription_close(s);
    amble_connection_close(conn);
    return 0;
}

static void indications_wait_for_a_slow_reader(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(indicate_to_a_slow_one), {.label = "client", .script = read_slowly});
}

/* Nobody reads at all: after 20 s the confirmation goes out all the same, before the server gives up after 30 s. */
static int indicate_to_a_sleeper(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    int before;

    await_subscription(conn, &level, 2);
    assert_int_equal(amble_indicate(conn, &level, "\0", 1, AMBLE_FOREVER), 0);
    before = bench_now_ms();
    assert_int_equal(amble_indicate(conn, &level, "\1", 1, AMBLE_FOREVER), 0);
    assert_in_range(bench_now_ms() - before, 19500, 21000);
    bench_await_end(conn);
    return 0;
}

static int sleep_long(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &level_uuid);
    amble_subscription *s;

    assert_int_equal(amble_subscribe(&c, &(amble_subscribe_options){.indicate = true, .depth = 1}, &s, 5000), 0);
    bench_sleep(40000);
    assert_true(amble_connected(conn));
    takes_value(s, 0, 0, true);
    takes_value(s, 1, 0, true);
    amble_subscription_close(s);
    amble_connection_close(conn);
    return 0;
}

static void an_owed_confirmation_is_sent_in_time(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(indicate_to_a_sleeper), {.label = "client", .script = sleep_long});
}

/* --- many centrals ------------------------------------------------------------------------------------------------ */
static int update_all(bench_device *self)
{
    amble_connection *conns[3];
    char buffer[4];

    for (int i = 0; i < 3; i++)
        conns[i] = bench_await(self);
    await_subscription(conns[0], &level, 1);
    await_subscription(conns[1], &level, 2);
    bench_sleep(2000);
    assert_int_equal(amble_update(self->ble, &level, "\7", 1, AMBLE_FOREVER), 2); /* the third did not ask */
    assert_int_equal(amble_local_read(self->ble, &level, buffer, sizeof buffer), 1);
    for (int i = 0; i < 3; i++)
        bench_await_end(conns[i]);
    return 0;
}

static int be_updated(bench_device *self)
{
    const int number = self->label[1] - '0';
    amble_remote_characteristic c;
    amble_subscription *s = NULL;
    amble_connection *conn;

    bench_sleep(number * 1500);
    conn = bench_connect(self, "server");
    c = bench_characteristic(conn, &service_uuid, &level_uuid);
    if (number < 2) {
        const amble_subscribe_options options = {.indicate = number == 1};

        assert_int_equal(amble_subscribe(&c, &options, &s, 5000), 0);
        takes_value(s, 7, 0, number == 1);
    } else {
        bench_sleep(5000);
    }
    amble_subscription_close(s);
    amble_connection_close(conn);
    return 0;
}

static void an_update_tells_whoever_subscribed(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(update_all), {.label = "c0", .script = be_updated}, {.label = "c1", .script = be_updated},
                    {.label = "c2", .script = be_updated});
}

/* --- several in one packet ---------------------------------------------------------------------------------------- */
enum { PAIRS = 40 };
static bool understands; /* the client does, and says so */

static int notify_pairs(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    uint64_t sent;

    await_subscription(conn, &trend, 1); /* it comes second */
    sent = amble_read_statistics(self->ble).acl_sent;
    for (uint8_t i = 0; i < PAIRS; i++) {
        amble_notify_part parts[] = {{.characteristic = &level, .data = &i, .size = 1},
                                     {.characteristic = &trend, .data = &i, .size = 1}};

        assert_int_equal(amble_notify_multiple(conn, parts, 2, AMBLE_FOREVER), 0);
    }
    bench_sleep(10000); /* what is queued goes out, and what the client asks then is answered */
    sent = amble_read_statistics(self->ble).acl_sent - sent;
    assert_in_range(sent, understands ? PAIRS : 2 * PAIRS, (understands ? PAIRS : 2 * PAIRS) + 4);
    bench_await_end(conn);
    return 0;
}

static int follow_pairs(bench_device *self)
{
    const amble_subscribe_options options = {.depth = PAIRS};
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &level_uuid);
    const amble_remote_characteristic d = bench_characteristic(conn, &service_uuid, &trend_uuid);
    amble_subscription *s, *t;

    if (understands)
        assert_int_equal(amble_follow_database(conn, 60000), 0);
    assert_int_equal(amble_subscribe(&c, &options, &s, 60000), 0);
    assert_int_equal(amble_subscribe(&d, &options, &t, 60000), 0);
    for (unsigned i = 0; i < PAIRS; i++) {
        takes_value(s, i, 0, false);
        takes_value(t, i, 0, false);
    }
    amble_subscription_close(s);
    amble_subscription_close(t);
    amble_connection_close(conn);
    return 0;
}

static void values_share_a_packet_where_they_may(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        understands = i == 1;
        BENCH_RUN_LOSSY({.label = "server",
                         .script = notify_pairs,
                         .config = {.services = {&service}, .notification_buffers = 2 * PAIRS + 2}},
                        {.label = "client", .script = follow_pairs, .config = {.notification_buffers = 2 * PAIRS + 2}});
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notifications_arrive_in_order),
        cmocka_unit_test(values_share_a_packet_where_they_may),
        cmocka_unit_test(notifications_and_indications_stay_in_order),
        cmocka_unit_test(notifications_beyond_the_queue_are_counted),
        cmocka_unit_test(subscriptions_share_the_hosts_buffers),
        cmocka_unit_test(what_was_queued_comes_before_the_end),
        cmocka_unit_test(waiting_for_the_first_ends_with_the_link),
        cmocka_unit_test(indications_wait_for_a_slow_reader),
        cmocka_unit_test(an_owed_confirmation_is_sent_in_time),
        cmocka_unit_test(an_update_tells_whoever_subscribed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
