/* Every call that waits, of every public header, with the air gone silent: each ends when its time is over, when its
 * task is cancelled, when the host closes, when the controller loses power, and, if it is about a link, when that is
 * lost; each with its reason, at once, and with nothing left behind that later calls trip over.
 *
 * Not in here: calls that only ask the controller next door, which answers at once (src/hci/hci_test.c has those), and
 * those of amble/task.h, which know no host (src/task). */
#include "bench.h"

static const amble_uuid service_uuid = AMBLE_UUID16(0xfff0), value_uuid = AMBLE_UUID16(0xfff1),
                        news_uuid = AMBLE_UUID16(0xfff2), alarm_uuid = AMBLE_UUID16(0xfff3),
                        ask_uuid = AMBLE_UUID16(0xfff4), title_uuid = AMBLE_UUID16(0x2901);
static const amble_descriptor title = {.uuid = &title_uuid, .read = true, .write = true};
static const amble_characteristic value = {.uuid = &value_uuid,
                                           .read = true,
                                           .write = true,
                                           .write_no_response = true,
                                           .signed_write = true,
                                           .reliable_write = true,
                                           .capture = true,
                                           .max_size = 100,
                                           .descriptors = AMBLE_LIST(&title)};
static const amble_characteristic news = {.uuid = &news_uuid, .notify = true};
static const amble_characteristic alarm_value = {.uuid = &alarm_uuid, .indicate = true};
static const amble_characteristic ask = {.uuid = &ask_uuid, .read = true, .answer_reads = true};
static const amble_service service = {.uuid = &service_uuid,
                                      .characteristics = AMBLE_LIST(&value, &news, &alarm_value, &ask)};

enum {
    PSM = 0x80,
    OTHER_PSM = 0x81,
    SUPERVISION_MS = 20000,
    PATIENCE_MS = 1000,
    CHANNELS = 4,
    SMALL = 256,
    LARGE = 4096
};

/* --- what the waits are about ------------------------------------------------------------------------------------- */
typedef struct {
    amble *ble;
    amble_connection *conn;
    amble_remote_service remote;
    amble_remote_characteristic value, news;
    amble_remote_descriptor title;
    amble_subscription *subscription;
    amble_l2cap_channel *quiet, *full, *flushed, *grown;
    amble_advertiser advertiser;
    amble_scanner scanner;
    amble_periodic periodic;
    int ms; /* of every wait */
} setting;

static const amble_device nobody = {.type = AMBLE_RANDOM, .bytes = {1, 2, 3, 4, 5, 0xc6}};

/* Of the host: */
static int do_advertise(setting *s)
{
    amble_connection *conn;

    return amble_advertise(s->ble, NULL, &conn, s->ms);
}
static int do_advertise_next(setting *s)
{
    amble_connection *conn;

    return amble_advertise_next(&s->advertiser, &conn, s->ms);
}
static int do_scan_next(setting *s)
{
    amble_scan_result result;

    return amble_scan_next(&s->scanner, &result, s->ms);
}
static int do_scan_find(setting *s)
{
    amble_scan_result result;

    return amble_scan_find(s->ble, &(amble_scan_options){.name = "nobody"}, &result, s->ms);
}
static int do_connect(setting *s)
{
    amble_connection *conn;

    return amble_connect(s->ble, nobody, NULL, &conn, s->ms);
}
static int do_written(setting *s)
{
    amble_value v;

    return amble_written(s->ble, &value, &v, s->ms);
}
static int do_requested(setting *s)
{
    amble_request request;

    return amble_requested(s->ble, &ask, &request, s->ms);
}
static int do_prompted(setting *s)
{
    amble_prompt prompt;
    int r;

    while ((r = amble_prompted(s->ble, &prompt, s->ms)) == 0 && s->ms == AMBLE_FOREVER)
        ; /* the pairing is over */
    return r;
}
static int do_periodic_open(setting *s)
{
    amble_periodic periodic;

    return amble_periodic_open(s->ble, &periodic, nobody, 1, NULL, s->ms);
}
static int do_periodic_next(setting *s)
{
    amble_periodic_report report;
    int r;

    while ((r = amble_periodic_next(&s->periodic, &report, s->ms)) == 0)
        ; /* what came before the silence */
    return r;
}

