/* Tests of commands and events: credits, answers that find their command, errors, askers that give up, controllers
 * that fall silent, and events that make no sense. */
#include <time.h>

#include "hci/testing.h"

enum { OPCODE_A = 0x2001, OPCODE_B = 0x2002, OPCODE_C = 0x2003, OPCODE_D = 0x2005, OPCODE_E = 0x2006 };

/* One command asked by a task of its own. */
typedef struct {
    uint16_t opcode;
    uint8_t parameter;
    uint8_t reply[4];
    size_t reply_size;
    int result;
    bool done;
    amble_task *task;
} asker;

static int ask(void *arg)
{
    asker *a = arg;

    a->result = amble__hci_command(&controller.hci, a->opcode, &a->parameter, 1, a->reply, a->reply_size);
    a->done = true;
    return 0;
}

static void start(amble_scope *scope, asker *a, uint16_t opcode, uint8_t parameter, size_t reply_size)
{
    *a = (asker){.opcode = opcode, .parameter = parameter, .reply_size = reply_size, .result = 77};
    a->task = amble_spawn(scope, ask, a);
    settle();
}

static void expect_command(uint16_t opcode, uint8_t parameter)
{
    const sent_packet *sent = next_sent();
    const uint8_t expected[] = {AMBLE__PACKET_COMMAND, (uint8_t)opcode, (uint8_t)(opcode >> 8), 1, parameter};

    assert_int_equal(sent->size, sizeof expected);
    assert_memory_equal(sent->bytes, expected, sizeof expected);
}

static void no_credit_no_command(void)
{
    amble_scope scope;
    asker a, b;

    controller_open(1, 27);
    amble_scope_open(&scope);
    start(&scope, &a, OPCODE_A, 1, 0);
    start(&scope, &b, OPCODE_B, 2, 0);
    expect_command(OPCODE_A, 1);
    assert_int_equal(unread(), 0); /* the first credit is used */
    say_complete(0, OPCODE_A, BYTES(0));
    settle();
    assert_int_equal(a.result, 0);
    assert_int_equal(unread(), 0); /* answered, but no credit given */
    say_complete(1, 0, NULL, 0);   /* no command at all: it gives a credit */
    settle();
    expect_command(OPCODE_B, 2);
    say_complete(1, OPCODE_B, BYTES(0));
    settle();
    assert_int_equal(b.result, 0);
    amble_scope_close(&scope);
}

static void several_are_pending_and_answers_find_theirs(void)
{
    amble_scope scope;
    asker a, b, c, d, e;

    controller_open(1, 27);
    say_complete(20, 0, NULL, 0);
    amble_scope_open(&scope);
    start(&scope, &a, OPCODE_A, 1, 1);
    start(&scope, &b, OPCODE_B, 2, 1);
    start(&scope, &c, OPCODE_C, 3, 1);
    start(&scope, &d, OPCODE_D, 4, 1);
    start(&scope, &e, OPCODE_E, 5, 1);
    assert_int_equal(unread(), AMBLE__HCI_PENDING); /* the fifth waits for a place */
    say_complete(15, OPCODE_C, BYTES(0, 33));
    settle();
    assert_true(c.done && !a.done && !b.done && !d.done && !e.done);
    assert_int_equal(c.result, 0);
    assert_int_equal(c.reply[0], 33);
    assert_int_equal(unread(), AMBLE__HCI_PENDING + 1);
    say_complete(15, OPCODE_E, BYTES(0, 55));
    say_complete(15, OPCODE_A, BYTES(0, 11));
    say_complete(15, OPCODE_D, BYTES(0, 44));
    say_complete(15, OPCODE_B, BYTES(0, 22));
    settle();
    assert_int_equal(a.reply[0], 11);
    assert_int_equal(b.reply[0], 22);
    assert_int_equal(d.reply[0], 44);
    assert_int_equal(e.reply[0], 55);
    assert_int_equal(a.result | b.result | d.result | e.result, 0);
    amble_scope_close(&scope);
}

