/* What both sides of a pairing share: the context, the features, the keys, the values that prove them, and the end.
 *
 * Invariants: a context is used by one link at a time, and a link has at most one; `link` is NULL exactly when it is
 * over or free; what is secret in it is zero from the end on. A packet of a context may outlive the pairing by the time
 * the controller needs to send it; the context is not given out again before that. */
#include "core/log.h"
#include "smp/smp.h"
#include "task/scheduler.h"

enum { DEFAULT_KEY_SIZE = 16, LEAST_KEY_SIZE = 7, COORDINATE = 32, RANDOM = 16 };

/* --- options ------------------------------------------------------------------------------------------------------ */
static uint8_t least_key_size(const amble_pair_options *o)
{
    return o->secure_only || !o->key_size_min ? DEFAULT_KEY_SIZE : o->key_size_min;
}
static uint8_t most_key_size(const amble_pair_options *o)
{
    return o->key_size_max ? o->key_size_max : DEFAULT_KEY_SIZE;
}

bool amble__pair_options_good(const amble_pair_options *o)
{
    return o->io <= AMBLE_IO_KEYBOARD_DISPLAY && least_key_size(o) >= LEAST_KEY_SIZE &&
           least_key_size(o) <= most_key_size(o) && most_key_size(o) <= DEFAULT_KEY_SIZE &&
           o->passkey < AMBLE__SMP_PASSKEYS && !(o->secure_only && o->legacy_only);
}

bool amble__security_suffices(const amble__link_security *security, const amble_pair_options *o)
{
    return security->encrypted && (security->authenticated || !o->mitm) &&
           (security->secure_connections || !o->secure_only) && (security->bonded || o->no_bond) &&
           security->key_size >= least_key_size(o);
}

/* --- beginning and end -------------------------------------------------------------------------------------------- */
static bool is_free(const amble__pairing *p)
{
    if (p->used || p->long_packet.busy)
        return false;
    for (int i = 0; i < AMBLE__SMP_SHORT_PACKETS; i++)
        if (p->short_packets[i].busy)
            return false;
    return true;
}

static void time_is_over(amble__timer *timer)
{
    amble__pairing *p = amble__container(timer, amble__pairing, timer);

    p->link->exhausted = true;
    amble__pairing_end(p, AMBLE_ERR_PAIRING_TIMEOUT, false); /* nothing more may be sent, 3.4 */
}

static void restart_timer(amble__pairing *p)
{
    p->timer.fire = time_is_over;
    amble__timer_start(&p->timer, amble__deadline(AMBLE__SMP_TIMEOUT_MS));
}

static void forget_agreement(amble__pairing *p)
{
    memset(&p->sides, 0, sizeof p->sides);
    p->secure = p->authenticated = p->bonding = p->compute_wanted = false;
    p->method = AMBLE__METHOD_JUST_WORKS;
    p->key_size = p->own_keys = p->peer_keys = p->round = 0;
    p->question = 0;
    p->proving = p->answered = p->has_passkey = p->has_peer_data = p->has_own_public = false;
    p->answer_wanted = p->give_wanted = false;
    p->inbox_size = 0;
    amble__wipe(&p->passkey, sizeof p->passkey);
    amble__wipe(&p->secret, sizeof p->secret);
    amble__wipe(p->inbox, sizeof p->inbox);
}

amble__pairing *amble__pairing_begin(amble__smp_link *link, bool initiator, const amble_pair_options *options)
{
    amble__smp *smp = amble__smp_of(link->conn->host);
    amble__pairing *p = NULL;

    for (size_t i = 0; i < smp->pairing_count && !p; i++)
        if (is_free(&smp->pairings[i]))
            p = &smp->pairings[i];
    if (!p)
        return NULL;
    forget_agreement(p);
    p->used = true;
    p->served = false;
    p->over = 0;
    p->initiator = initiator;
    p->options = *options;
    p->smp = smp;
    p->link = link;
    link->pairing = p;
    p->sides.initiator = initiator ? link->conn->own_address : link->conn->peer_address;
    p->sides.responder = initiator ? link->conn->peer_address : link->conn->own_address;
    restart_timer(p);
    return p;
}

