/* What the host says to controllers of all kinds: legacy or extended commands, never both; addresses, buffers,
 * refusals, and events that make no sense. */
#include "host/testing.h"

/* A controller with these abilities, in front of the one that all tests share. */
static struct {
    bool extended, not_le, classic_buffers, no_buffers, no_address;
    uint8_t sets; /* of advertising; 0 counts as 1 */
    uint16_t said[FAKE_COMMANDS];
    uint8_t last[64]; /* parameters of the command under test */
    uint16_t watched;
    unsigned count;
} able;

static void complete(uint16_t opcode, const uint8_t *reply, size_t size)
{
    uint8_t parameters[4 + 64] = {1, (uint8_t)opcode, (uint8_t)(opcode >> 8), fake_status(opcode)};

    if (size)
        memcpy(parameters + 4, reply, size);
    fake_event(AMBLE__EVENT_COMMAND_COMPLETE, parameters, 4 + size);
}

/* True for what this controller answers by itself. */
static bool answer_specially(uint16_t opcode)
{
    if (opcode == AMBLE__HCI_LE_READ_FEATURES && able.extended)
        complete(opcode, BYTES(0, 0x10, 0, 0, 0, 0, 0, 0));
    else if (opcode == AMBLE__HCI_LE_READ_ADVERTISING_SETS)
        complete(opcode, BYTES(able.sets));
    else if (opcode == AMBLE__HCI_READ_LOCAL_FEATURES && able.not_le)
        complete(opcode, BYTES(0, 0, 0, 0, 0, 0, 0, 0));
    else if (opcode == AMBLE__HCI_LE_READ_BUFFER_SIZE && (able.classic_buffers || able.no_buffers))
        complete(opcode, BYTES(0, 0, 0));
    else if (opcode == AMBLE__HCI_READ_BUFFER_SIZE && able.classic_buffers)
        complete(opcode, BYTES(0x54, 1, 64, 7, 0, 1, 0));
    else if (opcode == AMBLE__HCI_READ_BD_ADDR && able.no_address)
        complete(opcode, BYTES(0, 0, 0, 0, 0, 0));
    else if (opcode == AMBLE__HCI_LE_EXTENDED_CREATE_CONNECTION)
        fake_event(AMBLE__EVENT_COMMAND_STATUS, BYTES(fake_status(opcode), 1, (uint8_t)opcode, (uint8_t)(opcode >> 8)));
    else
        return false;
    return true;
}

static int write_command(amble__transport *transport, const uint8_t *packet, size_t size)
{
    const uint16_t opcode = amble__get_le16(packet + 1);

    if (packet[0] != AMBLE__PACKET_COMMAND)
        return fake_write(transport, packet, size);
    able.said[able.count++ % FAKE_COMMANDS] = opcode;
    if (opcode == able.watched && size - 4 <= sizeof able.last)
        memcpy(able.last, packet + 4, size - 4);
    if (opcode == AMBLE__HCI_LE_EXTENDED_CREATE_CONNECTION && !fake_status(opcode))
        fake.connecting = true;
    return answer_specially(opcode) ? 0 : fake_write(transport, packet, size);
}

static void begin(void)
{
    fake_reset();
    memset(&able, 0, sizeof able);
}

static int open_able(amble **ble, const amble_config *config)
{
    static const amble__transport_operations operations = {.write = write_command, .close = fake_close};

    fake.transport = (amble__transport){.operations = &operations};
    return amble__host_open(ble, &fake.transport, config, 5000);
}
static amble *open_this(void)
{
    amble *ble;

    assert_int_equal(open_able(&ble, NULL), 0);
    return ble;
}

static unsigned said(uint16_t opcode)
{
    unsigned n = 0;

    for (unsigned i = 0; i < able.count; i++)
        n += able.said[i] == opcode;
    return n;
}
static void expect_last(const uint8_t *bytes, size_t size) { assert_memory_equal(able.last, bytes, size); }
static amble_device peer(uint8_t first) { return (amble_device){.bytes = {first}}; }

