/* This host's own addresses on the air, and their rotation.
 *
 * There is one address where others may connect to this host or it connects to them, and one where nobody may; they
 * differ only when the latter are not to be resolved. Controllers keep one random address for scanning, connecting and
 * legacy advertising, and one for each advertising set; they take another one only while it is not in use (Vol 4 Part E
 * 7.8.4, 7.8.52). So the service task hushes what uses an address, tells the controller the new one, and the rest of
 * its round begins everything again. Invariants: `address` is what a link made now has as this side's address, because
 * it changes only while nothing is on the air under it; `told` is the controller's random address. */
#include "gap/privacy.h"

#include "bonds/private_address.h"
#include "core/log.h"
#include "gap/gap_room.h"

enum { SECOND_US = 1000000 };

static bool changes(const amble__privacy *p) { return p->kind >= AMBLE_ADDRESS_RESOLVABLE; }

amble_device amble__own_address(const amble__gap *gap) { return gap->privacy.address; }

uint8_t amble__own_address_type(const amble__gap *gap)
{
    return (uint8_t)gap->privacy.address.type; /* both addresses are of the same type */
}

/* Who hides has to be called by a private address: the controller's making, or else the one that was heard last. The
 * former comes only together with a private address of ours, whatever own addresses are otherwise; the peer resolves
 * it. */
uint8_t amble__own_address_type_to(const amble__gap *gap, amble_device peer, amble_device *address)
{
    bool known;
    const bool hides = amble__identity_hides(gap, peer, address, &known);

    if (known && (hides || changes(&gap->privacy))) {
        *address = peer;
        return (uint8_t)(AMBLE__OWN_RESOLVABLE | amble__own_address_type(gap));
    }
    if (!hides)
        *address = peer;
    return amble__own_address_type(gap);
}

/* Towards peers in its list a controller makes addresses by itself; towards others it uses the random address. */
uint8_t amble__own_address_type_towards_peers(const amble__gap *gap)
{
    const amble__privacy *p = &gap->privacy;
    const bool resolvable = amble_device_equal(p->told, p->address);

    return changes(p) && p->resolving && resolvable ? AMBLE__OWN_RESOLVABLE_OR_RANDOM : amble__own_address_type(gap);
}

amble_device amble__own_address_for(const amble__gap *gap, bool connectable)
{
    return connectable ? gap->privacy.address : gap->privacy.unlinked;
}

/* --- what is so, and what is wanted ------------------------------------------------------------------------------- */
static bool is_legacy(const amble__gap *gap) { return gap->commands == &amble__legacy_commands; }

/* Whether the one random address has to be the one under which links are made. */
static bool links_are_wanted(const amble__gap *gap)
{
    bool connectable = gap->connecting || !amble__list_empty(&gap->connects);

    for (uint8_t i = 0; is_legacy(gap) && i < gap->advertiser_count; i++)
        connectable = connectable ||
                      ((gap->advertisers[i].serial || gap->advertisers[i].on) && gap->advertisers[i].what.connectable);
    return connectable;
}

static amble_device wanted_random_address(const amble__gap *gap)
{
    return amble__own_address_for(gap, links_are_wanted(gap));
}

static int make_addresses(amble__gap *gap, amble_device *address, amble_device *unlinked)
{
    amble__random *random = amble__scheduler_random();
    const int r = amble__resolvable_address(gap->bonds->own_irk, random, address);

    *unlinked = gap->privacy.kind == AMBLE_ADDRESS_NON_RESOLVABLE ? amble__non_resolvable_address(random) : *address;
    return r;
}

static int tell_random_address(amble__gap *gap, amble_device address)
{
    const int r =
        amble__hci_command(gap->hci, AMBLE__HCI_LE_SET_RANDOM_ADDRESS, address.bytes, sizeof address.bytes, NULL, 0);

    if (r >= 0)
        gap->privacy.told = address;
    return r;
}

