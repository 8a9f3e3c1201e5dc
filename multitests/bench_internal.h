/* What bench.c and bench_sockets.c share: the devices of the run, and where they write what they saw. */
#ifndef AMBLE_MULTITESTS_BENCH_INTERNAL_H
#define AMBLE_MULTITESTS_BENCH_INTERNAL_H
#include "bench.h"

enum { BENCH_RESULT_SIZE = 8192 };

/* What a device tells the others and the test. On sockets this lies in memory that all processes share, and only the
 * device's own process writes it, but for the last two when that process is gone. */
typedef struct {
    char result[BENCH_RESULT_SIZE];
    amble_device address;
    volatile int open, ended;
} bench_told;

/* What the devices told in the last run. */
bench_told *bench_told_by(size_t index);
/* Where they tell it from now on; NULL: in this process. */
void bench_tell_in(bench_told *told);
/* Makes these the devices of the run. `transport` is the same for all, or NULL: "air:bench/LABEL". */
void bench_prepare(const bench_options *options, const bench_device *devices, size_t count, const char *transport);
bench_device *bench_at(size_t index);
void bench_run_sockets(const bench_options *options, const bench_device *devices, size_t count);
#endif
