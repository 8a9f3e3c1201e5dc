/* Random schedules of everything: three to five hosts do it, under whatever addresses, in clear and encrypted, while
 * schedules.h lets anything happen to them. What is agreed on in pairing, and what bonds are good for, have schedules
 * of their own.
 *
 * See schedule_operations.h for how it is seen that nothing is reordered. */
#include "schedule_operations.h"

enum { LIFE_MS = 90000, DAY_MS = 12000, DATA = 400, HELPERS = 3 };

static const amble_uuid service_uuid = AMBLE_UUID16(0xfff0);
enum { UUIDS = 5 };
static const amble_uuid uuids[UUIDS] = {AMBLE_UUID16(0xfff1), AMBLE_UUID16(0xfff2), AMBLE_UUID16(0xfff3),
                                        AMBLE_UUID16(0xfff4), AMBLE_UUID16(0xfff5)};
static const amble_characteristic captured = {.uuid = &uuids[0],
                                              .read = true,
                                              .write = true,
                                              .write_no_response = true,
                                              .reliable_write = true,
                                              .capture = true,
                                              .write_depth = 2};
static const amble_characteristic sent = {.uuid = &uuids[1], .read = true, .notify = true, .indicate = true};
static const amble_characteristic asked = {
    .uuid = &uuids[2], .read = true, .write = true, .answer_reads = true, .answer_writes = true};
static const amble_characteristic long_one = {
    .uuid = &uuids[3], .read = true, .write = true, .reliable_write = true, .max_size = 300};
static const amble_characteristic also_sent = {.uuid = &uuids[4], .read = true, .notify = true, .indicate = true};
static const amble_service service = {.uuid = &service_uuid,
                                      .characteristics = AMBLE_LIST(&captured, &sent, &asked, &long_one, &also_sent)};
/* One that comes and goes. */
static const amble_uuid guest_uuid = AMBLE_UUID16(0xffe0), guest_value_uuid = AMBLE_UUID16(0xffe1);
static const amble_characteristic guest_value = {
    .uuid = &guest_value_uuid, .read = true, .write = true, .notify = true, .capture = true, .write_depth = 2};
static const amble_service guest = {.uuid = &guest_uuid, .characteristics = AMBLE_LIST(&guest_value)};

/* --- what happened ------------------------------------------------------------------------------------------------ */
enum { HIDDEN, ENCRYPTED, OVERLAPPED, WRITTEN, NOTIFIED, NOTIFIED_SEVERAL, INDICATED, STREAMED, HAPPENINGS };
static const char *const happenings[HAPPENINGS] = {
    [HIDDEN] = "a link between two that hide", [ENCRYPTED] = "a link that was encrypted",
    [OVERLAPPED] = "requests that overlap",    [WRITTEN] = "a written value",
    [NOTIFIED] = "a notified value",           [NOTIFIED_SEVERAL] = "several values notified at once",
    [INDICATED] = "an indicated value",        [STREAMED] = "a channel",
};

/* --- with a link, as a client ------------------------------------------------------------------------------------- */
static int follow(amble_connection *conn, const amble_remote_characteristic *c)
{
    const amble_subscribe_options options = {.indicate = dice(2), .depth = (uint16_t)(1 + dice(4))};
    amble_subscription *s;
    amble_value value;
    order seen = {.next = 0};
    int r = amble_subscribe(c, &options, &s, some_time());

    for (unsigned i = dice(6); r >= 0 && i > 0; i--) {
        if ((r = amble_notified(s, &value, 200 + (int)dice(1000))) == AMBLE_ERR_TIMEOUT) {
            r = 0;
        } else if (r == 0) {
            see(&seen, &value);
            happened(value.indication ? INDICATED : NOTIFIED);
        }
    }
    if (r >= 0 && dice(2))
        r = amble_disconnected(conn, (int)dice(500));
    amble_subscription_close(s);
    return r == AMBLE_ERR_TIMEOUT ? 0 : r;
}

