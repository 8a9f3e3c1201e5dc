/* Arbitrary extended advertising from the air, to a controller that scans, initiates and wants to synchronise.
 *
 * Input: the first octet chooses what it does. Then records of a length and that many octets, each a PDU as it stands.
 * A PDU that points to an auxiliary packet is followed by the next record there, at the right moment; the others are
 * sent on the channel that is listened to. AUX_SCAN_REQ and AUX_CONNECT_REQ are answered by the next record, too. */
#define BENCH_NOTES   2000
#define BENCH_SNIFFED 1
#include "controller/access_address.h"
#include "controller/extended_bench.h"

#define RECORDS  64
#define ROOM_US  400 /* for what the controller sends at once */
#define REACH_US 30000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    amble__radio radio; /* first */
    bool asked;
    uint64_t asked_until_us;
} speaker;

static void heard(amble__radio *radio, const amble__radio_packet *packet)
{
    speaker *s = (speaker *)(void *)radio;

    s->asked = true;
    s->asked_until_us = packet->end_us;
}
static void nothing(amble__radio *radio) { (void)radio; }

static const amble__radio_events speaker_events = {heard, nothing, nothing};

static void check_notes(const bench_host *host)
{
    for (size_t i = 0; i < host->count; i++) {
        const bench_note *n = &host->notes[i];

        if (n->bytes[0] != HC_PACKET_EVENT || n->size != 3u + n->bytes[2])
            abort();
    }
}

/* Sends at `at_us`, and listens for an answer there. */
static void say(bench *b, speaker *s, uint8_t channel, amble__phy phy, uint32_t access_address, amble__bytes pdu,
                uint64_t at_us)
{
    const uint64_t end = at_us + amble__radio_air_time(phy, pdu.size);

    amble__radio_send(&s->radio, channel, phy, access_address, pdu.data, pdu.size, at_us);
    amble__air_advance(b->air, end);
    s->asked = false;
    amble__radio_listen(&s->radio, channel, phy, access_address, end + ROOM_US);
    amble__air_advance(b->air, end + ROOM_US);
}

static amble__bytes take(amble__reader *in)
{
    const size_t size = amble__read_u8(in), left = amble__read_left(in);
    const size_t taken = size < left ? size : left;

    return (amble__bytes){amble__read_view(in, taken), taken};
}

static void play(bench *b, speaker *s, amble__reader *in)
{
    uint32_t access_address = AMBLE__LL_ADVERTISING_ACCESS_ADDRESS;
    amble__phy phy = AMBLE__PHY_1M;
    uint8_t channel = 37;
    uint64_t at = 0;

    for (int i = 0; i < RECORDS && amble__read_left(in); i++) {
        const amble__bytes pdu = take(in);
        const uint64_t now = amble__air_now(b->air), start = at > now ? at : now + 1;
        amble__ll_extended_pdu read;

        if (!pdu.size)
            continue;
        say(b, s, channel, phy, access_address, pdu, start);
        at = 0;
        if (s->asked) { /* what it asked is answered in time, since the air stands at the end of its packet's room */
            at = s->asked_until_us + AMBLE__LL_T_IFS_US;
            continue;
        }
        channel = 37;
        phy = AMBLE__PHY_1M;
        if (amble__ll_extended_pdu_decode(&read, pdu.data, pdu.size) && (read.has & AMBLE__LL_HAS_AUX) &&
            read.aux.offset_us < REACH_US) {
            channel = read.aux.channel;
            phy = read.aux.phy;
            at = start + read.aux.offset_us;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bench b;
    static speaker s;
    amble__reader in = amble__reader_of(data, size);
    uint8_t how;

    bench_open(&b, 1, 1);
    bench_unmask(&b.hosts[0]);
    how = amble__read_u8(&in);
    if (how & 1)
        extended_scan(&b.hosts[0], 1, how & 2, how & 4);
    if (how & 8)
        bench_status(&b.hosts[0], HC_LE_EXTENDED_CREATE_CONNECTION,
                     "00 00 00 010203040506 01 1000 1000 1800 1800 0000 6400 0000 0000");
    if (how & 16)
        bench_status(&b.hosts[0], HC_LE_PERIODIC_ADVERTISING_CREATE_SYNC, "00 01 00 010203040506 0000 6400 00");
    if (how & 32)
        bench_status(&b.hosts[0], HC_LE_SET_ADDRESS_RESOLUTION_ENABLE, "01");
    memset(&s, 0, sizeof s);
    amble__radio_open(&s.radio, b.air, 77, &speaker_events);
    bench_run_us(&b, 1);
    play(&b, &s, &in);
    bench_run(&b, 2000);
    check_notes(&b.hosts[0]);
    amble__radio_close(&s.radio);
    bench_close(&b);
    return 0;
}
