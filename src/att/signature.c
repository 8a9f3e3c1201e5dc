/* See signature.h. Inside this file everything is turned round to the order of FIPS 197 where it goes into the cipher:
 * the counter's most significant octet first, the opcode last. */
#include "att/signature.h"

#include "port/crypto.h"

enum { KEY = 16, PIECE = 32, MAC = AMBLE__SIGNATURE - AMBLE__SIGNATURE_COUNTER };

static void turn_round(uint8_t *to, const uint8_t *from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = from[size - 1 - i];
}

/* Adds bytes from the last one to the first. */
static void add_turned(amble__cmac *cmac, const uint8_t *bytes, size_t size)
{
    uint8_t piece[PIECE];

    while (size) {
        const size_t n = size < PIECE ? size : PIECE;

        size -= n;
        turn_round(piece, bytes + size, n);
        amble__cmac_add(cmac, piece, n);
    }
}

int amble__signature_make(const uint8_t key[KEY], uint8_t opcode, amble__bytes body, uint32_t counter,
                          uint8_t signature[AMBLE__SIGNATURE])
{
    uint8_t turned[KEY], mac[KEY];
    amble__cmac cmac;
    int r;

    amble__put_le32(signature, counter);
    turn_round(turned, key, KEY);
    r = amble__cmac_begin(&cmac, turned);
    amble__wipe(turned, sizeof turned);
    if (r < 0)
        return r;
    add_turned(&cmac, signature, AMBLE__SIGNATURE_COUNTER);
    add_turned(&cmac, body.data, body.size);
    amble__cmac_add(&cmac, &opcode, 1);
    r = amble__cmac_end(&cmac, mac);
    turn_round(signature + AMBLE__SIGNATURE_COUNTER, mac, MAC); /* its most significant half */
    amble__wipe(mac, sizeof mac);
    return r;
}

bool amble__signature_good(const uint8_t key[KEY], uint8_t opcode, amble__bytes body,
                           const uint8_t signature[AMBLE__SIGNATURE])
{
    uint8_t expected[AMBLE__SIGNATURE];
    const int r = amble__signature_make(key, opcode, body, amble__signature_counter(signature), expected);
    const bool good = r == 0 && amble__equal_constant_time(expected, signature, sizeof expected);

    amble__wipe(expected, sizeof expected);
    return good;
}
