/* What the server and the client do with several bearers: an answer goes where its request came from, a client has one
 * queue of parts, what is held on a bearer goes with it, and a confirmation is sent where its indication came. The
 * peer's channel of bearer n is 0x60 + n, ours 0x40 + n. */
#include "gatt/testing.h"

enum { FIXED = -1, PEER_CID = 0x60, OUR_CID = 0x40, MANY = 50 };

static amble_connection *conn;

static void ask_for_bearers(void)
{
    conn->security.encrypted = true;
    peer_sends(conn, AMBLE__CID_SIGNALLING,
               BYTES(0x17, 1, 12, 0, 0x27, 0, TEST_MTU, 0, 64, 0, MANY, 0, PEER_CID, 0, PEER_CID + 1, 0));
    (void)next_sent();
    assert_int_equal(amble_connection_bearers(conn), 3);
}
static void open_bearers(bool central)
{
    (void)serve_table();
    conn = central ? link_open(HANDLE + 1, true) : rooms.links.slots;
    ask_for_bearers();
}

/* On bearer 0 or 1, or on the fixed channel. */
static void peer_says(int bearer, const uint8_t *pdu, size_t size)
{
    uint8_t frame[SENT_SIZE];

    amble__put_le16(frame, (unsigned)size);
    memcpy(frame + 2, pdu, size);
    if (bearer == FIXED)
        peer_att(conn, pdu, size);
    else
        peer_sends(conn, (uint16_t)(OUR_CID + bearer), frame, size + 2);
}
/* The next packet that is not one of credits. */
static const sent_packet *next_said(void)
{
    while (controller.sent[controller.read % SENT_MAX].bytes[7] == AMBLE__CID_SIGNALLING)
        (void)next_sent();
    return next_sent();
}
/* The same, and what it is. */
static void expect_said(int bearer, const uint8_t *pdu, size_t size)
{
    uint8_t frame[SENT_SIZE];

    while (unread() && controller.sent[controller.read % SENT_MAX].bytes[7] == AMBLE__CID_SIGNALLING)
        (void)next_sent();
    amble__put_le16(frame, (unsigned)size);
    memcpy(frame + 2, pdu, size);
    if (bearer == FIXED)
        expect_att(conn, pdu, size);
    else
        expect_frame(conn, (uint16_t)(PEER_CID + bearer), frame, size + 2);
}
static void expect_silence(void)
{
    while (unread() && controller.sent[controller.read % SENT_MAX].bytes[7] == AMBLE__CID_SIGNALLING)
        (void)next_sent();
    expect_nothing();
}
static void peer_closes(int bearer)
{
    peer_sends(conn, AMBLE__CID_SIGNALLING,
               BYTES(0x06, 9, 4, 0, (uint8_t)(OUR_CID + bearer), 0, (uint8_t)(PEER_CID + bearer), 0));
}
#define PREPARE(bearer, ...)  peer_says(bearer, BYTES(0x16, TEXT, 0, __VA_ARGS__))
#define PREPARED(bearer, ...) expect_said(bearer, BYTES(0x17, TEXT, 0, __VA_ARGS__))

static void take(const char *expected)
{
    amble_value value;

    assert_int_equal(amble_written(ble, &command, &value, 0), 0);
    assert_int_equal(value.size, strlen(expected));
    assert_memory_equal(value.data, expected, value.size);
}

