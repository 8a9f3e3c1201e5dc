/* The host's cost per PDU, for callgrind: `host_bench SCENARIO COUNT` does the same thing COUNT times over a transport
 * in memory, so the difference of two counts is the steady state. `bench/run` prints the table.
 *
 * A scripted controller answers the start-up commands; a central is connected by hand, with an MTU of 247. From then on
 * each round hands the host one packet, lets its tasks run with amble_step, and hands it a completed-packets event for
 * each packet it sent. */
#include <amble.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/bytes.h"
#include "host/host_room.h"

enum { HANDLE = 0x0040, MTU = 247, VALUE = 244, ACL_BUFFERS = 8 };

static const amble_uuid service_uuid = AMBLE_UUID16(0x1815), in_uuid = AMBLE_UUID16(0x2a56),
                        out_uuid = AMBLE_UUID16(0x2a58);
static const amble_characteristic in = {
    .uuid = &in_uuid, .write = true, .write_no_response = true, .read = true, .capture = true, .max_size = VALUE};
static const amble_characteristic out = {.uuid = &out_uuid, .read = true, .notify = true, .max_size = VALUE};
static const amble_service service = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&in, &out)};

/* --- the controller ----------------------------------------------------------------------------------------------- */
typedef struct {
    amble__transport transport;
    uint16_t last_command; /* to be answered */
    bool advertises;       /* it was told to, and said yes */
    unsigned sent;         /* ACL packets not yet completed */
    uint8_t acl_buffers;
} controller;

static int take_packet(amble__transport *transport, const uint8_t *packet, size_t size)
{
    controller *c = (controller *)transport;

    (void)size; /* it is a whole packet */
    if (packet[0] == AMBLE__H4_COMMAND)
        c->last_command = amble__get_le16(packet + 1);
    else
        c->sent++;
    return 0;
}
static void stay(amble__transport *transport) { (void)transport; /* a local of main */ }

static void give(controller *c, const void *packet, size_t size)
{
    c->transport.receive(c->transport.user, packet, size);
}

/* Command Complete with zeros, but for what the host has to know: LE, and its buffers. */
static void answer_command(controller *c)
{
    uint8_t event[7 + 64] = {AMBLE__H4_EVENT, 0x0e, 4 + 64, 1};

    amble__put_le16(event + 4, c->last_command);
    if (c->last_command == AMBLE__HCI_READ_LOCAL_FEATURES)
        event[7 + 4] = 0x40; /* LE */
    if (c->last_command == AMBLE__HCI_LE_READ_BUFFER_SIZE) {
        amble__put_le16(event + 7, 251);
        event[9] = c->acl_buffers;
    }
    if (c->last_command == AMBLE__HCI_READ_BD_ADDR)
        event[7] = 1;
    c->advertises = c->advertises || c->last_command == AMBLE__HCI_LE_SET_ADVERTISING_ENABLE;
    c->last_command = 0;
    give(c, event, sizeof event);
}

static void complete_one(controller *c)
{
    static const uint8_t event[] = {AMBLE__H4_EVENT, 0x13, 5, 1, HANDLE, 0, 1, 0};

    c->sent--;
    give(c, event, sizeof event);
}

static void connect_central(controller *c)
{
    static const uint8_t complete[] = {
        AMBLE__H4_EVENT, 0x3e, 19, 1, 0, HANDLE, 0, 1, 0, 1, 2, 3, 4, 5, 6, 0x18, 0, 0, 0, 0x90, 1, 0};
    static const uint8_t mtu[] = {AMBLE__H4_ACL, HANDLE, 0x20, 7, 0, 3, 0, 4, 0, 0x02, MTU, 0};

    give(c, complete, sizeof complete);
    give(c, mtu, sizeof mtu);
}

/* An ATT PDU with a handle and, for writes, VALUE bytes. */
static size_t compose(uint8_t packet[300], uint8_t opcode, uint16_t handle, size_t value)
{
    packet[0] = AMBLE__H4_ACL;
    amble__put_le16(packet + 1, HANDLE | 0x2000);
    amble__put_le16(packet + 3, (unsigned)(4 + 3 + value));
    amble__put_le16(packet + 5, (unsigned)(3 + value));
    amble__put_le16(packet + 7, 4);
    packet[9] = opcode;
    amble__put_le16(packet + 10, handle);
    memset(packet + 12, 0x5a, value);
    return 12 + value;
}

