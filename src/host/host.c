/* The host: lays out the memory, wires the rooms, opens and closes. Invariant: after amble_open nothing is allocated
 * until amble_close. */
#include <stdio.h>
#include <stdlib.h>

#include "core/log.h"
#include "core/rare.h"
#include "host/host_room.h"
#include "transport/opener.h"

enum {
    DEFAULT_MTU = 247, /* one PDU per link-layer packet of 251 bytes */
    DEFAULT_CONNECTIONS = 8,
    MOST_CONNECTIONS = 64,
    DEFAULT_SEND_BUFFERS = 12,
    DEFAULT_NOTIFICATION_BUFFERS = 64,
    DEFAULT_ADVERTISERS = 2,
    MOST_ADVERTISERS = 16,
    DEFAULT_ADVERTISED_SIZE = 255,
    LEAST_ADVERTISED_SIZE = 2 * AMBLE__ADVERTISING_DATA,
    DEFAULT_SCANNED_DEVICES = 32,
    DEFAULT_SCANNED_SIZE = 255,
    MOST_SCANNED_SIZE = 2 * AMBLE__EXTENDED_DATA,
    DEFAULT_SCANNERS = 2,
    DEFAULT_SYNCS = 1,
    DEFAULT_DATABASE_SIZE = 16384,
    DEFAULT_PREPARE_SIZE = 768, /* the longest value in parts of 18 bytes, the smallest MTU's */
    DEFAULT_CACHED_PEERS = 4,
    DEFAULT_CACHE_SIZE = 2048,
    DEFAULT_HELD_WRITE_MS = 20000,
    CLOSE_MS = 2000,
    DRAIN_MS = 500,
    DISCONNECT_MS = 2000,
    DEFAULT_BONDS = 16,
    DEFAULT_PAIRINGS = 4,
    KEY_NUMBER = 8, /* bytes of the random number that names a key */
    LAST_ROUNDS = 64,
    MOST_PRIVATE_ADDRESS_S = 3600, /* Vol 4 Part E 7.8.45 */
#if defined(AMBLE_BARE_BOARD)
    DEFAULT_TASK_STACK = 4096, /* on a Cortex-M4 1,800 were seen in use */
#else
    DEFAULT_TASK_STACK = 0,
#endif
};

_Static_assert(offsetof(amble, server) == 0, "amble__server_of");
amble__gap *amble__gap_of(amble *ble) { return &ble->gap; }
amble__smp *amble__smp_of(amble *ble) { return &ble->smp; }
const char *amble_name(const amble *ble) { return ble->name; }
amble_device amble_own_device(const amble *ble) { return ble->gap.own; }
amble_device amble_own_address(const amble *ble) { return amble__own_address(&ble->gap); }

