/* The radio of a link: PHYs, data length, channels, signal strength. Each is one command; that of the PHYs ends with an
 * event. */
#include "gap/gap_room.h"

enum { LEAST_DATA_LENGTH = 27, MOST_DATA_LENGTH = 251 };  /* Vol 6 Part B 4.5.10 */
enum { OVERHEAD_BYTES = 14, US_PER_BYTE = 8 };            /* of a packet on LE 1M, MIC included */
enum { CODED_OVERHEAD_US = 976, CODED_US_PER_BYTE = 64 }; /* and on LE Coded with eight symbols a bit: Part B 2.2 */
enum { CHANNEL_MAP = 5, LEAST_CHANNELS = 2 };

int amble__link_ask(amble_connection *conn, uint16_t opcode, const void *more, size_t size, void *reply,
                    size_t reply_size, int timeout_ms)
{
    enum { MOST = 16 };
    uint8_t parameters[MOST], answer[MOST];
    amble_timeout timeout;
    int r = amble__wait_check();

    if (r < 0)
        return r;
    if (conn->end < 0)
        return amble__wait_refuse(conn->end);
    amble__put_le16(parameters, conn->handle);
    if (size)
        memcpy(parameters + 2, more, size);
    amble_timeout_begin(&timeout, conn, timeout_ms);
    r = amble__hci_command(conn->hci, opcode, parameters, 2 + size, answer, 2 + reply_size);
    r = amble_timeout_end(&timeout, r);
    if (r == 0 && reply_size)
        memcpy(reply, answer + 2, reply_size);
    return r;
}

int amble_connection_rssi(amble_connection *conn, int8_t *rssi, int timeout_ms)
{
    return amble__link_ask(conn, AMBLE__HCI_READ_RSSI, NULL, 0, rssi, 1, timeout_ms);
}

/* --- PHYs --------------------------------------------------------------------------------------------------------- */
static amble_phy phy_of(uint8_t number) { return number <= AMBLE_PHY_CODED ? (amble_phy)number : AMBLE_PHY_ANY; }

int amble_connection_phy(amble_connection *conn, amble_phys *phys, int timeout_ms)
{
    uint8_t reply[2] = {0};
    const int r = amble__link_ask(conn, AMBLE__HCI_LE_READ_PHY, NULL, 0, reply, sizeof reply, timeout_ms);

    if (r == 0)
        *phys = (amble_phys){.send = phy_of(reply[0]), .receive = phy_of(reply[1])};
    return r;
}

int amble_connection_set_phy(amble_connection *conn, const amble_phys *wish, amble_phys *agreed, int timeout_ms)
{
    enum { NO_SEND_WISH = 1, NO_RECEIVE_WISH = 2, PREFER_S2 = 1, PREFER_S8 = 2 };
    uint8_t parameters[5] = {0};
    int r = amble__wait_check();

    if (r < 0)
        return r;
    if (conn->end < 0)
        return amble__wait_refuse(conn->end);
    if ((unsigned)wish->send > AMBLE_PHY_CODED || (unsigned)wish->receive > AMBLE_PHY_CODED ||
        (wish->coding != 0 && wish->coding != 2 && wish->coding != 8))
        return AMBLE_ERR_ARGUMENT;
    parameters[0] =
        (wish->send == AMBLE_PHY_ANY ? NO_SEND_WISH : 0) | (wish->receive == AMBLE_PHY_ANY ? NO_RECEIVE_WISH : 0);
    parameters[1] = (uint8_t)(wish->send == AMBLE_PHY_ANY ? 0 : 1u << (wish->send - 1));
    parameters[2] = (uint8_t)(wish->receive == AMBLE_PHY_ANY ? 0 : 1u << (wish->receive - 1));
    parameters[3] = wish->coding == 2 ? PREFER_S2 : wish->coding == 8 ? PREFER_S8 : 0;
    r = amble__link_run(conn, AMBLE__PROCEDURE_PHY, AMBLE__HCI_LE_SET_PHY, parameters, sizeof parameters,
                        amble__deadline(timeout_ms));
    if (r == 0 && agreed)
        *agreed = conn->phys;
    return r;
}

