/* Links without a place, and what a controller refuses: nothing that is owed to it is forgotten. */
#include "host/testing.h"

static amble *ble;

static void pass(int ms) { assert_int_equal(amble_sleep_ms(ms), 0); }

/* Fills every slot of the host. */
static void fill(amble_connection **links, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        links[i] = fake_accept(ble, (uint16_t)(FAKE_HANDLE + i));
}

static void begin_full(amble_connection *links[2])
{
    fake_reset();
    assert_int_equal(fake_open_config(&ble, &(amble_config){.connections = 2}, 5000), 0);
    fill(links, 2);
    pass(1); /* the service task has nothing left to do */
}

static void end_full(amble_connection *links[2])
{
    amble_connection_close(links[0]);
    amble_connection_close(links[1]);
    amble_close(ble);
}

static void strays_come(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        fake_connected(0, (uint16_t)(0x100 + i), false, (uint8_t)i);
}

static void every_stray_link_is_disconnected(void)
{
    amble_connection *links[2];

    begin_full(links);
    strays_come(AMBLE__STRAY_LINKS);
    pass(10);
    assert_int_equal(fake_commands(AMBLE__HCI_DISCONNECT), AMBLE__STRAY_LINKS);
    strays_come(AMBLE__STRAY_LINKS); /* their places are free again */
    pass(10);
    assert_int_equal(fake_commands(AMBLE__HCI_DISCONNECT), 2 * AMBLE__STRAY_LINKS);
    end_full(links);
}

/* A controller that makes more of them is out of its mind; forgetting one would leave a link nobody ends. */
static void too_many_stray_links_lose_the_controller(void)
{
    amble_connection *links[2];

    begin_full(links);
    amble_log_level(AMBLE_LOG_OFF);
    fake.held = AMBLE__HCI_DISCONNECT;
    strays_come(AMBLE__STRAY_LINKS + 1);
    pass(10);
    amble_log_level(AMBLE_LOG_WARNING);
    assert_int_equal(amble_disconnected(links[0], 0), 0);
    assert_int_equal(fake_commands(AMBLE__HCI_RESET), 1);
    end_full(links);
}

static void a_refused_disconnect_is_tried_again(void)
{
    amble_connection *links[2];

    begin_full(links);
    amble_log_level(AMBLE_LOG_OFF);
    fake_refuse(AMBLE__HCI_DISCONNECT, AMBLE__HCI_COMMAND_DISALLOWED);
    strays_come(1);
    pass(350);
    assert_in_range(fake_commands(AMBLE__HCI_DISCONNECT), 3, 5);
    fake_refuse(AMBLE__HCI_DISCONNECT, 0);
    pass(150);
    fake.count = 0;
    fake_refuse(AMBLE__HCI_DISCONNECT, AMBLE__HCI_COMMAND_DISALLOWED);
    links[0]->disconnect_wanted = true;
    amble__gap_work(&ble->gap);
    pass(350);
    assert_in_range(fake_commands(AMBLE__HCI_DISCONNECT), 3, 5);
    assert_int_equal(amble_disconnected(links[0], 0), AMBLE_ERR_TIMEOUT);
    fake_refuse(AMBLE__HCI_DISCONNECT, 0);
    pass(150);
    assert_int_equal(amble_disconnected(links[0], 0), 0);
    fake.count = 0;
    pass(1000);
    assert_int_equal(fake_commands(AMBLE__HCI_DISCONNECT), 0); /* nothing is left to be done */
    amble_log_level(AMBLE_LOG_WARNING);
    end_full(links);
}

/* What the controller took and did not do, as Disconnection Complete says then. */
static void a_failed_disconnect_is_tried_again(void)
{
    amble_connection *links[2];

    begin_full(links);
    fake.held = AMBLE__HCI_DISCONNECT;
    links[0]->disconnect_wanted = true;
    amble__gap_work(&ble->gap);
    pass(1);
    fake_event(AMBLE__EVENT_COMMAND_STATUS, BYTES(0, 1, AMBLE__HCI_DISCONNECT & 0xff, AMBLE__HCI_DISCONNECT >> 8));
    fake_event(AMBLE__EVENT_DISCONNECTION_COMPLETE, BYTES(AMBLE__HCI_COMMAND_DISALLOWED, FAKE_HANDLE, 0, 0));
    fake.held = 0;
    pass(50);
    assert_int_equal(amble_disconnected(links[0], 0), AMBLE_ERR_TIMEOUT);
    pass(100);
    assert_int_equal(amble_disconnected(links[0], 0), 0);
    end_full(links);
}

/* The place of a stray that is gone is another's: the late answer about the first does not touch it. */
static void a_stray_that_ends_by_itself_makes_room(void)
{
    amble_connection *links[2];

    begin_full(links);
    fake.held = AMBLE__HCI_DISCONNECT;
    strays_come(1);
    pass(1);
    fake_disconnected(0x100, 0x13);
    fake_event(AMBLE__EVENT_COMMAND_STATUS,
               BYTES(AMBLE__HCI_UNKNOWN_CONNECTION, 1, AMBLE__HCI_DISCONNECT & 0xff, AMBLE__HCI_DISCONNECT >> 8));
    strays_come(1);
    fake.held = 0;
    pass(10);
    assert_int_equal(fake_commands(AMBLE__HCI_DISCONNECT), 2);
    end_full(links);
}

static int advertising(void *arg)
{
    amble_connection *conn;

    *(int *)arg = amble_advertise(ble, NULL, &conn, AMBLE_FOREVER);
    return 0;
}

static void a_refused_stop_of_advertising_is_tried_again(void)
{
    amble_connection *conn = NULL;
    amble_scope scope;
    int result = 1;
    unsigned stops;

    fake_reset();
    ble = fake_open();
    amble_log_level(AMBLE_LOG_OFF);
    amble_scope_open(&scope);
    assert_non_null(amble_spawn(&scope, advertising, &result));
    pass(10);
    fake_refuse(AMBLE__HCI_LE_SET_ADVERTISING_ENABLE, AMBLE__HCI_COMMAND_DISALLOWED);
    stops = fake_commands(AMBLE__HCI_LE_SET_ADVERTISING_ENABLE);
    amble_scope_close(&scope);
    assert_int_equal(result, AMBLE_ERR_CANCELLED);
    pass(350);
    assert_in_range(fake_commands(AMBLE__HCI_LE_SET_ADVERTISING_ENABLE) - stops, 3, 5);
    fake_refuse(AMBLE__HCI_LE_SET_ADVERTISING_ENABLE, 0);
    pass(150);
    stops = fake_commands(AMBLE__HCI_LE_SET_ADVERTISING_ENABLE);
    pass(1000);
    assert_int_equal(fake_commands(AMBLE__HCI_LE_SET_ADVERTISING_ENABLE), stops);
    conn = fake_accept(ble, FAKE_HANDLE); /* the next one begins as ever */
    amble_log_level(AMBLE_LOG_WARNING);
    amble_connection_close(conn);
    amble_close(ble);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(every_stray_link_is_disconnected),       task_test(too_many_stray_links_lose_the_controller),
        task_test(a_refused_disconnect_is_tried_again),    task_test(a_failed_disconnect_is_tried_again),
        task_test(a_stray_that_ends_by_itself_makes_room), task_test(a_refused_stop_of_advertising_is_tried_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