/* Of a link: */
static int do_disconnected(setting *s) { return amble_disconnected(s->conn, s->ms); }
static int do_mtu_exchanged(setting *s) { return amble_mtu_exchanged(s->conn, s->ms); }
static int do_update(setting *s)
{
    return amble_connection_update(s->conn, &(amble_parameters){.min_interval_us = 50000, .max_interval_us = 50000},
                                   s->ms);
}
static int do_set_phy(setting *s)
{
    return amble_connection_set_phy(s->conn, &(amble_phys){.send = AMBLE_PHY_2M, .receive = AMBLE_PHY_2M}, NULL, s->ms);
}
static int do_pair(setting *s) { return amble_pair(s->conn, NULL, s->ms); }
static int do_encrypted(setting *s) { return amble_encrypted(s->conn, s->ms); }
static int do_periodic_accept(setting *s)
{
    amble_periodic periodic;

    return amble_periodic_accept(s->conn, &periodic, NULL, NULL, s->ms);
}

/* Of the server on it: */
static int do_written_by(setting *s)
{
    amble_value v;

    return amble_written_by(s->conn, &title, &v, s->ms);
}
static int do_notify(setting *s)
{
    int r;

    while ((r = amble_notify(s->conn, &news, "x", 1, s->ms)) == 0)
        ; /* until there is no more room */
    return r;
}
static int do_notify_multiple(setting *s)
{
    amble_notify_part part = {.characteristic = &news, .data = "x", .size = 1};
    int r;

    while ((r = amble_notify_multiple(s->conn, &part, 1, s->ms)) == 0)
        ;
    return r;
}
static int do_indicate(setting *s) { return amble_indicate(s->conn, &alarm_value, "x", 1, s->ms); }
static int do_update_value(setting *s) { return amble_update(s->ble, &alarm_value, "y", 1, s->ms); }

/* Of the client on it: */
static int do_exchange_mtu(setting *s) { return amble_exchange_mtu(s->conn, s->ms); }
static int do_find_service(setting *s)
{
    amble_remote_service found;

    return amble_find_service(s->conn, &title_uuid, &found, s->ms);
}
static int do_find_characteristic(setting *s)
{
    amble_remote_characteristic found;

    return amble_find_characteristic(&s->remote, &title_uuid, &found, s->ms);
}
static int do_find_descriptor(setting *s)
{
    amble_remote_descriptor found;

    return amble_find_descriptor(&s->value, &value_uuid, &found, s->ms);
}
static int do_next_service(setting *s)
{
    amble_remote_service each = {0};

    return amble_next_service(s->conn, &each, s->ms);
}
static int do_next_included(setting *s)
{
    amble_remote_service each = {0};

    return amble_next_included(&s->remote, &each, s->ms);
}
static int do_follow_database(setting *s) { return amble_follow_database(s->conn, s->ms); }
static int do_read(setting *s)
{
    uint8_t bytes[100];

    return amble_read(&s->value, bytes, sizeof bytes, s->ms);
}
static int do_read_descriptor(setting *s)
{
    uint8_t bytes[20];

    return amble_read_descriptor(&s->title, bytes, sizeof bytes, s->ms);
}
static int do_read_multiple(setting *s)
{
    uint8_t bytes[2][100];
    amble_read_part parts[] = {{.characteristic = &s->value, .buffer = bytes[0], .size = sizeof bytes[0]},
                               {.characteristic = &s->value, .buffer = bytes[1], .size = sizeof bytes[1]}};

    return amble_read_multiple(parts, 2, s->ms);
}
static int do_write(setting *s) { return amble_write(&s->value, "x", 1, s->ms); }
static int do_write_long(setting *s)
{
    static const uint8_t bytes[100] = {0};

    return amble_write(&s->value, bytes, sizeof bytes, s->ms);
}
static int do_write_descriptor(setting *s) { return amble_write_descriptor(&s->title, "x", 1, s->ms); }
static int do_write_reliably(setting *s)
{
    const amble_write_part part = {.characteristic = &s->value, .data = "x", .size = 1};

    return amble_write_reliably(&part, 1, s->ms);
}
static int do_write_no_response(setting *s)
{
    int r;

    while ((r = amble_write_no_response(&s->value, "x", 1, s->ms)) == 0)
        ;
    return r;
}
static int do_subscribe(setting *s)
{
    amble_subscription *subscription;

    return amble_subscribe(&s->news, NULL, &subscription, s->ms);
}
static int do_notified(setting *s)
{
    amble_value v;

    return amble_notified(s->subscription, &v, s->ms);
}

