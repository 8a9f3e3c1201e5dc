/* What a controller that resolves addresses is told: when, of whom, and what the host leaves to it then. */
#include "bonds/private_address.h"
#include "gap/testing.h"

enum { LL_PRIVACY = 0x40, SIZE = 3 };

static amble_device peer(uint8_t number) { return (amble_device){AMBLE_RANDOM, {number, 0, 0, 0, 0, 0xc1}}; }

static amble__bond *bond_with(uint8_t number)
{
    amble__bond *bond = amble__bonds_take(&ble->bonds.table, peer(number));

    bond->has_irk = true;
    memset(bond->irk, number, sizeof bond->irk);
    amble__bonds_need_irk(&ble->bonds.table, amble__scheduler_random());
    amble__gap_work(&ble->gap);
    return bond;
}

static amble_device address_of(uint8_t number)
{
    uint8_t irk[16];
    amble_device address;

    memset(irk, number, sizeof irk);
    assert_int_equal(amble__resolvable_address(irk, amble__scheduler_random(), &address), 0);
    return address;
}

static void open_kind(amble_address_kind kind, bool modes)
{
    scripted_reset();
    heard.extended = true;
    heard.sets = 4;
    heard.features[0] = LL_PRIVACY;
    fake.privacy_modes = modes;
    scripted_reply(0, AMBLE__HCI_LE_READ_RESOLVING_LIST_SIZE, BYTES(SIZE));
    scripted_open(&(amble_config){.own_address = kind, .private_address_s = 600});
    heard.read = 0;
}

static const uint8_t *expect_said(uint16_t opcode)
{
    assert_true(heard.read < heard.count);
    assert_int_equal(heard.said[heard.read], opcode);
    return heard.parameters[heard.read++];
}
static void expect_silence(void) { assert_int_equal(heard.read, heard.count); }
static void pass_over(void)
{
    settle_well();
    heard.read = heard.count;
}

static void expect_added(uint8_t number)
{
    const amble_device device = peer(number);
    const uint8_t *entry = expect_said(AMBLE__HCI_LE_ADD_TO_RESOLVING_LIST), *mode;

    assert_int_equal(entry[0], device.type);
    assert_memory_equal(entry + 1, device.bytes, 6);
    assert_int_equal(entry[7], number);
    assert_int_equal(entry[22], number);
    assert_memory_equal(entry + 23, ble->bonds.table.own_irk, 16);
    mode = expect_said(AMBLE__HCI_LE_SET_PRIVACY_MODE);
    assert_memory_equal(mode, entry, 7);
    assert_int_equal(mode[7], 1); /* its identity address is listened to as well */
}

/* --- telling it --------------------------------------------------------------------------------------------------- */
static void a_controller_that_can_is_told_the_bonds(void)
{
    open_kind(AMBLE_ADDRESS_RESOLVABLE, true);
    assert_int_equal(amble__get_le16(next_said(AMBLE__HCI_LE_SET_PRIVATE_ADDRESS_TIMEOUT)), 600);
    pass_over();
    expect_silence();
    bond_with(1);
    settle_well();
    (void)expect_said(AMBLE__HCI_LE_CLEAR_RESOLVING_LIST);
    expect_added(1);
    assert_int_equal(expect_said(AMBLE__HCI_LE_SET_ADDRESS_RESOLUTION)[0], 1);
    expect_silence();
    bond_with(2);
    settle_well();
    (void)expect_said(AMBLE__HCI_LE_CLEAR_RESOLVING_LIST);
    expect_added(2);
    expect_added(1);
    expect_silence();
    amble__bonds_touch(&ble->bonds.table, amble__bonds_find(&ble->bonds.table, peer(1)));
    amble__gap_work(&ble->gap);
    settle_well();
    expect_silence(); /* the same ones */
    assert_int_equal(amble_bonds_delete(amble_bonds_of(ble), peer(1)), 0);
    amble__gap_work(&ble->gap);
    settle_well();
    (void)expect_said(AMBLE__HCI_LE_CLEAR_RESOLVING_LIST);
    expect_added(2);
    expect_silence();
    amble_close(ble);
}

