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
/* How bits are sent, Vol 6 Part B 2.2; the numbers of HCI. */
typedef enum { AMBLE_PHY_ANY, AMBLE_PHY_1M, AMBLE_PHY_2M, AMBLE_PHY_CODED } amble_phy;

typedef struct {
    const amble_uuid *uuid; /* of the service it belongs to; NULL: left out */
    const void *data;
    size_t size;
} amble_service_data;

#define AMBLE_ADVERTISE_SERVICES     8
#define AMBLE_ADVERTISE_SERVICE_DATA 4
typedef struct {
    uint32_t interval_us;          /* 20,000..10,240,000; 0: 250,000 */
    uint32_t periodic_interval_us; /* 7,500..81,918,750: with periodic advertising, see amble/periodic.h; 0: without */
    amble_phy phy;    /* extended: ANY and 1M: 1M. 2M: the data on 2M. CODED: everything, reaches farther */
    const char *name; /* NULL: the host's */
    const amble_uuid *services[AMBLE_ADVERTISE_SERVICES]; /* as many as are set */
    amble_service_data service_data[AMBLE_ADVERTISE_SERVICE_DATA];
    const void *manufacturer; /* manufacturer data, NULL: left out */
    size_t manufacturer_size;
    const void *structures; /* further AD structures (length, type, value), as many as there are */
    size_t structures_size;
    const void *data, *response;     /* raw advertising data and scan response in place of the fields above */
    size_t data_size, response_size; /* 31 bytes each at most, but for `extended` */
    const amble_device *directed_to; /* only this device may connect; nothing else is sent */
    uint16_t company;                /* of the manufacturer data, Assigned Numbers 7 */
    uint16_t appearance;             /* 0: left out */
    bool no_name;                    /* neither this one nor the host's */
    uint8_t shortest_name; /* where it fits nowhere, it may be shortened down to so many bytes; 0: not at all */
    bool tx_power;         /* the transmit power, as the controller tells it */
    bool not_connectable, limited, br_edr; /* br_edr: this device also speaks BR/EDR */
    bool not_discoverable;                 /* neither generally nor limited: for peers that know this device */
    bool high_duty;                        /* directed: every 3.75 ms for the first 1.28 s, to be reconnected at once */
    bool extended;  /* with the packets of Bluetooth 5: longer data, but older devices do not hear it */
    bool anonymous; /* extended and not connectable: without an address */
} amble_advertise_options;

/* Advertises until a central connects; `*conn` is the caller's. Fields that do not fit into the advertising data go to
 * the scan response, services first; when that leaves one out, the distribution over the two is searched in which all
 * fit. With not_connectable pass conn NULL: returns 0 when `timeout_ms` is over. `options` NULL: the defaults.
 *
 * Several tasks may advertise at once as far as the controller has advertising sets (legacy controllers have one) and
 * amble_config.advertisers allows. Extended data is limited by amble_config.advertised_size and by the controller; a
 * connectable advertisement has room for about 240 bytes.
 * Waits. Errors: AMBLE_ERR_TOO_LONG when a field fits nowhere (amble_advertise_problem names it), AMBLE_ERR_BUSY when
 * as many as can are advertising already, AMBLE_ERR_NO_MEMORY when every connection is taken, AMBLE_ERR_UNSUPPORTED for
 * `extended` on a controller without it, AMBLE_ERR_ARGUMENT, AMBLE_ERR_HCI(...), TIMEOUT, CANCELLED, CLOSED,
 * CONTROLLER. Whatever the end, the controller has stopped advertising, or is about to. Vol 3 Part C 9.2, 9.3. */
int amble_advertise(amble *ble, const amble_advertise_options *options, amble_connection **conn,
                    int timeout_ms) AMBLE_MUST_CHECK;
/* The sentence about this host's last advertisement that was refused as too long: which field, how long, what to do; ""
 * when none was. Valid until the next. Does not wait. */
const char *amble_advertise_problem(const amble *ble);

