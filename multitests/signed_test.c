/* Signed writes between two hosts: on a link in clear, from a bonded client only; what somebody heard and sends again
 * is not taken, whatever was switched off in between. */
#include "bench.h"

#include <unistd.h>

#include "host/host_room.h"
#include "port/scratch.h"

static const amble_uuid service_uuid = AMBLE_UUID16(0x1815), button_uuid = AMBLE_UUID16(0x2a56);
static const amble_characteristic button = {
    .uuid = &button_uuid, .signed_write = true, .capture = true, .max_size = 20};
static const amble_service service = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&button)};

static char paths[2][64]; /* of server and client */

static void begin(void)
{
    for (int i = 0; i < 2; i++) {
        scratch_path(paths[i], sizeof paths[i], i ? "client.json" : "server.json");
        (void)remove(paths[i]); /* only an earlier test leaves one */
    }
}

#define SERVER(function)                                                                                               \
    {                                                                                                                  \
        .label = "server", .script = function, .config = {.services = {&service}, .bonds = paths[0] }                  \
    }
#define CLIENT(function)                                                                                               \
    {                                                                                                                  \
        .label = "client", .script = function, .config = {.bonds = paths[1] }                                          \
    }

/* --- loss of power ------------------------------------------------------------------------------------------------ */
static struct {
    char bytes[20000];
    size_t size;
} kept;

static void look(const char *path)
{
    FILE *stream = fopen(path, "rb");

    assert_non_null(stream);
    kept.size = fread(kept.bytes, 1, sizeof kept.bytes, stream);
    assert_in_range(kept.size, 1, sizeof kept.bytes - 1);
    assert_int_equal(fclose(stream), 0);
}

/* The host is opened anew with the file as it was: what was saved since is lost. */
static void lose_power(bench_device *self, const char *path)
{
    FILE *stream;

    amble_close(self->ble);
    stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(kept.bytes, 1, kept.size, stream), kept.size);
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(bench_open(self), 0);
}

/* --- what is heard ------------------------------------------------------------------------------------------------ */
enum { HEADERS = 2 + 4 }; /* of link layer and L2CAP, before the opcode */
static struct {
    uint8_t pdu[64];
    size_t size;
    unsigned in_clear;
} heard;

static void listen_in(const amble_air_packet *packet)
{
    static const uint8_t att[] = {4, 0, 0xd2};

    if (packet->size <= HEADERS || packet->size - HEADERS > sizeof heard.pdu)
        return;
    if (memcmp(packet->pdu + HEADERS - 2, att, sizeof att) != 0)
        return;
    heard.in_clear++;
    heard.size = packet->size - HEADERS;
    memcpy(heard.pdu, packet->pdu + HEADERS, heard.size);
}

/* Sends it again, as somebody with this device's address would. */
static void replay(amble_connection *conn, const uint8_t *pdu, size_t size)
{
    amble__packet *packet;
    amble__writer w;

    assert_int_equal(amble__att_take(conn->bearer, AMBLE__NEVER, &packet, &w), 0);
    amble__write_bytes(&w, pdu, size);
    assert_int_equal(amble__att_send(conn->bearer, packet, &w), 0);
}

/* --- the scripts -------------------------------------------------------------------------------------------------- */
static void expect_pressed(bench_device *self, const char *expected)
{
    amble_value value;

    assert_int_equal(amble_written(self->ble, &button, &value, 60000), 0);
    assert_int_equal(value.size, strlen(expected));
    assert_memory_equal(value.data, expected, value.size);
}
static void expect_nothing_pressed(bench_device *self, int ms)
{
    amble_value value;

    assert_int_equal(amble_written(self->ble, &button, &value, ms), AMBLE_ERR_TIMEOUT);
}

static amble_connection *connect_openly(bench_device *self)
{
    const amble_connect_options options = {.unencrypted = true};
    amble_connection *conn;

    assert_int_equal(amble_connect(self->ble, bench_address("server"), &options, &conn, 60000), 0);
    assert_false(amble_connection_encrypted(conn));
    return conn;
}

static int take_presses(bench_device *self)
{
    amble_connection *conn = bench_await(self);

    bench_await_end(conn);
    bench_watch(listen_in);
    conn = bench_await(self);
    expect_pressed(self, "one");
    look(paths[0]); /* at the moment in which a program has it */
    expect_pressed(self, "two");
    bench_await_end(conn);
    conn = bench_await(self);
    expect_nothing_pressed(self, 3000); /* replayed on another link */
    expect_pressed(self, "three");
    bench_await_end(conn);
    bench_watch(NULL);
    lose_power(self, paths[0]); /* it knows nothing of "two" and "three", but of "one" */
    conn = bench_await(self);
    expect_nothing_pressed(self, 3000);
    expect_pressed(self, "four");
    bench_await_end(conn);
    return 0;
}

