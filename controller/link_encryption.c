/* Encryption of a link: start, pause and restart, and the authenticated payload timeout: see link_encryption.h.
 *
 * Each side has one PDU of the procedure's under way at a time, which goes before everything else; data and other
 * control PDUs are held until the procedure is over. Sending and receiving become encrypted one after the other, each
 * at the moment after which the peer cannot mistake a packet; what nobody may send then ends the link, since it may be
 * forged. Invariant: packet counters begin at 0 with each session key and never repeat with it. */
#include "controller/hci_codes.h"
#include "controller/hci_events.h"
#include "controller/link_control.h"
#include "controller/state.h"

#define HALF_KEY (AMBLE__LL_KEY / 2)
#define HALF_IV  (AMBLE__CCM_IV / 2)
#define TIMEOUT  3000 /* 30 s: Vol 4, Part E, 7.3.94 */

static amble__air *air_of(const amble__ll_link *link) { return link->activity.controller->air; }

/* --- sending ------------------------------------------------------------------------------------------------------ */

static void send(amble__ll_link *link, const amble__writer *w)
{
    amble__ll_encryption *e = &link->encryption;

    e->pdu_size = (uint8_t)amble__written_size(w);
    memcpy(e->pdu, w->start, e->pdu_size);
    e->pdu_waiting = true;
    amble__ll_link_wake(link);
}

static void send_opcode(amble__ll_link *link, uint8_t opcode)
{
    uint8_t bytes[AMBLE__LL_CONTROL_SIZE];
    const amble__writer w = amble__ll_control_begin(bytes, opcode);

    send(link, &w);
}

/* A peer that is not known to understand LL_REJECT_EXT_IND gets the old one. */
static void send_rejection(amble__ll_link *link, uint8_t reason)
{
    const bool extended = link->features_known && (link->peer_features & AMBLE__LL_FEATURE_EXTENDED_REJECT);
    uint8_t bytes[AMBLE__LL_CONTROL_SIZE];
    amble__writer w = amble__ll_control_begin(bytes, extended ? LL_REJECT_EXT_IND : LL_REJECT_IND);

    if (extended)
        amble__write_u8(&w, LL_ENC_REQ);
    amble__write_u8(&w, reason);
    send(link, &w);
}

bool amble__ll_encryption_holds(const amble__ll_link *link) { return link->encryption.step; }

bool amble__ll_encryption_lets_terminate(const amble__ll_link *link)
{
    return link->encryption.step != AMBLE__LL_ENCRYPTION_STARTING &&
           link->encryption.step != AMBLE__LL_ENCRYPTION_PAUSING;
}

/* --- keys --------------------------------------------------------------------------------------------------------- */

void amble__ll_encryption_init(amble__ll_link *link)
{
    link->encryption.timeout = TIMEOUT;
    link->authentication_timer.fire = amble__ll_encryption_timer;
}

void amble__ll_encryption_wipe(amble__ll_link *link) { amble__wipe(&link->encryption, sizeof link->encryption); }

static void turn_round(uint8_t to[AMBLE__LL_KEY], const uint8_t from[AMBLE__LL_KEY])
{
    for (int i = 0; i < AMBLE__LL_KEY; i++)
        to[i] = from[AMBLE__LL_KEY - 1 - i];
}

/* The session key: both halves of the diversifier under the long term key (5.1.3.1). */
static void derive_session_key(amble__ll_encryption *e)
{
    uint8_t secret[AMBLE__LL_KEY], session[AMBLE__LL_KEY];
    amble__aes_key long_term;

    turn_round(secret, e->long_term_key);
    turn_round(session, e->session_diversifier);
    (void)amble__aes_expand(&long_term, secret); /* every 16 octets are a key */
    amble__aes_encrypt(&long_term, session, session);
    (void)amble__aes_expand(&e->key, session);
    amble__aes_wipe(&long_term);
    amble__wipe(secret, sizeof secret);
    amble__wipe(session, sizeof session);
    amble__wipe(e->long_term_key, sizeof e->long_term_key);
}

static void seal_from_now(amble__ll_encryption *e)
{
    e->sealing = true;
    e->sent = 0;
}
static void open_from_now(amble__ll_encryption *e)
{
    e->opening = true;
    e->received = 0;
}

static amble__ccm_nonce nonce_of(const amble__ll_link *link, uint64_t counter, bool from_central)
{
    return (amble__ccm_nonce){.counter = counter, .from_central = from_central, .iv = link->encryption.iv};
}

void amble__ll_encryption_seal(const amble__ll_link *link, uint8_t header, const uint8_t *in, size_t size, uint8_t *out)
{
    const amble__ccm_nonce nonce = nonce_of(link, link->encryption.sent, link->role == AMBLE__LL_CENTRAL);

    amble__ccm_seal(&link->encryption.key, &nonce, header, in, size, out);
}

