/* The PDUs of the Attribute Protocol: opcodes, error codes, and for each PDU how it is written and how it is read, side
 * by side (Vol 3 Part F 3.4). Writers append to an amble__writer that is as long as the MTU allows; readers take what
 * follows the opcode and say whether it made sense. Lists in responses are read entry by entry, straight from the
 * bytes. */
#ifndef AMBLE_ATT_PDU_H
#define AMBLE_ATT_PDU_H
#include <amble/uuid.h>

#include "core/bytes.h"

enum { AMBLE__ATT_MTU_MIN = 23, AMBLE__ATT_MTU_MAX = 517, AMBLE__ATT_VALUE_MAX = 512 };

enum {
    AMBLE__ATT_ERROR_RESPONSE = 0x01,
    AMBLE__ATT_MTU_REQUEST = 0x02,
    AMBLE__ATT_MTU_RESPONSE = 0x03,
    AMBLE__ATT_FIND_INFORMATION_REQUEST = 0x04,
    AMBLE__ATT_FIND_INFORMATION_RESPONSE = 0x05,
    AMBLE__ATT_FIND_BY_TYPE_VALUE_REQUEST = 0x06,
    AMBLE__ATT_FIND_BY_TYPE_VALUE_RESPONSE = 0x07,
    AMBLE__ATT_READ_BY_TYPE_REQUEST = 0x08,
    AMBLE__ATT_READ_BY_TYPE_RESPONSE = 0x09,
    AMBLE__ATT_READ_REQUEST = 0x0a,
    AMBLE__ATT_READ_RESPONSE = 0x0b,
    AMBLE__ATT_READ_BLOB_REQUEST = 0x0c,
    AMBLE__ATT_READ_BLOB_RESPONSE = 0x0d,
    AMBLE__ATT_READ_MULTIPLE_REQUEST = 0x0e,
    AMBLE__ATT_READ_MULTIPLE_RESPONSE = 0x0f,
    AMBLE__ATT_READ_BY_GROUP_TYPE_REQUEST = 0x10,
    AMBLE__ATT_READ_BY_GROUP_TYPE_RESPONSE = 0x11,
    AMBLE__ATT_WRITE_REQUEST = 0x12,
    AMBLE__ATT_WRITE_RESPONSE = 0x13,
    AMBLE__ATT_PREPARE_WRITE_REQUEST = 0x16,
    AMBLE__ATT_PREPARE_WRITE_RESPONSE = 0x17,
    AMBLE__ATT_EXECUTE_WRITE_REQUEST = 0x18,
    AMBLE__ATT_EXECUTE_WRITE_RESPONSE = 0x19,
    AMBLE__ATT_NOTIFICATION = 0x1b,
    AMBLE__ATT_INDICATION = 0x1d,
    AMBLE__ATT_CONFIRMATION = 0x1e,
    AMBLE__ATT_READ_MULTIPLE_VARIABLE_REQUEST = 0x20,
    AMBLE__ATT_READ_MULTIPLE_VARIABLE_RESPONSE = 0x21,
    AMBLE__ATT_MULTIPLE_NOTIFICATION = 0x23,
    AMBLE__ATT_WRITE_COMMAND = 0x52,
    AMBLE__ATT_SIGNED_WRITE_COMMAND = 0xd2,
};
/* What follows the opcode of a PDU that has one. */
static inline amble__bytes amble__att_parameters(amble__bytes pdu)
{
    return (amble__bytes){.data = pdu.data + 1, .size = pdu.size - 1};
}

/* A PDU with this bit is a command: it gets no answer, not even an error (3.3.1). */
enum { AMBLE__ATT_COMMAND_FLAG = 0x40 };

/* Error codes, 3.4.1.1. */
enum {
    AMBLE__ATT_INVALID_HANDLE = 0x01,
    AMBLE__ATT_READ_NOT_PERMITTED = 0x02,
    AMBLE__ATT_WRITE_NOT_PERMITTED = 0x03,
    AMBLE__ATT_INVALID_PDU = 0x04,
    AMBLE__ATT_INSUFFICIENT_AUTHENTICATION = 0x05,
    AMBLE__ATT_REQUEST_NOT_SUPPORTED = 0x06,
    AMBLE__ATT_INVALID_OFFSET = 0x07,
    AMBLE__ATT_INSUFFICIENT_AUTHORIZATION = 0x08,
    AMBLE__ATT_PREPARE_QUEUE_FULL = 0x09,
    AMBLE__ATT_ATTRIBUTE_NOT_FOUND = 0x0a,
    AMBLE__ATT_ATTRIBUTE_NOT_LONG = 0x0b,
    AMBLE__ATT_KEY_TOO_SHORT = 0x0c,
    AMBLE__ATT_INVALID_LENGTH = 0x0d,
    AMBLE__ATT_UNLIKELY_ERROR = 0x0e,
    AMBLE__ATT_INSUFFICIENT_ENCRYPTION = 0x0f,
    AMBLE__ATT_UNSUPPORTED_GROUP = 0x10,
    AMBLE__ATT_INSUFFICIENT_RESOURCES = 0x11,
    AMBLE__ATT_DATABASE_OUT_OF_SYNC = 0x12,
    AMBLE__ATT_VALUE_NOT_ALLOWED = 0x13,
    AMBLE__ATT_CCCD_IMPROPER = 0xfd, /* Core Supplement Part B 1.2 */
};

