/* Peers whose address changes, on a controller that knows nothing of it: who is recognised in reports and links, and
 * under which address the controller is told to connect. */
#include "bonds/private_address.h"
#include "gap/testing.h"

static const amble_device peer = {AMBLE_RANDOM, {1, 2, 3, 4, 5, 0xc6}};
static const uint8_t irk[16] = {0x17, 0x2a};

static amble_device private_address(void)
{
    amble_device address;

    assert_int_equal(amble__resolvable_address(irk, amble__scheduler_random(), &address), 0);
    return address;
}

/* A host with a bond; `private`: the peer hid when they paired. */
static amble__bond *open_with_bond(bool private)
{
    amble__bond *bond;

    scripted_reset();
    scripted_open(NULL);
    bond = amble__bonds_take(&ble->bonds.table, peer);
    bond->has_irk = true;
    memcpy(bond->irk, irk, sizeof irk);
    if (private)
        bond->paired_as = private_address();
    return bond;
}

static void hear(amble_device address)
{
    uint8_t report[13] = {AMBLE__LE_ADVERTISING_REPORT, 1, AMBLE__REPORT_CONNECTABLE, (uint8_t)address.type};

    memcpy(report + 4, address.bytes, 6);
    report[11] = 0xc0;
    fake_event(AMBLE__EVENT_LE_META, report, 12);
    settle_well();
}

static void announce_link(amble_device address, bool central)
{
    uint8_t event[19] = {AMBLE__LE_CONNECTION_COMPLETE, 0, FAKE_HANDLE, 0, !central, (uint8_t)address.type};

    memcpy(event + 6, address.bytes, 6);
    event[12] = 40;
    event[16] = 200;
    fake.connecting = false;
    fake_event(AMBLE__EVENT_LE_META, event, sizeof event);
    settle_well();
}

/* --- scanning ----------------------------------------------------------------------------------------------------- */
static void a_scan_tells_who_it_is(void)
{
    amble_scan_result result;
    amble_scanner scanner;
    amble_device stranger;

    open_with_bond(false);
    assert_int_equal(amble_scan_open(ble, &scanner, NULL, AMBLE_FOREVER), 0);
    hear(private_address());
    assert_int_equal(amble_scan_next(&scanner, &result, 0), 1);
    assert_true(amble_device_equal(result.device, peer));
    hear(private_address()); /* the same one again: no news */
    assert_int_equal(amble_scan_next(&scanner, &result, 0), AMBLE_ERR_TIMEOUT);
    stranger = private_address();
    stranger.bytes[0] ^= 1;
    hear(stranger);
    assert_int_equal(amble_scan_next(&scanner, &result, 0), 1);
    assert_true(amble_device_equal(result.device, stranger));
    amble_scan_close(&scanner);
    amble_close(ble);
}

static void a_filter_may_name_any_of_its_addresses(void)
{
    const amble_device named = private_address();
    amble_scan_result result;
    amble_scanner scanner;

    open_with_bond(false);
    assert_int_equal(amble_scan_open(ble, &scanner, &(amble_scan_options){.device = &named}, AMBLE_FOREVER), 0);
    hear(private_address());
    assert_int_equal(amble_scan_next(&scanner, &result, 0), 1);
    assert_true(amble_device_equal(result.device, peer));
    amble_scan_close(&scanner);
    amble_close(ble);
}

/* --- links -------------------------------------------------------------------------------------------------------- */
static void a_link_knows_both_addresses(void)
{
    const amble_device address = private_address();
    amble_advertiser advertiser;
    amble_connection *conn;

    open_with_bond(false);
    assert_int_equal(amble_advertise_open(ble, &advertiser, NULL), 0);
    settle_well();
    announce_link(address, false);
    assert_int_equal(amble_advertise_next(&advertiser, &conn, 0), 0);
    assert_true(amble_device_equal(amble_connection_device(conn), peer));
    assert_true(amble_device_equal(amble_connection_peer_address(conn), address));
    assert_true(amble_device_equal(amble_connection_own_address(conn), amble_own_device(ble)));
    amble_advertise_close(&advertiser);
    amble_connection_close(conn);
    amble_close(ble);
}