static int discover(amble_connection *conn)
{
    amble_remote_service s = {.start = 0};
    amble_remote_characteristic c = {.handle = 0};
    amble_remote_descriptor d = {.handle = 0};
    int r;

    while ((r = amble_next_service(conn, &s, some_time())) > 0)
        while ((r = amble_next_characteristic(&s, &c, some_time())) > 0 && dice(8))
            while ((r = amble_next_descriptor(&c, &d, some_time())) > 0)
                ;
    return r;
}

/* --- periodic senders that peers tell of -------------------------------------------------------------------------- */
/* What each host sends or listens to at the moment, as the last worker knows that began or ended with it. */
static struct {
    const amble *ble;
    const amble_advertiser *sender;
    const amble_periodic *listener;
} known[BENCH_DEVICES];

static void know(const amble *ble, const amble_advertiser *sender, const amble_periodic *listener)
{
    unsigned at = 0;

    for (unsigned i = 0; i < BENCH_DEVICES; i++)
        if (known[i].ble == ble)
            at = i;
    if (known[at].ble != ble)
        for (at = 0; at + 1 < BENCH_DEVICES && known[at].ble; at++)
            ;
    known[at].ble = sender || listener ? ble : NULL;
    known[at].sender = sender;
    known[at].listener = listener;
}

static int tell_of_periodic(amble_connection *conn)
{
    for (unsigned at = 0; at < BENCH_DEVICES; at++) {
        if (known[at].ble != amble_connection_host(conn))
            continue;
        if (known[at].sender)
            return amble_periodic_transfer_own(known[at].sender, conn, 1, some_time());
        if (known[at].listener)
            return amble_periodic_transfer(known[at].listener, conn, 1, some_time());
    }
    return 0;
}

static int hear_of_periodic(amble_connection *conn)
{
    amble_periodic_report report;
    amble_periodic periodic;
    int r = amble_periodic_accept(conn, &periodic, NULL, NULL, (int)dice(3000));

    if (r < 0)
        return r;
    for (unsigned i = dice(4); r >= 0 && i > 0; i--)
        r = amble_periodic_next(&periodic, &report, (int)dice(500));
    amble_periodic_close(&periodic);
    return r;
}

/* --- with a link, as a client, on --------------------------------------------------------------------------------- */
static int write_several(const amble_remote_service *s, tag *mine)
{
    uint8_t bytes[300] = {0};
    amble_remote_characteristic c[2];
    const amble_write_part parts[] = {{&c[0], bytes, TAG + dice(16)}, {&c[1], bytes, dice(sizeof bytes)}};
    int r = amble_find_characteristic(s, &uuids[0], &c[0], 5000);

    if (r >= 0)
        r = amble_find_characteristic(s, &uuids[3], &c[1], 5000);
    put_tag(mine, bytes);
    return r < 0 ? r : amble_write_reliably(parts, 2, some_time());
}

static int read_several(const amble_remote_service *s)
{
    uint8_t bytes[300];
    amble_remote_characteristic c[2];
    amble_read_part parts[] = {{.characteristic = &c[0], .buffer = bytes, .size = sizeof bytes},
                               {.characteristic = &c[1], .buffer = bytes, .size = sizeof bytes}};
    int r = amble_find_characteristic(s, &uuids[dice(UUIDS)], &c[0], 5000);

    if (r >= 0)
        r = amble_find_characteristic(s, &uuids[dice(UUIDS)], &c[1], 5000);
    return r < 0 ? r : amble_read_multiple(parts, 2, some_time());
}

/* Encrypted links have more bearers. A bond that one side has lost is replaced. */
static int secure(amble_connection *conn)
{
    const amble_pair_options options = {.renew = true, .legacy_only = true}; /* which costs less time here */
    const int r = amble_pair(conn, &(amble_pair_options){.legacy_only = true}, some_time());

    if (r == 0)
        happened(ENCRYPTED);
    return r == AMBLE_ERR_BOND_LOST ? amble_pair(conn, &options, some_time()) : r;
}

