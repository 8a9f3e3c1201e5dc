/* Tests of writes: error codes, queues, commands without room, requests held until there is room or their time is
 * over, CCCDs, and the tasks that take what was written. */
#include "gatt/testing.h"

static amble_connection *conn;

static void begin(void) { conn = serve_table(); }

static void expect_written(const amble_characteristic *c, uint8_t expected)
{
    amble_value value;

    assert_int_equal(amble_written(ble, c, &value, 0), 0);
    assert_int_equal(value.size, 1);
    assert_int_equal(value.data[0], expected);
    assert_int_equal(value.dropped, 0);
}
static void expect_unwritten(const amble_characteristic *c)
{
    amble_value value;

    assert_int_equal(amble_written(ble, c, &value, 0), AMBLE_ERR_TIMEOUT);
}

static void a_value_is_written_and_told(void)
{
    uint8_t buffer[60];
    amble_value value;

    begin();
    ask(conn, 0x12, TEXT, 0, 'n', 'e', 'w');
    answer(conn, 0x13);
    assert_int_equal(amble_local_read(ble, &text, buffer, sizeof buffer), 3);
    assert_memory_equal(buffer, "new", 3);
    ask(conn, 0x12, TEXT, 0); /* nothing is a value too */
    answer(conn, 0x13);
    assert_int_equal(amble_local_read(ble, &text, buffer, sizeof buffer), 0);
    assert_int_equal(amble_written(ble, &text, &value, 0), 0); /* of two unread ones the latest */
    assert_int_equal(value.size, 0);
    assert_ptr_equal(value.conn, conn);
    expect_unwritten(&text);
}

static void errors(void)
{
    begin();
    ask(conn, 0x12, LEVEL, 0, 1);
    expect_error(conn, 0x12, LEVEL, 0x03);
    ask(conn, 0x12, LEVEL_NAME, 0, 1);
    expect_error(conn, 0x12, LEVEL_NAME, 0x03);
    ask(conn, 0x12, BATTERY, 0, 1);
    expect_error(conn, 0x12, BATTERY, 0x03);
    ask(conn, 0x12, LEVEL - 1, 0, 1);
    expect_error(conn, 0x12, LEVEL - 1, 0x03);
    ask(conn, 0x12, LAST + 1, 0, 1);
    expect_error(conn, 0x12, LAST + 1, 0x01);
    ask(conn, 0x12, 0, 0, 1);
    expect_error(conn, 0x12, 0, 0x01);
    ask(conn, 0x12, SECRET, 0, 1, 2, 3, 4, 5);
    expect_error(conn, 0x12, SECRET, 0x0d);
    ask(conn, 0x12, SECRET, 0, 1, 2, 3, 4);
    answer(conn, 0x13);
    ask(conn, 0x12, LEVEL_CCCD, 0, 1);
    expect_error(conn, 0x12, LEVEL_CCCD, 0x0d);
    ask(conn, 0x12, LEVEL_CCCD, 0, 1, 0, 0);
    expect_error(conn, 0x12, LEVEL_CCCD, 0x0d);
    expect_nothing();
}

static void commands_get_no_answer(void)
{
    begin();
    ask(conn, 0x52, TEXT, 0, 'x'); /* not without response */
    ask(conn, 0x52, LEVEL, 0, 1);
    ask(conn, 0x52, LAST + 1, 0, 1);
    ask(conn, 0x52, COMMAND);
    ask(conn, 0x52);
    for (int again = 0; again < 2; again++)
        ask(conn, 0x52, COMMAND - 1, 0, 1); /* its declaration */
    for (int again = 0; again < 2; again++)
        ask(conn, 0x52, COMMAND, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
            21); /* too long */
    assert_int_equal(the_host.server.database.dropped, 0);
    expect_nothing();
    expect_unwritten(&text);
    expect_unwritten(&command);
    ask(conn, 0x52, COMMAND, 0, 7);
    expect_nothing();
    expect_written(&command, 7);
}

/* Also of a client that comes back to the same attribute, which is known then. */
static void commands_pass_no_obstacle(void)
{
    static const amble_characteristic closed[] = {
        {.uuid = &text_uuid, .write = true},
        {.uuid = &text_uuid, .write_no_response = true, .write_security = AMBLE_ENCRYPTED},
        {.uuid = &text_uuid, .write_no_response = true, .write_authorised = true},
        {.uuid = &text_uuid,
         .write_no_response = true,
         .append = true,
         .max_size = 2,
         .initial = "ab",
         .initial_size = 2},
    };

    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) {
        const amble_service service = {.uuid = &battery_uuid, .characteristics = AMBLE_LIST(&closed[i])};

        gatt_open();
        assert_int_equal(amble_serve(ble, &service), 0);
        conn = link_open(HANDLE, false);
        for (int again = 0; again < 2; again++)
            ask(conn, 0x52, 3, 0, 'x');
        expect_unwritten(&closed[i]);
        expect_nothing();
    }
}