void amble__smp_refuse(amble_connection *conn, uint8_t reason)
{
    amble__packet *reply = &conn->l2cap->security_reply;

    if (reply->busy)
        return; /* it asks faster than answers leave */
    amble__packet_payload(reply)[0] = AMBLE__SMP_FAILED;
    amble__packet_payload(reply)[1] = reason;
    reply->size = 2;
    amble__trace_at(&conn->hci->trace, SMP_SENT, conn->handle, amble__packet_payload(reply), 2);
    amble__l2cap_send(conn, AMBLE__CID_SECURITY, reply);
}

/* What the other side is told: the reason, when it is one of the Security Manager's. */
static uint8_t reason_of(int result) { return -result >> 8 == 3 ? (uint8_t)(-result & 0xff) : AMBLE__SMP_UNSPECIFIED; }

void amble__pairing_end(amble__pairing *p, int result, bool tell)
{
    amble__smp_link *link = p->link;

    if (!link)
        return;
    amble__timer_stop(&p->timer);
    if (result < 0 && tell)
        amble__smp_refuse(link->conn, reason_of(result));
    amble__smp_count_attempt(p->smp, link->conn->peer_address, result, p->proving && p->has_passkey);
    amble__prompt_withdraw(p);
    amble__prompt_tell(link, AMBLE_PROMPT_DONE, result);
    p->over = result < 0 ? result : AMBLE_ERR_STALE;
    p->link = NULL;
    link->pairing = NULL;
    link->has_options = false;
    if (!p->initiator && !p->served)
        p->used = false;
    forget_agreement(p);
    amble__cipher_release(&p->smp->cipher, &p->over);
    amble__waiters_end(&p->events, 0);
    amble__waiters_end(&link->changed, result);
}

/* --- sending ------------------------------------------------------------------------------------------------------ */
static amble__packet *free_packet(amble__pairing *p, size_t size)
{
    for (int i = 0; i < AMBLE__SMP_SHORT_PACKETS && size < AMBLE__SMP_SHORT_PDU; i++)
        if (!p->short_packets[i].busy)
            return &p->short_packets[i];
    return p->long_packet.busy ? NULL : &p->long_packet;
}

void amble__pairing_send(amble__pairing *p, uint8_t code, const void *data, size_t size)
{
    amble__packet *packet = free_packet(p, size);
    amble_connection *conn;
    uint8_t *payload;

    if (!p->link)
        return; /* the link was lost with the packet before this one */
    conn = p->link->conn;
    if (!packet) { /* only a controller that sends nothing lets it come to this: the timer ends the pairing */
        p->smp->malformed++;
        return;
    }
    payload = amble__packet_payload(packet);
    payload[0] = code;
    if (size)
        memcpy(payload + 1, data, size);
    packet->size = (uint16_t)(1 + size);
    restart_timer(p);
    /* Secrets are not traced: of most PDUs only the code. */
    amble__trace_at(&conn->hci->trace, SMP_SENT, conn->handle, payload,
                    code <= AMBLE__SMP_PAIRING_RESPONSE ? packet->size : 1);
    amble__l2cap_send(conn, AMBLE__CID_SECURITY, packet);
}

/* --- features, 3.5.1 and 3.5.2 ------------------------------------------------------------------------------------ */
void amble__pairing_offer(const amble__pairing *p, uint8_t features[AMBLE__SMP_FEATURES])
{
    const amble_pair_options *o = &p->options;
    uint8_t keys = o->no_bond ? 0 : AMBLE__SMP_KEY_ENCRYPTION | AMBLE__SMP_KEY_IDENTITY | AMBLE__SMP_KEY_SIGNING;

    features[0] = p->initiator ? AMBLE__SMP_PAIRING_REQUEST : AMBLE__SMP_PAIRING_RESPONSE;
    features[AMBLE__SMP_IO] = amble__smp_io_number(o->io);
    features[AMBLE__SMP_OOB] = p->has_peer_data;
    features[AMBLE__SMP_AUTH] =
        (uint8_t)((o->no_bond ? 0 : AMBLE__SMP_AUTH_BOND) | (o->mitm ? AMBLE__SMP_AUTH_MITM : 0) |
                  (o->legacy_only ? 0 : AMBLE__SMP_AUTH_SECURE));
    features[AMBLE__SMP_SIZE] = most_key_size(o);
    features[AMBLE__SMP_KEYS] = features[AMBLE__SMP_KEYS + 1] = keys;
    if (p->initiator)
        return;
    /* A response takes away from the request, it adds nothing. */
    features[AMBLE__SMP_KEYS] &= p->sides.request[AMBLE__SMP_KEYS];
    features[AMBLE__SMP_KEYS + 1] &= p->sides.request[AMBLE__SMP_KEYS + 1];
    if (!(p->sides.request[AMBLE__SMP_AUTH] & AMBLE__SMP_AUTH_BOND_MASK))
        features[AMBLE__SMP_AUTH] &= (uint8_t)~AMBLE__SMP_AUTH_BOND_MASK;
}

