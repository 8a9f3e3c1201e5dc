/* What the tests from l2cap/ upwards share: the rooms from HCI to ATT wired together, and a peer whose packets a test
 * writes by hand.
 *
 * Links are opened and lost by the test. What the host sends is looked at frame by frame; the controller has so many
 * buffers that nothing waits for credits unless a test wants it. */
#ifndef AMBLE_ATT_TESTING_H
#define AMBLE_ATT_TESTING_H
#include "att/bearer.h"
#include "hci/testing.h"

enum { TEST_LINKS = 3, TEST_POOL = 4, TEST_MTU = 100, MANY_BUFFERS = 1000, LARGE_BUFFER = 600 };
enum { TEST_CHANNELS = 70, TEST_LISTENERS = 3, TEST_RING = 800, TEST_MPS = 80 };
enum { TEST_BEARERS = 2 }; /* enhanced ones, on each link */

static struct {
    amble__links links;
    amble__l2cap l2cap;
    amble__att att;
    unsigned requests, unasked, dead, closed, security; /* what the rooms above were told */
    amble__att_bearer *bearer;                          /* of the last request */
    uint8_t opcode;
    uint8_t pdu[SENT_SIZE];
    size_t pdu_size;
    amble_connection *dead_link;
    void (*opened)(amble_connection *conn); /* of the rooms above, when a test has them */
    void (*lost)(amble_connection *conn);
} rooms;

static inline void room_opened(amble_connection *conn)
{
    amble__l2cap_open(&rooms.l2cap, conn);
    amble__att_open(&rooms.att, conn);
    if (rooms.opened)
        rooms.opened(conn);
}
static inline void room_lost(amble_connection *conn)
{
    amble__l2cap_lost(conn);
    amble__att_lost(conn);
    if (rooms.lost)
        rooms.lost(conn);
}
static inline void room_received(amble_connection *conn, const uint8_t *data, size_t size, unsigned boundary)
{
    amble__l2cap_receive(conn, data, size, boundary);
}
static inline void room_att(amble_connection *conn, const uint8_t *data, size_t size)
{
    amble__att_receive(conn->bearer, data, size);
}
static inline void room_security(amble_connection *conn, const uint8_t *data, size_t size)
{
    (void)conn, (void)data, (void)size;
    rooms.security++;
}
static inline void keep_pdu(amble__bytes pdu)
{
    const amble__bytes parameters = amble__att_parameters(pdu);

    rooms.opcode = pdu.data[0];
    rooms.pdu_size = parameters.size;
    if (parameters.size)
        memcpy(rooms.pdu, parameters.data, parameters.size);
}
static inline void room_request(amble__att_bearer *bearer, amble__bytes pdu)
{
    rooms.bearer = bearer;
    rooms.requests++;
    keep_pdu(pdu);
}
static inline void room_notified(amble__att_bearer *bearer, amble__bytes pdu)
{
    (void)bearer;
    rooms.unasked++;
    keep_pdu(pdu);
}
static inline void room_dead(amble_connection *conn)
{
    rooms.dead++;
    rooms.dead_link = conn;
}
static inline void room_closed(amble__att_bearer *bearer)
{
    (void)bearer;
    rooms.closed++;
}
static inline void room_acl(void *user, const uint8_t *data, size_t size, uint16_t handle, unsigned boundary)
{
    (void)user;
    amble__link_receive(&rooms.links, data, size, handle, boundary);
}

static inline void rooms_close(void)
{
    for (size_t i = 0; i < rooms.links.count; i++)
        amble__link_lose(&rooms.links.slots[i], 0x08, AMBLE_ERR_CLOSED);
    controller_close();
}

