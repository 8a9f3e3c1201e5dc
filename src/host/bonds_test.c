/* Bonds of a whole host, in a file: they outlive it, are listed, deleted, exported; and a host does not open over a
 * file that it cannot understand. */
#include <sys/stat.h>
#include <unistd.h>

#include "port/scratch.h"
#include "smp/testing.h"

static char paths[2][96];

static void open_both(uint16_t limit)
{
    memset(&wire, 0, sizeof wire);
    wire.delivery.run = wire_deliver;
    for (unsigned side = 0; side < 2; side++)
        wire_open_side(side, &(amble_config){.bonds = paths[side], .bond_limit = limit});
}
static void make_folder(void)
{
    scratch_path(paths[0], sizeof paths[0], "0.json");
    scratch_path(paths[1], sizeof paths[1], "1.json");
}
static void drop_folder(void) { assert_int_equal(scratch_clear(), 0); }

static void bonds_outlive_the_host(void)
{
    const amble_pair_options options = {.io = AMBLE_IO_YES_NO, .mitm = true};
    amble_bond bond = {.serial = 0};

    make_folder();
    open_both(0);
    wire_connect();
    assert_int_equal(wire_pair(&options, &options, 20000), 0);
    wire_end();
    open_both(0);
    wire_connect();
    assert_int_equal(amble_encrypted(wire.sides[CENTRAL].conn, 1000), 0);
    assert_int_equal(amble_encrypted(wire.sides[PERIPHERAL].conn, 1000), 0);
    assert_true(amble_connection_authenticated(wire.sides[PERIPHERAL].conn));
    assert_int_equal(amble_bonds_next(amble_bonds_of(wire.sides[CENTRAL].ble), &bond), 1);
    assert_true(amble_device_equal(bond.device, wire_address(PERIPHERAL)));
    assert_true(bond.authenticated && bond.secure && bond.key_size == 16);
    assert_int_equal(amble_bonds_next(amble_bonds_of(wire.sides[CENTRAL].ble), &bond), 0);
    wire_end();
    drop_folder();
}

static void a_bond_is_deleted_for_good(void)
{
    amble_bonds *bonds;
    amble_bond_keys keys;
    amble_bond bond = {.serial = 0};

    make_folder();
    open_both(0);
    wire_connect();
    assert_int_equal(wire_pair(NULL, NULL, 20000), 0);
    assert_int_equal(amble_bonds_open(&bonds, paths[CENTRAL]), AMBLE_ERR_BUSY); /* the host has it */
    assert_non_null(strstr(amble_open_problem(), paths[CENTRAL]));
    wire_end();
    assert_int_equal(amble_bonds_open(&bonds, paths[CENTRAL]), 0);
    assert_int_equal(amble_bonds_next(bonds, &bond), 1);
    assert_int_equal(amble_bonds_keys(bonds, bond.device, &keys), 0);
    assert_memory_equal(keys.key, wire.last_key, 16);
    assert_int_equal(amble_bonds_delete(bonds, wire_address(PERIPHERAL)), 0);
    assert_int_equal(amble_bonds_delete(bonds, wire_address(PERIPHERAL)), AMBLE_ERR_NOT_FOUND);
    assert_int_equal(amble_bonds_keys(bonds, bond.device, &keys), AMBLE_ERR_NOT_FOUND);
    amble_bonds_close(bonds);
    assert_int_equal(amble_bonds_open(&bonds, paths[CENTRAL]), 0);
    bond.serial = 0;
    assert_int_equal(amble_bonds_next(bonds, &bond), 0);
    amble_bonds_close(bonds);
    amble_bonds_close(NULL);
    drop_folder();
}

static void write_file(const char *path, const char *text)
{
    FILE *stream = fopen(path, "wb");

    assert_non_null(stream);
    assert_true(fputs(text, stream) >= 0);
    assert_int_equal(fclose(stream), 0);
}

static int try_to_open(void)
{
    static const amble__transport_operations operations = {.write = wire_write, .close = wire_close};
    amble *ble;

    wire.sides[CENTRAL].transport = (amble__transport){.operations = &operations, .name = "central"};
    return amble__host_open(&ble, &wire.sides[CENTRAL].transport, &(amble_config){.bonds = paths[CENTRAL]}, 5000);
}

