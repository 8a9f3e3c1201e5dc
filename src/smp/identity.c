/* Whom an address belongs to: resolvable private addresses change, and only who has the IRK can tell whose they are (Vol 6 Part B 1.3.2.3). */
#include "smp/smp.h"

enum { HASH = 3, RESOLVABLE_MASK = 0xc0, RESOLVABLE = 0x40 };

static bool is_resolvable(amble_device device)
{
    return device.type == AMBLE_RANDOM && (device.bytes[5] & RESOLVABLE_MASK) == RESOLVABLE;
}

static bool resolves(const amble__bond *bond, amble_device device)
{
    uint8_t hash[HASH];

    return bond->used && bond->has_irk && amble__toolbox_ah(bond->irk, device.bytes + HASH, hash) == 0 &&
           memcmp(hash, device.bytes, HASH) == 0;
}

amble__bond *amble__smp_bond(const amble__smp *smp, amble_device device)
{
    amble__bond *bond = amble__bonds_find(smp->bonds, device);

    for (size_t i = 0; !bond && is_resolvable(device) && i < smp->bonds->capacity; i++)
        if (resolves(&smp->bonds->slots[i], device))
            bond = &smp->bonds->slots[i];
    return bond;
}
