/* The events of periodic advertising: see train.h. An event that finds the radio taken is left out; its counter goes
 * on. Invariant: while running, the timer is armed or the train owns the radio. */
#include "controller/train.h"

#include "controller/access_address.h"
#include "controller/state.h"

#define CRC_BITS       24
#define SYNC_MARGIN_US 600 /* between AUX_ADV_IND's beginning and an AUX_SYNC_IND it can point to: longer than it is */
#define REACH_US       4900000 /* of the offset in SyncInfo, rounded down */

static amble__ll_train *train_of(amble__ll_activity *activity)
{
    return amble__container(activity, amble__ll_train, activity);
}

static amble__air *air_of(const amble__ll_train *t) { return t->activity.controller->air; }

static void end_event(amble__ll_train *t)
{
    t->in_event = false;
    t->event++;
    t->anchor_us += t->interval_us;
    amble__air_arm(air_of(t), &t->timer, t->anchor_us);
}

static void send(amble__ll_train *t, uint8_t channel, bool first)
{
    const uint64_t now = amble__air_now(air_of(t));
    amble__ll_extended_pdu pdu = {.type = AMBLE__LL_ADV_EXT_IND,
                                  .has = first && t->with_power ? AMBLE__LL_HAS_POWER : 0,
                                  .power = AMBLE__LL_TX_POWER};
    uint8_t bytes[AMBLE__RADIO_PDU];
    size_t size;

    t->sent = (uint16_t)(t->sent +
                         amble__ll_extended_pdu_fill(&pdu, t->data.bytes + t->sent, (size_t)t->data.size - t->sent));
    t->next.at_us = 0;
    if (pdu.has & AMBLE__LL_HAS_AUX) {
        t->next = amble__ll_place_auxiliary(t->activity.controller, t->phy, now,
                                            now + amble__radio_air_time(t->phy, AMBLE__RADIO_PDU));
        pdu.aux = amble__ll_point_to(&t->next, now);
    }
    size = amble__ll_extended_pdu_encode(&pdu, bytes);
    amble__radio_send(&t->activity.controller->radio, channel, t->phy, t->access_address, bytes, size, now);
}

static void timer_fired(amble__timer *timer)
{
    amble__ll_train *t = amble__container(timer, amble__ll_train, timer);

    if (!amble__ll_claim(&t->activity)) {
        end_event(t);
    } else if (t->in_event) {
        send(t, t->next.channel, false);
    } else {
        t->in_event = true;
        t->sent = 0;
        send(t, amble__ll_channel_2(&t->channels, t->access_address, t->event), true);
    }
}

static void sent(amble__ll_activity *activity)
{
    amble__ll_train *t = train_of(activity);

    if (t->next.at_us)
        amble__air_arm(air_of(t), &t->timer, t->next.at_us);
    else
        end_event(t);
    amble__ll_yield(activity);
}

static void lost(amble__ll_activity *activity) { end_event(train_of(activity)); }

static const amble__ll_activity_events events = {NULL, sent, NULL, lost, NULL};

void amble__ll_train_init(amble__ll_train *t, amble__controller *controller)
{
    memset(t, 0, offsetof(amble__ll_train, data));
    t->data.size = 0;
    t->data.incomplete = false;
    amble__ll_activity_init(&t->activity, controller, &events, AMBLE__LL_URGENCY_AUXILIARY);
    t->timer.fire = timer_fired;
}

void amble__ll_train_start(amble__ll_train *t, amble__phy phy)
{
    amble__random *random = amble__air_random(air_of(t));

    t->running = true;
    t->in_event = false;
    t->phy = phy;
    t->event = 0;
    t->interval_us = t->interval * (uint32_t)AMBLE__LL_UNIT_US;
    t->access_address = amble__ll_access_address_random(random);
    t->crc_init = amble__random_below(random, 1u << CRC_BITS);
    amble__ll_channels_set(&t->channels, t->activity.controller->channel_map);
    t->anchor_us = amble__air_now(air_of(t)) + t->interval_us;
    amble__air_arm(air_of(t), &t->timer, t->anchor_us);
}

void amble__ll_train_stop(amble__ll_train *t)
{
    t->wanted = t->running = t->in_event = false;
    amble__air_disarm(air_of(t), &t->timer);
    amble__ll_yield(&t->activity);
}

uint8_t amble__ll_train_set_data(amble__ll_train *t, uint8_t operation, amble__bytes bytes)
{
    const uint8_t status = amble__ll_data_set(&t->data, operation, bytes, AMBLE__LL_EXTENDED_DATA);

    if (!status && t->in_event) { /* the rest of it would not fit what was sent */
        end_event(t);
        amble__ll_yield(&t->activity);
    }
    return status;
}

amble__ll_sync_info amble__ll_train_sync_info(const amble__ll_train *t, uint64_t start_us)
{
    amble__ll_sync_info sync = {.interval = t->interval,
                                .channel_map = t->channels.map,
                                .clock_accuracy = AMBLE__LL_CLOCK_ACCURACY,
                                .access_address = t->access_address,
                                .crc_init = t->crc_init,
                                .event = t->event};
    uint64_t anchor = t->anchor_us;

    while (anchor < start_us + SYNC_MARGIN_US + amble__radio_air_time(t->phy, AMBLE__RADIO_PDU)) {
        anchor += t->interval_us;
        sync.event++;
    }
    if (anchor - start_us < REACH_US)
        sync.offset_us = (uint32_t)(anchor - start_us);
    return sync;
}
