/* Fuzzes enhanced bearers: a peer that is server and client says what it likes on them, on the fixed channel and in
 * signalling, while tasks of the program ask on all of them, answer, and take what was written; links are lost and
 * begin again.
 *
 * A record of the script is a byte and, for most, bytes. Whatever comes: when all is over every channel, packet and
 * queue entry is back in its place. */
#include "gatt/fuzzing.h"

enum { TASKS = 3, STEP_MS = 300, FIRST_CID = 0x40, FIRST_PEER_CID = 0x60, MOST_SDU = 255 };

static const amble_uuid service_uuid = AMBLE_UUID16(0xaa00), level_uuid = AMBLE_UUID16(0x2a19),
                        command_uuid = AMBLE_UUID16(0xaa01), asked_uuid = AMBLE_UUID16(0xaa02),
                        long_uuid = AMBLE_UUID16(0xaa03);
static const amble_characteristic level = {
    .uuid = &level_uuid, .read = true, .notify = true, .indicate = true, .initial = "2", .initial_size = 1};
static const amble_characteristic command = {
    .uuid = &command_uuid, .write = true, .write_no_response = true, .capture = true, .write_depth = 1};
static const amble_characteristic asked = {
    .uuid = &asked_uuid, .read = true, .write = true, .answer_reads = true, .answer_writes = true};
static const amble_characteristic long_one = {.uuid = &long_uuid, .read = true, .write = true, .max_size = 90};
static const amble_service service = {.uuid = &service_uuid,
                                      .characteristics = AMBLE_LIST(&level, &command, &asked, &long_one)};

static amble_connection *conn;
static bool over;

/* Sends a frame in one packet, in memory of its own. */
static void peer_frame(uint16_t cid, const uint8_t *data, size_t size)
{
    uint8_t *frame = malloc(4 + size);

    fuzz_check(frame);
    amble__put_le16(frame, (unsigned)size);
    amble__put_le16(frame + 2, cid);
    if (size)
        memcpy(frame + 4, data, size);
    if (conn->state == AMBLE__LINK_LIVE)
        amble__l2cap_receive(conn, frame, 4 + size, AMBLE__BOUNDARY_FIRST);
    free(frame);
}

static void open_bearers(uint8_t how)
{
    const uint8_t credits = how & 0x3f, mtu = how & 0x40 ? 64 : 200;
    const uint8_t request[] = {
        0x17, 1, 12, 0, 0x27, 0, mtu, 0, 64, 0, credits, 0, FIRST_PEER_CID, 0, FIRST_PEER_CID + 1, 0};

    conn->security.encrypted = !(how & 0x80);
    peer_frame(AMBLE__CID_SIGNALLING, request, sizeof request);
}

static void peer_sdu(unsigned bearer, amble__bytes pdu)
{
    uint8_t sdu[2 + MOST_SDU];

    amble__put_le16(sdu, (unsigned)pdu.size);
    if (pdu.size)
        memcpy(sdu + 2, pdu.data, pdu.size);
    peer_frame((uint16_t)(FIRST_CID + bearer), sdu, 2 + pdu.size);
}

/* --- the program -------------------------------------------------------------------------------------------------- */
/* Asks for whatever there is, again and again; each has a characteristic of its own. */
static int keep_asking(void *arg)
{
    const uint16_t handle = *(const uint16_t *)arg;
    amble_remote_characteristic c = {.value_handle = handle, .handle = 1, .end = 0xffff, .properties = 0xff};
    uint8_t buffer[70];

    while (!over) {
        int r;

        c.conn = conn;
        c.generation = conn->generation;
        r = amble_read(&c, buffer, sizeof buffer, STEP_MS);
        fuzz_check(r <= (int)sizeof buffer);
        r = amble_write(&c, buffer, handle, STEP_MS);
        fuzz_check(r <= 0);
        if (amble_sleep_ms(1) < 0) /* on a link that is gone no time passes otherwise */
            break;
    }
    return 0;
}

static int keep_opening(void *arg)
{
    (void)arg;
    while (!over) {
        const unsigned unused = amble__att_unused(conn);

        if (conn->state == AMBLE__LINK_LIVE && unused)
            (void)amble__bearers_connect(conn, unused, amble__deadline(STEP_MS)); /* the peer may refuse */
        if (amble_sleep_ms(STEP_MS) < 0)
            break; /* it is over */
    }
    return 0;
}

static void serve(uint8_t how)
{
    amble_request request;
    amble_value value;

    (void)amble_update(ble, &level, "new", how % 4, 0); /* perhaps nobody subscribed */
    if (amble_written(ble, &command, &value, 0) == 0 && value.size)
        fuzz_check(value.data[0] + value.data[value.size - 1] >= 0); /* it can be looked at */
    if (!(how & 4) || amble_requested(ble, &asked, &request, 0) < 0)
        return;
    if (how & 8)
        (void)amble_request_answer(ble, &request, "answer", how % 7); /* it may be over */
    else
        (void)amble_request_refuse(ble, &request, how);
}

static void meet_again(void)
{
    amble__link_lose(conn, 0x08, AMBLE_ERR_DISCONNECTED);
    fuzz_sleep(0); /* the tasks hear of it before the slot is used again */
    amble__channels_forget(&fuzz.l2cap, conn);
    amble__link_free(conn);
    conn = fuzz_link(0, true);
}

static void run_record(amble__reader *script)
{
    const uint8_t what = amble__read_u8(script);
    amble__bytes bytes;

    switch (what & 7) {
    case 0:
    case 1:
        peer_sdu(what & 1, fuzz_take(script));
        break;
    case 2:
        fuzz_peer_att(conn, fuzz_take(script));
        break;
    case 3: /* a frame as it is: anything but one SDU */
        bytes = fuzz_take(script);
        peer_frame((uint16_t)(FIRST_CID + (what >> 3)), bytes.data, bytes.size);
        break;
    case 4:
        bytes = fuzz_take(script);
        peer_frame(AMBLE__CID_SIGNALLING, bytes.data, bytes.size);
        break;
    case 5:
        open_bearers(amble__read_u8(script));
        break;
    case 6:
        serve(amble__read_u8(script));
        break;
    default:
        if (what >> 3 == 31)
            meet_again();
        else
            fuzz_sleep((what >> 3) * 40);
    }
    fuzz_complete();
    fuzz_sleep(0);
}

static void play(amble__reader *script)
{
    static const uint16_t handles[TASKS] = {3, 5, 66};
    amble_scope scope;
    unsigned entries = 0;

    fuzz_gatt_open();
    fuzz_check(amble_serve(ble, &service) == 0 && amble_serve(ble, &amble__gatt_service) == 0);
    conn = fuzz_link(0, true);
    over = false;
    amble_scope_open(&scope);
    for (int i = 0; i < TASKS; i++)
        amble_spawn(&scope, keep_asking, (void *)(uintptr_t)&handles[i]);
    amble_spawn(&scope, keep_opening, NULL);
    while (amble__read_left(script))
        run_record(script);
    over = true;
    amble_scope_close(&scope);
    amble__list_each (node, &the_host.client.free_entries)
        entries++;
    fuzz_check(entries == FUZZ_ENTRIES);
    fuzz_close();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_run(play, data, size);
    return 0;
}