static bool features_good(const uint8_t *features)
{
    enum { LAST_IO = 4 };

    return features[AMBLE__SMP_IO] <= LAST_IO && features[AMBLE__SMP_OOB] <= 1 &&
           features[AMBLE__SMP_SIZE] >= LEAST_KEY_SIZE && features[AMBLE__SMP_SIZE] <= DEFAULT_KEY_SIZE;
}

/* A bond is replaced only by one that is at least as good: else whoever claims to be a peer could lower its guard. */
bool amble__pairing_weakens(const amble__pairing *p, amble_device peer)
{
    const amble__bond *bond = amble__smp_bond(p->smp, peer);

    return bond && ((bond->authenticated && !p->authenticated) || (bond->secure_connections && !p->secure) ||
                    bond->key_size > p->key_size);
}

int amble__pairing_agree(amble__pairing *p)
{
    const uint8_t *request = p->sides.request, *response = p->sides.response;
    const amble_pair_options *o = &p->options;
    uint8_t of_initiator, of_responder;

    if (!features_good(request) || !features_good(response) ||
        (response[AMBLE__SMP_KEYS] & ~request[AMBLE__SMP_KEYS]) ||
        (response[AMBLE__SMP_KEYS + 1] & ~request[AMBLE__SMP_KEYS + 1]))
        return AMBLE_ERR_SMP(AMBLE__SMP_INVALID_PARAMETERS);
    p->key_size =
        request[AMBLE__SMP_SIZE] < response[AMBLE__SMP_SIZE] ? request[AMBLE__SMP_SIZE] : response[AMBLE__SMP_SIZE];
    if (p->key_size < least_key_size(o))
        return AMBLE_ERR_SMP(AMBLE__SMP_KEY_SIZE);
    p->secure = amble__smp_both_secure(request, response);
    p->method = amble__smp_choose(request, response, p->initiator);
    p->authenticated = p->method != AMBLE__METHOD_JUST_WORKS;
    p->bonding = request[AMBLE__SMP_AUTH] & response[AMBLE__SMP_AUTH] & AMBLE__SMP_AUTH_BOND_MASK;
    if ((o->mitm && !p->authenticated) || (o->secure_only && !p->secure) ||
        amble__pairing_weakens(p, p->link->conn->device))
        return AMBLE_ERR_SMP(AMBLE__SMP_AUTHENTICATION);
    if (p->method != AMBLE__METHOD_OUT_OF_BAND) { /* what came out of band has no part in the other methods */
        memset(p->secret.temporary, 0, sizeof p->secret.temporary);
        memset(p->secret.peer_r, 0, sizeof p->secret.peer_r);
        p->has_peer_data = false;
    }
    of_initiator = response[AMBLE__SMP_KEYS];
    of_responder = response[AMBLE__SMP_KEYS + 1];
    p->own_keys = p->initiator ? of_initiator : of_responder;
    p->peer_keys = p->initiator ? of_responder : of_initiator;
    /* Secure Connections makes the encryption key itself; keys for BR/EDR are not ours. */
    p->own_keys &= AMBLE__SMP_KEY_IDENTITY | AMBLE__SMP_KEY_SIGNING | (p->secure ? 0 : AMBLE__SMP_KEY_ENCRYPTION);
    p->peer_keys &= AMBLE__SMP_KEY_IDENTITY | AMBLE__SMP_KEY_SIGNING | (p->secure ? 0 : AMBLE__SMP_KEY_ENCRYPTION);
    return 0;
}

amble__link_security amble__pairing_level(const amble__pairing *p)
{
    return (amble__link_security){.encrypted = true,
                                  .authenticated = p->authenticated,
                                  .secure_connections = p->secure,
                                  .bonded = false, /* until all keys are there, amble__transfer_keep */
                                  .key_size = p->key_size};
}

/* --- computing: the pairing may be over, and its secrets wiped, when the controller has answered ----------------- */
static int ended_or(const amble__pairing *p, int r) { return p->over < 0 ? p->over : r; }

