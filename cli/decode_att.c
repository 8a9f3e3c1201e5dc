/* ATT as text (decode.h), Vol 3 Part F. An attribute whose UUID discovery told is
 * shown with its name, and its value decoded. */
#include <stdio.h>
#include <string.h>

#include "amble/error.h"
#include "cli/decode.h"
#include "cli/numbers.h"
#include "cli/values.h"

#define LIST(names) (names), sizeof(names) / sizeof *(names)
enum { SHOWN = 48, CHARACTERISTIC = 0x2803 };

static const amble__decode_name pdus[] = {
    {0x01, "Error Response"},
    {0x02, "Exchange MTU Request"},
    {0x03, "Exchange MTU Response"},
    {0x04, "Find Information Request"},
    {0x05, "Find Information Response"},
    {0x06, "Find By Type Value Request"},
    {0x07, "Find By Type Value Response"},
    {0x08, "Read By Type Request"},
    {0x09, "Read By Type Response"},
    {0x0a, "Read Request"},
    {0x0b, "Read Response"},
    {0x0c, "Read Blob Request"},
    {0x0d, "Read Blob Response"},
    {0x0e, "Read Multiple Request"},
    {0x0f, "Read Multiple Response"},
    {0x10, "Read By Group Type Request"},
    {0x11, "Read By Group Type Response"},
    {0x12, "Write Request"},
    {0x13, "Write Response"},
    {0x16, "Prepare Write Request"},
    {0x17, "Prepare Write Response"},
    {0x18, "Execute Write Request"},
    {0x19, "Execute Write Response"},
    {0x1b, "Handle Value Notification"},
    {0x1d, "Handle Value Indication"},
    {0x1e, "Handle Value Confirmation"},
    {0x20, "Read Multiple Variable Request"},
    {0x21, "Read Multiple Variable Response"},
    {0x23, "Multiple Handle Value Notification"},
    {0x52, "Write Command"},
    {0xd2, "Signed Write Command"},
};

/* --- attributes --------------------------------------------------------------------------------------------------- */
static const amble_uuid *uuid_of(const amble__decode_link *link, uint16_t handle)
{
    for (size_t i = 0; i < link->attribute_count; i++)
        if (link->attributes[i].handle == handle)
            return &link->attributes[i].uuid;
    return NULL;
}

static void learn(amble__decode_link *link, uint16_t handle, const amble_uuid *uuid)
{
    for (size_t i = 0; i < link->attribute_count; i++)
        if (link->attributes[i].handle == handle) {
            link->attributes[i].uuid = *uuid;
            return;
        }
    if (link->attribute_count == AMBLE__DECODE_ATTRIBUTES)
        return; /* the others stay without a name */
    link->attributes[link->attribute_count].handle = handle;
    link->attributes[link->attribute_count++].uuid = *uuid;
}

static bool read_uuid(amble__reader *r, size_t size, amble_uuid *uuid)
{
    *uuid = (amble_uuid){.size = (uint8_t)size};
    if (size != 2 && size != 16) {
        r->failed = true;
        return false;
    }
    amble__read_copy(r, uuid->bytes, size);
    return !r->failed;
}

static void say_uuid(amble__printer *p, const amble_uuid *uuid)
{
    static const amble__number_kind kinds[] = {AMBLE__NUMBER_CHARACTERISTIC, AMBLE__NUMBER_SERVICE,
                                               AMBLE__NUMBER_DESCRIPTOR};
    static const amble__decode_name declarations[] = {
        {0x2800, "Primary Service"}, {0x2801, "Secondary Service"}, {0x2802, "Include"}, {0x2803, "Characteristic"}};
    const int number = amble__uuid_number(uuid);
    const char *name = number >= 0 ? amble__decode_find(LIST(declarations), (unsigned)number) : NULL;
    char text[AMBLE_UUID_TEXT];

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !name; i++)
        name = amble__uuid_name(kinds[i], uuid);
    amble__say(p, "%s", name ? name : amble_uuid_text(uuid, text));
}

static void say_known_handle(amble__printer *p, const amble__decode_link *link, uint16_t handle)
{
    const amble_uuid *uuid = uuid_of(link, handle);

    amble__say(p, "0x%04X", handle);
    if (uuid) {
        amble__say(p, " (");
        say_uuid(p, uuid);
        amble__say(p, ")");
    }
}

static uint16_t say_handle(amble__printer *p, const amble__decode_link *link, amble__reader *r)
{
    const uint16_t handle = amble__read_le16(r);

    say_known_handle(p, link, handle);
    return handle;
}

static void say_value(amble__printer *p, const amble__decode_link *link, uint16_t handle, amble__reader *r)
{
    const amble__bytes value = amble__read_rest(r);
    const amble_uuid *uuid = uuid_of(link, handle);
    char text[AMBLE__VALUE_TEXT];

    amble__say(p, " = ");
    amble__say_bytes(p, value, SHOWN);
    if (uuid && value.size && amble__value_text(uuid, value.data, value.size, text, sizeof text))
        amble__say(p, " (%s)", text);
}

