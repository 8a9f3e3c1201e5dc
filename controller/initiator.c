/* Initiating: see initiator.h. The link exists from the last bit of CONNECT_IND on, or of the AUX_CONNECT_RSP that
 * answers AUX_CONNECT_REQ; until then a cancel leaves nothing behind. */
#include "controller/initiator.h"

#include "controller/access_address.h"
#include "controller/state.h"

#define WINDOW_SIZE      2 /* 2.5 ms: room for a peripheral whose clock is off */
#define HOP_MIN          5
#define HOPS             12
#define CONNECT_IND_SIZE (AMBLE__LL_HEADER + 2 * AMBLE__LL_ADDRESS + AMBLE__LL_CONNECT_DATA)

static amble__ll_initiator *initiator_of(const amble__ll_activity *activity)
{
    return &activity->controller->initiator;
}

static amble__controller *controller_of(const amble__ll_initiator *i) { return i->follower.activity.controller; }

/* --- whom to connect to ------------------------------------------------------------------------------------------- */

/* `target` NULL: the advertising was not directed. */
static bool wants(const amble__ll_initiator *i, const amble__ll_address *advertiser, const amble__ll_address *target)
{
    amble__controller *controller = controller_of(i);
    amble__ll_address identity = *advertiser;

    if (target && !amble__ll_address_equal(target, &i->plain) && !amble__ll_is_own_private(controller, target))
        return false;
    if (amble__ll_is_betrayed(controller, advertiser))
        return false;
    amble__ll_identify(controller, &identity);
    if (!amble__ll_link_available(controller) || amble__ll_link_find_peer(controller, &identity))
        return false;
    if (i->use_accept_list)
        return amble__ll_accept_list_has(&controller->accept_list, &identity);
    return amble__ll_address_equal(&identity, &i->peer) || amble__ll_address_equal(advertiser, &i->peer);
}

/* The address to connect with. */
static amble__ll_address own_towards(const amble__ll_initiator *i, const amble__ll_address *advertiser)
{
    amble__controller *controller = controller_of(i);
    amble__ll_address identity = *advertiser, own = i->plain;

    amble__ll_identify(controller, &identity);
    amble__ll_own_private(controller, i->own_address_type, &identity, &own);
    return own;
}

/* The wishes for links on this PHY, or for the first there are wishes for. */
static const amble__ll_link_wishes *wishes_for(const amble__ll_initiator *i, amble__phy phy)
{
    const amble__ll_link_wishes *wishes = &i->wishes[phy - 1];

    for (unsigned k = 0; !wishes->given && k < AMBLE__PHY_CODED; k++)
        wishes = &i->wishes[k];
    return wishes;
}

static void prepare_link(amble__ll_initiator *i, uint64_t earliest_us)
{
    const amble__controller *controller = controller_of(i);
    const amble__ll_link_wishes *wishes = wishes_for(i, i->phy);
    amble__random *random = amble__air_random(controller->air);

    i->link = (amble__ll_connect_data){
        .access_address = amble__ll_access_address_random(random),
        .crc_init = amble__random_below(random, 1u << 24),
        .window_size = WINDOW_SIZE,
        .window_offset = amble__ll_link_place(controller, earliest_us, wishes->interval),
        .interval = wishes->interval,
        .latency = wishes->latency,
        .timeout = wishes->timeout,
        .channel_map = controller->channel_map,
        .hop = (uint8_t)(HOP_MIN + amble__random_below(random, HOPS)),
        .clock_accuracy = AMBLE__LL_CLOCK_ACCURACY,
    };
    i->window_us = earliest_us + i->link.window_offset * (uint64_t)AMBLE__LL_UNIT_US;
}

/* CONNECT_IND and AUX_CONNECT_REQ are the same bits. */
static void request(amble__ll_initiator *i, const amble__ll_address *advertiser, const amble__radio_packet *packet,
                    uint32_t transmit_delay_us)
{
    const uint64_t start = packet->end_us + AMBLE__LL_T_IFS_US;
    uint8_t data[AMBLE__LL_CONNECT_DATA], bytes[AMBLE__LL_LEGACY_PDU];
    amble__ll_advertising_pdu pdu;
    size_t size;

    i->connecting = true;
    i->answerer = *advertiser;
    i->own = own_towards(i, advertiser);
    i->phy = packet->phy;
    prepare_link(i, start + amble__radio_air_time(packet->phy, CONNECT_IND_SIZE) + transmit_delay_us);
    amble__ll_connect_data_encode(&i->link, data);
    pdu = (amble__ll_advertising_pdu){
        .type = AMBLE__LL_CONNECT_IND,
        .channel_selection_2 = i->channel_selection_2,
        .sender = i->own,
        .target = *advertiser,
        .data = {data, sizeof data},
    };
    size = amble__ll_advertising_pdu_encode(&pdu, bytes);
    amble__radio_send(&controller_of(i)->radio, packet->channel, packet->phy, AMBLE__LL_ADVERTISING_ACCESS_ADDRESS,
                      bytes, size, start);
}

static void open_link(amble__ll_initiator *i)
{
    const amble__ll_link_options options = {
        .role = AMBLE__LL_CENTRAL,
        .own = i->own,
        .peer = i->answerer,
        .data = &i->link,
        .channel_selection_2 = i->channel_selection_2,
        .window_start_us = i->window_us,
        .phy = i->phy,
    };

    amble__ll_initiator_stop(i);
    amble__ll_link_open(controller_of(i), &options);
}

/* --- on the advertising channels ---------------------------------------------------------------------------------- */

