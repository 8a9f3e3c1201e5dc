/* The responder of a pairing: the peripheral. A table by what is waited for, fed by the receive path, by answers, by
 * the service task that computes P-256, and by the controller that encrypts (Vol 3 Part H 2.3 to 2.4, 3.5, 3.6).
 * Nothing in here waits, with ciphers of the port.
 *
 * Where the controller computes, every step is taken by the task that computes (amble__responder_serve), and may wait;
 * what comes meanwhile is kept: one PDU, which is all that an honest peer sends before it has its answer, and that
 * there is an answer.
 *
 * Each step leaves the state for what comes next, or ends the pairing with a reason. After anything was computed or
 * sent the pairing may be over, because the link was lost meanwhile; so sending is the last that a step does with its
 * context. */
#include "smp/smp.h"

enum { KEY = 16, PUBLIC_KEY = 64 };

static void fail(amble__pairing *p, int error) { amble__pairing_end(p, error, true); }

static bool uses_passkey(const amble__pairing *p)
{
    return p->method == AMBLE__METHOD_SHOW || p->method == AMBLE__METHOD_ENTER;
}

static int show_or_ask_passkey(amble__pairing *p)
{
    if (p->method == AMBLE__METHOD_SHOW)
        return amble__prompt_show(p);
    if (p->method == AMBLE__METHOD_ENTER)
        amble__prompt_question(p, AMBLE_PROMPT_ENTER, 0);
    return 0;
}

/* --- phase 1 ------------------------------------------------------------------------------------------------------ */
static void respond(amble__pairing *p)
{
    int r;

    amble__pairing_offer(p, p->sides.response);
    r = amble__pairing_agree(p);
    if (r == 0 && !p->secure)
        r = show_or_ask_passkey(p);
    if (r < 0) {
        fail(p, r);
        return;
    }
    p->state = p->secure ? AMBLE__RESPONDER_PUBLIC_KEY : AMBLE__RESPONDER_CONFIRM;
    amble__pairing_send(p, AMBLE__SMP_PAIRING_RESPONSE, p->sides.response + 1, AMBLE__SMP_FEATURES - 1);
}

/* What has to be asked before the response, one after the other. */
static void ask_or_respond(amble__pairing *p)
{
    p->state = AMBLE__RESPONDER_ASKED;
    if (p->options.ask) {
        p->options.ask = false;
        amble__prompt_question(p, AMBLE_PROMPT_ALLOW, 0);
    } else if (p->options.out_of_band) {
        p->options.out_of_band = false;
        amble__prompt_question(p, AMBLE_PROMPT_OUT_OF_BAND, 0);
    } else {
        respond(p);
    }
}

void amble__responder_begin(amble__smp_link *link, const uint8_t *data)
{
    amble__smp *smp = amble__smp_of(link->conn->host);
    const amble_pair_options *options = link->has_options ? &link->options : &smp->options;
    amble__pairing *p;

    if (options->refuse) {
        amble__smp_refuse(link->conn, AMBLE__SMP_NOT_SUPPORTED);
        return;
    }
    if (amble__smp_must_wait(smp, link->conn->peer_address)) {
        amble__smp_refuse(link->conn, AMBLE__SMP_REPEATED_ATTEMPTS);
        return;
    }
    p = amble__pairing_begin(link, false, options);
    if (!p) {
        amble__smp_refuse(link->conn, AMBLE__SMP_BUSY);
        return;
    }
    memcpy(p->sides.request, data, AMBLE__SMP_FEATURES);
    p->state = AMBLE__RESPONDER_ASKED;
    amble__responder_answered(p); /* nothing was asked yet */
}

/* --- phase 2 ------------------------------------------------------------------------------------------------------ */
/* Tells the task that computes for responders. */
static void wake(const amble__pairing *p)
{
    if (amble__cipher_waits(&p->smp->cipher))
        amble_event_set(&p->smp->compute);
    else
        p->smp->work(p->smp->host);
}

static void take_public_key(amble__pairing *p, const uint8_t *data)
{
    memcpy(p->secret.peer_public, data, PUBLIC_KEY);
    p->state = AMBLE__RESPONDER_COMPUTING;
    p->compute_wanted = true;
    wake(p);
}

