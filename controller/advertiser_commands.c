/* The commands of advertising, legacy (Vol 4, Part E, 7.8.5 to 7.8.9) and extended (7.8.52 to 7.8.60). The legacy ones
 * work on the first set. */
#include "controller/hci_commands.h"
#include "controller/hci_events.h"

/* Advertising_Type of the legacy command. */
enum { TYPE_CONNECTABLE, TYPE_DIRECTED_HIGH_DUTY, TYPE_SCANNABLE, TYPE_NOT_CONNECTABLE, TYPE_DIRECTED_LOW_DUTY, TYPES };

#define INTERVAL_MIN         0x0020
#define INTERVAL_MAX         0x4000 /* of the legacy command; the extended one has no limit but its 24 bits */
#define ALL_CHANNELS         0x07u
#define FILTER_POLICY_MAX    3
#define ADDRESS_TYPE_MAX     3
#define HANDLE_MAX           0xEF
#define SID_MAX              0x0F
#define POWER_MIN            (-127)
#define POWER_MAX            20
#define NO_PREFERENCE        127
#define HIGH_DUTY_TIMEOUT_US 1280000 /* Vol 6, Part B, 4.4.2.4.3 */
#define HIGH_DUTY_UNITS      128     /* the same as a Duration */
#define DURATION_UNIT_US     10000
#define DATA_IDENTIFIERS     0x1000

static bool has(const amble__ll_advertiser *a, unsigned property) { return amble__ll_advertiser_has(a, property); }

static void new_data_identifier(amble__ll_advertiser *a)
{
    amble__random *random = amble__air_random(a->activity.controller->air);
    const uint16_t before = a->data_identifier;

    while (a->data_identifier == before)
        a->data_identifier = (uint16_t)amble__random_below(random, DATA_IDENTIFIERS);
    amble__ll_advertiser_data_changed(a);
}

/* Whether it can begin now, by what both kinds of commands have in common. */
static uint8_t check_start(const amble__ll_advertiser *a)
{
    const amble__controller *controller = a->activity.controller;

    if (!amble__ll_advertiser_address_known(a))
        return HC_INVALID_PARAMETERS;
    if (a->enabled)
        return HC_SUCCESS;
    if (has(a, AMBLE__LL_CONNECTABLE) && !amble__ll_link_available(controller))
        return HC_CONNECTION_LIMIT;
    if (has(a, AMBLE__LL_CONNECTABLE) && has(a, AMBLE__LL_DIRECTED) && amble__ll_link_find_peer(controller, &a->peer))
        return HC_CONNECTION_EXISTS;
    return HC_SUCCESS;
}

/* --- legacy ------------------------------------------------------------------------------------------------------- */

static amble__ll_advertiser *legacy_set(amble__controller *controller)
{
    amble__ll_advertiser *a = &controller->advertisers[0];

    a->legacy_commands = true;
    return a;
}

uint8_t amble__hc_le_set_advertising_parameters(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    static const uint8_t properties[TYPES] = {
        [TYPE_CONNECTABLE] = AMBLE__LL_CONNECTABLE | AMBLE__LL_SCANNABLE,
        [TYPE_DIRECTED_HIGH_DUTY] = AMBLE__LL_CONNECTABLE | AMBLE__LL_DIRECTED | AMBLE__LL_HIGH_DUTY,
        [TYPE_SCANNABLE] = AMBLE__LL_SCANNABLE,
        [TYPE_DIRECTED_LOW_DUTY] = AMBLE__LL_CONNECTABLE | AMBLE__LL_DIRECTED,
    };
    amble__ll_advertiser *a = legacy_set(controller);
    const uint16_t interval_min = amble__read_le16(in), interval_max = amble__read_le16(in);
    const uint8_t type = amble__read_u8(in), own_type = amble__read_u8(in);
    amble__ll_address target = {.type = amble__read_u8(in)};
    uint8_t channel_map, policy;

    (void)out;
    amble__read_copy(in, target.value, sizeof target.value);
    channel_map = amble__read_u8(in);
    policy = amble__read_u8(in);
    if (a->enabled)
        return HC_DISALLOWED;
    if (type >= TYPES || own_type > ADDRESS_TYPE_MAX || target.type > 1 || policy > FILTER_POLICY_MAX || !channel_map ||
        channel_map & ~ALL_CHANNELS)
        return HC_INVALID_PARAMETERS;
    if (type != TYPE_DIRECTED_HIGH_DUTY &&
        (interval_min < INTERVAL_MIN || interval_max > INTERVAL_MAX || interval_min > interval_max))
        return HC_INVALID_PARAMETERS;
    a->interval = interval_min;
    a->properties = (uint16_t)(properties[type] | AMBLE__LL_LEGACY);
    a->own_address_type = own_type;
    a->peer = target;
    a->channel_map = channel_map;
    a->filter_policy = policy;
    return HC_SUCCESS;
}

