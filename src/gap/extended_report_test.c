/* Extended advertising reports that name nobody, hold only a part, or are directed. */
#include "host/testing.h"

static amble *ble;
static amble_scanner scanner;

/* One report in one event (Vol 4 Part E 7.7.65.13) of set 5 with three bytes of data. */
static void report_data(uint16_t type, uint8_t address_type, uint8_t peer, uint8_t data)
{
    fake_event(AMBLE__EVENT_LE_META,
               BYTES(AMBLE__LE_EXTENDED_ADVERTISING_REPORT, 1, (uint8_t)type, (uint8_t)(type >> 8), address_type, peer,
                     0, 0, 0, 0, 0, 1, 0, 5, 0x7f, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 2, 1, data));
}
static void report(uint16_t type, uint8_t address_type, uint8_t peer) { report_data(type, address_type, peer, 6); }

static int next(void)
{
    amble_scan_result result;
    const int r = amble_scan_next(&scanner, &result, 10);

    return r > 0 ? result.device.bytes[0] : r;
}

static void only_whole_reports_of_somebody_are_results(void)
{
    fake_reset();
    ble = fake_open();
    assert_int_equal(amble_scan_open(ble, &scanner, NULL, AMBLE_FOREVER), 0);
    report(0x13, 0, 7);
    assert_int_equal(next(), 7);
    report(0x20, 1, 8); /* more is to come */
    assert_int_equal(next(), AMBLE_ERR_TIMEOUT);
    report(0x40, 1, 8); /* the rest was lost */
    assert_int_equal(next(), AMBLE_ERR_TIMEOUT);
    report(0x01, 1, 8);
    assert_int_equal(next(), 8);
    amble_scan_close(&scanner);
    amble_close(ble);
}

/* The next result must be anonymous, with this data. */
static void expect_anonymous(uint8_t data)
{
    amble_scan_result result;

    assert_int_equal(amble_scan_next(&scanner, &result, 10), 1);
    assert_true(result.anonymous && result.extended && !result.connectable);
    assert_true(amble_device_equal(result.device, (amble_device){.type = AMBLE_PUBLIC}));
    assert_int_equal(result.set, 5);
    assert_int_equal(result.size, 3);
    assert_int_equal(result.data[2], data);
}

/* Nothing but the data tells who it is, so each data is a result of its own, and the same data none. */
static void anonymous_advertisements_are_results(void)
{
    const amble_scan_options nobody = {.device = &(amble_device){.type = AMBLE_PUBLIC}};

    fake_reset();
    ble = fake_open();
    assert_int_equal(amble_scan_open(ble, &scanner, NULL, AMBLE_FOREVER), 0);
    report_data(0x00, 0xff, 0, 6);
    expect_anonymous(6);
    report_data(0x00, 0xff, 0, 2);
    expect_anonymous(2);
    report_data(0x00, 0xff, 0, 6);
    report_data(0x00, 0xff, 9, 6); /* whatever stands in place of the address */
    assert_int_equal(next(), AMBLE_ERR_TIMEOUT);
    report(0x00, 0, 0); /* a device whose address is all zeros is another one */
    assert_int_equal(next(), 0);
    report_data(0x10, 0xff, 0, 1); /* legacy packets have an address, */
    report_data(0x01, 0xff, 0, 1); /* as has whoever can be connected to */
    report_data(0x02, 0xff, 0, 1); /* or asked */
    assert_int_equal(next(), AMBLE_ERR_TIMEOUT);
    assert_int_equal(ble->gap.malformed, 3);
    amble_scan_close(&scanner);
    assert_int_equal(amble_scan_open(ble, &scanner, &nobody, AMBLE_FOREVER), 0);
    report(0x00, 0xff, 0); /* who asks for a device, does not get it */
    assert_int_equal(next(), AMBLE_ERR_TIMEOUT);
    amble_scan_close(&scanner);
    amble_close(ble);
}

static void directed_is_not_always_connectable(void)
{
    amble_scan_result result;

    fake_reset();
    ble = fake_open();
    assert_int_equal(amble_scan_open(ble, &scanner, NULL, AMBLE_FOREVER), 0);
    for (unsigned connectable = 0; connectable < 2; connectable++) {
        report((uint16_t)(0x04 | connectable), 0, (uint8_t)(1 + connectable));
        assert_int_equal(amble_scan_next(&scanner, &result, 10), 1);
        assert_int_equal(result.connectable, connectable);
    }
    amble_scan_close(&scanner);
    amble_close(ble);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(only_whole_reports_of_somebody_are_results),
        task_test(anonymous_advertisements_are_results),
        task_test(directed_is_not_always_connectable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
