/* The controller's resolving list: the peers whose private addresses it recognises by itself (Vol 4 Part E 7.8.38 to
 * 7.8.45, 7.8.77).
 *
 * It holds the bonds, the most recently used ones first, as many as fit; the host resolves the others. A controller
 * that recognises a peer connects to its identity, calls it in directed advertising, and has an address of its own
 * making towards each. It may be told of other peers only while it neither advertises, nor scans, nor connects, so the
 * service task hushes it first. The list is told anew as a whole: it changes only when somebody pairs, or a bond is
 * deleted.
 *
 * Before Bluetooth 5, controllers do not listen to the identity of a peer whose key they have, and there is no command
 * that makes them (device privacy mode). Bonded peers need not hide although they gave a key; so such a controller has
 * no list, and the host does it all. Invariant: `listed` is the number of bonds with the same mark when the list was
 * told. */
#include "bonds/private_address.h"
#include "core/log.h"
#include "gap/gap_room.h"
#include "port/crypto.h"

enum { DEVICE_PRIVACY = 1, IDENTITY = 7, KEY = AMBLE__IRK, MEMORY_FULL = 0x07 };

/* Whether the list is not what the bonds are; counts those for which there is no room. */
static bool differs(amble__gap *gap)
{
    amble__privacy *p = &gap->privacy;
    unsigned listed = 0;

    p->unlisted = 0;
    for (size_t i = 0; i < gap->bonds->capacity; i++) {
        const amble__bond *bond = &gap->bonds->slots[i];

        if (!amble__bond_has_private_addresses(bond))
            continue;
        listed += bond->listed;
        p->unlisted += !bond->listed;
    }
    return listed != p->listed || (p->unlisted && p->listed < p->list_size);
}

static int command(amble__gap *gap, uint16_t opcode, const uint8_t *parameters, size_t size)
{
    return amble__hci_command(gap->hci, opcode, parameters, size, NULL, 0);
}

static int add(amble__gap *gap, const amble__bond *bond)
{
    uint8_t entry[IDENTITY + 2 * KEY] = {(uint8_t)bond->peer.type}, mode[IDENTITY + 1];
    int r;

    memcpy(entry + 1, bond->peer.bytes, sizeof bond->peer.bytes);
    memcpy(mode, entry, IDENTITY);
    mode[IDENTITY] = DEVICE_PRIVACY;
    memcpy(entry + IDENTITY, bond->irk, KEY);
    memcpy(entry + IDENTITY + KEY, gap->bonds->own_irk, KEY); /* zeros, none, until there is one */
    r = command(gap, AMBLE__HCI_LE_ADD_TO_RESOLVING_LIST, entry, sizeof entry);
    amble__wipe(entry, sizeof entry);
    return r < 0 ? r : command(gap, AMBLE__HCI_LE_SET_PRIVACY_MODE, mode, sizeof mode);
}

/* The most recently used bond that is not in the list. */
static amble__bond *next_bond(const amble__gap *gap)
{
    amble__bond *next = NULL;

    for (size_t i = 0; i < gap->bonds->capacity; i++) {
        amble__bond *bond = &gap->bonds->slots[i];

        if (!bond->listed && amble__bond_has_private_addresses(bond) && (!next || next->serial < bond->serial))
            next = bond;
    }
    return next;
}

static int fill(amble__gap *gap)
{
    amble__privacy *p = &gap->privacy;
    amble__bond *bond;
    int r = command(gap, AMBLE__HCI_LE_CLEAR_RESOLVING_LIST, NULL, 0);

    p->listed = 0;
    for (size_t i = 0; i < gap->bonds->capacity; i++)
        gap->bonds->slots[i].listed = false;
    while (r >= 0 && p->listed < p->list_size && (bond = next_bond(gap))) {
        r = add(gap, bond);
        if (r == AMBLE_ERR_HCI(MEMORY_FULL)) {
            p->list_size = p->listed;
            r = 0;
        } else if (r >= 0) {
            bond->listed = true;
            p->listed++;
        }
    }
    return r;
}

static int enable(amble__gap *gap)
{
    const uint8_t on = 1;
    int r;

    if (gap->privacy.resolving || !gap->privacy.listed)
        return 0;
    r = command(gap, AMBLE__HCI_LE_SET_ADDRESS_RESOLUTION, &on, 1);
    gap->privacy.resolving = r >= 0;
    return r;
}

/* Sets that send periodically are no advertising in this respect while the rest of them is off, and the rest alone can
 * pause. */
static void pause_periodic_sets(amble__gap *gap, bool pause)
{
    for (uint8_t i = 0; i < gap->advertiser_count; i++)
        if (gap->advertisers[i].on && gap->advertisers[i].periodic_on)
            (void)amble__enable_set(gap, i,
                                    !pause); /* refused, the list does not change; or the set ends as any other */
}

void amble__serve_resolving_list(amble__gap *gap)
{
    amble__privacy *p = &gap->privacy;
    int r;

    if (!p->list_size || p->bonds_seen == gap->bonds->changes || gap->syncing)
        return; /* while it looks for a periodic sender the list may not change either */
    p->bonds_seen = gap->bonds->changes;
    if (!differs(gap))
        return;
    amble__hush(gap, true);
    pause_periodic_sets(gap, true);
    r = fill(gap);
    if (r >= 0)
        r = enable(gap);
    pause_periodic_sets(gap, false);
    if (r < 0) {
        amble__log(AMBLE__LOG_WARNING,
                   "%s: the controller does not take the list of bonded peers, the host goes on alone: %s",
                   gap->hci->instance, amble_error_text(r));
        p->list_size = 0;
        p->resolving = false;
    }
    (void)differs(gap); /* counts those that found no room */
}

bool amble__has_resolving_list(const amble__gap *gap)
{
    return amble__gap_can(gap, AMBLE__LE_PRIVACY) && gap->privacy.sets_modes;
}

int amble__resolving_list_start(amble__gap *gap)
{
    amble__privacy *p = &gap->privacy;
    uint8_t seconds[2];
    int r = amble__hci_command(gap->hci, AMBLE__HCI_LE_READ_RESOLVING_LIST_SIZE, NULL, 0, &p->list_size, 1);

    p->bonds_seen = gap->bonds->changes - 1; /* what was loaded is new */
    amble__put_le16(seconds, p->lifetime_s);
    if (r >= 0)
        r = command(gap, AMBLE__HCI_LE_SET_PRIVATE_ADDRESS_TIMEOUT, seconds, sizeof seconds);
    if (r <= AMBLE_ERR_HCI(0) && r >= AMBLE_ERR_HCI(UINT8_MAX)) { /* it says more than it can: the host goes on alone */
        p->list_size = 0;
        r = 0;
    }
    return r;
}

bool amble__controller_resolves(const amble__gap *gap, const amble__bond *bond)
{
    return gap->privacy.resolving && bond->listed;
}

bool amble__host_resolves(const amble__gap *gap)
{
    const amble__privacy *p = &gap->privacy;

    return !p->resolving || p->unlisted || p->bonds_seen != gap->bonds->changes;
}
