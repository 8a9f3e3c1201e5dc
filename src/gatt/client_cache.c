/* What the client remembers of its peers' databases, and how it hears that one changed (Vol 3 Part G 2.5.2, 7).
 *
 * Remembered are requests of discovery with their responses, byte for byte. They are only used while the hash of the
 * peer's database is known to be what it was. Invariant: no two links use one cache. */
#include "gatt/client.h"
#include "gatt/database.h"
#include "gatt/gatt_service.h"

enum { RECORD_HEAD = 3, HASH_SIZE = 16, LAST_HANDLE = 0xffff };

void amble__client_cache_init(amble__client *client, amble__arena *arena, size_t peers, size_t size)
{
    amble__client_cache *caches = amble__arena_take(arena, peers, sizeof *caches);

    for (size_t i = 0; i < peers; i++) {
        uint8_t *records = amble__arena_take(arena, 1, size);

        if (caches)
            caches[i].records = records;
    }
    if (client) {
        client->caches = caches;
        client->cache_count = peers;
        client->cache_size = size;
    }
}

/* --- requests and responses --------------------------------------------------------------------------------------- */
bool amble__client_recall(const amble__client_link *link, amble__client_list *list, const uint8_t *request, size_t size)
{
    amble__reader r;

    if (!link->cache)
        return false;
    r = amble__reader_of(link->cache->records, link->cache->size);
    while (amble__read_left(&r)) {
        const size_t request_size = amble__read_u8(&r), response_size = amble__read_le16(&r);
        const uint8_t *bytes = amble__read_view(&r, request_size + response_size);

        if (!bytes || request_size != size || memcmp(bytes, request, size) != 0)
            continue;
        if (response_size)
            memcpy(list->bytes, bytes + size, response_size);
        list->size = response_size;
        return true;
    }
    return false;
}

/* When there is no room left it is asked for again. */
void amble__client_remember(amble__client_link *link, const amble__client_list *list, const uint8_t *request,
                            size_t size)
{
    amble__client_cache *cache = link->cache;
    amble__writer w;

    if (!cache || link->client->cache_size - cache->size < RECORD_HEAD + size + list->size)
        return;
    w = amble__writer_of(cache->records + cache->size, link->client->cache_size - cache->size);
    amble__write_u8(&w, (unsigned)size);
    amble__write_le16(&w, (unsigned)list->size);
    amble__write_bytes(&w, request, size);
    amble__write_bytes(&w, list->bytes, list->size);
    cache->size += amble__written_size(&w);
}

/* --- changes ------------------------------------------------------------------------------------------------------ */
static void forget(amble__client_link *link)
{
    link->services.size = link->others.size = 0;
    if (link->cache)
        link->cache->known = false;
    link->cache = NULL;
}

int amble__client_distrust(amble__client_link *link)
{
    forget(link);
    return AMBLE_ERR_PROTOCOL;
}

void amble__client_changed(amble_connection *conn, uint16_t start, uint16_t end)
{
    amble__client_link *link = conn->client;

    link->generation = ++conn->links->generations;
    if (!link->changed_end || start < link->changed_start)
        link->changed_start = start;
    if (end > link->changed_end)
        link->changed_end = end;
    forget(link);
    amble__client_stale_subscriptions(conn, start, end);
    if (link->client->work && amble_connection_bearers(conn) > 1) {
        link->hash_wanted = true;
        link->client->work(conn);
    }
}

int amble__client_heed(amble_connection *conn, int result)
{
    if (result != AMBLE_ERR_ATT(AMBLE__ATT_DATABASE_OUT_OF_SYNC))
        return result;
    amble__client_changed(conn, 1, LAST_HANDLE);
    return AMBLE_ERR_STALE;
}

/* --- following ---------------------------------------------------------------------------------------------------- */
static bool in_use(const amble__client *client, const amble__client_cache *cache)
{
    for (size_t i = 0; i < client->link_count; i++)
        if (client->links[i].cache == cache && client->links[i].conn->state == AMBLE__LINK_LIVE)
            return true;
    return false;
}

/* The cache of this device, else the one that was not used for the longest time; NULL when all are in use. */
static amble__client_cache *cache_for(amble__client *client, amble_device device)
{
    amble__client_cache *oldest = NULL;

    for (size_t i = 0; i < client->cache_count; i++) {
        amble__client_cache *cache = &client->caches[i];

        if (in_use(client, cache))
            continue;
        if (cache->known && amble_device_equal(cache->device, device))
            return cache;
        if (!oldest || !cache->known || (oldest->known && cache->used_us < oldest->used_us))
            oldest = cache;
    }
    return oldest;
}

