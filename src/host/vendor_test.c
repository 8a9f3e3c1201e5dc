/* Commands that amble does not send by itself: after the start, and in the hook that a vendor's controller is started
 * with. */
#include "host/testing.h"

enum { LOAD = 0xfc4c, LAUNCH = 0xfc4e }; /* of a vendor, as some are */

static amble *ble;

/* --- one command -------------------------------------------------------------------------------------------------- */
typedef struct {
    uint8_t reply[16];
    size_t room;
    int timeout_ms, result;
    bool done;
} question;

static int asking(void *arg)
{
    question *q = arg;

    q->result = amble_hci_command(ble, LOAD, "\1\2", 2, q->reply, q->room, q->timeout_ms);
    q->done = true;
    return 0;
}

static amble_task *ask(amble_scope *scope, question *q, size_t room, int timeout_ms)
{
    amble_task *task;

    *q = (question){.room = room, .timeout_ms = timeout_ms};
    fake.held = LOAD;
    task = amble_spawn(scope, asking, q);
    assert_int_equal(amble_sleep_ms(1), 0);
    return task;
}

static void the_reply_is_as_long_as_it_is(void)
{
    amble_scope scope;
    question q;

    fake_reset();
    ble = fake_open();
    amble_scope_open(&scope);
    ask(&scope, &q, 16, 1000);
    fake_event(AMBLE__EVENT_COMMAND_COMPLETE, BYTES(1, LOAD & 0xff, LOAD >> 8, 0, 7, 8, 9));
    assert_int_equal(amble_sleep_ms(1), 0);
    assert_int_equal(q.result, 3);
    assert_memory_equal(q.reply, "\7\10\11\0", 4);
    ask(&scope, &q, 2, 1000);
    fake_event(AMBLE__EVENT_COMMAND_COMPLETE, BYTES(1, LOAD & 0xff, LOAD >> 8, 0, 7, 8, 9));
    assert_int_equal(amble_sleep_ms(1), 0);
    assert_int_equal(q.result, AMBLE_ERR_TOO_LONG);
    assert_memory_equal(q.reply, "\0\0\0", 3);
    ask(&scope, &q, 2, 1000);
    fake_event(AMBLE__EVENT_COMMAND_STATUS, BYTES(0, 1, LOAD & 0xff, LOAD >> 8));
    assert_int_equal(amble_sleep_ms(1), 0);
    assert_int_equal(q.result, 0);
    assert_true(q.done);
    ask(&scope, &q, 2, 1000);
    fake_event(AMBLE__EVENT_COMMAND_COMPLETE, BYTES(1, LOAD & 0xff, LOAD >> 8));
    assert_int_equal(amble_sleep_ms(1), 0);
    assert_int_equal(q.result, AMBLE_ERR_PROTOCOL);
    assert_int_equal(amble_hci_command(ble, LOAD, NULL, 1, NULL, 0, 0), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_hci_command(ble, LOAD, NULL, 0, NULL, 1, 0), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_hci_command(ble, LOAD, q.reply, 256, NULL, 0, 1000), AMBLE_ERR_ARGUMENT);
    amble_scope_close(&scope);
    amble_close(ble);
}

/* A caller that gave up earlier does not lose the controller; one that gives it longer than two seconds has longer. */
static void patience_is_two_seconds_at_least(void)
{
    amble_scope scope;
    question q;

    fake_reset();
    ble = fake_open();
    amble_scope_open(&scope);
    ask(&scope, &q, 16, 100);
    assert_int_equal(amble_sleep_ms(1000), 0);
    assert_int_equal(q.result, AMBLE_ERR_TIMEOUT);
    fake_answer(LOAD); /* late, and nobody's */
    assert_int_equal(amble_sleep_ms(1), 0);
    ask(&scope, &q, 0, 10000);
    assert_int_equal(amble_sleep_ms(9000), 0);
    assert_false(q.done);
    fake_event(AMBLE__EVENT_COMMAND_COMPLETE, BYTES(1, LOAD & 0xff, LOAD >> 8, 0));
    assert_int_equal(amble_sleep_ms(1), 0);
    assert_true(q.done);
    assert_int_equal(q.result, 0);
    ask(&scope, &q, 0, 100);
    assert_int_equal(amble_sleep_ms(3000), 0);
    assert_int_equal(amble_hci_command(ble, LAUNCH, NULL, 0, NULL, 0, 1000), AMBLE_ERR_CONTROLLER);
    assert_string_equal(amble_open_problem(),
                        "fake: the controller did not answer command 0xFC4C in time; reset it and open it again");
    amble_scope_close(&scope);
    amble_close(ble);
}

