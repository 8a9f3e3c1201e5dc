/* The GATT server: services that others read, write and subscribe to (Vol 3 Part G).
 *
 * Definitions are constants; their address is their name in every call, so one table in flash serves several hosts:
 *
 *     static const amble_characteristic level = { .uuid = &level_uuid, .read = true, .notify = true };
 *     static const amble_service battery = { .uuid = &battery_uuid, .characteristics = AMBLE_LIST(&level) };
 *
 * A descriptor is defined like a characteristic and is used with the same calls. The configuration descriptor (CCCD) of
 * a characteristic that notifies or indicates, the extended properties of one that takes reliable writes, the GAP and
 * the GATT service are there by themselves.
 *
 * What centrals write waits in a queue of its characteristic until a task takes it with amble_written. A Write Request
 * is answered when its value is in the queue; while the queue is full the answer is held back. Write Commands that find
 * the queue full are dropped, and counted in the next value's `dropped`. Without `capture` there is no queue: the value
 * of the characteristic changes, and amble_written tells of the latest.
 *
 * A value longer than one PDU comes in parts (long write), and the values of several characteristics can come together
 * (reliable write). The parts wait in a buffer of the link, `prepare_size` bytes, until the central says that they are
 * complete; then each characteristic gets one whole value, or, when one of them cannot take its value, none gets any
 * (Vol 3 Part F 3.4.6).
 *
 * Services come and go while links are up. Centrals that asked for it are told (Service Changed), and handles are never
 * used for something else, so one who has not heard of it gets an error (0x01) and no stranger's value. A central that
 * said it understands (robust caching) is first told with error 0x12 that its picture is out of date (Vol 3 Part G
 * 2.5.2).
 *
 * A central with a bond is known again: what it subscribed to (13 characteristics, in the order of their handles; a
 * warning says when there are more), what it said it supports, and which database it knew come back as soon as the link
 * is encrypted, also after the host was opened anew with the same bonds. So amble_update reaches it without a word of
 * its own; wait with amble_encrypted before. When the services are others than they were, it is told so, and a
 * subscription comes back only where the same characteristic has the same handle. A central without a bond, or whose
 * link is not encrypted with it, begins each link with nothing (3.3.3.3, 7.2).
 *
 * With `signed_write` a characteristic takes writes that are not secret but signed, on links that are not encrypted:
 * for a central that wakes up, says one thing, and has no time for encryption. Only who has a bond can sign; what was
 * changed on the way, or comes again, is dropped, as is every command that may not be done. `write_security` then says
 * what the bond has to be: AMBLE_AUTHENTICATED, AMBLE_SECURE. Each one that is taken is kept in the bond first, so that
 * it cannot come again after a loss of power either; that saves the bonds, and wears out a flash memory when it is done
 * often. What cannot be kept is dropped, too. On an encrypted link the same central sends plain commands, which are
 * taken, too (Vol 3 Part C 10.4, Part F 3.4.5.4). */
#ifndef AMBLE_GATT_SERVER_H
#define AMBLE_GATT_SERVER_H
#include <amble/address.h>
#include <amble/security_level.h>
#include <amble/task.h>
#include <amble/uuid.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct amble amble;

typedef struct amble_characteristic amble_characteristic;
typedef amble_characteristic amble_descriptor;
struct amble_characteristic {
    const amble_uuid *uuid;
    bool read, write, write_no_response, notify, indicate;
    bool signed_write;     /* takes signed writes of centrals with a bond, see below */
    bool reliable_write;   /* say so to clients, in the extended properties descriptor (Vol 3 Part G 3.3.3.1) */
    bool capture;          /* queue every write, see above */
    bool append;           /* a write is added to the value, which grows to max_size; amble_local_read empties it */
    bool answer_reads;     /* each read is answered by a task: amble_requested */
    bool answer_writes;    /* each write is accepted or refused by a task: amble_requested */
    uint16_t max_size;     /* of the value, in bytes, at most 512; 0: 20, or the initial value's size if that is more */
    uint16_t write_depth;  /* places in the queue with `capture`; the value in view keeps its place; 0: 4 */
    uint16_t initial_size; /* of `initial` */
    amble_security read_security, write_security; /* what the link needs; the CCCD needs read_security */
    bool read_authorised, write_authorised;       /* only for whom amble_authorise has let in; the CCCD as reading */
    const void *initial;
    const amble_descriptor *const *descriptors; /* ended by NULL; AMBLE_LIST; or NULL */
};
typedef struct amble_service amble_service;
struct amble_service {
    const amble_uuid *uuid;
    const amble_characteristic *const *characteristics; /* ended by NULL: AMBLE_LIST; or NULL */
    const amble_service *const *includes;               /* ended by NULL: AMBLE_INCLUDES; or NULL */
    bool secondary;                                     /* only there to be included by others */
};
#define AMBLE_LIST(...)                                                                                                \
    (const amble_characteristic *const[]) { __VA_ARGS__, NULL }
