/* `amble controllers`: what there is to give to -t.
 *
 * Nothing is opened but, with --probe, serial ports: they tell nothing about what is behind them, so each is sent an
 * HCI Reset, which any other device may take amiss. */
#include <stdio.h>
#include <string.h>

#include "amble/error.h"
#include "amble/task.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "transport/hci_socket.h"
#include "transport/serial_ports.h"
#include "transport/transport.h"
#include "transport/usb.h"

enum { LISTED_MAX = 16, OPEN_MS = 1000, ANSWER_MS = 300 };

/* In the order of their use: Zephyr's hci_uart, most other boards, ESP-IDF's controller_hci_uart_esp32. */
static const char *const probed_rates[] = {"1000000", "115200", "921600"};

typedef struct {
    bool probe, json;
    const char *ports[LISTED_MAX + 1]; /* to be asked; none: all */
} controllers_options;

static const amble__option option_table[] = {
    {.name = "--probe",
     .about = "sends HCI Reset to serial ports, too, to all or to those that are named, and lists which answer; not to "
              "anything else than a controller: it could take the bytes for an order",
     .field = offsetof(controllers_options, probe)},
    {.name = "--json", .about = "one JSON object a line", .field = offsetof(controllers_options, json)},
};

static const char *const help_usage[] = {"controllers [--probe [PORT ...]] [--json]", NULL};
static const char *const help_text[] = {
    "Lists the Bluetooth controllers of this machine by the names that -t takes: USB adapters, and those that the "
    "Linux kernel drives. Says why where there are none; that is no error.",
    NULL};
static const char *const help_examples[] = {"amble controllers", "amble controllers --probe /dev/ttyACM0 --json", NULL};

const amble__command amble__command_controllers = {.name = "controllers",
                                                   .about = "lists the controllers of this machine",
                                                   .usage = help_usage,
                                                   .text = help_text,
                                                   .examples = help_examples,
                                                   .exits = {"done, also with none", NULL, "wrong usage"},
                                                   .options = option_table,
                                                   .option_count = sizeof option_table / sizeof *option_table,
                                                   .words = {{.name = "PORT", .offer = AMBLE__OFFER_FILES}},
                                                   .words_most = LISTED_MAX,
                                                   .words_field = offsetof(controllers_options, ports),
                                                   .run = amble__cli_controllers};

/* --- telling ------------------------------------------------------------------------------------------------------ */
/* A controller. Takes over `details`, which may be NULL without --json. */
static void tell(const controllers_options *o, const char *kind, const char *transport, const char *about,
                 cJSON *details)
{
    if (o->json) {
        cJSON_AddStringToObject(details, "kind", kind);
        cJSON_AddStringToObject(details, "transport", transport);
        amble__output_json(details);
        return;
    }
    printf("%s%-28s%s %s\n", amble__paint(AMBLE__BOLD), transport, amble__paint(AMBLE__PLAIN), about);
    amble__output_flush();
}

/* Why there is none of a kind. */
static void tell_none(const controllers_options *o, const char *kind, const char *what, const char *why)
{
    const size_t length = strlen(kind);
    const char *sentence = strncmp(why, kind, length) || why[length + 1] != ' ' ? why : why + length + 2; /* "usb: " */

    if (o->json) {
        cJSON *object = cJSON_CreateObject();

        cJSON_AddStringToObject(object, "kind", kind);
        cJSON_AddStringToObject(object, "none", sentence);
        amble__output_json(object);
        return;
    }
    printf("%sno %s: %s%s\n", amble__paint(AMBLE__DIM), what, sentence, amble__paint(AMBLE__PLAIN));
    amble__output_flush();
}

/* --- what there is ------------------------------------------------------------------------------------------------ */
static void list_usb(const controllers_options *o)
{
    amble__usb_adapter adapters[LISTED_MAX];
    const int count = amble__usb_adapters(adapters, LISTED_MAX);

    for (int i = 0; i < count; i++) {
        const amble__usb_adapter *a = &adapters[i];
        cJSON *details = o->json ? cJSON_CreateObject() : NULL;
        char transport[16], id[10], about[64];

        snprintf(transport, sizeof transport, "usb:%d", i);
        snprintf(id, sizeof id, "%04x:%04x", a->vendor, a->product);
        snprintf(about, sizeof about, "USB adapter %s, bus %u device %u", id, a->bus, a->address);
        if (details) {
            cJSON_AddStringToObject(details, "id", id);
            cJSON_AddNumberToObject(details, "bus", a->bus);
            cJSON_AddNumberToObject(details, "device", a->address);
        }
        tell(o, "usb", transport, about, details);
    }
    if (count <= 0)
        tell_none(o, "usb", "USB adapter",
                  count
                      ? amble__transport_problem()
                      : "none of the USB devices is a Bluetooth controller; plug one in, or see lsusb for usb:VID:PID");
}