/* Advertising that goes on while centrals are connected. Open it, take one connection after the other, close it:
 *
 *     if ((r = amble_advertise_open(ble, &advertiser, &options)) < 0)
 *         return r;
 *     while ((r = amble_advertise_next(&advertiser, &conn, AMBLE_FOREVER)) == 0)
 *         amble_spawn(&guests, serve_guest, conn);
 *     amble_advertise_close(&advertiser);
 *
 * It pauses while every connection of the host is taken. A central that comes while nobody asks for the next one
 * waits. */
typedef struct {
    void *opaque[4];
} amble_advertiser; /* the caller's storage, usually a local */

/* Options as above, copied. Does not wait: the host sees to it. Errors: as above, at once; what the controller refuses,
 * the next call tells. */
int amble_advertise_open(amble *ble, amble_advertiser *advertiser, const amble_advertise_options *options);
/* The next central, oldest first: 0 and `*conn`, which is the caller's. Waits. Errors: AMBLE_ERR_BUSY when another task
 * waits for it, AMBLE_ERR_STALE when it is closed, AMBLE_ERR_HCI(...) when the controller refuses to advertise, TIMEOUT
 * (also for what nobody can connect to), CANCELLED, CLOSED, CONTROLLER. */
int amble_advertise_next(amble_advertiser *advertiser, amble_connection **conn, int timeout_ms) AMBLE_MUST_CHECK;
/* Stops. Centrals that nobody took are disconnected. Does not wait for the controller. NULL and a closed one do
 * nothing. */
void amble_advertise_close(amble_advertiser *advertiser);

/* --- scanning ----------------------------------------------------------------------------------------------------- */
typedef struct {
    bool active;                     /* ask for scan responses */
    bool coded;                      /* listen on LE Coded too, where far devices advertise */
    int8_t rssi_min;                 /* 0: any */
    bool every;                      /* each advertisement is a result, not only one that changed something */
    uint32_t interval_us, window_us; /* 2,500..10,240,000; 0: 1,280,000 and 11,250 as aioble's; window <= interval */
    const amble_uuid *service;       /* filters, NULL: any */
    const char *name;
    const amble_device *device;
} amble_scan_options;

typedef struct {
    amble_device device; /* a bonded one by its identity, whatever address is on the air; all zeros when `anonymous` */
    int8_t rssi;         /* dBm; 127: unknown */
    bool connectable;
    bool anonymous; /* sent without an address: whoever sends the same set and the same data is one result */
    bool truncated; /* it sent more than amble_config.scanned_size; this is the start of it */
    bool extended;  /* sent with the packets of Bluetooth 5 */
    uint8_t set;    /* extended: which of the device's advertisements, 0..15; each is a result of its own */
    amble_phy phy;  /* on which its data came */
    uint32_t periodic_interval_us; /* of the periodic advertising that goes with it; 0: none */
    uint32_t dropped;              /* results lost before this one because nobody took them */
    uint64_t time_us;              /* when its last advertisement arrived, see amble_now_us */
    /* Advertising data and scan response, one after the other: a view, valid until the next call. */
    const uint8_t *data;
    size_t size;
    size_t response_at; /* where in `data` the scan response starts */
} amble_scan_result;

typedef struct {
    void *opaque[4];
} amble_scanner; /* the caller's storage, usually a local */

/* Starts scanning for `duration_ms` (AMBLE_FOREVER: until closed). `options` NULL: the defaults. Waits until the
 * controller scans, at most about two seconds. A controller that cannot scan while it connects scans afterwards.
 *
 * Several scanners may be open at once, each with its own filters and results; the controller listens as much as the
 * most eager of them wants. They share the memory of amble_config.scanned_devices. Controllers with extended scanning
 * hear old and new packets. Errors: AMBLE_ERR_BUSY when amble_config.scanners are open, AMBLE_ERR_UNSUPPORTED for
 * `coded` on a controller without it, ARGUMENT, AMBLE_ERR_TOO_LONG for a name beyond 31 bytes, HCI(...), TIMEOUT,
 * CANCELLED, CLOSED, CONTROLLER. */
