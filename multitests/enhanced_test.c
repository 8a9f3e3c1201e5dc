/* Enhanced bearers of ATT: they open by themselves on an encrypted link when both sides have them, requests overlap on
 * them, and whatever a peer does to one of them, the others and the link go on. */
#include "bench.h"

#include "att/bearer.h"

enum { WAIT = 60000, ALL = 3, TASKS = 4, ROUNDS = 12, LONG_SIZE = 400, SPSM_ATT = 0x27 };

static const amble_uuid service_uuid = AMBLE_UUID16(0xaa00), first_uuid = AMBLE_UUID16(0xaa01),
                        second_uuid = AMBLE_UUID16(0xaa02), quick_uuid = AMBLE_UUID16(0xaa03),
                        log_uuid = AMBLE_UUID16(0xaa04), long_uuid = AMBLE_UUID16(0xaa05),
                        other_uuid = AMBLE_UUID16(0xaa06), told_uuid = AMBLE_UUID16(0xaa07);
/* A task answers for these two. */
static const amble_characteristic first = {.uuid = &first_uuid, .read = true, .answer_reads = true};
static const amble_characteristic second = {.uuid = &second_uuid, .read = true, .answer_reads = true};
static const amble_characteristic quick = {.uuid = &quick_uuid, .read = true, .initial = "quick", .initial_size = 5};
static const amble_characteristic writes = {
    .uuid = &log_uuid, .write = true, .capture = true, .write_depth = 2, .max_size = 20};
static const amble_characteristic long_one = {.uuid = &long_uuid, .read = true, .write = true, .max_size = LONG_SIZE};
static const amble_characteristic other_long = {
    .uuid = &other_uuid, .read = true, .write = true, .max_size = LONG_SIZE};
static const amble_characteristic told = {.uuid = &told_uuid, .notify = true, .indicate = true, .max_size = 20};
static const amble_service service = {.uuid = &service_uuid,
                                      .characteristics =
                                          AMBLE_LIST(&first, &second, &quick, &writes, &long_one, &other_long, &told)};

#define DEVICE(name, function)                                                                                         \
    {                                                                                                                  \
        .label = name, .script = function, .config = {.services = {&service} }                                         \
    }
#define DEVICE_WITHOUT(name, function)                                                                                 \
    {                                                                                                                  \
        .label = name, .script = function, .config = {.services = {&service}, .no_enhanced_bearers = true }            \
    }

static amble_remote_characteristic find(amble_connection *conn, const amble_uuid *uuid)
{
    return bench_characteristic(conn, &service_uuid, uuid);
}

static void await_bearers(const amble_connection *conn, unsigned count)
{
    for (int i = 0; amble_connection_bearers(conn) != count; i++) {
        assert_in_range(i, 0, 600);
        bench_sleep(100);
    }
}

/* The central's side of a link with all its bearers. */
static amble_connection *connect_with_bearers(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");

    assert_int_equal(amble_connection_bearers(conn), 1);
    assert_int_equal(amble_pair(conn, NULL, WAIT), 0);
    await_bearers(conn, ALL);
    return conn;
}
static amble_connection *await_encrypted(bench_device *self)
{
    amble_connection *conn = bench_await(self);

    assert_int_equal(amble_encrypted(conn, WAIT), 0);
    return conn;
}

/* --- overlapping -------------------------------------------------------------------------------------------------- */
typedef struct {
    amble_remote_characteristic c;
    int result;
    char text[LONG_SIZE];
} reading;

static unsigned ended; /* how many have, so far */
static unsigned order[ALL];

static int read_it(void *arg)
{
    reading *r = arg;

    r->result = amble_read(&r->c, r->text, sizeof r->text, WAIT);
    order[ended++] = (uint8_t)r->text[0];
    return 0;
}

