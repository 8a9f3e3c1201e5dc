/* A central whose peripheral does what it may not while a link is being encrypted, or after it. The peripheral is no
 * controller: it advertises, answers each event with whatever PDU the test wants, and acknowledges properly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/access_address.h"
#include "controller/ccm.h"
#include "controller/channel_selection.h"
#include "controller/pdu.h"
#include "controller/test_bench.h"

#define NAME "1122334455667788 9abc" /* Random_Number and Encrypted_Diversifier */
#define KEY  "bf01fb9d4ef3bc36d874f53941680f4c"

enum { INTERVAL_US = 30000, EARLY_US = 500, DATA = 2, CONTROL = 3, HALF_KEY = 8, HALF_IV = 4 };
enum {
    ENC_REQ = 0x03,
    ENC_RSP = 0x04,
    START_ENC_REQ = 0x05,
    START_ENC_RSP = 0x06,
    UNKNOWN_RSP = 0x07,
    PAUSE_ENC_REQ = 0x0a
};

static bench b;

static struct {
    amble__radio radio; /* first */
    bool connected;
    amble__ll_connect_data link;
    amble__ll_channels channels;
    uint64_t event, anchor_us;
    amble__timer next;
    uint8_t sn, nesn;
    /* What is sent next, and what came: the last PDU that was not empty. */
    unsigned kind;
    uint8_t out[64], in[255];
    size_t out_size, in_size;
    bool flying; /* `out` was sent */
    unsigned came;
    /* Encryption. */
    bool sealing, opening, forged;
    amble__aes_key key;
    uint8_t iv[AMBLE__CCM_IV], skd_p[HALF_KEY];
    uint64_t sent, received;
} p;

/* --- the peripheral ----------------------------------------------------------------------------------------------- */
static void listen_to_event(amble__timer *timer)
{
    (void)timer;
    amble__radio_listen(&p.radio, amble__ll_channel_1(&p.channels, p.link.hop, p.event), AMBLE__PHY_1M,
                        p.link.access_address, amble__air_now(b.air) + INTERVAL_US / 2);
}

static void take_connection(const amble__radio_packet *packet)
{
    amble__ll_advertising_pdu pdu;

    if (!amble__ll_advertising_pdu_decode(&pdu, packet->pdu, packet->size) || pdu.type != AMBLE__LL_CONNECT_IND ||
        !amble__ll_connect_data_decode(&p.link, pdu.data))
        return;
    p.connected = true;
    assert_true(amble__ll_channels_set(&p.channels, p.link.channel_map));
    amble__air_arm(b.air, &p.next, packet->end_us + 1250 - EARLY_US);
}

/* Takes a PDU of the central's that is new; opens it. */
static void take(const amble__radio_packet *packet)
{
    const amble__ccm_nonce nonce = {.counter = p.received, .from_central = true, .iv = p.iv};
    const uint8_t *payload = packet->pdu + 2;
    size_t size = packet->size - 2;

    if (!size)
        return;
    if (p.opening) {
        p.forged |= !amble__ccm_open(&p.key, &nonce, packet->pdu[0], payload, size, p.in);
        p.received++;
        size -= AMBLE__CCM_MIC;
    } else {
        memcpy(p.in, payload, size);
    }
    p.in_size = size;
    p.came++;
}

static void answer(const amble__radio_packet *packet)
{
    const amble__ccm_nonce nonce = {.counter = p.sent, .iv = p.iv};
    uint8_t pdu[2 + sizeof p.out + AMBLE__CCM_MIC] = {1};
    size_t size;

    if ((packet->pdu[0] >> 2 & 1) != p.sn) { /* the last one was acknowledged */
        p.sn ^= 1;
        p.sent += p.flying && p.sealing;
        p.out_size = p.flying ? 0 : p.out_size;
    }
    size = p.out_size;
    p.flying = size;
    if ((packet->pdu[0] >> 3 & 1) == p.nesn) {
        p.nesn ^= 1;
        take(packet);
    }
    pdu[0] = (uint8_t)((size ? p.kind : 1u) | (unsigned)p.nesn << 2 | (unsigned)p.sn << 3);
    if (size && p.sealing) {
        amble__ccm_seal(&p.key, &nonce, pdu[0], p.out, size, pdu + 2);
        size += AMBLE__CCM_MIC;
    } else if (size) {
        memcpy(pdu + 2, p.out, size);
    }
    pdu[1] = (uint8_t)size;
    p.anchor_us = packet->start_us;
    amble__radio_send(&p.radio, packet->channel, AMBLE__PHY_1M, p.link.access_address, pdu, 2 + size,
                      packet->end_us + AMBLE__LL_T_IFS_US);
}

