/* The table of commands, and how each is answered: see hci_commands.h.
 *
 * The table is the only place that knows which commands exist; Read Local Supported Commands is read off it, so it
 * cannot claim what is not there. A command is done when amble__hc_command returns, so any number may come in a
 * burst. */
#include "controller/hci_commands.h"

#include "controller/hci_events.h"

#define LONGEST_REPLY      252 /* what fits in Command Complete beside its own three octets */
#define SUPPORTED_COMMANDS 64  /* octets (Vol 4, Part E, 6.27) */
#define NOT_LISTED         0xFF
#define ANY_LENGTH         0xFF

/* How a command is answered. */
typedef enum {
    COMPLETE,        /* Command Complete */
    COMPLETE_HANDLE, /* the same, and the first return parameter is the connection handle of the command */
    STATUS,          /* Command Status; an event follows */
    SILENT,          /* not at all, unless it is wrong */
} answer;

typedef struct {
    uint16_t opcode;
    uint8_t octet, bit; /* of Read Local Supported Commands */
    uint8_t length;     /* of the parameters */
    uint8_t reply;      /* octets of return parameters, status included */
    answer answer;
    amble__hc_handler *handle;
    amble__hc_then *then; /* after the answer, when the status is 0 */
} command;

static const command commands[] = {
    {HC_DISCONNECT, 0, 5, 3, 0, STATUS, amble__hc_disconnect, amble__hc_start_procedures},
    {HC_READ_REMOTE_VERSION, 2, 7, 2, 0, STATUS, amble__hc_read_remote_version, amble__hc_start_procedures},
    {HC_READ_RSSI, 15, 5, 2, 4, COMPLETE_HANDLE, amble__hc_read_rssi, NULL},

    {HC_SET_EVENT_MASK, 5, 6, 8, 1, COMPLETE, amble__hc_set_event_mask, NULL},
    {HC_RESET, 5, 7, 0, 1, COMPLETE, amble__hc_reset, NULL},
    {HC_READ_TRANSMIT_POWER_LEVEL, 10, 2, 3, 4, COMPLETE_HANDLE, amble__hc_read_transmit_power_level, NULL},
    {HC_SET_CONTROLLER_TO_HOST_FLOW_CONTROL, 10, 5, 1, 1, COMPLETE, amble__hc_set_controller_to_host_flow_control,
     NULL},
    {HC_HOST_BUFFER_SIZE, 10, 6, 7, 1, COMPLETE, amble__hc_host_buffer_size, NULL},
    {HC_HOST_NUMBER_OF_COMPLETED_PACKETS, 10, 7, ANY_LENGTH, 1, SILENT, amble__hc_host_number_of_completed_packets,
     NULL},
    {HC_SET_EVENT_MASK_PAGE_2, 22, 2, 8, 1, COMPLETE, amble__hc_set_event_mask_page_2, NULL},
    {HC_READ_LE_HOST_SUPPORT, 24, 5, 0, 3, COMPLETE, amble__hc_read_le_host_support, NULL},
    {HC_WRITE_LE_HOST_SUPPORT, 24, 6, 2, 1, COMPLETE, amble__hc_write_le_host_support, NULL},
    {HC_READ_AUTHENTICATED_PAYLOAD_TIMEOUT, 32, 4, 2, 5, COMPLETE_HANDLE, amble__hc_read_authenticated_payload_timeout,
     NULL},
    {HC_WRITE_AUTHENTICATED_PAYLOAD_TIMEOUT, 32, 5, 4, 3, COMPLETE_HANDLE,
     amble__hc_write_authenticated_payload_timeout, NULL},

    {HC_READ_LOCAL_VERSION, 14, 3, 0, 9, COMPLETE, amble__hc_read_local_version, NULL},
    {HC_READ_LOCAL_SUPPORTED_COMMANDS, NOT_LISTED, 0, 0, 65, COMPLETE, amble__hc_read_local_supported_commands, NULL},
    {HC_READ_LOCAL_SUPPORTED_FEATURES, 14, 5, 0, 9, COMPLETE, amble__hc_read_local_supported_features, NULL},
    {HC_READ_LOCAL_EXTENDED_FEATURES, 14, 6, 1, 11, COMPLETE, amble__hc_read_local_extended_features, NULL},
    {HC_READ_BUFFER_SIZE, 14, 7, 0, 8, COMPLETE, amble__hc_read_buffer_size, NULL},
    {HC_READ_BD_ADDR, 15, 1, 0, 7, COMPLETE, amble__hc_read_bd_addr, NULL},

    {HC_LE_SET_EVENT_MASK, 25, 0, 8, 1, COMPLETE, amble__hc_le_set_event_mask, NULL},
    {HC_LE_READ_BUFFER_SIZE, 25, 1, 0, 4, COMPLETE, amble__hc_le_read_buffer_size, NULL},
    {HC_LE_READ_LOCAL_SUPPORTED_FEATURES, 25, 2, 0, 9, COMPLETE, amble__hc_le_read_local_supported_features, NULL},
    {HC_LE_SET_RANDOM_ADDRESS, 25, 4, 6, 1, COMPLETE, amble__hc_le_set_random_address, NULL},
    {HC_LE_SET_ADVERTISING_PARAMETERS, 25, 5, 15, 1, COMPLETE, amble__hc_le_set_advertising_parameters, NULL},
    {HC_LE_READ_ADVERTISING_TX_POWER, 25, 6, 0, 2, COMPLETE, amble__hc_le_read_advertising_tx_power, NULL},
    {HC_LE_SET_ADVERTISING_DATA, 25, 7, 32, 1, COMPLETE, amble__hc_le_set_advertising_data, NULL},
    {HC_LE_SET_SCAN_RESPONSE_DATA, 26, 0, 32, 1, COMPLETE, amble__hc_le_set_scan_response_data, NULL},
    {HC_LE_SET_ADVERTISING_ENABLE, 26, 1, 1, 1, COMPLETE, amble__hc_le_set_advertising_enable, NULL},
    {HC_LE_SET_SCAN_PARAMETERS, 26, 2, 7, 1, COMPLETE, amble__hc_le_set_scan_parameters, NULL},
    {HC_LE_SET_SCAN_ENABLE, 26, 3, 2, 1, COMPLETE, amble__hc_le_set_scan_enable, NULL},
    {HC_LE_CREATE_CONNECTION, 26, 4, 25, 0, STATUS, amble__hc_le_create_connection, NULL},
    {HC_LE_CREATE_CONNECTION_CANCEL, 26, 5, 0, 1, COMPLETE, amble__hc_le_create_connection_cancel,
     amble__hc_le_create_connection_cancelled},
    {HC_LE_READ_ACCEPT_LIST_SIZE, 26, 6, 0, 2, COMPLETE, amble__hc_le_read_accept_list_size, NULL},
    {HC_LE_CLEAR_ACCEPT_LIST, 26, 7, 0, 1, COMPLETE, amble__hc_le_clear_accept_list, NULL},
    {HC_LE_ADD_TO_ACCEPT_LIST, 27, 0, 7, 1, COMPLETE, amble__hc_le_add_to_accept_list, NULL},
    {HC_LE_REMOVE_FROM_ACCEPT_LIST, 27, 1, 7, 1, COMPLETE, amble__hc_le_remove_from_accept_list, NULL},
    {HC_LE_CONNECTION_UPDATE, 27, 2, 14, 0, STATUS, amble__hc_le_connection_update, amble__hc_start_procedures},
    {HC_LE_SET_HOST_CHANNEL_CLASSIFICATION, 27, 3, 5, 1, COMPLETE, amble__hc_le_set_host_channel_classification,
     amble__hc_start_channel_map_updates},
    {HC_LE_READ_CHANNEL_MAP, 27, 4, 2, 8, COMPLETE_HANDLE, amble__hc_le_read_channel_map, NULL},
    {HC_LE_READ_REMOTE_FEATURES, 27, 5, 2, 0, STATUS, amble__hc_le_read_remote_features, amble__hc_start_procedures},
    {HC_LE_ENCRYPT, 27, 6, 32, 17, COMPLETE, amble__hc_le_encrypt, NULL},
    {HC_LE_RAND, 27, 7, 0, 9, COMPLETE, amble__hc_le_rand, NULL},
    {HC_LE_ENABLE_ENCRYPTION, 28, 0, 28, 0, STATUS, amble__hc_le_enable_encryption, amble__hc_start_procedures},
    {HC_LE_LONG_TERM_KEY_REQUEST_REPLY, 28, 1, 18, 3, COMPLETE_HANDLE, amble__hc_le_long_term_key_request_reply,
     amble__hc_go_on_encrypting},
    {HC_LE_LONG_TERM_KEY_REQUEST_NEGATIVE_REPLY, 28, 2, 2, 3, COMPLETE_HANDLE,
     amble__hc_le_long_term_key_request_negative_reply, amble__hc_go_on_encrypting},
    {HC_LE_READ_SUPPORTED_STATES, 28, 3, 0, 9, COMPLETE, amble__hc_le_read_supported_states, NULL},
    {HC_LE_REMOTE_PARAMETER_REQUEST_REPLY, 33, 4, 14, 3, COMPLETE_HANDLE, amble__hc_le_remote_parameter_request_reply,
     NULL},
    {HC_LE_REMOTE_PARAMETER_REQUEST_NEGATIVE_REPLY, 33, 5, 3, 3, COMPLETE_HANDLE,
     amble__hc_le_remote_parameter_request_negative_reply, NULL},
    {HC_LE_SET_DATA_LENGTH, 33, 6, 6, 3, COMPLETE_HANDLE, amble__hc_le_set_data_length, amble__hc_start_procedures},
    {HC_LE_READ_SUGGESTED_DATA_LENGTH, 33, 7, 0, 5, COMPLETE, amble__hc_le_read_suggested_data_length, NULL},
    {HC_LE_WRITE_SUGGESTED_DATA_LENGTH, 34, 0, 4, 1, COMPLETE, amble__hc_le_write_suggested_data_length, NULL},
    {HC_LE_READ_LOCAL_P_256_PUBLIC_KEY, 34, 1, 0, 0, STATUS, amble__hc_le_read_local_p_256_public_key,
     amble__hc_le_generate_p_256},
    {HC_LE_GENERATE_DHKEY, 34, 2, 64, 0, STATUS, amble__hc_le_generate_dhkey, amble__hc_le_share},
    {HC_LE_ADD_TO_RESOLVING_LIST, 34, 3, 39, 1, COMPLETE, amble__hc_le_add_to_resolving_list, NULL},
    {HC_LE_REMOVE_FROM_RESOLVING_LIST, 34, 4, 7, 1, COMPLETE, amble__hc_le_remove_from_resolving_list, NULL},
    {HC_LE_CLEAR_RESOLVING_LIST, 34, 5, 0, 1, COMPLETE, amble__hc_le_clear_resolving_list, NULL},
    {HC_LE_READ_RESOLVING_LIST_SIZE, 34, 6, 0, 2, COMPLETE, amble__hc_le_read_resolving_list_size, NULL},
    {HC_LE_READ_PEER_RESOLVABLE_ADDRESS, 34, 7, 7, 7, COMPLETE, amble__hc_le_read_peer_resolvable_address, NULL},
    {HC_LE_READ_LOCAL_RESOLVABLE_ADDRESS, 35, 0, 7, 7, COMPLETE, amble__hc_le_read_local_resolvable_address, NULL},
    {HC_LE_SET_ADDRESS_RESOLUTION_ENABLE, 35, 1, 1, 1, COMPLETE, amble__hc_le_set_address_resolution_enable, NULL},
    {HC_LE_SET_RESOLVABLE_PRIVATE_ADDRESS_TIMEOUT, 35, 2, 2, 1, COMPLETE,
     amble__hc_le_set_resolvable_private_address_timeout, NULL},
    {HC_LE_READ_MAXIMUM_DATA_LENGTH, 35, 3, 0, 9, COMPLETE, amble__hc_le_read_maximum_data_length, NULL},
    {HC_LE_READ_PHY, 35, 4, 2, 5, COMPLETE_HANDLE, amble__hc_le_read_phy, NULL},
    {HC_LE_SET_DEFAULT_PHY, 35, 5, 3, 1, COMPLETE, amble__hc_le_set_default_phy, NULL},
    {HC_LE_SET_PHY, 35, 6, 7, 0, STATUS, amble__hc_le_set_phy, amble__hc_start_procedures},
    {HC_LE_SET_ADVERTISING_SET_RANDOM_ADDRESS, 36, 1, 7, 1, COMPLETE, amble__hc_le_set_advertising_set_random_address,
     NULL},
    {HC_LE_SET_EXTENDED_ADVERTISING_PARAMETERS, 36, 2, 25, 2, COMPLETE,
     amble__hc_le_set_extended_advertising_parameters, NULL},
    {HC_LE_SET_EXTENDED_ADVERTISING_DATA, 36, 3, ANY_LENGTH, 1, COMPLETE, amble__hc_le_set_extended_advertising_data,
     NULL},
    {HC_LE_SET_EXTENDED_SCAN_RESPONSE_DATA, 36, 4, ANY_LENGTH, 1, COMPLETE,
     amble__hc_le_set_extended_scan_response_data, NULL},
    {HC_LE_SET_EXTENDED_ADVERTISING_ENABLE, 36, 5, ANY_LENGTH, 1, COMPLETE,
     amble__hc_le_set_extended_advertising_enable, NULL},
    {HC_LE_READ_MAXIMUM_ADVERTISING_DATA_LENGTH, 36, 6, 0, 3, COMPLETE,
     amble__hc_le_read_maximum_advertising_data_length, NULL},
    {HC_LE_READ_NUMBER_OF_SUPPORTED_ADVERTISING_SETS, 36, 7, 0, 2, COMPLETE,
     amble__hc_le_read_number_of_supported_advertising_sets, NULL},
    {HC_LE_REMOVE_ADVERTISING_SET, 37, 0, 1, 1, COMPLETE, amble__hc_le_remove_advertising_set, NULL},
    {HC_LE_CLEAR_ADVERTISING_SETS, 37, 1, 0, 1, COMPLETE, amble__hc_le_clear_advertising_sets, NULL},
    {HC_LE_SET_PERIODIC_ADVERTISING_PARAMETERS, 37, 2, 7, 1, COMPLETE, amble__hc_le_set_periodic_advertising_parameters,
     NULL},
    {HC_LE_SET_PERIODIC_ADVERTISING_DATA, 37, 3, ANY_LENGTH, 1, COMPLETE, amble__hc_le_set_periodic_advertising_data,
     NULL},
    {HC_LE_SET_PERIODIC_ADVERTISING_ENABLE, 37, 4, 2, 1, COMPLETE, amble__hc_le_set_periodic_advertising_enable, NULL},
    {HC_LE_SET_EXTENDED_SCAN_PARAMETERS, 37, 5, ANY_LENGTH, 1, COMPLETE, amble__hc_le_set_extended_scan_parameters,
     NULL},
    {HC_LE_SET_EXTENDED_SCAN_ENABLE, 37, 6, 6, 1, COMPLETE, amble__hc_le_set_extended_scan_enable, NULL},
    {HC_LE_EXTENDED_CREATE_CONNECTION, 37, 7, ANY_LENGTH, 0, STATUS, amble__hc_le_extended_create_connection, NULL},
    {HC_LE_PERIODIC_ADVERTISING_CREATE_SYNC, 38, 0, 14, 0, STATUS, amble__hc_le_periodic_advertising_create_sync, NULL},
    {HC_LE_PERIODIC_ADVERTISING_CREATE_SYNC_CANCEL, 38, 1, 0, 1, COMPLETE,
     amble__hc_le_periodic_advertising_create_sync_cancel, amble__hc_le_periodic_advertising_sync_cancelled},
    {HC_LE_PERIODIC_ADVERTISING_TERMINATE_SYNC, 38, 2, 2, 1, COMPLETE, amble__hc_le_periodic_advertising_terminate_sync,
     NULL},
    {HC_LE_ADD_TO_PERIODIC_ADVERTISER_LIST, 38, 3, 8, 1, COMPLETE, amble__hc_le_add_to_periodic_advertiser_list, NULL},
    {HC_LE_REMOVE_FROM_PERIODIC_ADVERTISER_LIST, 38, 4, 8, 1, COMPLETE,
     amble__hc_le_remove_from_periodic_advertiser_list, NULL},
    {HC_LE_CLEAR_PERIODIC_ADVERTISER_LIST, 38, 5, 0, 1, COMPLETE, amble__hc_le_clear_periodic_advertiser_list, NULL},
    {HC_LE_READ_PERIODIC_ADVERTISER_LIST_SIZE, 38, 6, 0, 2, COMPLETE, amble__hc_le_read_periodic_advertiser_list_size,
     NULL},
    {HC_LE_READ_TRANSMIT_POWER, 38, 7, 0, 3, COMPLETE, amble__hc_le_read_transmit_power, NULL},
    {HC_LE_SET_PRIVACY_MODE, 39, 2, 8, 1, COMPLETE, amble__hc_le_set_privacy_mode, NULL},
    {HC_LE_SET_PERIODIC_ADVERTISING_RECEIVE_ENABLE, 40, 5, 3, 1, COMPLETE,
     amble__hc_le_set_periodic_advertising_receive_enable, NULL},
    {HC_LE_PERIODIC_ADVERTISING_SYNC_TRANSFER, 40, 6, 6, 3, COMPLETE_HANDLE,
     amble__hc_le_periodic_advertising_sync_transfer, NULL},
    {HC_LE_PERIODIC_ADVERTISING_SET_INFO_TRANSFER, 40, 7, 5, 3, COMPLETE_HANDLE,
     amble__hc_le_periodic_advertising_set_info_transfer, NULL},
    {HC_LE_SET_SYNC_TRANSFER_PARAMETERS, 41, 0, 8, 3, COMPLETE_HANDLE, amble__hc_le_set_sync_transfer_parameters, NULL},
    {HC_LE_SET_DEFAULT_SYNC_TRANSFER_PARAMETERS, 41, 1, 6, 1, COMPLETE,
     amble__hc_le_set_default_sync_transfer_parameters, NULL},
    {HC_LE_GENERATE_DHKEY_V2, 41, 2, 65, 0, STATUS, amble__hc_le_generate_dhkey_v2, amble__hc_le_share_v2},
    {HC_LE_SET_HOST_FEATURE, 44, 1, 2, 1, COMPLETE, amble__hc_le_set_host_feature, NULL},
};

