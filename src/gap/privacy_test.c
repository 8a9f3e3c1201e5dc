/* This host's own addresses, as controllers are told of them: which kind where, when they change, and that nothing is
 * on the air meanwhile. */
#include "gap/privacy.h"

#include "bonds/private_address.h"
#include "gap/testing.h"

static void open_kind(bool extended, amble_address_kind kind)
{
    scripted_reset();
    heard.extended = extended;
    heard.sets = 4;
    scripted_open(&(amble_config){.own_address = kind, .advertisers = 4});
    heard.read = 0; /* what was said while it opened counts */
}

static void expect_address(const uint8_t *bytes, amble_device address) { assert_memory_equal(bytes, address.bytes, 6); }

static bool is_ours(amble_device address) { return amble__address_belongs_to(ble->bonds.table.own_irk, address); }
static amble_device told(void) { return ble->gap.privacy.told; }
static bool is_non_resolvable(amble_device address) { return address.bytes[5] < 0x40; }

static void advertise(amble_advertiser *advertiser, const amble_advertise_options *options)
{
    assert_int_equal(amble_advertise_open(ble, advertiser, options), 0);
    settle_well();
}
static void a_lifetime_passes(void)
{
    assert_int_equal(amble_sleep_ms(AMBLE_PRIVATE_ADDRESS_S * 1000), 0);
    settle_well();
}

/* Which of these commands comes next; nothing else may come before. */
static const uint8_t *expect_said(uint16_t opcode)
{
    assert_true(heard.read < heard.count);
    assert_int_equal(heard.said[heard.read], opcode);
    return heard.parameters[heard.read++];
}
static void expect_silence(void) { assert_int_equal(heard.read, heard.count); }

/* --- addresses that stay ------------------------------------------------------------------------------------------ */
static void a_public_address_is_the_controllers(void)
{
    amble_advertiser advertiser;

    open_kind(false, AMBLE_ADDRESS_PUBLIC);
    assert_false(says(AMBLE__HCI_LE_SET_RANDOM_ADDRESS));
    advertise(&advertiser, NULL);
    assert_int_equal(next_said(AMBLE__HCI_LE_SET_ADVERTISING_PARAMETERS)[5], AMBLE_PUBLIC);
    a_lifetime_passes();
    assert_false(says(AMBLE__HCI_LE_SET_RANDOM_ADDRESS));
    assert_true(amble_device_equal(amble_own_address(ble), amble_own_device(ble)));
    amble_close(ble);
}

static struct {
    uint8_t bytes[4][AMBLE_BOND_RECORD];
    size_t sizes[4], count;
} flash;

static int load(void *user, int (*take)(void *target, const void *record, size_t size), void *target)
{
    int r = 0;

    (void)user;
    for (size_t i = 0; r >= 0 && i < flash.count; i++)
        r = take(target, flash.bytes[i], flash.sizes[i]);
    return r;
}
static int save(void *user, size_t count, size_t (*give)(void *source, size_t index, void *record, size_t room),
                void *source)
{
    (void)user;
    flash.count = count;
    for (size_t i = 0; i < count; i++)
        flash.sizes[i] = give(source, i, flash.bytes[i], AMBLE_BOND_RECORD);
    return 0;
}

static void a_static_address_outlives_the_host(void)
{
    static const amble_bond_store store = {.load = load, .save = save};
    uint8_t irk[16];
    amble_device first;

    memset(&flash, 0, sizeof flash);
    for (int i = 0; i < 3; i++) {
        scripted_reset();
        scripted_open(&(amble_config){.own_address = AMBLE_ADDRESS_STATIC, .bond_store = &store});
        heard.read = 0;
        expect_address(next_said(AMBLE__HCI_LE_SET_RANDOM_ADDRESS), amble_own_device(ble));
        assert_true(amble_own_device(ble).bytes[5] >= 0xc0);
        if (i == 0) {
            first = amble_own_device(ble);
            memcpy(irk, ble->bonds.table.own_irk, 16);
        }
        assert_true(amble_device_equal(amble_own_device(ble), first));
        assert_memory_equal(ble->bonds.table.own_irk, irk, 16);
        a_lifetime_passes();
        assert_false(says(AMBLE__HCI_LE_SET_RANDOM_ADDRESS));
        amble_close(ble);
    }
    assert_int_equal(flash.count, 1);
}