#define AMBLE_INCLUDES(...)                                                                                            \
    (const amble_service *const[]) { __VA_ARGS__, NULL }
/* The bytes of a presentation format descriptor, 0x2904 (Vol 3 Part G 3.3.3.5): format, exponent of ten, unit (both of
 * the Assigned Numbers), and a description by the Bluetooth SIG. A temperature in hundredths of a degree Celsius:
 *
 *     static const uint8_t centidegrees[] = AMBLE_FORMAT(0x0e, -2, 0x272f, 0); */
#define AMBLE_FORMAT(format, exponent, unit, description)                                                              \
    {                                                                                                                  \
        (format), (uint8_t)(exponent), (uint8_t)((unit)&0xff), (uint8_t)((unit) >> 8), 1,                              \
            (uint8_t)((description)&0xff), (uint8_t)((description) >> 8)                                               \
    }

/* Serves `service` from now on. The definition is kept by its address. What it includes has to be served already. Does
 * not wait. Errors: AMBLE_ERR_BUSY when it is served already, AMBLE_ERR_NO_MEMORY when `database_size` or the handles
 * are used up, AMBLE_ERR_NOT_FOUND when an included service is not served, AMBLE_ERR_ARGUMENT for a definition that
 * makes no sense. */
int amble_serve(amble *ble, const amble_service *service);
/* Serves it no longer. Waits on it end with AMBLE_ERR_NOT_FOUND, values in view end, what centrals wait for is refused
 * (0x01); its memory is free again, its handles are used up: 65,535 in all until the host is opened again. Lets the
 * other tasks run once. Errors: AMBLE_ERR_NOT_FOUND when it is not served, AMBLE_ERR_BUSY as long as another service
 * includes it. */
int amble_unserve(amble *ble, const amble_service *service);

/* The value as a central would read it, into the caller's buffer. Returns its size. With `append` the value is empty
 * afterwards. Does not wait. Errors: AMBLE_ERR_TOO_LONG, AMBLE_ERR_NOT_FOUND when it is not served. */
int amble_local_read(amble *ble, const amble_characteristic *c, void *buffer, size_t size);
/* Sets the value; nobody is told. Does not wait. Errors: AMBLE_ERR_TOO_LONG beyond max_size, AMBLE_ERR_NOT_FOUND. */
int amble_local_write(amble *ble, const amble_characteristic *c, const void *data, size_t size);

/* Sets the value and notifies, or indicates, every central that subscribed, waiting for room to send and for
 * confirmations. Returns how many were told. With timeout 0 those for whom there is no room at once are left out.
 * Errors: as amble_local_write, CANCELLED, TIMEOUT. */
int amble_update(amble *ble, const amble_characteristic *c, const void *data, size_t size, int timeout_ms);
/* Notifies one central, with `data` or, when that is NULL, the value as it is when there is room. Waits for room to
 * send, not for the peer. Data beyond the MTU less 3, or 512 bytes, is AMBLE_ERR_TOO_LONG. Errors:
 * AMBLE_ERR_NOT_SUBSCRIBED when the central did not ask for notifications, DISCONNECTED, TIMEOUT, CANCELLED,
 * AMBLE_ERR_UNSUPPORTED when the characteristic does not notify. Vol 3 Part G 4.10. */
