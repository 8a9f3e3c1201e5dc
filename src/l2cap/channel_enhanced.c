/* The enhanced way: up to five channels with one request, and larger SDUs and frames later on (Vol 3 Part A 4.25 to
 * 4.28, 10.2).
 *
 * Channels of one request of ours are found by its identifier, their `group`, and stand in it in the order of their
 * CIDs. */
#include "l2cap/channel_connect.h"

enum { CID_SIZE = 2 };
/* Results, 4.28. */
enum {
    RECONFIGURED = 0,
    MTU_MAY_NOT_SHRINK = 1,
    MPS_MAY_NOT_SHRINK = 2,
    CID_INVALID = 3,
    UNACCEPTABLE = 4,
};

/* How many CIDs stand behind `fixed` bytes; 0 when that makes no sense. */
static unsigned cids_behind(amble__bytes data, size_t fixed)
{
    const size_t count = data.size > fixed ? (data.size - fixed) / CID_SIZE : 0;

    return count <= AMBLE_L2CAP_GROUP_MAX && data.size == fixed + count * CID_SIZE ? (unsigned)count : 0;
}

/* The channel of this group with the lowest CID above `*cid`; NULL when there is no more. */
static amble_l2cap_channel *next_of_group(const amble__l2cap_link *link, uint8_t group, amble__channel_state state,
                                          uint16_t *cid)
{
    while (*cid < AMBLE__CID_DYNAMIC + AMBLE__CIDS) {
        amble_l2cap_channel *channel = amble__channel_by_cid(link, (*cid)++);

        if (channel && channel->group == group && channel->state == state)
            return channel;
    }
    return NULL;
}

/* --- the peer asks ------------------------------------------------------------------------------------------------ */
static uint16_t check_request(const amble__l2cap_link *link, const amble__listener *listener,
                              const amble__channel_peer *peer)
{
    const uint16_t refused = amble__check_listener(link, listener);

    if (refused)
        return refused;
    return peer->mtu < AMBLE__ENHANCED_UNIT_MIN || peer->mps < AMBLE__ENHANCED_UNIT_MIN || peer->mps > AMBLE__MPS_MAX ||
                   !peer->credits || listener->options.mtu < AMBLE__ENHANCED_UNIT_MIN ||
                   listener->options.mps < AMBLE__ENHANCED_UNIT_MIN
               ? AMBLE__CONNECTION_UNACCEPTABLE
               : AMBLE__CONNECTION_SUCCESSFUL;
}

/* A channel to each of the peer's CIDs, as far as that can be. The result is of the last that cannot. */
static uint16_t grant_all(amble__l2cap_link *link, amble__listener *listener, amble__channel_peer *peer,
                          amble__reader *cids, amble_l2cap_channel **granted)
{
    const amble__channel_kind kind = listener->bearers ? AMBLE__CHANNEL_BEARER : AMBLE__CHANNEL_ENHANCED;
    uint16_t result = AMBLE__CONNECTION_SUCCESSFUL;

    while (amble__read_left(cids)) {
        uint16_t refused;

        peer->cid = amble__read_le16(cids);
        refused = amble__check_source_cid(link, peer->cid);
        if (!refused)
            refused = amble__grant_channel(link, listener, peer, kind, granted);
        if (refused)
            result = refused;
        granted++;
    }
    return result;
}

