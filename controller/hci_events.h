/* What the controller tells its host: one function per event, which keeps quiet when the host masked it. */
#ifndef AMBLE_CONTROLLER_HCI_EVENTS_H
#define AMBLE_CONTROLLER_HCI_EVENTS_H
#include "controller/state.h"

/* Masks after Reset (Vol 4, Part E, 7.3.1 and 7.8.1). */
#define AMBLE__HC_EVENT_MASK    UINT64_C(0x00001FFFFFFFFFFF)
#define AMBLE__HC_LE_EVENT_MASK UINT64_C(0x1F)

typedef enum {
    AMBLE__HC_REPORT_ADV_IND = 0,
    AMBLE__HC_REPORT_ADV_DIRECT_IND = 1,
    AMBLE__HC_REPORT_ADV_SCAN_IND = 2,
    AMBLE__HC_REPORT_ADV_NONCONN_IND = 3,
    AMBLE__HC_REPORT_SCAN_RSP = 4,
} amble__hc_report_type;

/* Whether the masks let this subevent of LE Meta through. */
bool amble__hc_le_event_wanted(const amble__controller *controller, uint8_t subevent);
/* `returned` is what follows the opcode, its status among it. */
void amble__hc_command_complete(amble__controller *controller, uint16_t opcode, const uint8_t *returned, size_t size);
void amble__hc_command_status(amble__controller *controller, uint16_t opcode, uint8_t status);
void amble__hc_connection_complete(amble__controller *controller, const amble__ll_link *link);
/* An attempt that came to nothing. */
void amble__hc_connection_failed(amble__controller *controller, uint8_t status, uint8_t role,
                                 const amble__ll_address *peer);
void amble__hc_disconnection_complete(const amble__ll_link *link, uint8_t reason);
void amble__hc_completed_packets(const amble__ll_link *link, uint16_t count);
void amble__hc_data_buffer_overflow(amble__controller *controller);
void amble__hc_remote_version(const amble__ll_link *link, uint8_t status);
void amble__hc_remote_features(const amble__ll_link *link, uint8_t status);
void amble__hc_connection_update(const amble__ll_link *link, uint8_t status);
/* The host wants to be asked: amble__hc_le_event_wanted. */
void amble__hc_remote_parameter_request(const amble__ll_link *link, const amble__ll_parameters *offered);
void amble__hc_phy_update(const amble__ll_link *link, uint8_t status);
/* The host wants to be asked: amble__hc_le_event_wanted. */
void amble__hc_long_term_key_request(const amble__ll_link *link);
void amble__hc_encryption_change(const amble__ll_link *link, uint8_t status);
void amble__hc_key_refreshed(const amble__ll_link *link, uint8_t status);
void amble__hc_authenticated_payload_timeout(const amble__ll_link *link);
/* Least significant octet first. */
void amble__hc_public_key(const amble__controller *controller, uint8_t status, const uint8_t x[32],
                          const uint8_t y[32]);
void amble__hc_dhkey(const amble__controller *controller, uint8_t status, const uint8_t key[32]);
void amble__hc_data_length_change(const amble__ll_link *link);
void amble__hc_advertising_report(amble__controller *controller, amble__hc_report_type type,
                                  const amble__ll_advertising_pdu *pdu, int8_t rssi);
#endif
