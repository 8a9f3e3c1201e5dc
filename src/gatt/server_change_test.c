/* Tests of a database that changes: includes, extended properties, the hash of the specification's example, services
 * that go, who is told, and clients that do not know yet. */
#include "gatt/testing.h"

/* Handles of the Generic Attribute service, served first. */
enum { CHANGED = 3, CHANGED_CCCD = 4, FEATURES = 6, HASH = 8, SERVER_FEATURES = 10, GATT_LAST = 10 };

static amble_connection *conn;

static void begin(void)
{
    gatt_open();
    assert_int_equal(amble_serve(ble, &amble__gatt_service), 0);
    assert_int_equal(amble_serve(ble, &battery), 0);
    conn = link_open(HANDLE, false);
}
static void confirm(amble_connection *by) { ask(by, 0x1e); }
static void expect_changed(unsigned start, unsigned end)
{
    answer(conn, 0x1d, CHANGED, 0, (uint8_t)start, (uint8_t)(start >> 8), (uint8_t)end, (uint8_t)(end >> 8));
}
static void wish_to_know(void)
{
    ask(conn, 0x12, CHANGED_CCCD, 0, 2, 0);
    answer(conn, 0x13);
}
static void be_robust(void)
{
    ask(conn, 0x12, FEATURES, 0, 1);
    answer(conn, 0x13);
}

enum { B = GATT_LAST, C = GATT_LAST + CUSTOM - 1 };

/* Vol 3 Part G, appendix B: the database of the example, and its hash. */
static void the_hash_of_the_example(void)
{
    static const amble_uuid gap = AMBLE_UUID16(0x1800), name = AMBLE_UUID16(0x2a00), look = AMBLE_UUID16(0x2a01),
                            gatt = AMBLE_UUID16(0x1801), changed = AMBLE_UUID16(0x2a05), f = AMBLE_UUID16(0x2b29),
                            h = AMBLE_UUID16(0x2b2a), glucose = AMBLE_UUID16(0x1808), g = AMBLE_UUID16(0x2a18),
                            power = AMBLE_UUID16(0x180f), l = AMBLE_UUID16(0x2a19);
    const amble_characteristic name_c = {.uuid = &name, .read = true, .write = true},
                               look_c = {.uuid = &look, .read = true}, changed_c = {.uuid = &changed, .indicate = true},
                               f_c = {.uuid = &f, .read = true, .write = true}, h_c = {.uuid = &h, .read = true},
                               g_c = {.uuid = &g, .read = true, .indicate = true, .reliable_write = true},
                               l_c = {.uuid = &l, .read = true};
    const amble_service gap_s = {.uuid = &gap, .characteristics = AMBLE_LIST(&name_c, &look_c)},
                        gatt_s = {.uuid = &gatt, .characteristics = AMBLE_LIST(&changed_c, &f_c, &h_c)},
                        power_s = {.uuid = &power, .characteristics = AMBLE_LIST(&l_c), .secondary = true},
                        glucose_s = {.uuid = &glucose,
                                     .characteristics = AMBLE_LIST(&g_c),
                                     .includes = AMBLE_INCLUDES(&power_s)};
    static const uint8_t expected[] = {0xf1, 0xca, 0x2d, 0x48, 0xec, 0xf5, 0x8b, 0xac,
                                       0x8a, 0x88, 0x30, 0xbb, 0xb9, 0xfb, 0xa9, 0x90};
    amble__database *database = &the_host.server.database;
    amble__served_service behind;

    gatt_open();
    assert_int_equal(amble_serve(ble, &gap_s), 0);
    assert_int_equal(amble_serve(ble, &gatt_s), 0);
    assert_int_equal(amble_serve(ble, &glucose_s), AMBLE_ERR_NOT_FOUND); /* what it includes is not there */
    /* In the example the included service stands behind the one that includes it. */
    database->next_handle = 0x14;
    assert_int_equal(amble_serve(ble, &power_s), 0);
    database->next_handle = 0x0e;
    assert_int_equal(amble_serve(ble, &glucose_s), 0);
    amble__database_find(database, &g_c)->extended = 0; /* the descriptor is there and says nothing */
    behind = database->services[2];
    database->services[2] = database->services[3];
    database->services[3] = behind;
    for (size_t i = 0; i < sizeof expected; i++) /* a number, which the air has the other way round */
        assert_int_equal(amble__database_hash(database)[i], expected[sizeof expected - 1 - i]);
}

