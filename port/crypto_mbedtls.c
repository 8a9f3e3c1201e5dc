/* port/crypto.h over Mbed TLS: AES directly, P-256 through PSA.
 *
 * Invariants:
 * - AES needs no key slot: the expanded key lies in the caller's object. Mbed TLS keeps a pointer into that object, so
 *   a key that was expanded stays where it is.
 * - Every PSA key is destroyed before the function that imported it returns, so nothing is left behind on any path.
 * - PSA's table of keys is shared by the whole process and is not safe for threads (Mbed TLS 2.28); `psa_lock` is held
 *   around every use. */
#include "port/crypto.h"

#include <mbedtls/aes.h>
#include <mbedtls/platform_util.h>
#include <psa/crypto.h>
#include <pthread.h>
#include <string.h>

#include "amble/error.h"

/* --- memory ------------------------------------------------------------------------------------------------------- */
void amble__wipe(void *memory, size_t size) { mbedtls_platform_zeroize(memory, size); }

bool amble__equal_constant_time(const void *a, const void *b, size_t size)
{
    const volatile uint8_t *x = a, *y = b; /* volatile: the loop must not end at the first difference */
    unsigned difference = 0;

    for (size_t i = 0; i < size; i++)
        difference |= (unsigned)(x[i] ^ y[i]);
    return !difference;
}

/* --- AES ---------------------------------------------------------------------------------------------------------- */
_Static_assert(sizeof(mbedtls_aes_context) <= sizeof(amble__aes_key), "the opaque key is too small");
_Static_assert(_Alignof(mbedtls_aes_context) <= _Alignof(amble__aes_key), "the opaque key is not aligned enough");

int amble__aes_expand(amble__aes_key *key, const uint8_t secret[16])
{
    mbedtls_aes_context *aes = (mbedtls_aes_context *)(void *)key;

    mbedtls_aes_init(aes);
    return mbedtls_aes_setkey_enc(aes, secret, 128) ? AMBLE_ERR_ARGUMENT : AMBLE_OK;
}

void amble__aes_encrypt(const amble__aes_key *key, const uint8_t in[16], uint8_t out[16])
{
    /* Encrypting only reads the key; Mbed TLS merely does not say so. */
    mbedtls_aes_context *aes = (mbedtls_aes_context *)(uintptr_t)key;

    mbedtls_aes_crypt_ecb(aes, MBEDTLS_AES_ENCRYPT, in, out);
}

void amble__aes_wipe(amble__aes_key *key) { mbedtls_platform_zeroize(key, sizeof *key); }

/* --- P-256 -------------------------------------------------------------------------------------------------------- */
enum { SCALAR_SIZE = 32, POINT_SIZE = 1 + 2 * SCALAR_SIZE, UNCOMPRESSED = 0x04 /* SEC 1 2.3.3 */ };

static pthread_mutex_t psa_lock = PTHREAD_MUTEX_INITIALIZER;

/* Imports a private key; the caller holds `psa_lock` and destroys the key. Refuses scalars outside 1 to n - 1. */
static int import_secret(const uint8_t secret[SCALAR_SIZE], psa_key_id_t *key)
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;

    if (psa_crypto_init() != PSA_SUCCESS) /* every call after the first does nothing */
        return AMBLE_ERR_UNSUPPORTED;
    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1));
    psa_set_key_bits(&attributes, 256);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_DERIVE);
    psa_set_key_algorithm(&attributes, PSA_ALG_ECDH);
    switch (psa_import_key(&attributes, secret, SCALAR_SIZE, key)) {
    case PSA_SUCCESS:
        return AMBLE_OK;
    case PSA_ERROR_INSUFFICIENT_MEMORY:
        return AMBLE_ERR_NO_MEMORY;
    default:
        return AMBLE_ERR_ARGUMENT;
    }
}

int amble__p256_public(const uint8_t secret[32], amble__p256_point *point)
{
    uint8_t exported[POINT_SIZE];
    size_t size = 0;
    psa_key_id_t key;
    int result;

    pthread_mutex_lock(&psa_lock);
    result = import_secret(secret, &key);
    if (result == AMBLE_OK) {
        if (psa_export_public_key(key, exported, sizeof exported, &size) != PSA_SUCCESS || size != sizeof exported)
            result = AMBLE_ERR_NO_MEMORY;
        psa_destroy_key(key);
    }
    pthread_mutex_unlock(&psa_lock);
    if (result == AMBLE_OK) {
        memcpy(point->x, exported + 1, SCALAR_SIZE);
        memcpy(point->y, exported + 1 + SCALAR_SIZE, SCALAR_SIZE);
    }
    return result;
}

int amble__p256_generate(amble__random *random, uint8_t secret[32], amble__p256_point *point)
{
    int result;

    do { /* a scalar out of range is drawn again, which happens once in 2^32 times */
        amble__random_bytes(random, secret, SCALAR_SIZE);
        result = amble__p256_public(secret, point);
    } while (result == AMBLE_ERR_ARGUMENT);
    return result;
}

int amble__p256_shared(const uint8_t secret[32], const amble__p256_point *peer, uint8_t shared[32])
{
    uint8_t encoded[POINT_SIZE] = {UNCOMPRESSED};
    size_t size = 0;
    psa_key_id_t key;
    int result;

    memcpy(encoded + 1, peer->x, SCALAR_SIZE);
    memcpy(encoded + 1 + SCALAR_SIZE, peer->y, SCALAR_SIZE);
    pthread_mutex_lock(&psa_lock);
    result = import_secret(secret, &key);
    if (result == AMBLE_OK) {
        const psa_status_t status =
            psa_raw_key_agreement(PSA_ALG_ECDH, key, encoded, sizeof encoded, shared, SCALAR_SIZE, &size);

        if (status == PSA_ERROR_INSUFFICIENT_MEMORY)
            result = AMBLE_ERR_NO_MEMORY;
        else if (status != PSA_SUCCESS || size != SCALAR_SIZE)
            result = AMBLE_ERR_ARGUMENT;
        psa_destroy_key(key);
    }
    pthread_mutex_unlock(&psa_lock);
    return result;
}
