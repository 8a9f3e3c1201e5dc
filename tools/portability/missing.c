/* Stands in for what a foreign processor's build lacks, Mbed TLS and the transports on libuv: a test that comes to such
 * a function ends there and counts as skipped. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/bond_file.h"
#include "port/crypto.h"
#include "transport/opener.h"

static _Noreturn void missing(const char *what)
{
    (void)printf("skipped: %s is missing\n", what);
    exit(77);
}

int amble__aes_expand(amble__aes_key *key, const uint8_t secret[16])
{
    (void)key, (void)secret;
    missing("AES");
}

void amble__aes_encrypt(const amble__aes_key *key, const uint8_t in[16], uint8_t out[16])
{
    (void)key, (void)in, (void)out;
    missing("AES");
}

void amble__aes_wipe(amble__aes_key *key) { (void)key; }

int amble__p256_generate(amble__random *random, uint8_t secret[32], amble__p256_point *point)
{
    (void)random, (void)secret, (void)point;
    missing("P-256");
}

int amble__p256_public(const uint8_t secret[32], amble__p256_point *point)
{
    (void)secret, (void)point;
    missing("P-256");
}

int amble__p256_shared(const uint8_t secret[32], const amble__p256_point *peer, uint8_t shared[32])
{
    (void)secret, (void)peer, (void)shared;
    missing("P-256");
}

void amble__wipe(void *memory, size_t size) { memset(memory, 0, size); }

bool amble__equal_constant_time(const void *a, const void *b, size_t size) { return memcmp(a, b, size) == 0; }

int amble__bond_file_open(amble__bond_file **file, const char *path, void (*explain)(const char *sentence))
{
    (void)file, (void)path, (void)explain;
    missing("the bond file");
}

void amble__bond_file_close(amble__bond_file *file) { (void)file; }

const amble_bond_store *amble__bond_file_store(amble__bond_file *file)
{
    (void)file;
    missing("the bond file");
}

int amble__tcp_client_open(const amble__transport_request *request, amble__transport **transport)
{
    (void)request, (void)transport;
    missing("tcp-client:");
}

int amble__unix_client_open(const amble__transport_request *request, amble__transport **transport)
{
    (void)request, (void)transport;
    missing("unix-client:");
}

int amble__open_server(const amble__transport_request *request, amble__transport **transport)
{
    (void)request, (void)transport;
    missing("a server");
}
