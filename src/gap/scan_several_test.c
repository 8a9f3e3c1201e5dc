/* Several scanners on one controller: what it is told, what each gets; extended advertisements in pieces, of several
 * sets, and too long. */
#include "gap/testing.h"

enum { PIECE = 229 }; /* of data in one report, Vol 4 Part E 7.7.65.13 */

static amble_scanner first, second;

static void begin(bool extended, const amble_config *config)
{
    scripted_reset();
    heard.extended = extended;
    heard.features[1] = 0x08; /* LE Coded PHY */
    scripted_open(config);
}

/* --- what the controller is told ---------------------------------------------------------------------------------- */
static void open_scanner(amble_scanner *scanner, const amble_scan_options *options)
{
    assert_int_equal(amble_scan_open(ble, scanner, options, AMBLE_FOREVER), 0);
}
static void expect_parameters(bool active, unsigned interval, unsigned window)
{
    const uint8_t *p = next_said(AMBLE__HCI_LE_SET_SCAN_PARAMETERS);

    assert_int_equal(p[0], active);
    assert_int_equal(amble__get_le16(p + 1), interval);
    assert_int_equal(amble__get_le16(p + 3), window);
}

static void the_most_eager_scanner_rules(void)
{
    const amble_scan_options lazy = {.interval_us = 100000, .window_us = 10000, .active = true};
    const amble_scan_options eager = {.interval_us = 40000, .window_us = 30000};
    amble_scanner third;

    begin(false, NULL);
    open_scanner(&first, &lazy);
    expect_parameters(true, 160, 16);
    open_scanner(&second, &eager);
    expect_parameters(true, 64, 48); /* active as the first wants, eager as the second */
    assert_int_equal(amble_scan_open(ble, &third, NULL, AMBLE_FOREVER), AMBLE_ERR_BUSY);
    amble_scan_close(&first);
    settle_well();
    expect_parameters(false, 64, 48);
    open_scanner(&first, &eager);
    assert_false(says(AMBLE__HCI_LE_SET_SCAN_PARAMETERS)); /* nothing changes */
    amble_scan_close(&second);
    settle_well();
    assert_false(says(AMBLE__HCI_LE_SET_SCAN_PARAMETERS));
    amble_scan_close(&first);
    settle_well();
    assert_int_equal(heard.said[heard.count - 1], AMBLE__HCI_LE_SET_SCAN_ENABLE);
    assert_int_equal(heard.parameters[heard.count - 1][0], 0);
    amble_close(ble);
}

static void coded_is_scanned_besides(void)
{
    const amble_scan_options options = {.interval_us = 40000, .window_us = 40000, .coded = true, .active = true};

    begin(true, NULL);
    open_scanner(&first, &options);
    assert_memory_equal(next_said(AMBLE__HCI_LE_SET_EXTENDED_SCAN_PARAMETERS),
                        ((uint8_t[]){0, 0, 5, 1, 64, 0, 32, 0, 1, 64, 0, 32, 0}), 13);
    amble_close(ble);
    scripted_reset();
    heard.extended = true;
    scripted_open(NULL);
    assert_int_equal(amble_scan_open(ble, &first, &options, 10), AMBLE_ERR_UNSUPPORTED);
    amble_close(ble);
}

static int connect_coded(void *arg)
{
    const amble_connect_options options = {.coded = true,
                                           .scan_interval_us = 4000,
                                           .scan_window_us = 4000,
                                           .min_interval_us = 7500,
                                           .max_interval_us = 7500};
    amble_connection *conn;

    *(int *)arg = amble_connect(ble, (amble_device){AMBLE_PUBLIC, {7}}, &options, &conn, 1000);
    return 0;
}

static void coded_is_initiated_on_besides(void)
{
    static const uint8_t each[] = {6, 0, 4, 0, 6, 0, 6, 0, 0, 0, 0x90, 1}; /* at least 2.5 ms each; then the link's */
    amble_scope scope;
    const uint8_t *p;
    int result;

    begin(true, NULL);
    amble_scope_open(&scope);
    amble_spawn(&scope, connect_coded, &result);
    settle_well();
    p = next_said(AMBLE__HCI_LE_EXTENDED_CREATE_CONNECTION);
    assert_int_equal(heard.sizes[heard.read - 1], 10 + 2 * 16);
    assert_memory_equal(p, ((uint8_t[]){0, 0, 0, 7, 0, 0, 0, 0, 0, 5}), 10);
    for (int i = 0; i < 2; i++)
        assert_memory_equal(p + 10 + i * 16, each, sizeof each);
    amble_scope_close(&scope);
    amble_close(ble);
    scripted_reset();
    heard.extended = true;
    scripted_open(NULL);
    connect_coded(&result);
    assert_int_equal(result, AMBLE_ERR_UNSUPPORTED);
    assert_false(says(AMBLE__HCI_LE_EXTENDED_CREATE_CONNECTION));
    amble_close(ble);
}