/* --- public keys -------------------------------------------------------------------------------------------------- */
/* The pair that went out of band, when the other side has it, and the controller, too. Used once. */
static bool take_out_of_band(amble__pairing *p)
{
    const uint8_t *peer_features = p->initiator ? p->sides.response : p->sides.request;
    amble__smp *smp = p->smp;

    if (p->method != AMBLE__METHOD_OUT_OF_BAND || !peer_features[AMBLE__SMP_OOB] || !smp->oob.ready)
        return false;
    memcpy(p->secret.own_private, smp->oob.own_private, sizeof p->secret.own_private);
    memcpy(p->secret.own_public, smp->oob.own_public, sizeof p->secret.own_public);
    memcpy(p->secret.own_r, smp->oob.random, sizeof p->secret.own_r);
    amble__wipe(&smp->oob, sizeof smp->oob);
    return true;
}

/* A pair of its own for every pairing. */
int amble__pairing_own_key(amble__pairing *p)
{
    amble__cipher *cipher = &p->smp->cipher;
    uint8_t own_private[AMBLE__CIPHER_SECRET], own_public[AMBLE__CIPHER_POINT];
    int r;

    if (p->has_own_public)
        return 0;
    p->has_own_public = true;
    r = amble__cipher_own(cipher, &p->over);
    if (r < 0 || take_out_of_band(p))
        return r;
    if (amble__cipher_waits(cipher)) /* what went out of band is about to be replaced */
        amble__wipe(&p->smp->oob, sizeof p->smp->oob);
    r = ended_or(p, amble__cipher_generate(cipher, &p->over, own_private, own_public));
    if (r >= 0) {
        memcpy(p->secret.own_private, own_private, sizeof own_private);
        memcpy(p->secret.own_public, own_public, sizeof own_public);
    }
    amble__wipe(own_private, sizeof own_private);
    return r;
}

/* Keys that give the secret away: our own sent back, and the debug key (2.3.5.6.1). */
static bool peer_key_refused(const amble__pairing *p)
{
    static const uint8_t debug_x[COORDINATE] = {0xe6, 0x9d, 0x35, 0x0e, 0x48, 0x01, 0x03, 0xcc, 0xdb, 0xfd, 0xf4,
                                                0xac, 0x11, 0x91, 0xf4, 0xef, 0xb9, 0xa5, 0xf9, 0xe9, 0xa7, 0x83,
                                                0x2c, 0x5e, 0x2c, 0xbe, 0x97, 0xf2, 0xd2, 0x03, 0xb0, 0x20};

    return memcmp(p->secret.peer_public, p->secret.own_public, COORDINATE) == 0 ||
           memcmp(p->secret.peer_public, debug_x, COORDINATE) == 0;
}

int amble__pairing_shared_key(amble__pairing *p)
{
    amble__cipher *cipher = &p->smp->cipher;
    uint8_t shared[AMBLE__CIPHER_SECRET];
    int r;

    if (peer_key_refused(p))
        return AMBLE_ERR_SMP(AMBLE__SMP_INVALID_PARAMETERS);
    r = ended_or(p, amble__cipher_share(cipher, &p->over, p->secret.own_private, p->secret.peer_public, shared));
    if (r >= 0)
        memcpy(p->secret.dhkey, shared, sizeof shared);
    amble__wipe(shared, sizeof shared);
    amble__cipher_release(cipher, &p->over);
    return r == AMBLE_ERR_ARGUMENT ? AMBLE_ERR_SMP(AMBLE__SMP_INVALID_PARAMETERS) : r; /* not on the curve */
}

/* --- passkey, randoms, confirm values ----------------------------------------------------------------------------- */
void amble__pairing_set_passkey(amble__pairing *p, uint32_t passkey)
{
    p->has_passkey = true;
    p->passkey = passkey;
    amble__put_le32(p->secret.temporary, passkey);
    amble__put_le32(p->secret.own_r, passkey);
    amble__put_le32(p->secret.peer_r, passkey);
}

int amble__pairing_draw(const amble__pairing *p, void *bytes, size_t size)
{
    return ended_or(p, amble__cipher_random(&p->smp->cipher, bytes, size));
}

int amble__pairing_new_random(amble__pairing *p)
{
    uint8_t random[RANDOM];
    int r;

    p->proving = true;
    r = amble__pairing_draw(p, random, sizeof random);
    if (r >= 0)
        memcpy(p->secret.own_random, random, sizeof random);
    return r;
}