bool amble__ll_encryption_open(amble__ll_link *link, uint8_t header, const uint8_t *in, size_t size, uint8_t *out)
{
    const amble__ccm_nonce nonce = nonce_of(link, link->encryption.received, link->role == AMBLE__LL_PERIPHERAL);

    if (!amble__ccm_open(&link->encryption.key, &nonce, header, in, size, out))
        return false;
    link->encryption.authenticated_us = amble__air_now(air_of(link));
    return true;
}

/* --- what may come ------------------------------------------------------------------------------------------------ */

/* The one opcode that goes on from here; -1 when it is not the peer's turn. */
static int next_opcode(const amble__ll_link *link)
{
    switch (link->encryption.step) {
    case AMBLE__LL_ENCRYPTION_ASKED:
        return LL_ENC_RSP;
    case AMBLE__LL_ENCRYPTION_ANSWERED:
        return LL_START_ENC_REQ;
    case AMBLE__LL_ENCRYPTION_STARTED:
    case AMBLE__LL_ENCRYPTION_STARTING:
        return LL_START_ENC_RSP;
    case AMBLE__LL_ENCRYPTION_PAUSE_ASKED:
    case AMBLE__LL_ENCRYPTION_PAUSING:
        return LL_PAUSE_ENC_RSP;
    case AMBLE__LL_ENCRYPTION_PAUSED:
        return LL_ENC_REQ;
    default:
        return -1;
    }
}

/* A peripheral may go on with what it was about until it answers; a central may be refused. */
bool amble__ll_encryption_permits(const amble__ll_link *link, bool is_control, const uint8_t *payload)
{
    const amble__ll_encryption *e = &link->encryption;
    const bool asked = e->step == AMBLE__LL_ENCRYPTION_ASKED, answered = e->step == AMBLE__LL_ENCRYPTION_ANSWERED;

    if (!e->step || e->step == AMBLE__LL_ENCRYPTION_PAUSE_ASKED || (asked && !e->restart))
        return true;
    if (!is_control)
        return false;
    if (payload[0] == LL_TERMINATE_IND || payload[0] == next_opcode(link))
        return true;
    return (asked || answered) && (payload[0] == LL_REJECT_IND || payload[0] == LL_REJECT_EXT_IND);
}

/* Outside its turn an opcode means nothing. */
static bool is_next(amble__ll_link *link, uint8_t opcode)
{
    if (next_opcode(link) == opcode)
        return true;
    amble__ll_control_send_octet(link, LL_UNKNOWN_RSP, opcode);
    return false;
}

/* --- both sides --------------------------------------------------------------------------------------------------- */

static void watch_payloads(amble__ll_link *link)
{
    link->encryption.authenticated_us = amble__air_now(air_of(link));
    amble__ll_encryption_set_timeout(link, link->encryption.timeout);
}

static void tell_host(amble__ll_link *link, uint8_t status)
{
    if (link->encryption.restart)
        amble__hc_key_refreshed(link, status);
    else
        amble__hc_encryption_change(link, status);
}

static void done(amble__ll_link *link)
{
    link->encryption.step = AMBLE__LL_ENCRYPTION_REST;
    watch_payloads(link);
    if (link->role == AMBLE__LL_PERIPHERAL)
        tell_host(link, HC_SUCCESS);
    amble__ll_control_finish_either(link, AMBLE__LL_PROCEDURE_ENCRYPTION, HC_SUCCESS);
}

void amble__ll_encryption_finished(amble__ll_link *link, uint8_t status) { tell_host(link, status); }

/* --- central ------------------------------------------------------------------------------------------------------ */

static void ask(amble__ll_link *link)
{
    amble__ll_encryption *e = &link->encryption;
    uint8_t bytes[AMBLE__LL_CONTROL_SIZE];
    amble__writer w = amble__ll_control_begin(bytes, LL_ENC_REQ);

    e->step = AMBLE__LL_ENCRYPTION_ASKED;
    amble__random_bytes(amble__air_random(air_of(link)), e->session_diversifier, HALF_KEY);
    amble__random_bytes(amble__air_random(air_of(link)), e->iv, HALF_IV);
    amble__write_bytes(&w, e->random, sizeof e->random);
    amble__write_bytes(&w, e->diversifier, sizeof e->diversifier);
    amble__write_bytes(&w, e->session_diversifier, HALF_KEY);
    amble__write_bytes(&w, e->iv, HALF_IV);
    send(link, &w);
}

