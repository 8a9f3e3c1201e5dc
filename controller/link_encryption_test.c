/* Encryption of links: start, refusal, restart, what is held, what must end the link, and authenticated payloads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/test_peer.h"

#define NAME "1122334455667788 9abc" /* Random_Number and Encrypted_Diversifier */
#define KEY  "bf01fb9d4ef3bc36d874f53941680f4c"
#define KEY2 "bf01fb9d4ef3bc36d874f53941680f4d"

static bench b;
static peer p;
static uint16_t handle[2];

static int open_two(void **state)
{
    (void)state;
    bench_open(&b, 101, 2);
    return !bench_connect(&b, 0, 1, &handle[0], &handle[1]);
}
static int open_with_peer(void **state)
{
    (void)state;
    return !peer_meet(&p, &b, 102);
}
static int close_bench(void **state)
{
    (void)state;
    peer_leave(&p, &b);
    return 0;
}

static int enable(const char *key)
{
    char hex[80];

    snprintf(hex, sizeof hex, NAME " %s", key);
    return bench_link_command(&b.hosts[0], HC_LE_ENABLE_ENCRYPTION, handle[0], hex);
}

/* Lets the air run until the peripheral's host is asked for the key. */
static bool asked(void)
{
    for (int i = 0; i < 3000; i++) {
        const bench_note *note = bench_meta(&b.hosts[1], HC_LE_LONG_TERM_KEY_REQUEST);

        if (note)
            return note->size == 3 + 13 && amble__get_le16(note->bytes + 4) == handle[1] &&
                   memcmp(note->bytes + 6, "\x11\x22\x33\x44\x55\x66\x77\x88\x9a\xbc", 10) == 0;
        bench_run(&b, 1);
    }
    return false;
}

static int reply(const char *key)
{
    return bench_link_command(&b.hosts[1], HC_LE_LONG_TERM_KEY_REQUEST_REPLY, handle[1], key);
}
static int negative_reply(void)
{
    return bench_link_command(&b.hosts[1], HC_LE_LONG_TERM_KEY_REQUEST_NEGATIVE_REPLY, handle[1], "");
}

/* The status of the next Encryption Change; -1 for none. */
static int changed(int host)
{
    const bench_note *note = bench_event(&b.hosts[host], HC_ENCRYPTION_CHANGE, 0);

    if (!note)
        return -1;
    assert_int_equal(note->size, 3 + 4);
    assert_int_equal(amble__get_le16(note->bytes + 4), handle[host]);
    assert_int_equal(note->bytes[6], note->bytes[3] ? 0 : 1);
    return note->bytes[3];
}
static int refreshed(int host)
{
    const bench_note *note = bench_event(&b.hosts[host], HC_ENCRYPTION_KEY_REFRESH_COMPLETE, 0);
    return note ? note->bytes[3] : -1;
}

static void encrypt(void)
{
    assert_int_equal(enable(KEY), 0);
    assert_true(asked());
    assert_int_equal(reply(KEY), 0);
    bench_run(&b, 500);
    assert_int_equal(changed(0), 0);
    assert_int_equal(changed(1), 0);
}

/* Data both ways, and what of it is on the air: how many packets of so many octets, and how many that begin as the data
 * does. */
static void exchange(unsigned counter, size_t *long_packets, size_t *readable)
{
    const uint64_t before[2] = {b.hosts[0].acl_bytes, b.hosts[1].acl_bytes};

    b.sniffed_count = *long_packets = *readable = 0;
    for (int i = 0; i < 2; i++)
        bench_send(&b.hosts[i], handle[i], counter, 20);
    bench_run(&b, 500);
    for (int i = 0; i < 2; i++)
        assert_int_equal(b.hosts[i].acl_bytes - before[i], 20);
    for (size_t i = 0; i < b.sniffed_count; i++) {
        *long_packets += b.sniffed[i].size == 2 + 20 + 4;
        *readable += amble__get_le32(b.sniffed[i].pdu + 2) == counter && b.sniffed[i].size > 4;
    }
}

/* --- starting ----------------------------------------------------------------------------------------------------- */

