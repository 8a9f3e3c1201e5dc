/* The keys that are given to each other to be kept, over the encrypted link (Vol 3 Part H 3.6). The responder gives
 * first. Invariant: a bit in own_keys or peer_keys stands for a key still to go or to come; when both are empty the
 * pairing is done. */
#include "bonds/private_address.h"
#include "core/log.h"
#include "smp/smp.h"
#include "task/scheduler.h"

enum { DIVERSIFIER = 2, NUMBER = 8, KEY = 16, ADDRESS = 6 };

/* For links in which this side is the peripheral. As short as was agreed, 2.4.2.1. */
static int give_encryption_key(amble__pairing *p)
{
    amble__bond_key key = {.present = true};
    uint8_t identification[DIVERSIFIER + NUMBER];
    int r = amble__pairing_draw(p, key.value, p->key_size);

    if (r >= 0)
        r = amble__pairing_draw(p, identification, sizeof identification);
    if (r >= 0) {
        key.diversifier = amble__get_le16(identification);
        memcpy(key.random, identification + DIVERSIFIER, NUMBER);
        p->secret.bond.own_key = key;
        amble__pairing_send(p, AMBLE__SMP_ENCRYPTION_INFORMATION, key.value, sizeof key.value);
        amble__pairing_send(p, AMBLE__SMP_CENTRAL_IDENTIFICATION, identification, sizeof identification);
    }
    amble__wipe(&key, sizeof key);
    return p->over < 0 ? p->over : r;
}

static int give_identity(amble__pairing *p)
{
    amble__bonds *bonds = p->smp->bonds;
    uint8_t address[1 + ADDRESS] = {(uint8_t)p->smp->own->type}, irk[KEY];
    int r = bonds->has_own_irk ? 0 : amble__pairing_draw(p, irk, sizeof irk);

    if (r < 0)
        return r;
    if (!bonds->has_own_irk) { /* also not by another pairing meanwhile */
        memcpy(bonds->own_irk, irk, sizeof irk);
        bonds->has_own_irk = true;
        amble__bonds_change(bonds);
    }
    memcpy(address + 1, p->smp->own->bytes, ADDRESS);
    amble__pairing_send(p, AMBLE__SMP_IDENTITY_INFORMATION, bonds->own_irk, KEY);
    amble__pairing_send(p, AMBLE__SMP_IDENTITY_ADDRESS, address, sizeof address);
    amble__wipe(irk, sizeof irk);
    return p->over;
}

static int give_signing_key(amble__pairing *p)
{
    amble__bond_signing_key key = {.present = true};
    int r = amble__pairing_draw(p, key.value, sizeof key.value);

    if (r >= 0) {
        p->secret.bond.own_signing = key;
        amble__pairing_send(p, AMBLE__SMP_SIGNING_INFORMATION, key.value, sizeof key.value);
    }
    amble__wipe(&key, sizeof key);
    return p->over < 0 ? p->over : r;
}

int amble__transfer_give(amble__pairing *p)
{
    int r = 0;

    if (p->own_keys & AMBLE__SMP_KEY_ENCRYPTION)
        r = give_encryption_key(p);
    if (r >= 0 && p->own_keys & AMBLE__SMP_KEY_IDENTITY)
        r = give_identity(p);
    if (r >= 0 && p->own_keys & AMBLE__SMP_KEY_SIGNING)
        r = give_signing_key(p);
    p->own_keys = 0;
    return r;
}

/* The key that the next PDU has to belong to: they come in this order, 3.6.1. */
static uint8_t next_key(const amble__pairing *p) { return (uint8_t)(p->peer_keys & -p->peer_keys); }

