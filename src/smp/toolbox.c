/* See toolbox.h. Invariant: inside this file values are turned round to the order of FIPS 197 once, where they go into
 * a cipher. */
#include "smp/toolbox.h"

#include <string.h>

enum { BLOCK = 16, ADDRESS = 6, TYPED_ADDRESS = 1 + ADDRESS };

static void turn_round(uint8_t *to, const uint8_t *from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = from[size - 1 - i];
}

/* --- AES: one block ----------------------------------------------------------------------------------------------- */
static void exclusive_or(uint8_t to[BLOCK], const uint8_t from[BLOCK])
{
    for (int i = 0; i < BLOCK; i++)
        to[i] ^= from[i];
}

/* p1 = response || request || responder's type || initiator's type; p2 = padding || initiator || responder */
int amble__toolbox_c1(const amble__cipher *cipher, const uint8_t tk[16], const uint8_t random[16],
                      const amble__toolbox_sides *sides, uint8_t confirm[16])
{
    uint8_t p1[BLOCK] = {(uint8_t)sides->initiator.type, (uint8_t)sides->responder.type}, p2[BLOCK] = {0};
    uint8_t block[BLOCK];
    int r;

    memcpy(p1 + 2, sides->request, AMBLE__SMP_FEATURES);
    memcpy(p1 + 2 + AMBLE__SMP_FEATURES, sides->response, AMBLE__SMP_FEATURES);
    memcpy(p2, sides->responder.bytes, ADDRESS);
    memcpy(p2 + ADDRESS, sides->initiator.bytes, ADDRESS);
    memcpy(block, random, BLOCK);
    exclusive_or(block, p1);
    r = amble__cipher_block(cipher, tk, block, block);
    if (r < 0)
        return r;
    exclusive_or(block, p2);
    return amble__cipher_block(cipher, tk, block, confirm);
}

/* The low halves of both randoms, the responder's on top. */
int amble__toolbox_s1(const amble__cipher *cipher, const uint8_t tk[16], const uint8_t responder[16],
                      const uint8_t initiator[16], uint8_t stk[16])
{
    uint8_t block[BLOCK];

    memcpy(block, initiator, BLOCK / 2);
    memcpy(block + BLOCK / 2, responder, BLOCK / 2);
    return amble__cipher_block(cipher, tk, block, stk);
}

/* --- CMAC --------------------------------------------------------------------------------------------------------- */
typedef struct {
    amble__cmac cmac;
    const amble__cipher *cipher;
    const uint8_t *key;
} authentication;

static int encrypt_block(void *user, const uint8_t in[BLOCK], uint8_t out[BLOCK])
{
    const authentication *a = user;
    uint8_t turned[BLOCK];
    int r;

    turn_round(turned, in, BLOCK);
    r = amble__cipher_block(a->cipher, a->key, turned, turned);
    turn_round(out, turned, BLOCK);
    amble__wipe(turned, sizeof turned);
    return r;
}

/* The key has to stay until cmac_end. */
static void cmac_begin(authentication *a, const amble__cipher *cipher, const uint8_t key[BLOCK])
{
    a->cipher = cipher;
    a->key = key;
    amble__cmac_begin_with(&a->cmac, encrypt_block, a);
}

/* Values of at most 32 octets, each turned round; the message is what they give one after the other. */
static void cmac_add(authentication *a, const uint8_t *value, size_t size)
{
    uint8_t turned[AMBLE__SMP_COORDINATE];

    turn_round(turned, value, size);
    amble__cmac_add(&a->cmac, turned, size);
    amble__wipe(turned, sizeof turned);
}

static void cmac_add_address(authentication *a, amble_device device)
{
    uint8_t typed[TYPED_ADDRESS];

    memcpy(typed, device.bytes, ADDRESS);
    typed[ADDRESS] = (uint8_t)device.type;
    cmac_add(a, typed, sizeof typed);
}

static int cmac_end(authentication *a, uint8_t out[BLOCK])
{
    uint8_t mac[BLOCK];
    int r = amble__cmac_end(&a->cmac, mac);

    turn_round(out, mac, BLOCK);
    amble__wipe(mac, sizeof mac);
    return r;
}