static void test_encrypts(void **state)
{
    size_t sealed, readable;

    (void)state;
    exchange(0x12345678, &sealed, &readable);
    assert_int_equal(sealed, 0);
    assert_int_equal(readable, 2);
    encrypt();
    exchange(0x12345678, &sealed, &readable);
    assert_int_equal(sealed, 2);
    assert_int_equal(readable, 0);
    assert_int_equal(bench_status(&b.hosts[0], HC_READ_REMOTE_VERSION, "4000"), 0); /* control PDUs too */
    bench_run(&b, 200);
    assert_int_equal(bench_event(&b.hosts[0], HC_READ_REMOTE_VERSION_COMPLETE, 0)->bytes[3], 0);
    assert_int_equal(bench_disconnect(&b.hosts[0], handle[0]), 0);
    bench_run(&b, 200);
    assert_int_equal(bench_disconnected(&b.hosts[1]), 0x13);
}

static void test_what_hosts_may_not_ask(void **state)
{
    (void)state;
    assert_int_equal(bench_link_command(&b.hosts[1], HC_LE_ENABLE_ENCRYPTION, handle[1], NAME KEY), HC_DISALLOWED);
    assert_int_equal(bench_link_command(&b.hosts[0], HC_LE_ENABLE_ENCRYPTION, 0xeff, NAME KEY), HC_UNKNOWN_CONNECTION);
    assert_int_equal(reply(KEY), HC_DISALLOWED);
    assert_int_equal(negative_reply(), HC_DISALLOWED);
    assert_int_equal(bench_link_command(&b.hosts[1], HC_LE_LONG_TERM_KEY_REQUEST_REPLY, 0xeff, KEY),
                     HC_UNKNOWN_CONNECTION);
    assert_int_equal(enable(KEY), 0);
    assert_int_equal(enable(KEY), HC_DISALLOWED);
    assert_true(asked());
    assert_int_equal(reply(KEY), 0);
    assert_int_equal(reply(KEY), HC_DISALLOWED);
    assert_int_equal(negative_reply(), HC_DISALLOWED);
    bench_run(&b, 300);
    assert_int_equal(changed(0), 0);
}

/* `opcode` is that of the refusal on the air. */
static void expect_refusal(unsigned opcode)
{
    size_t refusals = 0, sealed, readable;

    bench_run(&b, 300);
    for (size_t i = 0; i < b.sniffed_count; i++)
        refusals += (b.sniffed[i].pdu[0] & 3) == 3 && b.sniffed[i].pdu[2] == opcode;
    assert_true(refusals > 0);
    assert_int_equal(changed(0), HC_KEY_MISSING);
    assert_int_equal(changed(1), -1);
    exchange(5, &sealed, &readable); /* the link stays as it was */
    assert_int_equal(readable, 2);
    for (int i = 0; i < 2; i++)
        assert_int_equal(bench_disconnected(&b.hosts[i]), -1);
}

static void test_no_key(void **state)
{
    (void)state;
    b.sniffed_count = 0;
    assert_int_equal(enable(KEY), 0);
    assert_true(asked());
    assert_int_equal(negative_reply(), 0);
    expect_refusal(0x0d);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_READ_REMOTE_FEATURES, "4000"), 0);
    bench_run(&b, 200);
    b.sniffed_count = 0;
    assert_int_equal(enable(KEY), 0); /* to a peer that is known to understand it, the refusal says of what */
    assert_true(asked());
    assert_int_equal(negative_reply(), 0);
    expect_refusal(0x11);
    encrypt();
}

static void test_a_host_that_does_not_want_to_be_asked(void **state)
{
    (void)state;
    bench_command(&b.hosts[1], HC_LE_SET_EVENT_MASK, "efffffffffffffff");
    b.sniffed_count = 0;
    assert_int_equal(enable(KEY), 0);
    expect_refusal(0x0d);
    assert_int_equal(bench_count(&b.hosts[1], HC_LE_META, HC_LE_LONG_TERM_KEY_REQUEST), 0);
}

/* The peripheral gets the first encrypted packet, so it is the one that sees that the MIC is wrong. */
static void test_wrong_key(void **state)
{
    (void)state;
    assert_int_equal(enable(KEY), 0);
    assert_true(asked());
    assert_int_equal(reply(KEY2), 0);
    bench_run(&b, 2000);
    assert_int_equal(changed(0), -1);
    assert_int_equal(changed(1), -1);
    assert_int_equal(bench_disconnected(&b.hosts[1]), HC_MIC_FAILURE);
    assert_int_equal(bench_disconnected(&b.hosts[0]), HC_CONNECTION_TIMEOUT);
}

