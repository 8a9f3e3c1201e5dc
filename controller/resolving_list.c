/* The resolving list: see resolving_list.h. Invariant: the first `count` entries are in use, and no two have the same
 * identity. */
#include "controller/resolving_list.h"

#include "amble/error.h"
#include "controller/hci_commands.h"

#define RANDOM_ADDRESS  1
#define BLOCK           16
#define PART            3 /* octets of hash and of prand */
#define KIND_MASK       0xc0
#define KIND_RESOLVABLE 0x40
#define TIMEOUT_DEFAULT 900
#define TIMEOUT_MAX     0x0E10
#define SECOND_US       1000000

void amble__ll_resolving_list_reset(amble__ll_resolving_list *list)
{
    for (unsigned i = 0; i < list->count; i++)
        amble__wipe(&list->entries[i], sizeof list->entries[i]);
    list->enabled = false;
    list->count = 0;
    list->timeout = TIMEOUT_DEFAULT;
}

/* --- the addresses themselves ------------------------------------------------------------------------------------- */

bool amble__ll_is_resolvable(const amble__ll_address *address)
{
    return address->type == RANDOM_ADDRESS && (address->value[AMBLE__LL_ADDRESS - 1] & KIND_MASK) == KIND_RESOLVABLE;
}

/* ah (Vol 3, Part H, 2.2.2): the hash in an address's lower half, from the random part in its upper half. */
static void hash_of(const amble__aes_key *key, const uint8_t prand[PART], uint8_t hash[PART])
{
    uint8_t block[BLOCK] = {0};

    for (int i = 0; i < PART; i++)
        block[BLOCK - 1 - i] = prand[i];
    amble__aes_encrypt(key, block, block);
    for (int i = 0; i < PART; i++)
        hash[i] = block[BLOCK - 1 - i];
}

static bool made_with(const amble__ll_private *side, const amble__ll_address *address)
{
    uint8_t hash[PART];

    if (!side->has_key)
        return false;
    if (side->made && memcmp(side->address, address->value, AMBLE__LL_ADDRESS) == 0)
        return true;
    hash_of(&side->key, address->value + PART, hash);
    return memcmp(hash, address->value, PART) == 0;
}

static void make(amble__controller *controller, amble__ll_private *side, amble__ll_address *address)
{
    const uint64_t now = amble__air_now(controller->air);

    if (!side->made || now - side->made_us >= controller->resolving_list.timeout * (uint64_t)SECOND_US) {
        uint8_t *prand = side->address + PART;

        amble__random_bytes(amble__air_random(controller->air), prand, PART);
        prand[PART - 1] = (uint8_t)((prand[PART - 1] & ~KIND_MASK) | KIND_RESOLVABLE);
        hash_of(&side->key, prand, side->address);
        side->made = true;
        side->made_us = now;
    }
    address->type = RANDOM_ADDRESS;
    memcpy(address->value, side->address, AMBLE__LL_ADDRESS);
}

/* --- what the other activities ask -------------------------------------------------------------------------------- */

static amble__ll_resolving_entry *find(amble__ll_resolving_list *list, const amble__ll_address *identity)
{
    for (unsigned i = 0; i < list->count; i++)
        if (amble__ll_address_equal(&list->entries[i].identity, identity))
            return &list->entries[i];
    return NULL;
}

bool amble__ll_identify(amble__controller *controller, amble__ll_address *address)
{
    amble__ll_resolving_list *list = &controller->resolving_list;

    if (!list->enabled || !amble__ll_is_resolvable(address))
        return false;
    for (unsigned i = 0; i < list->count; i++) {
        amble__ll_resolving_entry *entry = &list->entries[i];

        if (!made_with(&entry->peer, address))
            continue;
        memcpy(entry->heard, address->value, AMBLE__LL_ADDRESS);
        *address = entry->identity;
        return true;
    }
    return false;
}

bool amble__ll_is_betrayed(amble__controller *controller, const amble__ll_address *heard)
{
    const amble__ll_resolving_entry *entry =
        controller->resolving_list.enabled ? find(&controller->resolving_list, heard) : NULL;

    return entry && entry->peer.has_key && !entry->device_privacy;
}

bool amble__ll_is_own_private(const amble__controller *controller, const amble__ll_address *address)
{
    const amble__ll_resolving_list *list = &controller->resolving_list;

    if (!list->enabled || !amble__ll_is_resolvable(address))
        return false;
    for (unsigned i = 0; i < list->count; i++)
        if (made_with(&list->entries[i].local, address))
            return true;
    return false;
}

bool amble__ll_own_private(amble__controller *controller, uint8_t own_type, const amble__ll_address *peer,
                           amble__ll_address *address)
{
    amble__ll_resolving_list *list = &controller->resolving_list;
    amble__ll_resolving_entry *entry = list->enabled && (own_type & AMBLE__LL_OWN_PRIVATE) ? find(list, peer) : NULL;

    if (!entry || !entry->local.has_key)
        return false;
    make(controller, &entry->local, address);
    return true;
}

bool amble__ll_peer_private(amble__controller *controller, const amble__ll_address *peer, amble__ll_address *address)
{
    amble__ll_resolving_list *list = &controller->resolving_list;
    amble__ll_resolving_entry *entry = list->enabled ? find(list, peer) : NULL;

    if (!entry || !entry->peer.has_key)
        return false;
    make(controller, &entry->peer, address);
    return true;
}

/* --- commands: Vol 4, Part E, 7.8.38 to 7.8.45 and 7.8.77 --------------------------------------------------------- */

