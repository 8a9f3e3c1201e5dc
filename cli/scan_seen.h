/* The devices that a scan has seen, with what only several advertisements tell: how often a device advertises. */
#ifndef AMBLE_CLI_SCAN_SEEN_H
#define AMBLE_CLI_SCAN_SEEN_H
#include "amble/gap.h"
#include "cli/advertised.h"

enum { AMBLE__SEEN_DEVICES = 256, AMBLE__SEEN_GAPS = 16, AMBLE__SEEN_DATA = 1650 };

typedef struct {
    amble_scan_result result; /* its data is `data` */
    uint8_t data[AMBLE__SEEN_DATA];
    uint32_t count; /* of advertisements */
    uint32_t gaps_us[AMBLE__SEEN_GAPS];
    uint32_t gaps; /* how many there were; the last ones are kept */
} amble__seen;

typedef struct {
    amble__seen devices[AMBLE__SEEN_DEVICES];
    size_t count;
} amble__seen_list;

/* Takes a result in; each advertising set of a device is an entry of its own. Returns it, and whether its data is new;
 * when the list is full the device seen longest ago makes room. */
amble__seen *amble__seen_add(amble__seen_list *list, const amble_scan_result *result, bool *is_new);
/* The advertising interval in milliseconds as the gaps have it, 0 while there are too few. A gap over several events
 * that were not heard counts as several; what a controller adds to each event at random is taken off. */
unsigned amble__seen_interval(const amble__seen *seen);

/* The table of a terminal: draws it over the one drawn before, `drawn` lines high. Returns how many lines it has
 * now. */
int amble__seen_draw(const amble__seen_list *list, int drawn);
#endif
