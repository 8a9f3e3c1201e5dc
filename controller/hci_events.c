/* Encoders of the events, and the masks: see hci_events.h. Formats: Vol 4, Part E, 7.7. */
#include "controller/hci_events.h"

#include "controller/hci_codes.h"
#include "port/crypto.h"

#define EVENT_HEADER     3 /* packet type, event code, length of the parameters */
#define EVENT_PARAMETERS 255
#define COMMAND_CREDIT   1 /* Num_HCI_Command_Packets: each command is done when its answer is sent */
#define ACL_LINK_TYPE    1
#define P_256_OCTETS     32

#define BIT_AUTHENTICATED_PAYLOAD_TIMEOUT_EXPIRED 23 /* of mask page 2 */

typedef struct {
    uint8_t packet[EVENT_HEADER + EVENT_PARAMETERS];
    amble__writer out;
} event;

static void begin(event *e, uint8_t code)
{
    e->packet[0] = HC_PACKET_EVENT;
    e->packet[1] = code;
    e->out = amble__writer_of(e->packet + EVENT_HEADER, EVENT_PARAMETERS);
}

static void send(const amble__controller *controller, event *e)
{
    const size_t size = amble__written_size(&e->out);

    e->packet[2] = (uint8_t)size;
    controller->options.to_host(controller->options.user, e->packet, EVENT_HEADER + size);
}

/* Bit n - 1 of the mask stands for event n (7.3.1); it knows the codes up to 64. */
static bool wanted(const amble__controller *controller, uint8_t code)
{
    return controller->event_mask >> (code - 1) & 1;
}

/* The codes above 64 are on page 2, by a table of its own (7.3.69). */
static bool wanted_page_2(const amble__controller *controller, unsigned bit)
{
    return controller->event_mask_page_2 >> bit & 1;
}

/* LE subevents have a mask of their own (7.8.1), under the bit of LE Meta. */
bool amble__hc_le_event_wanted(const amble__controller *controller, uint8_t subevent)
{
    return wanted(controller, HC_LE_META) && (controller->le_event_mask >> (subevent - 1) & 1);
}

static void begin_le(event *e, uint8_t subevent)
{
    begin(e, HC_LE_META);
    amble__write_u8(&e->out, subevent);
}

void amble__hc_command_complete(amble__controller *controller, uint16_t opcode, const uint8_t *returned, size_t size)
{
    event e;

    begin(&e, HC_COMMAND_COMPLETE);
    amble__write_u8(&e.out, COMMAND_CREDIT);
    amble__write_le16(&e.out, opcode);
    amble__write_bytes(&e.out, returned, size);
    send(controller, &e);
}

void amble__hc_command_status(amble__controller *controller, uint16_t opcode, uint8_t status)
{
    event e;

    begin(&e, HC_COMMAND_STATUS);
    amble__write_u8(&e.out, status);
    amble__write_u8(&e.out, COMMAND_CREDIT);
    amble__write_le16(&e.out, opcode);
    send(controller, &e);
}

/* A private address is never zero. */
static bool is_private(const uint8_t address[AMBLE__LL_ADDRESS]) { return address[AMBLE__LL_ADDRESS - 1] != 0; }

/* The fields that a complete connection and a failed one have in common; the failed one has no link. */
static void send_connection(amble__controller *controller, uint8_t status, uint8_t role, const amble__ll_address *peer,
                            const amble__ll_link *link)
{
    static const uint8_t no_address[AMBLE__LL_ADDRESS];
    const bool enhanced = amble__hc_le_event_wanted(controller, HC_LE_ENHANCED_CONNECTION_COMPLETE);
    event e;

    if (!enhanced && !amble__hc_le_event_wanted(controller, HC_LE_CONNECTION_COMPLETE))
        return;
    begin_le(&e, enhanced ? HC_LE_ENHANCED_CONNECTION_COMPLETE : HC_LE_CONNECTION_COMPLETE);
    amble__write_u8(&e.out, status);
    amble__write_le16(&e.out, link ? link->handle : 0);
    amble__write_u8(&e.out, role);
    amble__write_u8(&e.out,
                    peer->type | (enhanced && link && is_private(link->peer_private) ? AMBLE__LL_RESOLVED : 0u));
    amble__write_bytes(&e.out, peer->value, AMBLE__LL_ADDRESS);
    if (enhanced) {
        amble__write_bytes(&e.out, link ? link->own_private : no_address, AMBLE__LL_ADDRESS);
        amble__write_bytes(&e.out, link ? link->peer_private : no_address, AMBLE__LL_ADDRESS);
    }
    amble__write_le16(&e.out, link ? link->interval : 0);
    amble__write_le16(&e.out, link ? link->latency : 0);
    amble__write_le16(&e.out, link ? link->timeout : 0);
    amble__write_u8(&e.out, link && role == AMBLE__LL_PERIPHERAL ? link->peer_clock_accuracy : 0);
    send(controller, &e);
}

