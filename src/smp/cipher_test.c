/* Pairing with ciphers of the controller: it may be slow, careless, or unable; links may be lost and tasks give up
 * while it computes. That a pairing is the same whoever computes is tested by pairing_test.c and attack_test.c, which
 * run with every way. */
#include "port/testing.h"
#include "smp/testing.h"
#include "transport/opener.h"

enum { SLOW_MS = 3000 };
static wire_side *central, *peripheral;

static void begin(int slow_ms)
{
    wire_crypto[CENTRAL] = wire_crypto[PERIPHERAL] = AMBLE_CRYPTO_CONTROLLER;
    wire_slow_ms = slow_ms;
    wire_slow_block_ms = 0;
    wire_careless = false;
    wire_open();
    central = &wire.sides[CENTRAL];
    peripheral = &wire.sides[PERIPHERAL];
    wire_connect();
}

/* --- the curve ---------------------------------------------------------------------------------------------------- */
static void the_curve_has_its_points_and_no_others(void)
{
    static const uint8_t nothing[64] = {0};
    uint8_t secret[32], point[64], wrong[64];
    amble__cipher port = {.hci = NULL};
    const int over = 0;

    assert_false(amble__curve_has(nothing));
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(amble__cipher_generate(&port, &over, secret, point), 0);
        assert_true(amble__curve_has(point));
        for (unsigned bit = i; bit < 512; bit += 50) {
            memcpy(wrong, point, sizeof wrong);
            wrong[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_false(amble__curve_has(wrong));
        }
    }
    memset(wrong, 0xff, 32); /* not below p, though it may be a coordinate modulo p */
    assert_false(amble__curve_has(wrong));
}

/* A number that is p more than a coordinate is the same number modulo p, and still none: y + p for a small y. */
static void coordinates_are_below_the_prime(void)
{
    static const uint8_t prime[32] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
                                      0,    0,    1,    0,    0,    0,    0xff, 0xff, 0xff, 0xff};
    /* The point with x = 0: its y is a root of b. */
    static const char y_text[] = "66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4";
    uint8_t point[64] = {0};

    for (unsigned i = 0; i < 32; i++)
        assert_true(amble__hex_byte(y_text + 2 * (31 - i), &point[32 + i]));
    assert_true(amble__curve_has(point));
    memcpy(point, prime, sizeof prime);
    assert_false(amble__curve_has(point));
}

/* --- careless and unable controllers ------------------------------------------------------------------------------ */
static bool bend_key(unsigned from, uint8_t *pdu, size_t *size)
{
    if (from == CENTRAL && *size == 65)
        pdu[40] ^= 1;
    return true;
}

static void a_careless_controller_is_not_asked(void)
{
    begin(0);
    wire_careless = true;
    wire.meddle = bend_key;
    assert_int_equal(wire_pair(NULL, NULL, 20000), AMBLE_ERR_SMP(AMBLE__SMP_INVALID_PARAMETERS));
    assert_false(amble_connection_encrypted(peripheral->conn));
    wire_end();
}

static void a_controller_that_cannot_is_refused_with_a_sentence(void)
{
    static const amble__transport_operations operations = {.write = wire_write, .close = wire_close};
    wire_side *side = &wire.sides[CENTRAL];

    memset(&wire, 0, sizeof wire);
    wire.delivery.run = wire_deliver;
    wire.no_ciphers = true;
    side->transport = (amble__transport){.operations = &operations, .name = "old"};
    assert_int_equal(
        amble__host_open(&side->ble, &side->transport, &(amble_config){.crypto = AMBLE_CRYPTO_CONTROLLER}, 5000),
        AMBLE_ERR_UNSUPPORTED);
    assert_non_null(strstr(amble_open_problem(), "old: the controller has no AES and P-256"));
    side->transport = (amble__transport){.operations = &operations, .name = "old"};
    assert_int_equal(amble__host_open(&side->ble, &side->transport, NULL, 5000), 0); /* not needed */
    amble_close(side->ble);
    amble__work_cancel(&wire.delivery);
}

/* --- slow ones ---------------------------------------------------------------------------------------------------- */
static void a_slow_controller_is_waited_for(void)
{
    begin(SLOW_MS);
    assert_int_equal(wire_pair(NULL, NULL, AMBLE_FOREVER), 0);
    assert_true(amble_connection_secure(central->conn));
    wire_end();
}

static void lose_and_pair_again(int at, int slow_ms, int slow_block_ms)
{
    amble_scope scope;
    amble_task *pairing;

    begin(slow_ms);
    wire_slow_block_ms = slow_block_ms;
    amble_scope_open(&scope);
    pairing = amble_spawn(&scope, wire_pair_quietly, NULL);
    assert_int_equal(amble_sleep_ms(at), 0);
    wire_unlink(0x08);
    assert_int_equal(amble_join(pairing, 1000), wire.encryptions ? 0 : AMBLE_ERR_DISCONNECTED);
    amble_scope_close(&scope);
    wire_disconnect();
    wire_connect();
    assert_int_equal(wire_pair(&(amble_pair_options){.renew = true}, NULL, AMBLE_FOREVER), 0);
    wire_end();
}

