/* Links: their life, their connection events, their data and their control procedures.
 *
 * A link is a slot of the controller's, taken at amble__ll_link_open and free again after amble__ll_link_close. link.c
 * keeps its life and its clock, link_event.c what happens in a connection event, link_data.c the host's packets,
 * link_control.c the LL control procedures. */
#ifndef AMBLE_CONTROLLER_LINK_H
#define AMBLE_CONTROLLER_LINK_H
#include "controller/activity.h"
#include "controller/channel_selection.h"
#include "controller/pdu.h"
#include "core/list.h"
#include "core/timers.h"

#define AMBLE__LL_CENTRAL    0
#define AMBLE__LL_PERIPHERAL 1

/* Data PDUs (Vol 6, Part B, 2.4 and 4.5.10). */
#define AMBLE__LL_OCTETS_MIN 27
#define AMBLE__LL_OCTETS_MAX 251
#define AMBLE__LL_TIME_MIN   328
#define AMBLE__LL_TIME_MAX   2120  /* of 251 octets on LE 1M */
#define AMBLE__LL_TIME_LIMIT 17040 /* the largest value a host or peer may name */

#define AMBLE__LL_CONTROL_SIZE  27 /* the largest control PDU, opcode included, that every peer can receive */
#define AMBLE__LL_CONTROL_QUEUE 6

typedef struct {
    uint8_t size;
    uint8_t bytes[AMBLE__LL_CONTROL_SIZE];
} amble__ll_control_pdu;

/* Procedures this side starts, in the order of their urgency. */
typedef enum {
    AMBLE__LL_PROCEDURE_TERMINATE,
    AMBLE__LL_PROCEDURE_VERSION,
    AMBLE__LL_PROCEDURE_FEATURES,
    AMBLE__LL_PROCEDURE_LENGTH,
    AMBLE__LL_PROCEDURES,
    AMBLE__LL_PROCEDURE_NONE = AMBLE__LL_PROCEDURES,
} amble__ll_procedure;

typedef struct {
    uint16_t tx_octets, tx_time, rx_octets, rx_time;
} amble__ll_data_length;

/* The PDU that waits for its acknowledgement. It stays the same until that comes. */
typedef enum {
    AMBLE__LL_FLIGHT_NONE,
    AMBLE__LL_FLIGHT_EMPTY,
    AMBLE__LL_FLIGHT_CONTROL,
    AMBLE__LL_FLIGHT_DATA
} amble__ll_flight;

typedef struct amble__ll_link {
    amble__ll_activity activity;
    amble__timer event_timer; /* the next event, or the next packet of the one under way */
    amble__timer supervision_timer;
    amble__timer procedure_timer; /* the procedure under way, or our LL_TERMINATE_IND, is answered until then */
    bool open;
    bool established; /* a packet of the peer's has come */
    bool in_event;
    uint8_t role;
    uint16_t handle;
    amble__ll_address own, peer;
    uint32_t access_address;
    bool channel_selection_2;
    uint8_t hop;
    amble__ll_channels channels;

    uint16_t interval, latency, timeout;
    uint16_t skipped; /* events left out before the next one, by peripheral latency */
    uint32_t interval_us;
    uint64_t events;             /* before this one; the low 16 bits are the event counter of 4.5.1 */
    uint64_t anchor_us;          /* of the event under way, or else of the next one */
    uint64_t last_anchor_us;     /* the last that was heard, from which clocks drift apart */
    uint8_t channel;             /* of the event under way */
    bool anchor_heard;           /* a packet of the event under way has come */
    uint32_t transmit_window_us; /* peripheral, until the first packet came */
    uint8_t peer_clock_accuracy; /* code of CONNECT_IND; peripheral only */
    uint64_t last_heard_us;
    int8_t rssi;

    uint8_t sn, nesn;
    bool sent_more, peer_more; /* MD of the last packet each way */
    bool refused;              /* the last packet was not taken, for want of room */
    amble__ll_flight flight;
    uint8_t flight_size;
    amble__ll_control_pdu control[AMBLE__LL_CONTROL_QUEUE]; /* a ring */
    uint8_t control_first, control_count;
    amble__list acl;    /* amble__ll_acl packets to be sent */
    uint16_t completed; /* packets to report to the host */
    uint16_t at_host;   /* packets the host has not returned, under controller to host flow control */

    amble__ll_procedure procedure; /* under way, started here */
    unsigned wanted;               /* bit n: procedure n is to be started */
    unsigned for_host;             /* bit n: the host waits for the result of procedure n */
    uint8_t terminate_reason;      /* of our LL_TERMINATE_IND */
    uint8_t peer_reason;           /* of the peer's; not 0: the link ends when the acknowledgement is sent */
    bool version_sent, version_known;
    uint8_t peer_version;
    uint16_t peer_company, peer_subversion;
    amble__ll_data_length local, remote, effective;
} amble__ll_link;