/* --- tasks that do one thing -------------------------------------------------------------------------------------- */
typedef struct {
    amble *ble;
    amble_device device;
    amble_advertise_options options;
    amble_connection *conn;
    int timeout_ms;
} job;

static int advertise(void *arg)
{
    job *j = arg;

    return amble_advertise(j->ble, &j->options, &j->conn, j->timeout_ms);
}
static int connect_one(void *arg)
{
    job *j = arg;

    return amble_connect(j->ble, j->device, NULL, &j->conn, j->timeout_ms);
}
static int find_any(void *arg)
{
    amble_scan_result result;
    job *j = arg;

    return amble_scan_find(j->ble, NULL, &result, j->timeout_ms);
}
/* Starts it and lets it come as far as it can. */
static amble_task *start(amble_scope *scope, int (*function)(void *arg), job *j)
{
    amble_task *task = amble_spawn(scope, function, j);

    settle();
    settle();
    return task;
}

/* --- one kind of commands ----------------------------------------------------------------------------------------- */
/* Everything a host can want of GAP: advertise, scan, connect to one and to two, cancel each of them. */
static void a_whole_session(void)
{
    job one = {.device = peer(9), .timeout_ms = AMBLE_FOREVER}, two = {.device = peer(8), .timeout_ms = AMBLE_FOREVER};
    job server = {.timeout_ms = AMBLE_FOREVER}, quiet = {.timeout_ms = 50, .options = {.not_connectable = true}};
    amble_scan_result found;
    amble_scope scope;
    amble *ble = open_this();

    one.ble = two.ble = server.ble = quiet.ble = ble;
    amble_scope_open(&scope);
    assert_int_equal(amble_scan_find(ble, NULL, &found, 50), AMBLE_ERR_TIMEOUT);
    start(&scope, connect_one, &one);
    start(&scope, connect_one, &two); /* now a group */
    fake_connected(0, FAKE_HANDLE, true, 9);
    fake_features(FAKE_HANDLE);
    start(&scope, advertise, &quiet);
    assert_int_equal(amble_sleep_ms(100), 0);
    start(&scope, advertise, &server);
    fake_connected(0, FAKE_HANDLE + 1, false, 7);
    settle();
    assert_non_null(one.conn);
    assert_non_null(server.conn);
    amble_scope_close(&scope); /* cancels the other connect */
    settle();
    assert_null(two.conn);
    amble_connection_close(one.conn);
    amble_connection_close(server.conn);
    amble_close(ble);
}

static bool is_extended(uint16_t opcode) { return opcode >= 0x2034 && opcode <= 0x2043; }
static bool is_legacy(uint16_t opcode) { return opcode >= 0x2006 && opcode <= 0x200d; }

static void extended_commands_only(void)
{
    begin();
    able.extended = true;
    a_whole_session();
    for (unsigned i = 0; i < able.count; i++)
        assert_false(is_legacy(able.said[i]));
    assert_true(said(AMBLE__HCI_LE_EXTENDED_CREATE_CONNECTION) >= 3);
    assert_true(said(AMBLE__HCI_LE_SET_EXTENDED_ENABLE) >= 2);
    assert_int_equal(said(AMBLE__HCI_LE_SET_EXTENDED_SCAN_ENABLE), 2);
    assert_true(said(AMBLE__HCI_LE_CREATE_CONNECTION_CANCEL) >= 2);
    assert_true(said(AMBLE__HCI_LE_ADD_TO_ACCEPT_LIST) >= 2);
}

static void legacy_commands_only(void)
{
    begin();
    a_whole_session();
    for (unsigned i = 0; i < able.count; i++)
        assert_false(is_extended(able.said[i]));
    assert_true(said(AMBLE__HCI_LE_CREATE_CONNECTION) >= 3);
    assert_true(said(AMBLE__HCI_LE_SET_ADVERTISING_ENABLE) >= 2);
    assert_int_equal(said(AMBLE__HCI_LE_SET_SCAN_ENABLE), 2);
}