static int answer_backwards(bench_device *self)
{
    amble_connection *conn = await_encrypted(self);
    amble_request one, two;

    assert_int_equal(amble_requested(self->ble, &first, &one, WAIT), 0);
    assert_int_equal(amble_requested(self->ble, &second, &two, WAIT), 0); /* while the other one still waits */
    assert_int_equal(amble_connection_bearers(conn), ALL);
    bench_sleep(5000);
    assert_int_equal(amble_request_answer(self->ble, &two, "2", 1), 0);
    bench_sleep(5000);
    assert_int_equal(amble_request_answer(self->ble, &one, "1", 1), 0);
    bench_await_end(conn);
    return 0;
}

static int read_three_at_once(bench_device *self)
{
    amble_connection *conn = connect_with_bearers(self);
    reading readings[] = {
        {.c = find(conn, &first_uuid)}, {.c = find(conn, &second_uuid)}, {.c = find(conn, &quick_uuid)}};
    amble_scope scope;

    ended = 0;
    amble_scope_open(&scope);
    for (int i = 0; i < ALL; i++)
        amble_spawn(&scope, read_it, &readings[i]);
    assert_int_equal(amble_scope_wait(&scope, WAIT), 0);
    amble_scope_close(&scope);
    assert_int_equal(readings[0].result, 1);
    assert_int_equal(readings[1].result, 1);
    assert_int_equal(readings[2].result, 5);
    /* The last that asked was answered first. */
    assert_int_equal(order[0], 'q');
    assert_int_equal(order[1], '2');
    assert_int_equal(order[2], '1');
    amble_connection_close(conn);
    return 0;
}

static void requests_overlap(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(DEVICE("server", answer_backwards), DEVICE("client", read_three_at_once));
}

/* --- order -------------------------------------------------------------------------------------------------------- */
static int collect(bench_device *self)
{
    amble_connection *conn = await_encrypted(self);
    unsigned next[TASKS] = {0};
    amble_value value;

    for (int i = 0; i < TASKS * ROUNDS; i++) {
        assert_int_equal(amble_written(self->ble, &writes, &value, WAIT), 0);
        assert_int_equal(value.size, 2);
        assert_int_equal(value.data[1], next[value.data[0]]++);
        bench_sleep(20); /* so that writes are held, on several bearers */
    }
    assert_int_equal(amble_read_statistics(self->ble).malformed, 0);
    bench_await_end(conn);
    return 0;
}

typedef struct {
    amble_remote_characteristic c, quick;
    uint8_t number;
} writer;

static int write_in_order(void *arg)
{
    const writer *w = arg;
    char text[8];

    for (uint8_t i = 0; i < ROUNDS; i++) {
        const uint8_t value[2] = {w->number, i};

        assert_int_equal(amble_write(&w->c, value, sizeof value, WAIT), 0);
        assert_int_equal(amble_read(&w->quick, text, sizeof text, WAIT), 5);
    }
    return 0;
}

static int write_from_many(bench_device *self)
{
    amble_connection *conn = connect_with_bearers(self);
    const amble_remote_characteristic c = find(conn, &log_uuid), text = find(conn, &quick_uuid);
    writer writers[TASKS];
    amble_scope scope;

    amble_scope_open(&scope);
    for (uint8_t i = 0; i < TASKS; i++) {
        writers[i] = (writer){.c = c, .quick = text, .number = i};
        amble_spawn(&scope, write_in_order, &writers[i]);
    }
    assert_int_equal(amble_scope_wait(&scope, 600000), 0);
    amble_scope_close(&scope);
    amble_connection_close(conn);
    return 0;
}

static void writes_of_a_task_stay_in_order(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(DEVICE("server", collect), DEVICE("client", write_from_many));
}

/* --- writes in parts ---------------------------------------------------------------------------------------------- */
static int serve_until_the_end(bench_device *self)
{
    bench_await_end(await_encrypted(self));
    return 0;
}

static int write_long(void *arg)
{
    const writer *w = arg;
    uint8_t value[LONG_SIZE], back[LONG_SIZE];

    for (int round = 0; round < 4; round++) {
        memset(value, 'a' + w->number + 2 * round, sizeof value);
        assert_int_equal(amble_write(&w->c, value, sizeof value, WAIT), 0);
        assert_int_equal(amble_read(&w->c, back, sizeof back, WAIT), LONG_SIZE);
        assert_memory_equal(back, value, sizeof value);
    }
    return 0;
}

