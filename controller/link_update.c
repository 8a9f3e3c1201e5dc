/* What changes at an instant: connection parameters and channel map, and the rules all such changes share (Vol 6,
 * Part B, 5.1.1, 5.1.2, 5.1.7, 5.1.11, 5.3).
 *
 * One change at a time is agreed on or lies ahead. The central announces it and does it at the instant whatever
 * happens; a peripheral that hears of it too late, or of a second one, ends the link. A peripheral listens to every
 * event until then. New parameters count from the anchor that the old ones give the instant's event. */
#include "controller/hci_codes.h"
#include "controller/hci_events.h"
#include "controller/link_control.h"
#include "controller/state.h"

#define INSTANT_EVENTS   10    /* that the peripheral listens to before the instant: 6 at least, and a lossy radio */
#define INSTANT_PASSED   32767 /* this far ahead and farther is behind: 5.1.1 */
#define WINDOW_SIZE      1
#define WINDOW_SIZE_MAX  8 /* 10 ms */
#define NO_OFFSET        0xFFFF
#define OFFSETS          6
#define PARAMETERS_AFTER 15 /* octets of LL_CONNECTION_PARAM_REQ behind the parameters */

/* --- instants ----------------------------------------------------------------------------------------------------- */

bool amble__ll_change_under_way(const amble__ll_link *link)
{
    return link->change.kind != AMBLE__LL_PROCEDURE_NONE || link->peer_procedure != AMBLE__LL_PROCEDURE_NONE;
}

static void set_change(amble__ll_link *link, amble__ll_procedure kind, uint64_t events_ahead)
{
    amble__air *air = link->activity.controller->air;

    link->change = (amble__ll_change){.kind = kind, .instant = link->events + events_ahead};
    if (link->procedure == kind)
        amble__air_disarm(air, &link->procedure_timer); /* the answer is there; an instant may be far */
    if (link->peer_procedure == kind)
        amble__air_disarm(air, &link->peer_timer);
}

bool amble__ll_change_announced(amble__ll_link *link, amble__ll_procedure kind, uint16_t instant)
{
    const uint16_t ahead = (uint16_t)(instant - (uint16_t)link->events);

    if (link->change.kind != AMBLE__LL_PROCEDURE_NONE) {
        amble__ll_link_close(link, link->change.kind == kind ? HC_LL_PROCEDURE_COLLISION
                                                             : HC_DIFFERENT_TRANSACTION_COLLISION);
        return false;
    }
    if (ahead >= INSTANT_PASSED) {
        amble__ll_link_close(link, HC_INSTANT_PASSED);
        return false;
    }
    set_change(link, kind, ahead);
    return true;
}

void amble__ll_change_announce(amble__ll_link *link, amble__ll_procedure kind)
{
    set_change(link, kind, INSTANT_EVENTS * (link->latency + UINT64_C(1)));
}

bool amble__ll_change_collides(amble__ll_link *link, amble__ll_procedure kind, uint8_t opcode)
{
    const amble__ll_procedure own = link->procedure;
    const bool own_changes = own == AMBLE__LL_PROCEDURE_PARAMETERS || own == AMBLE__LL_PROCEDURE_PHY ||
                             own == AMBLE__LL_PROCEDURE_CHANNEL_MAP;

    if (!own_changes && !amble__ll_change_under_way(link) && !amble__ll_encryption_holds(link))
        return false;
    amble__ll_control_reject(link, opcode,
                             own == kind || link->change.kind == kind || link->peer_procedure == kind
                                 ? HC_LL_PROCEDURE_COLLISION
                                 : HC_DIFFERENT_TRANSACTION_COLLISION);
    return true;
}

/* --- connection parameters ---------------------------------------------------------------------------------------- */

static void send_parameters(amble__ll_link *link, uint8_t opcode, const amble__ll_parameters *p)
{
    uint8_t bytes[AMBLE__LL_CONTROL_SIZE];
    amble__writer w = amble__ll_control_begin(bytes, opcode);

    amble__write_le16(&w, p->interval_min);
    amble__write_le16(&w, p->interval_max);
    amble__write_le16(&w, p->latency);
    amble__write_le16(&w, p->timeout);
    amble__write_u8(&w, 0); /* no preferred periodicity */
    amble__write_le16(&w, (uint16_t)link->events);
    for (int i = 0; i < OFFSETS; i++)
        amble__write_le16(&w, NO_OFFSET);
    amble__ll_control_send(link, &w);
}

static bool read_parameters(amble__reader *in, amble__ll_parameters *p)
{
    p->interval_min = amble__read_le16(in);
    p->interval_max = amble__read_le16(in);
    p->latency = amble__read_le16(in);
    p->timeout = amble__read_le16(in);
    (void)amble__read_view(in, PARAMETERS_AFTER); /* periodicity and offsets are wishes, which this side has none of */
    return p->interval_min <= p->interval_max &&
           amble__ll_connection_parameters_valid(p->interval_min, p->latency, p->timeout) &&
           amble__ll_connection_parameters_valid(p->interval_max, p->latency, p->timeout);
}

