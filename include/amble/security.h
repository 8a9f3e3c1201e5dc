/* Security: what protects a link, and how (Vol 3 Part H, Vol 3 Part C 10). */
#ifndef AMBLE_SECURITY_H
#define AMBLE_SECURITY_H
#include <amble/gap.h>
#ifdef __cplusplus
extern "C" {
#endif

/* --- what protects a link ------------------------------------------------------------------------------------------- */
/* Whether what goes over the link can be read by nobody else. */
bool amble_connection_encrypted(const amble_connection *conn);
/* Whether the key came from a pairing that keeps out somebody in between: passkey, comparison, out of band. */
bool amble_connection_authenticated(const amble_connection *conn);
/* Whether the key is kept, so that the next connection is encrypted without pairing. */
bool amble_connection_bonded(const amble_connection *conn);
/* Bytes of the key, 7 to 16; 0 while the link is not encrypted. */
unsigned amble_connection_key_size(const amble_connection *conn);
/* Whether the key came from LE Secure Connections, whose passive listeners learn nothing; not from LE legacy pairing. */
bool amble_connection_secure(const amble_connection *conn);

#ifdef __cplusplus
}
#endif
#endif
