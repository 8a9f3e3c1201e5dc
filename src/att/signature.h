/* Signed data: a PDU with a counter and a part of a CMAC behind it, which only who has the key (CSRK) can make (Vol 3
 * Part H 2.4.5, Part C 10.4.1). The data is not secret; it is whole, and from whom it says. The counter, which never
 * comes twice, tells a message from its repetition. */
#ifndef AMBLE_ATT_SIGNATURE_H
#define AMBLE_ATT_SIGNATURE_H
#include "core/bytes.h"

enum { AMBLE__SIGNATURE = 12, AMBLE__SIGNATURE_COUNTER = 4 };
/* The last counter of a key stands for none: so a key is used up after 4,294,967,295 messages. */
#define AMBLE__SIGNATURE_LAST UINT32_MAX

/* Signs an opcode and what follows it. The key is as on the air, least significant octet first. 0, or the error of a
 * port whose AES failed. */
int amble__signature_make(const uint8_t key[16], uint8_t opcode, amble__bytes body, uint32_t counter,
                          uint8_t signature[AMBLE__SIGNATURE]);
static inline uint32_t amble__signature_counter(const uint8_t signature[AMBLE__SIGNATURE])
{
    return amble__get_le32(signature);
}
/* Whether it is this key's signature of just this. In a time that tells nothing of where it differs. */
bool amble__signature_good(const uint8_t key[16], uint8_t opcode, amble__bytes body,
                           const uint8_t signature[AMBLE__SIGNATURE]);
#endif
