/* The controller's part: it encrypts with the keys that it is given (Vol 4 Part E 7.8.24 to 7.8.26, 7.7.8, 7.7.39,
 * 7.7.65.5).
 *
 * All commands with keys come from the host's service task, so that a cancelled task leaves nothing half done.
 * Invariants: `coming` says what the key stands for that the controller was given last; only its word makes that the
 * link's security. */
#include "core/log.h"
#include "smp/smp.h"

enum { KEY = 16, NUMBER = 8 };

/* --- central ------------------------------------------------------------------------------------------------------ */
void amble__smp_encrypt(amble__smp_link *link, const amble__bond_key *key, const amble__link_security *coming)
{
    amble__smp *smp = amble__smp_of(link->conn->host);

    link->key = *key;
    link->coming = *coming;
    link->with_bond = false;
    link->encrypting = link->enable_wanted = true;
    link->encryption_error = 0;
    smp->work(smp->host);
}

static amble__link_security bond_level(const amble__bond *bond)
{
    return (amble__link_security){.encrypted = true,
                                  .authenticated = bond->authenticated,
                                  .secure_connections = bond->secure_connections,
                                  .bonded = true,
                                  .key_size = bond->key_size};
}

bool amble__smp_bond_suffices(const amble__bond *bond, const amble_pair_options *options)
{
    const amble__link_security level = bond_level(bond);

    return amble__security_suffices(&level, options);
}

void amble__smp_encrypt_bond(amble__smp_link *link, const amble__bond *bond)
{
    const amble__link_security level = bond_level(bond);

    amble__smp_encrypt(link, &bond->peer_key, &level);
    link->with_bond = true;
}

bool amble__smp_greet(amble_connection *conn)
{
    amble__smp_link *link = conn->smp;
    const amble__bond *bond = conn->central ? amble__smp_bond(amble__smp_of(conn->host), conn->device) : NULL;

    if (!bond || !bond->peer_key.present)
        return false;
    amble__smp_encrypt_bond(link, bond);
    link->greeting = true;
    return true;
}

static void greeted(amble__smp *smp, amble__smp_link *link)
{
    if (!link->greeting)
        return;
    link->greeting = false;
    smp->greeted(link->conn);
}

/* Encryption ended in this way, as far as this side began it. */
static void tell(amble__smp_link *link, int error)
{
    link->encrypting = false;
    link->encryption_error = error;
    if (link->pairing && link->pairing->initiator)
        amble__waiters_end(&link->pairing->events, 0);
    else
        amble__waiters_end(&link->changed, error);
}

static void enable(amble__smp *smp, amble__smp_link *link)
{
    uint8_t parameters[2 + NUMBER + 2 + KEY];
    amble_connection *conn = link->conn;
    const uint32_t generation = conn->generation;
    int r;

    amble__put_le16(parameters, conn->handle);
    memcpy(parameters + 2, link->key.random, NUMBER);
    amble__put_le16(parameters + 2 + NUMBER, link->key.diversifier);
    memcpy(parameters + 2 + NUMBER + 2, link->key.value, KEY);
    amble__wipe(&link->key, sizeof link->key);
    link->enable_wanted = false;
    r = amble__hci_command(smp->hci, AMBLE__HCI_LE_ENABLE_ENCRYPTION, parameters, sizeof parameters, NULL, 0);
    amble__wipe(parameters, sizeof parameters);
    if (link->conn != conn || conn->generation != generation)
        return;
    if (r < 0)
        tell(link, r);
    greeted(smp, link);
}

/* --- peripheral --------------------------------------------------------------------------------------------------- */
void amble__smp_key_wanted(amble_connection *conn, const uint8_t random[NUMBER], uint16_t diversifier)
{
    amble__smp_link *link = conn->smp;
    amble__smp *smp = amble__smp_of(conn->host);

    memcpy(link->key_random, random, NUMBER);
    link->key_diversifier = diversifier;
    link->key_wanted = true;
    smp->work(smp->host);
}

/* The key that is meant, or NULL: the pairing's when it has come so far, else the bond's. */
static const uint8_t *wanted_key(amble__smp *smp, amble__smp_link *link)
{
    static const uint8_t none[NUMBER] = {0};
    amble__pairing *p = link->pairing;
    amble__bond *bond;

    if (p) {
        if (p->initiator || p->state != AMBLE__RESPONDER_ENCRYPTION || link->key_diversifier ||
            memcmp(link->key_random, none, NUMBER) != 0)
            return NULL;
        link->coming = amble__pairing_level(p);
        link->with_bond = false;
        return p->secret.key;
    }
    bond = amble__smp_bond(smp, link->conn->device);
    if (!bond || !bond->own_key.present || bond->own_key.diversifier != link->key_diversifier ||
        memcmp(bond->own_key.random, link->key_random, NUMBER) != 0)
        return NULL;
    amble__bonds_touch(smp->bonds, bond);
    link->coming = bond_level(bond);
    link->with_bond = true;
    return bond->own_key.value;
}

