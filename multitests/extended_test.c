/* Extended and periodic advertising between hosts: several sets side by side, long data, other PHYs, links made through
 * them, and data that is followed without a link. */
#include "bench.h"

enum { LONG = 1650, WAIT_MS = 60000 };

static bool stopped;

/* --- several advertisers, long data ------------------------------------------------------------------------------- */
static const amble_scan_options wide_open = {.interval_us = 30000, .window_us = 30000, .coded = true};

static void fill(uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(i * 7 + 1);
}

static int advertise_three(bench_device *self)
{
    uint8_t data[LONG];
    const amble_advertise_options sets[] = {
        {.interval_us = 100000, .name = "legacy"},
        {.interval_us = 100000, .extended = true, .not_connectable = true, .data = data, .data_size = LONG},
        {.interval_us = 100000, .extended = true, .phy = AMBLE_PHY_2M, .name = "a name that is longer than 31 bytes"}};
    amble_advertiser advertisers[3];

    fill(data, sizeof data);
    for (int i = 0; i < 3; i++)
        assert_int_equal(amble_advertise_open(self->ble, &advertisers[i], &sets[i]), 0);
    while (!stopped)
        bench_sleep(50);
    for (int i = 0; i < 3; i++)
        amble_advertise_close(&advertisers[i]);
    return 0;
}

static int see_three(bench_device *self)
{
    bool legacy = false, long_one = false, named = false;
    amble_scan_result result;
    amble_scanner scanner;
    uint8_t data[LONG];
    char name[32];

    fill(data, sizeof data);
    assert_int_equal(amble_scan_open(self->ble, &scanner, &wide_open, WAIT_MS), 0);
    while (!legacy || !long_one || !named) {
        assert_int_equal(amble_scan_next(&scanner, &result, AMBLE_FOREVER), 1);
        if (!result.extended) {
            assert_string_equal(amble_scan_name(&result, name, ""), "legacy");
            legacy = true;
        } else if (result.size == LONG) {
            assert_memory_equal(result.data, data, LONG);
            assert_false(result.connectable || result.truncated);
            long_one = true;
        } else {
            assert_string_equal(amble_scan_name(&result, name, ""), "a name that is longer than 31 b");
            assert_int_equal(result.phy, AMBLE_PHY_2M);
            assert_true(result.connectable);
            named = true;
        }
    }
    amble_scan_close(&scanner);
    stopped = true;
    return 0;
}

static void sets_go_on_side_by_side(void **state)
{
    const double losses[] = {0, 5, 20};

    (void)state;
    for (int i = 0; i < 3; i++) {
        stopped = false;
        BENCH_RUN(&((bench_options){.seed = 1, .loss = losses[i]}),
                  {.label = "sender", .script = advertise_three, .config = {.advertisers = 3, .advertised_size = LONG}},
                  {.label = "seeker", .script = see_three, .config = {.scanned_size = LONG}});
    }
}

/* Two that say no address: both are heard, as what they say. */
static int advertise_anonymously(bench_device *self)
{
    const amble_advertise_options options = {.interval_us = 100000,
                                             .extended = true,
                                             .anonymous = true,
                                             .not_connectable = true,
                                             .no_name = true,
                                             .company = 0xffff,
                                             .manufacturer = self->label,
                                             .manufacturer_size = strlen(self->label)};

    while (!stopped)
        assert_int_equal(amble_advertise(self->ble, &options, NULL, 500), 0);
    return 0;
}

static int hear_both(bench_device *self)
{
    bool heard[2] = {false};
    amble_scan_result result;
    amble_scanner scanner;
    size_t size;

    assert_int_equal(amble_scan_open(self->ble, &scanner, &wide_open, WAIT_MS), 0);
    while (!heard[0] || !heard[1]) {
        const uint8_t *label;

        assert_int_equal(amble_scan_next(&scanner, &result, AMBLE_FOREVER), 1);
        assert_true(result.anonymous && !result.connectable);
        label = amble_scan_manufacturer(&result, 0xffff, &size);
        assert_non_null(label);
        assert_int_equal(size, strlen("sender 1"));
        heard[label[size - 1] - '1'] = true;
    }
    amble_scan_close(&scanner);
    stopped = true;
    return 0;
}

static void anonymous_ones_are_heard(void **state)
{
    const double losses[] = {0, 5, 20};

    (void)state;
    for (int i = 0; i < 3; i++) {
        stopped = false;
        BENCH_RUN(&((bench_options){.seed = 1, .loss = losses[i]}),
                  {.label = "sender 1", .script = advertise_anonymously},
                  {.label = "sender 2", .script = advertise_anonymously}, {.label = "seeker", .script = hear_both});
    }
}