/* --- memory ------------------------------------------------------------------------------------------------------- */
static amble_config with_defaults(const amble_config *config)
{
    amble_config c = {0};

    if (config)
        c = *config;
    c.name = c.name ? c.name : "amble";
    c.mtu = c.mtu ? c.mtu : DEFAULT_MTU;
    c.connections = c.connections ? c.connections : DEFAULT_CONNECTIONS;
    amble__host_channel_defaults(&c);
    c.send_buffers = c.send_buffers ? c.send_buffers : DEFAULT_SEND_BUFFERS;
    c.notification_buffers = c.notification_buffers ? c.notification_buffers : DEFAULT_NOTIFICATION_BUFFERS;
    c.advertisers = c.advertisers ? c.advertisers : DEFAULT_ADVERTISERS;
    c.advertised_size = c.advertised_size ? c.advertised_size : DEFAULT_ADVERTISED_SIZE;
    c.scanned_size = c.scanned_size ? c.scanned_size : DEFAULT_SCANNED_SIZE;
    c.scanners = c.scanners ? c.scanners : DEFAULT_SCANNERS;
    c.syncs = c.syncs ? c.syncs : DEFAULT_SYNCS;
    c.scanned_devices = c.scanned_devices ? c.scanned_devices : DEFAULT_SCANNED_DEVICES;
    c.database_size = c.database_size ? c.database_size : DEFAULT_DATABASE_SIZE;
    c.cached_peers = c.cached_peers ? c.cached_peers : DEFAULT_CACHED_PEERS;
    c.cache_size = c.cache_size ? c.cache_size : DEFAULT_CACHE_SIZE;
    c.prepare_size = c.prepare_size ? c.prepare_size : DEFAULT_PREPARE_SIZE;
    c.held_write_ms = c.held_write_ms ? c.held_write_ms : DEFAULT_HELD_WRITE_MS;
    c.bond_limit = c.bond_limit ? c.bond_limit : DEFAULT_BONDS;
    c.private_address_s = c.private_address_s ? c.private_address_s : AMBLE_PRIVATE_ADDRESS_S;
    c.pairings = c.pairings ? c.pairings : DEFAULT_PAIRINGS;
    c.pairings = c.pairings < c.connections ? c.pairings : c.connections;
    c.task_stack_size = c.task_stack_size ? c.task_stack_size : DEFAULT_TASK_STACK;
    return c;
}

static bool sensible(const amble_config *c)
{
    return amble__host_channels_sensible(c) && c->mtu >= AMBLE__ATT_MTU_MIN && c->mtu <= AMBLE__ATT_MTU_MAX &&
           c->connections <= MOST_CONNECTIONS && c->advertisers <= MOST_ADVERTISERS &&
           c->advertised_size >= LEAST_ADVERTISED_SIZE && c->advertised_size <= AMBLE__EXTENDED_DATA &&
           (unsigned)c->own_address <= AMBLE_ADDRESS_NON_RESOLVABLE && c->private_address_s <= MOST_PRIVATE_ADDRESS_S &&
           strlen(c->name) < AMBLE__NAME_SIZE && c->crypto <= AMBLE_CRYPTO_CONTROLLER;
}

/* The service task, one that waits for the controller's ciphers, and one that opens bearers. */
static size_t own_tasks(const amble_config *c)
{
    return 1u + (c->crypto == AMBLE_CRYPTO_CONTROLLER) + (amble__host_bearers(c) > 0);
}

/* Takes the host and all its parts from an arena, in one order; on a counting arena it only counts. */
static amble *lay_out(amble__arena *arena, const amble_config *c)
{
    const size_t bearers = 1u + amble__host_bearers(c); /* of each link */
    amble *ble = amble__arena_take(arena, 1, sizeof *ble);

    uint8_t *stacks = amble__arena_take(arena, c->task_stack_size ? own_tasks(c) : 0, c->task_stack_size);

    if (ble)
        ble->stacks = c->task_stack_size ? stacks : NULL;
    amble__links_init(ble ? &ble->links : NULL, arena, c->connections);
    amble__host_lay_out_channels(ble, arena, c);
    amble__att_init(ble ? &ble->att : NULL, arena, c->connections, bearers, c->send_buffers, c->mtu);
    amble__server_init(ble ? &ble->server : NULL, arena, c->connections, bearers, c->database_size, c->prepare_size);
    amble__client_init(ble ? &ble->client : NULL, arena, c->connections, c->notification_buffers, c->mtu);
    amble__client_cache_init(ble ? &ble->client : NULL, arena, c->cached_peers, c->cache_size);
    amble__bonds_init(ble ? &ble->bonds.table : NULL, arena, c->bond_limit);
    amble__smp_init(ble ? &ble->smp : NULL, arena, c->connections, c->pairings);
    amble__gap_init(ble ? &ble->gap : NULL, arena,
                    &(amble__gap_sizes){.scanned_devices = c->scanned_devices,
                                        .scanned_size = c->scanned_size,
                                        .scanners = c->scanners,
                                        .syncs = c->syncs,
                                        .advertisers = c->advertisers,
                                        .advertised_size = c->advertised_size,
                                        .bonds = c->bond_limit});
    return ble;
}