static void list_kernel(const controllers_options *o)
{
    amble__hci_device devices[LISTED_MAX];
    const int count = amble__hci_devices(devices, LISTED_MAX);

    for (int i = 0; i < count; i++) {
        cJSON *details = o->json ? cJSON_CreateObject() : NULL;
        char transport[24], about[96];

        snprintf(transport, sizeof transport, "hci-socket:%u", devices[i].number);
        snprintf(about, sizeof about, "hci%u of the kernel%s", devices[i].number,
                 devices[i].up ? ", in use; sudo systemctl stop bluetooth sets it free" : "");
        if (details)
            cJSON_AddBoolToObject(details, "up", devices[i].up);
        tell(o, "hci-socket", transport, about, details);
    }
    if (count <= 0)
        tell_none(o, "hci-socket", "controller of the kernel",
                  count ? amble__transport_problem()
                        : "the kernel has Bluetooth, but found no controller; see dmesg for missing firmware");
}

/* --- serial ports ------------------------------------------------------------------------------------------------- */
typedef struct {
    amble_event event;
    bool answered;
} answer;

static void on_packet(void *user, const uint8_t *packet, size_t size)
{
    answer *a = user;

    (void)packet, (void)size; /* nothing else passes before the answer to Reset */
    a->answered = true;
    amble_event_set(&a->event);
}

static void on_failed(void *user, int error)
{
    (void)error; /* no answer will come */
    amble_event_set(&((answer *)user)->event);
}

/* 1 when a controller answers there, 0 when none does, or why the port cannot be asked. */
static int probe(const char *name)
{
    static const uint8_t reset[] = {AMBLE__H4_COMMAND, 0x03, 0x0C, 0}; /* Vol 4 Part E 7.3.2 */
    amble__transport *transport;
    answer a = {.answered = false};
    int r = amble__transport_open(name, &transport, OPEN_MS);

    if (r < 0)
        return r;
    transport->receive = on_packet;
    transport->failed = on_failed;
    transport->user = &a;
    r = transport->operations->write(transport, reset, sizeof reset);
    if (!r)
        r = amble_event_wait(&a.event, ANSWER_MS);
    amble__transport_close(transport);
    return r == AMBLE_ERR_CANCELLED ? r : a.answered;
}

static int probe_port(const controllers_options *o, const char *path)
{
    int r = 0;

    for (size_t i = 0; i < sizeof probed_rates / sizeof *probed_rates; i++) {
        char name[300];

        snprintf(name, sizeof name, "serial:%s,%s", path, probed_rates[i]);
        r = probe(name); /* an error may be about this rate only */
        if (r > 0) {
            tell(o, "serial", name, "a controller answers", o->json ? cJSON_CreateObject() : NULL);
            return 1;
        }
    }
    if (r < 0)
        tell_none(o, "serial", "controller", amble__transport_problem());
    return 0;
}

static int probe_serial(void *arg)
{
    const controllers_options *o = arg;
    amble__serial_port ports[LISTED_MAX];
    int count = 0, found = 0;

    while (o->ports[count])
        found += probe_port(o, o->ports[count++]);
    if (!count) {
        count = amble__serial_ports(NULL, ports, LISTED_MAX);
        for (int i = 0; i < count; i++)
            found += probe_port(o, ports[i].path);
    }
    if (!count)
        tell_none(o, "serial", "serial controller", "this machine has no serial port; plug a board in");
    else if (!found)
        tell_none(
            o, "serial", "serial controller",
            "no serial port answered; another rate, or flow control, can be tried with -t serial:/dev/ttyX,BAUD,flow");
    return 0;
}

int amble__cli_controllers(int argc, char **argv)
{
    controllers_options o = {.probe = false};
    int r = amble__options_take(&amble__command_controllers, argc, argv, &o);

    if (!r && o.ports[0] && !o.probe)
        r = amble__options_wrong(&amble__command_controllers, "%s is a word too many without --probe", o.ports[0]);
    if (r != 0)
        return r < 0 ? amble__cli_exit_code(r) : AMBLE__EXIT_DONE;
    list_usb(&o);
    list_kernel(&o);
    if (o.probe)
        return amble__cli_exit_code(amble_run(&(amble_run_options){0}, probe_serial, &o));
    tell_none(&o, "serial", "serial port was asked", "--probe does that; see amble controllers --help");
    if (!o.json)
        puts("One is always there: -t air:NAME, a virtual controller on a simulated radio.");
    return AMBLE__EXIT_DONE;
}
