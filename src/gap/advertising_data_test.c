/* Advertising data: fields into bytes where they fit best, and bytes of strangers into fields. */
#include "gap/gap_room.h"
#include "hci/testing.h"

static const amble_uuid a16 = AMBLE_UUID16(0x181a), b16 = AMBLE_UUID16(0x180f);
static const amble_uuid a128 = AMBLE_UUID128("458063a1-02bf-4664-857e-16c1030be066");
static const amble_uuid b128 = AMBLE_UUID128("458063a2-02bf-4664-857e-16c1030be066");

static amble__advertisement composed;
static char problem[AMBLE__PROBLEM];

static int compose(const amble_advertise_options *options)
{
    static uint8_t bytes[AMBLE__EXTENDED_DATA];

    memset(bytes, 0, sizeof bytes);
    composed = (amble__advertisement){.connectable = true, .bytes = bytes, .capacity = sizeof bytes};
    composed.extended = options->extended;
    return amble__advertising_data(options, "host", &composed, problem);
}
static const uint8_t *response(void) { return composed.bytes + composed.data_size; }
static void expect_data(const uint8_t *bytes, size_t size)
{
    assert_int_equal(composed.data_size, size);
    assert_memory_equal(composed.bytes, bytes, size);
}
static void expect_response(const uint8_t *bytes, size_t size)
{
    assert_int_equal(composed.response_size, size);
    if (size)
        assert_memory_equal(response(), bytes, size);
}
static amble_scan_result result_of(const uint8_t *bytes, size_t size, size_t response_at)
{
    return (amble_scan_result){.data = bytes, .size = size, .response_at = response_at};
}
/* What a scanner would find in it. */
static amble_scan_result composed_result(uint8_t merged[62])
{
    memcpy(merged, composed.bytes, composed.data_size);
    memcpy(merged + composed.data_size, response(), composed.response_size);
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
    assert_int_equal(composed.bytes[3 + 1], 0x07);
    assert_memory_equal(composed.bytes + 5, a128.bytes, 16);
    expect_response(BYTES(12, 0x09, 'e', 'l', 'e', 'v', 'e', 'n', ' ', 'c', 'h', 'a', 'r'));
    assert_int_equal(compose(&(amble_advertise_options){.no_name = true, .services = {&a128, &b128}}), 0);
    assert_int_equal(composed.bytes[3 + 1], 0x06); /* neither list is complete */
    assert_int_equal(response()[1], 0x06);
    assert_memory_equal(response() + 2, b128.bytes, 16);
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

static void further_fields_have_their_bytes(void **state)
{
    static const amble_uuid a32 = AMBLE_UUID32(0x12345678), b32 = AMBLE_UUID32(0x9abcdef0);
    static const amble_uuid long_16 = AMBLE_UUID128("0000180f-0000-1000-8000-00805f9b34fb");

    (void)state;
    assert_int_equal(compose(&(amble_advertise_options){.no_name = true, .services = {&a32, &a16, &b32}}), 0);
    expect_data(BYTES(2, 0x01, 0x06, 3, 0x03, 0x1a, 0x18, 9, 0x05, 0x78, 0x56, 0x34, 0x12, 0xf0, 0xde, 0xbc, 0x9a));
    assert_int_equal(compose(&(amble_advertise_options){.no_name = true, .services = {&long_16}}), 0);
    assert_int_equal(composed.bytes[4], 0x07); /* stays as it was written */
    assert_int_equal(compose(&(amble_advertise_options){.no_name = true, .not_discoverable = true}), 0);
    expect_data(BYTES(2, 0x01, 0x04));
    assert_int_equal(compose(&(amble_advertise_options){.no_name = true, .tx_power = true}), 0);
    expect_data(BYTES(2, 0x01, 0x06, 2, 0x0a, 0));
    assert_int_equal(composed.tx_power_at, 5);
    assert_int_equal(compose(&(amble_advertise_options){
                         .no_name = true, .service_data = {{&a16, "\7", 1}, {NULL, NULL, 0}, {&a32, "\10\11", 2}}}),
                     0);
    expect_data(BYTES(2, 0x01, 0x06, 4, 0x16, 0x1a, 0x18, 7, 7, 0x20, 0x78, 0x56, 0x34, 0x12, 8, 9));
    assert_int_equal(compose(&(amble_advertise_options){.no_name = true, .service_data = {{&a128, "", 0}}}), 0);
    assert_int_equal(composed.data_size, 3 + 18);
    assert_int_equal(composed.bytes[4], 0x21);
    assert_int_equal(
        compose(&(amble_advertise_options){.no_name = true, .structures = "\2\x1c\1\1\x20", .structures_size = 5}), 0);
    expect_data(BYTES(2, 0x01, 0x06, 2, 0x1c, 1, 1, 0x20));
    assert_int_equal(
        compose(&(amble_advertise_options){.no_name = true, .structures = "\3\x1c\1", .structures_size = 3}),
        AMBLE_ERR_ARGUMENT); /* claims more than there is */
    assert_int_equal(compose(&(amble_advertise_options){.no_name = true, .structures = "\0", .structures_size = 1}),
                     AMBLE_ERR_ARGUMENT);
}

static void a_name_is_shortened_where_it_may_be(void **state)
{
    amble_advertise_options options = {.name = "a name of thirty-one characters", .services = {&a128}};

    (void)state;
    amble_log_level(AMBLE_LOG_OFF);
    assert_int_equal(compose(&options), AMBLE_ERR_TOO_LONG);
    options.shortest_name = 30;
    assert_int_equal(compose(&options), AMBLE_ERR_TOO_LONG);
    amble_log_level(AMBLE_LOG_WARNING);
    options.shortest_name = 5;
    assert_int_equal(compose(&options), 0); /* by as little as possible */
    assert_int_equal(composed.response_size, 31);
    assert_int_equal(response()[1], 0x08);
    assert_memory_equal(response() + 2, options.name, 29);
    options.name = "short";
    assert_int_equal(compose(&options), 0);
    assert_int_equal(composed.bytes[composed.data_size - 6], 0x09);
}

/* Among all sets of fields the one is found that fits, if there is one: compared with trying them all. */
static void no_fit_is_missed(void **state)
{
    uint8_t structures[64];
    uint32_t dice = 1;
    unsigned fitting = 0;

    (void)state;
    amble_log_level(AMBLE_LOG_OFF);
    for (int round = 0; round < 2000; round++) {
        amble_advertise_options options = {.no_name = true, .structures = structures};
        size_t sizes[8], total = 0;
        bool fits = false;
        unsigned count = 0;

        while (count < 8 && total < 62 - 12) {
            dice = dice * 1664525 + 1013904223;
            sizes[count] = 2 + (dice >> 24) % 11;
            memset(structures + total, 0, sizes[count]);
            structures[total] = (uint8_t)(sizes[count] - 1);
            structures[total + 1] = 0x30;
            total += sizes[count++];
        }
        options.structures_size = total;
        for (unsigned set = 0; set < 1u << count; set++) {
            size_t in_data = 0;

            for (unsigned i = 0; i < count; i++)
                in_data += set >> i & 1 ? sizes[i] : 0;
            fits = fits || (in_data <= 28 && total - in_data <= 31);
        }
        assert_int_equal(compose(&options), fits ? 0 : AMBLE_ERR_TOO_LONG);
        assert_true(!fits || (composed.data_size <= 31 && composed.response_size <= 31 &&
                              composed.data_size + composed.response_size == 3 + total));
        fitting += fits;
    }
    assert_in_range(fitting, 100, 1990);
    amble_log_level(AMBLE_LOG_WARNING);
}

static void extended_data_has_one_place(void **state)
{
    static uint8_t much[230];

    (void)state;
    amble_log_level(AMBLE_LOG_OFF);
    assert_int_equal(compose(&(amble_advertise_options){.extended = true,
                                                        .name = "a name of more than thirty-one characters",
                                                        .manufacturer = much,
                                                        .manufacturer_size = sizeof much}),
                     0);
    assert_int_equal(composed.data_size, 3 + 43 + 4 + 230);
    assert_int_equal(composed.response_size, 0);
    assert_int_equal(
        compose(&(amble_advertise_options){.extended = true, .manufacturer = much, .manufacturer_size = 253}),
        AMBLE_ERR_TOO_LONG); /* a structure's length is one byte */
    amble_log_level(AMBLE_LOG_WARNING);
    assert_non_null(strstr(problem, "the manufacturer data (253 bytes) fits not into"));
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
    static const uint8_t others[] = {2,    0x0a, 0xf4, 3,    0x19, 0x41, 3,  5, 0x04, 0x78, 0x56,
                                     0x34, 0x12, 4,    0x16, 0x0f, 0x18, 42, 2, 0x01, 0x06};
    static const uint8_t both_names[] = {3, 0x08, 's', 'h', 5, 0x09, 'l', 'o', 'n', 'g', 3, 0x08, 'e', 'n'};
    uint8_t wide[18] = {17, 0x06}, with_zero[40] = {39, 0x09, 'a', 0, 'b'};
    static const amble_uuid as_long = AMBLE_UUID128("0000180f-0000-1000-8000-00805f9b34fb");
    amble_scan_result result = result_of(bytes, sizeof bytes, sizeof bytes);
    amble_uuid listed;
    char name[32];
    size_t size, at = 0;

    (void)state;
    assert_string_equal(amble_scan_name(&result, name, ""), "sh");
    assert_true(amble_scan_has_service(&result, &b16));
    assert_true(amble_scan_has_service(&result, &as_long));
    assert_false(amble_scan_has_service(&result, &a16));
    assert_non_null(amble_scan_manufacturer(&result, 0x004c, &size));
    assert_int_equal(size, 0);
    assert_memory_equal(amble_scan_manufacturer(&result, 0x0075, &size), "\1\2\3", 3);
    assert_null(amble_scan_manufacturer(&result, 0x0076, &size));
    assert_int_equal(amble_scan_tx_power(&result), AMBLE_POWER_UNKNOWN);
    assert_int_equal(amble_scan_appearance(&result), 0);
    assert_int_equal(amble_scan_flags(&result), 0);
    assert_null(amble_scan_service_data(&result, &b16, &size));
    assert_int_equal(amble_scan_next_service(&result, &at, &listed), 1);
    assert_true(amble_uuid_equal(&listed, &b16));
    assert_int_equal(amble_scan_next_service(&result, &at, &listed), 0);
    result = result_of(others, sizeof others, sizeof others);
    assert_int_equal(amble_scan_tx_power(&result), -12);
    assert_int_equal(amble_scan_appearance(&result), 0x0341);
    assert_int_equal(amble_scan_flags(&result), AMBLE_FLAG_GENERAL | AMBLE_FLAG_NO_BR_EDR);
    assert_int_equal(*amble_scan_service_data(&result, &b16, &size), 42);
    assert_int_equal(size, 1);
    assert_true(amble_scan_has_service(&result, &(amble_uuid)AMBLE_UUID32(0x12345678)));
    assert_false(amble_scan_has_service(&result, &(amble_uuid)AMBLE_UUID32(0x02345678)));
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
        cmocka_unit_test(further_fields_have_their_bytes),
        cmocka_unit_test(a_name_is_shortened_where_it_may_be),
        cmocka_unit_test(no_fit_is_missed),
        cmocka_unit_test(extended_data_has_one_place),
        cmocka_unit_test(structures_that_lie_end_the_data),
        cmocka_unit_test(fields_are_found_in_any_form),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
