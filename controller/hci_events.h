/* What the controller tells its host: one function per event, which keeps quiet when the host masked it. */
#ifndef AMBLE_CONTROLLER_HCI_EVENTS_H
#define AMBLE_CONTROLLER_HCI_EVENTS_H
#include "controller/state.h"

/* Masks after Reset (Vol 4, Part E, 7.3.1 and 7.8.1). */
#define AMBLE__HC_EVENT_MASK    UINT64_C(0x00001FFFFFFFFFFF)
#define AMBLE__HC_LE_EVENT_MASK UINT64_C(0x1F)

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
/* `handle`: of the link it led to. */
void amble__hc_advertising_set_terminated(const amble__ll_advertiser *set, uint8_t status, uint16_t handle);
void amble__hc_scan_request_received(const amble__ll_advertiser *set, const amble__ll_address *scanner);
/* A legacy PDU, for the legacy commands. */
void amble__hc_advertising_report(amble__controller *controller, const amble__ll_heard *heard, amble__bytes data);
/* In as many events as the data needs. `truncated`: not all of it was received. */
void amble__hc_extended_advertising_report(amble__controller *controller, const amble__ll_heard *heard,
                                           amble__bytes data, bool truncated);
void amble__hc_scan_timeout(amble__controller *controller);
/* LE Periodic Advertising Sync Established, Sync Lost, and reports in as many events as the data needs. */
void amble__hc_sync_established(const amble__ll_sync *sync, uint8_t status);
/* By a peer. */
void amble__hc_sync_transfer_received(const amble__ll_sync *sync, uint8_t status);
void amble__hc_sync_transfer_refused(const amble__ll_link *link, uint16_t service_data, uint8_t status);
void amble__hc_sync_cancelled(amble__controller *controller);
void amble__hc_sync_lost(const amble__ll_sync *sync);
void amble__hc_periodic_report(const amble__ll_sync *sync, amble__bytes data, bool truncated);
#endif