static void give_key(amble__smp *smp, amble__smp_link *link)
{
    uint8_t parameters[2 + KEY];
    const uint8_t *key = wanted_key(smp, link);

    link->key_wanted = false;
    amble__put_le16(parameters, link->conn->handle);
    if (key)
        memcpy(parameters + 2, key, KEY);
    /* Refused only when the link is gone, or the controller is lost: both are seen to elsewhere. */
    (void)amble__hci_command(smp->hci, key ? AMBLE__HCI_LE_KEY_REPLY : AMBLE__HCI_LE_KEY_NEGATIVE_REPLY, parameters,
                             key ? sizeof parameters : 2, NULL, 0);
    amble__wipe(parameters, sizeof parameters);
}

/* --- both --------------------------------------------------------------------------------------------------------- */
void amble__smp_encryption_changed(amble_connection *conn, uint8_t status, bool enabled)
{
    amble__smp_link *link = conn->smp;
    amble__pairing *p = link->pairing;
    int error = status ? AMBLE_ERR_HCI(status) : 0;

    if (status == AMBLE__HCI_KEY_MISSING && link->with_bond && conn->central) {
        error = AMBLE_ERR_BOND_LOST;
        amble__log(AMBLE__LOG_WARNING,
                   "the other side of a link has no key for the bond: it forgot it, or is another device");
    }
    if (!status)
        conn->security = enabled ? link->coming : (amble__link_security){.encrypted = false};
    if (!status && enabled && link->with_bond)
        amble__smp_of(conn->host)->bonded(conn);
    amble__trace_at(&conn->hci->trace, ENCRYPTED, conn->handle, &conn->security.key_size, 1);
    if (p && !p->initiator && !link->with_bond && p->state == AMBLE__RESPONDER_ENCRYPTION) {
        if (error)
            amble__pairing_end(p, error, false);
        else
            amble__responder_encrypted(p);
        return;
    }
    tell(link, error);
}

/* P-256 of responders, with ciphers of the port. */
static void compute(amble__smp *smp)
{
    for (size_t i = 0; i < smp->pairing_count; i++) {
        amble__pairing *p = &smp->pairings[i];
        int r;

        if (!p->compute_wanted)
            continue;
        p->compute_wanted = false;
        r = amble__pairing_own_key(p);
        amble__responder_computed(p, r < 0 ? r : amble__pairing_shared_key(p));
    }
}

int amble__smp_compute(void *arg)
{
    amble__smp *smp = arg;
    int r;

    while ((r = amble_event_wait(&smp->compute, AMBLE_FOREVER)) == 0)
        for (size_t i = 0; i < smp->pairing_count && !smp->hci->failed; i++)
            if (smp->pairings[i].used && !smp->pairings[i].initiator)
                amble__responder_serve(&smp->pairings[i]);
    return r;
}

static void save_again(amble__timer *timer)
{
    amble__smp *smp = amble__container(timer, amble__smp, save_timer);

    smp->work(smp->host);
}

/* A store that fails is tried again after a while, which doubles each time. */
static void save_bonds(amble__smp *smp)
{
    enum { FIRST_PAUSE_MS = 1000, LONGEST_PAUSE_MS = 64000 };

    if (smp->save_timer.armed)
        return;
    if (amble__bonds_save(smp->bonds) >= 0) {
        smp->save_pause_ms = 0;
        return;
    }
    smp->save_pause_ms = !smp->save_pause_ms                     ? FIRST_PAUSE_MS
                         : smp->save_pause_ms < LONGEST_PAUSE_MS ? 2 * smp->save_pause_ms
                                                                 : LONGEST_PAUSE_MS;
    smp->save_timer.fire = save_again;
    amble__timer_start(&smp->save_timer, amble__deadline(smp->save_pause_ms));
    amble__log(AMBLE__LOG_ERROR, "%s: the bonds could not be saved; it is tried again in %d s", smp->hci->instance,
               smp->save_pause_ms / 1000);
}

void amble__smp_serve(amble__smp *smp)
{
    for (size_t i = 0; i < smp->link_count; i++) {
        amble__smp_link *link = &smp->links[i];

        if (link->conn && link->key_wanted)
            give_key(smp, link);
        if (link->conn && link->enable_wanted)
            enable(smp, link);
    }
    if (!amble__cipher_waits(&smp->cipher))
        compute(smp);
    save_bonds(smp);
}