bool amble__enhanced_connection(amble__l2cap_link *link, uint8_t identifier, amble__bytes data)
{
    const unsigned count = cids_behind(data, 8);
    amble__signalling_answer answer = amble__signalling_answer_begin(link, AMBLE__CONNECTION_RESPONSE, identifier);
    amble__reader r = amble__reader_of(data.data, data.size);
    const uint16_t psm = amble__read_le16(&r);
    amble__listener *listener = amble__listener_at(link->l2cap, psm);
    amble_l2cap_channel *granted[AMBLE_L2CAP_GROUP_MAX] = {NULL}, *first = NULL;
    amble__channel_peer peer = {.mtu = amble__read_le16(&r)};
    uint16_t result;

    if (!count)
        return false;
    peer.mps = amble__read_le16(&r);
    peer.credits = amble__read_le16(&r);
    result = check_request(link, listener, &peer);
    if (result == AMBLE__CONNECTION_SUCCESSFUL && answer.packet)
        result = grant_all(link, listener, &peer, &r, granted);
    for (unsigned i = 0; i < count && !first; i++)
        first = granted[i];
    amble__write_le16(&answer.w, first ? first->mtu : 0);
    amble__write_le16(&answer.w, first ? first->mps : 0);
    amble__write_le16(&answer.w, first ? first->granted : 0);
    amble__write_le16(&answer.w, result);
    for (unsigned i = 0; i < count; i++)
        amble__write_le16(&answer.w, granted[i] ? granted[i]->cid : 0);
    amble__signalling_answer_send(&answer);
    if (first)
        amble__waiters_end(&listener->accepters, 0);
    return true;
}

static uint16_t check_reconfiguration(const amble__l2cap_link *link, uint16_t mtu, uint16_t mps, amble__reader cids,
                                      unsigned count)
{
    if (mtu < AMBLE__ENHANCED_UNIT_MIN || mps < AMBLE__ENHANCED_UNIT_MIN || mps > AMBLE__MPS_MAX)
        return UNACCEPTABLE;
    while (amble__read_left(&cids)) {
        const amble_l2cap_channel *channel = amble__channel_by_peer_cid(link, amble__read_le16(&cids));

        if (!channel || channel->state != AMBLE__CHANNEL_OPEN || channel->kind == AMBLE__CHANNEL_BASIC)
            return CID_INVALID;
        if (mtu < channel->peer_mtu)
            return MTU_MAY_NOT_SHRINK;
        if (mps < channel->peer_mps && count > 1)
            return MPS_MAY_NOT_SHRINK;
    }
    return RECONFIGURED;
}

/* The CIDs are those of the peer's ends. */
bool amble__enhanced_reconfiguration(amble__l2cap_link *link, uint8_t identifier, amble__bytes data)
{
    const unsigned count = cids_behind(data, 4);
    amble__reader r = amble__reader_of(data.data, data.size);
    const uint16_t mtu = amble__read_le16(&r), mps = amble__read_le16(&r);
    const uint16_t result = check_reconfiguration(link, mtu, mps, r, count);
    amble__signalling_answer answer;

    if (!count)
        return false;
    while (result == RECONFIGURED && amble__read_left(&r)) {
        amble_l2cap_channel *channel = amble__channel_by_peer_cid(link, amble__read_le16(&r));

        channel->peer_mtu = mtu;
        channel->peer_mps = mps;
        if (channel->kind == AMBLE__CHANNEL_BEARER)
            link->l2cap->bearer_ready(channel);
    }
    answer = amble__signalling_answer_begin(link, AMBLE__RECONFIGURE_RESPONSE, identifier);
    amble__write_le16(&answer.w, result);
    amble__signalling_answer_send(&answer);
    return true;
}

/* --- this side asks ----------------------------------------------------------------------------------------------- */
static int refused(uint16_t result) { return result ? AMBLE_ERR_L2CAP_CONNECT(result & 0xff) : AMBLE_ERR_PROTOCOL; }

/* The answer to a connection request, 4.26: a CID for each of the group, 0 for those that were refused. */
static int connected(amble__signalling_request *request, int error, amble__reader r)
{
    amble__channel_peer peer = {.mtu = amble__read_le16(&r)};
    amble_l2cap_channel *channel;
    uint16_t result, at = AMBLE__CID_DYNAMIC;
    bool any = false;

    peer.mps = amble__read_le16(&r);
    peer.credits = amble__read_le16(&r);
    result = amble__read_le16(&r);
    while ((channel = next_of_group(request->link, request->identifier, AMBLE__CHANNEL_CONNECTING, &at))) {
        channel->group = 0;
        peer.cid = amble__read_le16(&r);
        if (!error && !r.failed && peer.cid)
            any |= amble__connection_granted(channel, &peer, AMBLE__ENHANCED_UNIT_MIN) == 0;
        else
            amble__channel_ended(channel, error ? error : refused(result));
    }
    return error ? error : any ? 0 : refused(result);
}

