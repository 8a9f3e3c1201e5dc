/* Where the Security Manager computes: with the port's ciphers, or with those of the controller (amble_config.crypto;
 * Vol 4 Part E 7.8.22, 7.8.23, 7.8.36, 7.8.37).
 *
 * The port answers at once. The controller is asked with commands, and who asks waits: so only tasks ask, never the
 * receive path (amble__cipher_waits). A task may be cancelled, and what it computes for may be over, while it waits.
 *
 * A controller has one key pair of P-256, which the next one replaces. So whoever makes a pair owns it until
 * amble__cipher_release; others queue. An owner is known by its `over`: an int that stays where it is, and is negative
 * when the result is not wanted any more.
 *
 * Keys, texts and coordinates are in the order of the air, least significant octet first. */
#ifndef AMBLE_SMP_CIPHER_H
#define AMBLE_SMP_CIPHER_H
#include <amble/task.h>

#include "hci/hci.h"
#include "port/crypto.h"

enum { AMBLE__CIPHER_BLOCK = 16, AMBLE__CIPHER_SECRET = 32, AMBLE__CIPHER_POINT = 64 };

typedef struct amble__cipher {
    amble__hci *hci;    /* NULL: the port computes */
    const int *owner;   /* of the controller's key pair; NULL: it may be replaced */
    uint8_t awaited;    /* the LE subevent that ends what the controller computes; 0: nothing */
    bool wanted, ready; /* a task waits for the result; it is there */
    uint8_t status;     /* of the result */
    uint8_t result[AMBLE__CIPHER_POINT];
    amble__list waiters; /* for all of the above to change */
    amble_event *freed;
} amble__cipher;

/* `freed` is set whenever the key pair may have become free. */
void amble__cipher_init(amble__cipher *cipher, amble_event *freed);
static inline bool amble__cipher_waits(const amble__cipher *cipher) { return cipher->hci; }
/* A result, or another LE subevent: false then. Called with the reader behind the subevent's code. */
bool amble__cipher_event(amble__cipher *cipher, uint8_t subevent, amble__reader parameters);
/* The controller is lost, or the host closes. */
void amble__cipher_fail(amble__cipher *cipher, int error);

/* e(key, in), Vol 3 Part H 2.2.1. `out` may be `in`. `cipher` NULL: the port's. Returns 0, or what the port or
 * amble__hci_command has. */
int amble__cipher_block(const amble__cipher *cipher, const uint8_t key[16], const uint8_t in[16], uint8_t out[16]);
/* Bytes that are as good as the better of the host's random numbers and the controller's. */
int amble__cipher_random(const amble__cipher *cipher, void *bytes, size_t size);

/* Waits until the controller's pair is this owner's. Nothing to wait for with the port. Returns `*over` when that
 * became negative. */
int amble__cipher_own(amble__cipher *cipher, const int *over);
/* Makes a key pair, which is this owner's then: a controller keeps the secret to itself. Errors also as
 * amble__cipher_own. */
int amble__cipher_generate(amble__cipher *cipher, const int *over, uint8_t secret[32], uint8_t point[64]);
/* The x coordinate of secret * point. AMBLE_ERR_ARGUMENT when that is none of the curve, whatever a controller thinks
 * of it. */
int amble__cipher_share(amble__cipher *cipher, const int *over, const uint8_t secret[32], const uint8_t point[64],
                        uint8_t shared[32]);
void amble__cipher_release(amble__cipher *cipher, const int *over);
/* Whether amble__cipher_own would wait. */
bool amble__cipher_taken(const amble__cipher *cipher, const int *over);

/* Whether x and y are a point of P-256, curve.c. */
bool amble__curve_has(const uint8_t point[64]);
#endif
