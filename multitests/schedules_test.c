/* Random schedules of everything that needs no pairing: three to five hosts do it, while schedules.h lets anything happen to them.
 *
 * What is written and notified carries the number of its sender and counts up: whoever takes it sees that nothing comes
 * before what was sent earlier. What goes through a channel tells its place in the stream. */
#include "schedules.h"

enum { DAY_MS = 60000, PSM = 0x80, DATA = 400, STRANGERS = 8 };

static const amble_uuid service_uuid = AMBLE_UUID16(0xfff0);
static const amble_uuid uuids[4] = {AMBLE_UUID16(0xfff1), AMBLE_UUID16(0xfff2), AMBLE_UUID16(0xfff3),
                                    AMBLE_UUID16(0xfff4)};
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
static const amble_service service = {.uuid = &service_uuid,
                                      .characteristics = AMBLE_LIST(&captured, &sent, &asked, &long_one)};
/* One that comes and goes. */
static const amble_uuid guest_uuid = AMBLE_UUID16(0xffe0), guest_value_uuid = AMBLE_UUID16(0xffe1);
static const amble_characteristic guest_value = {
    .uuid = &guest_value_uuid, .read = true, .write = true, .notify = true, .capture = true, .write_depth = 2};
static const amble_service guest = {.uuid = &guest_uuid, .characteristics = AMBLE_LIST(&guest_value)};

/* --- order -------------------------------------------------------------------------------------------------------- */
/* Who sends, and how much it has sent. */
typedef struct {
    uint16_t sender, count;
} tag;
enum { TAG = 4 };
static uint16_t senders;

static tag new_tag(void) { return (tag){.sender = ++senders}; }
static void put_tag(tag *t, uint8_t bytes[TAG])
{
    t->count++;
    amble_put_le16(bytes, t->sender);
    amble_put_le16(bytes + 2, t->count);
}

/* What somebody has seen of the latest senders. */
typedef struct {
    tag latest[STRANGERS];
    unsigned next;
} order;

static void see(order *o, const amble_value *value)
{
    tag now;

    if (value->size < TAG)
        return;
    now = (tag){.sender = amble_get_le16(value->data), .count = amble_get_le16(value->data + 2)};
    for (unsigned i = 0; i < STRANGERS; i++) {
        if (o->latest[i].sender != now.sender)
            continue;
        if (now.count <= o->latest[i].count)
            fail_msg("number %u of %u came after number %u", now.count, now.sender, o->latest[i].count);
        o->latest[i] = now;
        return;
    }
    o->latest[o->next++ % STRANGERS] = now;
}

