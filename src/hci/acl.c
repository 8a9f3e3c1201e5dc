/* ACL data to the controller: credits, fragments, turns.
 *
 * Invariants: acl_credits plus the in_flight of all links is acl_buffers; a link is in `turns` exactly when it has
 * packets. No link can take all buffers from the others, since a peer that never acknowledges never gives them back. A
 * fragment is sent from where it lies: its header overwrites the bytes before it, which are with the transport
 * already. */
#include "hci/hci.h"

#include "core/rare.h"

enum {
    BOUNDARY_FIRST = 0x0000,    /* first, not flushable: the only kind for LE, Vol 4 Part E 5.4.2 */
    BOUNDARY_CONTINUE = 0x1000, /* continuing fragment */
    BOUNDARY_MASK = 0x3000,
    L2CAP_HEADER = 4,
    SECURITY_CHANNEL = 6, /* CID, Vol 3 Part A 2.1 */
};

void amble__acl_configure(amble__hci *hci, uint16_t buffers, uint16_t size)
{
    hci->acl_buffers = hci->acl_credits = buffers;
    hci->acl_size = size;
}

void amble__acl_link_open(amble__hci *hci, amble__acl_link *link, uint16_t handle)
{
    *link = (amble__acl_link){.handle = handle};
    amble__list_init(&link->drained);
    amble__list_append(&hci->links, &link->node);
}

/* --- tracing ------------------------------------------------------------------------------------------------------ */
static bool on_security_channel(const uint8_t *frame) { return amble__get_le16(frame + 2) == SECURITY_CHANNEL; }

static AMBLE__RARE void trace_sent(amble__hci *hci, const amble__acl_link *link, amble__packet *packet,
                                   const uint8_t *acl, size_t size)
{
    const bool secret = on_security_channel(amble__packet_payload(packet) - L2CAP_HEADER);
    const size_t shown = AMBLE__HCI_ACL_HEADER + (packet->sent ? 0 : L2CAP_HEADER);

    amble__trace_at(&hci->trace, ACL_SENT, link->handle, acl, secret && size > shown ? shown : size);
}

void amble__acl_trace_received(amble__hci *hci, uint16_t head, const uint8_t *data, size_t size)
{
    const bool first = (head & BOUNDARY_MASK) != BOUNDARY_CONTINUE;
    bool secret = first && size >= L2CAP_HEADER && on_security_channel(data);

    amble__list_each (node, &hci->links) {
        amble__acl_link *link = amble__container(node, amble__acl_link, node);

        if (link->handle != (head & 0x0fff))
            continue;
        if (first)
            link->secret = secret || size < L2CAP_HEADER; /* too short to tell */
        secret = link->secret;
    }
    amble__trace_at(&hci->trace, ACL_RECEIVED, head & 0x0fff, data,
                    !secret || !first     ? (secret ? 0 : size)
                    : size < L2CAP_HEADER ? size
                                          : L2CAP_HEADER);
}

/* --- sending ------------------------------------------------------------------------------------------------------ */
/* Sends the next fragment of a packet. 1: it was the last; 0: there are more; or an error. */
static inline int send_fragment(amble__hci *hci, amble__acl_link *link, amble__packet *packet)
{
    const unsigned left = (unsigned)(packet->size + L2CAP_HEADER - packet->sent);
    const unsigned n = left < hci->acl_size ? left : hci->acl_size;
    uint8_t *start = amble__packet_payload(packet) - L2CAP_HEADER + packet->sent - AMBLE__HCI_ACL_HEADER - 1;
    int r;

    start[0] = AMBLE__PACKET_ACL;
    amble__put_le16(start + 1, link->handle | (packet->sent ? BOUNDARY_CONTINUE : BOUNDARY_FIRST));
    amble__put_le16(start + 3, n);
    if (hci->trace.sink)
        trace_sent(hci, link, packet, start + 1, AMBLE__HCI_ACL_HEADER + n);
    r = hci->callbacks->write(hci->user, start, 1 + AMBLE__HCI_ACL_HEADER + n);
    if (r < 0)
        return r; /* the transport reports its failure by itself */
    hci->acl_sent++;
    hci->acl_credits--;
    link->in_flight++;
    if (n == left)
        return 1;
    packet->sent = (uint16_t)(packet->sent + n);
    return 0;
}

