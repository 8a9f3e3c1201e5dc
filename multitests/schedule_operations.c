/* See schedule_operations.h. */
#include "schedule_operations.h"

enum { PSM = 0x80, MOST_DATA = 400 };

/* --- order -------------------------------------------------------------------------------------------------------- */
static uint16_t senders;

void forget_senders(void) { senders = 0; }
tag new_tag(void) { return (tag){.sender = ++senders}; }
void put_tag(tag *t, uint8_t bytes[TAG])
{
    t->count++;
    amble_put_le16(bytes, t->sender);
    amble_put_le16(bytes + 2, t->count);
}

tag get_tag(const amble_value *value)
{
    if (value->size < TAG)
        return (tag){.sender = 0};
    return (tag){.sender = amble_get_le16(value->data), .count = amble_get_le16(value->data + 2)};
}

void see(order *o, const amble_value *value)
{
    const tag now = get_tag(value);

    if (!now.sender)
        return;
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

/* --- with a link, in either role ---------------------------------------------------------------------------------- */
int tune(amble_connection *conn)
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
    const size_t size = 1 + dice(MOST_DATA);
    uint8_t data[MOST_DATA];

    for (size_t i = 0; i < size; i++)
        data[i] = stream_byte(at + i);
    return amble_l2cap_send(channel, data, size, some_time());
}

static int recv_some(amble_l2cap_channel *channel, uint64_t *at)
{
    uint8_t data[MOST_DATA];
    const int n = amble_l2cap_recv(channel, data, 1 + dice(MOST_DATA), (int)dice(1000));

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

int be_on_channel(amble_connection *conn, unsigned what)
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
    happened(what);
    r = use_channel(channel);
    amble_l2cap_close(channel);
    return r;
}

void listen_or_not(amble *ble)
{
    const amble_l2cap_options options = {.mtu = (uint16_t)(64 + dice(500)), .backlog = (uint16_t)dice(4)};

    if (amble_l2cap_listen(ble, PSM, &options) == AMBLE_ERR_BUSY && dice(4) == 0)
        assert_int_equal(amble_l2cap_unlisten(ble, PSM), 0);
}
