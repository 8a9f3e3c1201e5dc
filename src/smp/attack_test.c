/* What somebody may try who sends what no honest peer would: each must fail, safely, with the reason that the
 * specification has for it, and leave no bond and no encryption behind. The attacker sits on the wire and changes what
 * one side says. */
#include "core/hex.h"
#include "smp/testing.h"

static wire_side *central, *peripheral;

static void begin(void)
{
    wire_open();
    central = &wire.sides[CENTRAL];
    peripheral = &wire.sides[PERIPHERAL];
    central->fixed = peripheral->fixed = 271828;
    wire_connect();
}

/* Nothing came of it on either side. */
static void check_nothing_gained(void)
{
    for (unsigned i = 0; i < 2; i++) {
        assert_false(amble_connection_encrypted(wire.sides[i].conn));
        assert_null(amble__bonds_find(&wire.sides[i].ble->bonds.table, wire_address(!i)));
    }
}

static unsigned attacker; /* whose PDUs are changed */

/* --- public keys -------------------------------------------------------------------------------------------------- */
static uint8_t seen_key[65];

/* What the other side sent comes back as the attacker's own key; with `mirrored` its negative, which has the same x. */
static bool reflect(unsigned from, uint8_t *pdu, size_t *size)
{
    if (*size == 65 && pdu[0] == AMBLE__SMP_PUBLIC_KEY) {
        if (from == attacker)
            memcpy(pdu, seen_key, 65);
        else
            memcpy(seen_key, pdu, 65);
    }
    return true;
}

static void a_reflected_public_key_is_refused(void)
{
    begin();
    attacker = PERIPHERAL; /* it answers, so it has seen the other's key */
    wire.meddle = reflect;
    assert_int_equal(wire_pair(NULL, NULL, 20000), AMBLE_ERR_SMP(AMBLE__SMP_INVALID_PARAMETERS));
    check_nothing_gained();
    wire_end();
}

/* y of the same x, negated: p - y. */
static bool reflect_negated(unsigned from, uint8_t *pdu, size_t *size)
{
    static const uint8_t p[32] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                  0xff, 0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
                                  0,    0,    1,    0,    0,    0,    0xff, 0xff, 0xff, 0xff};
    int borrow = 0;

    (void)reflect(from, pdu, size);
    if (*size != 65 || from != attacker)
        return true;
    for (int i = 0; i < 32; i++) {
        const int difference = p[i] - pdu[33 + i] - borrow;

        borrow = difference < 0;
        pdu[33 + i] = (uint8_t)difference;
    }
    return true;
}

static void a_reflected_x_is_refused(void)
{
    begin();
    attacker = PERIPHERAL;
    wire.meddle = reflect_negated;
    assert_int_equal(wire_pair(NULL, NULL, 20000), AMBLE_ERR_SMP(AMBLE__SMP_INVALID_PARAMETERS));
    check_nothing_gained();
    wire_end();
}

static bool bend_key(unsigned from, uint8_t *pdu, size_t *size)
{
    if (from == attacker && *size == 65)
        pdu[40] ^= 1;
    return true;
}

static void a_point_off_the_curve_is_refused_by_both_sides(void)
{
    for (attacker = CENTRAL; attacker <= PERIPHERAL; attacker++) {
        begin();
        wire.meddle = bend_key;
        assert_int_equal(wire_pair(NULL, NULL, 20000), AMBLE_ERR_SMP(AMBLE__SMP_INVALID_PARAMETERS));
        check_nothing_gained();
        wire_end();
    }
}

/* The debug key pair, Vol 3 Part H 2.3.5.6.1, least significant octet first. */
static bool use_debug_key(unsigned from, uint8_t *pdu, size_t *size)
{
    static const char digits[] = "20b003d2f297be2c5e2c83a7e9f9a5b9eff49111acf4fddbcc0301480e359de6"
                                 "dc809c49652aeb6d63329abf5a52155c766345c28fed3024741c8ed01589d28b";

    if (from != attacker || *size != 65)
        return true;
    for (unsigned i = 0; i < 32; i++) {
        assert_true(amble__hex_byte(digits + 2 * (31 - i), &pdu[1 + i]));
        assert_true(amble__hex_byte(digits + 2 * (63 - i), &pdu[33 + i]));
    }
    return true;
}

