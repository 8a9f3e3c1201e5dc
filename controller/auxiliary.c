/* The places of auxiliary packets: see auxiliary.h. */
#include "controller/auxiliary.h"

#include "controller/access_address.h"
#include "controller/state.h"

#define LINK_TURN_US   2500 /* how long a link is expected to use the radio */
#define PLACES_TRIED   16
#define OWN_PPM        50 /* AMBLE__LL_CLOCK_ACCURACY */
#define ACCURATE_PPM   50 /* of a sender whose CA says so */
#define WORST_PPM      500
#define REACH_US       (AMBLE__LL_OFFSET_MAX * AMBLE__LL_AUX_UNIT_US) /* with the finer units */
#define MILLION        1000000
#define DELAY_US       2500 /* transmitWindowDelay: 4.5.3 */
#define DELAY_CODED_US 3750

/* Whether a link's next event lies in the way; then `*later_us` is when it is probably over. */
static bool in_the_way(const amble__ll_link *link, uint64_t from_us, uint32_t duration_us, uint64_t *later_us)
{
    const uint64_t needs = link->event_timer.deadline_us;

    if (!link->open || !link->event_timer.armed || needs >= from_us + duration_us || needs + LINK_TURN_US <= from_us)
        return false;
    *later_us = needs + LINK_TURN_US;
    return true;
}

/* The same for the packet that another set has announced. */
static bool is_reserved(const amble__ll_advertiser *set, uint64_t from_us, uint32_t duration_us, uint64_t *later_us)
{
    const uint64_t at = set->in_event ? set->next.at_us : 0;
    const uint64_t end = at + (at ? amble__radio_air_time(set->next.phy, AMBLE__RADIO_PDU) : 0);

    if (!at || at >= from_us + duration_us || end <= from_us)
        return false;
    *later_us = end;
    return true;
}

static uint64_t free_moment(const amble__controller *controller, uint64_t from_us, uint32_t duration_us)
{
    for (unsigned tried = 0; tried < PLACES_TRIED; tried++) {
        const uint64_t before = from_us;

        for (unsigned i = 0; i < controller->options.links; i++)
            if (in_the_way(&controller->links[i], from_us, duration_us, &from_us))
                break;
        for (unsigned i = 0; i < controller->options.advertising_sets; i++)
            if (is_reserved(&controller->advertisers[i], from_us, duration_us, &from_us))
                break;
        if (from_us == before)
            break;
    }
    return from_us;
}

amble__ll_place amble__ll_place_auxiliary(const amble__controller *controller, amble__phy phy, uint64_t start_us,
                                          uint64_t end_us)
{
    const uint32_t longest = amble__radio_air_time(phy, AMBLE__RADIO_PDU);
    const uint64_t offset = free_moment(controller, end_us + AMBLE__LL_T_MAFS_US, longest) - start_us;
    const uint32_t unit = offset > REACH_US ? AMBLE__LL_AUX_UNIT_LONG_US : AMBLE__LL_AUX_UNIT_US;

    return (amble__ll_place){
        .at_us = start_us + (offset + unit - 1) / unit * unit,
        .channel = (uint8_t)amble__random_below(amble__air_random(controller->air), AMBLE__LL_DATA_CHANNELS),
        .phy = phy,
    };
}

amble__ll_aux_pointer amble__ll_point_to(const amble__ll_place *place, uint64_t start_us)
{
    return (amble__ll_aux_pointer){.channel = place->channel,
                                   .accurate = true,
                                   .offset_us = (uint32_t)(place->at_us - start_us),
                                   .phy = place->phy};
}

amble__ll_moment amble__ll_look_for(uint64_t start_us, uint32_t offset_us, uint32_t unit_us, unsigned ppm)
{
    const uint64_t widening = AMBLE__LL_JITTER_US + (uint64_t)offset_us * ppm / MILLION;

    return (amble__ll_moment){start_us + offset_us - widening, start_us + offset_us + unit_us + widening};
}

uint32_t amble__ll_transmit_delay(amble__phy phy) { return phy == AMBLE__PHY_CODED ? DELAY_CODED_US : DELAY_US; }

/* --- going there -------------------------------------------------------------------------------------------------- */

static void moment_has_come(amble__timer *timer)
{
    amble__ll_follower *f = amble__container(timer, amble__ll_follower, timer);

    if (amble__ll_claim(&f->activity))
        amble__radio_listen(&f->activity.controller->radio, f->channel, f->phy, f->access_address, f->until_us);
    else
        f->activity.events->lost(&f->activity);
}

void amble__ll_follower_init(amble__ll_follower *f, amble__controller *controller,
                             const amble__ll_activity_events *events)
{
    amble__ll_activity_init(&f->activity, controller, events, AMBLE__LL_URGENCY_FOLLOW);
    f->timer.fire = moment_has_come;
    f->access_address = AMBLE__LL_ADVERTISING_ACCESS_ADDRESS;
}

void amble__ll_follow_moment(amble__ll_follower *f, const amble__ll_moment *moment)
{
    f->until_us = moment->until_us;
    amble__air_arm(f->activity.controller->air, &f->timer, moment->from_us);
    amble__ll_yield(&f->activity);
}

void amble__ll_follow(amble__ll_follower *f, const amble__ll_aux_pointer *aux, uint64_t start_us)
{
    const unsigned drift = OWN_PPM + (aux->accurate ? ACCURATE_PPM : WORST_PPM);
    const amble__ll_moment moment = amble__ll_look_for(start_us, aux->offset_us, aux->unit_us, drift);

    f->channel = aux->channel;
    f->phy = aux->phy;
    amble__ll_follow_moment(f, &moment);
}

void amble__ll_follower_await(amble__ll_follower *f)
{
    amble__controller *controller = f->activity.controller;

    amble__radio_listen(&controller->radio, f->channel, f->phy, f->access_address,
                        amble__air_now(controller->air) + AMBLE__LL_T_IFS_US + AMBLE__LL_JITTER_US);
}

void amble__ll_follower_stop(amble__ll_follower *f)
{
    amble__air_disarm(f->activity.controller->air, &f->timer);
    amble__ll_yield(&f->activity);
}
