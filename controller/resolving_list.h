/* Private addresses: the resolving list, and what it makes of addresses in both directions (Vol 6, Part B, 1.3.2.2, 4.7
 * and 6).
 *
 * An entry is a peer's identity with the key of its private addresses, and the key of ours towards it. A received
 * address that one of the peers' keys resolves stands for that peer's identity from then on. Addresses that are used
 * for sending are made when they are needed, and anew when they are older than the timeout. */
#ifndef AMBLE_CONTROLLER_RESOLVING_LIST_H
#define AMBLE_CONTROLLER_RESOLVING_LIST_H
#include "controller/controller.h"
#include "controller/pdu.h"
#include "port/crypto.h"

#define AMBLE__LL_RESOLVING_LIST_SIZE 16

/* One side's private address. */
typedef struct {
    bool has_key; /* an IRK that is not all zero */
    bool made;
    amble__aes_key key;
    uint8_t address[AMBLE__LL_ADDRESS];
    uint64_t made_us;
} amble__ll_private;

typedef struct {
    amble__ll_address identity;       /* of the peer */
    bool device_privacy;              /* the identity address itself is accepted, too */
    uint8_t heard[AMBLE__LL_ADDRESS]; /* the peer's last private address */
    amble__ll_private peer, local;
} amble__ll_resolving_entry;

typedef struct {
    bool enabled;
    uint8_t count;
    uint16_t timeout; /* seconds */
    amble__ll_resolving_entry entries[AMBLE__LL_RESOLVING_LIST_SIZE];
} amble__ll_resolving_list;

void amble__ll_resolving_list_reset(amble__ll_resolving_list *list);

/* Whether it has the form of a resolvable private address. */
bool amble__ll_is_resolvable(const amble__ll_address *address);
/* Puts the identity in the place of a private address that a peer's key resolves; true when one did. */
bool amble__ll_identify(amble__controller *controller, amble__ll_address *address);
/* Whether it is the identity address of a peer that ought to use private ones: not to be believed (network privacy
 * mode). */
bool amble__ll_is_betrayed(amble__controller *controller, const amble__ll_address *heard);
/* Whether a private address is one of ours. */
bool amble__ll_is_own_private(const amble__controller *controller, const amble__ll_address *address);
/* The private address to use towards a peer, for this Own_Address_Type; false when there is none, and a plain one has
 * to do. */
bool amble__ll_own_private(amble__controller *controller, uint8_t own_type, const amble__ll_address *peer,
                           amble__ll_address *address);
/* The private address to call a peer by in directed advertising; false when it has none. */
bool amble__ll_peer_private(amble__controller *controller, const amble__ll_address *peer, amble__ll_address *address);
#endif
