/* See bonds.h. Invariants: a peer has at most one bond; serials tell which was used last, and are given anew when they
 * run out. */
#include "bonds/bonds.h"

#include <string.h>

void amble__bonds_init(amble__bonds *bonds, amble__arena *arena, size_t capacity)
{
    amble__bond *slots = amble__arena_take(arena, capacity, sizeof *slots);

    if (!bonds)
        return;
    bonds->slots = slots;
    bonds->capacity = capacity;
}

static amble__bond *with_identity(const amble__bonds *bonds, amble_device peer)
{
    for (size_t i = 0; i < bonds->capacity; i++)
        if (bonds->slots[i].used && amble_device_equal(bonds->slots[i].peer, peer))
            return &bonds->slots[i];
    return NULL;
}

amble__bond *amble__bonds_find(const amble__bonds *bonds, amble_device peer)
{
    amble__bond *found = with_identity(bonds, peer);

    for (size_t i = 0; i < bonds->capacity && !(found && amble_device_equal(found->peer, peer)); i++) {
        amble__bond *bond = &bonds->slots[i];

        if (bond->used && amble_device_equal(bond->paired_as, peer) && (!found || found->serial < bond->serial))
            found = bond;
    }
    return found;
}

/* A place that is free, or the one used least recently. */
static amble__bond *oldest(const amble__bonds *bonds)
{
    amble__bond *found = &bonds->slots[0];

    for (size_t i = 0; i < bonds->capacity; i++) {
        amble__bond *bond = &bonds->slots[i];

        if (!bond->used)
            return bond;
        if (bond->serial < found->serial)
            found = bond;
    }
    return found;
}

/* Numbers the bonds from 1 on, in their order. */
static void renumber(amble__bonds *bonds)
{
    uint32_t last = 0;

    for (uint32_t number = 1;; number++) {
        amble__bond *next = NULL;

        for (size_t i = 0; i < bonds->capacity; i++)
            if (bonds->slots[i].used && bonds->slots[i].serial > last &&
                (!next || bonds->slots[i].serial < next->serial))
                next = &bonds->slots[i];
        if (!next) {
            bonds->serials = number - 1;
            return;
        }
        last = next->serial;
        next->serial = number;
    }
}

void amble__bonds_touch(amble__bonds *bonds, amble__bond *bond)
{
    if (bond->serial && bond->serial == bonds->serials)
        return;
    if (bonds->serials == UINT32_MAX)
        renumber(bonds);
    bond->serial = ++bonds->serials;
    amble__bonds_change(bonds);
}

amble__bond *amble__bonds_take(amble__bonds *bonds, amble_device peer)
{
    amble__bond *bond = with_identity(bonds, peer);

    if (!bond)
        bond = oldest(bonds);
    memset(bond, 0, sizeof *bond);
    bond->used = true;
    bond->peer = bond->paired_as = peer;
    amble__bonds_touch(bonds, bond);
    return bond;
}

void amble__bonds_drop(amble__bonds *bonds, amble__bond *bond)
{
    memset(bond, 0, sizeof *bond);
    amble__bonds_change(bonds);
}

/* --- the store ---------------------------------------------------------------------------------------------------- */
static int take_record(void *target, const void *bytes, size_t size)
{
    amble__bonds *bonds = target;
    amble__record record;
    amble__bond *place;
    int r = amble__record_decode(&record, bytes, size);

    if (r < 0)
        return r;
    if (record.is_identity) {
        bonds->has_own_irk = true;
        memcpy(bonds->own_irk, record.bond.irk, sizeof bonds->own_irk);
        bonds->has_own_address = record.has_own_address;
        bonds->own_address = record.own_address;
        return 0;
    }
    place = with_identity(bonds, record.bond.peer);
    if (!place)
        place = oldest(bonds);
    if (!place->used || place->serial < record.bond.serial)
        *place = record.bond;
    if (record.bond.serial > bonds->serials)
        bonds->serials = record.bond.serial;
    return 0;
}

int amble__bonds_load(amble__bonds *bonds, const amble_bond_store *store)
{
    int r;

    memset(bonds->slots, 0, bonds->capacity * sizeof *bonds->slots);
    r = store->load(store->user, take_record, bonds);
    if (r < 0)
        return r;
    bonds->store = store;
    bonds->changed = false;
    return 0;
}

/* Record `index`: the bonds as they lie, then the identity. */
static size_t give_record(void *source, size_t index, void *record, size_t room)
{
    const amble__bonds *bonds = source;

    for (size_t i = 0; i < bonds->capacity; i++)
        if (bonds->slots[i].used && index-- == 0)
            return amble__record_of_bond(&bonds->slots[i], record, room);
    return amble__record_of_identity(bonds, record, room);
}

int amble__bonds_save(amble__bonds *bonds)
{
    size_t count = bonds->has_own_irk;
    int r;

    if (!bonds->changed)
        return 0;
    bonds->changed = false;
    if (!bonds->store)
        return 0;
    for (size_t i = 0; i < bonds->capacity; i++)
        count += bonds->slots[i].used;
    r = bonds->store->save(bonds->store->user, count, give_record, bonds);
    bonds->changed = r < 0;
    return r;
}