static int ask_for_all(amble_connection *conn, amble_l2cap_channel *const *taken, unsigned count, uint64_t deadline_us)
{
    amble__signalling_response response;
    amble__signalling_request *request;
    amble__writer w;
    int r = amble__signalling_begin(conn, AMBLE__CONNECTION_REQUEST, deadline_us, &request, &w);

    if (r < 0) {
        for (unsigned i = 0; i < count; i++)
            if (taken[i]->state == AMBLE__CHANNEL_CONNECTING) /* else the link ended it */
                amble__channel_ended(taken[i], r);
        return r;
    }
    amble__write_le16(&w, taken[0]->psm);
    amble__write_le16(&w, taken[0]->mtu);
    amble__write_le16(&w, taken[0]->mps);
    amble__write_le16(&w, taken[0]->granted);
    for (unsigned i = 0; i < count; i++) {
        taken[i]->group = request->identifier;
        amble__write_le16(&w, taken[i]->cid);
    }
    request->answered = connected;
    return amble__signalling_exchange(request, &w, deadline_us, &response);
}

/* 0, or what is left when there are not enough is given back. */
static int take_all(amble_connection *conn, uint16_t psm, const amble_l2cap_options *options, amble__channel_kind kind,
                    amble_l2cap_channel **taken, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        taken[i] = amble__channel_take(conn->l2cap, psm, options, kind);
        if (taken[i]) {
            taken[i]->owned = true;
            continue;
        }
        while (i--) {
            amble__channel_ended(taken[i], AMBLE_ERR_NO_MEMORY);
            amble__channel_abandon(taken[i]);
        }
        return AMBLE_ERR_NO_MEMORY;
    }
    return 0;
}

/* How many were granted, first in `channels`; or an error. */
static int connect_all(amble_connection *conn, uint16_t psm, const amble_l2cap_options *filled,
                       amble_l2cap_channel **channels, unsigned count, uint64_t deadline_us)
{
    amble_l2cap_channel *taken[AMBLE_L2CAP_GROUP_MAX];
    int granted = 0, r = take_all(conn, psm, filled, AMBLE__CHANNEL_ENHANCED, taken, count);

    if (r < 0)
        return r;
    r = ask_for_all(conn, taken, count, deadline_us);
    for (unsigned i = 0; i < count; i++) {
        if (r >= 0 && taken[i]->peer_cid)
            channels[granted++] = taken[i];
        else
            amble__channel_abandon(taken[i]);
    }
    return r < 0 ? r : granted;
}

int amble_l2cap_connect_enhanced(amble_connection *conn, uint16_t psm, const amble_l2cap_options *options,
                                 amble_l2cap_channel **channels, unsigned count, int timeout_ms)
{
    const uint64_t deadline = amble__due(timeout_ms);
    amble_l2cap_options filled;
    bool tried = false;
    int r = amble__connect_begin(conn, psm, options, &filled);

    for (unsigned i = 0; i < count; i++)
        channels[i] = NULL;
    if (r < 0)
        return r;
    if (!count || count > AMBLE_L2CAP_GROUP_MAX || filled.mtu < AMBLE__ENHANCED_UNIT_MIN ||
        filled.mps < AMBLE__ENHANCED_UNIT_MIN)
        return AMBLE_ERR_ARGUMENT;
    do
        r = connect_all(conn, psm, &filled, channels, count, deadline);
    while (r < 0 && amble__connect_again(conn, &tried, &r, deadline));
    return r;
}

/* Those that are refused or closed are let go where that happens; what is left to do here is to withdraw from those
 * still asked for. */