/* The hash of the server's database: 1, or 0 when it has none. Vol 3 Part G 7.3 */
static int read_hash(amble_connection *conn, uint8_t hash[HASH_SIZE], uint64_t deadline_us)
{
    uint16_t handle;
    const int r = amble__client_read_by_type(conn, AMBLE__TYPE_DATABASE_HASH, &handle, hash, HASH_SIZE, deadline_us);

    if (r == AMBLE_ERR_ATT(AMBLE__ATT_ATTRIBUTE_NOT_FOUND) || r == AMBLE_ERR_PROTOCOL)
        return 0;
    return r < 0 ? r : r == HASH_SIZE;
}

/* Puts the link on the cache of its peer. 1: what is in there holds. */
static int find_cache(amble_connection *conn, uint64_t deadline_us)
{
    amble__client_link *link = conn->client;
    amble__client_cache *cache;
    uint8_t hash[HASH_SIZE];
    bool holds;
    int r = read_hash(conn, hash, deadline_us);

    link->cache = NULL;
    link->services.size = link->others.size = 0;
    cache = r > 0 ? cache_for(link->client, conn->device) : NULL;
    if (!cache)
        return r < 0 ? r : 0;
    holds =
        cache->known && amble_device_equal(cache->device, conn->device) && memcmp(cache->hash, hash, HASH_SIZE) == 0;
    cache->used_us = amble_now_us();
    if (!holds) {
        cache->size = 0;
        cache->device = conn->device;
        memcpy(cache->hash, hash, HASH_SIZE);
        cache->known = true;
    }
    link->cache = cache;
    return holds;
}

/* Says that this client understands being told late, takes several notifications in one PDU, and whether it has
 * enhanced bearers. */
static int tell_features(const amble_remote_service *gatt, uint64_t deadline_us)
{
    static const amble_uuid uuid = AMBLE_UUID16(AMBLE__TYPE_CLIENT_FEATURES);
    amble__client_link *link = gatt->conn->client;
    amble_remote_characteristic c;
    int r = amble_find_characteristic(gatt, &uuid, &c, amble__time_left(deadline_us));

    if (r < 0)
        return r;
    link->told |= AMBLE__FEATURE_ROBUST_CACHING | AMBLE__FEATURE_MULTIPLE_NOTIFICATIONS;
    if (gatt->conn->bearer->att->per_link > 1)
        link->told |= AMBLE__FEATURE_ENHANCED;
    return amble__client_write(gatt->conn, c.value_handle, &link->told, 1, deadline_us);
}

static int ask_to_be_told(const amble_remote_service *gatt, uint64_t deadline_us)
{
    static const amble_uuid uuid = AMBLE_UUID16(AMBLE__TYPE_SERVICE_CHANGED);
    static const uint8_t indicate[] = {AMBLE__CCCD_INDICATE, 0};
    amble_remote_characteristic c;
    uint16_t cccd;
    int r = amble_find_characteristic(gatt, &uuid, &c, amble__time_left(deadline_us));

    if (r < 0 || (r = amble__client_find_cccd(&c, &cccd, deadline_us)) < 0)
        return r;
    gatt->conn->client->service_changed = c.value_handle; /* before it is asked for, so that none is missed */
    return amble__client_write(gatt->conn, cccd, indicate, sizeof indicate, deadline_us);
}

/* A server need not have any of this. */
static int unless_refused(int r)
{
    const bool refused = r <= AMBLE_ERR_ATT(0) && r >= AMBLE_ERR_ATT(0xff);

    return refused || r == AMBLE_ERR_NOT_FOUND ? 0 : r;
}

int amble_follow_database(amble_connection *conn, int timeout_ms)
{
    static const amble_uuid gatt_uuid = AMBLE_UUID16(0x1801);
    const uint64_t deadline = amble__deadline(timeout_ms);
    amble_remote_service gatt;
    int holds = 0, r = amble__client_check(conn, conn->generation, timeout_ms);

    if (r < 0 || (r = holds = unless_refused(find_cache(conn, deadline))) < 0)
        return r;
    r = amble_find_service(conn, &gatt_uuid, &gatt, amble__time_left(deadline));
    if (r == 0 && (r = unless_refused(tell_features(&gatt, deadline))) == 0)
        r = ask_to_be_told(&gatt, deadline);
    r = unless_refused(r);
    return r < 0 ? r : holds;
}
