/* Records as a store keeps them: a version, then fields of tag, size, bytes. A field that is not known is a mistake: an
 * older amble must not lose what a newer one keeps by saving without it. Values as on the air, least significant octet
 * first. */
#include <string.h>

#include "bonds/bonds.h"
#include "core/bytes.h"

enum { VERSION = 1, KEY = 16, NUMBER = 8, ADDRESS = 6 };
enum {
    TAG_PEER = 1,     /* type, address */
    TAG_SECURITY,     /* flags, key size */
    TAG_SERIAL,       /* of the last use */
    TAG_OWN_KEY,      /* value, random, diversifier */
    TAG_PEER_KEY,     /* the same */
    TAG_IRK,          /* the peer's */
    TAG_OWN_SIGNING,  /* value, counter */
    TAG_PEER_SIGNING, /* the same */
    TAG_GATT,         /* what gatt/ keeps */
    TAG_OWN_IRK,      /* this host's: such a record has no field but this one and TAG_OWN_ADDRESS */
    TAG_PAIRED_AS,    /* type, address; the same as the peer's unless it is there */
    TAG_OWN_ADDRESS,  /* type, address: this host's static one */
};
enum { LEAST_STATIC = 0xc0 }; /* the uppermost octet of a static address, Vol 6 Part B 1.3.2.1 */
enum { FLAG_AUTHENTICATED = 1, FLAG_SECURE = 2, FLAG_AUTHORISED = 4, FLAGS = 7 };

static void write_field(amble__writer *w, uint8_t tag, size_t size)
{
    amble__write_u8(w, tag);
    amble__write_u8(w, (unsigned)size);
}

static void write_device(amble__writer *w, uint8_t tag, amble_device device)
{
    write_field(w, tag, 1 + ADDRESS);
    amble__write_u8(w, device.type);
    amble__write_bytes(w, device.bytes, ADDRESS);
}

static void write_key(amble__writer *w, uint8_t tag, const amble__bond_key *key)
{
    if (!key->present)
        return;
    write_field(w, tag, KEY + NUMBER + 2);
    amble__write_bytes(w, key->value, KEY);
    amble__write_bytes(w, key->random, NUMBER);
    amble__write_le16(w, key->diversifier);
}

static void write_signing_key(amble__writer *w, uint8_t tag, const amble__bond_signing_key *key)
{
    if (!key->present)
        return;
    write_field(w, tag, KEY + 4);
    amble__write_bytes(w, key->value, KEY);
    amble__write_le32(w, key->reserved > key->counter ? key->reserved : key->counter);
}

size_t amble__record_of_bond(const amble__bond *bond, uint8_t *record, size_t room)
{
    amble__writer w = amble__writer_of(record, room);

    amble__write_u8(&w, VERSION);
    write_device(&w, TAG_PEER, bond->peer);
    if (!amble_device_equal(bond->peer, bond->paired_as))
        write_device(&w, TAG_PAIRED_AS, bond->paired_as);
    write_field(&w, TAG_SECURITY, 2);
    amble__write_u8(&w, (bond->authenticated ? FLAG_AUTHENTICATED : 0u) |
                            (bond->secure_connections ? FLAG_SECURE : 0u) | (bond->authorised ? FLAG_AUTHORISED : 0u));
    amble__write_u8(&w, bond->key_size);
    write_field(&w, TAG_SERIAL, 4);
    amble__write_le32(&w, bond->serial);
    write_key(&w, TAG_OWN_KEY, &bond->own_key);
    write_key(&w, TAG_PEER_KEY, &bond->peer_key);
    if (bond->has_irk) {
        write_field(&w, TAG_IRK, KEY);
        amble__write_bytes(&w, bond->irk, KEY);
    }
    write_signing_key(&w, TAG_OWN_SIGNING, &bond->own_signing);
    write_signing_key(&w, TAG_PEER_SIGNING, &bond->peer_signing);
    if (bond->gatt_size) {
        write_field(&w, TAG_GATT, bond->gatt_size);
        amble__write_bytes(&w, bond->gatt, bond->gatt_size);
    }
    return w.failed ? 0 : amble__written_size(&w);
}

size_t amble__record_of_identity(const amble__bonds *bonds, uint8_t *record, size_t room)
{
    amble__writer w = amble__writer_of(record, room);

    amble__write_u8(&w, VERSION);
    write_field(&w, TAG_OWN_IRK, KEY);
    amble__write_bytes(&w, bonds->own_irk, KEY);
    if (bonds->has_own_address)
        write_device(&w, TAG_OWN_ADDRESS, bonds->own_address);
    return w.failed ? 0 : amble__written_size(&w);
}

