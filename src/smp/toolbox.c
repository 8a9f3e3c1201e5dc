/* See toolbox.h. Invariant: inside this file values are turned round to the order of FIPS 197 once, where they go into a cipher. */
#include "smp/toolbox.h"

#include <string.h>

enum { BLOCK = 16, ADDRESS = 6, TYPED_ADDRESS = 1 + ADDRESS };

static void turn_round(uint8_t *to, const uint8_t *from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = from[size - 1 - i];
}

/* --- AES: one block ------------------------------------------------------------------------------------------------ */
/* out = e(key, block), both in the order of the air; `block` is wiped, unless it is `out`. 2.2.1 */
static int encrypt(const uint8_t key[BLOCK], uint8_t block[BLOCK], uint8_t out[BLOCK])
{
    uint8_t turned[BLOCK];
    amble__aes_key expanded;
    int r;

    turn_round(turned, key, BLOCK);
    r = amble__aes_expand(&expanded, turned);
    if (r == 0) {
        turn_round(turned, block, BLOCK);
        amble__wipe(block, BLOCK);
        amble__aes_encrypt(&expanded, turned, turned);
        turn_round(out, turned, BLOCK);
    }
    amble__aes_wipe(&expanded);
    amble__wipe(turned, sizeof turned);
    return r;
}

static void exclusive_or(uint8_t to[BLOCK], const uint8_t from[BLOCK])
{
    for (int i = 0; i < BLOCK; i++)
        to[i] ^= from[i];
}

/* p1 = response || request || responder's type || initiator's type; p2 = padding || initiator || responder */
int amble__toolbox_c1(const uint8_t tk[16], const uint8_t random[16], const amble__toolbox_sides *sides,
                      uint8_t confirm[16])
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
    r = encrypt(tk, block, block);
    if (r < 0)
        return r;
    exclusive_or(block, p2);
    return encrypt(tk, block, confirm);
}

/* The low halves of both randoms, the responder's on top. */
int amble__toolbox_s1(const uint8_t tk[16], const uint8_t responder[16], const uint8_t initiator[16], uint8_t stk[16])
{
    uint8_t block[BLOCK];

    memcpy(block, initiator, BLOCK / 2);
    memcpy(block + BLOCK / 2, responder, BLOCK / 2);
    return encrypt(tk, block, stk);
}

/* --- CMAC ---------------------------------------------------------------------------------------------------------- */
static int cmac_begin(amble__cmac *cmac, const uint8_t key[BLOCK])
{
    uint8_t turned[BLOCK];
    int r;

    turn_round(turned, key, BLOCK);
    r = amble__cmac_begin(cmac, turned);
    amble__wipe(turned, sizeof turned);
    return r;
}

/* Values of at most 32 octets, each turned round; the message is what they give one after the other. */
static void cmac_add(amble__cmac *cmac, const uint8_t *value, size_t size)
{
    uint8_t turned[AMBLE__SMP_COORDINATE];

    turn_round(turned, value, size);
    amble__cmac_add(cmac, turned, size);
    amble__wipe(turned, sizeof turned);
}

static void cmac_add_address(amble__cmac *cmac, amble_device device)
{
    uint8_t typed[TYPED_ADDRESS];

    memcpy(typed, device.bytes, ADDRESS);
    typed[ADDRESS] = (uint8_t)device.type;
    cmac_add(cmac, typed, sizeof typed);
}

static void cmac_end(amble__cmac *cmac, uint8_t out[BLOCK])
{
    uint8_t mac[BLOCK];

    amble__cmac_end(cmac, mac);
    turn_round(out, mac, BLOCK);
    amble__wipe(mac, sizeof mac);
}

int amble__toolbox_f4(const uint8_t u[32], const uint8_t v[32], const uint8_t x[16], uint8_t z, uint8_t confirm[16])
{
    amble__cmac cmac;
    int r = cmac_begin(&cmac, x);

    if (r < 0)
        return r;
    cmac_add(&cmac, u, AMBLE__SMP_COORDINATE);
    cmac_add(&cmac, v, AMBLE__SMP_COORDINATE);
    cmac_add(&cmac, &z, 1);
    cmac_end(&cmac, confirm);
    return 0;
}

