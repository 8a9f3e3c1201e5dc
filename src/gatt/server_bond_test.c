/* Tests of clients that come back: with a bond what they configured holds again, also when the database changed;
 * without one, or without encryption, it does not. */
#include "gatt/testing.h"

#include "gatt/kept.h"

/* Handles of the Generic Attribute service, served first. */
enum { CHANGED = 3, CHANGED_CCCD = 4, FEATURES = 6, B = 10 };

static amble__bond bond;
static bool bond_is_there;
static unsigned saves;
static amble_connection *conn;

static amble__bond *find_bond(const amble_connection *of) { return bond_is_there && of ? &bond : NULL; }
static void count_save(amble_connection *of)
{
    (void)of;
    saves++;
}

/* A host that starts with a bond as the last one left it. */
static void start(const amble_service *second, const amble_service *third)
{
    gatt_open();
    rooms.links.bond = find_bond;
    rooms.links.bond_changed = count_save;
    assert_int_equal(amble_serve(ble, &amble__gatt_service), 0);
    assert_int_equal(amble_serve(ble, second), 0);
    if (third)
        assert_int_equal(amble_serve(ble, third), 0);
}
static void connect_again(void)
{
    if (conn)
        gatt_close(conn);
    conn = link_open(HANDLE, false);
}
static void encrypt(void)
{
    conn->security = (amble__link_security){.encrypted = true, .bonded = true, .key_size = 16};
    amble__server_bonded(conn);
}
static void begin(void)
{
    memset(&bond, 0, sizeof bond);
    bond_is_there = true;
    saves = 0;
    conn = NULL;
    start(&battery, NULL);
    connect_again();
    encrypt();
}
static void restart(const amble_service *second, const amble_service *third)
{
    gatt_close(conn);
    conn = NULL;
    rooms_close();
    start(second, third);
    connect_again();
    encrypt();
}
static void write_cccd(unsigned handle, unsigned bits)
{
    ask(conn, 0x12, (uint8_t)handle, 0, (uint8_t)bits, 0);
    answer(conn, 0x13);
}
static void expect_cccd(unsigned handle, unsigned bits)
{
    ask(conn, 0x0a, (uint8_t)handle, 0);
    answer(conn, 0x0b, (uint8_t)bits, 0);
}

static void subscriptions_and_features_come_back(void)
{
    begin();
    assert_int_equal(saves, 1); /* a new bond knows the database from now on */
    write_cccd(B + LEVEL_CCCD, 3);
    ask(conn, 0x12, FEATURES, 0, 5);
    answer(conn, 0x13);
    assert_int_equal(saves, 3);
    write_cccd(B + LEVEL_CCCD, 3); /* says nothing new */
    assert_int_equal(saves, 3);
    connect_again();
    assert_int_equal(amble_subscribed(conn, &level), 0); /* its address proves nothing */
    expect_cccd(B + LEVEL_CCCD, 0);
    encrypt();
    assert_int_equal(amble_subscribed(conn, &level), 3);
    expect_cccd(B + LEVEL_CCCD, 3);
    ask(conn, 0x0a, FEATURES, 0);
    answer(conn, 0x0b, 5);
    assert_int_equal(amble_notify(conn, &level, "x", 1, 0), 0);
    answer(conn, 0x1b, B + LEVEL, 0, 'x');
    assert_int_equal(saves, 3);
    write_cccd(B + LEVEL_CCCD, 0);
    connect_again();
    encrypt();
    assert_int_equal(amble_subscribed(conn, &level), 0);
    expect_nothing();
}

static void what_was_said_on_this_link_counts_for_more(void)
{
    begin();
    write_cccd(B + LEVEL_CCCD, 1);
    connect_again();
    write_cccd(B + LEVEL_CCCD, 0);
    encrypt();
    assert_int_equal(amble_subscribed(conn, &level), 0);
    connect_again();
    write_cccd(B + LEVEL_CCCD, 2);
    encrypt();
    assert_int_equal(amble_subscribed(conn, &level), 2);
    encrypt(); /* with a new key */
    assert_int_equal(amble_subscribed(conn, &level), 2);
    connect_again();
    encrypt();
    assert_int_equal(amble_subscribed(conn, &level), 2);
}

