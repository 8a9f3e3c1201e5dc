/* The GATT client: reading, writing and following what a server has (Vol 3 Part G 4).
 *
 * What discovery finds are plain values: nothing to free, to be copied at will. They remember the link they belong to;
 * on a later link they give AMBLE_ERR_STALE, and so they do when the server said that its services changed there. The
 * caller's task does the work: one request is under way per bearer, those of other tasks queue behind it. A link has
 * one bearer, the fixed channel.
 *
 * An encrypted link has more when both sides can: enhanced bearers, channels that carry ATT (Vol 3 Part G 5.3). There
 * is nothing to be done for them. The central's host opens them a second after the link is encrypted, or the peer does
 * at any time; amble_connection_bearers tells how many there are, `enhanced_bearers` of amble_config how many there may
 * be. The requests of several tasks then overlap, each on a bearer of its own, and one that the server takes long for
 * holds up nobody else. What one task asks for stays in order, since it waits for each answer; requests of different
 * tasks have no order. Writes in parts and the exchange of the MTU are done on the fixed channel, one at a time, and so
 * are all that is sent without an answer, notifications and indications: those never overtake each other. A bearer can
 * end alone. A request that was under way on it ends with AMBLE_ERR_CHANNEL_CLOSED, when the server closed it, with
 * PROTOCOL, when it sent there what it may not, or with TIMEOUT, when there was no answer for 30 s; whether the server
 * did what was asked is not known then, and the link lives on.
 *
 * Every function here waits, and can end with TIMEOUT, CANCELLED, DISCONNECTED, STALE, AMBLE_ERR_ATT(...) as the server
 * answered, or AMBLE_ERR_PROTOCOL when the answer made no sense. A request whose caller gave up stays with the host
 * until its answer comes; that answer is dropped. A server that does not answer for 30 s has lost the bearer, and, when
 * that is the fixed channel, its link (Vol 3 Part F 3.3.3). */
#ifndef AMBLE_GATT_CLIENT_H
#define AMBLE_GATT_CLIENT_H
#include <amble/gatt_server.h>
#include <amble/task.h>
#include <amble/uuid.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct amble_subscription amble_subscription;

typedef struct {
    amble_connection *conn;
    amble_uuid uuid;
    uint16_t start, end; /* handles */
    uint16_t include;    /* of an included service: the handle of its declaration */
    uint32_t generation;
} amble_remote_service;
typedef struct {
    amble_connection *conn;
    amble_uuid uuid;
    uint16_t handle, value_handle, end;
    uint32_t generation;
    uint8_t properties; /* AMBLE_PROPERTY_... */
} amble_remote_characteristic;
typedef struct {
    amble_connection *conn;
    amble_uuid uuid;
    uint16_t handle;
    uint32_t generation;
} amble_remote_descriptor;

/* Characteristic properties, Vol 3 Part G 3.3.1.1. */
enum {
    AMBLE_PROPERTY_BROADCAST = 0x01,
    AMBLE_PROPERTY_READ = 0x02,
    AMBLE_PROPERTY_WRITE_NO_RESPONSE = 0x04,
    AMBLE_PROPERTY_WRITE = 0x08,
    AMBLE_PROPERTY_NOTIFY = 0x10,
    AMBLE_PROPERTY_INDICATE = 0x20,
    AMBLE_PROPERTY_SIGNED_WRITE = 0x40,
    AMBLE_PROPERTY_EXTENDED = 0x80
};

/* Exchanges the MTU: offers the host's, returns the result, which holds for both directions. Once per link; later calls
 * return it without asking. Vol 3 Part G 4.3.1. */
int amble_exchange_mtu(amble_connection *conn, int timeout_ms) AMBLE_MUST_CHECK;

/* The first with this UUID: 0, or AMBLE_ERR_NOT_FOUND. Vol 3 Part G 4.4.2, 4.6.2, 4.7.1. */
int amble_find_service(amble_connection *conn, const amble_uuid *uuid, amble_remote_service *out,
                       int timeout_ms) AMBLE_MUST_CHECK;
int amble_find_characteristic(const amble_remote_service *service, const amble_uuid *uuid,
                              amble_remote_characteristic *out, int timeout_ms) AMBLE_MUST_CHECK;
int amble_find_descriptor(const amble_remote_characteristic *c, const amble_uuid *uuid, amble_remote_descriptor *out,
                          int timeout_ms) AMBLE_MUST_CHECK;
/* All of them, in the order of their handles: `*out` zeroed starts, otherwise it goes on after it; 1 found, 0 no more.
 * No iterator to free, so break at will. One request brings several; the host keeps those that were not asked for
 * yet. */
int amble_next_service(amble_connection *conn, amble_remote_service *out, int timeout_ms) AMBLE_MUST_CHECK;
/* The services that this one includes. Vol 3 Part G 4.5.1. */
int amble_next_included(const amble_remote_service *service, amble_remote_service *out,
                        int timeout_ms) AMBLE_MUST_CHECK;
int amble_next_characteristic(const amble_remote_service *service, amble_remote_characteristic *out,
                              int timeout_ms) AMBLE_MUST_CHECK;
int amble_next_descriptor(const amble_remote_characteristic *c, amble_remote_descriptor *out,
                          int timeout_ms) AMBLE_MUST_CHECK;

/* Follows the server's database on this link: asks to be told of changes (Service Changed, robust caching), and
 * compares its hash with the one of the last link to the same device. While the hash is the same, discovery is answered
 * from what is remembered, without asking; `cached_peers` and `cache_size` of amble_config say how much that is.
 * Whatever was found before a change gives AMBLE_ERR_STALE where it is concerned. Costs a handful of requests when the
 * device is new. Returns 1 when what was remembered holds, else 0; 0 also for a server that has none of this. Vol 3
 * Part G 2.5.2, 7. */
