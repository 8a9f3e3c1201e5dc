/* LE controller commands about the device as a whole (Vol 4, Part E, 7.8). */
#include "controller/hci_commands.h"

#define RANDOM_ADDRESS AMBLE__LL_OWN_RANDOM
#define ANONYMOUS      0xFF /* an accept list entry for extended advertising without an address */

/* LE states and roles (7.8.27): every combination of legacy advertising, scanning, initiating and links. */
#define SUPPORTED_STATES ((UINT64_C(1) << 42) - 1)

uint8_t amble__hc_le_set_event_mask(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)out;
    controller->le_event_mask = amble__read_le64(in);
    return HC_SUCCESS;
}

uint8_t amble__hc_le_read_buffer_size(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)in;
    amble__write_le16(out, controller->options.acl_size);
    amble__write_u8(out, controller->options.acl_buffers);
    return HC_SUCCESS;
}

uint64_t amble__ll_features(const amble__controller *controller)
{
    return AMBLE__LL_FEATURES & (controller->options.only_4_2 ? AMBLE__LL_FEATURES_4_2 : UINT64_MAX);
}

uint8_t amble__hc_le_read_local_supported_features(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)in;
    amble__write_le64(out, amble__ll_features(controller));
    return HC_SUCCESS;
}

/* --- addresses ---------------------------------------------------------------------------------------------------- */

static bool busy(const amble__controller *controller)
{
    return (controller->advertisers[0].enabled && controller->advertisers[0].legacy_commands) ||
           controller->scanner.enabled || controller->initiator.active;
}

uint8_t amble__hc_le_set_random_address(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)out;
    if (busy(controller))
        return HC_DISALLOWED;
    amble__read_copy(in, controller->random_address, AMBLE__LL_ADDRESS);
    controller->random_address_set = true;
    return HC_SUCCESS;
}

bool amble__ll_own_address(const amble__controller *controller, uint8_t type, amble__ll_address *address)
{
    address->type = type & RANDOM_ADDRESS;
    memcpy(address->value, address->type ? controller->random_address : controller->options.public_address,
           AMBLE__LL_ADDRESS);
    return !address->type || controller->random_address_set;
}

/* The accept list must not change under an activity that uses it (7.8.15 to 7.8.17). */
static bool accept_list_in_use(const amble__controller *controller)
{
    for (unsigned i = 0; i < controller->options.advertising_sets; i++)
        if (controller->advertisers[i].enabled && controller->advertisers[i].filter_policy)
            return true;
    return (controller->scanner.enabled && (controller->scanner.filter_policy & 1)) ||
           (controller->initiator.active && controller->initiator.use_accept_list);
}

uint8_t amble__hc_le_read_accept_list_size(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)controller;
    (void)in;
    amble__write_u8(out, AMBLE__LL_ACCEPT_LIST_SIZE);
    return HC_SUCCESS;
}

uint8_t amble__hc_le_clear_accept_list(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)in;
    (void)out;
    if (accept_list_in_use(controller))
        return HC_DISALLOWED;
    controller->accept_list.count = 0;
    return HC_SUCCESS;
}

static uint8_t read_entry(const amble__controller *controller, amble__reader *in, amble__ll_address *entry)
{
    entry->type = amble__read_u8(in);
    amble__read_copy(in, entry->value, AMBLE__LL_ADDRESS);
    if (accept_list_in_use(controller))
        return HC_DISALLOWED;
    return entry->type <= RANDOM_ADDRESS || entry->type == ANONYMOUS ? HC_SUCCESS : HC_INVALID_PARAMETERS;
}

uint8_t amble__hc_le_add_to_accept_list(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    amble__ll_address entry;
    const uint8_t status = read_entry(controller, in, &entry);

    (void)out;
    if (status)
        return status;
    return amble__ll_accept_list_add(&controller->accept_list, &entry) ? HC_SUCCESS : HC_MEMORY_FULL;
}

uint8_t amble__hc_le_remove_from_accept_list(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    amble__ll_address entry;
    const uint8_t status = read_entry(controller, in, &entry);

    (void)out;
    if (!status)
        amble__ll_accept_list_remove(&controller->accept_list, &entry);
    return status;
}

/* --- states, lengths, power ---------------------------------------------------------------------------------- */

uint8_t amble__hc_le_read_supported_states(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)controller;
    (void)in;
    amble__write_le64(out, SUPPORTED_STATES);
    return HC_SUCCESS;
}

uint8_t amble__hc_le_read_suggested_data_length(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)in;
    amble__write_le16(out, controller->suggested_octets);
    amble__write_le16(out, controller->suggested_time);
    return HC_SUCCESS;
}

uint8_t amble__hc_le_write_suggested_data_length(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    const uint16_t octets = amble__read_le16(in), time = amble__read_le16(in);

    (void)out;
    if (octets < AMBLE__LL_OCTETS_MIN || octets > AMBLE__LL_OCTETS_MAX || time < AMBLE__LL_TIME_MIN ||
        time > AMBLE__LL_TIME_MAX)
        return HC_INVALID_PARAMETERS;
    controller->suggested_octets = octets;
    controller->suggested_time = time;
    return HC_SUCCESS;
}

uint8_t amble__hc_le_read_maximum_data_length(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)controller;
    (void)in;
    amble__write_le16(out, AMBLE__LL_OCTETS_MAX);
    amble__write_le16(out, AMBLE__LL_TIME_MAX);
    amble__write_le16(out, AMBLE__LL_OCTETS_MAX);
    amble__write_le16(out, AMBLE__LL_TIME_MAX);
    return HC_SUCCESS;
}

uint8_t amble__hc_le_read_transmit_power(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)controller;
    (void)in;
    amble__write_u8(out, AMBLE__LL_TX_POWER); /* lowest */
    amble__write_u8(out, AMBLE__LL_TX_POWER); /* highest */
    return HC_SUCCESS;
}

/* No feature of the controller's depends on the host's (7.8.115). */
uint8_t amble__hc_le_set_host_feature(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)in;
    (void)out;
    return amble__ll_link_any(controller) ? HC_DISALLOWED : HC_UNSUPPORTED_PARAMETER;
}