static void test_a_host_that_never_answers(void **state)
{
    (void)state;
    assert_int_equal(enable(KEY), 0);
    assert_true(asked());
    bench_run(&b, 39000);
    assert_int_equal(bench_disconnected(&b.hosts[0]), -1);
    bench_run(&b, 2500);
    assert_int_equal(bench_disconnected(&b.hosts[0]), HC_LL_RESPONSE_TIMEOUT);
    assert_int_equal(bench_disconnected(&b.hosts[1]), HC_LL_RESPONSE_TIMEOUT);
}

static void test_a_disconnect_waits_for_no_key(void **state)
{
    (void)state;
    for (int ends = 0; ends < 2; ends++) {
        assert_int_equal(enable(KEY), 0);
        assert_true(asked());
        assert_int_equal(bench_disconnect(&b.hosts[ends], handle[ends]), 0);
        bench_run(&b, 200);
        assert_int_equal(bench_disconnected(&b.hosts[ends]), HC_TERMINATED_BY_LOCAL_HOST);
        assert_int_equal(bench_disconnected(&b.hosts[!ends]), 0x13);
        assert_true(bench_connect(&b, 0, 1, &handle[0], &handle[1]));
    }
}

/* --- what is held ------------------------------------------------------------------------------------------------- */

static void test_data_waits_and_is_then_encrypted(void **state)
{
    size_t sealed = 0;

    (void)state;
    assert_int_equal(enable(KEY), 0);
    assert_true(asked());
    b.sniffed_count = 0;
    for (int i = 0; i < 2; i++)
        for (unsigned k = 0; k < 3; k++)
            bench_send(&b.hosts[i], handle[i], k, 20);
    assert_int_equal(bench_link_command(&b.hosts[1], HC_LE_SET_PHY, handle[1], "00 02 02 0000"), 0);
    bench_run(&b, 1000);
    for (size_t i = 0; i < b.sniffed_count; i++)
        assert_int_equal(b.sniffed[i].size, 2);
    assert_int_equal(reply(KEY), 0);
    bench_run(&b, 1000);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(changed(i), 0);
        assert_int_equal(b.hosts[i].acl_bytes, 60);
        assert_int_equal(b.hosts[i].completed, 3);
        assert_int_equal(bench_meta(&b.hosts[i], HC_LE_PHY_UPDATE_COMPLETE)->bytes[7], 2);
    }
    for (size_t i = 0; i < b.sniffed_count; i++)
        sealed += b.sniffed[i].size == 26;
    assert_int_equal(sealed, 6);
}

/* Procedures that begin at the same moment on either side, in every order: each has its end. */
static void test_beside_other_procedures(void **state)
{
    (void)state;
    for (int turn = 0; turn < 8; turn++) {
        bench_run(&b, 7 * (uint64_t)turn);
        if (turn & 1)
            assert_int_equal(enable(KEY), 0);
        assert_int_equal(
            bench_link_command(&b.hosts[1], HC_LE_SET_PHY, handle[1], turn & 2 ? "00 01 01 0000" : "00 02 02 0000"), 0);
        assert_int_equal(bench_link_command(&b.hosts[1], HC_LE_READ_REMOTE_FEATURES, handle[1], ""), 0);
        assert_int_equal(bench_link_command(&b.hosts[0], HC_LE_READ_REMOTE_FEATURES, handle[0], ""), 0);
        assert_int_equal(
            bench_status(&b.hosts[0], HC_LE_SET_HOST_CHANNEL_CLASSIFICATION, turn & 1 ? "000660001e" : "ffffffff1f"),
            0);
        if (turn & 4)
            bench_run(&b, 40);
        if (!(turn & 1))
            assert_int_equal(enable(KEY), 0);
        assert_true(asked());
        bench_run(&b, 35 * (uint64_t)turn);
        assert_int_equal(reply(KEY), 0);
        bench_run(&b, 2000);
        for (int i = 0; i < 2; i++) {
            b.hosts[i].read = 0;
            assert_int_equal(turn ? refreshed(i) : changed(i), 0);
            b.hosts[i].read = 0;
            assert_int_equal(bench_meta(&b.hosts[i], HC_LE_READ_REMOTE_FEATURES_COMPLETE)->bytes[4], 0);
            b.hosts[i].read = 0;
            assert_int_equal(bench_disconnected(&b.hosts[i]), -1);
        }
        b.hosts[1].read = 0;
        assert_int_equal(bench_meta(&b.hosts[1], HC_LE_PHY_UPDATE_COMPLETE)->bytes[4], 0);
        bench_forget(&b.hosts[0]);
        bench_forget(&b.hosts[1]);
    }
}

