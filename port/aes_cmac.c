/* AES-CMAC (RFC 4493) on top of the one-block AES of port/crypto.h, so that a chip which supplies AES has it too.
 *
 * Invariant: `block` holds the last `filled` bytes and is not encrypted before more bytes follow, since the last block
 * of the message is treated differently. So `filled` is 16 when the message so far is a whole number of blocks, and 0
 * only before the first byte. */
#include <string.h>

#include "port/crypto.h"

enum { BLOCK = 16, RB = 0x87 /* RFC 4493 2.3: what a bit shifted out of 128 bits turns into */ };

static void exclusive_or(uint8_t *to, const uint8_t *from)
{
    for (int i = 0; i < BLOCK; i++)
        to[i] ^= from[i];
}

/* Multiplies by x in GF(2^128). No branch depends on the secret value. */
static void double_block(uint8_t block[BLOCK])
{
    const int carry = block[0] >> 7;

    for (int i = 0; i < BLOCK - 1; i++)
        block[i] = (uint8_t)(block[i] << 1 | block[i + 1] >> 7);
    block[BLOCK - 1] = (uint8_t)(block[BLOCK - 1] << 1 ^ RB * carry);
}

static void encrypt_block(amble__cmac *cmac, uint8_t block[BLOCK])
{
    if (!cmac->encrypt)
        amble__aes_encrypt(&cmac->key, block, block);
    else if (!cmac->error)
        cmac->error = cmac->encrypt(cmac->user, block, block);
}

static void chain_block(amble__cmac *cmac)
{
    exclusive_or(cmac->chain, cmac->block);
    encrypt_block(cmac, cmac->chain);
    cmac->filled = 0;
}

int amble__cmac_begin(amble__cmac *cmac, const uint8_t secret[16])
{
    amble__cmac_begin_with(cmac, NULL, NULL);
    return amble__aes_expand(&cmac->key, secret);
}

void amble__cmac_begin_with(amble__cmac *cmac, amble__block_cipher *encrypt, void *user)
{
    memset(cmac->chain, 0, sizeof cmac->chain);
    cmac->filled = 0;
    cmac->encrypt = encrypt;
    cmac->user = user;
    cmac->error = 0;
}

void amble__cmac_add(amble__cmac *cmac, const void *data, size_t size)
{
    const uint8_t *at = data;

    while (size) {
        size_t n;

        if (cmac->filled == BLOCK)
            chain_block(cmac);
        n = BLOCK - cmac->filled < size ? BLOCK - cmac->filled : size;
        memcpy(cmac->block + cmac->filled, at, n);
        cmac->filled += n;
        at += n;
        size -= n;
    }
}

int amble__cmac_end(amble__cmac *cmac, uint8_t mac[16])
{
    uint8_t subkey[BLOCK] = {0};
    int r;

    encrypt_block(cmac, subkey);
    double_block(subkey); /* K1, for a whole last block */
    if (cmac->filled < BLOCK) {
        double_block(subkey); /* K2, for a padded one */
        memset(cmac->block + cmac->filled, 0, BLOCK - cmac->filled);
        cmac->block[cmac->filled] = 0x80;
    }
    exclusive_or(cmac->block, subkey);
    chain_block(cmac);
    memcpy(mac, cmac->chain, BLOCK);
    r = cmac->error;
    amble__wipe(subkey, sizeof subkey);
    amble__wipe(cmac, sizeof *cmac);
    return r;
}
