/* Opening and closing on controllers that do not play along: time bounds, and what is left afterwards. */
#include "host/testing.h"

static void opening_takes_no_longer_than_allowed(void)
{
    const uint64_t start = amble_now_us();
    amble *ble;

    fake_reset();
    fake.silent = true;
    assert_int_equal(fake_open_config(&ble, NULL, 500), AMBLE_ERR_TIMEOUT);
    assert_null(ble);
    assert_in_range(amble_now_us() - start, 0, 501000);
    assert_int_equal(amble_sleep_ms(5000), 0); /* no timer is left */
}

static void a_controller_without_a_word_is_lost_after_two_seconds(void)
{
    amble *ble;

    fake_reset();
    fake.silent = true;
    assert_int_equal(fake_open_config(&ble, NULL, AMBLE_FOREVER), AMBLE_ERR_CONTROLLER);
}

/* It answers, but never allows another command. */
static void a_controller_that_takes_no_more_commands_is_lost(void)
{
    amble_connection *conn;
    uint64_t start;
    amble *ble;

    fake_reset();
    ble = fake_open();
    fake.credits = 0;
    start = amble_now_us();
    assert_int_equal(amble_advertise(ble, NULL, &conn, AMBLE_FOREVER), AMBLE_ERR_CONTROLLER);
    assert_in_range(amble_now_us() - start, 1000000, 3000000);
    amble_close(ble);
}

static void closing_is_bounded_without_room_for_a_command(void)
{
    uint64_t start;
    amble *ble;

    fake_reset();
    ble = fake_open();
    fake_event(AMBLE__EVENT_COMMAND_COMPLETE, BYTES(0, 0, 0));
    assert_int_equal(amble_sleep_ms(1), 0);
    start = amble_now_us();
    amble_close(ble);
    assert_in_range(amble_now_us() - start, 0, 2500000);
}

/* A controller that is lost gets no more packets, not even those that were waiting for its buffers. */
static void nothing_is_written_after_a_failure(void)
{
    amble_connection *conns[2];
    amble *ble;

    fake_reset();
    ble = fake_open();
    for (uint16_t i = 0; i < 2; i++)
        conns[i] = fake_accept(ble, FAKE_HANDLE + i);
    for (int i = 0; i < 8;
         i++) /* each is answered; three answers are what two links may give the controller of its four buffers */
        fake_acl((uint16_t)(FAKE_HANDLE + i % 2), BYTES(3, 0, 4, 0, 0x0a, 1, 0));
    assert_int_equal(amble_sleep_ms(1), 0);
    assert_int_equal(fake.data_packets, 3);
    fake_event(AMBLE__EVENT_HARDWARE_ERROR, BYTES(1));
    assert_int_equal(amble_sleep_ms(1), 0);
    assert_int_equal(fake.data_packets, 3);
    amble_connection_close(conns[0]);
    amble_connection_close(conns[1]);
    amble_close(ble);
}

/* The wait is bound to another link's life, whose end says nothing about this one. */
static void the_loss_of_another_link_is_not_this_ones(void)
{
    amble_connection *conns[2];
    amble_timeout timeout;
    amble *ble;

    fake_reset();
    ble = fake_open();
    for (uint16_t i = 0; i < 2; i++)
        conns[i] = fake_accept(ble, FAKE_HANDLE + i);
    amble_timeout_begin(&timeout, conns[0], AMBLE_FOREVER);
    fake_disconnected(FAKE_HANDLE, 0x13);
    assert_int_equal(amble_disconnected(conns[1], 1000), AMBLE_ERR_DISCONNECTED);
    assert_int_equal(amble_timeout_end(&timeout, 0), 0);
    assert_true(amble_connected(conns[1]));
    assert_int_equal(amble_disconnected(conns[0], 1000), 0);
    amble_connection_close(conns[0]);
    amble_connection_close(conns[1]);
    amble_close(ble);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(opening_takes_no_longer_than_allowed),
        task_test(a_controller_without_a_word_is_lost_after_two_seconds),
        task_test(a_controller_that_takes_no_more_commands_is_lost),
        task_test(closing_is_bounded_without_room_for_a_command),
        task_test(nothing_is_written_after_a_failure),
        task_test(the_loss_of_another_link_is_not_this_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