static void send_channel_selection(const amble__controller *controller, const amble__ll_link *link)
{
    event e;

    if (!amble__hc_le_event_wanted(controller, HC_LE_CHANNEL_SELECTION_ALGORITHM))
        return;
    begin_le(&e, HC_LE_CHANNEL_SELECTION_ALGORITHM);
    amble__write_le16(&e.out, link->handle);
    amble__write_u8(&e.out, link->channel_selection_2 ? 1 : 0);
    send(controller, &e);
}

void amble__hc_connection_complete(amble__controller *controller, const amble__ll_link *link)
{
    send_connection(controller, HC_SUCCESS, link->role, &link->peer, link);
    send_channel_selection(controller, link);
}

void amble__hc_connection_failed(amble__controller *controller, uint8_t status, uint8_t role,
                                 const amble__ll_address *peer)
{
    send_connection(controller, status, role, peer, NULL);
}

void amble__hc_disconnection_complete(const amble__ll_link *link, uint8_t reason)
{
    event e;

    if (!wanted(link->activity.controller, HC_DISCONNECTION_COMPLETE))
        return;
    begin(&e, HC_DISCONNECTION_COMPLETE);
    amble__write_u8(&e.out, HC_SUCCESS);
    amble__write_le16(&e.out, link->handle);
    amble__write_u8(&e.out, reason);
    send(link->activity.controller, &e);
}

void amble__hc_completed_packets(const amble__ll_link *link, uint16_t count)
{
    event e;

    begin(&e, HC_NUMBER_OF_COMPLETED_PACKETS);
    amble__write_u8(&e.out, 1);
    amble__write_le16(&e.out, link->handle);
    amble__write_le16(&e.out, count);
    send(link->activity.controller, &e);
}

void amble__hc_data_buffer_overflow(amble__controller *controller)
{
    event e;

    if (!wanted(controller, HC_DATA_BUFFER_OVERFLOW))
        return;
    begin(&e, HC_DATA_BUFFER_OVERFLOW);
    amble__write_u8(&e.out, ACL_LINK_TYPE);
    send(controller, &e);
}

void amble__hc_remote_version(const amble__ll_link *link, uint8_t status)
{
    event e;

    if (!wanted(link->activity.controller, HC_READ_REMOTE_VERSION_COMPLETE))
        return;
    begin(&e, HC_READ_REMOTE_VERSION_COMPLETE);
    amble__write_u8(&e.out, status);
    amble__write_le16(&e.out, link->handle);
    amble__write_u8(&e.out, link->peer_version);
    amble__write_le16(&e.out, link->peer_company);
    amble__write_le16(&e.out, link->peer_subversion);
    send(link->activity.controller, &e);
}

void amble__hc_remote_features(const amble__ll_link *link, uint8_t status)
{
    event e;

    if (!amble__hc_le_event_wanted(link->activity.controller, HC_LE_READ_REMOTE_FEATURES_COMPLETE))
        return;
    begin_le(&e, HC_LE_READ_REMOTE_FEATURES_COMPLETE);
    amble__write_u8(&e.out, status);
    amble__write_le16(&e.out, link->handle);
    amble__write_le64(&e.out, status ? 0 : link->peer_features);
    send(link->activity.controller, &e);
}

