/* Channels between devices: bytes in both directions, SDUs of every size, credits that run out, many channels, both
 * sides at once, and the end in every phase. */
#include "bench.h"

#include "host/host_room.h"

enum { PSM = 0x80, OTHER_PSM = 0x81, WAIT_MS = 30000, BLOCK = 500 };

/* The byte at this place of a stream; no period that a frame or an SDU could have. */
static uint8_t stream_byte(uint64_t place, unsigned key)
{
    return (uint8_t)((place * 31 + (place >> 8) * 7 + (place >> 16) * 3 + key) & 0xff);
}

static void send_stream(amble_l2cap_channel *channel, size_t total, unsigned key, size_t piece)
{
    const uint64_t before = amble_l2cap_sent(channel);
    uint8_t data[4096];

    assert_in_range(piece, 1, sizeof data);
    for (size_t at = 0; at < total;) {
        const size_t size = piece < total - at ? piece : total - at;

        for (size_t i = 0; i < size; i++)
            data[i] = stream_byte(at + i, key);
        assert_int_equal(amble_l2cap_send(channel, data, size, WAIT_MS), size);
        at += size;
    }
    assert_int_equal(amble_l2cap_sent(channel) - before, total);
}

static void recv_stream(amble_l2cap_channel *channel, size_t total, unsigned key, size_t piece)
{
    uint8_t data[4096];

    assert_in_range(piece, 1, sizeof data);
    for (size_t at = 0; at < total;) {
        const int n = amble_l2cap_recv(channel, data, piece, WAIT_MS);

        assert_in_range(n, 1, piece);
        for (int i = 0; i < n; i++)
            if (data[i] != stream_byte(at + (size_t)i, key))
                fail_msg("byte %zu of the stream is wrong", at + (size_t)i);
        at += (size_t)n;
    }
}

static amble_l2cap_channel *accept_one(amble_connection *conn, uint16_t psm)
{
    amble_l2cap_channel *channel;

    assert_int_equal(amble_l2cap_accept(conn, psm, &channel, WAIT_MS), 0);
    return channel;
}

static amble_l2cap_channel *connect_one(amble_connection *conn, uint16_t psm, const amble_l2cap_options *options)
{
    amble_l2cap_channel *channel;

    assert_int_equal(amble_l2cap_connect(conn, psm, options, &channel, WAIT_MS), 0);
    return channel;
}

/* --- there and back ----------------------------------------------------------------------------------------------- */
enum { ECHO_TOTAL = 20000 };

static int echo_server(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    amble_l2cap_channel *channel;
    uint8_t data[300];
    int n;

    assert_int_equal(amble_l2cap_listen(self->ble, PSM, NULL), 0);
    channel = accept_one(conn, PSM);
    while ((n = amble_l2cap_recv(channel, data, sizeof data, WAIT_MS)) > 0)
        assert_int_equal(amble_l2cap_send(channel, data, (size_t)n, WAIT_MS), n);
    assert_int_equal(n, AMBLE_ERR_CHANNEL_CLOSED);
    amble_l2cap_close(channel);
    bench_await_end(conn);
    return 0;
}

static int send_all(void *channel)
{
    send_stream(channel, ECHO_TOTAL, 1, 333);
    return 0;
}

static int echo_client(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    amble_l2cap_channel *channel;
    amble_scope scope;

    bench_sleep(200); /* until it listens */
    channel = connect_one(conn, PSM, NULL);
    assert_int_equal(amble_l2cap_our_mtu(channel), 65535);
    assert_int_equal(amble_l2cap_peer_mtu(channel), 65535);
    assert_int_equal(amble_l2cap_psm(channel), PSM);
    assert_ptr_equal(amble_l2cap_connection(channel), conn);
    amble_scope_open(&scope);
    amble_spawn(&scope, send_all, channel);
    recv_stream(channel, ECHO_TOTAL, 1, 77);
    assert_int_equal(amble_scope_wait(&scope, WAIT_MS), 0);
    amble_scope_close(&scope);
    assert_int_equal(amble_l2cap_available(channel), 0);
    amble_l2cap_close(channel);
    amble_connection_close(conn);
    return 0;
}

static void bytes_go_there_and_back(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY({.label = "server", .script = echo_server}, {.label = "client", .script = echo_client});
}

/* --- SDUs of every size ------------------------------------------------------------------------------------------- */
static const uint16_t sdu_sizes[] = {1, 2, 22, 23, 244, 245, 246, 247, 248, 490, 1000, 4094, 20000};
enum { SDU_SIZES = sizeof sdu_sizes / sizeof *sdu_sizes };

