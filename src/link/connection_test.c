/* Tests of links: slots and generations, packets that come before their link or after it, and losses that end every
 * wait. */
#include "link/connection.h"

#include "hci/testing.h"

enum { SLOTS = 3, HANDLE = 0x40 };

static amble__links links;

/* What the rooms above were told. */
static struct {
    unsigned opened, lost, packets;
    amble_connection *conn;
    uint32_t generation;
    unsigned boundary;
    uint8_t data[16][8];
    size_t size[16];
} above;

static void opened(amble_connection *conn)
{
    assert_int_equal(conn->state, AMBLE__LINK_LIVE);
    above.opened++;
}

static void lost(amble_connection *conn)
{
    assert_int_equal(conn->state, AMBLE__LINK_DEAD);
    above.lost++;
}

static void received(amble_connection *conn, const uint8_t *data, size_t size, unsigned boundary)
{
    above.conn = conn;
    above.generation = conn->generation;
    above.boundary = boundary;
    above.size[above.packets] = size;
    memcpy(above.data[above.packets], data, size < 8 ? size : 8);
    above.packets++;
}

static void open_table(void)
{
    amble__arena arena = test_arena();

    controller_open(4, 27);
    memset(&above, 0, sizeof above);
    amble__links_init(&links, &arena, SLOTS);
    links.hci = &controller.hci;
    links.opened = opened;
    links.lost = lost;
    links.received = received;
}

/* A link that the program has. */
static amble_connection *open_link(uint16_t handle)
{
    const amble__link_parameters parameters = {.handle = handle,
                                               .central = true,
                                               .device = {AMBLE_RANDOM, {(uint8_t)handle, 2, 3, 4, 5, 6}},
                                               .interval_us = 30000};
    amble_connection *conn = amble__link_open(&links, &parameters);

    if (conn)
        conn->owned = true;
    return conn;
}

static void slots_are_used_again_and_generations_are_not(void)
{
    amble_connection *conn[SLOTS];
    uint32_t generation;

    open_table();
    for (uint16_t i = 0; i < SLOTS; i++) {
        assert_true(amble__link_slot_free(&links));
        conn[i] = open_link((uint16_t)(HANDLE + i));
        assert_int_equal(conn[i]->index, i);
        assert_int_equal(above.opened, i + 1u);
        assert_ptr_equal(amble__link_by_handle(&links, (uint16_t)(HANDLE + i)), conn[i]);
        assert_ptr_equal(amble__link_by_device(&links, conn[i]->device), conn[i]);
    }
    assert_false(amble__link_slot_free(&links));
    assert_null(open_link(HANDLE + SLOTS));
    generation = conn[1]->generation;
    assert_int_equal(amble__link_check(conn[1], generation), 0);
    amble__link_lose(conn[1], 0x08, AMBLE_ERR_DISCONNECTED);
    assert_int_equal(amble__link_check(conn[1], generation), AMBLE_ERR_DISCONNECTED);
    assert_null(amble__link_by_handle(&links, HANDLE + 1));
    assert_null(amble__link_by_device(&links, conn[1]->device));
    assert_null(open_link(HANDLE + SLOTS)); /* dead, but its owner has not closed it */
    amble__link_free(conn[1]);
    assert_int_equal(amble__link_check(conn[1], generation), AMBLE_ERR_STALE);
    assert_ptr_equal(open_link(HANDLE + 1), conn[1]); /* the same slot and handle, and another link */
    assert_int_not_equal(conn[1]->generation, generation);
    assert_int_equal(amble__link_check(conn[1], generation), AMBLE_ERR_STALE);
    assert_int_equal(amble__link_check(conn[1], conn[1]->generation), 0);
}

static void a_dead_connection_can_still_be_asked(void)
{
    amble_connection *conn;

    open_table();
    conn = open_link(HANDLE);
    assert_true(amble_connected(conn));
    assert_int_equal(amble_connection_reason(conn), 0);
    amble__link_lose(conn, 0x13, AMBLE_ERR_DISCONNECTED);
    amble__link_lose(conn, 0x08, AMBLE_ERR_CLOSED); /* it ends once */
    assert_int_equal(above.lost, 1);
    assert_false(amble_connected(conn));
    assert_int_equal(amble_connection_reason(conn), 0x13);
    assert_int_equal(conn->end, AMBLE_ERR_DISCONNECTED);
    assert_int_equal(amble_connection_device(conn).bytes[0], HANDLE);
    assert_int_equal(amble_connection_interval_us(conn), 30000);
    assert_true(amble_connection_is_central(conn));
}

