/* Periodic advertising: data sent at exact intervals to any number of listeners that nobody connects to (Vol 3 Part C
 * 9.5).
 *
 * The sender is an advertiser with extended packets, not connectable, that has a periodic interval; what it sends
 * periodically is apart from its advertising data, and may change as often as it likes:
 *
 *     const amble_advertise_options options = {
 *         .extended = true, .not_connectable = true, .periodic_interval_us = 100000};
 *
 *     r = amble_advertise_open(ble, &advertiser, &options);
 *     while (r >= 0 && (r = amble_periodic_send(&advertiser, reading, sizeof reading, 1000)) >= 0)
 *         r = amble_sleep_ms(1000);
 *     amble_advertise_close(&advertiser);
 *
 * A listener finds it by scanning (amble_scan_result.periodic_interval_us is not 0), synchronises, and takes one report
 * after the other:
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
 * amble_config.advertised_size and the controller allow. Up to 251 bytes take the place of what is on the air from one
 * packet to the next. More cannot be changed on the air: sending stops, and begins anew with the longer data. Listeners
 * lose the sender then (AMBLE_ERR_DISCONNECTED after their timeout) and synchronise again: so send long data rarely, or
 * keep it within 251 bytes. Errors: AMBLE_ERR_TOO_LONG, AMBLE_ERR_ARGUMENT for an advertiser without a
 * periodic interval, AMBLE_ERR_STALE for a closed one, HCI(...), TIMEOUT, CANCELLED, CLOSED, CONTROLLER. Vol 4 Part E
 * 7.8.62. */
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

/* Synchronises with a sender: the device, and which of its advertising sets. `options` NULL: the defaults. Waits until
 * its first packet was heard; the host scans for it meanwhile by itself. One synchronisation is made after the other.
 * Errors: AMBLE_ERR_BUSY when amble_config.syncs are open, AMBLE_ERR_UNSUPPORTED, AMBLE_ERR_ARGUMENT, HCI(...),
 * TIMEOUT, CANCELLED, CLOSED, CONTROLLER. After any end nothing is left of it. Vol 4 Part E 7.8.67. */
int amble_periodic_open(amble *ble, amble_periodic *periodic, amble_device device, uint8_t set,
                        const amble_periodic_options *options, int timeout_ms) AMBLE_MUST_CHECK;
/* The next report, oldest first: 0 and `*report`. Waits. Errors: AMBLE_ERR_DISCONNECTED when the sender is not heard
 * any more, AMBLE_ERR_BUSY when another task waits for it, AMBLE_ERR_STALE when it is closed, TIMEOUT, CANCELLED,
 * CLOSED, CONTROLLER. */
int amble_periodic_next(amble_periodic *periodic, amble_periodic_report *report, int timeout_ms) AMBLE_MUST_CHECK;
/* --- through a link: periodic advertising sync transfer ----------------------------------------------------------- */
/* Finding a sender means scanning, which costs power. Whoever knows one, its sender or a listener, tells the peer of a
 * link where it is, and the peer's controller synchronises without scanning:
 *
 *     phone                                                watch
 *     amble_periodic_open(ble, &periodic, ...);            amble_periodic_accept(conn, &periodic, NULL, &sender, 9000);
 *     amble_periodic_transfer(&periodic, conn, 1, 1000);   amble_periodic_next(&periodic, &report, ...);
 *
 * Both need a controller with this feature, of Bluetooth 5.1; Vol 3 Part C 9.5.4, Vol 6 Part B 5.1.13. */

/* Tells the peer about the sender that this side listens to. `service_data` is for the programs to agree upon. Waits
 * until the controller has taken it; the peer may not want it, which nobody learns. Errors: AMBLE_ERR_DISCONNECTED when
 * the link or the sender is lost, AMBLE_ERR_UNSUPPORTED, AMBLE_ERR_HCI(0x1A) when the peer's controller cannot,
 * AMBLE_ERR_STALE when `periodic` is closed, AMBLE_ERR_ARGUMENT when it is of another host, HCI(...), TIMEOUT,
 * CANCELLED, CLOSED, CONTROLLER. Vol 4 Part E 7.8.89. */
int amble_periodic_transfer(const amble_periodic *periodic, amble_connection *conn, uint16_t service_data,
                            int timeout_ms) AMBLE_MUST_CHECK;
/* The same about what this side sends. Waits until it is on the air. Errors as above, AMBLE_ERR_ARGUMENT for an
 * advertiser without a periodic interval. Vol 4 Part E 7.8.90. */
int amble_periodic_transfer_own(const amble_advertiser *advertiser, amble_connection *conn, uint16_t service_data,
                                int timeout_ms) AMBLE_MUST_CHECK;

typedef struct {
    amble_device device;
    uint8_t set;
    uint16_t service_data;
} amble_periodic_sender;

/* Waits until the peer tells about a sender, and its first packet was heard: `*periodic` listens to it from then on,
 * also when the link is gone, and is to be closed; `*sender` says who it is, NULL: of no interest. What the peer tells
 * while nobody waits is ignored. `options` NULL: the defaults. Errors: AMBLE_ERR_HCI(0x3E) when the sender was not
 * heard, AMBLE_ERR_BUSY when amble_config.syncs are open, AMBLE_ERR_UNSUPPORTED, ARGUMENT, HCI(...), TIMEOUT,
 * CANCELLED, DISCONNECTED, CLOSED, CONTROLLER. After an error nothing is left of it. Vol 4 Part E 7.8.91. */
int amble_periodic_accept(amble_connection *conn, amble_periodic *periodic, const amble_periodic_options *options,
                          amble_periodic_sender *sender, int timeout_ms) AMBLE_MUST_CHECK;

/* Stops listening. Does not wait for the controller: the host sees to it. NULL and a closed one do nothing. */
void amble_periodic_close(amble_periodic *periodic);

#ifdef __cplusplus
}
#endif
#endif
