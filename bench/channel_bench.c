/* How much of the air a channel uses: one device sends SDUs of 65,453 bytes in frames of 247 as fast as it can, another one reads, both on one
 * simulated radio and on virtual time. Printed beside the bound for each PHY, each connection interval and each number of packets that the
 * controller can hold: per interval only whole cycles fit (a packet of 251 octets, T_IFS, an empty packet, T_IFS), each packet of credits
 * that was really sent makes one of the empty ones longer, and with a single buffer it is one packet per interval.
 *
 * The same numbers come out every time: no clock but the simulated one is asked. */
#include <amble.h>
#include <amble/air.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PSM = 0x80,
    MPS = 247,
    SDU = 265 * MPS - 2, /* fills its frames; 65,535 bytes would end in a third of one */
    READ = 4096,
    MEASURED_INTERVALS = 1000,
    WARM_UP_MS = 6000,
    CREDITS = 12, /* the octets of a packet of credits, Vol 3 Part A 4.24 */
};

/* A packet of 251 octets, T_IFS (Vol 6 Part B 4.1.1), an empty packet, T_IFS. Around the payload are 10 octets on LE 1M, 11 on LE 2M; the
 * coded PHY takes 376 us in front and codes 16 bits of header, 24 of CRC and 3 behind (2.1, 2.2). */
#define CYCLE_US(packet, empty)           ((packet) + 150 + (empty) + 150)
#define CODED_US(octets, symbols_per_bit) (376 + ((octets)*8 + 16 + 24 + 3) * (symbols_per_bit))
typedef struct {
    const char *name;
    amble_phys phys;
    unsigned cycle_us, octet_us;
} kind;
static const kind kinds[] = {
    {"LE 1M", {AMBLE_PHY_1M, AMBLE_PHY_1M, 0}, CYCLE_US(261 * 8, 10 * 8), 8},
    {"LE 2M", {AMBLE_PHY_2M, AMBLE_PHY_2M, 0}, CYCLE_US(262 * 4, 11 * 4), 4},
    {"coded S=2", {AMBLE_PHY_CODED, AMBLE_PHY_CODED, 2}, CYCLE_US(CODED_US(251, 2), CODED_US(0, 2)), 8 * 2},
    {"coded S=8", {AMBLE_PHY_CODED, AMBLE_PHY_CODED, 8}, CYCLE_US(CODED_US(251, 8), CODED_US(0, 8)), 8 * 8},
};

typedef struct {
    const kind *kind;
    uint32_t interval_us;
    unsigned buffers;
    uint64_t bytes, credit_packets, took_us; /* measured */
} measurement;

static amble *sender, *receiver;
static uint8_t sdu[SDU];

static int send_stream(void *arg)
{
    const measurement *m = arg;
    amble_l2cap_channel *channel = NULL;
    amble_connection *conn = NULL;
    int r = amble_l2cap_listen(sender, PSM, &(amble_l2cap_options){.sdu_size = SDU});

    if (r == 0)
        r = amble_advertise(sender, &(amble_advertise_options){.interval_us = 20000}, &conn, AMBLE_FOREVER);
    if (r == 0)
        r = amble_l2cap_accept(conn, PSM, &channel, AMBLE_FOREVER);
    if (r == 0) /* the coding is the sender's choice */
        r = amble_connection_set_phy(conn, &m->kind->phys, NULL, AMBLE_FOREVER);
    while (r >= 0)
        r = amble_l2cap_send(channel, sdu, sizeof sdu, AMBLE_FOREVER);
    amble_l2cap_close(channel);
    amble_connection_close(conn);
    return r == AMBLE_ERR_DISCONNECTED || r == AMBLE_ERR_CHANNEL_CLOSED ? 0 : r;
}

/* Reads for so long; counts what came within. */
static int read_for(amble_l2cap_channel *channel, uint64_t length_us, uint64_t *bytes)
{
    const uint64_t end_us = amble_now_us() + length_us;
    uint8_t data[READ];
    int r = 0;

    while (r >= 0 && amble_now_us() < end_us) {
        r = amble_l2cap_recv(channel, data, sizeof data, AMBLE_FOREVER);
        if (r > 0 && amble_now_us() <= end_us)
            *bytes += (uint64_t)r;
    }
    return r;
}