void amble__phy_event(amble__gap *gap, amble__reader *r)
{
    const uint8_t status = amble__read_u8(r);
    const uint16_t handle = amble__read_le16(r) & 0x0fff;
    const uint8_t send = amble__read_u8(r), receive = amble__read_u8(r);
    amble_connection *conn = r->failed ? NULL : amble__link_by_handle(gap->links, handle);

    gap->malformed += r->failed;
    if (!conn)
        return;
    if (!status)
        conn->phys = (amble_phys){.send = phy_of(send), .receive = phy_of(receive)};
    if (conn->procedures[AMBLE__PROCEDURE_PHY].state == AMBLE__PROCEDURE_SENT)
        amble__link_ran(conn, AMBLE__PROCEDURE_PHY, status ? AMBLE_ERR_HCI(status) : 0);
}

/* --- data length -------------------------------------------------------------------------------------------------- */
/* The longest that a packet may take on any PHY of this controller: a link that changes to a slower one keeps its
 * length. */
static unsigned packet_us(const amble__gap *gap, unsigned bytes)
{
    const bool coded = amble__gap_can(gap, AMBLE__LE_CODED);

    return coded ? CODED_OVERHEAD_US + bytes * CODED_US_PER_BYTE : (bytes + OVERHEAD_BYTES) * US_PER_BYTE;
}

int amble_connection_set_data_length(amble_connection *conn, uint16_t bytes, int timeout_ms)
{
    uint8_t parameters[4];

    if (bytes < LEAST_DATA_LENGTH || bytes > MOST_DATA_LENGTH)
        return AMBLE_ERR_ARGUMENT;
    amble__put_le16(parameters, bytes);
    amble__put_le16(parameters + 2, packet_us(amble__gap_of(amble_connection_host(conn)), bytes));
    return amble__link_ask(conn, AMBLE__HCI_LE_SET_DATA_LENGTH, parameters, sizeof parameters, NULL, 0, timeout_ms);
}

void amble__data_length_event(amble__gap *gap, amble__reader *r)
{
    const uint16_t handle = amble__read_le16(r) & 0x0fff;
    const uint16_t send = amble__read_le16(r), send_us = amble__read_le16(r), receive = amble__read_le16(r);
    amble_connection *conn;

    (void)send_us;
    conn = r->failed ? NULL : amble__link_by_handle(gap->links, handle);
    gap->malformed += r->failed;
    if (conn)
        conn->data_length = (amble_data_length){.send = send, .receive = receive};
}

/* --- channels ----------------------------------------------------------------------------------------------------- */
static uint64_t map_of(const uint8_t bytes[CHANNEL_MAP])
{
    return (amble__get_le32(bytes) | (uint64_t)bytes[4] << 32) & AMBLE_CHANNELS;
}

int amble_connection_channels(amble_connection *conn, uint64_t *channels, int timeout_ms)
{
    uint8_t map[CHANNEL_MAP] = {0};
    const int r = amble__link_ask(conn, AMBLE__HCI_LE_READ_CHANNEL_MAP, NULL, 0, map, sizeof map, timeout_ms);

    if (r == 0)
        *channels = map_of(map);
    return r;
}

int amble_classify_channels(amble *ble, uint64_t channels, int timeout_ms)
{
    amble__gap *gap = amble__gap_of(ble);
    unsigned count = 0;
    uint8_t map[8];
    amble_timeout timeout;
    int r = amble__wait_check();

    if (r < 0)
        return r;
    for (uint64_t rest = channels; rest; rest &= rest - 1)
        count++;
    if (channels & ~AMBLE_CHANNELS || count < LEAST_CHANNELS)
        return AMBLE_ERR_ARGUMENT;
    amble__put_le64(map, channels);
    amble_timeout_begin(&timeout, NULL, timeout_ms);
    r = amble__hci_command(gap->hci, AMBLE__HCI_LE_CLASSIFY_CHANNELS, map, CHANNEL_MAP, NULL, 0);
    return amble_timeout_end(&timeout, r);
}
