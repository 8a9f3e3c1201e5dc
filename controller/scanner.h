/* Passive and active scanning (Vol 6, Part B, 4.4.3), for legacy and extended advertising.
 *
 * Everything heard becomes a `heard`, whatever PDUs it came in: filtered, looked up among the duplicates, and reported
 * in the form that goes with the commands the host uses. An ADV_EXT_IND takes one of a few slots, which follows it to
 * its auxiliary packets and puts their data together. */
#ifndef AMBLE_CONTROLLER_SCANNER_H
#define AMBLE_CONTROLLER_SCANNER_H
#include "controller/advertiser.h"
#include "controller/auxiliary.h"
#include "controller/pdu.h"
#include "controller/scan_window.h"

/* How many reports the duplicate filter remembers; after as many others a device is reported anew. */
#define AMBLE__LL_DUPLICATES 256
/* How many advertisers are followed to their auxiliary packets at a time. */
#define AMBLE__LL_AUX_SCANS 4

/* Bits of Event_Type beyond those of Advertising_Event_Properties (Vol 4, Part E, 7.7.65.13). */
#define AMBLE__LL_SCAN_RESPONSE 0x08

#define AMBLE__LL_ANONYMOUS_ADDRESS 0xFF /* address types of a report */
#define AMBLE__LL_UNRESOLVED        0xFE
#define AMBLE__LL_RESOLVED          0x02
#define AMBLE__LL_NO_SID            0xFF
#define AMBLE__LL_NO_POWER          0x7F

/* An advertisement or scan response. */
typedef struct {
    unsigned event_type; /* AMBLE__LL_CONNECTABLE and so on */
    amble__ll_address sender;
    bool resolved;                         /* it stands for a private address */
    amble__ll_address target;              /* of directed advertising; of the type that a report gives it */
    amble__phy primary_phy, secondary_phy; /* secondary 0: none */
    uint8_t set_identifier;
    uint16_t data_identifier;
    int8_t power, rssi;
    uint16_t periodic_interval;
} amble__ll_heard;

typedef struct {
    amble__ll_address address;
    uint8_t event_type;
    uint16_t data_identifier;
    uint8_t set_identifier;
} amble__ll_reported;

/* An advertiser that is followed. */
typedef struct {
    amble__ll_follower follower;
    bool busy;
    enum { AMBLE__LL_AWAITS_ADVERTISING, AMBLE__LL_AWAITS_RESPONSE, AMBLE__LL_AWAITS_CHAIN } awaits;
    bool has_identifiers;    /* ADI was in ADV_EXT_IND */
    amble__ll_address asked; /* whom the scan request went to */
    amble__ll_heard heard;
    uint16_t size;
    uint8_t data[AMBLE__LL_EXTENDED_DATA];
} amble__ll_aux_scan;

/* Scanning on one primary PHY. */
typedef struct {
    amble__ll_scan_window window;
    bool wanted, active;
    uint16_t interval, length; /* units of 0.625 ms */
} amble__ll_scan_phy;
enum { AMBLE__LL_SCAN_1M, AMBLE__LL_SCAN_CODED, AMBLE__LL_SCAN_PHYS };

typedef struct {
    amble__ll_scan_phy phys[AMBLE__LL_SCAN_PHYS];
    amble__timer duration_timer;
    bool enabled;
    bool extended;   /* the commands, and so the reports */
    bool requesting; /* a SCAN_REQ is on its way or its answer awaited */
    /* as the host set them */
    uint8_t own_address_type;
    uint8_t filter_policy;
    uint8_t filter_duplicates; /* 2: until the next period */
    uint64_t duration_us, period_us;
    bool pausing; /* until the next period */
    amble__ll_address own;
    amble__ll_address asked; /* whose scan response is awaited, and what it answers with */
    amble__ll_heard asked_as;
    /* backoff: 4.4.3.2 */
    uint16_t upper_limit;
    uint16_t backoff_count;
    uint8_t successes, failures; /* in a row */
    uint16_t reported_count, reported_next;
    amble__ll_reported reported[AMBLE__LL_DUPLICATES]; /* a ring */
    amble__ll_aux_scan aux[AMBLE__LL_AUX_SCANS];
} amble__ll_scanner;

void amble__ll_scanner_init(amble__ll_scanner *scanner, amble__controller *controller);
void amble__ll_scanner_start(amble__ll_scanner *scanner);
void amble__ll_scanner_stop(amble__ll_scanner *scanner);

/* --- between the files of the scanner ----------------------------------------------------------------------------- */
/* Whether the filters let it through; then private addresses in it have become identities, where they resolve. */
bool amble__ll_scan_passes(amble__ll_scanner *scanner, amble__ll_heard *heard);
/* The address to ask for its scan response with. */
amble__ll_address amble__ll_scan_own(amble__ll_scanner *scanner, const amble__ll_heard *heard);
void amble__ll_scan_report(amble__ll_scanner *scanner, const amble__ll_heard *heard, amble__bytes data, bool truncated);
/* Whether the scanner, at this opportunity, asks for a scan response (4.4.3.2). */
bool amble__ll_scan_asks(amble__ll_scanner *scanner, const amble__ll_heard *heard);
void amble__ll_scan_asked(amble__ll_scanner *scanner, bool answered);
/* An ADV_EXT_IND was heard. */
void amble__ll_aux_scan_begin(amble__ll_scanner *scanner, const amble__ll_extended_pdu *pdu,
                              const amble__radio_packet *packet);
void amble__ll_aux_scan_init(amble__ll_aux_scan *slot, amble__controller *controller);
#endif
