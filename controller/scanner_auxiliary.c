/* Following ADV_EXT_IND to its auxiliary packets: see scanner.h.
 *
 * A slot waits for AUX_ADV_IND, then perhaps for AUX_SCAN_RSP, then for each AUX_CHAIN_IND, and reports when no more is
 * announced. What it never got is reported as truncated, if it got a beginning. Invariant: a slot that is busy has its
 * timer armed or owns the radio. */
#include "controller/access_address.h"
#include "controller/hci_events.h"
#include "controller/scanner.h"

static amble__ll_aux_scan *slot_of(amble__ll_activity *activity)
{
    return amble__container(activity, amble__ll_aux_scan, follower.activity);
}

static amble__ll_scanner *scanner_of(const amble__ll_aux_scan *slot)
{
    return &slot->follower.activity.controller->scanner;
}

static void free_slot(amble__ll_aux_scan *slot)
{
    slot->busy = false;
    amble__ll_follower_stop(&slot->follower);
}

static void report(amble__ll_aux_scan *slot, bool truncated)
{
    const amble__bytes data = {slot->data, slot->size};

    free_slot(slot);
    amble__ll_scan_report(scanner_of(slot), &slot->heard, data, truncated);
}

/* The packet that was announced did not come. */
static void give_up(amble__ll_aux_scan *slot)
{
    if (slot->awaits == AMBLE__LL_AWAITS_CHAIN) {
        report(slot, true);
        return;
    }
    if (slot->awaits == AMBLE__LL_AWAITS_RESPONSE)
        amble__ll_scan_asked(scanner_of(slot), false);
    free_slot(slot);
}

/* --- what a PDU says ---------------------------------------------------------------------------------------------- */

static void learn(amble__ll_heard *heard, const amble__ll_extended_pdu *pdu)
{
    if (pdu->has & AMBLE__LL_HAS_SENDER)
        heard->sender = pdu->sender;
    if (pdu->has & AMBLE__LL_HAS_TARGET) {
        heard->target = pdu->target;
        heard->event_type |= AMBLE__LL_DIRECTED;
    }
    if (pdu->has & AMBLE__LL_HAS_ADI) {
        heard->set_identifier = pdu->set_identifier;
        heard->data_identifier = pdu->data_identifier;
    }
    if (pdu->has & AMBLE__LL_HAS_POWER)
        heard->power = pdu->power;
    if (pdu->has & AMBLE__LL_HAS_SYNC)
        heard->periodic_interval = pdu->sync.interval;
}

static bool identifiers_equal(const amble__ll_heard *heard, const amble__ll_extended_pdu *pdu)
{
    return !(pdu->has & AMBLE__LL_HAS_ADI) ||
           (pdu->set_identifier == heard->set_identifier && pdu->data_identifier == heard->data_identifier);
}

/* Data beyond what a set may have is not believed: false. */
static bool append(amble__ll_aux_scan *slot, amble__bytes data)
{
    if (data.size > sizeof slot->data - slot->size)
        return false;
    if (data.size)
        memcpy(slot->data + slot->size, data.data, data.size);
    slot->size = (uint16_t)(slot->size + data.size);
    return true;
}

/* Takes the data, and goes on to the next packet if one is announced. */
static void take_data(amble__ll_aux_scan *slot, const amble__ll_extended_pdu *pdu, uint64_t start_us)
{
    if (!append(slot, pdu->data)) {
        report(slot, true);
        return;
    }
    if (!(pdu->has & AMBLE__LL_HAS_AUX) || !pdu->aux.offset_us) {
        report(slot, false);
        return;
    }
    slot->awaits = AMBLE__LL_AWAITS_CHAIN;
    amble__ll_follow(&slot->follower, &pdu->aux, start_us);
}

/* --- scan requests ------------------------------------------------------------------------------------------------ */

static bool is_active(const amble__ll_scanner *s, amble__phy primary)
{
    return s->phys[primary == AMBLE__PHY_CODED ? AMBLE__LL_SCAN_CODED : AMBLE__LL_SCAN_1M].active;
}

static void request(amble__ll_aux_scan *slot, const amble__ll_address *advertiser, uint64_t at_us)
{
    const amble__ll_advertising_pdu pdu = {.type = AMBLE__LL_SCAN_REQ,
                                           .sender = amble__ll_scan_own(scanner_of(slot), &slot->heard),
                                           .target = *advertiser};
    const amble__ll_follower *f = &slot->follower;
    uint8_t bytes[AMBLE__LL_LEGACY_PDU];
    const size_t size = amble__ll_advertising_pdu_encode(&pdu, bytes);

    slot->awaits = AMBLE__LL_AWAITS_RESPONSE;
    slot->asked = *advertiser;
    amble__radio_send(&f->activity.controller->radio, f->channel, f->phy, AMBLE__LL_ADVERTISING_ACCESS_ADDRESS, bytes,
                      size, at_us);
}

/* The advertisement is reported, and then its scan response. */
static void take_scannable(amble__ll_aux_scan *slot, const amble__ll_extended_pdu *pdu,
                           const amble__radio_packet *packet)
{
    amble__ll_scanner *s = scanner_of(slot);

    amble__ll_scan_report(s, &slot->heard, pdu->data, false);
    if (!(pdu->has & AMBLE__LL_HAS_SENDER) || !is_active(s, slot->heard.primary_phy) ||
        !amble__ll_scan_asks(s, &slot->heard)) {
        free_slot(slot);
        return;
    }
    request(slot, &pdu->sender, packet->end_us + AMBLE__LL_T_IFS_US);
}

