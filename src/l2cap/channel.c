/* The table of channels: CIDs, states, ends. Invariant: a channel has an entry in its link's `by_cid` exactly when it
 * is CONNECTING, OPEN or CLOSING; no two channels of a link have the same peer's CID; a request of ours names only a
 * channel that still waits for it. */
#include "l2cap/channel.h"

#include "core/log.h"
#include "l2cap/l2cap.h"

enum { CREDIT_PACKET = 8, DRAIN_MS = 500, CLOSE_MS = 2000, DEFAULT_BACKLOG = 4 };

static void settle(amble__work *work);

static void on_packet_free(amble__packet *packet)
{
    amble__l2cap_link *link = packet->owner;

    if (link->channels.waiting || link->channels.frame_of)
        amble__channels_owe(link);
}

static void packet_init(amble__packet *packet, amble__arena *arena, size_t capacity, amble__l2cap_link *link)
{
    amble__packet_init(packet, arena, capacity);
    if (!packet)
        return;
    packet->owner = link;
    packet->released = on_packet_free;
}

static void slots_init(amble_l2cap_channel *slots, amble__arena *arena, size_t count, size_t in_size, size_t out_size)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t *in = amble__arena_take(arena, 1, in_size);
        uint8_t *out = amble__arena_take(arena, 1, out_size);

        if (slots) {
            slots[i].in = (amble__byte_ring){.bytes = in, .size = in_size};
            slots[i].out = (amble__byte_ring){.bytes = out, .size = out_size};
        }
    }
}

void amble__channels_init(amble__l2cap *l2cap, amble__arena *arena, const amble__l2cap_sizes *sizes)
{
    const size_t bearers = sizes->links * sizes->bearers, count = sizes->channels + bearers;
    const size_t listener_count = (sizes->channels ? sizes->listeners : 0u) + (bearers ? 1u : 0u);
    amble_l2cap_channel *slots = amble__arena_take(arena, count, sizeof *slots);
    amble__listener *listeners = amble__arena_take(arena, listener_count, sizeof *listeners);
    const size_t per_link = sizes->channels + sizes->bearers, cids = per_link < AMBLE__CIDS ? per_link : AMBLE__CIDS;
    const size_t sdu = AMBLE__SDU_HEADER + (size_t)sizes->mtu;

    slots_init(slots, arena, sizes->channels, sizes->receive_size, sizes->send_size);
    /* In: twice the largest SDU, see `received`. Out: all that a bearer may owe at the same time, a request, an answer
     * and a confirmation. */
    slots_init(slots ? slots + sizes->channels : NULL, arena, bearers, 2 * sdu, 2 * sdu + AMBLE__SDU_HEADER + 1);
    for (size_t i = 0; count && i < sizes->links; i++) {
        amble__l2cap_link *link = l2cap ? &l2cap->links[i] : NULL;
        uint16_t *by_cid = amble__arena_take(arena, cids, sizeof *by_cid);

        packet_init(link ? &link->channels.frame : NULL, arena, sizes->mps, link);
        packet_init(link ? &link->channels.credits : NULL, arena, CREDIT_PACKET, link);
        if (link)
            link->channels.by_cid = by_cid;
    }
    if (l2cap)
        l2cap->channels = (amble__channels){.slots = slots,
                                            .count = count,
                                            .program_count = sizes->channels,
                                            .bearers_per_link = sizes->bearers,
                                            .bearer_options = {.mtu = sizes->mtu,
                                                               .mps = sizes->mps < sdu ? sizes->mps : (uint16_t)sdu,
                                                               .security = AMBLE_ENCRYPTED},
                                            .listeners = listeners,
                                            .listener_count = listener_count,
                                            .cids = cids,
                                            .mps = sizes->mps};
}

void amble__channels_open(amble__l2cap_link *link)
{
    amble__link_channels *own = &link->channels;

    for (size_t i = 0; i < link->l2cap->channels.cids; i++)
        own->by_cid[i] = 0;
    own->frame_of = NULL;
    own->waiting = false;
    own->turn = 0;
    own->work.run = settle;
}

/* --- finding ------------------------------------------------------------------------------------------------------ */
static amble_l2cap_channel *channel_at(const amble__l2cap_link *link, size_t place)
{
    const uint16_t number = link->channels.by_cid[place];

    return number ? &link->l2cap->channels.slots[number - 1] : NULL;
}