static int recv_sdus(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    amble_l2cap_channel *channel;
    size_t at = 0;

    assert_int_equal(amble_l2cap_listen(self->ble, PSM, &(amble_l2cap_options){.mtu = 20000}), 0);
    channel = accept_one(conn, PSM);
    for (unsigned i = 0; i < SDU_SIZES; i++) {
        size_t got = 0;

        do {
            uint8_t data[700];
            const int n = amble_l2cap_recv(channel, data, sizeof data, WAIT_MS);

            assert_in_range(n, 1, sizeof data);
            for (int k = 0; k < n; k++)
                assert_int_equal(data[k], stream_byte(at + got + (size_t)k, 2));
            got += (size_t)n;
        } while (!amble_l2cap_sdu_ended(channel));
        assert_int_equal(got, sdu_sizes[i]);
        at += got;
    }
    assert_int_equal(amble_l2cap_recv(channel, (uint8_t[1]){0}, 1, WAIT_MS), AMBLE_ERR_CHANNEL_CLOSED);
    amble_l2cap_close(channel);
    bench_await_end(conn);
    return 0;
}

static int send_sdus(bench_device *self)
{
    static uint8_t data[20000];
    amble_connection *conn = bench_connect(self, "server");
    amble_l2cap_channel *channel;
    size_t at = 0;

    bench_sleep(200);
    channel = connect_one(conn, PSM, &(amble_l2cap_options){.sdu_size = 20000});
    assert_int_equal(amble_l2cap_peer_mtu(channel), 20000);
    for (unsigned i = 0; i < SDU_SIZES; i++) {
        for (size_t k = 0; k < sdu_sizes[i]; k++)
            data[k] = stream_byte(at + k, 2);
        at += sdu_sizes[i];
        assert_int_equal(amble_l2cap_send(channel, data, sdu_sizes[i], WAIT_MS), sdu_sizes[i]);
    }
    assert_int_equal(amble_l2cap_flush(channel, WAIT_MS), 0);
    amble_l2cap_close(channel);
    amble_connection_close(conn);
    return 0;
}

static void sdus_of_every_size_keep_their_ends(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY({.label = "server", .script = recv_sdus, .config = {.channel_receive_size = 500}},
                    {.label = "client", .script = send_sdus, .config = {.channel_send_size = 20002}});
}

/* --- 64 channels, opened by both sides at once -------------------------------------------------------------------- */
enum { HALF = 32, EACH = 700 };

typedef struct {
    amble_connection *conn;
    amble_l2cap_channel *channels[2 * HALF];
    unsigned key[2 * HALF]; /* of what this side sends */
    unsigned next;          /* the one that the next task takes */
} many;

static int connect_half(void *arg)
{
    many *m = arg;

    for (unsigned i = 0; i < HALF; i++)
        m->channels[i] = connect_one(m->conn, PSM, NULL);
    return 0;
}
static int accept_half(void *arg)
{
    many *m = arg;

    for (unsigned i = 0; i < HALF; i++)
        m->channels[HALF + i] = accept_one(m->conn, PSM);
    return 0;
}
static int send_on_one(void *arg)
{
    many *m = arg;
    const unsigned mine = m->next++;

    send_stream(m->channels[mine], EACH, mine % HALF + (mine < HALF ? 0 : 100), 133);
    return 0;
}
static int recv_on_one(void *arg)
{
    many *m = arg;
    const unsigned mine = m->next++;

    recv_stream(m->channels[mine], EACH, mine % HALF + (mine < HALF ? 100 : 0), 150);
    return 0;
}
static void all_at_once(many *m, int (*function)(void *arg), unsigned count)
{
    amble_scope scope;

    m->next = 0;
    amble_scope_open(&scope);
    for (unsigned i = 0; i < count; i++)
        amble_spawn(&scope, function, m);
    assert_int_equal(amble_scope_wait(&scope, 300000), 0);
    amble_scope_close(&scope);
}

static int both(void *arg)
{
    many *m = arg;
    amble_scope scope;

    amble_scope_open(&scope);
    amble_spawn(&scope, connect_half, m);
    amble_spawn(&scope, accept_half, m);
    assert_int_equal(amble_scope_wait(&scope, 300000), 0);
    amble_scope_close(&scope);
    return 0;
}