static void a_host_does_not_open_over_a_file_it_cannot_understand(void)
{
    static const char *const texts[] = {"{\"amble bonds\": 1, \"records\": [\"0102\"]}", "{\"amble bonds\": 9}"};

    amble_log_level(-1);
    make_folder();
    memset(&wire, 0, sizeof wire);
    wire.delivery.run = wire_deliver;
    for (unsigned i = 0; i < 2; i++) {
        write_file(paths[CENTRAL], texts[i]);
        assert_int_equal(try_to_open(), AMBLE_ERR_BAD_FILE);
        assert_non_null(strstr(amble_open_problem(), paths[CENTRAL]));
        assert_int_equal(access(paths[CENTRAL], F_OK) == 0, i == 1); /* damaged: kept aside; newer: left alone */
    }
    drop_folder();
    amble_log_level(AMBLE_LOG_WARNING);
}

/* --- a store that fails ------------------------------------------------------------------------------------------- */
static struct {
    unsigned failures, saves; /* still to come; tried */
    size_t records;
} faulty;

static int load_nothing(void *user, int (*take)(void *target, const void *record, size_t size), void *target)
{
    (void)user, (void)take, (void)target;
    return 0;
}
static int save_or_fail(void *user, size_t count, size_t (*give)(void *source, size_t index, void *record, size_t room),
                        void *source)
{
    (void)user, (void)give, (void)source;
    faulty.saves++;
    if (faulty.failures && faulty.failures--)
        return AMBLE_ERR_IO;
    faulty.records = count;
    return 0;
}
static const amble_bond_store faulty_store = {.load = load_nothing, .save = save_or_fail};

static void pair_with_a_faulty_store(unsigned failures)
{
    memset(&wire, 0, sizeof wire);
    wire.delivery.run = wire_deliver;
    wire_open_side(CENTRAL, NULL);
    wire_open_side(PERIPHERAL, &(amble_config){.bond_store = &faulty_store});
    assert_int_equal(amble_sleep_ms(1000), 0); /* what a new host keeps is kept */
    wire_connect();
    faulty.failures = failures;
    faulty.saves = 0;
    faulty.records = 0;
    assert_int_equal(wire_pair(NULL, NULL, 20000), 0);
}

/* It is tried again by itself, less and less often, whatever else the host does or does not. */
static void what_could_not_be_saved_is_tried_again(void)
{
    amble_log_level(AMBLE_LOG_OFF); /* each failure is told */
    pair_with_a_faulty_store(5);
    assert_int_equal(faulty.records, 0);
    assert_in_range(faulty.saves, 1, 2);
    assert_int_equal(amble_sleep_ms(1500), 0);
    assert_in_range(faulty.saves, 2, 3);
    assert_int_equal(amble_sleep_ms(60000), 0);
    assert_int_equal(faulty.saves, 6); /* the sixth did it, and that was the last */
    assert_in_range(faulty.records, 2, 3);
    wire_end();
    amble_log_level(AMBLE_LOG_WARNING);
}

/* A disk that is full for a day is not written to all day long, nor at every event; the host that closes tries once
 * more. */
static void a_store_that_fails_for_long_is_left_in_peace(void)
{
    enum { HOUR_MS = 3600 * 1000 };

    amble_log_level(AMBLE_LOG_OFF);
    pair_with_a_faulty_store(1000000);
    assert_int_equal(amble_sleep_ms(HOUR_MS), 0);
    assert_in_range(faulty.saves, 20, 100);
    faulty.failures = 0;
    wire_end();
    assert_in_range(faulty.records, 2, 3);
    amble_log_level(AMBLE_LOG_WARNING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(what_could_not_be_saved_is_tried_again),
        task_test(a_store_that_fails_for_long_is_left_in_peace),
        task_test(bonds_outlive_the_host),
        task_test(a_bond_is_deleted_for_good),
        task_test(a_host_does_not_open_over_a_file_it_cannot_understand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