/* --- the bytes of some commands ----------------------------------------------------------------------------------- */
static void raw_data_goes_out_as_it_is(void)
{
    job j = {.timeout_ms = 10,
             .options = {.data = "\2\1\4", .data_size = 3, .response = "\3\11hi", .response_size = 4}};
    uint8_t too_much[32] = {0};

    begin();
    j.ble = open_this();
    able.watched = AMBLE__HCI_LE_SET_ADVERTISING_DATA;
    assert_int_equal(advertise(&j), AMBLE_ERR_TIMEOUT);
    expect_last(BYTES(3, 2, 1, 4, 0, 0));
    able.watched = AMBLE__HCI_LE_SET_SCAN_RESPONSE_DATA;
    assert_int_equal(advertise(&j), AMBLE_ERR_TIMEOUT);
    expect_last(BYTES(4, 3, 9, 'h', 'i', 0));
    able.watched = AMBLE__HCI_LE_SET_ADVERTISING_PARAMETERS;
    j.options.interval_us = 20000;
    assert_int_equal(advertise(&j), AMBLE_ERR_TIMEOUT);
    expect_last(BYTES(32, 0, 32, 0, 0, 0)); /* 20 ms, ADV_IND, public */
    j.options.data = too_much;
    j.options.data_size = sizeof too_much;
    assert_int_equal(advertise(&j), AMBLE_ERR_TOO_LONG);
    j.options = (amble_advertise_options){.interval_us = 19999};
    assert_int_equal(advertise(&j), AMBLE_ERR_ARGUMENT);
    j.options.interval_us = 10240001;
    assert_int_equal(advertise(&j), AMBLE_ERR_ARGUMENT);
    amble_close(j.ble);
}

static void a_controller_without_address_gets_a_random_one(void)
{
    job j = {.timeout_ms = 10};
    amble_device own;

    for (int extended = 0; extended < 2; extended++) {
        begin();
        able.no_address = true;
        able.extended = extended;
        able.watched = AMBLE__HCI_LE_SET_RANDOM_ADDRESS;
        j.ble = open_this();
        own = amble_own_device(j.ble);
        assert_int_equal(own.type, AMBLE_RANDOM);
        assert_int_equal(own.bytes[5] & 0xc0, 0xc0); /* static, Vol 6 Part B 1.3.2.1 */
        expect_last(own.bytes, 6);
        able.watched = extended ? AMBLE__HCI_LE_SET_SET_RANDOM_ADDRESS : AMBLE__HCI_LE_SET_ADVERTISING_PARAMETERS;
        assert_int_equal(advertise(&j), AMBLE_ERR_TIMEOUT);
        if (extended) /* each set has its own */
            assert_memory_equal(able.last + 1, own.bytes, 6);
        else
            assert_int_equal(able.last[5], 1);
        amble_close(j.ble);
    }
}

static void le_without_buffers_uses_the_classic_ones(void)
{
    amble *ble;

    begin();
    able.classic_buffers = true;
    ble = open_this();
    assert_int_equal(ble->hci.acl_size, 0x154);
    assert_int_equal(ble->hci.acl_buffers, 7);
    amble_close(ble);
}

/* No LE Read Buffer Size at all. */
static void a_controller_that_knows_classic_buffers_alone(void)
{
    amble *ble;

    begin();
    able.classic_buffers = true;
    fake_refuse(AMBLE__HCI_LE_READ_BUFFER_SIZE, 0x01);
    ble = open_this();
    assert_int_equal(ble->hci.acl_size, 0x154);
    assert_int_equal(ble->hci.acl_buffers, 7);
    amble_close(ble);
}