/* A client has one queue of parts, whatever the number of bearers. */
static int write_two_long_ones(bench_device *self)
{
    amble_connection *conn = connect_with_bearers(self);
    writer writers[] = {{.c = find(conn, &long_uuid)}, {.c = find(conn, &other_uuid), .number = 1}};
    amble_scope scope;

    amble_scope_open(&scope);
    for (int i = 0; i < 2; i++)
        amble_spawn(&scope, write_long, &writers[i]);
    assert_int_equal(amble_scope_wait(&scope, 600000), 0);
    amble_scope_close(&scope);
    amble_connection_close(conn);
    return 0;
}

static void writes_in_parts_do_not_mix(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(DEVICE("server", serve_until_the_end), DEVICE("client", write_two_long_ones));
}

/* --- how many ----------------------------------------------------------------------------------------------------- */
static unsigned expected_bearers;
static int count_them(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    amble_remote_characteristic c;
    char text[8];

    assert_int_equal(amble_pair(conn, NULL, WAIT), 0);
    bench_sleep(5000);
    assert_int_equal(amble_connection_bearers(conn), expected_bearers);
    c = find(conn, &quick_uuid);
    assert_int_equal(amble_read(&c, text, sizeof text, WAIT), 5);
    amble_connection_close(conn);
    return 0;
}

static void their_number_is_configured(void **state)
{
    static const amble_config configurations[] = {{.enhanced_bearers = 5},
                                                  {.enhanced_bearers = 1},
                                                  {.enhanced_bearers = 3, .no_channels = true},
                                                  {.mtu = 64, .channel_mps = 64},
                                                  {.mtu = 63},
                                                  {.channel_mps = 63}};
    static const unsigned numbers[] = {5, 1, 3, 2, 0, 0};

    (void)state;
    for (unsigned i = 0; i < 6; i++)
        for (unsigned k = 0; k < 6; k++) {
            bench_device server = DEVICE("server", serve_until_the_end),
                         client = {.label = "client", .script = count_them};

            server.config = configurations[i];
            server.config.services[0] = &service;
            client.config = configurations[k];
            expected_bearers = 1 + (numbers[i] < numbers[k] ? numbers[i] : numbers[k]);
            BENCH_RUN((&(bench_options){.seed = 7}), server, client);
        }
}

/* --- who opens them, and when ------------------------------------------------------------------------------------- */
/* A second is the program's, then the host asks. */
static int ask_nothing_at_first(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    uint64_t sent;

    assert_int_equal(amble_pair(conn, NULL, WAIT), 0);
    bench_sleep(300); /* the last keys */
    sent = amble_read_statistics(self->ble).acl_sent;
    bench_sleep(600);
    assert_int_equal(amble_read_statistics(self->ble).acl_sent, sent);
    assert_int_equal(amble_connection_bearers(conn), 1);
    await_bearers(conn, ALL);
    sent = amble_read_statistics(self->ble).acl_sent;
    bench_sleep(60000); /* once */
    assert_int_equal(amble_read_statistics(self->ble).acl_sent, sent);
    amble_connection_close(conn);
    return 0;
}

static void the_host_opens_them_after_a_second(void **state)
{
    (void)state;
    BENCH_RUN((&(bench_options){.seed = 5}), DEVICE("server", serve_until_the_end),
              DEVICE("client", ask_nothing_at_first));
}

/* The peripheral opens them, too, at any moment around that of the central: in the end there are as many as there may
 * be, whoever was refused. */