int amble__pairing_confirm(const amble__pairing *p, bool own, uint8_t confirm[16])
{
    const amble__cipher *cipher = &p->smp->cipher;
    const uint8_t *random = own ? p->secret.own_random : p->secret.peer_random;
    const uint8_t *mine = own ? p->secret.own_public : p->secret.peer_public;
    const uint8_t *other = own ? p->secret.peer_public : p->secret.own_public;
    uint8_t z = 0;

    if (!p->secure)
        return ended_or(p, amble__toolbox_c1(cipher, p->secret.temporary, random, &p->sides, confirm));
    if (p->has_passkey) /* one bit each round, 2.3.5.6.3 */
        z = (uint8_t)(0x80 | (p->passkey >> p->round & 1u));
    return ended_or(p, amble__toolbox_f4(cipher, mine, other, random, z, confirm));
}

int amble__pairing_verify(const amble__pairing *p)
{
    uint8_t expected[16];
    int r = amble__pairing_confirm(p, false, expected);

    if (r == 0 && !amble__equal_constant_time(expected, p->secret.peer_confirm, sizeof expected))
        r = AMBLE_ERR_SMP(AMBLE__SMP_CONFIRM_FAILED);
    amble__wipe(expected, sizeof expected);
    return r;
}

/* 2.3.5.6.4; a side that was not given the other's data takes zero for its random. */
int amble__pairing_verify_oob(const amble__pairing *p)
{
    const uint8_t *key = p->secret.peer_public;
    uint8_t expected[16];
    int r;

    if (!p->has_peer_data)
        return 0;
    r = ended_or(p, amble__toolbox_f4(&p->smp->cipher, key, key, p->secret.peer_r, 0, expected));
    if (r == 0 && !amble__equal_constant_time(expected, p->secret.peer_confirm, sizeof expected))
        r = AMBLE_ERR_SMP(AMBLE__SMP_CONFIRM_FAILED);
    return r;
}

/* --- keys --------------------------------------------------------------------------------------------------------- */
/* The key of the link: the STK, or the LTK. 2.3.4: a shorter key has zeros on top. */
int amble__pairing_derive(amble__pairing *p)
{
    const amble__cipher *cipher = &p->smp->cipher;
    const uint8_t *of_initiator = p->initiator ? p->secret.own_random : p->secret.peer_random;
    const uint8_t *of_responder = p->initiator ? p->secret.peer_random : p->secret.own_random;
    struct {
        uint8_t mac_key[16], key[16];
    } derived = {{0}, {0}};
    int r;

    if (p->secure)
        r = amble__toolbox_f5(cipher, p->secret.dhkey, of_initiator, of_responder, p->sides.initiator,
                              p->sides.responder, derived.mac_key, derived.key);
    else
        r = amble__toolbox_s1(cipher, p->secret.temporary, of_responder, of_initiator, derived.key);
    for (size_t i = p->key_size; i < sizeof derived.key; i++)
        derived.key[i] = 0;
    r = ended_or(p, r);
    if (r >= 0) {
        memcpy(p->secret.mac_key, derived.mac_key, sizeof derived.mac_key);
        memcpy(p->secret.key, derived.key, sizeof derived.key);
    }
    amble__wipe(&derived, sizeof derived);
    return r;
}

int amble__pairing_check(const amble__pairing *p, bool own, uint8_t check[16])
{
    const bool of_initiator = own == p->initiator;
    const amble__toolbox_check values = {
        .n1 = own ? p->secret.own_random : p->secret.peer_random,
        .n2 = own ? p->secret.peer_random : p->secret.own_random,
        .r = own ? p->secret.peer_r : p->secret.own_r,
        .io_cap = (of_initiator ? p->sides.request : p->sides.response) + AMBLE__SMP_IO,
        .a1 = of_initiator ? p->sides.initiator : p->sides.responder,
        .a2 = of_initiator ? p->sides.responder : p->sides.initiator,
    };

    return ended_or(p, amble__toolbox_f6(&p->smp->cipher, p->secret.mac_key, &values, check));
}

int amble__pairing_digits(const amble__pairing *p, uint32_t *digits)
{
    const amble__cipher *cipher = &p->smp->cipher;
    const uint8_t *own = p->secret.own_public, *peer = p->secret.peer_public;

    return ended_or(p, p->initiator
                           ? amble__toolbox_g2(cipher, own, peer, p->secret.own_random, p->secret.peer_random, digits)
                           : amble__toolbox_g2(cipher, peer, own, p->secret.peer_random, p->secret.own_random, digits));
}
