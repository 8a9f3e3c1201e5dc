/* Links that are secured when a server asks for it: off unless the program says so, once for each call, and never by
 * pairing anew with a server that has lost its key. */
#include "bench.h"

static const amble_uuid service_uuid = AMBLE_UUID16(0x181a), secret_uuid = AMBLE_UUID16(0x2a6e),
                        vault_uuid = AMBLE_UUID16(0x2a6f), note_uuid = AMBLE_UUID16(0x2901);
static const amble_descriptor note = {.uuid = &note_uuid,
                                      .read = true,
                                      .write = true,
                                      .read_security = AMBLE_ENCRYPTED,
                                      .write_security = AMBLE_ENCRYPTED};
static const amble_characteristic secret = {.uuid = &secret_uuid,
                                            .read = true,
                                            .write = true,
                                            .notify = true,
                                            .max_size = 60,
                                            .read_security = AMBLE_ENCRYPTED,
                                            .write_security = AMBLE_ENCRYPTED,
                                            .descriptors = AMBLE_LIST(&note)};
static const amble_characteristic vault = {.uuid = &vault_uuid, .read = true, .read_security = AMBLE_AUTHENTICATED};
static const amble_service service = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&secret, &vault)};

enum { PSM = 0x80 };

#define SERVER(function)                                                                                               \
    {                                                                                                                  \
        .label = "server", .script = function, .config = {.services = {&service} }                                     \
    }

/* --- every call that may be refused ------------------------------------------------------------------------------- */
typedef int calling(amble_connection *conn, const amble_remote_characteristic *c);

static int call_read(amble_connection *conn, const amble_remote_characteristic *c)
{
    char value[60];

    (void)conn;
    return amble_read(c, value, sizeof value, 60000);
}
static int call_read_multiple(amble_connection *conn, const amble_remote_characteristic *c)
{
    char value[2][60];
    amble_read_part parts[] = {{.characteristic = c, .buffer = value[0], .size = sizeof value[0]},
                               {.characteristic = c, .buffer = value[1], .size = sizeof value[1]}};
    const int r = amble_read_multiple(parts, 2, 60000);

    (void)conn;
    return r < 0 ? r : parts[0].result < 0 ? parts[0].result : parts[1].result;
}
static int call_write(amble_connection *conn, const amble_remote_characteristic *c)
{
    (void)conn;
    return amble_write(c, "hush", 4, 60000);
}
static int call_write_long(amble_connection *conn, const amble_remote_characteristic *c)
{
    (void)conn;
    return amble_write(c, "it does not fit into a single request", 37, 60000);
}
static int call_write_reliably(amble_connection *conn, const amble_remote_characteristic *c)
{
    const amble_write_part part = {.characteristic = c, .data = "hush", .size = 4};

    (void)conn;
    return amble_write_reliably(&part, 1, 60000);
}
static int call_subscribe(amble_connection *conn, const amble_remote_characteristic *c)
{
    amble_subscription *subscription;
    const int r = amble_subscribe(c, NULL, &subscription, 60000);

    (void)conn;
    amble_subscription_close(subscription);
    return r;
}
static amble_remote_descriptor note_of(const amble_remote_characteristic *c)
{
    amble_remote_descriptor d;

    assert_int_equal(amble_find_descriptor(c, &note_uuid, &d, 60000), 0);
    return d;
}
static int call_read_descriptor(amble_connection *conn, const amble_remote_characteristic *c)
{
    const amble_remote_descriptor d = note_of(c);
    char value[20];

    (void)conn;
    return amble_read_descriptor(&d, value, sizeof value, 60000);
}
static int call_write_descriptor(amble_connection *conn, const amble_remote_characteristic *c)
{
    const amble_remote_descriptor d = note_of(c);

    (void)conn;
    return amble_write_descriptor(&d, "hush", 4, 60000);
}
static int call_l2cap(amble_connection *conn, const amble_remote_characteristic *c)
{
    amble_l2cap_channel *channel;
    const int r = amble_l2cap_connect(conn, PSM, NULL, &channel, 60000);

    (void)c;
    amble_l2cap_close(channel);
    return r;
}
static int call_l2cap_enhanced(amble_connection *conn, const amble_remote_characteristic *c)
{
    amble_l2cap_channel *channels[2];
    const int r = amble_l2cap_connect_enhanced(conn, PSM, NULL, channels, 2, 60000);

    (void)c;
    amble_l2cap_close(channels[0]);
    amble_l2cap_close(channels[1]);
    return r;
}