/* What the controller has resolved by itself comes with the addresses apart, Vol 4 Part E 7.7.65.10. */
static void an_enhanced_event_tells_all_addresses(void)
{
    const amble_device own = {AMBLE_RANDOM, {1, 1, 1, 1, 1, 0x41}}, address = private_address();
    uint8_t event[31] = {AMBLE__LE_ENHANCED_CONNECTION_COMPLETE, 0, FAKE_HANDLE, 0, 1, 3};
    amble_advertiser advertiser;
    amble_connection *conn;

    open_with_bond(false);
    memcpy(event + 6, peer.bytes, 6);
    memcpy(event + 12, own.bytes, 6);
    memcpy(event + 18, address.bytes, 6);
    event[24] = 40;
    event[28] = 200;
    assert_int_equal(amble_advertise_open(ble, &advertiser, NULL), 0);
    settle_well();
    fake_event(AMBLE__EVENT_LE_META, event, sizeof event);
    settle_well();
    assert_int_equal(amble_advertise_next(&advertiser, &conn, 0), 0);
    assert_true(amble_device_equal(amble_connection_device(conn), peer));
    assert_true(amble_device_equal(amble_connection_peer_address(conn), address));
    assert_true(amble_device_equal(amble_connection_own_address(conn), own));
    amble_advertise_close(&advertiser);
    amble_connection_close(conn);
    amble_close(ble);
}

/* --- connecting --------------------------------------------------------------------------------------------------- */
typedef struct {
    amble_device device;
    amble_connection *conn;
    int result;
} attempt;

static int connecting(void *arg)
{
    attempt *a = arg;

    a->result = amble_connect(ble, a->device, NULL, &a->conn, AMBLE_FOREVER);
    return 0;
}

static void begin(amble_scope *scope, attempt *a, amble_device device)
{
    *a = (attempt){.device = device, .result = AMBLE_ERR_BUSY};
    amble_scope_open(scope);
    assert_non_null(amble_spawn(scope, connecting, a));
    settle_well();
}

static void expect_connecting_to(amble_device address)
{
    const uint8_t *said = next_said(AMBLE__HCI_LE_CREATE_CONNECTION);

    assert_int_equal(said[5], address.type);
    assert_memory_equal(said + 6, address.bytes, 6);
}

static void end(amble_scope *scope, attempt *a)
{
    fake_features(FAKE_HANDLE);
    assert_int_equal(amble_scope_wait(scope, 1000), 0);
    amble_scope_close(scope);
    assert_int_equal(a->result, 0);
    assert_true(amble_device_equal(amble_connection_device(a->conn), peer));
    amble_connection_close(a->conn);
    amble_close(ble);
}

static void who_hides_is_heard_first_and_then_connected_to(void)
{
    const amble_device first = private_address(), second = private_address();
    amble_scope scope;
    attempt a;

    open_with_bond(true);
    begin(&scope, &a, peer);
    assert_true(says(AMBLE__HCI_LE_SET_SCAN_ENABLE));
    assert_false(says(AMBLE__HCI_LE_CREATE_CONNECTION));
    hear(first);
    expect_connecting_to(first);
    /* Nobody answers there for longer than anybody's advertising interval: it has another address by now. */
    assert_int_equal(amble_sleep_ms(13000), 0);
    assert_true(says(AMBLE__HCI_LE_CREATE_CONNECTION_CANCEL));
    assert_false(says(AMBLE__HCI_LE_CREATE_CONNECTION));
    hear(second);
    expect_connecting_to(second);
    announce_link(second, true);
    end(&scope, &a);
}

static void an_address_from_a_scan_is_connected_to_at_once(void)
{
    const amble_device address = private_address();
    amble_scope scope;
    attempt a;

    open_with_bond(true);
    begin(&scope, &a, address);
    expect_connecting_to(address);
    announce_link(address, true);
    end(&scope, &a);
}

static void who_does_not_hide_is_connected_to_at_once(void)
{
    amble_scope scope;
    attempt a;

    open_with_bond(false);
    begin(&scope, &a, peer);
    expect_connecting_to(peer);
    announce_link(peer, true);
    end(&scope, &a);
}

/* It was heard under another address while the controller was connecting to the old one. */
static void a_new_address_replaces_the_old_one(void)
{
    const amble_device first = private_address(), second = private_address();
    amble_scanner scanner;
    amble_scope scope;
    attempt a;

    open_with_bond(true);
    assert_int_equal(amble_scan_open(ble, &scanner, NULL, AMBLE_FOREVER), 0);
    hear(first);
    begin(&scope, &a, peer);
    expect_connecting_to(first);
    hear(second);
    expect_connecting_to(second);
    amble_scan_close(&scanner);
    announce_link(second, true);
    end(&scope, &a);
}