static amble__ll_scan_window *window_of(amble__ll_activity *activity)
{
    return amble__container(activity, amble__ll_scan_window, activity);
}

static void take_extended(amble__ll_initiator *i, const amble__radio_packet *packet)
{
    amble__ll_extended_pdu pdu;

    if (i->following || !amble__ll_extended_pdu_decode(&pdu, packet->pdu, packet->size) ||
        pdu.mode != AMBLE__LL_MODE_CONNECTABLE || !(pdu.has & AMBLE__LL_HAS_AUX) || !pdu.aux.offset_us)
        return;
    i->following = true;
    amble__ll_follow(&i->follower, &pdu.aux, packet->start_us);
}

static void received(amble__ll_activity *activity, const amble__radio_packet *packet)
{
    amble__ll_initiator *i = initiator_of(activity);
    amble__ll_advertising_pdu pdu;

    if (!amble__ll_advertising_pdu_decode(&pdu, packet->pdu, packet->size)) {
        if (i->extended)
            take_extended(i, packet);
        return;
    }
    if ((pdu.type != AMBLE__LL_ADV_IND && pdu.type != AMBLE__LL_ADV_DIRECT_IND) ||
        !wants(i, &pdu.sender, pdu.type == AMBLE__LL_ADV_DIRECT_IND ? &pdu.target : NULL))
        return;
    i->channel_selection_2 =
        pdu.channel_selection_2 && (amble__ll_features(activity->controller) & AMBLE__LL_FEATURE_CHANNEL_SELECTION_2);
    request(i, &pdu.sender, packet, AMBLE__LL_TRANSMIT_DELAY_US);
}

static void sent(amble__ll_activity *activity) { open_link(initiator_of(activity)); }
static void silent(amble__ll_activity *activity) { amble__ll_scan_window_listen(window_of(activity)); }

static void lost(amble__ll_activity *activity)
{
    initiator_of(activity)->connecting = false;
    amble__ll_scan_window_lost(activity);
}

static const amble__ll_activity_events window_events = {received, sent, silent, lost, amble__ll_scan_window_offered};

/* --- on a secondary channel --------------------------------------------------------------------------------------- */

static void give_up(amble__ll_initiator *i)
{
    i->connecting = i->following = false;
    amble__ll_follower_stop(&i->follower);
}

static bool is_answer(const amble__ll_initiator *i, const amble__ll_extended_pdu *pdu)
{
    return pdu->type == AMBLE__LL_AUX_CONNECT_RSP && (pdu->has & AMBLE__LL_HAS_TARGET) &&
           amble__ll_address_equal(&pdu->sender, &i->answerer) && amble__ll_address_equal(&pdu->target, &i->own);
}

static bool is_wanted(const amble__ll_initiator *i, const amble__ll_extended_pdu *pdu)
{
    return pdu->type == AMBLE__LL_ADV_EXT_IND && pdu->mode == AMBLE__LL_MODE_CONNECTABLE &&
           wants(i, &pdu->sender, pdu->has & AMBLE__LL_HAS_TARGET ? &pdu->target : NULL);
}

static void aux_received(amble__ll_activity *activity, const amble__radio_packet *packet)
{
    amble__ll_initiator *i = initiator_of(activity);
    amble__ll_extended_pdu pdu;
    const bool sound = amble__ll_extended_pdu_decode(&pdu, packet->pdu, packet->size);

    amble__radio_idle(&activity->controller->radio);
    if (sound && (pdu.has & AMBLE__LL_HAS_SENDER) && (i->connecting ? is_answer(i, &pdu) : is_wanted(i, &pdu))) {
        if (i->connecting) {
            open_link(i);
            return;
        }
        i->channel_selection_2 = true; /* as always with extended advertising: 4.5.8 */
        request(i, &pdu.sender, packet, amble__ll_transmit_delay(packet->phy));
        return;
    }
    give_up(i);
}

static void aux_sent(amble__ll_activity *activity) { amble__ll_follower_await(&initiator_of(activity)->follower); }
static void aux_silent(amble__ll_activity *activity) { give_up(initiator_of(activity)); }
static void aux_lost(amble__ll_activity *activity) { give_up(initiator_of(activity)); }

static const amble__ll_activity_events follower_events = {aux_received, aux_sent, aux_silent, aux_lost, NULL};

/* --- beginning and end -------------------------------------------------------------------------------------------- */

void amble__ll_initiator_init(amble__ll_initiator *i, amble__controller *controller)
{
    *i = (amble__ll_initiator){.active = false};
    for (unsigned k = 0; k < AMBLE__LL_INITIATE_PHYS; k++)
        amble__ll_scan_window_init(&i->phys[k].window, controller, &window_events);
    i->phys[AMBLE__LL_INITIATE_CODED].window.phy = AMBLE__PHY_CODED;
    amble__ll_follower_init(&i->follower, controller, &follower_events);
}

void amble__ll_initiator_start(amble__ll_initiator *i)
{
    uint32_t delay_us = 0;

    i->active = true;
    for (unsigned k = 0; k < AMBLE__LL_INITIATE_PHYS; k++) {
        if (!i->phys[k].wanted)
            continue;
        amble__ll_scan_window_start(&i->phys[k].window, i->phys[k].interval, i->phys[k].length, delay_us);
        delay_us += i->phys[k].window.window_us;
    }
}

void amble__ll_initiator_stop(amble__ll_initiator *i)
{
    i->active = false;
    for (unsigned k = 0; k < AMBLE__LL_INITIATE_PHYS; k++)
        amble__ll_scan_window_stop(&i->phys[k].window);
    give_up(i);
}
