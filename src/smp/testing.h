/* What the tests of pairing share: two hosts, and between them two controllers and a wire made of a few lines.
 *
 * The controllers answer every command, carry ACL data across, and encrypt as real ones do: the central's key is
 * compared with the one that the peripheral's host gives. A test may look at what crosses the wire in clear, change it,
 * or swallow it. People are tasks that take prompts and answer as the test tells them. Includes host/: a pairing is
 * nothing without the rest of a host. */
#ifndef AMBLE_SMP_TESTING_H
#define AMBLE_SMP_TESTING_H
#include "hci/testing.h"
#include "host/host_room.h"

enum { WIRE_QUEUE = 64, WIRE_HANDLE = 0x40, CENTRAL = 0, PERIPHERAL = 1, SMP_FRAME = 4 };

typedef struct {
    amble__transport transport;
    amble *ble;
    amble_connection *conn;
    uint8_t key[16];
    bool has_key, encrypted;
    uint8_t secret[32]; /* of its P-256 key pair */
    /* Its person. */
    bool silent;                           /* takes prompts, answers none */
    bool refuses;                          /* says no to everything */
    bool wrong;                            /* enters another passkey than was shown */
    const amble_oob_data *data;            /* has it from the other side */
    uint32_t fixed;                        /* enters this when nobody shows anything */
    unsigned asked[AMBLE_PROMPT_DONE + 1]; /* how often, of each kind */
    amble_prompt last[AMBLE_PROMPT_DONE + 1];
} wire_side;

static struct {
    wire_side sides[2];
    amble__work delivery;
    struct {
        uint8_t side;
        uint8_t bytes[300];
        size_t size;
    } queue[WIRE_QUEUE];
    unsigned queued;
    bool linked, no_encryption, no_ciphers;
    bool stalled;      /* the controllers keep the packets that they are given, for a while, */
    uint8_t unsent[2]; /* so many */
    bool forgetful;    /* the peripheral's host is asked for a key, and its answer counts as none */
    unsigned in_clear; /* frames that crossed while both sides thought the link encrypted, or the like: never */
    unsigned smp_frames;
    uint8_t last_key[16]; /* that both sides gave */
    unsigned encryptions;
    uint8_t dhkey[32]; /* that a controller computed last */
    /* Sees each SMP PDU that `from` sends, and may change it; false: it is lost. */
    bool (*meddle)(unsigned from, uint8_t *pdu, size_t *size);
} wire;

/* --- from the controllers ----------------------------------------------------------------------------------------- */
static inline void wire_deliver(amble__work *work)
{
    const unsigned queued = wire.queued;

    (void)work;
    for (unsigned i = 0; i < queued; i++) {
        amble__transport *to = &wire.sides[wire.queue[i].side].transport;

        if (to->receive)
            to->receive(to->user, wire.queue[i].bytes, wire.queue[i].size);
    }
    wire.queued -= queued;
    memmove(wire.queue, wire.queue + queued, wire.queued * sizeof *wire.queue);
    if (wire.queued)
        amble__work_post(&wire.delivery);
}
static inline void wire_say(unsigned side, uint8_t type, const uint8_t *packet, size_t size)
{
    assert_in_range(wire.queued, 0, WIRE_QUEUE - 1);
    wire.queue[wire.queued].side = (uint8_t)side;
    wire.queue[wire.queued].bytes[0] = type;
    memcpy(wire.queue[wire.queued].bytes + 1, packet, size);
    wire.queue[wire.queued++].size = 1 + size;
    amble__work_post(&wire.delivery);
}
static inline void wire_event(unsigned side, uint8_t code, const uint8_t *parameters, size_t size)
{
    uint8_t packet[257] = {code, (uint8_t)size};

    memcpy(packet + 2, parameters, size);
    wire_say(side, AMBLE__PACKET_EVENT, packet, 2 + size);
}
static inline amble_device wire_address(unsigned side)
{
    return (amble_device){AMBLE_PUBLIC, {(uint8_t)(1 + side), 2, 3, 4, 5, 6}};
}
static inline void wire_link(void)
{
    for (unsigned side = 0; side < 2; side++) {
        const amble_device peer = wire_address(!side);

        wire_event(side, AMBLE__EVENT_LE_META,
                   BYTES(AMBLE__LE_CONNECTION_COMPLETE, 0, WIRE_HANDLE, 0, (uint8_t)side, 0, peer.bytes[0], 2, 3, 4, 5,
                         6, 40, 0, 0, 0, 200, 0, 0));
        wire.sides[side].encrypted = wire.sides[side].has_key = false;
    }
    wire.linked = true;
}
static inline void wire_unlink(uint8_t reason)
{
    if (wire.linked)
        for (unsigned side = 0; side < 2; side++)
            wire_event(side, AMBLE__EVENT_DISCONNECTION_COMPLETE, BYTES(0, WIRE_HANDLE, 0, reason));
    wire.linked = false;
}