/* --- the service task's part -------------------------------------------------------------------------------------- */
static void time_is_over(amble__timer *timer)
{
    amble__privacy *p = amble__container(timer, amble__privacy, rotation);

    p->renew = true;
    amble__gap_work(amble__container(p, amble__gap, privacy));
}

static void start_rotation(amble__privacy *p)
{
    p->rotation.fire = time_is_over;
    amble__timer_start(&p->rotation, amble_now_us() + (uint64_t)p->lifetime_s * SECOND_US);
}

void amble__hush(amble__gap *gap, bool sets)
{
    for (uint8_t i = 0; (sets || is_legacy(gap)) && i < gap->advertiser_count; i++)
        if (gap->advertisers[i].on && !gap->advertisers[i].periodic_on)
            amble__advertising_hush(gap, i);
    amble__scan_hush(gap);
    amble__connect_hush(gap);
}

/* Nobody connects to a set that sends periodically, so its address may change while it does: whoever listens to it
 * stays. */
static void renew_periodic_sets(amble__gap *gap)
{
    for (uint8_t i = 0; i < gap->advertiser_count; i++)
        if (gap->advertisers[i].on && gap->advertisers[i].periodic_on)
            (void)amble__tell_set_address(gap, i, false); /* refused, it keeps the old one until it is started again */
}

static void renew(amble__gap *gap)
{
    amble__privacy *p = &gap->privacy;
    const amble_device address = p->address, unlinked = p->unlinked;
    int r;

    p->renew = false;
    start_rotation(p);
    amble__hush(gap, true);
    r = make_addresses(gap, &p->address, &p->unlinked);
    if (r >= 0)
        r = tell_random_address(gap, wanted_random_address(gap));
    if (r >= 0) {
        renew_periodic_sets(gap);
        return;
    }
    p->address = address;
    p->unlinked = unlinked;
    amble__log(AMBLE__LOG_WARNING, "%s: the private address did not change and stays for another %u s: %s",
               gap->hci->instance, (unsigned)p->lifetime_s, amble_error_text(r));
}

void amble__serve_privacy(amble__gap *gap)
{
    amble__privacy *p = &gap->privacy;
    amble_device wanted;

    amble__serve_resolving_list(gap);
    if (p->renew)
        renew(gap);
    if (!changes(p))
        return;
    wanted = wanted_random_address(gap);
    if (amble_device_equal(wanted, p->told))
        return;
    amble__hush(gap, false);
    (void)tell_random_address(gap, wanted); /* refused, it is wanted again in the next round */
}

/* --- opening ------------------------------------------------------------------------------------------------------ */
static amble_device static_address(amble__gap *gap)
{
    amble__bonds *bonds = gap->bonds;

    if (!bonds->has_own_address) {
        bonds->own_address = amble__static_address(amble__scheduler_random());
        bonds->has_own_address = true;
        amble__bonds_change(bonds);
        amble__bonds_need_irk(bonds, amble__scheduler_random()); /* they are kept together */
    }
    return bonds->own_address;
}

int amble__privacy_start(amble__gap *gap, amble_device public_address)
{
    static const uint8_t none[6] = {0};
    amble__privacy *p = &gap->privacy;
    const bool has_none = memcmp(public_address.bytes, none, sizeof none) == 0;
    int r = 0;

    gap->own = p->kind == AMBLE_ADDRESS_STATIC || has_none ? static_address(gap) : public_address;
    p->address = p->unlinked = gap->own;
    if (changes(p)) {
        amble__bonds_need_irk(gap->bonds, amble__scheduler_random());
        r = make_addresses(gap, &p->address, &p->unlinked);
        start_rotation(p);
    }
    amble__gap_work(gap); /* what is new of the identity is saved */
    return r < 0 || p->address.type == AMBLE_PUBLIC ? r : tell_random_address(gap, wanted_random_address(gap));
}

void amble__privacy_fail(amble__gap *gap) { amble__timer_stop(&gap->privacy.rotation); }