static bool may_send(const amble__hci *hci, const amble__acl_link *link)
{
    return amble__acl_fair(link, link->in_flight, hci->acl_credits);
}

/* The first in turn that may have a buffer; NULL: nobody has anything to send, or each has enough of them. */
static amble__acl_link *next_in_turn(const amble__hci *hci)
{
    amble__list_each (node, &hci->turns)
        if (may_send(hci, amble__container(node, amble__acl_link, turn)))
            return amble__container(node, amble__acl_link, turn);
    return NULL;
}

/* One fragment of each link in turn, as long as the controller has room. */
static AMBLE__APART void pump(amble__hci *hci)
{
    amble__acl_link *link;
    amble__packet *packet;

    while (hci->acl_credits && (link = next_in_turn(hci)) && (packet = link->first)) {
        const int r = send_fragment(hci, link, packet);

        if (r < 0)
            return;
        if (r == 1)
            link->first = packet->next;
        amble__list_unlink(&link->turn);
        if (link->first)
            amble__list_append(&hci->turns, &link->turn);
        if (r == 1)
            amble__packet_release(packet); /* last: whose it is may send it again at once */
    }
}

static AMBLE__APART void stand_in_line(amble__hci *hci, amble__acl_link *link, amble__packet *packet)
{
    packet->next = NULL;
    if (link->first) {
        link->last->next = packet;
    } else {
        link->first = packet;
        amble__list_append(&hci->turns, &link->turn);
    }
    link->last = packet;
    if (hci->acl_credits) /* others may wait for a turn all the same, when the transport refused them */
        pump(hci);
}

static AMBLE__APART void send_at_once(amble__hci *hci, amble__acl_link *link, amble__packet *packet)
{
    if (send_fragment(hci, link, packet) == 1)
        amble__packet_release(packet);
    else
        stand_in_line(hci, link, packet);
}

void amble__acl_send(amble__hci *hci, amble__acl_link *link, amble__packet *packet)
{
    packet->busy = true;
    /* While nobody waits for a turn there is no line to stand in; most packets are done with their first fragment. */
    if (amble__list_empty(&hci->turns) && may_send(hci, link))
        send_at_once(hci, link, packet);
    else
        stand_in_line(hci, link, packet);
}

bool amble__acl_idle(const amble__acl_link *link) { return !link->in_flight && !link->first; }

void amble__acl_completed(amble__hci *hci, uint16_t handle, uint16_t count)
{
    amble__list_each (node, &hci->links) {
        amble__acl_link *link = amble__container(node, amble__acl_link, node);

        if (link->handle != handle)
            continue;
        if (count > link->in_flight) {
            hci->malformed++;
            count = link->in_flight;
        }
        link->in_flight = (uint16_t)(link->in_flight - count);
        hci->acl_credits = (uint16_t)(hci->acl_credits + count);
        if (!amble__list_empty(&hci->turns))
            pump(hci);
        if (!amble__list_empty(&link->drained) && amble__acl_idle(link))
            amble__waiters_end(&link->drained, 0);
        return;
    }
}

void amble__acl_link_close(amble__hci *hci, amble__acl_link *link)
{
    amble__packet *packet;

    amble__list_remove(&link->node);
    amble__list_remove(&link->turn);
    hci->acl_credits = (uint16_t)(hci->acl_credits + link->in_flight);
    link->in_flight = 0;
    while ((packet = link->first)) {
        link->first = packet->next;
        amble__packet_release(packet);
    }
    amble__waiters_end(&link->drained, 0);
    if (!hci->failed) /* the others may use its credits */
        pump(hci);
}
