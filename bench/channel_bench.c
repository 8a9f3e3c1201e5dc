/* How much of the air a channel uses: one device sends SDUs of 65,453 bytes in frames of 247 as fast as it can, another
 * one reads, both on one simulated radio and on virtual time. Printed beside the bound for each PHY, each connection
 * interval and each number of packets that the controller can hold: per interval only whole cycles fit (a packet of 251
 * octets, T_IFS, an empty packet, T_IFS), each packet of credits that was really sent makes one of the empty ones
 * longer, and with a single buffer it is one packet per interval.
 *
 * The same numbers come out every time: no clock but the simulated one is asked. */
#include "bench/common_rates.h"

enum {
    PSM = 0x80,
    MPS = 247,
    SDU = 265 * MPS - 2, /* fills its frames; 65,535 bytes would end in a third of one */
    READ = 4096,
    MEASURED_INTERVALS = 1000,
    WARM_UP_MS = 6000,
    CREDITS = 12, /* the octets of a packet of credits, Vol 3 Part A 4.24 */
};

static uint8_t sdu[SDU];

static int send_stream(void *arg)
{
    const rates_measurement *m = arg;
    amble_l2cap_channel *channel = NULL;
    amble_connection *conn = NULL;
    int r = amble_l2cap_listen(m->sender, PSM, &(amble_l2cap_options){.sdu_size = SDU});

    if (r == 0)
        r = amble_advertise(m->sender, &(amble_advertise_options){.interval_us = 20000}, &conn, AMBLE_FOREVER);
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
    rates_measurement *m = arg;
    const amble_connect_options options = {.min_interval_us = m->interval_us, .max_interval_us = m->interval_us};
    amble_l2cap_channel *channel = NULL;
    amble_connection *conn;
    uint64_t sent_before, warm_up = 0;
    int r = amble_connect(m->receiver, amble_own_device(m->sender), &options, &conn, AMBLE_FOREVER);

    if (r == 0)
        r = amble_connection_set_phy(conn, &m->kind->phys, NULL, AMBLE_FOREVER);
    if (r == 0)
        r = amble_l2cap_connect(conn, PSM, NULL, &channel, AMBLE_FOREVER);
    if (r >= 0)
        r = read_for(channel, (uint64_t)WARM_UP_MS * 1000, &warm_up);
    sent_before = amble_read_statistics(m->receiver).acl_sent;
    m->took_us = (uint64_t)m->interval_us * MEASURED_INTERVALS;
    if (r >= 0)
        r = read_for(channel, m->took_us, &m->bytes);
    m->counted = amble_read_statistics(m->receiver).acl_sent - sent_before;
    amble_l2cap_close(channel);
    amble_connection_close(conn);
    return r;
}

/* Whole cycles in an interval with so many packets of credits; at 7.5 ms three cycles and one packet of credits fill it
 * to the last microsecond, and an event has to end before the next one begins. */
static unsigned cycles_with(const rates_measurement *m, unsigned credit_packets)
{
    return m->buffers == 1 ? 1
                           : (m->interval_us - 1 - credit_packets * CREDITS * m->kind->octet_us) / m->kind->cycle_us;
}

/* kbit/s, with the packets of credits spread over the intervals; the two bytes of an SDU's length are in the frames,
 * too. */
static double bound(const rates_measurement *m)
{
    const unsigned each = (unsigned)(m->counted / MEASURED_INTERVALS);
    const unsigned more = (unsigned)(m->counted % MEASURED_INTERVALS);
    const unsigned cycles = (MEASURED_INTERVALS - more) * cycles_with(m, each) + more * cycles_with(m, each + 1);

    return cycles * MPS * 8e3 / (double)m->took_us * SDU / (SDU + 2);
}

int main(void)
{
    static const rates_bench bench = {.name = "channel_bench",
                                      .counts = "credits",
                                      .config = {.channels = 1,
                                                 .channel_receive_size = 65536,
                                                 .channel_send_size = 2 * (SDU + 2),
                                                 .channel_mps = MPS},
                                      .send = send_stream,
                                      .take = take_stream,
                                      .bound = bound};

    return rates_print(&bench);
}