static int offset_ms;
static int open_as_well(bench_device *self)
{
    amble_connection *conn = await_encrypted(self);
    unsigned unused;
    int r;

    bench_sleep(offset_ms);
    unused = amble__att_unused(conn);
    r = unused ? amble__bearers_connect(conn, unused, AMBLE__NEVER) : 0;
    assert_true(r == 0 || r == AMBLE_ERR_L2CAP_CONNECT(4) || r == AMBLE_ERR_NO_MEMORY);
    await_bearers(conn, ALL);
    bench_await_end(conn);
    return 0;
}
static int be_opened(bench_device *self)
{
    amble_connection *conn = connect_with_bearers(self);
    const amble_remote_characteristic c = find(conn, &quick_uuid);
    char text[8];

    bench_sleep(2000);
    assert_int_equal(amble_connection_bearers(conn), ALL);
    assert_int_equal(amble_read(&c, text, sizeof text, WAIT), 5);
    amble_connection_close(conn);
    return 0;
}

static void both_sides_open_them(void **state)
{
    (void)state;
    for (offset_ms = 900; offset_ms < 1500; offset_ms += 10)
        BENCH_RUN((&(bench_options){.seed = 6, .loss = offset_ms % 20 ? 5 : 0}), DEVICE("server", open_as_well),
                  DEVICE("client", be_opened));
}

/* --- where there are none ----------------------------------------------------------------------------------------- */
static int stay_alone(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic c = find(conn, &quick_uuid);
    char text[8];

    bench_sleep(10000);
    assert_int_equal(amble_connection_bearers(conn), 1);
    assert_int_equal(amble_read(&c, text, sizeof text, WAIT), 5);
    amble_connection_close(conn);
    return 0;
}
static int be_plain(bench_device *self)
{
    amble_connection *conn = bench_await(self);

    bench_sleep(5000);
    assert_int_equal(amble_connection_bearers(conn), 1);
    bench_await_end(conn);
    return 0;
}

static void a_plain_link_has_none(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(DEVICE("server", be_plain), DEVICE("client", stay_alone));
}

static int pair_and_stay_alone(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic c = find(conn, &quick_uuid);
    char text[8];

    assert_int_equal(amble_pair(conn, NULL, WAIT), 0);
    bench_sleep(10000);
    assert_int_equal(amble_connection_bearers(conn), 1);
    assert_int_equal(amble_read(&c, text, sizeof text, WAIT), 5);
    amble_connection_close(conn);
    return 0;
}

static void a_peer_without_them_sees_nothing(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(DEVICE_WITHOUT("server", serve_until_the_end), DEVICE("client", pair_and_stay_alone));
    BENCH_RUN_LOSSY(DEVICE("server", serve_until_the_end), DEVICE_WITHOUT("client", pair_and_stay_alone));
}

