/* Tests of writes in parts: the bounded buffer, offsets, several attributes at once or none, queues without room, and
 * values that a task answers for. */
#include "gatt/testing.h"

static amble_connection *conn;

static void begin(void) { conn = serve_table(); }

/* The same bytes come back. */
#define prepare(...)                                                                                                   \
    do {                                                                                                               \
        ask(conn, 0x16, __VA_ARGS__);                                                                                  \
        answer(conn, 0x17, __VA_ARGS__);                                                                               \
    } while (0)

static void expect_text(const amble_characteristic *c, const char *expected)
{
    char buffer[100] = "";
    const int size = amble_local_read(ble, c, buffer, sizeof buffer);

    assert_int_equal(size, strlen(expected));
    assert_memory_equal(buffer, expected, (size_t)size);
}

static void parts_make_one_value(void)
{
    amble_value value;

    begin();
    prepare(TEXT, 0, 0, 0, 'a', 'b', 'c');
    expect_text(&text, text_start); /* nothing happens yet */
    prepare(TEXT, 0, 3, 0, 'd', 'e', 'f');
    prepare(TEXT, 0, 1, 0, 'X'); /* over what came before */
    ask(conn, 0x18, 1);
    answer(conn, 0x19);
    expect_text(&text, "aXcdef");
    assert_int_equal(amble_written(ble, &text, &value, 0), 0);
    assert_int_equal(value.size, 6);
    assert_memory_equal(value.data, "aXcdef", 6);
    assert_int_equal(amble_written(ble, &text, &value, 0), AMBLE_ERR_TIMEOUT); /* once */
    prepare(TEXT, 0, 2, 0, 'Y');                                               /* within the value as it is */
    ask(conn, 0x18, 1);
    answer(conn, 0x19);
    expect_text(&text, "aXY");
    ask(conn, 0x18, 1); /* nothing is left over */
    answer(conn, 0x19);
    expect_text(&text, "aXY");
}

static void cancelling_forgets(void)
{
    amble_connection *other;

    begin();
    prepare(TEXT, 0, 0, 0, 'a');
    ask(conn, 0x18, 0);
    answer(conn, 0x19);
    ask(conn, 0x18, 1);
    answer(conn, 0x19);
    expect_text(&text, text_start);
    prepare(TEXT, 0, 0, 0, 'b');
    other = link_open(HANDLE + 1, false);
    ask(other, 0x18, 1); /* of somebody else */
    answer(other, 0x19);
    expect_text(&text, text_start);
    link_close(conn);
    assert_ptr_equal(link_open(HANDLE, false), conn);
    ask(conn, 0x18, 1); /* a link begins with nothing */
    answer(conn, 0x19);
    expect_text(&text, text_start);
}

static void what_cannot_be_prepared(void)
{
    begin();
    ask(conn, 0x16, LAST + 1, 0, 0, 0, 1);
    expect_error(conn, 0x16, LAST + 1, 0x01);
    ask(conn, 0x16, LEVEL, 0, 0, 0, 1);
    expect_error(conn, 0x16, LEVEL, 0x03);
    ask(conn, 0x16, LEVEL_CCCD, 0, 0, 0, 1);
    expect_error(conn, 0x16, LEVEL_CCCD, 0x03);
    ask(conn, 0x16, BATTERY, 0, 0, 0, 1);
    expect_error(conn, 0x16, BATTERY, 0x03);
    ask(conn, 0x18, 2);
    expect_error(conn, 0x18, 0, 0x04);
    expect_nothing();
}

