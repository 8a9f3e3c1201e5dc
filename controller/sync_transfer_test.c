/* Periodic advertising sync transfer: between three controllers, one with a train, one that follows it and one that is
 * told, and against a peer that says what it likes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/extended_bench.h"
#include "controller/test_peer.h"

#define ACCEPT "02 0000 6400 00" /* with reports; lost after 1 s */

enum { SENDER, FOLLOWER, TOLD };

static bench b;
static peer p;

static int open_three(void **state)
{
    (void)state;
    bench_open(&b, 91, 3);
    for (int i = 0; i < 3; i++)
        bench_unmask(&b.hosts[i]);
    return 0;
}
static int close_bench(void **state)
{
    (void)state;
    bench_close(&b);
    return 0;
}
static int open_with_peer(void **state)
{
    const bool met = peer_meet(&p, &b, 92);

    (void)state;
    bench_unmask(&b.hosts[0]);
    return !met;
}
static int close_with_peer(void **state)
{
    (void)state;
    peer_leave(&p, &b);
    return 0;
}

/* --- the scene ---------------------------------------------------------------------------------------------------- */

/* Host SENDER has a train of these intervals (units of 1.25 ms). */
static void start_train(unsigned interval)
{
    char hex[40];

    assert_int_equal(extended_set_up(&b.hosts[SENDER], 5, 0, 1, 2), 0);
    snprintf(hex, sizeof hex, "05 %02x%02x %02x%02x 0000", interval & 0xff, interval >> 8, interval & 0xff,
             interval >> 8);
    assert_int_equal(bench_status(&b.hosts[SENDER], HC_LE_SET_PERIODIC_ADVERTISING_PARAMETERS, hex), 0);
    assert_int_equal(extended_data(&b.hosts[SENDER], HC_LE_SET_PERIODIC_ADVERTISING_DATA, 5, 20), 0);
    assert_int_equal(bench_status(&b.hosts[SENDER], HC_LE_SET_PERIODIC_ADVERTISING_ENABLE, "01 05"), 0);
    assert_int_equal(extended_enable(&b.hosts[SENDER], 5, 0, 0), 0);
}

/* FOLLOWER's synchronisation; its handle. */
static uint16_t follow(void)
{
    bench_host *host = &b.hosts[FOLLOWER];
    const bench_note *note;

    assert_int_equal(extended_scan(host, 1, false, true), 0);
    assert_int_equal(bench_status(host, HC_LE_PERIODIC_ADVERTISING_CREATE_SYNC, "00 05 00 a000000000c0 0000 0040 00"),
                     0);
    for (int i = 0; i < 40 && !bench_count(host, HC_LE_META, HC_LE_SYNC_ESTABLISHED); i++)
        bench_run(&b, 1000);
    note = bench_meta(host, HC_LE_SYNC_ESTABLISHED);
    assert_non_null(note);
    assert_int_equal(note->bytes[4], 0);
    bench_status(host, HC_LE_SET_EXTENDED_SCAN_ENABLE, "00 00 0000 0000");
    return amble__get_le16(note->bytes + 5);
}

/* A link from one to the other, whose features are known to both. */
static void link_up(int central, int peripheral, uint16_t *central_handle, uint16_t *peripheral_handle)
{
    bench_host *from = &b.hosts[central], *to = &b.hosts[peripheral];
    const bench_note *note;

    assert_int_equal(extended_set_up(to, 1, 0x01, 1, 1), 0);
    assert_int_equal(extended_enable(to, 1, 0, 0), 0);
    assert_int_equal(extended_connect(from, peripheral, 1), 0);
    bench_run(&b, 400);
    note = bench_meta(from, HC_LE_CONNECTION_COMPLETE);
    assert_non_null(note);
    *central_handle = amble__get_le16(note->bytes + 5);
    note = bench_meta(to, HC_LE_CONNECTION_COMPLETE);
    assert_non_null(note);
    *peripheral_handle = amble__get_le16(note->bytes + 5);
    bench_link_command(from, HC_LE_READ_REMOTE_FEATURES, *central_handle, "");
    bench_run(&b, 500);
}

static int accept_transfer(int host, uint16_t handle, const char *how)
{
    return bench_link_command(&b.hosts[host], HC_LE_SET_SYNC_TRANSFER_PARAMETERS, handle, how);
}

