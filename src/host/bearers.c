/* Opens enhanced bearers of ATT by itself (Vol 3 Part G 5.3), as the central of an encrypted link whose server has
 * them. The peer may open them as well; L2CAP and ATT see to those on their own.
 *
 * One task of the host does it, straight-line, for one link after the other. A link's turn comes START_US after it was
 * encrypted, so that what the program asks first does not queue behind it. It is done once for each link: bearers that
 * the peer closes later stay closed. The same task reads the hash of a database that changed while there were several
 * bearers. */
#include "core/log.h"
#include "host/host_room.h"

enum {
    START_US = 1000000,
    OFFER_MS = 30000, /* for all requests together; one that is not answered ends the link anyway */
    ATTEMPTS = 3,
};

void amble__host_want_bearers(amble_connection *conn)
{
    amble__client_link *link = conn->client;

    if (!amble__host_bearers(&conn->host->config) || !conn->central || !conn->security.encrypted || link->bearers_asked)
        return;
    link->bearers_asked = true;
    link->bearers_due_us = amble_now_us() + START_US;
    amble_event_set(&conn->host->bearers_wanted);
}

void amble__host_bearers_work(amble_connection *conn) { amble_event_set(&conn->host->bearers_wanted); }

/* A link whose database changed; NULL: there is none. */
static amble_connection *changed_link(const amble *ble)
{
    for (size_t i = 0; i < ble->links.count; i++)
        if (ble->links.slots[i].state == AMBLE__LINK_LIVE && ble->links.slots[i].client->hash_wanted)
            return &ble->links.slots[i];
    return NULL;
}

/* The link that has waited longest for its turn; NULL: none does. */
static amble_connection *next_link(const amble *ble)
{
    amble_connection *next = NULL;

    for (size_t i = 0; i < ble->links.count; i++) {
        amble_connection *conn = &ble->links.slots[i];

        if (conn->state == AMBLE__LINK_LIVE && conn->client->bearers_due_us &&
            (!next || conn->client->bearers_due_us < next->client->bearers_due_us))
            next = conn;
    }
    return next;
}

/* Both sides may ask at the same moment and both have no room for what the other one asks: then the central asks again
 * at once, 5.4. */
static int connect(amble_connection *conn)
{
    int r = AMBLE_ERR_L2CAP_CONNECT(AMBLE__CONNECTION_NO_RESOURCES);

    for (int i = 0; r == AMBLE_ERR_L2CAP_CONNECT(AMBLE__CONNECTION_NO_RESOURCES) && i < ATTEMPTS; i++)
        r = amble__bearers_connect(conn, amble__att_unused(conn), AMBLE__NEVER);
    return r;
}

static void open_bearers(amble_connection *conn)
{
    const uint32_t generation = conn->generation;
    int r;

    conn->client->bearers_due_us = 0;
    r = amble__client_offer_bearers(conn, amble__deadline(OFFER_MS));
    if (r > 0 && amble__link_check(conn, generation) == 0)
        r = connect(conn);
    if (r < 0 && r != AMBLE_ERR_CANCELLED && amble__link_check(conn, generation) == 0)
        amble__log(AMBLE__LOG_INFO, "%s: link 0x%04x: there are no enhanced bearers: %s", conn->host->instance,
                   conn->handle, amble_error_text(r));
}

int amble__host_open_bearers(void *arg)
{
    amble *ble = arg;
    int r = 0;

    while (r == 0 || r == AMBLE_ERR_TIMEOUT) {
        amble_connection *conn = next_link(ble), *changed = changed_link(ble);
        const uint64_t now = amble_now_us(), due = conn ? conn->client->bearers_due_us : AMBLE__NEVER;

        if (changed) {
            changed->client->hash_wanted = false;
            (void)amble__client_become_aware(changed, amble__deadline(OFFER_MS)); /* a server need not have a hash */
            r = 0;
        } else if (conn && due <= now) {
            open_bearers(conn);
            r = 0;
        } else {
            r = amble_event_wait(&ble->bearers_wanted, conn ? (int)((due - now + 999) / 1000) : AMBLE_FOREVER);
        }
    }
    return r;
}