static void received(amble__radio *radio, const amble__radio_packet *packet)
{
    (void)radio;
    if (p.connected)
        answer(packet);
    else
        take_connection(packet);
}
static void sent(amble__radio *radio)
{
    if (!p.connected) {
        amble__radio_listen(radio, 37, AMBLE__PHY_1M, AMBLE__LL_ADVERTISING_ACCESS_ADDRESS,
                            amble__air_now(b.air) + 200);
        return;
    }
    p.event++;
    amble__air_arm(b.air, &p.next, p.anchor_us + INTERVAL_US - EARLY_US);
}
static void silent(amble__radio *radio) { (void)radio; }

static int meet(void **state)
{
    static const amble__radio_events events = {received, sent, silent};
    const amble__ll_advertising_pdu pdu = {.type = AMBLE__LL_ADV_IND, .sender = {.value = {6, 5, 4, 3, 2, 1}}};
    uint8_t bytes[AMBLE__LL_LEGACY_PDU];
    const size_t size = amble__ll_advertising_pdu_encode(&pdu, bytes);

    (void)state;
    bench_open(&b, 7, 1);
    bench_unmask(&b.hosts[0]);
    memset(&p, 0, sizeof p);
    p.next.fire = listen_to_event;
    amble__radio_open(&p.radio, b.air, 99, &events);
    if (bench_status(&b.hosts[0], HC_LE_CREATE_CONNECTION,
                     "3000 3000 00 00 060504030201 00 1800 1800 0000 6400 0000 0000"))
        return -1;
    for (int i = 0; i < 200 && !p.connected; i++) {
        amble__radio_send(&p.radio, 37, AMBLE__PHY_1M, AMBLE__LL_ADVERTISING_ACCESS_ADDRESS, bytes, size,
                          amble__air_now(b.air) + 100);
        bench_run(&b, 7);
    }
    bench_run(&b, 300);
    return !p.connected || !bench_meta(&b.hosts[0], HC_LE_CONNECTION_COMPLETE);
}
static int leave(void **state)
{
    (void)state;
    amble__air_disarm(b.air, &p.next);
    amble__radio_close(&p.radio);
    bench_close(&b);
    return 0;
}

/* Sends a PDU in the next event and lets it arrive, and its answer come. */
static void say(unsigned kind, const char *hex)
{
    p.kind = kind;
    p.out_size = bench_hex(p.out, hex);
    bench_run(&b, 4 * INTERVAL_US / BENCH_MS);
}

/* --- encryption --------------------------------------------------------------------------------------------------- */
static void derive(void)
{
    uint8_t given[16], long_term[16], session[16];
    amble__aes_key key;

    bench_hex(given, KEY);
    for (int i = 0; i < 16; i++)
        long_term[i] = given[15 - i];
    for (int i = 0; i < HALF_KEY; i++) {
        session[i] = p.skd_p[HALF_KEY - 1 - i];
        session[HALF_KEY + i] = p.in[11 + HALF_KEY - 1 - i];
    }
    memcpy(p.iv, p.in + 19, HALF_IV);
    memset(p.iv + HALF_IV, 0x33, HALF_IV);
    assert_int_equal(amble__aes_expand(&key, long_term), 0);
    amble__aes_encrypt(&key, session, session);
    assert_int_equal(amble__aes_expand(&p.key, session), 0);
}

