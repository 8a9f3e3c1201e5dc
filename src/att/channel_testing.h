/* What the tests of channels share: a link, and a peer that signals and sends frames by hand. */
#ifndef AMBLE_ATT_CHANNEL_TESTING_H
#define AMBLE_ATT_CHANNEL_TESTING_H
#include "att/testing.h"

enum { HANDLE = 0x40, PSM = 0x80, PEER_CID = 0x60, WINDOW = TEST_RING / TEST_MPS };

static amble_connection *conn;

static inline void begin_with(uint16_t buffers)
{
    rooms_open(buffers, LARGE_BUFFER, TEST_MTU);
    conn = link_open(HANDLE, true);
}
static inline void begin(void) { begin_with(MANY_BUFFERS); }

static inline void peer_signals(const uint8_t *command, size_t size)
{
    peer_sends(conn, AMBLE__CID_SIGNALLING, command, size);
}
static inline void expect_signal(const uint8_t *command, size_t size)
{
    expect_frame(conn, AMBLE__CID_SIGNALLING, command, size);
}

/* --- requests of the peer ----------------------------------------------------------------------------------------- */
static inline void listen_with(const amble_l2cap_options *options)
{
    assert_int_equal(amble__l2cap_listen(&rooms.l2cap, PSM, options), 0);
}
static inline void peer_connects(uint8_t identifier, uint16_t psm, const amble__channel_peer *peer)
{
    uint8_t request[14] = {0x14, identifier, 10, 0};

    amble__put_le16(request + 4, psm);
    amble__put_le16(request + 6, peer->cid);
    amble__put_le16(request + 8, peer->mtu);
    amble__put_le16(request + 10, peer->mps);
    amble__put_le16(request + 12, peer->credits);
    peer_signals(request, sizeof request);
}
static inline void expect_connected(uint8_t identifier, uint16_t cid, uint16_t mtu, uint16_t mps, uint16_t credits)
{
    uint8_t response[14] = {0x15, identifier, 10, 0};

    amble__put_le16(response + 4, cid);
    amble__put_le16(response + 6, mtu);
    amble__put_le16(response + 8, mps);
    amble__put_le16(response + 10, credits);
    expect_signal(response, sizeof response);
}
static inline void expect_refused(uint8_t identifier, uint8_t result)
{
    expect_signal(BYTES(0x15, identifier, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, result, 0));
}

/* A channel that the peer opened: CID 0x40 + n here, 0x60 + n there. */
static inline amble_l2cap_channel *channel_number(unsigned n, uint16_t peer_mtu, uint16_t peer_mps, uint16_t credits,
                                                  const amble_l2cap_options *options)
{
    const amble__channel_peer peer = {
        .cid = (uint16_t)(PEER_CID + n), .mtu = peer_mtu, .mps = peer_mps, .credits = credits};
    amble_l2cap_channel *channel;

    (void)amble__l2cap_listen(&rooms.l2cap, PSM, options); /* perhaps it does already */
    peer_connects(9, PSM, &peer);
    (void)next_sent();
    assert_int_equal(amble_l2cap_accept(conn, PSM, &channel, 0), 0);
    assert_int_equal(channel->cid, AMBLE__CID_DYNAMIC + n);
    return channel;
}
static inline amble_l2cap_channel *open_channel(void) { return channel_number(0, 200, TEST_MPS, 10, NULL); }

/* --- frames ------------------------------------------------------------------------------------------------------- */
static inline void peer_frame(const amble_l2cap_channel *channel, const uint8_t *payload, size_t size)
{
    peer_sends(conn, channel->cid, payload, size);
}
static inline void expect_data(const amble_l2cap_channel *channel, const uint8_t *payload, size_t size)
{
    expect_frame(conn, channel->peer_cid, payload, size);
}
static inline void peer_credits(uint8_t identifier, const amble_l2cap_channel *channel, unsigned credits)
{
    const uint16_t cid = channel->peer_cid;

    peer_signals(
        BYTES(0x16, identifier, 4, 0, (uint8_t)cid, (uint8_t)(cid >> 8), (uint8_t)credits, (uint8_t)(credits >> 8)));
}
static inline void expect_credits(const amble_l2cap_channel *channel, unsigned credits)
{
    const sent_packet *sent = next_sent();

    assert_int_equal(sent->size, 17);
    assert_int_equal(amble__get_le16(sent->bytes + 7), AMBLE__CID_SIGNALLING);
    assert_int_equal(sent->bytes[9], 0x16);
    assert_int_equal(amble__get_le16(sent->bytes + 11), 4);
    assert_int_equal(amble__get_le16(sent->bytes + 13), channel->cid);
    assert_int_equal(amble__get_le16(sent->bytes + 15), credits);
}

/* --- the end ------------------------------------------------------------------------------------------------------ */
/* A Disconnection Request for this channel was sent; returns its identifier. */
static inline uint8_t expect_disconnection(uint16_t cid, uint16_t peer_cid)
{
    const sent_packet *sent = next_sent();

    assert_int_equal(sent->size, 17);
    assert_int_equal(sent->bytes[9], 0x06);
    assert_int_equal(amble__get_le16(sent->bytes + 13), peer_cid);
    assert_int_equal(amble__get_le16(sent->bytes + 15), cid);
    return sent->bytes[10];
}
static inline void peer_confirms(uint8_t identifier, uint16_t cid, uint16_t peer_cid)
{
    peer_signals(BYTES(0x07, identifier, 4, 0, (uint8_t)peer_cid, 0, (uint8_t)cid, 0));
}
static inline void peer_disconnects(uint8_t identifier, uint16_t cid, uint16_t peer_cid)
{
    peer_signals(BYTES(0x06, identifier, 4, 0, (uint8_t)cid, 0, (uint8_t)peer_cid, 0));
}

/* A task that does one thing. */
typedef struct {
    amble_scope scope;
    amble_task *task;
    int result;
} doing;
enum { UNDECIDED = 1000000 };
static inline void start_doing(doing *d, int (*function)(void *arg), void *arg)
{
    d->result = UNDECIDED;
    amble_scope_open(&d->scope);
    d->task = amble_spawn(&d->scope, function, arg);
    settle();
}
static inline int end_doing(doing *d)
{
    int r;

    settle();
    r = amble_join(d->task, 0);
    amble_scope_close(&d->scope);
    return r;
}
static inline int close_it(void *channel)
{
    amble_l2cap_close(channel);
    return 0;
}
/* Closes a channel with the peer's consent. */
static inline void close_quickly(amble_l2cap_channel *channel)
{
    const uint16_t cid = channel->cid, peer_cid = channel->peer_cid;
    const bool open = channel->state == AMBLE__CHANNEL_OPEN;
    doing d;

    start_doing(&d, close_it, channel);
    if (open)
        peer_confirms(expect_disconnection(cid, peer_cid), cid, peer_cid);
    assert_int_equal(end_doing(&d), 0);
    assert_int_equal(channel->state, AMBLE__CHANNEL_FREE);
}

/* So many slots are in use. */
static inline void expect_used(unsigned count)
{
    unsigned used = 0;

    for (size_t i = 0; i < rooms.l2cap.channels.count; i++)
        used += rooms.l2cap.channels.slots[i].state != AMBLE__CHANNEL_FREE;
    assert_int_equal(used, count);
}
#endif