static void includes(void)
{
    static const amble_uuid long_uuid = AMBLE_UUID128("00000001-1111-2222-3333-444444444444");
    const amble_service far = {.uuid = &long_uuid, .secondary = true};
    const amble_service with = {
        .uuid = &custom_uuid, .characteristics = AMBLE_LIST(&command), .includes = AMBLE_INCLUDES(&battery, &far)};

    gatt_open();
    assert_int_equal(amble_serve(ble, &battery), 0); /* 1 to 9 */
    assert_int_equal(amble_serve(ble, &far), 0);     /* 10 */
    assert_int_equal(amble_serve(ble, &with), 0);    /* 11: 12 and 13 are the includes, 14 and 15 the characteristic */
    conn = link_open(HANDLE, false);
    ask(conn, 0x08, 1, 0, 0xff, 0xff, 0x02, 0x28);
    answer(conn, 0x09, 8, 12, 0, 1, 0, 9, 0, 0x0f, 0x18);
    ask(conn, 0x08, 13, 0, 0xff, 0xff, 0x02, 0x28);
    answer(conn, 0x09, 6, 13, 0, 10, 0, 10, 0); /* a long UUID is not told here */
    ask(conn, 0x0a, 12, 0);
    answer(conn, 0x0b, 1, 0, 9, 0, 0x0f, 0x18);
    ask(conn, 0x04, 11, 0, 13, 0);
    answer(conn, 0x05, 1, 11, 0, 0x00, 0x28, 12, 0, 0x02, 0x28, 13, 0, 0x02, 0x28);
    ask(conn, 0x10, 10, 0, 10, 0, 0x00, 0x28); /* a secondary service is not a primary one */
    expect_error(conn, 0x10, 10, 0x0a);
    ask(conn, 0x12, 12, 0, 1);
    expect_error(conn, 0x12, 12, 0x03);
    assert_int_equal(amble_unserve(ble, &battery), AMBLE_ERR_BUSY);
    assert_int_equal(amble_unserve(ble, &with), 0);
    assert_int_equal(amble_unserve(ble, &battery), 0);
    assert_int_equal(amble_unserve(ble, &battery), AMBLE_ERR_NOT_FOUND);
}

static void a_service_that_goes_leaves_its_handles_unused(void)
{
    uint8_t hash[16];

    begin();
    memcpy(hash, amble__database_hash(&the_host.server.database), sizeof hash);
    assert_int_equal(amble_serve(ble, &custom), 0);
    assert_memory_not_equal(amble__database_hash(&the_host.server.database), hash, sizeof hash);
    assert_int_equal(amble_unserve(ble, &battery), 0);
    ask(conn, 0x0a, B + LEVEL, 0);
    expect_error(conn, 0x0a, B + LEVEL, 0x01);
    ask(conn, 0x12, B + TEXT, 0, 1);
    expect_error(conn, 0x12, B + TEXT, 0x01);
    assert_int_equal(amble_local_write(ble, &text, "x", 1), AMBLE_ERR_NOT_FOUND);
    ask(conn, 0x0a, C + 3, 0); /* the others stay where they are */
    expect_error(conn, 0x0a, C + 3, 0x01 + 0x01);
    assert_int_equal(amble_serve(ble, &battery), 0);
    assert_int_equal(amble__database_find(&the_host.server.database, &level)->handle, B + LAST + LEVEL);
    ask(conn, 0x0a, B + LEVEL, 0);
    expect_error(conn, 0x0a, B + LEVEL, 0x01);
    expect_nothing();
}

/* The memory of what went serves what comes. */
static void coming_and_going_takes_no_memory(void)
{
    begin();
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(amble_serve(ble, &custom), 0);
        assert_int_equal(amble_unserve(ble, &battery), 0);
        assert_int_equal(amble_serve(ble, &battery), 0);
        assert_int_equal(amble_unserve(ble, &custom), 0);
    }
    assert_true(amble__database_service(&the_host.server.database, &battery)->at < TEST_DATABASE / 2);
    amble_log_level(AMBLE_LOG_OFF);
    while (amble_serve(ble, &custom) == 0) /* the handles are used up one day */
        assert_int_equal(amble_unserve(ble, &custom), 0);
    assert_true(the_host.server.database.next_handle + LAST - CUSTOM > 0xffff);
    amble_log_level(AMBLE_LOG_WARNING);
}

static void service_changed(void)
{
    begin();
    assert_int_equal(amble_serve(ble, &custom), 0);
    expect_nothing(); /* nobody asked */
    wish_to_know();
    expect_nothing();
    assert_int_equal(amble_unserve(ble, &custom), 0);
    expect_changed(C + 1, GATT_LAST + LAST);
    assert_int_equal(amble_unserve(ble, &battery), 0); /* one at a time: the next waits for the confirmation */
    assert_int_equal(amble_serve(ble, &battery), 0);
    expect_nothing();
    confirm(conn);
    expect_changed(B + 1, GATT_LAST + LAST + CUSTOM - 1); /* both in one range */
    confirm(conn);
    expect_nothing();
}

