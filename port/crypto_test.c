/* Tests of port/crypto.h against published sample data (testdata/vectors.json) and against its own promises: repeatable
 * from a seed, wrong points refused, any number of keys at once. */
#include "port/crypto.h"

#include "amble/error.h"
#include "port/testing.h"

static void encrypt(const uint8_t secret[16], const uint8_t in[16], uint8_t out[16])
{
    amble__aes_key key;

    assert_int_equal(amble__aes_expand(&key, secret), AMBLE_OK);
    amble__aes_encrypt(&key, in, out);
    amble__aes_wipe(&key);
}

/* FIPS 197 appendix C.1 */
static void aes_encrypts_the_standards_example(void **state)
{
    static const uint8_t expected[16] = {0x69, 0xc4, 0xe0, 0xd8, 0x6a, 0x7b, 0x04, 0x30,
                                         0xd8, 0xcd, 0xb7, 0x80, 0x70, 0xb4, 0xc5, 0x5a};
    uint8_t secret[16], block[16];

    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        secret[i] = (uint8_t)i;
        block[i] = (uint8_t)(i << 4 | i);
    }
    encrypt(secret, block, block); /* in place */
    assert_memory_equal(block, expected, 16);
}

/* Vol 3 Part H 2.2.2: ah(k, r) = e(k, padding || r) mod 2^24 */
static void ah_gives_the_sample(void **state)
{
    uint8_t secret[16], block[16] = {0}, expected[3];

    (void)state;
    sample("ah", "k", secret, 16);
    sample("ah", "prand", block + 13, 3);
    sample("ah", "result", expected, 3);
    encrypt(secret, block, block);
    assert_memory_equal(block + 13, expected, 3);
}

/* Vol 3 Part H 2.2.3: c1 = e(k, e(k, r XOR p1) XOR p2), p1 = pres || preq || rat || iat, p2 = padding || ia || ra */
static void c1_gives_the_sample(void **state)
{
    uint8_t secret[16], block[16], p1[16] = {0}, p2[16] = {0}, expected[16];
    const cJSON *c1 = cJSON_GetObjectItemCaseSensitive(vectors, "c1");

    (void)state;
    sample("c1", "k", secret, 16);
    sample("c1", "r", block, 16);
    sample("c1", "pres", p1, 7);
    sample("c1", "preq", p1 + 7, 7);
    p1[14] = (uint8_t)cJSON_GetObjectItem(c1, "rat")->valueint;
    p1[15] = (uint8_t)cJSON_GetObjectItem(c1, "iat")->valueint;
    sample("c1", "ia", p2 + 4, 6);
    sample("c1", "ra", p2 + 10, 6);
    sample("c1", "result", expected, 16);
    for (int i = 0; i < 16; i++)
        block[i] ^= p1[i];
    encrypt(secret, block, block);
    for (int i = 0; i < 16; i++)
        block[i] ^= p2[i];
    encrypt(secret, block, block);
    assert_memory_equal(block, expected, 16);
}

/* Vol 3 Part H 2.2.4: s1(k, r1, r2) = e(k, the low halves of r1 and r2) */
static void s1_gives_the_sample(void **state)
{
    uint8_t secret[16], r1[16], r2[16], block[16], expected[16];

    (void)state;
    sample("s1", "k", secret, 16);
    sample("s1", "r1", r1, 16);
    sample("s1", "r2", r2, 16);
    sample("s1", "result", expected, 16);
    memcpy(block, r1 + 8, 8);
    memcpy(block + 8, r2 + 8, 8);
    encrypt(secret, block, block);
    assert_memory_equal(block, expected, 16);
}

static void cmac_gives_the_samples_in_pieces_of_any_size(void **state)
{
    static const char *const names[] = {"aes_cmac_0", "aes_cmac_16", "aes_cmac_40", "aes_cmac_64"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        uint8_t secret[16], message[64], expected[16], mac[16];
        const size_t size = sample(names[i], "m", message, sizeof message);

        sample(names[i], "k", secret, 16);
        sample(names[i], "result", expected, 16);
        for (size_t piece = 1; piece <= size + 1; piece++) {
            amble__cmac cmac;

            assert_int_equal(amble__cmac_begin(&cmac, secret), AMBLE_OK);
            for (size_t at = 0; at < size; at += piece)
                amble__cmac_add(&cmac, message + at, size - at < piece ? size - at : piece);
            amble__cmac_end(&cmac, mac);
            assert_memory_equal(mac, expected, 16);
        }
    }
}

static void cmac_leaves_no_secret_behind(void **state)
{
    static const amble__cmac blank;
    static const uint8_t secret[16] = {1};
    uint8_t mac[16];
    amble__cmac cmac;

    (void)state;
    assert_int_equal(amble__cmac_begin(&cmac, secret), AMBLE_OK);
    amble__cmac_add(&cmac, "amble", 5);
    amble__cmac_end(&cmac, mac);
    assert_memory_equal(&cmac, &blank, sizeof cmac);
}

static void a_thousand_keys_live_side_by_side(void **state)
{
    enum { KEYS = 1000 };
    amble__aes_key *keys = calloc(KEYS, sizeof *keys);

    (void)state;
    assert_non_null(keys);
    for (unsigned i = 0; i < KEYS; i++) {
        const uint8_t secret[16] = {(uint8_t)i, (uint8_t)(i >> 8)};

        assert_int_equal(amble__aes_expand(&keys[i], secret), AMBLE_OK);
    }
    for (unsigned i = 0; i < KEYS; i++) {
        const uint8_t secret[16] = {(uint8_t)i, (uint8_t)(i >> 8)}, plain[16] = {7};
        uint8_t a[16], b[16];

        amble__aes_encrypt(&keys[i], plain, a);
        encrypt(secret, plain, b);
        assert_memory_equal(a, b, 16);
        amble__aes_wipe(&keys[i]);
    }
    free(keys);
}