uint8_t amble__hc_le_read_advertising_tx_power(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)controller;
    (void)in;
    amble__write_u8(out, AMBLE__LL_TX_POWER);
    return HC_SUCCESS;
}

/* The parameters are a length and always 31 octets. */
static uint8_t set_legacy_data(amble__ll_data *data, amble__reader *in)
{
    const uint8_t size = amble__read_u8(in);

    if (size > AMBLE__LL_LEGACY_DATA)
        return HC_INVALID_PARAMETERS;
    data->size = size;
    amble__read_copy(in, data->bytes, AMBLE__LL_LEGACY_DATA);
    return HC_SUCCESS;
}

uint8_t amble__hc_le_set_advertising_data(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)out;
    return set_legacy_data(&legacy_set(controller)->data, in);
}

uint8_t amble__hc_le_set_scan_response_data(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)out;
    return set_legacy_data(&legacy_set(controller)->response, in);
}

uint8_t amble__hc_le_set_advertising_enable(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    amble__ll_advertiser *a = legacy_set(controller);
    const uint8_t enable = amble__read_u8(in);
    uint8_t status;

    (void)out;
    if (enable > 1)
        return HC_INVALID_PARAMETERS;
    if (!enable) {
        amble__ll_advertiser_stop(a);
        return HC_SUCCESS;
    }
    if (a->enabled)
        return HC_SUCCESS;
    status = check_start(a);
    if (!status)
        amble__ll_advertiser_start(a, has(a, AMBLE__LL_HIGH_DUTY) ? HIGH_DUTY_TIMEOUT_US : 0);
    return status;
}

/* --- extended: sets ----------------------------------------------------------------------------------------------- */

static amble__ll_advertiser *find_unused(const amble__controller *controller)
{
    for (unsigned i = 0; i < controller->options.advertising_sets; i++)
        if (!controller->advertisers[i].exists)
            return &controller->advertisers[i];
    return NULL;
}

/* What the host asks for in LE Set Extended Advertising Parameters. */
typedef struct {
    uint8_t handle;
    uint16_t properties;
    uint32_t interval_min, interval_max;
    uint8_t channel_map, own_type;
    amble__ll_address peer;
    uint8_t policy;
    int8_t power;
    uint8_t primary_phy, secondary_phy, set_identifier, reports;
} parameters;

static void read_parameters(parameters *p, amble__reader *in)
{
    p->handle = amble__read_u8(in);
    p->properties = amble__read_le16(in);
    p->interval_min = amble__read_le24(in);
    p->interval_max = amble__read_le24(in);
    p->channel_map = amble__read_u8(in);
    p->own_type = amble__read_u8(in);
    p->peer.type = amble__read_u8(in);
    amble__read_copy(in, p->peer.value, sizeof p->peer.value);
    p->policy = amble__read_u8(in);
    p->power = (int8_t)amble__read_u8(in);
    p->primary_phy = amble__read_u8(in);
    amble__read_u8(in); /* how many auxiliary packets may be left out: none is */
    p->secondary_phy = amble__read_u8(in);
    p->set_identifier = amble__read_u8(in);
    p->reports = amble__read_u8(in);
}