static void without_a_bond_nothing_is_kept(void)
{
    begin();
    bond_is_there = false;
    write_cccd(B + LEVEL_CCCD, 1);
    assert_int_equal(saves, 1);
    bond_is_there = true;
    connect_again();
    write_cccd(B + LEVEL_CCCD, 1); /* in clear: somebody may only use the address */
    assert_int_equal(saves, 1);
    connect_again();
    encrypt();
    assert_int_equal(amble_subscribed(conn, &level), 0);
    assert_int_equal(saves, 1);
}

static void a_bond_made_on_this_link_takes_what_holds(void)
{
    begin();
    bond_is_there = false;
    connect_again();
    write_cccd(B + LEVEL_CCCD, 1);
    memset(&bond, 0, sizeof bond);
    bond_is_there = true;
    encrypt();
    connect_again();
    encrypt();
    assert_int_equal(amble_subscribed(conn, &level), 1);
}

static void it_outlives_the_host(void)
{
    begin();
    write_cccd(B + LEVEL_CCCD, 1);
    write_cccd(CHANGED_CCCD, 2);
    restart(&battery, NULL);
    expect_nothing(); /* the database is the one it knew */
    assert_int_equal(amble_subscribed(conn, &level), 1);
}

static void who_missed_a_change_is_told(void)
{
    begin();
    write_cccd(B + LEVEL_CCCD, 1);
    write_cccd(CHANGED_CCCD, 2);
    restart(&battery, &custom);
    assert_int_equal(amble_subscribed(conn, &level), 1); /* it is where it was */
    answer(conn, 0x1d, CHANGED, 0, 1, 0, 0xff, 0xff);
    connect_again(); /* before it confirmed */
    encrypt();
    answer(conn, 0x1d, CHANGED, 0, 1, 0, 0xff, 0xff);
    encrypt(); /* with a new key: no reason to tell it twice */
    ask(conn, 0x1e);
    expect_nothing();
    connect_again();
    encrypt();
    expect_nothing();
}

static void who_understands_is_refused_once(void)
{
    begin();
    write_cccd(B + LEVEL_CCCD, 1);
    ask(conn, 0x12, FEATURES, 0, 1);
    answer(conn, 0x13);
    restart(&battery, &custom);
    expect_nothing();                                    /* it did not ask to be told */
    assert_int_equal(amble_subscribed(conn, &level), 0); /* not yet */
    ask(conn, 0x0a, B + LEVEL, 0);
    expect_error(conn, 0x0a, B + LEVEL, 0x12);
    connect_again();
    encrypt();
    ask(conn, 0x0a, B + LEVEL, 0); /* it left before it asked again */
    expect_error(conn, 0x0a, B + LEVEL, 0x12);
    ask(conn, 0x0a, B + LEVEL, 0);
    answer(conn, 0x0b, 50);
    assert_int_equal(amble_subscribed(conn, &level), 1);
    connect_again();
    encrypt();
    ask(conn, 0x0a, B + LEVEL, 0);
    answer(conn, 0x0b, 50);
}

static void another_characteristic_with_the_handle_is_not_subscribed(void)
{
    const amble_characteristic stranger = {.uuid = &text_uuid, .read = true, .notify = true, .indicate = true};
    const amble_service instead = {.uuid = &battery_uuid, .characteristics = AMBLE_LIST(&stranger)};

    begin();
    write_cccd(B + LEVEL_CCCD, 1);
    restart(&instead, NULL);
    assert_int_equal(amble__database_find(&the_host.server.database, &stranger)->cccd, B + LEVEL_CCCD);
    assert_int_equal(amble_subscribed(conn, &stranger), 0);
    expect_cccd(B + LEVEL_CCCD, 0);
}

