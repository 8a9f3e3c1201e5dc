/* Pairing on the simulated radio: whole hosts, real packets, and a sniffer that sees only cipher from the moment a link
 * is encrypted. What is tested against every table and attacker stands beside the sources, in src/smp/. */
#include "bench.h"

#include <unistd.h>

#include "port/scratch.h"

static const amble_uuid service_uuid = AMBLE_UUID16(0x181a);
static const amble_uuid secret_uuid = AMBLE_UUID16(0x2a6e);
static const amble_uuid note_uuid = AMBLE_UUID16(0x2a6f);

#define SECRET "nobody but us two knows this"

static const amble_characteristic secret = {.uuid = &secret_uuid,
                                            .read = true,
                                            .initial = SECRET,
                                            .initial_size = sizeof SECRET - 1,
                                            .read_security = AMBLE_ENCRYPTED};
static const amble_characteristic note = {
    .uuid = &note_uuid, .write = true, .capture = true, .max_size = 64, .write_security = AMBLE_AUTHENTICATED};
static const amble_service service = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&secret, &note)};

static const bench_options quiet_air = {.seed = 3};
static unsigned secrets_seen, packets_seen;

static void look_for_the_secret(const amble_air_packet *packet)
{
    packets_seen++;
    for (size_t at = 0; at + 8 <= packet->size; at++)
        secrets_seen += memcmp(packet->pdu + at, SECRET, 8) == 0;
}

/* --- people ------------------------------------------------------------------------------------------------------- */
static int shown_passkey; /* to the person at the other device; -1: nothing yet */

static int person(void *arg)
{
    amble *ble = arg;
    amble_prompt p;
    int r;

    while ((r = amble_prompted(ble, &p, AMBLE_FOREVER)) == 0) {
        if (p.kind == AMBLE_PROMPT_SHOW)
            shown_passkey = (int)p.passkey;
        if (p.kind == AMBLE_PROMPT_COMPARE)
            assert_int_equal(amble_prompt_answer(ble, &p, 1), 0);
        if (p.kind != AMBLE_PROMPT_ENTER)
            continue;
        while (shown_passkey < 0)
            bench_sleep(50);
        assert_int_equal(amble_prompt_answer(ble, &p, shown_passkey), 0);
    }
    return r;
}

static int pair_with_person(bench_device *self, amble_connection *conn, const amble_pair_options *options)
{
    amble_scope people;
    int r;

    amble_scope_open(&people);
    amble_spawn(&people, person, self->ble);
    r = amble_pair(conn, options, 20000);
    amble_scope_close(&people);
    return r;
}

/* --- what each side does ------------------------------------------------------------------------------------------ */
static amble_pair_options central_options, peripheral_options;

static void read_secret(amble_connection *conn, int expected)
{
    const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &secret_uuid);
    char value[64];
    const int r = amble_read(&c, value, sizeof value, 10000);

    assert_int_equal(r, expected);
    if (r > 0)
        assert_memory_equal(value, SECRET, sizeof SECRET - 1);
}

static void write_note(amble_connection *conn, int expected)
{
    const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &note_uuid);

    const char *text = amble_connection_encrypted(conn) ? SECRET : "it may be read by anybody";

    assert_int_equal(amble_write(&c, text, strlen(text), 10000), expected);
}

static int serve(bench_device *self)
{
    amble_scope people;
    amble_connection *conn;

    bench_watch(look_for_the_secret);
    assert_int_equal(amble_security_config(self->ble, &peripheral_options), 0);
    amble_scope_open(&people);
    amble_spawn(&people, person, self->ble);
    for (int i = 0; i < 2; i++) {
        conn = bench_await(self);
        assert_int_equal(amble_encrypted(conn, 60000), 0);
        assert_int_equal(amble_connection_authenticated(conn), central_options.mitm);
        bench_await_end(conn);
    }
    amble_scope_close(&people);
    return 0;
}

static int use(bench_device *self)
{
    const int refused = AMBLE_ERR_ATT(0x05);
    amble_connection *conn = bench_connect(self, "server");

    assert_true(amble_exchange_mtu(conn, 10000) > 0);
    read_secret(conn, refused);
    write_note(conn, refused);
    assert_int_equal(pair_with_person(self, conn, &central_options), 0);
    read_secret(conn, sizeof SECRET - 1);
    write_note(conn, central_options.mitm ? 0 : refused);
    assert_int_equal(amble_connection_secure(conn), !central_options.legacy_only);
    bench_sleep(500); /* the last keys are on their way */
    amble_connection_close(conn);
    /* The next link is encrypted before anything of ours goes over it. */
    conn = bench_connect(self, "server");
    read_secret(conn, sizeof SECRET - 1);
    assert_true(amble_connection_bonded(conn));
    amble_connection_close(conn);
    return 0;
}