/* --- lists -------------------------------------------------------------------------------------------------------- */
static void say_range(amble__printer *p, amble__reader *r)
{
    const unsigned start = amble__read_le16(r);

    amble__say(p, "0x%04X to 0x%04X", start, amble__read_le16(r));
}

static void say_information(amble__printer *p, amble__decode_link *link, amble__reader *r)
{
    const size_t size = amble__read_u8(r) == 1 ? 2 : 16; /* 3.4.3.2 */
    const char *separator = "";

    while (!r->failed && amble__read_left(r)) {
        const uint16_t handle = amble__read_le16(r);
        amble_uuid uuid;

        if (!read_uuid(r, size, &uuid))
            return;
        learn(link, handle, &uuid);
        amble__say(p, "%s0x%04X ", separator, handle);
        say_uuid(p, &uuid);
        separator = ", ";
    }
}

static void say_groups(amble__printer *p, amble__reader *r)
{
    const size_t size = amble__read_u8(r);
    const char *separator = "";

    while (!r->failed && size > 4 && amble__read_left(r)) {
        amble_uuid uuid;

        amble__say(p, "%s", separator);
        say_range(p, r);
        if (!read_uuid(r, size - 4, &uuid))
            return;
        amble__say(p, " ");
        say_uuid(p, &uuid);
        separator = ", ";
    }
}

/* What a characteristic's declaration says names the attribute behind it, Vol 3 Part G 3.3.1. */
static void say_types(amble__printer *p, amble__decode_link *link, amble__reader *r)
{
    const size_t size = amble__read_u8(r);
    const char *separator = "";

    while (!r->failed && size > 2 && amble__read_left(r)) {
        const uint16_t handle = amble__read_le16(r);
        amble_uuid uuid;

        amble__say(p, "%s0x%04X", separator, handle);
        separator = ", ";
        if (link->asked.opcode == 0x08 && link->asked.subject == CHARACTERISTIC && size > 5) {
            const uint8_t properties = amble__read_u8(r);
            const uint16_t value = amble__read_le16(r);

            if (!read_uuid(r, size - 5, &uuid))
                return;
            learn(link, value, &uuid);
            amble__say(p, " value 0x%04X properties 0x%02X ", value, properties);
            say_uuid(p, &uuid);
        } else {
            const uint8_t *view = amble__read_view(r, size - 2);

            amble__say(p, " = ");
            if (view)
                amble__say_bytes(p, (amble__bytes){view, size - 2}, SHOWN);
        }
    }
}

/* --- PDUs --------------------------------------------------------------------------------------------------------- */
static void say_error(amble__printer *p, const amble__decode_link *link, amble__reader *r)
{
    const uint8_t opcode = amble__read_u8(r);
    const char *name = amble__decode_find(LIST(pdus), opcode);

    amble__say(p, "to %s, ", name ? name : "an unknown request");
    say_handle(p, link, r);
    amble__say(p, ": %s", amble_error_text(AMBLE_ERR_ATT(amble__read_u8(r))));
}

static void say_typed_range(amble__printer *p, amble__decode_link *link, uint8_t opcode, amble__reader *r)
{
    amble_uuid uuid;
    int number;

    say_range(p, r);
    if (opcode == 0x04)
        return;
    if (!read_uuid(r, opcode == 0x06 ? 2 : amble__read_left(r), &uuid))
        return;
    number = amble__uuid_number(&uuid);
    link->asked.subject = number >= 0 ? (uint16_t)number : 0;
    amble__say(p, ", ");
    say_uuid(p, &uuid);
}

/* Requests and commands for one attribute, and what the server sends of one by itself. */
static void say_one(amble__printer *p, amble__decode_link *link, uint8_t opcode, amble__reader *r)
{
    const uint16_t handle = say_handle(p, link, r);

    if (opcode == 0x0a || opcode == 0x0c)
        link->asked.subject = handle;
    if (opcode == 0x0c || opcode == 0x16 || opcode == 0x17) {
        link->asked.from = amble__read_le16(r);
        amble__say(p, " from byte %u", link->asked.from);
    }
    if (opcode != 0x0a && opcode != 0x0c)
        say_value(p, link, handle, r);
}

/* Handles, of Read Multiple and the like. */
static void say_handles(amble__printer *p, const amble__decode_link *link, amble__reader *r)
{
    const char *separator = "";

    while (!r->failed && amble__read_left(r)) {
        amble__say(p, "%s", separator);
        (void)say_handle(p, link, r);
        separator = ", ";
    }
}

