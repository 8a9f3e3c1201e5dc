/* Nothing secret is in the log: two hosts pair and connect again with every trace point as a log line, and no key that
 * they have then, nor a passkey, is in the text, in either order of its bytes. And nothing secret stays in a host's
 * memory when nobody needs it any more: no key of a bond that was deleted, and nothing at all when the host is
 * closed. */
#include "smp/testing.h"

enum { LOG_SIZE = 1 << 22, SEEN = 8 /* bytes of a key that give it away */ };
static char log_text[LOG_SIZE];
static size_t log_used;

static void gather_line(void *user, int level, const char *line)
{
    const size_t size = strlen(line);

    (void)user, (void)level;
    assert_true(log_used + size + 2 < LOG_SIZE);
    memcpy(log_text + log_used, line, size);
    log_text[log_used + size] = '\n';
    log_used += size + 1;
    log_text[log_used] = '\0';
}

/* Some bytes in the form of the trace, "01 02 03". */
static bool logged(const uint8_t *bytes, size_t size, bool turned)
{
    char text[3 * 32 + 1] = "";

    for (size_t i = 0; i < size; i++)
        (void)snprintf(text + 3 * i, 4, "%02x ", bytes[turned ? size - 1 - i : i]);
    text[3 * size - 1] = '\0';
    return strstr(log_text, text);
}
static void check_unseen(const char *what, const uint8_t key[16])
{
    static const uint8_t none[16] = {0};

    if (memcmp(key, none, 16) == 0)
        return;
    for (size_t at = 0; at + SEEN <= 16; at += SEEN)
        if (logged(key + at, SEEN, false) || logged(key + at, SEEN, true))
            fail_msg("a part of a key is in the log: %s", what);
}
static void check_bond(unsigned side)
{
    const amble__bond *bond = amble__bonds_find(&wire.sides[side].ble->bonds.table, wire_address(!side));

    assert_non_null(bond);
    check_unseen("LTK of the peer", bond->peer_key.value);
    check_unseen("own LTK", bond->own_key.value);
    check_unseen("IRK of the peer", bond->irk);
    check_unseen("CSRK of the peer", bond->peer_signing.value);
    check_unseen("own CSRK", bond->own_signing.value);
    check_unseen("own IRK", wire.sides[side].ble->bonds.table.own_irk);
}

static void pair_and_connect_again(bool legacy)
{
    const amble_pair_options shows = {.io = AMBLE_IO_DISPLAY, .mitm = true, .legacy_only = legacy};
    const amble_pair_options enters = {.io = AMBLE_IO_KEYBOARD, .mitm = true};
    char digits[8];

    log_used = 0;
    wire_open();
    wire_connect();
    assert_int_equal(wire_pair(&enters, &shows, 20000), 0);
    check_unseen("the key of the link", wire.last_key);
    check_unseen("the secret of P-256", wire.dhkey);
    (void)snprintf(digits, sizeof digits, "%06u", (unsigned)wire.sides[PERIPHERAL].last[AMBLE_PROMPT_SHOW].passkey);
    wire_disconnect();
    wire_connect();
    assert_int_equal(amble_encrypted(wire.sides[CENTRAL].conn, 1000), 0);
    assert_int_equal(amble_sleep_ms(100), 0);
    for (unsigned side = 0; side < 2; side++)
        check_bond(side);
    assert_null(strstr(log_text, digits));
    /* It was everything else that was logged. */
    assert_non_null(strstr(log_text, "SMP >"));
    assert_non_null(strstr(log_text, "SMP <"));
    assert_non_null(strstr(log_text, "19 20 1c")); /* LE Enable Encryption, its length, nothing more */
    assert_non_null(strstr(log_text, "1a 20 12")); /* Long Term Key Request Reply */
    assert_null(strstr(log_text, "1a 20 12 "));
    assert_null(strstr(log_text, "17 20 20 ")); /* LE Encrypt */
    assert_null(strstr(log_text, "17 20 00 ")); /* its answer */
    assert_null(strstr(log_text, "18 20 00 ")); /* that of LE Rand */
    for (unsigned side = 0; side < 2; side++)
        if (wire_crypto[side] == AMBLE_CRYPTO_CONTROLLER)
            assert_non_null(strstr(log_text, "17 20 20"));
    wire_end();
}

