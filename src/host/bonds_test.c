/* Bonds of a whole host, in a file: they outlive it, are listed, deleted, exported; and a host does not open over a file that it cannot
 * understand. */
#include <sys/stat.h>
#include <unistd.h>

#include "smp/testing.h"

static char folder[64], paths[2][96];

static void open_both(uint16_t limit)
{
    memset(&wire, 0, sizeof wire);
    wire.delivery.run = wire_deliver;
    for (unsigned side = 0; side < 2; side++)
        wire_open_side(side, &(amble_config){.bonds = paths[side], .bond_limit = limit});
}
static void make_folder(void)
{
    strcpy(folder, "/tmp/amble-host-"
                   "XX"
                   "XX"
                   "XX");
    assert_non_null(mkdtemp(folder));
    for (int side = 0; side < 2; side++)
        (void)snprintf(paths[side], sizeof paths[side], "%s/%d.json", folder, side);
}
static void drop_folder(void)
{
    char command[128];

    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(bonds_outlive_the_host),
        task_test(a_bond_is_deleted_for_good),
        task_test(a_host_does_not_open_over_a_file_it_cannot_understand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
