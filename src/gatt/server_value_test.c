/* Tests of what a server sends unasked: notifications, indications, updates of everybody who subscribed, and who is
 * left out when. */
#include "gatt/testing.h"

static amble_connection *conn, *other;

/* Two links, and what the first and the second subscribe to. */
static void begin_on(uint16_t buffers, uint8_t first, uint8_t second)
{
    gatt_open_on(MANY_BUFFERS);
    assert_int_equal(amble_serve(ble, &battery), 0);
    conn = link_open(HANDLE, false);
    other = link_open(HANDLE + 1, false);
    ask(conn, 0x52, LEVEL_CCCD, 0, first, 0);
    ask(other, 0x52, LEVEL_CCCD, 0, second, 0);
    amble__acl_configure(&controller.hci, buffers, LARGE_BUFFER);
}
static void begin(uint8_t first, uint8_t second) { begin_on(MANY_BUFFERS, first, second); }

static void notifying(void)
{
    begin(1, 0);
    assert_int_equal(amble_notify(conn, &level, "x", 1, 0), 0);
    answer(conn, 0x1b, LEVEL, 0, 'x');
    assert_int_equal(amble_notify(conn, &level, NULL, 0, 0), 0); /* the value */
    answer(conn, 0x1b, LEVEL, 0, 50);
    assert_int_equal(amble_notify(conn, &level, "", 0, 0), 0);
    answer(conn, 0x1b, LEVEL, 0);
    assert_int_equal(amble_notify(conn, &level, text_start, 20, 0), 0);
    assert_int_equal(next_sent()->size, 9 + 23);
    assert_int_equal(amble_notify(conn, &level, text_start, 21, 0), AMBLE_ERR_TOO_LONG);
    assert_int_equal(amble_notify(other, &level, "x", 1, 0), AMBLE_ERR_NOT_SUBSCRIBED);
    assert_int_equal(amble_notify(conn, &text, "x", 1, 0), AMBLE_ERR_UNSUPPORTED);
    assert_int_equal(amble_notify(conn, &command, "x", 1, 0), AMBLE_ERR_NOT_FOUND);
    assert_int_equal(amble_indicate(conn, &level, "x", 1, 0), AMBLE_ERR_NOT_SUBSCRIBED);
    assert_int_equal(amble_indicate(conn, &text, "x", 1, 0), AMBLE_ERR_UNSUPPORTED);
    link_lose(conn);
    assert_int_equal(amble_notify(conn, &level, "x", 1, AMBLE_FOREVER), AMBLE_ERR_DISCONNECTED);
    expect_nothing();
}

static int notify_for_ever(void *arg)
{
    (void)arg;
    return amble_notify(conn, &level, "z", 1, AMBLE_FOREVER);
}

static void notifying_waits_for_room(void)
{
    amble_task *task;
    amble_scope scope;

    begin_on(1, 1, 0);
    link_close(other);                      /* a link that is alone may have all packets */
    for (int i = 0; i < TEST_POOL + 1; i++) /* one is with the controller */
        assert_int_equal(amble_notify(conn, &level, "x", 1, 0), 0);
    assert_int_equal(amble_notify(conn, &level, "x", 1, 0), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_notify(conn, &level, "x", 1, 10), AMBLE_ERR_TIMEOUT);
    amble_scope_open(&scope);
    task = amble_spawn(&scope, notify_for_ever, NULL);
    assert_int_equal(amble_sleep_ms(1000), 0);
    say_completed_packets(HANDLE, 1);
    assert_int_equal(amble_join(task, 10), 0);
    task = amble_spawn(&scope, notify_for_ever, NULL);
    settle();
    link_lose(conn);
    assert_int_equal(amble_join(task, 10), AMBLE_ERR_DISCONNECTED);
    amble_scope_close(&scope);
}

static void what_is_not_wanted_any_more_after_a_wait_is_not_sent(void)
{
    amble_task *task;
    amble_scope scope;

    begin_on(1, 1, 0);
    link_close(other);
    for (int i = 0; i < TEST_POOL + 1; i++)
        assert_int_equal(amble_notify(conn, &level, "x", 1, 0), 0);
    amble_scope_open(&scope);
    for (int i = 0; i < 2; i++) {
        task = amble_spawn(&scope, notify_for_ever, NULL);
        settle();
        if (i == 0)
            ask(conn, 0x52, LEVEL_CCCD, 0, 0, 0);
        else
            assert_int_equal(amble_unserve(ble, &battery), 0);
        say_completed_packets(HANDLE, 1);
        assert_int_equal(amble_join(task, 10), AMBLE_ERR_NOT_SUBSCRIBED);
        if (i == 0) {
            ask(conn, 0x52, LEVEL_CCCD, 0, 1, 0);
            assert_int_equal(amble_notify(conn, &level, "x", 1, 0), 0); /* the packet is there for others */
        }
    }
    say_completed_packets(HANDLE, 1);
    for (int i = 0; i < 4; i++)
        answer(conn, 0x1b, LEVEL, 0, 'x');
    expect_nothing();
    amble_scope_close(&scope);
}