static int press(bench_device *self)
{
    uint8_t first[sizeof heard.pdu];
    amble_connection *conn = bench_connect(self, "server");
    amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &button_uuid);
    size_t size;

    assert_int_equal(c.properties, AMBLE_PROPERTY_SIGNED_WRITE);
    assert_int_equal(amble_write_signed(&c, "zero", 4, 60000), AMBLE_ERR_NOT_FOUND); /* nobody knows it yet */
    assert_int_equal(amble_pair(conn, NULL, 60000), 0);
    amble_connection_close(conn);
    conn = connect_openly(self);
    c = bench_characteristic(conn, &service_uuid, &button_uuid);
    assert_int_equal(amble_write_signed(&c, "one", 3, 60000), 0);
    bench_sleep(1000);
    memcpy(first, heard.pdu, sizeof first);
    size = heard.size;
    assert_int_equal(size, 3 + 3 + 12);
    replay(conn, first, size);
    assert_int_equal(amble_write_signed(&c, "two", 3, 60000), 0);
    bench_sleep(1000);
    assert_false(amble_connection_encrypted(conn));
    amble_connection_close(conn);
    conn = connect_openly(self);
    replay(conn, first, size);
    bench_sleep(5000);
    c = bench_characteristic(conn, &service_uuid, &button_uuid);
    assert_int_equal(amble_write_signed(&c, "three", 5, 60000), 0);
    amble_connection_close(conn);
    conn = connect_openly(self);
    replay(conn, first, size);
    bench_sleep(5000);
    c = bench_characteristic(conn, &service_uuid, &button_uuid);
    assert_int_equal(amble_write_signed(&c, "four", 4, 60000), 0);
    amble_connection_close(conn);
    return 0;
}

static void what_is_sent_again_is_not_taken(void **state)
{
    (void)state;
    begin();
    memset(&heard, 0, sizeof heard);
    BENCH_RUN((&(bench_options){.seed = 21}), SERVER(take_presses), CLIENT(press));
    assert_true(heard.in_clear >= 5);
    for (int loss = 5; loss <= 20; loss += 15) {
        begin();
        BENCH_RUN((&(bench_options){.loss = loss, .seed = 21}), SERVER(take_presses), CLIENT(press));
    }
}

/* --- a client that loses power ------------------------------------------------------------------------------------ */
static int take_more_presses(bench_device *self)
{
    amble_connection *conn = bench_await(self);

    bench_await_end(conn);
    conn = bench_await(self);
    for (int i = 0; i < 10; i++)
        expect_pressed(self, "on");
    bench_await_end(conn);
    conn = bench_await(self);
    expect_pressed(self, "off");
    bench_await_end(conn);
    assert_int_equal(amble_read_statistics(self->ble).malformed, 0);
    return 0;
}

static int press_and_lose_power(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    amble_remote_characteristic c;

    assert_int_equal(amble_pair(conn, NULL, 60000), 0);
    amble_connection_close(conn);
    conn = connect_openly(self);
    c = bench_characteristic(conn, &service_uuid, &button_uuid);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(amble_write_signed(&c, "on", 2, 60000), 0);
        if (i == 0)
            look(paths[1]);
    }
    amble_connection_close(conn);
    lose_power(self, paths[1]);
    conn = connect_openly(self);
    c = bench_characteristic(conn, &service_uuid, &button_uuid);
    assert_int_equal(amble_write_signed(&c, "off", 3, 60000), 0);
    bench_sleep(1000);
    amble_connection_close(conn);
    return 0;
}

static void a_client_that_lost_power_is_still_understood(void **state)
{
    (void)state;
    begin();
    BENCH_RUN((&(bench_options){.seed = 22}), SERVER(take_more_presses), CLIENT(press_and_lose_power));
}

/* --- encrypted ---------------------------------------------------------------------------------------------------- */
static int take_secret_presses(bench_device *self)
{
    amble_connection *conn = bench_await(self);

    bench_await_end(conn);
    conn = bench_await(self);
    expect_pressed(self, "hush");
    bench_await_end(conn);
    return 0;
}

static int press_secretly(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    amble_remote_characteristic c;

    assert_int_equal(amble_pair(conn, NULL, 60000), 0);
    amble_connection_close(conn);
    memset(&heard, 0, sizeof heard);
    bench_watch(listen_in);
    conn = bench_connect(self, "server");
    c = bench_characteristic(conn, &service_uuid, &button_uuid);
    assert_true(amble_connection_encrypted(conn));
    assert_int_equal(amble_write_signed(&c, "hush", 4, 60000), 0);
    bench_sleep(1000);
    assert_int_equal(heard.in_clear, 0);
    amble_connection_close(conn);
    bench_watch(NULL);
    return 0;
}

static void an_encrypted_link_needs_no_signature(void **state)
{
    (void)state;
    begin();
    BENCH_RUN((&(bench_options){.seed = 23}), SERVER(take_secret_presses), CLIENT(press_secretly));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sent_again_is_not_taken),
        cmocka_unit_test(a_client_that_lost_power_is_still_understood),
        cmocka_unit_test(an_encrypted_link_needs_no_signature),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