/* --- the server --------------------------------------------------------------------------------------------------- */
static void every_answer_goes_where_its_request_came_from(void)
{
    amble_request one, two;

    open_bearers(false);
    peer_says(0, BYTES(0x0a, ASKED, 0));
    peer_says(FIXED, BYTES(0x0a, ASKED, 0));
    peer_says(1, BYTES(0x0a, LEVEL, 0));
    expect_said(1, BYTES(0x0b, 50));
    peer_says(1, BYTES(0x02, 100, 0));
    expect_said(1, BYTES(0x01, 0x02, 0, 0, 0x06)); /* an MTU is that of the channel */
    assert_int_equal(amble_requested(ble, &asked, &one, 0), 0);
    assert_int_equal(amble_requested(ble, &asked, &two, 0), 0);
    assert_int_equal(amble_request_answer(ble, &two, "2", 1), 0);
    expect_said(FIXED, BYTES(0x0b, '2'));
    assert_int_equal(amble_request_answer(ble, &one, "1", 1), 0);
    expect_said(0, BYTES(0x0b, '1'));
}

/* Vol 3 Part F 3.4.6: each client has a single queue regardless of how many bearers there are. */
static void a_client_has_one_queue_of_parts(void)
{
    char now[64];

    open_bearers(false);
    PREPARE(FIXED, 0, 0, 'a');
    PREPARED(FIXED, 0, 0, 'a');
    PREPARE(0, 1, 0, 'b');
    PREPARED(0, 1, 0, 'b');
    peer_says(1, BYTES(0x18, 1));
    expect_said(1, BYTES(0x19));
    assert_int_equal(amble_local_read(ble, &text, now, sizeof now), 2); /* the value ends where its parts do */
    assert_memory_equal(now, "ab", 2);
}

/* The execution waits for room in a queue; meanwhile its parts can neither be added to, nor cancelled, nor executed
 * once more. */
static void an_execution_that_is_held_keeps_its_parts(void)
{
    open_bearers(false);
    peer_says(FIXED, BYTES(0x52, COMMAND, 0, '1'));
    peer_says(FIXED, BYTES(0x52, COMMAND, 0, '2'));
    peer_says(0, BYTES(0x16, COMMAND, 0, 0, 0, '3'));
    expect_said(0, BYTES(0x17, COMMAND, 0, 0, 0, '3'));
    peer_says(0, BYTES(0x18, 1));
    expect_silence();
    peer_says(1, BYTES(0x16, COMMAND, 0, 1, 0, 'x'));
    expect_said(1, BYTES(0x01, 0x16, COMMAND, 0, 0x09));
    peer_says(FIXED, BYTES(0x18, 0));
    expect_said(FIXED, BYTES(0x19));
    peer_says(1, BYTES(0x18, 1));
    expect_said(1, BYTES(0x19));
    take("1");
    take("2");
    expect_said(0, BYTES(0x19));
    take("3");
    PREPARE(1, 0, 0, 'a'); /* the queue is there again */
    PREPARED(1, 0, 0, 'a');
}

static void what_is_held_goes_with_its_bearer(void)
{
    amble_request request;
    amble_value value;

    open_bearers(false);
    peer_says(0, BYTES(0x0a, ASKED, 0));
    assert_int_equal(amble_requested(ble, &asked, &request, 0), 0);
    peer_says(FIXED, BYTES(0x52, COMMAND, 0, '1'));
    peer_says(FIXED, BYTES(0x52, COMMAND, 0, '2'));
    peer_says(1, BYTES(0x12, COMMAND, 0, '3'));
    expect_silence();
    peer_closes(0);
    peer_closes(1);
    expect_silence();
    assert_int_equal(amble_request_answer(ble, &request, "1", 1), AMBLE_ERR_STALE);
    take("1");
    take("2");
    assert_int_equal(amble_written(ble, &command, &value, 0), AMBLE_ERR_TIMEOUT);
    expect_silence();
}

