/* One device's radio on the air, as the device that owns it sees it.
 *
 * A radio is half duplex and does one thing at a time: nothing, listening, waiting to send, or sending. Starting
 * something ends whatever was under way; a packet that is cut off while it is being sent is received by nobody. The
 * radio lives in its owner. Its events come from amble__air_advance, never from inside a call of the owner's, and may
 * themselves start the next thing. */
#ifndef AMBLE_AIR_RADIO_H
#define AMBLE_AIR_RADIO_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "air/air.h"
#include "core/list.h"
#include "core/timers.h"

#define AMBLE__RADIO_CHANNELS 40
#define AMBLE__RADIO_PDU      257 /* the largest PDU: a header of two octets, a payload of 255 (Vol 6, Part B, 2.4) */

typedef struct amble__radio amble__radio;

/* A packet as it was received. `pdu` starts with the header and is valid during the event only. */
typedef struct {
    uint64_t start_us;
    uint64_t end_us;
    uint8_t channel;
    amble__phy phy;
    int8_t rssi;
    const uint8_t *pdu;
    size_t size;
} amble__radio_packet;

typedef struct {
    /* A packet has ended. The radio goes on listening, unless the event starts something else. */
    void (*received)(amble__radio *radio, const amble__radio_packet *packet);
    void (*sent)(amble__radio *radio);   /* the last bit has left; the radio is idle */
    void (*silent)(amble__radio *radio); /* the time to listen is over and no packet is under way; the radio is idle */
} amble__radio_events;

typedef enum {
    AMBLE__RADIO_IDLE,
    AMBLE__RADIO_LISTENING,
    AMBLE__RADIO_WAITING, /* to send */
    AMBLE__RADIO_SENDING,
} amble__radio_state;

struct amble__radio {
    amble__air *air;
    const amble__radio_events *events;
    uint64_t identity; /* decides how loud each other radio hears this one */
    amble__timer timer;
    amble__radio_state state;
    unsigned changes; /* how often the state was set: an event handler that did nothing left it alone */
    uint8_t channel;
    amble__phy phy;
    uint32_t access_address;
    uint64_t start_us;        /* of the packet being sent */
    uint64_t listen_until_us; /* the last moment at which a packet may start */
    amble__list on_channel;   /* among those that listen, or send, on the channel */
    amble__list receivers;    /* while sending: the radios that follow this packet */
    amble__list reception;    /* while listening: in the `receivers` of the packet that is followed */
    bool collided;
    size_t size;
    uint8_t pdu[AMBLE__RADIO_PDU];
};

void amble__radio_open(amble__radio *radio, amble__air *air, uint64_t identity, const amble__radio_events *events);
void amble__radio_close(amble__radio *radio);

/* Listens for packets that start from now on until `until_us`. */
void amble__radio_listen(amble__radio *radio, uint8_t channel, amble__phy phy, uint32_t access_address,
                         uint64_t until_us);
/* Sends a copy of `pdu` from `at_us` on. At most AMBLE__RADIO_PDU bytes. */
void amble__radio_send(amble__radio *radio, uint8_t channel, amble__phy phy, uint32_t access_address, const void *pdu,
                       size_t size, uint64_t at_us);
void amble__radio_idle(amble__radio *radio);

/* How long a PDU of `size` bytes, its header among them, occupies a channel: with everything the specification puts
 * around it (Vol 6, Part B, 2.1 and 2.2). */
uint32_t amble__radio_air_time(amble__phy phy, size_t size);

/* Timers of devices on the air. A deadline in the past is due at once. */
void amble__air_arm(amble__air *air, amble__timer *timer, uint64_t at_us);
void amble__air_disarm(amble__air *air, amble__timer *timer);
#endif
