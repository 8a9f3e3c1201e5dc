/* Services that come and go while links are up: who follows the database hears of it, what was found before is stale,
 * what is remembered of a peer answers discovery as long as its hash is the same. */
#include "bench.h"

static const amble_uuid first_uuid = AMBLE_UUID16(0x1815), second_uuid = AMBLE_UUID16(0x1816);
static const amble_uuid value_uuid = AMBLE_UUID16(0x2a56);
static const amble_characteristic value = {
    .uuid = &value_uuid, .read = true, .notify = true, .initial = "1", .initial_size = 1};
static const amble_characteristic other = {.uuid = &value_uuid, .read = true, .initial = "2", .initial_size = 1};
static const amble_service first = {.uuid = &first_uuid, .characteristics = AMBLE_LIST(&value)};
static const amble_service second = {
    .uuid = &second_uuid, .characteristics = AMBLE_LIST(&other), .includes = AMBLE_INCLUDES(&first)};

#define SERVER(function)                                                                                               \
    {                                                                                                                  \
        .label = "server", .script = function, .config = {.services = {&first} }                                       \
    }

static amble_event change, changed;

static int change_services(bench_device *self)
{
    amble_connection *conn = bench_await(self);

    assert_int_equal(amble_event_wait(&change, 60000), 0);
    assert_int_equal(amble_serve(self->ble, &second), 0);
    assert_int_equal(amble_unserve(self->ble, &first), AMBLE_ERR_BUSY);
    amble_event_set(&changed);
    assert_int_equal(amble_event_wait(&change, 60000), 0);
    assert_int_equal(amble_unserve(self->ble, &second), 0);
    assert_int_equal(amble_unserve(self->ble, &first), 0);
    amble_event_set(&changed);
    bench_await_end(conn);
    return 0;
}

/* Has the server change something, and waits until word of it is here. */
static void let_change(void)
{
    amble_event_set(&change);
    assert_int_equal(amble_event_wait(&changed, 60000), 0);
    bench_sleep(3000);
}

static int follow(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    amble_remote_characteristic c, d;
    amble_remote_service s, included = {.conn = NULL};
    amble_subscription *subscription;
    amble_value got;
    char text[4];

    assert_int_equal(amble_follow_database(conn, 60000), 0);
    c = bench_characteristic(conn, &first_uuid, &value_uuid);
    assert_int_equal(amble_subscribe(&c, NULL, &subscription, 60000), 0);
    assert_int_equal(amble_find_service(conn, &second_uuid, &s, 60000), AMBLE_ERR_NOT_FOUND);
    let_change();
    assert_int_equal(amble_read(&c, text, sizeof text, 60000), 1); /* it is where it was */
    assert_int_equal(amble_find_service(conn, &second_uuid, &s, 60000), 0);
    assert_int_equal(amble_next_included(&s, &included, 60000), 1);
    assert_true(amble_uuid_equal(&included.uuid, &first_uuid));
    assert_int_equal(amble_next_included(&s, &included, 60000), 0);
    assert_int_equal(amble_find_characteristic(&s, &value_uuid, &d, 60000), 0);
    assert_int_equal(amble_read(&d, text, sizeof text, 60000), 1);
    assert_int_equal(text[0], '2');
    let_change();
    assert_int_equal(amble_read(&d, text, sizeof text, 60000), AMBLE_ERR_STALE);
    assert_int_equal(amble_read(&c, text, sizeof text, 60000), AMBLE_ERR_STALE);
    assert_int_equal(amble_notified(subscription, &got, 60000), AMBLE_ERR_STALE);
    assert_int_equal(amble_next_included(&s, &included, 60000), AMBLE_ERR_STALE);
    assert_int_equal(amble_find_service(conn, &second_uuid, &s, 60000), AMBLE_ERR_NOT_FOUND);
    amble_subscription_close(subscription);
    amble_connection_close(conn);
    return 0;
}

static void what_changed_is_stale(void **state)
{
    (void)state;
    amble_event_clear(&change);
    amble_event_clear(&changed);
    BENCH_RUN_LOSSY(SERVER(change_services), {.label = "client", .script = follow});
}

/* --- what is remembered ------------------------------------------------------------------------------------------- */
enum { LINKS = 3 };

static int serve_links(bench_device *self)
{
    for (int i = 0; i < LINKS; i++) {
        bench_await_end(bench_await(self));
        if (i == 1)
            assert_int_equal(amble_serve(self->ble, &second), 0);
    }
    return 0;
}

static int come_again(bench_device *self)
{
    static const int remembered[LINKS] = {0, 1, 0};
    uint64_t sent[LINKS];

    for (int i = 0; i < LINKS; i++) {
        amble_connection *conn = bench_connect(self, "server");
        uint64_t before;
        char text[4];

        assert_int_equal(amble_follow_database(conn, 60000), remembered[i]);
        before = amble_read_statistics(self->ble).acl_sent;
        for (int k = 0; k < 2; k++) {
            const amble_remote_characteristic c = bench_characteristic(conn, &first_uuid, &value_uuid);

            sent[i] = amble_read_statistics(self->ble).acl_sent - before;
            assert_int_equal(amble_read(&c, text, sizeof text, 60000), 1);
        }
        amble_connection_close(conn);
    }
    assert_true(sent[0] > 1);     /* it had to ask */
    assert_int_equal(sent[1], 1); /* only for the value, between the two */
    assert_true(sent[2] > 1);     /* the hash is another */
    return 0;
}

static void what_is_remembered_needs_no_request(void **state)
{
    (void)state;
    BENCH_RUN(&(bench_options){.seed = 1}, SERVER(serve_links), {.label = "client", .script = come_again});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_changed_is_stale),
        cmocka_unit_test(what_is_remembered_needs_no_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
