/* Tests of the database: handles, looking up by handle and by definition, large tables, memory that is used up, and
 * definitions that make no sense. */
#include "gatt/testing.h"

static amble__database database;

static void open_database(size_t size)
{
    amble__arena arena = test_arena();

    amble__database_init(&database, &arena, size, TEST_LINKS);
    assert_true(arena.used <= arena.size);
}

static void handles_go_up_without_gaps(void **state)
{
    const uint16_t types[] = {0x2800, 0x2803, 0x2a19, 0x2902, 0x2901, 0x2803, 0x2a3d, 0x2803,
                              0xaa00, 0x2800, 0x2803, 0,      0x2803, 0xaa01, 0x2803, 0xaa02};
    amble__attribute attribute;

    (void)state;
    open_database(8192);
    assert_int_equal(amble__database_serve(&database, &battery), 0);
    assert_int_equal(amble__database_serve(&database, &custom), 0);
    for (unsigned handle = 1; handle <= LAST; handle++) {
        const amble_uuid expected = {2, {(uint8_t)types[handle - 1], (uint8_t)(types[handle - 1] >> 8)}};
        amble_uuid type;

        assert_true(amble__database_at_or_after(&database, handle, &attribute));
        assert_int_equal(attribute.handle, handle);
        assert_non_null(amble__database_at(&database, (uint16_t)handle));
        assert_int_equal(amble__database_at(&database, (uint16_t)handle)->handle, handle);
        assert_int_equal(amble__database_at(&database, (uint16_t)handle)->kind, attribute.kind);
        type = amble__attribute_type(&attribute);
        assert_true(amble_uuid_equal(&type, handle == COMMAND ? &command_uuid : &expected));
    }
    assert_null(amble__database_at(&database, 0));
    assert_null(amble__database_at(&database, LAST + 1));
    assert_null(amble__database_at(&database, 0xffff));
    assert_true(amble__database_at_or_after(&database, 0, &attribute)); /* from the start */
    assert_int_equal(attribute.handle, 1);
    assert_false(amble__database_at_or_after(&database, LAST + 1, &attribute));
    assert_false(amble__database_at_or_after(&database, 0x10000, &attribute));
    assert_int_equal(database.services[0].end, CUSTOM - 1);
    assert_int_equal(database.services[1].end, LAST);
}

static void definitions_are_found_by_their_address(void **state)
{
    const amble_characteristic copy = level;

    (void)state;
    open_database(8192);
    assert_null(amble__database_find(&database, &level));
    assert_int_equal(amble__database_serve(&database, &battery), 0);
    assert_int_equal(amble__database_find(&database, &level)->handle, LEVEL);
    assert_int_equal(amble__database_find(&database, &level_name)->handle, LEVEL_NAME);
    assert_int_equal(amble__database_find(&database, &text)->handle, TEXT);
    assert_null(amble__database_find(&database, &command));
    assert_null(amble__database_find(&database, &copy));
    assert_int_equal(amble__database_find(&database, &level)->properties, 0x32);
    assert_int_equal(amble__database_find(&database, &secret)->properties, 0x08);
}

static void an_attribute_asked_for_again_is_the_present_one(void **state)
{
    (void)state;
    open_database(8192);
    assert_int_equal(amble__database_serve(&database, &battery), 0);
    assert_null(amble__database_at(&database, CUSTOM));
    assert_non_null(amble__database_at(&database, TEXT));
    assert_int_equal(amble__database_serve(&database, &custom), 0);
    assert_non_null(amble__database_at(&database, CUSTOM));
    assert_int_equal(amble__database_at(&database, CUSTOM)->kind, AMBLE__ATTRIBUTE_SERVICE);
    assert_non_null(amble__database_at(&database, TEXT));
    assert_int_equal(amble__database_at(&database, TEXT)->handle, TEXT);
}

enum { MANY = 1666, PER_SERVICE = 100 }; /* with service, declaration and CCCD: 5,000 attributes and more */

