/* A central that looks for the thermometer of temp_sensor, connects, and reads it once a second. */
#include <amble.h>

#include "board.h"

static const amble_uuid environment_uuid = AMBLE_UUID16(0x181A);
static const amble_uuid temperature_uuid = AMBLE_UUID16(0x2A6E);

/* Scans five seconds for the thermometer's name and service. */
static int find_sensor(amble *ble, amble_scan_result *found)
{
    const amble_scan_options options = {
        .active = true, .interval_us = 30000, .window_us = 30000, .service = &environment_uuid, .name = "mpy-temp"};

    return amble_scan_find(ble, &options, found, 5000);
}

/* Prints the temperature once a second, as long as the link lives. */
static int follow(amble_connection *conn)
{
    amble_remote_service service;
    amble_remote_characteristic temperature;
    uint8_t encoded[2];
    int r;

    if ((r = amble_find_service(conn, &environment_uuid, &service, 5000)) < 0)
        return r;
    if ((r = amble_find_characteristic(&service, &temperature_uuid, &temperature, 5000)) < 0)
        return r;
    while ((r = amble_read(&temperature, encoded, sizeof encoded, 5000)) >= 0) {
        if (r == 2)
            board_say("Temperature: %.2f", (int16_t)amble_get_le16(encoded) / 100.0);
        if ((r = amble_sleep_ms(1000)) < 0)
            break;
    }
    return r;
}

static int app(amble *ble, int argc, char **argv)
{
    amble_scan_result found;
    amble_connection *conn;
    char peer[AMBLE_DEVICE_TEXT];
    int r = find_sensor(ble, &found);

    (void)argc, (void)argv; /* the board has taken its own */
    if (r < 0) {
        board_say("There is no thermometer here");
        return r;
    }
    board_say("Connecting to %s", amble_device_text(found.device, peer));
    if ((r = amble_connect(ble, found.device, NULL, &conn, 10000)) < 0)
        return r;
    r = follow(conn);
    amble_connection_close(conn);
    return r;
}

static const char help[] = "temp_client: prints the temperature that temp_sensor serves, once a second.\n"
                           "\n"
                           "Examples:\n"
                           "  build/amble air --listen tcp-server:127.0.0.1:7300 &     a simulated radio to be on\n"
                           "  build/examples/temp_sensor -t tcp-client:127.0.0.1:7300     in another terminal\n"
                           "  build/examples/temp_client -t tcp-client:127.0.0.1:7300\n";

int main(int argc, char **argv) { return board_main(argc, argv, help, app); }