static void a_controller_without_buffers_is_refused(void)
{
    for (unsigned i = 0; i < 2; i++) {
        amble *ble;

        begin();
        able.no_buffers = true;
        if (i)
            fake_refuse(AMBLE__HCI_LE_READ_BUFFER_SIZE, 0x01);
        assert_int_equal(open_able(&ble, NULL), AMBLE_ERR_CONTROLLER);
        assert_non_null(strstr(amble_open_problem(), "buffers"));
        assert_null(ble);
    }
}

/* Whatever a controller refuses of what it has to know: the host opens without it, or says so and leaves nothing
 * behind. */
static void any_command_of_the_start_may_be_refused(void)
{
    uint16_t start[FAKE_COMMANDS];
    unsigned count;
    amble *ble;

    for (unsigned extended = 0; extended < 2; extended++) {
        begin();
        able.extended = extended;
        ble = open_this();
        count = able.count;
        memcpy(start, able.said, count * sizeof *start);
        amble_close(ble);
        assert_in_range(count, 8, FAKE_COMMANDS);
        for (unsigned i = 0; i < count; i++) {
            int r;

            begin();
            able.extended = extended;
            fake_refuse(start[i], 0x01);
            r = open_able(&ble, NULL);
            assert_true(r == 0 || r == AMBLE_ERR_HCI(0x01) || r == AMBLE_ERR_CONTROLLER);
            assert_int_equal(ble != NULL, r == 0);
            assert_true(r == 0 || *amble_open_problem());
            amble_close(ble);
        }
    }
}

static void a_controller_that_is_not_le_is_refused(void)
{
    amble *ble;

    begin();
    able.not_le = true;
    watch_log(AMBLE_LOG_ERROR);
    assert_int_equal(open_able(&ble, NULL), AMBLE_ERR_CONTROLLER);
    assert_non_null(strstr(last_log_line, "Low Energy"));
    unwatch_log();
    assert_null(ble);
}

/* --- refusals ----------------------------------------------------------------------------------------------------- */
static void refused_advertising_is_told(void)
{
    static const uint16_t steps[] = {AMBLE__HCI_LE_SET_ADVERTISING_PARAMETERS, AMBLE__HCI_LE_SET_ADVERTISING_DATA,
                                     AMBLE__HCI_LE_SET_SCAN_RESPONSE_DATA, AMBLE__HCI_LE_SET_ADVERTISING_ENABLE};
    job j = {.timeout_ms = AMBLE_FOREVER};

    begin();
    j.ble = open_this();
    for (int i = 0; i < 4; i++) {
        fake_refuse(steps[i], 0x0c);
        assert_int_equal(advertise(&j), AMBLE_ERR_HCI(0x0c));
        fake_refuse(steps[i], 0);
    }
    j.timeout_ms = 10; /* and works again */
    assert_int_equal(advertise(&j), AMBLE_ERR_TIMEOUT);
    amble_close(j.ble);
}

static void refused_connecting_and_scanning_are_told(void)
{
    job j = {.timeout_ms = AMBLE_FOREVER, .device = peer(9)};
    amble_scan_result found;

    begin();
    j.ble = open_this();
    fake_refuse(AMBLE__HCI_LE_CREATE_CONNECTION, 0x0d);
    assert_int_equal(connect_one(&j), AMBLE_ERR_HCI(0x0d));
    fake_refuse(AMBLE__HCI_LE_SET_SCAN_ENABLE, 0x0d);
    assert_int_equal(amble_scan_find(j.ble, NULL, &found, 1000), AMBLE_ERR_HCI(0x0d));
    fake_refuse(AMBLE__HCI_LE_CREATE_CONNECTION, 0);
    fake_refuse(AMBLE__HCI_LE_SET_SCAN_ENABLE, 0);
    j.timeout_ms = 10;
    assert_int_equal(connect_one(&j), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_scan_find(j.ble, NULL, &found, 10), AMBLE_ERR_TIMEOUT);
    amble_close(j.ble);
}

