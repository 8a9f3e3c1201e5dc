/* The requests that look over a range of handles: each answers with as many entries as fit, all of one size, in the
 * order of handles (Vol 3 Part F 3.4.3, 3.4.4.1, 3.4.4.9). */
#include "gatt/server.h"

enum { LARGEST_ENTRY = 255 }; /* the size of an entry is one byte */

/* Reads the range of a request; answers with the error and returns false when it makes no sense. */
static bool read_range(amble__server_link *link, uint8_t opcode, amble__reader *pdu, amble__att_range *range)
{
    const uint8_t error = amble__att_read_range(pdu, opcode, range);

    if (error)
        amble__att_send_error(link->bearer, opcode, range->start, error);
    return !error;
}

/* Sends the list, or, when it has no entry, that nothing was found. */
static void send_list(amble__server_link *link, uint8_t opcode, const amble__att_range *range, const amble__writer *w,
                      size_t entry_size)
{
    if (entry_size)
        amble__att_send_answer(link->bearer, w);
    else
        amble__att_send_error(link->bearer, opcode, range->start, AMBLE__ATT_ATTRIBUTE_NOT_FOUND);
}

void amble__server_find_information(amble__server_link *link, amble__reader *pdu)
{
    amble__writer w = amble__att_answer(link->bearer);
    amble__attribute attribute;
    amble__att_range range;
    size_t entry_size = 0;

    if (!read_range(link, AMBLE__ATT_FIND_INFORMATION_REQUEST, pdu, &range))
        return;
    for (unsigned handle = range.start;
         amble__database_at_or_after(&link->server->database, handle, &attribute) && attribute.handle <= range.end;
         handle = attribute.handle + 1u) {
        const amble_uuid type = amble__attribute_type(&attribute);

        if (!entry_size) {
            entry_size = 2u + type.size;
            amble__write_u8(&w, AMBLE__ATT_FIND_INFORMATION_RESPONSE);
            amble__write_u8(&w, type.size == 2 ? 1 : 2);
        }
        if (entry_size != 2u + type.size || amble__write_room(&w) < entry_size)
            break;
        amble__write_le16(&w, attribute.handle);
        amble__att_write_uuid(&w, &type);
    }
    send_list(link, AMBLE__ATT_FIND_INFORMATION_REQUEST, &range, &w, entry_size);
}

static uint16_t group_end(const amble__attribute *attribute)
{
    return attribute->kind == AMBLE__ATTRIBUTE_SERVICE ? attribute->service->end : attribute->handle;
}

static bool value_equals(const amble__attribute *attribute, const amble__server_link *link, amble__bytes wanted)
{
    uint8_t scratch[AMBLE__DECLARATION_SIZE];
    const amble__bytes bytes = amble__attribute_bytes(attribute, link, scratch);
    amble_uuid uuid = {.size = (uint8_t)wanted.size};

    if (attribute->kind == AMBLE__ATTRIBUTE_SERVICE && (wanted.size == 2 || wanted.size == 16)) {
        memcpy(uuid.bytes, wanted.data, wanted.size);
        return amble_uuid_equal(&uuid, attribute->service->definition->uuid);
    }
    return !amble__attribute_list_error(attribute, link->conn) && bytes.size == wanted.size &&
           (wanted.size == 0 || memcmp(bytes.data, wanted.data, wanted.size) == 0);
}

void amble__server_find_by_type_value(amble__server_link *link, amble__reader *pdu)
{
    amble__writer w = amble__att_answer(link->bearer);
    amble__attribute attribute;
    amble__att_range range;
    size_t entry_size = 0;

    if (!read_range(link, AMBLE__ATT_FIND_BY_TYPE_VALUE_REQUEST, pdu, &range))
        return;
    amble__write_u8(&w, AMBLE__ATT_FIND_BY_TYPE_VALUE_RESPONSE);
    for (unsigned handle = range.start; amble__database_at_or_after(&link->server->database, handle, &attribute) &&
                                        attribute.handle <= range.end && amble__write_room(&w) >= 4;
         handle = attribute.handle + 1u) {
        const amble_uuid type = amble__attribute_type(&attribute);

        if (!amble_uuid_equal(&type, &range.type) || !value_equals(&attribute, link, range.value))
            continue;
        entry_size = 4;
        amble__write_le16(&w, attribute.handle);
        amble__write_le16(&w, group_end(&attribute));
    }
    send_list(link, AMBLE__ATT_FIND_BY_TYPE_VALUE_REQUEST, &range, &w, entry_size);
}

