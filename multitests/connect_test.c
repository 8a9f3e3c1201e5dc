/* Connecting: timeouts and cancels at every moment, attempts without a first packet, several at once. Whatever
 * happens, the next connect works at once and no side keeps a link that nobody has. */
#include "bench.h"

enum { SCAN_MS = 40, CONNECT_MS = 120 };

/* Advertises until told to stop, and closes whatever comes. */
static bool stopped;
static unsigned links_made;
static int patience_ms; /* how long a connect may take */
static int advertise_for_ever(bench_device *self)
{
    const amble_advertise_options options = {.interval_us = BENCH_ADVERTISE_US};
    amble_connection *conn;
    int r;

    while (!stopped) {
        r = amble_advertise(self->ble, &options, &conn, 200);
        if (r == AMBLE_ERR_TIMEOUT)
            continue;
        assert_int_equal(r, 0);
        links_made++;
        while (!stopped && amble_disconnected(conn, 100) == AMBLE_ERR_TIMEOUT)
            ;
        amble_connection_close(conn);
    }
    return 0;
}

#define PERIPHERAL(name)                                                                                               \
    {                                                                                                                  \
        .label = name, .script = advertise_for_ever                                                                    \
    }

static void run_with_central(int (*script)(bench_device *self), double loss, uint64_t seed)
{
    const bench_device devices[] = {PERIPHERAL("lamp"), PERIPHERAL("fan"), {.label = "central", .script = script}};

    stopped = false;
    links_made = 0;
    patience_ms = loss > 0 ? 8000 : 1000; /* the end of the link before is announced late when packets are lost */
    bench_run(&(bench_options){.loss = loss, .seed = seed}, devices, 3);
}
static void run_lossy(int (*script)(bench_device *self))
{
    run_with_central(script, 0, 1);
    run_with_central(script, 5, 2);
    run_with_central(script, 20, 3);
}

/* --- timeouts ----------------------------------------------------------------------------------------------------- */
static int time_out_and_go_on(bench_device *self)
{
    static const amble_device nobody = {.type = AMBLE_RANDOM, .bytes = {1, 2, 3, 4, 5, 0xc6}};
    amble_connection *conn;
    int before;

    for (int i = 0; i < 5; i++) {
        before = bench_now_ms();
        assert_int_equal(amble_connect(self->ble, nobody, NULL, &conn, 300), AMBLE_ERR_TIMEOUT);
        assert_null(conn);
        assert_int_equal(bench_now_ms() - before, 300);
        conn = bench_connect(self, "lamp");
        assert_true(bench_now_ms() - before < 300 + patience_ms);
        assert_true(amble_connection_is_central(conn));
        assert_true(amble_device_equal(amble_connection_device(conn), bench_address("lamp")));
        assert_int_equal(amble_connect(self->ble, bench_address("lamp"), NULL, &(amble_connection *){NULL}, 300),
                         AMBLE_ERR_BUSY);
        amble_connection_close(conn);
    }
    assert_int_equal(amble_connect(self->ble, nobody, NULL, &conn, 0), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_connect(self->ble, nobody, &(amble_connect_options){.min_interval_us = 1}, &conn, 100),
                     AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_connect(self->ble, nobody,
                                   &(amble_connect_options){.latency = 400, .supervision_timeout_ms = 1000}, &conn,
                                   100),
                     AMBLE_ERR_ARGUMENT);
    stopped = true;
    return 0;
}

static void after_a_timeout_the_next_connect_works_at_once(void **state)
{
    (void)state;
    run_lossy(time_out_and_go_on);
}

/* --- cancelling at every moment ----------------------------------------------------------------------------------- */
typedef struct {
    bench_device *device;
    amble_connection *conn;
    int result;
} attempt;

static int attempt_connect(void *arg)
{
    attempt *a = arg;

    a->result = amble_connect(a->device->ble, bench_address("lamp"), NULL, &a->conn, AMBLE_FOREVER);
    assert_true(a->result == 0 ? a->conn != NULL : a->conn == NULL);
    return 0;
}

/* The moments: after so many rounds of the scheduler, in which no time passes; then a tenth of a millisecond apart;
 * then whole ones. */