static void a_hardware_error_ends_every_wait(void)
{
    job server = {.timeout_ms = AMBLE_FOREVER}, client = {.timeout_ms = AMBLE_FOREVER, .device = peer(9)};
    job seeker = {.timeout_ms = AMBLE_FOREVER};
    amble_task *tasks[3];
    amble_scope scope;

    begin();
    server.ble = client.ble = seeker.ble = open_this();
    amble_scope_open(&scope);
    tasks[0] = start(&scope, advertise, &server);
    tasks[1] = start(&scope, connect_one, &client);
    tasks[2] = start(&scope, find_any, &seeker);
    amble_log_level(AMBLE_LOG_OFF);
    fake_event(AMBLE__EVENT_HARDWARE_ERROR, BYTES(0x42));
    for (int i = 0; i < 3; i++)
        assert_int_equal(amble_join(tasks[i], 1000), AMBLE_ERR_CONTROLLER);
    amble_log_level(AMBLE_LOG_WARNING);
    assert_int_equal(connect_one(&client), AMBLE_ERR_CONTROLLER); /* nothing works any more */
    amble_scope_close(&scope);
    amble_close(server.ble);
    amble_close(open_this());
}

/* It falls silent while tasks wait; the next command shows it. */
static void a_controller_that_falls_silent_ends_every_wait(void)
{
    job server = {.timeout_ms = AMBLE_FOREVER}, client = {.timeout_ms = AMBLE_FOREVER, .device = peer(9)};
    job seeker = {.timeout_ms = AMBLE_FOREVER};
    amble_task *tasks[3];
    amble_scope scope;
    uint64_t before;

    begin();
    server.ble = client.ble = seeker.ble = open_this();
    amble_scope_open(&scope);
    tasks[0] = start(&scope, advertise, &server);
    tasks[1] = start(&scope, connect_one, &client);
    assert_int_equal(amble_sleep_ms(10000), 0);
    assert_int_equal(amble_join(tasks[0], 0), AMBLE_ERR_TIMEOUT); /* nothing was asked, so nothing is missed */
    amble_log_level(AMBLE_LOG_OFF);
    fake.silent = true;
    before = amble_now_us();
    tasks[2] = start(&scope, find_any, &seeker);
    for (int i = 0; i < 3; i++)
        assert_int_equal(amble_join(tasks[i], 5000), AMBLE_ERR_CONTROLLER);
    assert_int_equal(amble_now_us() - before, 2000000);
    amble_scope_close(&scope);
    amble_close(server.ble);
    assert_int_equal(amble_now_us() - before, 2000000); /* it is not asked again */
    amble_log_level(AMBLE_LOG_WARNING);
    fake.silent = false;
    amble_close(open_this());
}

/* --- events that nobody asked for --------------------------------------------------------------------------------- */
static void links_that_nobody_wants_are_sent_away(void)
{
    amble *ble;

    begin();
    ble = open_this();
    fake_connected(0, 1, true, 9);  /* nobody connects */
    fake_connected(0, 2, false, 9); /* nobody advertises */
    settle();
    settle();
    assert_int_equal(said(AMBLE__HCI_DISCONNECT), 2);
    for (size_t i = 0; i < ble->links.count; i++)
        assert_int_equal(ble->links.slots[i].state, AMBLE__LINK_FREE);
    amble_close(ble);
}

/* A central comes while advertising is being stopped and somebody else waits to advertise: the link belongs to
 * neither. */
