/* What the benches of throughput share: one device sends as fast as it can, another one takes, both on one simulated
 * radio and on virtual time, once for each PHY, each connection interval and each number of packets that the controller
 * can hold; a row of the table each time.
 *
 * The same numbers come out every time: no clock but the simulated one is asked. */
#ifndef AMBLE_BENCH_COMMON_RATES_H
#define AMBLE_BENCH_COMMON_RATES_H
#include <amble.h>

typedef struct {
    const char *name;
    amble_phys phys;
    /* A packet of 251 octets, T_IFS, an empty packet, T_IFS; and an octet more. */
    unsigned cycle_us, octet_us;
} rates_kind;

typedef struct {
    const struct rates_bench *bench;
    const rates_kind *kind;
    uint32_t interval_us;
    unsigned buffers;
    amble *sender, *receiver;
    /* measured */
    uint64_t bytes, took_us;
    uint64_t counted; /* what the last column says */
} rates_measurement;

typedef struct rates_bench {
    const char *name, *counts; /* the last column's title */
    amble_config config;       /* of both hosts */
    int (*send)(void *measurement);
    int (*take)(void *measurement);              /* its end ends the measurement */
    double (*bound)(const rates_measurement *m); /* kbit/s, where there is one */
} rates_bench;

/* Prints the table; 0, or 1 when something went wrong, which it says. */
int rates_print(const rates_bench *bench);
#endif
