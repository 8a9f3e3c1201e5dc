/* Private addresses on the air: who is recognised, what is sent instead of an identity, and what a host may ask for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/extended_bench.h"
#include "controller/pdu.h"

/* The sample of ah, Vol 3, Part H, D.7; least significant octet first, as HCI has it. */
#define IRK      "9b7d390aa610103405adc857a33402ec"
#define PRIVATE  "aafb0d948170" /* made with it */
#define OTHER    "abfb0d948170"
#define IRK_2    "0102030405060708090a0b0c0d0e0f10"
#define NONE     "00000000000000000000000000000000"
#define ADDED(i) "00 a" #i "00000000c0"

static bench b;

static int open_three(void **state)
{
    (void)state;
    bench_open(&b, 71, 3);
    for (int i = 0; i < 3; i++) {
        bench_command(&b.hosts[i], HC_SET_EVENT_MASK, "ffffffffffffffff");
        bench_command(&b.hosts[i], HC_LE_SET_EVENT_MASK, "ffffffffffffffff"); /* Enhanced Connection Complete, too */
    }
    return 0;
}
static int close_bench(void **state)
{
    (void)state;
    bench_close(&b);
    return 0;
}

/* Host `i` knows host `peer` by these keys, and uses private addresses from now on. */
static void make_private(int i, int peer, const char *peer_key, const char *local_key)
{
    char hex[100];

    snprintf(hex, sizeof hex, "00 %02x00000000c0 %s %s", 0xa0 + peer, peer_key, local_key);
    assert_int_equal(bench_status(&b.hosts[i], HC_LE_ADD_TO_RESOLVING_LIST, hex), 0);
    assert_int_equal(bench_status(&b.hosts[i], HC_LE_SET_ADDRESS_RESOLUTION_ENABLE, "01"), 0);
}

static int advertise_as(int i, const char *parameters)
{
    if (bench_status(&b.hosts[i], HC_LE_SET_ADVERTISING_PARAMETERS, parameters))
        return -1;
    return bench_status(&b.hosts[i], HC_LE_SET_ADVERTISING_ENABLE, "01");
}

static bool is_private(const uint8_t *address) { return (address[5] & 0xc0) == 0x40; }

/* A device that makes its private address itself: the specification's sample. */
static void test_the_sample_is_resolved(void **state)
{
    const bench_note *note;

    (void)state;
    make_private(1, 0, IRK, NONE);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_RANDOM_ADDRESS, PRIVATE), 0);
    assert_int_equal(advertise_as(0, "2000 2000 00 01 00 000000000000 07 00"), 0);
    assert_int_equal(bench_scan(&b.hosts[1], false, false), 0);
    assert_int_equal(bench_scan(&b.hosts[2], false, false), 0);
    bench_run(&b, 100);
    note = bench_meta(&b.hosts[1], HC_LE_ADVERTISING_REPORT);
    assert_memory_equal(note->bytes + 6, "\x02\xa0\x00\x00\x00\x00\xc0", 7); /* a public identity */
    note = bench_meta(&b.hosts[2], HC_LE_ADVERTISING_REPORT);
    assert_memory_equal(note->bytes + 6, "\x01\xaa\xfb\x0d\x94\x81\x70", 7); /* to whom has no key: what it is */
    assert_memory_equal(bench_command(&b.hosts[1], HC_LE_READ_PEER_RESOLVABLE_ADDRESS, ADDED(0)),
                        "\x00\xaa\xfb\x0d\x94\x81\x70", 7);
    bench_status(&b.hosts[0], HC_LE_SET_ADVERTISING_ENABLE, "00");
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_RANDOM_ADDRESS, OTHER), 0); /* one bit is wrong */
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_ADVERTISING_ENABLE, "01"), 0);
    bench_forget(&b.hosts[1]);
    bench_run(&b, 100);
    assert_int_equal(bench_meta(&b.hosts[1], HC_LE_ADVERTISING_REPORT)->bytes[6], 1);
}

