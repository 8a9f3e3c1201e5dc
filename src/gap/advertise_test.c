/* What advertisers say to controllers of both kinds: directed, extended in fragments, several sets; and whose a central
 * is. */
#include "gap/testing.h"

enum { LONG_DATA = 600 };

static void begin(bool extended, uint8_t sets, const amble_config *config)
{
    scripted_reset();
    heard.extended = extended;
    heard.sets = sets;
    scripted_open(config);
}

static void open_advertiser(amble_advertiser *a, const amble_advertise_options *options)
{
    assert_int_equal(amble_advertise_open(ble, a, options), 0);
    settle();
    settle();
}
static void say_terminated(uint8_t status, uint8_t set, uint16_t handle)
{
    fake_event(AMBLE__EVENT_LE_META,
               BYTES(AMBLE__LE_ADVERTISING_SET_TERMINATED, status, set, (uint8_t)handle, (uint8_t)(handle >> 8), 0));
}
static amble_connection *take(amble_advertiser *a, uint8_t peer)
{
    amble_connection *conn;

    assert_int_equal(amble_advertise_next(a, &conn, 10), 0);
    assert_int_equal(amble_connection_device(conn).bytes[0], peer);
    return conn;
}
static void expect_nobody(amble_advertiser *a)
{
    amble_connection *conn;

    assert_int_equal(amble_advertise_next(a, &conn, 10), AMBLE_ERR_TIMEOUT);
}

/* --- directed ----------------------------------------------------------------------------------------------------- */
static void directed_advertising_names_its_peer(void)
{
    static const amble_device peer = {.type = AMBLE_RANDOM, .bytes = {1, 2, 3, 4, 5, 0xc6}};
    amble_advertise_options options = {.directed_to = &peer};
    const uint8_t *p;
    amble_advertiser a;

    for (int high = 0; high < 2; high++) {
        begin(false, 0, NULL);
        options.high_duty = high;
        open_advertiser(&a, &options);
        p = next_said(AMBLE__HCI_LE_SET_ADVERTISING_PARAMETERS);
        assert_int_equal(p[4], high ? 1 : 4); /* ADV_DIRECT_IND */
        assert_int_equal(p[6], 1);
        assert_memory_equal(p + 7, peer.bytes, 6);
        assert_false(says(AMBLE__HCI_LE_SET_ADVERTISING_DATA)); /* it carries none */
        if (high) {                                             /* 1.28 s are over: it goes on in low duty */
            fake_connected(AMBLE__HCI_ADVERTISING_TIMEOUT, 0, false, 0);
            settle();
            settle();
            p = next_said(AMBLE__HCI_LE_SET_ADVERTISING_PARAMETERS);
            assert_int_equal(p[4], 4);
        }
        amble_advertise_close(&a);
        amble_close(ble);
        begin(true, 1, NULL);
        open_advertiser(&a, &options);
        p = next_said(AMBLE__HCI_LE_SET_EXTENDED_PARAMETERS);
        assert_int_equal(p[1], high ? 0x1d : 0x15);
        assert_int_equal(p[11], 1);
        assert_memory_equal(p + 12, peer.bytes, 6);
        assert_false(says(AMBLE__HCI_LE_SET_EXTENDED_DATA));
        if (high) {
            say_terminated(AMBLE__HCI_ADVERTISING_TIMEOUT, 0, 0);
            settle();
            settle();
            p = next_said(AMBLE__HCI_LE_SET_EXTENDED_PARAMETERS);
            assert_int_equal(p[1], 0x15);
        }
        amble_close(ble);
    }
}

/* While the only device that may connect is connected, there is nobody to advertise to. */
static void directed_advertising_pauses_while_its_peer_is_there(void)
{
    static const amble_device peer = {.bytes = {1}};
    amble_connection *conn;
    amble_advertiser a;

    begin(false, 0, NULL);
    open_advertiser(&a, &(amble_advertise_options){.directed_to = &peer});
    fake_connected(0, 1, false, 1);
    conn = take(&a, 1);
    settle_well();
    assert_int_equal(fake_commands(AMBLE__HCI_LE_SET_ADVERTISING_ENABLE), 1);
    fake_disconnected(1, 0x08);
    settle_well();
    assert_int_equal(fake_commands(AMBLE__HCI_LE_SET_ADVERTISING_ENABLE), 2);
    amble_connection_close(conn);
    amble_close(ble);
}