/* The central's host wants encryption: LL_ENC_REQ is here. */
static void be_asked(void)
{
    assert_int_equal(bench_link_command(&b.hosts[0], HC_LE_ENABLE_ENCRYPTION, 0x40, NAME KEY), 0);
    for (int i = 0; i < 20 && (!p.in_size || p.in[0] != ENC_REQ); i++)
        bench_run(&b, INTERVAL_US / BENCH_MS);
    assert_int_equal(p.in_size, 23);
    assert_memory_equal(p.in + 1, "\x11\x22\x33\x44\x55\x66\x77\x88\x9a\xbc", 10);
}
/* LL_ENC_RSP is there, the key is known. */
static void be_answered(void)
{
    be_asked();
    memset(p.skd_p, 0x22, sizeof p.skd_p);
    derive();
    say(CONTROL, "04 2222222222222222 33333333");
}
static void be_started(void)
{
    be_answered();
    p.opening = true;
    say(CONTROL, "05");
    assert_int_equal(p.in_size, 1);
    assert_int_equal(p.in[0], START_ENC_RSP);
    assert_false(p.forged);
}
static void be_encrypted(void)
{
    const bench_note *note;

    be_started();
    p.sealing = true;
    say(CONTROL, "06");
    note = bench_event(&b.hosts[0], HC_ENCRYPTION_CHANGE, 0);
    assert_non_null(note);
    assert_int_equal(note->bytes[3], 0);
}

static void expect_mic_failure(void)
{
    assert_int_equal(bench_disconnected(&b.hosts[0]), HC_MIC_FAILURE);
    b.hosts[0].read = 0;
    assert_null(bench_acl(&b.hosts[0])); /* nothing of it came through */
}
static void expect_alive(void)
{
    b.hosts[0].read = 0;
    assert_int_equal(bench_disconnected(&b.hosts[0]), -1);
}

static void test_a_peripheral_of_another_make(void **state)
{
    const unsigned came = p.came;

    (void)state;
    be_encrypted();
    say(DATA, "616263");
    b.hosts[0].read = 0;
    assert_memory_equal(bench_acl(&b.hosts[0])->bytes + 5, "abc", 3);
    bench_send(&b.hosts[0], 0x40, 7, 20);
    bench_run(&b, 100);
    assert_int_equal(p.in_size, 20);
    assert_false(p.forged);
    assert_true(p.came > came);
}

/* What the central adds to key and nonce is of its own choice, each time. */
static void test_halves_are_random(void **state)
{
    static const uint8_t none[HALF_KEY] = {0};
    uint8_t first[HALF_KEY + HALF_IV];

    (void)state;
    be_asked();
    memcpy(first, p.in + 11, sizeof first);
    assert_memory_not_equal(first, none, HALF_KEY);
    assert_memory_not_equal(first + HALF_KEY, none, HALF_IV);
    say(CONTROL, "0d 06"); /* no key */
    p.in_size = 0;
    be_asked();
    assert_memory_not_equal(p.in + 11, first, HALF_KEY);
    assert_memory_not_equal(p.in + 19, first + HALF_KEY, HALF_IV);
}

/* Between LL_ENC_RSP and the end of the procedure: 5.1.3.1. */
static void test_what_may_not_come_meanwhile(void **state)
{
    static const char *const controls[] = {
        "12", "0e ffff000000000000", "06", "0a", "0b", "04 2222222222222222 33333333", "0c 0b ffff 0000", "07 03"};

    (void)state;
    be_answered();
    say(DATA, "616263");
    expect_mic_failure();
    for (size_t i = 0; i < sizeof controls / sizeof *controls; i++) {
        leave(NULL);
        assert_int_equal(meet(NULL), 0);
        be_answered();
        say(CONTROL, controls[i]);
        expect_mic_failure();
    }
}

static void test_a_refusal_may_come_until_the_start(void **state)
{
    static const char *const refusals[] = {"0d 06", "11 03 06"};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        const bench_note *note;

        leave(NULL);
        assert_int_equal(meet(NULL), 0);
        i & 1 ? be_answered() : be_asked();
        say(CONTROL, refusals[i / 2]);
        note = bench_event(&b.hosts[0], HC_ENCRYPTION_CHANGE, 0);
        assert_non_null(note);
        assert_int_equal(note->bytes[3], HC_KEY_MISSING);
        expect_alive();
        say(DATA, "616263"); /* the link goes on as it was */
        b.hosts[0].read = 0;
        assert_non_null(bench_acl(&b.hosts[0]));
        /* After the start it is too late: what is not encrypted is forged. */
        leave(NULL);
        assert_int_equal(meet(NULL), 0);
        be_started();
        say(CONTROL, refusals[i / 2]);
        expect_mic_failure();
    }
}

