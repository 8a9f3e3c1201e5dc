/* See private_address.h. Invariant: of the random bits of an address made here at least one is 0 and one is 1, as the
 * specification wants. */
#include "bonds/private_address.h"

#include <string.h>

#include "port/crypto.h"

enum { ADDRESS = 6, HASH = 3, PRAND = 3, BLOCK = 16 };
enum { KIND_MASK = 0xc0, STATIC = 0xc0, RESOLVABLE = 0x40, NON_RESOLVABLE = 0x00 };

/* --- making them -------------------------------------------------------------------------------------------------- */
static bool all_bits_are(const uint8_t *bytes, size_t size, uint8_t octet)
{
    for (size_t i = 0; i < size; i++) {
        const uint8_t mask = i + 1 == size ? (uint8_t)~KIND_MASK : 0xff;

        if ((bytes[i] & mask) != (octet & mask))
            return false;
    }
    return true;
}

/* Random bits with the kind in the uppermost two. */
static void draw(amble__random *random, uint8_t kind, uint8_t *bytes, size_t size)
{
    do
        amble__random_bytes(random, bytes, size);
    while (all_bits_are(bytes, size, 0x00) || all_bits_are(bytes, size, 0xff));
    bytes[size - 1] = (uint8_t)((bytes[size - 1] & ~KIND_MASK) | kind);
}

amble_device amble__static_address(amble__random *random)
{
    amble_device address = {.type = AMBLE_RANDOM};

    draw(random, STATIC, address.bytes, ADDRESS);
    return address;
}

amble_device amble__non_resolvable_address(amble__random *random)
{
    amble_device address = {.type = AMBLE_RANDOM};

    draw(random, NON_RESOLVABLE, address.bytes, ADDRESS);
    return address;
}

int amble__resolvable_address(const uint8_t irk[AMBLE__IRK], amble__random *random, amble_device *address)
{
    address->type = AMBLE_RANDOM;
    draw(random, RESOLVABLE, address->bytes + HASH, PRAND);
    return amble__address_hash(irk, address->bytes + HASH, address->bytes);
}

/* --- whose they are ----------------------------------------------------------------------------------------------- */
static void turn_round(uint8_t *to, const uint8_t *from)
{
    for (int i = 0; i < BLOCK; i++)
        to[i] = from[BLOCK - 1 - i];
}

int amble__address_hash(const uint8_t irk[AMBLE__IRK], const uint8_t prand[3], uint8_t hash[3])
{
    uint8_t turned[BLOCK], block[BLOCK] = {[BLOCK - 3] = prand[2], [BLOCK - 2] = prand[1], [BLOCK - 1] = prand[0]};
    amble__aes_key key;
    int r;

    turn_round(turned, irk);
    r = amble__aes_expand(&key, turned);
    amble__wipe(turned, sizeof turned);
    if (r == 0)
        amble__aes_encrypt(&key, block, block);
    amble__aes_wipe(&key);
    for (int i = 0; i < HASH; i++)
        hash[i] = block[BLOCK - 1 - i];
    return r;
}

bool amble__address_is_resolvable(amble_device address)
{
    return address.type == AMBLE_RANDOM && (address.bytes[ADDRESS - 1] & KIND_MASK) == RESOLVABLE;
}

static bool is_key(const uint8_t irk[AMBLE__IRK])
{
    static const uint8_t none[AMBLE__IRK] = {0};

    return memcmp(irk, none, AMBLE__IRK) != 0;
}

bool amble__address_belongs_to(const uint8_t irk[AMBLE__IRK], amble_device address)
{
    uint8_t hash[HASH];

    return amble__address_is_resolvable(address) && is_key(irk) &&
           amble__address_hash(irk, address.bytes + HASH, hash) == 0 && memcmp(hash, address.bytes, HASH) == 0;
}

bool amble__bond_has_private_addresses(const amble__bond *bond)
{
    return bond->used && bond->has_irk && is_key(bond->irk);
}

amble__bond *amble__bonds_resolve(const amble__bonds *bonds, amble_device address)
{
    if (!amble__address_is_resolvable(address))
        return NULL;
    for (size_t i = 0; i < bonds->capacity; i++)
        if (amble__bond_has_private_addresses(&bonds->slots[i]) &&
            amble__address_belongs_to(bonds->slots[i].irk, address))
            return &bonds->slots[i];
    return NULL;
}

void amble__bonds_need_irk(amble__bonds *bonds, amble__random *random)
{
    if (bonds->has_own_irk)
        return;
    amble__random_bytes(random, bonds->own_irk, sizeof bonds->own_irk);
    bonds->has_own_irk = true;
    amble__bonds_change(bonds);
}