typedef struct {
    int timeout_ms, result;
    bool done, update;
    uint8_t value;
    amble_task *task;
} teller;

static int telling(void *arg)
{
    teller *t = arg;

    t->result = t->update ? amble_update(ble, &level, &t->value, 1, t->timeout_ms)
                          : amble_indicate(conn, &level, &t->value, 1, t->timeout_ms);
    t->done = true;
    return 0;
}

static void start(amble_scope *scope, teller *t, bool update, uint8_t value, int timeout_ms)
{
    *t = (teller){.update = update, .value = value, .timeout_ms = timeout_ms, .result = 77};
    t->task = amble_spawn(scope, telling, t);
    settle();
}

static void indicating(void)
{
    amble_scope scope;
    teller a, b;

    begin(2, 0);
    amble_scope_open(&scope);
    start(&scope, &a, false, 1, 100);
    start(&scope, &b, false, 2, AMBLE_FOREVER);
    answer(conn, 0x1d, LEVEL, 0, 1);
    assert_int_equal(amble_sleep_ms(200), 0);
    assert_int_equal(a.result, AMBLE_ERR_TIMEOUT);
    expect_nothing(); /* the confirmation is still owed */
    ask(conn, 0x1e);
    settle();
    answer(conn, 0x1d, LEVEL, 0, 2);
    assert_false(b.done);
    ask(conn, 0x1e);
    settle();
    assert_int_equal(b.result, 0);
    assert_int_equal(amble_notify(conn, &level, "x", 1, 0), AMBLE_ERR_NOT_SUBSCRIBED);
    amble_scope_close(&scope);
}

static void updating_tells_everybody(void)
{
    uint8_t buffer[4];
    amble_scope scope;
    teller a;

    begin(1, 2);
    amble_scope_open(&scope);
    start(&scope, &a, true, 7, AMBLE_FOREVER);
    assert_int_equal(amble_local_read(ble, &level, buffer, sizeof buffer), 1);
    assert_int_equal(buffer[0], 7);
    answer(conn, 0x1b, LEVEL, 0, 7);
    answer(other, 0x1d, LEVEL, 0, 7);
    assert_false(a.done);
    ask(other, 0x1e);
    settle();
    assert_int_equal(a.result, 2);
    begin(0, 0);
    assert_int_equal(amble_update(ble, &level, "x", 1, AMBLE_FOREVER), 0);
    expect_nothing();
    assert_int_equal(amble_update(ble, &level, text_start, 21, 0), AMBLE_ERR_TOO_LONG);
    assert_int_equal(amble_update(ble, &command, "x", 1, 0), AMBLE_ERR_NOT_FOUND);
    amble_scope_close(&scope);
}

static void updating_notifies_whoever_wants_both(void)
{
    begin(3, 0);
    assert_int_equal(amble_update(ble, &level, "x", 1, 0), 1);
    answer(conn, 0x1b, LEVEL, 0, 'x');
    expect_nothing();
}

static void an_update_without_time(void)
{
    begin(2, 1);
    assert_int_equal(amble_update(ble, &level, "a", 1, 0), 2); /* the indication is on its way */
    answer(conn, 0x1d, LEVEL, 0, 'a');
    answer(other, 0x1b, LEVEL, 0, 'a');
    assert_int_equal(amble_update(ble, &level, "b", 1, 0), 1); /* its turn is not free: left out */
    answer(other, 0x1b, LEVEL, 0, 'b');
    expect_nothing();
    ask(conn, 0x1e);
    assert_int_equal(amble_update(ble, &level, "c", 1, 0), 2);
    answer(conn, 0x1d, LEVEL, 0, 'c');
}

static void an_update_is_bounded_as_a_whole(void)
{
    begin(2, 2);
    assert_int_equal(amble_update(ble, &level, "a", 1, 100), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_now_us(), 100000);
    answer(conn, 0x1d, LEVEL, 0, 'a');
}

static void a_central_that_leaves_meanwhile_is_left_out(void)
{
    amble_scope scope;
    teller a;

    begin(2, 1);
    amble_scope_open(&scope);
    start(&scope, &a, true, 7, AMBLE_FOREVER);
    answer(conn, 0x1d, LEVEL, 0, 7);
    link_lose(conn);
    settle();
    answer(other, 0x1b, LEVEL, 0, 7);
    assert_int_equal(a.result, 1);
    amble_scope_close(&scope);
}

