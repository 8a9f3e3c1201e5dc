/* Tests of signed writes that a server gets: taken are those with a good signature, a new counter, and leave to write;
 * each once. */
#include "gatt/testing.h"

#include "att/signature.h"

static const amble_characteristic button = {
    .uuid = &text_uuid, .signed_write = true, .capture = true, .write_depth = 2};
static const amble_characteristic strict = {
    .uuid = &secret_uuid, .signed_write = true, .capture = true, .write_security = AMBLE_AUTHENTICATED};
static const amble_characteristic strictest = {
    .uuid = &secret_uuid, .signed_write = true, .capture = true, .write_security = AMBLE_SECURE};
static const amble_characteristic door = {
    .uuid = &secret_uuid, .signed_write = true, .capture = true, .write_authorised = true};
static const amble_service service = {.uuid = &battery_uuid,
                                      .characteristics = AMBLE_LIST(&button, &strict, &strictest, &door, &text)};
enum { BUTTON = 3, STRICT = 5, STRICTEST = 7, DOOR = 9, PLAIN = 11 };

static const uint8_t key[16] = {1, 2, 3, 4, 5, 6, 7, 8};
static amble__bond bond;
static unsigned saves;
static int save_result;
static amble_connection *conn;

static amble__bond *find_bond(const amble_connection *of) { return of && bond.used ? &bond : NULL; }
static int save(amble_connection *of)
{
    (void)of;
    saves++;
    return save_result;
}

static void begin(void)
{
    gatt_open();
    rooms.links.bond = find_bond;
    rooms.links.bond_save = save;
    bond = (amble__bond){.used = true, .peer_signing = {.present = true}};
    memcpy(bond.peer_signing.value, key, sizeof key);
    saves = 0;
    save_result = 0;
    assert_int_equal(amble_serve(ble, &service), 0);
    conn = link_open(HANDLE, false);
}

/* A signed write of one byte, as the client would sign it; `flip` changes one bit of it afterwards. */
static void sign_and_send(unsigned handle, uint8_t value, uint32_t counter, unsigned flip)
{
    uint8_t pdu[1 + 3 + AMBLE__SIGNATURE] = {0xd2, (uint8_t)handle, 0, value};

    assert_int_equal(amble__signature_make(key, 0xd2, (amble__bytes){.data = pdu + 1, .size = 3}, counter, pdu + 4), 0);
    if (flip)
        pdu[flip / 8] ^= (uint8_t)(1u << flip % 8);
    peer_att(conn, pdu, sizeof pdu);
}
static void send_signed(unsigned handle, uint8_t value, uint32_t counter) { sign_and_send(handle, value, counter, 0); }

static void expect_taken(const amble_characteristic *c, uint8_t expected)
{
    amble_value value;

    assert_int_equal(amble_written(ble, c, &value, 0), 0);
    assert_int_equal(value.size, 1);
    assert_int_equal(value.data[0], expected);
    assert_ptr_equal(value.conn, conn);
}
static void expect_none(const amble_characteristic *c)
{
    amble_value value;

    assert_int_equal(amble_written(ble, c, &value, 0), AMBLE_ERR_TIMEOUT);
    expect_nothing(); /* nor is there an answer */
}

static void a_signed_write_is_taken_once(void)
{
    begin();
    send_signed(BUTTON, 7, 0);
    expect_taken(&button, 7);
    assert_int_equal(bond.peer_signing.counter, 1);
    assert_int_equal(saves, 1);
    send_signed(BUTTON, 7, 0); /* somebody repeats it */
    expect_none(&button);
    send_signed(BUTTON, 8, 1000); /* some got lost, or the client was opened anew */
    expect_taken(&button, 8);
    send_signed(BUTTON, 9, 999);
    send_signed(BUTTON, 9, 1000);
    send_signed(BUTTON, 9, 1);
    expect_none(&button);
    assert_int_equal(bond.peer_signing.counter, 1001);
    assert_int_equal(saves, 2);
    assert_int_equal(rooms.att.malformed, 4);
}

/* It could be sent again after a loss of power. */
static void what_cannot_be_kept_is_not_taken(void)
{
    begin();
    save_result = AMBLE_ERR_IO;
    send_signed(BUTTON, 7, 3);
    expect_none(&button);
    assert_int_equal(saves, 1);
    assert_int_equal(bond.peer_signing.counter, 0);
    save_result = 0;
    send_signed(BUTTON, 7, 3); /* nobody has seen it yet */
    expect_taken(&button, 7);
    assert_int_equal(bond.peer_signing.counter, 4);
}

static void what_was_changed_is_not_taken(void)
{
    begin();
    for (unsigned bit = 8; bit < 8 * (4 + AMBLE__SIGNATURE); bit++)
        sign_and_send(BUTTON, 7, 5, bit);
    expect_none(&button);
    assert_int_equal(bond.peer_signing.counter, 0); /* a forger cannot use up counters */
    assert_int_equal(saves, 0);
    send_signed(BUTTON, 7, 5);
    expect_taken(&button, 7);
}

