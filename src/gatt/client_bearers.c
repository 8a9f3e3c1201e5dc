/* What a client with enhanced bearers says and asks: whether the server has them, and that this client has (Vol 3 Part
 * G 7.2, 7.4; three requests, or one when it has none); and that it knows of a change, which takes more care than with
 * a single bearer (2.5.2.1). */
#include "gatt/client.h"
#include "gatt/gatt_service.h"

enum { FEATURES_SIZE = 8 }; /* more than the specification has given a meaning to; what is longer is left alone */

/* A server need not have what is asked for, nor like to be told. */
static int unless_refused(int r) { return r <= AMBLE_ERR_ATT(0) && r >= AMBLE_ERR_ATT(0xff) ? 0 : r; }

static int server_has_them(amble_connection *conn, uint64_t deadline_us)
{
    uint8_t features = 0;
    uint16_t handle;
    const int r = unless_refused(
        amble__client_read_by_type(conn, AMBLE__TYPE_SERVER_FEATURES, &handle, &features, 1, deadline_us));

    return r < 0 ? r : features & AMBLE__SERVER_FEATURE_ENHANCED;
}

int amble__client_offer_bearers(amble_connection *conn, uint64_t deadline_us)
{
    uint8_t features[FEATURES_SIZE] = {0};
    uint16_t handle;
    int size, r = server_has_them(conn, deadline_us);

    if (r <= 0)
        return r;
    size = unless_refused(
        amble__client_read_by_type(conn, AMBLE__TYPE_CLIENT_FEATURES, &handle, features, sizeof features, deadline_us));
    if (size <= 0 || size > FEATURES_SIZE)
        return size < 0 ? size : 0;
    if (features[0] & AMBLE__FEATURE_ENHANCED)
        return 1; /* told on an earlier link */
    conn->client->told |= AMBLE__FEATURE_ENHANCED;
    features[0] |= conn->client->told; /* what was told may not be taken back */
    r = amble__client_write(conn, handle, features, (size_t)size, deadline_us);
    return r < 0 ? unless_refused(r) : 1;
}

static int read_hash(amble_connection *conn, uint64_t deadline_us)
{
    uint8_t hash[16];
    uint16_t handle;

    return amble__client_read_by_type(conn, AMBLE__TYPE_DATABASE_HASH, &handle, hash, sizeof hash, deadline_us);
}

int amble__client_become_aware(amble_connection *conn, uint64_t deadline_us)
{
    const uint32_t generation = conn->generation;
    const size_t count = conn->bearer->att->per_link;
    unsigned taken = 0; /* bearers whose turn this task has */
    amble__writer w;
    int r = 0;

    for (size_t i = 1; r == 0 && i < count; i++) {
        r = amble__att_begin_on(&conn->bearer[i], deadline_us, &w);
        taken |= r == 0 ? 1u << i : 0;
        if (r == AMBLE_ERR_CHANNEL_CLOSED)
            r = 0;
    }
    if (r == 0)
        r = read_hash(conn, deadline_us); /* on the fixed channel, which alone is left */
    for (size_t i = 1; i < count && conn->generation == generation; i++)
        if (taken >> i & 1)
            amble__att_end(&conn->bearer[i]);
    return r < 0 ? r : read_hash(conn, deadline_us); /* it need only be asked something */
}
