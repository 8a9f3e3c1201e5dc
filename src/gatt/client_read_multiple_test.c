/* Several values with as few requests as the server allows: the request with lengths, the one for values of known
 * sizes, and one after the other, as the server refuses the ones before; values that are cut, refused or make no
 * sense. */
#include "gatt/testing.h"

enum { PARTS = 3, ROOM = 30 };
enum { ERROR = 0x01, READ = 0x0a, FIXED = 0x0e, VARIABLE = 0x20, NOT_SUPPORTED = 0x06 };

static amble_connection *conn;

typedef struct {
    amble_remote_characteristic c[PARTS]; /* with the values 11, 21, 31 */
    amble_read_part parts[PARTS];
    uint8_t buffers[PARTS][ROOM];
    int result;
    bool done;
} reader;

static int reading(void *arg)
{
    reader *r = arg;

    r->result = amble_read_multiple(r->parts, PARTS, AMBLE_FOREVER);
    r->done = true;
    return 0;
}

/* `size` 0: the sizes are not known, there is room for ROOM bytes each. */
static void start(amble_scope *scope, reader *r, size_t size)
{
    *r = (reader){.result = 77};
    for (unsigned i = 0; i < PARTS; i++) {
        const uint16_t value = (uint16_t)(11 + 10 * i);

        r->c[i] = (amble_remote_characteristic){.conn = conn,
                                                .handle = (uint16_t)(value - 1),
                                                .value_handle = value,
                                                .end = value,
                                                .generation = conn->client->generation};
        r->parts[i] = (amble_read_part){.characteristic = &r->c[i],
                                        .buffer = r->buffers[i],
                                        .size = size ? size : ROOM,
                                        .fixed = size,
                                        .result = 77};
    }
    amble_spawn(scope, reading, r);
    settle();
}

static void begin(amble_scope *scope)
{
    gatt_open();
    conn = link_open(HANDLE, true);
    amble_scope_open(scope);
}

static void finish(amble_scope *scope)
{
    expect_nothing();
    amble_scope_close(scope);
}

static void refuse(uint8_t request, uint8_t handle, uint8_t error)
{
    peer_att(conn, BYTES(ERROR, request, handle, 0, error));
    settle();
}

/* Each of them must be asked for alone, and is answered with its number. */
static void expect_one_after_the_other(const reader *r)
{
    for (uint8_t i = 0; i < PARTS; i++) {
        answer(conn, READ, (uint8_t)(11 + 10 * i), 0);
        ask(conn, READ + 1, i);
        settle();
    }
    assert_true(r->done);
    assert_int_equal(r->result, 0);
    for (uint8_t i = 0; i < PARTS; i++) {
        assert_int_equal(r->parts[i].result, 1);
        assert_int_equal(r->buffers[i][0], i);
    }
}

static void values_come_with_their_lengths(void)
{
    amble_scope scope;
    reader r;

    begin(&scope);
    start(&scope, &r, 0);
    answer(conn, VARIABLE, 11, 0, 21, 0, 31, 0);
    ask(conn, VARIABLE + 1, 2, 0, 'a', 'b', 0, 0, 1, 0, 'c');
    settle();
    assert_true(r.done);
    assert_int_equal(r.result, 0);
    assert_int_equal(r.parts[0].result, 2);
    assert_memory_equal(r.buffers[0], "ab", 2);
    assert_int_equal(r.parts[1].result, 0);
    assert_int_equal(r.parts[2].result, 1);
    assert_int_equal(r.buffers[2][0], 'c');
    finish(&scope);
}

/* What did not fit into the answer is read alone, from its start. */
static void what_was_cut_is_asked_for_again(void)
{
    amble_scope scope;
    reader r;

    begin(&scope);
    start(&scope, &r, 0);
    answer(conn, VARIABLE, 11, 0, 21, 0, 31, 0);
    ask(conn, VARIABLE + 1, 1, 0, 'a', 20, 0, 'x', 'y');
    settle();
    answer(conn, VARIABLE, 21, 0, 31, 0);
    ask(conn, VARIABLE + 1, 20, 0, 'x', 'y'); /* again */
    settle();
    answer(conn, READ, 21, 0);
    ask(conn, READ + 1, '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '0', '1', '2', '3', '4', '5', '6', '7', '8',
        '9');
    settle();
    answer(conn, READ, 31, 0); /* the last one is alone anyway */
    ask(conn, READ + 1, 'c');
    settle();
    assert_int_equal(r.result, 0);
    assert_int_equal(r.parts[0].result, 1);
    assert_int_equal(r.parts[1].result, 20);
    assert_memory_equal(r.buffers[1], "01234567890123456789", 20);
    assert_int_equal(r.parts[2].result, 1);
    finish(&scope);
}

