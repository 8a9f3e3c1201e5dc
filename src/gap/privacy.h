/* This host's own addresses: what the room's other files need to know of them. See privacy.c. */
#ifndef AMBLE_GAP_PRIVACY_H
#define AMBLE_GAP_PRIVACY_H
#include <amble/address.h>
#include <amble/privacy.h>

#include "hci/hci.h"

typedef struct amble__gap amble__gap;

typedef struct {
    amble_address_kind kind;
    uint32_t lifetime_s;   /* of a private address */
    amble_device address;  /* on the air where others may connect to this host, or it connects to them */
    amble_device unlinked; /* where nobody may */
    amble_device told;     /* the controller's random address; all zeros: none yet */
    bool renew;            /* the lifetime is over */
    amble__timer rotation;
} amble__privacy;

/* Chooses the identity, makes the first addresses, tells the controller. Waits for it. */
int amble__privacy_start(amble__gap *gap, amble_device public_address);
void amble__privacy_fail(amble__gap *gap);
/* The service task's part, before all others: it may stop what they are to begin again. */
void amble__serve_privacy(amble__gap *gap);
/* The address of a link that is made now, and of an advertisement. */
amble_device amble__own_address(const amble__gap *gap);
amble_device amble__own_address_for(const amble__gap *gap, bool connectable);
/* Own_Address_Type, Vol 4 Part E 7.8.5. */
uint8_t amble__own_address_type(const amble__gap *gap);
/* Stops what goes on under the controller's random address; with `sets` also the advertising sets, which have their own. */
void amble__hush(amble__gap *gap, bool sets);
#endif