int amble_follow_database(amble_connection *conn, int timeout_ms) AMBLE_MUST_CHECK;

/* Reads the whole value, however long, into the caller's buffer and returns its size. AMBLE_ERR_TOO_LONG when it does
 * not fit. Vol 3 Part G 4.8.1, 4.8.3. */
int amble_read(const amble_remote_characteristic *c, void *buffer, size_t size, int timeout_ms) AMBLE_MUST_CHECK;
int amble_read_descriptor(const amble_remote_descriptor *d, void *buffer, size_t size, int timeout_ms) AMBLE_MUST_CHECK;
/* Several values of one link with as few requests as the server allows: each part says where its value goes, and gets
 * its size or its error in `result`. `fixed` says that the value always has `size` bytes: a server that cannot tell
 * sizes is asked for all at once too, if that holds for each part. Returns 0, or the error after which nothing more was
 * asked. Vol 3 Part G 4.8.4, 4.8.5. */
typedef struct {
    const amble_remote_characteristic *characteristic;
    void *buffer;
    size_t size;
    bool fixed;
    int result;
} amble_read_part;
int amble_read_multiple(amble_read_part *parts, size_t count, int timeout_ms) AMBLE_MUST_CHECK;
/* Writes and waits for the answer. What is longer than the MTU less 3 bytes goes in parts, which the server puts
 * together: at most 512 bytes, else AMBLE_ERR_TOO_LONG. A write that ends early leaves the value as it was: what the
 * server has of it is cancelled. Vol 3 Part G 4.9.3, 4.9.4, 4.12.3, 4.12.4. */
int amble_write(const amble_remote_characteristic *c, const void *data, size_t size, int timeout_ms) AMBLE_MUST_CHECK;
int amble_write_descriptor(const amble_remote_descriptor *d, const void *data, size_t size,
                           int timeout_ms) AMBLE_MUST_CHECK;
/* Writes several characteristics of one link, all or none; what the server understood of each part is compared with
 * what was sent, and AMBLE_ERR_PROTOCOL says that it was something else. Vol 3 Part G 4.9.5. */
typedef struct {
    const amble_remote_characteristic *characteristic;
    const void *data;
    size_t size;
} amble_write_part;
int amble_write_reliably(const amble_write_part *parts, size_t count, int timeout_ms) AMBLE_MUST_CHECK;
/* Writes without an answer: waits for room to send only, so nothing tells whether the server took it.
 * AMBLE_ERR_UNSUPPORTED where the characteristic does not have the property; set it in your copy of `properties` to
 * write all the same. Vol 3 Part G 4.9.1. */
int amble_write_no_response(const amble_remote_characteristic *c, const void *data, size_t size,
                            int timeout_ms) AMBLE_MUST_CHECK;

/* Writes without an answer on a link that is not encrypted, signed with the bond's key: the server knows that it comes
 * from this device, whole, and once; others can read it. On an encrypted link it is a plain Write Command. A central
 * encrypts with a bond by itself, so this is for links that were made with `unencrypted`:
 *
 *     r = amble_connect(ble, lamp, &(amble_connect_options){.unencrypted = true}, &conn, 5000);
 *     ...
 *     r = amble_write_signed(&button, "1", 1, 1000);
 *
 * At most the MTU less 15 bytes, else AMBLE_ERR_TOO_LONG. Waits for room to send. Of every 64 signatures one saves the
 * bond before it goes out. Errors: AMBLE_ERR_UNSUPPORTED where the property is absent, or the key is used up;
 * AMBLE_ERR_NOT_FOUND without a bond that has a signing key; AMBLE_ERR_IO when the bond could not be saved; and as
 * amble_write_no_response. Vol 3 Part G 4.9.2, Part C 10.4. */
int amble_write_signed(const amble_remote_characteristic *c, const void *data, size_t size,
                       int timeout_ms) AMBLE_MUST_CHECK;

typedef struct {
    bool indicate;  /* indications in place of notifications */
    uint16_t depth; /* values that may wait unread; 0: 8 */
} amble_subscribe_options;
/* Asks the server to send the value whenever it changes. The queue is armed before the server is asked, so the first
 * value cannot be lost. `*out` is the caller's, to be closed. Finds the CCCD by itself. AMBLE_ERR_UNSUPPORTED where the
 * property is absent, AMBLE_ERR_NO_MEMORY when `notification_buffers` are used up, of which each takes `depth` and one
 * for the value in view, AMBLE_ERR_BUSY when the characteristic has a subscription. Vol 3 Part G 4.10, 4.11. */
int amble_subscribe(const amble_remote_characteristic *c, const amble_subscribe_options *options,
                    amble_subscription **out, int timeout_ms) AMBLE_MUST_CHECK;
/* The next value, oldest first. After the link was lost what is queued still comes, then AMBLE_ERR_DISCONNECTED. A
 * value that found the queue full is dropped and counted in the next one's `dropped`. AMBLE_ERR_BUSY when another task
 * waits for it. */
int amble_notified(amble_subscription *subscription, amble_value *value, int timeout_ms) AMBLE_MUST_CHECK;
amble_source amble_on_notified(amble_subscription *subscription);
/* Unsubscribes if the link lives, at most for two seconds, and frees; NULL does nothing. Comes before the connection's
 * close. */
void amble_subscription_close(amble_subscription *subscription);

#ifdef __cplusplus
}
#endif
#endif
