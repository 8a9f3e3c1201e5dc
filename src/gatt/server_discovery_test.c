/* Tests of the requests over ranges of handles: what they find, how lists end at the MTU and at entries of another
 * size, and each error. */
#include "gatt/testing.h"

static amble_connection *conn;

static void begin(void) { conn = serve_table(); }

static void set_mtu(uint8_t mtu)
{
    ask(conn, 0x02, mtu, 0);
    answer(conn, 0x03, TEST_MTU, 0);
}

#define COMMAND_BYTES 0x9e, 0xca, 0xdc, 0x24, 0x0e, 0xe5, 0xa9, 0xe0, 0x93, 0xf3, 0xa3, 0xb5, 0x02, 0, 0x40, 0x6e
#define CUSTOM_BYTES  0x9e, 0xca, 0xdc, 0x24, 0x0e, 0xe5, 0xa9, 0xe0, 0x93, 0xf3, 0xa3, 0xb5, 0x01, 0, 0x40, 0x6e

static void find_information(void)
{
    begin();
    ask(conn, 0x04, 1, 0, 0xff, 0xff);
    answer(conn, 0x05, 1, 1, 0, 0x00, 0x28, 2, 0, 0x03, 0x28, 3, 0, 0x19, 0x2a, 4, 0, 0x02, 0x29, 5, 0, 0x01, 0x29);
    ask(conn, 0x04, LEVEL, 0, LEVEL_CCCD, 0);
    answer(conn, 0x05, 1, 3, 0, 0x19, 0x2a, 4, 0, 0x02, 0x29);
    ask(conn, 0x04, COMMAND - 1, 0, 0xff, 0xff); /* ends before a UUID of another size */
    answer(conn, 0x05, 1, COMMAND - 1, 0, 0x03, 0x28);
    ask(conn, 0x04, COMMAND, 0, 0xff, 0xff);
    answer(conn, 0x05, 2, COMMAND, 0, COMMAND_BYTES);
    ask(conn, 0x04, LAST, 0, LAST, 0);
    answer(conn, 0x05, 1, LAST, 0, 0x02, 0xaa);
    ask(conn, 0x04, LAST + 1, 0, 0xff, 0xff);
    expect_error(conn, 0x04, LAST + 1, 0x0a);
    ask(conn, 0x04, 0, 0, 5, 0);
    expect_error(conn, 0x04, 0, 0x01);
    ask(conn, 0x04, 5, 0, 4, 0);
    expect_error(conn, 0x04, 5, 0x01);
    expect_nothing();
}

static void services_by_their_uuid(void)
{
    begin();
    ask(conn, 0x06, 1, 0, 0xff, 0xff, 0x00, 0x28, 0x0f, 0x18);
    answer(conn, 0x07, BATTERY, 0, CUSTOM - 1, 0);
    ask(conn, 0x06, 1, 0, 0xff, 0xff, 0x00, 0x28, CUSTOM_BYTES);
    answer(conn, 0x07, CUSTOM, 0, LAST, 0);
}

static void services_by_a_long_uuid(void)
{
    begin();
    set_mtu(TEST_MTU);
    /* A short one in its long form. */
    ask(conn, 0x06, 1, 0, 0xff, 0xff, 0x00, 0x28, 0xfb, 0x34, 0x9b, 0x5f, 0x80, 0, 0, 0x80, 0, 0x10, 0, 0, 0x0f, 0x18,
        0, 0);
    answer(conn, 0x07, BATTERY, 0, CUSTOM - 1, 0);
    ask(conn, 0x06, 2, 0, 0xff, 0xff, 0x00, 0x28, 0x0f, 0x18); /* it begins before */
    expect_error(conn, 0x06, 2, 0x0a);
    ask(conn, 0x06, 1, 0, 0xff, 0xff, 0x00, 0x28, 0x0f);
    expect_error(conn, 0x06, 1, 0x0a);
    ask(conn, 0x06, 1, 0, 0xff, 0xff, 0x00, 0x28);
    expect_error(conn, 0x06, 1, 0x0a);
    ask(conn, 0x06, 0, 0, 0xff, 0xff, 0x00, 0x28, 0x0f, 0x18);
    expect_error(conn, 0x06, 0, 0x01);
    ask(conn, 0x06, 3, 0, 2, 0, 0x00, 0x28, 0x0f, 0x18);
    expect_error(conn, 0x06, 3, 0x01);
}