static void the_same_opcode_waits_for_its_answer(void)
{
    amble_scope scope;
    asker first, second, other;

    controller_open(1, 27);
    say_complete(20, 0, NULL, 0);
    amble_scope_open(&scope);
    start(&scope, &first, OPCODE_A, 1, 0);
    start(&scope, &second, OPCODE_A, 2, 0);
    start(&scope, &other, OPCODE_B, 3, 0);
    expect_command(OPCODE_A, 1);
    expect_command(OPCODE_B, 3);
    assert_int_equal(unread(), 0);
    say_complete(20, OPCODE_A, BYTES(0x0c));
    settle();
    assert_int_equal(first.result, AMBLE_ERR_HCI(0x0c));
    assert_false(second.done);
    expect_command(OPCODE_A, 2);
    say_complete(20, OPCODE_A, BYTES(0));
    settle();
    assert_int_equal(second.result, 0);
    amble_scope_close(&scope);
}

static int ask_again_and_again(void *arg)
{
    for (uint8_t i = 0; i < 5; i++) {
        int r = amble__hci_command(&controller.hci, OPCODE_A, &i, 1, NULL, 0);

        if (r < 0)
            return r;
    }
    *(bool *)arg = true;
    return 0;
}

static void one_task_cannot_keep_the_others_out(void)
{
    bool finished = false;
    amble_scope scope;
    asker patient;

    controller_open(1, 27);
    amble_scope_open(&scope);
    amble_spawn(&scope, ask_again_and_again, &finished);
    settle();
    start(&scope, &patient, OPCODE_B, 9, 0);
    expect_command(OPCODE_A, 0);
    say_complete(1, OPCODE_A, BYTES(0));
    settle();
    expect_command(OPCODE_B, 9); /* it asked before the other one asked again */
    say_complete(1, OPCODE_B, BYTES(0));
    settle();
    for (uint8_t i = 1; i < 5; i++) {
        expect_command(OPCODE_A, i);
        say_complete(1, OPCODE_A, BYTES(0));
        settle();
    }
    assert_true(finished);
    amble_scope_close(&scope);
}

static void waiting_commands_go_first_come_first_served(void)
{
    amble_scope scope;
    asker a, b, c, d;

    controller_open(1, 27);
    amble_scope_open(&scope);
    start(&scope, &a, OPCODE_A, 1, 0);
    start(&scope, &b, OPCODE_B, 2, 0);
    start(&scope, &c, OPCODE_C, 3, 0);
    start(&scope, &d, OPCODE_D, 4, 0);
    expect_command(OPCODE_A, 1);
    say_complete(1, OPCODE_A, BYTES(0));
    settle();
    expect_command(OPCODE_B, 2);
    say_complete(2, OPCODE_B, BYTES(0));
    settle();
    expect_command(OPCODE_C, 3);
    expect_command(OPCODE_D, 4);
    amble_scope_close(&scope);
}

static void command_status_answers_too(void)
{
    amble_scope scope;
    asker a, b, c;

    controller_open(1, 27);
    say_complete(20, 0, NULL, 0);
    amble_scope_open(&scope);
    start(&scope, &a, OPCODE_A, 1, 0);
    start(&scope, &b, OPCODE_B, 2, 0);
    start(&scope, &c, OPCODE_C, 3, 2);
    say_status(0, 3, OPCODE_A);
    say_status(0x12, 3, OPCODE_B);
    say_status(0, 3, OPCODE_C);
    settle();
    assert_int_equal(a.result, 0);
    assert_int_equal(b.result, AMBLE_ERR_HCI(0x12));
    assert_int_equal(c.result, AMBLE_ERR_PROTOCOL); /* a reply was asked for */
    assert_int_equal(controller.hci.command_credits, 3);
    amble_scope_close(&scope);
}

static void replies_too_short_and_too_long(void)
{
    amble_scope scope;
    asker a, b, c, d;

    controller_open(1, 27);
    say_complete(20, 0, NULL, 0);
    amble_scope_open(&scope);
    start(&scope, &a, OPCODE_A, 1, 4);
    start(&scope, &b, OPCODE_B, 2, 2);
    start(&scope, &c, OPCODE_C, 3, 0);
    start(&scope, &d, OPCODE_D, 4, 4);
    say_complete(20, OPCODE_A, BYTES(0, 1, 2, 3));
    say_complete(20, OPCODE_B, BYTES(0, 1, 2, 3));
    say_complete(20, OPCODE_C, NULL, 0);
    say_complete(20, OPCODE_D, BYTES(0x11)); /* a refusal need not carry the rest */
    settle();
    assert_int_equal(a.result, AMBLE_ERR_PROTOCOL);
    assert_int_equal(b.result, 0);
    assert_memory_equal(b.reply, ((uint8_t[]){1, 2, 0, 0}), 4);
    assert_int_equal(c.result, AMBLE_ERR_PROTOCOL); /* not even a status */
    assert_int_equal(d.result, AMBLE_ERR_HCI(0x11));
    amble_scope_close(&scope);
}