static void nonsense_is_refused(void)
{
    static const amble_device peer = {.type = AMBLE_RANDOM};
    const amble_advertise_options refused[] = {{.directed_to = &peer, .not_connectable = true},
                                               {.high_duty = true},
                                               {.phy = AMBLE_PHY_CODED},
                                               {.anonymous = true},
                                               {.extended = true, .anonymous = true},
                                               {.extended = true, .phy = (amble_phy)4},
                                               {.extended = true, .response = "a", .response_size = 1},
                                               {.data_size = 1, .response = "a"}};
    amble_advertiser a;

    begin(true, 1, NULL);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_int_equal(amble_advertise_open(ble, &a, &refused[i]), AMBLE_ERR_ARGUMENT);
    amble_close(ble);
    begin(false, 1, NULL);
    assert_int_equal(amble_advertise_open(ble, &a, &(amble_advertise_options){.extended = true}),
                     AMBLE_ERR_UNSUPPORTED);
    amble_log_level(AMBLE_LOG_OFF);
    assert_int_equal(
        amble_advertise_open(ble, &a, &(amble_advertise_options){.name = "a name of thirty characters !!"}),
        AMBLE_ERR_TOO_LONG);
    amble_log_level(AMBLE_LOG_WARNING);
    assert_non_null(strstr(amble_advertise_problem(ble), "the name (30 bytes)"));
    assert_int_equal(amble_advertise_open(ble, &a, &(amble_advertise_options){.name = "fits"}), 0);
    assert_string_equal(amble_advertise_problem(ble), "");
    amble_advertise_close(&a);
    amble_advertise_close(&a);
    amble_advertise_close(NULL);
    amble_close(ble);
}

/* --- extended ----------------------------------------------------------------------------------------------------- */
static void long_data_goes_out_in_fragments(void)
{
    static const uint8_t operations[] = {1, 0, 2}; /* first, next, last */
    uint8_t data[LONG_DATA], sent[LONG_DATA + 255];
    const amble_advertise_options options = {.extended = true,
                                             .not_connectable = true,
                                             .anonymous = true,
                                             .phy = AMBLE_PHY_2M,
                                             .data = data,
                                             .data_size = sizeof data};
    amble_advertiser a;
    const uint8_t *p;
    size_t at = 0;

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    begin(true, 4, &(amble_config){.advertised_size = LONG_DATA - 1});
    assert_int_equal(amble_advertise_open(ble, &a, &options), AMBLE_ERR_TOO_LONG);
    amble_close(ble);
    begin(true, 4, &(amble_config){.advertised_size = LONG_DATA});
    open_advertiser(&a, &options);
    p = next_said(AMBLE__HCI_LE_SET_EXTENDED_PARAMETERS);
    assert_int_equal(p[1], 0x20); /* extended, anonymous, neither connectable nor scannable */
    assert_int_equal(p[20], AMBLE_PHY_1M);
    assert_int_equal(p[22], AMBLE_PHY_2M);
    for (int i = 0; i < 3; i++) {
        p = next_said(AMBLE__HCI_LE_SET_EXTENDED_DATA);
        assert_int_equal(p[1], operations[i]);
        assert_int_equal(heard.sizes[heard.read - 1], 4u + p[3]);
        memcpy(sent + at, p + 4, p[3]);
        at += p[3];
    }
    assert_int_equal(at, sizeof data);
    assert_memory_equal(sent, data, sizeof data);
    assert_false(says(AMBLE__HCI_LE_SET_EXTENDED_DATA));
    amble_advertise_close(&a);
    settle();
    open_advertiser(&a, &(amble_advertise_options){.extended = true, .phy = AMBLE_PHY_CODED});
    p = next_said(AMBLE__HCI_LE_SET_EXTENDED_PARAMETERS);
    assert_int_equal(p[1], 0x01);
    assert_int_equal(p[20], AMBLE_PHY_CODED);
    assert_int_equal(p[22], AMBLE_PHY_CODED);
    amble_close(ble);
}

