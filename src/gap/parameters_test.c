/* Connection parameters and the radio of a link, with controllers and peers that say yes, no, nothing, and nonsense. */
#include "gap/testing.h"

enum { HANDLE = FAKE_HANDLE, IDENTIFIER_AT = 4 + 4 + 1 };

static amble_connection *conn;
static const amble_parameters slow = {
    .min_interval_us = 100000, .max_interval_us = 200000, .latency = 3, .supervision_timeout_ms = 5000};

static void become_central(void)
{
    const uint16_t handle = HANDLE;

    conn = fake_accept(ble, handle);
    conn->central = true; /* the one who asks is all that matters here */
    heard.read = heard.count;
}
static void begin(bool central, const amble_config *config)
{
    scripted_reset();
    scripted_open(config);
    conn = NULL;
    if (central)
        become_central();
    else
        conn = fake_accept(ble, HANDLE);
    heard.read = heard.count;
}
static void end(void)
{
    amble_connection_close(conn);
    amble_close(ble);
}

static void say_updated(uint8_t status, unsigned interval, unsigned latency, unsigned timeout)
{
    fake_event(AMBLE__EVENT_LE_META, BYTES(AMBLE__LE_CONNECTION_UPDATE_COMPLETE, status, HANDLE, 0, (uint8_t)interval,
                                           (uint8_t)(interval >> 8), (uint8_t)latency, (uint8_t)(latency >> 8),
                                           (uint8_t)timeout, (uint8_t)(timeout >> 8)));
}

typedef struct {
    amble_parameters wish;
    int timeout_ms, result;
    bool done;
} job;

static int update(void *arg)
{
    job *j = arg;

    j->result = amble_connection_update(conn, &j->wish, j->timeout_ms);
    j->done = true;
    return 0;
}
static amble_task *start(amble_scope *scope, int (*function)(void *arg), job *j)
{
    amble_task *task = amble_spawn_named(scope, "test", function, j);

    settle_well();
    return task;
}

/* --- as central --------------------------------------------------------------------------------------------------- */
static void a_central_updates_and_waits_for_the_event(void)
{
    job j = {.wish = slow, .timeout_ms = 1000};
    amble_parameters now;
    amble_scope scope;

    begin(true, NULL);
    now = amble_connection_parameters(conn);
    assert_int_equal(now.min_interval_us, 50000);
    assert_int_equal(now.supervision_timeout_ms, 2000);
    amble_scope_open(&scope);
    start(&scope, update, &j);
    assert_memory_equal(next_said(AMBLE__HCI_LE_CONNECTION_UPDATE),
                        ((uint8_t[]){HANDLE, 0, 80, 0, 160, 0, 3, 0, 0xf4, 1, 0, 0, 0, 0}), 14);
    assert_false(j.done);
    say_updated(0, 96, 3, 500);
    settle();
    assert_true(j.done);
    assert_int_equal(j.result, 0);
    now = amble_connection_parameters(conn);
    assert_int_equal(now.min_interval_us, 120000);
    assert_int_equal(now.max_interval_us, 120000);
    assert_int_equal(now.latency, 3);
    assert_int_equal(now.supervision_timeout_ms, 5000);
    amble_scope_close(&scope);
    end();
}

static void refusals_are_told_and_the_next_works(void)
{
    job j = {.wish = slow, .timeout_ms = 1000};
    amble_scope scope;

    begin(true, NULL);
    amble_scope_open(&scope);
    fake_refuse(AMBLE__HCI_LE_CONNECTION_UPDATE, AMBLE__HCI_COMMAND_DISALLOWED);
    start(&scope, update, &j);
    assert_int_equal(j.result, AMBLE_ERR_HCI(AMBLE__HCI_COMMAND_DISALLOWED));
    fake_refuse(AMBLE__HCI_LE_CONNECTION_UPDATE, 0);
    start(&scope, update, &j);
    say_updated(AMBLE__HCI_UNACCEPTABLE_PARAMETERS, 0, 0, 0);
    settle();
    assert_int_equal(j.result, AMBLE_ERR_HCI(AMBLE__HCI_UNACCEPTABLE_PARAMETERS));
    assert_int_equal(amble_connection_interval_us(conn), 50000);
    start(&scope, update, &j);
    say_updated(0, 80, 3, 500);
    settle();
    assert_int_equal(j.result, 0);
    j.wish.min_interval_us = 7499;
    assert_int_equal(amble_connection_update(conn, &j.wish, 1000), AMBLE_ERR_ARGUMENT);
    j.wish = (amble_parameters){.max_interval_us = 4000000, .supervision_timeout_ms = 8000};
    assert_int_equal(amble_connection_update(conn, &j.wish, 1000), AMBLE_ERR_ARGUMENT); /* could not survive */
    amble_scope_close(&scope);
    end();
}