static void commands_without_room_are_counted(void)
{
    amble_value value;

    begin();
    for (uint8_t i = 1; i <= 5; i++)
        ask(conn, 0x52, COMMAND, 0, i);
    assert_int_equal(the_host.server.database.dropped, 3);
    expect_written(&command, 1);
    ask(conn, 0x52, COMMAND, 0, 6); /* no room: one is in view, one waits */
    expect_written(&command, 2);
    ask(conn, 0x52, COMMAND, 0, 7);
    assert_int_equal(amble_written(ble, &command, &value, 0), 0);
    assert_int_equal(value.data[0], 7);
    assert_int_equal(value.dropped, 4);
    expect_unwritten(&command);
    expect_nothing();
}

static void a_request_without_room_is_held(void)
{
    begin();
    ask(conn, 0x12, COMMAND, 0, 1);
    answer(conn, 0x13);
    ask(conn, 0x12, COMMAND, 0, 2);
    answer(conn, 0x13);
    ask(conn, 0x12, COMMAND, 0, 3);
    expect_nothing();
    ask(conn, 0x0a, LEVEL, 0); /* a second request while one is held is against the rules */
    expect_nothing();
    assert_int_equal(rooms.att.malformed, 1);
    expect_written(&command, 1); /* its view takes a place */
    expect_nothing();
    assert_int_equal(amble_sleep_ms(HELD_MS - 10), 0);
    expect_written(&command, 2); /* now there is room */
    answer(conn, 0x13);
    ask(conn, 0x0a, LEVEL, 0);
    answer(conn, 0x0b, 50);
    expect_written(&command, 3);
    expect_unwritten(&command);
    assert_int_equal(amble_sleep_ms(2 * HELD_MS), 0);
    expect_nothing();
    assert_int_equal(the_host.server.database.dropped, 0);
}

static void a_request_held_too_long_is_refused_and_not_delivered(void)
{
    begin();
    for (uint8_t i = 1; i <= 2; i++) {
        ask(conn, 0x12, COMMAND, 0, i);
        answer(conn, 0x13);
    }
    ask(conn, 0x12, COMMAND, 0, 3);
    assert_int_equal(amble_sleep_ms(HELD_MS - 1), 0);
    expect_nothing();
    assert_int_equal(amble_sleep_ms(2), 0);
    expect_error(conn, 0x12, COMMAND, 0x11);
    expect_written(&command, 1);
    expect_written(&command, 2);
    expect_unwritten(&command);
    ask(conn, 0x12, COMMAND, 0, 4); /* the next one is as good as any */
    answer(conn, 0x13);
    expect_written(&command, 4);
    expect_nothing();
}

static void held_writes_of_several_links_keep_their_order(void)
{
    amble_connection *other;
    amble_value value;
    uint8_t order[8];
    int count = 0;

    begin();
    other = link_open(HANDLE + 1, false);
    for (uint8_t i = 1; i <= 2; i++) {
        ask(conn, 0x12, COMMAND, 0, i);
        answer(conn, 0x13);
    }
    ask(other, 0x12, COMMAND, 0, 3);
    ask(conn, 0x12, COMMAND, 0, 4);
    ask(other, 0x52, COMMAND, 0, 5); /* a command must not overtake them */
    assert_int_equal(the_host.server.database.dropped, 1);
    while (amble_written(ble, &command, &value, 0) == 0)
        order[count++] = value.data[0];
    assert_int_equal(count, 4);
    assert_memory_equal(order, ((uint8_t[]){1, 2, 3, 4}), 4);
    answer(other, 0x13);
    answer(conn, 0x13);
    expect_nothing();
}

static void a_place_that_comes_free_belongs_to_the_held_write(void)
{
    amble_connection *other;
    amble_value value;

    begin();
    other = link_open(HANDLE + 1, false);
    ask(other, 0x52, COMMAND, 0, 1);
    ask(conn, 0x52, COMMAND, 0, 2);
    assert_int_equal(amble_written_by(other, &command, &value, 0), 0);
    ask(conn, 0x12, COMMAND, 0, 3); /* no room: one is in view, one waits */
    expect_nothing();
    link_close(other); /* the view is over */
    ask(conn, 0x52, COMMAND, 0, 4);
    assert_int_equal(the_host.server.database.dropped, 1);
    expect_written(&command, 2);
    answer(conn, 0x13);
    assert_int_equal(amble_written(ble, &command, &value, 0), 0);
    assert_int_equal(value.data[0], 3);
    expect_unwritten(&command);
}