/* --- the course of following -------------------------------------------------------------------------------------- */

static void take_advertising(amble__ll_aux_scan *slot, const amble__ll_extended_pdu *pdu,
                             const amble__radio_packet *packet)
{
    if (slot->has_identifiers && !identifiers_equal(&slot->heard, pdu)) {
        give_up(slot);
        return;
    }
    learn(&slot->heard, pdu);
    slot->heard.secondary_phy = packet->phy;
    if (pdu->has & AMBLE__LL_HAS_SYNC)
        amble__ll_synchroniser_offer(slot->follower.activity.controller, &slot->heard, pdu, packet);
    if (!amble__ll_scan_passes(scanner_of(slot), &slot->heard))
        free_slot(slot);
    else if (slot->heard.event_type & AMBLE__LL_SCANNABLE)
        take_scannable(slot, pdu, packet);
    else
        take_data(slot, pdu, packet->start_us);
}

static void take_response(amble__ll_aux_scan *slot, const amble__ll_extended_pdu *pdu,
                          const amble__radio_packet *packet)
{
    if (!(pdu->has & AMBLE__LL_HAS_SENDER) || !amble__ll_address_equal(&pdu->sender, &slot->asked)) {
        give_up(slot);
        return;
    }
    amble__ll_scan_asked(scanner_of(slot), true);
    slot->heard.event_type |= AMBLE__LL_SCAN_RESPONSE;
    if (pdu->has & AMBLE__LL_HAS_POWER)
        slot->heard.power = pdu->power;
    take_data(slot, pdu, packet->start_us);
}

static void received(amble__ll_activity *activity, const amble__radio_packet *packet)
{
    amble__ll_aux_scan *slot = slot_of(activity);
    amble__ll_extended_pdu pdu;

    amble__radio_idle(&activity->controller->radio);
    if (!amble__ll_extended_pdu_decode(&pdu, packet->pdu, packet->size) || pdu.type != AMBLE__LL_ADV_EXT_IND) {
        give_up(slot);
        return;
    }
    slot->heard.rssi = packet->rssi;
    if (slot->awaits == AMBLE__LL_AWAITS_ADVERTISING)
        take_advertising(slot, &pdu, packet);
    else if (slot->awaits == AMBLE__LL_AWAITS_RESPONSE)
        take_response(slot, &pdu, packet);
    else if (identifiers_equal(&slot->heard, &pdu))
        take_data(slot, &pdu, packet->start_us);
    else
        give_up(slot);
}

static void sent(amble__ll_activity *activity) { amble__ll_follower_await(&slot_of(activity)->follower); }
static void silent(amble__ll_activity *activity) { give_up(slot_of(activity)); }
static void lost(amble__ll_activity *activity) { give_up(slot_of(activity)); }

static const amble__ll_activity_events events = {received, sent, silent, lost, NULL};

void amble__ll_aux_scan_init(amble__ll_aux_scan *slot, amble__controller *controller)
{
    memset(slot, 0, offsetof(amble__ll_aux_scan, data));
    amble__ll_follower_init(&slot->follower, controller, &events);
}

static amble__ll_aux_scan *find_free(amble__ll_scanner *s)
{
    for (unsigned i = 0; i < AMBLE__LL_AUX_SCANS; i++)
        if (!s->aux[i].busy)
            return &s->aux[i];
    return NULL;
}

/* Whether a slot already waits for the packet this one points to: the same event, heard on another channel. */
static bool is_followed(const amble__ll_scanner *s, const amble__ll_extended_pdu *pdu, uint64_t start_us)
{
    for (unsigned i = 0; i < AMBLE__LL_AUX_SCANS; i++) {
        const amble__ll_aux_scan *slot = &s->aux[i];
        const uint64_t at = start_us + pdu->aux.offset_us;

        if (slot->busy && slot->awaits == AMBLE__LL_AWAITS_ADVERTISING && slot->follower.channel == pdu->aux.channel &&
            at <= slot->follower.until_us && slot->follower.timer.deadline_us <= at + pdu->aux.unit_us)
            return true;
    }
    return false;
}

void amble__ll_aux_scan_begin(amble__ll_scanner *s, const amble__ll_extended_pdu *pdu,
                              const amble__radio_packet *packet)
{
    amble__ll_heard heard = {
        .event_type = pdu->mode, /* the bits are those of the properties */
        .sender = {.type = AMBLE__LL_ANONYMOUS_ADDRESS},
        .primary_phy = packet->phy,
        .set_identifier = AMBLE__LL_NO_SID,
        .power = AMBLE__LL_NO_POWER,
        .rssi = packet->rssi,
    };
    amble__ll_aux_scan *slot = find_free(s);

    learn(&heard, pdu);
    if (!(pdu->has & AMBLE__LL_HAS_AUX)) {
        if (amble__ll_scan_passes(s, &heard))
            amble__ll_scan_report(s, &heard, pdu->data, false);
        return;
    }
    if (!slot || !pdu->aux.offset_us || is_followed(s, pdu, packet->start_us))
        return;
    slot->busy = true;
    slot->awaits = AMBLE__LL_AWAITS_ADVERTISING;
    slot->has_identifiers = pdu->has & AMBLE__LL_HAS_ADI;
    slot->size = 0;
    slot->heard = heard;
    amble__ll_follow(&slot->follower, &pdu->aux, packet->start_us);
}