/* One of several tasks that ask at once, on as many bearers as there are. */
static int help(void *arg)
{
    const amble_remote_characteristic *c = arg;
    tag mine = new_tag();
    uint8_t bytes[300];
    int r = 0;

    for (unsigned i = dice(6); i > 0 && amble_connected(c->conn) && !host_is_over(r); i--) {
        put_tag(&mine, bytes);
        r = dice(3) ? amble_write(c, bytes, TAG, some_time()) : amble_read(c, bytes, sizeof bytes, some_time());
        if (r == AMBLE_ERR_TIMEOUT)
            mine = new_tag(); /* what was given up may still come, on its bearer */
    }
    return host_is_over(r) ? r : 0;
}

static int ask_at_once(const amble_remote_characteristic *c)
{
    amble_remote_characteristic mine = *c; /* lives as long as the tasks */
    amble_scope scope;
    int r;

    if (amble_connection_bearers(c->conn) > 1)
        happened(OVERLAPPED);
    amble_scope_open(&scope);
    for (unsigned i = 1 + dice(HELPERS); i > 0; i--)
        amble_spawn_named(&scope, "helper", help, &mine);
    r = amble_scope_wait(&scope, some_time());
    amble_scope_close(&scope);
    return r;
}

enum { FOLLOW = 18, CLIENT_OPERATIONS = 22 };

/* Mostly one with which the operation makes sense. */
static const amble_uuid *some_uuid(const amble_remote_service *s, unsigned what)
{
    if (amble_uuid_equal(&s->uuid, &guest_uuid))
        return &guest_value_uuid;
    if (what >= FOLLOW && dice(8))
        return &uuids[dice(2) ? 1 : 4];
    return &uuids[what && dice(2) ? 0 : dice(UUIDS)];
}

static int ask_peer(const amble_remote_service *s, const amble_remote_characteristic *c, unsigned what, tag *mine)
{
    amble_connection *conn = c->conn;
    uint8_t bytes[300] = {0};
    int8_t rssi;

    put_tag(mine, bytes);
    switch (what) {
    case 0:
        return amble_read(c, bytes, sizeof bytes, some_time());
    case 1:
        return amble_write(c, bytes, TAG + dice(dice(4) ? 16 : 290), some_time());
    case 2:
        return amble_write_no_response(c, bytes, TAG + dice(16), some_time());
    case 3:
        return amble_exchange_mtu(conn, some_time());
    case 4:
        return amble_connection_rssi(conn, &rssi, some_time());
    case 5:
        return discover(conn);
    case 6:
        return amble_disconnected(conn, (int)dice(300));
    case 7:
        return tune(conn);
    case 8:
        return be_on_channel(conn, STREAMED);
    case 9:
        return write_several(s, mine);
    case 10:
        return read_several(s);
    case 11:
        return amble_follow_database(conn, some_time());
    case 12:
        return tell_of_periodic(conn);
    case 13:
        return hear_of_periodic(conn);
    case 14:
        return secure(conn);
    case 15:
    case 16:
    case 17:
        return ask_at_once(c);
    default:
        return follow(conn, c);
    }
}

static int be_client(amble_connection *conn)
{
    amble_remote_service s;
    amble_remote_characteristic c;
    tag mine = new_tag();
    int r = dice(3) ? secure(conn) : 0;

    if (!host_is_over(r))
        r = amble_find_service(conn, dice(5) ? &service_uuid : &guest_uuid, &s, 5000);
    if (r == AMBLE_ERR_NOT_FOUND)
        r = amble_find_service(conn, &service_uuid, &s, 5000);
    for (unsigned i = dice(30); r >= 0 && i > 0; i--) {
        const unsigned what = dice(CLIENT_OPERATIONS);

        r = amble_find_characteristic(&s, some_uuid(&s, what), &c, 5000);
        if (r >= 0)
            r = ask_peer(&s, &c, what, &mine);
        if (r == AMBLE_ERR_TIMEOUT)
            mine = new_tag(); /* what was given up may still come, on another bearer than the next */
        if (r < 0 && !host_is_over(r) && amble_connected(conn))
            r = 0; /* a refusal, or it took too long: go on */
    }
    return r;
}