static void a_held_write_goes_with_its_link(void)
{
    begin();
    for (uint8_t i = 1; i <= 3; i++)
        ask(conn, 0x12, COMMAND, 0, i);
    controller.read = controller.count;
    link_close(conn);
    assert_ptr_equal(link_open(HANDLE, false), conn);
    expect_written(&command, 1);
    expect_written(&command, 2);
    expect_unwritten(&command);
    assert_int_equal(amble_sleep_ms(2 * HELD_MS), 0);
    expect_nothing();
}

static void an_unread_characteristic_blocks_nobody(void)
{
    begin();
    for (uint8_t i = 1; i <= 5; i++)
        ask(conn, 0x52, COMMAND, 0, i);
    ask(conn, 0x12, TEXT, 0, 'x');
    answer(conn, 0x13);
    expect_written(&text, 'x');
}

static void a_read_that_a_task_answers_is_no_write(void)
{
    amble_connection *other;
    amble_request request;
    amble_value value;

    begin();
    other = link_open(HANDLE + 1, false);
    ask(conn, 0x0a, BOTH, 0); /* held until a task answers it */
    assert_int_equal(amble_written(ble, &both, &value, 0), AMBLE_ERR_TIMEOUT);
    expect_nothing();
    ask(other, 0x12, BOTH, 0, 1); /* nor does it hold up a write */
    answer(other, 0x13);
    ask(other, 0x12, BOTH, 0, 2);
    expect_nothing();
    expect_written(&both, 1);
    expect_nothing();
    assert_int_equal(amble_requested(ble, &both, &request, 0), 0);
    assert_false(request.write);
    assert_int_equal(amble_request_answer(ble, &request, "ok", 2), 0);
    answer(conn, 0x0b, 'o', 'k');
    expect_written(&both, 2);
    answer(other, 0x13);
    expect_nothing();
}

/* --- CCCDs -------------------------------------------------------------------------------------------------------- */
static void a_cccd_belongs_to_its_link(void)
{
    amble_connection *other;

    begin();
    other = link_open(HANDLE + 1, false);
    ask(conn, 0x12, LEVEL_CCCD, 0, 1, 0);
    answer(conn, 0x13);
    ask(other, 0x12, LEVEL_CCCD, 0, 2, 0);
    answer(other, 0x13);
    ask(conn, 0x0a, LEVEL_CCCD, 0);
    answer(conn, 0x0b, 1, 0);
    ask(other, 0x0a, LEVEL_CCCD, 0);
    answer(other, 0x0b, 2, 0);
    assert_int_equal(amble_subscribed(conn, &level), 1);
    assert_int_equal(amble_subscribed(other, &level), 2);
    ask(conn, 0x12, LEVEL_CCCD, 0, 3, 0);
    answer(conn, 0x13);
    assert_int_equal(amble_subscribed(conn, &level), 3);
    ask(conn, 0x52, LEVEL_CCCD, 0, 0, 0); /* with a command too */
    assert_int_equal(amble_subscribed(conn, &level), 0);
    link_lose(other);
    assert_int_equal(amble_subscribed(other, &level), 0);
    amble__link_free(other);
    assert_ptr_equal(link_open(HANDLE + 1, false), other);
    assert_int_equal(amble_subscribed(other, &level), 0); /* nothing is inherited */
    assert_int_equal(amble_subscribed(conn, &text), 0);
}

static void a_cccd_takes_what_the_characteristic_can(void)
{
    const amble_characteristic only_notify = {.uuid = &level_uuid, .notify = true},
                               only_indicate = {.uuid = &level_uuid, .indicate = true};
    const amble_service service = {.uuid = &battery_uuid, .characteristics = AMBLE_LIST(&only_notify, &only_indicate)};

    gatt_open();
    assert_int_equal(amble_serve(ble, &service), 0);
    conn = link_open(HANDLE, false);
    ask(conn, 0x12, 4, 0, 2, 0);
    expect_error(conn, 0x12, 4, 0xfd);
    ask(conn, 0x12, 4, 0, 3, 0);
    expect_error(conn, 0x12, 4, 0xfd);
    ask(conn, 0x12, 7, 0, 1, 0);
    expect_error(conn, 0x12, 7, 0xfd);
    assert_int_equal(amble_subscribed(conn, &only_notify) | amble_subscribed(conn, &only_indicate), 0);
    ask(conn, 0x12, 7, 0, 0xfe, 0xff); /* bits nobody knows are ignored */
    answer(conn, 0x13);
    assert_int_equal(amble_subscribed(conn, &only_indicate), 2);
}