/* One after the other; one that gave up before it was sent is not sent; one that was sent is waited for. */
static void changes_of_one_link_queue(void)
{
    job first = {.wish = slow, .timeout_ms = 50}, second = {.wish = slow, .timeout_ms = 1000};
    job third = {.wish = slow, .timeout_ms = AMBLE_FOREVER};
    amble_scope scope;
    amble_task *task;

    begin(true, NULL);
    second.wish.latency = 1;
    third.wish.latency = 2;
    amble_scope_open(&scope);
    start(&scope, update, &first);
    start(&scope, update, &second);
    task = start(&scope, update, &third);
    (void)next_said(AMBLE__HCI_LE_CONNECTION_UPDATE);
    assert_int_equal(amble_sleep_ms(60), 0);
    assert_int_equal(first.result, AMBLE_ERR_TIMEOUT);
    assert_false(says(AMBLE__HCI_LE_CONNECTION_UPDATE)); /* the first is still under way */
    amble_cancel(task);
    say_updated(0, 80, 3, 500);
    settle_well();
    assert_int_equal(third.result, AMBLE_ERR_CANCELLED);
    assert_int_equal(next_said(AMBLE__HCI_LE_CONNECTION_UPDATE)[6], 1);
    say_updated(0, 80, 1, 500);
    settle_well();
    assert_int_equal(second.result, 0);
    assert_false(says(AMBLE__HCI_LE_CONNECTION_UPDATE));
    amble_scope_close(&scope);
    end();
}

static void the_end_of_the_link_ends_the_wait(void)
{
    job j = {.wish = slow, .timeout_ms = AMBLE_FOREVER}, queued = j;
    amble_scope scope;

    begin(true, NULL);
    amble_scope_open(&scope);
    start(&scope, update, &j);
    start(&scope, update, &queued);
    fake_disconnected(HANDLE, 0x13);
    settle();
    assert_int_equal(j.result, AMBLE_ERR_DISCONNECTED);
    assert_int_equal(queued.result, AMBLE_ERR_DISCONNECTED);
    assert_int_equal(amble_connection_update(conn, &slow, 1000), AMBLE_ERR_DISCONNECTED);
    amble_scope_close(&scope);
    end();
}

/* --- as peripheral ------------------------------------------------------------------------------------------------ */
static void answer_through_l2cap(uint16_t result)
{
    fake_acl(HANDLE, BYTES(6, 0, 5, 0, 0x13, heard.data[IDENTIFIER_AT], 2, 0, (uint8_t)result, (uint8_t)(result >> 8)));
}

static void a_peripheral_asks_through_l2cap_where_it_must(void)
{
    static const uint8_t reasons[] = {0x01, 0x0c, 0x11, 0x1a};
    job j = {.wish = slow, .timeout_ms = 1000};
    amble_scope scope;

    begin(false, NULL);
    amble_scope_open(&scope);
    start(&scope, update, &j); /* the link layer can: nothing else is tried */
    say_updated(0, 100, 3, 500);
    settle();
    assert_int_equal(j.result, 0);
    assert_int_equal(fake.data_packets, 0);
    for (unsigned i = 0; i < 4; i++) {
        j.done = false;
        j.wish.latency = (uint16_t)(4 + i); /* not what the link has */
        fake_refuse(AMBLE__HCI_LE_CONNECTION_UPDATE, reasons[i] == 0x1a ? 0 : reasons[i]);
        start(&scope, update, &j);
        if (reasons[i] == 0x1a) /* told later, by the peer */
            say_updated(0x1a, 0, 0, 0);
        settle_well();
        assert_int_equal(fake.data_packets, i + 1);
        assert_memory_equal(heard.data + 4, ((uint8_t[]){12, 0, 5, 0, 0x12}), 5);
        assert_memory_equal(heard.data + 10, ((uint8_t[]){8, 0, 80, 0, 160, 0, (uint8_t)(4 + i), 0, 0xf4, 1}), 10);
        answer_through_l2cap(0);
        settle_well();
        assert_false(j.done); /* the central has promised; now it must do it */
        say_updated(0, 100, 4 + i, 500);
        settle();
        assert_true(j.done);
        assert_int_equal(j.result, 0);
    }
    amble_scope_close(&scope);
    end();
}

