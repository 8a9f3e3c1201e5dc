/* The full matrix of pairing on the simulated radio: IO capabilities 5 x 5, and MITM, Secure Connections and
 * out-of-band data on or off on each side, 1,600 pairings. Each ends as the specification's table has it (Vol 3 Part H
 * 2.3.5.1, tables 2.6 to 2.8), written down here a second time; both sides hold the same key; and the sniffer never
 * sees what is read over the encrypted link. */
#include "bench.h"

static const amble_uuid service_uuid = AMBLE_UUID16(0x181a);
static const amble_uuid secret_uuid = AMBLE_UUID16(0x2a6e);
#define SECRET "nobody but us two knows this"
static const amble_characteristic secret = {.uuid = &secret_uuid,
                                            .read = true,
                                            .initial = SECRET,
                                            .initial_size = sizeof SECRET - 1,
                                            .read_security = AMBLE_ENCRYPTED};
static const amble_service service = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&secret)};

/* Rows are responders, columns initiators, both in the order of amble_io. j: just works, c: comparison, i: the
 * initiator shows, r: the responder shows, e: both enter. Of two letters the first is LE legacy pairing, the second
 * Secure Connections. */
static const char *const table[5][5] = {
    /*            none  display yes/no keyboard keyboard+display */
    /* none    */ {"jj", "jj", "jj", "jj", "jj"},
    /* display */ {"jj", "jj", "jj", "rr", "rr"},
    /* yes/no  */ {"jj", "jj", "jc", "rr", "rc"},
    /* keyb.   */ {"jj", "ii", "ii", "ee", "ii"},
    /* k.+d.   */ {"jj", "ii", "ic", "rr", "ic"},
};

enum { CENTRAL, PERIPHERAL, SIDES, BOTH_ENTER = 271828, PAIR_MS = 20000 };

static struct {
    amble_pair_options options[SIDES];
    amble_oob_data data[SIDES];
    unsigned asked[SIDES][AMBLE_PROMPT_DONE + 1];
    uint32_t passkeys[SIDES][AMBLE_PROMPT_DONE + 1];
    amble_bond_keys keys[SIDES];
    bool made[SIDES]; /* its out-of-band data */
    bool kept[SIDES]; /* a bond */
    int result;
} pairing;

static unsigned packets_seen;
static void look_for_the_secret(const amble_air_packet *packet)
{
    packets_seen++;
    for (size_t at = 0; at + 8 <= packet->size; at++)
        assert_memory_not_equal(packet->pdu + at, SECRET, 8);
}

/* --- what the specification says ---------------------------------------------------------------------------------- */
static char method(void)
{
    const amble_pair_options *c = &pairing.options[CENTRAL], *p = &pairing.options[PERIPHERAL];
    const bool secure = !c->legacy_only && !p->legacy_only;

    if (secure ? c->out_of_band || p->out_of_band : c->out_of_band && p->out_of_band)
        return 'o';
    return c->mitm || p->mitm ? table[p->io][c->io][secure] : 'j';
}
/* Each side wants what it asks for; only Just Works leaves somebody in between possible. */
static bool succeeds(void)
{
    return method() != 'j' || !(pairing.options[CENTRAL].mitm || pairing.options[PERIPHERAL].mitm);
}

/* --- people ------------------------------------------------------------------------------------------------------- */
typedef struct {
    amble *ble;
    unsigned side;
} somebody;

static int passkey_seen_by(unsigned side)
{
    while (!pairing.asked[!side][AMBLE_PROMPT_SHOW] && !pairing.asked[!side][AMBLE_PROMPT_ENTER])
        bench_sleep(20);
    return pairing.asked[!side][AMBLE_PROMPT_SHOW] ? (int)pairing.passkeys[!side][AMBLE_PROMPT_SHOW] : BOTH_ENTER;
}