/* --- a peer that opens channels by hand --------------------------------------------------------------------------- */
static amble_l2cap_channel *open_by_hand(amble_connection *conn)
{
    amble_l2cap_channel *channel;

    assert_int_equal(amble_l2cap_connect_enhanced(conn, SPSM_ATT, NULL, &channel, 1, WAIT), 1);
    return channel;
}
static void say(amble_l2cap_channel *channel, const void *pdu, size_t size)
{
    assert_int_equal(amble_l2cap_send(channel, pdu, size, WAIT), size);
}
static void expect(amble_l2cap_channel *channel, const void *pdu, size_t size)
{
    uint8_t got[64];
    size_t n = 0;

    do {
        const int r = amble_l2cap_recv(channel, got + n, sizeof got - n, WAIT);

        assert_in_range(r, 1, sizeof got);
        n += (size_t)r;
    } while (!amble_l2cap_sdu_ended(channel));
    assert_int_equal(n, size);
    assert_memory_equal(got, pdu, size);
}
#define SAY(channel, ...)    say(channel, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))
#define EXPECT(channel, ...) expect(channel, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static int ask_by_hand(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic c = find(conn, &quick_uuid);
    amble_l2cap_channel *channel, *channels[5];

    /* Without encryption, and not the basic way. */
    assert_int_equal(amble_l2cap_connect_enhanced(conn, SPSM_ATT, NULL, channels, 1, WAIT), AMBLE_ERR_L2CAP_CONNECT(5));
    assert_int_equal(amble_pair(conn, NULL, WAIT), 0);
    assert_int_equal(amble_l2cap_connect(conn, SPSM_ATT, NULL, &channel, WAIT), AMBLE_ERR_L2CAP_CONNECT(2));
    /* As many as the other side has, and no more. */
    assert_int_equal(amble_l2cap_connect_enhanced(conn, SPSM_ATT, NULL, channels, 5, WAIT), 2);
    SAY(channels[0], 0x0a, (uint8_t)c.value_handle, (uint8_t)(c.value_handle >> 8));
    EXPECT(channels[0], 0x0b, 'q', 'u', 'i', 'c', 'k');
    SAY(channels[1], 0x02, 0x00, 0x01); /* an MTU is not exchanged there, Part G 4.3.1 */
    EXPECT(channels[1], 0x01, 0x02, 0, 0, 0x06);
    SAY(channels[1], 0x0a, 0x00, 0x00);
    EXPECT(channels[1], 0x01, 0x0a, 0, 0, 0x01);
    SAY(channels[0], 0x0b, 'n', 'o'); /* an answer to nothing */
    SAY(channels[0], 0x1e);
    SAY(channels[0], 0x7f);
    SAY(channels[0], 0x0a);
    EXPECT(channels[0], 0x01, 0x0a, 0, 0, 0x04);
    amble_l2cap_close(channels[0]);
    SAY(channels[1], 0x0a, (uint8_t)c.value_handle, (uint8_t)(c.value_handle >> 8));
    EXPECT(channels[1], 0x0b, 'q', 'u', 'i', 'c', 'k');
    channels[0] = open_by_hand(conn); /* its place is free again */
    SAY(channels[0], 0x0a, (uint8_t)c.value_handle, (uint8_t)(c.value_handle >> 8));
    EXPECT(channels[0], 0x0b, 'q', 'u', 'i', 'c', 'k');
    amble_l2cap_close(channels[0]);
    amble_l2cap_close(channels[1]);
    amble_connection_close(conn);
    return 0;
}

static void a_peer_asks_what_makes_no_sense(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(DEVICE("server", serve_until_the_end), DEVICE_WITHOUT("client", ask_by_hand));
}

/* --- a server that does not answer, or closes --------------------------------------------------------------------- */
static int leave_unanswered(bench_device *self)
{
    amble_connection *conn = await_encrypted(self);
    amble_l2cap_channel *channel = open_by_hand(conn);
    amble_request request;
    uint8_t asked[3];

    /* The fixed channel is taken, so the second request comes here. */
    assert_int_equal(amble_requested(self->ble, &first, &request, WAIT), 0);
    assert_int_equal(amble_l2cap_recv(channel, asked, sizeof asked, WAIT), 3);
    assert_int_equal(asked[0], 0x0a);
    amble_l2cap_close(channel);
    bench_sleep(1000);
    assert_int_equal(amble_request_answer(self->ble, &request, "1", 1), 0);
    /* And the same without an answer to the end of the transaction. */
    channel = open_by_hand(conn);
    assert_int_equal(amble_requested(self->ble, &first, &request, WAIT), 0);
    assert_int_equal(amble_l2cap_recv(channel, asked, sizeof asked, WAIT), 3);
    bench_sleep(15000);
    assert_int_equal(amble_request_answer(self->ble, &request, "1", 1), 0);
    assert_int_equal(amble_l2cap_disconnected(channel, WAIT), 0);
    amble_l2cap_close(channel);
    assert_true(amble_connected(conn));
    bench_await_end(conn);
    return 0;
}

