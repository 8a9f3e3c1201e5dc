/* HCI commands: the way in, and the handlers, each of which stands beside what it controls.
 *
 * A handler reads its parameters, whose length was checked, from `in`, and returns a status. What it writes to `out`
 * follows that status in Command Complete; when it fails it writes nothing, and the return parameters are zero, save a
 * connection handle, which is that of the command. A handler emits no event: what has to follow the answer is done by
 * the command's `then`. */
#ifndef AMBLE_CONTROLLER_HCI_COMMANDS_H
#define AMBLE_CONTROLLER_HCI_COMMANDS_H
#include "controller/hci_codes.h"
#include "controller/state.h"

/* `packet` starts with the opcode. */
void amble__hc_command(amble__controller *controller, const uint8_t *packet, size_t size);

typedef uint8_t amble__hc_handler(amble__controller *controller, amble__reader *in, amble__writer *out);
/* `in` are the parameters of a command that succeeded. */
typedef void amble__hc_then(amble__controller *controller, amble__reader *in);

/* --- hci_commands.c --- */
amble__hc_handler amble__hc_read_local_supported_commands;
/* --- hci_general.c --- */
amble__hc_handler amble__hc_reset;
amble__hc_handler amble__hc_set_event_mask;
amble__hc_handler amble__hc_set_event_mask_page_2;
amble__hc_handler amble__hc_read_le_host_support;
amble__hc_handler amble__hc_write_le_host_support;
amble__hc_handler amble__hc_set_controller_to_host_flow_control;
amble__hc_handler amble__hc_host_buffer_size;
amble__hc_handler amble__hc_host_number_of_completed_packets;
amble__hc_handler amble__hc_read_local_version;
amble__hc_handler amble__hc_read_local_supported_features;
amble__hc_handler amble__hc_read_local_extended_features;
amble__hc_handler amble__hc_read_buffer_size;
amble__hc_handler amble__hc_read_bd_addr;
/* --- hci_le.c --- */
amble__hc_handler amble__hc_le_set_event_mask;
amble__hc_handler amble__hc_le_read_buffer_size;
amble__hc_handler amble__hc_le_read_local_supported_features;
amble__hc_handler amble__hc_le_set_random_address;
amble__hc_handler amble__hc_le_read_accept_list_size;
amble__hc_handler amble__hc_le_clear_accept_list;
amble__hc_handler amble__hc_le_add_to_accept_list;
amble__hc_handler amble__hc_le_remove_from_accept_list;
amble__hc_handler amble__hc_le_read_supported_states;
amble__hc_handler amble__hc_le_read_suggested_data_length;
amble__hc_handler amble__hc_le_write_suggested_data_length;
amble__hc_handler amble__hc_le_read_maximum_data_length;
amble__hc_handler amble__hc_le_read_transmit_power;
amble__hc_handler amble__hc_le_set_host_feature;
/* --- hci_ciphers.c --- */
amble__hc_handler amble__hc_le_encrypt;
amble__hc_handler amble__hc_le_rand;
amble__hc_handler amble__hc_le_read_local_p_256_public_key;
amble__hc_then amble__hc_le_generate_p_256;
amble__hc_handler amble__hc_le_generate_dhkey;
amble__hc_then amble__hc_le_share;
amble__hc_handler amble__hc_le_generate_dhkey_v2;
amble__hc_then amble__hc_le_share_v2;
amble__hc_handler amble__hc_le_enable_encryption;
amble__hc_handler amble__hc_le_long_term_key_request_reply;
amble__hc_handler amble__hc_le_long_term_key_request_negative_reply;
amble__hc_then amble__hc_go_on_encrypting;
amble__hc_handler amble__hc_read_authenticated_payload_timeout;
amble__hc_handler amble__hc_write_authenticated_payload_timeout;
/* --- advertiser_commands.c --- */
amble__hc_handler amble__hc_le_set_advertising_parameters;
amble__hc_handler amble__hc_le_read_advertising_tx_power;
amble__hc_handler amble__hc_le_set_advertising_data;
amble__hc_handler amble__hc_le_set_scan_response_data;
amble__hc_handler amble__hc_le_set_advertising_enable;
amble__hc_handler amble__hc_le_set_advertising_set_random_address;
amble__hc_handler amble__hc_le_set_extended_advertising_parameters;
amble__hc_handler amble__hc_le_set_extended_advertising_data;
amble__hc_handler amble__hc_le_set_extended_scan_response_data;
amble__hc_handler amble__hc_le_set_extended_advertising_enable;
amble__hc_handler amble__hc_le_read_maximum_advertising_data_length;
amble__hc_handler amble__hc_le_read_number_of_supported_advertising_sets;
amble__hc_handler amble__hc_le_remove_advertising_set;
amble__hc_handler amble__hc_le_clear_advertising_sets;
/* --- train_commands.c --- */
amble__hc_handler amble__hc_le_set_periodic_advertising_parameters;
amble__hc_handler amble__hc_le_set_periodic_advertising_data;
amble__hc_handler amble__hc_le_set_periodic_advertising_enable;
/* --- sync_commands.c --- */
amble__hc_handler amble__hc_le_periodic_advertising_create_sync;
amble__hc_handler amble__hc_le_periodic_advertising_create_sync_cancel;
amble__hc_then amble__hc_le_periodic_advertising_sync_cancelled;
amble__hc_handler amble__hc_le_periodic_advertising_terminate_sync;
amble__hc_handler amble__hc_le_add_to_periodic_advertiser_list;
amble__hc_handler amble__hc_le_remove_from_periodic_advertiser_list;
amble__hc_handler amble__hc_le_clear_periodic_advertiser_list;
amble__hc_handler amble__hc_le_read_periodic_advertiser_list_size;
amble__hc_handler amble__hc_le_set_periodic_advertising_receive_enable;
/* --- sync_transfer.c --- */
amble__hc_handler amble__hc_le_periodic_advertising_sync_transfer;
amble__hc_handler amble__hc_le_periodic_advertising_set_info_transfer;
amble__hc_handler amble__hc_le_set_sync_transfer_parameters;
amble__hc_handler amble__hc_le_set_default_sync_transfer_parameters;
/* --- resolving_list.c --- */
amble__hc_handler amble__hc_le_add_to_resolving_list;
amble__hc_handler amble__hc_le_remove_from_resolving_list;
amble__hc_handler amble__hc_le_clear_resolving_list;
amble__hc_handler amble__hc_le_read_resolving_list_size;
amble__hc_handler amble__hc_le_read_peer_resolvable_address;
amble__hc_handler amble__hc_le_read_local_resolvable_address;
amble__hc_handler amble__hc_le_set_address_resolution_enable;
amble__hc_handler amble__hc_le_set_resolvable_private_address_timeout;
amble__hc_handler amble__hc_le_set_privacy_mode;
/* --- scanner_commands.c --- */
amble__hc_handler amble__hc_le_set_scan_parameters;
amble__hc_handler amble__hc_le_set_scan_enable;
amble__hc_handler amble__hc_le_set_extended_scan_parameters;
amble__hc_handler amble__hc_le_set_extended_scan_enable;
/* --- initiator_commands.c --- */
amble__hc_handler amble__hc_le_create_connection;
amble__hc_handler amble__hc_le_extended_create_connection;
amble__hc_handler amble__hc_le_create_connection_cancel;
amble__hc_then amble__hc_le_create_connection_cancelled;
/* --- link_commands.c --- */
amble__hc_handler amble__hc_disconnect;
amble__hc_handler amble__hc_read_remote_version;
amble__hc_then amble__hc_start_procedures;
amble__hc_handler amble__hc_read_rssi;
amble__hc_handler amble__hc_read_transmit_power_level;
amble__hc_handler amble__hc_le_read_channel_map;
amble__hc_handler amble__hc_le_read_remote_features;
amble__hc_handler amble__hc_le_set_data_length;
amble__hc_handler amble__hc_le_read_phy;
amble__hc_handler amble__hc_le_set_default_phy;
amble__hc_handler amble__hc_le_set_phy;
amble__hc_handler amble__hc_le_connection_update;
amble__hc_handler amble__hc_le_remote_parameter_request_reply;
amble__hc_handler amble__hc_le_remote_parameter_request_negative_reply;
amble__hc_handler amble__hc_le_set_host_channel_classification;
amble__hc_then amble__hc_start_channel_map_updates;
#endif