/* What the event must say; the handle of the sync. */
static uint16_t expect_transfer(int host, uint16_t connection, unsigned interval)
{
    const bench_note *note = bench_meta(&b.hosts[host], HC_LE_SYNC_TRANSFER_RECEIVED);

    assert_non_null(note);
    assert_int_equal(note->size, 4 + 19);
    assert_int_equal(note->bytes[4], 0);
    assert_int_equal(amble__get_le16(note->bytes + 5), connection);
    assert_int_equal(amble__get_le16(note->bytes + 7), 0xbeef);                       /* service data */
    assert_memory_equal(note->bytes + 11, "\x05\x00\xa0\x00\x00\x00\x00\xc0\x02", 9); /* set, address, PHY */
    assert_int_equal(amble__get_le16(note->bytes + 20), interval);
    return amble__get_le16(note->bytes + 9);
}

static size_t reports_of(int host)
{
    size_t reports = 0;

    while (bench_meta(&b.hosts[host], HC_LE_PERIODIC_ADVERTISING_REPORT))
        reports++;
    return reports;
}

/* --- between controllers ------------------------------------------------------------------------------------------ */

/* Who has the train tells of it, as central and as peripheral; the one that is told never scans. */
static void test_the_sender_tells(void **state)
{
    (void)state;
    for (int central = 0; central < 2; central++) {
        uint16_t handles[2], sync;
        const uint16_t *told = &handles[central], *teller = &handles[!central];

        for (int i = 0; i < 3; i++) {
            bench_status(&b.hosts[i], HC_RESET, "");
            bench_unmask(&b.hosts[i]);
            bench_forget(&b.hosts[i]);
        }
        start_train(80);
        link_up(central ? SENDER : TOLD, central ? TOLD : SENDER, &handles[0], &handles[1]);
        assert_int_equal(accept_transfer(TOLD, *told, ACCEPT), 0);
        assert_int_equal(
            bench_link_command(&b.hosts[SENDER], HC_LE_PERIODIC_ADVERTISING_SET_INFO_TRANSFER, *teller, "efbe 05"), 0);
        bench_run(&b, 400);
        sync = expect_transfer(TOLD, *told, 80);
        (void)reports_of(TOLD);
        bench_run(&b, 2000);
        assert_in_range(reports_of(TOLD), 18, 21);
        assert_int_equal(bench_count(&b.hosts[TOLD], HC_LE_META, HC_LE_EXTENDED_ADVERTISING_REPORT), 0);
        assert_int_equal(bench_link_command(&b.hosts[TOLD], HC_LE_PERIODIC_ADVERTISING_TERMINATE_SYNC, sync, ""), 0);
        bench_run(&b, 500);
        bench_forget(&b.hosts[TOLD]);
        bench_run(&b, 1000);
        assert_int_equal(reports_of(TOLD), 0);
    }
}

/* Who follows it hands it on; also one with so long intervals that the next event is many events of the link away. */
static void test_a_follower_hands_it_on(void **state)
{
    static const unsigned intervals[] = {6, 80, 800, 8000}; /* 7.5 ms to 10 s */

    (void)state;
    for (size_t i = 0; i < sizeof intervals / sizeof *intervals; i++) {
        uint16_t teller, told, sync;
        char hex[16];

        for (int k = 0; k < 3; k++) {
            bench_status(&b.hosts[k], HC_RESET, "");
            bench_unmask(&b.hosts[k]);
            bench_forget(&b.hosts[k]);
        }
        start_train(intervals[i]);
        sync = follow();
        link_up(FOLLOWER, TOLD, &teller, &told);
        assert_int_equal(accept_transfer(TOLD, told, "02 0000 0040 00"), 0);
        snprintf(hex, sizeof hex, "efbe %02x%02x", sync & 0xff, sync >> 8);
        assert_int_equal(bench_link_command(&b.hosts[FOLLOWER], HC_LE_PERIODIC_ADVERTISING_SYNC_TRANSFER, teller, hex),
                         0);
        bench_run(&b, 400 + intervals[i] * 2);
        expect_transfer(TOLD, told, intervals[i]);
        (void)reports_of(TOLD);
        bench_forget(&b.hosts[TOLD]);
        bench_run(&b, intervals[i] * 5);
        assert_in_range(reports_of(TOLD), 2, 5);
    }
}

