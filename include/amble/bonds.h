/* Bonds: what is kept of each peer that one has paired with (Vol 3 Part C 14.4).
 *
 * A host keeps its bonds in memory, and, when it is told where, beyond the end of the program: on a system with files
 * in a JSON file that only its owner may read (amble_config.bonds), on a board wherever its amble_bond_store puts them.
 * Who has the file can read every link that is encrypted with its keys, and pose as either side.
 *
 *     amble_bonds *bonds;
 *     amble_bond bond = {.serial = 0};
 *
 *     r = amble_bonds_open(&bonds, "bonds.json");
 *     while (r >= 0 && (r = amble_bonds_next(bonds, &bond)) == 1)
 *         printf("%s\n", amble_device_text(bond.device, text));
 *     amble_bonds_close(bonds);
 *
 * None of these functions waits for another task; those that write come back when the disk has it. */
#ifndef AMBLE_BONDS_H
#define AMBLE_BONDS_H
#include <stddef.h>
#include <stdint.h>

#include <amble/address.h>
#include <amble/host.h>
#ifdef __cplusplus
extern "C" {
#endif

/* --- looking at bonds --------------------------------------------------------------------------------------------- */
typedef struct amble_bonds amble_bonds;

/* The bonds in a file, without a host; `*bonds` is the caller's, to be closed. A file that is not there has none.
 * Errors: AMBLE_ERR_BUSY when a host or somebody else has it open; AMBLE_ERR_BAD_FILE when it is damaged (it is then
 * kept aside under another name), of a newer version, or no bond file at all; AMBLE_ERR_IO, NO_MEMORY, TOO_LONG;
 * amble_open_problem has the sentence. */
int amble_bonds_open(amble_bonds **bonds, const char *path) AMBLE_MUST_CHECK;
/* NULL does nothing. Not for those of a host. */
void amble_bonds_close(amble_bonds *bonds);
/* The bonds of a host, as long as it is open. */
amble_bonds *amble_bonds_of(amble *ble);

typedef struct {
    amble_device device;    /* its identity address, or the address under which it was paired with */
    amble_device paired_as; /* the address that it had then */
    bool authenticated;     /* nobody was in between, see amble_connection_authenticated */
    bool secure;            /* LE Secure Connections */
    bool authorised;        /* see amble_authorise */
    uint8_t key_size;       /* bytes */
    uint32_t serial;        /* of its last use: grows */
} amble_bond;
/* The bonds one after the other, the least recently used one first: `*bond` zeroed starts, otherwise it continues after
 * it. 1 and the bond, or 0 when there are no more. */
int amble_bonds_next(const amble_bonds *bonds, amble_bond *bond);
/* Forgets the bond with the device of this identity, or that was paired with under this address; links that are
 * encrypted with it stay so. Errors: AMBLE_ERR_NOT_FOUND; AMBLE_ERR_IO when it could not be saved, which an open host
 * then tries again and again. */
int amble_bonds_delete(amble_bonds *bonds, amble_device device);

/* The secrets of a bond, for another stack or an analyser. Least significant octet first, as on the air. */
typedef struct {
    uint8_t key[16]; /* LTK of links with this side as central; all zero when there is none */
    uint8_t random[8];
    uint16_t diversifier; /* EDIV, of LE legacy pairing */
    uint8_t own_key[16];  /* the same, with this side as peripheral */
    uint8_t own_random[8];
    uint16_t own_diversifier;
    bool has_irk;
    uint8_t irk[16];                          /* of the peer */
    uint8_t signing_key[16], own_signing[16]; /* CSRKs, all zero when there are none */
} amble_bond_keys;
int amble_bonds_keys(const amble_bonds *bonds, amble_device device, amble_bond_keys *keys);

/* --- keeping them ------------------------------------------------------------------------------------------------- */
/* Where records are kept: bytes that mean something to amble only, secrets among them. Both functions return 0 or a
 * negative error, and may not wait for a task. */
struct amble_bond_store {
    /* Calls `take` for each record, in the order of the last save; stops at its error and returns it. */
    int (*load)(void *user, int (*take)(void *target, const void *record, size_t size), void *target);
    /* Replaces all records by `count` others: all of them or none, whatever happens meanwhile. `give` writes record
     * `index`, at most `room` bytes (AMBLE_BOND_RECORD are enough), and returns its size. */
    int (*save)(void *user, size_t count, size_t (*give)(void *source, size_t index, void *record, size_t room),
                void *source);
    void *user;
};
#define AMBLE_BOND_RECORD 320

#ifdef __cplusplus
}
#endif
#endif
