/* Advertising data: fields into bytes where they fit best, and bytes of strangers into fields. */
#include "gap/gap_room.h"
#include "hci/testing.h"

static const amble_uuid a16 = AMBLE_UUID16(0x181a), b16 = AMBLE_UUID16(0x180f);
static const amble_uuid a128 = AMBLE_UUID128("458063a1-02bf-4664-857e-16c1030be066");
static const amble_uuid b128 = AMBLE_UUID128("458063a2-02bf-4664-857e-16c1030be066");

static amble__advertisement composed;

static int compose(const amble_advertise_options *options)
{
    composed = (amble__advertisement){.connectable = true};
    return amble__advertising_data(options, "host", &composed);
}
static void expect_data(const uint8_t *bytes, size_t size)
{
    assert_int_equal(composed.data_size, size);
    assert_memory_equal(composed.data, bytes, size);
}
static void expect_response(const uint8_t *bytes, size_t size)
{
    assert_int_equal(composed.response_size, size);
    if (size)
        assert_memory_equal(composed.response, bytes, size);
}
static amble_scan_result result_of(const uint8_t *bytes, size_t size, size_t response_at)
{
    return (amble_scan_result){.data = bytes, .size = size, .response_at = response_at};
}
/* What a scanner would find in it. */
static amble_scan_result composed_result(uint8_t merged[62])
{
    memcpy(merged, composed.data, composed.data_size);
    memcpy(merged + composed.data_size, composed.response, composed.response_size);
    return result_of(merged, (size_t)composed.data_size + composed.response_size, composed.data_size);
}

/* --- composing ---------------------------------------------------------------------------------------------------- */
static void each_field_has_its_bytes(void **state)
{
    (void)state;
    assert_int_equal(compose(&(amble_advertise_options){.no_name = true}), 0);
    expect_data(BYTES(2, 0x01, 0x06));
    expect_response(NULL, 0);
    assert_int_equal(compose(&(amble_advertise_options){.limited = true, .br_edr = true, .no_name = true}), 0);
    expect_data(BYTES(2, 0x01, 0x01));
    assert_int_equal(compose(&(amble_advertise_options){.limited = true}), 0);
    expect_data(BYTES(2, 0x01, 0x05, 5, 0x09, 'h', 'o', 's', 't'));
    assert_int_equal(compose(&(amble_advertise_options){.name = "me", .appearance = 0x0341}), 0);
    expect_data(BYTES(2, 0x01, 0x06, 3, 0x09, 'm', 'e', 3, 0x19, 0x41, 0x03));
    assert_int_equal(compose(&(amble_advertise_options){.name = "", .services = {NULL, &a16, NULL, &b16}}), 0);
    expect_data(BYTES(2, 0x01, 0x06, 5, 0x03, 0x1a, 0x18, 0x0f, 0x18)); /* one list, complete */
    assert_int_equal(compose(&(amble_advertise_options){
                         .no_name = true, .company = 0x004c, .manufacturer = "\1\2", .manufacturer_size = 2}),
                     0);
    expect_data(BYTES(2, 0x01, 0x06, 5, 0xff, 0x4c, 0x00, 1, 2));
    assert_int_equal(compose(&(amble_advertise_options){.no_name = true, .company = 7, .manufacturer = ""}), 0);
    expect_data(BYTES(2, 0x01, 0x06, 3, 0xff, 7, 0)); /* a company without data */
}

