/* Tests of the server's dispatch, of reading in all its forms, and of the MTU: each answer and each error code. */
#include "gatt/testing.h"

static amble_connection *conn;

static void begin(void) { conn = serve_table(); }

/* A PDU in memory of its own, so that AddressSanitizer sees a look beyond its end. */
static void ask_exactly(const uint8_t *pdu, size_t size)
{
    uint8_t *copy = malloc(size);

    assert_non_null(copy);
    memcpy(copy, pdu, size);
    amble__att_receive(conn->bearer, copy, size);
    free(copy);
}

static void reading(void)
{
    begin();
    ask(conn, 0x0a, LEVEL, 0);
    answer(conn, 0x0b, 50);
    ask(conn, 0x0a, LEVEL_NAME, 0);
    answer(conn, 0x0b, 'L', 'e', 'v', 'e', 'l');
    ask(conn, 0x0a, LEVEL_CCCD, 0);
    answer(conn, 0x0b, 0, 0);
    ask(conn, 0x0a, BATTERY, 0);
    answer(conn, 0x0b, 0x0f, 0x18);
    ask(conn, 0x0a, LEVEL - 1, 0);
    answer(conn, 0x0b, 0x32, LEVEL, 0, 0x19, 0x2a);
    ask(conn, 0x0a, CUSTOM, 0);
    expect_att(
        conn, BYTES(0x0b, 0x9e, 0xca, 0xdc, 0x24, 0x0e, 0xe5, 0xa9, 0xe0, 0x93, 0xf3, 0xa3, 0xb5, 0x01, 0, 0x40, 0x6e));
    ask(conn, 0x0a, COMMAND - 1, 0);
    expect_att(conn, BYTES(0x0b, 0x0c, COMMAND, 0, 0x9e, 0xca, 0xdc, 0x24, 0x0e, 0xe5, 0xa9, 0xe0, 0x93, 0xf3, 0xa3,
                           0xb5, 0x02, 0, 0x40, 0x6e));
    ask(conn, 0x0a, SECRET, 0);
    expect_error(conn, 0x0a, SECRET, 0x02);
    ask(conn, 0x0a, LAST + 1, 0);
    expect_error(conn, 0x0a, LAST + 1, 0x01);
    ask(conn, 0x0a, 0, 0);
    expect_error(conn, 0x0a, 0, 0x01);
    expect_nothing();
}

static void a_long_value_comes_in_parts(void)
{
    uint8_t part[23] = {0x0b};

    begin();
    ask(conn, 0x0a, TEXT, 0);
    memcpy(part + 1, text_start, 22);
    expect_att(conn, part, 23);
    part[0] = 0x0d;
    ask(conn, 0x0c, TEXT, 0, 10, 0);
    memcpy(part + 1, text_start + 10, 22);
    expect_att(conn, part, 23);
    ask(conn, 0x0c, TEXT, 0, 22, 0);
    memcpy(part + 1, text_start + 22, 18);
    expect_att(conn, part, 19);
    ask(conn, 0x0c, TEXT, 0, 40, 0); /* exactly at its end */
    answer(conn, 0x0d);
    ask(conn, 0x0c, TEXT, 0, 41, 0);
    expect_error(conn, 0x0c, TEXT, 0x07);
    ask(conn, 0x0c, TEXT, 0, 0xff, 0xff);
    expect_error(conn, 0x0c, TEXT, 0x07);
    ask(conn, 0x0c, LEVEL, 0, 0, 0);
    answer(conn, 0x0d, 50);
    ask(conn, 0x0c, SECRET, 0, 0, 0);
    expect_error(conn, 0x0c, SECRET, 0x02);
    ask(conn, 0x0c, 0x77, 0, 0, 0);
    expect_error(conn, 0x0c, 0x77, 0x01);
}

