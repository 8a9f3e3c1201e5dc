/* The initiator of a pairing: the central. One procedure on the task that called amble_pair, read from top to bottom as
 * the specification has it (Vol 3 Part H 2.3 to 2.4, 3.5, 3.6).
 *
 * PDUs wait in the context's inbox until the procedure asks for them. After every wait the pairing may be over, and its
 * link gone; so nothing is touched before the result was looked at. */
#include "smp/smp.h"
#include "task/scheduler.h"

enum { KEY = 16, PUBLIC_KEY = 64, HEARD_MS = 2000 };

/* --- receiving ---------------------------------------------------------------------------------------------------- */
void amble__initiator_receive(amble__pairing *p, const uint8_t *data, size_t size)
{
    if (1 + size > sizeof p->inbox - p->inbox_size) { /* more than any procedure has under way */
        amble__pairing_end(p, AMBLE_ERR_SMP(AMBLE__SMP_UNSPECIFIED), true);
        return;
    }
    p->inbox[p->inbox_size] = (uint8_t)size;
    memcpy(p->inbox + p->inbox_size + 1, data, size);
    p->inbox_size += 1 + size;
    amble__waiters_end(&p->events, 0);
}

/* Waits for something to happen: a PDU, an answer. */
static int wait_event(amble__pairing *p)
{
    const int r = amble__link_wait(p->link->conn, &p->events, AMBLE__NEVER);

    return p->over ? p->over : r;
}

/* The next PDU, whole, into `pdu`. Returns its size. */
static int next_pdu(amble__pairing *p, uint8_t pdu[AMBLE__SMP_PDU])
{
    size_t size;
    int r;

    while (!p->over && p->inbox_size == 0)
        if ((r = wait_event(p)) < 0)
            return r;
    if (p->over < 0)
        return p->over;
    size = p->inbox[0];
    memcpy(pdu, p->inbox + 1, size);
    p->inbox_size -= 1 + size;
    memmove(p->inbox, p->inbox + 1 + size, p->inbox_size);
    amble__wipe(p->inbox + p->inbox_size, 1 + size);
    return (int)size;
}

/* The next PDU has to have this code; what follows the code goes to `out`. */
static int expect(amble__pairing *p, uint8_t code, void *out, size_t size)
{
    uint8_t pdu[AMBLE__SMP_PDU];
    int r = next_pdu(p, pdu);

    if (r >= 0)
        r = pdu[0] == code ? 0 : AMBLE_ERR_SMP(AMBLE__SMP_UNSPECIFIED);
    if (r == 0)
        memcpy(out, pdu + 1, size); /* its length was checked when it came */
    amble__wipe(pdu, sizeof pdu);
    return r;
}

/* --- people ------------------------------------------------------------------------------------------------------- */
static int answer(amble__pairing *p, amble_prompt_kind kind, uint32_t passkey)
{
    int r;

    amble__prompt_question(p, kind, passkey);
    while (!p->over && !p->answered)
        if ((r = wait_event(p)) < 0)
            return r;
    return p->over;
}

static int agree_on_passkey(amble__pairing *p)
{
    if (p->method == AMBLE__METHOD_ENTER)
        return answer(p, AMBLE_PROMPT_ENTER, 0);
    return amble__prompt_show(p);
}

/* --- phase 1: what both have -------------------------------------------------------------------------------------- */
static int exchange_features(amble__pairing *p)
{
    int r;

    if (p->options.out_of_band && (r = answer(p, AMBLE_PROMPT_OUT_OF_BAND, 0)) < 0)
        return r;
    amble__pairing_offer(p, p->sides.request);
    amble__pairing_send(p, AMBLE__SMP_PAIRING_REQUEST, p->sides.request + 1, AMBLE__SMP_FEATURES - 1);
    p->sides.response[0] = AMBLE__SMP_PAIRING_RESPONSE;
    r = expect(p, AMBLE__SMP_PAIRING_RESPONSE, p->sides.response + 1, AMBLE__SMP_FEATURES - 1);
    return r < 0 ? r : amble__pairing_agree(p);
}

/* --- phase 2: a key ----------------------------------------------------------------------------------------------- */
static int send_confirm(amble__pairing *p)
{
    uint8_t confirm[KEY];
    int r;

    if ((r = amble__pairing_new_random(p)) < 0 || (r = amble__pairing_confirm(p, true, confirm)) < 0)
        return r;
    amble__pairing_send(p, AMBLE__SMP_CONFIRM, confirm, KEY);
    return 0;
}

/* Both commit themselves to a random, then show it. */
static int prove(amble__pairing *p)
{
    int r = send_confirm(p);

    if (r < 0 || (r = expect(p, AMBLE__SMP_CONFIRM, p->secret.peer_confirm, KEY)) < 0)
        return r;
    amble__pairing_send(p, AMBLE__SMP_RANDOM, p->secret.own_random, KEY);
    r = expect(p, AMBLE__SMP_RANDOM, p->secret.peer_random, KEY);
    return r < 0 ? r : amble__pairing_verify(p);
}

/* LE legacy pairing, 2.3.5.5 */
static int legacy_phase(amble__pairing *p)
{
    int r = 0;

    if (p->method == AMBLE__METHOD_SHOW || p->method == AMBLE__METHOD_ENTER)
        r = agree_on_passkey(p);
    if (r < 0 || (r = prove(p)) < 0)
        return r;
    return amble__pairing_derive(p);
}