/* --- tasks that take ---------------------------------------------------------------------------------------------- */
typedef struct {
    amble_connection *from;
    int result;
    bool done;
    uint8_t first;
    amble_task *task;
} taker;

static int taking(void *arg)
{
    taker *t = arg;
    amble_value value;

    t->result = t->from ? amble_written_by(t->from, &command, &value, AMBLE_FOREVER)
                        : amble_written(ble, &command, &value, AMBLE_FOREVER);
    if (t->result == 0)
        t->first = value.data[0];
    t->done = true;
    return 0;
}

static void start(amble_scope *scope, taker *t, amble_connection *from)
{
    *t = (taker){.from = from, .result = 77};
    t->task = amble_spawn(scope, taking, t);
    settle();
}

static void who_waits_is_woken(void)
{
    amble_connection *other;
    amble_scope scope;
    taker any, mine;

    begin();
    other = link_open(HANDLE + 1, false);
    amble_scope_open(&scope);
    start(&scope, &mine, other);
    ask(conn, 0x52, COMMAND, 0, 1);
    settle();
    assert_false(mine.done);
    ask(other, 0x12, COMMAND, 0, 2);
    answer(other, 0x13);
    settle();
    assert_int_equal(mine.first, 2);
    start(&scope, &any, NULL);
    assert_int_equal(any.first, 1);
    start(&scope, &any, NULL);
    assert_false(any.done);
    start(&scope, &mine, NULL);
    assert_int_equal(mine.result, AMBLE_ERR_BUSY);
    start(&scope, &mine, other);
    link_lose(other);
    settle();
    assert_int_equal(mine.result, AMBLE_ERR_DISCONNECTED);
    amble__server_fail(&the_host.server, AMBLE_ERR_CONTROLLER);
    settle();
    assert_int_equal(any.result, AMBLE_ERR_CONTROLLER);
    start(&scope, &any, NULL);
    assert_int_equal(any.result, AMBLE_ERR_CONTROLLER);
    amble_scope_close(&scope);
}

static void what_cannot_be_taken(void)
{
    const amble_characteristic elsewhere = command;
    amble_value value;

    begin();
    assert_int_equal(amble_written(ble, &level, &value, AMBLE_FOREVER), AMBLE_ERR_NOT_FOUND); /* nobody can write it */
    assert_int_equal(amble_written(ble, &elsewhere, &value, AMBLE_FOREVER), AMBLE_ERR_NOT_FOUND);
    assert_int_equal(amble_written_by(conn, &elsewhere, &value, AMBLE_FOREVER), AMBLE_ERR_NOT_FOUND);
}

static void the_first_of_several_is_the_one_written_first(void)
{
    const amble_source sources[] = {amble_on_written(ble, &text), amble_on_written(ble, &command)};

    begin();
    assert_int_equal(amble_wait_first(sources, 2, 10), AMBLE_ERR_TIMEOUT);
    ask(conn, 0x52, COMMAND, 0, 1);
    ask(conn, 0x12, TEXT, 0, 'x');
    assert_int_equal(amble_wait_first(sources, 2, AMBLE_FOREVER), 1);
    expect_written(&command, 1);
    assert_int_equal(amble_wait_first(sources, 2, AMBLE_FOREVER), 0);
    expect_written(&text, 'x');
    assert_int_equal(amble_wait_first(sources, 2, 0), AMBLE_ERR_TIMEOUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(a_value_is_written_and_told),
        task_test(errors),
        task_test(commands_get_no_answer),
        task_test(commands_pass_no_obstacle),
        task_test(commands_without_room_are_counted),
        task_test(a_request_without_room_is_held),
        task_test(a_request_held_too_long_is_refused_and_not_delivered),
        task_test(held_writes_of_several_links_keep_their_order),
        task_test(a_place_that_comes_free_belongs_to_the_held_write),
        task_test(a_held_write_goes_with_its_link),
        task_test(an_unread_characteristic_blocks_nobody),
        task_test(a_read_that_a_task_answers_is_no_write),
        task_test(a_cccd_belongs_to_its_link),
        task_test(a_cccd_takes_what_the_characteristic_can),
        task_test(who_waits_is_woken),
        task_test(what_cannot_be_taken),
        task_test(the_first_of_several_is_the_one_written_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
