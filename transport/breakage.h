/* How a transport breaks: once, with a reason, and its owner is told between tasks, never from inside a call. */
#ifndef AMBLE_TRANSPORT_BREAKAGE_H
#define AMBLE_TRANSPORT_BREAKAGE_H
#include "task/scheduler.h"
#include "transport/transport.h"

typedef struct {
    amble__transport *transport;
    amble__work work;
    bool broken;
    char name[128];     /* for sentences */
    char reason[96];    /* why it is broken */
    const char *remedy; /* what to do next; constant */
} amble__breakage;

void amble__breakage_init(amble__breakage *breakage, amble__transport *transport, const char *name);
/* From now on it is broken; a second time changes nothing. Always AMBLE_ERR_CONTROLLER. */
int amble__break_off(amble__breakage *breakage, const char *reason, const char *remedy);
/* The transport closes: its owner hears nothing more from it. */
void amble__breakage_close(amble__breakage *breakage);
#endif
