/* The commands of synchronisation with periodic advertising: Vol 4, Part E, 7.8.67 to 7.8.73 and 7.8.88. */
#include "controller/hci_commands.h"
#include "controller/hci_events.h"

#define OPTION_LIST       0x01
#define OPTION_QUIET      0x02 /* reports are switched on later */
#define OPTION_DUPLICATES 0x04
#define SID_MAX           0x0F
#define SKIP_MAX          0x01F3
#define TIMEOUT_MIN       0x000A
#define TIMEOUT_MAX       0x4000
#define TIMEOUT_UNIT_US   10000

static amble__ll_synchroniser *all_of(amble__controller *controller) { return &controller->synchroniser; }

uint8_t amble__hc_le_periodic_advertising_create_sync(amble__controller *controller, amble__reader *in,
                                                      amble__writer *out)
{
    amble__ll_synchroniser *all = all_of(controller);
    const uint8_t options = amble__read_u8(in);
    amble__ll_train_name wanted = {.set_identifier = amble__read_u8(in)};
    uint16_t skip, timeout;

    (void)out;
    wanted.advertiser.type = amble__read_u8(in);
    amble__read_copy(in, wanted.advertiser.value, AMBLE__LL_ADDRESS);
    skip = amble__read_le16(in);
    timeout = amble__read_le16(in);
    if (options & OPTION_DUPLICATES) /* there is no ADI in trains to tell them by */
        return HC_UNSUPPORTED_PARAMETER;
    if (options > (OPTION_LIST | OPTION_QUIET) || skip > SKIP_MAX || timeout < TIMEOUT_MIN || timeout > TIMEOUT_MAX ||
        (!(options & OPTION_LIST) && (wanted.set_identifier > SID_MAX || wanted.advertiser.type > 1)))
        return HC_INVALID_PARAMETERS;
    if (all->pending)
        return HC_DISALLOWED;
    if (!amble__ll_sync_find_unused(all))
        return HC_MEMORY_FULL;
    if (!(options & OPTION_LIST) && amble__ll_sync_find(all, &wanted))
        return HC_CONNECTION_EXISTS;
    all->pending = true;
    all->use_list = options & OPTION_LIST;
    all->reports_at_once = !(options & OPTION_QUIET);
    all->wanted = wanted;
    all->skip = skip;
    all->timeout_us = timeout * (uint32_t)TIMEOUT_UNIT_US;
    return HC_SUCCESS;
}

/* The sync that was found, and of which no packet has come. */
static amble__ll_sync *find_beginning(amble__ll_synchroniser *all)
{
    for (unsigned i = 0; i < AMBLE__LL_SYNCS; i++)
        if (all->syncs[i].open && !all->syncs[i].established && !all->syncs[i].transferred)
            return &all->syncs[i];
    return NULL;
}

uint8_t amble__hc_le_periodic_advertising_create_sync_cancel(amble__controller *controller, amble__reader *in,
                                                             amble__writer *out)
{
    amble__ll_synchroniser *all = all_of(controller);
    amble__ll_sync *beginning = find_beginning(all);

    (void)in;
    (void)out;
    if (!all->pending && !beginning)
        return HC_DISALLOWED;
    all->pending = false;
    if (beginning)
        amble__ll_sync_close(beginning);
    return HC_SUCCESS;
}

/* The host is told through the event that it waits for. */
void amble__hc_le_periodic_advertising_sync_cancelled(amble__controller *controller, amble__reader *in)
{
    (void)in;
    amble__hc_sync_cancelled(controller);
}

uint8_t amble__hc_le_periodic_advertising_terminate_sync(amble__controller *controller, amble__reader *in,
                                                         amble__writer *out)
{
    amble__ll_sync *s = amble__ll_sync_find_handle(all_of(controller), amble__read_le16(in));

    (void)out;
    if (!s)
        return HC_UNKNOWN_ADVERTISING;
    amble__ll_sync_close(s);
    return HC_SUCCESS;
}

uint8_t amble__hc_le_set_periodic_advertising_receive_enable(amble__controller *controller, amble__reader *in,
                                                             amble__writer *out)
{
    amble__ll_sync *s = amble__ll_sync_find_handle(all_of(controller), amble__read_le16(in));
    const uint8_t enable = amble__read_u8(in);

    (void)out;
    if (enable & ~1u)
        return enable & 2 ? HC_UNSUPPORTED_PARAMETER : HC_INVALID_PARAMETERS;
    if (!s)
        return HC_UNKNOWN_ADVERTISING;
    s->reports = enable;
    return HC_SUCCESS;
}

/* --- the list of advertisers -------------------------------------------------------------------------------------- */

static int find_listed(const amble__ll_synchroniser *all, const amble__ll_train_name *name)
{
    for (int i = 0; i < all->listed; i++)
        if (amble__ll_train_name_equal(&all->list[i], name))
            return i;
    return -1;
}

static uint8_t read_name(amble__ll_synchroniser *all, amble__ll_train_name *name, amble__reader *in)
{
    name->advertiser.type = amble__read_u8(in);
    amble__read_copy(in, name->advertiser.value, AMBLE__LL_ADDRESS);
    name->set_identifier = amble__read_u8(in);
    if (all->pending)
        return HC_DISALLOWED;
    return name->advertiser.type > 1 || name->set_identifier > SID_MAX ? HC_INVALID_PARAMETERS : HC_SUCCESS;
}

uint8_t amble__hc_le_add_to_periodic_advertiser_list(amble__controller *controller, amble__reader *in,
                                                     amble__writer *out)
{
    amble__ll_synchroniser *all = all_of(controller);
    amble__ll_train_name name;
    const uint8_t status = read_name(all, &name, in);

    (void)out;
    if (status)
        return status;
    if (find_listed(all, &name) >= 0)
        return HC_INVALID_PARAMETERS;
    if (all->listed == AMBLE__LL_PERIODIC_ADVERTISERS)
        return HC_MEMORY_FULL;
    all->list[all->listed++] = name;
    return HC_SUCCESS;
}

uint8_t amble__hc_le_remove_from_periodic_advertiser_list(amble__controller *controller, amble__reader *in,
                                                          amble__writer *out)
{
    amble__ll_synchroniser *all = all_of(controller);
    amble__ll_train_name name;
    const uint8_t status = read_name(all, &name, in);
    const int at = find_listed(all, &name);

    (void)out;
    if (status)
        return status;
    if (at < 0)
        return HC_UNKNOWN_ADVERTISING;
    all->list[at] = all->list[--all->listed];
    return HC_SUCCESS;
}

uint8_t amble__hc_le_clear_periodic_advertiser_list(amble__controller *controller, amble__reader *in,
                                                    amble__writer *out)
{
    (void)in;
    (void)out;
    if (all_of(controller)->pending)
        return HC_DISALLOWED;
    all_of(controller)->listed = 0;
    return HC_SUCCESS;
}

uint8_t amble__hc_le_read_periodic_advertiser_list_size(amble__controller *controller, amble__reader *in,
                                                        amble__writer *out)
{
    (void)controller;
    (void)in;
    amble__write_u8(out, AMBLE__LL_PERIODIC_ADVERTISERS);
    return HC_SUCCESS;
}
