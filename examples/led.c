/* ESP32-LED: a peripheral whose one characteristic switches an LED: 1 is on, 0 is off. */
#include <amble.h>

#include "board.h"

static const amble_uuid service_uuid = AMBLE_UUID128("48407a44-6e13-4d28-a559-210de862bc29");
static const amble_uuid switch_uuid = AMBLE_UUID128("539ca2ac-09e5-49be-90da-3b157549eac3");

static const amble_characteristic led_switch = {
    .uuid = &switch_uuid, .read = true, .write = true, .capture = true, .max_size = 4};
static const amble_service led_service = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&led_switch)};

/* A number of one to four bytes, the first one its highest: people type it as hexadecimal digits. */
static unsigned decode(const amble_value *value)
{
    unsigned number = 0;

    for (size_t i = 0; i < value->size; i++)
        number = number << 8 | value->data[i];
    return number;
}

/* Every value that anybody writes switches the LED, or is no command. */
static int led_task(void *arg)
{
    amble *ble = arg;
    amble_value value;
    int r;

    while ((r = amble_written(ble, &led_switch, &value, AMBLE_FOREVER)) == 0) {
        unsigned command = decode(&value);

        if (value.size == 0)
            continue;
        if (command <= 1)
            board_led(command == 1);
        else
            board_say("Unknown command: %u", command);
    }
    return r;
}

/* Advertises, serves one central until it leaves, advertises again. */
static int peripheral_task(void *arg)
{
    amble *ble = arg;
    const amble_advertise_options options = {.interval_us = 250000, .name = "ESP32-LED", .services = {&service_uuid}};
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
    int r = amble_serve(ble, &led_service);

    (void)argc, (void)argv; /* the board has taken its own */
    if (r < 0)
        return r;
    amble_scope_open(&tasks);
    amble_spawn(&tasks, led_task, ble);
    amble_spawn(&tasks, peripheral_task, ble);
    r = amble_scope_wait(&tasks, AMBLE_FOREVER);
    amble_scope_close(&tasks);
    return r;
}

static const char help[] =
    "led: an LED as ESP32-LED, which others switch: they write 1 for on, 0 for off.\n"
    "\n"
    "Examples:\n"
    "  build/amble air --listen tcp-server:127.0.0.1:7300 &     a simulated radio to be on\n"
    "  build/examples/led -t tcp-client:127.0.0.1:7300\n"
    "  build/examples/led -t tcp-client:127.0.0.1:7300 --led gpio:gpiochip0:17     an LED of this machine\n";

int main(int argc, char **argv) { return board_main(argc, argv, help, app); }