/* --- encryption --------------------------------------------------------------------------------------------------- */
static inline void wire_encrypted(void)
{
    for (unsigned side = 0; side < 2; side++) {
        if (wire.sides[side].encrypted)
            wire_event(side, AMBLE__EVENT_KEY_REFRESH_COMPLETE, BYTES(0, WIRE_HANDLE, 0));
        else
            wire_event(side, AMBLE__EVENT_ENCRYPTION_CHANGE, BYTES(0, WIRE_HANDLE, 0, 1));
        wire.sides[side].encrypted = true;
    }
    wire.encryptions++;
}
static inline void wire_key(const uint8_t *key)
{
    if ((!key || wire.forgetful) && wire.sides[CENTRAL].encrypted) {
        /* Encryption is paused for a new key: the link cannot go on (Vol 6 Part B 5.1.3.2). */
        wire_unlink(AMBLE__HCI_KEY_MISSING);
        return;
    }
    if (!key || wire.forgetful) {
        wire_event(CENTRAL, AMBLE__EVENT_ENCRYPTION_CHANGE, BYTES(AMBLE__HCI_KEY_MISSING, WIRE_HANDLE, 0, 0));
        return;
    }
    memcpy(wire.sides[PERIPHERAL].key, key, 16);
    if (memcmp(key, wire.sides[CENTRAL].key, 16) != 0) {
        wire_unlink(0x3d); /* MIC failure */
        return;
    }
    memcpy(wire.last_key, key, 16);
    wire_encrypted();
}

/* --- controllers that compute ------------------------------------------------------------------------------------- */
static amble_crypto wire_crypto[2]; /* who computes for the hosts of this and the following tests */
static bool wire_careless;          /* these controllers take every point for one of the curve */
static int wire_slow_ms;            /* they take this long for P-256, and */
static int wire_slow_block_ms;      /* this long for AES and random numbers */

typedef struct {
    unsigned side;
    uint8_t code, event[4 + 64];
    size_t size;
    amble__timer timer;
} wire_result;
static wire_result wire_results[2], wire_blocks[2]; /* what each is computing: one of each at a time */

static inline void wire_turn(uint8_t *to, const uint8_t *from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = from[size - 1 - i];
}
static inline void wire_aes(const uint8_t *parameters, uint8_t reply[16])
{
    uint8_t key[16], block[16];
    amble__aes_key expanded;

    wire_turn(key, parameters, 16);
    wire_turn(block, parameters + 16, 16);
    assert_int_equal(amble__aes_expand(&expanded, key), 0);
    amble__aes_encrypt(&expanded, block, block);
    wire_turn(reply, block, 16);
}
static inline void wire_result_out(amble__timer *timer)
{
    const wire_result *result = amble__container(timer, wire_result, timer);

    wire_event(result->side, result->code, result->event, result->size);
}
static inline void wire_later(wire_result *result, uint8_t code, const uint8_t *event, size_t size, int ms)
{
    assert_false(result->timer.armed); /* a controller computes one thing at a time */
    result->code = code;
    result->size = size;
    memcpy(result->event, event, size);
    result->timer.fire = wire_result_out;
    amble__timer_start(&result->timer, amble__deadline(ms));
}
static inline void wire_computed(unsigned side, const uint8_t *event, size_t size)
{
    wire_results[side].side = side;
    wire_later(&wire_results[side], AMBLE__EVENT_LE_META, event, size, wire_slow_ms);
}
static inline void wire_p256_key(unsigned side)
{
    uint8_t event[2 + 64] = {AMBLE__LE_LOCAL_P256_KEY};
    amble__p256_point point;

    assert_int_equal(amble__p256_generate(amble__scheduler_random(), wire.sides[side].secret, &point), 0);
    wire_turn(event + 2, point.x, 32);
    wire_turn(event + 34, point.y, 32);
    wire_computed(side, event, sizeof event);
}
static inline void wire_dhkey(unsigned side, const uint8_t *parameters)
{
    uint8_t event[2 + 32] = {AMBLE__LE_DHKEY}, shared[32] = {0};
    amble__p256_point point;

    wire_turn(point.x, parameters, 32);
    wire_turn(point.y, parameters + 32, 32);
    if (amble__p256_shared(wire.sides[side].secret, &point, shared) < 0 && !wire_careless)
        event[1] = AMBLE__HCI_INVALID_PARAMETERS;
    wire_turn(event + 2, shared, 32);
    memcpy(wire.dhkey, event + 2, 32);
    wire_computed(side, event, sizeof event);
}