/* For a new key encryption pauses; what comes then is in clear, and little of it may come. */
static void be_asked_again(void)
{
    be_encrypted();
    p.in_size = 0;
    assert_int_equal(bench_link_command(&b.hosts[0], HC_LE_ENABLE_ENCRYPTION, 0x40, NAME KEY), 0);
    for (int i = 0; i < 20 && !p.in_size; i++)
        bench_run(&b, INTERVAL_US / BENCH_MS);
    assert_int_equal(p.in[0], PAUSE_ENC_REQ);
    p.opening = false;
    say(CONTROL, "0b");
    p.sealing = false;
    bench_run(&b, 4 * INTERVAL_US / BENCH_MS);
    assert_int_equal(p.in_size, 23);
    assert_int_equal(p.in[0], ENC_REQ);
    b.hosts[0].read = 0;
    assert_int_equal(bench_disconnected(&b.hosts[0]), -1);
}

static void test_a_link_does_not_go_on_without(void **state)
{
    (void)state;
    be_asked_again();
    say(CONTROL, "0d 06");
    assert_int_equal(bench_disconnected(&b.hosts[0]), HC_KEY_MISSING);
}

static void test_nothing_else_in_a_pause(void **state)
{
    static const char *const controls[] = {"12", "0c 0b ffff 0000", "07 03"};

    (void)state;
    be_asked_again();
    say(DATA, "616263");
    expect_mic_failure();
    for (size_t i = 0; i < sizeof controls / sizeof *controls; i++) {
        leave(NULL);
        assert_int_equal(meet(NULL), 0);
        be_asked_again();
        say(CONTROL, controls[i]);
        expect_mic_failure();
    }
}

static void test_the_end_may_come_meanwhile(void **state)
{
    (void)state;
    be_answered();
    say(CONTROL, "02 13");
    assert_int_equal(bench_disconnected(&b.hosts[0]), 0x13);
}

static void test_nothing_in_clear_afterwards(void **state)
{
    (void)state;
    for (unsigned kind = DATA; kind <= CONTROL; kind++) {
        be_encrypted();
        p.sealing = false;
        say(kind, "12 00 00 00 00 00");
        expect_mic_failure();
        leave(NULL);
        assert_int_equal(meet(NULL), 0);
    }
}

static void test_a_replayed_packet(void **state)
{
    (void)state;
    be_encrypted();
    say(DATA, "616263");
    p.sent--; /* as new, but with an old counter */
    say(DATA, "616263");
    assert_int_equal(bench_disconnected(&b.hosts[0]), HC_MIC_FAILURE);
    b.hosts[0].read = 0;
    assert_non_null(bench_acl(&b.hosts[0]));
    assert_null(bench_acl(&b.hosts[0])); /* it came once */
}

/* Out of their turn the procedure's PDUs mean nothing. */
static void test_steps_that_nobody_asked_for(void **state)
{
    static const struct {
        const char *said;
        uint8_t opcode;
    } steps[] = {{"04 2222222222222222 33333333", ENC_RSP},
                 {"05", START_ENC_REQ},
                 {"06", START_ENC_RSP},
                 {"0b", 0x0b},
                 {"03 1122334455667788 9abc 2222222222222222 33333333", ENC_REQ},
                 {"0a", 0x0a}};

    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        say(CONTROL, steps[i].said);
        assert_int_equal(p.in_size, 2);
        assert_int_equal(p.in[0], UNKNOWN_RSP);
        assert_int_equal(p.in[1], steps[i].opcode);
    }
    expect_alive();
}

/* Nobody has to write the timeout: it is 30 s from the start, and half of it before the peer is asked. */
static void test_the_timeout_of_payloads_from_the_start(void **state)
{
    (void)state;
    be_encrypted();
    p.in_size = 0;
    bench_run(&b, 14500);
    assert_int_equal(p.in_size, 0);
    bench_run(&b, 1000);
    assert_int_equal(p.in_size, 1);
    assert_int_equal(p.in[0], 0x12); /* LL_PING_REQ */
    assert_false(p.forged);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, meet, leave)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_peripheral_of_another_make),
        TEST(test_halves_are_random),
        TEST(test_what_may_not_come_meanwhile),
        TEST(test_a_refusal_may_come_until_the_start),
        TEST(test_a_link_does_not_go_on_without),
        TEST(test_nothing_else_in_a_pause),
        TEST(test_the_end_may_come_meanwhile),
        TEST(test_nothing_in_clear_afterwards),
        TEST(test_a_replayed_packet),
        TEST(test_steps_that_nobody_asked_for),
        TEST(test_the_timeout_of_payloads_from_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
