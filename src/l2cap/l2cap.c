/* Reassembly and dispatch. Invariants: filled <= expected <= capacity while a frame is under way and not skipped; what does not begin with a
 * whole header begins a frame all the same, since a controller may cut anywhere. */
#include "l2cap/l2cap.h"

void amble__l2cap_init(amble__l2cap *l2cap, amble__arena *arena, size_t links, size_t mtu)
{
    amble__l2cap_link *slots = amble__arena_take(arena, links, sizeof *slots);
    const size_t capacity = AMBLE__L2CAP_HEADER + mtu;

    for (size_t i = 0; i < links; i++) {
        uint8_t *buffer = amble__arena_take(arena, 1, capacity);

        amble__packet_init(slots ? &slots[i].reply : NULL, arena, AMBLE__SIGNALLING_MTU);
        amble__packet_init(slots ? &slots[i].security_reply : NULL, arena, AMBLE__SIGNALLING_MTU);
        if (slots) {
            slots[i].buffer = buffer;
            slots[i].capacity = capacity;
        }
    }
    if (l2cap)
        l2cap->links = slots;
}

void amble__l2cap_open(amble__l2cap *l2cap, amble_connection *conn)
{
    amble__l2cap_link *link = &l2cap->links[conn->index];

    link->filled = link->expected = 0;
    link->skipping = false;
    link->conn = conn;
    conn->l2cap = link;
}

static void dispatch(amble__l2cap *l2cap, amble_connection *conn, const uint8_t *frame)
{
    const size_t size = amble__get_le16(frame);
    const uint8_t *payload = frame + AMBLE__L2CAP_HEADER;

    switch (amble__get_le16(frame + 2)) {
    case AMBLE__CID_ATT:
        l2cap->att(conn, payload, size);
        break;
    case AMBLE__CID_SIGNALLING:
        amble__signalling_receive(l2cap, conn, payload, size);
        break;
    case AMBLE__CID_SECURITY:
        l2cap->security(conn, payload, size);
        break;
    default:
        l2cap->malformed++; /* a channel that does not exist: dropped, 2.1 */
    }
}

/* Adds bytes to the frame under way; the header tells how long it is as soon as it is there. */
static void gather(amble__l2cap *l2cap, amble__l2cap_link *link, const uint8_t *data, size_t size)
{
    if (link->skipping)
        return;
    if (size > link->capacity - link->filled) {
        l2cap->malformed++;
        link->skipping = true;
        return;
    }
    memcpy(link->buffer + link->filled, data, size);
    link->filled += size;
    if (link->filled < AMBLE__L2CAP_HEADER)
        return;
    link->expected = AMBLE__L2CAP_HEADER + (size_t)amble__get_le16(link->buffer);
    if (link->expected > link->capacity || link->filled > link->expected) {
        l2cap->malformed++;
        link->skipping = true;
    } else if (link->filled == link->expected) {
        link->filled = link->expected = 0;
        link->skipping = true; /* until the next first fragment */
        dispatch(l2cap, link->conn, link->buffer);
    }
}

void amble__l2cap_receive(amble__l2cap *l2cap, amble_connection *conn, unsigned boundary, const uint8_t *data,
                          size_t size)
{
    amble__l2cap_link *link = conn->l2cap;

    if (boundary == AMBLE__BOUNDARY_CONTINUE) {
        if (link->filled == 0 && !link->skipping)
            l2cap->malformed++;
        else
            gather(l2cap, link, data, size);
        return;
    }
    if (link->filled)
        l2cap->malformed++; /* the frame under way never ended */
    link->filled = link->expected = 0;
    link->skipping = false;
    if (size >= AMBLE__L2CAP_HEADER && size == AMBLE__L2CAP_HEADER + (size_t)amble__get_le16(data) &&
        size <= link->capacity) {
        link->skipping = true;
        dispatch(l2cap, conn, data);
    } else {
        gather(l2cap, link, data, size);
    }
}

void amble__l2cap_send(amble_connection *conn, uint16_t cid, amble__packet *packet)
{
    uint8_t *header = amble__packet_payload(packet) - AMBLE__L2CAP_HEADER;

    if (conn->state != AMBLE__LINK_LIVE) {
        amble__packet_release(packet);
        return;
    }
    amble__put_le16(header, packet->size);
    amble__put_le16(header + 2, cid);
    amble__acl_send(conn->hci, &conn->acl, packet);
}
