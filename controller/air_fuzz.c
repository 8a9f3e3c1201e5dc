/* Arbitrary PDUs from the air, to a controller that advertises, then to one that is a peripheral on a link.
 *
 * Input: the first octet says how CONNECT_IND is bent, the next 22 are its LLData (used as they stand when bit 0 is
 * set). Then records of a header, a length and a payload, one per connection event; bit 7 of the header (reserved on
 * the air) asks for a packet of the host's first, bit 6 for a procedure. */
#define BENCH_NOTES   600
#define BENCH_SNIFFED 1
#include "controller/test_peer.h"

#define EVENTS 100

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_notes(const bench_host *host)
{
    for (size_t i = 0; i < host->count; i++) {
        const bench_note *n = &host->notes[i];

        if (n->bytes[0] == HC_PACKET_EVENT ? n->size != 3u + n->bytes[2]
                                           : n->size != 5u + amble__get_le16(n->bytes + 3))
            abort();
    }
}

/* Answers an advertising PDU with bytes of the input, as they are. */
static void send_to_advertiser(bench *b, peer *p, amble__reader *in)
{
    uint8_t pdu[AMBLE__LL_LEGACY_PDU];

    amble__read_copy(in, pdu, sizeof pdu);
    amble__radio_send(&p->radio, 37, AMBLE__PHY_1M, AMBLE__LL_ADVERTISING_ACCESS_ADDRESS, pdu, sizeof pdu,
                      amble__air_now(b->air) + 1);
    bench_run(b, 5);
}

static void talk(bench *b, peer *p, amble__reader *in)
{
    for (int i = 0; i < EVENTS && amble__read_left(in) >= 2; i++) {
        const uint8_t header = amble__read_u8(in), length = amble__read_u8(in);
        const size_t left = amble__read_left(in);
        const size_t size = length < left ? length : left;
        const uint8_t *payload = amble__read_view(in, size);

        if (header & 0x80)
            bench_send(&b->hosts[0], 0x40, (unsigned)i, 30);
        if (header & 0x40)
            bench_command(&b->hosts[0], i & 1 ? HC_LE_READ_REMOTE_FEATURES : HC_READ_REMOTE_VERSION, "4000");
        peer_send(p, header & 0x33, payload, size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bench b;
    static peer p;
    amble__reader in = amble__reader_of(data, size);
    uint8_t how;

    bench_open(&b, 1, 1);
    bench_unmask(&b.hosts[0]);
    bench_advertise(&b.hosts[0], 0, 32, "020106");
    peer_open(&p, &b);
    how = amble__read_u8(&in);
    if (how & 1) {
        const uint8_t *bytes = amble__read_view(&in, AMBLE__LL_CONNECT_DATA);
        amble__ll_connect_data changed;

        if (bytes && amble__ll_connect_data_decode(&changed, (amble__bytes){bytes, AMBLE__LL_CONNECT_DATA}))
            p.data = changed;
    }
    if (how & 2)
        send_to_advertiser(&b, &p, &in);
    p.channel_selection_2 = how & 4;
    if (peer_connect(&p))
        talk(&b, &p, &in);
    bench_run(&b, 2000);
    check_notes(&b.hosts[0]);
    amble__radio_close(&p.radio);
    bench_close(&b);
    return 0;
}
