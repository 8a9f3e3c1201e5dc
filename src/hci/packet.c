/* See packet.h. Invariant: a packet is in its pool's free list exactly when it is not busy. */
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

int amble__packet_take(amble__packet_pool *pool, amble__list *losses, uint64_t deadline_us, amble__packet **packet)
{
    amble__list *node;

    while (!(node = amble__list_take(&pool->free))) {
        amble__wait wait;
        amble__waiter for_packet, for_loss;
        int r;

        amble__wait_init(&wait);
        amble__wait_add(&wait, &for_packet, &pool->waiters);
        amble__wait_add(&wait, &for_loss, losses);
        r = amble__wait_run_until(&wait, deadline_us);
        if (r < 0)
            return r;
    }
    *packet = amble__container(node, amble__packet, node);
    (*packet)->busy = true;
    return 0;
}

void amble__packet_release(amble__packet *packet)
{
    packet->busy = false;
    packet->sent = 0;
    if (!packet->pool)
        return;
    amble__list_append(&packet->pool->free, &packet->node);
    (void)amble__waiters_end_first(&packet->pool->waiters, 0); /* there may be none */
}