/* Nobody would hear whether it was done. */
static void a_held_execution_goes_with_its_bearer(void)
{
    amble_value value;

    open_bearers(false);
    peer_says(FIXED, BYTES(0x52, COMMAND, 0, '1'));
    peer_says(FIXED, BYTES(0x52, COMMAND, 0, '2'));
    peer_says(0, BYTES(0x16, COMMAND, 0, 0, 0, '3'));
    expect_said(0, BYTES(0x17, COMMAND, 0, 0, 0, '3'));
    peer_says(0, BYTES(0x18, 1));
    peer_closes(0);
    take("1");
    take("2");
    assert_int_equal(amble_written(ble, &command, &value, 0), AMBLE_ERR_TIMEOUT);
    peer_says(FIXED, BYTES(0x18, 1));
    expect_said(FIXED, BYTES(0x19));
    assert_int_equal(amble_written(ble, &command, &value, 0), AMBLE_ERR_TIMEOUT);
}

/* Commands have no bearer of their own: their order is that of their coming. */
static void notifications_stay_on_the_fixed_channel(void)
{
    open_bearers(false);
    peer_says(0, BYTES(0x12, LEVEL_CCCD, 0, 1, 0));
    expect_said(0, BYTES(0x13));
    assert_int_equal(amble_notify(conn, &level, "n", 1, 0), 0);
    expect_said(FIXED, BYTES(0x1b, LEVEL, 0, 'n'));
    peer_says(1, BYTES(0x12, LEVEL_CCCD, 0, 2, 0));
    expect_said(1, BYTES(0x13));
    assert_int_equal(amble_indicate(conn, &level, "i", 1, 0), AMBLE_ERR_TIMEOUT); /* it is on its way */
    expect_said(FIXED, BYTES(0x1d, LEVEL, 0, 'i'));
    peer_says(0, BYTES(0x1e)); /* not there */
    assert_int_equal(rooms.att.malformed, 1);
    peer_says(FIXED, BYTES(0x1e));
    assert_int_equal(rooms.att.malformed, 1);
}

/* Vol 3 Part G 2.5.2.1: told once on each bearer; aware only after the hash, and one request more. */
static void a_client_with_several_bearers_reads_the_hash_to_be_aware(void)
{
    static const amble_uuid more_uuid = AMBLE_UUID16(0x1815);
    static const amble_service more = {.uuid = &more_uuid};
    uint16_t features, changed;

    open_bearers(false);
    assert_int_equal(amble_serve(ble, &amble__gatt_service), 0);
    changed = amble__database_find(&the_host.server.database, &amble__service_changed)->handle;
    features = (uint16_t)(changed + 3);      /* the next value behind its CCCD and declaration */
    peer_says(FIXED, BYTES(0x0a, LEVEL, 0)); /* the service came before it said that it understands */
    expect_said(FIXED, BYTES(0x0b, 50));
    peer_says(0, BYTES(0x08, 1, 0, 0xff, 0xff, 0x2a, 0x2b));
    (void)next_said();
    peer_says(0, BYTES(0x12, (uint8_t)features, 0, 1));
    expect_said(0, BYTES(0x13));
    peer_says(0, BYTES(0x12, (uint8_t)(changed + 1), 0, 2, 0));
    expect_said(0, BYTES(0x13));
    peer_says(0, BYTES(0x12, LEVEL_CCCD, 0, 1, 0));
    expect_said(0, BYTES(0x13));
    assert_int_equal(amble_subscribed(conn, &level), 1);

    assert_int_equal(amble_serve(ble, &more), 0);
    assert_int_equal(next_said()->bytes[9], 0x1d);
    peer_says(FIXED, BYTES(0x1e));
    assert_int_equal(amble_subscribed(conn, &level), 0); /* a confirmation is not enough */
    peer_says(1, BYTES(0x0a, LEVEL, 0));
    expect_said(1, BYTES(0x01, 0x0a, LEVEL, 0, 0x12));
    peer_says(1, BYTES(0x0a, LEVEL, 0)); /* once */
    expect_said(1, BYTES(0x0b, 50));
    peer_says(0, BYTES(0x0a, LEVEL, 0));
    expect_said(0, BYTES(0x01, 0x0a, LEVEL, 0, 0x12));
    assert_int_equal(amble_subscribed(conn, &level), 0);
    peer_says(0, BYTES(0x08, 1, 0, 0xff, 0xff, 0x2a, 0x2b));
    (void)next_said();
    assert_int_equal(amble_subscribed(conn, &level), 0);
    peer_says(1, BYTES(0x0a, LEVEL, 0));
    expect_said(1, BYTES(0x0b, 50));
    assert_int_equal(amble_subscribed(conn, &level), 1);
    assert_int_equal(amble_unserve(ble, &more), 0); /* and the next change is another one */
    assert_int_equal(next_said()->bytes[9], 0x1d);
    peer_says(1, BYTES(0x0a, LEVEL, 0));
    expect_said(1, BYTES(0x01, 0x0a, LEVEL, 0, 0x12));
}

