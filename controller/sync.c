/* Following trains: see sync.h.
 *
 * A sync listens for each AUX_SYNC_IND where the counter and the clock say it is, and follows its chain. The longer it
 * heard none, the wider it listens; after its timeout, or after six events before the first, it is over. Invariant: an
 * open sync has its timer armed or owns the radio. */
#include "controller/sync.h"

#include "controller/hci_codes.h"
#include "controller/hci_events.h"

#define FIRST_HANDLE    0x0001
#define ESTABLISH_TRIES 6 /* events until the first packet has to come: 4.4.5.2 */
#define OWN_PPM         50
#define WIDENING_US     16 /* 4.5.7 */
#define MILLION         1000000

static amble__ll_sync *sync_of(amble__ll_activity *activity)
{
    return amble__container(activity, amble__ll_sync, follower.activity);
}

static amble__controller *controller_of(const amble__ll_sync *s) { return s->follower.activity.controller; }

void amble__ll_sync_close(amble__ll_sync *s)
{
    s->open = s->established = false;
    amble__ll_follower_stop(&s->follower);
}

/* --- events ------------------------------------------------------------------------------------------------------- */

static void await_event(amble__ll_sync *s)
{
    const uint64_t silence = s->anchor_us > s->last_heard_us ? s->anchor_us - s->last_heard_us : 0;
    const uint64_t widening = WIDENING_US + silence * (amble__ll_clock_ppm(s->clock_accuracy) + OWN_PPM) / MILLION;
    const amble__ll_moment moment = {s->anchor_us - widening, s->anchor_us + s->unit_us + widening};

    s->in_chain = false;
    s->size = 0;
    s->follower.phy = s->train_phy;
    s->follower.channel = amble__ll_channel_2(&s->channels, s->follower.access_address, s->event);
    amble__ll_follow_moment(&s->follower, &moment);
}

static void pass_events(amble__ll_sync *s, unsigned count)
{
    s->event = (uint16_t)(s->event + count);
    s->anchor_us += count * (uint64_t)s->interval_us;
}

static void tell_host(const amble__ll_sync *s, uint8_t status)
{
    (s->transferred ? amble__hc_sync_transfer_received : amble__hc_sync_established)(s, status);
}

/* The event came to nothing. */
static void miss_event(amble__ll_sync *s)
{
    const uint64_t now = amble__air_now(controller_of(s)->air);

    if (!s->established && ++s->missed == ESTABLISH_TRIES) {
        amble__ll_sync_close(s);
        tell_host(s, HC_FAILED_TO_ESTABLISH);
        return;
    }
    if (s->established && now - s->last_heard_us >= s->timeout_us) {
        amble__ll_sync_close(s);
        amble__hc_sync_lost(s);
        return;
    }
    pass_events(s, 1);
    await_event(s);
}

static void report(amble__ll_sync *s, bool truncated)
{
    const bool wanted = s->reports;

    pass_events(s, 1u + s->skip);
    if (wanted)
        amble__hc_periodic_report(s, (amble__bytes){s->data, s->size}, truncated);
    await_event(s);
}

static void give_up(amble__ll_sync *s)
{
    if (s->in_chain)
        report(s, true);
    else
        miss_event(s);
}

static void hear_anchor(amble__ll_sync *s, const amble__ll_extended_pdu *pdu, const amble__radio_packet *packet)
{
    const bool first = !s->established;

    s->established = true;
    s->anchor_us = s->last_heard_us = packet->start_us;
    s->unit_us = 0;
    s->rssi = packet->rssi;
    s->power = pdu->has & AMBLE__LL_HAS_POWER ? pdu->power : AMBLE__LL_NO_POWER;
    if (first)
        tell_host(s, HC_SUCCESS);
}

static void received(amble__ll_activity *activity, const amble__radio_packet *packet)
{
    amble__ll_sync *s = sync_of(activity);
    amble__ll_extended_pdu pdu;

    amble__radio_idle(&activity->controller->radio);
    if (!amble__ll_extended_pdu_decode(&pdu, packet->pdu, packet->size) || pdu.type != AMBLE__LL_ADV_EXT_IND) {
        give_up(s);
        return;
    }
    if (!s->in_chain)
        hear_anchor(s, &pdu, packet);
    if (pdu.data.size > sizeof s->data - s->size) {
        report(s, true);
        return;
    }
    if (pdu.data.size)
        memcpy(s->data + s->size, pdu.data.data, pdu.data.size);
    s->size = (uint16_t)(s->size + pdu.data.size);
    if (!(pdu.has & AMBLE__LL_HAS_AUX) || !pdu.aux.offset_us) {
        report(s, false);
        return;
    }
    s->in_chain = true;
    amble__ll_follow(&s->follower, &pdu.aux, packet->start_us);
}