/* --- with a link, as a server ------------------------------------------------------------------------------------- */
static const amble_characteristic *some_sent(void) { return dice(2) ? &sent : &also_sent; }

static int notify_several(amble_connection *conn, tag *mine)
{
    const amble_characteristic *most = some_sent(), *last = dice(4) ? most : some_sent();
    uint8_t first[TAG], second[TAG], third[TAG];
    amble_notify_part parts[] = {{.characteristic = most, .data = first, .size = TAG},
                                 {.characteristic = most, .data = second, .size = TAG},
                                 {.characteristic = last, .data = third, .size = TAG}};
    int r;

    put_tag(mine, first);
    put_tag(mine, second);
    put_tag(mine, third);
    r = amble_notify_multiple(conn, parts, 2 + dice(2), some_time());
    if (r == 0)
        happened(NOTIFIED_SEVERAL);
    return r;
}

static int serve_peer(amble_connection *conn, unsigned what, tag *mine, order *seen)
{
    amble_value value;
    uint8_t bytes[TAG];
    int r;

    put_tag(mine, bytes);
    switch (what) {
    case 0:
    case 1:
        return amble_notify(conn, some_sent(), bytes, TAG, some_time());
    case 2:
        return amble_indicate(conn, some_sent(), bytes, TAG, some_time());
    case 3:
    case 13:
        return amble_update(amble_connection_host(conn), &sent, bytes, TAG, some_time());
    case 4:
    case 5:
    case 14:
        return notify_several(conn, mine);
    case 6:
        if ((r = amble_written_by(conn, &captured, &value, (int)dice(500))) == 0)
            see(seen, &value);
        return r;
    case 7:
        return tune(conn);
    case 8:
    case 9:
        return be_on_channel(conn, STREAMED);
    case 10:
        return tell_of_periodic(conn);
    case 11:
        return hear_of_periodic(conn);
    case 12:
        return secure(conn);
    default:
        return amble_disconnected(conn, (int)dice(500));
    }
}
enum { SERVER_OPERATIONS = 18 };

static int be_server(void *arg)
{
    amble_connection *conn = arg;
    order seen = {.next = 0};
    tag mine = new_tag();
    int r = 0;

    for (unsigned i = dice(20); i > 0 && !host_is_over(r) && amble_connected(conn); i--) {
        r = serve_peer(conn, dice(SERVER_OPERATIONS), &mine, &seen);
        if (r == AMBLE_ERR_NOT_SUBSCRIBED)
            r = amble_disconnected(conn, (int)dice(500));
    }
    return r;
}

static int be_both(amble_connection *conn)
{
    amble_scope scope;
    int r;

    amble_scope_open(&scope);
    amble_spawn_named(&scope, "server", be_server, conn);
    r = be_client(conn);
    if (!host_is_over(r))
        r = amble_scope_wait(&scope, AMBLE_FOREVER);
    amble_scope_close(&scope);
    return r;
}

static int be_something(amble_connection *conn)
{
    switch (dice(4)) {
    case 0:
        return be_server(conn);
    case 1:
        return be_client(conn);
    default:
        return be_both(conn);
    }
}

/* --- workers ------------------------------------------------------------------------------------------------------ */
static bool is_private(amble_device address) { return address.type == AMBLE_RANDOM && address.bytes[5] >> 6 < 2; }

static int use_link(amble_connection *conn)
{
    amble_timeout timeout;
    int r;

    if (is_private(amble_connection_own_address(conn)) && is_private(amble_connection_peer_address(conn)))
        happened(HIDDEN);
    if (dice(6) == 0) {
        amble_timeout_begin(&timeout, conn, (int)dice(3000));
        r = be_something(conn);
        r = amble_timeout_end(&timeout, r);
    } else {
        r = be_something(conn);
    }
    if (!host_is_over(r) && dice(2))
        (void)!amble_disconnected(conn, (int)dice(2000)); /* let the other one leave first */
    amble_connection_close(conn);
    return r;
}

