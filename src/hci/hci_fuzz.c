/* Fuzzes a live HCI: three tasks send commands, two links have packets to send, and the script is what the controller
 * says.
 *
 * A record of the script is a byte and a packet: 0 to 191 the packet comes from the controller as it is; up to 223 it
 * is the answer that the command sent last waits for, with these return parameters; up to 239 a link queues a packet;
 * up to 247 time passes; beyond, a command is cancelled. */
#include "att/fuzzing.h"

enum { TASKS = 3, COMMANDS = 4 };

static amble_task *tasks[TASKS];

static int send_commands(void *arg)
{
    const uint16_t first = (uint16_t)(0x2001 + 2 * (uintptr_t)arg);
    uint8_t reply[8];
    int r = 0;

    for (unsigned i = 0; i < COMMANDS && r != AMBLE_ERR_CANCELLED && !fuzz.hci.failed; i++)
        r = amble__hci_command(&fuzz.hci, (uint16_t)(first + i), "parameters", i, i ? reply : NULL, 2 * i);
    fuzz_check(r <= 0);
    return 0;
}

static void queue_packet(amble_connection *conn, amble__bytes payload)
{
    amble__packet *packet;

    /* A link may be gone, or have its share. */
    if (amble__packet_take(&fuzz.att.pool, &conn->acl, 0, &packet) < 0)
        return;
    packet->size = (uint16_t)(payload.size < packet->capacity ? payload.size : packet->capacity);
    if (packet->size == 0)
        packet->size = 1;
    memset(amble__packet_payload(packet), 0x5a, packet->size);
    amble__l2cap_send(conn, AMBLE__CID_ATT, packet);
}

/* The answer to a command that is under way. */
static void answer_last(amble__bytes parameters)
{
    uint8_t packet[3 + 3 + 255] = {AMBLE__PACKET_EVENT, AMBLE__EVENT_COMMAND_COMPLETE};
    const size_t size = parameters.size < 200 ? parameters.size : 200;

    for (int i = 0; i < AMBLE__HCI_PENDING; i++) {
        if (!fuzz.hci.pending[i].busy)
            continue;
        packet[2] = (uint8_t)(3 + size);
        packet[3] = 2;
        amble__put_le16(packet + 4, fuzz.hci.pending[i].opcode);
        if (size)
            memcpy(packet + 6, parameters.data, size);
        amble__hci_receive(&fuzz.hci, packet, 6 + size);
        return;
    }
}

static void check_credits(void)
{
    unsigned credits = fuzz.hci.acl_credits;

    amble__list_each (node, &fuzz.hci.links)
        credits += amble__container(node, amble__acl_link, node)->in_flight;
    fuzz_check(credits == FUZZ_BUFFERS);
}

static void run_record(amble_connection **links, amble__reader *script)
{
    const uint8_t what = amble__read_u8(script);
    const amble__bytes bytes = fuzz_take(script);
    uint8_t *copy = fuzz_copy(bytes);

    if (what < 192)
        amble__hci_receive(&fuzz.hci, copy, bytes.size);
    else if (what < 224)
        answer_last(bytes);
    else if (what < 240)
        queue_packet(links[what & 1], bytes);
    else if (what >= 248)
        amble_cancel(tasks[what % TASKS]);
    fuzz_sleep(what >= 240 && what < 248 ? 300 * (what - 240) : 0);
    check_credits();
    free(copy);
}

static void play(amble__reader *script)
{
    amble_connection *links[FUZZ_LINKS];
    amble_scope scope;

    fuzz_open(100);
    for (unsigned i = 0; i < FUZZ_LINKS; i++)
        links[i] = fuzz_link(i, true);
    amble_scope_open(&scope);
    for (uintptr_t i = 0; i < TASKS; i++)
        tasks[i] = amble_spawn(&scope, send_commands, (void *)i);
    fuzz_sleep(0);
    while (amble__read_left(script))
        run_record(links, script);
    fuzz_close(); /* ends every wait */
    amble_scope_close(&scope);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_run(play, data, size);
    return 0;
}