static void a_central_may_say_no_or_forget(void)
{
    job j = {.wish = slow, .timeout_ms = AMBLE_FOREVER};
    uint64_t before;
    amble_scope scope;

    begin(false, NULL);
    amble_scope_open(&scope);
    fake_refuse(AMBLE__HCI_LE_CONNECTION_UPDATE, AMBLE__HCI_UNKNOWN_COMMAND);
    start(&scope, update, &j);
    answer_through_l2cap(1);
    settle_well();
    assert_int_equal(j.result, AMBLE_ERR_HCI(AMBLE__HCI_UNACCEPTABLE_PARAMETERS));
    j.done = false;
    start(&scope, update, &j);
    answer_through_l2cap(0);
    settle_well();
    before = amble_now_us();
    while (!j.done)
        assert_int_equal(amble_sleep_ms(1000), 0);
    assert_int_equal(j.result, AMBLE_ERR_TIMEOUT);
    assert_in_range(amble_now_us() - before, 29000000, 31000000);
    amble_scope_close(&scope);
    end();
}

/* --- a peer asks -------------------------------------------------------------------------------------------------- */
static void peer_asks(uint8_t identifier, unsigned least, unsigned most, unsigned latency, unsigned timeout)
{
    fake_acl(HANDLE, BYTES(12, 0, 5, 0, 0x12, identifier, 8, 0, (uint8_t)least, (uint8_t)(least >> 8), (uint8_t)most,
                           (uint8_t)(most >> 8), (uint8_t)latency, 0, (uint8_t)timeout, (uint8_t)(timeout >> 8)));
    settle_well();
    fake_event(AMBLE__EVENT_COMPLETED_PACKETS, BYTES(1, HANDLE, 0, 1, 0)); /* the answer */
    settle();
}
static void expect_answer(uint8_t identifier, uint8_t result)
{
    assert_memory_equal(heard.data + 4, ((uint8_t[]){6, 0, 5, 0, 0x13, identifier, 2, 0, result, 0}), 10);
}

static void what_a_peripheral_asks_for_is_granted_within_the_policy(void)
{
    const amble_parameter_policy policy = {
        .min_interval_us = 15000, .max_interval_us = 100000, .max_latency = 10, .max_supervision_timeout_ms = 6000};

    begin(true, &(amble_config){.parameter_policy = policy});
    peer_asks(1, 6, 40, 2, 500);
    expect_answer(1, 0);
    assert_memory_equal(next_said(AMBLE__HCI_LE_CONNECTION_UPDATE),
                        ((uint8_t[]){HANDLE, 0, 12, 0, 40, 0, 2, 0, 0xf4, 1, 0, 0, 0, 0}), 14);
    peer_asks(2, 6, 40, 2, 500); /* the first is under way */
    expect_answer(2, 1);
    say_updated(0, 40, 2, 500);
    settle();
    assert_int_equal(amble_connection_interval_us(conn), 50000);
    peer_asks(3, 60, 1000, 0, 600);
    expect_answer(3, 0);
    assert_memory_equal(next_said(AMBLE__HCI_LE_CONNECTION_UPDATE), ((uint8_t[]){HANDLE, 0, 60, 0, 80, 0}), 6);
    say_updated(0, 60, 0, 600);
    peer_asks(4, 6, 11, 0, 500); /* faster than is granted */
    expect_answer(4, 1);
    peer_asks(5, 81, 100, 0, 500); /* slower */
    expect_answer(5, 1);
    peer_asks(6, 20, 20, 11, 500);
    expect_answer(6, 1);
    peer_asks(7, 20, 20, 0, 601);
    expect_answer(7, 1);
    amble_set_parameter_policy(ble, &(amble_parameter_policy){.refuse = true});
    peer_asks(8, 20, 20, 0, 500);
    expect_answer(8, 1);
    amble_set_parameter_policy(ble, &(amble_parameter_policy){.no_latency = true});
    peer_asks(9, 20, 20, 1, 500);
    expect_answer(9, 1);
    amble_set_parameter_policy(ble, NULL);
    peer_asks(10, 20, 20, 11, 601);
    expect_answer(10, 0);
    end();
}

static void peer_controller_asks(unsigned least, unsigned most, unsigned latency, unsigned timeout)
{
    fake_event(AMBLE__EVENT_LE_META, BYTES(AMBLE__LE_REMOTE_PARAMETER_REQUEST, HANDLE, 0, (uint8_t)least,
                                           (uint8_t)(least >> 8), (uint8_t)most, (uint8_t)(most >> 8), (uint8_t)latency,
                                           0, (uint8_t)timeout, (uint8_t)(timeout >> 8)));
    settle_well();
}