/* Found attributes, each with the end of its group. 3.4.3.4 */
static void say_found(amble__printer *p, amble__reader *r)
{
    const char *separator = "";

    while (!r->failed && amble__read_left(r)) {
        amble__say(p, "%s", separator);
        say_range(p, r);
        separator = ", ";
    }
}

/* Values with their lengths; in a notification (3.4.7.4) each has its handle, in a response (3.4.4.12) the last may be
 * cut. */
static void say_lengths_and_values(amble__printer *p, const amble__decode_link *link, bool handles, amble__reader *r)
{
    const char *separator = "";

    while (!r->failed && amble__read_left(r)) {
        uint16_t handle = 0;
        size_t size, left;
        amble__reader value;

        amble__say(p, "%s", separator);
        separator = ", ";
        if (handles)
            handle = say_handle(p, link, r);
        size = amble__read_le16(r);
        left = amble__read_left(r);
        value = amble__reader_of(r->at, size < left ? size : left);
        (void)amble__read_view(r, size < left ? size : left);
        say_value(p, link, handle, &value);
        if (size > left)
            amble__say(p, " (of %zu bytes)", size);
    }
}

/* The value and, behind it, what proves who wrote it. 3.4.5.4 */
static void say_signed(amble__printer *p, const amble__decode_link *link, amble__reader *r)
{
    enum { SIGNATURE = 12 };
    const uint16_t handle = say_handle(p, link, r);
    const size_t left = amble__read_left(r), size = left < SIGNATURE ? 0 : left - SIGNATURE;
    amble__reader value = amble__reader_of(r->at, size);

    (void)amble__read_view(r, size);
    say_value(p, link, handle, &value);
    amble__say(p, ", signature ");
    amble__say_bytes(p, (amble__bytes){amble__read_view(r, SIGNATURE), r->failed ? 0 : SIGNATURE}, SIGNATURE);
}

static void say_blob(amble__printer *p, const amble__decode_link *link, amble__reader *r)
{
    const amble__bytes part = amble__read_rest(r);

    amble__say(p, "0x%04X from byte %u = ", link->asked.subject, link->asked.from);
    amble__say_bytes(p, part, SHOWN);
}

static void say_many(amble__printer *p, amble__decode_link *link, uint8_t opcode, amble__reader *r)
{
    switch (opcode) {
    case 0x07:
        say_found(p, r);
        break;
    case 0x0d:
        say_blob(p, link, r);
        break;
    case 0x0e:
    case 0x20:
        say_handles(p, link, r);
        break;
    case 0x18:
        amble__say(p, "%s", amble__read_u8(r) ? "write" : "cancel");
        break;
    case 0x21:
    case 0x23:
        say_lengths_and_values(p, link, opcode == 0x23, r);
        break;
    case 0xd2:
        say_signed(p, link, r);
        break;
    default:
        break;
    }
}

static void say_pdu(amble__printer *p, amble__decode_link *link, uint8_t opcode, amble__reader *r)
{
    switch (opcode) {
    case 0x01:
        say_error(p, link, r);
        break;
    case 0x02:
    case 0x03:
        amble__say(p, "%u", amble__read_le16(r));
        break;
    case 0x04:
    case 0x06:
    case 0x08:
    case 0x10:
        say_typed_range(p, link, opcode, r);
        break;
    case 0x05:
        say_information(p, link, r);
        break;
    case 0x09:
        say_types(p, link, r);
        break;
    case 0x0a:
    case 0x0c:
    case 0x12:
    case 0x16:
    case 0x17:
    case 0x1b:
    case 0x1d:
    case 0x52:
        say_one(p, link, opcode, r);
        break;
    case 0x0b: /* of a value's beginning only: a blob begins somewhere */
        say_known_handle(p, link, link->asked.subject);
        say_value(p, link, link->asked.subject, r);
        break;
    case 0x11:
        say_groups(p, r);
        break;
    default:
        say_many(p, link, opcode, r);
        break;
    }
}

/* Every request has an even opcode, and no response has one, 3.4.8. */
static bool is_request(uint8_t opcode) { return (opcode < 0x1b || opcode == 0x20) && !(opcode & 1); }

void amble__decode_att(amble__decode_link *link, amble__reader r, amble__decoded *out)
{
    const uint8_t opcode = amble__read_u8(&r);
    amble__printer p = amble__printer_of(out->detail, sizeof out->detail);
    amble__bytes rest;

    out->layer = "att";
    amble__decode_set_name(out, amble__decode_find(LIST(pdus), opcode), "PDU", opcode);
    if (is_request(opcode))
        link->asked = (amble__decode_request){.opcode = opcode};
    say_pdu(&p, link, opcode, &r);
    if (r.failed)
        amble__say(&p, " (malformed)");
    rest = amble__read_rest(&r);
    if (rest.size)
        amble__say(&p, "%s", out->detail[0] ? ", " : "");
    amble__say_bytes(&p, rest, SHOWN);
}
