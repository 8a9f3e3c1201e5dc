/* What two hosts of this kind agree upon is what the specification makes of the values that they exchanged (Vol 3 Part
 * H 2.2, 2.3.5): each confirm value, each check value and the key of the link are computed here a second time, from
 * what crossed the wire, one side's private key and the passkey. Two hosts that make the same mistake would understand
 * each other; here they are found out. */
#include "smp/testing.h"

enum { CODES = AMBLE__SMP_KEYPRESS + 1, ROUNDS = AMBLE__SMP_ROUNDS };

/* The PDUs of each side by their code, without it: every round of a passkey has its own. */
static uint8_t said[2][CODES][ROUNDS][AMBLE__SMP_PDU];
static unsigned times[2][CODES];
static uint8_t secret[32]; /* of the central, most significant octet first */

static bool listen_in(unsigned from, uint8_t *pdu, size_t *size)
{
    if (pdu[0] >= CODES || times[from][pdu[0]] == ROUNDS)
        return true;
    if (from == CENTRAL && pdu[0] == AMBLE__SMP_PUBLIC_KEY)
        memcpy(secret,
               wire_crypto[CENTRAL] == AMBLE_CRYPTO_CONTROLLER
                   ? wire.sides[CENTRAL].secret
                   : wire.sides[CENTRAL].conn->smp->pairing->secret.own_private,
               sizeof secret);
    memcpy(said[from][pdu[0]][times[from][pdu[0]]++], pdu, *size);
    return true;
}

static const uint8_t *value(unsigned from, uint8_t code, unsigned which)
{
    assert_in_range(which + 1, 1, times[from][code]);
    return said[from][code][which] + 1;
}

static void begin(void)
{
    memset(times, 0, sizeof times);
    wire_open();
    wire_connect();
    wire.meddle = listen_in;
}

static void turned(uint8_t *to, const uint8_t *from)
{
    for (int i = 0; i < 32; i++)
        to[i] = from[31 - i];
}

static void shared_secret(uint8_t dhkey[32])
{
    const uint8_t *key = value(PERIPHERAL, AMBLE__SMP_PUBLIC_KEY, 0);
    amble__p256_point point;
    uint8_t x[32];

    turned(point.x, key);
    turned(point.y, key + 32);
    assert_int_equal(amble__p256_shared(secret, &point, x), 0);
    turned(dhkey, x);
}

/* Nothing that should be left to chance is zero, or comes twice. */
static void expect_chance(unsigned rounds)
{
    static const uint8_t none[16] = {0};

    for (unsigned i = 0; i < 2 * rounds; i++) {
        assert_memory_not_equal(value(i % 2, AMBLE__SMP_RANDOM, i / 2), none, 16);
        for (unsigned k = 0; k < i; k++)
            assert_memory_not_equal(value(i % 2, AMBLE__SMP_RANDOM, i / 2), value(k % 2, AMBLE__SMP_RANDOM, k / 2), 16);
    }
}

static const uint8_t nothing[16] = {0};

/* Nor is what is given to be kept. A side gives its identity key to everybody; all else is new. */
static void expect_keys(bool with_encryption)
{
    static const struct {
        uint8_t code;
        size_t size;
    } keys[] = {{AMBLE__SMP_IDENTITY_INFORMATION, 16},
                {AMBLE__SMP_SIGNING_INFORMATION, 16},
                {AMBLE__SMP_ENCRYPTION_INFORMATION, 16},
                {AMBLE__SMP_CENTRAL_IDENTIFICATION, 10}};

    for (size_t i = 0; i < (with_encryption ? 4u : 2u); i++) {
        assert_memory_not_equal(value(CENTRAL, keys[i].code, 0), value(PERIPHERAL, keys[i].code, 0), keys[i].size);
        for (unsigned side = 0; side < 2; side++) {
            assert_memory_not_equal(value(side, keys[i].code, 0), nothing, keys[i].size);
            assert_memory_not_equal(value(side, keys[i].code, 0), wire.last_key, keys[i].size);
        }
    }
}

/* --- Secure Connections ------------------------------------------------------------------------------------------- */
static void expect_confirm(unsigned from, unsigned round, uint8_t z)
{
    uint8_t expected[16];

    assert_int_equal(amble__toolbox_f4(NULL, value(from, AMBLE__SMP_PUBLIC_KEY, 0),
                                       value(!from, AMBLE__SMP_PUBLIC_KEY, 0), value(from, AMBLE__SMP_RANDOM, round), z,
                                       expected),
                     0);
    assert_memory_equal(value(from, AMBLE__SMP_CONFIRM, round), expected, 16);
}

