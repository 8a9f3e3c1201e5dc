/* Discovery between hosts: all or by UUID, left early, by several tasks, with the MTU large or small. */
#include "bench.h"

enum { SERVICES = 6 };

static const amble_uuid uuids[SERVICES] = {AMBLE_UUID16(0xff00), AMBLE_UUID128("458063a1-02bf-4664-857e-16c1030be066"),
                                           AMBLE_UUID16(0xff00), AMBLE_UUID128("458063a2-02bf-4664-857e-16c1030be066"),
                                           AMBLE_UUID16(0xff03), AMBLE_UUID128("458063a3-02bf-4664-857e-16c1030be066")};
static const amble_uuid short_uuid = AMBLE_UUID16(0xaa00);
static const amble_uuid long_uuid = AMBLE_UUID128("a5209632-66a9-411d-9353-9be5507790fa");
static const amble_uuid absent_uuid = AMBLE_UUID16(0xdead);
static const amble_uuid format_uuid = AMBLE_UUID16(0x2904);

static const amble_descriptor formats[SERVICES] = {
    {.uuid = &format_uuid, .read = true}, {.uuid = &format_uuid, .read = true}, {.uuid = &format_uuid, .read = true},
    {.uuid = &format_uuid, .read = true}, {.uuid = &format_uuid, .read = true}, {.uuid = &format_uuid, .read = true}};
#define CHARACTERISTICS(i)                                                                                             \
    {                                                                                                                  \
        {.uuid = &short_uuid, .read = true, .initial = &uuids[i], .initial_size = 1},                                  \
            {.uuid = &long_uuid, .write = true, .notify = true, .descriptors = AMBLE_LIST(&formats[i])},               \
            {.uuid = &short_uuid, .read = true, .indicate = true, .initial = "x", .initial_size = 1},                  \
    }
static const amble_characteristic characteristics[SERVICES][3] = {CHARACTERISTICS(0), CHARACTERISTICS(1),
                                                                  CHARACTERISTICS(2), CHARACTERISTICS(3),
                                                                  CHARACTERISTICS(4), CHARACTERISTICS(5)};
#define SERVICE(i)                                                                                                     \
    {                                                                                                                  \
        .uuid = &uuids[i],                                                                                             \
        .characteristics = AMBLE_LIST(&characteristics[i][0], &characteristics[i][1], &characteristics[i][2])          \
    }
static const amble_service services[SERVICES] = {SERVICE(0), SERVICE(1), SERVICE(2),
                                                 SERVICE(3), SERVICE(4), SERVICE(5)};

#define SERVER                                                                                                         \
    {                                                                                                                  \
        .label = "server", .script = serve, .config = {                                                                \
            .services = {&services[0], &services[1], &services[2], &services[3], &services[4], &services[5]}           \
        }                                                                                                              \
    }
#define CLIENT(function)                                                                                               \
    {                                                                                                                  \
        .label = "client", .script = function                                                                          \
    }

static int serve(bench_device *self)
{
    bench_await_end(bench_await(self));
    return 0;
}

/* --- everything --------------------------------------------------------------------------------------------------- */
static void look_into(const amble_remote_service *service)
{
    amble_remote_characteristic c = {.handle = 0};
    amble_remote_descriptor d = {.handle = 0};
    uint16_t last = service->start;

    for (int i = 0; i < 3; i++) {
        assert_int_equal(amble_next_characteristic(service, &c, 10000), 1);
        assert_true(amble_uuid_equal(&c.uuid, i == 1 ? &long_uuid : &short_uuid));
        assert_true(c.handle > last && c.value_handle == c.handle + 1 && c.end <= service->end);
        last = c.value_handle;
        if (i != 1)
            continue;
        assert_int_equal(c.properties, AMBLE_PROPERTY_WRITE | AMBLE_PROPERTY_NOTIFY);
        assert_int_equal(amble_next_descriptor(&c, &d, 10000), 1);
        assert_int_equal(amble_next_descriptor(&c, &d, 10000), 1); /* the configuration is one of them */
        assert_int_equal(amble_next_descriptor(&c, &d, 10000), 0);
        assert_int_equal(amble_find_descriptor(&c, &format_uuid, &d, 10000), 0);
        assert_int_equal(amble_find_descriptor(&c, &absent_uuid, &d, 10000), AMBLE_ERR_NOT_FOUND);
    }
    assert_true(c.end == service->end);
    assert_int_equal(amble_next_characteristic(service, &c, 10000), 0);
}

static int discover_all(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");

    for (int round = 0; round < 2; round++) {
        amble_remote_service service = {.start = 0};
        unsigned found = 0;

        while (amble_next_service(conn, &service, 10000) == 1) {
            if (found >= 2) { /* GAP and GATT come first */
                assert_true(amble_uuid_equal(&service.uuid, &uuids[found - 2]));
                look_into(&service);
            }
            found++;
        }
        assert_int_equal(found, SERVICES + 2);
        assert_int_equal(amble_exchange_mtu(conn, 5000), 247); /* once more, with long lists */
    }
    amble_connection_close(conn);
    return 0;
}

static void everything_is_found_in_order(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER, CLIENT(discover_all));
}

