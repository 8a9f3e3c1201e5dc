/* What the fuzz targets share: the rooms from HCI upwards wired together, without anything of a test, on one scheduler
 * in virtual time.
 *
 * The scheduler is opened once; each input opens the rooms anew, runs its script to the end, and loses every link, so
 * that nothing is left for the next one. Packets are handed over in memory of their own, so that a look beyond their
 * end is seen. */
#ifndef AMBLE_ATT_FUZZING_H
#define AMBLE_ATT_FUZZING_H
#include <stdlib.h>

#include "amble/log.h"
#include "att/bearer.h"
#include "core/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_LINKS = 2, FUZZ_POOL = 3, FUZZ_BUFFERS = 4, FUZZ_BUFFER_SIZE = 64, FUZZ_HANDLE = 0x40 };
enum { FUZZ_CHANNELS = 5, FUZZ_LISTENERS = 2, FUZZ_RING = 256, FUZZ_MPS = 64, FUZZ_BEARERS = 2 };

static struct {
    amble__hci hci;
    amble__links links;
    amble__l2cap l2cap;
    amble__att att;
    uint16_t mtu;
    unsigned written;      /* packets to the controller */
    uint8_t last_pdu[600]; /* the last ATT PDU of the host, if it fitted into one packet */
    size_t last_size;
    void (*opened)(amble_connection *conn);
    void (*lost)(amble_connection *conn);
} fuzz;

static inline void fuzz_check(bool good)
{
    if (!good)
        abort();
}

/* What the host sends is as the specification has it, whatever it was sent. */
static inline int fuzz_write(void *user, const uint8_t *packet, size_t size)
{
    const bool first = size > 4 && (packet[2] >> 4 & 3) == 0;

    (void)user;
    fuzz.written++;
    if (packet[0] != AMBLE__PACKET_ACL)
        return 0;
    fuzz_check(size >= 5 && amble__get_le16(packet + 3) == size - 5 && size - 5 <= FUZZ_BUFFER_SIZE);
    if (!first)
        return 0;
    fuzz_check(size >= 9 && amble__get_le16(packet + 5) + 9u >= size);
    if (amble__get_le16(packet + 7) == AMBLE__CID_ATT) {
        fuzz_check(amble__get_le16(packet + 5) >= 1 && amble__get_le16(packet + 5) <= fuzz.mtu);
        fuzz.last_size = size - 9;
        memcpy(fuzz.last_pdu, packet + 9, fuzz.last_size);
    }
    return 0;
}
static inline void fuzz_event(void *user, uint8_t code, amble__reader *parameters)
{
    (void)user, (void)code;
    (void)amble__read_rest(parameters);
}
static inline void fuzz_acl(void *user, const uint8_t *data, size_t size, uint16_t handle, unsigned boundary)
{
    (void)user;
    amble__link_receive(&fuzz.links, data, size, handle, boundary);
}
static inline void fuzz_failed(void *user, int error)
{
    (void)user;
    amble__hci_fail(&fuzz.hci, error);
}
static inline void fuzz_link_opened(amble_connection *conn)
{
    amble__l2cap_open(&fuzz.l2cap, conn);
    amble__att_open(&fuzz.att, conn);
    if (fuzz.opened)
        fuzz.opened(conn);
}
static inline void fuzz_link_lost(amble_connection *conn)
{
    amble__l2cap_lost(conn);
    amble__att_lost(conn);
    if (fuzz.lost)
        fuzz.lost(conn);
}
static inline void fuzz_received(amble_connection *conn, const uint8_t *data, size_t size, unsigned boundary)
{
    amble__l2cap_receive(conn, data, size, boundary);
}
static inline void fuzz_att(amble_connection *conn, const uint8_t *data, size_t size)
{
    fuzz_check(size <= fuzz.mtu);
    amble__att_receive(conn->bearer, data, size);
}
static inline void fuzz_ignore_pdu(amble__att_bearer *bearer, amble__bytes pdu) { (void)bearer, (void)pdu; }
static inline void fuzz_ignore_security(amble_connection *conn, const uint8_t *data, size_t size)
{
    (void)conn, (void)data, (void)size;
}
static inline void fuzz_ignore_bearer(amble__att_bearer *bearer) { (void)bearer; }
static inline void fuzz_dead(amble_connection *conn) { amble__link_lose(conn, 0x08, AMBLE_ERR_DISCONNECTED); }

