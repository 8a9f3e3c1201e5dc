/* A central without a controller, for tests: it connects to a controller under test and sends whatever data PDU the
 * test wants, at the right time on the right channel. It acknowledges properly unless it is told to repeat itself. */
#ifndef AMBLE_CONTROLLER_TEST_PEER_H
#define AMBLE_CONTROLLER_TEST_PEER_H
#include "controller/access_address.h"
#include "controller/ccm.h"
#include "controller/channel_selection.h"
#include "controller/pdu.h"
#include "controller/test_bench.h"

typedef struct {
    amble__radio radio; /* first */
    bench *bench;
    amble__ll_address own, target;
    amble__ll_connect_data data;
    bool channel_selection_2;
    bool connecting, connected;
    bool deaf; /* does not acknowledge what it receives */
    amble__ll_channels channels;
    uint64_t meet_us; /* not 0: put the anchor a whole number of intervals after this past moment */
    amble__phy tx_phy, rx_phy;
    uint64_t anchor_us;
    uint64_t event;
    uint8_t sn, nesn;
    /* encryption, once the test has found the key */
    amble__aes_key key;
    uint8_t iv[AMBLE__CCM_IV];
    bool sealing, opening, forged; /* forged: a MIC of the controller's was wrong */
    bool flight_sealed;
    uint64_t sent, received;
    /* the answer to the last packet */
    bool answered;
    uint64_t answered_at_us;
    uint8_t header;
    size_t size;
    uint8_t payload[255];
} peer;

static inline void peer_connect_now(peer *p, const amble__radio_packet *packet)
{
    const uint64_t start = packet->end_us + AMBLE__LL_T_IFS_US;
    uint8_t data[AMBLE__LL_CONNECT_DATA], bytes[AMBLE__LL_LEGACY_PDU];
    amble__ll_advertising_pdu pdu;
    size_t size;

    if (!amble__ll_advertising_pdu_decode(&pdu, packet->pdu, packet->size) || pdu.type != AMBLE__LL_ADV_IND)
        return;
    p->target = pdu.sender;
    if (p->meet_us) {
        const uint64_t earliest = start + amble__radio_air_time(AMBLE__PHY_1M, 36) + 1250,
                       interval = p->data.interval * 1250u;
        const uint64_t wait = interval - (earliest - p->meet_us) % interval;

        p->data.window_offset = (uint16_t)(wait / 1250);
        p->anchor_us = earliest + wait;
    }
    amble__ll_connect_data_encode(&p->data, data);
    pdu = (amble__ll_advertising_pdu){.type = AMBLE__LL_CONNECT_IND,
                                      .channel_selection_2 = p->channel_selection_2,
                                      .sender = p->own,
                                      .target = p->target,
                                      .data = {data, sizeof data}};
    size = amble__ll_advertising_pdu_encode(&pdu, bytes);
    amble__radio_send(&p->radio, packet->channel, AMBLE__PHY_1M, AMBLE__LL_ADVERTISING_ACCESS_ADDRESS, bytes, size,
                      start);
}

static inline void peer_take_answer(peer *p, const amble__radio_packet *packet)
{
    p->answered = true;
    p->answered_at_us = packet->start_us;
    p->header = packet->pdu[0];
    p->size = packet->size - 2;
    memcpy(p->payload, packet->pdu + 2, p->size);
    if ((p->header >> 2 & 1) != p->sn) {
        p->sn ^= 1;
        p->sent += p->flight_sealed;
    }
    if (p->opening && p->size && (p->header >> 3 & 1) == p->nesn && !p->deaf) {
        const amble__ccm_nonce nonce = {.counter = p->received++, .iv = p->iv};
        uint8_t opened[255];

        p->forged |= !amble__ccm_open(&p->key, &nonce, p->header, p->payload, p->size, opened);
        p->size -= p->size < AMBLE__CCM_MIC ? p->size : AMBLE__CCM_MIC;
        memcpy(p->payload, opened, p->size);
    }
    if ((p->header >> 3 & 1) == p->nesn && !p->deaf)
        p->nesn ^= 1;
}

static inline void peer_received(amble__radio *radio, const amble__radio_packet *packet)
{
    peer *p = (peer *)(void *)radio;

    if (p->connecting)
        peer_connect_now(p, packet);
    else
        peer_take_answer(p, packet);
}

static inline void peer_sent(amble__radio *radio)
{
    peer *p = (peer *)(void *)radio;

    if (p->connecting) {
        p->connecting = false;
        p->connected = true;
        if (!p->meet_us)
            p->anchor_us = amble__air_now(p->bench->air) + 1250 + p->data.window_offset * 1250u + 300;
        return;
    }
    amble__radio_listen(radio, radio->channel, p->rx_phy, p->data.access_address, amble__air_now(p->bench->air) + 155);
}

static inline void peer_silent(amble__radio *radio) { (void)radio; }

static const amble__radio_events peer_events = {peer_received, peer_sent, peer_silent};

/* The parameters may be changed before peer_connect. */
static inline void peer_open(peer *p, bench *b)
{
    memset(p, 0, sizeof *p);
    p->bench = b;
    p->own = (amble__ll_address){.value = {1, 2, 3, 4, 5, 6}};
    p->channel_selection_2 = true;
    p->tx_phy = p->rx_phy = AMBLE__PHY_1M;
    p->data = (amble__ll_connect_data){.access_address = 0x50655dab,
                                       .window_size = 1,
                                       .interval = 24,
                                       .timeout = 100,
                                       .channel_map = AMBLE__LL_ALL_CHANNELS,
                                       .hop = 7,
                                       .clock_accuracy = 5};
    amble__radio_open(&p->radio, b->air, 77, &peer_events);
}