/* --- the program -------------------------------------------------------------------------------------------------- */
typedef struct {
    controller controller;
    amble *ble;
    amble_connection *conn;
    bool ready, notifies;
    unsigned per_wake; /* notifications with room; 0: each waits for a credit */
    unsigned long done;
} bench;

static int application(void *arg)
{
    bench *b = arg;
    static const uint8_t data[VALUE] = {1};
    const amble_config config = {
        .mtu = MTU, .services = {&service}, .send_buffers = b->controller.acl_buffers == 1 ? 1 : ACL_BUFFERS};
    amble_value value;
    int r = amble__host_open(&b->ble, &b->controller.transport, &config, AMBLE_FOREVER);

    if (r < 0 || (r = amble_advertise(b->ble, NULL, &b->conn, AMBLE_FOREVER)) < 0)
        return r;
    b->ready = true;
    while (b->notifies && !amble_subscribed(b->conn, &out) && r >= 0)
        r = amble_sleep_ms(0);
    while (r >= 0) {
        if (!b->notifies) {
            r = amble_written(b->ble, &in, &value, AMBLE_FOREVER);
        } else {
            r = amble_notify(b->conn, &out, data, sizeof data, AMBLE_FOREVER);
            if (b->per_wake && (b->done + 1) % b->per_wake == 0 && r >= 0)
                r = amble_sleep_ms(0);
        }
        b->done++;
    }
    return r;
}

static void start(bench *b, amble_scope *scope)
{
    amble_spawn(scope, application, b);
    while (!b->controller.advertises) {
        amble_step();
        if (b->controller.last_command)
            answer_command(&b->controller);
    }
    connect_central(&b->controller);
    while (!b->ready || b->controller.sent) {
        amble_step();
        if (b->controller.last_command)
            answer_command(&b->controller);
        if (b->controller.sent)
            complete_one(&b->controller);
    }
}

static uint16_t handle_of(const bench *b, const amble_characteristic *c)
{
    return amble__database_find(&b->ble->server.database, c)->handle;
}

static void run(bench *b, const char *scenario, unsigned long count)
{
    uint8_t packet[300];
    size_t size = 0;

    if (b->notifies) {
        size = compose(packet, AMBLE__ATT_WRITE_REQUEST, (uint16_t)(handle_of(b, &out) + 1), 2);
        packet[12] = 1;
        packet[13] = 0;
        give(&b->controller, packet, size);
        size = 0;
    } else if (strcmp(scenario, "read") == 0) {
        static const uint8_t value[VALUE] = {2};

        (void)amble_local_write(b->ble, &out, value, sizeof value); /* it fits */
        size = compose(packet, AMBLE__ATT_READ_REQUEST, handle_of(b, &out), 0);
    } else {
        size = compose(packet, strcmp(scenario, "command") ? AMBLE__ATT_WRITE_REQUEST : AMBLE__ATT_WRITE_COMMAND,
                       handle_of(b, &in), VALUE);
    }
    for (unsigned long i = 0; i < count; i++) {
        if (size)
            give(&b->controller, packet, size);
        amble_step();
        /* What waits for a credit is sent in there and completed after the next step. */
        for (unsigned sent = b->controller.sent; sent; sent--)
            complete_one(&b->controller);
    }
}

int main(int argc, char **argv)
{
    bench b = {.controller = {.acl_buffers = ACL_BUFFERS}};
    amble_scope scope;

    static const amble__transport_operations operations = {.write = take_packet, .close = stay};

    if (argc != 3) {
        (void)fprintf(stderr, "usage: %s command|read|request|notify|notify-many|notify-wait COUNT\n", argv[0]);
        return 2;
    }
    b.controller.transport.operations = &operations;
    b.notifies = strncmp(argv[1], "notify", 6) == 0;
    if (strcmp(argv[1], "notify-wait") == 0)
        b.controller.acl_buffers = 1;
    else
        b.per_wake = strcmp(argv[1], "notify-many") == 0 ? ACL_BUFFERS : 1;
    if (amble_scheduler_open(NULL) < 0)
        return 1;
    amble_scope_open(&scope);
    start(&b, &scope);
    run(&b, argv[1], strtoul(argv[2], NULL, 10));
    (void)printf("%lu\n", b.done);
    (void)fflush(stdout);
    _Exit(0); /* the steady state was measured; taking everything down is not part of it */
}
