/* Periodic advertising sync transfer with scripted controllers: what is told to whom and when, and that nothing stays
 * of what nobody waits for. */
#include <amble/periodic.h>

#include "gap/testing.h"

enum { SYNC = 7, OTHER_SYNC = 9, SET = 3, NUMBER = 0x1234, REPORTED = 2, IGNORED = 0 };

static amble_connection *conn;

static int meet(void *arg) { return amble_connect(ble, (amble_device){AMBLE_PUBLIC, {9}}, NULL, arg, 1000); }

/* A host with a link. */
static void begin(uint8_t transfers)
{
    const amble_config config = {.syncs = 2, .advertised_size = 100};
    amble_scope scope;

    scripted_reset();
    heard.extended = true;
    heard.features[1] = 0x20; /* LE Periodic Advertising */
    heard.features[3] = transfers;
    scripted_open(&config);
    amble_scope_open(&scope);
    amble_spawn(&scope, meet, &conn);
    settle_well();
    fake_connected(0, FAKE_HANDLE, true, 9);
    settle_well();
    fake_features(FAKE_HANDLE);
    assert_int_equal(amble_scope_wait(&scope, 1000), 0);
    amble_scope_close(&scope);
    heard.read = heard.count;
}
enum { SENDER = 1, RECIPIENT = 2 };

static void finish(void)
{
    amble_connection_close(conn);
    amble_close(ble);
}

typedef struct {
    amble_periodic periodic;
    amble_periodic_sender sender;
    int timeout_ms, result;
    bool done;
} job;

static int accepting(void *arg)
{
    job *j = arg;
    const amble_periodic_options options = {.skip = 2, .timeout_ms = 3000};

    j->result = amble_periodic_accept(conn, &j->periodic, &options, &j->sender, j->timeout_ms);
    j->done = true;
    return 0;
}

static amble_task *start(amble_scope *scope, job *j, int timeout_ms)
{
    amble_task *task;

    *j = (job){.timeout_ms = timeout_ms, .result = 77};
    task = amble_spawn(scope, accepting, j);
    settle_well();
    return task;
}

static void expect_mode(unsigned mode)
{
    const uint8_t *p = next_said(AMBLE__HCI_LE_SET_TRANSFER_PARAMETERS);

    assert_int_equal(amble__get_le16(p), FAKE_HANDLE);
    assert_int_equal(p[2], mode);
    if (mode == REPORTED)
        assert_memory_equal(p + 3, "\2\0\54\1\0", 5); /* skip, 3 s, any CTE */
    else
        assert_in_range(amble__get_le16(p + 5), 10, 0x4000); /* the least there is, though nobody looks at it */
}

static void tell(uint8_t status, uint8_t handle)
{
    fake_event(AMBLE__EVENT_LE_META,
               BYTES(AMBLE__LE_SYNC_TRANSFERRED, status, (uint8_t)FAKE_HANDLE, (uint8_t)(FAKE_HANDLE >> 8),
                     (uint8_t)NUMBER, (uint8_t)(NUMBER >> 8), handle, 0, SET, 1, 1, 2, 3, 4, 5, 0xc6, 1, 80, 0, 0));
    settle_well();
}

/* --- being told --------------------------------------------------------------------------------------------------- */
static void who_waits_is_told(void)
{
    static const uint8_t report[] = {AMBLE__LE_PERIODIC_REPORT, SYNC, 0, 0x7f, 0xc0, 0xff, 0, 2, 'h', 'i'};
    amble_periodic_report heard_report;
    amble_scope scope;
    job j;

    begin(RECIPIENT);
    amble_scope_open(&scope);
    start(&scope, &j, AMBLE_FOREVER);
    expect_mode(REPORTED);
    assert_false(j.done);
    tell(0, SYNC);
    assert_true(j.done);
    assert_int_equal(j.result, 0);
    assert_int_equal(j.sender.service_data, NUMBER);
    assert_int_equal(j.sender.set, SET);
    assert_true(amble_device_equal(j.sender.device, (amble_device){AMBLE_RANDOM, {1, 2, 3, 4, 5, 0xc6}}));
    expect_mode(IGNORED); /* nobody waits any more */
    fake_event(AMBLE__EVENT_LE_META, report, sizeof report);
    assert_int_equal(amble_periodic_next(&j.periodic, &heard_report, 10), 0);
    assert_memory_equal(heard_report.data, "hi", 2);
    amble_periodic_close(&j.periodic);
    settle_well();
    assert_int_equal(next_said(AMBLE__HCI_LE_PERIODIC_TERMINATE_SYNC)[0], SYNC);
    amble_scope_close(&scope);
    finish();
}

