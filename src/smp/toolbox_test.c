/* The toolbox against the specification's sample data (Vol 3 Part H 2.2.3, 2.2.4 and appendix D, in
 * testdata/vectors.json): every function, and that its results may lie over its inputs. */
#include "smp/toolbox.h"

#include "port/testing.h"

/* A sample's field in the order of the air. */
static size_t air(const char *name, const char *field, uint8_t *bytes, size_t room)
{
    const size_t size = sample(name, field, bytes, room);

    for (size_t i = 0; i < size / 2; i++) {
        const uint8_t swapped = bytes[i];

        bytes[i] = bytes[size - 1 - i];
        bytes[size - 1 - i] = swapped;
    }
    return size;
}

static int number(const char *name, const char *field)
{
    const cJSON *object = cJSON_GetObjectItemCaseSensitive(vectors, name);

    return cJSON_GetObjectItemCaseSensitive(object, field)->valueint;
}

/* A typed address of f5 and f6: the type in its most significant octet. */
static amble_device typed(const char *name, const char *field)
{
    uint8_t bytes[7];
    amble_device device;

    assert_int_equal(air(name, field, bytes, sizeof bytes), 7);
    memcpy(device.bytes, bytes, 6);
    device.type = bytes[6] ? AMBLE_RANDOM : AMBLE_PUBLIC;
    return device;
}

static void c1_gives_the_sample(void **state)
{
    amble__toolbox_sides sides = {.initiator.type = number("c1", "iat") ? AMBLE_RANDOM : AMBLE_PUBLIC,
                                  .responder.type = number("c1", "rat") ? AMBLE_RANDOM : AMBLE_PUBLIC};
    uint8_t tk[16], random[16], expected[16];

    (void)state;
    air("c1", "k", tk, 16);
    air("c1", "r", random, 16);
    air("c1", "preq", sides.request, 7);
    air("c1", "pres", sides.response, 7);
    air("c1", "ia", sides.initiator.bytes, 6);
    air("c1", "ra", sides.responder.bytes, 6);
    air("c1", "result", expected, 16);
    assert_int_equal(amble__toolbox_c1(NULL, tk, random, &sides, random), 0);
    assert_memory_equal(random, expected, 16);
}

static void s1_gives_the_sample(void **state)
{
    uint8_t tk[16], r1[16], r2[16], expected[16];

    (void)state;
    air("s1", "k", tk, 16);
    air("s1", "r1", r1, 16);
    air("s1", "r2", r2, 16);
    air("s1", "result", expected, 16);
    assert_int_equal(amble__toolbox_s1(NULL, tk, r1, r2, tk), 0);
    assert_memory_equal(tk, expected, 16);
}

static void f4_gives_the_sample(void **state)
{
    uint8_t u[32], v[32], x[16], z[1], expected[16];

    (void)state;
    air("f4", "u", u, 32);
    air("f4", "v", v, 32);
    air("f4", "x", x, 16);
    air("f4", "z", z, 1);
    air("f4", "result", expected, 16);
    assert_int_equal(amble__toolbox_f4(NULL, u, v, x, z[0], x), 0);
    assert_memory_equal(x, expected, 16);
}

static void f5_gives_both_samples(void **state)
{
    uint8_t dhkey[32], n1[16], n2[16], mac_key[16], ltk[16], expected[16];

    (void)state;
    air("f5_ltk", "w", dhkey, 32);
    air("f5_ltk", "n1", n1, 16);
    air("f5_ltk", "n2", n2, 16);
    assert_int_equal(amble__toolbox_f5(NULL, dhkey, n1, n2, typed("f5_ltk", "a1"), typed("f5_ltk", "a2"), mac_key, ltk),
                     0);
    air("f5_mackey", "result", expected, 16);
    assert_memory_equal(mac_key, expected, 16);
    air("f5_ltk", "result", expected, 16);
    assert_memory_equal(ltk, expected, 16);
}

static void f6_gives_the_sample(void **state)
{
    uint8_t mac_key[16], n1[16], n2[16], r[16], io_cap[3], expected[16];
    const amble__toolbox_check values = {
        .n1 = n1, .n2 = n2, .r = r, .io_cap = io_cap, .a1 = typed("f6", "a1"), .a2 = typed("f6", "a2")};

    (void)state;
    air("f6", "w", mac_key, 16);
    air("f6", "n1", n1, 16);
    air("f6", "n2", n2, 16);
    air("f6", "r", r, 16);
    air("f6", "iocap", io_cap, 3);
    air("f6", "result", expected, 16);
    assert_int_equal(amble__toolbox_f6(NULL, mac_key, &values, mac_key), 0);
    assert_memory_equal(mac_key, expected, 16);
}

static void g2_gives_the_sample(void **state)
{
    const cJSON *object = cJSON_GetObjectItemCaseSensitive(vectors, "g2");
    uint8_t u[32], v[32], x[16], y[16];
    uint32_t digits;

    (void)state;
    air("g2", "u", u, 32);
    air("g2", "v", v, 32);
    air("g2", "x", x, 16);
    air("g2", "y", y, 16);
    assert_int_equal(amble__toolbox_g2(NULL, u, v, x, y, &digits), 0);
    assert_int_equal(digits, atoi(cJSON_GetStringValue(cJSON_GetObjectItem(object, "six_digits"))));
}

static void h6_and_h7_give_their_samples(void **state)
{
    uint8_t w[16], key_id[4], salt[16], expected[16];

    (void)state;
    air("h6", "w", w, 16);
    air("h6", "keyid", key_id, 4);
    air("h6", "result", expected, 16);
    assert_int_equal(amble__toolbox_h6(NULL, w, key_id, w), 0);
    assert_memory_equal(w, expected, 16);
    air("h7", "w", w, 16);
    air("h7", "salt", salt, 16);
    air("h7", "result", expected, 16);
    assert_int_equal(amble__toolbox_h7(NULL, salt, w, w), 0);
    assert_memory_equal(w, expected, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(c1_gives_the_sample),          cmocka_unit_test(s1_gives_the_sample),
        cmocka_unit_test(f4_gives_the_sample),          cmocka_unit_test(f5_gives_both_samples),
        cmocka_unit_test(f6_gives_the_sample),          cmocka_unit_test(g2_gives_the_sample),
        cmocka_unit_test(h6_and_h7_give_their_samples),
    };

    return cmocka_run_group_tests(tests, read_vectors, drop_vectors);
}