/* Both sides private, connecting by identity: neither identity is ever on the air, both hosts see it. */
static void test_a_link_between_private_devices(void **state)
{
    const bench_note *central, *peripheral;
    uint16_t handle;

    (void)state;
    make_private(0, 1, IRK, IRK_2);
    make_private(1, 0, IRK_2, IRK);
    assert_int_equal(advertise_as(1, "2000 2000 00 02 00 a000000000c0 07 00"), 0);
    assert_int_equal(bench_scan(&b.hosts[2], true, true), 0); /* an onlooker who asks, once */
    bench_run(&b, 200);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_CREATE_CONNECTION,
                                  "1000 1000 00 02 a100000000c0 02 1800 1800 0000 6400 0000 0000"),
                     0);
    bench_run(&b, 300);
    central = bench_meta(&b.hosts[0], HC_LE_ENHANCED_CONNECTION_COMPLETE);
    peripheral = bench_meta(&b.hosts[1], HC_LE_ENHANCED_CONNECTION_COMPLETE);
    assert_non_null(central);
    assert_non_null(peripheral);
    assert_memory_equal(central->bytes + 8, "\x02\xa1\x00\x00\x00\x00\xc0", 7);
    assert_memory_equal(peripheral->bytes + 8, "\x02\xa0\x00\x00\x00\x00\xc0", 7);
    assert_true(is_private(central->bytes + 15) && is_private(central->bytes + 21));
    assert_memory_equal(central->bytes + 15, peripheral->bytes + 21, 6); /* ours there is the peer's here */
    assert_memory_equal(central->bytes + 21, peripheral->bytes + 15, 6);
    for (size_t i = 0; i < b.sniffed_count; i++) {
        const bench_sniffed *s = &b.sniffed[i];

        if (s->access_address != 0x8e89bed6)
            continue;
        for (size_t k = 2; k + 6 <= s->size && k < 14; k += 6)
            assert_true(memcmp(s->pdu + k, "\xa1\x00\x00\x00\x00\xc0", 6) != 0 &&
                        memcmp(s->pdu + k, "\xa0\x00\x00\x00\x00\xc0", 6) != 0);
    }
    handle = amble__get_le16(central->bytes + 5);
    bench_send(&b.hosts[0], handle, 1, 27);
    bench_run(&b, 100);
    assert_non_null(bench_acl(&b.hosts[1]));
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_CREATE_CONNECTION, /* known by its identity */
                                  "1000 1000 00 02 a100000000c0 02 1800 1800 0000 6400 0000 0000"),
                     HC_CONNECTION_EXISTS);
}

static void test_directed_to_a_private_address(void **state)
{
    const bench_note *note;

    (void)state;
    make_private(0, 1, IRK, IRK_2);
    make_private(1, 0, IRK_2, IRK);
    assert_int_equal(advertise_as(1, "2000 2000 04 02 00 a000000000c0 07 00"), 0);
    bench_run(&b, 50);
    assert_int_equal(b.sniffed[0].pdu[0] & 0xcf, 0xc1); /* ADV_DIRECT_IND, both random */
    assert_true(is_private(b.sniffed[0].pdu + 2) && is_private(b.sniffed[0].pdu + 8));
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_SCAN_PARAMETERS, "00 1000 1000 02 00"), 0);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_SCAN_ENABLE, "01 00"), 0);
    assert_int_equal(bench_status(&b.hosts[2], HC_LE_SET_SCAN_PARAMETERS, "00 1000 1000 00 02"), 0);
    assert_int_equal(bench_status(&b.hosts[2], HC_LE_SET_SCAN_ENABLE, "01 00"), 0);
    bench_run(&b, 100);
    note = bench_meta(&b.hosts[0], HC_LE_ADVERTISING_REPORT);
    assert_non_null(note);
    assert_memory_equal(note->bytes + 5, "\x01\x02\xa1\x00\x00\x00\x00\xc0", 8);
    note = bench_meta(&b.hosts[2], HC_LE_DIRECTED_ADVERTISING_REPORT); /* its policy wants what nobody can tell */
    assert_non_null(note);
    assert_true(is_private(note->bytes + 14));
    assert_null(bench_meta(&b.hosts[2], HC_LE_ADVERTISING_REPORT));
    bench_status(&b.hosts[0], HC_LE_SET_SCAN_ENABLE, "00 00");
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_CREATE_CONNECTION,
                                  "1000 1000 00 02 a100000000c0 02 1800 1800 0000 6400 0000 0000"),
                     0);
    bench_run(&b, 300);
    assert_non_null(bench_meta(&b.hosts[0], HC_LE_ENHANCED_CONNECTION_COMPLETE));
}

static size_t heard_on_accept_list(const char *entry)
{
    size_t n;

    bench_forget(&b.hosts[0]);
    bench_status(&b.hosts[0], HC_LE_CLEAR_ACCEPT_LIST, "");
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_ADD_TO_ACCEPT_LIST, entry), 0);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_SCAN_PARAMETERS, "00 1000 1000 02 01"), 0);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_SCAN_ENABLE, "01 00"), 0);
    bench_run(&b, 200);
    n = bench_count(&b.hosts[0], HC_LE_META, HC_LE_ADVERTISING_REPORT);
    bench_status(&b.hosts[0], HC_LE_SET_SCAN_ENABLE, "00 00");
    return n;
}