int amble_scan_open(amble *ble, amble_scanner *scanner, const amble_scan_options *options,
                    int duration_ms) AMBLE_MUST_CHECK;
/* The next result, oldest first: 1 and `*result`, 0 when the duration is over and nothing is left, or an error. A
 * device is one result; it comes again when its data changed, or with `every` when it advertised again. Waits. Errors:
 * AMBLE_ERR_BUSY when another task waits for it, AMBLE_ERR_STALE when the
 * scanner is closed, HCI(...) when the controller cannot go on, TIMEOUT, CANCELLED, CLOSED, CONTROLLER. */
int amble_scan_next(amble_scanner *scanner, amble_scan_result *result, int timeout_ms) AMBLE_MUST_CHECK;
/* Stops scanning. Does not wait for the controller: the host sees to it. NULL and a closed one do nothing. */
void amble_scan_close(amble_scanner *scanner);
/* Scans until a device matches the filters: 0 and `*found`, whose data stays valid until the next scan of this host.
 * Errors as above, AMBLE_ERR_TIMEOUT when nothing was found. */
int amble_scan_find(amble *ble, const amble_scan_options *options, amble_scan_result *found,
                    int timeout_ms) AMBLE_MUST_CHECK;

/* Looking into a result. None of these waits. */
bool amble_scan_has_service(const amble_scan_result *result, const amble_uuid *uuid);
/* Every service that is listed, one by one: `*at` starts at 0. Returns 1 and `*uuid`, 0 at the end. */
int amble_scan_next_service(const amble_scan_result *result, size_t *at, amble_uuid *uuid);
/* The bytes that it sends for a service, and how many; NULL when there are none. */
const uint8_t *amble_scan_service_data(const amble_scan_result *result, const amble_uuid *uuid, size_t *size);
/* What the device says it is, Assigned Numbers 2.6; 0: nothing. */
uint16_t amble_scan_appearance(const amble_scan_result *result);
/* The power it sends with in dBm, as it says; AMBLE_POWER_UNKNOWN: nothing. */
#define AMBLE_POWER_UNKNOWN 127
int8_t amble_scan_tx_power(const amble_scan_result *result);
/* Its flags; 0 when there are none. Core Supplement Part A 1.3. */
#define AMBLE_FLAG_LIMITED   0x01 /* findable for a short time */
#define AMBLE_FLAG_GENERAL   0x02 /* findable */
#define AMBLE_FLAG_NO_BR_EDR 0x04 /* LE only */
uint8_t amble_scan_flags(const amble_scan_result *result);
/* The local name, cut to 31 bytes, or `otherwise` when it has none. Returns `buffer` or `otherwise`. It is what the
 * device sent: nobody has looked whether it is UTF-8, or holds control characters, which a terminal would obey. */
const char *amble_scan_name(const amble_scan_result *result, char buffer[32], const char *otherwise);
/* The bytes after the company number, and how many; NULL when there are none of this company. */
const uint8_t *amble_scan_manufacturer(const amble_scan_result *result, uint16_t company, size_t *size);
/* Every AD structure, one by one: `*at` starts at 0. Returns 1 and type and bytes, 0 at the end. Core Supplement Part
 * A. */
int amble_scan_field(const amble_scan_result *result, size_t *at, uint8_t *type, const uint8_t **data, size_t *size);

/* --- connections -------------------------------------------------------------------------------------------------- */
typedef struct {
    uint32_t scan_interval_us, scan_window_us; /* while looking for the peer, 2,500..10,240,000; 0: 60,000 and 60,000 */
    uint32_t min_interval_us, max_interval_us; /* 7,500..4,000,000; 0: 30,000 and 50,000 */
    uint16_t latency;                          /* connection events the peripheral may skip, 0..499 */
    uint32_t supervision_timeout_ms;           /* 100..32,000; 0: 4,000 */
    bool unencrypted; /* do not encrypt with a bond by itself: amble_write_signed goes without, amble_pair encrypts */
    bool coded;       /* look for the peer on LE Coded too, where far devices advertise: both share the time */
} amble_connect_options;