void amble__hc_connection_update(const amble__ll_link *link, uint8_t status)
{
    event e;

    if (!amble__hc_le_event_wanted(link->activity.controller, HC_LE_CONNECTION_UPDATE_COMPLETE))
        return;
    begin_le(&e, HC_LE_CONNECTION_UPDATE_COMPLETE);
    amble__write_u8(&e.out, status);
    amble__write_le16(&e.out, link->handle);
    amble__write_le16(&e.out, link->interval);
    amble__write_le16(&e.out, link->latency);
    amble__write_le16(&e.out, link->timeout);
    send(link->activity.controller, &e);
}

void amble__hc_remote_parameter_request(const amble__ll_link *link, const amble__ll_parameters *offered)
{
    event e;

    begin_le(&e, HC_LE_REMOTE_PARAMETER_REQUEST);
    amble__write_le16(&e.out, link->handle);
    amble__write_le16(&e.out, offered->interval_min);
    amble__write_le16(&e.out, offered->interval_max);
    amble__write_le16(&e.out, offered->latency);
    amble__write_le16(&e.out, offered->timeout);
    send(link->activity.controller, &e);
}

void amble__hc_phy_update(const amble__ll_link *link, uint8_t status)
{
    event e;

    if (!amble__hc_le_event_wanted(link->activity.controller, HC_LE_PHY_UPDATE_COMPLETE))
        return;
    begin_le(&e, HC_LE_PHY_UPDATE_COMPLETE);
    amble__write_u8(&e.out, status);
    amble__write_le16(&e.out, link->handle);
    amble__write_u8(&e.out, amble__phy_number(link->tx_phy));
    amble__write_u8(&e.out, amble__phy_number(link->rx_phy));
    send(link->activity.controller, &e);
}

void amble__hc_long_term_key_request(const amble__ll_link *link)
{
    event e;

    begin_le(&e, HC_LE_LONG_TERM_KEY_REQUEST);
    amble__write_le16(&e.out, link->handle);
    amble__write_bytes(&e.out, link->encryption.random, sizeof link->encryption.random);
    amble__write_bytes(&e.out, link->encryption.diversifier, sizeof link->encryption.diversifier);
    send(link->activity.controller, &e);
}

void amble__hc_encryption_change(const amble__ll_link *link, uint8_t status)
{
    event e;

    if (!wanted(link->activity.controller, HC_ENCRYPTION_CHANGE))
        return;
    begin(&e, HC_ENCRYPTION_CHANGE);
    amble__write_u8(&e.out, status);
    amble__write_le16(&e.out, link->handle);
    amble__write_u8(&e.out, status ? 0 : 1); /* AES-CCM */
    send(link->activity.controller, &e);
}

void amble__hc_key_refreshed(const amble__ll_link *link, uint8_t status)
{
    event e;

    if (!wanted(link->activity.controller, HC_ENCRYPTION_KEY_REFRESH_COMPLETE))
        return;
    begin(&e, HC_ENCRYPTION_KEY_REFRESH_COMPLETE);
    amble__write_u8(&e.out, status);
    amble__write_le16(&e.out, link->handle);
    send(link->activity.controller, &e);
}

void amble__hc_authenticated_payload_timeout(const amble__ll_link *link)
{
    event e;

    if (!wanted_page_2(link->activity.controller, BIT_AUTHENTICATED_PAYLOAD_TIMEOUT_EXPIRED))
        return;
    begin(&e, HC_AUTHENTICATED_PAYLOAD_TIMEOUT_EXPIRED);
    amble__write_le16(&e.out, link->handle);
    send(link->activity.controller, &e);
}

void amble__hc_public_key(const amble__controller *controller, uint8_t status, const uint8_t x[32], const uint8_t y[32])
{
    event e;

    if (!amble__hc_le_event_wanted(controller, HC_LE_READ_LOCAL_P_256_PUBLIC_KEY_COMPLETE))
        return;
    begin_le(&e, HC_LE_READ_LOCAL_P_256_PUBLIC_KEY_COMPLETE);
    amble__write_u8(&e.out, status);
    amble__write_bytes(&e.out, x, P_256_OCTETS);
    amble__write_bytes(&e.out, y, P_256_OCTETS);
    send(controller, &e);
}

