/* What the tests of transports do with a host whose controller is behind one: a link to another host on the air `desk`,
 * over which more than one packet of data goes each way. */
#ifndef AMBLE_TRANSPORT_TEST_LINK_H
#define AMBLE_TRANSPORT_TEST_LINK_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "amble.h"

enum { TEST_LINK_MS = 5000 };

static inline int test_link_advertise(void *arg)
{
    amble_connection *conn;
    amble *ble = arg;
    int r = amble_advertise(ble, NULL, &conn, TEST_LINK_MS);

    if (r < 0)
        return r;
    r = amble_disconnected(conn, TEST_LINK_MS);
    amble_connection_close(conn);
    return r;
}

static inline void test_link_use(amble *ble)
{
    amble_connection *conn;
    amble_scope scope;
    amble *other;

    assert_int_equal(amble_open(&other, "air:desk", NULL, TEST_LINK_MS), 0);
    amble_scope_open(&scope);
    amble_spawn(&scope, test_link_advertise, other);
    assert_int_equal(amble_connect(ble, amble_own_device(other), NULL, &conn, TEST_LINK_MS), 0);
    assert_in_range(amble_exchange_mtu(conn, TEST_LINK_MS), 23, 517);
    amble_connection_close(conn);
    assert_int_equal(amble_scope_wait(&scope, TEST_LINK_MS), 0);
    amble_scope_close(&scope);
    amble_close(other);
}
#endif
