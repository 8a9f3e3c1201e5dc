/* See packet.h. Invariants: a packet is in its pool's free list exactly when it is not busy; while a task waits the list is empty. */
#include "hci/packet.h"

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
    }
    for (size_t i = 0; i < count; i++) {
        amble__packet_init(packets ? &packets[i] : NULL, arena, capacity);
        if (pool && packets) {
            packets[i].pool = pool;
            amble__list_append(&pool->free, &packets[i].node);
        }
    }
}

/* A task that waits for a packet, and the one it was given. */
typedef struct {
    amble__waiter waiter;
    amble__packet *packet;
} packet_waiter;

int amble__packet_take(amble__packet_pool *pool, amble__list *losses, uint64_t deadline_us, amble__packet **packet)
{
    amble__list *node = amble__list_take(&pool->free);
    packet_waiter for_packet;
    amble__waiter for_loss;
    amble__wait wait;
    int r;

    if (node) {
        *packet = amble__container(node, amble__packet, node);
        (*packet)->busy = true;
        return 0;
    }
    amble__wait_init(&wait);
    amble__wait_add(&wait, &for_packet.waiter, &pool->waiters);
    amble__wait_add(&wait, &for_loss, losses);
    r = amble__wait_run_until(&wait, deadline_us);
    if (r == 0)
        *packet = for_packet.packet;
    return r;
}

/* Gives the packet to who waited longest. It is handed over at once: a task that runs earlier cannot take it away. */
static bool hand_over(amble__packet *packet)
{
    amble__list *node = amble__list_first(&packet->pool->waiters);
    amble__waiter *waiter;

    if (!node)
        return false;
    waiter = amble__container(node, amble__waiter, node);
    amble__container(waiter, packet_waiter, waiter)->packet = packet;
    packet->busy = true;
    amble__wait_end(waiter->wait, 0);
    return true;
}

void amble__packet_release(amble__packet *packet)
{
    packet->busy = false;
    packet->sent = 0;
    if (!packet->pool) {
        if (packet->released)
            packet->released(packet);
    } else if (!hand_over(packet)) {
        amble__list_append(&packet->pool->free, &packet->node);
    }
}