static void the_debug_key_is_refused_by_both_sides(void)
{
    for (attacker = CENTRAL; attacker <= PERIPHERAL; attacker++) {
        begin();
        wire.meddle = use_debug_key;
        assert_int_equal(wire_pair(NULL, NULL, 20000), AMBLE_ERR_SMP(AMBLE__SMP_INVALID_PARAMETERS));
        check_nothing_gained();
        wire_end();
    }
}

/* --- passkeys ----------------------------------------------------------------------------------------------------- */
/* Each failed attempt makes the next one wait twice as long, whichever side it comes from, and has another key pair. */
static void guessing_takes_twice_as_long_each_time(void)
{
    const amble_pair_options shows = {.io = AMBLE_IO_DISPLAY, .mitm = true, .fixed_passkey = true, .passkey = 123456};
    const amble_pair_options enters = {.io = AMBLE_IO_KEYBOARD, .mitm = true};
    uint8_t keys[8][65];

    begin();
    central->wrong = true;
    wire.meddle = reflect;
    attacker = 2; /* nobody: only looks */
    for (unsigned i = 0; i < 8; i++) {
        const int wait_ms = 1000 << i;

        /* The guesser asks anew at once: its host would not, so it is made to forget. */
        assert_int_equal(wire_pair(&enters, &shows, 20000), AMBLE_ERR_SMP(AMBLE__SMP_CONFIRM_FAILED));
        memcpy(keys[i], seen_key, 65);
        for (unsigned k = 0; k < i; k++)
            assert_memory_not_equal(keys[i], keys[k], 33);
        memset(central->ble->smp.attempts, 0, central->ble->smp.attempt_count * sizeof *central->ble->smp.attempts);
        assert_int_equal(amble_sleep_ms(wait_ms - 400), 0);
        assert_int_equal(wire_pair(&enters, &shows, 20000), AMBLE_ERR_SMP(AMBLE__SMP_REPEATED_ATTEMPTS));
        assert_int_equal(amble_sleep_ms(400), 0);
    }
    check_nothing_gained();
    central->wrong = false; /* a success forgives */
    assert_int_equal(amble_sleep_ms(300000), 0);
    assert_int_equal(wire_pair(&enters, &shows, 20000), 0);
    assert_false(amble__smp_must_wait(&peripheral->ble->smp, wire_address(CENTRAL)));
    wire_end();
}

/* Our own side does not help a guesser either: it keeps the same times. */
static void the_initiator_waits_too(void)
{
    const amble_pair_options shows = {.io = AMBLE_IO_DISPLAY, .mitm = true},
                             enters = {.io = AMBLE_IO_KEYBOARD, .mitm = true};

    begin();
    peripheral->wrong = true;
    assert_int_equal(wire_pair(&shows, &enters, 20000), AMBLE_ERR_SMP(AMBLE__SMP_CONFIRM_FAILED));
    assert_int_equal(amble_pair(central->conn, &shows, 1000), AMBLE_ERR_SMP(AMBLE__SMP_REPEATED_ATTEMPTS));
    wire_end();
}

/* A guesser who has seen enough of a round may leave before it is found out: that is an attempt, too. */
static bool leave_after_random(unsigned from, uint8_t *pdu, size_t *size)
{
    if (from == CENTRAL && pdu[0] == AMBLE__SMP_RANDOM) {
        pdu[0] = AMBLE__SMP_FAILED;
        pdu[1] = AMBLE__SMP_UNSPECIFIED;
        *size = 2;
    }
    return true;
}

static void leaving_early_counts_as_an_attempt(void)
{
    const amble_pair_options shows = {.io = AMBLE_IO_DISPLAY, .mitm = true},
                             enters = {.io = AMBLE_IO_KEYBOARD, .mitm = true};

    begin();
    wire.meddle = leave_after_random;
    assert_true(wire_pair(&enters, &shows, 300) < 0);
    assert_true(amble__smp_must_wait(&peripheral->ble->smp, wire_address(CENTRAL)));
    wire_end();
}

/* --- proofs ------------------------------------------------------------------------------------------------------- */
static uint8_t bent_code;

static bool bend_proof(unsigned from, uint8_t *pdu, size_t *size)
{
    if (from == attacker && pdu[0] == bent_code)
        pdu[*size - 1] ^= 0x80;
    return true;
}