/* One whose scan the controller refuses; the other one learns of it too, for it scans no more. */
static void a_refusal_is_everybodys(void)
{
    amble_scan_result result;

    begin(false, NULL);
    open_scanner(&first, NULL);
    fake_refuse(AMBLE__HCI_LE_SET_SCAN_PARAMETERS, 0x11);
    assert_int_equal(amble_scan_open(ble, &second, &(amble_scan_options){.active = true}, 10), AMBLE_ERR_HCI(0x11));
    assert_int_equal(amble_scan_next(&first, &result, 10), AMBLE_ERR_HCI(0x11));
    amble_scan_close(&first);
    fake_refuse(AMBLE__HCI_LE_SET_SCAN_PARAMETERS, 0);
    open_scanner(&second, NULL);
    amble_close(ble);
}

/* --- what each gets ----------------------------------------------------------------------------------------------- */
static void report(uint8_t type, uint8_t peer, int8_t rssi, const uint8_t *data, uint8_t size)
{
    uint8_t event[64] = {AMBLE__LE_ADVERTISING_REPORT, 1, type, 0, peer};

    event[10] = size;
    memcpy(event + 11, data, size);
    event[11 + size] = (uint8_t)rssi;
    fake_event(AMBLE__EVENT_LE_META, event, 12u + size);
    settle();
}
static int next(amble_scanner *scanner, amble_scan_result *result)
{
    const int r = amble_scan_next(scanner, result, 0);

    return r > 0 ? result->device.bytes[0] : r;
}

static void each_has_its_own_results(void)
{
    const amble_scan_options near = {.rssi_min = -60}, active = {.active = true};
    amble_scan_result result;

    begin(false, &(amble_config){.scanners = 3});
    open_scanner(&first, &near);
    open_scanner(&second, &active);
    report(0, 1, -50, BYTES(2, 1, 6));
    assert_int_equal(next(&first, &result), 1);
    assert_int_equal(next(&second, &result), AMBLE_ERR_TIMEOUT); /* waits for the answer */
    report(4, 1, -50, BYTES(2, 9, 'x'));
    assert_int_equal(next(&second, &result), 1);
    assert_int_equal(result.size, 6);
    assert_int_equal(next(&first, &result), AMBLE_ERR_TIMEOUT); /* asked for none */
    report(3, 2, -80, BYTES(2, 1, 4));
    assert_int_equal(next(&second, &result), 2);
    assert_int_equal(next(&first, &result), AMBLE_ERR_TIMEOUT); /* too far */
    report(3, 2, -59, BYTES(2, 1, 4));
    assert_int_equal(next(&second, &result), AMBLE_ERR_TIMEOUT);
    assert_int_equal(next(&first, &result), 2); /* nothing changed, but for this one it is new */
    report(0, 1, -50, BYTES(2, 1, 5));
    assert_int_equal(next(&first, &result), 1);
    assert_int_equal(result.size, 3);
    assert_int_equal(next(&second, &result), 1);
    assert_memory_equal(result.data, "\2\1\5\2\11x", 6);
    amble_scan_close(&first);
    report(0, 1, -50, BYTES(2, 1, 6));
    open_scanner(&first, NULL); /* begins with nothing, though the other one has heard much */
    assert_int_equal(next(&first, &result), AMBLE_ERR_TIMEOUT);
    assert_int_equal(next(&second, &result), 1);
    report(3, 2, -59, BYTES(2, 1, 4));
    assert_int_equal(next(&first, &result), 2);
    amble_close(ble);
}