static void p256_gives_the_sample_both_ways(void **state)
{
    uint8_t private_a[32], private_b[32], expected[32], shared[32];
    amble__p256_point a, b, computed;

    (void)state;
    sample("p256_dhkey", "private_a", private_a, 32);
    sample("p256_dhkey", "private_b", private_b, 32);
    sample("p256_dhkey", "ax", a.x, 32);
    sample("p256_dhkey", "ay", a.y, 32);
    sample("p256_dhkey", "bx", b.x, 32);
    sample("p256_dhkey", "by", b.y, 32);
    sample("p256_dhkey", "result", expected, 32);
    assert_int_equal(amble__p256_public(private_a, &computed), AMBLE_OK);
    assert_memory_equal(&computed, &a, sizeof a);
    assert_int_equal(amble__p256_shared(private_a, &b, shared), AMBLE_OK);
    assert_memory_equal(shared, expected, 32);
    assert_int_equal(amble__p256_shared(private_b, &a, shared), AMBLE_OK);
    assert_memory_equal(shared, expected, 32);
}

static void p256_refuses_what_is_not_on_the_curve(void **state)
{
    uint8_t secret[32], shared[32];
    amble__p256_point point, zero = {{0}, {0}};

    (void)state;
    sample("p256_dhkey", "private_a", secret, 32);
    sample("p256_dhkey", "bx", point.x, 32);
    sample("p256_dhkey", "by", point.y, 32);
    for (unsigned bit = 0; bit < 8; bit++) {
        amble__p256_point wrong = point;

        wrong.y[31 - bit] ^= (uint8_t)(1u << bit);
        assert_int_equal(amble__p256_shared(secret, &wrong, shared), AMBLE_ERR_ARGUMENT);
    }
    assert_int_equal(amble__p256_shared(secret, &zero, shared), AMBLE_ERR_ARGUMENT);
    memset(point.x, 0xff, 32); /* not below the field's prime */
    assert_int_equal(amble__p256_shared(secret, &point, shared), AMBLE_ERR_ARGUMENT);
}

static void p256_refuses_secrets_out_of_range(void **state)
{
    uint8_t secret[32] = {0};
    amble__p256_point point;

    (void)state;
    assert_int_equal(amble__p256_public(secret, &point), AMBLE_ERR_ARGUMENT);
    memset(secret, 0xff, 32); /* above the order of the group */
    assert_int_equal(amble__p256_public(secret, &point), AMBLE_ERR_ARGUMENT);
}

static void a_seed_gives_the_same_pair_again(void **state)
{
    uint8_t secrets[3][32];
    amble__p256_point points[3];

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        amble__random random;

        amble__random_seed(&random, i == 2 ? 43 : 42);
        assert_int_equal(amble__p256_generate(&random, secrets[i], &points[i]), AMBLE_OK);
    }
    assert_memory_equal(secrets[0], secrets[1], 32);
    assert_memory_equal(&points[0], &points[1], sizeof points[0]);
    assert_memory_not_equal(secrets[0], secrets[2], 32);
}

/* More pairs than PSA has key slots (32): a slot that stays taken would show. */
static void pairs_leave_nothing_behind(void **state)
{
    amble__random random;
    uint8_t first[32], second[32], a[32], b[32];
    amble__p256_point first_point, second_point;

    (void)state;
    amble__random_seed(&random, 1);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(amble__p256_generate(&random, first, &first_point), AMBLE_OK);
        assert_int_equal(amble__p256_generate(&random, second, &second_point), AMBLE_OK);
        assert_int_equal(amble__p256_shared(first, &second_point, a), AMBLE_OK);
        assert_int_equal(amble__p256_shared(second, &first_point, b), AMBLE_OK);
        assert_memory_equal(a, b, 32);
    }
}

static void comparison_sees_every_byte(void **state)
{
    uint8_t a[16] = {0}, b[16] = {0};

    (void)state;
    assert_true(amble__equal_constant_time(a, b, 16));
    assert_true(amble__equal_constant_time(a, b, 0));
    for (unsigned i = 0; i < 16; i++) {
        b[i] = 0x80;
        assert_false(amble__equal_constant_time(a, b, 16));
        assert_true(amble__equal_constant_time(a, b, i));
        amble__wipe(b, sizeof b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aes_encrypts_the_standards_example),
        cmocka_unit_test(ah_gives_the_sample),
        cmocka_unit_test(c1_gives_the_sample),
        cmocka_unit_test(s1_gives_the_sample),
        cmocka_unit_test(cmac_gives_the_samples_in_pieces_of_any_size),
        cmocka_unit_test(cmac_leaves_no_secret_behind),
        cmocka_unit_test(a_thousand_keys_live_side_by_side),
        cmocka_unit_test(p256_gives_the_sample_both_ways),
        cmocka_unit_test(p256_refuses_what_is_not_on_the_curve),
        cmocka_unit_test(p256_refuses_secrets_out_of_range),
        cmocka_unit_test(a_seed_gives_the_same_pair_again),
        cmocka_unit_test(pairs_leave_nothing_behind),
        cmocka_unit_test(comparison_sees_every_byte),
    };
    return cmocka_run_group_tests(tests, read_vectors, drop_vectors);
}
