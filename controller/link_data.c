/* The host's packets: cut into data PDUs on the way out, handed up as they come on the way in, and the flow control of
 * both directions (Vol 4, Part E, 4.1 and 4.2).
 *
 * Buffers are the controller's, shared by all links. A packet is reported as completed when its last piece was
 * acknowledged, and at the end of the event at the latest. In the other direction nothing is stored: what the host has
 * no room for is not acknowledged on the air, and the peer repeats it. */
#include "controller/hci_codes.h"
#include "controller/hci_events.h"
#include "controller/link.h"
#include "controller/state.h"

/* The ACL header (Vol 4, Part E, 5.4.2). */
#define HANDLE_MASK   0x0fff
#define PB_SHIFT      12
#define PB_MASK       0x3
#define PB_FIRST      0x0 /* host to controller */
#define PB_CONTINUING 0x1
#define PB_FIRST_UP   0x2 /* controller to host; some hosts use it downwards too */
#define ACL_HEADER    5   /* packet type, handle and flags, length */

/* Completed packets are reported when a quarter of the buffers can be refilled. */
#define REPORT_FRACTION 4

/* --- from the host ------------------------------------------------------------------------------------------------ */

static void queue_packet(amble__ll_link *link, const uint8_t *data, size_t size, bool continues)
{
    amble__controller *controller = link->activity.controller;
    amble__list *node = amble__list_take(&controller->free_acl);
    amble__ll_acl *acl;

    if (!node) {
        amble__hc_data_buffer_overflow(controller);
        return;
    }
    acl = amble__container(node, amble__ll_acl, node);
    acl->started = continues;
    acl->size = (uint16_t)size;
    acl->sent = 0;
    memcpy(acl->bytes, data, size);
    amble__list_append(&link->acl, &acl->node);
    amble__ll_link_wake(link);
}

void amble__ll_data_from_host(amble__controller *controller, const uint8_t *packet, size_t size)
{
    amble__reader r = amble__reader_of(packet, size);
    const uint16_t first = amble__read_le16(&r), length = amble__read_le16(&r);
    const unsigned boundary = first >> PB_SHIFT & PB_MASK;
    const amble__bytes data = amble__read_rest(&r);
    amble__ll_link *link = amble__ll_link_find(controller, first & HANDLE_MASK);

    if (r.failed || data.size != length || length > controller->options.acl_size || !link || boundary > PB_FIRST_UP)
        return;
    if (length) {
        queue_packet(link, data.data, length, boundary == PB_CONTINUING);
        return;
    }
    link->completed++; /* there is nothing to send */
    amble__ll_data_report_completed(link);
}

void amble__ll_data_acknowledged(amble__ll_link *link, size_t size)
{
    amble__ll_acl *acl = amble__container(link->acl.next, amble__ll_acl, node);
    const amble__controller *controller = link->activity.controller;

    acl->started = true;
    acl->sent = (uint16_t)(acl->sent + size);
    if (acl->sent < acl->size)
        return;
    amble__list_move(&link->activity.controller->free_acl, &acl->node);
    link->completed++;
    if (link->completed * REPORT_FRACTION >= controller->options.acl_buffers)
        amble__ll_data_report_completed(link);
}

void amble__ll_data_report_completed(amble__ll_link *link)
{
    const uint16_t completed = link->completed;

    link->completed = 0;
    if (completed)
        amble__hc_completed_packets(link, completed);
}

void amble__ll_data_flush(amble__ll_link *link)
{
    amble__controller *controller = link->activity.controller;
    amble__list *node;

    while ((node = amble__list_take(&link->acl)))
        amble__list_append(&controller->free_acl, node);
    link->completed = 0;
    controller->host_buffers.outstanding = (uint16_t)(controller->host_buffers.outstanding - link->at_host);
    link->at_host = 0;
}

/* --- to the host -------------------------------------------------------------------------------------------------- */

static void send_packet(amble__ll_link *link, unsigned boundary, const uint8_t *data, size_t size)
{
    const amble__controller *controller = link->activity.controller;
    uint8_t packet[ACL_HEADER + AMBLE__LL_OCTETS_MAX];
    amble__writer w = amble__writer_of(packet, sizeof packet);

    amble__write_u8(&w, HC_PACKET_ACL);
    amble__write_le16(&w, link->handle | boundary << PB_SHIFT);
    amble__write_le16(&w, (unsigned)size);
    amble__write_bytes(&w, data, size);
    controller->options.to_host(controller->options.user, packet, amble__written_size(&w));
}

/* How many of the host's buffers a PDU takes, when the host counts them. A PDU larger than all of them together waits
 * for all. */
static bool reserve(amble__ll_link *link, size_t size)
{
    amble__ll_host_buffers *host = &link->activity.controller->host_buffers;
    const size_t needed = (size + host->packet_size - 1) / host->packet_size;

    if (!host->on)
        return true;
    if (host->outstanding && host->outstanding + needed > host->packets)
        return false;
    host->outstanding = (uint16_t)(host->outstanding + needed);
    link->at_host = (uint16_t)(link->at_host + needed);
    return true;
}

bool amble__ll_data_to_host(amble__ll_link *link, bool start, const uint8_t *data, size_t size)
{
    const size_t largest = link->activity.controller->host_buffers.packet_size;
    unsigned boundary = start ? PB_FIRST_UP : PB_CONTINUING;

    if (!reserve(link, size))
        return false;
    for (size_t done = 0; done < size; done += largest) {
        const size_t left = size - done;

        send_packet(link, boundary, data + done, left < largest ? left : largest);
        boundary = PB_CONTINUING;
    }
    return true;
}