static void what_a_link_layer_asks_for_is_answered_in_both_roles(void)
{
    for (int central = 0; central < 2; central++) {
        begin(central, &(amble_config){.parameter_policy = {.max_interval_us = 100000}});
        peer_controller_asks(40, 160, 1, 500);
        assert_memory_equal(next_said(AMBLE__HCI_LE_PARAMETER_REQUEST_REPLY),
                            ((uint8_t[]){HANDLE, 0, 40, 0, 80, 0, 1, 0, 0xf4, 1, 0, 0, 0, 0}), 14);
        peer_controller_asks(81, 160, 1, 500);
        assert_memory_equal(next_said(AMBLE__HCI_LE_PARAMETER_REQUEST_REFUSE),
                            ((uint8_t[]){HANDLE, 0, AMBLE__HCI_UNACCEPTABLE_PARAMETERS}), 3);
        peer_controller_asks(0, 0, 0, 0);
        (void)next_said(AMBLE__HCI_LE_PARAMETER_REQUEST_REFUSE);
        peer_controller_asks(40, 80, 1, 5); /* shorter than the link would survive */
        (void)next_said(AMBLE__HCI_LE_PARAMETER_REQUEST_REFUSE);
        end();
    }
}

static void events_are_asked_for_of_controllers_that_have_them(void)
{
    static const struct {
        uint8_t feature, octet, bit;
    } events[] = {{1, 0, 5}, {5, 0, 6}, {8, 1, 3}, {11, 1, 3}};

    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        for (int able = 0; able < 2; able++) {
            scripted_reset();
            if (able)
                heard.features[events[i].feature / 8] = (uint8_t)(1u << events[i].feature % 8);
            scripted_open(NULL);
            heard.read = 0;
            assert_int_equal(next_said(AMBLE__HCI_LE_SET_EVENT_MASK)[events[i].octet] >> events[i].bit & 1, able);
            amble_close(ble);
        }
    }
}

/* --- the radio ---------------------------------------------------------------------------------------------------- */
static int set_phy(void *arg)
{
    const amble_phys wish = {.send = AMBLE_PHY_CODED, .receive = AMBLE_PHY_ANY, .coding = 8};
    amble_phys agreed;
    job *j = arg;

    j->result = amble_connection_set_phy(conn, &wish, &agreed, j->timeout_ms);
    if (j->result == 0)
        assert_int_equal(agreed.send * 16 + agreed.receive, AMBLE_PHY_CODED * 16 + AMBLE_PHY_1M);
    return 0;
}

static void phys_are_agreed_on(void)
{
    job j = {.timeout_ms = 1000};
    amble_phys phys = {.send = (amble_phy)4};
    amble_scope scope;

    begin(true, NULL);
    assert_int_equal(amble_connection_set_phy(conn, &phys, NULL, 1000), AMBLE_ERR_ARGUMENT);
    phys = (amble_phys){.coding = 3};
    assert_int_equal(amble_connection_set_phy(conn, &phys, NULL, 1000), AMBLE_ERR_ARGUMENT);
    amble_scope_open(&scope);
    start(&scope, set_phy, &j);
    assert_memory_equal(next_said(AMBLE__HCI_LE_SET_PHY), ((uint8_t[]){HANDLE, 0, 2, 4, 0, 2, 0}), 7);
    fake_event(AMBLE__EVENT_LE_META, BYTES(AMBLE__LE_PHY_UPDATE_COMPLETE, 0, HANDLE, 0, 3, 1));
    settle();
    assert_int_equal(j.result, 0);
    start(&scope, set_phy, &j);
    fake_event(AMBLE__EVENT_LE_META, BYTES(AMBLE__LE_PHY_UPDATE_COMPLETE, 0x1a, HANDLE, 0, 3, 1));
    settle();
    assert_int_equal(j.result, AMBLE_ERR_HCI(0x1a));
    scripted_reply(0, AMBLE__HCI_LE_READ_PHY, BYTES(HANDLE, 0, 2, 3));
    assert_int_equal(amble_connection_phy(conn, &phys, 1000), 0);
    assert_int_equal(phys.send * 16 + phys.receive, AMBLE_PHY_2M * 16 + AMBLE_PHY_CODED);
    amble_scope_close(&scope);
    end();
}

