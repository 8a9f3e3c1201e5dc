/* What a program may ask about the security of a link, and want of it (amble/security.h). */
#include "amble/security.h"

#include "smp/smp.h"
#include "task/scheduler.h"

bool amble_connection_encrypted(const amble_connection *conn) { return conn->security.encrypted; }
bool amble_connection_authenticated(const amble_connection *conn) { return conn->security.authenticated; }
bool amble_connection_bonded(const amble_connection *conn) { return conn->security.bonded; }
unsigned amble_connection_key_size(const amble_connection *conn) { return conn->security.key_size; }
bool amble_connection_secure(const amble_connection *conn) { return conn->security.secure_connections; }

int amble_security_config(amble *ble, const amble_pair_options *options)
{
    static const amble_pair_options defaults = {0};

    if (!options)
        options = &defaults;
    if (!amble__pair_options_good(options))
        return AMBLE_ERR_ARGUMENT;
    amble__smp_of(ble)->options = *options;
    return 0;
}

/* --- authorisation ------------------------------------------------------------------------------------------------ */
bool amble_connection_authorised(const amble_connection *conn) { return conn->authorised; }

int amble_authorise(amble_connection *conn, bool authorised)
{
    amble__bond *bond = amble__link_bond(conn);
    const int r = amble__link_check(conn, conn->generation);

    if (r < 0)
        return r;
    conn->authorised = authorised;
    conn->authorisation_set = true;
    if (bond && bond->authorised != authorised) {
        bond->authorised = authorised;
        conn->links->bond_changed(conn);
    }
    return 0;
}

/* Waits for the next end of a pairing or of encryption: its result. */
static int wait_changed(amble__smp_link *link) { return amble__link_wait(link->conn, &link->changed, AMBLE__NEVER); }

/* --- central ------------------------------------------------------------------------------------------------------ */
static int encrypt_with_bond(amble__smp_link *link, const amble__bond *bond)
{
    int r = 0;

    amble__smp_encrypt_bond(link, bond);
    while (r >= 0 && link->encrypting)
        r = wait_changed(link);
    return r;
}

static int initiate(amble__smp *smp, amble__smp_link *link, const amble_pair_options *options)
{
    amble__pairing *p;
    int r;

    if (link->exhausted)
        return amble__wait_refuse(AMBLE_ERR_PAIRING_TIMEOUT);
    if (amble__smp_must_wait(smp, link->conn->peer_address))
        return amble__wait_refuse(AMBLE_ERR_SMP(AMBLE__SMP_REPEATED_ATTEMPTS));
    p = amble__pairing_begin(link, true, options);
    if (!p)
        return amble__wait_refuse(AMBLE_ERR_NO_MEMORY);
    r = amble__initiator_run(p);
    if (p->over)
        r = p->over;
    else
        amble__pairing_end(p, r, true);
    p->used = false;
    return r;
}

static int pair_as_central(amble__smp *smp, amble__smp_link *link, const amble_pair_options *options)
{
    const amble__bond *bond;
    int r = 0;

    if (link->pairing)
        return amble__wait_refuse(AMBLE_ERR_BUSY);
    while (r >= 0 && link->encrypting) /* with the bond, by itself */
        r = wait_changed(link);
    if (r < 0 && !options->renew)
        return r;
    if (link->conn == NULL)
        return r;
    if (link->pairing)
        return amble__wait_refuse(AMBLE_ERR_BUSY);
    bond = options->renew ? NULL : amble__smp_bond(smp, link->conn->device);
    if (!options->renew && amble__security_suffices(&link->conn->security, options))
        return 0;
    if (bond && bond->peer_key.present && amble__smp_bond_suffices(bond, options))
        return encrypt_with_bond(link, bond);
    return initiate(smp, link, options);
}

/* --- peripheral --------------------------------------------------------------------------------------------------- */
static int send_security_request(amble__smp_link *link, const amble_pair_options *o)
{
    amble__packet *packet = &link->conn->l2cap->security_reply;

    if (packet->busy)
        return AMBLE_ERR_BUSY;
    amble__packet_payload(packet)[0] = AMBLE__SMP_SECURITY_REQUEST;
    amble__packet_payload(packet)[1] =
        (uint8_t)((o->no_bond ? 0 : AMBLE__SMP_AUTH_BOND) | (o->mitm ? AMBLE__SMP_AUTH_MITM : 0) |
                  (o->legacy_only ? 0 : AMBLE__SMP_AUTH_SECURE));
    packet->size = 2;
    amble__trace_at(&link->conn->hci->trace, SMP_SENT, link->conn->handle, amble__packet_payload(packet), 2);
    amble__l2cap_send(link->conn, AMBLE__CID_SECURITY, packet);
    return 0;
}

/* A central that was asked has 30 s to begin (Vol 3 Part H 3.4); a pairing that began has its own timer. */
static int wait_for_central(const amble__smp_link *link, amble_connection *conn)
{
    amble__list *changed = &conn->smp->changed;
    const int r = amble__link_wait(conn, changed, amble__deadline(AMBLE__SMP_TIMEOUT_MS));

    if (r != AMBLE_ERR_TIMEOUT)
        return r;
    return link->pairing ? amble__link_wait(conn, changed, AMBLE__NEVER) : AMBLE_ERR_PAIRING_TIMEOUT;
}