static void test_modes(void **state)
{
    uint16_t teller, told;

    (void)state;
    start_train(80);
    link_up(SENDER, TOLD, &teller, &told);
#define TELL() bench_link_command(&b.hosts[SENDER], HC_LE_PERIODIC_ADVERTISING_SET_INFO_TRANSFER, teller, "efbe 05")
    assert_int_equal(TELL(), 0); /* nobody wants it */
    bench_run(&b, 1000);
    assert_null(bench_meta(&b.hosts[TOLD], HC_LE_SYNC_TRANSFER_RECEIVED));
    assert_int_equal(accept_transfer(TOLD, told, "01 0000 6400 00"), 0); /* without reports */
    assert_int_equal(TELL(), 0);
    bench_run(&b, 1000);
    expect_transfer(TOLD, told, 80);
    assert_int_equal(reports_of(TOLD), 0);
    assert_int_equal(accept_transfer(TOLD, told, ACCEPT), 0);
    bench_forget(&b.hosts[TOLD]);
    assert_int_equal(TELL(), 0); /* it is followed already */
    bench_run(&b, 1000);
    assert_null(bench_meta(&b.hosts[TOLD], HC_LE_SYNC_TRANSFER_RECEIVED));
    /* What new links have, unless their host says otherwise. */
    bench_status(&b.hosts[TOLD], HC_RESET, "");
    bench_unmask(&b.hosts[TOLD]);
    bench_run(&b, 5000);
    bench_forget(&b.hosts[SENDER]);
    bench_forget(&b.hosts[TOLD]);
    assert_int_equal(bench_status(&b.hosts[TOLD], HC_LE_SET_DEFAULT_SYNC_TRANSFER_PARAMETERS, ACCEPT), 0);
    link_up(SENDER, TOLD, &teller, &told);
    assert_int_equal(TELL(), 0);
    bench_run(&b, 1000);
    expect_transfer(TOLD, told, 80);
    assert_true(reports_of(TOLD) > 3);
}

static void test_a_train_that_is_gone(void **state)
{
    uint16_t teller, told;
    const bench_note *note;

    (void)state;
    start_train(80);
    link_up(SENDER, TOLD, &teller, &told);
    assert_int_equal(accept_transfer(TOLD, told, ACCEPT), 0);
    assert_int_equal(TELL(), 0);
    assert_int_equal(bench_status(&b.hosts[SENDER], HC_LE_SET_PERIODIC_ADVERTISING_ENABLE, "00 05"), 0);
    bench_run(&b, 2000);
    note = bench_meta(&b.hosts[TOLD], HC_LE_SYNC_TRANSFER_RECEIVED);
    assert_non_null(note);
    assert_int_equal(note->bytes[4], HC_FAILED_TO_ESTABLISH);
    assert_int_equal(TELL(), HC_DISALLOWED);
}

/* The PDU may come late, and the train is where it is by then. */
static void test_loss(void **state)
{
    static const uint32_t losses[] = {50000, 200000};
    size_t established = 0;

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        uint16_t teller, told;
        const bench_note *note;

        for (int k = 0; k < 3; k++) {
            bench_status(&b.hosts[k], HC_RESET, "");
            bench_unmask(&b.hosts[k]);
            bench_forget(&b.hosts[k]);
        }
        amble__air_set_loss(b.air, 0);
        start_train(80);
        link_up(SENDER, TOLD, &teller, &told);
        assert_int_equal(accept_transfer(TOLD, told, ACCEPT), 0);
        amble__air_set_loss(b.air, losses[i % 2]);
        assert_int_equal(TELL(), 0);
        bench_run(&b, 3000);
        note = bench_meta(&b.hosts[TOLD], HC_LE_SYNC_TRANSFER_RECEIVED);
        assert_non_null(note);
        established += note->bytes[4] == 0;
    }
    assert_int_equal(established, 20); /* six tries: one in 15,000 fails at 20 % */
}

static void test_what_a_host_may_ask_for(void **state)
{
    static const char *const wrong[] = {"04 0000 6400 00", "02 f401 6400 00", "02 0000 0900 00", "02 0000 0140 00",
                                        "02 0000 6400 08"};
    uint16_t teller, told;

    (void)state;
    start_train(80);
    link_up(SENDER, TOLD, &teller, &told);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(accept_transfer(TOLD, told, wrong[i]), HC_INVALID_PARAMETERS);
        assert_int_equal(bench_status(&b.hosts[TOLD], HC_LE_SET_DEFAULT_SYNC_TRANSFER_PARAMETERS, wrong[i]),
                         HC_INVALID_PARAMETERS);
    }
    assert_int_equal(accept_transfer(TOLD, told, "03 0000 6400 00"), HC_UNSUPPORTED_PARAMETER);
    assert_int_equal(accept_transfer(TOLD, (uint16_t)(told + 1), ACCEPT), HC_UNKNOWN_CONNECTION);
