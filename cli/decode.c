/* Decoding packets (decode.h): from H4 to ACL, and the way to the rest. */
#include "cli/decode.h"

#include <stdio.h>
#include <string.h>

#include "amble/address.h"
#include "cli/snoop.h"

enum { COMMAND = 1, ACL = 2, SCO = 3, EVENT = 4, ISO = 5 };         /* Vol 4 Part A 2 */
enum { HANDLE = 0x0fff, BOUNDARY = 12, CONTINUES = 1, SHOWN = 32 }; /* Vol 4 Part E 5.4.2 */

const char *amble__decode_find(const amble__decode_name *names, size_t count, unsigned number)
{
    for (size_t i = 0; i < count; i++)
        if (names[i].number == number)
            return names[i].name;
    return NULL;
}

void amble__decode_set_name(amble__decoded *out, const char *name, const char *what, unsigned number)
{
    if (name)
        snprintf(out->name, sizeof out->name, "%s", name);
    else
        snprintf(out->name, sizeof out->name, "%s 0x%02X", what, number);
}

void amble__say_bytes(amble__printer *p, amble__bytes bytes, size_t most)
{
    for (size_t i = 0; i < bytes.size && i < most; i++)
        amble__say(p, "%s%02X", i ? " " : "", bytes.data[i]);
    if (bytes.size > most)
        amble__say(p, " ... (%zu bytes)", bytes.size);
}

void amble__say_address(amble__printer *p, amble__reader *r, uint8_t type)
{
    amble_device device = {.type = type & 1 ? AMBLE_RANDOM : AMBLE_PUBLIC}; /* identities are 2 and 3 */
    char text[AMBLE_DEVICE_TEXT];

    amble__read_copy(r, device.bytes, sizeof device.bytes);
    amble__say(p, "%s", amble_device_text(device, text));
}

/* --- links -------------------------------------------------------------------------------------------------------- */
amble__decode_link *amble__decode_link_of(amble__decoder *d, int adapter, uint32_t handle)
{
    amble__decode_link *link;

    for (size_t i = 0; i < AMBLE__DECODE_LINKS; i++)
        if (d->links[i].used && d->links[i].adapter == adapter && d->links[i].handle == handle)
            return &d->links[i];
    link = &d->links[d->next++ % AMBLE__DECODE_LINKS];
    memset(link, 0, sizeof *link);
    link->used = true;
    link->adapter = adapter;
    link->handle = handle;
    return link;
}

static void decode_acl(amble__decoder *d, int adapter, bool received, amble__reader r, amble__decoded *out)
{
    const uint16_t head = amble__read_le16(&r), length = amble__read_le16(&r);
    const amble__bytes bytes = amble__read_rest(&r);
    amble__printer p = amble__printer_of(out->detail, sizeof out->detail);

    out->layer = "acl";
    out->link = head & HANDLE;
    snprintf(out->name, sizeof out->name, "Data");
    if (r.failed || bytes.size != length)
        amble__say(&p, "malformed: %zu bytes in place of %u", bytes.size, length);
    else
        amble__decode_fragment(amble__decode_link_of(d, adapter, head & HANDLE), received,
                               (head >> BOUNDARY & 3) != CONTINUES, bytes, out);
}

/* A new link has nothing of an earlier one with the same handle. Vol 4 Part E 7.7.65.1, .10, .41 */
static void forget_link(amble__decoder *d, int adapter, amble__reader r)
{
    enum { LE_META = 0x3e, COMPLETE = 0x01, ENHANCED = 0x0a, ENHANCED_2 = 0x29 };
    const bool meta = amble__read_u8(&r) == LE_META;
    uint8_t subevent;

    (void)amble__read_u8(&r); /* length */
    subevent = amble__read_u8(&r);
    if (meta && (subevent == COMPLETE || subevent == ENHANCED || subevent == ENHANCED_2) && !amble__read_u8(&r)) {
        const uint16_t handle = amble__read_le16(&r) & HANDLE;
        amble__decode_link *link = amble__decode_link_of(d, adapter, handle);

        *link = (amble__decode_link){.used = true, .adapter = adapter, .handle = handle};
    }
}

/* --- packets ------------------------------------------------------------------------------------------------------ */
void amble__decode(amble__decoder *decoder, int adapter, uint8_t type, bool received, const uint8_t *data, size_t size,
                   amble__decoded *out)
{
    static const amble__decode_name others[] = {{SCO, "SCO data"},
                                                {ISO, "ISO data"},
                                                {AMBLE__SNOOP_NOTE, "New controller"},
                                                {AMBLE__SNOOP_NOTE + 1, "Controller gone"}};
    amble__reader r = amble__reader_of(data, size);
    amble__printer p = amble__printer_of(out->detail, sizeof out->detail);

    out->layer = "other";
    out->link = -1;
    out->name[0] = '\0';
    switch (type) {
    case COMMAND:
        amble__decode_command(r, out);
        break;
    case EVENT:
        forget_link(decoder, adapter, r);
        amble__decode_event(r, out);
        break;
    case ACL:
        decode_acl(decoder, adapter, received, r, out);
        break;
    default:
        amble__decode_set_name(out, amble__decode_find(others, sizeof others / sizeof *others, type), "Packet of type",
                               type);
        amble__say_bytes(&p, amble__read_rest(&r), SHOWN);
        break;
    }
}