/* --- addresses that change ---------------------------------------------------------------------------------------- */
static void a_legacy_controller_is_hushed_for_a_new_address(void)
{
    amble_advertiser advertiser;
    amble_device first;

    open_kind(false, AMBLE_ADDRESS_RESOLVABLE);
    first = amble_own_address(ble);
    expect_address(next_said(AMBLE__HCI_LE_SET_RANDOM_ADDRESS), first);
    assert_true(is_ours(first));
    assert_int_equal(amble_own_device(ble).type, AMBLE_PUBLIC);
    advertise(&advertiser, NULL);
    assert_int_equal(next_said(AMBLE__HCI_LE_SET_ADVERTISING_PARAMETERS)[5], AMBLE_RANDOM);
    assert_int_equal(next_said(AMBLE__HCI_LE_SET_ADVERTISING_ENABLE)[0], 1);
    assert_int_equal(amble_sleep_ms(899 * 1000), 0);
    expect_silence();
    assert_int_equal(amble_sleep_ms(2000), 0);
    assert_int_equal(expect_said(AMBLE__HCI_LE_SET_ADVERTISING_ENABLE)[0], 0);
    expect_address(expect_said(AMBLE__HCI_LE_SET_RANDOM_ADDRESS), amble_own_address(ble));
    assert_int_equal(next_said(AMBLE__HCI_LE_SET_ADVERTISING_ENABLE)[0], 1);
    assert_false(amble_device_equal(amble_own_address(ble), first));
    assert_true(is_ours(amble_own_address(ble)));
    amble_close(ble);
}

static int connect_nobody(void *arg)
{
    const amble_device nobody = {AMBLE_PUBLIC, {9}};
    amble_connection *conn;

    (void)arg;
    return amble_connect(ble, nobody, NULL, &conn, AMBLE_FOREVER);
}

static void scanning_and_connecting_pause_for_it(void)
{
    amble_scanner scanner;
    amble_scope scope;

    open_kind(false, AMBLE_ADDRESS_RESOLVABLE);
    assert_int_equal(amble_scan_open(ble, &scanner, NULL, AMBLE_FOREVER), 0);
    amble_scope_open(&scope);
    assert_non_null(amble_spawn(&scope, connect_nobody, NULL));
    settle_well();
    assert_int_equal(next_said(AMBLE__HCI_LE_SET_SCAN_PARAMETERS)[5], AMBLE_RANDOM);
    assert_int_equal(next_said(AMBLE__HCI_LE_CREATE_CONNECTION)[12], AMBLE_RANDOM);
    a_lifetime_passes();
    assert_int_equal(expect_said(AMBLE__HCI_LE_SET_SCAN_ENABLE)[0], 0);
    (void)expect_said(AMBLE__HCI_LE_CREATE_CONNECTION_CANCEL);
    expect_address(expect_said(AMBLE__HCI_LE_SET_RANDOM_ADDRESS), amble_own_address(ble));
    (void)expect_said(AMBLE__HCI_LE_SET_SCAN_PARAMETERS);
    assert_int_equal(expect_said(AMBLE__HCI_LE_SET_SCAN_ENABLE)[0], 1);
    (void)expect_said(AMBLE__HCI_LE_CREATE_CONNECTION);
    amble_scan_close(&scanner);
    amble_scope_close(&scope);
    amble_close(ble);
}

static void every_set_gets_the_new_address(void)
{
    amble_advertiser first, second;

    open_kind(true, AMBLE_ADDRESS_RESOLVABLE);
    advertise(&first, NULL);
    expect_address(next_said(AMBLE__HCI_LE_SET_SET_RANDOM_ADDRESS) + 1, amble_own_address(ble));
    advertise(&second, &(amble_advertise_options){.not_connectable = true});
    expect_address(next_said(AMBLE__HCI_LE_SET_SET_RANDOM_ADDRESS) + 1, amble_own_address(ble));
    (void)next_said(AMBLE__HCI_LE_SET_EXTENDED_ENABLE);
    a_lifetime_passes();
    for (int set = 0; set < 2; set++)
        assert_int_equal(expect_said(AMBLE__HCI_LE_SET_EXTENDED_ENABLE)[0], 0);
    expect_address(expect_said(AMBLE__HCI_LE_SET_RANDOM_ADDRESS), amble_own_address(ble));
    for (uint8_t set = 0; set < 2; set++) {
        const uint8_t *said = next_said(AMBLE__HCI_LE_SET_SET_RANDOM_ADDRESS);

        assert_int_equal(said[0], set);
        expect_address(said + 1, amble_own_address(ble));
    }
    amble_close(ble);
}

/* Who listens to a periodic sender would lose it, if it paused. */
static void a_periodic_sender_changes_its_address_while_it_sends(void)
{
    const amble_advertise_options options = {.extended = true, .not_connectable = true, .periodic_interval_us = 100000};
    amble_advertiser advertiser;

    open_kind(true, AMBLE_ADDRESS_RESOLVABLE);
    advertise(&advertiser, &options);
    (void)next_said(AMBLE__HCI_LE_SET_EXTENDED_ENABLE);
    a_lifetime_passes();
    expect_address(expect_said(AMBLE__HCI_LE_SET_RANDOM_ADDRESS), amble_own_address(ble));
    expect_address(expect_said(AMBLE__HCI_LE_SET_SET_RANDOM_ADDRESS) + 1, amble_own_address(ble));
    expect_silence();
    amble_close(ble);
}

