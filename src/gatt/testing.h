/* What the tests of this room share: the rooms with a server and a client on top, and one served table that has
 * everything.
 *
 * The object of the program, `ble`, is a host of which only the server and the client are alive. */
#ifndef AMBLE_GATT_TESTING_H
#define AMBLE_GATT_TESTING_H
#include "att/testing.h"
#include "gatt/client.h"
#include "gatt/server.h"
#include "host/host_room.h"

enum {
    TEST_DATABASE = 16384,
    TEST_PREPARED = 200,
    TEST_ENTRIES = 12,
    TEST_PEERS = 2,
    TEST_CACHE = 600,
    HELD_MS = 20000,
    HANDLE = 0x40
};

static amble the_host;
static amble *const ble = &the_host;

static inline void gatt_opened(amble_connection *conn)
{
    amble__server_open(&the_host.server, conn);
    amble__client_open(&the_host.client, conn);
}
static inline void gatt_lost(amble_connection *conn)
{
    amble__server_lost(conn);
    amble__client_lost(conn);
}

static inline void gatt_bearer_closed(amble__att_bearer *bearer)
{
    amble__server_bearer_closed(bearer);
    amble__client_bearer_closed(bearer);
}

/* Begins a test: nothing is served, there is no link. */
static inline void gatt_open_on(uint16_t buffers)
{
    amble__arena arena = rooms_open(buffers, LARGE_BUFFER, TEST_MTU);

    memset(&the_host, 0, sizeof the_host);
    amble__server_init(&the_host.server, &arena, TEST_LINKS, 1 + TEST_BEARERS, TEST_DATABASE, TEST_PREPARED);
    amble__client_init(&the_host.client, &arena, TEST_LINKS, TEST_ENTRIES, TEST_MTU);
    amble__client_cache_init(&the_host.client, &arena, TEST_PEERS, TEST_CACHE);
    the_host.server.connections = &rooms.links;
    the_host.server.att = &rooms.att;
    the_host.server.held_write_us = HELD_MS * 1000;
    rooms.links.host = ble;
    rooms.opened = gatt_opened;
    rooms.lost = gatt_lost;
    rooms.att.request = amble__server_receive;
    rooms.att.notified = amble__client_receive;
    rooms.att.owed = amble__server_owed;
    rooms.att.confirmed = amble__server_confirmed;
    rooms.att.closed = gatt_bearer_closed;
}
static inline void gatt_open(void) { gatt_open_on(MANY_BUFFERS); }

/* What the host does when the program closes a connection. */
static inline void gatt_close(amble_connection *conn)
{
    if (conn->state == AMBLE__LINK_LIVE)
        link_lose(conn);
    amble__client_forget(&the_host.client, conn);
    amble__link_free(conn);
}

/* --- the table ---------------------------------------------------------------------------------------------------- */
/* Handles of what it serves. */
enum {
    BATTERY = 1,
    LEVEL = 3, /* read, notify, indicate */
    LEVEL_CCCD = 4,
    LEVEL_NAME = 5, /* a descriptor to be read */
    TEXT = 7,       /* read, write; 60 bytes at most, 40 at the start */
    SECRET = 9,     /* write only, 4 bytes at most */
    CUSTOM = 10,
    COMMAND = 12, /* write, write without response, captured: 2 may wait */
    ASKED = 14,   /* read and written as a task answers */
    BOTH = 16,    /* read as a task answers, written into a queue of 1 */
    LAST = 16,
};

static const amble_uuid battery_uuid = AMBLE_UUID16(0x180f), level_uuid = AMBLE_UUID16(0x2a19),
                        name_uuid = AMBLE_UUID16(0x2901), text_uuid = AMBLE_UUID16(0x2a3d),
                        secret_uuid = AMBLE_UUID16(0xaa00), asked_uuid = AMBLE_UUID16(0xaa01),
                        both_uuid = AMBLE_UUID16(0xaa02),
                        custom_uuid = AMBLE_UUID128("6e400001-b5a3-f393-e0a9-e50e24dcca9e"),
                        command_uuid = AMBLE_UUID128("6e400002-b5a3-f393-e0a9-e50e24dcca9e");
static const uint8_t level_start[] = {50};
static const char text_start[] = "0123456789abcdefghijklmnopqrstuvwxyzABCD";
static const amble_descriptor level_name = {.uuid = &name_uuid, .read = true, .initial = "Level", .initial_size = 5};
static const amble_characteristic level = {.uuid = &level_uuid,
                                           .read = true,
                                           .notify = true,
                                           .indicate = true,
                                           .initial = level_start,
                                           .initial_size = 1,
                                           .descriptors = AMBLE_LIST(&level_name)};
static const amble_characteristic text = {
    .uuid = &text_uuid, .read = true, .write = true, .max_size = 60, .initial = text_start, .initial_size = 40};
static const amble_characteristic secret = {.uuid = &secret_uuid, .write = true, .max_size = 4};
static const amble_characteristic command = {
    .uuid = &command_uuid, .write = true, .write_no_response = true, .capture = true, .write_depth = 2};
static const amble_characteristic asked = {
    .uuid = &asked_uuid, .read = true, .write = true, .answer_reads = true, .answer_writes = true};
static const amble_characteristic both = {
    .uuid = &both_uuid, .read = true, .write = true, .answer_reads = true, .capture = true, .write_depth = 1};
static const amble_service battery = {.uuid = &battery_uuid, .characteristics = AMBLE_LIST(&level, &text, &secret)};
static const amble_service custom = {.uuid = &custom_uuid, .characteristics = AMBLE_LIST(&command, &asked, &both)};

/* Begins a test with the table served and one link, on which the peer is the client. */
static inline amble_connection *serve_table(void)
{
    gatt_open();
    assert_int_equal(amble_serve(ble, &battery), 0);
    assert_int_equal(amble_serve(ble, &custom), 0);
    return link_open(HANDLE, false);
}

/* The peer asks, and the server answers at once, so, and not otherwise. */
static inline void expect_error(const amble_connection *conn, uint8_t request, uint16_t handle, uint8_t error)
{
    expect_att(conn, BYTES(0x01, request, (uint8_t)handle, (uint8_t)(handle >> 8), error));
}
#define ask(conn, ...)    peer_att(conn, BYTES(__VA_ARGS__))
#define answer(conn, ...) expect_att(conn, BYTES(__VA_ARGS__))
#endif
