/* Periodic advertising with scripted controllers: what senders say, how a synchronisation comes about, ends, and is
 * given up at each point. */
#include <amble/periodic.h>

#include "gap/testing.h"

enum { HANDLE = 7, SET = 3, OTHER = 9 };

static const amble_device peer = {.type = AMBLE_RANDOM, .bytes = {1, 2, 3, 4, 5, 0xc6}};

static void begin(const amble_config *config)
{
    scripted_reset();
    heard.extended = true;
    heard.features[1] = 0x20; /* LE Periodic Advertising */
    scripted_open(config);
}

/* --- sending ------------------------------------------------------------------------------------------------------ */
static const amble_advertise_options sender = {
    .extended = true, .not_connectable = true, .periodic_interval_us = 100000, .no_name = true};

static amble_advertiser shared;

static void data_is_sent_and_replaced(void)
{
    uint8_t data[300] = {1, 2, 3};
    amble_advertiser a;

    begin(&(amble_config){.advertised_size = 300});
    assert_int_equal(amble_advertise_open(ble, &a, &sender), 0);
    assert_int_equal(amble_periodic_send(&a, data, 301, 1000), AMBLE_ERR_TOO_LONG);
    assert_int_equal(amble_periodic_send(&a, data, 300, 1000), 0); /* before it is on the air: in pieces */
    settle_well();
    assert_memory_equal(next_said(AMBLE__HCI_LE_SET_PERIODIC_PARAMETERS), "\0\120\0\120\0\0\0", 7);
    assert_memory_equal(next_said(AMBLE__HCI_LE_SET_PERIODIC_DATA), "\0\1\373\1\2\3", 6);
    assert_memory_equal(next_said(AMBLE__HCI_LE_SET_PERIODIC_DATA), "\0\2\61", 3);
    assert_memory_equal(next_said(AMBLE__HCI_LE_SET_PERIODIC_ENABLE), "\1\0", 2);
    assert_int_equal(next_said(AMBLE__HCI_LE_SET_EXTENDED_ENABLE)[0], 1);
    assert_int_equal(amble_periodic_send(&a, "new", 3, 1000), 0);
    assert_memory_equal(next_said(AMBLE__HCI_LE_SET_PERIODIC_DATA), "\0\3\3new", 6);
    fake_refuse(AMBLE__HCI_LE_SET_PERIODIC_DATA, 0x0c);
    assert_int_equal(amble_periodic_send(&a, "bad", 3, 1000), AMBLE_ERR_HCI(0x0c));
    fake_refuse(AMBLE__HCI_LE_SET_PERIODIC_DATA, 0);
    amble_advertise_close(&a);
    settle_well();
    assert_memory_equal(next_said(AMBLE__HCI_LE_SET_PERIODIC_ENABLE), "\0\0", 2);
    assert_int_equal(next_said(AMBLE__HCI_LE_SET_EXTENDED_ENABLE)[0], 0);
    assert_int_equal(amble_periodic_send(&a, "x", 1, 1000), AMBLE_ERR_STALE);
    amble_close(ble);
}

/* In several commands only while it is off the air; whatever becomes of the data, it is on again. */
static void long_data_is_replaced_off_the_air(void)
{
    uint8_t data[300] = {7};
    amble_advertiser a;

    begin(&(amble_config){.advertised_size = 300});
    assert_int_equal(amble_advertise_open(ble, &a, &sender), 0);
    settle_well();
    assert_int_equal(next_said(AMBLE__HCI_LE_SET_PERIODIC_ENABLE)[0], 1);
    assert_int_equal(amble_periodic_send(&a, data, 251, 1000), 0);
    assert_memory_equal(next_said(AMBLE__HCI_LE_SET_PERIODIC_DATA), "\0\3\373\7", 4);
    assert_false(says(AMBLE__HCI_LE_SET_PERIODIC_ENABLE));
    assert_int_equal(amble_periodic_send(&a, data, 252, 1000), 0);
    assert_memory_equal(next_said(AMBLE__HCI_LE_SET_PERIODIC_ENABLE), "\0\0", 2);
    assert_memory_equal(next_said(AMBLE__HCI_LE_SET_PERIODIC_DATA), "\0\1\373\7", 4);
    assert_memory_equal(next_said(AMBLE__HCI_LE_SET_PERIODIC_DATA), "\0\2\1", 3);
    assert_memory_equal(next_said(AMBLE__HCI_LE_SET_PERIODIC_ENABLE), "\1\0", 2);
    fake_refuse(AMBLE__HCI_LE_SET_PERIODIC_DATA, 0x07);
    assert_int_equal(amble_periodic_send(&a, data, 300, 1000), AMBLE_ERR_HCI(0x07));
    assert_int_equal(next_said(AMBLE__HCI_LE_SET_PERIODIC_ENABLE)[0], 0);
    assert_int_equal(next_said(AMBLE__HCI_LE_SET_PERIODIC_ENABLE)[0], 1);
    fake_refuse(AMBLE__HCI_LE_SET_PERIODIC_DATA, 0);
    fake_refuse(AMBLE__HCI_LE_SET_PERIODIC_ENABLE, 0x0c);
    assert_int_equal(amble_periodic_send(&a, data, 300, 1000), AMBLE_ERR_HCI(0x0c)); /* it stays as it was */
    assert_int_equal(next_said(AMBLE__HCI_LE_SET_PERIODIC_ENABLE)[0], 0);
    fake_refuse(AMBLE__HCI_LE_SET_PERIODIC_ENABLE, 0);
    amble_advertise_close(&a);
    settle_well();
    amble_close(ble);
}

