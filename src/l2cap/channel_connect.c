/* How channels begin: listening and accepting, and connecting with the basic request (Vol 3 Part A 4.22, 4.23). The end
 * that a peer asks for is here, too (4.6), since it is the same table.
 *
 * Invariant: a channel that nobody accepted yet waits at the listener with its SPSM, or is FREE. */
#include "l2cap/channel_connect.h"

/* --- listening ---------------------------------------------------------------------------------------------------- */
amble__listener *amble__listener_at(const amble__l2cap *l2cap, uint16_t psm)
{
    for (size_t i = 0; i < l2cap->channels.listener_count; i++)
        if (l2cap->channels.listeners[i].used && l2cap->channels.listeners[i].psm == psm)
            return &l2cap->channels.listeners[i];
    return NULL;
}

static int listen(amble__l2cap *l2cap, uint16_t psm, const amble_l2cap_options *options, bool bearers)
{
    if (amble__listener_at(l2cap, psm))
        return AMBLE_ERR_BUSY;
    for (size_t i = 0; i < l2cap->channels.listener_count; i++) {
        amble__listener *listener = &l2cap->channels.listeners[i];

        if (listener->used)
            continue;
        *listener = (amble__listener){.used = true, .bearers = bearers, .psm = psm, .options = *options};
        amble__list_init(&listener->accepters);
        return 0;
    }
    return AMBLE_ERR_NO_MEMORY;
}

int amble__l2cap_listen(amble__l2cap *l2cap, uint16_t psm, const amble_l2cap_options *options)
{
    amble_l2cap_options filled;

    if (!l2cap->channels.program_count)
        return AMBLE_ERR_NO_MEMORY;
    if (!psm || psm > AMBLE__SPSM_MAX || !amble__channel_options(&l2cap->channels, options, &filled))
        return AMBLE_ERR_ARGUMENT;
    return listen(l2cap, psm, &filled, false);
}

int amble__bearers_listen(amble__l2cap *l2cap)
{
    return listen(l2cap, AMBLE__SPSM_ATT, &l2cap->channels.bearer_options, true);
}

/* One that the program has; the host's own it can neither take over nor end. */
static amble__listener *program_listener(const amble__l2cap *l2cap, uint16_t psm)
{
    amble__listener *listener = amble__listener_at(l2cap, psm);

    return listener && !listener->bearers ? listener : NULL;
}

/* The oldest channel of this link that waits to be accepted, and how many there are. */
static amble_l2cap_channel *oldest_waiting(const amble_connection *conn, uint16_t psm, unsigned *count)
{
    const amble__channels *channels = &conn->l2cap->l2cap->channels;
    amble_l2cap_channel *oldest = NULL;

    *count = 0;
    for (size_t i = 0; i < channels->count; i++) {
        amble_l2cap_channel *channel = &channels->slots[i];

        if (channel->state == AMBLE__CHANNEL_FREE || !channel->waits_for_owner || channel->link->conn != conn ||
            channel->psm != psm)
            continue;
        ++*count;
        if (!oldest || channel->generation < oldest->generation)
            oldest = channel;
    }
    return oldest;
}

int amble__l2cap_unlisten(amble__l2cap *l2cap, uint16_t psm)
{
    amble__listener *listener = program_listener(l2cap, psm);

    if (!listener)
        return AMBLE_ERR_NOT_FOUND;
    listener->used = false;
    for (size_t i = 0; i < l2cap->channels.count; i++) {
        amble_l2cap_channel *channel = &l2cap->channels.slots[i];

        if (channel->state != AMBLE__CHANNEL_FREE && channel->waits_for_owner && channel->psm == psm)
            amble__channel_abandon(channel);
    }
    amble__waiters_end(&listener->accepters, 0);
    return 0;
}

int amble_l2cap_accept(amble_connection *conn, uint16_t psm, amble_l2cap_channel **channel, int timeout_ms)
{
    const uint64_t deadline = amble__due(timeout_ms);
    const uint32_t generation = conn->generation;
    amble__listener *listener;
    unsigned count;
    int r = amble__wait_check();

    *channel = NULL;
    while (r >= 0 && (r = amble__link_check(conn, generation)) == 0) {
        *channel = oldest_waiting(conn, psm, &count);
        if (*channel) {
            (*channel)->waits_for_owner = false;
            (*channel)->owned = true;
            return 0;
        }
        listener = program_listener(conn->l2cap->l2cap, psm);
        if (!listener)
            return amble__wait_refuse(AMBLE_ERR_NOT_FOUND);
        r = amble__link_wait(conn, &listener->accepters, deadline);
    }
    return r;
}