/* Who computes takes turns from run to run, on each side. */
static amble_crypto crypto_of(unsigned run, unsigned side)
{
    return run >> side & 1 ? AMBLE_CRYPTO_CONTROLLER : AMBLE_CRYPTO_PORT;
}

static void run_with(const amble_pair_options *ours, const amble_pair_options *theirs, unsigned air_count)
{
    static const double losses[] = {0, 5};
    static unsigned runs;

    central_options = *ours;
    peripheral_options = *theirs;
    for (unsigned i = 0; i < air_count; i++) {
        shown_passkey = ours->io == AMBLE_IO_KEYBOARD && theirs->io == AMBLE_IO_KEYBOARD ? 271828 : -1;
        secrets_seen = packets_seen = 0;
        BENCH_RUN(
            (&(bench_options){.loss = losses[i], .seed = 7 + i}),
            {.label = "server", .script = serve, .config = {.services = {&service}, .crypto = crypto_of(runs, 0)}},
            {.label = "client", .script = use, .config = {.crypto = crypto_of(runs, 1)}});
        runs++;
        assert_true(packets_seen > 100);
        assert_int_equal(secrets_seen, 0);
    }
}

static void run(amble_pair_options ours, amble_pair_options theirs) { run_with(&ours, &theirs, 2); }

/* Every pair of capabilities, both ways of pairing: those that can keep out somebody in between do, the others fail
 * when it is asked for. */
static void every_pair_of_capabilities(void **state)
{
    static const char *const authenticates[5] = {
        /* rows and columns as amble_io; l: LE legacy pairing too, s: Secure Connections only */
        "-----", "---ll", "--sll", "-llll", "-llll"};

    (void)state;
    for (unsigned i = 0; i < 50; i++) {
        const unsigned central = i % 5, peripheral = i / 5 % 5;
        const bool legacy = i >= 25;
        const char how = authenticates[peripheral][central];
        const bool mitm = how == 'l' || (how == 's' && !legacy);
        const amble_pair_options ours = {.io = (amble_io)central, .mitm = mitm, .legacy_only = legacy};
        const amble_pair_options theirs = {.io = (amble_io)peripheral, .mitm = mitm};

        run_with(&ours, &theirs, 1);
    }
}

static void just_works(void **state)
{
    (void)state;
    run((amble_pair_options){.io = AMBLE_IO_NONE}, (amble_pair_options){.io = AMBLE_IO_NONE});
    run((amble_pair_options){.legacy_only = true}, (amble_pair_options){.io = AMBLE_IO_NONE});
}

static void comparison(void **state)
{
    const amble_pair_options options = {.io = AMBLE_IO_YES_NO, .mitm = true};

    (void)state;
    run(options, options);
}

static void passkey_both_ways(void **state)
{
    (void)state;
    for (int legacy = 0; legacy < 2; legacy++) {
        const amble_pair_options shows = {.io = AMBLE_IO_DISPLAY, .mitm = true, .legacy_only = legacy};
        const amble_pair_options enters = {.io = AMBLE_IO_KEYBOARD, .mitm = true, .legacy_only = legacy};

        run(shows, enters);
        run(enters, shows);
    }
}

/* --- the same secret in clear is seen ----------------------------------------------------------------------------- */
static const amble_characteristic open_value = {
    .uuid = &secret_uuid, .read = true, .initial = SECRET, .initial_size = sizeof SECRET - 1};
static const amble_service open_service = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&open_value)};

static int serve_openly(bench_device *self)
{
    bench_watch(look_for_the_secret);
    bench_await_end(bench_await(self));
    return 0;
}
static int read_openly(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");

    read_secret(conn, sizeof SECRET - 1);
    amble_connection_close(conn);
    return 0;
}
static void without_encryption_the_sniffer_sees_it(void **state)
{
    (void)state;
    secrets_seen = 0;
    BENCH_RUN(&quiet_air, {.label = "server", .script = serve_openly, .config = {.services = {&open_service}}},
              {.label = "client", .script = read_openly});
    assert_true(secrets_seen > 0);
}

/* --- several at once, and somebody who forgot --------------------------------------------------------------------- */
enum { CENTRALS = 3 };