/* What one side proves the other one checks: neither relies on the honest one to find out. */
static void each_side_checks_what_the_other_proves(void)
{
    static const struct {
        amble_pair_options ours, theirs;
        uint8_t code, reason;
    } cases[] = {
        {{.legacy_only = true}, {.io = AMBLE_IO_NONE}, AMBLE__SMP_CONFIRM, AMBLE__SMP_CONFIRM_FAILED},
        {{.io = AMBLE_IO_KEYBOARD, .mitm = true},
         {.io = AMBLE_IO_DISPLAY},
         AMBLE__SMP_CONFIRM,
         AMBLE__SMP_CONFIRM_FAILED},
        {{.io = AMBLE_IO_NONE}, {.io = AMBLE_IO_NONE}, AMBLE__SMP_DHKEY_CHECK, AMBLE__SMP_CHECK_FAILED},
        {{.io = AMBLE_IO_YES_NO},
         {.io = AMBLE_IO_YES_NO, .mitm = true},
         AMBLE__SMP_DHKEY_CHECK,
         AMBLE__SMP_CHECK_FAILED},
    };

    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (attacker = CENTRAL; attacker <= PERIPHERAL; attacker++) {
            begin();
            bent_code = cases[i].code;
            wire.meddle = bend_proof;
            assert_int_equal(wire_pair(&cases[i].ours, &cases[i].theirs, 20000), AMBLE_ERR_SMP(cases[i].reason));
            check_nothing_gained();
            wire_end();
        }
    }
}

/* --- less than was offered ---------------------------------------------------------------------------------------- */
static uint8_t field, clear_bits, replacement;

static bool bend_features(unsigned from, uint8_t *pdu, size_t *size)
{
    if (from == attacker && *size == 7 && pdu[0] <= AMBLE__SMP_PAIRING_RESPONSE)
        pdu[field] = replacement ? replacement : (uint8_t)(pdu[field] & ~clear_bits);
    return true;
}

static int pair_bent(unsigned from, uint8_t at, uint8_t clear, uint8_t instead, const amble_pair_options *options)
{
    int r;

    begin();
    attacker = from;
    field = at;
    clear_bits = clear;
    replacement = instead;
    wire.meddle = bend_features;
    r = wire_pair(options, options, 20000);
    if (r < 0)
        check_nothing_gained();
    wire_end();
    return r;
}

static void a_shorter_key_is_refused(void)
{
    for (unsigned from = CENTRAL; from <= PERIPHERAL; from++) {
        assert_int_equal(pair_bent(from, AMBLE__SMP_SIZE, 0, 7, NULL), AMBLE_ERR_SMP(AMBLE__SMP_KEY_SIZE));
        assert_int_equal(pair_bent(from, AMBLE__SMP_SIZE, 0, 6, NULL), AMBLE_ERR_SMP(AMBLE__SMP_INVALID_PARAMETERS));
        assert_int_equal(pair_bent(from, AMBLE__SMP_SIZE, 0, 17, NULL), AMBLE_ERR_SMP(AMBLE__SMP_INVALID_PARAMETERS));
        /* Where short keys are allowed, who changes the offer on its way is found out by the check values. */
        assert_int_equal(pair_bent(from, AMBLE__SMP_IO, 0, 4, &(amble_pair_options){.key_size_min = 7}),
                         AMBLE_ERR_SMP(AMBLE__SMP_CHECK_FAILED));
    }
}

static void secure_connections_cannot_be_taken_away(void)
{
    const amble_pair_options secure = {.secure_only = true};
    const amble_pair_options passkey = {.io = AMBLE_IO_KEYBOARD, .mitm = true};

    for (unsigned from = CENTRAL; from <= PERIPHERAL; from++) {
        assert_int_equal(pair_bent(from, AMBLE__SMP_AUTH, AMBLE__SMP_AUTH_SECURE, 0, &secure),
                         AMBLE_ERR_SMP(AMBLE__SMP_AUTHENTICATION));
        /* Without that option the two sides fall out over what they heard: each computes with its own. */
        assert_true(pair_bent(from, AMBLE__SMP_AUTH, AMBLE__SMP_AUTH_SECURE, 0, &passkey) < 0);
    }
}