/* The central has decided. */
static void send_update(amble__ll_link *link, const amble__ll_parameters *p)
{
    uint8_t bytes[AMBLE__LL_CONTROL_SIZE];
    amble__writer w = amble__ll_control_begin(bytes, LL_CONNECTION_UPDATE_IND);
    amble__ll_change *change = &link->change;
    uint64_t old_anchor_us;

    amble__ll_change_announce(link, AMBLE__LL_PROCEDURE_PARAMETERS);
    old_anchor_us = link->anchor_us + (change->instant - link->events) * link->interval_us;
    change->window_size = WINDOW_SIZE;
    change->window_offset = amble__ll_link_place_again(link, old_anchor_us, p->interval_max);
    change->interval = p->interval_max;
    change->latency = p->latency;
    change->timeout = p->timeout;
    amble__write_u8(&w, change->window_size);
    amble__write_le16(&w, change->window_offset);
    amble__write_le16(&w, change->interval);
    amble__write_le16(&w, change->latency);
    amble__write_le16(&w, change->timeout);
    amble__write_le16(&w, (uint16_t)change->instant);
    amble__ll_control_send(link, &w);
}

/* A peer that is known not to understand the request is not asked. */
void amble__ll_parameters_start(amble__ll_link *link)
{
    const bool may_ask = !link->features_known || (link->peer_features & AMBLE__LL_FEATURE_PARAMETERS_REQUEST);

    if (may_ask)
        send_parameters(link, LL_CONNECTION_PARAM_REQ, &link->wish);
    else if (link->role == AMBLE__LL_CENTRAL)
        send_update(link, &link->wish);
    else
        amble__ll_control_finish(link, AMBLE__LL_PROCEDURE_PARAMETERS, HC_UNSUPPORTED_REMOTE_FEATURE);
}

bool amble__ll_parameters_refused(amble__ll_link *link, uint8_t status)
{
    if (link->role != AMBLE__LL_CENTRAL || status != HC_UNSUPPORTED_REMOTE_FEATURE)
        return false;
    send_update(link, &link->wish);
    return true;
}

void amble__ll_connection_param_req(amble__ll_link *link, amble__reader *in)
{
    amble__ll_parameters offered;

    if (!read_parameters(in, &offered)) {
        amble__ll_control_reject(link, LL_CONNECTION_PARAM_REQ, HC_INVALID_LL_PARAMETERS);
        return;
    }
    if (link->role == AMBLE__LL_CENTRAL &&
        amble__ll_change_collides(link, AMBLE__LL_PROCEDURE_PARAMETERS, LL_CONNECTION_PARAM_REQ))
        return;
    if (!amble__hc_le_event_wanted(link->activity.controller, HC_LE_REMOTE_PARAMETER_REQUEST)) {
        amble__ll_control_reject(link, LL_CONNECTION_PARAM_REQ, HC_UNSUPPORTED_REMOTE_FEATURE);
        return;
    }
    amble__ll_control_peer_began(link, AMBLE__LL_PROCEDURE_PARAMETERS);
    link->host_thinks = true;
    amble__hc_remote_parameter_request(link, &offered);
}

void amble__ll_parameters_accept(amble__ll_link *link, const amble__ll_parameters *accepted)
{
    link->host_thinks = false;
    if (link->role == AMBLE__LL_CENTRAL)
        send_update(link, accepted);
    else
        send_parameters(link, LL_CONNECTION_PARAM_RSP, accepted);
}

void amble__ll_parameters_decline(amble__ll_link *link, uint8_t reason)
{
    link->host_thinks = false;
    amble__ll_control_peer_ended(link);
    amble__ll_control_reject(link, LL_CONNECTION_PARAM_REQ, reason);
}

void amble__ll_connection_param_rsp(amble__ll_link *link, amble__reader *in)
{
    amble__ll_parameters answer;

    if (link->procedure != AMBLE__LL_PROCEDURE_PARAMETERS || link->change.kind != AMBLE__LL_PROCEDURE_NONE)
        return;
    if (read_parameters(in, &answer)) {
        send_update(link, &answer);
        return;
    }
    amble__ll_control_reject(link, LL_CONNECTION_PARAM_RSP, HC_INVALID_LL_PARAMETERS);
    amble__ll_control_finish(link, AMBLE__LL_PROCEDURE_PARAMETERS, HC_INVALID_LL_PARAMETERS);
}

void amble__ll_connection_update_ind(amble__ll_link *link, amble__reader *in)
{
    amble__ll_change c = {0};
    uint16_t instant;

    c.window_size = amble__read_u8(in);
    c.window_offset = amble__read_le16(in);
    c.interval = amble__read_le16(in);
    c.latency = amble__read_le16(in);
    c.timeout = amble__read_le16(in);
    instant = amble__read_le16(in);
    if (!amble__ll_connection_parameters_valid(c.interval, c.latency, c.timeout) || !c.window_size ||
        c.window_size > WINDOW_SIZE_MAX || c.window_size >= c.interval || c.window_offset > c.interval) {
        amble__ll_link_close(link, HC_INVALID_LL_PARAMETERS);
        return;
    }
    if (!amble__ll_change_announced(link, AMBLE__LL_PROCEDURE_PARAMETERS, instant))
        return;
    c.kind = link->change.kind;
    c.instant = link->change.instant;
    link->change = c;
    link->host_thinks = false; /* the central did not wait */
}

