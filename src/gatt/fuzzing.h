/* What the fuzz targets of this room share: the rooms with a server and a client on top, and a table that has
 * everything a server can. */
#ifndef AMBLE_GATT_FUZZING_H
#define AMBLE_GATT_FUZZING_H
#include "att/fuzzing.h"
#include "gatt/client.h"
#include "gatt/server.h"
#include "host/host_room.h"

enum { FUZZ_MTU = 64, FUZZ_ENTRIES = 6, FUZZ_PEERS = 1, FUZZ_CACHE = 200, FUZZ_DATABASE = 8000, FUZZ_PREPARED = 100 };

static amble the_host;
static amble *const ble = &the_host;

static inline void fuzz_gatt_opened(amble_connection *conn)
{
    amble__server_open(&the_host.server, conn);
    amble__client_open(&the_host.client, conn);
}
static inline void fuzz_gatt_lost(amble_connection *conn)
{
    amble__server_lost(conn);
    amble__client_lost(conn);
}

static inline void fuzz_gatt_closed(amble__att_bearer *bearer)
{
    amble__server_bearer_closed(bearer);
    amble__client_bearer_closed(bearer);
}

static inline void fuzz_gatt_open(void)
{
    amble__arena arena = fuzz_open(FUZZ_MTU);

    memset(&the_host, 0, sizeof the_host);
    amble__server_init(&the_host.server, &arena, FUZZ_LINKS, 1 + FUZZ_BEARERS, FUZZ_DATABASE, FUZZ_PREPARED);
    amble__client_init(&the_host.client, &arena, FUZZ_LINKS, FUZZ_ENTRIES, FUZZ_MTU);
    amble__client_cache_init(&the_host.client, &arena, FUZZ_PEERS, FUZZ_CACHE);
    fuzz_check(arena.used <= arena.size);
    the_host.server.connections = &fuzz.links;
    the_host.server.att = &fuzz.att;
    the_host.server.held_write_us = 20000000;
    fuzz.links.host = ble;
    fuzz.opened = fuzz_gatt_opened;
    fuzz.lost = fuzz_gatt_lost;
    fuzz.att.request = amble__server_receive;
    fuzz.att.notified = amble__client_receive;
    fuzz.att.owed = amble__server_owed;
    fuzz.att.confirmed = amble__server_confirmed;
    fuzz.att.closed = fuzz_gatt_closed;
}
#endif