/* --- the hook ----------------------------------------------------------------------------------------------------- */
static int load_firmware(amble *starting, void *argument)
{
    int *calls = argument;
    int r;

    ++*calls;
    assert_int_equal(fake.count, 1); /* Reset */
    r = amble_hci_command(starting, LOAD, BYTES(1, 2, 3), NULL, 0, 3000);
    if (r == AMBLE_ERR_TOO_LONG) /* the double answers with more than is wanted */
        r = amble_sleep_ms(50);
    return r < 0 ? r : amble_hci_command(starting, AMBLE__HCI_RESET, NULL, 0, (uint8_t[64]){0}, 64, 1000);
}

static void the_hook_runs_between_reset_and_the_rest(void)
{
    int calls = 0;
    const amble_config config = {.start = load_firmware, .start_argument = &calls};

    fake_reset();
    assert_int_equal(fake_open_config(&ble, &config, 5000), 0);
    assert_int_equal(calls, 1);
    assert_int_equal(fake.commands[0], AMBLE__HCI_RESET);
    assert_int_equal(fake.commands[1], LOAD);
    assert_int_equal(fake.commands[2], AMBLE__HCI_RESET);
    assert_int_equal(fake.commands[3], AMBLE__HCI_READ_LOCAL_FEATURES);
    amble_close(ble);
}

static void a_hook_that_fails_ends_the_opening(void)
{
    int calls = 0;
    const amble_config config = {.start = load_firmware, .start_argument = &calls};

    fake_reset();
    fake_refuse(LOAD, 0x12);
    assert_int_equal(fake_open_config(&ble, &config, 5000), AMBLE_ERR_HCI(0x12));
    assert_null(ble);
    assert_non_null(strstr(amble_open_problem(), "fake: HCI 0x12"));
    assert_int_equal(fake.count, 2);
    fake_reset();
    fake.held = LOAD;
    assert_int_equal(fake_open_config(&ble, &config, 500), AMBLE_ERR_TIMEOUT);
    fake_reset();
    fake.held = LOAD;
    assert_int_equal(fake_open_config(&ble, &config, 5000), AMBLE_ERR_CONTROLLER);
    assert_non_null(strstr(amble_open_problem(), "0xFC4C"));
}

/* The virtual controller has no commands of a vendor, and says so. */
static int probe(amble *starting, void *argument)
{
    *(int *)argument = amble_hci_command(starting, LOAD, NULL, 0, NULL, 0, 1000);
    return 0;
}

static void the_virtual_controller_knows_no_vendor(void)
{
    int result = 0;
    uint8_t version[8];
    const amble_config config = {.start = probe, .start_argument = &result};

    assert_int_equal(amble_open(&ble, "air:vendor", &config, 5000), 0);
    assert_int_equal(result, AMBLE_ERR_HCI(0x01));
    /* Read Local Version Information, Vol 4 Part E 7.4.1 */
    assert_int_equal(amble_hci_command(ble, 0x1001, NULL, 0, version, sizeof version, 1000), 8);
    amble_close(ble);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(the_reply_is_as_long_as_it_is),
        task_test(patience_is_two_seconds_at_least),
        task_test(the_hook_runs_between_reset_and_the_rest),
        task_test(a_hook_that_fails_ends_the_opening),
        task_test(the_virtual_controller_knows_no_vendor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