static void an_answer_nobody_asked_for_is_dropped(void)
{
    amble_scope scope;
    asker a;

    controller_open(1, 27);
    amble_scope_open(&scope);
    start(&scope, &a, OPCODE_A, 1, 0);
    say_complete(4, OPCODE_B, BYTES(0));
    settle();
    assert_false(a.done);
    assert_int_equal(controller.hci.command_credits, 4);
    say_complete(1, OPCODE_A, BYTES(0));
    say_complete(1, OPCODE_A, BYTES(0x0c)); /* a second answer to the same command */
    settle();
    assert_int_equal(a.result, 0);
    amble_scope_close(&scope);
}

static void a_cancelled_asker_leaves_its_command(void)
{
    amble_scope scope;
    asker a, again;

    controller_open(1, 27);
    amble_scope_open(&scope);
    start(&scope, &a, OPCODE_A, 1, 4);
    amble_cancel(a.task);
    settle();
    assert_int_equal(a.result, AMBLE_ERR_CANCELLED);
    say_complete(20, 0, NULL, 0);
    start(&scope, &again, OPCODE_A, 2, 1);
    assert_int_equal(unread(), 1); /* its place is still taken */
    say_complete(20, OPCODE_A, BYTES(0, 9, 9, 9, 9));
    settle();
    assert_false(again.done); /* the late answer is not its own */
    assert_int_equal(a.reply[0], 0);
    expect_command(OPCODE_A, 1);
    expect_command(OPCODE_A, 2);
    say_complete(20, OPCODE_A, BYTES(0, 5));
    settle();
    assert_int_equal(again.result, 0);
    assert_int_equal(again.reply[0], 5);
    assert_int_equal(amble_sleep_ms(5000), 0);
    assert_int_equal(controller.failures, 0);
    amble_scope_close(&scope);
}

static void cancelled_while_waiting_sends_nothing(void)
{
    amble_scope scope;
    asker a, b;

    controller_open(1, 27);
    amble_scope_open(&scope);
    start(&scope, &a, OPCODE_A, 1, 0);
    start(&scope, &b, OPCODE_B, 2, 0);
    amble_cancel(b.task);
    settle();
    assert_int_equal(b.result, AMBLE_ERR_CANCELLED);
    say_complete(20, OPCODE_A, BYTES(0));
    settle();
    assert_int_equal(unread(), 1);
    amble_scope_close(&scope);
}

static void silence_means_failed_once(void)
{
    amble_scope scope;
    asker a, b, waiting;

    controller_open(1, 27);
    say_complete(2, 0, NULL, 0);
    amble_scope_open(&scope);
    start(&scope, &a, OPCODE_A, 1, 0);
    assert_int_equal(amble_sleep_ms(10), 0);
    start(&scope, &b, OPCODE_B, 2, 0);
    start(&scope, &waiting, OPCODE_C, 3, 0);
    assert_int_equal(amble_sleep_ms(AMBLE__HCI_COMMAND_TIMEOUT_MS - 11), 0);
    watch_log(AMBLE_LOG_ERROR);
    assert_int_equal(controller.failures, 0);
    assert_int_equal(amble_sleep_ms(2), 0);
    assert_int_equal(controller.failures, 1);
    assert_int_equal(controller.failure, AMBLE_ERR_CONTROLLER);
    assert_int_equal(log_lines, 1);
    unwatch_log();
    settle();
    assert_int_equal(a.result, AMBLE_ERR_CONTROLLER);
    assert_int_equal(b.result, AMBLE_ERR_CONTROLLER);
    assert_int_equal(waiting.result, AMBLE_ERR_CONTROLLER);
    assert_int_equal(amble_sleep_ms(10000), 0);
    assert_int_equal(controller.failures, 1);
    start(&scope, &a, OPCODE_A, 1, 0);
    assert_int_equal(a.result, AMBLE_ERR_CONTROLLER); /* and so does every later call */
    assert_int_equal(unread(), 2);
    amble_scope_close(&scope);
}

