/* The cryptographic toolbox of the Security Manager (Vol 3 Part H 2.2); its hash of private addresses is in
 * bonds/private_address.h.
 *
 * Every value is in the order of the air, least significant octet first, also the coordinates of public keys; so what
 * came in a PDU goes in as it is. (port/crypto.h has the other order.) Results may be written over an input. Each
 * function returns 0, or the error of an AES that failed: then the result means nothing. What was computed on the way
 * is wiped.
 *
 * `cipher` says who computes AES: NULL, or one that does not wait, is the port. With another one the functions wait,
 * and are for tasks. */
#ifndef AMBLE_SMP_TOOLBOX_H
#define AMBLE_SMP_TOOLBOX_H
#include <amble/address.h>

#include "port/crypto.h"
#include "smp/cipher.h"

enum { AMBLE__SMP_KEY = 16, AMBLE__SMP_COORDINATE = 32, AMBLE__SMP_FEATURES = 7 };

/* What LE legacy pairing puts into its confirm values: both feature exchanges (code first), and who is who on this
 * link. */
typedef struct {
    uint8_t request[AMBLE__SMP_FEATURES], response[AMBLE__SMP_FEATURES];
    amble_device initiator, responder;
} amble__toolbox_sides;
/* Confirm value of LE legacy pairing, 2.2.3. */
int amble__toolbox_c1(const amble__cipher *cipher, const uint8_t tk[16], const uint8_t random[16],
                      const amble__toolbox_sides *sides, uint8_t confirm[16]);
/* The short-term key of LE legacy pairing from the randoms of responder and initiator, 2.2.4. */
int amble__toolbox_s1(const amble__cipher *cipher, const uint8_t tk[16], const uint8_t responder[16],
                      const uint8_t initiator[16], uint8_t stk[16]);

/* Confirm value of Secure Connections, 2.2.6: `u` and `v` are x coordinates. */
int amble__toolbox_f4(const amble__cipher *cipher, const uint8_t u[32], const uint8_t v[32], const uint8_t x[16],
                      uint8_t z, uint8_t confirm[16]);
/* MacKey and LTK from the shared secret, 2.2.7. */
int amble__toolbox_f5(const amble__cipher *cipher, const uint8_t dhkey[32], const uint8_t n1[16], const uint8_t n2[16],
                      amble_device a1, amble_device a2, uint8_t mac_key[16], uint8_t ltk[16]);
/* Check value, 2.2.8. `io_cap`: IO capability, OOB flag, AuthReq, as they follow each other in the PDU. */
typedef struct {
    const uint8_t *n1, *n2, *r; /* 16 octets each */
    const uint8_t *io_cap;      /* 3 octets */
    amble_device a1, a2;
} amble__toolbox_check;
int amble__toolbox_f6(const amble__cipher *cipher, const uint8_t mac_key[16], const amble__toolbox_check *values,
                      uint8_t check[16]);
/* The six digits of numeric comparison, 2.2.9 and 2.3.5.6.2. */
int amble__toolbox_g2(const amble__cipher *cipher, const uint8_t u[32], const uint8_t v[32], const uint8_t x[16],
                      const uint8_t y[16], uint32_t *digits);

/* Link key conversion, 2.2.10 and 2.2.11. */
int amble__toolbox_h6(const amble__cipher *cipher, const uint8_t w[16], const uint8_t key_id[4], uint8_t key[16]);
int amble__toolbox_h7(const amble__cipher *cipher, const uint8_t salt[16], const uint8_t w[16], uint8_t key[16]);
#endif
