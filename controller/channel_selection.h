/* Which data channel a connection event uses: channel selection algorithms #1 and #2 (Vol 6, Part B, 4.5.8). */
#ifndef AMBLE_CONTROLLER_CHANNEL_SELECTION_H
#define AMBLE_CONTROLLER_CHANNEL_SELECTION_H
#include <stdbool.h>
#include <stdint.h>

#define AMBLE__LL_DATA_CHANNELS     37
#define AMBLE__LL_ALL_CHANNELS      UINT64_C(0x1fffffffff)
#define AMBLE__LL_CHANNELS_AT_LEAST 2 /* 4.5.8.1: a channel map has two used channels or more */

/* A channel map and the list of its used channels, in ascending order. */
typedef struct {
    uint64_t map; /* bit n: channel n is used */
    uint8_t used[AMBLE__LL_DATA_CHANNELS];
    uint8_t count;
} amble__ll_channels;

/* False when the map has fewer used channels than allowed, or bits beyond the data channels. */
bool amble__ll_channels_set(amble__ll_channels *channels, uint64_t map);
/* Algorithm #1: `event` counts from 0 over the whole life of the link, since the sequence goes on where the link's
 * 16-bit event counter wraps; `hop` is the hop increment. */
uint8_t amble__ll_channel_1(const amble__ll_channels *channels, uint8_t hop, uint64_t event);
/* Algorithm #2: `event` is the event counter of the specification. */
uint8_t amble__ll_channel_2(const amble__ll_channels *channels, uint32_t access_address, uint16_t event);
#endif
