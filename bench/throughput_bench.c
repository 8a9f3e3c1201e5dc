/* How much of the air notifications use: one peripheral notifies 244 bytes as fast as it can, one central takes them,
 * both on one simulated radio and on virtual time. Printed beside the bound for each PHY, connection interval and number
 * of packets that the controller can hold: per interval only whole cycles fit (a packet of 251 octets, T_IFS, an empty
 * packet, T_IFS), and with a single buffer it is one packet per interval, since the host learns of a free buffer by
 * the acknowledgement, in the next cycle.
 *
 * The same numbers come out every time: no clock but the simulated one is asked. */
#include <amble.h>
#include <amble/air.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    VALUE = 244,
    MEASURED_INTERVALS = 100,
    WARM_UP_MS = 3000,
};

/* A packet of 251 octets, T_IFS (Vol 6 Part B 4.1.1), an empty packet, T_IFS. Around the payload are 10 octets on LE 1M, 11 on LE 2M; the
 * coded PHY takes 376 us in front and codes 16 bits of header, 24 of CRC and 3 behind (2.1, 2.2). */
#define CYCLE_US(packet, empty)           ((packet) + 150 + (empty) + 150)
#define CODED_US(octets, symbols_per_bit) (376 + ((octets)*8 + 16 + 24 + 3) * (symbols_per_bit))
typedef struct {
    const char *name;
    amble_phys phys;
    unsigned cycle_us;
} kind;
static const kind kinds[] = {
    {"LE 1M", {AMBLE_PHY_1M, AMBLE_PHY_1M, 0}, CYCLE_US(261 * 8, 10 * 8)},
    {"LE 2M", {AMBLE_PHY_2M, AMBLE_PHY_2M, 0}, CYCLE_US(262 * 4, 11 * 4)},
    {"coded S=2", {AMBLE_PHY_CODED, AMBLE_PHY_CODED, 2}, CYCLE_US(CODED_US(251, 2), CODED_US(0, 2))},
    {"coded S=8", {AMBLE_PHY_CODED, AMBLE_PHY_CODED, 8}, CYCLE_US(CODED_US(251, 8), CODED_US(0, 8))},
};

static const amble_uuid service_uuid = AMBLE_UUID16(0xfff0), stream_uuid = AMBLE_UUID16(0xfff1);
static const amble_characteristic stream = {.uuid = &stream_uuid, .notify = true, .max_size = VALUE};
static const amble_service service = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&stream)};

typedef struct {
    const kind *kind;
    uint32_t interval_us;
    unsigned buffers;
    uint64_t bytes, lost, took_us; /* measured */
} measurement;

static amble *sender, *receiver;

static int send_stream(void *arg)
{
    const measurement *m = arg;
    static const uint8_t value[VALUE];
    amble_connection *conn;
    int r = amble_advertise(sender, &(amble_advertise_options){.interval_us = 20000}, &conn, AMBLE_FOREVER);

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
static int count_stream(measurement *m, const amble_remote_characteristic *c)
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
        m->lost += value.dropped;
    }
    m->took_us = length_us;
    amble_subscription_close(s);
    return r;
}

static int take_stream(void *arg)
{
    measurement *m = arg;
    const amble_connect_options options = {.min_interval_us = m->interval_us, .max_interval_us = m->interval_us};
    amble_remote_characteristic c;
    amble_remote_service s;
    amble_connection *conn;
    int r = amble_connect(receiver, amble_own_device(sender), &options, &conn, AMBLE_FOREVER);

    if (r == 0 && (r = amble_connection_set_phy(conn, &m->kind->phys, NULL, AMBLE_FOREVER)) == 0 &&
        (r = amble_exchange_mtu(conn, AMBLE_FOREVER)) >= 0 &&
        (r = amble_find_service(conn, &service_uuid, &s, AMBLE_FOREVER)) == 0 &&
        (r = amble_find_characteristic(&s, &stream_uuid, &c, AMBLE_FOREVER)) == 0)
        r = count_stream(m, &c);
    amble_connection_close(conn);
    return r;
}

static int measure(void *arg)
{
    const measurement *m = arg;
    const amble_config config = {.mtu = VALUE + 3, .services = {&service}};
    amble_scope tasks;
    int r;

    if ((r = amble_air_set_buffers("bench", m->buffers)) < 0 ||
        (r = amble_open(&sender, "air:bench", &config, 1000)) < 0 ||
        (r = amble_open(&receiver, "air:bench", &config, 1000)) < 0)
        return r;
    amble_scope_open(&tasks);
    amble_spawn(&tasks, send_stream, arg);
    amble_spawn(&tasks, take_stream, arg);
    r = amble_scope_wait(&tasks, AMBLE_FOREVER);
    amble_scope_close(&tasks);
    amble_close(sender);
    amble_close(receiver);
    return r;
}

/* kbit/s. Where not even one cycle fits, or only because the controller keeps packets below half an interval, there is no bound: 0. */
static double bound(const measurement *m)
{
    const unsigned cycles = m->buffers == 1 ? 1 : m->interval_us / m->kind->cycle_us;

    return m->kind->cycle_us > m->interval_us / 2 ? 0 : cycles * VALUE * 8 * 1e3 / m->interval_us;
}

static int print_row(measurement *m)
{
    const amble_run_options how = {.virtual_time = true, .seed = 1};
    const int r = amble_run(&how, measure, m);
    double rate;

    if (r < 0) {
        (void)fprintf(stderr, "throughput_bench: %s\n", amble_error_text(r));
        return r;
    }
    rate = (double)m->bytes * 8e3 / (double)m->took_us;
    printf("%-10s %7.1f ms %8u %10.1f", m->kind->name, m->interval_us / 1e3, m->buffers, rate);
    if (bound(m) > 0)
        printf(" %10.1f %6.1f %%", bound(m), 100 * rate / bound(m));
    else
        printf(" %10s %8s", "-", "");
    printf(" %6llu\n", (unsigned long long)m->lost);
    return 0;
}

int main(void)
{
    static const uint32_t intervals_us[] = {7500, 15000, 50000, 400000};
    static const unsigned buffers[] = {1, 4, 12};

    printf("%-10s %10s %8s %10s %10s %8s %6s\n", "PHY", "interval", "buffers", "kbit/s", "bound", "", "lost");
    for (size_t p = 0; p < sizeof kinds / sizeof *kinds; p++)
        for (size_t i = 0; i < sizeof intervals_us / sizeof *intervals_us; i++)
            for (size_t k = 0; k < sizeof buffers / sizeof *buffers; k++) {
                measurement m = {.kind = &kinds[p], .interval_us = intervals_us[i], .buffers = buffers[k]};

                if (print_row(&m) < 0)
                    return 1;
            }
    return 0;
}
