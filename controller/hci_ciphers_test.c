/* P-256 as HCI offers it: two hosts that agree on a key, points that are none, and the debug key against sample
 * data. */
#include "controller/test_bench.h"
#include "port/testing.h"

#define COORDINATE 32

static bench b;

static int open_two(void **state)
{
    (void)state;
    bench_open(&b, 111, 2);
    bench_unmask(&b.hosts[0]);
    bench_unmask(&b.hosts[1]);
    return 0;
}
static int close_bench(void **state)
{
    (void)state;
    bench_close(&b);
    return 0;
}

static void test_p_256(void **state)
{
    char theirs[2][160];
    const bench_note *note;
    uint8_t shared[2][32];

    (void)state;
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_GENERATE_DHKEY, "00"), HC_INVALID_PARAMETERS);
    for (int i = 0; i < 2; i++) {
        memset(theirs[i], '0', 128);
        theirs[i][128] = 0;
        assert_int_equal(bench_status(&b.hosts[i], HC_LE_GENERATE_DHKEY, theirs[i]), HC_DISALLOWED); /* no secret */
        assert_int_equal(bench_status(&b.hosts[i], HC_LE_READ_LOCAL_P_256_PUBLIC_KEY, ""), 0);
        note = bench_meta(&b.hosts[i], HC_LE_READ_LOCAL_P_256_PUBLIC_KEY_COMPLETE);
        assert_int_equal(note->size, 3 + 66);
        assert_int_equal(note->bytes[4], 0);
        for (int k = 0; k < 64; k++)
            snprintf(theirs[i] + 2 * k, 3, "%02x", note->bytes[5 + k]);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(bench_status(&b.hosts[i], HC_LE_GENERATE_DHKEY, theirs[!i]), 0);
        note = bench_meta(&b.hosts[i], HC_LE_GENERATE_DHKEY_COMPLETE);
        assert_int_equal(note->size, 3 + 34);
        assert_int_equal(note->bytes[4], 0);
        memcpy(shared[i], note->bytes + 5, 32);
    }
    assert_memory_equal(shared[0], shared[1], 32);
    theirs[1][0] = theirs[1][0] == '0' ? '1' : '0'; /* not a point of the curve */
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_GENERATE_DHKEY, theirs[1]), 0);
    note = bench_meta(&b.hosts[0], HC_LE_GENERATE_DHKEY_COMPLETE);
    assert_int_equal(note->bytes[4], HC_INVALID_PARAMETERS);
    for (int k = 0; k < 32; k++)
        assert_int_equal(note->bytes[5 + k], 0xff);
}

/* A number of the sample data, least significant octet first, as text. */
static void sample_hex(const char *field, char out[2 * COORDINATE + 1])
{
    uint8_t bytes[COORDINATE + 1];

    assert_int_equal(sample("p256_dhkey", field, bytes, sizeof bytes), COORDINATE);
    for (int i = 0; i < COORDINATE; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[COORDINATE - 1 - i]);
}

/* The sample's side A has the debug key (Vol 2, Part G, 7.1.2; Vol 3, Part H, 2.3.5.6.1). */
static void test_the_debug_key(void **state)
{
    char x[2 * COORDINATE + 1], y[2 * COORDINATE + 1], parameters[200];
    uint8_t expected[COORDINATE + 1];
    const bench_note *note;

    (void)state;
    sample_hex("bx", x);
    sample_hex("by", y);
    sample("p256_dhkey", "result", expected, sizeof expected);
    snprintf(parameters, sizeof parameters, "%s%s00", x, y);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_GENERATE_DHKEY_V2, parameters), HC_DISALLOWED);
    snprintf(parameters, sizeof parameters, "%s%s02", x, y);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_GENERATE_DHKEY_V2, parameters), HC_INVALID_PARAMETERS);
    snprintf(parameters, sizeof parameters, "%s%s01", x, y);
    assert_int_equal(bench_status(&b.hosts[0], HC_LE_GENERATE_DHKEY_V2, parameters), 0);
    note = bench_meta(&b.hosts[0], HC_LE_GENERATE_DHKEY_COMPLETE);
    assert_int_equal(note->bytes[4], 0);
    for (int i = 0; i < COORDINATE; i++)
        assert_int_equal(note->bytes[5 + i], expected[COORDINATE - 1 - i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_two, close_bench)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_p_256),
        TEST(test_the_debug_key),
    };
    return cmocka_run_group_tests(tests, read_vectors, drop_vectors);
}