static const struct {
    calling *call;
    int refused;
} calls[] = {
    {call_read, AMBLE_ERR_ATT(0x05)},
    {call_read_multiple, AMBLE_ERR_ATT(0x05)},
    {call_write, AMBLE_ERR_ATT(0x05)},
    {call_write_long, AMBLE_ERR_ATT(0x05)},
    {call_write_reliably, AMBLE_ERR_ATT(0x05)},
    {call_subscribe, AMBLE_ERR_ATT(0x05)},
    {call_read_descriptor, AMBLE_ERR_ATT(0x05)},
    {call_write_descriptor, AMBLE_ERR_ATT(0x05)},
    {call_l2cap, AMBLE_ERR_L2CAP_CONNECT(0x05)},
    {call_l2cap_enhanced, AMBLE_ERR_L2CAP_CONNECT(0x05)},
};
enum { CALLS = sizeof calls / sizeof *calls };

static int serve_calls(bench_device *self)
{
    assert_int_equal(amble_l2cap_listen(self->ble, PSM, &(amble_l2cap_options){.security = AMBLE_ENCRYPTED}), 0);
    for (int i = 0; i < CALLS; i++)
        bench_await_end(bench_await(self));
    return 0;
}

/* Each on a link of its own, without a bond: first refused, then not. */
static int call_all(bench_device *self)
{
    for (int i = 0; i < CALLS; i++) {
        amble_connection *conn = bench_connect(self, "server");
        const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &secret_uuid);

        assert_int_equal(amble_pair_on_demand(self->ble, NULL), 0);
        assert_int_equal(calls[i].call(conn, &c), calls[i].refused);
        assert_false(amble_connection_encrypted(conn));
        assert_int_equal(amble_pair_on_demand(self->ble, &(amble_pair_options){.no_bond = true}), 0);
        assert_in_range(calls[i].call(conn, &c), 0, 60);
        assert_true(amble_connection_encrypted(conn));
        amble_connection_close(conn);
    }
    return 0;
}

static void every_call_secures_the_link(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY_NEW(SERVER(serve_calls), {.label = "client", .script = call_all});
}

/* --- once --------------------------------------------------------------------------------------------------------- */
static int serve_one(bench_device *self)
{
    bench_await_end(bench_await(self));
    return 0;
}

/* The link is secured as well as the options can, which is not well enough. */
static int ask_for_too_much(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &vault_uuid);
    char value[8];

    assert_int_equal(amble_pair_on_demand(self->ble, &(amble_pair_options){.renew = true}), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_pair_on_demand(self->ble, &(amble_pair_options){.key_size_min = 3}), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_pair_on_demand(self->ble, &(amble_pair_options){.mitm = true}), 0);
    assert_int_equal(amble_read(&c, value, sizeof value, 60000), AMBLE_ERR_SMP(0x03)); /* nobody can be asked */
    assert_false(amble_connection_encrypted(conn));
    assert_int_equal(amble_pair_on_demand(self->ble, &(amble_pair_options){.io = AMBLE_IO_NONE}), 0);
    bench_sleep(60000); /* the failure is forgotten */
    assert_int_equal(amble_read(&c, value, sizeof value, 60000), AMBLE_ERR_ATT(0x05));
    assert_true(amble_connection_encrypted(conn));
    assert_int_equal(amble_read(&c, value, sizeof value, 60000), AMBLE_ERR_ATT(0x05));
    amble_connection_close(conn);
    return 0;
}

static void it_is_done_once(void **state)
{
    (void)state;
    BENCH_RUN((&(bench_options){.seed = 2}), SERVER(serve_one), {.label = "client", .script = ask_for_too_much});
}

typedef struct {
    amble_remote_characteristic c;
    int result;
} reader;

static int read_it(void *arg)
{
    reader *r = arg;

    r->result = call_read(r->c.conn, &r->c);
    return 0;
}