typedef struct {
    int result;
} indicator;
static int indicating(void *arg)
{
    ((indicator *)arg)->result = amble_indicate(conn, &level, "x", 1, 1000);
    return 0;
}

static void service_changed_goes_before_those_who_wait(void)
{
    indicator first = {1}, second = {1};
    amble_scope scope;

    begin();
    wish_to_know();
    ask(conn, 0x12, B + LEVEL_CCCD, 0, 2, 0);
    answer(conn, 0x13);
    amble_scope_open(&scope);
    amble_spawn(&scope, indicating, &first);
    amble_spawn(&scope, indicating, &second);
    settle();
    answer(conn, 0x1d, B + LEVEL, 0, 'x');
    assert_int_equal(amble_serve(ble, &custom), 0);
    expect_nothing();
    confirm(conn);
    settle();
    assert_int_equal(first.result, 0);
    expect_changed(C + 1, GATT_LAST + LAST);
    confirm(conn);
    settle();
    answer(conn, 0x1d, B + LEVEL, 0, 'x');
    confirm(conn);
    settle();
    assert_int_equal(second.result, 0);
    amble_scope_close(&scope);
}

static void a_change_unaware_client(void)
{
    begin();
    ask(conn, 0x0a, FEATURES, 0);
    answer(conn, 0x0b, 0);
    be_robust();
    assert_int_equal(amble_serve(ble, &custom), 0);
    ask(conn, 0x52, C + 3, 0, 1); /* commands are ignored */
    assert_int_equal(amble_written(ble, &command, &(amble_value){.size = 0}, 0), AMBLE_ERR_TIMEOUT);
    ask(conn, 0x10, 1, 0, 0xff, 0xff, 0x00, 0x28); /* it may find out */
    assert_int_equal(next_sent()->bytes[9], 0x11);
    ask(conn, 0x08, 2, 0, 0xff, 0xff, 0x03, 0x28);
    assert_int_equal(next_sent()->bytes[9], 0x09);
    ask(conn, 0x08, 2, 0, 0xff, 0xff, 0x29, 0x2b); /* but not look for values in a part */
    expect_error(conn, 0x08, 2, 0x12);
    ask(conn, 0x52, C + 3, 0, 1);
    assert_int_equal(amble_written(ble, &command, &(amble_value){.size = 0}, 0), AMBLE_ERR_TIMEOUT);
    ask(conn, 0x0a, B + LEVEL, 0); /* it has heard, and goes on */
    answer(conn, 0x0b, 50);
    ask(conn, 0x52, C + 3, 0, 1);
    assert_int_equal(amble_written(ble, &command, &(amble_value){.size = 0}, 0), 0);
    assert_int_equal(amble_unserve(ble, &custom), 0);
    ask(conn, 0x12, B + TEXT, 0, 1);
    expect_error(conn, 0x12, B + TEXT, 0x12); /* again, for it is another change */
    ask(conn, 0x12, B + TEXT, 0, 1);
    answer(conn, 0x13);
}

static void the_hash_makes_aware(void)
{
    const sent_packet *sent;

    begin();
    be_robust();
    assert_int_equal(amble_serve(ble, &custom), 0);
    ask(conn, 0x08, 1, 0, 0xff, 0xff, 0x2a, 0x2b);
    sent = next_sent();
    assert_int_equal(sent->bytes[10], 2 + 16);
    assert_memory_equal(sent->bytes + 13, amble__database_hash(&the_host.server.database), 16);
    ask(conn, 0x0a, B + LEVEL, 0);
    answer(conn, 0x0b, 50);
}

static void confirming_makes_aware(void)
{
    begin();
    be_robust();
    wish_to_know();
    ask(conn, 0x12, B + LEVEL_CCCD, 0, 1, 0);
    answer(conn, 0x13);
    assert_int_equal(amble_subscribed(conn, &level), 1);
    assert_int_equal(amble_serve(ble, &custom), 0);
    expect_changed(C + 1, GATT_LAST + LAST);
    assert_int_equal(amble_notify(conn, &level, "x", 1, 0), AMBLE_ERR_NOT_SUBSCRIBED); /* not before it knows */
    assert_int_equal(amble_update(ble, &level, "x", 1, 0), 0);
    confirm(conn);
    assert_int_equal(amble_notify(conn, &level, "x", 1, 0), 0);
    answer(conn, 0x1b, B + LEVEL, 0, 'x');
    ask(conn, 0x0a, B + LEVEL, 0);
    answer(conn, 0x0b, 'x');
}

