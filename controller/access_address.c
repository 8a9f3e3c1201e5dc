/* The rules an access address keeps so that receivers can tell it from noise and from the advertising one. About one
 * random number in four passes them, so drawing until one does is quick. */
#include "controller/access_address.h"

/* The limits of Vol 6, Part B, 2.1.2. */
#define LONGEST_RUN         6
#define MOST_TRANSITIONS    24
#define TOP_BITS            6
#define TOP_TRANSITIONS_MIN 2

static unsigned count_ones(uint32_t value)
{
    unsigned ones = 0;

    for (; value; value &= value - 1)
        ones++;
    return ones;
}

static bool has_long_run(uint32_t address)
{
    unsigned run = 1;

    for (unsigned i = 1; i < 32; i++) {
        run = (address >> i & 1) == (address >> (i - 1) & 1) ? run + 1 : 1;
        if (run > LONGEST_RUN)
            return true;
    }
    return false;
}

bool amble__ll_access_address_valid(uint32_t address)
{
    const uint32_t transitions = (address ^ address >> 1) & 0x7fffffff; /* bit i: bits i and i + 1 differ */

    return count_ones(address ^ AMBLE__LL_ADVERTISING_ACCESS_ADDRESS) > 1 && !has_long_run(address) &&
           address != (address & 0xff) * 0x01010101u && count_ones(transitions) <= MOST_TRANSITIONS &&
           count_ones(transitions >> (32 - TOP_BITS)) >= TOP_TRANSITIONS_MIN;
}

uint32_t amble__ll_access_address_random(amble__random *random)
{
    uint32_t address;

    do
        address = (uint32_t)amble__random_u64(random);
    while (!amble__ll_access_address_valid(address));
    return address;
}