static void send_confirm(amble__pairing *p)
{
    uint8_t confirm[KEY];
    int r = amble__pairing_new_random(p);

    if (r == 0)
        r = amble__pairing_confirm(p, true, confirm);
    if (r < 0) {
        fail(p, r);
        return;
    }
    p->state = AMBLE__RESPONDER_RANDOM;
    amble__pairing_send(p, AMBLE__SMP_CONFIRM, confirm, KEY);
}

void amble__responder_computed(amble__pairing *p, int result)
{
    int r = result;

    if (r == 0 && p->method == AMBLE__METHOD_OUT_OF_BAND)
        r = amble__pairing_verify_oob(p);
    if (r == 0)
        r = show_or_ask_passkey(p);
    if (r < 0) {
        fail(p, r);
        return;
    }
    p->state = uses_passkey(p) ? AMBLE__RESPONDER_CONFIRM : AMBLE__RESPONDER_RANDOM;
    amble__pairing_send(p, AMBLE__SMP_PUBLIC_KEY, p->secret.own_public, PUBLIC_KEY);
    if (p->link && !uses_passkey(p) && p->method != AMBLE__METHOD_OUT_OF_BAND)
        send_confirm(p);
}

static void take_confirm(amble__pairing *p, const uint8_t *data)
{
    memcpy(p->secret.peer_confirm, data, KEY);
    if (uses_passkey(p) && !p->has_passkey)
        p->state = AMBLE__RESPONDER_PASSKEY;
    else
        send_confirm(p);
}

/* The last random of Secure Connections: there is a key now, and perhaps a question. */
static void conclude_randoms(amble__pairing *p)
{
    uint32_t digits = 0;
    int r = amble__pairing_derive(p);

    if (r == 0 && p->method == AMBLE__METHOD_COMPARE)
        r = amble__pairing_digits(p, &digits);
    if (r < 0) {
        fail(p, r);
        return;
    }
    p->state = AMBLE__RESPONDER_CHECK;
    if (p->method == AMBLE__METHOD_COMPARE)
        amble__prompt_question(p, AMBLE_PROMPT_COMPARE, digits);
    amble__pairing_send(p, AMBLE__SMP_RANDOM, p->secret.own_random, KEY);
}

static void take_random(amble__pairing *p, const uint8_t *data)
{
    const bool committed = !p->secure || uses_passkey(p);
    int r = 0;

    memcpy(p->secret.peer_random, data, KEY);
    if (p->method == AMBLE__METHOD_OUT_OF_BAND && p->secure)
        r = amble__pairing_new_random(p);
    if (r == 0 && committed)
        r = amble__pairing_verify(p);
    if (r == 0 && !p->secure)
        r = amble__pairing_derive(p);
    if (r < 0) {
        fail(p, r);
    } else if (!p->secure) {
        p->state = AMBLE__RESPONDER_ENCRYPTION;
        amble__pairing_send(p, AMBLE__SMP_RANDOM, p->secret.own_random, KEY);
    } else if (uses_passkey(p) && ++p->round < AMBLE__SMP_ROUNDS) {
        p->state = AMBLE__RESPONDER_CONFIRM;
        amble__pairing_send(p, AMBLE__SMP_RANDOM, p->secret.own_random, KEY);
    } else {
        conclude_randoms(p);
    }
}

static void send_check(amble__pairing *p)
{
    uint8_t check[KEY];
    int r = amble__pairing_check(p, true, check);

    if (r < 0) {
        fail(p, r);
        return;
    }
    p->state = AMBLE__RESPONDER_ENCRYPTION;
    amble__pairing_send(p, AMBLE__SMP_DHKEY_CHECK, check, KEY);
}

static void take_check(amble__pairing *p, const uint8_t *data)
{
    uint8_t expected[KEY];
    int r = amble__pairing_check(p, false, expected);

    if (r == 0 && !amble__equal_constant_time(expected, data, KEY))
        r = AMBLE_ERR_SMP(AMBLE__SMP_CHECK_FAILED);
    if (r < 0)
        fail(p, r);
    else if (p->method == AMBLE__METHOD_COMPARE && !p->answered)
        p->state = AMBLE__RESPONDER_COMPARED;
    else
        send_check(p);
}

static void go_on_answered(amble__pairing *p)
{
    if (p->state == AMBLE__RESPONDER_ASKED)
        ask_or_respond(p);
    else if (p->state == AMBLE__RESPONDER_PASSKEY)
        send_confirm(p);
    else if (p->state == AMBLE__RESPONDER_COMPARED)
        send_check(p);
}