static void five_thousand_attributes(void **state)
{
    static amble_characteristic many[MANY];
    static const amble_characteristic *lists[MANY / PER_SERVICE + 1][PER_SERVICE + 1];
    static amble_service services[MANY / PER_SERVICE + 1];
    unsigned handle = 0;
    const amble__attribute *attribute;

    (void)state;
    open_database(600000);
    for (int i = 0; i < MANY; i++) {
        many[i] = (amble_characteristic){.uuid = &level_uuid, .read = true, .notify = true, .max_size = 8};
        lists[i / PER_SERVICE][i % PER_SERVICE] = &many[i];
    }
    for (int i = 0; i <= MANY / PER_SERVICE; i++) {
        services[i] = (amble_service){.uuid = &battery_uuid, .characteristics = lists[i]};
        assert_int_equal(amble__database_serve(&database, &services[i]), 0);
    }
    for (int i = 0; i < MANY; i++) {
        handle += i % PER_SERVICE ? 3 : 4;
        assert_int_equal(amble__database_find(&database, &many[i])->cccd, handle);
        attribute = amble__database_at(&database, (uint16_t)(handle - 1));
        assert_non_null(attribute);
        assert_int_equal(attribute->kind, AMBLE__ATTRIBUTE_VALUE);
        assert_ptr_equal(attribute->value->definition, &many[i]);
    }
    assert_true(handle > 5000);
    assert_null(amble__database_at(&database, (uint16_t)(handle + 1)));
}

static size_t memory_used(void)
{
    size_t end = 0;

    for (size_t i = 0; i < database.count; i++)
        if (database.services[i].at + database.services[i].size > end)
            end = database.services[i].at + database.services[i].size;
    return end;
}

static void used_up_memory_changes_nothing(void **state)
{
    size_t used, enough;
    bool served = false;

    (void)state;
    open_database(8192);
    assert_int_equal(amble__database_serve(&database, &battery), 0);
    used = memory_used();
    assert_int_equal(amble__database_serve(&database, &custom), 0);
    enough = memory_used();
    amble_log_level(AMBLE_LOG_OFF);
    for (size_t size = used; size <= enough; size++) {
        open_database(size);
        assert_int_equal(amble__database_serve(&database, &battery), 0);
        for (int again = 0; again < 2; again++) {
            const int r = amble__database_serve(&database, &custom);

            served = size == enough;
            if (served) {
                assert_int_equal(r, again ? AMBLE_ERR_BUSY : 0);
                continue;
            }
            assert_int_equal(r, AMBLE_ERR_NO_MEMORY);
            assert_int_equal(memory_used(), used);
            assert_int_equal(database.count, 1);
            assert_null(amble__database_at(&database, CUSTOM));
            assert_null(amble__database_find(&database, &command));
            assert_null(amble__database_find(&database, &both));
        }
        assert_non_null(amble__database_at(&database, LEVEL));
    }
    amble_log_level(AMBLE_LOG_WARNING);
    assert_true(served);
}

static void the_last_service_and_the_last_handle(void **state)
{
    static amble_service services[AMBLE__DATABASE_SERVICES + 1];

    (void)state;
    open_database(8192);
    amble_log_level(AMBLE_LOG_OFF);
    for (int i = 0; i <= AMBLE__DATABASE_SERVICES; i++) {
        services[i] = (amble_service){.uuid = &battery_uuid};
        assert_int_equal(amble__database_serve(&database, &services[i]),
                         i < AMBLE__DATABASE_SERVICES ? 0 : AMBLE_ERR_NO_MEMORY);
    }
    open_database(8192);
    assert_int_equal(amble__database_serve(&database, &services[0]), 0);
    database.next_handle = 0xffff - 8; /* as if that many were served */
    assert_int_equal(amble__database_serve(&database, &battery), 0);
    assert_int_equal(database.services[1].end, 0xffff);
    assert_int_equal(amble__database_serve(&database, &services[1]), AMBLE_ERR_NO_MEMORY);
    amble_log_level(AMBLE_LOG_WARNING);
}

static void nothing_is_served_twice(void **state)
{
    const amble_service same_values = {.uuid = &battery_uuid, .characteristics = AMBLE_LIST(&text)};
    const amble_service same_descriptor = {.uuid = &battery_uuid, .characteristics = AMBLE_LIST(&level_name)};
    const amble_service twice_inside = {.uuid = &custom_uuid,
                                        .characteristics = AMBLE_LIST(&command, &asked, &command)};
    const amble_characteristic holder = {.uuid = &text_uuid, .read = true, .descriptors = AMBLE_LIST(&secret, &secret)};
    const amble_service descriptor_twice = {.uuid = &custom_uuid, .characteristics = AMBLE_LIST(&holder)};

    (void)state;
    open_database(8192);
    assert_int_equal(amble__database_serve(&database, &twice_inside), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble__database_serve(&database, &descriptor_twice), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble__database_serve(&database, &battery), 0);
    assert_int_equal(amble__database_serve(&database, &battery), AMBLE_ERR_BUSY);
    assert_int_equal(amble__database_serve(&database, &same_values), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble__database_serve(&database, &same_descriptor), AMBLE_ERR_ARGUMENT);
    assert_int_equal(database.count, 1);
}

