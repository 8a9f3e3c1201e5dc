/* Frames of channels: out as credits allow, in as credits were given, and the credits themselves (Vol 3 Part A 3.4.3,
 * 4.24, 10.1).
 *
 * Invariants: the room in `in` is at least `granted` frames of our MPS, so what a peer may send always fits; `out`
 * holds whole SDUs but for the one that is being sent, of which it holds the rest. */
#include <limits.h>

#include "core/log.h"
#include "l2cap/channel.h"
#include "l2cap/l2cap.h"

/* --- out ---------------------------------------------------------------------------------------------------------- */
static bool may_send(const amble_l2cap_channel *channel)
{
    return channel && channel->state == AMBLE__CHANNEL_OPEN && channel->credits && channel->out.used;
}

/* The next channel in turn that has something to send. */
static amble_l2cap_channel *next_sender(amble__l2cap_link *link)
{
    const unsigned cids = (unsigned)link->l2cap->channels.cids;

    for (unsigned i = 0; i < cids; i++) {
        const unsigned place = (link->channels.turn + i) % cids;
        amble_l2cap_channel *channel = amble__channel_by_cid(link, (uint16_t)(AMBLE__CID_DYNAMIC + place));

        if (may_send(channel)) {
            link->channels.turn = place + 1;
            return channel;
        }
    }
    return NULL;
}

static void send_frame(amble_l2cap_channel *channel)
{
    amble__link_channels *own = &channel->link->channels;
    size_t size = channel->peer_mps < own->frame.capacity ? channel->peer_mps : own->frame.capacity;

    if (!channel->out_left) {
        uint8_t header[AMBLE__SDU_HEADER];

        amble__ring_peek(&channel->out, header, sizeof header);
        channel->out_left = AMBLE__SDU_HEADER + (size_t)amble__get_le16(header);
    }
    if (size > channel->out_left)
        size = channel->out_left;
    amble__ring_take(&channel->out, amble__packet_payload(&own->frame), size);
    channel->out_left -= size;
    channel->credits--;
    own->frame.size = (uint16_t)size;
    amble__l2cap_send(channel->link->conn, channel->peer_cid, &own->frame);
    own->frame_of = own->frame.busy ? channel : NULL;
    if (!amble__list_empty(&channel->writers) &&
        (!channel->out.used || amble__ring_room(&channel->out) >= channel->wanted))
        amble__waiters_end(&channel->writers, 0);
}

void amble__channels_pump(amble__l2cap_link *link)
{
    amble_l2cap_channel *channel;

    while (!link->channels.frame.busy && (channel = next_sender(link)))
        send_frame(channel);
}

/* How every call that waits on a channel ends: 0 when it may go on, and then the channel is still the same one. */
static int wait_for(amble_l2cap_channel *channel, amble__list *waiters, uint64_t deadline_us)
{
    const uint32_t generation = channel->generation;
    const int r = amble__wait_on_until(waiters, deadline_us);

    return channel->generation != generation || channel->state == AMBLE__CHANNEL_FREE ? AMBLE_ERR_STALE : r;
}

static int put_sdu(amble_l2cap_channel *channel, const uint8_t *data, uint16_t size, uint64_t deadline_us)
{
    uint8_t header[AMBLE__SDU_HEADER];
    int r = amble__channel_check(channel);

    channel->wanted = AMBLE__SDU_HEADER + (size_t)size;
    while (r == 0 && amble__ring_room(&channel->out) < channel->wanted) {
        r = wait_for(channel, &channel->writers, deadline_us);
        if (r == 0)
            r = amble__channel_check(channel);
    }
    if (r < 0)
        return r;
    amble__put_le16(header, size);
    amble__ring_put(&channel->out, header, sizeof header);
    amble__ring_put(&channel->out, data, size);
    channel->sent += size;
    amble__channels_pump(channel->link);
    return 0;
}

int amble_l2cap_send(amble_l2cap_channel *channel, const void *data, size_t size, int timeout_ms)
{
    const uint64_t deadline = amble__due(timeout_ms);
    size_t done = 0;
    int r = amble__wait_check();

    if (r < 0)
        return r;
    if (size > INT_MAX)
        return AMBLE_ERR_ARGUMENT;
    if (channel->writing)
        return amble__wait_refuse(AMBLE_ERR_BUSY);
    if ((r = amble__channel_check(channel)) < 0)
        return amble__wait_refuse(r);
    channel->writing = true;
    while (r == 0 && done < size) {
        const size_t left = size - done;
        const uint16_t most = amble__channel_sdu_size(channel), sdu = left < most ? (uint16_t)left : most;

        r = put_sdu(channel, (const uint8_t *)data + done, sdu, deadline);
        done += r == 0 ? sdu : 0;
    }
    if (r == AMBLE_ERR_STALE)
        return r;
    channel->writing = false;
    if (r < 0 && done && channel->close_on_cancel)
        amble__channel_close(channel, AMBLE_ERR_CHANNEL_CLOSED);
    return r < 0 ? r : (int)size;
}