/* Which properties go together: 7.8.53. */
static bool properties_valid(unsigned properties)
{
    static const uint8_t legacy[] = {0x13, 0x15, 0x1d, 0x12, 0x10};

    if (!(properties & AMBLE__LL_LEGACY)) {
        const bool answerable = properties & (AMBLE__LL_CONNECTABLE | AMBLE__LL_SCANNABLE);

        if ((properties & AMBLE__LL_CONNECTABLE) && (properties & AMBLE__LL_SCANNABLE))
            return false;
        return properties <= AMBLE__LL_PROPERTIES && !(properties & AMBLE__LL_HIGH_DUTY) &&
               !(answerable && (properties & AMBLE__LL_ANONYMOUS));
    }
    for (size_t i = 0; i < sizeof legacy; i++)
        if (properties == legacy[i])
            return true;
    return false;
}

static bool parameters_valid(const parameters *p)
{
    const bool legacy = p->properties & AMBLE__LL_LEGACY;

    if (p->handle > HANDLE_MAX || !properties_valid(p->properties) || !p->channel_map ||
        p->channel_map & ~ALL_CHANNELS || p->own_type > ADDRESS_TYPE_MAX || p->peer.type > 1 ||
        p->policy > FILTER_POLICY_MAX || (p->power > POWER_MAX && p->power != NO_PREFERENCE) || p->power < POWER_MIN ||
        p->set_identifier > SID_MAX || p->reports > 1)
        return false;
    if (!(p->properties & AMBLE__LL_HIGH_DUTY) && (p->interval_min < INTERVAL_MIN || p->interval_min > p->interval_max))
        return false;
    return p->primary_phy == AMBLE__PHY_1M ||
           (p->primary_phy == AMBLE__PHY_CODED && !legacy && p->secondary_phy >= AMBLE__PHY_1M);
}

uint8_t amble__hc_le_set_extended_advertising_parameters(amble__controller *controller, amble__reader *in,
                                                         amble__writer *out)
{
    amble__ll_advertiser *a;
    parameters p;

    read_parameters(&p, in);
    if (!parameters_valid(&p) ||
        (!(p.properties & AMBLE__LL_LEGACY) && (p.secondary_phy < AMBLE__PHY_1M || p.secondary_phy > AMBLE__PHY_CODED)))
        return HC_INVALID_PARAMETERS;
    a = amble__ll_advertiser_find(controller, p.handle);
    if (a && a->enabled)
        return HC_DISALLOWED;
    if (a && (p.properties & AMBLE__LL_LEGACY) &&
        (a->data.size > AMBLE__LL_LEGACY_DATA || a->response.size > AMBLE__LL_LEGACY_DATA))
        return HC_INVALID_PARAMETERS;
    if (a && a->train.wanted && p.properties & ~(unsigned)(AMBLE__LL_WITH_POWER | AMBLE__LL_DIRECTED))
        return HC_INVALID_PARAMETERS; /* a train does not go with these */
    if (!a) {
        a = find_unused(controller);
        if (!a)
            return HC_MEMORY_FULL;
        amble__ll_advertiser_init(a, controller);
        new_data_identifier(a);
    }
    a->exists = true;
    a->handle = p.handle;
    a->properties = p.properties;
    a->interval = p.interval_min;
    a->channel_map = p.channel_map;
    a->own_address_type = p.own_type;
    a->peer = p.peer;
    a->filter_policy = p.policy;
    a->primary_phy = (amble__phy)p.primary_phy;
    a->secondary_phy = p.properties & AMBLE__LL_LEGACY ? AMBLE__PHY_1M : (amble__phy)p.secondary_phy;
    a->set_identifier = p.set_identifier;
    a->reports_scan_requests = p.reports;
    amble__write_u8(out, AMBLE__LL_TX_POWER);
    return HC_SUCCESS;
}

uint8_t amble__hc_le_set_advertising_set_random_address(amble__controller *controller, amble__reader *in,
                                                        amble__writer *out)
{
    amble__ll_advertiser *a = amble__ll_advertiser_find(controller, amble__read_u8(in));

    (void)out;
    if (!a)
        return HC_UNKNOWN_ADVERTISING;
    if (a->enabled && has(a, AMBLE__LL_CONNECTABLE))
        return HC_DISALLOWED;
    amble__read_copy(in, a->random_address, AMBLE__LL_ADDRESS);
    a->random_address_set = true;
    return HC_SUCCESS;
}

