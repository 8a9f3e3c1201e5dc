/* Board B: a central that looks for the dimmer, connects, and writes the position of its potentiometer as the
 * brightness. Whatever goes wrong, it looks again. */
#include <amble.h>
#include <stdlib.h>

#include "board.h"

static const amble_uuid led_uuid = AMBLE_UUID128("458063a1-02bf-4664-857e-16c1030be066");
static const amble_uuid brightness_uuid = AMBLE_UUID128("a5209632-66a9-411d-9353-9be5507790fa");

/* Scans five seconds for the dimmer's service. */
static int find_device(amble *ble, amble_device *device)
{
    const amble_scan_options options = {.active = true, .interval_us = 30000, .window_us = 30000, .service = &led_uuid};
    amble_scan_result found;
    char name[32];
    int r = amble_scan_find(ble, &options, &found, 5000);

    if (r == 0) {
        board_say("Found Target Device: %s", amble_scan_name(&found, name, "Unknown"));
        *device = found.device;
    }
    return r;
}

/* One session on a live link: discovers, then follows the potentiometer until something fails. A write without
 * response does not tell that nobody is there any more, so the pause between two readings listens for the end of
 * the link. */
static int follow(amble_connection *conn)
{
    amble_remote_service service;
    amble_remote_characteristic brightness;
    int last = -2000, r;

    if ((r = amble_find_service(conn, &led_uuid, &service, 2000)) < 0)
        return r;
    if ((r = amble_find_characteristic(&service, &brightness_uuid, &brightness, 2000)) < 0)
        return r;
    board_say("Ready to send data");
    do {
        int value = board_adc_read_u16();

        if (abs(value - last) > 1000) {
            uint8_t encoded[2];

            last = value;
            board_say("Sending duty: %d", value);
            amble_put_le16(encoded, (unsigned)value);
            if ((r = amble_write_no_response(&brightness, encoded, sizeof encoded, 5000)) < 0)
                return r;
        }
    } while ((r = amble_disconnected(conn, 100)) == AMBLE_ERR_TIMEOUT);
    return r < 0 ? r : AMBLE_ERR_DISCONNECTED;
}

static int dimmer_remote_app(amble *ble, int argc, char **argv)
{
    int r;

    (void)argc, (void)argv; /* the board has taken its own */
    do {
        amble_device device;
        amble_connection *conn = NULL;

        board_say("Scanning ...");
        if ((r = find_device(ble, &device)) == 0 && (r = amble_connect(ble, device, NULL, &conn, 5000)) == 0)
            r = follow(conn);
        if (r == AMBLE_ERR_DISCONNECTED)
            r = AMBLE_ERR_HCI(amble_connection_reason(conn)); /* says why */
        amble_connection_close(conn);
        if (r == AMBLE_ERR_CANCELLED || r == AMBLE_ERR_CONTROLLER)
            break; /* nothing that scanning again could mend */
        board_say("%s", r == AMBLE_ERR_TIMEOUT ? "Nobody answered" : amble_error_text(r));
    } while ((r = amble_sleep_ms(1000)) == 0);
    return r;
}

static const char dimmer_remote_help[] =
    "dimmer_remote: writes the position of a potentiometer to the dimmer. Board B; board A is dimmer.\n"
    "\n"
    "Examples:\n"
    "  build/amble air --listen tcp-server:127.0.0.1:7300 &     a simulated radio to be on\n"
    "  build/examples/dimmer -t tcp-client:127.0.0.1:7300     in another terminal\n"
    "  build/examples/dimmer_remote -t tcp-client:127.0.0.1:7300\n";

int main(int argc, char **argv) { return board_main(argc, argv, dimmer_remote_help, dimmer_remote_app); }
