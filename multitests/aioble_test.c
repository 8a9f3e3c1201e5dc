/* The cases of aioble's own multitests that sockets_test does not have: on virtual time with losses, and then each
 * device as a process of its own on `amble air`. What every device saw has to be the same in each run. */
#include "bench.h"

enum { WAIT_MS = BENCH_MEET_MS };

static const amble_uuid service_uuid = AMBLE_UUID128("a5a5a5a5-ffff-9999-1111-5a5a5a5a5a5a");
static const amble_uuid first_uuid = AMBLE_UUID128("00000000-1111-2222-3333-444444444444");
static const amble_uuid second_uuid = AMBLE_UUID128("00000000-1111-2222-3333-555555555555");
static const amble_uuid third_uuid = AMBLE_UUID128("00000000-1111-2222-3333-666666666666");
static const amble_uuid note_uuid = AMBLE_UUID128("00000000-1111-2222-3333-777777777777");

#define SERVER(script_, service_)                                                                                      \
    {                                                                                                                  \
        .label = "server", .script = (script_), .config = {.services = {&(service_)} }                                 \
    }
#define CLIENT(script_)                                                                                                \
    {                                                                                                                  \
        .label = "client", .script = (script_)                                                                         \
    }

static void tell_value(const bench_device *self, const char *what, const void *bytes, int size)
{
    bench_result(self, "%s %d %.*s", what, size, size > 0 ? size : 0, (const char *)bytes);
}

static void tell_read(const bench_device *self, const char *what, const amble_remote_characteristic *c)
{
    uint8_t bytes[128];

    tell_value(self, what, bytes, amble_read(c, bytes, sizeof bytes, WAIT_MS));
}

/* --- advertise_services: lists of every width --------------------------------------------------------------------- */
static const amble_uuid short_ones[] = {AMBLE_UUID16(0x181a), AMBLE_UUID16(0x180f)};
static const amble_uuid middle_ones[] = {AMBLE_UUID32(0x12345678), AMBLE_UUID32(0x9abcdef0)};
static const amble_uuid long_ones[] = {AMBLE_UUID128("458063a1-02bf-4664-857e-16c1030be066"),
                                       AMBLE_UUID128("458063a2-02bf-4664-857e-16c1030be066")};
enum { LISTS = 5 };
static const amble_advertise_options lists[LISTS] = {
    {.interval_us = BENCH_ADVERTISE_US, .name = "0", .services = {&short_ones[0], &short_ones[1]}},
    {.interval_us = BENCH_ADVERTISE_US, .name = "1", .services = {&middle_ones[0], &middle_ones[1]}},
    {.interval_us = BENCH_ADVERTISE_US, .name = "2", .services = {&long_ones[0]}},
    {.interval_us = BENCH_ADVERTISE_US, .name = "3", .services = {&long_ones[0], &long_ones[1]}},
    {.interval_us = BENCH_ADVERTISE_US,
     .name = "4",
     .services = {&long_ones[1], &short_ones[1], &middle_ones[1], &short_ones[0]}},
};

/* The reader connects when it has seen the list. */
static int advertise_lists(bench_device *self)
{
    for (int i = 0; i < LISTS; i++) {
        amble_connection *conn;

        assert_int_equal(amble_advertise(self->ble, &lists[i], &conn, WAIT_MS), 0);
        bench_result(self, "list %d was seen", i);
        bench_await_end(conn);
    }
    return 0;
}

/* Scans until the device shows as many services as it has: an answer to a scan request may be lost. */
static amble_device see_list(const bench_device *self, const amble_advertise_options *sent)
{
    const amble_scan_options options = {.active = true, .interval_us = 30000, .window_us = 30000, .name = sent->name};
    unsigned expected = 0, services = 0;
    amble_scan_result found;
    amble_scanner scanner;
    amble_uuid listed;

    while (sent->services[expected])
        expected++;
    assert_int_equal(amble_scan_open(self->ble, &scanner, &options, WAIT_MS), 0);
    while (services < expected) {
        assert_int_equal(amble_scan_next(&scanner, &found, AMBLE_FOREVER), 1);
        services = 0;
        for (size_t at = 0; amble_scan_next_service(&found, &at, &listed);)
            services++;
    }
    amble_scan_close(&scanner);
    for (size_t at = 0; amble_scan_next_service(&found, &at, &listed);) {
        char text[AMBLE_UUID_TEXT];

        bench_result(self, "%s has %s", sent->name, amble_uuid_text(&listed, text));
    }
    return found.device;
}