/* --- with a link, as a client ------------------------------------------------------------------------------------- */
static int follow(amble_connection *conn, const amble_remote_characteristic *c)
{
    const amble_subscribe_options options = {.indicate = dice(2), .depth = (uint16_t)(1 + dice(4))};
    amble_subscription *s;
    amble_value value;
    order seen = {.next = 0};
    int r = amble_subscribe(c, &options, &s, some_time());

    for (unsigned i = dice(6); r >= 0 && i > 0; i--) {
        if ((r = amble_notified(s, &value, 200 + (int)dice(1000))) == AMBLE_ERR_TIMEOUT)
            r = 0;
        else if (r == 0)
            see(&seen, &value);
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

/* --- with a link, in either role ---------------------------------------------------------------------------------- */
static int tune(amble_connection *conn)
{
    static const amble_parameters wishes[] = {
        {.min_interval_us = 7500, .max_interval_us = 15000, .supervision_timeout_ms = 1000},
        {.min_interval_us = 20000, .max_interval_us = 60000, .latency = 1, .supervision_timeout_ms = 2000},
        {.min_interval_us = 100000, .max_interval_us = 100000, .supervision_timeout_ms = 1500}};
    const amble_phys phys = {.send = (amble_phy)dice(4), .receive = (amble_phy)dice(4)};
    uint64_t channels;

    switch (dice(6)) {
    case 0:
        return amble_connection_set_phy(conn, &phys, NULL, some_time());
    case 1:
        return amble_connection_set_data_length(conn, (uint16_t)(27 + dice(225)), some_time());
    case 2:
        return amble_connection_channels(conn, &channels, some_time());
    case 3:
        return amble_classify_channels(amble_connection_host(conn), AMBLE_CHANNELS >> dice(30), some_time());
    default:
        return amble_connection_update(conn, &wishes[dice(3)], some_time());
    }
}

/* --- channels ----------------------------------------------------------------------------------------------------- */
static uint8_t stream_byte(uint64_t place) { return (uint8_t)((place * 31 + (place >> 8) * 7) & 0xff); }

static int send_some(amble_l2cap_channel *channel)
{
    const uint64_t at = amble_l2cap_sent(channel);
    const size_t size = 1 + dice(DATA);
    uint8_t data[DATA];

    for (size_t i = 0; i < size; i++)
        data[i] = stream_byte(at + i);
    return amble_l2cap_send(channel, data, size, some_time());
}

static int recv_some(amble_l2cap_channel *channel, uint64_t *at)
{
    uint8_t data[DATA];
    const int n = amble_l2cap_recv(channel, data, 1 + dice(DATA), (int)dice(1000));

    for (int i = 0; i < n; i++)
        if (data[i] != stream_byte((*at)++))
            fail_msg("byte %llu of a channel is wrong", (unsigned long long)*at - 1);
    return n;
}

static int use_channel(amble_l2cap_channel *channel)
{
    uint64_t received = 0;
    int r = 0;

    for (unsigned i = dice(10); r >= 0 && i > 0; i--) {
        const amble_source sources[] = {amble_on_l2cap_recv(channel), amble_on_l2cap_send(channel),
                                        amble_on_l2cap_disconnected(channel)};
        switch (dice(6)) {
        case 0:
            r = amble_l2cap_flush(channel, some_time());
            break;
        case 1:
            r = amble_wait_first(sources, 3, some_time());
            break;
        case 2:
            r = amble_l2cap_disconnected(channel, (int)dice(300));
            break;
        case 3:
        case 4:
            r = send_some(channel);
            break;
        default:
            r = recv_some(channel, &received);
            break;
        }
        r = r == AMBLE_ERR_TIMEOUT ? 0 : r;
    }
    return r;
}

/* Several at once; then perhaps larger. */
static int use_group(amble_connection *conn)
{
    const amble_l2cap_options options = {.mtu = 64, .mps = (uint16_t)(64 + dice(100)), .close_on_cancel = dice(2)};
    amble_l2cap_channel *channels[AMBLE_L2CAP_GROUP_MAX] = {NULL};
    int r = amble_l2cap_connect_enhanced(conn, PSM, &options, channels, 1 + dice(AMBLE_L2CAP_GROUP_MAX), some_time());
    const int count = r;

    if (r > 0 && dice(2))
        r = amble_l2cap_reconfigure(channels, 1 + dice((unsigned)count), (uint16_t)(64 + dice(400)), 0, some_time());
    for (int i = 0; i < count && !host_is_over(r); i++)
        r = use_channel(channels[i]);
    for (int i = 0; i < count; i++)
        amble_l2cap_close(channels[i]);
    return r;
}

static int be_on_channel(amble_connection *conn)
{
    const amble_l2cap_options options = {.mtu = (uint16_t)(23 + dice(500)), .close_on_cancel = dice(2)};
    amble_l2cap_channel *channel = NULL;
    const unsigned how = dice(4);
    int r;

    if (how == 0)
        return use_group(conn);
    r = how == 1 ? amble_l2cap_connect(conn, PSM, &options, &channel, some_time())
                 : amble_l2cap_accept(conn, PSM, &channel, (int)dice(2000));
    if (r < 0)
        return r;
    r = use_channel(channel);
    amble_l2cap_close(channel);
    return r;
}

/* Comes and goes: channels that wait for their accept are closed then. */
static void listen_or_not(amble *ble)
{
    const amble_l2cap_options options = {.mtu = (uint16_t)(64 + dice(500)), .backlog = (uint16_t)dice(4)};

    if (amble_l2cap_listen(ble, PSM, &options) == AMBLE_ERR_BUSY && dice(4) == 0)
        assert_int_equal(amble_l2cap_unlisten(ble, PSM), 0);
}

/* --- with a link, as a client, on ---------------------------------------------------------------------------------- */
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
    int r = amble_find_characteristic(s, &uuids[dice(4)], &c[0], 5000);

    if (r >= 0)
        r = amble_find_characteristic(s, &uuids[dice(4)], &c[1], 5000);
    return r < 0 ? r : amble_read_multiple(parts, 2, some_time());
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
        return be_on_channel(conn);
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
    default:
        return follow(conn, c);
    }
}
enum { CLIENT_OPERATIONS = 17 };

static int be_client(amble_connection *conn)
{
    amble_remote_service s;
    amble_remote_characteristic c;
    tag mine = new_tag();
    int r = amble_find_service(conn, dice(5) ? &service_uuid : &guest_uuid, &s, 5000);

    for (unsigned i = dice(12); r >= 0 && i > 0; i--) {
        const bool of_guest = amble_uuid_equal(&s.uuid, &guest_uuid);

        r = amble_find_characteristic(&s, of_guest ? &guest_value_uuid : &uuids[dice(4)], &c, 5000);
        if (r >= 0)
            r = ask_peer(&s, &c, dice(CLIENT_OPERATIONS), &mine);
        if (r < 0 && !host_is_over(r) && amble_connected(conn))
            r = 0; /* a refusal, or it took too long: go on */
    }
    return r;
}

