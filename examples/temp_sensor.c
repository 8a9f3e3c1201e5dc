/* mpy-temp: a thermometer as the Environmental Sensing service has it, in hundredths of a degree Celsius. Whoever
 * subscribes is notified once a second. temp_client is its other half. */
#include <amble.h>
#include <stdlib.h>

#include "board.h"

#define APPEARANCE_THERMOMETER 768 /* Assigned Numbers 2.6 */

static const amble_uuid environment_uuid = AMBLE_UUID16(0x181A);
static const amble_uuid temperature_uuid = AMBLE_UUID16(0x2A6E);

static const amble_characteristic temperature = {.uuid = &temperature_uuid, .read = true, .notify = true};
static const amble_service environment = {.uuid = &environment_uuid, .characteristics = AMBLE_LIST(&temperature)};

/* There is no thermometer: the value wanders about, up to half a degree a second. */
static int sensor_task(void *arg)
{
    amble *ble = arg;
    int hundredths = 2450, r;

    do {
        uint8_t encoded[2];

        amble_put_le16(encoded, (unsigned)hundredths);
        if ((r = amble_update(ble, &temperature, encoded, sizeof encoded, 0)) < 0)
            break;
        hundredths += rand() % 101 - 50;
    } while ((r = amble_sleep_ms(1000)) == 0);
    return r;
}

/* Advertises, serves one central until it leaves, advertises again. */
static int peripheral_task(void *arg)
{
    amble *ble = arg;
    const amble_advertise_options options = {.interval_us = 250000,
                                             .name = "mpy-temp",
                                             .services = {&environment_uuid},
                                             .appearance = APPEARANCE_THERMOMETER};
    amble_connection *conn;
    char peer[AMBLE_DEVICE_TEXT];
    int r;

    while ((r = amble_advertise(ble, &options, &conn, AMBLE_FOREVER)) == 0) {
        board_say("Connection from %s", amble_device_text(amble_connection_device(conn), peer));
        r = amble_disconnected(conn, AMBLE_FOREVER);
        board_say("Disconnected");
        amble_connection_close(conn);
        if (r < 0)
            break;
    }
    return r;
}

static int app(amble *ble, int argc, char **argv)
{
    amble_scope tasks;
    int r = amble_serve(ble, &environment);

    (void)argc, (void)argv; /* the board has taken its own */
    if (r < 0)
        return r;
    amble_scope_open(&tasks);
    amble_spawn(&tasks, sensor_task, ble);
    amble_spawn(&tasks, peripheral_task, ble);
    r = amble_scope_wait(&tasks, AMBLE_FOREVER);
    amble_scope_close(&tasks);
    return r;
}

static const char help[] = "temp_sensor: serves a temperature that wanders about as mpy-temp; temp_client reads it.\n"
                           "\n"
                           "Examples:\n"
                           "  build/amble air --listen tcp-server:127.0.0.1:7300 &     a simulated radio to be on\n"
                           "  build/examples/temp_sensor -t tcp-client:127.0.0.1:7300\n"
                           "  build/examples/temp_client -t tcp-client:127.0.0.1:7300     in another terminal\n";

int main(int argc, char **argv) { return board_main(argc, argv, help, app); }