static int read_lists(bench_device *self)
{
    for (int i = 0; i < LISTS; i++) {
        const amble_device device = see_list(self, &lists[i]);
        amble_connection *conn;

        assert_int_equal(amble_connect(self->ble, device, NULL, &conn, WAIT_MS), 0);
        amble_connection_close(conn);
    }
    return 0;
}

static void advertise_services(void **state)
{
    (void)state;
    BENCH_RUN_EVERYWHERE({.label = "server", .script = advertise_lists}, CLIENT(read_lists));
}

/* --- buffered_characteristic: what is too long, long, and appended ------------------------------------------------ */
static const amble_characteristic brief = {.uuid = &first_uuid, .read = true, .write = true};
static const amble_characteristic longer = {.uuid = &second_uuid, .read = true, .write = true, .max_size = 40};
static const amble_characteristic growing = {
    .uuid = &third_uuid, .read = true, .write = true, .append = true, .max_size = 80};
static const amble_service buffers = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&brief, &longer, &growing)};

static int serve_buffers(bench_device *self)
{
    static const amble_characteristic *const all[] = {&brief, &longer, &growing};
    amble_connection *conn = bench_await(self);
    char text[100];

    bench_await_end(conn);
    for (int i = 0; i < 3; i++)
        tell_value(self, "has", text, amble_local_read(self->ble, all[i], text, sizeof text));
    return 0;
}

static int fill_buffers(bench_device *self)
{
    static const char text[] = "central-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                      more[] = "central-bbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    amble_connection *conn = bench_connect(self, "server");
    const amble_uuid *const uuids[] = {&first_uuid, &second_uuid, &third_uuid};

    assert_int_equal(amble_exchange_mtu(conn, WAIT_MS), 247);
    for (int i = 0; i < 3; i++) {
        const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, uuids[i]);

        bench_result(self, "%d: %d", i, amble_write(&c, text, strlen(text), WAIT_MS));
        bench_result(self, "%d: %d", i, amble_write(&c, more, strlen(more), WAIT_MS));
        tell_read(self, "reads", &c);
    }
    amble_connection_close(conn);
    return 0;
}

static void buffered_characteristic(void **state)
{
    (void)state;
    BENCH_RUN_EVERYWHERE(SERVER(serve_buffers, buffers), CLIENT(fill_buffers));
}

/* --- descriptor: of two characteristics, read and written from both sides ----------------------------------------- */
static const amble_descriptor notes[] = {
    {.uuid = &note_uuid, .read = true, .initial = "note 1", .initial_size = 6},
    {.uuid = &note_uuid, .read = true, .write = true, .initial = "note 2", .initial_size = 6}};
static const amble_characteristic noted[] = {
    {.uuid = &first_uuid, .read = true, .descriptors = AMBLE_LIST(&notes[0])},
    {.uuid = &second_uuid, .read = true, .notify = true, .descriptors = AMBLE_LIST(&notes[1])}};
static const amble_service noted_service = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&noted[0], &noted[1])};

static int serve_notes(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    char text[32];

    bench_await_end(conn);
    for (int i = 0; i < 2; i++)
        tell_value(self, "has", text, amble_local_read(self->ble, &notes[i], text, sizeof text));
    return 0;
}