static int person(void *arg)
{
    const somebody *self = arg;
    amble_prompt p;
    int r;

    while ((r = amble_prompted(self->ble, &p, AMBLE_FOREVER)) == 0) {
        pairing.asked[self->side][p.kind]++;
        pairing.passkeys[self->side][p.kind] = p.passkey;
        if (p.kind == AMBLE_PROMPT_COMPARE)
            assert_int_equal(amble_prompt_answer(self->ble, &p, 1), 0);
        else if (p.kind == AMBLE_PROMPT_ENTER)
            assert_int_equal(amble_prompt_answer(self->ble, &p, passkey_seen_by(self->side)), 0);
        else if (p.kind == AMBLE_PROMPT_OUT_OF_BAND)
            assert_int_equal(amble_prompt_answer_data(self->ble, &p, &pairing.data[!self->side]), 0);
    }
    return r;
}

/* --- the devices -------------------------------------------------------------------------------------------------- */
static void prepare(amble *ble, unsigned side)
{
    if (!pairing.options[!side].out_of_band)
        return;
    assert_int_equal(amble_oob_local(ble, &pairing.data[side], 20000), 0);
    if (pairing.made[!side]) /* LE legacy pairing has one key, which one side gives to the other */
        memcpy(pairing.data[side].key, pairing.data[!side].key, sizeof pairing.data[side].key);
    pairing.made[side] = true;
}

static void check_link(amble_connection *conn)
{
    const bool secure = !pairing.options[CENTRAL].legacy_only && !pairing.options[PERIPHERAL].legacy_only;

    assert_int_equal(amble_connection_encrypted(conn), succeeds());
    assert_int_equal(amble_connection_authenticated(conn), succeeds() && method() != 'j');
    assert_int_equal(amble_connection_secure(conn), succeeds() && secure);
    assert_int_equal(amble_connection_key_size(conn), succeeds() ? 16 : 0);
    assert_int_equal(amble_connection_bonded(conn), succeeds());
}

static void keep(amble *ble, unsigned side)
{
    amble_bond bond = {.serial = 0};

    pairing.kept[side] = amble_bonds_next(amble_bonds_of(ble), &bond) == 1;
    if (pairing.kept[side])
        assert_int_equal(amble_bonds_keys(amble_bonds_of(ble), bond.device, &pairing.keys[side]), 0);
}

static int serve(bench_device *self)
{
    somebody here = {self->ble, PERIPHERAL};
    amble_connection *conn;
    amble_scope people;

    bench_watch(look_for_the_secret);
    assert_int_equal(amble_security_config(self->ble, &pairing.options[PERIPHERAL]), 0);
    amble_scope_open(&people);
    amble_spawn(&people, person, &here);
    conn = bench_await(self);
    prepare(self->ble, PERIPHERAL);
    if (succeeds())
        assert_int_equal(amble_encrypted(conn, 2 * PAIR_MS), 0);
    else
        assert_int_equal(amble_encrypted(conn, 2 * PAIR_MS), AMBLE_ERR_SMP(0x03));
    check_link(conn);
    bench_await_end(conn);
    keep(self->ble, PERIPHERAL);
    amble_scope_close(&people);
    return 0;
}

static int use(bench_device *self)
{
    somebody here = {self->ble, CENTRAL};
    amble_connection *conn = bench_connect(self, "server");
    amble_remote_characteristic c;
    amble_scope people;
    char value[64];

    amble_scope_open(&people);
    amble_spawn(&people, person, &here);
    bench_sleep(500); /* the other side has its data, too */
    prepare(self->ble, CENTRAL);
    pairing.result = amble_pair(conn, &pairing.options[CENTRAL], PAIR_MS);
    check_link(conn);
    c = bench_characteristic(conn, &service_uuid, &secret_uuid);
    assert_int_equal(amble_read(&c, value, sizeof value, 10000),
                     succeeds() ? (int)sizeof SECRET - 1 : AMBLE_ERR_ATT(0x05));
    amble_connection_close(conn);
    keep(self->ble, CENTRAL);
    amble_scope_close(&people);
    return 0;
}