static void what_does_not_fit_goes_to_the_scan_response(void **state)
{
    (void)state;
    assert_int_equal(compose(&(amble_advertise_options){.name = "eleven char", .services = {&a128}}), 0);
    assert_int_equal(composed.data_size, 3 + 18); /* services first */
    assert_int_equal(composed.data[3 + 1], 0x07);
    assert_memory_equal(composed.data + 5, a128.bytes, 16);
    expect_response(BYTES(12, 0x09, 'e', 'l', 'e', 'v', 'e', 'n', ' ', 'c', 'h', 'a', 'r'));
    assert_int_equal(compose(&(amble_advertise_options){.no_name = true, .services = {&a128, &b128}}), 0);
    assert_int_equal(composed.data[3 + 1], 0x06); /* neither list is complete */
    assert_int_equal(composed.response[1], 0x06);
    assert_memory_equal(composed.response + 2, b128.bytes, 16);
    assert_int_equal(compose(&(amble_advertise_options){.name = "12345678901234567890123456"}), 0);
    assert_int_equal(composed.data_size, 31); /* to the last byte */
    assert_int_equal(compose(&(amble_advertise_options){.name = "123456789012345678901234567"}), 0);
    assert_int_equal(composed.data_size, 3);
    assert_int_equal(composed.response_size, 29);
    assert_int_equal(compose(&(amble_advertise_options){.name = "12345678901234567890123456789"}), 0);
    assert_int_equal(composed.response_size, 31);
}

/* Taken in order, the appearance and the name would leave no room for the manufacturer data. */
static void the_best_fit_is_searched(void **state)
{
    const amble_advertise_options options = {.name = "twenty-two characters!",     /* 24 bytes */
                                             .services = {&a16, &b16},             /* 6 */
                                             .manufacturer = "123456789012345678", /* 22 */
                                             .manufacturer_size = 18,
                                             .appearance = 0x0341}; /* 4 */
    uint8_t merged[62];
    amble_scan_result result;
    char name[32];
    size_t size;

    (void)state;
    assert_int_equal(compose(&options), 0); /* 3 + 22 + 6 and 24 + 4 */
    result = composed_result(merged);
    assert_int_equal(result.size, 3 + 24 + 6 + 22 + 4);
    assert_string_equal(amble_scan_name(&result, name, ""), options.name);
    assert_true(amble_scan_has_service(&result, &b16));
    assert_non_null(amble_scan_manufacturer(&result, 0, &size));
    assert_int_equal(size, 18);
}

static void the_log_names_what_fits_nowhere(void **state)
{
    static const char thirty[] = "123456789012345678901234567890";

    (void)state;
    watch_log(AMBLE_LOG_ERROR);
    assert_int_equal(compose(&(amble_advertise_options){.name = thirty}), AMBLE_ERR_TOO_LONG);
    assert_non_null(strstr(last_log_line, "the name (30 bytes)"));
    assert_int_equal(compose(&(amble_advertise_options){.no_name = true, .services = {&a128, &b128, &a128}}),
                     AMBLE_ERR_TOO_LONG);
    assert_non_null(strstr(last_log_line, "a 128-bit service"));
    assert_int_equal(
        compose(&(amble_advertise_options){.no_name = true, .manufacturer = thirty, .manufacturer_size = 28}),
        AMBLE_ERR_TOO_LONG);
    assert_non_null(strstr(last_log_line, "the manufacturer data"));
    assert_int_equal(
        compose(&(amble_advertise_options){.no_name = true, .manufacturer = thirty, .manufacturer_size = 27}), 0);
    assert_int_equal(log_lines, 3);
    unwatch_log();
}

/* --- reading ------------------------------------------------------------------------------------------------------ */
static unsigned count_fields(const amble_scan_result *result)
{
    unsigned fields = 0;
    const uint8_t *data;
    size_t at = 0, size;
    uint8_t type;

    while (amble_scan_field(result, &at, &type, &data, &size)) {
        assert_true(data >= result->data && data + size <= result->data + result->size);
        fields++;
    }
    assert_int_equal(amble_scan_field(result, &at, &type, &data, &size), 0); /* and stays at the end */
    return fields;
}

