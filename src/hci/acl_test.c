/* Tests of ACL data on its way out: credits, fragments, turns, completed packets, links that close with packets
 * queued. */
#include "hci/testing.h"

enum { HANDLE_A = 0x040, HANDLE_B = 0x0ef1, CID = 4, CAPACITY = 100 };

static amble__packet_pool pool;
static amble__acl_link a, b;

static void open_two_links(uint16_t buffers, uint16_t size)
{
    amble__arena arena = test_arena();

    controller_open(buffers, size);
    amble__packet_pool_init(&pool, &arena, 8, CAPACITY);
    amble__acl_link_open(&controller.hci, &a, HANDLE_A);
    amble__acl_link_open(&controller.hci, &b, HANDLE_B);
}

static unsigned free_packets(void)
{
    unsigned count = 0;

    for (const amble__packet *packet = pool.free; packet; packet = packet->next)
        count++;
    return count;
}

/* Queues a packet of `size` bytes first, first + 1, ... with its L2CAP header. */
static amble__packet *queue(amble__acl_link *link, uint8_t first, uint16_t size)
{
    amble__packet *packet = NULL;

    assert_int_equal(amble__packet_take(&pool, link, AMBLE__NEVER, &packet), 0);
    assert_in_range(size, 0, packet->capacity);
    packet->size = size;
    for (uint16_t i = 0; i < size; i++)
        amble__packet_payload(packet)[i] = (uint8_t)(first + i);
    amble__put_le16(amble__packet_payload(packet) - 4, size);
    amble__put_le16(amble__packet_payload(packet) - 2, CID);
    amble__acl_send(&controller.hci, link, packet);
    return packet;
}

/* The next packet sent is a fragment of `size` bytes; they are appended to `frame`. */
static void expect_fragment(uint16_t handle, bool first, uint16_t size, uint8_t *frame, size_t *filled)
{
    const sent_packet *sent = next_sent();

    assert_int_equal(sent->bytes[0], AMBLE__PACKET_ACL);
    assert_int_equal(amble__get_le16(sent->bytes + 1), handle | (first ? 0x0000 : 0x1000));
    assert_int_equal(amble__get_le16(sent->bytes + 3), size);
    assert_int_equal(sent->size, 5 + size);
    if (frame) {
        memcpy(frame + *filled, sent->bytes + 5, size);
        *filled += size;
    }
}

static void a_large_packet_is_cut(void)
{
    uint8_t frame[256];
    size_t filled = 0;

    open_two_links(10, 27);
    queue(&a, 7, 77); /* 81 bytes with the header: exactly three fragments */
    expect_fragment(HANDLE_A, true, 27, frame, &filled);
    expect_fragment(HANDLE_A, false, 27, frame, &filled);
    expect_fragment(HANDLE_A, false, 27, frame, &filled);
    queue(&a, 9, 78);
    expect_fragment(HANDLE_A, true, 27, frame, &filled);
    expect_fragment(HANDLE_A, false, 27, frame, &filled);
    expect_fragment(HANDLE_A, false, 27, frame, &filled);
    expect_fragment(HANDLE_A, false, 1, frame, &filled);
    assert_int_equal(unread(), 0);
    assert_int_equal(filled, 81 + 82);
    assert_memory_equal(frame, ((uint8_t[]){77, 0, CID, 0}), 4);
    for (unsigned i = 0; i < 77; i++)
        assert_int_equal(frame[4 + i], (uint8_t)(7 + i));
    assert_memory_equal(frame + 81, ((uint8_t[]){78, 0, CID, 0}), 4);
    for (unsigned i = 0; i < 78; i++)
        assert_int_equal(frame[85 + i], (uint8_t)(9 + i));
    assert_int_equal(free_packets(), 8); /* both are with the controller */
    assert_int_equal(controller.hci.acl_sent, 7);
    assert_int_equal(controller.hci.acl_credits, 3);
}

static void a_small_packet_stays_whole(void)
{
    open_two_links(10, 27);
    queue(&b, 1, 23);
    expect_fragment(HANDLE_B, true, 27, NULL, NULL);
    queue(&b, 1, 0);
    expect_fragment(HANDLE_B, true, 4, NULL, NULL);
    assert_int_equal(unread(), 0);
}

static void no_credit_no_packet(void)
{
    amble__packet *last;

    open_two_links(2, 27);
    amble__acl_link_close(&controller.hci, &b); /* alone it may have both */
    queue(&a, 1, 10);
    queue(&a, 2, 10);
    last = queue(&a, 3, 10);
    assert_int_equal(unread(), 2);
    assert_true(last->busy);
    assert_int_equal(free_packets(), 7);
    say_completed_packets(HANDLE_A, 1);
    assert_int_equal(unread(), 3);
    assert_false(last->busy);
    assert_int_equal(controller.sent[2].bytes[9], 3);
    say_completed_packets(HANDLE_A, 2);
    assert_int_equal(controller.hci.acl_credits, 2);
    assert_true(amble__acl_idle(&a));
}

