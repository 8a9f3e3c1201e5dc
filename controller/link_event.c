/* Connection events: who sends when, acknowledgement, and how long an event goes on (Vol 6, Part B, 4.5).
 *
 * The central sends at the anchor, the peripheral answers T_IFS later, and so on while either has more to send (MD),
 * both hear each other and nothing else needs the radio. The PDU in flight is repeated unchanged until the peer's NESN
 * acknowledges it; a new PDU of the peer's is acknowledged only when it was taken. Invariant: a packet is never begun
 * that would not end before the radio is needed for the next anchor. */
#include "controller/hci_codes.h"
#include "controller/hci_events.h"
#include "controller/link.h"
#include "controller/state.h"

/* The header of a data PDU (2.4). */
#define LLID_MASK     0x03
#define LLID_CONTINUE 0x01 /* also the empty PDU */
#define LLID_START    0x02
#define LLID_CONTROL  0x03
#define NESN          0x04
#define SN            0x08
#define MD            0x10

static amble__ll_link *link_of(amble__ll_activity *activity)
{
    return amble__container(activity, amble__ll_link, activity);
}

static uint64_t now_of(const amble__ll_link *link) { return amble__air_now(link->activity.controller->air); }

static amble__ll_acl *first_acl(const amble__ll_link *link)
{
    return amble__list_empty(&link->acl) ? NULL : amble__container(link->acl.next, amble__ll_acl, node);
}

static uint32_t air_time(amble__phy phy, size_t payload)
{
    return amble__radio_air_time(phy, AMBLE__LL_HEADER + payload);
}

/* --- what to send ------------------------------------------------------------------------------------------------- */

static size_t next_fragment(const amble__ll_link *link)
{
    const amble__ll_acl *acl = first_acl(link);
    const size_t left = acl ? (size_t)(acl->size - acl->sent) : 0, most = amble__ll_length_to_send(link);

    return left < most ? left : most;
}

/* Whether the control PDU that stands so far back in the queue may be sent. */
static bool may_send_control(const amble__ll_link *link, unsigned back)
{
    const amble__ll_control_pdu *pdu = &link->control[(link->control_first + back) % AMBLE__LL_CONTROL_QUEUE];

    if (back >= link->control_count)
        return false;
    return amble__ll_control_is_terminate(pdu) ? amble__ll_encryption_lets_terminate(link)
                                               : !amble__ll_encryption_holds(link);
}

/* What would be sent next, and its size. */
static amble__ll_flight next_flight(const amble__ll_link *link, size_t *size)
{
    *size = 0;
    if (link->encryption.pdu_waiting)
        *size = link->encryption.pdu_size;
    else if (may_send_control(link, 0))
        *size = link->control[link->control_first].size;
    else if (!amble__ll_encryption_holds(link))
        *size = next_fragment(link);
    if (!*size)
        return AMBLE__LL_FLIGHT_EMPTY;
    if (link->encryption.pdu_waiting)
        return AMBLE__LL_FLIGHT_ENCRYPTION;
    return may_send_control(link, 0) ? AMBLE__LL_FLIGHT_CONTROL : AMBLE__LL_FLIGHT_DATA;
}

static size_t next_size(const amble__ll_link *link)
{
    size_t size = link->flight_size;

    if (link->flight == AMBLE__LL_FLIGHT_NONE)
        (void)next_flight(link, &size); /* the size alone is asked for */
    return size;
}

/* With the MIC, where there is one. */
static uint32_t packet_time(const amble__ll_link *link, amble__phy phy, size_t payload)
{
    return air_time(phy, payload + (payload && link->encryption.sealing ? AMBLE__CCM_MIC : 0));
}

/* The peer goes on with the coding it had; the first packet on a PHY may have the slower one. */
static amble__phy phy_to_expect(const amble__ll_link *link)
{
    return amble__phy_number(link->heard_phy) == amble__phy_number(link->rx_phy) ? link->heard_phy : link->rx_phy;
}

/* Whether a packet from us that begins at `start_us`, with an answer of `answer` octets, is over in time. The first
 * exchange of an event looks at this link only: whom it is in the way of is more urgent next time. */
static bool fits(const amble__ll_link *link, uint64_t start_us, size_t size, size_t answer)
{
    const bool first = link->activity.urgency == AMBLE__LL_URGENCY_LINK;
    uint64_t end = start_us + packet_time(link, link->tx_phy, size) + AMBLE__LL_T_IFS_US;

    if (link->role == AMBLE__LL_CENTRAL)
        end += packet_time(link, phy_to_expect(link), answer) + AMBLE__LL_T_IFS_US;
    return end <= (first ? amble__ll_link_next_start(link) : amble__ll_link_deadline(link));
}

static void choose_flight(amble__ll_link *link)
{
    size_t size;

    if (link->flight != AMBLE__LL_FLIGHT_NONE)
        return;
    link->flight = next_flight(link, &size);
    if (link->flight == AMBLE__LL_FLIGHT_DATA && !fits(link, now_of(link), size, 0)) {
        link->flight = AMBLE__LL_FLIGHT_EMPTY;
        size = 0;
    }
    link->flight_size = (uint8_t)size;
    link->flight_sealed = size && link->encryption.sealing;
}