static int send_long(void *arg)
{
    static const uint8_t data[300] = {8};

    *(int *)arg = amble_periodic_send(&shared, data, sizeof data, AMBLE_FOREVER);
    return 0;
}

/* The advertiser is closed while its data is off the air: it does not come back. */
static void closed_while_its_data_is_off_the_air(void)
{
    amble_scope scope;
    int result = 1;

    begin(&(amble_config){.advertised_size = 300});
    assert_int_equal(amble_advertise_open(ble, &shared, &sender), 0);
    settle_well();
    amble_scope_open(&scope);
    fake.held = AMBLE__HCI_LE_SET_PERIODIC_DATA;
    amble_spawn(&scope, send_long, &result);
    settle_well();
    heard.read = heard.count;
    amble_advertise_close(&shared);
    settle_well();
    assert_int_equal(result, AMBLE_ERR_STALE);
    fake.held = 0;
    fake_answer(AMBLE__HCI_LE_SET_PERIODIC_DATA);
    settle_well();
    assert_false(says(AMBLE__HCI_LE_SET_PERIODIC_ENABLE));
    assert_int_equal(next_said(AMBLE__HCI_LE_SET_EXTENDED_ENABLE)[0], 0);
    amble_scope_close(&scope);
    amble_close(ble);
}

static void what_cannot_be_periodic_is_refused(void)
{
    const amble_advertise_options refused[] = {
        {.periodic_interval_us = 100000},
        {.extended = true, .periodic_interval_us = 100000},
        {.extended = true, .not_connectable = true, .periodic_interval_us = 7499},
        {.extended = true, .not_connectable = true, .anonymous = true, .periodic_interval_us = 100000}};
    amble_advertiser a;

    begin(NULL);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_int_equal(amble_advertise_open(ble, &a, &refused[i]), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_advertise_open(ble, &a, NULL), 0);
    assert_int_equal(amble_periodic_send(&a, "x", 1, 1000), AMBLE_ERR_ARGUMENT);
    amble_advertise_close(&a);
    settle_well();
    fake_refuse(AMBLE__HCI_LE_SET_PERIODIC_PARAMETERS, 0x11);
    assert_int_equal(amble_advertise_open(ble, &a, &sender), 0);
    assert_int_equal(amble_periodic_send(&a, "x", 1, 1000), AMBLE_ERR_HCI(0x11));
    amble_close(ble);
}

/* --- listening ---------------------------------------------------------------------------------------------------- */
typedef struct {
    amble_periodic periodic;
    amble_periodic_options options;
    amble_periodic_report report;
    int timeout_ms, result;
    bool done;
} job;

static int open_one(void *arg)
{
    job *j = arg;

    j->result = amble_periodic_open(ble, &j->periodic, peer, SET, &j->options, j->timeout_ms);
    j->done = true;
    return 0;
}
static int take_one(void *arg)
{
    job *j = arg;

    j->result = amble_periodic_next(&j->periodic, &j->report, j->timeout_ms);
    j->done = true;
    return 0;
}
static amble_task *start(amble_scope *scope, int (*function)(void *arg), job *j)
{
    amble_task *task;

    j->done = false;
    task = amble_spawn_named(scope, "test", function, j);
    settle_well();
    return task;
}

