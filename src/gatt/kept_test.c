/* Tests of what the server keeps in bonds: whole records come back, damaged ones are refused, a CCCD is only given back
 * to what it configured. */
#include "gatt/testing.h"

#include "gatt/kept.h"

static const amble__served_service *battery_service(void)
{
    return amble__database_service(&the_host.server.database, &battery);
}
static amble__served_value *value_of(const amble_characteristic *c)
{
    return amble__database_find(&the_host.server.database, c);
}

static amble__kept full(void)
{
    amble__kept kept = {.features = 5, .knows = true};

    for (unsigned i = 0; i < sizeof kept.hash; i++)
        kept.hash[i] = (uint8_t)(i + 1);
    while (amble__kept_add(&kept, battery_service(), value_of(&level), 1 + kept.count % 3))
        ;
    return kept;
}

static void a_full_record_comes_back(void)
{
    uint8_t bytes[AMBLE__BOND_GATT];
    amble__kept kept, again;

    (void)serve_table();
    kept = full();
    assert_int_equal(kept.count, AMBLE__KEPT_CCCDS);
    assert_int_equal(kept.count, 13);
    assert_int_equal(amble__kept_encode(&kept, bytes), AMBLE__KEPT_HEAD + kept.count * AMBLE__KEPT_CCCD);
    assert_true(amble__kept_decode(&again, bytes, AMBLE__KEPT_HEAD + kept.count * AMBLE__KEPT_CCCD));
    assert_int_equal(again.features, 5);
    assert_true(again.knows);
    assert_memory_equal(again.hash, kept.hash, sizeof kept.hash);
    assert_int_equal(again.count, kept.count);
    for (unsigned i = 0; i < kept.count; i++) {
        assert_int_equal(again.cccds[i].handle, kept.cccds[i].handle);
        assert_int_equal(again.cccds[i].fingerprint, kept.cccds[i].fingerprint);
        assert_int_equal(again.cccds[i].bits, kept.cccds[i].bits);
    }
}

static void what_makes_no_sense_is_refused(void)
{
    uint8_t bytes[AMBLE__BOND_GATT + AMBLE__KEPT_CCCD];
    amble__kept kept;
    size_t size;

    (void)serve_table();
    kept = full();
    size = amble__kept_encode(&kept, bytes);
    for (size_t n = 0; n <= size; n++)
        assert_int_equal(amble__kept_decode(&kept, bytes, n),
                         n >= AMBLE__KEPT_HEAD && (n - AMBLE__KEPT_HEAD) % AMBLE__KEPT_CCCD == 0);
    assert_false(amble__kept_decode(&kept, bytes, size + AMBLE__KEPT_CCCD)); /* more than fit */
    bytes[0] ^= 0x40;                                                        /* of another format */
    assert_false(amble__kept_decode(&kept, bytes, size));
}

static void a_configuration_belongs_to_its_characteristic(void)
{
    static const amble_uuid other_uuid = AMBLE_UUID16(0x1810);
    const amble_service other = {.uuid = &other_uuid};
    const amble__served_service elsewhere = {.definition = &other};
    amble__served_value changed;
    amble__kept kept = {.features = 0};

    (void)serve_table();
    assert_true(amble__kept_add(&kept, battery_service(), value_of(&level), AMBLE__CCCD_INDICATE));
    assert_int_equal(amble__kept_bits(&kept, battery_service(), value_of(&level)), AMBLE__CCCD_INDICATE);
    assert_int_equal(amble__kept_bits(&kept, &elsewhere, value_of(&level)), 0);
    changed = *value_of(&level);
    changed.properties ^= AMBLE_PROPERTY_INDICATE;
    assert_int_equal(amble__kept_bits(&kept, battery_service(), &changed), 0);
    changed = *value_of(&level);
    changed.definition = &text;
    assert_int_equal(amble__kept_bits(&kept, battery_service(), &changed), 0);
    changed = *value_of(&level);
    changed.cccd++;
    assert_int_equal(amble__kept_bits(&kept, battery_service(), &changed), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(a_full_record_comes_back),
        task_test(what_makes_no_sense_is_refused),
        task_test(a_configuration_belongs_to_its_characteristic),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