static bool take_identity(amble__pairing *p, amble__reader *r)
{
    static const uint8_t none[ADDRESS] = {0};
    amble__bond *bond = &p->secret.bond;
    const uint8_t type = amble__read_u8(r);

    amble__read_copy(r, bond->peer.bytes, ADDRESS);
    bond->peer.type = type ? AMBLE_RANDOM : AMBLE_PUBLIC;
    if (memcmp(bond->peer.bytes, none, ADDRESS) == 0) /* it has none to tell */
        bond->peer = p->link->conn->device;
    return type <= 1 && !(type && bond->peer.bytes[ADDRESS - 1] < 0xc0); /* public, or static random */
}

/* Whether the PDU is one that this key consists of; `*whole` when it is the last. */
static bool take_part(amble__pairing *p, uint8_t code, amble__reader *r, bool *whole)
{
    amble__bond *bond = &p->secret.bond;
    const bool second = bond->peer_key.present, second_of_identity = bond->has_irk; /* the first part has come */

    switch (next_key(p) << 8 | code) {
    case AMBLE__SMP_KEY_ENCRYPTION << 8 | AMBLE__SMP_ENCRYPTION_INFORMATION:
        amble__read_copy(r, bond->peer_key.value, KEY);
        bond->peer_key.present = true;
        return !second;
    case AMBLE__SMP_KEY_ENCRYPTION << 8 | AMBLE__SMP_CENTRAL_IDENTIFICATION:
        bond->peer_key.diversifier = amble__read_le16(r);
        amble__read_copy(r, bond->peer_key.random, NUMBER);
        *whole = true;
        return second;
    case AMBLE__SMP_KEY_IDENTITY << 8 | AMBLE__SMP_IDENTITY_INFORMATION:
        amble__read_copy(r, bond->irk, KEY);
        bond->has_irk = true;
        return !second_of_identity;
    case AMBLE__SMP_KEY_IDENTITY << 8 | AMBLE__SMP_IDENTITY_ADDRESS:
        *whole = true;
        return take_identity(p, r) && second_of_identity;
    case AMBLE__SMP_KEY_SIGNING << 8 | AMBLE__SMP_SIGNING_INFORMATION:
        amble__read_copy(r, bond->peer_signing.value, KEY);
        bond->peer_signing.present = *whole = true;
        return true;
    default:
        return false;
    }
}

int amble__transfer_take(amble__pairing *p, const uint8_t *data, size_t size)
{
    amble__reader r = amble__reader_of(data, size);
    const uint8_t code = amble__read_u8(&r);
    bool whole = false;

    if (!take_part(p, code, &r, &whole))
        return AMBLE_ERR_SMP(AMBLE__SMP_UNSPECIFIED);
    if (whole)
        p->peer_keys &= (uint8_t)~next_key(p);
    return 0;
}

int amble__transfer_keep(amble__pairing *p)
{
    amble__bond *bond = &p->secret.bond, *kept;
    amble_connection *conn = p->link->conn;
    uint32_t serial;

    if (!p->bonding)
        return 0;
    if (!bond->has_irk)
        bond->peer = conn->device;
    else if (amble__pairing_weakens(p, bond->peer))
        return AMBLE_ERR_SMP(AMBLE__SMP_KEY_REJECTED); /* it claims to be a device with a better bond */
    if (p->secure) {
        bond->own_key.present = bond->peer_key.present = true;
        memcpy(bond->own_key.value, p->secret.key, KEY);
        memcpy(bond->peer_key.value, p->secret.key, KEY);
    }
    bond->authenticated = p->authenticated;
    bond->secure_connections = p->secure;
    bond->key_size = p->key_size;
    kept = amble__bonds_take(p->smp->bonds, bond->peer);
    serial = kept->serial;
    *kept = *bond;
    kept->used = true;
    kept->paired_as = conn->peer_address;
    kept->serial = serial;
    if (amble__address_belongs_to(bond->irk, conn->peer_address))
        conn->device = bond->peer; /* its private address means nothing to anybody before long */
    conn->security.bonded = true;
    amble__bonds_change(p->smp->bonds);
    p->smp->work(p->smp->host);
    p->smp->bonded(conn);
    return 0;
}
