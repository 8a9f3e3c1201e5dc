/* Pairing between two hosts: every way of pairing, in both roles at once, since one host initiates and the other
 * responds. The outcome is compared with the specification's table (Vol 3 Part H 2.3.5.1), written down here a second
 * time, and both sides must hold one key. */
#include "smp/testing.h"

/* Table 2.8: rows are responders, columns initiators, both in the order of amble_io. j: just works, c: comparison, i:
 * the initiator shows, r: the responder shows, e: both enter. Of two letters the first is LE legacy pairing, the second
 * Secure Connections. */
static const char *const table[5][5] = {
    /*            none  display yes/no keyboard keyboard+display */
    /* none    */ {"jj", "jj", "jj", "jj", "jj"},
    /* display */ {"jj", "jj", "jj", "rr", "rr"},
    /* yes/no  */ {"jj", "jj", "jc", "rr", "rc"},
    /* keyb.   */ {"jj", "ii", "ii", "ee", "ii"},
    /* k.+d.   */ {"jj", "ii", "ic", "rr", "ic"},
};

static wire_side *central, *peripheral;

static void begin(void)
{
    wire_open();
    central = &wire.sides[CENTRAL];
    peripheral = &wire.sides[PERIPHERAL];
    central->fixed = peripheral->fixed = 271828;
    wire_connect();
}

/* What the people of both sides were asked is what the method asks. */
static void check_method(char method)
{
    const unsigned *c = central->asked, *p = peripheral->asked;

    assert_int_equal(c[AMBLE_PROMPT_COMPARE], method == 'c');
    assert_int_equal(p[AMBLE_PROMPT_COMPARE], method == 'c');
    assert_int_equal(c[AMBLE_PROMPT_SHOW], method == 'i');
    assert_int_equal(p[AMBLE_PROMPT_SHOW], method == 'r');
    assert_int_equal(c[AMBLE_PROMPT_ENTER], method == 'r' || method == 'e');
    assert_int_equal(p[AMBLE_PROMPT_ENTER], method == 'i' || method == 'e');
    if (method == 'c')
        assert_int_equal(central->last[AMBLE_PROMPT_COMPARE].passkey, peripheral->last[AMBLE_PROMPT_COMPARE].passkey);
}

static void check_security(bool encrypted, bool authenticated, bool secure)
{
    for (unsigned i = 0; i < 2; i++) {
        const amble_connection *conn = wire.sides[i].conn;

        assert_int_equal(amble_connection_encrypted(conn), encrypted);
        assert_int_equal(amble_connection_authenticated(conn), encrypted && authenticated);
        assert_int_equal(amble_connection_secure(conn), encrypted && secure);
        assert_int_equal(amble_connection_key_size(conn), encrypted ? 16 : 0);
        assert_int_equal(amble_connection_bonded(conn), encrypted);
    }
}

/* Both sides keep the same, and with Secure Connections it is the key of the link. */
static void check_bonds(bool secure)
{
    const amble__bond *ours = amble__bonds_find(&central->ble->bonds.table, wire_address(PERIPHERAL));
    const amble__bond *theirs = amble__bonds_find(&peripheral->ble->bonds.table, wire_address(CENTRAL));

    assert_non_null(ours);
    assert_non_null(theirs);
    assert_memory_equal(&ours->peer_key, &theirs->own_key, sizeof ours->peer_key);
    assert_memory_equal(&ours->own_key, &theirs->peer_key, sizeof ours->own_key);
    assert_memory_equal(&ours->peer_signing, &theirs->own_signing, sizeof ours->peer_signing);
    assert_memory_equal(&ours->own_signing, &theirs->peer_signing, sizeof ours->own_signing);
    assert_memory_equal(ours->irk, peripheral->ble->bonds.table.own_irk, 16);
    assert_memory_equal(theirs->irk, central->ble->bonds.table.own_irk, 16);
    assert_true(ours->has_irk && theirs->has_irk && ours->peer_signing.present && theirs->peer_signing.present);
    assert_int_equal(memcmp(ours->peer_key.value, wire.last_key, 16) == 0, secure);
}

static void pair_once(amble_pair_options ours, amble_pair_options theirs, char method)
{
    const bool secure = !ours.legacy_only && !theirs.legacy_only;
    const bool authenticated = method != 'j', needed = ours.mitm || theirs.mitm;
    int r;

    begin();
    r = wire_pair(&ours, &theirs, 20000);
    if (needed && !authenticated) {
        assert_int_equal(r, AMBLE_ERR_SMP(AMBLE__SMP_AUTHENTICATION));
        check_security(false, false, false);
        assert_null(amble__bonds_find(&central->ble->bonds.table, wire_address(PERIPHERAL)));
    } else {
        if (r < 0)
            fail_msg("io %d and %d, mitm %d and %d, legacy %d and %d: %s", ours.io, theirs.io, ours.mitm, theirs.mitm,
                     ours.legacy_only, theirs.legacy_only, amble_error_text(r));
        check_security(true, authenticated, secure);
        check_bonds(secure);
    }
    check_method(needed && !authenticated ? 'j' : method);
    assert_int_equal(central->last[AMBLE_PROMPT_DONE].result, r);
    wire_end();
}