/* Begins a test: the rooms on a controller with so many ACL buffers of so many bytes. */
static inline amble__arena rooms_open(uint16_t buffers, uint16_t buffer_size, uint16_t mtu)
{
    static const amble__hci_callbacks callbacks = {
        .write = keep_packet, .event = keep_event, .acl = room_acl, .failed = keep_failure};
    const uint8_t bearers = mtu < AMBLE__ENHANCED_UNIT_MIN ? 0 : TEST_BEARERS;
    amble__arena arena = test_arena();

    controller_open(buffers, buffer_size);
    close_tested = rooms_close;
    controller.hci.callbacks = &callbacks;
    memset(&rooms, 0, sizeof rooms);
    amble__links_init(&rooms.links, &arena, TEST_LINKS);
    amble__l2cap_init(&rooms.l2cap, &arena,
                      &(amble__l2cap_sizes){.links = TEST_LINKS,
                                            .mtu = mtu,
                                            .channels = TEST_CHANNELS,
                                            .listeners = TEST_LISTENERS,
                                            .receive_size = TEST_RING,
                                            .send_size = TEST_RING,
                                            .mps = TEST_MPS,
                                            .bearers = bearers});
    amble__att_init(&rooms.att, &arena, TEST_LINKS, 1u + bearers, TEST_POOL, mtu);
    rooms.links.hci = &controller.hci;
    rooms.links.opened = room_opened;
    rooms.links.lost = room_lost;
    rooms.links.received = room_received;
    rooms.l2cap.att = room_att;
    rooms.l2cap.security = room_security;
    rooms.att.request = room_request;
    rooms.att.notified = room_notified;
    rooms.att.dead = room_dead;
    rooms.att.closed = room_closed;
    rooms.l2cap.bearer_ready = amble__att_channel_ready;
    rooms.l2cap.bearer_received = amble__att_channel_received;
    rooms.l2cap.bearer_ended = amble__att_channel_ended;
    if (bearers)
        assert_int_equal(amble__bearers_listen(&rooms.l2cap), 0);
    return arena;
}

/* A link to a device whose address begins with the handle. The program has it. */
static inline amble_connection *link_open(uint16_t handle, bool central)
{
    amble_connection *conn = amble__link_open(
        &rooms.links, &(amble__link_parameters){
                          .handle = handle, .central = central, .device = {AMBLE_PUBLIC, {(uint8_t)handle, 1, 2, 3}}});

    assert_non_null(conn);
    conn->owned = true;
    return conn;
}
static inline void link_lose(amble_connection *conn) { amble__link_lose(conn, 0x08, AMBLE_ERR_DISCONNECTED); }
static inline void link_close(amble_connection *conn)
{
    if (conn->state == AMBLE__LINK_LIVE)
        link_lose(conn);
    amble__link_free(conn);
}

/* --- the peer ----------------------------------------------------------------------------------------------------- */
/* The peer sends a frame on a channel, in one packet. */
static inline void peer_sends(const amble_connection *conn, uint16_t cid, const uint8_t *payload, size_t size)
{
    uint8_t frame[SENT_SIZE];

    assert_in_range(size, 0, sizeof frame - 4);
    amble__put_le16(frame, (unsigned)size);
    amble__put_le16(frame + 2, cid);
    if (size)
        memcpy(frame + 4, payload, size);
    say_acl(conn->handle, AMBLE__BOUNDARY_FIRST, frame, 4 + size);
}
static inline void peer_att(const amble_connection *conn, const uint8_t *pdu, size_t size)
{
    peer_sends(conn, AMBLE__CID_ATT, pdu, size);
}

/* The next packet sent is this frame, whole. */
static inline void expect_frame(const amble_connection *conn, uint16_t cid, const uint8_t *payload, size_t size)
{
    const sent_packet *sent = next_sent();

    assert_int_equal(sent->bytes[0], AMBLE__PACKET_ACL);
    assert_int_equal(amble__get_le16(sent->bytes + 1), conn->handle);
    assert_int_equal(amble__get_le16(sent->bytes + 7), cid);
    if (sent->size != 9 + size || (size && memcmp(sent->bytes + 9, payload, size) != 0)) {
        for (size_t i = 9; i < sent->size; i++)
            print_error("%02x ", sent->bytes[i]);
        fail_msg("is what was sent, %zu bytes; another frame of %zu was expected", sent->size - 9, size);
    }
    assert_int_equal(amble__get_le16(sent->bytes + 5), size);
}
static inline void expect_att(const amble_connection *conn, const uint8_t *pdu, size_t size)
{
    expect_frame(conn, AMBLE__CID_ATT, pdu, size);
}
static inline void expect_nothing(void)
{
    if (unread())
        fail_msg("%u packets were sent that nobody expected; the first has ATT opcode 0x%02x", unread(),
                 next_sent()->bytes[9]);
}
#endif