static const amble_connection *link_of(const amble_source *source) { return source->object; }
static uint16_t psm_of(const amble_source *source) { return (uint16_t)(uintptr_t)source->detail; }
static bool can_accept(const amble_source *source)
{
    const amble_connection *conn = link_of(source);
    unsigned count;

    return conn->end < 0 || !program_listener(conn->l2cap->l2cap, psm_of(source)) ||
           oldest_waiting(conn, psm_of(source), &count);
}
static amble__list *accepters_of(const amble_source *source)
{
    return &amble__listener_at(link_of(source)->l2cap->l2cap, psm_of(source))->accepters;
}

amble_source amble_on_l2cap_accept(amble_connection *conn, uint16_t psm)
{
    static const amble__source_kind kind = {.ready = can_accept, .waiters = accepters_of};

    return (amble_source){.kind = &kind, .object = conn, .detail = (const void *)(uintptr_t)psm};
}

/* --- the peer asks ------------------------------------------------------------------------------------------------ */
/* Why no channel may lead to the peer's CID, or 0. */
uint16_t amble__check_source_cid(const amble__l2cap_link *link, uint16_t cid)
{
    if (cid < AMBLE__CID_DYNAMIC || cid >= AMBLE__CID_DYNAMIC + AMBLE__CIDS)
        return AMBLE__CONNECTION_INVALID_CID;
    return amble__channel_by_peer_cid(link, cid) ? AMBLE__CONNECTION_CID_IN_USE : AMBLE__CONNECTION_SUCCESSFUL;
}

uint16_t amble__grant_channel(amble__l2cap_link *link, const amble__listener *listener, const amble__channel_peer *peer,
                              amble__channel_kind kind, amble_l2cap_channel **channel)
{
    const bool bearer = kind == AMBLE__CHANNEL_BEARER;
    unsigned waiting;

    (void)oldest_waiting(link->conn, listener->psm, &waiting);
    *channel = bearer || waiting < listener->options.backlog
                   ? amble__channel_take(link, listener->psm, &listener->options, kind)
                   : NULL;
    if (!*channel)
        return AMBLE__CONNECTION_NO_RESOURCES;
    (*channel)->waits_for_owner = !bearer;
    amble__channel_opened(*channel, peer);
    return AMBLE__CONNECTION_SUCCESSFUL;
}

/* Both the request and the response have these four in a row. */
static amble__channel_peer read_peer(amble__reader *r)
{
    amble__channel_peer peer = {.cid = amble__read_le16(r)};

    peer.mtu = amble__read_le16(r);
    peer.mps = amble__read_le16(r);
    peer.credits = amble__read_le16(r);
    return peer;
}

uint16_t amble__check_listener(const amble__l2cap_link *link, const amble__listener *listener)
{
    static const uint16_t results[] = {
        [AMBLE__GUARD_SATISFIED] = AMBLE__CONNECTION_SUCCESSFUL,
        [AMBLE__GUARD_WANTS_AUTHENTICATION] = AMBLE__CONNECTION_NO_AUTHENTICATION,
        [AMBLE__GUARD_WANTS_ENCRYPTION] = AMBLE__CONNECTION_NO_ENCRYPTION,
        [AMBLE__GUARD_WANTS_LONGER_KEY] = AMBLE__CONNECTION_SHORT_KEY,
        [AMBLE__GUARD_WANTS_AUTHORISATION] = AMBLE__CONNECTION_NO_AUTHORISATION,
    };

    return !listener ? AMBLE__CONNECTION_NO_SPSM
                     : results[amble__link_guard(link->conn, listener->options.security, listener->options.authorised)];
}