static int advertise_once(const schedule_day *today)
{
    const amble_advertise_options options = {
        .interval_us = 20000 + dice(8) * 20000, .services = {&service_uuid}, .not_connectable = dice(8) == 0};
    amble_connection *conn = NULL;
    const int r = amble_advertise(today->ble, &options, &conn, some_time());

    return r >= 0 && conn ? use_link(conn) : r;
}

static int advertise(void *arg)
{
    const schedule_day *today = arg;
    int r;

    do
        r = advertise_once(today);
    while (!host_is_over(r) && r != AMBLE_ERR_BUSY && !today->over && dice(4));
    return r;
}

/* Advertising that goes on while centrals are there. */
static int welcome(void *arg)
{
    const schedule_day *today = arg;
    const amble_device one = schedule_address(dice(schedule_devices()));
    const amble_advertise_options options = {
        .interval_us = 20000 + dice(8) * 20000, .directed_to = dice(4) ? NULL : &one, .tx_power = dice(2)};
    amble_connection *conn = NULL;
    amble_advertiser advertiser;
    int r = amble_advertise_open(today->ble, &advertiser, &options);

    for (unsigned i = 1 + dice(3); r >= 0 && i > 0 && !today->over; i--) {
        r = amble_advertise_next(&advertiser, &conn, some_time());
        if (r >= 0)
            r = use_link(conn);
    }
    if (!today->over) /* it went with its host otherwise */
        amble_advertise_close(&advertiser);
    return r;
}

/* Where one is, or, what helps only who knows it, who it is. */
static amble_device somebody(void)
{
    const unsigned index = dice(schedule_devices());

    return dice(4) ? schedule_address(index) : schedule_identity(index);
}

static int connect_once(const schedule_day *today)
{
    const amble_connect_options options = {
        .max_interval_us = dice(2) ? 0 : 30000, .supervision_timeout_ms = 1000, .coded = !today->old && dice(3) == 0};
    amble_connection *conn;
    const int r = amble_connect(today->ble, somebody(), &options, &conn, some_time());

    return r >= 0 ? use_link(conn) : r;
}

static int connect_to_one(void *arg)
{
    const schedule_day *today = arg;
    int r;

    do
        r = connect_once(today);
    while (!host_is_over(r) && !today->over && dice(4));
    return r;
}

/* As long as the day is. */
static int meet(void *arg)
{
    const schedule_day *today = arg;
    int r;

    do
        r = dice(2) ? advertise_once(today) : connect_once(today);
    while (!host_is_over(r) && !today->over && (r >= 0 || (r = amble_sleep_ms(10)) == 0) && !today->over);
    return r;
}
static const schedule_worker companion = {"meet", meet};

static int scan(void *arg)
{
    const schedule_day *today = arg;
    const amble_scan_options options = {.active = dice(2),
                                        .interval_us = 30000,
                                        .window_us = dice(2) ? 30000 : 10000,
                                        .every = dice(2),
                                        .coded = !today->old && dice(3) == 0,
                                        .service = dice(2) ? &service_uuid : NULL};
    amble_scan_result result;
    amble_scanner scanner;
    int r = amble_scan_open(today->ble, &scanner, &options, some_time());

    while (r >= 0 && (r = amble_scan_next(&scanner, &result, some_time())) > 0 && dice(10))
        ;
    amble_scan_close(&scanner);
    return r;
}

static int take_writes(void *arg)
{
    const schedule_day *today = arg;
    const amble_source sources[] = {amble_on_written(today->ble, &captured)};
    amble_value value;
    order seen = {.next = 0};
    int r;

    do {
        r = dice(3) ? 0 : amble_wait_first(sources, 1, some_time());
        if (r >= 0 && (r = amble_written(today->ble, &captured, &value, some_time())) == 0) {
            see(&seen, &value);
            happened(WRITTEN);
        }
    } while (!host_is_over(r) && !today->over);
    return r;
}