static int await_one(void *arg)
{
    amble_connection *conn = arg;

    assert_int_equal(amble_encrypted(conn, 60000), 0);
    bench_await_end(conn);
    return 0;
}
static int serve_several(bench_device *self)
{
    amble_scope links;

    amble_scope_open(&links);
    for (int i = 0; i < CENTRALS; i++)
        amble_spawn(&links, await_one, bench_await(self));
    assert_int_equal(amble_scope_wait(&links, 120000), 0);
    amble_scope_close(&links);
    return 0;
}
static int pair_among_several(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");

    assert_int_equal(amble_pair(conn, NULL, 30000), 0);
    bench_sleep(2000);
    amble_connection_close(conn);
    return 0;
}
static void several_links_pair_at_once(void **state)
{
    (void)state;
    for (unsigned way = 0; way < 4; way++)
        BENCH_RUN(&quiet_air, {.label = "server", .script = serve_several, .config = {.crypto = crypto_of(way, 0)}},
                  {.label = "one", .script = pair_among_several, .config = {.crypto = crypto_of(way, 1)}},
                  {.label = "two", .script = pair_among_several}, {.label = "three", .script = pair_among_several});
}

/* One central whose controller has one key pair for three links. */
static const char *const servers[CENTRALS] = {"one", "two", "three"};
static bench_device *pairing_with_all;

static int pair_with_one(void *arg)
{
    amble_connection *conn = bench_connect(pairing_with_all, arg);

    assert_int_equal(amble_pair(conn, NULL, 30000), 0);
    assert_true(amble_connection_secure(conn));
    bench_sleep(2000);
    amble_connection_close(conn);
    return 0;
}
static int pair_with_all(bench_device *self)
{
    amble_scope links;

    pairing_with_all = self;
    amble_scope_open(&links);
    for (int i = 0; i < CENTRALS; i++)
        amble_spawn(&links, pair_with_one, (void *)(uintptr_t)servers[i]);
    assert_int_equal(amble_scope_wait(&links, 120000), 0);
    amble_scope_close(&links);
    return 0;
}
static int serve_one(bench_device *self) { return await_one(bench_await(self)); }
static void one_central_pairs_on_several_links(void **state)
{
    (void)state;
    for (unsigned way = 0; way < 4; way++)
        BENCH_RUN(&quiet_air, {.label = "central", .script = pair_with_all, .config = {.crypto = crypto_of(way, 0)}},
                  {.label = "one", .script = serve_one, .config = {.crypto = crypto_of(way, 1)}},
                  {.label = "two", .script = serve_one}, {.label = "three", .script = serve_one});
}

static int serve_and_forget(bench_device *self)
{
    amble_bond bond = {.serial = 0};
    amble_connection *conn = bench_await(self);

    assert_int_equal(amble_encrypted(conn, 30000), 0);
    bench_await_end(conn);
    assert_int_equal(amble_bonds_next(amble_bonds_of(self->ble), &bond), 1);
    assert_int_equal(amble_bonds_delete(amble_bonds_of(self->ble), bond.device), 0);
    conn = bench_await(self);
    assert_int_equal(amble_encrypted(conn, 30000), 0);
    bench_await_end(conn);
    return 0;
}
static int meet_one_who_forgot(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");

    assert_int_equal(amble_pair(conn, NULL, 30000), 0);
    bench_sleep(500);
    amble_connection_close(conn);
    conn = bench_connect(self, "server");
    assert_int_equal(amble_pair(conn, NULL, 30000), AMBLE_ERR_BOND_LOST);
    assert_true(amble_connected(conn));
    assert_false(amble_connection_encrypted(conn));
    assert_int_equal(amble_pair(conn, &(amble_pair_options){.renew = true}, 30000), 0);
    bench_sleep(500);
    amble_connection_close(conn);
    return 0;
}
static void a_lost_bond_is_named(void **state)
{
    (void)state;
    amble_log_level(AMBLE_LOG_ERROR); /* it is warned of, too */
    BENCH_RUN(&quiet_air, {.label = "server", .script = serve_and_forget},
              {.label = "client", .script = meet_one_who_forgot});
    amble_log_level(AMBLE_LOG_WARNING);
}

/* --- somebody with the address of a bonded device, and nothing else ----------------------------------------------- */
static const amble_uuid news_uuid = AMBLE_UUID16(0x2a6d), cccd_uuid = AMBLE_UUID16(0x2902);
static const amble_characteristic news = {.uuid = &news_uuid, .notify = true};
static const amble_service guarded = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&secret, &note, &news)};

static void guard_link(bench_device *self, bool encrypts, bool follows)
{
    amble_connection *conn = bench_await(self);

    if (encrypts)
        assert_int_equal(amble_encrypted(conn, 60000), 0);
    if (follows || !encrypts)
        assert_int_equal(amble_subscribed(conn, &news), follows ? 1 : 0);
    assert_int_equal(amble_disconnected(conn, AMBLE_FOREVER), 0);
    assert_true(encrypts || !amble_connection_bonded(conn));
    amble_connection_close(conn);
}

