/* Random addresses: the specification's sample of their hash (Vol 3 Part H D.7), what each kind looks like, and who is
 * found to own which. */
#include "bonds/private_address.h"

#include "port/testing.h"

enum { KIND = 0xc0, DRAWN = 200 };

static amble__random seeded(uint64_t seed)
{
    amble__random random;

    amble__random_seed(&random, seed);
    return random;
}

/* A sample's field in the order of the air. */
static void air(const char *field, uint8_t *bytes, size_t size)
{
    assert_int_equal(sample("ah", field, bytes, size), size);
    for (size_t i = 0; i < size / 2; i++) {
        const uint8_t swapped = bytes[i];

        bytes[i] = bytes[size - 1 - i];
        bytes[size - 1 - i] = swapped;
    }
}

static void the_hash_is_that_of_the_sample(void **state)
{
    uint8_t irk[16], prand[3], expected[3];
    amble_device address = {.type = AMBLE_RANDOM};

    (void)state;
    air("k", irk, 16);
    air("prand", prand, 3);
    air("result", expected, 3);
    memcpy(address.bytes, expected, 3);
    memcpy(address.bytes + 3, prand, 3);
    assert_true(amble__address_belongs_to(irk, address));
    assert_int_equal(amble__address_hash(irk, prand, prand), 0);
    assert_memory_equal(prand, expected, 3);
}

static void each_kind_has_its_bits(void **state)
{
    amble__random random = seeded(1);
    const uint8_t irk[16] = {1, 2, 3};
    amble_device made, before = {.type = AMBLE_PUBLIC};

    (void)state;
    for (int i = 0; i < DRAWN; i++) {
        made = amble__static_address(&random);
        assert_int_equal(made.type, AMBLE_RANDOM);
        assert_int_equal(made.bytes[5] & KIND, 0xc0);
        assert_false(amble__address_is_resolvable(made));
        made = amble__non_resolvable_address(&random);
        assert_int_equal(made.type, AMBLE_RANDOM);
        assert_int_equal(made.bytes[5] & KIND, 0);
        assert_false(amble__address_is_resolvable(made));
        assert_int_equal(amble__resolvable_address(irk, &random, &made), 0);
        assert_int_equal(made.type, AMBLE_RANDOM);
        assert_int_equal(made.bytes[5] & KIND, 0x40);
        assert_true(amble__address_belongs_to(irk, made));
        assert_false(amble_device_equal(made, before));
        before = made;
    }
}

/* A source that begins with bits which no address may consist of. */
static unsigned drawn;
static void stuck_at_first(void *buffer, size_t size)
{
    static const uint8_t octets[] = {0x00, 0xff, 0x5a};

    memset(buffer, octets[drawn < 2 ? drawn : 2], size);
    drawn++;
}

static void addresses_of_equal_bits_are_drawn_again(void **state)
{
    amble__random random;
    amble_device made;

    (void)state;
    amble__random_use_system(&random, stuck_at_first);
    drawn = 0;
    made = amble__static_address(&random);
    assert_int_equal(drawn, 3);
    assert_int_equal(made.bytes[5], 0xda);
    drawn = 0;
    made = amble__non_resolvable_address(&random);
    assert_int_equal(drawn, 3);
    assert_int_equal(made.bytes[5], 0x1a);
}

static void a_changed_bit_or_another_key_is_somebody_else(void **state)
{
    amble__random random = seeded(2);
    const uint8_t irk[16] = {9}, other[16] = {8}, none[16] = {0};
    amble_device made;

    (void)state;
    assert_int_equal(amble__resolvable_address(irk, &random, &made), 0);
    assert_false(amble__address_belongs_to(other, made));
    for (int bit = 0; bit < 48; bit++) {
        made.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(amble__address_belongs_to(irk, made));
        made.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    made.type = AMBLE_PUBLIC;
    assert_false(amble__address_belongs_to(irk, made));
    /* A peer without private addresses gives a key of zeros; with it anybody could pose as that peer. */
    assert_int_equal(amble__resolvable_address(none, &random, &made), 0);
    assert_false(amble__address_belongs_to(none, made));
}

static void the_bond_of_whoever_made_it_is_found(void **state)
{
    static amble__bond slots[3];
    const amble__bonds bonds = {.slots = slots, .capacity = 3};
    amble__random random = seeded(3);
    amble_device made;

    (void)state;
    for (uint8_t i = 0; i < 3; i++)
        slots[i] = (amble__bond){.used = true, .has_irk = true, .irk = {i}}; /* the first has none to tell */
    for (int i = 1; i < 3; i++) {
        assert_int_equal(amble__resolvable_address(slots[i].irk, &random, &made), 0);
        assert_ptr_equal(amble__bonds_resolve(&bonds, made), &slots[i]);
        slots[i].used = false;
        assert_null(amble__bonds_resolve(&bonds, made));
    }
    assert_false(amble__bond_has_private_addresses(&slots[0]));
    assert_int_equal(amble__resolvable_address(slots[0].irk, &random, &made), 0);
    assert_null(amble__bonds_resolve(&bonds, made));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hash_is_that_of_the_sample),
        cmocka_unit_test(each_kind_has_its_bits),
        cmocka_unit_test(addresses_of_equal_bits_are_drawn_again),
        cmocka_unit_test(a_changed_bit_or_another_key_is_somebody_else),
        cmocka_unit_test(the_bond_of_whoever_made_it_is_found),
    };

    return cmocka_run_group_tests(tests, read_vectors, drop_vectors);
}