static void offsets_and_lengths_are_looked_at_in_the_end(void)
{
    begin();
    prepare(TEXT, 0, 0, 0, 'a');
    prepare(TEXT, 0, 2, 0, 'c'); /* a gap */
    ask(conn, 0x18, 1);
    expect_error(conn, 0x18, TEXT, 0x07);
    ask(conn, 0x18, 1); /* an error empties the buffer */
    answer(conn, 0x19);
    prepare(TEXT, 0, 41, 0, 'a'); /* behind the value as it is */
    ask(conn, 0x18, 1);
    expect_error(conn, 0x18, TEXT, 0x07);
    prepare(SECRET, 0, 0, 0, 1, 2, 3, 4);
    prepare(SECRET, 0, 4, 0, 5);
    ask(conn, 0x18, 1);
    expect_error(conn, 0x18, SECRET, 0x0d);
    expect_text(&text, text_start);
    expect_text(&secret, "");
    expect_nothing();
}

static void all_or_none(void)
{
    begin();
    prepare(TEXT, 0, 0, 0, 'a');
    prepare(SECRET, 0, 0, 0, '1', '2', '3');
    prepare(TEXT, 0, 1, 0, 'b');
    ask(conn, 0x18, 1);
    answer(conn, 0x19);
    expect_text(&text, "ab");
    expect_text(&secret, "123");
    prepare(TEXT, 0, 0, 0, 'c');
    prepare(SECRET, 0, 0, 0, '1', '2', '3', '4', '5');
    ask(conn, 0x18, 1);
    expect_error(conn, 0x18, SECRET, 0x0d);
    expect_text(&text, "ab");
    expect_text(&secret, "123");
    prepare(COMMAND, 0, 0, 0, 'c');
    prepare(TEXT, 0, 9, 0, 'c');
    ask(conn, 0x18, 1);
    expect_error(conn, 0x18, TEXT, 0x07);
    assert_int_equal(amble_written(ble, &command, &(amble_value){.size = 0}, 0), AMBLE_ERR_TIMEOUT);
}

static void a_full_buffer_says_so(void)
{
    uint8_t pdu[5 + 18] = {0x16, TEXT};
    unsigned taken = 0;

    begin();
    for (unsigned i = 0; i < 20; i++) {
        amble__put_le16(pdu + 3, i * 18 % 60);
        peer_att(conn, pdu, sizeof pdu);
        if (next_sent()->bytes[9] == 0x17)
            taken++;
        else
            assert_int_equal(controller.sent[controller.read - 1].bytes[13], 0x09);
    }
    assert_int_equal(taken, TEST_PREPARED / (6 + 18));
    ask(conn, 0x18, 0);
    answer(conn, 0x19);
    prepare(TEXT, 0, 0, 0, 'a'); /* there is room again */
}

static void an_execution_without_room_is_held(void)
{
    amble_value value;

    begin();
    for (uint8_t i = 1; i <= 2; i++) {
        ask(conn, 0x12, COMMAND, 0, i);
        answer(conn, 0x13);
    }
    prepare(TEXT, 0, 0, 0, 'a');
    prepare(COMMAND, 0, 0, 0, 3);
    ask(conn, 0x18, 1);
    expect_nothing();
    expect_text(&text, text_start); /* none before all */
    assert_int_equal(amble_written(ble, &command, &value, 0), 0);
    expect_nothing();
    assert_int_equal(amble_written(ble, &command, &value, 0), 0);
    answer(conn, 0x19);
    expect_text(&text, "a");
    assert_int_equal(amble_written(ble, &command, &value, 0), 0);
    assert_int_equal(value.data[0], 3);
    assert_int_equal(amble_written(ble, &command, &value, 0), AMBLE_ERR_TIMEOUT);
}

static void an_execution_held_too_long_writes_nothing(void)
{
    begin();
    for (uint8_t i = 1; i <= 2; i++) {
        ask(conn, 0x12, COMMAND, 0, i);
        answer(conn, 0x13);
    }
    prepare(TEXT, 0, 0, 0, 'a');
    prepare(COMMAND, 0, 0, 0, 3);
    ask(conn, 0x18, 1);
    assert_int_equal(amble_sleep_ms(HELD_MS + 1), 0);
    expect_error(conn, 0x18, COMMAND, 0x11);
    expect_text(&text, text_start);
    ask(conn, 0x18, 1);
    answer(conn, 0x19);
    expect_text(&text, text_start);
}