/* --- links through extended advertising --------------------------------------------------------------------------- */
static amble_phy phy;

/* A central whose first packet never came is none, and another one is awaited. */
static int be_met(bench_device *self)
{
    const amble_advertise_options options = {.interval_us = BENCH_ADVERTISE_US, .extended = true, .phy = phy};
    amble_connection *conn;
    int r;

    while (!stopped) {
        r = amble_advertise(self->ble, &options, &conn, 500);
        assert_true(r == 0 || r == AMBLE_ERR_TIMEOUT);
        if (r == 0)
            bench_await_end(conn);
    }
    return 0;
}

static int meet(bench_device *self)
{
    const amble_connect_options options = {.coded = phy == AMBLE_PHY_CODED};
    amble_connection *conn;
    amble_phys phys;

    if (phy == AMBLE_PHY_CODED) /* where it is not, nobody finds it */
        assert_int_equal(amble_connect(self->ble, bench_address("peripheral"), NULL, &conn, 2000), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_connect(self->ble, bench_address("peripheral"), &options, &conn, WAIT_MS), 0);
    assert_int_equal(amble_connection_phy(conn, &phys, WAIT_MS), 0);
    assert_int_equal(phys.send, phy);
    assert_int_equal(phys.receive, phy);
    assert_int_equal(amble_exchange_mtu(conn, WAIT_MS), 247);
    amble_connection_close(conn);
    stopped = true;
    return 0;
}

static void links_are_made_through_extended_advertising(void **state)
{
    const double losses[] = {0, 5, 20};

    (void)state;
    for (phy = AMBLE_PHY_1M; phy <= AMBLE_PHY_CODED; phy++) {
        for (int i = 0; i < 3; i++) {
            stopped = false;
            BENCH_RUN(&((bench_options){.seed = 1, .loss = losses[i]}), {.label = "peripheral", .script = be_met},
                      {.label = "central", .script = meet});
        }
    }
}

/* Two connectable sets: each central goes to the one it came to. One whose first packet never came, comes again. */
static amble_connection *await_on(amble_advertiser *advertiser, amble_device peer)
{
    amble_connection *conn;

    for (;;) {
        assert_int_equal(amble_advertise_next(advertiser, &conn, WAIT_MS), 0);
        assert_true(amble_device_equal(amble_connection_device(conn), peer));
        if (amble_disconnected(conn, 5000) == AMBLE_ERR_TIMEOUT) /* longer than the supervision timeout */
            return conn;
        amble_connection_close(conn);
    }
}

static int welcome_two(bench_device *self)
{
    const amble_device first = bench_address("first"), second = bench_address("second");
    const amble_advertise_options options[] = {{.interval_us = BENCH_ADVERTISE_US, .directed_to = &first},
                                               {.interval_us = BENCH_ADVERTISE_US, .directed_to = &second}};
    amble_advertiser advertisers[2];
    amble_connection *conn[2];

    for (int i = 0; i < 2; i++)
        assert_int_equal(amble_advertise_open(self->ble, &advertisers[i], &options[i]), 0);
    for (int i = 1; i >= 0; i--) {
        conn[i] = await_on(&advertisers[i], i ? second : first);
        amble_advertise_close(&advertisers[i]);
    }
    bench_await_end(conn[0]);
    bench_await_end(conn[1]);
    return 0;
}
static int visit(bench_device *self)
{
    amble_connection *conn;

    assert_int_equal(amble_connect(self->ble, bench_address("host"), NULL, &conn, WAIT_MS), 0);
    bench_sleep(20000);
    amble_connection_close(conn);
    return 0;
}

static void centrals_go_to_the_set_they_came_to(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY_NEW({.label = "host", .script = welcome_two}, {.label = "first", .script = visit},
                        {.label = "second", .script = visit});
}

/* --- periodic ----------------------------------------------------------------------------------------------------- */
enum { READINGS = 10 };

static int send_readings(bench_device *self)
{
    const amble_advertise_options options = {.interval_us = 100000,
                                             .extended = true,
                                             .not_connectable = true,
                                             .periodic_interval_us = 50000,
                                             .name = "readings"};
    amble_advertiser advertiser;

    assert_int_equal(amble_advertise_open(self->ble, &advertiser, &options), 0);
    for (uint8_t reading = 0; !stopped; reading++) {
        assert_int_equal(amble_periodic_send(&advertiser, &reading, 1, 5000), 0);
        bench_sleep(500);
    }
    amble_advertise_close(&advertiser);
    return 0;
}