static void several_values_at_once(void)
{
    uint8_t cut[23] = {0x0f, 50};

    begin();
    ask(conn, 0x0e, LEVEL, 0, LEVEL_NAME, 0, LEVEL, 0);
    answer(conn, 0x0f, 50, 'L', 'e', 'v', 'e', 'l', 50);
    ask(conn, 0x0e, LEVEL, 0, TEXT, 0, LEVEL, 0); /* cut at the MTU */
    memcpy(cut + 2, text_start, 21);
    expect_att(conn, cut, 23);
    ask(conn, 0x0e, LEVEL, 0, 0x99, 0);
    expect_error(conn, 0x0e, 0x99, 0x01);
    ask(conn, 0x0e, LEVEL, 0, SECRET, 0);
    expect_error(conn, 0x0e, SECRET, 0x02);
    ask(conn, 0x0e, LEVEL, 0);
    expect_error(conn, 0x0e, 0, 0x04);
    ask(conn, 0x0e, LEVEL, 0, LEVEL);
    expect_error(conn, 0x0e, 0, 0x04);
}

static void a_value_answered_by_a_task_is_not_read_behind_its_back(void)
{
    begin();
    ask(conn, 0x0e, LEVEL, 0, ASKED, 0);
    expect_error(conn, 0x0e, ASKED, 0x06);
    ask(conn, 0x08, 1, 0, 0xff, 0xff, 0x01, 0xaa);
    expect_error(conn, 0x08, ASKED, 0x06);
    ask(conn, 0x06, 1, 0, 0xff, 0xff, 0x01, 0xaa); /* nor guessed */
    expect_error(conn, 0x06, 1, 0x0a);
}

static void requests_nobody_knows(void)
{
    begin();
    for (unsigned opcode = 0; opcode < 256; opcode++) {
        const uint8_t known[] = {0x02, 0x04, 0x06, 0x08, 0x0a, 0x0c, 0x0e, 0x10, 0x12, 0x16, 0x18, 0x20};
        const bool response = opcode <= 0x21 && opcode % 2;
        const bool command_flag = opcode & 0x40;

        if (memchr(known, (int)opcode, sizeof known) || response || opcode == 0x1e || opcode == 0x23)
            continue;
        ask_exactly(BYTES((uint8_t)opcode, LEVEL, 0));
        if (!command_flag)
            expect_error(conn, (uint8_t)opcode, 0, 0x06);
        expect_nothing();
    }
}

static void requests_cut_short_or_too_long(void)
{
    const uint8_t whole[][23] = {
        {3, 0x02, 23, 0},
        {5, 0x04, 1, 0, 9, 0},
        {7, 0x06, 1, 0, 9, 0, 0x00, 0x28}, /* may go on with a value */
        {7, 0x08, 1, 0, 9, 0, 0x03, 0x28}, /* may have a long UUID */
        {3, 0x0a, LEVEL, 0},
        {5, 0x0c, LEVEL, 0, 0, 0},
        {7, 0x10, 1, 0, 9, 0, 0x00, 0x28},
        {3, 0x12, TEXT, 0}, /* may go on with a value */
        {5, 0x16, TEXT, 0, 0, 0},
        {2, 0x18, 0},
    };

    begin();
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        const uint8_t opcode = whole[i][1];

        for (size_t size = 1; size < whole[i][0]; size++) {
            const sent_packet *sent;

            ask_exactly(whole[i] + 1, size);
            sent = next_sent();
            assert_int_equal(sent->size, 9 + 5);
            assert_int_equal(sent->bytes[9], 0x01);
            assert_int_equal(sent->bytes[10], opcode);
            assert_int_equal(sent->bytes[13], 0x04);
            expect_nothing();
        }
        if (opcode != 0x06 && opcode != 0x12 && opcode != 0x16) {
            ask_exactly(whole[i] + 1, whole[i][0] + 1u);
            assert_int_equal(next_sent()->bytes[13], 0x04);
        }
    }
}

