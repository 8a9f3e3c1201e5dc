/* What the tests of this room share: a controller that keeps the parameters of what it is told, in front of the one
 * that all tests of a host share; its abilities are set before the host opens. Data of a link is kept too. */
#ifndef AMBLE_GAP_TESTING_H
#define AMBLE_GAP_TESTING_H
#include "host/testing.h"

enum { SCRIPTED_REPLY = 16, SCRIPTED_REPLIES = 8 };

static struct {
    bool extended;
    uint8_t sets;
    uint8_t features[8]; /* of LE */
    struct {
        uint16_t opcode;
        uint8_t bytes[SCRIPTED_REPLY];
    } replies[SCRIPTED_REPLIES];
    uint16_t said[FAKE_COMMANDS];
    uint8_t parameters[FAKE_COMMANDS][256];
    size_t sizes[FAKE_COMMANDS];
    unsigned count, read;
    uint8_t data[64]; /* the last packet of a link, its headers included */
    size_t data_size;
} heard;

static amble *ble;

static inline bool is_answered_with_status(uint16_t opcode)
{
    return opcode == AMBLE__HCI_LE_CONNECTION_UPDATE || opcode == AMBLE__HCI_LE_SET_PHY ||
           opcode == AMBLE__HCI_LE_EXTENDED_CREATE_CONNECTION || opcode == AMBLE__HCI_LE_PERIODIC_CREATE_SYNC;
}

static inline bool scripted_answer(uint16_t opcode)
{
    uint8_t reply[4 + SCRIPTED_REPLY] = {1, (uint8_t)opcode, (uint8_t)(opcode >> 8), fake_status(opcode)};

    for (int i = 0; i < SCRIPTED_REPLIES; i++) {
        if (heard.replies[i].opcode != opcode)
            continue;
        memcpy(reply + 4, heard.replies[i].bytes, SCRIPTED_REPLY);
        fake_event(AMBLE__EVENT_COMMAND_COMPLETE, reply, sizeof reply);
        return true;
    }
    if (opcode == AMBLE__HCI_LE_READ_FEATURES) {
        memcpy(reply + 4, heard.features, 8);
        reply[4 + 1] |= heard.extended ? 0x10 : 0;
    } else if (opcode == AMBLE__HCI_LE_READ_ADVERTISING_SETS) {
        reply[4] = heard.sets;
    } else if (opcode == AMBLE__HCI_LE_SET_EXTENDED_PARAMETERS || opcode == AMBLE__HCI_LE_READ_ADVERTISING_TX_POWER) {
        reply[4] = 9; /* dBm */
    } else if (is_answered_with_status(opcode)) {
        fake_event(AMBLE__EVENT_COMMAND_STATUS, BYTES(reply[3], 1, reply[1], reply[2]));
        return true;
    } else {
        return false;
    }
    fake_event(AMBLE__EVENT_COMMAND_COMPLETE, reply, sizeof reply);
    return true;
}

static inline int scripted_write(amble__transport *transport, const uint8_t *packet, size_t size)
{
    const uint16_t opcode = amble__get_le16(packet + 1);

    if (packet[0] != AMBLE__PACKET_COMMAND) {
        heard.data_size = size - 1;
        assert_in_range(size, 1, sizeof heard.data);
        memcpy(heard.data, packet + 1, size - 1);
        return fake_write(transport, packet, size);
    }
    assert_in_range(heard.count, 0, FAKE_COMMANDS - 1);
    heard.said[heard.count] = opcode;
    heard.sizes[heard.count] = size - 4;
    memcpy(heard.parameters[heard.count++], packet + 4, size - 4);
    if (fake.held != opcode && scripted_answer(opcode)) {
        fake.connecting = fake.connecting || opcode == AMBLE__HCI_LE_EXTENDED_CREATE_CONNECTION;
        return 0;
    }
    return fake_write(transport, packet, size);
}

/* Begins a test; what the controller can do is set in between. */
static inline void scripted_reset(void)
{
    fake_reset();
    memset(&heard, 0, sizeof heard);
    heard.sets = 1;
}
static inline void scripted_open(const amble_config *config)
{
    static const amble__transport_operations operations = {.write = scripted_write, .close = fake_close};

    fake.transport = (amble__transport){.operations = &operations, .name = "fake"};
    assert_int_equal(amble__host_open(&ble, &fake.transport, config, 5000), 0);
    heard.read = heard.count;
}
/* From now on this command is answered with these return parameters. */
static inline void scripted_reply(int place, uint16_t opcode, const uint8_t *bytes, size_t size)
{
    heard.replies[place].opcode = opcode;
    memcpy(heard.replies[place].bytes, bytes, size);
}

/* The parameters of the next command of this kind, which must have come. */
static inline const uint8_t *next_said(uint16_t opcode)
{
    while (heard.read < heard.count)
        if (heard.said[heard.read++] == opcode)
            return heard.parameters[heard.read - 1];
    fail_msg("the command 0x%04x did not come", opcode);
    return NULL;
}
static inline bool says(uint16_t opcode)
{
    for (unsigned i = heard.read; i < heard.count; i++)
        if (heard.said[i] == opcode)
            return true;
    return false;
}
static inline void settle_well(void)
{
    settle();
    settle();
    settle();
}
#endif
