/* The signalling channel of an LE link: answers requests from a table, never waits (Vol 3 Part A 4).
 *
 * Every request is answered: the ones known here by their rule, all others with Command Reject, so that no peer waits in vain. One answer
 * is under way at a time; a peer that asks faster than answers leave breaks the rules and loses the surplus. */
#include "l2cap/l2cap.h"

/* Codes, 4. */
enum {
    COMMAND_REJECT = 0x01,
    DISCONNECTION_REQUEST = 0x06,
    PARAMETER_UPDATE_REQUEST = 0x12,
    PARAMETER_UPDATE_RESPONSE = 0x13,
    LE_CONNECTION_REQUEST = 0x14,
    LE_CONNECTION_RESPONSE = 0x15,
    CREDITS = 0x16,
};
enum { REASON_NOT_UNDERSTOOD = 0, REASON_MTU_EXCEEDED = 1, REASON_INVALID_CID = 2 };
enum { PARAMETERS_REJECTED = 1 };     /* 4.21 */
enum { RESULT_NO_SUCH_PSM = 0x0002 }; /* 4.23 */

static amble__writer begin_answer(amble__l2cap_link *link, uint8_t code, uint8_t identifier, uint16_t size)
{
    amble__writer w = amble__writer_of(amble__packet_payload(&link->reply), link->reply.capacity);

    amble__write_u8(&w, code);
    amble__write_u8(&w, identifier);
    amble__write_le16(&w, size);
    return w;
}

static void send_answer(amble__l2cap_link *link, const amble__writer *w)
{
    link->reply.size = (uint16_t)amble__written_size(w);
    amble__trace_at(&link->conn->hci->trace, SIGNALLING_SENT, link->conn->handle, w->start, link->reply.size);
    amble__l2cap_send(link->conn, AMBLE__CID_SIGNALLING, &link->reply);
}

static void reject(amble__l2cap_link *link, uint8_t identifier, uint16_t reason, const uint16_t *values, int count)
{
    amble__writer w = begin_answer(link, COMMAND_REJECT, identifier, (uint16_t)(2 + 2 * count));

    amble__write_le16(&w, reason);
    for (int i = 0; i < count; i++)
        amble__write_le16(&w, values[i]);
    send_answer(link, &w);
}

/* A peripheral asks for other connection parameters. They stay as they are, and it is told so. 4.20 */
static void refuse_parameters(amble__l2cap_link *link, uint8_t identifier)
{
    amble__writer w;

    if (!link->conn->central) { /* only a central may be asked */
        reject(link, identifier, REASON_NOT_UNDERSTOOD, NULL, 0);
        return;
    }
    w = begin_answer(link, PARAMETER_UPDATE_RESPONSE, identifier, 2);
    amble__write_le16(&w, PARAMETERS_REJECTED);
    send_answer(link, &w);
}

/* Nobody listens on any SPSM. 4.22 */
static void refuse_channel(amble__l2cap_link *link, uint8_t identifier)
{
    amble__writer w = begin_answer(link, LE_CONNECTION_RESPONSE, identifier, 10);

    for (int i = 0; i < 4; i++)
        amble__write_le16(&w, 0);
    amble__write_le16(&w, RESULT_NO_SUCH_PSM);
    send_answer(link, &w);
}

static bool is_request(uint8_t code)
{
    /* Requests have even codes from 0x02 to 0x18, and 0x17 and 0x19 are the enhanced pair's; responses and credits need no answer. */
    switch (code) {
    case COMMAND_REJECT:
    case 0x03:
    case 0x05:
    case 0x07:
    case 0x09:
    case 0x0b:
    case 0x0d:
    case 0x0f:
    case 0x11:
    case PARAMETER_UPDATE_RESPONSE:
    case LE_CONNECTION_RESPONSE:
    case CREDITS:
    case 0x18: /* enhanced connection response */
    case 0x1a: /* reconfigure response */
        return false;
    default:
        return true;
    }
}

static void answer(amble__l2cap_link *link, uint8_t code, uint8_t identifier, amble__bytes data)
{
    if (code == PARAMETER_UPDATE_REQUEST && data.size == 8) {
        refuse_parameters(link, identifier);
    } else if (code == LE_CONNECTION_REQUEST && data.size == 10) {
        refuse_channel(link, identifier);
    } else if (code == DISCONNECTION_REQUEST && data.size == 4) {
        const uint16_t ids[] = {amble__get_le16(data.data), amble__get_le16(data.data + 2)};

        reject(link, identifier, REASON_INVALID_CID, ids, 2);
    } else {
        reject(link, identifier, REASON_NOT_UNDERSTOOD, NULL, 0);
    }
}

void amble__signalling_receive(amble__l2cap *l2cap, amble_connection *conn, const uint8_t *data, size_t size)
{
    amble__reader r = amble__reader_of(data, size);
    const uint8_t code = amble__read_u8(&r), identifier = amble__read_u8(&r);
    const uint16_t length = amble__read_le16(&r);
    const amble__bytes rest = amble__read_rest(&r);
    amble__l2cap_link *link = conn->l2cap;

    amble__trace_at(&conn->hci->trace, SIGNALLING_RECEIVED, conn->handle, data, size);
    /* One command per frame on an LE link, 4. */
    if (r.failed || length != rest.size || identifier == 0 || link->reply.busy) {
        l2cap->malformed++;
        return;
    }
    if (size > AMBLE__SIGNALLING_MTU && is_request(code)) {
        const uint16_t mtu = AMBLE__SIGNALLING_MTU;

        reject(link, identifier, REASON_MTU_EXCEEDED, &mtu, 1);
    } else if (is_request(code)) {
        answer(link, code, identifier, rest);
    }
}