static int use_many(bench_device *self, amble_connection *conn)
{
    many m = {.conn = conn};
    amble_l2cap_channel *extra;
    amble_scope scope;

    assert_int_equal(amble_l2cap_listen(self->ble, PSM, &(amble_l2cap_options){.backlog = HALF}), 0);
    bench_sleep(1000);
    all_at_once(&m, both, 1);
    assert_int_equal(amble_l2cap_connect(conn, PSM, NULL, &extra, WAIT_MS), AMBLE_ERR_NO_MEMORY);
    amble_scope_open(&scope);
    for (unsigned i = 0; i < 2 * HALF; i++)
        amble_spawn(&scope, send_on_one, &m);
    assert_int_equal(amble_sleep_ms(0), 0); /* each has its number */
    all_at_once(&m, recv_on_one, 2 * HALF);
    assert_int_equal(amble_scope_wait(&scope, 300000), 0);
    amble_scope_close(&scope);
    for (unsigned i = 0; i < HALF; i++) /* the other half may be closed by now */
        assert_int_equal(amble_l2cap_flush(m.channels[i], WAIT_MS), 0);
    for (unsigned i = 0; i < HALF; i++) /* the other half is closed by the other side */
        amble_l2cap_close(m.channels[i]);
    for (unsigned i = HALF; i < 2 * HALF; i++) {
        assert_int_equal(amble_l2cap_disconnected(m.channels[i], 60000), 0);
        amble_l2cap_close(m.channels[i]);
    }
    return 0;
}

static int many_server(bench_device *self)
{
    amble_connection *conn = bench_await(self);

    assert_int_equal(use_many(self, conn), 0);
    bench_await_end(conn);
    return 0;
}
static int many_client(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");

    assert_int_equal(use_many(self, conn), 0);
    bench_sleep(3000);
    amble_connection_close(conn);
    return 0;
}

#define MANY .config = {.channels = 70, .channel_receive_size = 600, .channel_send_size = 600}
static void sixty_four_channels_from_both_sides_at_once(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY({.label = "server", .script = many_server, MANY}, {.label = "client", .script = many_client, MANY});
}

/* --- who does not read holds up nothing else ---------------------------------------------------------------------- */
static int slow_server(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    amble_l2cap_channel *slow, *quick;

    assert_int_equal(amble_l2cap_listen(self->ble, PSM, NULL), 0);
    assert_int_equal(amble_l2cap_listen(self->ble, OTHER_PSM, NULL), 0);
    slow = accept_one(conn, PSM);
    quick = accept_one(conn, OTHER_PSM);
    recv_stream(quick, 30000, 4, 1000);
    assert_in_range(amble_l2cap_available(slow), 2500, 4096); /* what fits, less short frames that used up credits */
    assert_int_equal(amble_l2cap_recv(quick, (uint8_t[1]){0}, 1, WAIT_MS), AMBLE_ERR_CHANNEL_CLOSED);
    recv_stream(slow, 20000, 3, 1000);
    amble_l2cap_close(slow);
    amble_l2cap_close(quick);
    bench_await_end(conn);
    return 0;
}

static int send_slow(void *channel)
{
    send_stream(channel, 20000, 3, 1000);
    return amble_l2cap_flush(channel, WAIT_MS);
}

static int slow_client(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    amble_l2cap_channel *slow, *quick;
    amble_scope scope;

    bench_sleep(500);
    slow = connect_one(conn, PSM, NULL);
    quick = connect_one(conn, OTHER_PSM, NULL);
    amble_scope_open(&scope);
    amble_spawn(&scope, send_slow, slow);
    bench_sleep(2000);
    send_stream(quick, 30000, 4, 1000);
    assert_in_range(amble_l2cap_sent(slow), 5000, 8192); /* both rings are full */
    assert_int_equal(amble_l2cap_flush(quick, WAIT_MS), 0);
    amble_l2cap_close(quick);
    assert_int_equal(amble_scope_wait(&scope, WAIT_MS), 0);
    amble_scope_close(&scope);
    amble_l2cap_close(slow);
    amble_connection_close(conn);
    return 0;
}

static void who_does_not_read_holds_up_one_channel(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY({.label = "server", .script = slow_server}, {.label = "client", .script = slow_client});
}

/* --- refusals ----------------------------------------------------------------------------------------------------- */
static int refusing_server(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    amble_l2cap_channel *channel;

    assert_int_equal(amble_l2cap_listen(self->ble, PSM, &(amble_l2cap_options){.backlog = 1}), 0);
    assert_int_equal(amble_l2cap_accept(conn, OTHER_PSM, &channel, 0), AMBLE_ERR_NOT_FOUND);
    bench_sleep(5000);
    amble_l2cap_close(accept_one(conn, PSM));
    bench_await_end(conn);
    return 0;
}