/* Of channels on it: */
static int do_accept(setting *s)
{
    amble_l2cap_channel *channel;

    return amble_l2cap_accept(s->conn, PSM, &channel, s->ms);
}
static int do_open_channel(setting *s)
{
    amble_l2cap_channel *channel;

    return amble_l2cap_connect(s->conn, PSM, NULL, &channel, s->ms);
}
static int do_open_channels(setting *s)
{
    amble_l2cap_channel *channels[2];

    return amble_l2cap_connect_enhanced(s->conn, OTHER_PSM, NULL, channels, 2, s->ms);
}
static int do_reconfigure(setting *s) { return amble_l2cap_reconfigure(&s->grown, 1, UINT16_MAX, 0, s->ms); }
static int do_recv(setting *s)
{
    uint8_t byte;

    return amble_l2cap_recv(s->quiet, &byte, 1, s->ms);
}
static int do_send(setting *s)
{
    static const uint8_t bytes[LARGE] = {0};

    return amble_l2cap_send(s->full, bytes, sizeof bytes, s->ms);
}
static int do_flush(setting *s) { return amble_l2cap_flush(s->flushed, s->ms); }
static int do_channel_disconnected(setting *s) { return amble_l2cap_disconnected(s->quiet, s->ms); }

static const struct {
    const char *name;
    int (*wait)(setting *s);
    enum {
        OF_HOST,
        OF_LINK,
        UNTIL_LOSS,
        UNTIL_END
    } kind; /* of the latter two: the loss of the link, or any end of it, is no error */
} waits[] = {
    {"amble_advertise", do_advertise, OF_HOST},
    {"amble_advertise_next", do_advertise_next, OF_HOST},
    {"amble_scan_next", do_scan_next, OF_HOST},
    {"amble_scan_find", do_scan_find, OF_HOST},
    {"amble_connect", do_connect, OF_HOST},
    {"amble_written", do_written, OF_HOST},
    {"amble_requested", do_requested, OF_HOST},
    {"amble_prompted", do_prompted, OF_HOST},
    {"amble_periodic_open", do_periodic_open, OF_HOST},
    {"amble_periodic_next", do_periodic_next, OF_HOST},
    {"amble_disconnected", do_disconnected, UNTIL_END},
    {"amble_mtu_exchanged", do_mtu_exchanged, OF_LINK},
    {"amble_connection_update", do_update, OF_LINK},
    {"amble_connection_set_phy", do_set_phy, OF_LINK},
    {"amble_pair", do_pair, OF_LINK},
    {"amble_encrypted", do_encrypted, OF_LINK},
    {"amble_periodic_accept", do_periodic_accept, OF_LINK},
    {"amble_written_by", do_written_by, OF_LINK},
    {"amble_notify", do_notify, OF_LINK},
    {"amble_notify_multiple", do_notify_multiple, OF_LINK},
    {"amble_indicate", do_indicate, OF_LINK},
    {"amble_update", do_update_value, UNTIL_LOSS},
    {"amble_exchange_mtu", do_exchange_mtu, OF_LINK},
    {"amble_find_service", do_find_service, OF_LINK},
    {"amble_find_characteristic", do_find_characteristic, OF_LINK},
    {"amble_find_descriptor", do_find_descriptor, OF_LINK},
    {"amble_next_service", do_next_service, OF_LINK},
    {"amble_next_included", do_next_included, OF_LINK},
    {"amble_follow_database", do_follow_database, OF_LINK},
    {"amble_read", do_read, OF_LINK},
    {"amble_read_descriptor", do_read_descriptor, OF_LINK},
    {"amble_read_multiple", do_read_multiple, OF_LINK},
    {"amble_write", do_write, OF_LINK},
    {"amble_write, in parts", do_write_long, OF_LINK},
    {"amble_write_descriptor", do_write_descriptor, OF_LINK},
    {"amble_write_reliably", do_write_reliably, OF_LINK},
    {"amble_write_no_response", do_write_no_response, OF_LINK},
    {"amble_subscribe", do_subscribe, OF_LINK},
    {"amble_notified", do_notified, OF_LINK},
    {"amble_l2cap_accept", do_accept, OF_LINK},
    {"amble_l2cap_connect", do_open_channel, OF_LINK},
    {"amble_l2cap_connect_enhanced", do_open_channels, OF_LINK},
    {"amble_l2cap_reconfigure", do_reconfigure, OF_LINK},
    {"amble_l2cap_recv", do_recv, OF_LINK},
    {"amble_l2cap_send", do_send, OF_LINK},
    {"amble_l2cap_flush", do_flush, OF_LINK},
    {"amble_l2cap_disconnected", do_channel_disconnected, UNTIL_END},
};
enum { WAITS = sizeof waits / sizeof *waits };

