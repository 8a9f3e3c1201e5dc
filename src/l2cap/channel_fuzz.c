/* Fuzzes signalling and channels: a peer that sends any command and any frame to two links, on which a program listens,
 * connects, reads, writes and closes. A record of the script is a byte (bits 0 to 2 what happens, bit 3 the link, bits
 * 4 to 7 which channel), then what it needs.
 *
 * After each record what may come still fits, and every channel is where its CID says. */
#include "att/fuzzing.h"

enum { MTU = 65, FUZZ_PSM = 0x80, HELD = FUZZ_CHANNELS };

static amble_connection *links[FUZZ_LINKS];
static amble_l2cap_channel *held[HELD]; /* the program's */

static void check_channels(void)
{
    for (size_t i = 0; i < fuzz.l2cap.channels.count; i++) {
        const amble_l2cap_channel *channel = &fuzz.l2cap.channels.slots[i];

        if (channel->state == AMBLE__CHANNEL_FREE)
            continue;
        fuzz_check(channel->in.used <= channel->in.size && channel->out.used <= channel->out.size);
        fuzz_check(channel->readable <= channel->in.used && channel->read_left <= UINT16_MAX);
        if (channel->state == AMBLE__CHANNEL_CLOSED)
            continue;
        fuzz_check(amble__channel_by_cid(channel->link, channel->cid) == channel);
        fuzz_check((size_t)channel->granted * channel->unit <= amble__ring_room(&channel->in));
    }
}

static void keep(amble_l2cap_channel *channel)
{
    for (unsigned i = 0; i < HELD; i++) {
        if (held[i])
            continue;
        held[i] = channel;
        return;
    }
    amble__channel_abandon(channel);
}

static void peer_sends_frame(amble_connection *conn, uint16_t cid, amble__bytes payload)
{
    uint8_t frame[4 + UINT8_MAX];

    amble__put_le16(frame, (unsigned)payload.size);
    amble__put_le16(frame + 2, cid);
    if (payload.size)
        memcpy(frame + 4, payload.data, payload.size);
    if (conn->state == AMBLE__LINK_LIVE)
        amble__l2cap_receive(conn, frame, 4 + payload.size, AMBLE__BOUNDARY_FIRST);
}

/* The program's part; nothing of it waits. */
static void program(amble_connection *conn, unsigned what, unsigned which)
{
    static const uint8_t data[200] = {1, 2, 3};
    amble_l2cap_channel **own = &held[which % HELD], *channel;
    amble_l2cap_channel *group[3];
    uint8_t buffer[50];

    switch (what % 8) {
    case 0:
        if (amble_l2cap_accept(conn, FUZZ_PSM + which % 2, &channel, 0) == 0)
            keep(channel);
        break;
    case 1: /* the answer comes too late for the task */
        fuzz_check(amble_l2cap_connect(conn, FUZZ_PSM, NULL, &channel, 0) < 0);
        break;
    case 2:
        fuzz_check(amble_l2cap_connect_enhanced(conn, FUZZ_PSM, NULL, group, 1 + which % 3, 0) < 0);
        break;
    case 3:
        fuzz_check(*own == NULL || amble_l2cap_send(*own, data, 1 + which * 13, 0) != 0);
        break;
    case 4:
        fuzz_check(*own == NULL || amble_l2cap_recv(*own, buffer, 1 + which * 3, 0) != 0);
        break;
    case 5:
        if (*own)
            fuzz_check(amble_l2cap_reconfigure(own, 1, 65535, 64, 0) < 0);
        break;
    case 6:
        if (*own)
            amble__channel_abandon(*own); /* amble_l2cap_close would wait */
        *own = NULL;
        break;
    default:
        (void)amble__l2cap_unlisten(&fuzz.l2cap, FUZZ_PSM); /* perhaps nobody listens */
        fuzz_check(amble__l2cap_listen(&fuzz.l2cap, FUZZ_PSM, NULL) == 0);
    }
}

static void lose_and_meet_again(unsigned number)
{
    amble__link_lose(links[number], 0x08, AMBLE_ERR_DISCONNECTED);
    amble__channels_forget(&fuzz.l2cap, links[number]);
    amble__link_free(links[number]);
    links[number] = fuzz_link(number, number);
}

static void play_record(amble__reader *script)
{
    const uint8_t head = amble__read_u8(script);
    const unsigned number = head >> 3 & 1, which = head >> 4;
    amble_connection *conn = links[number];

    switch (head & 7) {
    case 0:
    case 1:
        peer_sends_frame(conn, AMBLE__CID_SIGNALLING, fuzz_take(script));
        break;
    case 2:
    case 3:
        peer_sends_frame(conn, (uint16_t)(AMBLE__CID_DYNAMIC + which), fuzz_take(script));
        break;
    case 4:
        program(conn, amble__read_u8(script), which);
        break;
    case 5:
        fuzz_complete();
        fuzz_sleep(0);
        break;
    case 6:
        fuzz_sleep(which < 15 ? (int)which : 31000);
        break;
    default:
        lose_and_meet_again(number);
    }
    check_channels();
}

static void play(amble__reader *script)
{
    while (amble__read_left(script))
        play_record(script);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_scheduler();
    fuzz_open(MTU);
    memset(held, 0, sizeof held);
    for (unsigned i = 0; i < FUZZ_LINKS; i++)
        links[i] = fuzz_link(i, i);
    fuzz_check(amble__l2cap_listen(&fuzz.l2cap, FUZZ_PSM, NULL) == 0);
    fuzz_run(play, data, size);
    fuzz_close();
    for (unsigned i = 0; i < HELD; i++)
        if (held[i])
            amble__channel_abandon(held[i]);
    for (size_t i = 0; i < fuzz.l2cap.channels.count; i++)
        fuzz_check(fuzz.l2cap.channels.slots[i].state == AMBLE__CHANNEL_FREE);
    return 0;
}