/* r: what each side proves that it knows of the other one, 2.3.5.6.5. */
static void expect_key(unsigned last_round, const uint8_t r_of_central[16], const uint8_t r_of_peripheral[16])
{
    const uint8_t *na = value(CENTRAL, AMBLE__SMP_RANDOM, last_round),
                  *nb = value(PERIPHERAL, AMBLE__SMP_RANDOM, last_round);
    const amble_device a = wire_address(CENTRAL), b = wire_address(PERIPHERAL);
    const amble__toolbox_check of_central = {.n1 = na,
                                             .n2 = nb,
                                             .r = r_of_peripheral,
                                             .io_cap = value(CENTRAL, AMBLE__SMP_PAIRING_REQUEST, 0),
                                             .a1 = a,
                                             .a2 = b},
                               of_peripheral = {.n1 = nb,
                                                .n2 = na,
                                                .r = r_of_central,
                                                .io_cap = value(PERIPHERAL, AMBLE__SMP_PAIRING_RESPONSE, 0),
                                                .a1 = b,
                                                .a2 = a};
    uint8_t dhkey[32], mac_key[16], ltk[16], expected[16];

    shared_secret(dhkey);
    assert_int_equal(amble__toolbox_f5(NULL, dhkey, na, nb, a, b, mac_key, ltk), 0);
    assert_memory_equal(wire.last_key, ltk, 16);
    assert_int_equal(amble__toolbox_f6(NULL, mac_key, &of_central, expected), 0);
    assert_memory_equal(value(CENTRAL, AMBLE__SMP_DHKEY_CHECK, 0), expected, 16);
    assert_int_equal(amble__toolbox_f6(NULL, mac_key, &of_peripheral, expected), 0);
    assert_memory_equal(value(PERIPHERAL, AMBLE__SMP_DHKEY_CHECK, 0), expected, 16);
}

static void comparison(void)
{
    const amble_pair_options options = {.io = AMBLE_IO_YES_NO, .mitm = true};
    uint32_t digits;

    begin();
    assert_int_equal(wire_pair(&options, &options, 20000), 0);
    expect_chance(1);
    expect_keys(false);
    expect_confirm(PERIPHERAL, 0, 0);
    expect_key(0, nothing, nothing);
    assert_int_equal(
        amble__toolbox_g2(NULL, value(CENTRAL, AMBLE__SMP_PUBLIC_KEY, 0), value(PERIPHERAL, AMBLE__SMP_PUBLIC_KEY, 0),
                          value(CENTRAL, AMBLE__SMP_RANDOM, 0), value(PERIPHERAL, AMBLE__SMP_RANDOM, 0), &digits),
        0);
    assert_int_equal(wire.sides[CENTRAL].last[AMBLE_PROMPT_COMPARE].passkey, digits);
    wire_end();
}

static void passkey(void)
{
    const amble_pair_options shows = {.io = AMBLE_IO_DISPLAY, .mitm = true},
                             enters = {.io = AMBLE_IO_KEYBOARD, .mitm = true};
    uint8_t r[16] = {0};
    uint32_t digits;

    begin();
    assert_int_equal(wire_pair(&enters, &shows, 20000), 0);
    digits = wire.sides[PERIPHERAL].last[AMBLE_PROMPT_SHOW].passkey;
    expect_chance(ROUNDS);
    for (unsigned round = 0; round < ROUNDS; round++) {
        expect_confirm(CENTRAL, round, (uint8_t)(0x80 | (digits >> round & 1)));
        expect_confirm(PERIPHERAL, round, (uint8_t)(0x80 | (digits >> round & 1)));
    }
    amble__put_le32(r, digits);
    expect_key(ROUNDS - 1, r, r);
    wire_end();
}

static void out_of_band(void)
{
    const amble_pair_options options = {.out_of_band = true};
    amble_oob_data of_central, of_peripheral;
    uint8_t expected[16];

    begin();
    assert_int_equal(amble_oob_local(wire.sides[CENTRAL].ble, &of_central, 20000), 0);
    assert_int_equal(amble_oob_local(wire.sides[PERIPHERAL].ble, &of_peripheral, 20000), 0);
    assert_memory_not_equal(of_central.key, of_peripheral.key, 16);
    wire.sides[CENTRAL].data = &of_peripheral;
    wire.sides[PERIPHERAL].data = &of_central;
    assert_int_equal(wire_pair(&options, &options, 20000), 0);
    expect_chance(1);
    for (unsigned side = 0; side < 2; side++) {
        const amble_oob_data *data = side == CENTRAL ? &of_central : &of_peripheral;
        const uint8_t *key = value(side, AMBLE__SMP_PUBLIC_KEY, 0);

        assert_int_equal(amble__toolbox_f4(NULL, key, key, data->random, 0, expected), 0);
        assert_memory_equal(data->confirm, expected, 16);
        assert_memory_not_equal(data->random, nothing, 16);
        assert_memory_not_equal(data->key, nothing, 16);
    }
    expect_key(0, of_central.random, of_peripheral.random);
    wire_end();
}

