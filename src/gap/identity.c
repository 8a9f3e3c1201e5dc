/* Who is meant by an address, and where somebody is found whose address changes.
 *
 * A bonded peer is known by its identity, whichever of its resolvable addresses it has on the air; everything above
 * this file speaks of identities. The way back needs the peer: an accept list and a command to connect take addresses,
 * and which one it has just now is known only from what was heard of it. So what was heard is kept for each bond, for
 * as long as one can count on it. */
#include "bonds/private_address.h"
#include "gap/gap_room.h"

/* Longer than the longest advertising interval, 10.24 s: whoever has not answered by then is looked for anew. */
enum { COUNT_ON_US = 12000000 };

amble_device amble__identify(const amble__gap *gap, amble_device address)
{
    const amble__bond *bond = amble__bonds_resolve(gap->bonds, address);

    return bond ? bond->peer : address;
}

/* --- where it is -------------------------------------------------------------------------------------------------- */
static const amble__bond *private_bond(const amble__gap *gap, amble_device device)
{
    const amble__bond *bond = amble__bonds_find(gap->bonds, device);

    return bond && amble_device_equal(bond->peer, device) && amble__bond_has_private_addresses(bond) ? bond : NULL;
}

/* What is known of this bond's peer; a place may be left from another bond. */
static amble__met *met_with(const amble__gap *gap, const amble__bond *bond)
{
    amble__met *met = &gap->met[bond - gap->bonds->slots];

    if (!met->used || !amble_device_equal(met->identity, bond->peer))
        *met = (amble__met){.used = true,
                            .hides = amble__address_is_resolvable(bond->paired_as),
                            .identity = bond->peer,
                            .address = bond->paired_as};
    return met;
}

static void note(amble__gap *gap, amble_device identity, amble_device address, uint64_t until_us)
{
    const amble__bond *bond = private_bond(gap, identity);
    amble__met *met = bond ? met_with(gap, bond) : NULL;

    if (!met)
        return;
    met->address = address;
    met->hides = amble__address_is_resolvable(address);
    met->until_us = until_us;
    if (!amble__list_empty(&gap->connects))
        amble__gap_work(gap);
}

void amble__identity_heard(amble__gap *gap, amble_device identity, amble_device address)
{
    note(gap, identity, address, amble_now_us() + COUNT_ON_US);
}

void amble__identity_met(amble__gap *gap, amble_device identity, amble_device address)
{
    note(gap, identity, address, 0); /* after this link it may have another one */
}

void amble__identity_resolved(amble__gap *gap, amble_device identity)
{
    const amble__bond *bond = private_bond(gap, identity);

    if (bond)
        met_with(gap, bond)->hides = true;
}

bool amble__identity_hides(const amble__gap *gap, amble_device device, amble_device *address, bool *known)
{
    const amble__bond *bond = private_bond(gap, device);

    *known = bond && amble__controller_resolves(gap, bond);
    *address = bond ? met_with(gap, bond)->address : device;
    return bond ? met_with(gap, bond)->hides : amble__address_is_resolvable(device);
}

bool amble__identity_found(const amble__gap *gap, amble_device device, amble_device *address, uint64_t *until_us)
{
    const amble__bond *bond = private_bond(gap, device);
    const amble__met *met = bond && !amble__controller_resolves(gap, bond) ? met_with(gap, bond) : NULL;
    const bool fresh = met && met->until_us > amble_now_us();

    *until_us = fresh ? met->until_us : UINT64_MAX;
    *address = fresh ? met->address : device;
    return fresh || !met || !met->hides;
}
