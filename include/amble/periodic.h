/* Periodic advertising: data sent at exact intervals to any number of listeners that nobody connects to (Vol 3 Part C 9.5).
 *
 * The sender is an advertiser with extended packets, not connectable, that has a periodic interval; what it sends periodically is apart from
 * its advertising data, and may change as often as it likes:
 *
 *     const amble_advertise_options options = {.extended = true, .not_connectable = true, .periodic_interval_us = 100000};
 *
 *     r = amble_advertise_open(ble, &advertiser, &options);
 *     while (r >= 0 && (r = amble_periodic_send(&advertiser, reading, sizeof reading, 1000)) >= 0)
 *         r = amble_sleep_ms(1000);
 *     amble_advertise_close(&advertiser);
 *
 * A listener finds it by scanning (amble_scan_result.periodic_interval_us is not 0), synchronises, and takes one report after the other:
 *
 *     r = amble_periodic_open(ble, &periodic, found.device, found.set, NULL, 10000);
 *     while (r >= 0 && (r = amble_periodic_next(&periodic, &report, AMBLE_FOREVER)) >= 0)
 *         show(report.data, report.size);
 *     amble_periodic_close(&periodic);
 *
 * Both need a controller with extended advertising. */
#ifndef AMBLE_PERIODIC_H
#define AMBLE_PERIODIC_H
#include <amble/gap.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Replaces what the advertiser sends periodically, and waits until the controller has it. It may have as many bytes as
 * amble_config.advertised_size and the controller allow. Up to 251 bytes take the place of what is on the air from one packet to the next.
 * More cannot be changed on the air: sending stops, and begins anew with the longer data. Listeners lose the sender then
 * (AMBLE_ERR_DISCONNECTED after their timeout) and synchronise again: so send long data rarely, or keep it within 251 bytes.
 * Errors: AMBLE_ERR_TOO_LONG, AMBLE_ERR_ARGUMENT for an advertiser without a
 * periodic interval, AMBLE_ERR_STALE for a closed one, HCI(...), TIMEOUT, CANCELLED, CLOSED, CONTROLLER. Vol 4 Part E 7.8.62. */
int amble_periodic_send(amble_advertiser *advertiser, const void *data, size_t size, int timeout_ms) AMBLE_MUST_CHECK;

typedef struct {
    uint16_t skip;       /* so many packets may be missed on purpose after each, to save power; 0..499 */
    uint32_t timeout_ms; /* without a packet for so long the sender is lost; 100..163,840; 0: 5,000 */
} amble_periodic_options;

typedef struct {
    int8_t rssi;         /* dBm; 127: unknown */
    bool truncated;      /* longer than amble_config.scanned_size, or its end was not heard */
    uint32_t dropped;    /* reports lost before this one because nobody took them: the latest four are kept */
    uint64_t time_us;    /* when it arrived, see amble_now_us */
    const uint8_t *data; /* a view, valid until the next call */
    size_t size;
} amble_periodic_report;

typedef struct {
    void *opaque[4];
} amble_periodic; /* the caller's storage, usually a local */

/* Synchronises with a sender: the device, and which of its advertising sets. `options` NULL: the defaults. Waits until its first packet
 * was heard; the host scans for it meanwhile by itself. One synchronisation is made after the other.
 * Errors: AMBLE_ERR_BUSY when amble_config.syncs are open, AMBLE_ERR_UNSUPPORTED, AMBLE_ERR_ARGUMENT, HCI(...), TIMEOUT, CANCELLED,
 * CLOSED, CONTROLLER. After any end nothing is left of it. Vol 4 Part E 7.8.67. */
int amble_periodic_open(amble *ble, amble_periodic *periodic, amble_device device, uint8_t set,
                        const amble_periodic_options *options, int timeout_ms) AMBLE_MUST_CHECK;
/* The next report, oldest first: 0 and `*report`. Waits. Errors: AMBLE_ERR_DISCONNECTED when the sender is not heard any more,
 * AMBLE_ERR_BUSY when another task waits for it, AMBLE_ERR_STALE when it is closed, TIMEOUT, CANCELLED, CLOSED, CONTROLLER. */
int amble_periodic_next(amble_periodic *periodic, amble_periodic_report *report, int timeout_ms) AMBLE_MUST_CHECK;
/* Stops listening. Does not wait for the controller: the host sees to it. NULL and a closed one do nothing. */
void amble_periodic_close(amble_periodic *periodic);

#ifdef __cplusplus
}
#endif
#endif
