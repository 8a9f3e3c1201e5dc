/* Decoding packets (decode.h): from H4 to ACL and L2CAP, and the way to the rest. */
#include "cli/decode.h"

#include <stdio.h>
#include <string.h>

#include "amble/address.h"
#include "cli/snoop.h"

enum { COMMAND = 1, ACL = 2, SCO = 3, EVENT = 4, ISO = 5 };         /* Vol 4 Part A 2 */
enum { CID_ATT = 4, CID_SIGNALLING = 5, CID_SMP = 6 };              /* Vol 3 Part A 2.1 */
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

/* --- L2CAP -------------------------------------------------------------------------------------------------------- */
static amble__decode_link *link_of(amble__decoder *d, int adapter, uint16_t handle)
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

static void decode_frame(amble__decode_link *link, const amble__frame *frame, amble__decoded *out)
{
    amble__reader r = amble__reader_of(frame->data, frame->size);
    amble__printer p = amble__printer_of(out->detail, sizeof out->detail);
    const unsigned length = amble__read_le16(&r), channel = amble__read_le16(&r);

    switch (channel) {
    case CID_ATT:
        amble__decode_att(link, r, out);
        break;
    case CID_SIGNALLING:
        amble__decode_signalling(r, out);
        break;
    case CID_SMP:
        amble__decode_smp(r, out);
        break;
    default:
        out->layer = "l2cap";
        snprintf(out->name, sizeof out->name, "Channel 0x%04X", channel);
        amble__say(&p, "%u bytes: ", length);
        amble__say_bytes(&p, amble__read_rest(&r), SHOWN);
        break;
    }
}

/* Appends what is there, as far as there is room; the rest only counts. */
static void grow(amble__frame *frame, amble__bytes bytes)
{
    const size_t room = frame->size < sizeof frame->data ? sizeof frame->data - frame->size : 0;

    if (bytes.size)
        memcpy(frame->data + frame->size, bytes.data, bytes.size < room ? bytes.size : room);
    frame->size += bytes.size < room ? bytes.size : room;
    frame->expected -= bytes.size < frame->expected ? bytes.size : frame->expected;
}

static void decode_acl(amble__decoder *d, int adapter, bool received, amble__reader r, amble__decoded *out)
{
    const uint16_t head = amble__read_le16(&r), length = amble__read_le16(&r);
    const amble__bytes bytes = amble__read_rest(&r);
    amble__decode_link *link = link_of(d, adapter, head & HANDLE);
    amble__frame *frame = &link->frames[received];
    amble__printer p = amble__printer_of(out->detail, sizeof out->detail);

    out->layer = "acl";
    out->link = head & HANDLE;
    snprintf(out->name, sizeof out->name, "Data");
    if (r.failed || bytes.size != length) {
        amble__say(&p, "malformed: %zu bytes in place of %u", bytes.size, length);
        return;
    }
    if ((head >> BOUNDARY & 3) == CONTINUES) {
        if (!frame->expected) {
            amble__say(&p, "a fragment without a beginning, %u bytes", length);
            return;
        }
    } else {
        frame->size = 0;
        frame->expected = bytes.size >= 2 ? (size_t)amble__get_le16(bytes.data) + 4 : bytes.size;
    }
    grow(frame, bytes);
    if (frame->expected)
        amble__say(&p, "a fragment of %u bytes, %zu more to come", length, frame->expected);
    else
        decode_frame(link, frame, out);
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
