/* How much of the air notifications use: one peripheral notifies 244 bytes as fast as it can, one central takes them,
 * both on one simulated radio and on virtual time. Printed beside the bound for each PHY, connection interval and
 * number of packets that the controller can hold: per interval only whole cycles fit (a packet of 251 octets, T_IFS, an
 * empty packet, T_IFS), and with a single buffer it is one packet per interval, since the host learns of a free buffer
 * by the acknowledgement, in the next cycle.
 *
 * The same numbers come out every time: no clock but the simulated one is asked. */
#include "bench/common_rates.h"

enum {
    VALUE = 244,
    MEASURED_INTERVALS = 100,
    WARM_UP_MS = 3000,
};

static const amble_uuid service_uuid = AMBLE_UUID16(0xfff0), stream_uuid = AMBLE_UUID16(0xfff1);
static const amble_characteristic stream = {.uuid = &stream_uuid, .notify = true, .max_size = VALUE};
static const amble_service service = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&stream)};

static int send_stream(void *arg)
{
    const rates_measurement *m = arg;
    static const uint8_t value[VALUE];
    amble_connection *conn;
    int r = amble_advertise(m->sender, &(amble_advertise_options){.interval_us = 20000}, &conn, AMBLE_FOREVER);

    while (r == 0 && !amble_subscribed(conn, &stream))
        r = amble_sleep_ms(1);
    if (r == 0) /* the coding is the sender's choice */
        r = amble_connection_set_phy(conn, &m->kind->phys, NULL, AMBLE_FOREVER);
    while (r == 0)
        r = amble_notify(conn, &stream, value, sizeof value, AMBLE_FOREVER);
    if (r == AMBLE_ERR_DISCONNECTED || r == AMBLE_ERR_NOT_SUBSCRIBED)
        r = 0;
    amble_connection_close(conn);
    return r;
}

/* Counts what arrives from one connection event to another one, many intervals later. */
static int count_stream(rates_measurement *m, const amble_remote_characteristic *c)
{
    const uint64_t length_us = (uint64_t)m->interval_us * MEASURED_INTERVALS;
    amble_subscription *s;
    amble_value value;
    uint64_t start_us;
    int r = amble_subscribe(c, &(amble_subscribe_options){.depth = 63}, &s, AMBLE_FOREVER);

    if (r < 0)
        return r;
    for (start_us = amble_now_us(); r == 0 && amble_now_us() - start_us < WARM_UP_MS * 1000;)
        r = amble_notified(s, &value, AMBLE_FOREVER);
    for (start_us = amble_now_us(); r == 0 && amble_now_us() - start_us < length_us;) {
        r = amble_notified(s, &value, AMBLE_FOREVER);
        m->took_us = amble_now_us() - start_us;
        if (m->took_us <= length_us)
            m->bytes += value.size;
        m->counted += value.dropped;
    }
    m->took_us = length_us;
    amble_subscription_close(s);
    return r;
}

static int take_stream(void *arg)
{
    rates_measurement *m = arg;
    const amble_connect_options options = {.min_interval_us = m->interval_us, .max_interval_us = m->interval_us};
    amble_remote_characteristic c;
    amble_remote_service s;
    amble_connection *conn;
    int r = amble_connect(m->receiver, amble_own_device(m->sender), &options, &conn, AMBLE_FOREVER);

    if (r == 0 && (r = amble_connection_set_phy(conn, &m->kind->phys, NULL, AMBLE_FOREVER)) == 0 &&
        (r = amble_exchange_mtu(conn, AMBLE_FOREVER)) >= 0 &&
        (r = amble_find_service(conn, &service_uuid, &s, AMBLE_FOREVER)) == 0 &&
        (r = amble_find_characteristic(&s, &stream_uuid, &c, AMBLE_FOREVER)) == 0)
        r = count_stream(m, &c);
    amble_connection_close(conn);
    return r;
}

static double bound(const rates_measurement *m)
{
    const unsigned cycles = m->buffers == 1 ? 1 : m->interval_us / m->kind->cycle_us;

    return cycles * VALUE * 8 * 1e3 / m->interval_us;
}

int main(void)
{
    static const rates_bench bench = {.name = "throughput_bench",
                                      .counts = "lost",
                                      .config = {.mtu = VALUE + 3, .services = {&service}},
                                      .send = send_stream,
                                      .take = take_stream,
                                      .bound = bound};

    return rates_print(&bench);
}
