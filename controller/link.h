/* Links: their life, their connection events, their data and their control procedures.
 *
 * A link is a slot of the controller's, taken at amble__ll_link_open and free again after amble__ll_link_close. link.c
 * keeps its life and its clock, link_event.c what happens in a connection event, link_data.c the host's packets,
 * link_control.c the LL control procedures, of which link_length.c, link_update.c, link_phy.c and link_encryption.c
 * each have a part. */
#ifndef AMBLE_CONTROLLER_LINK_H
#define AMBLE_CONTROLLER_LINK_H
#include "controller/activity.h"
#include "controller/channel_selection.h"
#include "controller/link_encryption.h"
#include "controller/pdu.h"
#include "controller/sync_transfer.h"
#include "core/list.h"
#include "core/timers.h"

#define AMBLE__LL_CENTRAL    0
#define AMBLE__LL_PERIPHERAL 1

/* Data PDUs (Vol 6, Part B, 2.4 and 4.5.10). */
#define AMBLE__LL_OCTETS_MIN 27
#define AMBLE__LL_OCTETS_MAX 251
#define AMBLE__LL_TIME_MIN   328
#define AMBLE__LL_TIME_CODED 2704  /* of the shortest data length on LE Coded with S=8 */
#define AMBLE__LL_TIME_MAX   17040 /* of the longest */

#define AMBLE__LL_TIMEOUT_UNIT_US 10000 /* of supervision, and of authenticated payloads */

/* The largest control PDU, opcode included. Every peer can receive 27 octets; the one that is longer goes to whoever
 * knows it. */
#define AMBLE__LL_CONTROL_SIZE  35
#define AMBLE__LL_CONTROL_QUEUE 6

typedef struct {
    uint8_t size;
    uint8_t bytes[AMBLE__LL_CONTROL_SIZE];
} amble__ll_control_pdu;

/* Procedures this side starts, in the order of their urgency. */
typedef enum {
    AMBLE__LL_PROCEDURE_TERMINATE,
    AMBLE__LL_PROCEDURE_ENCRYPTION,
    AMBLE__LL_PROCEDURE_VERSION,
    AMBLE__LL_PROCEDURE_FEATURES,
    AMBLE__LL_PROCEDURE_PARAMETERS,
    AMBLE__LL_PROCEDURE_PHY,
    AMBLE__LL_PROCEDURE_CHANNEL_MAP,
    AMBLE__LL_PROCEDURE_LENGTH,
    AMBLE__LL_PROCEDURE_PING,
    AMBLE__LL_PROCEDURES,
    AMBLE__LL_PROCEDURE_NONE = AMBLE__LL_PROCEDURES,
} amble__ll_procedure;

typedef struct {
    uint16_t tx_octets, tx_time, rx_octets, rx_time;
} amble__ll_data_length;

/* What a host or a peer asks of a link's parameters: units as in LE Connection Update. */
typedef struct {
    uint16_t interval_min, interval_max, latency, timeout;
} amble__ll_parameters;

/* A change that both sides make at the same connection event, the instant (5.1.1, 5.1.2, 5.1.10). */
typedef struct {
    amble__ll_procedure kind; /* PARAMETERS, CHANNEL_MAP or PHY; NONE: nothing is to change */
    uint64_t instant;         /* counts as amble__ll_link.events does */
    uint16_t window_size, window_offset, interval, latency, timeout;
    uint64_t channel_map;
    uint8_t tx_phy, rx_phy; /* numbers of HCI; 0: stays */
} amble__ll_change;

/* The PDU that waits for its acknowledgement. It stays the same until that comes. */
typedef enum {
    AMBLE__LL_FLIGHT_NONE,
    AMBLE__LL_FLIGHT_EMPTY,
    AMBLE__LL_FLIGHT_ENCRYPTION, /* a control PDU of its own */
    AMBLE__LL_FLIGHT_CONTROL,
    AMBLE__LL_FLIGHT_DATA
} amble__ll_flight;

struct amble__ll_link {
    amble__ll_activity activity;
    amble__timer event_timer; /* the next event, or the next packet of the one under way */
    amble__timer supervision_timer;
    amble__timer procedure_timer; /* the procedure under way, or our LL_TERMINATE_IND, is answered until then */
    amble__timer peer_timer;      /* the same for the peer's procedure */
    amble__timer authentication_timer;
    amble__ll_encryption encryption;
    bool open;
    bool established; /* a packet of the peer's has come */
    bool in_event;
    uint8_t role;
    uint16_t handle;
    amble__ll_address own, peer; /* the peer's identity, where it has a private address */
    uint8_t own_private[AMBLE__LL_ADDRESS], peer_private[AMBLE__LL_ADDRESS]; /* as used on the air; zero: none */
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
    uint64_t peer_features;
    amble__ll_change change;
    int8_t rssi;