/* --- the other side ----------------------------------------------------------------------------------------------- */
static void take_channels(amble_connection *conn, amble_l2cap_channel *channels[CHANNELS])
{
    for (int i = 0; i < CHANNELS; i++)
        assert_int_equal(amble_l2cap_accept(conn, i < CHANNELS - 1 ? PSM : OTHER_PSM, &channels[i], 20000), 0);
}

/* One link: follows the client's values, holds its channels, and does nothing. */
static void serve_link(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    const amble_remote_characteristic n = bench_characteristic(conn, &service_uuid, &news_uuid),
                                      a = bench_characteristic(conn, &service_uuid, &alarm_uuid);
    const amble_subscribe_options indications = {.indicate = true};
    amble_l2cap_channel *channels[CHANNELS];
    amble_subscription *subscriptions[2];

    assert_int_equal(amble_subscribe(&n, NULL, &subscriptions[0], 20000), 0);
    assert_int_equal(amble_subscribe(&a, &indications, &subscriptions[1], 20000), 0);
    take_channels(conn, channels);
    assert_int_equal(amble_disconnected(conn, AMBLE_FOREVER), 0);
    for (int i = 0; i < CHANNELS; i++)
        amble_l2cap_close(channels[i]);
    for (int i = 0; i < 2; i++)
        amble_subscription_close(subscriptions[i]);
    amble_connection_close(conn);
}

static int serve(bench_device *self)
{
    static const amble_advertise_options train = {
        .extended = true, .not_connectable = true, .no_name = true, .periodic_interval_us = 50000};
    const amble_l2cap_options small = {.mtu = SMALL};
    amble_advertiser advertiser;

    assert_int_equal(amble_l2cap_listen(self->ble, PSM, &small), 0);
    assert_int_equal(amble_l2cap_listen(self->ble, OTHER_PSM, &small), 0);
    assert_int_equal(amble_advertise_open(self->ble, &advertiser, &train), 0);
    assert_int_equal(amble_periodic_send(&advertiser, "x", 1, 5000), 0);
    serve_link(self);
    bench_await_end(bench_await(self)); /* it comes back */
    amble_advertise_close(&advertiser);
    return 0;
}