static void data_length_channels_and_strength_are_told(void)
{
    amble_data_length length;
    uint64_t channels;
    int8_t rssi;

    begin(true, NULL);
    length = amble_connection_data_length(conn);
    assert_int_equal(length.send * 1000 + length.receive, 27027);
    assert_int_equal(amble_connection_set_data_length(conn, 26, 1000), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_connection_set_data_length(conn, 252, 1000), AMBLE_ERR_ARGUMENT);
    scripted_reply(0, AMBLE__HCI_LE_SET_DATA_LENGTH, BYTES(HANDLE, 0));
    assert_int_equal(amble_connection_set_data_length(conn, 251, 1000), 0);
    assert_memory_equal(next_said(AMBLE__HCI_LE_SET_DATA_LENGTH), ((uint8_t[]){HANDLE, 0, 251, 0, 0x48, 8}), 6);
    fake_event(AMBLE__EVENT_LE_META, BYTES(AMBLE__LE_DATA_LENGTH_CHANGE, HANDLE, 0, 251, 0, 0x48, 8, 100, 0, 0x48, 8));
    settle();
    length = amble_connection_data_length(conn);
    assert_int_equal(length.send * 1000 + length.receive, 251100);
    scripted_reply(1, AMBLE__HCI_LE_READ_CHANNEL_MAP, BYTES(HANDLE, 0, 0xff, 0xfe, 0xff, 0xff, 0xff));
    assert_int_equal(amble_connection_channels(conn, &channels, 1000), 0);
    assert_true(channels == (AMBLE_CHANNELS & ~UINT64_C(0x100)));
    assert_int_equal(amble_classify_channels(ble, 1, 1000), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_classify_channels(ble, UINT64_C(3) << 36, 1000), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_classify_channels(ble, 3, 1000), 0);
    assert_memory_equal(next_said(AMBLE__HCI_LE_CLASSIFY_CHANNELS), "\3\0\0\0\0", 5);
    scripted_reply(2, AMBLE__HCI_READ_RSSI, BYTES(HANDLE, 0, 0xc4));
    assert_int_equal(amble_connection_rssi(conn, &rssi, 1000), 0);
    assert_int_equal(rssi, -60);
    end();
}

/* Events about links that are not there, and events that are cut. */
static void nonsense_changes_nothing(void)
{
    static const uint8_t kinds[] = {AMBLE__LE_CONNECTION_UPDATE_COMPLETE, AMBLE__LE_REMOTE_PARAMETER_REQUEST,
                                    AMBLE__LE_PHY_UPDATE_COMPLETE, AMBLE__LE_DATA_LENGTH_CHANGE};
    uint8_t event[12] = {0};

    begin(true, NULL);
    for (size_t i = 0; i < sizeof kinds; i++) {
        const uint64_t before = amble_read_statistics(ble).malformed;

        event[0] = kinds[i];
        fake_event(AMBLE__EVENT_LE_META, event, sizeof event); /* handle 0 */
        fake_event(AMBLE__EVENT_LE_META, event, 4);
        settle();
        assert_int_equal(amble_read_statistics(ble).malformed, before + 1);
    }
    assert_int_equal(amble_connection_interval_us(conn), 50000);
    assert_int_equal(heard.read, heard.count);
    end();
}

/* --- a peer that connects while it is being connected to ---------------------------------------------------------- */
static int connect_to_peer(void *arg)
{
    amble_connection *made;
    job *j = arg;

    j->result = amble_connect(ble, (amble_device){.bytes = {HANDLE}}, NULL, &made, AMBLE_FOREVER);
    return 0;
}

static void a_connect_ends_when_the_peer_connects_meanwhile(void)
{
    job j = {.result = 1};
    amble_scope scope;

    scripted_reset();
    scripted_open(NULL);
    amble_scope_open(&scope);
    start(&scope, connect_to_peer, &j);
    conn = fake_accept(ble, HANDLE);
    settle_well();
    assert_int_equal(j.result, AMBLE_ERR_BUSY);
    assert_true(says(AMBLE__HCI_LE_CREATE_CONNECTION_CANCEL));
    amble_scope_close(&scope);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(a_central_updates_and_waits_for_the_event),
        task_test(refusals_are_told_and_the_next_works),
        task_test(changes_of_one_link_queue),
        task_test(the_end_of_the_link_ends_the_wait),
        task_test(a_peripheral_asks_through_l2cap_where_it_must),
        task_test(a_central_may_say_no_or_forget),
        task_test(what_a_peripheral_asks_for_is_granted_within_the_policy),
        task_test(what_a_link_layer_asks_for_is_answered_in_both_roles),
        task_test(events_are_asked_for_of_controllers_that_have_them),
        task_test(phys_are_agreed_on),
        task_test(data_length_channels_and_strength_are_told),
        task_test(nonsense_changes_nothing),
        task_test(a_connect_ends_when_the_peer_connects_meanwhile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
