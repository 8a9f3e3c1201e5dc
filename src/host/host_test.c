/* A host's configuration and memory: what it takes is what it said, wherever the block is. */
#include "host/host_room.h"
#include "task/testing.h"

static const amble_uuid service_uuid = AMBLE_UUID16(0xfff0), value_uuid = AMBLE_UUID16(0xfff1);
static const amble_characteristic value = {
    .uuid = &value_uuid, .read = true, .write = true, .capture = true, .notify = true};
static const amble_service service = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&value)};

static int run_body(void *arg)
{
    (*(void (**)(void))arg)();
    return 0;
}
static void in_task(void **state) { assert_int_equal(run_virtual(run_body, state), 0); }
#define task_test(function)                                                                                            \
    {                                                                                                                  \
#function, in_task, NULL, NULL, (void *)(uintptr_t)function                                                    \
    }

static const amble_config configurations[] = {
    {.name = NULL},
    {.mtu = 23,
     .connections = 1,
     .send_buffers = 1,
     .notification_buffers = 1,
     .scanned_devices = 1,
     .database_size = 4096},
    {.mtu = 517,
     .connections = 64,
     .send_buffers = 100,
     .notification_buffers = 500,
     .scanned_devices = 200,
     .database_size = 100000,
     .enhanced_bearers = 5,
     .task_stack_size = 65537,
     .crypto = AMBLE_CRYPTO_CONTROLLER},
    {.mtu = 65,
     .connections = 3,
     .send_buffers = 7,
     .notification_buffers = 13,
     .scanned_devices = 5,
     .database_size = 5001,
     .no_channels = true},
};
enum { CONFIGURATIONS = sizeof configurations / sizeof *configurations };

/* In a block of exactly the size, so that AddressSanitizer sees a byte more. */
static void a_block_of_the_size_is_enough(void)
{
    for (int i = 0; i < CONFIGURATIONS; i++) {
        amble_config config = configurations[i];
        const size_t size = amble_size(&config);
        uint8_t *block = malloc(size);
        amble *ble, *peer;
        amble_scan_result found;

        memset(block, 0xa5, size); /* nobody promised zeros */
        config.memory = block;
        config.services[0] = &service;
        assert_int_equal(amble_open(&ble, "air:size", &config, 5000), 0);
        assert_ptr_equal(ble, block);
        assert_int_equal(amble_open(&peer, "air:size", NULL, 5000), 0);
        assert_int_equal(amble_scan_find(ble, NULL, &found, 100), AMBLE_ERR_TIMEOUT);
        assert_int_equal(amble_local_write(ble, &value, "x", 1), 0);
        amble_close(peer);
        amble_close(ble);
        free(block);
    }
}

/* The last byte of the block belongs to it: with one less, the layout would reach beyond the end. */
static void the_size_is_what_is_used(void)
{
    for (int i = 0; i < CONFIGURATIONS; i++) {
        amble_config config = configurations[i];
        const size_t size = amble_size(&config);
        uint8_t *block = malloc(size + 64);
        uint8_t *end = NULL;
        amble *ble;

        memset(block, 0xa5, size + 64);
        config.memory = block;
        assert_int_equal(amble_open(&ble, "air:size", &config, 5000), 0);
        end = (uint8_t *)ble->gap.scan.devices + ble->gap.scan.capacity * sizeof *ble->gap.scan.devices;
        assert_true(end <= block + size);
        assert_true(end > block + size - _Alignof(max_align_t)); /* gap is laid out last */
        amble_close(ble);
        for (int k = 0; k < 64; k++)
            assert_int_equal(block[size + (size_t)k], 0xa5);
        free(block);
    }
}

static int open_with(const amble_config *config)
{
    amble *ble;
    int r = amble_open(&ble, "air:bounds", config, 5000);

    assert_true(r == 0 ? ble != NULL : ble == NULL);
    amble_close(ble);
    return r;
}

