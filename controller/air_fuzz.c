/* Arbitrary PDUs from the air, to a controller that advertises, then to one that is a peripheral on a link.
 *
 * Input: the first octet says how CONNECT_IND is bent, the next 22 are its LLData (used as they stand when bit 0 is
 * set). Then records of a header, a length and a payload, one per connection event; bit 7 of the header (reserved on
 * the air) asks for a packet of the host's first, bit 6 for a command, which is chosen by the number of the event. Bit
 * 3 of the first octet encrypts the link before, so that the records come with a right MIC. */
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

/* Commands of a host that answers what it was asked, whether or not it was. */
static void command(bench_host *host, int which)
{
    static const struct {
        unsigned opcode;
        const char *parameters;
    } commands[] = {
        {HC_LE_READ_REMOTE_FEATURES, "4000"},
        {HC_READ_REMOTE_VERSION, "4000"},
        {HC_LE_SET_PHY, "4000 00 07 07 0000"},
        {HC_LE_CONNECTION_UPDATE, "4000 0800 0a00 0200 6400 0000 0000"},
        {HC_LE_REMOTE_PARAMETER_REQUEST_REPLY, "4000 0800 0a00 0200 6400 0000 0000"},
        {HC_LE_REMOTE_PARAMETER_REQUEST_NEGATIVE_REPLY, "4000 3b"},
        {HC_LE_LONG_TERM_KEY_REQUEST_REPLY, "4000 " PEER_LONG_TERM_KEY},
        {HC_LE_LONG_TERM_KEY_REQUEST_NEGATIVE_REPLY, "4000"},
        {HC_LE_SET_DATA_LENGTH, "4000 fb00 9042"},
        {HC_WRITE_AUTHENTICATED_PAYLOAD_TIMEOUT, "4000 0500"},
        {HC_LE_SET_SYNC_TRANSFER_PARAMETERS, "4000 02 0000 6400 00"},
    };
    const size_t chosen = (size_t)which % (sizeof commands / sizeof *commands);

    bench_command(host, commands[chosen].opcode, commands[chosen].parameters);
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
            command(&b->hosts[0], i);
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
    if (peer_connect(&p) &&
        (!(how & 8) || (peer_poll(&p) && peer_ask_for_encryption(&p) && peer_start_encryption(&p, &b.hosts[0], 0x40))))
        talk(&b, &p, &in);
    bench_run(&b, 2000);
    check_notes(&b.hosts[0]);
    amble__radio_close(&p.radio);
    bench_close(&b);
    return 0;
}