static void a_task_answers_for_a_long_value(void)
{
    amble_request request;

    begin();
    prepare(ASKED, 0, 0, 0, 'a', 'b');
    prepare(ASKED, 0, 2, 0, 'c');
    ask(conn, 0x18, 1);
    expect_nothing();
    assert_int_equal(amble_requested(ble, &asked, &request, 0), 0);
    assert_true(request.write);
    assert_int_equal(request.size, 3);
    assert_memory_equal(request.data, "abc", 3);
    assert_int_equal(amble_request_answer(ble, &request, NULL, 0), 0);
    answer(conn, 0x19);
    expect_text(&asked, "abc");
    prepare(ASKED, 0, 0, 0, 'd');
    ask(conn, 0x18, 1);
    assert_int_equal(amble_requested(ble, &asked, &request, 0), 0);
    assert_int_equal(amble_request_refuse(ble, &request, 0x80), 0);
    expect_error(conn, 0x18, ASKED, 0x80);
    expect_text(&asked, "abc");
    prepare(ASKED, 0, 0, 0, 'd');
    prepare(TEXT, 0, 0, 0, 'e'); /* nobody can answer for both */
    ask(conn, 0x18, 1);
    expect_error(conn, 0x18, TEXT, 0x0e);
    expect_text(&text, text_start);
    prepare(ASKED, 0, 1, 0, 'd'); /* it has to be whole */
    ask(conn, 0x18, 1);
    expect_error(conn, 0x18, ASKED, 0x07);
}

static void what_is_appended(void)
{
    const amble_characteristic log = {
        .uuid = &text_uuid, .read = true, .write = true, .write_no_response = true, .append = true, .max_size = 8};
    const amble_service service = {.uuid = &battery_uuid, .characteristics = AMBLE_LIST(&log)};
    amble_value value;
    char buffer[8];

    gatt_open();
    assert_int_equal(amble_serve(ble, &service), 0);
    conn = link_open(HANDLE, false);
    ask(conn, 0x12, 3, 0, 'a', 'b');
    answer(conn, 0x13);
    prepare(3, 0, 0, 0, 'c');
    prepare(3, 0, 1, 0, 'd');
    ask(conn, 0x18, 1);
    answer(conn, 0x19);
    assert_int_equal(amble_written(ble, &log, &value, 0), 0);
    assert_memory_equal(value.data, "cd", 2); /* what was added */
    ask(conn, 0x0a, 3, 0);
    answer(conn, 0x0b, 'a', 'b', 'c', 'd');
    ask(conn, 0x12, 3, 0, '1', '2', '3', '4', '5'); /* does not fit any more */
    expect_error(conn, 0x12, 3, 0x11);
    ask(conn, 0x52, 3, 0, '1', '2', '3', '4', '5');
    assert_int_equal(the_host.server.database.dropped, 1); /* lost, but not silently */
    prepare(3, 0, 0, 0, '1', '2', '3', '4', '5');
    ask(conn, 0x18, 1);
    expect_error(conn, 0x18, 3, 0x11);
    assert_int_equal(amble_local_read(ble, &log, buffer, sizeof buffer), 4);
    assert_memory_equal(buffer, "abcd", 4);
    assert_int_equal(amble_local_read(ble, &log, buffer, sizeof buffer), 0); /* reading empties it */
    ask(conn, 0x12, 3, 0, '1', '2', '3', '4', '5', '6', '7', '8');
    answer(conn, 0x13);
    expect_nothing();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(parts_make_one_value),
        task_test(cancelling_forgets),
        task_test(what_cannot_be_prepared),
        task_test(offsets_and_lengths_are_looked_at_in_the_end),
        task_test(all_or_none),
        task_test(a_full_buffer_says_so),
        task_test(an_execution_without_room_is_held),
        task_test(an_execution_held_too_long_writes_nothing),
        task_test(a_task_answers_for_a_long_value),
        task_test(what_is_appended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
