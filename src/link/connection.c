/* The table of links. Invariants: at most one LIVE slot per handle; a FREE slot has no waits and no packets; a
 * generation is never used twice (32 bits of links outlive any device). */
#include "link/connection.h"

#include "core/log.h"
#include "core/rare.h"

enum { LEAST_DATA_LENGTH = 27 }; /* Vol 6 Part B 4.5.10 */

void amble__links_init(amble__links *links, amble__arena *arena, size_t count)
{
    amble_connection *slots = amble__arena_take(arena, count, sizeof *slots);

    if (!links)
        return;
    *links = (amble__links){.slots = slots, .count = count};
    for (size_t i = 0; slots && i < count; i++) {
        amble__list_init(&slots[i].losses);
        slots[i].index = (uint8_t)i;
    }
}

amble_connection *amble__link_by_handle(const amble__links *links, uint16_t handle)
{
    const amble_connection *end = links->slots + links->count;

    for (amble_connection *conn = links->slots; conn != end; conn++)
        if (conn->handle == handle && conn->state == AMBLE__LINK_LIVE)
            return conn;
    return NULL;
}

amble_connection *amble__link_by_device(const amble__links *links, amble_device device)
{
    for (size_t i = 0; i < links->count; i++)
        if (links->slots[i].state == AMBLE__LINK_LIVE && (amble_device_equal(links->slots[i].device, device) ||
                                                          amble_device_equal(links->slots[i].peer_address, device)))
            return &links->slots[i];
    return NULL;
}

static amble_connection *free_slot(const amble__links *links)
{
    for (size_t i = 0; i < links->count; i++)
        if (links->slots[i].state == AMBLE__LINK_FREE)
            return &links->slots[i];
    return NULL;
}

bool amble__link_slot_free(const amble__links *links) { return free_slot(links); }

bool amble__link_slot_coming(const amble__links *links)
{
    for (size_t i = 0; i < links->count; i++)
        if (links->slots[i].disconnect_wanted && !links->slots[i].owned)
            return true;
    return free_slot(links);
}

/* The packet parked for a handle that came first; NULL when there is none. */
static amble__parked *oldest_parked(amble__links *links, uint16_t handle)
{
    amble__parked *oldest = NULL;

    for (int i = 0; i < AMBLE__PARKED_PACKETS; i++) {
        amble__parked *parked = &links->parked[i];

        if (parked->until_us && parked->handle == handle && (!oldest || parked->order < oldest->order))
            oldest = parked;
    }
    return oldest;
}

static void deliver_parked(amble__links *links, amble_connection *conn)
{
    const uint64_t now = amble_now_us();
    amble__parked *parked;

    while ((parked = oldest_parked(links, conn->handle))) {
        const bool fresh = parked->until_us >= now;

        parked->until_us = 0;
        if (fresh)
            links->received(conn, parked->data, parked->size, parked->boundary);
    }
}

amble_connection *amble__link_open(amble__links *links, const amble__link_parameters *parameters)
{
    amble_connection *conn = free_slot(links);

    if (!conn || amble__link_by_handle(links, parameters->handle))
        return NULL;
    *conn = (amble_connection){
        .state = AMBLE__LINK_LIVE,
        .central = parameters->central,
        .index = conn->index,
        .handle = parameters->handle,
        .generation = ++links->generations,
        .device = parameters->device,
        .own_address = parameters->own_address,
        .peer_address = parameters->peer_address,
        .interval_us = parameters->interval_us,
        .latency = parameters->latency,
        .supervision_ms = parameters->supervision_ms,
        .data_length = {LEAST_DATA_LENGTH, LEAST_DATA_LENGTH},
        .phys = {.send = AMBLE_PHY_1M, .receive = AMBLE_PHY_1M},
        .host = links->host,
        .hci = links->hci,
        .links = links,
    };
    amble__list_init(&conn->losses);
    for (int i = 0; i < AMBLE__PROCEDURES; i++) {
        amble__list_init(&conn->procedures[i].owner);
        amble__list_init(&conn->procedures[i].queue);
    }
    amble__acl_link_open(links->hci, &conn->acl, conn->handle);
    amble__trace_at(&conn->hci->trace, LINK_OPENED, conn->handle, conn->device.bytes, sizeof conn->device.bytes);
    links->opened(conn);
    deliver_parked(links, conn);
    return conn;
}

void amble__link_lose(amble_connection *conn, uint8_t reason, int error)
{
    if (conn->state != AMBLE__LINK_LIVE)
        return;
    if (conn->links->closing)
        error = AMBLE_ERR_CLOSED;
    conn->state = AMBLE__LINK_DEAD;
    conn->reason = reason;
    conn->end = error;
    conn->lost_us = amble_now_us();
    amble__trace_at(&conn->hci->trace, LINK_LOST, conn->handle, &conn->reason, 1);
    amble__acl_link_close(conn->hci, &conn->acl);
    conn->links->lost(conn);
    amble__waiters_end(&conn->losses, error);
    conn->losses = (amble__list){.next = NULL}; /* nothing waits for it again, see task/scheduler.h */
    if (!conn->owned)
        amble__link_free(conn);
}

void amble__link_free(amble_connection *conn)
{
    conn->state = AMBLE__LINK_FREE;
    conn->owned = false;
}

static void park(amble__links *links, const uint8_t *data, size_t size, uint16_t handle, unsigned boundary)
{
    const uint64_t now = amble_now_us();

    for (int i = 0; i < AMBLE__PARKED_PACKETS && size <= AMBLE__PARKED_SIZE; i++) {
        amble__parked *parked = &links->parked[i];

        if (parked->until_us >= now && parked->until_us != 0)
            continue;
        *parked = (amble__parked){.until_us = now + AMBLE__PARKED_US,
                                  .order = ++links->parked_in_all,
                                  .handle = handle,
                                  .boundary = boundary,
                                  .size = size};
        memcpy(parked->data, data, size);
        return;
    }
    links->orphaned++;
}

