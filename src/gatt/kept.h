/* What the server keeps of a client from one link to the next, in the client's bond (Vol 3 Part G 2.5.2.1, 3.3.3.3,
 * 7.2): the features that it said it supports, the hash of the database that it knows, and its configuration
 * descriptors (CCCDs).
 *
 * A CCCD is kept with its handle and with a fingerprint of what it configures. So when the database is another one
 * after an update, a subscription is given back where the same characteristic still has the same handle, and nowhere
 * else. */
#ifndef AMBLE_GATT_KEPT_H
#define AMBLE_GATT_KEPT_H
#include "bonds/bonds.h"
#include "gatt/database.h"

enum { AMBLE__KEPT_HEAD = 18, AMBLE__KEPT_CCCD = 6, AMBLE__KEPT_HASH = 16 };
enum { AMBLE__KEPT_CCCDS = (AMBLE__BOND_GATT - AMBLE__KEPT_HEAD) / AMBLE__KEPT_CCCD };

typedef struct {
    uint8_t features;
    bool knows; /* the client knew a database whole: */
    uint8_t hash[AMBLE__KEPT_HASH];
    unsigned count;
    struct {
        uint16_t handle;
        uint32_t fingerprint;
        uint8_t bits; /* AMBLE__CCCD_... */
    } cccds[AMBLE__KEPT_CCCDS];
} amble__kept;

/* The codec. The decoder is false for bytes that make no sense: of those nothing is given back. */
uint8_t amble__kept_encode(const amble__kept *kept, uint8_t bytes[AMBLE__BOND_GATT]);
bool amble__kept_decode(amble__kept *kept, const uint8_t *bytes, size_t size);

/* Adds a CCCD; false when there is no room for more. */
bool amble__kept_add(amble__kept *kept, const amble__served_service *service, const amble__served_value *value,
                     unsigned bits);
/* The kept bits of this CCCD; 0 when there are none, or they were of something else. */
unsigned amble__kept_bits(const amble__kept *kept, const amble__served_service *service,
                          const amble__served_value *value);
#endif