static void refuse(const amble_characteristic c)
{
    const amble_service service = {.uuid = &custom_uuid, .characteristics = AMBLE_LIST(&c)};
    const amble_characteristic holder = {.uuid = &text_uuid, .read = true, .descriptors = AMBLE_LIST(&c)};
    const amble_service as_descriptor = {.uuid = &custom_uuid, .characteristics = AMBLE_LIST(&holder)};

    assert_int_equal(amble__database_serve(&database, &service), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble__database_serve(&database, &as_descriptor), AMBLE_ERR_ARGUMENT);
}

static void definitions_that_make_no_sense(void **state)
{
    static const amble_uuid no_uuid = {.size = 0}, odd_uuid = {.size = 4};
    const amble_service nameless = {.uuid = NULL}, without_uuid = {.uuid = &no_uuid};
    const amble_characteristic notifying = {.uuid = &name_uuid, .notify = true};
    const amble_characteristic holder = {.uuid = &text_uuid, .read = true, .descriptors = AMBLE_LIST(&notifying)};
    const amble_service notifying_descriptor = {.uuid = &custom_uuid, .characteristics = AMBLE_LIST(&holder)};

    (void)state;
    open_database(8192);
    refuse((amble_characteristic){.uuid = NULL});
    refuse((amble_characteristic){.uuid = &no_uuid});
    refuse((amble_characteristic){.uuid = &odd_uuid});
    refuse((amble_characteristic){.uuid = &text_uuid, .max_size = 513});
    refuse((amble_characteristic){.uuid = &text_uuid, .max_size = 4, .initial = text_start, .initial_size = 5});
    refuse((amble_characteristic){.uuid = &text_uuid, .initial_size = 5}); /* five bytes from nowhere */
    refuse((amble_characteristic){.uuid = &text_uuid, .write = true, .answer_writes = true, .capture = true});
    refuse((amble_characteristic){.uuid = &text_uuid, .write_no_response = true, .answer_writes = true});
    assert_int_equal(amble__database_serve(&database, &nameless), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble__database_serve(&database, &without_uuid), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble__database_serve(&database, &notifying_descriptor), AMBLE_ERR_ARGUMENT);
    assert_int_equal(database.count, 0);
    assert_int_equal(memory_used(), 0);
}

static void values_start_as_they_are_defined(void **state)
{
    const amble_characteristic plain = {.uuid = &text_uuid, .read = true};
    const amble_characteristic longer = {
        .uuid = &text_uuid, .read = true, .initial = text_start, .initial_size = sizeof text_start};
    const amble_service service = {.uuid = &custom_uuid, .characteristics = AMBLE_LIST(&plain, &longer)};
    const amble__served_value *value;

    (void)state;
    open_database(8192);
    assert_int_equal(amble__database_serve(&database, &service), 0);
    value = amble__database_find(&database, &plain);
    assert_int_equal(value->size, 0);
    assert_int_equal(value->max_size, 20);
    assert_null(value->queue);
    value = amble__database_find(&database, &longer);
    assert_int_equal(value->size, sizeof text_start);
    assert_int_equal(value->max_size, sizeof text_start);
    assert_memory_equal(value->value, text_start, sizeof text_start);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handles_go_up_without_gaps),
        cmocka_unit_test(definitions_are_found_by_their_address),
        cmocka_unit_test(an_attribute_asked_for_again_is_the_present_one),
        cmocka_unit_test(five_thousand_attributes),
        cmocka_unit_test(used_up_memory_changes_nothing),
        cmocka_unit_test(the_last_service_and_the_last_handle),
        cmocka_unit_test(nothing_is_served_twice),
        cmocka_unit_test(definitions_that_make_no_sense),
        cmocka_unit_test(values_start_as_they_are_defined),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