int amble__bearers_connect(amble_connection *conn, unsigned count, uint64_t deadline_us)
{
    const amble__channels *channels = &conn->l2cap->l2cap->channels;
    amble_l2cap_channel *taken[AMBLE_L2CAP_GROUP_MAX];
    uint32_t generations[AMBLE_L2CAP_GROUP_MAX];
    int r;

    if (conn->end || !count)
        return conn->end;
    r = take_all(conn, AMBLE__SPSM_ATT, &channels->bearer_options, AMBLE__CHANNEL_BEARER, taken, count);
    if (r < 0)
        return r;
    for (unsigned i = 0; i < count; i++)
        generations[i] = taken[i]->generation;
    r = ask_for_all(conn, taken, count, deadline_us);
    for (unsigned i = 0; r < 0 && i < count; i++)
        if (taken[i]->generation == generations[i] && taken[i]->state == AMBLE__CHANNEL_CONNECTING)
            amble__channel_abandon(taken[i]);
    return r;
}

/* --- reconfiguring ------------------------------------------------------------------------------------------------ */
static int reconfigured(amble__signalling_request *request, int error, amble__reader r)
{
    const uint16_t result = amble__read_le16(&r);
    amble_l2cap_channel *channel;
    uint16_t at = AMBLE__CID_DYNAMIC;

    if (!error && r.failed)
        error = AMBLE_ERR_PROTOCOL;
    if (!error && result)
        error = AMBLE_ERR_L2CAP_RECONFIGURE(result & 0xff);
    while ((channel = next_of_group(request->link, request->identifier, AMBLE__CHANNEL_OPEN, &at))) {
        channel->group = 0;
        if (error)
            continue;
        channel->mtu = channel->next_mtu;
        channel->mps = channel->next_mps;
    }
    return error;
}

static int check_reconfigure(amble_l2cap_channel *const *channels, unsigned count, uint16_t mtu, uint16_t mps)
{
    for (unsigned i = 0; i < count; i++) {
        const amble_l2cap_channel *channel = channels[i];

        if (amble__channel_check(channel) < 0)
            return amble__wait_refuse(amble__channel_check(channel));
        if (channel->kind == AMBLE__CHANNEL_BASIC)
            return AMBLE_ERR_UNSUPPORTED;
        if (channel->group)
            return amble__wait_refuse(AMBLE_ERR_BUSY);
        if (channel->link != channels[0]->link || (mtu && mtu < channel->mtu) ||
            (mps && (mps < AMBLE__ENHANCED_UNIT_MIN || mps > channel->unit)) ||
            (count > 1 && mps && mps < channel->mps))
            return AMBLE_ERR_ARGUMENT;
        if ((!mtu && channel->mtu != channels[0]->mtu) || (!mps && channel->mps != channels[0]->mps))
            return AMBLE_ERR_ARGUMENT; /* one request says one value for all */
    }
    return count && count <= AMBLE_L2CAP_GROUP_MAX ? 0 : AMBLE_ERR_ARGUMENT;
}

int amble_l2cap_reconfigure(amble_l2cap_channel *const *channels, unsigned count, uint16_t mtu, uint16_t mps,
                            int timeout_ms)
{
    const uint64_t deadline = amble__due(timeout_ms);
    amble__signalling_response response;
    amble__signalling_request *request;
    amble__writer w;
    int r = amble__wait_check();

    if (r < 0 || (r = check_reconfigure(channels, count, mtu, mps)) < 0)
        return r;
    r = amble__signalling_begin(channels[0]->link->conn, AMBLE__RECONFIGURE_REQUEST, deadline, &request, &w);
    if (r < 0)
        return r;
    mtu = mtu ? mtu : channels[0]->mtu;
    mps = mps ? mps : channels[0]->mps;
    amble__write_le16(&w, mtu);
    amble__write_le16(&w, mps);
    for (unsigned i = 0; i < count; i++) {
        channels[i]->group = request->identifier;
        channels[i]->next_mtu = mtu;
        channels[i]->next_mps = mps;
        amble__write_le16(&w, channels[i]->cid);
    }
    request->answered = reconfigured;
    return amble__signalling_exchange(request, &w, deadline, &response);
}