static void packets_that_come_early_are_parked(void)
{
    open_table();
    amble__link_receive(&links, BYTES(1, 1), HANDLE, 2);
    amble__link_receive(&links, BYTES(2, 2, 2), HANDLE, 1);
    amble__link_receive(&links, BYTES(3), HANDLE, 1); /* there is room for two */
    assert_int_equal(links.orphaned, 1);
    assert_int_equal(above.packets, 0);
    assert_int_equal(amble_sleep_ms(99), 0);
    open_link(HANDLE + 1);
    assert_int_equal(above.packets, 0); /* another link's */
    open_link(HANDLE);
    assert_int_equal(above.packets, 2);
    assert_int_equal(above.size[0], 2);
    assert_int_equal(above.size[1], 3);
    assert_int_equal(above.data[0][0], 1);
    assert_int_equal(above.data[1][0], 2);
    assert_int_equal(above.boundary, 1);
    amble__link_receive(&links, BYTES(9), HANDLE, 2); /* an announced link gets its data at once */
    assert_int_equal(above.packets, 3);
}

static void parked_packets_grow_old(void)
{
    open_table();
    amble__link_receive(&links, BYTES(1), HANDLE, 2);
    assert_int_equal(amble_sleep_ms(101), 0);
    open_link(HANDLE);
    assert_int_equal(above.packets, 0);
    for (uint8_t i = 0; i < 4; i++) { /* old ones make room for new ones */
        amble__link_receive(&links, BYTES(i), HANDLE + 1, 2);
        assert_int_equal(amble_sleep_ms(60), 0);
    }
    assert_int_equal(links.orphaned, 0);
    open_link(HANDLE + 1);
    assert_int_equal(above.packets, 1);
    assert_int_equal(above.data[0][0], 3);
}

static void parked_packets_keep_their_order(void)
{
    open_table();
    amble__link_receive(&links, BYTES(1), HANDLE, 2);
    amble__link_receive(&links, BYTES(2), HANDLE + 1, 2);
    open_link(HANDLE); /* the first place is free again */
    amble__link_receive(&links, BYTES(3), HANDLE + 1, 1);
    open_link(HANDLE + 1);
    assert_int_equal(above.packets, 3);
    assert_int_equal(above.data[1][0], 2);
    assert_int_equal(above.data[2][0], 3);
}

static void a_packet_too_long_to_park_is_dropped(void)
{
    uint8_t data[AMBLE__PARKED_SIZE + 1] = {0};

    open_table();
    amble__link_receive(&links, data, sizeof data, HANDLE, 2);
    assert_int_equal(links.orphaned, 1);
    amble__link_receive(&links, data, AMBLE__PARKED_SIZE, HANDLE, 2);
    open_link(HANDLE);
    assert_int_equal(above.packets, 1);
    assert_int_equal(above.size[0], AMBLE__PARKED_SIZE);
}

static void packets_of_a_dead_link_reach_no_later_one(void)
{
    amble_connection *conn;

    open_table();
    conn = open_link(HANDLE);
    amble__link_lose(conn, 0x13, AMBLE_ERR_DISCONNECTED);
    amble__link_receive(&links, BYTES(1), HANDLE, 2); /* still on its way when the link ended */
    assert_int_equal(links.orphaned, 1);
    open_link(HANDLE);
    assert_int_equal(above.packets, 0);
    amble__link_lose(amble__link_by_handle(&links, HANDLE), 0x13, AMBLE_ERR_DISCONNECTED);
    amble__link_free(conn);
    amble__link_receive(&links, BYTES(2), HANDLE, 2); /* also when its owner was quick */
    assert_int_equal(links.orphaned, 2);
    assert_int_equal(amble_sleep_ms(101), 0);
    amble__link_receive(&links, BYTES(3), HANDLE, 2); /* long after, it can only be a new link's */
    open_link(HANDLE);
    assert_int_equal(above.packets, 1);
    assert_int_equal(above.data[0][0], 3);
}

static void a_link_that_nobody_has_is_free_at_once(void)
{
    amble_connection *conn;

    open_table();
    conn = open_link(HANDLE);
    conn->owned = false;
    amble__link_lose(conn, 0x08, AMBLE_ERR_DISCONNECTED);
    assert_int_equal(above.lost, 1);
    assert_int_equal(conn->state, AMBLE__LINK_FREE);
    assert_int_equal(amble__link_check(conn, conn->generation), AMBLE_ERR_STALE);
}

/* --- waits -------------------------------------------------------------------------------------------------------- */
static amble_connection *the_link;
static amble__list some_list;

static int wait_on_link(void *arg)
{
    (void)arg;
    return amble__link_wait(the_link, &some_list, AMBLE__NEVER);
}
static int wait_disconnected(void *arg) { return amble_disconnected(the_link, (int)(intptr_t)arg); }
static int wait_first(void *arg)
{
    const amble_source source = amble_on_disconnected(the_link);

    (void)arg;
    return amble_wait_first(&source, 1, AMBLE_FOREVER);
}
static int sleep_in_timeout(void *arg)
{
    amble_timeout timeout;
    int r;

    (void)arg;
    amble_timeout_begin(&timeout, the_link, 60000);
    r = amble_sleep_ms(50000);
    return amble_timeout_end(&timeout, r);
}