static void features_that_make_no_sense_are_refused(void)
{
    for (unsigned from = CENTRAL; from <= PERIPHERAL; from++) {
        assert_int_equal(pair_bent(from, AMBLE__SMP_IO, 0, 5, NULL), AMBLE_ERR_SMP(AMBLE__SMP_INVALID_PARAMETERS));
        assert_int_equal(pair_bent(from, AMBLE__SMP_OOB, 0, 2, NULL), AMBLE_ERR_SMP(AMBLE__SMP_INVALID_PARAMETERS));
    }
    assert_int_equal(pair_bent(PERIPHERAL, AMBLE__SMP_KEYS, 0, 0xff, NULL),
                     AMBLE_ERR_SMP(AMBLE__SMP_INVALID_PARAMETERS));
}

/* --- out of turn -------------------------------------------------------------------------------------------------- */
static unsigned forged_at, forged_seen;
static uint8_t forged_code, forged_original;
static int forged_size; /* more, or less */

/* In place of its n-th PDU the attacker sends one of another code, or of another length. */
static bool send_another(unsigned from, uint8_t *pdu, size_t *size)
{
    if (from != attacker || forged_seen++ != forged_at)
        return true;
    forged_original = pdu[0];
    if (forged_code)
        pdu[0] = forged_code;
    *size += (size_t)forged_size;
    return true;
}

static int pair_forged(uint8_t code, int size)
{
    const amble_pair_options options = {.io = AMBLE_IO_YES_NO, .mitm = true};
    int r;

    begin();
    forged_code = code;
    forged_size = size;
    forged_seen = 0;
    wire.meddle = send_another;
    r = wire_pair(&options, &options, AMBLE_FOREVER);
    assert_int_equal(amble_sleep_ms(AMBLE__SMP_TIMEOUT_MS + 1000), 0); /* nobody hangs for longer */
    for (unsigned side = 0; side < 2; side++)
        assert_null(wire.sides[side].conn->smp->pairing);
    return r;
}

/* What the attacker wanted to prove something with. */
static bool victim_has_bond(void)
{
    return amble__bonds_find(&wire.sides[!attacker].ble->bonds.table, wire_address(attacker));
}

/* Every code in place of every PDU, from both sides: whoever gets it keeps nothing of such a pairing. */
static void pdus_out_of_turn_end_the_pairing(void)
{
    enum { PDUS = 7 }; /* of a pairing with comparison, that each side sends: three of them keys */

    for (attacker = CENTRAL; attacker <= PERIPHERAL; attacker++) {
        for (forged_at = 0; forged_at < PDUS; forged_at++) {
            for (uint8_t code = 1; code <= AMBLE__SMP_KEYPRESS; code++) {
                const int r = pair_forged(code, 0);

                assert_int_equal(victim_has_bond(), code == forged_original);
                assert_int_equal(r == 0, code == forged_original || amble_connection_bonded(central->conn));
                wire_end();
            }
        }
    }
}

/* Its n-th PDU comes twice, at once. */
static bool send_twice(unsigned from, uint8_t *pdu, size_t *size)
{
    if (from == attacker && forged_seen++ == forged_at)
        wire_forge(from, pdu, *size);
    return true;
}

/* Also while the victim still computes; only after the last one nobody cares any more. */
static void pdus_that_come_twice_end_the_pairing(void)
{
    const amble_pair_options options = {.io = AMBLE_IO_YES_NO, .mitm = true};
    const amble_pair_options legacy = {.legacy_only = true};

    for (unsigned i = 0; i < 4; i++) {
        /* Feature exchange, public key, confirm value (the responder's only), random, check; or confirm value and
         * random; then keys. */
        const unsigned pdus = i & 2 ? 8 : i & 1 ? 8 : 7;

        attacker = i & 1;
        for (forged_at = 0; forged_at < pdus; forged_at++) {
            begin();
            forged_seen = 0;
            wire.meddle = send_twice;
            (void)wire_pair(i & 2 ? &legacy : &options, i & 2 ? &legacy : &options, AMBLE_FOREVER);
            assert_int_equal(victim_has_bond(), forged_at == pdus - 1);
            wire_end();
        }
    }
}