/* --- to the controllers ------------------------------------------------------------------------------------------- */
static inline void wire_complete(unsigned side, uint16_t opcode, const uint8_t *parameters)
{
    uint8_t reply[4 + 64] = {1, (uint8_t)opcode, (uint8_t)(opcode >> 8), 0};

    if (opcode == AMBLE__HCI_READ_SUPPORTED_COMMANDS && !wire.no_ciphers) {
        reply[4 + 27] = 0xc0; /* LE Encrypt, LE Rand */
        reply[4 + 34] = 0x06; /* P-256 */
    }
    if (opcode == AMBLE__HCI_LE_ENCRYPT)
        wire_aes(parameters, reply + 4);
    if (opcode == AMBLE__HCI_LE_RAND)
        amble__random_bytes(amble__scheduler_random(), reply + 4, 8);

    if (opcode == AMBLE__HCI_READ_LOCAL_FEATURES)
        reply[4 + 4] = 0x40; /* LE */
    if (opcode == AMBLE__HCI_LE_READ_BUFFER_SIZE) {
        reply[4] = 27; /* so that a public key is cut */
        reply[6] = 16;
    }
    if (opcode == AMBLE__HCI_LE_READ_ACCEPT_LIST_SIZE)
        reply[4] = 4;
    if (opcode == AMBLE__HCI_READ_BD_ADDR)
        memcpy(reply + 4, wire_address(side).bytes, 6);
    if (wire_slow_block_ms && (opcode == AMBLE__HCI_LE_ENCRYPT || opcode == AMBLE__HCI_LE_RAND)) {
        wire_blocks[side].side = side;
        wire_later(&wire_blocks[side], AMBLE__EVENT_COMMAND_COMPLETE, reply, 4 + 16, wire_slow_block_ms);
        return;
    }
    wire_event(side, AMBLE__EVENT_COMMAND_COMPLETE, reply, sizeof reply);
}
static inline void wire_status(unsigned side, uint16_t opcode, uint8_t status)
{
    wire_event(side, AMBLE__EVENT_COMMAND_STATUS, BYTES(status, 1, (uint8_t)opcode, (uint8_t)(opcode >> 8)));
}
static inline void wire_enable(const uint8_t *parameters)
{
    uint8_t request[13] = {AMBLE__LE_KEY_REQUEST, WIRE_HANDLE, 0};

    wire_status(CENTRAL, AMBLE__HCI_LE_ENABLE_ENCRYPTION, wire.no_encryption ? 0x01 : 0);
    if (wire.no_encryption)
        return;
    memcpy(request + 3, parameters + 2, 10);
    memcpy(wire.sides[CENTRAL].key, parameters + 12, 16);
    wire_event(PERIPHERAL, AMBLE__EVENT_LE_META, request, sizeof request);
}
static inline void wire_command(unsigned side, uint16_t opcode, const uint8_t *parameters)
{
    switch (opcode) {
    case AMBLE__HCI_DISCONNECT:
        wire_status(side, opcode, 0);
        wire_unlink(0x16);
        break;
    case AMBLE__HCI_LE_CREATE_CONNECTION:
        wire_status(side, opcode, 0);
        wire_link();
        break;
    case AMBLE__HCI_LE_ENABLE_ENCRYPTION:
        wire_enable(parameters);
        break;
    case AMBLE__HCI_LE_KEY_REPLY:
    case AMBLE__HCI_LE_KEY_NEGATIVE_REPLY:
        wire_complete(side, opcode, parameters);
        wire_key(opcode == AMBLE__HCI_LE_KEY_REPLY ? parameters + 2 : NULL);
        break;
    case AMBLE__HCI_LE_READ_LOCAL_P256_KEY:
        wire_status(side, opcode, 0);
        wire_p256_key(side);
        break;
    case AMBLE__HCI_LE_GENERATE_DHKEY:
        wire_status(side, opcode, 0);
        wire_dhkey(side, parameters);
        break;
    default:
        wire_complete(side, opcode, parameters);
    }
}
/* One fragment; frames that a test meddles with are put together first. */
static inline void wire_data(unsigned side, const uint8_t *packet, size_t size)
{
    static struct {
        uint8_t frame[300];
        size_t size;
    } under_way[2];
    uint8_t acl[4 + 300];
    size_t pdu;

    if ((packet[2] >> 4 & 3) != AMBLE__BOUNDARY_CONTINUE)
        under_way[side].size = 0;
    memcpy(under_way[side].frame + under_way[side].size, packet + 5, size - 5);
    under_way[side].size += size - 5;
    if (wire.stalled)
        wire.unsent[side]++;
    else
        wire_event(side, AMBLE__EVENT_COMPLETED_PACKETS, BYTES(1, WIRE_HANDLE, 0, 1, 0));
    if (under_way[side].size < SMP_FRAME || under_way[side].size - SMP_FRAME < amble__get_le16(under_way[side].frame))
        return;
    pdu = under_way[side].size - SMP_FRAME;
    if (amble__get_le16(under_way[side].frame + 2) == AMBLE__CID_SECURITY) {
        wire.smp_frames++;
        if (wire.meddle && !wire.meddle(side, under_way[side].frame + SMP_FRAME, &pdu))
            return;
    }
    amble__put_le16(acl, WIRE_HANDLE | AMBLE__BOUNDARY_FIRST << 12);
    amble__put_le16(acl + 2, (unsigned)(SMP_FRAME + pdu));
    memcpy(acl + 4, under_way[side].frame, SMP_FRAME + pdu);
    amble__put_le16(acl + 4, (unsigned)pdu);
    if (wire.linked)
        wire_say(!side, AMBLE__PACKET_ACL, acl, 4 + SMP_FRAME + pdu);
}
/* The controllers give back what they kept. */
static inline void wire_go_on(void)
{
    wire.stalled = false;
    for (unsigned side = 0; side < 2; side++)
        if (wire.unsent[side])
            wire_event(side, AMBLE__EVENT_COMPLETED_PACKETS, BYTES(1, WIRE_HANDLE, 0, wire.unsent[side], 0));
    wire.unsent[0] = wire.unsent[1] = 0;
}
/* A PDU as if the side had sent it. */
static inline void wire_forge(unsigned from, const uint8_t *pdu, size_t size)
{
    uint8_t acl[4 + SMP_FRAME + 80];

    amble__put_le16(acl, WIRE_HANDLE | AMBLE__BOUNDARY_FIRST << 12);
    amble__put_le16(acl + 2, (unsigned)(SMP_FRAME + size));
    amble__put_le16(acl + 4, (unsigned)size);
    amble__put_le16(acl + 6, AMBLE__CID_SECURITY);
    memcpy(acl + 8, pdu, size);
    wire_say(!from, AMBLE__PACKET_ACL, acl, 4 + SMP_FRAME + size);
}
static inline int wire_write(amble__transport *transport, const uint8_t *packet, size_t size)
{
    const unsigned side = transport == &wire.sides[PERIPHERAL].transport;

    if (packet[0] == AMBLE__PACKET_COMMAND)
        wire_command(side, amble__get_le16(packet + 1), packet + 4);
    else
        wire_data(side, packet, size);
    return 0;
}
static inline void wire_close(amble__transport *transport) { transport->receive = NULL; }

