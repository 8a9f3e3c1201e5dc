/* Trace points: one per PDU and per change of state, for whoever wants to look on.
 *
 * A host has one trace. A point costs a comparison while nobody looks, and nothing in a build with AMBLE__NO_TRACE.
 * With the log level at "debug" when the host opens, every point becomes a log line; a test sets its own sink.
 * (Captures are written where packets cross the transport: so they also hold what never reaches a host.) No key ever is
 * in a point: whoever traces a packet that may hold one traces its beginning. */
#ifndef AMBLE_CORE_TRACE_H
#define AMBLE_CORE_TRACE_H
#include <stddef.h>
#include <stdint.h>

/* kind, what it is called, what `data` is */
#define AMBLE__TRACE_TABLE(X)                                                                                          \
    X(COMMAND, "HCI command >")       /* without the H4 type */                                                        \
    X(EVENT, "HCI event <")           /* without the H4 type */                                                        \
    X(ACL_SENT, "ACL >")              /* without the H4 type */                                                        \
    X(ACL_RECEIVED, "ACL <")          /* without the ACL header */                                                     \
    X(SIGNALLING_SENT, "L2CAP >")     /* the command */                                                                \
    X(SIGNALLING_RECEIVED, "L2CAP <") /* the command */                                                                \
    X(ATT_SENT, "ATT >")              /* the PDU */                                                                    \
    X(ATT_RECEIVED, "ATT <")          /* the PDU */                                                                    \
    X(SMP_SENT, "SMP >")              /* the PDU; of one that may hold secrets only its code */                        \
    X(SMP_RECEIVED, "SMP <")          /* the same */                                                                   \
    X(ENCRYPTED, "link encrypted")    /* the size of the key; 0: not any more, or not yet */                           \
    X(LINK_OPENED, "link opened")     /* the peer's address */                                                         \
    X(LINK_LOST, "link lost")         /* the reason */                                                                 \
    X(ADVERTISING, "advertising")     /* 1 on, 0 off, as for the next two */                                           \
    X(SCANNING, "scanning")                                                                                            \
    X(CONNECTING, "connecting")

#define AMBLE__TRACE_ENUM(kind, name) AMBLE__TRACE_##kind,
typedef enum { AMBLE__TRACE_TABLE(AMBLE__TRACE_ENUM) AMBLE__TRACE_KINDS } amble__trace_kind;
#undef AMBLE__TRACE_ENUM

enum { AMBLE__NO_HANDLE = 0xffff }; /* of points that belong to no link */

typedef struct {
    amble__trace_kind kind;
    uint16_t handle;
    const uint8_t *data; /* valid during the call */
    size_t size;
} amble__trace_point;

typedef struct {
    void (*sink)(void *user, const amble__trace_point *point); /* NULL: nobody looks */
    void *user;
} amble__trace;

/* The same as text, for a line of a log: "ATT < link 0x0040: 0a 03 00". Returns `text`. */
enum { AMBLE__TRACE_TEXT = 200 };
const char *amble__trace_text(const amble__trace_point *point, char text[AMBLE__TRACE_TEXT]);

void amble__trace_emit(const amble__trace *trace, amble__trace_kind kind, uint16_t handle, const void *data,
                       size_t size);
#ifdef AMBLE__NO_TRACE
#define amble__trace_at(trace, kind, handle, data, size) ((void)(data), (void)(size))
#else
#define amble__trace_at(trace, kind, handle, data, size)                                                               \
    ((trace)->sink ? amble__trace_emit((trace), AMBLE__TRACE_##kind, (handle), (data), (size)) : (void)0)
#endif
#endif
