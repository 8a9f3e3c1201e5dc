/* Advertising with all its fields and for several centrals: what a program puts in, a scanner gets out. */
#include "bench.h"

static const amble_uuid short_ones[2] = {AMBLE_UUID16(0x181a), AMBLE_UUID16(0x180f)};
static const amble_uuid middle_ones[2] = {AMBLE_UUID32(0x12345678), AMBLE_UUID32(0x9abcdef0)};
static const amble_uuid long_ones[2] = {AMBLE_UUID128("458063a1-02bf-4664-857e-16c1030be066"),
                                        AMBLE_UUID128("458063a2-02bf-4664-857e-16c1030be066")};

/* --- aioble's advertise_services: lists of every width ------------------------------------------------------------ */
enum { LISTS = 6 };
static const amble_advertise_options lists[LISTS] = {
    {.interval_us = BENCH_ADVERTISE_US, .name = "0", .services = {&short_ones[0]}},
    {.interval_us = BENCH_ADVERTISE_US, .name = "1", .services = {&short_ones[0], &short_ones[1]}},
    {.interval_us = BENCH_ADVERTISE_US, .name = "2", .services = {&middle_ones[0], &middle_ones[1]}},
    {.interval_us = BENCH_ADVERTISE_US, .name = "3", .services = {&long_ones[0]}},
    {.interval_us = BENCH_ADVERTISE_US, .name = "4", .services = {&long_ones[0], &long_ones[1]}},
    {.interval_us = BENCH_ADVERTISE_US,
     .name = "5",
     .services = {&long_ones[1], &short_ones[1], &middle_ones[1], &short_ones[0]}},
};

static bool seen;

static int advertise_lists(bench_device *self)
{
    for (int i = 0; i < LISTS; i++) {
        amble_advertiser advertiser;

        seen = false;
        assert_int_equal(amble_advertise_open(self->ble, &advertiser, &lists[i]), 0);
        while (!seen)
            bench_sleep(20);
        amble_advertise_close(&advertiser);
    }
    return 0;
}

/* Scans until the device shows as many services as it has; an answer to a scan request may be lost. */
static void expect_list(bench_device *self, const amble_advertise_options *sent)
{
    const amble_scan_options options = {.active = true, .interval_us = 30000, .window_us = 30000, .name = sent->name};
    unsigned expected = 0, services = 0;
    amble_scan_result found;
    amble_scanner scanner;
    amble_uuid listed;

    for (int i = 0; i < AMBLE_ADVERTISE_SERVICES; i++)
        expected += sent->services[i] != NULL;
    assert_int_equal(amble_scan_open(self->ble, &scanner, &options, 10000), 0);
    while (services < expected) {
        assert_int_equal(amble_scan_next(&scanner, &found, AMBLE_FOREVER), 1);
        services = 0;
        for (size_t at = 0; amble_scan_next_service(&found, &at, &listed);)
            services++;
    }
    amble_scan_close(&scanner);
    assert_int_equal(services, expected);
    for (int i = 0; i < AMBLE_ADVERTISE_SERVICES; i++)
        assert_true(!sent->services[i] || amble_scan_has_service(&found, sent->services[i]));
}

static int read_lists(bench_device *self)
{
    for (int i = 0; i < LISTS; i++) {
        expect_list(self, &lists[i]);
        seen = true;
    }
    return 0;
}

static void services_of_every_width_are_seen(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY({.label = "sender", .script = advertise_lists}, {.label = "reader", .script = read_lists});
}

/* --- the other fields --------------------------------------------------------------------------------------------- */
static int advertise_others(bench_device *self)
{
    const amble_advertise_options options = {.interval_us = BENCH_ADVERTISE_US,
                                             .name = "a name that is too long for this",
                                             .shortest_name = 4,
                                             .appearance = 0x0341,
                                             .tx_power = true,
                                             .not_discoverable = true,
                                             .service_data = {{&short_ones[0], "data", 4}, {&middle_ones[0], "x", 1}},
                                             .structures = "\2\x1c\1",
                                             .structures_size = 3};

    assert_int_equal(amble_advertise(self->ble, &options, &(amble_connection *){NULL}, 3000), AMBLE_ERR_TIMEOUT);
    return 0;
}

static int read_others(bench_device *self)
{
    const amble_device sender = bench_address("sender");
    const amble_scan_options options = {.active = true, .interval_us = 30000, .window_us = 30000, .device = &sender};
    amble_scan_result found;
    const uint8_t *data;
    char name[32];
    size_t size;

    do
        assert_int_equal(amble_scan_find(self->ble, &options, &found, 3000), 0);
    while (found.response_at == found.size);
    assert_memory_equal(amble_scan_name(&found, name, ""), "a name that", 11);
    assert_int_equal(amble_scan_appearance(&found), 0x0341);
    assert_true(amble_scan_tx_power(&found) != AMBLE_POWER_UNKNOWN);
    assert_int_equal(amble_scan_flags(&found), AMBLE_FLAG_NO_BR_EDR);
    data = amble_scan_service_data(&found, &short_ones[0], &size);
    assert_int_equal(size, 4);
    assert_memory_equal(data, "data", 4);
    assert_int_equal(*amble_scan_service_data(&found, &middle_ones[0], &size), 'x');
    assert_null(amble_scan_service_data(&found, &short_ones[1], &size));
    assert_int_equal(found.size, 31 + 28); /* the name took a whole scan response */
    return 0;
}

static void every_field_is_seen(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY({.label = "sender", .script = advertise_others}, {.label = "reader", .script = read_others});
}

/* --- several centrals --------------------------------------------------------------------------------------------- */
enum { GUESTS = 3 };

static int welcome(bench_device *self)
{
    const amble_advertise_options options = {.interval_us = BENCH_ADVERTISE_US};
    amble_connection *guests[GUESTS], *one_more;
    amble_advertiser advertiser;

    assert_int_equal(amble_advertise_open(self->ble, &advertiser, &options), 0);
    for (int i = 0; i < GUESTS; i++) {
        assert_int_equal(amble_advertise_next(&advertiser, &guests[i], 20000), 0);
        for (int k = 0; k < i; k++)
            assert_false(amble_device_equal(amble_connection_device(guests[i]), amble_connection_device(guests[k])));
    }
    for (int i = 0; i < GUESTS; i++)
        assert_int_equal(amble_disconnected(guests[i], 30000), 0);
    amble_connection_close(guests[0]);
    assert_int_equal(amble_advertise_next(&advertiser, &one_more, 20000), 0); /* somebody comes again */
    amble_advertise_close(&advertiser);
    bench_await_end(one_more);
    for (int i = 1; i < GUESTS; i++)
        amble_connection_close(guests[i]);
    return 0;
}

static int visit(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "host");

    assert_int_equal(amble_exchange_mtu(conn, 20000), 247);
    bench_sleep(4000);
    amble_connection_close(conn);
    if (self->label[0] == 'a') {
        conn = bench_connect(self, "host");
        amble_connection_close(conn);
    }
    return 0;
}

static void advertising_goes_on_while_centrals_are_connected(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY({.label = "host", .script = welcome, .config = {.connections = GUESTS}},
                    {.label = "a", .script = visit}, {.label = "b", .script = visit}, {.label = "c", .script = visit});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(services_of_every_width_are_seen),
        cmocka_unit_test(every_field_is_seen),
        cmocka_unit_test(advertising_goes_on_while_centrals_are_connected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
