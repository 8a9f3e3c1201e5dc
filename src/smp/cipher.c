/* See cipher.h. Invariants: the controller computes one thing at a time with P-256 (`awaited`); a result that nobody
 * waits for any more is wiped as it comes, one that is taken is wiped as it is taken. A command is always answered
 * before its task goes on, cancelled or not, so that it is known whether an event will follow. */
#include "smp/cipher.h"

#include <amble/error.h>
#include <string.h>

#include "task/scheduler.h"

enum { BLOCK = AMBLE__CIPHER_BLOCK, COORDINATE = 32, RANDOM = 8 };

static void turn_round(uint8_t *to, const uint8_t *from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = from[size - 1 - i];
}

void amble__cipher_init(amble__cipher *cipher, amble_event *freed)
{
    amble__list_init(&cipher->waiters);
    cipher->freed = freed;
}

/* Everybody looks whether it goes on now. */
static void tell_all(amble__cipher *cipher)
{
    amble__waiters_end(&cipher->waiters, 0);
    if (amble__cipher_waits(cipher))
        amble_event_set(cipher->freed);
}

/* --- AES ---------------------------------------------------------------------------------------------------------- */
static int block_of_the_port(const uint8_t key[BLOCK], const uint8_t in[BLOCK], uint8_t out[BLOCK])
{
    uint8_t turned[BLOCK];
    amble__aes_key expanded;
    int r;

    turn_round(turned, key, BLOCK);
    r = amble__aes_expand(&expanded, turned);
    if (r == 0) {
        turn_round(turned, in, BLOCK);
        amble__aes_encrypt(&expanded, turned, turned);
        turn_round(out, turned, BLOCK);
    }
    amble__aes_wipe(&expanded);
    amble__wipe(turned, sizeof turned);
    return r;
}

int amble__cipher_block(const amble__cipher *cipher, const uint8_t key[BLOCK], const uint8_t in[BLOCK],
                        uint8_t out[BLOCK])
{
    uint8_t parameters[2 * BLOCK];
    int r;

    if (!cipher || !amble__cipher_waits(cipher))
        return block_of_the_port(key, in, out);
    memcpy(parameters, key, BLOCK);
    memcpy(parameters + BLOCK, in, BLOCK);
    r = amble__hci_command(cipher->hci, AMBLE__HCI_LE_ENCRYPT, parameters, sizeof parameters, out, BLOCK);
    amble__wipe(parameters, sizeof parameters);
    return r;
}

/* --- random numbers ----------------------------------------------------------------------------------------------- */
int amble__cipher_random(const amble__cipher *cipher, void *bytes, size_t size)
{
    uint8_t *to = bytes, more[RANDOM];
    int r = 0;

    amble__random_bytes(amble__scheduler_random(), bytes, size);
    if (!amble__cipher_waits(cipher))
        return 0;
    for (size_t at = 0; at < size && r >= 0; at += RANDOM) {
        r = amble__hci_command(cipher->hci, AMBLE__HCI_LE_RAND, NULL, 0, more, sizeof more);
        for (size_t i = 0; r >= 0 && i < RANDOM && at + i < size; i++)
            to[at + i] ^= more[i];
    }
    amble__wipe(more, sizeof more);
    return r;
}

/* --- the controller's key pair ------------------------------------------------------------------------------------ */
bool amble__cipher_taken(const amble__cipher *cipher, const int *over)
{
    return amble__cipher_waits(cipher) && ((cipher->owner && cipher->owner != over) || cipher->awaited);
}

void amble__cipher_release(amble__cipher *cipher, const int *over)
{
    if (cipher->owner == over)
        cipher->owner = NULL;
    tell_all(cipher); /* also who waits for a result that is not wanted any more */
}

void amble__cipher_fail(amble__cipher *cipher, int error)
{
    amble__wipe(cipher->result, sizeof cipher->result);
    cipher->ready = false;
    amble__waiters_end(&cipher->waiters, error);
}

/* Waits for something to change: negative when that is of no use. */
static int wait_changed(amble__cipher *cipher, const int *over)
{
    int r;

    if (cipher->hci->failed)
        return amble__wait_refuse(cipher->hci->failed);
    r = amble__wait_on(&cipher->waiters, AMBLE_FOREVER);
    return r >= 0 && *over < 0 ? *over : r;
}