enum { ROUNDS = 30, TENTHS = 30, MOMENTS = ROUNDS + TENTHS + CONNECT_MS };

static void let_pass(int moment)
{
    if (moment >= ROUNDS + TENTHS)
        bench_sleep(moment - ROUNDS - TENTHS + 1);
    else if (moment >= ROUNDS)
        bench_sleep_us((moment - ROUNDS + 1) * 100);
    else
        for (int i = 0; i < moment; i++)
            bench_sleep(0);
}

static void cancel_at(attempt *a, int (*function)(void *arg), int moment)
{
    amble_scope scope;
    amble_task *task;

    amble_scope_open(&scope);
    task = amble_spawn(&scope, function, a);
    let_pass(moment);
    amble_cancel(task);
    amble_scope_close(&scope);
}

/* The last moments come after the connect is through. Each time the next connect follows at once. */
static int cancel_connects(bench_device *self)
{
    unsigned cancelled = 0, connected = 0;

    for (int moment = 0; moment < MOMENTS; moment++) {
        attempt a = {.device = self};
        int before;

        bench_sleep(moment * 7 % 31); /* at any point of the advertising interval */
        before = bench_now_ms();
        cancel_at(&a, attempt_connect, moment);
        if (a.result == 0) {
            connected++;
            amble_connection_close(a.conn);
        } else {
            assert_int_equal(a.result, AMBLE_ERR_CANCELLED);
            cancelled++;
        }
        a.conn = bench_connect(self, "lamp");
        assert_true(bench_now_ms() - before < CONNECT_MS + patience_ms);
        amble_connection_close(a.conn);
    }
    assert_true(cancelled > 10);
    assert_true(connected > (patience_ms > 1000 ? 0 : 10));
    stopped = true;
    return 0;
}

static void a_connect_is_cancelled_at_every_moment(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++)
        run_with_central(cancel_connects, 0, seed);
    run_with_central(cancel_connects, 20, 9);
}

/* The same by the clock: the time is over at every moment. */
static int time_out_connects(bench_device *self)
{
    unsigned timeouts = 0;

    for (int ms = 1; ms <= CONNECT_MS; ms++) {
        amble_connection *conn;
        int r;

        bench_sleep(ms * 7 % 31); /* at any point of the advertising interval */
        r = amble_connect(self->ble, bench_address("lamp"), NULL, &conn, 1 + ms / 4);
        assert_true(r == 0 || r == AMBLE_ERR_TIMEOUT);
        timeouts += r < 0;
        amble_connection_close(conn);
        amble_connection_close(bench_connect(self, "lamp"));
    }
    assert_in_range(timeouts, 10, CONNECT_MS - (patience_ms > 1000 ? 1 : 10));
    stopped = true;
    return 0;
}

static void a_connect_times_out_at_every_moment(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++)
        run_with_central(time_out_connects, 0, seed);
    run_with_central(time_out_connects, 20, 9);
}

/* The advertiser gives up at every moment while a central connects. */
static int attempt_advertise(void *arg)
{
    const amble_advertise_options options = {.interval_us = BENCH_ADVERTISE_US};
    attempt *a = arg;

    a->result = amble_advertise(a->device->ble, &options, &a->conn, AMBLE_FOREVER);
    return 0;
}

static int cancel_advertising(bench_device *self)
{
    unsigned connected = 0;

    for (int moment = 0; moment < MOMENTS; moment++) {
        attempt a = {.device = self};

        cancel_at(&a, attempt_advertise, moment);
        if (a.result == 0) {
            connected++;
            amble_connection_close(a.conn);
        } else {
            assert_int_equal(a.result, AMBLE_ERR_CANCELLED);
        }
    }
    assert_in_range(connected, 5, MOMENTS - 10);
    amble_connection_close(bench_await(self)); /* the next one works */
    stopped = true;
    return 0;
}

static int connect_for_ever(bench_device *self)
{
    amble_connection *conn;

    while (!stopped) {
        const int r = amble_connect(self->ble, bench_address("lamp"), NULL, &conn, 1000);

        if (r == AMBLE_ERR_TIMEOUT || r == AMBLE_ERR_HCI(0x13)) /* the host over there sends an unwanted link away */
            continue;
        assert_int_equal(r, 0);
        assert_int_equal(amble_disconnected(conn, 20000), 0);
        amble_connection_close(conn);
    }
    return 0;
}

