/* The extended commands for advertising, scanning and connecting, with the PDUs that every device understands (Vol 4 Part E 7.8.52 to
 * 7.8.66). One advertising set is used, number 0. */
#include "gap/gap_room.h"

enum {
    SET = 0,
    PROPERTIES_CONNECTABLE = 0x0013, /* ADV_IND: legacy, connectable, scannable */
    PROPERTIES_SCANNABLE = 0x0012,   /* ADV_SCAN_IND */
    PROPERTIES_NEITHER = 0x0010,     /* ADV_NONCONN_IND */
    ALL_CHANNELS = 7,
    NO_PREFERENCE = 0x7f, /* of transmit power */
    PHY_1M = 1,
    WHOLE_DATA = 3,   /* not a fragment */
    NO_FRAGMENTS = 1, /* a preference */
    UNIT_625_US = 625,
};

static int command(amble__gap *gap, uint16_t opcode, const amble__writer *w)
{
    return amble__hci_command(gap->hci, opcode, w->start, amble__written_size(w), NULL, 0);
}

static int set_parameters(amble__gap *gap, const amble__advertisement *what)
{
    uint8_t parameters[25], power;
    amble__writer w = amble__writer_of(parameters, sizeof parameters);

    amble__write_u8(&w, SET);
    amble__write_le16(&w, what->connectable     ? PROPERTIES_CONNECTABLE
                          : what->response_size ? PROPERTIES_SCANNABLE
                                                : PROPERTIES_NEITHER);
    amble__write_le24(&w, what->interval_us / UNIT_625_US);
    amble__write_le24(&w, what->interval_us / UNIT_625_US);
    amble__write_u8(&w, ALL_CHANNELS);
    amble__write_u8(&w, gap->own.type);
    for (int i = 0; i < 8; i++) /* no peer, no filter */
        amble__write_u8(&w, 0);
    amble__write_u8(&w, NO_PREFERENCE);
    amble__write_u8(&w, PHY_1M);
    amble__write_u8(&w, 0);
    amble__write_u8(&w, PHY_1M);
    amble__write_u8(&w, 0); /* set identifier */
    amble__write_u8(&w, 0); /* no scan request notifications */
    return amble__hci_command(gap->hci, AMBLE__HCI_LE_SET_EXTENDED_PARAMETERS, parameters, amble__written_size(&w),
                              &power, 1);
}

static int set_random_address(amble__gap *gap)
{
    uint8_t parameters[7] = {SET};

    if (gap->own.type != AMBLE_RANDOM)
        return 0;
    memcpy(parameters + 1, gap->own.bytes, 6);
    return amble__hci_command(gap->hci, AMBLE__HCI_LE_SET_SET_RANDOM_ADDRESS, parameters, sizeof parameters, NULL, 0);
}

static int set_data(amble__gap *gap, uint16_t opcode, const uint8_t *data, uint8_t size)
{
    uint8_t parameters[4 + AMBLE__ADVERTISING_DATA] = {SET, WHOLE_DATA, NO_FRAGMENTS, size};

    memcpy(parameters + 4, data, size);
    return amble__hci_command(gap->hci, opcode, parameters, 4u + size, NULL, 0);
}

static int enable_advertising(amble__gap *gap, bool on)
{
    const uint8_t parameters[6] = {on, 1, SET, 0, 0, 0}; /* one set, for ever, any number of events */

    return amble__hci_command(gap->hci, AMBLE__HCI_LE_SET_EXTENDED_ENABLE, parameters, sizeof parameters, NULL, 0);
}

static int start_advertising(amble__gap *gap, const amble__advertisement *what)
{
    int r;

    if ((r = set_parameters(gap, what)) < 0 || (r = set_random_address(gap)) < 0 ||
        (r = set_data(gap, AMBLE__HCI_LE_SET_EXTENDED_DATA, what->data, what->data_size)) < 0)
        return r;
    if ((what->connectable || what->response_size) &&
        (r = set_data(gap, AMBLE__HCI_LE_SET_EXTENDED_RESPONSE, what->response, what->response_size)) < 0)
        return r;
    return enable_advertising(gap, true);
}

static int stop_advertising(amble__gap *gap) { return enable_advertising(gap, false); }

static int enable_scanning(amble__gap *gap, bool on)
{
    const uint8_t parameters[6] = {on, 0, 0, 0, 0, 0}; /* no duplicate filter, no duration, no period */

    return amble__hci_command(gap->hci, AMBLE__HCI_LE_SET_EXTENDED_SCAN_ENABLE, parameters, sizeof parameters, NULL, 0);
}

static int start_scanning(amble__gap *gap, const amble_scan_options *options)
{
    uint8_t parameters[8];
    amble__writer w = amble__writer_of(parameters, sizeof parameters);
    int r;

    amble__write_u8(&w, gap->own.type);
    amble__write_u8(&w, 0); /* everybody's advertising */
    amble__write_u8(&w, PHY_1M);
    amble__write_u8(&w, options->active);
    amble__write_le16(&w, options->interval_us / UNIT_625_US);
    amble__write_le16(&w, options->window_us / UNIT_625_US);
    r = command(gap, AMBLE__HCI_LE_SET_EXTENDED_SCAN_PARAMETERS, &w);
    return r < 0 ? r : enable_scanning(gap, true);
}

static int stop_scanning(amble__gap *gap) { return enable_scanning(gap, false); }

static int start_connecting(amble__gap *gap, const amble_connect_options *options, const amble_device *peer)
{
    static const amble_device nobody = {.type = AMBLE_PUBLIC};
    uint8_t parameters[26];
    amble__writer w = amble__writer_of(parameters, sizeof parameters);

    amble__write_u8(&w, !peer); /* filter policy: the accept list */
    amble__write_u8(&w, gap->own.type);
    amble__write_u8(&w, peer ? peer->type : 0u);
    amble__write_bytes(&w, peer ? peer->bytes : nobody.bytes, 6);
    amble__write_u8(&w, PHY_1M);
    amble__write_le16(&w, options->scan_interval_us / UNIT_625_US);
    amble__write_le16(&w, options->scan_window_us / UNIT_625_US);
    amble__write_link_wishes(&w, options);
    return command(gap, AMBLE__HCI_LE_EXTENDED_CREATE_CONNECTION, &w);
}

const amble__gap_commands amble__extended_commands = {
    .start_advertising = start_advertising,
    .stop_advertising = stop_advertising,
    .start_scanning = start_scanning,
    .stop_scanning = stop_scanning,
    .start_connecting = start_connecting,
};