uint8_t amble__hc_le_read_maximum_advertising_data_length(amble__controller *controller, amble__reader *in,
                                                          amble__writer *out)
{
    (void)controller;
    (void)in;
    amble__write_le16(out, AMBLE__LL_EXTENDED_DATA);
    return HC_SUCCESS;
}

uint8_t amble__hc_le_read_number_of_supported_advertising_sets(amble__controller *controller, amble__reader *in,
                                                               amble__writer *out)
{
    (void)in;
    amble__write_u8(out, controller->options.advertising_sets);
    return HC_SUCCESS;
}

static bool in_use(const amble__ll_advertiser *a) { return a->enabled || a->train.wanted || a->train.running; }

uint8_t amble__hc_le_remove_advertising_set(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    amble__ll_advertiser *a = amble__ll_advertiser_find(controller, amble__read_u8(in));

    (void)out;
    if (!a)
        return HC_UNKNOWN_ADVERTISING;
    if (in_use(a))
        return HC_DISALLOWED;
    a->exists = false;
    return HC_SUCCESS;
}

uint8_t amble__hc_le_clear_advertising_sets(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)in;
    (void)out;
    for (unsigned i = 0; i < controller->options.advertising_sets; i++)
        if (in_use(&controller->advertisers[i]))
            return HC_DISALLOWED;
    for (unsigned i = 0; i < controller->options.advertising_sets; i++)
        controller->advertisers[i].exists = false;
    return HC_SUCCESS;
}

/* --- extended: data ----------------------------------------------------------------------------------------------- */

/* The commands for advertising data and scan response data have one format. */
typedef struct {
    amble__ll_advertiser *set;
    uint8_t operation;
    amble__bytes bytes;
} fragment;

static uint8_t read_fragment(const amble__controller *controller, amble__reader *in, fragment *f)
{
    uint8_t size;

    f->set = amble__ll_advertiser_find(controller, amble__read_u8(in));
    f->operation = amble__read_u8(in);
    amble__read_u8(in); /* whether the controller may fragment: it does where it has to */
    size = amble__read_u8(in);
    f->bytes = amble__read_rest(in);
    if (in->failed || f->bytes.size != size || f->operation >= AMBLE__LL_DATA_OPERATIONS)
        return HC_INVALID_PARAMETERS;
    if (!f->set)
        return HC_UNKNOWN_ADVERTISING;
    if (has(f->set, AMBLE__LL_LEGACY) && f->operation != AMBLE__LL_DATA_COMPLETE)
        return HC_INVALID_PARAMETERS;
    if (f->set->enabled && f->operation != AMBLE__LL_DATA_COMPLETE && f->operation != AMBLE__LL_DATA_UNCHANGED)
        return HC_DISALLOWED;
    return HC_SUCCESS;
}

static uint16_t limit_of(const amble__ll_advertiser *a)
{
    return has(a, AMBLE__LL_LEGACY) ? AMBLE__LL_LEGACY_DATA : AMBLE__LL_EXTENDED_DATA;
}

uint8_t amble__hc_le_set_extended_advertising_data(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    fragment f;
    uint8_t status = read_fragment(controller, in, &f);

    (void)out;
    if (status)
        return status;
    if (has(f.set, AMBLE__LL_LEGACY) ? has(f.set, AMBLE__LL_DIRECTED) : has(f.set, AMBLE__LL_SCANNABLE))
        return HC_INVALID_PARAMETERS; /* its PDUs have no advertising data */
    if (f.operation == AMBLE__LL_DATA_UNCHANGED) {
        if (!f.set->enabled || !f.set->data.size || f.bytes.size)
            return HC_INVALID_PARAMETERS;
    } else {
        if (f.set->enabled && !amble__ll_data_fits(f.set, f.bytes.size))
            return HC_PACKET_TOO_LONG;
        status = amble__ll_data_set(&f.set->data, f.operation, f.bytes, limit_of(f.set));
    }
    if (!status)
        new_data_identifier(f.set);
    return status;
}