static int use_notes(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_uuid *const uuids[] = {&first_uuid, &second_uuid};
    char text[32];

    for (int i = 0; i < 2; i++) {
        const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, uuids[i]);
        amble_remote_descriptor d = {0};

        while (amble_next_descriptor(&c, &d, WAIT_MS) == 1)
            bench_result(self, "descriptor %s", amble_uuid_text(&d.uuid, (char[AMBLE_UUID_TEXT]){0}));
        assert_int_equal(amble_find_descriptor(&c, &note_uuid, &d, WAIT_MS), 0);
        tell_value(self, "reads", text, amble_read_descriptor(&d, text, sizeof text, WAIT_MS));
        bench_result(self, "writes %d", amble_write_descriptor(&d, "from client", 11, WAIT_MS));
        tell_value(self, "reads", text, amble_read_descriptor(&d, text, sizeof text, WAIT_MS));
    }
    amble_connection_close(conn);
    return 0;
}

static void descriptor(void **state)
{
    (void)state;
    BENCH_RUN_EVERYWHERE(SERVER(serve_notes, noted_service), CLIENT(use_notes));
}

/* --- notify: while somebody waits, while nobody does, and to who does not want it --------------------------------- */
static const amble_characteristic level = {.uuid = &first_uuid, .read = true, .notify = true, .indicate = true};
static const amble_characteristic go = {.uuid = &second_uuid, .write = true, .capture = true};
static const amble_service levels = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&level, &go)};

static void await_go(bench_device *self)
{
    amble_value v;

    assert_int_equal(amble_written(self->ble, &go, &v, WAIT_MS), 0);
}

static int notify_levels(bench_device *self)
{
    amble_connection *conn = bench_await(self);

    bench_result(self, "not subscribed: %d", amble_notify(conn, &level, "early", 5, WAIT_MS));
    await_go(self);
    for (int i = 0; i < 5; i++)
        assert_int_equal(amble_notify(conn, &level, &"12345"[i], 1, WAIT_MS), 0);
    assert_int_equal(amble_local_write(self->ble, &level, "stored", 6), 0);
    bench_result(self, "subscribers: %d", amble_update(self->ble, &level, "stored", 6, WAIT_MS));
    await_go(self);
    bench_result(self, "indicated: %d", amble_indicate(conn, &level, "indicated", 9, WAIT_MS));
    await_go(self);
    bench_result(self, "unsubscribed: %d", amble_notify(conn, &level, "late", 4, WAIT_MS));
    bench_await_end(conn);
    return 0;
}

static int follow_levels(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &first_uuid);
    const amble_remote_characteristic start = bench_characteristic(conn, &service_uuid, &second_uuid);
    const amble_subscribe_options indications = {.indicate = true};
    amble_subscription *s;
    amble_value v;

    assert_int_equal(amble_subscribe(&c, NULL, &s, WAIT_MS), 0);
    assert_int_equal(amble_write(&start, "", 0, WAIT_MS), 0);
    bench_sleep(100); /* nobody waits for some of them */
    for (int i = 0; i < 6; i++) {
        assert_int_equal(amble_notified(s, &v, WAIT_MS), 0);
        tell_value(self, "notified", v.data, (int)v.size);
    }
    tell_read(self, "reads", &c);
    amble_subscription_close(s);
    assert_int_equal(amble_subscribe(&c, &indications, &s, WAIT_MS), 0);
    assert_int_equal(amble_write(&start, "", 0, WAIT_MS), 0);
    assert_int_equal(amble_notified(s, &v, WAIT_MS), 0);
    tell_value(self, v.indication ? "indicated" : "notified", v.data, (int)v.size);
    amble_subscription_close(s);
    assert_int_equal(amble_write(&start, "", 0, WAIT_MS), 0);
    amble_connection_close(conn);
    return 0;
}

static void notify(void **state)
{
    (void)state;
    BENCH_RUN_EVERYWHERE(SERVER(notify_levels, levels), CLIENT(follow_levels));
}

/* --- shutdown: both close everything and begin anew --------------------------------------------------------------- */
static const amble_characteristic greeting = {.uuid = &first_uuid, .read = true, .initial = "hello", .initial_size = 5};
static const amble_service greetings = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&greeting)};
enum { LIVES = 2 };

