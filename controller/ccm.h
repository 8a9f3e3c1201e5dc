/* AES-CCM as the link layer uses it (Vol 6, Part E, 2): a MIC of four octets, one octet of additional data. */
#ifndef AMBLE_CONTROLLER_CCM_H
#define AMBLE_CONTROLLER_CCM_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port/crypto.h"

#define AMBLE__CCM_MIC 4
#define AMBLE__CCM_IV  8

/* What makes each packet's nonce its own. */
typedef struct {
    uint64_t counter; /* 39 bits */
    bool from_central;
    const uint8_t *iv; /* AMBLE__CCM_IV octets, in the order of the air */
} amble__ccm_nonce;

/* `header` is the first octet of the PDU's; the bits that a repetition may change are left out. `out` has room for
 * `size` and a MIC. `size` is at most 251. */
void amble__ccm_seal(const amble__aes_key *key, const amble__ccm_nonce *nonce, uint8_t header, const uint8_t *in,
                     size_t size, uint8_t *out);
/* `in` is `size` octets, the MIC among them. False: the MIC is wrong, or there is no room for one; `out` is then not
 * to be used. */
bool amble__ccm_open(const amble__aes_key *key, const amble__ccm_nonce *nonce, uint8_t header, const uint8_t *in,
                     size_t size, uint8_t *out);
#endif