void amble__hc_dhkey(const amble__controller *controller, uint8_t status, const uint8_t key[32])
{
    event e;

    if (!amble__hc_le_event_wanted(controller, HC_LE_GENERATE_DHKEY_COMPLETE))
        return;
    begin_le(&e, HC_LE_GENERATE_DHKEY_COMPLETE);
    amble__write_u8(&e.out, status);
    amble__write_bytes(&e.out, key, P_256_OCTETS);
    send(controller, &e);
    amble__wipe(&e, sizeof e);
}

void amble__hc_data_length_change(const amble__ll_link *link)
{
    event e;

    if (!amble__hc_le_event_wanted(link->activity.controller, HC_LE_DATA_LENGTH_CHANGE))
        return;
    begin_le(&e, HC_LE_DATA_LENGTH_CHANGE);
    amble__write_le16(&e.out, link->handle);
    amble__write_le16(&e.out, link->effective.tx_octets);
    amble__write_le16(&e.out, link->effective.tx_time);
    amble__write_le16(&e.out, link->effective.rx_octets);
    amble__write_le16(&e.out, link->effective.rx_time);
    send(link->activity.controller, &e);
}

/* --- advertising reports: 7.7.65.2 and 7.7.65.13 ------------------------------------------------------------------ */

/* Event_Type of the legacy report. */
enum { REPORT_ADV_IND, REPORT_ADV_DIRECT_IND, REPORT_ADV_SCAN_IND, REPORT_ADV_NONCONN_IND, REPORT_SCAN_RSP };

static unsigned legacy_report_type(unsigned event_type)
{
    if (event_type & AMBLE__LL_SCAN_RESPONSE)
        return REPORT_SCAN_RSP;
    if (event_type & AMBLE__LL_DIRECTED)
        return REPORT_ADV_DIRECT_IND;
    if (event_type & AMBLE__LL_CONNECTABLE)
        return REPORT_ADV_IND;
    return event_type & AMBLE__LL_SCANNABLE ? REPORT_ADV_SCAN_IND : REPORT_ADV_NONCONN_IND;
}

static unsigned sender_type(const amble__ll_heard *heard)
{
    return heard->sender.type | (heard->resolved ? AMBLE__LL_RESOLVED : 0u);
}

/* To a target whose address the controller could not resolve: 7.7.65.11. */
static void send_directed_report(amble__controller *controller, const amble__ll_heard *heard)
{
    event e;

    if (!amble__hc_le_event_wanted(controller, HC_LE_DIRECTED_ADVERTISING_REPORT))
        return;
    begin_le(&e, HC_LE_DIRECTED_ADVERTISING_REPORT);
    amble__write_u8(&e.out, 1);
    amble__write_u8(&e.out, REPORT_ADV_DIRECT_IND);
    amble__write_u8(&e.out, sender_type(heard));
    amble__write_bytes(&e.out, heard->sender.value, AMBLE__LL_ADDRESS);
    amble__write_u8(&e.out, 1); /* a random address */
    amble__write_bytes(&e.out, heard->target.value, AMBLE__LL_ADDRESS);
    amble__write_u8(&e.out, (uint8_t)heard->rssi);
    send(controller, &e);
}

void amble__hc_advertising_report(amble__controller *controller, const amble__ll_heard *heard, amble__bytes data)
{
    event e;

    if (heard->target.type == AMBLE__LL_UNRESOLVED) {
        send_directed_report(controller, heard);
        return;
    }
    if (!amble__hc_le_event_wanted(controller, HC_LE_ADVERTISING_REPORT))
        return;
    begin_le(&e, HC_LE_ADVERTISING_REPORT);
    amble__write_u8(&e.out, 1);
    amble__write_u8(&e.out, legacy_report_type(heard->event_type));
    amble__write_u8(&e.out, sender_type(heard));
    amble__write_bytes(&e.out, heard->sender.value, AMBLE__LL_ADDRESS);
    amble__write_u8(&e.out, (unsigned)data.size);
    amble__write_bytes(&e.out, data.data, data.size);
    amble__write_u8(&e.out, (uint8_t)heard->rssi);
    send(controller, &e);
}

#define REPORT_DATA      229 /* what one report has room for */
#define STATUS_MORE      0x20
#define STATUS_TRUNCATED 0x40

