/* Getting to a peer (peer.h). Every wait has the timeout that the user gave; a cancelled one says nothing. */
#include "cli/peer.h"

#include <stdio.h>
#include <string.h>

#include "cli/numbers.h"

enum { SCAN_US = 60000 };

static int complain(const char *command, int error, const char *what, const char *whom)
{
    if (error != AMBLE_ERR_CANCELLED)
        fprintf(stderr, "%s: %s %s\n", command, what, whom);
    return error;
}

static int find_device(const char *command, amble *ble, const char *name, bool coded, amble_device *device,
                       int timeout_ms)
{
    const amble_scan_options options = {
        .active = true, .coded = coded, .interval_us = SCAN_US, .window_us = SCAN_US, .name = name};
    amble_scan_result found;
    int r;

    if (amble_device_parse(device, name) == 0)
        return 0;
    r = amble_scan_find(ble, &options, &found, timeout_ms);
    if (r < 0)
        return complain(command, r, "this is no address, and no device was heard with the name", name);
    *device = found.device;
    return 0;
}

static int connect_to(const char *command, amble *ble, const char *who, bool coded, int timeout_ms,
                      amble_connection **conn)
{
    const amble_connect_options options = {
        .min_interval_us = 7500, .max_interval_us = 15000, .coded = coded}; /* somebody is waiting */
    amble_device device;
    int r = find_device(command, ble, who, coded, &device, timeout_ms);

    if (r < 0)
        return r;
    r = amble_connect(ble, device, &options, conn, timeout_ms);
    if (r < 0)
        return complain(command, r, "no link to", who);
    r = amble_exchange_mtu(*conn, timeout_ms);
    if (r >= 0)
        return 0;
    amble_connection_close(*conn);
    return complain(command, r, "no answer from", who);
}

int amble__peer_connect(const char *command, amble *ble, const char *who, int timeout_ms, amble_connection **conn)
{
    return connect_to(command, ble, who, false, timeout_ms, conn);
}

int amble__peer_connect_coded(const char *command, amble *ble, const char *who, int timeout_ms, amble_connection **conn)
{
    return connect_to(command, ble, who, true, timeout_ms, conn);
}

static int find_in(const amble_remote_service *service, const amble_uuid *uuid, amble_remote_characteristic *out,
                   int timeout_ms)
{
    memset(out, 0, sizeof *out);
    return amble_find_characteristic(service, uuid, out, timeout_ms);
}

int amble__peer_characteristic(const char *command, amble_connection *conn, const amble_uuid *service,
                               const amble_uuid *uuid, amble_remote_characteristic *out, int timeout_ms)
{
    amble_remote_service at = {0};
    char text[AMBLE_UUID_TEXT];
    int r, found = AMBLE_ERR_NOT_FOUND;

    while ((r = amble_next_service(conn, &at, timeout_ms)) == 1) {
        if (service && !amble_uuid_equal(&at.uuid, service))
            continue;
        found = find_in(&at, uuid, out, timeout_ms);
        if (found != AMBLE_ERR_NOT_FOUND)
            break;
    }
    if (r < 0)
        return complain(command, r, "the services could not be listed, looking for", amble_uuid_text(uuid, text));
    return found == 0 ? 0 : complain(command, found, "the peer has no characteristic", amble_uuid_text(uuid, text));
}
