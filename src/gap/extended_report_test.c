/* Extended advertising reports that name nobody, or hold only a part: neither is a result. */
#include "host/testing.h"

static amble *ble;
static amble_scanner scanner;

/* One report in one event (Vol 4 Part E 7.7.65.13) with three bytes of data. */
static void report(uint16_t type, uint8_t address_type, uint8_t peer)
{
    fake_event(AMBLE__EVENT_LE_META,
               BYTES(AMBLE__LE_EXTENDED_ADVERTISING_REPORT, 1, (uint8_t)type, (uint8_t)(type >> 8), address_type, peer,
                     0, 0, 0, 0, 0, 1, 0, 0xff, 0x7f, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 2, 1, 6));
}

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
    report(0x10, 0xff, 0); /* anonymous */
    assert_int_equal(next(), AMBLE_ERR_TIMEOUT);
    report(0x20, 1, 8); /* more is to come */
    assert_int_equal(next(), AMBLE_ERR_TIMEOUT);
    report(0x40, 1, 8); /* the rest was lost */
    assert_int_equal(next(), AMBLE_ERR_TIMEOUT);
    report(0x01, 1, 8);
    assert_int_equal(next(), 8);
    amble_scan_close(&scanner);
    amble_close(ble);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(only_whole_reports_of_somebody_are_results),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