/* A PDU that is too short or too long is told to be so. */
static void pdus_of_wrong_length_end_the_pairing(void)
{
    enum { PDUS = 4 };

    for (attacker = CENTRAL; attacker <= PERIPHERAL; attacker++) {
        for (forged_at = 0; forged_at < PDUS; forged_at++) {
            for (int size = -1; size <= 1; size += 2) {
                assert_int_equal(pair_forged(0, size), AMBLE_ERR_SMP(AMBLE__SMP_INVALID_PARAMETERS));
                check_nothing_gained();
                wire_end();
            }
        }
    }
}

/* A lone PDU of any code and length, without a pairing, does nothing but be refused. */
static void pdus_without_a_pairing_do_nothing(void)
{
    uint8_t pdu[80] = {0};

    begin();
    for (unsigned to = CENTRAL; to <= PERIPHERAL; to++)
        for (unsigned code = 0; code < 256; code++)
            for (size_t size = 0; size <= 66; size += size == 2 ? 5 : size == 7 ? 10 : size == 17 ? 48 : 1) {
                if (code == AMBLE__SMP_PAIRING_REQUEST && size == 7)
                    continue; /* that would be one */
                pdu[0] = (uint8_t)code;
                wire_forge(!to, pdu, size);
                assert_int_equal(amble_sleep_ms(1), 0);
            }
    check_nothing_gained();
    assert_int_equal(wire_pair(NULL, NULL, 20000), 0);
    wire_end();
}

/* --- encryption --------------------------------------------------------------------------------------------------- */
/* A central that begins encryption before there is a key, with numbers that name none, gets none. */
static void encryption_before_pairing_gets_no_key(void)
{
    uint8_t parameters[28] = {WIRE_HANDLE, 0};

    begin();
    wire_enable(parameters);
    assert_int_equal(amble_sleep_ms(100), 0);
    check_nothing_gained();
    parameters[5] = 1;
    wire_enable(parameters);
    assert_int_equal(amble_sleep_ms(100), 0);
    check_nothing_gained();
    wire_end();
}

static bool enable_too_early(unsigned from, uint8_t *pdu, size_t *size)
{
    static const uint8_t parameters[28] = {WIRE_HANDLE, 0};

    (void)size;
    if (from == CENTRAL && pdu[0] == AMBLE__SMP_RANDOM) /* there is no key yet: zeros might be taken for one */
        wire_enable(parameters);
    return true;
}

static void encryption_in_the_middle_of_a_pairing_gets_no_key(void)
{
    int r;

    begin();
    wire.meddle = enable_too_early;
    r = wire_pair(NULL, NULL, 20000);           /* it may fail or go on */
    assert_int_equal(wire.encryptions, r == 0); /* but there was no encryption before its own */
    wire_end();
}

/* --- bonds -------------------------------------------------------------------------------------------------------- */
static void a_bond_is_not_replaced_by_a_weaker_one(void)
{
    const amble_pair_options strong = {.io = AMBLE_IO_YES_NO, .mitm = true};
    const amble_pair_options weak[] = {
        {.renew = true}, {.renew = true, .legacy_only = true}, {.renew = true, .key_size_min = 7, .key_size_max = 7}};
    const amble_pair_options lax = {.key_size_min = 7};
    amble__bond kept[2];

    begin();
    assert_int_equal(wire_pair(&strong, &strong, 20000), 0);
    for (unsigned i = 0; i < 2; i++)
        kept[i] = *amble__bonds_find(&wire.sides[i].ble->bonds.table, wire_address(!i));
    for (unsigned i = 0; i < 3; i++) {
        amble__bond *own = amble__bonds_find(&central->ble->bonds.table, wire_address(PERIPHERAL));

        if (own) /* the attacker's own bond does not keep it from trying */
            amble__bonds_drop(&central->ble->bonds.table, own);
        wire_disconnect();
        wire_connect();
        assert_int_equal(wire_pair(&weak[i], &lax, 20000), AMBLE_ERR_SMP(AMBLE__SMP_AUTHENTICATION));
        assert_false(amble_connection_encrypted(peripheral->conn));
    }
    assert_memory_equal(amble__bonds_find(&peripheral->ble->bonds.table, wire_address(CENTRAL))->own_key.value,
                        kept[1].own_key.value, 16);
    wire_end();
}