int amble__cipher_own(amble__cipher *cipher, const int *over)
{
    int r = 0;

    while (r >= 0 && amble__cipher_taken(cipher, over))
        r = wait_changed(cipher, over);
    if (r >= 0)
        cipher->owner = over;
    return r;
}

/* A command whose result comes with an event, 64 octets at most. */
static int compute(amble__cipher *cipher, const int *over, uint16_t opcode, const uint8_t *point, uint8_t subevent)
{
    int r;

    cipher->awaited = subevent;
    cipher->ready = false;
    cipher->wanted = true;
    amble__shield_begin();
    r = amble__hci_command(cipher->hci, opcode, point, point ? AMBLE__CIPHER_POINT : 0, NULL, 0);
    amble__shield_end();
    if (r < 0) {
        cipher->awaited = 0;
        tell_all(cipher);
    } else if (*over < 0) {
        r = *over;
    }
    while (r >= 0 && !cipher->ready)
        r = wait_changed(cipher, over);
    cipher->wanted = false;
    return r >= 0 && cipher->status ? AMBLE_ERR_HCI(cipher->status) : r;
}

bool amble__cipher_event(amble__cipher *cipher, uint8_t subevent, amble__reader parameters)
{
    const bool point = subevent == AMBLE__LE_LOCAL_P256_KEY, share = subevent == AMBLE__LE_DHKEY;

    if (!point && !share)
        return false;
    if (cipher->awaited != subevent)
        return true; /* nobody asked for it */
    cipher->awaited = 0;
    cipher->status = amble__read_u8(&parameters);
    amble__read_copy(&parameters, cipher->result, point ? AMBLE__CIPHER_POINT : COORDINATE);
    if (parameters.failed)
        cipher->status = AMBLE__HCI_UNSPECIFIED;
    cipher->ready = cipher->wanted;
    if (!cipher->wanted)
        amble__wipe(cipher->result, sizeof cipher->result);
    tell_all(cipher);
    return true;
}

static void take_result(amble__cipher *cipher, void *to, size_t size)
{
    memcpy(to, cipher->result, size);
    amble__wipe(cipher->result, sizeof cipher->result);
    cipher->ready = false;
}

/* --- P-256 -------------------------------------------------------------------------------------------------------- */
int amble__cipher_generate(amble__cipher *cipher, const int *over, uint8_t secret[32], uint8_t point[64])
{
    amble__p256_point generated;
    int r;

    if (!amble__cipher_waits(cipher)) {
        r = amble__p256_generate(amble__scheduler_random(), secret, &generated);
        turn_round(point, generated.x, COORDINATE);
        turn_round(point + COORDINATE, generated.y, COORDINATE);
        return r;
    }
    r = amble__cipher_own(cipher, over);
    if (r >= 0)
        r = compute(cipher, over, AMBLE__HCI_LE_READ_LOCAL_P256_KEY, NULL, AMBLE__LE_LOCAL_P256_KEY);
    if (r >= 0)
        take_result(cipher, point, AMBLE__CIPHER_POINT);
    return r;
}

static int share_in_port(const uint8_t secret[32], const uint8_t point[64], uint8_t shared[32])
{
    amble__p256_point peer;
    uint8_t x[COORDINATE];
    int r;

    turn_round(peer.x, point, COORDINATE);
    turn_round(peer.y, point + COORDINATE, COORDINATE);
    r = amble__p256_shared(secret, &peer, x);
    turn_round(shared, x, COORDINATE);
    amble__wipe(x, sizeof x);
    return r;
}

int amble__cipher_share(amble__cipher *cipher, const int *over, const uint8_t secret[32], const uint8_t point[64],
                        uint8_t shared[32])
{
    int r;

    if (!amble__curve_has(point))
        return AMBLE_ERR_ARGUMENT;
    if (!amble__cipher_waits(cipher))
        return share_in_port(secret, point, shared);
    if (cipher->owner != over)
        return AMBLE_ERR_STALE; /* it was given away: there is no secret any more */
    r = compute(cipher, over, AMBLE__HCI_LE_GENERATE_DHKEY, point, AMBLE__LE_DHKEY);
    if (r >= 0)
        take_result(cipher, shared, COORDINATE);
    return r == AMBLE_ERR_HCI(AMBLE__HCI_INVALID_PARAMETERS) ? AMBLE_ERR_ARGUMENT : r;
}