/* --- what came of it ---------------------------------------------------------------------------------------------- */
static void check_prompts(void)
{
    const char how = succeeds() ? method() : 'j';
    const unsigned *c = pairing.asked[CENTRAL], *p = pairing.asked[PERIPHERAL];

    assert_int_equal(c[AMBLE_PROMPT_COMPARE], how == 'c');
    assert_int_equal(p[AMBLE_PROMPT_COMPARE], how == 'c');
    assert_int_equal(c[AMBLE_PROMPT_SHOW], how == 'i');
    assert_int_equal(p[AMBLE_PROMPT_SHOW], how == 'r');
    assert_int_equal(c[AMBLE_PROMPT_ENTER], how == 'r' || how == 'e');
    assert_int_equal(p[AMBLE_PROMPT_ENTER], how == 'i' || how == 'e');
    assert_int_equal(c[AMBLE_PROMPT_OUT_OF_BAND], pairing.options[CENTRAL].out_of_band);
    assert_int_equal(p[AMBLE_PROMPT_OUT_OF_BAND], pairing.options[PERIPHERAL].out_of_band);
    assert_int_equal(c[AMBLE_PROMPT_DONE], 1);
    assert_int_equal(p[AMBLE_PROMPT_DONE], 1);
    assert_int_equal(pairing.passkeys[CENTRAL][AMBLE_PROMPT_COMPARE],
                     pairing.passkeys[PERIPHERAL][AMBLE_PROMPT_COMPARE]);
}

static void check_keys(void)
{
    const amble_bond_keys *c = &pairing.keys[CENTRAL], *p = &pairing.keys[PERIPHERAL];

    assert_int_equal(pairing.kept[CENTRAL], succeeds());
    assert_int_equal(pairing.kept[PERIPHERAL], succeeds());
    assert_memory_equal(c->key, p->own_key, sizeof c->key);
    assert_memory_equal(c->random, p->own_random, sizeof c->random);
    assert_int_equal(c->diversifier, p->own_diversifier);
    assert_memory_equal(c->own_key, p->key, sizeof c->own_key);
    assert_memory_equal(c->signing_key, p->own_signing, sizeof c->signing_key);
    assert_memory_equal(c->own_signing, p->signing_key, sizeof c->own_signing);
}

static void pair_with(unsigned io, unsigned flags)
{
    memset(&pairing, 0, sizeof pairing);
    for (unsigned side = 0; side < SIDES; side++)
        pairing.options[side] = (amble_pair_options){.io = (amble_io)(side == CENTRAL ? io % 5 : io / 5),
                                                     .mitm = flags >> side & 1,
                                                     .legacy_only = flags >> (2 + side) & 1,
                                                     .out_of_band = flags >> (4 + side) & 1};
    packets_seen = 0;
    BENCH_RUN((&(bench_options){.seed = 1 + io + 25 * flags}),
              {.label = "server", .script = serve, .config = {.services = {&service}}},
              {.label = "client", .script = use});
    if (pairing.result != (succeeds() ? 0 : AMBLE_ERR_SMP(0x03)))
        fail_msg("io %u and %u, flags 0x%02x: %s", io % 5, io / 5, flags, amble_error_text(pairing.result));
    check_prompts();
    check_keys();
    assert_true(packets_seen > 30);
}

static void pair_all(unsigned first_flags, unsigned end_flags)
{
    for (unsigned flags = first_flags; flags < end_flags; flags++)
        for (unsigned io = 0; io < 25; io++)
            pair_with(io, flags);
}

static void without_out_of_band_data(void **state)
{
    (void)state;
    pair_all(0, 16);
}
static void the_central_has_data(void **state)
{
    (void)state;
    pair_all(16, 32);
}
static void the_peripheral_has_data(void **state)
{
    (void)state;
    pair_all(32, 48);
}
static void both_have_data(void **state)
{
    (void)state;
    pair_all(48, 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_out_of_band_data),
        cmocka_unit_test(the_central_has_data),
        cmocka_unit_test(the_peripheral_has_data),
        cmocka_unit_test(both_have_data),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