amble_l2cap_channel *amble__channel_by_cid(const amble__l2cap_link *link, uint16_t cid)
{
    const size_t place = (size_t)cid - AMBLE__CID_DYNAMIC; /* a smaller CID gives a huge one */

    return place < link->l2cap->channels.cids ? channel_at(link, place) : NULL;
}

amble_l2cap_channel *amble__channel_by_peer_cid(const amble__l2cap_link *link, uint16_t cid)
{
    for (size_t i = 0; i < link->l2cap->channels.cids; i++) {
        amble_l2cap_channel *channel = channel_at(link, i);

        if (channel && channel->state != AMBLE__CHANNEL_CONNECTING && channel->peer_cid == cid)
            return channel;
    }
    return NULL;
}

/* --- beginning ---------------------------------------------------------------------------------------------------- */
bool amble__channel_options(const amble__channels *channels, const amble_l2cap_options *given,
                            amble_l2cap_options *options)
{
    const size_t send_size = channels->program_count ? channels->slots[0].out.size : 0;

    *options = given ? *given : (amble_l2cap_options){.mtu = 0};
    options->mtu = options->mtu ? options->mtu : UINT16_MAX;
    options->mps = options->mps ? options->mps : channels->mps;
    options->backlog = options->backlog ? options->backlog : DEFAULT_BACKLOG;
    if (!options->sdu_size && send_size)
        options->sdu_size = (uint16_t)(send_size / 2 > UINT16_MAX ? UINT16_MAX : send_size / 2 - AMBLE__SDU_HEADER);
    return options->mtu >= AMBLE__UNIT_MIN && options->mps >= AMBLE__UNIT_MIN && options->mps <= channels->mps &&
           options->sdu_size + (size_t)AMBLE__SDU_HEADER <= send_size;
}

static size_t bearer_count(const amble__l2cap_link *link)
{
    const amble__channels *channels = &link->l2cap->channels;
    size_t count = 0;

    for (size_t place = 0; place < channels->cids; place++) {
        const uint16_t number = link->channels.by_cid[place];

        count += number && channels->slots[number - 1].kind == AMBLE__CHANNEL_BEARER;
    }
    return count;
}

static amble_l2cap_channel *free_slot(const amble__l2cap_link *link, bool bearer)
{
    const amble__channels *channels = &link->l2cap->channels;
    size_t i = bearer ? channels->program_count : 0;

    if (bearer && bearer_count(link) >= channels->bearers_per_link)
        return NULL; /* what other links are meant to have */
    for (; i < (bearer ? channels->count : channels->program_count); i++)
        if (channels->slots[i].state == AMBLE__CHANNEL_FREE)
            return &channels->slots[i];
    return NULL;
}

amble_l2cap_channel *amble__channel_take(amble__l2cap_link *link, uint16_t psm, const amble_l2cap_options *options,
                                         amble__channel_kind kind)
{
    amble__channels *channels = &link->l2cap->channels;
    const bool bearer = kind == AMBLE__CHANNEL_BEARER;
    amble_l2cap_channel *channel = free_slot(link, bearer);
    size_t place = 0;

    while (place < channels->cids && link->channels.by_cid[place])
        place++;
    if (!channel || place == channels->cids)
        return NULL;
    *channel = (amble_l2cap_channel){.state = AMBLE__CHANNEL_CONNECTING,
                                     .kind = kind,
                                     .owned = bearer,
                                     .received = bearer ? link->l2cap->bearer_received : NULL,
                                     .close_on_cancel = options->close_on_cancel,
                                     .generation = ++channels->generations,
                                     .link = link,
                                     .conn = link->conn,
                                     .cid = (uint16_t)(AMBLE__CID_DYNAMIC + place),
                                     .psm = psm,
                                     .mtu = options->mtu,
                                     .mps = options->mps,
                                     .unit = kind == AMBLE__CHANNEL_ENHANCED ? channels->mps : options->mps,
                                     .sdu_size = options->sdu_size,
                                     .in = {.bytes = channel->in.bytes, .size = channel->in.size},
                                     .out = {.bytes = channel->out.bytes, .size = channel->out.size}};
    channel->granted = amble__channel_fits(channel, channel->in.size);
    amble__list_init(&channel->readers);
    amble__list_init(&channel->writers);
    amble__list_init(&channel->ends);
    link->channels.by_cid[place] = (uint16_t)(channel - channels->slots + 1);
    return channel;
}

