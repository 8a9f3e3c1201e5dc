/* The server's database: what is served, and which handle is what.
 *
 * Services stand in the order of their handles. A service keeps its characteristics, and each characteristic its
 * descriptors, in one array of values sorted by handle, so that an attribute is found by two binary searches and
 * nothing is stored for what a definition tells already. Each service lies in one piece of a block that is given at the
 * start; the piece is free again when the service goes. */
#ifndef AMBLE_GATT_DATABASE_H
#define AMBLE_GATT_DATABASE_H
#include <amble/gatt_server.h>

#include "core/arena.h"
#include "gatt/value_queue.h"

/* Attribute types of the profile itself, Vol 3 Part G 3, Assigned Numbers 3.5 to 3.7. */
enum {
    AMBLE__TYPE_PRIMARY_SERVICE = 0x2800,
    AMBLE__TYPE_SECONDARY_SERVICE = 0x2801,
    AMBLE__TYPE_INCLUDE = 0x2802,
    AMBLE__TYPE_CHARACTERISTIC = 0x2803,
    AMBLE__TYPE_EXTENDED_PROPERTIES = 0x2900,
    AMBLE__TYPE_USER_DESCRIPTION = 0x2901,
    AMBLE__TYPE_CCCD = 0x2902,
    AMBLE__TYPE_SERVER_CONFIGURATION = 0x2903,
    AMBLE__TYPE_PRESENTATION_FORMAT = 0x2904,
    AMBLE__TYPE_AGGREGATE_FORMAT = 0x2905,
};
enum { AMBLE__CCCD_NOTIFY = 1, AMBLE__CCCD_INDICATE = 2 };
enum { AMBLE__CCCD_SAID = 0x80 }; /* not of the wire: the client has written it on this link */
enum { AMBLE__RELIABLE_WRITE = 1, AMBLE__WRITABLE_AUXILIARIES = 2 }; /* Vol 3 Part G 3.3.3.1 */

typedef enum {
    AMBLE__ATTRIBUTE_VALUE,           /* of a characteristic or descriptor */
    AMBLE__ATTRIBUTE_CLIENT_FEATURES, /* the same, but each link has its own (Vol 3 Part G 7.2) */
    AMBLE__ATTRIBUTE_DATABASE_HASH,   /* the same, but computed (7.3) */
    AMBLE__ATTRIBUTE_SERVICE,
    AMBLE__ATTRIBUTE_INCLUDE,
    AMBLE__ATTRIBUTE_DECLARATION,
    AMBLE__ATTRIBUTE_CCCD,
    AMBLE__ATTRIBUTE_EXTENDED_PROPERTIES,
} amble__attribute_kind;

/* The value of a characteristic or a descriptor. */
typedef struct amble__served_value {
    const amble_characteristic *definition;
    struct amble__served_value *same_bucket;
    uint16_t declaration; /* handle of the declaration; of a descriptor: its own */
    uint16_t handle;      /* of the value */
    uint16_t cccd;        /* handle, 0: none */
    bool descriptor;
    bool takes_any_command;       /* whoever sends one may, and it replaces the value */
    uint8_t kind;                 /* one of the first three of amble__attribute_kind */
    uint8_t properties, extended; /* AMBLE_PROPERTY_..., AMBLE__RELIABLE_WRITE ... */
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
    uint16_t includes; /* as many declarations follow the service's */
    uint16_t count;
    amble__served_value *values;
    size_t at, size; /* its piece of the block */
} amble__served_service;

/* A service that is taken out: its piece is kept until those who looked at it have heard. */
typedef struct {
    amble__list node; /* first */
    amble__served_service service;
} amble__leaving;

enum { AMBLE__DATABASE_SERVICES = 128, AMBLE__DATABASE_BUCKETS = 32 };
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
    uint8_t *block;
    size_t block_size;
    amble__list leaving;  /* amble__leaving */
    unsigned next_handle; /* handles below were used */
    size_t links;
    uint64_t dropped;
    uint64_t changes; /* how often services came and went */
    uint8_t hash[16];
    uint64_t hash_of; /* the hash is that of the database after so many changes */
} amble__database;

void amble__database_init(amble__database *database, amble__arena *arena, size_t size, size_t links);
int amble__database_serve(amble__database *database, const amble_service *service);
/* The service of a definition, NULL when it is not served. */
amble__served_service *amble__database_service(const amble__database *database, const amble_service *definition);
/* Takes the service out: nothing finds it any more. Its memory is kept until `leaving` is taken from its list. */
void amble__database_remove(amble__database *database, amble__served_service *service, amble__leaving *leaving);
/* Whether another service includes it. */
bool amble__database_included(const amble__database *database, const amble_service *definition);
static inline size_t amble__database_bucket(const amble_characteristic *definition)
{
    const uintptr_t address = (uintptr_t)definition;

    return (address >> 4 ^ address >> 9) % AMBLE__DATABASE_BUCKETS;
}
/* The served value of a definition, NULL when it is not served. */
static inline amble__served_value *amble__database_find(const amble__database *database,
                                                        const amble_characteristic *definition)
{
    amble__served_value *value = database->buckets[amble__database_bucket(definition)];

    while (value && value->definition != definition)
        value = value->same_bucket;
    return value;
}
/* The attribute with this handle, or the first after it; false when there is none. */
bool amble__database_at_or_after(const amble__database *database, unsigned handle, amble__attribute *attribute);
/* Makes it `last`. */
const amble__attribute *amble__database_look_up(amble__database *database, uint16_t handle);
/* It, if this is its handle. */
static inline const amble__attribute *amble__database_last(const amble__database *database, uint16_t handle)
{
    return database->last.handle == handle && handle ? &database->last : NULL;
}
/* The attribute with this handle, until the next is asked for; NULL: there is none. */
static inline const amble__attribute *amble__database_at(amble__database *database, uint16_t handle)
{
    const amble__attribute *last = amble__database_last(database, handle);

    return last ? last : amble__database_look_up(database, handle);
}
/* Its type, as the air has it. */
amble_uuid amble__attribute_type(const amble__attribute *attribute);
/* What it declares: services, includes, characteristics, extended properties; composed in `scratch` where it lies
 * nowhere. */
enum { AMBLE__DECLARATION_SIZE = 19 };
amble__bytes amble__attribute_declaration(const amble__database *database, const amble__attribute *attribute,
                                          uint8_t scratch[AMBLE__DECLARATION_SIZE]);
/* The Database Hash (Vol 3 Part G 7.3.1), in the order of the air. */
const uint8_t *amble__database_hash(amble__database *database);
#endif