static void a_cancelled_command_unanswered_is_silence_too(void)
{
    amble_scope scope;
    asker a;

    controller_open(1, 27);
    amble_scope_open(&scope);
    start(&scope, &a, OPCODE_A, 1, 0);
    amble_cancel(a.task);
    watch_log(AMBLE_LOG_ERROR);
    assert_int_equal(amble_sleep_ms(AMBLE__HCI_COMMAND_TIMEOUT_MS + 1), 0);
    unwatch_log();
    assert_int_equal(controller.failures, 1);
    amble_scope_close(&scope);
}

/* The whole machine stands still for longer than a controller may take; then the controller, which is on it, answers.
 * At a speed at which three seconds pass in 30 ms. */
static int be_frozen(void *arg)
{
    amble_scope scope;
    asker a, waiting;

    (void)arg;
    controller_open(1, 27);
    amble_scope_open(&scope);
    start(&scope, &a, OPCODE_A, 1, 0);
    start(&scope, &waiting, OPCODE_B, 2, 0);
    (void)nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
    assert_int_equal(amble_sleep_ms(10), 0);
    assert_int_equal(controller.failures, 0);
    say_complete(1, OPCODE_A, BYTES(0));
    settle();
    say_complete(1, OPCODE_B, BYTES(0));
    settle();
    assert_int_equal(a.result, 0);
    assert_int_equal(waiting.result, 0);
    amble_scope_close(&scope);
    close_what_is_tested();
    return 0;
}

static void a_frozen_machine_loses_no_controller(void **state)
{
    (void)state;
    assert_int_equal(amble_run(&(amble_run_options){.speed = 100}, be_frozen, NULL), 0);
}

static void a_hardware_error_ends_everything(void)
{
    amble_scope scope;
    asker a, b;

    controller_open(1, 27);
    amble_scope_open(&scope);
    start(&scope, &a, OPCODE_A, 1, 0);
    start(&scope, &b, OPCODE_B, 2, 0);
    watch_log(AMBLE_LOG_ERROR);
    say_event(AMBLE__EVENT_HARDWARE_ERROR, BYTES(0x42));
    say_event(AMBLE__EVENT_HARDWARE_ERROR, BYTES(0x42)); /* nothing is heard any more */
    unwatch_log();
    settle();
    assert_int_equal(log_lines, 1);
    assert_non_null(strstr(last_log_line, "0x42"));
    assert_int_equal(controller.failures, 1);
    assert_int_equal(a.result, AMBLE_ERR_CONTROLLER);
    assert_int_equal(b.result, AMBLE_ERR_CONTROLLER);
    amble_scope_close(&scope);
}

static void failure_reaches_a_task_that_was_just_let_in(void)
{
    amble_scope scope;
    asker a, b;

    controller_open(1, 27);
    amble_scope_open(&scope);
    start(&scope, &a, OPCODE_A, 1, 0);
    start(&scope, &b, OPCODE_B, 2, 0);
    say_complete(1, OPCODE_A, BYTES(0)); /* wakes the second, and before it runs: */
    amble__hci_fail(&controller.hci, AMBLE_ERR_CLOSED);
    assert_int_equal(amble_sleep_ms(5000), 0);
    assert_int_equal(a.result, 0); /* its wait had ended already */
    assert_true(b.done);
    assert_int_equal(b.result, AMBLE_ERR_CLOSED);
    assert_int_equal(unread(), 1);
    assert_int_equal(controller.failures, 0);
    amble_scope_close(&scope);
}

static void a_transport_that_does_not_take_it(void)
{
    controller_open(1, 27);
    controller.write_result = AMBLE_ERR_IO;
    assert_int_equal(amble__hci_command(&controller.hci, OPCODE_A, NULL, 0, NULL, 0), AMBLE_ERR_IO);
    assert_int_equal(controller.hci.command_credits, 1);
    assert_int_equal(amble_sleep_ms(5000), 0);
    assert_int_equal(controller.failures, 0); /* nothing was sent, so nothing is awaited */
    assert_int_equal(
        amble__hci_command(&controller.hci, OPCODE_A, controller.sent, AMBLE__HCI_PARAMETERS_MAX + 1, NULL, 0),
        AMBLE_ERR_ARGUMENT);
}

static void outside_tasks_nothing_waits(void **state)
{
    (void)state;
    controller_open(1, 27);
    assert_int_equal(amble__hci_command(&controller.hci, OPCODE_A, NULL, 0, NULL, 0), AMBLE_ERR_NO_TASK);
    assert_int_equal(controller.count, 0);
}