size_t amble_size(const amble_config *config)
{
    const amble_config c = with_defaults(config);
    amble__arena arena = {.block = NULL};

    (void)lay_out(&arena, &c); /* nothing is laid out without a block */
    return arena.used;
}

/* --- wiring ------------------------------------------------------------------------------------------------------- */
static int write_packet(void *user, const uint8_t *packet, size_t size)
{
    amble__transport *transport = ((amble *)user)->transport;

    return transport->operations->write(transport, packet, size);
}

/* Events about encryption, Vol 4 Part E 7.7.8, 7.7.39, 7.7.65.5; true when it was one. */
static bool encryption_event(amble *ble, uint8_t code, amble__reader r)
{
    const bool wants_key = code == AMBLE__EVENT_LE_META && amble__read_u8(&r) == AMBLE__LE_KEY_REQUEST;
    const uint8_t status = wants_key ? 0 : amble__read_u8(&r);
    const uint16_t handle = amble__read_le16(&r) & 0x0fff;
    amble_connection *conn = amble__link_by_handle(&ble->links, handle);

    if (!wants_key && code != AMBLE__EVENT_ENCRYPTION_CHANGE && code != AMBLE__EVENT_KEY_REFRESH_COMPLETE)
        return false;
    if (wants_key) {
        const uint8_t *number = amble__read_view(&r, KEY_NUMBER);
        const uint16_t diversifier = amble__read_le16(&r);

        if (conn && !r.failed)
            amble__smp_key_wanted(conn, number, diversifier);
    } else {
        const bool enabled = code == AMBLE__EVENT_KEY_REFRESH_COMPLETE || amble__read_u8(&r);

        if (conn && !r.failed) {
            amble__smp_encryption_changed(conn, status, enabled);
            amble__host_want_bearers(conn);
        }
    }
    ble->hci.malformed += r.failed;
    return true;
}

/* What the controller computed; true when it was that. */
static bool cipher_event(amble *ble, uint8_t code, amble__reader r)
{
    const uint8_t subevent = code == AMBLE__EVENT_LE_META ? amble__read_u8(&r) : 0;

    return amble__cipher_event(&ble->smp.cipher, subevent, r);
}

static void on_event(void *user, uint8_t code, amble__reader *parameters)
{
    if (encryption_event(user, code, *parameters) || cipher_event(user, code, *parameters))
        return;
    amble__gap_event(&((amble *)user)->gap, code, parameters);
}

static void on_acl(void *user, const uint8_t *data, size_t size, uint16_t handle, unsigned boundary)
{
    amble__link_receive(&((amble *)user)->links, data, size, handle, boundary);
}

static void on_failed(void *user, int error) { amble__host_fail(user, error); }

static void on_controller_lost(void *user, int error)
{
    amble *ble = user;

    amble__transport_explain("%s: %s; reset it and open it again", ble->instance, ble->hci.lost);
    amble__host_fail(ble, error);
}

static void on_packet(void *user, const uint8_t *packet, size_t size)
{
    amble__hci_receive(&((amble *)user)->hci, packet, size);
}

static AMBLE__RARE void on_first_link_data(amble_connection *conn, const uint8_t *data, size_t size, unsigned boundary)
{
    amble__gap_established(&conn->host->gap, conn);
    amble__l2cap_receive(conn, data, size, boundary);
}

static void on_link_data(amble_connection *conn, const uint8_t *data, size_t size, unsigned boundary)
{
    if (conn->established)
        amble__l2cap_receive(conn, data, size, boundary);
    else
        on_first_link_data(conn, data, size, boundary);
}

static void on_att_data(amble_connection *conn, const uint8_t *data, size_t size)
{
    amble__att_receive(conn->bearer, data, size);
}

