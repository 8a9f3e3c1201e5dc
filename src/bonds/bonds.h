/* Bonds: what is kept of each peer from one connection to the next.
 *
 * All of them are in memory, sized when the host opens; a store behind them keeps what has to outlive the program.
 * Whoever changes a bond says so with amble__bonds_change; the host's service task then saves them all. When there are
 * as many as fit, a new one takes the place of the one that was used least recently. */
#ifndef AMBLE_BONDS_BONDS_H
#define AMBLE_BONDS_BONDS_H
#include <amble/address.h>
#include <amble/bonds.h>
#include <stdbool.h>

#include "core/arena.h"

/* An encryption key as LE legacy pairing distributes it; with Secure Connections number and random are 0. Vol 3 Part H
 * 2.4.2 */
typedef struct {
    bool present;
    uint8_t value[16];
    uint8_t random[8];
    uint16_t diversifier;
} amble__bond_key;
/* A key that data is signed with, CSRK. Vol 3 Part H 2.4.2 */
typedef struct {
    bool present;
    uint8_t value[16];
    uint32_t counter; /* the next that is used, or that is taken from the peer */
    /* Of one's own key: where a host begins that is opened anew; in a record not below the counter. */
    uint32_t reserved;
} amble__bond_signing_key;

enum { AMBLE__BOND_GATT = 96 };
typedef struct amble__bond {
    bool used;
    bool listed;            /* the controller was told of it, see gap/resolving_list.c */
    amble_device peer;      /* its identity address, or the address it was paired under */
    amble_device paired_as; /* the address it had when it was paired with: some devices go on using it */
    uint32_t serial;        /* of its last use */
    bool authenticated, secure_connections;
    bool authorised; /* the user has let it in */
    uint8_t key_size;
    amble__bond_key own_key;  /* for links with this side as peripheral */
    amble__bond_key peer_key; /* for links with this side as central */
    bool has_irk;
    uint8_t irk[16];
    amble__bond_signing_key own_signing, peer_signing;
    uint8_t gatt_size;
    uint8_t gatt[AMBLE__BOND_GATT]; /* what gatt/ keeps: it alone knows the form */
} amble__bond;

typedef struct amble__bonds {
    amble__bond *slots;
    size_t capacity;
    uint32_t serials;
    bool changed;
    uint32_t changes; /* so far */
    bool has_own_irk, has_own_address;
    uint8_t own_irk[16];      /* of this host */
    amble_device own_address; /* its static address */
    const amble_bond_store *store;
} amble__bonds;

void amble__bonds_init(amble__bonds *bonds, amble__arena *arena, size_t capacity);
/* Reads what the store has; the most recently used ones when it has more than fit. */
int amble__bonds_load(amble__bonds *bonds, const amble_bond_store *store);
/* Gives all to the store, when something changed. After an error it is still to be saved. */
int amble__bonds_save(amble__bonds *bonds);
/* The bond with the peer of this identity, or with the one that was paired with under this address; or NULL. Stays
 * where it is until it is dropped. */
amble__bond *amble__bonds_find(const amble__bonds *bonds, amble_device peer);
/* The bond to write a new one into: the peer's own, or the one used least recently; emptied, and the most recent one
 * now. */
amble__bond *amble__bonds_take(amble__bonds *bonds, amble_device peer);
void amble__bonds_drop(amble__bonds *bonds, amble__bond *bond);
/* It is the most recently used one now. */
void amble__bonds_touch(amble__bonds *bonds, amble__bond *bond);
static inline void amble__bonds_change(amble__bonds *bonds)
{
    bonds->changed = true;
    bonds->changes++;
}

/* Codec of the records that a store keeps, record.c: a bond, or this host's own identity. The encoders return the size;
 * the decoder 0, or AMBLE_ERR_BAD_FILE for bytes that make no sense. */
enum { AMBLE__BOND_RECORD = AMBLE_BOND_RECORD };
size_t amble__record_of_bond(const amble__bond *bond, uint8_t *record, size_t room);
size_t amble__record_of_identity(const amble__bonds *bonds, uint8_t *record, size_t room);
typedef struct {
    bool is_identity; /* only the IRK counts, then, and a static address when there is one */
    bool has_own_address;
    amble_device own_address;
    amble__bond bond;
} amble__record;
int amble__record_decode(amble__record *out, const uint8_t *record, size_t size);
#endif
