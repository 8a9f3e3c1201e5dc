/* The simulated radio: devices, channels, packets in flight, loss, a sniffer.
 *
 * The air is a clockwork without a clock. It has its own time in microseconds, which moves only inside
 * amble__air_advance: everything due up to `now` happens, in order, each at its exact time. Whoever owns a clock asks
 * amble__air_next_deadline when to come back. One seed gives one trace: the only source of chance is the air's own
 * generator.
 *
 * A packet occupies one channel for the time its bytes take on its PHY. A receiver gets it when it listened on that
 * channel and PHY with the right access address from the first bit on, when no other packet in reach, whatever its PHY,
 * overlapped it, and when the dice of loss allow it. */
#ifndef AMBLE_AIR_AIR_H
#define AMBLE_AIR_AIR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/random.h"

typedef struct amble__air amble__air;

/* How the bits go over the air (Vol 6, Part A, 1). The first three have the numbers of HCI and of the link layer's
 * PDUs. A receiver of LE Coded hears both codings: the packet itself says which it has. */
typedef enum {
    AMBLE__PHY_1M = 1,
    AMBLE__PHY_2M = 2,
    AMBLE__PHY_CODED = 3, /* eight symbols a bit, S=8 */
    AMBLE__PHY_CODED_S2 = 4,
} amble__phy;
/* 1: LE 1M, 2: LE 2M, 3: LE Coded. */
static inline uint8_t amble__phy_number(amble__phy phy)
{
    return (uint8_t)(phy == AMBLE__PHY_CODED_S2 ? AMBLE__PHY_CODED : phy);
}

typedef struct {
    uint64_t seed;
    uint64_t start_us; /* the air's time at the beginning */
} amble__air_options;

int amble__air_open(amble__air **air, const amble__air_options *options);
void amble__air_close(amble__air *air); /* no controller may be left on it; NULL does nothing */

uint64_t amble__air_now(const amble__air *air);
/* When something happens next, UINT64_MAX for never. */
uint64_t amble__air_next_deadline(const amble__air *air);
/* Lets time pass until `now_us`; a time in the past does nothing. */
void amble__air_advance(amble__air *air, uint64_t now_us);

/* Each packet is lost at each receiver with this probability, in millionths: 50,000 is 5 %. */
void amble__air_set_loss(amble__air *air, uint32_t millionths);
amble__random *amble__air_random(amble__air *air);

/* Sees every packet that is sent, at its start, whether or not anybody receives it. `pdu` starts with the header and
 * does not contain the CRC. */
typedef struct {
    uint64_t start_us;
    uint8_t channel; /* 0..39 as the specification numbers them; 37, 38, 39 advertise */
    amble__phy phy;
    uint32_t access_address;
    const uint8_t *pdu;
    size_t size;
    int8_t rssi;
} amble__air_packet;
void amble__air_sniff(amble__air *air, void (*sniff)(void *user, const amble__air_packet *packet), void *user);
#endif
