/* Random addresses: making them, and finding out whose one is (Vol 6 Part B 1.3.2).
 *
 * The two most significant bits tell the kind. A static address is kept for ever; a resolvable private one is a random
 * number and its hash with the owner's Identity Resolving Key, so that whoever has the key knows the owner; a
 * non-resolvable private one is nobody's. Values are in the order of the air, least significant octet first. */
#ifndef AMBLE_BONDS_PRIVATE_ADDRESS_H
#define AMBLE_BONDS_PRIVATE_ADDRESS_H
#include "bonds/bonds.h"
#include "core/random.h"

enum { AMBLE__IRK = 16 };

amble_device amble__static_address(amble__random *random);
amble_device amble__non_resolvable_address(amble__random *random);
/* 0, or the error of a port whose AES failed. */
int amble__resolvable_address(const uint8_t irk[AMBLE__IRK], amble__random *random, amble_device *address);

bool amble__address_is_resolvable(amble_device address);
/* Whether the owner of this key made it. A key of zeros is none: it owns nothing. */
bool amble__address_belongs_to(const uint8_t irk[AMBLE__IRK], amble_device address);
/* Whether the peer of this bond may be met under resolvable addresses. */
bool amble__bond_has_private_addresses(const amble__bond *bond);
/* The bond with the peer that made this resolvable address, or NULL. */
amble__bond *amble__bonds_resolve(const amble__bonds *bonds, amble_device address);

/* Makes this host's key when there is none yet. */
void amble__bonds_need_irk(amble__bonds *bonds, amble__random *random);

/* The random address hash, Vol 3 Part H 2.2.2: 24 bits that `prand` and the key give. `hash` may be `prand`. */
int amble__address_hash(const uint8_t irk[AMBLE__IRK], const uint8_t prand[3], uint8_t hash[3]);
#endif