static void every_pair_of_capabilities_gives_the_tables_method(void)
{
    /* With a controller that computes, a part of it will do: who computes does not know the method. */
    const bool all = wire_crypto[CENTRAL] == AMBLE_CRYPTO_PORT && wire_crypto[PERIPHERAL] == AMBLE_CRYPTO_PORT;

    for (unsigned i = 0; i < 25 * 16; i += all ? 1 : 7) {
        const unsigned initiator = i % 5, responder = i / 5 % 5, flags = i / 25;
        const bool mitm = flags & 3, secure = !(flags & 12);

        pair_once((amble_pair_options){.io = (amble_io)initiator, .mitm = flags & 1, .legacy_only = flags & 4},
                  (amble_pair_options){.io = (amble_io)responder, .mitm = flags & 2, .legacy_only = flags & 8},
                  mitm ? table[responder][initiator][secure] : 'j');
    }
}

/* --- out of band -------------------------------------------------------------------------------------------------- */
/* Which side has data: LE legacy pairing needs it on both sides, Secure Connections on one. */
static void out_of_band(bool legacy, bool central_has, bool peripheral_has)
{
    amble_oob_data of_central, of_peripheral;
    const amble_pair_options options = {.out_of_band = true, .legacy_only = legacy};
    const bool used = legacy ? central_has && peripheral_has : central_has || peripheral_has;

    begin();
    assert_int_equal(amble_oob_local(central->ble, &of_central, 20000), 0);
    assert_int_equal(amble_oob_local(peripheral->ble, &of_peripheral, 20000), 0);
    memcpy(of_central.key, of_peripheral.key, 16); /* one key for both */
    central->data = central_has ? &of_peripheral : NULL;
    peripheral->data = peripheral_has ? &of_central : NULL;
    assert_int_equal(wire_pair(&options, &options, 20000), 0);
    check_security(true, used, !legacy);
    check_bonds(!legacy);
    wire_end();
}

static void out_of_band_data_is_used_where_the_specification_says(void)
{
    for (unsigned i = 0; i < 8; i++)
        out_of_band(i & 4, i & 1, i & 2);
}

static void wrong_out_of_band_data_fails(void)
{
    for (unsigned i = 0; i < 4; i++) {
        const amble_pair_options options = {.out_of_band = true, .legacy_only = i & 1};
        amble_oob_data of_central, of_peripheral;
        int r;

        begin();
        assert_int_equal(amble_oob_local(central->ble, &of_central, 20000), 0);
        assert_int_equal(amble_oob_local(peripheral->ble, &of_peripheral, 20000), 0);
        memcpy(of_central.key, of_peripheral.key, 16);
        *(i & 2 ? &of_central.confirm[3] : &of_peripheral.random[3]) ^= 1;
        of_central.key[0] ^= 1;
        central->data = &of_peripheral;
        peripheral->data = &of_central;
        r = wire_pair(&options, &options, 20000);
        assert_true(r == AMBLE_ERR_SMP(AMBLE__SMP_CONFIRM_FAILED) || r == AMBLE_ERR_SMP(AMBLE__SMP_CHECK_FAILED));
        check_security(false, false, false);
        wire_end();
    }
}

/* A key pair that went out of band is used for one pairing: for a second one the data are no good any more. */
static void out_of_band_data_is_used_once(void)
{
    const amble_pair_options options = {.out_of_band = true, .renew = true};
    amble_oob_data of_peripheral;

    begin();
    assert_int_equal(amble_oob_local(peripheral->ble, &of_peripheral, 20000), 0);
    central->data = &of_peripheral;
    assert_int_equal(wire_pair(&options, NULL, 20000), 0);
    assert_int_equal(wire_pair(&options, NULL, 20000), AMBLE_ERR_SMP(AMBLE__SMP_CONFIRM_FAILED));
    wire_end();
}