/* --- the client --------------------------------------------------------------------------------------------------- */
/* It was told when it had one bearer, and the others came before its confirmation: what it asks there it asks
 * knowing. */
static void who_was_told_alone_is_aware_when_it_confirms(void)
{
    static const amble_uuid more_uuid = AMBLE_UUID16(0x1815);
    static const amble_service more = {.uuid = &more_uuid};
    uint16_t changed;

    (void)serve_table();
    conn = rooms.links.slots;
    assert_int_equal(amble_serve(ble, &amble__gatt_service), 0);
    changed = amble__database_find(&the_host.server.database, &amble__service_changed)->handle;
    peer_says(FIXED, BYTES(0x12, (uint8_t)(changed + 3), 0, 1));
    expect_said(FIXED, BYTES(0x13));
    peer_says(FIXED, BYTES(0x12, (uint8_t)(changed + 1), 0, 2, 0));
    expect_said(FIXED, BYTES(0x01, 0x12, (uint8_t)(changed + 1), 0, 0x12)); /* the GATT service is new */
    peer_says(FIXED, BYTES(0x12, (uint8_t)(changed + 1), 0, 2, 0));
    expect_said(FIXED, BYTES(0x13));
    peer_says(FIXED, BYTES(0x12, LEVEL_CCCD, 0, 1, 0));
    expect_said(FIXED, BYTES(0x13));
    assert_int_equal(amble_serve(ble, &more), 0);
    assert_int_equal(next_said()->bytes[9], 0x1d);
    ask_for_bearers();
    assert_int_equal(amble_subscribed(conn, &level), 0);
    peer_says(FIXED, BYTES(0x1e));
    assert_int_equal(amble_subscribed(conn, &level), 1);
}

/* Two lists that are asked for at the same time: what one task gets is not what the other one asked for. */
static int results[2];
static int next_characteristic(void *arg)
{
    const amble_remote_service service = {.conn = conn, .start = 1, .end = 9, .generation = conn->generation};
    amble_remote_characteristic c = {.conn = NULL};

    (void)arg;
    results[0] = amble_next_characteristic(&service, &c, 1000);
    return 0;
}
static int next_descriptor(void *arg)
{
    const amble_remote_characteristic c = {
        .conn = conn, .handle = 20, .value_handle = 21, .end = 29, .generation = conn->generation};
    amble_remote_descriptor d = {.conn = NULL};

    (void)arg;
    results[1] = amble_next_descriptor(&c, &d, 1000);
    return d.handle == 22 ? 0 : -1;
}
static void lists_that_come_together_do_not_mix(void)
{
    amble_scope scope;

    open_bearers(true);
    amble_scope_open(&scope);
    amble_spawn(&scope, next_characteristic, NULL);
    amble_spawn(&scope, next_descriptor, NULL);
    settle();
    expect_said(FIXED, BYTES(0x08, 1, 0, 9, 0, 0x03, 0x28));
    expect_said(0, BYTES(0x04, 22, 0, 29, 0));
    peer_says(0, BYTES(0x05, 1, 22, 0, 0x01, 0x29));
    settle();
    assert_int_equal(results[1], 1);
    peer_says(FIXED, BYTES(0x01, 0x08, 1, 0, 0x0a));
    settle();
    assert_int_equal(results[0], 0);
    assert_int_equal(amble_scope_wait(&scope, 0), 0);
    amble_scope_close(&scope);
}

