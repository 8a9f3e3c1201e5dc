/* Initiating: waiting for a connectable advertiser and sending it CONNECT_IND, or AUX_CONNECT_REQ on its secondary
 * channel (Vol 6, Part B, 4.4.4). */
#ifndef AMBLE_CONTROLLER_INITIATOR_H
#define AMBLE_CONTROLLER_INITIATOR_H
#include "controller/auxiliary.h"
#include "controller/pdu.h"
#include "controller/scan_window.h"

/* Where it listens: on LE 1M, on LE Coded, or both. */
typedef struct {
    amble__ll_scan_window window;
    bool wanted;
    uint16_t interval, length; /* units of 0.625 ms */
} amble__ll_initiator_phy;
enum { AMBLE__LL_INITIATE_1M, AMBLE__LL_INITIATE_CODED, AMBLE__LL_INITIATE_PHYS };

/* How a link on one PHY is to run. */
typedef struct {
    bool given;
    uint16_t interval, latency, timeout;
} amble__ll_link_wishes;

typedef struct {
    amble__ll_initiator_phy phys[AMBLE__LL_INITIATE_PHYS];
    amble__ll_follower follower; /* to AUX_ADV_IND, and there until AUX_CONNECT_RSP */
    bool following;
    bool active;
    bool extended;   /* the commands */
    bool connecting; /* a connection request is on its way, or its answer awaited */
    bool use_accept_list;
    uint8_t own_address_type;
    amble__ll_address peer;                         /* whom to connect to */
    amble__ll_address answerer;                     /* whom the request goes to */
    amble__ll_address plain;                        /* our own address, without privacy */
    amble__ll_address own;                          /* what the request comes from */
    amble__ll_link_wishes wishes[AMBLE__PHY_CODED]; /* of PHY n + 1 */
    /* the link to be */
    amble__ll_connect_data link;
    amble__phy phy;
    bool channel_selection_2;
    uint64_t window_us; /* where its transmit window begins */
} amble__ll_initiator;

void amble__ll_initiator_init(amble__ll_initiator *initiator, amble__controller *controller);
void amble__ll_initiator_start(amble__ll_initiator *initiator);
void amble__ll_initiator_stop(amble__ll_initiator *initiator);
#endif