static int take_stream(void *arg)
{
    measurement *m = arg;
    const amble_connect_options options = {.min_interval_us = m->interval_us, .max_interval_us = m->interval_us};
    amble_l2cap_channel *channel = NULL;
    amble_connection *conn;
    uint64_t sent_before, warm_up = 0;
    int r = amble_connect(receiver, amble_own_device(sender), &options, &conn, AMBLE_FOREVER);

    if (r == 0)
        r = amble_connection_set_phy(conn, &m->kind->phys, NULL, AMBLE_FOREVER);
    if (r == 0)
        r = amble_l2cap_connect(conn, PSM, NULL, &channel, AMBLE_FOREVER);
    if (r >= 0)
        r = read_for(channel, (uint64_t)WARM_UP_MS * 1000, &warm_up);
    sent_before = amble_read_statistics(receiver).acl_sent;
    m->took_us = (uint64_t)m->interval_us * MEASURED_INTERVALS;
    if (r >= 0)
        r = read_for(channel, m->took_us, &m->bytes);
    m->credit_packets = amble_read_statistics(receiver).acl_sent - sent_before;
    amble_l2cap_close(channel);
    amble_connection_close(conn);
    return r;
}

static int measure(void *arg)
{
    const measurement *m = arg;
    const amble_config config = {
        .channels = 1, .channel_receive_size = 65536, .channel_send_size = 2 * (SDU + 2), .channel_mps = MPS};
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

/* Whole cycles in an interval with so many packets of credits; at 7.5 ms three cycles and one packet of credits fill it to the last
 * microsecond, and an event has to end before the next one begins. */
static unsigned cycles_with(const measurement *m, unsigned credit_packets)
{
    return m->buffers == 1 ? 1
                           : (m->interval_us - 1 - credit_packets * CREDITS * m->kind->octet_us) / m->kind->cycle_us;
}

/* kbit/s, with the packets of credits spread over the intervals; the two bytes of an SDU's length are in the frames, too. Where not even one
 * cycle fits, or only because the controller keeps packets below half an interval, there is no bound: 0. */
static double bound(const measurement *m)
{
    const unsigned each = (unsigned)(m->credit_packets / MEASURED_INTERVALS);
    const unsigned more = (unsigned)(m->credit_packets % MEASURED_INTERVALS);
    const unsigned cycles = (MEASURED_INTERVALS - more) * cycles_with(m, each) + more * cycles_with(m, each + 1);

    return m->kind->cycle_us > m->interval_us / 2 ? 0 : cycles * MPS * 8e3 / (double)m->took_us * SDU / (SDU + 2);
}

static int print_row(measurement *m)
{
    const amble_run_options how = {.virtual_time = true, .seed = 1};
    const int r = amble_run(&how, measure, m);
    double rate;

    if (r < 0) {
        (void)fprintf(stderr, "channel_bench: %s\n", amble_error_text(r));
        return r;
    }
    rate = (double)m->bytes * 8e3 / (double)m->took_us;
    printf("%-10s %7.1f ms %8u %12.1f", m->kind->name, m->interval_us / 1e3, m->buffers, rate);
    if (bound(m) > 0)
        printf(" %12.1f %6.1f %%", bound(m), 100 * rate / bound(m));
    else
        printf(" %12s %8s", "-", "");
    printf(" %8llu\n", (unsigned long long)m->credit_packets);
    return 0;
}

int main(void)
{
    static const uint32_t intervals_us[] = {7500, 15000, 50000, 400000};
    static const unsigned buffers[] = {1, 4, 12};

    printf("%-10s %10s %8s %12s %12s %8s %8s\n", "PHY", "interval", "buffers", "kbit/s", "bound", "", "credits");
    for (size_t p = 0; p < sizeof kinds / sizeof *kinds; p++)
        for (size_t i = 0; i < sizeof intervals_us / sizeof *intervals_us; i++)
            for (size_t k = 0; k < sizeof buffers / sizeof *buffers; k++) {
                measurement m = {.kind = &kinds[p], .interval_us = intervals_us[i], .buffers = buffers[k]};

                if (print_row(&m) < 0)
                    return 1;
            }
    return 0;
}