static uint16_t check_request(const amble__l2cap_link *link, const amble__listener *listener,
                              const amble__channel_peer *peer)
{
    const uint16_t refused = amble__check_listener(link, listener);

    if (refused)
        return refused;
    if (listener->bearers) /* they are opened the enhanced way, Part G 5.3 */
        return AMBLE__CONNECTION_NO_SPSM;
    if (peer->mtu < AMBLE__UNIT_MIN || peer->mps < AMBLE__UNIT_MIN || peer->mps > AMBLE__MPS_MAX)
        return AMBLE__CONNECTION_UNACCEPTABLE;
    return amble__check_source_cid(link, peer->cid);
}

static void receive_connection(amble__l2cap_link *link, uint8_t identifier, amble__bytes data)
{
    amble__signalling_answer answer = amble__signalling_answer_begin(link, AMBLE__LE_CONNECTION_RESPONSE, identifier);
    amble__reader r = amble__reader_of(data.data, data.size);
    const uint16_t psm = amble__read_le16(&r);
    const amble__channel_peer peer = read_peer(&r);
    amble__listener *listener = amble__listener_at(link->l2cap, psm);
    amble_l2cap_channel *channel = NULL;
    uint16_t result = check_request(link, listener, &peer);

    if (result == AMBLE__CONNECTION_SUCCESSFUL && answer.packet)
        result = amble__grant_channel(link, listener, &peer, AMBLE__CHANNEL_BASIC, &channel);
    amble__write_le16(&answer.w, channel ? channel->cid : 0);
    amble__write_le16(&answer.w, channel ? channel->mtu : 0);
    amble__write_le16(&answer.w, channel ? channel->mps : 0);
    amble__write_le16(&answer.w, channel ? channel->granted : 0);
    amble__write_le16(&answer.w, result);
    amble__signalling_answer_send(&answer);
    if (channel)
        amble__waiters_end(&listener->accepters, 0); /* tasks of other links wait on */
}

/* 4.6, 4.7. */
static void receive_disconnection(amble__l2cap_link *link, uint8_t identifier, amble__bytes data)
{
    const uint16_t ids[] = {amble__get_le16(data.data), amble__get_le16(data.data + 2)};
    amble_l2cap_channel *channel = amble__channel_by_cid(link, ids[0]);
    amble__signalling_answer answer;

    if (!channel || channel->state == AMBLE__CHANNEL_CONNECTING) {
        amble__signalling_reject(link, identifier, AMBLE__REJECT_INVALID_CID, ids, 2);
        return;
    }
    if (channel->peer_cid != ids[1]) {
        link->l2cap->malformed++; /* not the channel's other end: dropped, 4.6 */
        return;
    }
    answer = amble__signalling_answer_begin(link, AMBLE__DISCONNECTION_RESPONSE, identifier);
    amble__write_le16(&answer.w, ids[0]);
    amble__write_le16(&answer.w, ids[1]);
    amble__signalling_answer_send(&answer);
    amble__channel_ended(channel, AMBLE_ERR_CHANNEL_CLOSED);
}

bool amble__channels_request(amble__l2cap_link *link, uint8_t code, uint8_t identifier, amble__bytes data)
{
    if (code == AMBLE__LE_CONNECTION_REQUEST && data.size == 10)
        receive_connection(link, identifier, data);
    else if (code == AMBLE__DISCONNECTION_REQUEST && data.size == 4)
        receive_disconnection(link, identifier, data);
    else if (code == AMBLE__CONNECTION_REQUEST)
        return amble__enhanced_connection(link, identifier, data);
    else if (code == AMBLE__RECONFIGURE_REQUEST)
        return amble__enhanced_reconfiguration(link, identifier, data);
    else
        return false;
    return true;
}

/* --- this side asks ----------------------------------------------------------------------------------------------- */
int amble__connection_granted(amble_l2cap_channel *channel, const amble__channel_peer *peer, uint16_t unit_min)
{
    const bool taken = amble__channel_by_peer_cid(channel->link, peer->cid) != NULL;
    const bool sensible = peer->mtu >= unit_min && peer->mps >= unit_min && peer->mps <= AMBLE__MPS_MAX;

    if (peer->cid < AMBLE__CID_DYNAMIC || peer->cid >= AMBLE__CID_DYNAMIC + AMBLE__CIDS || taken) {
        channel->link->l2cap->malformed++;
        amble__channel_ended(channel, AMBLE_ERR_PROTOCOL);
        return AMBLE_ERR_PROTOCOL;
    }
    amble__channel_opened(channel, peer);
    if (!sensible)
        channel->link->l2cap->malformed++;
    if (!sensible || !channel->owned) /* who asked for it is gone: nobody sees it */
        amble__channel_close(channel, AMBLE_ERR_PROTOCOL);
    return sensible ? 0 : AMBLE_ERR_PROTOCOL;
}

