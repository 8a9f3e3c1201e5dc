/* See refusal.h. Invariant: a Pairing Failed is never answered, so two hosts of this kind cannot echo each other. */
#include "smp/refusal.h"

enum { PAIRING_REQUEST = 0x01, PAIRING_FAILED = 0x05, SECURITY_REQUEST = 0x0b, PAIRING_NOT_SUPPORTED = 0x05 };

void amble__security_refuse(amble_connection *conn, const uint8_t *data, size_t size)
{
    amble__packet *reply = &conn->l2cap->security_reply;
    uint8_t *payload = amble__packet_payload(reply);

    if (size == 0 || (data[0] != PAIRING_REQUEST && data[0] != SECURITY_REQUEST) || reply->busy)
        return;
    payload[0] = PAIRING_FAILED;
    payload[1] = PAIRING_NOT_SUPPORTED;
    reply->size = 2;
    amble__l2cap_send(conn, AMBLE__CID_SECURITY, reply);
}