/* --- before the silence ------------------------------------------------------------------------------------------- */
static void find_train(setting *s)
{
    amble_scan_result found;
    amble_scanner scanner;
    int r;

    assert_int_equal(
        amble_scan_open(s->ble, &scanner, &(amble_scan_options){.interval_us = 50000, .window_us = 50000}, 20000), 0);
    while ((r = amble_scan_next(&scanner, &found, AMBLE_FOREVER)) == 1 && !found.periodic_interval_us)
        ;
    assert_int_equal(r, 1);
    assert_int_equal(amble_periodic_open(s->ble, &s->periodic, found.device, found.set, NULL, 20000), 0);
    amble_scan_close(&scanner);
}

static void open_channels(setting *s)
{
    static const uint8_t bytes[LARGE] = {0};
    amble_l2cap_channel **basic[] = {&s->quiet, &s->full, &s->flushed};

    for (int i = 0; i < CHANNELS - 1; i++)
        assert_int_equal(amble_l2cap_connect(s->conn, PSM, NULL, basic[i], 20000), 0);
    assert_int_equal(
        amble_l2cap_connect_enhanced(s->conn, OTHER_PSM, &(amble_l2cap_options){.mtu = SMALL}, &s->grown, 1, 20000), 1);
    /* More than the other side takes. */
    assert_int_equal(amble_l2cap_send(s->flushed, bytes, sizeof bytes, 2000), AMBLE_ERR_TIMEOUT);
}

static void meet(bench_device *self, setting *s)
{
    const amble_connect_options patient = {.supervision_timeout_ms = SUPERVISION_MS};

    assert_int_equal(amble_connect(self->ble, bench_address("server"), &patient, &s->conn, 20000), 0);
    for (int i = 0; i < 1000 && (!amble_subscribed(s->conn, &news) || !amble_subscribed(s->conn, &alarm_value)); i++)
        bench_sleep(20);
    assert_int_equal(amble_find_service(s->conn, &service_uuid, &s->remote, 20000), 0);
    assert_int_equal(amble_find_characteristic(&s->remote, &value_uuid, &s->value, 20000), 0);
    assert_int_equal(amble_find_characteristic(&s->remote, &news_uuid, &s->news, 20000), 0);
    assert_int_equal(amble_find_descriptor(&s->value, &title_uuid, &s->title, 20000), 0);
}

static setting set_up(bench_device *self, int ms)
{
    setting s = {.ble = self->ble, .ms = ms};
    amble_remote_characteristic a;

    meet(self, &s);
    assert_int_equal(amble_find_characteristic(&s.remote, &alarm_uuid, &a, 20000), 0);
    assert_int_equal(amble_subscribe(&a, &(amble_subscribe_options){.indicate = true}, &s.subscription, 20000), 0);
    assert_int_equal(amble_l2cap_listen(s.ble, PSM, NULL), 0);
    open_channels(&s);
    find_train(&s);
    assert_int_equal(amble_scan_open(s.ble, &s.scanner, &(amble_scan_options){.name = "nobody"}, AMBLE_FOREVER), 0);
    assert_int_equal(amble_advertise_open(s.ble, &s.advertiser, NULL), 0);
    assert_int_equal(amble_air_set_loss("bench", 100), 0);
    return s;
}

static void close_all(setting *s)
{
    amble_l2cap_close(s->quiet);
    amble_l2cap_close(s->full);
    amble_l2cap_close(s->flushed);
    amble_l2cap_close(s->grown);
    amble_subscription_close(s->subscription);
    amble_connection_close(s->conn);
    amble_periodic_close(&s->periodic);
    amble_scan_close(&s->scanner);
    amble_advertise_close(&s->advertiser);
}

/* --- the ends ----------------------------------------------------------------------------------------------------- */
typedef struct {
    setting *s;
    size_t which;
} waiting;

static int wait_one(void *arg)
{
    const waiting *w = arg;

    return waits[w->which].wait(w->s);
}

typedef struct {
    amble_scope scope;
    waiting each[WAITS];
    amble_task *tasks[WAITS];
} all_waits;

static void begin_all(all_waits *all, setting *s)
{
    amble_scope_open(&all->scope);
    for (size_t i = 0; i < WAITS; i++) {
        all->each[i] = (waiting){.s = s, .which = i};
        all->tasks[i] = amble_spawn(&all->scope, wait_one, &all->each[i]);
    }
}