static void test_the_accept_list_holds_identities(void **state)
{
    (void)state;
    make_private(0, 1, IRK, NONE);
    make_private(1, 0, NONE, IRK);
    assert_int_equal(advertise_as(1, "2000 2000 00 02 00 a000000000c0 07 00"), 0);
    assert_int_equal(heard_on_accept_list("00 a200000000c0"), 0);
    assert_true(heard_on_accept_list("00 a100000000c0") > 3);
    bench_forget(&b.hosts[0]); /* and connects by it */
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_CREATE_CONNECTION,
                                  "1000 1000 01 00 000000000000 02 1800 1800 0000 6400 0000 0000"),
                     0);
    bench_run(&b, 300);
    assert_memory_equal(bench_meta(&b.hosts[0], HC_LE_ENHANCED_CONNECTION_COMPLETE)->bytes + 8,
                        "\x02\xa1\x00\x00\x00\x00\xc0", 7);
}

/* The peripheral's accept list lets in who resolves to one of its identities. */
static void test_an_advertiser_with_an_accept_list(void **state)
{
    (void)state;
    make_private(1, 0, IRK_2, IRK);
    make_private(0, 1, IRK, IRK_2);
    make_private(2, 1, IRK, "ff02030405060708090a0b0c0d0e0f10"); /* a key that the peripheral has not */
    assert_int_equal(bench_status(&b.hosts[1], HC_LE_ADD_TO_ACCEPT_LIST, ADDED(0)), 0);
    assert_int_equal(advertise_as(1, "2000 2000 00 02 00 a000000000c0 07 03"), 0);
    assert_int_equal(bench_status(&b.hosts[2], HC_LE_CREATE_CONNECTION,
                                  "1000 1000 00 02 a100000000c0 02 1800 1800 0000 6400 0000 0000"),
                     0);
    bench_run(&b, 300);
    assert_null(bench_meta(&b.hosts[1], HC_LE_ENHANCED_CONNECTION_COMPLETE));
    bench_status(&b.hosts[2], HC_LE_CREATE_CONNECTION_CANCEL, "");
    bench_run(&b, 500);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_CREATE_CONNECTION,
                                  "1000 1000 00 02 a100000000c0 02 1800 1800 0000 6400 0000 0000"),
                     0);
    bench_run(&b, 300);
    assert_non_null(bench_meta(&b.hosts[1], HC_LE_ENHANCED_CONNECTION_COMPLETE));
}

static size_t heard_plainly(void)
{
    size_t n;

    bench_forget(&b.hosts[0]);
    assert_int_equal(bench_scan(&b.hosts[0], false, false), 0);
    bench_run(&b, 200);
    n = bench_count(&b.hosts[0], HC_LE_META, HC_LE_ADVERTISING_REPORT);
    bench_status(&b.hosts[0], HC_LE_SET_SCAN_ENABLE, "00 00");
    return n;
}

static void test_privacy_modes(void **state)
{
    (void)state;
    make_private(0, 1, IRK, NONE);
    assert_int_equal(bench_advertise(&b.hosts[1], 0, 32, ""), 0); /* under its identity address */
    assert_int_equal(heard_plainly(), 0);                         /* network privacy: not believed */
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_PRIVACY_MODE, ADDED(1) "01"), 0);
    assert_true(heard_plainly() > 3);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_PRIVACY_MODE, ADDED(1) "00"), 0);
    assert_int_equal(heard_plainly(), 0);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_ADDRESS_RESOLUTION_ENABLE, "00"), 0);
    assert_true(heard_plainly() > 3);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_PRIVACY_MODE, ADDED(2) "00"), HC_UNKNOWN_CONNECTION);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_PRIVACY_MODE, ADDED(1) "02"), HC_INVALID_PARAMETERS);
}

static void test_addresses_change_with_time(void **state)
{
    uint8_t first[6], second[6];

    (void)state;
    make_private(0, 1, NONE, IRK);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_RESOLVABLE_PRIVATE_ADDRESS_TIMEOUT, "0000"),
                     HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_RESOLVABLE_PRIVATE_ADDRESS_TIMEOUT, "110e"),
                     HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_RESOLVABLE_PRIVATE_ADDRESS_TIMEOUT, "0200"), 0);
    assert_int_equal(advertise_as(0, "2000 2000 03 02 00 a100000000c0 07 00"), 0);
    bench_run(&b, 1900);
    memcpy(first, b.sniffed[0].pdu + 2, 6);
    assert_true(is_private(first));
    for (size_t i = 0; i < b.sniffed_count; i++)
        assert_memory_equal(b.sniffed[i].pdu + 2, first, 6);
    bench_run(&b, 200);
    memcpy(second, b.sniffed[b.sniffed_count - 1].pdu + 2, 6);
    assert_true(is_private(second));
    assert_memory_not_equal(first, second, 6);
    assert_memory_equal(bench_command(&b.hosts[0], HC_LE_READ_LOCAL_RESOLVABLE_ADDRESS, ADDED(1)) + 1, second, 6);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_READ_LOCAL_RESOLVABLE_ADDRESS, ADDED(2)), HC_UNKNOWN_CONNECTION);
}