static int ask_the_silent(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    reading readings[] = {{.c = find(conn, &first_uuid)}, {.c = find(conn, &second_uuid)}};
    static const int expected[] = {AMBLE_ERR_CHANNEL_CLOSED, AMBLE_ERR_TIMEOUT};

    assert_int_equal(amble_pair(conn, NULL, WAIT), 0);
    for (int round = 0; round < 2; round++) {
        amble_scope scope;
        int begun;

        await_bearers(conn, 2);
        begun = bench_now_ms();
        ended = 0;
        amble_scope_open(&scope);
        for (int i = 0; i < 2; i++)
            amble_spawn(&scope, read_it, &readings[i]);
        assert_int_equal(amble_scope_wait(&scope, WAIT), 0);
        amble_scope_close(&scope);
        assert_int_equal(readings[0].result, 1);
        assert_int_equal(readings[1].result, expected[round]);
        if (round == 1)
            assert_in_range(bench_now_ms() - begun, 30000, 40000);
        await_bearers(conn, 1);
    }
    assert_true(amble_connected(conn));
    amble_connection_close(conn);
    return 0;
}

static void a_bearer_without_answer_ends_alone(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(DEVICE_WITHOUT("server", leave_unanswered), DEVICE("client", ask_the_silent));
}

/* --- what comes unasked ------------------------------------------------------------------------------------------- */
static int tell_by_hand(bench_device *self)
{
    amble_connection *conn = await_encrypted(self);
    amble_l2cap_channel *channel = open_by_hand(conn);
    uint16_t handle = 0;
    uint8_t asked[3];

    /* The client says which handle, in a request. */
    assert_int_equal(amble_l2cap_recv(channel, asked, sizeof asked, WAIT), 3);
    handle = (uint16_t)(asked[1] | asked[2] << 8);
    SAY(channel, 0x01, 0x0a, asked[1], asked[2], 0x02);
    SAY(channel, 0x1d, (uint8_t)handle, (uint8_t)(handle >> 8), 'i');
    EXPECT(channel, 0x1e);
    assert_int_equal(amble_indicate(conn, &told, "j", 1, WAIT), 0);
    SAY(channel, 0x1d, 0xff, 0xff, 'x'); /* nobody wants it, and it is confirmed all the same */
    EXPECT(channel, 0x1e);
    amble_l2cap_close(channel);
    bench_await_end(conn);
    return 0;
}

static int hold_the_fixed_channel(void *arg)
{
    const amble_remote_characteristic *c = arg;
    char text[8];

    return amble_read(c, text, sizeof text, 5000) == AMBLE_ERR_TIMEOUT ? 0 : -1;
}

static int be_told(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic c = find(conn, &told_uuid);
    amble_remote_characteristic slow = find(conn, &first_uuid);
    amble_subscription *subscription;
    amble_scope scope;
    amble_value value;
    char text[8];

    assert_int_equal(amble_pair(conn, NULL, WAIT), 0);
    assert_int_equal(amble_subscribe(&c, &(amble_subscribe_options){.indicate = true}, &subscription, WAIT), 0);
    await_bearers(conn, 2);
    amble_scope_open(&scope);
    amble_spawn(&scope, hold_the_fixed_channel, &slow);
    bench_sleep(100);
    assert_int_equal(amble_read(&c, text, sizeof text, WAIT), AMBLE_ERR_ATT(2));
    assert_int_equal(amble_notified(subscription, &value, WAIT), 0);
    assert_int_equal(value.data[0], 'i');
    assert_int_equal(amble_notified(subscription, &value, WAIT), 0);
    assert_int_equal(value.data[0], 'j');
    assert_int_equal(amble_scope_wait(&scope, WAIT), 0);
    amble_scope_close(&scope);
    bench_sleep(20000); /* the request that was given up is refused by then */
    amble_subscription_close(subscription);
    amble_connection_close(conn);
    return 0;
}

static void an_indication_is_confirmed_where_it_came(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(DEVICE_WITHOUT("server", tell_by_hand), DEVICE("client", be_told));
}

/* --- a database that changes -------------------------------------------------------------------------------------- */
static const amble_uuid more_uuid = AMBLE_UUID16(0xab00);
static const amble_service more = {.uuid = &more_uuid};

