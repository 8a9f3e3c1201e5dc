/* The simulated radio: time, channels, and which packet reaches whom.
 *
 * Each channel keeps the radios that listen on it and those that send on it, so a packet costs as much as its channel
 * has listeners, however many devices there are. A listener follows a packet from its start (it is in the packet's
 * `receivers`) and gets it at its end. Invariants: a radio is in a channel's list exactly while it listens or sends;
 * `reception` is linked only while listening; every packet under way is in its channel's `senders`, and two that
 * overlap there are both marked. */
#include "air/air.h"

#include <stdlib.h>
#include <string.h>

#include "air/radio.h"
#include "amble/error.h"

/* The uncoded PHYs (Vol 6, Part B, 2.1): preamble, access address 4, PDU, CRC 3. */
#define OCTETS_AROUND_PDU_1M 8 /* a preamble of 1 */
#define OCTETS_AROUND_PDU_2M 9 /* a preamble of 2 */
#define OCTET_US_1M          8
#define OCTET_US_2M          4

/* LE Coded (2.2): the preamble is not coded, FEC block 1 always with S=8: access address 32 bits, CI 2, TERM1 3. FEC
 * block 2 is the PDU, the CRC and TERM2. A symbol takes 1 us. */
#define CODED_START_US     (80 + (32 + 2 + 3) * 8)
#define BITS_PER_OCTET     8
#define CODED_BITS_BEHIND  (24 + 3)
#define SYMBOLS_PER_BIT_S8 8
#define SYMBOLS_PER_BIT_S2 2

#define MILLION        1000000 /* certain loss */
#define RSSI_STRONGEST (-40)   /* dBm, of the nearest pair */
#define RSSI_SPREAD    31      /* pairs lie between -40 and -70 dBm */
#define RSSI_NOISE     3       /* dB to both sides */

typedef struct {
    amble__list listeners;
    amble__list senders;
} channel;

struct amble__air {
    uint64_t now_us;
    uint32_t loss; /* millionths */
    amble__timers timers;
    amble__random random;
    channel channels[AMBLE__RADIO_CHANNELS];
    void (*sniff)(void *user, const amble__air_packet *packet);
    void *sniff_user;
};

/* --- time --------------------------------------------------------------------------------------------------------- */

int amble__air_open(amble__air **out, const amble__air_options *options)
{
    amble__air *air = calloc(1, sizeof *air);

    *out = air;
    if (!air)
        return AMBLE_ERR_NO_MEMORY;
    air->now_us = options->start_us;
    amble__random_seed(&air->random, options->seed);
    for (unsigned i = 0; i < AMBLE__RADIO_CHANNELS; i++) {
        amble__list_init(&air->channels[i].listeners);
        amble__list_init(&air->channels[i].senders);
    }
    return 0;
}

void amble__air_close(amble__air *air) { free(air); }

uint64_t amble__air_now(const amble__air *air) { return air->now_us; }

uint64_t amble__air_next_deadline(const amble__air *air) { return amble__timers_deadline(&air->timers); }

void amble__air_advance(amble__air *air, uint64_t now_us)
{
    uint64_t deadline;

    while ((deadline = amble__timers_deadline(&air->timers)) <= now_us && deadline != AMBLE__NEVER) {
        air->now_us = deadline;
        amble__timers_run(&air->timers, deadline);
    }
    if (now_us > air->now_us)
        air->now_us = now_us;
}

void amble__air_arm(amble__air *air, amble__timer *timer, uint64_t at_us)
{
    amble__timers_arm(&air->timers, timer, at_us > air->now_us ? at_us : air->now_us);
}

void amble__air_disarm(amble__air *air, amble__timer *timer) { amble__timers_disarm(&air->timers, timer); }

void amble__air_set_loss(amble__air *air, uint32_t millionths) { air->loss = millionths; }

amble__random *amble__air_random(amble__air *air) { return &air->random; }

void amble__air_sniff(amble__air *air, void (*sniff)(void *user, const amble__air_packet *packet), void *user)
{
    air->sniff = sniff;
    air->sniff_user = user;
}

/* --- strength and loss -------------------------------------------------------------------------------------------- */

/* The same for both directions and for the whole life of a pair, as if the devices stood still. */
static int pair_rssi(uint64_t one, uint64_t other)
{
    uint64_t mixed = (one ^ other) * UINT64_C(0x9e3779b97f4a7c15);

    mixed ^= mixed >> 32;
    return RSSI_STRONGEST - (int)(mixed % RSSI_SPREAD);
}

static int8_t noisy_rssi(amble__air *air, const amble__radio *from, const amble__radio *to)
{
    const int noise = (int)amble__random_below(&air->random, 2 * RSSI_NOISE + 1) - RSSI_NOISE;

    return (int8_t)(pair_rssi(from->identity, to->identity) + noise);
}

static bool lost(amble__air *air) { return air->loss && amble__random_below(&air->random, MILLION) < air->loss; }

/* --- radios ------------------------------------------------------------------------------------------------------- */

static uint32_t coded_time(size_t size, uint32_t symbols_per_bit)
{
    return CODED_START_US + (uint32_t)(size * BITS_PER_OCTET + CODED_BITS_BEHIND) * symbols_per_bit;
}

uint32_t amble__radio_air_time(amble__phy phy, size_t size)
{
    switch (phy) {
    case AMBLE__PHY_2M:
        return (uint32_t)(size + OCTETS_AROUND_PDU_2M) * OCTET_US_2M;
    case AMBLE__PHY_CODED:
        return coded_time(size, SYMBOLS_PER_BIT_S8);
    case AMBLE__PHY_CODED_S2:
        return coded_time(size, SYMBOLS_PER_BIT_S2);
    case AMBLE__PHY_1M:
        break;
    }
    return (uint32_t)(size + OCTETS_AROUND_PDU_1M) * OCTET_US_1M;
}

