/* The bonds that programs see: of a host, or of a file alone (amble/bonds.h); and the file behind a host. */
#include <stdlib.h>
#include <string.h>

#include "host/host_room.h"
#include "port/bond_file.h"
#include "port/crypto.h"
#include "transport/opener.h"

amble_bonds *amble_bonds_of(amble *ble) { return &ble->bonds; }

int amble_bonds_next(const amble_bonds *bonds, amble_bond *bond)
{
    const amble__bond *next = NULL;

    for (size_t i = 0; i < bonds->table.capacity; i++) {
        const amble__bond *candidate = &bonds->table.slots[i];

        if (candidate->used && candidate->serial > bond->serial && (!next || candidate->serial < next->serial))
            next = candidate;
    }
    if (!next)
        return 0;
    *bond = (amble_bond){.device = next->peer,
                         .paired_as = next->paired_as,
                         .authenticated = next->authenticated,
                         .secure = next->secure_connections,
                         .authorised = next->authorised,
                         .key_size = next->key_size,
                         .serial = next->serial};
    return 1;
}

int amble_bonds_delete(amble_bonds *bonds, amble_device device)
{
    amble__bond *bond = amble__bonds_find(&bonds->table, device);
    int r;

    if (!bond)
        return AMBLE_ERR_NOT_FOUND;
    amble__bonds_drop(&bonds->table, bond);
    r = amble__bonds_save(&bonds->table);
    if (r < 0 && bonds->host)
        amble__gap_work(&bonds->host->gap); /* the service task tries again */
    return r;
}

int amble_bonds_keys(const amble_bonds *bonds, amble_device device, amble_bond_keys *keys)
{
    const amble__bond *bond = amble__bonds_find(&bonds->table, device);

    memset(keys, 0, sizeof *keys);
    if (!bond)
        return AMBLE_ERR_NOT_FOUND;
    memcpy(keys->key, bond->peer_key.value, sizeof keys->key);
    memcpy(keys->random, bond->peer_key.random, sizeof keys->random);
    keys->diversifier = bond->peer_key.diversifier;
    memcpy(keys->own_key, bond->own_key.value, sizeof keys->own_key);
    memcpy(keys->own_random, bond->own_key.random, sizeof keys->own_random);
    keys->own_diversifier = bond->own_key.diversifier;
    keys->has_irk = bond->has_irk;
    memcpy(keys->irk, bond->irk, sizeof keys->irk);
    memcpy(keys->signing_key, bond->peer_signing.value, sizeof keys->signing_key);
    memcpy(keys->own_signing, bond->own_signing.value, sizeof keys->own_signing);
    return 0;
}

#if defined(AMBLE_BARE_BOARD)
int amble__bonds_attach(amble_bonds *bonds, const amble_config *config)
{
    return config->bond_store ? amble__bonds_load(&bonds->table, config->bond_store) : 0;
}
void amble__bonds_detach(amble_bonds *bonds)
{
    amble__wipe(bonds->table.slots, bonds->table.capacity * sizeof *bonds->table.slots);
    amble__wipe(bonds->table.own_irk, sizeof bonds->table.own_irk);
}
#else

static void explain(const char *sentence) { amble__transport_explain("%s", sentence); }

/* The file's records may make no sense although the file does: then the room's decoder is who finds out, and the file
 * is kept aside. */
int amble__bonds_attach(amble_bonds *bonds, const amble_config *config)
{
    int r;

    if (config->bond_store)
        return amble__bonds_load(&bonds->table, config->bond_store);
    if (!config->bonds)
        return 0;
    r = amble__bond_file_open(&bonds->file, config->bonds, explain);
    return r < 0 ? r : amble__bonds_load(&bonds->table, amble__bond_file_store(bonds->file));
}

void amble__bonds_detach(amble_bonds *bonds)
{
    amble__bond_file_close(bonds->file);
    bonds->file = NULL;
    amble__wipe(bonds->table.slots, bonds->table.capacity * sizeof *bonds->table.slots);
    amble__wipe(bonds->table.own_irk, sizeof bonds->table.own_irk);
}

static int count_record(void *target, const void *record, size_t size)
{
    (void)record, (void)size;
    ++*(size_t *)target;
    return 0;
}

static int load_all(amble_bonds *bonds, const char *path)
{
    size_t records = 0;
    int r = amble__bond_file_open(&bonds->file, path, explain);
    const amble_bond_store *store;

    if (r < 0)
        return r;
    store = amble__bond_file_store(bonds->file);
    r = store->load(store->user, count_record, &records);
    if (r < 0)
        return r;
    bonds->table.capacity = records + 1;
    bonds->table.slots = calloc(bonds->table.capacity, sizeof *bonds->table.slots);
    return bonds->table.slots ? amble__bonds_load(&bonds->table, store) : AMBLE_ERR_NO_MEMORY;
}

int amble_bonds_open(amble_bonds **bonds, const char *path)
{
    amble_bonds *opened = calloc(1, sizeof *opened);
    int r = opened ? load_all(opened, path) : AMBLE_ERR_NO_MEMORY;

    *bonds = r < 0 ? NULL : opened;
    if (r < 0)
        amble_bonds_close(opened);
    return r;
}

void amble_bonds_close(amble_bonds *bonds)
{
    if (!bonds)
        return;
    if (bonds->table.slots)
        amble__bonds_detach(bonds);
    else
        amble__bond_file_close(bonds->file);
    free(bonds->table.slots);
    free(bonds);
}
#endif