static int read_twice_at_once(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &secret_uuid);
    reader readers[] = {{.c = c, .result = 77}, {.c = c, .result = 77}, {.c = c, .result = 77}};
    amble_scope scope;

    assert_int_equal(amble_pair_on_demand(self->ble, &(amble_pair_options){.io = AMBLE_IO_NONE}), 0);
    amble_scope_open(&scope);
    for (int i = 0; i < 3; i++)
        amble_spawn(&scope, read_it, &readers[i]);
    assert_int_equal(amble_scope_wait(&scope, 120000), 0);
    amble_scope_close(&scope);
    for (int i = 0; i < 3; i++)
        assert_int_equal(readers[i].result, 0);
    amble_connection_close(conn);
    return 0;
}

static void several_calls_share_one_pairing(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(serve_one), {.label = "client", .script = read_twice_at_once});
}

/* --- who lost the key --------------------------------------------------------------------------------------------- */
static int serve_and_forget(bench_device *self)
{
    amble_bond bond = {.serial = 0};

    bench_await_end(bench_await(self));
    assert_int_equal(amble_bonds_next(amble_bonds_of(self->ble), &bond), 1);
    assert_int_equal(amble_bonds_delete(amble_bonds_of(self->ble), bond.device), 0);
    bench_await_end(bench_await(self));
    bond.serial = 0;
    assert_int_equal(amble_bonds_next(amble_bonds_of(self->ble), &bond), 0); /* nobody paired with it */
    return 0;
}

static int come_back_to_who_forgot(bench_device *self)
{
    /* With the second the bond would not do, and pairing would be the way. */
    static const amble_pair_options options[] = {{.io = AMBLE_IO_NONE}, {.io = AMBLE_IO_YES_NO, .mitm = true}};
    amble_connection *conn = bench_connect(self, "server");
    amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &secret_uuid);

    assert_int_equal(amble_pair_on_demand(self->ble, &options[0]), 0);
    assert_int_equal(call_write(conn, &c), 0);
    assert_true(amble_connection_bonded(conn));
    amble_connection_close(conn);
    conn = bench_connect(self, "server");
    c = bench_characteristic(conn, &service_uuid, &secret_uuid);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(amble_pair_on_demand(self->ble, &options[i]), 0);
        assert_int_equal(call_read(conn, &c), AMBLE_ERR_BOND_LOST);
        assert_false(amble_connection_encrypted(conn));
    }
    assert_true(amble_connected(conn));
    amble_connection_close(conn);
    return 0;
}

static void who_lost_the_key_is_not_paired_with(void **state)
{
    (void)state;
    amble_log_level(AMBLE_LOG_ERROR); /* it is warned of, too */
    BENCH_RUN((&(bench_options){.seed = 4}), SERVER(serve_and_forget),
              {.label = "client", .script = come_back_to_who_forgot});
    amble_log_level(AMBLE_LOG_WARNING);
}

/* --- the other way round ------------------------------------------------------------------------------------------ */
/* The client is the peripheral: it asks its central, whose program pairs. */
static int read_from_central(bench_device *self)
{
    amble_connection *conn = bench_await(self);
    const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &secret_uuid);

    assert_int_equal(amble_pair_on_demand(self->ble, &(amble_pair_options){.io = AMBLE_IO_NONE}), 0);
    assert_int_equal(call_read(conn, &c), 0);
    amble_connection_close(conn);
    return 0;
}
static int serve_as_central(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "client");
    amble_prompt prompt;

    assert_int_equal(amble_prompted(self->ble, &prompt, 60000), 0);
    assert_int_equal(prompt.kind, AMBLE_PROMPT_REQUESTED);
    assert_int_equal(amble_pair(conn, NULL, 60000), 0);
    bench_await_end(conn);
    return 0;
}

static void a_peripheral_asks_its_central(void **state)
{
    (void)state;
    BENCH_RUN_LOSSY(SERVER(serve_as_central), {.label = "client", .script = read_from_central});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_secures_the_link),     cmocka_unit_test(it_is_done_once),
        cmocka_unit_test(several_calls_share_one_pairing), cmocka_unit_test(who_lost_the_key_is_not_paired_with),
        cmocka_unit_test(a_peripheral_asks_its_central),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