static void client_features_only_grow(void)
{
    amble_connection *other;

    begin();
    ask(conn, 0x12, FEATURES, 0, 5);
    answer(conn, 0x13);
    ask(conn, 0x12, FEATURES, 0, 1);
    expect_error(conn, 0x12, FEATURES, 0x13);
    ask(conn, 0x12, FEATURES, 0);
    expect_error(conn, 0x12, FEATURES, 0x0d);
    ask(conn, 0x0a, FEATURES, 0);
    answer(conn, 0x0b, 5);
    other = link_open(HANDLE + 1, false);
    ask(other, 0x0a, FEATURES, 0); /* each client has its own */
    answer(other, 0x0b, 0);
    ask(conn, 0x0a, SERVER_FEATURES, 0);
    answer(conn, 0x0b, 0);
    ask(conn, 0x12, HASH, 0, 1);
    expect_error(conn, 0x12, HASH, 0x03);
}

/* --- who waits for what goes -------------------------------------------------------------------------------------- */
static int taking(void *arg)
{
    amble_value value;

    *(int *)arg = amble_written(ble, &command, &value, AMBLE_FOREVER);
    return 0;
}
static int answering(void *arg)
{
    amble_request request;

    *(int *)arg = amble_requested(ble, &asked, &request, AMBLE_FOREVER);
    return 0;
}

static void who_waits_hears_that_it_went(void)
{
    int taken = 1, asked_for = 1;
    amble_scope scope;

    begin();
    assert_int_equal(amble_serve(ble, &custom), 0);
    ask(conn, 0x0a, C + BOTH - CUSTOM + 1, 0); /* held, a task should answer */
    amble_scope_open(&scope);
    amble_spawn(&scope, taking, &taken);
    amble_spawn(&scope, answering, &asked_for);
    settle();
    ask(conn, 0x52, C + COMMAND - CUSTOM + 1, 0, 1); /* wakes the one, but it went before that one runs */
    assert_int_equal(amble_unserve(ble, &custom), 0);
    settle();
    expect_error(conn, 0x0a, C + BOTH - CUSTOM + 1, 0x01);
    assert_int_equal(taken, AMBLE_ERR_NOT_FOUND);
    assert_int_equal(asked_for, AMBLE_ERR_NOT_FOUND);
    amble_scope_close(&scope);
}

/* --- protection --------------------------------------------------------------------------------------------------- */
static struct amble__bond *some_bond(const amble_connection *of)
{
    static amble__bond bond;

    return of ? &bond : NULL;
}

static void what_needs_a_protected_link(void)
{
    const amble_characteristic encrypted = {
        .uuid = &text_uuid, .read = true, .notify = true, .read_security = AMBLE_ENCRYPTED};
    const amble_characteristic secure = {
        .uuid = &text_uuid, .write = true, .write_no_response = true, .write_security = AMBLE_SECURE};
    const amble_service service = {.uuid = &battery_uuid, .characteristics = AMBLE_LIST(&encrypted, &secure)};

    gatt_open();
    assert_int_equal(amble_serve(ble, &service), 0);
    conn = link_open(HANDLE, false);
    ask(conn, 0x0a, 3, 0);
    expect_error(conn, 0x0a, 3, 0x05);
    ask(conn, 0x12, 4, 0, 1, 0);
    expect_error(conn, 0x12, 4, 0x05);
    ask(conn, 0x08, 1, 0, 9, 0, 0x3d, 0x2a);
    expect_error(conn, 0x08, 3, 0x05);
    ask(conn, 0x12, 6, 0, 1);
    expect_error(conn, 0x12, 6, 0x05);
    ask(conn, 0x16, 6, 0, 0, 0, 1);
    expect_error(conn, 0x16, 6, 0x05);
    rooms.links.bond = some_bond;
    ask(conn, 0x0a, 3, 0);
    expect_error(conn, 0x0a, 3, 0x0f); /* there is a key */
    conn->security.encrypted = true;
    conn->security.key_size = 7;
    ask(conn, 0x0a, 3, 0);
    answer(conn, 0x0b);
    ask(conn, 0x12, 4, 0, 1, 0);
    answer(conn, 0x13);
    ask(conn, 0x12, 6, 0, 1);
    expect_error(conn, 0x12, 6, 0x05);
    conn->security.authenticated = conn->security.secure_connections = true;
    ask(conn, 0x12, 6, 0, 1);
    expect_error(conn, 0x12, 6, 0x0c);
    ask(conn, 0x52, 6, 0, 1);
    assert_int_equal(amble_written(ble, &secure, &(amble_value){.size = 0}, 0), AMBLE_ERR_TIMEOUT);
    conn->security.key_size = 16;
    ask(conn, 0x12, 6, 0, 1);
    answer(conn, 0x13);
}

