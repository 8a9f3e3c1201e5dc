/* The commands to connect: legacy (Vol 4, Part E, 7.8.12), extended (7.8.66), and the cancel of both (7.8.13). */
#include "controller/hci_commands.h"
#include "controller/hci_events.h"

#define ADDRESS_TYPE_MAX 3
#define PHY_BIT_1M       0x01
#define PHY_BIT_2M       0x02
#define PHY_BIT_CODED    0x04
#define PHY_BITS         (PHY_BIT_1M | PHY_BIT_2M | PHY_BIT_CODED)

/* What both commands say of the peer. */
typedef struct {
    uint8_t use_accept_list, peer_type, own_type;
    amble__ll_address peer;
} target;

static void read_peer(target *t, amble__reader *in)
{
    t->peer_type = amble__read_u8(in);
    t->peer.type = t->peer_type & 1; /* 2 and 3 are identities, public and random */
    amble__read_copy(in, t->peer.value, sizeof t->peer.value);
}

static bool target_valid(const target *t)
{
    return t->use_accept_list <= 1 && t->peer_type <= ADDRESS_TYPE_MAX && t->own_type <= ADDRESS_TYPE_MAX;
}

/* Reads what follows the scan parameters; false when it is out of range. */
static bool read_wishes(amble__ll_link_wishes *wishes, amble__reader *in)
{
    const uint16_t interval_min = amble__read_le16(in), interval_max = amble__read_le16(in);
    uint16_t event_min, event_max;

    wishes->given = true;
    wishes->interval = interval_max;
    wishes->latency = amble__read_le16(in);
    wishes->timeout = amble__read_le16(in);
    event_min = amble__read_le16(in);
    event_max = amble__read_le16(in);
    return interval_min <= interval_max && event_min <= event_max &&
           amble__ll_connection_parameters_valid(interval_min, wishes->latency, wishes->timeout) &&
           amble__ll_connection_parameters_valid(interval_max, wishes->latency, wishes->timeout);
}

/* Whether it may begin; then the initiator has the target. */
static uint8_t set_target(amble__controller *controller, const target *t)
{
    amble__ll_initiator *i = &controller->initiator;

    if (!amble__ll_own_address(controller, t->own_type, &i->plain))
        return HC_INVALID_PARAMETERS;
    if (!amble__ll_link_available(controller))
        return HC_CONNECTION_LIMIT;
    if (!t->use_accept_list && amble__ll_link_find_peer(controller, &t->peer))
        return HC_CONNECTION_EXISTS;
    i->use_accept_list = t->use_accept_list;
    i->own_address_type = t->own_type;
    i->peer = t->peer;
    return HC_SUCCESS;
}

uint8_t amble__hc_le_create_connection(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    amble__ll_initiator *i = &controller->initiator;
    const uint16_t interval = amble__read_le16(in), length = amble__read_le16(in);
    target t = {.use_accept_list = amble__read_u8(in)};
    amble__ll_link_wishes wishes;
    uint8_t status;
    bool valid;

    (void)out;
    read_peer(&t, in);
    t.own_type = amble__read_u8(in);
    valid = read_wishes(&wishes, in);
    if (i->active)
        return HC_DISALLOWED;
    if (!valid || !target_valid(&t) || !amble__ll_scan_window_valid(interval, length))
        return HC_INVALID_PARAMETERS;
    status = set_target(controller, &t);
    if (status)
        return status;
    i->extended = false;
    memset(i->wishes, 0, sizeof i->wishes);
    i->wishes[AMBLE__PHY_1M - 1] = wishes;
    i->phys[AMBLE__LL_INITIATE_CODED].wanted = false;
    i->phys[AMBLE__LL_INITIATE_1M].wanted = true;
    i->phys[AMBLE__LL_INITIATE_1M].interval = interval;
    i->phys[AMBLE__LL_INITIATE_1M].length = length;
    amble__ll_initiator_start(i);
    return HC_SUCCESS;
}

/* Of one PHY: how to scan for it, and how its links are to run. */
typedef struct {
    uint16_t interval, length;
    amble__ll_link_wishes wishes;
} phy_parameters;

static bool read_phys(phy_parameters given[AMBLE__PHY_CODED], unsigned phys, amble__reader *in)
{
    bool valid = true;

    for (unsigned k = 0; k < AMBLE__PHY_CODED; k++) {
        if (!(phys >> k & 1))
            continue;
        given[k].interval = amble__read_le16(in);
        given[k].length = amble__read_le16(in);
        valid = read_wishes(&given[k].wishes, in) && valid;
        if (k != AMBLE__PHY_2M - 1) /* nobody scans on LE 2M */
            valid = valid && amble__ll_scan_window_valid(given[k].interval, given[k].length);
    }
    return valid && amble__read_complete(in);
}

static void set_scan(amble__ll_initiator_phy *phy, const phy_parameters *given)
{
    phy->wanted = given->wishes.given;
    phy->interval = given->interval;
    phy->length = given->length;
}

uint8_t amble__hc_le_extended_create_connection(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    amble__ll_initiator *i = &controller->initiator;
    target t = {.use_accept_list = amble__read_u8(in), .own_type = amble__read_u8(in)};
    phy_parameters given[AMBLE__PHY_CODED] = {{0}};
    uint8_t phys, status;
    bool valid;

    (void)out;
    read_peer(&t, in);
    phys = amble__read_u8(in);
    if (phys & ~PHY_BITS)
        return HC_UNSUPPORTED_PARAMETER;
    valid = read_phys(given, phys, in);
    if (!valid || !target_valid(&t) || !(phys & (PHY_BIT_1M | PHY_BIT_CODED)))
        return HC_INVALID_PARAMETERS;
    if (i->active)
        return HC_DISALLOWED;
    status = set_target(controller, &t);
    if (status)
        return status;
    i->extended = true;
    for (unsigned k = 0; k < AMBLE__PHY_CODED; k++)
        i->wishes[k] = given[k].wishes;
    set_scan(&i->phys[AMBLE__LL_INITIATE_1M], &given[AMBLE__PHY_1M - 1]);
    set_scan(&i->phys[AMBLE__LL_INITIATE_CODED], &given[AMBLE__PHY_CODED - 1]);
    amble__ll_initiator_start(i);
    return HC_SUCCESS;
}

uint8_t amble__hc_le_create_connection_cancel(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)in;
    (void)out;
    if (!controller->initiator.active)
        return HC_DISALLOWED;
    amble__ll_initiator_stop(&controller->initiator);
    return HC_SUCCESS;
}

/* A cancelled attempt ends in LE Connection Complete (7.8.13). */
void amble__hc_le_create_connection_cancelled(amble__controller *controller, amble__reader *in)
{
    const amble__ll_initiator *i = &controller->initiator;
    const amble__ll_address nobody = {.type = 0};

    (void)in;
    amble__hc_connection_failed(controller, HC_UNKNOWN_CONNECTION, AMBLE__LL_CENTRAL,
                                i->use_accept_list ? &nobody : &i->peer);
}