static void read_key(amble__reader *r, amble__bond_key *key)
{
    key->present = true;
    amble__read_copy(r, key->value, KEY);
    amble__read_copy(r, key->random, NUMBER);
    key->diversifier = amble__read_le16(r);
}

static void read_signing_key(amble__reader *r, amble__bond_signing_key *key)
{
    key->present = true;
    amble__read_copy(r, key->value, KEY);
    key->counter = key->reserved = amble__read_le32(r);
}

static bool read_device(amble__reader *r, amble_device *device)
{
    const uint8_t type = amble__read_u8(r);

    device->type = type ? AMBLE_RANDOM : AMBLE_PUBLIC;
    amble__read_copy(r, device->bytes, ADDRESS);
    return type <= 1;
}

/* Comes first, so that another address may follow. */
static bool read_peer(amble__reader *r, amble__bond *bond)
{
    const bool good = !bond->used && read_device(r, &bond->peer);

    bond->paired_as = bond->peer;
    bond->used = true;
    return good;
}

static bool read_security(amble__reader *r, amble__bond *bond)
{
    const uint8_t flags = amble__read_u8(r);

    bond->authenticated = flags & FLAG_AUTHENTICATED;
    bond->secure_connections = flags & FLAG_SECURE;
    bond->authorised = flags & FLAG_AUTHORISED;
    bond->key_size = amble__read_u8(r);
    return flags <= FLAGS && bond->key_size >= 7 && bond->key_size <= KEY; /* Vol 3 Part H 2.3.4 */
}

static bool read_gatt(amble__reader *r, amble__bond *bond)
{
    const amble__bytes rest = amble__read_rest(r);

    if (rest.size > sizeof bond->gatt)
        return false;
    bond->gatt_size = (uint8_t)rest.size;
    if (rest.size)
        memcpy(bond->gatt, rest.data, rest.size);
    return true;
}

static bool read_field(uint8_t tag, amble__reader *r, amble__record *out)
{
    amble__bond *bond = &out->bond;

    switch (tag) {
    case TAG_PEER:
        return read_peer(r, bond);
    case TAG_PAIRED_AS:
        return bond->used && read_device(r, &bond->paired_as);
    case TAG_OWN_ADDRESS:
        out->has_own_address = true;
        return out->is_identity && read_device(r, &out->own_address) && out->own_address.type == AMBLE_RANDOM &&
               out->own_address.bytes[ADDRESS - 1] >= LEAST_STATIC;
    case TAG_SECURITY:
        return read_security(r, bond);
    case TAG_SERIAL:
        bond->serial = amble__read_le32(r);
        return true;
    case TAG_OWN_KEY:
        read_key(r, &bond->own_key);
        return true;
    case TAG_PEER_KEY:
        read_key(r, &bond->peer_key);
        return true;
    case TAG_OWN_SIGNING:
        read_signing_key(r, &bond->own_signing);
        return true;
    case TAG_PEER_SIGNING:
        read_signing_key(r, &bond->peer_signing);
        return true;
    case TAG_GATT:
        return read_gatt(r, bond);
    case TAG_IRK:
    case TAG_OWN_IRK:
        bond->has_irk = true;
        out->is_identity = tag == TAG_OWN_IRK;
        amble__read_copy(r, bond->irk, KEY);
        return true;
    default:
        return false;
    }
}

int amble__record_decode(amble__record *out, const uint8_t *record, size_t size)
{
    amble__reader r = amble__reader_of(record, size);

    memset(out, 0, sizeof *out);
    if (amble__read_u8(&r) != VERSION)
        return AMBLE_ERR_BAD_FILE;
    while (amble__read_left(&r)) {
        const uint8_t tag = amble__read_u8(&r), length = amble__read_u8(&r);
        const uint8_t *bytes = amble__read_view(&r, length);
        amble__reader field = amble__reader_of(bytes, bytes ? length : 0);

        if (r.failed || !read_field(tag, &field, out) || !amble__read_complete(&field))
            return AMBLE_ERR_BAD_FILE;
    }
    if (out->is_identity ? out->bond.used : !out->bond.used || !out->bond.key_size)
        return AMBLE_ERR_BAD_FILE;
    return r.failed ? AMBLE_ERR_BAD_FILE : 0;
}