/* A server that does not know the request with lengths is asked so once; values of known sizes come together. */
static void known_sizes_come_together(void)
{
    amble_scope scope;
    reader r;

    begin(&scope);
    for (int i = 0; i < 2; i++) {
        start(&scope, &r, 2);
        if (i == 0) {
            answer(conn, VARIABLE, 11, 0, 21, 0, 31, 0);
            refuse(VARIABLE, 0, NOT_SUPPORTED);
        }
        answer(conn, FIXED, 11, 0, 21, 0, 31, 0);
        ask(conn, FIXED + 1, 'a', 'b', 'c', 'd', 'e', 'f');
        settle();
        assert_true(r.done);
        assert_int_equal(r.result, 0);
        for (unsigned k = 0; k < PARTS; k++) {
            assert_int_equal(r.parts[k].result, 2);
            assert_memory_equal(r.buffers[k], &"abcdef"[(size_t)2 * k], 2);
        }
    }
    finish(&scope);
}

static void unknown_sizes_come_one_after_the_other(void)
{
    amble_scope scope;
    reader r;

    begin(&scope);
    start(&scope, &r, 0);
    answer(conn, VARIABLE, 11, 0, 21, 0, 31, 0);
    refuse(VARIABLE, 0, NOT_SUPPORTED);
    expect_one_after_the_other(&r);
    start(&scope, &r, 12); /* two together more than an answer holds */
    expect_one_after_the_other(&r);
    finish(&scope);
}

static void a_server_without_either_request(void)
{
    amble_scope scope;
    reader r;

    begin(&scope);
    start(&scope, &r, 1);
    answer(conn, VARIABLE, 11, 0, 21, 0, 31, 0);
    refuse(VARIABLE, 0, NOT_SUPPORTED);
    answer(conn, FIXED, 11, 0, 21, 0, 31, 0);
    refuse(FIXED, 0, NOT_SUPPORTED);
    answer(conn, READ, 11, 0);
    ask(conn, READ + 1, 0);
    settle();
    answer(conn, READ, 21, 0); /* it is not asked for several again */
    ask(conn, READ + 1, 1);
    settle();
    answer(conn, READ, 31, 0);
    ask(conn, READ + 1, 2);
    settle();
    assert_true(r.done);
    assert_int_equal(r.result, 0);
    start(&scope, &r, 1); /* nor later */
    expect_one_after_the_other(&r);
    finish(&scope);
}

/* One value that is refused does not keep the others away. */
static void each_has_its_own_error(void)
{
    amble_scope scope;
    reader r;

    begin(&scope);
    start(&scope, &r, 0);
    answer(conn, VARIABLE, 11, 0, 21, 0, 31, 0);
    refuse(VARIABLE, 21, 0x02);
    answer(conn, READ, 11, 0);
    ask(conn, READ + 1, 'a');
    settle();
    answer(conn, VARIABLE, 21, 0, 31, 0);
    refuse(VARIABLE, 21, 0x02);
    answer(conn, READ, 21, 0);
    refuse(READ, 21, 0x02);
    answer(conn, READ, 31, 0);
    ask(conn, READ + 1, 'c');
    settle();
    assert_int_equal(r.result, 0);
    assert_int_equal(r.parts[0].result, 1);
    assert_int_equal(r.parts[1].result, AMBLE_ERR_ATT(0x02));
    assert_int_equal(r.parts[2].result, 1);
    finish(&scope);
}

/* Bytes that are not the sizes that were said. */
static void sizes_that_are_not_as_said(void)
{
    amble_scope scope;
    reader r;

    begin(&scope);
    start(&scope, &r, 2);
    answer(conn, VARIABLE, 11, 0, 21, 0, 31, 0);
    refuse(VARIABLE, 0, NOT_SUPPORTED);
    answer(conn, FIXED, 11, 0, 21, 0, 31, 0);
    ask(conn, FIXED + 1, 'a', 'b', 'c', 'd', 'e');
    settle();
    assert_true(r.done);
    assert_int_equal(r.result, AMBLE_ERR_PROTOCOL);
    finish(&scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(values_come_with_their_lengths),  task_test(what_was_cut_is_asked_for_again),
        task_test(known_sizes_come_together),       task_test(unknown_sizes_come_one_after_the_other),
        task_test(a_server_without_either_request), task_test(each_has_its_own_error),
        task_test(sizes_that_are_not_as_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