static int follow_readings(bench_device *self)
{
    const amble_scan_options options = {.interval_us = 30000, .window_us = 30000, .name = "readings"};
    amble_periodic periodic;
    amble_periodic_report report;
    amble_scan_result found;
    int last = -1, changes = 0, r;

    assert_int_equal(amble_scan_find(self->ble, &options, &found, WAIT_MS), 0);
    assert_int_equal(found.periodic_interval_us, 50000);
    assert_int_equal(amble_periodic_open(self->ble, &periodic, found.device, found.set, NULL, WAIT_MS), 0);
    while (changes < READINGS) {
        assert_int_equal(amble_periodic_next(&periodic, &report, 10000), 0);
        if (report.truncated || report.size != 1 || report.data[0] == last)
            continue;
        assert_true(last < 0 || (uint8_t)(report.data[0] - last) < 20); /* in order */
        last = report.data[0];
        changes++;
    }
    stopped = true;
    while ((r = amble_periodic_next(&periodic, &report, WAIT_MS)) == 0)
        ;
    assert_int_equal(r, AMBLE_ERR_DISCONNECTED); /* it is not heard any more */
    amble_periodic_close(&periodic);
    assert_int_equal(amble_periodic_open(self->ble, &periodic, found.device, found.set, NULL, 2000), AMBLE_ERR_TIMEOUT);
    return 0;
}

static void periodic_data_is_followed(void **state)
{
    const double losses[] = {0, 5, 20};

    (void)state;
    for (int i = 0; i < 3; i++) {
        stopped = false;
        BENCH_RUN(&((bench_options){.seed = 2, .loss = losses[i]}), {.label = "sender", .script = send_readings},
                  {.label = "listener", .script = follow_readings});
    }
}

/* Data that takes several commands: listeners lose the sender when it is replaced, and find it again. */
static bool replace_it;

static int send_long_data(bench_device *self)
{
    const amble_advertise_options options = {.interval_us = 100000,
                                             .extended = true,
                                             .not_connectable = true,
                                             .periodic_interval_us = 100000,
                                             .name = "long"};
    amble_advertiser advertiser;
    uint8_t data[LONG];

    fill(data, sizeof data);
    assert_int_equal(amble_advertise_open(self->ble, &advertiser, &options), 0);
    assert_int_equal(amble_periodic_send(&advertiser, data, LONG, 5000), 0);
    while (!replace_it)
        bench_sleep(50);
    assert_int_equal(amble_periodic_send(&advertiser, data + 1, LONG - 1, 5000), 0);
    while (!stopped)
        bench_sleep(50);
    amble_advertise_close(&advertiser);
    return 0;
}

/* The next report that is whole must be this. */
static void expect_long(amble *ble, const amble_scan_result *found, amble_periodic *periodic, const uint8_t *data,
                        size_t size)
{
    amble_periodic_report report;

    assert_int_equal(amble_periodic_open(ble, periodic, found->device, found->set, NULL, WAIT_MS), 0);
    do
        assert_int_equal(amble_periodic_next(periodic, &report, 10000), 0);
    while (report.truncated);
    assert_int_equal(report.size, size);
    assert_memory_equal(report.data, data, size);
}

static int follow_long_data(bench_device *self)
{
    const amble_scan_options options = {.interval_us = 30000, .window_us = 30000, .name = "long"};
    amble_periodic_report report;
    amble_periodic periodic;
    amble_scan_result found;
    uint8_t data[LONG];
    int r;

    fill(data, sizeof data);
    assert_int_equal(amble_scan_find(self->ble, &options, &found, WAIT_MS), 0);
    expect_long(self->ble, &found, &periodic, data, LONG);
    replace_it = true;
    while ((r = amble_periodic_next(&periodic, &report, WAIT_MS)) == 0)
        ;
    assert_int_equal(r, AMBLE_ERR_DISCONNECTED);
    amble_periodic_close(&periodic);
    expect_long(self->ble, &found, &periodic, data + 1, LONG - 1);
    amble_periodic_close(&periodic);
    stopped = true;
    return 0;
}

static void long_periodic_data_is_replaced(void **state)
{
    const double losses[] = {0, 5, 20};

    (void)state;
    for (int i = 0; i < 3; i++) {
        stopped = replace_it = false;
        BENCH_RUN(&((bench_options){.seed = 3, .loss = losses[i]}),
                  {.label = "sender", .script = send_long_data, .config = {.advertised_size = LONG}},
                  {.label = "listener", .script = follow_long_data, .config = {.scanned_size = LONG}});
    }
}