static int change_and_tell(bench_device *self)
{
    amble_connection *conn = await_encrypted(self);

    while (amble_subscribed(conn, &told) != 1)
        bench_sleep(100);
    await_bearers(conn, ALL);
    bench_sleep(1000);
    assert_int_equal(amble_serve(self->ble, &more), 0);
    assert_int_equal(amble_subscribed(conn, &told), 0); /* it does not know yet */
    for (int i = 0; amble_subscribed(conn, &told) != 1; i++) {
        assert_in_range(i, 0, 600);
        bench_sleep(100);
    }
    assert_int_equal(amble_notify(conn, &told, "now", 3, WAIT), 0);
    bench_await_end(conn);
    return 0;
}

/* It only listens, and hears all the same: its host sees to it that the server knows that it knows. */
static int listen_through_a_change(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    amble_remote_characteristic c;
    amble_subscription *subscription;
    amble_value value;
    char text[8];

    assert_int_equal(amble_pair(conn, NULL, WAIT), 0);
    assert_int_equal(amble_follow_database(conn, WAIT), 0);
    c = find(conn, &told_uuid);
    assert_int_equal(amble_subscribe(&c, NULL, &subscription, WAIT), 0);
    await_bearers(conn, ALL);
    assert_int_equal(amble_notified(subscription, &value, 600000), 0);
    assert_memory_equal(value.data, "now", 3);
    amble_subscription_close(subscription);
    c = find(conn, &quick_uuid);
    assert_int_equal(amble_read(&c, text, sizeof text, WAIT), 5);
    amble_connection_close(conn);
    return 0;
}

static void a_change_is_known_on_several_bearers(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(DEVICE("server", change_and_tell), DEVICE("client", listen_through_a_change));
}

/* --- the end ------------------------------------------------------------------------------------------------------ */
static int take_and_vanish(bench_device *self)
{
    amble_connection *conn = await_encrypted(self);
    amble_request one, two;

    assert_int_equal(amble_requested(self->ble, &first, &one, WAIT), 0);
    assert_int_equal(amble_requested(self->ble, &second, &two, WAIT), 0);
    amble_connection_close(conn);
    assert_int_equal(amble_request_answer(self->ble, &one, "1", 1), AMBLE_ERR_STALE);
    assert_int_equal(amble_request_answer(self->ble, &two, "2", 1), AMBLE_ERR_STALE);
    return 0;
}

static int lose_the_link(bench_device *self)
{
    amble_connection *conn = connect_with_bearers(self);
    reading readings[TASKS];
    amble_scope scope;

    for (int i = 0; i < TASKS; i++)
        readings[i].c = find(conn, i % 2 ? &second_uuid : &first_uuid);
    ended = 0;
    amble_scope_open(&scope);
    for (int i = 0; i < 2; i++)
        amble_spawn(&scope, read_it, &readings[i]);
    assert_int_equal(amble_scope_wait(&scope, WAIT), 0);
    amble_scope_close(&scope);
    for (int i = 0; i < 2; i++)
        assert_int_equal(readings[i].result, AMBLE_ERR_DISCONNECTED);
    assert_int_equal(amble_connection_bearers(conn), 0);
    amble_connection_close(conn);
    return 0;
}

static void a_lost_link_ends_all_requests(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(DEVICE("server", take_and_vanish), DEVICE("client", lose_the_link));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_overlap),
        cmocka_unit_test(writes_of_a_task_stay_in_order),
        cmocka_unit_test(writes_in_parts_do_not_mix),
        cmocka_unit_test(their_number_is_configured),
        cmocka_unit_test(the_host_opens_them_after_a_second),
        cmocka_unit_test(both_sides_open_them),
        cmocka_unit_test(a_plain_link_has_none),
        cmocka_unit_test(a_peer_without_them_sees_nothing),
        cmocka_unit_test(a_peer_asks_what_makes_no_sense),
        cmocka_unit_test(a_bearer_without_answer_ends_alone),
        cmocka_unit_test(an_indication_is_confirmed_where_it_came),
        cmocka_unit_test(a_change_is_known_on_several_bearers),
        cmocka_unit_test(a_lost_link_ends_all_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
