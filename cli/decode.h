/* Packets as text, layer by layer: HCI commands, events and ACL data, the link layer's packets on the air, L2CAP, ATT,
 * SMP.
 *
 * A decoder remembers what it needs of each link: fragments of L2CAP packets, which channel is what for, and which
 * attribute has which UUID, as far as their making was seen. All its memory is in it; bytes that make no sense are
 * shown as digits. */
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
    AMBLE__DECODE_CHANNELS = 16,
    AMBLE__DECODE_FRAME = 4 + 2048,
    AMBLE__DECODE_SDU = 600,   /* an ATT PDU fits; of a longer SDU the beginning is kept */
    AMBLE__DECODE_ON_AIR = -2, /* in place of an adapter: the link was seen on the air */
    AMBLE__DECODE_TEXT = 4096
};

typedef struct {
    uint8_t data[AMBLE__DECODE_FRAME]; /* the beginning of a longer one */
    size_t size, expected;             /* expected 0: none is under way */
} amble__frame;

/* The last ATT request on a bearer: its opcode, the type it asked for or the handle, and the offset. A response says
 * none of this. */
typedef struct {
    uint8_t opcode;
    uint16_t subject, from;
} amble__decode_request;

/* One direction of a credit-based channel. */
typedef struct {
    bool used, received; /* received: its frames go to the host, or from the central to the peripheral */
    uint16_t cid, spsm;
    size_t bearer; /* of ATT: which of the link's requests is its own, in both directions */
    uint8_t sdu[AMBLE__DECODE_SDU];
    size_t size, expected, left; /* kept, of the SDU, still to come */
} amble__decode_channel;

/* A request to open channels, whose response is yet to come. */
typedef struct {
    uint8_t identifier;
    uint16_t spsm;
    uint16_t cids[5]; /* of the side that asks; Vol 3 Part A 4.25 */
    size_t count;
} amble__decode_opening;

typedef struct {
    bool used;
    int adapter;
    uint32_t handle;        /* a connection handle, on the air the access address */
    amble__frame frames[2]; /* sent, received */
    amble__decode_channel channels[AMBLE__DECODE_CHANNELS];
    size_t next_channel;               /* the one that makes room */
    amble__decode_opening openings[2]; /* asked by the host, asked by the peer */
    struct {
        uint16_t handle;
        amble_uuid uuid;
    } attributes[AMBLE__DECODE_ATTRIBUTES];
    size_t attribute_count;
    amble__decode_request asked; /* on the fixed channel, or on the bearer whose PDU is being decoded */
    amble__decode_request asked_on[AMBLE__DECODE_CHANNELS];
    struct {
        bool known, encrypted;
        uint8_t sequence[2]; /* of the last data PDU from the central, from the peripheral */
    } air;
} amble__decode_link;

typedef struct {
    amble__decode_link links[AMBLE__DECODE_LINKS];
    size_t next; /* the one that makes room */
} amble__decoder;

typedef struct {
    const char *layer; /* "command", "event", "acl", "ll", "l2cap", "att", "smp", "other" */
    int64_t link;      /* the connection handle or the access address, or -1 */
    char name[64];
    char detail[AMBLE__DECODE_TEXT];
} amble__decoded;

/* Decodes one packet of this controller; `type` is that of H4, or AMBLE__SNOOP_NOTE and on. */
void amble__decode(amble__decoder *decoder, int adapter, uint8_t type, bool received, const uint8_t *data, size_t size,
                   amble__decoded *out);

/* A packet on the air. */
typedef enum { AMBLE__FROM_ANYBODY, AMBLE__FROM_CENTRAL, AMBLE__FROM_PERIPHERAL } amble__air_sender;
typedef struct {
    uint32_t access_address;
    amble__air_sender sender; /* ANYBODY: advertising, or the capture does not say */
    bool auxiliary;           /* an advertising PDU on a data channel */
    const uint8_t *pdu;       /* header and payload, without CRC */
    size_t size;
} amble__decode_air_packet;
void amble__decode_air(amble__decoder *decoder, const amble__decode_air_packet *packet, amble__decoded *out);

/* --- inside ------------------------------------------------------------------------------------------------------- */
void amble__decode_command(amble__reader r, amble__decoded *out);
void amble__decode_event(amble__reader r, amble__decoded *out);
/* The link with this handle; a new one takes the place of the oldest. */
amble__decode_link *amble__decode_link_of(amble__decoder *decoder, int adapter, uint32_t handle);
/* A piece of an L2CAP packet, the first or a further one. */
void amble__decode_fragment(amble__decode_link *link, bool received, bool first, amble__bytes bytes,
                            amble__decoded *out);
void amble__decode_att(amble__decode_link *link, amble__reader r, amble__decoded *out);
void amble__decode_signalling(amble__decode_link *link, bool received, amble__reader r, amble__decoded *out);
void amble__decode_smp(amble__reader r, amble__decoded *out);
/* A frame of a channel that was opened before; false when it is none. */
bool amble__decode_channel_frame(amble__decode_link *link, bool received, uint16_t cid, amble__reader r,
                                 amble__decoded *out);

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
