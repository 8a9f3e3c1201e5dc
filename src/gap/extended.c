/* The extended commands for advertising, scanning and connecting (Vol 4 Part E 7.8.52 to 7.8.66). They send the packets
 * that every device understands, unless extended ones are asked for. Each advertiser's place is the number of its
 * advertising set. */
#include "gap/gap_room.h"

/* Advertising_Event_Properties, 7.8.53. */
enum { CONNECTABLE = 0x01, SCANNABLE = 0x02, DIRECTED = 0x04, HIGH_DUTY = 0x08, LEGACY = 0x10, ANONYMOUS = 0x20 };
/* Operation and Fragment_Preference, 7.8.54. */
enum { NEXT_FRAGMENT = 0, FIRST_FRAGMENT = 1, LAST_FRAGMENT = 2, WHOLE_DATA = 3 };
enum { MAY_FRAGMENT = 0, NO_FRAGMENTS = 1, FRAGMENT_HEADER = 3, MOST_IN_FRAGMENT = 251 };
enum {
    ALL_CHANNELS = 7,
    NO_PREFERENCE = 0x7f, /* of transmit power */
    PHY_1M = 1,           /* bits */
    PHY_CODED = 4,
    LEAST_WINDOW = 4, /* 2.5 ms, 7.8.64 */
    UNIT_625_US = 625,
    UNIT_1250_US = 1250,
};

static int command(amble__gap *gap, uint16_t opcode, const amble__writer *w)
{
    return amble__hci_command(gap->hci, opcode, w->start, amble__written_size(w), NULL, 0);
}

static unsigned properties_of(const amble__advertisement *what)
{
    const unsigned legacy = what->extended ? 0 : LEGACY;

    if (what->directed)
        return legacy | CONNECTABLE | DIRECTED | (what->high_duty ? HIGH_DUTY : 0u);
    if (what->connectable)
        return what->extended ? CONNECTABLE : LEGACY | CONNECTABLE | SCANNABLE;
    return legacy | (what->response_size ? SCANNABLE : 0u) | (what->anonymous ? ANONYMOUS : 0u);
}

static int set_parameters(amble__gap *gap, uint8_t set, const amble__advertisement *what)
{
    uint8_t parameters[25], power;
    amble__writer w = amble__writer_of(parameters, sizeof parameters);
    amble_device peer = what->peer;
    const uint8_t own_type =
        what->directed ? amble__own_address_type_to(gap, what->peer, &peer) : amble__own_address_type(gap);
    int r;

    amble__write_u8(&w, set);
    amble__write_le16(&w, properties_of(what));
    amble__write_le24(&w, what->interval_us / UNIT_625_US);
    amble__write_le24(&w, what->interval_us / UNIT_625_US);
    amble__write_u8(&w, ALL_CHANNELS);
    amble__write_u8(&w, own_type);
    amble__write_u8(&w, peer.type);
    amble__write_bytes(&w, peer.bytes, 6);
    amble__write_u8(&w, 0); /* no filter */
    amble__write_u8(&w, NO_PREFERENCE);
    amble__write_u8(&w, what->phy == AMBLE_PHY_CODED ? AMBLE_PHY_CODED : AMBLE_PHY_1M);
    amble__write_u8(&w, 0);
    amble__write_u8(&w, what->phy == AMBLE_PHY_ANY ? AMBLE_PHY_1M : what->phy);
    amble__write_u8(&w, set); /* its identifier on the air: each place has its own */
    amble__write_u8(&w, 0);   /* no scan request notifications */
    r = amble__hci_command(gap->hci, AMBLE__HCI_LE_SET_EXTENDED_PARAMETERS, parameters, amble__written_size(&w), &power,
                           1);
    if (r >= 0 && what->tx_power_at && amble__advertiser_wanted(gap, set))
        what->bytes[what->tx_power_at] = power;
    return r;
}

int amble__tell_set_address(amble__gap *gap, uint8_t set, bool connectable)
{
    const amble_device address = amble__own_address_for(gap, connectable);
    uint8_t parameters[7] = {set};

    if (address.type != AMBLE_RANDOM)
        return 0;
    memcpy(parameters + 1, address.bytes, 6);
    return amble__hci_command(gap->hci, AMBLE__HCI_LE_SET_SET_RANDOM_ADDRESS, parameters, sizeof parameters, NULL, 0);
}

