/* Channel selection #1 and #2. Both are computed from the number of the event alone, so that an event can be skipped
 * without stepping through it: the last unmapped channel of algorithm #1 after n events is n times the hop
 * increment. */
#include "controller/channel_selection.h"

bool amble__ll_channels_set(amble__ll_channels *channels, uint64_t map)
{
    amble__ll_channels set = {.map = map, .count = 0};

    if (map & ~AMBLE__LL_ALL_CHANNELS)
        return false;
    for (uint8_t i = 0; i < AMBLE__LL_DATA_CHANNELS; i++)
        if (map >> i & 1)
            set.used[set.count++] = i;
    if (set.count < AMBLE__LL_CHANNELS_AT_LEAST)
        return false;
    *channels = set;
    return true;
}

static bool is_used(const amble__ll_channels *channels, unsigned channel) { return channels->map >> channel & 1; }

uint8_t amble__ll_channel_1(const amble__ll_channels *channels, uint8_t hop, uint64_t event)
{
    const unsigned unmapped = (unsigned)((event + 1) * hop % AMBLE__LL_DATA_CHANNELS);

    return is_used(channels, unmapped) ? (uint8_t)unmapped : channels->used[unmapped % channels->count];
}

/* Reverses the bits of each octet (4.5.8.3.2, PERM). */
static uint16_t permute(uint16_t value)
{
    unsigned v = value;

    v = (v & 0xaaaau) >> 1 | (v & 0x5555u) << 1;
    v = (v & 0xccccu) >> 2 | (v & 0x3333u) << 2;
    return (uint16_t)((v & 0xf0f0u) >> 4 | (v & 0x0f0fu) << 4);
}

/* MAM: multiply, add, modulo 2^16 (4.5.8.3.2). */
static uint16_t mix(uint16_t value, uint16_t identifier) { return (uint16_t)(value * 17u + identifier); }

uint8_t amble__ll_channel_2(const amble__ll_channels *channels, uint32_t access_address, uint16_t event)
{
    const uint16_t identifier = (uint16_t)(access_address >> 16 ^ access_address);
    uint16_t random = event ^ identifier;
    unsigned unmapped;

    for (int round = 0; round < 3; round++)
        random = mix(permute(random), identifier);
    random ^= identifier;
    unmapped = random % AMBLE__LL_DATA_CHANNELS;
    return is_used(channels, unmapped) ? (uint8_t)unmapped : channels->used[channels->count * random >> 16];
}