int amble__toolbox_f4(const amble__cipher *cipher, const uint8_t u[32], const uint8_t v[32], const uint8_t x[16],
                      uint8_t z, uint8_t confirm[16])
{
    authentication a;

    cmac_begin(&a, cipher, x);
    cmac_add(&a, u, AMBLE__SMP_COORDINATE);
    cmac_add(&a, v, AMBLE__SMP_COORDINATE);
    cmac_add(&a, &z, 1);
    return cmac_end(&a, confirm);
}

/* One of the two keys that f5 gives: the counter tells which. */
static int f5_key(const amble__cipher *cipher, const uint8_t t[16], uint8_t counter, const uint8_t n1[16],
                  const uint8_t n2[16], amble_device a1, amble_device a2, uint8_t key[16])
{
    static const uint8_t key_id[4] = {'e', 'l', 't', 'b'}; /* "btle" */
    static const uint8_t length[2] = {0x00, 0x01};         /* 256 bits */
    authentication a;

    cmac_begin(&a, cipher, t);
    cmac_add(&a, &counter, 1);
    cmac_add(&a, key_id, sizeof key_id);
    cmac_add(&a, n1, BLOCK);
    cmac_add(&a, n2, BLOCK);
    cmac_add_address(&a, a1);
    cmac_add_address(&a, a2);
    cmac_add(&a, length, sizeof length);
    return cmac_end(&a, key);
}

int amble__toolbox_f5(const amble__cipher *cipher, const uint8_t dhkey[32], const uint8_t n1[16], const uint8_t n2[16],
                      amble_device a1, amble_device a2, uint8_t mac_key[16], uint8_t ltk[16])
{
    /* 2.2.7; here least significant octet first */
    static const uint8_t salt[BLOCK] = {0xbe, 0x83, 0x60, 0x5a, 0xdb, 0x0b, 0x37, 0x60,
                                        0x38, 0xa5, 0xf5, 0xaa, 0x91, 0x83, 0x88, 0x6c};
    uint8_t t[BLOCK];
    authentication a;
    int r;

    cmac_begin(&a, cipher, salt);
    cmac_add(&a, dhkey, AMBLE__SMP_COORDINATE);
    r = cmac_end(&a, t);
    if (r == 0)
        r = f5_key(cipher, t, 0, n1, n2, a1, a2, mac_key);
    if (r == 0)
        r = f5_key(cipher, t, 1, n1, n2, a1, a2, ltk);
    amble__wipe(t, sizeof t);
    return r;
}

int amble__toolbox_f6(const amble__cipher *cipher, const uint8_t mac_key[16], const amble__toolbox_check *values,
                      uint8_t check[16])
{
    authentication a;

    cmac_begin(&a, cipher, mac_key);
    cmac_add(&a, values->n1, BLOCK);
    cmac_add(&a, values->n2, BLOCK);
    cmac_add(&a, values->r, BLOCK);
    cmac_add(&a, values->io_cap, 3);
    cmac_add_address(&a, values->a1);
    cmac_add_address(&a, values->a2);
    return cmac_end(&a, check);
}

int amble__toolbox_g2(const amble__cipher *cipher, const uint8_t u[32], const uint8_t v[32], const uint8_t x[16],
                      const uint8_t y[16], uint32_t *digits)
{
    enum { SIX_DIGITS = 1000000 };
    uint8_t mac[BLOCK];
    authentication a;
    int r;

    cmac_begin(&a, cipher, x);
    cmac_add(&a, u, AMBLE__SMP_COORDINATE);
    cmac_add(&a, v, AMBLE__SMP_COORDINATE);
    cmac_add(&a, y, BLOCK);
    r = cmac_end(&a, mac);
    *digits = ((uint32_t)mac[3] << 24 | (uint32_t)mac[2] << 16 | (uint32_t)mac[1] << 8 | mac[0]) % SIX_DIGITS;
    return r;
}

int amble__toolbox_h6(const amble__cipher *cipher, const uint8_t w[16], const uint8_t key_id[4], uint8_t key[16])
{
    authentication a;

    cmac_begin(&a, cipher, w);
    cmac_add(&a, key_id, 4);
    return cmac_end(&a, key);
}

int amble__toolbox_h7(const amble__cipher *cipher, const uint8_t salt[16], const uint8_t w[16], uint8_t key[16])
{
    authentication a;

    cmac_begin(&a, cipher, salt);
    cmac_add(&a, w, BLOCK);
    return cmac_end(&a, key);
}