/* One of the two keys that f5 gives: the counter tells which. */
static int f5_key(const uint8_t t[16], uint8_t counter, const uint8_t n1[16], const uint8_t n2[16], amble_device a1,
                  amble_device a2, uint8_t key[16])
{
    static const uint8_t key_id[4] = {'e', 'l', 't', 'b'}; /* "btle" */
    static const uint8_t length[2] = {0x00, 0x01};         /* 256 bits */
    amble__cmac cmac;
    int r = cmac_begin(&cmac, t);

    if (r < 0)
        return r;
    cmac_add(&cmac, &counter, 1);
    cmac_add(&cmac, key_id, sizeof key_id);
    cmac_add(&cmac, n1, BLOCK);
    cmac_add(&cmac, n2, BLOCK);
    cmac_add_address(&cmac, a1);
    cmac_add_address(&cmac, a2);
    cmac_add(&cmac, length, sizeof length);
    cmac_end(&cmac, key);
    return 0;
}

int amble__toolbox_f5(const uint8_t dhkey[32], const uint8_t n1[16], const uint8_t n2[16], amble_device a1,
                      amble_device a2, uint8_t mac_key[16], uint8_t ltk[16])
{
    /* 2.2.7; here least significant octet first */
    static const uint8_t salt[BLOCK] = {0xbe, 0x83, 0x60, 0x5a, 0xdb, 0x0b, 0x37, 0x60,
                                        0x38, 0xa5, 0xf5, 0xaa, 0x91, 0x83, 0x88, 0x6c};
    uint8_t t[BLOCK];
    amble__cmac cmac;
    int r = cmac_begin(&cmac, salt);

    if (r < 0)
        return r;
    cmac_add(&cmac, dhkey, AMBLE__SMP_COORDINATE);
    cmac_end(&cmac, t);
    r = f5_key(t, 0, n1, n2, a1, a2, mac_key);
    if (r == 0)
        r = f5_key(t, 1, n1, n2, a1, a2, ltk);
    amble__wipe(t, sizeof t);
    return r;
}

int amble__toolbox_f6(const uint8_t mac_key[16], const amble__toolbox_check *values, uint8_t check[16])
{
    amble__cmac cmac;
    int r = cmac_begin(&cmac, mac_key);

    if (r < 0)
        return r;
    cmac_add(&cmac, values->n1, BLOCK);
    cmac_add(&cmac, values->n2, BLOCK);
    cmac_add(&cmac, values->r, BLOCK);
    cmac_add(&cmac, values->io_cap, 3);
    cmac_add_address(&cmac, values->a1);
    cmac_add_address(&cmac, values->a2);
    cmac_end(&cmac, check);
    return 0;
}

int amble__toolbox_g2(const uint8_t u[32], const uint8_t v[32], const uint8_t x[16], const uint8_t y[16],
                      uint32_t *digits)
{
    enum { SIX_DIGITS = 1000000 };
    uint8_t mac[BLOCK];
    amble__cmac cmac;
    int r = cmac_begin(&cmac, x);

    if (r < 0)
        return r;
    cmac_add(&cmac, u, AMBLE__SMP_COORDINATE);
    cmac_add(&cmac, v, AMBLE__SMP_COORDINATE);
    cmac_add(&cmac, y, BLOCK);
    cmac_end(&cmac, mac);
    *digits = ((uint32_t)mac[3] << 24 | (uint32_t)mac[2] << 16 | (uint32_t)mac[1] << 8 | mac[0]) % SIX_DIGITS;
    return 0;
}

int amble__toolbox_h6(const uint8_t w[16], const uint8_t key_id[4], uint8_t key[16])
{
    amble__cmac cmac;
    int r = cmac_begin(&cmac, w);

    if (r < 0)
        return r;
    cmac_add(&cmac, key_id, 4);
    cmac_end(&cmac, key);
    return 0;
}

int amble__toolbox_h7(const uint8_t salt[16], const uint8_t w[16], uint8_t key[16])
{
    amble__cmac cmac;
    int r = cmac_begin(&cmac, salt);

    if (r < 0)
        return r;
    cmac_add(&cmac, w, BLOCK);
    cmac_end(&cmac, key);
    return 0;
}