/* --- people say no, or nothing ------------------------------------------------------------------------------------ */
static void a_wrong_passkey_fails(void)
{
    for (unsigned i = 0; i < 4; i++) {
        const amble_pair_options shows = {.io = AMBLE_IO_DISPLAY, .mitm = true, .legacy_only = i & 1};
        const amble_pair_options enters = {.io = AMBLE_IO_KEYBOARD, .mitm = true};

        begin();
        central->wrong = peripheral->wrong = true;
        assert_int_equal(wire_pair(i & 2 ? &shows : &enters, i & 2 ? &enters : &shows, 20000),
                         AMBLE_ERR_SMP(AMBLE__SMP_CONFIRM_FAILED));
        assert_int_equal(peripheral->last[AMBLE_PROMPT_DONE].result, AMBLE_ERR_SMP(AMBLE__SMP_CONFIRM_FAILED));
        check_security(false, false, false);
        wire_end();
    }
}

static void refusing_ends_the_pairing_on_both_sides_at_once(void)
{
    static const struct {
        amble_io io[2];
        uint8_t reason;
    } cases[] = {
        {{AMBLE_IO_YES_NO, AMBLE_IO_YES_NO}, AMBLE__SMP_COMPARISON_FAILED},
        {{AMBLE_IO_KEYBOARD, AMBLE_IO_KEYBOARD}, AMBLE__SMP_PASSKEY_FAILED},
    };

    for (unsigned i = 0; i < 4; i++) {
        const amble_pair_options ours = {.io = cases[i / 2].io[0], .mitm = true};
        const amble_pair_options theirs = {.io = cases[i / 2].io[1], .mitm = true};
        uint64_t start;

        begin();
        wire.sides[i % 2].refuses = true;
        start = amble_now_us();
        assert_int_equal(wire_pair(&ours, &theirs, 20000), AMBLE_ERR_SMP(cases[i / 2].reason));
        assert_in_range(amble_now_us() - start, 0, 200000);
        assert_int_equal(peripheral->last[AMBLE_PROMPT_DONE].result, AMBLE_ERR_SMP(cases[i / 2].reason));
        wire_end();
    }
}

static void a_peripheral_may_be_asked_first(void)
{
    const amble_pair_options asks = {.ask = true};

    begin();
    assert_int_equal(wire_pair(NULL, &asks, 20000), 0);
    assert_int_equal(peripheral->asked[AMBLE_PROMPT_ALLOW], 1);
    wire_end();
    begin();
    peripheral->refuses = true;
    assert_int_equal(wire_pair(NULL, &asks, 20000), AMBLE_ERR_SMP(AMBLE__SMP_NOT_SUPPORTED));
    wire_end();
}

static void a_peripheral_may_refuse_to_pair(void)
{
    begin();
    assert_int_equal(wire_pair(NULL, &(amble_pair_options){.refuse = true}, 20000),
                     AMBLE_ERR_SMP(AMBLE__SMP_NOT_SUPPORTED));
    assert_int_equal(amble_pair(central->conn, NULL, 1000), AMBLE_ERR_SMP(AMBLE__SMP_NOT_SUPPORTED));
    wire_end();
}

static void nobody_answers_for_30_seconds(void)
{
    const amble_pair_options enters = {.io = AMBLE_IO_KEYBOARD, .mitm = true};
    uint64_t start;

    begin();
    central->silent = true;
    start = amble_now_us();
    assert_int_equal(wire_pair(&enters, &enters, AMBLE_FOREVER), AMBLE_ERR_PAIRING_TIMEOUT);
    assert_in_range(amble_now_us() - start, 30000000, 30300000);
    assert_int_equal(amble_prompt_answer(central->ble, &central->last[AMBLE_PROMPT_ENTER], 1), AMBLE_ERR_STALE);
    /* No more pairing on this link; on the next one it works. */
    assert_int_equal(amble_pair(central->conn, NULL, 1000), AMBLE_ERR_PAIRING_TIMEOUT);
    central->silent = false;
    wire_disconnect();
    wire_connect();
    assert_int_equal(wire_pair(&enters, &enters, 20000), 0);
    wire_end();
}

/* A peripheral has said nothing yet while it asks whether to pair, and its central may have left without a word. */
static void nobody_allows_for_30_seconds(void)
{
    const amble_pair_options asks = {.ask = true};
    amble_prompt p;

    begin();
    assert_int_equal(amble_security_config(peripheral->ble, &asks), 0);
    wire_forge(CENTRAL, BYTES(AMBLE__SMP_PAIRING_REQUEST, 3, 0, 0x09, 16, 7, 7));
    assert_int_equal(amble_prompted(peripheral->ble, &p, 1000), 0);
    assert_int_equal(p.kind, AMBLE_PROMPT_ALLOW);
    assert_int_equal(amble_sleep_ms(29900), 0);
    assert_non_null(peripheral->conn->smp->pairing);
    assert_int_equal(amble_sleep_ms(200), 0);
    assert_int_equal(amble_prompt_answer(peripheral->ble, &p, 1), AMBLE_ERR_STALE);
    assert_int_equal(amble_prompted(peripheral->ble, &p, 0), 0);
    assert_int_equal(p.kind, AMBLE_PROMPT_DONE);
    assert_int_equal(p.result, AMBLE_ERR_PAIRING_TIMEOUT);
    wire_end();
}

