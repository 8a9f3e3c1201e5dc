/* `amble scan` inside: what it was asked, and its deed, which `amble shell` does, too. */
#ifndef AMBLE_CLI_SCAN_H
#define AMBLE_CLI_SCAN_H
#include "cli/command.h"
#include "cli/scan_seen.h"

typedef struct {
    amble_uuid service;
    const char *name;
    int ms;
    int8_t rssi;
    bool active, coded, watch, json;
    bool lines; /* no table, not even on a terminal */
} amble__scan_options;
enum { AMBLE__SCAN_OPTIONS = 8 };
extern const amble__option amble__scan_option_table[AMBLE__SCAN_OPTIONS];

/* Scans and shows; `list` has been emptied, and then holds who was seen. */
int amble__scan(amble *ble, const amble__scan_options *o, amble__seen_list *list) AMBLE_MUST_CHECK;
#endif