/* What a new link needs to know. */
typedef struct {
    uint8_t role;
    amble__ll_address own, peer;
    const amble__ll_connect_data *data;
    bool channel_selection_2;
    uint64_t window_start_us; /* the transmit window begins */
} amble__ll_link_options;

/* --- link.c --- */
void amble__ll_link_init(amble__ll_link *link, amble__controller *controller, uint16_t handle);
bool amble__ll_link_available(const amble__controller *controller);
/* There is a slot. Tells the host. */
void amble__ll_link_open(amble__controller *controller, const amble__ll_link_options *options);
/* Tells the host. */
void amble__ll_link_close(amble__ll_link *link, uint8_t reason);
/* Without a word to anybody. */
void amble__ll_link_drop(amble__ll_link *link);
amble__ll_link *amble__ll_link_find(const amble__controller *controller, uint16_t handle);
amble__ll_link *amble__ll_link_find_peer(const amble__controller *controller, const amble__ll_address *peer);
/* The event is over: arms the next. */
void amble__ll_link_next_event(amble__ll_link *link);
/* There is something to send: no event is left out any more. */
void amble__ll_link_wake(amble__ll_link *link);
/* When this link's next event begins, while one is under way. */
uint64_t amble__ll_link_next_start(const amble__ll_link *link);
/* When the radio is next needed, for this link or any other of the controller's. */
uint64_t amble__ll_link_deadline(const amble__ll_link *link);
/* How long after a transmit window's earliest beginning a new central link best starts, in units of 1.25 ms below
 * `interval`. */
uint16_t amble__ll_link_place(const amble__controller *controller, uint64_t earliest_us, uint16_t interval);
/* How far the peer's packet may lie from the anchor. */
uint32_t amble__ll_link_widening(const amble__ll_link *link);

/* --- link_event.c --- */
extern const amble__ll_activity_events amble__ll_link_events;
void amble__ll_link_timer(amble__timer *timer);

/* --- link_data.c --- */
/* A packet of the host's. */
typedef struct {
    amble__list node;
    bool started; /* a fragment of it was acknowledged, or it continues an earlier packet */
    uint16_t size, sent;
    uint8_t *bytes; /* room for the buffer size that the host was told */
} amble__ll_acl;

void amble__ll_data_from_host(amble__controller *controller, const uint8_t *packet, size_t size);
/* False: there is no room at the host. */
bool amble__ll_data_to_host(amble__ll_link *link, bool start, const uint8_t *data, size_t size);
/* The first packet's next piece was acknowledged. */
void amble__ll_data_acknowledged(amble__ll_link *link, size_t size);
void amble__ll_data_report_completed(amble__ll_link *link);
void amble__ll_data_flush(amble__ll_link *link);

/* --- link_control.c --- */
/* False: no room for an answer, the peer must repeat it. The link may be closed afterwards. */
bool amble__ll_control_received(amble__ll_link *link, const uint8_t *pdu, size_t size);
/* The first control PDU of the queue was acknowledged. False: the link is closed now. */
bool amble__ll_control_acknowledged(amble__ll_link *link);
/* Notes that a procedure is to be started; amble__ll_control_next starts it when its turn has come. */
void amble__ll_control_want(amble__ll_link *link, amble__ll_procedure procedure, bool for_host);
void amble__ll_control_next(amble__ll_link *link);
void amble__ll_control_timer(amble__timer *timer);
#endif
