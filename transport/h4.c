/* H4 framing (h4.h).
 *
 * `packet` holds the beginning of a packet whose end has not come yet, or, before synchronisation, bytes that may still
 * become the answer to HCI Reset. It is filled in two steps: up to where the length is known, then up to the end.
 * `have` never passes the length that `measure` gave, and `measure` never gives more than the buffer holds for a packet
 * that is kept. */
#include "transport/h4.h"

#include <stdio.h>
#include <string.h>

#include "amble/error.h"
#include "core/bytes.h"
#include "transport/transport.h"

enum { ISO_LENGTH_MASK = 0x3FFF }; /* Vol 4 Part E 5.4.5 */

void amble__h4_init(amble__h4 *h4, amble__h4_side side, void (*deliver)(void *user, const uint8_t *packet, size_t size),
                    void *user)
{
    memset(h4, 0, sizeof *h4);
    h4->side = side;
    h4->synchronised = side == AMBLE__H4_CONTROLLER_SIDE;
    h4->deliver = deliver;
    h4->user = user;
}

/* --- before synchronisation --------------------------------------------------------------------------------------- */
enum { ANSWER_SIZE = 7, ANY = 0x100 };
/* Command Complete and, for a controller that refuses, Command Status for HCI Reset (Vol 4 Part
 * E 7.7.14, 7.7.15, 7.3.2). */
static const uint16_t reset_answers[][ANSWER_SIZE] = {
    {AMBLE__H4_EVENT, 0x0E, 4, ANY, 0x03, 0x0C, ANY},
    {AMBLE__H4_EVENT, 0x0F, 4, ANY, ANY, 0x03, 0x0C},
};

static bool may_become_answer(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < sizeof reset_answers / sizeof *reset_answers; i++) {
        size_t same = 0;

        while (same < size && (reset_answers[i][same] == ANY || reset_answers[i][same] == bytes[same]))
            same++;
        if (same == size)
            return true;
    }
    return false;
}

bool amble__h4_answers_reset(const uint8_t *packet, size_t size)
{
    return size == ANSWER_SIZE && may_become_answer(packet, size);
}

static void hunt(amble__h4 *h4, uint8_t byte)
{
    h4->packet[h4->have++] = byte;
    while (h4->have && !may_become_answer(h4->packet, h4->have)) {
        memmove(h4->packet, h4->packet + 1, --h4->have); /* an answer may begin inside what looked like one */
        h4->skipped++;
    }
    if (h4->have == ANSWER_SIZE) {
        h4->have = 0;
        h4->synchronised = h4->packet[1] == reset_answers[0][1];
        h4->deliver(h4->user, h4->packet, ANSWER_SIZE);
    }
}

/* --- after synchronisation ---------------------------------------------------------------------------------------- */
/* The bytes up to where the length is known, type included; 0 for a type that does not belong here (Vol 4 Part E 5.4).
 */
static size_t header_size(amble__h4_side side, uint8_t type)
{
    switch (type) {
    case AMBLE__H4_COMMAND:
        return side == AMBLE__H4_CONTROLLER_SIDE ? 4 : 0;
    case AMBLE__H4_EVENT:
        return side == AMBLE__H4_HOST_SIDE ? 3 : 0;
    case AMBLE__H4_SCO:
        return 4;
    case AMBLE__H4_ACL:
    case AMBLE__H4_ISO:
        return 5;
    default:
        return 0;
    }
}

/* The size of the packet that starts with these bytes. With fewer bytes than a header: the size of the header. 0 at a
 * framing error. */
static size_t measure(amble__h4 *h4, const uint8_t *bytes, size_t size)
{
    const size_t header = header_size(h4->side, bytes[0]);
    size_t length;

    if (!header) {
        snprintf(h4->problem, sizeof h4->problem, "byte 0x%02X starts no HCI packet that belongs here", bytes[0]);
        return 0;
    }
    if (size < header)
        return header;
    if (header < 5)
        return header + bytes[header - 1];
    length = amble__get_le16(bytes + 3);
    if (bytes[0] == AMBLE__H4_ISO)
        return header + (length & ISO_LENGTH_MASK);
    if (length > AMBLE__H4_ACL_MAX) {
        snprintf(h4->problem, sizeof h4->problem, "an ACL packet of %zu bytes, more than %d", length,
                 AMBLE__H4_ACL_MAX);
        return 0;
    }
    return header + length;
}

/* Counts a packet that ends here, whose type and length are known. */
static bool is_unwanted(amble__h4 *h4, uint8_t type)
{
    h4->sco_packets += type == AMBLE__H4_SCO;
    h4->iso_packets += type == AMBLE__H4_ISO;
    return type == AMBLE__H4_SCO || type == AMBLE__H4_ISO;
}

/* Moves bytes to the packet under way; returns how many, 0 at a framing error. */
static size_t collect(amble__h4 *h4, const uint8_t *bytes, size_t size)
{
    const size_t header = header_size(h4->side, h4->have ? h4->packet[0] : bytes[0]);
    const size_t target = h4->have ? measure(h4, h4->packet, h4->have) : header;
    const size_t wanted = target - h4->have; /* never 0: a packet that is complete does not stay here */
    const size_t taken = wanted < size ? wanted : size;
    size_t total;

    memcpy(h4->packet + h4->have, bytes, taken);
    h4->have += taken;
    total = measure(h4, h4->packet, h4->have);
    if (!total)
        return 0;
    if (h4->have < header)
        return taken;
    if (h4->have == header && is_unwanted(h4, h4->packet[0])) {
        h4->drop = total - header;
        h4->have = 0;
    } else if (h4->have == total) {
        h4->have = 0;
        h4->deliver(h4->user, h4->packet, total);
    }
    return taken;
}

/* Takes a packet that lies whole in `bytes`, or a piece of one; returns the bytes taken, 0 at a framing error. */
static size_t take(amble__h4 *h4, const uint8_t *bytes, size_t size)
{
    size_t total;

    if (h4->have)
        return collect(h4, bytes, size);
    total = measure(h4, bytes, size);
    if (!total)
        return 0;
    if (size < total)
        return collect(h4, bytes, size);
    if (!is_unwanted(h4, bytes[0]))
        h4->deliver(h4->user, bytes, total);
    return total;
}

int amble__h4_feed(amble__h4 *h4, const uint8_t *bytes, size_t size)
{
    if (h4->problem[0])
        return AMBLE_ERR_PROTOCOL;
    while (size) {
        size_t taken = 1;

        if (h4->drop) {
            taken = h4->drop < size ? h4->drop : size;
            h4->drop -= taken;
        } else if (!h4->synchronised) {
            hunt(h4, *bytes);
        } else {
            taken = take(h4, bytes, size);
            if (!taken)
                return AMBLE_ERR_PROTOCOL;
        }
        bytes += taken;
        size -= taken;
    }
    return AMBLE_OK;
}
