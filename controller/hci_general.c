/* Controller and baseband commands and informational parameters (Vol 4, Part E, 7.3 and 7.4). */
#include "controller/hci_commands.h"
#include "controller/hci_events.h"

/* LMP features, page 0 (Vol 2, Part C, 3.2 and 3.3). */
#define FEATURE_BR_EDR_NOT_SUPPORTED (UINT64_C(1) << 37)
#define FEATURE_LE_SUPPORTED         (UINT64_C(1) << 38)
#define FEATURE_EXTENDED             (UINT64_C(1) << 63)
#define LMP_FEATURES                 (FEATURE_BR_EDR_NOT_SUPPORTED | FEATURE_LE_SUPPORTED | FEATURE_EXTENDED)
#define LAST_FEATURE_PAGE            1
#define HOST_FEATURE_LE_SHIFT        1 /* page 1, bit 1: LE supported (host) */

#define FLOW_CONTROL_ACL  0x01
#define FLOW_CONTROL_MAX  0x03
#define HOST_ACL_SIZE_MIN 27

uint8_t amble__hc_reset(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)in;
    (void)out;
    amble__ll_reset(controller);
    return HC_SUCCESS;
}

uint8_t amble__hc_set_event_mask(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)out;
    controller->event_mask = amble__read_le64(in);
    return HC_SUCCESS;
}

uint8_t amble__hc_set_event_mask_page_2(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)out;
    controller->event_mask_page_2 = amble__read_le64(in);
    return HC_SUCCESS;
}

uint8_t amble__hc_read_le_host_support(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)in;
    amble__write_u8(out, controller->le_host_support);
    amble__write_u8(out, 0); /* simultaneous LE and BR/EDR: no longer used */
    return HC_SUCCESS;
}

uint8_t amble__hc_write_le_host_support(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    const uint8_t supported = amble__read_u8(in);

    (void)out;
    if (supported > 1)
        return HC_INVALID_PARAMETERS;
    controller->le_host_support = supported;
    return HC_SUCCESS;
}

/* --- controller to host flow control: 7.3.38 to 7.3.40 ------------------------------------------------------------ */

uint8_t amble__hc_set_controller_to_host_flow_control(amble__controller *controller, amble__reader *in,
                                                      amble__writer *out)
{
    const uint8_t mode = amble__read_u8(in);

    (void)out;
    if (amble__ll_link_any(controller))
        return HC_DISALLOWED;
    if (mode > FLOW_CONTROL_MAX)
        return HC_INVALID_PARAMETERS;
    controller->host_buffers.on = mode & FLOW_CONTROL_ACL;
    return HC_SUCCESS;
}

uint8_t amble__hc_host_buffer_size(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    const uint16_t size = amble__read_le16(in);
    uint16_t packets;

    (void)out;
    amble__read_u8(in); /* synchronous packets: none are sent */
    packets = amble__read_le16(in);
    if (amble__ll_link_any(controller))
        return HC_DISALLOWED;
    if (size < HOST_ACL_SIZE_MIN || !packets)
        return HC_INVALID_PARAMETERS;
    controller->host_buffers.packet_size = size < AMBLE__LL_OCTETS_MAX ? size : AMBLE__LL_OCTETS_MAX;
    controller->host_buffers.packets = packets;
    return HC_SUCCESS;
}

/* Counts for links that are gone, or beyond what the host has, are ignored. */
uint8_t amble__hc_host_number_of_completed_packets(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    const uint8_t handles = amble__read_u8(in);

    (void)out;
    if (in->failed || amble__read_left(in) != handles * 4u)
        return HC_INVALID_PARAMETERS;
    while (amble__read_left(in)) {
        amble__ll_link *link = amble__ll_link_find(controller, amble__read_le16(in));
        uint16_t count = amble__read_le16(in);

        if (!link)
            continue;
        count = count < link->at_host ? count : link->at_host;
        link->at_host = (uint16_t)(link->at_host - count);
        controller->host_buffers.outstanding = (uint16_t)(controller->host_buffers.outstanding - count);
    }
    return HC_SUCCESS;
}

/* --- informational parameters ------------------------------------------------------------------------------------- */

uint8_t amble__ll_version(const amble__controller *controller)
{
    return controller->options.only_4_2 ? AMBLE__LL_VERSION_4_2 : AMBLE__LL_VERSION;
}

uint8_t amble__hc_read_local_version(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    const uint8_t version = amble__ll_version(controller);

    (void)in;
    amble__write_u8(out, version); /* of HCI; the numbers are the same */
    amble__write_le16(out, AMBLE__LL_SUBVERSION);
    amble__write_u8(out, version);
    amble__write_le16(out, AMBLE__LL_COMPANY);
    amble__write_le16(out, AMBLE__LL_SUBVERSION);
    return HC_SUCCESS;
}

uint8_t amble__hc_read_local_supported_features(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)controller;
    (void)in;
    amble__write_le64(out, LMP_FEATURES);
    return HC_SUCCESS;
}

uint8_t amble__hc_read_local_extended_features(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    const uint8_t page = amble__read_u8(in);

    if (page > LAST_FEATURE_PAGE)
        return HC_INVALID_PARAMETERS;
    amble__write_u8(out, page);
    amble__write_u8(out, LAST_FEATURE_PAGE);
    amble__write_le64(out, page ? (uint64_t)controller->le_host_support << HOST_FEATURE_LE_SHIFT : LMP_FEATURES);
    return HC_SUCCESS;
}

uint8_t amble__hc_read_buffer_size(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)in;
    amble__write_le16(out, controller->options.acl_size);
    amble__write_u8(out, 0); /* no synchronous packets */
    amble__write_le16(out, controller->options.acl_buffers);
    amble__write_le16(out, 0);
    return HC_SUCCESS;
}

uint8_t amble__hc_read_bd_addr(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)in;
    amble__write_bytes(out, controller->options.public_address, AMBLE__LL_ADDRESS);
    return HC_SUCCESS;
}