static void malformed(const uint8_t *packet, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1); /* so that AddressSanitizer sees a look beyond the end */

    assert_non_null(copy);
    if (size)
        memcpy(copy, packet, size);
    controller.hci.malformed = 0;
    amble__hci_receive(&controller.hci, copy, size);
    free(copy);
    if (controller.hci.malformed != 1)
        fail_msg("packet of %zu bytes starting with %02x %02x: counted %u times", size, packet[0],
                 size > 1 ? packet[1] : 0, (unsigned)controller.hci.malformed);
}

static void what_makes_no_sense_is_counted_and_dropped(void)
{
    controller_open(1, 27);
    malformed(BYTES(0x77));                               /* a packet of no kind */
    malformed(BYTES(0x01, 0x03, 0x0c, 0x00));             /* a command, from a controller */
    malformed(BYTES(0x04));                               /* an event without a header */
    malformed(BYTES(0x04, 0x0e));                         /* with half of one */
    malformed(BYTES(0x04, 0x0e, 0x04, 1, 1, 0x20));       /* shorter than it says */
    malformed(BYTES(0x04, 0x0e, 0x02, 1, 1, 0x20, 0));    /* longer than it says */
    malformed(BYTES(0x04, 0x0e, 0x02, 1, 1));             /* Command Complete without its opcode */
    malformed(BYTES(0x04, 0x0f, 0x03, 0, 1, 1));          /* Command Status likewise */
    malformed(BYTES(0x04, 0x0f, 0x00));                   /* and without anything */
    malformed(BYTES(0x04, 0x13, 0x00));                   /* Completed Packets without a count */
    malformed(BYTES(0x04, 0x13, 0x04, 1, 0x40, 0, 1));    /* without all of its handle */
    malformed(BYTES(0x04, 0x13, 0x05, 2, 0x40, 0, 1, 0)); /* with one handle of two */
    malformed(BYTES(0x02));
    malformed(BYTES(0x02, 0x40, 0x20, 0x00));
    malformed(BYTES(0x02, 0x40, 0x20, 0x02, 0x00, 1));       /* shorter than it says */
    malformed(BYTES(0x02, 0x40, 0x20, 0x02, 0x00, 1, 2, 3)); /* longer */
    assert_int_equal(controller.acl_packets, 0);
    assert_int_equal(controller.hci.command_credits, 1);
    amble__hci_receive(&controller.hci, controller.acl_data, 0);
    assert_int_equal(controller.events, 0);
}

static void other_events_and_data_are_handed_on(void)
{
    controller_open(1, 27);
    say_event(0x3e, BYTES(1, 2, 3));
    assert_int_equal(controller.events, 1);
    assert_int_equal(controller.event, 0x3e);
    assert_int_equal(controller.event_size, 3);
    say_acl(0x0abc, 2, BYTES(9, 8, 7));
    assert_int_equal(controller.acl_packets, 1);
    assert_int_equal(controller.acl_handle, 0x0abc);
    assert_int_equal(controller.acl_boundary, 2);
    assert_int_equal(controller.acl_size, 3);
    assert_memory_equal(controller.acl_data, ((uint8_t[]){9, 8, 7}), 3);
    say_acl(0x0001, 1, NULL, 0);
    assert_int_equal(controller.acl_size, 0);
    assert_int_equal(controller.hci.acl_received, 2);
    assert_int_equal(controller.hci.malformed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(no_credit_no_command),
        task_test(several_are_pending_and_answers_find_theirs),
        task_test(the_same_opcode_waits_for_its_answer),
        task_test(one_task_cannot_keep_the_others_out),
        task_test(waiting_commands_go_first_come_first_served),
        task_test(command_status_answers_too),
        task_test(replies_too_short_and_too_long),
        task_test(an_answer_nobody_asked_for_is_dropped),
        task_test(a_cancelled_asker_leaves_its_command),
        task_test(cancelled_while_waiting_sends_nothing),
        task_test(silence_means_failed_once),
        task_test(a_cancelled_command_unanswered_is_silence_too),
        cmocka_unit_test(a_frozen_machine_loses_no_controller),
        task_test(a_hardware_error_ends_everything),
        task_test(failure_reaches_a_task_that_was_just_let_in),
        task_test(a_transport_that_does_not_take_it),
        cmocka_unit_test(outside_tasks_nothing_waits),
        task_test(what_makes_no_sense_is_counted_and_dropped),
        task_test(other_events_and_data_are_handed_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