static int refused_client(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    amble_l2cap_channel *channel, *second;

    bench_sleep(500);
    assert_int_equal(amble_l2cap_connect(conn, OTHER_PSM, NULL, &channel, WAIT_MS), AMBLE_ERR_L2CAP_CONNECT(2));
    channel = connect_one(conn, PSM, NULL);
    assert_int_equal(amble_l2cap_connect(conn, PSM, NULL, &second, WAIT_MS), AMBLE_ERR_L2CAP_CONNECT(4));
    assert_null(second);
    assert_int_equal(amble_l2cap_disconnected(channel, WAIT_MS), 0);
    amble_l2cap_close(channel);
    amble_connection_close(conn);
    return 0;
}

static int no_channels_server(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    amble_l2cap_channel *channel;

    assert_int_equal(amble_l2cap_listen(self->ble, PSM, NULL), AMBLE_ERR_NO_MEMORY);
    assert_int_equal(amble_l2cap_connect(conn, PSM, NULL, &channel, WAIT_MS), AMBLE_ERR_NO_MEMORY);
    bench_await_end(conn);
    return 0;
}
static int no_channels_client(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    amble_l2cap_channel *channel;

    assert_int_equal(amble_l2cap_connect(conn, PSM, NULL, &channel, WAIT_MS), AMBLE_ERR_L2CAP_CONNECT(2));
    amble_connection_close(conn);
    return 0;
}

static void refusals_come_back_with_their_reason(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY({.label = "server", .script = refusing_server}, {.label = "client", .script = refused_client});
    BENCH_RUN_LOSSY({.label = "server", .script = no_channels_server, .config = {.no_channels = true}},
                    {.label = "client", .script = no_channels_client});
}

/* --- enhanced ----------------------------------------------------------------------------------------------------- */
static int enhanced_server(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    amble_l2cap_channel *channels[AMBLE_L2CAP_GROUP_MAX];

    assert_int_equal(amble_l2cap_listen(self->ble, PSM, &(amble_l2cap_options){.mtu = 300, .mps = 100}), 0);
    for (unsigned i = 0; i < 4; i++)
        channels[i] = accept_one(conn, PSM);
    assert_int_equal(amble_l2cap_peer_mtu(channels[1]), 100);
    for (unsigned i = 0; i < 4; i++)
        send_stream(channels[i], BLOCK, i, 100);
    for (unsigned i = 0; i < 4; i++)
        recv_stream(channels[i], BLOCK, i, 100);
    assert_int_equal(amble_l2cap_reconfigure(channels, 4, 400, 200, WAIT_MS), 0);
    assert_int_equal(amble_l2cap_our_mtu(channels[3]), 400);
    bench_sleep(2000);
    assert_int_equal(amble_l2cap_peer_mtu(channels[1]), 1000);
    for (unsigned i = 0; i < 4; i++)
        send_stream(channels[i], 10 * BLOCK, i, 1000);
    for (unsigned i = 0; i < 4; i++)
        recv_stream(channels[i], 10 * BLOCK, i, 1000);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(amble_l2cap_disconnected(channels[i], WAIT_MS), 0);
        amble_l2cap_close(channels[i]);
    }
    bench_await_end(conn);
    return 0;
}

static int recv_then_send(amble_l2cap_channel *const *channels, size_t total, size_t piece)
{
    for (unsigned i = 0; i < 4; i++)
        recv_stream(channels[i], total, i, piece);
    for (unsigned i = 0; i < 4; i++)
        send_stream(channels[i], total, i, 30); /* small ones */
    return 0;
}

static int enhanced_client(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_l2cap_options options = {.mtu = 100, .mps = 70};
    amble_l2cap_channel *channels[AMBLE_L2CAP_GROUP_MAX], *basic;

    bench_sleep(500);
    assert_int_equal(amble_l2cap_connect_enhanced(conn, OTHER_PSM, &options, channels, 2, WAIT_MS),
                     AMBLE_ERR_L2CAP_CONNECT(2));
    assert_int_equal(amble_l2cap_connect_enhanced(conn, PSM, &options, channels, 5, WAIT_MS), 4); /* its backlog */
    assert_null(channels[4]);
    assert_int_equal(recv_then_send(channels, BLOCK, 90), 0);
    assert_int_equal(amble_l2cap_reconfigure(channels, 4, 99, 0, WAIT_MS), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_l2cap_reconfigure(channels, 4, 0, 69, WAIT_MS), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_l2cap_reconfigure(channels, 4, 1000, 247, WAIT_MS), 0);
    assert_int_equal(amble_l2cap_our_mtu(channels[2]), 1000);
    assert_int_equal(recv_then_send(channels, 10 * BLOCK, 500), 0);
    assert_int_equal(amble_l2cap_reconfigure(channels, 1, 0, 64, WAIT_MS), 0); /* a single one may shrink */
    basic = connect_one(conn, PSM, NULL);
    assert_int_equal(amble_l2cap_reconfigure(&basic, 1, 65535, 0, WAIT_MS), AMBLE_ERR_UNSUPPORTED);
    amble_l2cap_close(basic);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(amble_l2cap_flush(channels[i], WAIT_MS), 0);
        amble_l2cap_close(channels[i]);
    }
    amble_connection_close(conn);
    return 0;
}

