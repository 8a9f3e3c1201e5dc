/* Two hosts on a simulated radio, all on one bare board: one advertises and notifies, the other finds it, connects,
 * discovers and listens. */
#include <amble.h>
#include <stdio.h>

#include "transport/opener.h"

enum { STACK = 8192, VALUES = 50, STEPS = 200000 };

static const amble_uuid service_uuid = AMBLE_UUID16(0x1815), value_uuid = AMBLE_UUID16(0x2a58);
static const amble_characteristic value = {.uuid = &value_uuid, .read = true, .notify = true, .max_size = 20};
static const amble_service service = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&value)};

static _Alignas(8) uint8_t stacks[2][STACK];
static int good;

/* This board has none of these. */
#define NOT_HERE(name)                                                                                                 \
    int name(const amble__transport_request *request, amble__transport **transport)                                    \
    {                                                                                                                  \
        (void)request, (void)transport;                                                                                \
        return AMBLE_ERR_UNSUPPORTED;                                                                                  \
    }
NOT_HERE(amble__serial_open)
NOT_HERE(amble__pty_open)
NOT_HERE(amble__hci_socket_open)
NOT_HERE(amble__usb_open)

static int notify_all(amble_connection *conn)
{
    int r = 0;

    while (r >= 0 && !amble_subscribed(conn, &value))
        r = amble_sleep_ms(10);
    for (uint8_t i = 0; r >= 0 && i < VALUES; i++)
        r = amble_notify(conn, &value, &i, sizeof i, 5000);
    return r < 0 ? r : amble_disconnected(conn, 10000);
}

static int be_peripheral(void *arg)
{
    const amble_config config = {.name = "board", .services = {&service}};
    const amble_advertise_options options = {.services = {&service_uuid}};
    amble_connection *conn;
    amble *ble;
    int r = amble_open(&ble, "air:home", &config, 10000);

    (void)arg;
    if (r >= 0 && (r = amble_advertise(ble, &options, &conn, 10000)) >= 0) {
        r = notify_all(conn);
        amble_connection_close(conn);
    }
    amble_close(ble);
    (void)printf("peripheral: %s\n", r < 0 ? amble_error_text(r) : "done");
    good += r >= 0;
    return r;
}

static int hear_all(amble_connection *conn)
{
    amble_remote_service remote_service;
    amble_remote_characteristic remote;
    amble_subscription *subscription;
    amble_value got;
    int r = amble_find_service(conn, &service_uuid, &remote_service, 5000);

    if (r >= 0)
        r = amble_find_characteristic(&remote_service, &value_uuid, &remote, 5000);
    if (r >= 0)
        r = amble_subscribe(&remote, NULL, &subscription, 5000);
    if (r < 0)
        return r;
    for (int i = 0; r >= 0 && i < VALUES; i++) {
        r = amble_notified(subscription, &got, 5000);
        if (r >= 0 && (got.size != 1 || got.data[0] != i || got.dropped))
            r = AMBLE_ERR_PROTOCOL;
    }
    amble_subscription_close(subscription);
    return r;
}

static int be_central(void *arg)
{
    amble_scan_result found;
    amble_connection *conn;
    amble *ble;
    int r = amble_open(&ble, "air:home", NULL, 10000);

    (void)arg;
    if (r >= 0)
        r = amble_scan_find(ble, &(amble_scan_options){.service = &service_uuid}, &found, 10000);
    if (r >= 0 && (r = amble_connect(ble, found.device, NULL, &conn, 10000)) >= 0) {
        r = hear_all(conn);
        amble_connection_close(conn);
    }
    amble_close(ble);
    (void)printf("central: %s\n", r < 0 ? amble_error_text(r) : "done");
    good += r >= 0;
    return r;
}

/* What a host takes: one link and not a byte more than it needs, and as it is by default. */
static void say_sizes(void)
{
    const amble_config one_link = {.mtu = 23,
                                   .connections = 1,
                                   .no_enhanced_bearers = true,
                                   .no_channels = true,
                                   .send_buffers = 2,
                                   .notification_buffers = 1,
                                   .advertisers = 1,
                                   .advertised_size = 62,
                                   .scanned_devices = 1,
                                   .scanned_size = 62,
                                   .scanners = 1,
                                   .database_size = 1024,
                                   .prepare_size = 64,
                                   .cached_peers = 1,
                                   .cache_size = 64,
                                   .bond_limit = 1,
                                   .pairings = 1,
                                   .task_stack_size = 2048};
    const unsigned own_stacks = one_link.task_stack_size;

    (void)printf("a host of one link: %u bytes and %u of stacks; by default: %u with its stacks\n",
                 (unsigned)amble_size(&one_link) - own_stacks, own_stacks, (unsigned)amble_size(NULL));
}

int main(void)
{
    const amble_run_options options = {.virtual_time = true, .seed = 1};
    amble_scope scope;

    if (amble_scheduler_open(&options) < 0)
        return 1;
    say_sizes();
    amble_scope_open(&scope);
    (void)amble_spawn_on(&scope, "peripheral", be_peripheral, NULL, stacks[0], STACK); /* `good` tells of a failure */
    (void)amble_spawn_on(&scope, "central", be_central, NULL, stacks[1], STACK);
    for (int i = 0; i < STEPS && good < 2; i++)
        (void)amble_step(); /* how many ran does not matter */
    (void)printf("%d of 2 after %u us\n", good, (unsigned)amble_now_us());
    amble_scope_close(&scope);
    amble_scheduler_close();
    return good != 2;
}
