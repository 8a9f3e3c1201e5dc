/* The ciphers a stack needs, as small interfaces: AES-128 (one block), AES-CMAC, P-256.
 *
 * Hosted builds use Mbed TLS (`crypto_mbedtls.c`); a chip with its own accelerator supplies the same functions. Byte
 * order is that of the specification's sample data and of FIPS 197: most significant octet first. Callers that hold
 * values in the order of the air turn them round. Keys are expanded into an object of the caller's, so that a thousand
 * links need no slot anywhere; amble__aes_wipe clears it. */
#ifndef AMBLE_PORT_CRYPTO_H
#define AMBLE_PORT_CRYPTO_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/random.h"

/* AES-128, FIPS 197; encryption only, as Bluetooth uses it. */
typedef struct {
    uint64_t opaque[40];
} amble__aes_key;
int amble__aes_expand(amble__aes_key *key, const uint8_t secret[16]); /* 0, or a negative amble error */
void amble__aes_encrypt(const amble__aes_key *key, const uint8_t in[16], uint8_t out[16]); /* in == out is allowed */
void amble__aes_wipe(amble__aes_key *key);

/* AES-CMAC, RFC 4493, in pieces of any size. */
typedef int amble__block_cipher(void *user, const uint8_t in[16], uint8_t out[16]); /* in == out is allowed */
typedef struct {
    amble__aes_key key;
    amble__block_cipher *encrypt; /* NULL: with `key` */
    void *user;
    int error; /* of `encrypt`, once it failed */
    uint8_t chain[16];
    uint8_t block[16];
    size_t filled;
} amble__cmac;
int amble__cmac_begin(amble__cmac *cmac, const uint8_t secret[16]);
/* The same with AES that is computed elsewhere, under a key that only `user` knows. */
void amble__cmac_begin_with(amble__cmac *cmac, amble__block_cipher *encrypt, void *user);
void amble__cmac_add(amble__cmac *cmac, const void *data, size_t size);
int amble__cmac_end(amble__cmac *cmac, uint8_t mac[16]); /* wipes the object; 0, or what `encrypt` had */

/* P-256. A key pair is generated from `random`, so that a seeded stream gives the same pair again. */
typedef struct {
    uint8_t x[32], y[32];
} amble__p256_point;
int amble__p256_generate(amble__random *random, uint8_t secret[32], amble__p256_point *point);
int amble__p256_public(const uint8_t secret[32], amble__p256_point *point);
/* The x coordinate of secret * peer. AMBLE_ERR_ARGUMENT when `peer` is not a point of the curve. */
int amble__p256_shared(const uint8_t secret[32], const amble__p256_point *peer, uint8_t shared[32]);

/* Overwrites memory in a way no compiler removes. */
void amble__wipe(void *memory, size_t size);
/* Compares in a time that depends on `size` only. */
bool amble__equal_constant_time(const void *a, const void *b, size_t size);
#endif