/* A question that nobody took is not given any more when its pairing is over. */
static void an_old_question_is_not_asked(void)
{
    amble_prompt p;

    begin();
    assert_int_equal(amble_security_config(peripheral->ble, &(amble_pair_options){.ask = true}), 0);
    assert_int_equal(amble_pair(central->conn, NULL, 1000), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_sleep_ms(100), 0);
    assert_int_equal(amble_prompted(peripheral->ble, &p, 0), 0);
    assert_int_equal(p.kind, AMBLE_PROMPT_DONE);
    assert_int_equal(amble_prompted(peripheral->ble, &p, 0), AMBLE_ERR_TIMEOUT);
    wire_end();
}

/* Each step has 30 seconds, not all of them together (Vol 3 Part H 3.4). */
static int thinks_for_20_seconds(void *arg)
{
    amble_prompt p;
    int r;

    (void)arg;
    while ((r = amble_prompted(central->ble, &p, AMBLE_FOREVER)) == 0)
        if (p.kind != AMBLE_PROMPT_DONE) {
            assert_int_equal(amble_sleep_ms(20000), 0);
            assert_int_equal(amble_prompt_answer(central->ble, &p, p.kind == AMBLE_PROMPT_COMPARE), 0);
        }
    return r;
}

static void people_may_think_about_each_question(void)
{
    const amble_pair_options slow = {.io = AMBLE_IO_YES_NO, .mitm = true, .out_of_band = true};
    const amble_pair_options quick = {.io = AMBLE_IO_YES_NO, .mitm = true};
    amble_scope people;

    begin();
    assert_int_equal(amble_security_config(peripheral->ble, &quick), 0);
    amble_scope_open(&people);
    amble_spawn(&people, thinks_for_20_seconds, NULL);
    amble_spawn(&people, person, peripheral);
    assert_int_equal(amble_pair(central->conn, &slow, 60000), 0);
    amble_scope_close(&people);
    check_security(true, true, true);
    wire_end();
}

/* The peripheral's person decides last: until then its side proves nothing, and nothing is encrypted. */
static int decides_late(void *yes)
{
    amble_prompt p;
    int r;

    while ((r = amble_prompted(peripheral->ble, &p, AMBLE_FOREVER)) == 0)
        if (p.kind == AMBLE_PROMPT_COMPARE || p.kind == AMBLE_PROMPT_ENTER) {
            peripheral->asked[p.kind]++;
            assert_int_equal(amble_sleep_ms(5000), 0);
            check_security(false, false, false);
            assert_int_equal(
                amble_prompt_answer(peripheral->ble, &p, p.kind == AMBLE_PROMPT_ENTER ? 271828 : yes != NULL), 0);
        }
    return r;
}

static void a_peripheral_may_decide_last(void)
{
    for (unsigned i = 0; i < 3; i++) { /* yes, no, a passkey */
        const amble_pair_options options = {.io = i == 2 ? AMBLE_IO_KEYBOARD : AMBLE_IO_YES_NO, .mitm = true};
        amble_scope people;

        begin();
        assert_int_equal(amble_security_config(peripheral->ble, &options), 0);
        amble_scope_open(&people);
        amble_spawn(&people, person, central);
        amble_spawn(&people, decides_late, i == 1 ? NULL : &people);
        assert_int_equal(amble_pair(central->conn, &options, 20000),
                         i == 1 ? AMBLE_ERR_SMP(AMBLE__SMP_COMPARISON_FAILED) : 0);
        assert_int_equal(amble_sleep_ms(100), 0);
        amble_scope_close(&people);
        check_security(i != 1, true, true);
        wire_end();
    }
}

static void a_timeout_ends_the_pairing_on_the_other_side_too(void)
{
    const amble_pair_options enters = {.io = AMBLE_IO_KEYBOARD, .mitm = true};

    begin();
    central->silent = true;
    assert_int_equal(wire_pair(&enters, &enters, 1000), AMBLE_ERR_TIMEOUT);
    assert_int_equal(peripheral->last[AMBLE_PROMPT_DONE].result, AMBLE_ERR_SMP(AMBLE__SMP_UNSPECIFIED));
    assert_true(amble_connected(central->conn));
    central->silent = false;
    assert_int_equal(wire_pair(&enters, &enters, 20000), 0);
    wire_end();
}