/* --- two hosts ---------------------------------------------------------------------------------------------------- */
static inline void wire_open_side(unsigned side, const amble_config *config)
{
    static const amble__transport_operations operations = {.write = wire_write, .close = wire_close};
    static const char *const names[] = {"central", "peripheral"};

    wire.sides[side].transport = (amble__transport){.operations = &operations, .name = names[side]};
    assert_int_equal(amble__host_open(&wire.sides[side].ble, &wire.sides[side].transport, config, 5000), 0);
}
static inline void wire_open(void)
{
    memset(&wire, 0, sizeof wire);
    wire.delivery.run = wire_deliver;
    for (unsigned side = 0; side < 2; side++)
        wire_open_side(side, &(amble_config){.crypto = wire_crypto[side]});
}
static inline int wire_accept(void *arg)
{
    (void)arg;
    return amble_advertise(wire.sides[PERIPHERAL].ble, NULL, &wire.sides[PERIPHERAL].conn, 5000);
}
static inline void wire_connect(void)
{
    amble_scope scope;
    amble_task *accepting;

    amble_scope_open(&scope);
    accepting = amble_spawn(&scope, wire_accept, NULL);
    assert_int_equal(amble_sleep_ms(10), 0);
    wire_event(CENTRAL, AMBLE__EVENT_LE_META,
               BYTES(AMBLE__LE_ADVERTISING_REPORT, 0)); /* nothing was heard: only wakes the central */
    assert_int_equal(
        amble_connect(wire.sides[CENTRAL].ble, wire_address(PERIPHERAL), NULL, &wire.sides[CENTRAL].conn, 5000), 0);
    assert_int_equal(amble_join(accepting, 5000), 0);
    amble_scope_close(&scope);
}
static inline void wire_disconnect(void)
{
    amble_connection_close(wire.sides[CENTRAL].conn);
    amble_connection_close(wire.sides[PERIPHERAL].conn);
    wire.sides[CENTRAL].conn = wire.sides[PERIPHERAL].conn = NULL;
}
static inline void wire_end(void)
{
    wire_disconnect();
    amble_close(wire.sides[CENTRAL].ble);
    amble_close(wire.sides[PERIPHERAL].ble);
    amble__work_cancel(&wire.delivery);
    for (unsigned side = 0; side < 2; side++) {
        amble__timer_stop(&wire_results[side].timer);
        amble__timer_stop(&wire_blocks[side].timer);
    }
}