/* A stranger that claims another's identity when it gives its keys. */
static bool claim_identity(unsigned from, uint8_t *pdu, size_t *size)
{
    if (from == CENTRAL && pdu[0] == AMBLE__SMP_IDENTITY_ADDRESS && *size == 8) {
        pdu[1] = 0;
        memset(pdu + 2, 0x77, 6);
    }
    return true;
}

static void another_devices_bond_cannot_be_taken_over(void)
{
    const amble_device victim = {AMBLE_PUBLIC, {0x77, 0x77, 0x77, 0x77, 0x77, 0x77}};
    amble__bond *bond;

    begin();
    bond = amble__bonds_take(&peripheral->ble->bonds.table, victim);
    bond->authenticated = true;
    bond->key_size = 16;
    bond->own_key.present = true;
    wire.meddle = claim_identity;
    (void)wire_pair(NULL, NULL, 20000); /* the attacker's side may think what it wants */
    assert_int_equal(peripheral->last[AMBLE_PROMPT_DONE].result, AMBLE_ERR_SMP(AMBLE__SMP_KEY_REJECTED));
    bond = amble__bonds_find(&peripheral->ble->bonds.table, victim);
    assert_non_null(bond);
    assert_true(bond->authenticated);
    wire_end();
}

/* --- floods ------------------------------------------------------------------------------------------------------- */
/* Who was let in is let in again with its key; who pairs anew under its address is not. */
static void a_new_pairing_does_not_inherit_that_the_old_one_was_let_in(void)
{
    begin();
    assert_int_equal(wire_pair(NULL, NULL, 20000), 0);
    assert_int_equal(amble_authorise(peripheral->conn, true), 0);
    wire_disconnect();
    wire_connect();
    assert_int_equal(amble_encrypted(peripheral->conn, 1000), 0);
    assert_true(amble_connection_authorised(peripheral->conn));
    wire_disconnect();
    amble__bonds_drop(&central->ble->bonds.table,
                      amble__bonds_find(&central->ble->bonds.table, wire_address(PERIPHERAL)));
    wire_connect();
    assert_false(amble_connection_authorised(peripheral->conn));
    assert_int_equal(wire_pair(NULL, NULL, 20000), 0);
    assert_true(amble_connection_encrypted(peripheral->conn));
    assert_false(amble_connection_authorised(peripheral->conn));
    wire_end();
}

static int one_more_asks(void *arg)
{
    amble_prompt p;

    (void)arg;
    return amble_prompted(peripheral->ble, &p, AMBLE_FOREVER);
}

/* The answer to a question of an earlier pairing does not answer that of a later one, nor is one answered twice; and
 * one task asks. */
static void an_old_answer_is_not_taken_for_a_new_question(void)
{
    amble_prompt old, new;
    amble_scope scope;
    amble_task *pairing;

    begin();
    assert_int_equal(amble_security_config(peripheral->ble, &(amble_pair_options){.ask = true}), 0);
    amble_scope_open(&scope);
    pairing = amble_spawn(&scope, wire_pair_quietly, NULL);
    assert_int_equal(amble_prompted(peripheral->ble, &old, 1000), 0);
    amble_cancel(pairing);
    assert_int_equal(amble_prompted(peripheral->ble, &new, 1000), 0);
    assert_int_equal(new.kind, AMBLE_PROMPT_DONE);
    pairing = amble_spawn(&scope, wire_pair_quietly, NULL);
    assert_int_equal(amble_prompted(peripheral->ble, &new, 1000), 0);
    assert_int_equal(new.kind, AMBLE_PROMPT_ALLOW);
    assert_int_equal(amble_prompt_answer(peripheral->ble, &old, 1), AMBLE_ERR_STALE);
    assert_int_equal(amble_sleep_ms(1000), 0);
    assert_false(amble_connection_encrypted(peripheral->conn));
    assert_int_equal(amble_prompt_answer(peripheral->ble, &new, 1), 0);
    assert_int_equal(amble_prompt_answer(peripheral->ble, &new, 0), AMBLE_ERR_STALE);
    assert_int_equal(amble_join(pairing, 20000), 0);
    assert_int_equal(amble_prompted(peripheral->ble, &new, 1000), 0);
    pairing = amble_spawn(&scope, one_more_asks, NULL);
    assert_int_equal(amble_sleep_ms(0), 0);
    assert_int_equal(amble_prompted(peripheral->ble, &new, 1000), AMBLE_ERR_BUSY);
    amble_cancel(pairing);
    amble_scope_close(&scope);
    wire_end();
}