/* With the extended commands, too: data, scan request and link by identities. */
static void test_extended_advertising(void **state)
{
    extended_report r;
    const bench_note *note;

    (void)state;
    make_private(0, 1, IRK, IRK_2);
    make_private(1, 0, IRK_2, IRK);
    assert_int_equal(bench_status(&b.hosts[1], HC_LE_SET_EXTENDED_ADVERTISING_PARAMETERS,
                                  "01 0200 200000 200000 07 02 00 a000000000c0 00 7f 01 00 01 00 01"),
                     0);
    assert_int_equal(extended_data(&b.hosts[1], HC_LE_SET_EXTENDED_SCAN_RESPONSE_DATA, 1, 300), 0);
    assert_int_equal(extended_enable(&b.hosts[1], 1, 0, 0), 0);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_EXTENDED_SCAN_PARAMETERS, "02 00 01 01 1000 1000"), 0);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_SET_EXTENDED_SCAN_ENABLE, "01 00 0000 0000"), 0);
    bench_run(&b, 300);
    assert_true(extended_next(&b.hosts[0], &r));
    assert_true(extended_next(&b.hosts[0], &r));
    assert_int_equal(r.size, 300);
    assert_int_equal(r.address_type, 2);
    assert_memory_equal(r.address, "\xa1\x00\x00\x00\x00\xc0", 6);
    note = bench_meta(&b.hosts[1], HC_LE_SCAN_REQUEST_RECEIVED);
    assert_int_equal(note->bytes[5], 1);
    assert_true(is_private(note->bytes + 6));
    bench_status(&b.hosts[0], HC_LE_SET_EXTENDED_SCAN_ENABLE, "00 00 0000 0000");
    bench_status(&b.hosts[1], HC_LE_SET_EXTENDED_ADVERTISING_ENABLE, "00 00");
    assert_int_equal(bench_status(&b.hosts[1], HC_LE_SET_EXTENDED_ADVERTISING_PARAMETERS,
                                  "02 0500 200000 200000 07 02 00 a000000000c0 00 7f 01 00 02 00 01"),
                     0);
    assert_int_equal(extended_enable(&b.hosts[1], 2, 0, 0), 0);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_EXTENDED_CREATE_CONNECTION,
                                  "00 02 02 a100000000c0 01 1000 1000 1800 1800 0000 6400 0000 0000"),
                     0);
    bench_run(&b, 300);
    note = bench_meta(&b.hosts[0], HC_LE_ENHANCED_CONNECTION_COMPLETE);
    assert_non_null(note);
    assert_memory_equal(note->bytes + 8, "\x02\xa1\x00\x00\x00\x00\xc0", 7);
    assert_non_null(bench_meta(&b.hosts[1], HC_LE_ADVERTISING_SET_TERMINATED));
}