static int guard(bench_device *self)
{
    const amble_l2cap_options options = {.security = AMBLE_ENCRYPTED};
    amble_scope people;

    bench_watch(look_for_the_secret);
    assert_int_equal(amble_security_config(self->ble, &peripheral_options), 0);
    assert_int_equal(amble_l2cap_listen(self->ble, 0x80, &options), 0);
    amble_scope_open(&people);
    amble_spawn(&people, person, self->ble);
    guard_link(self, true, false); /* it pairs and subscribes */
    guard_link(self, false, false);
    guard_link(self, true, true); /* and finds it so, whatever the impostor did */
    amble_scope_close(&people);
    return 0;
}

static void configure_news(amble_connection *conn, uint8_t bits)
{
    const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &news_uuid);
    const uint8_t value[2] = {bits, 0};
    amble_remote_descriptor d;

    assert_int_equal(amble_find_descriptor(&c, &cccd_uuid, &d, 60000), 0);
    assert_int_equal(amble_write_descriptor(&d, value, sizeof value, 60000), 0);
}

/* What opens then has the same address, and other bonds. */
static void become(bench_device *self, const char *bonds)
{
    amble_close(self->ble);
    self->config.bonds = bonds;
    assert_int_equal(bench_open(self), 0);
}

static void try_everything(bench_device *self)
{
    const int refused = AMBLE_ERR_ATT(0x0f); /* there is a bond, so it is encryption that lacks */
    amble_connection *conn = bench_connect(self, "server");
    amble_l2cap_channel *channel;

    read_secret(conn, refused);
    write_note(conn, refused);
    configure_news(conn, 0);
    assert_int_equal(amble_l2cap_connect(conn, 0x80, NULL, &channel, 10000), AMBLE_ERR_L2CAP_CONNECT(0x0008));
    /* Nor does it get there with a pairing that proves less than the first one did. */
    assert_int_equal(amble_pair(conn, NULL, 30000), AMBLE_ERR_SMP(0x03));
    read_secret(conn, refused);
    amble_connection_close(conn);
}

static int pose_as_oneself(bench_device *self)
{
    char file[64];
    amble_connection *conn;

    scratch_path(file, sizeof file, "bonds.json");
    become(self, file);
    conn = bench_connect(self, "server");
    assert_int_equal(pair_with_person(self, conn, &central_options), 0);
    configure_news(conn, 1);
    bench_sleep(500);
    amble_connection_close(conn);
    become(self, NULL);
    try_everything(self);
    become(self, file);
    conn = bench_connect(self, "server");
    read_secret(conn, sizeof SECRET - 1);
    amble_connection_close(conn);
    become(self, NULL); /* the file is not used any more */
    return 0;
}

static void an_address_alone_opens_nothing(void **state)
{
    (void)state;
    central_options = (amble_pair_options){.io = AMBLE_IO_YES_NO, .mitm = true};
    peripheral_options = (amble_pair_options){.io = AMBLE_IO_YES_NO};
    BENCH_RUN(&quiet_air, {.label = "server", .script = guard, .config = {.services = {&guarded}}},
              {.label = "client", .script = pose_as_oneself});
}

/* --- who leaves at once ------------------------------------------------------------------------------------------- */
static int serve_twice(bench_device *self)
{
    bench_await_end(bench_await(self));
    bench_await_end(bench_await(self));
    return 0;
}

/* amble_pair says it is done: then the keys of this side are with the other one, whatever the air loses. */
static int pair_and_leave(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");

    assert_int_equal(amble_pair(conn, NULL, 60000), 0);
    amble_connection_close(conn);
    conn = bench_connect(self, "server");
    assert_int_equal(amble_encrypted(conn, 30000), 0); /* by itself */
    assert_true(amble_connection_bonded(conn));
    amble_connection_close(conn);
    return 0;
}

static void keys_arrive_before_a_pairing_is_done(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 10; seed++)
        BENCH_RUN(&((bench_options){.seed = seed, .loss = 20}), {.label = "server", .script = serve_twice},
                  {.label = "client", .script = pair_and_leave});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_capabilities),
        cmocka_unit_test(just_works),
        cmocka_unit_test(comparison),
        cmocka_unit_test(passkey_both_ways),
        cmocka_unit_test(without_encryption_the_sniffer_sees_it),
        cmocka_unit_test(several_links_pair_at_once),
        cmocka_unit_test(one_central_pairs_on_several_links),
        cmocka_unit_test(a_lost_bond_is_named),
        cmocka_unit_test(an_address_alone_opens_nothing),
        cmocka_unit_test(keys_arrive_before_a_pairing_is_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