static void values_by_what_they_are(void)
{
    begin();
    ask(conn, 0x06, 1, 0, 0xff, 0xff, 0x19, 0x2a, 50);
    answer(conn, 0x07, LEVEL, 0, LEVEL, 0);
    ask(conn, 0x06, 1, 0, 0xff, 0xff, 0x19, 0x2a, 51);
    expect_error(conn, 0x06, 1, 0x0a);
    assert_int_equal(amble_local_write(ble, &secret, "key", 3), 0);
    ask(conn, 0x06, 1, 0, 0xff, 0xff, 0x00, 0xaa, 'k', 'e', 'y'); /* what cannot be read cannot be guessed */
    expect_error(conn, 0x06, 1, 0x0a);
    ask(conn, 0x06, 1, 0, 0xff, 0xff, 0x02, 0x29, 0, 0);
    answer(conn, 0x07, LEVEL_CCCD, 0, LEVEL_CCCD, 0);
}

static void many_services_of_one_kind(void)
{
    static const amble_service same[7] = {{.uuid = &level_uuid}, {.uuid = &level_uuid}, {.uuid = &level_uuid},
                                          {.uuid = &level_uuid}, {.uuid = &level_uuid}, {.uuid = &level_uuid},
                                          {.uuid = &level_uuid}};

    begin();
    for (int i = 0; i < 7; i++)
        assert_int_equal(amble_serve(ble, &same[i]), 0);
    ask(conn, 0x06, 1, 0, 0xff, 0xff, 0x00, 0x28, 0x19, 0x2a); /* five fit into 23 bytes */
    answer(conn, 0x07, 17, 0, 17, 0, 18, 0, 18, 0, 19, 0, 19, 0, 20, 0, 20, 0, 21, 0, 21, 0);
    ask(conn, 0x06, 22, 0, 0xff, 0xff, 0x00, 0x28, 0x19, 0x2a);
    answer(conn, 0x07, 22, 0, 22, 0, 23, 0, 23, 0);
}

static void services_all(void)
{
    begin();
    ask(conn, 0x10, 1, 0, 0xff, 0xff, 0x00, 0x28);
    answer(conn, 0x11, 6, BATTERY, 0, CUSTOM - 1, 0, 0x0f, 0x18);
    ask(conn, 0x10, CUSTOM, 0, 0xff, 0xff, 0x00, 0x28);
    answer(conn, 0x11, 20, CUSTOM, 0, LAST, 0, CUSTOM_BYTES);
    ask(conn, 0x10, LAST, 0, 0xff, 0xff, 0x00, 0x28);
    expect_error(conn, 0x10, LAST, 0x0a);
    ask(conn, 0x10, 1, 0, 0xff, 0xff, 0x01, 0x28); /* secondary ones: none */
    expect_error(conn, 0x10, 1, 0x0a);
    ask(conn, 0x10, 1, 0, 0xff, 0xff, 0x03, 0x28); /* no group */
    expect_error(conn, 0x10, 1, 0x10);
    ask(conn, 0x10, 1, 0, 0xff, 0xff, 0xfb, 0x34, 0x9b, 0x5f, 0x80, 0, 0, 0x80, 0, 0x10, 0, 0, 0x00, 0x28, 0, 0);
    answer(conn, 0x11, 6, BATTERY, 0, CUSTOM - 1, 0, 0x0f, 0x18); /* the type's long form */
    ask(conn, 0x10, 0, 0, 0xff, 0xff, 0x00, 0x28);
    expect_error(conn, 0x10, 0, 0x01);
    ask(conn, 0x10, 9, 0, 8, 0, 0x00, 0x28);
    expect_error(conn, 0x10, 9, 0x01);
}

static void characteristics_all(void)
{
    begin();
    ask(conn, 0x08, 1, 0, CUSTOM - 1, 0, 0x03, 0x28);
    answer(conn, 0x09, 7, 2, 0, 0x32, LEVEL, 0, 0x19, 0x2a, 6, 0, 0x0a, TEXT, 0, 0x3d, 0x2a, 8, 0, 0x08, SECRET, 0, 0,
           0xaa);
    ask(conn, 0x08, CUSTOM, 0, LAST, 0, 0x03, 0x28); /* one of 128 bits ends the list */
    answer(conn, 0x09, 21, COMMAND - 1, 0, 0x0c, COMMAND, 0, COMMAND_BYTES);
    ask(conn, 0x08, COMMAND, 0, LAST, 0, 0x03, 0x28);
    answer(conn, 0x09, 7, ASKED - 1, 0, 0x0a, ASKED, 0, 0x01, 0xaa, BOTH - 1, 0, 0x0a, BOTH, 0, 0x02, 0xaa);
}

