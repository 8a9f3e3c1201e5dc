/* The server's database: what is served, and which handle is what.
 *
 * Services stand in the order of their handles. A service keeps its characteristics, and each characteristic its descriptors, in one array
 * of values sorted by handle, so that an attribute is found by two binary searches and nothing is stored for what a definition tells
 * already. Memory comes from one block given at the start and is never given back. */
#ifndef AMBLE_GATT_DATABASE_H
#define AMBLE_GATT_DATABASE_H
#include <amble/gatt_server.h>

#include "core/arena.h"
#include "gatt/value_queue.h"

/* Attribute types of the profile itself, Vol 3 Part G 3, Assigned Numbers 3.5 to 3.7. */
enum {
    AMBLE__TYPE_PRIMARY_SERVICE = 0x2800,
    AMBLE__TYPE_SECONDARY_SERVICE = 0x2801,
    AMBLE__TYPE_CHARACTERISTIC = 0x2803,
    AMBLE__TYPE_CCCD = 0x2902,
};
enum { AMBLE__CCCD_NOTIFY = 1, AMBLE__CCCD_INDICATE = 2 };

/* The value of a characteristic or a descriptor. */
typedef struct amble__served_value {
    const amble_characteristic *definition;
    struct amble__served_value *same_bucket;
    uint16_t declaration; /* handle of the declaration; of a descriptor: its own */
    uint16_t handle;      /* of the value */
    uint16_t cccd;        /* handle, 0: none */
    bool descriptor;
    uint16_t size, max_size;
    uint8_t *value;
    uint8_t *subscriptions;    /* one CCCD per link */
    amble__value_queue *queue; /* of a characteristic that can be written */
    amble__list held;          /* links whose write waits for room, or whose request waits for a task's answer */
    amble__list askers;        /* tasks in amble_requested */
} amble__served_value;

typedef struct {
    const amble_service *definition;
    uint16_t start, end;
    amble__served_value *values;
    uint16_t count;
} amble__served_service;

enum { AMBLE__DATABASE_SERVICES = 64, AMBLE__DATABASE_BUCKETS = 32 };
typedef enum {
    AMBLE__ATTRIBUTE_SERVICE,
    AMBLE__ATTRIBUTE_DECLARATION,
    AMBLE__ATTRIBUTE_VALUE, /* of a characteristic or descriptor */
    AMBLE__ATTRIBUTE_CCCD,
} amble__attribute_kind;
typedef struct {
    uint16_t handle;
    amble__attribute_kind kind;
    amble__served_service *service;
    amble__served_value *value;
} amble__attribute;

typedef struct {
    amble__served_service *services;
    size_t count, capacity;
    amble__attribute last; /* asked for by its handle: clients come back to the same one */
    amble__served_value *buckets[AMBLE__DATABASE_BUCKETS]; /* by address of the definition */
    amble__arena arena;
    size_t links;
    uint64_t dropped;
} amble__database;

void amble__database_init(amble__database *database, amble__arena *arena, size_t size, size_t links);
int amble__database_serve(amble__database *database, const amble_service *service);
/* The served value of a definition, NULL when it is not served. */
amble__served_value *amble__database_find(const amble__database *database, const amble_characteristic *definition);
/* The attribute with this handle, or the first after it; false when there is none. */
bool amble__database_at_or_after(const amble__database *database, unsigned handle, amble__attribute *attribute);
bool amble__database_at(amble__database *database, uint16_t handle, amble__attribute *attribute);
/* Its type, as the air has it. */
amble_uuid amble__attribute_type(const amble__attribute *attribute);
uint8_t amble__value_properties(const amble__served_value *value);
#endif
