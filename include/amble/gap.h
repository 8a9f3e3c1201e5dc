/* GAP: advertising, scanning, connecting, and the connection itself (Vol 3 Part C).
 *
 * A connection is an object of the program's: whoever got it from amble_connect or amble_advertise closes it with
 * amble_connection_close, also after the link was lost. Until then it stays readable: its peer, its reason.
 *
 * Advertising, scanning and several links go on side by side as far as the controller can. */
#ifndef AMBLE_GAP_H
#define AMBLE_GAP_H
#include <amble/address.h>
#include <amble/host.h>
#include <amble/uuid.h>
#ifdef __cplusplus
extern "C" {
#endif

/* --- advertising -------------------------------------------------------------------------------------------------- */
#define AMBLE_ADVERTISE_SERVICES 8
typedef struct {
    uint32_t interval_us;                                 /* 20,000..10,240,000; 0: 250,000 */
    const char *name;                                     /* NULL: the host's */
    bool no_name;                                         /* neither this one nor the host's */
    const amble_uuid *services[AMBLE_ADVERTISE_SERVICES]; /* as many as are set */
    uint16_t appearance;                                  /* 0: left out */
    uint16_t company;                                     /* of the manufacturer data, Assigned Numbers 7 */
    const void *manufacturer;                             /* manufacturer data, NULL: left out */
    size_t manufacturer_size;
    bool not_connectable, limited, br_edr; /* br_edr: this device also speaks BR/EDR */
    const void *data, *response;           /* raw advertising data and scan response in place of the fields above */
    size_t data_size, response_size;       /* 31 bytes each at most */
} amble_advertise_options;

/* Advertises until a central connects; `*conn` is the caller's. Fields that do not fit into the advertising data go to the
 * scan response, services first. With not_connectable pass conn NULL: returns 0 when `timeout_ms` is over.
 * Waits. Errors: AMBLE_ERR_TOO_LONG when a field fits nowhere (the log names it), AMBLE_ERR_BUSY when a task of this host is
 * advertising already, AMBLE_ERR_NO_MEMORY when every connection is taken, AMBLE_ERR_ARGUMENT, AMBLE_ERR_HCI(...), TIMEOUT,
 * CANCELLED, CLOSED, CONTROLLER. Whatever the end, the controller has stopped advertising, or is about to. Vol 3 Part C 9.2, 9.3. */
int amble_advertise(amble *ble, const amble_advertise_options *options, amble_connection **conn,
                    int timeout_ms) AMBLE_MUST_CHECK;

/* --- scanning ----------------------------------------------------------------------------------------------------- */
typedef struct {
    bool active;                     /* ask for scan responses */
    uint32_t interval_us, window_us; /* 2,500..10,240,000; 0: 1,280,000 and 11,250 as aioble's; window <= interval */
    const amble_uuid *service;       /* filters, NULL: any */
    const char *name;
    const amble_device *device;
    int8_t rssi_min; /* 0: any */
    bool every;      /* each advertisement is a result, not only one that changed something */
} amble_scan_options;

typedef struct {
    amble_device device;
    int8_t rssi; /* dBm; 127: unknown */
    bool connectable;
    uint32_t dropped; /* results lost before this one because nobody took them */
    uint64_t time_us; /* when its last advertisement arrived, see amble_now_us */
    const uint8_t
        *data; /* advertising data and scan response, one after the other: a view, valid until the next call */
    size_t size;
    size_t response_at; /* where in `data` the scan response starts */
} amble_scan_result;

typedef struct {
    void *opaque[4];
} amble_scanner; /* the caller's storage, usually a local */

/* Starts scanning for `duration_ms` (AMBLE_FOREVER: until closed). `options` NULL: the defaults. Waits until the controller scans, at most about
 * two seconds. A controller that cannot scan while it connects scans afterwards. Errors: AMBLE_ERR_BUSY when the host has an open scanner,
 * ARGUMENT, AMBLE_ERR_TOO_LONG for a name beyond 31 bytes, HCI(...), TIMEOUT, CANCELLED, CLOSED, CONTROLLER. */
int amble_scan_open(amble *ble, amble_scanner *scanner, const amble_scan_options *options,
                    int duration_ms) AMBLE_MUST_CHECK;
/* The next result, oldest first: 1 and `*result`, 0 when the duration is over and nothing is left, or an error. A device is one
 * result; it comes again when its data changed, or with `every` when it advertised again. Waits.
 * Errors: AMBLE_ERR_BUSY when another task waits for it, AMBLE_ERR_STALE when the
 * scanner is closed, HCI(...) when the controller cannot go on, TIMEOUT, CANCELLED, CLOSED, CONTROLLER. */
int amble_scan_next(amble_scanner *scanner, amble_scan_result *result, int timeout_ms) AMBLE_MUST_CHECK;
/* Stops scanning. Does not wait for the controller: the host sees to it. */
void amble_scan_close(amble_scanner *scanner);
/* Scans until a device matches the filters: 0 and `*found`, whose data stays valid until the next scan of this host. Errors as above,
 * AMBLE_ERR_TIMEOUT when nothing was found. */
int amble_scan_find(amble *ble, const amble_scan_options *options, amble_scan_result *found,
                    int timeout_ms) AMBLE_MUST_CHECK;

/* Looking into a result. None of these waits. */
bool amble_scan_has_service(const amble_scan_result *result, const amble_uuid *uuid);
/* The local name, cut to 31 bytes, or `otherwise` when it has none. Returns `buffer` or `otherwise`. */
const char *amble_scan_name(const amble_scan_result *result, char buffer[32], const char *otherwise);
/* The bytes after the company number, and how many; NULL when there are none of this company. */
const uint8_t *amble_scan_manufacturer(const amble_scan_result *result, uint16_t company, size_t *size);
/* Every AD structure, one by one: `*at` starts at 0. Returns 1 and type and bytes, 0 at the end. Core Supplement Part A. */
int amble_scan_field(const amble_scan_result *result, size_t *at, uint8_t *type, const uint8_t **data, size_t *size);

/* --- connections -------------------------------------------------------------------------------------------------- */
typedef struct {
    uint32_t scan_interval_us, scan_window_us; /* while looking for the peer, 2,500..10,240,000; 0: 60,000 and 60,000 */
    uint32_t min_interval_us, max_interval_us; /* 7,500..4,000,000; 0: 30,000 and 50,000 */
    uint16_t latency;                          /* connection events the peripheral may skip, 0..499 */
    uint32_t supervision_timeout_ms;           /* 100..32,000; 0: 4,000 */
} amble_connect_options;

/* Connects to `device`; `*conn` is the caller's. Several tasks may wait for several devices at once. An attempt that the peer did not
 * answer with a first packet is repeated. `options` NULL: the defaults. Waits; after any end the next connect works at once.
 * Errors: TIMEOUT, CANCELLED, CLOSED, CONTROLLER, AMBLE_ERR_NO_MEMORY when every connection is taken, AMBLE_ERR_ARGUMENT,
 * AMBLE_ERR_BUSY when a link to that device exists or is being made, AMBLE_ERR_HCI(...). Vol 3 Part C 9.3.8. */
int amble_connect(amble *ble, amble_device device, const amble_connect_options *options, amble_connection **conn,
                  int timeout_ms) AMBLE_MUST_CHECK;
/* Disconnects if need be and frees the connection; subscriptions of it end. Waits until the link is down, at most about two
 * seconds; NULL does nothing. */
void amble_connection_close(amble_connection *conn);
/* Waits until the link is gone: 0. Errors: TIMEOUT, CANCELLED. */
int amble_disconnected(amble_connection *conn, int timeout_ms) AMBLE_MUST_CHECK;
amble_source amble_on_disconnected(amble_connection *conn);

bool amble_connected(const amble_connection *conn);
uint8_t amble_connection_reason(
    const amble_connection *conn); /* why the link ended, an HCI error (Vol 1 Part F); 0 while it lives */
amble_device amble_connection_device(const amble_connection *conn);
amble *amble_connection_host(const amble_connection *conn);
bool amble_connection_is_central(const amble_connection *conn); /* this side's role */
uint32_t amble_connection_interval_us(const amble_connection *conn);
uint16_t amble_connection_mtu(const amble_connection *conn); /* of ATT; 23 until exchanged */
/* The signal strength of the link in dBm. Waits. Errors: TIMEOUT, CANCELLED, DISCONNECTED, HCI(...). */
int amble_connection_rssi(amble_connection *conn, int8_t *rssi, int timeout_ms) AMBLE_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
