/* This host's own addresses: what the room's other files need to know of them. See privacy.c. */
#ifndef AMBLE_GAP_PRIVACY_H
#define AMBLE_GAP_PRIVACY_H
#include <amble/address.h>
#include <amble/privacy.h>

#include "bonds/bonds.h"
#include "hci/hci.h"

typedef struct amble__gap amble__gap;

typedef struct {
    amble_address_kind kind;
    uint32_t lifetime_s;   /* of a private address */
    amble_device address;  /* on the air where others may connect to this host, or it connects to them */
    amble_device unlinked; /* where nobody may */
    amble_device told;     /* the controller's random address; all zeros: none yet */
    /* The controller's resolving list. */
    bool sets_modes;     /* the controller has privacy modes */
    uint8_t list_size;   /* how many peers it takes; 0: the host resolves all addresses */
    uint8_t listed;      /* how many it was told */
    bool resolving;      /* it was told to resolve */
    unsigned unlisted;   /* bonds without a place in it */
    uint32_t bonds_seen; /* the bonds' `changes` when they were compared with it */
    bool renew;          /* the lifetime is over */
    amble__timer rotation;
} amble__privacy;

/* Chooses the identity, makes the first addresses, tells the controller. Waits for it. */
int amble__privacy_start(amble__gap *gap, amble_device public_address);
void amble__privacy_fail(amble__gap *gap);
/* The service task's part, before all others: it may stop what they are to begin again. */
void amble__serve_privacy(amble__gap *gap);
/* Whether the controller can resolve for this host. */
bool amble__has_resolving_list(const amble__gap *gap);
/* Asks the controller for its resolving list. Waits for it. resolving_list.c */
int amble__resolving_list_start(amble__gap *gap);
/* Tells it the bonds, when they are others. */
void amble__serve_resolving_list(amble__gap *gap);
/* Whether the controller puts the identity in the place of this peer's addresses; whether there may be others that the
 * host has to resolve. */
bool amble__controller_resolves(const amble__gap *gap, const amble__bond *bond);
bool amble__host_resolves(const amble__gap *gap);
/* The address of a link that is made now, and of an advertisement. */
amble_device amble__own_address(const amble__gap *gap);
amble_device amble__own_address_for(const amble__gap *gap, bool connectable);
/* Own_Address_Type, Vol 4 Part E 7.8.5: of undirected advertising, and of scanning and connecting. */
uint8_t amble__own_address_type(const amble__gap *gap);
/* The same of directed advertising to this device, and the address that the controller calls it by. */
uint8_t amble__own_address_type_to(const amble__gap *gap, amble_device peer, amble_device *address);
uint8_t amble__own_address_type_towards_peers(const amble__gap *gap);
/* Stops what goes on under the controller's random address; with `sets` also the advertising sets, which have their
 * own. */
void amble__hush(amble__gap *gap, bool sets);
#endif
