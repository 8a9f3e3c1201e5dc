/* What the tests of a whole host share: a controller that answers every command at once, and says everything else when
 * a test wants it.
 *
 * What it says is queued and handed on by one work of the scheduler, so events queued without a wait in between reach
 * the host in one round, before any task runs: that is what a race is made of. Answers can be refused, held back, or
 * replaced by silence. */
#ifndef AMBLE_HOST_TESTING_H
#define AMBLE_HOST_TESTING_H
#include "hci/testing.h"
#include "host/host_room.h"

enum { FAKE_QUEUE = 64, FAKE_COMMANDS = 512, FAKE_OPCODES = 8, FAKE_HANDLE = 0x40 };

static struct {
    amble__transport transport;
    amble__work delivery;
    struct {
        uint8_t bytes[260];
        size_t size;
    } queue[FAKE_QUEUE];
    unsigned queued;
    uint16_t commands[FAKE_COMMANDS]; /* the opcodes, as they came */
    unsigned count, data_packets;
    struct {
        uint16_t opcode;
        uint8_t status;
    } refused[FAKE_OPCODES];
    uint16_t held; /* this opcode is not answered */
    bool silent;   /* none is */
    bool no_features_command, privacy_modes;
    uint8_t credits;
    bool connecting;
} fake;

/* --- from the controller
 * ------------------------------------------------------------------------------------------------ */
static inline void fake_deliver(amble__work *work)
{
    const unsigned queued = fake.queued;

    (void)work;
    for (unsigned i = 0; i < queued; i++)
        fake.transport.receive(fake.transport.user, fake.queue[i].bytes, fake.queue[i].size);
    fake.queued -= queued;
    memmove(fake.queue, fake.queue + queued, fake.queued * sizeof *fake.queue);
}
static inline void fake_say(uint8_t type, const uint8_t *packet, size_t size)
{
    assert_in_range(fake.queued, 0, FAKE_QUEUE - 1);
    fake.queue[fake.queued].bytes[0] = type;
    memcpy(fake.queue[fake.queued].bytes + 1, packet, size);
    fake.queue[fake.queued++].size = 1 + size;
    amble__work_post(&fake.delivery);
}
static inline void fake_event(uint8_t code, const uint8_t *parameters, size_t size)
{
    uint8_t packet[257] = {code, (uint8_t)size};

    memcpy(packet + 2, parameters, size);
    fake_say(AMBLE__PACKET_EVENT, packet, 2 + size);
}
/* LE Connection Complete; the peer's address begins with `peer`. */
static inline void fake_connected(uint8_t status, uint16_t handle, bool central, uint8_t peer)
{
    fake.connecting = fake.connecting && !central && !status;
    fake_event(AMBLE__EVENT_LE_META,
               BYTES(AMBLE__LE_CONNECTION_COMPLETE, status, (uint8_t)handle, (uint8_t)(handle >> 8), !central, 0, peer,
                     0, 0, 0, 0, 0, 40, 0, 0, 0, 200, 0, 0));
}
static inline void fake_disconnected(uint16_t handle, uint8_t reason)
{
    fake_event(AMBLE__EVENT_DISCONNECTION_COMPLETE, BYTES(0, (uint8_t)handle, (uint8_t)(handle >> 8), reason));
}
static inline void fake_features(uint16_t handle)
{
    fake_event(AMBLE__EVENT_LE_META, BYTES(AMBLE__LE_REMOTE_FEATURES_COMPLETE, 0, (uint8_t)handle,
                                           (uint8_t)(handle >> 8), 0, 0, 0, 0, 0, 0, 0, 0));
}
/* An advertisement without data. */
static inline void fake_report(uint8_t peer)
{
    fake_event(AMBLE__EVENT_LE_META, BYTES(AMBLE__LE_ADVERTISING_REPORT, 1, 0, 0, peer, 0, 0, 0, 0, 0, 0, 0xc0));
}
static inline void fake_acl(uint16_t handle, const uint8_t *data, size_t size)
{
    uint8_t packet[255];

    amble__put_le16(packet, handle | AMBLE__BOUNDARY_FIRST << 12);
    amble__put_le16(packet + 2, (unsigned)size);
    memcpy(packet + 4, data, size);
    fake_say(AMBLE__PACKET_ACL, packet, 4 + size);
}

/* --- answers
 * ------------------------------------------------------------------------------------------------------------ */
