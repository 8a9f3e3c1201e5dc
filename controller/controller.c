/* A controller from outside: opening and closing it, what its host sends it, and Reset. */
#include "controller/controller.h"

#include <stdlib.h>

#include "amble/error.h"
#include "controller/hci_commands.h"
#include "controller/hci_events.h"
#include "controller/state.h"
#include "port/crypto.h"

#define DEFAULT_ACL_BUFFERS 8
#define DEFAULT_ACL_SIZE    AMBLE__LL_OCTETS_MAX
#define DEFAULT_LINKS       8
#define DEFAULT_SETS        4
#define FIRST_HANDLE        0x0040

/* What is taken at open, in one piece: the controller, its links, its advertising sets, its packets, and
 * their bytes. */
typedef struct {
    size_t links, advertisers, packets, bytes, total;
} layout;

static layout lay_out(const amble__controller_options *o)
{
    layout l;

    l.links = sizeof(amble__controller);
    l.advertisers = l.links + o->links * sizeof(amble__ll_link);
    l.packets = l.advertisers + o->advertising_sets * sizeof(amble__ll_advertiser);
    l.bytes = l.packets + o->acl_buffers * sizeof(amble__ll_acl);
    l.total = l.bytes + (size_t)o->acl_buffers * o->acl_size;
    return l;
}

static int check_options(amble__controller_options *o)
{
    static const uint8_t none[AMBLE__LL_ADDRESS];

    if (!o->acl_buffers)
        o->acl_buffers = DEFAULT_ACL_BUFFERS;
    if (!o->acl_size)
        o->acl_size = DEFAULT_ACL_SIZE;
    if (!o->links)
        o->links = DEFAULT_LINKS;
    if (!o->advertising_sets)
        o->advertising_sets = o->only_4_2 ? 1 : DEFAULT_SETS;
    if (o->acl_size < AMBLE__LL_OCTETS_MIN || o->acl_size > AMBLE__LL_OCTETS_MAX || !o->to_host ||
        o->advertising_sets > AMBLE__LL_SETS_MAX || memcmp(o->public_address, none, sizeof none) == 0)
        return AMBLE_ERR_ARGUMENT;
    return 0;
}

static uint64_t identity_of(const uint8_t address[AMBLE__LL_ADDRESS])
{
    return amble__get_le32(address) | (uint64_t)amble__get_le16(address + 4) << 32;
}

static void init_advertisers(amble__controller *controller)
{
    for (unsigned i = 0; i < controller->options.advertising_sets; i++)
        amble__ll_advertiser_init(&controller->advertisers[i], controller);
}

int amble__controller_open(amble__controller **out, amble__air *air, const amble__controller_options *given)
{
    amble__controller_options options = *given;
    const int error = check_options(&options);
    const layout at = lay_out(&options);
    amble__controller *controller;
    uint8_t *memory;

    *out = NULL;
    if (error)
        return error;
    memory = calloc(1, at.total);
    if (!memory)
        return AMBLE_ERR_NO_MEMORY;
    controller = (void *)memory;
    controller->air = air;
    controller->options = options;
    controller->links = (void *)(memory + at.links);
    controller->advertisers = (void *)(memory + at.advertisers);
    amble__radio_open(&controller->radio, air, identity_of(options.public_address), &amble__ll_radio_events);
    amble__list_init(&controller->waiting);
    amble__list_init(&controller->free_acl);
    for (unsigned i = 0; i < options.acl_buffers; i++) {
        amble__ll_acl *acl = (amble__ll_acl *)(void *)(memory + at.packets) + i;

        acl->bytes = memory + at.bytes + (size_t)i * options.acl_size;
        amble__list_append(&controller->free_acl, &acl->node);
    }
    init_advertisers(controller);
    amble__ll_scanner_init(&controller->scanner, controller);
    amble__ll_initiator_init(&controller->initiator, controller);
    amble__ll_synchroniser_init(&controller->synchroniser, controller);
    for (unsigned i = 0; i < options.links; i++)
        amble__ll_link_init(&controller->links[i], controller, (uint16_t)(FIRST_HANDLE + i));
    amble__ll_reset(controller);
    *out = controller;
    return 0;
}

static void leave_air(amble__controller *controller)
{
    for (unsigned i = 0; i < controller->options.advertising_sets; i++) {
        amble__ll_advertiser_stop(&controller->advertisers[i]);
        amble__ll_train_stop(&controller->advertisers[i].train);
    }
    amble__ll_synchroniser_stop(&controller->synchroniser);
    amble__ll_scanner_stop(&controller->scanner);
    amble__ll_initiator_stop(&controller->initiator);
    for (unsigned i = 0; i < controller->options.links; i++)
        amble__ll_link_drop(&controller->links[i]);
}

void amble__controller_close(amble__controller *controller)
{
    if (!controller)
        return;
    leave_air(controller);
    amble__radio_close(&controller->radio);
    amble__ll_resolving_list_reset(&controller->resolving_list);
    free(controller);
}

void amble__ll_reset(amble__controller *controller)
{
    leave_air(controller);
    init_advertisers(controller);
    amble__ll_scanner_init(&controller->scanner, controller);
    amble__ll_initiator_init(&controller->initiator, controller);
    amble__ll_synchroniser_init(&controller->synchroniser, controller);
    controller->event_mask = AMBLE__HC_EVENT_MASK;
    controller->le_event_mask = AMBLE__HC_LE_EVENT_MASK;
    controller->event_mask_page_2 = 0;
    controller->le_host_support = 0;
    controller->p_256_known = false;
    amble__wipe(controller->p_256_secret, sizeof controller->p_256_secret);
    controller->host_uses_legacy = controller->host_uses_extended = false;
    controller->random_address_set = false;
    controller->suggested_octets = AMBLE__LL_OCTETS_MIN;
    controller->suggested_time = AMBLE__LL_TIME_MIN;
    controller->tx_phys = controller->rx_phys = AMBLE__LL_ALL_PHYS;
    controller->channel_map = AMBLE__LL_ALL_CHANNELS;
    controller->host_buffers = (amble__ll_host_buffers){.packet_size = AMBLE__LL_OCTETS_MAX};
    controller->accept_list.count = 0;
    amble__ll_resolving_list_reset(&controller->resolving_list);
}

void amble__controller_receive(amble__controller *controller, const uint8_t *packet, size_t size)
{
    if (!size)
        return;
    if (packet[0] == HC_PACKET_COMMAND)
        amble__hc_command(controller, packet + 1, size - 1);
    else if (packet[0] == HC_PACKET_ACL)
        amble__ll_data_from_host(controller, packet + 1, size - 1);
}
