/* Fuzzes events of a controller into a live host whose tasks advertise, scan and connect. Whatever comes, no byte
 * beyond an event is read, and closing the host ends every task.
 *
 * The input is a list of steps: a kind, a length, so many bytes. */
#include <stdlib.h>

#include "bonds/private_address.h"
#include "host/host_room.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { QUEUE = 64, STEPS = 40, EVENT_MAX = 80 };
enum { KIND_LE_META, KIND_DISCONNECTION, KIND_ANY, KIND_WAIT, KIND_DATA, KINDS };

static struct {
    amble__transport transport;
    amble__work delivery;
    struct {
        uint8_t bytes[EVENT_MAX];
        size_t size;
    } queue[QUEUE];
    unsigned queued;
    bool extended, hides;
    const uint8_t *input;
    size_t size;
} fuzz;

/* --- the controller: says yes to everything ----------------------------------------------------------------------- */
static void deliver(amble__work *work)
{
    (void)work;
    for (unsigned i = 0; i < fuzz.queued; i++) {
        uint8_t *copy = malloc(fuzz.queue[i].size); /* so that a byte too many is seen */

        memcpy(copy, fuzz.queue[i].bytes, fuzz.queue[i].size);
        fuzz.transport.receive(fuzz.transport.user, copy, fuzz.queue[i].size);
        free(copy);
    }
    fuzz.queued = 0;
}

static void say(uint8_t type, const uint8_t *packet, size_t size)
{
    if (fuzz.queued == QUEUE || size + 1 > EVENT_MAX)
        return;
    fuzz.queue[fuzz.queued].bytes[0] = type;
    memcpy(fuzz.queue[fuzz.queued].bytes + 1, packet, size);
    fuzz.queue[fuzz.queued++].size = size + 1;
    amble__work_post(&fuzz.delivery);
}

static int write_packet(amble__transport *transport, const uint8_t *packet, size_t size)
{
    const uint16_t opcode = amble__get_le16(packet + 1);
    uint8_t answer[EVENT_MAX - 1] = {AMBLE__EVENT_COMMAND_COMPLETE, EVENT_MAX - 3, 1, packet[1], packet[2]};

    (void)transport, (void)size;
    if (packet[0] != AMBLE__PACKET_COMMAND)
        return 0;
    if (opcode == AMBLE__HCI_READ_LOCAL_FEATURES)
        answer[6 + 4] = 0x40; /* LE */
    if (opcode == AMBLE__HCI_READ_SUPPORTED_COMMANDS)
        answer[6 + 27] = 0x20, answer[6 + 39] = 0x04; /* LE Read Remote Features, LE Set Privacy Mode */
    if (opcode == AMBLE__HCI_LE_READ_FEATURES && fuzz.extended)
        memset(answer + 6, 0xff, 8); /* everything: sets, PHYs, periodic advertising, parameter requests */
    if (opcode == AMBLE__HCI_LE_READ_ADVERTISING_SETS)
        answer[6] = 3;
    if (opcode == AMBLE__HCI_LE_READ_BUFFER_SIZE || opcode == AMBLE__HCI_READ_BD_ADDR ||
        opcode == AMBLE__HCI_LE_READ_ACCEPT_LIST_SIZE || opcode == AMBLE__HCI_LE_READ_RESOLVING_LIST_SIZE)
        answer[6] = answer[8] = 27;
    say(AMBLE__PACKET_EVENT, answer, sizeof answer);
    return 0;
}
static void close_transport(amble__transport *transport)
{
    (void)transport;
    amble__work_cancel(&fuzz.delivery);
}

/* --- tasks -------------------------------------------------------------------------------------------------------- */
static int advertise(void *arg)
{
    amble_connection *conn;
    int r;

    while ((r = amble_advertise(arg, NULL, &conn, AMBLE_FOREVER)) == 0) {
        r = amble_disconnected(conn, 50);
        amble_connection_close(conn);
    }
    return r;
}