static void test_what_a_host_may_ask_for(void **state)
{
    bench_host *host = &b.hosts[0];
    char hex[100];

    (void)state;
    assert_memory_equal(bench_command(host, HC_LE_READ_RESOLVING_LIST_SIZE, ""), "\x00\x10", 2);
    for (unsigned i = 0; i < 17; i++) {
        snprintf(hex, sizeof hex, "00 %02x00000000d0 " IRK NONE, i);
        assert_int_equal(bench_status(host, HC_LE_ADD_TO_RESOLVING_LIST, hex), i < 16 ? 0 : HC_MEMORY_FULL);
    }
    assert_int_equal(bench_status(host, HC_LE_ADD_TO_RESOLVING_LIST, "00 0300000000d0" IRK IRK), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(host, HC_LE_ADD_TO_RESOLVING_LIST, "02 0300000000d1" IRK IRK), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(host, HC_LE_REMOVE_FROM_RESOLVING_LIST, "00 0300000000d0"), 0);
    assert_int_equal(bench_status(host, HC_LE_REMOVE_FROM_RESOLVING_LIST, "00 0300000000d0"), HC_UNKNOWN_CONNECTION);
    assert_int_equal(bench_status(host, HC_LE_ADD_TO_RESOLVING_LIST, "01 0300000000d0" IRK IRK), 0);
    assert_int_equal(bench_status(host, HC_LE_READ_PEER_RESOLVABLE_ADDRESS, "00 0300000000d0"), HC_UNKNOWN_CONNECTION);
    assert_int_equal(bench_status(host, HC_LE_SET_ADDRESS_RESOLUTION_ENABLE, "02"), HC_INVALID_PARAMETERS);
    assert_int_equal(bench_status(host, HC_LE_SET_ADDRESS_RESOLUTION_ENABLE, "01"), 0);
    assert_int_equal(bench_advertise(host, 0, 32, ""), 0); /* nobody takes the list away from under it */
    assert_int_equal(bench_status(host, HC_LE_CLEAR_RESOLVING_LIST, ""), HC_DISALLOWED);
    assert_int_equal(bench_status(host, HC_LE_REMOVE_FROM_RESOLVING_LIST, "01 0300000000d0"), HC_DISALLOWED);
    assert_int_equal(bench_status(host, HC_LE_ADD_TO_RESOLVING_LIST, "01 0300000000d2" IRK IRK), HC_DISALLOWED);
    assert_int_equal(bench_status(host, HC_LE_SET_ADDRESS_RESOLUTION_ENABLE, "00"), HC_DISALLOWED);
    assert_int_equal(bench_status(host, HC_LE_SET_ADVERTISING_ENABLE, "00"), 0);
    assert_int_equal(bench_status(host, HC_LE_CLEAR_RESOLVING_LIST, ""), 0);
    assert_int_equal(bench_status(host, HC_LE_SET_ADDRESS_RESOLUTION_ENABLE, "00"), 0);
}

static void expect_locked(bench_host *host, int locked)
{
    assert_int_equal(bench_status(host, HC_LE_REMOVE_FROM_RESOLVING_LIST, "00 0100000000d0"), locked);
    assert_int_equal(bench_status(host, HC_LE_ADD_TO_RESOLVING_LIST, "00 0100000000d0" IRK IRK), locked);
    assert_int_equal(bench_status(host, HC_LE_SET_PRIVACY_MODE, "00 0100000000d0 01"), locked);
}

/* Whoever uses the list keeps it; when addresses are not resolved nobody does. */
static void test_the_list_is_kept_from_changes(void **state)
{
    bench_host *host = &b.hosts[0];

    (void)state;
    for (unsigned resolves = 0; resolves < 2; resolves++) {
        const int locked = resolves ? HC_DISALLOWED : 0;

        (void)bench_status(host, HC_LE_ADD_TO_RESOLVING_LIST, "00 0100000000d0" IRK IRK);
        assert_int_equal(bench_status(host, HC_LE_SET_ADDRESS_RESOLUTION_ENABLE, resolves ? "01" : "00"), 0);
        assert_int_equal(bench_scan(host, false, false), 0);
        expect_locked(host, locked);
        assert_int_equal(bench_status(host, HC_LE_SET_ADDRESS_RESOLUTION_ENABLE, "00"), HC_DISALLOWED);
        assert_int_equal(bench_status(host, HC_LE_SET_SCAN_ENABLE, "0000"), 0);
        assert_int_equal(bench_create_connection(host, 2, 24, 0, 100), 0);
        expect_locked(host, locked);
        assert_int_equal(bench_status(host, HC_LE_SET_ADDRESS_RESOLUTION_ENABLE, "00"), HC_DISALLOWED);
        assert_int_equal(bench_status(host, HC_LE_CREATE_CONNECTION_CANCEL, ""), 0);
        expect_locked(host, 0);
    }
}

/* Whose key is not known cannot hide, so its identity is believed in either mode. */
static void test_who_has_no_key_is_believed(void **state)
{
    (void)state;
    make_private(0, 1, NONE, NONE);
    assert_int_equal(bench_advertise(&b.hosts[1], 0, 32, ""), 0);
    assert_true(heard_plainly() > 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_three, close_bench)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_sample_is_resolved),
        TEST(test_a_link_between_private_devices),
        TEST(test_directed_to_a_private_address),
        TEST(test_the_accept_list_holds_identities),
        TEST(test_an_advertiser_with_an_accept_list),
        TEST(test_privacy_modes),
        TEST(test_addresses_change_with_time),
        TEST(test_extended_advertising),
        TEST(test_what_a_host_may_ask_for),
        TEST(test_the_list_is_kept_from_changes),
        TEST(test_who_has_no_key_is_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