/* Appends an entry (handle, for groups their end, value); the first one sets the size of all. False when the list is
 * complete. */
static bool append_entry(amble__writer *w, uint8_t opcode, size_t *entry_size, const amble__attribute *attribute,
                         amble__bytes bytes)
{
    const bool group = opcode == AMBLE__ATT_READ_BY_GROUP_TYPE_REQUEST;
    const size_t head = group ? 4 : 2;

    if (!*entry_size) {
        const size_t room = amble__write_room(w) - 2;

        *entry_size = head + bytes.size;
        if (*entry_size > room)
            *entry_size = room;
        if (*entry_size > LARGEST_ENTRY)
            *entry_size = LARGEST_ENTRY;
        amble__write_u8(w, opcode + 1u);
        amble__write_u8(w, (unsigned)*entry_size);
        bytes.size = *entry_size - head;
    }
    if (head + bytes.size != *entry_size || amble__write_room(w) < *entry_size)
        return false;
    amble__write_le16(w, attribute->handle);
    if (group)
        amble__write_le16(w, group_end(attribute));
    amble__write_bytes(w, bytes.data, bytes.size);
    return true;
}

/* All attributes of a type with their values. What may not be read ends the list, and is an error when it comes
 * first. */
static void list_by_type(amble__server_link *link, uint8_t opcode, const amble__att_range *range)
{
    amble__writer w = amble__att_answer(link->bearer);
    uint8_t scratch[AMBLE__DECLARATION_SIZE];
    amble__attribute attribute;
    size_t entry_size = 0;

    for (unsigned handle = range->start;
         amble__database_at_or_after(&link->server->database, handle, &attribute) && attribute.handle <= range->end;
         handle = attribute.handle + 1u) {
        const amble_uuid type = amble__attribute_type(&attribute);
        uint8_t error;

        if (!amble_uuid_equal(&type, &range->type))
            continue;
        error = amble__attribute_list_error(&attribute, link->conn);
        if (error && !entry_size) {
            amble__att_send_error(link->bearer, opcode, attribute.handle, error);
            return;
        }
        if (error)
            break;
        if (!append_entry(&w, opcode, &entry_size, &attribute, amble__attribute_bytes(&attribute, link, scratch)))
            break;
    }
    send_list(link, opcode, range, &w, entry_size);
}

void amble__server_read_by_type(amble__server_link *link, amble__reader *pdu)
{
    amble__att_range range;

    if (read_range(link, AMBLE__ATT_READ_BY_TYPE_REQUEST, pdu, &range))
        list_by_type(link, AMBLE__ATT_READ_BY_TYPE_REQUEST, &range);
}

void amble__server_read_by_group_type(amble__server_link *link, amble__reader *pdu)
{
    static const amble_uuid primary = AMBLE_UUID16(AMBLE__TYPE_PRIMARY_SERVICE);
    static const amble_uuid secondary = AMBLE_UUID16(AMBLE__TYPE_SECONDARY_SERVICE);
    amble__att_range range;

    if (!read_range(link, AMBLE__ATT_READ_BY_GROUP_TYPE_REQUEST, pdu, &range))
        return;
    if (amble_uuid_equal(&range.type, &primary) || amble_uuid_equal(&range.type, &secondary))
        list_by_type(link, AMBLE__ATT_READ_BY_GROUP_TYPE_REQUEST, &range);
    else
        amble__att_send_error(link->bearer, AMBLE__ATT_READ_BY_GROUP_TYPE_REQUEST, range.start,
                              AMBLE__ATT_UNSUPPORTED_GROUP);
}