static void on_bearer_closed(amble__att_bearer *bearer)
{
    amble__server_bearer_closed(bearer);
    amble__client_bearer_closed(bearer);
}

static void on_link_opened(amble_connection *conn)
{
    amble *ble = conn->host;

    amble__l2cap_open(&ble->l2cap, conn);
    amble__att_open(&ble->att, conn);
    amble__smp_open(&ble->smp, conn);
    amble__server_open(&ble->server, conn);
    amble__client_open(&ble->client, conn);
}

static void on_link_lost(amble_connection *conn)
{
    amble__l2cap_lost(conn);
    amble__att_lost(conn);
    amble__server_lost(conn);
    amble__client_lost(conn);
    amble__smp_lost(conn);
}

static amble__bond *bond_of(const amble_connection *conn) { return amble__smp_bond(&conn->host->smp, conn->device); }
static void on_bond_changed(amble_connection *conn)
{
    amble__bonds_change(&conn->host->bonds.table);
    amble__gap_work(&conn->host->gap); /* the service task saves it */
}
static int save_bond(amble_connection *conn)
{
    amble__bonds_change(&conn->host->bonds.table);
    return amble__bonds_save(&conn->host->bonds.table);
}
static void on_bonded(amble_connection *conn)
{
    amble__bond *bond = amble__link_bond(conn);

    if (bond && !conn->authorisation_set && !conn->authorised) {
        conn->authorised = bond->authorised;
    } else if (bond &&
               bond->authorised != conn->authorised) { /* said before; or a new bond for who had one on this link */
        bond->authorised = conn->authorised;
        on_bond_changed(conn);
    }
    amble__server_bonded(conn);
}
static void on_smp_work(amble *ble) { amble__gap_work(&ble->gap); }
static void on_greeted(amble_connection *conn) { amble__gap_greeted(&conn->host->gap, conn); }
static void on_service(amble *ble) { amble__smp_serve(&ble->smp); }

static void on_bearer_dead(amble_connection *conn)
{
    conn->disconnect_wanted = true;
    amble__gap_work(&conn->host->gap);
}

/* A peripheral asks for other connection parameters, or this one does: GAP has the rules, L2CAP the words. */
static bool on_parameters_asked(amble_connection *conn, const amble__parameter_wishes *wishes)
{
    const amble_parameters wish = {.min_interval_us = wishes->interval_min * 1250u,
                                   .max_interval_us = wishes->interval_max * 1250u,
                                   .latency = wishes->latency,
                                   .supervision_timeout_ms = wishes->timeout * 10u};

    return amble__parameters_asked(&conn->host->gap, conn, wish);
}

static int ask_central(amble_connection *conn, const amble_parameters *parameters, uint64_t deadline_us)
{
    const amble__parameter_wishes wishes = {.interval_min = (uint16_t)(parameters->min_interval_us / 1250),
                                            .interval_max = (uint16_t)(parameters->max_interval_us / 1250),
                                            .latency = parameters->latency,
                                            .timeout = (uint16_t)(parameters->supervision_timeout_ms / 10)};

    return amble__signalling_ask_parameters(conn, &wishes, deadline_us);
}

/* The trace as log lines. */
static void log_trace(void *user, const amble__trace_point *point)
{
    const amble *ble = user;
    char text[AMBLE__TRACE_TEXT], peer[AMBLE_DEVICE_TEXT] = "";
    const amble_connection *conn = amble__link_by_handle(&ble->links, point->handle);

    if (conn)
        (void)amble_device_text(conn->device, peer);
    amble__log(AMBLE__LOG_DEBUG, "%s %s %s", ble->instance, peer, amble__trace_text(point, text));
}