/* Whether a link with this handle ended a moment ago, so that what still comes for the handle is its own. */
static bool ended_just_now(const amble__links *links, uint16_t handle)
{
    const uint64_t now = amble_now_us();

    for (size_t i = 0; i < links->count; i++) {
        const amble_connection *conn = &links->slots[i];

        if (conn->handle == handle && conn->generation && conn->lost_us + AMBLE__PARKED_US >= now)
            return true;
    }
    return false;
}

static AMBLE__RARE void receive_unknown(amble__links *links, const uint8_t *data, size_t size, uint16_t handle,
                                        unsigned boundary)
{
    if (ended_just_now(links, handle))
        links->orphaned++;
    else
        park(links, data, size, handle, boundary);
}

void amble__link_receive(amble__links *links, const uint8_t *data, size_t size, uint16_t handle, unsigned boundary)
{
    amble_connection *conn = amble__link_by_handle(links, handle);

    if (conn)
        links->received(conn, data, size, boundary);
    else
        receive_unknown(links, data, size, handle, boundary);
}

int amble__link_wait(amble_connection *conn, amble__list *list, uint64_t deadline_us)
{
    amble__wait wait;
    amble__waiter on_list, on_loss;

    if (conn->end < 0)
        return conn->end;
    amble__wait_begin(&wait, &on_list, list);
    amble__wait_add(&wait, &on_loss, &conn->losses);
    return amble__wait_run_until(&wait, deadline_us);
}

/* --- what a program may ask --------------------------------------------------------------------------------------- */
bool amble_connected(const amble_connection *conn) { return conn->state == AMBLE__LINK_LIVE; }
uint8_t amble_connection_reason(const amble_connection *conn) { return conn->reason; }
amble_device amble_connection_device(const amble_connection *conn) { return conn->device; }
amble_device amble_connection_peer_address(const amble_connection *conn) { return conn->peer_address; }
amble_device amble_connection_own_address(const amble_connection *conn) { return conn->own_address; }
amble *amble_connection_host(const amble_connection *conn) { return conn->host; }
bool amble_connection_is_central(const amble_connection *conn) { return conn->central; }
uint32_t amble_connection_interval_us(const amble_connection *conn) { return conn->interval_us; }
amble_data_length amble_connection_data_length(const amble_connection *conn) { return conn->data_length; }
amble_parameters amble_connection_parameters(const amble_connection *conn)
{
    return (amble_parameters){.min_interval_us = conn->interval_us,
                              .max_interval_us = conn->interval_us,
                              .latency = conn->latency,
                              .supervision_timeout_ms = conn->supervision_ms};
}

int amble_disconnected(amble_connection *conn, int timeout_ms)
{
    int r = amble__wait_check();

    if (r < 0)
        return r;
    if (conn->state != AMBLE__LINK_LIVE)
        return 0;
    r = amble__wait_on(&conn->losses, timeout_ms);
    /* An amble_timeout may be bound to another link, whose loss ends this wait too. */
    return r == AMBLE_ERR_TIMEOUT || r == AMBLE_ERR_CANCELLED || conn->state == AMBLE__LINK_LIVE ? r : 0;
}

static bool link_is_down(const amble_source *source)
{
    return ((const amble_connection *)source->object)->state != AMBLE__LINK_LIVE;
}
static amble__list *link_losses(const amble_source *source)
{
    return &((amble_connection *)(uintptr_t)source->object)->losses;
}

amble_source amble_on_disconnected(amble_connection *conn)
{
    static const amble__source_kind kind = {.ready = link_is_down, .waiters = link_losses};

    return (amble_source){.kind = &kind, .object = conn};
}

/* --- guarding ----------------------------------------------------------------------------------------------------- */
static bool has_bond(const amble_connection *conn) { return conn->links->bond && conn->links->bond(conn); }

static amble__guard security_guard(const amble_connection *conn, amble_security wanted)
{
    enum { FULL_KEY = 16 }; /* 128 bits */
    const amble__link_security *security = &conn->security;

    if (wanted == AMBLE_OPEN)
        return AMBLE__GUARD_SATISFIED;
    if (!security->encrypted)
        return has_bond(conn) ? AMBLE__GUARD_WANTS_ENCRYPTION : AMBLE__GUARD_WANTS_AUTHENTICATION;
    if ((wanted >= AMBLE_AUTHENTICATED && !security->authenticated) ||
        (wanted == AMBLE_SECURE && !security->secure_connections))
        return AMBLE__GUARD_WANTS_AUTHENTICATION;
    return wanted == AMBLE_SECURE && security->key_size < FULL_KEY ? AMBLE__GUARD_WANTS_LONGER_KEY
                                                                   : AMBLE__GUARD_SATISFIED;
}

amble__guard amble__link_guard(const amble_connection *conn, amble_security wanted, bool authorised)
{
    const amble__guard guard = security_guard(conn, wanted);

    return guard == AMBLE__GUARD_SATISFIED && authorised && !conn->authorised ? AMBLE__GUARD_WANTS_AUTHORISATION
                                                                              : guard;
}

bool amble__link_secured(amble_connection *conn, bool *tried, int *error, uint64_t deadline_us)
{
    int r;

    if (*tried || !conn->links->secure)
        return false;
    *tried = true;
    r = conn->links->secure(conn, deadline_us);
    if (r < 0 && r != AMBLE_ERR_UNSUPPORTED)
        *error = r;
    return r >= 0;
}
