/* GAP from the inside: what tasks want of the controller, and the service task that brings it about.
 *
 * A task that advertises, scans or connects leaves its request here and waits. The service task of the host compares
 * what is wanted with what the controller does, and sends the commands that are missing, one after the other,
 * straight-line. So a task may give up at any moment: its request is gone, and the service task takes back what was
 * started for it. All commands to advertise, scan, connect and disconnect come from that one task; it never is
 * cancelled while the host is open.
 *
 * Whether the legacy or the extended commands are used is decided once, when the host opens; they are never mixed. */
#ifndef AMBLE_GAP_GAP_ROOM_H
#define AMBLE_GAP_GAP_ROOM_H
#include <amble/gap.h>
#include <amble/periodic.h>

#include "bonds/bonds.h"
#include "gap/privacy.h"
#include "link/connection.h"

typedef struct amble__gap amble__gap;

enum { AMBLE__ADVERTISING_DATA = 31, AMBLE__EXTENDED_DATA = 1650, AMBLE__PROBLEM = 160 };

/* What is to be advertised, as the controller wants it. */
typedef struct {
    bool connectable, directed, high_duty, extended, anonymous;
    uint32_t periodic_interval_us; /* 0: none */
    amble_phy phy;
    amble_device peer; /* when directed */
    uint32_t interval_us;
    uint8_t *bytes; /* advertising data, then the scan response */
    uint16_t capacity, data_size, response_size;
    uint16_t tx_power_at; /* where in them the controller's transmit power belongs, 0: nowhere */
} amble__advertisement;

/* An advertiser that a task has opened. The controller knows it by its place in the table: that is its advertising
 * set. */
typedef struct {
    uint32_t serial; /* of the one that has this place, 0: nobody */
    uint32_t on;     /* the one on the air, 0: none */
    bool once;       /* one connection ends it */
    bool paused;     /* `once`, and its connection is there */
    bool started;    /* the controller was told all of it */
    int failed;      /* why the controller does not advertise, 0: it does or will */
    amble__advertisement what;
    amble__list waiters; /* the task that waits for a central */
    /* What is sent periodically. A task changes it only while the service task does not send it. */
    uint8_t *periodic;
    uint16_t periodic_size;
    bool periodic_sending, periodic_on;      /* on: the controller is told to send it */
    uint32_t periodic_wanted, periodic_told; /* numbers of the data: the task's and the controller's */
    int periodic_result;
    amble__list periodic_waiters;
} amble__advertiser;

/* A task in amble_connect. */
typedef struct {
    amble__list node;
    amble__wait wait;
    amble__waiter on_closing;
    amble_device device;
    amble_connect_options options;
    bool in_group;          /* the controller is connecting to it, */
    amble_device address;   /* under this address */
    amble_connection *conn; /* announced, its first packet not yet seen */
} amble__connect_request;

enum { AMBLE__SCANNERS = 4, AMBLE__NO_SET = 0xff }; /* at most; a legacy advertisement belongs to no set */

/* An advertisement that a scan has heard: of one device, and of one of its sets. The masks have a bit for each
 * scanner. */
typedef struct {
    amble_device device;
    uint8_t set;
    bool used, connectable, extended, truncated, anonymous;
    bool advertised;                 /* not only an answer was heard, to a scan that is over */
    uint8_t asked;                   /* it was heard before, so an answer to a scan request had its chance */
    uint8_t news;                    /* something that was not delivered: that it is there, or what changed */
    uint8_t pending;                 /* to be delivered, */
    uint32_t order[AMBLE__SCANNERS]; /* in this order */
    int8_t rssi;
    amble_phy phy;
    uint32_t periodic_interval_us;
    uint16_t data_size, response_size;
    uint8_t *bytes;     /* advertising data, then the scan response */
    uint64_t time_us;   /* of the last advertisement */
    uint32_t last_news; /* grows: who has the least makes room */
} amble__seen_device;

/* What the controller is told. */
typedef struct {
    bool any, active, coded;
    uint32_t interval_us, window_us;
} amble__scan_wish;

/* A scanner that a task has opened. */
typedef struct {
    uint32_t serial; /* of whoever has this place, 0: nobody */
    bool wanted;     /* its duration is not over */
    bool over;       /* it is */
    int failed;      /* why the controller scans no more, 0: it does */
    amble_scan_options options;
    amble_uuid service; /* copies of what the filters point to */
    amble_device device;
    char name[32];
    amble__wait *opening; /* of the task in amble_scan_open */
    amble__timer duration;
    amble__list waiters; /* of the task in amble_scan_next */
    uint32_t dropped;
    uint8_t *view;
    amble__gap *gap;
} amble__scanner;

