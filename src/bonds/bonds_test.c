/* Bonds in memory: which one gives way, what a store is given and gives back, and records that make no sense. */
#include "bonds/bonds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CAPACITY = 4, RECORDS = 16 };

static struct {
    uint8_t records[RECORDS][AMBLE__BOND_RECORD];
    size_t sizes[RECORDS], count;
    unsigned saves;
    int result;
} flash;

static int flash_load(void *user, int (*take)(void *target, const void *record, size_t size), void *target)
{
    int r = flash.result;

    (void)user;
    for (size_t i = 0; r >= 0 && i < flash.count; i++)
        r = take(target, flash.records[i], flash.sizes[i]);
    return r;
}
static int flash_save(void *user, size_t count, size_t (*give)(void *source, size_t index, void *record, size_t room),
                      void *source)
{
    (void)user;
    flash.saves++;
    flash.count = count;
    for (size_t i = 0; i < count; i++) {
        flash.sizes[i] = give(source, i, flash.records[i], AMBLE__BOND_RECORD);
        assert_true(flash.sizes[i] > 0);
    }
    return flash.result;
}
static const amble_bond_store store = {.load = flash_load, .save = flash_save};

static amble__bond slots[CAPACITY];

static amble__bonds empty(void)
{
    amble__arena arena = {.block = (uint8_t *)slots, .size = sizeof slots};
    amble__bonds bonds = {.slots = NULL};

    memset(slots, 0, sizeof slots);
    amble__bonds_init(&bonds, &arena, CAPACITY);
    return bonds;
}
static amble_device device(uint8_t number) { return (amble_device){AMBLE_RANDOM, {number, 0, 0, 0, 0, 0xc0}}; }

static amble__bond full_bond(uint8_t number)
{
    amble__bond bond = {.used = true,
                        .peer = device(number),
                        .paired_as = device((uint8_t)(number + 100 * (number & 1))),
                        .serial = number,
                        .authenticated = true,
                        .secure_connections = number & 1,
                        .authorised = !(number & 1),
                        .key_size = 16,
                        .own_key = {.present = true, .diversifier = 0x1234},
                        .peer_key = {.present = true, .diversifier = 0x5678},
                        .has_irk = true,
                        .own_signing = {.present = true, .counter = 0x01020304, .reserved = 0x01020304},
                        .peer_signing = {.present = true, .counter = 7, .reserved = 7},
                        .gatt_size = AMBLE__BOND_GATT};

    for (uint8_t i = 0; i < 16; i++)
        bond.own_key.value[i] = bond.peer_key.value[15 - i] = bond.irk[i] = bond.own_signing.value[i] =
            bond.peer_signing.value[i] = (uint8_t)(number + i);
    memset(bond.own_key.random, number, 8);
    memset(bond.peer_key.random, ~number, 8);
    memset(bond.gatt, number, sizeof bond.gatt);
    return bond;
}

static void a_record_holds_all_of_a_bond(void **state)
{
    uint8_t bytes[AMBLE__BOND_RECORD];
    amble__record record;

    (void)state;
    for (uint8_t number = 1; number < 3; number++) {
        const amble__bond bond = full_bond(number);
        const size_t size = amble__record_of_bond(&bond, bytes, sizeof bytes);

        assert_true(size > 0);
        assert_int_equal(amble__record_decode(&record, bytes, size), 0);
        assert_false(record.is_identity);
        assert_memory_equal(&record.bond.own_key, &bond.own_key, sizeof bond.own_key);
        assert_memory_equal(&record.bond.peer_key, &bond.peer_key, sizeof bond.peer_key);
        assert_memory_equal(&record.bond.own_signing, &bond.own_signing, sizeof bond.own_signing);
        assert_memory_equal(&record.bond.peer_signing, &bond.peer_signing, sizeof bond.peer_signing);
        assert_memory_equal(record.bond.irk, bond.irk, 16);
        assert_memory_equal(record.bond.gatt, bond.gatt, sizeof bond.gatt);
        assert_true(amble_device_equal(record.bond.peer, bond.peer));
        assert_true(amble_device_equal(record.bond.paired_as, bond.paired_as));
        assert_int_equal(record.bond.secure_connections, bond.secure_connections);
        assert_int_equal(record.bond.serial, bond.serial);
        assert_int_equal(record.bond.gatt_size, AMBLE__BOND_GATT);
        assert_int_equal(amble__record_of_bond(&bond, bytes, size - 1), 0); /* no room */
    }
}

/* Cut anywhere, or with any byte changed, a record is refused or still has its form: nothing is read beyond it. */
static void a_record_that_makes_no_sense_is_refused(void **state)
{
    const amble__bond bond = full_bond(1);
    uint8_t bytes[AMBLE__BOND_RECORD];
    const size_t size = amble__record_of_bond(&bond, bytes, sizeof bytes);
    amble__record record;

    (void)state;
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *copy = malloc(cut ? cut : 1);

        assert_non_null(copy);
        memcpy(copy, bytes, cut);
        if (amble__record_decode(&record, copy, cut) == 0)
            assert_true(record.bond.used && record.bond.key_size); /* whole fields were left out */
        free(copy);
    }
    for (size_t at = 0; at < size; at++)
        for (unsigned value = 0; value < 256; value++) {
            const uint8_t was = bytes[at];

            bytes[at] = (uint8_t)value;
            if (amble__record_decode(&record, bytes, size) == 0)
                assert_in_range(record.bond.gatt_size, 0, AMBLE__BOND_GATT);
            bytes[at] = was;
        }
    bytes[0] = 2; /* another version */
    assert_int_equal(amble__record_decode(&record, bytes, size), AMBLE_ERR_BAD_FILE);
}