static void wire(amble *ble, const amble_config *c)
{
    static const amble__hci_callbacks callbacks = {
        .write = write_packet, .event = on_event, .acl = on_acl, .failed = on_controller_lost};

    amble__hci_init(&ble->hci, &callbacks, ble);
    ble->config = *c;
    (void)snprintf(ble->instance, sizeof ble->instance, "%s",
                   ble->transport->name ? ble->transport->name : "host"); /* may be cut */
    ble->hci.instance = ble->instance;
    if (amble__log_enabled() >= AMBLE__LOG_DEBUG)
        ble->hci.trace = (amble__trace){.sink = log_trace, .user = ble};
    memcpy(ble->name, c->name, strlen(c->name) + 1); /* its length was checked */
    ble->links.hci = &ble->hci;
    ble->links.host = ble;
    ble->links.opened = on_link_opened;
    ble->links.lost = on_link_lost;
    ble->links.received = on_link_data;
    ble->links.bond = bond_of;
    ble->links.bond_changed = on_bond_changed;
    ble->links.bond_save = save_bond;
    ble->links.secure = amble__smp_secure;
    ble->l2cap.att = on_att_data;
    ble->l2cap.security = amble__smp_receive;
    ble->att.request = amble__server_receive;
    ble->att.notified = amble__client_receive;
    ble->att.owed = amble__server_owed;
    ble->att.confirmed = amble__server_confirmed;
    ble->att.dead = on_bearer_dead;
    ble->att.closed = on_bearer_closed;
    ble->client.work = amble__host_bearers_work;
    ble->l2cap.bearer_ready = amble__att_channel_ready;
    ble->l2cap.bearer_received = amble__att_channel_received;
    ble->l2cap.bearer_ended = amble__att_channel_ended;
    ble->server.connections = &ble->links;
    ble->server.att = &ble->att;
    ble->server.held_write_us = (uint64_t)c->held_write_ms * 1000;
    ble->gap.hci = &ble->hci;
    ble->gap.links = &ble->links;
    ble->gap.closings = &ble->hci.closings;
    ble->gap.host = ble;
    ble->gap.name = ble->name;
    ble->gap.bonds = &ble->bonds.table;
    ble->gap.policy = c->parameter_policy;
    ble->gap.privacy.kind = c->own_address;
    ble->gap.privacy.lifetime_s = c->private_address_s;
    ble->gap.ask_central = ask_central;
    ble->l2cap.parameters_asked = on_parameters_asked;
    ble->gap.serve_others = on_service;
    ble->gap.greet = amble__smp_greet;
    ble->smp.hci = &ble->hci;
    ble->smp.cipher.hci = c->crypto == AMBLE_CRYPTO_CONTROLLER ? &ble->hci : NULL;
    ble->smp.own = &ble->gap.own;
    ble->smp.bonds = &ble->bonds.table;
    ble->bonds.host = ble;
    ble->smp.host = ble;
    ble->smp.work = on_smp_work;
    ble->smp.greeted = on_greeted;
    ble->smp.bonded = on_bonded;
}

void amble__host_fail(amble *ble, int error)
{
    if (ble->hci.failed)
        return;
    amble__hci_fail(&ble->hci, error);
    amble__gap_fail(&ble->gap, error);
    amble__server_fail(&ble->server, error);
    amble__smp_fail(&ble->smp, error);
    for (size_t i = 0; i < ble->links.count; i++)
        amble__link_lose(&ble->links.slots[i], AMBLE__HCI_CONNECTION_TIMEOUT, error);
}

/* --- opening ------------------------------------------------------------------------------------------------------ */
static amble *allocate(const amble_config *c)
{
    amble__arena arena = {.size = amble_size(c)};
    amble *ble;

    arena.block = c->memory ? c->memory : malloc(arena.size);
    if (!arena.block)
        return NULL;
    ble = lay_out(&arena, c);
    ble->allocated = c->memory ? NULL : arena.block;
    return ble;
}

static int serve_configured(amble *ble)
{
    int r = amble__host_serve_profile(ble);

    if (r >= 0 && amble__host_bearers(&ble->config))
        r = amble__bearers_listen(&ble->l2cap);

    for (int i = 0; r >= 0 && i < AMBLE_CONFIG_SERVICES; i++)
        if (ble->config.services[i])
            r = amble_serve(ble, ble->config.services[i]);
    return r;
}