/* Each mask alone hides its own: what one host hears of, the other does not. */
static void test_masked_events(void **state)
{
    static const struct {
        unsigned code, subevent;
    } events[] = {
        {HC_ENCRYPTION_CHANGE, 0},
        {HC_ENCRYPTION_KEY_REFRESH_COMPLETE, 0},
        {HC_LE_META, HC_LE_CONNECTION_UPDATE_COMPLETE},
        {HC_LE_META, HC_LE_DATA_LENGTH_CHANGE},
        {HC_LE_META, HC_LE_PHY_UPDATE_COMPLETE},
    };

    (void)state;
    bench_command(&b.hosts[1], HC_SET_EVENT_MASK, "7fffffffff7fffff");
    bench_command(&b.hosts[1], HC_LE_SET_EVENT_MASK, "9bf5ffffffffffff"); /* nor the request for parameters */
    for (int round = 0; round < 2; round++) {
        assert_int_equal(enable(KEY), 0);
        assert_true(asked());
        assert_int_equal(reply(KEY), 0);
        bench_run(&b, 500);
    }
    assert_int_equal(bench_link_command(&b.hosts[0], HC_LE_SET_PHY, handle[0], "00 02 02 0000"), 0);
    assert_int_equal(bench_link_command(&b.hosts[0], HC_LE_SET_DATA_LENGTH, handle[0], "fb00 4808"), 0);
    assert_int_equal(
        bench_link_command(&b.hosts[0], HC_LE_CONNECTION_UPDATE, handle[0], "2000 2000 0000 6400 0000 0000"), 0);
    bench_run(&b, 2000);
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        assert_int_equal(bench_count(&b.hosts[0], events[i].code, events[i].subevent), 1);
        assert_int_equal(bench_count(&b.hosts[1], events[i].code, events[i].subevent), 0);
    }
}

/* A change that is being agreed on is announced first, since an announcement that is held would come too late. */
static void test_waits_for_what_must_be_announced(void **state)
{
    static const char parameters[] = "2000 2000 0000 9001 0000 0000";

    (void)state;
    assert_int_equal(bench_link_command(&b.hosts[1], HC_LE_CONNECTION_UPDATE, handle[1], parameters), 0);
    bench_run(&b, 200);
    assert_non_null(bench_meta(&b.hosts[0], HC_LE_REMOTE_PARAMETER_REQUEST));
    assert_int_equal(enable(KEY), 0);
    bench_run(&b, 200);
    assert_int_equal(bench_count(&b.hosts[1], HC_LE_META, HC_LE_LONG_TERM_KEY_REQUEST), 0);
    assert_int_equal(bench_link_command(&b.hosts[0], HC_LE_REMOTE_PARAMETER_REQUEST_REPLY, handle[0], parameters), 0);
    assert_true(asked());
    bench_run(&b, 2000);
    assert_int_equal(reply(KEY), 0);
    bench_run(&b, 500);
    b.hosts[1].read = 0;
    assert_int_equal(changed(1), 0);
    assert_int_equal(bench_count(&b.hosts[0], HC_LE_META, HC_LE_CONNECTION_UPDATE_COMPLETE), 1);
    assert_int_equal(bench_disconnected(&b.hosts[0]), -1);
}

/* --- restarting --------------------------------------------------------------------------------------------------- */