/* --- with a link, as a server ------------------------------------------------------------------------------------- */
static int be_server(amble_connection *conn)
{
    amble *ble = amble_connection_host(conn);
    amble_value value;
    order seen = {.next = 0};
    tag mine = new_tag();
    uint8_t bytes[TAG];
    int r = 0;

    for (unsigned i = dice(20); i > 0; i--) {
        const unsigned what = dice(11);

        put_tag(&mine, bytes);
        if (what == 0)
            r = amble_notify(conn, &sent, bytes, TAG, some_time());
        else if (what == 1)
            r = amble_indicate(conn, &sent, bytes, TAG, some_time());
        else if (what == 2)
            r = amble_update(ble, &sent, bytes, TAG, some_time());
        else if (what == 3 && (r = amble_written_by(conn, &captured, &value, (int)dice(500))) == 0)
            see(&seen, &value);
        else if (what == 3)
            ; /* nothing came */
        else if (what == 4)
            r = tune(conn);
        else if (what < 7)
            r = be_on_channel(conn);
        else if (what < 9)
            r = what == 7 ? tell_of_periodic(conn) : hear_of_periodic(conn);
        if (what >= 9 || r == AMBLE_ERR_NOT_SUBSCRIBED)
            r = amble_disconnected(conn, (int)dice(500));
        if (host_is_over(r) || !amble_connected(conn))
            return r;
    }
    return r;
}

/* --- workers ------------------------------------------------------------------------------------------------------ */
static int use_link(amble_connection *conn)
{
    amble_timeout timeout;
    int r;

    if (dice(3) == 0) {
        amble_timeout_begin(&timeout, conn, (int)dice(3000));
        r = dice(2) ? be_client(conn) : be_server(conn);
        r = amble_timeout_end(&timeout, r);
    } else {
        r = dice(2) ? be_client(conn) : be_server(conn);
    }
    if (!host_is_over(r) && dice(2))
        (void)!amble_disconnected(conn, (int)dice(2000)); /* let the other one leave first */
    amble_connection_close(conn);
    return r;
}

static int advertise(void *arg)
{
    const schedule_day *today = arg;
    const amble_advertise_options options = {
        .interval_us = 20000 + dice(8) * 20000, .services = {&service_uuid}, .not_connectable = dice(8) == 0};
    amble_connection *conn = NULL;
    int r;

    do {
        r = amble_advertise(today->ble, &options, &conn, some_time());
        if (r >= 0 && conn)
            r = use_link(conn);
    } while (!host_is_over(r) && r != AMBLE_ERR_BUSY && !today->over && dice(4));
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

static int connect_to_one(void *arg)
{
    const schedule_day *today = arg;
    const amble_connect_options options = {
        .max_interval_us = dice(2) ? 0 : 30000, .supervision_timeout_ms = 1000, .coded = !today->old && dice(3) == 0};
    amble_connection *conn;
    int r;

    do {
        r = amble_connect(today->ble, schedule_address(dice(schedule_devices())), &options, &conn, some_time());
        if (r >= 0)
            r = use_link(conn);
    } while (!host_is_over(r) && !today->over && dice(4));
    return r;
}

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
        if (r >= 0 && (r = amble_written(today->ble, &captured, &value, some_time())) == 0)
            see(&seen, &value);
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
    senders = 0;
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
    config->mtu = dice(2) ? 0 : 30;
    config->scanners = (uint8_t)(1 + dice(4));
    config->parameter_policy.refuse = dice(4) == 0;
    config->advertisers = (uint8_t)(1 + dice(3));
    config->syncs = (uint8_t)(1 + dice(2));
    config->advertised_size = DATA;
    config->scanned_size = DATA;
    config->channels = (uint16_t)(1 + dice(8));
    config->channel_receive_size = 300 + dice(1000);
    config->channel_send_size = 300 + dice(1000);
}

static const schedule_kind everything = {.least_devices = 3,
                                         .most_devices = 5,
                                         .length_ms = DAY_MS,
                                         .workers = workers,
                                         .worker_count = sizeof workers / sizeof workers[0],
                                         .begin = begin,
                                         .morning = listen_or_not,
                                         .configure = configure};

static void nothing_is_left_after_any_schedule(void **state)
{
    (void)state;
    schedule_many(&everything);
}

static void a_seed_replays_to_the_byte(void **state)
{
    (void)state;
    schedule_replays(&everything);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_left_after_any_schedule),
        cmocka_unit_test(a_seed_replays_to_the_byte),
    };

    amble_log_level(AMBLE_LOG_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