static void several_at_once_that_grow_later(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY({.label = "server", .script = enhanced_server}, {.label = "client", .script = enhanced_client});
}

/* --- the end, and cancelling, in every phase ---------------------------------------------------------------------- */
enum { PHASES = 70 };
static unsigned phase; /* after so many packets on the air */
static unsigned whose; /* 0: the client's task is cancelled, 1: the server's link goes, 2: the client's link goes */

/* Sends and receives until something ends it, as it may at any moment. */
static int talk(amble_connection *conn, bool connects)
{
    amble_l2cap_channel *channel = NULL;
    uint8_t data[1000] = {0};
    int r;

    do {
        r = connects ? amble_l2cap_connect(conn, PSM, NULL, &channel, 5000)
                     : amble_l2cap_accept(conn, PSM, &channel, 5000);
        if (r == 0)
            r = amble_l2cap_send(channel, data, sizeof data, 5000);
        for (unsigned got = 0; r >= 0 && got < sizeof data; got += (unsigned)r)
            r = amble_l2cap_recv(channel, data, sizeof data - got, 5000);
        if (r >= 0)
            r = amble_l2cap_flush(channel, 5000);
        amble_l2cap_close(channel);
        channel = NULL;
    } while (r >= 0 || r == AMBLE_ERR_CHANNEL_CLOSED);
    return r;
}

typedef struct {
    amble_connection *conn;
    int result;
} talking;
static int talking_task(void *arg)
{
    talking *t = arg;

    t->result = talk(t->conn, true);
    return 0;
}

static int phase_server(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    int r;

    assert_int_equal(amble_l2cap_listen(self->ble, PSM, NULL), 0);
    r = talk(conn, false);
    assert_true(r == AMBLE_ERR_DISCONNECTED || r == AMBLE_ERR_TIMEOUT);
    amble_connection_close(conn);
    return 0;
}

static int phase_client(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    talking t = {.conn = conn};
    amble_scope scope;
    amble_task *task;

    bench_sleep(300);
    amble_scope_open(&scope);
    task = amble_spawn(&scope, talking_task, &t);
    for (const unsigned end = bench_packets() + phase; bench_packets() < end;)
        bench_sleep_us(50);
    if (whose == 0)
        amble_cancel(task);
    else if (whose == 1)
        bench_find("server")->ble->links.slots[0].disconnect_wanted = true;
    if (whose == 1)
        amble__gap_work(&bench_find("server")->ble->gap);
    if (whose == 2)
        amble_connection_close(conn);
    assert_int_equal(amble_scope_wait(&scope, 60000), 0);
    amble_scope_close(&scope);
    assert_int_equal(t.result, whose == 0 ? AMBLE_ERR_CANCELLED : AMBLE_ERR_DISCONNECTED);
    if (whose != 2)
        amble_connection_close(conn);
    return 0;
}

static void the_end_may_come_in_every_phase(void **state)
{
    const double losses[] = {0, 5, 20};

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        for (whose = 0; whose < 3; whose++)
            for (phase = 0; phase < PHASES; phase++)
                BENCH_RUN((&(bench_options){.loss = losses[i], .seed = 1 + phase}),
                          {.label = "server", .script = phase_server}, {.label = "client", .script = phase_client});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_go_there_and_back),
        cmocka_unit_test(sdus_of_every_size_keep_their_ends),
        cmocka_unit_test(sixty_four_channels_from_both_sides_at_once),
        cmocka_unit_test(who_does_not_read_holds_up_one_channel),
        cmocka_unit_test(refusals_come_back_with_their_reason),
        cmocka_unit_test(several_at_once_that_grow_later),
        cmocka_unit_test(the_end_may_come_in_every_phase),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