/* An extended advertisement that comes in several reports. */
typedef struct {
    bool begun, truncated, anonymous;
    amble_device device;
    uint8_t set, type;
    uint16_t size;
    uint8_t *bytes;
} amble__scan_assembly;

typedef struct {
    bool on, blocked;      /* blocked: the controller cannot scan while it connects */
    amble__scan_wish told; /* while on: what it scans for */
    uint32_t serials;      /* the last one given */
    amble__scanner *scanners;
    uint8_t scanner_count;
    amble__seen_device *devices;
    size_t capacity;
    uint16_t size; /* bytes kept of each */
    uint32_t orders;
    amble__scan_assembly assembly;
} amble__scan;

enum { AMBLE__SYNC_REPORTS = 4, AMBLE__SYNCS = 8, AMBLE__SYNC_TIMEOUT_LEAST = 10 /* units of 10 ms, 7.8.67 */ };
typedef enum {
    AMBLE__SYNC_FREE,
    AMBLE__SYNC_WANTED,
    AMBLE__SYNC_AWAITED, /* from the peer of `conn` */
    AMBLE__SYNC_ON,
    AMBLE__SYNC_LOST,
    AMBLE__SYNC_ENDING
} amble__sync_state;

/* A sender that a task listens to, or wants to. Reports are in a ring; the place after the last is where the next is
 * put together. */
typedef struct {
    amble__sync_state state;
    uint32_t serial; /* of whoever has this place, 0: nobody */
    amble_device device;
    amble_device address; /* under which it was heard last, when its address changes and the host resolves it */
    amble_device told;    /* the controller was told to wait for this one */
    bool heard;
    uint8_t set;
    uint16_t skip, timeout; /* as HCI has them */
    const amble_connection *conn;
    uint32_t conn_generation;
    uint16_t service_data; /* what the peer said with it */
    uint16_t handle;
    int failed; /* why it could not be begun */
    amble__list waiters;
    struct {
        uint16_t size;
        int8_t rssi;
        bool truncated;
        uint64_t time_us;
        uint8_t *bytes;
    } reports[AMBLE__SYNC_REPORTS + 1];
    uint8_t first, count;
    bool partial; /* the next one has begun */
    uint32_t dropped;
    uint8_t *view;
} amble__sync;

typedef struct {
    int (*start_advertising)(amble__gap *gap, uint8_t set, const amble__advertisement *what);
    int (*stop_advertising)(amble__gap *gap, uint8_t set);
    int (*start_scanning)(amble__gap *gap, const amble__scan_wish *wish);
    int (*stop_scanning)(amble__gap *gap);
    /* `peer` NULL: whoever is in the accept list. */
    int (*start_connecting)(amble__gap *gap, const amble_connect_options *options, const amble_device *peer);
} amble__gap_commands;
extern const amble__gap_commands amble__legacy_commands, amble__extended_commands;

/* Where the peer of a bond was met last. */
typedef struct {
    bool used;
    bool hides; /* `address` was private; or the controller, which resolves, does not say which one it was */
    amble_device identity, address;
    uint64_t until_us; /* it may be connected to there for so long */
} amble__met;

enum { AMBLE__STRAY_LINKS = 16 };
/* A link without a slot. */
typedef struct {
    uint16_t handle;
    bool used, asked; /* asked: the controller is to end it, and has not refused */
} amble__stray;

/* What a controller may be able to do besides the least: bits of its LE features, Vol 6 Part B 4.6. */
typedef enum {
    AMBLE__LE_PARAMETER_REQUEST = 1,
    AMBLE__LE_DATA_LENGTH = 5,
    AMBLE__LE_PRIVACY = 6,
    AMBLE__LE_2M = 8,
    AMBLE__LE_CODED = 11,
    AMBLE__LE_EXTENDED_ADVERTISING = 12,
    AMBLE__LE_PERIODIC_ADVERTISING = 13,
    AMBLE__LE_TRANSFER_SENDER = 24, /* of periodic advertising syncs */
    AMBLE__LE_TRANSFER_RECIPIENT = 25,
} amble__le_feature;

struct amble__gap {
    amble__hci *hci;
    amble__links *links;
    const amble__gap_commands *commands;
    amble_device own; /* this host's identity */
    amble__privacy privacy;
    amble__bonds *bonds;
    amble__met *met;        /* one for each of them */
    uint8_t le_features[8]; /* of the controller: amble__gap_can */
    uint8_t accept_list_size;
    bool reads_remote_features;
    bool connecting;          /* the controller is */
    uint8_t advertiser_count; /* as many as the host has memory for and the controller can, at least 1 */
    uint8_t sync_count;
    bool sync_cancelled; /* the synchronisation under way is to be given up */
    const char *name;
    amble_event work; /* wakes the service task */
    amble__list *closings;
    amble *host;