/* A listener that followed a packet in vain is silent when its time is over, and listens on until then. */
static void listen_on(amble__radio *radio) { amble__air_arm(radio->air, &radio->timer, radio->listen_until_us); }

static void drop_receivers(amble__radio *sender)
{
    amble__list *node;

    while ((node = amble__list_take(&sender->receivers)))
        listen_on(amble__container(node, amble__radio, reception));
}

static void set_state(amble__radio *radio, amble__radio_state state)
{
    amble__air_disarm(radio->air, &radio->timer);
    amble__list_remove(&radio->on_channel);
    amble__list_remove(&radio->reception);
    drop_receivers(radio);
    radio->state = state;
    radio->changes++;
}

static void report_to_sniffer(const amble__radio *radio)
{
    const amble__air *air = radio->air;
    const amble__air_packet packet = {
        .start_us = radio->start_us,
        .channel = radio->channel,
        .phy = radio->phy,
        .access_address = radio->access_address,
        .pdu = radio->pdu,
        .size = radio->size,
        .rssi = (int8_t)pair_rssi(radio->identity, 0),
    };

    if (air->sniff)
        air->sniff(air->sniff_user, &packet);
}

static bool hears(const amble__radio *listener, const amble__radio *sender)
{
    return listener->access_address == sender->access_address &&
           amble__phy_number(listener->phy) == amble__phy_number(sender->phy);
}

static void start_sending(amble__radio *radio)
{
    amble__air *air = radio->air;
    channel *on = &air->channels[radio->channel];

    set_state(radio, AMBLE__RADIO_SENDING);
    radio->start_us = air->now_us;
    radio->collided = false;
    amble__list_each (node, &on->senders) {
        amble__container(node, amble__radio, on_channel)->collided = true;
        radio->collided = true;
    }
    amble__list_append(&on->senders, &radio->on_channel);
    report_to_sniffer(radio);
    /* With no other packet on the channel, no listener there can be following one. */
    amble__list_each (node, &on->listeners) {
        amble__radio *listener = amble__container(node, amble__radio, on_channel);

        if (hears(listener, radio) && !radio->collided && !lost(air))
            amble__list_append(&radio->receivers, &listener->reception);
    }
    amble__air_arm(air, &radio->timer, air->now_us + amble__radio_air_time(radio->phy, radio->size));
}

static void deliver(amble__radio *to, const amble__radio *from)
{
    const amble__radio_packet packet = {
        .start_us = from->start_us,
        .end_us = from->air->now_us,
        .channel = from->channel,
        .phy = from->phy,
        .rssi = noisy_rssi(from->air, from, to),
        .pdu = from->pdu,
        .size = from->size,
    };
    const unsigned changes = to->changes;

    to->events->received(to, &packet);
    if (to->changes == changes)
        listen_on(to);
}

static void finish_sending(amble__radio *radio)
{
    const unsigned changes = radio->changes;
    amble__list *node;

    amble__list_remove(&radio->on_channel);
    radio->state = AMBLE__RADIO_IDLE;
    if (radio->collided)
        drop_receivers(radio);
    while ((node = amble__list_take(&radio->receivers)))
        deliver(amble__container(node, amble__radio, reception), radio);
    if (radio->changes == changes)
        radio->events->sent(radio);
}

static void timer_fired(amble__timer *timer)
{
    amble__radio *radio = amble__container(timer, amble__radio, timer);

    switch (radio->state) {
    case AMBLE__RADIO_WAITING:
        start_sending(radio);
        break;
    case AMBLE__RADIO_SENDING:
        finish_sending(radio);
        break;
    case AMBLE__RADIO_LISTENING:
        if (amble__list_linked(&radio->reception))
            break; /* the packet it follows decides */
        set_state(radio, AMBLE__RADIO_IDLE);
        radio->events->silent(radio);
        break;
    case AMBLE__RADIO_IDLE:
        break;
    }
}

void amble__radio_open(amble__radio *radio, amble__air *air, uint64_t identity, const amble__radio_events *events)
{
    memset(radio, 0, sizeof *radio);
    radio->air = air;
    radio->identity = identity;
    radio->events = events;
    radio->timer.fire = timer_fired;
    amble__list_init(&radio->on_channel);
    amble__list_init(&radio->receivers);
    amble__list_init(&radio->reception);
}

void amble__radio_close(amble__radio *radio) { set_state(radio, AMBLE__RADIO_IDLE); }

void amble__radio_listen(amble__radio *radio, uint8_t on, amble__phy phy, uint32_t access_address, uint64_t until_us)
{
    set_state(radio, AMBLE__RADIO_LISTENING);
    radio->channel = on;
    radio->phy = phy;
    radio->access_address = access_address;
    radio->listen_until_us = until_us;
    amble__list_append(&radio->air->channels[on].listeners, &radio->on_channel);
    listen_on(radio);
}

void amble__radio_send(amble__radio *radio, uint8_t on, amble__phy phy, uint32_t access_address, const void *pdu,
                       size_t size, uint64_t at_us)
{
    set_state(radio, AMBLE__RADIO_WAITING);
    radio->channel = on;
    radio->phy = phy;
    radio->access_address = access_address;
    radio->size = size < sizeof radio->pdu ? size : sizeof radio->pdu;
    memcpy(radio->pdu, pdu, radio->size);
    amble__air_arm(radio->air, &radio->timer, at_us);
}

void amble__radio_idle(amble__radio *radio) { set_state(radio, AMBLE__RADIO_IDLE); }