static void the_transmit_power_is_the_controllers(void)
{
    const amble_advertise_options options = {.tx_power = true, .no_name = true};
    amble_advertiser a;

    for (int extended = 0; extended < 2; extended++) {
        begin(extended, 1, NULL);
        open_advertiser(&a, &options);
        if (extended)
            assert_memory_equal(next_said(AMBLE__HCI_LE_SET_EXTENDED_DATA) + 4, "\2\1\6\2\12\11", 6);
        else
            assert_memory_equal(next_said(AMBLE__HCI_LE_SET_ADVERTISING_DATA) + 1, "\2\1\6\2\12\11", 6);
        amble_close(ble);
    }
}

/* --- whose a central is ------------------------------------------------------------------------------------------- */
static void it_goes_on_while_centrals_are_connected(void)
{
    amble_connection *first, *second, *third;
    amble_advertiser a;

    begin(false, 0, &(amble_config){.connections = 2});
    open_advertiser(&a, NULL);
    fake_connected(0, 1, false, 1);
    settle();
    settle();
    (void)next_said(AMBLE__HCI_LE_SET_ADVERTISING_ENABLE);
    assert_int_equal(next_said(AMBLE__HCI_LE_SET_ADVERTISING_ENABLE)[0], 1); /* by itself, before anybody asked */
    fake_connected(0, 2, false, 2);
    settle();
    settle();
    assert_false(says(AMBLE__HCI_LE_SET_ADVERTISING_ENABLE)); /* every slot is taken */
    first = take(&a, 1);
    second = take(&a, 2);
    expect_nobody(&a);
    amble_connection_close(first);
    settle();
    assert_int_equal(next_said(AMBLE__HCI_LE_SET_ADVERTISING_ENABLE)[0], 1);
    fake_connected(0, 3, false, 3);
    third = take(&a, 3);
    amble_connection_close(second);
    fake_connected(0, 4, false, 4);
    settle();
    amble_advertise_close(&a); /* the fourth was not taken: it is sent away */
    settle();
    settle();
    assert_true(says(AMBLE__HCI_DISCONNECT));
    amble_connection_close(third);
    assert_int_equal(amble_advertise_next(&a, &third, 10), AMBLE_ERR_STALE);
    for (size_t i = 0; i < ble->links.count; i++)
        assert_int_equal(ble->links.slots[i].state, AMBLE__LINK_FREE);
    amble_close(ble);
}

static void a_central_lost_before_it_was_taken_is_none(void)
{
    amble_connection *conn;

    begin(false, 0, NULL);
    for (int i = 0; i < 2; i++) {
        amble_advertiser a;

        open_advertiser(&a, NULL);
        fake_connected(0, 1, false, 1);
        fake_disconnected(1, AMBLE__HCI_CONNECTION_NOT_ESTABLISHED);
        settle();
        fake_connected(0, 2, false, 2);
        conn = take(&a, 2);
        amble_connection_close(conn);
        amble_advertise_close(&a);
    }
    amble_close(ble);
}

static int advertise_once(void *arg) { return amble_advertise(ble, NULL, arg, 1000); }

static void one_lost_at_once_does_not_end_amble_advertise(void)
{
    amble_connection *conn = NULL;
    amble_scope scope;
    amble_task *task;

    begin(false, 0, NULL);
    amble_scope_open(&scope);
    task = amble_spawn(&scope, advertise_once, &conn);
    settle();
    fake_connected(0, 1, false, 1); /* both in one round, before the task runs */
    fake_disconnected(1, AMBLE__HCI_CONNECTION_NOT_ESTABLISHED);
    settle();
    settle();
    fake_connected(0, 2, false, 2);
    assert_int_equal(amble_join(task, 2000), 0);
    assert_int_equal(amble_connection_device(conn).bytes[0], 2);
    amble_scope_close(&scope);
    amble_connection_close(conn);
    amble_close(ble);
}