/* The event counter is that of the instant, or one more when the announcement came in the instant's own event. */
static void change_parameters(amble__ll_link *link)
{
    const amble__ll_change c = link->change;
    const uint32_t interval_us = c.interval * (uint32_t)AMBLE__LL_UNIT_US;
    const bool changed = c.interval != link->interval || c.latency != link->latency || c.timeout != link->timeout;

    if (link->events > c.instant) {
        link->anchor_us += (uint64_t)interval_us - link->interval_us;
    } else {
        link->anchor_us += c.window_offset * (uint64_t)AMBLE__LL_UNIT_US;
        link->transmit_window_us = c.window_size * (uint32_t)AMBLE__LL_UNIT_US;
    }
    link->interval = c.interval;
    link->interval_us = interval_us;
    link->latency = c.latency;
    link->timeout = c.timeout;
    amble__ll_link_supervise(link, link->anchor_us);
    if (amble__ll_control_tell_host(link, AMBLE__LL_PROCEDURE_PARAMETERS) || changed)
        amble__hc_connection_update(link, HC_SUCCESS);
}

/* --- channel map -------------------------------------------------------------------------------------------------- */

/* The map that the host's classification asks for, with as many more channels as the peer needs. */
static uint64_t wanted_map(const amble__ll_link *link)
{
    uint64_t map = link->activity.controller->channel_map;
    unsigned count = 0;

    for (unsigned i = 0; i < AMBLE__LL_DATA_CHANNELS; i++)
        count += (unsigned)(map >> i) & 1;
    for (unsigned i = 0; i < AMBLE__LL_DATA_CHANNELS && count < link->channels_at_least; i++)
        if (!(map >> i & 1)) {
            map |= UINT64_C(1) << i;
            count++;
        }
    return map;
}

void amble__ll_channel_map_start(amble__ll_link *link)
{
    uint8_t bytes[AMBLE__LL_CONTROL_SIZE];
    amble__writer w = amble__ll_control_begin(bytes, LL_CHANNEL_MAP_IND);
    const uint64_t map = wanted_map(link);

    if (map == link->channels.map) {
        amble__ll_control_finish(link, AMBLE__LL_PROCEDURE_CHANNEL_MAP, HC_SUCCESS);
        return;
    }
    amble__ll_change_announce(link, AMBLE__LL_PROCEDURE_CHANNEL_MAP);
    link->change.channel_map = map;
    amble__write_le32(&w, (uint32_t)map);
    amble__write_u8(&w, (unsigned)(map >> 32));
    amble__write_le16(&w, (uint16_t)link->change.instant);
    amble__ll_control_send(link, &w);
}

void amble__ll_channel_map_ind(amble__ll_link *link, amble__reader *in)
{
    uint64_t map = amble__read_le32(in);
    amble__ll_channels channels;

    map |= (uint64_t)amble__read_u8(in) << 32;
    if (!amble__ll_channels_set(&channels, map))
        amble__ll_link_close(link, HC_INVALID_LL_PARAMETERS);
    else if (amble__ll_change_announced(link, AMBLE__LL_PROCEDURE_CHANNEL_MAP, amble__read_le16(in)))
        link->change.channel_map = map;
}

void amble__ll_min_used_channels_ind(amble__ll_link *link, amble__reader *in)
{
    const uint8_t phys = amble__read_u8(in), at_least = amble__read_u8(in);
    const unsigned used = 1u << (amble__phy_number(link->rx_phy) - 1);

    if (!(phys & used) || at_least < AMBLE__LL_CHANNELS_AT_LEAST || at_least > AMBLE__LL_DATA_CHANNELS)
        return;
    link->channels_at_least = at_least;
    amble__ll_control_want(link, AMBLE__LL_PROCEDURE_CHANNEL_MAP, false);
}

/* --- the instant -------------------------------------------------------------------------------------------------- */

void amble__ll_change_due(amble__ll_link *link)
{
    const amble__ll_procedure kind = link->change.kind;

    if (kind == AMBLE__LL_PROCEDURE_NONE || link->events < link->change.instant)
        return;
    if (kind == AMBLE__LL_PROCEDURE_PHY)
        amble__ll_phy_change(link);
    else if (kind == AMBLE__LL_PROCEDURE_PARAMETERS)
        change_parameters(link);
    else
        (void)amble__ll_channels_set(&link->channels, link->change.channel_map); /* was checked when it came */
    link->change.kind = AMBLE__LL_PROCEDURE_NONE;
    amble__ll_control_finish_either(link, kind, HC_SUCCESS);
    amble__ll_control_next(link);
}