static void bounds_of_the_configuration(void)
{
    assert_int_equal(open_with(NULL), 0);
    assert_int_equal(open_with(&(amble_config){.mtu = 22}), AMBLE_ERR_ARGUMENT);
    assert_int_equal(open_with(&(amble_config){.enhanced_bearers = 6}), AMBLE_ERR_ARGUMENT);
    assert_int_equal(open_with(&(amble_config){.mtu = 23}), 0);
    assert_int_equal(open_with(&(amble_config){.mtu = 517}), 0);
    assert_int_equal(open_with(&(amble_config){.mtu = 518}), AMBLE_ERR_ARGUMENT);
    assert_int_equal(open_with(&(amble_config){.connections = 64}), 0);
    assert_int_equal(open_with(&(amble_config){.connections = 65}), AMBLE_ERR_ARGUMENT);
    assert_int_equal(open_with(&(amble_config){.name = "1234567890123456789012345678901"}), 0);
    assert_int_equal(open_with(&(amble_config){.name = "12345678901234567890123456789012"}), AMBLE_ERR_ARGUMENT);
    assert_int_equal(open_with(&(amble_config){.name = ""}), 0);
    amble_log_level(AMBLE_LOG_OFF);
    assert_int_equal(open_with(&(amble_config){.database_size = 64}), AMBLE_ERR_NO_MEMORY);
    assert_int_equal(open_with(&(amble_config){.task_stack_size = 512}), AMBLE_ERR_NO_MEMORY);
    assert_int_equal(open_with(&(amble_config){.services = {&service, &service}}), AMBLE_ERR_BUSY);
    amble_log_level(AMBLE_LOG_WARNING);
}

/* Where the host's own tasks stand: as many stacks as there are tasks, each painted when its task begins. */
static void stacks_of_its_own(void)
{
    enum { SIZE = 65536 };
    static const amble_config configs[] = {
        {.no_enhanced_bearers = true},
        {.task_stack_size = 0},
        {.crypto = AMBLE_CRYPTO_CONTROLLER},
    };
    const uint8_t nothing[sizeof(uintptr_t)] = {0};

    for (size_t tasks = 1; tasks <= 3; tasks++) {
        amble_config config = configs[tasks - 1];
        const size_t without = amble_size(&config);
        amble *ble;

        config.task_stack_size = SIZE;
        assert_int_equal(amble_size(&config), without + tasks * SIZE);
        assert_int_equal(amble_open(&ble, "air:stacks", &config, 5000), 0);
        assert_true(ble->stacks > (uint8_t *)ble);
        assert_true(ble->stacks + tasks * SIZE <= (uint8_t *)ble + amble_size(&config));
        for (size_t task = 0; task < tasks; task++)
            for (size_t i = SIZE / 8; i < SIZE / 2; i += sizeof nothing)
                assert_memory_not_equal(&ble->stacks[task * SIZE + i], nothing, sizeof nothing);
        amble_close(ble);
    }
}

static void the_name_is_copied(void)
{
    char name[] = "changed later";
    amble *ble;

    assert_int_equal(amble_open(&ble, "air:name", &(amble_config){.name = name}, 5000), 0);
    memset(name, 'x', sizeof name - 1);
    assert_string_equal(amble_name(ble), "changed later");
    amble_close(ble);
    assert_int_equal(amble_open(&ble, "air:name", NULL, 5000), 0);
    assert_string_equal(amble_name(ble), "amble");
    amble_close(ble);
}

static void transports_that_are_not_there(void)
{
    amble *ble = (amble *)1;

    assert_int_equal(amble_open(&ble, "nonsense", NULL, 100), AMBLE_ERR_USAGE);
    assert_null(ble);
    assert_true(strlen(amble_open_problem()) > 10);
    assert_int_equal(amble_open(&ble, "air:desk/lamp", NULL, 100), 0);
    amble_close(ble);
}

static void a_host_lives_beside_others(void)
{
    amble *all[20];

    for (int i = 0; i < 20; i++)
        assert_int_equal(amble_open(&all[i], "air:many", NULL, 5000), 0);
    for (int i = 0; i < 20; i++)
        for (int k = 0; k < i; k++)
            assert_false(amble_device_equal(amble_own_device(all[i]), amble_own_device(all[k])));
    for (int i = 0; i < 20; i++)
        amble_close(all[(i * 7) % 20]);
    amble_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(a_block_of_the_size_is_enough),
        task_test(the_size_is_what_is_used),
        task_test(bounds_of_the_configuration),
        task_test(stacks_of_its_own),
        task_test(the_name_is_copied),
        task_test(transports_that_are_not_there),
        task_test(a_host_lives_beside_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