/* Connects to `device`; `*conn` is the caller's. Several tasks may wait for several devices at once. An attempt that
 * the peer did not answer with a first packet is repeated. `options` NULL: the defaults. Waits; after any end the next
 * connect works at once.
 *
 * A peer with extended advertising is met on the PHY of its data: the link begins on LE 2M when it has its data there.
 * One that advertises on LE Coded only is found with `coded`, and the link begins on LE Coded:
 *
 *     r = amble_connect(ble, far_away, &(amble_connect_options){.coded = true}, &conn, 10000);
 *
 * Errors: TIMEOUT, CANCELLED, CLOSED, CONTROLLER, AMBLE_ERR_NO_MEMORY when every connection is taken,
 * AMBLE_ERR_ARGUMENT, AMBLE_ERR_UNSUPPORTED for `coded` on a controller without it,
 * AMBLE_ERR_BUSY when a link to that device exists or is being made, also when it connects to this one meanwhile,
 * AMBLE_ERR_HCI(...). Vol 3 Part C 9.3.8. */
int amble_connect(amble *ble, amble_device device, const amble_connect_options *options, amble_connection **conn,
                  int timeout_ms) AMBLE_MUST_CHECK;
/* Disconnects if need be and frees the connection; subscriptions of it end. Waits until the link is down, at most about
 * two seconds; NULL does nothing. */
void amble_connection_close(amble_connection *conn);
/* Waits until the link is gone: 0. Errors: TIMEOUT, CANCELLED. */
int amble_disconnected(amble_connection *conn, int timeout_ms) AMBLE_MUST_CHECK;
amble_source amble_on_disconnected(amble_connection *conn);

bool amble_connected(const amble_connection *conn);
uint8_t amble_connection_reason(
    const amble_connection *conn); /* why the link ended, an HCI error (Vol 1 Part F); 0 while it lives */
/* Who the peer is: its identity when it is bonded with, or gave it while pairing; else the address it has on the
 * air. */
amble_device amble_connection_device(const amble_connection *conn);
/* The addresses that both sides had on the air when the link was made; a private one means nothing after some
 * minutes. */
amble_device amble_connection_peer_address(const amble_connection *conn);
amble_device amble_connection_own_address(const amble_connection *conn);
amble *amble_connection_host(const amble_connection *conn);
bool amble_connection_is_central(const amble_connection *conn); /* this side's role */
uint16_t amble_connection_mtu(const amble_connection *conn);    /* of ATT; 23 until exchanged */
/* Bearers of ATT that are open now: 1, and the enhanced ones of an encrypted link, see gatt_client.h; 0 when the link
 * is gone. */
unsigned amble_connection_bearers(const amble_connection *conn);
/* Waits until the MTU was exchanged, by either side: returns it. For a peripheral whose central begins the exchange, as
 * phones do; to begin it is amble_exchange_mtu. Errors: TIMEOUT, CANCELLED, DISCONNECTED. */
int amble_mtu_exchanged(amble_connection *conn, int timeout_ms) AMBLE_MUST_CHECK;

/* --- the timing of a link ----------------------------------------------------------------------------------------- */
/* Connection parameters, Vol 6 Part B 4.5.1, 4.5.2. The supervision timeout must be longer than (1 + latency) *
 * max_interval_us * 2. */
typedef struct {
    uint32_t min_interval_us, max_interval_us; /* 7,500..4,000,000, in steps of 1,250; 0: 30,000 and 50,000 */
    uint16_t latency;                          /* connection events the peripheral may skip, 0..499 */
    uint32_t supervision_timeout_ms;           /* 100..32,000; 0: 4,000 */
} amble_parameters;