int amble__set_in_fragments(amble__gap *gap, uint16_t opcode, const uint8_t *before, size_t before_size,
                            const uint8_t *data, size_t size)
{
    uint8_t parameters[AMBLE__HCI_PARAMETERS_MAX];
    size_t at = 0;

    memcpy(parameters, before, before_size);
    do {
        const size_t room = sizeof parameters - before_size - FRAGMENT_HEADER < MOST_IN_FRAGMENT
                                ? sizeof parameters - before_size - FRAGMENT_HEADER
                                : MOST_IN_FRAGMENT;
        const size_t part = size - at < room ? size - at : room;
        const bool first = at == 0, last = at + part == size;
        amble__writer w = amble__writer_of(parameters + before_size, sizeof parameters - before_size);
        int r;

        amble__write_u8(&w, first && last ? WHOLE_DATA : first ? FIRST_FRAGMENT : last ? LAST_FRAGMENT : NEXT_FRAGMENT);
        if (opcode != AMBLE__HCI_LE_SET_PERIODIC_DATA)
            amble__write_u8(&w, size > AMBLE__ADVERTISING_DATA ? MAY_FRAGMENT : NO_FRAGMENTS);
        amble__write_u8(&w, (unsigned)part);
        amble__write_bytes(&w, data + at, part);
        r = amble__hci_command(gap->hci, opcode, parameters, before_size + amble__written_size(&w), NULL, 0);
        if (r < 0)
            return r;
        at += part;
    } while (at < size);
    return 0;
}

static int set_data(amble__gap *gap, uint8_t set, uint16_t opcode, const uint8_t *data, uint16_t size)
{
    return amble__set_in_fragments(gap, opcode, &set, 1, data, size);
}

int amble__enable_set(amble__gap *gap, uint8_t set, bool on)
{
    const uint8_t parameters[6] = {on, 1, set, 0, 0, 0}; /* this set, for ever, any number of events */

    return amble__hci_command(gap->hci, AMBLE__HCI_LE_SET_EXTENDED_ENABLE, parameters, sizeof parameters, NULL, 0);
}

int amble__periodic_enable(amble__gap *gap, uint8_t set, bool on)
{
    const uint8_t parameters[2] = {on, set};
    const int r =
        amble__hci_command(gap->hci, AMBLE__HCI_LE_SET_PERIODIC_ENABLE, parameters, sizeof parameters, NULL, 0);

    if (r >= 0)
        gap->advertisers[set].periodic_on = on;
    return r;
}

/* Periodic advertising begins with the data that is there; later data is told while it goes on. */
static int start_periodic(amble__gap *gap, uint8_t set, const amble__advertisement *what)
{
    const uint16_t interval = (uint16_t)(what->periodic_interval_us / UNIT_1250_US);
    amble__advertiser *a = &gap->advertisers[set];
    const uint32_t number = a->periodic_wanted;
    uint8_t parameters[7];
    amble__writer w = amble__writer_of(parameters, sizeof parameters);
    int r;

    amble__write_u8(&w, set);
    amble__write_le16(&w, interval);
    amble__write_le16(&w, interval);
    amble__write_le16(&w, 0); /* without the transmit power */
    r = command(gap, AMBLE__HCI_LE_SET_PERIODIC_PARAMETERS, &w);
    a->periodic_sending = true;
    if (r >= 0)
        r = amble__set_in_fragments(gap, AMBLE__HCI_LE_SET_PERIODIC_DATA, &set, 1, a->periodic, a->periodic_size);
    a->periodic_sending = false;
    a->periodic_result = r;
    a->periodic_told = number;
    amble__waiters_end(&a->periodic_waiters, 0);
    return r < 0 ? r : amble__periodic_enable(gap, set, true);
}

static int stop_periodic(amble__gap *gap, uint8_t set)
{
    return gap->advertisers[set].periodic_on ? amble__periodic_enable(gap, set, false) : 0;
}

