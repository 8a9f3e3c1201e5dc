/* Records of the Linux monitor's format (air_capture.h; BlueZ, doc/btsnoop.txt): the flags are the adapter in the upper
 * half and an opcode in the lower one, and packets have no H4 type byte. */
#include "transport/air_capture.h"

#include <string.h>

#include "transport/transport.h"

enum {
    NEW_INDEX = 0,
    DELETE_INDEX = 1,
    COMMAND = 2,
    EVENT = 3,
    ACL_FROM_HOST = 4,
    ACL_TO_HOST = 5,
};

/* NEW_INDEX: a type (0, primary), a bus (0, virtual), the address, a name of up to 8 bytes. */
enum { ADDRESS_AT = 2, NAME_AT = 8, NAME_SIZE = 8 };

static uint32_t flags_of(uint32_t number, unsigned opcode) { return (number - 1) << 16 | opcode; }

void amble__air_capture_joined(amble__btsnoop *snoop, uint64_t time_us, uint32_t number, const uint8_t address[6])
{
    uint8_t record[NAME_AT + NAME_SIZE] = {0};
    char name[16] = "";

    memcpy(record + ADDRESS_AT, address, 6);
    snprintf(name, sizeof name, "hci%u", (unsigned)(number - 1));
    memcpy(record + NAME_AT, name, NAME_SIZE);
    amble__btsnoop_write(snoop, time_us, flags_of(number, NEW_INDEX), record, sizeof record);
}

void amble__air_capture_left(amble__btsnoop *snoop, uint64_t time_us, uint32_t number)
{
    amble__btsnoop_write(snoop, time_us, flags_of(number, DELETE_INDEX), NULL, 0);
}

void amble__air_capture_packet(amble__btsnoop *snoop, uint64_t time_us, uint32_t number, bool to_host,
                               const uint8_t *packet, size_t size)
{
    unsigned opcode;

    if (!size)
        return;
    switch (packet[0]) {
    case AMBLE__H4_COMMAND:
        opcode = COMMAND;
        break;
    case AMBLE__H4_EVENT:
        opcode = EVENT;
        break;
    case AMBLE__H4_ACL:
        opcode = to_host ? ACL_TO_HOST : ACL_FROM_HOST;
        break;
    default:
        return; /* nothing else reaches a controller */
    }
    amble__btsnoop_write(snoop, time_us, flags_of(number, opcode), packet + 1, size - 1);
}