/* What the link has now: both intervals are the same. Does not wait, and tells the last ones after the link is gone. */
amble_parameters amble_connection_parameters(const amble_connection *conn);
uint32_t amble_connection_interval_us(const amble_connection *conn);

/* Changes them, and waits until the new ones are in force:
 *
 *     const amble_parameters slow = {.min_interval_us = 400000, .max_interval_us = 500000, .latency = 4,
 *                                    .supervision_timeout_ms = 6000};
 *     r = amble_connection_update(conn, &slow, 5000);
 *
 * The central decides. The peripheral asks it: with the link layer's request where both controllers know it, else
 * through L2CAP. Waits; one change of a link is made after the other. A change that was sent when the time was over may
 * still happen. Errors: AMBLE_ERR_HCI(0x3B) when the peer refuses, AMBLE_ERR_ARGUMENT for parameters out of range,
 * AMBLE_ERR_HCI(...), TIMEOUT, CANCELLED, DISCONNECTED. Vol 3 Part C 9.3.9, Vol 4 Part E 7.8.18, Vol 3 Part A 4.20. */
int amble_connection_update(amble_connection *conn, const amble_parameters *parameters,
                            int timeout_ms) AMBLE_MUST_CHECK;

/* --- the radio of a link ------------------------------------------------------------------------------------------ */
typedef struct {
    amble_phy send, receive;
    uint8_t coding; /* wish for the coded PHY: 2 or 8 symbols a bit, 8 reaches farthest; 0: as the controller likes */
} amble_phys;
/* The PHYs in use. Waits. Errors: TIMEOUT, CANCELLED, DISCONNECTED, HCI(...). Vol 4 Part E 7.8.47. */
int amble_connection_phy(amble_connection *conn, amble_phys *phys, int timeout_ms) AMBLE_MUST_CHECK;
/* Wishes for other ones; AMBLE_PHY_ANY leaves it to the controllers. Waits until they agreed: `*agreed` (may be NULL)
 * is what is in use then, which may be what was before when the peer cannot do better. Errors as above,
 * AMBLE_ERR_ARGUMENT. Vol 4 Part E 7.8.49. */
int amble_connection_set_phy(amble_connection *conn, const amble_phys *wish, amble_phys *agreed,
                             int timeout_ms) AMBLE_MUST_CHECK;

/* The most payload that one packet of the link carries, 27..251 bytes. Does not wait. */
typedef struct {
    uint16_t send, receive;
} amble_data_length;
amble_data_length amble_connection_data_length(const amble_connection *conn);
/* Sets how much this side wants to send in a packet; the host asks for 251 by itself. Waits until the controller has
 * taken it; the new length is in force when the peer agreed. Errors: AMBLE_ERR_ARGUMENT, TIMEOUT, CANCELLED,
 * DISCONNECTED, HCI(...). Vol 4 Part E 7.8.33. */
int amble_connection_set_data_length(amble_connection *conn, uint16_t bytes, int timeout_ms) AMBLE_MUST_CHECK;

/* The signal strength of the link in dBm. Waits. Errors: TIMEOUT, CANCELLED, DISCONNECTED, HCI(...). */
int amble_connection_rssi(amble_connection *conn, int8_t *rssi, int timeout_ms) AMBLE_MUST_CHECK;

/* The data channels a link uses: bit n is channel n, 0..36. Waits. Errors as above. Vol 4 Part E 7.8.20. */
#define AMBLE_CHANNELS UINT64_C(0x1fffffffff)
int amble_connection_channels(amble_connection *conn, uint64_t *channels, int timeout_ms) AMBLE_MUST_CHECK;
/* Tells the controller which channels are free of other radios, at least two: links where this side is central avoid
 * the others. Waits until the controller knows. Errors: AMBLE_ERR_ARGUMENT, TIMEOUT, CANCELLED, CLOSED, CONTROLLER,
 * HCI(...). Vol 4 Part E 7.8.19. */
int amble_classify_channels(amble *ble, uint64_t channels, int timeout_ms) AMBLE_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
