/* AES-CCM: see ccm.h. The names of the blocks are those of RFC 3610. */
#include "controller/ccm.h"

#include <string.h>

#define BLOCK           16
#define FLAGS_B_0       0x49 /* additional data, MIC of 4, a length of 2 octets */
#define FLAGS_A         0x01
#define HEADER_MASK     0xE3 /* without NESN, SN and MD */
#define DIRECTION       0x80 /* in the most significant octet of the counter: from the central */
#define COUNTER_OCTETS  5
#define ADDITIONAL_SIZE 1
#define COUNTER_AT      1
#define IV_AT           (COUNTER_AT + COUNTER_OCTETS)
#define LAST_OCTET      (BLOCK - 1)
#define LENGTH_AT       (BLOCK - 2)

/* The parts that B_0 and the A_i have in common. */
static void begin_block(uint8_t block[BLOCK], uint8_t flags, const amble__ccm_nonce *nonce)
{
    memset(block, 0, BLOCK);
    block[0] = flags;
    for (int i = 0; i < COUNTER_OCTETS; i++)
        block[COUNTER_AT + i] = (uint8_t)(nonce->counter >> 8 * i);
    block[IV_AT - 1] = (uint8_t)((block[IV_AT - 1] & ~DIRECTION) | (nonce->from_central ? DIRECTION : 0));
    memcpy(block + IV_AT, nonce->iv, AMBLE__CCM_IV);
}

static void add(const amble__aes_key *key, uint8_t chain[BLOCK], const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        chain[i] ^= data[i];
    amble__aes_encrypt(key, chain, chain);
}

static void authenticate(const amble__aes_key *key, const amble__ccm_nonce *nonce, uint8_t header, const uint8_t *text,
                         size_t size, uint8_t mic[AMBLE__CCM_MIC])
{
    const uint8_t additional[] = {0, ADDITIONAL_SIZE, header & HEADER_MASK};
    uint8_t chain[BLOCK];

    begin_block(chain, FLAGS_B_0, nonce);
    chain[LENGTH_AT] = (uint8_t)(size >> 8);
    chain[LAST_OCTET] = (uint8_t)size;
    amble__aes_encrypt(key, chain, chain);
    add(key, chain, additional, sizeof additional);
    for (size_t done = 0; done < size; done += BLOCK)
        add(key, chain, text + done, size - done < BLOCK ? size - done : BLOCK);
    memcpy(mic, chain, AMBLE__CCM_MIC);
}

/* The key stream's block 0 is for the MIC, the others are for the text. */
static void crypt(const amble__aes_key *key, const amble__ccm_nonce *nonce, const uint8_t *in, size_t size,
                  uint8_t *out, uint8_t mic[AMBLE__CCM_MIC])
{
    uint8_t counter[BLOCK], stream[BLOCK];

    begin_block(counter, FLAGS_A, nonce);
    amble__aes_encrypt(key, counter, stream);
    for (int i = 0; i < AMBLE__CCM_MIC; i++)
        mic[i] ^= stream[i];
    for (size_t i = 0; i < size; i++) {
        if (i % BLOCK == 0) {
            counter[LAST_OCTET]++;
            amble__aes_encrypt(key, counter, stream);
        }
        out[i] = in[i] ^ stream[i % BLOCK];
    }
}

void amble__ccm_seal(const amble__aes_key *key, const amble__ccm_nonce *nonce, uint8_t header, const uint8_t *in,
                     size_t size, uint8_t *out)
{
    uint8_t mic[AMBLE__CCM_MIC];

    authenticate(key, nonce, header, in, size, mic);
    crypt(key, nonce, in, size, out, mic);
    memcpy(out + size, mic, sizeof mic);
}

bool amble__ccm_open(const amble__aes_key *key, const amble__ccm_nonce *nonce, uint8_t header, const uint8_t *in,
                     size_t size, uint8_t *out)
{
    uint8_t given[AMBLE__CCM_MIC], right[AMBLE__CCM_MIC];

    if (size <= AMBLE__CCM_MIC)
        return false;
    size -= AMBLE__CCM_MIC;
    memcpy(given, in + size, sizeof given);
    crypt(key, nonce, in, size, out, given);
    authenticate(key, nonce, header, out, size, right);
    return amble__equal_constant_time(given, right, sizeof right);
}
