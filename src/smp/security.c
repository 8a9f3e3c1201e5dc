/* What a program may ask about the security of a link, and want of it (amble/security.h). */
#include "amble/security.h"

#include "link/connection.h"

bool amble_connection_encrypted(const amble_connection *conn) { return conn->security.encrypted; }
bool amble_connection_authenticated(const amble_connection *conn) { return conn->security.authenticated; }
bool amble_connection_bonded(const amble_connection *conn) { return conn->security.bonded; }
unsigned amble_connection_key_size(const amble_connection *conn) { return conn->security.key_size; }
bool amble_connection_secure(const amble_connection *conn) { return conn->security.secure_connections; }