static void test_a_new_key(void **state)
{
    size_t sealed, readable;

    (void)state;
    encrypt();
    for (unsigned k = 0; k < 3; k++) {
        const char *key = k & 1 ? KEY : KEY2;

        assert_int_equal(enable(key), 0);
        for (int i = 0; i < 2; i++)
            bench_send(&b.hosts[i], handle[i], k, 20);
        assert_true(asked());
        assert_int_equal(reply(key), 0);
        bench_run(&b, 500);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(refreshed(i), 0);
            assert_int_equal(changed(i), -1);
        }
        exchange(k, &sealed, &readable);
        assert_int_equal(sealed, 2);
        assert_int_equal(readable, 0);
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(b.hosts[i].acl_bytes, 6 * 20);
}

/* A link that was encrypted does not go on without (5.1.3.2). */
static void test_a_new_key_that_is_missing(void **state)
{
    (void)state;
    encrypt();
    assert_int_equal(enable(KEY2), 0);
    assert_true(asked());
    assert_int_equal(negative_reply(), 0);
    bench_run(&b, 500);
    assert_int_equal(refreshed(0), -1);
    assert_int_equal(bench_disconnected(&b.hosts[0]), HC_KEY_MISSING);
    assert_int_equal(bench_disconnected(&b.hosts[1]), HC_TERMINATED_BY_LOCAL_HOST);
}

static void test_a_new_key_that_is_wrong(void **state)
{
    (void)state;
    encrypt();
    assert_int_equal(enable(KEY), 0);
    assert_true(asked());
    assert_int_equal(reply(KEY2), 0);
    bench_run(&b, 2000);
    assert_int_equal(bench_disconnected(&b.hosts[1]), HC_MIC_FAILURE);
    assert_int_equal(bench_disconnected(&b.hosts[0]), HC_CONNECTION_TIMEOUT);
}

/* --- under loss --------------------------------------------------------------------------------------------------- */

/* Takes the data that came, in order, each packet once. */
static unsigned check_data(bench_host *host)
{
    unsigned count = 0;

    host->read = 0;
    for (const bench_note *n; (n = bench_acl(host)); count++)
        assert_int_equal(amble__get_le32(n->bytes + 5), count);
    return count;
}

static void encrypt_under_loss(uint64_t seed, uint32_t loss)
{
    unsigned sent = 0;

    bench_close(&b);
    bench_open(&b, seed, 2);
    assert_true(bench_connect_with(&b, 0, 1, 16, 0, 400, &handle[0], &handle[1]));
    amble__air_set_loss(b.air, loss);
    for (size_t round = 0; round < 3; round++) {
        for (int k = 0; k < 3; k++, sent++)
            for (int i = 0; i < 2; i++)
                bench_send(&b.hosts[i], handle[i], sent, 20);
        assert_int_equal(enable(KEY), 0);
        for (int i = 0; i < 2; i++)
            bench_send(&b.hosts[i], handle[i], sent, 20);
        sent++;
        for (int i = 0; i < 1500 && bench_count(&b.hosts[1], HC_LE_META, HC_LE_LONG_TERM_KEY_REQUEST) == round; i++)
            bench_run(&b, 1);
        assert_int_equal(reply(KEY), 0);
        bench_run(&b, 1500);
        for (int i = 0; i < 2; i++) {
            b.hosts[i].read = 0;
            assert_int_equal(bench_disconnected(&b.hosts[i]), -1);
            assert_int_equal(bench_count(&b.hosts[i], HC_ENCRYPTION_CHANGE, 0), 1);
            assert_int_equal(bench_count(&b.hosts[i], HC_ENCRYPTION_KEY_REFRESH_COMPLETE, 0), round);
            assert_int_equal(check_data(&b.hosts[i]), sent);
        }
    }
}

static void test_the_same_outcome_under_loss(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        encrypt_under_loss(seed, 0);
        encrypt_under_loss(seed, 50000);
        encrypt_under_loss(seed, 200000);
    }
}

/* --- authenticated payloads --------------------------------------------------------------------------------------- */

static int write_timeout(int host, const char *timeout)
{
    return bench_link_command(&b.hosts[host], HC_WRITE_AUTHENTICATED_PAYLOAD_TIMEOUT, handle[host], timeout);
}

static void unmask_page_2(bench_host *host) { bench_command(host, HC_SET_EVENT_MASK_PAGE_2, "0000800000000000"); }