/* Connects to whoever advertises on channel 37 within the next 200 ms. */
static inline bool peer_connect(peer *p)
{
    p->connecting = true;
    amble__ll_channels_set(&p->channels, p->data.channel_map);
    amble__radio_listen(&p->radio, 37, AMBLE__PHY_1M, AMBLE__LL_ADVERTISING_ACCESS_ADDRESS,
                        amble__air_now(p->bench->air) + 200 * BENCH_MS);
    for (int i = 0; i < 200 && !p->connected; i++)
        bench_run(p->bench, 1);
    return p->connected;
}

/* Has one packet sent in the next event, `header` without SN and NESN. */
static inline void peer_begin(peer *p, unsigned header, const void *payload, size_t size)
{
    const uint8_t channel = p->channel_selection_2
                                ? amble__ll_channel_2(&p->channels, p->data.access_address, (uint16_t)p->event)
                                : amble__ll_channel_1(&p->channels, p->data.hop, p->event);
    uint8_t pdu[257];

    pdu[0] = (uint8_t)(header | (unsigned)p->sn << 3 | (unsigned)p->nesn << 2);
    p->flight_sealed = p->sealing && size;
    if (p->flight_sealed) {
        const amble__ccm_nonce nonce = {.counter = p->sent, .from_central = true, .iv = p->iv};

        size = size < 255 - AMBLE__CCM_MIC ? size : 255 - AMBLE__CCM_MIC;
        amble__ccm_seal(&p->key, &nonce, pdu[0], payload, size, pdu + 2);
        size += AMBLE__CCM_MIC;
    } else if (size) {
        memcpy(pdu + 2, payload, size);
    }
    pdu[1] = (uint8_t)size;
    p->answered = false;
    amble__radio_send(&p->radio, channel, p->tx_phy, p->data.access_address, pdu, 2 + size, p->anchor_us);
    p->anchor_us += p->data.interval * 1250u;
    p->event++;
}

/* The same, and lets the event pass; true when it was answered. */
static inline bool peer_send(peer *p, unsigned header, const void *payload, size_t size)
{
    const uint64_t anchor = p->anchor_us;

    peer_begin(p, header, payload, size);
    amble__air_advance(p->bench->air, anchor + 5 * BENCH_MS);
    return p->answered;
}
static inline bool peer_poll(peer *p) { return peer_send(p, 1, NULL, 0); }

/* For the tests that begin so: a bench with one host, that advertises, and the peer on a link with it, past its first
 * event. */
static inline bool peer_meet(peer *p, bench *b, uint64_t seed)
{
    bench_open(b, seed, 1);
    bench_unmask(&b->hosts[0]);
    bench_advertise(&b->hosts[0], 0, 32, "");
    peer_open(p, b);
    return peer_connect(p) && peer_poll(p);
}

/* Closes the bench, and the peer if it is on it. */
static inline void peer_leave(peer *p, bench *b)
{
    if (p->bench == b)
        amble__radio_close(&p->radio);
    p->bench = NULL;
    bench_close(b);
}

/* Sends a control PDU, and polls until a control PDU comes back that is not the answer to an earlier one. */
static inline bool peer_control(peer *p, const char *hex)
{
    uint8_t payload[255];
    bool answered = peer_send(p, 3, payload, bench_hex(payload, hex));

    for (int i = 0; i < 4 && answered && (p->header & 3) != 3; i++)
        answered = peer_poll(p);
    return answered && (p->header & 3) == 3;
}

/* --- encryption --------------------------------------------------------------------------------------------------- */

#define PEER_ENC_REQ       "03 1122334455667788 9abc 13 02 f1 e0 df ce bd ac 24 ab dc ba"
#define PEER_LONG_TERM_KEY "bf01fb9d4ef3bc36d874f53941680f4c" /* order of the air */

/* Asks for encryption, and finds the session key from the answer as Vol 6, Part B, 5.1.3.1 has it. */
static inline bool peer_ask_for_encryption(peer *p)
{
    uint8_t given[16], long_term[16], session[16];
    amble__aes_key key;

    if (!peer_control(p, PEER_ENC_REQ))
        return false;
    for (int i = 0; i < 3 && p->payload[0] != 0x04 && peer_poll(p); i++)
        continue; /* what was on its way before */
    if (p->size != 13 || p->payload[0] != 0x04)
        return false;
    for (int i = 0; i < 8; i++)
        session[i] = p->payload[8 - i];
    memcpy(session + 8, "\xac\xbd\xce\xdf\xe0\xf1\x02\x13", 8);
    memcpy(p->iv, "\x24\xab\xdc\xba", 4);
    memcpy(p->iv + 4, p->payload + 9, 4);
    bench_hex(given, PEER_LONG_TERM_KEY);
    for (int i = 0; i < 16; i++)
        long_term[i] = given[15 - i];
    if (amble__aes_expand(&key, long_term))
        return false;
    amble__aes_encrypt(&key, session, session);
    return amble__aes_expand(&p->key, session) == 0;
}

/* The host knows the key: goes on until both sides encrypt. */
static inline bool peer_start_encryption(peer *p, bench_host *host, uint16_t handle)
{
    bool answered = bench_link_command(host, HC_LE_LONG_TERM_KEY_REQUEST_REPLY, handle, PEER_LONG_TERM_KEY) == 0;

    for (int i = 0; i < 4 && answered && !(p->size == 1 && p->payload[0] == 0x05); i++)
        answered = peer_poll(p);
    if (!answered || p->payload[0] != 0x05)
        return false;
    p->sealing = p->opening = true;
    p->sent = p->received = 0;
    return peer_control(p, "06") && p->size == 1 && p->payload[0] == 0x06 && !p->forged && peer_poll(p);
}
#endif