static void losses_are_counted_for_each(void)
{
    amble_scan_result result;

    begin(false, &(amble_config){.scanned_devices = 2});
    open_scanner(&first, NULL);
    open_scanner(&second, &(amble_scan_options){.rssi_min = -60});
    for (uint8_t peer = 1; peer <= 4; peer++)
        report(3, peer, peer == 4 ? -70 : -50, BYTES(2, 1, 6));
    assert_int_equal(next(&first, &result), 1);
    assert_int_equal(result.dropped, 2);
    assert_int_equal(next(&second, &result), 1);
    assert_int_equal(result.dropped, 1); /* the fourth would not have been its */
    assert_int_equal(next(&first, &result), 2);
    assert_int_equal(result.dropped, 0);
    report(3, 5, -50, BYTES(2, 1, 6)); /* takes the place of the first, which both have had */
    assert_int_equal(next(&first, &result), 5);
    assert_int_equal(next(&second, &result), 2);
    amble_close(ble);
}

/* --- extended ----------------------------------------------------------------------------------------------------- */
static uint8_t pattern[1700];

static void piece(unsigned properties, uint8_t peer, uint8_t set, size_t from, size_t size)
{
    uint8_t event[255] = {AMBLE__LE_EXTENDED_ADVERTISING_REPORT, 1, (uint8_t)properties, 0, 1, peer};

    event[11] = AMBLE_PHY_1M;
    event[12] = AMBLE_PHY_2M;
    event[13] = set;
    event[15] = 0xc0;
    event[16] = 80; /* periodic: 100 ms */
    event[25] = (uint8_t)size;
    memcpy(event + 26, pattern + from, size);
    fake_event(AMBLE__EVENT_LE_META, event, 26 + size);
    settle();
}
enum { LAST = 0x00, MORE = 0x20, LOST = 0x40 };

static void pieces_are_put_together(void)
{
    amble_scan_result result;

    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (uint8_t)(i % 251);
    begin(true, &(amble_config){.scanned_size = 1650});
    open_scanner(&first, NULL);
    for (size_t at = 0; at < 1650; at += PIECE)
        piece(at + PIECE < 1650 ? MORE : LAST, 1, 3, at, at + PIECE < 1650 ? PIECE : 1650 - at);
    assert_int_equal(next(&first, &result), 1);
    assert_int_equal(result.size, 1650);
    assert_memory_equal(result.data, pattern, 1650);
    assert_true(result.extended && !result.truncated && result.set == 3 && result.phy == AMBLE_PHY_2M);
    assert_int_equal(result.periodic_interval_us, 100000);
    piece(MORE, 1, 3, 1,
          PIECE); /* another one's come in between: that one is put together, this one waits for its next time */
    piece(MORE, 2, 0, 0, PIECE);
    piece(LAST, 2, 0, PIECE, 10);
    assert_int_equal(next(&first, &result), 2);
    assert_int_equal(result.size, PIECE + 10);
    assert_int_equal(next(&first, &result), AMBLE_ERR_TIMEOUT);
    piece(MORE, 1, 3, 0, PIECE); /* the controller lost the rest */
    piece(LOST, 1, 3, 0, PIECE);
    piece(LOST, 5, 3, 0, PIECE);
    assert_int_equal(next(&first, &result), AMBLE_ERR_TIMEOUT);
    piece(LAST, 1, 4, 0, 3); /* the same device's other set is a result of its own */
    assert_int_equal(next(&first, &result), 1);
    assert_int_equal(result.set, 4);
    amble_close(ble);
}

static void what_is_too_long_is_cut_and_says_so(void)
{
    amble_scan_result result;

    begin(true, &(amble_config){.scanned_size = 300});
    open_scanner(&first, NULL);
    piece(MORE, 1, 3, 0, PIECE);
    piece(MORE, 1, 3, PIECE, PIECE);
    piece(LAST, 1, 3, 2 * PIECE, PIECE);
    assert_int_equal(next(&first, &result), 1);
    assert_int_equal(result.size, 300);
    assert_true(result.truncated);
    assert_memory_equal(result.data, pattern, 300);
    amble_close(ble);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(the_most_eager_scanner_rules),  task_test(coded_is_scanned_besides),
        task_test(coded_is_initiated_on_besides), task_test(a_refusal_is_everybodys),
        task_test(each_has_its_own_results),      task_test(losses_are_counted_for_each),
        task_test(pieces_are_put_together),       task_test(what_is_too_long_is_cut_and_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