static void a_late_central_is_not_the_next_ones(void)
{
    job first = {.timeout_ms = AMBLE_FOREVER}, second = {.timeout_ms = AMBLE_FOREVER};
    amble_task *tasks[2];
    amble_scope scope;

    begin();
    first.ble = second.ble = open_this();
    amble_scope_open(&scope);
    tasks[0] = start(&scope, advertise, &first);
    fake.held = AMBLE__HCI_LE_SET_ADVERTISING_ENABLE;
    amble_cancel(tasks[0]);
    assert_int_equal(amble_join(tasks[0], 1000), AMBLE_ERR_CANCELLED);
    tasks[1] = start(&scope, advertise, &second);
    fake_connected(0, 1, false, 9);
    settle();
    assert_int_equal(amble_join(tasks[1], 0), AMBLE_ERR_TIMEOUT);
    fake.held = 0;
    fake_refuse(AMBLE__HCI_LE_SET_ADVERTISING_ENABLE, AMBLE__HCI_COMMAND_DISALLOWED); /* it has stopped by itself */
    complete(AMBLE__HCI_LE_SET_ADVERTISING_ENABLE, NULL, 0);
    fake_refuse(AMBLE__HCI_LE_SET_ADVERTISING_ENABLE, 0);
    assert_int_equal(amble_sleep_ms(100), 0);
    assert_int_equal(said(AMBLE__HCI_DISCONNECT), 1);
    fake_connected(0, 2, false, 8);
    assert_int_equal(amble_join(tasks[1], 1000), 0);
    assert_true(amble_device_equal(amble_connection_device(second.conn), peer(8)));
    amble_scope_close(&scope);
    amble_connection_close(second.conn);
    amble_close(first.ble);
}

static void a_stranger_is_not_the_peer_that_was_asked_for(void)
{
    job j = {.timeout_ms = AMBLE_FOREVER, .device = peer(9)};
    amble_scope scope;
    amble_task *task;

    begin();
    j.ble = open_this();
    amble_scope_open(&scope);
    task = start(&scope, connect_one, &j);
    fake_connected(0, 1, true, 5); /* somebody else */
    settle();
    settle();
    assert_int_equal(said(AMBLE__HCI_DISCONNECT), 1);
    assert_int_equal(said(AMBLE__HCI_LE_CREATE_CONNECTION), 2); /* and goes on looking */
    fake_connected(0, 2, true, 9);
    fake_features(2);
    assert_int_equal(amble_join(task, 1000), 0);
    amble_scope_close(&scope);
    assert_true(amble_device_equal(amble_connection_device(j.conn), j.device));
    amble_connection_close(j.conn);
    amble_close(j.ble);
}

static void a_handle_in_use_is_not_given_twice(void)
{
    job j = {.timeout_ms = AMBLE_FOREVER, .device = peer(9)}, server = {.timeout_ms = 100};
    amble_scope scope;

    begin();
    j.ble = server.ble = open_this();
    amble_scope_open(&scope);
    start(&scope, connect_one, &j);
    fake_connected(0, 1, true, 9);
    fake_features(1);
    start(&scope, advertise, &server);
    fake_connected(0, 1, false, 7);
    settle();
    assert_int_equal(amble_read_statistics(j.ble).malformed, 1);
    assert_true(amble_connected(j.conn));
    assert_true(amble_device_equal(amble_connection_device(j.conn), j.device));
    assert_int_equal(said(AMBLE__HCI_DISCONNECT), 0);
    assert_int_equal(amble_scope_wait(&scope, AMBLE_FOREVER), AMBLE_ERR_TIMEOUT);
    amble_scope_close(&scope);
    amble_connection_close(j.conn);
    amble_close(j.ble);
}

/* The last slot goes to one of two; the other one's link is sent away unseen, and comes when there is room. */
static void a_link_without_a_slot_is_sent_away(void)
{
    job client = {.timeout_ms = AMBLE_FOREVER, .device = peer(9)}, server = {.timeout_ms = AMBLE_FOREVER};
    amble_scope scope;
    amble_task *task;

    begin();
    assert_int_equal(open_able(&client.ble, &(amble_config){.connections = 1}), 0);
    server.ble = client.ble;
    amble_scope_open(&scope);
    task = start(&scope, advertise, &server);
    start(&scope, connect_one, &client);
    fake_connected(0, 1, true, 9);
    fake_features(1);
    fake_connected(0, 2, false, 7);
    settle();
    settle();
    assert_non_null(client.conn);
    assert_null(server.conn);
    assert_int_equal(said(AMBLE__HCI_DISCONNECT), 1);
    amble_connection_close(client.conn);
    settle();
    fake_connected(0, 2, false, 7);
    assert_int_equal(amble_join(task, 1000), 0);
    assert_non_null(server.conn);
    amble_scope_close(&scope);
    amble_connection_close(server.conn);
    amble_close(client.ble);
}