/* --- a sender that a peer tells of -------------------------------------------------------------------------------- */
static bool own;     /* the sender itself tells, else somebody who listens to it */
static bool told_of; /* the watch listens to it */

static int send_time(bench_device *self)
{
    const amble_advertise_options options = {.interval_us = 100000,
                                             .extended = true,
                                             .not_connectable = true,
                                             .periodic_interval_us = 50000,
                                             .name = "time"};
    amble_connection *conn = NULL;
    amble_advertiser advertiser;
    int r;

    assert_int_equal(amble_advertise_open(self->ble, &advertiser, &options), 0);
    assert_int_equal(amble_periodic_send(&advertiser, "noon", 4, 5000), 0);
    if (own)
        assert_int_equal(amble_connect(self->ble, bench_address("watch"), NULL, &conn, WAIT_MS), 0);
    while (own && !told_of) {
        r = amble_periodic_transfer_own(&advertiser, conn, 7, 5000);
        assert_int_equal(r, 0);
        bench_sleep(2000);
    }
    amble_connection_close(conn);
    while (!stopped)
        bench_sleep(50);
    amble_advertise_close(&advertiser);
    return 0;
}

static int tell_of_time(bench_device *self)
{
    const amble_scan_options options = {.interval_us = 30000, .window_us = 30000, .name = "time"};
    amble_scan_result result;
    amble_periodic periodic;
    amble_connection *conn;

    if (own)
        return 0;
    assert_int_equal(amble_scan_find(self->ble, &options, &result, WAIT_MS), 0);
    assert_int_equal(amble_periodic_open(self->ble, &periodic, result.device, result.set, NULL, WAIT_MS), 0);
    assert_int_equal(amble_connect(self->ble, bench_address("watch"), NULL, &conn, WAIT_MS), 0);
    while (!told_of) {
        assert_int_equal(amble_periodic_transfer(&periodic, conn, 7, 5000), 0);
        bench_sleep(2000);
    }
    amble_periodic_close(&periodic);
    amble_connection_close(conn);
    return 0;
}

/* Never scans; listens on when the link is gone. */
static int be_told(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    amble_periodic_report report;
    amble_periodic_sender sender;
    amble_periodic periodic;
    int r;

    do
        r = amble_periodic_accept(conn, &periodic, NULL, &sender, WAIT_MS);
    while (r == AMBLE_ERR_HCI(0x3e)); /* at 20 % six packets may be lost, and it is told again */
    assert_int_equal(r, 0);
    assert_int_equal(sender.service_data, 7);
    assert_true(amble_device_equal(sender.device, bench_address("sender")));
    told_of = true;
    bench_await_end(conn);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(amble_periodic_next(&periodic, &report, WAIT_MS), 0);
        assert_true(report.truncated || (report.size == 4 && memcmp(report.data, "noon", 4) == 0));
    }
    amble_periodic_close(&periodic);
    stopped = true;
    return 0;
}

static void a_sender_is_told_of(void **state)
{
    const double losses[] = {0, 5, 20};

    (void)state;
    for (int i = 0; i < 6; i++) {
        stopped = told_of = false;
        own = i % 2;
        BENCH_RUN(&((bench_options){.seed = 4, .loss = losses[i / 2]}), {.label = "sender", .script = send_time},
                  {.label = "phone", .script = tell_of_time}, {.label = "watch", .script = be_told});
    }
}

/* --- what the controller can -------------------------------------------------------------------------------------- */
/* Who asks for what an old controller has not is told so. */
static int probe(bench_device *self)
{
    const amble_advertise_options options = {.extended = true, .not_connectable = true};

    return amble_advertise(self->ble, &options, NULL, 100);
}

static int probe_in_vain(bench_device *self)
{
    assert_int_equal(probe(self), AMBLE_ERR_UNSUPPORTED);
    return 0;
}

static void the_controller_can_or_says_so(void **state)
{
    (void)state;
    BENCH_RUN(&(bench_options){.seed = 1}, {.label = "probe", .script = probe});
    BENCH_RUN(&((bench_options){.seed = 1, .old = true}), {.label = "probe", .script = probe_in_vain});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_controller_can_or_says_so),
        cmocka_unit_test(sets_go_on_side_by_side),
        cmocka_unit_test(anonymous_ones_are_heard),
        cmocka_unit_test(links_are_made_through_extended_advertising),
        cmocka_unit_test(centrals_go_to_the_set_they_came_to),
        cmocka_unit_test(periodic_data_is_followed),
        cmocka_unit_test(long_periodic_data_is_replaced),
        cmocka_unit_test(a_sender_is_told_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