/* The list must not change under anybody who uses it. */
static bool in_use(const amble__controller *controller)
{
    for (unsigned i = 0; i < controller->options.advertising_sets; i++)
        if (controller->advertisers[i].enabled)
            return true;
    return controller->scanner.enabled || controller->initiator.active;
}

static bool is_locked(const amble__controller *controller)
{
    return controller->resolving_list.enabled && in_use(controller);
}

static void read_identity(amble__ll_address *identity, amble__reader *in)
{
    identity->type = amble__read_u8(in);
    amble__read_copy(in, identity->value, sizeof identity->value);
}

/* HCI gives keys least significant octet first; one of zeros is none. */
static int set_key(amble__ll_private *side, amble__reader *in)
{
    uint8_t given[BLOCK], secret[BLOCK], any = 0;
    int error = 0;

    amble__read_copy(in, given, BLOCK);
    for (int i = 0; i < BLOCK; i++) {
        secret[i] = given[BLOCK - 1 - i];
        any |= given[i];
    }
    side->has_key = any != 0;
    if (any)
        error = amble__aes_expand(&side->key, secret);
    amble__wipe(given, sizeof given);
    amble__wipe(secret, sizeof secret);
    return error;
}

uint8_t amble__hc_le_add_to_resolving_list(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    amble__ll_resolving_list *list = &controller->resolving_list;
    amble__ll_resolving_entry *entry;
    amble__ll_address identity;

    (void)out;
    read_identity(&identity, in);
    if (is_locked(controller))
        return HC_DISALLOWED;
    if (identity.type > RANDOM_ADDRESS || find(list, &identity))
        return HC_INVALID_PARAMETERS;
    if (list->count == AMBLE__LL_RESOLVING_LIST_SIZE)
        return HC_MEMORY_FULL;
    entry = &list->entries[list->count];
    *entry = (amble__ll_resolving_entry){.identity = identity};
    if (set_key(&entry->peer, in) || set_key(&entry->local, in))
        return HC_MEMORY_FULL;
    list->count++;
    return HC_SUCCESS;
}

uint8_t amble__hc_le_remove_from_resolving_list(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    amble__ll_resolving_list *list = &controller->resolving_list;
    amble__ll_resolving_entry *entry, *last;
    amble__ll_address identity;

    (void)out;
    read_identity(&identity, in);
    if (is_locked(controller))
        return HC_DISALLOWED;
    entry = find(list, &identity);
    if (!entry)
        return HC_UNKNOWN_CONNECTION;
    last = &list->entries[--list->count];
    *entry = *last;
    amble__wipe(last, sizeof *last);
    return HC_SUCCESS;
}

uint8_t amble__hc_le_clear_resolving_list(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    amble__ll_resolving_list *list = &controller->resolving_list;

    (void)in;
    (void)out;
    if (is_locked(controller))
        return HC_DISALLOWED;
    for (; list->count; list->count--)
        amble__wipe(&list->entries[list->count - 1], sizeof *list->entries);
    return HC_SUCCESS;
}

uint8_t amble__hc_le_read_resolving_list_size(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)controller;
    (void)in;
    amble__write_u8(out, AMBLE__LL_RESOLVING_LIST_SIZE);
    return HC_SUCCESS;
}

/* The address that the peer was last heard with, or that it is called by; zeros when neither happened. */
uint8_t amble__hc_le_read_peer_resolvable_address(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    const amble__ll_resolving_entry *entry;
    amble__ll_address identity;

    read_identity(&identity, in);
    entry = find(&controller->resolving_list, &identity);
    if (!entry)
        return HC_UNKNOWN_CONNECTION;
    amble__write_bytes(out, entry->heard, AMBLE__LL_ADDRESS);
    return HC_SUCCESS;
}

uint8_t amble__hc_le_read_local_resolvable_address(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    amble__ll_address identity, address = {.type = 0};
    amble__ll_resolving_entry *entry;

    read_identity(&identity, in);
    entry = find(&controller->resolving_list, &identity);
    if (!entry)
        return HC_UNKNOWN_CONNECTION;
    if (entry->local.has_key)
        make(controller, &entry->local, &address);
    amble__write_bytes(out, address.value, AMBLE__LL_ADDRESS);
    return HC_SUCCESS;
}

uint8_t amble__hc_le_set_address_resolution_enable(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    const uint8_t enable = amble__read_u8(in);

    (void)out;
    if (enable > 1)
        return HC_INVALID_PARAMETERS;
    if (in_use(controller))
        return HC_DISALLOWED;
    controller->resolving_list.enabled = enable;
    return HC_SUCCESS;
}

uint8_t amble__hc_le_set_resolvable_private_address_timeout(amble__controller *controller, amble__reader *in,
                                                            amble__writer *out)
{
    const uint16_t timeout = amble__read_le16(in);

    (void)out;
    if (!timeout || timeout > TIMEOUT_MAX)
        return HC_INVALID_PARAMETERS;
    controller->resolving_list.timeout = timeout;
    return HC_SUCCESS;
}

uint8_t amble__hc_le_set_privacy_mode(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    amble__ll_resolving_entry *entry;
    amble__ll_address identity;
    uint8_t mode;

    (void)out;
    read_identity(&identity, in);
    mode = amble__read_u8(in);
    if (is_locked(controller))
        return HC_DISALLOWED;
    if (mode > 1 || identity.type > RANDOM_ADDRESS)
        return HC_INVALID_PARAMETERS;
    entry = find(&controller->resolving_list, &identity);
    if (!entry)
        return HC_UNKNOWN_CONNECTION;
    entry->device_privacy = mode;
    return HC_SUCCESS;
}