static int connect_one(void *arg)
{
    static const amble_device peer = {.bytes = {1}};
    amble_connection *conn;
    int r;

    while ((r = amble_connect(arg, peer, NULL, &conn, 1000)) == 0 || r > -10 || r < -0x100) {
        if (r == 0)
            r = amble_disconnected(conn, 20);
        amble_connection_close(conn);
        if (r == AMBLE_ERR_CANCELLED || amble_sleep_ms(1) < 0)
            break;
    }
    return r;
}

static int scan(void *arg)
{
    amble_scan_result result;
    amble_scanner scanner;
    int r = amble_scan_open(arg, &scanner, NULL, AMBLE_FOREVER);

    while (r >= 0 && (r = amble_scan_next(&scanner, &result, AMBLE_FOREVER)) > 0) {
        const uint8_t *data;
        size_t at = 0, size;
        uint8_t type;

        while (amble_scan_field(&result, &at, &type, &data, &size))
            ;
    }
    amble_scan_close(&scanner);
    return r;
}

/* A sender that the peer tells of. */
static int be_told(amble_connection *conn)
{
    amble_periodic periodic;
    amble_periodic_report report;
    int r = amble_periodic_accept(conn, &periodic, NULL, NULL, 3);

    if (r < 0)
        return r;
    r = amble_periodic_next(&periodic, &report, 3);
    if (r == 0 && report.size && report.data[report.size - 1] == 0x5a)
        r = amble_sleep_ms(1); /* every byte can be read */
    amble_periodic_close(&periodic);
    return r;
}

/* With a link, in either role: everything that an event ends. */
static int tune(void *arg)
{
    static const amble_phys phys = {.send = AMBLE_PHY_2M};
    amble *ble = arg;
    int r = 0;

    while (r != AMBLE_ERR_CANCELLED && r != AMBLE_ERR_CLOSED) {
        for (size_t i = 0; i < ble->links.count && r != AMBLE_ERR_CANCELLED; i++) {
            amble_connection *conn = &ble->links.slots[i];

            if (conn->state != AMBLE__LINK_LIVE)
                continue;
            r = amble_connection_update(conn, &(amble_parameters){.latency = 1}, 3);
            if (r != AMBLE_ERR_CANCELLED && conn->state == AMBLE__LINK_LIVE)
                r = amble_connection_set_phy(conn, &phys, NULL, 3);
            if (r != AMBLE_ERR_CANCELLED && conn->state == AMBLE__LINK_LIVE)
                r = be_told(conn);
        }
        if (r != AMBLE_ERR_CANCELLED)
            r = amble_sleep_ms(1);
    }
    return r;
}

static int welcome(void *arg)
{
    const amble_advertise_options options = {.extended = fuzz.extended};
    amble_connection *conn;
    amble_advertiser advertiser;
    int r = amble_advertise_open(arg, &advertiser, &options);

    while (r >= 0 && (r = amble_advertise_next(&advertiser, &conn, AMBLE_FOREVER)) == 0)
        amble_connection_close(conn);
    amble_advertise_close(&advertiser);
    return r;
}

static int listen(void *arg)
{
    static const amble_device peer = {.bytes = {1}};
    amble_periodic periodic;
    amble_periodic_report report;
    int r;

    while ((r = amble_periodic_open(arg, &periodic, peer, 1, NULL, 20)) != AMBLE_ERR_CANCELLED) {
        while (r >= 0 && (r = amble_periodic_next(&periodic, &report, 20)) == 0)
            if (report.size && report.data[report.size - 1] == 0x5a)
                r = amble_sleep_ms(1); /* every byte can be read */
        amble_periodic_close(&periodic);
        if (r == AMBLE_ERR_CANCELLED || amble_sleep_ms(1) < 0)
            break;
    }
    return r;
}