static void a_stale_answer_changes_nothing(void)
{
    amble_prompt p;

    begin();
    assert_int_equal(wire_pair(&(amble_pair_options){.io = AMBLE_IO_KEYBOARD, .mitm = true},
                               &(amble_pair_options){.io = AMBLE_IO_DISPLAY, .mitm = true}, 20000),
                     0);
    p = central->last[AMBLE_PROMPT_ENTER];
    assert_int_equal(amble_prompt_answer(central->ble, &p, 1), AMBLE_ERR_STALE);
    p.id = 0;
    assert_int_equal(amble_prompt_answer(central->ble, &p, 1), AMBLE_ERR_STALE);
    assert_int_equal(amble_prompt_answer(central->ble, &central->last[AMBLE_PROMPT_DONE], 1), AMBLE_ERR_STALE);
    wire_end();
}

/* --- the link goes ------------------------------------------------------------------------------------------------ */
static int unlink_later(void *arg)
{
    (void)arg;
    assert_int_equal(amble_sleep_ms(50), 0);
    wire_unlink(0x08);
    return 0;
}

/* The central's last PDU is the one with its signing key. It is lost, or it is heard and its acknowledgement is lost;
 * then the link is. */
static bool last_is_heard;

static bool lose_the_end(unsigned from, uint8_t *pdu, size_t *size)
{
    (void)size;
    if (from == CENTRAL && pdu[0] == AMBLE__SMP_IDENTITY_ADDRESS)
        wire.stalled = true;
    return last_is_heard || from != CENTRAL || pdu[0] != AMBLE__SMP_SIGNING_INFORMATION;
}

/* A central without the bond just pairs again. One with a bond that the peripheral does not have could not encrypt ever
 * after. */
static void a_central_keeps_no_bond_that_the_peripheral_may_not_have(void)
{
    for (unsigned heard = 0; heard < 2; heard++) {
        amble_scope scope;

        begin();
        last_is_heard = heard;
        wire.meddle = lose_the_end;
        amble_scope_open(&scope);
        amble_spawn(&scope, unlink_later, NULL);
        assert_int_equal(wire_pair(NULL, NULL, 20000), AMBLE_ERR_DISCONNECTED);
        amble_scope_close(&scope);
        assert_null(amble__bonds_find(&central->ble->bonds.table, wire_address(PERIPHERAL)));
        assert_int_equal(amble__bonds_find(&peripheral->ble->bonds.table, wire_address(CENTRAL)) != NULL, heard);
        wire.meddle = NULL;
        wire_go_on();
        wire_disconnect();
        wire_connect();
        assert_int_equal(wire_pair(NULL, NULL, 20000), 0);
        check_bonds(true);
        wire_end();
    }
}

/* Who else sends on the link does not hold up a pairing for long. */
static void a_link_that_is_never_idle_is_paired_all_the_same(void)
{
    uint64_t start;

    begin();
    last_is_heard = true;
    wire.meddle = lose_the_end;
    start = amble_now_us();
    assert_int_equal(wire_pair(NULL, NULL, 20000), 0);
    assert_in_range(amble_now_us() - start, 1900000, 2300000);
    check_bonds(true);
    wire_end();
}

static void a_lost_link_ends_everything(void)
{
    const amble_pair_options enters = {.io = AMBLE_IO_KEYBOARD, .mitm = true};
    amble_scope scope;

    begin();
    central->silent = peripheral->silent = true;
    amble_scope_open(&scope);
    amble_spawn(&scope, unlink_later, NULL);
    assert_int_equal(wire_pair(&enters, &enters, 20000), AMBLE_ERR_DISCONNECTED);
    amble_scope_close(&scope);
    assert_int_equal(amble_prompt_answer(peripheral->ble, &peripheral->last[AMBLE_PROMPT_ENTER], 1), AMBLE_ERR_STALE);
    assert_int_equal(amble_pair(central->conn, NULL, 1000), AMBLE_ERR_DISCONNECTED);
    wire_disconnect();
    wire_connect();
    assert_int_equal(wire_pair(NULL, NULL, 20000), 0);
    wire_unlink(0x08);
    assert_int_equal(amble_sleep_ms(10), 0);
    check_security(false, false, false); /* a link that is lost protects nothing */
    wire_end();
}

/* --- a peripheral that wants to be paired with -------------------------------------------------------------------- */
static int central_follows(void *arg)
{
    amble_prompt p;
    int r;

    (void)arg;
    while ((r = amble_prompted(central->ble, &p, AMBLE_FOREVER)) == 0)
        if (p.kind == AMBLE_PROMPT_REQUESTED)
            assert_int_equal(amble_pair(p.conn, NULL, 5000), 0);
    return r;
}