    amble__advertiser *advertisers;
    amble_connection *nameless; /* a central came, and which advertiser it came to is told by the next event */
    uint32_t nameless_generation, advertise_serials;
    char problem[AMBLE__PROBLEM];
    amble__scan scan;
    amble__sync *syncs;
    uint32_t sync_serials;
    uint32_t syncing;                   /* the serial that the controller synchronises for, 0: none */
    uint32_t sync_strays[AMBLE__SYNCS]; /* those that came about after their task had gone: handle + 1, 0: none */
    amble__list connects;               /* amble__connect_request, oldest first */
    unsigned group_size;
    unsigned repeats;               /* attempts in a row that ended without a first packet */
    amble__timer pause;             /* before the next of them */
    amble__timer doubt;             /* when an address that is being connected to may be another one's meanwhile */
    amble__list connecting_waiters; /* the service task, until the controller has stopped */
    amble__stray strays[AMBLE__STRAY_LINKS];
    amble__timer retry; /* of what the controller refused */
    amble_parameter_policy policy;
    /* As peripheral, through L2CAP; set by the host. Returns as amble_connection_update does. */
    int (*ask_central)(amble_connection *conn, const amble_parameters *parameters, uint64_t deadline_us);
    uint64_t connect_repeated, malformed;
    /* Set by the host. What else the service task has to do: first in each round. */
    void (*serve_others)(amble *host);
    /* A link works, but is handed over only when amble__gap_greeted says so: true. */
    bool (*greet)(amble_connection *conn);
};

/* The parts of a host's configuration that size this room. */
typedef struct {
    size_t scanned_devices;
    uint16_t scanned_size;
    uint8_t scanners, syncs;
    uint8_t advertisers;
    uint16_t advertised_size;
    size_t bonds;
} amble__gap_sizes;
void amble__gap_init(amble__gap *gap, amble__arena *arena, const amble__gap_sizes *sizes);
/* The service task; `arg` is the gap. Ends when cancelled. */
int amble__gap_service(void *arg);
static inline bool amble__gap_can(const amble__gap *gap, amble__le_feature feature)
{
    return gap->le_features[feature / 8] >> feature % 8 & 1;
}
static inline void amble__gap_work(amble__gap *gap) { amble_event_set(&gap->work); }
/* Whether advertisers on LE Coded can be heard. Vol 6 Part B 4.6. */
static inline bool amble__gap_hears_coded(const amble__gap *gap)
{
    return gap->commands == &amble__extended_commands && amble__gap_can(gap, AMBLE__LE_CODED);
}
/* Events that are not HCI's own. */
void amble__gap_event(amble__gap *gap, uint8_t code, amble__reader *parameters);
/* The first packet of a link was seen. */
void amble__gap_established(amble__gap *gap, amble_connection *conn);
/* A link for which `greet` said true may be handed over now. */
void amble__gap_greeted(amble__gap *gap, amble_connection *conn);
/* Ends every wait in this room. */
void amble__gap_fail(amble__gap *gap, int error);
amble__gap *amble__gap_of(amble *ble);

/* A change of what the controller does, for the trace. */
static inline void amble__gap_note(const amble__gap *gap, amble__trace_kind kind, bool on)
{
    const uint8_t value = on;

    if (gap->hci->trace.sink)
        amble__trace_emit(&gap->hci->trace, kind, AMBLE__NO_HANDLE, &value, 1);
}

/* Between scan.c and scan_results.c: takes what is to be delivered next to a scanner, false when there is nothing;
 * forgets. */
bool amble__scan_take(amble__scan *scan, amble__scanner *scanner, amble_scan_result *result);
void amble__scan_begin(amble__scan *scan, const amble__scanner *scanner);

/* --- between the files of the room -------------------------------------------------------------------------------- */
/* Composes advertising data and scan response from the options' fields into the bytes of `out`, which says whether it
 * is extended. AMBLE_ERR_TOO_LONG when one fits nowhere: `problem` is the sentence. AMBLE_ERR_ARGUMENT for structures
 * that are none. */
int amble__advertising_data(const amble_advertise_options *options, const char *host_name, amble__advertisement *out,
                            char problem[AMBLE__PROBLEM]);