    uint8_t sn, nesn;
    bool sent_more, peer_more; /* MD of the last packet each way */
    bool refused;              /* the last packet was not taken, for want of room */
    amble__ll_flight flight;
    uint8_t flight_size; /* of the payload, without MIC */
    bool flight_sealed;
    amble__ll_control_pdu control[AMBLE__LL_CONTROL_QUEUE]; /* a ring */
    uint8_t control_first, control_count;
    amble__list acl;    /* amble__ll_acl packets to be sent */
    uint16_t completed; /* packets to report to the host */
    uint16_t at_host;   /* packets the host has not returned, under controller to host flow control */

    amble__ll_procedure procedure;      /* under way, started here */
    amble__ll_procedure peer_procedure; /* PARAMETERS, PHY or ENCRYPTION, started by the peer and not over */
    amble__phy tx_phy, rx_phy;          /* tx_phy says the coding too */
    amble__phy heard_phy;               /* of the last packet, with the coding the peer chose; 0: none yet */
    amble__phy preferred_coding;        /* for LE Coded */
    unsigned wanted;                    /* bit n: procedure n is to be started */
    unsigned for_host;                  /* bit n: the host waits for the result of procedure n */
    uint8_t terminate_reason;           /* of our LL_TERMINATE_IND */
    uint8_t peer_reason;                /* of the peer's; not 0: the link ends when the acknowledgement is sent */
    bool version_sent, version_known;
    uint8_t peer_version;
    uint16_t peer_company, peer_subversion;
    bool features_known;
    uint8_t repetitions; /* of a procedure that met one of the peer's */

    bool host_thinks;          /* about what the peer asked for */
    uint8_t channels_at_least; /* by the peer's LL_MIN_USED_CHANNELS_IND */
    amble__ll_transfer_wishes transfer;
    uint8_t tx_phys, rx_phys;  /* what our host allows: bit n is PHY n + 1 */
    amble__ll_parameters wish; /* of our host's, for the procedure to come or under way */
    amble__ll_data_length local, remote, effective;
};

/* What a new link needs to know. */
typedef struct {
    uint8_t role;
    amble__ll_address own, peer; /* as on the air; a private address of the peer's that resolves is its identity */
    const amble__ll_connect_data *data;
    bool channel_selection_2;
    uint64_t window_start_us; /* the transmit window begins */
    amble__phy phy;           /* 0: LE 1M */
} amble__ll_link_options;

/* --- link.c --- */
/* What a sleep clock accuracy of the air interface means, in parts per million. */
unsigned amble__ll_clock_ppm(uint8_t code);
void amble__ll_link_init(amble__ll_link *link, amble__controller *controller, uint16_t handle);
bool amble__ll_link_available(const amble__controller *controller);
bool amble__ll_link_any(const amble__controller *controller);
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
/* The same for a link that is to be moved. */
uint16_t amble__ll_link_place_again(const amble__ll_link *link, uint64_t earliest_us, uint16_t interval);
/* A new supervision timeout holds from `from_us` on. */
void amble__ll_link_supervise(amble__ll_link *link, uint64_t from_us);
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
bool amble__ll_control_is_terminate(const amble__ll_control_pdu *pdu);
/* The first control PDU of the queue was acknowledged. False: the link is closed now. */
bool amble__ll_control_acknowledged(amble__ll_link *link);
/* Whether a procedure of this link's is to be started or under way, for the host. */
bool amble__ll_control_wanted(const amble__ll_link *link, amble__ll_procedure procedure);
/* Notes that a procedure is to be started; amble__ll_control_next starts it when its turn has come. */
void amble__ll_control_want(amble__ll_link *link, amble__ll_procedure procedure, bool for_host);
void amble__ll_control_next(amble__ll_link *link);
void amble__ll_control_timer(amble__timer *timer);
void amble__ll_control_peer_timer(amble__timer *timer);

/* --- link_length.c --- */
void amble__ll_length_init(amble__ll_link *link);
/* Reckons the effective lengths anew, and tells the host if they changed. */
void amble__ll_length_update(amble__ll_link *link);
/* The longest payload that may be sent now, and the longest to reckon with in answer. */
size_t amble__ll_length_to_send(const amble__ll_link *link);
size_t amble__ll_length_to_expect(const amble__ll_link *link);

/* --- link_update.c --- */
/* The next event is chosen: makes the change whose instant has come. */
void amble__ll_change_due(amble__ll_link *link);
#endif