static void send_extended_report(amble__controller *controller, const amble__ll_heard *heard, unsigned status,
                                 amble__bytes data)
{
    event e;

    begin_le(&e, HC_LE_EXTENDED_ADVERTISING_REPORT);
    amble__write_u8(&e.out, 1);
    amble__write_le16(&e.out, heard->event_type | status);
    amble__write_u8(&e.out, sender_type(heard));
    amble__write_bytes(&e.out, heard->sender.value, AMBLE__LL_ADDRESS);
    amble__write_u8(&e.out, heard->primary_phy);
    amble__write_u8(&e.out, heard->secondary_phy);
    amble__write_u8(&e.out, heard->set_identifier);
    amble__write_u8(&e.out, (uint8_t)heard->power);
    amble__write_u8(&e.out, (uint8_t)heard->rssi);
    amble__write_le16(&e.out, heard->periodic_interval);
    amble__write_u8(&e.out, heard->target.type);
    amble__write_bytes(&e.out, heard->target.value, AMBLE__LL_ADDRESS);
    amble__write_u8(&e.out, (unsigned)data.size);
    amble__write_bytes(&e.out, data.data, data.size);
    send(controller, &e);
}

void amble__hc_extended_advertising_report(amble__controller *controller, const amble__ll_heard *heard,
                                           amble__bytes data, bool truncated)
{
    if (!amble__hc_le_event_wanted(controller, HC_LE_EXTENDED_ADVERTISING_REPORT))
        return;
    for (; data.size > REPORT_DATA; data.data += REPORT_DATA, data.size -= REPORT_DATA)
        send_extended_report(controller, heard, STATUS_MORE, (amble__bytes){data.data, REPORT_DATA});
    send_extended_report(controller, heard, truncated ? STATUS_TRUNCATED : 0, data);
}

void amble__hc_scan_timeout(amble__controller *controller)
{
    event e;

    if (!amble__hc_le_event_wanted(controller, HC_LE_SCAN_TIMEOUT))
        return;
    begin_le(&e, HC_LE_SCAN_TIMEOUT);
    send(controller, &e);
}

/* --- advertising sets --------------------------------------------------------------------------------------------- */

void amble__hc_advertising_set_terminated(const amble__ll_advertiser *set, uint8_t status, uint16_t handle)
{
    const amble__controller *controller = set->activity.controller;
    event e;

    if (!amble__hc_le_event_wanted(controller, HC_LE_ADVERTISING_SET_TERMINATED))
        return;
    begin_le(&e, HC_LE_ADVERTISING_SET_TERMINATED);
    amble__write_u8(&e.out, status);
    amble__write_u8(&e.out, set->handle);
    amble__write_le16(&e.out, handle);
    amble__write_u8(&e.out, set->events < UINT8_MAX ? set->events : UINT8_MAX);
    send(controller, &e);
}

void amble__hc_scan_request_received(const amble__ll_advertiser *set, const amble__ll_address *scanner)
{
    const amble__controller *controller = set->activity.controller;
    event e;

    if (!amble__hc_le_event_wanted(controller, HC_LE_SCAN_REQUEST_RECEIVED))
        return;
    begin_le(&e, HC_LE_SCAN_REQUEST_RECEIVED);
    amble__write_u8(&e.out, set->handle);
    amble__write_u8(&e.out, scanner->type);
    amble__write_bytes(&e.out, scanner->value, AMBLE__LL_ADDRESS);
    send(controller, &e);
}

/* --- periodic advertising: 7.7.65.14 to 7.7.65.16 ----------------------------------------------------------------- */

#define PERIODIC_DATA      247 /* what one report has room for */
#define PERIODIC_MORE      1
#define PERIODIC_TRUNCATED 2
#define NO_CTE             0xFF

/* What both events say of a train. */
static void write_train(amble__writer *out, const amble__ll_sync *sync)
{
    amble__write_le16(out, sync->handle);
    amble__write_u8(out, sync->name.set_identifier);
    amble__write_u8(out, sync->name.advertiser.type | (sync->resolved ? AMBLE__LL_RESOLVED : 0u));
    amble__write_bytes(out, sync->name.advertiser.value, AMBLE__LL_ADDRESS);
    amble__write_u8(out, sync->train_phy);
    amble__write_le16(out, sync->interval);
    amble__write_u8(out, sync->clock_accuracy);
}