/* At every moment of the computation: what was begun comes to its end, and the next pairing works, although it begins
 * before that. */
static void a_link_lost_while_it_computes_harms_nothing(void)
{
    for (int at = 100; at < 5 * SLOW_MS; at += SLOW_MS / 2)
        lose_and_pair_again(at, SLOW_MS, 0);
    for (int at = 50; at < 3000; at += 100)
        lose_and_pair_again(at, 50, 200);
}

static void a_task_may_give_up_while_it_computes(void)
{
    for (int at = 100; at < 4 * SLOW_MS; at += SLOW_MS / 2) {
        begin(SLOW_MS);
        assert_int_equal(amble_pair(central->conn, NULL, at), AMBLE_ERR_TIMEOUT);
        assert_int_equal(amble_sleep_ms(100), 0);
        assert_null(peripheral->conn->smp->pairing);
        assert_int_equal(wire_pair(NULL, NULL, AMBLE_FOREVER), 0);
        wire_end();
    }
}

static void check_wiped(void)
{
    static const uint8_t wiped[sizeof central->ble->smp.pairings[0].secret] = {0};

    for (unsigned side = 0; side < 2; side++) {
        const amble__smp *smp = &wire.sides[side].ble->smp;

        for (size_t i = 0; i < smp->pairing_count; i++) {
            assert_false(smp->pairings[i].used);
            assert_memory_equal(&smp->pairings[i].secret, wiped, sizeof wiped);
        }
        assert_memory_equal(smp->cipher.result, wiped, sizeof smp->cipher.result);
        assert_null(smp->cipher.owner);
    }
}

/* Nothing secret is left in what a pairing worked with, although results come after its end: it is cut off at every
 * moment, by its task, and by the loss of the link. */
static void nothing_secret_stays_after_an_end_in_the_middle(void)
{
    enum { BLOCK_MS = 20, STEP_MS = 30, MANY_MS = 5000 };
    const amble_pair_options options = {.legacy_only = true};
    int at = STEP_MS / 2;

    for (unsigned way = 0; way < 4; way++) {
        bool whole = false;

        for (at = STEP_MS / 2; !whole && at < MANY_MS; at += STEP_MS) {
            amble_scope scope;

            begin(BLOCK_MS);
            wire_slow_block_ms = BLOCK_MS;
            amble_scope_open(&scope);
            assert_int_equal(amble_security_config(peripheral->ble, way & 1 ? &options : NULL), 0);
            amble_spawn(&scope, wire_pair_quietly, NULL);
            assert_int_equal(amble_sleep_ms(at), 0);
            whole = central->conn->smp->pairing == NULL && peripheral->conn->smp->pairing == NULL;
            if (way & 2)
                wire_unlink(0x08);
            else
                amble_scope_close(&scope);
            assert_int_equal(amble_sleep_ms(MANY_MS), 0);
            if (way & 2)
                amble_scope_close(&scope);
            check_wiped();
            wire_end();
        }
        assert_true(whole && at > 10 * STEP_MS);
    }
}

/* Who sends two PDUs before there is an answer to the first is out of turn, as with a host that computes at once. */
static bool send_twice(unsigned from, uint8_t *pdu, size_t *size)
{
    if (from == CENTRAL && pdu[0] == AMBLE__SMP_RANDOM)
        wire_forge(from, pdu, *size);
    return true;
}
static void one_pdu_at_a_time(void)
{
    begin(0);
    wire_slow_block_ms = 20;
    wire.meddle = send_twice;
    assert_int_equal(wire_pair(NULL, NULL, AMBLE_FOREVER), AMBLE_ERR_SMP(AMBLE__SMP_UNSPECIFIED));
    wire_end();
}

static void a_host_may_close_while_its_controller_computes(void)
{
    for (unsigned first = CENTRAL; first <= PERIPHERAL; first++) {
        for (int at = 100; at < 4 * SLOW_MS; at += SLOW_MS) {
            amble_scope scope;
            amble_task *pairing;

            begin(SLOW_MS);
            amble_scope_open(&scope);
            pairing = amble_spawn(&scope, wire_pair_quietly, NULL);
            assert_int_equal(amble_sleep_ms(at), 0);
            if (first == PERIPHERAL) {
                amble_connection_close(peripheral->conn);
                amble_close(peripheral->ble);
                peripheral->conn = NULL;
                peripheral->ble = NULL;
            }
            assert_true(amble_join(pairing, 1000 + (first == CENTRAL) * 10 * SLOW_MS) <= 0);
            amble_scope_close(&scope);
            wire_end();
        }
    }
}