static void live_again(bench_device *self, int life)
{
    amble_close(self->ble);
    self->ble = NULL;
    if (life + 1 < LIVES)
        assert_int_equal(bench_open(self), 0);
}

static int greet(bench_device *self)
{
    const amble_advertise_options options = {.interval_us = BENCH_ADVERTISE_US, .name = "greeter"};

    for (int life = 0; life < LIVES; life++) {
        amble_connection *conn;

        assert_int_equal(amble_advertise(self->ble, &options, &conn, WAIT_MS), 0);
        bench_result(self, "connected in life %d", life);
        bench_await_end(conn);
        live_again(self, life);
    }
    return 0;
}

static int be_greeted(bench_device *self)
{
    const amble_scan_options options = {.active = true, .interval_us = 30000, .window_us = 30000, .name = "greeter"};

    for (int life = 0; life < LIVES; life++) {
        amble_remote_characteristic c;
        amble_scan_result found;
        amble_connection *conn;

        assert_int_equal(amble_scan_find(self->ble, &options, &found, WAIT_MS), 0);
        assert_int_equal(amble_connect(self->ble, found.device, NULL, &conn, WAIT_MS), 0);
        c = bench_characteristic(conn, &service_uuid, &first_uuid);
        tell_read(self, "reads", &c);
        amble_connection_close(conn);
        live_again(self, life);
    }
    return 0;
}

static void shut_down(void **state)
{
    (void)state;
    BENCH_RUN_EVERYWHERE(SERVER(greet, greetings), CLIENT(be_greeted));
}

/* --- write_capture: many writes before anybody looks -------------------------------------------------------------- */
enum { WRITES = 10 };
static const amble_characteristic captured = {
    .uuid = &first_uuid, .write = true, .write_no_response = true, .capture = true, .write_depth = WRITES};
static const amble_characteristic latest = {.uuid = &second_uuid, .write = true};
static const amble_service writes = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&captured, &latest)};

static int take_writes(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    amble_value v;

    bench_await_end(conn);
    for (int i = 0; i < WRITES; i++) {
        assert_int_equal(amble_written(self->ble, &captured, &v, WAIT_MS), 0);
        tell_value(self, "captured", v.data, (int)v.size);
    }
    bench_result(self, "no more: %d", amble_written(self->ble, &captured, &v, 0));
    assert_int_equal(amble_written(self->ble, &latest, &v, WAIT_MS), 0);
    tell_value(self, "the latest", v.data, (int)v.size);
    bench_result(self, "no more: %d", amble_written(self->ble, &latest, &v, 0));
    return 0;
}

static int write_many(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic a = bench_characteristic(conn, &service_uuid, &first_uuid);
    const amble_remote_characteristic b = bench_characteristic(conn, &service_uuid, &second_uuid);

    for (int i = 0; i < WRITES; i++) {
        const char text[] = {'c', (char)('0' + i)};

        assert_int_equal(i % 3 ? amble_write_no_response(&a, text, 2, WAIT_MS) : amble_write(&a, text, 2, WAIT_MS), 0);
        if (i % 4 == 0)
            assert_int_equal(amble_write(&b, text, 2, WAIT_MS), 0);
    }
    bench_result(self, "wrote %d", amble_write(&b, "the end", 7, WAIT_MS));
    amble_connection_close(conn);
    return 0;
}

static void write_capture(void **state)
{
    (void)state;
    BENCH_RUN_EVERYWHERE(SERVER(take_writes, writes), CLIENT(write_many));
}

/* --- perf_gatt_notify: to and fro, each side is answered ---------------------------------------------------------- */
enum { BOUNCES = 20 };
static const amble_characteristic ball = {
    .uuid = &first_uuid, .write_no_response = true, .notify = true, .capture = true};
static const amble_service court = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&ball)};

static int hit_back(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    amble_value v;

    for (int i = 0; i < BOUNCES; i++) {
        assert_int_equal(amble_written(self->ble, &ball, &v, WAIT_MS), 0);
        assert_int_equal(v.size, 1);
        assert_int_equal(v.data[0], i);
        assert_int_equal(amble_notify(conn, &ball, v.data, 1, WAIT_MS), 0);
    }
    bench_result(self, "hit back %d", BOUNCES);
    bench_await_end(conn);
    return 0;
}