/* With several sets the event after the link says whose it is. */
static void centrals_go_to_the_set_they_came_to(void)
{
    amble_advertiser a[3], more;
    amble_connection *conn;

    begin(true, 3, &(amble_config){.advertisers = 8});
    for (int i = 0; i < 3; i++)
        open_advertiser(&a[i], NULL);
    assert_int_equal(amble_advertise_open(ble, &more, NULL), AMBLE_ERR_BUSY);
    for (uint8_t i = 0; i < 3; i++) {
        assert_int_equal(next_said(AMBLE__HCI_LE_SET_EXTENDED_PARAMETERS)[0], i);
        assert_int_equal(next_said(AMBLE__HCI_LE_SET_EXTENDED_ENABLE)[2], i);
    }
    fake_connected(0, 1, false, 1);
    say_terminated(0, 2, 1);
    expect_nobody(&a[0]);
    conn = take(&a[2], 1);
    assert_int_equal(next_said(AMBLE__HCI_LE_SET_EXTENDED_ENABLE)[2], 2); /* and goes on */
    amble_connection_close(conn);
    fake_connected(0, 2, false, 2); /* of this one the controller never says whose it is */
    settle();
    fake_connected(0, 3, false, 3);
    say_terminated(0, 0, 3);
    conn = take(&a[0], 3);
    settle();
    settle();
    assert_null(amble__link_by_handle(&ble->links, 2)); /* it was sent away */
    amble_connection_close(conn);
    say_terminated(0, 9, 5); /* nonsense */
    say_terminated(0, 1, 5);
    settle();
    amble_advertise_close(&a[1]);
    fake_connected(0, 4, false, 4);
    say_terminated(0, 1, 4); /* too late */
    settle();
    settle();
    assert_null(amble__link_by_handle(&ble->links, 4));
    amble_close(ble);
}

/* The place is taken by another advertiser while commands for the first are under way: its data is not enabled. */
static void half_told_data_is_never_enabled(void)
{
    amble_advertiser first, second;

    begin(false, 0, NULL);
    fake.held = AMBLE__HCI_LE_SET_ADVERTISING_DATA;
    open_advertiser(&first, &(amble_advertise_options){.name = "first"});
    amble_advertise_close(&first);
    open_advertiser(&second, &(amble_advertise_options){.name = "second", .tx_power = true});
    fake.held = 0;
    fake_answer(AMBLE__HCI_LE_SET_ADVERTISING_DATA);
    assert_false(says(AMBLE__HCI_LE_SET_ADVERTISING_ENABLE));
    settle();
    settle();
    settle();
    (void)next_said(AMBLE__HCI_LE_SET_ADVERTISING_DATA);
    assert_memory_equal(next_said(AMBLE__HCI_LE_SET_ADVERTISING_DATA) + 1, "\2\1\6\7\11second\2\12\11", 14);
    assert_int_equal(next_said(AMBLE__HCI_LE_SET_ADVERTISING_ENABLE)[0], 1);
    assert_int_equal(heard.count - heard.read, 0);
    assert_int_equal(fake_commands(AMBLE__HCI_LE_SET_ADVERTISING_ENABLE), 1);
    amble_close(ble);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(directed_advertising_names_its_peer),
        task_test(directed_advertising_pauses_while_its_peer_is_there),
        task_test(nonsense_is_refused),
        task_test(long_data_goes_out_in_fragments),
        task_test(the_transmit_power_is_the_controllers),
        task_test(it_goes_on_while_centrals_are_connected),
        task_test(a_central_lost_before_it_was_taken_is_none),
        task_test(one_lost_at_once_does_not_end_amble_advertise),
        task_test(centrals_go_to_the_set_they_came_to),
        task_test(half_told_data_is_never_enabled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
