/* Bonds that outlive their hosts: one store for each device, in memory. See schedules.h.
 *
 * A store is full at times, and what the host had not given it when its power went is gone, as on a real device. */
#include "host/host_room.h"
#include "schedules.h"

enum { RECORDS = 10 };

static struct {
    amble_bond_store store;
    bool without_power;
    unsigned losses;
    size_t count, sizes[RECORDS];
    uint8_t records[RECORDS][AMBLE_BOND_RECORD];
} stores[BENCH_DEVICES];
static bool reliable;

static int load(void *user, int (*take)(void *target, const void *record, size_t size), void *target)
{
    const unsigned self = (unsigned)(uintptr_t)user;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < stores[self].count; i++)
        r = take(target, stores[self].records[i], stores[self].sizes[i]);
    return r;
}

static int save(void *user, size_t count, size_t (*give)(void *source, size_t index, void *record, size_t room),
                void *source)
{
    const unsigned self = (unsigned)(uintptr_t)user;

    assert_in_range(count, 0, RECORDS);
    if (stores[self].without_power || (!reliable && dice(4) == 0))
        return AMBLE_ERR_IO; /* the disk is full for a while */
    stores[self].count = count;
    for (size_t i = 0; i < count; i++)
        stores[self].sizes[i] = give(source, i, stores[self].records[i], AMBLE_BOND_RECORD);
    return 0;
}

void schedule_forget_stores(void)
{
    memset(stores, 0, sizeof stores);
    reliable = false;
}
void schedule_rely_on_stores(void) { reliable = true; }

const amble_bond_store *schedule_store(unsigned index)
{
    stores[index].store = (amble_bond_store){.load = load, .save = save, .user = (void *)(uintptr_t)index};
    return &stores[index].store;
}

unsigned schedule_losses(unsigned index) { return stores[index].losses; }

void schedule_close(amble *ble, unsigned index, bool without_power)
{
    stores[index].without_power = without_power;
    if (without_power)
        stores[index].losses += ble->bonds.table.changed;
    else /* so that one knows what is lost: the host tries for the last time while it closes */
        stores[index].losses += amble__bonds_save(&ble->bonds.table) < 0;
    amble_close(ble);
    stores[index].without_power = false;
}