/* Controllers before Bluetooth 5 would not listen to bonded peers that do not hide. */
static void one_without_privacy_modes_is_told_nothing(void)
{
    open_kind(AMBLE_ADDRESS_RESOLVABLE, false);
    bond_with(1);
    settle_well();
    assert_false(says(AMBLE__HCI_LE_SET_PRIVATE_ADDRESS_TIMEOUT));
    assert_false(says(AMBLE__HCI_LE_CLEAR_RESOLVING_LIST));
    amble_close(ble);
}

static void nothing_is_on_the_air_while_it_changes(void)
{
    amble_advertiser advertiser;
    amble_scanner scanner;

    open_kind(AMBLE_ADDRESS_PUBLIC, true);
    assert_int_equal(amble_advertise_open(ble, &advertiser, NULL), 0);
    assert_int_equal(amble_scan_open(ble, &scanner, NULL, AMBLE_FOREVER), 0);
    pass_over();
    bond_with(1);
    settle_well();
    assert_int_equal(expect_said(AMBLE__HCI_LE_SET_EXTENDED_ENABLE)[0], 0);
    assert_int_equal(expect_said(AMBLE__HCI_LE_SET_EXTENDED_SCAN_ENABLE)[0], 0);
    (void)expect_said(AMBLE__HCI_LE_CLEAR_RESOLVING_LIST);
    expect_added(1);
    (void)expect_said(AMBLE__HCI_LE_SET_ADDRESS_RESOLUTION);
    assert_int_equal(next_said(AMBLE__HCI_LE_SET_EXTENDED_ENABLE)[0], 1);
    assert_int_equal(next_said(AMBLE__HCI_LE_SET_EXTENDED_SCAN_ENABLE)[0], 1);
    amble_scan_close(&scanner);
    amble_close(ble);
}

static void a_periodic_sender_goes_on_meanwhile(void)
{
    const amble_advertise_options options = {.extended = true, .not_connectable = true, .periodic_interval_us = 100000};
    amble_advertiser advertiser;

    open_kind(AMBLE_ADDRESS_PUBLIC, true);
    assert_int_equal(amble_advertise_open(ble, &advertiser, &options), 0);
    pass_over();
    bond_with(1);
    settle_well();
    assert_int_equal(expect_said(AMBLE__HCI_LE_SET_EXTENDED_ENABLE)[0], 0);
    (void)expect_said(AMBLE__HCI_LE_CLEAR_RESOLVING_LIST);
    expect_added(1);
    (void)expect_said(AMBLE__HCI_LE_SET_ADDRESS_RESOLUTION);
    assert_int_equal(expect_said(AMBLE__HCI_LE_SET_EXTENDED_ENABLE)[0], 1);
    expect_silence();
    amble_close(ble);
}

/* --- more than fit, and refusals ---------------------------------------------------------------------------------- */
static bool host_knows(uint8_t number, amble_device *address)
{
    uint64_t until_us;

    return amble__identity_found(&ble->gap, peer(number), address, &until_us) &&
           amble_device_equal(*address, peer(number));
}

static void the_most_recent_ones_have_the_places(void)
{
    amble_device address;

    open_kind(AMBLE_ADDRESS_RESOLVABLE, true);
    pass_over();
    for (uint8_t number = 1; number <= SIZE + 1; number++)
        bond_with(number)->paired_as = address_of(number);
    settle_well();
    (void)expect_said(AMBLE__HCI_LE_CLEAR_RESOLVING_LIST);
    for (uint8_t number = SIZE + 1; number > 1; number--)
        expect_added(number);
    (void)expect_said(AMBLE__HCI_LE_SET_ADDRESS_RESOLUTION);
    expect_silence();
    for (uint8_t number = 2; number <= SIZE + 1; number++)
        assert_true(host_knows(number, &address)); /* the controller will find it */
    assert_false(host_knows(1, &address));
    assert_true(amble__host_resolves(&ble->gap));
    amble_close(ble);
}

