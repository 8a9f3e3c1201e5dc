/* Values that are long, that grow, and that belong together: written in parts, appended, written all or none, read
 * several at once. */
#include "bench.h"

static const amble_uuid service_uuid = AMBLE_UUID128("a5a5a5a5-ffff-9999-1111-5a5a5a5a5a5a");
static const amble_uuid short_uuid = AMBLE_UUID128("00000000-1111-2222-3333-444444444444");
static const amble_uuid long_uuid = AMBLE_UUID128("00000000-1111-2222-3333-555555555555");
static const amble_uuid log_uuid = AMBLE_UUID128("00000000-1111-2222-3333-666666666666");

static const amble_characteristic brief = {.uuid = &short_uuid, .read = true, .write = true};
static const amble_characteristic longer = {
    .uuid = &long_uuid, .read = true, .write = true, .reliable_write = true, .capture = true, .max_size = 512};
static const amble_characteristic growing = {
    .uuid = &log_uuid, .read = true, .write = true, .append = true, .max_size = 80};
static const amble_service service = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&brief, &longer, &growing)};

static int serve(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    amble_value value;
    char text[100];

    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(amble_written(self->ble, &longer, &value, 60000), 0);
        assert_int_equal(value.size, i == 0 ? 512 : i == 1 ? 100 : 30);
        for (size_t k = 0; k < value.size; k++)
            assert_int_equal(value.data[k], (k + i) & 0xff);
    }
    bench_await_end(conn);
    assert_int_equal(amble_local_read(self->ble, &growing, text, sizeof text), 74);
    assert_memory_equal(text, "central3-aaaaaaaaaaaaaaaaaaaaaaaaaaaaacentral3-bbbbbbbbbbbbbbbbbbbbbbbbbbb", 73);
    assert_int_equal(amble_local_read(self->ble, &growing, text, sizeof text), 0);
    return 0;
}

static void fill(uint8_t *to, size_t size, unsigned first)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (uint8_t)(i + first);
}

static int write_parts(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic a = bench_characteristic(conn, &service_uuid, &short_uuid);
    const amble_remote_characteristic b = bench_characteristic(conn, &service_uuid, &long_uuid);
    const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &log_uuid);
    uint8_t bytes[512], text[30], back[512];
    const amble_write_part together[] = {{&a, "both", 4}, {&b, bytes, 30}}, bad[] = {{&a, "none", 4}, {&c, bytes, 81}};
    amble_read_part parts[] = {{.characteristic = &a, .buffer = text, .size = sizeof text},
                               {.characteristic = &b, .buffer = back, .size = sizeof back},
                               {.characteristic = &c, .buffer = text, .size = 3}};

    fill(bytes, sizeof bytes, 0);
    assert_int_equal(amble_write(&b, bytes, 512, 60000), 0); /* with the smallest MTU */
    assert_int_equal(amble_read(&b, back, sizeof back, 60000), 512);
    assert_memory_equal(back, bytes, 512);
    assert_int_equal(amble_write(&a, bytes, 30, 60000), AMBLE_ERR_ATT(0x0d)); /* and nothing of it is there */
    assert_int_equal(amble_read(&a, text, sizeof text, 60000), 0);
    assert_int_equal(amble_exchange_mtu(conn, 60000), 247);
    fill(bytes, sizeof bytes, 1);
    assert_int_equal(amble_write(&b, bytes, 100, 60000), 0);
    assert_int_equal(amble_write(&c, "central3-aaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 38, 60000), 0);
    assert_int_equal(amble_write(&c, "central3-bbbbbbbbbbbbbbbbbbbbbbbbbbb", 36, 60000), 0);
    assert_int_equal(amble_write(&c, "seven b", 7, 60000), AMBLE_ERR_ATT(0x11)); /* full */
    fill(bytes, sizeof bytes, 2);
    assert_int_equal(amble_write_reliably(together, 2, 60000), 0);
    assert_int_equal(amble_write_reliably(bad, 2, 60000), AMBLE_ERR_ATT(0x0d));
    assert_int_equal(amble_read_multiple(parts, 3, 60000), 0);
    assert_int_equal(parts[0].result, 4);
    assert_memory_equal(text, "both", 4);
    assert_int_equal(parts[1].result, 30);
    assert_memory_equal(back, bytes, 30);
    assert_int_equal(parts[2].result, AMBLE_ERR_TOO_LONG);
    amble_connection_close(conn);
    return 0;
}

static void long_values_and_those_that_grow(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY({.label = "server", .script = serve, .config = {.services = {&service}}},
                    {.label = "client", .script = write_parts});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_values_and_those_that_grow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
