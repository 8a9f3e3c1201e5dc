/* All of amble. Reading order is the order of a program's life: tasks, the host, finding each other, serving, asking.
 *
 * Conventions, said once:
 *  1. A function that takes `int timeout_ms` (always last) may wait: other tasks run. 0 tries once, AMBLE_FOREVER
 *     waits. A function without it never waits, except the closing ones (amble_close, amble_connection_close,
 *     amble_scope_close, amble_subscription_close, amble_l2cap_close), which wait, are bounded, ignore cancellation,
 *     accept NULL and cannot fail.
 *  2. Results: negative is an error, 0 is done, positive is a count. Iterators: 1 an item, 0 no more.
 *  3. Bytes that answer a request go to the caller's buffer; what does not fit is AMBLE_ERR_TOO_LONG, never cut
 *     silently. Bytes that arrive by themselves (written, notified, scan results) are views, valid until the next call
 *     of the same function on the same object.
 *  4. One task at a time takes from one queue; a second gets AMBLE_ERR_BUSY.
 *  5. Definitions (services, characteristics, UUIDs) are kept by address and never written to; options are copied. */
#ifndef AMBLE_H
#define AMBLE_H
#include <amble/address.h>
#include <amble/bonds.h>
#include <amble/bytes.h>
#include <amble/error.h>
#include <amble/gap.h>
#include <amble/gatt_client.h>
#include <amble/gatt_server.h>
#include <amble/host.h>
#include <amble/l2cap.h>
#include <amble/log.h>
#include <amble/main.h>
#include <amble/periodic.h>
#include <amble/privacy.h>
#include <amble/security.h>
#include <amble/task.h>
#include <amble/uuid.h>
#endif