static void structures_that_lie_end_the_data(void **state)
{
    static const uint8_t too_long[] = {2, 0x01, 0x06, 9, 0x09, 'a'};
    static const uint8_t zeros[] = {2, 0x01, 0x06, 0, 0, 0, 3, 0x09, 'a', 'b'};
    static const uint8_t only_type[] = {1, 0x09, 1, 0x03};
    static const uint8_t last_length[] = {2, 0x01, 0x06, 255};
    /* The advertising data's last structure claims a byte of the scan response. */
    static const uint8_t across[] = {2, 0x01, 0x06, 3, 0x09, 'a', 3, 0x09, 'o', 'k'};
    amble_scan_result result;
    char name[32];

    (void)state;
    result = result_of(too_long, sizeof too_long, sizeof too_long);
    assert_int_equal(count_fields(&result), 1);
    assert_string_equal(amble_scan_name(&result, name, "otherwise"), "otherwise");
    result = result_of(zeros, sizeof zeros, sizeof zeros);
    assert_int_equal(count_fields(&result), 1);
    result = result_of(only_type, sizeof only_type, sizeof only_type);
    assert_int_equal(count_fields(&result), 2);
    assert_string_equal(amble_scan_name(&result, name, "otherwise"), "");
    assert_false(amble_scan_has_service(&result, &a16));
    result = result_of(last_length, sizeof last_length, sizeof last_length);
    assert_int_equal(count_fields(&result), 1);
    result = result_of(across, sizeof across, 6);
    assert_int_equal(count_fields(&result), 2);
    assert_string_equal(amble_scan_name(&result, name, ""), "ok");
    result = result_of(NULL, 0, 0);
    assert_int_equal(count_fields(&result), 0);
}

static void fields_are_found_in_any_form(void **state)
{
    static const uint8_t bytes[] = {3, 0x08, 's',  'h', 4, 0x02, 0x0f, 0x18, 0x1a, /* half a UUID: ignored */
                                    3, 0xff, 0x4c, 0,   2, 0xff, 0x4c, 6,    0xff, 0x75, 0, 1, 2, 3};
    static const uint8_t both_names[] = {3, 0x08, 's', 'h', 5, 0x09, 'l', 'o', 'n', 'g', 3, 0x08, 'e', 'n'};
    uint8_t wide[18] = {17, 0x06}, with_zero[40] = {39, 0x09, 'a', 0, 'b'};
    static const amble_uuid as_long = AMBLE_UUID128("0000180f-0000-1000-8000-00805f9b34fb");
    amble_scan_result result = result_of(bytes, sizeof bytes, sizeof bytes);
    char name[32];
    size_t size;

    (void)state;
    assert_string_equal(amble_scan_name(&result, name, ""), "sh");
    assert_true(amble_scan_has_service(&result, &b16));
    assert_true(amble_scan_has_service(&result, &as_long));
    assert_false(amble_scan_has_service(&result, &a16));
    assert_non_null(amble_scan_manufacturer(&result, 0x004c, &size));
    assert_int_equal(size, 0);
    assert_memory_equal(amble_scan_manufacturer(&result, 0x0075, &size), "\1\2\3", 3);
    assert_null(amble_scan_manufacturer(&result, 0x0076, &size));
    result = result_of(both_names, sizeof both_names, sizeof both_names);
    assert_string_equal(amble_scan_name(&result, name, ""), "long"); /* the complete one */
    memcpy(wide + 2, as_long.bytes, 16);
    result = result_of(wide, sizeof wide, sizeof wide);
    assert_true(amble_scan_has_service(&result, &b16));
    result = result_of(with_zero, sizeof with_zero, sizeof with_zero);
    assert_string_equal(amble_scan_name(&result, name, ""), "a"); /* cut to 31 bytes, and C ends it at the zero */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_field_has_its_bytes),
        cmocka_unit_test(what_does_not_fit_goes_to_the_scan_response),
        cmocka_unit_test(the_best_fit_is_searched),
        cmocka_unit_test(the_log_names_what_fits_nowhere),
        cmocka_unit_test(structures_that_lie_end_the_data),
        cmocka_unit_test(fields_are_found_in_any_form),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