static void a_list_that_is_full_sooner_is_shorter(void)
{
    open_kind(AMBLE_ADDRESS_RESOLVABLE, true);
    fake_refuse(AMBLE__HCI_LE_ADD_TO_RESOLVING_LIST, 0x07);
    bond_with(1);
    settle_well();
    assert_int_equal(ble->gap.privacy.list_size, 0);
    assert_true(amble__host_resolves(&ble->gap));
    amble_close(ble);
}

static void a_refusal_leaves_it_to_the_host(void)
{
    const uint16_t commands[] = {AMBLE__HCI_LE_CLEAR_RESOLVING_LIST, AMBLE__HCI_LE_ADD_TO_RESOLVING_LIST,
                                 AMBLE__HCI_LE_SET_PRIVACY_MODE, AMBLE__HCI_LE_SET_ADDRESS_RESOLUTION};

    amble_log_level(-1);
    for (unsigned i = 0; i < 4; i++) {
        amble_device address;

        open_kind(AMBLE_ADDRESS_RESOLVABLE, true);
        fake_refuse(commands[i], AMBLE__HCI_COMMAND_DISALLOWED);
        bond_with(1)->paired_as = address_of(1);
        settle_well();
        assert_false(host_knows(1, &address));
        assert_true(amble__host_resolves(&ble->gap));
        amble_close(ble);
    }
    amble_log_level(AMBLE_LOG_WARNING);
}

static void a_controller_that_says_more_than_it_can_has_no_list(void)
{
    const uint16_t commands[] = {AMBLE__HCI_LE_READ_RESOLVING_LIST_SIZE, AMBLE__HCI_LE_SET_PRIVATE_ADDRESS_TIMEOUT};

    for (unsigned i = 0; i < 2; i++) {
        scripted_reset();
        heard.features[0] = LL_PRIVACY;
        fake.privacy_modes = true;
        scripted_reply(0, AMBLE__HCI_LE_READ_RESOLVING_LIST_SIZE, BYTES(SIZE));
        fake_refuse(commands[i], AMBLE__HCI_UNKNOWN_COMMAND);
        scripted_open(NULL);
        bond_with(1);
        settle_well();
        assert_false(says(AMBLE__HCI_LE_CLEAR_RESOLVING_LIST));
        amble_close(ble);
    }
}

/* --- what it is used for ------------------------------------------------------------------------------------------ */
static int connecting(void *arg)
{
    amble_connection *conn;

    return amble_connect(ble, *(const amble_device *)arg, NULL, &conn, AMBLE_FOREVER);
}

static void its_peers_are_connected_to_by_their_identity(void)
{
    amble_device device = peer(1);
    amble_scope scope;
    const uint8_t *said;

    open_kind(AMBLE_ADDRESS_RESOLVABLE, true);
    bond_with(1)->paired_as = address_of(1);
    pass_over();
    amble_scope_open(&scope);
    assert_non_null(amble_spawn(&scope, connecting, &device));
    settle_well();
    assert_false(says(AMBLE__HCI_LE_SET_EXTENDED_SCAN_ENABLE)); /* nobody has to be heard first */
    said = next_said(AMBLE__HCI_LE_EXTENDED_CREATE_CONNECTION);
    assert_int_equal(said[1], 3);
    assert_int_equal(said[2], device.type);
    assert_memory_equal(said + 3, device.bytes, 6);
    amble_scope_close(&scope);
    amble_close(ble);
}

/* Own_Address_Type of what the host asks for; the list holds one peer that hides, unless it does not. */
static unsigned own_type_of_directed(amble_address_kind kind, bool hides, amble_device *to)
{
    const amble_device device = peer(1);
    amble_advertiser advertiser;
    const uint8_t *said;

    open_kind(kind, true);
    if (hides)
        bond_with(1)->paired_as = address_of(1);
    else
        bond_with(1);
    pass_over();
    assert_int_equal(amble_advertise_open(ble, &advertiser, &(amble_advertise_options){.directed_to = &device}), 0);
    settle_well();
    said = next_said(AMBLE__HCI_LE_SET_EXTENDED_PARAMETERS);
    to->type = said[11] ? AMBLE_RANDOM : AMBLE_PUBLIC;
    memcpy(to->bytes, said + 12, 6);
    amble_close(ble);
    return said[10];
}