static void a_refused_address_is_not_used(void)
{
    amble_advertiser advertiser;
    amble_device first;

    amble_log_level(-1);
    open_kind(false, AMBLE_ADDRESS_RESOLVABLE);
    first = amble_own_address(ble);
    advertise(&advertiser, NULL);
    fake_refuse(AMBLE__HCI_LE_SET_RANDOM_ADDRESS, AMBLE__HCI_COMMAND_DISALLOWED);
    a_lifetime_passes();
    assert_true(amble_device_equal(amble_own_address(ble), first));
    fake_refuse(AMBLE__HCI_LE_SET_RANDOM_ADDRESS, 0);
    a_lifetime_passes();
    assert_false(amble_device_equal(amble_own_address(ble), first));
    assert_true(amble_device_equal(amble_own_address(ble), told()));
    amble_close(ble);
    amble_log_level(AMBLE_LOG_WARNING);
}

/* A link that is made as the address changes has the old one. */
static void a_link_keeps_the_address_it_was_made_with(void)
{
    amble_connection *conn;
    amble_device first;

    open_kind(false, AMBLE_ADDRESS_RESOLVABLE);
    first = amble_own_address(ble);
    conn = fake_accept(ble, FAKE_HANDLE);
    a_lifetime_passes();
    assert_false(amble_device_equal(amble_own_address(ble), first));
    assert_true(amble_device_equal(amble_connection_own_address(conn), first));
    amble_connection_close(conn);
    amble_close(ble);
}

/* --- addresses of nobody ------------------------------------------------------------------------------------------ */
static void where_nobody_connects_addresses_are_nobodys(void)
{
    amble_advertiser connectable, beacon;

    open_kind(true, AMBLE_ADDRESS_NON_RESOLVABLE);
    assert_true(is_non_resolvable(told()));
    assert_true(is_ours(amble_own_address(ble)));
    advertise(&connectable, NULL);
    expect_address(next_said(AMBLE__HCI_LE_SET_SET_RANDOM_ADDRESS) + 1, amble_own_address(ble));
    advertise(&beacon, &(amble_advertise_options){.not_connectable = true});
    expect_address(next_said(AMBLE__HCI_LE_SET_SET_RANDOM_ADDRESS) + 1, told());
    a_lifetime_passes();
    assert_true(is_non_resolvable(told()));
    amble_close(ble);
}

/* The one random address of a legacy controller is nobody's as long as nobody is to connect. */
static void one_address_for_all_serves_links_first(void)
{
    amble_advertiser advertiser;
    amble_scanner scanner;

    open_kind(false, AMBLE_ADDRESS_NON_RESOLVABLE);
    assert_int_equal(amble_scan_open(ble, &scanner, &(amble_scan_options){.active = true}, AMBLE_FOREVER), 0);
    assert_true(is_non_resolvable(told()));
    advertise(&advertiser, NULL);
    assert_true(amble_device_equal(told(), amble_own_address(ble)));
    assert_true(is_ours(told()));
    assert_true(ble->gap.scan.on);
    amble_advertise_close(&advertiser);
    settle_well();
    assert_true(is_non_resolvable(told()));
    assert_true(ble->gap.scan.on);
    amble_scan_close(&scanner);
    amble_close(ble);
}

static void links_are_made_under_an_address_that_peers_resolve(void)
{
    amble_scanner scanner;
    amble_scope scope;

    open_kind(true, AMBLE_ADDRESS_NON_RESOLVABLE);
    assert_int_equal(amble_scan_open(ble, &scanner, NULL, AMBLE_FOREVER), 0);
    amble_scope_open(&scope);
    assert_non_null(amble_spawn(&scope, connect_nobody, NULL));
    settle_well();
    assert_true(amble_device_equal(told(), amble_own_address(ble)));
    amble_scope_close(&scope);
    settle_well();
    assert_true(is_non_resolvable(told()));
    amble_scan_close(&scanner);
    amble_close(ble);
}

static void options_that_make_no_sense_are_refused(void)
{
    amble *opened;

    scripted_reset();
    assert_int_equal(fake_open_config(&opened, &(amble_config){.private_address_s = 3601}, 5000), AMBLE_ERR_ARGUMENT);
    assert_int_equal(fake_open_config(&opened, &(amble_config){.own_address = (amble_address_kind)4}, 5000),
                     AMBLE_ERR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(a_public_address_is_the_controllers),
        task_test(a_static_address_outlives_the_host),
        task_test(a_legacy_controller_is_hushed_for_a_new_address),
        task_test(scanning_and_connecting_pause_for_it),
        task_test(every_set_gets_the_new_address),
        task_test(a_periodic_sender_changes_its_address_while_it_sends),
        task_test(a_refused_address_is_not_used),
        task_test(a_link_keeps_the_address_it_was_made_with),
        task_test(where_nobody_connects_addresses_are_nobodys),
        task_test(one_address_for_all_serves_links_first),
        task_test(links_are_made_under_an_address_that_peers_resolve),
        task_test(options_that_make_no_sense_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