static void pieces_of_one_are_not_taken(void)
{
    uint8_t pdu[4 + AMBLE__SIGNATURE] = {0xd2, BUTTON, 0};

    begin();
    for (size_t n = 1; n < 3 + AMBLE__SIGNATURE; n++)
        peer_att(conn, pdu, n);
    expect_none(&button);
    assert_int_equal(rooms.att.malformed, 2 + AMBLE__SIGNATURE);
    assert_int_equal(amble__signature_make(key, 0xd2, (amble__bytes){.data = pdu + 1, .size = 2}, 0, pdu + 3), 0);
    peer_att(conn, pdu, 3 + AMBLE__SIGNATURE); /* an empty value is one */
    assert_int_equal(amble_written(ble, &button, &(amble_value){.size = 1}, 0), 0);
}

static void without_a_key_nothing_is_taken(void)
{
    begin();
    bond.peer_signing.present = false;
    send_signed(BUTTON, 7, 0);
    bond.used = false;
    send_signed(BUTTON, 7, 0);
    rooms.links.bond = NULL;
    send_signed(BUTTON, 7, 0);
    expect_none(&button);
}

static void a_key_that_everybody_knows_is_none(void)
{
    static const uint8_t zeros[16] = {0};
    uint8_t pdu[1 + 3 + AMBLE__SIGNATURE] = {0xd2, BUTTON, 0, 7};

    begin();
    memset(bond.peer_signing.value, 0, sizeof bond.peer_signing.value);
    assert_int_equal(amble__signature_make(zeros, 0xd2, (amble__bytes){.data = pdu + 1, .size = 3}, 0, pdu + 4), 0);
    peer_att(conn, pdu, sizeof pdu);
    expect_none(&button);
}

static void on_an_encrypted_link_nothing_is_signed(void)
{
    begin();
    ask(conn, 0x52, BUTTON, 0, 7); /* and on an open one nothing is taken without */
    ask(conn, 0x12, BUTTON, 0, 7);
    expect_error(conn, 0x12, BUTTON, 0x03);
    expect_none(&button);
    conn->security.encrypted = true;
    send_signed(BUTTON, 7, 0);
    expect_none(&button);
    assert_int_equal(bond.peer_signing.counter, 0);
    ask(conn, 0x52, BUTTON, 0, 8);
    expect_taken(&button, 8);
}

static void only_where_it_is_allowed(void)
{
    begin();
    send_signed(PLAIN, 7, 0);
    send_signed(BUTTON - 1, 7, 0);
    send_signed(60, 7, 0);
    assert_int_equal(amble_written(ble, &text, &(amble_value){.size = 0}, 0), AMBLE_ERR_TIMEOUT);
    assert_int_equal(bond.peer_signing.counter, 0);
    send_signed(STRICT, 7, 0);
    expect_none(&strict);
    bond.authenticated = true;
    send_signed(STRICT, 7, 0); /* it was heard, though: it is not a new one any more */
    expect_none(&strict);
    send_signed(STRICT, 8, 1);
    expect_taken(&strict, 8);
    send_signed(STRICTEST, 7, 2);
    bond.secure_connections = true;
    bond.key_size = 15;
    send_signed(STRICTEST, 7, 3);
    expect_none(&strictest);
    bond.key_size = 16;
    send_signed(STRICTEST, 8, 4);
    expect_taken(&strictest, 8);
    send_signed(DOOR, 7, 5);
    expect_none(&door);
    bond.authorised = true;
    send_signed(DOOR, 8, 6);
    expect_taken(&door, 8);
}

static void what_finds_no_room_is_counted(void)
{
    amble_value value;

    begin();
    for (uint8_t i = 0; i < 5; i++)
        send_signed(BUTTON, i, i);
    expect_taken(&button, 0);
    expect_taken(&button, 1);
    send_signed(BUTTON, 9, 9);
    assert_int_equal(amble_written(ble, &button, &value, 0), 0);
    assert_int_equal(value.data[0], 9);
    assert_int_equal(value.dropped, 3);
}

static void the_last_counter_is_none(void)
{
    begin();
    send_signed(BUTTON, 7, UINT32_MAX);
    expect_none(&button);
    send_signed(BUTTON, 7, UINT32_MAX - 1);
    expect_taken(&button, 7);
    send_signed(BUTTON, 7, UINT32_MAX - 1);
    send_signed(BUTTON, 7, UINT32_MAX);
    send_signed(BUTTON, 7, 0);
    expect_none(&button);
}

static void definitions_that_make_no_sense(void)
{
    const amble_characteristic asks = {.uuid = &text_uuid, .signed_write = true, .answer_writes = true};
    const amble_service with = {.uuid = &custom_uuid, .characteristics = AMBLE_LIST(&asks)};

    begin();
    assert_int_equal(amble_serve(ble, &with), AMBLE_ERR_ARGUMENT);
    ask(conn, 0x08, 1, 0, 3, 0, 0x03, 0x28);
    answer(conn, 0x09, 7, 2, 0, AMBLE_PROPERTY_SIGNED_WRITE, BUTTON, 0, 0x3d, 0x2a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(a_signed_write_is_taken_once),           task_test(what_was_changed_is_not_taken),
        task_test(what_cannot_be_kept_is_not_taken),       task_test(pieces_of_one_are_not_taken),
        task_test(without_a_key_nothing_is_taken),         task_test(a_key_that_everybody_knows_is_none),
        task_test(on_an_encrypted_link_nothing_is_signed), task_test(only_where_it_is_allowed),
        task_test(what_finds_no_room_is_counted),          task_test(the_last_counter_is_none),
        task_test(definitions_that_make_no_sense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