/* Opens the rooms; what is left of the memory is the caller's. */
static inline amble__arena fuzz_open(uint16_t mtu)
{
    static const amble__hci_callbacks callbacks = {
        .write = fuzz_write, .event = fuzz_event, .acl = fuzz_acl, .failed = fuzz_failed};
    static _Alignas(max_align_t) uint8_t block[64 * 1024];
    const uint8_t bearers = mtu < AMBLE__ENHANCED_UNIT_MIN ? 0 : FUZZ_BEARERS;
    amble__arena arena = {.block = block, .size = sizeof block};

    amble_log_level(AMBLE_LOG_OFF);
    memset(&fuzz, 0, sizeof fuzz);
    fuzz.mtu = mtu;
    amble__hci_init(&fuzz.hci, &callbacks, NULL);
    amble__acl_configure(&fuzz.hci, FUZZ_BUFFERS, FUZZ_BUFFER_SIZE);
    amble__links_init(&fuzz.links, &arena, FUZZ_LINKS);
    amble__l2cap_init(&fuzz.l2cap, &arena,
                      &(amble__l2cap_sizes){.links = FUZZ_LINKS,
                                            .mtu = mtu,
                                            .channels = FUZZ_CHANNELS,
                                            .listeners = FUZZ_LISTENERS,
                                            .receive_size = FUZZ_RING,
                                            .send_size = FUZZ_RING,
                                            .mps = FUZZ_MPS,
                                            .bearers = bearers});
    amble__att_init(&fuzz.att, &arena, FUZZ_LINKS, 1u + bearers, FUZZ_POOL, mtu);
    fuzz.links.hci = &fuzz.hci;
    fuzz.links.opened = fuzz_link_opened;
    fuzz.links.lost = fuzz_link_lost;
    fuzz.links.received = fuzz_received;
    fuzz.l2cap.att = fuzz_att;
    fuzz.l2cap.security = fuzz_ignore_security;
    fuzz.att.request = fuzz.att.notified = fuzz_ignore_pdu;
    fuzz.att.dead = fuzz_dead;
    fuzz.att.closed = fuzz_ignore_bearer;
    fuzz.l2cap.bearer_ready = amble__att_channel_ready;
    fuzz.l2cap.bearer_received = amble__att_channel_received;
    fuzz.l2cap.bearer_ended = amble__att_channel_ended;
    fuzz_check(!bearers || amble__bearers_listen(&fuzz.l2cap) == 0);
    return arena;
}

static inline amble_connection *fuzz_link(unsigned number, bool central)
{
    amble_connection *conn =
        amble__link_open(&fuzz.links, &(amble__link_parameters){.handle = (uint16_t)(FUZZ_HANDLE + number),
                                                                .central = central,
                                                                .device = {AMBLE_RANDOM, {(uint8_t)number}}});

    fuzz_check(conn);
    conn->owned = true;
    return conn;
}

/* The controller has sent everything it was given. */
static inline void fuzz_complete(void)
{
    for (size_t i = 0; i < fuzz.links.count; i++) {
        amble_connection *conn = &fuzz.links.slots[i];

        while (conn->state == AMBLE__LINK_LIVE && conn->acl.in_flight)
            amble__acl_completed(&fuzz.hci, conn->handle, conn->acl.in_flight);
    }
}

/* Loses every link; afterwards every packet, every credit and every bearer has to be back. */
static inline void fuzz_close(void)
{
    unsigned packets = 0;

    for (size_t i = 0; i < fuzz.links.count; i++)
        amble__link_lose(&fuzz.links.slots[i], 0x08, AMBLE_ERR_DISCONNECTED);
    amble__hci_fail(&fuzz.hci, AMBLE_ERR_CLOSED);
    fuzz_check(fuzz.hci.acl_credits == FUZZ_BUFFERS);
    for (const amble__packet *packet = fuzz.att.pool.free; packet; packet = packet->next)
        packets++;
    fuzz_check(packets == FUZZ_POOL);
    for (size_t i = fuzz.l2cap.channels.program_count; i < fuzz.l2cap.channels.count; i++)
        fuzz_check(fuzz.l2cap.channels.slots[i].state == AMBLE__CHANNEL_FREE);
}

/* A view in memory of its own; the caller frees it. */
static inline uint8_t *fuzz_copy(amble__bytes bytes)
{
    uint8_t *copy = malloc(bytes.size ? bytes.size : 1);

    fuzz_check(copy);
    if (bytes.size)
        memcpy(copy, bytes.data, bytes.size);
    return copy;
}
/* The next bytes of the script: their number, then as many as there are. */
static inline amble__bytes fuzz_take(amble__reader *script)
{
    size_t size = amble__read_u8(script);

    if (size > amble__read_left(script))
        size = amble__read_left(script);
    return (amble__bytes){.data = amble__read_view(script, size), .size = size};
}
static inline void fuzz_peer_att(amble_connection *conn, amble__bytes pdu)
{
    uint8_t *copy = fuzz_copy(pdu);

    if (conn->state == AMBLE__LINK_LIVE)
        amble__att_receive(conn->bearer, copy, pdu.size);
    free(copy);
}

/* The scheduler that all inputs share. */
static inline void fuzz_scheduler(void)
{
    if (!amble__scheduler_present())
        fuzz_check(amble_scheduler_open(&(amble_run_options){.virtual_time = true}) == 0);
}

typedef struct {
    void (*play)(amble__reader *script);
    amble__reader script;
    bool done;
} fuzz_player;

static inline int fuzz_playing(void *arg)
{
    fuzz_player *player = arg;

    player->play(&player->script);
    player->done = true;
    return 0;
}

/* Plays the script in a task, so that time passes only when the script sleeps. */
static inline void fuzz_run(void (*play)(amble__reader *script), const uint8_t *data, size_t size)
{
    fuzz_player player = {.play = play, .script = amble__reader_of(data, size)};
    amble_scope scope;

    fuzz_scheduler();
    amble_scope_open(&scope);
    fuzz_check(amble_spawn(&scope, fuzz_playing, &player));
    while (!player.done)
        (void)amble_step(); /* how many tasks ran does not matter */
    amble_scope_close(&scope);
}
static inline void fuzz_sleep(int ms) { fuzz_check(amble_sleep_ms(ms) == 0); }
#endif