static int ask_central(amble__smp_link *link, const amble_pair_options *options)
{
    amble_connection *conn = link->conn;
    int r = 0;

    if (amble__security_suffices(&conn->security, options))
        return 0;
    if (link->exhausted)
        return amble__wait_refuse(AMBLE_ERR_PAIRING_TIMEOUT);
    if (!link->pairing) {
        link->options = *options;
        link->has_options = true;
        r = send_security_request(link, options);
    }
    if (r >= 0)
        r = wait_for_central(link, conn);
    if (r < 0 && link->conn == conn && link->pairing) /* given up on this side */
        amble__pairing_end(link->pairing, r, true);
    link->has_options = false;
    if (r < 0)
        return r;
    return amble__security_suffices(&conn->security, options) ? 0 : AMBLE_ERR_SMP(AMBLE__SMP_AUTHENTICATION);
}

/* --- both --------------------------------------------------------------------------------------------------------- */
int amble_pair(amble_connection *conn, const amble_pair_options *options, int timeout_ms)
{
    static const amble_pair_options defaults = {0};
    const amble_pair_options copy = options ? *options : defaults;
    amble_timeout timeout;
    int r = amble__wait_check();

    if (r < 0)
        return r;
    if (!amble__pair_options_good(&copy))
        return AMBLE_ERR_ARGUMENT;
    if (conn->end < 0)
        return amble__wait_refuse(conn->end);
    amble_timeout_begin(&timeout, NULL, timeout_ms);
    r = conn->central ? pair_as_central(amble__smp_of(conn->host), conn->smp, &copy) : ask_central(conn->smp, &copy);
    return amble_timeout_end(&timeout, r);
}

/* --- by itself ---------------------------------------------------------------------------------------------------- */
int amble_pair_on_demand(amble *ble, const amble_pair_options *options)
{
    amble__smp *smp = amble__smp_of(ble);

    if (options && (options->renew || !amble__pair_options_good(options)))
        return AMBLE_ERR_ARGUMENT;
    smp->on_demand = options != NULL;
    if (options)
        smp->demand = *options;
    return 0;
}

/* A peer that has the bond's key may be paired with better; one that has not, not at all. */
static int secure(amble__smp *smp, amble__smp_link *link)
{
    const amble_pair_options options = smp->demand;
    const amble__bond *bond;
    int r = 0;

    while (r >= 0 && (link->encrypting || link->pairing)) /* somebody else is about it */
        r = wait_changed(link);
    if (r < 0)
        return r;
    if (!link->conn->central)
        return ask_central(link, &options);
    bond = amble__smp_bond(smp, link->conn->device);
    if (bond && bond->peer_key.present && !link->conn->security.encrypted)
        r = encrypt_with_bond(link, bond);
    return r < 0 ? r : pair_as_central(smp, link, &options);
}

int amble__smp_secure(amble_connection *conn, uint64_t deadline_us)
{
    amble__smp *smp = amble__smp_of(conn->host);
    amble_timeout timeout;

    if (!smp->on_demand)
        return AMBLE_ERR_UNSUPPORTED;
    if (conn->end < 0)
        return amble__wait_refuse(conn->end);
    amble_timeout_begin(&timeout, NULL, amble__time_left(deadline_us));
    return amble_timeout_end(&timeout, secure(smp, conn->smp));
}

int amble_encrypted(amble_connection *conn, int timeout_ms)
{
    const uint64_t deadline = amble__due(timeout_ms);
    int r = amble__wait_check();

    if (r >= 0 && conn->end < 0)
        return amble__wait_refuse(conn->end);
    while (r >= 0 && !conn->security.encrypted)
        r = amble__link_wait(conn, &conn->smp->changed, deadline);
    return r < 0 ? r : 0;
}

/* The data for one key pair, which the host keeps until somebody pairs with it. */
static int make_oob(amble__smp *smp, const int *over, amble_oob_data *data)
{
    uint8_t secret[AMBLE__CIPHER_SECRET], public[AMBLE__CIPHER_POINT], random[sizeof smp->oob.random];
    int r = amble__cipher_own(&smp->cipher, over);

    amble__wipe(&smp->oob, sizeof smp->oob);
    if (r >= 0)
        r = amble__cipher_generate(&smp->cipher, over, secret, public);
    if (r >= 0)
        r = amble__cipher_random(&smp->cipher, random, sizeof random);
    if (r >= 0)
        r = amble__cipher_random(&smp->cipher, data->key, sizeof data->key);
    if (r >= 0)
        r = amble__toolbox_f4(&smp->cipher, public, public, random, 0, data->confirm);
    if (r >= 0) {
        memcpy(data->random, random, sizeof data->random);
        memcpy(smp->oob.random, random, sizeof random);
        memcpy(smp->oob.own_private, secret, sizeof secret);
        memcpy(smp->oob.own_public, public, sizeof public);
        smp->oob.ready = true;
    }
    amble__wipe(secret, sizeof secret);
    amble__wipe(random, sizeof random);
    return r < 0 ? r : 0;
}

int amble_oob_local(amble *ble, amble_oob_data *data, int timeout_ms)
{
    amble__smp *smp = amble__smp_of(ble);
    const int over = 0; /* never */
    amble_timeout timeout;
    int r = amble__wait_check();

    if (r < 0)
        return r;
    amble_timeout_begin(&timeout, NULL, timeout_ms);
    r = make_oob(smp, &over, data);
    amble__cipher_release(&smp->cipher, &over);
    return amble_timeout_end(&timeout, r);
}