static void several_values_with_their_lengths(void)
{
    conn = serve_table();
    ask(conn, 0x20, LEVEL, 0, LEVEL_NAME, 0);
    answer(conn, 0x21, 1, 0, 50, 5, 0, 'L', 'e', 'v', 'e', 'l');
    ask(conn, 0x20, LEVEL, 0, TEXT, 0); /* 22 bytes: the last is cut, its length is whole */
    answer(conn, 0x21, 1, 0, 50, 40, 0, '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
           'g');
    ask(conn, 0x20, LEVEL, 0);
    expect_error(conn, 0x20, 0, 0x04);
    ask(conn, 0x20, LEVEL, 0, SECRET, 0);
    expect_error(conn, 0x20, SECRET, 0x02);
    ask(conn, 0x20, LEVEL, 0, LAST + 1, 0);
    expect_error(conn, 0x20, LAST + 1, 0x01);
    ask(conn, 0x20, LEVEL, 0, ASKED, 0);
    expect_error(conn, 0x20, ASKED, 0x06);
}

static void who_was_not_let_in(void)
{
    const amble_characteristic door = {.uuid = &text_uuid,
                                       .read = true,
                                       .write = true,
                                       .write_no_response = true,
                                       .notify = true,
                                       .read_authorised = true,
                                       .write_authorised = true,
                                       .write_security = AMBLE_ENCRYPTED};
    const amble_service service = {.uuid = &battery_uuid, .characteristics = AMBLE_LIST(&door)};

    gatt_open();
    assert_int_equal(amble_serve(ble, &service), 0);
    conn = link_open(HANDLE, false);
    ask(conn, 0x0a, 3, 0);
    expect_error(conn, 0x0a, 3, 0x08);
    ask(conn, 0x0c, 3, 0, 0, 0);
    expect_error(conn, 0x0c, 3, 0x08);
    ask(conn, 0x08, 1, 0, 9, 0, 0x3d, 0x2a);
    expect_error(conn, 0x08, 3, 0x08);
    ask(conn, 0x20, 3, 0, 3, 0);
    expect_error(conn, 0x20, 3, 0x08);
    ask(conn, 0x12, 4, 0, 1, 0);
    expect_error(conn, 0x12, 4, 0x08);
    ask(conn, 0x12, 3, 0, 'x');
    expect_error(conn, 0x12, 3, 0x05); /* what the link needs comes first */
    conn->security.encrypted = true;
    ask(conn, 0x12, 3, 0, 'x');
    expect_error(conn, 0x12, 3, 0x08);
    ask(conn, 0x16, 3, 0, 0, 0, 'x');
    expect_error(conn, 0x16, 3, 0x08);
    ask(conn, 0x52, 3, 0, 'x');
    assert_int_equal(amble_written(ble, &door, &(amble_value){.size = 0}, 0), AMBLE_ERR_TIMEOUT);
    conn->authorised = true;
    ask(conn, 0x12, 3, 0, 'x');
    answer(conn, 0x13);
    ask(conn, 0x0a, 3, 0);
    answer(conn, 0x0b, 'x');
    ask(conn, 0x12, 4, 0, 1, 0);
    answer(conn, 0x13);
    assert_int_equal(amble_notify(conn, &door, NULL, 0, 0), 0);
    answer(conn, 0x1b, 3, 0, 'x');
    conn->authorised = false; /* taken back */
    assert_int_equal(amble_subscribed(conn, &door), 0);
    assert_int_equal(amble_notify(conn, &door, NULL, 0, 0), AMBLE_ERR_NOT_SUBSCRIBED);
    assert_int_equal(amble_update(ble, &door, "y", 1, 0), 0);
    expect_nothing();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(the_hash_of_the_example),
        task_test(includes),
        task_test(a_service_that_goes_leaves_its_handles_unused),
        task_test(coming_and_going_takes_no_memory),
        task_test(service_changed),
        task_test(service_changed_goes_before_those_who_wait),
        task_test(a_change_unaware_client),
        task_test(the_hash_makes_aware),
        task_test(confirming_makes_aware),
        task_test(client_features_only_grow),
        task_test(who_waits_hears_that_it_went),
        task_test(what_needs_a_protected_link),
        task_test(several_values_with_their_lengths),
        task_test(who_was_not_let_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