static int exchange_public_keys(amble__pairing *p)
{
    int r = amble__pairing_own_key(p);

    if (r < 0)
        return r;
    amble__pairing_send(p, AMBLE__SMP_PUBLIC_KEY, p->secret.own_public, PUBLIC_KEY);
    r = expect(p, AMBLE__SMP_PUBLIC_KEY, p->secret.peer_public, PUBLIC_KEY);
    return r < 0 ? r : amble__pairing_shared_key(p);
}

/* 2.3.5.6.3: one bit of the passkey in each round. */
static int passkey_stage(amble__pairing *p)
{
    int r = agree_on_passkey(p);

    for (p->round = 0; r >= 0 && p->round < AMBLE__SMP_ROUNDS; p->round++)
        if ((r = prove(p)) < 0)
            return r;
    return r;
}

/* 2.3.5.6.2 and 2.3.5.6.4: only the responder commits itself; out of band both have done so already. */
static int random_stage(amble__pairing *p)
{
    const bool out_of_band = p->method == AMBLE__METHOD_OUT_OF_BAND;
    int r = out_of_band ? amble__pairing_verify_oob(p) : expect(p, AMBLE__SMP_CONFIRM, p->secret.peer_confirm, KEY);

    if (r < 0 || (r = amble__pairing_new_random(p)) < 0)
        return r;
    amble__pairing_send(p, AMBLE__SMP_RANDOM, p->secret.own_random, KEY);
    r = expect(p, AMBLE__SMP_RANDOM, p->secret.peer_random, KEY);
    return r < 0 || out_of_band ? r : amble__pairing_verify(p);
}

static int compare_digits(amble__pairing *p)
{
    uint32_t digits;
    int r = amble__pairing_digits(p, &digits);

    return r < 0 ? r : answer(p, AMBLE_PROMPT_COMPARE, digits);
}

/* 2.3.5.6.5: both prove that they have the same key and heard the same features. */
static int exchange_checks(amble__pairing *p)
{
    uint8_t own[KEY], peer[KEY], expected[KEY];
    int r = amble__pairing_check(p, true, own);

    if (r < 0)
        return r;
    amble__pairing_send(p, AMBLE__SMP_DHKEY_CHECK, own, KEY);
    if ((r = expect(p, AMBLE__SMP_DHKEY_CHECK, peer, KEY)) < 0 || (r = amble__pairing_check(p, false, expected)) < 0)
        return r;
    return amble__equal_constant_time(peer, expected, KEY) ? 0 : AMBLE_ERR_SMP(AMBLE__SMP_CHECK_FAILED);
}

static int secure_phase(amble__pairing *p)
{
    const bool passkey = p->method == AMBLE__METHOD_SHOW || p->method == AMBLE__METHOD_ENTER;
    int r = exchange_public_keys(p);

    if (r < 0 || (r = passkey ? passkey_stage(p) : random_stage(p)) < 0 || (r = amble__pairing_derive(p)) < 0 ||
        (p->method == AMBLE__METHOD_COMPARE && (r = compare_digits(p)) < 0))
        return r;
    return exchange_checks(p);
}

/* --- phase 3: encryption, and keys to be kept --------------------------------------------------------------------- */
static int encrypt(amble__pairing *p)
{
    const amble__link_security level = amble__pairing_level(p);
    amble__bond_key key = {.present = true};
    int r = 0;

    memcpy(key.value, p->secret.key, KEY);
    amble__smp_encrypt(p->link, &key, &level);
    amble__wipe(&key, sizeof key);
    while (r >= 0 && !p->over && p->link->encrypting)
        r = wait_event(p);
    if (p->over)
        return p->over;
    return r < 0 ? r : p->link->encryption_error;
}

/* The last that is said is this side's. The bond is kept when the peripheral's controller has it: a peripheral that has
 * a bond alone is paired with again, a central that has one alone would find out on every link that it is of no use.
 * Whoever else sends on the link may be waited for in vain, so not for long. */
static int wait_until_heard(amble__pairing *p)
{
    amble_connection *conn = p->link->conn;
    const uint64_t deadline = amble__deadline(HEARD_MS);
    int r = 0;

    while (!p->over && r == 0 && !amble__acl_idle(&conn->acl))
        r = amble__link_wait(conn, &conn->acl.drained, deadline);
    if (p->over)
        return p->over;
    return r == AMBLE_ERR_TIMEOUT ? 0 : r;
}

static int exchange_keys(amble__pairing *p)
{
    const bool gives = p->own_keys;
    uint8_t pdu[AMBLE__SMP_PDU];
    int r = 0;

    while (p->peer_keys && r >= 0) {
        r = next_pdu(p, pdu);
        if (r >= 0)
            r = amble__transfer_take(p, pdu, (size_t)r);
        amble__wipe(pdu, sizeof pdu);
    }
    if (r < 0 || (r = amble__transfer_give(p)) < 0 || (gives && (r = wait_until_heard(p)) < 0))
        return r;
    return p->over ? p->over : amble__transfer_keep(p);
}

int amble__initiator_run(amble__pairing *p)
{
    int r = exchange_features(p);

    if (r < 0 || (r = p->secure ? secure_phase(p) : legacy_phase(p)) < 0 || (r = encrypt(p)) < 0 ||
        (r = exchange_keys(p)) < 0)
        return r;
    return 0;
}