/* What the transport or the controller did has its sentence already. */
static void explain_opening(const char *name, int error)
{
    if (!*amble__transport_problem())
        amble__transport_explain("%s: %s", name ? name : "host", amble_error_text(error));
}

static bool start_task(amble *ble, size_t *started, const char *name, int (*function)(void *arg), void *arg)
{
    const size_t size = ble->config.task_stack_size, at = size * (*started)++;

    return ble->stacks ? amble_spawn_on(&ble->service, name, function, arg, ble->stacks + at, size)
                       : amble_spawn_named(&ble->service, name, function, arg);
}

static int start_tasks(amble *ble)
{
    const amble_config *c = &ble->config;
    size_t started = 0;

    if (!start_task(ble, &started, "amble service", amble__gap_service, &ble->gap) ||
        (c->crypto == AMBLE_CRYPTO_CONTROLLER &&
         !start_task(ble, &started, "amble ciphers", amble__smp_compute, &ble->smp)) ||
        (amble__host_bearers(c) && !start_task(ble, &started, "amble bearers", amble__host_open_bearers, ble)))
        return AMBLE_ERR_NO_MEMORY;
    return 0;
}

int amble__host_open(amble **out, amble__transport *transport, const amble_config *config, int timeout_ms)
{
    const amble_config c = with_defaults(config);
    amble *ble = sensible(&c) ? allocate(&c) : NULL;
    amble_timeout timeout;
    int r;

    *out = NULL;
    amble__transport_explain("%s", ""); /* whatever it says is about this opening */
    if (!ble) {
        r = sensible(&c) ? AMBLE_ERR_NO_MEMORY : AMBLE_ERR_ARGUMENT;
        explain_opening(transport->name, r);
        amble__transport_close(transport);
        return r;
    }
    ble->transport = transport;
    wire(ble, &c);
    transport->receive = on_packet;
    transport->failed = on_failed;
    transport->user = ble;
    amble__scope_open_detached(&ble->service);
    amble_timeout_begin(&timeout, NULL, timeout_ms);
    r = serve_configured(ble);
    if (r >= 0)
        r = amble__bonds_attach(&ble->bonds, &ble->config);
    if (r >= 0)
        r = amble__host_start(ble);
    if (r >= 0)
        r = amble__host_complete_profile(ble);
    r = amble_timeout_end(&timeout, r);
    if (r >= 0)
        r = start_tasks(ble);
    if (r < 0) {
        explain_opening(ble->instance, r);
        amble__host_fail(ble, AMBLE_ERR_CLOSED); /* the time may be over, and a reset would want more */
        amble_close(ble);
        return r;
    }
    *out = ble;
    return 0;
}

int amble_open(amble **ble, const char *transport, const amble_config *config, int timeout_ms)
{
    amble__transport *opened;
    int r = amble__wait_check();

    *ble = NULL;
    if (r < 0 || (r = amble__transport_open(transport, &opened, timeout_ms)) < 0)
        return r;
    return amble__host_open(ble, opened, config, timeout_ms);
}

int amble_hci_command(amble *ble, uint16_t opcode, const void *parameters, size_t size, void *reply, size_t reply_size,
                      int timeout_ms)
{
    const bool patient = timeout_ms == AMBLE_FOREVER || timeout_ms >= AMBLE__HCI_COMMAND_TIMEOUT_MS;
    size_t taken = 0;
    const amble__hci_reply to = {.data = reply,
                                 .size = reply_size,
                                 .taken = &taken,
                                 .patience_ms = patient ? timeout_ms : AMBLE__HCI_COMMAND_TIMEOUT_MS};
    amble_timeout timeout;
    int r;

    if ((size && !parameters) || (reply_size && !reply))
        return AMBLE_ERR_ARGUMENT;
    amble_timeout_begin(&timeout, NULL, patient ? AMBLE_FOREVER : timeout_ms);
    r = amble_timeout_end(&timeout, amble__hci_ask(&ble->hci, opcode, parameters, size, &to));
    return r < 0 ? r : (int)taken;
}

