/* See packet.h. Invariants: a packet is in its pool's free list exactly when it is not busy; while a task waits, what is in
 * there is more than its link's share. */
#include "hci/packet.h"

#include "core/rare.h"
#include "hci/hci.h"

void amble__packet_init(amble__packet *packet, amble__arena *arena, size_t capacity)
{
    uint8_t *bytes = amble__arena_take(arena, 1, AMBLE__PACKET_HEADROOM + capacity);

    if (!packet || !bytes)
        return;
    *packet = (amble__packet){.capacity = (uint16_t)capacity, .bytes = bytes};
}

void amble__packet_pool_init(amble__packet_pool *pool, amble__arena *arena, size_t count, size_t capacity)
{
    amble__packet *packets = amble__arena_take(arena, count, sizeof *packets);

    if (pool) {
        amble__list_init(&pool->free);
        amble__list_init(&pool->waiters);
        pool->left = 0;
    }
    for (size_t i = 0; i < count; i++) {
        amble__packet_init(packets ? &packets[i] : NULL, arena, capacity);
        if (pool && packets) {
            packets[i].pool = pool;
            pool->left++;
            amble__list_append(&pool->free, &packets[i].node);
        }
    }
}

/* A task that waits for a packet, for whom, and the one it was given. */
typedef struct {
    amble__waiter waiter;
    amble__acl_link *link;
    amble__packet *packet;
} packet_waiter;

/* A free packet, if the link may have one. */
static amble__packet *take_free(amble__packet_pool *pool, amble__acl_link *link)
{
    amble__packet *packet;

    if (!amble__acl_fair(link, link->held, pool->left))
        return NULL;
    packet = amble__container(pool->free.next, amble__packet, node);
    amble__list_unlink(&packet->node);
    packet->busy = true;
    packet->holder = link;
    pool->left--;
    link->held++;
    return packet;
}

static AMBLE__APART int wait_for_packet(amble__packet_pool *pool, amble__acl_link *link, amble__list *losses,
                                        uint64_t deadline_us, amble__packet **packet)
{
    packet_waiter for_packet = {.link = link};
    amble__waiter for_loss;
    amble__wait wait;
    int r;

    amble__wait_begin(&wait, &for_packet.waiter, &pool->waiters);
    amble__wait_add(&wait, &for_loss, losses);
    r = amble__wait_run_until(&wait, deadline_us);
    *packet = for_packet.packet;
    return r < 0 ? r : 1;
}

int amble__packet_take(amble__packet_pool *pool, amble__acl_link *link, amble__list *losses, uint64_t deadline_us,
                       amble__packet **packet)
{
    *packet = take_free(pool, link);
    return *packet ? 0 : wait_for_packet(pool, link, losses, deadline_us, packet);
}

/* Gives packets to who waited longest and may have one. They are handed over at once: a task that runs earlier cannot take them away. */
static AMBLE__APART void hand_over(amble__packet_pool *pool)
{
    amble__list_each (node, &pool->waiters) {
        amble__waiter *waiter = amble__container(node, amble__waiter, node);
        packet_waiter *wants = amble__container(waiter, packet_waiter, waiter);

        wants->packet = take_free(pool, wants->link);
        if (wants->packet)
            amble__wait_end(waiter->wait, 0);
    }
}

void amble__packet_release(amble__packet *packet)
{
    packet->busy = false;
    packet->sent = 0;
    if (!packet->pool) {
        if (packet->released)
            packet->released(packet);
        return;
    }
    if (packet->holder->held) /* 0: that link is gone, and another one in its place */
        packet->holder->held--;
    amble__list_append(&packet->pool->free, &packet->node);
    packet->pool->left++;
    if (!amble__list_empty(&packet->pool->waiters))
        hand_over(packet->pool);
}
