/* What finding an attribute costs, for callgrind: `lookup_bench ATTRIBUTES COUNT` serves so many attributes and asks
 * COUNT times for one by its handle, each time for another, so that nothing is remembered. `bench/run` prints the
 * difference of two counts. */
#include <amble.h>
#include <stdio.h>
#include <stdlib.h>

#include "gatt/database.h"

enum { MOST = 5000, PER_SERVICE = 49, PER_CHARACTERISTIC = 2, BLOCK = 1024 * 1024, STEP = 37 };

static const amble_uuid uuid = AMBLE_UUID16(0x2a58);
static amble_characteristic characteristics[MOST];
static const amble_characteristic *lists[MOST / PER_SERVICE + 1][PER_SERVICE / PER_CHARACTERISTIC + 2];
static amble_service services[MOST / PER_SERVICE + 1];

/* Services of 24 characteristics: 49 attributes each, but for the last. */
static void serve(amble__database *database, unsigned attributes)
{
    unsigned used = 0, made = 0;

    for (unsigned s = 0; used < attributes; s++) {
        used++;
        for (unsigned i = 0; i < PER_SERVICE / PER_CHARACTERISTIC && used + 1 < attributes; i++) {
            characteristics[made] = (amble_characteristic){.uuid = &uuid, .read = true, .max_size = 8};
            lists[s][i] = &characteristics[made++];
            used += PER_CHARACTERISTIC;
        }
        services[s] = (amble_service){.uuid = &uuid, .characteristics = lists[s]};
        if (amble__database_serve(database, &services[s]) < 0)
            exit(1);
        if (used + 1 == attributes)
            break;
    }
}

int main(int argc, char **argv)
{
    static _Alignas(max_align_t) uint8_t memory[2 * BLOCK];
    amble__arena arena = {.block = memory, .size = sizeof memory};
    amble__database database;
    unsigned long found = 0, count;
    unsigned attributes;

    if (argc != 3 || (attributes = (unsigned)strtoul(argv[1], NULL, 10)) < 3 || attributes > MOST) {
        (void)fprintf(stderr, "usage: %s ATTRIBUTES COUNT (at most %d attributes)\n", argv[0], MOST);
        return 2;
    }
    count = strtoul(argv[2], NULL, 10);
    amble__database_init(&database, &arena, BLOCK, 1);
    serve(&database, attributes);
    for (unsigned long i = 0; i < count; i++) {
        found += amble__database_at(&database, (uint16_t)(1 + i * STEP % (attributes - 1))) != NULL;
    }
    (void)printf("%lu\n", found);
    return found == count ? 0 : 1;
}