void amble__ll_encryption_start(amble__ll_link *link)
{
    amble__ll_encryption *e = &link->encryption;

    e->restart = e->sealing;
    if (!e->restart) {
        ask(link);
        return;
    }
    e->step = AMBLE__LL_ENCRYPTION_PAUSE_ASKED;
    send_opcode(link, LL_PAUSE_ENC_REQ);
}

int amble__ll_encryption_request(const amble__ll_link *link)
{
    return link->encryption.step == AMBLE__LL_ENCRYPTION_PAUSE_ASKED ? LL_PAUSE_ENC_REQ : LL_ENC_REQ;
}

/* A link that was encrypted does not go on without. */
bool amble__ll_encryption_refused(amble__ll_link *link, uint8_t status)
{
    amble__wipe(link->encryption.long_term_key, AMBLE__LL_KEY);
    if (link->encryption.restart && !link->encryption.sealing) {
        amble__ll_link_close(link, status);
        return false;
    }
    link->encryption.step = AMBLE__LL_ENCRYPTION_REST;
    return true;
}

void amble__ll_enc_rsp(amble__ll_link *link, amble__reader *in)
{
    amble__ll_encryption *e = &link->encryption;

    if (!is_next(link, LL_ENC_RSP))
        return;
    amble__read_copy(in, e->session_diversifier + HALF_KEY, HALF_KEY);
    amble__read_copy(in, e->iv + HALF_IV, HALF_IV);
    derive_session_key(e);
    e->step = AMBLE__LL_ENCRYPTION_ANSWERED;
    amble__ll_control_goes_on(link);
}

void amble__ll_start_enc_req(amble__ll_link *link, amble__reader *in)
{
    amble__ll_encryption *e = &link->encryption;

    (void)in;
    if (!is_next(link, LL_START_ENC_REQ))
        return;
    seal_from_now(e);
    open_from_now(e);
    e->step = AMBLE__LL_ENCRYPTION_STARTED;
    send_opcode(link, LL_START_ENC_RSP);
    amble__ll_control_goes_on(link);
}

/* --- peripheral --------------------------------------------------------------------------------------------------- */

/* The host has answered and LL_ENC_RSP has arrived: what comes next can be sent. */
static void go_on_with_key(amble__ll_link *link)
{
    amble__ll_encryption *e = &link->encryption;

    if (e->step != AMBLE__LL_ENCRYPTION_KEY_WANTED || e->pdu_waiting || !e->host_answered)
        return;
    if (e->key_known) {
        derive_session_key(e);
        e->step = AMBLE__LL_ENCRYPTION_STARTING;
        send_opcode(link, LL_START_ENC_REQ);
        amble__ll_control_peer_began(link, AMBLE__LL_PROCEDURE_ENCRYPTION);
        return;
    }
    amble__ll_control_peer_ended(link);
    if (e->restart) { /* what was encrypted does not go on without: 5.1.3.2 */
        link->terminate_reason = HC_KEY_MISSING;
        amble__ll_control_want(link, AMBLE__LL_PROCEDURE_TERMINATE, false);
    } else {
        e->step = AMBLE__LL_ENCRYPTION_REST;
        send_rejection(link, HC_KEY_MISSING);
    }
    amble__ll_control_next(link);
}

bool amble__ll_encryption_key(amble__ll_link *link, const uint8_t *long_term_key)
{
    amble__ll_encryption *e = &link->encryption;

    if (e->step != AMBLE__LL_ENCRYPTION_KEY_WANTED || e->host_answered)
        return false;
    e->host_answered = true;
    e->key_known = long_term_key;
    if (long_term_key)
        memcpy(e->long_term_key, long_term_key, AMBLE__LL_KEY);
    return true;
}

void amble__ll_encryption_key_given(amble__ll_link *link) { go_on_with_key(link); }

void amble__ll_enc_req(amble__ll_link *link, amble__reader *in)
{
    amble__ll_encryption *e = &link->encryption;
    uint8_t bytes[AMBLE__LL_CONTROL_SIZE];
    amble__writer w = amble__ll_control_begin(bytes, LL_ENC_RSP);

    if ((e->step || e->opening) && !is_next(link, LL_ENC_REQ))
        return;
    e->restart = e->step == AMBLE__LL_ENCRYPTION_PAUSED;
    e->step = AMBLE__LL_ENCRYPTION_KEY_WANTED;
    e->host_answered = false;
    amble__read_copy(in, e->random, sizeof e->random);
    amble__read_copy(in, e->diversifier, sizeof e->diversifier);
    amble__read_copy(in, e->session_diversifier, HALF_KEY);
    amble__read_copy(in, e->iv, HALF_IV);
    amble__random_bytes(amble__air_random(air_of(link)), e->session_diversifier + HALF_KEY, HALF_KEY);
    amble__random_bytes(amble__air_random(air_of(link)), e->iv + HALF_IV, HALF_IV);
    amble__write_bytes(&w, e->session_diversifier + HALF_KEY, HALF_KEY);
    amble__write_bytes(&w, e->iv + HALF_IV, HALF_IV);
    send(link, &w);
    amble__ll_control_peer_began(link, AMBLE__LL_PROCEDURE_ENCRYPTION);
    if (amble__hc_le_event_wanted(link->activity.controller, HC_LE_LONG_TERM_KEY_REQUEST))
        amble__hc_long_term_key_request(link);
    else
        (void)amble__ll_encryption_key(link, NULL); /* it was just asked for, so the answer is taken */
}

