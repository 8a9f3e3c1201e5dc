/* Reassembly and dispatch. Invariants: filled <= capacity; while a frame is under way it is not whole. What does not
 * begin with a whole header begins a frame all the same, even when it is empty, since a controller may cut anywhere. */
#include "l2cap/l2cap.h"

#include "core/rare.h"
#include "port/crypto.h"

void amble__l2cap_init(amble__l2cap *l2cap, amble__arena *arena, const amble__l2cap_sizes *sizes)
{
    amble__l2cap_link *slots = amble__arena_take(arena, sizes->links, sizeof *slots);
    const size_t fixed = sizes->mtu > AMBLE__SECURITY_MTU ? sizes->mtu : AMBLE__SECURITY_MTU;
    const size_t capacity =
        AMBLE__L2CAP_HEADER + ((sizes->channels || sizes->bearers) && sizes->mps > fixed ? sizes->mps : fixed);

    for (size_t i = 0; i < sizes->links; i++) {
        uint8_t *buffer = amble__arena_take(arena, 1, capacity);

        amble__signalling_init(slots ? &slots[i].signalling : NULL, arena);
        amble__packet_init(slots ? &slots[i].security_reply : NULL, arena, AMBLE__SIGNALLING_MTU);
        if (slots) {
            slots[i].buffer = buffer;
            slots[i].capacity = capacity;
        }
    }
    if (l2cap) {
        l2cap->links = slots;
        l2cap->mtu = sizes->mtu;
    }
    amble__channels_init(l2cap, arena, sizes);
}

void amble__l2cap_open(amble__l2cap *l2cap, amble_connection *conn)
{
    amble__l2cap_link *link = &l2cap->links[conn->index];

    link->filled = 0;
    link->frame = AMBLE__FRAME_NONE;
    link->conn = conn;
    link->l2cap = l2cap;
    conn->l2cap = link;
    amble__signalling_open(link);
    amble__channels_open(link);
}

void amble__l2cap_lost(amble_connection *conn)
{
    amble__wipe(conn->l2cap->buffer, conn->l2cap->filled);
    amble__signalling_lost(conn->l2cap);
    amble__channels_lost(conn->l2cap);
}

static void dispatch(amble_connection *conn, const uint8_t *frame, size_t size, amble__l2cap *l2cap)
{
    const uint16_t cid = amble__get_le16(frame + 2);
    const uint8_t *payload = frame + AMBLE__L2CAP_HEADER;

    if (cid == AMBLE__CID_ATT && size <= l2cap->mtu)
        l2cap->att(conn, payload, size);
    else if (cid == AMBLE__CID_ATT)
        l2cap->malformed++;
    else if (cid == AMBLE__CID_SIGNALLING)
        amble__signalling_receive(conn->l2cap, payload, size);
    else if (cid == AMBLE__CID_SECURITY)
        l2cap->security(conn, payload, size);
    else
        amble__channels_receive(conn->l2cap, cid, payload, size);
}

enum { COMMAND_START = 2 }; /* code and identifier of a signalling command */

/* A frame that does not fit: the rest of it is dropped. A signalling request is told so, as soon as it can be told
 * which one it is. */
static void give_up(amble__l2cap *l2cap, amble__l2cap_link *link)
{
    const uint8_t *frame = link->buffer;

    if (link->filled >= AMBLE__L2CAP_HEADER && amble__get_le16(frame + 2) == AMBLE__CID_SIGNALLING) {
        if (link->filled < AMBLE__L2CAP_HEADER + COMMAND_START)
            return;
        amble__signalling_oversized(link, frame + AMBLE__L2CAP_HEADER, link->filled - AMBLE__L2CAP_HEADER);
    } else {
        l2cap->malformed++;
    }
    link->frame = AMBLE__FRAME_OVER;
}

/* Adds bytes to the frame under way; the header tells how long it is as soon as it is there. */
static void gather(amble__l2cap *l2cap, amble__l2cap_link *link, const uint8_t *data, size_t size)
{
    const size_t room = link->capacity - link->filled, taken = size < room ? size : room;
    size_t expected;

    if (link->frame == AMBLE__FRAME_OVER)
        return;
    if (taken)
        memcpy(link->buffer + link->filled, data, taken);
    link->filled += taken;
    if (link->filled < AMBLE__L2CAP_HEADER)
        return;
    expected = AMBLE__L2CAP_HEADER + (size_t)amble__get_le16(link->buffer);
    if (expected > link->capacity) {
        give_up(l2cap, link);
    } else if (size > taken || link->filled > expected) { /* more than the header says */
        l2cap->malformed++;
        link->frame = AMBLE__FRAME_OVER;
    } else if (link->filled == expected) {
        link->frame = AMBLE__FRAME_OVER;
        dispatch(link->conn, link->buffer, expected - AMBLE__L2CAP_HEADER, l2cap);
        if (amble__get_le16(link->buffer + 2) == AMBLE__CID_SECURITY)
            amble__wipe(link->buffer + AMBLE__L2CAP_HEADER, expected - AMBLE__L2CAP_HEADER); /* a key, perhaps */
    }
}

/* What is no frame by itself, or follows one that never ended. */
static AMBLE__APART void receive_fragment(amble__l2cap_link *link, const uint8_t *data, size_t size, unsigned boundary)
{
    amble__l2cap *l2cap = link->l2cap;

    if (boundary == AMBLE__BOUNDARY_CONTINUE && link->frame == AMBLE__FRAME_NONE) {
        l2cap->malformed++;
        return;
    }
    if (boundary != AMBLE__BOUNDARY_CONTINUE) {
        l2cap->malformed += link->frame == AMBLE__FRAME_UNDER_WAY;
        link->filled = 0;
        link->frame = AMBLE__FRAME_UNDER_WAY;
    }
    gather(l2cap, link, data, size);
}

static bool is_frame(const amble__l2cap_link *link, const uint8_t *data, size_t size, unsigned boundary)
{
    return boundary != AMBLE__BOUNDARY_CONTINUE && link->frame != AMBLE__FRAME_UNDER_WAY &&
           size >= AMBLE__L2CAP_HEADER && size - AMBLE__L2CAP_HEADER == amble__get_le16(data) && size <= link->capacity;
}

void amble__l2cap_receive(amble_connection *conn, const uint8_t *data, size_t size, unsigned boundary)
{
    amble__l2cap_link *link = conn->l2cap;

    if (is_frame(link, data, size, boundary)) {
        link->frame = AMBLE__FRAME_OVER;
        dispatch(conn, data, size - AMBLE__L2CAP_HEADER, link->l2cap);
    } else {
        receive_fragment(link, data, size, boundary);
    }
}

void amble__l2cap_send(amble_connection *conn, uint16_t cid, amble__packet *packet)
{
    uint8_t *header = amble__packet_payload(packet) - AMBLE__L2CAP_HEADER;

    if (conn->state != AMBLE__LINK_LIVE) {
        amble__packet_release(packet);
        return;
    }
    /* In this order: the other way round gcc 12 makes one store of both, and eight shifts to get there. */
    amble__put_le16(header + 2, cid);
    amble__put_le16(header, packet->size);
    amble__acl_send(conn->hci, &conn->acl, packet);
}
