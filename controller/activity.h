/* How one radio is shared: each link, the advertiser, the scanner and the initiator is an activity, and one activity
 * at a time owns the radio.
 *
 * An activity claims the radio when its moment comes and yields it when its turn is over. A claim takes the radio from
 * a less urgent owner. Each claim or turn lost in a row makes the next claim more urgent, so of two that collide again
 * and again (at the same moment, even) neither starves, and a link that fills its whole interval lets the others in
 * once in a while. An activity that could use any moment (an open scan window) waits, and is offered the radio by the
 * next yield, first come, first served. */
#ifndef AMBLE_CONTROLLER_ACTIVITY_H
#define AMBLE_CONTROLLER_ACTIVITY_H
#include <stdbool.h>

#include "air/radio.h"
#include "controller/controller.h"
#include "core/list.h"

/* Turns lost in a row count up to AMBLE__LL_MISSED_MAX. Under a link that never stops sending, an advertiser gets its
 * turn after 8 lost ones and a scanner after 32, since each of them costs the link the rest of its interval; nobody is
 * lifted over a link's anchor but another link. */
#define AMBLE__LL_MISSED_MAX 32
typedef enum {
    AMBLE__LL_URGENCY_SCAN = 0,
    AMBLE__LL_URGENCY_FOLLOW = 16, /* an auxiliary packet that somebody announced */
    AMBLE__LL_URGENCY_ADVERTISE = 24,
    AMBLE__LL_URGENCY_AUXILIARY = 28,      /* a packet of our own that was announced */
    AMBLE__LL_URGENCY_LINK_CONTINUES = 31, /* a connection event after its first exchange */
    AMBLE__LL_URGENCY_LINK = 64,
} amble__ll_urgency;

typedef struct amble__ll_activity amble__ll_activity;
typedef struct {
    void (*received)(amble__ll_activity *activity, const amble__radio_packet *packet);
    void (*sent)(amble__ll_activity *activity);
    void (*silent)(amble__ll_activity *activity);
    void (*lost)(amble__ll_activity *activity);    /* the radio went to somebody more urgent */
    void (*offered)(amble__ll_activity *activity); /* it waited, and owns the radio now */
} amble__ll_activity_events;

struct amble__ll_activity {
    amble__controller *controller;
    const amble__ll_activity_events *events;
    amble__list waiting; /* for the radio to be free */
    amble__ll_urgency urgency;
    unsigned missed; /* claims and turns lost since the last turn */
    uint64_t won_us; /* when its last turn began, and with how many missed before */
    unsigned won_with;
};

void amble__ll_activity_init(amble__ll_activity *activity, amble__controller *controller,
                             const amble__ll_activity_events *events, amble__ll_urgency urgency);
/* True: the activity owns the radio now. */
bool amble__ll_claim(amble__ll_activity *activity);
/* The turn is over, or the wish for one: harmless for an activity that neither owns the radio nor waits. */
void amble__ll_yield(amble__ll_activity *activity);
/* Asks to be offered the radio once it is free. */
void amble__ll_wait(amble__ll_activity *activity);
bool amble__ll_owns_radio(const amble__ll_activity *activity);

extern const amble__radio_events amble__ll_radio_events;
#endif