static void a_peripheral_asks_and_waits_in_the_same_way(void)
{
    amble_scope scope;

    begin();
    amble_scope_open(&scope);
    amble_spawn(&scope, central_follows, NULL);
    assert_int_equal(amble_pair(peripheral->conn, NULL, 5000), 0);
    check_security(true, false, true);
    assert_int_equal(amble_pair(peripheral->conn, NULL, 5000), 0); /* nothing is left to be done */
    assert_int_equal(amble_encrypted(peripheral->conn, 0), 0);
    amble_scope_close(&scope);
    wire_end();
}

static void a_peripheral_is_told_when_the_central_refuses(void)
{
    begin();
    assert_int_equal(amble_security_config(central->ble, &(amble_pair_options){.refuse = true}), 0);
    assert_int_equal(amble_pair(peripheral->conn, NULL, 5000), AMBLE_ERR_SMP(AMBLE__SMP_NOT_SUPPORTED));
    assert_int_equal(amble_encrypted(peripheral->conn, 100), AMBLE_ERR_TIMEOUT);
    wire_end();
}

/* Nor for ever when it does nothing. It may be asked again. */
static void a_central_that_does_nothing_is_not_waited_for(void)
{
    amble_scope scope;
    uint64_t start;

    begin();
    start = amble_now_us();
    assert_int_equal(amble_pair(peripheral->conn, NULL, AMBLE_FOREVER), AMBLE_ERR_PAIRING_TIMEOUT);
    assert_in_range(amble_now_us() - start, 30000000, 30100000);
    amble_scope_open(&scope);
    amble_spawn(&scope, central_follows, NULL);
    assert_int_equal(amble_pair(peripheral->conn, NULL, AMBLE_FOREVER), 0);
    amble_scope_close(&scope);
    wire_end();
}

/* --- bonds -------------------------------------------------------------------------------------------------------- */
static void the_next_link_is_encrypted_at_once(void)
{
    for (unsigned legacy = 0; legacy < 2; legacy++) {
        const amble_pair_options options = {.io = AMBLE_IO_KEYBOARD, .mitm = true, .legacy_only = legacy};
        unsigned frames;

        begin();
        assert_int_equal(wire_pair(&options, &options, 20000), 0);
        wire_disconnect();
        frames = wire.smp_frames;
        wire_connect();
        assert_int_equal(amble_encrypted(central->conn, 1000), 0);
        assert_int_equal(amble_encrypted(peripheral->conn, 1000), 0);
        check_security(true, true, !legacy);
        assert_int_equal(amble_pair(central->conn, &options, 1000), 0);
        assert_int_equal(wire.smp_frames, frames); /* without a word of pairing */
        wire_end();
    }
}

static void a_peer_that_lost_its_key_is_no_reason_to_pair_anew(void)
{
    unsigned frames;

    begin();
    assert_int_equal(wire_pair(NULL, NULL, 20000), 0);
    assert_int_equal(amble_authorise(central->conn, true), 0);
    wire_disconnect();
    amble__bonds_drop(&peripheral->ble->bonds.table,
                      amble__bonds_find(&peripheral->ble->bonds.table, wire_address(CENTRAL)));
    frames = wire.smp_frames;
    wire_connect();
    assert_int_equal(amble_pair(central->conn, NULL, 5000), AMBLE_ERR_BOND_LOST);
    assert_int_equal(amble_pair(central->conn, NULL, 5000), AMBLE_ERR_BOND_LOST);
    assert_int_equal(wire.smp_frames, frames);
    check_security(false, false, false);
    assert_false(amble_connection_authorised(central->conn));                         /* nobody knows who that is */
    assert_int_equal(wire_pair(&(amble_pair_options){.renew = true}, NULL, 5000), 0); /* the user agreed */
    check_security(true, false, true);
    check_bonds(true);
    wire_end();
}

/* With LE legacy pairing a peripheral may give no key away: then every link needs pairing. */
static void a_bond_without_a_key_does_not_encrypt(void)
{
    const amble_pair_options legacy = {.legacy_only = true};
    unsigned encryptions;

    begin();
    assert_int_equal(wire_pair(&legacy, &legacy, 20000), 0);
    wire_disconnect();
    amble__bonds_find(&central->ble->bonds.table, wire_address(PERIPHERAL))->peer_key.present = false;
    encryptions = wire.encryptions;
    wire_connect();
    assert_int_equal(amble_encrypted(central->conn, 1000), AMBLE_ERR_TIMEOUT);
    assert_int_equal(wire.encryptions, encryptions);
    wire_forge(PERIPHERAL, BYTES(AMBLE__SMP_SECURITY_REQUEST, 0x01)); /* nor when it is asked to */
    assert_int_equal(amble_encrypted(central->conn, 1000), AMBLE_ERR_TIMEOUT);
    assert_int_equal(wire_pair(&legacy, &legacy, 20000), 0);
    wire_end();
}