/* The answer to a connection request, 4.23. */
static int connected(amble__signalling_request *request, int error, amble__reader r)
{
    amble_l2cap_channel *channel = request->subject;
    const amble__channel_peer peer = read_peer(&r);
    const uint16_t result = amble__read_le16(&r);

    if (!error && r.failed)
        error = AMBLE_ERR_PROTOCOL;
    if (!error && result)
        error = AMBLE_ERR_L2CAP_CONNECT(result & 0xff);
    if (!error)
        return amble__connection_granted(channel, &peer, AMBLE__UNIT_MIN);
    amble__channel_ended(channel, error);
    return error;
}

int amble__connect_begin(amble_connection *conn, uint16_t psm, const amble_l2cap_options *options,
                         amble_l2cap_options *filled)
{
    int r = amble__wait_check();

    if (r < 0)
        return r;
    if (conn->end < 0)
        return amble__wait_refuse(conn->end);
    if (!conn->l2cap->l2cap->channels.program_count)
        return AMBLE_ERR_NO_MEMORY;
    return psm && psm <= AMBLE__SPSM_MAX && amble__channel_options(&conn->l2cap->l2cap->channels, options, filled)
               ? 0
               : AMBLE_ERR_ARGUMENT;
}

static int ask(amble_l2cap_channel *channel, uint64_t deadline_us)
{
    amble__signalling_response response;
    amble__signalling_request *request;
    amble__writer w;
    int r = amble__signalling_begin(channel->link->conn, AMBLE__LE_CONNECTION_REQUEST, deadline_us, &request, &w);

    if (r < 0) {
        if (channel->state == AMBLE__CHANNEL_CONNECTING) /* else the link ended it */
            amble__channel_ended(channel, r);
        return r;
    }
    amble__write_le16(&w, channel->psm);
    amble__write_le16(&w, channel->cid);
    amble__write_le16(&w, channel->mtu);
    amble__write_le16(&w, channel->mps);
    amble__write_le16(&w, channel->granted);
    request->answered = connected;
    request->subject = channel;
    return amble__signalling_exchange(request, &w, deadline_us, &response);
}

static int connect_once(amble_connection *conn, uint16_t psm, const amble_l2cap_options *filled,
                        amble_l2cap_channel **channel, uint64_t deadline_us)
{
    amble_l2cap_channel *taken = amble__channel_take(conn->l2cap, psm, filled, AMBLE__CHANNEL_BASIC);
    int r;

    if (!taken)
        return AMBLE_ERR_NO_MEMORY;
    taken->owned = true;
    r = ask(taken, deadline_us);
    if (r < 0)
        amble__channel_abandon(taken);
    else
        *channel = taken;
    return r;
}

bool amble__connect_again(amble_connection *conn, bool *tried, int *error, uint64_t deadline_us)
{
    return (*error == AMBLE_ERR_L2CAP_CONNECT(AMBLE__CONNECTION_NO_AUTHENTICATION) ||
            *error == AMBLE_ERR_L2CAP_CONNECT(AMBLE__CONNECTION_NO_ENCRYPTION)) &&
           amble__link_secured(conn, tried, error, deadline_us);
}

int amble_l2cap_connect(amble_connection *conn, uint16_t psm, const amble_l2cap_options *options,
                        amble_l2cap_channel **channel, int timeout_ms)
{
    const uint64_t deadline = amble__due(timeout_ms);
    amble_l2cap_options filled;
    bool tried = false;
    int r = amble__connect_begin(conn, psm, options, &filled);

    *channel = NULL;
    if (r < 0)
        return r;
    do
        r = connect_once(conn, psm, &filled, channel, deadline);
    while (r < 0 && amble__connect_again(conn, &tried, &r, deadline));
    return r < 0 ? r : 0;
}