static void advertising_is_cancelled_at_every_moment(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        stopped = false;
        BENCH_RUN(&((bench_options){.seed = seed, .loss = seed == 5 ? 20 : 0}),
                  {.label = "lamp", .script = cancel_advertising}, {.label = "central", .script = connect_for_ever});
    }
}

static int attempt_scan(void *arg)
{
    attempt *a = arg;
    amble_scanner scanner;
    amble_scan_result result;

    a->result = amble_scan_open(a->device->ble, &scanner, NULL, AMBLE_FOREVER);
    if (a->result == 0)
        a->result = amble_scan_next(&scanner, &result, AMBLE_FOREVER);
    amble_scan_close(&scanner);
    return 0;
}

static int cancel_scans(bench_device *self)
{
    for (int moment = 0; moment < ROUNDS + TENTHS + SCAN_MS; moment++) {
        attempt a = {.device = self};
        amble_scan_result found;

        cancel_at(&a, attempt_scan, moment);
        assert_true(a.result == 1 || a.result == AMBLE_ERR_CANCELLED);
        if (moment % 8 == 0) /* the next scan works at once */
            assert_int_equal(amble_scan_find(self->ble, &(amble_scan_options){.interval_us = 10000, .window_us = 10000},
                                             &found, 2000),
                             0);
    }
    stopped = true;
    return 0;
}

static void a_scan_is_cancelled_at_every_moment(void **state)
{
    (void)state;
    run_lossy(cancel_scans);
}

/* --- cancelling while the request is on the air ------------------------------------------------------------------- */
enum { REQUEST_US = 352, AROUND = 6, REQUEST_ROUNDS = 12 }; /* 44 bytes on LE 1M */

static amble_event request_on_air;
static void tell_of_request(const amble_air_packet *packet)
{
    if (packet->access_address == 0x8e89bed6 && (packet->pdu[0] & 0x0f) == 5)
        amble_event_set(&request_on_air);
}

/* Cancels a few microseconds around the last bit of the CONNECT_IND, or so many rounds of the scheduler after it:
 * there the link is announced. */
static void cancel_around_request(attempt *a, int (*function)(void *arg), int moment, int (*then)(bench_device *self))
{
    amble_scope scope;
    amble_task *task;

    amble_event_clear(&request_on_air);
    amble_scope_open(&scope);
    task = amble_spawn(&scope, function, a);
    assert_int_equal(amble_event_wait(&request_on_air, 20000), 0);
    bench_sleep_us(REQUEST_US - (moment < AROUND ? AROUND - moment : 0));
    for (int i = AROUND; i < moment; i++)
        bench_sleep(0);
    amble_cancel(task);
    assert_int_equal(then ? then(a->device) : 0, 0);
    amble_scope_close(&scope);
}

static int cancel_connects_around_request(bench_device *self)
{
    unsigned cancelled = 0;

    bench_watch(tell_of_request);
    for (int moment = 0; moment < AROUND + REQUEST_ROUNDS; moment++) {
        attempt a = {.device = self};

        cancel_around_request(&a, attempt_connect, moment, NULL);
        cancelled += a.result == AMBLE_ERR_CANCELLED;
        amble_connection_close(a.conn);
        amble_connection_close(bench_connect(self, "lamp"));
    }
    assert_true(cancelled > AROUND);
    stopped = true;
    return 0;
}

/* What follows in the next round is another advertisement, which must not get the link. */
static int advertise_as_beacon(bench_device *self)
{
    const amble_advertise_options beacon = {.not_connectable = true, .interval_us = BENCH_ADVERTISE_US};
    int before, r;

    do {
        before = bench_now_ms();
        r = amble_advertise(self->ble, &beacon, NULL, 100);
    } while (r == AMBLE_ERR_BUSY);
    assert_int_equal(bench_now_ms() - before, 100);
    return r;
}