static void test_pings_keep_the_payload_authenticated(void **state)
{
    size_t pings = 0;

    (void)state;
    assert_memory_equal(bench_command(&b.hosts[0], HC_READ_AUTHENTICATED_PAYLOAD_TIMEOUT, "4000"),
                        "\x00\x40\x00\xb8\x0b", 5);
    unmask_page_2(&b.hosts[0]);
    unmask_page_2(&b.hosts[1]);
    encrypt();
    assert_int_equal(write_timeout(0, "0200"), HC_INVALID_PARAMETERS); /* less than an interval */
    assert_int_equal(write_timeout(0, "6400"), 0);
    assert_memory_equal(bench_command(&b.hosts[0], HC_READ_AUTHENTICATED_PAYLOAD_TIMEOUT, "4000"),
                        "\x00\x40\x00\x64\x00", 5);
    b.sniffed_count = 0;
    bench_run(&b, 10000);
    for (size_t i = 0; i < b.sniffed_count; i++)
        pings += b.sniffed[i].size == 2 + 1 + 4;
    assert_in_range(pings, 2 * 15, 2 * 25); /* one each way in half a second or a little more */
    for (int i = 0; i < 2; i++)
        assert_int_equal(bench_count(&b.hosts[i], HC_AUTHENTICATED_PAYLOAD_TIMEOUT_EXPIRED, 0), 0);
    assert_int_equal(bench_link_command(&b.hosts[0], HC_WRITE_AUTHENTICATED_PAYLOAD_TIMEOUT, 0xeff, "6400"),
                     HC_UNKNOWN_CONNECTION);
}

/* --- against a peer ----------------------------------------------------------------------------------------------- */

static void expect_answer(const char *sent, const char *answer)
{
    uint8_t expected[32];
    const size_t size = bench_hex(expected, answer);

    assert_true(peer_control(&p, sent));
    assert_int_equal(p.size, size);
    assert_memory_equal(p.payload, expected, size);
}

static void ask_for_encryption(void)
{
    static const uint8_t none[8] = {0};

    assert_true(peer_ask_for_encryption(&p));
    assert_memory_not_equal(p.payload + 1, none, 8); /* its halves are random */
    assert_memory_not_equal(p.payload + 9, none, 4);
    assert_non_null(bench_meta(&b.hosts[0], HC_LE_LONG_TERM_KEY_REQUEST));
}

static void start_encryption(void)
{
    ask_for_encryption();
    assert_true(peer_start_encryption(&p, &b.hosts[0], 0x40));
    handle[0] = 0x40;
    assert_int_equal(changed(0), 0);
}

static void test_a_central_of_another_make(void **state)
{
    uint8_t first[24];

    (void)state;
    start_encryption();
    expect_answer("0c 0b ffff 0000", "0c 0c ffff 0100");
    assert_true(peer_send(&p, 2, "abc", 3));
    assert_memory_equal(bench_acl(&b.hosts[0])->bytes + 5, "abc", 3);
    p.sn ^= 1; /* the acknowledgement was lost: the same packet again, with the same counter */
    p.sent--;
    assert_true(peer_send(&p, 2, "abc", 3));
    assert_null(bench_acl(&b.hosts[0]));
    bench_send(&b.hosts[0], 0x40, 7, 20);
    assert_true(peer_poll(&p));
    assert_int_equal(p.size, 20);
    assert_int_equal(p.payload[0], 7);
    assert_false(p.forged);
    memset(first, 0, sizeof first);
    p.deaf = true; /* and its packet is the same, bit for bit, until it is acknowledged */
    bench_send(&b.hosts[0], 0x40, 8, 20);
    for (int i = 0; i < 2; i++) {
        assert_true(peer_poll(&p));
        assert_int_equal(p.size, 24);
        assert_true(!i || memcmp(first, p.payload, sizeof first) == 0);
        memcpy(first, p.payload, sizeof first);
    }
    p.deaf = false;
    assert_true(peer_poll(&p));
    assert_int_equal(p.payload[0], 8);
    assert_false(p.forged);
}

