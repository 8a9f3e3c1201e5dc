/* What a program says about L2CAP channels to the host as a whole: their memory, and where to listen. */
#include "host/host_room.h"

enum {
    DEFAULT_CHANNELS = 8,
    DEFAULT_LISTENERS = 4,
    DEFAULT_CHANNEL_SIZE = 4096,
    DEFAULT_MPS = 247, /* one frame per link-layer packet of 251 bytes */
    LEAST_SEND_SIZE = 64,
    DEFAULT_BEARERS = 2,
};

void amble__host_channel_defaults(amble_config *c)
{
    c->enhanced_bearers = c->enhanced_bearers ? c->enhanced_bearers : DEFAULT_BEARERS;
    c->channels = c->channels ? c->channels : DEFAULT_CHANNELS;
    c->listeners = c->listeners ? c->listeners : DEFAULT_LISTENERS;
    c->channel_mps = c->channel_mps ? c->channel_mps : DEFAULT_MPS;
    c->channel_receive_size = c->channel_receive_size ? c->channel_receive_size : DEFAULT_CHANNEL_SIZE;
    c->channel_send_size = c->channel_send_size ? c->channel_send_size : DEFAULT_CHANNEL_SIZE;
}

uint8_t amble__host_bearers(const amble_config *c)
{
    if (c->no_enhanced_bearers || c->mtu < AMBLE__ENHANCED_UNIT_MIN || c->channel_mps < AMBLE__ENHANCED_UNIT_MIN)
        return 0;
    return c->enhanced_bearers;
}

bool amble__host_channels_sensible(const amble_config *c)
{
    return c->enhanced_bearers <= AMBLE_L2CAP_GROUP_MAX && c->channel_mps >= AMBLE__UNIT_MIN &&
           c->channel_mps <= AMBLE__MPS_MAX && c->channel_receive_size >= c->channel_mps &&
           c->channel_send_size >= LEAST_SEND_SIZE;
}

void amble__host_lay_out_channels(amble *ble, amble__arena *arena, const amble_config *c)
{
    const amble__l2cap_sizes sizes = {.links = c->connections,
                                      .mtu = c->mtu,
                                      .channels = c->no_channels ? 0 : c->channels,
                                      .listeners = c->listeners,
                                      .receive_size = c->channel_receive_size,
                                      .send_size = c->channel_send_size,
                                      .mps = c->channel_mps,
                                      .bearers = amble__host_bearers(c)};

    amble__l2cap_init(ble ? &ble->l2cap : NULL, arena, &sizes);
}

int amble_l2cap_listen(amble *ble, uint16_t psm, const amble_l2cap_options *options)
{
    return amble__l2cap_listen(&ble->l2cap, psm, options);
}

int amble_l2cap_unlisten(amble *ble, uint16_t psm) { return amble__l2cap_unlisten(&ble->l2cap, psm); }
