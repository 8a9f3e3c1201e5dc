/* Random schedules: several hosts live some days each, with workers that do what the test has for them, and are
 * cancelled, closed, disconnected, or lose their power in the middle of it. Whatever happens, nothing is left over, and
 * a seed replays to the byte.
 *
 *     AMBLE_SEED=N           one schedule
 *     AMBLE_SCHEDULES=N      so many instead of 50
 *     AMBLE_LONG=1           2,000
 *
 * A worker takes part in one kind of operation and returns at the first error of its host. It sleeps only without a
 * link, since the host may be closed at any moment, and handles end with it. All dice of a schedule are thrown here,
 * apart from those of the hosts and the air. */
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
    int day_ms;                     /* the longest: the same host is open, and nobody is cancelled */
    const schedule_worker *workers; /* some of these each day, */
    unsigned worker_count;
    const schedule_worker *companion; /* and this one each day; NULL: none */
    void (*morning)(amble *ble);      /* before the workers of each day begin; NULL: nothing */
    void (*configure)(bench_device *device, unsigned index);
    void (*begin)(unsigned seed);                          /* before a schedule; NULL: nothing */
    void (*evening)(bench_device *device, unsigned index); /* when its host was closed; NULL: nothing */
    void (*peace)(bench_device *device, unsigned index);   /* when all devices have lived; NULL: nothing */
    void (*watch)(const amble_air_packet *packet); /* every packet, besides what privacy promises; NULL: nothing */
    void (*audit)(bench_device *const *all, unsigned count); /* every few moments; NULL: nobody */
    const char *const *happenings;                           /* what all schedules together have to bring about often */
    unsigned happening_count;
} schedule_kind;

enum { SCHEDULE_LIMIT_MS = 4000000 };

unsigned dice(unsigned sides);
/* One of the happenings did. */
void happened(unsigned what);
/* How long an operation may take: mostly long, sometimes short, sometimes for ever. */
int some_time(void);
/* The result of an operation says that its host, or its task, comes to an end. */
bool host_is_over(int r);
/* Devices of this schedule. NULL: that one has not begun yet. */
unsigned schedule_devices(void);
bench_device *schedule_device(unsigned index);

/* --- who is who: schedule_addresses.c ----------------------------------------------------------------------------- */
enum { NOBODY = BENCH_DEVICES };
/* Who a device is, and the address under which it can be met just now; of the last host while it has none. */
amble_device schedule_identity(unsigned index);
amble_device schedule_address(unsigned index);
/* The device whose identity this is, or address, also of a link; or NOBODY. */
unsigned schedule_index(amble_device device);
/* The other end of a link, and whose it is; NULL and NOBODY when that one has lost it, or does not know of it yet. */
const amble_connection *schedule_other_end(const amble_connection *conn);
unsigned schedule_peer(const amble_connection *conn);
/* Before a schedule; and with each packet: fails when it tells who hides, or comes from an address that is too old. */
void schedule_forget_addresses(void);
void schedule_watch_addresses(const amble_air_packet *packet);

/* --- bonds that outlive their hosts: schedule_stores.c ------------------------------------------------------------ */
const amble_bond_store *schedule_store(unsigned index);
/* Before a schedule; and that no store is full any more. */
void schedule_forget_stores(void);
void schedule_rely_on_stores(void);
/* How often the host of this device was closed when its store had not everything. */
unsigned schedule_losses(unsigned index);
void schedule_close(amble *ble, unsigned index, bool without_power);

/* --- playing ------------------------------------------------------------------------------------------------------ */

/* Plays one schedule; returns the hash of its trace. */
uint64_t schedule_play(const schedule_kind *kind, unsigned seed);
/* The whole of a test program: many schedules, which keep what `promise` says, and some of them twice. */
int schedule_main(const schedule_kind *kind, const char *promise);
#endif