static void who_hides_is_called_by_a_private_address(void)
{
    amble_device to;

    assert_int_equal(own_type_of_directed(AMBLE_ADDRESS_PUBLIC, false, &to), 0);
    assert_int_equal(own_type_of_directed(AMBLE_ADDRESS_PUBLIC, true, &to), 2);
    assert_true(amble_device_equal(to, peer(1)));
    assert_int_equal(own_type_of_directed(AMBLE_ADDRESS_STATIC, true, &to), 3);
    assert_int_equal(own_type_of_directed(AMBLE_ADDRESS_RESOLVABLE, false, &to), 3);
    assert_true(amble_device_equal(to, peer(1)));
}

/* The controller tells of a connectable advertisement of this peer, from its identity or, `resolved`, from an address
 * that it resolved. */
static void hear(uint8_t number, bool resolved)
{
    const amble_device device = peer(number);
    uint8_t report[26] = {AMBLE__LE_EXTENDED_ADVERTISING_REPORT, 1, 0x13, 0, resolved ? 3 : 1};

    memcpy(report + 5, device.bytes, sizeof device.bytes);
    fake_event(AMBLE__EVENT_LE_META, report, sizeof report);
    settle_well();
}

/* A report with its identity says nothing of the address that a peer has when it was the controller that knew it. */
static void who_was_heard_resolved_hides(void)
{
    const amble_device device = peer(1);

    for (int paired_hidden = 0; paired_hidden < 2; paired_hidden++) {
        for (int resolved = 0; resolved < 2; resolved++) {
            amble_advertiser advertiser;

            open_kind(AMBLE_ADDRESS_PUBLIC, true);
            if (paired_hidden)
                bond_with(1)->paired_as = address_of(1);
            else
                bond_with(1);
            pass_over();
            hear(1, resolved);
            assert_int_equal(amble_advertise_open(ble, &advertiser, &(amble_advertise_options){.directed_to = &device}),
                             0);
            settle_well();
            assert_int_equal(next_said(AMBLE__HCI_LE_SET_EXTENDED_PARAMETERS)[10], resolved ? 2 : 0);
            amble_close(ble);
        }
    }
}

static void own_addresses_towards_its_peers_are_its_own_making(void)
{
    static const struct {
        amble_address_kind kind;
        uint8_t scanning, advertising;
    } cases[] = {{AMBLE_ADDRESS_PUBLIC, 0, 0},
                 {AMBLE_ADDRESS_STATIC, 1, 1},
                 {AMBLE_ADDRESS_RESOLVABLE, 3, 1},
                 {AMBLE_ADDRESS_NON_RESOLVABLE, 1, 1}};

    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        amble_advertiser advertiser;
        amble_scanner scanner;

        open_kind(cases[i].kind, true);
        bond_with(1);
        pass_over();
        assert_int_equal(amble_scan_open(ble, &scanner, NULL, AMBLE_FOREVER), 0);
        assert_int_equal(next_said(AMBLE__HCI_LE_SET_EXTENDED_SCAN_PARAMETERS)[0], cases[i].scanning);
        assert_int_equal(amble_advertise_open(ble, &advertiser, NULL), 0);
        settle_well();
        assert_int_equal(next_said(AMBLE__HCI_LE_SET_EXTENDED_PARAMETERS)[10], cases[i].advertising);
        amble_scan_close(&scanner);
        amble_close(ble);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(a_controller_that_can_is_told_the_bonds),
        task_test(one_without_privacy_modes_is_told_nothing),
        task_test(nothing_is_on_the_air_while_it_changes),
        task_test(a_periodic_sender_goes_on_meanwhile),
        task_test(the_most_recent_ones_have_the_places),
        task_test(a_list_that_is_full_sooner_is_shorter),
        task_test(a_refusal_leaves_it_to_the_host),
        task_test(a_controller_that_says_more_than_it_can_has_no_list),
        task_test(its_peers_are_connected_to_by_their_identity),
        task_test(who_hides_is_called_by_a_private_address),
        task_test(who_was_heard_resolved_hides),
        task_test(own_addresses_towards_its_peers_are_its_own_making),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