/* 3.4.1.1 Error Response */
typedef struct {
    uint8_t request;
    uint16_t handle;
    uint8_t code;
} amble__att_error;
void amble__att_write_error(amble__writer *w, uint8_t request, uint16_t handle, uint8_t code);
bool amble__att_read_error(amble__reader *r, amble__att_error *error);

/* 3.4.2 Exchange MTU, request and response are alike. */
void amble__att_write_mtu(amble__writer *w, uint8_t opcode, uint16_t mtu);
bool amble__att_read_mtu(amble__reader *r, uint16_t *mtu);

/* The requests that ask over a range of handles: Find Information (3.4.3.1), Find By Type Value (3.4.3.3), Read By Type
 * (3.4.4.1), Read By Group Type (3.4.4.9). */
typedef struct {
    uint16_t start, end;
    amble_uuid type;    /* not of Find Information */
    amble__bytes value; /* of Find By Type Value only */
} amble__att_range;
void amble__att_write_range(amble__writer *w, uint8_t opcode, const amble__att_range *range);
/* AMBLE__ATT_INVALID_PDU or AMBLE__ATT_INVALID_HANDLE, or 0. */
uint8_t amble__att_read_range(amble__reader *r, uint8_t opcode, amble__att_range *range);

/* Requests and commands that name one attribute: Read (3.4.4.3), Read Blob (3.4.4.5, with an offset), Write Request and
 * Command (3.4.5.1, 3.4.5.3), Notification and Indication (3.4.7), which carry a value. */
void amble__att_write_handle(amble__writer *w, uint8_t opcode, uint16_t handle);
void amble__att_write_blob(amble__writer *w, uint16_t handle, uint16_t offset);
static inline void amble__att_write_value(amble__writer *w, uint8_t opcode, uint16_t handle, const void *data,
                                          size_t size)
{
    uint8_t *p = amble__write_space(w, 3 + size);

    if (!p)
        return;
    p[0] = opcode;
    amble__put_le16(p + 1, handle);
    if (size)
        memcpy(p + 3, data, size);
}

/* 3.4.6 Prepare Write, request and response are alike; Execute Write. */
typedef struct {
    uint16_t handle, offset;
    amble__bytes value;
} amble__att_part;
void amble__att_write_part(amble__writer *w, uint8_t opcode, const amble__att_part *part);
bool amble__att_read_part(amble__reader *r, amble__att_part *part);
enum { AMBLE__ATT_EXECUTE_CANCEL = 0, AMBLE__ATT_EXECUTE_WRITE = 1 };
void amble__att_write_execute(amble__writer *w, uint8_t flags);
bool amble__att_read_execute(amble__reader *r, uint8_t *flags);

/* A value with its length, of Read Multiple Variable (3.4.4.12): in the last one of a PDU the length may be more than
 * what is there. False at the end, and for what makes no sense. */
void amble__att_write_length_value(amble__writer *w, amble__bytes value);
bool amble__att_next_length_value(amble__reader *r, size_t *length, amble__bytes *value);
/* The same with a handle before it, of Multiple Handle Value Notification (3.4.7.4); every value is whole. */
void amble__att_write_handle_value(amble__writer *w, uint16_t handle, amble__bytes value);
bool amble__att_next_handle_value(amble__reader *r, uint16_t *handle, amble__bytes *value);

/* One UUID as ATT carries it: 2 or 16 bytes. False for another size. */
bool amble__att_read_uuid(amble__reader *r, size_t size, amble_uuid *uuid);
void amble__att_write_uuid(amble__writer *w, const amble_uuid *uuid);

/* Entries of list responses: each call reads the next one; false at the end, and for what makes no sense. */
typedef struct {
    uint16_t handle, end; /* `end` of groups only */
    amble__bytes value;
} amble__att_entry;
/* Read By Type (3.4.4.2) and Read By Group Type (3.4.4.10) say the size of an entry first: the begin functions read
 * it. */
bool amble__att_begin_entries(amble__reader *r, uint8_t opcode, size_t *entry_size);
bool amble__att_next_entry(amble__reader *r, uint8_t opcode, size_t entry_size, amble__att_entry *entry);
#endif
