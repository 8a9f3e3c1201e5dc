/* A stream of random bytes: either the system's (unpredictable) or a seeded generator (the same bytes for the same
 * seed).
 *
 * Simulation needs the second kind: one seed gives one trace. A seeded stream is not fit for keys on a real link, so
 * nothing but virtual time and tests uses it there. core/ has no access to the system, so the system's source is passed
 * in. */
#ifndef AMBLE_CORE_RANDOM_H
#define AMBLE_CORE_RANDOM_H
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t state[4];                         /* xoshiro256**, seeded by splitmix64 */
    void (*system)(void *buffer, size_t size); /* not NULL: bytes come from here instead */
} amble__random;

void amble__random_seed(amble__random *random, uint64_t seed);
void amble__random_use_system(amble__random *random, void (*system)(void *buffer, size_t size));
void amble__random_bytes(amble__random *random, void *buffer, size_t size);
uint64_t amble__random_u64(amble__random *random);
/* A number below `bound` (1 and up), each equally likely. */
uint32_t amble__random_below(amble__random *random, uint32_t bound);
#endif
