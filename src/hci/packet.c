/* See packet.h. Invariants: a packet is among its pool's free ones exactly when it is not busy; while a task waits, as
 * many as there are is more than its link's share. */
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

static void put_back(amble__packet_pool *pool, amble__packet *packet)
{
    packet->next = pool->free;
    pool->free = packet;
    pool->left++;
}

void amble__packet_pool_init(amble__packet_pool *pool, amble__arena *arena, size_t count, size_t capacity)
{
    amble__packet *packets = amble__arena_take(arena, count, sizeof *packets);

    if (pool) {
        *pool = (amble__packet_pool){.free = NULL};
        amble__list_init(&pool->waiters);
    }
    for (size_t i = 0; i < count; i++) {
        amble__packet_init(packets ? &packets[i] : NULL, arena, capacity);
        if (pool && packets) {
            packets[i].pool = pool;
            put_back(pool, &packets[i]);
        }
    }
}

/* A task that waits for a packet, for whom, and where it goes. */
typedef struct {
    amble__waiter waiter;
    amble__acl_link *link;
    amble__packet **packet;
} packet_waiter;

/* A free packet, if the link may have one. */
static amble__packet *take_free(amble__packet_pool *pool, amble__acl_link *link)
{
    amble__packet *packet;

    if (!amble__acl_fair(link, link->held, pool->left))
        return NULL;
    packet = pool->free;
    pool->free = packet->next;
    pool->left--;
    packet->busy = true;
    packet->holder = link;
    link->held++;
    return packet;
}

static AMBLE__APART int wait_for_packet(amble__packet_pool *pool, amble__acl_link *link, uint64_t deadline_us,
                                        amble__packet **packet)
{
    packet_waiter wants;
    amble__wait wait;

    wants.link = link;
    wants.packet = packet;
    amble__wait_begin(&wait, &wants.waiter, &pool->waiters);
    return amble__wait_run_until(&wait, deadline_us);
}

int amble__packet_take(amble__packet_pool *pool, amble__acl_link *link, uint64_t deadline_us, amble__packet **packet)
{
    *packet = take_free(pool, link);
    return *packet ? 0 : wait_for_packet(pool, link, deadline_us, packet);
}

/* Gives packets to who waited longest and may have one. They are handed over at once: a task that runs earlier cannot
 * take them away. */
static AMBLE__APART void hand_over(amble__packet_pool *pool)
{
    amble__list_each (node, &pool->waiters) {
        const packet_waiter *wants = amble__container(node, packet_waiter, waiter.node);

        *wants->packet = take_free(pool, wants->link);
        if (*wants->packet)
            amble__wait_end(wants->waiter.wait, 1);
    }
}

void amble__packet_pool_lost(amble__packet_pool *pool, const amble__acl_link *link, int error)
{
    amble__list_each (node, &pool->waiters) {
        const packet_waiter *wants = amble__container(node, packet_waiter, waiter.node);

        if (wants->link == link)
            amble__wait_end(wants->waiter.wait, error);
    }
}

void amble__packet_release(amble__packet *packet)
{
    amble__packet_pool *pool = packet->pool;

    packet->busy = false;
    packet->sent = 0;
    if (!pool) {
        if (packet->released)
            packet->released(packet);
        return;
    }
    if (packet->holder->held) /* 0: that link is gone, and another one in its place */
        packet->holder->held--;
    put_back(pool, packet);
    if (!amble__list_empty(&pool->waiters))
        hand_over(pool);
}