static void a_stricter_characteristic_is_not_subscribed(void)
{
    const amble_characteristic stricter = {.uuid = &level_uuid,
                                           .read = true,
                                           .notify = true,
                                           .indicate = true,
                                           .read_security = AMBLE_AUTHENTICATED,
                                           .descriptors = AMBLE_LIST(&level_name)};
    const amble_service instead = {.uuid = &battery_uuid, .characteristics = AMBLE_LIST(&stricter, &text, &secret)};

    begin();
    write_cccd(B + LEVEL_CCCD, 1);
    restart(&instead, NULL);
    assert_int_equal(amble_subscribed(conn, &stricter), 0);
}

static void who_is_not_let_in_any_more_is_not_subscribed(void)
{
    const amble_characteristic door = {.uuid = &level_uuid,
                                       .read = true,
                                       .notify = true,
                                       .read_authorised = true,
                                       .descriptors = AMBLE_LIST(&level_name)};
    const amble_service instead = {.uuid = &battery_uuid, .characteristics = AMBLE_LIST(&door, &text, &secret)};

    begin();
    restart(&instead, NULL);
    conn->authorised = true;
    write_cccd(B + LEVEL_CCCD, 1);
    connect_again();
    conn->authorised = true; /* as the host does, from the bond */
    encrypt();
    assert_int_equal(amble_subscribed(conn, &door), 1);
    connect_again();
    encrypt();
    conn->authorised = true;
    assert_int_equal(amble_subscribed(conn, &door), 0);
}

static void what_does_not_fit_is_not_kept(void)
{
    enum { MANY = AMBLE__KEPT_CCCDS + 2 };
    amble_characteristic c[MANY];
    const amble_characteristic *list[MANY + 1] = {NULL};
    const amble_service many = {.uuid = &custom_uuid, .characteristics = list};

    for (unsigned i = 0; i < MANY; i++) {
        c[i] = (amble_characteristic){.uuid = &level_uuid, .notify = true};
        list[i] = &c[i];
    }
    begin();
    restart(&many, NULL);
    amble_log_level(AMBLE_LOG_ERROR); /* it is warned of */
    for (unsigned i = 0; i < MANY; i++)
        write_cccd(B + 4 + 3 * i, 1);
    amble_log_level(AMBLE_LOG_WARNING);
    assert_int_equal(amble_subscribed(conn, &c[MANY - 1]), 1); /* on this link it holds */
    connect_again();
    encrypt();
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(amble_subscribed(conn, &c[i]), i < AMBLE__KEPT_CCCDS);
    gatt_close(conn); /* the definitions end with this test */
    conn = NULL;
    assert_int_equal(amble_unserve(ble, &many), 0);
}

static void a_damaged_record_gives_nothing_back(void)
{
    begin();
    write_cccd(B + LEVEL_CCCD, 1);
    bond.gatt_size--;
    connect_again();
    encrypt();
    assert_int_equal(amble_subscribed(conn, &level), 0);
    connect_again(); /* it is a good one by now */
    encrypt();
    assert_int_equal(amble_subscribed(conn, &level), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(subscriptions_and_features_come_back),
        task_test(what_was_said_on_this_link_counts_for_more),
        task_test(without_a_bond_nothing_is_kept),
        task_test(a_bond_made_on_this_link_takes_what_holds),
        task_test(it_outlives_the_host),
        task_test(who_missed_a_change_is_told),
        task_test(who_understands_is_refused_once),
        task_test(another_characteristic_with_the_handle_is_not_subscribed),
        task_test(a_stricter_characteristic_is_not_subscribed),
        task_test(who_is_not_let_in_any_more_is_not_subscribed),
        task_test(what_does_not_fit_is_not_kept),
        task_test(a_damaged_record_gives_nothing_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
