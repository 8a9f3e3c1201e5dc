/* See common_rates.h. Where not even one cycle fits into an interval, or only because the controller keeps packets
 * below half of one, there is no bound. */
#include "bench/common_rates.h"

#include <amble/air.h>
#include <stdio.h>

/* T_IFS: Vol 6 Part B 4.1.1. Around the payload are 10 octets on LE 1M, 11 on LE 2M; the coded PHY takes 376 us in
 * front and codes 16 bits of header, 24 of CRC and 3 behind (2.1, 2.2). */
#define CYCLE_US(packet, empty)           ((packet) + 150 + (empty) + 150)
#define CODED_US(octets, symbols_per_bit) (376 + ((octets)*8 + 16 + 24 + 3) * (symbols_per_bit))
static const rates_kind kinds[] = {
    {"LE 1M", {AMBLE_PHY_1M, AMBLE_PHY_1M, 0}, CYCLE_US(261 * 8, 10 * 8), 8},
    {"LE 2M", {AMBLE_PHY_2M, AMBLE_PHY_2M, 0}, CYCLE_US(262 * 4, 11 * 4), 4},
    {"coded S=2", {AMBLE_PHY_CODED, AMBLE_PHY_CODED, 2}, CYCLE_US(CODED_US(251, 2), CODED_US(0, 2)), 8 * 2},
    {"coded S=8", {AMBLE_PHY_CODED, AMBLE_PHY_CODED, 8}, CYCLE_US(CODED_US(251, 8), CODED_US(0, 8)), 8 * 8},
};

static int measure(void *arg)
{
    rates_measurement *m = arg;
    amble_scope tasks;
    int r;

    if ((r = amble_air_set_buffers("bench", m->buffers)) < 0 ||
        (r = amble_open(&m->sender, "air:bench", &m->bench->config, 1000)) < 0 ||
        (r = amble_open(&m->receiver, "air:bench", &m->bench->config, 1000)) < 0)
        return r;
    amble_scope_open(&tasks);
    amble_spawn(&tasks, m->bench->send, m);
    amble_spawn(&tasks, m->bench->take, m);
    r = amble_scope_wait(&tasks, AMBLE_FOREVER);
    amble_scope_close(&tasks);
    amble_close(m->sender);
    amble_close(m->receiver);
    return r;
}

static int print_row(rates_measurement *m)
{
    const amble_run_options how = {.virtual_time = true, .seed = 1};
    const int r = amble_run(&how, measure, m);
    double rate;

    if (r < 0) {
        (void)fprintf(stderr, "%s: %s\n", m->bench->name, amble_error_text(r));
        return r;
    }
    rate = (double)m->bytes * 8e3 / (double)m->took_us;
    printf("%-10s %7.1f ms %8u %12.1f", m->kind->name, m->interval_us / 1e3, m->buffers, rate);
    if (m->kind->cycle_us <= m->interval_us / 2)
        printf(" %12.1f %6.1f %%", m->bench->bound(m), 100 * rate / m->bench->bound(m));
    else
        printf(" %12s %8s", "-", "");
    printf(" %8llu\n", (unsigned long long)m->counted);
    return 0;
}

int rates_print(const rates_bench *bench)
{
    static const uint32_t intervals_us[] = {7500, 15000, 50000, 400000};
    static const unsigned buffers[] = {1, 4, 12};

    printf("%-10s %10s %8s %12s %12s %8s %8s\n", "PHY", "interval", "buffers", "kbit/s", "bound", "", bench->counts);
    for (size_t p = 0; p < sizeof kinds / sizeof *kinds; p++)
        for (size_t i = 0; i < sizeof intervals_us / sizeof *intervals_us; i++)
            for (size_t k = 0; k < sizeof buffers / sizeof *buffers; k++) {
                rates_measurement m = {
                    .bench = bench, .kind = &kinds[p], .interval_us = intervals_us[i], .buffers = buffers[k]};

                if (print_row(&m) < 0)
                    return 1;
            }
    return 0;
}