/* --- periodic senders --------------------------------------------------------------------------------------------- */
static void hear_periodic(amble_device address)
{
    uint8_t report[26] = {AMBLE__LE_EXTENDED_ADVERTISING_REPORT, 1, 0, 0, (uint8_t)address.type};

    memcpy(report + 5, address.bytes, 6);
    report[11] = report[12] = 1; /* LE 1M */
    report[13] = 7;              /* the set */
    report[16] = 80;             /* interval */
    fake_event(AMBLE__EVENT_LE_META, report, sizeof report);
    settle_well();
}

static int listening(void *arg)
{
    amble_periodic periodic;

    (void)arg;
    return amble_periodic_open(ble, &periodic, peer, 7, NULL, AMBLE_FOREVER);
}

static void expect_waiting_for(amble_device address)
{
    const uint8_t *said = next_said(AMBLE__HCI_LE_PERIODIC_CREATE_SYNC);

    assert_int_equal(said[1], 7);
    assert_int_equal(said[2], AMBLE_RANDOM);
    assert_memory_equal(said + 3, address.bytes, 6);
}

static void a_sender_that_hides_is_heard_first(void)
{
    static const uint8_t cancelled[16] = {AMBLE__LE_SYNC_ESTABLISHED, 0x44};
    const amble_device first = private_address(), second = private_address();
    amble_scope scope;
    amble__bond *bond;

    scripted_reset();
    heard.extended = true;
    heard.features[1] = 0x20; /* periodic advertising */
    scripted_open(NULL);
    bond = amble__bonds_take(&ble->bonds.table, peer);
    bond->has_irk = true;
    memcpy(bond->irk, irk, sizeof irk);
    bond->paired_as = private_address();
    amble_scope_open(&scope);
    assert_non_null(amble_spawn(&scope, listening, NULL));
    settle_well();
    assert_true(says(AMBLE__HCI_LE_SET_EXTENDED_SCAN_ENABLE));
    assert_false(says(AMBLE__HCI_LE_PERIODIC_CREATE_SYNC));
    hear_periodic(first);
    expect_waiting_for(first);
    hear_periodic(first);
    assert_false(says(AMBLE__HCI_LE_PERIODIC_CREATE_SYNC_CANCEL));
    hear_periodic(second); /* it changed before it was found */
    assert_true(says(AMBLE__HCI_LE_PERIODIC_CREATE_SYNC_CANCEL));
    fake_event(AMBLE__EVENT_LE_META, cancelled, sizeof cancelled);
    settle_well();
    expect_waiting_for(second);
    amble_scope_close(&scope);
    amble_close(ble);
}

/* A place in the table is another bond's now: what was known of the former one is not. */
static void what_is_known_belongs_to_the_bond(void)
{
    const amble_device other = {AMBLE_PUBLIC, {9, 9, 9, 9, 9, 9}};
    amble_device address;
    amble__bond *bond = open_with_bond(true);
    uint64_t until_us;

    amble__identity_heard(&ble->gap, peer, private_address());
    assert_true(amble__identity_found(&ble->gap, peer, &address, &until_us));
    assert_true(amble__address_belongs_to(irk, address));
    bond->peer = bond->paired_as = other;
    assert_true(amble__identity_found(&ble->gap, other, &address, &until_us));
    assert_true(amble_device_equal(address, other));
    amble_close(ble);
}

/* The bond was deleted while there is a link: the address on the air still tells that it is there. */
static void a_link_is_found_by_the_address_it_has(void)
{
    const amble_device address = private_address();
    amble_connection *conn;
    amble_scope scope;
    attempt a;

    open_with_bond(true);
    begin(&scope, &a, address);
    announce_link(address, true);
    fake_features(FAKE_HANDLE);
    assert_int_equal(amble_scope_wait(&scope, 1000), 0);
    amble_scope_close(&scope);
    assert_int_equal(amble_bonds_delete(amble_bonds_of(ble), peer), 0);
    assert_int_equal(amble_connect(ble, address, NULL, &conn, 1000), AMBLE_ERR_BUSY);
    amble_connection_close(a.conn);
    amble_close(ble);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(a_scan_tells_who_it_is),
        task_test(a_filter_may_name_any_of_its_addresses),
        task_test(a_link_knows_both_addresses),
        task_test(an_enhanced_event_tells_all_addresses),
        task_test(who_hides_is_heard_first_and_then_connected_to),
        task_test(an_address_from_a_scan_is_connected_to_at_once),
        task_test(who_does_not_hide_is_connected_to_at_once),
        task_test(a_new_address_replaces_the_old_one),
        task_test(a_sender_that_hides_is_heard_first),
        task_test(what_is_known_belongs_to_the_bond),
        task_test(a_link_is_found_by_the_address_it_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