bool amble__bearer_send(amble_l2cap_channel *channel, const uint8_t *data, uint16_t size)
{
    uint8_t header[AMBLE__SDU_HEADER];

    if (channel->state != AMBLE__CHANNEL_OPEN || amble__ring_room(&channel->out) < AMBLE__SDU_HEADER + (size_t)size)
        return false;
    amble__put_le16(header, size);
    amble__ring_put(&channel->out, header, sizeof header);
    amble__ring_put(&channel->out, data, size);
    amble__channels_pump(channel->link);
    return true;
}

uint64_t amble_l2cap_sent(const amble_l2cap_channel *channel) { return channel->sent; }

int amble_l2cap_flush(amble_l2cap_channel *channel, int timeout_ms)
{
    const uint64_t deadline = amble__due(timeout_ms);
    int r = amble__wait_check();

    if (r < 0)
        return r;
    while ((r = amble__channel_check(channel)) == 0 &&
           (channel->out.used || channel->link->channels.frame_of == channel))
        if ((r = wait_for(channel, &channel->writers, deadline)) < 0)
            return r;
    return r < 0 ? amble__wait_refuse(r) : 0;
}

/* --- in ----------------------------------------------------------------------------------------------------------- */
/* The peer sent what it may not: the channel is closed, 3.4.3, 10.1. */
static void broken(amble_l2cap_channel *channel, const char *how)
{
    const amble_connection *conn = channel->link->conn;
    char peer[AMBLE_DEVICE_TEXT];

    channel->link->l2cap->malformed++;
    amble__log(AMBLE__LOG_WARNING, "%s: link 0x%04x: channel 0x%04x is closed: %s sent %s", conn->hci->instance,
               conn->handle, channel->cid, amble_device_text(conn->device, peer), how);
    amble__channel_close(channel, AMBLE_ERR_PROTOCOL);
}

static void hand_over(amble_l2cap_channel *channel)
{
    /* It was put into an empty ring, so it lies in one piece. */
    channel->received(channel, channel->in.bytes + channel->in.head + AMBLE__SDU_HEADER,
                      channel->in.used - AMBLE__SDU_HEADER);
    amble__ring_clear(&channel->in);
    channel->readable = 0;
}

static void take_part(amble_l2cap_channel *channel, const uint8_t *data, size_t size)
{
    amble__ring_put(&channel->in, data, size);
    channel->in_left -= size;
    channel->readable += size;
    if (channel->received && !channel->in_left)
        hand_over(channel);
    else if (channel->readable)
        amble__waiters_end_taker(&channel->readers);
}

static void receive_frame(amble_l2cap_channel *channel, const uint8_t *data, size_t size)
{
    if (!channel->in_left) { /* the first frame of an SDU begins with its length */
        const size_t sdu = size >= AMBLE__SDU_HEADER ? amble__get_le16(data) : 0;

        if (size < AMBLE__SDU_HEADER || sdu > channel->mtu) {
            broken(channel, size < AMBLE__SDU_HEADER ? "an SDU without its length" : "an SDU longer than the MTU");
            return;
        }
        if (sdu) /* an empty one is nothing to read, and must not use up the ring */
            amble__ring_put(&channel->in, data, AMBLE__SDU_HEADER);
        channel->in_left = sdu;
        data += AMBLE__SDU_HEADER;
        size -= AMBLE__SDU_HEADER;
    }
    if (size > channel->in_left)
        broken(channel, "more than the SDU's length");
    else if (size)
        take_part(channel, data, size);
}

void amble__channels_receive(amble__l2cap_link *link, uint16_t cid, const uint8_t *data, size_t size)
{
    amble_l2cap_channel *channel = amble__channel_by_cid(link, cid);

    if (!channel || channel->state == AMBLE__CHANNEL_CONNECTING) {
        link->l2cap->malformed++; /* a channel that does not exist: dropped, 2.1 */
        return;
    }
    if (channel->state != AMBLE__CHANNEL_OPEN)
        return; /* it was on its way when this side closed */
    if (size > channel->mps) {
        broken(channel, "a frame longer than the MPS");
    } else if (!channel->granted) {
        broken(channel, "a frame without a credit");
    } else {
        channel->granted--;
        receive_frame(channel, data, size);
        amble__channel_grant(channel);
    }
}