static int start_advertising(amble__gap *gap, uint8_t set, const amble__advertisement *what)
{
    const bool data = !what->directed && !(what->extended && what->response_size);
    const bool response =
        !what->directed && (what->extended ? what->response_size > 0 : what->connectable || what->response_size);
    int r;

    if ((r = set_parameters(gap, set, what)) < 0 || (r = amble__tell_set_address(gap, set, what->connectable)) < 0)
        return r;
    if (data && (r = set_data(gap, set, AMBLE__HCI_LE_SET_EXTENDED_DATA, what->bytes, what->data_size)) < 0)
        return r;
    if (response && (r = set_data(gap, set, AMBLE__HCI_LE_SET_EXTENDED_RESPONSE, what->bytes + what->data_size,
                                  what->response_size)) < 0)
        return r;
    if (what->periodic_interval_us && amble__advertiser_wanted(gap, set) && (r = start_periodic(gap, set, what)) < 0)
        return r;
    if (amble__advertiser_wanted(gap, set))
        return amble__enable_set(gap, set, true);
    (void)stop_periodic(gap, set); /* or the controller is lost */
    return AMBLE_ERR_STALE;
}

static int stop_advertising(amble__gap *gap, uint8_t set)
{
    const int r = stop_periodic(gap, set);

    return r < 0 ? r : amble__enable_set(gap, set, false);
}

static int enable_scanning(amble__gap *gap, bool on)
{
    const uint8_t parameters[6] = {on, 0, 0, 0, 0, 0}; /* no duplicate filter, no duration, no period */

    return amble__hci_command(gap->hci, AMBLE__HCI_LE_SET_EXTENDED_SCAN_ENABLE, parameters, sizeof parameters, NULL, 0);
}

/* What each PHY gets of the time; with several they share it, Vol 4 Part E 7.8.64. */
static unsigned share_of(uint32_t window_us, unsigned phys)
{
    const unsigned share = window_us / phys / UNIT_625_US;

    return share < LEAST_WINDOW ? LEAST_WINDOW : share;
}

static int start_scanning(amble__gap *gap, const amble__scan_wish *wish)
{
    const unsigned phys = wish->coded ? 2 : 1;
    uint8_t parameters[13];
    amble__writer w = amble__writer_of(parameters, sizeof parameters);
    int r;

    amble__write_u8(&w, amble__own_address_type_towards_peers(gap));
    amble__write_u8(&w, 0); /* everybody's advertising */
    amble__write_u8(&w, wish->coded ? PHY_1M | PHY_CODED : PHY_1M);
    for (unsigned i = 0; i < phys; i++) {
        amble__write_u8(&w, wish->active);
        amble__write_le16(&w, wish->interval_us / UNIT_625_US);
        amble__write_le16(&w, share_of(wish->window_us, phys));
    }
    r = command(gap, AMBLE__HCI_LE_SET_EXTENDED_SCAN_PARAMETERS, &w);
    return r < 0 ? r : enable_scanning(gap, true);
}

static int stop_scanning(amble__gap *gap) { return enable_scanning(gap, false); }

static int start_connecting(amble__gap *gap, const amble_connect_options *options, const amble_device *peer)
{
    static const amble_device nobody = {.type = AMBLE_PUBLIC};
    const unsigned phys = options->coded ? 2 : 1;
    uint8_t parameters[42];
    amble__writer w = amble__writer_of(parameters, sizeof parameters);

    amble__write_u8(&w, !peer); /* filter policy: the accept list */
    amble__write_u8(&w, amble__own_address_type_towards_peers(gap));
    amble__write_u8(&w, peer ? peer->type : 0u);
    amble__write_bytes(&w, peer ? peer->bytes : nobody.bytes, 6);
    amble__write_u8(&w, options->coded ? PHY_1M | PHY_CODED : PHY_1M);
    for (unsigned i = 0; i < phys; i++) {
        amble__write_le16(&w, options->scan_interval_us / UNIT_625_US);
        amble__write_le16(&w, share_of(options->scan_window_us, phys));
        amble__write_link_wishes(&w, options);
    }
    return command(gap, AMBLE__HCI_LE_EXTENDED_CREATE_CONNECTION, &w);
}

const amble__gap_commands amble__extended_commands = {
    .start_advertising = start_advertising,
    .stop_advertising = stop_advertising,
    .start_scanning = start_scanning,
    .stop_scanning = stop_scanning,
    .start_connecting = start_connecting,
};