#define COMMANDS (sizeof commands / sizeof *commands)

/* The LE commands of Bluetooth 5 follow those of 4.2. */
static bool is_there(const amble__controller *controller, uint16_t opcode)
{
    return !controller->options.only_4_2 || opcode < HC_LE_READ_PHY;
}

/* A host that has used a legacy advertising command is refused the extended ones until Reset, and the other way
 * round (Vol 4, Part E, 3.1.1). */
static bool is_mixed(amble__controller *controller, uint16_t opcode)
{
    const bool legacy = opcode >= HC_LE_SET_ADVERTISING_PARAMETERS && opcode <= HC_LE_CREATE_CONNECTION;
    const bool extended =
        opcode >= HC_LE_SET_ADVERTISING_SET_RANDOM_ADDRESS && opcode <= HC_LE_READ_PERIODIC_ADVERTISER_LIST_SIZE;

    if (legacy ? controller->host_uses_extended : extended && controller->host_uses_legacy)
        return true;
    controller->host_uses_legacy |= legacy;
    controller->host_uses_extended |= extended;
    return false;
}

uint8_t amble__hc_read_local_supported_commands(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    uint8_t supported[SUPPORTED_COMMANDS] = {0};

    (void)in;
    for (size_t i = 0; i < COMMANDS; i++)
        if (commands[i].octet != NOT_LISTED && is_there(controller, commands[i].opcode))
            supported[commands[i].octet] |= (uint8_t)(1u << commands[i].bit);
    amble__write_bytes(out, supported, sizeof supported);
    return HC_SUCCESS;
}

