/* The bench: several devices on one simulated radio, each with a script, and a census at the end.
 *
 * A test names its devices; bench_run plugs them in, runs each script as a task, waits for all of them, and then
 * requires that nothing is left: no task, no link on either side, no packet, no entry of a queue, no command, no
 * timer, and silence on the air. Time is virtual; every packet on the air goes into one hash, so that two runs can
 * be compared byte for byte.
 *
 * Scripts use cmocka's assertions. One that fails ends the program at once with its message and the run's seed:
 * cmocka cannot jump out of a task's stack under AddressSanitizer. */
#ifndef AMBLE_MULTITESTS_BENCH_H
#define AMBLE_MULTITESTS_BENCH_H
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <amble.h>
#include <amble/air.h>

enum { BENCH_DEVICES = 8, BENCH_ADVERTISE_US = 30000, BENCH_MEET_MS = 20000 };

typedef struct bench_device {
    const char *label;
    int (*script)(struct bench_device *self); /* NULL: it is only there; its result is not looked at */
    amble_config config;
    amble *ble; /* open before any script runs; a script that closes it leaves NULL here */
} bench_device;

typedef struct {
    double loss; /* percent */
    uint64_t seed;
    int limit_ms;    /* of all scripts, virtual; 0: ten minutes */
    bool any_result; /* a script may end with an error */
    bool old;        /* the controllers are of Bluetooth 4.2, see amble_air_set_old */
} bench_options;

/* Runs the scripts of `count` devices; fails the test when one does not end, or something is left. */
void bench_run(const bench_options *options, const bench_device *devices, size_t count);
#define BENCH_RUN(options, ...)                                                                                        \
    bench_run(options, (const bench_device[]){__VA_ARGS__},                                                            \
              sizeof((const bench_device[]){__VA_ARGS__}) / sizeof(bench_device))
/* The same at 0 %, 5 % and 20 % loss, and at 5 % on old controllers. */
void bench_run_lossy(const bench_device *devices, size_t count);
/* Without the old ones: for what Bluetooth 4.2 does not have. */
void bench_run_lossy_new(const bench_device *devices, size_t count);
#define BENCH_RUN_LOSSY_NEW(...)                                                                                       \
    bench_run_lossy_new((const bench_device[]){__VA_ARGS__},                                                           \
                        sizeof((const bench_device[]){__VA_ARGS__}) / sizeof(bench_device))
#define BENCH_RUN_LOSSY(...)                                                                                           \
    bench_run_lossy((const bench_device[]){__VA_ARGS__},                                                               \
                    sizeof((const bench_device[]){__VA_ARGS__}) / sizeof(bench_device))

/* One more line of what this device saw: what every run of the same scripts has to agree on. */
void bench_result(const bench_device *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* bench_run_lossy, and then each script in a process of its own over sockets, at 0 % and 5 %; fails when what the
 * devices saw differs. Such a script knows only its own device: no bench_find, bench_unplug, bench_watch, no exact
 * times. */
void bench_run_everywhere(const bench_device *devices, size_t count);
#define BENCH_RUN_EVERYWHERE(...)                                                                                      \
    bench_run_everywhere((const bench_device[]){__VA_ARGS__},                                                          \
                         sizeof((const bench_device[]){__VA_ARGS__}) / sizeof(bench_device))

/* Every packet of the last run: time, channel, address and bytes. */
uint64_t bench_hash(void);
/* Packets on the air so far. */
unsigned bench_packets(void);
/* Called with every packet, besides the hash; NULL ends it. See amble_air_sniff for what it may do. */
void bench_watch(void (*watch)(const amble_air_packet *packet));

/* The device of this run with this label. */
bench_device *bench_find(const char *label);
amble_device bench_address(const char *label);
/* The transport's name of a device, for opening it again. */
const char *bench_transport(const bench_device *device);
int bench_open(bench_device *device);
/* Takes away its power; its host is closed then. */
void bench_unplug(bench_device *device);

/* What is left behind in this host, as one sentence; "" for nothing. */
const char *bench_census(amble *ble);
/* Waits until nothing is left in any open host, at most `ms`. */
void bench_settle(int ms);

/* Meeting: one advertises, the other one connects. Both fail the test when it does not work. */
amble_connection *bench_await(bench_device *self);
amble_connection *bench_connect(bench_device *self, const char *label);
/* Finds a characteristic. */
amble_remote_characteristic bench_characteristic(amble_connection *conn, const amble_uuid *service,
                                                 const amble_uuid *uuid);
/* Waits until the other side has closed, then closes: how most scripts end. */
void bench_await_end(amble_connection *conn);
/* Milliseconds of virtual time since the start. */
int bench_now_ms(void);
void bench_sleep(int ms);
void bench_sleep_us(int us);
#endif
