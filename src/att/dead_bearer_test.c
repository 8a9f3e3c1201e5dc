/* A bearer whose transaction timed out: nothing is asked on it any more, and no answer counts (Vol 3 Part F 3.3.3). */
#include "att/testing.h"

static amble_connection *conn;

static int request(void *arg)
{
    amble__reader response;
    amble__writer w;
    int r = amble__att_begin_on(conn->bearer, AMBLE__NEVER, &w);

    if (r == 0) {
        amble__att_write_handle(&w, AMBLE__ATT_READ_REQUEST, 3);
        r = amble__att_exchange(conn->bearer, &w, AMBLE__ATT_READ_RESPONSE, AMBLE__NEVER, &response);
    }
    if (r == 0)
        amble__att_end(conn->bearer);
    *(int *)arg = r;
    return 0;
}

static void nothing_is_asked_and_no_answer_counts(void)
{
    int first = 77, second = 77, later = 77;
    amble__packet *packet;
    amble_scope scope;
    amble__writer w;

    (void)rooms_open(MANY_BUFFERS, LARGE_BUFFER, TEST_MTU);
    conn = link_open(0x40, true);
    amble_scope_open(&scope);
    amble_spawn(&scope, request, &first);
    amble_spawn(&scope, request, &second);
    settle();
    expect_att(conn, BYTES(0x0a, 3, 0));
    assert_int_equal(amble_sleep_ms(AMBLE__ATT_TRANSACTION_MS + 1), 0);
    assert_int_equal(rooms.dead, 1);
    peer_att(conn, BYTES(0x0b, 1)); /* before the link is down */
    settle();
    expect_nothing();
    assert_int_equal(first, 77);
    assert_int_equal(second, 77);
    amble_spawn(&scope, request, &later);
    settle();
    assert_int_equal(later, AMBLE_ERR_DISCONNECTED);
    assert_int_equal(amble__att_begin_indication(conn->bearer, AMBLE__NEVER, &w), AMBLE_ERR_DISCONNECTED);
    assert_int_equal(amble__att_take(conn->bearer, AMBLE__NEVER, &packet, &w), AMBLE_ERR_DISCONNECTED);
    expect_nothing();
    link_lose(conn);
    settle();
    assert_int_equal(first, AMBLE_ERR_DISCONNECTED);
    assert_int_equal(second, AMBLE_ERR_DISCONNECTED);
    amble_scope_close(&scope);
    link_close(conn);
    conn = link_open(0x40, true); /* the next link has a new one */
    assert_int_equal(amble__att_begin_on(conn->bearer, AMBLE__NEVER, &w), 0);
    amble__att_end(conn->bearer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(nothing_is_asked_and_no_answer_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