/* --- one key pair ------------------------------------------------------------------------------------------------- */
static void out_of_band_data_hold_until_the_next_pairing(void)
{
    amble_oob_data data;
    const amble_pair_options asks = {.out_of_band = true, .mitm = true, .renew = true};

    begin(SLOW_MS / 10);
    assert_int_equal(amble_oob_local(peripheral->ble, &data, 20000), 0);
    central->data = &data;
    assert_int_equal(wire_pair(&asks, NULL, AMBLE_FOREVER), 0);
    assert_true(amble_connection_authenticated(central->conn));
    assert_int_equal(amble_oob_local(peripheral->ble, &data, 20000), 0);
    central->data = NULL;
    assert_int_equal(wire_pair(&(amble_pair_options){.renew = true, .no_bond = true}, NULL, AMBLE_FOREVER),
                     AMBLE_ERR_SMP(AMBLE__SMP_AUTHENTICATION)); /* the bond is better */
    central->data = &data;
    assert_int_equal(wire_pair(&asks, NULL, AMBLE_FOREVER), 0);
    wire_end();
}

static void out_of_band_data_are_made_in_time_or_not_at_all(void)
{
    amble_oob_data data;
    const uint64_t start = amble_now_us();

    begin(SLOW_MS);
    assert_int_equal(amble_oob_local(peripheral->ble, &data, SLOW_MS / 2), AMBLE_ERR_TIMEOUT);
    assert_in_range(amble_now_us() - start, SLOW_MS / 2 * 1000, SLOW_MS * 1000);
    assert_int_equal(amble_oob_local(peripheral->ble, &data, AMBLE_FOREVER), 0);
    central->data = &data;
    assert_int_equal(wire_pair(&(amble_pair_options){.out_of_band = true, .mitm = true}, NULL, AMBLE_FOREVER), 0);
    wire_end();
}

static void who_pairs_otherwise_takes_the_key_of_out_of_band_data(void)
{
    amble_oob_data data;

    begin(0);
    assert_int_equal(amble_oob_local(peripheral->ble, &data, 20000), 0);
    assert_int_equal(wire_pair(&(amble_pair_options){.no_bond = true}, NULL, AMBLE_FOREVER), 0);
    central->data = &data;
    assert_int_equal(wire_pair(&(amble_pair_options){.out_of_band = true, .mitm = true, .renew = true}, NULL, 20000),
                     AMBLE_ERR_SMP(AMBLE__SMP_CONFIRM_FAILED));
    wire_end();
}

/* A responder whose turn it is not yet goes on as soon as the pair is free, however it became so. */
static void who_waits_for_the_key_pair_gets_it(void)
{
    int over = 0;
    amble_scope scope;
    amble_task *pairing;

    begin(0);
    assert_int_equal(amble__cipher_own(&peripheral->ble->smp.cipher, &over), 0);
    amble_scope_open(&scope);
    pairing = amble_spawn(&scope, wire_pair_quietly, NULL);
    assert_int_equal(amble_sleep_ms(1000), 0);
    assert_false(amble_connection_encrypted(central->conn));
    over = AMBLE_ERR_DISCONNECTED;
    amble__cipher_release(&peripheral->ble->smp.cipher, &over);
    assert_int_equal(amble_join(pairing, 1000), 0);
    amble_scope_close(&scope);
    wire_end();
}

/* --- the toolbox with it ------------------------------------------------------------------------------------------ */
static size_t air(const char *name, const char *field, uint8_t *bytes, size_t room)
{
    uint8_t turned[64];
    const size_t size = sample(name, field, turned, sizeof turned);

    assert_in_range(size, 1, room);
    wire_turn(bytes, turned, size);
    return size;
}

static void the_toolbox_gives_its_samples_with_a_controllers_aes(void)
{
    uint8_t u[32], v[32], x[16], z[1], expected[16];

    begin(0);
    air("f4", "u", u, 32);
    air("f4", "v", v, 32);
    air("f4", "x", x, 16);
    air("f4", "z", z, 1);
    air("f4", "result", expected, 16);
    assert_int_equal(amble__toolbox_f4(&central->ble->smp.cipher, u, v, x, z[0], x), 0);
    assert_memory_equal(x, expected, 16);
    wire_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(the_curve_has_its_points_and_no_others),
        task_test(coordinates_are_below_the_prime),
        task_test(a_careless_controller_is_not_asked),
        task_test(a_controller_that_cannot_is_refused_with_a_sentence),
        task_test(a_slow_controller_is_waited_for),
        task_test(a_link_lost_while_it_computes_harms_nothing),
        task_test(a_task_may_give_up_while_it_computes),
        task_test(nothing_secret_stays_after_an_end_in_the_middle),
        task_test(one_pdu_at_a_time),
        task_test(a_host_may_close_while_its_controller_computes),
        task_test(out_of_band_data_hold_until_the_next_pairing),
        task_test(out_of_band_data_are_made_in_time_or_not_at_all),
        task_test(who_pairs_otherwise_takes_the_key_of_out_of_band_data),
        task_test(who_waits_for_the_key_pair_gets_it),
        task_test(the_toolbox_gives_its_samples_with_a_controllers_aes),
    };

    return cmocka_run_group_tests(tests, read_vectors, drop_vectors);
}