void amble__responder_answered(amble__pairing *p)
{
    if (!amble__cipher_waits(&p->smp->cipher)) {
        go_on_answered(p);
        return;
    }
    p->answer_wanted = true;
    wake(p);
}

/* --- phase 3 ------------------------------------------------------------------------------------------------------ */
static void conclude_if_done(amble__pairing *p)
{
    int r;

    if (!p->link || p->own_keys || p->peer_keys)
        return;
    r = amble__transfer_keep(p);
    amble__pairing_end(p, r, true);
}

static void give_keys(amble__pairing *p)
{
    int r = amble__transfer_give(p);

    if (r < 0)
        fail(p, r);
    conclude_if_done(p);
}

void amble__responder_encrypted(amble__pairing *p)
{
    p->state = AMBLE__RESPONDER_KEYS;
    if (!amble__cipher_waits(&p->smp->cipher)) {
        give_keys(p);
        return;
    }
    p->give_wanted = true;
    wake(p);
}

/* --- receiving ---------------------------------------------------------------------------------------------------- */
static void handle(amble__pairing *p, const uint8_t *data, size_t size)
{
    static const uint8_t wanted[] = {
        [AMBLE__RESPONDER_PUBLIC_KEY] = AMBLE__SMP_PUBLIC_KEY,
        [AMBLE__RESPONDER_CONFIRM] = AMBLE__SMP_CONFIRM,
        [AMBLE__RESPONDER_RANDOM] = AMBLE__SMP_RANDOM,
        [AMBLE__RESPONDER_CHECK] = AMBLE__SMP_DHKEY_CHECK,
        [AMBLE__RESPONDER_KEYS] = 0,
    };
    int r = AMBLE_ERR_SMP(AMBLE__SMP_UNSPECIFIED);

    if (p->state == AMBLE__RESPONDER_KEYS && (r = amble__transfer_take(p, data, size)) == 0) {
        conclude_if_done(p);
        return;
    }
    if (p->state >= sizeof wanted || wanted[p->state] != data[0]) {
        fail(p, r); /* not its turn */
        return;
    }
    switch (p->state) {
    case AMBLE__RESPONDER_PUBLIC_KEY:
        take_public_key(p, data + 1);
        break;
    case AMBLE__RESPONDER_CONFIRM:
        take_confirm(p, data + 1);
        break;
    case AMBLE__RESPONDER_RANDOM:
        take_random(p, data + 1);
        break;
    default:
        take_check(p, data + 1);
    }
}

void amble__responder_receive(amble__pairing *p, const uint8_t *data, size_t size)
{
    if (!amble__cipher_waits(&p->smp->cipher) || p->state == AMBLE__RESPONDER_KEYS) {
        handle(p, data, size); /* keys are only stored */
    } else if (p->inbox_size || p->served || p->compute_wanted) {
        fail(p, AMBLE_ERR_SMP(AMBLE__SMP_UNSPECIFIED)); /* not its turn: it has no answer yet */
    } else {
        memcpy(p->inbox, data, size); /* its length was checked when it came */
        p->inbox_size = size;
        wake(p);
    }
}

/* --- where the controller computes -------------------------------------------------------------------------------- */
/* One of the steps that are to be taken; false when there is none, or none is possible yet. */
static bool step(amble__pairing *p)
{
    uint8_t pdu[AMBLE__SMP_PDU];
    int r;

    if (!p->link)
        return false;
    if (p->compute_wanted && !amble__cipher_taken(&p->smp->cipher, &p->over)) {
        p->compute_wanted = false;
        r = amble__pairing_own_key(p);
        amble__responder_computed(p, r < 0 ? r : amble__pairing_shared_key(p));
    } else if (p->give_wanted) {
        p->give_wanted = false;
        give_keys(p);
    } else if (p->answer_wanted) {
        p->answer_wanted = false;
        go_on_answered(p);
    } else if (p->inbox_size) {
        const size_t size = p->inbox_size;

        memcpy(pdu, p->inbox, size);
        amble__wipe(p->inbox, size);
        p->inbox_size = 0;
        handle(p, pdu, size);
        amble__wipe(pdu, sizeof pdu);
    } else {
        return false;
    }
    return true;
}

void amble__responder_serve(amble__pairing *p)
{
    p->served = true;
    while (step(p))
        ;
    p->served = false;
    if (!p->link)
        p->used = false; /* it ended in the middle of a step */
}
