/* The legacy commands for advertising, scanning and connecting (Vol 4 Part E 7.8.5 to 7.8.13). */
#include "gap/gap_room.h"

enum { ADV_IND = 0, ADV_DIRECT_IND_HIGH = 1, ADV_SCAN_IND = 2, ADV_NONCONN_IND = 3, ADV_DIRECT_IND_LOW = 4 };
enum { ALL_CHANNELS = 7, UNIT_625_US = 625 };

static int command(amble__gap *gap, uint16_t opcode, const amble__writer *w)
{
    return amble__hci_command(gap->hci, opcode, w->start, amble__written_size(w), NULL, 0);
}

static int set_data(amble__gap *gap, uint16_t opcode, const uint8_t *data, uint16_t size)
{
    uint8_t parameters[1 + AMBLE__ADVERTISING_DATA] = {(uint8_t)size};

    memcpy(parameters + 1, data, size);
    return amble__hci_command(gap->hci, opcode, parameters, sizeof parameters, NULL, 0);
}

static int enable_advertising(amble__gap *gap, bool on)
{
    const uint8_t parameter = on;

    return amble__hci_command(gap->hci, AMBLE__HCI_LE_SET_ADVERTISING_ENABLE, &parameter, 1, NULL, 0);
}

static unsigned type_of(const amble__advertisement *what)
{
    if (what->directed)
        return what->high_duty ? ADV_DIRECT_IND_HIGH : ADV_DIRECT_IND_LOW;
    return what->connectable ? ADV_IND : what->response_size ? ADV_SCAN_IND : ADV_NONCONN_IND;
}

static int set_parameters(amble__gap *gap, const amble__advertisement *what)
{
    uint8_t parameters[15];
    amble__writer w = amble__writer_of(parameters, sizeof parameters);
    amble_device peer = what->peer;
    const uint8_t own_type =
        what->directed ? amble__own_address_type_to(gap, what->peer, &peer) : amble__own_address_type(gap);

    amble__write_le16(&w, what->interval_us / UNIT_625_US);
    amble__write_le16(&w, what->interval_us / UNIT_625_US);
    amble__write_u8(&w, type_of(what));
    amble__write_u8(&w, own_type);
    amble__write_u8(&w, peer.type);
    amble__write_bytes(&w, peer.bytes, 6);
    amble__write_u8(&w, ALL_CHANNELS);
    amble__write_u8(&w, 0); /* anybody may scan and connect */
    return command(gap, AMBLE__HCI_LE_SET_ADVERTISING_PARAMETERS, &w);
}

static int fill_in_tx_power(amble__gap *gap, uint8_t set, const amble__advertisement *what)
{
    uint8_t level;
    int r = amble__hci_command(gap->hci, AMBLE__HCI_LE_READ_ADVERTISING_TX_POWER, NULL, 0, &level, 1);

    if (r >= 0 && amble__advertiser_wanted(gap, set))
        what->bytes[what->tx_power_at] = level;
    return r;
}

static int start_advertising(amble__gap *gap, uint8_t set, const amble__advertisement *what)
{
    int r = set_parameters(gap, what);

    if (r >= 0 && what->tx_power_at)
        r = fill_in_tx_power(gap, set, what);
    if (r < 0 || (!what->directed &&
                  ((r = set_data(gap, AMBLE__HCI_LE_SET_ADVERTISING_DATA, what->bytes, what->data_size)) < 0 ||
                   (r = set_data(gap, AMBLE__HCI_LE_SET_SCAN_RESPONSE_DATA, what->bytes + what->data_size,
                                 what->response_size)) < 0)))
        return r;
    return amble__advertiser_wanted(gap, set) ? enable_advertising(gap, true) : AMBLE_ERR_STALE;
}

static int stop_advertising(amble__gap *gap, uint8_t set)
{
    (void)set; /* there is one */
    return enable_advertising(gap, false);
}

static int enable_scanning(amble__gap *gap, bool on)
{
    const uint8_t parameters[2] = {on, 0}; /* no duplicate filter: data may change */

    return amble__hci_command(gap->hci, AMBLE__HCI_LE_SET_SCAN_ENABLE, parameters, sizeof parameters, NULL, 0);
}

static int start_scanning(amble__gap *gap, const amble__scan_wish *wish)
{
    uint8_t parameters[7];
    amble__writer w = amble__writer_of(parameters, sizeof parameters);
    int r;

    amble__write_u8(&w, wish->active);
    amble__write_le16(&w, wish->interval_us / UNIT_625_US);
    amble__write_le16(&w, wish->window_us / UNIT_625_US);
    amble__write_u8(&w, amble__own_address_type_towards_peers(gap));
    amble__write_u8(&w, 0); /* everybody's advertising */
    r = command(gap, AMBLE__HCI_LE_SET_SCAN_PARAMETERS, &w);
    return r < 0 ? r : enable_scanning(gap, true);
}

static int stop_scanning(amble__gap *gap) { return enable_scanning(gap, false); }

static int start_connecting(amble__gap *gap, const amble_connect_options *options, const amble_device *peer)
{
    static const amble_device nobody = {.type = AMBLE_PUBLIC};
    uint8_t parameters[25];
    amble__writer w = amble__writer_of(parameters, sizeof parameters);

    amble__write_le16(&w, options->scan_interval_us / UNIT_625_US);
    amble__write_le16(&w, options->scan_window_us / UNIT_625_US);
    amble__write_u8(&w, !peer); /* filter policy: the accept list */
    amble__write_u8(&w, peer ? peer->type : 0u);
    amble__write_bytes(&w, peer ? peer->bytes : nobody.bytes, 6);
    amble__write_u8(&w, amble__own_address_type_towards_peers(gap));
    amble__write_link_wishes(&w, options);
    return command(gap, AMBLE__HCI_LE_CREATE_CONNECTION, &w);
}

const amble__gap_commands amble__legacy_commands = {
    .start_advertising = start_advertising,
    .stop_advertising = stop_advertising,
    .start_scanning = start_scanning,
    .stop_scanning = stop_scanning,
    .start_connecting = start_connecting,
};
