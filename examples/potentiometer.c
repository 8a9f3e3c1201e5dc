/* ESP32_Potentiometer: a peripheral whose one characteristic is the position of a potentiometer, 0 to 4095 in two
 * bytes. Whoever subscribes is notified when it moves. */
#include <amble.h>
#include <stdlib.h>

#include "board.h"

static const amble_uuid service_uuid = AMBLE_UUID128("4fafc201-1fb5-459e-8fcc-c5c9c331914b");
static const amble_uuid pot_uuid = AMBLE_UUID128("1b9a473a-4493-4536-8b2b-9d4133488256");

static const amble_characteristic pot = {.uuid = &pot_uuid, .read = true, .notify = true};
static const amble_service pot_service = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&pot)};

/* Reads the potentiometer every 100 ms; a change of more than 10, which is no noise any more, is written and
 * notified. */
static int sensor_task(void *arg)
{
    amble *ble = arg;
    int last = -100, r = 0;

    while (r >= 0) {
        int value = board_adc_read();

        if (abs(value - last) > 10) {
            uint8_t encoded[2];

            last = value;
            board_say("Potentiometer value: %d", value);
            amble_put_le16(encoded, (unsigned)value);
            if ((r = amble_update(ble, &pot, encoded, sizeof encoded, 0)) < 0)
                break;
        }
        r = amble_sleep_ms(100);
    }
    return r;
}

/* Advertises, serves one central until it leaves, advertises again. */
static int peripheral_task(void *arg)
{
    amble *ble = arg;
    const amble_advertise_options options = {
        .interval_us = 250000, .name = "ESP32_Potentiometer", .services = {&service_uuid}};
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
    int r = amble_serve(ble, &pot_service);

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

static const char help[] =
    "potentiometer: serves the position of a potentiometer as ESP32_Potentiometer.\n"
    "\n"
    "Examples:\n"
    "  build/amble air --listen tcp-server:127.0.0.1:7300 &     a simulated radio to be on\n"
    "  build/examples/potentiometer -t tcp-client:127.0.0.1:7300\n"
    "  seq 0 100 4000 > trace; build/examples/potentiometer -t tcp-client:127.0.0.1:7300 --adc trace\n";

int main(int argc, char **argv) { return board_main(argc, argv, help, app); }