static void a_loss_ends_every_wait_with_its_error(void)
{
    const int errors[] = {AMBLE_ERR_DISCONNECTED, AMBLE_ERR_CONTROLLER, AMBLE_ERR_CLOSED};

    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        amble_task *tasks[3];
        amble_scope scope;

        open_table();
        the_link = open_link(HANDLE);
        amble__list_init(&some_list);
        amble_scope_open(&scope);
        tasks[0] = amble_spawn(&scope, wait_on_link, NULL);
        tasks[1] = amble_spawn(&scope, wait_on_link, NULL);
        tasks[2] = amble_spawn(&scope, wait_disconnected, (void *)(intptr_t)AMBLE_FOREVER);
        settle();
        amble__link_lose(the_link, 0x08, errors[i]);
        assert_int_equal(amble_join(tasks[0], 10), errors[i]);
        assert_int_equal(amble_join(tasks[1], 10), errors[i]);
        assert_int_equal(amble_join(tasks[2], 10), 0);
        assert_true(amble__list_empty(&some_list));
        assert_int_equal(amble__link_wait(the_link, &some_list, AMBLE__NEVER), errors[i]); /* and every later one */
        assert_int_equal(amble_disconnected(the_link, 0), 0);
        amble_scope_close(&scope);
    }
}

static void a_wait_on_a_link_ends_as_its_list_says(void)
{
    amble_task *task;
    amble_scope scope;

    open_table();
    the_link = open_link(HANDLE);
    amble__list_init(&some_list);
    amble_scope_open(&scope);
    task = amble_spawn(&scope, wait_on_link, NULL);
    settle();
    amble__waiters_end(&some_list, 0);
    amble__link_lose(the_link, 0x08, AMBLE_ERR_DISCONNECTED); /* too late for it */
    assert_int_equal(amble_join(task, 10), 0);
    amble_scope_close(&scope);
}

static void waiting_for_the_end_of_a_link(void)
{
    amble_task *tasks[3];
    amble_scope scope;

    open_table();
    the_link = open_link(HANDLE);
    assert_int_equal(amble_disconnected(the_link, 0), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_disconnected(the_link, 5), AMBLE_ERR_TIMEOUT);
    amble_scope_open(&scope);
    tasks[0] = amble_spawn(&scope, wait_disconnected, (void *)(intptr_t)AMBLE_FOREVER);
    tasks[1] = amble_spawn(&scope, wait_disconnected, (void *)(intptr_t)AMBLE_FOREVER);
    tasks[2] = amble_spawn(&scope, wait_first, NULL);
    settle();
    amble_cancel(tasks[1]);
    assert_int_equal(amble_join(tasks[1], 10), AMBLE_ERR_CANCELLED);
    amble__link_lose(the_link, 0x08, AMBLE_ERR_DISCONNECTED);
    assert_int_equal(amble_join(tasks[0], 10), 0);
    assert_int_equal(amble_join(tasks[2], 10), 0); /* its first source */
    amble_scope_close(&scope);
}

static void a_timeout_with_a_link_ends_with_it(void)
{
    amble_task *task, *later;
    amble_scope scope;
    uint64_t began;

    open_table();
    the_link = open_link(HANDLE);
    amble_scope_open(&scope);
    task = amble_spawn(&scope, sleep_in_timeout, NULL);
    assert_int_equal(amble_sleep_ms(100), 0);
    began = amble_now_us();
    amble__link_lose(the_link, 0x08, AMBLE_ERR_DISCONNECTED);
    assert_int_equal(amble_join(task, 10), AMBLE_ERR_DISCONNECTED);
    assert_int_equal(amble_now_us(), began);
    later = amble_spawn(&scope, sleep_in_timeout, NULL); /* the link is dead when it begins */
    assert_int_equal(amble_join(later, 10), AMBLE_ERR_DISCONNECTED);
    assert_int_equal(amble_now_us(), began);
    amble_scope_close(&scope);
}

static void a_handle_in_use_is_not_given_again(void)
{
    const amble__link_parameters again = {.handle = HANDLE};

    open_table();
    open_link(HANDLE);
    assert_null(amble__link_open(&links, &again));
    assert_int_equal(above.opened, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(slots_are_used_again_and_generations_are_not),
        task_test(a_dead_connection_can_still_be_asked),
        task_test(a_handle_in_use_is_not_given_again),
        task_test(packets_that_come_early_are_parked),
        task_test(parked_packets_grow_old),
        task_test(parked_packets_keep_their_order),
        task_test(a_packet_too_long_to_park_is_dropped),
        task_test(packets_of_a_dead_link_reach_no_later_one),
        task_test(a_link_that_nobody_has_is_free_at_once),
        task_test(a_loss_ends_every_wait_with_its_error),
        task_test(a_wait_on_a_link_ends_as_its_list_says),
        task_test(waiting_for_the_end_of_a_link),
        task_test(a_timeout_with_a_link_ends_with_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
