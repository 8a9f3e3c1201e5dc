/* The Generic Attribute service that every server has (Vol 3 Part G 7): it tells clients how to keep what they know of
 * the server. */
#ifndef AMBLE_GATT_GATT_SERVICE_H
#define AMBLE_GATT_GATT_SERVICE_H
#include <amble/gatt_server.h>

extern const amble_service amble__gatt_service;
extern const amble_characteristic amble__service_changed;
extern const amble_characteristic amble__server_features;

/* Client Supported Features, Assigned Numbers, Vol 3 Part G 7.2. */
enum { AMBLE__FEATURE_ROBUST_CACHING = 1, AMBLE__FEATURE_ENHANCED = 2, AMBLE__FEATURE_MULTIPLE_NOTIFICATIONS = 4 };
/* Server Supported Features, 7.4. */
enum { AMBLE__SERVER_FEATURE_ENHANCED = 1 };
/* Types that a client asks for. */
enum {
    AMBLE__TYPE_SERVICE_CHANGED = 0x2a05,
    AMBLE__TYPE_CLIENT_FEATURES = 0x2b29,
    AMBLE__TYPE_DATABASE_HASH = 0x2b2a,
    AMBLE__TYPE_SERVER_FEATURES = 0x2b3a,
};

/* What is special about a value: one of the first three of amble__attribute_kind. */
unsigned char amble__gatt_service_kind(const amble_characteristic *c);
#endif