/* Answers that are held fill the queue; encryption goes on all the same, and they come behind it. */
static void test_a_queue_that_is_full_of_answers(void **state)
{
    unsigned answers = 0;

    (void)state;
    p.deaf = true;
    for (int i = 0; i < 4; i++)
        assert_true(peer_send(&p, 3, "\x12", 1));
    assert_int_equal(bench_status(&b.hosts[0], HC_READ_REMOTE_VERSION, "4000"), 0);
    p.deaf = false;
    start_encryption();
    answers += p.payload[0] == 0x13;
    for (int i = 0; i < 8; i++) {
        assert_true(peer_poll(&p));
        answers += p.size == 1 && p.payload[0] == 0x13;
    }
    assert_int_equal(answers, 3); /* and one before the hold */
    assert_false(p.forged);
}

static void expect_mic_failure(void)
{
    assert_int_equal(bench_disconnected(&b.hosts[0]), HC_MIC_FAILURE);
    assert_false(peer_poll(&p));
}

static void test_a_replayed_packet(void **state)
{
    (void)state;
    start_encryption();
    assert_true(peer_send(&p, 2, "abc", 3));
    p.sent--; /* as new, but with an old counter */
    (void)peer_send(&p, 2, "abc", 3);
    expect_mic_failure();
    b.hosts[0].read = 0;
    assert_non_null(bench_acl(&b.hosts[0]));
    assert_null(bench_acl(&b.hosts[0])); /* it came once */
}

static void test_a_plain_packet_on_an_encrypted_link(void **state)
{
    (void)state;
    for (size_t size = 1; size <= 8; size += 7) {
        start_encryption();
        p.sealing = false;
        (void)peer_send(&p, size & 1 ? 3 : 2, "\x12 abcdefg", size);
        expect_mic_failure();
        close_bench(NULL);
        assert_int_equal(open_with_peer(NULL), 0);
    }
}

static void test_a_packet_thrown_back(void **state)
{
    uint8_t its_own[24];

    (void)state;
    start_encryption();
    p.opening = false;
    bench_send(&b.hosts[0], 0x40, 0, 20);
    assert_true(peer_poll(&p));
    assert_int_equal(p.size, sizeof its_own);
    memcpy(its_own, p.payload, sizeof its_own);
    p.sealing = false;
    (void)peer_send(&p, 2, its_own, sizeof its_own);
    expect_mic_failure();
}

static void test_what_may_not_come_meanwhile(void **state)
{
    static const char *const controls[] = {
        "0c 0b ffff 0000", "06", "03 00000000000000000000000000000000000000000000", "0a", "0b", "12"};

    (void)state;
    ask_for_encryption();
    (void)peer_send(&p, 2, "abc", 3);
    expect_mic_failure();
    for (size_t i = 0; i < sizeof controls / sizeof *controls; i++) {
        uint8_t bytes[32];

        close_bench(NULL);
        assert_int_equal(open_with_peer(NULL), 0);
        ask_for_encryption();
        (void)peer_send(&p, 3, bytes, bench_hex(bytes, controls[i]));
        expect_mic_failure();
    }
}

static void test_the_end_may_come_meanwhile(void **state)
{
    (void)state;
    ask_for_encryption();
    assert_true(peer_send(&p, 3, "\x02\x13", 2));
    assert_int_equal(bench_disconnected(&b.hosts[0]), 0x13);
}

/* Before pairing there is no key, whatever the central says. */
static void test_encryption_before_pairing(void **state)
{
    (void)state;
    ask_for_encryption();
    assert_int_equal(bench_link_command(&b.hosts[0], HC_LE_LONG_TERM_KEY_REQUEST_NEGATIVE_REPLY, 0x40, ""), 0);
    for (int i = 0; i < 3 && p.size != 2; i++)
        assert_true(peer_poll(&p));
    assert_memory_equal(p.payload, "\x0d\x06", 2);
    assert_true(peer_send(&p, 2, "abc", 3));
    assert_memory_equal(bench_acl(&b.hosts[0])->bytes + 5, "abc", 3);
    expect_answer("06", "07 06"); /* out of turn */
    expect_answer("05", "07 05"); /* for centrals only */
    expect_answer("0a", "07 0a"); /* nothing is encrypted */
    expect_answer("0b", "07 0b");
    assert_int_equal(changed(0), -1);
    assert_int_equal(bench_disconnected(&b.hosts[0]), -1);
}