static int cancel_advertising_around_request(bench_device *self)
{
    unsigned cancelled = 0;

    bench_watch(tell_of_request);
    for (int moment = 0; moment < AROUND + REQUEST_ROUNDS; moment++) {
        attempt a = {.device = self};

        cancel_around_request(&a, attempt_advertise, moment, advertise_as_beacon);
        cancelled += a.result == AMBLE_ERR_CANCELLED;
        amble_connection_close(a.conn);
    }
    assert_in_range(cancelled, 2, AROUND + REQUEST_ROUNDS);
    stopped = true;
    return 0;
}

static void a_connect_is_cancelled_while_its_request_is_on_the_air(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++)
        run_with_central(cancel_connects_around_request, 0, seed);
}

static void advertising_is_cancelled_while_a_request_is_on_the_air(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        stopped = false;
        BENCH_RUN(&(bench_options){.seed = seed}, {.label = "lamp", .script = cancel_advertising_around_request},
                  {.label = "central", .script = connect_for_ever});
    }
}

/* --- no first packet ---------------------------------------------------------------------------------------------- */
/* The air goes dead when a CONNECT_IND was sent: the central believes that it has a link. Vol 6 Part B 2.3.3.1 */
static unsigned requests_seen, requests_to_swallow;
static void swallow_after_request(const amble_air_packet *packet)
{
    const bool is_request = packet->access_address == 0x8e89bed6 && packet->size > 2 && (packet->pdu[0] & 0x0f) == 5;

    if (!is_request || requests_seen++ >= requests_to_swallow)
        return;
    (void)amble_air_set_loss("bench", 100);
}

static int restore_air(bench_device *self)
{
    unsigned seen = 0;

    (void)self;
    while (!stopped) {
        bench_sleep(5);
        if (requests_seen == seen)
            continue;
        seen = requests_seen;
        bench_sleep(600); /* six intervals and more */
        assert_int_equal(amble_air_set_loss("bench", 0), 0);
    }
    return 0;
}

static int connect_at_the_fourth_attempt(bench_device *self)
{
    amble_connection *conn;
    int r;

    requests_seen = 0;
    requests_to_swallow = 3;
    bench_watch(swallow_after_request);
    assert_int_equal(amble_connect(self->ble, bench_address("lamp"), NULL, &conn, 20000), 0);
    assert_int_equal(amble_read_statistics(self->ble).connect_repeated, 3);
    assert_int_equal(requests_seen, 4);
    amble_connection_close(conn);
    requests_to_swallow = UINT32_MAX; /* and now for ever */
    r = amble_connect(self->ble, bench_address("lamp"), NULL, &conn, 5000);
    if (r == 0) { /* announced before the time was over, so it is returned */
        assert_int_equal(amble_disconnected(conn, 5000), 0);
        assert_int_equal(amble_connection_reason(conn), 0x3e);
        amble_connection_close(conn);
    } else {
        assert_int_equal(r, AMBLE_ERR_TIMEOUT);
    }
    assert_true(amble_read_statistics(self->ble).connect_repeated > 4);
    bench_watch(NULL);
    bench_sleep(1000);
    amble_connection_close(bench_connect(self, "lamp"));
    stopped = true;
    return 0;
}

static void an_attempt_without_a_first_packet_is_repeated(void **state)
{
    const bench_device devices[] = {PERIPHERAL("lamp"),
                                    {.label = "air", .script = restore_air},
                                    {.label = "central", .script = connect_at_the_fourth_attempt}};

    (void)state;
    stopped = false;
    bench_run(&(bench_options){.seed = 1}, devices, 3);
}

/* The peripheral loses its power at every moment of the procedure and comes back. */
static int vanish(bench_device *self)
{
    const amble_advertise_options options = {.interval_us = BENCH_ADVERTISE_US};

    for (int ms = 10; ms < 400; ms += 7) {
        attempt a = {.device = self};
        amble_scope scope;
        amble_task *task;

        amble_scope_open(&scope);
        task = amble_spawn(&scope, attempt_advertise, &a);
        bench_sleep(ms);
        assert_int_equal(amble_air_unplug(bench_transport(self)), 0);
        (void)amble_join(task, AMBLE_FOREVER);
        assert_true(a.result == 0 || a.result == AMBLE_ERR_CONTROLLER);
        if (a.result == 0)
            assert_int_equal(amble_disconnected(a.conn, 1000), 0);
        amble_connection_close(a.conn);
        assert_int_equal(amble_advertise(self->ble, &options, &a.conn, 100), AMBLE_ERR_CONTROLLER);
        amble_scope_close(&scope);
        amble_close(self->ble);
        self->ble = NULL;
        assert_int_equal(bench_open(self), 0);
    }
    return 0;
}

