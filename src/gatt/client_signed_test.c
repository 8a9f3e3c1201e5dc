/* Tests of signed writes that a client sends: counters never come twice, and are saved before they go out. */
#include "gatt/testing.h"

#include "att/signature.h"

static const uint8_t key[16] = {8, 7, 6, 5, 4, 3, 2, 1};
static amble__bond bond;
static unsigned saves;
static int save_result;
static uint32_t saved; /* the counter in the bond as it was saved last */
static amble_connection *conn;
static amble_remote_characteristic button;

static amble__bond *find_bond(const amble_connection *of) { return of && bond.used ? &bond : NULL; }
static int save_bond(amble_connection *of)
{
    uint8_t bytes[AMBLE__BOND_RECORD];
    amble__record record;

    assert_non_null(of);
    saves++;
    if (save_result < 0)
        return save_result;
    assert_int_equal(amble__record_decode(&record, bytes, amble__record_of_bond(&bond, bytes, sizeof bytes)), 0);
    saved = record.bond.own_signing.counter;
    assert_true(record.bond.own_signing.reserved == saved);
    return 0;
}

static void begin(void)
{
    gatt_open();
    rooms.links.bond = find_bond;
    rooms.links.bond_save = save_bond;
    bond = (amble__bond){.used = true, .key_size = 16, .own_signing = {.present = true}};
    memcpy(bond.own_signing.value, key, sizeof key);
    saves = 0;
    save_result = 0;
    saved = 0;
    conn = link_open(HANDLE, true);
    button = (amble_remote_characteristic){.conn = conn,
                                           .handle = 2,
                                           .value_handle = 3,
                                           .end = 3,
                                           .generation = conn->generation,
                                           .properties = AMBLE_PROPERTY_SIGNED_WRITE};
}

static void expect_signed(uint8_t value, uint32_t counter)
{
    uint8_t pdu[4 + AMBLE__SIGNATURE] = {0xd2, 3, 0, value};

    assert_int_equal(amble__signature_make(key, 0xd2, (amble__bytes){.data = pdu + 1, .size = 3}, counter, pdu + 4), 0);
    expect_att(conn, pdu, sizeof pdu);
}
static int write_byte(uint8_t value) { return amble_write_signed(&button, &value, 1, 0); }

static void each_has_a_counter_of_its_own(void)
{
    begin();
    for (uint8_t i = 0; i < 200; i++) {
        assert_int_equal(write_byte(i), 0);
        expect_signed(i, i);
        assert_true(saved > i); /* whoever begins with what is saved begins behind it */
        say_completed_packets(HANDLE, 1);
    }
    assert_int_equal(saves, 4); /* of 64 each */
}

static void a_host_that_is_opened_anew_goes_on_behind(void)
{
    uint8_t bytes[AMBLE__BOND_RECORD];
    amble__record record;

    begin();
    assert_int_equal(write_byte(1), 0);
    expect_signed(1, 0);
    assert_int_equal(amble__record_decode(&record, bytes, amble__record_of_bond(&bond, bytes, sizeof bytes)), 0);
    bond = record.bond;
    assert_int_equal(write_byte(2), 0);
    expect_signed(2, 64);
}

static void what_cannot_be_saved_is_not_sent(void)
{
    begin();
    save_result = AMBLE_ERR_IO;
    assert_int_equal(write_byte(1), AMBLE_ERR_IO);
    assert_int_equal(write_byte(1), AMBLE_ERR_IO);
    expect_nothing();
    save_result = 0;
    assert_int_equal(write_byte(1), 0);
    expect_signed(1, 0);
}

static void an_encrypted_link_needs_no_signature(void)
{
    begin();
    conn->security.encrypted = true;
    assert_int_equal(write_byte(9), 0);
    expect_att(conn, BYTES(0x52, 3, 0, 9));
    assert_int_equal(amble_write_signed(&button, text_start, 20, 0), 0);
    assert_int_equal(next_sent()->size, 9 + 23);
    assert_int_equal(amble_write_signed(&button, text_start, 21, 0), AMBLE_ERR_TOO_LONG);
    assert_int_equal(saves, 0);
}

static void what_cannot_be_signed(void)
{
    begin();
    assert_int_equal(amble_write_signed(&button, text_start, 9, 0), AMBLE_ERR_TOO_LONG); /* than 23 - 15 */
    assert_int_equal(bond.own_signing.counter, 0);
    assert_int_equal(amble_write_signed(&button, text_start, 8, 0), 0);
    assert_int_equal(next_sent()->size, 9 + 23);
    button.properties = AMBLE_PROPERTY_WRITE | AMBLE_PROPERTY_WRITE_NO_RESPONSE;
    assert_int_equal(write_byte(1), AMBLE_ERR_UNSUPPORTED);
    button.properties = AMBLE_PROPERTY_SIGNED_WRITE;
    bond.own_signing.present = false;
    assert_int_equal(write_byte(1), AMBLE_ERR_NOT_FOUND);
    bond.used = false;
    assert_int_equal(write_byte(1), AMBLE_ERR_NOT_FOUND);
    rooms.links.bond = NULL;
    assert_int_equal(write_byte(1), AMBLE_ERR_NOT_FOUND);
    expect_nothing();
    for (int i = 0; i < TEST_POOL; i++) /* no packet was lost on the way */
        assert_int_equal(amble_write_signed(&button, text_start, 100, 0), AMBLE_ERR_NOT_FOUND);
    link_lose(conn);
    assert_int_equal(write_byte(1), AMBLE_ERR_DISCONNECTED);
}

static void a_key_is_used_up_one_day(void)
{
    begin();
    bond.own_signing.counter = bond.own_signing.reserved = UINT32_MAX - 2;
    assert_int_equal(write_byte(1), 0);
    expect_signed(1, UINT32_MAX - 2);
    assert_int_equal(write_byte(2), 0);
    expect_signed(2, UINT32_MAX - 1);
    assert_int_equal(write_byte(3), AMBLE_ERR_UNSUPPORTED);
    assert_int_equal(write_byte(3), AMBLE_ERR_UNSUPPORTED);
    expect_nothing();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(each_has_a_counter_of_its_own),
        task_test(a_host_that_is_opened_anew_goes_on_behind),
        task_test(what_cannot_be_saved_is_not_sent),
        task_test(an_encrypted_link_needs_no_signature),
        task_test(what_cannot_be_signed),
        task_test(a_key_is_used_up_one_day),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