const char *amble_open_problem(void) { return amble__transport_problem(); }

/* --- closing ------------------------------------------------------------------------------------------------------ */
static bool any_link(const amble *ble)
{
    for (size_t i = 0; i < ble->links.count; i++)
        if (ble->links.slots[i].state == AMBLE__LINK_LIVE)
            return true;
    return false;
}

static void disconnect_all(amble *ble)
{
    const uint64_t deadline = amble__deadline(CLOSE_MS);

    ble->links.closing = true;
    for (size_t i = 0; i < ble->links.count; i++)
        ble->links.slots[i].disconnect_wanted = true;
    amble__gap_work(&ble->gap);
    for (size_t i = 0; i < ble->links.count && any_link(ble); i++)
        if (ble->links.slots[i].state == AMBLE__LINK_LIVE)
            (void)amble__wait_on_until(&ble->links.slots[i].losses, deadline); /* whatever happens, the host closes */
}

void amble_close(amble *ble)
{
    if (!ble)
        return;
    amble__shield_begin();
    if (!ble->hci.failed) {
        disconnect_all(ble);
        /* Tells a controller that stays powered to forget us; one that does not answer is not waited for. */
        (void)amble__hci_command(&ble->hci, AMBLE__HCI_RESET, NULL, 0, NULL, 0);
        amble__host_fail(ble, AMBLE_ERR_CLOSED);
    }
    amble_scope_close(&ble->service);
    /* Rounds in which no time passes: whoever just learnt of the end closes what it has of this host. */
    for (int i = 0; i < LAST_ROUNDS; i++)
        (void)!amble_sleep_ms(0); /* shielded: it only gives way */
    amble__shield_end();
    if (amble__bonds_save(&ble->bonds.table) < 0)
        amble__log(AMBLE__LOG_ERROR, "%s: the bonds could not be saved", ble->instance);
    amble__bonds_detach(&ble->bonds);
    amble__transport_close(ble->transport);
    free(ble->allocated);
}

void amble_connection_close(amble_connection *conn)
{
    if (!conn)
        return;
    amble__shield_begin();
    if (conn->state == AMBLE__LINK_LIVE && !amble__acl_idle(&conn->acl))
        (void)amble__link_wait(conn, &conn->acl.drained, amble__deadline(DRAIN_MS)); /* what was sent still arrives */
    if (conn->state == AMBLE__LINK_LIVE) {
        conn->disconnect_wanted = true;
        amble__gap_work(&conn->host->gap);
        (void)amble__wait_on(&conn->losses, DISCONNECT_MS); /* afterwards the host goes on alone */
    }
    amble__shield_end();
    amble__client_forget(&conn->host->client, conn);
    amble__channels_forget(&conn->host->l2cap, conn);
    conn->owned = false;
    conn->closed = true;
    if (conn->state == AMBLE__LINK_DEAD)
        amble__link_free(conn);
    amble__gap_work(&conn->host->gap); /* somebody may wait for the slot */
}

amble_statistics amble_read_statistics(const amble *ble)
{
    return (amble_statistics){
        .acl_sent = ble->hci.acl_sent,
        .acl_received = ble->hci.acl_received,
        .malformed =
            ble->hci.malformed + ble->l2cap.malformed + ble->att.malformed + ble->gap.malformed + ble->smp.malformed,
        .orphaned = ble->links.orphaned,
        .connect_repeated = ble->gap.connect_repeated,
        .late_responses = ble->att.late_responses,
        .notifications_dropped = ble->client.dropped,
        .writes_dropped = ble->server.database.dropped,
    };
}
