/* See pdu.h. Invariant: nothing here looks beyond what the reader holds, and no value read is larger than the PDU it
 * came in. */
#include "att/pdu.h"

void amble__att_write_error(amble__writer *w, uint8_t request, uint16_t handle, uint8_t code)
{
    amble__write_u8(w, AMBLE__ATT_ERROR_RESPONSE);
    amble__write_u8(w, request);
    amble__write_le16(w, handle);
    amble__write_u8(w, code);
}

bool amble__att_read_error(amble__reader *r, amble__att_error *error)
{
    error->request = amble__read_u8(r);
    error->handle = amble__read_le16(r);
    error->code = amble__read_u8(r);
    return amble__read_complete(r);
}

void amble__att_write_mtu(amble__writer *w, uint8_t opcode, uint16_t mtu)
{
    amble__write_u8(w, opcode);
    amble__write_le16(w, mtu);
}

bool amble__att_read_mtu(amble__reader *r, uint16_t *mtu)
{
    *mtu = amble__read_le16(r);
    return amble__read_complete(r);
}

bool amble__att_read_uuid(amble__reader *r, size_t size, amble_uuid *uuid)
{
    *uuid = (amble_uuid){.size = (uint8_t)size};
    if (size != 2 && size != 16)
        return false;
    amble__read_copy(r, uuid->bytes, size);
    return !r->failed;
}

void amble__att_write_uuid(amble__writer *w, const amble_uuid *uuid) { amble__write_bytes(w, uuid->bytes, uuid->size); }

void amble__att_write_range(amble__writer *w, uint8_t opcode, const amble__att_range *range)
{
    amble__write_u8(w, opcode);
    amble__write_le16(w, range->start);
    amble__write_le16(w, range->end);
    if (opcode != AMBLE__ATT_FIND_INFORMATION_REQUEST)
        amble__att_write_uuid(w, &range->type);
    if (opcode == AMBLE__ATT_FIND_BY_TYPE_VALUE_REQUEST)
        amble__write_bytes(w, range->value.data, range->value.size);
}

uint8_t amble__att_read_range(amble__reader *r, uint8_t opcode, amble__att_range *range)
{
    *range = (amble__att_range){.start = amble__read_le16(r)};
    range->end = amble__read_le16(r);
    if (opcode == AMBLE__ATT_FIND_BY_TYPE_VALUE_REQUEST) {
        if (amble__att_read_uuid(r, 2, &range->type))
            range->value = amble__read_rest(r);
    } else if (opcode != AMBLE__ATT_FIND_INFORMATION_REQUEST) {
        if (!amble__att_read_uuid(r, amble__read_left(r), &range->type))
            return AMBLE__ATT_INVALID_PDU;
    }
    if (!amble__read_complete(r))
        return AMBLE__ATT_INVALID_PDU;
    return range->start == 0 || range->start > range->end ? AMBLE__ATT_INVALID_HANDLE : 0;
}

void amble__att_write_handle(amble__writer *w, uint8_t opcode, uint16_t handle)
{
    amble__write_u8(w, opcode);
    amble__write_le16(w, handle);
}

void amble__att_write_blob(amble__writer *w, uint16_t handle, uint16_t offset)
{
    amble__att_write_handle(w, AMBLE__ATT_READ_BLOB_REQUEST, handle);
    amble__write_le16(w, offset);
}

bool amble__att_begin_entries(amble__reader *r, uint8_t opcode, size_t *entry_size)
{
    const size_t smallest = opcode == AMBLE__ATT_READ_BY_GROUP_TYPE_RESPONSE ? 4 : 2;

    if (opcode == AMBLE__ATT_FIND_BY_TYPE_VALUE_RESPONSE) {
        *entry_size = 4;
    } else if (opcode == AMBLE__ATT_FIND_INFORMATION_RESPONSE) {
        /* 3.4.3.2: format 1 is a handle and a 16-bit UUID, format 2 a handle and a 128-bit one. */
        const uint8_t format = amble__read_u8(r);

        *entry_size = format == 1 ? 4 : 18;
        if (format != 1 && format != 2)
            return false;
    } else {
        *entry_size = amble__read_u8(r);
        if (*entry_size < smallest)
            return false;
    }
    /* A list holds at least one entry and only whole ones. */
    return !r->failed && amble__read_left(r) >= *entry_size && amble__read_left(r) % *entry_size == 0;
}

bool amble__att_next_entry(amble__reader *r, uint8_t opcode, size_t entry_size, amble__att_entry *entry)
{
    const bool group =
        opcode == AMBLE__ATT_READ_BY_GROUP_TYPE_RESPONSE || opcode == AMBLE__ATT_FIND_BY_TYPE_VALUE_RESPONSE;
    amble__reader one = amble__reader_of(NULL, 0);
    const uint8_t *bytes;

    if (amble__read_left(r) == 0 || !(bytes = amble__read_view(r, entry_size)))
        return false;
    one = amble__reader_of(bytes, entry_size);
    entry->handle = amble__read_le16(&one);
    entry->end = group ? amble__read_le16(&one) : entry->handle;
    entry->value = amble__read_rest(&one);
    return true;
}

void amble__att_write_part(amble__writer *w, uint8_t opcode, const amble__att_part *part)
{
    amble__att_write_handle(w, opcode, part->handle);
    amble__write_le16(w, part->offset);
    amble__write_bytes(w, part->value.data, part->value.size);
}

bool amble__att_read_part(amble__reader *r, amble__att_part *part)
{
    part->handle = amble__read_le16(r);
    part->offset = amble__read_le16(r);
    part->value = amble__read_rest(r);
    return amble__read_complete(r);
}

void amble__att_write_execute(amble__writer *w, uint8_t flags)
{
    amble__write_u8(w, AMBLE__ATT_EXECUTE_WRITE_REQUEST);
    amble__write_u8(w, flags);
}

bool amble__att_read_execute(amble__reader *r, uint8_t *flags)
{
    *flags = amble__read_u8(r);
    return amble__read_complete(r) && *flags <= AMBLE__ATT_EXECUTE_WRITE;
}

void amble__att_write_length_value(amble__writer *w, amble__bytes value)
{
    amble__write_le16(w, (unsigned)value.size);
    amble__write_bytes(w, value.data, value.size < amble__write_room(w) ? value.size : amble__write_room(w));
}

bool amble__att_next_length_value(amble__reader *r, size_t *length, amble__bytes *value)
{
    *length = amble__read_le16(r);
    if (r->failed)
        return false;
    value->size = *length < amble__read_left(r) ? *length : amble__read_left(r);
    value->data = amble__read_view(r, value->size);
    return true;
}

void amble__att_write_handle_value(amble__writer *w, uint16_t handle, amble__bytes value)
{
    amble__write_le16(w, handle);
    amble__write_le16(w, (unsigned)value.size);
    amble__write_bytes(w, value.data, value.size);
}

bool amble__att_next_handle_value(amble__reader *r, uint16_t *handle, amble__bytes *value)
{
    if (amble__read_left(r) == 0)
        return false;
    *handle = amble__read_le16(r);
    value->size = amble__read_le16(r);
    value->data = amble__read_view(r, value->size);
    return !r->failed;
}
