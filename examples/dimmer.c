/* Board A, ESP32-LED: a peripheral whose one characteristic is the brightness of an LED, a PWM duty of 0 to 65535 in
 * two bytes. dimmer_remote is its other half. */
#include <amble.h>

#include "board.h"

static const amble_uuid service_uuid = AMBLE_UUID128("458063a1-02bf-4664-857e-16c1030be066");
static const amble_uuid duty_uuid = AMBLE_UUID128("a5209632-66a9-411d-9353-9be5507790fa");

/* Somebody who turns a knob writes in bursts, without waiting for answers: the queue is deep enough for one. */
static const amble_characteristic duty = {
    .uuid = &duty_uuid, .read = true, .write = true, .write_no_response = true, .capture = true, .write_depth = 32};
static const amble_service led_service = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&duty)};

/* Every value that anybody writes becomes the brightness. */
static int led_task(void *arg)
{
    amble *ble = arg;
    amble_value value;
    int r;

    while ((r = amble_written(ble, &duty, &value, AMBLE_FOREVER)) == 0) {
        if (value.size == 2)
            board_pwm_duty(amble_get_le16(value.data));
        else
            board_say("ignored a value of %zu bytes", value.size);
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

static int dimmer_app(amble *ble, int argc, char **argv)
{
    amble_scope tasks;
    int r = amble_serve(ble, &led_service);

    (void)argc, (void)argv; /* the board has taken its own */
    if (r < 0)
        return r;
    board_pwm_frequency(1000);
    amble_scope_open(&tasks);
    amble_spawn(&tasks, led_task, ble);
    amble_spawn(&tasks, peripheral_task, ble);
    r = amble_scope_wait(&tasks, AMBLE_FOREVER);
    amble_scope_close(&tasks);
    return r;
}

static const char dimmer_help[] =
    "dimmer: an LED as ESP32-LED, whose brightness others write. Board A; board B is dimmer_remote.\n"
    "\n"
    "Examples:\n"
    "  build/amble air --listen tcp-server:127.0.0.1:7300 &     a simulated radio to be on\n"
    "  build/examples/dimmer -t tcp-client:127.0.0.1:7300\n"
    "  build/examples/dimmer_remote -t tcp-client:127.0.0.1:7300     in another terminal\n";

int main(int argc, char **argv) { return board_main(argc, argv, dimmer_help, dimmer_app); }