static int answer(void *arg)
{
    const schedule_day *today = arg;
    amble_request request;
    int r;

    do {
        r = amble_requested(today->ble, &asked, &request, some_time());
        if (r == 0 && dice(4) == 0 && (r = amble_sleep_ms((int)dice(500))) == 0 && today->over)
            return AMBLE_ERR_CLOSED;
        if (r == 0)
            (void)(dice(4) ? amble_request_answer(today->ble, &request, "answer", 6)
                           : amble_request_refuse(today->ble, &request, 0x80));
    } while (!host_is_over(r) && !today->over);
    return r;
}

static int update(void *arg)
{
    const schedule_day *today = arg;
    tag mine = new_tag();
    uint8_t bytes[TAG];
    int r = 0;

    while (!host_is_over(r) && !today->over && (r = amble_sleep_ms(1 + (int)dice(400))) == 0 && !today->over) {
        put_tag(&mine, bytes);
        r = amble_update(today->ble, &sent, bytes, TAG, some_time());
    }
    return r;
}

/* --- workers with extended and periodic advertising --------------------------------------------------------------- */
/* Sets of every kind, with data on the air that is replaced. */
static int advertise_sets(void *arg)
{
    const schedule_day *today = arg;
    const bool connectable = dice(2), periodic = !connectable && dice(2);
    uint8_t data[DATA] = {0};
    const amble_advertise_options options = {.interval_us = 20000 + dice(8) * 20000,
                                             .extended = true,
                                             .phy = (amble_phy)dice(4),
                                             .not_connectable = !connectable,
                                             .anonymous = !connectable && !periodic && dice(3) == 0,
                                             .periodic_interval_us = periodic ? 20000 + dice(8) * 20000 : 0,
                                             .manufacturer = data,
                                             .manufacturer_size = dice(150)};
    amble_connection *conn = NULL;
    amble_advertiser advertiser;
    int r = amble_advertise_open(today->ble, &advertiser, &options);

    if (r < 0)
        return r;
    if (periodic)
        know(today->ble, &advertiser, NULL);
    for (unsigned i = 1 + dice(4); !host_is_over(r) && i > 0 && !today->over; i--) {
        if (periodic)
            r = amble_periodic_send(&advertiser, data, dice(dice(2) ? 20 : DATA), some_time());
        else if ((r = amble_advertise_next(&advertiser, &conn, (int)dice(3000))) == 0)
            r = use_link(conn);
        if (!host_is_over(r) && !today->over)
            r = amble_sleep_ms((int)dice(300));
    }
    know(today->ble, NULL, NULL);
    if (!today->over) /* it went with its host otherwise */
        amble_advertise_close(&advertiser);
    return r;
}

/* Somebody who sends periodically. */
static int find_sender(const schedule_day *today, amble_device *sender, uint8_t *set)
{
    const amble_scan_options options = {.interval_us = 30000, .window_us = 30000, .coded = dice(2)};
    amble_scan_result found;
    amble_scanner scanner;
    int r = amble_scan_open(today->ble, &scanner, &options, some_time());

    do
        r = r < 0 ? r : amble_scan_next(&scanner, &found, some_time());
    while (r > 0 && !found.periodic_interval_us);
    amble_scan_close(&scanner);
    if (r <= 0)
        return r < 0 ? r : AMBLE_ERR_NOT_FOUND;
    *sender = found.device;
    *set = found.set;
    return 0;
}