/* One after the other, with one place more taken than there are. */
static void several_wait(void)
{
    amble_scope scope;
    job first, second, third;

    begin(RECIPIENT);
    amble_scope_open(&scope);
    start(&scope, &first, AMBLE_FOREVER);
    start(&scope, &second, AMBLE_FOREVER);
    start(&scope, &third, AMBLE_FOREVER);
    assert_int_equal(third.result, AMBLE_ERR_BUSY);
    expect_mode(REPORTED);
    tell(0, SYNC);
    assert_true(first.done && !second.done);
    expect_mode(REPORTED); /* as the second one wants it */
    tell(0, OTHER_SYNC);
    assert_true(second.done);
    expect_mode(IGNORED);
    amble_periodic_close(&first.periodic);
    amble_periodic_close(&second.periodic);
    amble_scope_close(&scope);
    finish();
}

/* Whatever ends the wait: the controller is told, and what comes too late is ended. */
static void giving_up_leaves_nothing(void)
{
    for (int how = 0; how < 3; how++) {
        amble_task *task;
        amble_scope scope;
        job j;

        begin(RECIPIENT);
        amble_scope_open(&scope);
        task = start(&scope, &j, how == 0 ? 50 : AMBLE_FOREVER);
        expect_mode(REPORTED);
        if (how == 0)
            assert_int_equal(amble_sleep_ms(60), 0);
        else if (how == 1)
            amble_cancel(task);
        else
            tell(0x3e, 0);
        settle_well();
        assert_int_equal(j.result, how == 0 ? AMBLE_ERR_TIMEOUT : how == 1 ? AMBLE_ERR_CANCELLED : AMBLE_ERR_HCI(0x3e));
        expect_mode(IGNORED);
        tell(0, SYNC);
        assert_int_equal(next_said(AMBLE__HCI_LE_PERIODIC_TERMINATE_SYNC)[0], SYNC);
        amble_scope_close(&scope);
        finish();
    }
}

static void a_lost_link_ends_the_wait(void)
{
    amble_scope scope;
    job j;

    begin(RECIPIENT);
    amble_scope_open(&scope);
    start(&scope, &j, AMBLE_FOREVER);
    fake_disconnected(FAKE_HANDLE, 0x08);
    settle_well();
    assert_int_equal(j.result, AMBLE_ERR_DISCONNECTED);
    tell(0, SYNC); /* it was on its way */
    assert_int_equal(next_said(AMBLE__HCI_LE_PERIODIC_TERMINATE_SYNC)[0], SYNC);
    assert_int_equal(amble_periodic_accept(conn, &j.periodic, NULL, NULL, 10), AMBLE_ERR_DISCONNECTED);
    amble_scope_close(&scope);
    finish();
}

static void refusals(void)
{
    const amble_periodic_options wrong = {.timeout_ms = 99};
    amble_scope scope;
    job j;

    begin(SENDER);
    assert_int_equal(amble_periodic_accept(conn, &j.periodic, NULL, NULL, 10), AMBLE_ERR_UNSUPPORTED);
    finish();
    begin(RECIPIENT);
    assert_int_equal(amble_periodic_accept(conn, &j.periodic, &wrong, NULL, 10), AMBLE_ERR_ARGUMENT);
    fake_refuse(AMBLE__HCI_LE_SET_TRANSFER_PARAMETERS, 0x12);
    amble_scope_open(&scope);
    start(&scope, &j, AMBLE_FOREVER);
    assert_int_equal(j.result, AMBLE_ERR_HCI(0x12));
    fake_refuse(AMBLE__HCI_LE_SET_TRANSFER_PARAMETERS, 0);
    fake_event(AMBLE__EVENT_LE_META, BYTES(AMBLE__LE_SYNC_TRANSFERRED, 0, 1)); /* cut */
    settle_well();
    assert_int_equal(ble->gap.malformed, 1);
    amble_scope_close(&scope);
    finish();
}

/* --- telling ------------------------------------------------------------------------------------------------------ */
static int open_sync(void *arg)
{
    job *j = arg;

    j->result =
        amble_periodic_open(ble, &j->periodic, (amble_device){AMBLE_RANDOM, {1, 2, 3, 4, 5, 0xc6}}, SET, NULL, 1000);
    return 0;
}