uint8_t amble__hc_le_set_extended_scan_response_data(amble__controller *controller, amble__reader *in,
                                                     amble__writer *out)
{
    fragment f;
    uint8_t status = read_fragment(controller, in, &f);

    (void)out;
    if (status)
        return status;
    if (f.operation == AMBLE__LL_DATA_UNCHANGED || (!has(f.set, AMBLE__LL_SCANNABLE) && f.bytes.size))
        return HC_INVALID_PARAMETERS;
    if (f.set->enabled && !has(f.set, AMBLE__LL_LEGACY) && !f.bytes.size)
        return HC_DISALLOWED;
    status = amble__ll_data_set(&f.set->response, f.operation, f.bytes, limit_of(f.set));
    if (!status)
        new_data_identifier(f.set);
    return status;
}

/* --- extended: enable --------------------------------------------------------------------------------------------- */

typedef struct {
    amble__ll_advertiser *set;
    uint16_t duration; /* units of 10 ms */
    uint8_t events;
} wish;

static uint8_t check_wish(const wish *w)
{
    const amble__ll_advertiser *a = w->set;
    const uint8_t status = check_start(a);

    if (status)
        return status;
    if (has(a, AMBLE__LL_HIGH_DUTY) && (!w->duration || w->duration > HIGH_DUTY_UNITS))
        return HC_INVALID_PARAMETERS;
    if (a->data.incomplete || a->response.incomplete)
        return HC_DISALLOWED;
    if (!has(a, AMBLE__LL_LEGACY) && has(a, AMBLE__LL_SCANNABLE) && !a->response.size)
        return HC_DISALLOWED;
    return amble__ll_data_fits(a, a->data.size) ? HC_SUCCESS : HC_PACKET_TOO_LONG;
}

/* Reads all that is wished, and checks it, before anything is done. */
static uint8_t read_wishes(const amble__controller *controller, amble__reader *in, wish wishes[AMBLE__LL_SETS_MAX],
                           unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        wishes[i].set = amble__ll_advertiser_find(controller, amble__read_u8(in));
        wishes[i].duration = amble__read_le16(in);
        wishes[i].events = amble__read_u8(in);
        if (!wishes[i].set)
            return in->failed ? HC_INVALID_PARAMETERS : HC_UNKNOWN_ADVERTISING;
        for (unsigned k = 0; k < i; k++)
            if (wishes[k].set == wishes[i].set)
                return HC_INVALID_PARAMETERS;
    }
    return amble__read_complete(in) ? HC_SUCCESS : HC_INVALID_PARAMETERS;
}

static void stop_all(amble__controller *controller)
{
    for (unsigned i = 0; i < controller->options.advertising_sets; i++)
        amble__ll_advertiser_stop(&controller->advertisers[i]);
}

uint8_t amble__hc_le_set_extended_advertising_enable(amble__controller *controller, amble__reader *in,
                                                     amble__writer *out)
{
    const uint8_t enable = amble__read_u8(in), count = amble__read_u8(in);
    wish wishes[AMBLE__LL_SETS_MAX];
    uint8_t status;

    (void)out;
    if (enable > 1 || count > AMBLE__LL_SETS_MAX || (enable && !count))
        return HC_INVALID_PARAMETERS;
    status = read_wishes(controller, in, wishes, count);
    for (unsigned i = 0; enable && i < count && !status; i++)
        status = check_wish(&wishes[i]);
    if (status)
        return status;
    if (!enable && !count)
        stop_all(controller);
    for (unsigned i = 0; i < count; i++) {
        if (!enable) {
            amble__ll_advertiser_stop(wishes[i].set);
            continue;
        }
        wishes[i].set->events_max = wishes[i].events;
        amble__ll_advertiser_start(wishes[i].set, wishes[i].duration * (uint64_t)DURATION_UNIT_US);
    }
    return HC_SUCCESS;
}