static void the_mtu(void)
{
    const struct {
        uint16_t theirs, result;
    } cases[] = {{0, 23},           {22, 23}, {23, 23}, {64, 64}, {TEST_MTU, TEST_MTU}, {TEST_MTU + 1, TEST_MTU},
                 {0xffff, TEST_MTU}};

    begin();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ask(conn, 0x02, (uint8_t)cases[i].theirs, (uint8_t)(cases[i].theirs >> 8));
        answer(conn, 0x03, TEST_MTU, 0);
        assert_int_equal(amble_connection_mtu(conn), cases[i].result);
    }
    ask(conn, 0x0a, TEXT, 0); /* now it fits */
    assert_int_equal(next_sent()->size, 9 + 41);
}

static void one_request_at_a_time(void)
{
    gatt_open_on(1);
    assert_int_equal(amble_serve(ble, &battery), 0);
    conn = link_open(HANDLE, false);
    ask(conn, 0x0a, LEVEL, 0);
    answer(conn, 0x0b, 50);
    ask(conn, 0x0a, LEVEL, 0); /* its answer waits for the controller */
    ask(conn, 0x0a, TEXT, 0);  /* and this one is against the rules */
    expect_nothing();
    assert_int_equal(rooms.att.malformed, 1);
    say_completed_packets(HANDLE, 1);
    answer(conn, 0x0b, 50);
    say_completed_packets(HANDLE, 1);
    ask(conn, 0x0a, LEVEL, 0);
    answer(conn, 0x0b, 50);
}

static void what_the_program_writes_is_what_a_client_reads(void)
{
    uint8_t buffer[60];

    begin();
    assert_int_equal(amble_local_write(ble, &level, "\x31\x32", 2), 0);
    ask(conn, 0x0a, LEVEL, 0);
    answer(conn, 0x0b, 0x31, 0x32);
    assert_int_equal(amble_local_read(ble, &level, buffer, sizeof buffer), 2);
    assert_memory_equal(buffer, "\x31\x32", 2);
    assert_int_equal(amble_local_read(ble, &level, buffer, 1), AMBLE_ERR_TOO_LONG);
    assert_int_equal(amble_local_write(ble, &level, text_start, 21), AMBLE_ERR_TOO_LONG);
    assert_int_equal(amble_local_write(ble, &level, NULL, 0), 0);
    ask(conn, 0x0a, LEVEL, 0);
    answer(conn, 0x0b);
    assert_int_equal(amble_local_write(ble, &level_name, "New", 3), 0);
    ask(conn, 0x0a, LEVEL_NAME, 0);
    answer(conn, 0x0b, 'N', 'e', 'w');
    assert_int_equal(amble_local_read(ble, &(const amble_characteristic){.uuid = &level_uuid}, buffer, 5),
                     AMBLE_ERR_NOT_FOUND);
    assert_int_equal(amble_local_write(ble, &(const amble_characteristic){.uuid = &level_uuid}, buffer, 5),
                     AMBLE_ERR_NOT_FOUND);
}

static void a_service_added_later_is_served_at_once(void)
{
    gatt_open();
    assert_int_equal(amble_serve(ble, &battery), 0);
    conn = link_open(HANDLE, false);
    ask(conn, 0x0a, CUSTOM, 0);
    expect_error(conn, 0x0a, CUSTOM, 0x01);
    assert_int_equal(amble_serve(ble, &custom), 0);
    ask(conn, 0x12, COMMAND, 0, 7);
    answer(conn, 0x13);
    assert_int_equal(amble_serve(ble, &custom), AMBLE_ERR_BUSY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(reading),
        task_test(a_long_value_comes_in_parts),
        task_test(several_values_at_once),
        task_test(a_value_answered_by_a_task_is_not_read_behind_its_back),
        task_test(requests_nobody_knows),
        task_test(requests_cut_short_or_too_long),
        task_test(the_mtu),
        task_test(one_request_at_a_time),
        task_test(what_the_program_writes_is_what_a_client_reads),
        task_test(a_service_added_later_is_served_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