static void follow(job *j)
{
    amble_scope scope;

    amble_scope_open(&scope);
    amble_spawn(&scope, open_sync, j);
    settle_well();
    fake_event(AMBLE__EVENT_LE_META,
               BYTES(AMBLE__LE_SYNC_ESTABLISHED, 0, SYNC, 0, SET, 1, 1, 2, 3, 4, 5, 0xc6, 1, 80, 0, 0));
    settle_well();
    assert_int_equal(j->result, 0);
    amble_scope_close(&scope);
}

static void a_listener_tells(void)
{
    job j;

    begin(SENDER);
    follow(&j);
    assert_int_equal(amble_periodic_transfer(&j.periodic, conn, NUMBER, 1000), 0);
    assert_memory_equal(next_said(AMBLE__HCI_LE_TRANSFER_SYNC),
                        ((uint8_t[]){(uint8_t)FAKE_HANDLE, (uint8_t)(FAKE_HANDLE >> 8), 0x34, 0x12, SYNC, 0}), 6);
    fake_refuse(AMBLE__HCI_LE_TRANSFER_SYNC, 0x1a);
    assert_int_equal(amble_periodic_transfer(&j.periodic, conn, NUMBER, 1000), AMBLE_ERR_HCI(0x1a));
    fake_refuse(AMBLE__HCI_LE_TRANSFER_SYNC, 0);
    fake_event(AMBLE__EVENT_LE_META, BYTES(AMBLE__LE_SYNC_LOST, SYNC, 0));
    settle_well();
    assert_int_equal(amble_periodic_transfer(&j.periodic, conn, NUMBER, 1000), AMBLE_ERR_DISCONNECTED);
    amble_periodic_close(&j.periodic);
    assert_int_equal(amble_periodic_transfer(&j.periodic, conn, NUMBER, 1000), AMBLE_ERR_STALE);
    finish();
    begin(RECIPIENT);
    follow(&j);
    assert_int_equal(amble_periodic_transfer(&j.periodic, conn, NUMBER, 1000), AMBLE_ERR_UNSUPPORTED);
    amble_periodic_close(&j.periodic);
    finish();
}

/* What is not on the air yet, is told of when it is. */
static void a_sender_tells(void)
{
    const amble_advertise_options plain = {.extended = true, .not_connectable = true, .no_name = true};
    amble_advertise_options periodic = plain;
    amble_advertiser a;

    periodic.periodic_interval_us = 100000;
    begin(SENDER);
    assert_int_equal(amble_advertise_open(ble, &a, &plain), 0);
    assert_int_equal(amble_periodic_transfer_own(&a, conn, NUMBER, 1000), AMBLE_ERR_ARGUMENT);
    amble_advertise_close(&a);
    assert_int_equal(amble_periodic_transfer_own(&a, conn, NUMBER, 1000), AMBLE_ERR_STALE);
    settle_well();
    heard.read = heard.count;
    assert_int_equal(amble_advertise_open(ble, &a, &periodic), 0);
    assert_int_equal(amble_periodic_transfer_own(&a, conn, NUMBER, 1000), 0);
    assert_int_equal(next_said(AMBLE__HCI_LE_SET_PERIODIC_ENABLE)[0], 1);
    assert_int_equal(next_said(AMBLE__HCI_LE_SET_EXTENDED_ENABLE)[0], 1);
    assert_memory_equal(next_said(AMBLE__HCI_LE_TRANSFER_SET),
                        ((uint8_t[]){(uint8_t)FAKE_HANDLE, (uint8_t)(FAKE_HANDLE >> 8), 0x34, 0x12, 0}), 5);
    assert_int_equal(amble_periodic_transfer_own(&a, conn, NUMBER, 1000), 0); /* at once, now */
    amble_advertise_close(&a);
    settle_well();
    fake_refuse(AMBLE__HCI_LE_SET_PERIODIC_ENABLE, 0x07);
    assert_int_equal(amble_advertise_open(ble, &a, &periodic), 0);
    assert_int_equal(amble_periodic_transfer_own(&a, conn, NUMBER, 1000), AMBLE_ERR_HCI(0x07));
    amble_advertise_close(&a);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(who_waits_is_told),
        task_test(several_wait),
        task_test(giving_up_leaves_nothing),
        task_test(a_lost_link_ends_the_wait),
        task_test(refusals),
        task_test(a_listener_tells),
        task_test(a_sender_tells),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