static int connect_to_the_vanishing(bench_device *self)
{
    const amble_device peer = bench_address("lamp"); /* its address is its label's */
    amble_connection *conn;
    unsigned lost = 0;
    uint8_t reason;
    int r;

    while (bench_now_ms() < 10000) {
        r = amble_connect(self->ble, peer, &(amble_connect_options){.supervision_timeout_ms = 500}, &conn, 1000);
        if (r == AMBLE_ERR_TIMEOUT || r == AMBLE_ERR_HCI(0x08))
            continue;
        assert_int_equal(r, 0);
        assert_int_equal(amble_disconnected(conn, 5000), 0);
        reason = amble_connection_reason(conn);
        assert_true(reason == 0x08 || reason == 0x3e);
        lost++;
        amble_connection_close(conn);
    }
    assert_true(lost > 5);
    return 0;
}

static void the_peripheral_vanishes_at_every_moment(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++)
        BENCH_RUN(&(bench_options){.seed = seed}, {.label = "lamp", .script = vanish},
                  {.label = "central", .script = connect_to_the_vanishing});
}

/* --- several at once ---------------------------------------------------------------------------------------------- */
typedef struct {
    bench_device *device;
    amble_device peer;
    amble_connect_options options;
    amble_connection *conn;
    int timeout_ms, ended_ms;
} order;

static int fulfil(void *arg)
{
    order *o = arg;
    int r = amble_connect(o->device->ble, o->peer, &o->options, &o->conn, o->timeout_ms);

    o->ended_ms = bench_now_ms();
    return r;
}

static int connect_to_both(bench_device *self)
{
    static const amble_device nobody = {.type = AMBLE_RANDOM, .bytes = {1, 2, 3, 4, 5, 0xc6}};
    order absent = {.device = self, .peer = nobody, .timeout_ms = 3000};
    order lamp = {.device = self, .peer = bench_address("lamp"), .timeout_ms = 20000};
    order fan = {.device = self, .peer = bench_address("fan"), .timeout_ms = 20000};
    amble_scope scope;
    amble_task *first;

    amble_scope_open(&scope);
    first = amble_spawn(&scope, fulfil, &absent); /* the oldest one blocks nobody */
    amble_spawn(&scope, fulfil, &lamp);
    amble_spawn(&scope, fulfil, &fan);
    assert_int_equal(amble_join(first, AMBLE_FOREVER), AMBLE_ERR_TIMEOUT);
    assert_int_equal(absent.ended_ms, 3000);
    assert_int_equal(amble_scope_wait(&scope, AMBLE_FOREVER), AMBLE_ERR_TIMEOUT); /* the first one's error */
    amble_scope_close(&scope);
    assert_non_null(lamp.conn);
    assert_non_null(fan.conn);
    assert_in_range(lamp.ended_ms, 1, 2900);
    assert_in_range(fan.ended_ms, 1, 2900);
    assert_true(amble_device_equal(amble_connection_device(lamp.conn), lamp.peer));
    assert_true(amble_device_equal(amble_connection_device(fan.conn), fan.peer));
    amble_connection_close(lamp.conn);
    amble_connection_close(fan.conn);
    stopped = true;
    return 0;
}

static void tasks_connect_to_several_devices_at_once(void **state)
{
    (void)state;
    run_lossy(connect_to_both);
}