void amble__ll_pause_enc_req(amble__ll_link *link, amble__reader *in)
{
    amble__ll_encryption *e = &link->encryption;

    (void)in;
    if (e->step || !e->sealing) {
        amble__ll_control_send_octet(link, LL_UNKNOWN_RSP, LL_PAUSE_ENC_REQ);
        return;
    }
    e->step = AMBLE__LL_ENCRYPTION_PAUSING;
    send_opcode(link, LL_PAUSE_ENC_RSP);
    amble__ll_control_peer_began(link, AMBLE__LL_PROCEDURE_ENCRYPTION);
}

/* --- PDUs of both ------------------------------------------------------------------------------------------------- */

void amble__ll_pause_enc_rsp(amble__ll_link *link, amble__reader *in)
{
    amble__ll_encryption *e = &link->encryption;

    (void)in;
    if (!is_next(link, LL_PAUSE_ENC_RSP))
        return;
    e->sealing = false;
    amble__air_disarm(air_of(link), &link->authentication_timer);
    if (link->role == AMBLE__LL_PERIPHERAL) {
        e->step = AMBLE__LL_ENCRYPTION_PAUSED;
        return;
    }
    e->opening = false;
    e->step = AMBLE__LL_ENCRYPTION_PAUSE_AGREED;
    send_opcode(link, LL_PAUSE_ENC_RSP);
    amble__ll_control_goes_on(link);
}

void amble__ll_start_enc_rsp(amble__ll_link *link, amble__reader *in)
{
    (void)in;
    if (!is_next(link, LL_START_ENC_RSP))
        return;
    if (link->role == AMBLE__LL_PERIPHERAL) {
        seal_from_now(&link->encryption);
        send_opcode(link, LL_START_ENC_RSP);
    }
    done(link);
}

/* The acknowledgement of our last plain PDU comes with or before the first encrypted one, and the other way round. */
void amble__ll_encryption_acknowledged(amble__ll_link *link)
{
    amble__ll_encryption *e = &link->encryption;

    e->pdu_waiting = false;
    if (e->step == AMBLE__LL_ENCRYPTION_PAUSE_AGREED)
        ask(link);
    else if (e->step == AMBLE__LL_ENCRYPTION_PAUSING)
        e->opening = false;
    else if (e->step == AMBLE__LL_ENCRYPTION_STARTING)
        open_from_now(e);
    else
        go_on_with_key(link);
}

/* --- authenticated payloads: 5.4, 4.6 ----------------------------------------------------------------------------- */

static uint64_t timeout_us(const amble__ll_link *link)
{
    return link->encryption.timeout * (uint64_t)AMBLE__LL_TIMEOUT_UNIT_US;
}

void amble__ll_encryption_set_timeout(amble__ll_link *link, uint16_t timeout)
{
    link->encryption.timeout = timeout;
    if (link->encryption.sealing)
        amble__air_arm(air_of(link), &link->authentication_timer,
                       link->encryption.authenticated_us + timeout_us(link) / 2);
}

/* The timer is not moved with each packet: when it fires, it looks when the last one came. Half of the time may pass
 * before the peer is asked for a packet. */
void amble__ll_encryption_timer(amble__timer *timer)
{
    amble__ll_link *link = amble__container(timer, amble__ll_link, authentication_timer);
    amble__ll_encryption *e = &link->encryption;
    const uint64_t now = amble__air_now(air_of(link));
    uint64_t whole = e->authenticated_us + timeout_us(link), half = e->authenticated_us + timeout_us(link) / 2;

    if (now >= whole) {
        e->authenticated_us = now;
        amble__hc_authenticated_payload_timeout(link);
        whole = now + timeout_us(link);
        half = now + timeout_us(link) / 2;
    }
    if (now < half) {
        amble__air_arm(air_of(link), timer, half);
        return;
    }
    amble__air_arm(air_of(link), timer, whole);
    if (e->pinged_us == e->authenticated_us)
        return;
    e->pinged_us = e->authenticated_us;
    amble__ll_control_want(link, AMBLE__LL_PROCEDURE_PING, false);
    amble__ll_control_next(link);
}