static inline uint8_t fake_status(uint16_t opcode)
{
    for (int i = 0; i < FAKE_OPCODES; i++)
        if (fake.refused[i].status && fake.refused[i].opcode == opcode)
            return fake.refused[i].status;
    return opcode == AMBLE__HCI_LE_CREATE_CONNECTION_CANCEL && !fake.connecting ? AMBLE__HCI_COMMAND_DISALLOWED : 0;
}
/* From now on the command is answered with this status; 0: as usual. */
static inline void fake_refuse(uint16_t opcode, uint8_t status)
{
    int at = 0;

    while (fake.refused[at].opcode && fake.refused[at].opcode != opcode)
        at++;
    assert_in_range(at, 0, FAKE_OPCODES - 1);
    fake.refused[at].opcode = opcode;
    fake.refused[at].status = status;
}
static inline void fake_answer(uint16_t opcode)
{
    uint8_t reply[4 + 64] = {fake.credits, (uint8_t)opcode, (uint8_t)(opcode >> 8), fake_status(opcode)};

    if (opcode == AMBLE__HCI_DISCONNECT || opcode == AMBLE__HCI_LE_CREATE_CONNECTION ||
        opcode == AMBLE__HCI_LE_READ_REMOTE_FEATURES) {
        fake_event(AMBLE__EVENT_COMMAND_STATUS, BYTES(reply[3], fake.credits, reply[1], reply[2]));
        return;
    }
    if (opcode == AMBLE__HCI_READ_LOCAL_FEATURES)
        reply[4 + 4] = 0x40; /* LE */
    if (opcode == AMBLE__HCI_READ_SUPPORTED_COMMANDS && !fake.no_features_command)
        reply[4 + 27] = 0x20;
    if (opcode == AMBLE__HCI_READ_SUPPORTED_COMMANDS && fake.privacy_modes)
        reply[4 + 39] = 0x04;
    if (opcode == AMBLE__HCI_LE_READ_BUFFER_SIZE) {
        reply[4] = 251;
        reply[6] = 4;
    }
    if (opcode == AMBLE__HCI_READ_BD_ADDR || opcode == AMBLE__HCI_LE_READ_ACCEPT_LIST_SIZE)
        reply[4] = 4;
    fake_event(AMBLE__EVENT_COMMAND_COMPLETE, reply, sizeof reply);
}

static inline int fake_write(amble__transport *transport, const uint8_t *packet, size_t size)
{
    const uint16_t opcode = amble__get_le16(packet + 1);

    (void)transport, (void)size;
    if (packet[0] != AMBLE__PACKET_COMMAND) {
        fake.data_packets++;
        return 0;
    }
    fake.commands[fake.count++ % FAKE_COMMANDS] = opcode;
    if (fake.silent || fake.held == opcode)
        return 0;
    fake_answer(opcode);
    if (fake_status(opcode))
        return 0;
    if (opcode == AMBLE__HCI_LE_CREATE_CONNECTION)
        fake.connecting = true;
    if (opcode == AMBLE__HCI_LE_CREATE_CONNECTION_CANCEL)
        fake_connected(AMBLE__HCI_UNKNOWN_CONNECTION, 0, true, 0);
    if (opcode == AMBLE__HCI_DISCONNECT)
        fake_disconnected(amble__get_le16(packet + 4), AMBLE__HCI_LOCAL_HOST_TERMINATED);
    return 0;
}
static inline void fake_close(amble__transport *transport)
{
    (void)transport;
    amble__work_cancel(&fake.delivery);
}
/* How often the host sent this command. */
static inline unsigned fake_commands(uint16_t opcode)
{
    unsigned n = 0;

    for (unsigned i = 0; i < fake.count; i++)
        n += fake.commands[i] == opcode;
    return n;
}

/* Begins a test; what the controller shall be like is set in between. */
static inline void fake_reset(void)
{
    memset(&fake, 0, sizeof fake);
    fake.credits = 1;
    fake.delivery.run = fake_deliver;
}
static inline int fake_open_config(amble **ble, const amble_config *config, int timeout_ms)
{
    static const amble__transport_operations operations = {.write = fake_write, .close = fake_close};

    fake.transport = (amble__transport){.operations = &operations, .name = "fake"};
    return amble__host_open(ble, &fake.transport, config, timeout_ms);
}
static inline amble *fake_open(void)
{
    amble *ble;

    assert_int_equal(fake_open_config(&ble, NULL, 5000), 0);
    return ble;
}

/* A central that connects: its address begins with the lower half of the handle. */
static inline int fake_central(void *arg)
{
    const uint16_t handle = *(const uint16_t *)arg;

    assert_int_equal(amble_sleep_ms(10), 0); /* advertising is on then */
    fake_connected(0, handle, false, (uint8_t)handle);
    return 0;
}
static inline amble_connection *fake_accept(amble *ble, uint16_t handle)
{
    amble_connection *conn;
    amble_scope scope;

    amble_scope_open(&scope);
    assert_non_null(amble_spawn(&scope, fake_central, &handle));
    assert_int_equal(amble_advertise(ble, NULL, &conn, 1000), 0);
    amble_scope_close(&scope);
    return conn;
}
#endif