/* Encrypted or not, a link is not encrypted a second time without a pause. */
static void test_a_start_without_a_pause(void **state)
{
    (void)state;
    start_encryption();
    expect_answer(PEER_ENC_REQ, "07 03");
    assert_null(bench_meta(&b.hosts[0], HC_LE_LONG_TERM_KEY_REQUEST));
}

static void test_a_pause(void **state)
{
    (void)state;
    start_encryption();
    bench_send(&b.hosts[0], 0x40, 9, 20);
    expect_answer("0a", "0b");
    p.sealing = p.opening = false;
    assert_true(peer_send(&p, 3, "\x0b", 1));
    for (int i = 0; i < 3; i++) {
        assert_true(peer_poll(&p));
        assert_int_equal(p.size, 0); /* the host's packet is not sent in the clear */
    }
    ask_for_encryption();
    assert_true(peer_start_encryption(&p, &b.hosts[0], 0x40));
    assert_int_equal(refreshed(0), 0);
    for (int i = 0; i < 3 && p.size != 20; i++)
        assert_true(peer_poll(&p));
    assert_int_equal(p.payload[0], 9);
    assert_false(p.forged);
}

static void test_data_in_a_pause(void **state)
{
    (void)state;
    start_encryption();
    expect_answer("0a", "0b");
    p.sealing = p.opening = false;
    assert_true(peer_send(&p, 3, "\x0b", 1));
    (void)peer_send(&p, 2, "abc", 3);
    expect_mic_failure();
}

/* A peer that keeps the link but sends nothing that is authenticated: the host hears of it each time. */
static void test_payloads_that_are_not_authenticated(void **state)
{
    uint64_t start;
    const bench_note *note;

    (void)state;
    unmask_page_2(&b.hosts[0]);
    start_encryption();
    assert_true(peer_send(&p, 2, "abc", 3));
    start = amble__air_now(b.air);
    assert_int_equal(write_timeout(0, "6400"), 0);
    for (int i = 0; i < 80; i++)
        assert_true(peer_poll(&p));
    note = bench_event(&b.hosts[0], HC_AUTHENTICATED_PAYLOAD_TIMEOUT_EXPIRED, 0);
    assert_non_null(note);
    assert_int_equal(note->size, 5);
    assert_int_equal(amble__get_le16(note->bytes + 3), 0x40);
    assert_in_range(note->at_us, start + 990000, start + 1001000);
    note = bench_event(&b.hosts[0], HC_AUTHENTICATED_PAYLOAD_TIMEOUT_EXPIRED, 0);
    assert_non_null(note);
    assert_in_range(note->at_us, start + 1990000, start + 2001000);
}

#define TEST(name)      cmocka_unit_test_setup_teardown(name, open_two, close_bench)
#define PEER_TEST(name) cmocka_unit_test_setup_teardown(name, open_with_peer, close_bench)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_encrypts),
        TEST(test_what_hosts_may_not_ask),
        TEST(test_no_key),
        TEST(test_a_host_that_does_not_want_to_be_asked),
        TEST(test_wrong_key),
        TEST(test_a_host_that_never_answers),
        TEST(test_a_disconnect_waits_for_no_key),
        TEST(test_data_waits_and_is_then_encrypted),
        TEST(test_beside_other_procedures),
        TEST(test_waits_for_what_must_be_announced),
        TEST(test_masked_events),
        TEST(test_a_new_key),
        TEST(test_a_new_key_that_is_missing),
        TEST(test_a_new_key_that_is_wrong),
        TEST(test_the_same_outcome_under_loss),
        TEST(test_pings_keep_the_payload_authenticated),
        PEER_TEST(test_a_central_of_another_make),
        PEER_TEST(test_a_queue_that_is_full_of_answers),
        PEER_TEST(test_a_replayed_packet),
        PEER_TEST(test_a_plain_packet_on_an_encrypted_link),
        PEER_TEST(test_a_packet_thrown_back),
        PEER_TEST(test_what_may_not_come_meanwhile),
        PEER_TEST(test_the_end_may_come_meanwhile),
        PEER_TEST(test_encryption_before_pairing),
        PEER_TEST(test_a_start_without_a_pause),
        PEER_TEST(test_a_pause),
        PEER_TEST(test_data_in_a_pause),
        PEER_TEST(test_payloads_that_are_not_authenticated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
