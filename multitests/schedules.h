/* Random schedules: several hosts live some days each, with workers that do what the test has for them, and are cancelled, closed, disconnected,
 * or lose their power in the middle of it. Whatever happens, nothing is left over, and a seed replays to the byte.
 *
 *     AMBLE_SEED=N           one schedule
 *     AMBLE_SCHEDULES=N      so many instead of 50
 *     AMBLE_LONG=1           2,000
 *
 * A worker takes part in one kind of operation and returns at the first error of its host. It sleeps only without a link, since the host may be
 * closed at any moment, and handles end with it. All dice of a schedule are thrown here, apart from those of the hosts and the air. */
#ifndef AMBLE_MULTITESTS_SCHEDULES_H
#define AMBLE_MULTITESTS_SCHEDULES_H
#include "bench.h"

typedef struct {
    bench_device *device;
    unsigned index; /* of the device */
    amble *ble;
    bool over; /* the host is about to be closed: nothing may be begun on it */
    bool old;  /* its controller can only what Bluetooth 4.2 can */
} schedule_day;

typedef struct {
    const char *name;
    int (*run)(void *today); /* a schedule_day */
} schedule_worker;

typedef struct {
    unsigned least_devices, most_devices;
    int length_ms;                  /* of a life; then `peace` */
    const schedule_worker *workers; /* some of these each day, */
    unsigned worker_count;
    const schedule_worker *companion; /* and this one each day; NULL: none */
    void (*morning)(amble *ble);      /* before the workers of each day begin; NULL: nothing */
    void (*configure)(bench_device *device, unsigned index);
    void (*begin)(unsigned seed);                            /* before a schedule; NULL: nothing */
    void (*peace)(bench_device *device, unsigned index);     /* when all devices have lived; NULL: nothing */
    void (*watch)(const amble_air_packet *packet);           /* every packet; NULL: nobody */
    void (*audit)(bench_device *const *all, unsigned count); /* every few moments; NULL: nobody */
} schedule_kind;

enum { SCHEDULE_LIMIT_MS = 4000000 };

unsigned dice(unsigned sides);
/* How long an operation may take: mostly long, sometimes short, sometimes for ever. */
int some_time(void);
/* The result of an operation says that its host, or its task, comes to an end. */
bool host_is_over(int r);
/* Devices of this schedule, and their addresses. */
unsigned schedule_devices(void);
amble_device schedule_address(unsigned index);
/* The device with this address. */
unsigned schedule_index(amble_device device);

/* Plays one schedule; returns the hash of its trace. */
uint64_t schedule_play(const schedule_kind *kind, unsigned seed);
/* What a test does: many schedules; some of them twice. */
void schedule_many(const schedule_kind *kind);
void schedule_replays(const schedule_kind *kind);
#endif