int amble_notify(amble_connection *conn, const amble_characteristic *c, const void *data, size_t size, int timeout_ms);
/* Several values at once to one central, in this order: one PDU carries as many as its MTU has room for, if the central
 * said that it understands that (Client Supported Features), else each goes alone. Values that change together so cost
 * one packet, and arrive together.
 *
 *     amble_notify_part parts[] = {{.characteristic = &heart_rate}, {.characteristic = &energy}};
 *
 *     r = amble_notify_multiple(conn, parts, 2, 1000);
 *
 * Each part is as in amble_notify; when one of them cannot be sent, none is. Waits for room to send; after TIMEOUT,
 * CANCELLED or DISCONNECTED, `sent` tells which parts had gone before. Errors as amble_notify. Vol 3 Part F 3.4.7.4,
 * Part G 4.10.2. */
typedef struct {
    const amble_characteristic *characteristic;
    const void *data; /* NULL: the value as it is when there is room */
    size_t size;
    bool sent; /* set by the call */
} amble_notify_part;
int amble_notify_multiple(amble_connection *conn, amble_notify_part *parts, size_t count, int timeout_ms);
/* Indicates and waits for the confirmation. One indication per link is under way at a time, others wait their turn.
 * After a timeout or cancel the confirmation is still awaited by the host before the next indication goes out. Errors
 * as amble_notify. Vol 3 Part G 4.11. */
int amble_indicate(amble_connection *conn, const amble_characteristic *c, const void *data, size_t size,
                   int timeout_ms);
/* Whether the central asked for notifications (bit 0) or indications (bit 1): its CCCD. */
unsigned amble_subscribed(const amble_connection *conn, const amble_characteristic *c);

/* A written or notified value: a view, valid until the next call of the same function on the same object. `conn` is
 * NULL when the writer's link was closed meanwhile; `device` stays. */
typedef struct {
    const uint8_t *data;
    size_t size;
    uint32_t dropped; /* values lost before this one */
    amble_connection *conn;
    amble_device device;
    bool indication;
} amble_value;
/* The next write to the characteristic by anybody, in the order of arrival. Waits. Errors: AMBLE_ERR_BUSY when another
 * task waits for it, AMBLE_ERR_NOT_FOUND, TIMEOUT, CANCELLED, CLOSED, CONTROLLER. */
int amble_written(amble *ble, const amble_characteristic *c, amble_value *value, int timeout_ms) AMBLE_MUST_CHECK;
/* The same for one connection; writes of others stay where they are. Ends with AMBLE_ERR_DISCONNECTED. */
int amble_written_by(amble_connection *conn, const amble_characteristic *c, amble_value *value,
                     int timeout_ms) AMBLE_MUST_CHECK;
amble_source amble_on_written(amble *ble, const amble_characteristic *c);

/* A read or write of a characteristic with answer_reads or answer_writes, to be answered by a task. The peer waits
 * meanwhile; it gives up after 30 s, so the host answers 0x11 (insufficient resources) by itself after
 * `held_write_ms`. */
typedef struct {
    bool write;          /* otherwise a read */
    const uint8_t *data; /* of a write: a view, valid until it is answered (also by the host) or the link ends */
    size_t size;
    size_t offset; /* of a read: where the peer goes on reading */
    amble_connection *conn;
    amble_device device;
    uint32_t id;
} amble_request;
/* The oldest request not taken yet. Waits. Errors: as amble_written. */
int amble_requested(amble *ble, const amble_characteristic *c, amble_request *request, int timeout_ms) AMBLE_MUST_CHECK;
/* Answers a read with the whole value (the host cuts it at the offset), or accepts a write: then `data` NULL keeps the
 * value written, anything else becomes the value. Does not wait. AMBLE_ERR_STALE when the peer no longer waits. */
int amble_request_answer(amble *ble, const amble_request *request, const void *data, size_t size);
/* Refuses it with an ATT error, best one of 0x80 to 0x9F, which are the application's (Vol 3 Part F 3.4.1.1). */
int amble_request_refuse(amble *ble, const amble_request *request, uint8_t att_error);

#ifdef __cplusplus
}
#endif
#endif