/* A connect whose link was lost before the first packet goes on; for another reason it ends with that. */
static void a_link_lost_before_its_first_packet(void)
{
    job j = {.timeout_ms = AMBLE_FOREVER, .device = peer(9)};
    amble_scope scope;
    amble_task *task;

    begin();
    j.ble = open_this();
    amble_scope_open(&scope);
    task = start(&scope, connect_one, &j);
    fake_connected(0, 1, true, 9);
    fake_disconnected(1, 0x3e);
    assert_int_equal(amble_sleep_ms(100), 0);
    assert_int_equal(said(AMBLE__HCI_LE_CREATE_CONNECTION), 2);
    assert_int_equal(amble_read_statistics(j.ble).connect_repeated, 1);
    fake_connected(0x3e, 0, true, 9); /* other controllers say it so */
    assert_int_equal(amble_sleep_ms(100), 0);
    assert_int_equal(said(AMBLE__HCI_LE_CREATE_CONNECTION), 3);
    assert_int_equal(amble_read_statistics(j.ble).connect_repeated, 2);
    fake_connected(0, 1, true, 9);
    fake_disconnected(1, 0x13);
    assert_int_equal(amble_join(task, 1000), AMBLE_ERR_HCI(0x13));
    amble_scope_close(&scope);
    amble_close(j.ble);
}

static void fail_hard(amble__timer *timer)
{
    (void)timer;
    fake.transport.receive(fake.transport.user, BYTES(AMBLE__PACKET_EVENT, AMBLE__EVENT_HARDWARE_ERROR, 1, 0x42));
}

/* The time of a connect is over, and before its task runs, the controller takes the link that was announced with it. */
static void a_link_lost_with_the_controller_is_not_returned(void)
{
    job j = {.timeout_ms = 50, .device = peer(9)};
    amble__timer failure = {.fire = fail_hard};
    amble_scope scope;
    amble_task *task;

    begin();
    j.ble = open_this();
    amble_scope_open(&scope);
    task = start(&scope, connect_one, &j);
    fake_connected(0, 1, true, 9);
    settle();
    amble__timer_start(&failure, 50000);
    amble_log_level(AMBLE_LOG_OFF);
    assert_int_equal(amble_join(task, 1000), AMBLE_ERR_TIMEOUT);
    amble_log_level(AMBLE_LOG_WARNING);
    assert_int_equal(amble_now_us(), 50000);
    assert_int_equal(j.ble->hci.failed, AMBLE_ERR_CONTROLLER);
    assert_null(j.conn);
    amble_scope_close(&scope);
    amble_close(j.ble);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(extended_commands_only),
        task_test(legacy_commands_only),
        task_test(raw_data_goes_out_as_it_is),
        task_test(a_controller_without_address_gets_a_random_one),
        task_test(le_without_buffers_uses_the_classic_ones),
        task_test(a_controller_that_knows_classic_buffers_alone),
        task_test(a_controller_without_buffers_is_refused),
        task_test(any_command_of_the_start_may_be_refused),
        task_test(a_controller_that_is_not_le_is_refused),
        task_test(refused_advertising_is_told),
        task_test(refused_connecting_and_scanning_are_told),
        task_test(a_hardware_error_ends_every_wait),
        task_test(a_controller_that_falls_silent_ends_every_wait),
        task_test(links_that_nobody_wants_are_sent_away),
        task_test(a_late_central_is_not_the_next_ones),
        task_test(a_stranger_is_not_the_peer_that_was_asked_for),
        task_test(a_handle_in_use_is_not_given_twice),
        task_test(a_link_without_a_slot_is_sent_away),
        task_test(a_link_lost_before_its_first_packet),
        task_test(a_link_lost_with_the_controller_is_not_returned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