static void the_least_recently_used_gives_way(void **state)
{
    amble__bonds bonds = empty();

    (void)state;
    for (uint8_t i = 1; i <= CAPACITY; i++)
        (void)amble__bonds_take(&bonds, device(i));
    amble__bonds_touch(&bonds, amble__bonds_find(&bonds, device(1)));
    (void)amble__bonds_take(&bonds, device(9));
    assert_null(amble__bonds_find(&bonds, device(2)));
    assert_non_null(amble__bonds_find(&bonds, device(1)));
    (void)amble__bonds_take(&bonds, device(3)); /* its own place */
    assert_non_null(amble__bonds_find(&bonds, device(4)));
    amble__bonds_drop(&bonds, amble__bonds_find(&bonds, device(9)));
    (void)amble__bonds_take(&bonds, device(10)); /* a free one */
    for (uint8_t i = 3; i <= 4; i++)
        assert_non_null(amble__bonds_find(&bonds, device(i)));
}

static void a_bond_is_found_under_both_addresses(void **state)
{
    amble__bonds bonds = empty();

    (void)state;
    amble__bonds_take(&bonds, device(1))->paired_as = device(7);
    amble__bonds_take(&bonds, device(2))->paired_as = device(7);
    assert_true(amble_device_equal(amble__bonds_find(&bonds, device(1))->peer, device(1)));
    assert_true(amble_device_equal(amble__bonds_find(&bonds, device(7))->peer, device(2))); /* the more recent one */
    (void)amble__bonds_take(&bonds, device(7)); /* an identity of its own takes nobody else's place */
    assert_true(amble_device_equal(amble__bonds_find(&bonds, device(7))->peer, device(7)));
    assert_true(amble_device_equal(amble__bonds_find(&bonds, device(2))->peer, device(2)));
}

static void order_outlives_the_numbers(void **state)
{
    amble__bonds bonds = empty();

    (void)state;
    bonds.serials = UINT32_MAX - 2;
    for (uint8_t i = 1; i <= CAPACITY; i++)
        (void)amble__bonds_take(&bonds, device(i));
    assert_int_equal(bonds.serials, 4);
    for (uint8_t i = 1; i <= CAPACITY; i++)
        assert_int_equal(amble__bonds_find(&bonds, device(i))->serial, i);
}

static void what_is_saved_comes_back(void **state)
{
    amble__bonds bonds = empty();

    (void)state;
    memset(&flash, 0, sizeof flash);
    assert_int_equal(amble__bonds_load(&bonds, &store), 0);
    for (uint8_t i = 1; i <= 3; i++) {
        amble__bond *bond = amble__bonds_take(&bonds, device(i));
        const uint32_t serial = bond->serial;

        *bond = full_bond(i);
        bond->serial = serial;
    }
    bonds.has_own_irk = true;
    memset(bonds.own_irk, 0x5a, 16);
    bonds.has_own_address = true;
    bonds.own_address = device(77);
    assert_int_equal(amble__bonds_save(&bonds), 0);
    assert_int_equal(amble__bonds_save(&bonds), 0);
    assert_int_equal(flash.saves, 1); /* nothing changed since */
    bonds = empty();
    assert_int_equal(amble__bonds_load(&bonds, &store), 0);
    for (uint8_t i = 1; i <= 3; i++)
        assert_memory_equal(amble__bonds_find(&bonds, device(i))->irk, full_bond(i).irk, 16);
    assert_true(bonds.has_own_irk && bonds.own_irk[3] == 0x5a);
    assert_true(bonds.has_own_address && amble_device_equal(bonds.own_address, device(77)));
    assert_int_equal(bonds.serials, 3);
    assert_false(bonds.changed);
}

static void more_than_fit_leaves_the_most_recent(void **state)
{
    amble__bonds bonds = empty();

    (void)state;
    memset(&flash, 0, sizeof flash);
    for (uint8_t i = 0; i < 8; i++) {
        const amble__bond bond = full_bond((uint8_t)(8 - i)); /* the most recent first */

        flash.sizes[flash.count] = amble__record_of_bond(&bond, flash.records[flash.count], AMBLE__BOND_RECORD);
        flash.count++;
    }
    assert_int_equal(amble__bonds_load(&bonds, &store), 0);
    for (uint8_t i = 5; i <= 8; i++)
        assert_non_null(amble__bonds_find(&bonds, device(i)));
    assert_null(amble__bonds_find(&bonds, device(4)));
}

static void errors_of_the_store_are_passed_on(void **state)
{
    amble__bonds bonds = empty();

    (void)state;
    memset(&flash, 0, sizeof flash);
    flash.result = AMBLE_ERR_IO;
    assert_int_equal(amble__bonds_load(&bonds, &store), AMBLE_ERR_IO);
    flash.result = 0;
    flash.count = 1;
    flash.sizes[0] = 3;
    assert_int_equal(amble__bonds_load(&bonds, &store), AMBLE_ERR_BAD_FILE);
    flash.count = 0;
    assert_int_equal(amble__bonds_load(&bonds, &store), 0);
    (void)amble__bonds_take(&bonds, device(1));
    flash.result = AMBLE_ERR_IO;
    assert_int_equal(amble__bonds_save(&bonds), AMBLE_ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_holds_all_of_a_bond),
        cmocka_unit_test(a_record_that_makes_no_sense_is_refused),
        cmocka_unit_test(the_least_recently_used_gives_way),
        cmocka_unit_test(a_bond_is_found_under_both_addresses),
        cmocka_unit_test(order_outlives_the_numbers),
        cmocka_unit_test(what_is_saved_comes_back),
        cmocka_unit_test(more_than_fit_leaves_the_most_recent),
        cmocka_unit_test(errors_of_the_store_are_passed_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