static void an_update_longer_than_the_mtu_is_cut(void)
{
    uint8_t expected[23] = {0x1b, 3};
    const amble_characteristic large = {.uuid = &text_uuid, .read = true, .notify = true, .max_size = 60};
    const amble_service service = {.uuid = &battery_uuid, .characteristics = AMBLE_LIST(&large)};

    gatt_open();
    assert_int_equal(amble_serve(ble, &service), 0);
    conn = link_open(HANDLE, false);
    ask(conn, 0x52, 4, 0, 1, 0);
    assert_int_equal(amble_update(ble, &large, text_start, 40, 0), 1);
    memcpy(expected + 3, text_start, 20);
    expect_att(conn, expected, 23);
    assert_int_equal(amble_notify(conn, &large, NULL, 0, 0),
                     AMBLE_ERR_TOO_LONG); /* but this is for the caller to see */
}

/* --- several at once ---------------------------------------------------------------------------------------------- */
/* Values at 3, 6 and 9, to which the client subscribed; the features are what it wrote. */
static const amble_characteristic first = {.uuid = &level_uuid, .notify = true, .initial = "1", .initial_size = 1},
                                  second = {.uuid = &level_uuid, .notify = true, .initial = "22", .initial_size = 2},
                                  third = {.uuid = &level_uuid, .notify = true, .initial = "333", .initial_size = 3};
static const amble_service several = {.uuid = &battery_uuid, .characteristics = AMBLE_LIST(&first, &second, &third)};

static void begin_several(uint8_t features)
{
    gatt_open();
    assert_int_equal(amble_serve(ble, &several), 0);
    assert_int_equal(amble_serve(ble, &amble__gatt_service), 0);
    conn = link_open(HANDLE, false);
    for (uint8_t cccd = 4; cccd <= 10; cccd += 3) {
        ask(conn, 0x12, cccd, 0, 1, 0);
        answer(conn, 0x13);
    }
    ask(conn, 0x12, 16, 0, features);
    answer(conn, 0x13);
}

static void several_values_share_a_pdu(void)
{
    amble_notify_part parts[] = {{.characteristic = &first}, {.characteristic = &third}, {.characteristic = &second}};

    begin_several(4);
    assert_int_equal(amble_notify_multiple(conn, parts, 3, 0), 0);
    answer(conn, 0x23, 3, 0, 1, 0, '1', 9, 0, 3, 0, '3', '3', '3', 6, 0, 2, 0, '2', '2');
    assert_true(parts[0].sent && parts[1].sent && parts[2].sent);
    assert_int_equal(amble_notify_multiple(conn, parts, 1, 0), 0);
    answer(conn, 0x1b, 3, 0, '1'); /* there have to be two */
    parts[1] = (amble_notify_part){.characteristic = &third, .data = "", .size = 0};
    assert_int_equal(amble_notify_multiple(conn, parts, 2, 0), 0);
    answer(conn, 0x23, 3, 0, 1, 0, '1', 9, 0, 0, 0);
    assert_int_equal(amble_notify_multiple(conn, NULL, 0, 0), 0);
    expect_nothing();
}

static void a_client_that_did_not_say_so_gets_one_each(void)
{
    amble_notify_part parts[] = {{.characteristic = &first}, {.characteristic = &second}};

    begin_several(3); /* whatever else it understands */
    assert_int_equal(amble_notify_multiple(conn, parts, 2, 0), 0);
    answer(conn, 0x1b, 3, 0, '1');
    answer(conn, 0x1b, 6, 0, '2', '2');
    expect_nothing();
}