static void a_fragment_waits_for_its_credit(void)
{
    uint8_t frame[128];
    size_t filled = 0;

    open_two_links(1, 27);
    queue(&a, 50, 60);
    expect_fragment(HANDLE_A, true, 27, frame, &filled);
    assert_int_equal(unread(), 0);
    assert_int_equal(free_packets(), 7);
    say_completed_packets(HANDLE_A, 1);
    expect_fragment(HANDLE_A, false, 27, frame, &filled);
    say_completed_packets(HANDLE_A, 1);
    expect_fragment(HANDLE_A, false, 10, frame, &filled);
    for (unsigned i = 0; i < 60; i++)
        assert_int_equal(frame[4 + i], (uint8_t)(50 + i));
}

static void links_take_turns(void)
{
    open_two_links(1, 27);
    for (uint8_t i = 0; i < 4; i++)
        queue(&a, i, 10); /* one goes out, three wait */
    queue(&b, 100, 10);
    queue(&b, 101, 60); /* three fragments */
    expect_fragment(HANDLE_A, true, 14, NULL, NULL);
    for (int i = 0; i < 3; i++) { /* each in turn, although the first one asked for more, and earlier */
        const uint16_t sizes[] = {14, 27, 27};

        say_completed_packets(i == 0 ? HANDLE_A : HANDLE_B, 1);
        expect_fragment(HANDLE_A, true, 14, NULL, NULL);
        say_completed_packets(HANDLE_A, 1);
        expect_fragment(HANDLE_B, i < 2, sizes[i], NULL, NULL);
    }
    say_completed_packets(HANDLE_B, 1);
    expect_fragment(HANDLE_B, false, 10, NULL, NULL); /* alone now */
    say_completed_packets(HANDLE_B, 1);
    assert_int_equal(unread(), 0);
    assert_int_equal(free_packets(), 8);
}

/* A peer that never acknowledges keeps what it got, but the others go on. */
static void a_link_that_stalls_holds_up_no_other(void)
{
    const struct {
        uint16_t buffers, most;
    } cases[] = {{2, 1}, {3, 2}, {4, 3}, {8, 5}, {12, 8}};

    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned held = 0;

        open_two_links(cases[i].buffers, 100);
        while (amble__acl_fair(&a, held, cases[i].buffers - held))
            held++;
        assert_int_equal(held, cases[i].most);
    }
    open_two_links(4, 100);
    for (int k = 0; k < 5; k++)
        (void)queue(&a, 1, 10);
    controller.read = controller.count;
    for (int k = 0; k < 10; k++) {
        (void)queue(&b, 2, 10);
        expect_fragment(HANDLE_B, true, 14, NULL, NULL);
        say_completed_packets(HANDLE_B, 1);
    }
    assert_int_equal(unread(), 0);
    amble__acl_link_close(&controller.hci, &b); /* alone it may have them all */
    say_completed_packets(HANDLE_A, 1);
    assert_int_equal(unread(), 2);
    assert_int_equal(a.in_flight, 4);
}

/* The same for the host's own packets, which all links share. */
static void a_link_that_stalls_does_not_use_up_the_pool(void)
{
    amble__packet *packet;

    open_two_links(1, 100);
    for (int k = 0; k < 6; k++) /* one is with the controller, five wait */
        (void)queue(&a, 1, 10);
    assert_int_equal(a.held, 5);
    assert_int_equal(amble__packet_take(&pool, &a, 0, &packet), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble__packet_take(&pool, &b, 0, &packet), 0);
    amble__packet_release(packet);
    assert_int_equal(b.held, 0);
    amble__acl_link_close(&controller.hci, &a);
    assert_int_equal(pool.left, 8);
    assert_int_equal(free_packets(), 8);
}

/* --- who waits for a packet --------------------------------------------------------------------------------------- */
static amble__packet_pool small; /* of four */

static void open_small_pool(void)
{
    static uint8_t block[1000];
    amble__arena arena = {.block = block, .size = sizeof block};

    open_two_links(1, 100);
    amble__packet_pool_init(&small, &arena, 4, CAPACITY);
    trace_clear();
}

static amble__packet *take_small(amble__acl_link *link)
{
    amble__packet *packet = NULL;

    assert_int_equal(amble__packet_take(&small, link, 0, &packet), 0);
    assert_ptr_equal(packet->holder, link);
    return packet;
}

static int wait_for_small(void *arg)
{
    amble__acl_link *link = arg;
    amble__packet *packet = NULL;
    int r = amble__packet_take(&small, link, AMBLE__NEVER, &packet);

    if (r == 1) {
        assert_true(packet->busy);
        assert_ptr_equal(packet->holder, link);
    }
    trace(link == &a ? "a" : "b");
    return r;
}

