/* The PHY update procedure (Vol 6, Part B, 5.1.10).
 *
 * Both sides say what they would use; the central decides. Each direction gets the fastest PHY that its sender and its
 * receiver allow, or stays as it is when there is none. */
#include "controller/hci_codes.h"
#include "controller/hci_events.h"
#include "controller/link_control.h"

static void send_phys(amble__ll_link *link, uint8_t opcode)
{
    uint8_t bytes[AMBLE__LL_CONTROL_SIZE];
    amble__writer w = amble__ll_control_begin(bytes, opcode);

    amble__write_u8(&w, link->tx_phys);
    amble__write_u8(&w, link->rx_phys);
    amble__ll_control_send(link, &w);
}

void amble__ll_phy_start(amble__ll_link *link) { send_phys(link, LL_PHY_REQ); }

static void nothing_changes(amble__ll_link *link)
{
    if (amble__ll_control_tell_host(link, AMBLE__LL_PROCEDURE_PHY))
        amble__hc_phy_update(link, HC_SUCCESS);
    amble__ll_control_finish_either(link, AMBLE__LL_PROCEDURE_PHY, HC_SUCCESS);
}

void amble__ll_phy_change(amble__ll_link *link)
{
    const uint8_t tx = link->change.tx_phy, rx = link->change.rx_phy;

    if (tx)
        link->tx_phy = tx == AMBLE__PHY_CODED ? link->preferred_coding : (amble__phy)tx;
    if (rx)
        link->rx_phy = (amble__phy)rx;
    if (amble__ll_control_tell_host(link, AMBLE__LL_PROCEDURE_PHY) || tx || rx)
        amble__hc_phy_update(link, HC_SUCCESS);
    amble__ll_length_update(link);
}

/* --- as central --------------------------------------------------------------------------------------------------- */

/* The number of the fastest PHY in a mask; 0 when it is the one in use, or there is none. */
static uint8_t choose(unsigned allowed, amble__phy in_use)
{
    static const amble__phy by_speed[] = {AMBLE__PHY_2M, AMBLE__PHY_1M, AMBLE__PHY_CODED};

    for (size_t i = 0; i < sizeof by_speed / sizeof *by_speed; i++)
        if (allowed >> (by_speed[i] - 1) & 1)
            return by_speed[i] == (amble__phy)amble__phy_number(in_use) ? 0 : (uint8_t)by_speed[i];
    return 0;
}

static unsigned phy_bit(uint8_t phy) { return phy ? 1u << (phy - 1) : 0; }

static void decide(amble__ll_link *link, uint8_t peer_tx_phys, uint8_t peer_rx_phys)
{
    const uint8_t tx = choose(link->tx_phys & peer_rx_phys, link->tx_phy);
    const uint8_t rx = choose(link->rx_phys & peer_tx_phys, link->rx_phy);
    uint8_t bytes[AMBLE__LL_CONTROL_SIZE];
    amble__writer w = amble__ll_control_begin(bytes, LL_PHY_UPDATE_IND);

    if (tx || rx) {
        amble__ll_change_announce(link, AMBLE__LL_PROCEDURE_PHY);
        link->change.tx_phy = tx;
        link->change.rx_phy = rx;
    }
    amble__write_u8(&w, phy_bit(tx)); /* central to peripheral */
    amble__write_u8(&w, phy_bit(rx));
    amble__write_le16(&w, tx || rx ? (uint16_t)link->change.instant : 0);
    amble__ll_control_send(link, &w);
    if (!tx && !rx)
        nothing_changes(link);
}

/* --- what the peer sends ------------------------------------------------------------------------------------------ */

void amble__ll_phy_req(amble__ll_link *link, amble__reader *in)
{
    const uint8_t tx_phys = amble__read_u8(in), rx_phys = amble__read_u8(in);

    if (link->role == AMBLE__LL_PERIPHERAL) {
        amble__ll_control_peer_began(link, AMBLE__LL_PROCEDURE_PHY);
        send_phys(link, LL_PHY_RSP);
    } else if (!amble__ll_change_collides(link, AMBLE__LL_PROCEDURE_PHY, LL_PHY_REQ)) {
        decide(link, tx_phys, rx_phys);
    }
}

void amble__ll_phy_rsp(amble__ll_link *link, amble__reader *in)
{
    const uint8_t tx_phys = amble__read_u8(in), rx_phys = amble__read_u8(in);

    if (link->procedure == AMBLE__LL_PROCEDURE_PHY && link->change.kind == AMBLE__LL_PROCEDURE_NONE)
        decide(link, tx_phys, rx_phys);
}

/* The number of the one PHY in a field of LL_PHY_UPDATE_IND; 0 for none. False: the field is wrong. */
static bool phy_of(uint8_t field, uint8_t *phy)
{
    *phy = 0;
    for (unsigned n = AMBLE__PHY_1M; n <= AMBLE__PHY_CODED; n++)
        if (field == phy_bit((uint8_t)n))
            *phy = (uint8_t)n;
    return *phy || !field;
}

void amble__ll_phy_update_ind(amble__ll_link *link, amble__reader *in)
{
    const uint8_t rx = amble__read_u8(in), tx = amble__read_u8(in);
    const uint16_t instant = amble__read_le16(in);
    amble__ll_change change = {0};

    if (link->procedure != AMBLE__LL_PROCEDURE_PHY && link->peer_procedure != AMBLE__LL_PROCEDURE_PHY) {
        amble__ll_control_send_octet(link, LL_UNKNOWN_RSP, LL_PHY_UPDATE_IND);
        return;
    }
    if (!phy_of(rx, &change.rx_phy) || !phy_of(tx, &change.tx_phy)) {
        amble__ll_link_close(link, HC_INVALID_LL_PARAMETERS);
        return;
    }
    if (!rx && !tx) {
        nothing_changes(link);
        return;
    }
    if (!amble__ll_change_announced(link, AMBLE__LL_PROCEDURE_PHY, instant))
        return;
    link->change.tx_phy = change.tx_phy;
    link->change.rx_phy = change.rx_phy;
}
