/* The life of a link and its clock: see link.h.
 *
 * A link exists from CONNECT_IND on. Its events follow each other by the interval; the central's clock counts, the
 * peripheral corrects its own by every packet it hears and listens the longer around the anchor the longer it heard
 * none. Invariant: while a link is open, its event timer is armed, or its event is under way and the radio is its
 * own. */
#include "controller/link.h"

#include "controller/hci_codes.h"
#include "controller/hci_events.h"

#define ESTABLISH_INTERVALS 6  /* Vol 6, Part B, 4.5 */
#define OWN_CLOCK_PPM       50 /* AMBLE__LL_CLOCK_ACCURACY */
#define WIDENING_US         16 /* the constant part: 4.5.7 */
#define MILLION             1000000

void amble__ll_link_init(amble__ll_link *link, amble__controller *controller, uint16_t handle)
{
    amble__ll_activity_init(&link->activity, controller, &amble__ll_link_events, AMBLE__LL_URGENCY_LINK);
    link->handle = handle;
    link->open = false;
    amble__list_init(&link->acl);
}

/* --- finding one -------------------------------------------------------------------------------------------------- */

bool amble__ll_link_available(const amble__controller *controller)
{
    for (unsigned i = 0; i < controller->options.links; i++)
        if (!controller->links[i].open)
            return true;
    return false;
}

bool amble__ll_link_any(const amble__controller *controller)
{
    for (unsigned i = 0; i < controller->options.links; i++)
        if (controller->links[i].open)
            return true;
    return false;
}

amble__ll_link *amble__ll_link_find(const amble__controller *controller, uint16_t handle)
{
    for (unsigned i = 0; i < controller->options.links; i++)
        if (controller->links[i].open && controller->links[i].handle == handle)
            return &controller->links[i];
    return NULL;
}

amble__ll_link *amble__ll_link_find_peer(const amble__controller *controller, const amble__ll_address *peer)
{
    for (unsigned i = 0; i < controller->options.links; i++)
        if (controller->links[i].open && amble__ll_address_equal(&controller->links[i].peer, peer))
            return &controller->links[i];
    return NULL;
}

/* --- the clock ---------------------------------------------------------------------------------------------------- */

/* Sleep clock accuracies in ppm, by their code (2.3.3.1). */
unsigned amble__ll_clock_ppm(uint8_t code)
{
    static const uint16_t ppm[] = {500, 250, 150, 100, 75, 50, 30, 20};
    return ppm[code & 7];
}

/* How far the clocks may have drifted apart between the last anchor and `at_us` (4.5.7). */
static uint32_t widening_at(const amble__ll_link *link, uint64_t at_us)
{
    const uint32_t most = link->interval_us / 2 - AMBLE__LL_T_IFS_US;
    uint64_t drift;

    if (link->role == AMBLE__LL_CENTRAL)
        return 0;
    drift = (at_us - link->last_anchor_us) * (amble__ll_clock_ppm(link->peer_clock_accuracy) + OWN_CLOCK_PPM) / MILLION;
    return drift + WIDENING_US < most ? (uint32_t)drift + WIDENING_US : most;
}

uint32_t amble__ll_link_widening(const amble__ll_link *link) { return widening_at(link, link->anchor_us); }

static void arm_event(amble__ll_link *link)
{
    amble__air_arm(link->activity.controller->air, &link->event_timer, link->anchor_us - amble__ll_link_widening(link));
}

/* Peripheral latency: a peripheral that heard its central, has nothing to say and expects nothing may leave events out
 * (4.5.1). */
static bool may_skip(const amble__ll_link *link)
{
    return link->role == AMBLE__LL_PERIPHERAL && link->last_anchor_us == link->anchor_us && !link->control_count &&
           link->procedure == AMBLE__LL_PROCEDURE_NONE && link->peer_procedure == AMBLE__LL_PROCEDURE_NONE &&
           link->change.kind == AMBLE__LL_PROCEDURE_NONE && !link->encryption.step && !link->peer_reason &&
           amble__list_empty(&link->acl);
}

void amble__ll_link_next_event(amble__ll_link *link)
{
    link->skipped = may_skip(link) ? link->latency : 0;
    link->events += 1u + link->skipped;
    link->anchor_us += (1 + (uint64_t)link->skipped) * link->interval_us;
    amble__ll_change_due(link);
    arm_event(link);
}