static bool has_more(const amble__ll_link *link)
{
    const amble__ll_acl *acl = first_acl(link);

    if ((link->encryption.pdu_waiting && link->flight != AMBLE__LL_FLIGHT_ENCRYPTION) ||
        may_send_control(link, link->flight == AMBLE__LL_FLIGHT_CONTROL))
        return true;
    if (amble__ll_encryption_holds(link))
        return false;
    if (link->flight != AMBLE__LL_FLIGHT_DATA)
        return acl != NULL;
    return acl->sent + link->flight_size < acl->size || acl->node.next != &link->acl;
}

/* The payload of the PDU in flight, and its LLID. */
static const uint8_t *flight_payload(const amble__ll_link *link, unsigned *llid)
{
    const amble__ll_acl *acl = first_acl(link);

    *llid = LLID_CONTROL;
    if (link->flight == AMBLE__LL_FLIGHT_ENCRYPTION)
        return link->encryption.pdu;
    if (link->flight == AMBLE__LL_FLIGHT_CONTROL)
        return link->control[link->control_first].bytes;
    *llid = LLID_CONTINUE;
    if (link->flight != AMBLE__LL_FLIGHT_DATA)
        return NULL;
    *llid = acl->started ? LLID_CONTINUE : LLID_START;
    return acl->bytes + acl->sent;
}

static void send(amble__ll_link *link)
{
    uint8_t pdu[AMBLE__LL_HEADER + AMBLE__LL_OCTETS_MAX + AMBLE__CCM_MIC];
    size_t size;
    const uint8_t *payload;
    unsigned llid;

    choose_flight(link);
    payload = flight_payload(link, &llid);
    size = link->flight_size;
    link->sent_more = has_more(link);
    pdu[0] = (uint8_t)(llid | (link->sn ? SN : 0u) | (link->nesn ? NESN : 0u) | (link->sent_more ? MD : 0u));
    if (link->flight_sealed) {
        amble__ll_encryption_seal(link, pdu[0], payload, size, pdu + AMBLE__LL_HEADER);
        size += AMBLE__CCM_MIC;
    } else if (payload) {
        memcpy(pdu + AMBLE__LL_HEADER, payload, size);
    }
    pdu[1] = (uint8_t)size;
    amble__radio_send(&link->activity.controller->radio, link->channel, link->tx_phy, link->access_address, pdu,
                      AMBLE__LL_HEADER + size, now_of(link));
}

/* --- what was received -------------------------------------------------------------------------------------------- */

static unsigned bit(unsigned header, unsigned mask) { return header & mask ? 1 : 0; }

/* The PDU in flight was acknowledged. False: the link is closed. */
static bool acknowledged(amble__ll_link *link)
{
    const amble__ll_flight flight = link->flight;

    link->sn ^= 1;
    link->flight = AMBLE__LL_FLIGHT_NONE;
    link->encryption.sent += link->flight_sealed;
    if (flight == AMBLE__LL_FLIGHT_ENCRYPTION)
        amble__ll_encryption_acknowledged(link);
    if (flight == AMBLE__LL_FLIGHT_CONTROL)
        return amble__ll_control_acknowledged(link);
    if (flight == AMBLE__LL_FLIGHT_DATA)
        amble__ll_data_acknowledged(link, link->flight_size);
    return true;
}

/* False: there is no room for it. */
static bool take(amble__ll_link *link, unsigned llid, const uint8_t *payload, size_t size)
{
    if (llid == LLID_CONTROL)
        return amble__ll_control_received(link, payload, size);
    if (!size || !llid || size > AMBLE__LL_OCTETS_MAX)
        return true;
    return amble__ll_data_to_host(link, llid == LLID_START, payload, size);
}

/* A PDU that is not a repetition. False: the link is closed. */
static bool take_new(amble__ll_link *link, unsigned header, const uint8_t *payload, size_t size)
{
    const bool sealed = size && link->encryption.opening;
    const unsigned llid = header & LLID_MASK;
    uint8_t opened[UINT8_MAX];

    if (sealed) {
        if (!amble__ll_encryption_open(link, (uint8_t)header, payload, size, opened)) {
            amble__ll_link_close(link, HC_MIC_FAILURE);
            return false;
        }
        payload = opened;
        size -= AMBLE__CCM_MIC;
    }
    if (size && !amble__ll_encryption_permits(link, llid == LLID_CONTROL, payload)) {
        amble__ll_link_close(link, HC_MIC_FAILURE);
        return false;
    }
    if (take(link, llid, payload, size)) {
        link->nesn ^= 1;
        link->encryption.received += sealed;
    } else {
        link->refused = true;
    }
    return link->open;
}