static void say_established(uint8_t status, uint8_t handle)
{
    fake_event(AMBLE__EVENT_LE_META,
               BYTES(AMBLE__LE_SYNC_ESTABLISHED, status, handle, 0, SET, 1, 1, 2, 3, 4, 5, 0xc6, 1, 80, 0, 0));
    settle_well();
}
static void say_report(uint8_t handle, uint8_t status, const char *text)
{
    uint8_t event[64] = {AMBLE__LE_PERIODIC_REPORT, handle, 0, 0x7f, 0xc0, 0xff, status, (uint8_t)strlen(text)};

    memcpy(event + 8, text, strlen(text));
    fake_event(AMBLE__EVENT_LE_META, event, 8 + strlen(text));
}
enum { WHOLE, MORE, CUT };

static void expect_report(job *j, const char *text)
{
    assert_int_equal(amble_periodic_next(&j->periodic, &j->report, 10), 0);
    assert_int_equal(j->report.size, strlen(text));
    assert_memory_equal(j->report.data, text, strlen(text));
}

static void reports_come_in_order(void)
{
    job j = {.timeout_ms = 1000, .options = {.skip = 2, .timeout_ms = 1000}}, other = j;
    amble_scope scope;

    begin(&(amble_config){.scanned_size = 62});
    amble_scope_open(&scope);
    start(&scope, open_one, &j);
    assert_memory_equal(next_said(AMBLE__HCI_LE_SET_EXTENDED_SCAN_ENABLE), "\1",
                        1); /* a controller finds it by scanning */
    assert_memory_equal(next_said(AMBLE__HCI_LE_PERIODIC_CREATE_SYNC), "\0\3\1\1\2\3\4\5\306\2\0\144\0\0", 14);
    say_established(0, HANDLE);
    assert_true(j.done);
    assert_int_equal(j.result, 0);
    assert_memory_equal(next_said(AMBLE__HCI_LE_SET_EXTENDED_SCAN_ENABLE), "\0", 1);
    start(&scope, open_one, &other);
    assert_int_equal(other.result, AMBLE_ERR_BUSY); /* amble_config.syncs */
    say_report(HANDLE, WHOLE, "one");
    say_report(OTHER, WHOLE, "not ours");
    say_report(HANDLE, MORE, "t");
    say_report(HANDLE, WHOLE, "wo");
    settle();
    expect_report(&j, "one");
    assert_int_equal(j.report.rssi, -64);
    expect_report(&j, "two");
    start(&scope, take_one, &j);
    assert_int_equal(amble_periodic_next(&j.periodic, &other.report, 10), AMBLE_ERR_BUSY);
    say_report(HANDLE, CUT, "cut");
    settle();
    assert_true(j.done && j.result == 0 && j.report.truncated);
    for (int i = 0; i < 6; i++)
        say_report(HANDLE, WHOLE, (const char *[]){"a", "b", "c", "d", "e", "f"}[i]);
    settle();
    expect_report(&j, "c"); /* the latest four */
    assert_int_equal(j.report.dropped, 2);
    expect_report(&j, "d");
    assert_int_equal(j.report.dropped, 0);
    say_report(HANDLE, MORE, "0123456789012345678901234567890123456789");
    say_report(HANDLE, WHOLE, "0123456789012345678901234567890123456789");
    fake_event(AMBLE__EVENT_LE_META, BYTES(AMBLE__LE_SYNC_LOST, HANDLE, 0));
    settle();
    expect_report(&j, "e");
    expect_report(&j, "f");
    expect_report(&j, "01234567890123456789012345678901234567890123456789012345678901");
    assert_true(j.report.truncated);
    assert_int_equal(amble_periodic_next(&j.periodic, &j.report, 10), AMBLE_ERR_DISCONNECTED);
    amble_periodic_close(&j.periodic);
    settle_well();
    assert_false(says(AMBLE__HCI_LE_PERIODIC_TERMINATE_SYNC)); /* it is gone already */
    assert_int_equal(amble_periodic_next(&j.periodic, &j.report, 10), AMBLE_ERR_STALE);
    amble_periodic_close(&j.periodic);
    amble_periodic_close(NULL);
    amble_scope_close(&scope);
    amble_close(ble);
}

static void closing_ends_it(void)
{
    job j = {.timeout_ms = 1000};
    amble_scope scope;

    begin(NULL);
    amble_scope_open(&scope);
    start(&scope, open_one, &j);
    say_established(0, HANDLE);
    j.timeout_ms = AMBLE_FOREVER;
    start(&scope, take_one, &j);
    amble_periodic_close(&j.periodic);
    settle_well();
    assert_int_equal(j.result, AMBLE_ERR_STALE);
    assert_memory_equal(next_said(AMBLE__HCI_LE_PERIODIC_TERMINATE_SYNC), "\7\0", 2);
    start(&scope, open_one, &j);
    say_established(0, HANDLE);
    assert_int_equal(j.result, 0);
    start(&scope, take_one, &j);
    amble_close(ble);
    settle_well();
    assert_int_equal(j.result, AMBLE_ERR_CLOSED);
    amble_scope_close(&scope);
}

