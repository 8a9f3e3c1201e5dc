/* Fuzzes pairing in both roles: two hosts pair with each other, and the script says what happens to their PDUs on the
 * way, what their people answer, and what the controllers do. So every step of every method is reached, and bent there.
 *
 * The first bytes choose the options; then each PDU takes one byte that says its fate, and what that needs. When the
 * script is over everything passes as it is. Whatever happened: the call comes back, nobody is encrypted with different
 * keys, the memory is whole. */
#include <setjmp.h>
#include <stdarg.h>
#define CMOCKA_H_ /* its assertions jump; here one that fails has to end the program */
#include "tools/portability/cmocka.h"

#include "smp/testing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PAIR_MS = 70000, FATES = 16 };
static amble__reader script;
static bool key_forged; /* the wire was told of a key that no host gave */

static uint8_t next(void) { return amble__read_left(&script) ? amble__read_u8(&script) : 0; }

static void forge(unsigned from)
{
    uint8_t pdu[66] = {0};
    size_t size = next() % sizeof pdu;

    for (size_t i = 0; i < size; i++)
        pdu[i] = next();
    if (wire.queued < WIRE_QUEUE - 8)
        wire_forge(from, pdu, size);
}

static void ask_for_key(void)
{
    uint8_t parameters[28] = {WIRE_HANDLE, 0};

    for (int i = 2; i < 12; i++)
        parameters[i] = next();
    if (!wire.linked || wire.queued >= WIRE_QUEUE - 8)
        return;
    key_forged = true;
    wire_enable(parameters);
}

static bool meddle(unsigned from, uint8_t *pdu, size_t *size)
{
    const uint8_t fate = next() % FATES;

    switch (fate) {
    case 1:
        return false; /* lost */
    case 2:
        pdu[next() % *size] ^= (uint8_t)(1u << next() % 8);
        return true;
    case 3:
        *size -= *size > 1;
        return true;
    case 4:
        forge(from);
        return true;
    case 5:
        forge(!from);
        return true;
    case 6:
        ask_for_key();
        return true;
    case 7:
        wire_unlink(0x08);
        return true;
    case 8:
        pdu[0] = next();
        return true;
    case 9:
        wire.forgetful = !wire.forgetful;
        return true;
    default:
        return true;
    }
}

/* Takes prompts and answers as the script has it. */
static int fickle(void *arg)
{
    static const amble_oob_data data = {.key = {1, 2, 3}};
    wire_side *side = arg;
    amble_prompt p;
    int r;

    while ((r = amble_prompted(side->ble, &p, AMBLE_FOREVER)) == 0) {
        const uint8_t mood = next() % 8;

        if (p.kind == AMBLE_PROMPT_OUT_OF_BAND && mood < 4)
            (void)amble_prompt_answer_data(side->ble, &p, &data);
        else if (mood == 7)
            (void)amble_prompt_answer(side->ble, &p, AMBLE_ERR_CANCELLED);
        else if (mood != 6)
            (void)amble_prompt_answer(side->ble, &p, p.kind == AMBLE_PROMPT_ENTER ? 7 : mood != 5);
    }
    return r;
}

static amble_pair_options options(void)
{
    const uint8_t flags = next(), sizes = next();

    return (amble_pair_options){.io = (amble_io)(flags % 5),
                                .mitm = sizes & 1,
                                .legacy_only = sizes & 2,
                                .no_bond = sizes & 4,
                                .out_of_band = sizes & 8,
                                .ask = sizes & 16,
                                .renew = sizes & 32,
                                .key_size_min = 7,
                                .key_size_max = (uint8_t)(7 + (flags >> 4) % 10),
                                .fixed_passkey = sizes & 64,
                                .passkey = 7};
}

static int ask_now_and_then(void *arg)
{
    int r = amble_sleep_ms(*(const int *)arg);

    if (r == 0)
        r = amble_pair(wire.sides[PERIPHERAL].conn, NULL, PAIR_MS);
    return r;
}

static void check(int r)
{
    const wire_side *c = &wire.sides[CENTRAL], *p = &wire.sides[PERIPHERAL];

    if (r == 0)
        assert_true(amble_connection_encrypted(c->conn));
    if (!key_forged && amble_connected(c->conn) && c->encrypted && p->encrypted && amble_connection_encrypted(p->conn))
        assert_memory_equal(c->key, p->key, 16);
    assert_null(c->conn->end ? NULL : c->conn->smp->pairing);
}

static int play(void *arg)
{
    const amble_pair_options ours = options(), theirs = options();
    const uint8_t asks = next();
    const int delay = asks >> 1 & 0x1f;
    amble_scope scope;
    int r;

    (void)arg;
    wire_crypto[CENTRAL] = asks & 0x40 ? AMBLE_CRYPTO_CONTROLLER : AMBLE_CRYPTO_PORT;
    wire_crypto[PERIPHERAL] = asks & 0x80 ? AMBLE_CRYPTO_CONTROLLER : AMBLE_CRYPTO_PORT;
    wire_open();
    wire_connect();
    wire.meddle = meddle;
    amble_scope_open(&scope);
    (void)amble_security_config(wire.sides[PERIPHERAL].ble, &theirs); /* what makes no sense is refused */
    for (unsigned side = 0; side < 2; side++)
        (void)amble_spawn(&scope, fickle, &wire.sides[side]);
    if (asks & 1)
        (void)amble_spawn(&scope, ask_now_and_then, (void *)(uintptr_t)&delay);
    for (int round = 0; round < 2; round++) {
        r = amble_pair(wire.sides[CENTRAL].conn, &ours, PAIR_MS);
        check(r);
        (void)!amble_sleep_ms(PAIR_MS); /* nothing hangs for longer */
    }
    amble_scope_close(&scope);
    wire_end();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    amble_log_level(-1);
    key_forged = false;
    script = amble__reader_of(data, size);
    assert_int_equal(amble_run(&(amble_run_options){.virtual_time = true}, play, NULL), 0);
    return 0;
}
