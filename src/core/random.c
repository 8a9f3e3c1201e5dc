/* xoshiro256** (Blackman and Vigna, public domain algorithm) seeded through splitmix64, or the system's source. */
#include "core/random.h"

#include <string.h>

static uint64_t rotate_left(uint64_t x, int k) { return x << k | x >> (64 - k); }

void amble__random_seed(amble__random *random, uint64_t seed)
{
    random->system = NULL;
    for (int i = 0; i < 4; i++) {
        uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        random->state[i] = z ^ z >> 31;
    }
}

void amble__random_use_system(amble__random *random, void (*system)(void *buffer, size_t size))
{
    random->system = system;
}

static uint64_t next_seeded(uint64_t s[4])
{
    const uint64_t result = rotate_left(s[1] * 5, 7) * 9, t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t amble__random_u64(amble__random *random)
{
    uint64_t value;

    if (!random->system)
        return next_seeded(random->state);
    random->system(&value, sizeof value);
    return value;
}

void amble__random_bytes(amble__random *random, void *buffer, size_t size)
{
    uint8_t *out = buffer;

    if (random->system) {
        random->system(buffer, size);
        return;
    }
    while (size) {
        const uint64_t value = next_seeded(random->state);
        const size_t n = size < 8 ? size : 8;

        for (size_t i = 0; i < n; i++)
            out[i] = (uint8_t)(value >> (8 * i));
        out += n;
        size -= n;
    }
}

uint32_t amble__random_below(amble__random *random, uint32_t bound)
{
    /* Numbers from the incomplete last cycle of `bound` would favour small results; they are drawn again. */
    const uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    uint64_t value;

    do
        value = amble__random_u64(random);
    while (value >= limit);
    return (uint32_t)(value % bound);
}