static void a_released_packet_passes_by_who_has_enough(void)
{
    amble__packet *of_a[2], *of_b;
    amble_task *waits_for_b;
    amble_scope scope;

    open_small_pool();
    for (int i = 0; i < 2; i++)
        of_a[i] = take_small(&a);
    of_b = take_small(&b);
    amble_scope_open(&scope);
    amble_spawn(&scope, wait_for_small, &a); /* the last one is for others */
    settle();
    amble__packet_release(of_a[0]); /* it has one now, and may have two of four */
    settle();
    assert_string_equal(trace_text, "a");
    amble_spawn(&scope, wait_for_small, &a);
    waits_for_b = amble_spawn(&scope, wait_for_small, &b);
    settle();
    a.held++; /* of some other pool: too much for another one of this */
    amble__packet_release(of_b);
    settle();
    assert_string_equal(trace_text, "ab"); /* although the other one waited longer */
    assert_int_equal(amble_join(waits_for_b, 0), 1);
    assert_int_equal(small.left, 1);
    a.held--;
    amble__packet_release(of_a[1]);
    settle();
    assert_string_equal(trace_text, "aba");
    assert_int_equal(a.held, 2);
    assert_int_equal(b.held, 1);
    amble_scope_close(&scope);
}

static void one_released_packet_may_end_two_waits(void)
{
    amble__packet *of_b;
    amble_scope scope;

    open_small_pool();
    (void)take_small(&a);
    (void)take_small(&a);
    of_b = take_small(&b);
    amble_scope_open(&scope);
    amble_spawn(&scope, wait_for_small, &a);
    amble_spawn(&scope, wait_for_small, &b);
    settle();
    assert_string_equal(trace_text, ""); /* both have their share, and one is left */
    amble__packet_release(of_b);
    settle();
    assert_string_equal(trace_text, "ab"); /* two were left then, and the second one has none any more */
    assert_int_equal(small.left, 0);
    assert_int_equal(a.held, 3);
    assert_int_equal(b.held, 1);
    amble_scope_close(&scope);
}

static void a_lost_link_ends_its_own_waits(void)
{
    amble_task *waits_for_a, *waits_for_b;
    amble__packet *packets[3];
    amble_scope scope;

    open_small_pool();
    for (int i = 0; i < 3; i++) /* one is left, and neither may have it */
        packets[i] = take_small(i % 2 ? &b : &a);
    amble_scope_open(&scope);
    waits_for_a = amble_spawn(&scope, wait_for_small, &a);
    waits_for_b = amble_spawn(&scope, wait_for_small, &b);
    settle();
    amble__packet_pool_lost(&small, &b, AMBLE_ERR_DISCONNECTED);
    assert_int_equal(amble_join(waits_for_b, 1), AMBLE_ERR_DISCONNECTED);
    amble__packet_release(packets[0]);
    assert_int_equal(amble_join(waits_for_a, 1), 1);
    assert_string_equal(trace_text, "ba");
    amble_scope_close(&scope);
}

/* --- odds and ends ------------------------------------------------------------------------------------------------ */
/* An owner that sends its packet again as soon as it is free. */
static void send_again(amble__packet *packet)
{
    unsigned *times = packet->owner;

    if (*times && (*times)--)
        amble__acl_send(&controller.hci, &a, packet);
}

static void a_packet_is_sent_again_when_it_is_released(void)
{
    amble__arena arena = test_arena();
    amble__packet own;
    unsigned times = 3;

    open_two_links(1, 100);
    amble__packet_init(&own, &arena, 5);
    own.released = send_again;
    own.owner = &times;
    queue(&b, 1, 1);
    amble__acl_send(&controller.hci, &a, &own);
    queue(&b, 2, 1);
    expect_fragment(HANDLE_B, true, 5, NULL, NULL);
    say_completed_packets(HANDLE_B, 1);
    expect_fragment(HANDLE_A, true, 4, NULL, NULL);
    say_completed_packets(HANDLE_A, 1);
    expect_fragment(HANDLE_B, true, 5, NULL, NULL); /* who sends again stands behind who waits */
    say_completed_packets(HANDLE_B, 1);
    for (int k = 0; k < 3; k++) {
        expect_fragment(HANDLE_A, true, 4, NULL, NULL);
        say_completed_packets(HANDLE_A, 1);
    }
    assert_int_equal(unread(), 0);
    assert_int_equal(controller.hci.acl_credits, 1);
    assert_true(amble__list_empty(&controller.hci.turns));
    assert_true(amble__acl_idle(&a) && amble__acl_idle(&b));
}