static void a_wrong_key_ends_the_link(void)
{
    begin();
    assert_int_equal(wire_pair(NULL, NULL, 20000), 0);
    wire_disconnect();
    amble__bonds_find(&peripheral->ble->bonds.table, wire_address(CENTRAL))->own_key.value[5] ^= 1;
    wire_connect();
    assert_int_equal(amble_encrypted(central->conn, 5000), AMBLE_ERR_DISCONNECTED);
    assert_int_equal(amble_connection_reason(central->conn), 0x3d);
    wire_end();
}

static void a_link_is_made_stronger_by_pairing_again(void)
{
    const amble_pair_options strong = {.io = AMBLE_IO_YES_NO, .mitm = true};

    begin();
    assert_int_equal(wire_pair(&(amble_pair_options){.legacy_only = true}, NULL, 20000), 0);
    check_security(true, false, false);
    assert_int_equal(wire_pair(&strong, &strong, 20000), 0); /* the key is refreshed on the encrypted link */
    assert_int_equal(wire.encryptions, 2);
    check_security(true, true, true);
    check_bonds(true);
    wire_end();
}

/* The sample of the specification, Vol 3 Part H D.7: this IRK gave this address. */
static void a_bonded_device_is_known_under_a_resolvable_address(void)
{
    static const uint8_t irk[16] = {0x9b, 0x7d, 0x39, 0x0a, 0xa6, 0x10, 0x10, 0x34,
                                    0x05, 0xad, 0xc8, 0x57, 0xa3, 0x34, 0x02, 0xec};
    amble_device address = {AMBLE_RANDOM, {0xaa, 0xfb, 0x0d, 0x94, 0x81, 0x70}};
    amble__bond *bond;

    begin();
    bond = amble__bonds_take(&central->ble->bonds.table, (amble_device){AMBLE_PUBLIC, {9}});
    bond->has_irk = true;
    memcpy(bond->irk, irk, 16);
    assert_ptr_equal(amble__smp_bond(&central->ble->smp, address), bond);
    address.bytes[0] ^= 1;
    assert_null(amble__smp_bond(&central->ble->smp, address));
    address.bytes[0] ^= 1;
    address.type = AMBLE_PUBLIC;
    assert_null(amble__smp_bond(&central->ble->smp, address));
    wire_end();
}

static void without_a_bond_nothing_is_kept(void)
{
    begin();
    assert_int_equal(wire_pair(&(amble_pair_options){.no_bond = true}, NULL, 20000), 0);
    assert_true(amble_connection_encrypted(central->conn));
    assert_false(amble_connection_bonded(central->conn));
    assert_null(amble__bonds_find(&central->ble->bonds.table, wire_address(PERIPHERAL)));
    assert_null(amble__bonds_find(&peripheral->ble->bonds.table, wire_address(CENTRAL)));
    wire_end();
}

/* --- keys --------------------------------------------------------------------------------------------------------- */
/* The central's last key is lost: the link is encrypted, and nothing is kept. */
static bool lose_last_key(unsigned from, uint8_t *pdu, size_t *size)
{
    (void)size;
    return from != CENTRAL || pdu[0] != AMBLE__SMP_SIGNING_INFORMATION;
}

static void a_link_is_bonded_when_the_bond_is_kept(void)
{
    begin();
    wire.meddle = lose_last_key;
    assert_int_equal(wire_pair(NULL, NULL, AMBLE_FOREVER), 0);
    assert_true(amble_connection_bonded(central->conn)); /* it gave its keys last, and has all of the other's */
    assert_true(amble_connection_encrypted(peripheral->conn));
    assert_false(amble_connection_bonded(peripheral->conn));
    assert_int_equal(amble_sleep_ms(AMBLE__SMP_TIMEOUT_MS + 1000), 0);
    assert_false(amble_connection_bonded(peripheral->conn));
    assert_null(amble__bonds_find(&peripheral->ble->bonds.table, wire_address(CENTRAL)));
    wire_end();
}

static void keys_are_as_long_as_both_can(void)
{
    for (uint8_t size = 7; size <= 16; size++) {
        for (unsigned legacy = 0; legacy < 2; legacy++) {
            const amble_pair_options ours = {.key_size_min = 7, .legacy_only = legacy};
            const amble_pair_options theirs = {.key_size_min = 7, .key_size_max = size};

            begin();
            assert_int_equal(wire_pair(&ours, &theirs, 20000), 0);
            assert_int_equal(amble_connection_key_size(central->conn), size);
            assert_int_equal(amble_connection_key_size(peripheral->conn), size);
            for (unsigned i = 0; i < 16; i++)
                if (i >= size)
                    assert_int_equal(wire.last_key[i], 0);
            wire_end();
        }
    }
}