/* What both commands to connect say about the link, 7.8.12 and 7.8.66. */
void amble__write_link_wishes(amble__writer *w, const amble_connect_options *options);
/* The service task comes round again after a pause: the controller refused what it must do. */
void amble__gap_retry(amble__gap *gap);
/* A link was made for which there is no slot. */
void amble__stray_link(amble__gap *gap, uint16_t handle);
/* Disconnection Complete: with a status the link is still there, and is to be disconnected again. */
void amble__disconnect_ended(amble__gap *gap, uint16_t handle, uint8_t status);
/* Whether what is being started in this place is still wanted: the back ends ask before they enable it. */
static inline bool amble__advertiser_wanted(const amble__gap *gap, uint8_t set)
{
    return gap->advertisers[set].on && gap->advertisers[set].on == gap->advertisers[set].serial;
}
/* The address of an advertising set, extended.c. */
int amble__tell_set_address(amble__gap *gap, uint8_t set, bool connectable);
/* Begins and ends what a set sends but for what it sends periodically. */
int amble__enable_set(amble__gap *gap, uint8_t set, bool on);
/* Sends data in as many commands as it needs: `before`, how, how much, data. extended.c */
int amble__set_in_fragments(amble__gap *gap, uint16_t opcode, const uint8_t *before, size_t before_size,
                            const uint8_t *data, size_t size);
/* Starts or stops what a set sends periodically, 7.8.63. extended.c */
int amble__periodic_enable(amble__gap *gap, uint8_t set, bool on);
/* --- link procedures, parameters.c and radio.c -------------------------------------------------------------------- */
/* Runs a command of two bytes of handle and these, whose end an event tells. Waits for its turn and for its end. */
int amble__link_run(amble_connection *conn, int kind, uint16_t opcode, const void *parameters, size_t size,
                    uint64_t deadline_us);
/* The event came, or the command was refused. */
void amble__link_ran(amble_connection *conn, int kind, int result);
/* Fills in what is left out; AMBLE_ERR_ARGUMENT for what no link may have. */
int amble__parameters_take(amble_parameters *parameters);
void amble__parameters_write(amble__writer *w, const amble_parameters *parameters);
/* A peripheral asks through L2CAP: true when it is granted; the host sees to it then. */
bool amble__parameters_asked(amble__gap *gap, amble_connection *conn, amble_parameters wish);
/* The events. */
void amble__parameters_event(amble__gap *gap, amble__reader *r);
void amble__parameters_request_event(amble__gap *gap, amble__reader *r);
void amble__phy_event(amble__gap *gap, amble__reader *r);
void amble__data_length_event(amble__gap *gap, amble__reader *r);
void amble__serve_procedures(amble__gap *gap);
/* --- identity.c: peers whose address changes ---------------------------------------------------------------------- */
/* Who has this address: the identity of a bonded peer whose key made it, else the address itself. */
amble_device amble__identify(const amble__gap *gap, amble_device address);
/* A peer advertises under this address, and can be connected to; or a link to it was made. */
void amble__identity_heard(amble__gap *gap, amble_device identity, amble_device address);
void amble__identity_met(amble__gap *gap, amble_device identity, amble_device address);
/* The controller heard it under some private address. */
void amble__identity_resolved(amble__gap *gap, amble_device identity);
/* The address to connect to, and how long it is one to count on; false when the peer has to be heard first. */
bool amble__identity_found(const amble__gap *gap, amble_device device, amble_device *address, uint64_t *until_us);
/* Whether the peer had a private address when it was met last; `*address` is what it had, `*known`: the controller
 * resolves it. */
bool amble__identity_hides(const amble__gap *gap, amble_device device, amble_device *address, bool *known);
/* Whether somebody is to be connected to who has to be heard first: then `options` say how to listen. connect.c */
bool amble__connect_needs_scan(const amble__gap *gap, amble_connect_options *options);
/* --- periodic.c --------------------------------------------------------------------------------------------------- */
/* The place of an advertiser that is open, or NULL. */
amble__advertiser *amble__advertiser_open(const amble_advertiser *advertiser, amble__gap **gap);
void amble__sync_established(amble__gap *gap, amble__reader *r);
void amble__sync_report(amble__gap *gap, amble__reader *r);
void amble__sync_lost(amble__gap *gap, amble__reader *r);
/* Whether the controller must scan, so that a synchronisation comes about. */
bool amble__sync_needs_scan(const amble__gap *gap);
/* A set was heard that sends periodically. */
void amble__sync_heard(amble__gap *gap, amble_device identity, uint8_t set, amble_device address);
void amble__serve_periodic(amble__gap *gap);
/* Waits for news of what the advertiser sends periodically. */
int amble__advertiser_wait(amble__gap *gap, amble__advertiser *a, uint64_t deadline_us);
/* Between periodic.c and periodic_transfer.c. A place for a synchronisation, whose state the caller sets, or NULL and
 * why not; then the wait for another state. The place of one that is open, or NULL. One that is none. */