void amble__channel_opened(amble_l2cap_channel *channel, const amble__channel_peer *peer)
{
    channel->state = AMBLE__CHANNEL_OPEN;
    channel->peer_cid = peer->cid;
    channel->peer_mtu = peer->mtu;
    channel->peer_mps = peer->mps;
    channel->credits = peer->credits;
    if (channel->kind == AMBLE__CHANNEL_BEARER &&
        channel->owned) /* else whoever asked for it is gone, and it is closed */
        channel->link->l2cap->bearer_ready(channel);
}

/* --- ending ------------------------------------------------------------------------------------------------------- */
/* ATT lets go of a channel that has ended, or is about to. */
static void end_bearer(amble_l2cap_channel *channel)
{
    if (channel->kind != AMBLE__CHANNEL_BEARER || !channel->owned)
        return;
    channel->link->l2cap->bearer_ended(channel);
    amble__channel_abandon(channel);
}

static void end_waits(amble_l2cap_channel *channel)
{
    const int error = channel->end;

    amble__waiters_end(&channel->readers, channel->readable ? 0 : error);
    amble__waiters_end(&channel->writers, error);
}

/* Neither program nor listener has it, so nobody will ever read what it holds. */
static bool is_nobodys(const amble_l2cap_channel *channel)
{
    return !channel->owned && (!channel->waits_for_owner || !channel->readable || channel->link->conn->end < 0);
}

void amble__channel_ended(amble_l2cap_channel *channel, int error)
{
    amble__l2cap_link *link = channel->link;

    for (int i = 0; i < AMBLE__SIGNALLING_REQUESTS; i++)
        if (link->signalling.requests[i].subject == channel)
            link->signalling.requests[i].answered = NULL;
    if (link->channels.frame_of == channel)
        link->channels.frame_of = NULL;
    link->channels.by_cid[channel->cid - AMBLE__CID_DYNAMIC] = 0;
    if (!channel->end)
        channel->end = error;
    channel->state = is_nobodys(channel) ? AMBLE__CHANNEL_FREE : AMBLE__CHANNEL_CLOSED;
    amble__ring_clear(&channel->out);
    end_waits(channel);
    amble__waiters_end(&channel->ends, channel->end);
    end_bearer(channel);
}

void amble__channel_close(amble_l2cap_channel *channel, int error)
{
    if (channel->state != AMBLE__CHANNEL_OPEN)
        return;
    channel->state = AMBLE__CHANNEL_CLOSING;
    channel->end = error;
    amble__ring_clear(&channel->out);
    end_waits(channel);
    amble__channels_owe(channel->link);
    end_bearer(channel);
}

void amble__channel_abandon(amble_l2cap_channel *channel)
{
    channel->owned = channel->waits_for_owner = false;
    amble__channel_close(channel, AMBLE_ERR_CHANNEL_CLOSED);
    if (channel->state == AMBLE__CHANNEL_CLOSED)
        channel->state = AMBLE__CHANNEL_FREE;
}

void amble__channels_lost(amble__l2cap_link *link)
{
    amble__work_cancel(&link->channels.work);
    for (size_t i = 0; i < link->l2cap->channels.cids; i++)
        if (link->channels.by_cid[i])
            amble__channel_ended(channel_at(link, i), link->conn->end);
    /* Those that ended before and nobody can accept any more. */
    for (size_t i = 0; i < link->l2cap->channels.count; i++) {
        amble_l2cap_channel *channel = &link->l2cap->channels.slots[i];

        if (channel->state == AMBLE__CHANNEL_CLOSED && channel->link == link && channel->waits_for_owner)
            amble__channel_abandon(channel);
    }
    for (size_t i = 0; i < link->l2cap->channels.listener_count; i++)
        if (link->l2cap->channels.listeners[i].used)
            amble__waiters_end(&link->l2cap->channels.listeners[i].accepters, 0);
}

void amble__channels_forget(amble__l2cap *l2cap, const amble_connection *conn)
{
    for (size_t i = 0; i < l2cap->channels.count; i++)
        if (l2cap->channels.slots[i].conn == conn)
            l2cap->channels.slots[i].conn = NULL;
}