static void silent(amble__ll_activity *activity) { give_up(sync_of(activity)); }
static void lost(amble__ll_activity *activity) { give_up(sync_of(activity)); }

static const amble__ll_activity_events events = {received, NULL, silent, lost, NULL};

/* --- beginning ---------------------------------------------------------------------------------------------------- */

void amble__ll_synchroniser_init(amble__ll_synchroniser *s, amble__controller *controller)
{
    s->pending = false;
    s->listed = 0;
    s->by_default = (amble__ll_transfer_wishes){.mode = AMBLE__LL_TRANSFER_IGNORED};
    for (unsigned i = 0; i < AMBLE__LL_SYNCS; i++) {
        memset(&s->syncs[i], 0, offsetof(amble__ll_sync, data));
        amble__ll_follower_init(&s->syncs[i].follower, controller, &events);
        s->syncs[i].handle = (uint16_t)(FIRST_HANDLE + i);
    }
}

void amble__ll_synchroniser_stop(amble__ll_synchroniser *s)
{
    s->pending = false;
    for (unsigned i = 0; i < AMBLE__LL_SYNCS; i++)
        amble__ll_sync_close(&s->syncs[i]);
}

bool amble__ll_train_name_equal(const amble__ll_train_name *a, const amble__ll_train_name *b)
{
    return a->set_identifier == b->set_identifier && amble__ll_address_equal(&a->advertiser, &b->advertiser);
}

static bool is_wanted(const amble__ll_synchroniser *s, const amble__ll_train_name *name)
{
    if (!s->use_list)
        return amble__ll_train_name_equal(name, &s->wanted);
    for (unsigned i = 0; i < s->listed; i++)
        if (amble__ll_train_name_equal(name, &s->list[i]))
            return true;
    return false;
}

amble__ll_sync *amble__ll_sync_find(amble__ll_synchroniser *s, const amble__ll_train_name *name)
{
    for (unsigned i = 0; i < AMBLE__LL_SYNCS; i++)
        if (s->syncs[i].open && amble__ll_train_name_equal(&s->syncs[i].name, name))
            return &s->syncs[i];
    return NULL;
}

amble__ll_sync *amble__ll_sync_find_unused(amble__ll_synchroniser *s)
{
    for (unsigned i = 0; i < AMBLE__LL_SYNCS; i++)
        if (!s->syncs[i].open)
            return &s->syncs[i];
    return NULL;
}

amble__ll_sync *amble__ll_sync_find_handle(amble__ll_synchroniser *s, uint16_t handle)
{
    for (unsigned i = 0; i < AMBLE__LL_SYNCS; i++)
        if (s->syncs[i].established && s->syncs[i].handle == handle)
            return &s->syncs[i];
    return NULL;
}

void amble__ll_sync_open(amble__ll_sync *s, const amble__ll_sync_info *info, uint64_t at_us, uint64_t heard_us,
                         amble__phy phy)
{
    amble__ll_channels_set(&s->channels, info->channel_map);
    s->follower.access_address = info->access_address;
    s->open = true;
    s->established = false;
    s->missed = 0;
    s->clock_accuracy = info->clock_accuracy;
    s->crc_init = info->crc_init;
    s->interval = info->interval;
    s->interval_us = info->interval * (uint32_t)AMBLE__LL_UNIT_US;
    s->event = info->event;
    s->train_phy = phy;
    s->last_heard_us = heard_us;
    s->anchor_us = at_us;
    s->unit_us = info->unit_us;
    await_event(s);
}

void amble__ll_synchroniser_offer(amble__controller *controller, const amble__ll_heard *heard,
                                  const amble__ll_extended_pdu *pdu, const amble__radio_packet *packet)
{
    amble__ll_synchroniser *all = &controller->synchroniser;
    amble__ll_train_name name = {heard->sender, heard->set_identifier};
    amble__ll_sync *s = amble__ll_sync_find_unused(all);
    bool resolved;

    if (!all->pending || !s || !pdu->sync.offset_us)
        return;
    resolved = amble__ll_identify(controller, &name.advertiser);
    if (!is_wanted(all, &name) || amble__ll_sync_find(all, &name))
        return;
    s->name = name;
    s->resolved = resolved;
    s->transferred = false;
    s->reports = all->reports_at_once;
    s->skip = all->skip;
    s->timeout_us = all->timeout_us;
    all->pending = false;
    /* On the PHY of the packet that told of it: 4.4.2.12. */
    amble__ll_sync_open(s, &pdu->sync, packet->start_us + pdu->sync.offset_us, packet->start_us, packet->phy);
}