/* --- credits ------------------------------------------------------------------------------------------------------ */
void amble__channel_grant(amble_l2cap_channel *channel)
{
    amble__l2cap_link *link = channel->link;
    amble__packet *packet = &link->channels.credits;
    const unsigned window = amble__channel_fits(channel, channel->in.size);
    const unsigned fits = amble__channel_fits(channel, amble__ring_room(&channel->in));
    amble__writer w;

    if (channel->state != AMBLE__CHANNEL_OPEN || fits <= channel->granted || 2 * (fits - channel->granted) < window)
        return; /* a batch is half the window */
    if (packet->busy) {
        link->channels.waiting = true;
        return;
    }
    w = amble__signalling_begin_command(packet, AMBLE__FLOW_CONTROL_CREDIT, amble__signalling_identifier(link));
    amble__write_le16(&w, channel->cid);
    amble__write_le16(&w, fits - channel->granted);
    channel->granted = (uint16_t)fits;
    amble__signalling_send_command(link, packet, &w);
}

void amble__channels_credited(amble__l2cap_link *link, amble__bytes data)
{
    amble__reader r = amble__reader_of(data.data, data.size);
    const uint16_t cid = amble__read_le16(&r), credits = amble__read_le16(&r);
    amble_l2cap_channel *channel = amble__read_complete(&r) ? amble__channel_by_peer_cid(link, cid) : NULL;

    if (!amble__read_complete(&r) || !credits) {
        link->l2cap->malformed++; /* ignored, 10.1 */
    } else if (channel && channel->state == AMBLE__CHANNEL_OPEN) {
        if (credits > AMBLE__CREDITS_MAX - channel->credits) {
            broken(channel, "more than 65,535 credits");
            return;
        }
        channel->credits = (uint16_t)(channel->credits + credits);
        amble__channels_pump(link);
    }
}

/* --- reading ------------------------------------------------------------------------------------------------------ */
static size_t take_bytes(amble_l2cap_channel *channel, void *buffer, size_t size)
{
    if (!channel->read_left) {
        uint8_t header[AMBLE__SDU_HEADER];

        amble__ring_take(&channel->in, header, sizeof header);
        channel->read_left = amble__get_le16(header);
    }
    if (size > channel->read_left)
        size = channel->read_left;
    if (size > channel->in.used)
        size = channel->in.used; /* the rest of this SDU is to come */
    amble__ring_take(&channel->in, buffer, size);
    channel->read_left -= size;
    channel->readable -= size;
    amble__channel_grant(channel);
    return size;
}

int amble_l2cap_recv(amble_l2cap_channel *channel, void *buffer, size_t size, int timeout_ms)
{
    const uint64_t deadline = amble__due(timeout_ms);
    int r = amble__wait_check();

    if (r < 0)
        return r;
    if (!size)
        return AMBLE_ERR_ARGUMENT;
    if (channel->reading)
        return amble__wait_refuse(AMBLE_ERR_BUSY);
    channel->reading = true;
    while (r == 0 && !channel->readable) {
        r = amble__channel_check(channel);
        if (r == 0)
            r = wait_for(channel, &channel->readers, deadline);
        else
            (void)amble__wait_refuse(r);
    }
    if (r == AMBLE_ERR_STALE)
        return r;
    channel->reading = false;
    return r < 0 ? r : (int)take_bytes(channel, buffer, size < INT_MAX ? size : INT_MAX);
}

size_t amble_l2cap_available(const amble_l2cap_channel *channel) { return channel->readable; }
bool amble_l2cap_sdu_ended(const amble_l2cap_channel *channel) { return !channel->read_left; }

/* --- as sources --------------------------------------------------------------------------------------------------- */
static amble_l2cap_channel *channel_of(const amble_source *source)
{
    return (amble_l2cap_channel *)(uintptr_t)source->object;
}
static bool can_recv(const amble_source *source)
{
    return channel_of(source)->readable || amble__channel_check(channel_of(source)) < 0;
}
static amble__list *recv_waiters(const amble_source *source) { return &channel_of(source)->readers; }

amble_source amble_on_l2cap_recv(amble_l2cap_channel *channel)
{
    static const amble__source_kind kind = {.ready = can_recv, .waiters = recv_waiters};

    return (amble_source){.kind = &kind, .object = channel};
}

static bool can_send(const amble_source *source)
{
    amble_l2cap_channel *channel = channel_of(source);

    channel->wanted = AMBLE__SDU_HEADER + (size_t)amble__channel_sdu_size(channel);
    return amble__ring_room(&channel->out) >= channel->wanted || amble__channel_check(channel) < 0;
}
static amble__list *send_waiters(const amble_source *source) { return &channel_of(source)->writers; }

amble_source amble_on_l2cap_send(amble_l2cap_channel *channel)
{
    static const amble__source_kind kind = {.ready = can_send, .waiters = send_waiters};

    return (amble_source){.kind = &kind, .object = channel};
}