/* This one has ended so. */
static void expect(const all_waits *all, size_t which, int expected)
{
    const int r = amble_join(all->tasks[which], PATIENCE_MS);

    if (r != expected)
        fail_msg("%s ended with %d (%s), not %d", waits[which].name, r, amble_error_text(r), expected);
}
/* Those about the link, when it is gone. */
static void expect_links(const all_waits *all, int error)
{
    for (size_t i = 0; i < WAITS; i++)
        if (waits[i].kind != OF_HOST)
            expect(all, i, waits[i].kind == OF_LINK ? error : 0);
}
static void expect_all(const all_waits *all, int error)
{
    const bool is_end = error != AMBLE_ERR_TIMEOUT && error != AMBLE_ERR_CANCELLED;

    for (size_t i = 0; i < WAITS; i++)
        expect(all, i, waits[i].kind == UNTIL_END && is_end ? 0 : error);
}
static void expect_none(const all_waits *all)
{
    for (size_t i = 0; i < WAITS; i++) {
        const int r = amble_join(all->tasks[i], 0);

        if (r != AMBLE_ERR_TIMEOUT)
            fail_msg("%s does not wait: %d (%s)", waits[i].name, r, amble_error_text(r));
    }
}

/* After the silence everything works as before, on the same link. */
static void go_on(setting *s)
{
    uint8_t bytes[100];

    assert_int_equal(amble_air_set_loss("bench", 0), 0);
    assert_true(amble_exchange_mtu(s->conn, 20000) > 0);
    assert_int_equal(amble_write(&s->value, "new", 3, 20000), 0);
    assert_int_equal(amble_read(&s->value, bytes, sizeof bytes, 20000), 3);
    assert_int_equal(amble_notify(s->conn, &news, "x", 1, 20000), 0);
    assert_int_equal(amble_indicate(s->conn, &alarm_value, "x", 1, 20000), 0);
    assert_int_equal(amble_pair(s->conn, NULL, 20000), 0);
    assert_int_equal(amble_l2cap_reconfigure(&s->grown, 1, UINT16_MAX, 0, 20000), 0);
    assert_int_equal(do_update(s), 0);
}

static int let_time_pass(bench_device *self)
{
    setting s = set_up(self, PATIENCE_MS);
    all_waits all;
    const int before = bench_now_ms();

    begin_all(&all, &s);
    assert_int_equal(amble_sleep_ms(PATIENCE_MS - 10), 0);
    expect_none(&all);
    assert_int_equal(amble_sleep_ms(20), 0);
    expect_all(&all, AMBLE_ERR_TIMEOUT);
    assert_in_range(bench_now_ms() - before, PATIENCE_MS, PATIENCE_MS + 20);
    amble_scope_close(&all.scope);
    s.ms = 20000;
    go_on(&s);
    close_all(&s);
    amble_connection_close(bench_connect(self, "server"));
    return 0;
}

/* With no time at all, each is tried once. */
static int try_once(bench_device *self)
{
    setting s = set_up(self, 0);
    all_waits all;
    const int before = bench_now_ms();

    begin_all(&all, &s);
    for (size_t i = 0; i < WAITS; i++)
        expect(&all, i, waits[i].wait == do_update_value ? 0 : AMBLE_ERR_TIMEOUT); /* so many were told */
    assert_int_equal(bench_now_ms(), before);
    amble_scope_close(&all.scope);
    s.ms = 20000;
    go_on(&s);
    close_all(&s);
    amble_connection_close(bench_connect(self, "server"));
    return 0;
}

static int cancel_all(bench_device *self)
{
    setting s = set_up(self, AMBLE_FOREVER);
    all_waits all;
    int before;

    begin_all(&all, &s);
    bench_sleep(PATIENCE_MS);
    expect_none(&all);
    before = bench_now_ms();
    for (size_t i = 0; i < WAITS; i++)
        amble_cancel(all.tasks[i]);
    expect_all(&all, AMBLE_ERR_CANCELLED);
    assert_int_equal(bench_now_ms(), before);
    amble_scope_close(&all.scope);
    s.ms = 20000;
    go_on(&s);
    close_all(&s);
    amble_connection_close(bench_connect(self, "server"));
    return 0;
}

