/* Getting to a peer, and to what it has, by what a user types. A failure is a sentence on standard error that says what
 * was looked for; the error's own sentence follows from amble_main. */
#ifndef AMBLE_CLI_PEER_H
#define AMBLE_CLI_PEER_H
#include "amble/gap.h"
#include "amble/gatt_client.h"

/* Both say "COMMAND: ..." when they fail, "amble gatt" for example.
 *
 * Connects to "AA:BB:CC:DD:EE:FF/r", or to the first connectable device whose name is `who`, and exchanges the MTU. */
int amble__peer_connect(const char *command, amble *ble, const char *who, int timeout_ms,
                        amble_connection **conn) AMBLE_MUST_CHECK;
/* The same, looking on LE Coded too. */
int amble__peer_connect_coded(const char *command, amble *ble, const char *who, int timeout_ms,
                              amble_connection **conn) AMBLE_MUST_CHECK;
/* The first characteristic with this UUID, in the first service with that one unless it is NULL. */
int amble__peer_characteristic(const char *command, amble_connection *conn, const amble_uuid *service,
                               const amble_uuid *uuid, amble_remote_characteristic *out,
                               int timeout_ms) AMBLE_MUST_CHECK;
#endif