static void no_key_is_in_a_full_trace(void)
{
    amble_log_level(AMBLE_LOG_DEBUG);
    amble_log_to(gather_line, NULL);
    pair_and_connect_again(false);
    pair_and_connect_again(true);
    amble_log_to(NULL, NULL);
    amble_log_level(AMBLE_LOG_WARNING);
}

/* --- in memory ---------------------------------------------------------------------------------------------------- */
enum { SECRETS = 16 };
static uint8_t secrets[SECRETS][16], *blocks[2];
static unsigned secret_count;
static size_t block_size;

static void remember(const uint8_t key[16])
{
    static const uint8_t none[16] = {0};

    assert_in_range(secret_count, 0, SECRETS - 1);
    if (memcmp(key, none, 16) != 0)
        memcpy(secrets[secret_count++], key, 16);
}
static bool holds(const uint8_t *block, const uint8_t part[SEEN])
{
    const uint8_t *end = block + block_size - SEEN + 1, *at = block;

    while (at < end && (at = memchr(at, part[0], (size_t)(end - at))))
        if (memcmp(at++, part, SEEN) == 0)
            return true;
    return false;
}
static void check_forgotten(const char *when)
{
    for (unsigned side = 0; side < 2; side++)
        for (unsigned i = 0; i < secret_count; i++)
            for (size_t part = 0; part + SEEN <= 16; part += SEEN)
                if (holds(blocks[side], secrets[i] + part))
                    fail_msg("side %u: a part of secret %u is in memory, %s", side, i, when);
}
/* Takes note of every key that this side has of the other, and deletes the bond. */
static void forget_bond(unsigned side)
{
    amble *ble = wire.sides[side].ble;
    const amble__bond *bond = amble__bonds_find(&ble->bonds.table, wire_address(!side));

    assert_non_null(bond);
    remember(bond->peer_key.value);
    remember(bond->own_key.value);
    remember(bond->irk);
    remember(bond->peer_signing.value);
    remember(bond->own_signing.value);
    assert_int_equal(amble_bonds_delete(amble_bonds_of(ble), wire_address(!side)), 0);
}
static void pair_and_forget(bool legacy)
{
    const amble_pair_options options = {.legacy_only = legacy};
    uint8_t own_irks[2][16];

    secret_count = 0;
    memset(&wire, 0, sizeof wire);
    wire.delivery.run = wire_deliver;
    for (unsigned side = 0; side < 2; side++) {
        amble_config config = {.crypto = wire_crypto[side]};

        block_size = amble_size(&config);
        config.memory = blocks[side] = malloc(block_size);
        assert_non_null(blocks[side]);
        wire_open_side(side, &config);
    }
    wire_connect();
    assert_int_equal(wire_pair(&options, &options, 20000), 0);
    remember(wire.last_key);
    wire_disconnect();
    for (unsigned side = 0; side < 2; side++) {
        memcpy(own_irks[side], wire.sides[side].ble->bonds.table.own_irk, sizeof own_irks[side]);
        forget_bond(side);
        /* Each side's own identity key stays, and is what the other one had. */
        for (unsigned i = 0; i < secret_count; i++)
            if (memcmp(secrets[i], wire.sides[!side].ble->bonds.table.own_irk, 16) == 0)
                memset(secrets[i], 0xfe, 16);
    }
    check_forgotten("without the bond");
    wire_end();
    for (unsigned side = 0; side < 2; side++)
        remember(own_irks[side]);
    check_forgotten("after the end");
    for (unsigned side = 0; side < 2; side++)
        free(blocks[side]);
}

static void no_key_stays_in_memory(void)
{
    pair_and_forget(true);
    pair_and_forget(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(no_key_is_in_a_full_trace),
        task_test(no_key_stays_in_memory),
    };
    int failed = 0;

    for (unsigned way = 0; way < WIRE_WAYS; way++) {
        wire_compute(way);
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failed;
}