void amble__hc_sync_established(const amble__ll_sync *sync, uint8_t status)
{
    const amble__controller *controller = sync->follower.activity.controller;
    event e;

    if (!amble__hc_le_event_wanted(controller, HC_LE_SYNC_ESTABLISHED))
        return;
    begin_le(&e, HC_LE_SYNC_ESTABLISHED);
    amble__write_u8(&e.out, status);
    write_train(&e.out, sync);
    send(controller, &e);
}

/* 7.7.65.24 */
static void begin_transfer(event *e, uint8_t status, uint16_t connection, uint16_t service_data)
{
    begin_le(e, HC_LE_SYNC_TRANSFER_RECEIVED);
    amble__write_u8(&e->out, status);
    amble__write_le16(&e->out, connection);
    amble__write_le16(&e->out, service_data);
}

void amble__hc_sync_transfer_received(const amble__ll_sync *sync, uint8_t status)
{
    const amble__controller *controller = sync->follower.activity.controller;
    event e;

    if (!amble__hc_le_event_wanted(controller, HC_LE_SYNC_TRANSFER_RECEIVED))
        return;
    begin_transfer(&e, status, sync->connection, sync->service_data);
    write_train(&e.out, sync);
    send(controller, &e);
}

void amble__hc_sync_transfer_refused(const amble__ll_link *link, uint16_t service_data, uint8_t status)
{
    static const uint8_t nothing[14];
    event e;

    if (!amble__hc_le_event_wanted(link->activity.controller, HC_LE_SYNC_TRANSFER_RECEIVED))
        return;
    begin_transfer(&e, status, link->handle, service_data);
    amble__write_bytes(&e.out, nothing, sizeof nothing);
    send(link->activity.controller, &e);
}

void amble__hc_sync_cancelled(amble__controller *controller)
{
    static const uint8_t nothing[14];
    event e;

    if (!amble__hc_le_event_wanted(controller, HC_LE_SYNC_ESTABLISHED))
        return;
    begin_le(&e, HC_LE_SYNC_ESTABLISHED);
    amble__write_u8(&e.out, HC_CANCELLED_BY_HOST);
    amble__write_bytes(&e.out, nothing, sizeof nothing);
    send(controller, &e);
}

void amble__hc_sync_lost(const amble__ll_sync *sync)
{
    const amble__controller *controller = sync->follower.activity.controller;
    event e;

    if (!amble__hc_le_event_wanted(controller, HC_LE_SYNC_LOST))
        return;
    begin_le(&e, HC_LE_SYNC_LOST);
    amble__write_le16(&e.out, sync->handle);
    send(controller, &e);
}

static void send_periodic_report(const amble__ll_sync *sync, amble__bytes data, unsigned status)
{
    event e;

    begin_le(&e, HC_LE_PERIODIC_ADVERTISING_REPORT);
    amble__write_le16(&e.out, sync->handle);
    amble__write_u8(&e.out, (uint8_t)sync->power);
    amble__write_u8(&e.out, (uint8_t)sync->rssi);
    amble__write_u8(&e.out, NO_CTE);
    amble__write_u8(&e.out, status);
    amble__write_u8(&e.out, (unsigned)data.size);
    amble__write_bytes(&e.out, data.data, data.size);
    send(sync->follower.activity.controller, &e);
}

void amble__hc_periodic_report(const amble__ll_sync *sync, amble__bytes data, bool truncated)
{
    if (!amble__hc_le_event_wanted(sync->follower.activity.controller, HC_LE_PERIODIC_ADVERTISING_REPORT))
        return;
    for (; data.size > PERIODIC_DATA; data.data += PERIODIC_DATA, data.size -= PERIODIC_DATA)
        send_periodic_report(sync, (amble__bytes){data.data, PERIODIC_DATA}, PERIODIC_MORE);
    send_periodic_report(sync, data, truncated ? PERIODIC_TRUNCATED : 0);
}
