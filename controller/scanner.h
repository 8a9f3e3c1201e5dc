/* Passive and active scanning (Vol 6, Part B, 4.4.3). */
#ifndef AMBLE_CONTROLLER_SCANNER_H
#define AMBLE_CONTROLLER_SCANNER_H
#include "controller/pdu.h"
#include "controller/scan_window.h"

/* How many reports the duplicate filter remembers; after as many others a device is reported anew. */
#define AMBLE__LL_DUPLICATES 256

typedef struct {
    amble__ll_address address;
    uint8_t event_type;
} amble__ll_reported;

typedef struct {
    amble__ll_scan_window window;
    bool enabled;
    bool filter_duplicates;
    bool requesting; /* a SCAN_REQ is on its way or its answer awaited */
    /* as the host set them */
    uint8_t active;
    uint16_t interval, length; /* units of 0.625 ms */
    uint8_t own_address_type;
    uint8_t filter_policy;
    amble__ll_address own;
    amble__ll_address asked; /* whose scan response is awaited */
    /* backoff: 4.4.3.2 */
    uint16_t upper_limit;
    uint16_t backoff_count;
    uint8_t successes, failures;                       /* in a row */
    amble__ll_reported reported[AMBLE__LL_DUPLICATES]; /* a ring */
    uint16_t reported_count, reported_next;
} amble__ll_scanner;

void amble__ll_scanner_init(amble__ll_scanner *scanner, amble__controller *controller);
void amble__ll_scanner_stop(amble__ll_scanner *scanner);
#endif