/* Other options wait until the first is through, each with its own deadline. */
static int connect_with_other_options(bench_device *self)
{
    static const amble_device nobody = {.type = AMBLE_RANDOM, .bytes = {1, 2, 3, 4, 5, 0xc6}};
    order absent = {.device = self, .peer = nobody, .timeout_ms = 3000};
    order lamp = {
        .device = self, .peer = bench_address("lamp"), .timeout_ms = 10000, .options = {.max_interval_us = 100000}};
    order fan = {
        .device = self, .peer = bench_address("fan"), .timeout_ms = 1000, .options = {.max_interval_us = 100000}};
    amble_scope scope;
    amble_task *tasks[3];

    amble_scope_open(&scope);
    tasks[0] = amble_spawn(&scope, fulfil, &absent);
    tasks[1] = amble_spawn(&scope, fulfil, &lamp);
    tasks[2] = amble_spawn(&scope, fulfil, &fan);
    assert_int_equal(amble_join(tasks[2], AMBLE_FOREVER), AMBLE_ERR_TIMEOUT);
    assert_int_equal(fan.ended_ms, 1000);
    assert_int_equal(amble_join(tasks[1], AMBLE_FOREVER), 0);
    assert_in_range(lamp.ended_ms, 3000, 5000);
    assert_int_equal(amble_join(tasks[0], AMBLE_FOREVER), AMBLE_ERR_TIMEOUT);
    amble_scope_close(&scope);
    amble_connection_close(lamp.conn);
    stopped = true;
    return 0;
}

static void incompatible_options_queue(void **state)
{
    (void)state;
    run_lossy(connect_with_other_options);
}

/* One of a group gives up: the others go on. */
static int leave_a_group(bench_device *self)
{
    for (int ms = 0; ms < 60; ms++) {
        order lamp = {.device = self, .peer = bench_address("lamp"), .timeout_ms = 20000};
        order fan = {.device = self, .peer = bench_address("fan"), .timeout_ms = 20000};
        amble_scope scope;
        amble_task *tasks[2];
        int r;

        amble_scope_open(&scope);
        tasks[0] = amble_spawn(&scope, fulfil, &lamp);
        tasks[1] = amble_spawn(&scope, fulfil, &fan);
        bench_sleep(ms);
        amble_cancel(tasks[ms % 2]);
        assert_int_equal(amble_join(tasks[!(ms % 2)], AMBLE_FOREVER), 0);
        r = amble_join(tasks[ms % 2], AMBLE_FOREVER);
        assert_true(r == 0 || r == AMBLE_ERR_CANCELLED);
        amble_scope_close(&scope);
        amble_connection_close(lamp.conn);
        amble_connection_close(fan.conn);
    }
    stopped = true;
    return 0;
}

static void one_of_a_group_gives_up_at_every_moment(void **state)
{
    (void)state;
    run_lossy(leave_a_group);
}

/* Two centrals hear the same advertisement at the same moment, again and again: one must come through, then the
 * other. */
static int connect_in_competition(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "lamp");

    bench_sleep(200);
    amble_connection_close(conn);
    if (bench_now_ms() > 20000)
        stopped = true;
    return 0;
}
static int await_four(bench_device *self)
{
    for (int i = 0; i < 4; i++)
        bench_await_end(bench_await(self));
    return 0;
}

static void centrals_compete_for_one_peripheral(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY({.label = "lamp", .script = await_four}, {.label = "a", .script = connect_in_competition},
                    {.label = "b", .script = connect_in_competition}, {.label = "c", .script = connect_in_competition},
                    {.label = "d", .script = connect_in_competition});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_a_timeout_the_next_connect_works_at_once),
        cmocka_unit_test(a_connect_is_cancelled_at_every_moment),
        cmocka_unit_test(a_connect_times_out_at_every_moment),
        cmocka_unit_test(advertising_is_cancelled_at_every_moment),
        cmocka_unit_test(a_scan_is_cancelled_at_every_moment),
        cmocka_unit_test(a_connect_is_cancelled_while_its_request_is_on_the_air),
        cmocka_unit_test(advertising_is_cancelled_while_a_request_is_on_the_air),
        cmocka_unit_test(an_attempt_without_a_first_packet_is_repeated),
        cmocka_unit_test(the_peripheral_vanishes_at_every_moment),
        cmocka_unit_test(tasks_connect_to_several_devices_at_once),
        cmocka_unit_test(incompatible_options_queue),
        cmocka_unit_test(one_of_a_group_gives_up_at_every_moment),
        cmocka_unit_test(centrals_compete_for_one_peripheral),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
