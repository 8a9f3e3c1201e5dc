/* Fuzzes the ATT PDUs: the first byte is the opcode. What is read and written again has to be the same bytes, and the
 * entries of a list have to cover it exactly. */
#include "att/fuzzing.h"
#include "att/pdu.h"

static uint8_t again[700];

static void compare(const amble__writer *w, const uint8_t *pdu, size_t size)
{
    fuzz_check(!w->failed && amble__written_size(w) == size && memcmp(again, pdu, size) == 0);
}

static void read_range(uint8_t opcode, const uint8_t *pdu, size_t size)
{
    amble__reader r = amble__reader_of(pdu + 1, size - 1);
    amble__writer w = amble__writer_of(again, sizeof again);
    amble__att_range range;
    const uint8_t error = amble__att_read_range(&r, opcode, &range);

    fuzz_check(error == 0 || error == AMBLE__ATT_INVALID_PDU || error == AMBLE__ATT_INVALID_HANDLE);
    if (error == AMBLE__ATT_INVALID_PDU)
        return;
    fuzz_check(error || (range.start && range.start <= range.end));
    amble__att_write_range(&w, opcode, &range);
    compare(&w, pdu, size);
}

static void read_list(uint8_t opcode, const uint8_t *pdu, size_t size)
{
    amble__reader r = amble__reader_of(pdu + 1, size - 1);
    const uint8_t *end = pdu + size;
    size_t entry_size, left;
    amble__att_entry entry;

    if (!amble__att_begin_entries(&r, opcode, &entry_size))
        return;
    fuzz_check(entry_size >= 2);
    left = amble__read_left(&r);
    while (amble__att_next_entry(&r, opcode, entry_size, &entry)) {
        left -= entry_size;
        fuzz_check(entry.value.data + entry.value.size <= end && entry.value.size < entry_size);
    }
    fuzz_check(left == 0 && amble__read_left(&r) == 0);
}

static void read_small(uint8_t opcode, const uint8_t *pdu, size_t size)
{
    amble__writer w = amble__writer_of(again, sizeof again);
    amble__reader r = amble__reader_of(pdu + 1, size - 1);
    amble__att_error error;
    uint16_t mtu;

    if (opcode == AMBLE__ATT_ERROR_RESPONSE && amble__att_read_error(&r, &error)) {
        amble__att_write_error(&w, error.request, error.handle, error.code);
        compare(&w, pdu, size);
    } else if (opcode != AMBLE__ATT_ERROR_RESPONSE && amble__att_read_mtu(&r, &mtu)) {
        amble__att_write_mtu(&w, opcode, mtu);
        compare(&w, pdu, size);
    }
}

static void read_parts(uint8_t opcode, const uint8_t *pdu, size_t size)
{
    amble__writer w = amble__writer_of(again, sizeof again);
    amble__reader r = amble__reader_of(pdu + 1, size - 1);
    amble__att_part part;
    uint8_t flags;

    if (opcode == AMBLE__ATT_EXECUTE_WRITE_REQUEST) {
        if (!amble__att_read_execute(&r, &flags))
            return;
        amble__att_write_execute(&w, flags);
    } else {
        if (!amble__att_read_part(&r, &part))
            return;
        amble__att_write_part(&w, opcode, &part);
    }
    compare(&w, pdu, size);
}

/* What is whole comes again; a value may only be cut at the end. */
static void read_values(uint8_t opcode, const uint8_t *pdu, size_t size)
{
    amble__writer w = amble__writer_of(again, size);
    amble__reader r = amble__reader_of(pdu + 1, size - 1);
    amble__bytes value;
    size_t length;
    uint16_t handle;

    amble__write_u8(&w, opcode);
    if (opcode == AMBLE__ATT_MULTIPLE_NOTIFICATION) {
        while (amble__att_next_handle_value(&r, &handle, &value))
            amble__att_write_handle_value(&w, handle, value);
    } else {
        while (amble__read_left(&r) && amble__att_next_length_value(&r, &length, &value)) {
            if (value.size != length) {
                fuzz_check(amble__read_left(&r) == 0);
                return;
            }
            amble__att_write_length_value(&w, value);
        }
    }
    if (!r.failed)
        compare(&w, pdu, size);
}

static void read_pdu(uint8_t opcode, const uint8_t *pdu, size_t size)
{
    switch (opcode) {
    case AMBLE__ATT_FIND_INFORMATION_REQUEST:
    case AMBLE__ATT_FIND_BY_TYPE_VALUE_REQUEST:
    case AMBLE__ATT_READ_BY_TYPE_REQUEST:
    case AMBLE__ATT_READ_BY_GROUP_TYPE_REQUEST:
        read_range(opcode, pdu, size);
        break;
    case AMBLE__ATT_FIND_INFORMATION_RESPONSE:
    case AMBLE__ATT_FIND_BY_TYPE_VALUE_RESPONSE:
    case AMBLE__ATT_READ_BY_TYPE_RESPONSE:
    case AMBLE__ATT_READ_BY_GROUP_TYPE_RESPONSE:
        read_list(opcode, pdu, size);
        break;
    case AMBLE__ATT_ERROR_RESPONSE:
    case AMBLE__ATT_MTU_REQUEST:
    case AMBLE__ATT_MTU_RESPONSE:
        read_small(opcode, pdu, size);
        break;
    case AMBLE__ATT_PREPARE_WRITE_REQUEST:
    case AMBLE__ATT_PREPARE_WRITE_RESPONSE:
    case AMBLE__ATT_EXECUTE_WRITE_REQUEST:
        read_parts(opcode, pdu, size);
        break;
    case AMBLE__ATT_MULTIPLE_NOTIFICATION:
    case AMBLE__ATT_READ_MULTIPLE_VARIABLE_RESPONSE:
        read_values(opcode, pdu, size);
        break;
    default:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy;

    if (size == 0 || size > AMBLE__ATT_MTU_MAX)
        return 0;
    copy = fuzz_copy((amble__bytes){data, size});
    read_pdu(copy[0], copy, size);
    free(copy);
    return 0;
}
