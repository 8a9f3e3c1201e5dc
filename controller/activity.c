/* Sharing the radio: see activity.h. Invariants: `current` is the owner or NULL, and with no owner the radio is idle;
 * the owner is not in the list of those that wait. */
#include "controller/activity.h"

#include "controller/state.h"

void amble__ll_activity_init(amble__ll_activity *activity, amble__controller *controller,
                             const amble__ll_activity_events *events, amble__ll_urgency urgency)
{
    activity->controller = controller;
    activity->events = events;
    activity->urgency = urgency;
    activity->missed = activity->won_with = 0;
    activity->won_us = 0;
    amble__list_init(&activity->waiting);
}

static void miss(amble__ll_activity *activity)
{
    if (activity->missed < AMBLE__LL_MISSED_MAX)
        activity->missed++;
}

/* What a claim has to exceed. Who has just won is as strong as it was when it claimed, or of two that claim at the
 * same moment the second would always undo the first. */
static unsigned strength(const amble__ll_activity *owner)
{
    const bool just_won = owner->won_us == amble__air_now(owner->controller->air);

    return (unsigned)owner->urgency + (just_won ? owner->won_with : 0);
}

static void win(amble__ll_activity *activity)
{
    activity->won_us = amble__air_now(activity->controller->air);
    activity->won_with = activity->missed;
    activity->missed = 0;
    activity->controller->current = activity;
}

bool amble__ll_claim(amble__ll_activity *activity)
{
    amble__controller *controller = activity->controller;
    amble__ll_activity *owner = controller->current;

    if (owner && owner != activity) {
        if ((unsigned)activity->urgency + activity->missed <= strength(owner)) {
            miss(activity);
            return false;
        }
        amble__radio_idle(&controller->radio);
        controller->current = NULL;
        miss(owner);
        owner->events->lost(owner);
    }
    amble__list_remove(&activity->waiting);
    win(activity);
    return true;
}

void amble__ll_yield(amble__ll_activity *activity)
{
    amble__controller *controller = activity->controller;
    amble__list *node;

    amble__list_remove(&activity->waiting);
    if (controller->current != activity)
        return;
    amble__radio_idle(&controller->radio);
    controller->current = NULL;
    node = amble__list_take(&controller->waiting);
    if (node) {
        amble__ll_activity *next = amble__container(node, amble__ll_activity, waiting);

        win(next);
        next->events->offered(next);
    }
}

void amble__ll_wait(amble__ll_activity *activity)
{
    if (!amble__list_linked(&activity->waiting))
        amble__list_append(&activity->controller->waiting, &activity->waiting);
}

bool amble__ll_owns_radio(const amble__ll_activity *activity) { return activity->controller->current == activity; }

/* --- the radio's events go to the owner --------------------------------------------------------------------------- */

static amble__ll_activity *owner_of(amble__radio *radio)
{
    return amble__container(radio, amble__controller, radio)->current;
}

static void received(amble__radio *radio, const amble__radio_packet *packet)
{
    amble__ll_activity *owner = owner_of(radio);
    owner->events->received(owner, packet);
}

static void sent(amble__radio *radio)
{
    amble__ll_activity *owner = owner_of(radio);
    owner->events->sent(owner);
}

static void silent(amble__radio *radio)
{
    amble__ll_activity *owner = owner_of(radio);
    owner->events->silent(owner);
}

const amble__radio_events amble__ll_radio_events = {received, sent, silent};