/* --- steps -------------------------------------------------------------------------------------------------------- */
static void step(unsigned kind, const uint8_t *bytes, size_t size)
{
    uint8_t packet[EVENT_MAX] = {0};

    if (kind == KIND_WAIT) {
        (void)!amble_sleep_ms(size ? bytes[0] : 0);
        return;
    }
    if (kind == KIND_DATA) {
        say(AMBLE__PACKET_ACL, bytes, size);
        return;
    }
    packet[0] = kind == KIND_LE_META         ? AMBLE__EVENT_LE_META
                : kind == KIND_DISCONNECTION ? AMBLE__EVENT_DISCONNECTION_COMPLETE
                : size                       ? bytes[0]
                                             : 0;
    if (kind == KIND_ANY && size) {
        bytes++;
        size--;
    }
    size = size < EVENT_MAX - 3 ? size : EVENT_MAX - 3;
    packet[1] = (uint8_t)size;
    if (size)
        memcpy(packet + 2, bytes, size);
    say(AMBLE__PACKET_EVENT, packet, 2 + size);
}

static void run_steps(void)
{
    amble__reader r = amble__reader_of(fuzz.input, fuzz.size);

    fuzz.extended = amble__read_u8(&r) & 1;
    for (int i = 0; i < STEPS && amble__read_left(&r) >= 2; i++) {
        const unsigned kind = amble__read_u8(&r) % KINDS;
        size_t size = amble__read_u8(&r);
        const uint8_t *bytes;

        if (size > amble__read_left(&r))
            size = amble__read_left(&r);
        bytes = amble__read_view(&r, size);
        step(kind, bytes, size);
        (void)!amble_sleep_ms(0);
    }
}

/* With the peer that tasks connect and listen to: it hides, too. */
static void bond(amble *ble)
{
    amble__bond *bond = amble__bonds_take(&ble->bonds.table, (amble_device){.bytes = {1}});

    bond->has_irk = true;
    bond->irk[0] = 1;
    if (amble__resolvable_address(bond->irk, amble__scheduler_random(), &bond->paired_as) < 0)
        abort();
}

static int run(void *arg)
{
    static const amble__transport_operations operations = {.write = write_packet, .close = close_transport};
    const amble_config config = {.connections = 2,
                                 .scanned_devices = 2,
                                 .syncs = 2,
                                 .own_address = fuzz.hides ? AMBLE_ADDRESS_NON_RESOLVABLE : AMBLE_ADDRESS_PUBLIC,
                                 .private_address_s = 5};
    amble_scope scope;
    amble *ble;

    (void)arg;
    memset(&fuzz.transport, 0, sizeof fuzz.transport);
    fuzz.transport.operations = &operations;
    fuzz.delivery.run = deliver;
    fuzz.queued = 0;
    if (amble__host_open(&ble, &fuzz.transport, &config, 5000) < 0)
        abort();
    if (fuzz.hides)
        bond(ble);
    amble_scope_open(&scope);
    amble_spawn(&scope, advertise, ble);
    amble_spawn(&scope, connect_one, ble);
    amble_spawn(&scope, scan, ble);
    amble_spawn(&scope, tune, ble);
    amble_spawn(&scope, welcome, ble);
    amble_spawn(&scope, listen, ble);
    (void)!amble_sleep_ms(1);
    run_steps();
    amble_scope_close(&scope);
    (void)!amble_sleep_ms(1);
    for (size_t i = 0; i < ble->links.count; i++)
        if (ble->links.slots[i].state == AMBLE__LINK_DEAD)
            abort(); /* everybody closed what they had */
    amble_close(ble);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    amble_log_level(AMBLE_LOG_OFF);
    fuzz.input = data;
    fuzz.size = size;
    fuzz.extended = size && (data[0] & 1);
    fuzz.hides = size && (data[0] & 2);
    return amble_run(&(amble_run_options){.virtual_time = true}, run, NULL) < 0;
}