static void completed_packets_that_make_no_sense(void)
{
    open_two_links(3, 27);
    queue(&a, 1, 10);
    queue(&b, 1, 10);
    say_completed_packets(0x0123, 2); /* no such link */
    assert_int_equal(controller.hci.acl_credits, 1);
    say_completed_packets(HANDLE_A, 5); /* more than it has sent */
    assert_int_equal(controller.hci.malformed, 1);
    assert_int_equal(controller.hci.acl_credits, 2);
    assert_int_equal(a.in_flight, 0);
    say_completed_packets(HANDLE_A, 1);
    assert_int_equal(controller.hci.acl_credits, 2);
    say_completed_packets(HANDLE_B, 0xffff);
    assert_int_equal(controller.hci.acl_credits, 3); /* never more than there are buffers */
}

static void several_handles_in_one_event(void)
{
    open_two_links(2, 27);
    queue(&a, 1, 10);
    queue(&b, 1, 10);
    say_event(AMBLE__EVENT_COMPLETED_PACKETS, BYTES(2, HANDLE_A & 0xff, 0, 1, 0, HANDLE_B & 0xff, HANDLE_B >> 8, 1, 0));
    assert_int_equal(controller.hci.acl_credits, 2);
    assert_true(amble__acl_idle(&a) && amble__acl_idle(&b));
}

static void a_closing_link_gives_everything_back(void)
{
    amble__packet *half;

    open_two_links(3, 27);
    queue(&a, 1, 10);
    half = queue(&a, 2, 90); /* one of its four fragments goes out, the third buffer is for others */
    queue(&a, 3, 10);
    queue(&b, 3, 10);
    queue(&b, 4, 10);
    assert_int_equal(unread(), 3);
    assert_int_equal(half->sent, 27);
    assert_int_equal(free_packets(), 5);
    amble__acl_link_close(&controller.hci, &a);
    assert_int_equal(unread(), 4); /* its credits serve the other link at once */
    assert_int_equal(controller.sent[3].bytes[9], 4);
    assert_int_equal(free_packets(), 8);
    assert_int_equal(half->sent, 0);
    assert_int_equal(controller.hci.acl_credits, 1);
    say_completed_packets(HANDLE_A, 3); /* too late */
    assert_int_equal(controller.hci.acl_credits, 1);
    queue(&b, 5, 10);
    assert_int_equal(controller.sent[4].bytes[1], HANDLE_B & 0xff);
}

static int wait_drained(void *arg) { return amble__wait_on(&((amble__acl_link *)arg)->drained, 1000); }

static void drained_means_acknowledged(void)
{
    amble_task *waiting;
    amble_scope scope;

    open_two_links(1, 27);
    amble_scope_open(&scope);
    queue(&a, 1, 10);
    queue(&a, 2, 10);
    waiting = amble_spawn(&scope, wait_drained, &a);
    settle();
    say_completed_packets(HANDLE_A, 1); /* the second goes out */
    settle();
    assert_int_equal(amble_join(waiting, 0), AMBLE_ERR_TIMEOUT);
    assert_false(amble__acl_idle(&a));
    say_completed_packets(HANDLE_A, 1);
    assert_int_equal(amble_join(waiting, 0), AMBLE_ERR_TIMEOUT); /* it has to run */
    settle();
    assert_int_equal(amble_join(waiting, 1), 0);
    assert_int_equal(amble_now_us(), 0);
    queue(&a, 3, 10);
    waiting = amble_spawn(&scope, wait_drained, &a);
    settle();
    amble__acl_link_close(&controller.hci, &a);
    assert_int_equal(amble_join(waiting, 1), 0); /* nothing is left to wait for */
    amble_scope_close(&scope);
}

static void a_transport_that_does_not_take_it(void)
{
    open_two_links(2, 27);
    controller.write_result = AMBLE_ERR_IO;
    queue(&a, 1, 10);
    assert_int_equal(controller.hci.acl_credits, 2); /* not sent, so not in flight */
    assert_true(amble__acl_idle(&b));
    controller.write_result = 0;
    queue(&b, 2, 10);
    assert_int_equal(unread(), 2); /* it was kept */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(a_large_packet_is_cut),
        task_test(a_small_packet_stays_whole),
        task_test(no_credit_no_packet),
        task_test(a_fragment_waits_for_its_credit),
        task_test(links_take_turns),
        task_test(a_link_that_stalls_holds_up_no_other),
        task_test(a_link_that_stalls_does_not_use_up_the_pool),
        task_test(a_released_packet_passes_by_who_has_enough),
        task_test(one_released_packet_may_end_two_waits),
        task_test(a_lost_link_ends_its_own_waits),
        task_test(a_packet_is_sent_again_when_it_is_released),
        task_test(completed_packets_that_make_no_sense),
        task_test(several_handles_in_one_event),
        task_test(a_closing_link_gives_everything_back),
        task_test(drained_means_acknowledged),
        task_test(a_transport_that_does_not_take_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