static int hit(bench_device *self)
{
    const amble_connect_options quick = {.min_interval_us = 7500, .max_interval_us = 7500};
    amble_remote_characteristic c;
    amble_subscription *s;
    amble_connection *conn;
    amble_value v;

    assert_int_equal(amble_connect(self->ble, bench_address("server"), &quick, &conn, WAIT_MS), 0);
    c = bench_characteristic(conn, &service_uuid, &first_uuid);
    assert_int_equal(amble_subscribe(&c, NULL, &s, WAIT_MS), 0);
    for (uint8_t i = 0; i < BOUNCES; i++) {
        assert_int_equal(amble_write_no_response(&c, &i, 1, WAIT_MS), 0);
        assert_int_equal(amble_notified(s, &v, WAIT_MS), 0);
        assert_int_equal(v.data[0], i);
    }
    bench_result(self, "came back %d", BOUNCES);
    amble_subscription_close(s);
    amble_connection_close(conn);
    return 0;
}

static void perf_gatt_notify(void **state)
{
    (void)state;
    BENCH_RUN_EVERYWHERE(SERVER(hit_back, court), CLIENT(hit));
}

/* --- perf_l2cap: many SDUs one way, with a checksum --------------------------------------------------------------- */
enum { PSM = 0x16, STREAM = 20000, PIECE = 512 };

static unsigned sum_of(unsigned sum, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        sum = sum * 31 + data[i];
    return sum;
}

static int send_stream(bench_device *self)
{
    amble_l2cap_channel *channel;
    amble_connection *conn;
    uint8_t data[PIECE];
    unsigned sum = 0;

    assert_int_equal(amble_l2cap_listen(self->ble, PSM, NULL), 0);
    conn = bench_await(self);
    assert_int_equal(amble_l2cap_accept(conn, PSM, &channel, WAIT_MS), 0);
    for (size_t at = 0; at < STREAM; at += PIECE) {
        for (size_t i = 0; i < PIECE; i++)
            data[i] = (uint8_t)((at + i) * 7 + (at >> 8));
        sum = sum_of(sum, data, PIECE);
        assert_int_equal(amble_l2cap_send(channel, data, PIECE, WAIT_MS), PIECE);
    }
    assert_int_equal(amble_l2cap_flush(channel, WAIT_MS), 0);
    bench_result(self, "sent %u", sum);
    amble_l2cap_close(channel);
    bench_await_end(conn);
    return 0;
}

static int take_stream(bench_device *self)
{
    const amble_connect_options quick = {.min_interval_us = 7500, .max_interval_us = 15000};
    amble_l2cap_channel *channel;
    amble_connection *conn;
    uint8_t data[PIECE];
    unsigned sum = 0;
    size_t size = 0;
    int n;

    assert_int_equal(amble_connect(self->ble, bench_address("server"), &quick, &conn, WAIT_MS), 0);
    assert_int_equal(amble_l2cap_connect(conn, PSM, NULL, &channel, WAIT_MS), 0);
    while ((n = amble_l2cap_recv(channel, data, sizeof data, WAIT_MS)) > 0) {
        sum = sum_of(sum, data, (size_t)n);
        size += (size_t)n;
    }
    bench_result(self, "took %zu bytes, %u, then %d", size, sum, n);
    amble_l2cap_close(channel);
    amble_connection_close(conn);
    return 0;
}

static void perf_l2cap(void **state)
{
    (void)state;
    BENCH_RUN_EVERYWHERE({.label = "server", .script = send_stream}, CLIENT(take_stream));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(advertise_services), cmocka_unit_test(buffered_characteristic),
        cmocka_unit_test(descriptor),         cmocka_unit_test(notify),
        cmocka_unit_test(shut_down),          cmocka_unit_test(write_capture),
        cmocka_unit_test(perf_gatt_notify),   cmocka_unit_test(perf_l2cap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