#define SEND(command, handle, hex) bench_link_command(&b.hosts[SENDER], command, handle, hex)
    assert_int_equal(SEND(HC_LE_PERIODIC_ADVERTISING_SET_INFO_TRANSFER, (uint16_t)(teller + 1), "0000 05"),
                     HC_UNKNOWN_CONNECTION);
    assert_int_equal(SEND(HC_LE_PERIODIC_ADVERTISING_SET_INFO_TRANSFER, teller, "0000 06"), HC_UNKNOWN_ADVERTISING);
    assert_int_equal(SEND(HC_LE_PERIODIC_ADVERTISING_SYNC_TRANSFER, (uint16_t)(teller + 1), "0000 0100"),
                     HC_UNKNOWN_CONNECTION);
    assert_int_equal(SEND(HC_LE_PERIODIC_ADVERTISING_SYNC_TRANSFER, teller, "0000 0100"), HC_UNKNOWN_ADVERTISING);
    for (int i = 0; i < 3; i++) /* there is always room for what must be answered */
        assert_int_equal(TELL(), i < 2 + 1 ? 0 : HC_CONTROLLER_BUSY);
    assert_int_equal(TELL(), HC_CONTROLLER_BUSY);
    bench_run(&b, 1000);
    assert_int_equal(TELL(), 0);
}

/* --- against a peer ----------------------------------------------------------------------------------------------- */

/* SyncInfo: offset, interval, channels and accuracy, access address, CRC, counter; then the link's event, the train's
 * last, set 5, PHY, who, the link's event again. */
#define TOLD_OF(offset, interval, channels, address, phy)                                                              \
    "1c efbe " offset " " interval " " channels " " address " 112233 0700 0500 0600 a5 " phy " a000000000c0 0500"

static void say(const char *hex)
{
    uint8_t payload[64];
    const size_t size = bench_hex(payload, hex);

    assert_int_equal(size, 35);
    assert_true(peer_send(&p, 3, payload, size));
}

static void test_what_makes_no_sense_is_ignored(void **state)
{
    static const char *const wrong[] = {
        TOLD_OF("0000", "5000", "ffffffff1f", "719a2c4e", "01"), /* nowhere */
        TOLD_OF("2003", "0500", "ffffffff1f", "719a2c4e", "01"), /* below 7.5 ms */
        TOLD_OF("2003", "5000", "0100000000", "719a2c4e", "01"), /* one channel */
        TOLD_OF("2003", "5000", "ffffffff1f", "00000000", "01"), /* no access address */
        TOLD_OF("2003", "5000", "ffffffff1f", "719a2c4e", "00"), /* no PHY */
        TOLD_OF("2003", "5000", "ffffffff1f", "719a2c4e", "03"), /* two */
        TOLD_OF("2003", "5000", "ffffffff1f", "719a2c4e", "08"), /* an unknown one */
    };
    const uint16_t handle = amble__get_le16(bench_meta(&b.hosts[0], HC_LE_CONNECTION_COMPLETE)->bytes + 5);

    (void)state;
    assert_int_equal(accept_transfer(0, handle, ACCEPT), 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        say(wrong[i]);
    for (int i = 0; i < 30; i++)
        peer_poll(&p);
    assert_null(bench_meta(&b.hosts[0], HC_LE_SYNC_TRANSFER_RECEIVED));
    say(TOLD_OF("2003", "0800", "ffffffff1f", "719a2c4e", "01")); /* sound, but nothing is there */
    for (int i = 0; i < 30 && !bench_count(&b.hosts[0], HC_LE_META, HC_LE_SYNC_TRANSFER_RECEIVED); i++)
        peer_poll(&p);
    assert_int_equal(bench_meta(&b.hosts[0], HC_LE_SYNC_TRANSFER_RECEIVED)->bytes[4], HC_FAILED_TO_ESTABLISH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_sender_tells, open_three, close_bench),
        cmocka_unit_test_setup_teardown(test_a_follower_hands_it_on, open_three, close_bench),
        cmocka_unit_test_setup_teardown(test_modes, open_three, close_bench),
        cmocka_unit_test_setup_teardown(test_a_train_that_is_gone, open_three, close_bench),
        cmocka_unit_test_setup_teardown(test_loss, open_three, close_bench),
        cmocka_unit_test_setup_teardown(test_what_a_host_may_ask_for, open_three, close_bench),
        cmocka_unit_test_setup_teardown(test_what_makes_no_sense_is_ignored, open_with_peer, close_with_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