static int listen_periodically(void *arg)
{
    const schedule_day *today = arg;
    const amble_periodic_options options = {.skip = (uint16_t)dice(3), .timeout_ms = 500 + dice(1000)};
    amble_device sender = schedule_address(dice(schedule_devices())); /* who may not send at all */
    uint8_t set = (uint8_t)dice(2);
    amble_periodic_report report;
    amble_periodic periodic;
    int r = dice(8) ? find_sender(today, &sender, &set) : 0;

    if (r >= 0 && !today->over)
        r = amble_periodic_open(today->ble, &periodic, sender, set, &options, some_time());
    if (r < 0 || today->over)
        return r;
    know(today->ble, NULL, &periodic);
    for (unsigned i = dice(10); r >= 0 && i > 0 && !today->over; i--)
        r = amble_periodic_next(&periodic, &report, some_time());
    know(today->ble, NULL, NULL);
    amble_periodic_close(&periodic);
    return r;
}

/* A service that comes and goes, while its values are read, written and followed. */
static int change_services(void *arg)
{
    const schedule_day *today = arg;
    amble_value value;
    order seen = {.next = 0};
    tag mine = new_tag();
    uint8_t bytes[TAG];
    int r = 0;

    while (!host_is_over(r) && !today->over && dice(6)) {
        if (dice(2))
            (void)amble_serve(today->ble, &guest); /* it may be there already, */
        else
            (void)amble_unserve(today->ble, &guest); /* or not */
        put_tag(&mine, bytes);
        if (dice(2))
            r = amble_update(today->ble, &guest_value, bytes, TAG, (int)dice(500));
        else if ((r = amble_written(today->ble, &guest_value, &value, (int)dice(500))) == 0)
            see(&seen, &value);
        if (!host_is_over(r) && !today->over)
            r = amble_sleep_ms((int)dice(500));
    }
    return r;
}

static const schedule_worker workers[] = {{"advertise", advertise},
                                          {"connect", connect_to_one},
                                          {"welcome", welcome},
                                          {"connect", connect_to_one},
                                          {"scan", scan},
                                          {"writes", take_writes},
                                          {"answer", answer},
                                          {"update", update},
                                          {"sets", advertise_sets},
                                          {"periodic", listen_periodically},
                                          {"services", change_services}};

static void begin(unsigned seed)
{
    (void)seed;
    forget_senders();
    memset(known, 0, sizeof known);
}

static void configure(bench_device *device, unsigned index)
{
    amble_config *config = &device->config;

    (void)index;
    config->services[0] = &service;
    config->connections = (uint8_t)(1 + dice(3));
    config->held_write_ms = dice(2) ? 0 : 1000;
    config->send_buffers = dice(2) ? 0 : 1;
    config->notification_buffers = dice(2) ? 0 : 4;
    config->mtu = dice(4) ? 0 : 30;
    config->scanners = (uint8_t)(1 + dice(4));
    config->parameter_policy.refuse = dice(4) == 0;
    config->advertisers = (uint8_t)(1 + dice(3));
    config->syncs = (uint8_t)(1 + dice(2));
    config->own_address = (amble_address_kind)dice(AMBLE_ADDRESS_NON_RESOLVABLE + 1);
    config->private_address_s = (uint16_t)(1 + dice(20));
    config->enhanced_bearers = (uint8_t)dice(4);
    config->no_enhanced_bearers = dice(4) == 0;
    config->pairings = (uint8_t)(1 + dice(3));
    config->advertised_size = DATA;
    config->scanned_size = DATA;
    config->channels = (uint16_t)(1 + dice(8));
    config->channel_receive_size = 300 + dice(1000);
    config->channel_send_size = 300 + dice(1000);
}

static const schedule_kind everything = {.least_devices = 3,
                                         .most_devices = 5,
                                         .length_ms = LIFE_MS,
                                         .day_ms = DAY_MS,
                                         .workers = workers,
                                         .worker_count = sizeof workers / sizeof workers[0],
                                         .companion = &companion,
                                         .begin = begin,
                                         .morning = listen_or_not,
                                         .configure = configure,
                                         .happenings = happenings,
                                         .happening_count = HAPPENINGS};

int main(void) { return schedule_main(&everything, "nothing_is_left_after_any_schedule"); }