/* --- LE legacy pairing -------------------------------------------------------------------------------------------- */
static void legacy(void)
{
    const amble_pair_options shows = {.io = AMBLE_IO_DISPLAY, .mitm = true, .legacy_only = true},
                             enters = {.io = AMBLE_IO_KEYBOARD, .mitm = true};
    amble__toolbox_sides sides = {.initiator = wire_address(CENTRAL), .responder = wire_address(PERIPHERAL)};
    uint8_t tk[16] = {0}, expected[16];

    begin();
    assert_int_equal(wire_pair(&enters, &shows, 20000), 0);
    amble__put_le32(tk, wire.sides[PERIPHERAL].last[AMBLE_PROMPT_SHOW].passkey);
    memcpy(sides.request, said[CENTRAL][AMBLE__SMP_PAIRING_REQUEST][0], sizeof sides.request);
    memcpy(sides.response, said[PERIPHERAL][AMBLE__SMP_PAIRING_RESPONSE][0], sizeof sides.response);
    expect_chance(1);
    for (unsigned side = 0; side < 2; side++) {
        assert_int_equal(amble__toolbox_c1(NULL, tk, value(side, AMBLE__SMP_RANDOM, 0), &sides, expected), 0);
        assert_memory_equal(value(side, AMBLE__SMP_CONFIRM, 0), expected, 16);
    }
    assert_int_equal(amble__toolbox_s1(NULL, tk, value(PERIPHERAL, AMBLE__SMP_RANDOM, 0),
                                       value(CENTRAL, AMBLE__SMP_RANDOM, 0), expected),
                     0);
    assert_memory_equal(wire.last_key, expected, 16);
    expect_keys(true);
    wire_end();
}

/* --- keys to be kept ---------------------------------------------------------------------------------------------- */
static uint8_t wished; /* what the request asks for on both sides: it is the responder who sees that */

static bool wish_less(unsigned from, uint8_t *pdu, size_t *size)
{
    if (from == CENTRAL && pdu[0] == AMBLE__SMP_PAIRING_REQUEST)
        pdu[AMBLE__SMP_KEYS] = pdu[AMBLE__SMP_KEYS + 1] = wished;
    return listen_in(from, pdu, size);
}

/* Only what was agreed upon is given, in both directions; and a bond without an identity is one with an address. */
static void what_nobody_wants_is_not_given(void)
{
    for (wished = 0; wished <= 7; wished++) {
        begin();
        wire.meddle = wish_less;
        assert_int_equal(wire_pair(NULL, NULL, 20000), 0);
        for (unsigned side = 0; side < 2; side++) {
            const amble__bond *bond = amble__bonds_find(&wire.sides[side].ble->bonds.table, wire_address(!side));
            const bool identity = wished & AMBLE__SMP_KEY_IDENTITY, signing = wished & AMBLE__SMP_KEY_SIGNING;

            assert_int_equal(times[side][AMBLE__SMP_IDENTITY_INFORMATION], identity);
            assert_int_equal(times[side][AMBLE__SMP_IDENTITY_ADDRESS], identity);
            assert_int_equal(times[side][AMBLE__SMP_SIGNING_INFORMATION], signing);
            assert_int_equal(times[side][AMBLE__SMP_ENCRYPTION_INFORMATION], 0); /* Secure Connections made it */
            assert_non_null(bond);
            assert_true(bond->has_irk == identity && bond->peer_signing.present == signing);
            assert_memory_equal(bond->peer_key.value, wire.last_key, 16);
        }
        wire_end();
    }
}

/* Everybody is told the same identity. */
static void who_gives_its_identity_stays_the_same(void)
{
    begin();
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(wire_pair(&(amble_pair_options){.renew = true}, NULL, 20000), 0);
    for (unsigned side = 0; side < 2; side++) {
        const amble_device own = wire_address(side);

        assert_memory_equal(value(side, AMBLE__SMP_IDENTITY_INFORMATION, 0),
                            value(side, AMBLE__SMP_IDENTITY_INFORMATION, 1), 16);
        assert_memory_not_equal(value(side, AMBLE__SMP_SIGNING_INFORMATION, 0),
                                value(side, AMBLE__SMP_SIGNING_INFORMATION, 1), 16);
        assert_int_equal(value(side, AMBLE__SMP_IDENTITY_ADDRESS, 0)[0], 0); /* public */
        assert_memory_equal(value(side, AMBLE__SMP_IDENTITY_ADDRESS, 0) + 1, own.bytes, 6);
    }
    wire_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(comparison),
        task_test(passkey),
        task_test(out_of_band),
        task_test(legacy),
        task_test(what_nobody_wants_is_not_given),
        task_test(who_gives_its_identity_stays_the_same),
    };
    int failed = 0;

    for (unsigned way = 0; way < WIRE_WAYS; way++) {
        wire_compute(way);
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failed;
}