void amble__ll_link_wake(amble__ll_link *link)
{
    const uint64_t now = amble__air_now(link->activity.controller->air);

    if (link->in_event || !link->skipped)
        return;
    while (link->skipped && link->anchor_us - link->interval_us - amble__ll_link_widening(link) > now) {
        link->skipped--;
        link->events--;
        link->anchor_us -= link->interval_us;
    }
    arm_event(link);
}

uint64_t amble__ll_link_next_start(const amble__ll_link *link)
{
    const uint64_t anchor = link->anchor_us + link->interval_us;
    return anchor - widening_at(link, anchor);
}

uint64_t amble__ll_link_deadline(const amble__ll_link *link)
{
    const amble__controller *controller = link->activity.controller;
    uint64_t deadline = amble__ll_link_next_start(link);

    for (unsigned i = 0; i < controller->options.links; i++) {
        const amble__ll_link *other = &controller->links[i];

        if (other != link && other->event_timer.armed && other->event_timer.deadline_us < deadline)
            deadline = other->event_timer.deadline_us;
    }
    return deadline;
}

/* --- where to put a new central link ------------------------------------------------------------------------------ */

static uint32_t greatest_common_divisor(uint32_t a, uint32_t b)
{
    while (b) {
        const uint32_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

/* The closest that events at `anchor_us`, repeated each `interval_us`, ever come to an event of `other`. */
static uint32_t distance(const amble__ll_link *other, uint64_t anchor_us, uint32_t interval_us)
{
    const uint32_t period = greatest_common_divisor(interval_us, other->interval_us);
    const uint64_t gap = anchor_us > other->anchor_us ? anchor_us - other->anchor_us : other->anchor_us - anchor_us;
    const uint32_t phase = (uint32_t)(gap % period);

    return phase < period - phase ? phase : period - phase;
}

/* How near the events of a link placed at `anchor_us` would come to those of any other than `self`. */
static uint32_t nearest(const amble__controller *controller, const amble__ll_link *self, uint64_t anchor_us,
                        uint32_t interval_us)
{
    uint32_t least = interval_us;

    for (unsigned i = 0; i < controller->options.links; i++) {
        const amble__ll_link *other = &controller->links[i];
        const uint32_t apart = other->open && other != self ? distance(other, anchor_us, interval_us) : least;

        least = apart < least ? apart : least;
    }
    return least;
}

/* The first place that is as far from the others as an even spread would make it, or else the best there is: links
 * that have much to send share the time between their anchors. */
static uint16_t place(const amble__controller *controller, const amble__ll_link *self, uint64_t earliest_us,
                      uint16_t interval)
{
    const uint32_t interval_us = interval * (uint32_t)AMBLE__LL_UNIT_US;
    uint32_t wanted, best_distance = 0, links = 1;
    uint16_t best = 0;

    for (unsigned i = 0; i < controller->options.links; i++)
        links += controller->links[i].open && &controller->links[i] != self;
    wanted = interval_us / links;
    for (uint16_t offset = 0; offset < interval && best_distance < wanted; offset++) {
        const uint32_t apart =
            nearest(controller, self, earliest_us + offset * (uint64_t)AMBLE__LL_UNIT_US, interval_us);

        if (apart > best_distance) {
            best_distance = apart;
            best = offset;
        }
    }
    return best;
}

uint16_t amble__ll_link_place(const amble__controller *controller, uint64_t earliest_us, uint16_t interval)
{
    return place(controller, NULL, earliest_us, interval);
}

uint16_t amble__ll_link_place_again(const amble__ll_link *link, uint64_t earliest_us, uint16_t interval)
{
    return place(link->activity.controller, link, earliest_us, interval);
}

/* --- beginning and end -------------------------------------------------------------------------------------------- */

static uint32_t supervision_us(const amble__ll_link *link)
{
    return link->established ? link->timeout * (uint32_t)AMBLE__LL_TIMEOUT_UNIT_US
                             : ESTABLISH_INTERVALS * link->interval_us;
}

/* The timer is not moved with each packet: when it fires, it looks when the last one came. */
static void supervision_fired(amble__timer *timer)
{
    amble__ll_link *link = amble__container(timer, amble__ll_link, supervision_timer);
    amble__air *air = link->activity.controller->air;
    const uint64_t due = link->last_heard_us + supervision_us(link);

    if (due > amble__air_now(air))
        amble__air_arm(air, timer, due);
    else if (link->procedure == AMBLE__LL_PROCEDURE_TERMINATE)
        amble__ll_link_close(link, HC_TERMINATED_BY_LOCAL_HOST);
    else
        amble__ll_link_close(link, link->established ? HC_CONNECTION_TIMEOUT : HC_FAILED_TO_ESTABLISH);
}

void amble__ll_link_supervise(amble__ll_link *link, uint64_t from_us)
{
    link->last_heard_us = from_us;
    amble__air_arm(link->activity.controller->air, &link->supervision_timer, from_us + supervision_us(link));
}

static void note_private_addresses(amble__ll_link *link)
{
    amble__controller *controller = link->activity.controller;
    const amble__ll_address peer = link->peer;

    if (amble__ll_is_own_private(controller, &link->own))
        memcpy(link->own_private, link->own.value, AMBLE__LL_ADDRESS);
    if (amble__ll_identify(controller, &link->peer))
        memcpy(link->peer_private, peer.value, AMBLE__LL_ADDRESS);
}

static amble__ll_link *take_slot(amble__controller *controller)
{
    amble__ll_link *link;

    do {
        link = &controller->links[controller->next_link];
        controller->next_link = (uint8_t)((controller->next_link + 1u) % controller->options.links);
    } while (link->open);
    return link;
}

void amble__ll_link_open(amble__controller *controller, const amble__ll_link_options *options)
{
    const amble__ll_connect_data *data = options->data;
    amble__ll_link *link = take_slot(controller);
    const uint16_t handle = link->handle;
    const uint64_t now = amble__air_now(controller->air);

    memset(link, 0, sizeof *link);
    amble__ll_link_init(link, controller, handle);
    link->open = true;
    link->role = options->role;
    link->own = options->own;
    link->peer = options->peer;
    note_private_addresses(link);
    link->access_address = data->access_address;
    link->channel_selection_2 = options->channel_selection_2;
    link->hop = data->hop;
    amble__ll_channels_set(&link->channels, data->channel_map);
    link->interval = data->interval;
    link->interval_us = data->interval * (uint32_t)AMBLE__LL_UNIT_US;
    link->latency = data->latency;
    link->timeout = data->timeout;
    link->peer_clock_accuracy = data->clock_accuracy;
    link->transmit_window_us = data->window_size * (uint32_t)AMBLE__LL_UNIT_US;
    link->procedure = AMBLE__LL_PROCEDURE_NONE;
    link->event_timer.fire = amble__ll_link_timer;
    link->supervision_timer.fire = supervision_fired;
    link->procedure_timer.fire = amble__ll_control_timer;
    link->peer_timer.fire = amble__ll_control_peer_timer;
    amble__ll_encryption_init(link);
    link->last_heard_us = link->last_anchor_us = now;
    link->anchor_us = options->window_start_us;
    link->peer_procedure = link->change.kind = AMBLE__LL_PROCEDURE_NONE;
    link->tx_phy = link->rx_phy = options->phy ? options->phy : AMBLE__PHY_1M;
    link->tx_phys = controller->tx_phys;
    link->rx_phys = controller->rx_phys;
    link->preferred_coding = AMBLE__PHY_CODED;
    link->transfer = controller->synchroniser.by_default;
    amble__ll_length_init(link);
    arm_event(link);
    amble__air_arm(controller->air, &link->supervision_timer, now + supervision_us(link));
    amble__hc_connection_complete(controller, link);
    amble__ll_control_next(link);
}

void amble__ll_link_drop(amble__ll_link *link)
{
    amble__air *air = link->activity.controller->air;

    if (!link->open)
        return;
    link->open = link->in_event = false;
    amble__air_disarm(air, &link->event_timer);
    amble__air_disarm(air, &link->supervision_timer);
    amble__air_disarm(air, &link->procedure_timer);
    amble__air_disarm(air, &link->peer_timer);
    amble__air_disarm(air, &link->authentication_timer);
    amble__ll_encryption_wipe(link);
    amble__ll_data_flush(link);
    amble__ll_yield(&link->activity);
}

void amble__ll_link_close(amble__ll_link *link, uint8_t reason)
{
    amble__ll_link_drop(link);
    amble__hc_disconnection_complete(link, reason);
}