static amble_subscription *subscription;
static int subscribe(void *arg)
{
    const amble_remote_characteristic c = {.conn = conn,
                                           .handle = 2,
                                           .value_handle = 3,
                                           .end = 4,
                                           .generation = conn->generation,
                                           .properties = AMBLE_PROPERTY_INDICATE};

    (void)arg;
    return amble_subscribe(&c, &(amble_subscribe_options){.indicate = true, .depth = 1}, &subscription, 1000);
}
static void subscribe_to_indications(void)
{
    amble_scope scope;
    amble_task *task;

    open_bearers(true);
    amble_scope_open(&scope);
    task = amble_spawn(&scope, subscribe, NULL);
    settle();
    expect_said(FIXED, BYTES(0x04, 4, 0, 4, 0));
    peer_says(FIXED, BYTES(0x05, 1, 4, 0, 0x02, 0x29));
    settle();
    expect_said(FIXED, BYTES(0x12, 4, 0, 2, 0));
    peer_says(FIXED, BYTES(0x13));
    settle();
    assert_int_equal(amble_join(task, 0), 0);
    amble_scope_close(&scope);
}
static void expect_indicated(char expected)
{
    amble_value value;

    assert_int_equal(amble_notified(subscription, &value, 0), 0);
    assert_int_equal(value.data[0], expected);
}
static void close_subscription(void)
{
    link_lose(conn);
    amble_subscription_close(subscription);
}

static void a_confirmation_is_sent_where_its_indication_came(void)
{
    subscribe_to_indications();
    peer_says(1, BYTES(0x1d, 3, 0, 'a'));
    expect_said(1, BYTES(0x1e));
    peer_says(0, BYTES(0x1d, 3, 0, 'b')); /* fills the queue: owed until somebody reads */
    expect_silence();
    peer_says(FIXED, BYTES(0x1d, 3, 0, 'c')); /* no room for it: it is lost, and counted */
    expect_silence();
    expect_indicated('a');
    expect_indicated('b');
    expect_said(FIXED, BYTES(0x1e));
    expect_said(0, BYTES(0x1e));
    expect_silence();
    close_subscription();
}

static void a_confirmation_that_is_owed_goes_with_its_bearer(void)
{
    subscribe_to_indications();
    peer_says(FIXED, BYTES(0x1d, 3, 0, 'a'));
    expect_said(FIXED, BYTES(0x1e));
    peer_says(0, BYTES(0x1d, 3, 0, 'b'));
    expect_silence();
    peer_closes(0);
    peer_sends(conn, AMBLE__CID_SIGNALLING,
               BYTES(0x17, 2, 10, 0, 0x27, 0, TEST_MTU, 0, 64, 0, MANY, 0, PEER_CID, 0)); /* another one in its place */
    assert_int_equal(amble_connection_bearers(conn), 3);
    expect_indicated('a');
    expect_indicated('b');
    expect_silence();
    close_subscription();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(every_answer_goes_where_its_request_came_from),
        task_test(a_client_has_one_queue_of_parts),
        task_test(an_execution_that_is_held_keeps_its_parts),
        task_test(what_is_held_goes_with_its_bearer),
        task_test(a_held_execution_goes_with_its_bearer),
        task_test(notifications_stay_on_the_fixed_channel),
        task_test(a_client_with_several_bearers_reads_the_hash_to_be_aware),
        task_test(who_was_told_alone_is_aware_when_it_confirms),
        task_test(lists_that_come_together_do_not_mix),
        task_test(a_confirmation_is_sent_where_its_indication_came),
        task_test(a_confirmation_that_is_owed_goes_with_its_bearer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