/* False: the link is closed, or the packet was none. */
static bool take_packet(amble__ll_link *link, const amble__radio_packet *packet)
{
    const size_t size = packet->size - AMBLE__LL_HEADER;
    unsigned header;

    if (packet->size < AMBLE__LL_HEADER || packet->pdu[1] != size)
        return false;
    header = packet->pdu[0];
    link->established = true;
    link->last_heard_us = packet->end_us;
    link->rssi = packet->rssi;
    link->peer_more = header & MD;
    link->refused = false;
    if (link->flight != AMBLE__LL_FLIGHT_NONE && bit(header, NESN) != link->sn && !acknowledged(link))
        return false;
    if (bit(header, SN) != link->nesn)
        return true; /* a repetition: our acknowledgement was lost */
    return take_new(link, header, packet->pdu + AMBLE__LL_HEADER, size);
}

/* --- the course of an event --------------------------------------------------------------------------------------- */

static void close_event(amble__ll_link *link)
{
    link->in_event = false;
    link->activity.urgency = AMBLE__LL_URGENCY_LINK;
    amble__ll_data_report_completed(link);
    amble__ll_link_next_event(link);
}

static void end_event(amble__ll_link *link)
{
    close_event(link);
    amble__ll_yield(&link->activity);
}

static void listen(amble__ll_link *link, uint64_t until_us)
{
    amble__radio_listen(&link->activity.controller->radio, link->channel, link->rx_phy, link->access_address,
                        until_us + AMBLE__LL_JITTER_US);
}

static void begin_event(amble__ll_link *link)
{
    if (!amble__ll_claim(&link->activity)) {
        amble__ll_link_next_event(link);
        return;
    }
    link->in_event = true;
    link->channel = link->channel_selection_2
                        ? amble__ll_channel_2(&link->channels, link->access_address, (uint16_t)link->events)
                        : amble__ll_channel_1(&link->channels, link->hop, link->events);
    link->anchor_heard = false;
    if (link->role == AMBLE__LL_CENTRAL)
        send(link);
    else
        listen(link, link->anchor_us + link->transmit_window_us + amble__ll_link_widening(link));
}

void amble__ll_link_timer(amble__timer *timer)
{
    amble__ll_link *link = amble__container(timer, amble__ll_link, event_timer);

    if (link->in_event)
        send(link);
    else
        begin_event(link);
}

static bool either_has_more(const amble__ll_link *link)
{
    return (link->sent_more || link->peer_more) && !link->refused;
}

static void sent(amble__ll_activity *activity)
{
    amble__ll_link *link = link_of(activity);
    const uint64_t answer = now_of(link) + AMBLE__LL_T_IFS_US;

    if (link->peer_reason) { /* the acknowledgement of LL_TERMINATE_IND has gone */
        amble__ll_link_close(link, link->peer_reason);
        return;
    }
    if (link->role == AMBLE__LL_CENTRAL) {
        listen(link, answer);
        return;
    }
    activity->urgency = AMBLE__LL_URGENCY_LINK_CONTINUES;
    if (either_has_more(link) && fits(link, answer + air_time(link->rx_phy, 0) + AMBLE__LL_T_IFS_US, 0, 0))
        listen(link, answer);
    else
        end_event(link);
}

static bool central_continues(amble__ll_link *link, uint64_t start_us)
{
    link->activity.urgency = AMBLE__LL_URGENCY_LINK_CONTINUES;
    return either_has_more(link) &&
           fits(link, start_us, next_size(link), link->peer_more ? amble__ll_length_to_expect(link) : 0);
}

/* With an empty PDU at least; the one in flight has to be repeated as it is. */
static bool peripheral_answers(const amble__ll_link *link, uint64_t start_us)
{
    return fits(link, start_us, link->flight == AMBLE__LL_FLIGHT_NONE ? 0 : link->flight_size, 0);
}

/* The first packet of an event sets the peripheral's clock. */
static void hear_anchor(amble__ll_link *link, const amble__radio_packet *packet)
{
    if (!link->anchor_heard && link->role == AMBLE__LL_PERIPHERAL)
        link->anchor_us = link->last_anchor_us = packet->start_us;
    link->anchor_heard = true;
    link->transmit_window_us = 0;
}

static void received(amble__ll_activity *activity, const amble__radio_packet *packet)
{
    amble__ll_link *link = link_of(activity);
    const uint64_t start = packet->end_us + AMBLE__LL_T_IFS_US;

    amble__radio_idle(&activity->controller->radio);
    if (!take_packet(link, packet)) {
        if (link->open)
            end_event(link);
        return;
    }
    hear_anchor(link, packet);
    link->heard_phy = packet->phy;
    if (link->role == AMBLE__LL_CENTRAL ? central_continues(link, start) : peripheral_answers(link, start))
        amble__air_arm(activity->controller->air, &link->event_timer, start);
    else
        end_event(link);
}

static void silent(amble__ll_activity *activity) { end_event(link_of(activity)); }

static void lost(amble__ll_activity *activity) { close_event(link_of(activity)); }

const amble__ll_activity_events amble__ll_link_events = {received, sent, silent, lost, NULL};