static const command *find(const amble__controller *controller, uint16_t opcode)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (commands[i].opcode == opcode && is_there(controller, opcode))
            return &commands[i];
    return NULL;
}

/* After an error the return parameters keep their length: hosts read them before they look at the status. */
static void answer_complete(amble__controller *controller, const command *c, uint8_t status, amble__bytes parameters,
                            uint8_t reply[LONGEST_REPLY])
{
    reply[0] = status;
    if (status && c->answer == COMPLETE_HANDLE && parameters.size >= 2)
        memcpy(reply + 1, parameters.data, 2);
    amble__hc_command_complete(controller, c->opcode, reply, c->reply);
}

static void run(amble__controller *controller, const command *c, amble__bytes parameters, uint8_t length)
{
    const bool length_right = length == parameters.size && (c->length == ANY_LENGTH || c->length == length);
    amble__reader in = amble__reader_of(parameters.data, parameters.size), again = in;
    uint8_t reply[LONGEST_REPLY] = {0};
    amble__writer out = amble__writer_of(reply + 1, sizeof reply - 1);
    uint8_t status = HC_INVALID_PARAMETERS;

    if (length_right)
        status = is_mixed(controller, c->opcode) ? HC_DISALLOWED : c->handle(controller, &in, &out);
    if (c->answer == STATUS)
        amble__hc_command_status(controller, c->opcode, status);
    else if (c->answer != SILENT || status)
        answer_complete(controller, c, status, parameters, reply);
    if (!status && c->then)
        c->then(controller, &again);
}

void amble__hc_command(amble__controller *controller, const uint8_t *packet, size_t size)
{
    amble__reader r = amble__reader_of(packet, size);
    const uint16_t opcode = amble__read_le16(&r);
    const uint8_t length = amble__read_u8(&r);
    const amble__bytes parameters = amble__read_rest(&r);
    const command *c = find(controller, opcode);

    if (r.failed)
        return;
    if (!c)
        amble__hc_command_status(controller, opcode, HC_UNKNOWN_COMMAND);
    else
        run(controller, c, parameters, length);
}
