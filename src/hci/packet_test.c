/* Tests of outbound packets: pools that make tasks wait, in turn, and waits that a loss ends. */
#include "hci/testing.h"

enum { COUNT = 3, CAPACITY = 20 };

static amble__packet_pool pool;
static amble__acl_link own; /* in no list: alone */

static void open_pool(void)
{
    amble__arena arena = test_arena();

    amble__packet_pool_init(&pool, &arena, COUNT, CAPACITY);
    own = (amble__acl_link){.handle = 1};
}

static amble__packet *take(void)
{
    amble__packet *packet = NULL;

    assert_int_equal(amble__packet_take(&pool, &own, AMBLE__NEVER, &packet), 0);
    assert_true(packet->busy);
    return packet;
}

static int take_and_trace(void *name)
{
    amble__packet *packet;
    int r = amble__packet_take(&pool, &own, amble__deadline(500), &packet);

    trace(name);
    return r;
}

static void packets_have_room_for_headers(void)
{
    amble__packet *packets[COUNT];

    open_pool();
    for (int i = 0; i < COUNT; i++) {
        packets[i] = take();
        assert_int_equal(packets[i]->capacity, CAPACITY);
        memset(packets[i]->bytes, i + 1, AMBLE__PACKET_HEADROOM + CAPACITY);
    }
    for (int i = 0; i < COUNT; i++) /* none lies in another */
        for (int k = 0; k < AMBLE__PACKET_HEADROOM + CAPACITY; k++)
            assert_int_equal(packets[i]->bytes[k], i + 1);
}

static void an_empty_pool_makes_wait_in_turn(void)
{
    amble__packet *packets[COUNT];
    amble_task *last;
    amble_scope scope;

    open_pool();
    for (int i = 0; i < COUNT; i++)
        packets[i] = take();
    trace_clear();
    amble_scope_open(&scope);
    amble_spawn(&scope, take_and_trace, "a");
    amble_spawn(&scope, take_and_trace, "b");
    last = amble_spawn(&scope, take_and_trace, "c");
    settle();
    assert_string_equal(trace_text, "");
    amble__packet_release(packets[0]);
    settle();
    assert_string_equal(trace_text, "a");
    amble__packet_release(packets[1]);
    settle();
    assert_string_equal(trace_text, "ab");
    assert_int_equal(amble_sleep_ms(500), 0);
    assert_string_equal(trace_text, "abc");
    assert_int_equal(amble_join(last, 0), AMBLE_ERR_TIMEOUT); /* its own result: its time was over */
    amble_scope_close(&scope);
}

static void who_waited_is_not_overtaken(void)
{
    amble__packet *packets[COUNT], *mine;
    amble_scope scope;

    open_pool();
    for (int i = 0; i < COUNT; i++)
        packets[i] = take();
    trace_clear();
    amble_scope_open(&scope);
    amble_spawn(&scope, take_and_trace, "a");
    settle();
    amble__packet_release(packets[0]); /* the one that waits gets it, although this task runs first */
    assert_int_equal(amble__packet_take(&pool, &own, 0, &mine), AMBLE_ERR_TIMEOUT);
    settle();
    assert_string_equal(trace_text, "a");
    amble_scope_close(&scope);
}

static void a_packet_for_one_who_gave_up_is_not_lost(void)
{
    amble__packet *packets[COUNT];
    amble_task *task;
    amble_scope scope;

    open_pool();
    for (int i = 0; i < COUNT; i++)
        packets[i] = take();
    amble_scope_open(&scope);
    task = amble_spawn(&scope, take_and_trace, "a");
    settle();
    amble_cancel(task);
    amble__packet_release(packets[0]);
    settle();
    assert_int_equal(amble_join(task, 0), AMBLE_ERR_CANCELLED);
    assert_ptr_equal(take(), packets[0]);
    amble_scope_close(&scope);
}

static void a_loss_ends_the_wait(void)
{
    amble_task *task;
    amble_scope scope;

    open_pool();
    for (int i = 0; i < COUNT; i++)
        (void)take();
    amble_scope_open(&scope);
    task = amble_spawn(&scope, take_and_trace, "a");
    settle();
    amble__packet_pool_lost(&pool, &own, AMBLE_ERR_DISCONNECTED);
    assert_int_equal(amble_join(task, 100), AMBLE_ERR_DISCONNECTED);
    assert_true(amble__list_empty(&pool.waiters));
    amble_scope_close(&scope);
}

static void a_packet_without_a_pool_is_just_free_again(void **state)
{
    amble__arena arena = test_arena();
    amble__packet packet;

    (void)state;
    amble__packet_init(&packet, &arena, 5);
    packet.busy = true;
    packet.sent = 3;
    amble__packet_release(&packet);
    assert_false(packet.busy);
    assert_int_equal(packet.sent, 0);
}

static void an_arena_that_counts_lays_out_nothing(void **state)
{
    amble__arena counting = {0}, laying = test_arena();
    amble__packet_pool counted;

    (void)state;
    amble__packet_pool_init(NULL, &counting, 7, 33);
    amble__packet_pool_init(&counted, &laying, 7, 33);
    assert_int_equal(counting.used, laying.used);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(packets_have_room_for_headers),
        task_test(an_empty_pool_makes_wait_in_turn),
        task_test(who_waited_is_not_overtaken),
        task_test(a_packet_for_one_who_gave_up_is_not_lost),
        task_test(a_loss_ends_the_wait),
        cmocka_unit_test(a_packet_without_a_pool_is_just_free_again),
        cmocka_unit_test(an_arena_that_counts_lays_out_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