/* Given up before the command, while it is answered, and while the sender is looked for; the next one works at once. */
static void giving_up_leaves_nothing(void)
{
    job j = {.timeout_ms = AMBLE_FOREVER}, next = {.timeout_ms = AMBLE_FOREVER};
    amble_scope scope;
    amble_task *task;

    begin(NULL);
    amble_scope_open(&scope);
    for (int late = 0; late < 2; late++) {
        task = start(&scope, open_one, &j);
        (void)next_said(AMBLE__HCI_LE_PERIODIC_CREATE_SYNC);
        amble_cancel(task);
        settle_well();
        assert_int_equal(j.result, AMBLE_ERR_CANCELLED);
        (void)next_said(AMBLE__HCI_LE_PERIODIC_CREATE_SYNC_CANCEL);
        start(&scope, open_one, &next);
        assert_false(says(AMBLE__HCI_LE_PERIODIC_CREATE_SYNC)); /* the first is still being given up */
        say_established(late ? 0 : 0x44, OTHER);                /* or it came about in spite of that */
        (void)next_said(late ? AMBLE__HCI_LE_PERIODIC_TERMINATE_SYNC : AMBLE__HCI_LE_PERIODIC_CREATE_SYNC);
        if (late)
            (void)next_said(AMBLE__HCI_LE_PERIODIC_CREATE_SYNC);
        say_established(0, HANDLE);
        assert_int_equal(next.result, 0);
        amble_periodic_close(&next.periodic);
        settle_well();
        (void)next_said(AMBLE__HCI_LE_PERIODIC_TERMINATE_SYNC);
    }
    amble_scope_close(&scope);
    amble_close(ble);
}

static void refusals_and_nonsense(void)
{
    job j = {.timeout_ms = 1000};
    uint64_t malformed;
    amble_scope scope;

    begin(NULL);
    amble_scope_open(&scope);
    j.options.timeout_ms = 99;
    start(&scope, open_one, &j);
    assert_int_equal(j.result, AMBLE_ERR_ARGUMENT);
    j.options = (amble_periodic_options){.skip = 500};
    start(&scope, open_one, &j);
    assert_int_equal(j.result, AMBLE_ERR_ARGUMENT);
    j.options.skip = 0;
    fake_refuse(AMBLE__HCI_LE_PERIODIC_CREATE_SYNC, 0x0b);
    start(&scope, open_one, &j);
    assert_int_equal(j.result, AMBLE_ERR_HCI(0x0b));
    fake_refuse(AMBLE__HCI_LE_PERIODIC_CREATE_SYNC, 0);
    start(&scope, open_one, &j);
    say_established(0x3e, 0); /* its first packets did not come */
    assert_int_equal(j.result, AMBLE_ERR_HCI(0x3e));
    malformed = amble_read_statistics(ble).malformed;
    say_established(0, HANDLE); /* nobody asked */
    fake_event(AMBLE__EVENT_LE_META, BYTES(AMBLE__LE_PERIODIC_REPORT, HANDLE, 0, 0, 0, 0, 0, 9, 1));
    fake_event(AMBLE__EVENT_LE_META, BYTES(AMBLE__LE_SYNC_LOST, HANDLE));
    fake_event(AMBLE__EVENT_LE_META, BYTES(AMBLE__LE_SYNC_LOST, HANDLE, 0));
    settle();
    assert_int_equal(amble_read_statistics(ble).malformed, malformed + 3);
    amble_scope_close(&scope);
    amble_close(ble);
    scripted_reset();
    scripted_open(NULL);
    assert_int_equal(amble_periodic_open(ble, &j.periodic, peer, SET, NULL, 10), AMBLE_ERR_UNSUPPORTED);
    amble_close(ble);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(data_is_sent_and_replaced),
        task_test(long_data_is_replaced_off_the_air),
        task_test(closed_while_its_data_is_off_the_air),
        task_test(what_cannot_be_periodic_is_refused),
        task_test(reports_come_in_order),
        task_test(closing_ends_it),
        task_test(giving_up_leaves_nothing),
        task_test(refusals_and_nonsense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