/* --- people ------------------------------------------------------------------------------------------------------- */
static inline int passkey_for(const wire_side *side)
{
    const wire_side *other = side == &wire.sides[CENTRAL] ? &wire.sides[PERIPHERAL] : &wire.sides[CENTRAL];

    for (int i = 0; i < 100 && !other->asked[AMBLE_PROMPT_SHOW]; i++) /* it takes a moment until it is shown */
        if (other->asked[AMBLE_PROMPT_ENTER])
            return (int)side->fixed;
        else if (amble_sleep_ms(10) < 0)
            return AMBLE_ERR_CANCELLED;
    return (int)(side->wrong ? (other->last[AMBLE_PROMPT_SHOW].passkey + 1) % 1000000
                             : other->last[AMBLE_PROMPT_SHOW].passkey);
}
static inline int person(void *arg)
{
    wire_side *side = arg;
    amble_prompt p;
    int r;

    while ((r = amble_prompted(side->ble, &p, AMBLE_FOREVER)) == 0) {
        side->asked[p.kind]++;
        side->last[p.kind] = p;
        if (side->silent)
            continue;
        if (side->refuses && p.kind <= AMBLE_PROMPT_ALLOW)
            (void)amble_prompt_answer(side->ble, &p, p.kind == AMBLE_PROMPT_COMPARE ? 0 : AMBLE_ERR_CANCELLED);
        else if (p.kind == AMBLE_PROMPT_ENTER)
            (void)amble_prompt_answer(side->ble, &p, passkey_for(side));
        else if (p.kind == AMBLE_PROMPT_COMPARE || p.kind == AMBLE_PROMPT_ALLOW)
            (void)amble_prompt_answer(side->ble, &p, 1);
        else if (p.kind == AMBLE_PROMPT_OUT_OF_BAND && side->data)
            (void)amble_prompt_answer_data(side->ble, &p, side->data);
        else if (p.kind == AMBLE_PROMPT_OUT_OF_BAND)
            (void)amble_prompt_answer(side->ble, &p, 0);
    }
    return r;
}
/* Pairs with people on both sides; the peripheral's link is at rest afterwards. */
static inline int wire_pair(const amble_pair_options *central, const amble_pair_options *peripheral, int timeout_ms)
{
    amble_scope people;
    int r;

    memset(wire.sides[CENTRAL].asked, 0, sizeof wire.sides[CENTRAL].asked);
    memset(wire.sides[PERIPHERAL].asked, 0, sizeof wire.sides[PERIPHERAL].asked);
    assert_int_equal(amble_security_config(wire.sides[PERIPHERAL].ble, peripheral), 0);
    amble_scope_open(&people);
    amble_spawn(&people, person, &wire.sides[CENTRAL]);
    amble_spawn(&people, person, &wire.sides[PERIPHERAL]);
    r = amble_pair(wire.sides[CENTRAL].conn, central, timeout_ms);
    assert_int_equal(amble_sleep_ms(100), 0);
    amble_scope_close(&people);
    return r;
}
/* The same as a task, without people. */
static inline int wire_pair_quietly(void *arg)
{
    (void)arg;
    return amble_pair(wire.sides[CENTRAL].conn, NULL, AMBLE_FOREVER);
}
/* Who computes from now on: a group of tests runs with every way. */
enum { WIRE_WAYS = 4 };
static inline void wire_compute(unsigned way)
{
    wire_crypto[CENTRAL] = way & 1 ? AMBLE_CRYPTO_CONTROLLER : AMBLE_CRYPTO_PORT;
    wire_crypto[PERIPHERAL] = way & 2 ? AMBLE_CRYPTO_CONTROLLER : AMBLE_CRYPTO_PORT;
}
#endif
