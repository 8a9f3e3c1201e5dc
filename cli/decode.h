/* HCI packets as text, layer by layer: commands, events, ACL data, L2CAP, ATT, SMP.
 *
 * A decoder remembers what it needs of each link: fragments of L2CAP packets, and which attribute has which UUID, as far
 * as discovery was seen. All its memory is in it; bytes that make no sense are shown as digits. */
#ifndef AMBLE_CLI_DECODE_H
#define AMBLE_CLI_DECODE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amble/uuid.h"
#include "cli/printer.h"
#include "core/bytes.h"

enum {
    AMBLE__DECODE_LINKS = 16,
    AMBLE__DECODE_ATTRIBUTES = 256,
    AMBLE__DECODE_FRAME = 4 + 2048,
    AMBLE__DECODE_TEXT = 4096
};

typedef struct {
    uint8_t data[AMBLE__DECODE_FRAME]; /* the beginning of a longer one */
    size_t size, expected;             /* expected 0: none is under way */
} amble__frame;

typedef struct {
    bool used;
    int adapter;
    uint16_t handle;
    amble__frame frames[2]; /* sent, received */
    struct {
        uint16_t handle;
        amble_uuid uuid;
    } attributes[AMBLE__DECODE_ATTRIBUTES];
    size_t attribute_count;
    uint8_t request;    /* the last ATT request's opcode */
    uint16_t requested; /* the type it asked for, or the handle */
} amble__decode_link;

typedef struct {
    amble__decode_link links[AMBLE__DECODE_LINKS];
    size_t next; /* the one that makes room */
} amble__decoder;

typedef struct {
    const char *layer; /* "command", "event", "acl", "l2cap", "att", "smp", "other" */
    int link;          /* the connection handle, or -1 */
    char name[64];
    char detail[AMBLE__DECODE_TEXT];
} amble__decoded;

/* Decodes one packet of this controller; `type` is that of H4, or AMBLE__SNOOP_NOTE and on. */
void amble__decode(amble__decoder *decoder, int adapter, uint8_t type, bool received, const uint8_t *data, size_t size,
                   amble__decoded *out);

/* --- inside ------------------------------------------------------------------------------------------------------- */
void amble__decode_command(amble__reader r, amble__decoded *out);
void amble__decode_event(amble__reader r, amble__decoded *out);
void amble__decode_att(amble__decode_link *link, amble__reader r, amble__decoded *out);
void amble__decode_signalling(amble__reader r, amble__decoded *out);
void amble__decode_smp(amble__reader r, amble__decoded *out);

typedef struct {
    uint16_t number;
    const char *name;
} amble__decode_name;
/* The name in a table, or NULL. */
const char *amble__decode_find(const amble__decode_name *names, size_t count, unsigned number);
/* "name", or "WHAT 0x12" without one. */
void amble__decode_set_name(amble__decoded *out, const char *name, const char *what, unsigned number);
/* Up to so many of these bytes as digits, and "..." for more. */
void amble__say_bytes(amble__printer *p, amble__bytes bytes, size_t most);
void amble__say_address(amble__printer *p, amble__reader *r, uint8_t type);
#endif