static void short_keys_are_refused_unless_allowed(void)
{
    begin();
    assert_int_equal(wire_pair(NULL, &(amble_pair_options){.key_size_min = 7, .key_size_max = 15}, 20000),
                     AMBLE_ERR_SMP(AMBLE__SMP_KEY_SIZE));
    assert_int_equal(wire_pair(&(amble_pair_options){.key_size_min = 7, .key_size_max = 15}, NULL, 20000),
                     AMBLE_ERR_SMP(AMBLE__SMP_KEY_SIZE));
    /* Who wants the best takes no shorter one, whatever else it allows. */
    assert_int_equal(wire_pair(&(amble_pair_options){.secure_only = true, .key_size_min = 7},
                               &(amble_pair_options){.key_size_min = 7, .key_size_max = 15}, 20000),
                     AMBLE_ERR_SMP(AMBLE__SMP_KEY_SIZE));
    wire_end();
}

static void options_that_make_no_sense_are_refused(void)
{
    begin();
    assert_int_equal(amble_pair(central->conn, &(amble_pair_options){.key_size_min = 6}, 1000), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_pair(central->conn, &(amble_pair_options){.key_size_max = 17}, 1000), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_pair(central->conn, &(amble_pair_options){.key_size_max = 10}, 1000), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_security_config(central->ble, &(amble_pair_options){.passkey = 1000000}),
                     AMBLE_ERR_ARGUMENT);
    assert_int_equal(
        amble_security_config(central->ble, &(amble_pair_options){.secure_only = true, .legacy_only = true}),
        AMBLE_ERR_ARGUMENT);
    wire_end();
}

static void a_fixed_passkey_is_shown_again_and_again(void)
{
    const amble_pair_options shows = {.io = AMBLE_IO_DISPLAY, .mitm = true, .fixed_passkey = true, .passkey = 314159};

    for (int i = 0; i < 2; i++) {
        begin();
        assert_int_equal(wire_pair(&(amble_pair_options){.io = AMBLE_IO_KEYBOARD, .mitm = true}, &shows, 20000), 0);
        assert_int_equal(peripheral->last[AMBLE_PROMPT_SHOW].passkey, 314159);
        wire_end();
    }
}

static void a_controller_that_cannot_encrypt_is_told_of(void)
{
    begin();
    wire.no_encryption = true;
    assert_int_equal(wire_pair(NULL, NULL, 20000), AMBLE_ERR_HCI(0x01));
    check_security(false, false, false);
    wire_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(every_pair_of_capabilities_gives_the_tables_method),
        task_test(out_of_band_data_is_used_where_the_specification_says),
        task_test(wrong_out_of_band_data_fails),
        task_test(out_of_band_data_is_used_once),
        task_test(a_wrong_passkey_fails),
        task_test(refusing_ends_the_pairing_on_both_sides_at_once),
        task_test(a_peripheral_may_be_asked_first),
        task_test(a_peripheral_may_refuse_to_pair),
        task_test(nobody_answers_for_30_seconds),
        task_test(nobody_allows_for_30_seconds),
        task_test(an_old_question_is_not_asked),
        task_test(people_may_think_about_each_question),
        task_test(a_peripheral_may_decide_last),
        task_test(a_timeout_ends_the_pairing_on_the_other_side_too),
        task_test(a_stale_answer_changes_nothing),
        task_test(a_lost_link_ends_everything),
        task_test(a_central_keeps_no_bond_that_the_peripheral_may_not_have),
        task_test(a_link_that_is_never_idle_is_paired_all_the_same),
        task_test(a_peripheral_asks_and_waits_in_the_same_way),
        task_test(a_peripheral_is_told_when_the_central_refuses),
        task_test(a_central_that_does_nothing_is_not_waited_for),
        task_test(the_next_link_is_encrypted_at_once),
        task_test(a_peer_that_lost_its_key_is_no_reason_to_pair_anew),
        task_test(a_bond_without_a_key_does_not_encrypt),
        task_test(a_wrong_key_ends_the_link),
        task_test(a_link_is_made_stronger_by_pairing_again),
        task_test(a_bonded_device_is_known_under_a_resolvable_address),
        task_test(without_a_bond_nothing_is_kept),
        task_test(a_link_is_bonded_when_the_bond_is_kept),
        task_test(keys_are_as_long_as_both_can),
        task_test(short_keys_are_refused_unless_allowed),
        task_test(options_that_make_no_sense_are_refused),
        task_test(a_fixed_passkey_is_shown_again_and_again),
        task_test(a_controller_that_cannot_encrypt_is_told_of),
    };
    int failed = 0;

    for (unsigned way = 0; way < WIRE_WAYS; way++) {
        wire_compute(way);
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failed;
}