amble__sync *amble__sync_begin(amble__gap *gap, amble_periodic *periodic, amble__le_feature feature,
                               const amble_periodic_options *options, int *error);
int amble__sync_wait(amble__gap *gap, amble__sync *sync, amble__sync_state while_it_is, uint64_t deadline_us);
amble__sync *amble__sync_of(const amble_periodic *periodic, amble__gap **gap);
void amble__sync_none(amble__gap *gap, amble_periodic *periodic);
/* It came about, or not. */
void amble__sync_made(amble__sync *sync, uint8_t status, uint16_t handle);
/* Nobody wants it any more. */
void amble__sync_stray(amble__gap *gap, uint16_t handle);
/* periodic_transfer.c */
void amble__sync_transferred(amble__gap *gap, amble__reader *r);
void amble__serve_transfers(amble__gap *gap);
/* A command about the link: its handle, then `size` more bytes. The reply repeats the handle. radio.c */
int amble__link_ask(amble_connection *conn, uint16_t opcode, const void *more, size_t size, void *reply,
                    size_t reply_size, int timeout_ms);
/* Stops what the service task begins again in the same round. */
void amble__advertising_hush(amble__gap *gap, uint8_t set);
void amble__scan_hush(amble__gap *gap);
void amble__connect_hush(amble__gap *gap);
/* The service task's parts. */
void amble__serve_disconnects(amble__gap *gap);
void amble__serve_advertising(amble__gap *gap);
void amble__serve_scan(amble__gap *gap);
void amble__serve_connects(amble__gap *gap);
/* What events mean to them. */
typedef struct {
    uint8_t type; /* legacy event type, Vol 4 Part E 7.7.65.2; 4 is a scan response */
    bool extended, more, truncated;
    bool anonymous; /* `device` is all zeros */
    bool resolved;  /* by the controller: `device` is an identity */
    uint8_t set;
    amble_phy phy;
    uint32_t periodic_interval_us;
    amble_device device; /* who: the identity, where it is known */
    int8_t rssi;
    amble__bytes data;
} amble__advertising_report;
enum {
    AMBLE__REPORT_CONNECTABLE = 0,
    AMBLE__REPORT_DIRECTED = 1,
    AMBLE__REPORT_SCANNABLE = 2,
    AMBLE__REPORT_RESPONSE = 4
};
/* A report that may be a part of one, and a whole one. */
void amble__scan_part(amble__gap *gap, const amble__advertising_report *report);
void amble__scan_report(amble__gap *gap, const amble__advertising_report *report);
/* A link with this side as peripheral (or central) was made; returns true when somebody wants it. */
bool amble__advertised_link(amble__gap *gap, amble_connection *conn);
/* Advertising has stopped by itself: with a link (or NULL), or for this reason. */
void amble__advertising_ended(amble__gap *gap, uint8_t set, uint8_t status, amble_connection *conn);
/* A link that its advertiser has not handed on was lost. */
void amble__advertised_lost(amble__gap *gap, const amble_connection *conn);
/* A link came that has no slot. */
void amble__advertised_stray(amble__gap *gap);
bool amble__connected_link(amble__gap *gap, amble_connection *conn);
/* A link to this device was made from the other side: nothing is left to be made. */
void amble__connect_overtaken(amble__gap *gap, amble_device device);
void amble__connect_failed(amble__gap *gap, uint8_t status);
/* The controller is not connecting any more, for whatever reason. */
void amble__connect_stopped(amble__gap *gap);
/* A link that a task in amble_connect waits for was lost before its first packet. */
void amble__connect_lost(amble__gap *gap, const amble_connection *conn, uint8_t reason);
/* The address type of HCI (0 to 3, Vol 4 Part E 7.7.65.1) as ours. */
enum { AMBLE__ADDRESS_RESOLVED = 2 };
/* Own_Address_Type, Vol 4 Part E 7.8.5. */
enum { AMBLE__OWN_RESOLVABLE = 2, AMBLE__OWN_RESOLVABLE_OR_RANDOM = 3 };
static inline amble_address_type amble__address_type(uint8_t hci_type)
{
    return hci_type & 1 ? AMBLE_RANDOM : AMBLE_PUBLIC; /* 2 and 3 are resolved identities: public, random */
}
#endif
