/* Whom an address belongs to. */
#include "bonds/private_address.h"
#include "smp/smp.h"

amble__bond *amble__smp_bond(const amble__smp *smp, amble_device device)
{
    amble__bond *bond = amble__bonds_find(smp->bonds, device);

    return bond ? bond : amble__bonds_resolve(smp->bonds, device);
}
