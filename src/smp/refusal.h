/* The security channel of a host that does not pair: every pairing is refused at once, so that no peer waits (Vol 3 Part H 3.5.5). */
#ifndef AMBLE_SMP_REFUSAL_H
#define AMBLE_SMP_REFUSAL_H
#include "l2cap/l2cap.h"

void amble__security_refuse(amble_connection *conn, const uint8_t *data, size_t size);
#endif