static void values_by_type(void)
{
    uint8_t expected[TEST_MTU] = {0x09, 21, TEXT, 0};

    begin();
    ask(conn, 0x08, 1, 0, 0xff, 0xff, 0x19, 0x2a);
    answer(conn, 0x09, 3, LEVEL, 0, 50);
    ask(conn, 0x08, 1, 0, 0xff, 0xff, 0x3d, 0x2a); /* cut at the MTU */
    memcpy(expected + 4, text_start, 19);
    expect_att(conn, expected, 23);
    set_mtu(TEST_MTU);
    ask(conn, 0x08, 1, 0, 0xff, 0xff, 0x3d, 0x2a);
    expected[1] = 42;
    memcpy(expected + 4, text_start, 40);
    expect_att(conn, expected, 44);
    ask(conn, 0x08, 1, 0, 0xff, 0xff, 0x00, 0xaa);
    expect_error(conn, 0x08, SECRET, 0x02); /* found, but not to be read */
    ask(conn, 0x08, 1, 0, 0xff, 0xff, 0x77, 0x77);
    expect_error(conn, 0x08, 1, 0x0a);
    ask(conn, 0x08, LEVEL + 1, 0, 0xff, 0xff, 0x19, 0x2a);
    expect_error(conn, 0x08, LEVEL + 1, 0x0a);
    ask(conn, 0x08, 0, 0, 0xff, 0xff, 0x19, 0x2a);
    expect_error(conn, 0x08, 0, 0x01);
    ask(conn, 0x08, 0xff, 0xff, 0xfe, 0xff, 0x19, 0x2a);
    expect_error(conn, 0x08, 0xffff, 0x01);
    ask(conn, 0x08, 1, 0, 0xff, 0xff, 0x19, 0x2a, 1, 2); /* a UUID of four bytes */
    expect_error(conn, 0x08, 1, 0x04);
}

static void a_list_ends_before_what_may_not_be_read(void)
{
    const amble_characteristic open = {.uuid = &level_uuid, .read = true},
                               hidden = {.uuid = &level_uuid, .write = true};
    const amble_service service = {.uuid = &battery_uuid, .characteristics = AMBLE_LIST(&open, &hidden)};

    gatt_open();
    assert_int_equal(amble_serve(ble, &service), 0);
    conn = link_open(HANDLE, false);
    ask(conn, 0x08, 1, 0, 0xff, 0xff, 0x19, 0x2a);
    answer(conn, 0x09, 2, 3, 0);
}

static void entries_of_one_size(void)
{
    static const uint8_t large[300] = {1, 2, 3};
    const amble_characteristic a = {.uuid = &level_uuid, .read = true, .initial = large, .initial_size = 3},
                               b = {.uuid = &level_uuid, .read = true, .initial = large, .initial_size = 3},
                               c = {.uuid = &level_uuid, .read = true, .initial = large, .initial_size = 4};
    const amble_service service = {.uuid = &battery_uuid, .characteristics = AMBLE_LIST(&a, &b, &c)};

    gatt_open();
    assert_int_equal(amble_serve(ble, &service), 0);
    conn = link_open(HANDLE, false);
    ask(conn, 0x08, 1, 0, 0xff, 0xff, 0x19, 0x2a);
    answer(conn, 0x09, 5, 3, 0, 1, 2, 3, 5, 0, 1, 2, 3);
}

static void an_entry_is_never_longer_than_its_size_can_say(void)
{
    static uint8_t large[400];
    const amble_characteristic a = {.uuid = &level_uuid, .read = true, .initial = large, .initial_size = 400};
    const amble_service service = {.uuid = &battery_uuid, .characteristics = AMBLE_LIST(&a)};
    amble__arena arena;

    gatt_open();
    arena = rooms_open(MANY_BUFFERS, LARGE_BUFFER, 517); /* with a large MTU */
    rooms.opened = gatt_opened;
    rooms.lost = gatt_lost;
    rooms.att.request = amble__server_receive;
    amble__server_init(&the_host.server, &arena, TEST_LINKS, 1 + TEST_BEARERS, TEST_DATABASE, TEST_PREPARED);
    amble__client_init(&the_host.client, &arena, TEST_LINKS, TEST_ENTRIES, 517);
    the_host.server.connections = &rooms.links;
    assert_int_equal(amble_serve(ble, &service), 0);
    conn = link_open(HANDLE, false);
    ask(conn, 0x02, 0xff, 0xff);
    answer(conn, 0x03, 5, 2);
    ask(conn, 0x08, 1, 0, 0xff, 0xff, 0x19, 0x2a);
    assert_int_equal(controller.sent[1].bytes[10], 255);
    assert_int_equal(next_sent()->size, 9 + 2 + 255);
    ask(conn, 0x0a, 3, 0);
    assert_int_equal(next_sent()->size, 9 + 1 + 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(find_information),
        task_test(services_by_their_uuid),
        task_test(services_by_a_long_uuid),
        task_test(values_by_what_they_are),
        task_test(many_services_of_one_kind),
        task_test(services_all),
        task_test(characteristics_all),
        task_test(values_by_type),
        task_test(a_list_ends_before_what_may_not_be_read),
        task_test(entries_of_one_size),
        task_test(an_entry_is_never_longer_than_its_size_can_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