/* --- by UUID, left early ------------------------------------------------------------------------------------------ */
static int find_some(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    amble_remote_service service, next;
    amble_remote_characteristic c;
    uint8_t byte;

    for (int i = SERVICES - 1; i >= 0; i--) {
        assert_int_equal(amble_find_service(conn, &uuids[i], &service, 10000), 0);
        assert_true(amble_uuid_equal(&service.uuid, &uuids[i]));
        assert_int_equal(amble_find_characteristic(&service, &short_uuid, &c, 10000), 0);
        assert_int_equal(amble_read(&c, &byte, 1, 10000), 1); /* the first of its name */
        assert_int_equal(byte, 2 + 14 * (i % 2));
        assert_int_equal(amble_find_characteristic(&service, &long_uuid, &c, 10000), 0);
        assert_int_equal(amble_find_characteristic(&service, &absent_uuid, &c, 10000), AMBLE_ERR_NOT_FOUND);
    }
    assert_int_equal(amble_find_service(conn, &absent_uuid, &service, 10000), AMBLE_ERR_NOT_FOUND);
    memset(&next, 0, sizeof next);
    assert_int_equal(amble_next_service(conn, &next, 10000), 1); /* and no more of it */
    assert_int_equal(amble_find_service(conn, &uuids[1], &service, 0), AMBLE_ERR_TIMEOUT);
    amble_connection_close(conn);
    return 0;
}

static void one_is_found_by_its_uuid(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER, CLIENT(find_some));
}

/* --- several tasks at once, cancelled at any moment --------------------------------------------------------------- */
static int discover_in_task(void *arg)
{
    amble_remote_service service = {.start = 0};
    unsigned found = 0;
    int r;

    while ((r = amble_next_service(arg, &service, AMBLE_FOREVER)) == 1) {
        amble_remote_characteristic c = {.handle = 0};
        unsigned count = 0;

        while ((r = amble_next_characteristic(&service, &c, AMBLE_FOREVER)) == 1)
            count++;
        if (r < 0)
            return r;
        if (found >= 2) /* after GAP and GATT */
            assert_int_equal(count, 3);
        found++;
    }
    return r < 0 ? r : (int)found;
}

static int discover_together(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");

    for (int round = 0; round < 30; round++) {
        amble_task *tasks[3];
        amble_scope scope;

        amble_scope_open(&scope);
        for (int i = 0; i < 3; i++)
            tasks[i] = amble_spawn(&scope, discover_in_task, conn);
        bench_sleep(round * 23);
        amble_cancel(tasks[round % 3]);
        for (int i = 0; i < 3; i++) {
            const int r = amble_join(tasks[i], AMBLE_FOREVER);

            assert_true(r == SERVICES + 2 || (r == AMBLE_ERR_CANCELLED && i == round % 3));
        }
        amble_scope_close(&scope);
    }
    amble_connection_close(conn);
    return 0;
}

static void tasks_discover_at_once(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER, CLIENT(discover_together));
}

/* --- how many round trips ----------------------------------------------------------------------------------------- */
enum { MANY = 10, EACH = 5, GAP_AND_GATT = 2 };
static amble_characteristic many[MANY][EACH];
static const amble_characteristic *lists[MANY][EACH + 1];
static amble_service many_services[MANY];

static int serve_many(bench_device *self)
{
    amble_connection *conn;

    for (int i = 0; i < MANY; i++) {
        for (int k = 0; k < EACH; k++) {
            many[i][k] = (amble_characteristic){.uuid = &short_uuid, .read = true, .max_size = 1};
            lists[i][k] = &many[i][k];
        }
        many_services[i] = (amble_service){.uuid = &uuids[0], .characteristics = lists[i]};
        assert_int_equal(amble_serve(self->ble, &many_services[i]), 0);
    }
    conn = bench_await(self);
    bench_await_end(conn);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(amble_unserve(self->ble, &many_services[i]), 0);
    return 0;
}

/* Requests that lists of so many entries need, each as long as the MTU allows. */
static unsigned lists_of(unsigned entries, unsigned entry_size, unsigned mtu)
{
    const unsigned per_list = (mtu - 2) / entry_size;

    return (entries + per_list - 1) / per_list;
}

static void count_round_trips(amble *ble, amble_connection *conn)
{
    const uint64_t before = amble_read_statistics(ble).acl_sent;
    const unsigned mtu = amble_connection_mtu(conn);
    /* One more tells that no service follows. A service whose end is the last value needs no such request. */
    const unsigned least = lists_of(MANY + GAP_AND_GATT, 6, mtu) + 1 + MANY * lists_of(EACH, 7, mtu);
    amble_remote_service service = {.conn = NULL};
    unsigned seen = 0, found = 0, used;
    int r;

    while ((r = amble_next_service(conn, &service, 10000)) == 1) {
        amble_remote_characteristic c = {.conn = NULL};

        if (seen++ >= GAP_AND_GATT)
            while ((r = amble_next_characteristic(&service, &c, 10000)) == 1)
                found++;
        assert_true(r >= 0);
    }
    assert_int_equal(found, MANY * EACH);
    used = (unsigned)(amble_read_statistics(ble).acl_sent - before);
    print_message("%u services with %u characteristics each, MTU %u: %u round trips; the MTU allows %u\n", MANY, EACH,
                  mtu, used, least);
    assert_int_equal(used, least);
}

static int discover_many(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");

    count_round_trips(self->ble, conn);
    assert_int_equal(amble_exchange_mtu(conn, 5000), 247);
    count_round_trips(self->ble, conn);
    amble_connection_close(conn);
    return 0;
}

static void discovery_takes_no_more_than_it_must(void **state)
{
    (void)state;
    BENCH_RUN(&(bench_options){.seed = 1}, {.label = "server", .script = serve_many},
              {.label = "client", .script = discover_many});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_found_in_order),
        cmocka_unit_test(one_is_found_by_its_uuid),
        cmocka_unit_test(tasks_discover_at_once),
        cmocka_unit_test(discovery_takes_no_more_than_it_must),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