static int lose_link(bench_device *self)
{
    setting s = set_up(self, AMBLE_FOREVER);
    all_waits all;
    int before;

    begin_all(&all, &s);
    bench_sleep(PATIENCE_MS);
    expect_none(&all);
    assert_int_equal(amble_disconnected(s.conn, SUPERVISION_MS + PATIENCE_MS), 0);
    before = bench_now_ms();
    expect_links(&all, AMBLE_ERR_DISCONNECTED);
    assert_int_equal(bench_now_ms(), before);
    for (size_t i = 0; i < WAITS; i++)
        amble_cancel(all.tasks[i]);
    amble_scope_close(&all.scope);
    close_all(&s);
    assert_int_equal(amble_air_set_loss("bench", 0), 0);
    amble_connection_close(bench_connect(self, "server"));
    return 0;
}

static int close_host(bench_device *self)
{
    setting s = set_up(self, AMBLE_FOREVER);
    all_waits all;

    begin_all(&all, &s);
    bench_sleep(PATIENCE_MS);
    expect_none(&all);
    assert_int_equal(amble_air_set_loss("bench", 0), 0);
    self->ble = NULL;
    amble_close(s.ble);
    expect_all(&all, AMBLE_ERR_CLOSED);
    amble_scope_close(&all.scope);
    assert_int_equal(bench_open(self), 0);
    amble_connection_close(bench_connect(self, "server"));
    return 0;
}

static int lose_controller(bench_device *self)
{
    setting s = set_up(self, AMBLE_FOREVER);
    all_waits all;
    int before;

    begin_all(&all, &s);
    bench_sleep(PATIENCE_MS);
    expect_none(&all);
    before = bench_now_ms();
    assert_int_equal(amble_air_unplug(bench_transport(self)), 0);
    expect_all(&all, AMBLE_ERR_CONTROLLER);
    amble_scope_close(&all.scope);
    close_all(&s);
    amble_close(self->ble);
    assert_int_equal(bench_now_ms(), before);
    assert_int_equal(amble_air_set_loss("bench", 0), 0);
    bench_sleep(SUPERVISION_MS); /* so long the other side believes in it */
    assert_int_equal(bench_open(self), 0);
    amble_connection_close(bench_connect(self, "server"));
    return 0;
}

static void run(int (*script)(bench_device *self))
{
    const amble_config serving = {.services = {&service}, .channel_receive_size = SMALL, .advertisers = 3};
    const amble_config waiting_for = {
        .services = {&service}, .channel_send_size = SMALL, .advertisers = 3, .scanners = 4, .syncs = 3};

    BENCH_RUN(&((bench_options){.seed = 1}), {.label = "server", .script = serve, .config = serving},
              {.label = "client", .script = script, .config = waiting_for});
}

static void time_ends_every_wait(void **state)
{
    (void)state;
    run(let_time_pass);
}
static void without_time_every_call_is_tried_once(void **state)
{
    (void)state;
    run(try_once);
}
static void a_cancel_ends_every_wait(void **state)
{
    (void)state;
    run(cancel_all);
}
static void the_loss_of_its_link_ends_every_wait(void **state)
{
    (void)state;
    run(lose_link);
}
static void closing_ends_every_wait(void **state)
{
    (void)state;
    run(close_host);
}
static void a_lost_controller_ends_every_wait(void **state)
{
    (void)state;
    run(lose_controller);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_ends_every_wait),     cmocka_unit_test(without_time_every_call_is_tried_once),
        cmocka_unit_test(a_cancel_ends_every_wait), cmocka_unit_test(the_loss_of_its_link_ends_every_wait),
        cmocka_unit_test(closing_ends_every_wait),  cmocka_unit_test(a_lost_controller_ends_every_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
