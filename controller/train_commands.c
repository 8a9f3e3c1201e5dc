/* The commands of periodic advertising: Vol 4, Part E, 7.8.61 to 7.8.63. */
#include "controller/hci_commands.h"

#define INTERVAL_MIN 6 /* 7.5 ms */
#define ENABLE       0x01
#define INCLUDE_ADI  0x02

/* 7.8.61: which sets can have a train. */
static bool set_suits(const amble__ll_advertiser *a)
{
    return !amble__ll_advertiser_has(a, AMBLE__LL_LEGACY | AMBLE__LL_ANONYMOUS | AMBLE__LL_CONNECTABLE |
                                            AMBLE__LL_SCANNABLE);
}

uint8_t amble__hc_le_set_periodic_advertising_parameters(amble__controller *controller, amble__reader *in,
                                                         amble__writer *out)
{
    amble__ll_advertiser *a = amble__ll_advertiser_find(controller, amble__read_u8(in));
    const uint16_t interval_min = amble__read_le16(in), interval_max = amble__read_le16(in);
    const uint16_t properties = amble__read_le16(in);

    (void)out;
    if (!a)
        return HC_UNKNOWN_ADVERTISING;
    if (a->train.wanted || a->train.running)
        return HC_DISALLOWED;
    if (interval_min < INTERVAL_MIN || interval_min > interval_max || (properties & ~(unsigned)AMBLE__LL_WITH_POWER) ||
        !set_suits(a))
        return HC_INVALID_PARAMETERS;
    a->train.interval = interval_max;
    a->train.with_power = properties;
    return HC_SUCCESS;
}

uint8_t amble__hc_le_set_periodic_advertising_data(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    amble__ll_advertiser *a = amble__ll_advertiser_find(controller, amble__read_u8(in));
    const uint8_t operation = amble__read_u8(in), size = amble__read_u8(in);
    const amble__bytes bytes = amble__read_rest(in);

    (void)out;
    if (in->failed || bytes.size != size || operation > AMBLE__LL_DATA_COMPLETE)
        return HC_INVALID_PARAMETERS;
    if (!a)
        return HC_UNKNOWN_ADVERTISING;
    if (!a->train.interval || (a->train.wanted && operation != AMBLE__LL_DATA_COMPLETE))
        return HC_DISALLOWED;
    return amble__ll_train_set_data(&a->train, operation, bytes);
}

uint8_t amble__hc_le_set_periodic_advertising_enable(amble__controller *controller, amble__reader *in,
                                                     amble__writer *out)
{
    const uint8_t enable = amble__read_u8(in);
    amble__ll_advertiser *a = amble__ll_advertiser_find(controller, amble__read_u8(in));

    (void)out;
    if (enable & INCLUDE_ADI)
        return HC_UNSUPPORTED_PARAMETER;
    if (enable > ENABLE)
        return HC_INVALID_PARAMETERS;
    if (!a)
        return HC_UNKNOWN_ADVERTISING;
    if (!enable) {
        amble__ll_train_stop(&a->train);
        return HC_SUCCESS;
    }
    if (!a->train.interval || a->train.data.incomplete)
        return HC_DISALLOWED;
    a->train.wanted = true;
    if (a->enabled && !a->train.running)
        amble__ll_train_start(&a->train, a->secondary_phy);
    return HC_SUCCESS;
}
