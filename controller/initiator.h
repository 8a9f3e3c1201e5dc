/* Initiating: waiting for a connectable advertiser and sending it CONNECT_IND (Vol 6, Part B, 4.4.4). */
#ifndef AMBLE_CONTROLLER_INITIATOR_H
#define AMBLE_CONTROLLER_INITIATOR_H
#include "controller/pdu.h"
#include "controller/scan_window.h"

typedef struct {
    amble__ll_scan_window window;
    bool active;
    bool connecting; /* CONNECT_IND is on its way */
    bool use_accept_list;
    amble__ll_address peer; /* whom to connect to, or whom CONNECT_IND goes to */
    amble__ll_address own;
    uint16_t interval, latency, timeout;
    /* the link to be */
    amble__ll_connect_data link;
    bool channel_selection_2;
} amble__ll_initiator;

void amble__ll_initiator_init(amble__ll_initiator *initiator, amble__controller *controller);
void amble__ll_initiator_stop(amble__ll_initiator *initiator);
#endif