static void a_flood_costs_nothing(void)
{
    static const uint8_t request[] = {AMBLE__SMP_PAIRING_REQUEST, 3, 0, 9, 16, 0, 0};
    uint8_t request_again[] = {AMBLE__SMP_SECURITY_REQUEST, 1};

    begin();
    for (unsigned i = 0; i < 500; i++) {
        wire_forge(CENTRAL, request, sizeof request);
        wire_forge(PERIPHERAL, request_again, sizeof request_again);
        assert_int_equal(amble_sleep_ms(1), 0);
    }
    assert_int_equal(amble_sleep_ms(40000), 0);
    check_nothing_gained();
    wire_disconnect();
    wire_connect();
    assert_int_equal(wire_pair(NULL, NULL, 20000), 0);
    wire_end();
}

/* Nor where the answers cannot leave as fast as they are asked for: there is room for one, and it is not used twice. */
static void a_flood_is_answered_as_answers_leave(void)
{
    static const uint8_t request[] = {AMBLE__SMP_PAIRING_REQUEST, 3, 0, 9, 16, 0, 0};

    begin();
    assert_int_equal(amble_security_config(peripheral->ble, &(amble_pair_options){.refuse = true}), 0);
    wire.stalled = true;
    for (unsigned i = 0; i < 200; i++) {
        wire_forge(CENTRAL, request, sizeof request);
        assert_int_equal(amble_sleep_ms(1), 0);
    }
    assert_true(peripheral->conn->l2cap->security_reply.busy);
    wire_go_on();
    assert_int_equal(amble_sleep_ms(10), 0);
    assert_false(peripheral->conn->l2cap->security_reply.busy);
    check_nothing_gained();
    assert_int_equal(wire_pair(NULL, NULL, 20000), 0);
    wire_end();
}

/* Before every other PDU of a pairing that enters a passkey on both sides. */
static bool press_keys(unsigned from, uint8_t *pdu, size_t *size)
{
    (void)size;
    if (pdu[0] == AMBLE__SMP_CONFIRM)
        for (uint8_t type = 0; type < 5; type++)
            wire_forge(from, (const uint8_t[]){AMBLE__SMP_KEYPRESS, type}, 2);
    return true;
}

static void keypress_notifications_are_accepted(void)
{
    const amble_pair_options enters = {.io = AMBLE_IO_KEYBOARD, .mitm = true};

    begin();
    wire.meddle = press_keys;
    assert_int_equal(wire_pair(&enters, &enters, 20000), 0);
    wire_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(a_reflected_public_key_is_refused),
        task_test(a_reflected_x_is_refused),
        task_test(a_point_off_the_curve_is_refused_by_both_sides),
        task_test(the_debug_key_is_refused_by_both_sides),
        task_test(guessing_takes_twice_as_long_each_time),
        task_test(the_initiator_waits_too),
        task_test(leaving_early_counts_as_an_attempt),
        task_test(each_side_checks_what_the_other_proves),
        task_test(a_shorter_key_is_refused),
        task_test(secure_connections_cannot_be_taken_away),
        task_test(features_that_make_no_sense_are_refused),
        task_test(pdus_out_of_turn_end_the_pairing),
        task_test(pdus_that_come_twice_end_the_pairing),
        task_test(pdus_of_wrong_length_end_the_pairing),
        task_test(pdus_without_a_pairing_do_nothing),
        task_test(encryption_before_pairing_gets_no_key),
        task_test(encryption_in_the_middle_of_a_pairing_gets_no_key),
        task_test(a_bond_is_not_replaced_by_a_weaker_one),
        task_test(another_devices_bond_cannot_be_taken_over),
        task_test(a_new_pairing_does_not_inherit_that_the_old_one_was_let_in),
        task_test(an_old_answer_is_not_taken_for_a_new_question),
        task_test(a_flood_costs_nothing),
        task_test(a_flood_is_answered_as_answers_leave),
        task_test(keypress_notifications_are_accepted),
    };
    int failed = 0;

    for (unsigned way = 0; way < WIRE_WAYS; way++) {
        wire_compute(way);
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failed;
}