/* --- what is owed ------------------------------------------------------------------------------------------------- */
/* The peer closed it, or does not know it, or says nothing: whatever came, it has ended. */
static int disconnected(amble__signalling_request *request, int error, amble__reader response)
{
    (void)response;
    amble__channel_ended(request->subject, AMBLE_ERR_CHANNEL_CLOSED);
    return error;
}

static void send_disconnection(amble_l2cap_channel *channel)
{
    amble__writer w;
    amble__signalling_request *request =
        amble__signalling_try(channel->link, AMBLE__DISCONNECTION_REQUEST, &w); /* 4.6 */

    if (!request) {
        channel->link->channels.waiting = true;
        return;
    }
    channel->disconnect_sent = true;
    amble__write_le16(&w, channel->peer_cid);
    amble__write_le16(&w, channel->cid);
    request->answered = disconnected;
    request->subject = channel;
    amble__signalling_post(request, &w);
}

static void settle(amble__work *work)
{
    amble__l2cap_link *link = amble__container(work, amble__l2cap_link, channels.work);
    amble_l2cap_channel *flushed = link->channels.frame_of;

    if (flushed && !link->channels.frame.busy) {
        link->channels.frame_of = NULL;
        amble__waiters_end(&flushed->writers, 0);
    }
    link->channels.waiting = false;
    for (size_t i = 0; i < link->l2cap->channels.cids; i++) {
        amble_l2cap_channel *channel = channel_at(link, i);

        if (channel && channel->state == AMBLE__CHANNEL_CLOSING && !channel->disconnect_sent)
            send_disconnection(channel);
        else if (channel && channel->state == AMBLE__CHANNEL_OPEN)
            amble__channel_grant(channel);
    }
    amble__channels_pump(link);
}

void amble__channels_owe(amble__l2cap_link *link)
{
    if (link->l2cap->channels.count)
        amble__work_post(&link->channels.work);
}

/* --- what a program may ask --------------------------------------------------------------------------------------- */
uint16_t amble_l2cap_our_mtu(const amble_l2cap_channel *channel) { return channel->mtu; }
uint16_t amble_l2cap_peer_mtu(const amble_l2cap_channel *channel) { return channel->peer_mtu; }
uint16_t amble_l2cap_psm(const amble_l2cap_channel *channel) { return channel->psm; }
amble_connection *amble_l2cap_connection(const amble_l2cap_channel *channel) { return channel->conn; }

int amble_l2cap_disconnected(amble_l2cap_channel *channel, int timeout_ms)
{
    const uint32_t generation = channel->generation;
    int r = amble__wait_check();

    if (r < 0)
        return r;
    if (channel->state == AMBLE__CHANNEL_CLOSED)
        return 0;
    r = amble__wait_on(&channel->ends, timeout_ms);
    if (channel->generation != generation || channel->state == AMBLE__CHANNEL_FREE)
        return AMBLE_ERR_STALE;
    return r == AMBLE_ERR_TIMEOUT || r == AMBLE_ERR_CANCELLED || channel->state != AMBLE__CHANNEL_CLOSED ? r : 0;
}

static amble_l2cap_channel *channel_of(const amble_source *source)
{
    return (amble_l2cap_channel *)(uintptr_t)source->object;
}
static bool has_ended(const amble_source *source) { return channel_of(source)->state == AMBLE__CHANNEL_CLOSED; }
static amble__list *ends_of(const amble_source *source) { return &channel_of(source)->ends; }

amble_source amble_on_l2cap_disconnected(amble_l2cap_channel *channel)
{
    static const amble__source_kind kind = {.ready = has_ended, .waiters = ends_of};

    return (amble_source){.kind = &kind, .object = channel};
}

void amble_l2cap_close(amble_l2cap_channel *channel)
{
    const uint64_t drained = amble__deadline(DRAIN_MS), closed = amble__deadline(CLOSE_MS);
    int r = 0;

    if (!channel)
        return;
    amble__shield_begin();
    while (r >= 0 && channel->state == AMBLE__CHANNEL_OPEN && channel->out.used)
        r = amble__wait_on_until(&channel->writers, drained);
    amble__channel_close(channel, AMBLE_ERR_CHANNEL_CLOSED);
    if (channel->state == AMBLE__CHANNEL_CLOSING)
        (void)amble__wait_on_until(&channel->ends, closed); /* afterwards the host goes on alone */
    amble__shield_end();
    amble__channel_abandon(channel);
}