/* The MTU is 23: the opcode, and what fits into 22 bytes. */
static void as_many_pdus_as_are_needed(void)
{
    uint8_t longest[23] = {0x1b, 3};
    amble_notify_part parts[] = {{.characteristic = &first, .data = text_start, .size = 20},
                                 {.characteristic = &second, .data = text_start, .size = 10},
                                 {.characteristic = &third, .data = "1234", .size = 4},
                                 {.characteristic = &first, .data = "x", .size = 1}};

    begin_several(4);
    assert_int_equal(amble_notify_multiple(conn, parts, 4, 0), 0);
    memcpy(longest + 3, text_start, 20);
    expect_att(conn, longest, sizeof longest);
    answer(conn, 0x23, 6, 0, 10, 0, '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 9, 0, 4, 0, '1', '2', '3', '4');
    answer(conn, 0x1b, 3, 0, 'x');
    parts[2].data = "12345"; /* one byte more */
    parts[2].size = 5;
    assert_int_equal(amble_notify_multiple(conn, parts + 1, 3, 0), 0);
    answer(conn, 0x1b, 6, 0, '0', '1', '2', '3', '4', '5', '6', '7', '8', '9');
    answer(conn, 0x23, 9, 0, 5, 0, '1', '2', '3', '4', '5', 3, 0, 1, 0, 'x');
    parts[3].size = 21;
    parts[3].data = text_start;
    assert_int_equal(amble_notify_multiple(conn, parts, 4, 0), AMBLE_ERR_TOO_LONG);
    assert_false(parts[0].sent); /* all or none, as far as can be said before */
    expect_nothing();
}

static void a_part_that_is_not_wanted_ends_it(void)
{
    amble_notify_part parts[] = {{.characteristic = &first}, {.characteristic = &second}};

    begin_several(4);
    ask(conn, 0x12, 7, 0, 0, 0);
    answer(conn, 0x13);
    assert_int_equal(amble_notify_multiple(conn, parts, 2, 0), AMBLE_ERR_NOT_SUBSCRIBED);
    parts[1].characteristic = &level;
    assert_int_equal(amble_notify_multiple(conn, parts, 2, 0), AMBLE_ERR_NOT_FOUND);
    parts[1].characteristic = &amble__service_changed;
    assert_int_equal(amble_notify_multiple(conn, parts, 2, 0), AMBLE_ERR_UNSUPPORTED);
    assert_false(parts[0].sent);
    link_lose(conn);
    assert_int_equal(amble_notify_multiple(conn, parts, 2, AMBLE_FOREVER), AMBLE_ERR_DISCONNECTED);
    expect_nothing();
}

static amble_notify_part waiting_parts[2];
static int notify_both(void *arg)
{
    (void)arg;
    return amble_notify_multiple(conn, waiting_parts, 2, AMBLE_FOREVER);
}

static void several_values_wait_for_room(void)
{
    amble_task *task;
    amble_scope scope;

    begin_several(4);
    amble__acl_configure(&controller.hci, 1, LARGE_BUFFER);
    for (int i = 0; i < TEST_POOL + 1; i++)
        assert_int_equal(amble_notify(conn, &first, "x", 1, 0), 0);
    waiting_parts[0] = (amble_notify_part){.characteristic = &first};
    waiting_parts[1] = (amble_notify_part){.characteristic = &second};
    assert_int_equal(amble_notify_multiple(conn, waiting_parts, 2, 0), AMBLE_ERR_TIMEOUT);
    assert_false(waiting_parts[0].sent);
    amble_scope_open(&scope);
    task = amble_spawn(&scope, notify_both, NULL);
    settle();
    ask(conn, 0x52, 7, 0, 0, 0); /* meanwhile the second is not wanted any more */
    say_completed_packets(HANDLE, 1);
    assert_int_equal(amble_join(task, 10), AMBLE_ERR_NOT_SUBSCRIBED);
    task = amble_spawn(&scope, notify_both, NULL);
    assert_int_equal(amble_join(task, 10), AMBLE_ERR_NOT_SUBSCRIBED);
    ask(conn, 0x52, 7, 0, 1, 0);
    assert_int_equal(amble_local_write(ble, &second, "new", 3), 0);
    say_completed_packets(HANDLE, TEST_POOL - 1);
    for (int i = 0; i < TEST_POOL + 1; i++)
        (void)next_sent();
    assert_int_equal(amble_notify_multiple(conn, waiting_parts, 2, 0), 0);
    say_completed_packets(HANDLE, 1);
    answer(conn, 0x23, 3, 0, 1, 0, '1', 6, 0, 3, 0, 'n', 'e', 'w');
    expect_nothing();
    amble_scope_close(&scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(notifying),
        task_test(notifying_waits_for_room),
        task_test(what_is_not_wanted_any_more_after_a_wait_is_not_sent),
        task_test(indicating),
        task_test(updating_tells_everybody),
        task_test(updating_notifies_whoever_wants_both),
        task_test(an_update_without_time),
        task_test(an_update_is_bounded_as_a_whole),
        task_test(a_central_that_leaves_meanwhile_is_left_out),
        task_test(an_update_longer_than_the_mtu_is_cut),
        task_test(several_values_share_a_pdu),
        task_test(a_client_that_did_not_say_so_gets_one_each),
        task_test(as_many_pdus_as_are_needed),
        task_test(a_part_that_is_not_wanted_ends_it),
        task_test(several_values_wait_for_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
